from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import run_log

ROOT = Path(__file__).parents[2]


@pytest.fixture
def in_json() -> Iterator[None]:
    hook = sys.excepthook
    formatters = [(handler, handler.formatter) for handler in logging.getLogger().handlers]
    run_log.use_format("json")
    yield
    run_log.use_format("text")
    sys.excepthook = hook
    for handler, formatter in formatters:
        handler.setFormatter(formatter)


def test_people_get_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    run_log.say("cycle", "cycle 7: 3 articles", articles=3)
    assert capsys.readouterr().err == "newsbeam: cycle 7: 3 articles\n"


@pytest.mark.usefixtures("in_json")
def test_machines_get_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    run_log.say("cycle", "a\u2028line\x1b[31m that\nbreaks", logging.WARNING, articles=3, at=Path("x"))
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "warning",
        "event": "cycle",
        "message": "a\u2028line\x1b[31m that\nbreaks",
        "articles": 3,
        "at": "x",
    }
    assert "\x1b" not in line


_LIBRARY = """
import logging, sys
logging.basicConfig(level=logging.WARNING)
from pipeline import run_log
run_log.use_format("json")
logging.getLogger("some.library").warning("old %s", "thing")
raise RuntimeError("broke")
"""


def test_libraries_and_crashes_keep_the_form() -> None:
    done = subprocess.run([sys.executable, "-c", _LIBRARY], capture_output=True, text=True, check=False, cwd=ROOT)
    library, crash = map(json.loads, done.stderr.splitlines())
    assert (library["logger"], library["event"], library["message"]) == ("some.library", "library", "old thing")
    assert (crash["event"], crash["level"], crash["message"]) == ("crashed", "critical", "RuntimeError: broke")
    assert "Traceback" in crash["exception"]
    assert done.returncode == 1


def test_a_line_gives_a_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    run_log.say("list_unreadable", "line 3 says \x1b]0;owned\x07 \u202egnp\nand goes on")
    assert capsys.readouterr().err == "newsbeam: line 3 says \ufffd]0;owned\ufffd \ufffdgnp\nand goes on\n"
