#include "record/field/field_getters.h"

#include <stdio.h>

void get_sensor_id(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_text(value, source->identity->sensor_id, strlen(source->identity->sensor_id));
}

void get_boot_id(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_text(value, source->identity->boot_id, strlen(source->identity->boot_id));
}

void get_output(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_text(value, source->output, strlen(source->output));
}

void get_seq(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_counter(value, source->seq);
}

void get_feature_hash(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_text(value, source->feature_hash, 32);
}

void get_metering_hash(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_text(value, source->metering_hash, 32);
}

void get_anon_key_id(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    if (source->anon_key_id == NULL)
        value_null(value);
    else
        value_text(value, source->anon_key_id, strlen(source->anon_key_id));
}

void get_capture_file(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    if (source->capture_files == NULL) {
        value_null(value);
        return;
    }
    const char *path = source->capture_files[source->flow->place.capture_file];
    value_foreign_text(source, path, value);
}

/* Null: files, or an interface that went away so long ago that it isn't known any more. */
static bool describe_place(const struct record_source *source, char name[PLACE_NAME_SIZE],
                           const char **role) {
    const struct places *places = source->places;
    return places != NULL && places->describe(places->context, source->flow->place.interface, name, role);
}

/* A text of the caller's own memory: the record outlives that. */
static void value_copied_text(const struct record_source *source, const char *text, struct value *value) {
    size_t size = strlen(text) + 1;
    char *room = scratch_text(source, size);
    value_foreign_text(source, room != NULL ? memcpy(room, text, size) : "", value);
}

void get_interface(const struct record_source *source, enum flow_direction direction, struct value *value) {
    char name[PLACE_NAME_SIZE];
    const char *role;
    (void)direction;
    if (describe_place(source, name, &role))
        value_copied_text(source, name, value);
    else
        value_null(value);
}

void get_interface_role(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    char name[PLACE_NAME_SIZE];
    const char *role;
    (void)direction;
    if (describe_place(source, name, &role))
        value_text(value, role, strlen(role));
    else
        value_null(value);
}

void get_flow_direction(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    const char *name = source->flow->place.outgoing ? "egress" : "ingress";
    (void)direction;
    if (source->places == NULL)
        value_null(value);
    else
        value_text(value, name, strlen(name));
}

void get_observation_point(const struct record_source *source, enum flow_direction direction,
                           struct value *value) {
    char name[PLACE_NAME_SIZE], text[sizeof source->identity->sensor_id + PLACE_NAME_SIZE];
    const char *role;
    (void)direction;
    if (!describe_place(source, name, &role)) {
        value_null(value);
        return;
    }
    snprintf(text, sizeof text, "%s/%s", source->identity->sensor_id, name);
    value_copied_text(source, text, value);
}

void get_flow_uid(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_text(value, source->flow_uid, FLOW_HASH_DIGITS);
}

void get_conn_key(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    char *digits = scratch_text(source, FLOW_HASH_DIGITS);
    flow_hash_conversation(&source->identity->conn_key, source->flow, digits);
    value_text(value, digits, FLOW_HASH_DIGITS);
}

void get_slice(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_size(value, source->flow->slice);
}

void get_record_time(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_integer(value, source->flow->shared->record_time);
}

void get_record_kind(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    const char *name = record_kind_name((enum record_kind)source->flow->record_kind);
    value_text(value, name, strlen(name));
}

void get_revision(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_size(value, source->flow->revision);
}

void get_end_reason(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    const char *name = flow_end_reason(source->flow);
    value_text(value, name, strlen(name));
}

void get_expiration_id(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_integer(value, source->flow->end_reason == END_PLUGIN   ? -1
                         : source->flow->end_reason == END_ACTIVE ? 1
                                                                  : 0);
}
