"""The triggers of a charger's device, in automations as people make them."""

from typing import Any

from homeassistant.components.device_automation import DeviceAutomationType
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_get_device_automations

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.charge_log import ChargeEventType

from .charging_events import EVENT_TYPES, Automation, ChargingEvents, add_events

ALL = {"entity_id": "all"}


def trigger(device_id: str, trigger_type: str) -> dict[str, Any]:
    """Return a trigger as the automation editor writes it."""
    return {
        "trigger": "device",
        "device_id": device_id,
        "domain": DOMAIN,
        "type": trigger_type,
    }


async def automate(charger: ChargingEvents, trigger_type: str) -> Automation:
    """Set up an automation that notes what triggered it."""
    automation = Automation(hass=charger.hass)
    await automation.set_up(
        {"triggers": trigger(charger.device, trigger_type)},
        "{{ trigger.platform }} {{ trigger.entity_id }} {{ trigger.description }}",
    )
    return automation


async def offered(hass: HomeAssistant, device_id: str) -> list[str]:
    """Return the types of our triggers that Home Assistant offers for a device."""
    assert await async_setup_component(hass, "device_automation", {})
    found = await async_get_device_automations(
        hass, DeviceAutomationType.TRIGGER, device_id
    )
    return [item["type"] for item in found if item["domain"] == DOMAIN]


@pytest.fixture
async def charger(hass: HomeAssistant) -> ChargingEvents:
    return await add_events(hass, "1")


async def test_offered_for_a_charger_that_tells_of_events(
    hass: HomeAssistant, charger: ChargingEvents
) -> None:
    assert await offered(hass, charger.device) == list(ChargeEventType)
    er.async_get(hass).async_update_entity(
        charger.entity_id, disabled_by=er.RegistryEntryDisabler.USER
    )
    assert await offered(hass, charger.device) == []


async def test_not_offered_for_other_event_entities(hass: HomeAssistant) -> None:
    other = await add_events(hass, "1", "something_else")
    assert await offered(hass, other.device) == []


@pytest.mark.parametrize("trigger_type", ChargeEventType)
async def test_fires_at_its_event_only(
    charger: ChargingEvents, trigger_type: str
) -> None:
    automation = await automate(charger, trigger_type)
    charger.happen(*EVENT_TYPES)
    entity_id = charger.entity_id
    expected = f"device {entity_id} {trigger_type} of {entity_id}"
    assert await automation.settle() == [expected]
    charger.happen(trigger_type, trigger_type)
    assert await automation.settle() == [expected, expected]


async def test_neither_an_outage_nor_a_restart_fires(charger: ChargingEvents) -> None:
    automation = await automate(charger, "started")
    charger.happen("started")
    assert len(await automation.settle()) == 1
    charger.go(online=False)
    charger.go(online=True)
    again = await charger.begin_anew()
    assert await automation.settle() == []
    again.happen("started")
    assert len(await automation.settle()) == 1


async def test_new_attributes_alone_do_not_fire(charger: ChargingEvents) -> None:
    automation = await automate(charger, "started")
    charger.happen("started")
    assert len(await automation.settle()) == 1
    charger._attr_icon = "mdi:ev-station"
    charger.async_write_ha_state()
    assert await automation.settle() == []


async def test_fires_also_after_the_entity_was_renamed(charger: ChargingEvents) -> None:
    automation = await automate(charger, "started")
    registry = er.async_get(charger.hass)
    registry.async_update_entity(charger.entity_id, icon="mdi:car")
    for new in ("event.wallbox", "event.garage"):
        registry.async_update_entity(charger.entity_id, new_entity_id=new)
        await charger.hass.async_block_till_done()
        assert charger.entity_id == new
        assert await automation.settle() == []
        charger.happen("started")
        assert await automation.settle() == [f"device {new} started of {new}"]

    await charger.hass.services.async_call("automation", "turn_off", ALL, blocking=True)
    charger.happen("started")
    assert await automation.settle() == []


async def test_a_type_there_is_not(
    charger: ChargingEvents, caplog: pytest.LogCaptureFixture
) -> None:
    await automate(charger, "exploded")
    assert "value must be one of" in caplog.text


async def test_a_device_without_the_entity_any_more(
    charger: ChargingEvents, caplog: pytest.LogCaptureFixture
) -> None:
    device_id = charger.device
    er.async_get(charger.hass).async_update_entity(
        charger.entity_id, disabled_by=er.RegistryEntryDisabler.USER
    )
    await Automation(hass=charger.hass).set_up(
        {"triggers": trigger(device_id, "started")}
    )
    assert f"The device {device_id} has no entity that tells of charging" in caplog.text
