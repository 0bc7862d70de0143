#include "capture/live/interface_table.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "capture/live/interface_entries.h"
#include "capture/live/interface_message.h"
#include "capture/live/interface_socket.h"

enum {
    TABLE_MAGIC = 0x11f7ab1e,
    DATAGRAM_SIZE = 64 << 10,      /* the kernel sends at most half of that */
    READS_MAX = 256,               /* datagrams in one call */
    ASK_MICROSECONDS = 200000,     /* between two rounds of dumps */
    ANSWER_MICROSECONDS = 2000000, /* without an answer the round begins again */
    OPEN_MICROSECONDS = 5000000,
};

/* Interfaces that the default routes with the lowest metric take. */
struct ways {
    uint32_t metric, count;
    uint32_t index[INTERFACE_WAYS_MAX];
};

/* A round asks for the links and then for the routes, or only for these. */
enum asking { ASKING_NOTHING, ASKING_LINKS, ASKING_ROUTES_4, ASKING_ROUTES_6 };

struct interface_table {
    uint32_t magic;
    const struct interface_rules *rules;
    struct interface_socket socket;
    struct interface_entries entries;
    enum asking asking;
    uint32_t round;
    bool wants_links, wants_routes, is_complete;
    int64_t asked, answered;           /* monotonic: when the round began, when it last went on */
    struct ways ways[2], next_ways[2]; /* IPv4, IPv6; those of the dump that is being read */
    bool is_changed;
    struct interface_table_statistics statistics;
    uint8_t datagram[DATAGRAM_SIZE];
};

static bool is_way(const struct ways *ways, uint32_t index) {
    for (uint32_t i = 0; i < ways->count; i++)
        if (ways->index[i] == index)
            return true;
    return false;
}

static bool is_default(const struct interface_table *table, uint32_t index) {
    return is_way(&table->ways[0], index) || is_way(&table->ways[1], index);
}

/* ---- what the kernel says ---- */

static void mark(struct interface_table *table, struct interface_entry *entry) {
    entry->is_changed = true;
    table->is_changed = true;
    /* With a device that goes down the kernel takes routes away and doesn't say so. */
    if (is_default(table, entry->link.index) && (!entry->present || !entry->link.up))
        table->wants_routes = true;
}

static void entry_lose(struct interface_table *table, struct interface_entry *entry) {
    entry->present = false;
    entry->is_another = true;
    mark(table, entry);
}

/* While a veth is deleted it has no other end any more, and is told so on its way down. It is what it was until it is gone. */
static void keep_other_end(struct interface_link *link, const struct interface_link *before) {
    if (strcmp(link->kind, "veth") != 0 || link->lower != 0)
        return;
    link->lower = before->lower;
    link->lower_elsewhere = before->lower_elsewhere;
}

/* What a message of its own says is newer than what the running dump says. */
static void take_link(struct interface_table *table, const struct interface_link *link, bool is_answer) {
    struct interface_entry *entry = interface_entries_obtain(&table->entries, link->index);
    if (entry == NULL)
        table->statistics.left_out++;
    if (entry == NULL || (is_answer && entry->round == table->round))
        return;
    struct interface_link before = entry->link;
    entry->link = *link;
    if (entry->present)
        keep_other_end(&entry->link, &before);
    entry->present = true;
    entry->round = table->round;
    mark(table, entry);
}

/* While links are dumped, it is noted of any link, since the dump may still say that it is there. */
static void take_gone(struct interface_table *table, uint32_t index) {
    struct interface_entry *entry = table->asking == ASKING_LINKS
                                        ? interface_entries_obtain(&table->entries, index)
                                        : interface_entries_find(&table->entries, index);
    if (entry == NULL)
        return;
    entry->round = table->round;
    entry_lose(table, entry);
}

static void take_route(struct interface_table *table, const struct interface_route *route) {
    struct ways *ways = &table->next_ways[route->is_ipv6];
    if (ways->count > 0 && route->metric > ways->metric)
        return;
    if (route->metric < ways->metric)
        ways->count = 0;
    ways->metric = route->metric;
    for (uint32_t i = 0; i < route->way_count && ways->count < INTERFACE_WAYS_MAX; i++)
        if (!is_way(ways, route->ways[i]))
            ways->index[ways->count++] = route->ways[i];
}

static void sweep_links(struct interface_table *table) {
    for (size_t i = 0; i < table->entries.count; i++)
        if (table->entries.entry[i].present && table->entries.entry[i].round != table->round)
            entry_lose(table, &table->entries.entry[i]);
}

static void use_routes(struct interface_table *table) {
    for (size_t i = 0; i < table->entries.count; i++) {
        struct interface_entry *entry = &table->entries.entry[i];
        bool was = is_default(table, entry->link.index);
        bool is = is_way(&table->next_ways[0], entry->link.index) ||
                  is_way(&table->next_ways[1], entry->link.index);
        entry->is_changed = entry->is_changed || was != is;
        table->is_changed = table->is_changed || was != is;
    }
    memcpy(table->ways, table->next_ways, sizeof table->ways);
}

