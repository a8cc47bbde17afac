"""Runs, events and tasks, as existing nodes of the public testbed report them and clients read them."""

import datetime
import glob
import os

import grpc
import pytest

from existing_client import (
    DRIVEN, HERE, SERVICE, Orchestrator, cron, denied, done, in_days, now, pb, refused, utc,
)

UPDATED = "updated run successfully"
OWN = ["SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "ABORTED", "SKIPPED", "MISSED"]
ENDED = set(OWN[2:])
MAPPED = {
    **{status: {status} for status in OWN},
    "DEPLOYING": {"RUNNING"},
    "EXECUTING": {"RUNNING"},
    "FINISHING": {"RUNNING"},
    "COMPLETE": {"COMPLETED"},
    "TERMINATED": {"ABORTED"},
    # Which end these are is not laid down, but that nothing runs any more and nothing was completed.
    "RESCHEDULED": ENDED - {"COMPLETED"},
    "RESCHEDULE_FAILED": ENDED - {"COMPLETED"},
}
HOUR = datetime.timedelta(hours=1)
MINUTES = datetime.timedelta(minutes=5)
# Young enough that nothing is given up for lost while the tests run.
LAST = now().replace(microsecond=0) - HOUR


@pytest.fixture(scope="module")
def testbed(tmp_path_factory):
    with Orchestrator(tmp_path_factory.mktemp("testbed"), __name__) as running:
        yield running


class Booked:
    """A job on a node and a server, with everybody around it. Its dates include the past."""

    def __init__(self, testbed, name):
        self.job, self.name = f"{name}-job", name
        self.owner = testbed.user(f"{name}-owner")
        self.stranger = testbed.user(f"{name}-stranger")
        self.node = testbed.node(f"{name}-node")
        self.server = testbed.node(f"{name}-server")
        self.other = testbed.node(f"{name}-other")
        dates = {"start_date": in_days(-400).isoformat(), "end_date": in_days(400).isoformat()}
        # Half a year away from any run that the server would miss during the tests.
        schedule = f"{in_days(180):0 0 %d %m *}"
        sent = cron(f"{name}-node", id=self.job, server=f"{name}-server", schedule=schedule, **dates)
        done(self.owner.schedule_job(**sent), "job successfully scheduled")

    def run(self, id, start=LAST, status="COMPLETE", **fields):
        """What existing nodes send; str() of a time has a space."""
        run = {
            "runid": id,
            "jobid": self.job,
            "nodeid": f"{self.name}-node",
            "userid": f"{self.name}-owner",
            "start_time": str(start),
            "end_time": str(start + MINUTES),
            "last_updated": str(start + MINUTES),
            "status": status,
        }
        return {**run, **fields}

    def report(self, id, start=LAST, status="COMPLETE", **fields):
        done(self.node.update_run(run=self.run(id, start, status, **fields)), UPDATED)


def ids(client, **filters):
    return [run.runid for run in client.get_runs(**filters).runs]


def only(client, **filters):
    (run,) = client.get_runs(**filters).runs
    return run


@pytest.fixture(scope="module")
def reported(testbed):
    return Booked(testbed, "reported")


@pytest.mark.parametrize("status", MAPPED)
def test_every_status_is_taken_and_told_as_one_of_ours(testbed, reported, status):
    start = LAST - MINUTES * list(MAPPED).index(status)
    url = "https://b.example/a.zip?sig=x"
    reported.report(f"status-{status}", start, status, status_message="a text", blob_url=url)
    for client in (testbed.admin, reported.owner, reported.node):
        run = only(client, runid=f"status-{status}", limit=3)
        assert run.status in MAPPED[status], client.userid
        assert (run.jobid, run.nodeid, run.userid) == (reported.job, "reported-node", "reported-owner")
        assert utc(run.start_time) == start and utc(run.last_updated)
        assert run.status_message == "a text"
        if run.status in ENDED:
            assert utc(run.end_time) == start + MINUTES
    for client in (testbed.admin, reported.owner):
        assert only(client, runid=f"status-{status}").blob_url == url


def test_a_run_goes_through_the_phases_that_existing_nodes_report(testbed):
    booked = Booked(testbed, "phases")
    for status in ("DEPLOYING", "EXECUTING", "FINISHING", "COMPLETE"):
        booked.report("phases", status=status)
        assert only(booked.owner, jobid=booked.job).status in MAPPED[status]


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2024-01-01T00:00:00", 0),
        ("2024-01-01 00:00:00", 0),
        ("2024-01-01 00:00:00.123456", 123456),
        ("2024-01-01T00:00:00.123456", 123456),
        ("2024-01-01T00:00:00Z", 0),
        ("2024-01-01T01:00:00+01:00", 0),
        ("2024-01-01 01:00:00.123456+01:00", 123456),
        ("2023-12-31T18:30:00-05:30", 0),
        ("2024-01-01T00:00:00.5+00:00", 500000),
    ],
)
def test_times_of_runs_are_read_in_every_form_and_told_in_utc(reported, text, micros):
    id = f"time-{text}".replace(" ", "_").replace(":", "").replace("+", "p")
    reported.report(id, start_time=text, end_time=text, last_updated=text)
    run = only(reported.owner, runid=id)
    expected = datetime.datetime(2024, 1, 1, 0, 0, 0, micros)
    assert (utc(run.start_time), utc(run.end_time)) == (expected, expected)


