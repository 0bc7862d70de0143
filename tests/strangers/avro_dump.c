/* Reads records as any program does that has nothing but Avro C, and writes them as JSON lines.
 *
 *   avro_dump container FILE...       Avro container files, by Avro C's own file reader
 *   avro_dump bodies SCHEMA FILE...   bare records under the schema file, each behind its length (4 bytes, big-endian)
 *   avro_dump resolved SCHEMA FILE... Avro container files, as a reader with the schema file has them
 *
 * The lines of FILE go to FILE.jsonl, in the order of the schema's fields. Each byte of FILE must belong to a record (or
 * to the container's framing). The first thing that is wrong ends the program: one line on stderr, exit code 1. */
#include <avro.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 4, PATH_SIZE = 4096, SCHEMA_MAX = 1 << 20 };

/* One file under way. */
struct dump {
    const char *path;
    FILE *in, *out;
    uint64_t records;
};

static int fail(const struct dump *dump, const char *what, const char *why) {
    fprintf(stderr, "avro_dump: %s: %s after %" PRIu64 " records: %s\n", dump->path, what, dump->records,
            why);
    return -1;
}

static void put_text(FILE *out, const char *bytes, size_t length) {
    putc('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static int put_value(FILE *out, avro_value_t *value);

static int put_members(FILE *out, avro_value_t *value, bool named) {
    size_t count = 0;
    int result = avro_value_get_size(value, &count);
    putc(named ? '{' : '[', out);
    for (size_t i = 0; result == 0 && i < count; i++) {
        avro_value_t member;
        const char *name = NULL;
        if (i > 0)
            putc(',', out);
        result = avro_value_get_by_index(value, i, &member, named ? &name : NULL);
        if (named && result == 0)
            fprintf(out, "\"%s\":", name);
        if (result == 0)
            result = put_value(out, &member);
    }
    putc(named ? '}' : ']', out);
    return result;
}

static int put_branch(FILE *out, avro_value_t *value) {
    avro_value_t branch;
    int result = avro_value_get_current_branch(value, &branch);
    return result == 0 ? put_value(out, &branch) : result;
}

static int put_integer(FILE *out, avro_value_t *value) {
    int64_t number = 0;
    int32_t narrow = 0;
    bool is_narrow = avro_value_get_type(value) == AVRO_INT32;
    int result = is_narrow ? avro_value_get_int(value, &narrow) : avro_value_get_long(value, &number);
    fprintf(out, "%" PRId64, is_narrow ? narrow : number);
    return result;
}

static int put_double(FILE *out, avro_value_t *value) {
    double real = 0;
    char text[32];
    int result = avro_value_get_double(value, &real);
    /* 17 digits always read back as the same double; without a point it would read back as an integer. */
    snprintf(text, sizeof text, "%.17g", real);
    fprintf(out, strpbrk(text, ".en") != NULL ? "%s" : "%s.0", text);
    return result;
}

static int put_boolean(FILE *out, avro_value_t *value) {
    int truth = 0;
    int result = avro_value_get_boolean(value, &truth);
    fputs(truth ? "true" : "false", out);
    return result;
}

static int put_string(FILE *out, avro_value_t *value) {
    const char *text = NULL;
    size_t size = 0; /* with the NUL that Avro C puts behind it */
    int result = avro_value_get_string(value, &text, &size);
    if (result == 0)
        put_text(out, text, size - 1);
    return result;
}

/* Only what records of ours may have; anything else is a failure. */
static int put_value(FILE *out, avro_value_t *value) {
    switch (avro_value_get_type(value)) {
    case AVRO_NULL: fputs("null", out); return 0;
    case AVRO_BOOLEAN: return put_boolean(out, value);
    case AVRO_INT32:
    case AVRO_INT64: return put_integer(out, value);
    case AVRO_DOUBLE: return put_double(out, value);
    case AVRO_STRING: return put_string(out, value);
    case AVRO_ARRAY: return put_members(out, value, false);
    case AVRO_RECORD: return put_members(out, value, true);
    case AVRO_UNION: return put_branch(out, value);
    default: return EINVAL;
    }
}

static int put_record(struct dump *dump, avro_value_t *value) {
    int result = put_value(dump->out, value);
    putc('\n', dump->out);
    dump->records++;
    return result == 0 ? 0 : fail(dump, "a value can't be told", avro_strerror());
}

/* `read` is filled from the file, and `value` is what it becomes: the same, or the one behind a resolver. */
static int dump_records(struct dump *dump, avro_file_reader_t reader, avro_value_t *read,
                        avro_value_t *value) {
    int result;
    while ((result = avro_file_reader_read_value(reader, read)) == 0) {
        if (put_record(dump, value) < 0)
            return -1;
    }
    if (result != EOF)
        return fail(dump, "Avro C stopped", avro_strerror());
    if (getc(dump->in) != EOF)
        return fail(dump, "Avro C stopped", "bytes are left over in the file");
    return 0;
}

/* The reader's first field that the file doesn't have; NULL: none. Avro C knows no defaults, and 1.11 crashes over it. */
static const char *find_missing(avro_schema_t reader_schema, avro_schema_t written) {
    for (size_t i = 0; i < avro_schema_record_size(reader_schema); i++) {
        const char *name = avro_schema_record_field_name(reader_schema, (int)i);
        if (avro_schema_record_field_get_index(written, name) < 0)
            return name;
    }
    return NULL;
}

/* The file's records as values of the reader's schema. */
static int dump_resolved(struct dump *dump, avro_file_reader_t reader, avro_schema_t written,
                         avro_value_t *value) {
    avro_value_t resolved;
    avro_schema_t reader_schema = avro_value_get_schema(value);
    const char *missing = find_missing(reader_schema, written);
    if (missing != NULL)
        return fail(dump, "Avro C has no default for a field", missing);
    avro_value_iface_t *resolver = avro_resolved_writer_new(written, reader_schema);
    if (resolver == NULL)
        return fail(dump, "Avro C can't read it with this schema", avro_strerror());
    avro_resolved_writer_new_value(resolver, &resolved);
    avro_resolved_writer_set_dest(&resolved, value);
    int result = dump_records(dump, reader, &resolved, value);
    avro_value_decref(&resolved);
    avro_value_iface_decref(resolver);
    return result;
}

/* `reader_value` (NULL: none) is of the reader's schema. */
static int dump_container(struct dump *dump, avro_value_t *reader_value) {
    avro_file_reader_t reader;
    avro_value_t value;
    int result = avro_file_reader_fp(dump->in, dump->path, 0, &reader);
    /* A container without a block is what a run without flows leaves; Avro C's reader wants one at once. */
    if (result == EOF)
        return 0;
    if (result != 0)
        return fail(dump, "Avro C does not open it", avro_strerror());
    avro_schema_t schema = avro_file_reader_get_writer_schema(reader);
    if (reader_value != NULL) {
        result = dump_resolved(dump, reader, schema, reader_value);
    } else {
        avro_value_iface_t *class = avro_generic_class_from_schema(schema);
        avro_generic_value_new(class, &value);
        result = dump_records(dump, reader, &value, &value);
        avro_value_decref(&value);
        avro_value_iface_decref(class);
    }
    avro_schema_decref(schema);
    avro_file_reader_close(reader);
    return result;
}

/* 1: a body was read; 0: the file has ended; -1: it breaks off. */
static int read_body(struct dump *dump, char **body, size_t *length) {
    unsigned char prefix[LENGTH_BYTES];
    size_t got = fread(prefix, 1, sizeof prefix, dump->in);
    if (got == 0)
        return 0;
    *length = 0;
    for (size_t i = 0; i < sizeof prefix; i++)
        *length = *length << 8 | prefix[i];
    char *larger = realloc(*body, *length + 1);
    if (larger == NULL)
        return fail(dump, "no memory", strerror(errno));
    *body = larger;
    if (got != sizeof prefix || fread(*body, 1, *length, dump->in) != *length)
        return fail(dump, "the file breaks off", "a length or a body is cut");
    return 1;
}

/* avro_reader_is_eof() answers for files only; of memory one asks for a byte more. */
static bool has_more(avro_reader_t reader) {
    char byte;
    return avro_read(reader, &byte, 1) == 0;
}

static int dump_bodies_with(struct dump *dump, avro_value_t *value) {
    char *body = NULL;
    size_t length;
    int result;
    avro_reader_t reader = avro_reader_memory("", 0);
    while ((result = read_body(dump, &body, &length)) > 0) {
        avro_reader_memory_set_source(reader, body, (int64_t)length);
        if (avro_value_read(reader, value) != 0)
            result = fail(dump, "a record can't be read", avro_strerror());
        else if (has_more(reader))
            result = fail(dump, "a record is too long", "bytes are left over behind it");
        else
            result = put_record(dump, value);
        if (result < 0)
            break;
    }
    avro_reader_free(reader);
    free(body);
    return result;
}

static int load_schema(const char *path, avro_schema_t *schema) {
    static char text[SCHEMA_MAX];
    FILE *file = fopen(path, "re");
    size_t length = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    if (file != NULL)
        fclose(file);
    if (length == 0 || avro_schema_from_json_length(text, length, schema) != 0) {
        fprintf(stderr, "avro_dump: schema %s: %s\n", path, length == 0 ? strerror(errno) : avro_strerror());
        return -1;
    }
    return 0;
}

/* What the files hold, and how they are read. */
enum mode { CONTAINER, BODIES, RESOLVED };

static int dump_file(const char *path, enum mode mode, avro_value_t *value) {
    char target[PATH_SIZE];
    struct dump dump = {.path = path};
    int result;
    snprintf(target, sizeof target, "%s.jsonl", path);
    dump.in = fopen(path, "re");
    dump.out = fopen(target, "we");
    if (dump.in == NULL || dump.out == NULL)
        result = fail(&dump, "can't be opened", strerror(errno));
    else
        result = mode == BODIES ? dump_bodies_with(&dump, value) : dump_container(&dump, value);
    if (dump.in != NULL)
        fclose(dump.in);
    if (dump.out != NULL && fclose(dump.out) != 0)
        result = fail(&dump, "its lines can't be written", strerror(errno));
    return result;
}

static int dump_containers(char **paths) {
    int result = 0;
    for (; result == 0 && *paths != NULL; paths++)
        result = dump_file(*paths, CONTAINER, NULL);
    return result;
}

static int dump_with_schema(enum mode mode, const char *schema_path, char **paths) {
    avro_schema_t schema;
    avro_value_t value;
    int result = load_schema(schema_path, &schema);
    if (result < 0)
        return result;
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    avro_generic_value_new(class, &value);
    for (; result == 0 && *paths != NULL; paths++)
        result = dump_file(*paths, mode, &value);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    return result;
}

int main(int argc, char **argv) {
    if (argc >= 3 && strcmp(argv[1], "container") == 0)
        return dump_containers(argv + 2) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (argc >= 4 && strcmp(argv[1], "bodies") == 0)
        return dump_with_schema(BODIES, argv[2], argv + 3) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (argc >= 4 && strcmp(argv[1], "resolved") == 0)
        return dump_with_schema(RESOLVED, argv[2], argv + 3) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    fputs("usage: avro_dump container FILE...\n       avro_dump bodies|resolved SCHEMA FILE...\n", stderr);
    return 64;
}
