"""A duplicate index in dictionaries, rebuilt from the records of its changes: what engines hold beside their state.

The records are kept for the window of comparison and dropped from the oldest on. So each record of a text or a group
holds all that is known of it: whatever is touched is remembered anew; what no record speaks of any more is forgotten.
(Of strays only those that became articles are: others are moved by aliases only while the record of them lives.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from schemas.instants import Instant
from transforms.functions.duplicate_index import TEXTS_A_KEY, Attachment, Group, StoredText, Stray
from transforms.functions.outlet_window import OutletWindow, SeenText


class DictionaryIndex:
    """`DuplicateIndex` in memory.

    Each change is also handed to `record`, as the name of a method and its arguments; `apply` does it again. So a
    journal of these records is the index. Methods of the protocol are described there.
    """

    def __init__(self, record: Callable[[tuple[Any, ...]], None] = lambda change: None) -> None:
        self._record = record
        self._pages: dict[str, str] = {}
        self._known: dict[str, tuple[str, str]] = {}
        self._rows: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._texts: dict[int, StoredText] = {}
        # Nearly all keys have one text: its number alone takes a tenth of the memory of any collection.
        self._by_key: dict[int, int | list[int]] = {}
        self._groups: dict[int, Group] = {}
        self._members: dict[int, list[int]] = {}  # of groups of more than the text that they are numbered by
        self._children: dict[int, set[int]] = {}
        self._attached: dict[int, dict[int, Attachment]] = {}
        self._attached_to: dict[int, set[int]] = {}
        self._strays: dict[int, list[Stray]] = {}
        self._aliases: dict[str, tuple[str, Instant]] = {}
        self._aliased: dict[str, set[str]] = {}
        self._outlets: dict[str, OutletWindow] = {}
        self._grown: set[str] = set()
        self._last_number = 0

    def apply(self, change: tuple[Any, ...]) -> None:
        """Do again what was recorded; nothing is recorded of it."""
        record, self._record = self._record, lambda change: None
        try:
            getattr(self, change[0])(*change[1:])
        finally:
            self._record = record

    def text_of_page(self, article_id: str) -> str | None:
        text_id = self._pages.get(article_id)
        return text_id if text_id is not None and self.known_as(text_id) else None

    def known_as(self, text_id: str) -> str | None:
        known_as = self._known[text_id][0] if text_id in self._known else None
        return known_as if known_as in self._known else None  # the text that it counts as may have been forgotten

    def story_of(self, text_id: str) -> str:
        return self._known[text_id][1]

    def has_row(self, copy_id: str) -> bool:
        return copy_id in self._rows

    def note_page(self, article_id: str, text_id: str) -> None:
        self._record(("note_page", article_id, text_id))
        self._pages[article_id] = text_id

    def note_text(self, text_id: str, known_as: str, story: str) -> None:
        self._record(("note_text", text_id, known_as, story))
        self._known[text_id] = known_as, story

    def note_row(self, copy_id: str) -> None:
        self._record(("note_row", copy_id))
        self._rows.add(copy_id)

    def number_of(self, text_id: str) -> int | None:
        return self._numbers.get(text_id)

    def text(self, number: int) -> StoredText:
        return self._texts[number]

    def expect(self, keys: Iterable[int]) -> None:
        pass

    def candidates(self, keys: Sequence[int]) -> Mapping[int, int]:
        found: Counter[int] = Counter()
        for key in keys:
            numbers = self._by_key.get(key, [])
            found.update([numbers] if isinstance(numbers, int) else numbers)
        return found

    def add_text(self, text: StoredText, keys: Sequence[int]) -> int:
        number = self._last_number + 1
        self.restore_text(number, text._replace(group=number), keys)
        return number

    def restore_text(self, number: int, text: StoredText, keys: Sequence[int]) -> None:
        """Note a text with its number and group; of one that is known, only when it was seen."""
        self._record(("restore_text", number, text, tuple(keys)))
        if number in self._texts:
            text = text._replace(group=self._texts[number].group)
        else:
            self._last_number = max(self._last_number, number)
            self._numbers[text.text_id] = number
            if text.group != number:
                self._members.setdefault(text.group, [text.group]).append(number)
            for key in keys:
                self._add_key(key, number)
        self._texts[number] = text

    def see_again(self, number: int, first_seen_at: Instant, last_seen_at: Instant, keys: Sequence[int]) -> None:
        text = self._texts[number]._replace(first_seen_at=first_seen_at, last_seen_at=last_seen_at)
        self.restore_text(number, text, keys)
        if text.group in self._groups:
            self.save_group(self._groups[text.group])

    def group(self, number: int) -> Group | None:
        return self._groups.get(number)

    def save_group(self, group: Group) -> None:
        own = {article for _, article in group.articles}
        aliases = tuple((old, *self._aliases[old]) for old in sorted(own & self._aliases.keys()))
        promoted = tuple(stray for stray in self._strays.get(group.number, ()) if stray.article_id in own)
        self.restore_group(group, self.attachments(group.number), aliases, promoted)

    def restore_group(
        self,
        group: Group,
        attachments: Sequence[Attachment],
        aliases: Sequence[tuple[str, str, Instant]],
        promoted: Sequence[Stray],
    ) -> None:
        """Note a group with the attachments that start from it, its articles' aliases, and those that are strays."""
        self._record(("restore_group", group, tuple(attachments), tuple(aliases), tuple(promoted)))
        for stray in promoted:
            if stray not in self._strays.get(group.number, ()):
                self._strays.setdefault(group.number, []).append(stray)
        for attachment in attachments:
            self._attach(attachment)
        for old, new, decided_at in aliases:
            self._set_alias(old, new, decided_at)
        before = self._groups.get(group.number)
        if before is not None and before.parent is not None:
            self._children[before.parent].discard(group.number)
        self._groups[group.number] = group
        if group.parent is not None:
            self._children.setdefault(group.parent, set()).add(group.number)

    def children(self, number: int) -> list[int]:
        return sorted(self._children.get(number, ()))

    def merge(self, source: int, target: int) -> None:
        self._record(("merge", source, target))
        for number in self._members.pop(source, [source]):
            if number in self._texts:
                self._texts[number] = self._texts[number]._replace(group=target)
                self._members.setdefault(target, [target]).append(number)
        if source in self._strays:
            self._strays.setdefault(target, []).extend(self._strays.pop(source))
        self._move_attachments(source, target)
        for child in self._children.pop(source, set()):
            self._groups[child] = self._groups[child]._replace(parent=target)
            self._children.setdefault(target, set()).add(child)
        gone = self._groups.pop(source, None)
        if gone is not None and gone.parent is not None:
            self._children.get(gone.parent, set()).discard(source)

    def attachments(self, source: int) -> list[Attachment]:
        return list(self._attached.get(source, {}).values())

    def attach(self, attachment: Attachment) -> None:
        self._record(("attach", attachment))
        self._attach(attachment)

    def strays(self, group: int) -> list[Stray]:
        return list(self._strays.get(group, ()))

    def add_stray(self, group: int, stray: Stray) -> None:
        self._record(("add_stray", group, stray))
        self._strays.setdefault(group, []).append(stray)

    def alias_of(self, old_id: str) -> tuple[str, Instant] | None:
        return self._aliases.get(old_id)

    def aliased_to(self, new_id: str) -> list[str]:
        return sorted(self._aliased.get(new_id, ()))

    def set_alias(self, old_id: str, new_id: str, decided_at: Instant) -> None:
        self._record(("set_alias", old_id, new_id, decided_at))
        self._set_alias(old_id, new_id, decided_at)

    def _set_alias(self, old_id: str, new_id: str, decided_at: Instant) -> None:
        if old_id in self._aliases:
            self._aliased[self._aliases[old_id][0]].discard(old_id)
        self._aliases[old_id] = new_id, decided_at
        self._aliased.setdefault(new_id, set()).add(old_id)

    def outlet(self, name: str) -> OutletWindow:
        return self._outlets.setdefault(name, OutletWindow())

    def add_to_outlet(self, name: str, text: SeenText) -> None:
        self._record(("add_to_outlet", name, text))
        self.outlet(name).add(text)
        self._grown.add(name)

    def finish(self) -> None:
        for name in self._grown:
            self._outlets[name].trim()
        self._grown.clear()

    def _add_key(self, key: int, number: int) -> None:
        held = self._by_key.get(key)
        if held is None:
            self._by_key[key] = number
        elif isinstance(held, int):
            self._by_key[key] = [held, number]
        else:
            held.append(number)
            del held[:-TEXTS_A_KEY]

    def _attach(self, attachment: Attachment) -> None:
        known = self._attached.setdefault(attachment.source, {})
        if attachment.target not in known or attachment.rank < known[attachment.target].rank:
            known[attachment.target] = attachment
            self._attached_to.setdefault(attachment.target, set()).add(attachment.source)

    def _move_attachments(self, source: int, target: int) -> None:
        moved = list(self._attached.pop(source, {}).values())
        for attachment in moved:
            self._attached_to[attachment.target].discard(source)
        for other in self._attached_to.pop(source, set()):
            moved.append(self._attached[other].pop(source))
        for attachment in moved:
            ends = {source: target}
            attachment = attachment._replace(
                source=ends.get(attachment.source, attachment.source),
                target=ends.get(attachment.target, attachment.target),
            )
            if attachment.source != attachment.target:
                self._attach(attachment)
