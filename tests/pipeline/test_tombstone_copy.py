from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import cli
from pipeline.memory import Memory, opened_memory
from pipeline.tombstone_copy import KeptTombstone, copy_of, read_copy, write_copy
from pipeline.tombstone_memory import check_copy, note_done, note_tombstone, settle_copy
from schemas.errors import DamagedError, LakeError, NewerError
from schemas.tombstone import DOMAIN, MATCH, URL, Tombstone

KEPT = [
    KeptTombstone(Tombstone(DOMAIN, "outlet.example", 1), True),
    KeptTombstone(Tombstone(MATCH, "Ada Möß \u202e", 2), False),
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.json"
    assert read_copy(path) is None
    write_copy(path, KEPT)
    assert read_copy(path) == KEPT
    assert [one.name for one in tmp_path.iterdir()] == ["tombstones.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "tombstones": [{"kind": "song", "value": "a", "erased_at": 1, "is_done": true}]}',
        '{"version": 1, "tombstones": [{"kind": "url", "value": 3, "erased_at": 1, "is_done": true}]}',
        '{"version": "one", "tombstones": []}',
        "[" * 100_000,
    ],
)
def test_what_is_none_is_an_error_and_not_an_empty_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tombstones.json"
    path.write_text(text)
    with pytest.raises(DamagedError, match=r"tombstones\.json"):
        read_copy(path)


def test_what_a_newer_newsbeam_wrote_stays_as_it_is(tmp_path: Path) -> None:
    text = '{"version": 2, "tombstones": {"by_digest": ["5e1f"]}}'
    with opened_memory(tmp_path / "memory.sqlite") as memory:
        copy = copy_of(memory.path)
        copy.write_text(text)
        with pytest.raises(LakeError, match=r"tombstones\.json.*has version 2.*Upgrade newsbeam") as raised:
            settle_copy(memory)
        assert not isinstance(raised.value, DamagedError)  # which would have the memory made anew
    assert copy.read_text() == text


def test_no_command_that_writes_goes_past_a_newer_newsbeams_takedowns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.txt"
    page.write_text("Strike over\n\n" + "The strike at the harbour ended on Tuesday after nine days of talks. " * 10)
    lake = tmp_path / "lake"
    assert cli.main(["run", "--input", str(page), "--output", str(lake)]) == 0
    copy = lake / "_newsbeam" / "tombstones.json"
    copy.write_text('{"version": 2, "tombstones": []}')
    before = {path: path.read_bytes() for path in lake.rglob("*.parquet")}
    for command in (
        ["run", "--input", str(page), "--output", str(lake)],
        ["erase", str(lake), "--url", "https://outlet.example/a"],
        ["compact", str(lake)],
    ):
        capsys.readouterr()
        assert cli.main(command) == 1, command
        assert "Upgrade newsbeam" in capsys.readouterr().err
    assert copy.read_text() == '{"version": 2, "tombstones": []}'
    assert {path: path.read_bytes() for path in lake.rglob("*.parquet")} == before


def test_who_only_looks_finds_what_a_run_would_and_writes_nothing(tmp_path: Path) -> None:
    with opened_memory(tmp_path / "memory.sqlite") as memory:
        copy = copy_of(memory.path)
        assert check_copy(memory) is None
        assert not copy.exists()
        write_copy(copy, KEPT[1:])  # asked for, and never committed
        assert check_copy(memory) == KEPT[1:]
        assert read_copy(copy) == KEPT[1:]
        copy.write_text("{ no")  # the next run makes it anew
        assert check_copy(memory) is None
        assert copy.read_text() == "{ no"
        write_copy(copy, KEPT)
        with pytest.raises(DamagedError, match="does not know of a takedown"):
            check_copy(memory)
        copy.write_text('{"version": 2}')
        with pytest.raises(NewerError, match="Upgrade newsbeam"):
            check_copy(memory)


def test_a_takedown_that_is_carried_out_while_somebody_looks_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_memory(tmp_path / "memory.sqlite") as memory:

        def read_later(path: Path) -> list[KeptTombstone] | None:
            with memory.cycle():
                note_tombstone(memory, KEPT[0].tombstone)
            note_done(memory)
            return read_copy(path)

        monkeypatch.setattr("pipeline.tombstone_memory.read_copy", read_later)
        assert check_copy(memory) == [KEPT[0]]


def test_the_copy_has_a_takedown_before_its_commit_and_drops_it_where_none_came(tmp_path: Path) -> None:
    tombstone = Tombstone(URL, "https://outlet.example/a", 3)
    with opened_memory(tmp_path / "memory.sqlite") as memory:
        settle_copy(memory)
        assert read_copy(copy_of(memory.path)) == []
        with pytest.raises(KeyboardInterrupt), memory.cycle():  # noqa: PT012  (what it has noted before is the point)
            note_tombstone(memory, tombstone)
            assert read_copy(copy_of(memory.path)) == [KeptTombstone(tombstone, False)]
            raise KeyboardInterrupt
        settle_copy(memory)
        assert read_copy(copy_of(memory.path)) == []
        with memory.cycle():
            note_tombstone(memory, tombstone)
        note_done(memory)
        assert read_copy(copy_of(memory.path)) == [KeptTombstone(tombstone, True)]


def test_a_copy_that_is_gone_or_damaged_is_written_again(tmp_path: Path) -> None:
    with opened_memory(tmp_path / "memory.sqlite") as memory:
        with memory.cycle():
            note_tombstone(memory, KEPT[0].tombstone)
        note_done(memory)
        copy = copy_of(memory.path)
        for text in (None, "{ no"):
            copy.unlink()
            if text:
                copy.write_text(text)
            settle_copy(memory)
            assert read_copy(copy) == [KEPT[0]]


def test_a_memory_without_a_takedown_that_was_carried_out_is_old(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    write_copy(copy_of(memory.path), KEPT[:1])
    with pytest.raises(LakeError, match=r"old copy.*newsbeam memory rebuild"):
        settle_copy(memory)
    write_copy(copy_of(memory.path), KEPT[1:])  # never committed
    settle_copy(memory)
    memory.close()
