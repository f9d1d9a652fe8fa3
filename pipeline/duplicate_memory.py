"""The keeper of the duplicate index for local cycles: tables in the lake's memory, within the cycle's transaction."""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

from pipeline.memory import Memory, memory_at
from pipeline.postings import Postings
from schemas.errors import LakeError
from schemas.instants import Instant
from transforms.functions.duplicate_index import WINDOW, Attachment, Group, StoredText, Stray
from transforms.functions.outlet_window import OutletWindow, SeenText
from transforms.functions.text_print import TextPrint

_PERIOD: Final[Instant] = WINDOW
"""Things are forgotten a period at a time: what was noted in the one before this may still be within the window.
Shorter periods would be forgotten sooner, and each costs a search of its own for each key."""

_PRINTS_HELD: Final = 512
"""Prints kept ready: the partners of a cycle's commonest stories."""

_ARTICLE: Final = struct.Struct("<q16s")

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Method: TypeAlias = Callable[Concatenate["DuplicateMemory", _P], _R]


_UNREADABLE: Final = (
    ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What reading a damaged value comes to."""


def _checked(method: _Method[_P, _R]) -> _Method[_P, _R]:
    """Have a method tell, where a stored value cannot be read, that the memory is damaged: SQLite keeps no
    checksums."""

    @wraps(method)
    def call(memory: DuplicateMemory, /, *arguments: _P.args, **named: _P.kwargs) -> _R:
        try:
            return method(memory, *arguments, **named)
        except _UNREADABLE as error:
            what = f"{method.__name__} has found what it cannot read ({type(error).__name__}: {error})"
            raise memory.damaged(what) from error

    return call


def duplicate_memory_at(path: str, now: Instant) -> DuplicateMemory:
    """Return the keeper over the memory that this process has open at that path, for one cycle that began at `now`."""
    return DuplicateMemory(memory_at(path), now)


class DuplicateMemory:
    """`DuplicateIndex` over a lake's memory, for one cycle."""

    def __init__(self, memory: Memory, now: Instant) -> None:
        self._memory = memory
        self._period = now // _PERIOD
        self._postings = Postings(memory, self._period)
        self._outlets: dict[str, OutletWindow] = {}
        self._grown: set[str] = set()
        self._prints: OrderedDict[int, TextPrint] = OrderedDict()

    def damaged(self, what: str) -> LakeError:
        """Return the error for a memory that says what none can say."""
        return self._memory.damaged(what)

    def forget(self) -> None:
        """Forget, within the cycle, the texts that no text of now can be compared with any more."""
        oldest = self._period - 1
        with self._memory.noting() as connection:
            if connection.execute("select 1 from texts where period < ? limit 1", (oldest,)).fetchone() is None:
                return
            self._postings.forget(oldest)
            connection.execute("delete from texts where period < ?", (oldest,))
            connection.execute("delete from groups where period < ?", (oldest,))
            connection.execute("delete from attachments where source not in (select number from groups)")
            connection.execute("delete from strays where group_number not in (select number from groups)")

    # Pages and texts, remembered for good

    @_checked
    def text_of_page(self, article_id: str) -> str | None:
        return _hex(self._memory.row("select text_id from pages where id = ?", _blob(article_id)))

    @_checked
    def known_as(self, text_id: str) -> str | None:
        return _hex(self._memory.row("select known_as from known_texts where id = ?", _blob(text_id)))

    @_checked
    def story_of(self, text_id: str) -> str:
        return str(_hex(self._memory.row("select story from known_texts where id = ?", _blob(text_id))))

    def has_row(self, copy_id: str) -> bool:
        return self._memory.row("select 1 from written_rows where id = ?", _blob(copy_id)) is not None

    def note_page(self, article_id: str, text_id: str) -> None:
        self._memory.do("insert or replace into pages values (?, ?)", _blob(article_id), _blob(text_id))

    @_checked
    def note_text(self, text_id: str, known_as: str, story: str) -> None:
        statement = (
            "insert into known_texts (id, known_as, story) values (?, ?, ?) "
            "on conflict do update set known_as = excluded.known_as, story = excluded.story"
        )
        self._memory.do(statement, _blob(text_id), _blob(known_as), _blob(story))

    def note_row(self, copy_id: str) -> None:
        self._memory.do("insert or ignore into written_rows values (?)", _blob(copy_id))

    # Texts to compare with

    def number_of(self, text_id: str) -> int | None:
        query = "select number from texts where number = (select number from known_texts where id = ?) and text_id = ?"
        row = self._memory.row(query, _blob(text_id), _blob(text_id))
        return None if row is None else int(row[0])

    @_checked
    def text(self, number: int) -> StoredText:
        query = (
            "select text_id, first_seen_at, last_seen_at, group_number, outlet, language from texts where number = ?"
        )
        text_id, first, last, group, outlet, language = self._memory.row(query, number)
        return StoredText(text_id.hex(), first, last, group or number, outlet, language, self._print(number))

    def expect(self, keys: Iterable[int]) -> None:
        self._postings.look_up(keys)

    @_checked
    def candidates(self, keys: Sequence[int]) -> Mapping[int, int]:
        return self._postings.count(keys)

    def add_text(self, text: StoredText, keys: Sequence[int]) -> int:
        values = (
            _blob(text.text_id), self._period, text.first_seen_at, text.last_seen_at, text.outlet, text.language,
            text.print.shingles.tobytes(), text.print.packed_text,
        )  # fmt: skip
        columns = "text_id, period, first_seen_at, last_seen_at, outlet, language, shingles, packed_text"
        statement = f"insert into texts ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?)"
        with self._memory.noting() as connection:
            number = int(connection.execute(statement, values).lastrowid or 0)
            # Its story is noted when it is known.
            known = (values[0], values[0], b"", number)
            conflict = "on conflict do update set number = excluded.number"
            connection.execute(f"insert into known_texts values (?, ?, ?, ?) {conflict}", known)
        self._keep_print(number, text.print)
        self._postings.add(number, keys)
        return number

    @_checked
    def see_again(self, number: int, first_seen_at: Instant, last_seen_at: Instant, keys: Sequence[int]) -> None:
        period, group = self._memory.row("select period, group_number from texts where number = ?", number)
        # Never an earlier one, should the clock have gone back: the postings of the later one would outlive the text.
        kept = max(period, self._period)
        statement = "update texts set first_seen_at = ?, last_seen_at = ?, period = ? where number = ?"
        self._memory.do(statement, first_seen_at, last_seen_at, kept, number)
        self._memory.do("update groups set period = max(period, ?) where number = ?", kept, group or number)
        if period < kept:
            self._postings.add(number, keys)

    # Groups

    @_checked
    def group(self, number: int) -> Group | None:
        row = self._memory.row("select story, parent, articles from groups where number = ?", number)
        if row is None:
            return None
        story, parent, articles = row
        own = tuple((seen_at, article.hex()) for seen_at, article in _ARTICLE.iter_unpack(articles))
        return Group(number, story.hex(), parent, own)

    @_checked
    def save_group(self, group: Group) -> None:
        articles = b"".join(_ARTICLE.pack(seen_at, _blob(article)) for seen_at, article in group.articles)
        values = group.number, self._period, _blob(group.story), group.parent, articles
        self._memory.do("insert or replace into groups values (?, ?, ?, ?, ?)", *values)

    @_checked
    def children(self, number: int) -> list[int]:
        return [row[0] for row in self._memory.rows("select number from groups where parent = ? order by 1", number)]

    @_checked
    def merge(self, source: int, target: int) -> None:
        moved = [
            one._replace(
                source=target if one.source == source else one.source,
                target=target if one.target == source else one.target,
            )
            for one in self._attachments("source = ? or target = ?", source, source)
        ]
        with self._memory.noting() as connection:
            connection.execute("update texts set group_number = ? where group_number = ?", (target, source))
            connection.execute(
                "update texts set group_number = ? where number = ? and group_number is null", (target, source)
            )
            connection.execute("update strays set group_number = ? where group_number = ?", (target, source))
            connection.execute("update groups set parent = ? where parent = ?", (target, source))
            connection.execute("delete from groups where number = ?", (source,))
            connection.execute("delete from attachments where source = ?", (source,))
            connection.execute("delete from attachments where target = ?", (source,))
        for attachment in moved:
            if attachment.source != attachment.target:
                self.attach(attachment)

    @_checked
    def attachments(self, source: int) -> list[Attachment]:
        return self._attachments("source = ?", source)

    @_checked
    def attach(self, attachment: Attachment) -> None:
        known = next(iter(self._attachments("source = ? and target = ?", attachment.source, attachment.target)), None)
        if known is None or attachment.rank < known.rank:
            values = (*attachment[:4], _blob(attachment.longer))
            self._memory.do("insert or replace into attachments values (?, ?, ?, ?, ?)", *values)

    @_checked
    def strays(self, group: int) -> list[Stray]:
        query = (
            "select copy_id, article_id, text_id, first_seen_at, story from strays where group_number = ? order by 1"
        )
        return [
            Stray(copy_id.hex(), article_id.hex(), text_id.hex(), seen_at, story.hex())
            for copy_id, article_id, text_id, seen_at, story in self._memory.rows(query, group)
        ]

    @_checked
    def add_stray(self, group: int, stray: Stray) -> None:
        copy_id, article_id, text_id, seen_at, story = stray
        values = _blob(copy_id), group, _blob(article_id), _blob(text_id), seen_at, _blob(story)
        self._memory.do("insert or replace into strays values (?, ?, ?, ?, ?, ?)", *values)

    # Aliases and outlets

    @_checked
    def alias_of(self, old_id: str) -> tuple[str, Instant] | None:
        row = self._memory.row("select new_id, decided_at from aliases where old_id = ?", _blob(old_id))
        return None if row is None else (row[0].hex(), row[1])

    @_checked
    def aliased_to(self, new_id: str) -> list[str]:
        return [
            row[0].hex()
            for row in self._memory.rows("select old_id from aliases where new_id = ? order by 1", _blob(new_id))
        ]

    @_checked
    def set_alias(self, old_id: str, new_id: str, decided_at: Instant) -> None:
        self._memory.do("insert or replace into aliases values (?, ?, ?)", _blob(old_id), _blob(new_id), decided_at)

    @_checked
    def outlet(self, name: str) -> OutletWindow:
        if name not in self._outlets:
            row = self._memory.row("select latest from outlets where name = ?", name)
            self._outlets[name] = OutletWindow() if row is None else OutletWindow.from_bytes(row[0])
        return self._outlets[name]

    def add_to_outlet(self, name: str, text: SeenText) -> None:
        self.outlet(name).add(text)
        self._grown.add(name)

    def finish(self) -> None:
        self._postings.write()
        with self._memory.noting() as connection:
            for name in sorted(self._grown):
                self._outlets[name].trim()
                values = name, self._outlets[name].to_bytes()
                connection.execute("insert or replace into outlets values (?, ?)", values)
        self._outlets.clear()
        self._grown.clear()

    # SQLite

    def _print(self, number: int) -> TextPrint:
        if number not in self._prints:
            shingles, packed = self._memory.row("select shingles, packed_text from texts where number = ?", number)
            stored = TextPrint.stored(shingles, packed)
            stored.sentences  # noqa: B018  (what is damaged shows here, and not while it is compared)
            self._keep_print(number, stored)
        self._prints.move_to_end(number)
        return self._prints[number]

    def _keep_print(self, number: int, one: TextPrint) -> None:
        self._prints[number] = one
        if len(self._prints) > _PRINTS_HELD:
            self._prints.popitem(last=False)

    def _attachments(self, condition: str, *values: Any) -> list[Attachment]:
        columns = "source, target, shorter_share, longer_share, longer"
        rows = self._memory.rows(f"select {columns} from attachments where {condition}", *values)
        return [
            Attachment(source, target, shorter, share, longer.hex()) for source, target, shorter, share, longer in rows
        ]


def _blob(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


def _hex(row: Any) -> str | None:
    return None if row is None else row[0].hex()
