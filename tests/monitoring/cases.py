"""What each alert must and must not do, as promtool is asked: series of one sample a minute from time 0, and the alerts
that fire at a time. Near misses are here because a rule that always fires would pass every other test.
"""
from case import ALL, HERE, KAFKA, Case, at_each, critical, series, warning


def down():
    lost = "has not answered a scrape for 5 minutes. While it is down its packets are not captured."
    elsewhere = {"job": "pods", "instance": "b:19995"}
    node = {**HERE, "node": "n1", "cluster": "east"}

    def share(percent, job="flowsensor", where="", **labels):
        return critical(f"{percent} of the flowsensors of job {job}{where} have not answered a scrape for 5 minutes. While they are "
                        "down their packets are not captured.", {"job": job, **labels})

    def many(down):
        return [series("up", "1x5 0x20" if index < down else "1x25", instance=f"{index}:19995") for index in range(10)]
    return [
        Case("FlowsensorDown", "no answer", 12, [series("up", "1x5 0x20")], (warning(f"a:19995 {lost}"), share("100%"))),
        Case("FlowsensorDown", "no answer ever", 6, [series("up", "0x20")], (warning(f"a:19995 {lost}"), share("100%"))),
        Case("FlowsensorDown", "one of ten", 12, many(1), (warning(f"0:19995 {lost}", instance="0:19995"),)),
        Case("FlowsensorDown", "two of ten", 12, many(2),
             (*(warning(f"{index}:19995 {lost}", instance=f"{index}:19995") for index in range(2)), share("20%"))),
        Case("FlowsensorDown", "no answer, of a job with another name", 30,
             [series("up", "1x5 0x60", elsewhere), series("flowsensor_build_info", "1x5 _x60", elsewhere),
              series("up", "1x60", {"job": "pods", "instance": "c:80"})],
             (warning(f"b:19995 {lost}", elsewhere), share("100%", "pods"))),
        Case("FlowsensorDown", "its node and cluster are named", 12, [series("up", "1x5 0x20", node)],
             (warning(f"a:19995 on node n1 {lost}", node), share("100%", where=" in cluster east", cluster="east"))),
        Case("FlowsensorDown", "another program has a sensor's address in another cluster", 30,
             [series("up", "0x60", elsewhere, cluster="east"), series("up", "1x60", elsewhere, cluster="west"),
              series("flowsensor_build_info", "1x60", elsewhere, cluster="west")]),
        Case("FlowsensorDown", "not for long", 10, [series("up", "1x5 0x20")]),
        Case("FlowsensorDown", "one scrape failed", 12, [series("up", "1x5 0 1x20")]),
        Case("FlowsensorDown", "another program is down", 30, [series("up", "0x60", {"job": "pods", "instance": "c:80"})]),
        Case("FlowsensorDown", "target is gone", 12, [series("up", "1x3 _x20"), series("flowsensor_build_info", "1x3 _x20")]),
    ]


def absent():
    text = "No target has delivered flowsensor_build_info for 15 minutes: none is running, or none is scraped."
    return [
        Case("FlowsensorAbsent", "none", 16, [series("up", "1x30", {"job": "node"})], (critical(text, {}),)),
        Case("FlowsensorAbsent", "not for long", 17, [series("flowsensor_build_info", "1x3 _x30")]),
        Case("FlowsensorAbsent", "one of two", 30, [series("flowsensor_build_info", "1x3 _x40"),
                                                   series("flowsensor_build_info", "1x60", instance="b:19995")]),
    ]


def restarts():
    def runs(count):
        return [series("flowsensor_sensor_info", " ".join(filter(None, (f"_x{11 * run - 1}" if run else "", "1x9 _x60"))), boot_id=str(run))
                for run in range(count)]
    return [
        Case("FlowsensorRestarts", "three within the hour", 45, runs(4), (warning(
            "a:19995 had 4 different runs (boot_id) within an hour. Each start cuts all open flows and leaves a gap in the capture."),)),
        Case("FlowsensorRestarts", "two within the hour", 45, runs(3)),
        Case("FlowsensorRestarts", "long ago", 100, runs(4)),
    ]


