"""What callers give, made ready for the native module."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, TypedDict, Union, cast


from ._experiment import Experiment, config_text
from ._leoscope import Connection, Cron, Trigger
from ._words import OPTIONS

if TYPE_CHECKING:
    from ._accounts import User
    from ._leoscope import _Length, _Time
    from ._records import Record

# A time: a datetime, a timedelta from now (of an end, from the start), or a text: "now", "+90m", "-1d", an instant.
Moment = Union["_Time", timedelta, str]
# The id of a job, run, node or user, or the object.
Id = Union[str, "Record", "User"]
Config = Union[str, "os.PathLike[str]", Mapping[str, Any], Experiment]

class Policy(TypedDict, total=False):
    """What a job may want of its starts beyond its schedule; see :class:`leoscope.Policies`."""

    time_zone: Optional[str]
    """The zone of the schedule, for example ``"Europe/Berlin"``; that of a :class:`leoscope.Cron` comes with it."""
    allowed_lateness: Optional[_Length]
    overlap: Optional[str]
    slip: Optional[_Length]
    random_slip: Optional[_Length]
    max_runs: Optional[int]
    """0 for no end."""
    align: Optional[str]
    """``"slot"``, ``"slot+3"``, ``"window"`` or ``"none"``."""
    hold: Optional[bool]
    met_for: Optional[_Length]
    at_least: Optional[_Length]
    cooldown: Optional[_Length]


class NodeDetails(TypedDict, total=False):
    """What is said of a node; see :class:`leoscope.Node`."""

    name: Optional[str]
    description: Optional[str]
    latitude: Optional[float]
    longitude: Optional[float]
    location: Optional[str]
    provider: Optional[str]
    public_ip: Optional[str]
    owner: Optional[str]
    scheduling_enabled: Optional[bool]


def opened(timeout: _Length, options: Mapping[str, object]) -> Connection:
    """A connection as ``options`` say, and below them the environment and the profile."""
    words = [f"--{OPTIONS[name]}={value}" for name, value in options.items() if value is not None]
    known = ("LEOSCOPE_", "XDG_", "HOME")
    environment = {name: value for name, value in os.environ.items() if name.startswith(known)}
    return Connection.open(words, environment, timeout)


def _whole(call: str, keys: Mapping[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """All of ``keys``, None where nothing is given."""
    unknown = sorted(set(given) - set(keys))
    if unknown:
        raise TypeError(f"{call}() got an unexpected keyword argument {unknown[0]!r}")
    return {key: given.get(key) for key in keys}


def policies(call: str, given: Mapping[str, Any]) -> Dict[str, Any]:
    """All policies, None where nothing is said."""
    return _whole(call, Policy.__annotations__, given)


def node_details(call: str, given: Mapping[str, Any]) -> Dict[str, Any]:
    """All details of a node, None where nothing is said."""
    return _whole(call, NodeDetails.__annotations__, given)


def booking(
    call: str,
    node: object,
    config: Config,
    length: _Length,
    schedule: Union[str, Cron, None],
    start: Optional[Moment],
    end: Optional[Moment],
    server: object,
    overhead: bool,
    trigger: Union[str, Trigger, None],
    jobid: Optional[str],
    policy: Mapping[str, Any],
) -> Dict[str, Any]:
    """A job that is asked for."""
    return {
        "jobid": jobid,
        "node": name(node),
        "server": None if server is None else name(server),
        "schedule": schedule,
        "start": start,
        "end": end,
        "length": length,
        "overhead": overhead,
        "trigger": trigger,
        "config": config_text(config),
        "policies": policies(call, policy),
    }


def change(
    schedule: Union[str, Cron, None],
    once: bool,
    start: Optional[Moment],
    end: Optional[Moment],
    length: Optional[_Length],
    overhead: Optional[bool],
    trigger: Union[str, Trigger, None],
    config: Optional[Config],
    policy: Mapping[str, Any],
) -> Dict[str, Any]:
    """What of a job shall be different."""
    return {
        "schedule": schedule,
        "once": once,
        "start": start,
        "end": end,
        "length": length,
        "overhead": overhead,
        "trigger": trigger,
        "config": None if config is None else config_text(config),
        "policies": policies("modify", policy),
    }


def name(thing: object) -> str:
    """The id of a job, run, node or user, given as it is or as the object."""
    id = thing if isinstance(thing, str) else getattr(thing, "id", None)
    if not isinstance(id, str):
        raise TypeError(f"an id, or an object that has one, is expected, not {type(thing).__name__}")
    return id


def names(things: object) -> Union[str, List[str]]:
    """The id of one, or the ids of several."""
    if isinstance(things, str) or hasattr(things, "id") or not isinstance(things, Iterable):
        return name(things)
    return [name(one) for one in cast("Iterable[object]", things)]


def optional_name(thing: object) -> Optional[str]:
    """The id of what may not be given."""
    return None if thing is None else name(thing)


def file_text(file: Union[str, os.PathLike[str]]) -> str:
    """The text of a file that is given as its path, or as that text: which has more than a line."""
    if isinstance(file, str) and "\n" in file:
        return file
    return Path(file).read_text(encoding="utf-8")
