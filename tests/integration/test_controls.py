"""Actions while the charger can't be reached: each is carried out or raises."""

import asyncio
from typing import Any, Final

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, Session, SimulatedCloud
from tests.waiting import eventually

from .acting import SLOTS, act, enable
from .entry_life import reauth_flows

PLATFORMS: Final = {"button", "light", "number", "select", "switch", "text", "time"}
FIRST: Final = "schedule_session_1"
AT_ONE: Final = {"time": "01:00"}
# At least one action of each kind of entity.
ACTIONS: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    ("switch", "turn_on", "charging", {}),
    ("switch", "turn_off", "charging", {}),
    ("switch", "toggle", "lock_state", {}),
    ("select", "select_option", "charge_mode", {"option": "eco"}),
    ("select", "select_next", "activation_mode", {}),
    ("number", "set_value", "max_current", {"value": 9}),
    ("number", "set_value", "led_brightness", {"value": 50}),
    ("light", "turn_on", "led", {"effect": "Party"}),
    ("light", "turn_off", "led", {}),
    ("text", "set_value", "charger_name", {"value": "Drive"}),
    ("button", "press", "apply_schedule", {}),
    *(
        item
        for number in SLOTS
        for item in (
            ("time", "set_value", f"schedule_session_{number}_start_time", AT_ONE),
            ("time", "set_value", f"schedule_session_{number}_end_time", AT_ONE),
        )
    ),
    ("text", "set_value", f"{FIRST}_days_of_week", {"value": "mon"}),
    ("select", "select_option", f"{FIRST}_charge_mode", {"option": "eco"}),
)

# LED writes are merged, and a legacy V2's schedule is written over REST.
OUTAGE: Final = {"not_connected", "not_confirmed", "cannot_connect", "busy"}


def controls(rig: Rig) -> list[str]:
    """Return the ids of all enabled entities that have actions."""
    entries = er.async_entries_for_config_entry(
        er.async_get(rig.hass), rig.entry.entry_id
    )
    found = [
        entry.entity_id
        for entry in entries
        if entry.domain in PLATFORMS and not entry.disabled
    ]
    assert len(found) > len(SLOTS)
    return found


def not_unknown(rig: Rig) -> dict[str, str]:
    """Return the entities with actions that are not unknown, with their states."""
    states = {item: rig.hass.states.get(item) for item in controls(rig)}
    return {
        item: state.state if state else "missing"
        for item, state in states.items()
        if state is None or state.state != STATE_UNKNOWN
    }


async def causes(rig: Rig, personality: Personality) -> set[str | None]:
    """Perform every action, each of which must raise; return why they did."""
    performed = [
        item
        for item in ACTIONS
        if personality.speaks_v3_api or item[0] == "time" or FIRST not in item[2]
    ]
    ends = await asyncio.gather(
        *(act(rig, *item[:3], **item[3]) for item in performed), return_exceptions=True
    )
    found: set[str | None] = set()
    for item, end in zip(performed, ends, strict=True):
        assert isinstance(end, HomeAssistantError), item
        assert end.translation_domain == DOMAIN, item
        found.add(end.translation_key)
    return found


def writes(rig: Rig) -> list[str]:
    """Return the methods of everything sent that would change something."""
    changing = ("sync.apply", "schedule.set", "plugncharge.set", "set.name")
    return [frame.method for frame in rig.charger.received if frame.method in changing]


async def set_up(setup_charger: SetUpCharger, personality: Personality) -> Rig:
    rig = await setup_charger(personality)
    rig.charger.app_set_schedule(
        enabled=False,
        sessions=[Session("01:00", "05:00")],
        intervals=[("01:00", "05:00")],
    )
    await enable(rig, "number", "led_brightness")
    await eventually(lambda: rig.state("time", f"{FIRST}_end_time") == "05:00:00")
    return rig


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_an_outage(setup_charger: SetUpCharger, personality: Personality) -> None:
    rig = await set_up(setup_charger, personality)
    await rig.cloud.pause()
    await eventually(lambda: rig.state("sensor", "lock_state") == STATE_UNAVAILABLE)
    assert not not_unknown(rig)
    assert await causes(rig, personality) <= OUTAGE
    # A button shows when it was pressed last, in vain or not.
    assert all(item.startswith("button.") for item in not_unknown(rig))

    await rig.cloud.resume()
    await eventually(lambda: rig.state("number", "max_current") == "32.0")
    assert rig.state("time", f"{FIRST}_start_time") == "01:00:00"
    assert not rig.coordinator.draft.changed
    assert not writes(rig)


