"""`newsbeam doctor`: what is in order, what is not, and what to do about it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from pipeline.doctor.finding import FAIL, OK, WARN, Finding
from pipeline.doctor.machine import look_at_machine
from pipeline.doctor.network import look_at_network
from pipeline.doctor.software import look_at_engine, look_at_software
from pipeline.terminal import json_line, safe

_COLOURS = {OK: "green", WARN: "yellow", FAIL: "bold red"}


def doctor(arguments: argparse.Namespace) -> int:
    """Look, and say what was found as it is found; returns 1 where something keeps a run from working.

    Raises:
        UsageError: the address to ask is none.
    """
    network = iter(()) if arguments.offline else look_at_network(arguments.url)
    counts = dict.fromkeys((OK, WARN, FAIL), 0)
    console = Console()
    for finding in _findings(arguments, network):
        counts[finding.state] += 1
        if arguments.json:
            sys.stdout.write(json_line(finding._asdict()))
        else:
            _print(finding, console)
    if not arguments.json:
        console.print(f"{counts[OK]} in order, {counts[WARN]} warnings, {counts[FAIL]} failures", highlight=False)
    return 1 if counts[FAIL] else 0


def _findings(arguments: argparse.Namespace, network: Iterator[Finding]) -> Iterator[Finding]:
    yield from look_at_software()
    yield from look_at_machine(arguments.lake)
    for engine in arguments.engine:
        yield from look_at_engine(engine)
    yield from network


def _print(finding: Finding, console: Console) -> None:
    state = Text(f"{finding.state:<5}", style=_COLOURS[finding.state])
    console.print(state + safe(f"{finding.what}: {finding.said}"), soft_wrap=True)
    if finding.remedy is not None and finding.state != OK:
        console.print(Text("      -> ") + safe(finding.remedy), soft_wrap=True)
