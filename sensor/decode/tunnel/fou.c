/* FOU, Foo over UDP: IP in UDP without any header, on ports that an administrator chose. The bytes don't tell
 * what else it may carry: that is metered as the outer packet. */
#include "decode/tunnel/carried_ip.h"

const struct tunnel tunnel_fou = {TUNNEL_FOU, carried_ip_opens, false};
