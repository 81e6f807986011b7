"""Tests of the selects."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from homeassistant.components.select import (
    ATTR_OPTION,
    ATTR_OPTIONS,
    SERVICE_SELECT_NEXT,
    SERVICE_SELECT_OPTION,
)
from homeassistant.const import STATE_UNKNOWN, EntityCategory
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.json import json_dumps
import pytest

from custom_components.hypervolt_charger.select import Options
from tests.conftest import Rig, SetUpCharger
from tests.simulator import ChargeMode, Fault, Personality, Session
from tests.waiting import eventually

from .acting import SLOTS, act, act_in_vain, entity, keys
from .time_machine import TimeMachine

MODES = ["boost", "eco", "super_eco"]
EVERYWHERE = {"charge_mode", "activation_mode"}
SESSIONS = {f"schedule_session_{number}_charge_mode" for number in SLOTS}


async def choose(rig: Rig, key: str, option: str) -> None:
    """Select an option."""
    await act(rig, "select", SERVICE_SELECT_OPTION, key, **{ATTR_OPTION: option})


def options(rig: Rig, key: str) -> list[str]:
    """Return what a select offers, as it goes to the frontend."""
    offered: list[str] = entity(rig, "select", key).attributes[ATTR_OPTIONS]
    assert json_dumps(offered) == json_dumps(list(offered))
    return list(offered)


@pytest.mark.parametrize(
    ("personality", "expected"),
    [
        (Personality.V3, EVERYWHERE | SESSIONS),
        (Personality.UPGRADED_V2, EVERYWHERE | SESSIONS),
        (Personality.LEGACY_V2, EVERYWHERE),
    ],
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality, expected: set[str]
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "select") == expected
    registry = er.async_get(rig.hass)
    for key in expected:
        assert rig.entity_id("select", key) == f"select.hypervolt_{key}"
        entry = registry.async_get(rig.entity_id("select", key))
        assert entry
        category = EntityCategory.CONFIG if key in SESSIONS else None
        assert entry.entity_category == category


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
async def test_charge_mode(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    assert rig.state("select", "charge_mode") == "boost"
    assert options(rig, "charge_mode") == MODES
    await choose(rig, "charge_mode", "eco")
    assert rig.charger.mode == ChargeMode.ECO
    assert rig.state("select", "charge_mode") == "eco"
    await act(rig, "select", SERVICE_SELECT_NEXT, "charge_mode")
    assert rig.charger.mode == ChargeMode.SUPER_ECO
    rig.charger.set_mode(ChargeMode.BOOST)
    await eventually(lambda: rig.state("select", "charge_mode") == "boost")


@pytest.mark.parametrize(
    ("label", "mode"),
    [
        ("Boost", ChargeMode.BOOST),
        ("Eco", ChargeMode.ECO),
        ("Super Eco", ChargeMode.SUPER_ECO),
        ("super  ECO ", ChargeMode.SUPER_ECO),
        ("SuperEco", ChargeMode.SUPER_ECO),
        ("super-eco", ChargeMode.SUPER_ECO),
    ],
)
async def test_labels_of_older_installations_are_understood(
    setup_charger: SetUpCharger, label: str, mode: ChargeMode
) -> None:
    rig = await setup_charger(Personality.V3)
    await choose(rig, "charge_mode", label)
    assert rig.charger.plugncharge == mode
    assert rig.state("select", "charge_mode") == mode.value


async def test_what_is_no_option(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    for key, option in (
        ("charge_mode", "Turbo"),
        ("charge_mode", "super_eco_battery_safe"),
        ("charge_mode", ""),
        ("activation_mode", "octopus"),
    ):
        with pytest.raises(ServiceValidationError):
            await choose(rig, key, option)


async def test_battery_safe_is_offered_where_it_is_supported(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.set_battery_safe(supported=True)
    await eventually(
        lambda: options(rig, "charge_mode")[3:] == [ChargeMode.BATTERY_SAFE]
    )
    for label in (
        *("Battery Safe", "BatterySafe", "battery_safe", "BATTERY-SAFE"),
        *("Super Eco Battery Safe", "SuperEcoBatterySafe", "super_eco_battery_safe"),
    ):
        await choose(rig, "charge_mode", "boost")
        await choose(rig, "charge_mode", label)
        assert rig.charger.plugncharge == ChargeMode.BATTERY_SAFE
        await choose(rig, "schedule_session_1_charge_mode", "eco")
        await choose(rig, "schedule_session_1_charge_mode", label)
        mode = rig.state("select", "schedule_session_1_charge_mode")
        assert mode == ChargeMode.BATTERY_SAFE
    rig.coordinator.async_edit_draft(rig.coordinator.draft.discard())
    # The active mode stays an option.
    rig.charger.set_battery_safe(supported=False)
    await eventually(lambda: options(rig, "schedule_session_1_charge_mode") == MODES)
    assert rig.state("select", "charge_mode") == ChargeMode.BATTERY_SAFE
    assert options(rig, "charge_mode") == [*MODES, ChargeMode.BATTERY_SAFE]


async def test_a_mode_nobody_knows_is_shown(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.push(
        {"method": "plugncharge.set", "params": {"mode": "Warp", "applied": True}}
    )
    await eventually(lambda: rig.state("select", "charge_mode") == "Warp")
    assert options(rig, "charge_mode") == [*MODES, "Warp"]


NOON = datetime(2026, 6, 5, 12, 0, tzinfo=ZoneInfo("Europe/London"))


@pytest.mark.parametrize("departure", [NOON])
@pytest.mark.parametrize("personality", [Personality.V3, Personality.UPGRADED_V2])
async def test_charge_mode_while_a_schedule_is_active(
    time_machine: TimeMachine, setup_charger: SetUpCharger, personality: Personality
) -> None:
    """It is that of the running session, and can't be chosen beside the schedule."""
    rig = await setup_charger(personality)
    await choose(rig, "charge_mode", "eco")
    for sessions, shown in (
        ([Session("11:00", "13:00"), Session("14:00", "15:00")], "boost"),
        ([Session("11:00", "13:00", ChargeMode.SUPER_ECO)], "super_eco"),
        # No session runs.
        ([Session("14:00", "15:00")], "eco"),
    ):
        rig.charger.app_set_schedule(enabled=True, sessions=sessions)
        await eventually(lambda mode=shown: rig.state("select", "charge_mode") == mode)  # type: ignore[misc] # defaults bind the loop's values
        error = await act_in_vain(
            rig,
            "select",
            SERVICE_SELECT_OPTION,
            "charge_mode",
            **{ATTR_OPTION: "super_eco"},
        )
        assert isinstance(error, ServiceValidationError)
        assert error.translation_key == "schedule_chooses_mode"
        assert rig.charger.plugncharge == ChargeMode.ECO

    # As the error says.
    await choose(rig, "activation_mode", "plug_and_charge")
    await choose(rig, "charge_mode", "super_eco")
    assert rig.charger.plugncharge == ChargeMode.SUPER_ECO
    assert rig.state("select", "charge_mode") == "super_eco"


