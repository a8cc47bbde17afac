"""The files that a run has brought."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional

from . import _html
from ._errors import InternalError, NotFound
from ._values import Download


@dataclass(frozen=True)
class ResultFile:
    """A file of the results of a run."""

    name: str
    """Its path below the directory of the results."""
    path: Path
    """Where it is."""
    size: int
    """In bytes."""
    # As long as somebody has it, it is there.
    _kept: Any = field(default=None, repr=False, compare=False)

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it as text."""
        return self.path.read_text(encoding=encoding)

    def read_bytes(self) -> bytes:
        """All of it."""
        return self.path.read_bytes()


class Kept:
    """A temporary directory that is there as long as somebody has this."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="leoscope-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class ResultFiles(Mapping[str, ResultFile]):
    """The files of the results of a run by their names."""

    path: Path
    """The directory they are in."""

    def __init__(self, path: Path, kept: Any = None) -> None:
        self.path = path
        found = (one for one in sorted(path.rglob("*")) if one.is_file())
        named = ((one.relative_to(path).as_posix(), one) for one in found)
        self._files: Dict[str, ResultFile] = {
            name: ResultFile(name, one, one.stat().st_size, kept) for name, one in named
        }

    def __getitem__(self, name: str) -> ResultFile:
        try:
            return self._files[name]
        except KeyError:
            there = ", ".join(self._files) or "none"
            message = f"there is no file {name!r} among the results in {self.path}"
            raise NotFound(message, f"there are: {there}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"<ResultFiles in {self.path}: {', '.join(self._files)}>"

    def _repr_html_(self) -> str:
        rows = [[one.name, one.size] for one in self._files.values()]
        return _html.table(["name", "size"], rows, caption=f"results in {self.path}")


def manifest(files: ResultFiles) -> Dict[str, Any]:
    """What is known of the run beside its files."""
    read: Dict[str, Any] = json.loads(files["manifest.json"].read_text())
    return read


def here(downloads: Any) -> Path:
    """Where the results of the one run are that was asked for.

    Raises
    ------
    NotFound
        When they cannot be had.
    """
    one: Optional[Download] = next(iter(downloads), None)
    if one is None:
        raise InternalError("nothing was said of the results")
    if one.error is not None:
        raise one.error
    if not one.is_here:
        message = f"the results of run {one.run_id} are missing: {one.why}"
        raise NotFound(message, "refresh() the run, and try again later")
    return one.path


for _class in (ResultFile, ResultFiles):
    _class.__module__ = "leoscope"
del _class
