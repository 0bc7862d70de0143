#include "record/field/field_block.h"

#include "record/field/field_getters.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
const struct field_block field_blocks[] = {
    {get_source_macs, {get_src_mac, get_src_oui}},
    {get_destination_macs, {get_dst_mac, get_dst_oui}},
    {get_counters, {get_first_seen, get_last_seen, get_duration, get_packets, get_bytes}},
    {get_sizes, {get_min_ps, get_mean_ps, get_stddev_ps, get_max_ps}},
    {get_intervals, {get_min_piat, get_mean_piat, get_stddev_piat, get_max_piat}},
    {get_tcp_flags,
     {get_syn_packets, get_cwr_packets, get_ece_packets, get_urg_packets, get_ack_packets, get_psh_packets,
      get_rst_packets, get_fin_packets}},
    {get_payload_sizes,
     {get_min_payload_ps, get_mean_payload_ps, get_stddev_payload_ps, get_max_payload_ps,
      get_skewness_payload_ps, get_kurtosis_payload_ps}},
    {get_splt, {get_splt_direction, get_splt_ps, get_splt_piat}},
    {get_l7_texts,
     {get_requested_server_name, get_user_agent, get_content_type, get_ja3, get_ja3s, get_ja4, get_hassh,
      get_hassh_server, get_dhcp_fingerprint}},
};

const size_t field_block_count = COUNT(field_blocks);

bool field_is_constant(field_getter *get) {
    static field_getter *const constant[] = {get_sensor_id,    get_boot_id,       get_output,
                                             get_feature_hash, get_metering_hash, get_ndpi_version};
    for (size_t i = 0; i < COUNT(constant); i++)
        if (get == constant[i])
            return true;
    return false;
}
