"""How fast the Python package is, and what it adds to the Rust it is made of.

Build what it measures, then run it with the Python that the wheel was installed for:

    cargo build --release -p leoscope-orchestrator -p leoscope-testbed --examples --bins
    maturin build --release --manifest-path leoscope-py/Cargo.toml --out target/wheels && pip install target/wheels/*.whl
    python tests/benches/python.py target/release [starlink.tle]
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy
import pandas

import leoscope

RUNS = 100_000
CALLS = 2_000
ROWS = 1_000_000


def median(call, times):
    taken = []
    for _ in range(times):
        before = time.perf_counter()
        call()
        taken.append(time.perf_counter() - before)
    return statistics.median(taken)


def calls(programs, elements):
    given = Path(elements).read_bytes() if elements else b""
    rust = subprocess.run([programs / "examples" / "calls"], input=given, capture_output=True, check=True).stdout
    rust = dict(line.split() for line in rust.decode().splitlines())
    with leoscope.testbed() as testbed:
        client = testbed.client
        client.jobs.schedule("node-seattle", "docker: {image: a}", 60, start=datetime(2099, 1, 1),
                             end=datetime(2099, 1, 2), jobid="calls")
        for name, call in (("time", client.time), ("job", lambda: client.jobs.get("calls"))):
            median(call, 100)
            taken = 1e6 * median(call, CALLS)
            print(f"call {name}: {taken:.0f} us, the Rust client {float(rust[name + '_us']):.0f} us, "
                  f"overhead {taken - float(rust[name + '_us']):.0f} us")
    return rust


def runs(programs):
    program = programs / "leoscope-orchestrator"
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory) / "state"
        with leoscope.testbed(state) as testbed:
            job = testbed.client.jobs.schedule("node-seattle", "process: {command: 'true'}", 1)
            run = job.wait(timeout=120)
            print(f"a run to copy: {run.status}")
        backup, many = Path(directory) / "backup.jsonl", Path(directory) / "many.jsonl"
        subprocess.run([program, "export", f"--state-dir={state}", f"--to={backup}"], check=True, capture_output=True)
        lines = backup.read_text().splitlines()
        (template,) = [line for line in lines if run.id in line and '"exit_code"' in line]
        start = datetime(2020, 1, 1, tzinfo=timezone.utc)
        planned = json.dumps(f"{run.planned_start:%Y-%m-%dT%H:%M:%SZ}")
        assert planned in template, template
        with many.open("w") as out:
            for line in lines[:-1]:
                out.write(line + "\n")
                if line != template:
                    continue
                for number in range(RUNS - 1):
                    at = json.dumps(f"{start + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}")
                    out.write(template.replace(run.id, f"copy-{number}").replace(planned, at) + "\n")
            # The last line says how many there are.
            out.write(lines[-1].replace(str(len(lines) - 2), str(len(lines) - 3 + RUNS)) + "\n")
        subprocess.run([program, "import", f"--state-dir={state}", f"--from={many}"], check=True, capture_output=True)
        with leoscope.testbed(state) as testbed:
            found = testbed.client.runs()
            assert len(found) == RUNS, len(found)
            listed = median(lambda: testbed.client.runs(), 3)
            table = median(found.to_pandas, 5)
            whole = median(lambda: testbed.client.runs().to_pandas(), 3)
        print(f"{RUNS} runs: listed in {listed:.2f} s, to_pandas {table:.2f} s, both {whole:.2f} s")


def passes(file, rust):
    elements = leoscope.Elements.load(file)
    place = leoscope.Place(47.6062, -122.3321)
    start = pandas.Timestamp(rust["start"])
    end = start + timedelta(hours=24)
    arrays = median(lambda: elements.passes_arrays(place, start, end, 25.0), 5)
    table = median(lambda: leoscope.passes(elements, place, start, end, 25.0), 5)
    print(f"passes of {len(elements)} satellites in 24 h: arrays {1e3 * arrays:.0f} ms, table {1e3 * table:.0f} ms, "
          f"Rust {float(rust['passes_us']) / 1e3:.0f} ms")


def rows():
    random = numpy.random.default_rng(1)
    table = pandas.DataFrame({
        "dish.latency": random.normal(40, 10, ROWS),
        "weather.rain_1h": random.exponential(0.2, ROWS),
        "custom.state": random.choice(["CONNECTED", "SEARCHING"], ROWS),
    })
    for text, names in (
        ("dish.latency < 40", ["dish.latency"]),
        ("dish.latency < 40 and weather.rain_1h < 1", ["dish.latency", "weather.rain_1h"]),
        ('dish.latency < 40 and custom.state == "CONNECTED"', ["dish.latency", "custom.state"]),
    ):
        trigger = leoscope.Trigger(text)
        taken = median(lambda: trigger.evaluate_many(table[names]), 3)
        print(f"evaluate {ROWS} rows, {text}: {taken:.2f} s")


if __name__ == "__main__":
    built, file = Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None
    told = calls(built, file)
    runs(built)
    if file is not None:
        passes(file, told)
    rows()
