"""What is easily got wrong: odd values, and clients and testbeds that end while they are used."""

import asyncio
import copy
import datetime as dt
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings

import numpy
import pandas
import pytest

import leoscope
from live import NODE, QUICK, SLOW

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def waiting(live):
    with leoscope.Client(**live.options) as client:
        yield client


def test_times_are_taken_in_all_their_forms_everywhere(waiting):
    day = dt.date.today() + dt.timedelta(days=40)
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.timezone.utc)
    forms = [day, midnight, midnight.replace(tzinfo=None), pandas.Timestamp(midnight), numpy.datetime64(day), f"{day}T00:00:00"]
    for form in forms:
        job = waiting.jobs.schedule(NODE, QUICK, 5, start=form, end=dt.timedelta(days=2), overhead=False)
        assert (job.start, job.end) == (midnight, midnight + dt.timedelta(days=2)), form
        job.cancel()
    job = waiting.jobs.schedule(NODE, QUICK, 5, start="+40d", end="+1d", overhead=False)
    assert abs(job.start - dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=40)) < HOUR
    assert job.modify(start="+41d", end=dt.timedelta(days=3)).end - job.start == dt.timedelta(days=3)
    assert len(job.planned(job.start, HOUR)) == 1 and job.reschedule("+42d").start > job.since + dt.timedelta(days=41)
    assert waiting.jobs.calendar(NODE, dt.timedelta(days=39), "+5d") and waiting.jobs.free_slots(NODE, 5, start="+1d")
    assert len(waiting.runs(start=-dt.timedelta(days=1), end="now")) == len(waiting.runs(start="-1d"))
    assert waiting.forecast("satellite_elevation > 20", NODE, "+1h", HOUR) is not None
    job.cancel()
    start = dt.datetime(2026, 12, 1)
    assert leoscope.Cron("0 * * * *").between(start, HOUR) == [start.replace(tzinfo=dt.timezone.utc)]


@pytest.mark.parametrize(
    "change, kind, message",
    [
        ({"length": "5"}, TypeError, "length: a timedelta or seconds are expected, not str"),
        ({"length": None}, TypeError, "length: "),
        ({"length": True}, TypeError, "length: a timedelta or seconds are expected, not bool"),
        ({"length": float("nan")}, leoscope.InvalidArgument, "length: .* is no length of time"),
        ({"length": dt.timedelta.max}, leoscope.InvalidArgument, "length: .*too long"),
        ({"start": 5}, TypeError, "start: a datetime, a timedelta or a text is expected, not int"),
        ({"start": pandas.NaT}, leoscope.InvalidArgument, "start: there is no time in NaT"),
        ({"start": dt.timedelta.max}, leoscope.InvalidArgument, "too long|beyond"),
        ({"start": "tomorrow"}, leoscope.InvalidArgument, 'start: "tomorrow" is not a time'),
        ({"slip": 9.2e18, "random_slip": 9.2e18}, leoscope.InvalidArgument, "slip"),
        ({"hold": "yes"}, TypeError, "hold: "),
        ({"max_runs": -1}, leoscope.InvalidArgument, "max_runs: -1 is out of range"),
        ({"trigger": 5}, TypeError, "trigger: a condition is expected, not int"),
        ({"schedule": 5}, TypeError, "schedule: a cron expression is expected, not int"),
        ({"jobid": 5}, TypeError, "jobid: "),
        ({"node": None}, TypeError, "an id, or an object that has one, is expected, not NoneType"),
        ({"config": True}, TypeError, "an experiment config .* is expected, not bool"),
        ({"config": None}, TypeError, "an experiment config .* is expected, not NoneType"),
    ],
)
def test_what_is_wrong_is_said_with_its_name(waiting, change, kind, message):
    asked = {"node": NODE, "config": QUICK, "length": 5, "overhead": False, **change}
    positional = [asked.pop(name) for name in ("node", "config", "length")]
    with pytest.raises(kind, match=message) as caught:
        waiting.jobs.plan(*positional, **asked)
    assert type(caught.value) is kind
    os.fstat(1)


