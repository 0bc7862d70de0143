/* The whole configuration, as typed values. Who reads a member finds its row, with unit and meaning, in options.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "app/config/option.h"
#include "base/error.h"

enum { CONFIG_OUTPUTS_MAX = 16 };

struct output_config {
    char *name;
    char *sink; /* "kafka", "file", "null" */
    char *schema;
    char *format;
    char *path;
    char *codec;
    char *compression;
    int64_t rotate_size, rotate_flows, rotate_files;
    char *topic;
    struct string_list kafka;
    char *framing;
    char *subject_strategy;
    struct string_list columns_to_anonymize;
};

struct config {
    char *profile;
    int64_t performance_report;
    struct {
        struct string_list files;
        char *interface;
        char *bpf_filter;
        bool promiscuous_mode, exclude_self, sort;
        int64_t snapshot_length, socket_buffer_size;
    } capture;
    struct {
        enum option_switch decode_tunnels, statistical_analysis;
        char *tunnel_key;
        struct string_list tunnel_ports;
        int64_t idle_timeout, active_timeout, accounting_mode, n_dissections, splt_analysis, max_nflows;
        int64_t flow_table_size, n_meters, system_visibility_mode, system_visibility_poll_ms;
    } meter;
    struct {
        struct string_list packets, bytes, plugins;
    } udps;
    struct {
        char *url, *username, *password_file, *ca_file, *certificate_file, *key_file, *cache_directory;
        int64_t timeout, max_response_size;
        bool auto_register;
    } registry;
    struct {
        char *sensor_id, *key_file;
    } identity;
    struct {
        char *key_file;
    } anonymization;
    struct {
        int64_t partitions, replication_factor;
        struct string_list config, readable;
        char *principal;
    } topics;
    struct {
        int64_t timeout, shutdown_timeout;
    } delivery;
    struct {
        char *listen;
    } monitoring;
    struct {
        char *level, *format;
    } log;
    struct output_config outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
    bool no_memory; /* some default could not be set, and the configuration can't be used */
};

/* options.c */
extern const struct option_row option_rows[];
extern const size_t option_row_count;
extern const struct option_row output_rows[];
extern const size_t output_row_count;

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

/* The part of config_check() that is about outputs, for commands that read no packets. EX_CONFIG. */
int config_check_outputs(const struct config *config, struct error *error);

/* The configuration in force, in the file's language; secrets masked. */
void config_print(const struct config *config, FILE *stream);

/* `text` with ${...} replaced; malloc'd. -EINVAL and the reason (without place) in *reason. */
int config_expand(const char *text, char **expanded, struct error *reason);

/* Whether a librdkafka property's value must not be shown. */
bool config_is_secret_property(const char *name, size_t length);

/* "libconfig 1.5.0". */
const char *config_library_version(void);
