/* EtherIP (RFC 3378): Ethernet over IP. */
#include "decode/tunnel/tunnel.h"

enum { HEADER = 2, VERSION_3 = 0x3000 };

static enum tunnel_result open_etherip(struct bytes payload, struct tunnel_inner *inner) {
    if (!bytes_have(payload, 0, HEADER))
        return TUNNEL_CUT;
    if (bytes_u16(payload, 0) != VERSION_3)
        return TUNNEL_CLOSED;
    inner->offset = HEADER;
    inner->content = TUNNEL_ETHERNET;
    return TUNNEL_OPEN;
}

const struct tunnel tunnel_etherip = {TUNNEL_ETHERIP, open_etherip, false};
