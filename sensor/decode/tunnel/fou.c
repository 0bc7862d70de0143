/* FOU, Foo over UDP: IP in UDP without any header, on ports that an administrator chose. What else it may carry is not
 * told by the bytes, and stays the outer packet's. */
#include "decode/tunnel/carried_ip.h"

static enum tunnel_result open_fou(struct bytes payload, struct tunnel_inner *inner) {
    return carried_ip_opens(payload, inner);
}

const struct tunnel tunnel_fou = {TUNNEL_FOU, open_fou, false};
