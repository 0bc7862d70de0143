#include "meter/expiry.h"

#include <stddef.h>

void expiry_append(struct expiry *expiry, struct flow *flow) {
    struct expiry_list *list = &expiry->lists[flow->eviction_class];
    flow->newer = NULL;
    flow->older = list->newest;
    if (list->newest != NULL)
        list->newest->newer = flow;
    else
        list->oldest = flow;
    list->newest = flow;
}

void expiry_remove(struct expiry *expiry, struct flow *flow) {
    struct expiry_list *list = &expiry->lists[flow->eviction_class];
    if (flow->older != NULL)
        flow->older->newer = flow->newer;
    else
        list->oldest = flow->newer;
    if (flow->newer != NULL)
        flow->newer->older = flow->older;
    else
        list->newest = flow->older;
}

void expiry_touch(struct expiry *expiry, struct flow *flow, enum eviction_class class) {
    if (flow->eviction_class == class && flow->newer == NULL)
        return;
    expiry_remove(expiry, flow);
    flow->eviction_class = (uint8_t)class;
    expiry_append(expiry, flow);
}

static int64_t last_seen(const struct flow *flow) {
    return flow->counters[BIDIRECTIONAL].last_seen;
}

struct flow *expiry_oldest(const struct expiry *expiry) {
    struct flow *oldest = NULL;
    for (int class = 0; class < EVICTION_CLASSES; class++) {
        struct flow *flow = expiry->lists[class].oldest;
        if (flow != NULL && (oldest == NULL || last_seen(flow) < last_seen(oldest)))
            oldest = flow;
    }
    return oldest;
}

struct flow *expiry_victim(const struct expiry *expiry) {
    for (int class = 0; class < EVICTION_CLASSES; class++)
        if (expiry->lists[class].oldest != NULL)
            return expiry->lists[class].oldest;
    return NULL;
}
