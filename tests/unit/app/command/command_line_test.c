#include "app/command/command_line.h"

#include "app/command/command_line_rows.h"
#include "app/config_text.h"

enum { WORDS_MAX = 24 };

/* Parses the words of a line, which blanks separate. */
static int parse(const char *line, struct command_request *request, struct config *config,
                 struct error *error) {
    char copy[512];
    char *words[WORDS_MAX + 1] = {0}, *rest = NULL;
    int count = 0;
    snprintf(copy, sizeof copy, "flowsensor %s", line);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    config_defaults(config);
    return command_line_parse(count, words, request, config, error);
}

static enum command parse_well(const char *line, struct config *config) {
    struct error error = {0};
    struct command_request request;
    if (parse(line, &request, config, &error) < 0)
        fail_msg("%s: %s", line, error.text);
    return request.command;
}

static void refuse(const char *line, int exit_code, const char *expected) {
    struct config config;
    struct error error = {0};
    struct command_request request;
    assert_true(parse(line, &request, &config, &error) < 0);
    assert_line(&error, exit_code, expected);
    config_release(&config);
}

static void later_wins_whatever_the_order_on_the_line(void **state) {
    (void)state;
    static const char text[] =
        "profile = \"nfstream\"; capture = { bpf_filter = \"udp\"; }; meter = { idle_timeout = \"1s\"; active_timeout = \"2s\"; };\n";
    struct config config;
    char *path = text_file(text, sizeof text - 1), line[256];
    snprintf(line, sizeof line, "-f tcp --set meter.idle_timeout=3s --set capture.bpf_filter=icmp -r a -c %s",
             path);
    assert_int_equal(parse_well(line, &config), COMMAND_RUN);
    assert_string_equal(config.profile, "nfstream");
    assert_string_equal(config.capture.bpf_filter, "tcp");
    assert_int_equal(config.meter.idle_timeout, 3000000);
    assert_int_equal(config.meter.active_timeout, 2000000);
    config_release(&config);
    unlink(path);
    free(path);
}

static void a_source_on_the_line_replaces_the_files(void **state) {
    (void)state;
    struct config config;
    parse_well("--set capture.interfaces=lo -r a -r b", &config);
    assert_int_equal(config.capture.interfaces.count, 0);
    assert_int_equal(config.capture.files.count, 2);
    assert_string_equal(config.capture.files.items[1], "b");
    config_release(&config);
    parse_well("--set capture.files=a,b -i lo", &config);
    assert_int_equal(config.capture.files.count, 0);
    assert_int_equal(config.capture.interfaces.count, 1);
    assert_string_equal(config.capture.interfaces.items[0], "lo");
    config_release(&config);
    parse_well("-r a -i lo", &config);
    assert_int_equal(config.capture.files.count, 1);
    assert_int_equal(config.capture.interfaces.count, 1);
    assert_string_equal(config.capture.interfaces.items[0], "lo");
    config_release(&config);
}

static void assert_output(const char *line, const char *sink, const char *format) {
    struct config config;
    parse_well(line, &config);
    assert_int_equal(config.output_count, 1);
    assert_string_equal(config_output_sink(&config.outputs[0]), sink);
    assert_string_equal(config.outputs[0].format, format);
    config_release(&config);
}

static void the_format_follows_the_path(void **state) {
    (void)state;
    assert_output("-r a", "file", "jsonl");
    assert_output("-r a -w -", "file", "jsonl");
    assert_output("-r a -w x.csv", "file", "csv");
    assert_output("-r a -w x.JSON", "file", "jsonl");
    assert_output("-r a -w x.ndjson", "file", "jsonl");
    assert_output("-r a -w x.avro", "file", "avro");
    assert_output("-r a -w x", "file", "avro");
    assert_output("-r a -w x.csv/y", "file", "avro");
    assert_output("-r a -w null:", "null", "avro");
    assert_output("-r a -w null: --format csv", "null", "csv");
    assert_output("-r a -w x.csv --format jsonl", "file", "jsonl");
    assert_output("-r a -w x.csv --set outputs.0.format=avro", "file", "avro");
    assert_output("-r a -w x.csv.gz", "file", "csv");
    assert_output("-r a -w x.orc --format csv", "file", "csv");
    refuse("-r a -w x.orc", EX_USAGE, "-w: x.orc: no records are written as .orc");
    refuse("-r a --set outputs.0.path=x.orc", EX_CONFIG, "output 0: x.orc: no records are written as .orc");
}

