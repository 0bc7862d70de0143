"""HTTP clients that mean no good: none gets more than its share of the endpoint. Needs root.
Run: python3 tests/e2e/run.py test_hostile_clients
"""
import contextlib
import os
import socket
import statistics
import threading
import time
import unittest

from endpoint import ABLE, Monitoring, conversations
from harness import wait_until

MEASURES = "the time to an answer"

SLOW_CLIENTS = 1000
REQUEST_S = 3  # from accept to a complete request
SLACK_S = 1    # of a machine that has other things to do, and of the server's look each quarter of a second
DESCRIPTORS = 128 + 32  # the endpoint's connections, those that are being closed included, and what the sensor has anyway
MEMORY = 8 << 20        # what a full house may take, answers that nobody reads included


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

    def memory(self):
        with open(f"/proc/{self.running.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def settled_memory(self):
        """Once the flow table's memory is backed, which goes on behind the start."""
        seen = [0]

        def is_settled():
            seen.append(self.memory())
            time.sleep(0.2)  # between two looks
            return seen[-1] == seen[-2]
        wait_until(is_settled, limit=30, what="memory that stays")
        return seen[-1]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.running.process.pid}/fd"))

    def slow_clients(self, count, addresses, request, more=b"x"):
        """Clients that send `request`, and then `more` each half a second; they never read, and come again when they are
        closed. A function that ends them."""
        ending = threading.Event()

        def go_on(one):
            if more:
                one.send(more)
            with contextlib.suppress(BlockingIOError):
                if not one.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    raise ConnectionResetError

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
                        go_on(one)
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
        headers, body = half + b"x\r\n", b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
        memory, descriptors = self.settled_memory(), self.descriptors()
        sender = self.send(conversations(100), pause=0.005)
        for count, addresses, request, more in (
                (64, others, half, b"x"), (64, own, half, b"x"), (64, own, b"", None), (64, own, headers, b"A: b\r\n"), (200, own, whole, b"x"),
                (SLOW_CLIENTS, others, half, b"x"), (SLOW_CLIENTS, own, half, b"x"), (SLOW_CLIENTS, own, b"", None), (SLOW_CLIENTS, own, body, bytes(1000))):
            with self.subTest(clients=count, addresses=len(addresses), request=request[:60]):
                stop = self.slow_clients(count, addresses, request, more)
                delays = self.probe_delays(100)
                most, taken = self.descriptors(), self.memory() - memory
                stop()
                print(f"\n{count} slow clients of {len(addresses)} addresses ({request[:20]}): /livez median {statistics.median(delays) * 1000:.1f} ms, "
                      f"at most {delays[-1] * 1000:.1f} ms, {most} descriptors, {taken >> 10} KiB more", flush=True)
                self.assertLess(delays[-1], 1, delays[-5:])
                self.assertLess(delays[90], 0.1, delays[-10:])
                self.assertLess(most, DESCRIPTORS)
                self.assertLess(taken, MEMORY)
        wait_until(lambda: self.descriptors() <= descriptors, what="the end of all connections")
        self.assertLess(self.memory() - memory, MEMORY)
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
        """Whether nothing more comes, or a byte, a header or a piece of a body now and then: a request has its time as a whole, the
        first as well as the next one of a connection."""
        line = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
        for begin, more in ((b"", b""), (b"GET /metrics HTTP/1.1\r\n", b""), (line + b"X: ", b"x"), (line, b"X: y\r\n"), (line + b"\r\n", b""),
                            (line + b"\r\n" + line, b"X: y\r\n")):
            with self.subTest(begin=begin, more=more), socket.create_connection(self.where) as client:
                client.settimeout(0.1)  # the pace of the bytes
                client.sendall(begin)
                began, answers = time.monotonic(), b""
                while time.monotonic() - began < 10 * REQUEST_S:
                    try:
                        client.sendall(more)
                        if not (piece := client.recv(65536)):
                            break
                        answers += piece
                    except TimeoutError:
                        pass
                    except OSError:
                        break
                seconds = time.monotonic() - began
                self.assertEqual(answers.count(b"200 OK"), begin.count(b"\r\n\r\n"))
                self.assertLess(seconds, REQUEST_S + SLACK_S)
                self.assertGreater(seconds, REQUEST_S - SLACK_S)

    def test_bodies_are_not_waited_for(self):
        for method in (b"GET", b"POST"):
            for header in (b"Content-Length: 1000000000", b"Transfer-Encoding: chunked", b"Content-Length: 1"):
                answer = self.ask(method + b" /livez HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n", patience=1)
                self.assertTrue(answer.startswith(b"HTTP/1.1 413 " if method == b"GET" else b"HTTP/1.1 405 "), answer[:100])
        # What follows is a body, not a request.
        hidden = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = self.ask(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
        self.assertIn(b" 200 OK", self.ask(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))

    def test_half_closed(self):
        """Who has said all that it will say gets its answer, if it asked. It is let go within the time for a request: a client that closes
        right behind its request may look like one that will ask again."""
        for request, answered in ((b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", True), (b"GET /livez HTTP/1.1\r\nHost: ", False), (b"", False)):
            with self.subTest(request=request), socket.create_connection(self.where, REQUEST_S + SLACK_S) as client:
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
                answer = b""
                while more := client.recv(65536):
                    answer += more
                self.assertEqual(b"200 OK" in answer, answered)

    def test_pipelining(self):
        request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = self.ask(request * 3 + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 4)


if __name__ == "__main__":
    unittest.main()
