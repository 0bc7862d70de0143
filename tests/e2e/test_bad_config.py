"""Mistakes in flags and in the configuration file: one line with file and line, the nearest name or what is expected, and
the right exit code; what --check-config and --print-config say. Run: python3 tests/e2e/run.py test_bad_config
"""
import os
import socket
import subprocess
import unittest

import frames
from harness import NOBODY, Case, run

KAFKA = 'topic = "flows"; kafka = [ "bootstrap.servers=127.0.0.1:9" ];'


class Flags(Case):
    def test_huge_configuration(self):
        huge = self.write("huge.conf", b"a" * (1 << 20) + b" = 1;")
        self.refused(os.EX_CONFIG, ["huge.conf", "larger than 1 MiB"], "-c", huge, "-r", "-")

    def test_unknown_flag(self):
        self.refused(os.EX_USAGE, ["unknown flag --fromat", "did you mean --format?"], "--fromat", "csv")

    def test_unknown_flag_far_from_any(self):
        self.refused(os.EX_USAGE, ["unknown flag --qqqqqqqqqqqqqqqq", "--help"], "--qqqqqqqqqqqqqqqq")

    def test_unknown_short_flag(self):
        self.refused(os.EX_USAGE, ["unknown flag -g", "--help"], "-g")
        self.refused(os.EX_USAGE, ["unknown flag -o", "-w FILE"], "-r", "x.pcap", "-o", "y.csv")

    def test_flag_without_its_value(self):
        result = run("-r")
        self.failed(result, os.EX_USAGE, ["-r needs a value", "--help"])
        self.assertEqual(len(result.lines), 1)

    def test_argument_that_is_no_flag(self):
        self.refused(os.EX_USAGE, ['"traffic"', "neither a command nor a capture"], "traffic")
        self.refused(os.EX_USAGE, ['"lo"', "-i lo"], "lo")

    def test_unknown_schema_command(self):
        self.refused(os.EX_USAGE, ["schema prnt", "print"], "schema", "prnt")

    def test_nothing_to_read(self):
        self.refused(os.EX_USAGE, ["nothing to read", "-r FILE", "-i IFACE"])

    def test_file_and_interface(self):
        self.refused(os.EX_USAGE, ["both", "-r", "-i"], "-r", "x.pcap", "-i", "lo")

    def test_wrong_choice(self):
        self.refused(os.EX_USAGE, ["--format", "xml", "avro|csv|jsonl"], "-r", "x.pcap", "-w", "null:", "--format", "xml")
        self.refused(os.EX_USAGE, ["--profile", "netflow", "native|nfstream"], "-r", "x.pcap", "--profile", "netflow")


class Set(Case):
    """--set: there is no file to name, so the flag is named."""

    def check(self, assignment, *says, code=os.EX_CONFIG):
        self.refused(code, ["--set", *says], "-r", "x.pcap", "-w", "null:", "--set", assignment)

    def test_unknown_option(self):
        self.check("meter.idle_timout=5s", 'unknown option "meter.idle_timout"', 'did you mean "meter.idle_timeout"?')

    def test_no_assignment(self):
        self.check("meter.idle_timeout", "path=value", code=os.EX_USAGE)

    def test_bad_units(self):
        self.check("capture.socket_buffer_size=64MB/s", "capture.socket_buffer_size", '"64MB/s"', "64MiB")
        self.check("meter.idle_timeout=5 parsecs", "meter.idle_timeout", '"5 parsecs"', "5s")
        self.check("meter.idle_timeout=5", "meter.idle_timeout", '"5"', "5s")

    def test_out_of_range(self):
        self.check("meter.accounting_mode=4", "meter.accounting_mode", '"4"', "0 to 3")
        self.check("capture.snapshot_length=0", "capture.snapshot_length", "1 to 2147483647")
        self.check("meter.idle_timeout=99999999999999999999s", "meter.idle_timeout", "too large")

    def test_no_boolean(self):
        self.check("capture.promiscuous_mode=ja", "capture.promiscuous_mode", "true or false")

    def test_output_that_is_not_next(self):
        self.check("outputs.3.path=x", "no output 3", "number")

    def test_output_without_number(self):
        self.check("outputs.path=x", "outputs.path", "outputs.0")