def test_numbers_and_ids_that_are_none_are_refused_before_anything_is_asked(waiting):
    for call in (
        lambda: waiting.runs(limit=-1),
        lambda: waiting.runs(limit=2**40),
        lambda: waiting.jobs.free_slots(NODE, 5, count=-1),
        lambda: waiting.jobs.plan(NODE, QUICK, 5, runs=-1),
        lambda: leoscope.testbed(port=70000),
        lambda: leoscope.testbed(nodes=-1),
    ):
        with pytest.raises(leoscope.InvalidArgument, match="-1|1099511627776|70000"):
            call()
    for call in (waiting.jobs.delete, waiting.jobs.delete_all, waiting.nodes.delete, waiting.users.delete):
        for wrong in (None, 5, ["a"], b"a"):
            with pytest.raises(TypeError, match="an id, or an object that has one, is expected"):
                call(wrong)
    with pytest.raises(leoscope.InvalidArgument, match="no node is named"):
        waiting.jobs.calendar([])
    with pytest.raises(TypeError, match="a job .* is expected, not NoneType"):
        leoscope.conflicts(None, [])


def test_objects_do_where_ids_do(waiting):
    node = waiting.nodes.get(NODE)
    job = waiting.jobs.schedule(node, QUICK, 5, start="+60d", overhead=False)
    assert waiting.jobs.get(job) == job and waiting.nodes.get(node) == node
    assert job in waiting.jobs(node=node, user=waiting.users.get()) and job in list(waiting.jobs)
    assert [one.id for one in waiting.jobs(node=node, user="nobody")] == []
    assert waiting.users.get(waiting.users.get()).id == "researcher-1" and node in list(waiting.nodes)
    for manager in (waiting.jobs, waiting.runs, waiting.nodes, waiting.users):
        assert "researcher-1" in repr(manager)
    waiting.jobs.delete(job)


def test_messages_speak_of_python(waiting):
    with pytest.raises(leoscope.NotFound) as caught:
        waiting.jobs.schedule("node-nowhere", QUICK, 5)
    assert "'leoscope" not in str(caught.value) and "client.nodes()" in str(caught.value)
    nobody = leoscope.Client("localhost", 1, userid="me", access_token="x", timeout=2)
    with pytest.raises(leoscope.LeoscopeError) as caught:
        nobody.time()
    assert "--grpc" not in str(caught.value)


def test_files_stay_as_long_as_they_are_used(waiting):
    job = waiting.jobs.schedule(NODE, QUICK, 5, overhead=False)
    job.wait(timeout=120)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = waiting.runs(job=job)[0].files["result.txt"]
        gc.collect()
        assert file.read_text() == "made"
        path = file.path
        assert waiting.runs(job=job)[0].files.get("nothing") is None
        del file
        gc.collect()
        assert not path.exists()


def test_a_handler_of_a_signal_may_use_the_client(waiting):
    job = waiting.jobs.schedule(NODE, QUICK, 5, start="+60d", overhead=False)
    told = []

    def handle(*_):
        told.append(waiting.time())
        job.cancel()

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        # It is gone, so no run of it will come.
        with pytest.raises((leoscope.NotFound, leoscope.Timeout)):
            job.wait(timeout=20)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(told) == 1


def test_who_waits_is_told_when_the_client_is_closed(live):
    client = leoscope.Client(**live.options)
    job = client.jobs.schedule(NODE, QUICK, 5, start="+60d", overhead=False)
    threading.Timer(0.3, client.close).start()
    with pytest.raises(leoscope.Unavailable, match="the client is closed"):
        job.wait(timeout=60)
    with leoscope.Client(**live.options) as other:
        other.jobs.delete(job)


def test_a_stream_of_a_parent_is_refused_in_a_child(waiting):
    job = waiting.jobs.schedule(NODE, SLOW, 300, overhead=False)
    run = job.wait("started", timeout=120)
    logs = run.logs(follow=True)
    assert next(logs) == "begun"
    answers = multiprocessing.get_context("fork").Queue()

    def child():
        try:
            next(logs)
        except leoscope.ForkError as error:
            answers.put(str(error))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    assert "was made before the process was forked" in answers.get(timeout=60)
    process.join(60)
    job.cancel()


