from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engines.prism import build_prism, find_prism, prism_flags
from pipeline.engines.tools import BEAM_VERSION
from schemas.errors import ToolMissingError, UsageError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEWSBEAM_PRISM", raising=False)
    monkeypatch.delenv("NEWSBEAM_ENGINES", raising=False)


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_what_was_built_is_found_by_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = _program(tmp_path / f"prism-{BEAM_VERSION}" / "prism")
    assert find_prism(tmp_path) == built
    monkeypatch.setenv("NEWSBEAM_ENGINES", str(tmp_path))
    assert find_prism() == built


def test_a_prism_of_another_beam_is_not_taken(tmp_path: Path) -> None:
    _program(tmp_path / "prism-2.1.0" / "prism")
    with pytest.raises(UsageError, match="newsbeam engine build"):
        find_prism(tmp_path)


def test_the_variable_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / f"prism-{BEAM_VERSION}" / "prism")
    monkeypatch.setenv("NEWSBEAM_PRISM", str(_program(tmp_path / "own" / "prism")))
    assert find_prism(tmp_path) == tmp_path / "own" / "prism"


def test_a_variable_that_names_no_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSBEAM_PRISM", str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match=r"NEWSBEAM_PRISM names .*nothing, which is no program"):
        find_prism(tmp_path)


def test_without_go_it_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=r"go is not on this machine.*go\.dev"):
        build_prism(tmp_path / "built")
    assert [path.name for path in (tmp_path / "built").iterdir()] == [".lock"]


def test_the_flags_without_which_state_is_lost_are_there() -> None:
    flags = prism_flags(Path("/a/prism"))
    assert "--experiments=prism_disable_sdf_split" in flags
    assert "--prism_location=/a/prism" in flags
