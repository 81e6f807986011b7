"""The conditions, in automations as people make them."""

from collections.abc import Callable
from datetime import timedelta
import importlib
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    condition as condition_helper,
    device_registry as dr,
)
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hypervolt_charger import condition
from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, SimulatedCloud
from tests.waiting import eventually

from .charging_events import Automation
from .scheduling import EVERY_VARIANT, device_id
from .time_machine import TimeMachine

KEYS = {
    "is_charging": ("switch", "charging"),
    "is_plugged_in": ("binary_sensor", "car_plugged"),
}


async def automate(
    hass: HomeAssistant, key: str, target: dict[str, Any], **options: Any
) -> Callable[[], Any]:
    """Set up an automation with a condition of ours; return a way to try it."""
    automation = Automation(hass=hass)
    await automation.set_up(
        {
            "triggers": {"trigger": "event", "event_type": "try"},
            "conditions": {
                "condition": f"{DOMAIN}.{key}",
                "target": target,
                "options": options,
            },
        }
    )

    async def holds() -> bool:
        hass.bus.async_fire("try")
        return await automation.settle() == ["run"]

    return holds


def area_of(rig: Rig) -> str:
    """Put a charger into an area."""
    area = ar.async_get(rig.hass).async_get_or_create("Drive")
    dr.async_get(rig.hass).async_update_device(device_id(rig), area_id=area.id)
    return area.id


TARGETS: dict[str, Callable[[Rig, str], dict[str, str]]] = {
    "device": lambda rig, _: {"device_id": device_id(rig)},
    "area": lambda rig, _: {"area_id": area_of(rig)},
    "entity": lambda rig, key: {"entity_id": rig.entity_id(*KEYS[key])},
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("key", KEYS)
async def test_holds_while_it_is_so(
    setup_charger: SetUpCharger, key: str, target: str
) -> None:
    rig = await setup_charger(Personality.V3)
    holds = await automate(rig.hass, key, TARGETS[target](rig, key))
    assert not await holds()
    rig.charger.plug_in()
    await eventually(lambda: rig.state(*KEYS[key]) == STATE_ON)
    assert await holds()
    rig.charger.unplug()
    await eventually(lambda: rig.state(*KEYS[key]) == STATE_OFF)
    assert not await holds()


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_every_charger_tells_whether_it_charges(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    holds = await automate(rig.hass, "is_charging", {"device_id": device_id(rig)})
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    assert await holds()


async def test_a_legacy_v2_does_not_tell_of_its_plug(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    holds = await automate(rig.hass, "is_plugged_in", {"device_id": device_id(rig)})
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    assert not await holds()


@pytest.mark.parametrize("key", sorted(KEYS.keys() - {"is_plugged_in"}))
async def test_an_outage_is_not_taken_for_it(
    setup_charger: SetUpCharger, key: str
) -> None:
    rig = await setup_charger(Personality.V3)
    holds = await automate(rig.hass, key, {"device_id": device_id(rig)})
    rig.charger.plug_in()
    await eventually(lambda: rig.state(*KEYS[key]) == STATE_ON)
    await rig.cloud.pause()
    await eventually(
        lambda: rig.state(*KEYS[key]) in {STATE_UNAVAILABLE, STATE_UNKNOWN}
    )
    assert not await holds()


async def test_the_last_known_plug_counts_in_an_outage(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    holds = await automate(rig.hass, "is_plugged_in", {"device_id": device_id(rig)})
    rig.charger.plug_in()
    await eventually(lambda: rig.state(*KEYS["is_plugged_in"]) == STATE_ON)
    await rig.cloud.pause()
    await eventually(lambda: not rig.coordinator.client.available)
    assert await holds()


@pytest.mark.parametrize("key", KEYS)
async def test_for(
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    key: str,
) -> None:
    cloud.token_life = 1e7
    rig = await setup_charger(Personality.V3)
    target = {"device_id": device_id(rig)}
    holds = await automate(rig.hass, key, target, **{"for": {"minutes": 5}})
    rig.charger.plug_in()
    await time_machine.until(lambda: rig.state(*KEYS[key]) == STATE_ON)
    await time_machine.leap_to(time_machine.now + timedelta(minutes=4))
    assert not await holds()
    await time_machine.leap_to(time_machine.now + timedelta(minutes=2))
    assert await holds()


@pytest.mark.parametrize(("behavior", "expected"), [("any", True), ("all", False)])
async def test_behavior(
    setup_charger: SetUpCharger, behavior: str, expected: bool
) -> None:
    one, other = [await setup_charger(Personality.V3) for _ in range(2)]
    one.charger.plug_in()
    await eventually(lambda: one.state("switch", "charging") == STATE_ON)
    await eventually(lambda: other.state("switch", "charging") == STATE_OFF)
    target = {"device_id": [device_id(one), device_id(other)]}
    holds = await automate(one.hass, "is_charging", target, behavior=behavior)
    assert await holds() is expected
    other.charger.plug_in()
    await eventually(lambda: other.state("switch", "charging") == STATE_ON)
    assert await holds()


async def test_other_switches_are_left_alone(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    rig.hass.states.async_set("switch.of_somebody_else", STATE_ON)
    for entity_id in ("switch.of_somebody_else", rig.entity_id("switch", "lock_state")):
        holds = await automate(rig.hass, "is_charging", {"entity_id": entity_id})
        assert not await holds()


async def test_home_assistant_lists_them(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    descriptions = await condition_helper.async_get_all_descriptions(hass)
    ours = {key for key in descriptions if key.startswith(f"{DOMAIN}.")}
    assert ours == {f"{DOMAIN}.{key}" for key in KEYS}
    for key, (domain, _) in KEYS.items():
        description = descriptions[f"{DOMAIN}.{key}"]
        assert description
        assert set(description["fields"]) == {"behavior", "for"}
        assert description["target"]["entity"] == [
            {"integration": DOMAIN, "domain": [domain]}
        ]


async def test_without_the_interface_there_are_none(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.delattr(condition_helper, "EntityStateConditionBase")
            importlib.reload(condition)
        assert await condition.async_get_conditions(hass) == {}
        assert await async_setup_component(hass, DOMAIN, {})
        descriptions = await condition_helper.async_get_all_descriptions(hass)
        assert not [key for key in descriptions if key.startswith(DOMAIN)]
        assert hass.services.has_service(DOMAIN, "set_schedule")
    finally:
        importlib.reload(condition)
    assert set(await condition.async_get_conditions(hass)) == set(KEYS)