def test_what_newer_nodes_say_of_a_run_is_told(reported):
    details = {"stage": "FINISH", "reason_code": "ARTIFACT_UPLOAD_FAILED", "trigger_verdict": "MET"}
    details["exit_code"] = 0
    reported.report("with-details", status="FAILED", **details)
    reported.report("without-details", status="FAILED")
    seen = only(reported.owner, runid="with-details")
    assert {name: getattr(seen, name) for name in details} == details
    # An exit code of 0 is one, and no exit code is none.
    assert seen.HasField("exit_code")
    assert not only(reported.owner, runid="without-details").HasField("exit_code")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("stage", "SCHEDULE CONFIG TRIGGER DEPLOY IMAGE_PULL CONTAINER EXECUTE FINISH RECONCILE"),
        ("trigger_verdict", "MET NOT_MET UNKNOWN NOT_CONFIGURED"),
        ("reason_code", "CONFIG_INVALID IMAGE_NOT_FOUND IMAGE_PULL_DENIED CONTAINER_EXIT_NONZERO"
         " ARTIFACT_UPLOAD_FAILED TRIGGER_NOT_MET NODE_OFFLINE NO_EXECUTOR_REPORT SOMETHING_OF_THEIR_OWN"),
    ],
)
def test_every_stage_verdict_and_reason_is_taken(reported, field, values):
    for value in values.split():
        reported.report(f"{field}-{value}", status="FAILED", **{field: value})
        assert getattr(only(reported.owner, runid=f"{field}-{value}"), field) == value


def test_runs_are_found_by_each_of_their_properties_and_come_newest_first(testbed):
    booked, second = Booked(testbed, "found"), Booked(testbed, "found-too")
    starts = [LAST - HOUR * back for back in (3, 1, 4, 2, 5)]
    for start in starts:
        booked.report(f"found-{start:%d%H}", start)
    # The server of a run reports it as a run of its own.
    served = booked.run("found-served", LAST - 6 * HOUR, nodeid="found-server")
    done(booked.server.update_run(run=served), UPDATED)
    second.report("found-too", LAST)
    newest = [f"found-{start:%d%H}" for start in sorted(starts, reverse=True)] + ["found-served"]
    admin = testbed.admin
    for client in (admin, booked.owner):
        assert ids(client, jobid=booked.job) == newest
        assert ids(client, userid="found-owner") == newest
        # The CLI always asks for three.
        assert ids(client, jobid=booked.job, limit=3) == newest[:3]
        assert ids(client, jobid=booked.job, limit=0) == newest
        assert ids(client, nodeid="found-node") == newest[:5]
        assert ids(client, nodeid="found-server") == ["found-served"]
        assert ids(client, runid=newest[2]) == [newest[2]]
        assert ids(client, runid=newest[2], jobid=booked.job, nodeid="found-node") == [newest[2]]
        assert ids(client, runid=newest[2], nodeid="found-server") == []
        assert ids(client, runid="unknown") == []
        for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.000", "%Y-%m-%dT%H:%M:%S+00:00"):
            edges = [LAST - 3.5 * HOUR, LAST - 1.5 * HOUR]
            between = {"start": edges[0].strftime(form), "end": edges[1].strftime(form)}
            assert ids(client, jobid=booked.job, time_range=between) == newest[1:3]
            assert ids(client, jobid=booked.job, time_range=between, limit=1) == newest[1:2]
    assert {"found-too", *newest} <= set(ids(admin))
    assert ids(booked.owner) == newest
    assert ids(second.owner) == ids(second.node) == ["found-too"]
    assert ids(booked.node, limit=3) == newest[:3]
    for client in (booked.stranger, booked.other):
        assert ids(client) == ids(client, jobid=booked.job) == ids(client, runid=newest[0]) == []
        assert ids(client, userid="found-owner") == ids(client, nodeid="found-node") == []


def test_who_may_report_a_run(testbed):
    booked = Booked(testbed, "reporting")
    others = ((booked.owner, "USER"), (booked.stranger, "USER"), (booked.other, "NODE"))
    for client, role in others:
        refused(client.update_run(run=booked.run("reporting")), denied(client, role))
    assert ids(testbed.admin, jobid=booked.job) == []
    done(booked.node.update_run(run=booked.run("reporting")), UPDATED)
    # Nor may another change what the node has said.
    changed = booked.run("reporting", status="FAILED")
    refused(booked.other.update_run(run=changed), denied(booked.other, "NODE"))
    assert only(testbed.admin, jobid=booked.job).status == "COMPLETED"
    done(testbed.admin.update_run(run=booked.run("reporting-admin")), UPDATED)
    for wrong in (
        {"status": "EXPLODED"},
        {"status": ""},
        {"jobid": "unknown"},
        {"start_time": "soon"},
        {"runid": ""},
    ):
        refused(booked.node.update_run(run={**booked.run("wrong"), **wrong}))
    refused(booked.node.update_run())