def snapshot():
    metric = "flowsensor_snapshot_age_seconds"
    return [
        Case("FlowsensorSnapshotStale", "hangs", 7, [series(metric, "0x5 31+60x5")], (critical(
            "The numbers of a:19995 are 1m 31s old: the loop that reads packets hangs, and the ring fills up."),)),
        Case("FlowsensorSnapshotStale", "at the threshold", 9, [series(metric, "30x9")]),
        Case("FlowsensorSnapshotStale", "not for long", 6, [series(metric, "0x5 40 1x5")]),
    ]


def memory():
    def used(values):
        return [series("process_resident_memory_bytes", values), series("flowsensor_memory_budget_bytes", "1000x30")]
    near = "a:19995 uses {} of the memory that its configuration may need."
    above = near + " A container limit made from the budget will end it."
    return [
        Case("FlowsensorMemory", "near the budget", 16, used("960x30"), (warning(near.format("96%")),)),
        Case("FlowsensorMemory", "above the budget", 16, used("1200x30"), (warning(near.format("120%")), critical(above.format("120%")))),
        Case("FlowsensorMemory", "above it for 6 minutes", 6, used("1200x30"), (critical(above.format("120%")),)),
        Case("FlowsensorMemory", "above it, not for long", 4, used("1200x30")),
        Case("FlowsensorMemory", "not for long", 14, used("960x30")),
        Case("FlowsensorMemory", "at the threshold", 29, used("950x30")),
        Case("FlowsensorMemory", "another program's memory", 29, [series("process_resident_memory_bytes", "9000x30", job="other")]),
    ]


def clock():
    def ahead(seconds):
        return [series("flowsensor_clock_seconds", f"{seconds}+60x20")]
    text = "The clock of a:19995 differs by 3s from that of Prometheus. Flow times of several hosts can't be compared."
    return [
        Case("FlowsensorClockSkew", "ahead", 11, ahead(3), (warning(text),)),
        Case("FlowsensorClockSkew", "behind", 11, ahead(-3), (warning(text),)),
        Case("FlowsensorClockSkew", "not for long", 9, ahead(3)),
        Case("FlowsensorClockSkew", "a slow scrape", 19, ahead(2)),
    ]


def kernel_drops():
    def lost(values, packets="0+60000x60"):
        return [series("flowsensor_capture_kernel_dropped_packets_total", values), series("flowsensor_capture_packets_total", packets)]
    text = "a:19995 does not see {} of its packets because the ring was full."
    return [
        Case("FlowsensorKernelDrops", "some", 12, lost("0+120x60"), (warning(text.format("0.1996%")),)),
        Case("FlowsensorKernelDrops", "many", 12, lost("0+6000x60"), (warning(text.format("9.091%")), critical(text.format("9.091%")))),
        Case("FlowsensorKernelDrops", "not so many", 30, lost("0+3090x60"), (warning(text.format("4.898%")),)),
        Case("FlowsensorKernelDrops", "not for long", 5, lost("0+6000x60")),
        Case("FlowsensorKernelDrops", "a burst", 20, lost("0x5 0+500x2 1000x20")),
        Case("FlowsensorKernelDrops", "below the threshold", 30, lost("0+57x60")),
        Case("FlowsensorKernelDrops", "restart after drops", 30, lost("5000x15 0x40", "900000+60000x15 0+60000x40")),
        Case("FlowsensorKernelDrops", "no traffic at all", 30, lost("0x60", "0x60")),
    ]


def interface_drops():
    def lost(values, packets="0+60000x60"):
        return [series("flowsensor_capture_interface_dropped_packets_total", values), series("flowsensor_capture_packets_total", packets)]
    return [
        Case("FlowsensorInterfaceDrops", "some", 17, lost("0+120x60"), (warning("The interface or driver of a:19995 drops 0.1996% of the packets."),)),
        Case("FlowsensorInterfaceDrops", "not for long", 15, lost("0+120x60")),
        Case("FlowsensorInterfaceDrops", "below the threshold", 30, lost("0+57x60")),
        Case("FlowsensorInterfaceDrops", "restart after drops", 30, lost("5000x15 0x40", "900000+60000x15 0+60000x40")),
    ]


