"""What the plots draw: where bars, markers and lines are, what is written, and what happens when there is nothing."""

import enum
import itertools
import math
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Optional

import leoscope
import leoscope.plot
import matplotlib
import numpy
import pytest
from leoscope.plot._items import LINES
from test_orbit import omm

matplotlib.use("Agg")

from matplotlib import dates, pyplot  # noqa: E402
from matplotlib.collections import LineCollection, PathCollection, PolyCollection  # noqa: E402
from matplotlib.text import Annotation  # noqa: E402

UTC = timezone.utc
START = datetime(2026, 12, 1, tzinfo=UTC)  # a Tuesday
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
TICK = 1e-3 / 86400
"""A millisecond, as matplotlib counts time."""


class Status(str, enum.Enum):
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"


@dataclass(frozen=True)
class Event:
    job_id: str
    node_id: str
    start: datetime
    end: datetime
    overhead: bool = True
    server_id: Optional[str] = None


@dataclass(frozen=True)
class Run:
    node_id: str
    status: Status
    planned_start: Optional[datetime]
    planned_end: Optional[datetime] = None
    started: Optional[datetime] = None
    ended: Optional[datetime] = None
    lateness: Optional[timedelta] = None

    def __post_init__(self):
        if self.planned_start is not None and self.planned_end is None:
            object.__setattr__(self, "planned_end", self.planned_start + MINUTE)


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """No plot shows itself, and no figure is left from one test to the next."""
    monkeypatch.setattr(pyplot, "show", lambda *_, **__: pytest.fail("a plot was shown"))
    yield
    pyplot.close("all")


def number(at):
    return dates.date2num(at)


def bars(ax):
    """Bars as (label, start, end, low, high), in order of time."""
    found = []
    for collection in ax.collections:
        if isinstance(collection, PolyCollection):
            for path in collection.get_paths():
                (left, low), (right, high) = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append((collection.get_label()[1:], left, right, low, high))
    return sorted(found, key=lambda bar: (bar[1], bar[3]))


def collection(ax, label):
    (found,) = [one for one in ax.collections if one.get_label() == f"_{label}"]
    return found


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def legend(ax):
    found = ax.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def drawn_labels(axis):
    """The boxes of the labels of an axis as they are drawn, without empty ones."""
    axis.figure.draw_without_rendering()
    return [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]


def none_overlap(boxes):
    return not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def near(found, expected, within=1e-6):
    """Whether numbers, or nested lists of them, differ by no more than that. What differs is told."""
    numpy.testing.assert_allclose(numpy.array(found), numpy.array(expected), rtol=0, atol=within)
    return True


# Timeline


