"""What a run says on standard error: lines for people, or one JSON object a line for a log that is searched.

Libraries speak through `logging`, so newsbeam does, too: with `--log-format json` no line of theirs breaks the form.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from pipeline.terminal import json_line, masked_lines

LOG_FORMATS: Final = ("text", "json")

_logger = logging.getLogger("newsbeam")


def say(event: str, message: str, level: int = logging.INFO, **figures: Any) -> None:
    """Tell what happened.

    Args:
        event: one of a few fixed words, fit to search a log for (`cycle`, `stopping`, `failed` ...).
        message: the same for people, in one line.
        figures: what a JSON line has beside; anything that JSON holds.
    """
    _logger.log(level, "%s", message, extra={"event": event, "figures": figures})


def is_json() -> bool:
    """Whether lines are JSON."""
    return isinstance(_handler.formatter, _Json)


def use_format(name: str) -> None:
    """Choose the form of all lines from now on: one of `LOG_FORMATS`."""
    _handler.setFormatter(_Json() if name == "json" else _Text())
    if name == "json":
        sys.excepthook = _say_crash
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_Json())


def _say_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    crash = {"event": "crashed", "figures": {}}
    _logger.critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace), extra=crash)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"newsbeam: {masked_lines(record.getMessage())}\n"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        head = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "library"),
            "message": record.getMessage(),
        }
        if record.name != _logger.name:
            head["logger"] = record.name
        if record.exc_info:
            head["exception"] = self.formatException(record.exc_info)
        line = json_line(json.loads(json.dumps({**head, **getattr(record, "figures", {})}, default=str)))
        return line if record.name == _logger.name else line.rstrip("\n")


class _StandardError(logging.Handler):
    """Writes to what `sys.stderr` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record))
        sys.stderr.flush()


_handler: Final = _StandardError()
_handler.setFormatter(_Text())
_logger.addHandler(_handler)
_logger.setLevel(logging.INFO)
_logger.propagate = False
