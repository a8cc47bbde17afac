"""The package is typed: what its types say is checked, and compared with what there is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "leoscope-py"

# What users write, and what its types are.
USE = """
from datetime import datetime, timedelta
from typing import List

import leoscope


def waited(client: leoscope.Client) -> timedelta:
    job = client.jobs.schedule("node", leoscope.experiment(image="a"), 5, start=datetime(2026, 1, 1), slip=3)
    runs: leoscope.Runs = job.runs()
    lines: List[str] = [line for line in runs[0].logs(follow=True)]
    run: leoscope.Run = job.wait(timeout=timedelta(hours=1))
    assert lines and run.status is leoscope.RunStatus.COMPLETED and runs.to_pandas().shape[0]
    return run.lateness or timedelta()


async def awaited(client: leoscope.AsyncClient) -> str:
    async with client:
        job: leoscope.AsyncJob = await client.jobs.get("a")
        run: leoscope.AsyncRun = await job.wait()
        async for line in run.logs():
            print(line.source)
        for conflict in await job.conflicts:
            print(conflict.taken)
        return (await run.files)["a.txt"].read_text()
"""

WRONG = """
import leoscope


def wrong(client: leoscope.Client) -> int:
    client.jobs.schedule("node", "config", 5, slipp=3)
    return client.jobs.get("a").length
"""


def checked(*words, cwd):
    environment = {**os.environ, "PYTHONPATH": "", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1"}
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True, text=True)


def test_mypy_finds_nothing_in_strict_mode():
    found = checked("mypy", "--cache-dir", os.devnull, "python/leoscope", cwd=PACKAGE)
    assert found.returncode == 0, found.stdout + found.stderr


def test_pyright_finds_nothing_in_strict_mode():
    found = checked("pyright", "-p", "pyproject.toml", "--pythonpath", sys.executable, cwd=PACKAGE)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_stubs_say_what_the_native_module_has(tmp_path):
    found = checked("mypy.stubtest", "leoscope._leoscope", cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_users_get_types_too(checker, tmp_path):
    (tmp_path / "use.py").write_text(USE)
    (tmp_path / "wrong.py").write_text(WRONG)
    if checker == "mypy":
        words = ["mypy", "--strict", "--cache-dir", os.devnull]
    else:
        words = ["pyright", "--pythonpath", sys.executable]
    found = checked(*words, "use.py", cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    found = checked(*words, "wrong.py", cwd=tmp_path)
    lines = [line for line in found.stdout.splitlines() if "error" in line and ":" in line and "wrong.py" in line]
    assert found.returncode == 1 and len(lines) == 2 and "slipp" in found.stdout, found.stdout
