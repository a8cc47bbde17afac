"""Runs of a client that waits for its answers."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, Optional, Type, Union

from . import _asked, _files
from ._asked import Id, Moment
from ._errors import Timeout
from ._files import ResultFiles
from ._following import Downloading, Limit, Lines, LogLine, Waiting
from ._leoscope import Pieces, RunTable
from ._progress import bar
from ._records import RunRecord
from ._run_list import RunList
from ._values import Downloads, RunEvents

if TYPE_CHECKING:
    from ._client import Client
    from ._leoscope import _Length


# For how many seconds results are waited for whose run has ended: its node packs them then.
_PATIENCE = 60


class Logs(Iterator[LogLine]):
    """What a run prints, line by line; a context manager that reads no more when it is left."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces: Optional[Pieces] = pieces
        self._lines = Lines()
        self._ready: List[LogLine] = []

    def __next__(self) -> LogLine:
        while not self._ready:
            if self._pieces is None:
                raise StopIteration
            piece = self._pieces.next().wait()
            if piece is None:
                self.close()
                self._ready.extend(self._lines.finish())
            else:
                self._ready.extend(self._lines.feed(*piece))
        return self._ready.pop(0)

    def text(self) -> str:
        """All that is still to come, as one text."""
        return "".join(f"{line}\n" for line in self)

    def close(self) -> None:
        """Reads no more."""
        self._pieces = None

    def __enter__(self) -> Logs:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


class Run(RunRecord):
    """One run of a job, as it was when it was looked at last."""

    def __init__(self, client: Client, fields: Mapping[str, Any]) -> None:
        self._client = client
        self._files: Optional[ResultFiles] = None
        self._take(fields)

    def refresh(self) -> Run:
        """Looks at it again."""
        self._take(self._client._connection.run(self.id).wait())
        return self

    def wait(
        self, state: str = "ended", *, timeout: Optional[_Length] = None, progress: Optional[bool] = None
    ) -> Run:
        """Waits until it has ended, or has come as far as you say. An orchestrator that has answered once, and is away
        then, is waited for.

        That it ended otherwise than as planned raises nothing: look at ``status``.

        Parameters
        ----------
        state:
            ``"ended"``, ``"started"``, ``"results"`` (they have arrived), or the name of a status. A state that it
            never will be in ends the wait as well.
        timeout:
            How long to wait at most, in seconds or as a timedelta; without end when it is left out.
        progress:
            Whether to show a bar. None shows one in a notebook and on a terminal, where tqdm is installed.

        Raises
        ------
        Timeout
            When the time is over before; the run is as it was seen last.
        """
        waiting = Waiting(f"run {self.id}", progress)
        try:
            pieces = self._client._connection.follow(self.id, None, state, timeout)
            while waiting.step(pieces.next().wait()):
                pass
        finally:
            waiting.close()
            if waiting.seen is not None:
                self._take(waiting.seen)
        return self

    def events(self) -> RunEvents:
        """What happened to it, in order of time."""
        return RunEvents(self._client._connection.events(self.id, None).wait())

    def logs(self, *, follow: bool = False, tail: Optional[int] = None) -> Logs:
        """What it prints, line by line, while it goes on and afterwards.

        Parameters
        ----------
        follow:
            Whether to go on with what is printed from now on, until it ends; one that has not begun is waited for.
        tail:
            How many of the last lines of each stream to begin with; all when it is left out.
        """
        return Logs(self._client._connection.logs(self.id, follow, tail).wait())

    def download(
        self,
        path: Union[str, os.PathLike[str]] = ".",
        *,
        keep_archive: bool = False,
        progress: Optional[bool] = None,
    ) -> Path:
        """Fetches and unpacks its results, and gives their directory, ``<path>/<jobid>/<runid>``. What is there already
        is not fetched again.

        Raises
        ------
        NotFound
            When they are not there (yet), or no more.
        """
        table: RunTable = self._client._connection.runs(self.id, None, None, None, None, None, 1).wait()
        found = _files.here(_download(self._client, table, path, keep_archive, 1, progress))
        self._files = ResultFiles(found)
        return found

    @property
    def files(self) -> ResultFiles:
        """The files of its results by their names. They are fetched to a temporary directory of this object, unless
        :meth:`download` has put them elsewhere before, and stay as long as the files are used. After a run has ended
        they are waited for, a minute at most."""
        if self._files is None:
            if self.status.has_ended and not self.has_results:
                with suppress(Timeout):
                    self.wait("results", timeout=_PATIENCE, progress=False)
            kept = _files.Kept()
            self._files = ResultFiles(self.download(kept.path, progress=False), kept)
        return self._files

    @property
    def manifest(self) -> Dict[str, Any]:
        """What is known of it beside its files: the ``manifest.json`` of its results."""
        return _files.manifest(self.files)


