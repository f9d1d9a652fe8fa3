"""A scripted world of feeds: which hosts there are, what each feed holds at any time, and how each of them misbehaves.

Everything follows from a seed and the sizes; all names and events are invented. Times are seconds from the world's
beginning. `feed_farm` serves it, `feed_judge` compares what was asked and what was kept with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR

FORMATS: Final = ("rss", "atom", "rss", "json", "rdf", "rss", "sitemap", "atom")

HOST_STORIES: Final = {
    "dead": 0.02, "nameless": 0.015, "returning": 0.03, "overloaded": 0.03, "limited": 0.03, "busy_seconds": 0.03,
    "busy_date": 0.03, "slow": 0.04, "silent": 0.01, "delaying": 0.04, "closed": 0.03, "unreadable": 0.03,
    "forbidding": 0.02,
}  # fmt: skip
"""Shares of hosts that have a story of their own; of each there is one at least, the rest is plain."""

FEED_STORIES: Final = {
    "gone": 0.015, "moved": 0.02, "moved_abroad": 0.01, "lent": 0.02, "frozen": 0.02, "truncated": 0.02,
    "unfinished": 0.01, "trickling": 0.01, "endless": 0.005, "page": 0.01, "alias": 0.01,
}  # fmt: skip
"""Shares of feeds, likewise; those of hosts with a story are plain."""

ITEMS_A_DAY: Final = 7.5
"""Of the average feed, with the paces below."""

PACES: Final = (("slow", 2.0, 0.74), ("medium", 12.0, 0.17), ("fast", 80.0, 0.04), ("bursts", 16.0, 0.05))
"""Name, items a day and share of feeds."""


class Span(NamedTuple):
    """A time in which something holds."""

    start: float
    end: float

    def __contains__(self, at: object) -> bool:
        return isinstance(at, float) and self.start <= at < self.end


NEVER: Final = Span(0.0, 0.0)


@dataclass(frozen=True)
class Item:
    """A story in a feed."""

    guid: str
    host: str
    path: str
    title: str
    added_at: float
    is_full: bool
    """Whether the feed carries it whole; else its page has to be fetched."""
    text: str
    """Name of its text: items with one name are copies of one agency's story."""
    page: str
    """How its page is answered: `ok`, `late` (404 at first), `missing`, `moved` (302 to the page proper)."""


@dataclass(frozen=True)
class Feed:
    """A feed, its items and its story."""

    number: int
    host: str
    path: str
    format: str
    window: int
    """Items that the document holds: the latest."""
    items: tuple[Item, ...]
    """All that it ever holds, by time."""
    story: str
    span: Span
    """When the story takes place."""
    target: tuple[str, str] | None
    """Host and path that it redirects to."""
    validators: str
    """`both`, `etag`, `date`, `odd` (an ETag that no standard allows) or `none`."""
    hints: str
    """`none`, `ttl`, `max_age`, `expires` or `period`."""
    hint_seconds: float
    gzip: bool
    pace: str

    def range_at(self, at: float) -> tuple[int, int]:
        """Return which of its items it holds then: from, and to before."""
        end = bisect_right(self.items, at, key=lambda item: item.added_at)
        return max(0, end - self.window), end


@dataclass(frozen=True)
class Host:
    """A host and its story."""

    name: str
    number: int
    story: str
    span: Span
    """When the story takes place."""
    latency: float
    """Seconds before each answer."""
    robots: str
    """`none`, `open`, `closed` (`/private/` is disallowed), `delay` or `unreadable`."""
    crawl_delay: float = 0.0

    def is_up(self, at: float) -> bool:
        """Whether somebody listens at its door."""
        return not (self.story == "dead" or (self.story == "returning" and at in self.span))


@dataclass(frozen=True)
class FeedWorld:
    """All of it."""

    seed: int
    hours: float
    hosts: dict[str, Host]
    feeds: tuple[Feed, ...]
    outages: tuple[Span, ...]
    """When the reader has no network."""
    pages: dict[tuple[str, str], Item] = field(default_factory=dict)

    def listed(self) -> list[tuple[str, str]]:
        """Return host and path of each feed of the user's list."""
        return [(feed.host, feed.path) for feed in self.feeds]


