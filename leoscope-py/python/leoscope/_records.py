"""Jobs, runs and nodes as the orchestrator tells them: what clients that wait and clients that await have in common."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, List, Mapping, Optional, Tuple

from . import _html
from ._errors import InvalidArgument
from ._leoscope import Cron, JobTiming, Place, Trigger
from ._types import Policies, Reading, Standby
from ._values import RunStatus
from ._words import in_python


class Record:
    """Something that the testbed knows by an id. It is as it was when it was looked at last."""

    id: str
    _facts: Tuple[str, ...] = ()
    _noun = ""

    def _take(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.id == self.id

    def __hash__(self) -> int:
        return hash((type(self), self.id))

    def _repr_html_(self) -> str:
        return _html.facts(f"{self._noun} {self.id}", ((name, getattr(self, name)) for name in self._facts))


class JobRecord(Record):
    """A booked job."""

    owner: str
    """Who booked it."""
    node_id: str
    """The node that measures."""
    server_id: Optional[str]
    """The node that serves."""
    schedule: Optional[str]
    """The cron expression; None for a job that runs once, at its start."""
    start: datetime
    """The start of the date range in which every run lies wholly, in UTC."""
    end: datetime
    """The end of it, in UTC."""
    length: timedelta
    """The length of one run."""
    overhead: bool
    """Whether it needs the link for itself."""
    trigger: Optional[str]
    """The condition under which a run starts."""
    config: str
    """The experiment config (YAML), as written; empty where you may not see it."""
    policies: Policies
    """What it wants of its starts beyond the schedule."""
    movement: timedelta
    """By how much its starts were moved when it was booked, within its slip."""
    created: datetime
    """When it was booked, in UTC."""
    since: datetime
    """Since when it is as it is, in UTC."""
    warnings: List[str]
    """What you should know, though it did not prevent the booking or the change; empty unless this is its answer."""

    _facts = (
        "owner",
        "node_id",
        "server_id",
        "schedule",
        "start",
        "end",
        "length",
        "overhead",
        "trigger",
        "created",
    )
    _noun = "job"

    def _take(self, fields: Mapping[str, Any]) -> None:
        super()._take({"warnings": [], **fields})

    @property
    def timing(self) -> JobTiming:
        """When its runs are, for :func:`leoscope.conflicts` and :func:`leoscope.free_slots`."""
        cron = None if self.schedule is None else Cron(self.schedule, self.policies.time_zone)
        return JobTiming(
            self.node_id,
            self.start,
            self.end,
            self.length,
            schedule=cron,
            server=self.server_id,
            overhead=self.overhead,
        )

    def __repr__(self) -> str:
        when = "once" if self.schedule is None else repr(self.schedule)
        start, end = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (self.start, self.end))
        return f"<{type(self).__name__} {self.id} on {self.node_id}: {when}, {start} to {end}, {self.length}>"


class RunRecord(Record):
    """One run of a job."""

    job_id: str
    node_id: str
    """The node that carries it out."""
    owner: str
    """Who booked the job."""
    planned_start: Optional[datetime]
    """When it was to start, in UTC; None for runs of nodes that do not say."""
    planned_end: Optional[datetime]
    """When it was to end, in UTC."""
    started: Optional[datetime]
    """When its experiment was started, in UTC."""
    ended: Optional[datetime]
    """When it ended, in UTC."""
    status: RunStatus
    """Where it stands."""
    foreign_status: Optional[str]
    """The status as a node of another make wrote it, where it is not one of ours."""
    phase: Optional[str]
    """What the node is doing with it: DEPLOY, EXECUTE or FINISH."""
    stage: Optional[str]
    """The step at which it ended."""
    reason: Optional[str]
    """Why it ended, for example EXPERIMENT_ENDED, LENGTH_REACHED or TRIGGER_NOT_MET."""
    meaning: Optional[str]
    """The reason in words."""
    advice: Optional[str]
    """What to do about it."""
    message: str
    """One line that says more."""
    exit_code: Optional[int]
    """The exit code of the experiment."""
    has_results: bool
    """Whether its results have arrived."""
    results_size: Optional[int]
    """The size of its results as they are fetched, in bytes."""
    results_removed: Optional[datetime]
    """When the operator of the testbed removed its results, in UTC."""
    trigger_verdict: Optional[str]
    """What was found of the job's trigger: MET, NOT_MET or UNKNOWN."""
    trigger_why: Optional[str]
    """One line that says why."""
    trigger_readings: List[Reading]
    """What that was decided on."""
    start_mode: Optional[str]
    """ARMED where its process was held ready and only released, else PLAIN."""
    image: Optional[str]
    """What identifies the image that ran."""
    clock_offset: Optional[timedelta]
    """The node's clock minus true time, as measured last before the start."""
    updated: Optional[datetime]
    """When the record last changed, in UTC."""

    _facts = (
        "status",
        "job_id",
        "node_id",
        "planned_start",
        "started",
        "lateness",
        "ended",
        "reason",
        "message",
        "exit_code",
        "trigger_verdict",
        "trigger_why",
        "has_results",
    )
    _noun = "run"

    def _take(self, fields: Mapping[str, Any]) -> None:
        advice = fields["advice"] and in_python(fields["advice"])
        super()._take({**fields, "status": RunStatus(fields["status"]), "advice": advice})

    @property
    def lateness(self) -> Optional[timedelta]:
        """How late the experiment was started, negative when early; None where that is not known."""
        if self.started is None or self.planned_start is None:
            return None
        return self.started - self.planned_start

    def __repr__(self) -> str:
        reason = "" if self.reason is None else f", {self.reason}"
        return f"<{type(self).__name__} {self.id} on {self.node_id}: {self.status}{reason}>"


