#include "app/account/ledger_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

enum { FOREIGN_NAMED = 3 };

/* Appends " name 12," for each count that is not 0; the last comma goes. */
static void print_parts(FILE *stream, const char *name, uint64_t count, int *parts) {
    if (count > 0)
        fprintf(stream, "%s%s %" PRIu64, (*parts)++ == 0 ? " (" : ", ", name, count);
}

static void close_parts(FILE *stream, int parts) {
    if (parts > 0)
        fputc(')', stream);
}

static void print_residual(FILE *stream, uint64_t left, uint64_t right) {
    if (left != right)
        fprintf(stream, " + RESIDUAL %" PRId64 " (a bug: please report it)", (int64_t)(left - right));
}

/* Which line a counter is said in, by its place of counting. */
enum said_line { LINE_intake, LINE_capture = LINE_intake, LINE_meter };

static void print_said(FILE *stream, const struct ledger *ledger, enum said_line line) {
#define UNSAID
#define IN_ACCOUNT
#define SAID(condition, words) \
    if (condition)             \
        fprintf(stream, "%s %" PRIu64, words, count);
#define COUNTER(place, name, how, type, unit, metric, help, reported, said) \
    if (line == LINE_##place) {                                             \
        const uint64_t count = ledger->LEDGER_##place(name);                \
        (void)count;                                                        \
        said                                                                \
    }
#include "app/account/counters.def"
}

static void print_packets(FILE *stream, const struct ledger *ledger, double seconds) {
    uint64_t ignored = 0;
    int parts = 0;
    for (int i = 1; i < DECODE_REASON_COUNT; i++)
        ignored += ledger->intake.ignored[i];
    fprintf(stream, "packets: read %" PRIu64 " = metered %" PRIu64 " + ignored %" PRIu64,
            ledger->intake.packets, ledger->intake.ignored[DECODE_METERED], ignored);
    for (int i = 1; i < DECODE_REASON_COUNT; i++)
        print_parts(stream, decode_reason_name((enum decode_reason)i), ledger->intake.ignored[i], &parts);
    close_parts(stream, parts);
    if (ledger->intake.held > 0)
        fprintf(stream, " + held %" PRIu64, ledger->intake.held);
    print_residual(stream, ledger->intake.packets,
                   ledger->intake.ignored[DECODE_METERED] + ignored + ledger->intake.held);
    print_said(stream, ledger, LINE_intake);
    if (seconds > 0)
        fprintf(stream, "; %.2f s, %.0f packets/s", seconds, (double)ledger->intake.packets / seconds);
}

static void print_balance(FILE *stream, const struct ledger *ledger) {
    fprintf(stream, "meters: %zu, packets", ledger->meters);
    for (size_t i = 0; i < ledger->meters; i++)
        fprintf(stream, "%s %" PRIu64, i > 0 ? " +" : "", ledger->balance[i]);
}

static void print_flows(FILE *stream, const struct ledger *ledger) {
    const struct meter_statistics *meter = &ledger->meter;
    uint64_t exported = meter_flows_exported(meter);
    int parts = 0;
    fprintf(stream, "flows: opened %" PRIu64 " = exported %" PRIu64, meter->flows_opened, exported);
    for (int i = 0; i < END_REASON_COUNT; i++)
        print_parts(stream, end_reason_name((enum end_reason)i), meter->flows_exported[i], &parts);
    close_parts(stream, parts);
    if (meter->flows_discarded > 0)
        fprintf(stream, " + discarded %" PRIu64 " (max_nflows %" PRIu64 ")", meter->flows_discarded,
                meter->flows_discarded);
    fprintf(stream, " + open %" PRIu64, meter->flows_open);
    if (meter->flows_elsewhere > 0)
        fprintf(stream, " + elsewhere %" PRIu64, meter->flows_elsewhere);
    print_residual(stream, meter->flows_opened,
                   exported + meter->flows_discarded + meter->flows_elsewhere + meter->flows_open);
    print_said(stream, ledger, LINE_meter);
}

/* Whose flows they are, with system visibility on. */
static void print_processes(FILE *stream, const struct ledger *ledger) {
    const struct visibility_statistics *processes = &ledger->processes;
    int parts = 0;
    fprintf(stream, "processes: asked %" PRIu64 " = found %" PRIu64 " + null %" PRIu64, processes->asked,
            processes->found, processes->asked - processes->found);
    print_parts(stream, "foreign", processes->foreign, &parts);
    print_parts(stream, "ambiguous", processes->ambiguous, &parts);
    print_parts(stream, "unknown", processes->unknown, &parts);
    print_parts(stream, "open", processes->open, &parts);
    close_parts(stream, parts);
    fprintf(stream, "; not asked %" PRIu64 "; %" PRIu64 " polls", processes->unasked, processes->polls);
}

