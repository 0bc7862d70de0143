/* Fuzzes what a schema file goes through: the text is linted, bound to the catalogue, and composed with user-defined
 * fields. What is taken must be whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "meter/udps.h"
#include "record/schema/schema.h"
#include "record/field/udps_rows.h"

static char path[64];
static int file;
static struct udps *udps;
static struct udps_rows *rows;

static void require(bool condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char *const packets[] = {"syns=tcp[13] = 2"};
    static const struct udps_options options = {.packets = {packets, 1}};
    struct error error = {0};
    (void)argc, (void)argv;
    log_configure(LOG_ERROR, LOG_PLAIN);
    require(udps_load(&options, &udps, &error) == 0);
    rows = udps_rows_create(udps);
    file = memfd_create("schema", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    require(rows && file >= 0);
    return 0;
}

static void write_file(const uint8_t *data, size_t size) {
    require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
}

/* Every field has a row, or is a record of fields that have. */
static void use(const struct schema *schema) {
    require(schema->field_count > 0 && schema->full_name && strlen(schema->sha256) == 64);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bound_field *field = &schema->fields[i];
        require(field->name && *field->name);
        require(field->members > 0 || field->row);
        require(field->members < schema->field_count - i);
        if (field->row)
            for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++)
                (void)bound_field_row(field, (enum meter_profile)profile);
    }
    struct error error = {0};
    (void)schema_groups(schema);
    if (schema_check_profile(schema, PROFILE_NFSTREAM, &error) < 0)
        require(error.text[0] != '\0');
}

static void load(bool compose) {
    struct schema *schema = NULL;
    struct error error = {0};
    if (schema_load(path, rows, compose, &schema, &error) == 0) {
        use(schema);
        schema_free(schema);
    } else {
        require(error.exit_code != 0 && error.text[0] != '\0' && !strchr(error.text, '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    (void)schema_lint("fuzzed", text, size, &error);
    free(text);
    write_file(data, size);
    load(false);
    load(true);
    return 0;
}
