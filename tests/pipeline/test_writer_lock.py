from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.lake import open_or_make_lake
from pipeline.writer_lock import locked
from schemas.errors import LakeError

ROOT = Path(__file__).parents[2]

_HOLDER = """
import sys, time
from pathlib import Path
from pipeline.lake import Lake
from pipeline.writer_lock import locked
with locked(Lake(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(100)
"""


def test_a_lake_in_use_names_its_holder_and_is_free_once_that_is_killed(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    command = [sys.executable, "-c", _HOLDER, str(lake.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for _ in range(2):  # a refused try must not wipe out who the holder is
            with pytest.raises(LakeError, match=f"process {holder.pid}"), locked(lake):
                pass
        holder.kill()
        holder.wait(20)
    with locked(lake):
        pass
