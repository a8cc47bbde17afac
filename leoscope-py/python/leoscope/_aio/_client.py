"""A client whose answers are awaited."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Type, Union

from .. import _asked
from .._asked import Id, Moment
from .._client import Client
from .._leoscope import Connection, Trigger
from .._records import as_trigger
from .._types import Forecast
from .._accounts import AuditTrail, Settings
from ._jobs import AsyncJobs
from ._like import like
from ._nodes import AsyncNodes
from ._runs import AsyncRunsOf
from ._users import AsyncUsers

if TYPE_CHECKING:
    import os

    from .._leoscope import _Length


@like(Client)
class AsyncClient:
    """A connection to an orchestrator as one user, for event loops: :class:`Client` with the same methods, awaited.

    One client may be used by many tasks at once. See :class:`Client` for its parameters.

    Examples
    --------
    >>> async with leoscope.AsyncClient() as client:  # doctest: +SKIP
    ...     job = await client.jobs.schedule("node-seattle", "ping.yaml", length=60)
    ...     print((await job.wait()).status)
    """

    jobs: AsyncJobs
    """What is booked: ``await client.jobs()`` lists, ``await client.jobs.schedule(…)`` books."""
    runs: AsyncRunsOf
    """What has run: ``await client.runs(job=…)`` lists, ``await client.runs.get(id)`` looks at one."""
    nodes: AsyncNodes
    """The measurement nodes: ``await client.nodes()`` lists, ``await client.nodes.get(id)`` looks at one."""
    users: AsyncUsers
    """The users of the testbed, for administrators."""

    def __init__(
        self,
        host: Optional[str] = None,
        port: Optional[int] = None,
        *,
        userid: Optional[Id] = None,
        access_token: Optional[str] = None,
        access_token_file: Union[str, os.PathLike[str], None] = None,
        jwt: Optional[str] = None,
        tls_cert: Union[str, os.PathLike[str], None] = None,
        profile: Optional[str] = None,
        profile_file: Union[str, os.PathLike[str], None] = None,
        timeout: _Length = 15.0,
    ) -> None:
        options = {name: value for name, value in locals().items() if name not in ("self", "timeout")}
        self._begin(_asked.opened(timeout, options))

    @classmethod
    def _of(cls, connection: Connection) -> AsyncClient:
        client = cls.__new__(cls)
        client._begin(connection)
        return client

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self.jobs = AsyncJobs(self)
        self.runs = AsyncRunsOf(self)
        self.nodes = AsyncNodes(self)
        self.users = AsyncUsers(self)

    @property
    def userid(self) -> str:
        return self._connection.caller

    @property
    def address(self) -> str:
        return self._connection.address

    @property
    def closed(self) -> bool:
        return self._connection.closed

    async def time(self) -> datetime:
        time: datetime = await self._connection.time()
        return time

    async def forecast(
        self,
        trigger: Union[str, Trigger],
        node: Id,
        start: Optional[Moment] = None,
        horizon: Optional[_Length] = None,
    ) -> Forecast:
        asked = self._connection.forecast(_asked.name(node), as_trigger(trigger), start, horizon)
        forecast: Forecast = await asked
        return forecast

    async def settings(self) -> Settings:
        settings: Settings = await self._connection.settings()
        return settings

    async def update_settings(
        self,
        *,
        blob_connection_string: Optional[str] = None,
        blob_container: Optional[str] = None,
        blob_artifact_path: Optional[str] = None,
        weather_api_key: Optional[str] = None,
    ) -> Settings:
        given = {name: value for name, value in locals().items() if name != "self" and value is not None}
        new = {**vars(await self.settings()), **given}
        await self._connection.update_settings(**new)
        return Settings(**new)

    async def audit(
        self,
        *,
        caller: Optional[str] = None,
        action: Optional[str] = None,
        object: Optional[str] = None,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        after: Optional[str] = None,
        limit: Optional[int] = 100,
    ) -> AuditTrail:
        asked = self._connection.audit(caller, action, object, start, end, after, limit)
        return AuditTrail(await asked)

    async def close(self) -> None:
        self._connection.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self.closed else ""
        return f"<{type(self).__name__} of {self.userid} at {self.address}{closed}>"

    def __reduce__(self) -> Any:
        raise TypeError("a client cannot be copied or sent to another process: make another one there")
