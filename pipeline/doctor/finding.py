"""What one look has found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from schemas.errors import DamagedError, NewerError

OK: Final = "ok"
WARN: Final = "warn"
"""It works, but not as well or not for as long as it should."""
FAIL: Final = "fail"
"""A run cannot work like this."""


_UPGRADE: Final = "upgrade newsbeam"


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    state: str
    """`OK`, `WARN` or `FAIL`."""
    said: str
    """What was found, in plain words."""
    remedy: str | None = None
    """What to do; None where nothing is to be done."""


def looked_at(what: str, look: Callable[[], Finding | str], remedy: str) -> Finding:
    """Return what a look found: its own finding, `OK` with the text that it gives, or its error with the remedy.

    Of what a newer newsbeam wrote, the remedy is to upgrade, whatever else would mend it.
    """
    try:
        found = look()
    except Exception as error:  # whatever it is, the others are still looked at
        # Its whole message tells the remedy, too, and what a run that meets it has not written.
        found_wrong = error.finding if isinstance(error, DamagedError) else str(error)
        said = " ".join((found_wrong or type(error).__name__).split())
        return Finding(what, FAIL, said[:500], _UPGRADE if isinstance(error, NewerError) else remedy)
    return found if isinstance(found, Finding) else Finding(what, OK, found)
