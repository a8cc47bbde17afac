"""Schedule experiments on LEO satellite networks.

This release tells when a schedule would start its runs, and where satellites are; it does not talk to an
orchestrator yet.

>>> from datetime import datetime
>>> import leoscope
>>> leoscope.cron_starts("0 12 * * *", datetime(2026, 12, 1), datetime(2026, 12, 3), limit=1)
[datetime.datetime(2026, 12, 1, 12, 0, tzinfo=datetime.timezone.utc)]
"""

from ._leoscope import Elements, InvalidArgument, Place, __version__, cron_starts

__all__ = ["Elements", "InvalidArgument", "Place", "__version__", "cron_starts"]
