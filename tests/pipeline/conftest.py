from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.memory import Memory


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """A lake's memory."""
    opened = Memory(tmp_path / "memory.sqlite")
    yield opened
    opened.close()
