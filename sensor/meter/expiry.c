#include "meter/expiry.h"

#include <stddef.h>

#include "base/check.h"

static void link_newest(struct expiry_list *list, struct flow *flow) {
    flow->newer = NULL;
    flow->older = list->newest;
    if (list->newest != NULL)
        list->newest->newer = flow;
    else
        list->oldest = flow;
    list->newest = flow;
}

static void unlink_flow(struct expiry_list *list, struct flow *flow) {
    DEBUG_CHECK((flow->older != NULL ? flow->older->newer : list->oldest) == flow);
    DEBUG_CHECK((flow->newer != NULL ? flow->newer->older : list->newest) == flow);
    if (flow->older != NULL)
        flow->older->newer = flow->newer;
    else
        list->oldest = flow->newer;
    if (flow->newer != NULL)
        flow->newer->older = flow->older;
    else
        list->newest = flow->older;
}

void expiry_append(struct expiry *expiry, struct flow *flow) {
    DEBUG_CHECK(flow->eviction_class < EVICTION_CLASSES);
    struct expiry_list *list = &expiry->lists[flow->eviction_class];
    link_newest(list, flow);
    list->count++;
}

void expiry_remove(struct expiry *expiry, struct flow *flow) {
    struct expiry_list *list = &expiry->lists[flow->eviction_class];
    unlink_flow(list, flow);
    list->count--;
}

void expiry_touch(struct expiry *expiry, struct flow *flow, enum eviction_class eviction_class) {
    if (flow->eviction_class != eviction_class) {
        expiry_remove(expiry, flow);
        flow->eviction_class = (uint8_t)eviction_class;
        expiry_append(expiry, flow);
    } else if (flow->newer != NULL) {
        struct expiry_list *list = &expiry->lists[eviction_class];
        unlink_flow(list, flow);
        link_newest(list, flow);
    }
}

struct flow *expiry_oldest(const struct expiry *expiry) {
    struct flow *oldest = NULL;
    for (int i = 0; i < EVICT_CLOSED; i++) {
        struct flow *flow = expiry->lists[i].oldest;
        if (flow != NULL &&
            (oldest == NULL || flow_last_seen(flow, BIDIRECTIONAL) < flow_last_seen(oldest, BIDIRECTIONAL)))
            oldest = flow;
    }
    return oldest;
}

struct flow *expiry_victim(const struct expiry *expiry, size_t flows) {
    for (int i = 0; i < EVICTION_CLASSES; i++)
        if (expiry->lists[i].count > flows / EXPIRY_SHARE)
            return expiry->lists[i].oldest;
    return NULL;
}
