/* The rows of the options, and what their choices are. */
#include "app/config/config.h"

#include <stddef.h>

#define SECOND INT64_C(1000000)

/* The names in the tables of other rooms, each with "|" before it; the choices begin behind the first. */
static const char sink_names[] =
#define SINK(name) "|" #name
#include "sink/sinks.def"
#undef SINK
    ;
static const char encoding_names[] =
#define ENCODING(name) "|" #name
#include "record/encoding/encodings.def"
#undef ENCODING
    ;
#define SINKS     (sink_names + 1)
#define ENCODINGS (encoding_names + 1)

const struct option_row option_rows[] = {
#define OPTION(group, name, type, ...) \
    {#group "." #name, OPTION_##type, offsetof(struct config, group.name), __VA_ARGS__, false},
#define RELOADABLE(group, name, type, ...) \
    {#group "." #name, OPTION_##type, offsetof(struct config, group.name), __VA_ARGS__, true},
#define PLAIN(name, type, ...) {#name, OPTION_##type, offsetof(struct config, name), __VA_ARGS__, false},
#include "app/config/option_rows.def"
};
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

const struct option_row output_rows[] = {
#define OUTPUT(name, type, ...) \
    {"outputs." #name, OPTION_##type, offsetof(struct output_config, name), __VA_ARGS__, false},
#include "app/config/option_rows.def"
};
const size_t output_row_count = sizeof output_rows / sizeof *output_rows;
