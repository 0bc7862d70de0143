#include "record/ddl/clickhouse_predictions.h"

#include <string.h>

#include "base/check.h"
#include "record/field/catalogue.h"

enum { DST2SRC_ALONE = 1 << DST2SRC };

/* In texts % is the direction as names begin with it, and # its number in SPLT. */

/* Names over SPLT, the sequence of the first packets, for predictions. It has all packets of short flows. */
static const struct {
    enum field_directions directions;
    const char *expression;
} sequence_names[] = {
    {FIELD_ONCE, "length(splt_ps) = bidirectional_packets AS sequence_is_all"},
    {FIELD_ONCE, "arrayCumSum(splt_piat_us) AS sequence_times"},
    {FIELD_ONCE, "splt_ps AS sequence_sizes_bidirectional"},
    {FIELD_ONCE, "arrayPopFront(splt_piat_us) AS sequence_gaps_bidirectional"},
    {FIELD_BY_WAY, "arrayFilter((a, b) -> b = #, splt_ps, splt_direction) AS sequence_sizes_%"},
    {FIELD_BY_WAY, "arrayFilter((a, b) -> b = #, sequence_times, splt_direction) AS sequence_times_%"},
    {FIELD_BY_WAY, "arrayPopFront(arrayDifference(sequence_times_%)) AS sequence_gaps_%"},
    /* Count, mean and sum of squared differences, in the sensor's order of operations (feature/stats.c). */
    {FIELD_ONCE,
     "a -> arrayFold((b, c) -> (b.1 + 1., b.2 + (c - b.2) / (b.1 + 1.), b.3 + (c - b.2) * (c - (b.2 + (c - b.2) / "
     "(b.1 + 1.)))), a, (0., 0., 0.)) AS sequence_moments"},
    {FIELD_ALL_THREE, "sequence_moments(sequence_sizes_%) AS sequence_of_sizes_%"},
    {FIELD_ALL_THREE, "sequence_moments(sequence_gaps_%) AS sequence_of_gaps_%"},
};

#define MEAN(sum, count) "ifNotFinite(" sum " / (" count "), 0.)"
#define DEVIATION(of)    "if(" of ".1 > 1, sqrt(" of ".3 / (" of ".1 - 1)), 0.)"
/* The deviation of both directions' sizes: squares within each, and between their means. */
#define WITHIN(way)      way "_stddev_ps * " way "_stddev_ps * greatest(" way "_packets - 1, 0)"
#define DISTANCE         "(src2dst_mean_ps - dst2src_mean_ps)"
#define BETWEEN          "src2dst_packets * dst2src_packets / bidirectional_packets * " DISTANCE " * " DISTANCE
#define SUM_OF_SQUARES   WITHIN("src2dst") " + " WITHIN("dst2src") " + " BETWEEN
#define DEVIATION_OF_ALL "ifNotFinite(sqrt((" SUM_OF_SQUARES ") / (bidirectional_packets - 1)), 0.)"

/* By rows of the catalogue. Of several for one value the first counts whose columns the table has. No column is predicted that
 * tables are sorted by, nor by a circle. */
static const struct {
    const char *row;
    int directions; /* a set of 1 << enum flow_direction */
    const char *expression;
} rules[] = {
    {"packets", DST2SRC_ALONE, "bidirectional_packets - src2dst_packets"},
    {"bytes", DST2SRC_ALONE, "bidirectional_bytes - src2dst_bytes"},
#define FLAG(name) \
    { name "_packets", DST2SRC_ALONE, "bidirectional_" name "_packets - src2dst_" name "_packets" }
    FLAG("syn"),
    FLAG("cwr"),
    FLAG("ece"),
    FLAG("urg"),
    FLAG("ack"),
    FLAG("psh"),
    FLAG("rst"),
    FLAG("fin"),
#undef FLAG
    {"last_seen", FIELD_TOGETHER, "micros(bidirectional_first_seen) + sequence_times[-1]"},
    {"first_seen", FIELD_BY_WAY, "micros(bidirectional_first_seen) + sequence_times_%[1]"},
    {"first_seen", FIELD_BY_WAY, "micros(bidirectional_first_seen)"},
    {"last_seen", FIELD_BY_WAY,
     "if(sequence_is_all, micros(bidirectional_first_seen) + sequence_times_%[-1], "
     "micros(bidirectional_last_seen))"},
    {"last_seen", FIELD_BY_WAY, "micros(bidirectional_last_seen)"},
    {"duration_us", FIELD_ALL_THREE, "micros(%_last_seen) - micros(%_first_seen)"},
    {"min_ps", FIELD_BY_WAY, "arrayMin(sequence_sizes_%)"},
    {"max_ps", FIELD_BY_WAY, "arrayMax(sequence_sizes_%)"},
    {"min_ps", FIELD_TOGETHER,
     "if(src2dst_packets = 0, dst2src_min_ps, if(dst2src_packets = 0, src2dst_min_ps, "
     "least(src2dst_min_ps, dst2src_min_ps)))"},
    {"max_ps", FIELD_TOGETHER, "greatest(src2dst_max_ps, dst2src_max_ps)"},
    {"mean_ps", FIELD_ALL_THREE,
     "if(sequence_is_all, sequence_of_sizes_%.2, " MEAN("%_bytes", "%_packets") ")"},
    {"mean_ps", FIELD_ALL_THREE, MEAN("%_bytes", "%_packets")},
    {"stddev_ps", FIELD_TOGETHER,
     "if(sequence_is_all, " DEVIATION("sequence_of_sizes_%") ", " DEVIATION_OF_ALL ")"},
    {"stddev_ps", FIELD_TOGETHER, DEVIATION_OF_ALL},
    {"stddev_ps", FIELD_BY_WAY, "if(sequence_is_all, " DEVIATION("sequence_of_sizes_%") ", 0.)"},
    {"min_piat_us", FIELD_ALL_THREE, "arrayMin(sequence_gaps_%)"},
    {"max_piat_us", FIELD_ALL_THREE, "arrayMax(sequence_gaps_%)"},
    {"mean_piat_us", FIELD_ALL_THREE,
     "if(sequence_is_all, sequence_of_gaps_%.2, " MEAN("%_duration_us", "%_packets - 1") ")"},
    {"mean_piat_us", FIELD_ALL_THREE, MEAN("%_duration_us", "%_packets - 1")},
    {"stddev_piat_us", FIELD_ALL_THREE, "if(sequence_is_all, " DEVIATION("sequence_of_gaps_%") ", 0.)"},
};

