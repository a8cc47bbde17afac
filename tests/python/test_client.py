"""The clients against a real orchestrator and node: every public method, waited for and awaited."""

import datetime as dt
import json
import os
import subprocess
import uuid

import pandas
import pytest

import leoscope
from live import KINDS, NODE, QUICK, SLOW, USED, note_use, public_members

UTC = dt.timezone.utc
note_use()


def soon(**delta):
    return dt.datetime.now(UTC).replace(microsecond=0) + dt.timedelta(**delta)


def fresh(name="job"):
    return f"{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def ran(drive, client):
    """A job that has run once, and its run."""
    job = drive(client.jobs.schedule(NODE, QUICK, 5, jobid=fresh("ran"), overhead=False))
    return job, drive(job.wait(timeout=120))


def test_a_job_is_booked_waited_for_and_its_results_are_read(drive, client, ran, tmp_path):
    job, run = ran
    assert (job.node_id, job.schedule, job.length) == (NODE, None, dt.timedelta(seconds=5))
    assert job.owner == client.userid == "researcher-1" and job.warnings == [] and job.created.tzinfo is UTC
    assert run.status == "COMPLETED" and run.status is leoscope.RunStatus.COMPLETED and run.status.has_ended
    assert (run.reason, run.exit_code, run.job_id) == ("EXPERIMENT_ENDED", 0, job.id)
    assert run.planned_start == job.start and run.started >= run.planned_start
    assert run.lateness == run.started - run.planned_start < dt.timedelta(seconds=10)
    assert run.advice == "nothing; fetch its results with run.download()" and run.meaning == "the experiment ended by itself"

    run = drive(drive(client.runs.get(run.id)).refresh())
    files = drive(run.files)
    assert run.has_results and drive(run.wait("results", timeout=60)) is run
    assert files["result.txt"].read_text() == "made" and files["result.txt"].read_bytes() == b"made"
    assert files["result.txt"].size == 4 and "manifest.json" in files and len(files) == len(list(files))
    with pytest.raises(leoscope.NotFound, match="there is no file 'other.txt'.*\nthere are: .*result.txt"):
        files["other.txt"]
    manifest = drive(run.manifest)
    assert manifest["run"]["id"] == run.id and manifest["job"]["id"] == job.id

    there = drive(run.download(tmp_path, keep_archive=True, progress=False))
    assert there == tmp_path / job.id / run.id and (there / "result.txt").read_text() == "made"
    assert list(tmp_path.glob("*.tar.gz")) == [tmp_path / f"{job.id}-{run.id}.tar.gz"]
    assert drive(run.files).path == there

    lines = drive.lines(run.logs())
    assert sorted((line, line.source) for line in lines) == [("err", "STDERR"), ("out", "STDOUT")]
    assert drive(run.logs(tail=0).text()) == ""
    stages = [event.stage for event in drive(run.events())]
    assert stages[0] in ("SCHEDULE", "DEPLOY") and "EXECUTE" in stages
    assert {event.run_id for event in drive(job.events())} == {run.id}
    assert run == drive(client.runs.get(run.id)) and len({run, drive(client.runs.get(run.id))}) == 1


