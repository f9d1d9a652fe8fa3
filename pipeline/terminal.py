"""Text from the web on a terminal, in JSON and on a page: shown, never obeyed."""

from __future__ import annotations

import json
from typing import Any, Final

from rich.text import Text

# What could give a terminal orders, or turn its line round: control characters, overriding marks, halves of surrogates.
_UNSAFE: Final = (
    *range(0x20),
    *range(0x7F, 0xA0),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
)
_MASKED: Final = dict.fromkeys(_UNSAFE, "\ufffd")
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in _UNSAFE if code >= 0x20}


def safe(text: str) -> Text:
    """Return text from the web as rich shows it: on one line, without orders to the terminal, and none to rich."""
    return Text(masked(" ".join(text.split())))


def masked(text: str) -> str:
    """Return text from the web without control characters, marks that turn a line round, and halves of surrogates."""
    return text.translate(_MASKED)


def masked_lines(text: str) -> str:
    """Return the same of a text of several lines, which stay."""
    return "\n".join(map(masked, text.split("\n")))


def masked_json(text: str) -> str:
    """Return JSON that a terminal may be shown, of JSON that another program has written; it reads back equal."""
    return text.translate(_ESCAPED)


def json_line(value: Any) -> str:
    """Return a value as one line of JSON that a terminal may be shown; it reads back equal."""
    return masked_json(json.dumps(value, ensure_ascii=False)) + "\n"