class File(Case):
    """Every message names the file and the line."""

    def check(self, text, *says, line=1, env=None):
        path = self.write("sensor.conf", text)
        self.refused(os.EX_CONFIG, [f"{path}:{line}: ", *says], "-c", path, "-r", "x.pcap", env=env)

    def test_no_such_file(self):
        self.refused(os.EX_NOINPUT, ["absent.conf", "No such file", "-c"], "-c", "absent.conf", "-r", "x.pcap")

    def test_syntax_error(self):
        self.check('meter = {\n  idle_timeout = 64MiB;\n};\n', "quoted", line=2)

    def test_unknown_key(self):
        self.check('profile = "native";\nmeter = {\n  idle_timout = "5s";\n};\n', 'unknown option "meter.idle_timout"',
                   'did you mean "meter.idle_timeout"?', line=3)

    def test_unknown_group(self):
        self.check('\n\nmetre = { idle_timeout = "5s"; };\n', '"metre.idle_timeout"', 'did you mean "meter.idle_timeout"?', line=3)
        self.check('\nqqqqqqqqqqqqqqqq = { };\n', '"qqqqqqqqqqqqqqqq"', line=2)

    def test_unknown_key_at_the_top(self):
        self.check('profil = "native";\n', 'unknown option "profil"', 'did you mean "profile"?')

    def test_unknown_key_of_an_output(self):
        self.check('outputs = (\n  { pth = "x.csv"; }\n);\n', 'unknown option "outputs.pth"', 'did you mean "outputs.path"?', line=2)

    def test_wrong_type(self):
        self.check('capture = {\n  promiscuous_mode = "ja";\n};\n', "capture.promiscuous_mode", "true or false", line=2)
        self.check('capture = { files = "x.pcap"; };\n', "capture.files", "list of strings")
        self.check('capture = { bpf_filter = 5; };\n', "capture.bpf_filter", "string in quotes")
        self.check('capture = { interfaces = "eth0"; };\n', "capture.interfaces", "list of strings")
        self.check('meter = { accounting_mode = "one"; };\n', "meter.accounting_mode", "an integer")
        self.check('meter = 5;\n', "meter", "expected a group")
        self.check('outputs = { path = "x"; };\n', "outputs", "expected a list")
        self.check('profile = [ "native" ];\n', "profile", "one of")

    def test_bare_number_for_a_size(self):
        """libconfig would silently make 705032704 of 5000000000."""
        self.check('capture = { socket_buffer_size = 5000000000; };\n', "capture.socket_buffer_size", '"64MiB"')
        self.check('meter = { idle_timeout = 5; };\n', "meter.idle_timeout", '"5s"')

    def test_bad_unit(self):
        self.check('capture = { socket_buffer_size = "64MB/s"; };\n', "capture.socket_buffer_size", '"64MB/s"', "64MiB")
        self.check('meter = {\n\n  idle_timeout = "5 parsecs"; };\n', "meter.idle_timeout", '"5 parsecs"', "5s", line=3)

    def test_wrong_choice(self):
        self.check('log = { level = "loud"; };\n', "log.level", '"loud"', "error|warning|info|debug")

    def test_missing_variable(self):
        self.check('identity = { sensor_id = "${FLOWSENSOR_TEST_ABSENT}"; };\n', "FLOWSENSOR_TEST_ABSENT", "no such variable", ":-default")

    def test_missing_file_of_a_reference(self):
        self.check('identity = {\n sensor_id = "${file:/nowhere/id}"; };\n', "/nowhere/id", "No such file", "identity.sensor_id", line=2)

    def test_unclosed_reference(self):
        self.check('identity = { sensor_id = "${HOME"; };\n', '"${"', "}")

    def test_variable_default_and_file_are_filled_in(self):
        identifier = self.write("id", "from-file\n")
        for reference, expected in (("${SENSOR}", "from-variable"), ("${ABSENT_HERE:-fallback}", "fallback"),
                                    (f"${{file:{identifier}}}", "from-file"), ("a${SENSOR}b", "afrom-variableb")):
            with self.subTest(reference):
                path = self.write("sensor.conf", f'identity = {{ sensor_id = "{reference}"; }};\n')
                result = self.succeeds("-c", path, "--print-config", env={"SENSOR": "from-variable"})
                self.assertIn(f'sensor_id = "{expected}";', result.text())

    def test_secret_of_a_file_is_in_no_message(self):
        secret = self.write("secret", "hunter2-hunter2\n")
        path = self.write("sensor.conf", f'meter = {{ idle_timeout = "${{file:{secret}}}"; }};\n')
        result = run("-c", path, "-r", "x.pcap")
        self.failed(result, os.EX_CONFIG, ["meter.idle_timeout"])