def test_runs_have_a_row_a_node_and_bars_from_when_they_started_to_when_they_ended():
    second = START + HOUR
    ax = leoscope.plot.timeline(
        [
            Run("seattle", Status.COMPLETED, START, started=START + SECOND, ended=START + 50 * SECOND),
            Run("berlin", Status.RUNNING, second, started=second + 2 * SECOND),
            # It was told at once that it would not run.
            Run("berlin", Status.SKIPPED, second + HOUR, ended=second + HOUR),
            Run("seattle", Status.SCHEDULED, second + 2 * HOUR),
        ]
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == ["berlin", "seattle"]
    assert ax.get_ylim() == (1.5, -0.5)
    expected = [
        ("COMPLETED", START + SECOND, START + 50 * SECOND, 1),
        ("RUNNING", second + 2 * SECOND, second + MINUTE, 0),
        ("SKIPPED", second + HOUR, second + HOUR + MINUTE, 0),
        ("SCHEDULED", second + 2 * HOUR, second + 2 * HOUR + MINUTE, 1),
    ]
    found = bars(ax)
    assert len(found) == len(expected)
    for (label, left, right, low, high), (status, start, end, row) in zip(found, expected):
        assert label == status and (low + high) / 2 == pytest.approx(row)
        assert near(left, number(start), TICK) and near(right, number(end), TICK)
    assert legend(ax) == ["SCHEDULED", "RUNNING", "COMPLETED", "SKIPPED"]


def test_runs_of_nodes_that_do_not_say_what_they_planned_are_drawn_as_far_as_they_are_known():
    runs = [
        Run("a", Status.COMPLETED, None, started=START, ended=START + MINUTE),
        Run("a", Status.RUNNING, None, started=START + 2 * MINUTE),
        Run("a", Status.FAILED, None),
        # It was held back until after its planned end.
        Run("a", Status.RUNNING, START + 3 * MINUTE, started=START + 5 * MINUTE),
    ]
    ax = leoscope.plot.timeline(runs)
    expected = [(0, 1), (2, 2), (5, 5)]
    expected = [tuple(number(START + minutes * MINUTE) for minutes in one) for one in expected]
    assert near([bar[1:3] for bar in bars(ax)], expected, TICK)
    ax = leoscope.plot.runs(runs)
    assert near(marks(ax, "RUNNING")[:, 0], [number(START + 2 * MINUTE), number(START + 3 * MINUTE)], TICK)
    assert legend(ax) == ["RUNNING", "COMPLETED"]


def test_statuses_and_jobs_differ_without_their_hue():
    def lightness(patch):
        red, green, blue, _ = patch.get_facecolor()
        return round(0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2, 2), patch.get_hatch()

    ax = leoscope.plot.timeline([Run("a", status, START) for status in Status])
    looks = {lightness(patch) for patch in ax.get_legend().get_patches()}
    assert len(looks) == len(Status)
    ax = leoscope.plot.timeline([Event(f"job-{n}", "a", START + n * HOUR, START + (n + 1) * HOUR) for n in range(8)])
    shades = [lightness(patch)[0] for patch in ax.get_legend().get_patches()]
    assert len(shades) == 8 and all(abs(one - other) > 0.05 for one, other in zip(shades, shades[1:]))
    ax = leoscope.plot.runs([Run("a", status, START) for status in Status])
    markers = {(line.get_marker(), line.get_markerfacecolor() == "#ffffff") for line in ax.get_legend().get_lines()}
    assert len(markers) == len(Status)


def test_what_does_not_need_the_link_for_itself_is_hatched_and_overlaps_are_side_by_side():
    ax = leoscope.plot.timeline(
        [
            Event("ping", "a", START, START + HOUR),
            Event("listen", "a", START + HOUR / 2, START + 2 * HOUR, overhead=False),
            # This touches both and overlaps neither.
            Event("ping", "a", START + 2 * HOUR, START + 3 * HOUR),
        ]
    )
    first, listen, last = bars(ax)
    assert (first[0], listen[0], last[0]) == ("ping", "listen", "ping")
    assert first[4] == pytest.approx(listen[3]) and last[4] - last[3] == pytest.approx(2 * (first[4] - first[3]))
    hatches = {one.get_label(): bool(one.get_hatch()) for one in ax.collections}
    assert hatches == {"_ping": False, "_listen": True}
    assert [bool(patch.get_hatch()) for patch in ax.get_legend().get_patches()] == [True, False]
    assert legend(ax) == ["listen", "ping"]


def test_no_more_lanes_are_made_than_overlap_at_once():
    ax = leoscope.plot.timeline(
        [Event(f"job-{n}", "a", START + n * HOUR, START + (n + 2) * HOUR, overhead=False) for n in range(4)]
    )
    heights = [(low, high) for _, _, _, low, high in bars(ax)]
    assert near(heights[0::2], [heights[0]] * 2) and near(heights[1::2], [heights[1]] * 2)
    assert near(heights[0][1], heights[1][0])


def test_an_event_with_a_server_has_a_bar_in_the_row_of_either_node():
    ax = leoscope.plot.timeline([Event("pair", "a", START, START + HOUR, server_id="b")])
    assert [round((low + high) / 2) for _, _, _, low, high in bars(ax)] == [0, 1]
    ax = leoscope.plot.timeline([Event("loop", "a", START, START + HOUR, server_id="a")])
    assert len(bars(ax)) == 1


def test_now_is_a_line_that_is_always_to_be_seen():
    now = START + 2 * DAY
    ax = leoscope.plot.timeline([Event("ping", "a", START, START + HOUR)], now=now)
    (line,) = [line for line in ax.lines if line.get_label() == "_now"]
    assert near(line.get_xdata()[0], number(now), TICK) and "now" in texts(ax)
    assert ax.get_xlim()[0] < number(START) and number(now) < ax.get_xlim()[1]
    ax = leoscope.plot.timeline([Event("ping", "a", START, START + HOUR)])
    assert "now" not in texts(ax) and ax.get_xlim()[1] < number(START + 2 * HOUR)


def test_times_are_utc_whatever_zone_they_come_in_and_the_settings_have():
    east = timezone(9 * HOUR)
    with matplotlib.rc_context({"timezone": "Asia/Tokyo"}):
        events = [
            Event("ping", "a", START.replace(tzinfo=None), (START + HOUR).astimezone(east)),
            Event("ping", "a", START + HOUR, START + 2 * HOUR),
        ]
        ax = leoscope.plot.timeline(events)
        expected = [(number(START + n * HOUR), number(START + (n + 1) * HOUR)) for n in range(2)]
        assert near([bar[1:3] for bar in bars(ax)], expected, TICK)
        ax.figure.draw_without_rendering()
        labels = {label.get_text(): tick for label, tick in zip(ax.get_xticklabels(), ax.get_xticks())}
        days = leoscope.plot.timeline([Event("ping", "a", START, START + 6 * DAY)])
        ticks = days.get_xticks()
        days.figure.draw_without_rendering()
    assert near(labels["01:00"], number(START + HOUR), TICK)
    assert ax.get_xlabel() == "time (UTC)" and ax.xaxis.get_offset_text().get_text() == "2026-12-01"
    # Days begin at midnight in UTC.
    assert len(ticks) > 3 and near(ticks, numpy.round(ticks), TICK)
    assert "Dec" in [label.get_text() for label in days.get_xticklabels()]


@pytest.mark.parametrize("span", [MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY])
def test_labels_of_thirty_rows_and_any_span_do_not_overlap(span):
    nodes = [f"node-in-some-town-{n:02d}" for n in range(30)]
    events = [Event(f"job-{n}", node, START, START + span) for n, node in enumerate(nodes)]
    ax = leoscope.plot.timeline(events)
    across, down = drawn_labels(ax.xaxis), drawn_labels(ax.yaxis)
    assert len(down) == 30 and none_overlap(down)
    assert 2 <= len(across) <= 12 and none_overlap(across)
    inside = ax.get_window_extent()
    assert ax.get_legend().get_window_extent().x0 >= inside.x1
    assert ax.get_legend().get_window_extent().x1 <= ax.figure.bbox.x1
    assert legend(ax)[-1] == "and 6 more" and len(legend(ax)) == 25


# Week


def blocks(ax):
    """Blocks as (job, left, right, first hour, last hour)."""
    found = []
    for patch in ax.patches:
        box = patch.get_bbox()
        found.append((patch.get_label()[1:], box.x0, box.x1, box.y0, box.y1))
    return sorted(found, key=lambda block: (block[1], block[3]))


def test_a_week_has_hours_downwards_and_begins_with_the_monday_before():
    ax = leoscope.plot.week([Event("ping", "a", START + 9 * HOUR, START + 10.5 * HOUR)])
    assert ax.get_xlim() == (0, 7) and ax.get_ylim() == (24, 0)
    days = [label.get_text() for label in ax.get_xticklabels()]
    assert (days[0], days[6]) == ("Mon\n30 Nov", "Sun\n06 Dec") and len(days) == 7
    assert [label.get_text() for label in ax.get_yticklabels()][1] == "03:00"
    assert "UTC" in ax.get_ylabel()
    ((job, left, right, first, last),) = blocks(ax)
    assert job == "ping" and 1 <= left < right <= 2 and (first, last) == (9, 10.5)
    assert texts(ax) == ["ping"]


def test_a_week_starts_where_it_is_told_and_leaves_out_what_is_outside():
    events = [
        Event("before", "a", START - HOUR, START),
        Event("first", "a", START, START + HOUR),
        Event("last", "a", START + 7 * DAY - HOUR, START + 7 * DAY + HOUR),
        Event("after", "a", START + 7 * DAY, START + 8 * DAY),
    ]
    ax = leoscope.plot.week(events, start=START + 5 * HOUR)
    assert ax.get_xticklabels()[0].get_text() == "Tue\n01 Dec"
    assert [(job, int(left), first, last) for job, left, _, first, last in blocks(ax)] == [
        ("first", 0, 0, 1),
        ("last", 6, 23, 24),
    ]
    assert legend(ax) == ["first", "last"]


def test_what_goes_past_midnight_has_a_block_in_each_day():
    ax = leoscope.plot.week([Event("long", "a", START + 22 * HOUR, START + DAY + 3 * HOUR)], start=START)
    assert [(int(left), first, last) for _, left, _, first, last in blocks(ax)] == [(0, 22, 24), (1, 0, 3)]


def test_nodes_share_the_width_of_a_day_and_one_alone_has_it_all():
    events = [
        Event("one", "a", START, START + 3 * HOUR),
        Event("two", "b", START, START + 3 * HOUR, server_id="c"),
        Event("three", "a", START + DAY, START + DAY + HOUR),
    ]
    ax = leoscope.plot.week(events, start=START)
    found = blocks(ax)
    assert [block[0] for block in found] == ["one", "two", "two", "three"]
    assert found[0][2] <= found[1][1] + 1e-9 and found[1][2] <= found[2][1] + 1e-9
    # A node has the same place in every day.
    assert found[3][1] == pytest.approx(found[0][1] + 1) and found[3][2] == pytest.approx(found[0][2] + 1)
    assert ax.get_legend().get_title().get_text() == "1: a\n2: b\n3: c"
    ax = leoscope.plot.week(events, start=START, node="c")
    ((job, left, right, *_),) = blocks(ax)
    assert job == "two" and right - left > 0.9 and "c" in ax.get_title()


def test_overlaps_on_a_node_share_its_width():
    ax = leoscope.plot.week(
        [
            Event("ping", "a", START, START + 2 * HOUR),
            Event("listen", "a", START + HOUR, START + 3 * HOUR, overhead=False),
            Event("alone", "a", START + 3 * HOUR, START + 4 * HOUR),
        ],
        start=START,
    )
    found = {job: (left, right) for job, left, right, *_ in blocks(ax)}
    assert found["ping"][1] == pytest.approx(found["listen"][0])
    assert found["alone"] == pytest.approx((found["ping"][0], found["listen"][1]))
    assert {patch.get_label(): bool(patch.get_hatch()) for patch in ax.patches}["_listen"]


def test_jobs_are_named_where_the_name_fits():
    long = "an-experiment-with-a-name-that-is-too-long-for-any-block-of-a-week"
    ax = leoscope.plot.week(
        [
            Event("wide", "a", START, START + HOUR),
            Event("short", "a", START + 2 * HOUR, START + 2 * HOUR + MINUTE),
            Event(long, "a", START + 4 * HOUR, START + 6 * HOUR),
        ],
        start=START,
    )
    assert texts(ax) == ["wide"] and sorted(legend(ax)) == sorted(["wide", "short", long])
    ax.figure.draw_without_rendering()
    (patch,) = [patch for patch in ax.patches if patch.get_label() == "_wide"]
    outer, inner = patch.get_window_extent(), ax.texts[0].get_window_extent()
    assert outer.x0 <= inner.x0 and inner.x1 <= outer.x1


# Sky


class Fake:
    """Satellites that move from one place of the sky to another in a minute from ``START`` on."""

    def __init__(self, **ways):
        self.ways = ways
        self.numbers = {str(number): name for number, name in enumerate(ways, 1)}

    def passes_arrays(self, place, start, end, mask_deg=None, names=None):
        kept = [name for name in self.ways if names is None or name in names]
        count = len(kept)
        return {
            "number": numpy.array([list(self.ways).index(name) + 1 for name in kept], dtype="i8"),
            "name": numpy.array(kept, dtype=str),
            "rise": numpy.array([START.replace(tzinfo=None)] * count, dtype="M8[us]"),
            "set": numpy.array([(START + MINUTE).replace(tzinfo=None)] * count, dtype="M8[us]"),
            "max_elevation": numpy.array([max(one[1] for one in self.ways[name]) for name in kept], dtype=float),
        }

    def track_arrays(self, name, place, times):
        (azimuth, elevation), (azimuth_then, elevation_then) = self.ways[self.numbers.get(name, name)]
        share = numpy.array([(at - START) / MINUTE for at in times])
        return {
            "azimuth": azimuth + share * (azimuth_then - azimuth),
            "elevation": elevation + share * (elevation_then - elevation),
            "range_km": numpy.full(len(share), 1000.0),
        }

    def visible_arrays(self, place, at, mask_deg=None):
        rows = [(name, *one) for name, (one, _) in self.ways.items() if one[1] >= mask_deg]
        names, azimuths, elevations = zip(*rows) if rows else ((), (), ())
        return {
            "name": numpy.array(names, dtype=str),
            "azimuth": numpy.array(azimuths, dtype=float),
            "elevation": numpy.array(elevations, dtype=float),
        }


SEATTLE = leoscope.Place(47.6, -122.3)


@pytest.fixture(scope="module")
def walker():
    """As a shell of Starlink: 24 planes of 22 satellites at 53 degrees."""
    lines = []
    for plane, place in itertools.product(range(24), range(22)):
        lines += omm(
            f"SAT-{plane}-{place}",
            40_000 + 22 * plane + place,
            START - 6 * HOUR,
            15.05,
            0.0001,
            53.05,
            15 * plane,
            90,
            (360 * place / 22 + 7.5 * plane) % 360,
        )
    return leoscope.Elements("\n".join(lines))


def points(ax):
    """Azimuths and elevations of what is above the mask, in degrees."""
    found = [one for one in ax.collections if isinstance(one, PathCollection)]
    return [(math.degrees(angle), elevation) for one in found for angle, elevation in one.get_offsets()]


def tracks(ax):
    return {line.get_label()[1:]: line for line in ax.lines if line.get_label() not in ("_mask",)}


def labels(ax):
    return [text for text in ax.texts if isinstance(text, Annotation) and text.get_text()]


def arrows(ax):
    return [text for text in ax.texts if isinstance(text, Annotation) and text.arrow_patch is not None]


def test_north_is_up_and_east_on_the_right_and_the_zenith_in_the_middle():
    sky = Fake(NORTH=[(0, 40)] * 2, EAST=[(90, 40)] * 2, SOUTH=[(180, 40)] * 2, WEST=[(270, 40)] * 2, UP=[(0, 90)] * 2)
    ax = leoscope.plot.sky(sky, SEATTLE, START)
    ax.figure.draw_without_rendering()
    (found,) = [one for one in ax.collections if isinstance(one, PathCollection)]
    up, *around = ax.transData.transform(found.get_offsets())
    box = ax.get_window_extent()
    assert near(up, ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
    north, east, south, west = (one - up for one in around)
    out = numpy.hypot(*north)
    assert near((north, east, south, west), ((0, out), (out, 0), (0, -out), (-out, 0)))
    # 40 degrees are 50 of the 90 from the zenith to the horizon.
    assert out == pytest.approx(box.width / 2 * 50 / 90)
    compass = {label.get_text(): label.get_window_extent() for label in ax.get_xticklabels()}
    assert compass["E"].x0 > box.x1 - 1 and compass["N"].y0 > box.y1 - 1
    assert sorted(text.get_text() for text in labels(ax)) == ["EAST", "NORTH", "SOUTH", "UP", "WEST"]


def test_points_are_the_satellites_above_the_mask(walker):
    for mask in (10.0, 25.0):
        ax = leoscope.plot.sky(walker, SEATTLE, START, mask=mask)
        expected = walker.visible_arrays(SEATTLE, START, mask)
        assert len(expected["name"]) > 4
        assert near(points(ax), list(zip(expected["azimuth"], expected["elevation"])))
        named = labels(ax)
        assert 1 <= len(named) <= 6 and {text.get_text() for text in named} <= set(expected["name"])
        assert named[0].get_text() == expected["name"][0]
        ax.figure.draw_without_rendering()
        assert none_overlap([text.get_window_extent() for text in named])
        (ring,) = [line for line in ax.lines if line.get_label() == "_mask"]
        assert near(ring.get_ydata(), [mask] * 361)
        assert ax.get_title() == "2026-12-01 00:00:00 UTC"


def test_a_horizon_hides_what_is_behind_it():
    sky = Fake(LOW=[(0, 29)] * 2, HIGH=[(0, 31)] * 2, EAST=[(90, 49)] * 2, BEYOND=[(90, 51)] * 2)
    horizon = [(270, 10), (90, 50)]
    ax = leoscope.plot.sky(sky, SEATTLE, START, mask=horizon)
    assert near(points(ax), [(90, 51), (0, 31)])
    (ring,) = [line for line in ax.lines if line.get_label() == "_mask"]
    heights = dict(zip(range(361), ring.get_ydata()))
    assert near([heights[azimuth] for azimuth in (0, 90, 180, 270, 360)], [30, 50, 30, 10, 30])
    assert legend(ax)[-1] == "below the horizon"


@pytest.mark.parametrize("mask", [[], [1, 2, 3], [(0, 1, 2)], [(0, math.nan)]])
def test_a_mask_that_is_none_is_told(mask):
    with pytest.raises(leoscope.InvalidArgument, match="neither an elevation nor corners"):
        leoscope.plot.sky(Fake(), SEATTLE, START, mask=mask)


def test_tracks_are_drawn_from_start_to_end_where_they_are_above_the_mask():
    sky = Fake(RISES=[(90, 5), (90, 65)], CROSSES=[(200, 50), (340, 50)])
    start, end = START + 15 * SECOND, START + 45 * SECOND
    ax = leoscope.plot.sky(sky, SEATTLE, start, end=end)
    found = tracks(ax)
    assert set(found) == {"RISES", "CROSSES"}
    angles, elevations = numpy.degrees(found["CROSSES"].get_xdata()), found["CROSSES"].get_ydata()
    assert near((angles[0], angles[-1]), (235, 305)) and near(elevations, [50] * len(angles))
    # It is at 20 degrees at first, and above 25 five seconds later.
    seen = numpy.isfinite(found["RISES"].get_ydata())
    assert not seen[0] and seen[-1] and numpy.nanmin(found["RISES"].get_ydata()) >= 24.99
    heads = [(math.degrees(arrow.xy[0]), arrow.xy[1]) for arrow in arrows(ax)]
    assert near(sorted(heads), [(90, 50), (305, 50)])
    tails = [math.degrees(arrow.xyann[0]) for arrow in arrows(ax)]
    assert 300 < max(tails) < 305
    assert sorted(text.get_text() for text in labels(ax)) == ["CROSSES", "RISES"]
    assert legend(ax)[:2] == ["RISES, 50° at 00:00", "CROSSES, 50° at 00:00"]


def test_tracks_are_those_of_the_passes_and_the_highest_are_named(walker):
    end = START + 10 * MINUTE
    ax = leoscope.plot.sky(walker, SEATTLE, START, end=end)
    passes = walker.passes_arrays(SEATTLE, START, end, 25.0)
    assert len(passes["name"]) > 10 and set(tracks(ax)) == set(passes["name"])
    assert len(arrows(ax)) == len(passes["name"])
    for name, line in tracks(ax).items():
        angles, elevations = line.get_data()
        last = max(numpy.flatnonzero(numpy.isfinite(elevations)))
        (row,) = numpy.flatnonzero(passes["name"] == name)
        then = min(passes["set"][row].astype(object).replace(tzinfo=UTC), end)
        azimuth, elevation, *_ = walker.look(name, SEATTLE, then)
        if elevation > 25.1:
            assert near((math.degrees(angles[last]) % 360, elevations[last]), (azimuth, elevation), 1e-5)
    highest = [entry.split(",")[0] for entry in legend(ax)[:6]]
    peaks = [numpy.nanmax(tracks(ax)[name].get_ydata()) for name in highest]
    assert peaks == sorted(peaks, reverse=True)
    assert min(peaks) >= max(numpy.nanmax(line.get_ydata()) for name, line in tracks(ax).items() if name not in highest)
    ax.figure.draw_without_rendering()
    assert none_overlap([text.get_window_extent() for text in labels(ax)])


def test_only_the_satellites_that_are_named_are_in_the_sky(walker):
    visible = walker.visible_arrays(SEATTLE, START, 25.0)
    name, hidden = visible["name"][1], "SAT-12-3"
    assert hidden not in visible["name"]
    ax = leoscope.plot.sky(walker, SEATTLE, START, end=START + MINUTE, names=[name, hidden])
    assert near(points(ax), [(visible["azimuth"][1], visible["elevation"][1])])
    assert set(tracks(ax)) == {name}
    with pytest.raises(leoscope.InvalidArgument, match="NONE"):
        leoscope.plot.sky(walker, SEATTLE, START, names=["NONE"])


def test_more_than_a_hundred_passes_are_the_highest(walker):
    ax = leoscope.plot.sky(walker, SEATTLE, START, end=START + HOUR)
    count = len(walker.passes_arrays(SEATTLE, START, START + HOUR, 25.0)["name"])
    assert count > 100 and f"the 100 highest of {count} passes" in ax.get_title()
    assert len([line for line in ax.lines if line.get_label() != "_mask"]) == 100


def test_the_sky_needs_polar_axes():
    _, ax = pyplot.subplots()
    with pytest.raises(leoscope.InvalidArgument, match="polar axes, and ax is rectilinear"):
        leoscope.plot.sky(Fake(), SEATTLE, START, ax=ax)


# Elevation


def test_the_passes_that_are_highest_within_the_time_are_drawn(walker):
    start, end = START, START + 4 * MINUTE
    ax = leoscope.plot.elevation(walker, SEATTLE, start, end)
    peaks = {}
    for _, name in walker.satellites():
        looks = (walker.look(name, SEATTLE, start + seconds * SECOND) for seconds in range(241))
        peaks[name] = max(look[1] for look in looks)
    highest = sorted(peaks, key=peaks.get)[-12:]
    found = tracks(ax)
    assert set(found) == set(highest) and peaks[highest[0]] > 25
    for name, line in found.items():
        assert numpy.nanmax(line.get_ydata()) == pytest.approx(peaks[name], abs=0.1)
        middle = len(line.get_xdata()) // 2
        at = dates.num2date(line.get_xdata()[middle], tz=UTC)
        assert line.get_ydata()[middle] == pytest.approx(walker.look(name, SEATTLE, at)[1], abs=1e-3)
    assert len(set(LINES[:12])) == 12
    assert [line.get_color() for line in found.values()] == [color for color, _ in LINES[:12]]
    (mask,) = [line for line in ax.lines if line.get_label() == "_mask"]
    assert list(mask.get_ydata()) == [25, 25]
    assert near(ax.get_xlim(), (number(start), number(end)), TICK) and ax.get_ylim() == (0, 90)
    assert ax.get_xlabel() == "time (UTC)" and "°" in ax.get_ylabel()


def test_satellites_that_are_named_are_drawn_from_horizon_to_horizon(walker):
    end = START + 12 * HOUR
    ax = leoscope.plot.elevation(walker, SEATTLE, START, end, names=["SAT-0-0", "40100"], mask=40.0)
    expected = walker.passes_arrays(SEATTLE, START, end, 0.0, ["SAT-0-0", "40100"])
    lines = [line for line in ax.lines if line.get_label() != "_mask"]
    assert len(lines) == len(expected["name"]) > 4
    rises = sorted(line.get_xdata()[0] for line in lines)
    seen = numpy.maximum(expected["rise"], numpy.datetime64(START.replace(tzinfo=None)))
    assert near(rises, sorted(dates.date2num(seen)), TICK)
    assert max(line.get_ydata()[0] for line in lines if line.get_xdata()[0] > number(START)) < 0.1
    # All passes of a satellite look alike, and have one entry.
    assert len({(line.get_label(), line.get_color()) for line in lines}) == 2 and len(legend(ax)) == 3
    assert legend(ax)[-1] == "mask, 40°"


def test_elevations_that_the_elements_do_not_tell_are_gaps():
    class Lost(Fake):
        def track_arrays(self, name, place, times):
            found = super().track_arrays(name, place, times)
            lost = numpy.array([at > START + 30 * SECOND for at in times])
            return {name: numpy.where(lost, numpy.nan, column) for name, column in found.items()}

    ax = leoscope.plot.elevation(Lost(ONE=[(0, 30), (0, 90)]), SEATTLE, START, START + MINUTE)
    ((_, line),) = tracks(ax).items()
    assert legend(ax)[0] == "ONE, 59°"
    seen = numpy.isfinite(line.get_ydata())
    assert seen[0] and not seen[-1] and numpy.nanmax(line.get_ydata()) <= 60
    gone = Lost(ONE=[(0, 30), (0, 90)])
    ax = leoscope.plot.elevation(gone, SEATTLE, START + 40 * SECOND, START + MINUTE)
    assert not tracks(ax) and texts(ax) == ["no passes above 25°"]


def slots(ax):
    found = [one for one in ax.collections if isinstance(one, LineCollection)]
    return [dates.num2date(segment[0][0], tz=UTC) for one in found for segment in one.get_segments()]


def rounded(times):
    return [(at + timedelta(milliseconds=1)).replace(microsecond=0) for at in times]


def test_slots_of_starlink_begin_12_27_42_and_57_seconds_after_the_minute():
    sky = Fake(ONE=[(0, 30), (0, 90)])
    ax = leoscope.plot.elevation(sky, SEATTLE, START, START + 5 * MINUTE)
    found = rounded(slots(ax))
    assert len(found) == 20 and found == sorted(found)
    assert [at.second for at in found[:4]] == [12, 27, 42, 57] and {at.second for at in found} == {12, 27, 42, 57}
    # Half-open: a slot at the start is in it, one at the end is not.
    ax = leoscope.plot.elevation(sky, SEATTLE, START + 12 * SECOND, START + 42 * SECOND)
    assert rounded(slots(ax)) == [START + 12 * SECOND, START + 27 * SECOND]
    late = START + timedelta(seconds=12, milliseconds=1)
    ax = leoscope.plot.elevation(sky, SEATTLE, late, late + 20 * SECOND)
    assert rounded(slots(ax)) == [START + 27 * SECOND]
    assert "slot of Starlink" in legend(ax)


def test_slots_are_drawn_in_short_spans_or_as_one_wishes():
    sky = Fake(ONE=[(0, 30), (0, 90)])
    end = START + 5 * MINUTE + SECOND
    assert slots(leoscope.plot.elevation(sky, SEATTLE, START, end)) == []
    assert len(slots(leoscope.plot.elevation(sky, SEATTLE, START, end, slots=True))) == 20
    assert slots(leoscope.plot.elevation(sky, SEATTLE, START, START + MINUTE, slots=False)) == []


def test_an_end_before_its_start_is_told():
    for draw in (
        lambda: leoscope.plot.elevation(Fake(), SEATTLE, START, START),
        lambda: leoscope.plot.sky(Fake(), SEATTLE, START, end=START),
        lambda: leoscope.plot.windows(leoscope.Forecast(), start=START, end=START),
    ):
        with pytest.raises(leoscope.InvalidArgument, match="end 2026-12-01T00:00:00 is not after start"):
            draw()


# Windows


def window(first, last, sigma=0.0):
    return leoscope.ForecastWindow(START + first * MINUTE, START + last * MINUTE, sigma)


def test_windows_have_edges_as_wide_as_they_may_be_wrong():
    forecast = leoscope.Forecast([window(5, 10, 6.0), window(20, 22)], "satellite.elevation > 60")
    ax = leoscope.plot.windows(forecast)
    found = {label: [bar[1:3] for bar in bars(ax) if bar[0] == label] for label, *_ in bars(ax)}
    minute, sigma = number(START + MINUTE) - number(START), 6 / 86400
    at = {minutes: number(START) + minutes * minute for minutes in (5, 10, 20, 22)}
    assert near(found["holds"], [(at[5], at[10]), (at[20], at[22])], TICK)
    assert near(found["edge ± σ"], [(at[m] - sigma, at[m] + sigma) for m in (5, 10)], TICK)
    assert near(found["edge ± 2 σ"], [(at[m] - 2 * sigma, at[m] + 2 * sigma) for m in (5, 10)], TICK)
    narrow, wide = collection(ax, "edge ± σ"), collection(ax, "edge ± 2 σ")
    assert sum(wide.get_facecolor()[0][:3]) > sum(narrow.get_facecolor()[0][:3])
    # The narrow is drawn over the wide.
    assert ax.collections.index(narrow) > ax.collections.index(wide)
    assert ax.get_title() == "satellite.elevation > 60" and ax.get_xlabel() == "time (UTC)"
    assert legend(ax) == ["holds", "edge ± σ, at most 6 s", "edge ± 2 σ"]
    # Narrow ones are all as pale as they are narrow; snapped to pixels, some would show and others would not.
    assert narrow.get_snap() is False and wide.get_snap() is False and collection(ax, "holds").get_snap() is None


def test_what_cannot_be_told_is_grey_and_what_is_unforeseen_is_said():
    unknown = [(START + 30 * MINUTE, START + 40 * MINUTE)]
    forecast = leoscope.Forecast([window(5, 10)], "satellite.elevation > 60", ["dish.latency", "network.loss"], unknown)
    ax = leoscope.plot.windows(forecast)
    grey = collection(ax, "cannot be told")
    red, green, blue = grey.get_edgecolor()[0][:3]
    assert grey.get_hatch() and red == green == blue
    assert near(bars(ax)[-1][1:3], [number(at) for at in unknown[0]], TICK)
    assert "depends also on dish.latency, network.loss (unforeseen)" in ax.get_title()
    assert legend(ax) == ["can hold", "cannot be told"]


def test_several_forecasts_have_a_row_each():
    forecasts = {
        "seattle": leoscope.Forecast([window(5, 10)]),
        "berlin": leoscope.Forecast([], unforeseen=["dish.latency"]),
        "tokyo": leoscope.Forecast([window(7, 8)], unforeseen=["dish.latency", "network.loss"]),
    }
    ax = leoscope.plot.windows(forecasts)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["seattle", "berlin", "tokyo"]
    assert [(label, (low + high) / 2) for label, _, _, low, high in bars(ax)] == [("holds", 0), ("can hold", 2)]
    assert ax.get_ylim() == (2.5, -0.5)
    assert ax.get_title() == "depends also on dish.latency, network.loss (unforeseen)"


def test_the_time_that_is_shown_is_that_which_was_asked_for(walker):
    forecast = leoscope.Trigger("satellite_elevation > 80").forecast(SEATTLE, walker, START, 3 * HOUR, 25.0)
    inside = [one for one in forecast if one.end > START + HOUR and one.start < START + 2 * HOUR]
    assert 2 < len(inside) < len(forecast)
    ax = leoscope.plot.windows(forecast, start=START + HOUR, end=START + 2 * HOUR)
    assert near(ax.get_xlim(), (number(START + HOUR), number(START + 2 * HOUR)), TICK)
    found = [bar[1:3] for bar in bars(ax) if bar[0] == "holds"]
    assert near(found, [(number(one.start), number(one.end)) for one in inside], TICK)
    ax = leoscope.plot.windows(forecast)
    assert len([bar for bar in bars(ax) if bar[0] == "holds"]) == len(forecast)
    assert ax.get_xlim()[0] < number(forecast[0].start) and number(forecast[-1].end) < ax.get_xlim()[1]


# Runs


def marks(ax, status):
    return collection(ax, status).get_offsets()


def test_runs_are_as_high_as_they_were_late_and_on_rails_below_when_they_were_not_started():
    ax = leoscope.plot.runs(
        [
            Run("a", Status.COMPLETED, START, lateness=timedelta(milliseconds=2)),
            Run("a", Status.COMPLETED, START + MINUTE, lateness=timedelta(microseconds=500)),
            Run("a", Status.FAILED, START + 2 * MINUTE, lateness=timedelta(microseconds=-800)),
            Run("a", Status.SKIPPED, START + 3 * MINUTE),
            Run("a", Status.MISSED, START + 4 * MINUTE),
            Run("a", Status.SKIPPED, START + 5 * MINUTE),
        ]
    )
    minute = number(START + MINUTE) - number(START)
    done = [(number(START), 2.0), (number(START) + minute, 0.5)]
    assert near(marks(ax, "COMPLETED"), done)
    assert marks(ax, "FAILED")[0][1] == -0.8
    (skipped,) = set(marks(ax, "SKIPPED")[:, 1])
    (missed,) = set(marks(ax, "MISSED")[:, 1])
    assert ax.get_ylim()[0] < missed < skipped < -0.8
    ticks = {label.get_text(): tick for label, tick in zip(ax.get_yticklabels(), ax.get_yticks())}
    assert ticks["SKIPPED"] == skipped and ticks["MISSED"] == missed and ticks["0"] == 0
    assert not [tick for tick in ticks.values() if tick < -0.8 and tick not in (skipped, missed)]
    assert ax.get_ylabel() == "lateness (ms)" and "UTC" in ax.get_xlabel()
    assert legend(ax) == ["COMPLETED", "FAILED", "SKIPPED", "MISSED"]
    assert none_overlap(drawn_labels(ax.yaxis))


def test_a_few_runs_that_are_far_too_late_do_not_flatten_the_others():
    late = [timedelta(milliseconds=1 + n % 4) for n in range(50)] + [timedelta(seconds=9)]
    found = [Run("a", Status.COMPLETED, START + n * MINUTE, lateness=one) for n, one in enumerate(late)]
    ax = leoscope.plot.runs([*found, Run("a", Status.MISSED, START)])
    assert "log beyond 10" in ax.get_ylabel()
    low, high = (ax.transAxes.inverted().transform(ax.transData.transform((0, y)))[1] for y in (1, 4))
    assert high - low > 0.04
    top = ax.transAxes.inverted().transform(ax.transData.transform((0, 9000)))[1]
    assert 0.8 < top < 1
    missed = ax.transAxes.inverted().transform(ax.transData.transform((0, marks(ax, "MISSED")[0][1])))[1]
    assert 0 < missed < 0.1
    assert none_overlap(drawn_labels(ax.yaxis))
    ax = leoscope.plot.runs(found[:50])
    assert ax.get_yscale() == "linear" and ax.get_ylabel() == "lateness (ms)"


def test_runs_that_are_all_planned_are_on_rails_alone():
    ax = leoscope.plot.runs([Run("a", Status.SCHEDULED, START + n * MINUTE) for n in range(3)])
    assert len(marks(ax, "SCHEDULED")) == 3 and ax.get_ylabel() == ""
    assert [label.get_text() for label in ax.get_yticklabels()] == ["SCHEDULED"]


def test_a_status_that_is_not_known_here_is_drawn_too():
    ax = leoscope.plot.runs([Run("a", "PAUSED", START), Run("a", "COMPLETED", START)])
    assert legend(ax) == ["COMPLETED", "PAUSED"]
    ax = leoscope.plot.timeline([Run("a", "PAUSED", START)])
    assert legend(ax) == ["PAUSED"]


# All

NOTHING = {
    "timeline": (lambda **ax: leoscope.plot.timeline([], **ax), "no bookings, no runs"),
    "week": (lambda **ax: leoscope.plot.week([], **ax), "nothing booked"),
    "sky": (lambda **ax: leoscope.plot.sky(Fake(), SEATTLE, START, **ax), "no satellites above 25°"),
    "elevation": (
        lambda **ax: leoscope.plot.elevation(Fake(), SEATTLE, START, START + HOUR, **ax),
        "no passes above 25°",
    ),
    "windows": (lambda **ax: leoscope.plot.windows(leoscope.Forecast(), **ax), "no windows"),
    "runs": (lambda **ax: leoscope.plot.runs([], **ax), "no runs"),
}


def test_every_plot_is_tried_without_anything_in_it():
    assert sorted(NOTHING) == leoscope.plot.__all__


@pytest.mark.parametrize("name", NOTHING)
def test_empty_axes_say_so(name):
    draw, expected = NOTHING[name]
    ax = draw()
    assert texts(ax) == [expected]
    assert pyplot.get_fignums() == [ax.figure.number]
    ax.figure.draw_without_rendering()


def test_nothing_in_a_time_that_was_asked_for_has_an_axis_of_time():
    ax = leoscope.plot.windows({"a": leoscope.Forecast(), "b": leoscope.Forecast()}, start=START, end=START + HOUR)
    assert texts(ax) == ["no windows"] and near(ax.get_xlim()[1], number(START + HOUR), TICK)
    assert leoscope.plot.windows({}).texts[0].get_text() == "no windows"
    ax = leoscope.plot.week([Event("ping", "a", START, START + HOUR)], start=START + 30 * DAY)
    assert texts(ax) == ["nothing booked"]


@pytest.mark.parametrize("name", NOTHING)
def test_given_axes_are_drawn_in_and_given_back(name):
    figure, ax = pyplot.subplots(subplot_kw={"projection": "polar" if name == "sky" else "rectilinear"})
    assert NOTHING[name][0](ax=ax) is ax
    assert pyplot.get_fignums() == [figure.number]


def test_a_part_of_a_figure_can_be_drawn_in(walker):
    figure = pyplot.figure(layout="constrained", figsize=(12, 6))
    left, right = figure.subfigures(1, 2)
    sky = left.subplots(subplot_kw={"projection": "polar"})
    assert leoscope.plot.sky(walker, SEATTLE, START, end=START + MINUTE, ax=sky) is sky
    week = right.subplots()
    assert leoscope.plot.week([Event("ping", "a", START, START + HOUR)], ax=week) is week
    figure.draw_without_rendering()
    assert sky.get_legend().get_window_extent().x1 < week.get_window_extent().x0


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_missing_without_matplotlib_is_told(name, monkeypatch):
    for module in [module for module in sys.modules if module.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError) as told:
        NOTHING[name][0]()
    assert str(told.value) == "leoscope.plot needs matplotlib: pip install 'leoscope[plot]'"


def test_the_module_can_be_imported_without_matplotlib_and_numpy():
    code = """
import sys
sys.modules["matplotlib"] = sys.modules["numpy"] = None
import leoscope.plot
print(leoscope.plot.sky.__module__, len(leoscope.plot.__all__))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "leoscope.plot 6\n"
