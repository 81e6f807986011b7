"""Which zone a legacy V2's times of day are in: its schedule may name one (8.1)."""

from datetime import UTC, datetime, timedelta

from homeassistant.util import dt as dt_util
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, RestSchedule, Session
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


async def test_a_zone_that_is_changed_at_run_time(setup_charger: SetUpCharger) -> None:
    """The times of day of a V3 are in Home Assistant's zone."""
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=[Session("01:00", "05:00")])
    start = "next_charge_start"

    def starts_at_one(zone: str) -> bool:
        shown = dt_util.parse_datetime(rig.state("sensor", start))
        local = dt_util.get_time_zone(zone)
        return shown is not None and shown.astimezone(local).hour == 1

    zone = str(dt_util.get_default_time_zone())
    await eventually(lambda: starts_at_one(zone))
    await rig.hass.config.async_update(time_zone="Asia/Tokyo")
    await eventually(lambda: starts_at_one("Asia/Tokyo"))


async def test_dispatches_in_a_zone_that_is_changed(
    setup_charger: SetUpCharger,
) -> None:
    """They are instants, whatever the zone that they are shown in."""
    rig = await setup_charger(Personality.V3)
    begin = (datetime.now(UTC) + timedelta(hours=3)).replace(
        minute=30, second=0, microsecond=0
    )
    rig.charger.set_octopus_schedule([(begin, begin + timedelta(hours=1))])

    def starts() -> datetime | None:
        return dt_util.parse_datetime(rig.state("sensor", "next_charge_start"))

    await eventually(lambda: starts() == begin)
    await rig.hass.config.async_update(time_zone="Asia/Tokyo")
    await eventually(lambda: starts() == begin)
    assert rig.coordinator.schedule_zone == dt_util.get_default_time_zone()
    local = begin.astimezone(dt_util.get_default_time_zone())

    def read_again() -> bool:
        schedule = rig.coordinator.data.schedule
        return (
            schedule is not None
            and schedule.sessions[0].on_date == local.date()
            and str(schedule.sessions[0].start) == f"{local:%H:%M}"
        )

    await eventually(read_again)
