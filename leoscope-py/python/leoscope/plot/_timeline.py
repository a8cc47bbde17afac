"""Bookings or runs by node over time."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Optional, Union, cast

from ._axes import axes, bars, blank, legend_height, number, rows, side_legend, swatch, time_axis
from ._items import (
    OTHER_STATUS,
    STATUSES,
    Event,
    Lane,
    Look,
    Run,
    in_order_of_life,
    job_colors,
    job_look,
    lanes,
    nodes_of,
    status_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _Bar(NamedTuple):
    node: str
    start: float
    end: float
    kind: str
    look: Look


def timeline(
    items: Union[Iterable[Event], Iterable[Run]], *, now: Optional[datetime] = None, ax: Optional[Axes] = None
) -> Axes:
    """A Gantt chart: a row for each node, a bar for each booked time or each run.

    Parameters
    ----------
    items:
        Events of a calendar, or runs. Events are coloured by job, those that do not need the link for
        themselves are hatched, and one with a server has a bar in the row of either node. Runs are coloured
        by status, from when they were started to when they ended, or as planned; those of which no start is
        known are left out. What overlaps on a node is drawn side by side within its row.
    now:
        Where to draw a line that says "now"; none when it is left out.
    ax:
        Where to draw; a figure of its own when it is left out.

    Returns
    -------
    The axes, with the nodes in the order of their names at y = 0, 1, 2… from the top.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    drawn, legend = _bars(list(items))
    nodes = sorted({bar.node for bar in drawn})
    made = axes(ax, 9, 1.1 + max(0.36 * len(nodes), legend_height(len(legend))))
    if not drawn:
        blank(made, "no bookings, no runs")
        made.set_xlabel("time (UTC)")
        return cast("Axes", made)
    rows(made, nodes)
    for row, node in enumerate(nodes):
        _row(made, row, [bar for bar in drawn if bar.node == node])
    first, last = min(bar.start for bar in drawn), max(bar.end for bar in drawn)
    if now is not None:
        at = number(now)
        first, last = min(first, at), max(last, at)
        made.axvline(at, color="black", linewidth=1.2, linestyle="--", label="_now")
        made.text(at, 1.01, "now", transform=made.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    time_axis(made, first, last)
    made.grid(True, axis="x", color="#eeeeee", linewidth=0.6)
    made.set_axisbelow(True)
    made.set_ylabel("node")
    side_legend(made, legend)
    return cast("Axes", made)


def _bars(items: list[Any]) -> tuple[list[_Bar], list[Any]]:
    """The bars, and the entries of the legend."""
    if items and hasattr(items[0], "status"):
        drawn = [bar for run in items for bar in _run(run)]
        looks = {bar.kind: bar.look for bar in drawn}
        return drawn, [swatch(looks[status], status) for status in in_order_of_life(looks)]
    colors = job_colors(event.job_id for event in items)
    drawn = [
        _Bar(node, number(event.start), number(event.end), event.job_id, look)
        for event in items
        for look in [job_look(colors[event.job_id], event.overhead)]
        for node in nodes_of(event)
    ]
    return drawn, job_legend(colors, items)


def _run(run: Run) -> list[_Bar]:
    """Its bar; none when nobody knows when it was or will be."""
    status = status_of(run)
    # What was never started has no length of its own, whenever its end was told.
    start, end = (run.started, run.ended or run.planned_end) if run.started else (run.planned_start, run.planned_end)
    if start is None:
        return []
    first = number(start)
    # One that was held back past its planned end goes on from its start, for all that is known.
    last = first if end is None else max(number(end), first)
    return [_Bar(run.node_id, first, last, status, STATUSES.get(status, OTHER_STATUS))]


def _row(ax: Any, row: int, drawn: list[_Bar]) -> None:
    groups: dict[tuple[Lane, str, Look], list[tuple[float, float]]] = defaultdict(list)
    for lane, bar in zip(lanes((bar.start, bar.end) for bar in drawn), drawn):
        groups[lane, bar.kind, bar.look].append((bar.start, bar.end))
    for (lane, kind, look), spans in groups.items():
        height = 0.76 / lane.of
        bars(ax, spans, row - 0.38 + lane.place * height, height, look, kind)


def job_legend(colors: dict[str, str], events: Iterable[Event]) -> list[Any]:
    """An entry for each job, hatched where all of its events are."""
    overhead: dict[str, bool] = {}
    for event in events:
        overhead[event.job_id] = overhead.get(event.job_id, False) or event.overhead
    return [swatch(job_look(color, overhead[job]), job) for job, color in colors.items()]