def test_what_was_cancelled_while_it_opened_is_opened_again(live):
    async def main():
        async with leoscope.AsyncClient(**live.options) as client:
            job = await client.jobs.schedule(NODE, QUICK, 5, overhead=False)
            run = await job.wait(timeout=120)
            await run.wait("results", timeout=60)
            logs = run.logs()
            opening = asyncio.ensure_future(logs.__anext__())
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert sorted([line async for line in logs]) == ["err", "out"]
            # Two that ask at once have the same files.
            first, second = await asyncio.gather(*(asyncio.ensure_future(ask(run)) for _ in range(2)))
            assert first.path == second.path

    async def ask(run):
        return await run.files

    asyncio.run(main())


def run_script(text, *words):
    done = subprocess.run([sys.executable, "-c", text, *map(str, words)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


START = (
    "import leoscope, sys, threading\n"
    "testbed = leoscope.testbed()\n"
    "print(testbed.path)\n"
)
SLEEPER = (
    "job = testbed.client.jobs.schedule('node-seattle', f\"process: {{command: 'exec sleep {sys.argv[1]}'}}\", 300)\n"
    "job.wait('started', timeout=60)\n"
)


def sleepers(mark):
    found = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, text=True).stdout.split()
    return [pid for pid in found if pid != str(os.getpid())]


@pytest.mark.parametrize("end", ["testbed.stop()", "del testbed, job\nimport gc; gc.collect()", "pass"])
def test_what_runs_ends_with_a_testbed_that_has_no_directory_of_its_own(end):
    mark = 100_000 + os.getpid()
    code, printed, errors = run_script(START + SLEEPER + end, mark)
    assert code == 0, errors
    assert not sleepers(mark) and not os.path.exists(printed.strip()), errors


def test_who_waits_is_told_when_a_testbed_ends():
    code, printed, errors = run_script(
        START
        + "job = testbed.client.jobs.schedule('node-seattle', \"process: {command: 'true'}\", 5, start='+1d')\n"
        "def wait():\n"
        "    try: job.wait()\n"
        "    except leoscope.Unavailable as error: print('told:', error.message)\n"
        "thread = threading.Thread(target=wait); thread.start()\n"
        "threading.Timer(0.3, testbed.stop).start(); thread.join(30); print(thread.is_alive())\n"
    )
    assert code == 0 and "told: the client is closed\nFalse" in printed, (printed, errors)


@pytest.mark.parametrize("round", range(3))
def test_threads_in_calls_do_not_keep_a_program_from_ending(round):
    code, _, errors = run_script(
        START
        + "called = threading.Event()\n"
        "def call():\n"
        "    while True: testbed.client.time(); called.set()\n"
        "for _ in range(3): threading.Thread(target=call, daemon=True).start()\n"
        "job = testbed.client.jobs.schedule('node-seattle', \"process: {command: 'true'}\", 5, start='+1d')\n"
        "threading.Thread(target=job.wait, daemon=True).start()\n"
        "assert called.wait(30)\n"
    )
    assert code == 0, errors


def test_two_testbeds_do_not_share_a_directory_and_a_forked_child_leaves_it_alone(tmp_path):
    with leoscope.testbed(tmp_path) as testbed:
        with pytest.raises(leoscope.AlreadyExists, match="another testbed runs in"):
            leoscope.testbed(tmp_path)
        process = multiprocessing.get_context("fork").Process(target=gc.collect)
        process.start()
        process.join(60)
        assert process.exitcode == 0 and testbed.is_running and testbed.client.time()
        with pytest.raises(leoscope.InvalidArgument, match="is too short"):
            testbed.experiment(0)
    leoscope.testbed(tmp_path).stop()


def test_values_are_copied():
    place = leoscope.Place(47.6, -122.3, 100.0)
    assert repr(copy.deepcopy(place)) == repr(place) == repr(pickle.loads(pickle.dumps(place)))
