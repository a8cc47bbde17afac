"""Users, the testbed-wide settings, and who did what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Optional

from . import _html
from ._listing import Listing

__all__ = ["AuditEntry", "AuditTrail", "Settings", "User"]


class User(NamedTuple):
    """A user of the testbed."""

    id: str
    name: str
    role: str
    """ADMIN, USER, NODE, USER_PRIV, NODE_PRIV or NODE_OWNER."""
    team: str

    def _repr_html_(self) -> str:
        return _html.facts(f"user {self.id}", self._asdict().items())


@dataclass(frozen=True)
class Settings:
    """The testbed-wide settings. Keys are empty for callers who must not see them, and never shown."""

    blob_connection_string: str = field(repr=False)
    blob_container: str
    blob_artifact_path: str
    weather_api_key: str = field(repr=False)


@dataclass(frozen=True)
class AuditEntry:
    """Who did what."""

    at: datetime
    """In UTC."""
    caller: str
    role: str
    action: str
    object: Optional[str]
    """To which user, node, job or run."""
    outcome: str
    """``"done"``, or the kind of reason why not."""
    message: Optional[str]
    """The reason in words."""
    address: Optional[str]
    id: str


class AuditTrail(Listing[AuditEntry]):
    """Who did what, the newest first."""

    _columns = ("at", "caller", "role", "action", "object", "outcome", "message", "address", "id")
    _caption = "who did what"


for _class in (AuditEntry, AuditTrail, Settings, User):
    _class.__module__ = "leoscope"
del _class
