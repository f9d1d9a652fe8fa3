"""A run over HTTP: `/metrics` for Prometheus, `/healthz` for whoever restarts what is stuck."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pipeline.run_log import say
from pipeline.run_watch import RunWatch
from pipeline.version import newsbeam_version
from schemas.errors import UsageError

_TABLES: Final = ("articles", "copies", "rejects")
_HEALTH: Final = ("ok", "failing", "dead", "gone", "merged")


@contextmanager
def serving(watch: RunWatch, address: str, port: int) -> Iterator[int]:
    """Answer while the block runs; yields the port, which the system has chosen where 0 was given.

    Raises:
        UsageError: the address cannot be listened on.
    """
    registry = CollectorRegistry()
    registry.register(RunCollector(watch))
    ProcessCollector(registry=registry)
    try:
        server = _Server(address, port, _handler(watch, registry))
    except OSError as error:
        raise UsageError(
            f"--metrics-port {port}: {address} cannot be listened on ({error.strerror or error}). Choose another port, "
            "or end what uses it"
        ) from error
    chosen = int(server.server_address[1])
    say("metrics", f"metrics at http://{address}:{chosen}/metrics, health at /healthz", port=chosen)
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="metrics")
    thread.start()
    try:
        yield chosen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class RunCollector(Collector):
    """The figures of a run as Prometheus has them. What a cycle counts shows when the cycle is committed."""

    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, as they are now."""
        yield from self._account()
        yield from self._beam()
        yield from self._times()
        yield from self._feeds()

    def _account(self) -> Iterator[Metric]:
        account = self._watch.account
        rows = CounterMetricFamily("newsbeam_rows", "Rows committed.", labels=["table"])
        for table in _TABLES:
            rows.add_metric([table], account[table])
        yield rows
        yield CounterMetricFamily("newsbeam_inputs", "Inputs that had their outcome.", account["inputs"])
        seen = "Inputs known from before."
        yield CounterMetricFamily("newsbeam_already_seen", seen, account["already_seen"])
        yield CounterMetricFamily("newsbeam_read_bytes", "Bytes read, decompressed.", account["bytes_read"])
        yield CounterMetricFamily("newsbeam_cycles", "Cycles committed.", self._watch.cycles)

    def _beam(self) -> Iterator[Metric]:
        """Beam's own counters, by the stage that counts."""
        labels = ["stage", "counter"]
        counts = CounterMetricFamily("newsbeam_beam", "Counters of Beam, by stage.", labels=labels)
        seconds = CounterMetricFamily("newsbeam_beam_seconds", "Time counters of Beam, by stage.", labels=labels)
        for counter, value in sorted(self._watch.counters.items()):
            stage, _, name = counter.partition(".")
            if name.startswith("microseconds"):
                seconds.add_metric([stage, name.removeprefix("microseconds").lstrip("_") or "at_work"], value / 1e6)
            else:
                counts.add_metric([stage, name], value)
        yield counts
        yield seconds

    def _times(self) -> Iterator[Metric]:
        watch = self._watch
        info = GaugeMetricFamily("newsbeam_info", "1; the version is the label.", labels=["version"])
        info.add_metric([newsbeam_version()], 1)
        yield info
        yield _gauge("run_started_timestamp_seconds", "When the run began.", watch.started)
        yield _gauge("cycle_under_way", "1 while a cycle is under way.", float(watch.doing == "cycle"))
        yield _gauge("stuck", "1 where /healthz answers 503.", float(watch.is_stuck()))
        for name, meaning, value in (
            ("last_cycle_timestamp_seconds", "When the last cycle was committed.", watch.last_cycle),
            ("last_cycle_duration_seconds", "How long it took.", watch.last_cycle_seconds),
            ("last_arrival_timestamp_seconds", "When a cycle last brought an article or a copy.", watch.last_arrival),
        ):
            if value is not None:
                yield _gauge(name, meaning, value)

    def _feeds(self) -> Iterator[Metric]:
        feeds = self._watch.feeds
        if feeds is None:
            return
        health = GaugeMetricFamily("newsbeam_feeds", "Listed feeds, by health.", labels=["health"])
        for name in _HEALTH:
            health.add_metric([name], feeds.by_health.get(name, 0))
        yield health
        yield _gauge("pages_waiting", "Pages of items that are still to be fetched.", feeds.pages_waiting)
        if feeds.next_due is not None:
            yield _gauge("next_due_timestamp_seconds", "When the next feed or page is due.", feeds.next_due)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"newsbeam_{name}", meaning, value)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), handler)

    def server_bind(self) -> None:
        # Not HTTPServer's own, which asks DNS for the name of the address: minutes, where DNS does not answer.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


def _handler(watch: RunWatch, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0  # seconds that a client may take to ask

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, content_type, encode(registry))
            elif path == "/healthz":
                self._answer(503 if watch.is_stuck() else 200, "application/json", _health(watch))
            else:
                self._answer(404, "text/plain", b"/metrics and /healthz are here\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    return Handler


def _health(watch: RunWatch) -> bytes:
    said = {
        "status": "stuck" if watch.is_stuck() else "ok",
        "doing": watch.doing,
        "seconds": round(watch.seconds_at_it(), 1),
        "cycles": watch.cycles,
    }
    return (json.dumps(said) + "\n").encode()
