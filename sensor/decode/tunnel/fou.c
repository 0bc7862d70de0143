/* FOU, Foo over UDP: IP in UDP without any header, on ports that an administrator chose. What else it may carry is not
 * told by the bytes, and stays the outer packet's. */
#include "decode/tunnel/carried_ip.h"

const struct tunnel tunnel_fou = {TUNNEL_FOU, carried_ip_opens, false};
