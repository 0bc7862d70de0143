/* The last reply of an FTP server (port 21) to its client: three digits that begin a segment (RFC 959, 4.2). Like the label, a later
 * slice keeps it. */
#include "meter/feature.h"

#include <netinet/in.h>

#include "decode/walk/payload.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum { FTP_PORT = 21, FTP_DIGITS = 3 };

/* What flow_feature(flow, FEATURE_ftp) points to. */
struct ftp {
    int16_t reply_code; /* -1: none */
};

static size_t ftp_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_ftp) ? sizeof(struct ftp) : 0;
}

static void ftp_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    *(struct ftp *)flow_feature(flow, FEATURE_ftp) = (struct ftp){.reply_code = -1};
}

/* -1: it begins with none. */
static int16_t ftp_reply_code(struct bytes payload) {
    int16_t code = 0;
    if (!bytes_have(payload, 0, FTP_DIGITS + 1))
        return -1;
    for (size_t i = 0; i < FTP_DIGITS; i++) {
        uint8_t digit = bytes_u8(payload, i);
        if (digit < '0' || digit > '9')
            return -1;
        code = (int16_t)(10 * code + (digit - '0'));
    }
    uint8_t behind = bytes_u8(payload, FTP_DIGITS);
    return behind == ' ' || behind == '-' ? code : -1;
}

static void ftp_on_update(const struct feature_context *context, struct flow *flow,
                          const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    if (direction != DST2SRC || packet->source_port != FTP_PORT || packet->protocol != IPPROTO_TCP)
        return;
    int16_t code = ftp_reply_code(packet_payload(packet));
    if (code >= 0)
        ((struct ftp *)flow_feature(flow, FEATURE_ftp))->reply_code = code;
}

static void ftp_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    (void)context;
    if (next != NULL)
        *(struct ftp *)flow_feature(next, FEATURE_ftp) = *(const struct ftp *)flow_feature(flow, FEATURE_ftp);
}

const struct feature feature_ftp = {
    .name = "ftp",
    .state_size = ftp_state_size,
    .on_init = ftp_on_init,
    .on_update = ftp_on_update,
    .on_release = ftp_on_release,
};

void get_ftp_reply_code(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    const struct ftp *ftp = flow_feature(source->flow, FEATURE_ftp);
    (void)direction;
    value_integer(value, ftp->reply_code);
    value->is_null = ftp->reply_code < 0;
}
