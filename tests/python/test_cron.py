"""`leoscope.cron_starts` as a researcher in a notebook calls it."""

import doctest
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import leoscope
import pytest

START = datetime(2026, 12, 1)


def test_naive_times_mean_utc_and_answers_are_aware():
    starts = leoscope.cron_starts("*/20 * * * *", START, START + timedelta(hours=1))
    assert starts == [datetime(2026, 12, 1, 0, minute, tzinfo=timezone.utc) for minute in (0, 20, 40)]
    assert all(start.utcoffset() == timedelta(0) for start in starts)


def test_a_time_zone_is_honoured():
    zone = timezone(timedelta(hours=5, minutes=30))
    start = datetime(2026, 12, 1, 5, 30, tzinfo=zone)
    assert leoscope.cron_starts("0 0 * * *", start, start + timedelta(days=1)) == [
        datetime(2026, 12, 1, tzinfo=timezone.utc)
    ]


def test_the_range_is_half_open():
    day = timedelta(days=1)
    assert len(leoscope.cron_starts("@daily", START, START + day)) == 1
    assert len(leoscope.cron_starts("@daily", START, START + day + timedelta(microseconds=1))) == 2
    assert leoscope.cron_starts("@daily", START + timedelta(microseconds=1), START + day) == []


def test_times_before_1970_and_far_ahead():
    assert leoscope.cron_starts("30 6 29 2 *", datetime(1968, 1, 1), datetime(1969, 1, 1)) == [
        datetime(1968, 2, 29, 6, 30, tzinfo=timezone.utc)
    ]
    assert len(leoscope.cron_starts("0 0 1 1 *", datetime(9990, 1, 1), datetime(9999, 12, 1))) == 10
    with pytest.raises(leoscope.InvalidArgument, match="9999-12-31 23:59:59.999999 is out of range"):
        leoscope.cron_starts("0 0 1 1 *", START, datetime.max)


def test_limit_bounds_the_answer():
    assert len(leoscope.cron_starts("* * * * *", START, START + timedelta(days=1))) == 10
    assert len(leoscope.cron_starts("* * * * *", START, START + timedelta(days=1), limit=25)) == 25


def test_an_expression_that_never_fires_gives_nothing():
    assert leoscope.cron_starts("0 0 30 2 *", START, START + timedelta(days=4000)) == []


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("* * * *", 'cron expression "* * * *" has 4 fields, 5 are needed'),
        ("* * * * * *", 'cron expression "* * * * * *" has 6 fields, 5 are needed'),
        ("60 * * * *", 'cron expression "60 * * * *": minute 60 is out of range 0 to 59'),
        ("", 'cron expression "" has 0 fields, 5 are needed'),
    ],
)
def test_a_bad_expression_is_named_with_what_to_do(expression, message):
    with pytest.raises(leoscope.InvalidArgument) as caught:
        leoscope.cron_starts(expression, START, START + timedelta(hours=1))
    assert caught.value.message == message
    assert str(caught.value) == f"{message}\n{caught.value.hint}"
    assert "'*/5 * * * *'" in caught.value.hint


def test_bad_ranges_and_limits_are_value_errors():
    with pytest.raises(ValueError, match=re.escape("end 2026-12-01T00:00:00 is equal to start")):
        leoscope.cron_starts("* * * * *", START, START)
    for limit in (0, -1, 1_000_001):
        with pytest.raises(leoscope.InvalidArgument, match=f"limit {limit} is out of range 1 to 1000000"):
            leoscope.cron_starts("* * * * *", START, START + timedelta(hours=1), limit=limit)
    with pytest.raises(TypeError):
        leoscope.cron_starts("* * * * *", "2026-12-01", START)


def test_the_package_is_typed_and_says_its_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", leoscope.__version__)
    assert (Path(leoscope.__file__).parent / "py.typed").exists()
    assert leoscope.InvalidArgument.__module__ == "leoscope"


def test_the_example_of_the_package_works():
    results = doctest.testmod(leoscope)
    assert results.attempted == 5 and results.failed == 0
