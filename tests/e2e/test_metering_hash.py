"""metering_hash and fields_hash: what a model may be scored with. Run: python3 tests/e2e/run.py test_metering_hash

Every option of how packets are metered stands below: either it changes metering_hash, or it doesn't, with the reason. That live
records have the metering_hash of the file is told by test_live_and_file, which compares this field too.
"""
import hashlib
import json
import re

from harness import CAPTURES, SCHEMAS, Case, run
from record_files import read_avro

CAPTURE = CAPTURES / "dns.pcap"

# Another value of each option that changes one of the record's.
CHANGES = {
    "profile": "nfstream",
    "meter.decode_tunnels": "false",
    "meter.tunnel_key": "symmetric",
    "meter.tunnel_ports": "vxlan=4789",
    "meter.idle_timeout": "119s",
    "meter.active_timeout": "1799s",
    "meter.tcp_end": "false",
    "meter.udp_answered_timeout": "5s",
    "meter.accounting_mode": "1",
    "meter.n_dissections": "19",
    "meter.splt_analysis": "19",
    "meter.splt_packets": "payload",
    "udps.packets": "dns=udp port 53",
    "udps.bytes": "dns=udp port 53",
}
# Options that don't, with another value and the reason.
SOURCE, NODE, FLAGGED, EARLY = "which packets there are", "the node", "the record's quality_flags tell", "record_kind tells, and final records are the same"
KEEPS = {
    "capture.sort": ("true", SOURCE),
    "capture.roles": ("host:lo", SOURCE),
    "capture.scope": ("uplink", SOURCE),
    "capture.bpf_filter": ("udp", SOURCE),
    "capture.promiscuous_mode": ("false", SOURCE),
    "capture.snapshot_length": ("256", FLAGGED),
    "capture.block_timeout": ("10ms", NODE),
    "capture.socket_buffer_size": ("4MiB", NODE),
    "capture.exclude_self": ("false", SOURCE),
    "meter.dissection_flows": ("512", FLAGGED),
    "meter.statistical_analysis": ("false", "the fields are null"),
    "meter.early_packets": ("3,8", EARLY),
    "meter.early_after": ("1s", EARLY),
    "meter.update_interval": ("10s", EARLY),
    "meter.max_nflows": ("7", SOURCE),
    "meter.flow_table_size": ("4096", FLAGGED),
    "meter.system_visibility_mode": ("0", "the fields are null"),
    "meter.system_visibility_poll_ms": ("50", NODE),
    "meter.n_meters": ("8", NODE),
    "overload.steps": ("sampling", FLAGGED),
    "overload.enter": ("80", FLAGGED),
    "overload.leave": ("20", FLAGGED),
    "overload.patience": ("1s", FLAGGED),
    "overload.idle_timeout": ("1s", FLAGGED),
    "overload.sampling_rate": ("2", FLAGGED),
}
# Tested by themselves.
OTHERS = {"capture.files", "capture.interfaces", "udps.plugins"}


def hashes(*arguments):
    """{name: hash} of `schema features`."""
    done = run("schema", "features", *arguments)
    if done.code != 0:
        raise AssertionError(str(done))
    return dict(re.findall(r"(?m)^# (\w+_hash) ([0-9a-f]{32})$", done.text()))


def metering_hash(*arguments):
    return hashes(*arguments)["metering_hash"]


def fields_hash(record, fields, personal=False, labels=False):
    """As any consumer computes it: of the record's own values."""
    lines = [f"fields={','.join(sorted(set(fields)))}\n", f"metering_hash={record['metering_hash']}\n"]
    lines += [f"anon_key_id={record['anon_key_id'] or ''}\n"] * personal
    lines += [f"ndpi_version={record['ndpi_version'].partition('-')[0]}\n"] * labels
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:32]