class Runs(RunList[Run]):
    """Runs as they were when they were listed, the newest first."""

    def __init__(self, client: Client, table: RunTable) -> None:
        super().__init__(table, client.runs._made)
        self._client = client

    def _selected(self, places: Iterable[int]) -> Runs:
        return Runs(self._client, self._table.select(list(places)))

    def refresh(self) -> Runs:
        """Looks at all of them again that can still change."""
        self._table = self._client._connection.refreshed(self._table).wait()
        return self

    def wait(
        self, state: str = "ended", *, timeout: Optional[_Length] = None, progress: Optional[bool] = None
    ) -> Runs:
        """Waits until all of them have ended, or have come as far as you say; see :meth:`Run.wait`.

        ``timeout`` is for all of them together.
        """
        limit = Limit(timeout)
        with bar("items", desc="runs", total=len(self), unit="run", show=progress) as shown:
            for place, run in enumerate(self, 1):
                run.wait(state, timeout=limit.rest(), progress=False)
                shown.update_to(place, text=f"{run.id} {run.status}")
        return self.refresh()

    def download(
        self,
        path: Union[str, os.PathLike[str]] = ".",
        *,
        keep_archive: bool = False,
        parallel: int = 4,
        progress: Optional[bool] = None,
    ) -> Downloads:
        """Fetches and unpacks the results of all of them to ``<path>/<jobid>/<runid>``, and tells what became of each.

        One that cannot be fetched does not keep the others from coming. What is there already is not fetched again, and
        what is half there is gone on with.

        Parameters
        ----------
        path:
            The directory below which they are put.
        keep_archive:
            Whether the archives stay beside the unpacked files.
        parallel:
            How many are fetched at the same time.
        progress:
            Whether to show a bar. None shows one in a notebook and on a terminal, where tqdm is installed.
        """
        self.refresh()
        return _download(self._client, self._table, path, keep_archive, parallel, progress)


def _download(
    client: Client,
    table: RunTable,
    path: Union[str, os.PathLike[str]],
    keep_archive: bool,
    parallel: int,
    progress: Optional[bool],
) -> Downloads:
    downloading = Downloading(progress)
    try:
        pieces = client._connection.download(table, Path(path), keep_archive, parallel)
        while downloading.step(pieces.next().wait()):
            pass
    finally:
        downloading.close()
    return downloading.done or Downloads()


class RunsOf:
    """What has run. Calling it lists runs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<runs of {self._client!r}>"

    def __iter__(self) -> Iterator[Run]:
        return iter(self())

    def _made(self, fields: Mapping[str, Any]) -> Run:
        return Run(self._client, fields)

    def __call__(
        self,
        *,
        job: Optional[Id] = None,
        node: Optional[Id] = None,
        owner: Optional[Id] = None,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        limit: Optional[int] = None,
    ) -> Runs:
        """The runs that match and that you may see, the newest first.

        Parameters
        ----------
        job, node, owner:
            Only those of this job, on this node, of the jobs of this user.
        start, end:
            Only those that start in ``[start, end)``.
        limit:
            At most so many; all when it is left out.
        """
        job, node, owner = (_asked.optional_name(one) for one in (job, node, owner))
        asked = self._client._connection.runs(None, job, node, owner, start, end, limit)
        return Runs(self._client, asked.wait())

    def get(self, id: Id) -> Run:
        """A run by its id. It is known from half a minute before its start.

        Raises
        ------
        NotFound
            When there is none that you may see.
        """
        return self._made(self._client._connection.run(_asked.name(id)).wait())


for _class in (Logs, Run, Runs, RunsOf):
    _class.__module__ = "leoscope"
del _class