async def test_many_at_once(setup_charger: SetUpCharger) -> None:
    """An action of several entities raises, too."""
    rig = await set_up(setup_charger, Personality.V3)
    await rig.cloud.pause()
    await eventually(lambda: rig.state("sensor", "lock_state") == STATE_UNAVAILABLE)
    entities = [rig.entity_id("switch", key) for key in ("charging", "lock_state")]
    with pytest.raises(HomeAssistantError):
        await rig.hass.services.async_call(
            "switch", "turn_off", {"entity_id": entities}, blocking=True
        )
    await rig.cloud.resume()


async def test_a_wrong_password(setup_charger: SetUpCharger) -> None:
    rig = await set_up(setup_charger, Personality.V3)
    rig.account.password = "changed in the app"
    rig.account.sign_out_everywhere()
    await rig.cloud.drop_all()
    await eventually(lambda: reauth_flows(rig.hass) == [rig.entry.entry_id])
    assert not not_unknown(rig)
    assert await causes(rig, Personality.V3) == {"invalid_auth"}
    assert not writes(rig)


async def test_a_stall_of_everything(setup_charger: SetUpCharger) -> None:
    rig = await set_up(setup_charger, Personality.V3)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger)
    await eventually(lambda: rig.state("number", "max_current") == STATE_UNKNOWN)
    found = await causes(rig, Personality.V3)
    assert found <= OUTAGE | {"connection_lost", "schedule_not_reported"}


async def test_a_stall_of_readings_alone(setup_charger: SetUpCharger) -> None:
    """What can still be sent is sent."""
    rig = await set_up(setup_charger, Personality.V3)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    await eventually(lambda: rig.state("sensor", "house_power") == STATE_UNAVAILABLE)
    await act(rig, "number", "set_value", "max_current", value=9)
    assert rig.charger.max_current == 9_000
    await act(rig, "switch", "turn_off", "charging")
    assert rig.charger.release_state == "released"


async def test_settings_not_yet_reported(
    cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    """What can be sent takes effect, though nothing is known before."""
    cloud.faults.enable(Fault.SLOW_START, never="sync.snapshot")
    rig = await setup_charger(Personality.V3)
    assert not not_unknown(rig)
    await act(rig, "number", "set_value", "max_current", value=9)
    assert rig.charger.max_current == 9_000
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, "time", "set_value", f"{FIRST}_start_time", time="01:00")
    assert caught.value.translation_key == "not_connected"


async def test_a_schedule_not_yet_reported(
    cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    """An edit would be of another session than the one that is reported later."""
    cloud.faults.enable(Fault.SLOW_START, never="schedules.get")
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: rig.state("number", "max_current") == "32.0")
    for platform, key, data in (
        ("time", f"{FIRST}_start_time", {"time": "01:00"}),
        ("text", f"{FIRST}_days_of_week", {"value": "mon"}),
        ("select", f"{FIRST}_charge_mode", {"option": "eco"}),
    ):
        action = "select_option" if platform == "select" else "set_value"
        with pytest.raises(HomeAssistantError) as caught:
            await act(rig, platform, action, key, **data)
        assert caught.value.translation_key == "schedule_not_reported"
    assert not rig.coordinator.draft.changed


async def test_a_button_keeps_its_last_press(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await act(rig, "button", "press", "discard_schedule_changes")
    pressed = rig.state("button", "discard_schedule_changes")
    await rig.cloud.pause()
    await eventually(lambda: rig.state("sensor", "lock_state") == STATE_UNAVAILABLE)
    assert rig.state("button", "discard_schedule_changes") == pressed
    await act(rig, "button", "press", "discard_schedule_changes")
