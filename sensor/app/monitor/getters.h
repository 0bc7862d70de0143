/* The getters of the rows in rows.c, by what they tell of. Private to the table. */
#pragma once

#include "app/monitor/metrics.h"

#define GETTER(name) void metric_##name(struct metric_text *text, const struct metric_source *source)

/* traffic.c */
GETTER(packets);
GETTER(bytes);
GETTER(kernel_dropped);
GETTER(interface_dropped);
GETTER(buffer_bytes);
GETTER(ignored);
GETTER(held);
GETTER(times_raised);
GETTER(clock_steps);
GETTER(meter_packets);
GETTER(flows_opened);
GETTER(flows_ended);
GETTER(flows_discarded);
GETTER(flows_open);
GETTER(table_size);
GETTER(meter_memory);
GETTER(application_flows);
GETTER(application_packets);
GETTER(application_bytes);

/* outputs.c */
GETTER(records_made);
GETTER(records_acknowledged);
GETTER(records_dropped);
GETTER(records_in_flight);
GETTER(output_bytes);
GETTER(oldest_age);
GETTER(delivery);
GETTER(output_failed);
GETTER(queue_bytes);
GETTER(queue_limit);
GETTER(kafka_errors);
GETTER(schema_cached);
GETTER(schema_mismatch);
GETTER(residual);

/* process.c */
GETTER(registry_requests);
GETTER(registry_errors);
GETTER(key_reloads);
GETTER(cpu);
GETTER(resident_memory);
GETTER(virtual_memory);
GETTER(start_time);
GETTER(open_files);
GETTER(max_files);
GETTER(budget);
GETTER(clock);
GETTER(snapshot_age);
GETTER(build_info);
GETTER(sensor_info);
