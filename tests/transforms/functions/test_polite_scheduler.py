from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from itertools import pairwise

import httpcore
import pytest

from schemas.fetch import FEED, PAGE, Answer
from schemas.host_state import HostState
from schemas.instants import Instant
from tests.fetch_samples import DAY, HOUR, NOW, SECOND, JumpingClock
from tests.http_server import HttpServer, Reply
from transforms.functions.fetch_jobs import Job, LeftOver, SchedulerSettings
from transforms.functions.host_rules import HostRules
from transforms.functions.http_fetch import FetchSettings, HttpClient, user_agent
from transforms.functions.polite_scheduler import PoliteScheduler

HURRIED = HostRules(gap=0.0, slowness=0.0)
LATE = NOW + 30 * DAY


class Run:
    """A run of the scheduler against the server, and what came of it."""

    def __init__(
        self,
        server: HttpServer,
        jobs: Iterable[Job[int]],
        *,
        until: Instant = LATE,
        rules: HostRules | None = None,
        hosts: dict[str, HostState] | None = None,
        clock: JumpingClock | None = None,
        stop_after: int | None = None,
        leave_after: int | None = None,
        robots_for_feeds: bool = False,
        concurrency: int = 64,
        on_start: Callable[[HostState], None] | None = None,
        **fetching: object,
    ) -> None:
        self.answers: dict[int, Answer] = {}
        self.order: list[Job[int]] = []
        self._known = hosts or {}
        self._settings = SchedulerSettings(rules or HostRules(), concurrency, robots_for_feeds)
        self._fetching = {"allow_private": True, "resolve": server.resolve} | fetching
        self._clock = clock or JumpingClock()
        asyncio.run(self._run(list(jobs), until, stop_after, leave_after, on_start))

    async def _run(self, jobs: list[Job[int]], until: Instant, stop_after: int | None, leave_after: int | None,
                   on_start: Callable[[HostState], None] | None) -> None:  # fmt: skip
        client = HttpClient(FetchSettings(user_agent("1", "a@b.example"), "run", **self._fetching))  # type: ignore[arg-type]
        scheduler: PoliteScheduler[int] = PoliteScheduler(
            client, self._known.get, random.Random(7), self._settings, self._clock, on_start
        )
        async with aclosing(scheduler.run(jobs, until)) as finished:
            async for one in finished:
                assert one.job.ticket not in self.answers
                self.answers[one.job.ticket] = one.answer
                self.order.append(one.job)
                if len(self.order) == stop_after:
                    scheduler.stop()
                if len(self.order) == leave_after:
                    break
        self.left_over: list[LeftOver[int]] = scheduler.left_over
        self.hosts = scheduler.hosts
        await client.aclose()
        # Whatever happens, each job is answered or left over, and none is both.
        tickets = [*self.answers, *(left.job.ticket for left in self.left_over)]
        assert sorted(tickets) == sorted(job.ticket for job in jobs)

    def starts(self, host: str) -> list[float]:
        """Seconds at which requests to the host started."""
        rows = [row for answer in self.answers.values() for row in answer.fetches]
        rows += [row for left in self.left_over for row in left.fetches]
        assert len({row.fetch_id for row in rows}) == len(rows)
        return sorted((row.requested_at - NOW) / SECOND for row in rows if row.host == host)

    def why(self) -> Counter[str]:
        return Counter(left.why for left in self.left_over)


def gaps(starts: list[float]) -> list[float]:
    """Seconds between starts, to the microsecond that instants have."""
    return [round(later - earlier, 6) for earlier, later in pairwise(starts)]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        running.on("*", Reply(body=b"feed"))
        yield running


def jobs(server: HttpServer, *hosts: str, each: int = 1, purpose: str = FEED, path: str = "/") -> list[Job[int]]:
    urls = [server.url(f"{path}{number}", host) for number in range(each) for host in hosts]
    return [Job(url, purpose, ticket) for ticket, url in enumerate(urls)]


# Politeness


