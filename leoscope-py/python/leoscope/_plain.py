"""Values on their way into an experiment config, in types that YAML has."""

from __future__ import annotations

import math
import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union, cast

from ._errors import InvalidArgument

Command = Union[str, Sequence[Union[str, int, float, "os.PathLike[str]"]]]
Port = Union[int, str]
Ports = Union[Port, Iterable[Port], Mapping[Port, int]]


def text_of(source: Union[str, os.PathLike[str]]) -> str:
    """The text itself, or what is in the file: a config has a colon in it, and a path mostly has not."""
    if not isinstance(source, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = type(source).__name__
        raise TypeError(f"an experiment config (YAML, a path, a dictionary or an Experiment) is expected, not {kind}")
    if isinstance(source, str) and (":" in source or "\n" in source or not source.strip()):
        return source
    with open(source, "rb") as file:
        content = file.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"experiment config {os.fspath(source)!r} is no text: {error}") from error


def words(command: Optional[Command]) -> Union[str, List[str], None]:
    """A command as it stands in a config: a line, or its words."""
    if command is None or isinstance(command, str):
        return command
    return [_word(word) for word in command]


def _word(word: object) -> str:
    if isinstance(word, bool) or not isinstance(word, (str, int, float, os.PathLike)):
        raise InvalidArgument(
            f"{word!r} is no word of a command", "give the program and its arguments as texts, numbers or paths"
        )
    return str(os.fspath(cast("os.PathLike[str]", word))) if isinstance(word, os.PathLike) else str(word)


def port_list(ports: Ports) -> List[Port]:
    """Ports as entries of a list."""
    if isinstance(ports, (int, str)):
        return [ports]
    if isinstance(ports, Mapping):
        # The protocol stands behind the container's port.
        pairs = cast("Mapping[Port, int]", ports).items()
        return [f"{host}:{container}" for container, host in pairs]
    return list(ports)


def plain(value: Any, where: str) -> Any:
    """A copy of ``value``, which is at ``where`` in a config, in types that JSON has.

    Raises
    ------
    InvalidArgument
        When it is none that JSON has, or near enough to one.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _foreign("a text that is no Unicode", where) from error
        return value
    if isinstance(value, (int, float)):
        fits = -(2**63) <= value < 2**64 if isinstance(value, int) else math.isfinite(value)
        if not fits:
            raise _foreign(repr(value), where)
        return value
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, Any]", value).items()
        return {_key(key, where): plain(part, f"{where}.{key}".lstrip(".")) for key, part in pairs}
    if isinstance(value, (list, tuple)):
        parts = enumerate(cast("Sequence[Any]", value))
        return [plain(part, f"{where}[{place}]") for place, part in parts]
    if isinstance(value, os.PathLike):
        return plain(os.fspath(cast("os.PathLike[str]", value)), where)
    # Arrays of NumPy, and their numbers.
    tolist = getattr(value, "tolist", None)
    if tolist is None:
        raise _foreign(f"a {type(value).__name__}", where)
    return plain(tolist(), where)


def variables(values: Mapping[str, Any]) -> Dict[str, Any]:
    """Variables of the environment, which have a value each.

    Raises
    ------
    InvalidArgument
        For one that has none.
    """
    given: Dict[str, Any] = plain(values, "environment")
    for name, value in given.items():
        if not isinstance(value, (str, int, float)):
            raise InvalidArgument(
                f"experiment config has a {type(value).__name__} as environment.{name}",
                "give a text, a number or a boolean; an empty text for a variable that is empty",
            )
    return given


def _foreign(told: str, where: str) -> InvalidArgument:
    return InvalidArgument(
        f"experiment config has {told} at {where or 'the top'}, which it cannot hold",
        "use texts, numbers, True and False, lists and dictionaries",
    )


def _key(key: object, where: str) -> str:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise InvalidArgument(f"experiment config has the key {key!r} at {where or 'the top'}", "use texts as keys")
    return str(key)
