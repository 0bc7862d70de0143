#include "meter/process/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    ANSWER_SECONDS = 1,       /* the kernel answers at once; what doesn't come never will */
    EVENT_BUFFER = 4 << 20,   /* bytes of multicast messages that may wait */
    MESSAGES_SIZE = 64 << 10, /* larger than any datagram of a dump */
};

static _Alignas(NLMSG_ALIGNTO) _Thread_local unsigned char messages[MESSAGES_SIZE];

int netlink_open(int protocol, uint32_t groups) {
    int type = SOCK_RAW | SOCK_CLOEXEC | (groups != 0 ? SOCK_NONBLOCK : 0);
    int descriptor = socket(AF_NETLINK, type, protocol);
    if (descriptor < 0)
        return -errno;
    struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int size = EVENT_BUFFER;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (groups != 0 && setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (bind(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int result = -errno;
        close(descriptor);
        return result;
    }
    return descriptor;
}

/* Visits the messages of one datagram. 1: the answer is complete. */
static int visit_messages(ssize_t length, netlink_visit *visit, void *context, bool *inconsistent) {
    size_t left = (size_t)length;
    for (struct nlmsghdr *message = (struct nlmsghdr *)messages; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
        *inconsistent |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (message->nlmsg_type == NLMSG_DONE)
            return 1;
        if (message->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *answer = NLMSG_DATA(message);
            return answer->error < 0 ? answer->error : 1;
        }
        visit(message, context);
        if ((message->nlmsg_flags & NLM_F_MULTI) == 0)
            return 1;
    }
    return 0;
}

int netlink_request(int descriptor, struct nlmsghdr *request, netlink_visit *visit, void *context) {
    static _Thread_local uint32_t sequence;
    bool inconsistent = false;
    request->nlmsg_seq = ++sequence;
    if (send(descriptor, request, request->nlmsg_len, 0) < 0)
        return -errno;
    int result = 0;
    while (result == 0) {
        ssize_t length = recv(descriptor, messages, sizeof(messages), 0);
        if (length < 0)
            return -errno;
        /* What is left of an answer that did not come in time. */
        const struct nlmsghdr *first = (const struct nlmsghdr *)messages;
        if ((size_t)length >= sizeof(*first) && first->nlmsg_seq == request->nlmsg_seq)
            result = visit_messages(length, visit, context, &inconsistent);
    }
    return result < 0 ? result : inconsistent ? -EINTR : 0;
}

int netlink_drain(int descriptor, netlink_visit *visit, void *context) {
    bool inconsistent = false;
    int result = 0;
    for (;;) {
        ssize_t length = recv(descriptor, messages, sizeof(messages), MSG_DONTWAIT);
        if (length < 0 && errno == ENOBUFS)
            result = -ENOBUFS;
        else if (length < 0)
            return result;
        else
            visit_messages(length, visit, context, &inconsistent);
    }
}
