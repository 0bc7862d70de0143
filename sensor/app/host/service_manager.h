/* Tells systemd, or who else started the process with NOTIFY_SOCKET, how it is (sd_notify(3)): READY, STOPPING, and
 * WATCHDOG while the loops move. Nothing if nobody asked. Belongs to the thread that delivers, which is the main one. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct service_manager {
    int socket; /* -1: nobody asked */
    struct sockaddr_un address;
    socklen_t length;
    int64_t watchdog; /* microseconds between two signs of life that are asked for; 0: none */
    int64_t told;     /* the last one; monotonic clock */
};

/* Reads the environment. */
void service_manager_open(struct service_manager *manager);
void service_manager_close(struct service_manager *manager);

void service_manager_ready(const struct service_manager *manager);
void service_manager_stopping(const struct service_manager *manager);

/* At housekeeping: sends a sign of life when one is due, unless the slowest loop last moved longer ago (`age`,
 * microseconds) than the watchdog's time. */
void service_manager_watchdog(struct service_manager *manager, int64_t age, int64_t now);
