"""The energy panel takes the charger, and its bars are what was delivered."""

from datetime import UTC, datetime, timedelta

from homeassistant.components.energy.data import async_get_manager
from homeassistant.components.energy.validate import async_validate
from homeassistant.components.recorder import Recorder, get_instance
from homeassistant.components.recorder.statistics import (
    StatisticsRow,
    statistics_during_period,
    validate_statistics,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from tests.conftest import SetUpCharger
from tests.simulator import Personality, SimulatedCloud

from .driving import frames_until, tell
from .time_machine import TimeMachine

MINUTE = timedelta(minutes=1)
# In Wh, of a car that takes 32 A.
A_MINUTES_WORTH = 130


@pytest.fixture
def push_interval() -> None:
    """A cloud that tells something when the test says so."""


@pytest.fixture
def enable_statistics() -> bool:
    return True


@pytest.fixture
def departure() -> datetime:
    """Set out in the future: the recorder's own timers are those of the present."""
    return datetime(2040, 3, 14, 9, 0, 30, tzinfo=UTC)


async def hourly(hass: HomeAssistant, statistic_id: str) -> list[StatisticsRow]:
    await async_wait_recording_done(hass)
    statistics = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass,
        datetime(2026, 1, 1, tzinfo=UTC),
        None,
        {statistic_id},
        "hour",
        None,
        {"change"},
    )
    return statistics[statistic_id]


async def test_the_bars_are_what_was_delivered(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
) -> None:
    cloud.token_life = 1e9
    assert await async_setup_component(hass, "energy", {})
    rig = await setup_charger(Personality.V3)
    total = rig.entity_id("sensor", "total_energy")
    power = rig.entity_id("sensor", "ev_power")
    manager = await async_get_manager(hass)
    await manager.async_update(
        {  # type: ignore[typeddict-item] # all parts are optional
            "device_consumption": [{"stat_consumption": total, "stat_rate": power}]
        }
    )

    await tell(rig, time_machine)
    await frames_until(rig, time_machine, time_machine.now + 20 * MINUTE, MINUTE)
    rig.charger.plug_in(battery_kwh=100)
    delivered = []
    for hour in (10, 11, 12):
        before = rig.charger.delivered_wh
        end = time_machine.now.replace(hour=hour, minute=0, second=0)
        await frames_until(rig, time_machine, end, MINUTE)
        delivered.append(rig.charger.delivered_wh - before)
    rig.charger.unplug()
    await frames_until(rig, time_machine, time_machine.now + 2 * MINUTE, MINUTE)

    rows = await hourly(hass, total)
    changes = [(row["change"] or 0) * 1000 for row in rows]
    # A bar lacks what was told, or on disk, only after its hour.
    assert changes == pytest.approx(delivered, abs=2 * A_MINUTES_WORTH)
    assert sum(changes) == pytest.approx(sum(delivered), abs=2 * A_MINUTES_WORTH)
    assert sum(delivered) > 19_000
    assert (await async_validate(hass)).as_dict()["device_consumption"] == [[]]
    problems = await get_instance(hass).async_add_executor_job(
        validate_statistics, hass
    )
    assert not any(name.startswith("sensor.hypervolt") for name in problems)
