"""Plots of bookings, runs, forecasts and the sky, with matplotlib (``pip install 'leoscope[plot]'``).

Each draws into the axes ``ax``, or into a figure of its own when it is left out, and gives the axes back; none
shows or saves anything. Times are UTC. What tells things apart does so without colour too: by lightness, hatches
or markers. Legends are right of the axes, so that they cover no data: make figures of your own with
``layout="constrained"``, and there is room for them.

>>> import leoscope.plot
>>> leoscope.plot.sky(elements, seattle, now).figure.savefig("sky.png")  # doctest: +SKIP
"""

from ._elevation import elevation
from ._runs import runs
from ._sky import sky
from ._timeline import timeline
from ._week import week
from ._windows import windows

__all__ = ["elevation", "runs", "sky", "timeline", "week", "windows"]

for _function in (elevation, runs, sky, timeline, week, windows):
    _function.__module__ = "leoscope.plot"
del _function
