"""What can go wrong: one tree of exceptions."""

from __future__ import annotations

from typing import List, Optional

from ._types import BookedConflict, FreeSlot, Mistake
from ._words import in_python

__all__ = [
    "AlreadyExists",
    "ConflictError",
    "Exhausted",
    "ForkError",
    "InternalError",
    "InvalidArgument",
    "LeoscopeError",
    "NotFound",
    "PermissionDenied",
    "Stale",
    "Timeout",
    "TriggerError",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
]


class LeoscopeError(Exception):
    """All that this package raises of its own. Its text is ``message`` and, on a line of its own, ``hint``."""

    message: str
    """What was wrong with which value."""
    hint: Optional[str]
    """What to do about it, if anything can be done."""

    def __init__(self, message: str, hint: Optional[str] = None) -> None:
        super().__init__(message, hint)
        self.message = in_python(message)
        self.hint = None if hint is None else in_python(hint)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class InvalidArgument(LeoscopeError, ValueError):
    """A value is not acceptable."""


class TriggerError(InvalidArgument):
    """A condition cannot be read. Its text shows the condition with every mistake underlined."""

    spans: List[Mistake]
    """All that is wrong with it, in the order of its text."""

    def __init__(
        self,
        message: str,
        hint: Optional[str] = None,
        rendered: str = "",
        spans: Optional[List[Mistake]] = None,
    ) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, rendered, spans)
        self.spans = list(spans or [])
        self._rendered = rendered

    def __str__(self) -> str:
        return f"{self.message}\n{self._rendered}" if self._rendered else super().__str__()


class NotFound(LeoscopeError, KeyError):
    """The named object does not exist, or is not for you to see."""


class AlreadyExists(LeoscopeError):
    """An object of that name exists already."""


class ConflictError(LeoscopeError):
    """The booking overlaps others."""

    conflicts: List[BookedConflict]
    """The jobs in its way."""
    free_slots: List[FreeSlot]
    """Other times at which all of its runs would be free, the nearest first."""
    clashing: int
    """How many of its planned runs something is in the way of."""

    def __init__(
        self,
        message: str,
        hint: Optional[str] = None,
        conflicts: Optional[List[BookedConflict]] = None,
        free_slots: Optional[List[FreeSlot]] = None,
        clashing: int = 0,
    ) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, conflicts, free_slots, clashing)
        self.conflicts = list(conflicts or [])
        self.free_slots = list(free_slots or [])
        self.clashing = clashing

    def __str__(self) -> str:
        # The message names the first of them.
        lines = [self.message]
        for conflict in self.conflicts[1:]:
            start, end = (f"{at:%Y-%m-%dT%H:%M:%S}" for at in conflict.taken)
            lines.append(f"and [{start}, {end}) of job {conflict.job_id} on node {conflict.node_id}")
        return "\n".join(lines if self.hint is None else [*lines, self.hint])


class PermissionDenied(LeoscopeError, PermissionError):
    """The caller is known, and may not do this."""


class Unauthenticated(LeoscopeError, PermissionError):
    """The credentials are missing or wrong."""


class Stale(LeoscopeError):
    """What was read before has changed since: read again and retry."""


class Exhausted(LeoscopeError):
    """More was asked for than is given at once: retry after a while."""


class Unavailable(LeoscopeError, ConnectionError):
    """The other side cannot be reached now; a retry may succeed."""


class Timeout(LeoscopeError, TimeoutError):
    """It took too long. Of a change it is not known whether it was made."""


class Unsupported(LeoscopeError, NotImplementedError):
    """The other side does not know this call or feature."""


class InternalError(LeoscopeError, RuntimeError):
    """A fault that is not the caller's: a broken file, a full disk, a bug."""


class ForkError(LeoscopeError, RuntimeError):
    """A client was used in a process that was forked from the one that made it."""


for _class in (
    AlreadyExists,
    ConflictError,
    Exhausted,
    ForkError,
    InternalError,
    InvalidArgument,
    LeoscopeError,
    NotFound,
    PermissionDenied,
    Stale,
    Timeout,
    TriggerError,
    Unauthenticated,
    Unavailable,
    Unsupported,
):
    _class.__module__ = "leoscope"
del _class
