"""Rounds of polling while the clock jumps: no item lost or doubled, no feed forgotten, no host asked too soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from pipeline import cli
from pipeline.commands.query import connect
from pipeline.lake import Lake
from pipeline.memory import opened_memory
from schemas.feed_state import NEVER
from tests.faults.clock_folders import expect
from tests.faults.machine_clock import DAY, HOUR, MachineClock, machine_clock
from tests.faults.tally import Effort, Tally
from tests.faults.terminals import forked
from tests.http_server import HttpServer, Reply
from tests.samples import html_page, paragraphs
from transforms.functions.http_fetch import Exchange, HttpClient
from transforms.functions.worker_pool import close_shared_pools

_WORLDS: Final = (1, 25)
_ROUNDS: Final = (7, 16)
_WRONG_UNTIL: Final = (4, 12)
"""Rounds up to which the clock may be wrong; in the others it is right, so that all is caught up with."""

_GAP: Final = 0.6
"""Seconds between the starts of two requests to one host."""
_LATE: Final = 0.45
"""Seconds that a request may need to get to the server on a busy machine: gaps are then by so much shorter there."""
_MOST_SECONDS: Final = 40.0
"""Of the true clock, for a round that takes two seconds undisturbed: more is a hang."""
_MOST_HOURS: Final = 20.0
_INTERVAL: Final = 1.1
"""Hours between two polls of a feed at most, as the runs are told."""
_MOST_SILENT: Final = 1
"""Rounds, of two hours each, in which no feed is asked at most, unless the clock has gone back: then it waits anew."""


class _Feeds:
    """A server with two hosts of two feeds each, which bring an item every two hours of the true time."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.hours = 0
        server.on("/robots.txt", Reply(404))
        server.on("*", lambda asked: self._reply(asked.path))

    def urls(self) -> list[str]:
        return [self.server.url(f"/{host}/{n}.xml", host) for host in ("127.0.0.1", "localhost") for n in range(2)]

    def count(self) -> int:
        """Return how many items each feed has brought so far; it holds the last twelve."""
        return self.hours // 2 + 2

    def items(self) -> Counter[str]:
        """Return all of them."""
        paths = [urlsplit(url).path for url in self.urls()]
        return Counter(f"{path} {number}" for path in paths for number in range(self.count()))

    def _reply(self, path: str) -> Reply:
        if path.startswith("/page"):
            return Reply(200, {"content-type": "text/html"}, html_page(path, url=self.server.url(path)).encode())
        count = self.count()
        items = "".join(self._item(path, number) for number in range(max(0, count - 12), count))
        feed = f"<rss version='2.0'><channel><title>{escape(path)}</title>{items}</channel></rss>"
        return Reply(200, {"content-type": "application/rss+xml"}, feed.encode())

    def _item(self, path: str, number: int) -> str:
        """An item that is whole, or, once in four times, only names its page."""
        text = "".join(f"<p>{one}</p>" for one in paragraphs(f"{path} {number}", 24))
        whole = f"<description>{escape(text)}</description>" if number % 4 else ""
        link = self.server.url(f"/page{path.replace('/', '-')}-{number}", path.split("/")[1])
        return f"<item><title>T {number}</title><guid>{path} {number}</guid><link>{link}</link>{whole}</item>"


def jumps(effort: Effort) -> Tally:
    """Poll every two hours, the clock jumping by hours between and within rounds, and being right again at the end."""
    tally = Tally("the clock jumps by hours between and within rounds of polling")
    for number in range(_WORLDS[effort.is_long]):
        tally.tries += 1
        _poll(effort, effort.seed + number, tally)
    return tally


def _poll(effort: Effort, seed: int, tally: Tally) -> None:
    """Poll round after round, and see what became of feeds, hosts and items."""
    folder, random = effort.folder / f"feeds-{seed}", Random(f"clock of feeds {seed}")
    folder.mkdir(parents=True)
    silent: Counter[str] = Counter()
    with HttpServer() as server:
        feeds, clock, latest = _Feeds(server), MachineClock(), 0.0
        for number in range(_ROUNDS[effort.is_long]):
            where = f"seed {seed}, round {number}"
            feeds.hours, asked = 2 * number, len(server.asked)
            is_wrong = 1 <= number < _WRONG_UNTIL[effort.is_long]
            within = _set(clock, 2 * number * HOUR, random if is_wrong else None)
            code = forked(partial(_round, folder, feeds.urls(), clock, within), _MOST_SECONDS)
            expect(code, tally, where)
            if code is None:
                return  # the next ones would wait for the same
            went_back, latest = clock.time() < latest, max(clock.time(), clock.time() + within)
            paths = {one.path for one in server.asked[asked:]}
            for url in feeds.urls():
                silent[url] = 0 if urlsplit(url).path in paths or went_back else silent[url] + 1
                tally.check(silent[url] <= _MOST_SILENT, f"{where}: {url} is not asked, and was not before")
            _check_gaps(server, asked, tally, where)
            if not is_wrong:
                _check_next_polls(folder / "lake", clock.time(), tally, where)
    expected, found = feeds.items(), _items_of(folder / "lake")
    tally.lost += (expected - found).total()
    tally.doubled += (found - expected).total()


