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
     "Live: how often the sensor reports on itself, in a log line and in records of outputs with the schema "
     "sensor_stats/v1; at least 1s, \"0\": never. Default: 60s if there is such an output, else never."},

    {"capture.files", OPTION_STRINGS, AT(capture.files), NULL, 0, 0, NULL,
     "Capture files (pcap, pcapng, also compressed by gzip or zstd), read one after another; \"-\" is standard "
     "input. In the native profile, a file that begins before the previous one ends starts with new flows and a "
     "clock of its own; parts of one recording, in their order, are one stream. Same as -r."},
    {"capture.sort", OPTION_BOOLEAN, AT(capture.sort), "false", 0, 0, NULL,
     "Read the capture files in the order of their first packets' times, not as they are given. Same as --sort."},
    {"capture.interface", OPTION_STRING, AT(capture.interface), NULL, 0, 0, NULL,
     "Network interface for live capture; \"auto\" takes the default route's. Same as -i."},
    {"capture.bpf_filter", OPTION_STRING, AT(capture.bpf_filter), NULL, 0, 0, NULL,
     "Only packets that match this pcap-filter(7) expression are read. Same as -f."},
    {"capture.promiscuous_mode", OPTION_BOOLEAN, AT(capture.promiscuous_mode), "true", 0, 0, NULL,
     "Live: also capture packets that are not for this host."},
    {"capture.snapshot_length", OPTION_INTEGER, AT(capture.snapshot_length), "1536", 1, INT32_MAX, NULL,
     "Live: bytes captured of each packet; above 262144 means 262144, libpcap's limit. Counters use the length on "
     "the wire."},
    {"capture.socket_buffer_size", OPTION_SIZE, AT(capture.socket_buffer_size), "64MiB", 0, INT32_MAX, NULL,
     "Live: the kernel's ring of captured packets. \"0\": libpcap's default."},
    {"capture.exclude_self", OPTION_BOOLEAN, AT(capture.exclude_self), "true", 0, 0, NULL,
     "Live: ignore the packets of the sensor's own TCP connections to Kafka and the schema registry, also in "
     "tunnels; they are counted (own_traffic). They are recognized by the local address and port of the sensor's "
     "sockets. If the host changes these too (source NAT that picks ports, as for a Kubernetes ClusterIP), the "
     "packets are metered."},

    {"meter.decode_tunnels", OPTION_SWITCH, AT(meter.decode_tunnels), NULL, 0, 0, NULL,
     "Meter the packets inside GTP-U, CAPWAP and TZSP; in the native profile also inside GRE, PPTP, WCCP, Aruba, VXLAN, VXLAN-GPE, "
     "Geneve, ERSPAN, L2TP, GUE, FOU, Teredo, MPLS over UDP, LISP, EtherIP and PBB. Default: true."},
    {"meter.tunnel_key", OPTION_CHOICE, AT(meter.tunnel_key), "all", 0, 0, "all|symmetric",
     "Native profile: which identifiers in tunnel headers (TEID, VNI, key ...) keep flows apart that have equal "
     "addresses and ports inside. all: every identifier. In GTP-U, L2TP and PPTP the two directions have different "
     "ones, so a conversation there becomes two flows. symmetric: only identifiers that are the same in both "
     "directions (VXLAN, Geneve, GRE, ERSPAN, LISP, PBB). Conversations in GTP-U, L2TP and PPTP stay one flow each, "
     "but equal addresses inside merge."},
    {"meter.tunnel_ports", OPTION_STRINGS, AT(meter.tunnel_ports), NULL, 0, 0, NULL,
     "Native profile: UDP ports of tunnels, each \"NAME=PORT,PORT\", instead of that tunnel's usual ones; \"NAME=\": "
     "none. A port on either side of a datagram counts, if the tunnel's header is there. Defaults: gtp_u=2152, "
     "capwap=5247, tzsp=37008, vxlan=4789,8472, vxlan_gpe=4790, geneve=6081, l2tp=1701, mpls_udp=6635, gue=6080, "
     "fou=, teredo=3544, lisp=4341."},
    {"meter.idle_timeout", OPTION_DURATION, AT(meter.idle_timeout), "120s", 0, INT64_MAX, NULL,
     "A flow ends when it had no packet for this long. \"0\": each packet is a flow."},
    {"meter.active_timeout", OPTION_DURATION, AT(meter.active_timeout), "1800s", 0, INT64_MAX, NULL,
     "A flow that lasts longer is exported in slices of this length. \"0\": each packet is a slice."},
    {"meter.accounting_mode", OPTION_INTEGER, AT(meter.accounting_mode), "0", 0, 3, NULL,
     "What byte counters and packet sizes count: 0 the frame on the wire, 1 the IP packet, 2 the transport segment, 3 its "
     "payload."},
    {"meter.n_dissections", OPTION_INTEGER, AT(meter.n_dissections), NULL, 0, 255, NULL,
     "Packets of a flow that nDPI inspects; 0: no labels. Default: 20 if a schema asks for labels."},
    {"meter.statistical_analysis", OPTION_SWITCH, AT(meter.statistical_analysis), NULL, 0, 0, NULL,
     "Statistics of packet sizes, inter-arrival times and TCP flags. Default: what the schemas ask for; false in the "
     "nfstream profile."},
    {"meter.splt_analysis", OPTION_INTEGER, AT(meter.splt_analysis), NULL, 0, 65535, NULL,
     "Packets whose direction, size and time are kept; 0: none. Default: 20 if a schema asks for them; 0 in the nfstream "
     "profile."},
    {"meter.max_nflows", OPTION_INTEGER, AT(meter.max_nflows), "0", 0, INT64_MAX, NULL,
     "Stop after exactly this many records of flows, on files and live. Flows that are still open are counted as "
     "discarded. 0: no limit. For the number of open flows see flow_table_size."},
    {"meter.flow_table_size", OPTION_INTEGER, AT(meter.flow_table_size), NULL, 1024, 1 << 30, NULL,
     "Flows that may be open at once; a full flow table evicts. Default: 262144 live (all memory is taken at the "
     "start), 16777216 for files (memory is taken as needed)."},
    {"meter.system_visibility_mode", OPTION_INTEGER, AT(meter.system_visibility_mode), "0", 0, 1, NULL,
     "Live: 1 fills the fields system_*: process, program, user and container of the flow's local socket, in all network "
     "namespaces. Needs the host's process namespace, SYS_PTRACE, and SYS_ADMIN for other network namespaces."},
    {"meter.system_visibility_poll_ms", OPTION_INTEGER, AT(meter.system_visibility_poll_ms), "100", 1, 60000,
     NULL,
     "Milliseconds between two polls of all sockets; more if polling would take over a twentieth of a core. A flow's "
     "socket is also looked up when the flow begins."},

    {"meter.n_meters", OPTION_INTEGER, AT(meter.n_meters), "1", 0, 64, NULL,
     "Meters that work in parallel, each in its own thread with its own nDPI and caches. 0: one less than the "
     "processors that the process may use (affinity and control groups), at least 1. With several meters the order "
     "of records varies."},

    {"udps.packets", OPTION_STRINGS, AT(udps.packets), NULL, 0, 0, NULL,
     "User-defined fields: each \"NAME=EXPRESSION\" counts a flow's packets that the pcap-filter(7) expression "
     "matches, as udps.NAME, udps.src2dst_NAME and udps.dst2src_NAME. The expression sees the metered packet from "
     "its IP header on."},
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
     "Time limit of one request, with the connection."},
    {"registry.max_response_size", OPTION_SIZE, AT(registry.max_response_size), "4MiB", 1024, INT32_MAX, NULL,
     "Larger responses are refused."},
    {"registry.cache_directory", OPTION_STRING, AT(registry.cache_directory), NULL, 0, 0, NULL,
     "Folder for the schema ids from the registry. They are used only while the registry can't be reached."},
    {"registry.auto_register", OPTION_BOOLEAN, AT(registry.auto_register), "false", 0, 0, NULL,
     "Register a schema that the registry doesn't have. Off: the start fails and names the command that registers it."},

    {"identity.sensor_id", OPTION_STRING, AT(identity.sensor_id), NULL, 0, 0, NULL,
     "Name of this sensor in every record. Default: the host's name."},
    {"identity.key_file", OPTION_STRING, AT(identity.key_file), NULL, 0, 0, NULL,
     "File with 32 hexadecimal digits: the key of flow_uid. Without it each start has a random key, and flow_uid of "
     "two runs can't be joined."},

    {"anonymization.key_file", OPTION_STRING, AT(anonymization.key_file), NULL, 0, 0, NULL,
     "File with 64 hexadecimal digits: the key of pseudonyms. Only its owner may read or write it; a group of the "
     "process may also read it. Read again on SIGHUP. Without it each start has a random key, and pseudonyms of two "
     "runs can't be joined."},

    {"topics.partitions", OPTION_INTEGER, AT(topics.partitions), "12", 1, 100000, NULL,
     "Partitions of a topic that `flowsensor topics create` makes: the most consumers of a group that can share it. "
     "12 divides by 2, 3, 4 and 6; records of one flow are all in one partition."},
    {"topics.replication_factor", OPTION_INTEGER, AT(topics.replication_factor), "-1", -1, 32767, NULL,
     "Replicas of each partition. -1: the broker's default."},
    {"topics.config", OPTION_STRINGS, AT(topics.config), NULL, 0, 0, NULL,
     "The topic's configuration, each \"name=value\", as in \"retention.ms=604800000\"."},
    {"topics.principal", OPTION_STRING, AT(topics.principal), NULL, 0, 0, NULL,
     "Kafka user that is given Describe and Write on the topics and IdempotentWrite on the cluster, as in "
     "\"User:flowsensor\". Not set: ACLs are not changed."},
    {"topics.readable", OPTION_STRINGS, AT(topics.readable), NULL, 0, 0, NULL,
     "Topics on which the principal is also given Read, which `flowsensor verify` needs and a run doesn't."},

    {"delivery.timeout", OPTION_DURATION, AT(delivery.timeout), "30s", 1000, 86400 * SECOND, NULL,
     "Files: how long to wait for an output that accepts nothing before giving up (exit code 69). `flowsensor "
     "topics` and `flowsensor verify` wait this long for each answer of a broker."},
    {"delivery.shutdown_timeout", OPTION_DURATION, AT(delivery.shutdown_timeout), "10s", 1000, 86400 * SECOND,
     NULL,
     "At the end, after a signal or on a live source: how long the outputs may take to deliver the remaining records."},

    {"monitoring.listen", OPTION_STRING, AT(monitoring.listen), NULL, 0, 0, NULL,
     "ADDRESS:PORT or [IPV6]:PORT, as literals, where HTTP answers /livez, /readyz, /startupz and /metrics "
     "(Prometheus' text format). Port 0: a free one, which the log names. Not set: no endpoint."},

    {"log.level", OPTION_CHOICE, AT(log.level), "info", 0, 0, "error|warning|info|debug",
     "Lowest level that is logged."},
    {"log.format", OPTION_CHOICE, AT(log.format), "plain", 0, 0, "plain|json",
     "Form of the log lines on standard error."},
};
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

