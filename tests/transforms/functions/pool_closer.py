"""A process that closes a pool whose workers are about to start; the test looks at what they print.

They take long to start, as on a busy machine, and heed no signal meanwhile, which else mostly ends them first. With
`broken`, they cannot start at all.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time

from transforms.functions.worker_pool import WorkerPool

if __name__ == "__mp_main__":  # in a worker, which loads its owner's main module before it is told its work
    if sys.argv[1:] == ["broken"]:
        raise ImportError("this worker cannot start")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1)

if __name__ == "__main__":
    pool = WorkerPool(2, 100.0, preloaded=())
    pool.start()
    while len(multiprocessing.active_children()) < 2:
        time.sleep(0.01)
    if sys.argv[1:] == ["broken"]:
        time.sleep(2)
    pool.close()
