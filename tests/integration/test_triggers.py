"""The triggers, in automations as people make them."""

from collections.abc import Callable
from datetime import timedelta
import importlib
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    trigger as trigger_helper,
)
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.hypervolt_charger import trigger
from custom_components.hypervolt_charger.const import DOMAIN

from .charging_events import EVENT_TYPES, Automation, ChargingEvents, add_events

KEYS = {
    "plugged_in": "plugged_in",
    "started_charging": "started",
    "finished_charging": "finished",
    "unplugged": "unplugged",
}
NOTE = "{{ trigger.to_state.attributes.event_type }}"


async def automate(
    hass: HomeAssistant, key: str, target: dict[str, Any], **options: Any
) -> Automation:
    """Set up an automation with a trigger of ours."""
    automation = Automation(hass=hass)
    triggers = {"trigger": f"{DOMAIN}.{key}", "target": target, "options": options}
    await automation.set_up({"triggers": triggers}, NOTE)
    return automation


def area_of(charger: ChargingEvents) -> str:
    """Put a charger into an area."""
    area = ar.async_get(charger.hass).async_get_or_create("Drive")
    dr.async_get(charger.hass).async_update_device(charger.device, area_id=area.id)
    return area.id


TARGETS: dict[str, Callable[[ChargingEvents], dict[str, str]]] = {
    "device": lambda charger: {"device_id": charger.device},
    "area": lambda charger: {"area_id": area_of(charger)},
    "entity": lambda charger: {"entity_id": charger.entity_id},
}


@pytest.fixture
async def charger(hass: HomeAssistant) -> ChargingEvents:
    return await add_events(hass, "1")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("key", "event_type"), KEYS.items())
async def test_fires_at_its_event_only(
    hass: HomeAssistant, charger: ChargingEvents, key: str, event_type: str, target: str
) -> None:
    automation = await automate(hass, key, TARGETS[target](charger))
    charger.happen(*EVENT_TYPES)
    assert await automation.settle() == [event_type]


async def test_the_same_event_twice_fires_twice(
    hass: HomeAssistant, charger: ChargingEvents
) -> None:
    automation = await automate(hass, "started_charging", TARGETS["device"](charger))
    charger.happen("started", "started")
    assert await automation.settle() == ["started", "started"]


async def test_new_attributes_alone_fire_nothing(
    hass: HomeAssistant, charger: ChargingEvents
) -> None:
    automation = await automate(hass, "started_charging", TARGETS["device"](charger))
    charger.happen("started")
    assert await automation.settle() == ["started"]
    charger._attr_icon = "mdi:ev-station"
    charger.async_write_ha_state()
    assert await automation.settle() == []


async def test_an_outage_fires_nothing(
    hass: HomeAssistant, charger: ChargingEvents
) -> None:
    automation = await automate(hass, "plugged_in", TARGETS["device"](charger))
    charger.happen("plugged_in")
    assert await automation.settle() == ["plugged_in"]
    charger.go(online=False)
    charger.go(online=True)
    assert await automation.settle() == []
    charger.happen("unplugged", "plugged_in")
    assert await automation.settle() == ["plugged_in"]


async def test_a_restart_fires_nothing(
    hass: HomeAssistant, charger: ChargingEvents
) -> None:
    automation = await automate(hass, "started_charging", TARGETS["entity"](charger))
    charger.happen("started")
    assert await automation.settle() == ["started"]
    again = await charger.begin_anew()
    assert (state := hass.states.get(charger.entity_id))
    assert state.attributes["event_type"] == "started"
    assert await automation.settle() == []
    again.happen("started")
    assert await automation.settle() == ["started"]


async def test_other_event_entities_are_left_alone(hass: HomeAssistant) -> None:
    charger = await add_events(hass, "1", "something_else", "charging")
    foreign = "event.of_somebody_else"
    hass.states.async_set(foreign, "unknown")
    target = {"device_id": charger.device, "entity_id": foreign}
    automation = await automate(hass, "started_charging", target)
    charger.happen("started")
    hass.states.async_set(foreign, "now", {"event_type": "started"})
    assert await automation.settle() == []


@pytest.mark.parametrize(
    ("key", "lasting_and_ending"),
    [
        ("plugged_in", (["started", "paused", "resumed", "finished"], "unplugged")),
        ("started_charging", (["resumed"], "paused")),
        ("finished_charging", ([], "unplugged")),
        ("unplugged", ([], "plugged_in")),
    ],
)
async def test_for(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    charger: ChargingEvents,
    key: str,
    lasting_and_ending: tuple[list[str], str],
) -> None:
    lasting, ending = lasting_and_ending
    target = TARGETS["device"](charger)
    automation = await automate(hass, key, target, **{"for": {"minutes": 5}})

    async def wait(minutes: int) -> list[str]:
        await hass.async_block_till_done()
        freezer.tick(timedelta(minutes=minutes))
        async_fire_time_changed(hass)
        return await automation.settle()

    charger.happen(KEYS[key])
    assert await wait(4) == []
    charger.happen(*lasting)
    assert await wait(2) == [KEYS[key]]
    charger.happen(ending)
    charger.happen(KEYS[key])
    assert await wait(4) == []
    charger.happen(ending)
    assert await wait(2) == []


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [("each", [1, 1, 0, 1]), ("first", [1, 0, 0, 0]), ("all", [0, 1, 0, 1])],
)
async def test_behavior(
    hass: HomeAssistant,
    charger: ChargingEvents,
    behavior: str,
    expected: list[int],
) -> None:
    other = await add_events(hass, "2")
    silent = await add_events(hass, "3")
    charger.happen("unplugged")
    other.happen("unplugged")
    devices = [charger.device, other.device, silent.device]
    target = {"device_id": devices}
    automation = await automate(hass, "plugged_in", target, behavior=behavior)
    runs = []
    for whose, event_types in (
        (charger, ["plugged_in"]),
        (other, ["plugged_in", "started"]),
        (charger, ["unplugged"]),
        (charger, ["plugged_in"]),
    ):
        whose.happen(*event_types)
        runs.append(len(await automation.settle()))
    assert runs == expected


async def test_home_assistant_lists_them(
    hass: HomeAssistant, charger: ChargingEvents
) -> None:
    descriptions = await trigger_helper.async_get_all_descriptions(hass)
    ours = {key for key in descriptions if key.startswith(f"{DOMAIN}.")}
    assert ours == {f"{DOMAIN}.{key}" for key in KEYS}
    for key in ours:
        description = descriptions[key]
        assert description
        assert set(description["fields"]) == {"behavior", "for"}
        assert description["target"]["entity"] == [
            {"integration": DOMAIN, "domain": ["event"]}
        ]


async def test_without_the_interface_there_are_none(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.delattr(trigger_helper, "StatelessEntityTriggerBase")
            importlib.reload(trigger)
        assert await trigger.async_get_triggers(hass) == {}
        await add_events(hass, "1")
        descriptions = await trigger_helper.async_get_all_descriptions(hass)
        assert not [key for key in descriptions if key.startswith(DOMAIN)]
        assert hass.services.has_service(DOMAIN, "set_schedule")
    finally:
        importlib.reload(trigger)
    assert set(await trigger.async_get_triggers(hass)) == set(KEYS)
