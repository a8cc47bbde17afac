"""Experiment configs: what a job is to run."""

from __future__ import annotations

import json
import os
from types import TracebackType
from typing import Any, List, Mapping, MutableMapping, Optional, Tuple, Type, Union

from ._config import Document, Environment, Extra, Section
from ._leoscope import experiment_from_yaml, experiment_to_yaml
from ._plain import Command, Port, Ports, port_list, text_of, variables, words


class Experiment:
    """An experiment config: what a job is to run, and under which limits. ``docs/experiments.md`` has all keys.

    It is changed through its attributes and checked by the rules of the testbed when it is written, at the end
    of its ``with`` block, and by :meth:`check`. Two are equal when they say the same, in whatever order.

    Reading and writing YAML keeps the order of keys, keys that the testbed does not know wherever they stand, an
    outer key ``experiment``, and all values: texts to the letter, those of several lines as such, and numbers as the
    testbed reads them (``1_000`` is written ``1000``). It does not keep comments, anchors and merge keys (what they
    stand for is written out), tags, and the way a text was quoted or folded.

    Its ``str()`` and ``repr()`` are for people, and show ``***`` for the connection string of a store and the key
    in it; :attr:`yaml` is the config itself.

    Parameters
    ----------
    config:
        What it says, as a dictionary with the keys of the YAML. It is copied.

    Raises
    ------
    InvalidArgument
        When it holds what YAML cannot.
    """

    # What is no attribute must not be taken for one: `exp.process = …` would say nothing.
    __slots__ = ("_document",)

    def __init__(self, config: Optional[Mapping[str, Any]] = None) -> None:
        self._document = Document(config or {})

    @classmethod
    def from_yaml(cls, source: Union[str, os.PathLike[str]]) -> Experiment:
        """Reads a config.

        Parameters
        ----------
        source:
            YAML, or the path of a file that holds it. Text without a colon is no config, so it is taken for a
            path; a path with a colon in it has to be a :class:`pathlib.Path`.

        Raises
        ------
        InvalidArgument
            When the testbed would not take it.
        OSError
            When there is no such file, or it cannot be read.
        """
        return cls(json.loads(experiment_from_yaml(text_of(source))))

    def to_yaml(self, path: Union[str, os.PathLike[str], None] = None) -> str:
        """The config as YAML, connection strings included; written to the file ``path`` as well if one is given.

        Raises
        ------
        InvalidArgument
            When the testbed would not take it.
        """
        text = experiment_to_yaml(self._document.json())
        if path is not None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return text

    @property
    def yaml(self) -> str:
        """What :meth:`to_yaml` gives."""
        return self.to_yaml()

    def check(self) -> None:
        """Raises :class:`InvalidArgument` when the testbed would not take it. What a node allows is not known here."""
        self.to_yaml()

    @property
    def image(self) -> Optional[str]:
        """The image that nodes with a container engine run."""
        image: Optional[str] = self._document.get("docker", "image")
        return image

    @image.setter
    def image(self, image: Optional[str]) -> None:
        self._document.put(image, "docker", "image")

    @property
    def command(self) -> Union[str, List[str], None]:
        """What runs in the container: the program and its arguments, or a line for ``/bin/sh -c``; the image's own
        when there is none."""
        command: Union[str, List[str], None] = self._document.get("docker", "command")
        return command

    @command.setter
    def command(self, command: Optional[Command]) -> None:
        self._document.put(words(command), "docker", "command")

    @property
    def name(self) -> Optional[str]:
        """The name for the container that was asked for; the node chooses it all the same."""
        name: Optional[str] = self._document.get("docker", "execute", "name")
        return name

    @name.setter
    def name(self, name: Optional[str]) -> None:
        self._document.put(name, "docker", "execute", "name")

    @property
    def ports(self) -> Tuple[Port, ...]:
        """The ports to publish on the host, as ``5201``, ``"5201/udp"`` or ``"HOST:CONTAINER"``; :meth:`port` adds
        one."""
        return tuple(port_list(self._document.get("docker", "execute", "ports") or ()))

    @ports.setter
    def ports(self, ports: Optional[Ports]) -> None:
        self._document.put(port_list(ports or ()) or None, "docker", "execute", "ports")

    @property
    def process_command(self) -> Union[str, List[str], None]:
        """What nodes without a container engine run: as :attr:`command`."""
        command: Union[str, List[str], None] = self._document.get("process", "command")
        return command

    @process_command.setter
    def process_command(self, command: Optional[Command]) -> None:
        self._document.put(words(command), "process", "command")

    @property
    def environment(self) -> MutableMapping[str, Any]:
        """Variables for the experiment: texts, numbers and booleans by name."""
        return Environment(self._document)

    @environment.setter
    def environment(self, values: Optional[Mapping[str, Any]]) -> None:
        self._document.put(variables(values or {}) or None, "environment")

    @property
    def asked_limits(self) -> MutableMapping[str, Any]:
        """The limits that it asks for; those of the node where it does not."""
        return Section(self._document, "limits")

    @asked_limits.setter
    def asked_limits(self, values: Optional[Mapping[str, Any]]) -> None:
        self._document.put(dict(values or {}) or None, "limits")

    @property
    def cloud_config(self) -> MutableMapping[str, Any]:
        """The store of its own to which the results go: ``connection_string``, ``container``, ``artifact_path``."""
        return Section(self._document, "cloud_config")

    @cloud_config.setter
    def cloud_config(self, values: Optional[Mapping[str, Any]]) -> None:
        self._document.put(dict(values or {}) or None, "cloud_config")

    @property
    def extra(self) -> MutableMapping[str, Any]:
        """The keys that the testbed does not know: the experiment finds them in ``experiment-config.yaml``."""
        return Extra(self._document)

    def port(self, container: int, *, protocol: str = "tcp", host: Optional[int] = None) -> None:
        """Publishes a port of the container, where the node gives containers a network of their own.

        Parameters
        ----------
        container:
            The port in the container.
        protocol:
            ``"tcp"`` or ``"udp"``.
        host:
            The port of the host, the same when it is left out.
        """
        ports = str(container) if host is None else f"{host}:{container}"
        entry: Port = f"{ports}/{protocol}" if protocol != "tcp" else container if host is None else ports
        self.ports = (*self.ports, entry)

    def limits(
        self,
        *,
        memory: Union[str, int, None] = None,
        cpus: Optional[float] = None,
        pids: Optional[int] = None,
        disk: Union[str, int, None] = None,
        rate: Union[str, int, None] = None,
    ) -> None:
        """Asks for less than the node allows; what is left out stays as it is.

        Parameters
        ----------
        memory, disk:
            Bytes, or a text like ``"256m"`` with ``k``, ``m`` or ``g`` (multiples of 1024).
        cpus:
            Processors, fractions allowed.
        pids:
            Processes and threads.
        rate:
            Bits per second to send, or a text like ``"5mbit"`` with ``kbit``, ``mbit`` or ``gbit``.
        """
        asked = {"memory": memory, "cpus": cpus, "pids": pids, "disk": disk, "rate": rate}
        self.asked_limits.update({name: value for name, value in asked.items() if value is not None})

    def process(self, command: Command) -> None:
        """Says what nodes without a container engine run: the program and its arguments, or a line for
        ``/bin/sh -c``."""
        self.process_command = command

    def __enter__(self) -> Experiment:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is None:
            self.check()

    def __eq__(self, other: object) -> bool:
        return self._document.whole == other._document.whole if isinstance(other, Experiment) else NotImplemented

    def __copy__(self) -> Experiment:
        return Experiment(self._document.whole)

    def __str__(self) -> str:
        return self._document.shown()[0]

    def __repr__(self) -> str:
        return f"Experiment({self._document.shown()[1]!r})"


