#include "meter/udps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "meter/udps_plugin.h"

enum { STATE_ALIGNMENT = 8 };

static int udps_no_memory(struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR, "udps: out of memory");
}

static int udps_refuse_form(const char *option, const char *entry, struct error *error) {
    return error_set(
        error, EINVAL, EX_CONFIG,
        "%s: \"%s\" is not of the form NAME=EXPRESSION with a name of letters, digits and _ (at most %d)",
        option, entry, UDPS_NAME_MAX);
}

static int udps_load_counter(struct udps_counter *counter, const char *entry, bool bytes,
                             struct error *error) {
    const char *option = bytes ? "udps.bytes" : "udps.packets";
    const char *equals = strchr(entry, '=');
    if (equals == NULL)
        return udps_refuse_form(option, entry, error);
    size_t length = (size_t)(equals - entry);
    while (length > 0 && entry[length - 1] == ' ')
        length--;
    if (!name_is_valid(entry, length, UDPS_NAME_MAX) || equals[1 + strspn(equals + 1, " ")] == '\0')
        return udps_refuse_form(option, entry, error);
    counter->bytes = bytes;
    counter->name = strdup(entry);
    if (counter->name == NULL)
        return udps_no_memory(error);
    counter->name[length] = '\0';
    counter->expression = counter->name + (equals - entry) + 1;
    counter->expression += strspn(counter->expression, " ");
    char reason[256] = "";
    int result = packet_filter_compile(counter->expression, &counter->filter, reason, sizeof reason);
    if (result == -ENOMEM)
        return udps_no_memory(error);
    return result < 0 ? error_set(error, EINVAL, EX_CONFIG,
                                  "%s: %s: \"%s\": %s; pcap-filter(7) describes expressions", option,
                                  counter->name, counter->expression, reason)
                      : 0;
}

static int udps_load_counters(struct udps *udps, const struct udps_list *list, bool bytes,
                              struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < list->count; i++)
        result = udps_load_counter(&udps->counters[udps->counter_count++], list->items[i], bytes, error);
    return result;
}

/* The next field, or NULL: no memory. */
static struct udps_field *udps_add_field(struct udps *udps) {
    struct udps_field *fields = realloc(udps->fields, (udps->field_count + 1) * sizeof *fields);
    if (fields == NULL)
        return NULL;
    udps->fields = fields;
    struct udps_field *field = &fields[udps->field_count++];
    *field = (struct udps_field){.unit = ""};
    return field;
}

static int udps_add_counter_fields(struct udps *udps, size_t source, struct error *error) {
    static const char *const prefixes[FLOW_DIRECTIONS] = {"", "src2dst_", "dst2src_"};
    static const char *const directions[FLOW_DIRECTIONS] = {"Both directions", "Source to destination",
                                                            "Destination to source"};
    const struct udps_counter *counter = &udps->counters[source];
    for (int direction = 0; direction < FLOW_DIRECTIONS; direction++) {
        struct udps_field *field = udps_add_field(udps);
        char *doc = NULL; /* which asprintf() may leave undefined */
        if (field == NULL ||
            asprintf(&doc, "%s: %s the BPF expression %s matches.", directions[direction],
                     counter->bytes ? "bytes (as meter.accounting_mode counts) of packets that"
                                    : "number of packets that",
                     counter->expression) < 0)
            return udps_no_memory(error);
        field->doc = doc;
        snprintf(field->name, sizeof field->name, "%s%s", prefixes[direction], counter->name);
        field->type = FLOWSENSOR_LONG;
        field->unit = counter->bytes ? "bytes" : "packets";
        field->is_counter = true;
        field->source = source;
        field->direction = (enum flow_direction)direction;
    }
    return 0;
}

static int udps_add_plugin_fields(struct udps *udps, size_t source, struct error *error) {
    const struct flowsensor_plugin *descriptor = udps->plugins[source].descriptor;
    for (size_t i = 0; i < descriptor->field_count; i++) {
        const struct flowsensor_field *from = &descriptor->fields[i];
        struct udps_field *field = udps_add_field(udps);
        if (field == NULL || (field->doc = strdup(from->doc)) == NULL)
            return udps_no_memory(error);
        snprintf(field->name, sizeof field->name, "%s", from->name);
        field->type = from->type;
        field->pii = from->pii;
        field->unit = from->unit != NULL ? from->unit : "";
        field->source = source;
        field->index = i;
    }
    return 0;
}

static int udps_load_plugins(struct udps *udps, const struct udps_list *list, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < list->count; i++)
        result = udps_plugin_open(&udps->plugins[udps->plugin_count++], list->items[i], error);
    return result;
}

static int compare_fields(const void *left, const void *right) {
    return strcmp(((const struct udps_field *)left)->name, ((const struct udps_field *)right)->name);
}

/* The counter or plugin that defines the field, for a message. */
static const char *field_giver(const struct udps *udps, const struct udps_field *field) {
    return field->is_counter ? udps->counters[field->source].name : udps->plugins[field->source].path;
}

