/* Long and short headers of QUIC by hand (RFC 8999, 5). */
#include "feature/fed_flow.h"

#define SHORT_HEADER "\x40\x00\x00\x00\x02 and more"
#define NEGOTIATION  "\x80\x00\x00\x00\x00\x08"

static void first_version_of_each_end(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_quic, UDP, 443, "QUIC.YouTube");
    assert_absent(&fed, get_quic_version, SRC2DST);
    fed_packet(&fed, false, SHORT_HEADER, sizeof SHORT_HEADER - 1);
    fed_packet(&fed, false, "\xc0\xfa\xce\xb0\x0c more", 10);
    fed_packet(&fed, true, NEGOTIATION, sizeof NEGOTIATION - 1);
    assert_number(&fed, get_quic_version, SRC2DST, 0xfaceb00c);
    assert_absent(&fed, get_quic_version, DST2SRC);
    fed_packet(&fed, false, "\xc0\x00\x00\x00\x01", 5);
    fed_packet(&fed, true, "\xc0\x00\x00\x00\x01", 5);
    fed_packet(&fed, true, "\xc0\x00\x00\x00\x02", 5);
    fed_next_slice(&fed);
    assert_number(&fed, get_quic_version, SRC2DST, 0xfaceb00c);
    assert_number(&fed, get_quic_version, DST2SRC, 1);
}

static void label_decides(void **state) {
    (void)state;
    static const struct {
        const char *label;
        bool is_quic;
    } labels[] = {
        {"QUIC", true}, {"QUIC.Google", true}, {"QUICK", false}, {"DNS", false}, {"TLS.QUIC", false}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        struct fed_flow fed;
        fed_open(&fed, FEATURE_quic, UDP, 443, labels[i].label);
        fed_packet(&fed, false, "\xc0\x00\x00\x00\x01", 5);
        assert_int_equal(value_of(&fed.flow, get_quic_version, SRC2DST).is_null, !labels[i].is_quic);
        fed.l7.label = 0; /* undecided */
        assert_absent(&fed, get_quic_version, SRC2DST);
    }
}

static void what_has_no_version(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_quic, UDP, 443, "QUIC");
    fed_packet(&fed, false, "\xc0\x00\x00\x00", 4);
    fed_packet_cut(&fed, false, "\xc0\x00\x00\x00\x01", 5, 4);
    fed_later_fragment(&fed, false, "\xc0\x00\x00\x00\x01", 5);
    assert_absent(&fed, get_quic_version, SRC2DST);
    fed_open(&fed, FEATURE_quic, TCP, 443, "QUIC");
    fed_packet(&fed, false, "\xc0\x00\x00\x00\x01", 5);
    assert_absent(&fed, get_quic_version, SRC2DST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_version_of_each_end),
        cmocka_unit_test(label_decides),
        cmocka_unit_test(what_has_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
