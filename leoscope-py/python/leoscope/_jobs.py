"""Jobs of a client that waits for its answers."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from . import _asked, _html
from ._asked import Config, Id, Moment
from ._following import Waiting
from ._leoscope import Cron, Trigger
from ._records import JOB_COLUMNS, JobRecord
from ._types import Forecast
from ._listing import Listing
from ._values import BookedConflict, Calendar, FreeSlot, RunEvents, Slot, Slots

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._asked import Policy
    from ._client import Client
    from ._leoscope import _Length
    from ._runs import Run, Runs


class Plan:
    """What booking a job would do. Nothing of it is stored; it is true where it could be booked."""

    runs: List[Tuple[datetime, datetime]]
    """Starts and ends of its next runs, in UTC."""
    warnings: List[str]
    """What you should know, though it does not prevent the booking."""
    conflicts: List[BookedConflict]
    """The jobs in its way."""
    free_slots: List[FreeSlot]
    """Other times at which all of its runs would be free, the nearest first."""
    expected: List[Optional[str]]
    """What is expected of its trigger at each of the runs: MET, NOT_MET, POSSIBLE (it depends on more), or UNKNOWN;
    None for those that are too far ahead. Empty without a trigger of which something can be told."""
    unforeseen: Optional[str]
    """Why nothing is expected, where that is to be said."""
    refusal: Optional[Exception]
    """What booking it would raise; None where it could be booked."""
    job: JobRecord
    """The job as it would be booked."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)
        job = JobRecord()
        job._take(fields["job"])
        self.job = job

    def __bool__(self) -> bool:
        return self.refusal is None

    def __repr__(self) -> str:
        said = "can be booked" if self else f"would be refused: {str(self.refusal).splitlines()[0]}"
        return f"<Plan of {len(self.runs)} runs: {said}>"

    def _repr_html_(self) -> str:
        expected = self.expected or [None] * len(self.runs)
        rows = [[start, end, verdict] for (start, end), verdict in zip(self.runs, expected)]
        caption = "can be booked" if self else f"would be refused: {str(self.refusal).splitlines()[0]}"
        shown = _html.table(["start", "end", "verdict"], rows, caption=caption)
        if self.conflicts:
            shown += _html.table(BookedConflict._fields, self.conflicts, caption="in its way")
        if self.free_slots:
            shown += _html.table(FreeSlot._fields, self.free_slots, caption="free instead")
        return shown