static int udps_collect_fields(struct udps *udps, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < udps->counter_count; i++)
        result = udps_add_counter_fields(udps, i, error);
    for (size_t i = 0; result == 0 && i < udps->plugin_count; i++)
        result = udps_add_plugin_fields(udps, i, error);
    if (result < 0 || udps->field_count == 0)
        return result;
    qsort(udps->fields, udps->field_count, sizeof *udps->fields, compare_fields);
    for (size_t i = 1; i < udps->field_count; i++)
        if (strcmp(udps->fields[i - 1].name, udps->fields[i].name) == 0)
            return error_set(error, EINVAL, EX_CONFIG,
                             "udps: the field %s is there twice (%s, %s); rename one, or take one off",
                             udps->fields[i].name, field_giver(udps, &udps->fields[i - 1]),
                             field_giver(udps, &udps->fields[i]));
    return 0;
}

static size_t state_align(size_t size) {
    return (size + STATE_ALIGNMENT - 1) / STATE_ALIGNMENT * STATE_ALIGNMENT;
}

static void udps_lay_out_state(struct udps *udps) {
    size_t size = sizeof(struct udps_state) + udps->counter_count * sizeof(struct udps_counts);
    for (size_t i = 0; i < udps->plugin_count; i++) {
        udps->plugins[i].state_offset = size;
        size = state_align(size + udps->plugins[i].state_size);
    }
    udps->state_size = size;
}

static int udps_load_parts(struct udps *udps, const struct udps_options *options, struct error *error) {
    size_t counters = options->packets.count + options->bytes.count;
    udps->counters = calloc(counters + 1, sizeof *udps->counters);
    udps->plugins = calloc(options->plugins.count + 1, sizeof *udps->plugins);
    if (udps->counters == NULL || udps->plugins == NULL)
        return udps_no_memory(error);
    int result = udps_load_counters(udps, &options->packets, false, error);
    if (result == 0)
        result = udps_load_counters(udps, &options->bytes, true, error);
    if (result == 0)
        result = udps_load_plugins(udps, &options->plugins, error);
    if (result == 0)
        result = udps_collect_fields(udps, error);
    udps_lay_out_state(udps);
    return result;
}

int udps_load(const struct udps_options *options, struct udps **udps, struct error *error) {
    *udps = NULL;
    if (options->packets.count + options->bytes.count + options->plugins.count == 0)
        return 0;
    struct udps *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL)
        return udps_no_memory(error);
    int result = udps_load_parts(loaded, options, error);
    if (result == 0)
        *udps = loaded;
    else
        udps_free(loaded);
    return result;
}

void udps_free(struct udps *udps) {
    if (udps == NULL)
        return;
    for (size_t i = 0; i < udps->field_count; i++)
        free(udps->fields[i].doc);
    for (size_t i = 0; i < udps->counter_count; i++) {
        packet_filter_free(udps->counters[i].filter);
        free(udps->counters[i].name);
    }
    for (size_t i = 0; i < udps->plugin_count; i++)
        udps_plugin_close(&udps->plugins[i]);
    free(udps->fields);
    free(udps->counters);
    free(udps->plugins);
    free(udps);
}

static int instance_configure_plugins(struct udps_instance *instance, struct error *error) {
    const struct udps *udps = instance->udps;
    for (size_t i = 0; i < udps->plugin_count; i++) {
        size_t state_size = 0;
        int result = udps_plugin_configure(&udps->plugins[i], &instance->contexts[i], &state_size, error);
        if (result < 0)
            return result;
        instance->configured++;
        if (state_size != udps->plugins[i].state_size)
            return error_set(
                error, EINVAL, EX_CONFIG,
                "udps.plugins: %s: the size of its state changed from %zu to %zu; it may depend on the parameters only",
                udps->plugins[i].path, udps->plugins[i].state_size, state_size);
    }
    return 0;
}

int udps_instance_create(const struct udps *udps, uint64_t ticks_per_second, struct udps_instance **instance,
                         struct error *error) {
    struct udps_instance *created = calloc(1, sizeof *created);
    if (created == NULL)
        return udps_no_memory(error);
    created->udps = udps;
    created->ticks_per_second = ticks_per_second;
    created->contexts = calloc(udps->plugin_count + 1, sizeof(void *));
    created->scratch = udps->plugin_count > 0 ? malloc(FLOWSENSOR_SCRATCH_SIZE) : NULL;
    int result = created->contexts == NULL || (udps->plugin_count > 0 && created->scratch == NULL)
                     ? udps_no_memory(error)
                     : instance_configure_plugins(created, error);
    if (result == 0)
        *instance = created;
    else
        udps_instance_destroy(created);
    return result;
}

void udps_instance_destroy(struct udps_instance *instance) {
    if (instance == NULL)
        return;
    for (size_t i = 0; i < instance->configured; i++)
        if (instance->udps->plugins[i].descriptor->cleanup != NULL)
            instance->udps->plugins[i].descriptor->cleanup(instance->contexts[i]);
    free(instance->scratch);
    free(instance->contexts);
    free(instance);
}
