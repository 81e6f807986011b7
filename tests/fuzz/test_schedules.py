"""Schedules of both wire forms, and what any planner may have."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
import json
import random
from time import perf_counter
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.hypervolt_charger.hypervolt.errors import InvalidSchedule
from custom_components.hypervolt_charger.hypervolt.plan import (
    PlanError,
    PlanProblem,
    Window,
    read_plan,
    to_daily_intervals,
    to_sessions,
)
from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue
from custom_components.hypervolt_charger.hypervolt.schedule import (
    Schedule,
    next_occurrence,
    parse_days,
    read_v2,
    read_v3,
    write_v2,
    write_v3,
)

from .cases import documents, few, many, nested, scalars, texts
from .test_protocol import assert_sound_schedule

ZONES = st.sampled_from(
    [ZoneInfo("Europe/London"), ZoneInfo("Australia/Lord_Howe"), UTC]
)
NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
CLOCKS: Final = ("00:00", "23:30", "24:00", "01:30:15", "7:05", "2026-10-25T01:30:00Z")
V3: Final = (
    "applied", "enabled", "type", "octopus", "hypervolt", "sessions", "days", "MONDAY",
    "start_time", "end_time", "mode", "boost", "session_type", *CLOCKS,
)  # fmt: skip
V2: Final = (
    "intervals",
    "hours",
    "minutes",
    "seconds",
    "enabled",
    "tz",
    "Europe/London",
)
PLAN: Final = (
    "target_times", "planned_dispatches", "planned", "charging_schedule", "windows",
    "list", "events", "deferrables_schedule", "p_deferrable0", "date", "start", "end",
    "start_time", "end_time", "startDtUtc", "from", "to", "valid_from", "price", "value",
    "monday", "timeslots", "weekdays", "rates", "all_day", "message", "meta", "source",
    "bump-charge", "action", "charge", *CLOCKS, "10-25 01:30", "23:30 - 05:30, 12:00-13:00",
)  # fmt: skip

v3_sessions = st.fixed_dictionaries(
    {},
    optional={
        "start_time": st.sampled_from(CLOCKS) | scalars,
        "end_time": st.sampled_from(CLOCKS) | scalars,
        "days": st.lists(st.sampled_from(("MONDAY", "SUNDAY")) | texts, max_size=7)
        | scalars,
        "mode": st.sampled_from(("boost", "eco")) | scalars,
    },
)
v3_schedules = st.fixed_dictionaries(
    {
        "applied": st.fixed_dictionaries(
            {"sessions": st.lists(v3_sessions, max_size=8)},
            optional={
                "enabled": scalars,
                "type": st.sampled_from(("hypervolt", "octopus")) | scalars,
            },
        )
    }
)
v2_clocks = st.fixed_dictionaries(
    {}, optional={key: st.integers(-1, 61) | scalars for key in V2[1:4]}
)
v2_schedules = st.fixed_dictionaries(
    {"intervals": st.lists(st.lists(v2_clocks, max_size=3), max_size=5)},
    optional={"enabled": scalars, "tz": texts},
)
# A planner's data is Home Assistant's own: there are dates and times among it.
python_values = st.one_of(
    documents(*PLAN),
    st.recursive(
        st.one_of(
            scalars,
            st.sampled_from(PLAN),
            st.datetimes(),
            st.datetimes(timezones=ZONES),
            st.dates(),
            st.times(),
            st.integers(1_700_000_000, 1_800_000_000),
            st.builds(
                lambda hours: (NOW + timedelta(hours=hours)).isoformat(),
                st.integers(-48, 200),
            ),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.tuples(inner),
            st.dictionaries(st.sampled_from(PLAN) | scalars, inner, max_size=6),
        ),
        max_leaves=25,
    ),
)


@many
@given(documents(*V3) | v3_schedules, ZONES, st.booleans())
def test_any_v3_schedule(payload: JsonValue, zone: ZoneInfo, filtered: bool) -> None:
    _assert_usable(read_v3(payload, zone=zone, now=NOW if filtered else None), zone)


@many
@given(documents(*V2) | v2_schedules, ZONES)
def test_any_v2_schedule(body: JsonValue, zone: ZoneInfo) -> None:
    _assert_usable(read_v2(body), zone)


def _assert_usable(schedule: Schedule | None, zone: ZoneInfo) -> None:
    """Check that what was read can be shown, and written or refused."""
    if schedule is None:
        return
    assert_sound_schedule(schedule)
    next_occurrence(schedule, after=NOW, zone=zone)
    for write in (write_v3, write_v2):
        try:
            write(schedule, enabled=True)
        except InvalidSchedule:
            continue


@many
@given(python_values, st.none() | st.sampled_from(PLAN) | texts, ZONES, st.booleans())
def test_any_planner(
    value: object, attribute: str | None, zone: ZoneInfo, boost: bool
) -> None:
    try:
        plan = read_plan(
            value, attribute=attribute, now=NOW, local_zone=zone, include_boost=boost
        )
    except PlanError:
        return
    assert plan.windows
    for window in plan.windows:
        assert NOW <= window.start < window.end
    to_daily_intervals(plan.windows, zone=zone, now=NOW)
    with contextlib.suppress(PlanError):
        to_sessions(plan.windows, zone=zone, mode="boost", now=NOW, max_sessions=6)


PRICES: Final = (
    "price", "value", "value_inc_vat", "per_kwh", "price_per_kwh", "total", "cost",
    "electricity_price", "agile_pred", "rate",
)  # fmt: skip
PLANNERS: Final = (
    "target_times", "planned_dispatches", "planned", "planned_windows", "slots", "list",
    "events",
)  # fmt: skip
minutes = st.lists(st.sampled_from((5, 15, 30, 60, 120, 240)), min_size=2, max_size=100)
offsets = st.integers(-600, 600)


def _rows(
    lengths: list[int], offset: int, **members: object
) -> list[dict[str, object]]:
    """Return touching rows of so many minutes each, with these members."""
    rows: list[dict[str, object]] = []
    start = NOW + timedelta(minutes=offset)
    for length in lengths:
        end = start + timedelta(minutes=length)
        rows.append({"start": start.isoformat(), "end": end.isoformat(), **members})
        start = end
    return rows


@many
@given(
    minutes,
    offsets,
    st.dictionaries(
        st.sampled_from(PRICES), st.none() | st.floats(-1, 500), min_size=1, max_size=2
    ),
    st.sampled_from(("", "SE3", "data", "prices", "raw_today", "list", "slots")),
    st.randoms(use_true_random=False),
)
def test_no_price_list_becomes_a_plan(
    lengths: list[int],
    offset: int,
    prices: dict[str, float | None],
    key: str,
    chance: random.Random,
) -> None:
    """Whatever its length, its steps, its order, its holes and its name."""
    rows = _rows(lengths, offset, **prices)
    holes = chance.sample(rows[1:-1], k=min(len(rows[1:-1]), chance.randrange(4)))
    touching = [
        one["end"] == other["start"]
        for one, other in pairwise(row for row in rows if row not in holes)
    ]
    if not any(touching):
        return
    rows = [row for row in rows if row not in holes]
    chance.shuffle(rows)
    value: object = {key: rows} if key else rows
    for form in (value, json.dumps(value)):
        with pytest.raises(PlanError) as refused:
            read_plan(form, attribute=None, now=NOW, local_zone=UTC)
        assert refused.value.reason is PlanProblem.PRICE_LIST


@many
@given(
    minutes,
    offsets,
    st.sampled_from(("kwh", "power", "energy", "estimated_power_kw")),
    st.sampled_from((0, 0.0, -0.0, "0", "0.0", " 0 ", "0e5", False)),
    st.none() | st.sampled_from(PLANNERS),
)
def test_rows_of_zero_never_become_windows(
    lengths: list[int], offset: int, member: str, zero: object, key: str | None
) -> None:
    rows = _rows(lengths, offset, **{member: zero})
    value = rows if key is None else {key: rows}
    with pytest.raises(PlanError) as refused:
        read_plan(value, attribute=None, now=NOW, local_zone=UTC)
    assert refused.value.reason is PlanProblem.EMPTY


@many
@given(minutes, st.sampled_from(PLANNERS))
def test_touching_rows_without_a_price_are_a_plan(lengths: list[int], key: str) -> None:
    """Of any length: a slow charger charges for more than a day."""
    value = {key: _rows(lengths, 60)}
    plan = read_plan(value, attribute=None, now=NOW, local_zone=UTC)
    start = NOW + timedelta(hours=1)
    assert plan.windows == (Window(start, start + timedelta(minutes=sum(lengths))),)


@few
@given(st.integers(1, 5000), st.integers(2, 10), st.integers(0, 3), ZONES)
def test_long_plans_take_a_bounded_time(
    count: int, gap: int, length: int, zone: ZoneInfo
) -> None:
    """It is the shape of the work that is bounded, not the speed of a machine."""
    windows = [
        Window(start, start + timedelta(minutes=length, seconds=30))
        for start in (
            NOW + timedelta(minutes=index * (gap + length)) for index in range(count)
        )
    ]
    before = perf_counter()
    with contextlib.suppress(PlanError):
        to_sessions(windows, zone=zone, mode="boost", now=NOW, max_sessions=6)
    to_daily_intervals(windows, zone=zone, now=NOW)
    assert perf_counter() - before < 10


@many
@given(texts)
def test_any_days(text: str) -> None:
    with contextlib.suppress(InvalidSchedule):
        parse_days(text)


def test_hostile_sizes() -> None:
    """A plan nobody meant ends in a word, not in an exception nobody expects."""
    deep: object = [{"start": "01:00", "end": "02:00"}]
    for _ in range(5000):
        deep = {"slots": deep}
    for value in (
        deep,
        nested(5000),
        "[" * 1_000_000,
        "23:30-05:30," * 50_000,
        [{"start": 10**5000, "end": 10**5000}],
        {"target_times": [{"start": "23:30", "end": "05:30"}] * 50_000},
        {"windows": {date.min: time.max}},
    ):
        try:
            read_plan(value, attribute=None, now=NOW, local_zone=UTC)
        except PlanError:
            continue
