#include "app/plan/switches.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "app/plan/overload_options.h"
#include "meter/flow.h"
#include "meter/l7.h"
#include "meter/udps.h"

static int contradiction(const char *option, const char *group, struct error *error) {
    return error_set(
        error, EINVAL, EX_CONFIG,
        "%s is set, but no output's schema has a field of the group %s; unset it or choose such a schema",
        option, group);
}

static int check_udps(const struct udps *udps, unsigned asked, struct error *error) {
    if (udps == NULL || udps->field_count == 0 || asked_group(asked, GROUP_UDPS))
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "udps.%s is configured, but no output's schema has the field udps; write one with `flowsensor schema compose -c CONF > FILE.avsc`, register it and name it as the output's schema",
        udps->fields[0].name);
}

int asked_check(const struct config *config, const struct udps *udps, const struct overload_options *overload,
                unsigned asked, struct error *error) {
    const struct {
        const char *option;
        enum field_group group;
        bool is_on;
    } options[] = {
        {"meter.statistical_analysis", GROUP_STATS, config->meter.statistical_analysis == SWITCH_ON},
        {"meter.splt_analysis", GROUP_SPLT, config->meter.splt_analysis > 0},
        {"meter.splt_packets", GROUP_SPLT, strcmp(config->meter.splt_packets, "all") != 0},
        {"meter.n_dissections", GROUP_L7, config->meter.n_dissections > 0 && (asked & GROUPS_OF_NDPI) == 0},
        {"meter.system_visibility_mode", GROUP_PROCESS, config->meter.system_visibility_mode != 0},
        {"identity.conn_key_file", GROUP_CONVERSATION,
         config->identity.conn_key_file && !overload_options_sample(overload)},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].is_on && !asked_group(asked, options[i].group))
            return contradiction(options[i].option, field_group_name(options[i].group), error);
    return check_udps(udps, asked, error);
}

/* What the fields of groups without an option are made of: the schemas alone decide. A group may have several rows. */
static const struct {
    enum field_group group;
    enum feature_index feature;
} features_asked_for[] = {
    {GROUP_TCP, FEATURE_tcp_gaps},
    {GROUP_SIZES, FEATURE_sizes},
    {GROUP_SERIES, FEATURE_series},
    {GROUP_HISTOGRAMS, FEATURE_histograms},
    {GROUP_IP, FEATURE_ip},
    {GROUP_TCP_MORE, FEATURE_tcp_window},
    {GROUP_TCP_MORE, FEATURE_tcp_handshake},
    {GROUP_TCP_MORE, FEATURE_tcp_retransmission},
    {GROUP_ACTIVITY, FEATURE_activity},
    {GROUP_ACTIVITY, FEATURE_bulk},
    {GROUP_BURSTS, FEATURE_bursts},
    {GROUP_QUIC, FEATURE_quic},
    {GROUP_DNS, FEATURE_dns},
    {GROUP_FTP, FEATURE_ftp},
    {GROUP_ENTROPY, FEATURE_entropy},
};

struct asked_features asked_features(unsigned asked) {
    struct asked_features made = {0};
    for (size_t i = 0; i < sizeof features_asked_for / sizeof *features_asked_for; i++) {
        if (!asked_group(asked, features_asked_for[i].group))
            continue;
        made.features |= 1u << features_asked_for[i].feature;
        made.groups |= 1u << features_asked_for[i].group;
    }
    made.l7_parts = (asked_group(asked, GROUP_RISKS) ? L7_PART_RISKS : 0u) |
                    (asked_group(asked, GROUP_TLS) ? L7_PART_TLS : 0u) |
                    (asked_group(asked, GROUP_HTTP) ? L7_PART_HTTP : 0u);
    return made;
}