def test_runs_become_tables_and_downloads(drive, client, ran, tmp_path):
    job, run = ran
    runs = drive(client.runs(job=job, node=NODE, owner="researcher-1", start=soon(hours=-1), end=soon(hours=1), limit=5))
    assert len(runs) == 1 and runs[0] == run and runs[-1].id == run.id and list(runs) == [run]
    assert len(runs[1:]) == 0 and runs[:1][0] == run and len(drive(job.runs(limit=3))) == 1
    with pytest.raises(IndexError):
        runs[1]
    assert len(runs.with_status("COMPLETED")) == 1 and len(runs.with_status("FAILED", "MISSED")) == 0
    with pytest.raises(ValueError):
        runs.with_status("DONE")

    table = runs.to_pandas()
    row = table.iloc[0]
    assert (row.id, row.job_id, row.status, row.exit_code) == (run.id, job.id, "COMPLETED", 0)
    assert str(table.exit_code.dtype) == "Int64" and str(table.planned_start.dtype) == "datetime64[us, UTC]"
    assert row.started.to_pydatetime() == run.started and row.lateness.to_pytimedelta() == run.lateness
    polars = runs.to_polars()
    assert polars.columns == list(table.columns) and polars["started"][0] == run.started
    assert polars["id"].to_list() == [run.id] and polars["phase"].to_list() == [None]
    arrow = runs.to_arrow()
    assert arrow.column_names == list(table.columns) and arrow["lateness"][0].as_py() == run.lateness
    assert str(arrow.schema.field("ended").type) == "timestamp[us, tz=UTC]"

    (stats,) = runs.stats()
    assert (stats.job_id, stats.planned, stats.completed, stats.coverage) == (job.id, 1, 1, 100.0)
    assert stats.median_lateness == stats.worst_lateness == run.lateness
    assert list(runs.stats().to_pandas().completed) == [1]

    drive(run.wait("results", timeout=60))
    runs = drive(job.runs())
    assert drive(runs.wait("results", timeout=60)) is runs and drive(runs.refresh()) is runs and runs[0].has_results
    (download,) = drive(drive(job.runs()).download(tmp_path, parallel=2, progress=False))
    assert (download.state, download.is_here, download.verified) == ("fetched", True, True)
    assert download.size == run.results_size and os.path.isfile(os.path.join(download.path, "result.txt"))
    (again,) = drive(drive(job.runs()).download(tmp_path, progress=False))
    assert (again.state, again.is_here, again.size) == ("there", True, None)
    for shown in (runs, run, job, drive(client.jobs()), runs.stats(), drive(run.events())):
        html = shown._repr_html_()
        assert (job.id in html or run.id in html) and "<table" in html
    assert run.id in repr(run) and job.id in repr(job) and "1 runs" in repr(runs)


def test_a_booking_is_planned_changed_moved_and_cancelled(drive, client, tmp_path):
    start = soon(days=200)
    wish = {"schedule": "0 * * * *", "start": start, "end": dt.timedelta(days=2), "jobid": fresh("plan")}
    plan = drive(client.jobs.plan(NODE, QUICK, 60, runs=3, slip=30, **wish))
    assert plan and plan.refusal is None and len(plan.runs) == 3 and not plan.conflicts and not plan.free_slots
    assert plan.job.length == dt.timedelta(minutes=1) and plan.job.policies.slip == dt.timedelta(seconds=30)
    assert all(begin.minute == 0 and end - begin == dt.timedelta(minutes=1) for begin, end in plan.runs)

    # The times of pandas will do, and a zone comes with its expression.
    cron = leoscope.Cron("0 * * * *", time_zone="Europe/Berlin")
    wish.update(schedule=cron, start=pandas.Timestamp(start))
    job = drive(client.jobs.schedule(NODE, leoscope.Experiment.from_yaml(QUICK), dt.timedelta(minutes=1), **wish))
    assert (job.schedule, job.policies.time_zone) == ("0 * * * *", "Europe/Berlin")
    assert job.start == start and job.end == start + dt.timedelta(days=2)
    assert drive(job.conflicts) == [] and job.timing.node == NODE
    assert job in drive(client.jobs()) and job in drive(client.jobs(node=NODE))
    assert job in drive(client.jobs(user="researcher-1"))
    assert list(drive(client.jobs()).to_pandas().id).count(job.id) == 1

    with pytest.raises(leoscope.ConflictError) as refused:
        drive(client.jobs.schedule(NODE, QUICK, 60, start=plan.runs[0][0]))
    error = refused.value
    (conflict,) = error.conflicts
    assert (conflict.job_id, conflict.owner, conflict.node_id) == (job.id, "researcher-1", NODE)
    assert conflict.taken == plan.runs[0] and conflict.clashing == error.clashing == 1
    assert error.free_slots and error.free_slots[0].start >= plan.runs[0][1]
    assert job.id in str(error) and str(error).endswith("are free")
    doomed = drive(client.jobs.plan(NODE, {"process": {"command": "true"}}, 60, start=plan.runs[0][0]))
    assert not doomed and doomed.conflicts == error.conflicts and isinstance(doomed.refusal, leoscope.ConflictError)
    assert doomed.free_slots == error.free_slots and job.id in doomed._repr_html_() and "refused" in repr(doomed)

    slots = drive(client.jobs.free_slots(NODE, 60, start=start, end=start + dt.timedelta(hours=3), count=2))
    assert slots[0].start == slots[0][0] and "free" in slots._repr_html_()
    assert len(slots) == 2 and all(end - begin >= dt.timedelta(minutes=1) for begin, end in slots)
    assert drive(client.jobs.free_slots([NODE], 60, near=start, count=1))
    calendar = drive(client.jobs.calendar([NODE], start, start + dt.timedelta(hours=3)))
    assert calendar.complete and {event.job_id for event in calendar} == {job.id} and len(calendar) == 3
    assert [event.start for event in drive(job.planned(start, start + dt.timedelta(hours=3)))] == [
        event.start for event in calendar
    ]
    assert list(calendar.to_pandas().node_id) == [NODE] * 3 and job.id in calendar._repr_html_()

    assert drive(job.modify(length=90, max_runs=5, trigger="satellite_elevation > 20")) is job
    assert (job.length, job.policies.max_runs) == (dt.timedelta(seconds=90), 5)
    assert job.policies.time_zone == "Europe/Berlin" and job.trigger == "satellite_elevation > 20"
    assert drive(job.forecast(horizon=dt.timedelta(hours=1))).exact
    assert drive(job.modify(trigger="", once=True)).schedule is None and job.trigger is None
    later = start + dt.timedelta(hours=1)
    assert drive(job.reschedule(start=later)).start == later
    assert drive(client.jobs.get(job.id)).start == drive(job.refresh()).start == later

    text = drive(job.to_yaml(tmp_path / "job.yaml"))
    assert (tmp_path / "job.yaml").read_text() == text and job.id in text
    drive(job.cancel())
    with pytest.raises(leoscope.NotFound, match=f"there is no job {job.id}"):
        drive(client.jobs.get(job.id))
    again = drive(client.jobs.schedule_file(tmp_path / "job.yaml", jobid=fresh("again")))
    assert (again.start, again.length) == (later, job.length)
    drive(client.jobs.delete(again.id))
    same = drive(client.jobs.schedule_file(text))
    assert same.id == job.id
    drive(same.cancel())


