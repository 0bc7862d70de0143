#include "app/run/rekeying.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* The lock of the key is there from the start, or not. */
static int check_same_kind(const struct plan *plan, const struct config *config, struct error *error) {
    if (!plan->config->anonymization.key_file == !config->anonymization.key_file)
        return 0;
    return error_set(
        error, EINVAL, EX_CONFIG,
        "anonymization.key_file is %s, which needs a restart: pseudonyms have had %s key since the start",
        config->anonymization.key_file ? "given now" : "given no more",
        config->anonymization.key_file ? "a random" : "its");
}

static const char *id_in_use(const struct rekeying *rekeying) {
    for (size_t i = 0; i < rekeying->count; i++)
        if (rekeying->outputs[i].in_force && rekeying->outputs[i].may_rekey)
            return output_key_id(&rekeying->outputs[i]);
    return NULL;
}

static int prepare_all(struct rekeying *rekeying, const struct anonymize_key *key, struct error *error) {
    int result = anonymize_key_id(key, rekeying->id) ? 0 : -ENOMEM;
    const char *id = id_in_use(rekeying);
    if (result == 0 && id && strcmp(id, rekeying->id) == 0)
        return 0;
    rekeying->is_new = true;
    for (size_t i = 0; result == 0 && i < rekeying->count; i++)
        if (rekeying->outputs[i].in_force)
            result = output_prepare_key(&rekeying->outputs[i], key);
    return result == 0 ? 0 : error_set(error, -result, EX_OSERR, "no memory for the new key of pseudonyms");
}

int rekeying_prepare(struct rekeying *rekeying, const struct plan *plan, const struct plan *next,
                     struct error *error) {
    if (!plan->has_pseudonyms)
        return 0;
    int result = check_same_kind(plan, next->config, error);
    bool has_key = next->has_pseudonyms && next->config->anonymization.key_file;
    return result == 0 && has_key ? prepare_all(rekeying, &next->key, error) : result;
}

void rekeying_end(const struct rekeying *rekeying, bool take) {
    if (!rekeying->is_new)
        return;
    for (size_t i = 0; i < rekeying->count; i++)
        if (rekeying->outputs[i].in_force)
            output_end_rekeying(&rekeying->outputs[i], take);
    if (take)
        log_line(LOG_INFO, "anonymization.key_file was read again: anon_key_id is %s from here on",
                 rekeying->id);
}
