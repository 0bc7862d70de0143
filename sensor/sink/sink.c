#include "sink/sink.h"

#include <string.h>

static const struct sink_type *const sinks[] = {
#define SINK(name) &sink_##name,
#include "sink/sinks.def"
#undef SINK
};

const struct sink_type *sink_find(const char *name) {
    for (size_t i = 0; i < sizeof sinks / sizeof *sinks; i++)
        if (strcmp(sinks[i]->name, name) == 0)
            return sinks[i];
    return NULL;
}

static const struct {
    const char *name, *text;
} drops[SINK_DROP_COUNT] = {
#define X(name, text) {#name, text},
    SINK_DROPS(X)
#undef X
};

const char *sink_drop_name(enum sink_drop drop) {
    return drops[drop].name;
}

const char *sink_drop_text(enum sink_drop drop) {
    return drops[drop].text;
}
