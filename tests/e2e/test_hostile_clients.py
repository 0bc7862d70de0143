"""HTTP clients that mean no good: none gets more than its share of the endpoint. Needs root.
Run: python3 tests/e2e/run.py test_hostile_clients
"""
import contextlib
import socket
import threading
import time
import unittest

from endpoint import ABLE, Monitoring, conversations
from harness import wait_until

SLOW_CLIENTS = 1000


@unittest.skipUnless(ABLE, "capturing needs root")
class Hostile(Monitoring):
    MARK = b"echo-me-7f3a"

    def setUp(self):
        super().setUp()
        self.running = self.capture("-w", "null:", "--set", "meter.idle_timeout=200ms")
        host, port = self.at.rsplit(":", 1)
        self.where = (host, int(port))

    def tearDown(self):
        self.assertEqual(self.get("/livez")[0], 200)
        self.stop(self.running)

    def ask(self, data, patience=8.0, source=None):
        """All that the server says to these bytes until it closes; "" if it closes at once."""
        with socket.create_connection(self.where, patience, source_address=source and (source, 0)) as client:
            answer = b""
            try:
                client.sendall(data)
                while more := client.recv(65536):
                    answer += more
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertNotIn(self.MARK, answer)
            return answer

    def slow_clients(self, count, addresses, request):
        """Clients that send `request`, and then one more byte each half a second; they never read, and come again when they are
        closed. A function that ends them."""
        ending = threading.Event()

        def client(number):
            one = socket.socket()
            one.settimeout(1)
            one.bind((addresses[number % len(addresses)], 0))
            with contextlib.suppress(OSError):
                one.connect(self.where)
                one.send(request)
            return one
        slow = [client(number) for number in range(count)]

        def drip():
            while not ending.wait(0.5):
                for number, one in enumerate(slow):
                    try:
                        one.send(b"x")
                    except OSError:
                        one.close()
                        slow[number] = client(number)
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()

        def stop():
            ending.set()
            thread.join()
            for one in slow:
                one.close()
        self.addCleanup(stop)
        return stop

    def probe_delays(self, count):
        """How long each of so many probes took, beside a scraper that asks all the time."""
        delays, ending = [], threading.Event()

        def scrape():
            while not ending.is_set():
                with contextlib.suppress(OSError):
                    self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        thread = threading.Thread(target=scrape, daemon=True)
        thread.start()
        for _ in range(count):
            began = time.monotonic()
            self.assertEqual(self.get("/livez")[0], 200)
            delays.append(time.monotonic() - began)
            time.sleep(0.01)  # the pace of the probes
        ending.set()
        thread.join()
        return sorted(delays)

    def test_slow_clients(self):
        """Clients that never finish their request, or never read their answers, from many addresses and from the prober's own; each
        probe is answered, /metrics too, and no packet is lost."""
        half, whole = b"GET /metrics HTTP/1.1\r\nHost: ", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 60
        own, others = ["127.0.0.1"], [f"127.0.0.{2 + number}" for number in range(200)]
        sender = self.send(conversations(100), pause=0.005)
        for count, addresses, request in ((64, others, half), (8, own, half), (200, own, half), (SLOW_CLIENTS, others, half), (200, own, whole)):
            with self.subTest(clients=count, addresses=len(addresses), request=request[:60]):
                stop = self.slow_clients(count, addresses, request)
                delays = self.probe_delays(100)
                scrape = self.scrape()
                stop()
                self.assertLess(delays[-1], 1, delays[-5:])
                self.assertLess(delays[90], 0.1, delays[-10:])
                self.assertLess(scrape("process_open_fds"), 160)
                print(f"\n{count} slow clients of {len(addresses)} addresses: /livez within {delays[-1] * 1000:.1f} ms")
        sender.stop()
        last = wait_until(lambda: (scrape := self.scrape())("flowsensor_capture_packets_total") == sender.sent and scrape, what="all packets")
        self.assertEqual(last("flowsensor_capture_kernel_dropped_packets_total"), 0)

    def test_methods_and_paths(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW"):
            answer = self.ask(f"{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nConnection: close\r\n\r\n".encode() + self.MARK)
            self.assertTrue(answer.startswith(b"HTTP/1.1 405 "), (method, answer[:100]))
            self.assertIn(b"Allow: GET, HEAD\r\n", answer)
        for path in ("/", "/../etc/passwd", "/metrics/..", "/metrics/", "/%2e%2e/metrics", "//metrics", "/livez%2f", "/" + self.MARK.decode()):
            answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            self.assertTrue(answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), (path, answer[:100]))
        status, body = self.get("/metrics", "HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertEqual(self.get("/livez?" + self.MARK.decode())[0], 200)

    def test_large_and_broken_requests(self):
        line = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
        large = self.ask(line + b"X: " + self.MARK + b"a" * (1 << 20) + b"\r\n\r\n")
        self.assertFalse(large.startswith(b"HTTP/1.1 200"), large[:100])
        for data in (b"\0" * 4096, b"GET\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc", self.MARK + b" / HTTP/9.9\r\n\r\n",
                     b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\n\r\n", line + b"Content-Length: -1\r\n\r\n",
                     line + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n"):
            self.assertNotIn(b" 200 OK\r\nDate", self.ask(data, source="127.0.0.3")[:20], data[:40])

    def test_half_requests_end(self):
        """Whether nothing more comes, or a byte now and then: a request has its time as a whole."""
        began = time.monotonic()
        self.assertNotIn(b"200 OK", self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"))
        self.assertLess(time.monotonic() - began, 7)
        began = time.monotonic()
        with socket.create_connection(self.where) as client, contextlib.suppress(OSError):
            client.sendall(b"GET /livez HTTP/1.1\r\nX: ")
            while time.monotonic() - began < 30:
                client.sendall(b"x")
                time.sleep(0.5)  # the pace of the bytes
        self.assertLess(time.monotonic() - began, 15)

    def test_pipelining(self):
        request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = self.ask(request * 3 + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 4)


if __name__ == "__main__":
    unittest.main()
