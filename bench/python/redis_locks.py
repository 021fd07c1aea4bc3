"""Runs one contended or sequential load with Python's locks and prints what came of it as JSON.

Usage: redis_locks.py PORT LOCK LOAD CALLERS MS KEY
  LOCK  redis-py (redis.lock.Lock as it comes) or naive (SET NX PX again and again)
  LOAD  one    a single caller, distinct keys, for MS
        drain  CALLERS threads, each once on KEY, MS at most
        hot    CALLERS threads again and again on KEY for MS
"""

import json
import resource
import sys
import threading
import time
import uuid

import redis

RELEASE = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)
LEASE = 10_000


class Naive:
    def __init__(self, client, release, key, until):
        self.client, self.script, self.key, self.until = client, release, key, until
        self.id = str(uuid.uuid4())

    def acquire(self):
        while not self.client.set(self.key, self.id, px=LEASE, nx=True):
            if time.perf_counter() > self.until:
                return False
        return True

    def release(self):
        self.script(keys=[self.key], args=[self.id])


def main():
    port, kind, load, callers, ms, key = sys.argv[1:7]
    callers, seconds = int(callers), int(ms) / 1000
    client = redis.Redis(port=int(port))
    release = client.register_script(RELEASE)
    client.ping()
    served = [0] * callers
    state = {"inside": 0, "violations": 0}
    latencies = []

    def lock(name, until):
        if kind == "naive":
            return Naive(client, release, name, until)
        wait = max(0.001, until - time.perf_counter())
        return redis.lock.Lock(client, name, timeout=LEASE / 1000, blocking_timeout=wait)

    def once(caller, name, until):
        one = lock(name, until)
        before = time.perf_counter()
        if not one.acquire():
            return
        state["inside"] += 1
        if state["inside"] > 1 and load != "one":
            state["violations"] += 1
        time.sleep(0)
        state["inside"] -= 1
        one.release()
        latencies.append(time.perf_counter() - before)
        served[caller] += 1

    # The script is loaded, and connections of the pool are made, before anything is timed.
    once(0, "bench:python:warm", time.perf_counter() + 1)
    served[0] = 0
    latencies.clear()
    gate = threading.Barrier(callers + 1)
    ends = [0.0] * callers

    def run(caller):
        client.ping()
        gate.wait()
        until = time.perf_counter() + seconds
        n = 0
        while True:
            once(caller, key if load != "one" else f"{key}:{n}", until)
            n += 1
            if load == "drain" or time.perf_counter() > until:
                break
        ends[caller] = time.perf_counter()

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(callers)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for thread in threads:
        thread.join()
    after = resource.getrusage(resource.RUSAGE_SELF)
    latencies.sort()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        json.dumps(
            {
                "ms": (max(ends) - start) * 1000,
                "served": served,
                "violations": state["violations"],
                "cpu": cpu * 1e6,
                "p50": latencies[len(latencies) // 2] * 1e6 if latencies else None,
                "p99": latencies[int(len(latencies) * 0.99)] * 1e6 if latencies else None,
                "version": redis.__version__,
            }
        )
    )


main()