/* ---- rounds of dumps ---- */

static void ask(struct interface_table *table, enum asking asking) {
    enum interface_dump dump = asking == ASKING_LINKS      ? INTERFACE_DUMP_LINKS
                               : asking == ASKING_ROUTES_4 ? INTERFACE_DUMP_ROUTES_4
                                                           : INTERFACE_DUMP_ROUTES_6;
    table->asking = asking;
    table->answered = clock_monotonic();
    table->statistics.dumps++;
    if (interface_socket_ask(&table->socket, dump) < 0) {
        table->asking = ASKING_NOTHING;
        table->wants_links = table->wants_links || asking == ASKING_LINKS;
        table->wants_routes = true;
    }
}

static void begin_round(struct interface_table *table) {
    bool links = table->wants_links;
    table->asked = clock_monotonic();
    table->wants_links = table->wants_routes = false;
    memset(table->next_ways, 0, sizeof table->next_ways);
    if (links)
        table->round++;
    ask(table, links ? ASKING_LINKS : ASKING_ROUTES_4);
}

/* A refused dump counts as an empty one of routes: there may be no IPv6. */
static void end_dump(struct interface_table *table, enum interface_message_type type) {
    switch (table->asking) {
    case ASKING_NOTHING: break;
    case ASKING_LINKS:
        table->wants_links = table->wants_links || type == INTERFACE_MESSAGE_REFUSED;
        if (!table->wants_links)
            sweep_links(table);
        ask(table, ASKING_ROUTES_4);
        break;
    case ASKING_ROUTES_4: ask(table, ASKING_ROUTES_6); break;
    case ASKING_ROUTES_6:
        use_routes(table);
        table->asking = ASKING_NOTHING;
        table->is_complete = true;
        break;
    }
}

/* Milliseconds until the next round, or the next look at the present one; -1: none is wanted. */
static int milliseconds_left(const struct interface_table *table, int64_t now) {
    int64_t due = table->asked + ASK_MICROSECONDS;
    if (table->asking != ASKING_NOTHING)
        due = table->answered + ANSWER_MICROSECONDS;
    else if (!table->wants_links && !table->wants_routes)
        return -1;
    return due > now ? (int)((due - now + 999) / 1000) : 0;
}

static void ask_if_due(struct interface_table *table) {
    if (milliseconds_left(table, clock_monotonic()) != 0)
        return;
    table->wants_links = table->wants_links || table->asking == ASKING_LINKS;
    begin_round(table);
}

/* ---- messages ---- */

/* A dump of routes that was disturbed is good enough: if it was a default route, a message of its own follows. */
static void take_message(struct interface_table *table, const struct interface_message *message) {
    bool is_answer = message->port == table->socket.port && message->sequence == table->socket.sequence &&
                     table->asking != ASKING_NOTHING;
    if (is_answer) {
        table->answered = clock_monotonic();
        table->wants_links = table->wants_links || (message->inconsistent && table->asking == ASKING_LINKS);
    }
    switch (message->type) {
    case INTERFACE_MESSAGE_OTHER: break;
    case INTERFACE_MESSAGE_LINK: take_link(table, &message->link, is_answer); break;
    case INTERFACE_MESSAGE_LINK_GONE: take_gone(table, message->link.index); break;
    case INTERFACE_MESSAGE_ROUTE:
        if (is_answer)
            take_route(table, &message->route);
        else
            table->wants_routes = true;
        break;
    case INTERFACE_MESSAGE_ROUTE_GONE: table->wants_routes = table->wants_routes || !is_answer; break;
    case INTERFACE_MESSAGE_DONE:
    case INTERFACE_MESSAGE_REFUSED:
        if (is_answer)
            end_dump(table, message->type);
        break;
    }
}

static void take_datagram(struct interface_table *table, size_t length) {
    struct interface_message message;
    size_t taken = 0, one;
    while (taken < length &&
           (one = interface_message_parse(table->datagram + taken, length - taken, &message)) > 0) {
        table->statistics.messages++;
        take_message(table, &message);
        taken += one;
    }
    if (taken < length)
        table->statistics.refused++;
}

static int take_messages(struct interface_table *table) {
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t length = interface_socket_read(&table->socket, table->datagram, sizeof table->datagram);
        if (length == 0)
            return 0;
        if (length > 0)
            take_datagram(table, (size_t)length);
        else if (length == -EPERM)
            table->statistics.refused++;
        else if (length == -ENOBUFS) {
            table->statistics.overruns++;
            table->wants_links = table->wants_routes = true;
        } else
            return (int)length;
    }
    return 0;
}