def no_packets():
    metric = "flowsensor_capture_packets_total"
    text = "a:19995 has read no packet for more than 10 minutes, and had read some within the last day."
    return [
        Case("FlowsensorNoPackets", "none any more", 26, [series(metric, "0+100x10 1000x20")], (warning(text),)),
        Case("FlowsensorNoPackets", "none since a restart", 27, [series(metric, "0+100x10 0x20")], (warning(text),)),
        Case("FlowsensorNoPackets", "never had one", 60, [series(metric, "0x60")]),
        Case("FlowsensorNoPackets", "not for long", 24, [series(metric, "0+100x10 1000x20")]),
        Case("FlowsensorNoPackets", "few", 60, [series(metric, "0x5 1x9 2x9 3x9 4x9 5x9 6x9")]),
    ]


def times_raised():
    def raised(values, packets="0+60000x60"):
        return [series("flowsensor_packet_times_raised_total", values), series("flowsensor_capture_packets_total", packets)]
    return [
        Case("FlowsensorTimesRaised", "many", 17, raised("0+1200x60"), (warning(
            "2% of the packets of a:19995 had times before an earlier packet's, which were raised to it."),)),
        Case("FlowsensorTimesRaised", "not for long", 15, raised("0+1200x60")),
        Case("FlowsensorTimesRaised", "at the threshold", 30, raised("0+600x60")),
        Case("FlowsensorTimesRaised", "restart after some", 30, raised("5000x15 0x40", "900000+60000x15 0+60000x40")),
    ]


def residual():
    metric = "flowsensor_ledger_residual"
    text = "a:19995 can't account for {}. This is a defect of flowsensor."
    return [
        Case("FlowsensorLedgerResidual", "of packets", 7, [series(metric, "0x5 3x9", account="packets")],
             (critical(text.format("3 packets"), account="packets"),)),
        Case("FlowsensorLedgerResidual", "of an output, negative", 7, [series(metric, "0x5 -1x9", KAFKA, account="records")],
             (critical(text.format("-1 records of output flows"), KAFKA, account="records"),)),
        Case("FlowsensorLedgerResidual", "of an output's exports", 7, [series(metric, "0x5 12x9", KAFKA, account="exports")],
             (critical(text.format("12 exports of output flows"), KAFKA, account="exports"),)),
        Case("FlowsensorLedgerResidual", "none", 9, [series(metric, "0x20", account="flows")]),
        Case("FlowsensorLedgerResidual", "not for long", 6, [series(metric, "0x5 3 0x9", account="packets")]),
    ]


def flow_table():
    def full(values):
        return [series("flowsensor_flows_open", values), series("flowsensor_flow_table_size_flows", "1000x30")]

    def evicted(values):
        return [series("flowsensor_flows_ended_total", values, reason="evicted"), series("flowsensor_flows_ended_total", "0+100x60", reason="idle")]
    return [
        Case("FlowsensorFlowTableNearlyFull", "nearly", 11, full("950x30"), (warning(
            "The flow table of a:19995 is 95% full. When it is full, flows are cut to make room."),)),
        Case("FlowsensorFlowTableNearlyFull", "not for long", 9, full("950x30")),
        Case("FlowsensorFlowTableNearlyFull", "at the threshold", 29, full("900x30")),
        Case("FlowsensorFlowsEvicted", "some each minute", 12, evicted("0+2x30"), (warning(
            "a:19995 ended 10 flows within 5 minutes because its flow table was full.", reason="evicted"),)),
        Case("FlowsensorFlowsEvicted", "once", 9, evicted("0x5 9x30")),
        Case("FlowsensorFlowsEvicted", "restart after some", 20, evicted("9x12 0x30")),
    ]


