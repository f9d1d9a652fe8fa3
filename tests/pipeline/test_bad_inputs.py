"""What the web and full disks hand out, through a real run: each ends in its place, inside its limit."""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from tests.samples import html_page, paragraphs, record, text_of
from transforms.functions.worker_pool import close_shared_pools

Rows = Callable[..., list[tuple[Any, ...]]]
TIME_LIMIT = 5


def _french(name: str) -> list[str]:
    sentence = "La réunion du conseil a été reportée à l'été, où tout sera décidé par les élus"
    return [f"{sentence}, écrit {name} dans son numéro {n}." for n in range(8)]


def _in_french(name: str) -> str:
    return html_page(name, text=_french(name)).replace('lang="en"', 'lang="fr"')


def _page_with(extra: str, name: str) -> str:
    return html_page(name).replace("</article>", f"</article>{extra}")


def _latin(declared: str) -> bytes:
    return _in_french(declared).replace('charset="utf-8"', f'charset="{declared}"').encode("cp1252")


def _big_gzip(*, cut: int) -> bytes:
    lines = b"".join(json.dumps(record(f"g{n}")).encode() + b"\n" for n in range(30))
    stored = gzip.compress(lines)
    return stored[: len(stored) - cut]


NO_INPUT: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty.html": (lambda: b"", "read", "empty"),
    "blank.txt": (lambda: b" \n\t\n", "read", "empty"),
    "binary.html": (lambda: random.Random(5).randbytes(5000), "read", "binary"),
    "picture.html": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(400), "read", "binary"),
    "big.html": (lambda: b"<html><body>" + b"<p>word word</p>" * 1_300_000, "read", "too_large"),
    "no_article.html": (
        lambda: b"<html><body><form><p>Sign in</p><input></form></body></html>",
        "extract",
        "no_article",
    ),
}
"""File -> its bytes, the stage that rejects it, and the reason."""

RECOVERED: dict[str, Callable[[], bytes]] = {
    "plain.html": lambda: html_page("plain").encode(),
    "broken_utf8.html": lambda: html_page("broken").encode().replace(b"museum of the sea", b"museum of the \xc3sea", 1),
    "says_utf8.html": lambda: _latin("utf-8"),
    "says_ascii.html": lambda: _latin("us-ascii"),
    "says_nonsense.html": lambda: _latin("x-nothing"),
    "is_utf8_says_latin1.html": lambda: (
        _in_french("iso-8859-1").replace('charset="utf-8"', 'charset="iso-8859-1"').encode()
    ),
}
"""File -> bytes of which the article must come out."""

