"""``python -m leoscope``: what experiments of a testbed in a notebook run."""

from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from ._errors import LeoscopeError
from ._leoscope import __version__, measure_latency


def main(words: Optional[Sequence[str]] = None) -> int:
    """Does what the words of the command line say, and gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m leoscope", description=__doc__)
    parser.add_argument("--version", action="version", version=f"leoscope {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    probe = commands.add_parser("probe", help="measure how long TCP connections to a target take")
    probe.add_argument("--target", required=True, metavar="HOST:PORT", help="what to connect to")
    probe.add_argument("--duration", type=float, default=10.0, metavar="SECONDS", help="for how long")
    probe.add_argument("--interval-ms", type=float, default=100.0, help="from one connection to the next")
    probe.add_argument("--output-dir", default=".", help="the directory for latency.csv")
    given = parser.parse_args(words)
    try:
        found = measure_latency(given.target, given.interval_ms / 1_000, given.duration, given.output_dir)
    except LeoscopeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    samples, least, median, most = found
    print(f"{samples} connections to {given.target}: min {least:.3f} ms, median {median:.3f} ms, max {most:.3f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
