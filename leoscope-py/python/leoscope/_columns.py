"""Columns on their way to Rust and back. NumPy is used where it is there; arrays need it."""

from __future__ import annotations

import sys
from array import array
from datetime import datetime, timedelta, timezone
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple

from ._errors import InvalidArgument

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def packed(
    columns: Mapping[str, Any], times: Optional[Iterable[Any]]
) -> Tuple[list[Tuple[str, str, Any]], Optional[bytes]]:
    """The columns with what their cells are; the times as microseconds since 1970."""
    cells = [(str(name), *_cells(str(name), column)) for name, column in columns.items()]
    return cells, None if times is None else _times(times)


def _cells(name: str, column: Any) -> Tuple[str, Any]:
    """The cells as doubles ("d"), as flags of a byte ("?"), as the places of a few texts ("C"), or as a list of what
    they are ("O")."""
    numpy = _numpy()
    if numpy is not None and hasattr(column, "dtype"):
        # Columns of pandas that can lack values have one of their own for that.
        if hasattr(column.dtype, "na_value") and getattr(column.dtype, "kind", "O") in "iuf":
            column = column.to_numpy(dtype="float64", na_value=float("nan"))
        cells = numpy.asarray(column)
        if cells.ndim != 1:
            raise InvalidArgument(f"column {name} has {cells.ndim} dimensions", "give columns of one dimension")
        if cells.dtype.kind in "iuf":
            return "d", numpy.ascontiguousarray(cells, dtype=numpy.float64).tobytes()
        if cells.dtype.kind == "b":
            return "?", cells.tobytes()
        coded = _coded(column)
        if coded is not None:
            return "C", coded
        column = cells.tolist()
    cells = [None if _is_missing(cell) else cell for cell in column]
    if any(isinstance(cell, (bool, str)) for cell in cells):
        return "O", cells
    try:
        return "d", array("d", [float("nan") if cell is None else cell for cell in cells]).tobytes()
    except TypeError:
        return "O", cells


def _coded(column: Any) -> Optional[Tuple[bytes, list[str]]]:
    """The different texts of a column, and for each cell the place of its own; -1 where there is none. None where not
    all are texts, or there is no pandas, which finds them fast."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    codes, texts = pandas.factorize(column)
    texts = list(texts)
    if not all(isinstance(text, str) for text in texts):
        return None
    return codes.astype("int32").tobytes(), texts


def _is_missing(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


def _times(times: Any) -> bytes:
    numpy = _numpy()
    if numpy is not None and hasattr(times, "dtype"):
        if hasattr(times, "to_numpy"):
            # A series has its time zone behind `.dt`, an index has it itself.
            zoned = getattr(times, "dt", times)
            if getattr(zoned, "tz", None) is not None:
                times = zoned.tz_convert(None)
            times = times.to_numpy()
        if times.dtype.kind == "M":
            return bytes(numpy.ascontiguousarray(times, dtype="datetime64[us]").astype(numpy.int64).tobytes())
    return array("q", [_micros(time) for time in times]).tobytes()


def _micros(time: Any) -> int:
    if hasattr(time, "to_pydatetime"):
        time = time.to_pydatetime()
    if not isinstance(time, datetime):
        raise TypeError(f"times are datetimes, not {type(time).__name__}")
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return int((time - _EPOCH) // _MICROSECOND)


def named(codes: bytes, names: Sequence[str]) -> Any:
    """The names of codes, as an array where there is NumPy."""
    numpy = _numpy()
    if numpy is None:
        return [names[code] for code in codes]
    return numpy.array(names)[numpy.frombuffer(codes, dtype=numpy.uint8)]


def arrays(columns: Sequence[Tuple[str, str, Any]]) -> dict[str, Any]:
    """Columns of bytes, or of texts, as arrays."""
    numpy = _numpy()
    if numpy is None:
        raise ImportError("arrays need NumPy: pip install numpy")

    def made(kind: str, cells: Any) -> Any:
        if isinstance(cells, bytes):
            return numpy.frombuffer(cells, dtype=kind).copy()
        return numpy.array(cells, dtype=kind)

    return {name: made(kind, cells) for name, kind, cells in columns}


def packed_times(times: Any) -> bytes:
    """Times as microseconds since 1970."""
    return _times(times)
