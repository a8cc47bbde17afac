from datetime import datetime
from typing import Optional

__all__ = ["InvalidArgument", "__version__", "cron_starts"]

__version__: str

class InvalidArgument(ValueError):
    """A value is not acceptable.

    Its text is ``message`` and, on a line of its own, ``hint``, if there is one.
    """

    message: str
    """What was wrong with which value."""
    hint: Optional[str]
    """What to do about it."""

def cron_starts(expression: str, start: datetime, end: datetime, limit: int = 10) -> list[datetime]:
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
