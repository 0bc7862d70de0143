/* A session of L2TPv3 (RFC 3931), over IP or UDP. */
#pragma once

#include "decode/tunnel/tunnel.h"

/* `offset` is of the session's identifier, which the receiver chose. Cookie and sublayer behind it have lengths that
 * only the two ends know: the session opens if at just one of the possible places there is a frame with an IP packet
 * that ends where the payload does. */
enum tunnel_result l2tpv3_open_session(struct bytes payload, size_t offset, struct tunnel_inner *inner);
