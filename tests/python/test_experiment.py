"""Experiment configs: built, checked by the testbed's own rules, and through YAML and back."""

from __future__ import annotations

import copy
import enum
import json
import pathlib
import pickle
import random

import leoscope
import numpy
import pytest
from leoscope import Experiment, InvalidArgument, experiment
from leoscope._experiment import config_text

KEY = "c2VjcmV0c2VjcmV0c2VjcmV0IQ=="
STORE = {
    "connection_string": f"DefaultEndpointsProtocol=https;AccountName=lab;AccountKey={KEY}",
    "container": "results",
}


def test_a_block_builds_a_config():
    with leoscope.experiment(image="lab/ping:1", command=["ping", "-c", "3", "example.net"]) as exp:
        exp.environment["TARGET"] = "example.net"
        exp.port(5201)
        exp.port(5202, protocol="udp", host=None)
        exp.port(80, host=8080)
        exp.port(53, host=5353, protocol="udp")
        exp.limits(memory="256m", cpus=0.5)
        exp.process("set -e\nping -c 3 example.net\n")
        exp.extra["own"] = {"rounds": 3}
    assert exp.yaml == str(exp) == (
        "docker:\n"
        "  image: lab/ping:1\n"
        "  command:\n"
        "  - ping\n"
        "  - -c\n"
        '  - "3"\n'
        "  - example.net\n"
        "  execute:\n"
        "    ports:\n"
        "    - 5201\n"
        "    - 5202/udp\n"
        "    - 8080:80\n"
        "    - 5353:53/udp\n"
        "environment:\n"
        "  TARGET: example.net\n"
        "limits:\n"
        "  memory: 256m\n"
        "  cpus: 0.5\n"
        "process:\n"
        "  command: |\n"
        "    set -e\n"
        "    ping -c 3 example.net\n"
        "own:\n"
        "  rounds: 3\n"
    )


def test_the_same_in_one_call():
    exp = experiment(
        "lab/iperf3:1",
        "iperf3 -s",
        process=["iperf3", "-s"],
        name="server",
        environment={"ROUNDS": 3, "RATE": numpy.float64(1.5), "FAST": True},
        ports={5201: 5201, "53/udp": 5353},
        limits={"disk": "200m"},
        cloud_config=STORE,
        own=numpy.arange(3),
    )
    assert (exp.image, exp.command, exp.name) == ("lab/iperf3:1", "iperf3 -s", "server")
    assert exp.process_command == ["iperf3", "-s"]
    assert exp.ports == ("5201:5201", "5353:53/udp")
    assert dict(exp.environment) == {"ROUNDS": 3, "RATE": 1.5, "FAST": True}
    assert dict(exp.asked_limits) == {"disk": "200m"}
    assert dict(exp.cloud_config) == STORE
    assert dict(exp.extra) == {"own": [0, 1, 2]}
    assert Experiment.from_yaml(exp.yaml) == exp


def test_what_is_not_given_is_not_there():
    assert experiment(process="true").yaml == "process:\n  command: \"true\"\n"
    empty = experiment()
    values = (empty.image, empty.command, empty.name, empty.process_command, empty.ports)
    assert values == (None, None, None, None, ())
    assert (len(empty.environment), len(empty.asked_limits), len(empty.cloud_config), len(empty.extra)) == (0, 0, 0, 0)
    assert repr(empty) == "Experiment({})"


@pytest.mark.parametrize(
    ("exp", "message"),
    [
        (experiment(), "experiment config names no image"),
        (experiment(command=["ping"]), "experiment config names no image"),
        (experiment("a b"), 'experiment config names an image that is no reference: "a b"'),
        (experiment("a", ports=[70000]), 'experiment config has a port that is none: "70000"'),
        (experiment("a", limits={"disk": "none"}), 'experiment config limits.disk "none" is not a size like 512m'),
        (experiment("a", process=[]), "experiment config has an empty process.command"),
        (experiment("a", environment={"=": ""}), 'experiment config has an environment variable that is none: "="'),
        (
            experiment("a", cloud_config={"container": "r"}),
            "experiment config has a cloud_config without connection_string",
        ),
        (experiment("a", own="x" * 262_144), "experiment config is 262169 bytes long, at most 262144 are allowed"),
    ],
)
def test_what_the_testbed_would_not_take_is_refused_in_its_words(exp, message, tmp_path):
    there = tmp_path / "experiment.yaml"
    for attempt in (exp.check, exp.to_yaml, lambda: exp.yaml, lambda: exp.to_yaml(there)):
        with pytest.raises(InvalidArgument) as caught:
            attempt()
        assert caught.value.message == message
        assert caught.value.hint
    assert not there.exists()


