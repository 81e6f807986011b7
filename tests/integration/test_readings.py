"""Readings that stop arriving while others go on, and listeners that fail."""

import asyncio
from datetime import timedelta

from homeassistant.const import STATE_ON, STATE_UNKNOWN
import pytest

from custom_components.hypervolt_charger import energy_book
from tests.conftest import FAST, SetUpCharger
from tests.simulator import Fault, Personality
from tests.waiting import eventually

from .acting import enable, number

LIMIT = FAST.silence + FAST.silence_answer


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save sooner than life would."""
    monkeypatch.setattr(energy_book, "SAVE_INTERVAL", timedelta(seconds=0.05))
    monkeypatch.setattr(energy_book, "POWER_SAVE_INTERVAL", timedelta(seconds=0.05))


READINGS = {
    "house_power": "house_power",
    "grid_power": "grid_power",
    "generation_power": "generation_power",
    "ev_power": "ev_power",
    "true_milli_amps": "charger_current",
    "voltage": "voltage",
    "watt_hours": "session_energy",
    "carbon_saved_grams": "session_carbon_saved",
}


@pytest.mark.parametrize("how", ["absent", "null", "text"])
@pytest.mark.parametrize("part", [0, 1], ids=["even", "odd"])
async def test_readings_that_stop_arriving_expire(
    setup_charger: SetUpCharger, part: int, how: str
) -> None:
    rig = await setup_charger(Personality.V3)
    missing = list(READINGS)[part::2]

    def unknown() -> set[str]:
        return {
            member
            for member, key in READINGS.items()
            if rig.state("sensor", key) == STATE_UNKNOWN
        }

    rig.charger.plug_in()
    await eventually(lambda: number(rig, "ev_power") > 7000)
    await eventually(lambda: not unknown())
    rig.cloud.faults.enable(
        Fault.PARTIAL_SESSION, charger=rig.charger, fields=missing, how=how
    )
    await asyncio.sleep(LIMIT / 2)
    assert not unknown()
    await eventually(lambda: unknown() == set(missing))
    assert rig.state("switch", "charging") == STATE_ON
    assert rig.coordinator.client.live
    rig.cloud.faults.clear()
    await eventually(lambda: not unknown())


async def test_a_reading_that_stopped_arriving_expires_in_a_silence(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: rig.state("sensor", "house_power") != STATE_UNKNOWN)
    rig.cloud.faults.enable(
        Fault.PARTIAL_SESSION, charger=rig.charger, fields=["house_power"], how="absent"
    )
    await asyncio.sleep(LIMIT / 2)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger)
    # With the next frame to stay away all become unavailable.
    await eventually(lambda: rig.state("sensor", "house_power") == STATE_UNKNOWN)
    assert number(rig, "grid_power") > 0


async def test_charging_that_is_not_reported_is_unknown(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    rig.cloud.faults.enable(
        Fault.PARTIAL_SESSION, charger=rig.charger, fields=["charging"], how="null"
    )
    await eventually(lambda: rig.state("switch", "charging") == STATE_UNKNOWN)
    await eventually(lambda: rig.state("sensor", "charging_readiness") == STATE_UNKNOWN)


@pytest.mark.parametrize("how", ["absent", "null", "text"])
async def test_energy_stops_with_the_power_it_is_summed_from(
    setup_charger: SetUpCharger, how: str
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.set_house_load(8_100_000)
    await enable(rig, "sensor", "house_energy")
    await eventually(lambda: number(rig, "house_energy") > 0.5)
    rig.cloud.faults.enable(
        Fault.PARTIAL_SESSION, charger=rig.charger, fields=["house_power"], how=how
    )
    frames = rig.coordinator.client.session_frames
    await eventually(lambda: rig.coordinator.client.session_frames > frames + 1)
    await asyncio.sleep(0.2)
    before = number(rig, "house_energy")
    await eventually(lambda: rig.state("sensor", "house_power") == STATE_UNKNOWN)
    assert number(rig, "house_energy") == before


async def test_a_failing_listener_ends_nothing(
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: rig.coordinator.client.live)
    caplog.clear()

    def fail(*_: object) -> None:
        raise RuntimeError("a bad record")

    monkeypatch.setattr(rig.coordinator.energy, "_go_on", fail)
    monkeypatch.setattr(rig.coordinator.client, "_listener", fail)
    frames = rig.coordinator.client.session_frames
    await rig.cloud.drop_all(abrupt=True)
    await eventually(lambda: rig.coordinator.client.session_frames > frames + 3)
    assert rig.coordinator.client.connected
    failures = [item for item in caplog.records if "listener failed" in item.message]
    assert [item.levelname for item in failures if item.levelname != "DEBUG"] == [
        "ERROR"
    ]
