"""Jobs, as existing clients and nodes of the public testbed book and read them."""

import datetime
import re

import pytest

from existing_client import (
    CONFIG, PARAMS, Orchestrator, cron, denied, done, in_days, once, pb, refused, utc,
)

SCHEDULED = "job successfully scheduled"
NO_JOB = "job with given jobid does not exist"
# In the form in which existing nodes and clients read dates of jobs.
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?"
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture(scope="module")
def testbed(tmp_path_factory):
    with Orchestrator(tmp_path_factory.mktemp("testbed"), __name__) as running:
        yield running


@pytest.fixture(scope="module")
def owner(testbed):
    return testbed.user("owner")


@pytest.fixture(scope="module")
def stranger(testbed):
    return testbed.user("stranger")


def jobs_of(client, node):
    return {job.id: job for job in client.get_jobs_by_nodeid(nodeid=node).jobs}


def usable(job):
    """What existing nodes crash without."""
    assert all((job.params.mode, job.params.deploy, job.params.execute, job.params.finish)), job
    assert job.userid and job.nodeid and job.length_secs > 0
    assert re.fullmatch(DATE, job.start_date) and re.fullmatch(DATE, job.end_date), job
    assert job.schedule or job.type == pb.ATQ
    assert not job.HasField("trigger") or job.trigger
    assert not job.HasField("server") or job.server
    return job


def test_cron_and_one_time_jobs_are_booked_and_read_back_whole(testbed, owner):
    node, server = testbed.node("whole"), testbed.node("whole-server")
    first = cron("whole", id="whole-cron", overhead=True)
    # Existing clients may say whose job it is; it is the caller's all the same.
    second = once("whole", in_days(30) + 30 * MINUTE, id="whole-once", overhead=True, userid="admin")
    second["server"] = "whole-server"
    done(owner.schedule_job(**first), SCHEDULED)
    done(owner.schedule_job(**second), SCHEDULED)

    listed = jobs_of(node, "whole")
    assert set(listed) == {"whole-cron", "whole-once"}
    assert set(jobs_of(server, "whole-server")) == {"whole-once"}
    mine = {job.id: job for job in owner.get_jobs_by_userid(userid="owner").jobs}
    for sent in (first, second):
        sent = {**sent, "userid": "owner"}
        seen = usable(listed[sent["id"]])
        assert seen == pb.job(**sent)
        assert mine[sent["id"]] == seen
        single = owner.get_job_by_id(jobid=sent["id"])
        del sent["length_secs"]
        assert single == pb.message_get_job_by_id_response(exists=True, **sent)
    assert not listed["whole-cron"].HasField("server") and not listed["whole-cron"].HasField("trigger")


def test_a_job_is_booked_with_a_trigger(testbed, owner):
    node = testbed.node("trigger")
    sent = {"id": "trigger-job", "trigger": "satellite_elevation > 40"}
    done(owner.schedule_job(**cron("trigger", **sent)), SCHEDULED)
    assert usable(jobs_of(node, "trigger")["trigger-job"]).trigger == "satellite_elevation > 40"
    assert owner.get_job_by_id(jobid="trigger-job").trigger == "satellite_elevation > 40"


def test_a_job_without_id_gets_one_and_what_is_empty_counts_as_absent(testbed, owner):
    node = testbed.node("nameless")
    for sent in ({}, {"trigger": "", "server": ""}, {"params": None}, {"params": {}}):
        done(owner.schedule_job(**cron("nameless", **sent)), SCHEDULED)
    listed = jobs_of(node, "nameless")
    assert len(listed) == 4 and all(listed)
    for job in listed.values():
        usable(job)
        assert not job.overhead and not job.HasField("trigger") and not job.HasField("server")


@pytest.mark.parametrize(
    ("form", "shift"),
    [
        ("%Y-%m-%dT%H:%M:%S", 0),
        ("%Y-%m-%d %H:%M:%S", 0),
        ("%Y-%m-%dT%H:%M:%S.000000", 0),
        ("%Y-%m-%d %H:%M:%S.000000", 0),
        ("%Y-%m-%dT%H:%M:%SZ", 0),
        ("%Y-%m-%dT%H:%M:%S+00:00", 0),
        ("%Y-%m-%dT%H:%M:%S+01:00", 60),
        ("%Y-%m-%d %H:%M:%S.000-05:30", -330),
    ],
)
def test_dates_of_jobs_are_read_in_every_form_and_sent_in_one(testbed, owner, form, shift):
    id = "dates-" + "".join(c if c.isalnum() else "-" for c in form)
    node = testbed.node(id)
    start, end = in_days(30), in_days(40)
    local = [(day + shift * MINUTE).strftime(form) for day in (start, end)]
    done(owner.schedule_job(**cron(id, id=id, start_date=local[0], end_date=local[1])), SCHEDULED)
    job = usable(jobs_of(node, id)[id])
    assert (job.start_date, job.end_date) == (start.isoformat(), end.isoformat())
    single = owner.get_job_by_id(jobid=id)
    assert (single.start_date, single.end_date) == (start.isoformat(), end.isoformat())


