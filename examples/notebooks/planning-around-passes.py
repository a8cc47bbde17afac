# %% [markdown]
# # Planning around passes
#
# A satellite is in view for a few minutes, and you want to measure in exactly these. This notebook looks at the sky of
# a node, finds out when satellites pass, and books jobs for it.
#
# It runs by itself: the testbed that starts here has a ring of twelve satellites of its own, which exist nowhere else.

# %%
import sys
from datetime import timedelta
from pathlib import Path

import leoscope
import leoscope.plot
import matplotlib.pyplot as plt


def keep(ax, name):
    """Saves a plot where this runs as a script. A notebook shows it anyway."""
    if "ipykernel" not in sys.modules:
        directory = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
        directory.mkdir(parents=True, exist_ok=True)
        ax.figure.savefig(directory / f"{name}.png", dpi=150)
        plt.close(ax.figure)


# %%
testbed = leoscope.testbed()
client = testbed.client
node = client.nodes.get("node-seattle")

# %% [markdown]
# ## Satellites and a place
#
# *Orbital elements* say where satellites are, now and for the next days. A testbed has those of the satellites that its
# nodes use, and a node knows where it stands. From here on all is computed on your computer.

# %%
elements = node.elements()
place = node.place
print(len(elements), "satellites, seen from", place)
elements.satellites()[:3]

# %% [markdown]
# No testbed at hand? Elements from elsewhere do as well, for example those that [CelesTrak](https://celestrak.org)
# gives out. Download a file once and keep it: it is good for days.
#
# ```python
# elements = leoscope.Elements.load("starlink.json")
# place = leoscope.Place(47.6062, -122.3321)
# ```
#
# ## Who passes, and when?
#
# All passes of the next day on which a satellite is higher than 25° above the horizon. `sigma` is by how many seconds
# the times may be wrong: elements get worse with age.

# %%
now = client.time()
day, hour, minute = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
passes = leoscope.passes(elements, place, now, now + day, mask_deg=25)
print(len(passes), "passes")
passes.head().round({"max_elevation": 1, "rise_azimuth": 0, "set_azimuth": 0, "sigma": 2})

# %% [markdown]
# The best is the one that gets highest. Take one that is not before an hour and a half, so that there is time to book:

# %%
coming = passes[passes.rise > now + 1.5 * hour]
best = coming.loc[coming.max_elevation.idxmax()]
middle = best.culmination.floor("s")
print(f"{best['name']} at {best.max_elevation:.1f}°, {middle:%Y-%m-%d %H:%M:%S} UTC")

# %% [markdown]
# ## The sky
#
# What is above the horizon at that moment? As a table, and with all passes of the half hour around it as a map: the
# zenith is in the middle, north is up, east is on the right.

# %%
leoscope.visible(elements, place, middle, mask_deg=0).round(1)

# %%
ax = leoscope.plot.sky(elements, place, middle - 15 * minute, end=middle + 15 * minute)
keep(ax, "planning-around-passes-sky")

# %% [markdown]
# The same half hour, by how high each is:

# %%
ax = leoscope.plot.elevation(elements, place, middle - 15 * minute, middle + 15 * minute)
keep(ax, "planning-around-passes-elevation")

# %% [markdown]
# Starlink decides every 15 seconds anew which satellite serves you: at 12, 27, 42 and 57 seconds of each minute. The
# time between two of these is a *slot*. In short spans they are drawn as lines:

# %%
ax = leoscope.plot.elevation(elements, place, middle - 2 * minute, middle + 2 * minute)
keep(ax, "planning-around-passes-slots")

# %% [markdown]
# ## As a condition
#
# A trigger says it in words that a node understands: *start when a satellite is higher than 60°*. A forecast tells when
# that will be. `sigma` is in the legend of the plot: the edges are known to less than a second.

# %%
high = leoscope.Trigger("satellite_elevation > 60")
forecast = high.forecast(place, elements, middle - hour, 2 * hour)
ax = leoscope.plot.windows(forecast)
keep(ax, "planning-around-passes-windows")

# %% [markdown]
# ## Free time that meets a pass
#
# Somebody else is faster, and takes the node for ten minutes around the best pass:

# %%
experiment = testbed.experiment(seconds=60)
testbed.admin.jobs.schedule(node, experiment, 10 * minute, start=middle - 5 * minute, jobid="faster")

# %% [markdown]
# So go through the passes within an hour of it, from the highest down, and take the first in which two minutes are
# free:

# %%
length = 2 * minute
near = coming[(coming.culmination - middle).abs() < hour].sort_values("max_elevation", ascending=False)
for one in near.itertuples():
    slots = client.jobs.free_slots(
        node, length, start=one.rise, end=one.set, near=one.culmination - length / 2, count=1
    )
    print(f"{one.name} at {one.max_elevation:.1f}°:", f"free from {slots[0][0]:%H:%M:%S}" if slots else "taken")
    if slots:
        break

# %% [markdown]
# Book it. `align="slot"` lets the run begin at the start of a slot:

# %%
start, _ = slots[0]
at_pass = client.jobs.schedule(node, experiment, length, start=start, align="slot", jobid="at-the-pass")
for run in at_pass.planned(start, start + hour):
    print(f"from {run.start:%H:%M:%S} to {run.end:%H:%M:%S}, highest at {one.culmination:%H:%M:%S}")

# %% [markdown]
# ## Or let the testbed find the time
#
# With `align="window"` you give a condition, and a span of time. The job goes to the first time in it at which the
# condition is expected to hold for all of its length, and the node is free.

# %%
in_window = client.jobs.schedule(
    node,
    experiment,
    minute,
    start=middle - hour,
    end=middle + hour,
    trigger=high,
    align="window",
    jobid="in-a-window",
)
window = next(one for one in forecast if one.start <= in_window.start < one.end)
print(f"window from {window.start:%H:%M:%S} to {window.end:%H:%M:%S}")
print(f"job    from {in_window.start:%H:%M:%S} to {in_window.start + in_window.length:%H:%M:%S}")

# %% [markdown]
# ## All of it together
#
# What is booked, above the windows of the condition, on one axis of time. Plots draw where you want them to: give them
# axes with `ax`, and add what you like.

# %%
calendar = client.jobs.calendar(node, now, now + day + hour)
figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(10, 3.6), layout="constrained")
leoscope.plot.timeline(calendar, ax=top)
top.set_xlabel("")
for one in forecast:
    top.axvspan(one.start, one.end, color="#0072b2", alpha=0.2, linewidth=0, zorder=0)
leoscope.plot.windows(forecast, start=middle - hour, end=middle + hour, ax=bottom)
keep(bottom, "planning-around-passes-booked")

# %%
testbed.stop()

# %% [markdown]
# ## On a real testbed
#
# `leoscope.Client()` instead of the testbed, and the name of a real node. There are thousands of satellites then, so
# some are always in view: ask for one by its name (`names=["STARLINK-1007"]` in calls and plots,
# `satellite["STARLINK-1007"].elevation > 40` in a condition), or for a higher elevation.
