#include "app/command/reference.h"

#include <string.h>

#include "app/account/records.h"
#include "app/command/command_line_rows.h"
#include "app/config/config.h"
#include "app/monitor/metrics.h"
#include "decode/decode.h"
#include "record/field/catalogue.h"
#include "sink/sink.h"

/* A cell of a table: bars would end it. */
static void print_cell(const char *text, FILE *stream) {
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', stream);
        fputc(*text, stream);
    }
}

static void print_options(const struct option_row *rows, size_t count, FILE *stream) {
    fputs("| option | value | default | meaning |\n| --- | --- | --- | --- |\n", stream);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "| `%s` | ", rows[i].path);
        print_cell(rows[i].choices ? rows[i].choices : option_type_name(rows[i].type), stream);
        fprintf(stream, " | %s%s%s | ", rows[i].initial ? "`" : "", rows[i].initial ? rows[i].initial : "",
                rows[i].initial ? "`" : "");
        print_cell(rows[i].help, stream);
        fputs(rows[i].reloadable ? " **Reloadable.** |\n" : " |\n", stream);
    }
}

static const char *profiles_name(enum field_profiles profiles) {
    return profiles == IN_BOTH ? "both" : profiles == IN_NATIVE ? "native" : "nfstream";
}

/* See the page's "Record fields". */
static const char *direction_mark(enum field_directions directions) {
    switch (directions) {
    case FIELD_TOGETHER: return "bidirectional_";
    case FIELD_BY_WAY: return "W_";
    case FIELD_ALL_THREE: return "D_";
    default: return "";
    }
}

static void print_field(const struct catalogue_row *row, FILE *stream) {
    fprintf(stream, "| `%s%s` | %s | %s | %s | %s | %s | ", direction_mark(row->directions), row->name,
            value_type_name(row->type), row->unit, field_group_name(row->group), pii_class_name(row->pii),
            profiles_name(row->profiles));
    print_cell(row->help, stream);
    fputs(" |\n", stream);
}

static void print_fields(enum field_records records, FILE *stream) {
    fputs(
        "| field | type | unit | group | PII class | profile | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        stream);
    for (size_t i = 0; i < catalogue_size; i++)
        if ((catalogue[i].records & records) != 0)
            print_field(&catalogue[i], stream);
}

static void print_metrics(FILE *stream) {
    fputs(
        "\n## Metrics\n\nThese are the metrics of `/metrics` (`monitoring.listen`), in Prometheus' text format. Labels have nothing "
        "from packets except `application`, one of nDPI's names of protocols. All samples are from one consistent snapshot, "
        "except those of the registry, the process and the clock.\n\n"
        "| metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n",
        stream);
    for (size_t i = 0; i < metric_row_count; i++) {
        const struct metric_row *row = &metric_rows[i];
        fprintf(stream, "| `%s` | %s | %s | %s | ", row->name, metric_type_name(row->type), row->unit,
                row->labels);
        print_cell(row->help, stream);
        fputs(" |\n", stream);
    }
}

static void print_reasons(FILE *stream) {
    fputs("\n## Why a packet is not metered\n\n| reason | meaning |\n| --- | --- |\n", stream);
    for (int i = 1; i < DECODE_REASON_COUNT; i++)
        fprintf(stream, "| `%s` | %s |\n", decode_reason_name((enum decode_reason)i),
                decode_reason_text((enum decode_reason)i));
    fputs("\n## Why a record is dropped\n\n| reason | meaning |\n| --- | --- |\n", stream);
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        fprintf(stream, "| `%s` | %s |\n", output_drop_name((enum output_drop)i),
                output_drop_text((enum output_drop)i));
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        fprintf(stream, "| `%s` | %s |\n", sink_drop_name((enum sink_drop)i),
                sink_drop_text((enum sink_drop)i));
}

static void print_commands(FILE *stream) {
    fputs("\n## Commands\n\n| command | what it does |\n| --- | --- |\n", stream);
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        fprintf(stream, "| `flowsensor %s%s%s` | ", row->word, row->subword ? " " : "",
                row->subword ? row->subword : "");
        print_cell(row->help, stream);
        fputs(" |\n", stream);
    }
    fputs("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n", stream);
    for (size_t i = 0; i < exit_code_row_count; i++)
        fprintf(stream, "| %d | %s |\n", exit_code_rows[i].code, exit_code_rows[i].meaning);
}

void reference_print(FILE *stream) {
    fputs(
        "# Reference\n\nMade by `flowsensor reference`; don't edit.\n\n## Options\n\n"
        "In the file, `meter.idle_timeout` is `idle_timeout` in the group `meter`. Sizes and durations are strings in "
        "quotes; an integer above 2147483647 ends with L. In strings of the file `${NAME}` is a variable of the "
        "environment, `${NAME:-DEFAULT}` the same with a default, `${file:PATH}` the content of a file, and `$${` the "
        "text `${`. The file is a regular one of at most 64 KiB that only its owner may write. With `--set`, commas separate the items of a list, and `\\,` is a comma within an item.\n\n"
        "A run reads its configuration again with SIGHUP. It takes other values of options that are **reloadable**, and live outputs that "
        "[come, change or go](running.md#outputs-that-come-change-and-go); if any other option has changed, or anything is wrong, it goes on with what it had, and says why.\n\n",
        stream);
    print_options(option_rows, option_row_count, stream);
    fputs("\nEach group in the list `outputs` has:\n\n", stream);
    print_options(output_rows, output_row_count, stream);
    fputs(
        "\n## Record fields\n\nA schema chooses from these by name. `D_` stands for `bidirectional_`, `src2dst_` and "
        "`dst2src_`, `W_` for the last two. A record is of a flow, of the sensor itself, or of one of nDPI's protocols. Of records of flows, to which configured counters and "
        "plugins add udps.NAME:\n\n",
        stream);
    print_fields(OF_FLOW, stream);
    fputs("\nOf records of the sensor itself (`sensor_stats/v1` of `performance_report`, `heartbeat/v1` of "
          "`heartbeat_interval`):\n\n",
          stream);
    print_fields(OF_SENSOR, stream);
    fputs("\nOf records of nDPI's protocols (`ndpi_dictionary/v1`), which each start makes:\n\n", stream);
    print_fields(OF_PROTOCOL, stream);
    print_metrics(stream);
    print_reasons(stream);
    print_commands(stream);
}