async def test_charge_mode_of_a_legacy_v2_in_schedule_mode(
    setup_charger: SetUpCharger,
) -> None:
    """Its sessions have no modes of their own."""
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(enabled=True, intervals=[("00:00", "23:59")])
    await rig.coordinator.async_refresh()
    assert rig.state("select", "activation_mode") == "schedule"
    await choose(rig, "charge_mode", "super_eco")
    assert rig.charger.mode == ChargeMode.SUPER_ECO
    assert rig.state("select", "charge_mode") == "super_eco"


async def test_charge_mode_before_the_schedule_is_reported(
    setup_charger: SetUpCharger,
) -> None:
    """The charger is asked for its schedule first."""
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=[Session("01:00", "05:00")])
    client = rig.coordinator.client
    await eventually(lambda: rig.state("select", "activation_mode") == "schedule")
    client._state = replace(client.state, schedule=None)
    with pytest.raises(ServiceValidationError) as caught:
        await choose(rig, "charge_mode", "eco")
    assert caught.value.translation_key == "schedule_chooses_mode"


async def test_charge_mode_refused(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.REFUSED)
    error = await act_in_vain(
        rig, "select", SERVICE_SELECT_OPTION, "charge_mode", **{ATTR_OPTION: "eco"}
    )
    assert error.translation_key == "kept_old_value"
    assert rig.charger.plugncharge == ChargeMode.BOOST