def test_what_cannot_be_is_refused_with_what_is_wrong(drive, client):
    with pytest.raises(leoscope.TriggerError, match="satelite_elevation") as refused:
        drive(client.jobs.schedule(NODE, QUICK, 5, trigger="satelite_elevation > 40 and 1"))
    spans = refused.value.spans
    assert [(span.start, span.end) for span in spans][0] == (0, 18) and "satellite_elevation" in spans[0].help
    wrong = [
        ({"length": 0}, leoscope.InvalidArgument, "length of 0 seconds"),
        ({"config": "docker: {}"}, leoscope.InvalidArgument, "names no image"),
        ({"schedule": "* * * *"}, leoscope.InvalidArgument, "needs an end date|field"),
        ({"schedule": "* * * * *"}, leoscope.InvalidArgument, "needs an end date\ngive end"),
        ({"start": soon(days=-1)}, leoscope.InvalidArgument, "has passed"),
        ({"start": "next-common-slot"}, leoscope.InvalidArgument, 'start: "next-common-slot" is not a time'),
        ({"node": "../etc"}, leoscope.InvalidArgument, "node id"),
        ({"node": "node-nowhere"}, leoscope.NotFound, "node-nowhere"),
        ({"align": "sometimes"}, leoscope.InvalidArgument, "sometimes"),
        ({"time_zone": "Europe/Atlantis"}, leoscope.InvalidArgument, "Atlantis"),
        ({"config": os.path.join("no", "such.yaml")}, FileNotFoundError, "no/such.yaml"),
        ({"slipp": 3}, TypeError, "unexpected keyword argument 'slipp'"),
        ({"start": 3.5}, TypeError, "start"),
    ]
    for change, kind, message in wrong:
        asked = {"node": NODE, "config": QUICK, "length": 5, "overhead": False, **change}
        with pytest.raises(kind, match=message):
            drive(client.jobs.schedule(asked.pop("node"), asked.pop("config"), asked.pop("length"), **asked))
    for ask, message in [
        (lambda: client.runs.get("nothing"), "there is no run nothing"),
        (lambda: client.nodes.get("nothing"), "there is no node nothing"),
        (lambda: client.nodes.status("nothing"), "there is no node nothing"),
        (lambda: client.jobs.delete("nothing"), "nothing"),
    ]:
        with pytest.raises(leoscope.NotFound, match=message) as caught:
            drive(ask())
        assert isinstance(caught.value, LookupError) and isinstance(caught.value, leoscope.LeoscopeError)
    with pytest.raises(leoscope.PermissionDenied) as caught:
        drive(client.users.register("somebody"))
    assert isinstance(caught.value, PermissionError)
    with pytest.raises(leoscope.InvalidArgument, match="give schedule or once, not both"):
        job = drive(client.jobs.schedule(NODE, QUICK, 5, start=soon(days=300), overhead=False))
        drive(job.modify(once=True, schedule="* * * * *"))
    drive(job.cancel())


