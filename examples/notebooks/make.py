"""Makes the notebooks beside this file from the scripts of the same names.

A script is in the percent format: ``# %%`` begins a cell of code, ``# %% [markdown]`` one of text, each line of which
begins with ``#``. The scripts are what is edited; run this afterwards. With ``--check`` nothing is written, and the
exit code is 1 where a notebook is not what its script makes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Dict, List, Tuple

HERE = Path(__file__).parent
NAMES = ("first-run", "week-of-latency", "weather-and-triggers", "planning-around-passes")

_CODE, _TEXT = "# %%", "# %% [markdown]"


def cells(script: str) -> List[Tuple[str, str]]:
    """The cells of a script: ``"code"`` or ``"markdown"``, and what is in each.

    Raises
    ------
    ValueError
        When something stands before the first cell, a line of text is no comment, or a cell is empty.
    """
    found: List[Tuple[str, List[str]]] = []
    for place, line in enumerate(script.splitlines(), 1):
        if line in (_CODE, _TEXT):
            found.append(("code" if line == _CODE else "markdown", []))
        elif not found:
            if line:
                raise ValueError(f"line {place} stands before the first cell")
        elif found[-1][0] == "code":
            found[-1][1].append(line)
        elif line == "#" or line.startswith("# "):
            found[-1][1].append(line[2:])
        elif line:
            raise ValueError(f"line {place} is in a cell of text, and no comment")
    made = [(kind, "\n".join(lines).strip("\n")) for kind, lines in found]
    if not all(content for _, content in made):
        raise ValueError("a cell is empty")
    return made


def notebook(name: str, script: str) -> str:
    """The notebook that a script makes, as the text of its file, without outputs."""
    made: List[Dict[str, object]] = []
    for place, (kind, content) in enumerate(cells(script), 1):
        cell: Dict[str, object] = {"cell_type": kind, "id": f"{name}-{place}", "metadata": {}}
        if kind == "code":
            cell.update(execution_count=None, outputs=[])
        made.append({**cell, "source": content.splitlines(keepends=True)})
    whole = {
        "cells": made,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def main(words: List[str]) -> int:
    """Makes all of them, or looks whether they are made."""
    if words not in ([], ["--check"]):
        print(f"usage: {Path(__file__).name} [--check]", file=sys.stderr)
        return 2
    stale: List[str] = []
    for name in NAMES:
        wanted = notebook(name, (HERE / f"{name}.py").read_text(encoding="utf-8"))
        file = HERE / f"{name}.ipynb"
        if file.exists() and file.read_text(encoding="utf-8") == wanted:
            continue
        stale.append(name)
        if not words:
            file.write_bytes(wanted.encode())
            print(f"made {file.name}")
    if words and stale:
        print(f"not what their scripts make: {', '.join(stale)}; run {Path(__file__).name}", file=sys.stderr)
    return 1 if words and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
