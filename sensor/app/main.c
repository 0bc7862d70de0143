/* The story of the process: read what is asked, plan, open, run, say what became of everything. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/command/command_line.h"
#include "app/command/completion.h"
#include "app/command/line_again.h"
#include "app/command/manual.h"
#include "app/command/preflight.h"
#include "app/command/reference.h"
#include "app/command/schema_commands.h"
#include "app/command/topics_commands.h"
#include "app/command/verify.h"
#include "app/command/version.h"
#include "app/config/config.h"
#include "app/host/core_dumps.h"
#include "app/host/standard_streams.h"
#include "app/plan/budget.h"
#include "app/plan/kafka_options.h"
#include "app/plan/plan.h"
#include "app/plan/plan_check.h"
#include "app/plan/plan_warnings.h"
#include "app/run/pipeline.h"
#include "base/log.h"
#include "capture/capture.h"

static int run_plan(struct plan *plan, const struct config_source *source, struct error *error) {
    struct pipeline *pipeline = NULL;
    int result = pipeline_open(plan, &pipeline, error);
    plan_forget_key(plan);
    if (result < 0)
        return result;
    plan_warn(plan);
    pipeline_reload_from(pipeline, source);
    result = pipeline_run(pipeline, error);
    pipeline_log_ledger(pipeline);
    pipeline_close(pipeline);
    return result;
}

static void print_interface(const char *name, const char *description, const char *addresses, void *context) {
    (void)context;
    printf("%-16s %s%s%s\n", name, addresses, *description ? "  " : "", description);
}

static int print_memory(const struct plan *plan, struct error *error) {
    struct budget budget;
    int result = budget_make(plan, &budget, error);
    if (result == 0)
        budget_print(&budget, stdout);
    return result;
}

/* A file that a run could not read or write is a fault of the configuration that names it. */
static void judge_as_configuration(struct error *error) {
    if (error->exit_code != EX_USAGE && error->exit_code != EX_OSERR && error->exit_code != EX_OSFILE)
        error->exit_code = EX_CONFIG;
}

/* Of a command that isn't about a run. */
static int make_plan(enum command command, const struct config *config, struct plan *plan,
                     struct error *error) {
    bool composes = command == COMMAND_SCHEMA_COMPOSE;
    int result = config_check_registry(config, error);
    if (result == 0 && command == COMMAND_VERIFY)
        result = kafka_check_outputs(config, error);
    return result == 0
               ? plan_make(config, composes ? PLAN_SCHEMAS_COMPOSED : PLAN_SCHEMAS_AS_NAMED, plan, error)
               : result;
}

/* Commands that need the configuration judged and the schemas bound. */
static int execute_plan(const struct command_request *request, const struct config *config,
                        const struct config_source *source, struct error *error) {
    enum command command = request->command;
    struct plan plan = {0};
    bool runs = command == COMMAND_RUN || command == COMMAND_CHECK_CONFIG || command == COMMAND_MEMORY;
    int result = runs ? plan_make_run(config, &plan, error) : make_plan(command, config, &plan, error);
    if (result == 0 && command == COMMAND_RUN)
        result = run_plan(&plan, source, error);
    else if (result == 0 && command == COMMAND_VERIFY)
        result = verify_command(&plan, error);
    else if (result == 0 && command == COMMAND_MEMORY)
        result = print_memory(&plan, error);
    else if (result == 0 && command == COMMAND_CHECK_CONFIG)
        result = preflight(&plan, error);
    else if (result == 0)
        result = schema_command(request, &plan, error);
    if (result < 0 && command == COMMAND_CHECK_CONFIG)
        judge_as_configuration(error);
    plan_release(&plan);
    return result;
}

static int execute(const struct command_request *request, const struct config *config,
                   const struct config_source *source, struct error *error) {
    enum command command = request->command;
    switch (command) {
    case COMMAND_HELP: command_line_help(request, stdout); return 0;
    case COMMAND_VERSION: version_print(stdout); return 0;
    case COMMAND_LIST_INTERFACES: return capture_list_interfaces(print_interface, NULL, error);
    case COMMAND_REFERENCE: reference_print(stdout); return 0;
    case COMMAND_MANUAL: manual_print(stdout); return 0;
    case COMMAND_COMPLETION_BASH:
    case COMMAND_COMPLETION_ZSH:
    case COMMAND_COMPLETION_FISH: completion_print(command, stdout); return 0;
    case COMMAND_PRINT_CONFIG: config_print(config, stdout); return 0;
    case COMMAND_SCHEMA_DDL: return schema_ddl_command(request->choice, config, error);
    case COMMAND_TOPICS_CHECK:
    case COMMAND_TOPICS_CREATE: return topics_command(command, config, error);
    default: return execute_plan(request, config, source, error);
    }
}

static void configure_log(const struct config *config) {
    enum log_level level;
    enum log_format format;
    if (config->log.level && config->log.format && log_level_parse(config->log.level, &level) == 0 &&
        log_format_parse(config->log.format, &format) == 0)
        log_configure(level, format);
}

int main(int argc, char **argv) {
    umask(S_IRWXG | S_IRWXO); /* records, pseudonyms and caches are for nobody else */
    standard_streams_fill();
    struct config config;
    struct error error = {0};
    struct command_request request = {0};
    struct line_again line = {0};
    config_defaults(&config);
    int result = core_dumps_forbid(&error);
    if (result == 0)
        config.no_memory |= line_again_keep(&line, argc, argv) < 0;
    if (result == 0 && !config.no_memory)
        result = command_line_parse(argc, argv, &request, &config, &error);
    line.path = request.path;
    const struct config_source source = {.read = line_again_read, .context = &line};
    configure_log(&config);
    if (result == 0 && config.no_memory)
        result = error_set(&error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0)
        result = standard_streams_end(execute(&request, &config, &source, &error), &error);
    if (result < 0 && error.text[0])
        log_line(LOG_ERROR, "%s", error.text);
    config_release(&config);
    line_again_release(&line);
    return result < 0 ? error.exit_code : EX_OK;
}
