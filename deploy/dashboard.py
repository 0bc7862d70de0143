#!/usr/bin/env python3
"""Writes Grafana's dashboard of flowsensor, helm/flowsensor/files/dashboard.json, which nobody edits by hand.

Usage: python3 deploy/dashboard.py > helm/flowsensor/files/dashboard.json
"""
import json
import sys

WIDTH = 24
SELECTOR = 'cluster=~"$cluster", namespace=~"$namespace", instance=~"$instance"'
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WINDOW = "$__rate_interval"
DOCUMENTATION = "https://github.com/flowsensor/flowsensor/blob/main/deploy/monitoring.md"


def of(metric, *matchers):
    """The metric's series of the chosen sensors."""
    return f"{metric}{{{', '.join((*matchers, SELECTOR))}}}"


def rate(metric, *matchers):
    return f"rate({of(metric, *matchers)}[{WINDOW}])"


def total(expression, by=""):
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def sensors(expression):
    """Of a metric that other programs have too, only what is a sensor's."""
    return f"({expression} and on (cluster, job, instance) {of('flowsensor_build_info')})"


def query(expression, legend="", instant=False, table=False):
    return {"datasource": SOURCE, "editorMode": "code", "expr": expression, "legendFormat": legend or "__auto",
            "instant": instant, "range": not instant, "format": "table" if table else "time_series"}


def thresholds(*steps):
    """Green, and from each (value, colour) on that colour."""
    return {"mode": "absolute", "steps": [{"color": "green", "value": None}, *({"color": colour, "value": value} for value, colour in steps)]}


def field(unit, limits=(), **more):
    return {"defaults": {"unit": unit, "color": {"mode": "thresholds" if limits else "palette-classic"},
                         "thresholds": thresholds(*limits), "mappings": [], **more}, "overrides": []}


def panel(kind, title, description, width, height, queries, config, options):
    targets = [{"refId": chr(ord("A") + number), **each} for number, each in enumerate(queries)]
    return {"type": kind, "title": title, "description": description, "datasource": SOURCE, "targets": targets,
            "fieldConfig": config, "options": options, "gridPos": {"h": height, "w": width, "x": 0, "y": 0}}


def stat(title, description, expression, unit="short", limits=(), width=4):
    options = {"colorMode": "background" if limits else "value", "graphMode": "area", "justifyMode": "auto", "orientation": "auto",
               "textMode": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return panel("stat", title, description, width, 4, [query(expression)], field(unit, limits, min=0), options)


def graph(title, description, queries, unit="short", width=12, stacked=False, limits=(), **more):
    custom = {"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 30 if stacked else 10,
              "gradientMode": "none", "showPoints": "never", "spanNulls": False, "axisPlacement": "auto",
              "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
              "thresholdsStyle": {"mode": "line" if limits else "off"}}
    config = field(unit, limits, min=0, custom=custom, **more)
    config["defaults"]["color"] = {"mode": "palette-classic"}
    options = {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["mean", "max"],
                          "sortBy": "Mean", "sortDesc": True},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, width, 9, queries, config, options)


