from datetime import datetime
from typing import Any, Optional

__all__ = ["Elements", "InvalidArgument", "Place", "__version__", "cron_starts"]

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

class Place:
    """A place on the earth from which the sky is seen."""

    def __init__(
        self, latitude: float, longitude: float, altitude: float = 0.0, dut1: Optional[float] = None
    ) -> None:
        """Latitude and longitude in degrees (WGS 84), altitude in metres above the ellipsoid, UT1 - UTC in
        seconds (0.09 when left out)."""

class Elements:
    """A set of orbital elements: OMM as CSV or JSON, or two or three lines a satellite.

    Satellites are named by their name, in any case, or by their catalogue number as text.
    """

    def __init__(self, text: str) -> None: ...
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

    def look(self, name: str, place: Place, at: datetime) -> Optional[tuple[float, float, float, float]]:
        """Azimuth east of north and elevation (degrees, without refraction), range (km) and range rate (km/s)."""

    def visible(self, place: Place, at: datetime, mask_deg: Optional[float] = None) -> list[tuple[int, float]]:
        """The catalogue numbers of the satellites above the mask with their elevations, the highest first. The
        mask follows from the altitude of each when it is left out."""

    def passes(
        self, name: str, place: Place, start: datetime, end: datetime, mask_deg: Optional[float] = None
    ) -> list[dict[str, Any]]:
        """The passes of a satellite that have a part in [start, end): `rise`, `set` and `culmination`
        (datetimes in UTC), `max_elevation`, `rise_azimuth` and `set_azimuth` (degrees), and `sigma` (one
        standard deviation of the times in seconds, from the age of the elements)."""
