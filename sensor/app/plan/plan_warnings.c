#include "app/plan/plan_warnings.h"

#include "base/log.h"
#include "record/anonymize/anonymize_key.h"

/* A join of two runs by flow_uid would find nothing, and show no error. Streams are joined, so they are warned about. */
static void warn_of_random_identity_key(const struct plan *plan) {
    bool streams = false;
    for (size_t i = 0; i < plan->output_count; i++)
        streams |= plan->outputs[i].sink == &sink_kafka;
    if (streams && !plan->config->identity.key_file)
        log_line(
            LOG_WARNING,
            "identity.key_file is not set: flow_uid has a random key, and records of two runs can't be joined; make one with: openssl rand -hex 16");
}

/* NFStream takes its parameter with files too, and ignores it silently. */
static void warn_of_report(const struct plan *plan) {
    if (!plan->live && plan->config->performance_report > 0)
        log_line(LOG_WARNING, "performance_report is for live captures (-i); files are read without reports");
}

/* NFStream warns too: the sockets of a capture's flows are not on this host. */
static void warn_of_visibility(const struct plan *plan) {
    if (!plan->live && plan->config->meter.system_visibility_mode != 0)
        log_line(
            LOG_WARNING,
            "meter.system_visibility_mode is taken as 0: a capture's flows have no sockets here; capture live with -i");
}

/* A join of two runs by pseudonyms would find nothing, and show no error. */
static void warn_of_random_anonymization_key(const struct plan *plan) {
    if (plan->has_pseudonyms && !plan->config->anonymization.key_file)
        log_line(
            LOG_WARNING,
            "anonymization.key_file is not set: pseudonyms have a random key, and records of two runs can't be joined; make one with: (umask 077; openssl rand -hex %d > FILE)",
            ANONYMIZE_KEY_SIZE);
}

void plan_warn(const struct plan *plan) {
    warn_of_random_identity_key(plan);
    warn_of_report(plan);
    warn_of_visibility(plan);
    warn_of_random_anonymization_key(plan);
}