def bars(title, description, expression, legend, unit):
    options = {"displayMode": "gradient", "orientation": "horizontal", "showUnfilled": True, "valueMode": "color",
               "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return panel("bargauge", title, description, 8, 10, [query(expression, legend, instant=True)], field(unit, min=0), options)


def table(title, description, queries, hidden, names):
    transformations = [{"id": "merge", "options": {}},
                       {"id": "organize", "options": {"excludeByName": {name: True for name in hidden}, "renameByName": names}}]
    made = panel("table", title, description, 24, 8, queries, field("short"), {"showHeader": True, "cellHeight": "sm"})
    made["transformations"] = transformations
    return made


def overview():
    known = f"last_over_time({of('flowsensor_build_info')}[1d])"
    dropped = total(rate("flowsensor_capture_kernel_dropped_packets_total"))
    return [
        stat("Sensors up", "Sensors that answer Prometheus.", f"count({of('flowsensor_build_info')})", width=3),
        stat("Sensors down", "Targets that were a sensor within the last day and do not answer now.",
             f"count(up == 0 and on (cluster, job, instance) {known}) or vector(0)", limits=((1, "red"),), width=3),
        stat("Alerts firing", "Alerts of helm/flowsensor/files/alerts.yaml that fire, of all sensors; 0 also where the rules are not loaded.",
             'count(ALERTS{alertname=~"Flowsensor.+", alertstate="firing"}) or vector(0)', limits=((1, "red"),), width=3),
        stat("Packets", "Packets read per second.", total(rate("flowsensor_capture_packets_total")), "pps", width=3),
        stat("Traffic", "Bits per second on the wire, of the packets read.", f"8 * {total(rate('flowsensor_capture_bytes_total'))}", "bps", width=3),
        stat("Kernel drops", "Share of the packets that the kernel dropped because the ring was full.",
             f"{dropped} / ({total(rate('flowsensor_capture_packets_total'))} + {dropped})", "percentunit",
             ((0.001, "orange"), (0.05, "red")), width=3),
        stat("Flows open", "Flows in the tables of all meters.", total(of("flowsensor_flows_open")), width=3),
        stat("Oldest record", "Age of the oldest record that is not acknowledged yet, of all outputs.",
             f"max({of('flowsensor_output_oldest_record_age_seconds')})", "s", ((60, "orange"), (900, "red")), width=3),
        graph("Packets", "Packets read per second, by sensor; the 20 busiest.",
              [query(f"topk(20, {total(rate('flowsensor_capture_packets_total'), 'instance')})", "{{instance}}")], "pps"),
        graph("Flows and records", "Flows opened and ended, records made and acknowledged per second.",
              [query(total(rate("flowsensor_flows_opened_total")), "flows opened"),
               query(total(rate("flowsensor_flows_ended_total")), "flows ended"),
               query(total(rate("flowsensor_output_records_made_total")), "records made"),
               query(total(rate("flowsensor_output_records_acknowledged_total")), "records acknowledged")], "ops"),
    ]


def applications():
    counted = "Counted when a flow, or a slice of it, ends."

    def top(metric, scale=""):
        return query(f"topk(10, {scale}{total(rate(metric), 'application')})", "{{application}}")

    def sums(metric):
        return f"topk(10, sum by (application) (increase({of(metric)}[$__range])))"
    return [
        bars("Bytes", f"Bytes in the dashboard's range, the first ten applications. {counted}", sums("flowsensor_application_bytes_total"), "{{application}}", "bytes"),
        bars("Flows", f"Flows in the dashboard's range, the first ten applications. {counted}", sums("flowsensor_application_flows_total"), "{{application}}", "short"),
        bars("Packets", f"Packets in the dashboard's range, the first ten applications. {counted}", sums("flowsensor_application_packets_total"), "{{application}}", "short"),
        graph("Traffic by application", f"Bits per second, the first ten at each time. {counted}",
              [top("flowsensor_application_bytes_total", "8 * ")], "bps", stacked=True),
        graph("Flows by application", f"Flows per second, the first ten at each time. {counted}",
              [top("flowsensor_application_flows_total")], "ops", stacked=True),
    ]


def capture():
    return [
        graph("Kernel drops", "Packets per second that did not fit into the ring (capture.socket_buffer_size), the 20 worst sensors.",
              [query(f"topk(20, {total(rate('flowsensor_capture_kernel_dropped_packets_total'), 'instance')})", "{{instance}}")], "pps", 8),
        graph("Interface drops", "Packets per second that the interface or its driver dropped, the 20 worst sensors.",
              [query(f"topk(20, {total(rate('flowsensor_capture_interface_dropped_packets_total'), 'instance')})", "{{instance}}")], "pps", 8),
        graph("Times raised", "Packets per second whose time lay before an earlier packet's and was raised to it, the 20 worst sensors.",
              [query(f"topk(20, {total(rate('flowsensor_packet_times_raised_total'), 'instance')})", "{{instance}}")], "pps", 8),
        graph("Traffic", "Bits per second on the wire, by sensor; the 20 busiest.",
              [query(f"topk(20, 8 * {total(rate('flowsensor_capture_bytes_total'), 'instance')})", "{{instance}}")], "bps"),
        graph("Age of the numbers", "How old the snapshot is that a sensor's numbers are from, the 20 worst sensors. It grows while the capture loop hangs.",
              [query(f"topk(20, max by (instance) ({of('flowsensor_snapshot_age_seconds')}))", "{{instance}}")], "s", limits=((30, "red"),)),
        graph("System calls refused", "Calls per second that the sandbox refused: none, unless a plugin or a library asked for one, or somebody tries to break out.",
              [query(f"topk(20, {total(rate('flowsensor_sandbox_refused_calls_total'), 'instance')})", "{{instance}}")], "ops", limits=((0, "red"),)),
        graph("Clock steps", "Steps of the hosts' clocks per second, the 20 worst sensors. Live timeouts go by a clock that nobody sets; times in records don't.",
              [query(f"topk(20, {total(rate('flowsensor_clock_steps_total'), 'instance')})", "{{instance}}")], "ops"),
        graph("Rings full", "How often a kernel's ring became full, per second, the 20 worst sensors: packets are dropped until there is room.",
              [query(f"topk(20, {total(rate('flowsensor_capture_ring_freezes_total'), 'instance')})", "{{instance}}")], "ops"),
        graph("Rings", "Each meter's ring: packets that the kernel dropped there, and how often it became full, per second; the 20 worst.",
              [query(f"topk(20, {total(rate('flowsensor_meter_ring_dropped_packets_total'), 'instance, meter')})", "{{instance}} {{meter}} dropped"),
               query(f"topk(20, {total(rate('flowsensor_meter_ring_freezes_total'), 'instance, meter')})", "{{instance}} {{meter}} full")], "short"),
        graph("Cards", "Packets per second that each captured network card or its driver dropped, the 20 worst.",
              [query(f"topk(20, {total(rate('flowsensor_interface_dropped_packets_total'), 'instance, interface')})", "{{instance}} {{interface}}")], "pps"),
        graph("Interfaces", "Interfaces that are captured, the 20 sensors with most; and how often one was left out, or the kernel's messages about them were lost.",
              [query(f"topk(20, {total(of('flowsensor_capture_interfaces'), 'instance')})", "{{instance}}"),
               query(total(rate("flowsensor_capture_interfaces_left_out_total")), "left out per second"),
               query(total(rate("flowsensor_capture_interface_overruns_total")), "messages lost per second")], "short"),
        graph("Lost before the sensor", "Bytes per second that are missing in TCP's sequence space, the 20 worst sensors: no packet brought them. Only where a schema has loss_gap_bytes.",
              [query(f"topk(20, {total(rate('flowsensor_loss_gap_bytes_total'), 'instance')})", "{{instance}}")], "Bps"),
        graph("Truncated", "Packets per second of which fewer bytes were captured than there are, the 20 worst sensors (capture.snapshot_length).",
              [query(f"topk(20, {total(rate('flowsensor_packets_truncated_total'), 'instance')})", "{{instance}}")], "pps"),
        graph("Overload", "How many of overload.steps are on, of each sensor's worst meter; the 20 worst sensors. 0: it keeps up.",
              [query(f"topk(20, max by (instance) ({of('flowsensor_overload_step')}))", "{{instance}}")], "short", limits=((1, "orange"), (4, "red"))),
        graph("Time in overload", "Share of the day before in which each sensor's worst meter had taken a step; the 20 worst sensors.",
              [query(f"topk(20, max by (instance) (rate({of('flowsensor_overload_seconds_total')}[1d])))", "{{instance}}")], "percentunit"),
        graph("Steps taken", "How often each overload step was taken, per second, by all meters.",
              [query(total(rate("flowsensor_overload_steps_total"), "step"), "{{step}}")], "ops"),
        graph("Not metered for overload", "Packets per second of flows that sampling did not choose, or that were shed; and flows without SPLT.",
              [query(total(rate("flowsensor_meter_packets_sampled_out_total")), "packets sampled out"),
               query(total(rate("flowsensor_meter_packets_shed_total")), "packets shed"),
               query(total(rate("flowsensor_flows_without_splt_total")), "flows without SPLT")], "ops"),
        graph("Super-packets", "Packets that offloads had put together, and the packets of the wire that were cut of them, per second.",
              [query(total(rate("flowsensor_capture_super_packets_total")), "super-packets"),
               query(total(rate("flowsensor_capture_segments_total")), "packets cut of them")], "pps"),
        graph("Fragments that wait", "Later fragments that wait for their datagram's first one, the 20 sensors with most.",
              [query(f"topk(20, {total(of('flowsensor_packets_held'), 'instance')})", "{{instance}}")], "short"),
    ]


def residual(account):
    return total("abs(" + of("flowsensor_ledger_residual", f'account="{account}"') + ")")


def ledger():
    ended = rate("flowsensor_flows_ended_total")
    return [
        stat("Residual, packets", "Packets that the ledgers can't account for: 0, or a defect.",
             residual("packets"), limits=((1, "red"),), width=6),
        stat("Residual, flows", "Flows that the ledgers can't account for: 0, or a defect.",
             residual("flows"), limits=((1, "red"),), width=6),
        stat("Residual, exports", "Exported flows and published states, or reports, of which an output has no record in the ledger: 0, or a defect.",
             residual("exports"), limits=((1, "red"),), width=6),
        stat("Residual, records", "Records of all outputs that the ledgers can't account for: 0, or a defect.",
             residual("records"), limits=((1, "red"),), width=6),
        graph("Packets: read = metered + ignored", "What becomes of the packets that are read; the reasons are those of the ledger.",
              [query(total(rate("flowsensor_meter_packets_total")), "metered"),
               query(total(rate("flowsensor_packets_ignored_total"), "reason"), "ignored: {{reason}}")], "pps", 8, stacked=True),
        stat("Packets without memory", "Packets of the last hour that were metered and belong to no flow, since there was no memory for it.",
             total(f"increase({of('flowsensor_meter_packets_without_memory_total')}[1h])"), limits=((1, "red"),), width=6),
        graph("Flows: opened = ended + discarded + elsewhere + open", "Flows per second, and why they end.",
              [query(total(rate("flowsensor_flows_opened_total")), "opened"),
               query(total(ended, "reason"), "ended: {{reason}}"),
               query(total(rate("flowsensor_flows_discarded_total")), "discarded"),
               query(total(rate("flowsensor_flows_elsewhere_total")), "elsewhere")], "ops", 8, stacked=True),
        graph("States of open flows", "Early and update records per second: states of flows that go on (meter.early_packets, early_after, update_interval).",
              [query(total(rate("flowsensor_flows_early_records_total")), "early"),
               query(total(rate("flowsensor_flows_update_records_total")), "update")], "ops"),
        graph("Records: made + found = acknowledged + in flight + spooled + dead letters + dropped", "Records per second of all outputs.",
              [query(total(rate("flowsensor_output_records_acknowledged_total")), "acknowledged"),
               query(total(rate("flowsensor_output_records_dropped_total"), "reason"), "dropped: {{reason}}")], "ops", 8, stacked=True),
        graph("Flow table", "Open flows as a share of meter.flow_table_size, the 20 fullest. A full table cuts flows (end_reason evicted).",
              [query(f"topk(20, {total(of('flowsensor_flows_open'), 'instance')} / {total(of('flowsensor_flow_table_size_flows'), 'instance')})",
                     "{{instance}}")], "percentunit", limits=((0.9, "orange"),)),
        graph("Flows open", "Open flows, by sensor; the 20 with the most.",
              [query(f"topk(20, {total(of('flowsensor_flows_open'), 'instance')})", "{{instance}}")]),
        graph("Flows undecided", "Open flows whose label nDPI has still to find, by sensor; the 20 with the most.",
              [query(f"topk(20, {total(of('flowsensor_flows_undecided'), 'instance')})", "{{instance}}")]),
        graph("Flows undissected", "Flows per second of which nDPI missed a packet (meter.dissection_flows), the 20 worst sensors.",
              [query(f"topk(20, {total(rate('flowsensor_flows_undissected_total'), 'instance')})", "{{instance}}")], "ops"),
    ]


def delivery():
    buckets = total(rate("flowsensor_output_delivery_seconds_bucket"), "le")
    seconds, count = rate("flowsensor_output_delivery_seconds_sum"), rate("flowsensor_output_delivery_seconds_count")
    return [
        graph("Acknowledged", "Records per second that the broker, or the file, has taken.",
              [query(total(rate("flowsensor_output_records_acknowledged_total"), "output"), "{{output}}")], "ops", 8),
        graph("Dropped", "Records per second that are lost, by reason.",
              [query(total(rate("flowsensor_output_records_dropped_total"), "output, reason"), "{{output}}: {{reason}}")], "ops", 8),
        graph("Encoded", "Encoded bytes per second that were handed over, before compression.",
              [query(total(rate("flowsensor_output_bytes_total"), "output"), "{{output}}")], "Bps", 8),
        graph("Time to delivery", "From handing a record over to its acknowledgement: quantiles and mean of all outputs.",
              [query(f"histogram_quantile({quantile}, {buckets})", f"{100 * quantile:g} %") for quantile in (0.5, 0.9, 0.99)]
              + [query(f"{total(seconds)} / {total(count)}", "mean")], "s", 8),
        graph("Oldest record", "Age of the oldest record that is not acknowledged yet, in memory or in the spool, the 20 worst sensors.",
              [query(f"topk(20, max by (instance, output) ({of('flowsensor_output_oldest_record_age_seconds')}))", "{{instance}} {{output}}")],
              "s", 8, limits=((60, "orange"), (900, "red"))),
        graph("In flight", "Records that were handed over and are not acknowledged yet.",
              [query(f"topk(20, {total(of('flowsensor_output_records_in_flight'), 'instance, output')})", "{{instance}} {{output}}")], "short", 8),
        graph("Records under way", "Bytes of records under way as a share of their limit (queue.buffering.max.kbytes), the 20 fullest. Beyond it they go to the spool.",
              [query(f"topk(20, {total(of('flowsensor_output_queue_bytes'), 'instance, output')} / "
                     f"{total(of('flowsensor_output_queue_limit_bytes'), 'instance, output')})", "{{instance}} {{output}}")],
              "percentunit", 8),
        graph("Kafka errors", "Errors per second that the Kafka client reports: a broker that is away, a login refused.",
              [query(f"topk(20, {total(rate('flowsensor_kafka_errors_total'), 'instance, output')})", "{{instance}} {{output}}")], "ops", 8),
        graph("Certificates", "Days until the certificates of a file expire, the 20 first; `file` is the property that names it.",
              [query(f"bottomk(20, (min by (output, file) ({of('flowsensor_certificate_not_after_seconds')}) - time()) / 86400)", "{{output}} {{file}}")],
              "d", 8),
        stat("New credentials in use", "Passwords, keys and certificates in the dashboard's range whose file changed, and that came into use.",
             f"sum(increase({of('flowsensor_credentials_renewed_total')}[$__range]))", width=4),
        stat("New credentials refused", "Passwords, keys and certificates in the dashboard's range that can't be used; those before them stay.",
             f"sum(increase({of('flowsensor_credentials_refused_total')}[$__range]))", limits=((1, "orange"),), width=4),
        stat("Outputs that gave up", "Outputs that can't go on, for which their sensor is ending.",
             total(of("flowsensor_output_failed")), limits=((1, "red"),), width=8),
    ]


WEEK = 7 * 24 * 3600


def spool():
    return [
        graph("Spooled records", "Records that wait in the spool, the 20 outputs with most. 0: the broker takes all.",
              [query(f"topk(20, {total(of('flowsensor_spool_records'), 'instance, output')})", "{{instance}} {{output}}")], "short", 8),
        graph("Spool, of its limit", "Bytes in the spool as a share of its limit (spool.size, or spool.memory_size), the 20 fullest.",
              [query(f"topk(20, {total(of('flowsensor_spool_bytes'), 'instance, output')} / "
                     f"{total(of('flowsensor_spool_limit_bytes'), 'instance, output')})", "{{instance}} {{output}}")],
              "percentunit", 8, limits=((0.8, "orange"), (0.95, "red"))),
        graph("Time until the spool is full", "At the growth of the last minute, the 20 soonest; 7 days stand for longer and for never. Then records are lost.",
              [query(f"bottomk(20, min by (instance, output) (clamp_max({of('flowsensor_spool_full_in_seconds')}, {WEEK})))", "{{instance}} {{output}}")], "s", 8),
        graph("Found at the start", "Records that an earlier run left in the spool, and that this one sends; the 20 outputs with most.",
              [query(f"topk(20, {total(of('flowsensor_spool_found_records'), 'instance, output')})", "{{instance}} {{output}}")], "short", 8),
        graph("Dead letters", "Records per second that a broker refused for their content or size, and that are in the files of outputs.dead_letters.",
              [query(total(rate("flowsensor_output_records_dead_lettered_total"), "output"), "{{output}}")], "ops", 8),
        graph("Possibly duplicated", "Records per second that were sent again though the broker may have had them: after a crash, or after a fatal error of the producer.",
              [query(total(rate("flowsensor_output_records_possibly_duplicated_total"), "output"), "{{output}}")], "ops", 8),
        graph("Disk errors", "Calls per second to the spool's disk that failed, the 20 worst sensors: it is full, read-only or gone.",
              [query(f"topk(20, {total(rate('flowsensor_spool_disk_errors_total'), 'instance, output')})", "{{instance}} {{output}}")], "ops", 12),
        stat("Damaged segments", "Parts of spools that could not be read to their end and were set aside, since the starts of the sensors.",
             total(of("flowsensor_spool_damaged_segments_total")), limits=((1, "orange"),), width=12),
    ]


def registry():
    return [
        graph("Registry requests", "Requests per second to the schema registry, and those that failed.",
              [query(total(rate("flowsensor_registry_requests_total")), "requests"),
               query(total(rate("flowsensor_registry_errors_total")), "errors")], "ops", 8),
        stat("Unconfirmed schemas", "Outputs whose schema id came from the cache and was not confirmed by the registry yet.",
             total(of("flowsensor_output_schema_cached")), limits=((1, "orange"),)),
        stat("Contradicted schemas", "Outputs whose cached schema id the registry contradicts, for which their sensor is ending.",
             total(of("flowsensor_output_schema_mismatch")), limits=((1, "red"),)),
        stat("Failed reloads", "Sensors whose last SIGHUP failed: they go on with the configuration and the key that they had before.",
             f"sum(1 - {of('flowsensor_config_last_reload_successful')})", limits=((1, "orange"),)),
        stat("Oldest configuration", "When the sensor that has gone the longest without a reload or a restart got its configuration.",
             f"min({of('flowsensor_config_last_reload_success_timestamp_seconds')}) * 1000", unit="dateTimeFromNow"),
    ]


def balance():
    return [
        graph("Packets by sensor, of the mean", "Each sensor's packets as a multiple of the mean of all, the 20 highest: 1 is as the others.",
              [query(f"topk(20, {total(rate('flowsensor_capture_packets_total'), 'instance')} / scalar(avg({rate('flowsensor_capture_packets_total')})))",
                     "{{instance}}")], "short", 8),
        graph("Packets by meter", "Packets metered per second by each meter, the 20 busiest.",
              [query(f"topk(20, {total(rate('flowsensor_meter_packets_total'), 'instance, meter')})", "{{instance}} meter {{meter}}")], "pps", 8),
        graph("Busiest meter, of the mean", "The busiest meter's packets as a multiple of the mean of its sensor's meters: 1 is even, the number of meters is one meter alone. The 20 highest.",
              [query(f"topk(20, max by (instance) ({rate('flowsensor_meter_packets_total')}) / avg by (instance) ({rate('flowsensor_meter_packets_total')}))",
                     "{{instance}}")], "short", 8),
    ]


def resources():
    return [
        graph("CPU", "Processors used, the 20 busiest sensors.",
              [query(f"topk(20, max by (instance) {sensors(rate('process_cpu_seconds_total'))})", "{{instance}}")], "short", 8),
        graph("Memory, of the budget", "Resident memory as a share of what the configuration may need, the 20 worst sensors.",
              [query(f"topk(20, max by (instance) ({of('process_resident_memory_bytes')} / {of('flowsensor_memory_budget_bytes')}))", "{{instance}}")],
              "percentunit", 8, limits=((0.95, "orange"), (1, "red"))),
        graph("Memory", "Resident memory, budget, meters and rings of all sensors.",
              [query(total(sensors(of("process_resident_memory_bytes"))), "resident"),
               query(total(of("flowsensor_memory_budget_bytes")), "budget"),
               query(total(of("flowsensor_meter_memory_bytes")), "meters"),
               query(total(of("flowsensor_capture_buffer_bytes")), "rings")], "bytes", 8),
        graph("Open files", "File descriptors in use as a share of the limit, the 20 worst sensors.",
              [query(f"topk(20, max by (instance) {sensors(of('process_open_fds') + ' / ' + of('process_max_fds'))})", "{{instance}}")], "percentunit", 8),
        graph("Clock against Prometheus", "How far the host's clock is from Prometheus' own, the 20 farthest; a scrape's duration is part of it.",
              [query(f"topk(20, max by (instance) (abs({of('flowsensor_clock_seconds')} - timestamp({of('flowsensor_clock_seconds')}))))",
                     "{{instance}}")],
              "s", 8),
        graph("Time since the start", "How long each sensor has been running, the 20 youngest.",
              [query(f"bottomk(20, max by (instance) {sensors('time() - ' + of('process_start_time_seconds'))})", "{{instance}}")], "s", 8),
    ]


def information():
    hidden = ("Time", "Value", "Value #A", "Value #B", "__name__", "boot_id", "container", "endpoint", "service", "pod", "prometheus")
    names = {"instance": "Sensor", "sensor_id": "Name", "interface": "Interface", "profile": "Profile", "version": "flowsensor",
             "ndpi": "nDPI", "librdkafka": "librdkafka", "libpcap": "libpcap", "node": "Node", "job": "Job"}
    return [table("Sensors", "What runs where, with which libraries.",
                  [query(of("flowsensor_sensor_info"), instant=True, table=True),
                   query(of("flowsensor_build_info"), instant=True, table=True)], hidden, names)]


def placed(rows):
    """Rows one below the other; panels side by side until the width is used."""
    panels, y = [], 0
    for title, members in rows:
        panels.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y}})
        x, y, height = 0, y + 1, 0
        for member in members:
            place = member["gridPos"]
            if x + place["w"] > WIDTH:
                x, y, height = 0, y + height, 0
            place.update(x=x, y=y)
            x, height = x + place["w"], max(height, place["h"])
            panels.append(member)
        y += height
    for number, member in enumerate(panels, 1):
        member["id"] = number
    return panels


