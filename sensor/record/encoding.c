#include "record/encoding/encoding.h"

#include <string.h>

static const struct encoding *const encodings[] = {
#define ENCODING(name) &encoding_##name,
#include "record/encoding/encodings.def"
#undef ENCODING
};

const struct encoding *encoding_find(const char *name) {
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        if (strcmp(encodings[i]->name, name) == 0)
            return encodings[i];
    }
    return NULL;
}
