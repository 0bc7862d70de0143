#include "app/plan/switches.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "app/plan/overload_options.h"
#include "meter/udps.h"
#include "record/field/catalogue.h"

enum {
    DEFAULT_DISSECTIONS = 20,
    DEFAULT_SPLT = 20,
};

static bool group_is_on(unsigned groups, enum field_group group) {
    return (groups & (1u << group)) != 0;
}

static int contradiction(const char *option, const char *group, struct error *error) {
    return error_set(
        error, EINVAL, EX_CONFIG,
        "%s is set, but no output's schema has a field of the group %s; unset it or choose such a schema",
        option, group);
}

static int check_udps(const struct plan *plan, unsigned asked, struct error *error) {
    if (plan->udps == NULL || plan->udps->field_count == 0 || group_is_on(asked, GROUP_UDPS))
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "udps.%s is configured, but no output's schema has the field udps; write one with `flowsensor schema compose -c CONF > FILE.avsc`, register it and name it as the output's schema",
        plan->udps->fields[0].name);
}

static enum tunnel_keys tunnel_keys_of(const char *choice) {
    if (strcmp(choice, "none") == 0)
        return TUNNEL_KEYS_NONE;
    return strcmp(choice, "symmetric") == 0 ? TUNNEL_KEYS_SYMMETRIC : TUNNEL_KEYS_ALL;
}

/* What is on though no schema asks for its fields is a mistake. The key of conversations also chooses which ones are
 * sampled. */
static int check_asked(const struct plan *plan, unsigned asked, struct error *error) {
    const struct config *config = plan->config;
    const struct {
        const char *option;
        enum field_group group;
        bool is_on;
    } options[] = {
        {"meter.statistical_analysis", GROUP_STATS, config->meter.statistical_analysis == SWITCH_ON},
        {"meter.splt_analysis", GROUP_SPLT, config->meter.splt_analysis > 0},
        {"meter.n_dissections", GROUP_L7, config->meter.n_dissections > 0},
        {"meter.system_visibility_mode", GROUP_PROCESS, config->meter.system_visibility_mode != 0},
        {"identity.conn_key_file", GROUP_CONVERSATION,
         config->identity.conn_key_file && !overload_options_sample(&plan->meter.overload)},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].is_on && !group_is_on(asked, options[i].group))
            return contradiction(options[i].option, field_group_name(options[i].group), error);
    return 0;
}

static uint32_t option_or(int64_t configured, uint32_t otherwise) {
    return configured != OPTION_UNSET ? (uint32_t)configured : otherwise;
}

/* What the fields of groups without an option are made of: the schemas alone decide. A group may have several rows. */
static const struct {
    enum field_group group;
    enum feature_index feature;
} features_asked_for[] = {
    {GROUP_TCP, FEATURE_tcp_gaps},
};

static void ask_for_features(struct plan *plan, unsigned asked) {
    for (size_t i = 0; i < sizeof features_asked_for / sizeof *features_asked_for; i++) {
        if (!group_is_on(asked, features_asked_for[i].group))
            continue;
        plan->meter.features_asked |= 1u << features_asked_for[i].feature;
        plan->groups |= 1u << features_asked_for[i].group;
    }
}

int switches_make(struct plan *plan, unsigned asked, struct error *error) {
    const struct config *config = plan->config;
    bool nfstream = plan->meter.profile == PROFILE_NFSTREAM;
    bool stats = group_is_on(asked, GROUP_STATS), splt = group_is_on(asked, GROUP_SPLT),
         l7 = group_is_on(asked, GROUP_L7);

    int result = check_asked(plan, asked, error);
    if (result < 0)
        return result;
    plan->meter.statistical_analysis = config->meter.statistical_analysis == SWITCH_UNSET
                                           ? stats && !nfstream
                                           : config->meter.statistical_analysis == SWITCH_ON;
    plan->identity.splt_analysis = option_or(config->meter.splt_analysis, nfstream ? 0 : DEFAULT_SPLT);
    plan->identity.n_dissections = option_or(config->meter.n_dissections, DEFAULT_DISSECTIONS);
    plan->meter.splt_analysis = splt ? plan->identity.splt_analysis : 0;
    plan->meter.n_dissections = l7 ? plan->identity.n_dissections : 0;
    plan->decode.decode_tunnels = config->meter.decode_tunnels != SWITCH_OFF;
    plan->decode.tunnel_keys = tunnel_keys_of(config->meter.tunnel_key);

    plan->groups = 1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE | 1u << GROUP_REPORT |
                   1u << GROUP_HEARTBEAT;
    plan->groups |= plan->decode.decode_tunnels ? 1u << GROUP_TUNNEL : 0;
    plan->groups |= plan->meter.statistical_analysis ? 1u << GROUP_STATS : 0;
    plan->groups |= plan->meter.splt_analysis > 0 ? 1u << GROUP_SPLT : 0;
    plan->groups |= plan->meter.n_dissections > 0 ? 1u << GROUP_L7 : 0;
    plan->groups |= plan->udps != NULL && plan->udps->field_count > 0 ? 1u << GROUP_UDPS : 0;
    plan->groups |= plan->system_visibility ? 1u << GROUP_PROCESS : 0;
    ask_for_features(plan, asked);
    plan->groups |= config->identity.conn_key_file ? 1u << GROUP_CONVERSATION : 0;
    return check_udps(plan, asked, error);
}