class Options(Case):
    def test_every_option_is_judged(self):
        options = set(re.findall(r"(?m)^\| `(profile|(?:capture|meter|overload|udps)\.\w+)`", self.succeeds("reference").text()))
        self.assertEqual(options, set(CHANGES) | set(KEEPS) | OTHERS)

    def test_options_that_change_a_value(self):
        seen = {metering_hash(): "none"}
        for option, value in CHANGES.items():
            # A schema of each profile, and of user-defined fields.
            schema = () if option == "profile" else ("--schema", "flow/v2")
            found = metering_hash("--set", f"{option}={value}", "-w", str(self.folder / "out.avro"), *schema)
            self.assertNotIn(found, seen, f"{option} is as {seen.get(found)}")
            seen[found] = option

    def test_options_that_change_none(self):
        first = metering_hash("--schema", "flow/v2")
        for option, (value, why) in KEEPS.items():
            self.assertEqual(metering_hash("--schema", "flow/v2", "--set", f"{option}={value}"), first, f"{option}: {why}")

    def test_file_or_live_and_any_list_of_fields(self):
        slim = self.write("slim.avsc", json.dumps({"type": "record", "name": "Slim", "namespace": "x", "doc": "Few.", "fields": [
            {"name": "src_port", "type": "int", "doc": "Port."}, {"name": "bidirectional_packets", "type": "long", "doc": "Packets."}]}))
        found = [(metering_hash(*source, "--schema", schema), hashes(*source, "--schema", schema, "--fields", "src_port,bidirectional_packets"))
                 for source in (("-r", CAPTURE), ("-i", "lo")) for schema in ("flow/v1", "flow/v2", slim)]
        self.assertEqual([found[0]] * 6, found)
        # feature_hash is of one list of fields, and live of the snapshot length.
        self.assertEqual(len({hashes(*source, "--schema", schema)["feature_hash"]
                              for source in (("-r", CAPTURE), ("-i", "lo")) for schema in ("flow/v1", "flow/v2")}), 4)


    def test_the_page_has_the_hash_that_is_printed(self):
        page = (SCHEMAS / "README.md").read_text()
        example = re.search(r"    flowsensor (schema features .*)\n\n((?:    .*\n)+)", page[page.index("### What a model is bound to"):])
        self.assertEqual("".join(f"    {line}\n" for line in self.succeeds(*example[1].split()).text().splitlines()), example[2])


class Fields(Case):
    def policy(self, items):
        key = self.write("key", "0" * 64)
        key.chmod(0o600)
        return self.write("sensor.conf", 'outputs = ( { path = "%s"; schema = "flow/v2"; columns_to_anonymize = [ %s ]; } ); '
                          'anonymization = { key_file = "%s"; };' % (self.folder / "flows.avro", items, key))

    def records(self, *arguments):
        out = self.folder / "flows.avro"
        out.unlink(missing_ok=True)
        self.succeeds("-r", CAPTURE, *arguments)
        return read_avro(out)

    def test_a_record_has_what_the_hash_is_made_of(self):
        plain = self.policy('"all=keep"')
        for record in self.records("-c", plain)[:3]:
            for fields, more in ((["src_port", "splt_ps"], {}), (["application_name", "src_port"], {"labels": True}),
                                 (["requested_server_name", "src_ip", "src_ip"], {"labels": True, "personal": True})):
                printed = hashes("-c", plain, "--fields", ",".join(fields))
                self.assertEqual(printed, {"fields_hash": fields_hash(record, fields, **more)})

    def test_pseudonyms_count_where_they_are_used(self):
        plain, hidden = self.policy('"all=keep"').read_text(), self.policy('"all=short_hash"').read_text()
        found = {}
        for name, text in (("plain", plain), ("hidden", hidden)):
            conf = self.write("sensor.conf", text)
            record = self.records("-c", conf)[0]
            found[name] = [hashes("-c", conf, "--fields", fields)["fields_hash"] for fields in ("src_port,splt_ps", "src_ip")]
            self.assertEqual(found[name], [fields_hash(record, ["src_port", "splt_ps"]), fields_hash(record, ["src_ip"], personal=True)])
        self.assertEqual(found["plain"][0], found["hidden"][0])
        self.assertNotEqual(found["plain"][1], found["hidden"][1])

    def test_records_of_any_number_of_meters_have_one_hash(self):
        conf = self.policy('"all=keep"')
        found = {record["metering_hash"] for meters in range(1, 9) for record in self.records("-c", conf, "--set", f"meter.n_meters={meters}")}
        self.assertEqual(found, {metering_hash("-c", conf)})

    def test_refusals(self):
        conf = self.policy('"src_ip=truncate", "all=short_hash"')
        for words, code, reason in ((("--fields", "src_pot"), 64, "did you mean src_port?"), (("--fields", ""), 64, "no field is named"),
                                    (("-c", conf, "--fields", "src_ip"), 64, "src_ip is anonymized by truncate"),
                                    (("--fields", "src_port", "--fields", "dst_port"), 64, "name all in one list")):
            done = run("schema", "features", *words)
            self.assertEqual(done.code, code, str(done))
            self.assertIn(reason, done.errors[0])
        done = run("-r", CAPTURE, "--fields", "src_port")
        self.assertEqual((done.code, len(done.errors)), (64, 1))
        # A random key makes other pseudonyms in each run: no model can be bound to them.
        keyless = self.write("keyless.conf", 'outputs = ( { path = "x.avro"; columns_to_anonymize = [ "all=short_hash" ]; } );')
        done = run("schema", "features", "-c", keyless, "--fields", "dst_ip")
        self.assertEqual(done.code, 78, str(done))
        self.assertIn("set anonymization.key_file", done.errors[0])
        self.assertIn("fields_hash", hashes("-c", keyless, "--fields", "dst_port"))
