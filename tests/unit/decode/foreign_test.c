/* What is told of frames without IP. */
#include "decode/walk/foreign.h"

#include <stdio.h>

#include "decode/hex_frame.h"

static void assert_text(uint32_t what, const char *expected) {
    char text[FOREIGN_TEXT_MAX];
    foreign_text(what, text);
    assert_string_equal(text, expected);
}

static void the_commonest_come_first(void **state) {
    (void)state;
    struct foreign foreign = {0}, more = {0};
    struct foreign_place top[3];
    assert_int_equal(foreign_commonest(&foreign, top, 3), 0);
    for (uint16_t round = 0; round < 100; round++) {
        foreign_count(&foreign, foreign_what(FOREIGN_ETHERTYPE, 0x88cc), 1);
        foreign_count(&foreign, foreign_what(FOREIGN_LLC, 0x42), 3);
        foreign_count(&foreign, foreign_what(FOREIGN_PPP, (uint16_t)(0x4001 + 2 * round)), 1); /* each once */
    }
    foreign_count(&more, foreign_what(FOREIGN_ETHERTYPE, 0x88cc), 500);
    assert_int_equal(foreign_commonest(&foreign, top, 1), 1);
    assert_int_equal(top[0].what, foreign_what(FOREIGN_LLC, 0x42));
    assert_int_equal(top[0].frames, 300);
    foreign_add(&foreign, &more);
    assert_int_equal(foreign_commonest(&foreign, top, 3), 3);
    assert_int_equal(top[0].what, foreign_what(FOREIGN_ETHERTYPE, 0x88cc));
    assert_int_equal(top[0].frames, 600);
    assert_int_equal(top[1].frames, 300);
}

static void texts_are_for_people(void **state) {
    (void)state;
    assert_text(foreign_what(FOREIGN_ETHERTYPE, 0x88e5), "EtherType 0x88e5 (MACsec)");
    assert_text(foreign_what(FOREIGN_ETHERTYPE, 0x1234), "EtherType 0x1234");
    assert_text(foreign_what(FOREIGN_LLC, 0xfe), "LLC 0xfe (IS-IS and other OSI)");
    assert_text(foreign_what(FOREIGN_PPP, 0xc021), "PPP 0xc021 (LCP)");
    assert_text(foreign_what(FOREIGN_FAMILY, 7), "address family 7");
    assert_text(foreign_what(FOREIGN_WIFI, 1), "802.11, encrypted");
    assert_text(0, "unknown content");
}

/* Of both dialects. */
static void frames_tell_what_they_carry(void **state) {
    (void)state;
    static const struct {
        int link;
        const char *frame;
        uint32_t what;
    } cases[] = {
        {LINK_ETHERNET,
         ETHERNET "88f7"
                  "00020036000000000000000000000000",
         FOREIGN_ETHERTYPE << 16 | 0x88f7},
        {LINK_ETHERNET,
         ETHERNET "81000007"
                  "0806"
                  "000108000604000102000000",
         FOREIGN_ETHERTYPE << 16 | 0x0806},
        {LINK_ETHERNET,
         ETHERNET "0026"
                  "4242030000000000800000000000000000",
         FOREIGN_LLC << 16 | 0x42},
        {LINK_ETHERNET,
         ETHERNET "0026"
                  "fefe03831b0100140100000000000000",
         FOREIGN_LLC << 16 | 0xfe},
        {LINK_ETHERNET,
         ETHERNET "8864"
                  "110000010008"
                  "c021090100080102030400000000",
         FOREIGN_PPP << 16 | 0xc021},
        {LINK_NULL,
         "07000000"
         "000000000000000000000000000000000000000000000000",
         FOREIGN_FAMILY << 16 | 7},
        {LINK_ETHERNET,
         ETHERNET "8847"
                  "0001014f"
                  "10000021"
                  "000000000000000000000000",
         FOREIGN_ETHERTYPE << 16 | 0x8847},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int dialect = DECODE_NATIVE; dialect <= DECODE_NFSTREAM; dialect++) {
            struct decoder *decoder =
                decoder_create(&(struct decode_options){.dialect = (enum decode_dialect)dialect});
            struct foreign_place top[2];
            struct packet packet;
            assert_non_null(decoder);
            enum decode_reason reason = decode_at(decoder, 1, cases[i].link, cases[i].frame, &packet);
            if (dialect == DECODE_NATIVE)
                assert_reason(reason, DECODE_not_ip);
            assert_int_equal(foreign_commonest(decoder_foreign(decoder), top, 2), reason == DECODE_not_ip);
            if (reason == DECODE_not_ip)
                assert_int_equal(top[0].what, cases[i].what);
            decoder_destroy(decoder);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_commonest_come_first),
        cmocka_unit_test(texts_are_for_people),
        cmocka_unit_test(frames_tell_what_they_carry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
