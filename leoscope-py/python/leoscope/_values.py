"""What the testbed tells: values that do not change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _html
from ._listing import Listing

__all__ = [
    "BookedConflict",
    "Calendar",
    "Download",
    "Downloads",
    "FieldInfo",
    "FreeSlot",
    "JobStats",
    "NodeReadings",
    "PlannedRun",
    "Policies",
    "Reading",
    "RunEvent",
    "RunEvents",
    "RunStatus",
    "Slot",
    "Slots",
    "Standby",
    "Stats",
]

class RunStatus(str, Enum):
    """Where a run stands. Each is also its name as text: ``run.status == "COMPLETED"``."""

    SCHEDULED = "SCHEDULED"
    """Planned; nothing has been started."""
    RUNNING = "RUNNING"
    """On its node, in one of its phases."""
    COMPLETED = "COMPLETED"
    """Ended as planned; being stopped at its length is a normal end."""
    FAILED = "FAILED"
    """Could not be carried out."""
    ABORTED = "ABORTED"
    """Stopped before its end by somebody's wish."""
    SKIPPED = "SKIPPED"
    """Not started because its condition did not hold."""
    MISSED = "MISSED"
    """Nobody started it in time."""

    @property
    def has_ended(self) -> bool:
        """Whether it is over: a run that has ended never changes its status."""
        return self not in (RunStatus.SCHEDULED, RunStatus.RUNNING)

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)


class BookedConflict(NamedTuple):
    """A booked job in the way of another."""

    job_id: str
    """The job that holds the time."""
    owner: str
    """Who booked it."""
    node_id: str
    """A node that both need."""
    wanted: Tuple[datetime, datetime]
    """Start and end of the first run that would be disturbed, in UTC."""
    taken: Tuple[datetime, datetime]
    """Start and end of the run that it would overlap, in UTC."""
    clashing: int
    """How many planned runs this job is in the way of."""

    def _repr_html_(self) -> str:
        return _html.facts(f"in the way: {self.job_id}", self._asdict().items())


class FreeSlot(NamedTuple):
    """Another time for a job."""

    start: datetime
    """When its first run would start, in UTC."""
    end: datetime
    """When that would end, in UTC."""
    schedule: Optional[str]
    """The cron expression it would have; None for a job that runs once."""


class Slot(NamedTuple):
    """A window in which nodes are free."""

    start: datetime
    """In UTC."""
    end: datetime
    """In UTC."""


class Slots(Listing[Slot]):
    """Windows in which nodes are free."""

    _columns = Slot._fields
    _caption = "free"


@dataclass(frozen=True)
class Policies:
    """What a job wants of its starts beyond its schedule."""

    time_zone: str
    """The zone in which the cron expression is read."""
    allowed_lateness: timedelta
    """How much later than planned a run may start before it is MISSED."""
    overlap: str
    """What happens to a run when the one before still goes on: ``"skip"`` or ``"allow"``."""
    slip: timedelta
    """Up to how much later all starts may be moved if that avoids a conflict."""
    random_slip: timedelta
    """Up to how much later each run starts at random."""
    max_runs: Optional[int]
    """After how many planned runs the job is over."""
    align: Optional[str]
    """Where starts lie inside Starlink's 15-second slots: ``"slot"``, ``"slot+3"``; None for anywhere."""
    hold: bool
    """Whether a run whose trigger does not hold waits for it within its time."""
    met_for: Optional[timedelta]
    """How long the trigger must hold before a held run starts."""
    at_least: Optional[timedelta]
    """How much of the length must be left for a held run to start."""
    cooldown: timedelta
    """How long after a run has ended its trigger lets no other start."""
    at_window: bool
    """Whether it was to be put where its trigger is expected to hold (``align="window"``)."""


@dataclass(frozen=True)
class PlannedRun:
    """A run as a calendar shows it."""

    job_id: str
    node_id: str
    """The node that measures."""
    server_id: Optional[str]
    """The node that serves."""
    start: datetime
    """In UTC."""
    end: datetime
    """In UTC."""
    owner: Optional[str]
    """Who booked the job, where that is told."""
    schedule: Optional[str]
    """The cron expression it follows from; None for a job that runs once."""
    overhead: bool
    """Whether it needs the link for itself."""
    trigger: Optional[str]
    """The condition under which it starts, for those who may know."""
    run_id: Optional[str]


class Calendar(Listing[PlannedRun]):
    """Planned runs in order of time."""

    _columns = ("start", "end", "node_id", "job_id", "owner", "server_id", "overhead", "trigger", "run_id")
    _caption = "planned runs"

    complete: bool
    """Whether these are all; else only the first ones are told."""

    def __init__(self, events: Iterable[PlannedRun] = (), complete: bool = True) -> None:
        super().__init__(events)
        self.complete = complete


