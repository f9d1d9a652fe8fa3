"""Records of a duplicate index's changes as plain tuples, fit for any coder: how engines keep the index in their state.

Only numbers, text, bytes, None and tuples of these: a state written today can be read by a later version.
"""

from __future__ import annotations

from typing import Any, Final

from transforms.functions.duplicate_index import Attachment, Group, StoredText, Stray
from transforms.functions.outlet_window import SeenText
from transforms.functions.text_print import TextPrint

_TYPES: Final[dict[str, Any]] = {
    "text": StoredText,
    "group": Group,
    "attachment": Attachment,
    "stray": Stray,
    "seen": SeenText,
}
_NAMES: Final = {row_type: name for name, row_type in _TYPES.items()}
_PRINT, _SET, _ROW, _TUPLE = "print", "set", "row", "tuple"


def to_plain(value: Any) -> Any:
    """Return a record, or a part of one, as plain values."""
    if isinstance(value, TextPrint):
        return _PRINT, value.shingles.tobytes(), value.packed_text
    if isinstance(value, frozenset):
        return _SET, *sorted(value)
    if type(value) in _NAMES:
        return _ROW, _NAMES[type(value)], *map(to_plain, value)
    if isinstance(value, tuple):
        return _TUPLE, *map(to_plain, value)
    return value


def from_plain(plain: Any) -> Any:
    """Return what `to_plain` was given."""
    if not isinstance(plain, tuple):
        return plain
    kind, *parts = plain
    if kind == _PRINT:
        return TextPrint.stored(*parts)
    if kind == _SET:
        return frozenset(parts)
    if kind == _ROW:
        return _TYPES[parts[0]](*map(from_plain, parts[1:]))
    return tuple(map(from_plain, parts))