def test_a_misspelt_limit_is_refused():
    with pytest.raises(TypeError):
        experiment("a").limits(mem="1g")
    with pytest.raises(InvalidArgument, match="unknown field `mem`"):
        experiment("a", limits={"mem": "1g"}).check()


def test_a_block_is_checked_at_its_end_and_not_when_it_fails():
    with pytest.raises(InvalidArgument, match="names no image"), experiment() as exp:
        exp.environment["A"] = "b"
    with pytest.raises(ZeroDivisionError), experiment():
        raise ZeroDivisionError


def test_what_is_no_attribute_is_not_taken_for_one():
    exp = experiment("a")
    for name in ("process", "limits", "port", "enviroment"):
        with pytest.raises(AttributeError):
            setattr(exp, name, {})
    with pytest.raises(InvalidArgument, match="docker is a key of the testbed, not one of your own"):
        experiment(docker={"image": "a"})
    for name in ("docker", "process", "environment", "limits", "cloud_config", "experiment"):
        with pytest.raises(InvalidArgument):
            exp.extra[name] = {}
        with pytest.raises(KeyError):
            del exp.extra[name]
    assert exp.image == "a"


class Algorithm(str, enum.Enum):
    BBR = "bbr"


def test_values_become_what_yaml_has():
    exp = experiment("a", ["run", pathlib.Path("/data/in"), 3, 0.5])
    assert exp.command == ["run", "/data/in", "3", "0.5"]
    exp.environment = {"N": numpy.int64(3), "WHERE": pathlib.PurePosixPath("/x"), "CC": Algorithm.BBR, 7: "seven"}
    exp.extra["matrix"] = ((1, 2.5), numpy.array([[True]]), None)
    read = Experiment.from_yaml(exp.yaml)
    assert dict(read.environment) == {"N": 3, "WHERE": "/x", "CC": "bbr", "7": "seven"}
    assert read.extra["matrix"] == [[1, 2.5], [[True]], None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda exp: exp.environment.update(A=None), "experiment config has a NoneType as environment.A"),
        (lambda exp: setattr(exp, "environment", {"A": [1]}), "experiment config has a list as environment.A"),
        (lambda exp: exp.environment.update(A=float("nan")), "experiment config has nan at environment.A"),
        (lambda exp: exp.limits(cpus=float("inf")), "experiment config has inf at limits.cpus"),
        (lambda exp: exp.extra.update(own={"a": [0, {1}]}), "experiment config has a set at own.a[1]"),
        (lambda exp: exp.extra.update(own=2**64), "experiment config has 18446744073709551616 at own"),
        (lambda exp: exp.extra.update(own="\ud800"), "experiment config has a text that is no Unicode at own"),
        (lambda exp: exp.extra.update(own={True: 1}), "experiment config has the key True at own"),
        (lambda exp: setattr(exp, "command", ["a", None]), "None is no word of a command"),
        (lambda exp: exp.process(["a", True]), "True is no word of a command"),
        (lambda exp: Experiment({"docker": b"a"}), "experiment config has a bytes at docker"),
    ],
)
def test_what_yaml_cannot_hold_is_refused_with_its_place(change, message):
    exp = experiment("a")
    with pytest.raises(InvalidArgument) as caught:
        change(exp)
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert exp == experiment("a"), "and changes nothing"


def test_attributes_can_be_changed_and_taken_away():
    exp = experiment("a", ["b"], name="n", environment={"A": 1}, ports=5201, limits={"pids": 5}, cloud_config=STORE)
    exp.command += ["c"]
    exp.ports += ("5202/udp",)
    assert (exp.command, exp.ports) == (["b", "c"], (5201, "5202/udp"))
    exp.limits(cpus=1)
    exp.limits(pids=6)
    assert dict(exp.asked_limits) == {"pids": 6, "cpus": 1}
    del exp.asked_limits["cpus"]
    exp.command = exp.name = exp.ports = exp.environment = exp.cloud_config = None
    assert exp == experiment("a", limits={"pids": 6})
    exp.asked_limits = {}
    exp.image = None
    assert exp == experiment() and repr(exp) == "Experiment({})"
    with pytest.raises(KeyError):
        del exp.environment["A"]


