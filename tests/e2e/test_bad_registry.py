"""A schema registry that is absent, slow, refusing or answering nonsense: one line, the right exit code; the cache stands
in only while the registry can't be reached. Run: python3 tests/e2e/run.py test_bad_registry
"""
import json
import os
import struct
import threading
import unittest

import frames
from harness import SCHEMAS, Case, run
from servers import FaultyRegistry, LocalServers, SilentServer, answers, closed_port

NOT_FOUND = answers(404, '{"error_code": 40403, "message": "Schema not found"}')


class RegistryCase(Case):

    def setUp(self):
        super().setUp()
        self.capture = self.write("good.pcap", frames.conversations(2))

    def arguments(self, url, *more, broker="127.0.0.1:9", topic="flows"):
        path = self.write("sensor.conf", f"""
registry = {{ url = "{url}"; timeout = "1s"; }};
delivery = {{ timeout = "3s"; }};
outputs = ( {{ topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; kafka = [ "bootstrap.servers={broker}" ]; }} );
""")
        return ["-c", path, "-r", self.capture, *more]


class Registry(RegistryCase):
    """No broker is needed: the schema's id is looked up first."""

    def check(self, code, says, answer, *more):
        with FaultyRegistry(answer) as registry:
            result = self.refused(code, [registry.url, *says], *self.arguments(registry.url, *more))
            self.assertEqual(len(registry.requests), 1, "asked more than once")
        return result

    def test_absent(self):
        url = f"http://127.0.0.1:{closed_port()}"
        self.refused(os.EX_UNAVAILABLE, [url, "registry.url", "runs"], *self.arguments(url))

    def test_no_such_host(self):
        url = "http://registry.invalid"
        self.refused(os.EX_UNAVAILABLE, [url, "registry.url"], *self.arguments(url))

    def test_silent(self):
        with SilentServer() as server:
            url = f"http://127.0.0.1:{server.port}"
            result = self.refused(os.EX_UNAVAILABLE, [url, "no answer within 1.0 s", "registry.timeout"], *self.arguments(url))
            self.assertLess(result.seconds, 3)

    def test_slow(self):
        """One byte now and then: the limit holds for the whole request."""
        done = threading.Event()
        self.addCleanup(done.set)

        def drip(request):
            request.send_response(200)
            request.send_header("Content-Length", "1000")
            request.end_headers()
            while not done.wait(0.2):
                request.wfile.write(b" ")
                request.wfile.flush()
        result = self.check(os.EX_UNAVAILABLE, ["no answer within 1.0 s", "registry.timeout"], drip)
        self.assertLess(result.seconds, 3)

    def test_refusing(self):
        for status in (401, 403):
            self.check(os.EX_NOPERM, [status, "registry.username", "registry.password_file"], answers(status, '{"error_code": 40101}'))

    def test_server_error(self):
        self.check(os.EX_UNAVAILABLE, ["500", "heap", "log"], answers(500, '{"error_code": 50001, "message": "out of heap"}'))

    def test_nonsense(self):
        for body in ("<html>It works!</html>", "", '{"id": "seven"}', '{"id": -1}', '{"id": 99999999999}', "[1, 2]", '{"id": 7', "null"):
            with self.subTest(body):
                self.check(os.EX_UNAVAILABLE, ["not how a schema registry answers", "200", "registry.url"], answers(200, body))

    def test_404_of_another_server(self):
        self.check(os.EX_UNAVAILABLE, ["404", "path in registry.url"], answers(404, "<html>no such page</html>"))

    def test_redirect_is_not_followed(self):
        def redirect(request):
            request.send_response(307)
            request.send_header("Location", "/elsewhere")
            request.end_headers()
        self.check(os.EX_UNAVAILABLE, ["307", "registry.url"], redirect)

    def test_control_characters_of_the_registry_are_not_shown_raw(self):
        self.check(os.EX_UNAVAILABLE, ["not how a schema registry answers"], answers(200, b"\x1b[31mred\x07\r\nflowsensor: all is well"))

    def test_huge_answer(self):
        def huge(request):
            request.send_response(200)
            request.end_headers()
            for _ in range(4096):
                request.wfile.write(b"x" * 65536)
        result = self.check(os.EX_UNAVAILABLE, ["larger than registry.max_response_size"], huge)
        self.assertLess(result.seconds, 3)

    def test_endless_header(self):
        def header(request):
            request.wfile.write(b"HTTP/1.0 200 OK\r\n")
            for _ in range(4096):
                request.wfile.write(b"X-Filler: " + b"x" * 65536 + b"\r\n")
        self.check(os.EX_UNAVAILABLE, ["registry.url"], header)

    def test_not_http(self):
        self.refused(os.EX_CONFIG, ["registry.url", "ftp://host", "http://"], *self.arguments("ftp://host"))

    def test_user_in_the_url(self):
        result = self.refused(os.EX_CONFIG, ["registry.url", "registry.username", "registry.password_file"],
                              *self.arguments("http://user:hunter2@127.0.0.1:9"))
        self.assertNotIn("hunter2", result.errors[0])

    def test_absent_password_file(self):
        self.refused(os.EX_NOINPUT, ["registry.password_file", "/nowhere/password"], *self.arguments(
            "http://127.0.0.1:9", "--set", "registry.username=u", "--set", "registry.password_file=/nowhere/password"))

    def test_password_is_sent_and_shown_nowhere(self):
        secret = self.write("password", "hunter2\n")
        seen = []

        def answer(request):
            seen.append(request.headers.get("Authorization"))
            answers(401, "{}")(request)
        more = ("--set", "registry.username=sensor", "--set", f"registry.password_file={secret}", "--set", "log.level=debug")
        with FaultyRegistry(answer) as registry:
            result = run(*self.arguments(registry.url, *more))
        self.failed(result, os.EX_NOPERM, ["401"])
        self.assertEqual(seen, ["Basic c2Vuc29yOmh1bnRlcjI="])
        self.assertNotIn("hunter2", "\n".join(result.lines))

    def test_schema_that_is_not_registered(self):
        self.check(os.EX_CONFIG, ["flows-value", "flow/v2", "flowsensor schema register", "auto_register"], NOT_FOUND)

    def test_what_is_looked_up(self):
        """The exact text of the schema, under the subject; nothing is registered unless the configuration says so."""
        bodies = []

        def answer(request):
            bodies.append(json.loads(request.body))
            NOT_FOUND(request)
        with FaultyRegistry(answer) as registry:
            self.refused(os.EX_CONFIG, ["flows-value"], *self.arguments(registry.url + "/apis/ccompat/v7/"))
            self.assertEqual(registry.requests, ["/apis/ccompat/v7/subjects/flows-value"])
        self.assertEqual(bodies[0]["schema"], (SCHEMAS / "flow" / "v2.avsc").read_text())

    def test_auto_register_of_an_incompatible_schema(self):
        def answer(request):
            refusal = answers(409, '{"error_code": 409, "message": "field src_ip was removed"}')
            (refusal if request.path.endswith("/versions") else NOT_FOUND)(request)
        with FaultyRegistry(answer) as registry:
            self.refused(os.EX_CONFIG, ["flows-value", "409", "field src_ip was removed", "new field name"],
                         *self.arguments(registry.url, "--set", "registry.auto_register=true"))

    def test_schema_the_registry_does_not_take(self):
        self.check(os.EX_CONFIG, ["flows-value", "Invalid schema"], answers(422, '{"error_code": 42201, "message": "Invalid schema"}'))


