"""The public testbed's protocol as its Python clients and nodes speak it, and an orchestrator to speak to.

Nothing of this comes from the server: the messages are compiled from leotest.proto, which follows the
contract.
"""

import base64
import datetime
import hashlib
import hmac
import importlib
import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time

import grpc
import grpc_tools
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.environ["LEOSCOPE_TEST_BINARIES"], "leoscope-orchestrator")
# Existing clients give up on a call after this.
DEADLINE = 5
START_DEADLINE = 60
STOP_DEADLINE = 30


def compiled():
    with tempfile.TemporaryDirectory() as out:
        include = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
        options = [f"-I{HERE}", f"-I{include}", f"--python_out={out}", f"--grpc_python_out={out}"]
        assert protoc.main(["protoc", *options, os.path.join(HERE, "leotest.proto")]) == 0
        sys.path.insert(0, out)
        try:
            return importlib.import_module("leotest_pb2"), importlib.import_module("leotest_pb2_grpc")
        finally:
            sys.path.remove(out)


pb, rpc = compiled()
SERVICE = pb.DESCRIPTOR.services_by_name["LeotestOrchestrator"]
# The names of all calls that any test has made and that came to an answer.
DRIVEN = set()


def plant(*texts):
    """Notes secrets that no log may show; they are looked for when all tests have passed."""
    logs = os.environ.get("LEOSCOPE_TEST_LOGS")
    if logs:
        with open(os.path.join(logs, "planted"), "a") as file:
            file.writelines(f"{text}\n" for text in texts if len(text) >= 12)


class Credentials(grpc.AuthMetadataPlugin):
    def __init__(self, pairs):
        self.pairs = pairs

    def __call__(self, context, callback):
        callback(self.pairs, None)


class Client:
    """Calls by their names, with the fields of the request as keyword arguments."""

    def __init__(self, port, certificate, userid="", token="", jwt="", only=None):
        pairs = (
            ("x-leotest-userid", userid),
            ("x-leotest-access-token", token),
            ("x-leotest-jwt-access-token", jwt),
        )
        if only is not None:
            pairs = tuple(pair for pair in pairs if pair[0] in only)
        plant(token, jwt)
        self.userid = userid
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{port}",
            grpc.composite_channel_credentials(
                grpc.ssl_channel_credentials(root_certificates=certificate),
                grpc.metadata_call_credentials(Credentials(pairs)),
            ),
            options=(("grpc.ssl_target_name_override", "localhost"),),
        )
        self.stub = rpc.LeotestOrchestratorStub(self.channel)

    def __getattr__(self, name):
        method = SERVICE.methods_by_name.get(name)
        if method is None:
            raise AttributeError(name)
        request = getattr(pb, method.input_type.name)

        def call(**fields):
            answer = getattr(self.stub, name)(request(**fields), timeout=DEADLINE)
            DRIVEN.add(name)
            # What is new from field 100 up is nothing that an existing client sees.
            answer.DiscardUnknownFields()
            return answer

        return call

    def raw(self, name, request=b""):
        call = self.channel.unary_unary(f"/{SERVICE.full_name}/{name}", lambda sent: sent, lambda got: got)
        return call(request, timeout=DEADLINE)


