"""What the plots share: axes, the axis of time, legends, and labels that do not overlap."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Iterable, Optional, Sequence

from .._errors import InvalidArgument
from ._items import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL = 8.0
"""The size of letters in legends and labels, in points."""


def matplotlib(part: str) -> Any:
    """A module of matplotlib. Most of its types are open, so what is drawn with is ``Any``."""
    try:
        importlib.import_module("matplotlib")
    except ImportError as error:
        raise ImportError("leoscope.plot needs matplotlib: pip install 'leoscope[plot]'") from error
    return importlib.import_module(f"matplotlib.{part}")


def axes(ax: Optional[Axes], width: float, height: float, *, polar: bool = False) -> Any:
    """``ax``, or those of a new figure of so many inches."""
    pyplot = matplotlib("pyplot")
    if ax is None:
        kind = {"projection": "polar"} if polar else {}
        _, made = pyplot.subplots(figsize=(width, height), layout="constrained", subplot_kw=kind)
        return made
    if polar and ax.name != "polar":
        raise InvalidArgument(
            f"the sky is drawn in polar axes, and ax is {ax.name}",
            'make it with pyplot.subplots(subplot_kw={"projection": "polar"})',
        )
    return ax


def utc(at: datetime) -> datetime:
    """``at`` in UTC, which it means when it has no zone."""
    return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)


def number(at: datetime) -> float:
    """``at`` as matplotlib counts time: in days."""
    return float(matplotlib("dates").date2num(utc(at)))


def need_order(start: Optional[datetime], end: Optional[datetime]) -> None:
    """Refuses an end that is not after its start."""
    if start is not None and end is not None and utc(end) <= utc(start):
        raise InvalidArgument(
            f"end {utc(end):%Y-%m-%dT%H:%M:%S} is not after start {utc(start):%Y-%m-%dT%H:%M:%S}",
            "give an end that is later",
        )


def time_axis(ax: Any, first: float, last: float, *, pad: float = 0.02) -> None:
    """Makes x the time in UTC, from ``first`` to ``last`` and a little more."""
    dates = matplotlib("dates")
    second = 1 / 86400
    room = (last - first) * pad if last > first else 120 * second
    ax.set_xlim(first - room, last + room)
    # The zone is named everywhere: else it would be that of the user's settings.
    ax.xaxis_date(timezone.utc)
    locator = dates.AutoDateLocator(tz=timezone.utc, minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    # What the labels leave out is told once, at the right end.
    left_out = ["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"]
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=timezone.utc, offset_formats=left_out))
    ax.set_xlabel("time (UTC)")


def rows(ax: Any, names: Sequence[str]) -> None:
    """Makes y rows with names, the first at the top, at 0, 1, 2…"""
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), labels=list(names))
    ax.tick_params(axis="y", length=0)
    for place in range(1, len(names)):
        ax.axhline(place - 0.5, color="#dddddd", linewidth=0.6, zorder=0)


def bars(
    ax: Any,
    spans: Iterable[tuple[float, float]],
    low: float,
    height: float,
    look: Look,
    label: str,
    *,
    edge: float = 0.7,
) -> None:
    """Bars from starts to ends. Their edge, in points, shows even what is shorter than a pixel."""
    ax.broken_barh(
        [(start, end - start) for start, end in spans],
        (low, height),
        facecolor=look.face,
        edgecolor=look.edge,
        hatch=look.hatch,
        linewidth=edge,
        # Snapped to pixels, some of what is shorter than one would show and some would not.
        snap=None if edge else False,
        # An underscore keeps it out of a legend that the user makes.
        label=f"_{label}",
    )


def swatch(look: Look, label: str) -> Any:
    """A bar's entry in a legend."""
    patches = matplotlib("patches")
    return patches.Patch(facecolor=look.face, edgecolor=look.edge, hatch=look.hatch, linewidth=0.7, label=label)