static void w_replaces_the_files_outputs_and_set_adds_to_it(void **state) {
    (void)state;
    static const char text[] = "outputs = ( { topic = \"a\"; }, { topic = \"b\"; } );\n";
    struct config config;
    char *path = text_file(text, sizeof text - 1), line[256];
    snprintf(line, sizeof line, "-c %s -r a --schema nfstream/v1", path);
    parse_well(line, &config);
    assert_int_equal(config.output_count, 2);
    assert_string_equal(config.outputs[0].format, "avro");
    assert_string_equal(config.outputs[1].schema, "nfstream/v1");
    config_release(&config);
    snprintf(line, sizeof line, "-r a -w x.csv --set outputs.0.rotate_flows=7 -c %s", path);
    parse_well(line, &config);
    assert_int_equal(config.output_count, 1);
    assert_null(config.outputs[0].topic);
    assert_string_equal(config.outputs[0].path, "x.csv");
    assert_int_equal(config.outputs[0].rotate_flows, 7);
    config_release(&config);
    unlink(path);
    free(path);
}

static void commands_are_words_or_flags(void **state) {
    (void)state;
    static const struct {
        const char *line;
        enum command command;
    } lines[] = {
        {"--help", COMMAND_HELP},
        {"-h", COMMAND_HELP},
        {"--version", COMMAND_VERSION},
        {"-D", COMMAND_LIST_INTERFACES},
        {"--list-interfaces", COMMAND_LIST_INTERFACES},
        {"--check-config -r a", COMMAND_CHECK_CONFIG},
        {"--print-config", COMMAND_PRINT_CONFIG},
        {"-V", COMMAND_VERSION},
        {"version", COMMAND_VERSION},
        {"reference", COMMAND_REFERENCE},
        {"manual", COMMAND_MANUAL},
        {"completion bash", COMMAND_COMPLETION_BASH},
        {"completion zsh", COMMAND_COMPLETION_ZSH},
        {"completion fish -c /nowhere", COMMAND_COMPLETION_FISH},
        {"schema print", COMMAND_SCHEMA_PRINT},
        {"schema features --schema flow/v1", COMMAND_SCHEMA_FEATURES},
        {"schema compose", COMMAND_SCHEMA_COMPOSE},
        {"--schema flow/v1 schema check", COMMAND_SCHEMA_CHECK},
        {"schema find", COMMAND_SCHEMA_FIND},
        {"schema ddl duckdb", COMMAND_SCHEMA_DDL},
        {"--schema flow/v1 schema ddl spark", COMMAND_SCHEMA_DDL},
        {"schema register", COMMAND_SCHEMA_REGISTER},
        {"topics check", COMMAND_TOPICS_CHECK},
        {"topics create --set topics.partitions=3", COMMAND_TOPICS_CREATE},
        {"verify", COMMAND_VERIFY},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct config config;
        assert_int_equal(parse_well(lines[i].line, &config), lines[i].command);
        config_release(&config);
    }
    /* These answer whatever the configuration says. */
    struct config config;
    assert_int_equal(parse_well("--version -c /nowhere", &config), COMMAND_VERSION);
    config_release(&config);
}

static void assert_help(const char *line, const char *word, const char *subword) {
    struct config config;
    struct command_request request;
    struct error error = {0};
    if (parse(line, &request, &config, &error) < 0)
        fail_msg("%s: %s", line, error.text);
    assert_int_equal(request.command, COMMAND_HELP);
    assert_true(word ? request.word && strcmp(request.word, word) == 0 : !request.word);
    assert_true(subword ? request.subword && strcmp(request.subword, subword) == 0 : !request.subword);
    config_release(&config);
}

