"""Bars: seen where somebody looks, silent elsewhere."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import subprocess
import sys
import textwrap
import types

import pytest
from leoscope._progress import Bar, bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(name="terminal")
def fixture_terminal():
    return Terminal()


def on_terminal(test):
    """A test whose standard error is a terminal: pytest has its own again after each fixture."""

    @functools.wraps(test)
    def wrapped(*args, terminal, **kwargs):
        with contextlib.redirect_stderr(terminal):
            test(*args, terminal=terminal, **kwargs)

    return wrapped


@pytest.fixture
def no_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


def finished(made: Bar) -> Bar:
    with made:
        made.update_to(1, 4, "one of four")
        made.update_to(4)
    return made


def last(output: str) -> str:
    """The last state of a bar that was drawn over and over."""
    # Spaces hide the end of a state that was longer.
    return output.rstrip("\n").rsplit("\r", 1)[-1].rstrip()


@pytest.mark.parametrize("show", [False, None])
def test_nothing_is_shown_where_nobody_looks(show, capsys):
    finished(bar("items", desc="runs", total=4, show=show))
    assert capsys.readouterr() == ("", "")


@on_terminal
def test_nothing_is_shown_where_nothing_is_wanted(terminal):
    finished(bar("items", desc="runs", total=4, show=False))
    assert terminal.getvalue() == ""


@on_terminal
def test_a_terminal_and_who_asks_for_it_see_a_bar(terminal, capfd):
    finished(bar("items", desc="runs", total=4, unit="run"))
    shown = last(terminal.getvalue())
    assert shown.startswith("runs: 100%|") and "| 4/4 [" in shown and shown.endswith(", one of four]"), shown
    assert "run/s" in shown or "s/run" in shown, shown
    finished(bar("items", desc="asked for", total=4, show=True))
    assert "asked for: 100%" in terminal.getvalue()
    assert capfd.readouterr().out == "", "what a program prints stays its own"


@pytest.mark.parametrize("stderr", [None, "closed"])
def test_a_process_without_an_error_stream_is_no_terminal(stderr, monkeypatch):
    closed = Terminal()
    monkeypatch.setattr(sys, "stderr", None if stderr is None else closed)
    if stderr is not None:
        monkeypatch.setattr(closed, "isatty", lambda: (_ for _ in ()).throw(ValueError("I/O operation on closed file")))
    finished(bar("items", total=4))
    assert closed.getvalue() == ""


def test_a_notebook_sees_a_bar_and_a_shell_of_ipython_without_a_kernel_does_not(monkeypatch, capsys):
    ipython = types.ModuleType("IPython")
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    for kernel, expected in [(None, False), (object(), True)]:
        shell = types.SimpleNamespace(kernel=kernel)
        monkeypatch.setattr(ipython, "get_ipython", lambda shell=shell: shell, raising=False)
        finished(bar("items", desc="runs", total=4))
        assert ("runs: 100%" in capsys.readouterr().err) is expected
    monkeypatch.setattr(ipython, "get_ipython", lambda: None)
    finished(bar("items", desc="runs", total=4))
    assert capsys.readouterr().err == ""


@on_terminal
def test_without_tqdm_only_who_insists_is_told(no_tqdm, terminal):
    finished(bar("items", total=4))
    finished(bar("items", total=4, show=False))
    assert terminal.getvalue() == ""
    with pytest.raises(ImportError) as caught:
        bar("items", total=4, show=True)
    assert str(caught.value) == "progress bars need tqdm: pip install 'leoscope[notebook]'"


@on_terminal
def test_bytes_have_units(terminal):
    with bar("bytes", desc="results", total=4 << 20) as shown:
        shown.update_to(1 << 20)
        shown.update_to(4 << 20)
    assert "4.00M/4.00M" in last(terminal.getvalue()) and "B/s" in last(terminal.getvalue())


@on_terminal
def test_a_wait_tells_no_rate_and_a_share_only_where_its_end_is_known(terminal):
    with bar("seconds", desc="run a") as shown:
        shown.update_to(3, text="SCHEDULED")
        without = last(terminal.getvalue())
        shown.update_to(15, 60, "RUNNING")
        within = last(terminal.getvalue())
    assert re.fullmatch(r"run a: \d\d:\d\d, SCHEDULED", without), without
    assert re.fullmatch(r"run a:  25%\|.*\| \d\d:\d\d<\d\d:\d\d, RUNNING", within), within
    assert "/s" not in terminal.getvalue()


@on_terminal
def test_a_total_that_turns_out_later_changes_the_bar_and_not_the_time(terminal):
    with bar("items", desc="runs", total=10) as shown:
        inner = shown._shown
        inner.start_t -= 3600
        shown.update_to(5)
        shown.update_to(5, 20)
        assert (inner.n, inner.total) == (5, 20)
        assert inner.format_dict["elapsed"] >= 3600
        shown.update_to(20, 20)
    assert "| 20/20 [1:00:0" in last(terminal.getvalue())


def test_a_total_that_stays_is_not_set_anew(monkeypatch):
    resets = []

    class Recorder:
        total, n, start_t = 10.0, 0.0, 0.0

        def __init__(self, **_):
            pass

        def reset(self, total):
            resets.append(total)
            self.total, self.n, self.start_t = total, 0.0, 99.0

        def update(self, by):
            self.n += by

        def close(self):
            pass

    module = types.ModuleType("tqdm.auto")
    module.tqdm = Recorder
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    with bar("items", total=10, show=True) as shown:
        for n, total in [(1, 10), (2, 10), (3, 30), (4, 30), (2, None)]:
            shown.update_to(n, total)
            assert shown._shown.n == n
    assert resets == [30]


@on_terminal
def test_it_may_go_back_and_ends_once(terminal):
    shown = bar("items", desc="runs", total=4)
    shown.update_to(3)
    shown.update_to(2, text="again")
    shown.close()
    ended = terminal.getvalue()
    assert "| 2/4 [" in last(ended) and "again" in last(ended)
    shown.update_to(4, text="after the end")
    shown.close()
    assert terminal.getvalue() == ended
    assert ended.endswith("\n")


@on_terminal
def test_a_failure_ends_it_as_it_is(terminal):
    with pytest.raises(ZeroDivisionError), bar("items", total=4) as shown:
        shown.update_to(1)
        raise ZeroDivisionError
    assert "| 1/4 [" in last(terminal.getvalue()) and terminal.getvalue().endswith("\n")


@on_terminal
def test_a_text_is_one_line(terminal):
    with bar("items", total=4) as shown:
        shown.update_to(1, text="two\nlines\x20 \r and more")
    assert last(terminal.getvalue()).endswith(", two lines and more]")


PRELUDE = """
import sys, types, warnings
warnings.simplefilter("always")
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
sys.modules["ipywidgets"] = None
IPython = sys.modules["IPython"] = types.ModuleType("IPython")
IPython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
"""


def kernel(script: str) -> str:
    """What a program prints to standard error in what looks like a kernel without widgets."""
    program = PRELUDE + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_that_jupyter_has_no_widgets_is_not_complained_about():
    assert "IProgress not found" in kernel("import tqdm.auto"), "else this test tells nothing"
    said = kernel(
        """
        from leoscope._progress import bar
        with bar("items", desc="runs", total=4) as shown:
            shown.update_to(4)
        """
    )
    assert "runs: 100%" in said
    assert "Warning" not in said, said
