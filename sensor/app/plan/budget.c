#include "app/plan/budget.h"

#include <errno.h>
#include <inttypes.h>

#include "app/plan/kafka_options.h"
#include "base/units.h"
#include "meter/plugin.h"
#include "meter/udps.h"
#include "record/recorder.h"

/* Measured: see the table in sensor/README.md. */
enum {
    PROGRAM_BYTES = 20 << 20,     /* the program, its libraries, what is read at start */
    METER_BYTES = 1 << 20,        /* a meter's thread and small things */
    CAPTURE_DEFAULT = 2 << 20,    /* libpcap's ring where none is configured */
    VISIBILITY_BYTES = 16 << 20,  /* some 20,000 sockets and the processes that hold them */
    PLUGIN_BYTES = 256 << 10,     /* in each meter */
    PLAIN_OUTPUT_BYTES = 2 << 20, /* a file's blocks and its compression */
};

static void budget_add(struct budget *budget, const char *name, uint64_t bytes) {
    budget->items[budget->count++] = (struct budget_item){name, bytes};
    budget->total += bytes;
}

static void add_meters(const struct plan *plan, struct budget *budget) {
    struct meter_budget meter;
    uint64_t meters = plan->meters;
    uint64_t ring = plan->capture.socket_buffer_size;
    meter_budget(&plan->meter, &meter);
    budget_add(budget, "capture_rings", meters * (ring > 0 ? ring : CAPTURE_DEFAULT));
    budget_add(budget, "meters", meters * (METER_BYTES + decoder_memory()));
    budget_add(budget, "flow_tables", meters * meter.flows);
    budget_add(budget, "ndpi_modules", meters * meter.dissector.module);
    budget_add(budget, "ndpi_states", meters * meter.dissector.states);
    budget_add(budget, "ndpi_buffers", meters * meter.dissector.inner);
    budget_add(budget, "ndpi_texts", meters * meter.dissector.texts);
    budget_add(budget, "handover_rings", meters > 1 ? meters * PLAN_OUTBOX_BYTES : 0);
    budget_add(budget, "system_visibility", plan->system_visibility ? VISIBILITY_BYTES : 0);
    budget_add(budget, "plugins",
               plan->udps ? meters * (FLOWSENSOR_SCRATCH_SIZE + plan->udps->plugin_count * PLUGIN_BYTES) : 0);
    budget_add(budget, "recorders", meters * plan->output_count * recorder_memory_for(&plan->meter));
}

static int add_outputs(const struct plan *plan, struct budget *budget, struct error *error) {
    uint64_t sum = 0;
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct output_plan *output = &plan->outputs[i];
        const struct sink_options options = kafka_options_of(plan->config, output->config);
        uint64_t bytes = PLAIN_OUTPUT_BYTES;
        int result = output->sink->memory ? output->sink->memory(&options, &bytes, error) : 0;
        if (result < 0)
            return result;
        sum += bytes;
    }
    budget_add(budget, "outputs", sum);
    budget_add(budget, "changing_outputs", PLAN_WAITING_BYTES);
    return 0;
}

int budget_make(const struct plan *plan, struct budget *budget, struct error *error) {
    *budget = (struct budget){0};
    if (!plan->live)
        return error_set(error, EINVAL, EX_USAGE,
                         "the memory budget is of a live run; give an interface with -i IFACE");
    budget_add(budget, "program", PROGRAM_BYTES);
    add_meters(plan, budget);
    return add_outputs(plan, budget, error);
}

uint64_t budget_total(const struct plan *plan) {
    struct budget budget;
    struct error error;
    return budget_make(plan, &budget, &error) == 0 ? budget.total : 0;
}

/* Next to the bytes, which programs read. */
static void print_item(const char *name, uint64_t bytes, FILE *stream) {
    char text[UNITS_TEXT_SIZE];
    units_print_about(bytes, text);
    fprintf(stream, "%s\t%" PRIu64 "\t%s\n", name, bytes, text);
}

void budget_print(const struct budget *budget, FILE *stream) {
    for (size_t i = 0; i < budget->count; i++)
        print_item(budget->items[i].name, budget->items[i].bytes, stream);
    print_item("total", budget->total, stream);
}
