#include "app/config/config.h"

#include <stddef.h>

#define AT(member)  offsetof(struct config, member)
#define OUT(member) offsetof(struct output_config, member)
#define SECOND      INT64_C(1000000)

const struct option_row option_rows[] = {
    {"profile", OPTION_CHOICE, AT(profile), "native", 0, 0, "native|nfstream",
     "native: microseconds, today's protocols. nfstream: the numbers, row order and quirks of NFStream 6.6.0, with its "
     "defaults for every switch of the group meter."},
    {"performance_report", OPTION_DURATION, AT(performance_report), NULL, 0, 86400 * SECOND, NULL,
     "Live: how often the sensor reports on itself, in a log line and in records of the outputs whose schema is of the "
     "sensor (sensor_stats/v1); at least 1s, \"0\": never. Default: 60s if there is such an output, else never."},

    {"capture.files", OPTION_STRINGS, AT(capture.files), NULL, 0, 0, NULL,
     "Captures (pcap, pcapng, also compressed by gzip or zstd) that are read one after another; \"-\" is standard input. "
     "Natively one that begins before the one before it has ended starts afresh, with flows and a clock of its own; "
     "parts of one recording, in their order, are one stream. Same as -r."},
    {"capture.sort", OPTION_BOOLEAN, AT(capture.sort), "false", 0, 0, NULL,
     "Read the captures in the order of their first packets' times, not as they are given. Same as --sort."},
    {"capture.interface", OPTION_STRING, AT(capture.interface), NULL, 0, 0, NULL,
     "Live interface; \"auto\" takes the default route's. Same as -i."},
    {"capture.bpf_filter", OPTION_STRING, AT(capture.bpf_filter), NULL, 0, 0, NULL,
     "Only packets that match this pcap-filter(7) expression are read. Same as -f."},
    {"capture.promiscuous_mode", OPTION_BOOLEAN, AT(capture.promiscuous_mode), "true", 0, 0, NULL,
     "Live: also packets that are not for this host."},
    {"capture.snapshot_length", OPTION_INTEGER, AT(capture.snapshot_length), "1536", 1, INT32_MAX, NULL,
     "Live: bytes kept of each packet; above 262144 means 262144, libpcap's most. Counters use the length on the wire "
     "whatever is kept."},
    {"capture.socket_buffer_size", OPTION_SIZE, AT(capture.socket_buffer_size), "64MiB", 0, INT32_MAX, NULL,
     "Live: the kernel's ring of captured packets. \"0\": libpcap's default."},
    {"capture.exclude_self", OPTION_BOOLEAN, AT(capture.exclude_self), "true", 0, 0, NULL,
     "Live: the packets of the sensor's own TCP connections to Kafka and the registry are left out, also in tunnels, and counted "
     "as ignored (own_traffic). They are known by the local address and port of its sockets; where the host changes "
     "those too (source NAT that picks ports, as for a Kubernetes ClusterIP), they are metered."},

    {"meter.decode_tunnels", OPTION_SWITCH, AT(meter.decode_tunnels), NULL, 0, 0, NULL,
     "Meter the packets inside GTP-U, CAPWAP and TZSP; in the native profile also inside GRE, PPTP, WCCP, Aruba, VXLAN, VXLAN-GPE, "
     "Geneve, ERSPAN, L2TP, GUE, FOU, Teredo, MPLS over UDP, LISP, EtherIP and PBB. Default: true."},
    {"meter.tunnel_key", OPTION_CHOICE, AT(meter.tunnel_key), "all", 0, 0, "all|symmetric",
     "Native profile: which identifiers in tunnel headers (TEID, VNI, key ...) keep flows apart that have equal addresses "
     "and ports inside. all: every one; since the two ends of GTP-U, L2TP and PPTP choose one each, both directions of a "
     "conversation there become two flows. symmetric: only those that are the same in both directions (VXLAN, Geneve, GRE, "
     "ERSPAN, LISP, PBB); conversations in GTP-U, L2TP and PPTP stay one flow each, but equal addresses inside merge."},
    {"meter.tunnel_ports", OPTION_STRINGS, AT(meter.tunnel_ports), NULL, 0, 0, NULL,
     "Native profile: the UDP ports of tunnels, each \"NAME=PORT,PORT\", which takes the place of that tunnel's usual ones; "
     "\"NAME=\": none. A port on either side of a datagram counts, if the tunnel's header is there. Defaults: gtp_u=2152, capwap=5247, "
     "tzsp=37008, vxlan=4789,8472, vxlan_gpe=4790, geneve=6081, l2tp=1701, mpls_udp=6635, gue=6080, fou=, teredo=3544, lisp=4341."},
    {"meter.idle_timeout", OPTION_DURATION, AT(meter.idle_timeout), "120s", 0, INT64_MAX, NULL,
     "A flow ends when it had no packet for this long. \"0\": each packet is a flow."},
    {"meter.active_timeout", OPTION_DURATION, AT(meter.active_timeout), "1800s", 0, INT64_MAX, NULL,
     "A flow that lives longer is exported in slices of this length. \"0\": each packet is a slice."},
    {"meter.accounting_mode", OPTION_INTEGER, AT(meter.accounting_mode), "0", 0, 3, NULL,
     "What byte counters and packet sizes count: 0 the frame on the wire, 1 the IP packet, 2 the transport segment, 3 its "
     "payload."},
    {"meter.n_dissections", OPTION_INTEGER, AT(meter.n_dissections), NULL, 0, 255, NULL,
     "Packets of a flow that nDPI may look at; 0: no labels. Default: 20 if a schema asks for labels."},
    {"meter.statistical_analysis", OPTION_SWITCH, AT(meter.statistical_analysis), NULL, 0, 0, NULL,
     "Statistics of packet sizes, inter-arrival times and TCP flags. Default: what the schemas ask for; false in the "
     "nfstream profile."},
    {"meter.splt_analysis", OPTION_INTEGER, AT(meter.splt_analysis), NULL, 0, 65535, NULL,
     "Packets whose direction, size and time are kept; 0: none. Default: 20 if a schema asks for them; 0 in the nfstream "
     "profile."},
    {"meter.max_nflows", OPTION_INTEGER, AT(meter.max_nflows), "0", 0, INT64_MAX, NULL,
     "Stop after exactly this many records of flows, on files and live; the flows that are open then are counted as "
     "discarded. 0: no limit. How many flows may be open at once is flow_table_size."},
    {"meter.flow_table_size", OPTION_INTEGER, AT(meter.flow_table_size), NULL, 1024, 1 << 30, NULL,
     "Flows that are open at once; a full table evicts. Default: 262144 live (all memory is taken at start), 16777216 for "
     "files (memory is taken as needed)."},
    {"meter.system_visibility_mode", OPTION_INTEGER, AT(meter.system_visibility_mode), "0", 0, 1, NULL,
     "Live: 1 fills the fields system_*: process, program, user and container of the flow's local socket, in all network "
     "namespaces. Needs the host's process namespace, SYS_PTRACE, and SYS_ADMIN for other network namespaces."},
    {"meter.system_visibility_poll_ms", OPTION_INTEGER, AT(meter.system_visibility_poll_ms), "100", 1, 60000,
     NULL,
     "Milliseconds between two looks at all sockets; more where that would take over a twentieth of a core. A flow's "
     "socket is also looked for when the flow begins."},

    {"meter.n_meters", OPTION_INTEGER, AT(meter.n_meters), "1", 0, 64, NULL,
     "Meters that work in parallel, each in a thread, with nDPI and caches of its own. 0: one less than the processors that "
     "the process may use (affinity and control groups), at least 1. With several, records come in no certain order."},

    {"udps.packets", OPTION_STRINGS, AT(udps.packets), NULL, 0, 0, NULL,
     "User-defined fields of each flow: each \"NAME=EXPRESSION\" counts the packets that the pcap-filter(7) expression "
     "matches, read from the metered IP header on, as udps.NAME, udps.src2dst_NAME and udps.dst2src_NAME."},
    {"udps.bytes", OPTION_STRINGS, AT(udps.bytes), NULL, 0, 0, NULL,
     "The same for the bytes of such packets, as meter.accounting_mode counts them."},
    {"udps.plugins", OPTION_STRINGS, AT(udps.plugins), NULL, 0, 0, NULL,
     "Plugins, each \"PATH name=value ...\": shared objects that add fields and may end flows (deploy/plugins.md)."},

    {"registry.url", OPTION_STRING, AT(registry.url), NULL, 0, 0, NULL,
     "Schema registry with the Confluent API; may have a path, such as /apis/ccompat/v7."},
    {"registry.username", OPTION_STRING, AT(registry.username), NULL, 0, 0, NULL,
     "User for basic authentication."},
    {"registry.password_file", OPTION_STRING, AT(registry.password_file), NULL, 0, 0, NULL,
     "File whose first line is the password."},
    {"registry.ca_file", OPTION_STRING, AT(registry.ca_file), NULL, 0, 0, NULL,
     "Certificates that the registry's is checked against (PEM). Default: the system's."},
    {"registry.certificate_file", OPTION_STRING, AT(registry.certificate_file), NULL, 0, 0, NULL,
     "Client certificate (PEM)."},
    {"registry.key_file", OPTION_STRING, AT(registry.key_file), NULL, 0, 0, NULL,
     "Key of the client certificate (PEM)."},
    {"registry.timeout", OPTION_DURATION, AT(registry.timeout), "5s", 1000, 3600 * SECOND, NULL,
     "Limit of one request, connection included."},
    {"registry.max_response_size", OPTION_SIZE, AT(registry.max_response_size), "4MiB", 1024, INT32_MAX, NULL,
     "Larger answers are refused."},
    {"registry.cache_directory", OPTION_STRING, AT(registry.cache_directory), NULL, 0, 0, NULL,
     "Folder for the last good answer of the registry, used only while it can't be reached."},
    {"registry.auto_register", OPTION_BOOLEAN, AT(registry.auto_register), "false", 0, 0, NULL,
     "Register a schema that the registry doesn't have. Off: the start fails and names the command that registers it."},

    {"identity.sensor_id", OPTION_STRING, AT(identity.sensor_id), NULL, 0, 0, NULL,
     "Name of this sensor in every record. Default: the host's name."},
    {"identity.key_file", OPTION_STRING, AT(identity.key_file), NULL, 0, 0, NULL,
     "File with 32 hexadecimal digits: the key of flow_uid. Without it the key is random per start, and identifiers of two "
     "runs can't be joined."},

    {"anonymization.key_file", OPTION_STRING, AT(anonymization.key_file), NULL, 0, 0, NULL,
     "File with 64 hexadecimal digits, which nobody but its owner may read or write, except that a group of the process may "
     "read it: the key of pseudonyms. Read again on SIGHUP. Without it the key is random per start, and pseudonyms of two runs can't be joined."},

    {"topics.partitions", OPTION_INTEGER, AT(topics.partitions), "12", 1, 100000, NULL,
     "Partitions of a topic that `flowsensor topics create` makes: so many consumers of a group can share it. 12 divides by 2, "
     "3, 4 and 6; records of one flow are all in one partition."},
    {"topics.replication_factor", OPTION_INTEGER, AT(topics.replication_factor), "-1", -1, 32767, NULL,
     "Replicas of each of its partitions. -1: the broker's default."},
    {"topics.config", OPTION_STRINGS, AT(topics.config), NULL, 0, 0, NULL,
     "Its configuration, each \"name=value\", as in \"retention.ms=604800000\"."},
    {"topics.principal", OPTION_STRING, AT(topics.principal), NULL, 0, 0, NULL,
     "Who is allowed to write it, as in \"User:flowsensor\": Describe and Write on the topic, IdempotentWrite on the cluster. "
     "Not set: permissions are left alone."},
    {"topics.readable", OPTION_STRINGS, AT(topics.readable), NULL, 0, 0, NULL,
     "Topics that the principal is also given Read on, which `flowsensor verify` needs and a run doesn't."},

    {"delivery.timeout", OPTION_DURATION, AT(delivery.timeout), "30s", 1000, 86400 * SECOND, NULL,
     "Reading files: how long to wait for an output that takes nothing before giving up (exit code 69). `flowsensor topics` and "
     "`flowsensor verify` wait that long for each answer of a broker."},
    {"delivery.shutdown_timeout", OPTION_DURATION, AT(delivery.shutdown_timeout), "10s", 1000, 86400 * SECOND,
     NULL,
     "At the end: how long the outputs may take for what is still under way, after a signal or on a live source."},

    {"monitoring.listen", OPTION_STRING, AT(monitoring.listen), NULL, 0, 0, NULL,
     "ADDRESS:PORT or [IPV6]:PORT, as literals, where HTTP answers /livez, /readyz, /startupz and /metrics (Prometheus' text "
     "format); port 0: a free one, which the log names. Without it there is no such endpoint."},

    {"log.level", OPTION_CHOICE, AT(log.level), "info", 0, 0, "error|warning|info|debug",
     "Least level that is written."},
    {"log.format", OPTION_CHOICE, AT(log.format), "plain", 0, 0, "plain|json",
     "Form of the log lines on standard error."},
};
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

