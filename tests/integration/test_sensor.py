"""Tests of the sensors."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from homeassistant.components.sensor import ATTR_STATE_CLASS
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    EVENT_STATE_CHANGED,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.hypervolt_charger import coordinator
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, Session
from tests.waiting import eventually

from .acting import enable, entity, keys, number

EVERYWHERE = {
    "charging_readiness",
    "session_energy",
    "session_energy_total_increasing",
    "session_carbon_saved",
    "total_energy",
    "charger_current",
    "voltage",
    "ct_current",
    "lock_state",
    "next_charge_start",
    "next_charge_end",
    "firmware_version",
    "last_update",
}
POWERS = {"ev_power", "house_power", "grid_power", "generation_power"}
POWER_ENERGIES = {
    "house_energy",
    "grid_import_energy",
    "grid_export_energy",
    "generation_energy",
}
LEGACY_ONLY = {"session_id", "ct_power"}


@pytest.mark.parametrize(
    ("personality", "expected"),
    [
        (Personality.V3, EVERYWHERE | POWERS | POWER_ENERGIES),
        (Personality.UPGRADED_V2, EVERYWHERE | POWERS | POWER_ENERGIES),
        (Personality.LEGACY_V2, EVERYWHERE | LEGACY_ONLY),
    ],
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality, expected: set[str]
) -> None:
    assert keys(await setup_charger(personality), "sensor") == expected


async def test_entity_ids_are_those_of_older_installations(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    for key in EVERYWHERE | POWERS:
        assert rig.entity_id("sensor", key) == f"sensor.hypervolt_{key}"


async def test_what_they_are(setup_charger: SetUpCharger) -> None:
    """Units and classes stay as older installations' statistics have them (15.3)."""
    rig = await setup_charger(Personality.V3)
    await enable(rig, "sensor", "ct_current", "last_update", *POWER_ENERGIES)
    expected: Mapping[str, tuple[str | None, str | None, str | None]] = {
        "charging_readiness": (None, "enum", None),
        "session_energy": ("Wh", "energy", "total"),
        "session_energy_total_increasing": ("Wh", "energy", "total_increasing"),
        "total_energy": ("kWh", "energy", "total_increasing"),
        "session_carbon_saved": ("g", "weight", "measurement"),
        "charger_current": ("A", "current", "measurement"),
        "voltage": ("V", "voltage", "measurement"),
        "ct_current": ("A", "current", "measurement"),
        "lock_state": (None, "enum", None),
        "next_charge_start": (None, "timestamp", None),
        "next_charge_end": (None, "timestamp", None),
        "firmware_version": (None, None, None),
        "last_update": (None, "timestamp", None),
        **dict.fromkeys(POWERS, ("W", "power", "measurement")),
        **dict.fromkeys(POWER_ENERGIES, ("kWh", "energy", "total_increasing")),
    }
    assert {
        key: (
            entity(rig, "sensor", key).attributes.get(ATTR_UNIT_OF_MEASUREMENT),
            entity(rig, "sensor", key).attributes.get(ATTR_DEVICE_CLASS),
            entity(rig, "sensor", key).attributes.get(ATTR_STATE_CLASS),
        )
        for key in keys(rig, "sensor")
    } == expected


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_categories_and_defaults(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    registry = er.async_get(rig.hass)
    for key in keys(rig, "sensor"):
        entry = registry.async_get(rig.entity_id("sensor", key))
        assert entry
        diagnostic = key in {"session_id", "firmware_version", "last_update"}
        category = EntityCategory.DIAGNOSTIC if diagnostic else None
        assert entry.entity_category == category, key
        disabled = key in {"ct_current", "ct_power", "last_update", *POWER_ENERGIES}
        assert entry.disabled is disabled, key


@pytest.mark.usefixtures("any_power")
async def test_a_session(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await enable(rig, "sensor", "ct_current", "last_update")
    rig.charger.set_house_load(500)
    rig.charger.set_solar(300)
    rig.charger.plug_in()
    await eventually(lambda: number(rig, "ev_power") > 7000)
    rig.charger.advance(3600)
    await eventually(lambda: number(rig, "session_energy") > 7000)
    await eventually(lambda: number(rig, "session_energy_total_increasing") > 7000)
    assert rig.state("sensor", "charging_readiness") == "charging"
    await eventually(lambda: 31 < number(rig, "charger_current") < 33)
    assert number(rig, "voltage") == pytest.approx(238, abs=15)
    assert number(rig, "ct_current") > 20
    assert number(rig, "generation_power") == pytest.approx(300, abs=30)
    assert number(rig, "house_power") == pytest.approx(500, abs=50)
    assert number(rig, "grid_power") > 7000
    assert number(rig, "session_carbon_saved") > 3000
    assert rig.state("sensor", "firmware_version") == "3951.0"
    last_update = datetime.fromisoformat(rig.state("sensor", "last_update"))
    assert abs(datetime.now(UTC) - last_update) < timedelta(minutes=1)


@pytest.mark.usefixtures("any_power")
async def test_the_rising_sensor_bears_noise(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    rig.charger.advance(600)
    await eventually(lambda: number(rig, "session_energy_total_increasing") > 1000)
    changes = async_capture_events(rig.hass, EVENT_STATE_CHANGED)
    rig.cloud.faults.enable(Fault.WH_NOISE, mode="dip", watt_hours=40)
    rising = rig.entity_id("sensor", "session_energy_total_increasing")
    peak = number(rig, "session_energy_total_increasing")
    await eventually(lambda: number(rig, "session_energy") < peak)
    rig.charger.advance(60)
    await eventually(lambda: number(rig, "session_energy_total_increasing") > peak)
    seen = [
        float(new.state)
        for change in changes
        if change.data["entity_id"] == rising and (new := change.data["new_state"])
    ]
    assert seen == sorted(seen)


async def test_a_session_of_a_legacy_v2(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await enable(rig, "sensor", "ct_power")
    assert rig.state("sensor", "charging_readiness") == STATE_UNKNOWN
    rig.charger.plug_in()
    await eventually(lambda: rig.state("sensor", "session_id") != STATE_UNKNOWN)
    await eventually(lambda: number(rig, "ct_power") > 0)
    await eventually(lambda: 31 < number(rig, "charger_current") < 33)
    assert rig.state("sensor", "charging_readiness") == "charging"
    assert keys(rig, "sensor").isdisjoint(POWERS)


async def test_powers_of_a_legacy_v2_once_told(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.legacy_power_fields = True
    rig.charger.plug_in()
    await eventually(lambda: keys(rig, "sensor") >= EVERYWHERE | LEGACY_ONLY | POWERS)
    await eventually(lambda: number(rig, "ev_power") > 7000)


async def test_lock_state(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    assert rig.state("sensor", "lock_state") == "unlocked"
    rig.charger.plug_in()
    rig.charger.app_apply(is_locked=True)
    await eventually(lambda: rig.state("sensor", "lock_state") == "pending_lock")
    rig.charger.unplug()
    await eventually(lambda: rig.state("sensor", "lock_state") == "locked")


async def test_readiness_of_a_day(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: rig.state("sensor", "charging_readiness") == "ready")
    night = (datetime.now(UTC) + timedelta(hours=6)).astimezone(rig.charger.zone)
    rig.charger.app_set_schedule(
        enabled=True,
        sessions=[
            Session(f"{night:%H}:00", f"{night:%H}:30", days=(f"{night:%A}".upper(),))
        ],
    )
    rig.charger.plug_in()
    await eventually(
        lambda: rig.state("sensor", "charging_readiness") == "waiting_for_schedule"
    )
    rig.charger.app_apply(release=True)
    await eventually(
        lambda: rig.state("sensor", "charging_readiness") == "force_stopped"
    )
    rig.charger.unplug()
    await eventually(lambda: rig.state("sensor", "charging_readiness") == "unplugged")


async def test_next_charge(
    setup_charger: SetUpCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await setup_charger(Personality.V3)
    assert rig.state("sensor", "next_charge_start") == STATE_UNKNOWN
    zone = ZoneInfo("America/Los_Angeles")
    assert dt_util.get_default_time_zone() == dt_util.get_time_zone("US/Pacific")

    def local(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 6, day, hour, minute, tzinfo=zone)

    def at(moment: datetime) -> None:
        then = SimpleNamespace(**{**vars(dt_util), "utcnow": lambda: moment})
        monkeypatch.setattr(coordinator, "dt_util", then)
        rig.coordinator.async_update_listeners()

    def shown() -> tuple[datetime, datetime]:
        return (
            datetime.fromisoformat(rig.state("sensor", "next_charge_start")),
            datetime.fromisoformat(rig.state("sensor", "next_charge_end")),
        )

    rig.charger.app_set_schedule(
        enabled=True, sessions=[Session("01:00", "05:30"), Session("13:00", "14:00")]
    )
    await eventually(lambda: rig.state("sensor", "next_charge_end") != STATE_UNKNOWN)
    at(local(1, 0, 10))
    assert shown() == (local(1, 1), local(1, 5, 30))
    # While a window runs it is the one that counts.
    at(local(1, 5, 29))
    assert shown() == (local(1, 1), local(1, 5, 30))
    at(local(1, 5, 30))
    assert shown() == (local(1, 13), local(1, 14))
    at(local(1, 14))
    assert shown() == (local(2, 1), local(2, 5, 30))
    rig.charger.app_set_schedule(enabled=False)
    await eventually(lambda: rig.state("sensor", "next_charge_start") == STATE_UNKNOWN)
    assert rig.state("sensor", "next_charge_end") == STATE_UNKNOWN


@pytest.mark.parametrize(
    ("named", "zone"),
    [
        ("Europe/London", "Europe/London"),
        ("Asia/Tokyo", "Asia/Tokyo"),
        # What makes no sense leaves Home Assistant's own.
        ("Atlantis/Capital", "US/Pacific"),
        ("../../etc/passwd", "US/Pacific"),
    ],
)
async def test_next_charge_in_the_schedules_own_zone(
    setup_charger: SetUpCharger, named: str, zone: str
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(enabled=True, intervals=[("01:00", "02:00")])
    assert rig.charger.rest_schedule
    rig.charger.rest_schedule = replace(rig.charger.rest_schedule, tz=named)
    await rig.coordinator.async_refresh()
    await rig.hass.async_block_till_done(wait_background_tasks=False)
    await eventually(lambda: start(rig).astimezone(ZoneInfo(zone)).hour == 1)


def start(rig: Rig) -> datetime:
    """Return the start of the next window."""
    return datetime.fromisoformat(rig.state("sensor", "next_charge_start"))
