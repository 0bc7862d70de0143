/* FTP replies by hand (RFC 959, 4.2). */
#include "feature/fed_flow.h"

static void send(struct fed_flow *fed, bool back, const char *text) {
    fed_packet(fed, back, text, strlen(text));
}

static void last_reply_counts(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_ftp, TCP, 21, "FTP_CONTROL");
    assert_absent(&fed, get_ftp_reply_code, BIDIRECTIONAL);
    send(&fed, true, "220 ready\r\n");
    assert_number(&fed, get_ftp_reply_code, BIDIRECTIONAL, 220);
    send(&fed, false, "530 no client says so\r\n");
    send(&fed, true, "");
    assert_number(&fed, get_ftp_reply_code, BIDIRECTIONAL, 220);
    send(&fed, true, "230-welcome\r\n");
    assert_number(&fed, get_ftp_reply_code, BIDIRECTIONAL, 230);
    fed_next_slice(&fed);
    assert_number(&fed, get_ftp_reply_code, BIDIRECTIONAL, 230);
}

static void what_is_no_reply(void **state) {
    (void)state;
    static const char *const texts[] = {"22",    "220",  "2200 ", "220\r\n", "2 0 ",
                                        " 220 ", "abc ", "22/ ",  "22: "};
    struct fed_flow fed;
    fed_open(&fed, FEATURE_ftp, TCP, 21, "FTP_CONTROL");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        send(&fed, true, texts[i]);
    fed_packet_cut(&fed, true, "220 ready", 9, 3);
    fed_later_fragment(&fed, true, "220 ready", 9);
    assert_absent(&fed, get_ftp_reply_code, BIDIRECTIONAL);
    fed_open(&fed, FEATURE_ftp, TCP, 2121, "FTP_CONTROL");
    send(&fed, true, "220 ready\r\n");
    assert_absent(&fed, get_ftp_reply_code, BIDIRECTIONAL);
    fed_open(&fed, FEATURE_ftp, UDP, 21, "Unknown");
    send(&fed, true, "220 ready\r\n");
    assert_absent(&fed, get_ftp_reply_code, BIDIRECTIONAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_reply_counts),
        cmocka_unit_test(what_is_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
