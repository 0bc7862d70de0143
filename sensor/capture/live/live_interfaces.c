#include "capture/live/live_interfaces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/live/card_drops.h"
#include "capture/live/interface_table.h"
#include "capture/source.h"

enum {
    NAME_MAX_BYTES = 256,
    RETIRE_MICROSECONDS =
        5000000,                  /* frames of an interface that went away may wait in the ring for as long */
    CARDS_MICROSECONDS = 1000000, /* between two looks at the cards' counters */
};

/* An interface that went away: its frames may still wait in a ring. */
struct retired {
    uint32_t index;
    int64_t at;
};

struct live_interfaces {
    struct interface_rules *rules;
    struct interface_table *table; /* NULL: it failed, and nothing is followed */
    struct interface_slots *slots;
    struct card_drops *cards;
    enum capture_scope scope;
    bool is_one;
    bool started; /* changes are told */
    bool changed; /* the list, since it was looked at */
    void (*up)(const struct interface_link *link, void *context);
    void *up_context;
    uint32_t indices[INTERFACES_MAX]; /* sorted */
    size_t count;
    uint32_t wanted[INTERFACES_MAX]; /* of these */
    size_t captured;                 /* how many the list had when it was last asked for */
    uint64_t left_out;               /* how often the list had no room */
    struct retired retired[INTERFACES_MAX];
    size_t retired_count;
    int64_t cards_looked;
    char name[NAME_MAX_BYTES];
};

/* The list. */

static size_t place_of(const struct live_interfaces *interfaces, uint32_t index) {
    size_t place = 0;
    while (place < interfaces->count && interfaces->indices[place] < index)
        place++;
    return place;
}

static bool is_listed(const struct live_interfaces *interfaces, uint32_t index) {
    size_t place = place_of(interfaces, index);
    return place < interfaces->count && interfaces->indices[place] == index;
}

static void leave_out(struct live_interfaces *interfaces) {
    if (interfaces->left_out++ == 0)
        log_line(
            LOG_WARNING,
            "more than %d interfaces are chosen, and the rest is not captured; choose fewer by capture.interfaces or capture.scope",
            INTERFACES_MAX);
}

static void list_add(struct live_interfaces *interfaces, uint32_t index) {
    size_t place = place_of(interfaces, index);
    if (is_listed(interfaces, index))
        return;
    if (interfaces->count == INTERFACES_MAX) {
        leave_out(interfaces);
        return;
    }
    memmove(&interfaces->indices[place + 1], &interfaces->indices[place],
            (interfaces->count - place) * sizeof *interfaces->indices);
    interfaces->indices[place] = index;
    interfaces->count++;
    interfaces->changed = true;
}

/* One that was away before, not long ago, is away since now. */
static void retire_later(struct live_interfaces *interfaces, uint32_t index) {
    size_t place = 0;
    while (place < interfaces->retired_count && interfaces->retired[place].index != index)
        place++;
    if (place == INTERFACES_MAX) {
        interface_slots_retire(interfaces->slots, index);
        return;
    }
    interfaces->retired[place] = (struct retired){index, clock_monotonic()};
    if (place == interfaces->retired_count)
        interfaces->retired_count++;
}

static void list_remove(struct live_interfaces *interfaces, uint32_t index) {
    size_t place = place_of(interfaces, index);
    if (!is_listed(interfaces, index))
        return;
    interfaces->count--;
    memmove(&interfaces->indices[place], &interfaces->indices[place + 1],
            (interfaces->count - place) * sizeof *interfaces->indices);
    interfaces->changed = true;
    retire_later(interfaces, index);
}

/* Those that have been away for long enough; one that is there again keeps its slot. */
static void retire_old(struct live_interfaces *interfaces, int64_t now) {
    size_t kept = 0;
    for (size_t i = 0; i < interfaces->retired_count; i++) {
        if (now - interfaces->retired[i].at < RETIRE_MICROSECONDS)
            interfaces->retired[kept++] = interfaces->retired[i];
        else if (!is_listed(interfaces, interfaces->retired[i].index))
            interface_slots_retire(interfaces->slots, interfaces->retired[i].index);
    }
    interfaces->retired_count = kept;
}

const struct interface_link *live_interfaces_link(const struct live_interfaces *interfaces, uint32_t index) {
    const struct interface *interface =
        interfaces->table != NULL ? interface_table_find(interfaces->table, index) : NULL;
    return interface != NULL ? &interface->link : NULL;
}

