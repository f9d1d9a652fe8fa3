"""A command in a process that is killed (SIGKILL, by itself) at one of the moments that matter; run by tests.

The moments are the calls of everything that touches the disk, in the order in which they come, or of one function
(`2:exchange_folders`). With 0 nothing is killed, and the number of moments is printed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys

from pipeline import cli, partitions, sorted_files
from pipeline.memory import Memory
from tests.pipeline.small_lakes import call_with_deaths

DOOMED = [
    (partitions, "exchange_folders"),
    (partitions, "sync_folder"),
    (os, "fsync"),
    (os, "unlink"),  # within shutil.rmtree: a folder that is half deleted
    (os, "rmdir"),
    (shutil, "rmtree"),
    (sorted_files, "open_writer"),
    (Memory, "do"),
]


def main(moment: str, arguments: list[str]) -> int:
    at, _, only = moment.partition(":")
    doomed = [(owner, name) for owner, name in DOOMED if only in ("", name)]
    count = call_with_deaths(doomed, int(at), lambda: os.kill(os.getpid(), signal.SIGKILL))
    code = cli.main(arguments)
    print(f"moments {count()}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