def make_world(
    seed: int = 1,
    hosts: int = 200,
    feeds: int = 2_000,
    hours: float = 24.0,
    pace: float = 1.0,
    *,
    troubled: bool = True,
) -> FeedWorld:
    """Return a world.

    Args:
        hours: how long the day takes in which all happens; its half is noon whatever its length.
        pace: factor on the number of items.
        troubled: whether hosts and feeds have stories; else all is well but for a few pages.
    """
    made_hosts = {host.name: host for host in _hosts(seed, hosts, hours, HOST_STORIES if troubled else {})}
    made = _feeds(seed, made_hosts, feeds, hours, pace, FEED_STORIES if troubled else {})
    outages = tuple(Span(hours * HOUR * a, hours * HOUR * b) for a, b in ((0.40, 0.44), (0.60, 0.61)))
    pages = {(item.host, item.path): item for feed in made for item in feed.items}
    return FeedWorld(seed, hours, made_hosts, tuple(made), outages, pages)


def _stories(shares: dict[str, float], count: int, random: Random) -> list[str]:
    told = [name for name, share in shares.items() for _ in range(max(1, round(share * count)))][:count]
    told += ["plain"] * (count - len(told))
    random.shuffle(told)
    return told


def _hosts(seed: int, count: int, hours: float, shares: dict[str, float]) -> list[Host]:
    random = Random(f"{seed} hosts")
    stories = _stories(shares, count - 1, random)
    hosts = []
    for number, story in enumerate(["plain", *stories]):  # the first one has many feeds
        start = random.uniform(0.2, 0.35)
        length = 0.04 if story in ("overloaded", "limited", "silent") else 0.1
        robots = {"delaying": "delay", "closed": "closed", "unreadable": "unreadable"}.get(story)
        hosts.append(
            Host(
                name=f"h{number:03d}.example",
                number=number,
                story=story,
                span=_span(start, length, hours),
                latency=random.uniform(2.0, 4.0) if story == "slow" else random.choice((0.03, 0.1, 0.3)),
                robots=robots or random.choice(("none", "open", "none")),
                crawl_delay=random.choice((12.0, 30.0)) if story == "delaying" else 0.0,
            )
        )
    return hosts


def _span(start: float, length: float, hours: float) -> Span:
    """Return a time of so much of the day; in a short day, more of it, so that somebody asks meanwhile."""
    begins, seconds = start * hours * HOUR, length * hours * HOUR
    return Span(begins, begins + max(seconds, min(4_000.0, 0.3 * hours * HOUR)))


