"""Faults to put in the place of newsbeam's functions: each takes the real one and returns one that breaks a rule."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

Change = Callable[[Any], Any]


def without_retry_after(real: Any) -> Any:
    def after(host: Any, fetch: Any, *rest: Any) -> Any:
        return real(host, fetch if fetch.retry_after is None else fetch._replace(retry_after=None, status=200), *rest)

    return after


def first_block_always(real: Any) -> Any:
    return lambda host, now, rules: rules.first_block


def two_at_a_time(real: Any) -> Any:
    def take(self: Any, now: int) -> Any:
        taken = real(self, now)
        if taken is not None:
            self.open(taken[0])
        return taken

    return take


def second_connection(real: Any) -> Any:
    async def taken(self: Any, origin: Any) -> Any:
        self._forgotten = [*getattr(self, "_forgotten", []), self._idle.pop(origin.host, None)]
        return await real(self, origin)

    return taken


def unquoted(real: Any) -> Any:
    return lambda *given: tuple((name, value.replace(b'"', b"")) for name, value in real(*given))


def gone_is_a_failure(real: Any) -> Any:
    def after(state: Any, answer: Any, *rest: Any) -> Any:
        polled = real(state, answer, *rest)
        if polled.state.gone_at is None:
            return polled
        again = polled.state._replace(gone_at=None, next_poll_at=answer.at + 3_600_000_000)
        return polled._replace(state=again)

    return after


def moves_at_once(real: Any) -> Any:
    def moved(state: Any, answer: Any) -> Any:
        return state if answer.permanent_url is None else state._replace(url=answer.permanent_url)

    return moved


def drops_every(nth: int) -> Change:
    def change(real: Any) -> Any:
        def rows(self: Any, feed_url: str, document: Any, item: Any, *rest: Any) -> Any:
            if crc32(item.guid.encode()) % nth:
                yield from real(self, feed_url, document, item, *rest)

        return rows

    return change


def invents(real: Any) -> Any:
    return lambda item: real(item._replace(guid=item.guid.replace("-1 of", "-1000 of")))


def forgets_host(real: Any) -> Any:
    return lambda self, now: [state for state in real(self, now) if state.polls < 2 or "h000." not in state.url]


def asks_early(real: Any) -> Any:
    return lambda self, now: real(self, now + 2_000_000_000)


def loses_rows(real: Any) -> Any:
    return lambda fetches, polled: real(fetches, polled)[: polled.state.polls % 5]


def with_cookie(real: Any) -> Any:
    return lambda *given: [*real(*given), (b"cookie", b"reader=1")]


def disabled(real: Any) -> Any:
    return lambda interval, score, *rest: 90 * 86_400.0 if score > 1 else real(interval, score, *rest)


def publishes_twice(lake: Path) -> None:
    path = max(lake.glob("articles/**/*.parquet"), key=lambda one: one.stat().st_size)
    shutil.copy(path, path.with_name(f"again-{path.name}"))