def test_one_connection_at_a_time_to_a_host(server: HttpServer) -> None:
    server.on("*", Reply(body=b"feed", pause=0.002))
    run = Run(server, jobs(server, "a.example", "b.example", "c.example", each=20), rules=HURRIED)
    assert len(run.answers) == 60
    assert set(server.most_open.values()) == {1}
    connections = {(asked.host, asked.connection) for asked in server.asked}
    assert len(connections) == 3


def test_different_hosts_are_asked_at_the_same_time(server: HttpServer) -> None:
    server.on("*", Reply(body=b"feed", pause=0.3))
    run = Run(server, jobs(server, *(f"{number}.example" for number in range(20))))
    times = [asked.at for asked in server.asked]
    assert len(run.answers) == 20
    assert max(times) - min(times) < 0.3


def test_five_seconds_between_starts(server: HttpServer) -> None:
    run = Run(server, jobs(server, "a.example", each=5))
    assert gaps(run.starts("a.example")) == pytest.approx([5] * 4, abs=0.5)
    assert min(gaps(run.starts("a.example"))) >= 5


def test_a_slow_host_is_asked_more_slowly(server: HttpServer) -> None:
    slow = HostState("a.example", response_seconds=3.0)
    run = Run(server, jobs(server, "a.example", each=2), hosts={"a.example": slow})
    first, second = run.starts("a.example")
    assert second - first >= 15


def test_a_host_is_not_asked_before_its_stored_time(server: HttpServer) -> None:
    known = {"a.example": HostState("a.example", next_start_at=NOW + 33 * SECOND),
             "b.example": HostState("b.example", blocked_until=NOW + 99 * SECOND)}  # fmt: skip
    run = Run(server, jobs(server, "a.example", "b.example"), hosts=known)
    assert run.starts("a.example")[0] >= 33
    assert run.starts("b.example")[0] >= 99


def test_what_is_remembered_of_hosts_holds_in_the_next_run(server: HttpServer) -> None:
    clock = JumpingClock()
    first = Run(server, jobs(server, "a.example"), clock=clock)
    second = Run(server, jobs(server, "a.example"), clock=clock, hosts=first.hosts)
    assert second.starts("a.example")[0] >= first.starts("a.example")[0] + 5


def test_a_host_is_written_down_before_it_is_asked(server: HttpServer) -> None:
    written: list[tuple[str, int]] = []
    Run(server, jobs(server, "a.example", each=3), on_start=lambda host: written.append((host.host, len(server.asked))))
    assert written == [("a.example", 0), ("a.example", 1), ("a.example", 2)]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_by_all_requests_to_the_host(server: HttpServer, status: int) -> None:
    server.on("/0", Reply(status, {"retry-after": "100"}))
    run = Run(server, jobs(server, "a.example", "b.example", each=3))
    assert [job.url for job in run.order if run.answers[job.ticket].status == status]
    first, second, *_ = run.starts("a.example")
    assert second - first >= 100


def test_overload_without_retry_after_blocks_the_host_and_doubles(server: HttpServer) -> None:
    server.on("*", Reply(503))
    starts = Run(server, jobs(server, "a.example", each=4)).starts("a.example")
    for gap, block in zip(gaps(starts), [60, 120, 240], strict=True):
        assert block <= gap <= 1.1 * block + 1


def test_403_does_not_block_the_host(server: HttpServer) -> None:
    server.on("*", Reply(403))
    starts = Run(server, jobs(server, "a.example", each=3)).starts("a.example")
    assert starts[-1] < 11