def variable(name, label, expression):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE,
            "query": {"query": expression, "refId": name}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}, "hide": 0, "regex": "", "skipUrlSync": False, "options": []}


def variables():
    return [
        {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1, "regex": "", "hide": 0,
         "multi": False, "includeAll": False, "skipUrlSync": False, "options": []},
        variable("cluster", "Cluster", "label_values(flowsensor_build_info, cluster)"),
        variable("namespace", "Namespace", 'label_values(flowsensor_build_info{cluster=~"$cluster"}, namespace)'),
        variable("instance", "Sensor", 'label_values(flowsensor_build_info{cluster=~"$cluster", namespace=~"$namespace"}, instance)'),
    ]


def starts():
    """Marks where a sensor was started."""
    expression = f"1000 * process_start_time_seconds and on (cluster, job, instance) {of('flowsensor_build_info')}"
    return {"name": "Starts", "datasource": SOURCE, "enable": True, "hide": False, "iconColor": "blue", "expr": expression, "step": "1m",
            "titleFormat": "started", "textFormat": "{{instance}}", "tagKeys": "instance", "useValueForTime": "on"}


def dashboard():
    rows = (("Overview", overview()), ("Traffic by application", applications()), ("Capture and drops", capture()),
            ("The ledger", ledger()), ("Delivery", delivery()), ("Spool", spool()), ("Registry, schema and configuration", registry()),
            ("Balance of sensors and meters", balance()), ("Resources", resources()), ("Sensors", information()))
    return {
        "id": None, "uid": "flowsensor", "title": "flowsensor", "description": "Flows, drops, the ledger and delivery of all flowsensors.",
        "tags": ["flowsensor"], "schemaVersion": 41, "version": 1, "editable": True, "graphTooltip": 1, "fiscalYearStartMonth": 0,
        "timezone": "browser", "time": {"from": "now-1h", "to": "now"}, "timepicker": {}, "refresh": "30s", "weekStart": "",
        "preload": False, "liveNow": False, "templating": {"list": variables()}, "annotations": {"list": [starts()]},
        "links": [{"type": "link", "title": "Alerts and runbooks", "url": DOCUMENTATION, "targetBlank": True, "icon": "doc", "tags": [],
                   "asDropdown": False, "includeVars": False, "keepTime": False, "tooltip": ""}],
        "panels": placed(rows),
    }


if __name__ == "__main__":
    json.dump(dashboard(), sys.stdout, indent=2)
    print()
