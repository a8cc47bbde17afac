"""How far a download or a wait has come, where somebody looks at it."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import TracebackType
from typing import Any, Dict, Literal, Optional, Tuple, Type

__all__ = ["Bar", "Kind", "bar"]

Kind = Literal["bytes", "seconds", "items"]

# How tqdm is to count each kind.
_UNITS: Dict[Kind, Dict[str, Any]] = {
    "bytes": {"unit": "B", "unit_scale": True, "unit_divisor": 1024},
    "seconds": {"unit": "s"},
    "items": {"unit": "it"},
}
# Of a wait its rate tells nothing: with an end, and without.
_WAITING = ("{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}", "{desc}: {elapsed}{postfix}")


class Bar:
    """A bar that shows how far something has come; one that is not shown takes the same calls."""

    def __init__(self, shown: Optional[Any] = None, formats: Optional[Tuple[str, str]] = None) -> None:
        self._shown = shown
        self._formats = formats
        self._text = ""

    def update_to(self, n: float, total: Optional[float] = None, text: Optional[str] = None) -> None:
        """Moves it.

        Parameters
        ----------
        n:
            How far it has come in all; it may go back.
        total:
            How far it is to come, where that has turned out or changed.
        text:
            A few words to show behind it; those before stay when it is left out.
        """
        shown = self._shown
        if shown is None:
            return
        if total is not None and total != shown.total:
            # It is the only way to tell a bar in a notebook, and takes the time that has passed away.
            begun = shown.start_t
            shown.reset(total)
            shown.start_t = begun
            if self._formats is not None:
                shown.bar_format = self._formats[0 if total else 1]
        new_text = text is not None and text != self._text
        if text is not None and new_text:
            self._text = text
            shown.set_postfix_str(" ".join(text.split()), refresh=False)
        shown.update(n - shown.n)
        if new_text:
            shown.refresh()

    def close(self) -> None:
        """Leaves it as it is; what comes after is not shown."""
        shown, self._shown = self._shown, None
        if shown is not None:
            shown.close()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


def bar(
    kind: Kind,
    *,
    desc: str = "",
    total: Optional[float] = None,
    unit: Optional[str] = None,
    show: Optional[bool] = None,
) -> Bar:
    """A bar for something that begins now, to be closed, or used in a ``with`` block.

    Parameters
    ----------
    kind:
        What is counted.
    desc:
        A few words to show before it.
    total:
        How far it is to come, where that is known.
    unit:
        What one of the items is called.
    show:
        Whether to show it. None shows it in a notebook and on a terminal, where tqdm is installed.

    Raises
    ------
    ImportError
        When it is to be shown by all means, and tqdm is not installed.
    """
    if show is False or (show is None and not _is_watched()):
        return Bar()
    tqdm = _tqdm()
    if tqdm is None:
        if show:
            raise ImportError("progress bars need tqdm: pip install 'leoscope[notebook]'")
        return Bar()
    options = {**_UNITS[kind], **({} if unit is None else {"unit": unit})}
    formats = _WAITING if kind == "seconds" else None
    bar_format = None if formats is None else formats[0 if total else 1]
    return Bar(tqdm(total=total, desc=desc or None, bar_format=bar_format, **options), formats)


def _is_watched() -> bool:
    """Whether what is shown is seen: by the notebook of this kernel, or on a terminal."""
    if _in_notebook():
        return True
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        # There is none, or it is closed.
        return False


def _in_notebook() -> bool:
    # A kernel has imported it long before.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _tqdm() -> Optional[Any]:
    """The class of bars that fits where this runs."""
    with warnings.catch_warnings():
        # Where Jupyter has no widgets, a bar of text does as well.
        warnings.filterwarnings("ignore", message="IProgress not found")
        try:
            return importlib.import_module("tqdm.auto").tqdm
        except ImportError:
            return None
