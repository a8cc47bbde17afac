"""Cron expressions against `croniter`, which existing users of the testbed know.

2,000 generated expressions, 50 starts each. Where the two differ, the difference must be one of
those listed here (and in docs/cron.md), each of which must occur: none goes by silently.
"""

import random
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import leoscope
import pytest
from croniter import CroniterBadDateError, CroniterError, croniter

EXPRESSIONS = 2_000
STARTS = 50
BEGIN = datetime(2026, 11, 24, 9, 30)
# As far as croniter looks for the next start.
SEARCHED = timedelta(days=50 * 366)

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
FIELDS = [(0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, WEEKDAYS)]
SIZES = [60, 24, 31, 12, 7]

#: What is read differently, and why; see docs/cron.md for what it means to a user.
DIFFERENCES = {
    "range of one value": "croniter reads 7-7 as the whole field, here it is 7",
    "step beyond the field": "croniter reads */90 as */60, here it is refused",
    "step over the end of a field": "croniter reads 50-10/7 as 50, 57, 5, here it is 50, 57, 4",
    "numbered weekdays beside days of the month": "croniter loses one or fails, here either is enough",
    "all days beside a step": "croniter takes 0-6 beside */16 for no restriction, here either is enough",
    "literals beside numbered weekdays": "croniter refuses mon,5#2, here both are meant",
}


def value(chance: random.Random, low: int, high: int, names: list) -> str:
    number = chance.randint(low, high)
    if names and chance.random() < 0.3:
        name = names[(number - low) % len(names)]
        return chance.choice([name, name.upper(), name.title()])
    return chance.choice([str(number), str(number), f"{number:02}"])


def item(chance: random.Random, index: int) -> str:
    low, high, names = FIELDS[index]
    kind = chance.random()
    if index == 2 and kind < 0.05:
        return chance.choice("Ll")
    if index == 4 and kind < 0.04:
        return chance.choice([f"{value(chance, 0, 7, names)}#{chance.randint(1, 5)}", f"L{chance.randint(0, 7)}"])
    if kind < 0.35:
        return value(chance, low, high, names)
    # Mostly steps that croniter and others read alike; see the differences above.
    largest = SIZES[index] + (5 if chance.random() < 0.05 else 0)
    step = f"/{chance.randint(1, largest)}" if chance.random() < 0.4 else ""
    if kind < 0.75:
        first, last = value(chance, low, high, names), value(chance, low, high, names)
        backward = number(first, index) > number(last, index)
        return f"{first}-{last}{'' if backward and chance.random() < 0.9 else step}"
    if kind < 0.9:
        return f"*{step}"
    return f"{value(chance, low, high, names)}/{chance.randint(1, SIZES[index])}"


def field(chance: random.Random, index: int) -> str:
    if chance.random() < [0.15, 0.35, 0.5, 0.5, 0.5][index]:
        return chance.choice(["*", "*", "?"]) if index in (2, 4) else "*"
    return ",".join(item(chance, index) for _ in range(chance.choice([1, 1, 1, 2, 3])))


def expressions() -> list[str]:
    chance = random.Random(20261124)
    return [" ".join(field(chance, index) for index in range(5)) for _ in range(EXPRESSIONS)]


def theirs(expression: str) -> list[datetime] | None:
    try:
        starts = croniter(expression, BEGIN - timedelta(microseconds=1))
    except CroniterError:
        return None
    found = []
    try:
        for _ in range(STARTS):
            found.append(starts.get_next(datetime).replace(tzinfo=timezone.utc))
    except CroniterBadDateError:
        pass
    return found


def ours(expression: str, until: datetime) -> list[datetime] | None:
    try:
        return leoscope.cron_starts(expression, BEGIN, until, limit=STARTS)
    except leoscope.InvalidArgument:
        return None


def number(text: str, index: int) -> int:
    """The value a text stands for, Sunday always 0."""
    low, _, names = FIELDS[index]
    found = names.index(text.lower()) + low if text.lower() in names else int(text)
    return found % 7 if index == 4 else found


