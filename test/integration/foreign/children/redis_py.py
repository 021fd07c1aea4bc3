"""redis-py's Lock on one key, driven over stdin: a JSON list a line in, a JSON value a line out.

Usage: redis_py.py PORT KEY
  ["ping"]            true
  ["take", leaseMs]   waits, at the pauses that are its default; the number of the hold
  ["try", leaseMs]    the number of the hold, or null
  ["extend", n, ms]   renews it; whether it was still ours
  ["release", n]      whether it was still ours
"""

import json
import sys

import redis
from redis.exceptions import LockError, ResponseError


def main():
    port, key = int(sys.argv[1]), sys.argv[2]
    client = redis.Redis(port=port)
    holds = []

    def answer(verb, *args):
        if verb == "ping":
            return client.ping()
        if verb in ("take", "try"):
            lock = redis.lock.Lock(client, key, timeout=args[0] / 1000)
            if not lock.acquire(blocking=verb == "take"):
                return None
            holds.append(lock)
            return len(holds) - 1
        try:
            lock = holds[args[0]]
            if verb == "extend":
                return bool(lock.extend(args[1] / 1000, replace_ttl=True))
            lock.release()
            return True
        # Where ours is waited for its script finds a type that it does not know.
        except (LockError, ResponseError):
            return False

    for line in sys.stdin:
        print(json.dumps(answer(*json.loads(line))), flush=True)


main()
