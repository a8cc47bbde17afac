"""One client and many users of it: threads, an event loop, signals, other processes."""

import asyncio
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

import leoscope
from live import NODE, QUICK


def test_ten_threads_and_an_event_loop_use_one_connection_at_once(live):
    waiting = leoscope.Client(**live.options)
    awaiting = leoscope.AsyncClient._of(waiting._connection)
    names = [f"shared-{os.getpid()}-{number}" for number in range(10)]
    start = threading.Barrier(11)
    faults = []

    def work(name):
        try:
            start.wait(60)
            for round in range(5):
                job = waiting.jobs.schedule(NODE, QUICK, 5, jobid=name, start=f"+{30 + round}d", overhead=False)
                assert waiting.jobs.get(name) == job and job in waiting.jobs()
                job.cancel()
        except BaseException as error:
            faults.append(error)

    async def tend():
        await asyncio.get_running_loop().run_in_executor(None, start.wait, 60)

        async def one():
            node, nodes, runs = await asyncio.gather(awaiting.nodes.get(NODE), awaiting.nodes(), awaiting.runs(limit=3))
            assert node in nodes and len(runs) <= 3

        await asyncio.gather(*(one() for _ in range(50)))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    asyncio.run(tend())
    for thread in threads:
        thread.join(120)
    assert not faults, faults
    assert not {job.id for job in waiting.jobs()} & set(names)


def test_other_threads_go_on_while_a_call_is_under_way(live):
    client = leoscope.Client(**live.options)
    job = client.jobs.schedule(NODE, QUICK, 5, start="+90d", overhead=False)
    ticks = []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())

    done = threading.Event()
    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    with pytest.raises(leoscope.Timeout):
        job.wait(timeout=0.5)
    ended = time.monotonic()
    done.set()
    thread.join()
    # Had the call kept the interpreter, there would be none between.
    assert any(began + 0.1 < tick < ended - 0.1 for tick in ticks)
    job.cancel()


@pytest.fixture
def ctrl_c():
    # What is started in the background of a script inherits that it is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_a_wait_can_be_interrupted(live, ctrl_c):
    client = leoscope.Client(**live.options)
    job = client.jobs.schedule(NODE, QUICK, 5, start="+90d", overhead=False)
    # It goes to the main thread, which waits.
    threading.Timer(0.3, ctrl_c).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        job.wait(timeout=60)
    assert time.monotonic() - began < 30
    job.cancel()


def test_an_awaited_call_can_be_cancelled(live):
    async def main():
        async with leoscope.AsyncClient(**live.options) as client:
            job = await client.jobs.schedule(NODE, QUICK, 5, start="+90d", overhead=False)
            waiting = asyncio.ensure_future(job.wait())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(job.wait(), 0.2)
            await job.cancel()

    asyncio.run(main())


def test_a_client_does_not_come_along_with_a_fork_and_another_one_works_there(live):
    client = leoscope.Client(**live.options)
    client.time()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def child():
        try:
            client.time()
            answers.put("no error")
        except leoscope.ForkError as error:
            answers.put(str(error))
        answers.put(leoscope.Client(**live.options).nodes.get(NODE).id)

    process = context.Process(target=child)
    process.start()
    assert "was made before the process was forked" in answers.get(timeout=60)
    assert answers.get(timeout=60) == NODE
    process.join(60)
    assert process.exitcode == 0
    assert client.nodes.get(NODE).id == NODE


def test_a_client_is_not_pickled_and_errors_are(live):
    with pytest.raises(TypeError, match="make another one there"):
        pickle.dumps(leoscope.Client(**live.options))
    with pytest.raises(leoscope.TriggerError) as caught:
        leoscope.Trigger("nonsense >")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.spans, again.hint) == (str(caught.value), caught.value.spans, caught.value.hint)
    slot = leoscope.FreeSlot(None, None, None)
    error = pickle.loads(pickle.dumps(leoscope.ConflictError("taken", None, [], [slot], 3)))
    assert (error.free_slots, error.clashing, str(type(error))) == ([slot], 3, str(leoscope.ConflictError))


def test_a_testbed_runs_in_this_process(tmp_path):
    with leoscope.testbed(nodes=3) as testbed:
        assert testbed.nodes == ["node-seattle", "node-berlin", "node-sydney"] and testbed.runtime == "process"
        assert testbed.is_running and str(testbed.port) in repr(testbed) and testbed.path.is_dir()
        client = testbed.client
        assert sorted(node.id for node in client.nodes()) == sorted(testbed.nodes)
        assert testbed.admin.users.get("researcher-1").role == "USER"
        jobs = [client.jobs.schedule(node, testbed.experiment(seconds=1), 3) for node in testbed.nodes]
        runs = [job.wait(timeout=120) for job in jobs]
        assert [run.status for run in runs] == ["COMPLETED"] * 3, [run.message for run in runs]
        for run in runs:
            assert run.files["latency.csv"].read_text().startswith("time_utc,seq,latency_ms\n")
        other = leoscope.Client(**testbed.options)
        assert other.userid == "researcher-1" and len(other.runs()) == 3

        async def awaited():
            async with testbed.async_client() as client:
                return len(await client.runs())

        assert asyncio.run(awaited()) == 3
        path = testbed.path
    assert not testbed.is_running and not path.exists() and "stopped" in repr(testbed) and client.closed
    with pytest.raises(leoscope.Unavailable, match="the testbed is stopped"):
        testbed.async_client()
    with pytest.raises(leoscope.InvalidArgument, match="a testbed of 9 nodes is not possible"):
        leoscope.testbed(nodes=9)
    with pytest.raises(leoscope.InvalidArgument, match='"cloud" is no runtime'):
        leoscope.testbed(runtime="cloud")


def test_a_testbed_is_taken_up_again_and_a_program_that_ends_ends_it(tmp_path):
    script = (
        "import leoscope, sys\n"
        "testbed = leoscope.testbed(sys.argv[1])\n"
        "print(len(testbed.client.jobs()))\n"
        "testbed.client.jobs.schedule('node-seattle', testbed.experiment(), 5, start='+30d', jobid='kept')\n"
    )
    first = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, timeout=120)
    assert (first.returncode, first.stdout) == (0, "0\n"), first.stderr
    with leoscope.testbed(tmp_path) as testbed:
        assert [job.id for job in testbed.client.jobs()] == ["kept"]