def test_a_job_that_would_be_in_the_way_of_another_is_refused(testbed, owner, stranger):
    testbed.node("conflict")
    testbed.node("conflict-other")
    sent = cron("conflict", id="conflict", overhead=True)
    done(owner.schedule_job(**sent), SCHEDULED)
    refused(owner.schedule_job(**sent), "job with the given id exists")
    at = in_days(31) + 4 * MINUTE
    for sent in (
        cron("conflict", overhead=True),
        once("conflict", at, overhead=True),
        # The other one is the server of this job.
        once("conflict-other", at, overhead=True, server="conflict"),
    ):
        answer = stranger.schedule_job(**sent)
        refused(answer)
        assert answer.message.startswith("schedule conflict:")
    # Neither one that only touches nor one that does not need the link for itself is in the way.
    done(stranger.schedule_job(**once("conflict", at + MINUTE, overhead=True)), SCHEDULED)
    done(stranger.schedule_job(**once("conflict", at)), SCHEDULED)
    assert len(jobs_of(testbed.admin, "conflict")) == 3


def test_what_cannot_be_booked_is_refused_in_the_answer(testbed, owner):
    testbed.node("strict")
    for wrong in (
        {"schedule": "every hour"},
        {"schedule": "61 * * * *"},
        {"schedule": "* * *"},
        {"schedule": ""},
        {"nodeid": "unknown"},
        {"server": "unknown"},
        {"length_secs": 0},
        {"length_secs": -5},
        {"start_date": "soon"},
        {"end_date": ""},
        {"start_date": in_days(61).isoformat()},
    ):
        refused(owner.schedule_job(**cron("strict", id="strict", **wrong)))
        assert not owner.get_job_by_id(jobid="strict").exists, wrong
    for trigger in ("((", "> > >", "no such thing at all"):
        answer = owner.schedule_job(**cron("strict", id="strict", trigger=trigger))
        refused(answer)
        assert answer.message.startswith("trigger: "), answer


def test_who_may_book(testbed):
    testbed.node("booked")
    for role in ("ADMIN", "USER", "USER_PRIV", "NODE_OWNER"):
        client = testbed.user(f"booking-{role}", role)
        done(client.schedule_job(**cron("booked")), SCHEDULED)
        assert len(client.get_jobs_by_userid(userid=client.userid).jobs) == 1
    for role in ("NODE", "NODE_PRIV"):
        client = testbed.user(f"booking-{role}", role)
        refused(client.schedule_job(**cron("booked")), denied(client, role))


def test_who_may_read_a_job(testbed, owner, stranger):
    node, server, other = testbed.node("read"), testbed.node("read-server"), testbed.node("read-other")
    done(owner.schedule_job(**cron("read", id="read", server="read-server")), SCHEDULED)
    for client in (testbed.admin, owner, node, server):
        assert client.get_job_by_id(jobid="read").exists, client.userid
    for client in (stranger, other):
        assert client.get_job_by_id(jobid="read") == pb.message_get_job_by_id_response()
        assert not client.get_jobs_by_userid(userid="owner").jobs
        assert not client.get_jobs_by_userid(userid="owner").exists
    assert testbed.admin.get_jobs_by_userid(userid="owner").exists
    assert {job.id for job in node.get_jobs_by_userid(userid="owner").jobs} <= {"read"}
    for client in (testbed.admin, node, owner):
        assert jobs_of(client, "read")["read"].config == CONFIG, client.userid
    for client in (stranger, other):
        # That the time is taken is for everybody, what is done in it is not.
        job = usable(jobs_of(client, "read")["read"])
        assert (job.config, job.HasField("trigger")) == ("", False)
    assert testbed.admin.get_job_by_id(jobid="unknown") == pb.message_get_job_by_id_response()
    assert testbed.admin.get_jobs_by_nodeid(nodeid="unknown") == pb.message_get_jobs_by_nodeid_response()
    assert not testbed.admin.get_jobs_by_userid(userid="unknown").exists


def test_the_calendar_holds_the_runs_of_all_jobs(testbed, owner, stranger):
    testbed.node("calendar")
    testbed.node("calendar-server")
    at = in_days(30) + 90 * MINUTE
    done(owner.schedule_job(**cron("calendar", id="calendar-cron", overhead=True)), SCHEDULED)
    done(owner.schedule_job(**once("calendar", at, server="calendar-server")), SCHEDULED)
    for start, end in (
        (in_days(30).isoformat(), (in_days(30) + 180 * MINUTE).isoformat()),
        (f"{in_days(30)}", f"{in_days(30) + 180 * MINUTE}+00:00"),
    ):
        answer = stranger.get_scheduled_runs(nodeid="calendar", start=start, end=end)
        assert answer.state == pb.SUCCESS
        events = sorted(answer.events, key=lambda event: utc(event.start))
        starts = [in_days(30) + minutes * MINUTE for minutes in (0, 60, 90, 120)]
        assert [utc(event.start) for event in events] == starts
        for event in events:
            assert event.title and event.params == pb.job_params(**PARAMS)
            assert utc(event.end) - utc(event.start) == 5 * MINUTE and event.length == 300
            is_cron = utc(event.start) != at
            assert (event.schedule == "0 * * * *", event.overhead) == (is_cron, is_cron)
            assert event.server == ("" if is_cron else "calendar-server")
    (served,) = stranger.get_scheduled_runs(nodeid="calendar-server", start=start, end=end).events
    assert utc(served.start) == at
    refused(stranger.get_scheduled_runs(nodeid="unknown", start=start, end=end))
    refused(stranger.get_scheduled_runs(nodeid="calendar", start="soon", end=end))