/* The configuration is nowhere, so reading it would fail. */
static void help_is_of_each_command_and_reads_nothing(void **state) {
    (void)state;
    static const char *const forms[] = {
        "%s%s%s --help",          "%s%s%s -h",   "--help %s%s%s",    "help %s%s%s",
        "-c /nowhere %s%s%s -h",  "%s%s%s help", "%s%s%s -c --help", "%s%s%s -f -h -r x",
        "%s%s%s --unknown --help"};
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
            char line[128];
            /* Who doesn't know the flags doesn't know where the words are. */
            bool lost = strstr(forms[form], "--unknown") != NULL;
            if (row->command == COMMAND_HELP && form != 3)
                continue;
            snprintf(line, sizeof line, forms[form], row->word, row->subword ? " " : "",
                     row->subword ? row->subword : "");
            assert_help(line, lost ? NULL : row->word, lost ? NULL : row->subword);
            if (!row->subword || lost)
                continue;
            snprintf(line, sizeof line, forms[form], row->word, "", "");
            assert_help(line, row->word, NULL);
        }
    }
    assert_help("help", NULL, NULL);
    assert_help("-r a.pcap -w --help", NULL, NULL);
    assert_help("a.pcap -h", NULL, NULL);
}

static void every_command_has_a_help_of_its_own(void **state) {
    (void)state;
    char *texts[COMMAND_ROWS_MAX];
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        struct command_request request = {
            .command = COMMAND_HELP, .word = row->word, .subword = row->subword};
        size_t size;
        FILE *stream = open_memstream(&texts[i], &size);
        command_line_help(&request, stream);
        fclose(stream);
        assert_non_null(strstr(texts[i], row->help));
        assert_non_null(strstr(texts[i], "Usage: flowsensor "));
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(texts[i], texts[other]);
    }
    for (size_t i = 0; i < command_row_count; i++)
        free(texts[i]);
}

static void captures_need_no_flag(void **state) {
    (void)state;
    struct config config;
    assert_int_equal(parse_well("a.pcap sub/b -w x.csv c.pcapng", &config), COMMAND_RUN);
    assert_int_equal(config.capture.files.count, 3);
    assert_string_equal(config.capture.files.items[0], "a.pcap");
    assert_string_equal(config.capture.files.items[2], "c.pcapng");
    config_release(&config);
    /* As a shell makes it of "-r *.pcap". */
    parse_well("-r 1.pcap 2.pcap 3.pcap --set capture.interfaces=lo", &config);
    assert_int_equal(config.capture.files.count, 3);
    assert_string_equal(config.capture.files.items[0], "1.pcap");
    assert_string_equal(config.capture.files.items[1], "2.pcap");
    assert_int_equal(config.capture.interfaces.count, 0);
    config_release(&config);
    parse_well("-", &config);
    assert_string_equal(config.capture.files.items[0], "-");
    config_release(&config);
}

static void each_w_is_an_output(void **state) {
    (void)state;
    struct config config;
    parse_well(
        "-r a -w x.csv -w y/z.avro -w null: --set outputs.1.codec=null --set outputs.0.name=table --schema flow/v1",
        &config);
    assert_int_equal(config.output_count, 3);
    assert_string_equal(config.outputs[0].path, "x.csv");
    assert_string_equal(config.outputs[0].format, "csv");
    assert_string_equal(config.outputs[0].name, "table");
    assert_string_equal(config.outputs[1].format, "avro");
    assert_string_equal(config.outputs[1].codec, "null");
    assert_string_equal(config.outputs[1].name, "y/z.avro");
    assert_string_equal(config.outputs[2].sink, "null");
    assert_string_equal(config.outputs[2].schema, "flow/v1");
    struct error error = {0};
    assert_int_equal(config_check_outputs(&config, &error), 0);
    config_release(&config);
    char line[512] = "-r a";
    for (int i = 0; i < CONFIG_OUTPUTS_MAX; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " -w%d", i);
    parse_well(line, &config);
    assert_int_equal(config.output_count, CONFIG_OUTPUTS_MAX);
    config_release(&config);
    snprintf(line + strlen(line), sizeof line - strlen(line), " -w16");
    refuse(line, EX_USAGE, "-w is given more than 16 times");
}

