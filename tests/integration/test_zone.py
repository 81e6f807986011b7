"""Which zone a legacy V2's times of day are in: its schedule may name one (8.1)."""

from homeassistant.util import dt as dt_util
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, RestSchedule
from tests.waiting import eventually


async def read_schedule(rig: Rig, zone: str) -> None:
    """Have the schedule read from a charger that names a zone."""
    rig.charger.rest_schedule = RestSchedule(tz=zone)
    await rig.coordinator.async_refresh()
    schedule = rig.coordinator.data.schedule
    assert schedule
    assert schedule.time_zone == zone
    await rig.hass.async_block_till_done(wait_background_tasks=True)


async def test_the_zone_a_charger_names(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await read_schedule(rig, "America/New_York")
    await eventually(lambda: str(rig.coordinator.schedule_zone) == "America/New_York")


@pytest.mark.parametrize("zone", ["No/Where", "../nowhere"])
async def test_a_zone_that_there_is_not(setup_charger: SetUpCharger, zone: str) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await read_schedule(rig, zone)
    assert rig.coordinator.schedule_zone == dt_util.get_default_time_zone()