@pytest.mark.parametrize(
    ("option", "back"),
    [("schedule", "plug_and_charge"), ("Schedule", "Plug and Charge")],
)
@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_activation_mode(
    setup_charger: SetUpCharger, personality: Personality, option: str, back: str
) -> None:
    rig = await setup_charger(personality)
    rig.charger.app_set_schedule(
        sessions=[Session("01:00", "05:00")], intervals=[("01:00", "05:00")]
    )
    await rig.coordinator.async_refresh()
    assert rig.state("select", "activation_mode") == "plug_and_charge"
    assert options(rig, "activation_mode") == ["plug_and_charge", "schedule"]
    await choose(rig, "activation_mode", option)
    stored = rig.charger.rest_schedule or rig.charger.schedule
    assert stored.enabled
    assert rig.state("select", "activation_mode") == "schedule"
    await choose(rig, "activation_mode", back)
    stored = rig.charger.rest_schedule or rig.charger.schedule
    assert not stored.enabled
    assert rig.state("select", "activation_mode") == "plug_and_charge"


async def test_activation_mode_refused(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(sessions=[Session("01:00", "05:00")])
    await rig.coordinator.async_refresh()
    rig.cloud.faults.enable(Fault.INTERNAL)
    error = await act_in_vain(
        rig,
        "select",
        SERVICE_SELECT_OPTION,
        "activation_mode",
        **{ATTR_OPTION: "schedule"},
    )
    assert error.translation_key == "refused"
    assert not rig.charger.schedule.enabled


async def test_octopus(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    tonight = datetime.now(UTC) + timedelta(hours=3)
    rig.charger.set_octopus_schedule([(tonight, tonight + timedelta(hours=1))])
    await eventually(lambda: rig.state("select", "activation_mode") == "octopus")
    assert options(rig, "activation_mode") == ["plug_and_charge", "schedule", "octopus"]
    error = await act_in_vain(
        rig,
        "select",
        SERVICE_SELECT_OPTION,
        "activation_mode",
        **{ATTR_OPTION: "schedule"},
    )
    assert isinstance(error, ServiceValidationError)
    assert error.translation_key == "octopus_in_control"
    # Nor can the mode be chosen, which is not known between dispatches.
    assert rig.state("select", "charge_mode") == STATE_UNKNOWN
    error = await act_in_vain(
        rig, "select", SERVICE_SELECT_OPTION, "charge_mode", **{ATTR_OPTION: "eco"}
    )
    assert error.translation_key == "octopus_chooses_mode"
    assert rig.charger.plugncharge == ChargeMode.BOOST


async def test_the_mode_of_a_session_is_only_edited(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    key = "schedule_session_1_charge_mode"
    assert rig.state("select", key) == STATE_UNKNOWN
    rig.charger.app_set_schedule(sessions=[Session("01:00", "05:00", ChargeMode.ECO)])
    await eventually(lambda: rig.state("select", key) == "eco")
    rig.cloud.frames.clear()
    await choose(rig, key, "Super Eco")
    assert rig.state("select", key) == "super_eco"
    assert rig.coordinator.draft.changed
    assert rig.charger.schedule.sessions[0].mode == ChargeMode.ECO
    assert not rig.cloud.frames


def test_options() -> None:
    options = Options(["super_eco", "Warp", "warp"])
    assert "super_eco" in options
    assert "Super Eco" in options
    assert "super eco battery safe" not in options
    assert None not in options
    assert options.find("Warp") == "Warp"
    assert options.find("Super-Eco") == "super_eco"
    assert options.find("WARP") == "Warp"
    assert options.find("") is None
    assert Options(["?"]).find("!") is None
