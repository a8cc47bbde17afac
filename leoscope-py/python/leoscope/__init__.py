"""Schedule experiments on LEO satellite networks.

This release tells when a schedule would start its runs, which jobs are in each other's way, whether and when
a condition holds, and where satellites are; it does not talk to an orchestrator yet.

>>> from datetime import datetime
>>> import leoscope
>>> leoscope.cron_starts("0 12 * * *", datetime(2026, 12, 1), datetime(2026, 12, 3), limit=1)
[datetime.datetime(2026, 12, 1, 12, 0, tzinfo=datetime.timezone.utc)]
"""

from ._frames import passes, visible
from ._leoscope import (
    Cron,
    Elements,
    InvalidArgument,
    JobTiming,
    Place,
    Trigger,
    TriggerError,
    __version__,
    conflicts,
    cron_starts,
    free_slots,
)
from ._types import Conflict, Forecast, ForecastWindow, Mistake, Verdict

__all__ = [
    "Conflict",
    "Cron",
    "Elements",
    "Forecast",
    "ForecastWindow",
    "InvalidArgument",
    "JobTiming",
    "Mistake",
    "Place",
    "Trigger",
    "TriggerError",
    "Verdict",
    "__version__",
    "conflicts",
    "cron_starts",
    "free_slots",
    "passes",
    "visible",
]