static const char *const ways[] = {
    [BIDIRECTIONAL] = "bidirectional", [SRC2DST] = "src2dst", [DST2SRC] = "dst2src"};

/* The text for a direction. */
static void expand(const char *text, enum flow_direction direction, struct prediction *prediction) {
    size_t length = 0;
    for (; *text != '\0'; text++) {
        char own[] = {*text == '#' ? (direction == DST2SRC ? '1' : '0') : *text, '\0'};
        const char *piece = *text == '%' ? ways[direction] : own;
        size_t size = strlen(piece);
        CHECK(length + size < sizeof prediction->text);
        memcpy(prediction->text + length, piece, size + 1);
        length += size;
    }
}

/* Whether the table has the catalogue's field of that name, as the catalogue has it. */
static bool has_field(const struct ddl_table *table, const char *name) {
    enum flow_direction direction;
    const struct catalogue_row *row = catalogue_find(name, &direction);
    for (const struct schema_column *column = table->columns->items; column != NULL;
         column = ddl_next(table, column))
        if (strcmp(column->name, name) == 0)
            return row != NULL && row->type == column->type;
    return false;
}

static bool has_sequence(const struct ddl_table *table) {
    return has_field(table, "splt_ps") && has_field(table, "splt_direction") &&
           has_field(table, "splt_piat_us") && has_field(table, "bidirectional_packets");
}

/* Whether the table has what a word of an expression names: a field, or a name over the sequence. Other words are SQL's. */
static bool has_word(const struct ddl_table *table, const char *word) {
    static const char sequence[] = "sequence_";
    enum flow_direction direction;
    if (strncmp(word, sequence, sizeof sequence - 1) == 0)
        return has_sequence(table);
    return catalogue_find(word, &direction) == NULL || has_field(table, word);
}

static bool has_all_words(const struct ddl_table *table, const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    char word[CATALOGUE_NAME_SIZE];
    for (text += strcspn(text, letters); *text != '\0'; text += strcspn(text, letters)) {
        size_t length = strspn(text, letters);
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        if (!has_word(table, word))
            return false;
        text += length;
    }
    return true;
}

bool predict(const struct ddl_table *table, const struct schema_column *column,
             struct prediction *prediction) {
    enum flow_direction direction;
    const struct catalogue_row *row = catalogue_find(column->name, &direction);
    if (row == NULL || row->type != column->type)
        return false;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(rules[i].row, row->name) != 0 || (rules[i].directions & 1 << direction) == 0)
            continue;
        expand(rules[i].expression, direction, prediction);
        if (has_all_words(table, prediction->text))
            return true;
    }
    return false;
}

void predictions_write_names(const struct ddl_table *table, FILE *stream) {
    struct prediction name;
    fputs("\n    a -> toUnixTimestamp64Micro(a) AS micros", stream);
    for (size_t i = 0; has_sequence(table) && i < sizeof sequence_names / sizeof *sequence_names; i++)
        for (enum flow_direction direction = BIDIRECTIONAL; direction <= DST2SRC; direction++) {
            enum field_directions directions = sequence_names[i].directions;
            if (directions == FIELD_ONCE ? direction != BIDIRECTIONAL : (directions & 1 << direction) == 0)
                continue;
            expand(sequence_names[i].expression, direction, &name);
            fprintf(stream, ",\n    %s", name.text);
        }
}
