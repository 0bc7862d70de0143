/* Which tunnels keep equal packets apart, and how deep they may be nested. */
#include "decode/tunnel_frame.h"

#define GTP_U  "0868"
#define TZSP   "9090"
#define CAPWAP "147f"
#define VXLAN  "12b5"
#define GENEVE "17c1"
#define L2TP   "06a5"

/* One level: the tunnel around `inner`, with a key of its own. */
struct level {
    const char *port; /* GRE: over IP protocol 47 */
    const char *header;
    bool ethernet;
    enum tunnel_kind kind;
    int64_t key;
};

static const struct level levels[] = {
    {GTP_U, "30ff000000000007", false, TUNNEL_GTP_U, 7},
    {TZSP, "0100000101", true, TUNNEL_TZSP, NO_KEY},
    {CAPWAP, "0010020000000000", true, TUNNEL_CAPWAP, NO_KEY},
    {VXLAN, "0800000000000700", true, TUNNEL_VXLAN, 7},
    {GENEVE, "0000655800000700", true, TUNNEL_GENEVE, 7},
    {L2TP, "000200000007ff030021", false, TUNNEL_L2TP, 7},
    {GRE, "2000655800000007", true, TUNNEL_GRE, 7},
    {GRE, "00000800", false, TUNNEL_GRE, NO_KEY},
    {GRE, "100088be000000051000000700000000", true, TUNNEL_ERSPAN, 7},
    {GRE, "3001880b0000000700000001ff030021", false, TUNNEL_GRE, 7},
};
enum { LEVELS = sizeof levels / sizeof *levels, FRAME = 60000 };

/* Puts the level around the IPv4 packet `frame`, in place. */
static void wrap(char *frame, const struct level *level) {
    static char inner[FRAME];
    snprintf(inner, sizeof inner, "%s", frame);
    unsigned header = (unsigned)strlen(level->header) / 2 + (level->ethernet ? 14 : 0);
    unsigned length = header + (unsigned)strlen(inner) / 2, udp = carrier_protocol(level->port) != 17 ? 0 : 8;
    int used = snprintf(frame, FRAME, "4500%04x0001000040%s00000101010102020202", length + udp + 20,
                        carrier_protocol(level->port) != 17 ? "2f" : "11");
    if (carrier_protocol(level->port) == 17)
        used +=
            snprintf(frame + used, FRAME - (size_t)used, OUTER_PORT "%s%04x0000", level->port, length + 8);
    used += snprintf(frame + used, FRAME - (size_t)used, "%s%s%s", level->header,
                     level->ethernet ? ETHERNET "0800" : "", inner);
    assert_true((size_t)used < FRAME);
}

static void tunnels_in_tunnels(void **state) {
    (void)state;
    for (int outermost = 0; outermost < LEVELS; outermost++) {
        for (int innermost = 0; innermost < LEVELS; innermost++) {
            static char frame[FRAME];
            snprintf(frame, sizeof frame, "%s", IPV4_UDP);
            wrap(frame, &levels[innermost]);
            wrap(frame, &levels[outermost]);
            struct packet packet = assert_udp(DECODE_NATIVE, LINK_RAW, frame);
            assert_tunnel(&packet, levels[innermost].kind, levels[innermost].key);
            assert_cuts(frame, levels[innermost].kind, levels[innermost].key);
        }
    }
}

static void assert_too_deep(int (*level_at)(int depth, int first)) {
    static char frame[FRAME];
    for (int first = 0; first < LEVELS; first++) {
        snprintf(frame, sizeof frame, "%s", IPV4_UDP);
        for (int depth = 0; depth < 64; depth++)
            wrap(frame, &levels[level_at(depth, first)]);
        assert_ignored(DECODE_NATIVE, LINK_RAW, frame, DECODE_too_deep);
    }
}

static int same(int depth, int first) {
    (void)depth;
    return first;
}