class Cache(RegistryCase):
    """registry.cache_directory, with a real broker behind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = LocalServers.get()

    def deliver(self, url, topic):
        return run(*self.arguments(url, "--set", f"registry.cache_directory={self.folder}", broker=self.servers.bootstrap, topic=topic))

    def ids(self, topic):
        return {struct.unpack(">bI", message.value()[:5]) for message in self.servers.messages(topic)}

    def fill(self, topic, schema_id):
        """A first run with a registry that answers; its address, where nobody listens any more."""
        with FaultyRegistry(answers(200, json.dumps({"id": schema_id}))) as registry:
            self.ended_well(self.deliver(registry.url, topic))
        return registry.url

    def test_used_while_the_registry_is_absent(self):
        topic = self.servers.topic("cache-used")
        url = self.fill(topic, 7)
        result = self.ended_well(self.deliver(url, topic))
        warnings = [line for line in result.lines if "warning" in line and "cached id 7" in line]
        self.assertEqual(len(warnings), 1, result)
        self.assertIn(url, warnings[0])
        self.assertEqual(self.ids(topic), {(0, 7)})
        self.assertEqual(len(self.servers.messages(topic)), 4)

    def test_not_used_for_another_subject(self):
        url = self.fill(self.servers.topic("cache-subject"), 7)
        self.failed(self.deliver(url, self.servers.topic("cache-other-subject")), os.EX_UNAVAILABLE, [url])

    def test_not_used_for_another_registry(self):
        topic = self.servers.topic("cache-registry")
        self.fill(topic, 7)
        self.failed(self.deliver(f"http://127.0.0.1:{closed_port()}", topic), os.EX_UNAVAILABLE, ["registry.url"])

    def test_not_used_against_an_answer(self):
        topic = self.servers.topic("cache-answer")
        answer = answers(200, '{"id": 7}')
        with FaultyRegistry(lambda request: answer(request)) as registry:
            self.ended_well(self.deliver(registry.url, topic))
            answer = NOT_FOUND
            self.failed(self.deliver(registry.url, topic), os.EX_CONFIG, ["does not have schema"])
            answer = answers(401, "{}")
            self.failed(self.deliver(registry.url, topic), os.EX_NOPERM, ["401"])
            answer = answers(200, '{"id": 8}')
            self.ended_well(self.deliver(registry.url, topic))
        self.assertEqual(self.ids(topic), {(0, 7), (0, 8)})

    def test_damaged_file_is_no_cache(self):
        topic = self.servers.topic("cache-damaged")
        url = self.fill(topic, 7)
        for file in self.folder.glob("schema-id-*.json"):
            file.write_text(file.read_text()[:20])
        self.failed(self.deliver(url, topic), os.EX_UNAVAILABLE, [url])

    def test_folder_that_cannot_be_written_is_a_warning(self):
        topic = self.servers.topic("cache-folder")
        with FaultyRegistry(answers(200, '{"id": 7}')) as registry:
            result = run(*self.arguments(registry.url, "--set", "registry.cache_directory=/nowhere", broker=self.servers.bootstrap, topic=topic))
        self.ended_well(result)
        self.assertEqual(len([line for line in result.lines if "warning" in line and "/nowhere" in line]), 1, result)


if __name__ == "__main__":
    unittest.main()