class Job(JobRecord):
    """A booked job, as it was when it was looked at last."""

    def __init__(self, client: Client, fields: Mapping[str, Any]) -> None:
        self._client = client
        self._take(fields)

    def refresh(self) -> Job:
        """Looks at it again."""
        self._take(self._client._connection.job(self.id).wait())
        return self

    @property
    def conflicts(self) -> List[BookedConflict]:
        """The booked jobs that are in its way now: none as a rule, since a job in whose way something is is refused."""
        found: List[BookedConflict] = self._client._connection.conflicts_of(self.id).wait()
        return found

    def runs(self, *, limit: Optional[int] = None) -> Runs:
        """Its runs, the newest first; all, or at most so many."""
        return self._client.runs(job=self.id, limit=limit)

    def wait(
        self, state: str = "ended", *, timeout: Optional[_Length] = None, progress: Optional[bool] = None
    ) -> Run:
        """Waits for its run that goes on, else for its next one, and gives it; its last one where no more come.

        See :meth:`Run.wait`.
        """
        waiting = Waiting(f"job {self.id}", progress)
        try:
            pieces = self._client._connection.follow(None, self.id, state, timeout)
            while waiting.step(pieces.next().wait()):
                pass
        finally:
            waiting.close()
        return self._client.runs._made(waiting.seen or {})

    def planned(self, start: Optional[Moment] = None, end: Optional[Moment] = None) -> Calendar:
        """Its planned runs that start in ``[start, end)``: from now on for a week when it is left out."""
        events = self._client.jobs.calendar(self.node_id, start, end)
        return Calendar((event for event in events if event.job_id == self.id), events.complete)

    def forecast(self, start: Optional[Moment] = None, horizon: Optional[_Length] = None) -> Forecast:
        """When its trigger is expected to hold at its node; see :meth:`Client.forecast`."""
        return self._client.forecast(self.trigger or "true", self.node_id, start, horizon)

    def modify(
        self,
        *,
        schedule: Union[str, Cron, None] = None,
        once: bool = False,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        length: Optional[_Length] = None,
        overhead: Optional[bool] = None,
        trigger: Union[str, Trigger, None] = None,
        config: Optional[Config] = None,
        **policy: Unpack[Policy],
    ) -> Job:
        """Changes what is given; the rest stays as it is.

        ``once`` makes it a job that runs once, at its start; ``trigger=""`` takes the trigger away. The policies are
        those of :meth:`Jobs.schedule`.

        Raises
        ------
        ConflictError
            When it would be in the way of others.
        """
        change = _asked.change(schedule, once, start, end, length, overhead, trigger, config, policy)
        fields, warnings = self._client._connection.modify(self.id, change).wait()
        self._take({**fields, "warnings": warnings})
        return self

    def reschedule(self, start: Optional[Moment] = None, end: Optional[Moment] = None) -> Job:
        """Moves a job that runs once to the earliest free time in ``[start, end)``: from now on and before its end date
        when it is left out."""
        self._take(self._client._connection.reschedule(self.id, start, end).wait())
        return self

    def cancel(self) -> None:
        """Deletes it. What runs of it is stopped, and its runs and their results stay."""
        self._client._connection.delete_job(self.id).wait()

    def events(self) -> RunEvents:
        """What happened to it and to its runs, in order of time."""
        return RunEvents(self._client._connection.events(None, self.id).wait())

    def to_yaml(self, path: Union[str, os.PathLike[str], None] = None) -> str:
        """The job as a file that :meth:`Jobs.schedule_file` and ``leoscope job import`` read, without secrets; written
        to ``path`` where one is given."""
        text: str = self._client._connection.job_file(self.id).wait()
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text


class JobList(Listing[Job]):
    """Jobs as they were when they were listed."""

    _columns = JOB_COLUMNS
    _caption = "jobs"