/* What crosses a VLAN device or a bridge crosses the card below it too: the card has all of it. */
static bool stands_on_another(const struct live_interfaces *interfaces, const struct interface_link *link) {
    for (size_t i = 0; link != NULL && i < interfaces->count; i++) {
        const struct interface_link *other = live_interfaces_link(interfaces, interfaces->indices[i]);
        if (other != NULL && other->index != link->index &&
            (other->master == link->index || (link->lower == other->index && !link->lower_elsewhere)))
            return true;
    }
    return false;
}

const uint32_t *live_interfaces_list(struct live_interfaces *interfaces, size_t *count) {
    bool all = interfaces->scope != CAPTURE_SCOPE_UPLINK;
    *count = all ? interfaces->count : 0;
    for (size_t i = 0; !all && i < interfaces->count; i++)
        if (!stands_on_another(interfaces, live_interfaces_link(interfaces, interfaces->indices[i])))
            interfaces->wanted[(*count)++] = interfaces->indices[i];
    interfaces->captured = *count;
    return all ? interfaces->indices : interfaces->wanted;
}

/* Changes. */

/* Pods come and go all day: that is told to those who want to know much. */
static void tell_change(const struct live_interfaces *interfaces, enum interface_change change,
                        const struct interface *interface) {
    static const char *const said[] = {
        [INTERFACE_APPEARED] = "is there and captured",
        [INTERFACE_VANISHED] = "went away; capturing goes on when it is back",
        [INTERFACE_UP] = "is up",
        [INTERFACE_DOWN] = "is down",
        [INTERFACE_CHANGED] = "has changed",
    };
    bool pod = interface->role == INTERFACE_pod && !interfaces->is_one;
    if (interfaces->started)
        log_line(pod || change == INTERFACE_CHANGED ? LOG_DEBUG
                 : change == INTERFACE_VANISHED     ? LOG_WARNING
                                                    : LOG_INFO,
                 "the interface %s (%s) %s", interface->link.name, interface_role_name(interface->role),
                 said[change]);
}

static bool is_in_scope(const struct live_interfaces *interfaces, enum interface_role role) {
    return interfaces->scope == CAPTURE_SCOPE_ALL ||
           role == (interfaces->scope == CAPTURE_SCOPE_UPLINK ? INTERFACE_uplink : INTERFACE_pod);
}

static void see_change(enum interface_change change, const struct interface *interface, void *context) {
    struct live_interfaces *interfaces = context;
    if (!is_in_scope(interfaces, interface->role)) {
        /* Its role may have been another before: the default route has moved. */
        list_remove(interfaces, interface->link.index);
        card_drops_remove(interfaces->cards, interface->link.index);
        return;
    }
    tell_change(interfaces, change, interface);
    if (change == INTERFACE_VANISHED) {
        list_remove(interfaces, interface->link.index);
        card_drops_remove(interfaces->cards, interface->link.index);
        return;
    }
    interface_slots_publish(interfaces->slots, &interface->link, interface->role);
    list_add(interfaces, interface->link.index);
    /* It may have become a port of another one, or ceased to be. */
    interfaces->changed = interfaces->changed || interfaces->scope == CAPTURE_SCOPE_UPLINK;
    card_drops_add(interfaces->cards, interface);
    if (interfaces->up != NULL && interface->link.up)
        interfaces->up(&interface->link, interfaces->up_context);
}

bool live_interfaces_look(struct live_interfaces *interfaces,
                          void (*up)(const struct interface_link *link, void *context), void *context) {
    int64_t now = clock_monotonic();
    interfaces->changed = false;
    interfaces->up = up;
    interfaces->up_context = context;
    if (interfaces->table != NULL && interface_table_poll(interfaces->table, see_change, interfaces) < 0) {
        log_line(LOG_ERROR, "the kernel doesn't tell of interfaces any more; new ones are not captured");
        interface_table_close(interfaces->table);
        interfaces->table = NULL;
    }
    retire_old(interfaces, now);
    if (now - interfaces->cards_looked >= CARDS_MICROSECONDS) {
        card_drops_look(interfaces->cards);
        interfaces->cards_looked = now;
    }
    return interfaces->changed;
}

int live_interfaces_descriptor(const struct live_interfaces *interfaces) {
    return interfaces->table != NULL ? interface_table_descriptor(interfaces->table) : -1;
}

bool live_interfaces_named(const struct live_interfaces *interfaces, const struct interface_link *link) {
    return interface_rules_name(interfaces->rules, link);
}

bool live_interfaces_is_one(const struct live_interfaces *interfaces) {
    return interfaces->is_one;
}

const char *live_interfaces_name(const struct live_interfaces *interfaces) {
    return interfaces->name;
}

const struct interface_slots *live_interfaces_slots(const struct live_interfaces *interfaces) {
    return interfaces->slots;
}

uint64_t live_interfaces_dropped(const struct live_interfaces *interfaces) {
    return card_drops_sum(interfaces->cards);
}

