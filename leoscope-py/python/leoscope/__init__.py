"""Experiments on LEO satellite networks, from Python."""

from datetime import datetime, timezone

from . import _leoscope
from ._leoscope import InvalidArgument, __version__

__all__ = ["InvalidArgument", "__version__", "cron_starts"]


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time


def cron_starts(expression: str, start: datetime, end: datetime, limit: int = 10) -> "list[datetime]":
    """The first starts of a cron expression from ``start`` up to, not including, ``end``.

    Five fields (minute, hour, day of month, month, day of week), in UTC. Naive times mean UTC;
    the result is aware. Raises :class:`InvalidArgument` for an expression that is none and for
    an ``end`` that is not later than ``start``.
    """
    return _leoscope.cron_starts(expression, _utc(start), _utc(end), limit)
