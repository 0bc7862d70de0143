#include "app/monitor/metrics.h"

const char *metric_type_name(enum metric_type type) {
    static const char *const names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    return names[type];
}

static bool has_samples(const struct metric_row *row, const struct metric_source *source) {
    return row->need == NEEDS_NOTHING || (row->need == NEEDS_RUN && source->run) ||
           (row->need == NEEDS_SNAPSHOT && source->run && source->snapshot);
}

/* In help texts a backslash and a line's end would be escaped; the rows have neither (tested). */
void metrics_print(const struct metric_source *source, FILE *stream) {
    for (size_t i = 0; i < metric_row_count; i++) {
        const struct metric_row *row = &metric_rows[i];
        struct metric_text text = {stream, row->name};
        fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                metric_type_name(row->type));
        if (has_samples(row, source))
            row->write(&text, source);
    }
}