const struct option_row output_rows[] = {
    {"outputs.name", OPTION_STRING, OUT(name), NULL, 0, 0, NULL,
     "Name of the output in records, messages and the ledger. Default: the topic, else the sink's name."},
    {"outputs.sink", OPTION_CHOICE, OUT(sink), NULL, 0, 0, "kafka|file|null",
     "Where records go. Default: kafka if a topic is given, file if a path is given. null encodes records and "
     "discards them."},
    {"outputs.schema", OPTION_STRING, OUT(schema), NULL, 0, 0, NULL,
     "Schema of the records: a name of this release (flow/v1, nfstream/v1, sensor_stats/v1, the draft flow/v2) or a path. "
     "Default: the profile's."},
    {"outputs.format", OPTION_CHOICE, OUT(format), NULL, 0, 0, "avro|csv|jsonl",
     "Encoding. Default: by the path's extension (.avro, .csv, .jsonl, .json, .ndjson; all but .avro also with .gz "
     "or .zst); avro without an extension; jsonl for standard output. With any other extension set it. Same as "
     "--format."},
    {"outputs.path", OPTION_STRING, OUT(path), NULL, 0, 0, NULL,
     "File; \"-\" is standard output. A file with records of an earlier run is kept: it gets the next free number "
     "(PATH.1, PATH.2 ... before the extension), and PATH is written anew."},
    {"outputs.codec", OPTION_CHOICE, OUT(codec), "deflate", 0, 0, "null|deflate",
     "Compression of the blocks within an Avro container file."},
    {"outputs.compression", OPTION_CHOICE, OUT(compression), NULL, 0, 0, "none|gzip|zstd",
     "Compression of a CSV or JSON lines file. Default: by the path's extension (.csv.gz, .jsonl.zst), else none. "
     "Each block is a gzip member or zstd frame of its own, so every tool can read the file after each block."},
    {"outputs.rotate_size", OPTION_SIZE, OUT(rotate_size), "0", 0, INT64_MAX, NULL,
     "Begin a new file after this many bytes on disk (PATH becomes PATH.1, PATH.2 ... before the extension). \"0\": "
     "never."},
    {"outputs.rotate_flows", OPTION_INTEGER, OUT(rotate_flows), "0", 0, INT64_MAX, NULL,
     "Begin a new file after this many records. 0: never."},
    {"outputs.rotate_files", OPTION_INTEGER, OUT(rotate_files), "0", 0, 100000, NULL,
     "Keep this many files of a rotated output: a new one replaces the oldest, which is deleted. 0: keep all."},
    {"outputs.topic", OPTION_STRING, OUT(topic), NULL, 0, 0, NULL, "Kafka topic; it must exist."},
    {"outputs.kafka", OPTION_STRINGS, OUT(kafka), NULL, 0, 0, NULL,
     "librdkafka properties, each \"name=value\"; bootstrap.servers is needed. Defaults that differ from "
     "librdkafka's: enable.idempotence=true, acks=all, compression.codec=zstd, partitioner=murmur2_random, "
     "linger.ms=100, queue.buffering.max.kbytes=65536, and queue.buffering.max.messages one for each 640 bytes of "
     "those."},
    {"outputs.framing", OPTION_CHOICE, OUT(framing), NULL, 0, 0, "confluent|single_object|none",
     "What precedes a record in a Kafka message. Default: confluent (0x00 and the registry's schema id) with a registry, "
     "else single_object (Avro's marker and fingerprint)."},
    {"outputs.subject_strategy", OPTION_CHOICE, OUT(subject_strategy), "topic", 0, 0,
     "topic|record|topic_record",
     "Subject in the registry: TOPIC-value, the record's full name, or TOPIC-full name."},
    {"outputs.columns_to_anonymize", OPTION_STRINGS, OUT(columns_to_anonymize), NULL, 0, 0, NULL,
     "How personal data is anonymized. Each item is \"WHAT=METHOD\", or only COLUMN, which is hashed as NFStream "
     "does. WHAT is a field, a PII class (address, mac, name, agent, fingerprint, user) or all; the more specific "
     "one has priority. METHOD is keep, drop, truncate:24,48, prefix_preserving, hash, short_hash, keep_oui or "
     "keep_registered_domain[:cut] (schemas/README.md). A Kafka output needs an item for every such field; "
     "\"all=keep\" sends them as they are. Default of other outputs: keep."},
};
const size_t output_row_count = sizeof output_rows / sizeof *output_rows;