HOSTILE: dict[str, Callable[[], bytes]] = {
    "links.html": lambda: _page_with('<a href="/x">link</a> ' * 100_000, "links").encode(),
    "attributes.html": lambda: _page_with(
        "<div " + " ".join(f'a{n}="{n}"' for n in range(50_000)) + ">x</div>", "attributes"
    ).encode(),
    "nested.html": lambda: _page_with("<div>" * 200_000 + "deep" + "</div>" * 200_000, "nested").encode(),
    "json_ld.html": lambda: (
        html_page("ld")
        .replace(
            "</head>",
            '<script type="application/ld+json">{"@type": "NewsArticle", "a": "' + '{"b": "' * 5000 + "</head>",
        )
        .encode()
    ),
}
"""File -> bytes that may end as an article or a reject, but soon."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bad")
    pages = folder / "pages"
    pages.mkdir()
    for name, (make, _, _) in NO_INPUT.items():
        (pages / name).write_bytes(make())
    for name, plain in (RECOVERED | HOSTILE).items():
        (pages / name).write_bytes(plain())
    (pages / "gone.html").symlink_to(folder / "nowhere")
    (pages / "round.html").symlink_to(pages / "round.html")
    os.mkfifo(pages / "pipe.html")
    (pages / "cut.jsonl.gz").write_bytes(_big_gzip(cut=100))
    lines = [json.dumps(record("l1")), '{"article_body": "cut', "[]", '{"url": "x"}', json.dumps(record("l5"))]
    (pages / "lines.jsonl").write_bytes("\n".join(lines).encode() + b'\n{"article_body": "\xff\xfe broken"}\n')
    started = time.monotonic()
    arguments = ["--input", str(pages), "--output", str(folder / "lake"), "--time-limit", str(TIME_LIMIT)]
    assert cli.main(["run", "--quiet", "--processes", "2", *arguments]) == 0
    # A bound on hangs, not on speed: at worst each hostile page takes its limit, on a busy machine some more.
    assert time.monotonic() - started < 120
    yield folder / "lake"
    close_shared_pools()


def _rejects(lake: Path, rows_of: Rows) -> dict[str, tuple[Any, ...]]:
    columns = "parse_filename(source), stage, reason, retryable, error_class, message, line, payload_bytes"
    return {row[0]: row[1:] for row in rows_of(lake, "rejects", columns)}


def _texts(lake: Path, rows_of: Rows) -> dict[str, str]:
    return dict(rows_of(lake, "articles", "parse_filename(source), article_body"))


@pytest.mark.parametrize("name", NO_INPUT)
def test_what_holds_no_article_is_a_reject_with_its_reason(lake: Path, rows_of: Rows, name: str) -> None:
    make, stage, reason = NO_INPUT[name]
    found = _rejects(lake, rows_of)[name]
    assert found[:3] == (stage, reason, False)
    assert found[4]
    if reason not in ("empty", "too_large"):
        assert found[6] == len(make())


@pytest.mark.parametrize("name", ["gone.html", "round.html"])
def test_what_cannot_be_read_is_a_reject_to_try_again(lake: Path, rows_of: Rows, name: str) -> None:
    stage, reason, retryable, error_class, *_ = _rejects(lake, rows_of)[name]
    assert (stage, reason, retryable) == ("read", "unreadable", True)
    assert error_class in ("FileNotFoundError", "OSError", "BeamIOError")


def test_a_pipe_is_no_input(lake: Path, rows_of: Rows) -> None:
    assert "pipe.html" not in _rejects(lake, rows_of) | _texts(lake, rows_of)


def test_broken_lines_are_rejects_with_their_number_and_the_others_articles(lake: Path, rows_of: Rows) -> None:
    rejects = {name: row for name, row in _rejects(lake, rows_of).items() if name.startswith("lines.jsonl")}
    assert {name: (row[0], row[1], row[5]) for name, row in rejects.items()} == {
        "lines.jsonl#2": ("read", "bad_json", 2),
        "lines.jsonl#3": ("read", "bad_json", 3),
        "lines.jsonl#4": ("read", "bad_record", 4),
        "lines.jsonl#6": ("read", "bad_json", 6),
    }
    assert {"lines.jsonl#1", "lines.jsonl#5"} <= set(_texts(lake, rows_of))


def test_of_a_truncated_gzip_the_whole_lines_are_kept(lake: Path, rows_of: Rows) -> None:
    stage, reason, retryable, error_class, *_ = _rejects(lake, rows_of)["cut.jsonl.gz"]
    assert (stage, reason, retryable, error_class) == ("read", "truncated", False, "EOFError")
    kept = [name for name in _texts(lake, rows_of) if name.startswith("cut.jsonl.gz#")]
    assert 10 < len(kept) < 30


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("plain.html", paragraphs("plain")[0]),
        ("broken_utf8.html", paragraphs("broken")[1]),
        ("says_utf8.html", _french("utf-8")[3]),
        ("says_ascii.html", _french("us-ascii")[3]),
        ("says_nonsense.html", _french("x-nothing")[3]),
        ("is_utf8_says_latin1.html", _french("iso-8859-1")[3]),
    ],
)
def test_an_article_in_a_broken_or_wrong_charset_is_recovered(
    lake: Path, rows_of: Rows, name: str, sentence: str
) -> None:
    assert sentence in _texts(lake, rows_of)[name]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_ends_as_its_article_or_a_reject(lake: Path, rows_of: Rows, name: str) -> None:
    texts, rejects = _texts(lake, rows_of), _rejects(lake, rows_of)
    assert (name in texts) != (name in rejects)
    if name in texts:
        assert text_of(name.removesuffix(".html")).split("\n")[0] in texts[name] or name == "json_ld.html"
    else:
        assert rejects[name][0] == "extract"
        assert rejects[name][1] != "worker_died"


def test_every_input_is_accounted_for(lake: Path, rows_of: Rows) -> None:
    ((inputs, articles, copies, rejects, seen),) = rows_of(
        lake, "runs", "inputs, articles, copies, rejects, already_seen"
    )
    assert inputs == articles + copies + rejects + seen
    kept = sum(name.startswith("cut.jsonl.gz#") for name in _texts(lake, rows_of))
    assert inputs == len(NO_INPUT) + len(RECOVERED) + len(HOSTILE) + 2 + 6 + kept + 1