def side_legend(ax: Any, handles: Sequence[Any], title: str = "", *, most: int = 24) -> None:
    """A legend right of the axes; of more than ``most`` entries it says only how many there are."""
    shown = list(handles)
    if len(shown) > most:
        blank = matplotlib("patches").Patch(facecolor="none", edgecolor="none", label=f"and {len(shown) - most} more")
        shown[most:] = [blank]
    if shown:
        ax.legend(
            handles=shown,
            title=title or None,
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            borderaxespad=0.0,
            fontsize=SMALL,
            title_fontsize=SMALL,
            frameon=False,
        )


def legend_height(entries: int) -> float:
    """How many inches a legend of so many entries takes."""
    return 0.17 * min(entries, 25) + 0.3


def say(ax: Any, text: str) -> None:
    """Says in the middle of empty axes why they are empty."""
    ax.text(
        0.5,
        0.5,
        text,
        transform=ax.transAxes,
        ha="center",
        va="center",
        color="#555555",
        bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none"},
        zorder=5,
    )


def blank(ax: Any, text: str) -> None:
    """Axes with nothing to tell but why."""
    ax.set_xticks([])
    ax.set_yticks([])
    say(ax, text)


def text_size(text: str, size: float = SMALL) -> tuple[float, float]:
    """About how wide and high a text is, in points."""
    lines = text.split("\n")
    return 0.62 * size * max(len(line) for line in lines), 1.25 * size * len(lines)


def lay_out(ax: Any) -> None:
    """Gives axes the size that they will have, for labels to be measured by."""
    # The canvas is that of the whole figure, also where the axes are in a part of it.
    ax.figure.canvas.figure.draw_without_rendering()


class Labels:
    """Labels at points of an axes, each where it covers none of the others and nothing that is to be seen."""

    def __init__(self, ax: Any) -> None:
        self._ax = ax
        self._taken: list[tuple[float, float, float, float]] = []
        self._halo = [matplotlib("patheffects").withStroke(linewidth=2.5, foreground=ax.get_facecolor())]

    def keep_free(self, x: float, y: float, wide: float = 6.0, high: float = 6.0) -> None:
        """Keeps labels off a point, so many points (of letters) around it."""
        right, up = self._place(x, y)
        self._taken.append((right - wide / 2, up - high / 2, right + wide / 2, up + high / 2))

    def put(self, x: float, y: float, text: str) -> bool:
        """Labels a point, and tells whether there was room."""
        wide, high = text_size(text)
        right, up = self._place(x, y)
        sides = [(6.0, 0.0), (-6.0 - wide, 0.0)]
        left, edge = self._bounds()
        # Outwards first, where it is less crowded.
        if right < (left + edge) / 2:
            sides.reverse()
        for dx, dy in (*sides, (-wide / 2, 5 + high / 2), (-wide / 2, -5 - high / 2)):
            box = (right + dx, up + dy - high / 2, right + dx + wide, up + dy + high / 2)
            if box[0] < left or box[2] > edge or any(_overlap(box, other) for other in self._taken):
                continue
            self._taken.append(box)
            self._ax.annotate(
                text,
                (x, y),
                xytext=(dx, dy),
                textcoords="offset points",
                ha="left",
                va="center",
                fontsize=SMALL,
                path_effects=self._halo,
                zorder=5,
            )
            return True
        return False

    def _place(self, x: float, y: float) -> tuple[float, float]:
        scale = 72 / float(self._ax.figure.dpi)
        right, up = self._ax.transData.transform((x, y))
        return float(right) * scale, float(up) * scale

    def _bounds(self) -> tuple[float, float]:
        """The left and the right edge of the axes."""
        extent, scale = self._ax.get_window_extent(), 72 / float(self._ax.figure.dpi)
        return float(extent.x0) * scale, float(extent.x1) * scale


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def moments(start: datetime, end: datetime, count: int) -> list[datetime]:
    """So many instants, two or more, from ``start`` to ``end``, both among them."""
    return [start + (end - start) * place / (count - 1) for place in range(count)]
