"""Nodes of a client that waits for its answers."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Optional, Tuple, Type, Union

from . import _asked, _html
from ._asked import Id, Moment
from ._errors import InternalError
from ._leoscope import Elements, Pieces, Trigger
from ._records import NODE_COLUMNS, NodeRecord
from ._types import Forecast
from ._listing import Listing
from ._values import Calendar, NodeReadings, Standby

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._asked import NodeDetails
    from ._client import Client
    from ._jobs import JobList
    from ._leoscope import _Length
    from ._runs import Run, Runs


class ReadingsStream(Iterator[NodeReadings]):
    """What a node reads, about once a second; a context manager that reads no more when it is left."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces: Optional[Pieces] = pieces

    def __next__(self) -> NodeReadings:
        piece = None if self._pieces is None else self._pieces.next().wait()
        if piece is None:
            self.close()
            raise StopIteration
        readings: NodeReadings = piece
        return readings

    def close(self) -> None:
        """Reads no more."""
        self._pieces = None

    def __enter__(self) -> ReadingsStream:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


class Node(NodeRecord):
    """A measurement node, as it was when it was looked at last."""

    def __init__(self, client: Client, fields: Mapping[str, Any]) -> None:
        self._client = client
        self._take(fields)

    def refresh(self) -> Node:
        """Looks at it again."""
        self._take(self._client._connection.node(self.id).wait())
        return self

    def status(self) -> NodeStatus:
        """What it is at."""
        return self._client.nodes.status(self.id)[0]

    def jobs(self) -> JobList:
        """The jobs that measure or serve on it."""
        return self._client.jobs(node=self.id)

    def runs(self, *, limit: Optional[int] = None) -> Runs:
        """The runs on it that you may see, the newest first; all, or at most so many."""
        return self._client.runs(node=self.id, limit=limit)

    def calendar(self, start: Optional[Moment] = None, end: Optional[Moment] = None) -> Calendar:
        """Its planned runs that start in ``[start, end)``: from now on for a week when it is left out."""
        return self._client.jobs.calendar(self.id, start, end)

    def elements(self) -> Elements:
        """The orbital elements of the satellites it uses, as the orchestrator has them."""
        elements: Elements = self._client._connection.elements(self.id).wait()
        return elements

    def forecast(
        self,
        trigger: Union[str, Trigger],
        start: Optional[Moment] = None,
        horizon: Optional[_Length] = None,
    ) -> Forecast:
        """When a condition is expected to hold at it; see :meth:`Client.forecast`."""
        return self._client.forecast(trigger, self.id, start, horizon)

    def readings(self) -> NodeReadings:
        """What it reads of the world around it now.

        Raises
        ------
        Unavailable
            When it is not connected.
        """
        with self.watch_readings() as stream:
            for readings in stream:
                return readings
        raise InternalError(f"node {self.id} told nothing")

    def watch_readings(self) -> ReadingsStream:
        """What it reads, about once a second, until you stop."""
        return ReadingsStream(self._client._connection.readings(self.id).wait())

    def standby_now(self) -> Optional[Standby]:
        """What keeps it from experiments now; None where nothing does."""
        standby: Optional[Standby] = self._client._connection.standby(self.id).wait()
        return standby

    def scavenge(self, *, reason: Optional[str] = None, until: Optional[Moment] = None) -> None:
        """Gives its owner the link back: runs that need it for themselves are stopped, and none is begun until
        :meth:`resume`, or ``until``."""
        self._client._connection.set_standby(self.id, "SCAVENGER", reason, until).wait()

    def drain(self, *, reason: Optional[str] = None, until: Optional[Moment] = None) -> None:
        """Has it finish what runs and begin nothing until :meth:`resume`, or ``until``."""
        self._client._connection.set_standby(self.id, "DRAIN", reason, until).wait()

    def resume(self) -> None:
        """Has it take all experiments again."""
        self._client._connection.set_standby(self.id, None, None, None).wait()


