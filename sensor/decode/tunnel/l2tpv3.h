/* A session of L2TPv3 (RFC 3931), over IP or UDP. */
#pragma once

#include "decode/tunnel/tunnel.h"

/* `offset` is that of the session's identifier, which the receiver chose. A cookie and a sublayer follow, whose lengths
 * only the two ends know. The session opens if exactly one of the possible places has a frame with an IP packet that
 * ends where the payload does. */
enum tunnel_result l2tpv3_open_session(struct bytes payload, size_t offset, struct tunnel_inner *inner);