def test_a_run_is_followed_and_stopped_and_a_wait_has_a_limit(drive, client):
    job = drive(client.jobs.schedule(NODE, SLOW, 300, jobid=fresh("slow"), overhead=False))
    run = drive(job.wait("started", timeout=120))
    assert run.status == "RUNNING" and drive(run.wait("running", timeout=5)) is run
    with pytest.raises(leoscope.Timeout, match=f"run {run.id}: not ended within 0.2 s\nwait longer") as caught:
        drive(run.wait(timeout=0.2))
    assert isinstance(caught.value, TimeoutError) and run.status == "RUNNING"
    with pytest.raises(leoscope.InvalidArgument, match='"soon" is no state of a run'):
        drive(run.wait("soon"))
    assert drive.first_line(run.logs(follow=True)) == "begun"
    with pytest.raises(leoscope.NotFound, match="missing: not ended yet, RUNNING"):
        drive(run.download("nowhere", progress=False))
    (status,) = drive(client.nodes.status(NODE))
    assert [one.id for one in status.running] == [run.id] and status.state == "online"
    drive(job.cancel())
    assert drive(run.wait(timeout=60)).status == "ABORTED" and run.reason == "JOB_REMOVED"


def test_nodes_tell_what_they_are_at_and_what_they_see(drive, client, admin):
    node = drive(client.nodes.get(NODE))
    assert (node.location, node.provider, node.state) == ("Seattle", "starlink", "online")
    assert node in drive(client.nodes()) and node in drive(client.nodes(location="Seattle", active_within=600))
    assert drive(client.nodes(name="nobody")) == [] and "Place(47.6" in repr(node.place)
    status = drive(node.status())
    assert status.node == node and NODE in repr(status) and NODE in status._repr_html_()
    assert drive(node.jobs()) is not None and drive(node.runs(limit=1)) is not None
    assert drive(node.calendar()).complete and drive(node.refresh()) is node and NODE in node._repr_html_()

    elements = drive(node.elements())
    assert len(elements) == 12
    readings = drive(node.readings())
    assert "node.cpu" in "".join(readings) or len(readings) > 0
    name = next(iter(readings))
    assert readings[name].field == name and readings.values_by_field[name] == readings[name].value
    assert drive.first(node.watch_readings()).at.tzinfo is UTC and name in readings._repr_html_()

    forecast = drive(node.forecast("satellite_elevation > 20", horizon=dt.timedelta(hours=36)))
    assert forecast.exact and forecast and forecast[0].sigma >= 0 and "start" in forecast._repr_html_()
    assert list(forecast.to_pandas().columns) == ["start", "end", "sigma"]
    other = drive(client.forecast(leoscope.Trigger("satellite_elevation > 20 and dish.latency < 40"), node))
    assert not other.exact and other.unforeseen == ["dish.latency"]

    assert drive(node.standby_now()) is None
    # A researcher does not say what a node does.
    with pytest.raises(leoscope.PermissionDenied):
        drive(node.drain())
    own = drive(admin.nodes.get(NODE))
    until = soon(hours=1)
    drive(own.drain(reason="a new dish", until=until))
    assert drive(node.standby_now()) == leoscope.Standby("DRAIN", "a new dish", until)
    assert drive(own.refresh()).state == "draining" and own.standby == [drive(node.standby_now())]
    drive(own.scavenge(reason="a call"))
    assert drive(node.standby_now()).kind == "SCAVENGER" and drive(node.refresh()).state == "scavenged"
    drive(own.resume())
    assert drive(node.standby_now()) is None


