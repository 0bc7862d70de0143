/* Which interfaces there are, for the user to choose from. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
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

/* Names of all interfaces, comma-separated, and the one nearest to `given` (NULL if none). */
static const char *describe_interfaces(const char *given, const struct if_nameindex *interfaces, char *text,
                                       size_t size) {
    size_t count = 0, used = 0;
    text[0] = '\0';
    while (interfaces[count].if_name != NULL) {
        int written =
            snprintf(text + used, size - used, "%s%s", count > 0 ? ", " : "", interfaces[count].if_name);
        if (written < 0 || (size_t)written >= size - used)
            break;
        used += (size_t)written;
        count++;
    }
    return nearest_name(given, (const char *const *)&interfaces[0].if_name, count, sizeof *interfaces);
}

int source_no_such_interface(const char *name, struct error *error) {
    char text[512] = "";
    struct if_nameindex *interfaces = if_nameindex();
    const char *nearest = NULL;
    if (interfaces != NULL)
        nearest = describe_interfaces(name, interfaces, text, sizeof text);
    if (nearest != NULL)
        error_set(error, ENODEV, EX_NOINPUT, "no interface \"%s\"; did you mean \"%s\"? There are: %s", name,
                  nearest, text);
    else
        error_set(error, ENODEV, EX_NOINPUT, "no interface \"%s\"; there are: %s", name, text);
    if (interfaces != NULL)
        if_freenameindex(interfaces);
    return -ENODEV;
}