/* ---- what the owner is told ---- */

static bool is_selected(const struct interface_table *table, const struct interface_entry *entry) {
    return entry->present && table->rules != NULL && interface_rules_select(table->rules, &entry->link);
}

static bool differs(const struct interface *a, const struct interface *b) {
    return a->role != b->role || a->link.mtu != b->link.mtu || a->link.master != b->link.master ||
           a->link.hardware != b->link.hardware || a->link.is_default_route != b->link.is_default_route;
}

static int tell_vanished(struct interface_table *table, interface_visit *visit, void *context) {
    int told = 0;
    for (size_t i = 0; i < table->entries.count; i++) {
        struct interface_entry *entry = &table->entries.entry[i];
        if (!entry->is_changed)
            continue;
        entry->link.is_default_route = entry->link.up && is_default(table, entry->link.index);
        if (entry->is_told && (entry->is_another || !is_selected(table, entry) ||
                               strcmp(entry->link.name, entry->told.link.name) != 0)) {
            entry->is_told = false;
            visit(INTERFACE_VANISHED, &entry->told, context);
            told++;
        }
        entry->is_another = false;
    }
    return told;
}

static int tell_present(struct interface_table *table, struct interface_entry *entry, interface_visit *visit,
                        void *context) {
    struct interface now = {.link = entry->link};
    enum interface_change change = INTERFACE_APPEARED;
    if (!is_selected(table, entry))
        return 0;
    now.role = interface_rules_role(table->rules, &entry->link);
    if (entry->is_told) {
        if (now.link.up != entry->told.link.up)
            change = now.link.up ? INTERFACE_UP : INTERFACE_DOWN;
        else if (differs(&now, &entry->told))
            change = INTERFACE_CHANGED;
        else
            return 0;
    }
    entry->told = now;
    entry->is_told = true;
    visit(change, &entry->told, context);
    return 1;
}

int interface_table_poll(struct interface_table *table, interface_visit *visit, void *context) {
    CHECK(IS_VALID(table, TABLE_MAGIC));
    int result = take_messages(table);
    if (result < 0)
        return result;
    ask_if_due(table);
    if (!table->is_changed)
        return 0;
    table->is_changed = false;
    result = tell_vanished(table, visit, context);
    for (size_t i = 0; i < table->entries.count; i++) {
        if (table->entries.entry[i].is_changed)
            result += tell_present(table, &table->entries.entry[i], visit, context);
        table->entries.entry[i].is_changed = false;
    }
    if (table->asking != ASKING_LINKS) /* see take_gone() */
        interface_entries_forget_gone(&table->entries);
    return result;
}

/* ---- the table ---- */

/* Reads until the first round is complete. */
static int wait_until_complete(struct interface_table *table) {
    int64_t end = clock_monotonic() + OPEN_MICROSECONDS;
    table->wants_links = true;
    begin_round(table);
    while (!table->is_complete) {
        struct pollfd readable = {.fd = table->socket.descriptor, .events = POLLIN};
        int result = take_messages(table);
        int milliseconds = milliseconds_left(table, clock_monotonic());
        if (result < 0)
            return result;
        if (clock_monotonic() > end)
            return -ETIMEDOUT;
        ask_if_due(table);
        if (!table->is_complete)
            poll(&readable, 1, milliseconds);
    }
    return 0;
}

int interface_table_open(const struct interface_rules *rules, struct interface_table **opened,
                         struct error *error) {
    struct interface_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory for the table of interfaces");
    table->magic = TABLE_MAGIC;
    table->rules = rules;
    int result = interface_socket_open(&table->socket);
    if (result == 0)
        result = wait_until_complete(table);
    if (result < 0) {
        interface_table_close(table);
        return error_set(error, -result, EX_OSERR,
                         "can't ask the kernel for its interfaces by netlink: %s; is the address family "
                         "AF_NETLINK allowed?",
                         strerror(-result));
    }
    *opened = table;
    return 0;
}

void interface_table_close(struct interface_table *table) {
    if (table == NULL)
        return;
    CHECK(IS_VALID(table, TABLE_MAGIC));
    interface_socket_close(&table->socket);
    interface_entries_free(&table->entries);
    MAGIC_CLEAR(table);
    free(table);
}

int interface_table_descriptor(const struct interface_table *table) {
    return table->socket.descriptor;
}

int interface_table_wait(const struct interface_table *table) {
    return milliseconds_left(table, clock_monotonic());
}

const struct interface *interface_table_find(const struct interface_table *table, uint32_t index) {
    const struct interface_entry *entry = interface_entries_find(&table->entries, index);
    return entry != NULL && entry->is_told ? &entry->told : NULL;
}

void interface_table_statistics(const struct interface_table *table,
                                struct interface_table_statistics *statistics) {
    *statistics = table->statistics;
}
