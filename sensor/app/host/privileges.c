#include "app/host/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/log.h"

static const unsigned for_capture[] = {CAP_NET_RAW, CAP_NET_ADMIN};
/* Other users' processes and files below /proc, other network namespaces, descriptors and priority for both. */
static const unsigned for_visibility[] = {CAP_SYS_PTRACE, CAP_SYS_ADMIN,    CAP_DAC_READ_SEARCH,
                                          CAP_SYS_NICE,   CAP_SYS_RESOURCE, CAP_DAC_OVERRIDE};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void raise_permitted(const unsigned *capabilities, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (capng_have_capability(CAPNG_PERMITTED, capabilities[i]))
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, capabilities[i]);
}

void privileges_raise(bool system_visibility) {
    if (capng_get_caps_process() < 0)
        return;
    raise_permitted(for_capture, COUNT(for_capture));
    if (system_visibility)
        raise_permitted(for_visibility, COUNT(for_visibility));
    int result = capng_apply(CAPNG_SELECT_CAPS);
    (void)result; /* the interface says it */
}

/* The bounding set can only be changed by who may, which is root; to others no_new_privs says the same. Ambient
 * capabilities go with the inheritable ones. */
static int keep_only(const unsigned *capabilities, size_t count) {
    unsigned kept[COUNT(for_visibility)];
    size_t kept_count = 0;
    if (capng_get_caps_process() < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (capng_have_capability(CAPNG_PERMITTED, capabilities[i]))
            kept[kept_count++] = capabilities[i];
    bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
    for (size_t i = 0; i < kept_count; i++)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
    return capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
}

static void give_up_all_but(const unsigned *capabilities, size_t count) {
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (keep_only(capabilities, count) < 0 || result < 0)
        log_line(LOG_WARNING, "the kernel keeps the process from giving up its capabilities: %s",
                 strerror(errno));
}

void privileges_drop(void) {
    static const unsigned roots[] = {CAP_DAC_OVERRIDE};
    give_up_all_but(roots, geteuid() == 0 ? COUNT(roots) : 0);
}

void privileges_keep_visibility(void) {
    give_up_all_but(for_visibility, COUNT(for_visibility));
}

const char *privileges_remedy(void) {
    if (capng_get_caps_process() < 0)
        return NULL;
    if (capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW))
        return "the process has cap_net_raw, but not for this network namespace; run it in the user namespace that "
               "the network belongs to (Kubernetes: hostUsers: true with hostNetwork: true)";
    if (!capng_have_capability(CAPNG_BOUNDING_SET, CAP_NET_RAW))
        return "cap_net_raw is withheld from this container; grant it (Kubernetes: "
               "securityContext.capabilities.add: [NET_RAW]; Docker: --cap-add NET_RAW)";
    if (getxattr("/proc/self/exe", "security.capability", NULL, 0) > 0)
        return "the program has the file capability cap_net_raw, but no_new_privs or a nosuid mount kept the process "
               "from getting it; run the program itself and no shell before it (Kubernetes: command: [PROGRAM], or "
               "allowPrivilegeEscalation: true)";
    return "run as root, or give the program the capability: setcap cap_net_raw=p PROGRAM";
}
