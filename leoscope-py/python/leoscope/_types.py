"""What calls of the package give back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Iterable, List, NamedTuple, Optional, Tuple, Union

from . import _html
from ._accounts import AuditEntry, Settings, User
from ._values import (
    BookedConflict,
    Calendar,
    Download,
    FieldInfo,
    FreeSlot,
    JobStats,
    NodeReadings,
    PlannedRun,
    Policies,
    Reading,
    RunEvent,
    Standby,
)

if TYPE_CHECKING:
    import pandas

    from ._leoscope import JobTiming

# The native module looks for all it makes here.
__all__ = [
    "AuditEntry",
    "BookedConflict",
    "Calendar",
    "Conflict",
    "Download",
    "FieldInfo",
    "Forecast",
    "ForecastWindow",
    "FreeSlot",
    "JobStats",
    "Mistake",
    "NodeReadings",
    "PlannedRun",
    "Policies",
    "Reading",
    "RunEvent",
    "Settings",
    "Standby",
    "User",
    "Verdict",
]


class Mistake(NamedTuple):
    """One thing that is wrong with a condition; ``text[start:end]`` is where."""

    start: int
    """Its first character, counted from 0."""
    end: int
    """The character after its last."""
    message: str
    """What is wrong."""
    help: Optional[str]
    """What to do about it."""


class Verdict(NamedTuple):
    """Whether a condition holds, and why. It is true where the condition is MET: only then a run would start."""

    verdict: str
    """``"MET"``, ``"NOT_MET"`` or ``"UNKNOWN"``."""
    why: str
    """One line that says why, with the values."""
    readings: dict[str, Union[bool, float, str, None]]
    """The newest value of each field that the condition names, in the field's own unit; None where there is none."""

    def __bool__(self) -> bool:
        return self.verdict == "MET"

    def _repr_html_(self) -> str:
        return _html.facts("condition", [("verdict", self.verdict), ("why", self.why), *self.readings.items()])


class ForecastWindow(NamedTuple):
    """A time at which a condition is expected to hold."""

    start: datetime
    """Its first second, in UTC."""
    end: datetime
    """The second after its last, in UTC."""
    sigma: float
    """By how many seconds its edges may be wrong as the elements age: one standard deviation."""


class Forecast(List[ForecastWindow]):
    """The windows in which a condition is expected to hold, in order of time.

    A forecast that is not ``exact`` tells of a part of the condition alone: outside its windows the
    condition does not hold, inside them it depends on ``unforeseen``.
    """

    part: str
    """What of the condition was foretold, in its canonical form."""
    unforeseen: List[str]
    """The fields that the condition names and that cannot be told before their time."""
    unknown: List[Tuple[datetime, datetime]]
    """When it cannot be told whether it holds, since something has no value then: starts and ends, in UTC."""

    def __init__(
        self,
        windows: Iterable[ForecastWindow] = (),
        part: str = "",
        unforeseen: Iterable[str] = (),
        unknown: Iterable[Tuple[datetime, datetime]] = (),
    ) -> None:
        super().__init__(windows)
        self.part = part
        self.unforeseen = list(unforeseen)
        self.unknown = list(unknown)

    @property
    def exact(self) -> bool:
        """Whether all of the condition was foretold."""
        return not self.unforeseen

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row a window: start, end and sigma."""
        from ._frames import pandas_of

        return pandas_of([window._asdict() for window in self], ForecastWindow._fields)

    def _repr_html_(self) -> str:
        caption = f"when {self.part} holds"
        if self.unforeseen:
            caption += f", if {', '.join(self.unforeseen)} allow it"
        rows = [[window.start, window.end, window.end - window.start, window.sigma] for window in self]
        return _html.table(["start", "end", "length", "sigma (s)"], rows, caption=caption)


class Conflict(NamedTuple):
    """A job in the way of another."""

    position: Optional[int]
    """Its place among the others; None where the job is in its own way, longer than the gap between its starts."""
    job: JobTiming
    """The job that holds the time."""
    node: str
    """A node that both need."""
    wanted: Tuple[datetime, datetime]
    """Start and end of the first run that would be disturbed, in UTC."""
    taken: Tuple[datetime, datetime]
    """Start and end of the run that it would overlap, in UTC."""
    clashing: int
    """How many planned runs something of this job is in the way of."""

    def _repr_html_(self) -> str:
        return _html.facts("in the way", self._asdict().items())


for _class in (Conflict, Forecast, ForecastWindow, Mistake, Verdict):
    _class.__module__ = "leoscope"
del _class
