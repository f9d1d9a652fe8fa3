from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beam_rows import run_stage
from tests.samples import html_page, page, text_of
from transforms.extract_articles import ExtractArticles
from transforms.functions.worker_pool import close_shared_pools


@pytest.fixture(autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


def test_each_page_ends_exactly_once_and_keeps_its_timestamp(tmp_path: Path) -> None:
    pages = [page(f"page {n}", body=html_page(f"page {n}").encode(), source=f"{n}.html") for n in range(30)]
    pages += [page(f"text {n}", kind="text", body=text_of(f"t{n}").encode(), source=f"{n}.txt") for n in range(10)]
    pages += [page(f"none {n}", body=b"<html><form>Sign in</form>", source=f"none{n}.html") for n in range(5)]
    stamps = {one: 1000.0 + number for number, one in enumerate(pages)}
    done = run_stage(ExtractArticles("run-9", 2, 60.0), pages, tmp_path, "articles", "rejects", stamps=stamps)
    wanted = {one.source: stamp for one, stamp in stamps.items()}
    rows = [(row.article, stamp) for row, stamp in done["articles"]] + done["rejects"]
    ended = [(row.source, stamp) for row, stamp in rows]
    assert len(ended) == len(pages)
    assert dict(ended) == wanted
    assert {row.source for row, _ in done["rejects"]} == {f"none{n}.html" for n in range(5)}
    assert {row.run_id for row, _ in rows} == {"run-9"}
    assert done["counters"]["rejected"] == 5


def test_an_article_that_has_its_text_is_printed_as_a_page_is(tmp_path: Path) -> None:
    given = page("a page", body=html_page("a page").encode(), source="a.html")
    stage = ExtractArticles("run-9", 1, 60.0)
    ((printed, _),) = run_stage(stage, [given], tmp_path, "articles", "rejects")["articles"]
    again = run_stage(stage, [printed.article], tmp_path, "articles", "rejects")
    assert [row for row, _ in again["articles"]] == [printed]
    assert again["rejects"] == []


def test_a_reject_of_a_worker_names_stage_reason_and_class(tmp_path: Path) -> None:
    given = page(
        "none", body=b"<html><form>Sign in</form>", source="records.jsonl#7", line=7, url="https://ledger.example/x"
    )
    done = run_stage(ExtractArticles("run-9", 1, 60.0), [given], tmp_path, "articles", "rejects")
    assert done["articles"] == []
    ((row, _),) = done["rejects"]
    assert (row.stage, row.reason, row.error_class, row.line) == ("extract", "no_article", "InputRejected", 7)
    assert (row.url, row.payload, row.input_id) == (given.url, given.body, given.input_id)
