"""Tables of pandas, polars and Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, cast

if TYPE_CHECKING:
    import pandas

    from ._leoscope import Elements, Place, _Moment, _Time

# Columns of whole numbers, which are numbers with NaN on their way here.
_WHOLE = frozenset({"exit_code", "results_size"})


def passes(
    elements: Elements,
    place: Place,
    start: _Time,
    end: _Moment,
    mask_deg: Optional[float] = None,
    names: Optional[Sequence[str]] = None,
) -> pandas.DataFrame:
    """The passes of satellites that have a part in [start, end), one a row, in the order of their rises.

    Parameters
    ----------
    elements, place:
        The satellites, and from where they are seen.
    start, end:
        The time in which to look. Without a time zone they mean UTC; the end may be a timedelta from the start.
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
    _pandas("leoscope.passes", "Elements.passes")
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
    _pandas("leoscope.visible", "Elements.visible")
    return _table(elements.visible_arrays(place, at, mask_deg))


def track(elements: Elements, name: str, place: Place, times: Any) -> pandas.DataFrame:
    """Where a satellite is in the sky at each of some times.

    Parameters
    ----------
    elements, place:
        The satellites, and from where they are seen.
    name:
        The satellite, by name or catalogue number.
    times:
        Datetimes, or an array, series or index of them. Without a time zone they mean UTC.

    Returns
    -------
    A table with a row a time: azimuth (degrees east of north), elevation (degrees, without refraction), range_km and
    range_rate_km_s; NaN where the elements do not tell. Its index are the times.

    Raises
    ------
    ImportError
        When pandas is not installed.
    """
    index = _pandas("leoscope.track", "Elements.track_arrays").DatetimeIndex(times)
    index = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    return cast("pandas.DataFrame", _table(elements.track_arrays(name, place, index)).set_index(index))


def _pandas(what: str, instead: str = "") -> Any:
    try:
        import pandas
    except ImportError as error:
        other = f", or use {instead}" if instead else ""
        raise ImportError(f"{what} makes a table of pandas: pip install pandas{other}") from error
    return pandas


def _table(columns: Mapping[str, Any]) -> pandas.DataFrame:
    table = _pandas("this").DataFrame(columns)
    for name, column in columns.items():
        if column.dtype.kind == "M":
            table[name] = table[name].dt.tz_localize("UTC")
    return cast("pandas.DataFrame", table)


def pandas_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pandas.DataFrame:
    """A table with a row for each of ``rows``."""
    return cast("pandas.DataFrame", _pandas("to_pandas()").DataFrame(list(rows), columns=list(names)))


def pandas_table(columns: Mapping[str, Any]) -> pandas.DataFrame:
    """A table of arrays, whose times become aware and whose whole numbers may be missing."""
    pandas = _pandas("to_pandas()")
    table = _table(columns)
    for name in _WHOLE.intersection(columns):
        table[name] = pandas.array(columns[name], dtype="Float64").astype("Int64")
    return table


def polars_table(columns: Mapping[str, Any]) -> Any:
    """A :class:`polars.DataFrame` of arrays, whose times become aware and whose whole numbers may be missing."""
    try:
        import polars
    except ImportError as error:
        raise ImportError("to_polars() needs polars: pip install polars") from error
    series = []
    for name, column in columns.items():
        if column.dtype.kind == "O":
            one = polars.Series(name, column.tolist(), dtype=polars.String)
        else:
            one = polars.Series(name, column)
        if column.dtype.kind == "M":
            one = one.dt.replace_time_zone("UTC")
        if name in _WHOLE:
            one = one.fill_nan(None).cast(polars.Int64)
        series.append(one)
    return polars.DataFrame(series)


def arrow_table(columns: Mapping[str, Any]) -> Any:
    """A :class:`pyarrow.Table` of arrays, whose times become aware and whose whole numbers may be missing."""
    try:
        import pyarrow  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError("to_arrow() needs pyarrow: pip install pyarrow") from error

    def made(name: str, column: Any) -> Any:
        if column.dtype.kind == "O":
            return pyarrow.array(column.tolist(), type=pyarrow.string())
        if column.dtype.kind == "M":
            return pyarrow.array(column, type=pyarrow.timestamp("us", tz="UTC"))
        if name in _WHOLE:
            return pyarrow.array(column, from_pandas=True).cast(pyarrow.int64())
        return pyarrow.array(column)

    return pyarrow.table({name: made(name, column) for name, column in columns.items()})


for _function in (passes, track, visible):
    _function.__module__ = "leoscope"
del _function