void live_interfaces_visit_cards(const struct live_interfaces *interfaces, capture_card_visit *visit,
                                 void *context) {
    card_drops_tell(interfaces->cards, visit, context);
}

void live_interfaces_count(const struct live_interfaces *interfaces, struct capture_statistics *statistics) {
    struct interface_table_statistics table = {0};
    if (interfaces->table != NULL)
        interface_table_statistics(interfaces->table, &table);
    statistics->interfaces_captured = interfaces->captured;
    statistics->interface_overruns = table.overruns;
    statistics->interfaces_left_out = table.left_out + interfaces->left_out;
}

/* The start. */

bool capture_of_one_interface(const struct capture_options *options) {
    const char *word = options->interfaces[0];
    return options->interface_count == 1 && strpbrk(word, "*?[!") == NULL && strcmp(word, "any") != 0;
}

/* Whether the table had no room or memory for one that the kernel told of: it may be the one that is meant. */
static bool knows_all(const struct live_interfaces *interfaces) {
    struct interface_table_statistics statistics;
    interface_table_statistics(interfaces->table, &statistics);
    return statistics.left_out == 0;
}

static int check_one(const struct live_interfaces *interfaces, const char *word, struct error *error) {
    if (interfaces->count == 0 && !knows_all(interfaces))
        return error_set(error, ENOMEM, EX_OSERR,
                         "no memory for all interfaces of this host, so %s can't be found", word);
    if (interfaces->count == 0 && strcmp(word, "auto") == 0)
        return error_set(error, ENODEV, EX_NOINPUT,
                         "no default route, so interface \"auto\" can't be chosen; name an interface");
    if (interfaces->count == 0 && if_nametoindex(word) != 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "the interface %s is left out by capture.scope; capture.roles can give it another role", word);
    if (interfaces->count == 0)
        return source_no_such_interface(word, error);
    const struct interface_link *link = live_interfaces_link(interfaces, interfaces->indices[0]);
    if (!link->up)
        return error_set(error, ENETDOWN, EX_NOINPUT, "the interface %s is down; ip link set %s up",
                         link->name, link->name);
    return 0;
}

static void add_to_name(struct live_interfaces *interfaces, const char *word) {
    size_t used = strlen(interfaces->name);
    snprintf(interfaces->name + used, sizeof interfaces->name - used, "%s%s", used > 0 ? "," : "", word);
}

/* Of `auto` the names: one, or two if IPv4 and IPv6 have different default routes. */
static void make_name(struct live_interfaces *interfaces, const struct capture_options *options) {
    for (size_t i = 0; interfaces->is_one && i < interfaces->count; i++)
        add_to_name(interfaces, live_interfaces_link(interfaces, interfaces->indices[i])->name);
    for (size_t i = 0; !interfaces->is_one && i < options->interface_count; i++)
        add_to_name(interfaces, options->interfaces[i]);
}

static int choose(struct live_interfaces *interfaces, const struct capture_options *options,
                  struct error *error) {
    interfaces->scope = options->scope;
    interfaces->is_one = capture_of_one_interface(options);
    interfaces->slots = interface_slots_create();
    interfaces->cards = card_drops_create();
    if (interfaces->slots == NULL || interfaces->cards == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to capture on %s", options->interfaces[0]);
    int result = interface_rules_create(options->interfaces, options->interface_count, options->roles,
                                        options->role_count, &interfaces->rules, error);
    if (result == 0)
        result = interface_table_open(interfaces->rules, &interfaces->table, error);
    if (result == 0 && interface_table_poll(interfaces->table, see_change, interfaces) < 0)
        result = error_set(error, EIO, EX_OSERR, "the kernel doesn't tell which interfaces there are");
    if (result == 0 && interfaces->is_one)
        result = check_one(interfaces, options->interfaces[0], error);
    return result;
}

int live_interfaces_open(const struct capture_options *options, struct live_interfaces **opened,
                         struct error *error) {
    struct live_interfaces *interfaces = calloc(1, sizeof *interfaces);
    if (interfaces == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to capture on %s", options->interfaces[0]);
    int result = choose(interfaces, options, error);
    if (result < 0) {
        live_interfaces_close(interfaces);
        return result;
    }
    make_name(interfaces, options);
    interfaces->started = true;
    *opened = interfaces;
    return 0;
}

void live_interfaces_close(struct live_interfaces *interfaces) {
    if (interfaces == NULL)
        return;
    interface_table_close(interfaces->table);
    interface_rules_destroy(interfaces->rules);
    interface_slots_destroy(interfaces->slots);
    card_drops_destroy(interfaces->cards);
    free(interfaces);
}
