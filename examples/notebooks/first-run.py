# %% [markdown]
# # Your first run
#
# LEOScope books measurements on nodes that stand behind a satellite dish, starts them on time, and brings back what
# they measured. This notebook takes you through all of it, in about half a minute.
#
# You need no account and no dish: a whole testbed starts inside this notebook, with a server and a node, and goes when
# you are done. What you write here works on a real testbed as well. The last section says what changes.

# %%
import sys
from datetime import timedelta
from pathlib import Path

import leoscope
import matplotlib.pyplot as plt
import pandas as pd


def keep(ax, name):
    """Saves a plot where this runs as a script. A notebook shows it anyway."""
    if "ipykernel" not in sys.modules:
        directory = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
        directory.mkdir(parents=True, exist_ok=True)
        ax.figure.savefig(directory / f"{name}.png", dpi=150)
        plt.close(ax.figure)


# %% [markdown]
# ## Start a testbed
#
# `testbed.client` is your connection to it, as a researcher.

# %%
testbed = leoscope.testbed()
client = testbed.client
print(client)

# %% [markdown]
# ## What to measure
#
# An *experiment* says what a node is to run. Usually that is a container image of yours. The testbed brings a small one
# along: it measures ten times a second how long a connection to the server takes, and writes `latency.csv`.

# %%
experiment = testbed.experiment(seconds=5)
print(experiment)

# %% [markdown]
# ## Where to measure
#
# These are the nodes that you can book. All times that you see are UTC.

# %%
client.nodes()

# %%
node = client.nodes.get("node-seattle")
node

# %% [markdown]
# ## Plan, then book
#
# A *job* is an experiment on a node, with its times. `length` is how long a run may take, in seconds. Nothing is stored
# when you plan: you only see what would happen.

# %%
plan = client.jobs.plan(node, experiment, length=10)
plan

# %% [markdown]
# A plan is true where it could be booked. So book it: the job runs once, as soon as the node can.

# %%
job = client.jobs.schedule(node, experiment, length=10, jobid="first-run")
job

# %% [markdown]
# ## Wait for the run
#
# Every time that a job is carried out is a *run*. `wait` returns when it has ended.

# %%
run = job.wait()
run

# %% [markdown]
# What did it print, and what happened to it step by step?

# %%
for line in run.logs():
    print(line)

# %%
run.events()

# %% [markdown]
# ## The results
#
# `run.files` has them: they are fetched when you first look. They may arrive a moment after the end, and are waited for.

# %%
run.files

# %%
latency = pd.read_csv(run.files["latency.csv"].path, parse_dates=["time_utc"])
latency.describe()

# %% [markdown]
# The node and the server are the same computer here, so these are fractions of a millisecond. A real dish gives you
# some tens of milliseconds.

# %%
since = (latency.time_utc - latency.time_utc.min()).dt.total_seconds()
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.plot(since, latency.latency_ms, marker="o", markersize=4, linewidth=1, label="one connection")
median = latency.latency_ms.median()
ax.axhline(median, color="black", linestyle="--", linewidth=1, label=f"median, {median:.2f} ms")
ax.set_ylim(bottom=0)
ax.set_xlabel("time since the first connection (s)")
ax.set_ylabel("latency (ms)")
ax.set_title(f"{run.job_id} on {run.node_id}, {run.started:%Y-%m-%d %H:%M:%S} UTC")
ax.legend()
keep(ax, "first-run-latency")

# %% [markdown]
# The results also say how all of this came about: which program, which node, how well its clock was set.

# %%
print("clock of the node:", run.manifest["clock"])
print("started late by:", run.lateness)

# %% [markdown]
# ## When a booking is refused
#
# A job has the link of its node to itself, so that nobody disturbs it. Say that somebody has the node for an hour
# tomorrow:

# %%
hour = client.jobs.schedule(node, experiment, length=3600, start=timedelta(days=1), jobid="long-measurement")
hour

# %% [markdown]
# In the middle of that hour there is no room. The error says who is in the way, and which times are free:

# %%
wish = hour.start + timedelta(minutes=40)
try:
    client.jobs.schedule(node, experiment, length=600, start=wish)
except leoscope.ConflictError as error:
    refused = error
print(refused)

# %% [markdown]
# You can use what it says. The nearest free time is the first:

# %%
slot = refused.free_slots[0]
moved = client.jobs.schedule(node, experiment, length=600, start=slot.start, jobid="moved")
print("wanted", wish)
print("booked", moved.start)

# %% [markdown]
# A job may have a *trigger*, a condition for its start: there is a notebook on those. When you misspell one, all
# mistakes are shown at once, with their places:

# %%
try:
    client.jobs.schedule(node, experiment, length=10, trigger="satelite_elevation > 40 and dish.latency = 30")
except leoscope.TriggerError as error:
    misspelt = error
print(misspelt)

# %%
pd.DataFrame(misspelt.spans)

# %% [markdown]
# ## Clean up
#
# Cancelling a job leaves the runs that it has had, and their results.

# %%
for booked in client.jobs():
    booked.cancel()
print(len(client.jobs()), "jobs,", len(client.runs()), "run")

# %%
testbed.stop()

# %% [markdown]
# ## The same on a real testbed
#
# Ask whoever runs your testbed for a user id and an access token. Log in once, in a terminal:
#
# ```sh
# leoscope login --userid=me --grpc-host=testbed.example.org
# ```
#
# From then on a client knows where to go. What your experiment runs is an image of yours. The rest is as above:
#
# ```python
# client = leoscope.Client()
# experiment = leoscope.experiment(image="lab/ping:1", command=["ping", "-c", "10", "example.org"])
# job = client.jobs.schedule("node-berlin", experiment, length=60)
# job.wait()
# ```
