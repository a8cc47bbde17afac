"""Users of a client that waits for its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from . import _asked
from ._asked import Id
from ._errors import PermissionDenied
from ._accounts import User

if TYPE_CHECKING:
    from ._client import Client


class Users:
    """The users of the testbed. Most of it is for administrators."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<users of {self._client!r}>"

    def _id(self, id: Optional[Id]) -> str:
        """The id, else that of the caller."""
        return self._client.userid if id is None else _asked.name(id)

    def get(self, id: Optional[Id] = None) -> User:
        """A user by its id; yourself when it is left out.

        Raises
        ------
        NotFound
            When there is none.
        """
        user: User = self._client._connection.user(self._id(id)).wait()
        return user

    def register(self, id: str, *, name: str = "", role: str = "USER", team: str = "") -> str:
        """Registers a user and gives its access token, which is told only this once.

        Parameters
        ----------
        id:
            The id under which it will call.
        name, team:
            A name for people to read, and the group it belongs to.
        role:
            ADMIN, USER, NODE, USER_PRIV, NODE_PRIV or NODE_OWNER.

        Raises
        ------
        AlreadyExists
            When there is a user of that id.
        """
        token: str = self._client._connection.register_user(id, name, role, team).wait()
        return token

    def modify(
        self, id: Id, *, name: Optional[str] = None, role: Optional[str] = None, team: Optional[str] = None
    ) -> User:
        """Changes what is given of a user."""
        user: User = self._client._connection.modify_user(_asked.name(id), name, role, team).wait()
        return user

    def delete(self, id: Id) -> None:
        """Removes a user; what it booked stays."""
        self._client._connection.delete_user(_asked.name(id)).wait()

    def rotate_token(self, id: Optional[Id] = None) -> str:
        """Gives a user, else yourself, a new access token, which is told only this once; the old one is no more."""
        token: str = self._client._connection.rotate_token(self._id(id)).wait()
        return token

    def revoke_token(self, id: Id) -> None:
        """Takes a user's access token away."""
        self._client._connection.revoke_token(_asked.name(id)).wait()

    def may_change_kernel(self, id: Optional[Id] = None) -> bool:
        """Whether experiments of a user, else yours, may change kernel settings of nodes."""
        try:
            self._client._connection.kernel_access(self._id(id)).wait()
        except PermissionDenied:
            return False
        return True


Users.__module__ = "leoscope"
