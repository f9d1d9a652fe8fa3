"""Serves a farm of feeds in real time, for `newsbeam run --allow-private --feeds LIST` in a process of its own.

    python tests/feed_farm.py --hosts 50 --feeds 300 --port 8800 --list feeds.txt --log farm.jsonl

The world (`tests/feed_world.py`) follows from the seed, the sizes and the items a minute: its feeds grow for `--hours`
and stand still then; hosts and feeds misbehave as its script says, unless `--untroubled`. Each host has an address
of its own (127.1.0.1, 127.1.0.2, ...), by which it is called, and all have one port. It serves until SIGTERM or Ctrl-C.

The log is lines of JSON, each written as it happens, with `event` and `time` (seconds of the calendar):
  farm     how the world was made, its port, when it began and when its last item comes;
  item     an item has come into its feed: `feed` (its number), `guid`, `url`, `page` (what its page answers), `full`;
  request  a request has ended: `host`, `path`, `kind` (feed, page, robots), `status`, `if_none_match`,
           `if_modified_since`, `at` and `ended` in seconds from the beginning, `open_requests` of its host, what was
           promised or asked for (`retry_after`, `fresh`, `crawl_delay`); `first` and `last` are the items of its feed,
           by number from 0 and before, that a feed's document held.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

if __name__ == "__main__":  # as a program, from any folder
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.farm_replies import Asked
from tests.farm_server import FeedFarm
from tests.feed_world import HOUR, ITEMS_A_DAY, FeedWorld, make_world


class FarmLog:
    """Writes what happens in a farm.

    Args:
        file: where to; None for nowhere.
        started_at: the world's beginning, in seconds of the calendar.
    """

    def __init__(self, file: IO[str] | None, started_at: float) -> None:
        self._file = file
        self._started_at = started_at

    def write(self, event: str, moment: float, /, **what: Any) -> None:
        """Write an event of a moment, in seconds from the beginning."""
        if self._file is not None:
            self._file.write(json.dumps({"event": event, "time": round(self._started_at + moment, 6), **what}) + "\n")

    def write_request(self, asked: Asked) -> None:
        """Write a request that has ended."""
        self.write("request", asked.at, **asdict(asked))


async def publish(farm: FeedFarm, log: FarmLog) -> None:
    """Write each item into the log when it comes into its feed."""
    coming = [(item.added_at, feed.number, item) for feed in farm.world.feeds for item in feed.items]
    for added_at, feed, item in sorted(coming, key=lambda one: one[:2]):
        await asyncio.sleep(max(0.0, added_at - farm.now()))
        url = farm.url(item.host, item.path)
        log.write("item", added_at, feed=feed, guid=item.guid, url=url, page=item.page, full=item.is_full)


async def serve(farm: FeedFarm, log: FarmLog) -> None:
    """Serve until a signal comes."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    farm.attach(loop)
    publishing = asyncio.create_task(publish(farm, log))
    await stop.wait()
    publishing.cancel()
    farm.detach()
    await asyncio.sleep(0.05)  # requests that are broken off get their lines


def world_of(options: argparse.Namespace) -> FeedWorld:
    """Return the world that was asked for."""
    pace = 1.0
    if options.items_per_minute is not None:
        pace = options.items_per_minute * 60 * options.hours / (ITEMS_A_DAY * options.feeds)
    return make_world(options.seed, options.hosts, options.feeds, options.hours, pace, troubled=not options.untroubled)


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=50, help="default: %(default)s; at most 60,000")
    parser.add_argument("--feeds", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--hours", type=float, default=0.5, help="how long the world's day takes; default: %(default)s")
    rate = f"over all feeds; default: {ITEMS_A_DAY:g} a feed in its day"
    parser.add_argument("--items-per-minute", type=float, metavar="N", help=rate)
    parser.add_argument("--untroubled", action="store_true", help="no host and no feed misbehaves")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--port", type=int, default=0, help="default: one that is free")
    parser.add_argument("--list", type=Path, help="where the addresses of the feeds go; default: standard output")
    parser.add_argument("--log", type=Path, help="where the log goes; default: nowhere")
    return parser.parse_args(arguments)


def main() -> None:
    options = options_of()
    world = world_of(options)
    started, started_at = time.monotonic(), time.time()
    with ExitStack() as stack:
        file = stack.enter_context(options.log.open("w", buffering=1)) if options.log else None
        log = FarmLog(file, started_at)
        farm = FeedFarm(
            world,
            lambda: time.monotonic() - started,
            by_name=False,
            started_at=started_at,
            port=options.port,
            on_asked=log.write_request,
        )
        farm.bind()
        stack.callback(farm.close)
        made = {name: getattr(options, name) for name in ("seed", "hosts", "feeds", "hours", "untroubled")}
        log.write("farm", 0.0, **made, port=farm.port, last_item_at=started_at + world.hours * HOUR * 0.95)
        text = "\n".join(farm.urls()) + "\n"
        options.list.write_text(text) if options.list else print(text, end="", flush=True)
        asyncio.run(serve(farm, log))


if __name__ == "__main__":
    main()
