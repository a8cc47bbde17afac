"""A client that waits for its answers."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Type, Union

from . import _asked
from ._asked import Id, Moment
from ._jobs import Jobs
from ._leoscope import Connection, Trigger
from ._nodes import Nodes
from ._records import as_trigger
from ._runs import RunsOf
from ._types import Forecast
from ._users import Users
from ._accounts import AuditTrail, Settings

if TYPE_CHECKING:
    import os

    from ._leoscope import _Length


class Client:
    """A connection to an orchestrator as one user. It may be shared between threads.

    What is not given comes from the environment (``LEOSCOPE_USERID``, ``LEOSCOPE_ACCESS_TOKEN``,
    ``LEOSCOPE_GRPC_HOST`` …) and then from the profile that ``leoscope login`` has written, as for the command line.
    Nothing is contacted before the first call. Times without a time zone mean UTC, everywhere.

    Parameters
    ----------
    host:
        Name or address of the orchestrator (``localhost`` where nothing says otherwise); several of one testbed
        separated by commas.
    port:
        Its port (50051 where nothing says otherwise).
    userid:
        Who you are.
    access_token, access_token_file:
        Your access token, or the file with it.
    jwt:
        A token of the web portal instead, which says itself who you are.
    tls_cert:
        The certificate (PEM) to trust; else ``./certs/server.crt``, then ``leoscope/certs/server.crt`` in the state
        directory, then the web's authorities.
    profile, profile_file:
        Which profile to use, and of which file.
    timeout:
        How long to wait for an answer, in seconds or as a timedelta.

    Raises
    ------
    InvalidArgument
        When it is not said who calls, for a certificate that cannot be read, and for a host that cannot be one.

    Examples
    --------
    >>> with leoscope.Client() as client:  # doctest: +SKIP
    ...     job = client.jobs.schedule("node-seattle", "ping.yaml", length=60)
    ...     print(job.wait().status)
    """

    jobs: Jobs
    """What is booked: ``client.jobs()`` lists, ``client.jobs.schedule(…)`` books."""
    runs: RunsOf
    """What has run: ``client.runs(job=…)`` lists, ``client.runs.get(id)`` looks at one."""
    nodes: Nodes
    """The measurement nodes: ``client.nodes()`` lists, ``client.nodes.get(id)`` looks at one."""
    users: Users
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
    def _of(cls, connection: Connection) -> Client:
        client = cls.__new__(cls)
        client._begin(connection)
        return client

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self.jobs = Jobs(self)
        self.runs = RunsOf(self)
        self.nodes = Nodes(self)
        self.users = Users(self)

    @property
    def userid(self) -> str:
        """Who calls."""
        return self._connection.caller

    @property
    def address(self) -> str:
        """The orchestrator, with its port."""
        return self._connection.address

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._connection.closed

    def time(self) -> datetime:
        """The orchestrator's time, in UTC."""
        time: datetime = self._connection.time().wait()
        return time

    def forecast(
        self,
        trigger: Union[str, Trigger],
        node: Id,
        start: Optional[Moment] = None,
        horizon: Optional[_Length] = None,
    ) -> Forecast:
        """Tells when a condition is expected to hold at a node, as far as that can be known.

        Parameters
        ----------
        trigger:
            The condition.
        node:
            The node, or its id.
        start:
            From when on; now when it is left out.
        horizon:
            How far ahead, as a timedelta or in seconds; a day when it is left out, 72 hours at most.

        Raises
        ------
        TriggerError
            When the condition cannot be read.
        InvalidArgument
            When nothing can be told of it; the message names what prevents it.
        """
        asked = self._connection.forecast(_asked.name(node), as_trigger(trigger), start, horizon)
        forecast: Forecast = asked.wait()
        return forecast

    def settings(self) -> Settings:
        """The testbed-wide settings; keys are empty for those who must not see them."""
        settings: Settings = self._connection.settings().wait()
        return settings

    def update_settings(
        self,
        *,
        blob_connection_string: Optional[str] = None,
        blob_container: Optional[str] = None,
        blob_artifact_path: Optional[str] = None,
        weather_api_key: Optional[str] = None,
    ) -> Settings:
        """Changes what is given of the testbed-wide settings, for administrators, and gives them as they are then."""
        given = {name: value for name, value in locals().items() if name != "self" and value is not None}
        new = {**vars(self.settings()), **given}
        self._connection.update_settings(**new).wait()
        return Settings(**new)

    def audit(
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
        """Who did what, the newest first, for administrators.

        Parameters
        ----------
        caller, action, object:
            Only what this caller did, this action (``SCHEDULE_JOB`` …), what was done to this object.
        start, end:
            Only what was done in ``[start, end)``.
        after:
            Only what comes after the entry of this id: what is older.
        limit:
            At most so many; a thousand at once.
        """
        asked = self._connection.audit(caller, action, object, start, end, after, limit)
        return AuditTrail(asked.wait())

    def close(self) -> None:
        """Lets go of the connection."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self.closed else ""
        return f"<{type(self).__name__} of {self.userid} at {self.address}{closed}>"

    def __reduce__(self) -> Any:
        raise TypeError("a client cannot be copied or sent to another process: make another one there")


Client.__module__ = "leoscope"
