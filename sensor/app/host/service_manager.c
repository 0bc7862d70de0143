#include "app/host/service_manager.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The socket's address: a path, or an abstract name after '@'. 0: none that can be used. */
static socklen_t make_address(const char *name, struct sockaddr_un *address) {
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address->sun_path)
        return 0;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    /* The zero at a path's end counts, an abstract name has none. */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/' ? 1 : 0));
}

/* WATCHDOG_PID names who is watched, in case the variables were handed on. */
static int64_t watchdog_time(void) {
    const char *time = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!time || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    int64_t microseconds = strtoll(time, NULL, 10);
    return microseconds > 0 ? microseconds : 0;
}

void service_manager_open(struct service_manager *manager) {
    const char *name = getenv("NOTIFY_SOCKET");
    *manager = (struct service_manager){.socket = -1};
    if (!name)
        return;
    manager->length = make_address(name, &manager->address);
    if (manager->length > 0)
        manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    manager->watchdog = watchdog_time();
}

void service_manager_close(struct service_manager *manager) {
    if (manager->socket >= 0)
        close(manager->socket);
    manager->socket = -1;
}

/* A service manager that doesn't read its socket is not waited for. */
static void service_manager_tell(const struct service_manager *manager, const char *state) {
    if (manager->socket >= 0)
        (void)sendto(manager->socket, state, strlen(state), MSG_NOSIGNAL,
                     (const struct sockaddr *)&manager->address, manager->length);
}

void service_manager_ready(const struct service_manager *manager) {
    service_manager_tell(manager, "READY=1");
}

void service_manager_stopping(const struct service_manager *manager) {
    service_manager_tell(manager, "STOPPING=1");
}

void service_manager_watchdog(struct service_manager *manager, int64_t age, int64_t now) {
    if (manager->watchdog == 0 || now - manager->told < manager->watchdog / 3 || age > manager->watchdog)
        return;
    manager->told = now;
    service_manager_tell(manager, "WATCHDOG=1");
}
