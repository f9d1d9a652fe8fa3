from __future__ import annotations

import asyncio
import gzip
import itertools
import shutil
import socket
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import brotli
import h2.config
import h2.connection
import h2.events
import pytest

from schemas.errors import UsageError
from schemas.fetch import FEED, ROBOTS
from tests.fetch_samples import NOW
from tests.http_server import HttpServer, Reply
from transforms.functions.http_fetch import Exchange, FetchSettings, HttpClient, user_agent

AGENT = user_agent("1.2.3", "https://reader.example/about")
ZEROS = b"\0" * 40_000_000


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


def settings(server: HttpServer, **more: object) -> FetchSettings:
    return FetchSettings(AGENT, "run", **({"allow_private": True, "resolve": server.resolve} | more))  # type: ignore[arg-type]


def ask(server: HttpServer, *urls: str, purpose: str = FEED, **more: object) -> list[Exchange]:
    """Ask for addresses or paths one after the other, with one client."""

    async def all_of_them() -> list[Exchange]:
        client = HttpClient(settings(server, **more))
        try:
            whole = [server.url(url) if url.startswith("/") else url for url in urls]
            return [await client.request(url, purpose, NOW) for url in whole]
        finally:
            await client.aclose()

    return asyncio.run(all_of_them())


def failure(exchange: Exchange) -> str | None:
    assert exchange.body == b""
    assert exchange.fetch.message
    return exchange.fetch.failure


# What is sent, and what comes back


def test_a_request_names_the_project_and_the_users_contact_and_carries_no_cookie(server: HttpServer) -> None:
    server.on("*", Reply(200, {"set-cookie": "id=1; path=/"}, b"feed"))
    ask(server, "/feed", "/feed")
    assert [asked.headers["user-agent"] for asked in server.asked] == [
        "newsbeam/1.2.3 (+https://reader.example/about)"
    ] * 2
    assert server.asked[1].headers.keys() == {"host", "user-agent", "accept", "accept-encoding"}


@pytest.mark.parametrize("contact", ["", "a\r\nx: y", "me@b\u00fccher.example", "a (b)"])
def test_a_contact_that_cannot_stand_in_a_header_is_refused(contact: str) -> None:
    with pytest.raises(UsageError):
        user_agent("1", contact)


def test_an_answer_becomes_a_row(server: HttpServer) -> None:
    server.on(
        "/feed",
        Reply(200, {"ETag": '"x"', "retry-after": "30", "content-encoding": "gzip"}, gzip.compress(b"feed " * 99)),
    )
    (exchange,) = ask(server, "/feed")
    row = exchange.fetch
    assert (row.status, row.host, row.purpose, row.requested_at, row.failure) == (200, "127.0.0.1", "feed", NOW, None)
    assert (row.retry_after, row.body_bytes, row.http_version) == (30, 495, "HTTP/1.1")
    assert 0 < row.wire_bytes < 100
    assert 0 < row.seconds < 5
    assert exchange.body == b"feed " * 99
    assert (b"etag", b'"x"') in exchange.headers


def test_validators_reach_the_server_byte_for_byte_and_304_keeps_the_connection(server: HttpServer) -> None:
    server.on("/feed", Reply(304, {"etag": '"2"'}))

    async def twice() -> list[Exchange]:
        client = HttpClient(settings(server))
        sent = ((b"if-none-match", b'W/"a\xe9 b"'), (b"if-modified-since", b"Tue, 31 mar 2026"))
        found = [await client.request(server.url("/feed"), "feed", NOW, sent) for _ in range(2)]
        await client.aclose()
        return found

    exchanges = asyncio.run(twice())
    assert [asked.headers["if-none-match"] for asked in server.asked] == ['W/"a\xe9 b"'] * 2
    assert server.asked[0].headers["if-modified-since"] == "Tue, 31 mar 2026"
    assert all(exchange.fetch.conditional and exchange.fetch.not_modified for exchange in exchanges)
    assert len({asked.connection for asked in server.asked}) == 1


def test_gzip_deflate_and_brotli_bodies_are_read(server: HttpServer) -> None:
    server.on("/br", Reply(200, {"content-encoding": "br"}, brotli.compress(b"news" * 500)))
    server.on("/gzip", Reply(200, {"content-encoding": "gzip"}, gzip.compress(b"news" * 500)))
    assert [exchange.body for exchange in ask(server, "/br", "/gzip")] == [b"news" * 500] * 2


def test_redirects_are_named_and_not_followed(server: HttpServer) -> None:
    server.on("/old", Reply(301, {"location": "/new?x=1#top"}))
    (exchange,) = ask(server, "/old")
    assert exchange.fetch.redirect_to == server.url("/new?x=1")
    assert server.paths() == ["/old"]


def test_connections_are_kept_and_those_of_other_origins_of_a_host_closed(server: HttpServer) -> None:
    server.on("*", Reply(body=b"feed"))
    ask(server, "/1", "/2", server.url("/3", "other.example"), "/4")
    assert [asked.connection for asked in server.asked] == [1, 1, 2, 1]


