"""What is booked in a week."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Optional, cast

from ._axes import SMALL, axes, lay_out, matplotlib, say, side_legend, text_size, utc
from ._items import Event, job_colors, job_look, lanes, nodes_of
from ._timeline import job_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DAY = timedelta(days=1)
_EDGE = 0.03
# Above this many, the numbers of nodes at the top of each day would run into each other.
_MOST_NUMBERS = 8


class _Block(NamedTuple):
    day: int
    node: str
    # Hours of the day.
    start: float
    end: float
    event: Event


def week(
    events: Iterable[Event],
    *,
    start: Optional[datetime] = None,
    node: Optional[str] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """A week's calendar: a column for each day, the hours of the day downwards, a block where something is booked.

    Parameters
    ----------
    events:
        Events of a calendar, coloured by job; those that do not need the link for themselves are hatched.
        One that goes past midnight has a block in either day.
    start:
        A time in the first day, in UTC. When it is left out, the first day is the Monday before the first event.
    node:
        The node that is looked at, whether it measures or serves. When it is left out it is all, and those with
        a booking in the week share the width of each day.
    ax:
        Where to draw; a figure of its own when it is left out.

    Returns
    -------
    The axes: the days are from x = 0 to 7, the hours from y = 0 at the top to 24.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    mine = [event for event in events if node is None or node in nodes_of(event)]
    monday = _first_day(mine, start)
    blocks = [block for event in mine for block in _blocks(event, monday, node)] if monday else []
    nodes = sorted({block.node for block in blocks})
    made = axes(ax, max(9.0, min(1.2 * len(nodes), 18.0)), 6)
    _frame(made, monday, node)
    if not blocks:
        say(made, "nothing booked")
        return cast("Axes", made)
    # Jobs keep their colours from week to week.
    colors = job_colors(event.job_id for event in mine)
    shown = [block.event for block in blocks]
    here = {event.job_id for event in shown}
    title = _number(made, nodes) if len(nodes) > 1 else ""
    side_legend(made, job_legend({job: color for job, color in colors.items() if job in here}, shown), title)
    lay_out(made)
    places: dict[tuple[int, str], list[_Block]] = defaultdict(list)
    for block in blocks:
        places[block.day, block.node].append(block)
    width = (1 - 2 * _EDGE) / len(nodes)
    for (day, name), together in places.items():
        left = day + _EDGE + nodes.index(name) * width
        for lane, block in zip(lanes((block.start, block.end) for block in together), together):
            part = width / lane.of
            _draw(made, left + lane.place * part, part, block, colors[block.event.job_id])
    return cast("Axes", made)


def _first_day(events: list[Event], start: Optional[datetime]) -> Optional[datetime]:
    if start is not None:
        return _midnight(start)
    if not events:
        return None
    first = _midnight(min(utc(event.start) for event in events))
    return first - first.weekday() * _DAY


def _midnight(at: datetime) -> datetime:
    return datetime.combine(utc(at).date(), time(0), timezone.utc)


def _blocks(event: Event, monday: datetime, node: Optional[str]) -> list[_Block]:
    """An event's parts in the days of the week, for each node that is looked at."""
    start, end = utc(event.start), utc(event.end)
    hour = timedelta(hours=1)
    parts: list[_Block] = []
    for day in range(7):
        midnight = monday + day * _DAY
        first, last = max(start, midnight), min(end, midnight + _DAY)
        if first < last:
            hours = ((first - midnight) / hour, (last - midnight) / hour)
            parts += [_Block(day, name, *hours, event) for name in nodes_of(event) if node in (None, name)]
    return parts


def _frame(ax: Any, monday: Optional[datetime], node: Optional[str]) -> None:
    ax.set_xlim(0, 7)
    ax.set_ylim(24, 0)
    # 2001 began with a Monday.
    first, form = (monday, "%a\n%d %b") if monday else (datetime(2001, 1, 1), "%a")
    ax.set_xticks(
        [day + 0.5 for day in range(7)], labels=[(first + day * _DAY).strftime(form) for day in range(7)]
    )
    ax.xaxis.set_ticks_position("top")
    ax.tick_params(axis="x", length=0, pad=10)
    ax.set_yticks(range(0, 25, 3), labels=[f"{hour:02d}:00" for hour in range(0, 25, 3)])
    ax.set_ylabel("hour of the day (UTC)")
    ax.grid(True, axis="y", color="#e4e4e4", linewidth=0.6)
    ax.set_axisbelow(True)
    for day in range(1, 7):
        ax.axvline(day, color="#999999", linewidth=0.8, zorder=0.5)
    title = "bookings" if node is None else f"bookings of {node}"
    ax.set_title(f"{title}, from {monday:%Y-%m-%d}" if monday else title)


def _number(ax: Any, nodes: list[str]) -> str:
    """Numbers the columns of nodes at the top of each day; gives the title of the legend, which tells them."""
    if len(nodes) > _MOST_NUMBERS:
        return f"{len(nodes)} nodes in each day,\n{nodes[0]} to {nodes[-1]}"
    width = (1 - 2 * _EDGE) / len(nodes)
    for day in range(7):
        for place in range(len(nodes)):
            x = day + _EDGE + (place + 0.5) * width
            ax.text(x, -0.1, str(place + 1), ha="center", va="bottom", fontsize=6.5, color="#444444")
    return "\n".join(f"{place}: {name}" for place, name in enumerate(nodes, 1))


def _draw(ax: Any, left: float, width: float, block: _Block, color: str) -> None:
    look = job_look(color, block.event.overhead)
    patch = matplotlib("patches").Rectangle(
        (left, block.start),
        width,
        block.end - block.start,
        facecolor=look.face,
        edgecolor=look.edge,
        hatch=look.hatch,
        linewidth=0.7,
        label=f"_{block.event.job_id}",
    )
    ax.add_patch(patch)
    extent = ax.get_window_extent()
    scale = 72 / float(ax.figure.dpi)
    room = (width / 7 * extent.width * scale, (block.end - block.start) / 24 * extent.height * scale)
    text = block.event.job_id
    for size, turned in ((SMALL, False), (SMALL - 2, False), (SMALL, True), (SMALL - 2, True)):
        along, across = text_size(text, size)
        needed = (across, along) if turned else (along, across)
        if needed[0] <= room[0] and needed[1] <= room[1]:
            _label(ax, left + width / 2, (block.start + block.end) / 2, text, size, turned, color, bool(look.hatch))
            return


def _label(
    ax: Any, x: float, y: float, text: str, size: float, turned: bool, color: str, hatched: bool
) -> None:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"} if hatched else None
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        rotation=90 if turned else 0,
        fontsize=size,
        color="white" if dark and not hatched else "black",
        bbox=box,
        clip_on=True,
    )