def names_all(text: str, index: int) -> bool:
    """Whether the values and ranges of a field, read as croniter does, are all there are."""
    low, size = FIELDS[index][0], SIZES[index]
    found = set()
    for part in re.split(",", text):
        span, _, step = part.partition("/")
        if not re.fullmatch(r"\w+(-\w+)?|\*", span) or span.lower().startswith("l"):
            continue
        first, _, last = span.partition("-")
        start = low if span == "*" else number(first, index)
        end = number(last, index) if last else (start if not step and span != "*" else low + size - 1)
        if last and start == end or (index == 4 and span == "0-7"):
            start, end = low, low + size - 1
        length = (end - start) % size + 1
        found |= {(start - low + place) % size for place in range(0, length, int(step or 1))}
    return len(found) == size


def differences(expression: str) -> set[str]:
    """The listed differences that an expression contains."""
    found = set()
    days, weekdays = expression.split()[2], expression.split()[4]
    if re.search(r"#|[lL]\d", weekdays) and not {"*", "?"} & set(days.split(",")):
        found.add("numbered weekdays beside days of the month")
    if ("*/" in days and names_all(weekdays, 4)) or ("*/" in weekdays and names_all(days, 2)):
        found.add("all days beside a step")
    for index, text in enumerate(expression.split()):
        items = text.split(",")
        for part in items:
            span, _, step = part.partition("/")
            ends = span.split("-")
            whole_week = index == 4 and ends == ["0", "7"]
            if len(ends) == 2 and not whole_week and number(ends[0], index) == number(ends[1], index):
                found.add("range of one value")
            if len(ends) == 2 and step and number(ends[0], index) > number(ends[1], index):
                found.add("step over the end of a field")
            if step and int(step) > SIZES[index]:
                found.add("step beyond the field")
        numbered = [part for part in items if "#" in part or re.match(r"[lL]\d", part)]
        if index == 4 and numbered and len(numbered) < len(items):
            found.add("literals beside numbered weekdays")
    return found


def test_generated_expressions_start_when_croniter_says():
    agreed, refused_by_both, explained = 0, 0, Counter()
    for expression in expressions():
        expected = theirs(expression)
        until = expected[-1] + timedelta(microseconds=1) if expected else BEGIN + SEARCHED
        found = ours(expression, until)
        if found == expected:
            agreed += found is not None
            refused_by_both += found is None
            continue
        reasons = differences(expression)
        assert reasons, f"{expression!r}: croniter {(expected or [])[:3]}, here {(found or [])[:3]}"
        explained.update(reasons)
    print(f"{agreed} agree, {refused_by_both} refused by both, explained: {dict(explained)}")
    assert set(explained) == set(DIFFERENCES), "each listed difference occurs"
    assert agreed > EXPRESSIONS * 0.8


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 1-31 * 1",
        "0 0 */1 * 2",
        "0 0 1 * 0-6",
        "0 0 1 * *,1",
        "0 0 L 2 1",
        "0 22-4/2 * * *",
        "0 0 * nov-feb *",
        "0 0 28-3/2 * *",
        "0 0 * * fri-mon",
        "0 0 * * 7/2",
        "0 0 * * 3/2",
        "0 0 * * 1#1,L5",
        "0 0 29 2 *",
        "0 0 13 * 5",
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
    ],
)
def test_corners_that_chance_may_not_hit(expression):
    expected = theirs(expression)
    assert expected and ours(expression, expected[-1] + timedelta(microseconds=1)) == expected


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_impossible_dates_never_fire(expression):
    assert theirs(expression) == []
    assert ours(expression, BEGIN + SEARCHED) == []


@pytest.mark.parametrize("expression", ["1,,2 * * * *", "*/0 * * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 1,? * 1", "x * * * *"])
def test_nonsense_is_refused_by_both(expression):
    assert theirs(expression) is None and ours(expression, BEGIN + SEARCHED) is None


@pytest.mark.parametrize(
    ("expression", "difference"),
    [
        ("* * * * * *", "seconds"),
        ("* * * * * 0 2030", "seconds and years"),
        ("R * * * *", "random"),
        ("0 0 1-L * *", "L inside a range"),
    ],
)
def test_what_croniter_has_beyond_five_fields_is_refused(expression, difference):
    assert theirs(expression) is not None, difference
    assert ours(expression, BEGIN + SEARCHED) is None, difference


def test_the_documentation_lists_every_difference():
    page = (Path(__file__).parents[2] / "docs" / "cron.md").read_text()
    for example in ["`7-7`", "`*/90`", "`50-10/7`", "`0 0 8 * 5#2`", "`0 0 */16 * 0-6`", "`mon,5#2`", "seconds", "`R`", "`1-L`"]:
        assert example in page, example
