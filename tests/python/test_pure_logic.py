"""What needs no server: cron expressions, conditions, conflicts, free time, and tables of satellites."""

import bisect
import copy
import inspect
import math
import pickle
import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import leoscope
import numpy
import pandas
import pytest
from test_orbit import EPOCH, satellites

UTC = timezone.utc
START = datetime(2026, 12, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


# Cron expressions


def minutes(start, end):
    return (start + MINUTE * n for n in range((end - start) // MINUTE))


def test_a_cron_expression_in_a_zone_fires_when_its_clock_says_so():
    berlin = ZoneInfo("Europe/Berlin")
    cron = leoscope.Cron("30 9 * * mon-fri", time_zone="Europe/Berlin")
    start, end = datetime(2026, 10, 19, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)

    def fires(at):
        local = at.astimezone(berlin)
        return (local.hour, local.minute) == (9, 30) and local.weekday() < 5

    expected = [at for at in minutes(start, end) if fires(at)]
    assert cron.between(start, end) == expected and len(expected) == 10
    # Clocks are set back in between.
    assert {at.hour for at in expected} == {7, 8}
    assert cron.between(start, end) == [cron.next(at - timedelta(microseconds=1)) for at in expected]


def test_a_local_time_that_does_not_exist_or_comes_twice():
    cron = leoscope.Cron("30 2 * * *", time_zone="Europe/Berlin")
    assert cron.between(datetime(2026, 3, 29), datetime(2026, 3, 30)) == []
    assert cron.between(datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 22)) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    ]


def test_next_is_after_and_between_is_half_open():
    cron = leoscope.Cron("*/5 * * * *")
    assert cron.next(START) == START + 5 * MINUTE
    assert cron.next(START - timedelta(microseconds=1)) == START
    assert cron.between(START, START + 10 * MINUTE) == [START, START + 5 * MINUTE]
    assert cron.between(START, START + HOUR) == leoscope.cron_starts("*/5 * * * *", START, START + HOUR, limit=12)
    assert leoscope.Cron("0 0 29 2 *").next(datetime(2096, 3, 1)) == datetime(2104, 2, 29, tzinfo=UTC)
    assert leoscope.Cron("0 0 30 2 *").next(START) is None
    with pytest.raises(leoscope.InvalidArgument, match="end 2026-12-01T00:00:00 is equal to start"):
        cron.between(START, START)
    with pytest.raises(leoscope.InvalidArgument, match="more than 1000000 starts"):
        leoscope.Cron("* * * * *").between(START, START + 700 * DAY)


def test_times_may_be_those_of_pandas_and_without_a_zone_mean_utc():
    cron = leoscope.Cron("0 * * * *")
    expected = START + HOUR
    assert cron.next(datetime(2026, 12, 1)) == expected
    assert cron.next(pandas.Timestamp("2026-12-01")) == expected
    assert cron.next(pandas.Timestamp("2026-12-01T05:30:00+05:30")) == expected

    class Later:
        def to_pydatetime(self):
            return datetime(2026, 12, 1)

    assert cron.next(Later()) == expected
    for bad in ("2026-12-01", 1.5, None):
        with pytest.raises(TypeError):
            cron.next(bad)
    with pytest.raises(leoscope.InvalidArgument, match="there is no time in NaT"):
        cron.next(pandas.NaT)


def test_cron_expressions_are_values():
    cron, berlin = leoscope.Cron(" */5  * * * * "), leoscope.Cron("*/5 * * * *", time_zone="europe/berlin")
    assert str(cron) == cron.expression == "*/5 * * * *"
    assert repr(cron) == "Cron('*/5 * * * *')"
    assert repr(berlin) == "Cron('*/5 * * * *', time_zone='Europe/Berlin')"
    assert cron == leoscope.Cron("*/5 * * * *", "UTC") != berlin and cron != "*/5 * * * *"
    assert len({cron, leoscope.Cron("*/5 * * * *"), berlin}) == 2
    assert pickle.loads(pickle.dumps(berlin)) == copy.copy(berlin) == berlin
    with pytest.raises(leoscope.InvalidArgument, match="minute 60 is out of range") as caught:
        leoscope.Cron("60 * * * *")
    assert caught.value.hint
    with pytest.raises(leoscope.InvalidArgument, match='"Europe/Atlantis" is not a time zone'):
        leoscope.Cron("* * * * *", time_zone="Europe/Atlantis")


# Conditions


def test_all_mistakes_are_told_with_their_places_in_characters():
    text = '"ü" == dish.state and dish.latancy < 40 and dish.obstructed = true'
    with pytest.raises(leoscope.TriggerError) as caught:
        leoscope.Trigger(text)
    error = caught.value
    assert isinstance(error, leoscope.InvalidArgument) and isinstance(error, ValueError)
    assert [text[one.start : one.end] for one in error.spans] == ["dish.latancy", "="]
    assert [one.message for one in error.spans] == ["there is no field dish.latancy", "'=' compares nothing"]
    assert [one.help for one in error.spans] == ["did you mean dish.latency?", "write =="]
    assert all(isinstance(one, leoscope.Mistake) for one in error.spans)
    assert error.message.startswith("trigger: at character 23: there is no field dish.latancy; at character 61")
    assert error.hint == "did you mean dish.latency?"
    lines = str(error).splitlines()
    assert lines[0] == error.message and lines[1] == text
    assert lines[2].index("^") == error.spans[0].start and lines[2].count("^") == len("dish.latancy")


def test_conditions_are_values():
    trigger = leoscope.Trigger("(pop_ping_latency_ms < 40) & !currently_obstructed | weather_temp > 300")
    assert str(trigger) == trigger.text
    assert trigger.canonical == "dish.latency < 40 and not dish.obstructed or weather_temp > 300"
    assert trigger.fields == ["dish.latency", "dish.obstructed", "weather.temperature"]
    assert repr(leoscope.Trigger("dish.state == 'X'")) == "Trigger(\"dish.state == 'X'\")"
    assert pickle.loads(pickle.dumps(trigger)) == trigger == leoscope.Trigger(trigger.text)
    assert trigger != leoscope.Trigger(trigger.canonical) and len({trigger, copy.copy(trigger)}) == 1


@pytest.mark.parametrize(
    ("text", "given", "verdict", "why"),
    [
        ("dish.latency < 40", {"dish.latency": 35}, "MET", "dish.latency < 40 holds: dish.latency was 35 ms"),
        ("dish.latency < 40", {"pop_ping_latency_ms": numpy.float32(57.5)}, "NOT_MET", "was 57.5 ms"),
        ("dish.latency < 40", {}, "UNKNOWN", "dish.latency has not been read"),
        ("dish.latency < 40", {"dish.latency": math.nan}, "UNKNOWN", None),
        ("dish.latency < 40", {"dish.latency": None}, "UNKNOWN", None),
        ("weather.temperature > 20", {"weather_temp": 300}, "MET", None),
        ("dish.obstructed", {"dish.obstructed": numpy.bool_(True)}, "MET", None),
        ("dish.obstructed", {"dish.obstructed": 0}, "NOT_MET", None),
        ("dish.state == 'CONNECTED'", {"dish.state": "CONNECTED"}, "MET", None),
        ("custom.code == '12'", {"custom.code": "12"}, "MET", None),
        ("custom.code == 12", {"custom.code": 12}, "MET", None),
        ("custom.on == true", {"custom.on": True}, "MET", None),
        ("avg(dish.latency, 3) == 50", {"dish.latency": [60, 50, 40]}, "MET", None),
        ("dish.latency_1 == 50", {"dish.latency": numpy.array([60.0, 50.0, 40.0])}, "MET", None),
        ("changed(dish.state)", {"dish.state": ("SEARCHING", "CONNECTED")}, "MET", None),
    ],
)
def test_a_condition_is_judged_on_values(text, given, verdict, why):
    answer = leoscope.Trigger(text).evaluate(given)
    assert answer.verdict == verdict, answer
    assert why is None or why in answer.why
    assert bool(answer) == (verdict == "MET")
    assert isinstance(answer, leoscope.Verdict)


def test_what_a_verdict_rests_on_is_told():
    text = "weather_temp > 300 and dish.obstructed == false and dish.state == 'X' and dish.uptime > 1"
    trigger = leoscope.Trigger(text)
    answer = trigger.evaluate({"weather_temp": 293.15, "dish.obstructed": False, "dish.state": "Y"})
    assert answer.readings == {
        "weather.temperature": 20.0,
        "dish.obstructed": False,
        "dish.state": "Y",
        "dish.uptime": None,
    }


def test_wrong_values_are_named():
    trigger = leoscope.Trigger("dish.latency < 40 and not dish.obstructed")
    with pytest.raises(leoscope.InvalidArgument, match="there is no field dish.latancy") as caught:
        trigger.evaluate({"dish.latancy": 1})
    assert caught.value.hint == "did you mean dish.latency?"
    with pytest.raises(leoscope.InvalidArgument, match='dish.latency is a number, "fast" is not'):
        trigger.evaluate({"dish.latency": "fast"})
    with pytest.raises(leoscope.InvalidArgument, match='dish.latency is a number, "true" is not'):
        trigger.evaluate({"dish.latency": True})
    with pytest.raises(leoscope.InvalidArgument, match="dish.latency is given twice"):
        trigger.evaluate({"dish.latency": 1, "pop_ping_latency_ms": 1})
    with pytest.raises(TypeError, match="a value of dish.latency cannot be of type object"):
        trigger.evaluate({"dish.latency": object()})


def table(rows, seed=7):
    rng = numpy.random.default_rng(seed)
    latency = rng.uniform(20, 60, rows)
    latency[rng.random(rows) < 0.05] = numpy.nan
    return {
        "dish.latency": latency,
        "weather_temp": rng.uniform(260, 310, rows),
        "dish.obstructed": rng.random(rows) < 0.2,
        "dish.state": numpy.array(["CONNECTED", "SEARCHING"])[(rng.random(rows) < 0.1).astype(int)],
    }


def kleene(columns):
    """What becomes of the condition below, as NumPy computes it."""
    latency = columns["dish.latency"]
    cool, connected = columns["weather_temp"] - 273.15 < 25, columns["dish.state"] == "CONNECTED"
    rest = cool & ~columns["dish.obstructed"] & connected
    known = numpy.where(rest & (latency < 40), "MET", "NOT_MET")
    return numpy.where(numpy.isnan(latency) & rest, "UNKNOWN", known)


CONDITION = "dish.latency < 40 and weather.temperature < 25 and not dish.obstructed and dish.state == 'CONNECTED'"


def test_the_verdicts_on_a_table_are_those_of_numpy():
    columns = table(5_000)
    trigger, expected = leoscope.Trigger(CONDITION), kleene(columns)
    assert set(expected) == {"MET", "NOT_MET", "UNKNOWN"}
    assert (trigger.evaluate_many(columns) == expected).all()
    assert (trigger.evaluate_many(pandas.DataFrame(columns)) == expected).all()
    nullable = pandas.DataFrame(columns).convert_dtypes()
    assert (trigger.evaluate_many(nullable) == expected).all()
    lists = {name: column.tolist() for name, column in columns.items()}
    lists["dish.latency"] = [None if math.isnan(value) else value for value in lists["dish.latency"]]
    assert (trigger.evaluate_many(lists) == expected).all()
    for row in range(0, 5_000, 50):
        answer = trigger.evaluate({name: column[row] for name, column in columns.items()})
        assert answer.verdict == expected[row]


def test_without_numpy_the_verdicts_are_a_list(monkeypatch):
    columns = table(500)
    trigger, expected = leoscope.Trigger(CONDITION), kleene(columns).tolist()
    lists = {name: column.tolist() for name, column in columns.items()}
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert trigger.evaluate_many(lists) == expected


def test_conditions_that_look_back_see_the_rows_before():
    rows = 3_000
    latency = numpy.random.default_rng(11).uniform(20, 60, rows)
    times = pandas.date_range("2026-12-01", periods=rows, freq="5s", tz="Europe/Berlin")
    columns = {"dish.latency": latency}
    verdicts = leoscope.Trigger("avg(dish.latency, 60) < 39").evaluate_many(columns, times=times)
    mean = pandas.Series(latency, index=times).rolling("60s").mean().to_numpy()
    assert ((verdicts == "MET") == (mean < 39)).all() and 0 < (verdicts == "MET").sum() < rows
    # Rows are a second apart where no times are given.
    verdicts = leoscope.Trigger("avg(dish.latency, 10) < 39").evaluate_many(columns)
    mean = pandas.Series(latency).rolling(10, min_periods=1).mean().to_numpy()
    assert ((verdicts == "MET") == (mean < 39)).all()
    verdicts = leoscope.Trigger("dish.latency_1 < dish.latency").evaluate_many(columns)
    assert verdicts[0] == "UNKNOWN"
    assert ((verdicts[1:] == "MET") == (latency[:-1] < latency[1:])).all()


def test_what_follows_from_the_time_follows_from_times():
    berlin = timezone(HOUR)
    moments = [START + HOUR * n for n in range(48)]
    expected = ["MET" if 2 <= at.hour < 6 else "NOT_MET" for at in moments]
    trigger = leoscope.Trigger("time.hour >= 2 and time.hour < 6")
    naive = [at.replace(tzinfo=None) for at in moments]
    index = pandas.DatetimeIndex(naive)
    aware = index.tz_localize("UTC")
    for times in (
        moments,
        naive,
        [at.astimezone(berlin) for at in moments],
        list(index),
        index,
        aware.tz_convert("Asia/Tokyo"),
        pandas.Series(index),
        pandas.Series(aware),
        index.to_numpy(),
        numpy.array(naive, dtype="datetime64[s]"),
        numpy.array(moments, dtype=object),
    ):
        assert trigger.evaluate_many({}, times=times).tolist() == expected, type(times)
    assert set(trigger.evaluate_many({"dish.latency": [1, 2]})) == {"UNKNOWN"}
    local = leoscope.Trigger("time.local_hour > 2")
    assert set(local.evaluate_many({}, times=moments)) == {"UNKNOWN"}


def test_tables_that_are_none_are_refused():
    trigger = leoscope.Trigger("dish.latency < 40")
    refused = [
        ({}, None, "no column is given"),
        ({"dish.latency": [1, 2], "dish.uptime": [1]}, None, "dish.latency has 2 rows and dish.uptime 1"),
        ({"dish.latency": [1, 2]}, [START], "dish.latency has 2 rows and times 1"),
        ({"dish.latency": [1, 2]}, [START, START - MINUTE], "row 1: time 2026-11-30T23:59:00 is before"),
        ({"dish.latency": numpy.ones((2, 2))}, None, "column dish.latency has 2 dimensions"),
        ({"latency": [1]}, None, "there is no field latency"),
        ({"dish.latency": [1], "pop_ping_latency_ms": [1]}, None, "two columns are dish.latency"),
        ({"dish.latency": ["a"]}, None, 'dish.latency is a number, "a" is not'),
        ({"dish.latency": numpy.array([True])}, None, 'row 0: dish.latency is a number, "true" is not'),
        ({"dish.latency": [1]}, pandas.DatetimeIndex(["NaT"]), "row 0: the time is out of range"),
    ]
    for columns, times, message in refused:
        with pytest.raises(leoscope.InvalidArgument, match=message) as caught:
            trigger.evaluate_many(columns, times)
        assert message in caught.value.message
    obstructed = leoscope.Trigger("dish.obstructed")
    with pytest.raises(leoscope.InvalidArgument, match='row 1: dish.obstructed is yes or no, "0.5" is not'):
        obstructed.evaluate_many({"dish.obstructed": [1.0, 0.5]})
    assert obstructed.evaluate_many({"dish.obstructed": [0, True, None]}).tolist() == ["NOT_MET", "MET", "UNKNOWN"]
    assert obstructed.evaluate_many({"dish.obstructed": []}).tolist() == []
    custom = leoscope.Trigger("custom.on == true")
    for column in ([True, False], numpy.array([True, False]), pandas.Series([True, False], dtype="boolean")):
        assert custom.evaluate_many({"custom.on": column}).tolist() == ["MET", "NOT_MET"]


def test_rows_of_one_time_and_rows_without_readings():
    times = [START, START, START + timedelta(seconds=5), START + MINUTE]
    trigger = leoscope.Trigger("dish.latency < 40")
    verdicts = trigger.evaluate_many({"dish.latency": [50, 30, None, 30]}, times)
    assert verdicts.tolist() == ["NOT_MET", "MET", "UNKNOWN", "MET"]
    # What was read at the first row counts for ten seconds; what is read half a minute later is a new beginning.
    held = leoscope.Trigger("for(dish.latency < 40, 20)")
    seconds = [0, 5, 10, 15, 20, 60, 65]
    verdicts = held.evaluate_many({"dish.latency": [30] * 7}, [START + timedelta(seconds=n) for n in seconds])
    assert verdicts.tolist() == ["UNKNOWN"] * 4 + ["MET"] + ["UNKNOWN"] * 2


def test_a_million_rows_are_judged_one_by_one():
    columns = {name: table(1_000_000)[name] for name in ("dish.latency", "weather_temp")}
    trigger = leoscope.Trigger("dish.latency < 40 and weather.temperature < 25")
    verdicts = trigger.evaluate_many(columns)
    latency, warm = columns["dish.latency"], columns["weather_temp"] - 273.15 >= 25
    assert ((verdicts == "MET") == ((latency < 40) & ~warm)).all()
    assert ((verdicts == "UNKNOWN") == (numpy.isnan(latency) & ~warm)).all()


# Forecasts


@pytest.fixture(scope="module")
def elements():
    return leoscope.Elements("\n".join(satellites(60, random.Random(20261102))))


PLACE = leoscope.Place(47.6, -122.3)


def test_a_forecast_is_what_is_seen_second_by_second(elements):
    start, length = EPOCH + timedelta(hours=30), timedelta(hours=1)
    forecast = leoscope.Trigger("satellite_elevation > 50").forecast(PLACE, elements, start, length)
    seconds = [start + timedelta(seconds=n) for n in range(3600)]
    highest = {at: elements.visible(PLACE, at, 0.0) for at in seconds}
    expected = [at for at in seconds if highest[at] and highest[at][0][1] > 50]
    found = [at for at in seconds if any(one.start <= at < one.end for one in forecast)]
    # At an edge they may round differently.
    assert len(set(found) ^ set(expected)) <= 2 * len(forecast)
    assert 100 < len(found) < 3000 and isinstance(forecast, list) and forecast.exact
    assert all(start <= one.start < one.end <= start + length for one in forecast)
    # From half a day to two and a half days old: about half a second for each day, and more.
    assert all(0.3 < one.sigma < 3 for one in forecast)
    assert forecast == leoscope.Trigger("satellite_elevation > 50").forecast(PLACE, elements, start, 3600)
    assert pandas.DataFrame(forecast).columns.tolist() == ["start", "end", "sigma"]


def test_a_forecast_says_what_it_does_not_tell(elements):
    start = EPOCH + timedelta(hours=30)
    trigger = leoscope.Trigger("satellite_elevation > 50 and dish.latency < 40")
    forecast = trigger.forecast(PLACE, elements, start, HOUR)
    assert not forecast.exact and forecast.unforeseen == ["dish.latency"]
    assert forecast.part == "satellite.elevation > 50" and forecast.unknown == []
    assert list(forecast) == list(leoscope.Trigger(forecast.part).forecast(PLACE, elements, start, HOUR))
    with pytest.raises(leoscope.InvalidArgument, match="nothing can be told ahead"):
        leoscope.Trigger("dish.latency < 40").forecast(PLACE, elements, start, HOUR)
    with pytest.raises(leoscope.InvalidArgument, match="73 hours are too far ahead"):
        trigger.forecast(PLACE, elements, start, timedelta(hours=73))
    with pytest.raises(leoscope.InvalidArgument, match="a time of -1 s is not possible"):
        trigger.forecast(PLACE, elements, start, -1)
    local = leoscope.Trigger("time.local_hour < 1")
    with pytest.raises(leoscope.InvalidArgument):
        local.forecast(PLACE, elements, start, DAY)
    windows = local.forecast(PLACE, elements, START, DAY, time_zone="Asia/Tokyo")
    assert [(one.start, one.end) for one in windows] == [(START + 15 * HOUR, START + 16 * HOUR)]


# Conflicts and free time


def runs(job):
    """The runs of a job as a cron expression lists them."""
    length = timedelta(seconds=job["length"])
    if job["schedule"] is None:
        return [(job["start"], job["start"] + length)]
    starts = leoscope.Cron(job["schedule"]).between(job["start"], job["end"])
    return [(at, at + length) for at in starts if at + length <= job["end"]]


def random_job(rng):
    schedule = rng.choice(["*/7 * * * *", "3 */5 * * *", "30 2 * * *", "15,45 6-9 * * *", None])
    start = START + MINUTE * rng.randrange(0, 4000)
    return {
        "node": f"node-{rng.randrange(3)}",
        "server": rng.choice([None, "server-1"]),
        "schedule": schedule,
        "start": start,
        "end": start + DAY * rng.randrange(1, 4),
        "length": rng.randrange(20, 400),
        "overhead": rng.random() < 0.9,
    }


def overlapping(one, other):
    others = runs(other)
    starts, ends = [start for start, _ in others], [end for _, end in others]
    return [(a, b) for a in runs(one) for b in others[bisect.bisect(ends, a[0]) : bisect.bisect_left(starts, a[1])]]


def test_conflicts_are_those_of_all_pairs_of_runs():
    rng = random.Random(5)
    count = 0
    for _ in range(40):
        job, others = {**random_job(rng), "overhead": True}, [random_job(rng) for _ in range(8)]
        nodes = {job["node"], job["server"]} - {None}
        expected = {}
        own = [(a, b) for a, b in zip(runs(job)[1:], runs(job)) if a[0] < b[1]]
        if own:
            expected[None] = (*own[0], len(own))
        for position, other in enumerate(others):
            shares = nodes & {other["node"], other["server"]}
            pairs = overlapping(job, other) if shares and other["overhead"] else []
            if pairs:
                expected[position] = (*pairs[0], len({wanted for wanted, _ in pairs}))
        found = leoscope.conflicts(job, others)
        assert {one.position: (one.wanted, one.taken, one.clashing) for one in found} == expected
        for one in found:
            other = job if one.position is None else others[one.position]
            assert one.job == leoscope.JobTiming(**other) and one.node in nodes
        count += len(found)
    assert count > 20, count


def test_conflicts_with_itself_and_what_is_over():
    often = leoscope.JobTiming("n", START, START + DAY, timedelta(minutes=10), schedule="*/5 * * * *")
    [itself] = leoscope.conflicts(often, [])
    assert itself.position is None and itself.job == often
    once = leoscope.JobTiming(node="n", start=START, end=START + HOUR, length=MINUTE)
    daily = {"node": "n", "start": START - DAY, "end": START + DAY, "length": 30, "schedule": "0 0 * * *"}
    assert [one.position for one in leoscope.conflicts(once, [daily, {**daily, "node": "m"}])] == [0]
    assert leoscope.conflicts(once, [daily], now=START + 2 * MINUTE) == []
    assert leoscope.conflicts(once, [{**daily, "overhead": False}]) == []
    touching = {"node": "m", "server": "n", "start": START + MINUTE, "end": START + HOUR, "length": 30}
    assert leoscope.conflicts(once, [touching]) == []
    zoned = {**daily, "schedule": leoscope.Cron("0 9 * * *", time_zone="Asia/Tokyo")}
    assert [one.position for one in leoscope.conflicts(once, [zoned])] == [0]


def test_jobs_that_cannot_be_are_refused():
    job = {"node": "n", "start": START, "end": START + HOUR, "length": 60}
    for change, message in [
        ({"length": 0.5}, "length of 0.5 s is not possible"),
        ({"length": 0}, "length of 0 seconds"),
        ({"length": 2 * HOUR}, "is longer than the window"),
        ({"end": START}, "is equal to start"),
        ({"node": "a b"}, "node id"),
        ({"server": "n"}, "is also the node that measures"),
        ({"schedule": "0 0 30 2 *"}, "never starts a run"),
        ({"schedule": "* *"}, "has 2 fields"),
    ]:
        with pytest.raises(leoscope.InvalidArgument, match=message):
            leoscope.conflicts({**job, **change}, [])
    with pytest.raises(TypeError):
        leoscope.conflicts({"node": "n"}, [])
    timing = leoscope.JobTiming(**job)
    assert (timing.node, timing.server, timing.schedule, timing.time_zone) == ("n", None, None, "UTC")
    assert (timing.start, timing.end, timing.length, timing.overhead) == (START, START + HOUR, MINUTE, True)


def test_free_time_is_free_and_the_nearest():
    rng = random.Random(6)
    for _ in range(20):
        others = [{**random_job(rng), "overhead": True} for _ in range(6)]
        length = timedelta(seconds=rng.randrange(60, 1200))
        near = START + MINUTE * rng.randrange(0, 4000)
        start, end = near - DAY, near + DAY
        found = leoscope.free_slots(others, "node-1", length, start, end, near=near, count=5)
        assert len(found) == 5
        taken = [run for job in others if job["node"] == "node-1" for run in runs(job)]

        def free(at):
            return all(at + length <= begun or ended <= at for begun, ended in taken)

        assert all(b - a == length and free(a) and start <= a and b <= end for a, b in found)
        apart = sorted(found)
        assert all(one[1] <= other[0] for one, other in zip(apart, apart[1:]))
        # The nearest free time begins when it is wanted, or touches a run.
        touching = [near] + [at for begun, ended in taken for at in (begun - length, ended)]
        nearest = min(abs(at - near) for at in touching if free(at) and start <= at <= end - length)
        assert abs(found[0][0] - near) == nearest


def test_free_time_of_several_nodes_and_what_is_no_time():
    job = {"start": START, "end": START + HOUR, "length": 60}
    others = [{**job, "node": "a"}, {**job, "node": "b", "start": START + MINUTE}]
    two = leoscope.free_slots(others, ["a", "b"], 60, START, START + HOUR, count=2)
    assert two == [(START + 2 * MINUTE, START + 3 * MINUTE), (START + 3 * MINUTE, START + 4 * MINUTE)]
    assert leoscope.free_slots(others, "b", MINUTE, START, START + HOUR, count=1) == [(START, START + MINUTE)]
    assert leoscope.free_slots(others, "a", HOUR, START, START + HOUR) == []
    with pytest.raises(leoscope.InvalidArgument, match="length of 0.5 s is not possible"):
        leoscope.free_slots(others, "a", 0.5, START, START + HOUR)
    with pytest.raises(leoscope.InvalidArgument, match="is before start"):
        leoscope.free_slots(others, "a", 60, START, START - HOUR)


# Satellites as columns


def test_columns_of_what_is_visible_are_what_is_seen(elements):
    at = EPOCH + timedelta(hours=30)
    columns = elements.visible_arrays(PLACE, at, 5.0)
    expected = elements.visible(PLACE, at, 5.0)
    assert list(zip(columns["number"].tolist(), columns["elevation"].tolist())) == expected and expected
    names = dict(elements.satellites())
    for row, (number, _) in enumerate(expected):
        assert columns["name"][row] == names[number]
        look = elements.look(names[number], PLACE, at)
        seen = [columns[name][row] for name in ("azimuth", "elevation", "range_km", "range_rate_km_s")]
        assert seen == pytest.approx(look, abs=1e-9)
    table = leoscope.visible(elements, PLACE, pandas.Timestamp(at), 5.0)
    assert table.columns.tolist() == list(columns) and table["number"].tolist() == columns["number"].tolist()


def test_the_track_of_a_satellite_is_where_it_is_seen_at_each_time(elements):
    start = EPOCH + timedelta(hours=30)
    times = [start + timedelta(seconds=seconds) for seconds in range(0, 600, 60)]
    number, name = elements.satellites()[3]
    expected = [elements.look(name, PLACE, at) for at in times]
    for given in (times, pandas.DatetimeIndex(times), numpy.array([at.replace(tzinfo=None) for at in times], "M8[us]")):
        columns = elements.track_arrays(str(number), PLACE, given)
        assert list(columns) == ["azimuth", "elevation", "range_km", "range_rate_km_s"]
        found = numpy.array(list(columns.values())).T
        assert found == pytest.approx(numpy.array(expected), abs=1e-9)
    table = leoscope.track(elements, name, PLACE, times)
    assert table.index.tolist() == [pandas.Timestamp(at) for at in times] and str(table.index.tz) == "UTC"
    assert table.elevation.tolist() == columns["elevation"].tolist()
    with pytest.raises(leoscope.InvalidArgument, match='satellite "nobody" is not among'):
        elements.track_arrays("nobody", PLACE, times)


def test_elements_are_read_from_a_file(elements, tmp_path):
    file = tmp_path / "elements.tle"
    file.write_text("\n".join(satellites(60, random.Random(20261102))))
    assert leoscope.Elements.load(file).satellites() == leoscope.Elements.load(str(file)).satellites() == elements.satellites()
    with pytest.raises(leoscope.InvalidArgument, match="no-such.tle cannot be read.*\n.*OMM"):
        leoscope.Elements.load(tmp_path / "no-such.tle")


def test_a_condition_says_what_its_fields_are():
    fields = leoscope.Trigger("dish.latency < 40 and dish.obstructed and custom.door == 'on'").check()
    assert [(field.name, field.kind, field.unit) for field in fields] == [
        ("dish.latency", "number", "ms"),
        ("dish.obstructed", "flag", None),
        ("custom.door", None, None),
    ]
    assert fields[0].source == "dish" and isinstance(fields[0], leoscope.FieldInfo)


def test_columns_of_text_are_judged_like_single_values():
    trigger = leoscope.Trigger("custom.state == 'CONNECTED' and dish.latency < 40")
    states = ["CONNECTED", "SEARCHING", None, "CONNECTED", "connected"]
    latencies = [30.0, 30.0, 30.0, 50.0, 30.0]
    expected = [
        trigger.evaluate({"custom.state": state, "dish.latency": latency}).verdict
        for state, latency in zip(states, latencies)
    ]
    for column in (states, pandas.Series(states), pandas.Series(states, dtype="category"), numpy.array(states, dtype=object)):
        found = trigger.evaluate_many({"custom.state": column, "dish.latency": latencies})
        assert list(found) == expected


def test_columns_of_passes_are_those_of_each_satellite(elements):
    start, end = EPOCH + timedelta(hours=30), EPOCH + timedelta(hours=42)
    table = leoscope.passes(elements, PLACE, start, end, 25.0)
    expected = []
    for number, name in elements.satellites():
        found = elements.passes(name, PLACE, start, end, 25.0)
        expected += [{"number": number, "name": name, **one} for one in found]
    expected.sort(key=lambda one: (one["rise"], one["number"]))
    assert len(expected) > 50
    # Timestamps of pandas equal the datetimes.
    assert table.to_dict("records") == expected
    assert str(table["rise"].dt.tz) == "UTC"
    one = elements.passes_arrays(PLACE, start, end, 25.0, names=["sat-3"])
    assert one["rise"].dtype == "datetime64[us]" and set(one["name"]) == {"SAT-3"}
    assert len(one["rise"]) == (table["name"] == "SAT-3").sum()
    assert len(leoscope.passes(elements, PLACE, start, start + timedelta(seconds=1), 89.9)) == 0
    with pytest.raises(leoscope.InvalidArgument, match="NONE"):
        elements.passes_arrays(PLACE, start, end, names=["NONE"])


def test_without_pandas_or_numpy_it_is_said_what_is_needed(elements, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="leoscope.visible makes a table of pandas: pip install pandas"):
        leoscope.visible(elements, PLACE, EPOCH)
    with pytest.raises(ImportError, match="pip install pandas"):
        leoscope.passes(elements, PLACE, EPOCH, EPOCH + HOUR)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match="pip install numpy"):
        elements.visible_arrays(PLACE, EPOCH)
    assert isinstance(elements.visible(PLACE, EPOCH), list)


def test_what_is_exported_is_there():
    assert len(set(leoscope.__all__)) == len(leoscope.__all__)
    for name in leoscope.__all__:
        thing = getattr(leoscope, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__module__ == "leoscope", name
