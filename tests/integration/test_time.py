"""Tests of the times."""

from homeassistant.components.time import ATTR_TIME, SERVICE_SET_VALUE
from homeassistant.const import STATE_UNKNOWN, EntityCategory
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hypervolt_charger.hypervolt.schedule import DAY_END, MIDNIGHT
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, Session
from tests.waiting import eventually

from .acting import SLOTS, act, keys

START = "schedule_session_1_start_time"
END = "schedule_session_1_end_time"


async def set_time(rig: Rig, key: str, value: str) -> None:
    """Set a time."""
    await act(rig, "time", SERVICE_SET_VALUE, key, **{ATTR_TIME: value})


def session(rig: Rig) -> tuple[str, str]:
    """Return what the first session shows."""
    return rig.state("time", START), rig.state("time", END)


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "time") == {
        f"schedule_session_{number}_{edge}_time"
        for number in SLOTS
        for edge in ("start", "end")
    }
    registry = er.async_get(rig.hass)
    for key in keys(rig, "time"):
        assert rig.entity_id("time", key) == f"time.hypervolt_{key}"
        entry = registry.async_get(rig.entity_id("time", key))
        assert entry
        assert entry.entity_category is EntityCategory.CONFIG
        assert rig.state("time", key) == STATE_UNKNOWN


async def test_what_the_charger_has(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(
        sessions=[Session("23:30", "24:00"), Session("12:05", "13:00")]
    )
    await eventually(lambda: session(rig) == ("23:30:00", "00:00:00"))
    assert rig.state("time", "schedule_session_2_start_time") == "12:05:00"
    assert rig.state("time", "schedule_session_3_start_time") == STATE_UNKNOWN


async def test_what_a_legacy_v2_has(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(intervals=[("23:30", "05:30")])
    await rig.coordinator.async_refresh()
    assert session(rig) == ("23:30:00", "05:30:00")


async def test_times_are_only_edited(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(sessions=[Session("01:00", "05:00")])
    await eventually(lambda: session(rig) == ("01:00:00", "05:00:00"))
    rig.cloud.frames.clear()
    await set_time(rig, START, "02:15:00")
    await set_time(rig, END, "06:45:00")
    assert session(rig) == ("02:15:00", "06:45:00")
    assert rig.coordinator.draft.changed
    assert rig.charger.schedule.sessions[0].start_time == "01:00"
    assert not rig.cloud.frames


async def test_an_end_at_midnight_is_the_end_of_the_day(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await set_time(rig, START, "22:00:00")
    await set_time(rig, END, "00:00:00")
    assert session(rig) == ("22:00:00", "00:00:00")
    assert rig.coordinator.draft.slot(1).end == DAY_END
    # Equal times delete a session, also these.
    await set_time(rig, START, "00:00:00")
    assert session(rig) == ("00:00:00", "00:00:00")
    assert rig.coordinator.draft.slot(1).start == MIDNIGHT
    assert rig.coordinator.draft.slot(1).is_unused