static void what_other_programs_have_is_hinted_at(void **state) {
    (void)state;
    refuse("-r a -o x.csv", EX_USAGE, "unknown flag -o; records are written with -w FILE");
    refuse("-r a -O csv", EX_USAGE, "unknown flag -O; records are written with -w");
    refuse("--json", EX_USAGE, "unknown flag --json; JSON lines: -w FILE.jsonl");
    refuse("--csv=x", EX_USAGE, "unknown flag --csv; CSV: -w FILE.csv");
    refuse("-i lo -n", EX_USAGE, "unknown flag -n; addresses are never looked up");
    refuse("-nn -i lo", EX_USAGE, "unknown flag -nn; addresses are never looked up");
    refuse("-i lo -s 0", EX_USAGE,
           "unknown flag -s; bytes kept of each packet: --set capture.snapshot_length=N");
    refuse("-c 250 -i lo", EX_USAGE,
           "no file 250; to stop after so many records: --set meter.max_nflows=250");
    refuse("--output x", EX_USAGE, "-w FILE");
    refuse("--verbose", EX_USAGE, "--set log.level=debug");
    refuse("--config x", EX_USAGE, "the configuration: -c FILE");
    refuse("-i lo udp port 53", EX_USAGE, "unexpected argument \"udp\"; a filter is one word, given with -f");
    refuse("lo", EX_USAGE, "unexpected argument \"lo\"; an interface is given with -i lo");
}

static void what_a_run_has_once_is_not_given_twice(void **state) {
    (void)state;
    refuse("-c a -c b", EX_USAGE, "-c is given twice, \"a\" and \"b\"; one file may @include others");
    refuse("-i lo -i eth0", EX_USAGE, "-i is given twice, \"lo\" and \"eth0\"");
    refuse("-r a -f tcp -f udp", EX_USAGE, "-f is given twice, \"tcp\" and \"udp\"; write one expression");
    struct config config;
    parse_well("-r a -f tcp -f tcp --format csv --format jsonl", &config);
    assert_string_equal(config.outputs[0].format, "jsonl");
    config_release(&config);
}

static void unknown_words_and_flags_are_usage(void **state) {
    (void)state;
    refuse("--fromat csv", EX_USAGE, "unknown flag --fromat; did you mean --format?");
    refuse("--fromat=csv", EX_USAGE, "unknown flag --fromat; did you mean --format?");
    refuse("--zzzzzzzz", EX_USAGE, "unknown flag --zzzzzzzz; --help lists all");
    refuse("-r a -x", EX_USAGE, "unknown flag -x;");
    refuse("--check-config=yes", EX_USAGE, "--check-config takes no value");
    refuse("-r", EX_USAGE, "-r needs a value");
    refuse("--schema", EX_USAGE, "--schema needs a value");
    refuse("nothing", EX_USAGE,
           "unexpected argument \"nothing\": neither a command nor a capture that is there");
    refuse("a.pcap nothing", EX_USAGE, "unexpected argument \"nothing\"");
    refuse("schema", EX_USAGE, "there are print, features, compose, ddl, check, find and register");
    refuse("completion", EX_USAGE, "completion needs a word after it; there are bash, zsh and fish");
    refuse("schema ddl", EX_USAGE,
           "schema ddl needs a word after it: flink|clickhouse|clickhouse_packed|duckdb|iceberg|spark");
    refuse("schema ddl duck", EX_USAGE, "schema ddl: unknown choice \"duck\"; there are flink|clickhouse");
    refuse("schema ddl |clickhouse", EX_USAGE, "unknown choice \"|clickhouse\"");
    refuse("schema ddl flink|clickhouse", EX_USAGE, "unknown choice \"flink|clickhouse\"");
    refuse("schema ddl spark x", EX_USAGE, "unexpected argument \"x\"");
    refuse("manual page", EX_USAGE, "unexpected argument \"page\"");
    refuse("schema prnt", EX_USAGE, "schema prnt: unknown command; did you mean schema print?");
    refuse(
        "schema zzzzz", EX_USAGE,
        "schema zzzzz: unknown command; there are print, features, compose, ddl, check, find and register");
    refuse("topics", EX_USAGE, "there are check and create");
    refuse("topic check", EX_USAGE, "unknown command topic; did you mean topics? (--help lists all)");
    refuse("verfy", EX_USAGE, "unknown command verfy; did you mean verify? (--help lists all)");
    refuse("verify x", EX_USAGE, "unexpected argument \"x\"");
    refuse("schema print x", EX_USAGE, "unexpected argument \"x\"");
    refuse("--profile fast", EX_USAGE, "--profile: profile: \"fast\" is not one of native|nfstream");
    refuse("--format xml", EX_USAGE, "\"xml\" is not one of avro|csv|jsonl");
}

