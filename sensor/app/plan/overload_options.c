#include "app/plan/overload_options.h"

#include <errno.h>
#include <string.h>

#include "base/nearest.h"

static const char *const names[OVERLOAD_STEP_COUNT] = {
#define X(name, does) #name,
    OVERLOAD_STEPS(X)
#undef X
};

/* Every step, as a message lists them. */
static const char all_names[] =
#define X(name, does) ", " #name
    OVERLOAD_STEPS(X)
#undef X
    ;

static int unknown_step(const char *given, struct error *error) {
    const char *nearest = nearest_name(given, names, OVERLOAD_STEP_COUNT, sizeof *names);
    return error_set(error, EINVAL, EX_CONFIG, "overload.steps: there is no step \"%s\"%s%s%s; steps are %s",
                     given, nearest ? " (did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?)" : "",
                     all_names + 2);
}

static int add_step(struct overload_options *options, const char *given, struct error *error) {
    unsigned step = 0;
    while (step < OVERLOAD_STEP_COUNT && strcmp(names[step], given) != 0)
        step++;
    if (step == OVERLOAD_STEP_COUNT)
        return unknown_step(given, error);
    for (unsigned i = 0; i < options->count; i++)
        if (options->steps[i] == step)
            return error_set(error, EINVAL, EX_CONFIG,
                             "overload.steps: \"%s\" is given twice; a step is taken once, so name it once",
                             given);
    options->steps[options->count++] = (enum overload_step)step;
    return 0;
}

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
    for (size_t i = 0; i < steps->count; i++) {
        int result = add_step(options, steps->items[i], error);
        if (result < 0)
            return result;
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
