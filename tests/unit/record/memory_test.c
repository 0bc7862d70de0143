/* No memory for a schema, a recorder or the features' names: each opening fails with its line, and leaves nothing. */
#include "record/recorder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faults.h"
#include "record/registry/registry.h"
#include "record/schema/schema.h"

static int load_schema(void) {
    struct schema *schema = NULL;
    struct error error = {0};
    int result = schema_load("flow/v1", NULL, false, &schema, &error);
    if (result == 0) {
        char *subject = registry_subject("topic_record", "flows", schema);
        result = subject ? 0 : -ENOMEM;
        free(subject);
    } else {
        assert_true(error.exit_code != 0 && error.text[0] != '\0');
    }
    schema_free(schema);
    return result;
}

static void schemas(void **state) {
    (void)state;
    each_allocation_fails(load_schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
