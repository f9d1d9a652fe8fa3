from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.commands.query import connect
from pipeline.lake import Lake
from pipeline.memory import opened_memory
from pipeline.replay import Replay
from pipeline.writer_lock import locked
from schemas.replay import OUTCOMES
from tests.http_server import HttpServer, Reply
from tests.pipeline.broken_extraction import HARD, ExtractEasyPage
from tests.samples import html_page, paragraphs, record, write_lines
from transforms.functions.rejects import MAX_PAYLOAD_BYTES
from transforms.functions.worker_pool import close_shared_pools

ACCOUNT = "inputs = articles + copies + rejects + already_seen"


@pytest.fixture(scope="module", autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the test's commands are started in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def _run(*flags: str) -> None:
    assert cli.main(["run", "--quiet", "--output", "lake", "--processes", "1", "--tags", "none", *flags]) == 0


def _replay(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    """Replay; returns what came of it, without what came of none, and with `opened_again` where there are any."""
    capsys.readouterr()
    assert cli.main(["replay", "lake", "--processes", "1", "--tags", "none", "--dry-run", "--json", *flags]) == 0
    chosen = sum(one["rejects"] for one in json.loads(capsys.readouterr().out)["rejects"])
    assert cli.main(["replay", "lake", "--processes", "1", "--tags", "none", "--json", *flags]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(said["outcomes"]) == set(OUTCOMES)
    account, read = said["account"], said["read"]
    ends = ("passed", "in_the_lake_already", "failed_again", "left")
    assert (
        account["rejects"]
        == sum(account[name] for name in ends)
        == said["done_again"] + said["of_feeds"] + said["waiting"]
        == chosen
    )
    assert account["passed"] == account["articles"] + account["copies"]
    assert account["failed_again"] == said["outcomes"]["rejected"] + said["outcomes"]["other_reject"]
    assert sum(said["failed_by_reason"].values()) == said["outcomes"]["rejected"]
    assert read["inputs"] == sum(read[name] for name in ("articles", "copies", "rejects", "already_seen"))
    assert _ask(f"select bool_and({ACCOUNT}) from runs") == [(True,)]
    outcomes = said["outcomes"] | {"opened_again": said["opened_again"]}
    return {name: count for name, count in outcomes.items() if count}


def _hard_page(name: str) -> None:
    Path(f"in/{name}.html").write_text(html_page(name) + HARD.decode())


def _break_extraction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("transforms.extract_articles.ExtractPage", ExtractEasyPage)


def _ask(query: str) -> list[tuple[Any, ...]]:
    return connect("lake").execute(query).fetchall()


def _rows() -> dict[str, list[str]]:
    """The ids of all rows, each as often as it is there."""
    ids = {"articles": "article_id", "copies": "copy_id", "rejects": "reject_id"}
    return {table: [id_ for (id_,) in _ask(f"select {name} from {table} order by 1")] for table, name in ids.items()}


def test_a_page_that_passes_after_a_fix_becomes_a_row_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        _hard_page(name)
    Path("in/three.html").write_text(html_page("three"))
    Path("in/wall.html").write_text(f"<html><form>Sign in</form></html>{HARD.decode()}")
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _run("--input", "in")
    assert _ask("select reason, count(*) from rejects group by all") == [("error", 3)]
    assert _replay(capsys) == {"article": 2, "rejected": 1}
    assert _ask("select attempts, settled_as from rejects order by source") == [
        (2, "article"),
        (2, "article"),
        (2, None),
    ]
    before = _rows()
    assert [len(ids) for ids in before.values()] == [3, 0, 3]
    assert _ask("select reason, row_id from replays where outcome = 'rejected'") == [("no_article", None)]
    assert _replay(capsys) == {"rejected": 1}
    assert _rows() == before
    assert _ask("select attempts from rejects where settled_at is null") == [(3,)]
    query = "select count(*) from replays join articles on row_id = article_id where outcome = 'article'"
    assert _ask(query) == [(2,)]
    _run("--input", "in")
    assert _rows() == before


def test_a_longer_time_limit_is_a_fix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = [paragraph for number in range(1_500) for paragraph in paragraphs(f"slow {number}")]
    Path("in/slow.html").write_text(html_page("slow", text=text))
    _run("--input", "in", "--time-limit", "0.2")
    assert _ask("select reason from rejects") == [("time_limit",)]
    assert _replay(capsys, "--time-limit", "0.2") == {"rejected": 1}
    assert _replay(capsys, "--time-limit", "60") == {"article": 1}
    assert _ask("select attempts, settled_as from rejects") == [(3, "article")]


def test_lines_are_read_again_and_their_neighbours_are_only_counted(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Any] = [record(f"r{number}") for number in range(40)]
    lines[7] = {"html": html_page("seven") + HARD.decode(), "url": "https://ledger.example/seven"}
    lines[20] = {"neither": 1}
    write_lines(Path("in/lines.jsonl"), lines)
    Path("in/lines.jsonl").write_text(Path("in/lines.jsonl").read_text() + '{"broken')  # no line end
    monkeypatch.setattr("transforms.functions.file_slices._SLICE_LINES", 10)
    monkeypatch.setattr("pipeline.input_plan._ALWAYS_WHOLE_BYTES", 100)
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _run("--input", "in")
    assert sorted(_ask("select reason, line from rejects")) == [("bad_json", 41), ("bad_record", 21), ("error", 8)]
    assert _replay(capsys) == {"article": 1, "rejected": 2}
    (inputs, seen) = _ask("select inputs, already_seen from runs order by started_at desc limit 1")[0]
    assert (inputs, seen) == (21, 20)  # of five slices, the last of one line, the three that hold one
    assert [len(ids) for ids in _rows().values()] == [39, 0, 3]


def test_a_file_that_is_mended_settles_its_reject_whatever_it_has_become(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress("\n".join(json.dumps(record(f"r{number}")) for number in range(30)).encode())
    Path("in/lines.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    Path("in/empty.html").write_text(" ")
    Path("in/picture.html").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    Path("in/known.html").write_text(html_page("known"))
    os.symlink("elsewhere.html", "in/broken.html")
    _run("--input", "in")
    assert sorted(_ask("select reason from rejects")) == [("binary",), ("empty",), ("truncated",), ("unreadable",)]
    assert _replay(capsys) == {"rejected": 4}
    Path("in/lines.jsonl.gz").write_bytes(packed)
    Path("in/empty.html").write_text(html_page("filled"))
    Path("in/picture.html").write_text(html_page("known"))
    Path("in/elsewhere.html").write_text(html_page("elsewhere"))
    assert _replay(capsys) == {"article": 3, "already_seen": 1}
    assert len(_rows()["articles"]) == 30 + 3
    assert _ask("select count(*) from rejects where settled_at is null or attempts <> 3") == [(0,)]
    assert _replay(capsys) == {}


def test_what_is_not_there_any_more_stays_open_and_comes_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = f"<!--{'x' * MAX_PAYLOAD_BYTES}-->"
    Path("in/gone.html").write_text(f"<html><form>Sign in</form>{long}</html>")
    write_lines(Path("in/lines.jsonl"), [record("one"), {"neither": 1}])
    _run("--input", "in")
    shutil.move("in/gone.html", "gone.html")
    write_lines(Path("in/lines.jsonl"), [record("one"), record("another")])
    assert _replay(capsys) == {"source_gone": 1, "source_changed": 1}
    assert len(_rows()["articles"]) == 2  # what the file has gained is read, too
    write_lines(Path("in/lines.jsonl"), [record("one")])
    assert _replay(capsys) == {"source_gone": 1, "source_changed": 1}
    shutil.move("gone.html", "in/gone.html")
    write_lines(Path("in/lines.jsonl"), [record("one"), {"neither": 1}])
    before = _rows()
    _run("--input", "in")  # nothing of it was forgotten
    assert _rows() == before
    assert _replay(capsys) == {"rejected": 2}
    assert _rows() == before


def test_what_a_reject_has_kept_whole_needs_no_file(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _hard_page("one")
    Path("in/wall.html").write_text("<html><form>Sign in</form></html>")
    bad = json.dumps({"neither": 1}) + "\n" + json.dumps({"url": "https://ledger.example/x", "html": HARD.decode()})
    Path("in/lines.jsonl").write_text(bad)
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _run("--input", "in")
    shutil.rmtree("in")
    assert _replay(capsys) == {"article": 1, "rejected": 2, "source_gone": 1}  # a page within a line is not all of it
    assert _ask("select source, first_seen_at > (select min(first_seen_at) from rejects) from articles") == [
        ("in/one.html", True)
    ]
    assert [len(ids) for ids in _rows().values()] == [1, 0, 4]


def test_a_reject_of_another_step_takes_the_place_of_the_first(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fix that gets an input one step further; and, taken back, one step back: no row is written twice."""
    Path("in/odd.html").write_text("<html><form>Sign in</form></html>")
    Path("in/other.html").write_text(html_page("other"))
    from schemas.errors import InputRejected
    from transforms.functions import folder_inputs

    real = folder_inputs.kind_of

    def kind_of(name: str, head: bytes) -> str:
        if name.endswith("odd.html"):
            raise InputRejected("binary", "not read by this version")
        return real(name, head)

    with monkeypatch.context() as patch:
        patch.setattr(folder_inputs, "kind_of", kind_of)
        _run("--input", "in")
    assert _replay(capsys) == {"other_reject": 1}
    query = "select stage, attempts, settled_as from rejects order by stage desc"
    assert _ask(query) == [("read", 2, "other_reject"), ("extract", 1, None)]
    with monkeypatch.context() as patch:
        patch.setattr(folder_inputs, "kind_of", kind_of)
        assert _replay(capsys) == {"other_reject": 1, "opened_again": 1}
    assert _ask(query) == [("read", 3, None), ("extract", 2, "other_reject")]
    assert _replay(capsys) == {"other_reject": 1, "opened_again": 1}
    assert _ask(query) == [("read", 4, "other_reject"), ("extract", 3, None)]
    with monkeypatch.context() as patch:
        patch.setattr(folder_inputs, "kind_of", kind_of)
        assert cli.main(["replay", "lake", "--processes", "1", "--tags", "none"]) == 0
    said = capsys.readouterr().out
    assert "rejects 1 = passed 0 (articles 0, copies 0) + in the lake already 0 + failed again 1 + left 0\n" in said
    assert "1 other reject of the same inputs, settled before, is open again\n" in said
    assert re.search(r"failed again +│ +0 │ +│", said), said
    assert [len(ids) for ids in _rows().values()] == [1, 0, 2]


def test_only_what_is_meant_is_done_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/wall.html").write_text("<html><form>Sign in</form></html>")
    Path("in/empty.html").write_text(" ")
    os.symlink("elsewhere.html", "in/broken.html")
    _run("--input", "in")
    Path("in/elsewhere.html").write_text(html_page("elsewhere"))
    assert _replay(capsys, "--stage", "read", "--reason", "empty") == {"rejected": 1}
    assert _replay(capsys, "--stage", "extract") == {"rejected": 1}
    assert _replay(capsys, "--reason", "no_article", "--since", "1h") == {"rejected": 1}
    assert _replay(capsys, "--since", "2999-01-01") == {}
    assert _replay(capsys, "--stage", "read", "--reason", "no_article") == {}
    assert _replay(capsys, "--retryable") == {"article": 1}
    assert cli.main(["replay", "lake", "--stage", "publish"]) == 2
    assert "'read', 'fetch', 'extract'" in capsys.readouterr().err
    for flags in (("--since", "yesterday"), ("--since", "1.1.1d"), ("--processes", "0"), ("--tags", "x")):
        assert cli.main(["replay", "lake", *flags]) == 2
        assert flags[0] in capsys.readouterr().err


@pytest.mark.parametrize("mode", [[], ["--dry-run"]])
def test_what_no_reject_has_is_no_error(folder: Path, capsys: pytest.CaptureFixture[str], mode: list[str]) -> None:
    """A timer gives the same command every night."""
    Path("in/good.html").write_text(html_page("good"))
    _run("--input", "in")
    capsys.readouterr()
    assert cli.main(["replay", "lake", "--reason", "empty", *mode]) == 0
    assert capsys.readouterr().out == "nothing to do: no reject has the reason empty; there are no rejects at all\n"
    Path("in/wall.html").write_text("<html><form>Sign in</form></html>")
    Path("in/empty.html").write_text(" ")
    _run("--input", "in")
    capsys.readouterr()
    for flags, said in (
        (("--stage", "fetch"), "no reject has the stage fetch; there are extract, read"),
        (("--reason", "\x1b[1m"), "no reject has the reason \ufffd[1m; there are empty, no_article"),
    ):
        assert cli.main(["replay", "lake", *flags, *mode]) == 0
        assert capsys.readouterr() == (f"nothing to do: {said}\n", "")
        assert cli.main(["replay", "lake", *flags, *mode, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["note"].startswith("no reject has the ")
    assert cli.main(["replay", "lake", "--stage", "fetch", "--reason", "binary", *mode]) == 0
    assert capsys.readouterr().out == (
        "nothing to do: no reject has the stage fetch; there are extract, read; no reject has the reason binary; there "
        "are empty, no_article\n"
    )
    assert _ask("select count(*) from replays") == [(0,)]


def test_both_are_told_where_there_are_no_rejects_at_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/good.html").write_text(html_page("good"))
    _run("--input", "in")
    capsys.readouterr()
    assert cli.main(["replay", "lake", "--stage", "fetch", "--reason", "empty"]) == 0
    assert capsys.readouterr().out == (
        "nothing to do: no reject has the stage fetch or the reason empty; there are no rejects at all\n"
    )


@pytest.mark.parametrize(
    ("flags", "columns"), [((), []), (("--stage", "read"), ["stage"]), (("--reason", "empty"), ["reason"])]
)
def test_only_stages_and_reasons_that_are_asked_for_are_looked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], columns: list[str]
) -> None:
    """Each is a look through all rejects."""
    Path("in/empty.html").write_text(" ")
    _run("--input", "in")
    asked: list[str] = []
    real = Replay._ask

    def ask(self: Replay, query: str, values: Sequence[Any] = ()) -> list[Any]:
        asked.append(query)
        return real(self, query, values)

    monkeypatch.setattr(Replay, "_ask", ask)
    assert cli.main(["replay", "lake", "--dry-run", *flags]) == 0
    assert re.findall(r"select distinct (\w+)", "\n".join(asked)) == columns


def test_a_dry_run_says_how_and_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/wall.html").write_text("<html><form>Sign in</form></html>")
    items = [{"id": "1", "url": "https://outlet.example/later", "title": "Later"}]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Outlet", "items": items}
    Path("in/saved.json").write_text(json.dumps(feed))
    _run("--input", "in")
    capsys.readouterr()
    with locked(Lake(Path("lake").resolve())):  # it may be asked while a run goes on
        assert cli.main(["replay", "lake", "--dry-run", "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert cli.main(["replay", "lake"]) == 1
        assert "in use" in capsys.readouterr().err
    assert sorted((one["reason"], one["way"], one["rejects"]) for one in said["rejects"]) == [
        ("no_article", "file", 1), ("not_fetched", "page", 1),
    ]  # fmt: skip
    assert cli.main(["replay", "lake", "--dry-run"]) == 0
    assert "its page is queued to be fetched" in capsys.readouterr().out
    assert _ask("select count(*) from replays") == [(0,)]


def test_what_is_said(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _hard_page("one")
    Path("in/wall.html").write_text("<html><form>Sign in</form></html>")
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _run("--input", "in")
    capsys.readouterr()
    assert cli.main(["replay", "lake", "--processes", "1", "--tags", "none"]) == 0
    said = capsys.readouterr().out
    for line in (r"attempts +│ +2 ", r"now articles +│ +1 ", r"failed again +│ +1 │ no_article 1"):
        assert re.search(line, said), said
    assert "rejects 2 = passed 1 (articles 1, copies 0) + in the lake already 0 + failed again 1 + left 0\n" in said
    assert cli.main(["report", "lake", "--output", "report.html"]) == 0
    assert "1 of them settled since" in Path("report.html").read_text()
    capsys.readouterr()
    assert cli.main(["replay", "lake", "--quiet", "--processes", "1", "--tags", "none"]) == 0
    assert capsys.readouterr().out == ""


def test_a_signal_ends_it_after_the_cycle_and_the_same_command_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        _hard_page(name)
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _run("--input", "in")
    monkeypatch.setattr("pipeline.input_plan.CYCLE_SLICES", 1)
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.progress.follow_cycle", lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert cli.main(["replay", "lake", "--processes", "1", "--tags", "none"]) == 1
    out, err = capsys.readouterr()
    assert "stopped before the end" in err
    assert "rejects 3 = passed 1 (articles 1, copies 0) + in the lake already 0 + failed again 0 + left 2\n" in out
    assert re.search(r"not come to +│ +2 ", out), out
    assert len(_rows()["articles"]) == 1
    assert _replay(capsys) == {"article": 2}


def test_lakes_that_cannot_be_done_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", "lake"]) == 2
    Path("in/one.html").write_text(html_page("one"))
    _run("--input", "in")
    capsys.readouterr()
    assert cli.main(["replay", "lake"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    Lake(Path("lake")).job.write_text("{}")
    for flags in ((), ("--dry-run",)):
        assert cli.main(["replay", "lake", *flags]) == 2
        assert "another lake" in capsys.readouterr().err


# Feeds


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as outlet:
        yield outlet


def _serve(server: HttpServer, **pages: Reply) -> None:
    whole = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs("whole", 12))
    items: list[dict[str, str]] = [{"id": "whole", "url": server.url("/whole"), "title": "W", "content_html": whole}]
    items += [{"id": name, "url": server.url(f"/{name}"), "title": name} for name in pages]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Outlet", "items": items}
    server.on("/feed", Reply(200, {"content-type": "application/feed+json"}, json.dumps(feed).encode()))
    for name, reply in pages.items():
        server.on(f"/{name}", reply)


def _poll(server: HttpServer) -> None:
    _run("--feeds", server.url("/feed"), "--allow-private", "--host-gap", "0")


def _html(text: str) -> Reply:
    return Reply(200, {"content-type": "text/html"}, text.encode())


PICTURE = Reply(200, {"content-type": "image/png"}, b"no page")


def test_a_page_that_was_given_up_is_queued_and_settled_by_the_next_poll(
    folder: Path, capsys: pytest.CaptureFixture[str], server: HttpServer
) -> None:
    _serve(server, good=PICTURE, bad=PICTURE)
    _poll(server)
    assert _ask("select stage, reason, count(*) from rejects group by all") == [("fetch", "not_a_page", 2)]
    asked = len(server.asked)
    assert _replay(capsys) == {"queued": 2}
    assert len(server.asked) == asked
    query = "select attempts, settled_as from rejects order by url"
    assert _ask(query) == [(1, None), (1, None)]
    assert _replay(capsys) == {}  # they wait
    server.on("/good", _html(html_page("good", url=server.url("/good"))))
    _poll(server)
    assert server.paths().count("/good") == server.paths().count("/bad") == 2
    assert server.paths().count("/feed") == 1
    assert _ask(query) == [(2, None), (2, "article")]
    assert _ask("select feed_url from articles where url like '%/good'") == [(server.url("/feed"),)]
    assert [len(ids) for ids in _rows().values()] == [2, 0, 2]
    assert _replay(capsys) == {"queued": 1}
    _poll(server)
    assert _ask(query) == [(3, None), (2, "article")]
    assert [len(ids) for ids in _rows().values()] == [2, 0, 2]
    assert _ask(f"select bool_and({ACCOUNT}) from runs") == [(True,)]


def test_a_page_that_is_asked_for_again_outlasts_a_feed_that_names_more_than_may_wait(
    folder: Path, server: HttpServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve(server, old=PICTURE)
    _poll(server)
    assert _replay(capsys) == {"queued": 1}
    newer = {f"new{number}": _html(html_page(f"new{number}")) for number in range(7)}
    _serve(server, old=_html(html_page("old", url=server.url("/old"))), **newer)
    with opened_memory(Lake(Path("lake")).memory) as memory, memory.cycle():
        memory.do("update feed_states set next_poll_at = 0")
    monkeypatch.setattr("transforms.functions.feed_items.MOST_WAITING", 3)
    _poll(server)
    assert _ask("select reason, settled_as from rejects order by 1") == [
        ("not_a_page", "article"),
        ("too_many_pages", None),
    ]
    asked = [path[:4] for path in server.paths() if path.startswith(("/old", "/new"))]
    assert asked == ["/old", "/old", "/new", "/new", "/new"]


def test_a_page_that_was_kept_whole_is_not_asked_for_again_and_a_long_one_is(
    folder: Path, capsys: pytest.CaptureFixture[str], server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = (html_page(name) + HARD.decode() for name in ("short", "long"))
    _serve(server, short=_html(short), long=_html(long.replace("<nav>", f"<nav><!--{'x' * 20_000}-->")))
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _poll(server)
    assert _ask("select stage, reason, count(*) from rejects group by all") == [("extract", "error", 2)]
    assert _replay(capsys) == {"article": 1, "queued": 1}
    assert server.paths().count("/short") == 1
    with monkeypatch.context() as patch:
        _break_extraction(patch)
        _poll(server)
    assert _ask("select attempts, settled_as from rejects order by url desc") == [(2, "article"), (2, None)]
    assert _replay(capsys) == {"queued": 1}
    _poll(server)
    assert _ask("select attempts, settled_as from rejects order by url desc") == [(2, "article"), (3, "article")]
    assert [len(ids) for ids in _rows().values()] == [3, 0, 2]


def test_items_of_saved_feeds_have_their_pages_fetched(
    folder: Path, capsys: pytest.CaptureFixture[str], server: HttpServer
) -> None:
    _serve(server)
    server.on("/later", _html(html_page("later", url=server.url("/later"))))
    items = [{"id": "1", "url": server.url("/later"), "title": "Later"}, {"id": "2", "title": "Nowhere"}]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Outlet", "items": items}
    Path("in/saved.json").write_text(json.dumps(feed))
    _run("--input", "in")
    assert _replay(capsys) == {"queued": 1, "rejected": 1}
    _poll(server)
    found = _ask("select reason, settled_as from rejects order by 1")
    assert found == [("no_address", None), ("not_fetched", "article")]


def test_what_waits_is_forgotten_with_its_outlet(
    folder: Path, capsys: pytest.CaptureFixture[str], server: HttpServer
) -> None:
    _serve(server, bad=PICTURE)
    Path("in/wall.html").write_text("<html><form>Sign in</form></html>")
    _run("--input", "in")
    _poll(server)
    assert _replay(capsys) == {"queued": 1, "rejected": 1}
    assert cli.main(["erase", "lake", "--url", server.url("/bad"), "--dry-run", "--json"]) == 0
    would = json.loads(capsys.readouterr().out)["tables"]
    assert cli.main(["erase", "lake", "--url", server.url("/bad"), "--json"]) == 0
    went = json.loads(capsys.readouterr().out)
    assert went["tables"] == would
    assert (would["rejects"], would["replays"]) == (1, 1)
    assert went["memory"]["replay_queue"] == 1
    assert _ask("select outcome from replays") == [("rejected",)]
    asked = server.paths().count("/bad")
    _poll(server)
    assert server.paths().count("/bad") == asked
