#include "meter/tcp_end.h"
#include "record/field/address_scope.h"
#include "record/field/address_text.h"
#include "record/field/field_getters.h"

static void address_value(const struct record_source *source, const uint8_t address[16],
                          struct value *value) {
    char *text = scratch_text(source, ADDRESS_TEXT_MAX);
    value_text(value, text, address_format(address, source->flow->ip_version, text));
}

static void mac_value(const struct record_source *source, const uint8_t mac[6], size_t length,
                      struct value *value) {
    char *text = scratch_text(source, MAC_TEXT_LENGTH);
    mac_format(mac, text);
    value_text(value, text, length);
}

static void source_mac_or_null(const struct record_source *source, const uint8_t mac[6], size_t length,
                               struct value *value) {
    if (source->flow->first_flags & (PACKET_HAS_MAC | PACKET_HAS_SOURCE_MAC))
        mac_value(source, mac, length, value);
    else
        value_null(value);
}

static void destination_mac_or_null(const struct record_source *source, const uint8_t mac[6], size_t length,
                                    struct value *value) {
    if (source->flow->first_flags & PACKET_HAS_MAC)
        mac_value(source, mac, length, value);
    else
        value_null(value);
}

void get_src_ip(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    address_value(source, flow_source(source->flow), value);
}

void get_dst_ip(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    address_value(source, flow_destination(source->flow), value);
}

static void scope_value(const struct record_source *source, const uint8_t address[16], struct value *value) {
    const char *scope = address_scope(address, source->flow->ip_version);
    value_text(value, scope, strlen(scope));
}

void get_src_ip_scope(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    scope_value(source, flow_source(source->flow), value);
}

void get_dst_ip_scope(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    scope_value(source, flow_destination(source->flow), value);
}

/* The link's addresses exist as address and vendor part, null or zeros where the link has none; cooked captures have
 * the sender's alone. */
#define MAC_GETTER(name, field, length, fill)                                          \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        (void)direction;                                                               \
        fill(source, source->flow->field, length, value);                              \
    }
MAC_GETTER(src_mac, source_mac, MAC_TEXT_LENGTH, source_mac_or_null)
MAC_GETTER(src_oui, source_mac, OUI_TEXT_LENGTH, source_mac_or_null)
MAC_GETTER(dst_mac, destination_mac, MAC_TEXT_LENGTH, destination_mac_or_null)
MAC_GETTER(dst_oui, destination_mac, OUI_TEXT_LENGTH, destination_mac_or_null)
MAC_GETTER(src_mac_padded, source_mac, MAC_TEXT_LENGTH, mac_value)
MAC_GETTER(src_oui_padded, source_mac, OUI_TEXT_LENGTH, mac_value)
MAC_GETTER(dst_mac_padded, destination_mac, MAC_TEXT_LENGTH, mac_value)
MAC_GETTER(dst_oui_padded, destination_mac, OUI_TEXT_LENGTH, mac_value)

/* The vendor part is the beginning of the address. */
static void mac_and_oui(struct value *values) {
    values[1] = values[0];
    values[1].text.length = OUI_TEXT_LENGTH;
}

void get_source_macs(const struct record_source *source, enum flow_direction direction,
                     struct value *values) {
    get_src_mac(source, direction, values);
    mac_and_oui(values);
}

void get_destination_macs(const struct record_source *source, enum flow_direction direction,
                          struct value *values) {
    get_dst_mac(source, direction, values);
    mac_and_oui(values);
}

#define NUMBER_GETTER(name, number)                                                    \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        const struct flow *flow = source->flow;                                        \
        (void)direction;                                                               \
        value_integer(value, number);                                                  \
    }
NUMBER_GETTER(src_port, flow_source_port(flow))
NUMBER_GETTER(dst_port, flow_destination_port(flow))
NUMBER_GETTER(protocol, flow->key.protocol)
NUMBER_GETTER(ip_version, flow->ip_version)
NUMBER_GETTER(vlan_id, flow->key.vlan_id)
NUMBER_GETTER(tunnel_id, flow_tunnel(flow))

/* 802.1Q: a tag with the identifier 0 has a priority and names no VLAN. */
void get_dot1q_vlan_id(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    if (source->flow->key.vlan_id != 0)
        value_integer(value, source->flow->key.vlan_id);
    else
        value_null(value);
}

void get_tunnel_key(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    if (source->flow->first_flags & PACKET_HAS_TUNNEL_KEY)
        value_integer(value, source->flow->tunnel_key);
    else
        value_null(value);
}

static void icmp_value(const struct flow *flow, uint8_t number, struct value *value) {
    if (flow->first_flags & PACKET_HAS_ICMP)
        value_integer(value, number);
    else
        value_null(value);
}

void get_icmp_type(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    icmp_value(source->flow, source->flow->icmp_type, value);
}

void get_icmp_code(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    icmp_value(source->flow, source->flow->icmp_code, value);
}

void get_tcp_handshake_completed(const struct record_source *source, enum flow_direction direction,
                                 struct value *value) {
    (void)direction;
    if (source->flow->tcp_facts & TCP_FROM_SYN)
        value_boolean(value, (source->flow->tcp_facts & TCP_COMPLETED) != 0);
    else
        value_null(value);
}

void get_tcp_closed_by(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    if (source->flow->tcp_facts & TCP_SOURCE_CLOSED)
        value_text(value, "src", 3);
    else if (source->flow->tcp_facts & TCP_DESTINATION_CLOSED)
        value_text(value, "dst", 3);
    else
        value_null(value);
}

void get_first_seen(const struct record_source *source, enum flow_direction direction, struct value *value) {
    int64_t time = flow_first_seen(source->flow, direction);
    if (time == INT64_MAX)
        value_null(value);
    else
        value_integer(value, flow_wall_time(source->flow, time));
}

void get_last_seen(const struct record_source *source, enum flow_direction direction, struct value *value) {
    int64_t time = flow_last_seen(source->flow, direction);
    if (time == INT64_MIN)
        value_null(value);
    else
        value_integer(value, flow_wall_time(source->flow, time));
}

void get_ticks_first_seen(const struct record_source *source, enum flow_direction direction,
                          struct value *value) {
    get_first_seen(source, direction, value);
    if (value->is_null)
        value_integer(value, 0);
}

void get_ticks_last_seen(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    get_last_seen(source, direction, value);
    if (value->is_null)
        value_integer(value, 0);
}

void get_duration(const struct record_source *source, enum flow_direction direction, struct value *value) {
    int64_t first = flow_first_seen(source->flow, direction);
    value_integer(value, first == INT64_MAX ? 0 : flow_last_seen(source->flow, direction) - first);
}

void get_packets(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_counter(value, flow_packets(source->flow, direction));
}

void get_bytes(const struct record_source *source, enum flow_direction direction, struct value *value) {
    value_counter(value, flow_bytes(source->flow, direction));
}

void get_counters(const struct record_source *source, enum flow_direction direction, struct value *values) {
    get_first_seen(source, direction, &values[0]);
    get_last_seen(source, direction, &values[1]);
    get_duration(source, direction, &values[2]);
    get_packets(source, direction, &values[3]);
    get_bytes(source, direction, &values[4]);
}