static int mixed(int depth, int first) {
    return (depth * 3 + first) % LEVELS;
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    static char frame[FRAME];
    assert_too_deep(same);
    assert_too_deep(mixed);
    for (int level = 0; level < LEVELS; level++) {
        snprintf(frame, sizeof frame, "%s", IPV4_UDP);
        for (int depth = 0; depth < DECODE_TUNNELS_MAX; depth++)
            wrap(frame, &levels[level]);
        struct packet packet = assert_udp(DECODE_NATIVE, LINK_RAW, frame);
        assert_tunnel(&packet, levels[level].kind, levels[level].key);
        wrap(frame, &levels[level]);
        assert_ignored(DECODE_NATIVE, LINK_RAW, frame, DECODE_too_deep);
    }
}

/* What the flow key has of the tunnels. */
struct identity {
    uint64_t path;
    uint8_t kind;
};

static struct identity identity_of(enum tunnel_keys keys, const char *frame) {
    struct packet packet;
    struct decoder *decoder =
        decoder_create(&(struct decode_options){.decode_tunnels = true, .tunnel_keys = keys});
    assert_reason(decode_at(decoder, 1, LINK_RAW, frame, &packet), DECODE_METERED);
    decoder_destroy(decoder);
    assert_true(packet.tunnel_path >> 56 == 0);
    return (struct identity){packet.tunnel_path, packet.tunnel};
}

static bool are_apart(enum tunnel_keys keys, const struct level *outer_one, const struct level *outer_other,
                      const struct level *inner_one, const struct level *inner_other) {
    static char one[FRAME], other[FRAME];
    snprintf(one, sizeof one, "%s", IPV4_UDP);
    snprintf(other, sizeof other, "%s", IPV4_UDP);
    wrap(one, inner_one);
    wrap(other, inner_other);
    if (outer_one != NULL)
        wrap(one, outer_one);
    if (outer_other != NULL)
        wrap(other, outer_other);
    struct identity a = identity_of(keys, one), b = identity_of(keys, other);
    return a.path != b.path || a.kind != b.kind;
}

static const struct level vxlan_1 = {VXLAN, "0800000000000100", true, TUNNEL_VXLAN, 1},
                          vxlan_2 = {VXLAN, "0800000000000200", true, TUNNEL_VXLAN, 2},
                          geneve_1 = {GENEVE, "0000655800000100", true, TUNNEL_GENEVE, 1},
                          gre_none = {GRE, "00000800", false, TUNNEL_GRE, NO_KEY},
                          gre_0 = {GRE, "2000080000000000", false, TUNNEL_GRE, 0},
                          teid_1 = {GTP_U, "30ff000000000001", false, TUNNEL_GTP_U, 1},
                          teid_2 = {GTP_U, "30ff000000000002", false, TUNNEL_GTP_U, 2},
                          session_1 = {L2TP, "000200000001ff030021", false, TUNNEL_L2TP, 1},
                          session_2 = {L2TP, "000200000002ff030021", false, TUNNEL_L2TP, 2},
                          call_1 = {GRE, "3001880b0000000100000001ff030021", false, TUNNEL_GRE, 1},
                          call_2 = {GRE, "3001880b0000000200000001ff030021", false, TUNNEL_GRE, 2};

static void identifiers_keep_tenants_apart(void **state) {
    (void)state;
    for (int keys = TUNNEL_KEYS_ALL; keys <= TUNNEL_KEYS_SYMMETRIC; keys++) {
        assert_false(are_apart((enum tunnel_keys)keys, NULL, NULL, &vxlan_1, &vxlan_1));
        assert_true(are_apart((enum tunnel_keys)keys, NULL, NULL, &vxlan_1, &vxlan_2));
        assert_true(are_apart((enum tunnel_keys)keys, NULL, NULL, &vxlan_1, &geneve_1));
        assert_true(are_apart((enum tunnel_keys)keys, NULL, NULL, &gre_none, &gre_0));
        assert_true(are_apart((enum tunnel_keys)keys, NULL, NULL, &gre_none, &teid_1));
        assert_int_equal(are_apart((enum tunnel_keys)keys, NULL, NULL, &teid_1, &teid_2),
                         keys == TUNNEL_KEYS_ALL);
        assert_int_equal(are_apart((enum tunnel_keys)keys, NULL, NULL, &session_1, &session_2),
                         keys == TUNNEL_KEYS_ALL);
        assert_int_equal(are_apart((enum tunnel_keys)keys, NULL, NULL, &call_1, &call_2),
                         keys == TUNNEL_KEYS_ALL);
    }
}

