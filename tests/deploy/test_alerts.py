from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.cycle import FinishedCycle
from pipeline.metrics_server import RunCollector
from pipeline.run_watch import FeedFigures, RunWatch
from schemas.cycle_report import CycleReport
from tests.deploy.places import DEPLOY, ROOT
from tests.deploy.seen_on_flink import SEEN_ON_FLINK, SINK
from transforms import write_stream

RULES = DEPLOY / "alerts" / "newsbeam.rules.yml"
TESTS = Path(__file__).with_name("alerts.test.yml")


def _alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _metrics(prefix: str) -> set[str]:
    text = " ".join(rule["expr"] for rule in _alerts().values())
    return set(re.findall(rf"\b{prefix}\w+(?=[\s{{\[)]|$)", text))


def _exported() -> set[str]:
    """The names under which a run exports something, which has committed a cycle and looked at its feeds."""
    watch = RunWatch()
    fields = dict.fromkeys(CycleReport._fields, 0)
    watch.cycle_done(FinishedCycle(CycleReport(**(fields | {"articles": 1})), {}, 1.0))  # type: ignore[arg-type]
    watch.feeds = FeedFigures({"ok": 1}, 0, 1.0)
    registry = CollectorRegistry()
    registry.register(RunCollector(watch))
    return set(re.findall(r"^(\w+)[ {]", generate_latest(registry).decode(), re.MULTILINE))


def test_every_alert_is_explained_in_the_runbook() -> None:
    explained = re.findall(r"^### (\w+)\n\n(?=\S)", (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert explained == list(_alerts())


def test_every_alert_says_what_is_wrong_and_how_soon_to_look() -> None:
    for alert in _alerts().values():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["summary"]


def test_what_alerts_ask_of_a_run_is_what_it_exports() -> None:
    asked = _metrics("newsbeam_")
    assert len(asked) >= 6
    assert asked <= _exported()


def test_what_alerts_ask_of_flink_was_seen_there() -> None:
    asked = _metrics("flink_")
    assert len(asked) >= 7
    assert asked <= SEEN_ON_FLINK


def test_the_sink_counts_what_alerts_ask_for() -> None:
    name = f"{write_stream.WriteStream.__module__}.{write_stream.WriteStream.__qualname__}".replace(".", "_")
    assert name in SINK


def test_every_alert_was_made_to_fire_and_to_be_silent() -> None:
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    silent = {case["alertname"] for test in tests for case in test["alert_rule_test"] if not case["exp_alerts"]}
    assert fired == silent == set(_alerts())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) evaluates the alerts")
@pytest.mark.parametrize("command", [["check", "rules", RULES], ["test", "rules", TESTS]], ids=["check", "test"])
def test_prometheus_evaluates_the_alerts(command: list[str | Path]) -> None:
    done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
