"""A real orchestrator and node, in a program of their own, and clients that wait or await."""

import asyncio
import functools
import inspect
import os
import select
import socket
import subprocess

import leoscope

NODE = "node-seattle"
# What a node without a container engine runs.
QUICK = "process: {command: 'echo out; echo err >&2; printf made > result.txt'}"
SLOW = "process: {command: 'echo begun; exec sleep 600'}"


class Live:
    """`leoscope dev` with processes as its runtime."""

    def __init__(self, directory):
        self.directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        program = os.path.join(os.environ["LEOSCOPE_TEST_BINARIES"], "leoscope")
        words = ["dev", f"--state-dir={directory}", "--runtime=process", f"--grpc-port={self.port}"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LEOSCOPE_ELEMENTS": "none"}
        self.program = program
        self.process = subprocess.Popen([program, *words], env=environment, stderr=subprocess.PIPE, text=True,
                                        stdout=subprocess.DEVNULL)
        ready, _, _ = select.select([self.process.stderr], [], [], 60)
        line = self.process.stderr.readline() if ready else ""
        assert "testbed is up" in line, line

    @property
    def options(self):
        """What a client of the researcher is made with."""
        return {
            "host": "localhost",
            "port": self.port,
            "userid": "researcher-1",
            "access_token_file": self.directory / "tokens" / "researcher-1",
            "tls_cert": self.directory / "certs" / "server.crt",
        }

    @property
    def admin_options(self):
        return {**self.options, "userid": "admin", "access_token_file": self.directory / "admin-token"}

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()


class Waiting:
    """Drives a client that waits."""

    Client = leoscope.Client

    def __call__(self, value):
        return value

    def lines(self, logs):
        return list(logs)

    def first(self, stream):
        with stream as opened:
            return next(opened)

    first_line = first

    def close(self):
        pass


class Awaiting:
    """Drives a client whose answers are awaited, on an event loop of its own."""

    Client = leoscope.AsyncClient

    def __init__(self):
        self.loop = asyncio.new_event_loop()

    def __call__(self, value):
        if not inspect.isawaitable(value):
            return value

        async def awaited():
            return await value

        return self.loop.run_until_complete(asyncio.wait_for(awaited(), 300))

    def lines(self, logs):
        async def read():
            return [line async for line in logs]

        return self(read())

    def first(self, stream):
        async def read():
            async with stream as opened:
                async for one in opened:
                    return one

        return self(read())

    first_line = first

    def close(self):
        self.loop.close()


KINDS = ["Client", "Job", "JobList", "Jobs", "Logs", "Node", "NodeList", "NodeStatus", "Nodes", "ReadingsStream", "Run",
         "Runs", "RunsOf", "Users"]
USED = set()


def note_use():
    """Has it noted which public methods and properties of the clients' classes are used."""

    def noted(name, function):
        @functools.wraps(function)
        def use(*given, **named):
            USED.add(name)
            return function(*given, **named)

        return use

    for kind in [*KINDS, *(f"Async{kind}" for kind in KINDS)]:
        cls = getattr(leoscope, kind)
        for name, member in list(vars(cls).items()):
            if name.startswith("_"):
                continue
            if inspect.isfunction(member):
                setattr(cls, name, noted(f"{kind}.{name}", member))
            elif isinstance(member, property):
                setattr(cls, name, property(noted(f"{kind}.{name}", member.fget), doc=member.__doc__))


def public_members():
    """All of them."""
    for kind in [*KINDS, *(f"Async{kind}" for kind in KINDS)]:
        for name, member in vars(getattr(leoscope, kind)).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                yield f"{kind}.{name}"
