"""When a condition is expected to hold."""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Union, cast

from .._types import Forecast
from ._axes import axes, bars, blank, need_order, number, rows, say, side_legend, swatch, time_axis
from ._items import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HOLDS = Look("#0072b2", "#004a75")
_CAN_HOLD = Look("#9fcbe8", "#0072b2")
_UNKNOWN = Look("#f2f2f2", "#999999", "////")
_SIGMA = Look("#d55e00", "#d55e00")
_TWO_SIGMA = Look("#f7cfae", "#f7cfae")
_LEGEND = (
    (_HOLDS, "holds"),
    (_CAN_HOLD, "can hold"),
    (_SIGMA, "edge ± σ"),
    (_TWO_SIGMA, "edge ± 2 σ"),
    (_UNKNOWN, "cannot be told"),
)
_MOST_LETTERS = 90


class _Span(NamedTuple):
    """A window or an unknown time, in days as matplotlib counts them."""

    start: float
    end: float
    sigma: float = 0.0


def windows(
    forecast: Union[Forecast, Mapping[str, Forecast]],
    *,
    start: Optional[datetime] = None,
    end: Optional[datetime] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """The windows in which a condition is expected to hold, as bars.

    By how much their edges may be wrong is drawn across them: one standard deviation to either side, and two,
    paler. Windows of a forecast that is not exact are pale: the condition *can* hold there, and what else it
    depends on is said in the title.

    Parameters
    ----------
    forecast:
        What :meth:`leoscope.Trigger.forecast` gave; or several by their names, for a row each.
    start, end:
        The time that is shown. When left out, it is that of all windows.
    ax:
        Where to draw; a figure of its own when it is left out.

    Returns
    -------
    The axes, with the rows at y = 0, 1, 2… from the top.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    InvalidArgument
        When ``end`` is not after ``start``.
    """
    need_order(start, end)
    several: Mapping[str, Forecast] = forecast if isinstance(forecast, Mapping) else {"": forecast}
    made = axes(ax, 9, 1.7 + 0.36 * len(several))
    made.set_title(_title(list(several.values())), fontsize=10)
    bounds = (None if start is None else number(start), None if end is None else number(end))
    holding = [_within(bounds, _windows(one)) for one in several.values()]
    unknown = [_within(bounds, _unknown(one)) for one in several.values()]
    spans = [span for row in (*holding, *unknown) for span in row]
    first = bounds[0] if bounds[0] is not None else min((span.start for span in spans), default=None)
    last = bounds[1] if bounds[1] is not None else max((span.end for span in spans), default=None)
    made.set_xlabel("time (UTC)")
    if first is None or last is None:
        blank(made, "no windows")
        return cast("Axes", made)
    rows(made, list(several))
    looks: set[Look] = set()
    for row, one in enumerate(several.values()):
        looks |= _draw(made, row, _HOLDS if one.exact else _CAN_HOLD, holding[row], unknown[row])
    time_axis(made, first, last, pad=0.0 if None not in bounds else 0.02)
    made.grid(True, axis="x", color="#eeeeee", linewidth=0.6)
    made.set_axisbelow(True)
    sigma = max((span.sigma for row in holding for span in row), default=0.0)
    side_legend(made, [swatch(look, _entry(look, label, sigma)) for look, label in _LEGEND if look in looks])
    if not any(holding):
        say(made, "no windows")
    return cast("Axes", made)


def _windows(forecast: Forecast) -> list[_Span]:
    return [_Span(number(one.start), number(one.end), one.sigma / 86400) for one in forecast]


def _unknown(forecast: Forecast) -> list[_Span]:
    return [_Span(number(start), number(end)) for start, end in forecast.unknown]


def _within(bounds: tuple[Optional[float], Optional[float]], spans: list[_Span]) -> list[_Span]:
    """Those that have a part in the time that is shown."""
    first, last = bounds
    return [
        span for span in spans if (first is None or span.end > first) and (last is None or span.start < last)
    ]


def _draw(ax: Any, row: int, look: Look, holding: list[_Span], unknown: list[_Span]) -> set[Look]:
    """Draws a row, and tells what is in it."""
    edges = [(at, span.sigma) for span in holding for at in (span.start, span.end) if span.sigma > 0]
    parts = [
        (_UNKNOWN, 0.7, [(span.start, span.end) for span in unknown]),
        (look, 0.56, [(span.start, span.end) for span in holding]),
        (_TWO_SIGMA, 0.34, [(at - 2 * sigma, at + 2 * sigma) for at, sigma in edges]),
        (_SIGMA, 0.34, [(at - sigma, at + sigma) for at, sigma in edges]),
    ]
    for kind, height, spans in parts:
        if spans:
            # An edge would make a tenth of a second look like a minute.
            edge = 0.0 if kind in (_SIGMA, _TWO_SIGMA) else 0.7
            bars(ax, spans, row - height / 2, height, kind, dict(_LEGEND)[kind], edge=edge)
    return {kind for kind, _, spans in parts if spans}


def _entry(look: Look, label: str, sigma: float) -> str:
    """What stands in the legend: also how wide edges are, which may be too narrow to be seen."""
    seconds = sigma * 86400
    return f"{label}, at most {round(seconds, 1 if seconds < 10 else None):g} s" if look == _SIGMA else label


def _title(forecasts: list[Forecast]) -> str:
    """What was foretold, if it is one, and what else it depends on."""
    lines = textwrap.wrap(forecasts[0].part, _MOST_LETTERS) if len(forecasts) == 1 else []
    # In the order in which they are named, each once.
    unforeseen = list(dict.fromkeys(field for one in forecasts for field in one.unforeseen))
    if unforeseen:
        lines += textwrap.wrap(f"depends also on {', '.join(unforeseen)} (unforeseen)", _MOST_LETTERS)
    return "\n".join(lines)
