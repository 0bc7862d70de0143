/* The story of the process: read what is asked, plan, open, run, say what became of everything. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command/command_line.h"
#include "app/command/completion.h"
#include "app/command/manual.h"
#include "app/command/preflight.h"
#include "app/command/reference.h"
#include "app/command/schema_commands.h"
#include "app/command/topics_commands.h"
#include "app/command/verify.h"
#include "app/command/version.h"
#include "app/config/config.h"
#include "app/plan/anonymization_key.h"
#include "app/plan/budget.h"
#include "app/plan/kafka_options.h"
#include "app/plan/plan.h"
#include "app/run/pipeline.h"
#include "base/log.h"
#include "capture/capture.h"

/* Who joins two runs by flow_uid finds nothing, and sees no error: a stream's reader is told before. */
static void warn_of_random_key(const struct plan *plan) {
    bool streams = false;
    for (size_t i = 0; i < plan->output_count; i++)
        streams |= plan->outputs[i].sink == &sink_kafka;
    if (streams && !plan->config->identity.key_file)
        log_line(
            LOG_WARNING,
            "identity.key_file is not set: flow_uid has a random key, and records of two runs can't be joined; make one with: openssl rand -hex 16");
}

/* NFStream takes its parameter with files too, and says nothing. */
static void warn_of_report(const struct plan *plan) {
    if (!plan->live && plan->config->performance_report > 0)
        log_line(LOG_WARNING, "performance_report is for live captures (-i); files are read without reports");
}

/* As NFStream says it: the sockets of a capture's flows are not here. */
static void warn_of_visibility(const struct plan *plan) {
    if (!plan->live && plan->config->meter.system_visibility_mode != 0)
        log_line(
            LOG_WARNING,
            "meter.system_visibility_mode is taken as 0: a capture's flows have no sockets here; capture live with -i");
}

static int run(const struct plan *plan, struct error *error) {
    struct pipeline *pipeline = NULL;
    int result = pipeline_open(plan, &pipeline, error);
    if (result < 0)
        return result;
    warn_of_random_key(plan);
    warn_of_report(plan);
    warn_of_visibility(plan);
    anonymization_warn_of_random_key(plan);
    result = pipeline_run(pipeline, error);
    error->text[0] = '\0'; /* was logged when it happened */
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

/* Commands that need the configuration judged and the schemas bound. */
static int execute_plan(enum command command, const struct config *config, struct error *error) {
    struct plan plan;
    bool runs = command == COMMAND_RUN || command == COMMAND_CHECK_CONFIG || command == COMMAND_MEMORY;
    int result = runs                        ? config_check(config, error)
                 : command == COMMAND_VERIFY ? kafka_check_outputs(config, error)
                                             : 0;
    if (result < 0)
        return result;
    result = command == COMMAND_SCHEMA_COMPOSE ? plan_make_composed(config, &plan, error)
                                               : plan_make(config, &plan, error);
    if (result == 0 && runs)
        result = plan_check_run(&plan, error);
    if (result == 0 && command == COMMAND_RUN)
        result = run(&plan, error);
    else if (result == 0 && command == COMMAND_VERIFY)
        result = verify_command(&plan, error);
    else if (result == 0 && command == COMMAND_MEMORY)
        result = print_memory(&plan, error);
    else if (result == 0 && command == COMMAND_CHECK_CONFIG)
        result = preflight(&plan, error);
    else if (result == 0)
        result = schema_command(command, &plan, error);
    if (result < 0 && command == COMMAND_CHECK_CONFIG)
        judge_as_configuration(error);
    plan_release(&plan);
    return result;
}

static int execute(const struct request *request, const struct config *config, struct error *error) {
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
    case COMMAND_TOPICS_CHECK:
    case COMMAND_TOPICS_CREATE: return topics_command(command, config, error);
    default: return execute_plan(command, config, error);
    }
}

static void configure_log(const struct config *config) {
    enum log_level level;
    enum log_format format;
    if (config->log.level && config->log.format && log_level_parse(config->log.level, &level) == 0 &&
        log_format_parse(config->log.format, &format) == 0)
        log_configure(level, format);
}

/* A standard descriptor that was closed would be given to the first file or socket that is opened, and log lines or
 * records would go there. What stands in for it can be neither read nor written, so that whoever uses it hears of it. */
static void fill_standard_descriptors(void) {
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 &&
            open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) != descriptor)
            _Exit(EX_OSERR);
}

/* What a command printed must have arrived. A reader that has seen enough is no failure; mostly SIGPIPE has ended
 * the command by then. */
static int end_printing(int result, struct error *error) {
    errno = 0;
    bool arrived = fflush(stdout) == 0 && !ferror(stdout);
    if (result < 0 || arrived || errno == EPIPE)
        return result;
    return error_set(error, EIO, EX_IOERR, "cannot write to standard output: %s; check where it leads to",
                     strerror(errno ? errno : EIO));
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    struct config config;
    struct error error = {0};
    struct request request = {0};
    config_defaults(&config);
    int result = config.no_memory ? 0 : command_line_parse(argc, argv, &request, &config, &error);
    configure_log(&config);
    if (config.no_memory)
        result = error_set(&error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0)
        result = end_printing(execute(&request, &config, &error), &error);
    if (result < 0 && error.text[0])
        log_line(LOG_ERROR, "%s", error.text);
    config_release(&config);
    return result < 0 ? error.exit_code : EX_OK;
}
