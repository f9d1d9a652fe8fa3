"""What stands between fences in README.md and docs/, and what can be said of a command without running it."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.options import command_parser, run_settings

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """What stands between two fences."""

    page: str
    line: int
    """Of the page, where the text begins."""
    language: str
    text: str


class Command(NamedTuple):
    """A line for a shell, with those that it goes on in."""

    page: str
    line: int
    text: str


def blocks() -> Iterator[Block]:
    """Yield every fenced block.

    Raises:
        ValueError: a page has a fence that is not closed.
    """
    for path in PAGES:
        page, text = path.relative_to(ROOT).as_posix(), path.read_text()
        found = list(_FENCE.finditer(text))
        if len(re.findall(r"^ *```", text, re.MULTILINE)) != 2 * len(found):
            raise ValueError(f"{page} has a fence without its other")
        for block in found:
            yield Block(page, text.count("\n", 0, block.start()) + 2, block[1], block[2])


def commands() -> Iterator[Command]:
    """Yield the commands of blocks that name no language, or a shell's."""
    for block in blocks():
        if block.language in ("", "sh", "bash"):
            yield from _commands_of(block)


def _commands_of(block: Block) -> Iterator[Command]:
    whole = ""
    for number, line in enumerate(block.text.splitlines(), block.line):
        whole += line.strip()
        if whole.endswith("\\"):
            whole = whole[:-1]
        elif whole:
            if not whole.startswith("#"):
                yield Command(block.page, number, whole)
            whole = ""


def parts_of(command: str) -> list[list[str]]:
    """Return the words of each program of a line, without `sudo`, comments and redirections."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&|;"):
            parts.append([])
        else:
            parts[-1].append(word)
    return [_plain(part) for part in parts if part]


def _plain(words: list[str]) -> list[str]:
    end = next((place for place, word in enumerate(words) if set(word) <= set("<>")), len(words))
    return words[1:end] if words[0] == "sudo" else words[:end]


# what each program is asked


def _check_newsbeam(words: Sequence[str]) -> None:
    engine = {"$(.venv/bin/newsbeam", "$(newsbeam"}
    end = next((place for place, word in enumerate(words) if word in engine), len(words))
    flags = ["--runner=FlinkRunner"] if end < len(words) else []  # as `newsbeam engine flags` prints it
    parsed, others = command_parser().parse_known_args([*words[1:end], *flags])
    assert others == [], others
    if parsed.command == "run":
        run_settings(parsed, [])


def _check_make(words: Sequence[str]) -> None:
    subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True, timeout=60)


def _check_files(words: Sequence[str]) -> None:
    """What the project's own folders are said to hold must be there; so must units of systemd that newsbeam has."""
    for word in words:
        if word.startswith("deploy/"):
            assert list(ROOT.glob(word)), f"{word} is not there"
        if re.fullmatch(r"newsbeam[\w-]*\.(service|timer)", word):
            assert (ROOT / "deploy" / "local" / word).exists(), f"{word} is no unit of deploy/local/"


def _check_clone(words: Sequence[str]) -> None:
    assert list(words[:3]) == ["git", "clone", "…"], "say an address, and check it, once there is one"


CHECKS: Final[Mapping[str, Callable[[Sequence[str]], None]]] = {
    "newsbeam": _check_newsbeam,
    "make": _check_make,
    "git": _check_clone,
    **dict.fromkeys(("cd", "cp", "echo", "install", "podman", "systemctl", "tee", "useradd"), _check_files),
}
"""What can be said of each program's command, by the program's name."""


def check(command: str) -> None:
    """Check every program of a line as far as possible without running it.

    Raises:
        KeyError: a program is not known.
        AssertionError, UsageError, CalledProcessError: what it is given cannot be right.
    """
    for words in parts_of(command):
        CHECKS[Path(words[0]).name](words)
