"""robots.txt (RFC 9309) for pages: what an answer to it means, and whether a page may be asked for.

protego reads the rules (Google's order of precedence, wildcards); what the standard leaves to the fetcher is here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import Final

from protego import Protego

from schemas.fetch import Fetch
from schemas.host_state import HostState, RobotsRecord
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.redirects import checked_url

AGENT: Final = "newsbeam"
"""Product token that a robots.txt addresses us by (RFC 9309 2.2.1)."""

RULES: Final = "rules"
NO_RULES: Final = "no_rules"
NOT_NOW: Final = "not_now"
DISALLOWED: Final = "disallowed"
ALLOWED: Final = "allowed"

_KEPT_SECONDS: Final = 6 * 3_600.0
"""How long an answer holds (apache/stormcrawler); RFC 9309 2.4 allows a day."""

_RETRY_SECONDS: Final = 3_600.0
"""How long it is not asked again after it could not be read (apache/stormcrawler: errors, 1 hour)."""

_MOST_BYTES: Final = 512_000
"""Bytes that are read of it: 500 KiB, which RFC 9309 2.5 asks for at least. The rest is ignored."""

_MOST_RECORDS: Final = 4
"""Origins of one host that are remembered: http and https, and two ports more."""

MOST_KEPT: Final = 64_000
"""Characters of rules that are kept of it: own choice; those for us are seldom 10,000. Of more than that, which only
somebody who means harm or names each page one by one writes, the shortest stay, which speak for the most pages."""

_PARSED_KEPT: Final = 64
"""Parsed rules that are kept in memory: 64,000 characters take 15 ms to parse, and 1 MB."""

_AGENT_FIELDS: Final = ("user-agent", "useragent", "user agent")
"""How protego lets a group begin."""
_RULE: Final = re.compile(r"(?!(?:site-?maps?|host)\b)[^:]+:", re.IGNORECASE)
"""A line that is plainly one of a group: user agents after it begin the next."""


def origin_of(url: str) -> str:
    """Return the origin that a whole address belongs to, `scheme://host[:port]`; raises as `checked_url`."""
    parsed = checked_url(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


def robots_url(url: str) -> str:
    """Return the address of the robots.txt that speaks for an address."""
    return origin_of(url) + "/robots.txt"


def record_for(host: HostState, url: str, now: Instant) -> RobotsRecord | None:
    """Return the record that speaks for the address; None where it has to be asked for (again)."""
    origin = origin_of(url)
    return next((one for one in host.robots if one.origin == origin and now < one.expires_at), None)


def verdict(record: RobotsRecord, url: str) -> str:
    """Return `allowed`, `disallowed` or `not_now` for a page."""
    if record.standing == NOT_NOW:
        return NOT_NOW
    if record.standing == NO_RULES or _parsed(record.text).can_fetch(url, AGENT):
        return ALLOWED
    return DISALLOWED


def after_robots(host: HostState, url: str, fetch: Fetch, body: bytes) -> HostState:
    """Return the host's state after its robots.txt was asked for.

    Args:
        url: address of the page that it was asked for; redirects may have led elsewhere (RFC 9309 2.3.1.2).
        fetch: the last request of the chain.
        body: its body.
    """
    standing = _standing(fetch)
    text = _rules_for_us(body[:_MOST_BYTES].decode("utf-8", "replace")) if standing == RULES else ""
    kept = _RETRY_SECONDS if standing == NOT_NOW else _KEPT_SECONDS
    record = RobotsRecord(origin_of(url), standing, text, fetch.requested_at, fetch.requested_at + int(kept * SECOND))
    others = tuple(one for one in host.robots if one.origin != record.origin)
    delay = _crawl_delay(record) if standing == RULES else host.crawl_delay if standing == NOT_NOW else None
    return host._replace(robots=(record, *others)[:_MOST_RECORDS], crawl_delay=delay)


def _standing(fetch: Fetch) -> str:
    if fetch.failure in ("redirect_loop", "too_many_redirects", "bad_redirect"):
        return NO_RULES  # what leads nowhere is as if it did not exist (RFC 9309 2.3.1.2)
    if fetch.failure is not None or fetch.status is None or fetch.status == 429 or fetch.status >= 500:
        return NOT_NOW  # RFC 9309 2.3.1.4; 429 says nothing of the rules, only of the pace
    return RULES if 200 <= fetch.status < 300 else NO_RULES


def _crawl_delay(record: RobotsRecord) -> float | None:
    delay = _parsed(record.text).crawl_delay(AGENT)
    return min(delay, DAY) if delay is not None and delay > 0 else None


def _rules_for_us(text: str) -> str:
    """Return the groups of a robots.txt that may be for us: a host may have a file of 500 kB, and any number of names.

    Which of them is, and what they say, is for protego to tell: of its grammar only the beginning of groups is here,
    and where that is in doubt two groups are taken for one.
    """
    kept: list[str] = []
    group: list[str] = []
    is_ours = has_rules = False
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        agent = _agent_of(line)
        if agent is not None and has_rules:
            kept += group if is_ours else ()
            group, is_ours, has_rules = [], False, False
        if agent is not None:
            is_ours |= _may_be_us(agent)
        has_rules |= agent is None and _RULE.match(line) is not None
        group.append(line)
    return "\n".join(_shortest([*kept, *group] if is_ours else kept))


def _agent_of(line: str) -> str | None:
    """Return whom a line addresses, as protego reads it: with a colon or, where nothing else fits, without."""
    field, colon, value = line.partition(":")
    if field.strip().lower() in _AGENT_FIELDS and colon:
        return value.strip()
    if colon and (not value or value[0].isspace()):
        return None
    words = line.split()
    counts = (count for count in (1, 2) if " ".join(words[:count]).lower() in _AGENT_FIELDS)
    return next((" ".join(words[count:]) for count in counts), None)


def _may_be_us(agent: str) -> bool:
    """Whether protego may take us for a user agent: by the beginning of our name, asterisks or not."""
    return agent == "*" or (bool(agent) and AGENT.startswith(agent.lower().replace("*", "")))


def _shortest(lines: list[str]) -> list[str]:
    """Return as many lines as are kept, user agents and the shortest of the others, in their order."""
    if sum(map(len, lines)) + len(lines) <= MOST_KEPT:
        return lines
    order = sorted(range(len(lines)), key=lambda at: (_agent_of(lines[at]) is None, len(lines[at])))
    sizes = accumulate(len(lines[at]) + 1 for at in order)
    return [lines[at] for at in sorted(at for at, size in zip(order, sizes, strict=True) if size <= MOST_KEPT)]


@lru_cache(maxsize=_PARSED_KEPT)
def _parsed(text: str) -> Protego:
    return Protego.parse(text)
