/* Whole numbers from a plugin's parameters. */
#pragma once

#include <flowsensor/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct number {
    const char *name;
    long min, max, value; /* value is the default, until it is read */
};

/* Reads every parameter into the number of its name; 0, or 1 with setup->message. */
static inline int read_numbers(const struct flowsensor_parameter *parameters, size_t count,
                               struct number *numbers, size_t number_count, struct flowsensor_setup *setup) {
    for (size_t i = 0; i < count; i++) {
        struct number *number = NULL;
        for (size_t j = 0; j < number_count; j++)
            if (strcmp(numbers[j].name, parameters[i].name) == 0)
                number = &numbers[j];
        if (number == NULL) {
            snprintf(setup->message, setup->message_size, "unknown parameter %s", parameters[i].name);
            return 1;
        }
        char *end;
        number->value = strtol(parameters[i].value, &end, 10);
        if (end == parameters[i].value || *end != '\0' || number->value < number->min ||
            number->value > number->max) {
            snprintf(setup->message, setup->message_size, "%s=%s is not a whole number from %ld to %ld",
                     number->name, parameters[i].value, number->min, number->max);
            return 1;
        }
    }
    return 0;
}
