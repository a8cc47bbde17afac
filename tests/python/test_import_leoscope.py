"""Databases as the public LEOScope testbed writes them, taken over with the real programs.

The documents are written by the same driver as there. Their field names and types are those of its
orchestrators, old and new.
"""

import datetime
import json
import os
import subprocess
import uuid

import pymongo
import pytest

PORT = os.environ["LEOSCOPE_TEST_MONGODB_PORT"]
PROGRAM = os.path.join(os.environ["LEOSCOPE_TEST_BINARIES"], "leoscope-orchestrator")
OPTIONS = "directConnection=true&retryWrites=false"


def day(text):
    return datetime.datetime.fromisoformat(text)


def uri(name):
    return f"mongodb://127.0.0.1:{PORT}/{name}?{OPTIONS}"


NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
PARAMS = {"mode": "docker", "deploy": "-", "execute": "-", "finish": "-"}
CRON = {"minute": "*/10", "hour": "*", "day_of_month": "*", "month": "*", "day_of_week": "*"}
JOB = {
    "userid": "user-1@example.org",
    "nodeid": "node-1",
    "type": "cron",
    "params": PARAMS,
    "schedule": CRON,
    "start_date": "2026-11-01T00:00:00",
    "end_date": "2099-11-01 00:00:00.500000",
    "length_secs": 60,
    "overhead": True,
    "server": None,
    "trigger": None,
    "config": "docker: {image: 'a:1'}\n",
}
RUN = {
    "jobid": "cron",
    "nodeid": "node-1",
    "userid": "user-1@example.org",
    "blob_url": "",
    "status_message": "",
    "start_time": day("2026-11-02T00:00:00.123000"),
    "end_time": day("2026-11-02T00:01:00"),
    "last_updated": day("2026-11-02T00:01:00"),
}


def write(database):
    database.users.insert_many(
        [
            {"id": "admin", "name": "A", "role": 0, "team": "t", "static_access_token": "x", "access_token": "x"},
            # Signed up at the web portal: both are the hash of a password, and everybody is an administrator.
            {"id": "user-1@example.org", "name": "U", "role": 0, "team": "t - p", "static_access_token": "$2b$12$a", "access_token": "$2b$12$a"},
            {"id": "node-1", "name": "n", "role": 2, "team": "", "static_access_token": "ab" * 32, "access_token": ""},
            {"id": "user-2", "name": "", "role": 5, "team": "", "static_access_token": "", "access_token": "y", "registration_status": "active"},
            {"id": "locked-out", "name": "", "role": 1, "team": "", "static_access_token": "", "access_token": ""},
            {"id": "pending", "name": "", "role": 1, "team": "", "registration_status": "signup_link_sent"},
        ]
    )
    database.nodes.insert_many(
        [
            # As older orchestrators write it.
            {"nodeid": "node-1", "name": "One", "description": "d", "coords": "47.6, -122.3", "location": "l", "provider": "starlink", "last_active": day("2026-11-23T12:00:00.123000"), "jobs": "None", "scavenger_mode_active": True, "public_ip": "192.0.2.1"},
            # As newer ones do, registered and never seen; nobody has checked the place.
            {"nodeid": "node-2", "name": "Two", "description": "", "coords": "on the roof", "location": "", "provider": "Residential,Public", "last_active": day("2020-01-01T00:00:00"), "jobs": "None", "scavenger_mode_active": False, "public_ip": "", "owner": "user-2", "scheduling_enabled": False, "registered_at": day("2020-01-01T00:00:00"), "last_status_change": day("2020-01-01T00:00:00"), "bandwidth_limits_json": "[]", "availability_history_json": "[]", "timezone": "Europe/Berlin"},
            {"nodeid": "bad node", "name": ""},
        ]
    )
    database.jobs.insert_many(
        [
            {**JOB, "id": "cron"},
            {**JOB, "id": "in-the-way", "length_secs": 60.0},
            {**JOB, "id": "once", "type": "atq", "schedule": "", "start_date": "2099-01-01 00:05:00", "server": "node-2", "trigger": "", "created_at": day("2026-11-20T00:00:00")},
            {**JOB, "id": "no-config", "type": "atq", "schedule": "", "start_date": "2099-01-01T00:15:00+02:00", "overhead": False, "config": ""},
            {**JOB, "id": "with-trigger", "trigger": "satellite_elevation >", "schedule": {**CRON, "minute": "5"}},
            {**JOB, "id": "half-a-schedule", "schedule": {"minute": "5", "hour": "1"}},
            {**JOB, "id": "no-time", "end_date": "next week"},
            {**JOB, "id": "backwards", "end_date": "2026-10-01"},
            {**JOB, "id": "node-unknown", "nodeid": "node-9"},
            {**JOB, "id": "over", "type": "atq", "schedule": "", "start_date": "2026-11-02", "end_date": "2026-11-03", "trigger": "x > 1"},
        ]
    )
    database.runs.insert_many(
        [
            {**RUN, "runid": "a" * 32, "status": "COMPLETE", "blob_url": "https://account.blob.core.windows.net/c/x.zip?sig=s3cret"},
            {**RUN, "runid": "b" * 32 + "_server", "status": "EXECUTING", "end_time": RUN["start_time"]},
            {**RUN, "runid": "e" * 32, "status": "FINISHING", "end_time": NOW, "start_time": NOW, "last_updated": NOW},
            {**RUN, "runid": "missed-" + "c" * 24, "jobid": "gone", "status": "MISSED", "stage": "RECONCILE", "reason_code": "NODE_OFFLINE", "trigger_verdict": "UNKNOWN", "exit_code": 3},
            {**RUN, "runid": "d" * 32, "status": "EXPLODED"},
        ]
    )
    database.tasks.insert_one({"taskid": "t", "runid": "a" * 32, "status": 1, "task_type": 1, "ttl_secs": 60})
    database.config.insert_one(
        {"id": 0, "datastore": {"blob": {"connectionString": "AccountKey=s3cret", "container": "leotest"}}, "weather": {"apikey": "k"}}
    )


