"""Ways of satellites through the sky, as they are drawn."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Sequence, Union

from .._errors import InvalidArgument
from ._axes import moments, need_order, number, utc

if TYPE_CHECKING:
    import numpy

    from .._leoscope import Elements, Place

Mask = Union[float, Sequence["tuple[float, float]"]]
"""An elevation in degrees, or the corners of a line of the horizon: azimuths and elevations in degrees."""


class Track(NamedTuple):
    """A satellite's way during a part of a pass."""

    name: str
    times: list[float]
    """As matplotlib counts time."""
    azimuth: numpy.ndarray[Any, Any]
    """Degrees east of north; NaN where it is not above the mask."""
    elevation: numpy.ndarray[Any, Any]
    """Degrees; NaN where it is not above the mask."""
    highest: int
    """At which of the times it is highest."""

    @property
    def last(self) -> int:
        """At which of the times it is above the mask for the last time."""
        return max(place for place, elevation in enumerate(self.elevation) if elevation == elevation)

    @property
    def peak(self) -> float:
        """The highest elevation, in degrees."""
        return float(self.elevation[self.highest])


class Horizon:
    """From which elevation on a satellite counts, in each direction."""

    def __init__(self, mask: Mask) -> None:
        import numpy

        corners = numpy.asarray(mask, dtype=float)
        if corners.ndim == 0:
            corners = numpy.array([[0.0, float(corners)]])
        if corners.ndim != 2 or corners.shape[1] != 2 or not numpy.isfinite(corners).all():
            raise InvalidArgument(
                f"mask {mask!r} is neither an elevation nor corners of a horizon",
                "give degrees, for example 25.0, or a list of (azimuth, elevation) in degrees",
            )
        self._azimuths, self._elevations = corners[:, 0], corners[:, 1]
        self.lowest = float(self._elevations.min())

    def at(self, azimuth: Any) -> Any:
        """The elevation of the mask at azimuths in degrees: straight lines from corner to corner, around north too."""
        import numpy

        # What it is typed to give depends on what goes in, which is open here.
        interp: Any = numpy.interp
        return interp(azimuth, self._azimuths, self._elevations, period=360.0)

    def __str__(self) -> str:
        """For example ``25°``."""
        return f"{self.lowest:g}°" if len(self._elevations) == 1 else "the horizon"


def tracks(
    elements: Elements,
    place: Place,
    start: datetime,
    end: datetime,
    horizon: Horizon,
    names: Optional[Sequence[str]],
    most: Optional[int],
) -> tuple[list[Track], int]:
    """The passes in [start, end), the highest first, at most so many of them; and how many there are."""
    need_order(start, end)
    start, end = utc(start), utc(end)
    found = elements.passes_arrays(place, start, end, horizon.lowest, None if names is None else list(names))
    order = sorted(range(len(found["name"])), key=lambda row: -float(found["max_elevation"][row]))
    rises, sets = _instants(found["rise"]), _instants(found["set"])
    drawn: list[Track] = []
    for row in order[:most]:
        first, last = max(rises[row] or start, start), min(sets[row] or end, end)
        if first < last:
            # Names need not be unique; numbers are.
            number_text = str(int(found["number"][row]))
            drawn += _track(elements, place, number_text, str(found["name"][row]), first, last, horizon)
    drawn.sort(key=lambda track: -track.peak)
    return drawn, len(order)


def _track(
    elements: Elements,
    place: Place,
    satellite: str,
    name: str,
    first: datetime,
    last: datetime,
    horizon: Horizon,
) -> list[Track]:
    import numpy

    # Near the zenith a satellite moves by a degree a second or so.
    times = moments(first, last, min(max(int((last - first).total_seconds() / 2), 60), 300))
    found = elements.track_arrays(satellite, place, times)
    azimuth, elevation = found["azimuth"], found["elevation"]
    # At rise and set it is at the mask, give or take a rounding.
    above = elevation >= horizon.at(azimuth) - 0.01
    if not above.any():
        return []
    azimuth, elevation = numpy.where(above, azimuth, numpy.nan), numpy.where(above, elevation, numpy.nan)
    return [Track(name, [number(at) for at in times], azimuth, elevation, int(numpy.nanargmax(elevation)))]


def _instants(column: Any) -> list[Optional[datetime]]:
    """Datetimes in UTC; None for those that are not told."""
    times: list[Optional[datetime]] = column.astype("datetime64[us]").tolist()
    return [None if at is None else at.replace(tzinfo=timezone.utc) for at in times]
