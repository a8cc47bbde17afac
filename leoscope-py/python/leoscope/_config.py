"""The dictionaries of an experiment config, and views of its parts."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Iterator, Mapping, MutableMapping, Tuple, cast

from ._errors import InvalidArgument
from ._leoscope import experiment_shown
from ._plain import plain, variables

# The keys that the testbed reads; all others are the experiment's own.
_KNOWN = ("docker", "process", "environment", "limits", "cloud_config")
# What all of a config can stand below.
_WRAPPER = "experiment"


class Document:
    """A config as dictionaries, as it is read and written."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.whole: Dict[str, Any] = plain(dict(config), "")

    @property
    def body(self) -> Dict[str, Any]:
        """Where the keys stand: at the top, or below the outer key."""
        return body(self.whole)

    def json(self) -> str:
        """All of it as JSON."""
        # Whoever holds a part of it may have put anything there.
        return json.dumps(plain(self.whole, ""), ensure_ascii=False)

    def shown(self) -> Tuple[str, Dict[str, Any]]:
        """All of it without secrets, as YAML and as a dictionary; that it cannot be shown is no error."""
        try:
            text, document = experiment_shown(self.json())
        except ValueError as error:
            return f"# not shown: {error}\n", {}
        return text, json.loads(document) or {}

    def get(self, *path: str) -> Any:
        """What is at ``path``, None where nothing is."""
        found: Any = self.body
        for key in path:
            found = cast("Dict[str, Any]", found).get(key) if isinstance(found, dict) else None
        return found

    def put(self, value: Any, *path: str) -> None:
        """Sets what is at ``path``; None takes it away, and the dictionaries around it that it leaves empty."""
        parts = [self.body]
        for key in path[:-1]:
            if not isinstance(parts[-1].get(key), dict):
                if value is None:
                    return
                parts[-1][key] = {}
            parts.append(parts[-1][key])
        if value is not None:
            parts[-1][path[-1]] = plain(value, ".".join(path))
            return
        parts[-1].pop(path[-1], None)
        for part, key in zip(reversed(parts[:-1]), reversed(path[:-1])):
            if part[key]:
                return
            del part[key]


def body(document: Dict[str, Any]) -> Dict[str, Any]:
    """Where the keys of ``document`` stand."""
    inner = document.get(_WRAPPER)
    return cast("Dict[str, Any]", inner) if isinstance(inner, dict) else document


class Section(MutableMapping[str, Any]):
    """The part of a config at a key, written through to it."""

    def __init__(self, document: Document, key: str) -> None:
        self._document = document
        self._key = key

    def _values(self, document: Dict[str, Any]) -> Dict[str, Any]:
        """What the part says in ``document``."""
        found = body(document).get(self._key)
        return cast("Dict[str, Any]", found) if isinstance(found, dict) else {}

    def __getitem__(self, name: str) -> Any:
        return self._values(self._document.whole)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._document.put({**self, name: value}, self._key)

    def __delitem__(self, name: str) -> None:
        values = dict(self)
        del values[name]
        self._document.put(values or None, self._key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values(self._document.whole))

    def __len__(self) -> int:
        return len(self._values(self._document.whole))

    def __repr__(self) -> str:
        return repr(self._values(self._document.shown()[1]))


class Environment(Section):
    """The variables of a config: a dictionary, or a list of NAME=VALUE, which becomes one when it is changed."""

    def __init__(self, document: Document) -> None:
        super().__init__(document, "environment")

    def _values(self, document: Dict[str, Any]) -> Dict[str, Any]:
        found = body(document).get(self._key)
        if not isinstance(found, list):
            return super()._values(document)
        pairs = (str(item).partition("=") for item in cast("Iterable[object]", found))
        return {name: value for name, _, value in pairs}

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, variables({name: value})[name])


class Extra(Section):
    """The keys of a config that the testbed does not know."""

    def __init__(self, document: Document) -> None:
        super().__init__(document, "")

    def _values(self, document: Dict[str, Any]) -> Dict[str, Any]:
        return {key: value for key, value in body(document).items() if key not in _KNOWN}

    def __setitem__(self, name: str, value: Any) -> None:
        if name in (*_KNOWN, _WRAPPER):
            raise InvalidArgument(
                f"{name} is a key of the testbed, not one of your own",
                "set it with an attribute, or make a leoscope.Experiment of all of a config",
            )
        self._document.body[name] = plain(value, name)

    def __delitem__(self, name: str) -> None:
        if name in _KNOWN:
            raise KeyError(name)
        del self._document.body[name]
