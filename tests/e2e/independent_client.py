"""A client beside the sensor that tells when a broker is back: what no client can do yet is not the sensor's delay."""
import collections
import threading
import time

PERIOD_S = 1
AT_ONCE = 10
EAGER = {"linger.ms": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 50, "retry.backoff.max.ms": 50,
         "topic.metadata.refresh.fast.interval.ms": 50, "acks": "all", "log_level": 0}


class IndependentClient:
    """From now on a fresh producer each second, which knows nothing of an outage and asks all the time, until the broker has acknowledged a
    record of one of them: .delay_s seconds from the begin of this."""

    def __init__(self, bootstrap, topic):
        self.bootstrap, self.topic = bootstrap, topic
        self.began, self.delay_s, self.ended = time.monotonic(), None, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        from confluent_kafka import Producer
        producers, made = collections.deque(), 0
        while not self.ended.wait(0.01):
            if time.monotonic() >= self.began + PERIOD_S * made:
                producers.append(Producer({"bootstrap.servers": self.bootstrap, **EAGER}))
                producers[-1].produce(self.topic, b"is anybody there?", on_delivery=self.delivered)
                made += 1
            if len(producers) > AT_ONCE:
                producers.popleft().purge()
            for producer in producers:
                producer.poll(0)
        for producer in producers:
            producer.purge()

    def delivered(self, error, _message):
        if error is None and self.delay_s is None:
            self.delay_s = time.monotonic() - self.began
            self.ended.set()

    def close(self):
        self.ended.set()
        self.thread.join()
