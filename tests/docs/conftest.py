from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def seeds_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake that `make run` makes of seeds/, made once; not to be written to."""
    lake = tmp_path_factory.mktemp("seeds") / "lake"
    command = [sys.executable, "-m", "pipeline.cli", "run", "--input", "seeds", "--output", str(lake), "--quiet"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=300)
    return lake
