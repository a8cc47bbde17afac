from datetime import datetime

__version__: str

class InvalidArgument(ValueError):
    """A value that is not acceptable."""

def cron_starts(expression: str, start: datetime, end: datetime, limit: int = 10) -> list[datetime]:
    """The starts of a cron expression in ``[start, end)``; all times aware."""