class NodeRecord(Record):
    """A measurement node."""

    name: str
    description: str
    latitude: Optional[float]
    """In degrees north (WGS 84)."""
    longitude: Optional[float]
    """In degrees east (WGS 84)."""
    location: str
    """The place's name."""
    provider: str
    """The satellite network it is on, for example ``starlink``."""
    public_ip: str
    owner: Optional[str]
    """The user who owns it."""
    scheduling_enabled: bool
    """Whether new jobs may be booked on it."""
    state: str
    """``"online"``, ``"offline"`` (not heard of for ten minutes), ``"draining"``, ``"scavenged"`` or ``"closed"``."""
    standby: List[Standby]
    """What keeps it from experiments."""
    time_zone: Optional[str]
    clock_offset: Optional[timedelta]
    """Its clock minus true time."""
    registered: datetime
    """In UTC."""
    last_active: Optional[datetime]
    """When it last called, in UTC."""

    _facts = (
        "state",
        "name",
        "location",
        "latitude",
        "longitude",
        "provider",
        "owner",
        "scheduling_enabled",
        "time_zone",
        "last_active",
    )
    _noun = "node"

    @property
    def place(self) -> Place:
        """Where it stands.

        Raises
        ------
        InvalidArgument
            When that is not known.
        """
        if self.latitude is None or self.longitude is None:
            raise InvalidArgument(
                f"it is not known where node {self.id} stands", "its owner can say: client.nodes.update(…)"
            )
        return Place(self.latitude, self.longitude)

    def __repr__(self) -> str:
        where = f" in {self.location}" if self.location else ""
        return f"<{type(self).__name__} {self.id}{where}: {self.state}>"


def as_trigger(condition: object) -> Trigger:
    """A condition, read where it is a text."""
    return condition if isinstance(condition, Trigger) else Trigger(str(condition))


JOB_COLUMNS = ("id", "node_id", "server_id", "schedule", "start", "end", "length", "overhead", "trigger", "owner")
NODE_COLUMNS = ("id", "state", "name", "location", "latitude", "longitude", "provider", "owner", "last_active")
