"""Whole nights: an automation sets a schedule, and the simulated car charges by it."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.schedule import same_sessions
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, SimulatedCloud

from .scheduling import EVERY_VARIANT, TRACKER, device_id, own_schedule, plan
from .time_machine import TimeMachine

LONDON = ZoneInfo("Europe/London")


def charged(rig: Rig) -> list[tuple[datetime, datetime]]:
    """Return when the car really charged, to the minute."""

    def minute(moment: datetime) -> datetime:
        return (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)

    return [
        (minute(one.started).astimezone(LONDON), minute(one.ended).astimezone(LONDON))
        for one in rig.charger.sessions
    ]


async def nightly(hass: HomeAssistant, rig: Rig, **data: Any) -> None:
    """Have an automation call the action every day at six in the evening."""
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "id": "nightly",
                "alias": "nightly",
                "triggers": [{"trigger": "time", "at": "18:00:00"}],
                "actions": [
                    {
                        "action": f"{DOMAIN}.set_schedule",
                        "data": {
                            "device_id": device_id(rig),
                            "tracker_rate": TRACKER,
                            **data,
                        },
                    }
                ],
            }
        },
    )
    await hass.async_block_till_done()


@pytest.fixture
def departure() -> datetime:
    return datetime(2026, 6, 5, 17, 50, tzinfo=LONDON)


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_an_automation_at_six(
    hass: HomeAssistant,
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> None:
    cloud.token_life = 1e7
    rig = await setup_charger(personality)
    own_schedule(rig)
    await rig.coordinator.async_refresh()
    former = await rig.coordinator.client.read_schedule()
    windows = [
        (
            datetime(2026, 6, 5, 23, 30, tzinfo=LONDON),
            datetime(2026, 6, 6, 1, 0, tzinfo=LONDON),
        ),
        (
            datetime(2026, 6, 6, 2, 30, tzinfo=LONDON),
            datetime(2026, 6, 6, 4, 0, tzinfo=LONDON),
        ),
    ]
    plan(hass, *windows)
    await nightly(hass, rig)
    rig.charger.plug_in(battery_kwh=500)

    await time_machine.travel_to(datetime(2026, 6, 5, 18, 1, tzinfo=LONDON))
    await time_machine.until(
        lambda: (
            rig.coordinator.planned.former is not None
            and rig.coordinator.data.schedule != former
        )
    )
    await time_machine.travel_to(datetime(2026, 6, 6, 11, 0, tzinfo=LONDON))
    assert charged(rig) == windows
    restored = await rig.coordinator.client.read_schedule()
    assert restored.enabled
    assert same_sessions(restored, former)
    assert rig.coordinator.planned.restore_at is None

    # The next night, and the same one of next week, belong to the owner again.
    hass.states.async_remove(TRACKER)
    await time_machine.travel_to(
        datetime(2026, 6, 13, 11, 0, tzinfo=LONDON), step=timedelta(hours=3)
    )
    noons = [start for start, _ in charged(rig)[2:]]
    assert {start.hour for start in noons} == {12}
    assert len(noons) == 7
