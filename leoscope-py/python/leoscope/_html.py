"""What objects look like in notebooks: HTML that needs nothing else, and is read in light and in dark."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from itertools import islice
from numbers import Real
from typing import Dict, List, Tuple, cast

__all__ = ["badge", "facts", "table"]

_GREEN, _RED, _BLUE, _VIOLET = "63, 185, 80", "248, 81, 73", "56, 139, 253", "163, 113, 247"
_ORANGE, _GREY = "219, 109, 40", "125, 133, 144"

# The sign and the colour (red, green, blue) of a status. The word stands there as well.
_STATUSES: Dict[str, Tuple[str, str]] = {
    "SCHEDULED": ("○", _BLUE),
    "RUNNING": ("▶", _VIOLET),
    "COMPLETED": ("✓", _GREEN),
    "FAILED": ("✗", _RED),
    "ABORTED": ("■", _ORANGE),
    "SKIPPED": ("»", _GREY),
    "MISSED": ("!", _ORANGE),
    "MET": ("✓", _GREEN),
    "NOT_MET": ("✗", _GREY),
    "UNKNOWN": ("?", _ORANGE),
    "ONLINE": ("●", _GREEN),
    "OFFLINE": ("○", _GREY),
    "DRAINING": ("▽", _ORANGE),
    "SCAVENGED": ("◐", _VIOLET),
    "CLOSED": ("■", _GREY),
}
_PLAIN = ("•", _GREY)

# What stands where there is no value.
_NONE = "–"
_DAY = timedelta(days=1)
_CELL = "padding: 0.25em 0.75em; vertical-align: top;"


def badge(status: object) -> str:
    """A status as a word with a frame and a sign: its colour helps, and is not needed.

    Parameters
    ----------
    status:
        A text, or an enum whose value is one.
    """
    word = _word(status)
    sign, colour = _STATUSES.get(word.upper(), _PLAIN)
    # The word has the colour of the page's text, so that it can be read on any.
    style = (
        f"display: inline-block; padding: 0 0.5em; border: 1px solid rgb({colour}); border-radius: 0.75em; "
        f"background: rgba({colour}, 0.2); color: inherit; white-space: nowrap;"
    )
    return f'<span style="{style}"><span aria-hidden="true">{sign}</span> {html.escape(word)}</span>'


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "", limit: int = 50) -> str:
    """A table, a row a line.

    Parameters
    ----------
    header:
        The names of the columns. What stands in one called ``status``, ``state`` or ``verdict`` is shown as a badge;
        behind the name of one with times stands that they are in UTC.
    rows:
        The cells of each row. None is a dash.
    caption:
        What stands above it.
    limit:
        The most rows to show; how many more there are is told below them.
    """
    remaining = iter(rows)
    shown = [list(row) for row in islice(remaining, limit)]
    more = sum(1 for _ in remaining)
    columns = [[row[place] for row in shown if place < len(row)] for place in range(len(header))]
    right = [_is_number(column) for column in columns]
    heads = [
        _cell("th", html.escape(name + (" (UTC)" if _has_times(column) else "")), number)
        for name, column, number in zip(header, columns, right)
    ]
    lines = ["<tr>" + "".join(heads) + "</tr>"]
    for row in shown:
        cells = (_cell("td", _shown(value, name), number) for value, name, number in zip(row, header, right))
        lines.append("<tr>" + "".join(cells) + "</tr>")
    rest = f"… and {more} more" if more else "" if shown else "nothing"
    if rest:
        lines.append(f'<tr><td colspan="{len(header)}" style="{_CELL} text-align: left;"><em>{rest}</em></td></tr>')
    return _framed(caption, f"<thead>{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody>")


def facts(title: str, pairs: Iterable[Tuple[str, object]]) -> str:
    """What is known of one object, a line each.

    Parameters
    ----------
    title:
        What stands above it.
    pairs:
        Names and values, as in a table with a single row; behind a time stands that it is in UTC.
    """
    lines: List[str] = []
    for name, value in pairs:
        text = _shown(value, name) + (" UTC" if _has_times([value]) else "")
        head = f'<th scope="row" style="{_CELL} text-align: left;">{html.escape(name)}</th>'
        lines.append(f"<tr>{head}{_cell('td', text, False)}</tr>")
    return _framed(title, f"<tbody>{''.join(lines)}</tbody>")


def _framed(caption: str, content: str) -> str:
    above = ""
    if caption:
        style = "caption-side: top; text-align: left; font-weight: bold; color: inherit;"
        above = f'<caption style="{style}">{html.escape(caption)}</caption>'
    return (
        '<div style="overflow-x: auto;"><table style="border-collapse: collapse; text-align: left;">'
        f"{above}{content}</table></div>"
    )


def _cell(tag: str, content: str, number: bool) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    # Texts of several lines stay so, and long ones do not push the rest out of sight.
    align = "text-align: right;" if number else "text-align: left; white-space: pre-wrap; max-width: 40em;"
    return f'<{tag}{scope} style="{_CELL} {align}">{content}</{tag}>'


def _shown(value: object, name: str) -> str:
    """A value as HTML; ``name`` is that of its column."""
    if _is_missing(value):
        return _NONE
    is_status = name.lower() in ("status", "state", "verdict")
    if isinstance(value, Enum):
        is_status = is_status or _word(value).upper() in _STATUSES
    if is_status and isinstance(value, (str, Enum)):
        return badge(value)
    return html.escape(_text(value))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return _word(value)
    if isinstance(value, datetime):
        return f"{_utc(value):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _length(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return ", ".join(f"{key}={_text(part)}" for key, part in pairs)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, cast("Sequence[object]", value)))
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(_text, cast("Iterable[object]", value))))
    return _NONE if value is None else str(value)


def _word(status: object) -> str:
    if isinstance(status, Enum):
        return status.value if isinstance(status.value, str) else status.name
    return str(status)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def _length(length: timedelta) -> str:
    """A length in its two largest units, like ``1 h 30 min``; below a second in milliseconds."""
    if length < timedelta(0):
        return f"−{_length(-length)}"
    if length < timedelta(seconds=1):
        return f"{length / timedelta(milliseconds=1):.4g} ms" if length else "0 s"
    if length < timedelta(minutes=1):
        return f"{length.total_seconds():.4g} s"
    # Rounded to what is shown, so that no 60 s stand beside a minute.
    unit = timedelta(seconds=1) if length < timedelta(hours=1) else timedelta(minutes=1)
    unit = timedelta(hours=1) if length >= _DAY else unit
    whole = round(length / unit) * unit
    days, rest = divmod(whole, _DAY)
    seconds = rest // timedelta(seconds=1)
    parts = [(days, "d"), (seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{count} {name}" for count, name in parts if count)


def _is_missing(value: object) -> bool:
    # What is not equal to itself is no number, or no time.
    return value is None or (isinstance(value, (float, datetime)) and value != value)


def _has_times(values: Sequence[object]) -> bool:
    return any(
        _has_times(cast("Sequence[object]", value))
        if isinstance(value, (list, tuple))
        else isinstance(value, datetime) and not _is_missing(value)
        for value in values
    )


def _is_number(column: Sequence[object]) -> bool:
    """Whether all that stands in it are numbers."""
    values = [value for value in column if not _is_missing(value)]
    return bool(values) and all(not isinstance(value, bool) and isinstance(value, Real) for value in values)
