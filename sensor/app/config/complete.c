/* Fills in format and compression from the ending of an output's path, where no option gives them. */
#include <errno.h>
#include <string.h>

#include "app/config/config.h"
#include "app/config/option_paths.h"
#include "sink/file_ending.h"

static int set_choice(struct output_config *output, const char *path, const char *value,
                      struct error *error) {
    return option_set(config_find_row(path), output, value, error);
}

static int unknown_ending(const struct output_config *output, const struct file_ending *ending,
                          const char *place, struct error *error) {
    if (*ending->foreign)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "%s: %s: no records are written as %s; name it .avro, .csv or .jsonl (.csv.gz and .jsonl.zst are compressed), or say what it is with --format",
            place, output->path, ending->foreign);
    return error_set(
        error, EINVAL, EX_CONFIG,
        "%s: the name %s has no format before its compression; name it .csv.gz, .jsonl.zst or so, "
        "or give --format",
        place, output->path);
}

static int complete_format(struct output_config *output, const struct file_ending *ending, const char *place,
                           struct error *error) {
    if (output->format)
        return 0;
    if (!ending->format && (*ending->foreign || ending->compression))
        return unknown_ending(output, ending, place, error);
    bool standard_output = output->path && strcmp(output->path, "-") == 0;
    return set_choice(output, "outputs.format",
                      ending->format    ? ending->format
                      : standard_output ? "jsonl"
                                        : "avro",
                      error);
}

int config_complete_output(struct output_config *output, const char *place, struct error *error) {
    struct file_ending ending = {0};
    if (output->path)
        file_ending_of(output->path, &ending);
    int result = complete_format(output, &ending, place, error);
    if (result == 0 && !output->compression && ending.compression)
        result = set_choice(output, "outputs.compression", ending.compression, error);
    if (result < 0 || !output->compression || strcmp(output->compression, "none") == 0)
        return result;
    if (!output->path)
        return error_set(error, EINVAL, EX_CONFIG,
                         "%s: outputs.compression is for files; for Kafka set its property compression.codec",
                         place);
    if (strcmp(output->format, "avro") == 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "%s: %s: Avro files are compressed within (outputs.codec), so that readers can split "
            "them; name it .avro alone, or choose csv or jsonl",
            place, output->path);
    return 0;
}
