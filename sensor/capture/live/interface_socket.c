#include "capture/live/interface_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages that wait: the kernel allows 208 KiB as a rule, which are 100 links' at once. */
enum { RECEIVE_BUFFER = 1 << 20 };

/* Routes of pods, or of the whole Internet, come and go all the time: the kernel leaves out all but default routes, so that
 * nobody is woken for them. Of addresses only that one is gone matters. Offsets are those of nlmsghdr and rtmsg; a filter
 * reads numbers in network byte order. Dumps come as they are. */
static int leave_out_others(int descriptor) {
    enum { ACCEPT = 8, DROP = 9 };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWADDR), DROP - 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, ACCEPT - 4),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_flags)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, htons(NLM_F_MULTI), ACCEPT - 6, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct nlmsghdr) + offsetof(struct rtmsg, rtm_dst_len)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, DROP - 8),
        [ACCEPT] = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        [DROP] = BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* Before Linux 4.20 a dump of routes can't be asked for one table: then all come. */
static void set_options(int descriptor) {
    int size = RECEIVE_BUFFER, strict = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
}

static bool bind_to_groups(struct interface_socket *opened) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
                                               RTMGRP_IPV4_IFADDR};
    socklen_t length = sizeof address;
    set_options(opened->descriptor);
    if (leave_out_others(opened->descriptor) < 0 ||
        bind(opened->descriptor, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(opened->descriptor, (struct sockaddr *)&address, &length) < 0)
        return false;
    opened->port = address.nl_pid;
    return true;
}

int interface_socket_open(struct interface_socket *opened) {
    *opened = (struct interface_socket){
        .descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
    if (opened->descriptor >= 0 && bind_to_groups(opened))
        return 0;
    int result = -errno;
    interface_socket_close(opened);
    return result;
}

void interface_socket_close(struct interface_socket *opened) {
    if (opened->descriptor >= 0)
        close(opened->descriptor);
    opened->descriptor = -1;
}

int interface_socket_ask(struct interface_socket *asked, enum interface_dump dump) {
    struct {
        struct nlmsghdr header;
        union {
            struct rtmsg route;
            struct {
                struct ifinfomsg link;
                struct rtattr attribute;
                uint32_t mask;
            };
        };
    } request = {.header = {.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++asked->sequence}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (dump == INTERFACE_DUMP_LINKS) {
        request.header.nlmsg_type = RTM_GETLINK;
        request.header.nlmsg_len = sizeof request;
        request.link = (struct ifinfomsg){.ifi_family = AF_UNSPEC};
        request.attribute = (struct rtattr){RTA_LENGTH(sizeof request.mask), IFLA_EXT_MASK};
        request.mask = RTEXT_FILTER_SKIP_STATS;
    } else {
        request.header.nlmsg_type = RTM_GETROUTE;
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.route);
        request.route = (struct rtmsg){.rtm_family = dump == INTERFACE_DUMP_ROUTES_4 ? AF_INET : AF_INET6,
                                       .rtm_table = RT_TABLE_MAIN};
    }
    return sendto(asked->descriptor, &request, request.header.nlmsg_len, 0, (struct sockaddr *)&kernel,
                  sizeof kernel) < 0
               ? -errno
               : 0;
}

ssize_t interface_socket_read(struct interface_socket *from, uint8_t *bytes, size_t size) {
    struct sockaddr_nl sender = {0};
    struct iovec buffer = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &buffer, .msg_iovlen = 1};
    ssize_t length = -1;
    do
        length = recvmsg(from->descriptor, &message, MSG_DONTWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (sender.nl_pid != 0 || (message.msg_flags & MSG_TRUNC) != 0)
        return -EPERM;
    return length;
}
