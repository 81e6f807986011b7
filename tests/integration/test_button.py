"""Tests of the buttons: the way of an edited schedule to the charger."""

from dataclasses import replace

from homeassistant.components.button import SERVICE_PRESS
from homeassistant.components.text import ATTR_VALUE
from homeassistant.components.time import ATTR_TIME, SERVICE_SET_VALUE
from homeassistant.const import STATE_UNKNOWN, EntityCategory
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import ChargeMode, Fault, Interval, Personality, Session
from tests.waiting import eventually

from .acting import act, keys


async def edit(rig: Rig, number: int, start: str, end: str) -> None:
    """Set the times of a session."""
    for edge, value in (("start", start), ("end", end)):
        key = f"schedule_session_{number}_{edge}_time"
        await act(rig, "time", SERVICE_SET_VALUE, key, **{ATTR_TIME: value})


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "button") == {"apply_schedule", "discard_schedule_changes"}
    registry = er.async_get(rig.hass)
    for key in keys(rig, "button"):
        assert rig.entity_id("button", key) == f"button.hypervolt_{key}"
        entry = registry.async_get(rig.entity_id("button", key))
        assert entry
        assert entry.entity_category is EntityCategory.CONFIG


async def test_apply(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await edit(rig, 1, "01:00", "05:00")
    await edit(rig, 3, "22:00", "00:00")
    days = "schedule_session_3_days_of_week"
    await act(rig, "text", SERVICE_SET_VALUE, days, **{ATTR_VALUE: "mon"})
    await act(
        rig, "select", "select_option", "schedule_session_3_charge_mode", option="Eco"
    )
    await act(rig, "button", SERVICE_PRESS, "apply_schedule")
    assert rig.charger.schedule.sessions == (
        Session("01:00", "05:00"),
        Session("22:00", "24:00", ChargeMode.ECO, ("MONDAY",)),
    )
    # The activation mode stays as it is, and the gap has closed.
    assert not rig.charger.schedule.enabled
    assert not rig.coordinator.draft.changed
    assert rig.state("time", "schedule_session_2_start_time") == "22:00:00"
    assert rig.state("text", "schedule_session_2_days_of_week") == "MONDAY"
    assert rig.state("time", "schedule_session_3_start_time") == STATE_UNKNOWN
    assert rig.state("button", "apply_schedule") != STATE_UNKNOWN


async def test_apply_on_a_legacy_v2(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(enabled=True, intervals=[("12:00", "13:00")])
    await rig.coordinator.async_refresh()
    await edit(rig, 2, "23:30", "05:30")
    await act(rig, "button", SERVICE_PRESS, "apply_schedule")
    assert rig.charger.rest_schedule
    assert rig.charger.rest_schedule.enabled
    assert rig.charger.rest_schedule.intervals == (
        Interval(12 * 3600, 13 * 3600),
        Interval(23 * 3600 + 1800, 5 * 3600 + 1800),
    )


async def test_equal_times_delete_a_session(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    kept = Session("12:00", "13:00")
    rig.charger.app_set_schedule(sessions=[Session("01:00", "05:00"), kept])
    await eventually(lambda: len(rig.coordinator.draft.stored) == 2)
    await edit(rig, 1, "03:00", "03:00")
    await act(rig, "button", SERVICE_PRESS, "apply_schedule")
    assert rig.charger.schedule.sessions == (kept,)


async def test_discard(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(sessions=[Session("01:00", "05:00")])
    start = "schedule_session_1_start_time"
    await eventually(lambda: rig.state("time", start) == "01:00:00")
    await edit(rig, 1, "02:00", "06:00")
    assert rig.state("time", start) == "02:00:00"
    await act(rig, "button", SERVICE_PRESS, "discard_schedule_changes")
    assert rig.state("time", start) == "01:00:00"
    assert not rig.coordinator.draft.changed
    assert rig.charger.schedule.sessions == (Session("01:00", "05:00"),)


async def test_half_a_session(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    start = "schedule_session_1_start_time"
    await act(rig, "time", SERVICE_SET_VALUE, start, **{ATTR_TIME: "01:00"})
    with pytest.raises(
        ServiceValidationError, match="Session 1 needs a start and an end"
    ):
        await act(rig, "button", SERVICE_PRESS, "apply_schedule")
    assert rig.coordinator.draft.changed


async def test_refused(setup_charger: SetUpCharger) -> None:
    """What could not be applied is still there to be applied."""
    rig = await setup_charger(Personality.V3)
    await edit(rig, 1, "01:00", "05:00")
    rig.cloud.faults.enable(Fault.INTERNAL)
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, "button", SERVICE_PRESS, "apply_schedule")
    assert caught.value.translation_key == "refused"
    assert not rig.charger.schedule.sessions
    assert rig.state("time", "schedule_session_1_start_time") == "01:00:00"


async def test_nothing_is_written_from_the_unknown(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    client = rig.coordinator.client
    await edit(rig, 1, "01:00", "05:00")
    client._state = replace(client.state, schedule=None)
    with pytest.raises(ServiceValidationError) as caught:
        await act(rig, "button", SERVICE_PRESS, "apply_schedule")
    assert caught.value.translation_key == "schedule_unknown"
    assert not rig.charger.schedule.sessions
