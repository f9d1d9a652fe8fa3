from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline import run_watch
from pipeline.cycle import FinishedCycle
from pipeline.metrics_server import serving
from pipeline.run_watch import FeedFigures, RunWatch
from schemas.cycle_report import CycleReport
from schemas.errors import UsageError


def _cycle(articles: int, **counters: int) -> FinishedCycle:
    report = CycleReport("run-1", 1, 0, 0, articles + 3, articles, 1, 2, 0, 1_000, "0.1.0", 1)
    named = {name.replace("__", "."): value for name, value in counters.items()}
    return FinishedCycle(report, {}, 1.5, counters=named)


@pytest.fixture
def watch() -> RunWatch:
    return RunWatch(budget=10.0)


@pytest.fixture
def port(watch: RunWatch) -> Iterator[int]:
    with serving(watch, "127.0.0.1", 0) as chosen:
        yield chosen


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Metrics as Prometheus reads them: by name and label values, in the order of the labels' names."""
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_cycles_are_added_up_with_the_counters_of_beam(watch: RunWatch, port: int) -> None:
    before = samples(_get(port, "/metrics")[1])
    assert before["newsbeam_cycles_total",] == 0
    assert before["newsbeam_rows_total", "articles"] == 0
    watch.cycle_done(_cycle(4, PollFeeds__feeds_polled=2, TagTopics__microseconds_waited=500_000, TagTopics__failed=0))
    watch.cycle_done(_cycle(0, PollFeeds__feeds_polled=3, PollFeeds__microseconds=2_000_000))
    found = samples(_get(port, "/metrics")[1])
    assert found["newsbeam_cycles_total",] == 2
    assert found["newsbeam_rows_total", "articles"] == 4
    assert found["newsbeam_rows_total", "rejects"] == 4
    assert found["newsbeam_inputs_total",] == 10
    assert found["newsbeam_read_bytes_total",] == 2_000
    assert found["newsbeam_beam_total", "feeds_polled", "PollFeeds"] == 5
    assert found["newsbeam_beam_total", "failed", "TagTopics"] == 0
    assert found["newsbeam_beam_seconds_total", "waited", "TagTopics"] == 0.5
    assert found["newsbeam_beam_seconds_total", "at_work", "PollFeeds"] == 2.0
    assert found["newsbeam_last_cycle_timestamp_seconds",] == pytest.approx(time.time(), abs=60)
    assert found["process_resident_memory_bytes",] > 1e6


def test_the_last_arrival_is_of_a_cycle_that_brought_something(watch: RunWatch, port: int) -> None:
    empty = _cycle(0)
    watch.cycle_done(FinishedCycle(empty.report._replace(copies=0), {}, 1.0))
    assert ("newsbeam_last_arrival_timestamp_seconds",) not in samples(_get(port, "/metrics")[1])
    watch.cycle_done(_cycle(1))
    assert ("newsbeam_last_arrival_timestamp_seconds",) in samples(_get(port, "/metrics")[1])


def test_feeds_by_health(watch: RunWatch, port: int) -> None:
    watch.feeds = FeedFigures({"ok": 7, "dead": 1}, 3, 1_800_000_000.0)
    found = samples(_get(port, "/metrics")[1])
    assert {key[1]: value for key, value in found.items() if key[0] == "newsbeam_feeds"} == {
        "ok": 7, "failing": 0, "dead": 1, "gone": 0, "merged": 0,
    }  # fmt: skip
    assert found["newsbeam_pages_waiting",] == 3
    assert found["newsbeam_next_due_timestamp_seconds",] == 1_800_000_000


def test_health_tells_what_is_stuck(watch: RunWatch, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = _get(port, "/healthz")
    assert (status, json.loads(said)["status"], json.loads(said)["doing"]) == (200, "ok", "waiting")
    monkeypatch.setattr(run_watch, "SECONDS_OF_SILENCE", -1.0)
    assert _get(port, "/healthz")[0] == 503
    watch.cycle_begins()
    status, said = _get(port, "/healthz")
    assert (status, json.loads(said)["doing"]) == (200, "cycle")
    monkeypatch.setattr(run_watch, "SECONDS_AFTER_POLLING", -11.0)
    status, said = _get(port, "/healthz")
    assert (status, json.loads(said)["status"]) == (503, "stuck")
    assert samples(_get(port, "/metrics")[1])["newsbeam_stuck",] == 1


def test_nothing_else_is_there(port: int) -> None:
    assert _get(port, "/")[0] == 404


def test_a_client_that_says_nothing_holds_nobody_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)):
        assert _get(port, "/healthz?full=1")[0] == 200


def test_a_port_in_use_is_told(watch: RunWatch, port: int) -> None:
    with pytest.raises(UsageError, match=f"--metrics-port {port}.*in use"), serving(watch, "127.0.0.1", port):
        pass
