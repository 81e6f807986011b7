"""Schedules that are listed in other ways, and edits on top of them."""

import contextlib
from dataclasses import replace
from datetime import UTC
import random
from typing import Final

from hypothesis import given, strategies as st

from custom_components.hypervolt_charger.hypervolt.draft import SLOTS, ScheduleDraft
from custom_components.hypervolt_charger.hypervolt.errors import InvalidSchedule
from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
    read_v3,
    same_schedule,
    same_sessions,
    write_v3,
)

from .cases import many

MINUTE: Final = 60
MODES: Final = ("boost", "eco", "super_eco", "new_mode")

starts = st.integers(0, 24 * 60 - 1).map(lambda minute: ClockTime(minute * MINUTE))
ends = st.integers(1, 24 * 60).map(lambda minute: ClockTime(minute * MINUTE))
some_days = st.frozensets(st.sampled_from(Weekday), min_size=1)
sessions = st.builds(
    ScheduleSession,
    start=starts,
    end=ends,
    days=some_days,
    mode=st.sampled_from(MODES),
).filter(lambda session: session.start != session.end)
schedules = st.builds(
    Schedule,
    enabled=st.booleans(),
    sessions=st.lists(sessions, max_size=8).map(tuple),
)
seconds = st.integers(0, 24 * 60 * 60).map(ClockTime)
# Each names a slot and changes some of it.
edits = st.tuples(
    st.integers(1, SLOTS),
    st.fixed_dictionaries(
        {},
        optional={
            "start": starts | seconds.filter(lambda clock: clock.seconds < 86_400),
            "end": ends | seconds,
            "mode": st.sampled_from(MODES),
            "days": some_days,
        },
    ),
)


def relisted(schedule: Schedule, seed: int) -> JsonValue:
    """Return what a charger may answer that has this schedule."""
    chance = random.Random(seed)
    written = write_v3(schedule, enabled=schedule.enabled)["sessions"]
    assert isinstance(written, list)
    listed: list[JsonValue] = []
    for item in written:
        assert isinstance(item, dict)
        assert isinstance(item["days"], list)
        item["mode"] = chance.choice([str.upper, str.lower, str.title])(
            str(item["mode"])
        )
        if chance.random() < 0.5:
            listed.append(item)
        else:
            listed.extend({**item, "days": [day]} for day in item["days"])
    chance.shuffle(listed)
    return {"applied": {"enabled": schedule.enabled, "sessions": listed}}


def edited(
    draft: ScheduleDraft, changes: list[tuple[int, dict[str, object]]]
) -> ScheduleDraft:
    for number, change in changes:
        draft = draft.edit(number, **change)  # type: ignore[arg-type]
    return draft


@many
@given(schedules, st.integers())
def test_listed_in_another_way_it_is_the_same(schedule: Schedule, seed: int) -> None:
    found = read_v3(relisted(schedule, seed), zone=UTC)
    assert same_schedule(found, schedule)
    assert not same_schedule(found, replace(schedule, enabled=not schedule.enabled))


@many
@given(schedules, sessions)
def test_charging_at_other_times_is_another_one(
    schedule: Schedule, session: ScheduleSession
) -> None:
    more = replace(schedule, sessions=(*schedule.sessions, session))
    alone = replace(schedule, sessions=())
    assert not same_sessions(more, alone)
    if not same_sessions(more, schedule):
        assert not same_sessions(schedule, more)
    other_mode = replace(session, mode="other")
    assert not same_sessions(
        more, replace(more, sessions=(*schedule.sessions, other_mode))
    ) or any(item.mode == session.mode for item in schedule.sessions)


@many
@given(schedules, schedules, st.lists(edits, max_size=6))
def test_what_is_not_edited_is_unchanged(
    before: Schedule, now: Schedule, changes: list[tuple[int, dict[str, object]]]
) -> None:
    draft = edited(ScheduleDraft.from_schedule(before), changes)
    originals = [edit.original(number) for number, edit in draft.edits]
    with contextlib.suppress(InvalidSchedule):
        wanted = draft.to_schedule(before)
        for session in before.sessions:
            assert session in wanted.sessions or session in originals
    draft = draft.rebase(now)
    try:
        wanted = draft.to_schedule(now)
    except InvalidSchedule:
        return
    assert wanted.enabled is now.enabled
    if same_sessions(replace(now, sessions=before.sessions), now):
        # Only listed in another way: either list is as good.
        return
    for session in now.sessions:
        assert session in wanted.sessions or session in originals


@many
@given(schedules, st.lists(edits, max_size=6))
def test_no_half_session_is_dropped(
    before: Schedule, changes: list[tuple[int, dict[str, object]]]
) -> None:
    draft = edited(ScheduleDraft.from_schedule(before), changes)
    slots = [draft.slot(number) for number in range(1, SLOTS + 1)]
    half = any(
        (slot.start is None or slot.end is None)
        and (slot.start or slot.end or slot.mode or slot.days)
        for slot in slots
    )
    try:
        wanted = draft.to_schedule(before)
    except InvalidSchedule:
        assert half
        return
    assert not half
    for slot in slots:
        if slot.start is None or slot.is_unused:
            continue
        assert any(
            (item.start, item.end) == (slot.start, slot.end) for item in wanted.sessions
        )


@many
@given(schedules, st.lists(edits, max_size=6))
def test_nothing_but_whole_minutes_is_written(
    before: Schedule, changes: list[tuple[int, dict[str, object]]]
) -> None:
    draft = edited(ScheduleDraft.from_schedule(before), changes)
    with contextlib.suppress(InvalidSchedule):
        written = write_v3(draft.to_schedule(before), enabled=True)["sessions"]
        assert isinstance(written, list)
        for item in written:
            assert isinstance(item, dict)
            for edge in ("start_time", "end_time"):
                assert len(str(item[edge])) == 5