@pytest.fixture
def testbed():
    client = pymongo.MongoClient(f"mongodb://127.0.0.1:{PORT}/?{OPTIONS}")
    name = "leo-" + uuid.uuid4().hex
    write(client[name])
    yield name
    client.drop_database(name)


def run(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def records(location):
    lines = run("export", f"--database={location}").stdout.splitlines()
    found = {}
    for line in map(json.loads, lines):
        for kind, record in line.items():
            record = record.get(kind, record)
            found[kind, record.get("id") or record.get("node")] = record
    return found


@pytest.mark.parametrize("kind", ["sqlite", "mongodb"])
def test_users_nodes_jobs_runs_and_settings_are_copied_and_the_rest_is_reported(testbed, kind, tmp_path):
    target = f"sqlite:{tmp_path}/leoscope.db" if kind == "sqlite" else uri("t-" + uuid.uuid4().hex)
    done = run("import", f"--from={uri(testbed)}", f"--database={target}")
    counts = {line.split()[0]: [int(n) for n in line.split()[1:]] for line in done.stdout.splitlines()[1:6]}
    # Added, here already, updated, skipped.
    assert counts == {
        "user": [3, 0, 0, 1],
        "node": [2, 0, 0, 0],
        "run": [4, 0, 0, 0],
        "job": [3, 0, 0, 4],
        "settings": [1, 0, 0, 0],
    }
    assert done.stdout.splitlines()[6] == "7 could not be read"
    for reported in [
        "user admin skipped: each testbed has an administrator of its own",
        "user user-1@example.org added, but as USER",
        "user locked-out cannot be taken in: it has no access token",
        "user pending cannot be taken in: it has no access token",
        "node bad node cannot be taken in: node id \"bad node\" contains ' '",
        "run dddddddddddddddddddddddddddddddd cannot be taken in: status \"EXPLODED\" is not known",
        "skipped: schedule conflict: ",
        "skipped: trigger: ",
        "skipped: node node-9 is not registered",
        "job half-a-schedule cannot be taken in: its schedule has no day_of_month",
        "job no-time cannot be taken in: end_date: \"next week\" is not a time",
        "job backwards cannot be taken in: end 2026-10-01T00:00:00 is before start",
    ]:
        assert reported in done.stderr, reported
    assert "s3cret" not in done.stderr + done.stdout

    found = records(target)
    user = found["user", "user-1@example.org"]
    assert (user["role"], user["team"]) == ("USER", "t - p")
    assert found["user", "user-2"]["role"] == "NODE_OWNER"
    old, new = found["node", "node-1"], found["node", "node-2"]
    assert (old["coords"], old["last_active"]) == ("47.6,-122.3", "2026-11-23T12:00:00.123Z")
    assert (old["scavenger_mode_active"], old["scheduling_enabled"], old["owner"]) == (True, True, None)
    assert (new["coords"], new["last_active"]) == (None, None)
    assert (new["scavenger_mode_active"], new["scheduling_enabled"], new["owner"]) == (False, False, "user-2")
    cron, once = found["job", "cron"], found["job", "once"]
    assert cron["schedule"] == {"cron": "*/10 * * * *"}
    assert cron["window"] == {"start": "2026-11-01T00:00:00Z", "end": "2099-11-01T00:00:00.5Z"}
    assert (cron["owner"], cron["params"], cron["trigger"]) == ("user-1@example.org", PARAMS, None)
    assert (once["schedule"], once["server"], once["trigger"]) == ("once", "node-2", None)
    assert once["created"] == "2026-11-20T00:00:00Z"
    assert found["job", "over"]["trigger"] == "x > 1"
    ids = ["a" * 32, "b" * 32 + "_server", "e" * 32, "missed-" + "c" * 24]
    whole, lost, going, missed = (found["run", id] for id in ids)
    assert (whole["status"], whole["foreign_status"]) == ("COMPLETED", "COMPLETE")
    assert (whole["started"], whole["ended"]) == ("2026-11-02T00:00:00.123Z", "2026-11-02T00:01:00Z")
    assert whole["artifact"].endswith("sig=s3cret")
    assert (going["status"], going["phase"], going["ended"]) == ("RUNNING", "FINISH", None)
    # It is weeks old: nobody will report its end any more.
    assert (lost["status"], lost["reason"], lost["ended"]) == ("FAILED", "NO_EXECUTOR_REPORT", "2026-11-02T00:01:00Z")
    assert (missed["stage"], missed["reason"], missed["exit_code"]) == ("RECONCILE", "NODE_OFFLINE", 3)
    assert found["settings", None]["blob"]["connection_string"] == "AccountKey=s3cret"

    again = run("import", f"--from={uri(testbed)}", f"--database={target}")
    counts = {line.split()[0]: [int(n) for n in line.split()[1:]] for line in again.stdout.splitlines()[1:6]}
    assert all(row[0] == row[2] == 0 for row in counts.values()), "nothing is added twice"
    assert records(target) == found


def test_administrators_stay_administrators_only_when_that_is_asked_for(testbed, tmp_path):
    target = f"sqlite:{tmp_path}/leoscope.db"
    run("import", f"--from={uri(testbed)}", f"--database={target}", "--keep-admins")
    assert records(target)["user", "user-1@example.org"]["role"] == "ADMIN"


def test_a_copy_of_a_copy_is_the_same_to_the_byte(testbed, tmp_path):
    first, second, third = f"sqlite:{tmp_path}/a.db", uri("t-" + uuid.uuid4().hex), f"sqlite:{tmp_path}/b.db"
    run("import", f"--from={uri(testbed)}", f"--database={first}")
    run("import", f"--from={first}", f"--database={second}")
    backup = tmp_path / "backup.jsonl"
    run("export", f"--database={second}", f"--to={backup}")
    assert backup.stat().st_mode & 0o777 == 0o600
    run("import", f"--from={backup}", f"--database={third}")
    exported = [run("export", f"--database={location}").stdout for location in (first, second, third)]
    assert exported[0] == exported[1] == exported[2] == backup.read_text()


def test_a_database_of_the_public_testbed_is_not_used_in_its_place(testbed, tmp_path):
    done = subprocess.run(
        [PROGRAM, f"--database={uri(testbed)}", f"--state-dir={tmp_path}", "--grpc-port=0"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 1
    assert "it has a collection jobs of another program" in done.stderr
    assert "import --from=mongodb://" in done.stderr