def config_reload():
    def successful(values):
        return [series("flowsensor_config_last_reload_successful", values)]
    return [
        Case("FlowsensorReloadFailed", "failed", 8, successful("1x5 0x30"), (warning(
            "a:19995 goes on with its old configuration and key after a SIGHUP."),)),
        Case("FlowsensorReloadFailed", "mended at once", 6, successful("1x5 0x0 1x30")),
        Case("FlowsensorReloadFailed", "reloads that went well", 8, successful("1x30")),
        Case("FlowsensorReloadFailed", "mended, or a restart", 30, successful("0x20 1x30")),
    ]


def dropped():
    def lost(values, made="0+100x60"):
        return [series("flowsensor_output_records_dropped_total", values, KAFKA, reason="queue_full"),
                series("flowsensor_output_records_dropped_total", "0x60", KAFKA, reason="rejected"),
                series("flowsensor_output_records_made_total", made, KAFKA)]
    few = "Output flows of job flowsensor dropped about {} records within 5 minutes, reason queue_full. They are lost."
    many = "Output flows of job flowsensor drops more than 1 % of its records at {} sensors. They are lost."

    def some(count):
        return warning(few.format(count), ALL, reason="queue_full")
    three = at_each("flowsensor_output_records_dropped_total", "0+5x60", 3, reason="queue_full") + at_each("flowsensor_output_records_made_total", "0+100x60", 3)
    return [
        Case("FlowsensorRecordsDropped", "a few", 7, lost("0x5 5x30"), (some(5),)),
        Case("FlowsensorRecordsDropped", "many", 12, lost("0+5x60"), (some(25), critical(many.format(1), ALL))),
        Case("FlowsensorRecordsDropped", "at three sensors", 12, three, (some(75), critical(many.format(3), ALL))),
        Case("FlowsensorRecordsDropped", "many, not for long", 8, lost("0+5x60"), (some(25),)),
        Case("FlowsensorRecordsDropped", "not so many", 30, lost("0+19x60", "0+2000x60"), (some(95),)),
        Case("FlowsensorRecordsDropped", "long ago", 20, lost("0x5 5x30")),
        Case("FlowsensorRecordsDropped", "restart after some", 20, lost("5x17 0x30", "0+100x17 0+100x30")),
    ]


def late():
    def age(values, instances=1):
        return at_each("flowsensor_output_oldest_record_age_seconds", values, instances)

    def minutes(count):
        return warning(f"Records of output flows of job flowsensor have waited for more than a minute at {count} sensors. They are kept, and sent "
                       "when the broker is back.", ALL)

    def longer(count):
        return critical(f"Records of output flows of job flowsensor have waited for more than a quarter of an hour at {count} sensors. When a "
                        "sensor's spool is full, it loses records.", ALL)
    east = {"cluster": "east"}
    in_east = ("Records of output flows of job flowsensor in cluster east have waited for more than a minute at 2 sensors. They are kept, and sent "
               "when the broker is back.")
    return [
        Case("FlowsensorRecordsLate", "minutes", 7, age("0 60+60x60"), (minutes(1),)),
        Case("FlowsensorRecordsLate", "at 20 sensors it is one alert", 7, age("0 60+60x60", 20), (minutes(20),)),
        Case("FlowsensorRecordsLate", "each cluster has its own", 7, age("0 60+60x60", 3)
             + at_each("flowsensor_output_oldest_record_age_seconds", "0 60+60x60", 2, **east), (minutes(3), warning(in_east, ALL, **east))),
        Case("FlowsensorRecordsLate", "sensors that are well are not counted", 7, [*age("0 60+60x60", 2),
             series("flowsensor_output_oldest_record_age_seconds", "0x60", KAFKA, instance="well:19995")], (minutes(2),)),
        Case("FlowsensorRecordsLate", "a quarter of an hour", 21, age("0 60+60x60"), (minutes(1), longer(1))),
        Case("FlowsensorRecordsLate", "a quarter of an hour, not for long", 18, age("0 60+60x60"), (minutes(1),)),
        Case("FlowsensorRecordsLate", "nearly a quarter of an hour", 20, age("870x30"), (minutes(1),)),
        Case("FlowsensorRecordsLate", "one slow minute", 12, age("0x5 70 0x5 70 0x5")),
        Case("FlowsensorRecordsLate", "not for long", 6, age("0 60+60x60")),
        Case("FlowsensorRecordsLate", "at the threshold", 20, age("60x30")),
    ]