class Judged(Case):
    """What only several options together can say."""

    def check(self, text, *says, code=os.EX_CONFIG):
        path = self.write("sensor.conf", text)
        capture = self.write("good.pcap", frames.conversations(1))
        self.refused(code, says, "-c", path, "-r", capture)
        self.refused(code, says, "-c", path, "-r", capture, "--check-config")

    def test_nothing_said_about_personal_data(self):
        self.check(f'outputs = ( {{ {KAFKA} }} );', '"flows"', "flow/v2", "personal data", 'columns_to_anonymize = [ "address=prefix_preserving", "mac=keep_oui"')

    def test_two_outputs_on_one_topic(self):
        self.check(f'outputs = ( {{ name = "a"; columns_to_anonymize = [ "all=keep" ]; {KAFKA} }}, {{ name = "b"; columns_to_anonymize = [ "all=keep" ]; {KAFKA} }} );', 'topic "flows"',
                   "give each its own")

    def test_two_outputs_on_one_path(self):
        self.check('outputs = ( { name = "a"; path = "x.csv"; }, { name = "b"; path = "x.csv"; } );', 'path "x.csv"')

    def test_two_outputs_of_one_name(self):
        self.check('outputs = ( { name = "a"; path = "x.csv"; }, { name = "a"; path = "y.csv"; } );', '"a"')

    def test_two_outputs_without_a_name_that_tells_them_apart(self):
        """Records tell outputs apart by name, so the names that outputs get by default count as well."""
        self.check(f'outputs = ( {{ path = "{self.folder}/x.csv"; }}, {{ path = "{self.folder}/y.csv"; }} );', '"file"', "name")

    def test_output_without_a_place(self):
        self.check('outputs = ( { name = "a"; } );', "topic", "path", "null")

    def test_kafka_without_topic(self):
        self.check('outputs = ( { sink = "kafka"; } );', "needs a topic")

    def test_topic_and_path(self):
        self.check('outputs = ( { topic = "a"; path = "b"; } );', "both topic and path")

    def test_confluent_framing_without_registry(self):
        self.check(f'outputs = ( {{ columns_to_anonymize = [ "all=keep" ]; framing = "confluent"; {KAFKA} }} );', "registry.url", "single_object")

    def test_csv_to_kafka(self):
        self.check(f'outputs = ( {{ columns_to_anonymize = [ "all=keep" ]; format = "csv"; {KAFKA} }} );', "csv", 'framing = "none"')

    def test_unknown_librdkafka_property(self):
        path = self.write("sensor.conf", 'outputs = ( { topic = "flows"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers=127.0.0.1:9", "linger.mss=5" ]; } );')
        capture = self.write("good.pcap", frames.conversations(1))
        self.refused(os.EX_CONFIG, ["flows", 'No such configuration property: "linger.mss"'], "-c", path, "-r", capture)

    def test_wrong_value_of_a_librdkafka_property(self):
        path = self.write("sensor.conf", 'outputs = ( { topic = "flows"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers=127.0.0.1:9", "acks=most" ]; } );')
        capture = self.write("good.pcap", frames.conversations(1))
        self.refused(os.EX_CONFIG, ["flows", "acks"], "-c", path, "-r", capture)

    def test_no_broker_named(self):
        path = self.write("sensor.conf", 'outputs = ( { topic = "flows"; columns_to_anonymize = [ "all=keep" ]; } );')
        capture = self.write("good.pcap", frames.conversations(1))
        self.refused(os.EX_CONFIG, ["flows", "bootstrap.servers=HOST:PORT"], "-c", path, "-r", capture)

    def test_librdkafka_property_without_value(self):
        path = self.write("sensor.conf", 'outputs = ( { topic = "flows"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "hunter2" ]; } );')
        capture = self.write("good.pcap", frames.conversations(1))
        result = self.refused(os.EX_CONFIG, ["flows", "name=value"], "-c", path, "-r", capture)
        self.assertNotIn("hunter2", result.errors[0], "a password that lost its name must not be shown")

    def test_absent_key_file(self):
        self.refused(os.EX_NOINPUT, ["identity.key_file", "/nowhere/key"], "-r", self.write("g.pcap", frames.conversations(1)), "-w", "null:",
                     "--set", "identity.key_file=/nowhere/key")

    def test_bad_key_file(self):
        key = self.write("key", "not a key")
        self.refused(os.EX_CONFIG, ["identity.key_file", "32 hexadecimal digits", "openssl rand"], "-r", self.write("g.pcap", frames.conversations(1)),
                     "-w", "null:", "--set", f"identity.key_file={key}")


