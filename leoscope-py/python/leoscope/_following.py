"""What comes of a call piece by piece, and what is shown of it meanwhile. Nothing here waits."""

from __future__ import annotations

import codecs
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from ._errors import InternalError
from ._progress import Bar, bar
from ._values import Download, Downloads


class Waiting:
    """How far a wait for a run has come."""

    def __init__(self, what: str, progress: Optional[bool]) -> None:
        self._bar: Bar = bar("seconds", desc=what, show=progress)
        self._began = datetime.now(timezone.utc)
        self.seen: Optional[Mapping[str, Any]] = None
        """The run as it was seen last."""
        self.arrived = False

    def step(self, piece: Optional[Tuple[str, Any]]) -> bool:
        """Takes in what has come, and tells whether to go on."""
        if piece is None:
            raise InternalError("a run was followed to nowhere")
        word, what = piece
        if word == "note":
            self._bar.update_to(self._passed(), text=str(what))
            return True
        self.seen = what
        end = what["planned_end"]
        total = None if end is None else max((end - self._began).total_seconds(), 0.0)
        self.arrived = word in ("reached", "beyond")
        passed = self._passed() if total is None else min(self._passed(), total)
        if self.arrived and total is not None:
            passed = total
        self._bar.update_to(passed, total, text=str(what["status"]))
        return not self.arrived

    def _passed(self) -> float:
        return (datetime.now(timezone.utc) - self._began).total_seconds()

    def close(self) -> None:
        """Leaves what is shown as it is."""
        self._bar.close()


class Limit:
    """How long several waits may take together."""

    def __init__(self, timeout: Optional[Union[timedelta, float]]) -> None:
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self._end = None if seconds is None else time.monotonic() + seconds

    def rest(self) -> Optional[float]:
        """How many seconds are left; None without end."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.0)


class Downloading:
    """How far downloads have come."""

    def __init__(self, progress: Optional[bool]) -> None:
        self._show = progress
        self._bar: Bar = Bar()
        self._runs = 0
        self._bytes = 0
        self.done: Optional[Downloads] = None
        """What became of each run, once all are done."""

    def step(self, piece: Optional[Tuple[Any, ...]]) -> bool:
        """Takes in what has come, and tells whether to go on."""
        if piece is None:
            raise InternalError("downloads have ended without a result")
        word, first, second = piece
        if word == "planned":
            self._runs, self._bytes = first, second
            if first:
                self._bar = bar("bytes", desc="results", total=second or None, show=self._show)
        elif word == "progress":
            total = None if first <= self._bytes else first
            self._bar.update_to(first, total, text=f"{second} of {self._runs} runs")
        else:
            outcomes: List[Download] = first
            self.done = Downloads(outcomes)
            fetched = sum(one.size or 0 for one in outcomes)
            self._bar.update_to(fetched, fetched or None, text=f"{self._runs} of {self._runs} runs")
            return False
        return True

    def close(self) -> None:
        """Leaves what is shown as it is."""
        self._bar.close()


class LogLine(str):
    """A line that an experiment printed, without its end."""

    source: str
    """``"STDOUT"`` or ``"STDERR"``."""

    def __new__(cls, text: str, source: str = "STDOUT") -> LogLine:
        line = super().__new__(cls, text)
        line.source = source
        return line


class Lines:
    """Makes lines of pieces that begin and end anywhere. What is no UTF-8 becomes a replacement character."""

    def __init__(self) -> None:
        self._streams: Dict[str, Tuple[codecs.IncrementalDecoder, str]] = {}

    def feed(self, source: str, piece: bytes, final: bool = False) -> Iterator[LogLine]:
        """The lines that a piece ends."""
        decoder, rest = self._streams.get(source) or (codecs.getincrementaldecoder("utf-8")("replace"), "")
        *whole, rest = (rest + decoder.decode(piece, final)).split("\n")
        self._streams[source] = (decoder, rest)
        for line in whole:
            yield LogLine(line[:-1] if line.endswith("\r") else line, source)

    def finish(self) -> Iterator[LogLine]:
        """The lines that nothing has ended."""
        for source in list(self._streams):
            yield from self.feed(source, b"", final=True)
            _, rest = self._streams.pop(source)
            if rest:
                yield LogLine(rest, source)


LogLine.__module__ = "leoscope"
