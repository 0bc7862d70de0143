#include "app/command/command_line_rows.h"

#include <assert.h>
#include <string.h>
#include <sysexits.h>

const struct flag_row flag_rows[] = {
    {FLAG_CAPTURE, "-r", NULL, "FILE", COMPLETE_FILE, NULL, false,
     "read a capture (pcap, pcapng, .gz, .zst); - is standard input; repeatable; -r may be left out"},
    {FLAG_SORT, NULL, "--sort", NULL, COMPLETE_NOTHING, NULL, false,
     "read the captures in the order of their first packets' times"},
    {FLAG_INTERFACE, "-i", NULL, "IFACE", COMPLETE_INTERFACE, NULL, false,
     "capture from interfaces: names or globs, commas between; auto: the default route's"},
    {FLAG_FILTER, "-f", NULL, "BPF", COMPLETE_NOTHING, NULL, false,
     "only packets that match this filter expression"},
    {FLAG_OUTPUT, "-w", NULL, "OUT", COMPLETE_FILE, NULL, false,
     "write to a file, - (standard output) or null:, instead of the configured outputs; repeatable"},
    {FLAG_FORMAT, NULL, "--format", "FORMAT", COMPLETE_CHOICE, "outputs.format", true,
     "avro, csv or jsonl; default: by OUT's extension"},
    {FLAG_PROFILE, NULL, "--profile", "NAME", COMPLETE_CHOICE, "profile", true,
     "native (default) or nfstream"},
    {FLAG_SCHEMA, NULL, "--schema", "NAME", COMPLETE_SCHEMA, NULL, true,
     "flow/v2 (default), flow_lite/v1, flow_full/v1, nfstream/v1, others (schemas/README.md), or FILE"},
    {FLAG_CONFIG, "-c", NULL, "CONF", COMPLETE_FILE, NULL, true, "configuration file"},
    {FLAG_SET, NULL, "--set", "PATH=VALUE", COMPLETE_ASSIGNMENT, NULL, true,
     "set one option, as in --set meter.idle_timeout=5s; repeatable"},
    {FLAG_FIELDS, NULL, "--fields", "NAMES", COMPLETE_NOTHING, NULL, false,
     "schema features: what decides these fields alone; commas between"},
    {FLAG_CHECK, NULL, "--check-config", NULL, COMPLETE_NOTHING, NULL, false,
     "check the configuration and its schemas, then exit"},
    {FLAG_PRINT, NULL, "--print-config", NULL, COMPLETE_NOTHING, NULL, false,
     "print the configuration in force, secrets masked"},
    {FLAG_LIST, "-D", "--list-interfaces", NULL, COMPLETE_NOTHING, NULL, false,
     "list the interfaces that can be captured from"},
    {FLAG_VERSION, "-V", "--version", NULL, COMPLETE_NOTHING, NULL, false,
     "versions of flowsensor and its libraries"},
    {FLAG_HELP, "-h", "--help", NULL, COMPLETE_NOTHING, NULL, true,
     "this help; after a command: the command's"},
};
const size_t flag_row_count = sizeof flag_rows / sizeof *flag_rows;
static_assert(sizeof flag_rows / sizeof *flag_rows <= FLAG_ROWS_MAX, "raise FLAG_ROWS_MAX");

/* What may follow commands that read the configuration. */
#define CONFIGURED        "[-c CONF] [options]"
#define CONFIGURED_FIELDS "[--fields NAMES] " CONFIGURED

static const char dialects[] =
#define DIALECT(name) "|" #name
#include "record/ddl/dialects.def"
#undef DIALECT
    ;

