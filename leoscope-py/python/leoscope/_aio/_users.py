"""Users of a client whose answers are awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .. import _asked
from .._asked import Id
from .._errors import PermissionDenied
from .._users import Users
from .._accounts import User
from ._like import like

if TYPE_CHECKING:
    from ._client import AsyncClient


@like(Users)
class AsyncUsers:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<users of {self._client!r}>"

    def _id(self, id: Optional[Id]) -> str:
        """The id, else that of the caller."""
        return self._client.userid if id is None else _asked.name(id)

    async def get(self, id: Optional[Id] = None) -> User:
        user: User = await self._client._connection.user(self._id(id))
        return user

    async def register(self, id: str, *, name: str = "", role: str = "USER", team: str = "") -> str:
        token: str = await self._client._connection.register_user(id, name, role, team)
        return token

    async def modify(
        self, id: Id, *, name: Optional[str] = None, role: Optional[str] = None, team: Optional[str] = None
    ) -> User:
        user: User = await self._client._connection.modify_user(_asked.name(id), name, role, team)
        return user

    async def delete(self, id: Id) -> None:
        await self._client._connection.delete_user(_asked.name(id))

    async def rotate_token(self, id: Optional[Id] = None) -> str:
        token: str = await self._client._connection.rotate_token(self._id(id))
        return token

    async def revoke_token(self, id: Id) -> None:
        await self._client._connection.revoke_token(_asked.name(id))

    async def may_change_kernel(self, id: Optional[Id] = None) -> bool:
        try:
            await self._client._connection.kernel_access(self._id(id))
        except PermissionDenied:
            return False
        return True