def test_the_administrator_manages_nodes_users_and_settings(drive, client, admin):
    id = fresh("node")
    token = drive(admin.nodes.register(id, name="Kiel", latitude=54.3, longitude=10.1, provider="oneweb"))
    assert len(token) > 20
    with pytest.raises(leoscope.AlreadyExists):
        drive(admin.nodes.register(id))
    with pytest.raises(leoscope.InvalidArgument, match="a place is half given"):
        drive(admin.nodes.update(id, latitude=1.0))
    with pytest.raises(leoscope.InvalidArgument, match="nothing to change"):
        drive(admin.nodes.update(id))
    node = drive(admin.nodes.update(id, location="Kiel", scheduling_enabled=False))
    assert (node.location, node.latitude, node.scheduling_enabled) == ("Kiel", 54.3, False)
    drive(admin.nodes.update(id, scheduling_enabled=True))
    drive(client.jobs.schedule(id, QUICK, 5, start=soon(days=9)))
    with pytest.raises(leoscope.LeoscopeError, match="job"):
        drive(admin.nodes.delete(id))
    assert drive(admin.jobs.delete_all(id)) == 1
    drive(client.jobs.schedule(id, QUICK, 5, start=soon(days=9)))
    drive(admin.nodes.delete(id, delete_jobs=True))
    with pytest.raises(leoscope.InvalidArgument, match="it is not known where"):
        node.latitude = None
        node.place

    user = fresh("user")
    token = drive(admin.users.register(user, name="A colleague", team="lab"))
    assert drive(admin.users.get(user)) == leoscope.User(user, "A colleague", "USER", "lab")
    assert drive(client.users.get()).id == "researcher-1"
    assert drive(admin.users.modify(user, role="USER_PRIV")).role == "USER_PRIV"
    assert drive(admin.users.may_change_kernel(user)) and not drive(client.users.may_change_kernel())
    other = drive(admin.users.rotate_token(user))
    assert other != token
    drive(admin.users.revoke_token(user))
    drive(admin.users.delete(user))
    with pytest.raises(leoscope.NotFound, match=f"there is no user {user}"):
        drive(admin.users.get(user))
    with pytest.raises(leoscope.InvalidArgument, match="is not a role"):
        drive(admin.users.register(user, role="KING"))

    before = drive(admin.settings())
    changed = drive(admin.update_settings(weather_api_key="planted-key"))
    assert changed.weather_api_key == "planted-key" == drive(admin.settings()).weather_api_key
    assert "planted-key" not in repr(changed) and drive(client.settings()).weather_api_key == ""
    drive(admin.update_settings(weather_api_key=before.weather_api_key))

    trail = drive(admin.audit(caller="admin", action="REGISTER_USER", object=user, start=soon(hours=-1), limit=5))
    assert [(entry.object, entry.outcome) for entry in trail] == [(user, "invalid_argument"), (user, "done")][-len(trail):]
    assert user in trail._repr_html_() and drive(admin.audit(after=trail[0].id, end=soon(hours=1), limit=3))
    with pytest.raises(leoscope.InvalidArgument, match='"SING" is not an action'):
        drive(admin.audit(action="SING"))


def test_a_client_tells_who_it_is_and_is_closed(drive, live):
    client = drive.Client(**live.options, timeout=dt.timedelta(seconds=20))
    assert abs(drive(client.time()) - dt.datetime.now(UTC)) < dt.timedelta(seconds=30)
    assert client.userid == "researcher-1" and client.address == f"localhost:{live.port}" and not client.closed
    assert "researcher-1" in repr(client) and client.address in repr(client)
    drive(client.close())
    assert client.closed and "closed" in repr(client)
    with pytest.raises(leoscope.Unavailable, match="the client is closed"):
        drive(client.time())
    wrong = drive.Client(**{**live.options, "access_token_file": None, "access_token": "planted-token"})
    with pytest.raises(leoscope.Unauthenticated) as caught:
        drive(wrong.nodes())
    assert "planted-token" not in str(caught.value) + repr(wrong)
    nobody = drive.Client(**{**live.options, "port": 1}, timeout=2)
    with pytest.raises((leoscope.Unavailable, leoscope.Timeout)) as caught:
        drive(nobody.time())
    assert isinstance(caught.value, OSError) and "localhost:1" in str(caught.value)


