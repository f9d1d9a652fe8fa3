from __future__ import annotations

from pathlib import Path

from schemas.article import Article
from schemas.feed_item import FeedItem
from schemas.page import Page
from tests.beam_rows import run_stage
from tests.fetch_samples import NOW
from tests.samples import html_page, reject
from tests.transforms.functions.test_reject_payloads import PAGE_URL, WHOLE, _of_item
from transforms.read_kept import DOCUMENTS, REJECTS, ReadKept


def test_each_kept_reject_is_one_input_and_goes_where_it_belongs(tmp_path: Path) -> None:
    body = html_page("page").encode()
    page = reject(source=PAGE_URL, payload=body, payload_bytes=len(body), input_id="4" * 64)
    item, nowhere = _of_item(FeedItem("1", PAGE_URL, "A", content_html=WHOLE)), _of_item(FeedItem("2", None, "B"))
    found = run_stage(ReadKept("run-2", NOW), [page, item, nowhere], tmp_path, DOCUMENTS, REJECTS)
    (read_page, _), (read_item, _) = sorted(found[DOCUMENTS], key=lambda one: isinstance(one[0], Article))
    assert (type(read_page), read_page.body) == (Page, body)
    assert (type(read_item), read_item.input_id) == (Article, item.input_id)
    assert [row.reject_id for row, _ in found[REJECTS]] == [nowhere.reject_id]
    assert found["counters"]["inputs"] == 3
