# %% [markdown]
# # Weather and triggers
#
# Some measurements make sense under some conditions only: in the rain, with a satellite high up, while nobody else uses
# the link. A *trigger* says so. The node looks at it when a run is to start, and skips the run where it does not hold.
#
# The first half of this notebook needs no server at all: you write a condition and try it. The second half does real
# runs on a testbed that starts inside this notebook.

# %%
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import leoscope
import leoscope.plot
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd


def keep(ax, name):
    """Saves a plot where this runs as a script. A notebook shows it anyway."""
    if "ipykernel" not in sys.modules:
        directory = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
        directory.mkdir(parents=True, exist_ok=True)
        ax.figure.savefig(directory / f"{name}.png", dpi=150)
        plt.close(ax.figure)


# %% [markdown]
# ## Write a condition
#
# It compares *fields*: what nodes know about the dish, the weather, satellites, and themselves.

# %%
dry = leoscope.Trigger("dish.latency < 40 and weather.rain_1h == 0")
pd.DataFrame(dry.check())

# %% [markdown]
# A mistake is told with its place, and all of them at once:

# %%
try:
    leoscope.Trigger("dish.latncy < 40 and weather.rain_1h = 0 and dish.obstructed > 1")
except leoscope.TriggerError as error:
    print(error)

# %% [markdown]
# ## Try it
#
# Give it values, and see what comes of it. There are three answers. **MET**: it holds.

# %%
dry.evaluate({"dish.latency": 35, "weather.rain_1h": 0})

# %% [markdown]
# **NOT_MET**: it does not hold.

# %%
dry.evaluate({"dish.latency": 35, "weather.rain_1h": 1.5})

# %% [markdown]
# **UNKNOWN**: it cannot be told, because something was not read. What is not known is never guessed.

# %%
dry.evaluate({"dish.latency": 35})

# %% [markdown]
# But where one known value settles it, the answer is known. A latency of 55 ms is too much, whatever the weather:

# %%
dry.evaluate({"dish.latency": 55})

# %% [markdown]
# Only MET starts a run, so a verdict is true only then. And a condition may look back. A list is a history, a second
# apart, the newest last:

# %%
steady = leoscope.Trigger("for(dish.latency < 40, 3)")
for history in ([30, 31, 30, 32, 31], [30, 31, 90, 32, 31]):
    verdict = steady.evaluate({"dish.latency": history})
    print(history, verdict.verdict, bool(verdict))

# %% [markdown]
# ## Try it on a whole day
#
# How often would this have held? You need recorded readings for that. **The day below is made up**, by a random number
# generator with a fixed seed: it is no measurement of any dish and no weather of any place. A shower passes in the
# afternoon, the latency is worse in it, and in the evening nothing was recorded for an hour and a half.

# %%
midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
day = pd.date_range(midnight - timedelta(days=1), periods=24 * 60, freq="1min")
hour = np.arange(len(day)) / 60
chance = np.random.default_rng(seed=7)

rain = 3 * np.exp(-(((hour - 15.5) / 1.1) ** 2)) + 1.2 * np.exp(-(((hour - 18.6) / 0.4) ** 2))
rain = np.where(rain < 0.1, 0.0, rain.round(1))
latency = 30 + 3 * np.sin((hour - 14) / 24 * 2 * np.pi) + 4.5 * rain + chance.gamma(2, 2, len(day))
readings = pd.DataFrame({"dish.latency": latency.round(1), "weather.rain_1h": rain}, index=day)
readings[(hour >= 20.5) & (hour < 22)] = np.nan
readings.iloc[::180]

# %% [markdown]
# `evaluate_many` gives a verdict a row. The times matter to conditions that look back, like the mean of five minutes
# here, and to fields like `time.hour`.

# %%
conditions = {
    "fast and dry": "dish.latency < 40 and weather.rain_1h == 0",
    "fast on average": "avg(dish.latency, 300) < 38",
    "in the rain": "weather.rain_1h > 0.5",
    "fast at night": "dish.latency < 40 and (time.hour < 6 or time.hour >= 22)",
}
verdicts = pd.DataFrame(
    {name: leoscope.Trigger(text).evaluate_many(readings, times=day) for name, text in conditions.items()}, index=day
)
verdicts.apply(pd.Series.value_counts).fillna(0).astype(int)

# %% [markdown]
# A plot says more. These are the times over which a verdict stays the same:


# %%
def stretches(column):
    """Start, length and verdict of the times over which a verdict, told once a minute, stays the same."""
    changes = (column != column.shift()).cumsum()
    return [(part.index[0], len(part) * timedelta(minutes=1), part.iloc[0]) for _, part in column.groupby(changes)]


