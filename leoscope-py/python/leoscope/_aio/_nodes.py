"""Nodes of a client whose answers are awaited."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, List, Mapping, Optional, Tuple, Type, Union

from .. import _asked, _html
from .._asked import Id, Moment
from .._errors import InternalError
from .._leoscope import Call, Elements, Pieces, Trigger
from .._nodes import Node, NodeList, Nodes, NodeStatus, ReadingsStream, _status_facts, _which
from .._records import NODE_COLUMNS, NodeRecord
from .._types import Forecast
from .._listing import Listing
from .._values import Calendar, NodeReadings, Standby
from ._like import like

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._asked import NodeDetails
    from .._leoscope import _Length
    from ._client import AsyncClient
    from ._jobs import AsyncJobList
    from ._runs import AsyncRun, AsyncRuns


@like(ReadingsStream)
class AsyncReadingsStream(AsyncIterator[NodeReadings]):
    def __init__(self, opened: Callable[[], Call]) -> None:
        self._opened: Optional[Callable[[], Call]] = opened
        self._pieces: Optional[Pieces] = None

    async def __anext__(self) -> NodeReadings:
        if self._opened is not None:
            self._pieces = await self._opened()
            self._opened = None
        piece = None if self._pieces is None else await self._pieces.next()
        if piece is None:
            await self.close()
            raise StopAsyncIteration
        readings: NodeReadings = piece
        return readings

    async def close(self) -> None:
        self._opened = self._pieces = None

    async def __aenter__(self) -> AsyncReadingsStream:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()


@like(Node)
class AsyncNode(NodeRecord):
    def __init__(self, client: AsyncClient, fields: Mapping[str, Any]) -> None:
        self._client = client
        self._take(fields)

    async def refresh(self) -> AsyncNode:
        self._take(await self._client._connection.node(self.id))
        return self

    async def status(self) -> AsyncNodeStatus:
        return (await self._client.nodes.status(self.id))[0]

    async def jobs(self) -> AsyncJobList:
        return await self._client.jobs(node=self.id)

    async def runs(self, *, limit: Optional[int] = None) -> AsyncRuns:
        return await self._client.runs(node=self.id, limit=limit)

    async def calendar(self, start: Optional[Moment] = None, end: Optional[Moment] = None) -> Calendar:
        return await self._client.jobs.calendar(self.id, start, end)

    async def elements(self) -> Elements:
        elements: Elements = await self._client._connection.elements(self.id)
        return elements

    async def forecast(
        self,
        trigger: Union[str, Trigger],
        start: Optional[Moment] = None,
        horizon: Optional[_Length] = None,
    ) -> Forecast:
        return await self._client.forecast(trigger, self.id, start, horizon)

    async def readings(self) -> NodeReadings:
        async with self.watch_readings() as stream:
            async for readings in stream:
                return readings
        raise InternalError(f"node {self.id} told nothing")

    def watch_readings(self) -> AsyncReadingsStream:
        return AsyncReadingsStream(lambda: self._client._connection.readings(self.id))

    async def standby_now(self) -> Optional[Standby]:
        standby: Optional[Standby] = await self._client._connection.standby(self.id)
        return standby

    async def scavenge(self, *, reason: Optional[str] = None, until: Optional[Moment] = None) -> None:
        await self._client._connection.set_standby(self.id, "SCAVENGER", reason, until)

    async def drain(self, *, reason: Optional[str] = None, until: Optional[Moment] = None) -> None:
        await self._client._connection.set_standby(self.id, "DRAIN", reason, until)

    async def resume(self) -> None:
        await self._client._connection.set_standby(self.id, None, None, None)


@like(NodeStatus)
class AsyncNodeStatus:
    node: AsyncNode
    state: str
    running: List[AsyncRun]
    due: Calendar
    next: Calendar
    recent: List[Tuple[str, int]]

    def __init__(self, client: AsyncClient, fields: Mapping[str, Any]) -> None:
        self.node = AsyncNode(client, fields["node"])
        self.state = fields["state"]
        self.running = [client.runs._made(run) for run in fields["running"]]
        self.due = fields["due"]
        self.next = fields["next"]
        self.recent = fields["recent"]

    def __repr__(self) -> str:
        return f"<AsyncNodeStatus of {self.node.id}: {self.state}, {len(self.running)} running, {len(self.next)} next>"

    def _repr_html_(self) -> str:
        return _html.facts(f"node {self.node.id}", _status_facts(self))


@like(NodeList)
class AsyncNodeList(Listing[AsyncNode]):
    _columns = NODE_COLUMNS
    _caption = "nodes"


@like(Nodes)
class AsyncNodes:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<nodes of {self._client!r}>"

    async def __call__(
        self,
        *,
        name: Optional[str] = None,
        location: Optional[str] = None,
        provider: Optional[str] = None,
        owner: Optional[str] = None,
        active_within: Optional[_Length] = None,
    ) -> AsyncNodeList:
        which = _which(None, name, location, provider, owner, active_within)
        found = await self._client._connection.nodes(which)
        return AsyncNodeList(AsyncNode(self._client, fields) for fields in found)

    async def get(self, id: Id) -> AsyncNode:
        return AsyncNode(self._client, await self._client._connection.node(_asked.name(id)))

    async def status(self, id: Optional[Id] = None) -> List[AsyncNodeStatus]:
        which = _which(_asked.optional_name(id), None, None, None, None, None)
        found = await self._client._connection.node_statuses(which)
        return [AsyncNodeStatus(self._client, fields) for fields in found]

    async def register(self, id: str, **details: Unpack[NodeDetails]) -> str:
        asked = self._client._connection.register_node(id, _asked.node_details("register", details))
        token: str = await asked
        return token

    async def update(self, id: Id, **details: Unpack[NodeDetails]) -> AsyncNode:
        given = _asked.node_details("update", details)
        await self._client._connection.update_node(_asked.name(id), given)
        return await self.get(_asked.name(id))

    async def delete(self, id: Id, *, delete_jobs: bool = False) -> None:
        await self._client._connection.delete_node(_asked.name(id), delete_jobs)
