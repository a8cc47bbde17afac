"""Jobs of a client whose answers are awaited."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Iterable, List, Mapping, Optional, Sequence, Union

from .. import _asked
from .._asked import Config, Id, Moment
from .._following import Waiting
from .._jobs import Job, JobList, Jobs, Plan
from .._leoscope import Cron, Trigger
from .._records import JOB_COLUMNS, JobRecord
from .._types import Forecast
from .._listing import Listing
from .._values import BookedConflict, Calendar, RunEvents, Slot, Slots
from ._like import like

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._asked import Policy
    from .._leoscope import _Length
    from ._client import AsyncClient
    from ._runs import AsyncRun, AsyncRuns


@like(Job)
class AsyncJob(JobRecord):
    def __init__(self, client: AsyncClient, fields: Mapping[str, Any]) -> None:
        self._client = client
        self._take(fields)

    async def refresh(self) -> AsyncJob:
        self._take(await self._client._connection.job(self.id))
        return self

    @property
    def conflicts(self) -> Awaitable[List[BookedConflict]]:
        return self._conflicts()

    async def _conflicts(self) -> List[BookedConflict]:
        found: List[BookedConflict] = await self._client._connection.conflicts_of(self.id)
        return found

    async def runs(self, *, limit: Optional[int] = None) -> AsyncRuns:
        return await self._client.runs(job=self.id, limit=limit)

    async def wait(
        self, state: str = "ended", *, timeout: Optional[_Length] = None, progress: Optional[bool] = None
    ) -> AsyncRun:
        waiting = Waiting(f"job {self.id}", progress)
        try:
            pieces = self._client._connection.follow(None, self.id, state, timeout)
            while waiting.step(await pieces.next()):
                pass
        finally:
            waiting.close()
        return self._client.runs._made(waiting.seen or {})

    async def planned(self, start: Optional[Moment] = None, end: Optional[Moment] = None) -> Calendar:
        events = await self._client.jobs.calendar(self.node_id, start, end)
        return Calendar((event for event in events if event.job_id == self.id), events.complete)

    async def forecast(self, start: Optional[Moment] = None, horizon: Optional[_Length] = None) -> Forecast:
        return await self._client.forecast(self.trigger or "true", self.node_id, start, horizon)

    async def modify(
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
    ) -> AsyncJob:
        change = _asked.change(schedule, once, start, end, length, overhead, trigger, config, policy)
        fields, warnings = await self._client._connection.modify(self.id, change)
        self._take({**fields, "warnings": warnings})
        return self

    async def reschedule(self, start: Optional[Moment] = None, end: Optional[Moment] = None) -> AsyncJob:
        self._take(await self._client._connection.reschedule(self.id, start, end))
        return self

    async def cancel(self) -> None:
        await self._client._connection.delete_job(self.id)

    async def events(self) -> RunEvents:
        return RunEvents(await self._client._connection.events(None, self.id))

    async def to_yaml(self, path: Union[str, os.PathLike[str], None] = None) -> str:
        text: str = await self._client._connection.job_file(self.id)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text


@like(JobList)
class AsyncJobList(Listing[AsyncJob]):
    _columns = JOB_COLUMNS
    _caption = "jobs"


@like(Jobs)
class AsyncJobs:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<jobs of {self._client!r}>"

    def _made(self, fields: Mapping[str, Any], warnings: Sequence[str] = ()) -> AsyncJob:
        return AsyncJob(self._client, {**fields, "warnings": list(warnings)})

    async def __call__(self, *, node: Optional[Id] = None, user: Optional[Id] = None) -> AsyncJobList:
        node, user = _asked.optional_name(node), _asked.optional_name(user)
        found = await self._client._connection.jobs(node, user)
        wanted = (fields for fields in found if user is None or fields["owner"] == user)
        return AsyncJobList(self._made(fields) for fields in wanted)

    async def get(self, id: Id) -> AsyncJob:
        return self._made(await self._client._connection.job(_asked.name(id)))

    async def schedule(
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
    ) -> AsyncJob:
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
        fields, warnings = await self._client._connection.schedule(asked)
        return self._made(fields, warnings)

    async def plan(
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
        asked = _asked.booking(
            "plan", node, config, length, schedule, start, end, server, overhead, trigger, jobid, policy
        )
        return Plan(await self._client._connection.plan(asked, runs))

    async def schedule_file(self, file: Union[str, os.PathLike[str]], *, jobid: Optional[str] = None) -> AsyncJob:
        fields, warnings = await self._client._connection.schedule_file(_asked.file_text(file), jobid)
        return self._made(fields, warnings)

    async def free_slots(
        self,
        nodes: Union[Id, Iterable[Id]],
        length: _Length,
        *,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        near: Optional[Moment] = None,
        count: int = 10,
    ) -> Slots:
        asked = self._client._connection.free_slots(_asked.names(nodes), length, start, end, near, count)
        return Slots(Slot(*slot) for slot in await asked)

    async def calendar(
        self, nodes: Union[Id, Iterable[Id]], start: Optional[Moment] = None, end: Optional[Moment] = None
    ) -> Calendar:
        calendar: Calendar = await self._client._connection.calendar(_asked.names(nodes), start, end)
        return calendar

    async def delete(self, id: Id) -> None:
        await self._client._connection.delete_job(_asked.name(id))

    async def delete_all(self, node: Id) -> int:
        count: int = await self._client._connection.delete_jobs_on_node(_asked.name(node))
        return count
