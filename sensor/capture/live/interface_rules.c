#include "capture/live/interface_rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

struct word {
    char glob[IF_NAMESIZE * 2]; /* "" is `auto` */
    bool excludes;
    enum interface_role role;
};

struct interface_rules {
    size_t interface_count, role_count;
    bool only_excludes;
    struct word *interfaces, *roles;
};

static const char *const role_names[] = {
#define X(name) #name,
    INTERFACE_ROLES(X)
#undef X
};

/* What IFLA_INFO_KIND says of devices that encapsulate. */
static const char *const tunnel_kinds[] = {
    "bareudp", "erspan", "geneve", "gre", "gretap", "gtp",   "ip6erspan", "ip6gre", "ip6gretap",
    "ip6tnl",  "ipip",   "sit",    "vti", "vti6",   "vxlan", "wireguard", "xfrm",
};

/* The host's ends of pods, as Calico, Cilium, Docker and the plug-ins of AWS, Google and Azure name them. */
static const char *const pod_names[] = {"azv*", "cali*", "eni*", "gke*", "lxc*", "veth*"};

static bool is_among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

#define IS_AMONG(name, names) is_among(name, names, sizeof(names) / sizeof *(names))

/* `option`: what the text calls it. */
static int set_glob(struct word *word, const char *glob, const char *option, const char *given,
                    struct error *error) {
    size_t length = strlen(glob);
    if (length == 0)
        return error_set(error, EINVAL, EX_CONFIG, "%s: \"%s\" names no interface", option, given);
    if (strpbrk(glob, " \t\n/:") != NULL)
        return error_set(error, EINVAL, EX_CONFIG,
                         "%s: \"%s\" has a space, '/' or ':', which no interface's name has", option, given);
    if (length >= (strpbrk(glob, "*?[\\") != NULL ? sizeof word->glob : IF_NAMESIZE))
        return error_set(error, EINVAL, EX_CONFIG,
                         "%s: \"%s\" is longer than an interface's name, which has at most %d characters",
                         option, given, IF_NAMESIZE - 1);
    memcpy(word->glob, glob, length + 1);
    return 0;
}

static int parse_interface(struct word *word, const char *text, struct error *error) {
    word->excludes = text[0] == '!';
    const char *glob = text + (word->excludes ? 1 : 0);
    if (strcmp(glob, "auto") == 0)
        return 0;
    return set_glob(word, strcmp(glob, "any") == 0 ? "*" : glob, "capture.interfaces", text, error);
}

static int parse_role(struct word *word, const char *text, struct error *error) {
    for (size_t role = 0; role < INTERFACE_ROLE_COUNT; role++) {
        size_t length = strlen(role_names[role]);
        word->role = (enum interface_role)role;
        if (strncmp(text, role_names[role], length) == 0 && text[length] == ':')
            return set_glob(word, text + length + 1, "capture.roles", text, error);
    }
    return error_set(error, EINVAL, EX_CONFIG,
                     "capture.roles: \"%s\" is not ROLE:NAME with the role host, uplink, pod or tunnel",
                     text);
}

static int parse_words(struct interface_rules *rules, const char *const *interfaces, const char *const *roles,
                       struct error *error) {
    int result = 0;
    rules->only_excludes = true;
    for (size_t i = 0; result == 0 && i < rules->interface_count; i++) {
        result = parse_interface(&rules->interfaces[i], interfaces[i], error);
        rules->only_excludes = rules->only_excludes && rules->interfaces[i].excludes;
    }
    for (size_t i = 0; result == 0 && i < rules->role_count; i++)
        result = parse_role(&rules->roles[i], roles[i], error);
    return result;
}

int interface_rules_create(const char *const *interfaces, size_t interface_count, const char *const *roles,
                           size_t role_count, struct interface_rules **created, struct error *error) {
    if (interface_count == 0)
        return error_set(error, EINVAL, EX_CONFIG, "capture.interfaces names no interface");
    struct interface_rules *rules = calloc(1, sizeof *rules);
    struct word *words = calloc(interface_count + role_count, sizeof *words);
    if (rules == NULL || words == NULL) {
        free(rules);
        free(words);
        return error_set(error, ENOMEM, EX_OSERR, "no memory for the interfaces' rules");
    }
    *rules = (struct interface_rules){.interface_count = interface_count,
                                      .role_count = role_count,
                                      .interfaces = words,
                                      .roles = words + interface_count};
    int result = parse_words(rules, interfaces, roles, error);
    if (result == 0)
        *created = rules;
    else
        interface_rules_destroy(rules);
    return result;
}

void interface_rules_destroy(struct interface_rules *rules) {
    if (rules == NULL)
        return;
    free(rules->interfaces);
    free(rules);
}

static bool matches(const struct word *word, const struct interface_link *link) {
    return word->glob[0] != '\0' ? fnmatch(word->glob, link->name, 0) == 0 : link->is_default_route;
}

bool interface_rules_select(const struct interface_rules *rules, const struct interface_link *link) {
    bool selected = rules->only_excludes;
    for (size_t i = 0; i < rules->interface_count; i++) {
        if (!matches(&rules->interfaces[i], link))
            continue;
        if (rules->interfaces[i].excludes)
            return false;
        selected = true;
    }
    return selected;
}

bool interface_rules_name(const struct interface_rules *rules, const struct interface_link *link) {
    for (size_t i = 0; i < rules->interface_count; i++) {
        const struct word *word = &rules->interfaces[i];
        if (!word->excludes && strpbrk(word->glob, "*?[") == NULL && matches(word, link))
            return true;
    }
    return false;
}

static bool is_tap(const struct interface_link *link) {
    return strcmp(link->kind, "tun") == 0 && link->hardware == ARPHRD_ETHER;
}

static bool is_tunnel(const struct interface_link *link) {
    return IS_AMONG(link->kind, tunnel_kinds) || (strcmp(link->kind, "tun") == 0 && !is_tap(link));
}

/* The master of a fail-over device of a virtual machine has no kind, so the kernel tells none of its ports either. */
static bool is_seen_on_its_master(const struct interface_link *link) {
    return link->master != 0 && (link->port_of[0] == '\0' || strcmp(link->port_of, "bond") == 0 ||
                                 strcmp(link->port_of, "team") == 0);
}

static bool is_uplink(const struct interface_link *link) {
    bool is_physical = link->kind[0] == '\0' && link->lower == 0 && link->hardware != ARPHRD_LOOPBACK;
    if (link->is_default_route || strcmp(link->kind, "bond") == 0 || strcmp(link->kind, "team") == 0)
        return true;
    return is_physical && !is_seen_on_its_master(link);
}

static bool is_pod(const struct interface_link *link) {
    if (is_tap(link) || (strcmp(link->kind, "veth") == 0 && link->lower_elsewhere))
        return true;
    for (size_t i = 0; i < sizeof pod_names / sizeof *pod_names; i++)
        if (fnmatch(pod_names[i], link->name, 0) == 0)
            return true;
    return false;
}

enum interface_role interface_rules_role(const struct interface_rules *rules,
                                         const struct interface_link *link) {
    for (size_t i = 0; i < rules->role_count; i++)
        if (matches(&rules->roles[i], link))
            return rules->roles[i].role;
    if (is_tunnel(link))
        return INTERFACE_tunnel;
    if (is_uplink(link))
        return INTERFACE_uplink;
    return is_pod(link) ? INTERFACE_pod : INTERFACE_host;
}

const char *interface_role_name(enum interface_role role) {
    return role_names[role];
}
