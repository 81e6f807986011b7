"""Tests of the numbers."""

from homeassistant.components.number import (
    ATTR_MAX,
    ATTR_MIN,
    ATTR_STEP,
    ATTR_VALUE,
    SERVICE_SET_VALUE,
)
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    EntityCategory,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality
from tests.waiting import eventually

from .acting import act, act_in_vain, enable, entity, keys


async def set_value(rig: Rig, key: str, value: float) -> None:
    """Set a number."""
    await act(rig, "number", SERVICE_SET_VALUE, key, **{ATTR_VALUE: value})


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "number") == {"max_current", "led_brightness"}
    registry = er.async_get(rig.hass)
    for key in keys(rig, "number"):
        assert rig.entity_id("number", key) == f"number.hypervolt_{key}"
        entry = registry.async_get(rig.entity_id("number", key))
        assert entry
        assert entry.entity_category is EntityCategory.CONFIG
        assert entry.disabled is (key == "led_brightness")


async def test_max_current(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    number = entity(rig, "number", "max_current")
    assert float(number.state) == 32
    shown = (ATTR_MIN, ATTR_MAX, ATTR_STEP, ATTR_UNIT_OF_MEASUREMENT, ATTR_DEVICE_CLASS)
    assert [number.attributes[name] for name in shown] == [6, 32, 1, "A", "current"]
    await set_value(rig, "max_current", 16)
    assert rig.charger.max_current == 16000
    assert float(rig.state("number", "max_current")) == 16
    # Chargers take whole amps; the limit is never set above what was asked for.
    await set_value(rig, "max_current", 10.9)
    assert rig.charger.max_current == 10000


async def test_max_current_set_elsewhere(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_apply(max_current=6000)
    await eventually(lambda: float(rig.state("number", "max_current")) == 6)


@pytest.mark.parametrize("amps", [5.9, 33])
async def test_max_current_out_of_range(
    setup_charger: SetUpCharger, amps: float
) -> None:
    rig = await setup_charger(Personality.V3)
    with pytest.raises(ServiceValidationError):
        await set_value(rig, "max_current", amps)
    assert rig.charger.max_current == 32000


@pytest.mark.parametrize("percent", [0, 1, 25, 33, 50, 99, 100])
async def test_led_brightness(setup_charger: SetUpCharger, percent: int) -> None:
    rig = await setup_charger(Personality.V3)
    await enable(rig, "number", "led_brightness")
    assert float(rig.state("number", "led_brightness")) == 100
    await set_value(rig, "led_brightness", percent)
    assert rig.charger.brightness == percent / 100
    assert float(rig.state("number", "led_brightness")) == percent


@pytest.mark.parametrize("key", ["max_current", "led_brightness"])
async def test_refused(setup_charger: SetUpCharger, key: str) -> None:
    rig = await setup_charger(Personality.V3)
    await enable(rig, "number", "led_brightness")
    rig.cloud.faults.enable(Fault.INTERNAL)
    error = await act_in_vain(rig, "number", SERVICE_SET_VALUE, key, **{ATTR_VALUE: 12})
    assert error.translation_key == "refused"
    assert (rig.charger.max_current, rig.charger.brightness) == (32000, 1.0)
