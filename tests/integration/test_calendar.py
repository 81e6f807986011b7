"""The calendar of coming windows."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant
import pytest

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.waiting import eventually

from .acting import entity
from .scheduling import EVERY_VARIANT, TRACKER, call, own_schedule, plan
from .time_machine import TimeMachine

LONDON = ZoneInfo("Europe/London")


def at(hour: int, minute: int = 0, day: int = 6) -> datetime:
    """Return a local time of June 2026; the journey begins on Friday the 5th at six."""
    return datetime(2026, 6, day, hour, minute, tzinfo=LONDON)


async def events(rig: Rig, start: datetime, end: datetime) -> list[tuple[str, str]]:
    """Ask as a dashboard or an automation does; return start and summary."""
    entity_id = rig.entity_id("calendar", "charging_schedule")
    response: dict[str, Any] | None = await rig.hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": entity_id,
            "start_date_time": start.isoformat(),
            "end_date_time": end.isoformat(),
        },
        blocking=True,
        return_response=True,
    )
    assert response is not None
    return [(item["start"], item["summary"]) for item in response[entity_id]["events"]]


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_it_shows_the_schedule_in_force(
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> None:
    cloud.token_life = 1e7
    rig = await setup_charger(personality)
    assert entity(rig, "calendar", "charging_schedule").state == "off"
    assert await events(rig, at(0, day=1), at(0, day=30)) == []

    own_schedule(rig)
    await rig.coordinator.async_refresh()
    await rig.hass.async_block_till_done()
    await eventually(
        lambda: "start_time" in entity(rig, "calendar", "charging_schedule").attributes
    )
    shown = entity(rig, "calendar", "charging_schedule")
    assert shown.attributes["start_time"] == "2026-06-06 12:00:00"
    assert shown.attributes["message"] == "Charging (Boost)"
    # Nothing of the past is made up, and what is asked for is complete.
    found = await events(rig, at(0, day=1), at(0, day=26))
    assert len(found) == 20
    assert found[0] == ("2026-06-06T12:00:00+01:00", "Charging (Boost)")

    await time_machine.leap_to(at(12, 0) + timedelta(seconds=1))
    await eventually(lambda: entity(rig, "calendar", "charging_schedule").state == "on")


async def test_a_planners_windows_are_shown_once(
    hass: HomeAssistant, time_machine: TimeMachine, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    own_schedule(rig)
    plan(hass, (at(1), at(2)), (at(1, day=7), at(2, day=7)))
    await call(rig, tracker_rate=TRACKER)
    found = await events(rig, at(0, day=5), at(23, day=8))
    assert [start for start, _ in found] == [
        "2026-06-06T01:00:00+01:00",
        "2026-06-07T01:00:00+01:00",
        # Then the person's own schedule is back.
        "2026-06-07T12:00:00+01:00",
        "2026-06-08T12:00:00+01:00",
    ]


async def test_nothing_is_known_yet(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.REST_ERROR)
    rig = await setup_charger(Personality.LEGACY_V2)
    assert await events(rig, at(0, day=5), at(23, day=8)) == []
