"""What is drawn of bookings and runs, and how jobs and statuses look."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Iterable, Mapping, NamedTuple, Optional, Protocol, Tuple, Union

Dashes = Union[str, Tuple[int, Tuple[float, ...]]]
"""How a line is broken, as matplotlib has it."""


class Event(Protocol):
    """A booked time of a calendar."""

    @property
    def job_id(self) -> str: ...
    @property
    def node_id(self) -> str: ...
    @property
    def server_id(self) -> Optional[str]: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def overhead(self) -> bool: ...


class Run(Protocol):
    """A run, planned or past. Its status is text, or an enum that is text too; not every node says what it planned."""

    @property
    def node_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def planned_start(self) -> Optional[datetime]: ...
    @property
    def planned_end(self) -> Optional[datetime]: ...
    @property
    def started(self) -> Optional[datetime]: ...
    @property
    def ended(self) -> Optional[datetime]: ...
    @property
    def lateness(self) -> Optional[timedelta]: ...


class Look(NamedTuple):
    """How bars and markers of one kind look."""

    face: str
    edge: str
    hatch: str = ""
    marker: str = "o"


# No two solid ones are of like lightness; the hatched ones are pale.
STATUSES: Mapping[str, Look] = {
    "SCHEDULED": Look("#ffffff", "#777777"),
    "RUNNING": Look("#7cc4f0", "#3f97cc", marker=">"),
    "COMPLETED": Look("#009e73", "#00815e"),
    "FAILED": Look("#9c1f08", "#861905", marker="X"),
    "ABORTED": Look("#dcd6f2", "#4b3a9b", "\\\\\\\\", "s"),
    "SKIPPED": Look("#fdf6b8", "#8a7d00", "....", "v"),
    "MISSED": Look("#000000", "#000000", marker="D"),
}
OTHER_STATUS = Look("#bbbbbb", "#555555", "++", "P")

# After Okabe and Ito, in an order that puts light beside dark.
COLORS = ("#0072b2", "#e69f00", "#332288", "#56b4e9", "#d55e00", "#f0e442", "#117733", "#cc79a7")

# Dashes of a line: lines of one colour differ in them, and so do neighbours.
_SOLID, _DASHED, _DASHDOT = "-", (0, (5, 1.5)), (0, (6, 1.5, 1.2, 1.5))
_DARK = ("#0072b2", "#d55e00", "#332288", "#e69f00", "#117733", "#cc79a7")
_STYLES: tuple[Dashes, ...] = (_SOLID, _DASHED, _DASHDOT)
LINES = tuple((color, _STYLES[(place + turn) % 3]) for turn in range(3) for place, color in enumerate(_DARK))


def status_of(run: Run) -> str:
    """Its status as text, also where that is an enum which prints otherwise."""
    return str(getattr(run.status, "value", run.status))


def in_order_of_life(statuses: Iterable[str]) -> list[str]:
    """Each status once, from SCHEDULED to MISSED, and those that are not known here at the end."""
    found = set(statuses)
    return [name for name in STATUSES if name in found] + sorted(found - set(STATUSES))


def job_colors(jobs: Iterable[str]) -> dict[str, str]:
    """A colour for each job, in the order of their ids, so that all plots of the same jobs agree.

    After every eight jobs the colours come again, paler and then darker.
    """
    towards = ((0, 0.0), (255, 0.5), (0, 0.45))
    colors: dict[str, str] = {}
    for place, job in enumerate(sorted(set(jobs))):
        color, (end, share) = COLORS[place % 8], towards[place // 8 % 3]
        colors[job] = mixed(color, end, share)
    return colors


def job_look(color: str, overhead: bool) -> Look:
    """A solid bar for a job that has the link for itself, a pale one with hatches for another."""
    edge = mixed(color, 0, 0.2)
    return Look(color, edge) if overhead else Look(mixed(color, 255, 0.8), edge, "////")


def mixed(color: str, end: int, share: float) -> str:
    """``color`` with a share of black (0) or white (255)."""
    parts = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + (end - part) * share):02x}" for part in parts)


def nodes_of(event: Event) -> list[str]:
    """The nodes that it takes: that which measures, and that which serves."""
    server = event.server_id
    return [event.node_id] if not server or server == event.node_id else [event.node_id, server]


class Lane(NamedTuple):
    """A part of the breadth that those which overlap share: the how-manieth, of how many."""

    place: int
    of: int


def lanes(spans: Iterable[tuple[float, float]]) -> list[Lane]:
    """A lane for each span, in their order, such that none overlap in a lane. Half-open: those that touch do not."""
    ordered = sorted(enumerate(spans), key=lambda one: one[1])
    given: dict[int, Lane] = {}
    together: dict[int, int] = {}
    free: list[float] = []
    for place, (start, end) in ordered:
        if all(until <= start for until in free):
            given.update((one, Lane(lane, len(free))) for one, lane in together.items())
            together, free = {}, []
        lane = next((lane for lane, until in enumerate(free) if until <= start), len(free))
        free[lane : lane + 1] = [end]
        together[place] = lane
    given.update((one, Lane(lane, len(free))) for one, lane in together.items())
    return [given[place] for place in range(len(ordered))]
