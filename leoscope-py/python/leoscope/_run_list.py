"""Many runs, which become objects one by one and tables all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Generic, Iterable, List, Mapping, Sequence, TypeVar, Union, overload

from . import _html
from ._leoscope import RunTable
from ._records import RunRecord
from ._values import RunStatus, Stats

if TYPE_CHECKING:
    import pandas
    import polars

_R = TypeVar("_R", bound=RunRecord)
_L = TypeVar("_L", bound="RunList[Any]")

# What notebooks show.
_SHOWN = ("id", "job_id", "node_id", "status", "planned_start", "lateness", "ended", "reason")


class RunList(Sequence[_R], Generic[_R]):
    """Runs as they were when they were listed, the newest first."""

    def __init__(self, table: RunTable, made: Callable[[Mapping[str, Any]], _R]) -> None:
        self._table = table
        self._made = made

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, place: int) -> _R: ...
    @overload
    def __getitem__(self: _L, place: slice) -> _L: ...
    def __getitem__(self, place: Union[int, slice]) -> Any:
        if isinstance(place, slice):
            return self._selected(range(len(self))[place])
        whole = range(len(self))
        try:
            return self._made(self._table.fields(whole[place]))
        except IndexError:
            raise IndexError(f"there is no run {place} among {len(self)}") from None

    def _selected(self: _L, places: Iterable[int]) -> _L:
        raise NotImplementedError

    def with_status(self: _L, *statuses: Union[RunStatus, str]) -> _L:
        """Those that have one of these statuses."""
        wanted = [RunStatus(str(status).upper()).value for status in statuses]
        return self._selected(self._table.with_status(wanted))

    def stats(self) -> Stats:
        """How the runs of each job went."""
        return Stats(self._table.stats())

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row a run.

        Its columns are those of a run: id, job_id, node_id, owner, status, planned_start, planned_end, started, ended
        (times, aware and in UTC), lateness (a length of time), phase, stage, reason, message, exit_code,
        trigger_verdict and results_size (bytes). What is not known is missing.
        """
        from ._frames import pandas_table

        return pandas_table(self._table.columns())

    def to_polars(self) -> polars.DataFrame:
        """The same table as a DataFrame of polars."""
        from ._frames import polars_table

        table: polars.DataFrame = polars_table(self._table.columns())
        return table

    def to_arrow(self) -> Any:
        """The same table as a :class:`pyarrow.Table`."""
        from ._frames import arrow_table

        return arrow_table(self._table.columns())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} runs>"

    def _repr_html_(self) -> str:
        limit = 50
        rows: List[List[Any]] = [[getattr(run, name) for name in _SHOWN] for run in self[:limit]]
        more = len(self) - len(rows)
        caption = f"{len(self)} runs" + (f", the newest {limit}" if more else "")
        return _html.table(_SHOWN, rows, caption=caption, limit=limit)
