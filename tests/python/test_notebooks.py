"""The example notebooks run, show what they say they do, and are what their scripts make."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbclient
import nbformat
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "notebooks"
PNG = b"\x89PNG\r\n\x1a\n"

_spec = importlib.util.spec_from_file_location("make_notebooks", EXAMPLES / "make.py")
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)


def script(name):
    return (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")


def kept(name):
    """The names of the plots that a script saves."""
    return re.findall(r'^keep\(\w+, "([a-z-]+)"\)$', script(name), re.MULTILINE)


def environment(empty):
    """One without programs on the path and without settings of somebody's testbed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LEOSCOPE_", "MPLBACKEND"))}
    return {**ours, "PATH": str(empty)}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """All notebooks with their outputs, and how long each took. They run side by side."""
    directory = tmp_path_factory.mktemp("notebooks")
    kernel = directory / "kernels" / "ours"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "ours", "language": "python"}))
    (directory / "empty").mkdir()

    def run(name):
        book = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
        where = {"metadata": {"path": str(directory)}}
        began = time.monotonic()
        client = nbclient.NotebookClient(book, timeout=90, kernel_name="ours", resources=where)
        client.execute(env=environment(directory / "empty"))
        return book, time.monotonic() - began

    with pytest.MonkeyPatch.context() as patch:
        for word in ("PATH", "CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            patch.setenv(f"JUPYTER_{word}", str(directory))
        patch.setenv("IPYTHONDIR", str(directory / "ipython"))
        with ThreadPoolExecutor(len(make.NAMES)) as pool:
            yield dict(zip(make.NAMES, pool.map(run, make.NAMES)))


def outputs(book):
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def told(book, stream="stdout"):
    """All that is printed."""
    return "".join(output.text for output in outputs(book) if output.get("name") == stream)


def shown(book):
    """What is shown of objects, without tags."""
    pages = [output.data["text/html"] for output in outputs(book) if "text/html" in output.get("data", {})]
    return " ".join(re.sub(r"<[^>]+>", " ", "\n".join(pages)).split())


@pytest.mark.parametrize("name", make.NAMES)
def test_a_notebook_is_what_its_script_makes_and_stores_no_outputs(name):
    assert (EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8") == make.notebook(name, script(name))
    book = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    assert not outputs(book) and book.cells[0].cell_type == "markdown" and book.cells[0].source.startswith("# ")
    assert max(cell.source.count("\n") for cell in book.cells) < 40
    assert not re.search(r"\b20\d\d\b", script(name)), "a date that is written down gets old"


def test_a_script_is_read_cell_by_cell():
    text = "# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 1\n\n\n# A comment.\ny = x\n\n# %%\nx\n"
    assert make.cells(text) == [
        ("markdown", "# Title\n\nText."),
        ("code", "x = 1\n\n\n# A comment.\ny = x"),
        ("code", "x"),
    ]
    made = json.loads(make.notebook("a", text))
    assert [cell["id"] for cell in made["cells"]] == ["a-1", "a-2", "a-3"]
    assert made["cells"][0]["source"] == ["# Title\n", "\n", "Text."] and "outputs" not in made["cells"][0]
    for wrong, message in [
        ("import sys\n# %%\nx\n", "line 1 stands before"),
        ("# %% [markdown]\ntext\n", "line 2 is in a cell of text"),
        ("# %%\n\n# %%\nx\n", "a cell is empty"),
    ]:
        with pytest.raises(ValueError, match=message):
            make.cells(wrong)


def test_a_notebook_that_is_stale_is_told_and_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make, "HERE", tmp_path)
    for name in make.NAMES:
        (tmp_path / f"{name}.py").write_text("# %%\n1\n")
    assert make.main(["--check"]) == 1 and not list(tmp_path.glob("*.ipynb"))
    assert make.main([]) == 0 and make.main(["--check"]) == 0
    (tmp_path / f"{make.NAMES[1]}.py").write_text("# %%\n2\n")
    capsys.readouterr()
    assert make.main(["--check"]) == 1 and make.NAMES[1] in capsys.readouterr().err
    assert make.main(["--chekc"]) == 2


@pytest.mark.parametrize("name", make.NAMES)
def test_a_notebook_runs_in_time_and_all_its_figures_come_out(executed, name):
    book, seconds = executed[name]
    assert seconds < 90
    images = [output.data["image/png"] for output in outputs(book) if "image/png" in output.get("data", {})]
    assert len(images) == len(kept(name)) > 0 and min(map(len, images)) > 5_000
    assert not [output for output in outputs(book) if output.output_type == "error"]
    assert "Warning" not in told(book, "stderr")


def test_the_first_run_completes_and_refusals_are_told(executed):
    book, _ = executed["first-run"]
    printed, seen = told(book), shown(book)
    assert "● online" in seen and "can be booked" in seen and "✓ COMPLETED" in seen
    assert "50 connections to 127.0.0.1" in printed and "latency.csv" in seen
    assert "schedule conflict" in printed and "are free" in printed
    wanted, booked = (re.search(f"{word} (.+)", printed)[1] for word in ("wanted", "booked"))
    assert booked > wanted
    assert "did you mean satellite_elevation?" in printed and "'=' compares nothing" in seen
    assert "0 jobs, 1 run" in printed


def test_the_week_is_booked_around_others_and_all_runs_are_compared(executed):
    book, _ = executed["week-of-latency"]
    printed, seen = told(book), shown(book)
    assert "node-seattle is free" in printed and printed.count(" schedule conflict: ") == 2
    schedules = dict(re.findall(r"^latency-(\w+) +(.+?) +from", printed, re.MULTILINE))
    assert schedules.pop("seattle") == "0 */4 * * *"
    assert set(schedules) == {"berlin", "sydney"} and "0 */4 * * *" not in schedules.values()
    assert "in its way" in seen and "free instead" in seen and "transfer admin node-berlin" in seen
    assert "how runs went" in seen and "quick-node-sydney-2 1 0 0 0 1 0 0 0" in seen
    assert "exited with code 3" in printed
    assert seen.count(" fetched ") == 11


def test_triggers_are_tried_and_decide_runs(executed):
    book, _ = executed["weather-and-triggers"]
    printed, seen = told(book), shown(book)
    for verdict in ("✓ MET", "✗ NOT_MET", "? UNKNOWN"):
        assert verdict in seen
    assert "did you mean dish.latency?" in printed and "[30, 31, 90, 32, 31] NOT_MET False" in printed
    assert re.search(r"^UNKNOWN +3$", printed, re.MULTILINE) and ", 20:30, 21:00, 21:30\n" in printed
    assert "depends also on ['weather.rain_1h']" in printed
    assert "is expected to be MET" in printed and "is expected to be NOT_MET" in printed
    assert "asks-for-less: COMPLETED, EXPERIMENT_ENDED\n    MET: " in printed
    assert "asks-for-more: SKIPPED, TRIGGER_NOT_MET\n    NOT_MET: " in printed and "» SKIPPED" in seen
    # What is no measurement says so, in the text and on the plot.
    assert "made up" in script("weather-and-triggers") and "a made-up day" in script("weather-and-triggers")


def test_jobs_are_put_at_passes(executed):
    book, _ = executed["planning-around-passes"]
    printed = told(book)
    assert printed.startswith("12 satellites") and re.search(r"°: taken\nDEMO-\d+ at .*°: free from", printed)
    start, end, highest = re.search(r"^from (\S+) to (\S+), highest at (\S+)$", printed, re.MULTILINE).groups()
    assert int(start[-2:]) % 15 == 12

    def into_the_day(time):
        hours, minutes, seconds = map(int, time.split(":"))
        return (hours * 60 + minutes) * 60 + seconds

    def later(one, other):
        return (into_the_day(one) - into_the_day(other)) % 86400

    assert later(highest, start) < later(end, start) == 120
    times = [re.search(rf"^{word} +from (\S+) to (\S+)$", printed, re.MULTILINE).groups() for word in ("window", "job")]
    (opens, closes), (begins, ends) = times
    assert later(begins, opens) + later(ends, begins) <= later(closes, opens) and later(ends, begins) == 60


@pytest.mark.parametrize("words", [[], ["some/where"]], ids=["default", "given"])
def test_a_script_saves_its_plots(words, tmp_path):
    name = "planning-around-passes"
    (tmp_path / "empty").mkdir()
    subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", EXAMPLES / f"{name}.py", *words],
        check=True, cwd=tmp_path, env={**environment(tmp_path / "empty"), "MPLBACKEND": "agg"}, timeout=90,
    )
    saved = {file.stem: file.read_bytes() for file in (tmp_path / (words[0] if words else "plots")).iterdir()}
    assert sorted(saved) == sorted(kept(name)) and all(content.startswith(PNG) for content in saved.values())
    assert min(map(len, saved.values())) > 5_000