static void set_takes_what_the_file_takes(void **state) {
    (void)state;
    struct config config;
    parse_well(
        "--set meter.idle_timeout=\"7s\" --set meter.active_timeout='2.5min' --set profile=\"nfstream\" "
        "--set capture.exclude_self=No --set outputs.0.kafka=[\"a=1\",\"b=2,3\"] "
        "--set capture.bpf_filter=\"tcp\"",
        &config);
    assert_int_equal(config.meter.idle_timeout, 7000000);
    assert_int_equal(config.meter.active_timeout, 150000000);
    assert_string_equal(config.profile, "nfstream");
    assert_string_equal(config.capture.bpf_filter, "tcp");
    assert_false(config.capture.exclude_self);
    assert_int_equal(config.outputs[0].kafka.count, 2);
    assert_string_equal(config.outputs[0].kafka.items[1], "b=2,3");
    config_release(&config);
}

static void set_names_what_is_wrong(void **state) {
    (void)state;
    refuse("--set meter.idle_timout=5s", EX_CONFIG,
           "--set: unknown option \"meter.idle_timout\"; did you mean \"meter.idle_timeout\"?");
    refuse("--set meter.idle_timeout", EX_USAGE, "\"meter.idle_timeout\" is not of the form path=value");
    refuse("--set =x", EX_USAGE, "is not of the form path=value");
    refuse("--set meter.idle_timeout=9", EX_CONFIG, "--set: meter.idle_timeout: \"9\" has no unit; write 9s");
    refuse("--set meter.idle_timeout=\"9s", EX_CONFIG,
           "--set: meter.idle_timeout: \"\"9s\" is no duration; write it as 5s");
    refuse("--set outputs.topic=x", EX_CONFIG, "needs the output's number, as in outputs.0.topic");
    refuse("--set outputs.0x.topic=x", EX_CONFIG, "needs the output's number");
    refuse("--set outputs.1.topic=x", EX_CONFIG, "there is no output 1; the next one is number 0");
    refuse("--set outputs.99999999999999999999.topic=x", EX_CONFIG, "there is no output");
    refuse("--set outputs.0.topik=x", EX_CONFIG, "did you mean \"outputs.topic\"?");
    refuse("-c /nowhere -r a", EX_NOINPUT, "/nowhere: No such file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_wins_whatever_the_order_on_the_line),
        cmocka_unit_test(a_source_on_the_line_replaces_the_files),
        cmocka_unit_test(the_format_follows_the_path),
        cmocka_unit_test(w_replaces_the_files_outputs_and_set_adds_to_it),
        cmocka_unit_test(commands_are_words_or_flags),
        cmocka_unit_test(help_is_of_each_command_and_reads_nothing),
        cmocka_unit_test(every_command_has_a_help_of_its_own),
        cmocka_unit_test(captures_need_no_flag),
        cmocka_unit_test(each_w_is_an_output),
        cmocka_unit_test(what_other_programs_have_is_hinted_at),
        cmocka_unit_test(what_a_run_has_once_is_not_given_twice),
        cmocka_unit_test(unknown_words_and_flags_are_usage),
        cmocka_unit_test(set_takes_what_the_file_takes),
        cmocka_unit_test(set_names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