def _set(clock: MachineClock, hours: float, random: Random | None) -> float:
    """Set the clock, right or wrong; returns by how many seconds it is to jump within the round."""
    clock.ahead = hours
    if random is None:
        return 0.0
    clock.ahead += random.uniform(-_MOST_HOURS, _MOST_HOURS) * HOUR
    return random.uniform(-_MOST_HOURS, _MOST_HOURS) * HOUR


def _round(folder: Path, urls: list[str], clock: MachineClock, within: float) -> int:
    command = ["run", "--feeds", *urls, "--output", str(folder / "lake"), "--allow-private", "--host-gap", str(_GAP)]
    command += ["--longest-interval", "1h", "--quiet", "--processes", "1", "--tags", "none"]
    with machine_clock(clock), _jumping_at_a_request(clock, within):
        code = cli.main(command)
        close_shared_pools()
    return code


@contextmanager
def _jumping_at_a_request(clock: MachineClock, within: float) -> Iterator[None]:
    """Make the clock jump when each of the two hosts has been asked once, and something is left to be asked of both."""
    usual, asked = HttpClient.request, 0

    async def request(client: HttpClient, *arguments: Any) -> Exchange:
        nonlocal asked
        asked += 1
        clock.ahead += within if asked == 2 else 0.0
        return await usual(client, *arguments)

    with mock.patch.object(HttpClient, "request", request):
        yield


def _check_gaps(server: HttpServer, since: int, tally: Tally, where: str) -> None:
    """All requests of a round to a host take so many gaps: a single one may look shorter than it was."""
    times: dict[str, list[float]] = {}
    for asked in server.asked[since:]:
        times.setdefault(asked.host, []).append(asked.at)
    for host, at in times.items():
        took, least = at[-1] - at[0], _GAP * (len(at) - 1) - _LATE
        tally.check(took > least, f"{where}: {host} is asked {len(at)} times in {took:.3f} s")


def _check_next_polls(lake: Path, now: float, tally: Tally, where: str) -> None:
    with opened_memory(Lake(lake).memory) as memory:
        rows = memory.rows(f"select listed_url, next_poll_at from feed_states where next_poll_at < {NEVER}")
    for url, next_poll_at in rows:
        hours = (next_poll_at / 1e6 - now) / HOUR
        tally.check(hours < _INTERVAL + 0.1, f"{where}: {url} is to be polled in {hours:.1f} hours")


def _items_of(lake: Path) -> Counter[str]:
    guids = "select extra->>'$.guid' from articles union all select extra->>'$.guid' from copies"
    return Counter(str(row[0]) for row in connect(str(lake)).sql(guids).fetchall())


# --- years


def years(effort: Effort) -> Tally:
    """A clock that is wrong by decades for a run, and then right: feeds are polled, the lake shows the true days."""
    tally = Tally("the clock is wrong by decades for one run")
    for place, ahead in enumerate((73 * 365.25 * DAY, -50 * 365.25 * DAY)[: 1 + effort.is_long]):
        folder, where = effort.folder / f"years-{place}", f"{ahead / DAY / 365.25:.0f} years ahead"
        (folder / "pages").mkdir(parents=True)
        tally.tries += 1
        with HttpServer() as server:
            feeds = _Feeds(server)
            expect(forked(partial(_wrong_then_right, folder, feeds, ahead), _MOST_SECONDS), tally, where)
            asked = Counter(one.path for one in server.asked if one.path.endswith(".xml"))
        times = [asked[urlsplit(url).path] for url in feeds.urls()]
        tally.check(min(times) >= 2 and max(times) <= 3, f"{where}: feeds are asked {times} times")
        _check_shown(folder, tally, where)
    return tally


def _check_shown(folder: Path, tally: Tally, where: str) -> None:
    lake = str(folder / "lake")
    pages = "select source from articles where source like '%.html' union all select source from copies "
    sources = Counter(str(row[0]).rpartition("/")[2] for row in connect(lake).sql(pages).fetchall())
    tally.lost += sum(not sources[f"{name}.html"] for name in ("a", "b"))
    tally.doubled += sum(sources[f"{name}.html"] > 1 for name in ("a", "b"))
    for command in (["status", lake], ["report", lake, "--output", str(folder / "report.html")]):
        expect(forked(partial(cli.main, command), _MOST_SECONDS), tally, f"{where}, {command[0]}")
    page = (folder / "report.html").read_text("utf-8")
    tally.check(f"{datetime.now(UTC):%B %Y}" in page, f"{where}: the page is not of this month")
    code = forked(partial(_status_in_a_month, lake), _MOST_SECONDS)
    tally.check(code == 1, f"{where}: status --max-age 1d ends with {code} a month after the last arrival")


def _wrong_then_right(folder: Path, feeds: _Feeds, ahead: float) -> int:
    clock, code = MachineClock(), 0
    command = ["run", "--input", str(folder / "pages"), "--feeds", *feeds.urls(), "--output", str(folder / "lake")]
    command += ["--quiet", "--allow-private", "--host-gap", "0.05", "--processes", "1", "--tags", "none"]
    with machine_clock(clock):
        for clock.ahead, name in ((ahead, "a"), (0.0, "b"), (3 * HOUR, "c")):
            (folder / "pages" / f"{name}.html").write_text(html_page(name))
            code = code or cli.main(command)
            feeds.hours += 2
        close_shared_pools()
    return code


def _status_in_a_month(lake: str) -> int:
    clock = MachineClock()
    clock.ahead = 30 * DAY
    with machine_clock(clock):
        return cli.main(["status", lake, "--max-age", "1d"])
