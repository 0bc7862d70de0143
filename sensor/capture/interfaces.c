/* Which interfaces there are, their MTU, and which one the default route takes. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "capture/capture.h"
#include "capture/source.h"

static const char *address_text(const struct sockaddr *address, char *text, socklen_t size) {
    const void *bytes = NULL;
    if (address == NULL)
        return NULL;
    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return bytes != NULL ? inet_ntop(address->sa_family, bytes, text, size) : NULL;
}

/* The IP addresses of an interface, separated by ", "; those that don't fit are left out. */
static void join_addresses(const pcap_addr_t *address, char *text, size_t size) {
    char one[INET6_ADDRSTRLEN];
    size_t used = 0;
    text[0] = '\0';
    for (; address != NULL; address = address->next) {
        if (address_text(address->addr, one, sizeof one) == NULL)
            continue;
        int written = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", one);
        if (written < 0 || (size_t)written >= size - used) {
            text[used] = '\0';
            return;
        }
        used += (size_t)written;
    }
}

int capture_list_interfaces(void (*visit)(const char *name, const char *description, const char *addresses,
                                          void *context),
                            void *context, struct error *error) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t *interfaces = NULL;
    if (pcap_findalldevs(&interfaces, reason) < 0)
        return error_set(error, EIO, EX_OSERR, "can't list the interfaces: %s", reason);
    for (const pcap_if_t *interface = interfaces; interface != NULL; interface = interface->next) {
        char addresses[1024];
        join_addresses(interface->addresses, addresses, sizeof addresses);
        visit(interface->name, interface->description != NULL ? interface->description : "", addresses,
              context);
    }
    pcap_freealldevs(interfaces);
    return 0;
}

/* A default route as /proc tells it. */
struct route {
    char interface[64];
    unsigned flags;
    unsigned metric;
};

enum { COLUMNS_MAX = 16 };

/* Splits a line of /proc at its white space; the number of columns. */
static size_t split(char *line, const char *columns[COLUMNS_MAX]) {
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t\n", &rest); word != NULL && count < COLUMNS_MAX;
         word = strtok_r(NULL, " \t\n", &rest))
        columns[count++] = word;
    return count;
}

static unsigned number(const char *text, int base) {
    return (unsigned)strtoul(text, NULL, base);
}

static bool copy_name(struct route *route, const char *name) {
    size_t length = strlen(name);
    if (length >= sizeof route->interface)
        return false;
    memcpy(route->interface, name, length + 1);
    return true;
}

/* Columns: Iface Destination Gateway Flags RefCnt Use Metric Mask ... The title line is ignored, since its flags read as
 * 0. */
static bool parse_route4(char *line, struct route *route) {
    const char *column[COLUMNS_MAX];
    if (split(line, column) < 8 || number(column[1], 16) != 0 || number(column[7], 16) != 0)
        return false;
    route->flags = number(column[3], 16);
    route->metric = number(column[6], 10);
    return copy_name(route, column[0]);
}

/* Columns: destination, prefix length, source, prefix length, next hop, metric, references, use, flags, interface. */
static bool parse_route6(char *line, struct route *route) {
    const char *column[COLUMNS_MAX];
    if (split(line, column) < 10 || number(column[1], 16) != 0)
        return false;
    route->metric = number(column[5], 16);
    route->flags = number(column[8], 16);
    return copy_name(route, column[9]);
}

/* The usable default route with the lowest metric in the table at `path`. */
static int find_default(const char *path, bool (*parse)(char *line, struct route *route), char *name,
                        size_t size) {
    char line[512];
    struct route route;
    unsigned least = 0;
    bool found = false;
    FILE *table = fopen(path, "re");
    if (table == NULL)
        return -errno;
    while (fgets(line, sizeof line, table) != NULL) {
        if (!parse(line, &route) || !(route.flags & RTF_UP) || (route.flags & RTF_REJECT) ||
            strlen(route.interface) >= size || (found && route.metric >= least))
            continue;
        memcpy(name, route.interface, strlen(route.interface) + 1);
        least = route.metric;
        found = true;
    }
    fclose(table);
    return found ? 0 : -ENODEV;
}

int source_default_interface(char *name, size_t size) {
    if (find_default("/proc/net/route", parse_route4, name, size) == 0)
        return 0;
    return find_default("/proc/net/ipv6_route", parse_route6, name, size) == 0 ? 0 : -ENODEV;
}

uint32_t source_interface_mtu(int descriptor, const char *name) {
    struct ifreq request = {0};
    if (strlen(name) >= sizeof request.ifr_name)
        return 0;
    memcpy(request.ifr_name, name, strlen(name) + 1);
    return ioctl(descriptor, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0 ? (uint32_t)request.ifr_mtu
                                                                               : 0;
}
