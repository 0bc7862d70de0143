#include "meter/dissect_shim.h"

const char *shim_ja3_client(const struct ndpi_flow_struct *flow) {
    return flow->protos.tls_quic.ja3_client;
}
