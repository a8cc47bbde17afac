"""Where satellites are in the sky."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Sequence, cast

from ._axes import Labels, axes, lay_out, matplotlib, say, side_legend, utc
from ._items import LINES
from ._tracks import Horizon, Mask, Track, tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._leoscope import Elements, Place

_LABELLED = 6
_MOST_TRACKS = 100
_RINGS = (30, 60)
_RING_LABELS = 22.5
"""The azimuth at which the elevations of the rings stand."""


class _Point(NamedTuple):
    name: str
    azimuth: float
    elevation: float


def sky(
    elements: Elements,
    place: Place,
    start: datetime,
    *,
    end: Optional[datetime] = None,
    mask: Mask = 25.0,
    names: Optional[Sequence[str]] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """The sky as on a map: zenith in the middle, north up, east on the right.

    Parameters
    ----------
    elements, place:
        The satellites, and from where they are seen.
    start:
        When: satellites above the mask are points, and the highest of them have their names.
    end:
        The end of the time in which passes are drawn as lines, with arrows at their ends: the 100 highest of them.
        No lines when it is left out.
    mask:
        The elevation in degrees from which on a satellite counts, or the corners of a horizon: pairs of azimuth
        (east of north) and elevation in degrees, joined by straight lines. What is below is shaded.
    names:
        The satellites to look for, by name or catalogue number; all when it is left out.
    ax:
        Polar axes in which to draw; a figure of its own when it is left out.

    Returns
    -------
    The axes: the angle is the azimuth in radians, the radius the elevation in degrees, 90 in the middle.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    InvalidArgument
        For axes that are not polar, a mask that is none, an ``end`` that is not after ``start``, and a name that is
        not among the elements.
    """
    made = axes(ax, 7.4 if end is None else 8.4, 6.4, polar=True)
    horizon = Horizon(mask)
    points = _points(elements, place, start, horizon, names)
    drawn: list[Track] = []
    title = f"{utc(start):%Y-%m-%d %H:%M:%S} UTC"
    if end is not None:
        drawn, count = tracks(elements, place, start, end, horizon, names, _MOST_TRACKS)
        title = f"{utc(start):%Y-%m-%d %H:%M:%S} to {utc(end):%Y-%m-%d %H:%M:%S} UTC"
        if count > _MOST_TRACKS:
            title += f"\nthe {_MOST_TRACKS} highest of {count} passes"
    _frame(made, horizon)
    made.set_title(title, pad=14)
    legend = [*_draw_tracks(made, drawn), *_draw_points(made, points, start), _shade(made, horizon)]
    side_legend(made, legend)
    if not points and not drawn:
        say(made, f"no satellites above {horizon}")
    lay_out(made)
    _name(made, drawn, points)
    return cast("Axes", made)


def _points(
    elements: Elements, place: Place, at: datetime, horizon: Horizon, names: Optional[Sequence[str]]
) -> list[_Point]:
    """The satellites above the mask, the highest first."""
    if names is None:
        found = elements.visible_arrays(place, at, horizon.lowest)
        columns = zip(found["name"], found["azimuth"], found["elevation"])
        points = [_Point(str(name), float(azimuth), float(elevation)) for name, azimuth, elevation in columns]
    else:
        tracked = ((name, elements.track_arrays(name, place, [at])) for name in names)
        points = [_Point(name, float(one["azimuth"][0]), float(one["elevation"][0])) for name, one in tracked]
    # An elevation that is not known is not above anything.
    above = (point for point in points if point.elevation >= horizon.at(point.azimuth))
    return sorted(above, key=lambda point: -point.elevation)


def _frame(ax: Any, horizon: Horizon) -> None:
    ax.set_theta_zero_location("N")
    ax.set_theta_direction(-1)
    ax.set_rlim(90, 0)
    ax.set_thetagrids(range(0, 360, 45), labels=["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
    ax.set_rgrids(_RINGS, labels=[f"{ring}°" for ring in _RINGS], angle=_RING_LABELS, fontsize=8, color="#555555")
    ax.grid(True, color="#cccccc", linewidth=0.6)
    ax.set_axisbelow(True)


def _shade(ax: Any, horizon: Horizon) -> Any:
    """Shades what is below the mask; gives its entry for the legend."""
    azimuths = [float(azimuth) for azimuth in range(361)]
    angles, mask = [math.radians(azimuth) for azimuth in azimuths], horizon.at(azimuths)
    ax.fill_between(angles, 0, mask, color="#e6e6e6", linewidth=0, zorder=0.5, label="_mask")
    ax.plot(angles, mask, color="#777777", linewidth=0.9, linestyle=(0, (4, 2)), zorder=1, label="_mask")
    return matplotlib("patches").Patch(
        facecolor="#e6e6e6", edgecolor="#777777", linestyle="--", label=f"below {horizon}"
    )


def _draw_tracks(ax: Any, drawn: Sequence[Track]) -> list[Any]:
    """Draws the highest in colours, and the others grey behind them; gives the entries for the legend."""
    line = matplotlib("lines").Line2D
    entries: list[Any] = []
    for rank, track in enumerate(drawn):
        named = rank < _LABELLED
        color, dashes = LINES[rank] if named else ("#aaaaaa", "-")
        style = {"color": color, "linestyle": dashes, "linewidth": 1.8 if named else 0.8}
        angles = [math.radians(azimuth) for azimuth in track.azimuth]
        ax.plot(angles, track.elevation, zorder=3 if named else 2, label=f"_{track.name}", **style)
        last = track.last
        if last > 0 and math.isfinite(track.elevation[last - 1]):
            ax.annotate(
                "",
                xy=(angles[last], track.elevation[last]),
                xytext=(angles[last - 1], track.elevation[last - 1]),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": color,
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "mutation_scale": 13 if named else 8,
                },
                zorder=3 if named else 2,
            )
        if named:
            entries.append(line([], [], label=f"{track.name}, {_when(track)}", **style))
        elif rank == _LABELLED:
            entries.append(line([], [], label="other passes", **style))
    return entries


def _when(track: Track) -> str:
    at = matplotlib("dates").num2date(track.times[track.highest], tz=timezone.utc)
    return f"{track.peak:.0f}° at {at:%H:%M}"


def _draw_points(ax: Any, points: Sequence[_Point], at: datetime) -> list[Any]:
    if not points:
        return []
    angles = [math.radians(point.azimuth) for point in points]
    return [
        ax.scatter(
            angles,
            [point.elevation for point in points],
            s=34,
            color="black",
            edgecolor="white",
            linewidth=0.8,
            zorder=4,
            label=f"at {utc(at):%H:%M:%S}",
        )
    ]


def _name(ax: Any, drawn: Sequence[Track], points: Sequence[_Point]) -> None:
    """Names the highest passes at their arrows, and the highest points."""
    labels = Labels(ax)
    for ring in _RINGS:
        labels.keep_free(math.radians(_RING_LABELS), ring, 20.0, 12.0)
    for azimuth in range(0, 360, 45):
        labels.keep_free(math.radians(azimuth), -5, 22.0, 14.0)
    for point in points:
        labels.keep_free(math.radians(point.azimuth), point.elevation)
    passing = drawn[:_LABELLED]
    for track in passing:
        labels.put(math.radians(track.azimuth[track.last]), track.elevation[track.last], track.name)
    known = {track.name for track in passing}
    for point in [point for point in points if point.name not in known][:_LABELLED]:
        labels.put(math.radians(point.azimuth), point.elevation, point.name)
