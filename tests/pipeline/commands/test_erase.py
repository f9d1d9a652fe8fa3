from __future__ import annotations

import json
import shlex
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.commands.query import connect
from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import HostMemory
from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.writer_lock import locked
from schemas.due_page import DuePage
from tests.pipeline.commands.test_compact import killed_at, moments_of, spread
from tests.pipeline.small_lakes import contents, files, rows_of_cycle, write_cycle
from tests.samples import HOSTILE, SEEN_AT, html_page, paragraphs, record, write_lines
from transforms.functions.worker_pool import close_shared_pools

STORY = "https://ledger.example/news/alpha"
MIRROR = "https://mirror.example/alpha"


@pytest.fixture(scope="module", autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


def _run(lake: Path, *inputs: Path) -> dict[str, Any]:
    run = ["run", "--quiet", "--output", str(lake), "--processes", "1", "--tags", "none", "--input"]
    assert cli.main([*run, *map(str, inputs)]) == 0
    names = ("inputs", "articles", "copies", "rejects", "already_seen")
    query = f"select {', '.join(names)} from runs order by started_at"
    cycles = connect(str(lake)).execute(query).fetchall()
    return dict(zip(names, cycles[-1], strict=True))


def _page(folder: Path, name: str, story: str, url: str, **options: Any) -> None:
    (folder / f"{name}.html").write_text(html_page(story, url=url, **options))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a lake and its pages: a story of three outlets and an update, others, and rejects."""
    folder = tmp_path_factory.mktemp("erase")
    pages = folder / "pages"
    pages.mkdir()
    _page(pages, "0", "alpha", STORY, date="2026-03-30T06:00:00Z")
    _page(pages, "1", "alpha", MIRROR, date="2026-03-30T08:00:00Z")
    _page(pages, "2", "alpha", "https://third.example/alpha", text=paragraphs("alpha")[:5], date="2026-03-30T09:00:00Z")
    _page(pages, "3", "beta", "https://ledger.example/news/beta")
    _page(pages, "4", "gamma", "https://news.third.example/gamma")
    write_lines(pages / "5.jsonl", [record("delta")])
    (pages / "7.html").write_text("<html><form>Sign in: friends of Zebras</form></html>")
    _run(folder / "lake", pages)
    _page(pages, "6", "alpha two", STORY)
    _run(folder / "lake", pages)
    return folder


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    return Lake(shutil.copytree(made / "lake", tmp_path / "lake"))


def _erase(lake: Lake, capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.main(["erase", str(lake.root), *flags, "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def _ask(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    return connect(str(lake.root)).execute(query).fetchall()


def _urls(lake: Lake, table: str) -> list[str]:
    return [url for (url,) in _ask(lake, f"select url_canonical from {table} order by 1")]


def _memory(lake: Lake) -> dict[str, list[Any]]:
    """The memory as far as it does not name times and files."""
    connection = sqlite3.connect(lake.memory)
    tables = {
        "pages": "*", "known_texts": "*", "written_rows": "*", "postings": "*", "posting_parts": "*", "groups": "*",
        "texts": "number, text_id, group_number, packed_text", "aliases": "old_id, new_id", "strays": "*",
        "attachments": "*", "outlets": "name", "inputs": "*", "tombstones": "kind, value, is_done",
    }  # fmt: skip
    found = {name: sorted(connection.execute(f"select {what} from {name}"), key=repr) for name, what in tables.items()}
    connection.close()
    return found


def _without_times(rows: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {table: rows[table] for table in rows if table != "aliases"} | {
        "aliases": sorted(row.partition("decided_at")[0] for row in rows["aliases"])
    }


# One address


def test_a_dry_run_says_what_would_go_and_changes_nothing(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    before, named = contents(lake), files(lake)
    said = _erase(lake, capsys, "--url", STORY, "--dry-run")
    assert {table: rows for table, rows in said["tables"].items() if rows} == {"articles": 1, "copies": 1}
    assert (said["stories_handed_over"], said["memory"], said["dry_run"]) == (1, {}, True)
    assert (contents(lake), files(lake)) == (before, named)
    assert cli.main(["erase", str(lake.root), "--url", STORY, "--dry-run"]) == 0
    assert "Nothing was changed" in capsys.readouterr().out
    again = _erase(lake, capsys, "--url", STORY)
    assert (again["tables"], again["stories_handed_over"]) == (said["tables"], said["stories_handed_over"])


def test_the_story_goes_on_under_another_outlets_row(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert STORY in _urls(lake, "articles")
    _erase(lake, capsys, "--url", STORY.replace("https", "http") + "?utm_source=x")
    assert STORY not in (*_urls(lake, "articles"), *_urls(lake, "copies"))
    assert MIRROR in _urls(lake, "articles")
    third = _ask(lake, "select duplicate_of from copies where url_canonical = 'https://third.example/alpha'")
    assert third == _ask(lake, f"select article_id from articles where url_canonical = '{MIRROR}'")
    assert _ask(lake, f"select copies from stories join articles using (article_id) where url = '{MIRROR}'") == [(1,)]


def test_it_does_not_come_back(lake: Lake, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _erase(lake, capsys, "--url", STORY)
    before = contents(lake)
    (tmp_path / "new").mkdir()
    _page(tmp_path / "new", "same", "alpha", STORY)
    _page(tmp_path / "new", "other", "alpha three", f"{STORY}/?utm_medium=feed")
    write_lines(tmp_path / "new" / "lines.jsonl", [record("epsilon", url=STORY)])
    account = _run(lake.root, tmp_path / "new", made / "pages")
    assert (account["articles"], account["copies"], account["rejects"]) == (0, 0, 0)
    assert account["already_seen"] == account["inputs"]
    after = contents(lake)
    assert {table: rows for table, rows in after.items() if table != "runs"} == {
        table: rows for table, rows in before.items() if table != "runs"
    }


def test_a_later_copy_is_folded_into_what_goes_on(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _erase(lake, capsys, "--url", STORY)
    (tmp_path / "new").mkdir()
    _page(tmp_path / "new", "near", "alpha", "https://fourth.example/alpha", text=paragraphs("alpha")[1:])
    _page(tmp_path / "new", "same", "alpha", "https://fifth.example/alpha")
    account = _run(lake.root, tmp_path / "new")
    assert (account["articles"], account["copies"]) == (0, 2)
    query = f"select count(*) from copies where duplicate_of = (select article_id from articles where url = '{MIRROR}')"
    assert _ask(lake, query) == [(3,)]
    assert _ask(lake, "select count(*) from copies c anti join articles a on a.article_id = c.duplicate_of") == [(0,)]


def test_a_story_that_is_gone_as_a_whole_may_be_told_anew_by_another(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _erase(lake, capsys, "--domain", "third.example", "--url", STORY, "--url", MIRROR)
    assert (said["tables"]["articles"], said["tables"]["copies"]) == (2, 3)
    assert said["stories_handed_over"] == 0
    assert _ask(lake, "select * from aliases") == []
    (tmp_path / "new").mkdir()
    _page(tmp_path / "new", "same", "alpha", "https://fifth.example/alpha")
    assert _run(lake.root, tmp_path / "new")["articles"] == 1
    assert "https://fifth.example/alpha" in _urls(lake, "articles")


def test_erasing_what_a_story_goes_on_with_hands_it_on_again(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    _erase(lake, capsys, "--url", STORY)
    said = _erase(lake, capsys, "--url", MIRROR)
    assert (said["tables"]["copies"], said["stories_handed_over"]) == (1, 1)
    assert "https://third.example/alpha" in _urls(lake, "articles")
    assert _urls(lake, "copies") == []
    assert _ask(lake, "select count(*) from stories") == _ask(lake, "select count(*) from articles")


# Domains and words


def test_a_domain_goes_with_all_below_it(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    memory, hosts = Memory(lake.memory), HostMemory(lake.hosts)
    feeds = FeedMemory(memory, hosts)
    with memory.cycle():
        feeds.make_tables()
        feeds.take_list(["https://third.example/feed", "https://ledger.example/feed"])
        for host in ("third", "ledger"):
            url = f"https://{host}.example/soon"
            feeds.add_page(DuePage(url, f"{host}.example", f"https://{host}.example/feed", None, 1, 1))
    memory.close()
    hosts.close()
    said = _erase(lake, capsys, "--domain", "third.example")
    assert (said["tables"]["articles"], said["tables"]["copies"]) == (1, 1)
    assert said["feeds_listed"] == ["https://third.example/feed"]
    assert said["memory"]["due_pages"] == 1
    assert not [url for url in (*_urls(lake, "articles"), *_urls(lake, "copies")) if "third.example" in url]
    memory, hosts = Memory(lake.memory), HostMemory(lake.hosts)
    feeds = FeedMemory(memory, hosts)
    with memory.cycle():
        again = DuePage("https://www.third.example/late", "www.third.example", "https://a.example/", None, 1, 1)
        assert not feeds.add_page(again)
    assert [page.host for page in feeds.due_pages(10, 10)] == ["ledger.example"]
    memory.close()
    hosts.close()


def test_words_reach_texts_rejects_and_memory(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rejects = _ask(lake, "select payload from rejects")
    assert any(b"Zebras" in payload for (payload,) in rejects)
    said = _erase(lake, capsys, "--match", "OF zebras", "--match", "report beta in part 1")
    assert {table: rows for table, rows in said["tables"].items() if rows} == {"articles": 1, "rejects": 1}
    assert said["memory"]["texts"] == 1
    assert said["memory"]["postings"] > 5
    for table in ("articles", "copies", "rejects"):
        assert not [row for row in contents(lake)[table] if "beta" in row or "Zebra" in row]
    (tmp_path / "new").mkdir()
    _page(tmp_path / "new", "again", "beta", "https://fifth.example/another")
    (tmp_path / "new" / "wall.html").write_text("<html><form>Sign up: friends of Zebras</form></html>")
    account = _run(lake.root, tmp_path / "new")
    assert (account["inputs"], account["already_seen"]) == (2, 2)


def test_the_memorys_file_does_not_hold_the_text_any_more(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(lake.memory)
    number = "select number from known_texts where id = (select text_id from pages where id = ?)"
    ((article_id,),) = _ask(lake, "select article_id from articles where url = 'https://ledger.example/news/beta'")
    query = f"select packed_text from texts where number = ({number})"
    ((packed,),) = connection.execute(query, (bytes.fromhex(article_id),)).fetchall()
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    assert packed[:64] in lake.memory.read_bytes()
    _erase(lake, capsys, "--url", "https://ledger.example/news/beta")
    for path in lake.private.glob("memory.sqlite*"):
        assert packed[:64] not in path.read_bytes()


def test_rows_of_all_columns_stay_as_they_are(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """What shares a file with an erased row is not changed by that, whatever is in it."""
    memory = Memory(lake.memory)
    rows = rows_of_cycle(50, SEEN_AT)
    rows["articles"][1] = rows["articles"][1]._replace(
        article=rows["articles"][1].article._replace(headline=HOSTILE, authors=[HOSTILE], extra=HOSTILE)
    )
    write_cycle(lake, memory, rows)
    memory.close()
    before = contents(lake)
    _erase(lake, capsys, "--url", "https://ledger.example/n50-0")
    after = contents(lake)
    gone = [row for row in before["articles"] if "ledger.example/n50-0" in row]
    assert len(gone) == 1
    assert after["articles"] == [row for row in before["articles"] if row not in gone]
    for table in ("rejects", "runs", "fetches", "feeds"):
        assert after[table] == before[table]


def test_nothing_is_rewritten_where_nothing_is_found(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_ino for path in lake.root.glob("*/*/*.parquet")}
    said = _erase(lake, capsys, "--url", "https://nowhere.example/")
    assert not any(said["tables"].values())
    assert {path: path.stat().st_ino for path in lake.root.glob("*/*/*.parquet")} == before


@pytest.mark.parametrize(
    "flags", [(), ("--url", "story"), ("--domain", "com"), ("--match", "a"), ("--domain", "a b.example")]
)
def test_what_cannot_be_meant_is_wrong_usage(lake: Lake, flags: tuple[str, ...]) -> None:
    before = contents(lake)
    assert cli.main(["erase", str(lake.root), *flags]) == 2
    assert contents(lake) == before


def test_a_lake_in_use_is_left_alone_and_may_be_looked_into(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(lake):
        assert _erase(lake, capsys, "--url", STORY, "--dry-run")["tables"]["articles"] == 1
        assert cli.main(["erase", str(lake.root), "--url", STORY]) == 1
    assert "is in use by process" in capsys.readouterr().err


# Kills

ERASED = ("--url", STORY, "--domain", "news.third.example", "--match", "of zebras")


def _is_between(lake: Lake, before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> bool:
    """Whether all that is to stay is there, once, and nothing that was never there."""
    return all(
        set(after[table]) <= set(rows) <= set(before[table]) and len(set(rows)) == len(rows)
        for table, rows in contents(lake).items()
        if table != "aliases"
    )


def test_killed_at_ten_points_and_run_again_nothing_is_lost_and_nothing_back(lake: Lake, tmp_path: Path) -> None:
    before = contents(lake)
    points = spread(moments_of(lake, tmp_path, "erase", *ERASED))
    whole = Lake(tmp_path / "counted")
    after, memory = contents(whole), _memory(whole)
    assert len(points) == 10
    for point in points:
        copied = Lake(shutil.copytree(lake.root, tmp_path / f"killed-{point}"))
        killed_at(point, "erase", copied.root, *ERASED)
        assert _is_between(copied, before, after)
        assert cli.main(["erase", str(copied.root), *ERASED]) == 0
        assert _without_times(contents(copied)) == _without_times(after)
        assert _memory(copied) == memory
        assert [path for path in files(copied) if "/aliases/" not in f"/{path}"] == [
            path for path in files(whole) if "/aliases/" not in f"/{path}"
        ]
        shutil.rmtree(copied.root)


def test_the_next_run_ends_what_was_begun(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert moments_of(lake, tmp_path, "erase", *ERASED)
    after = contents(Lake(tmp_path / "counted"))
    killed_at("2:exchange_folders", "erase", lake.root, *ERASED)  # after the articles, before the copies
    assert contents(lake)["articles"] == after["articles"]
    assert contents(lake)["copies"] != after["copies"]
    (tmp_path / "page.txt").write_text("too short")
    capsys.readouterr()
    _run(lake.root, tmp_path / "page.txt")
    assert "an erasure that was cut off is finished" in capsys.readouterr().err
    now = _without_times(contents(lake))
    for table in ("articles", "copies", "aliases"):
        assert now[table] == _without_times(after)[table]
    assert not lake.rewriting.exists()


@pytest.mark.parametrize("flags", [["--dry-run"], []])
def test_what_matches_nothing_is_said(lake: Lake, capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    capsys.readouterr()
    unknown = "https://ledger.example/no/such/page"
    assert cli.main(["erase", str(lake.root), "--url", unknown, *flags]) == 0
    assert f"nothing in the lake is covered by --url {unknown}\n" in capsys.readouterr().out
    assert cli.main(["erase", str(lake.root), "--match", "Ada Q. Nobody", *flags]) == 0
    assert "nothing in the lake is covered by --match 'Ada Q. Nobody'\n" in capsys.readouterr().out
    assert cli.main(["erase", str(lake.root), "--url", STORY, *flags]) == 0
    assert "nothing in the lake is covered" not in capsys.readouterr().out


def test_what_was_erased_is_said_as_it_can_be_given_again(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    words, address = "Ada's Moss", "https://ledger.example/a?b=1&c=2"
    capsys.readouterr()
    assert cli.main(["erase", str(lake.root), "--match", words, "--url", address]) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("Kept as a tombstone")]
    flags = shlex.split(line.partition("come back: ")[2])
    assert cli.main(["erase", str(lake.root), "--dry-run", "--json", *flags]) == 0
    erased = json.loads(capsys.readouterr().out)["erased"]
    assert sorted((one["kind"], one["value"]) for one in erased) == [("match", words), ("url", address)]