class Jobs:
    """What is booked. Calling it lists jobs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<jobs of {self._client!r}>"

    def __iter__(self) -> Iterator[Job]:
        return iter(self())

    def _made(self, fields: Mapping[str, Any], warnings: Sequence[str] = ()) -> Job:
        return Job(self._client, {**fields, "warnings": list(warnings)})

    def __call__(self, *, node: Optional[Id] = None, user: Optional[Id] = None) -> JobList:
        """The jobs that measure or serve on a node, those of a user, or both; yours when neither is given."""
        node, user = _asked.optional_name(node), _asked.optional_name(user)
        found = self._client._connection.jobs(node, user).wait()
        wanted = (fields for fields in found if user is None or fields["owner"] == user)
        return JobList(self._made(fields) for fields in wanted)

    def get(self, id: Id) -> Job:
        """A job by its id.

        Raises
        ------
        NotFound
            When there is none, or it has been deleted.
        """
        return self._made(self._client._connection.job(_asked.name(id)).wait())

    def schedule(
        self,
        node: Id,
        config: Config,
        length: _Length,
        *,
        schedule: Union[str, Cron, None] = None,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        server: Optional[Id] = None,
        overhead: bool = True,
        trigger: Union[str, Trigger, None] = None,
        jobid: Optional[str] = None,
        **policy: Unpack[Policy],
    ) -> Job:
        """Books a job.

        Parameters
        ----------
        node:
            The node that measures, or its id.
        config:
            The experiment config: an :class:`Experiment`, a dictionary, a path, or YAML as text.
        length:
            The length of one run in whole seconds, as a number or a timedelta.
        schedule:
            When runs start: a cron expression (in UTC unless it is a :class:`Cron` of another zone). None for a job
            that runs once, at ``start``.
        start:
            When it begins: a datetime, a timedelta from now, or a text as the command line takes it (``"now"``,
            ``"+90m"``). Now when it is left out.
        end:
            When it is over: a datetime, a timedelta from the start, or ``"+1d"``. As late as a job that runs once may
            end when it is left out; one with a schedule needs it.
        server:
            The node that serves, for experiments with two sides.
        overhead:
            Whether it needs the link for itself. One that does not is in nobody's way.
        trigger:
            The condition under which a run starts.
        jobid:
            Its id; one is made when it is left out.
        **policy:
            What it wants of its starts beyond the schedule: ``time_zone``, ``allowed_lateness``, ``overlap``, ``slip``,
            ``random_slip``, ``max_runs``, ``align``, ``hold``, ``met_for``, ``at_least``, ``cooldown``. See
            :class:`Policies`.

        Raises
        ------
        ConflictError
            When other jobs are in its way: ``conflicts`` has them, ``free_slots`` other times.
        TriggerError
            When the condition cannot be read: ``spans`` has all that is wrong with it.
        InvalidArgument
            For anything else that cannot be.
        """
        asked = _asked.booking(
            "schedule",
            node,
            config,
            length,
            schedule,
            start,
            end,
            server,
            overhead,
            trigger,
            jobid,
            policy,
        )
        fields, warnings = self._client._connection.schedule(asked).wait()
        return self._made(fields, warnings)

    def plan(
        self,
        node: Id,
        config: Config,
        length: _Length,
        *,
        schedule: Union[str, Cron, None] = None,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        server: Optional[Id] = None,
        overhead: bool = True,
        trigger: Union[str, Trigger, None] = None,
        jobid: Optional[str] = None,
        runs: int = 10,
        **policy: Unpack[Policy],
    ) -> Plan:
        """Tells what booking a job would do, with its next ``runs`` runs; nothing is stored.

        The other parameters are those of :meth:`schedule`. What is in its way is told, and not raised.
        """
        asked = _asked.booking(
            "plan", node, config, length, schedule, start, end, server, overhead, trigger, jobid, policy
        )
        return Plan(self._client._connection.plan(asked, runs).wait())

    def schedule_file(self, file: Union[str, os.PathLike[str]], *, jobid: Optional[str] = None) -> Job:
        """Books the job of a file as :meth:`Job.to_yaml` and ``leoscope job export`` write it.

        Parameters
        ----------
        file:
            The path of the file, or its text.
        jobid:
            Another id than the file has.
        """
        fields, warnings = self._client._connection.schedule_file(_asked.file_text(file), jobid).wait()
        return self._made(fields, warnings)

    def free_slots(
        self,
        nodes: Union[Id, Iterable[Id]],
        length: _Length,
        *,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        near: Optional[Moment] = None,
        count: int = 10,
    ) -> Slots:
        """Windows in which all of some nodes are free, those whose starts are nearest first.

        Parameters
        ----------
        nodes:
            A node or its id, or several that are to be free together.
        length:
            How long, as a timedelta or in seconds.
        start, end:
            Where to look: from now on for 30 days when it is left out.
        near:
            The instant to which the starts are to be near; now, or ``start``, when it is left out.
        count:
            The most windows to give.

        Returns
        -------
        Starts and ends in UTC.
        """
        asked = self._client._connection.free_slots(_asked.names(nodes), length, start, end, near, count)
        return Slots(Slot(*slot) for slot in asked.wait())

    def calendar(
        self, nodes: Union[Id, Iterable[Id]], start: Optional[Moment] = None, end: Optional[Moment] = None
    ) -> Calendar:
        """The planned runs of one node or several that start in ``[start, end)``: from now on for a week when it is
        left out."""
        calendar: Calendar = self._client._connection.calendar(_asked.names(nodes), start, end).wait()
        return calendar

    def delete(self, id: Id) -> None:
        """Deletes a job; its runs and their results stay."""
        self._client._connection.delete_job(_asked.name(id)).wait()

    def delete_all(self, node: Id) -> int:
        """Deletes all jobs that measure or serve on a node, and gives their number."""
        count: int = self._client._connection.delete_jobs_on_node(_asked.name(node)).wait()
        return count


for _class in (Job, JobList, Jobs, Plan):
    _class.__module__ = "leoscope"
del _class
