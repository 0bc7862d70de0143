/* Whether a run can go on with another configuration. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/config/config.h"

static int needs_restart(const char *path, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "%s has another value now, which needs a restart", path);
}

int config_check_same_output(const struct output_config *now, const struct config *next, size_t index,
                             struct error *error) {
    char path[96];
    for (size_t i = 0; i < output_row_count; i++) {
        if (option_is_same(&output_rows[i], now, &next->outputs[index]))
            continue;
        snprintf(path, sizeof path, "outputs.%zu.%s", index, output_rows[i].path + strlen("outputs."));
        return needs_restart(path, error);
    }
    return 0;
}

int config_check_reload(const struct config *now, const struct config *next, struct error *error) {
    for (size_t i = 0; i < option_row_count; i++)
        if (!option_rows[i].reloadable && !option_is_same(&option_rows[i], now, next))
            return needs_restart(option_rows[i].path, error);
    return 0;
}
