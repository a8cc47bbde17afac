"""How late runs were started, and what became of them."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Iterable, Optional, cast

from ._axes import axes, blank, matplotlib, number, side_legend, time_axis
from ._items import OTHER_STATUS, STATUSES, Look, Run, in_order_of_life, status_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RAIL = 0.075
"""The share of the axes' height that a rail takes."""
_SIZE = 6.0
"""How wide a marker is, in points."""


def runs(runs: Iterable[Run], *, ax: Optional[Axes] = None) -> Axes:
    """Runs over time: how late each was started, and its status by colour and marker.

    Parameters
    ----------
    runs:
        The runs. Those without a lateness, for one because they were not started, are on rails below, one for each
        status. Where a node did not say when it planned a run, it stands where it was started, if it was.
    ax:
        Where to draw; a figure of its own when it is left out.

    Returns
    -------
    The axes, with the lateness in milliseconds upwards. Where some runs were far later than most, the scale is
    logarithmic beyond what most have, and its label says so.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    made = axes(ax, 9, 4.2)
    made.set_xlabel("time planned (UTC)")
    planned = ((run.planned_start or run.started, run) for run in runs)
    found = [(number(at), run) for at, run in planned if at is not None]
    if not found:
        blank(made, "no runs")
        return cast("Axes", made)
    timed: dict[str, list[tuple[float, float]]] = defaultdict(list)
    railed: dict[str, list[float]] = defaultdict(list)
    for at, run in found:
        status = status_of(run)
        if run.lateness is None:
            railed[status].append(at)
        else:
            timed[status].append((at, run.lateness.total_seconds() * 1000))
    rails = in_order_of_life(railed)
    size = _SIZE if len(found) <= 500 else _SIZE * 0.7
    heights = _scale(made, [late for points in timed.values() for _, late in points], rails)
    for status, points in timed.items():
        _mark(made, status, size, [at for at, _ in points], [late for _, late in points])
    for status, height in heights.items():
        made.axhline(height, color="#cccccc", linewidth=0.7, zorder=1, label="_rail")
        _mark(made, status, size, railed[status], [height] * len(railed[status]))
    times = [at for at, _ in found]
    time_axis(made, min(times), max(times))
    made.set_xlabel("time planned (UTC)")
    made.grid(True, color="#eeeeee", linewidth=0.6)
    made.set_axisbelow(True)
    side_legend(made, [_entry(status) for status in in_order_of_life([*timed, *railed])])
    return cast("Axes", made)


def _scale(ax: Any, late: list[float], rails: list[str]) -> dict[str, float]:
    """Makes y milliseconds, with room for the rails below; tells where these are."""
    if not late:
        ax.set_ylim(len(rails) - 0.5, -0.5)
        ax.set_yticks(range(len(rails)), labels=rails)
        return {status: float(place) for place, status in enumerate(rails)}
    ax.set_ylabel("lateness (ms)")
    usual = sorted(abs(one) for one in late)[(len(late) - 1) * 3 // 4]
    low, high = min(0.0, *late), max(0.0, *late)
    if max(high, -low) > 30 * max(usual, 1.0):
        linear = 10.0 ** math.ceil(math.log10(max(usual, 1.0)))
        ax.set_yscale("symlog", linthresh=linear)
        ax.set_ylabel(f"lateness (ms, log beyond {linear:g})")
    scale = ax.yaxis.get_transform()
    bottom, top = (float(at) for at in scale.transform([low, high]))
    room = (top - bottom) * 0.07 or 0.5
    rail = (top - bottom + 2 * room) * _RAIL / (1 - _RAIL * len(rails))
    lowest = bottom - room - rail * len(rails)
    heights = scale.inverted().transform(
        [lowest, top + room, *(bottom - room - rail * (place + 0.5) for place in range(len(rails)))]
    )
    ax.set_ylim(heights[0], heights[1])
    placed = dict(zip(rails, (float(height) for height in heights[2:])))
    if rails:
        # Beside the rails milliseconds mean nothing.
        ticks = [tick for tick in ax.yaxis.get_major_locator().tick_values(low, high) if low <= tick <= heights[1]]
        ax.set_yticks([*ticks, *placed.values()], labels=[*(f"{tick:g}" for tick in ticks), *rails])
        ax.set_yticks([], minor=True)
    return placed


def _mark(ax: Any, status: str, size: float, times: list[float], heights: list[float]) -> None:
    look = STATUSES.get(status, OTHER_STATUS)
    ax.scatter(
        times,
        heights,
        marker=look.marker,
        s=size**2,
        facecolor=_fill(look),
        edgecolor=look.edge,
        linewidth=0.8,
        # What went wrong is not to be hidden by what did not.
        zorder=3 if status == "COMPLETED" else 4,
        label=f"_{status}",
    )


def _entry(status: str) -> Any:
    look = STATUSES.get(status, OTHER_STATUS)
    style = {"marker": look.marker, "markersize": _SIZE, "markerfacecolor": _fill(look), "markeredgecolor": look.edge}
    return matplotlib("lines").Line2D([], [], linestyle="none", label=status, **style)


def _fill(look: Look) -> str:
    """The colour of a marker, which has no hatch to tell it from others."""
    return look.edge if look.hatch else look.face
