/* Which interfaces there are, their MTU, and which one the default route takes. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "capture/capture.h"
#include "capture/interface_table.h"
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

int source_default_interface(char *name, size_t size) {
    struct interface_table *table = NULL;
    int result = interface_table_open(NULL, &table, NULL);
    const struct interface_link *link = result == 0 ? interface_table_default(table) : NULL;
    if (link != NULL && strlen(link->name) < size)
        memcpy(name, link->name, strlen(link->name) + 1);
    else if (result == 0)
        result = -ENODEV;
    interface_table_close(table);
    return result;
}

uint32_t source_interface_mtu(int descriptor, const char *name) {
    struct ifreq request = {0};
    if (strlen(name) >= sizeof request.ifr_name)
        return 0;
    memcpy(request.ifr_name, name, strlen(name) + 1);
    return ioctl(descriptor, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0 ? (uint32_t)request.ifr_mtu
                                                                               : 0;
}
