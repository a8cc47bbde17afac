# %% [markdown]
# # A week of latency
#
# You want to know how latency differs between three places, at all hours, for a week. This notebook books that, looks
# at it in a calendar, and then does a few short runs right away, so that there is something to compare.
#
# It runs by itself: a testbed with three nodes starts inside the notebook. If you have not seen the package yet, begin
# with `first-run`.

# %%
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import leoscope
import leoscope.plot
import matplotlib.pyplot as plt
import pandas as pd


def keep(ax, name):
    """Saves a plot where this runs as a script. A notebook shows it anyway."""
    if "ipykernel" not in sys.modules:
        directory = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
        directory.mkdir(parents=True, exist_ok=True)
        ax.figure.savefig(directory / f"{name}.png", dpi=150)
        plt.close(ax.figure)


# %%
testbed = leoscope.testbed(nodes=3)
client = testbed.client
client.nodes()

# %% [markdown]
# ## Something is booked already
#
# Real nodes are not empty. Let the administrator book two things, so that you find something in your way: a long
# transfer in Berlin every day around noon, and a survey in Sydney on two mornings.

# %%
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
monday = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
while monday.weekday() != 0:
    monday += DAY
next_monday = monday + 7 * DAY

experiment = testbed.experiment(seconds=30 * 60)
theirs = {"start": monday, "end": next_monday}
testbed.admin.jobs.schedule(
    "node-berlin", experiment, 2 * HOUR, schedule="30 11 * * *", jobid="transfer", **theirs
)
testbed.admin.jobs.schedule(
    "node-sydney", experiment, 3 * HOUR, schedule="0 7 * * tue,thu", jobid="survey", **theirs
)

# %% [markdown]
# ## Plan the week
#
# Half an hour of measurements every four hours, on each node. `schedule` is a cron expression: minute, hour, day of the
# month, month, day of the week. Ask first what would happen:

# %%
length = timedelta(minutes=30)
plans = {}
for node in testbed.nodes:
    plans[node] = client.jobs.plan(
        node, experiment, length, schedule="0 */4 * * *", start=monday, end=next_monday, runs=6
    )
    print(node, "is free" if plans[node] else plans[node].refusal.message)

# %% [markdown]
# Berlin and Sydney say no. A plan also says what is in the way, and when all of your runs would be free:

# %%
plans["node-berlin"]

# %%
pd.DataFrame(plans["node-sydney"].free_slots)

# %% [markdown]
# So take the nearest schedule that is free on each node. In Seattle that is the one you asked for.

# %%
for node, plan in plans.items():
    slot = None if plan else plan.free_slots[0]
    job = client.jobs.schedule(
        node,
        experiment,
        length,
        schedule=slot.schedule if slot else "0 */4 * * *",
        start=slot.start if slot else monday,
        end=next_monday,
        jobid=node.replace("node", "latency"),
    )
    print(f"{job.id:16} {job.schedule:16} from {job.start:%a %H:%M}")

# %% [markdown]
# ## Look at the calendar
#
# One column a day. In each, the nodes stand side by side, and their numbers are above.

# %%
calendar = client.jobs.calendar(testbed.nodes, monday, next_monday)
ax = leoscope.plot.week(calendar, start=monday)
keep(ax, "week-of-latency-week")

# %% [markdown]
# The same week as a row a node:

# %%
ax = leoscope.plot.timeline(calendar)
keep(ax, "week-of-latency-calendar")

# %% [markdown]
# Is there time left for something on all three at once, on Wednesday afternoon? These are the first three hours that
# are:

# %%
wednesday = monday + 2 * DAY
slots = client.jobs.free_slots(testbed.nodes, HOUR, start=wednesday + 12 * HOUR, end=wednesday + DAY, count=3)
pd.DataFrame(slots, columns=["start", "end"])

# %% [markdown]
# ## A few runs now
#
# A week is too long to wait for. So book four runs of two seconds on each node, all within the next half minute. Things
# go wrong on real testbeds, so let one of them be broken: its program ends with exit code 3.

# %%
quick = testbed.experiment(seconds=2)
broken = leoscope.experiment(process=[sys.executable, "-c", "raise SystemExit(3)"])
began = client.time()
jobs = []
for place in range(4):
    for node in testbed.nodes:
        what = broken if (place, node) == (2, "node-sydney") else quick
        start = timedelta(seconds=8 + 5 * place)
        jobs.append(client.jobs.schedule(node, what, 4, start=start, jobid=f"quick-{node}-{place}"))
for job in jobs:
    job.wait(progress=False)

# %% [markdown]
# All runs since then are one call away, as a table:

# %%
runs = client.runs(start=began)
table = runs.to_pandas()
table[["job_id", "node_id", "status", "planned_start", "started", "lateness", "exit_code"]]

# %% [markdown]
# `stats` counts by job what became of its runs, and why. For more, there is pandas: how late were they started, on each
# node, in milliseconds?

# %%
runs.stats()

# %%
table.lateness.dt.total_seconds().mul(1000).groupby(table.node_id).describe().round(2)

# %% [markdown]
# The broken one stands out. What does its record say?

# %%
ax = leoscope.plot.runs(runs)
keep(ax, "week-of-latency-lateness")

# %%
for run in runs.with_status("FAILED"):
    print(f"{run.id}: {run.message} ({run.meaning}). {run.advice}")

# %%
ax = leoscope.plot.timeline(runs, now=datetime.now(timezone.utc))
keep(ax, "week-of-latency-runs")

# %% [markdown]
# ## All results at once
#
# One call fetches the results of many runs. What is there already is not fetched again, so call it as often as you
# like. Take those that were completed:

# %%
runs.wait("results", timeout=60)
results = tempfile.TemporaryDirectory()
downloads = runs.with_status("COMPLETED").download(results.name)
downloads.to_pandas()[["job_id", "state", "files", "size"]]

# %%
parts = []
for download in downloads:
    part = pd.read_csv(Path(download.path) / "latency.csv", parse_dates=["time_utc"])
    parts.append(part.assign(id=download.run_id))
latency = pd.concat(parts).merge(table[["id", "node_id"]], on="id")
latency.groupby("node_id").latency_ms.describe().round(3)

# %% [markdown]
# ## Compare the places
#
# For each node: which share of the connections was at most that fast? All three nodes are on this computer, so their
# lines are close together, and far below what you will see over a satellite.

# %%
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
styles = zip(latency.groupby("node_id"), ["#0072b2", "#d55e00", "#332288"], ["-", "--", "-."])
for (node, rows), color, style in styles:
    label = f"{node}, {len(rows)} connections, median {rows.latency_ms.median():.2f} ms"
    ax.ecdf(rows.latency_ms, color=color, linestyle=style, linewidth=1.8, label=label)
ax.set_xscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.set_xlabel("latency (ms)")
ax.set_ylabel("share of the connections")
ax.grid(True, color="#dddddd", linewidth=0.6)
ax.legend(loc="lower right")
keep(ax, "week-of-latency-nodes")

# %%
testbed.stop()
results.cleanup()

# %% [markdown]
# ## On a real testbed
#
# Replace `leoscope.testbed(nodes=3)` by `leoscope.Client()` and leave out the administrator. Book the week, close the
# notebook, and come back: `client.runs(job="latency-seattle")` has all runs so far, and `download` brings what is new.