def spool():
    def filling(seconds, used="0x60", instances=1):
        return (at_each("flowsensor_spool_full_in_seconds", seconds, instances) + at_each("flowsensor_spool_bytes", used, instances)
                + at_each("flowsensor_spool_limit_bytes", "1000x60", instances))

    def never(minutes):
        """promtool's notation can't repeat it."""
        return " ".join(["+Inf"] * minutes)

    def within(count):
        return warning(f"The spool of output flows of job flowsensor will be full within 6 hours, or is four fifths full, at {count} sensors. "
                       "Then records are lost.", ALL)

    def soon(count):
        return critical(f"The spool of output flows of job flowsensor will be full within an hour, or is full, at {count} sensors. Then records "
                        "are lost.", ALL)

    def disk(values):
        return [series("flowsensor_spool_disk_errors_total", values, KAFKA)]

    def damaged(values):
        return [series("flowsensor_spool_damaged_segments_total", values, KAFKA)]

    def letters(values, instances=1):
        return at_each("flowsensor_output_records_dead_lettered_total", values, instances)
    bad_disk = warning("The spool of output flows of a:19995 has had disk errors for 5 minutes: the disk is full, read-only or gone. Records wait "
                       "in memory while it has room.", KAFKA)

    def unread(count):
        return warning(f"The spool of output flows of a:19995 has {count} damaged segments, one of them within an hour. Their records are lost, and "
                       "counted as far as their number is known.", KAFKA)

    def refused(count):
        return warning(f"The broker refused about {count} records of output flows of job flowsensor within an hour, for their content or size. They "
                       "are in the dead-letter files of the sensors.", ALL)
    return [
        Case("FlowsensorSpoolFilling", "full in five hours", 6, filling("18000x30"), (within(1),)),
        Case("FlowsensorSpoolFilling", "at 20 sensors it is one alert", 6, filling("18000x30", instances=20), (within(20),)),
        Case("FlowsensorSpoolFilling", "full in half an hour", 6, filling("1800x30"), (within(1), soon(1))),
        Case("FlowsensorSpoolFilling", "fills no more, and is nearly full", 6, filling(never(30), "900x30"), (within(1),)),
        Case("FlowsensorSpoolFilling", "full", 6, filling("0x30", "1000x30"), (within(1), soon(1))),
        Case("FlowsensorSpoolFilling", "full, and it was taken out of", 6, filling(never(30), "960x30"), (within(1), soon(1))),
        Case("FlowsensorSpoolFilling", "not for long", 4, filling("1800x30", "1000x30")),
        Case("FlowsensorSpoolFilling", "a broker restarted", 12, filling(f"{never(5)} 7000x3 {never(30)}")),
        Case("FlowsensorSpoolFilling", "not soon", 29, filling("21600x30", "800x30")),
        Case("FlowsensorSpoolFilling", "not so soon", 29, filling("3600x30", "950x30"), (within(1),)),
        Case("FlowsensorSpoolFilling", "it does not fill", 29, filling(never(30), "790x30")),
        Case("FlowsensorSpoolDisk", "each half second", 8, disk("0+120x30"), (bad_disk,)),
        Case("FlowsensorSpoolDisk", "one call", 12, disk("0x5 1x30")),
        Case("FlowsensorSpoolDisk", "not for long", 5, disk("0+120x30")),
        Case("FlowsensorSpoolDisk", "none", 29, disk("7x30")),
        Case("FlowsensorSpoolDamaged", "one while it ran", 9, damaged("0x5 1x90"), (unread(1),)),
        Case("FlowsensorSpoolDamaged", "one at the start", 3, damaged("2x90"), (unread(2),)),
        Case("FlowsensorSpoolDamaged", "one more", 90, damaged("1x80 2x30"), (unread(2),)),
        Case("FlowsensorSpoolDamaged", "long ago", 70, damaged("0x5 1x90")),
        Case("FlowsensorSpoolDamaged", "none", 90, damaged("0x95")),
        Case("FlowsensorDeadLetters", "a few", 7, letters("0x5 9x90"), (refused(9),)),
        Case("FlowsensorDeadLetters", "at three sensors it is one alert", 7, letters("0x5 9x90", 3), (refused(27),)),
        Case("FlowsensorDeadLetters", "long ago", 70, letters("0x5 9x90")),
        Case("FlowsensorDeadLetters", "restart after some", 90, letters("9x80 0x30")),
    ]