def experiment(
    image: Optional[str] = None,
    command: Optional[Command] = None,
    *,
    process: Optional[Command] = None,
    name: Optional[str] = None,
    environment: Optional[Mapping[str, Any]] = None,
    ports: Optional[Ports] = None,
    limits: Optional[Mapping[str, Any]] = None,
    cloud_config: Optional[Mapping[str, Any]] = None,
    **extra: Any,
) -> Experiment:
    """Describes an experiment. In a ``with`` block it is checked when the block ends.

    >>> import leoscope
    >>> with leoscope.experiment(image="lab/ping:1", command=["ping", "-c", "3", "example.net"]) as exp:
    ...     exp.environment["TARGET"] = "example.net"
    ...     exp.limits(memory="256m", cpus=0.5)
    ...     exp.process(["ping", "-c", "3", "example.net"])

    Parameters
    ----------
    image, command:
        What nodes with a container engine run: an image, and the program and its arguments (or a line for
        ``/bin/sh -c``) where they are not the image's own.
    process:
        What nodes without a container engine run, as ``command``.
    name:
        A name for the container; the node chooses it all the same.
    environment:
        Variables for the experiment.
    ports:
        Ports to publish on the host: ``5201``, ``"5201/udp"``, ``"HOST:CONTAINER"``, or a dictionary from container
        port to host port.
    limits:
        What it asks to be limited to, as in :meth:`Experiment.limits`.
    cloud_config:
        A store of its own for the results: ``connection_string``, ``container`` and, if wanted, ``artifact_path``.
    extra:
        Keys of your own, which the experiment finds in ``experiment-config.yaml``.

    Raises
    ------
    InvalidArgument
        When a value is one that YAML cannot hold. What the testbed would not take is only told when it is checked.
    """
    made = Experiment()
    made.image, made.command, made.name, made.process_command = image, command, name, process
    made.ports, made.environment, made.asked_limits, made.cloud_config = ports, environment, limits, cloud_config
    made.extra.update(extra)
    return made


def config_text(config: Union[str, os.PathLike[str], Mapping[str, Any], Experiment]) -> str:
    """The YAML of a config, however it is given: a text and a file stay as they are."""
    if isinstance(config, Experiment):
        return config.to_yaml()
    if isinstance(config, Mapping):
        return Experiment(config).to_yaml()
    return text_of(config)


for _public in (Experiment, experiment):
    _public.__module__ = "leoscope"
del _public
