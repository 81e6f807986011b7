"""Schedules nobody would think of: what is written is what is read, for all of them.

The simulator's own strict reader stands for the cloud in between.
"""

from datetime import UTC, datetime, timedelta
import json
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings, strategies as st

from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltChargeMode,
)
from custom_components.hypervolt_charger.hypervolt.errors import InvalidSchedule
from custom_components.hypervolt_charger.hypervolt.plan import (
    Window,
    clean,
    to_daily_intervals,
    to_sessions,
)
from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue
from custom_components.hypervolt_charger.hypervolt.schedule import (
    DAY_END,
    MIDNIGHT,
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
    occurrences,
    read_v2,
    read_v3,
    same_sessions,
    validate,
    write_v2,
    write_v3,
)
from custom_components.hypervolt_charger.planned_schedule import CODEC
from tests.simulator.schedule import (
    Schedule as ChargersSchedule,
    parse_rest_schedule,
    parse_schedule_set,
)

ZONES = [
    ZoneInfo(name)
    for name in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC")
]
# Clocks change in London, New York and on Lord Howe Island; a leap day; a new year.
MOMENTS = [
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2027, 3, 28, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2027, 3, 14, tzinfo=UTC),
    datetime(2027, 4, 3, tzinfo=UTC),
    datetime(2026, 10, 3, tzinfo=UTC),
    datetime(2028, 2, 29, tzinfo=UTC),
    datetime(2026, 12, 31, tzinfo=UTC),
]

# What clocks show twice there, both times of it: from the first showing of its
# beginning to the second of its end.
SHOWN_TWICE = {
    "Europe/London": Window(
        datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC)
    ),
    "America/New_York": Window(
        datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)
    ),
    "Australia/Lord_Howe": Window(
        datetime(2027, 4, 3, 14, 30, tzinfo=UTC),
        datetime(2027, 4, 3, 15, 30, tzinfo=UTC),
    ),
}
# A window that begins in the first showing of an hour and ends in the second.
ACROSS = (
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    [
        Window(
            datetime(2026, 10, 25, 0, 4, tzinfo=UTC),
            datetime(2026, 10, 25, 1, 1, tzinfo=UTC),
        )
    ],
)

minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: ClockTime(minute * 60))
ends = st.one_of(minutes, st.just(DAY_END), st.just(MIDNIGHT))
weekdays = st.frozensets(st.sampled_from(Weekday), min_size=1)


@st.composite
def sessions(draw: st.DrawFn, *, daily: bool = False) -> ScheduleSession:
    """Draw a session as people have them."""
    start, end = draw(minutes), draw(ends)
    if start == end:
        end = DAY_END
    if daily:
        return ScheduleSession(start=start, end=end)
    mode = draw(st.sampled_from([str(mode) for mode in HypervoltChargeMode]))
    return ScheduleSession(start=start, end=end, days=draw(weekdays), mode=mode)


@st.composite
def schedules(draw: st.DrawFn, *, daily: bool = False) -> Schedule:
    """Draw a schedule without overlaps."""
    kept: tuple[ScheduleSession, ...] = ()
    for session in draw(st.lists(sessions(daily=daily), max_size=5)):
        wider = Schedule(enabled=True, sessions=(*kept, session))
        try:
            validate(wider, max_sessions=100)
        except InvalidSchedule:
            continue
        kept = wider.sessions
    return Schedule(enabled=draw(st.booleans()), sessions=kept)


@st.composite
def nights(draw: st.DrawFn) -> tuple[datetime, list[Window]]:
    """Draw a present and the windows of a plan, around days of trouble."""
    now = draw(st.sampled_from(MOMENTS)) + timedelta(
        minutes=draw(st.integers(-36 * 60, 24 * 60))
    )
    windows = []
    for _ in range(draw(st.integers(1, 4))):
        start = now + timedelta(minutes=draw(st.integers(0, 40 * 60)))
        windows.append(
            Window(start, start + timedelta(minutes=draw(st.integers(1, 600))))
        )
    return now, windows


def over_the_wire(document: object) -> JsonValue:
    """Return what arrives of a document."""
    received: JsonValue = json.loads(json.dumps(document))
    return received


@given(schedules())
def test_the_v3_form(schedule: Schedule) -> None:
    params = write_v3(schedule, enabled=schedule.enabled)
    stored = parse_schedule_set(params, ChargersSchedule(), max_sessions=100)
    read = read_v3(over_the_wire({"applied": stored.to_json()}), zone=ZONES[0])
    assert read
    assert read.enabled is schedule.enabled
    assert same_sessions(read, schedule)
    # From then on nothing changes any more.
    again = read_v3({"applied": write_v3(read, enabled=read.enabled)}, zone=None)
    assert again == read


@given(schedules(daily=True))
def test_the_v2_form(schedule: Schedule) -> None:
    body = write_v2(schedule, enabled=schedule.enabled)
    stored = parse_rest_schedule(body)
    read = read_v2(over_the_wire(stored.to_json()))
    assert read
    assert read.enabled is schedule.enabled
    assert same_sessions(read, schedule)


@given(schedules())
def test_the_form_on_disk(schedule: Schedule) -> None:
    assert CODEC.decode(Schedule, CODEC.encode(schedule)).value == schedule


@settings(max_examples=300)
@given(nights(), st.sampled_from(ZONES))
@example(ACROSS, ZoneInfo("Europe/London"))
def test_a_plan_is_covered_and_not_much_more(
    night: tuple[datetime, list[Window]], zone: ZoneInfo
) -> None:
    """Every minute of the plan is charged in, on days of clock changes too."""
    now, windows = night
    planned, _ = to_sessions(windows, zone=zone, mode="boost", now=now, max_sessions=20)
    schedule = Schedule(enabled=True, sessions=planned)
    write_v3(schedule, enabled=True)
    covered = clean(
        (
            Window(found.start, found.end)
            for found in occurrences(schedule, after=now, zone=zone, days=4)
        ),
        now=now,
    )
    wanted = clean(windows, now=now)
    for window in wanted:
        assert any(c.start <= window.start and window.end <= c.end for c in covered)
    # A charger can't tell one showing of an hour from the other, and a plan across the
    # moment between them needs the hour's end as well as its beginning: what is shown
    # twice may be charged in both times and as a whole. All else is as planned.
    allowed = wanted
    twice = SHOWN_TWICE.get(zone.key)
    if twice and any(w.start < twice.end and twice.start < w.end for w in wanted):
        allowed = clean((*wanted, twice), now=now)
    for window in covered:
        assert any(a.start <= window.start and window.end <= a.end for a in allowed)


@settings(max_examples=300)
@given(nights(), st.sampled_from(ZONES))
def test_a_daily_plan_is_covered(
    night: tuple[datetime, list[Window]], zone: ZoneInfo
) -> None:
    now, windows = night
    planned, left_out = to_daily_intervals(windows, zone=zone, now=now)
    schedule = Schedule(enabled=True, sessions=planned)
    parse_rest_schedule(write_v2(schedule, enabled=True))
    covered = clean(
        (
            Window(found.start, found.end)
            for found in occurrences(schedule, after=now, zone=zone, days=4)
        ),
        now=now,
    )
    for window in clean(windows, now=now):
        end = min([window.end, *(w.start for w in left_out if w.end == window.end)])
        if window.start < end:
            assert any(c.start <= window.start and end <= c.end for c in covered)