static void outer_tunnels_keep_tenants_apart(void **state) {
    (void)state;
    for (int keys = TUNNEL_KEYS_ALL; keys <= TUNNEL_KEYS_SYMMETRIC; keys++) {
        assert_false(are_apart((enum tunnel_keys)keys, &vxlan_1, &vxlan_1, &gre_0, &gre_0));
        assert_true(are_apart((enum tunnel_keys)keys, &vxlan_1, &vxlan_2, &gre_0, &gre_0));
        assert_true(are_apart((enum tunnel_keys)keys, &vxlan_1, &vxlan_2, &gre_none, &gre_none));
        assert_true(are_apart((enum tunnel_keys)keys, &vxlan_1, &geneve_1, &gre_0, &gre_0));
        assert_true(are_apart((enum tunnel_keys)keys, &vxlan_1, &vxlan_1, &gre_none, &gre_0));
        assert_true(are_apart((enum tunnel_keys)keys, &gre_none, &gre_0, &vxlan_1, &vxlan_1));
        assert_true(are_apart((enum tunnel_keys)keys, &vxlan_1, &vxlan_2, &vxlan_2, &vxlan_1));
        assert_true(are_apart((enum tunnel_keys)keys, NULL, &gre_none, &gre_none, &gre_none));
        assert_int_equal(are_apart((enum tunnel_keys)keys, &teid_1, &teid_2, &vxlan_1, &vxlan_1),
                         keys == TUNNEL_KEYS_ALL);
    }
}

/* Fragments of two tenants' datagrams with equal addresses and numbers. */
static void fragments_stay_in_their_tunnel(void **state) {
    (void)state;
    static char frame[FRAME];
    struct packet packet;
    struct decoder *decoder = decoder_create(&(struct decode_options){.decode_tunnels = true});
    for (int tenant = 0; tenant < 2; tenant++) {
        snprintf(frame, sizeof frame,
                 "45000024123420004011"
                 "0000" ADDRESSES_4 "000%d003500200000"
                 "6162636465666768",
                 tenant + 1);
        wrap(frame, tenant == 0 ? &vxlan_1 : &vxlan_2);
        assert_reason(decode_at(decoder, 1, LINK_RAW, frame, &packet), DECODE_METERED);
        assert_int_equal(packet.source_port, tenant + 1);
    }
    for (int tenant = 0; tenant < 2; tenant++) {
        snprintf(frame, sizeof frame, "%s",
                 "45000024123400024011"
                 "0000" ADDRESSES_4 "696a6b6c6d6e6f707172737475767778");
        wrap(frame, tenant == 0 ? &vxlan_1 : &vxlan_2);
        assert_reason(decode_at(decoder, 1, LINK_RAW, frame, &packet), DECODE_METERED);
        assert_int_equal(packet.source_port, tenant + 1);
    }
    decoder_destroy(decoder);
}

static void without_identifiers_kinds_alone_keep_apart(void **state) {
    (void)state;
    assert_false(are_apart(TUNNEL_KEYS_NONE, NULL, NULL, &vxlan_1, &vxlan_2));
    assert_false(are_apart(TUNNEL_KEYS_NONE, NULL, NULL, &gre_none, &gre_0));
    assert_false(are_apart(TUNNEL_KEYS_NONE, NULL, NULL, &teid_1, &teid_2));
    assert_false(are_apart(TUNNEL_KEYS_NONE, &vxlan_1, &vxlan_2, &gre_0, &gre_0));
    assert_true(are_apart(TUNNEL_KEYS_NONE, NULL, NULL, &vxlan_1, &geneve_1));
    assert_true(are_apart(TUNNEL_KEYS_NONE, NULL, &gre_none, &gre_none, &gre_none));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tunnels_in_tunnels),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(identifiers_keep_tenants_apart),
        cmocka_unit_test(without_identifiers_kinds_alone_keep_apart),
        cmocka_unit_test(outer_tunnels_keep_tenants_apart),
        cmocka_unit_test(fragments_stay_in_their_tunnel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
