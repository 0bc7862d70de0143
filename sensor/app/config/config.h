/* The whole configuration, as typed values. Each member's row in option_rows.def has its unit and meaning. The main thread
 * makes it before it starts others. From then on it doesn't change, and any thread may read it. With SIGHUP another one is read
 * (app/run/reload.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "app/config/option.h"
#include "base/error.h"

enum { CONFIG_OUTPUTS_MAX = 16 };

/* The type of an option's member, by the type in its row. */
#define MEMBER_BOOLEAN  bool
#define MEMBER_SWITCH   enum option_switch
#define MEMBER_INTEGER  int64_t
#define MEMBER_SIZE     int64_t
#define MEMBER_DURATION int64_t
#define MEMBER_STRING   char *
#define MEMBER_CHOICE   char *
#define MEMBER_STRINGS  struct string_list

struct output_config {
#define OUTPUT(name, type, ...) MEMBER_##type name;
#include "app/config/option_rows.def"
};

struct config {
#define GROUP(group) struct {
/* A member's name can't have parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define END(group) \
    }              \
    group;
/* NOLINTEND(bugprone-macro-parentheses) */
#define OPTION(group, name, type, ...) MEMBER_##type name;
#define PLAIN(name, type, ...)         MEMBER_##type name;
#include "app/config/option_rows.def"
    struct output_config outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
    bool outputs_replaced; /* by -w: what else the file says may be for the sake of those */
    bool no_memory;        /* some default could not be set, and the configuration can't be used */
};

/* option_table.c, from option_rows.def */
extern const struct option_row option_rows[];
extern const size_t option_row_count;
extern const struct option_row output_rows[];
extern const size_t output_row_count;

/* Where a run's configuration is from, to be read again. */
struct config_source {
    /* Defaults, and on top of them what the start read: file, --set, flags. Fails as a start does. The caller releases *config
     * also then.
     * @thread any, one at a time */
    int (*read)(void *context, struct config *config, struct error *error);
    void *context;
};

void config_defaults(struct config *config);
void config_release(struct config *config);

/* Reads a libconfig file on top of what is there; `${VAR}`, `${VAR:-default}` and `${file:PATH}` in strings are
 * expanded; `$${` is the text `${`. EX_NOINPUT, EX_CONFIG with "FILE:LINE: ...". */
int config_load(struct config *config, const char *path, struct error *error);

/* "meter.idle_timeout=5s", "outputs.0.topic=flows"; blanks and quotes around the value are taken off. In lists
 * commas separate, and "\," is a comma; [ "a", "b" ] is taken too. `origin` names the flag in messages. EX_USAGE,
 * EX_CONFIG. */
int config_set(struct config *config, const char *assignment, const char *origin, struct error *error);

/* Sets the value exactly as given: nothing is taken off. */
int config_assign(struct config *config, const char *path, const char *value, const char *origin,
                  struct error *error);

/* A new output with its defaults; NULL if there are too many. */
struct output_config *config_add_output(struct config *config);
void config_clear_outputs(struct config *config);

/* The output's sink and its name in records, messages and the ledger, given or by default. */
const char *config_output_sink(const struct output_config *output);
const char *config_output_name(const struct output_config *output);

/* Fills in format and compression from the ending of the output's path, where they are not given. EX_CONFIG: the ending
 * contradicts the format, or can't be written. `place`: the output's name in messages. */
int config_complete_output(struct output_config *output, const char *place, struct error *error);

/* Checks that take more than one option: sources, outputs, topics. EX_CONFIG or EX_USAGE. */
int config_check(const struct config *config, struct error *error);

/* The part of config_check() that looks at files: no output may be written over what is read. EX_CONFIG. */
int config_check_overwrites(const struct config *config, struct error *error);

/* How a registry is logged in at, for every command that may ask it. EX_CONFIG. */
int config_check_registry(const struct config *config, struct error *error);

/* The part of config_check() that is about outputs, for commands that read no packets. EX_CONFIG. */
int config_check_outputs(const struct config *config, struct error *error);

/* Whether a run with the configuration `now` can go on with `next`, as far as outputs aside goes: they differ in reloadable
 * options alone. EX_CONFIG and one line that names the first other one. */
int config_check_reload(const struct config *now, const struct config *next, struct error *error);
/* Whether next->outputs[index] is the same output. EX_CONFIG and one line that names the first option that differs. */
int config_check_same_output(const struct output_config *now, const struct config *next, size_t index,
                             struct error *error);

/* The configuration in force, in the file's language; secrets masked. */
void config_print(const struct config *config, FILE *stream);

/* `text` with ${...} replaced; malloc'd. -EINVAL and the reason (without place) in *reason.
 * @thread any: a lock is on the variables that were taken */
int config_expand(const char *text, char **expanded, struct error *reason);

/* Whether a librdkafka property's value must not be shown. */
bool config_is_secret_property(const char *name, size_t length);

/* Overwrites the values of such properties in an argument of the command line, which every user of the host can read. */
void config_hide_secrets(char *text);

/* "libconfig 1.5.0". */
const char *config_library_version(void);
