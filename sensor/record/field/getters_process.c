#include "meter/feature/process.h"

#include "record/field/field_getters.h"

static const struct process *process_of(const struct record_source *source) {
    const struct process_feature *state = source->flow->feature[FEATURE_process];
    return state->process;
}

/* The kernel tells what the process or its files are named, which may be anything. */
#define TEXT_GETTER(field, member)                                                         \
    void get_##field(const struct record_source *source, enum flow_direction direction,    \
                     struct value *value) {                                                \
        const struct process *process = process_of(source);                                \
        (void)direction;                                                                   \
        value_foreign_text_or_null(source, process != NULL ? process->member : "", value); \
    }
TEXT_GETTER(system_process_name, name)
TEXT_GETTER(system_process_executable, executable)
TEXT_GETTER(system_cgroup, cgroup)
TEXT_GETTER(system_container_id, container_id)

void get_system_process_pid(const struct record_source *source, enum flow_direction direction,
                            struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    if (process != NULL)
        value_integer(value, process->pid);
    else
        value_null(value);
}

void get_system_user_id(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    if (process != NULL && process->user_id >= 0)
        value_integer(value, process->user_id);
    else
        value_null(value);
}

void get_system_process_end(const struct record_source *source, enum flow_direction direction,
                            struct value *value) {
    const struct process_feature *state = source->flow->feature[FEATURE_process];
    (void)direction;
    if (state->process != NULL)
        value_text(value, state->end == END_SOURCE ? "src" : "dst", 3);
    else
        value_null(value);
}

/* NFStream's columns are never null. */
void get_system_process_pid_number(const struct record_source *source, enum flow_direction direction,
                                   struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    value_integer(value, process != NULL ? process->pid : -1);
}

void get_system_process_name_text(const struct record_source *source, enum flow_direction direction,
                                  struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    value_foreign_text(source, process != NULL ? process->name : "", value);
}
