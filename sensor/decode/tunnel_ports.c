#include "decode/tunnel_ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/tunnel/tunnel.h"

const struct tunnel_row tunnel_rows[TUNNEL_ROWS] = {
#define TUNNEL(name, over, ...) {#name, &tunnel_##name, TUNNEL_OVER_##over, {__VA_ARGS__}},
#include "decode/tunnel/tunnels.def"
#undef TUNNEL
};

static bool row_has_ports(size_t row) {
    return tunnel_rows[row].carrier == TUNNEL_OVER_UDP;
}

/* The names of all tunnels that have ports: "a, b, c". */
static void list_names(char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t row = 0; row < TUNNEL_ROWS; row++)
        if (row_has_ports(row) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     tunnel_rows[row].name);
}

size_t tunnel_ports_row(const struct tunnel_ports *ports, uint16_t port) {
    for (size_t i = 0; tunnel_ports_have(ports, port) && i < ports->count; i++)
        if (ports->list[i].port == port)
            return ports->list[i].row;
    return TUNNEL_ROWS;
}

static int add_port(struct tunnel_ports *ports, size_t row, uint16_t port, struct error *error) {
    size_t owner = tunnel_ports_row(ports, port);
    if (owner == row)
        return 0;
    if (owner != TUNNEL_ROWS)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "port %u belongs to both %s and %s; say \"NAME=PORT,...\" for each, with ports of its own", port,
            tunnel_rows[owner].name, tunnel_rows[row].name);
    if (ports->count == TUNNEL_PORTS_MAX)
        return error_set(error, EINVAL, EX_CONFIG, "more than %d ports; take some off", TUNNEL_PORTS_MAX);
    ports->list[ports->count].port = port;
    ports->list[ports->count].row = (uint8_t)row;
    ports->count++;
    ports->bits[port / 64] |= UINT64_C(1) << (port % 64);
    return 0;
}

/* The row with this name (the `length` bytes before the item's "="); TUNNEL_ROWS: no row with ports has it. */
static size_t named_row(const char *name, size_t length) {
    size_t row = 0;
    while (row < TUNNEL_ROWS && !(row_has_ports(row) && strlen(tunnel_rows[row].name) == length &&
                                  memcmp(tunnel_rows[row].name, name, length) == 0))
        row++;
    return row;
}

static int add_listed(struct tunnel_ports *ports, size_t row, const char *item, const char *text,
                      struct error *error) {
    while (*text != '\0') {
        size_t length = strspn(text, "0123456789");
        unsigned long port = length > 0 && length <= 5 ? strtoul(text, NULL, 10) : 0;
        bool is_last = text[length] == '\0';
        if (port < 1 || port > UINT16_MAX || !(is_last || (text[length] == ',' && text[length + 1] != '\0')))
            return error_set(error, EINVAL, EX_CONFIG,
                             "\"%s\": expected ports from 1 to 65535 with commas between them, got \"%s\"",
                             item, text);
        int result = add_port(ports, row, (uint16_t)port, error);
        if (result < 0)
            return result;
        text += length + (is_last ? 0 : 1);
    }
    return 0;
}

/* The row that an item names, in `*row`, and where its ports begin. */
static int read_name(const char *item, size_t *row, const char **ports, struct error *error) {
    const char *equals = strchr(item, '=');
    if (equals == NULL)
        return error_set(error, EINVAL, EX_CONFIG,
                         "\"%s\" has no ports; write \"NAME=PORT,PORT\", as in \"vxlan=4789,8472\"", item);
    *ports = equals + 1;
    *row = named_row(item, (size_t)(equals - item));
    char names[256];
    list_names(names, sizeof names);
    if (*row == TUNNEL_ROWS)
        return error_set(error, EINVAL, EX_CONFIG, "\"%s\" names no tunnel that has ports; they are %s", item,
                         names);
    return 0;
}

/* Puts one item of the list into the ports. `*row` is the tunnel that it names, or that an item before it named. */
static int take_item(struct tunnel_ports *ports, const char *item, size_t *row, bool *is_named,
                     struct error *error) {
    const char *text = item;
    bool goes_on = *row != TUNNEL_ROWS && strchr(item, '=') == NULL && *item >= '0' && *item <= '9';
    int result = goes_on ? 0 : read_name(item, row, &text, error);
    if (result == 0 && !goes_on && is_named[*row])
        return error_set(error, EINVAL, EX_CONFIG, "%s is given twice; write all its ports in one item",
                         tunnel_rows[*row].name);
    if (result == 0) {
        is_named[*row] = true;
        result = add_listed(ports, *row, item, text, error);
    }
    return result;
}

int tunnel_ports_set(struct tunnel_ports *ports, const char *const *items, size_t count,
                     struct error *error) {
    bool is_named[TUNNEL_ROWS] = {false};
    size_t named = TUNNEL_ROWS;
    int result = 0;
    memset(ports, 0, sizeof *ports);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = take_item(ports, items[i], &named, is_named, error);
    for (size_t row = 0; row < TUNNEL_ROWS; row++)
        for (size_t i = 0; row_has_ports(row) && !is_named[row] && i < TUNNEL_NUMBERS_MAX; i++)
            if (result == 0 && tunnel_rows[row].numbers[i] != 0)
                result = add_port(ports, row, tunnel_rows[row].numbers[i], error);
    return result;
}

static int by_port(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

void tunnel_ports_format(const struct tunnel_ports *ports, char text[TUNNEL_PORTS_TEXT_SIZE]) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t row = 0; row < TUNNEL_ROWS; row++) {
        uint16_t own[TUNNEL_PORTS_MAX];
        size_t count = 0;
        for (size_t i = 0; i < ports->count; i++)
            if (ports->list[i].row == row)
                own[count++] = ports->list[i].port;
        qsort(own, count, sizeof *own, by_port);
        for (size_t i = 0; i < count && used < TUNNEL_PORTS_TEXT_SIZE; i++)
            used += (size_t)snprintf(text + used, TUNNEL_PORTS_TEXT_SIZE - used, "%s%s%c%u",
                                     i == 0 && used > 0 ? " " : "", i == 0 ? tunnel_rows[row].name : "",
                                     i == 0 ? '=' : ',', own[i]);
    }
}
