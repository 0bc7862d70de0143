/* People come from other programs and try what those have. A flag that means something else here, or nothing, is
 * refused, but with what takes its place. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command/command_line_parts.h"

#define RECORDS_MAX "to stop after so many records: --set meter.max_nflows=N"
#define NO_NAMES    "addresses are never looked up; leave it out"
#define TIMES       "times are microseconds since 1970 in every record; leave it out"
#define ROTATION    "files rotate by --set outputs.0.rotate_size=64MiB, rotate_flows and rotate_files"

static const struct {
    const char *flags; /* "|" stands before and after each */
    const char *hint;
} hints[] = {
    /* where records go, and as what */
    {"|-o|-O|--out|--output|--output-file|--write|-E|--export|",
     "records are written with -w FILE (.csv, .jsonl, .avro)"},
    {"|--json|--jsonl|--ndjson|-j|-J|", "JSON lines: -w FILE.jsonl, or -w - --format jsonl"},
    {"|--csv|-K|--to-csv|", "CSV: -w FILE.csv, or -w - --format csv"},
    {"|--avro|", "Avro: -w FILE.avro, or -w - --format avro"},
    {"|--parquet|--pandas|", "write Avro or CSV, which data frames read (deploy/python)"},
    {"|-T|", "the format is chosen with --format csv or jsonl; to test the configuration: --check-config"},
    {"|-z|--gzip|--zstd|--compress|", "files are compressed by their name: -w FILE.csv.gz, FILE.jsonl.zst"},
    {"|-C|-W|-G|-b|--rotate|", ROTATION},
    {"|--stdout|", "standard output: -w -"},
    /* where packets come from */
    {"|-I|--iface|--interface|--live|--dev|--device|--af-packet|--pcap|", "live: -i IFACE (-D lists them)"},
    {"|-R|--read|--in|--input|--file|--read-file|--pcap-file|--source|", "captures: -r FILE, or FILE alone"},
    {"|-F|--filter|--bpf|--bpf-filter|-Y|", "a filter: -f 'tcp port 443'; from a file: -f \"$(cat FILE)\""},
    {"|-s|--snaplen|--snapshot-length|", "bytes kept of each packet: --set capture.snapshot_length=N"},
    {"|-B|--buffer-size|", "the kernel's ring: --set capture.socket_buffer_size=64MiB"},
    {"|-p|--no-promiscuous-mode|", "not promiscuous: --set capture.promiscuous_mode=false"},
    {"|-L|-y|--list-data-link-types|--linktype|", "the link type is the capture's own; leave it out"},
    /* how much, how long */
    {"|--count|--max-flows|--max-nflows|-m|", RECORDS_MAX},
    {"|-a|--duration|--timeout|", "to end after a time: timeout 60 flowsensor ...; records so far are kept"},
    {"|--idle|--idle-timeout|", "--set meter.idle_timeout=120s"},
    {"|--active|--active-timeout|", "--set meter.active_timeout=1800s"},
    {"|--threads|--workers|--n-meters|-P|", "several meters: --set meter.n_meters=4"},
    /* how it is said */
    {"|-n|-nn|-N|--no-dns|", NO_NAMES},
    {"|-t|-tt|-ttt|-tttt|-ttttt|-u|", TIMES},
    {"|-v|-vv|-vvv|--verbose|-d|--debug|--log-level|--loglevel|",
     "more log lines: --set log.level=debug; versions: --version"},
    {"|-q|--quiet|--silent|", "fewer log lines: --set log.level=error"},
    {"|-l|-U|--line-buffered|--packet-buffered|", "records on a pipe or terminal come at once; leave it out"},
    {"|-A|-X|-XX|-x|-xx|-e|-#|--number|",
     "there is one record for each flow, not for each packet; `flowsensor reference` lists its fields"},
    {"|--fields|--columns|", "fields are chosen by a schema: --schema FILE.avsc (schemas/README.md)"},
    {"|-k|--no-checksum|", "checksums are not checked; leave it out"},
    {"|-S|--rules|", "there are no rules; records are scored or matched by who reads them"},
    {"|--conf|--config|--config-file|", "the configuration: -c FILE"},
    {"|--test|--dry-run|--check|", "the configuration alone: --check-config"},
    {"|--topic|--broker|--brokers|--bootstrap-server|--bootstrap-servers|--kafka|",
     "Kafka: --set outputs.0.topic=flows --set outputs.0.kafka=bootstrap.servers=HOST:9092"},
    {"|--registry|--schema-registry|", "the schema registry: --set registry.url=http://HOST:8081"},
    {"|--daemon|--daemonize|--pidfile|--user|",
     "systemd or Kubernetes start it (deploy/running.md); leave it out"},
    {"|--nfstream|", "NFStream's numbers and columns: --profile nfstream"},
};

const char *command_line_hint(const char *flag) {
    char bounded[64];
    snprintf(bounded, sizeof bounded, "|%s|", flag);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(hints[i].flags, bounded))
            return hints[i].hint;
    return NULL;
}

/* Words that a filter expression may begin with. */
static bool begins_filter(const char *word) {
    static const char *const words[] = {"tcp", "udp",  "icmp",  "icmp6", "sctp", "ip",   "ip6",
                                        "arp", "host", "net",   "port",  "src",  "dst",  "not",
                                        "and", "or",   "ether", "vlan",  "mpls", "less", "proto"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

const char *command_line_word_hint(const char *word, char *text, size_t size) {
    snprintf(text, size, "/sys/class/net/%s", word);
    bool interface = *word && !strchr(word, '/') && access(text, F_OK) == 0;
    if (interface || strcmp(word, "any") == 0 || strcmp(word, "auto") == 0)
        snprintf(text, size, "an interface is given with -i %s", word);
    else if (begins_filter(word))
        snprintf(text, size, "a filter is one word, given with -f, as in -f 'tcp port 443'");
    else
        return NULL;
    return text;
}
