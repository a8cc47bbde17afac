"""What is shown in notebooks: well-formed, escaped, and readable without colours."""

from __future__ import annotations

import enum
import re
import xml.etree.ElementTree as ElementTree
from datetime import date, datetime, timedelta, timezone

import numpy
import pandas
import pytest
from leoscope._html import badge, facts, table

UTC = timezone.utc


class Status(str, enum.Enum):
    RUNNING = "RUNNING"
    FAILED = "FAILED"


class Kind(enum.Enum):
    CRON = "cron"
    LEVEL = 3


def text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def read(markup: str) -> tuple[str, list[list[str]]]:
    """The caption and the cells; what is no well-formed XML is refused."""
    root = ElementTree.fromstring(markup)
    caption = root.find(".//caption")
    rows = [[text(cell) for cell in row] for row in root.iter("tr")]
    return "" if caption is None else text(caption), rows


def cell(value: object, name: str = "x") -> str:
    return read(table([name], [[value]]))[1][1][0]


def test_a_table_has_its_header_rows_and_caption():
    caption, rows = read(table(["id", "runs"], [["exp-1", 3], ["exp-2", None]], caption="2 jobs"))
    assert caption == "2 jobs"
    assert rows == [["id", "runs"], ["exp-1", "3"], ["exp-2", "–"]]
    assert read(table(["id"], []))[1] == [["id"], ["nothing"]]
    assert "<caption" not in table(["id"], [])


EVIL = ["<script>alert(1)</script>", '"><img src=x onerror=y>', "a & b", "'", "</td>", "&lt;"]


@pytest.mark.parametrize("evil", EVIL)
def test_everything_is_escaped(evil):
    class Named:
        def __str__(self) -> str:
            return evil

    class Odd(str, enum.Enum):
        STATUS = evil

    markups = [
        table([evil], [[evil], [Named()], [[evil]], [{evil: evil}], [Odd.STATUS]], caption=evil),
        table(["status"], [[evil], [Odd.STATUS]]),
        facts(evil, [(evil, evil), ("status", evil)]),
        badge(evil),
    ]
    for markup in markups:
        root = ElementTree.fromstring(markup)
        tags = {element.tag for element in root.iter()}
        assert tags <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "em"}
        assert evil in text(root)
        for element in root.iter():
            assert set(element.attrib) <= {"style", "scope", "colspan", "aria-hidden"}, element.attrib
            assert evil not in element.attrib.values()


def test_only_so_many_rows_are_shown_and_the_rest_is_counted():
    rows = read(table(["n"], ([n] for n in range(120))))[1]
    assert rows[1:-1] == [[str(n)] for n in range(50)]
    assert rows[-1] == ["… and 70 more"]
    assert read(table(["n"], [[0], [1]], limit=2))[1][-1] == ["1"]
    assert read(table(["n", "m"], [[0, 0]] * 3, limit=1))[1][2:] == [["… and 2 more"]]
    assert read(table(["n"], [[0]], limit=0))[1] == [["n"], ["… and 1 more"]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (pandas.NaT, "–"),
        (True, "yes"),
        (False, "no"),
        (47.60621, "47.6062"),
        (0.1 + 0.2, "0.3"),
        (numpy.float64(1.5), "1.5"),
        (datetime(2026, 12, 1, 12, 0, 0, 900_000), "2026-12-01 12:00:00"),
        (datetime(2026, 12, 1, 13, tzinfo=timezone(timedelta(hours=1))), "2026-12-01 12:00:00"),
        (pandas.Timestamp("2026-12-01 12:00", tz="UTC"), "2026-12-01 12:00:00"),
        (date(2026, 12, 1), "2026-12-01"),
        (["a", 1, None], "a, 1, –"),
        ({"b", "a"}, "a, b"),
        ({"memory": "1g", "cpus": None}, "memory=1g, cpus=–"),
        (Kind.CRON, "cron"),
        (Kind.LEVEL, "LEVEL"),
        ("RUNNING", "RUNNING"),
        ("", ""),
    ],
)
def test_values_are_written_for_people(value, expected):
    assert cell(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.0000015, "0.002 ms"),
        (0.25, "250 ms"),
        (1, "1 s"),
        (12.3456, "12.35 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (119.7, "2 min"),
        (3599.8, "1 h"),
        (5400, "1 h 30 min"),
        (86399.9, "1 d"),
        (93_600, "1 d 2 h"),
        (30 * 86400, "30 d"),
        (-90, "−1 min 30 s"),
    ],
)
def test_lengths_are_written_in_units(seconds, expected):
    assert cell(timedelta(seconds=seconds)) == expected


def test_that_times_are_in_utc_is_said_where_there_are_some():
    at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    rows = read(table(["id", "start", "end"], [["a", None, None], ["b", at, None]]))[1]
    assert rows[0] == ["id", "start (UTC)", "end"]
    rows = read(facts("run", [("start", at), ("end", None), ("taken", (at, at))]))[1]
    shown = "2026-12-01 12:00:00"
    assert rows == [["start", f"{shown} UTC"], ["end", "–"], ["taken", f"{shown}, {shown} UTC"]]


def test_statuses_are_badges_by_their_column_or_their_type():
    assert cell("RUNNING", "status") == cell(Status.RUNNING, "last") == "▶ RUNNING"
    assert cell("online", "State") == "● online"
    assert cell("MET", "verdict") == "✓ MET"
    assert cell("FAILED", "name") == "FAILED", "a job may be called so"
    assert cell("SOMETHING_NEW", "status") == "• SOMETHING_NEW"
    assert cell(None, "status") == "–"
    assert cell(3, "status") == "3"
    assert read(facts("run", [("status", Status.FAILED)]))[1] == [["status", "✗ FAILED"]]


def test_a_badge_is_read_without_its_colour_and_on_any_background():
    names = ["SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "ABORTED", "SKIPPED", "MISSED"]
    signs = set()
    for name in names:
        root = ElementTree.fromstring(badge(name))
        sign, word = text(root).split()
        assert word == name
        signs.add(sign)
        style = root.attrib["style"]
        # The word is in the colour of the page's text, on a veil through which its background is seen.
        assert "color: inherit" in style
        assert re.search(r"background: rgba\(\d+, \d+, \d+, 0\.2\)", style), style
    assert len(signs) == len(names)
    assert badge(Status.RUNNING) == badge("RUNNING")


def test_it_needs_nothing_from_elsewhere():
    markup = table(["status", "at"], [["RUNNING", datetime(2026, 1, 1)]], caption="c") + facts("t", [("a", 1)])
    for word in ("<script", "<style", "<link", "<img", "url(", "http", "class=", "id="):
        assert word not in markup, word


def test_numbers_stand_on_the_right_and_all_else_on_the_left():
    rows = [[1, "2", None], [None, "b", None], [numpy.int64(3), "c", None]]
    root = ElementTree.fromstring(table(["n", "name", "nothing"], rows))
    for row in root.iter("tr"):
        aligned = ["right" if "text-align: right" in one.attrib["style"] else "left" for one in row]
        assert aligned == ["right", "left", "left"]


def test_lines_stay_lines():
    root = ElementTree.fromstring(facts("run", [("why", "one\ntwo")]))
    last = list(root.iter("td"))[-1]
    assert text(last) == "one\ntwo"
    assert "white-space: pre-wrap" in last.attrib["style"]
