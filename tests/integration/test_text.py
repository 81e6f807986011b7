"""Tests of the texts."""

from homeassistant.components.text import (
    ATTR_MAX,
    ATTR_MIN,
    ATTR_VALUE,
    SERVICE_SET_VALUE,
)
from homeassistant.const import STATE_UNKNOWN, EntityCategory
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, Session
from tests.waiting import eventually

from .acting import SLOTS, act, act_in_vain, entity, keys

DAYS = {f"schedule_session_{number}_days_of_week" for number in SLOTS}
FIRST = "schedule_session_1_days_of_week"
WEEK = "MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY,SUNDAY"


async def set_text(rig: Rig, key: str, value: str) -> None:
    """Set a text."""
    await act(rig, "text", SERVICE_SET_VALUE, key, **{ATTR_VALUE: value})


@pytest.mark.parametrize(
    ("personality", "expected"),
    [
        (Personality.V3, {"charger_name"} | DAYS),
        (Personality.UPGRADED_V2, {"charger_name"} | DAYS),
        (Personality.LEGACY_V2, {"charger_name"}),
    ],
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality, expected: set[str]
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "text") == expected
    registry = er.async_get(rig.hass)
    for key in expected:
        assert rig.entity_id("text", key) == f"text.hypervolt_{key}"
        entry = registry.async_get(rig.entity_id("text", key))
        assert entry
        assert entry.entity_category is EntityCategory.CONFIG


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_name(setup_charger: SetUpCharger, personality: Personality) -> None:
    rig = await setup_charger(personality)
    text = entity(rig, "text", "charger_name")
    assert text.state == "Driveway"
    assert (text.attributes[ATTR_MIN], text.attributes[ATTR_MAX]) == (1, 250)
    name = "Ladestation „Süd“ 🔌" + "x" * 200
    await set_text(rig, "charger_name", name)
    assert rig.charger.name == name
    assert rig.state("text", "charger_name") == name


@pytest.mark.parametrize("name", ["", "x" * 251])
async def test_name_of_the_wrong_length(setup_charger: SetUpCharger, name: str) -> None:
    rig = await setup_charger(Personality.V3)
    with pytest.raises(ValueError, match=r"too (short|long)"):
        await set_text(rig, "charger_name", name)
    assert rig.charger.name == "Driveway"


@pytest.mark.parametrize(
    ("told", "shown"), [("", STATE_UNKNOWN), ("y" * 300, "y" * 250)]
)
async def test_a_name_no_text_can_hold(
    setup_charger: SetUpCharger, told: str, shown: str
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.push({"method": "get.name", "params": told})
    await eventually(lambda: rig.state("text", "charger_name") == shown)


async def test_name_refused(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.INTERNAL)
    error = await act_in_vain(
        rig, "text", SERVICE_SET_VALUE, "charger_name", **{ATTR_VALUE: "Garage"}
    )
    assert error.translation_key == "refused"
    assert rig.charger.name == "Driveway"


async def test_days_are_only_edited(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    assert rig.state("text", FIRST) == ""
    rig.charger.app_set_schedule(
        sessions=[Session("01:00", "05:00", days=("SUNDAY", "MONDAY"))]
    )
    await eventually(lambda: rig.state("text", FIRST) == "MONDAY,SUNDAY")
    rig.cloud.frames.clear()
    await set_text(rig, FIRST, "saturday, Tue and WEDNESDAY")
    assert rig.state("text", FIRST) == "TUESDAY,WEDNESDAY,SATURDAY"
    await set_text(rig, FIRST, "ALL")
    assert rig.state("text", FIRST) == WEEK
    assert rig.coordinator.draft.changed
    assert rig.charger.schedule.sessions[0].days == ("SUNDAY", "MONDAY")
    assert not rig.cloud.frames


async def test_what_is_no_day(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    error = await act_in_vain(
        rig, "text", SERVICE_SET_VALUE, FIRST, **{ATTR_VALUE: "Monday, Someday"}
    )
    assert isinstance(error, ServiceValidationError)
    assert error.translation_key == "invalid_day"
    assert '"someday" is not a day of the week' in str(error)
    assert not rig.coordinator.draft.changed