def failed_output():
    def failed(values):
        return [series("flowsensor_output_failed", values, KAFKA)]
    return [
        Case("FlowsensorOutputFailed", "one scrape saw it", 9, failed("0x5 1 _x30"), (critical(
            "Output flows of a:19995 failed for good within the last 15 minutes: its records are lost until a restart.", KAFKA),)),
        Case("FlowsensorOutputFailed", "long ago, and started again", 25, failed("0x5 1 0x30")),
        Case("FlowsensorOutputFailed", "all is well", 20, failed("0x30")),
    ]


def kafka():
    def errors(values):
        return [series("flowsensor_kafka_errors_total", values, KAFKA)]

    def reported(count):
        return warning(f"The Kafka clients of output flows of job flowsensor have reported errors for 10 minutes at {count} sensors.", ALL)
    return [
        Case("FlowsensorKafkaErrors", "each minute", 12, errors("0+2x30"), (reported(1),)),
        Case("FlowsensorKafkaErrors", "at 20 sensors it is one alert", 12, at_each("flowsensor_kafka_errors_total", "0+2x30", 20), (reported(20),)),
        Case("FlowsensorKafkaErrors", "a broker restarted", 16, errors("0x5 9x30")),
        Case("FlowsensorKafkaErrors", "not for long", 10, errors("0+2x30")),
        Case("FlowsensorKafkaErrors", "restart after some", 20, errors("9x12 0x30")),
    ]


def schema():
    def mismatch(values):
        return [series("flowsensor_output_schema_mismatch", values, KAFKA)]

    def cached(values):
        return [series("flowsensor_output_schema_cached", values, KAFKA)]

    def errors(values):
        return [series("flowsensor_registry_errors_total", values)]

    def unconfirmed(count):
        return warning(f"Output flows of job flowsensor has had a schema id that the registry has not told or confirmed for an hour at "
                       f"{count} sensors.", ALL)

    def failed(count):
        return warning(f"Requests of the flowsensors of job flowsensor to the schema registry have failed for 10 minutes at {count} of them.",
                       {"job": "flowsensor"})
    return [
        Case("FlowsensorSchemaMismatch", "one scrape saw it", 9, mismatch("0x5 1 _x30"), (critical(
            "The registry contradicted the schema id of output flows of a:19995 within the last 15 minutes, or doesn't have the schema. Its "
            "records wait in the spool until the registry confirms the id.", KAFKA),)),
        Case("FlowsensorSchemaMismatch", "long ago, and started again", 25, mismatch("0x5 1 0x30")),
        Case("FlowsensorSchemaMismatch", "all is well", 20, mismatch("0x30")),
        Case("FlowsensorSchemaUnconfirmed", "for an hour", 61, cached("1x90"), (unconfirmed(1),)),
        Case("FlowsensorSchemaUnconfirmed", "at 20 sensors it is one alert", 61, at_each("flowsensor_output_schema_cached", "1x90", 20), (unconfirmed(20),)),
        Case("FlowsensorSchemaUnconfirmed", "confirmed after half an hour", 90, cached("1x30 0x90")),
        Case("FlowsensorSchemaUnconfirmed", "not for long", 59, cached("1x90")),
        Case("FlowsensorRegistryErrors", "each minute", 12, errors("0+6x30"), (failed(1),)),
        Case("FlowsensorRegistryErrors", "at 20 sensors it is one alert", 12,
             [series("flowsensor_registry_errors_total", "0+6x30", instance=f"{index}:19995") for index in range(20)], (failed(20),)),
        Case("FlowsensorRegistryErrors", "for two minutes", 16, errors("0x5 6+6x2 18x30")),
        Case("FlowsensorRegistryErrors", "not for long", 10, errors("0+6x30")),
        Case("FlowsensorRegistryErrors", "restart after some", 20, errors("9x12 0x30")),
    ]


