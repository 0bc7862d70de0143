#include "app/run/rekeying.h"

#include "app/plan/anonymization_key.h"
#include "base/log.h"

bool rekeying_is_possible(const struct plan *plan) {
    return plan->has_pseudonyms && plan->config->anonymization.key_file;
}

bool rekeying_run(const struct plan *plan, struct output *outputs, size_t count) {
    struct anonymize_key key;
    struct error error = {0};
    char id[ANONYMIZE_KEY_ID_SIZE] = "";
    /* Packets and records don't wait for who writes into a pipe. */
    if (anonymization_load_key(plan->config, 0, &key, &error) < 0) {
        anonymize_key_wipe(&key);
        log_line(LOG_ERROR, "%s; the old key stays in use", error.text);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        if (output_rekey(&outputs[i], &key) == 0)
            continue;
        good = false;
        log_line(LOG_ERROR,
                 "output \"%s\": no memory for the new key of pseudonyms; the old one stays in use",
                 outputs[i].plan->name);
    }
    if (anonymize_key_id(&key, id))
        log_line(LOG_INFO, "anonymization.key_file was read again: anon_key_id is %s from here on", id);
    anonymize_key_wipe(&key);
    return good;
}
