#include "decode/walk/reason.h"

static const char *const reason_names[] = {"metered",
#define X(name, text) #name,
                                           DECODE_REASONS(X)
#undef X
};

static const char *const reason_texts[] = {"metered",
#define X(name, text) text,
                                           DECODE_REASONS(X)
#undef X
};

const char *decode_reason_name(enum decode_reason reason) {
    return (unsigned)reason < DECODE_REASON_COUNT ? reason_names[reason] : "unknown";
}

const char *decode_reason_text(enum decode_reason reason) {
    return (unsigned)reason < DECODE_REASON_COUNT ? reason_texts[reason] : "unknown";
}
