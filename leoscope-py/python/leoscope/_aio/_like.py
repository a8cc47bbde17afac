"""What a class for event loops says of its methods: what the one that waits says."""

from __future__ import annotations

from typing import Callable, TypeVar

_C = TypeVar("_C", bound=type)


def like(other: type) -> Callable[[_C], _C]:
    """Gives a class and its members that have no documentation that of ``other`` and its members."""

    def documented(cls: _C) -> _C:
        cls.__module__ = "leoscope"
        if cls.__doc__ is None:
            cls.__doc__ = other.__doc__
        for name, member in vars(cls).items():
            same = getattr(other, name, None)
            if not name.startswith("_") and same is not None and member.__doc__ is None:
                member.__doc__ = same.__doc__
        return cls

    return documented
