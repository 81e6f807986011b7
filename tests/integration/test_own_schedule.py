"""That nothing of a person's schedule is lost on its way to the charger and back."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
import json

from homeassistant.components.button import SERVICE_PRESS
from homeassistant.components.text import ATTR_VALUE
from homeassistant.components.time import ATTR_TIME, SERVICE_SET_VALUE
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hypervolt_charger.const import CONF_PLANNER
from custom_components.hypervolt_charger.planned_schedule import (
    CODEC,
    StoredPlan,
    store_of,
)
from custom_components.hypervolt_charger.records import Json as StoredJson
from tests.conftest import Rig, SetUpCharger
from tests.simulator import ChargeMode, Interval, Listing, Personality, Session
from tests.simulator.schedule import relisted
from tests.simulator.vocabulary import Json
from tests.waiting import eventually

from .acting import act
from .scheduling import TRACKER, call, sessions, writes

NIGHT = Session("01:00", "05:00", days=("MONDAY", "TUESDAY"))
NOON = Session("12:00", "13:00", ChargeMode.ECO, ("FRIDAY",))
UNKNOWN: tuple[Json, ...] = (
    {"session_type": "sunrise", "offset": 30},
    {"start_time": "half past six", "end_time": "07:00", "days": ["MONDAY"]},
    None,
)
DATED: dict[str, Json] = {
    "session_type": "once",
    "start_time": "2099-06-01T10:00:00Z",
    "end_time": "2099-06-01T11:00:00Z",
    "mode": "boost",
}
LISTINGS = (
    {Listing.SORTED},
    {Listing.REVERSED},
    {Listing.EACH_DAY},
    {Listing.UPPER_CASE},
    set(Listing),
)


async def edit(rig: Rig, number: int, start: str, end: str) -> None:
    for edge, value in (("start", start), ("end", end)):
        key = f"schedule_session_{number}_{edge}_time"
        await act(rig, "time", SERVICE_SET_VALUE, key, **{ATTR_TIME: value})


async def apply(rig: Rig) -> None:
    await act(rig, "button", SERVICE_PRESS, "apply_schedule")


def windows_ahead(*hours: int) -> list[dict[str, str]]:
    """Return windows of one hour, so far ahead."""
    now = dt_util.now()
    starts = [now + timedelta(hours=ahead) for ahead in hours]
    return [
        {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        for start in starts
    ]


async def shown(rig: Rig, number: int) -> None:
    """Wait until so many sessions are shown."""
    await eventually(lambda: len(rig.coordinator.draft.stored) == number)


# Listed in another way ------------------------------------------------------------


@pytest.mark.parametrize("listing", LISTINGS)
async def test_an_edited_schedule_is_confirmed(
    setup_charger: SetUpCharger, listing: Collection[Listing]
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.listing = frozenset(listing)
    await edit(rig, 1, "12:00", "13:00")
    await edit(rig, 2, "01:00", "05:00")
    await edit(rig, 3, "23:00", "23:30")
    await apply(rig)
    assert writes(rig) == 1
    assert not rig.coordinator.draft.changed
    assert {start for start, *_ in sessions(rig)} == {"01:00", "12:00", "23:00"}
    assert rig.state("select", "schedule_session_1_charge_mode") == "boost"


@pytest.mark.parametrize("listing", LISTINGS)
async def test_a_plan_is_written_once_and_not_taken_for_a_change(
    setup_charger: SetUpCharger, listing: Collection[Listing]
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=[NIGHT, NOON])
    await shown(rig, 2)
    rig.charger.listing = frozenset(listing)
    windows = windows_ahead(24, 30)
    first = await call(rig, windows=windows, when_finished="restore")
    again = await call(rig, windows=windows, when_finished="restore")
    assert (first["written"], again["written"]) == (True, False)
    assert writes(rig) == 1
    await call(rig, "restore_schedule")
    restored = relisted(rig.charger.schedule.sessions, {Listing.EACH_DAY})
    assert set(restored) == set(relisted([NIGHT, NOON], {Listing.EACH_DAY}))
    assert rig.coordinator.planned.former is None


async def test_a_followed_planner_is_followed_on(setup_charger: SetUpCharger) -> None:
    """Your own schedule listed in another way is not a change by hand."""
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=[NIGHT, NOON])
    await shown(rig, 2)
    rig.hass.config_entries.async_update_entry(
        rig.entry, options={CONF_PLANNER: TRACKER}
    )
    await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    await shown(rig, 2)
    rig.charger.listing = frozenset({Listing.REVERSED, Listing.EACH_DAY})
    rig.charger.app_set_schedule()
    await eventually(
        lambda: (
            rig.coordinator.data.schedule is not None
            and len(rig.coordinator.data.schedule.sessions) == 3
        )
    )
    await rig.hass.async_block_till_done()
    assert rig.coordinator.planned.let_go_since is None


async def test_an_edit_stays_with_its_session(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(sessions=[NIGHT, NOON])
    await shown(rig, 2)
    await edit(rig, 2, "14:00", "15:00")
    rig.charger.listing = frozenset({Listing.REVERSED})
    await apply(rig)
    assert set(rig.charger.schedule.sessions) == {
        NIGHT,
        replace(NOON, start_time="14:00", end_time="15:00"),
    }


# Changed in the app ---------------------------------------------------------------


async def test_a_change_not_seen_stays(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=[NIGHT, NOON])
    await shown(rig, 2)
    await edit(rig, 2, "14:00", "15:00")
    # The push of this is lost.
    added = Session("18:00", "19:00")
    rig.charger.schedule = replace(
        rig.charger.schedule, enabled=False, sessions=(NIGHT, NOON, added)
    )
    await apply(rig)
    assert not rig.charger.schedule.enabled
    assert rig.charger.schedule.sessions == (
        NIGHT,
        replace(NOON, start_time="14:00", end_time="15:00"),
        added,
    )


async def test_a_change_not_seen_stays_on_a_legacy_v2(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(
        enabled=True, intervals=[("01:00", "05:00"), ("12:00", "13:00")]
    )
    await rig.coordinator.async_refresh()
    rig.charger.app_set_schedule(
        enabled=False, intervals=[("02:00", "05:00"), ("12:00", "13:00")]
    )
    await edit(rig, 2, "14:00", "15:00")
    await apply(rig)
    assert rig.charger.rest_schedule
    assert not rig.charger.rest_schedule.enabled
    assert rig.charger.rest_schedule.intervals == (
        Interval(2 * 3600, 5 * 3600),
        Interval(14 * 3600, 15 * 3600),
    )


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
@pytest.mark.parametrize("end", ["15:00", "12:00"])
async def test_the_same_session_changed_here_and_there(
    setup_charger: SetUpCharger, personality: Personality, end: str
) -> None:
    rig = await setup_charger(personality)
    legacy = personality is Personality.LEGACY_V2
    if legacy:
        rig.charger.app_set_schedule(intervals=[("12:00", "13:00")])
        await rig.coordinator.async_refresh()
    else:
        rig.charger.app_set_schedule(sessions=[Session("12:00", "13:00")])
    await shown(rig, 1)
    await edit(rig, 1, "12:00", end)
    if legacy:
        rig.charger.app_set_schedule(intervals=[("12:30", "13:00")])
    else:
        rig.charger.schedule = replace(
            rig.charger.schedule, sessions=(Session("12:30", "13:00"),)
        )
    with pytest.raises(ServiceValidationError) as caught:
        await apply(rig)
    assert caught.value.translation_key == "session_changed_meanwhile"
    assert caught.value.translation_placeholders == {"number": "1"}
    assert writes(rig) == 0
    assert {start for start, *_ in sessions(rig)} == {"12:30"}
    await act(rig, "button", SERVICE_PRESS, "discard_schedule_changes")
    await edit(rig, 1, "14:00", "15:00")
    await apply(rig)
    assert {start for start, *_ in sessions(rig)} == {"14:00"}


# Half a session, and seconds ------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "action", "key", "data"),
    [
        ("text", SERVICE_SET_VALUE, "days_of_week", {ATTR_VALUE: "mon"}),
        ("select", "select_option", "charge_mode", {"option": "eco"}),
    ],
)
async def test_a_session_without_times_is_an_error(
    setup_charger: SetUpCharger,
    platform: str,
    action: str,
    key: str,
    data: dict[str, str],
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(sessions=[NIGHT])
    await shown(rig, 1)
    await act(rig, platform, action, f"schedule_session_2_{key}", **data)
    with pytest.raises(
        ServiceValidationError, match="Session 2 needs a start and an end"
    ):
        await apply(rig)
    assert writes(rig) == 0
    assert rig.coordinator.draft.changed


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("15:30:30", "18:00:59", ("15:30", "18:00")),
        ("00:00:00", "23:59:59", ("00:00", "24:00")),
        ("22:15:01", "05:00:30", ("22:15", "24:00")),
    ],
)
async def test_no_seconds_are_sent(
    setup_charger: SetUpCharger, start: str, end: str, written: tuple[str, str]
) -> None:
    rig = await setup_charger(Personality.V3)
    await edit(rig, 1, start, end)
    key = "schedule_session_1_start_time"
    assert rig.state("time", key) == f"{written[0]}:00"
    await apply(rig)
    first = rig.charger.schedule.sessions[0]
    assert (first.start_time, first.end_time) == written


async def test_a_plan_with_seconds(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    day = (dt_util.now() + timedelta(days=2)).date().isoformat()
    windows = [
        {"start": f"{day}T01:00:30", "end": f"{day}T02:00:15"},
        {"start": f"{day}T02:00:45", "end": f"{day}T03:00:01"},
        {"start": f"{day}T22:00:00", "end": f"{day}T23:59:59"},
    ]
    await call(rig, windows=windows)
    assert {(start, end) for start, end, _ in sessions(rig)} == {
        ("01:00", "03:01"),
        ("22:00", "24:00"),
    }


# What has no meaning here ---------------------------------------------------------


async def unknown_schedule(rig: Rig) -> dict[str, Json]:
    """Let the app have made a schedule of parts that are not known; return it."""
    rig.charger.strict = False
    rig.charger.app_set_schedule(
        enabled=True,
        sessions=[NIGHT],
        extra={"season": {"name": "winter"}},
        unread=[*UNKNOWN, DATED, {**NOON.to_json(), "tag": 7}],
    )
    await shown(rig, 3)
    return rig.charger.schedule.to_json()


def in_any_order(document: dict[str, Json]) -> dict[str, Json]:
    listed = document["sessions"]
    assert isinstance(listed, list)
    texts = sorted(json.dumps(item, sort_keys=True) for item in listed)
    return {**document, "sessions": [*texts]}


async def test_unknown_parts_are_restored(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    before = await unknown_schedule(rig)
    await call(rig, windows=windows_ahead(24), when_finished="restore")
    assert NIGHT not in rig.charger.schedule.sessions
    assert not rig.charger.schedule.unread
    # Also from the file.
    await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    stored = await store_of(rig.hass, rig.entry.entry_id).async_load()
    assert stored
    assert stored.takeover
    await call(rig, "restore_schedule")
    assert in_any_order(rig.charger.schedule.to_json()) == in_any_order(before)


def test_a_file_of_an_earlier_version() -> None:
    """It knows nothing of unknown parts, nor of sessions that happen once."""
    session: dict[str, StoredJson] = {
        "start": "12:00",
        "end": "24:00",
        "days": "MONDAY",
        "mode": "eco",
    }
    former: dict[str, StoredJson] = {
        "enabled": True,
        "type": "hypervolt",
        "sessions": [session],
        "time_zone": None,
    }
    stored: dict[str, StoredJson] = {
        "takeover": {
            "former": former,
            "ours": [],
            "until": "2026-06-06T02:00:00+00:00",
        },
        "let_go_since": None,
    }
    found = CODEC.decode(StoredPlan, stored)
    assert not found.invalid
    assert found.value.takeover
    assert CODEC.decode(StoredPlan, CODEC.encode(found.value)).value == found.value
    (kept,) = found.value.takeover.former.sessions
    assert (str(kept.end), kept.mode, kept.on_date) == ("24:00", "eco", None)


async def test_unknown_parts_alone_are_restored(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.strict = False
    rig.charger.app_set_schedule(enabled=True, sessions=[], unread=UNKNOWN)
    await eventually(
        lambda: (
            rig.coordinator.data.schedule is not None
            and len(rig.coordinator.data.schedule.unread) == len(UNKNOWN)
        )
    )
    await call(rig, windows=windows_ahead(24), when_finished="restore")
    await call(rig, "restore_schedule")
    assert rig.charger.schedule.unread == UNKNOWN
    assert rig.charger.schedule.enabled


async def test_unknown_parts_of_a_legacy_v2(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(
        enabled=True, intervals=[("01:00", "05:00")], extra={"season": "winter"}
    )
    await rig.coordinator.async_refresh()
    before = rig.charger.rest_schedule
    await call(rig, windows=windows_ahead(3), when_finished="restore")
    assert rig.charger.rest_schedule != before
    await call(rig, "restore_schedule")
    assert rig.charger.rest_schedule == before
    await edit(rig, 1, "02:00", "05:00")
    await apply(rig)
    assert rig.charger.rest_schedule
    assert rig.charger.rest_schedule.extra == {"season": "winter"}


async def test_unknown_parts_are_kept_by_an_edit(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    before = await unknown_schedule(rig)
    await edit(rig, 1, "02:00", "05:00")
    await apply(rig)
    moved = replace(NIGHT, start_time="02:00").to_json()
    listed = before["sessions"]
    assert isinstance(listed, list)
    wanted = {**before, "sessions": [moved, *listed[1:]]}
    assert in_any_order(rig.charger.schedule.to_json()) == in_any_order(wanted)


async def test_unknown_members_that_are_refused(setup_charger: SetUpCharger) -> None:
    """What only the app may write does not keep a schedule from being restored."""
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(
        enabled=True, sessions=[NIGHT], extra={"season": "winter"}
    )
    await shown(rig, 1)
    await call(rig, windows=windows_ahead(24), when_finished="restore")
    await call(rig, "restore_schedule")
    assert rig.charger.schedule.sessions == (NIGHT,)


async def test_an_unreadable_answer_is_an_error(setup_charger: SetUpCharger) -> None:
    """Neither a plan nor an edit is written over what can't be read."""
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=[NIGHT])
    await shown(rig, 1)
    many: list[Json] = [{"session_type": "sunrise"}] * 101
    rig.charger.schedule = replace(rig.charger.schedule, unread=tuple(many))
    with pytest.raises(HomeAssistantError, match="cannot be read"):
        await call(rig, windows=windows_ahead(24), when_finished="restore")
    await edit(rig, 2, "14:00", "15:00")
    with pytest.raises(HomeAssistantError, match="cannot be read"):
        await apply(rig)
    assert writes(rig) == 0
