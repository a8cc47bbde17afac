"""A whole testbed in this process."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import weakref
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Literal, Optional, Type, Union

from ._aio._client import AsyncClient
from ._client import Client
from ._errors import InvalidArgument, LeoscopeError
from ._experiment import Experiment, experiment
from ._leoscope import LocalTestbed


# Among so many of the newest runs those are looked for that run, and for how many seconds each is waited for.
_MOST_RUNNING = 1_000
_PATIENCE = 10


class Testbed:
    """An orchestrator and nodes that run in this process; see :func:`leoscope.testbed`. A context manager."""

    # No class of tests, whatever its name.
    __test__ = False

    client: Client
    """The testbed as the researcher ``researcher-1`` sees it."""
    admin: Client
    """The testbed as its administrator sees it."""

    def __init__(self, path: Union[str, os.PathLike[str], None], nodes: int, runtime: str, port: int) -> None:
        temporary = tempfile.mkdtemp(prefix="leoscope-testbed-") if path is None else None
        self._path = Path(temporary if path is None else path).resolve()  # type: ignore[arg-type]
        try:
            self._native: LocalTestbed = LocalTestbed.start(self._path, port, runtime, nodes).wait()
        except BaseException:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
            raise
        self.client = Client._of(self._native.connect(False))
        self.admin = Client._of(self._native.connect(True))
        # However it ends, a notebook that is closed or an object that nobody has any more leaves nothing behind.
        self._end = weakref.finalize(self, _end, os.getpid(), self._native, self.client, self.admin, temporary)

    @property
    def path(self) -> Path:
        """The directory with its state."""
        return self._path

    @property
    def port(self) -> int:
        """The port of its orchestrator on loopback."""
        return self._native.port

    @property
    def nodes(self) -> List[str]:
        """The ids of its nodes."""
        return self._native.nodes

    @property
    def runtime(self) -> str:
        """What runs its experiments: ``"process"`` or ``"docker"``."""
        return self._native.runtime

    @property
    def is_running(self) -> bool:
        """Whether it has not been stopped."""
        return self._native.is_running

    @property
    def options(self) -> Dict[str, Any]:
        """What another client of the researcher needs: ``Client(**testbed.options)``."""
        return {
            "host": "localhost",
            "port": self.port,
            "userid": self.client.userid,
            "access_token_file": self._native.researcher_token,
            "tls_cert": self._native.certificate,
        }

    def async_client(self) -> AsyncClient:
        """A client of the researcher for event loops."""
        return AsyncClient._of(self._native.connect(False))

    def experiment(self, seconds: Union[int, timedelta] = 5) -> Experiment:
        """An experiment that its nodes can run: it measures the latency to the orchestrator, ten times a second, and
        leaves ``latency.csv`` (time_utc, seq, latency_ms).

        Where experiments run in containers, the image is made of the program ``leoscope``, which must be on the path.
        """
        lasting = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
        whole = lasting // timedelta(seconds=1)
        if whole < 1:
            raise InvalidArgument(f"an experiment of {lasting.total_seconds()} s is too short", "give a second or more")
        if self.runtime == "docker":
            program = shutil.which("leoscope")
            if program is None:
                raise InvalidArgument(
                    "the program leoscope is not on the path, and the image is made of it",
                    "install it, or give an experiment with an image of yours",
                )
            config: str = self._native.latency_experiment(whole, program).wait()
            return Experiment.from_yaml(config)
        target = ["--target", f"127.0.0.1:{self.port}", "--duration", str(whole)]
        return experiment(process=[sys.executable, "-m", "leoscope", "probe", *target])

    def stop(self) -> None:
        """Stops it, and waits until it has stopped.

        Its clients are closed, and whoever waits for something of it waits no more. A temporary directory goes with it,
        and what runs is stopped before; in a directory of yours experiments go on, and are taken up at the next start.
        """
        self._end()

    def __enter__(self) -> Testbed:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"on localhost:{self.port}" if self.is_running else "stopped"
        return f"<Testbed {state}: {', '.join(self.nodes)}, runtime {self.runtime}>"


def _end(process: int, native: LocalTestbed, client: Client, admin: Client, temporary: Optional[str]) -> None:
    # A process that was forked has none of it.
    if os.getpid() != process:
        return
    try:
        if temporary is not None:
            _stop_experiments(native.nodes, admin)
    finally:
        client.close()
        admin.close()
        native.stop().wait()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _stop_experiments(nodes: List[str], admin: Client) -> None:
    """Has them stopped that run: nobody would ever end them."""
    with contextlib.suppress(LeoscopeError):
        if not admin.runs(limit=_MOST_RUNNING).with_status("RUNNING"):
            return
        for node in nodes:
            admin.jobs.delete_all(node)
        for run in admin.runs(limit=_MOST_RUNNING).with_status("RUNNING"):
            run.wait(timeout=_PATIENCE, progress=False)


def testbed(
    path: Union[str, os.PathLike[str], None] = None,
    *,
    nodes: int = 1,
    runtime: Literal["process", "docker", "auto"] = "process",
    port: int = 0,
) -> Testbed:
    """Starts a whole testbed in this process, for teaching and for tests: an orchestrator, nodes and a researcher, with
    TLS on loopback. It has a constellation of its own, and needs no network.

    Parameters
    ----------
    path:
        The directory for its state, to go on from at the next start; a temporary one when it is left out.
    nodes:
        How many nodes it has, up to three: ``node-seattle``, ``node-berlin``, ``node-sydney``.
    runtime:
        What runs the experiments: processes of this machine (``process:`` of a config), or containers; ``"auto"`` takes
        containers where an engine answers.
    port:
        The port of the orchestrator; any free one for 0.

    Examples
    --------
    >>> with leoscope.testbed() as testbed:  # doctest: +SKIP
    ...     job = testbed.client.jobs.schedule("node-seattle", testbed.experiment(seconds=2), length=5)
    ...     print(job.wait().files["latency.csv"].read_text())
    """
    return Testbed(path, nodes, runtime, port)


# No test, whatever its name.
testbed.__test__ = False  # type: ignore[attr-defined]
testbed.__module__ = Testbed.__module__ = "leoscope"
