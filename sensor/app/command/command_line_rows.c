#include "app/command/command_line_rows.h"

#include <assert.h>
#include <string.h>
#include <sysexits.h>

const struct flag_row flag_rows[] = {
    {FLAG_CAPTURE, "-r", NULL, "FILE", COMPLETE_FILE, NULL,
     "read a capture (pcap, pcapng); - is standard input; repeatable"},
    {FLAG_INTERFACE, "-i", NULL, "IFACE", COMPLETE_INTERFACE, NULL,
     "capture from an interface; auto: the default route's"},
    {FLAG_FILTER, "-f", NULL, "BPF", COMPLETE_NOTHING, NULL,
     "only packets that match this filter expression"},
    {FLAG_OUTPUT, "-w", NULL, "OUT", COMPLETE_FILE, NULL,
     "write to a file, - (standard output) or null:, instead of the configured outputs"},
    {FLAG_FORMAT, NULL, "--format", "FORMAT", COMPLETE_CHOICE, "outputs.format",
     "avro, csv or jsonl; default: by OUT's extension"},
    {FLAG_PROFILE, NULL, "--profile", "NAME", COMPLETE_CHOICE, "profile", "native (default) or nfstream"},
    {FLAG_SCHEMA, NULL, "--schema", "NAME", COMPLETE_SCHEMA, NULL,
     "flow/v1, nfstream/v1, sensor_stats/v1, or a path to an .avsc"},
    {FLAG_CONFIG, "-c", NULL, "CONF", COMPLETE_FILE, NULL, "configuration file"},
    {FLAG_SET, NULL, "--set", "PATH=VALUE", COMPLETE_ASSIGNMENT, NULL,
     "set one option, as in --set meter.idle_timeout=5s; repeatable"},
    {FLAG_CHECK, NULL, "--check-config", NULL, COMPLETE_NOTHING, NULL,
     "check the configuration and its schemas, then exit"},
    {FLAG_PRINT, NULL, "--print-config", NULL, COMPLETE_NOTHING, NULL,
     "print the configuration in force, secrets masked"},
    {FLAG_LIST, "-D", "--list-interfaces", NULL, COMPLETE_NOTHING, NULL,
     "list the interfaces that can be captured from"},
    {FLAG_VERSION, NULL, "--version", NULL, COMPLETE_NOTHING, NULL,
     "versions of flowsensor and its libraries"},
    {FLAG_HELP, "-h", "--help", NULL, COMPLETE_NOTHING, NULL, "this help"},
};
const size_t flag_row_count = sizeof flag_rows / sizeof *flag_rows;
static_assert(sizeof flag_rows / sizeof *flag_rows <= FLAG_ROWS_MAX, "raise FLAG_ROWS_MAX");

const struct command_row command_rows[] = {
    {"schema", "print", COMMAND_SCHEMA_PRINT, false, "the schema's text"},
    {"schema", "features", COMMAND_SCHEMA_FEATURES, false, "the canonical text under its feature_hash"},
    {"schema", "compose", COMMAND_SCHEMA_COMPOSE, false, "the schema with the user-defined fields"},
    {"schema", "check", COMMAND_SCHEMA_CHECK, false, "whether the registry has it or may have it"},
    {"schema", "find", COMMAND_SCHEMA_FIND, false, "its id in the registry, without which no run begins"},
    {"schema", "register", COMMAND_SCHEMA_REGISTER, false, "register it in the registry"},
    {"topics", "check", COMMAND_TOPICS_CHECK, false,
     "whether the outputs' topics exist and are as the group topics asks"},
    {"topics", "create", COMMAND_TOPICS_CREATE, false,
     "create those that don't exist, and topics.principal's permissions"},
    {"verify", NULL, COMMAND_VERIFY, false,
     "send one record to each topic, read it back through the registry and compare"},
    {"memory", NULL, COMMAND_MEMORY, false,
     "the resident memory that a live run takes at most, part by part"},
    {"reference", NULL, COMMAND_REFERENCE, true, "the page of options and record fields"},
    {"manual", NULL, COMMAND_MANUAL, true, "the man page, in roff"},
    {"completion", "bash", COMMAND_COMPLETION_BASH, true, "completion for bash, to be sourced"},
    {"completion", "zsh", COMMAND_COMPLETION_ZSH, true,
     "completion for zsh, a file _flowsensor of its fpath"},
    {"completion", "fish", COMMAND_COMPLETION_FISH, true, "completion for fish, to be sourced"},
};
const size_t command_row_count = sizeof command_rows / sizeof *command_rows;
static_assert(sizeof command_rows / sizeof *command_rows <= COMMAND_ROWS_MAX, "raise COMMAND_ROWS_MAX");

const struct exit_code_row exit_code_rows[] = {
    {EX_OK, "done"},
    {EX_USAGE, "usage"},
    {EX_DATAERR, "bad capture"},
    {EX_NOINPUT, "no input"},
    {EX_UNAVAILABLE, "broker or registry unavailable"},
    {EX_CANTCREAT, "output cannot be created"},
    {EX_IOERR, "output failed"},
    {EX_NOPERM, "no permission"},
    {EX_CONFIG, "configuration"},
};
const size_t exit_code_row_count = sizeof exit_code_rows / sizeof *exit_code_rows;

bool command_row_is_first(size_t row) {
    return row == 0 || strcmp(command_rows[row].word, command_rows[row - 1].word) != 0;
}