const struct command_row command_rows[] = {
    {"schema", "print", COMMAND_SCHEMA_PRINT, false, NULL, CONFIGURED, "the schema's text",
     "Prints the Avro schema of each output as it would be registered. Without an output it is the profile's, or the one that "
     "--schema names. Connects nowhere."},
    {"schema", "features", COMMAND_SCHEMA_FEATURES, false, NULL, CONFIGURED_FIELDS,
     "the canonical texts under feature_hash and metering_hash",
     "Prints everything that changes a value of the records, and the hashes over it that each record carries. With --fields it "
     "prints what decides the values of these fields alone, and its hash: a model that uses them is bound to it. Connects nowhere."},
    {"schema", "compose", COMMAND_SCHEMA_COMPOSE, false, NULL, CONFIGURED,
     "the schema with the user-defined fields",
     "Prints the schema with the fields of the group udps and of the plugins in it. Connects nowhere."},
    {"schema", "ddl", COMMAND_SCHEMA_DDL, false, dialects + 1, CONFIGURED,
     "CREATE TABLE statements for its records",
     "Prints, for an engine, what makes a table that takes the records of each output: types, nullability, codecs and comments. "
     "Connects nowhere."},
    {"schema", "check", COMMAND_SCHEMA_CHECK, false, NULL, CONFIGURED,
     "whether the registry has it or may have it",
     "Asks the registry, for each Kafka output, whether its schema is registered or would be taken. Registers nothing."},
    {"schema", "find", COMMAND_SCHEMA_FIND, false, NULL, CONFIGURED,
     "its id in the registry, which a run needs to start",
     "Looks the id of each Kafka output's schema up in the registry, as a run does. Registers nothing."},
    {"schema", "register", COMMAND_SCHEMA_REGISTER, false, NULL, CONFIGURED, "register it in the registry",
     "Registers the schema of each Kafka output in the registry, under the subject that the output's subject_strategy makes. What "
     "is registered already stays as it is."},
    {"topics", "check", COMMAND_TOPICS_CHECK, false, NULL, CONFIGURED,
     "whether the outputs' topics exist and are as the group topics asks",
     "Asks the brokers for the topics of the Kafka outputs, and compares them with the options of the group topics. Changes "
     "nothing."},
    {"topics", "create", COMMAND_TOPICS_CREATE, false, NULL, CONFIGURED,
     "create those that don't exist, and topics.principal's permissions",
     "Creates the topics of the Kafka outputs that don't exist, as the options of the group topics say, and gives topics.principal "
     "its permissions. What exists stays as it is."},
    {"verify", NULL, COMMAND_VERIFY, false, NULL, CONFIGURED,
     "send one record to each topic, read it back through the registry and compare",
     "Sends a record of a made-up flow to the topic of each Kafka output, reads it back and decodes it with the schema that the "
     "registry has for it. The record stays in the topic, marked by the header verify."},
    {"memory", NULL, COMMAND_MEMORY, false, NULL, CONFIGURED,
     "the resident memory that a live run takes at most, part by part",
     "Computes it from the configuration; without one, from the defaults. Connects nowhere."},
    {"reference", NULL, COMMAND_REFERENCE, true, NULL, "", "the page of options and record fields",
     "Prints, in Markdown, every option, every field of the records and every metric."},
    {"manual", NULL, COMMAND_MANUAL, true, NULL, "", "the man page, in roff",
     "To read it: flowsensor manual | man -l -"},
    {"completion", "bash", COMMAND_COMPLETION_BASH, true, NULL, "", "completion for bash, to be sourced",
     "To use it in this shell: . <(flowsensor completion bash)"},
    {"completion", "zsh", COMMAND_COMPLETION_ZSH, true, NULL, "",
     "completion for zsh, a file _flowsensor of its fpath",
     "To use it in this shell: . <(flowsensor completion zsh); compdef _flowsensor flowsensor"},
    {"completion", "fish", COMMAND_COMPLETION_FISH, true, NULL, "", "completion for fish, to be sourced",
     "To use it in this shell: flowsensor completion fish | source"},
    {"version", NULL, COMMAND_VERSION, true, NULL, "", "versions of flowsensor and its libraries",
     "The same as --version."},
    {"help", NULL, COMMAND_HELP, true, NULL, "[COMMAND]", "this help, or a command's",
     "The same as --help after the command, as in: flowsensor help schema register"},
};
const size_t command_row_count = sizeof command_rows / sizeof *command_rows;
static_assert(sizeof command_rows / sizeof *command_rows <= COMMAND_ROWS_MAX, "raise COMMAND_ROWS_MAX");

const struct exit_code_row exit_code_rows[] = {
    {EX_OK, "done"},
    {EX_USAGE, "usage"},
    {EX_DATAERR, "bad capture"},
    {EX_NOINPUT, "no input"},
    {EX_UNAVAILABLE, "broker or registry unavailable"},
    {EX_OSERR, "out of memory or another system error"},
    {EX_OSFILE, "library of another version"},
    {EX_CANTCREAT, "output cannot be created"},
    {EX_IOERR, "output failed"},
    {EX_NOPERM, "no permission"},
    {EX_CONFIG, "configuration"},
};
const size_t exit_code_row_count = sizeof exit_code_rows / sizeof *exit_code_rows;

bool command_row_is_first(size_t row) {
    return row == 0 || strcmp(command_rows[row].word, command_rows[row - 1].word) != 0;
}
