"""The Python of the manual and of the README runs as it stands."""

import re
from pathlib import Path

import pytest

import leoscope

ROOT = Path(__file__).resolve().parents[2]


def blocks(page):
    """The blocks of Python of a page, each with the line it begins in."""
    text = (ROOT / page).read_text()
    for found in re.finditer(r"^( *)```python\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        indent = found[1]
        lines = [line[len(indent):] if line.startswith(indent) else line for line in found[2].splitlines()]
        yield text[: found.start(2)].count("\n"), "\n".join(lines)


@pytest.mark.parametrize("page", ["docs/python.md", "README.md"])
def test_the_examples_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    space = {"__name__": "__main__"}
    count = 0
    try:
        for line, block in blocks(page):
            # Errors are told with the line of the page.
            exec(compile("\n" * line + block, page, "exec"), space)
            count += 1
    finally:
        for value in list(space.values()):
            if isinstance(value, leoscope.Testbed) and value.is_running:
                value.stop()
    assert count >= 1
    assert "COMPLETED" in capsys.readouterr().out


def test_the_methods_that_the_manual_names_are_there():
    text = (ROOT / "docs/python.md").read_text()
    named = re.search(r"A `Job` has (.*?)\. A `Run` has (.*?), and says", text, re.DOTALL)
    for kind, names in zip((leoscope.Job, leoscope.Run), named.groups()):
        for name in re.findall(r"`(\w+)", names):
            assert hasattr(kind, name), (kind, name)
    for name in re.findall(r"^[│├└─\s]*([A-Z]\w+)", re.search(r"```\nLeo.*?```", text, re.DOTALL)[0], re.MULTILINE):
        assert issubclass(getattr(leoscope, name), leoscope.LeoscopeError)
