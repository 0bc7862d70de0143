#include "sink/framing.h"

#include <string.h>

void framing_make(struct framing *framing, const char *name, uint32_t schema_id, uint64_t fingerprint) {
    framing->length = 0;
    if (strcmp(name, "confluent") == 0) {
        framing->prefix[framing->length++] = 0x00;
        for (int shift = 24; shift >= 0; shift -= 8)
            framing->prefix[framing->length++] = (uint8_t)(schema_id >> shift);
    } else if (strcmp(name, "single_object") == 0) {
        framing->prefix[framing->length++] = 0xc3;
        framing->prefix[framing->length++] = 0x01;
        for (int shift = 0; shift < 64; shift += 8)
            framing->prefix[framing->length++] = (uint8_t)(fingerprint >> shift);
    }
}