const struct option_row output_rows[] = {
    {"outputs.name", OPTION_STRING, OUT(name), NULL, 0, 0, NULL,
     "Name of the output in records, messages and the ledger. Default: the topic, else the sink's name."},
    {"outputs.sink", OPTION_CHOICE, OUT(sink), NULL, 0, 0, "kafka|file|null",
     "Where records go. Default: kafka where a topic is given, file where a path is given. null encodes and throws away."},
    {"outputs.schema", OPTION_STRING, OUT(schema), NULL, 0, 0, NULL,
     "Schema of the records: a name of this release (flow/v1, nfstream/v1, sensor_stats/v1, the draft flow/v2) or a path. "
     "Default: the profile's."},
    {"outputs.format", OPTION_CHOICE, OUT(format), NULL, 0, 0, "avro|csv|jsonl",
     "Encoding. Default: by the path's extension (.avro, .csv, .jsonl, .json, .ndjson, with .gz or .zst behind all but the first), avro "
     "without one; standard output: jsonl. Other extensions need it said. Same as --format."},
    {"outputs.path", OPTION_STRING, OUT(path), NULL, 0, 0, NULL,
     "File; \"-\" is standard output. A file that has records of an earlier run is kept: it gets the next free number (PATH.1, PATH.2 ... "
     "before the extension), and PATH is begun anew."},
    {"outputs.codec", OPTION_CHOICE, OUT(codec), "deflate", 0, 0, "null|deflate",
     "Compression of the blocks within an Avro container file."},
    {"outputs.compression", OPTION_CHOICE, OUT(compression), NULL, 0, 0, "none|gzip|zstd",
     "Compression of a CSV or JSON lines file. Default: by the path's extension (.csv.gz, .jsonl.zst), else none. The file is whole, for "
     "every tool that reads it, after each of its blocks: it has a gzip member or zstd frame for each."},
    {"outputs.rotate_size", OPTION_SIZE, OUT(rotate_size), "0", 0, INT64_MAX, NULL,
     "Begin a new file after this many bytes as they are on disk (PATH becomes PATH.1, PATH.2 ... before the extension). \"0\": never."},
    {"outputs.rotate_flows", OPTION_INTEGER, OUT(rotate_flows), "0", 0, INT64_MAX, NULL,
     "Begin a new file after this many records. 0: never."},
    {"outputs.rotate_files", OPTION_INTEGER, OUT(rotate_files), "0", 0, 100000, NULL,
     "Keep this many files of a rotated output: a new one replaces the oldest, which is gone. 0: keep all."},
    {"outputs.topic", OPTION_STRING, OUT(topic), NULL, 0, 0, NULL, "Kafka topic; it must exist."},
    {"outputs.kafka", OPTION_STRINGS, OUT(kafka), NULL, 0, 0, NULL,
     "librdkafka properties, each \"name=value\"; bootstrap.servers is needed. Defaults of ours: enable.idempotence=true, "
     "acks=all, compression.codec=zstd, partitioner=murmur2_random, linger.ms=100, queue.buffering.max.kbytes=65536, and of queue.buffering.max.messages one for 640 bytes of those."},
    {"outputs.framing", OPTION_CHOICE, OUT(framing), NULL, 0, 0, "confluent|single_object|none",
     "What precedes a record in a Kafka message. Default: confluent (0x00 and the registry's schema id) with a registry, "
     "else single_object (Avro's marker and fingerprint)."},
    {"outputs.subject_strategy", OPTION_CHOICE, OUT(subject_strategy), "topic", 0, 0,
     "topic|record|topic_record",
     "Subject in the registry: TOPIC-value, the record's full name, or TOPIC-full name."},
    {"outputs.columns_to_anonymize", OPTION_STRINGS, OUT(columns_to_anonymize), NULL, 0, 0, NULL,
     "What happens to personal data. Each item is COLUMN, which is hashed as NFStream does, or \"WHAT=METHOD\", where WHAT is a "
     "field, a PII class (address, mac, name, agent, fingerprint, user) or all, the more specific one winning, and METHOD is keep, "
     "drop, truncate:24,48, prefix_preserving, hash, short_hash, keep_oui or keep_registered_domain[:cut] "
     "(schemas/README.md). A Kafka output must say it for every such field; \"all=keep\" sends them as they are. Default "
     "elsewhere: keep."},
};
const size_t output_row_count = sizeof output_rows / sizeof *output_rows;
