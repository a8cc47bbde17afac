import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Optional, Protocol, TypedDict, Union, final

import numpy

from ._types import Conflict, Forecast, Verdict
from ._values import FieldInfo

__all__ = [
    "Call",
    "Connection",
    "Cron",
    "Elements",
    "JobTiming",
    "LocalTestbed",
    "Pieces",
    "Place",
    "RunTable",
    "Trigger",
    "__version__",
    "conflicts",
    "cron_starts",
    "ending",
    "experiment_from_yaml",
    "experiment_shown",
    "experiment_to_yaml",
    "free_slots",
    "measure_latency",
]

__version__: str

class _ToDatetime(Protocol):
    def to_pydatetime(self) -> datetime: ...

# Without a time zone a time means UTC.
_Time = Union[datetime, date, numpy.datetime64, _ToDatetime]
# A time, or a timedelta from another one (now, of an end the start), or a text: "now", "+90m", "-1d", an instant.
_Moment = Union[_Time, timedelta, str]
# A timedelta, or seconds.
_Length = Union[timedelta, float]
_Value = Union[bool, float, str, None]

class _JobParts(TypedDict, total=False):
    node: str
    start: _Time
    end: _Moment
    length: _Length
    schedule: Union[str, Cron, None]
    server: Optional[str]
    overhead: bool

def cron_starts(expression: str, start: _Time, end: _Moment, limit: int = 10) -> list[datetime]:
    """The instants at which a cron expression starts a run, in order of time.

    Parameters
    ----------
    expression:
        Five fields: minute, hour, day of month, month, day of week; in UTC. Names, ranges, steps,
        lists and ``@daily`` and its kin are understood.
    start, end:
        The half-open range ``[start, end)`` in which to look. Without a time zone they mean UTC.
    limit:
        The most instants to give, 1 to 1,000,000.

    Returns
    -------
    Datetimes in UTC (aware). Empty when the expression does not fire in the range.

    Raises
    ------
    InvalidArgument
        When the expression cannot be read (the message names the field), ``end`` is not after
        ``start``, or ``limit`` is out of range.
    """

def experiment_to_yaml(json_text: str) -> str:
    """An experiment config, which is given as JSON, as YAML.

    Raises
    ------
    InvalidArgument
        When the testbed would not take it.
    """

def experiment_from_yaml(text: str) -> str:
    """An experiment config (YAML) as JSON.

    Raises
    ------
    InvalidArgument
        When the testbed would not take it.
    """

def experiment_shown(json_text: str) -> tuple[str, str]:
    """An experiment config, which is given as JSON and need not be one that the testbed takes, with ``***`` in the
    place of secrets: as YAML and as JSON."""

