"""The plug is remembered, and what is a memory says so."""

import asyncio
from collections.abc import Callable

from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import Event, EventStateChangedData, State
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.hypervolt_charger.const import CONF_PLANNER
from tests.conftest import FAST, Rig, SetUpCharger
from tests.simulator import Fault, Personality
from tests.waiting import eventually

from .acting import entity
from .scheduling import TRACKER

WITH_A_PLUG = pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2]
)


def plug(rig: Rig) -> tuple[str, bool]:
    """Return the state of the plug and whether it is confirmed."""
    state = entity(rig, "binary_sensor", "car_plugged")
    return state.state, state.attributes["confirmed"]


async def shows(rig: Rig, state: str, *, confirmed: bool) -> None:
    await eventually(lambda: plug(rig) == (state, confirmed))


async def park(rig: Rig, *, plugged: bool = True) -> None:
    """Have a car come that does not charge, and leave again unless it is `plugged`."""
    rig.charger.app_set_schedule(enabled=True)
    rig.charger.plug_in()
    await shows(rig, STATE_ON, confirmed=True)
    if not plugged:
        rig.charger.unplug()
        await shows(rig, STATE_OFF, confirmed=True)


async def is_live(rig: Rig) -> None:
    await eventually(lambda: rig.coordinator.client.live)


async def settles(rig: Rig) -> None:
    """Wait until a first report of the plug is a change of it."""
    await is_live(rig)
    await asyncio.sleep(FAST.plug_settles)