def test_what_it_was_made_of_stays_as_it_is():
    given = {"docker": {"image": "a"}, "own": {"list": [1]}}
    exp = Experiment(given)
    exp.image = "b"
    exp.extra["own"]["list"].append(2)
    assert given == {"docker": {"image": "a"}, "own": {"list": [1]}}
    for made in (copy.copy, copy.deepcopy, lambda exp: pickle.loads(pickle.dumps(exp))):
        other = made(exp)
        assert other == exp
        other.extra["own"]["list"].append(3)
        other.environment["A"] = "b"
        assert exp.extra["own"] == {"list": [1, 2]} and not exp.environment


def test_two_that_say_the_same_are_equal():
    assert experiment("a", environment={"A": 1, "B": 2}) == experiment("a", environment={"B": 2, "A": 1})
    assert experiment("a") != experiment("b")
    assert experiment("a") != "docker:\n  image: a\n"
    with pytest.raises(TypeError):
        hash(experiment("a"))


WRAPPED = """\
experiment:
  zebra: first
  docker:
    build: {context: .}
    image: lab/iperf3:1
    execute:
      network: own
      ports: {'5201': 5301, '53/udp': 5353}
  own:
    - {b: 1, a: 2}
  environment: [TARGET=example.net, FLAG, EQUATION=a=b]
beside:
  kept: true
"""


def test_unknown_keys_their_order_and_the_outer_key_are_kept():
    exp = Experiment.from_yaml(WRAPPED)
    assert (exp.image, exp.ports) == ("lab/iperf3:1", ("5301:5201", "5353:53/udp"))
    assert dict(exp.environment) == {"TARGET": "example.net", "FLAG": "", "EQUATION": "a=b"}
    assert dict(exp.extra) == {"zebra": "first", "own": [{"b": 1, "a": 2}]}
    assert exp.yaml == (
        "experiment:\n"
        "  zebra: first\n"
        "  docker:\n"
        "    build:\n"
        "      context: '.'\n"
        "    image: lab/iperf3:1\n"
        "    execute:\n"
        "      network: own\n"
        "      ports:\n"
        '        "5201": 5301\n'
        "        53/udp: 5353\n"
        "  own:\n"
        "  - b: 1\n"
        "    a: 2\n"
        "  environment:\n"
        "  - TARGET=example.net\n"
        "  - FLAG\n"
        "  - EQUATION=a=b\n"
        "beside:\n"
        "  kept: true\n"
    )
    exp.environment["FLAG"] = 1
    exp.port(80)
    exp.extra["new"] = None
    exp.name = "n"
    body = json.loads(leoscope._leoscope.experiment_from_yaml(exp.yaml))["experiment"]
    assert body["environment"] == {"TARGET": "example.net", "FLAG": 1, "EQUATION": "a=b"}
    assert body["docker"]["execute"] == {"network": "own", "ports": ["5301:5201", "5353:53/udp", 80], "name": "n"}
    assert list(body) == ["zebra", "docker", "own", "environment", "new"]


# What readers of YAML, old and new, may take for something else than a text.
TEXTS = """
- -- --- ... : a: :a a:b #a a# ~ null Null yes No on y true 1 0 -1 1.0 .5 1e3 0x1F 0o7 017 1_000 12:30:45 22:22
.inf .NaN 2026-12-01 2026-12-01T12:00:00Z
<< = * & *a &a !a %a @a `a [ ] { } [a] {a} , ? | > ' '' " \\ \\n é 😀 $HOME ${A}
""".split()
TEXTS += ["", " ", "a ", " a", "\n", "a\n", "a\n\n", "\na", " a\n b\n", "a\n  b\n\nc", "\ta\n", "a\r\nb", "a\rb"]
TEXTS += ["\x07", "\x7f", "\u0085", "\u2028", "\ufeff", "\0", "a: b\n# c\n--- d\n", "trailing  \nspaces \n"]
TEXTS += ["long " * 40, "x" * 500]


def test_every_text_comes_back_to_the_letter():
    for text in TEXTS:
        exp = Experiment({"process": {"command": text}, "own": {text: [text, {text: text}]}})
        assert Experiment.from_yaml(exp.yaml) == exp, repr(text)


def value(rng, depth=0):
    kind = rng.random()
    if depth < 4 and kind < 0.2:
        return {"".join(rng.choices(TEXTS, k=2)): value(rng, depth + 1) for _ in range(rng.randrange(4))}
    if depth < 4 and kind < 0.4:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind < 0.7:
        return "".join(rng.choices(TEXTS, k=rng.randrange(1, 4)))
    numbers = [0, -1, 2**63, -(2**63), 2**64 - 1, 1.5, 1.0, 1e300, 5e-324, -0.0, 0.1, 1e16, 123456789.123]
    return rng.choice([None, True, False, *numbers])