@dataclass(frozen=True)
class RunEvent:
    """A step in the life of a run, or of a job before there was a run."""

    at: datetime
    """When it happened, by the clock of who says so, in UTC."""
    stage: str
    """The step: SCHEDULE, CONFIG, TRIGGER, DEPLOY, IMAGE_PULL, CONTAINER, EXECUTE, FINISH or RECONCILE."""
    outcome: str
    """OK, WARN, FAILED, SKIPPED or MISSED."""
    reason: Optional[str]
    message: str
    job_id: str
    run_id: Optional[str]
    node_id: str
    planned_start: Optional[datetime]
    source: str
    """Which program says so."""


class RunEvents(Listing[RunEvent]):
    """Steps in order of time."""

    _columns = ("at", "stage", "outcome", "reason", "message", "run_id", "node_id", "source")
    _caption = "what happened"


@dataclass(frozen=True)
class JobStats:
    """How the runs of a job went."""

    job_id: str
    planned: int
    """How many runs there are."""
    completed: int
    skipped: int
    missed: int
    failed: int
    aborted: int
    open: int
    """How many have not ended."""
    coverage: Optional[float]
    """How many percent of those that have ended were COMPLETED; None before any has."""
    reasons: List[Tuple[str, int]]
    """Why those that were not COMPLETED were not, and how many of each, the most frequent first."""
    median_lateness: Optional[timedelta]
    worst_lateness: Optional[timedelta]


class Stats(Listing[JobStats]):
    """How the runs of jobs went."""

    _columns = (
        "job_id",
        "planned",
        "completed",
        "skipped",
        "missed",
        "failed",
        "aborted",
        "open",
        "coverage",
        "median_lateness",
        "worst_lateness",
    )
    _caption = "how runs went"


class Download(NamedTuple):
    """What became of the results of a run."""

    run_id: str
    job_id: str
    path: Path
    """The directory of its files, whether it is there or not."""
    state: str
    """``"fetched"``, ``"there"`` (from before), ``"missing"`` or ``"failed"``."""
    files: Optional[int]
    """How many files and links were fetched."""
    size: Optional[int]
    """How many bytes were fetched."""
    unpacked: Optional[int]
    """How many bytes the files have together."""
    verified: Optional[bool]
    """Whether the files were compared with their manifest."""
    why: Optional[str]
    """Why they are missing, or could not be fetched."""
    error: Optional[Exception]
    """What was raised when they could not be fetched."""

    @property
    def is_here(self) -> bool:
        """Whether the files are at ``path``."""
        return self.state in ("fetched", "there")


class Downloads(Listing[Download]):
    """What became of the results of runs."""

    _columns = ("run_id", "job_id", "state", "path", "files", "size", "why")
    _caption = "results"


class Standby(NamedTuple):
    """That a node does not take (all) experiments."""

    kind: str
    """``"SCAVENGER"``: runs that need the link for themselves are stopped, and none is begun; ``"DRAIN"``: what
    runs goes on, and nothing is begun."""
    reason: Optional[str]
    until: Optional[datetime]
    """When it ends by itself; None until somebody ends it."""


class Reading(NamedTuple):
    """A value that a node has read."""

    field: str
    """The name of the field, as conditions have it."""
    value: Union[bool, float, str, None]
    unit: Optional[str]
    source: Optional[str]
    """The monitor that read it."""
    at: Optional[datetime]
    """When it was observed, in UTC."""


class NodeReadings(Mapping[str, Reading]):
    """All that a node has read last: readings by the names of their fields."""

    at: datetime
    """When they were the newest, by the node's clock, in UTC."""

    def __init__(self, at: datetime, readings: Dict[str, Reading]) -> None:
        self.at = at
        self._readings = readings

    def __getitem__(self, field: str) -> Reading:
        return self._readings[field]

    def __iter__(self) -> Any:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)

    @property
    def values_by_field(self) -> Dict[str, Union[bool, float, str, None]]:
        """The values alone, as :meth:`leoscope.Trigger.evaluate` takes them."""
        return {name: reading.value for name, reading in self._readings.items()}

    def __repr__(self) -> str:
        return f"<NodeReadings of {len(self)} fields at {self.at:%Y-%m-%d %H:%M:%S}>"

    def _repr_html_(self) -> str:
        return _html.table(Reading._fields, self._readings.values(), caption="what the node reads")


class FieldInfo(NamedTuple):
    """What is known of a field that a condition names."""

    name: str
    kind: Optional[str]
    """``"number"``, ``"flag"`` or ``"text"``; None where that is not known before there is a value."""
    unit: Optional[str]
    source: str
    """What it is read by."""


for _class in (
    BookedConflict,
    Calendar,
    Download,
    Downloads,
    FieldInfo,
    FreeSlot,
    JobStats,
    NodeReadings,
    PlannedRun,
    Policies,
    Reading,
    RunEvent,
    RunEvents,
    RunStatus,
    Slot,
    Slots,
    Standby,
    Stats,
):
    _class.__module__ = "leoscope"
del _class