def test_a_host_with_two_origins_has_one_connection(server: HttpServer) -> None:
    server.on("*", Reply(body=b"feed"))
    with HttpServer() as other:
        other.on("*", Reply(body=b"feed"))
        exchanges = ask(server, "/1", other.url("/2"), "/3")
        assert [exchange.body for exchange in exchanges] == [b"feed"] * 3
        assert [asked.connection for asked in server.asked] == [1, 2]


# Limits


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_bomb_ends_at_five_mebibytes(server: HttpServer, coding: str) -> None:
    body = gzip.compress(ZEROS) if coding == "gzip" else brotli.compress(ZEROS, quality=1)
    server.on("/bomb", Reply(200, {"content-encoding": coding}, body))
    tracemalloc.start()
    (exchange,) = ask(server, "/bomb")
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert failure(exchange) == "too_large"
    assert exchange.fetch.status == 200


def test_an_endless_body_ends_at_five_mebibytes(server: HttpServer) -> None:
    server.on("/endless", Reply(chunks=itertools.repeat(b"x" * 100_000)))
    (exchange,) = ask(server, "/endless")
    assert failure(exchange) == "too_large"
    assert exchange.fetch.wire_bytes < 6_000_000


@pytest.mark.parametrize("more", [{}, {"content-encoding": "gzip"}])
def test_a_robots_txt_without_end_is_read_as_far_as_it_counts(server: HttpServer, more: dict[str, str]) -> None:
    rules = b"User-agent: *\nDisallow: /private\n" + b"# nothing\n" * 600_000
    server.on("/robots.txt", Reply(200, more, gzip.compress(rules) if more else rules))
    (exchange,) = ask(server, "/robots.txt", purpose=ROBOTS)
    assert exchange.fetch.failure is None
    assert 512_000 <= len(exchange.body) <= 1024 * 1024
    assert rules.startswith(exchange.body)


def test_a_slow_drip_ends_at_the_time_limit_and_the_next_request_is_well(server: HttpServer) -> None:
    server.on("/drip", Reply(chunks=itertools.repeat(b"x"), pause=0.02))
    server.on("/feed", Reply(body=b"feed"))
    started = time.monotonic()
    exchanges = ask(server, *["/drip", "/feed"] * 3, time_limit=0.2)
    assert [exchange.fetch.failure for exchange in exchanges] == ["time_limit", None] * 3
    assert time.monotonic() - started < 3
    assert 0.2 <= exchanges[0].fetch.seconds < 0.6


def test_a_server_that_never_answers_ends_at_the_time_limit(server: HttpServer) -> None:
    server.on("/silent", Reply(pause=30))
    server.on("/slow-head", Reply(raw=(bytes([letter]) for letter in b"HTTP/1.1 200 OK\r\n" * 99), pause=0.05))
    assert [failure(exchange) for exchange in ask(server, "/silent", "/slow-head", time_limit=0.3)] == [
        "time_limit"
    ] * 2


def test_a_head_of_ten_megabytes_is_refused(server: HttpServer) -> None:
    line = b"x-filler: " + b"y" * 990 + b"\r\n"
    server.on("/head", Reply(raw=[b"HTTP/1.1 200 OK\r\n", *[line] * 10_000, b"\r\n"]))
    server.on("/one-line", Reply(raw=[b"HTTP/1.1 200 OK\r\nx: ", *[b"y" * 100_000] * 100]))
    assert [failure(exchange) for exchange in ask(server, "/head", "/one-line")] == ["headers_too_large"] * 2


def test_a_declared_gigabyte_is_not_waited_for(server: HttpServer) -> None:
    server.on("/huge", Reply(body=b"feed", declared=2**30))
    server.on("/absurd", Reply(body=b"feed", declared=10**15))
    assert [failure(exchange) for exchange in ask(server, "/huge", "/absurd")] == ["too_large"] * 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"half a feed", declared=1000),
        Reply(200, {"content-encoding": "gzip"}, chunks=[gzip.compress(bytes(range(256)) * 9)[:-20]]),
        Reply(raw=[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"]),
    ],
)
def test_a_truncated_body_is_found_out(server: HttpServer, reply: Reply) -> None:
    server.on("/half", reply)
    assert failure(ask(server, "/half")[0]) == "truncated"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([b""], "disconnected"),
        ([b"HTTP/1.1 200"], "disconnected"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], "protocol_error"),
        ([b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"], "protocol_error"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: -4\r\n\r\nfeed"], "protocol_error"),
        ([b"HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: 4\r\n\r\nfeed"], "unknown_encoding"),
        ([b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 4\r\n\r\nfeed"], "bad_encoding"),
        ([b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n"], "bad_redirect"),
    ],
)
def test_broken_answers_have_a_name(server: HttpServer, raw: Sequence[bytes], expected: str) -> None:
    server.on("/broken", Reply(raw=raw))
    assert failure(ask(server, "/broken")[0]) == expected


def test_an_error_with_an_endless_body_is_an_error_like_others(server: HttpServer) -> None:
    server.on("/busy", Reply(503, {"retry-after": "77"}, chunks=itertools.repeat(b"x" * 10_000)))
    row = ask(server, "/busy")[0].fetch
    assert (row.status, row.retry_after, row.failure) == (503, 77, None)


# Addresses


@pytest.mark.parametrize(
    "url",
    ["ftp://news.example/", "file:///etc/passwd", "news.example", "", "http://", "http://[::1", "http://a b/",
     "http://me:secret@news.example/", "http://news.example:99999/", "http://news.example/" + "x" * 9000],
)  # fmt: skip
def test_addresses_that_are_not_asked(server: HttpServer, url: str) -> None:
    assert failure(ask(server, url)[0]) == "bad_url"
    assert server.asked == []


def test_loopback_is_refused_unless_allowed(server: HttpServer) -> None:
    urls = [server.url("/feed"), server.url("/feed", "localhost"), server.url("/feed", "inside.example")]
    refused = ask(server, *urls, allow_private=False)
    assert [failure(exchange) for exchange in refused] == ["address_refused"] * 3
    assert server.asked == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no_such_name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "resolver_failed"),
        (OSError(101, "Network is unreachable"), "network_unreachable"),
        (UnicodeError("label too long"), "bad_url"),
    ],
)
def test_names_that_cannot_be_resolved(server: HttpServer, error: Exception, expected: str) -> None:
    async def fail(host: str, port: int) -> Sequence[str]:
        raise error

    assert failure(ask(server, "http://news.example/", resolve=fail)[0]) == expected