def test_every_config_comes_back_with_its_types_and_in_its_order():
    rng = random.Random(20261201)
    for _ in range(1000):
        config = {"own": value(rng), "process": {"command": "true"}, "more": value(rng)}
        read = Experiment.from_yaml(Experiment(config).yaml)
        whole = {**read.extra, "process": {"command": read.process_command}}
        assert list(read.extra) == ["own", "more"]
        # Equal in Python are 1, 1.0 and True as well; and their order does not matter to it.
        assert json.dumps(whole["own"]) == json.dumps(config["own"])
        assert json.dumps(whole["more"]) == json.dumps(config["more"])


def test_what_yaml_has_and_json_has_not_is_written_out_or_refused():
    text = "# lost\nx: &a [1_000, 0x10, ~]\ny: *a\nz: {<<: {b: 1}, c: 2}\nprocess: {command: 'true'}\n"
    exp = Experiment.from_yaml(text)
    assert Experiment.from_yaml(exp.yaml) == exp
    assert exp.extra["x"] == exp.extra["y"] == [1000, 16, None]
    assert exp.extra["z"] == {"b": 1, "c": 2}
    for text in ("own: .nan", "own: .inf", "? [a]\n: b", "process: {command: 'false'}", "---\na: 1"):
        with pytest.raises(InvalidArgument, match="^experiment config is not valid: "):
            Experiment.from_yaml(f"process: {{command: 'true'}}\n{text}\n")


def test_a_file_is_read_and_written(tmp_path):
    exp = experiment("a", process="one\ntwo\n", own="é")
    there = tmp_path / "experiment.yaml"
    assert exp.to_yaml(there) == exp.yaml == there.read_text(encoding="utf-8")
    assert Experiment.from_yaml(there) == Experiment.from_yaml(str(there)) == exp
    with pytest.raises(FileNotFoundError):
        Experiment.from_yaml("nowhere.yaml")
    with pytest.raises(InvalidArgument, match="experiment config is empty"):
        Experiment.from_yaml("")
    odd = tmp_path / "a:b.yaml"
    odd.write_bytes(b"process: {command: '\xff'}")
    with pytest.raises(InvalidArgument, match=r"a:b.yaml' is no text"):
        Experiment.from_yaml(odd)


def test_secrets_are_in_the_yaml_and_nowhere_else():
    exp = experiment("a", cloud_config=STORE, environment={"KEY": f"x{KEY}x"})
    assert STORE["connection_string"] in exp.yaml
    shown = [str(exp), repr(exp), f"{exp}", repr(exp.cloud_config), repr(exp.environment), repr(exp.extra)]
    for text in shown:
        assert KEY not in text, text
    assert repr(exp.cloud_config) == "{'connection_string': '***', 'container': 'results'}"
    assert repr(experiment("a", cloud_config=STORE)) == (
        "Experiment({'docker': {'image': 'a'}, 'cloud_config': {'connection_string': '***', 'container': 'results'}})"
    )
    assert Experiment.from_yaml(exp.yaml).cloud_config["connection_string"] == STORE["connection_string"]
    assert str(experiment("a", cloud_config={"connection_string": "short", "container": "c"})).count("short") == 0
    exp.environment["A=B"] = ""
    with pytest.raises(InvalidArgument) as caught:
        exp.check()
    assert KEY not in str(caught.value)


def test_what_cannot_be_written_is_shown_all_the_same():
    exp = experiment()
    exp.extra["own"] = []
    exp.extra["own"].append({1})
    assert repr(exp) == "Experiment({})"
    assert str(exp).startswith("# not shown: experiment config has a set at own[0]")
    with pytest.raises(InvalidArgument, match="a set at own"):
        exp.check()


def test_a_repr_makes_the_same_again():
    exp = experiment("a", ["b"], own={"n": None})
    assert eval(repr(exp)) == exp


def test_a_config_is_taken_in_every_form(tmp_path):
    exp = experiment("a")
    there = tmp_path / "experiment.yaml"
    there.write_bytes(b"# mine\r\ndocker: {image: 'a'}\r\n")
    assert config_text(exp) == config_text({"docker": {"image": "a"}}) == "docker:\n  image: a\n"
    assert config_text(there) == config_text(str(there)) == "# mine\r\ndocker: {image: 'a'}\r\n", "as it is"
    assert config_text("docker: {image: [}") == "docker: {image: [}", "the orchestrator says what is wrong with it"
    assert config_text("") == ""
    for wrong in ({}, experiment()):
        with pytest.raises(InvalidArgument, match="names no image"):
            config_text(wrong)