def event(booked, id, **fields):
    sent = {
        "event_id": id,
        "jobid": booked.job,
        "runid": "event-run",
        "nodeid": f"{booked.name}-node",
        "userid": f"{booked.name}-owner",
        "occurrence": LAST.isoformat(),
        "stage": "DEPLOY",
        "outcome": "FAILED",
        "reason_code": "IMAGE_NOT_FOUND",
        "message": "no such image",
        "source": "executor",
        "timestamp": str(LAST + MINUTES),
    }
    return {**sent, **fields}


def test_events_of_a_job_are_reported_by_its_nodes(testbed):
    booked = Booked(testbed, "event")
    for stage in "SCHEDULE CONFIG TRIGGER DEPLOY IMAGE_PULL CONTAINER EXECUTE FINISH RECONCILE".split():
        for outcome in "OK WARN FAILED SKIPPED MISSED".split():
            sent = event(booked, f"event-{stage}-{outcome}", stage=stage, outcome=outcome)
            assert booked.node.report_job_event(event=sent).state == pb.SUCCESS
    before = {"runid": "", "stage": "SCHEDULE", "outcome": "OK", "reason_code": "", "message": ""}
    assert booked.node.report_job_event(event=event(booked, "event-early", **before)).state == pb.SUCCESS
    assert booked.server.report_job_event(event=event(booked, "event-server")).state == pb.SUCCESS
    assert testbed.admin.report_job_event(event=event(booked, "event-admin")).state == pb.SUCCESS


def test_events_of_a_job_are_refused_from_others(testbed):
    booked = Booked(testbed, "no-event")
    for client, role in ((booked.other, "NODE"), (booked.owner, "USER"), (booked.stranger, "USER")):
        refused(client.report_job_event(event=event(booked, "no-event")), denied(client, role))
    refused(booked.node.report_job_event(event=event(booked, "no-event", jobid="unknown")))
    refused(booked.node.report_job_event())


def test_tasks_go_from_node_to_server_and_back(testbed):
    booked = Booked(testbed, "task")
    booked.report("task-run", status="DEPLOYING")
    task = {
        "type": "SERVER_START",
        "taskid": "task-1",
        "runid": "task-run",
        "jobid": booked.job,
        "nodeid": "task-server",
        "status": "TASK_SCHEDULED",
        "ttl_secs": 600,
    }
    stop = {**task, "taskid": "task-2", "type": "SERVER_STOP"}
    for client, role in ((booked.other, "NODE"), (booked.owner, "USER")):
        refused(client.schedule_task(task=task), denied(client, role))
    done(booked.node.schedule_task(task=task), "task successfully scheduled")
    done(testbed.admin.schedule_task(task=stop), "task successfully scheduled")

    def tasks(client, **filters):
        return [got.taskid for got in client.get_tasks(**filters).tasks]

    assert list(booked.server.get_tasks(taskid="task-1").tasks) == [pb._task(**task)]
    for client in (booked.server, booked.node, testbed.admin):
        both = ["task-1", "task-2"]
        assert sorted(tasks(client, nodeid="task-server", status="TASK_SCHEDULED")) == both
        assert sorted(tasks(client, runid="task-run")) == sorted(tasks(client, jobid=booked.job)) == both
        assert tasks(client, runid="task-run", type="SERVER_STOP") == ["task-2"]
        assert tasks(client, taskid="task-2") == ["task-2"]
        assert tasks(client, nodeid="task-server", status="TASK_COMPLETE") == []
        assert tasks(client, runid="unknown") == []
    assert tasks(booked.other, nodeid="task-server") == []

    complete = {"taskid": "task-1", "status": "TASK_COMPLETE"}
    for client in (booked.other, booked.owner):
        refused(client.update_task(**complete))
    done(booked.server.update_task(**complete), "updated task successfully")
    assert tasks(booked.node, runid="task-run", status="TASK_COMPLETE") == ["task-1"]
    assert tasks(booked.server, nodeid="task-server", status="TASK_SCHEDULED") == ["task-2"]
    refused(booked.server.update_task(taskid="unknown", status="TASK_COMPLETE"))


def test_tasks_are_not_for_users(testbed):
    user = testbed.user("no-tasks")
    # This call has no field for a refusal, and no client that would call again.
    with pytest.raises(grpc.RpcError) as raised:
        user.get_tasks()
    assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_every_call_of_the_protocol_was_made(request):
    """The last of all these tests, which is why it is in the last of these files."""
    files = {os.path.basename(path) for path in glob.glob(os.path.join(HERE, "test_existing_clients*.py"))}
    collected = {item.path.name for item in request.session.items}
    if not files <= collected:
        pytest.skip("only together with the other tests of existing clients")
    assert {method.name for method in SERVICE.methods} - DRIVEN == set()
