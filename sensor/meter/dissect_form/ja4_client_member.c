#include "meter/dissect_shim.h"

const char *shim_ja4_client(const struct ndpi_flow_struct *flow) {
    return flow->protos.tls_quic.ja4_client;
}
