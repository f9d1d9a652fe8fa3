"""Every error that newsbeam raises on purpose: one small tree.

A message says what was wrong, where, and what to do about it.
"""

from __future__ import annotations


class NewsbeamError(Exception):
    """The root: catch this to catch all that newsbeam raises on purpose. Ends the command with exit code 1."""


class UsageError(NewsbeamError):
    """The command line or a path on it cannot be used as given. Ends the command with exit code 2."""


class LakeError(NewsbeamError):
    """The lake (or its memory) cannot be read or written, or was made by a newer newsbeam."""


class DamagedError(LakeError):
    """A file of the lake's memory is damaged, lost, or older than the tables; it can be made anew from these.

    Args:
        message: what was wrong, and what to do about it.
        finding: only what was wrong, for who gives the remedy beside it; the message where none is given.
    """

    def __init__(self, message: str, finding: str | None = None) -> None:
        super().__init__(message)
        self.finding = finding or message


class NewerError(LakeError):
    """A file of the lake was written by a newer newsbeam, and is left as it is; to upgrade is the remedy."""


class AccountingError(NewsbeamError):
    """Inputs and outcomes of a cycle do not add up; the cycle is not committed."""


class WorkersLostError(NewsbeamError):
    """The worker processes are gone, ended from outside; the cycle is given up, and its inputs are due again."""


class ModelError(NewsbeamError):
    """A file of the package's models is missing or is not the one that this version was made with."""


class EngineError(NewsbeamError):
    """An engine could not be built, or a part of it did not start or does not answer."""


class ToolMissingError(EngineError):
    """A program that an engine is built with or runs on is not installed."""


class InputRejected(NewsbeamError):
    """One input cannot become a row; it becomes a row of `rejects` instead and the run goes on.

    Args:
        reason: one of a few fixed snake_case words, fit for `group by` (`empty`, `no_article`, `time_limit` ...).
        message: what was wrong with this input, in words.
        retryable: whether the same bytes may pass another time (a time limit on a busy machine: yes; no article: no).
        error_class: class of the error behind it, where there is one.
    """

    def __init__(self, reason: str, message: str, *, retryable: bool = False, error_class: str | None = None) -> None:
        super().__init__(reason, message, retryable, error_class)
        self.reason = reason
        self.message = message
        self.retryable = retryable
        self.error_class = error_class or type(self).__name__

    @classmethod
    def of(cls, error: BaseException) -> InputRejected:
        """Return what an input's error means for it: itself, or `error` for whatever a library made of the input."""
        if isinstance(error, InputRejected):
            return error
        name = type(error).__name__
        return cls("error", f"{name}: {error}"[:2000], error_class=name)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions; these cross process borders.
        return (_rebuild_rejected, (self.reason, self.message, self.retryable, self.error_class))


def _rebuild_rejected(reason: str, message: str, retryable: bool, error_class: str) -> InputRejected:
    return InputRejected(reason, message, retryable=retryable, error_class=error_class)