def test_a_connection_failure_parks_the_host_ten_minutes(server: HttpServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = [Job(f"http://dead.example:{unused.getsockname()[1]}/{n}", FEED, 100 + n) for n in range(3)]
        run = Run(server, [*jobs(server, "a.example"), *dead])
        assert min(gaps(run.starts("dead.example"))) >= 600
        run = Run(server, [*jobs(server, "a.example"), *dead], until=NOW + HOUR // 10)
        assert run.why() == {"time_is_up": 2}


# Fairness and the budget


def test_a_host_with_many_pages_delays_no_other(server: HttpServer) -> None:
    busy = jobs(server, "busy.example", each=300)
    others = [Job(server.url("/x", f"{n % 10}.example"), FEED, 1000 + n) for n in range(50)]
    run = Run(server, [*busy, *others], rules=HURRIED, concurrency=4)
    place_of_last_other = max(place for place, job in enumerate(run.order) if job.ticket >= 1000)
    assert place_of_last_other < 120


def test_feeds_of_a_host_go_before_its_pages(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(404))
    pages = jobs(server, "a.example", each=5, purpose=PAGE)
    feeds = [Job(server.url("/feed", "a.example"), FEED, 100)]
    assert Run(server, [*pages, *feeds]).order[0].ticket == 100


def test_what_the_time_budget_leaves_over_stays_due(server: HttpServer) -> None:
    run = Run(server, jobs(server, "a.example", "b.example", each=50), until=NOW + 60 * SECOND)
    assert run.why() == {"time_is_up": 100 - len(run.answers)}
    assert 24 <= len(run.answers) <= 26
    assert max(run.starts("a.example")) <= 60


def test_a_budget_that_is_used_up_starts_nothing(server: HttpServer) -> None:
    run = Run(server, jobs(server, "a.example"), until=NOW - 1)
    assert run.why() == {"time_is_up": 1}
    assert server.asked == []


class PassingClock(JumpingClock):
    """Goes on a little whenever it is looked at, as real ones do."""

    def now(self) -> Instant:
        self.time += SECOND // 3
        return self.time


@pytest.mark.parametrize("budget", range(1, 30))
def test_time_that_runs_out_between_two_looks_at_the_clock_holds_nothing_up(server: HttpServer, budget: int) -> None:
    until = NOW + budget * SECOND // 3
    run = Run(server, jobs(server, "a.example", "b.example", each=3), until=until, clock=PassingClock())
    assert set(run.why()) <= {"time_is_up"}


def test_stopping_finishes_what_is_under_way(server: HttpServer) -> None:
    server.on("/1", Reply(body=b"feed", pause=0.2))
    hosts = [f"{number}.example" for number in range(5)]
    slow = [Job(server.url("/1", host), FEED, 500 + n) for n, host in enumerate(hosts)]
    run = Run(server, [*jobs(server, "quick.example", each=9), *slow], stop_after=1)
    assert set(run.answers) >= {500, 501, 502, 503, 504}
    assert run.why() == {"stopped": 8}


def test_leaving_early_loses_no_job(server: HttpServer) -> None:
    server.on("/1", Reply(body=b"feed", pause=5))
    slow = [Job(server.url("/1", f"{number}.example"), FEED, 500 + number) for number in range(5)]
    run = Run(server, [*jobs(server, "quick.example", each=9), *slow], leave_after=1)
    assert len(run.answers) == 1
    assert run.why() == {"stopped": 13}


# Redirects


def test_redirects_are_followed_under_the_rules_of_the_hosts_that_they_lead_to(server: HttpServer) -> None:
    hosts = [f"{number}.example" for number in range(4)]
    for host in hosts:
        server.on("/old0", Reply(301, {"location": server.url(f"/{host}", "new.example")}), host)
    run = Run(server, jobs(server, *hosts, path="/old"))
    assert [answer.status for answer in run.answers.values()] == [200] * 4
    assert min(gaps(run.starts("new.example"))) >= 5
    answer = run.answers[0]
    assert answer.permanent_url == answer.url == server.url("/0.example", "new.example")
    assert [row.hop for row in answer.fetches] == [0, 1]


def test_a_redirect_loop_is_an_answer_with_a_failure(server: HttpServer) -> None:
    server.on("/0", Reply(302, {"location": "/other"}))
    server.on("/other", Reply(302, {"location": "/0"}))
    run = Run(server, jobs(server, "a.example"))
    assert run.answers[0].failure == "redirect_loop"
    assert server.paths() == ["/0", "/other"]


def test_at_most_five_redirects_are_followed(server: HttpServer) -> None:
    server.on("*", lambda asked: Reply(302, {"location": asked.path + "x"}))
    run = Run(server, jobs(server, "a.example"))
    assert run.answers[0].failure == "too_many_redirects"
    assert len(server.asked) == 6


class ToServer(httpcore.AsyncNetworkBackend):
    """Connects to the test's server whatever address it is given, and notes the address: no packet leaves loopback."""

    def __init__(self, server: HttpServer) -> None:
        self.addresses: list[str] = []
        self._server = server
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *rest: object) -> httpcore.AsyncNetworkStream:  # type: ignore[override]
        self.addresses.append(host)
        return await self._real.connect_tcp("127.0.0.1", self._server.port)


@pytest.mark.parametrize(
    "inside",
    ["http://127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
     "http://[::ffff:169.254.169.254]/", "http://inside.example/"],
)  # fmt: skip
def test_a_redirect_to_an_inside_address_or_to_a_name_that_resolves_to_one_is_refused(
    server: HttpServer, inside: str
) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return {"outside.example": ["1.1.1.1"], "inside.example": ["192.168.0.7"]}.get(host, [host])

    network = ToServer(server)
    server.on("/0", Reply(302, {"location": inside}))
    run = Run(server, jobs(server, "outside.example"), allow_private=False, resolve=resolve, network=network)
    assert run.answers[0].failure == "address_refused"
    assert network.addresses == ["1.1.1.1"]
    assert server.paths() == ["/0"]


def test_a_bad_address_is_an_answer_with_a_failure(server: HttpServer) -> None:
    run = Run(server, [Job("ftp://a.example/", FEED, 1), Job("", PAGE, 2)])
    assert [answer.failure for answer in run.answers.values()] == ["bad_url"] * 2


# robots.txt


def test_robots_txt_is_asked_once_and_obeyed(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /private"))
    pages = [*jobs(server, "a.example", each=5, purpose=PAGE), Job(server.url("/private", "a.example"), PAGE, 100)]
    run = Run(server, pages)
    assert run.answers[100].failure == "robots_disallowed"
    assert server.paths()[0] == "/robots.txt"
    assert sorted(server.paths()[1:]) == ["/0", "/1", "/2", "/3", "/4"]
    assert min(gaps(run.starts("a.example"))) >= 5
    again = Run(server, pages, hosts=run.hosts)
    assert again.answers[100].failure == "robots_disallowed"
    assert server.paths().count("/robots.txt") == 1
    Run(server, pages, hosts=run.hosts, clock=JumpingClock(NOW + 7 * HOUR))
    assert server.paths().count("/robots.txt") == 2


def test_crawl_delay_is_obeyed_from_the_first_page_on(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(body=b"User-agent: *\nCrawl-delay: 40"))
    starts = Run(server, jobs(server, "a.example", each=3, purpose=PAGE)).starts("a.example")
    assert len(starts) == 4
    assert min(gaps(starts)) >= 40


def test_pages_stay_due_while_robots_txt_cannot_be_read(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(500))
    run = Run(server, jobs(server, "a.example", each=3, purpose=PAGE))
    assert run.why() == {"robots_not_now": 3}
    assert server.paths() == ["/robots.txt"]
    assert run.starts("a.example") == [0]


def test_a_missing_robots_txt_allows(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(404))
    assert len(Run(server, jobs(server, "a.example", each=3, purpose=PAGE)).answers) == 3


def test_feeds_are_exempt_from_robots_txt_unless_asked(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /"))
    assert Run(server, jobs(server, "a.example")).answers[0].status == 200
    assert "/robots.txt" not in server.paths()
    assert Run(server, jobs(server, "a.example"), robots_for_feeds=True).answers[0].failure == "robots_disallowed"


def test_robots_txt_of_two_hosts_that_redirect_to_each_other_hold_nobody_up(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(301, {"location": server.url("/robots.txt", "b.example")}), "a.example")
    server.on("/robots.txt", Reply(301, {"location": server.url("/robots.txt", "a.example")}), "b.example")
    assert len(Run(server, jobs(server, "a.example", "b.example", each=2, purpose=PAGE)).answers) == 4


def test_robots_txt_is_asked_once_while_it_wanders(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(301, {"location": server.url("/robots.txt", "b.example")}), "a.example")
    server.on("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /", pause=0.1), "b.example")
    run = Run(server, jobs(server, "a.example", each=5, purpose=PAGE), rules=HURRIED)
    assert [answer.failure for answer in run.answers.values()] == ["robots_disallowed"] * 5
    assert server.paths() == ["/robots.txt"] * 2


def test_a_page_that_redirects_asks_robots_txt_of_where_it_leads(server: HttpServer) -> None:
    server.on("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /"), "b.example")
    server.on("/robots.txt", Reply(404), "a.example")
    server.on("/0", Reply(302, {"location": server.url("/secret", "b.example")}))
    run = Run(server, jobs(server, "a.example", purpose=PAGE))
    assert run.answers[0].failure == "robots_disallowed"
    assert server.paths("b.example") == ["/robots.txt"]


# Outages


def failing(server: HttpServer, dead: Callable[[str], bool], error: OSError) -> Callable[..., object]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if dead(host):
            raise error
        return await server.resolve(host, port)

    return resolve


OFFLINE = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def known(*names: str, days: int = 30) -> dict[str, HostState]:
    """Hosts that answered so long ago."""
    return {name: HostState(name, last_answer_at=NOW - days * DAY) for name in names}


@pytest.mark.parametrize("error", [OFFLINE, OSError(101, "Network is unreachable")])
def test_a_local_outage_counts_against_nobody(server: HttpServer, error: OSError) -> None:
    hosts = [f"{number}.example" for number in range(40)]
    resolve = failing(server, lambda _: True, error)
    run = Run(server, jobs(server, *hosts, each=2), hosts=known(*hosts), resolve=resolve, concurrency=8)
    assert run.why() == {"local_outage": 80}
    assert all(state.blocked_until == 0 for state in run.hosts.values())
    assert sum(len(left.fetches) for left in run.left_over) <= 8  # it is given up at once


def test_dead_names_among_living_hosts_are_their_own_fault(server: HttpServer) -> None:
    server.on("*", Reply(body=b"feed", pause=0.1))  # a dead name fails faster than a living host answers
    hosts = [f"{kind}-{number}.example" for number in range(6) for kind in ("dead", "alive")]
    run = Run(server, jobs(server, *hosts), resolve=failing(server, lambda host: "dead" in host, OFFLINE))
    assert Counter(answer.failure for answer in run.answers.values()) == {None: 6, "resolver_failed": 6}
    assert run.hosts["dead-0.example"].blocked_until >= NOW + 600 * SECOND


def test_a_single_dead_host_is_its_own_fault(server: HttpServer) -> None:
    run = Run(server, jobs(server, "dead.example"), resolve=failing(server, lambda _: True, OFFLINE))
    assert run.answers[0].failure == "resolver_failed"


def test_one_or_two_hosts_that_answered_before_may_be_cut_off_with_us_for_a_day(server: HttpServer) -> None:
    names, clock = ("a.example", "b.example"), JumpingClock()
    hosts, resolve = known(*names, days=2), failing(server, lambda _: True, OFFLINE)
    for hours, why in ((0, {"local_outage": 2}), (23, {"local_outage": 2}), (25, {})):
        clock.time = NOW + hours * HOUR
        run = Run(server, jobs(server, *names), hosts=hosts, resolve=resolve, clock=clock)
        assert run.why() == why
        hosts = run.hosts


def test_a_lone_host_that_may_be_cut_off_is_asked_again_after_ten_minutes(server: HttpServer) -> None:
    clock, resolve = JumpingClock(), failing(server, lambda _: True, OFFLINE)
    first = Run(server, jobs(server, "a.example"), hosts=known("a.example"), resolve=resolve, clock=clock)
    again = Run(server, jobs(server, "a.example"), hosts=first.hosts, resolve=resolve, clock=clock)
    assert again.why() == {"local_outage": 1}
    assert again.starts("a.example")[0] - first.starts("a.example")[0] >= 600


def test_names_made_up_by_the_thousand_keep_no_page_of_anybody_else(server: HttpServer) -> None:
    made_up = [Job(f"http://{number}.dead.example/", PAGE, 1_000 + number) for number in range(300)]
    server.on("/robots.txt", Reply(404))
    run = Run(
        server,
        [*made_up, *jobs(server, "a.example", purpose=PAGE)],
        hosts={"a.example": HostState("a.example", NOW + HOUR, last_answer_at=NOW)},
        resolve=failing(server, lambda host: "dead" in host, OFFLINE),
    )
    assert run.answers[0].status == 200
    assert run.why() == {"robots_not_now": 300}


def test_new_hosts_are_not_blamed_where_a_known_one_may_be_cut_off(server: HttpServer) -> None:
    resolve = failing(server, lambda _: True, OFFLINE)
    run = Run(server, jobs(server, "a.example", "new.example"), hosts=known("a.example"), resolve=resolve)
    assert run.why() == {"local_outage": 2}
    assert Run(server, jobs(server, "new.example", "newer.example"), resolve=resolve).why() == {}


def test_a_host_that_answered_lately_is_down_where_another_one_answers(server: HttpServer) -> None:
    hosts = {"a.example": HostState("a.example", last_answer_at=NOW - HOUR)}
    resolve = failing(server, lambda host: host == "a.example", OFFLINE)
    run = Run(server, jobs(server, "a.example", "b.example"), hosts=hosts, resolve=resolve)
    assert run.answers[0].failure == "resolver_failed"
    assert run.hosts["b.example"].last_answer_at is not None


def test_a_network_that_goes_down_in_the_middle_counts_against_nobody(server: HttpServer) -> None:
    looked_up = 0

    def is_down(_: str) -> bool:
        nonlocal looked_up
        looked_up += 1
        return looked_up > 10

    hosts = [f"{number}.example" for number in range(60)]
    resolve = failing(server, is_down, OFFLINE)
    clock = PassingClock()
    run = Run(server, jobs(server, *hosts), hosts=known(*hosts), resolve=resolve, concurrency=4, clock=clock)
    assert set(run.why()) == {"local_outage"}
    assert len(run.left_over) >= 45
    # What was started before the last request that was answered cannot be told from a host's own fault.
    assert sum(answer.failure is not None for answer in run.answers.values()) <= 3


# All of it


def test_a_world_of_misbehaving_hosts_ends_with_every_job_answered_or_left_over(server: HttpServer) -> None:
    dice = random.Random(5)
    replies = [Reply(body=b"feed"), Reply(403), Reply(429), Reply(503, {"retry-after": "900"}), Reply(500),
               Reply(body=b"half", declared=99), Reply(302, {"location": "/ok"}), Reply(raw=[b""]),
               Reply(301, {"location": server.url("/ok", "host-1.example")})]  # fmt: skip
    hosts = [f"host-{number}.example" for number in range(25)]
    for host in hosts:
        server.on(
            "/robots.txt", dice.choice([Reply(404), Reply(500), Reply(body=b"User-agent: *\nCrawl-delay: 9")]), host
        )
        for number in range(6):
            server.on(f"/{number}", dice.choice(replies), host)
    mixed = [job if n % 2 else Job(job.url, PAGE, job.ticket) for n, job in enumerate(jobs(server, *hosts, each=6))]
    run = Run(server, mixed, until=NOW + 10 * 60 * SECOND)
    assert set(server.most_open.values()) == {1}
    for host in hosts:
        assert min(gaps(run.starts(host)), default=5) >= 5
        assert max(run.starts(host), default=0) <= 600
    assert len(server.asked) == sum(len(run.starts(host)) for host in hosts)


def test_a_host_that_was_asked_by_a_clock_that_was_ahead_is_not_left_alone_until_then(server: HttpServer) -> None:
    ahead = HostState("a.example", next_start_at=NOW + DAY + 5 * SECOND, last_start_at=NOW + DAY)
    run = Run(server, jobs(server, "a.example"), until=NOW + HOUR, hosts={"a.example": ahead})
    assert run.starts("a.example") == [5]
