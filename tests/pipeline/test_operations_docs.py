"""What docs/operations.md tells people to type and to look for must be there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from pipeline.metrics_server import RunCollector
from pipeline.options import command_parser
from pipeline.run_watch import FeedFigures, RunWatch

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
FENCED = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in FENCED for line in block.splitlines() if line.startswith("newsbeam ")]


def test_the_page_has_commands() -> None:
    assert {line.split()[1] for line in COMMANDS} == {"doctor", "erase", "memory", "replay"}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_taken(command: str) -> None:
    _, others = command_parser().parse_known_args(shlex.split(command)[1:])
    assert others == []


def test_inline_commands_and_flags_are_taken() -> None:
    flags = set(re.findall(r"`(--[a-z-]+)", PAGE))
    known = {flag for line in ("run", "status", "erase", "replay", "memory") for flag in _flags_of(line)}
    assert flags <= known


def _flags_of(command: str) -> list[str]:
    parser = command_parser()._subparsers
    assert parser is not None
    (choices,) = [action.choices for action in parser._group_actions]
    assert choices is not None
    actions = [*choices[command]._actions]  # type: ignore[index]
    for action in [*actions]:
        if isinstance(action.choices, dict):  # of a command that has subcommands
            actions += [one for parser in action.choices.values() for one in parser._actions]
    return [flag for action in actions for flag in action.option_strings]


def test_metrics_are_those_that_a_run_has() -> None:
    watch = RunWatch(last_cycle=1.0, last_cycle_seconds=1.0, last_arrival=1.0, counters={"PollFeeds.inputs": 1})
    watch.feeds = FeedFigures({}, 0, 1.0)
    registry = CollectorRegistry()
    registry.register(RunCollector(watch))
    ProcessCollector(registry=registry)
    there = set(re.findall(r"^(\w+)[{ ]", generate_latest(registry).decode(), re.MULTILINE))
    there |= {line.split()[2] for line in generate_latest(registry).decode().splitlines() if line.startswith("# TYPE")}
    named = set(re.findall(r"\b((?:newsbeam|process)_[a-z_]+)", PAGE))
    assert named <= there, named - there
    assert {name for name in there if name.startswith("newsbeam_")} - named <= {
        "newsbeam_last_cycle_duration_seconds",  # the page has it shortened
        "newsbeam_beam_seconds_total",
    }


def test_every_file_that_is_named_is_there() -> None:
    for path in re.findall(r"`(deploy/local/[\w.-]+)`", PAGE):
        assert (ROOT / path).exists()
    for name in re.findall(r"`(newsbeam-[a-z]+\.timer)`", PAGE):
        assert (ROOT / "deploy" / "local" / name).exists()
