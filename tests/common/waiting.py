"""How tests wait: for a condition, never for a time in which it will surely have come true."""
import time


def wait_until(condition, limit=10.0, what="the condition", pause=0.02):
    """Polls until `condition()` is true; its value. An AssertionError after `limit` seconds; `what` may be a function that tells."""
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what() if callable(what) else what}")
        time.sleep(pause)
    return value