@final
class Cron:
    """A cron expression in a time zone.

    Two are equal when they are written the same way, up to white space, and have the same zone.
    """

    def __new__(cls, expression: str, time_zone: str = "UTC") -> Cron:
        """Reads an expression.

        Parameters
        ----------
        expression:
            Five fields: minute, hour, day of month, month, day of week. Names, ranges, steps, lists and
            ``@daily`` and its kin are understood.
        time_zone:
            The zone in which it is read: a name of the IANA database. A local time that the spring change
            skips does not fire; one that the autumn change repeats fires the first time only, except where
            the expression fires in every hour.

        Raises
        ------
        InvalidArgument
            When the expression cannot be read (the message names the field), or no zone has the name.
        """

    @property
    def expression(self) -> str:
        """The expression as it was written; ``str()`` gives the same."""

    @property
    def time_zone(self) -> str:
        """The name of the zone."""

    def next(self, after: _Time) -> Optional[datetime]:
        """The first start after an instant, in UTC; None when there is none within a hundred years.

        Without a time zone ``after`` means UTC, whatever the zone of the expression.
        """

    def between(self, start: _Time, end: _Moment) -> list[datetime]:
        """All starts in ``[start, end)``, in UTC and in order of time.

        Without a time zone ``start`` and ``end`` mean UTC, whatever the zone of the expression.

        Raises
        ------
        InvalidArgument
            When ``end`` is not after ``start``, or there are more than 1,000,000 starts.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Trigger:
    """A condition under which a run starts, for example ``satellite_elevation > 40 and not dish.obstructed``.

    It was read and checked, so evaluating it cannot fail. Two are equal when they are written the same way.
    """

    def __new__(cls, text: str) -> Trigger:
        """Reads a condition.

        Raises
        ------
        TriggerError
            When it cannot be read: ``spans`` has all that is wrong with it.
        """

    @property
    def text(self) -> str:
        """The condition as it was written; ``str()`` gives the same."""

    @property
    def canonical(self) -> str:
        """Its canonical form: fields by their own names where they are in the same unit, no more parentheses
        than it takes."""

    @property
    def fields(self) -> list[str]:
        """The fields that it names, each once, in the order of its text and by their own names."""

    def check(self) -> list[FieldInfo]:
        """What its fields are, each once, in the order of its text."""

    def evaluate(self, given: Mapping[str, Union[_Value, Iterable[_Value]]]) -> Verdict:
        """Tells whether it holds on given values, and why.

        Parameters
        ----------
        given:
            Values by the names of their fields: their own or those of the public testbed, each in the unit
            of its name. A list is the history of a field, the newest last, a second apart. None and NaN
            mean that there is no value; what is not given is not known.

        Raises
        ------
        InvalidArgument
            For a name that no field has, a value of another kind than its field's, and a field that is
            given twice.
        """

    def evaluate_many(
        self, given: Mapping[str, Iterable[Any]], times: Optional[Iterable[_Time]] = None
    ) -> Union[numpy.ndarray[Any, numpy.dtype[numpy.str_]], list[str]]:
        """Tells for each row of a table whether it holds.

        Each row is read at its time, and the rows before it are its history: that matters to conditions
        that look back, for example ``avg(dish.latency, 60) < 40``, and to no others.

        Parameters
        ----------
        given:
            Columns by the names of their fields, as in :meth:`evaluate`: arrays, series or lists of one
            length. A table of pandas will do. None and NaN mean that there is no value. Columns that the
            condition does not name are not looked at, but must be fields.
        times:
            The time of each row, in order: datetimes, or an array, series or index of them. Without a time
            zone they mean UTC. When left out, rows are a second apart. With times, ``time.hour``,
            ``time.weekday``, ``time.utc``, ``starlink.slot`` and ``starlink.slot_phase`` follow from them;
            without, they are not known unless they are given.

        Returns
        -------
        ``"MET"``, ``"NOT_MET"`` or ``"UNKNOWN"`` for each row: an array where NumPy is installed, else a list.

        Raises
        ------
        InvalidArgument
            For a name that no field has, a value of another kind than its field's (the message names the
            row), columns of different lengths, and times that are not in order.
        """

    def forecast(
        self,
        place: Place,
        elements: Elements,
        start: _Time,
        horizon: _Length,
        mask_deg: Optional[float] = None,
        time_zone: Optional[str] = None,
    ) -> Forecast:
        """Tells when it will hold at a place, as a node there will see it.

        Parameters
        ----------
        place, elements:
            From where the satellites are seen, and which.
        start:
            From when on. Without a time zone it means UTC.
        horizon:
            How far ahead, as a timedelta or in seconds; 72 hours at most.
        mask_deg:
            The elevation from which on a satellite is visible; it follows from the altitude of each when it
            is left out.
        time_zone:
            The zone of the node, for ``time.local_hour`` and ``time.local_weekday``: a name of the IANA
            database.

        Raises
        ------
        InvalidArgument
            When nothing can be told of the condition (the message names what prevents it), a satellite that
            it names is not among the elements, or ``horizon`` is too long.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class JobTiming:
    """Which nodes a job is on and when its runs are: all that matters to whether it is in another's way."""

    def __new__(
        cls,
        node: str,
        start: _Time,
        end: _Moment,
        length: _Length,
        schedule: Union[str, Cron, None] = None,
        server: Optional[str] = None,
        overhead: bool = True,
    ) -> JobTiming:
        """Describes a job.

        Parameters
        ----------
        node, server:
            The node that measures and, if there is one, the node that serves: the job takes both.
        start, end:
            The date range in which every run lies wholly. Without a time zone they mean UTC.
        length:
            The length of one run in whole seconds, as a number or a timedelta.
        schedule:
            A cron expression, which is in UTC unless it is a :class:`Cron` of another zone. None for a job
            that runs once, at ``start``.
        overhead:
            Whether it needs the link for itself. One that does not is in nobody's way.

        Raises
        ------
        InvalidArgument
            When no such job can be booked: for one, because no run of it fits the date range.
        """

    @property
    def node(self) -> str: ...
    @property
    def server(self) -> Optional[str]: ...
    @property
    def schedule(self) -> Optional[str]:
        """The cron expression; None for a job that runs once."""

    @property
    def time_zone(self) -> str:
        """The zone in which the cron expression is read."""

    @property
    def start(self) -> datetime:
        """In UTC."""

    @property
    def end(self) -> datetime:
        """In UTC."""

    @property
    def length(self) -> timedelta: ...
    @property
    def overhead(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...

def conflicts(
    job: Union[JobTiming, _JobParts],
    others: Sequence[Union[JobTiming, _JobParts]],
    now: Optional[_Time] = None,
) -> list[Conflict]:
    """The jobs among ``others`` that are in the way of ``job``, as the orchestrator would find them.

    Two jobs conflict when both need the link for themselves, they share a node (each takes its node and its
    server), and any of their runs overlap. Runs that only touch do not. A job that is longer than the gap
    between two of its own starts conflicts with itself, which is told first. Jobs are compared as sets of
    minutes, so how many runs they have does not matter.

    Parameters
    ----------
    job, others:
        Jobs, or dictionaries of what a :class:`JobTiming` is made of. Among the others there should not be
        the job's own former self.
    now:
        What ended before counts no more. Without a time zone it means UTC. When left out it is the start of
        ``job``.
    """

def free_slots(
    others: Sequence[Union[JobTiming, _JobParts]],
    nodes: Union[str, Sequence[str]],
    length: _Length,
    start: _Time,
    end: _Moment,
    near: Optional[_Time] = None,
    count: int = 10,
) -> list[tuple[datetime, datetime]]:
    """Windows in which all of ``nodes`` are free beside ``others``, those whose starts are nearest first.

    Parameters
    ----------
    others:
        The jobs that are booked, or dictionaries of what a :class:`JobTiming` is made of. Those on other
        nodes, and those that do not need the link for themselves, are not in the way.
    nodes:
        The node that is to be free, or several that are to be free together.
    length:
        How long, as a timedelta or in seconds, from a second to a year.
    start, end:
        The bounds in which all of a window lies. Without a time zone they mean UTC.
    near:
        The instant to which the starts are to be near, ``start`` when left out.
    count:
        The most windows to give, 1,000 at most.

    Returns
    -------
    Starts and ends in UTC. They do not overlap each other and lie at most a year from ``near``.

    Raises
    ------
    InvalidArgument
        When ``end`` is not after ``start``, or ``length`` is out of range.
    """

@final
class Place:
    """A place on the earth from which the sky is seen."""

    def __new__(
        cls, latitude: float, longitude: float, altitude: float = 0.0, dut1: Optional[float] = None
    ) -> Place:
        """Latitude and longitude in degrees (WGS 84), altitude in metres above the ellipsoid, UT1 - UTC in
        seconds (0.09 when left out)."""

@final
class Elements:
    """A set of orbital elements: OMM as CSV or JSON, or two or three lines a satellite.

    Satellites are named by their name, in any case, or by their catalogue number as text.
    """

    def __new__(cls, text: str) -> Elements: ...
    @staticmethod
    def load(path: Union[str, os.PathLike[str]]) -> Elements:
        """Those in a file.

        Raises
        ------
        InvalidArgument
            When the file cannot be read, or holds no elements.
        """

    def __len__(self) -> int: ...
    @property
    def skipped(self) -> int:
        """How many records of the text were no elements."""

    def satellites(self) -> list[tuple[int, str]]:
        """The catalogue number and the name of each satellite."""

    def propagate(
        self, name: str, minutes: float
    ) -> Optional[tuple[tuple[float, float, float], tuple[float, float, float]]]:
        """Position (km) and velocity (km/s) in TEME, so many minutes after the epoch of the elements, by SGP4
        with the constants of WGS 72. None where the elements do not tell."""

    def look(self, name: str, place: Place, at: _Time) -> Optional[tuple[float, float, float, float]]:
        """Azimuth east of north and elevation (degrees, without refraction), range (km) and range rate (km/s)."""

    def visible(self, place: Place, at: _Time, mask_deg: Optional[float] = None) -> list[tuple[int, float]]:
        """The catalogue numbers of the satellites above the mask with their elevations, the highest first. The
        mask follows from the altitude of each when it is left out."""

    def passes(
        self, name: str, place: Place, start: _Time, end: _Moment, mask_deg: Optional[float] = None
    ) -> list[dict[str, Any]]:
        """The passes of a satellite that have a part in [start, end): `rise`, `set` and `culmination`
        (datetimes in UTC), `max_elevation`, `rise_azimuth` and `set_azimuth` (degrees), and `sigma` (one
        standard deviation of the times in seconds, from the age of the elements)."""

    def track_arrays(
        self, name: str, place: Place, times: Iterable[Any]
    ) -> dict[str, numpy.ndarray[Any, Any]]:
        """Where a satellite is in the sky at each of some times (datetimes, or an array, series or index of them) as
        columns: `azimuth` (degrees east of north), `elevation` (degrees, without refraction), `range_km` and
        `range_rate_km_s`; NaN where the elements do not tell."""

    def visible_arrays(
        self, place: Place, at: _Time, mask_deg: Optional[float] = None
    ) -> dict[str, numpy.ndarray[Any, Any]]:
        """The satellites above the mask as columns, the highest first.

        They are ``number``, ``name``, ``azimuth`` (degrees east of north), ``elevation`` (degrees, without
        refraction), ``range_km`` and ``range_rate_km_s``.

        Raises
        ------
        ImportError
            When NumPy is not installed.
        """

    def passes_arrays(
        self,
        place: Place,
        start: _Time,
        end: _Moment,
        mask_deg: Optional[float] = None,
        names: Optional[Sequence[str]] = None,
    ) -> dict[str, numpy.ndarray[Any, Any]]:
        """The passes of all satellites, or of those in ``names``, that have a part in [start, end), as columns
        in the order of their rises.

        They are ``number``, ``name``, ``rise``, ``set`` and ``culmination`` (datetime64 in UTC),
        ``max_elevation``, ``rise_azimuth`` and ``set_azimuth`` (degrees), and ``sigma`` (one standard
        deviation of the times in seconds, from the age of the elements).

        Raises
        ------
        ImportError
            When NumPy is not installed.
        InvalidArgument
            For a name that is not among the elements, and when ``end`` is not after ``start``.
        """

@final
class Call:
    """A call that has not been made yet. It is made once: with ``wait()``, or with ``await``."""

    def wait(self) -> Any: ...
    def __await__(self) -> Any: ...

@final
class Pieces:
    """What comes piece by piece."""

    def next(self) -> Call:
        """The next piece; None after the last."""

@final
class RunTable:
    """Runs as a call has brought them."""

    def __len__(self) -> int: ...
    def fields(self, place: int) -> dict[str, Any]: ...
    def select(self, places: Sequence[int]) -> RunTable: ...
    def with_status(self, statuses: Sequence[str]) -> list[int]: ...
    def columns(self) -> dict[str, numpy.ndarray[Any, Any]]: ...
    def stats(self) -> list[Any]: ...

_Options = Mapping[str, Any]
_Node = str
_Nodes = Union[str, Sequence[str]]

@final
class Connection:
    """A connection to an orchestrator, bound to one caller: what clients are made of. Not for use by itself."""

    @staticmethod
    def open(options: Sequence[str], environment: Mapping[str, str], timeout: _Length) -> Connection: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def caller(self) -> str: ...
    @property
    def address(self) -> str: ...
    def schedule(self, booking: _Options) -> Call: ...
    def schedule_file(self, text: str, jobid: Optional[str]) -> Call: ...
    def plan(self, booking: _Options, runs: int) -> Call: ...
    def modify(self, id: str, change: _Options) -> Call: ...
    def reschedule(self, id: str, start: Optional[_Moment], end: Optional[_Moment]) -> Call: ...
    def free_slots(
        self,
        nodes: _Nodes,
        length: _Length,
        start: Optional[_Moment],
        end: Optional[_Moment],
        near: Optional[_Moment],
        count: int,
    ) -> Call: ...
    def calendar(self, nodes: _Nodes, start: Optional[_Moment], end: Optional[_Moment]) -> Call: ...
    def job(self, id: str) -> Call: ...
    def job_file(self, id: str) -> Call: ...
    def jobs(self, node: Optional[str], user: Optional[str]) -> Call: ...
    def conflicts_of(self, id: str) -> Call: ...
    def delete_job(self, id: str) -> Call: ...
    def delete_jobs_on_node(self, node: str) -> Call: ...
    def runs(
        self,
        id: Optional[str],
        job: Optional[str],
        node: Optional[str],
        owner: Optional[str],
        start: Optional[_Moment],
        end: Optional[_Moment],
        limit: Optional[int],
    ) -> Call: ...
    def refreshed(self, runs: RunTable) -> Call: ...
    def run(self, id: str) -> Call: ...
    def events(self, run: Optional[str], job: Optional[str]) -> Call: ...
    def follow(
        self, run: Optional[str], job: Optional[str], state: str, timeout: Optional[_Length]
    ) -> Pieces: ...
    def download(
        self, runs: RunTable, path: os.PathLike[str], keep_archive: bool, parallel: int
    ) -> Pieces: ...
    def logs(self, id: str, follow: bool, tail: Optional[int]) -> Call: ...
    def nodes(self, which: _Options) -> Call: ...
    def node(self, id: str) -> Call: ...
    def node_statuses(self, which: _Options) -> Call: ...
    def register_node(self, id: str, details: _Options) -> Call: ...
    def update_node(self, id: str, details: _Options) -> Call: ...
    def delete_node(self, id: str, with_jobs: bool) -> Call: ...
    def set_standby(
        self, id: str, kind: Optional[str], reason: Optional[str], until: Optional[_Moment]
    ) -> Call: ...
    def standby(self, id: str) -> Call: ...
    def elements(self, id: str) -> Call: ...
    def forecast(
        self, id: str, trigger: Trigger, start: Optional[_Moment], horizon: Optional[_Length]
    ) -> Call: ...
    def readings(self, id: str) -> Call: ...
    def time(self) -> Call: ...
    def register_user(self, id: str, name: str, role: str, team: str) -> Call: ...
    def user(self, id: str) -> Call: ...
    def modify_user(
        self, id: str, name: Optional[str], role: Optional[str], team: Optional[str]
    ) -> Call: ...
    def delete_user(self, id: str) -> Call: ...
    def rotate_token(self, id: str) -> Call: ...
    def revoke_token(self, id: str) -> Call: ...
    def kernel_access(self, id: str) -> Call: ...
    def settings(self) -> Call: ...
    def update_settings(
        self, blob_connection_string: str, blob_container: str, blob_artifact_path: str, weather_api_key: str
    ) -> Call: ...
    def audit(
        self,
        caller: Optional[str],
        action: Optional[str],
        object: Optional[str],
        start: Optional[_Moment],
        end: Optional[_Moment],
        after: Optional[str],
        limit: Optional[int],
    ) -> Call: ...

@final
class LocalTestbed:
    """A testbed that runs in this process: what :class:`leoscope.Testbed` is made of. Not for use by itself."""

    @staticmethod
    def start(dir: os.PathLike[str], port: int, runtime: str, nodes: int) -> Call: ...
    def stop(self) -> Call: ...
    def connect(self, as_admin: bool) -> Connection: ...
    def latency_experiment(self, secs: int, program: Union[str, os.PathLike[str]]) -> Call: ...
    @property
    def is_running(self) -> bool: ...
    @property
    def port(self) -> int: ...
    @property
    def runtime(self) -> str: ...
    @property
    def nodes(self) -> list[str]: ...
    @property
    def certificate(self) -> Path: ...
    @property
    def researcher_token(self) -> Path: ...
    @property
    def admin_token(self) -> Path: ...

def measure_latency(
    target: str, interval: _Length, duration: _Length, dir: Union[str, os.PathLike[str]]
) -> tuple[int, float, float, float]:
    """Measures how long TCP connections to a target take, as ``leoscope probe`` does, and writes ``latency.csv``: gives
    how many succeeded, and the shortest, the median and the longest time in milliseconds."""

def ending() -> None:
    """Says that the interpreter ends from now on: threads that come back from a call after it never do."""
