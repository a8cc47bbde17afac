"""Book experiments on LEO satellite networks, follow their runs, and load what they measured.

:class:`Client` (and :class:`AsyncClient` for event loops) speaks to an orchestrator; :func:`testbed` starts a whole one
in this process. Cron expressions, triggers, conflicts, free time and satellites need no server. Times are UTC: those
without a time zone mean it, and all that is given back have it. ``leoscope.plot`` draws all of it.

>>> from datetime import datetime
>>> import leoscope
>>> leoscope.Cron("0 12 * * *").next(datetime(2026, 12, 1))
datetime.datetime(2026, 12, 1, 12, 0, tzinfo=datetime.timezone.utc)
"""

import atexit as _atexit

from . import plot
from ._aio._client import AsyncClient
from ._aio._jobs import AsyncJob, AsyncJobList, AsyncJobs
from ._aio._nodes import AsyncNode, AsyncNodeList, AsyncNodes, AsyncNodeStatus, AsyncReadingsStream
from ._aio._runs import AsyncLogs, AsyncRun, AsyncRuns, AsyncRunsOf
from ._aio._users import AsyncUsers
from ._client import Client
from ._errors import (
    AlreadyExists,
    ConflictError,
    Exhausted,
    ForkError,
    InternalError,
    InvalidArgument,
    LeoscopeError,
    NotFound,
    PermissionDenied,
    Stale,
    Timeout,
    TriggerError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from ._experiment import Experiment, experiment
from ._files import ResultFile, ResultFiles
from ._following import LogLine
from ._frames import passes, track, visible
from ._jobs import Job, JobList, Jobs, Plan
from ._leoscope import (
    Cron,
    Elements,
    JobTiming,
    Place,
    Trigger,
    __version__,
    conflicts,
    cron_starts,
    free_slots,
)
from ._leoscope import ending as _ending
from ._listing import Listing
from ._nodes import Node, NodeList, Nodes, NodeStatus, ReadingsStream
from ._runs import Logs, Run, Runs, RunsOf
from ._testbed import Testbed, testbed
from ._types import Conflict, Forecast, ForecastWindow, Mistake, Verdict
from ._users import Users
from ._accounts import AuditEntry, AuditTrail, Settings, User
from ._values import (
    BookedConflict,
    Calendar,
    Download,
    Downloads,
    FieldInfo,
    FreeSlot,
    JobStats,
    NodeReadings,
    PlannedRun,
    Policies,
    Reading,
    RunEvent,
    RunEvents,
    RunStatus,
    Slot,
    Slots,
    Standby,
    Stats,
)

# Registered first, so that it is called last.
_atexit.register(_ending)

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "AsyncJob",
    "AsyncJobList",
    "AsyncJobs",
    "AsyncLogs",
    "AsyncNode",
    "AsyncNodeList",
    "AsyncNodeStatus",
    "AsyncNodes",
    "AsyncReadingsStream",
    "AsyncRun",
    "AsyncRuns",
    "AsyncRunsOf",
    "AsyncUsers",
    "AuditEntry",
    "AuditTrail",
    "BookedConflict",
    "Calendar",
    "Client",
    "Conflict",
    "ConflictError",
    "Cron",
    "Download",
    "Downloads",
    "Elements",
    "Exhausted",
    "Experiment",
    "FieldInfo",
    "Forecast",
    "ForecastWindow",
    "ForkError",
    "FreeSlot",
    "InternalError",
    "InvalidArgument",
    "Job",
    "JobList",
    "JobStats",
    "JobTiming",
    "Jobs",
    "LeoscopeError",
    "Listing",
    "LogLine",
    "Logs",
    "Mistake",
    "Node",
    "NodeList",
    "NodeReadings",
    "NodeStatus",
    "Nodes",
    "NotFound",
    "PermissionDenied",
    "Place",
    "Plan",
    "PlannedRun",
    "Policies",
    "Reading",
    "ReadingsStream",
    "ResultFile",
    "ResultFiles",
    "Run",
    "RunEvent",
    "RunEvents",
    "RunStatus",
    "Runs",
    "RunsOf",
    "Settings",
    "Slot",
    "Slots",
    "Stale",
    "Standby",
    "Stats",
    "Testbed",
    "Timeout",
    "Trigger",
    "TriggerError",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "User",
    "Users",
    "Verdict",
    "__version__",
    "conflicts",
    "cron_starts",
    "experiment",
    "free_slots",
    "passes",
    "plot",
    "testbed",
    "track",
    "visible",
]