class Checked(Case):
    """--check-config finds what a start would find, but opens no connection and makes no file."""

    def setUp(self):
        super().setUp()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.server.setblocking(False)
        self.port = self.server.getsockname()[1]

    def tearDown(self):
        with self.assertRaises(BlockingIOError):
            self.server.accept()
        super().tearDown()

    def arguments(self, *settings):
        return ["-i", "lo", "--check-config", *(word for setting in settings for word in ("--set", setting))]

    def check(self, says, *settings):
        self.refused(os.EX_CONFIG, says, *self.arguments(*settings))

    def kafka(self, *properties):
        servers = [] if any(item.startswith("bootstrap") for item in properties) else [f"bootstrap.servers=127.0.0.1:{self.port}"]
        return ["outputs.0.topic=flows", "outputs.0.columns_to_anonymize=all=keep", "outputs.0.kafka=" + ",".join([*servers, *properties])]

    def pem(self, name):
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return key, certificate

    def test_properties_of_librdkafka(self):
        for properties, says in ((["linger.mss=5"], "linger.mss"), (["acks=1"], "acks"), (["batch.size=0"], "batch.size"),
                                 (["compression.codec=brotli"], "brotli"),
                                 (["security.protocol=ssl", "ssl.ca.location=/nowhere/ca.pem"], "ssl.ca.location"),
                                 (["security.protocol=ssl", "ssl.certificate.location=/nowhere/c.pem"], "ssl.certificate.location"),
                                 (["security.protocol=sasl_ssl", "sasl.mechanisms=MAGIC"], "MAGIC"),
                                 (["security.protocol=sasl_plaintext", "sasl.mechanisms=PLAIN"], "sasl.username"),
                                 (["security.protocol=sasl_plaintext", "sasl.kerberos.keytab=/nowhere/keytab"], "/nowhere/keytab"),
                                 (["message.timeout.ms=5", "linger.ms=100"], "message.timeout.ms")):
            with self.subTest(properties):
                self.check(["flows", says], *self.kafka(*properties))
        self.succeeds(*self.arguments(*self.kafka()))

    def test_pipes_that_librdkafka_would_wait_for(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for name in ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.crl.location", "ssl.keystore.location"):
            with self.subTest(name):
                self.check(["flows", name, pipe, "pipe"], *self.kafka("security.protocol=ssl", f"{name}={pipe}"))

    def test_what_this_build_of_librdkafka_lacks(self):
        result = run(*self.arguments(*self.kafka("security.protocol=sasl_plaintext", "sasl.mechanisms=OAUTHBEARER",
                                                 "sasl.oauthbearer.method=oidc")))
        # Debian 12's lacks OIDC; a build that has it misses the client's id.
        self.failed(result, os.EX_CONFIG, ["flows", "oauthbearer"])

    def test_brokers(self):
        for servers in ("kafka:port", "kafka:0", "kafka:65536", ":9092", "http://kafka:9092", "kafka:9092/", "a:1\\,b:c", "user@kafka:9092"):
            with self.subTest(servers):
                self.check(["flows", "bootstrap.servers", "HOST:PORT"], *self.kafka(f"bootstrap.servers={servers}"))
        for servers in ("kafka.nowhere.invalid", "[::1]:9092", f"127.0.0.1:{self.port}\\, 127.0.0.1:{self.port}", "PLAINTEXT://kafka:9092"):
            with self.subTest(servers):
                self.succeeds(*self.arguments(*self.kafka(f"bootstrap.servers={servers}")))

    def test_topic(self):
        for topic in ("a/b", "a b", "x" * 250, ".."):
            self.check(["is no topic name"], *self.kafka(), f"outputs.0.topic={topic}")

    def test_filter(self):
        for expression in ("udp and and", "host 999.1.1.1", "port https and prot 5"):
            self.check([expression, "pcap-filter(7)"], f"capture.bpf_filter={expression}", "outputs.0.sink=null")
            self.refused(os.EX_CONFIG, [expression], "-r", self.write("g.pcap", frames.conversations(1)), "-w", "null:", "-f", expression)
        for expression in ("udp and port 53", "wlan type data", "ip6[6] = 17", "pppoes and tcp"):
            self.succeeds(*self.arguments(f"capture.bpf_filter={expression}", "outputs.0.sink=null"))

    def test_places_of_files(self):
        self.check(["/nowhere/f.csv", "No such file"], "outputs.0.path=/nowhere/f.csv")
        self.check([self.folder, "directory"], f"outputs.0.path={self.folder}")
        (self.folder / "file").touch()
        self.check(["Not a directory"], f"outputs.0.path={self.folder}/file/f.csv")
        closed = self.folder / "closed"
        closed.mkdir(0o555)
        shut = self.refused(os.EX_CONFIG, ["f.csv", "Permission denied"], *self.arguments(f"outputs.0.path={closed}/f.csv"), prefix=NOBODY,
                            binary=self.public_binary())
        self.assertEqual(shut.out, b"")
        self.succeeds(*self.arguments(f"outputs.0.path={self.folder}/f.csv"))
        self.assertFalse((self.folder / "f.csv").exists())

    def test_registry(self):
        key, certificate = self.pem("one")
        other, _ = self.pem("two")
        url = f"registry.url=http://127.0.0.1:{self.port}"
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for says, settings in ((["registry.ca_file", "No such file"], [url, "registry.ca_file=/nowhere.pem"]),
                               (["registry.ca_file", pipe, "PEM"], [url, f"registry.ca_file={pipe}"]),
                               (["registry.ca_file", "PEM"], [url, f"registry.ca_file={key}"]),
                               (["registry.key_file", "certificate"], [url, f"registry.certificate_file={certificate}", f"registry.key_file={other}"]),
                               (["registry.key_file", "PEM"], [url, f"registry.certificate_file={certificate}", f"registry.key_file={certificate}"]),
                               (["registry.password_file", "No such file"], [url, "registry.username=u", "registry.password_file=/nowhere"]),
                               (["registry.url", "ftp://"], ["registry.url=ftp://registry"]),
                               (["registry.url", "ort"], ["registry.url=http://registry:port"]),
                               (["registry.username", "registry.url"], ["registry.username=u"]),
                               (["registry.ca_file", "registry.url"], [f"registry.ca_file={certificate}"]),
                               (["registry.key_file", "registry.certificate_file"], [url, f"registry.key_file={key}"]),
                               (["registry.password_file", "registry.username"], [url, f"registry.password_file={key}"])):
            with self.subTest(says):
                self.check(says, "outputs.0.sink=null", *settings)
        self.succeeds(*self.arguments("outputs.0.sink=null", url, f"registry.ca_file={certificate}", f"registry.certificate_file={certificate}",
                                      f"registry.key_file={key}"))

    def test_other_files_and_options(self):
        for says, settings in ((["identity.key_file", "/nowhere"], ["identity.key_file=/nowhere"]),
                               (["anonymization.key_file", "/nowhere"], ["anonymization.key_file=/nowhere"]),
                               (["udps.plugins", "/nowhere.so"], ["udps.plugins=/nowhere.so"]),
                               (["udps.packets", "prot 5"], ["udps.packets=x=prot 5"]),
                               (["monitoring.listen", "localhost"], ["monitoring.listen=localhost:80"]),
                               (["topics.principal", "User:flowsensor"], ["topics.principal=flowsensor"]),
                               (["topics.config", "name=value"], ["topics.config=retention.ms"]),
                               (["kafka", "topic"], ["outputs.0.kafka=linger.ms=5"])):
            with self.subTest(says):
                self.check(says, "outputs.0.sink=null", *settings)


class Shown(Case):
    TEXT = """
profile = "native";
capture = { interfaces = [ "lo" ]; bpf_filter = "udp"; };
meter = { idle_timeout = "90s"; splt_analysis = 5; };
outputs = (
  { topic = "flows"; columns_to_anonymize = [ "all=keep" ];
    kafka = [ "bootstrap.servers=127.0.0.1:9", "sasl.password=hunter2", "ssl.key.password=hunter2", "linger.ms=5" ]; }
);
"""

    def setUp(self):
        super().setUp()
        self.path = self.write("sensor.conf", self.TEXT)

    def test_check_config_accepts_a_good_one_and_does_nothing(self):
        result = self.succeeds("-c", self.path, "--check-config")
        self.assertEqual(result.lines, [])

    def test_secrets_are_masked(self):
        for text in (self.TEXT, self.TEXT.replace("ssl.key.password", "SSL.KEY.PASSWORD")):
            result = self.succeeds("-c", self.write("secrets.conf", text), "--print-config")
            self.assertNotIn("hunter2", result.text())
        self.assertIn("sasl.password=********", result.text())
        self.assertIn("linger.ms=5", result.text())

    def test_secrets_are_in_no_message(self):
        result = run("-c", self.path, "--set", "log.level=debug", "--set", "delivery.timeout=1s", "-r", self.write("g.pcap", frames.conversations(1)))
        self.assertNotIn("hunter2", "\n".join(result.lines))

    def test_what_is_printed_can_be_read_again(self):
        first = self.succeeds("-c", self.path, "--print-config").text()
        again = self.write("again.conf", first)
        self.assertEqual(self.succeeds("-c", again, "--print-config").text(), first)
        self.succeeds("-c", again, "--check-config")

    def test_quotes_and_backslashes_survive_printing(self):
        path = self.write("quotes.conf", 'identity = { sensor_id = "a\\"b\\\\c"; };')
        first = self.succeeds("-c", path, "--print-config").text()
        self.assertIn('sensor_id = "a\\"b\\\\c";', first)
        self.assertEqual(self.succeeds("-c", self.write("again.conf", first), "--print-config").text(), first)


if __name__ == "__main__":
    unittest.main()
