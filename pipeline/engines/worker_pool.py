"""Starts Python workers beside a task manager, when it asks: `python -m pipeline.engines.worker_pool --port N`.

As Beam's own worker_pool_main, but for three things: it listens on this machine only (whoever reaches it can have code
run), the workers are of this very Python, and none outlives it when it is asked to end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance

from schemas.errors import EngineError

_PATIENT: Final = (("grpc.http2.max_pings_without_data", 0), ("grpc.http2.max_ping_strikes", 0))
"""As Beam's: a task manager may ask whether the pool is alive as often as it likes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(description="starts Python workers when a Flink task manager asks for them")
    parser.add_argument("--port", type=int, required=True, metavar="N", help="port to listen on, on localhost")
    given = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    prefer_this_python()
    pool = BeamFnExternalWorkerPoolServicer(use_process=True, data_buffer_time_limit_ms=-1)
    server = grpc.server(shared_unbounded_instance(), options=_PATIENT)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(f"localhost:{given.port}")
    server.start()
    stop.wait()
    server.stop(0)
    for worker in pool._worker_processes.values():
        worker.terminate()
    return 0


def prefer_this_python() -> None:
    """See to it that `python`, as which Beam starts a worker, is the Python that runs this.

    Raises:
        EngineError: there is no such name beside it.
    """
    folder = Path(sys.executable).parent
    if shutil.which("python", path=str(folder)) is None:
        raise EngineError(f"there is no `python` beside {sys.executable}: install newsbeam in a virtual environment")
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


if __name__ == "__main__":
    sys.exit(main())
