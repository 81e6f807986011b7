"""Tests of the binary sensors."""

from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    STATE_OFF,
    STATE_ON,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.helpers import entity_registry as er
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality
from tests.waiting import eventually

from .acting import entity, keys


@pytest.mark.parametrize(
    ("personality", "expected"),
    [
        (Personality.V3, {"car_plugged", "connection"}),
        (Personality.UPGRADED_V2, {"car_plugged", "connection"}),
        (Personality.LEGACY_V2, {"connection"}),
    ],
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality, expected: set[str]
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "binary_sensor") == expected
    for key in expected:
        entity_id = rig.entity_id("binary_sensor", key)
        assert entity_id == f"binary_sensor.hypervolt_{key}"


def is_confirmed(rig: Rig) -> bool:
    confirmed = entity(rig, "binary_sensor", "car_plugged").attributes["confirmed"]
    assert isinstance(confirmed, bool)
    return confirmed


async def test_the_plug(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    plug = entity(rig, "binary_sensor", "car_plugged")
    assert plug.attributes[ATTR_DEVICE_CLASS] == "plug"
    # Chargers tell of the plug when it changes, not before.
    await eventually(lambda: rig.state("binary_sensor", "car_plugged") == STATE_UNKNOWN)
    assert not plug.attributes["confirmed"]
    rig.charger.plug_in()
    await eventually(lambda: rig.state("binary_sensor", "car_plugged") == STATE_ON)
    assert is_confirmed(rig)
    rig.charger.unplug()
    await eventually(lambda: rig.state("binary_sensor", "car_plugged") == STATE_OFF)
    assert is_confirmed(rig)


async def test_the_connection(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    connection = entity(rig, "binary_sensor", "connection")
    assert connection.attributes[ATTR_DEVICE_CLASS] == "connectivity"
    assert connection.state == STATE_ON
    entry = er.async_get(rig.hass).async_get(connection.entity_id)
    assert entry
    assert entry.entity_category is EntityCategory.DIAGNOSTIC

    await rig.cloud.pause()
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_OFF)
    assert rig.state("binary_sensor", "car_plugged") == STATE_UNKNOWN
    assert rig.state("binary_sensor", "connection") == STATE_OFF

    await rig.cloud.resume()
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_ON)
    await eventually(lambda: rig.state("binary_sensor", "car_plugged") == STATE_UNKNOWN)
