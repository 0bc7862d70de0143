/* Fuzzes the configuration file, and a --set behind it: what is taken is judged and printed, and what is printed is
 * taken again and says the same. An input is an assignment up to the first line feed, then the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config/config.h"
#include "base/log.h"

static int file;
static char path[64];

static void require(bool condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig's own, of strings and files that don't end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    log_configure(LOG_ERROR, LOG_PLAIN);
    file = memfd_create("configuration", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    require(file >= 0);
    return 0;
}

static void write_file(const void *data, size_t size) {
    require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
}

static bool judge(int result, const struct error *error) {
    require(result == 0 || (error->exit_code != 0 && error->text[0] != '\0' && !strchr(error->text, '\n')));
    return result == 0;
}

/* As it is in force; malloc'd. */
static char *print(const struct config *config) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    config_print(config, stream);
    fclose(stream);
    return text;
}

/* Secrets are masked, and what looks like a variable is expanded: then the texts may differ, but it is read. */
static void read_again(const char *printed) {
    struct config config;
    struct error error = {0};
    config_defaults(&config);
    write_file(printed, strlen(printed));
    if (judge(config_load(&config, path, &error), &error) && !strstr(printed, "***") &&
        !strchr(printed, '$')) {
        char *again = print(&config);
        require(strcmp(printed, again) == 0);
        free(again);
    }
    config_release(&config);
}

static void use(struct config *config) {
    struct error error = {0};
    judge(config_check(config, &error), &error);
    for (size_t i = 0; i < config->output_count; i++) {
        error = (struct error){0};
        require(config_output_name(&config->outputs[i]) && config_output_sink(&config->outputs[i]));
        judge(config_complete_output(&config->outputs[i], "one", &error), &error);
    }
    char *printed = print(config);
    read_again(printed);
    free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : 0;
    char assignment[256];
    struct config config;
    struct error error = {0};
    if (length >= sizeof assignment)
        return 0;
    memcpy(assignment, data, length);
    assignment[length] = '\0';
    size_t begin = end ? length + 1 : 0;
    config_defaults(&config);
    write_file(data + begin, size - begin);
    bool taken = judge(config_load(&config, path, &error), &error);
    if (taken && length > 0)
        taken = judge(config_set(&config, assignment, "--set", &error), &error);
    if (taken)
        use(&config);
    config_release(&config);
    return 0;
}