class Orchestrator:
    """A process of its own, with its certificate and its state in a directory."""

    def __init__(self, directory, name):
        self.state = os.path.join(str(directory), "state")
        self.admin_token = secrets.token_hex(32)
        self.jwt_secret = secrets.token_hex(32)
        plant(self.jwt_secret)
        self.port = free_port()
        logs = os.environ.get("LEOSCOPE_TEST_LOGS") or str(directory)
        self.log = os.path.join(logs, f"{name}-orchestrator-{self.port}.log")
        self.clients = []
        options = [
            "--grpc-hostname=127.0.0.1",
            f"--grpc-port={self.port}",
            f"--state-dir={self.state}",
            "--log=trace",
            f"--admin-access-token-file={private(directory, 'token', self.admin_token)}",
            f"--jwt-secret-file={private(directory, 'jwt', self.jwt_secret)}",
        ]
        with open(self.log, "wb") as log:
            command = [PROGRAM, *options]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        try:
            self.certificate = until(self.read_certificate, START_DEADLINE)
            self.admin = self.client("admin", self.admin_token)
            grpc.channel_ready_future(self.admin.channel).result(timeout=START_DEADLINE)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def read_certificate(self):
        assert self.process.poll() is None, self.written()
        try:
            with open(os.path.join(self.state, "certs", "server.crt"), "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        return text if text.rstrip().endswith(b"-----END CERTIFICATE-----") else None

    def __exit__(self, *raised):
        # Clients are still connected: a server must not wait for them to go.
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for client in self.clients:
                client.channel.close()
        assert code == 0, self.written()

    def written(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def client(self, userid="", token="", jwt="", only=None):
        made = Client(self.port, self.certificate, userid, token, jwt, only)
        self.clients.append(made)
        return made

    def user(self, id, role="USER", name="A name", team="a team"):
        answer = self.admin.register_user(id=id, name=name, role=role, team=team)
        return self.client(id, token_of(answer, "user registered access_token="))

    def node(self, id, by=None, **fields):
        node = {**NODE, "nodeid": id, **fields}
        answer = (by or self.admin).register_node(node=node)
        return self.client(id, token_of(answer, "node successfully registered access_token="))


PARAMS = {"mode": "docker", "deploy": "-", "execute": "-", "finish": "-"}
CONFIG = "experiment:\n  docker:\n    image: lab/ping:1\n    execute:\n      name: ping\n"
NODE = {
    "name": "A node",
    "description": "on the roof",
    "coords": "47.6,-122.3",
    "location": "Seattle",
    "provider": "starlink",
    "public_ip": "192.0.2.7",
    "scheduling_enabled": True,
}


def cron(node, **fields):
    """What the CLI sends for a cron job; it leaves out the type, and what was not asked for."""
    job = {
        "nodeid": node,
        "params": PARAMS,
        "schedule": "0 * * * *",
        "start_date": in_days(30).isoformat(),
        "end_date": in_days(60).isoformat(),
        "length_secs": 300,
        "config": CONFIG,
    }
    return {**job, **fields}


def once(node, start, **fields):
    end = start + datetime.timedelta(seconds=300)
    dates = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    return {**cron(node), "type": "ATQ", "schedule": "", **dates, **fields}


def free_port():
    # Above it the system itself hands out ports, to anybody, between now and the start of the server.
    for port in random.sample(range(20000, 32768), 200):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def private(directory, name, text):
    path = os.path.join(str(directory), name)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{condition.__name__} did not come true in {seconds} s"
        time.sleep(0.05)


def token_of(answer, before):
    assert answer.state == pb.SUCCESS, answer
    found = re.fullmatch(re.escape(before) + r"(\S+)", answer.message)
    assert found, answer.message
    return found.group(1)


def jwt(secret, algorithm="HS256", **claims):
    """A token as the web portal signs it; algorithm `none` leaves it unsigned, as forgers do."""

    def encoded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    def part(value):
        return encoded(json.dumps(value, separators=(",", ":")).encode())

    signed = part({"alg": algorithm, "typ": "JWT"}) + b"." + part(claims)
    digest = b"" if algorithm == "none" else hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encoded(digest)).decode()


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


# Read once, or a test at midnight would see two of them.
TODAY = now().replace(hour=0, minute=0, second=0, microsecond=0)


def in_days(days):
    """A midnight UTC; dates in tests count from today so that they never become past."""
    return TODAY + datetime.timedelta(days=days)


def utc(text):
    """A time that came from the server; one without an offset means UTC."""
    # Python before 3.11 reads neither Z nor fractions of other lengths.
    assert re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?([+-]\d\d:\d\d)?", text), text
    instant = datetime.datetime.fromisoformat(text)
    assert not instant.utcoffset(), text
    return instant.replace(tzinfo=None)


def denied(client, role):
    return f"permission denied: userid={client.userid} and role={role}"


def refused(answer, text=None):
    """In the answer and not as an error status, at which existing clients try again for ever."""
    assert answer.state == pb.FAILED, answer
    assert answer.message and (text is None or answer.message == text), answer
    return True


def done(answer, text):
    assert (answer.state, answer.message) == (pb.SUCCESS, text), answer
    return True
