/* The process, its libraries and its neighbours. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app/monitor/getters.h"
#include "capture/capture.h"
#include "meter/dissect.h"
#include "record/registry/registry.h"

enum { VERSION_SIZE = 64 };

GETTER(registry_requests) {
    struct registry_statistics statistics;
    (void)source;
    registry_statistics(&statistics);
    metric_count(text, NULL, statistics.requests);
}

GETTER(registry_errors) {
    struct registry_statistics statistics;
    (void)source;
    registry_statistics(&statistics);
    metric_count(text, NULL, statistics.errors);
}

GETTER(reload_successful) {
    metric_count(text, NULL, !atomic_load_explicit(&source->run->reload->failed, memory_order_relaxed));
}

GETTER(reload_time) {
    metric_microseconds(text, NULL, NULL,
                        atomic_load_explicit(&source->run->reload->succeeded, memory_order_relaxed));
}

GETTER(cpu) {
    metric_microseconds(text, NULL, NULL, source->process.cpu_time);
}

GETTER(start_time) {
    metric_microseconds(text, NULL, NULL, source->process.start_time);
}

GETTER(budget) {
    if (source->budget > 0)
        metric_count(text, NULL, source->budget);
}

GETTER(clock) {
    metric_microseconds(text, NULL, NULL, source->realtime);
}

GETTER(snapshot_age) {
    metric_microseconds(text, NULL, NULL, source->now - source->waited_since);
}

/* The first word that begins with a digit: "1.10.3" of "libpcap version 1.10.3 (with TPACKET_V3)". */
static const char *number_in(const char *words, char *number) {
    const char *word = words;
    while (*word && !(isdigit((unsigned char)*word) && (word == words || word[-1] == ' ')))
        word++;
    snprintf(number, VERSION_SIZE, "%.*s", (int)strcspn(word, " "), word);
    return number;
}

GETTER(build_info) {
    char ndpi[VERSION_SIZE], librdkafka[VERSION_SIZE], libpcap[VERSION_SIZE];
    (void)source;
    metric_count(text,
                 METRIC_LABELS({"version", FLOWSENSOR_VERSION},
                               {"ndpi", number_in(dissector_library_version(), ndpi)},
                               {"librdkafka", number_in(sink_library_version(), librdkafka)},
                               {"libpcap", number_in(capture_library_version(), libpcap)}),
                 1);
}

GETTER(sensor_info) {
    const struct plan *plan = source->plan;
    metric_count(text,
                 METRIC_LABELS({"sensor_id", plan->identity.sensor_id}, {"boot_id", plan->identity.boot_id},
                               {"interface", source->run->interface}, {"profile", plan->config->profile}),
                 1);
}