async def unload(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


async def set_up(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    await is_live(rig)


async def reload(rig: Rig) -> None:
    await unload(rig)
    await set_up(rig)


def event_types(rig: Rig) -> Callable[[], list[str]]:
    """Return what reports the events from now on."""
    changes = async_capture_events(rig.hass, EVENT_STATE_CHANGED)
    entity_id = rig.entity_id("event", "charging")

    def fired() -> list[str]:
        return [
            state.attributes[ATTR_EVENT_TYPE]
            for change in changes
            if (state := _new_state(change, entity_id)) and _is_news(change)
        ]

    return fired


def _new_state(change: Event[EventStateChangedData], entity_id: str) -> State | None:
    state = change.data["new_state"]
    if state is None or state.entity_id != entity_id:
        return None
    return state if state.attributes.get(ATTR_EVENT_TYPE) else None


def _is_news(change: Event[EventStateChangedData]) -> bool:
    old = change.data["old_state"]
    return old is not None and old.state != STATE_UNAVAILABLE


@WITH_A_PLUG
@pytest.mark.parametrize("plugged", [True, False])
async def test_it_is_remembered_over_restarts(
    setup_charger: SetUpCharger, personality: Personality, plugged: bool
) -> None:
    rig = await setup_charger(personality)
    await park(rig, plugged=plugged)
    state = STATE_ON if plugged else STATE_OFF
    readiness = "waiting_for_schedule" if plugged else "unplugged"
    for _ in range(2):
        await reload(rig)
        fired = event_types(rig)
        assert plug(rig) == (state, False)
        await eventually(lambda: rig.state("sensor", "charging_readiness") == readiness)
        assert fired() == []


@WITH_A_PLUG
async def test_it_is_shown_in_an_outage_and_confirmed_by_reports_alone(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await park(rig)
    await rig.cloud.pause()
    await shows(rig, STATE_ON, confirmed=False)
    await eventually(lambda: not rig.coordinator.client.available)
    assert plug(rig) == (STATE_ON, False)
    await rig.cloud.resume()
    await is_live(rig)
    fired = event_types(rig)
    assert plug(rig) == (STATE_ON, False)
    rig.charger.wire.pilot_changed()
    await shows(rig, STATE_ON, confirmed=True)
    assert fired() == []


async def test_a_silence_ends_the_confirmation(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await park(rig)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger)
    await shows(rig, STATE_ON, confirmed=False)
    rig.cloud.faults.clear()
    await is_live(rig)
    assert plug(rig) == (STATE_ON, False)


@pytest.mark.parametrize("abrupt", [True, False])
async def test_a_plug_pulled_in_a_drop(
    setup_charger: SetUpCharger, abrupt: bool
) -> None:
    rig = await setup_charger(Personality.V3)
    await park(rig)
    fired = event_types(rig)
    rig.cloud.faults.enable(Fault.LOST_PILOT, charger=rig.charger)
    await rig.cloud.drop_all(abrupt=abrupt)
    rig.charger.unplug()
    await shows(rig, STATE_ON, confirmed=False)
    await eventually(lambda: rig.coordinator.client.connected)
    rig.cloud.faults.clear()
    assert plug(rig) == (STATE_ON, False)
    # The next report differs from the memory: an event, once.
    rig.charger.wire.pilot_changed()
    rig.charger.wire.pilot_changed()
    await shows(rig, STATE_OFF, confirmed=True)
    await eventually(lambda: fired() == ["unplugged"])
    rig.charger.plug_in()
    await eventually(lambda: fired() == ["unplugged", "plugged_in"])


@pytest.mark.parametrize("plugged", [True, False])
async def test_a_change_while_home_assistant_was_down(
    setup_charger: SetUpCharger, plugged: bool
) -> None:
    rig = await setup_charger(Personality.V3)
    await park(rig, plugged=plugged)
    await unload(rig)
    if plugged:
        rig.charger.unplug()
    else:
        rig.charger.plug_in()
    await set_up(rig)
    fired = event_types(rig)
    assert plug(rig) == (STATE_ON if plugged else STATE_OFF, False)
    rig.charger.wire.pilot_changed()
    await eventually(lambda: fired() == ["unplugged" if plugged else "plugged_in"])
    await shows(rig, STATE_OFF if plugged else STATE_ON, confirmed=True)


@WITH_A_PLUG
async def test_the_first_plug_in_after_adding(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await settles(rig)
    fired = event_types(rig)
    rig.charger.plug_in()
    await eventually(lambda: fired() == ["plugged_in", "started"])


async def test_a_report_right_after_connecting_is_a_state(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await unload(rig)
    rig.charger.app_set_schedule(enabled=True)
    rig.charger.plug_in()
    rig.charger.pilot_on_login = True
    fired = event_types(rig)
    await set_up(rig)
    await shows(rig, STATE_ON, confirmed=True)
    assert fired() == []


@WITH_A_PLUG
async def test_a_car_that_charges_is_plugged_in(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    """Also if nothing has ever been reported of its plug."""
    rig = await setup_charger(personality)
    assert plug(rig) == (STATE_UNKNOWN, False)
    await unload(rig)
    rig.charger.plug_in()
    fired = event_types(rig)
    await set_up(rig)
    await shows(rig, STATE_ON, confirmed=True)
    assert "plugged_in" not in fired()
    # A plug that was pulled unseen is resolved by the next charge.
    await unload(rig)
    rig.charger.unplug()
    await set_up(rig)
    fired = event_types(rig)
    rig.charger.wire.pilot_changed()
    await eventually(lambda: fired()[-1:] == ["unplugged"])
    rig.cloud.faults.enable(Fault.LOST_PILOT, charger=rig.charger)
    fired = event_types(rig)
    rig.charger.plug_in()
    await shows(rig, STATE_ON, confirmed=True)
    await eventually(lambda: fired() == ["plugged_in", "started"])


async def test_a_late_frame_of_a_car_that_leaves_plugs_nothing_in(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    fired = event_types(rig)
    rig.charger.plug_in()
    await eventually(lambda: fired()[-1:] == ["started"])
    fired = event_types(rig)
    rig.charger.push({"method": "get.pilot_status", "params": {"pilot_status": "A"}})
    await asyncio.sleep(2 * FAST.unplug_hold)
    assert plug(rig) == (STATE_ON, True)
    rig.charger.unplug()
    await shows(rig, STATE_OFF, confirmed=True)
    await eventually(lambda: fired() == ["finished", "unplugged"])


# "Until the next plug-in" -------------------------------------------------------------


async def follow_and_take_over(setup_charger: SetUpCharger) -> Rig:
    """Have a planner followed, and paused by a schedule changed by hand."""
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await shows(rig, STATE_ON, confirmed=True)
    rig.hass.config_entries.async_update_entry(
        rig.entry, options={CONF_PLANNER: TRACKER}
    )
    await reload(rig)
    rig.charger.app_set_schedule(
        enabled=True, sessions=[{**SESSION, "start_time": "03:00", "end_time": "04:00"}]
    )
    await eventually(lambda: is_paused(rig))
    return rig


SESSION = {"session_type": "recurring", "mode": "boost", "days": ["MONDAY"]}


def is_paused(rig: Rig) -> bool:
    return rig.coordinator.planned.let_go_since is not None


async def test_a_plug_in_after_a_restart_ends_the_pause(
    setup_charger: SetUpCharger,
) -> None:
    rig = await follow_and_take_over(setup_charger)
    rig.charger.unplug()
    await shows(rig, STATE_OFF, confirmed=True)
    await reload(rig)
    assert is_paused(rig)
    rig.charger.plug_in()
    await eventually(lambda: not is_paused(rig))


async def test_a_plug_in_while_home_assistant_was_down_ends_the_pause(
    setup_charger: SetUpCharger,
) -> None:
    rig = await follow_and_take_over(setup_charger)
    rig.charger.unplug()
    await shows(rig, STATE_OFF, confirmed=True)
    await unload(rig)
    rig.charger.plug_in()
    rig.charger.pilot_on_login = True
    await set_up(rig)
    await eventually(lambda: not is_paused(rig))


async def test_a_car_that_stays_keeps_the_pause(setup_charger: SetUpCharger) -> None:
    """Over a restart, a drop, and more than a day."""
    rig = await follow_and_take_over(setup_charger)
    since = rig.coordinator.planned.let_go_since
    assert since
    await rig.coordinator.planned.async_let_go(since.replace(year=since.year - 1))
    await reload(rig)
    await rig.cloud.drop_all(abrupt=True)
    await eventually(lambda: rig.coordinator.client.connected)
    rig.charger.wire.pilot_changed()
    await asyncio.sleep(0.2)
    assert is_paused(rig)