/* Of each flow that was exported, and each state that was published, there is a record, also when the output could not
 * go on by then. */
static void print_made(FILE *stream, const struct snapshot *snapshot, size_t output) {
    uint64_t due = snapshot_exports(snapshot, output), made = snapshot->ledger.records[output].made;
    fprintf(stream, "; %s %" PRIu64 " = made %" PRIu64, snapshot_exports_name(snapshot->plans[output]), due,
            made);
    print_residual(stream, due, made);
    if (snapshot->ledger.records[output].missed > 0)
        fprintf(stream, " while it was open, and %" PRIu64 " others",
                snapshot->ledger.records[output].missed);
}

static void print_output(FILE *stream, const struct snapshot *snapshot, size_t output) {
    const struct output_plan *plan = snapshot->plans[output];
    const struct sink_statistics *sink = &snapshot->outputs[output].sink;
    uint64_t made = snapshot->ledger.records[output].made;
    uint64_t dropped = snapshot_all_dropped(snapshot, output);
    int parts = 0;
    fprintf(stream, "output %s (%s): made %" PRIu64, plan->name, plan->sink->name, made);
    if (sink->found > 0)
        fprintf(stream, " + found in the spool %" PRIu64, sink->found);
    fprintf(stream, " = acknowledged %" PRIu64 " + in flight %" PRIu64, sink->acknowledged, sink->in_flight);
    if (sink->spooled > 0)
        fprintf(stream, " + spooled %" PRIu64, sink->spooled);
    if (sink->dead_lettered > 0)
        fprintf(stream, " + dead letters %" PRIu64, sink->dead_lettered);
    fprintf(stream, " + dropped %" PRIu64, dropped);
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        print_parts(stream, output_drop_name((enum output_drop)i),
                    snapshot_dropped(snapshot, output, (enum output_drop)i), &parts);
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        print_parts(stream, sink_drop_name((enum sink_drop)i), sink->dropped[i], &parts);
    close_parts(stream, parts);
    print_residual(stream, made + sink->found,
                   sink->acknowledged + sink->in_flight + sink->spooled + sink->dead_lettered + dropped);
    fprintf(stream, "; %" PRIu64 " bytes encoded", sink->bytes);
    if (sink->checksum != 0)
        fprintf(stream, ", checksum %016" PRIx64, sink->checksum);
    print_made(stream, snapshot, output);
}

/* Runs `print` into a line of its own and logs it. */
#define LOG_PRINTED(print, ...)                 \
    do {                                        \
        struct log_draft draft;                 \
        FILE *stream = log_draft_begin(&draft); \
        if (stream) {                           \
            print(stream, __VA_ARGS__);         \
            log_draft_end(&draft, LOG_INFO);    \
        }                                       \
    } while (0)

/* Where most packets are not IP somebody expects flows that can't be there. */
static void warn_of_foreign(const struct ledger *ledger) {
    struct foreign_place common[FOREIGN_NAMED];
    char kinds[FOREIGN_NAMED][FOREIGN_TEXT_MAX + 32] = {"", "", ""};
    size_t count = foreign_commonest(&ledger->foreign, common, FOREIGN_NAMED);
    if (ledger->intake.ignored[DECODE_not_ip] <= ledger->intake.packets / 2)
        return;
    for (size_t i = 0; i < count; i++) {
        char text[FOREIGN_TEXT_MAX];
        foreign_text(common[i].what, text);
        snprintf(kinds[i], sizeof kinds[i], "%s %" PRIu64 " of %s", i == 0 ? "" : ",", common[i].frames,
                 text);
    }
    log_line(LOG_WARNING, "%" PRIu64 " of %" PRIu64 " packets are not IP and belong to no flow:%s%s%s",
             ledger->intake.ignored[DECODE_not_ip], ledger->intake.packets, kinds[0], kinds[1], kinds[2]);
}

void ledger_log(const struct snapshot *snapshot, double seconds) {
    const struct ledger *ledger = &snapshot->ledger;
    LOG_PRINTED(print_packets, ledger, seconds);
    warn_of_foreign(ledger);
    if (ledger->meters > 1)
        LOG_PRINTED(print_balance, ledger);
    LOG_PRINTED(print_flows, ledger);
    if (ledger->processes.polls > 0)
        LOG_PRINTED(print_processes, ledger);
    for (size_t i = 0; i < snapshot->output_count; i++)
        LOG_PRINTED(print_output, snapshot, i);
}
