#include "app/plan/overload_options.h"

#include <errno.h>

#include "app/plan/name_list.h"

static const char *const names[OVERLOAD_STEP_COUNT] = {
#define X(name, does) #name,
    OVERLOAD_STEPS(X)
#undef X
};

static const struct name_table steps_table = {names, OVERLOAD_STEP_COUNT, "step", "a step is taken once", ""};

int overload_options_make(const struct config *config, bool applies, struct overload_options *options,
                          struct error *error) {
    const struct string_list *steps = &config->overload.steps;
    *options = (struct overload_options){
        .enter = (unsigned)config->overload.enter,
        .leave = (unsigned)config->overload.leave,
        .patience = config->overload.patience,
        .idle_timeout = config->overload.idle_timeout,
        .sampling_rate = (uint32_t)config->overload.sampling_rate,
    };
    unsigned seen = 0, step;
    for (size_t i = 0; i < steps->count; i++) {
        int result = name_list_add(&steps_table, "overload.steps", steps->items[i], &seen, &step, error);
        if (result < 0)
            return result;
        options->steps[options->count++] = (enum overload_step)step;
    }
    if (options->leave > options->enter)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "overload.leave (%u) is above overload.enter (%u): a step would be left as soon as it is taken; lower it",
            options->leave, options->enter);
    if (!applies)
        options->count = 0;
    return 0;
}

bool overload_options_sample(const struct overload_options *options) {
    for (unsigned i = 0; i < options->count; i++)
        if (options->steps[i] == OVERLOAD_sampling)
            return true;
    return false;
}