looks = {
    "MET": {"facecolor": "#0072b2"},
    "NOT_MET": {"facecolor": "#e6e6e6"},
    "UNKNOWN": {"facecolor": "white", "edgecolor": "#555555", "hatch": "///"},
}
figure, (top, ax) = plt.subplots(
    2, 1, sharex=True, figsize=(9, 5.4), layout="constrained", gridspec_kw={"height_ratios": [3, 2]}
)
top.plot(day, readings["dish.latency"], color="#332288", linewidth=0.7)
top.set_ylabel("latency (ms)", color="#332288")
rainy = top.twinx()
rainy.fill_between(day, readings["weather.rain_1h"], color="#56b4e9", alpha=0.5)
rainy.set_ylim(0, 8)
rainy.set_ylabel("rain of the last hour (mm)", color="#1f6f9f")
top.set_title("a made-up day, and where four conditions hold")
for row, name in enumerate(conditions):
    for start, length, verdict in stretches(verdicts[name]):
        ax.broken_barh([(start, length)], (row - 0.38, 0.76), linewidth=0, snap=False, **looks[verdict])
ax.set_yticks(range(len(conditions)), labels=list(conditions))
ax.invert_yaxis()
ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M", tz=timezone.utc))
ax.set_xlabel("time (UTC)")
ax.set_xlim(day[0], day[-1])
patches = [plt.Rectangle((0, 0), 1, 1, label=verdict, **look) for verdict, look in looks.items()]
ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
keep(ax, "weather-and-triggers-day")

# %% [markdown]
# Now suppose a job every half hour, with the first condition as its trigger. Which of its runs would have started?

# %%
half_hourly = verdicts["fast and dry"].iloc[::30]
print(half_hourly.value_counts().to_string())
print("skipped at", ", ".join(f"{at:%H:%M}" for at in half_hourly[half_hourly != "MET"].index))

# %% [markdown]
# ## What is known ahead
#
# The weather is not known ahead, but satellites are. From here on there is a testbed, with a ring of twelve satellites
# of its own. When will one be high in the sky of the node?

# %%
testbed = leoscope.testbed()
client = testbed.client
node = client.nodes.get("node-seattle")
forecast = node.forecast("satellite_elevation > 40", horizon=timedelta(hours=24))
print(len(forecast), "windows in the next 24 hours")
forecast.to_pandas().head()

# %% [markdown]
# The rotating earth carries the node below the ring twice a day. Higher demands leave fewer and shorter windows:

# %%
higher = {f"above {limit}°": node.forecast(f"satellite_elevation > {limit}") for limit in (25, 40, 60, 75)}
ax = leoscope.plot.windows(higher)
keep(ax, "weather-and-triggers-windows")

# %% [markdown]
# A condition may need more than can be known ahead. Then its windows are those in which it *can* hold:

# %%
mixed = node.forecast("satellite_elevation > 40 and weather.rain_1h == 0")
print("depends also on", mixed.unforeseen)
first = mixed[0].start
ax = leoscope.plot.windows(mixed, start=first - timedelta(minutes=5), end=first + timedelta(hours=1))
keep(ax, "weather-and-triggers-mixed")

# %% [markdown]
# ## One run that starts, and one that does not
#
# You do not want to wait for the next window. So look where the highest satellite will be in a few seconds, and book
# two jobs: one asks for a little less than that, one for a little more. The plan says what is to be expected of each.

# %%
experiment = testbed.experiment(seconds=2)
elements, place = node.elements(), node.place
start = client.time().replace(microsecond=0) + timedelta(seconds=10)
elevation = max(elements.look(name, place, start)[1] for _, name in elements.satellites())
triggers = {
    "asks-for-less": f"satellite_elevation > {elevation - 5:.0f}",
    "asks-for-more": f"satellite_elevation > {elevation + 5:.0f}",
}
print(f"the highest satellite will be at {elevation:.1f}°")

jobs = []
for name, trigger in triggers.items():
    wish = {"start": start, "trigger": trigger, "overhead": False}
    plan = client.jobs.plan(node, experiment, 4, **wish)
    jobs.append(client.jobs.schedule(node, experiment, 4, jobid=name, **wish))
    print(f"{name}: {trigger} is expected to be {plan.expected[0]}")

# %% [markdown]
# Both may start at the same time, because `overhead=False` says that they do not need the link for themselves. Now
# wait:

# %%
runs = [job.wait(progress=False) for job in jobs]
for run in runs:
    print(f"{run.job_id}: {run.status}, {run.reason}")
    print(f"    {run.trigger_verdict}: {run.trigger_why}")

# %% [markdown]
# The run that was SKIPPED is no failure: its record says why, and with which readings. A job with `hold=True` would
# have waited for its condition until its time is over.

# %%
runs[1]

# %%
testbed.stop()

# %% [markdown]
# ## On a real testbed
#
# `leoscope.Client()` instead of the testbed, and the name of a real node. `node.readings()` tells what it reads at this
# moment, so you can try a condition on it before you book:
#
# ```python
# client = leoscope.Client()
# node = client.nodes.get("node-berlin")
# dry.evaluate(node.readings().values_by_field)
# ```
