"""Lists that notebooks show as tables."""

from __future__ import annotations

from typing import Any, List, Sequence, TypeVar

from . import _html

_T = TypeVar("_T")


class Listing(List[_T]):
    """A list that notebooks show as a table, and that becomes a table of pandas."""

    _columns: Sequence[str] = ()
    _caption = ""

    def to_pandas(self) -> Any:
        """A :class:`pandas.DataFrame` with a row each; times are aware and in UTC."""
        from ._frames import pandas_of

        return pandas_of([{name: getattr(one, name) for name in self._columns} for one in self], self._columns)

    def _repr_html_(self) -> str:
        rows = ([getattr(one, name) for name in self._columns] for one in self)
        return _html.table(self._columns, rows, caption=self._caption)


Listing.__module__ = "leoscope"
