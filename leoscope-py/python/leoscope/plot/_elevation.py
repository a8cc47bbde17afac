"""How high satellites are, over time."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Optional, Sequence, cast

from ._axes import axes, matplotlib, number, say, side_legend, time_axis, utc
from ._items import LINES
from ._tracks import Horizon, Track, tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._leoscope import Elements, Place

_MOST_PASSES = 12
# Of more passes than these, those that are cut short by the span are not among the highest.
_MOST_LOOKED_AT = 100


def elevation(
    elements: Elements,
    place: Place,
    start: datetime,
    end: datetime,
    *,
    names: Optional[Sequence[str]] = None,
    mask: float = 25.0,
    slots: Optional[bool] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """The elevation of satellites over time.

    Parameters
    ----------
    elements, place:
        The satellites, and from where they are seen.
    start, end:
        The time in which to look. Without a time zone they mean UTC.
    names:
        The satellites to draw, by name or catalogue number, from horizon to horizon. When it is left out it is the
        12 passes above the mask that are highest within the time.
    mask:
        The elevation in degrees at which a line is drawn.
    slots:
        Whether to draw a line where Starlink may hand over to another satellite: every 15 seconds, 12 seconds after
        the full minute and so on. When it is left out, they are drawn in spans of at most 5 minutes.
    ax:
        Where to draw; a figure of its own when it is left out.

    Returns
    -------
    The axes, with degrees from y = 0 to 90.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    InvalidArgument
        When ``end`` is not after ``start``, and for a name that is not among the elements.
    """
    made = axes(ax, 9, 4.6)
    horizon = Horizon(mask if names is None else 0.0)
    drawn, _ = tracks(elements, place, start, end, horizon, names, _MOST_LOOKED_AT if names is None else None)
    shown = drawn[:_MOST_PASSES] if names is None else drawn
    legend = _draw(made, sorted(shown, key=lambda track: track.times[track.highest]))
    made.axhline(mask, color="#777777", linewidth=1, linestyle=(0, (4, 2)), label="_mask")
    made.axhspan(0, mask, color="#efefef", linewidth=0, zorder=0)
    legend.append(_line(f"mask, {mask:g}°", color="#777777", linewidth=1, linestyle=(0, (4, 2))))
    if slots or (slots is None and utc(end) - utc(start) <= timedelta(minutes=5)):
        made.vlines(slot_starts(start, end), 0, 90, color="#8a8a8a", linewidth=0.7, linestyle=":", label="_slots")
        legend.append(_line("slot of Starlink", color="#8a8a8a", linewidth=0.9, linestyle=":"))
    time_axis(made, number(start), number(end), pad=0.0)
    made.set_ylim(0, 90)
    made.set_yticks(range(0, 91, 15))
    made.set_ylabel("elevation (°)")
    made.grid(True, axis="y", color="#dddddd", linewidth=0.6)
    made.set_axisbelow(True)
    side_legend(made, legend)
    if not drawn:
        say(made, f"no passes above {horizon}" if names is None else "none of them rises")
    return cast("Axes", made)


def _draw(ax: Any, shown: Sequence[Track]) -> list[Any]:
    """Draws passes, those of one satellite alike; gives the entries for the legend, in the order of the passes."""
    styles: dict[str, dict[str, Any]] = {}
    highest: dict[str, float] = {}
    for track in shown:
        if track.name not in styles:
            color, dashes = LINES[len(styles) % len(LINES)]
            styles[track.name] = {"color": color, "linestyle": dashes, "linewidth": 1.6}
        highest[track.name] = max(highest.get(track.name, 0.0), track.peak)
        ax.plot(track.times, track.elevation, label=f"_{track.name}", **styles[track.name])
    return [_line(f"{name}, {highest[name]:.0f}°", **style) for name, style in styles.items()]


def _line(label: str, **style: Any) -> Any:
    return matplotlib("lines").Line2D([], [], label=label, **style)


def slot_starts(start: datetime, end: datetime) -> list[float]:
    """When slots begin in [start, end): 12, 27, 42 and 57 seconds after each full minute, as matplotlib counts time."""
    minute = utc(start).replace(second=0, microsecond=0)
    into = (utc(start) - minute).total_seconds()
    slot = timedelta(seconds=15)
    starts: list[float] = []
    at = minute + timedelta(seconds=12) + slot * math.ceil((into - 12) / 15)
    while at < utc(end):
        starts.append(number(at))
        at += slot
    return starts
