"""What is found of satellites as tables of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Sequence

if TYPE_CHECKING:
    import pandas

    from ._leoscope import Elements, Place, _Time


def passes(
    elements: Elements,
    place: Place,
    start: _Time,
    end: _Time,
    mask_deg: Optional[float] = None,
    names: Optional[Sequence[str]] = None,
) -> pandas.DataFrame:
    """The passes of satellites that have a part in [start, end), one a row, in the order of their rises.

    Parameters
    ----------
    elements, place:
        The satellites, and from where they are seen.
    start, end:
        The time in which to look. Without a time zone they mean UTC.
    mask_deg:
        The elevation from which on a satellite counts; it follows from the altitude of each when it is
        left out.
    names:
        The satellites to look for, by name or catalogue number; all when it is left out.

    Returns
    -------
    A table with the columns of :meth:`Elements.passes_arrays`, its times aware and in UTC.

    Raises
    ------
    ImportError
        When pandas is not installed.
    """
    _need_pandas("passes")
    return _table(elements.passes_arrays(place, start, end, mask_deg, names))


def visible(elements: Elements, place: Place, at: _Time, mask_deg: Optional[float] = None) -> pandas.DataFrame:
    """The satellites above the mask at an instant, one a row, the highest first.

    Parameters
    ----------
    elements, place:
        The satellites, and from where they are seen.
    at:
        The instant. Without a time zone it means UTC.
    mask_deg:
        The elevation from which on a satellite counts; it follows from the altitude of each when it is
        left out.

    Returns
    -------
    A table with the columns of :meth:`Elements.visible_arrays`.

    Raises
    ------
    ImportError
        When pandas is not installed.
    """
    _need_pandas("visible")
    return _table(elements.visible_arrays(place, at, mask_deg))


def _need_pandas(what: str) -> None:
    try:
        import pandas  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"leoscope.{what} makes a table of pandas: pip install pandas, or use Elements.{what}"
        ) from error


def _table(columns: dict[str, Any]) -> pandas.DataFrame:
    import pandas

    table = pandas.DataFrame(columns)
    for name, column in columns.items():
        if column.dtype.kind == "M":
            table[name] = table[name].dt.tz_localize("UTC")
    return table


for _function in (passes, visible):
    _function.__module__ = "leoscope"
del _function
