"""The wheel's working call, as a user makes it."""

from datetime import datetime, timedelta, timezone

import pytest

import leoscope

START = datetime(2026, 12, 1, tzinfo=timezone.utc)


def test_starts_are_aware_and_inside_the_range():
    starts = leoscope.cron_starts("*/20 * * * *", START, START + timedelta(hours=1))
    assert starts == [START, START + timedelta(minutes=20), START + timedelta(minutes=40)]
    assert all(start.tzinfo is not None for start in starts)


def test_naive_means_utc_and_the_limit_holds():
    naive = START.replace(tzinfo=None)
    assert leoscope.cron_starts("* * * * *", naive, naive + timedelta(days=1), limit=2) == [
        START,
        START + timedelta(minutes=1),
    ]


@pytest.mark.parametrize(
    ("expression", "text"),
    [("* * *", "3 fields"), ("61 * * * *", "minute 61 is out of range"), ("* * * foo *", "month")],
)
def test_errors_name_the_field(expression, text):
    with pytest.raises(leoscope.InvalidArgument, match=text):
        leoscope.cron_starts(expression, START, START + timedelta(days=1))


def test_the_range_must_run_forward():
    with pytest.raises(ValueError, match="end .* is before start"):
        leoscope.cron_starts("* * * * *", START, START - timedelta(days=1))


def test_version():
    assert leoscope.__version__