def test_a_refused_connection_has_a_name(server: HttpServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert failure(ask(server, f"http://news.example:{unused.getsockname()[1]}/")[0]) == "connection_refused"


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `news.example`, with its key; made for each run, so that no key lies in the repository."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    path, key = folder / "both.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=news.example", "-addext", "subjectAltName=DNS:news.example", "-keyout", key, "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


def test_tls_is_checked_for_the_name_and_not_for_the_address(tmp_path: Path, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with HttpServer(context) as server:
        server.on("*", Reply(body=b"feed"))
        urls = [server.url("/feed", "news.example"), server.url("/feed", "other.example")]
        trusted = ssl.create_default_context(cafile=str(certificate))
        good, bad = ask(server, *urls, tls=trusted)
        assert good.body == b"feed"
        assert failure(bad) == "tls_failed"
        assert names == ["news.example", "other.example"]
        assert failure(ask(server, urls[0])[0]) == "tls_failed"  # nobody vouches for it


class Http2Server(asyncio.Protocol):
    """Answers every request of one HTTP/2 connection; the short-tempered one says goodbye after each."""

    connections = 0

    def __init__(self, filler: int, *, leaves: bool = False) -> None:
        Http2Server.connections += 1
        self._leaves = leaves
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._filler = filler

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connection.initiate_connection()
        self._write()

    def data_received(self, data: bytes) -> None:
        for event in self._connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                more = [(f"x-{number}", "y" * 1000) for number in range(self._filler)]
                self._connection.send_headers(event.stream_id, [(":status", "200"), ("etag", '"x"'), *more])
                self._connection.send_data(event.stream_id, b"feed", end_stream=True)
                if self._leaves:
                    asyncio.get_running_loop().call_later(0.05, self._leave)
        self._write()

    def _leave(self) -> None:
        self._connection.close_connection()
        self._write()
        self._transport.close()

    def _write(self) -> None:
        self._transport.write(self._connection.data_to_send())  # type: ignore[attr-defined]


def over_http_2(certificate: Path, filler: int, *, leaves: bool = False) -> list[Exchange]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async def twice() -> list[Exchange]:
        server = await asyncio.get_running_loop().create_server(
            lambda: Http2Server(filler, leaves=leaves), "127.0.0.1", 0, ssl=context
        )
        trusted = ssl.create_default_context(cafile=str(certificate))
        client = HttpClient(FetchSettings(AGENT, "run", allow_private=True, resolve=resolve, tls=trusted))
        url = f"https://news.example:{server.sockets[0].getsockname()[1]}/feed"
        found = []
        for _ in range(2):
            found.append(await client.request(url, "feed", NOW))
            await asyncio.sleep(0.2)
        await client.aclose()
        server.close()
        return found

    return asyncio.run(twice())


def test_http_2_is_spoken_where_the_server_does(certificate: Path) -> None:
    for exchange in over_http_2(certificate, 0):
        assert (exchange.fetch.http_version, exchange.fetch.status, exchange.body) == ("HTTP/2", 200, b"feed")


@pytest.mark.parametrize(("leaves", "connections"), [(False, 1), (True, 2)])
def test_an_http_2_connection_is_used_again_unless_its_server_has_left(
    certificate: Path, leaves: bool, connections: int
) -> None:
    Http2Server.connections = 0
    found = over_http_2(certificate, 0, leaves=leaves)
    assert [(exchange.fetch.failure, exchange.body) for exchange in found] == [(None, b"feed")] * 2
    assert Http2Server.connections == connections


def test_a_head_of_half_a_megabyte_is_refused_in_http_2_too(certificate: Path) -> None:
    assert [failure(exchange) for exchange in over_http_2(certificate, 500)] == ["headers_too_large"] * 2