class NodeStatus:
    """A node with what it does, did and will do, as far as you may see it."""

    node: Node
    """The node."""
    state: str
    """See :attr:`Node.state`."""
    running: List[Run]
    """The runs that run."""
    due: Calendar
    """The planned runs whose time it is and of which it is not told that they are over: also those of others."""
    next: Calendar
    """The next planned runs within a day."""
    recent: List[Tuple[str, int]]
    """How many of its last twenty runs that ended did so in which way."""

    def __init__(self, client: Client, fields: Mapping[str, Any]) -> None:
        self.node = Node(client, fields["node"])
        self.state = fields["state"]
        self.running = [client.runs._made(run) for run in fields["running"]]
        self.due = fields["due"]
        self.next = fields["next"]
        self.recent = fields["recent"]

    def __repr__(self) -> str:
        return f"<NodeStatus of {self.node.id}: {self.state}, {len(self.running)} running, {len(self.next)} next>"

    def _repr_html_(self) -> str:
        return _html.facts(f"node {self.node.id}", _status_facts(self))


def _status_facts(status: Any) -> List[Tuple[str, object]]:
    coming = ", ".join(f"{event.job_id} at {event.start:%Y-%m-%d %H:%M:%S} UTC" for event in status.next)
    return [
        ("state", status.state),
        ("last_active", status.node.last_active),
        ("running", ", ".join(run.id for run in status.running) or None),
        ("due", ", ".join(event.job_id for event in status.due) or None),
        ("next", coming or None),
        ("recent", ", ".join(f"{count} {word}" for word, count in status.recent) or None),
    ]


class NodeList(Listing[Node]):
    """Nodes as they were when they were listed."""

    _columns = NODE_COLUMNS
    _caption = "nodes"


class Nodes:
    """The measurement nodes. Calling it lists them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<nodes of {self._client!r}>"

    def __iter__(self) -> Iterator[Node]:
        return iter(self())

    def __call__(
        self,
        *,
        name: Optional[str] = None,
        location: Optional[str] = None,
        provider: Optional[str] = None,
        owner: Optional[str] = None,
        active_within: Optional[_Length] = None,
    ) -> NodeList:
        """The nodes that match.

        Parameters
        ----------
        name, location, provider, owner:
            Only those of this name, at this location, on this satellite network, of this owner.
        active_within:
            Only those that called within this time, as a timedelta or in seconds.
        """
        which = _which(None, name, location, provider, owner, active_within)
        found = self._client._connection.nodes(which).wait()
        return NodeList(Node(self._client, fields) for fields in found)

    def get(self, id: Id) -> Node:
        """A node by its id.

        Raises
        ------
        NotFound
            When there is none.
        """
        return Node(self._client, self._client._connection.node(_asked.name(id)).wait())

    def status(self, id: Optional[Id] = None) -> List[NodeStatus]:
        """What all nodes are at, or the one of that id."""
        which = _which(_asked.optional_name(id), None, None, None, None, None)
        return [NodeStatus(self._client, fields) for fields in self._client._connection.node_statuses(which).wait()]

    def register(self, id: str, **details: Unpack[NodeDetails]) -> str:
        """Registers a node and gives its access token, which is told only this once.

        Parameters
        ----------
        id:
            Its id, which is also its user id.
        **details:
            ``name``, ``description``, ``latitude`` and ``longitude`` (degrees, WGS 84), ``location``, ``provider``,
            ``public_ip``, ``owner`` and ``scheduling_enabled``.
        """
        asked = self._client._connection.register_node(id, _asked.node_details("register", details))
        token: str = asked.wait()
        return token

    def update(self, id: Id, **details: Unpack[NodeDetails]) -> Node:
        """Changes what is given of a node; see :meth:`register`."""
        given = _asked.node_details("update", details)
        self._client._connection.update_node(_asked.name(id), given).wait()
        return self.get(_asked.name(id))

    def delete(self, id: Id, *, delete_jobs: bool = False) -> None:
        """Removes a node; refused while jobs are booked on it, unless they are to be deleted as well."""
        self._client._connection.delete_node(_asked.name(id), delete_jobs).wait()


def _which(
    id: Optional[str],
    name: Optional[str],
    location: Optional[str],
    provider: Optional[str],
    owner: Optional[str],
    active_within: Optional[_Length],
) -> Mapping[str, object]:
    return dict(locals())


for _class in (Node, NodeList, NodeStatus, Nodes, ReadingsStream):
    _class.__module__ = "leoscope"
del _class
