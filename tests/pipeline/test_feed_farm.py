"""A short day of feeds through the real command, and judges that notice what is broken; the farm as a program.

The whole day is `tests/benchmarks/day_of_feeds.py`.
"""

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.feed_breaks import BREAKS
from tests.feed_day import judge_day, run_day
from tests.feed_verdict import Verdict
from tests.feed_world import FeedWorld, make_world

_FARM = Path(__file__).parents[1] / "feed_farm.py"

_PUT_TO_THE_TEST = (
    "each item that stayed is in the lake exactly once", "each item that was sent is in the lake",
    "no item is in the lake twice", "each answer is a row of fetches, each row an answer",
    "gap between two starts", "one connection at a time", "one request at a time", "Crawl-delay",
    "a longer gap for a slow host", "Retry-After in seconds", "Retry-After in a date",
    "429 or 503 without Retry-After: 60 s, doubling", "a host that refuses connections is left alone for 10 minutes",
    "no page that robots.txt disallows", "no page without a robots.txt of the last 6 hours", "no cookies",
    "validators byte for byte", "no feed before its own hints allow", "no feed twice in 10 minutes",
    "no feed is asked before its stored time", "no feed waits longer than its turn takes",
    "permanent redirects count the second time", "temporary redirects never move a feed",
    "the next poll is an interval away, and at most a tenth more", "a failing feed is tried again, later each time",
    "an outage of the reader counts against nobody", "the clock stands still while anything is under way",
)  # fmt: skip

_BROKEN_TOGETHER = (
    "Crawl-delay is not read", "slow hosts are asked like others", "robots.txt is not obeyed", "cookies are sent",
    "validators are tidied up", "permanent redirects move it at once", "one item in 50 is dropped",
    "a file is published twice",
)  # fmt: skip


def short_world() -> FeedWorld:
    return make_world(seed=7, hosts=20, feeds=50, hours=6.0)


def judged(folder: Path, *names: str) -> Verdict:
    """Return what the judges say of a short day with these faults."""
    faults = [BREAKS[name] for name in names]
    with ExitStack() as stack:
        for fault in faults:
            fault.build_in(stack)
        day = run_day(short_world(), folder, every=1_800.0, tail_hours=1.0)
    for fault in faults:
        fault.afterwards(day.lake)
    return judge_day(day, 1_800.0)


def test_a_day_of_feeds_breaks_no_rule_and_loses_nothing(tmp_path: Path) -> None:
    verdict = judged(tmp_path)
    assert verdict.broken() == {}, dict(verdict.violations)
    assert [rule for rule in _PUT_TO_THE_TEST if not verdict.put_to_the_test[rule]] == []


def test_the_judges_notice_what_is_broken(tmp_path: Path) -> None:
    broken = judged(tmp_path, *_BROKEN_TOGETHER).broken()
    unnoticed = {name: set(BREAKS[name].rules) - broken.keys() for name in _BROKEN_TOGETHER}
    assert not any(unnoticed.values()), unnoticed


def test_the_same_seed_makes_the_same_world() -> None:
    assert short_world() == short_world()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on its loopback interface")
def test_the_farm_serves_as_a_program_and_logs_what_it_is_asked(tmp_path: Path) -> None:
    feeds, log = tmp_path / "feeds.txt", tmp_path / "farm.jsonl"
    command = [sys.executable, str(_FARM), "--hosts", "3", "--feeds", "6", "--untroubled", "--hours", "0.00001"]
    command += ["--list", str(feeds), "--log", str(log)]
    farm = subprocess.Popen(command)
    try:
        address = _first_line(feeds)
        time.sleep(0.2)  # the world's day takes 0.036 s; then its feeds stand still
        first = httpx.get(address)
        again = httpx.get(address, headers={"if-none-match": first.headers.get("etag", '"none"')})
    finally:
        farm.send_signal(signal.SIGTERM)
        assert farm.wait(10) == 0
    assert first.status_code == 200
    assert again.status_code == (304 if "etag" in first.headers else 200)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["status"] for event in _of(events, "request")] == [first.status_code, again.status_code]
    assert _of(events, "farm")[0]["port"] == httpx.URL(address).port
    assert min(event["time"] for event in _of(events, "item")) < _of(events, "farm")[0]["time"]


def _of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def _first_line(path: Path) -> str:
    for _ in range(200):
        if path.exists() and (text := path.read_text()):
            return text.splitlines()[0]
        time.sleep(0.1)
    raise AssertionError("the farm did not write its list")