def overload():
    def steps(values, meter="0"):
        return series("flowsensor_overload_step", values, meter=meter)

    def shed(values):
        return series("flowsensor_meter_packets_shed_total", values)
    text = ("a:19995 is overloaded: it has done with fewer features or flows (overload.steps) for 5 minutes, or it shed packets of new "
            "flows. Quality flags in its records say what they lack.")
    return [
        Case("FlowsensorOverload", "a step is on", 6, [steps("1x30"), shed("0x30")], (warning(text),)),
        Case("FlowsensorOverload", "of two meters one", 6, [steps("0x30"), steps("3x30", "1"), shed("0x30")], (warning(text),)),
        Case("FlowsensorOverload", "not for long", 4, [steps("1x30"), shed("0x30")]),
        Case("FlowsensorOverload", "left again", 9, [steps("4x4 0x30"), shed("0x30")]),
        Case("FlowsensorOverload", "packets were shed once", 14, [steps("0x7 5 0x30"), shed("0x7 400x30")], (warning(text),)),
        Case("FlowsensorOverload", "both", 12, [steps("5x30"), shed("0+100x30")], (warning(text),)),
        Case("FlowsensorOverload", "shed long ago", 30, [steps("0x30"), shed("0x5 400x30")]),
        Case("FlowsensorOverload", "restart after some", 20, [steps("0x30"), shed("900x12 0x30")]),
    ]


def credentials():
    day = 24 * 60  # minutes

    def refused(values):
        return [series("flowsensor_credentials_refused_total", values, KAFKA)]

    def ends(days, length=30, instance="a:19995", file="ssl.certificate.location"):
        """Time is 0 at minute 0, so that is when it expires."""
        return series("flowsensor_certificate_not_after_seconds", f"{days * 86400}x{length}", KAFKA, instance=instance, file=file)

    def expires(severity, when, tail, file="ssl.certificate.location"):
        return (severity, {"job": "flowsensor", "output": "flows", "file": file},
                f"A certificate of {file}, output flows of job flowsensor, expires in {when}. {tail}")
    soon = "Replace its file; no restart is needed."
    late = "Then no record is delivered."
    return [
        Case("FlowsensorCredentialsRefused", "once", 7, refused("0x5 1x90"), (warning(
            "Output flows of a:19995 still uses what it had before a file was replaced.", KAFKA),)),
        Case("FlowsensorCredentialsRefused", "long ago", 70, refused("0x5 1x90")),
        Case("FlowsensorCredentialsRefused", "restart after one", 90, refused("1x80 0x30")),
        Case("FlowsensorCertificateExpires", "in three weeks", 20, [ends(21)], (expires("warning", "20d 23h 40m 0s", soon),)),
        Case("FlowsensorCertificateExpires", "of many sensors the first", 20, [ends(25), ends(21, instance="b:19995")],
             (expires("warning", "20d 23h 40m 0s", soon),)),
        Case("FlowsensorCertificateExpires", "the authority's alone", 20, [ends(90), ends(21, file="ssl.ca.location")],
             (expires("warning", "20d 23h 40m 0s", soon, "ssl.ca.location"),)),
        Case("FlowsensorCertificateExpires", "in five days", 20, [ends(5)],
             (expires("warning", "4d 23h 40m 0s", soon), expires("critical", "4d 23h 40m 0s", late))),
        Case("FlowsensorCertificateExpires", "not for long", 14, [ends(5)]),
        Case("FlowsensorCertificateExpires", "in a month", 30, [ends(31)]),
        Case("FlowsensorCertificateExpires", "no longer a month", day + 20, [ends(31, day + 60)], (expires("warning", "29d 23h 40m 0s", soon),)),
    ]


CASES = [case for made in (down, absent, restarts, snapshot, memory, clock, kernel_drops, interface_drops, no_packets, times_raised, residual,
                           overload, flow_table, config_reload, dropped, late, spool, failed_output, kafka, credentials, schema) for case in made()]
