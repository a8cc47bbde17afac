"""Runs of a client whose answers are awaited."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Type,
    Union,
)

from .. import _asked, _files
from .._asked import Id, Moment
from .._errors import Timeout
from .._files import ResultFiles
from .._following import Downloading, Limit, Lines, LogLine, Waiting
from .._leoscope import Call, Pieces, RunTable
from .._progress import bar
from .._records import RunRecord
from .._run_list import RunList
from .._runs import _PATIENCE, Logs, Run, Runs, RunsOf
from .._values import Downloads, RunEvents
from ._like import like

if TYPE_CHECKING:
    from .._leoscope import _Length
    from ._client import AsyncClient


@like(Logs)
class AsyncLogs(AsyncIterator[LogLine]):
    def __init__(self, opened: Callable[[], Call]) -> None:
        self._opened: Optional[Callable[[], Call]] = opened
        self._pieces: Optional[Pieces] = None
        self._lines = Lines()
        self._ready: List[LogLine] = []

    async def __anext__(self) -> LogLine:
        while not self._ready:
            if self._opened is not None:
                self._pieces = await self._opened()
                self._opened = None
            if self._pieces is None:
                raise StopAsyncIteration
            piece = await self._pieces.next()
            if piece is None:
                await self.close()
                self._ready.extend(self._lines.finish())
            else:
                self._ready.extend(self._lines.feed(*piece))
        return self._ready.pop(0)

    async def text(self) -> str:
        return "".join([f"{line}\n" async for line in self])

    async def close(self) -> None:
        self._opened = self._pieces = None

    async def __aenter__(self) -> AsyncLogs:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()


@like(Run)
class AsyncRun(RunRecord):
    def __init__(self, client: AsyncClient, fields: Mapping[str, Any]) -> None:
        self._client = client
        self._files: Optional[ResultFiles] = None
        self._fetching: Optional[asyncio.Future[ResultFiles]] = None
        self._take(fields)

    async def refresh(self) -> AsyncRun:
        self._take(await self._client._connection.run(self.id))
        return self

    async def wait(
        self, state: str = "ended", *, timeout: Optional[_Length] = None, progress: Optional[bool] = None
    ) -> AsyncRun:
        waiting = Waiting(f"run {self.id}", progress)
        try:
            pieces = self._client._connection.follow(self.id, None, state, timeout)
            while waiting.step(await pieces.next()):
                pass
        finally:
            waiting.close()
            if waiting.seen is not None:
                self._take(waiting.seen)
        return self

    async def events(self) -> RunEvents:
        return RunEvents(await self._client._connection.events(self.id, None))

    def logs(self, *, follow: bool = False, tail: Optional[int] = None) -> AsyncLogs:
        return AsyncLogs(lambda: self._client._connection.logs(self.id, follow, tail))

    async def download(
        self,
        path: Union[str, os.PathLike[str]] = ".",
        *,
        keep_archive: bool = False,
        progress: Optional[bool] = None,
    ) -> Path:
        table: RunTable = await self._client._connection.runs(self.id, None, None, None, None, None, 1)
        found = _files.here(await _download(self._client, table, path, keep_archive, 1, progress))
        self._files = ResultFiles(found)
        return found

    @property
    def files(self) -> Awaitable[ResultFiles]:
        return self._fetched()

    async def _fetched(self) -> ResultFiles:
        if self._files is not None:
            return self._files
        # Tasks that ask at the same time fetch once.
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.ensure_future(self._fetch())
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> ResultFiles:
        if self.status.has_ended and not self.has_results:
            with suppress(Timeout):
                await self.wait("results", timeout=_PATIENCE, progress=False)
        kept = _files.Kept()
        self._files = ResultFiles(await self.download(kept.path, progress=False), kept)
        return self._files

    @property
    def manifest(self) -> Awaitable[Dict[str, Any]]:
        return self._read_manifest()

    async def _read_manifest(self) -> Dict[str, Any]:
        return _files.manifest(await self.files)


@like(Runs)
class AsyncRuns(RunList[AsyncRun]):
    def __init__(self, client: AsyncClient, table: RunTable) -> None:
        super().__init__(table, client.runs._made)
        self._client = client

    def _selected(self, places: Iterable[int]) -> AsyncRuns:
        return AsyncRuns(self._client, self._table.select(list(places)))

    async def refresh(self) -> AsyncRuns:
        self._table = await self._client._connection.refreshed(self._table)
        return self

    async def wait(
        self, state: str = "ended", *, timeout: Optional[_Length] = None, progress: Optional[bool] = None
    ) -> AsyncRuns:
        limit = Limit(timeout)
        with bar("items", desc="runs", total=len(self), unit="run", show=progress) as shown:
            for place, run in enumerate(self, 1):
                await run.wait(state, timeout=limit.rest(), progress=False)
                shown.update_to(place, text=f"{run.id} {run.status}")
        return await self.refresh()

    async def download(
        self,
        path: Union[str, os.PathLike[str]] = ".",
        *,
        keep_archive: bool = False,
        parallel: int = 4,
        progress: Optional[bool] = None,
    ) -> Downloads:
        await self.refresh()
        return await _download(self._client, self._table, path, keep_archive, parallel, progress)


async def _download(
    client: AsyncClient,
    table: RunTable,
    path: Union[str, os.PathLike[str]],
    keep_archive: bool,
    parallel: int,
    progress: Optional[bool],
) -> Downloads:
    downloading = Downloading(progress)
    try:
        pieces = client._connection.download(table, Path(path), keep_archive, parallel)
        while downloading.step(await pieces.next()):
            pass
    finally:
        downloading.close()
    return downloading.done or Downloads()


@like(RunsOf)
class AsyncRunsOf:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<runs of {self._client!r}>"

    def _made(self, fields: Mapping[str, Any]) -> AsyncRun:
        return AsyncRun(self._client, fields)

    async def __call__(
        self,
        *,
        job: Optional[Id] = None,
        node: Optional[Id] = None,
        owner: Optional[Id] = None,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        limit: Optional[int] = None,
    ) -> AsyncRuns:
        job, node, owner = (_asked.optional_name(one) for one in (job, node, owner))
        found = await self._client._connection.runs(None, job, node, owner, start, end, limit)
        return AsyncRuns(self._client, found)

    async def get(self, id: Id) -> AsyncRun:
        return self._made(await self._client._connection.run(_asked.name(id)))