def _feeds(
    seed: int, hosts: dict[str, Host], count: int, hours: float, pace: float, shares: dict[str, float]
) -> list[Feed]:
    random, names = Random(f"{seed} feeds"), list(hosts)
    many = max(2, count // 20)
    homes = [names[0]] * many + [names[1 + number % (len(names) - 1)] for number in range(count - many)]
    plain = [number for number, home in enumerate(homes) if hosts[home].story == "plain"]
    told = dict(zip(plain, _stories(shares, len(plain), random), strict=True))
    feeds: list[Feed] = []
    for number, home in enumerate(homes):
        feeds.append(_feed(seed, number, hosts[home], told.get(number, "plain"), feeds, plain, hours, pace, homes))
    return feeds


def _feed(
    seed: int, number: int, host: Host, story: str, before: Sequence[Feed], plain: Sequence[int], hours: float,
    pace: float, homes: Sequence[str],
) -> Feed:  # fmt: skip
    random = Random(f"{seed} feed {number}")
    kind = random.choice(FORMATS)
    speed = "medium" if story in ("frozen", "truncated", "unfinished") else _pace(random)
    # A server is found to lie after a day: it begins early.
    start = random.uniform(0.15, 0.4) * (0.75 if story == "frozen" else 1.0)
    length = {"truncated": 0.15, "unfinished": 0.2, "page": 0.15, "lent": 0.3, "endless": 0.1}.get(story, 1.0)
    path = f"/feeds/{number}.{'xml' if kind != 'json' else 'json'}"
    target: tuple[str, str] | None = None
    if story in ("moved", "lent"):
        target = (host.name, f"/moved{path}")
    elif story == "moved_abroad":
        target = (
            random.choice([homes[other] for other in plain if homes[other] != host.name] or [host.name]),
            f"/from{path}",
        )
    elif story == "alias":
        others = [feed for feed in before if feed.host == host.name and feed.story == "plain"]
        if others:
            target = (others[-1].host, others[-1].path)
        else:
            story = "plain"
    hint = random.choice(("none",) * 6 + ("ttl", "max_age", "expires", "period"))
    if kind not in ("rss", "rdf") and hint in ("ttl", "period"):
        hint = "max_age"
    hint = "period" if hint == "ttl" and kind == "rdf" else hint
    span = Span(start * hours * HOUR, min(1.0, start + length) * hours * HOUR)
    if length == 1.0:
        span = Span(span.start, float("inf"))
    if story in ("alias", "trickling"):
        span = Span(0.0, float("inf"))
    return Feed(
        number=number,
        host=host.name,
        path=path,
        format=kind,
        window=random.choice((8, 10, 15, 20)),
        items=tuple(_items(random, number, host, kind, speed, hours, pace, before)) if story != "alias" else (),
        story=story,
        span=span,
        target=target,
        validators="both" if story == "frozen" else random.choice(("both", "both", "etag", "date", "odd", "none")),
        hints="none" if story in ("frozen", "truncated", "unfinished") else hint,
        hint_seconds=random.choice((900.0, 3_600.0, 7_200.0)),
        gzip=random.random() < 0.6,
        pace=speed,
    )


def _pace(random: Random) -> str:
    return random.choices([name for name, *_ in PACES], [share for *_, share in PACES])[0]


def _times(random: Random, speed: str, hours: float, pace: float) -> list[float]:
    mean = {name: items for name, items, _ in PACES}[speed] * pace
    count = max(0, round(random.uniform(0.5, 1.5) * mean))
    seconds = hours * HOUR
    backlog = [-random.uniform(0.0, seconds) for _ in range(3)]
    if speed == "bursts":
        moments = [random.uniform(0.05, 0.95) * seconds for _ in range(2)]
        return sorted([*backlog, *(moments[n % 2] + 2.0 * n for n in range(count))])
    return sorted([*backlog, *(random.uniform(0.0, 0.95) * seconds for _ in range(count))])


def _items(
    random: Random, feed: int, host: Host, kind: str, speed: str, hours: float, pace: float, before: Sequence[Feed]
) -> list[Item]:
    is_full = kind != "sitemap" and random.random() < 0.55
    items = []
    for number, added_at in enumerate(_times(random, speed, hours, pace)):
        name = f"{feed}-{number}"
        folder = "private" if host.robots == "closed" and number % 3 == 0 else "news"
        path = f"/{folder}/{name}.html"
        guid = f"http://{host.name}{path}" if kind == "sitemap" else f"guid {name} of {host.name}"
        page = random.choices(("ok", "late", "missing", "moved"), (0.93, 0.03, 0.01, 0.03))[0]
        text = f"wire {random.randrange(40)}" if random.random() < 0.02 else f"story {name}"
        items.append(Item(guid, host.name, path, f"Report {name} of {host.name}", added_at, is_full, text, page))
    shared = [other for other in before if other.host == host.name and other.format == kind and other.items]
    if shared and random.random() < 0.1 and kind != "sitemap":  # a section's feed that shares items with the main one
        items += [item for item in shared[-1].items if item.is_full == is_full][-2:]
    return sorted(items, key=lambda item: item.added_at)
