"""A process that owns a pool at work, for the test that kills it: prints the ids of its workers."""

from __future__ import annotations

import sys
import time

from tests.transforms.functions.pool_tasks import pid_of_worker, sleep
from transforms.functions.worker_pool import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(2, 100.0)
    pids: set[int] = set()
    while len(pids) < 2:
        pids |= {future.result() for future in [pool.submit(pid_of_worker, None) for _ in range(8)]}
    for _ in range(8):
        pool.submit(sleep, 90.0)
    sys.stdout.write(" ".join(map(str, sorted(pids))) + "\n")
    sys.stdout.flush()
    time.sleep(100)
