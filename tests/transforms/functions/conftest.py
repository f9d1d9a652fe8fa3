from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.memory import Memory


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """A lake's memory within a cycle."""
    opened = Memory(tmp_path / "memory.sqlite")
    with opened.cycle():
        yield opened
    opened.close()