def test_options_come_from_the_environment_and_the_profile_of_the_command_line(drive, live, tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("LEOSCOPE_") or name.startswith("XDG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(leoscope.InvalidArgument, match="no user id is given\ngive userid or set LEOSCOPE_USERID"):
        drive.Client()
    with pytest.raises(leoscope.InvalidArgument, match="no access token is given\ngive access_token or access_token_file"):
        drive.Client(userid="me")
    with pytest.raises(leoscope.InvalidArgument, match="certificate .* cannot be read.*\n.*tls_cert"):
        drive.Client(userid="me", access_token="x", tls_cert=tmp_path / "no.crt")
    with pytest.raises(leoscope.InvalidArgument, match="profiles.toml cannot be read.*\ncheck profile_file and profile"):
        drive.Client(profile="lab", userid="me", access_token="x")
    options = live.options
    words = ["login", "--userid=researcher-1", f"--access-token-file={options['access_token_file']}",
             f"--grpc-port={live.port}", f"--tls-cert={options['tls_cert']}"]
    subprocess.run([live.program, *words], check=True, capture_output=True)
    with pytest.raises(leoscope.InvalidArgument, match="no profile|lab"):
        drive.Client(profile="lab", userid="me", access_token="x")
    client = drive.Client()
    assert drive(client.nodes.get(NODE)).id == NODE and client.userid == "researcher-1"
    monkeypatch.setenv("LEOSCOPE_USERID", "somebody-else")
    assert drive.Client().userid == "somebody-else"
    assert drive.Client(userid="researcher-1").userid == "researcher-1"
    monkeypatch.setenv("LEOSCOPE_GRPC_PORT", "many")
    with pytest.raises(leoscope.InvalidArgument, match="LEOSCOPE_GRPC_PORT"):
        drive.Client()


def test_context_managers_close(live, drive):
    if drive.Client is leoscope.Client:
        with drive.Client(**live.options) as client:
            client.time()
    else:
        async def used():
            async with drive.Client(**live.options) as client:
                await client.time()
            return client

        client = drive(used())
    assert client.closed


def test_both_kinds_have_the_same_methods_with_the_same_parameters_and_words():
    import inspect

    for kind in KINDS:
        one, other = getattr(leoscope, kind), getattr(leoscope, f"Async{kind}")

        def public(cls):
            return {name for name in dir(cls) if not name.startswith("_")}

        assert public(one) == public(other), kind
        for name in public(one):
            mine, theirs = inspect.getattr_static(one, name), inspect.getattr_static(other, name)
            if inspect.isfunction(mine):
                parameters = [list(inspect.signature(f).parameters.values()) for f in (mine, theirs)]
                assert [(p.name, p.kind, p.default) for p in parameters[0]] == [
                    (p.name, p.kind, p.default) for p in parameters[1]
                ], f"{kind}.{name}"
            if hasattr(mine, "__doc__") and not isinstance(mine, (str, tuple)):
                assert mine.__doc__ and mine.__doc__ == theirs.__doc__, f"{kind}.{name}"


def test_every_public_method_has_been_used():
    """By the tests above, in both kinds."""
    assert set(public_members()) - USED == set()


def test_json_of_the_command_line_has_the_same_run(live, ran, drive):
    _, run = ran
    options = live.options
    words = [live.program, f"--userid={options['userid']}", f"--access-token-file={options['access_token_file']}",
             f"--grpc-port={live.port}", f"--tls-cert={options['tls_cert']}", "--output=json",
             "run", "get", f"--runid={run.id}"]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    told = told[0] if isinstance(told, list) else told
    assert told["status"] == str(run.status) and run.id in json.dumps(told)