def test_a_run_moves_to_the_nearest_time_that_is_free(testbed, owner, stranger):
    node = testbed.node("moved")
    other = testbed.node("moving-others")
    day = in_days(30)
    end = (day + 180 * MINUTE).isoformat()
    done(owner.schedule_job(**once("moved", day, id="moved", overhead=True, end_date=end)), SCHEDULED)
    done(owner.schedule_job(**once("moved", day + 60 * MINUTE, overhead=True)), SCHEDULED)
    window = {"starttime": f"{day + 60 * MINUTE}", "endtime": end}
    for client, role in ((stranger, "USER"), (other, "NODE")):
        answer = client.reschedule_job_nearest(jobid="moved", **window)
        assert (answer.rescheduled, answer.message) == (False, denied(client, role))
    assert not testbed.admin.reschedule_job_nearest(jobid="unknown", **window).rescheduled
    for client, minutes in ((node, 60), (owner, 62), (testbed.admin, 64)):
        # Until 65 minutes past the time belongs to another.
        window["starttime"] = (day + minutes * MINUTE).isoformat()
        assert client.reschedule_job_nearest(jobid="moved", **window).rescheduled
        job = usable(jobs_of(node, "moved")["moved"])
        assert utc(job.start_date) == day + 65 * MINUTE
        runs = owner.get_scheduled_runs(nodeid="moved", start=f"{day}", end=f"{day + 180 * MINUTE}").events
        assert sorted(utc(run.start) for run in runs) == [day + 60 * MINUTE, day + 65 * MINUTE]


def test_modify_job_of_existing_clients_says_nothing_and_changes_nothing(testbed, owner, stranger):
    testbed.node("unchanged")
    done(owner.schedule_job(**cron("unchanged", id="unchanged")), SCHEDULED)
    before = owner.get_job_by_id(jobid="unchanged")
    for client in (testbed.admin, owner, stranger):
        assert client.modify_job() == pb.message_modify_job_response()
    assert owner.get_job_by_id(jobid="unchanged") == before


def test_a_job_is_deleted_by_its_owner_only(testbed, owner, stranger):
    node = testbed.node("deleted")
    for id in ("deleted-1", "deleted-2"):
        done(owner.schedule_job(**cron("deleted", id=id)), SCHEDULED)
    for client, role in ((stranger, "USER"), (node, "NODE")):
        answer = client.delete_job_by_id(jobid="deleted-1")
        assert (answer.exists, answer.message) == (False, denied(client, role))
    for client, id in ((owner, "deleted-1"), (testbed.admin, "deleted-2")):
        answer = client.delete_job_by_id(jobid=id)
        assert (answer.exists, answer.message) == (True, "deleted job successfully")
        answer = client.delete_job_by_id(jobid=id)
        assert (answer.exists, answer.message) == (False, NO_JOB)
        assert not owner.get_job_by_id(jobid=id).exists
    assert jobs_of(node, "deleted") == {}


def test_all_jobs_of_a_node_are_deleted_by_those_who_answer_for_it(testbed, owner):
    host = testbed.user("host", "NODE_OWNER")
    node = testbed.node("cleared", owner="host")
    testbed.node("cleared-not")
    kept = cron("cleared-not", id="cleared-kept")
    done(owner.schedule_job(**kept), SCHEDULED)
    for client in (host, testbed.admin):
        for _ in range(2):
            done(owner.schedule_job(**cron("cleared")), SCHEDULED)
        for other, role in ((owner, "USER"), (node, "NODE")):
            answer = other.delete_jobs_by_nodeid(nodeid="cleared")
            assert (answer.num_deleted, answer.message) == (0, denied(other, role))
        assert len(jobs_of(node, "cleared")) == 2
        answer = client.delete_jobs_by_nodeid(nodeid="cleared")
        assert (answer.num_deleted, answer.message) == (2, "deleted records successfully")
        assert jobs_of(node, "cleared") == {}
    answer = host.delete_jobs_by_nodeid(nodeid="cleared-not")
    assert (answer.num_deleted, answer.message) == (0, denied(host, "NODE_OWNER"))
    assert owner.get_job_by_id(jobid="cleared-kept").exists
