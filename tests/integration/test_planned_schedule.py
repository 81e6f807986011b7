"""A person's own schedule, saved before a planner's and back after it."""

import asyncio
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.schedule import ClockTime, Schedule
from custom_components.hypervolt_charger.planned_schedule import store_of
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.waiting import eventually

from .scheduling import (
    EVERY_VARIANT,
    TRACKER,
    call,
    own_schedule,
    plan,
    sessions,
    writes,
)
from .time_machine import TimeMachine

LONDON = ZoneInfo("Europe/London")
BACKUP = {"backup_schedule_start": "01:00:00", "backup_schedule_end": "04:30:00"}


def at(hour: int, minute: int = 0, day: int = 6) -> datetime:
    """Return a local time of June 2026; the journey begins on Friday the 5th at six."""
    return datetime(2026, 6, day, hour, minute, tzinfo=LONDON)


@pytest.fixture
async def rig(
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> Rig:
    """A charger with a schedule of its owner and, on top, a planner's."""
    cloud.token_life = 1e7
    rig = await setup_charger(personality)
    own_schedule(rig)
    plan(rig.hass, (at(1), at(2)))
    return rig


@pytest.fixture
def personality() -> Personality:
    """Most is the same for all chargers."""
    return Personality.V3


def starts(rig: Rig) -> set[str]:
    return {start for start, *_ in sessions(rig)}


def former(rig: Rig) -> Schedule | None:
    """Ask anew: a type checker would remember what it read before."""
    return rig.coordinator.planned.former


async def reload(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_it_comes_back_after_the_last_window(
    rig: Rig, time_machine: TimeMachine
) -> None:
    told = await call(rig, tracker_rate=TRACKER)
    assert told["restore_at"] == "2026-06-06T02:00:00+01:00"
    await time_machine.leap_to(at(1, 59))
    assert starts(rig) == {"01:00"}
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {"12:00"})
    assert rig.state("select", "activation_mode") == "schedule"


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_it_comes_back_when_home_assistant_was_down(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, tracker_rate=TRACKER)
    await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    await time_machine.leap_to(at(9))
    assert starts(rig) == {"01:00"}
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await eventually(lambda: starts(rig) == {"12:00"})
    await eventually(lambda: former(rig) is None)


async def test_plug_and_charge_comes_back_too(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.charger.app_set_schedule(enabled=False, sessions=[])
    await call(rig, tracker_rate=TRACKER)
    assert rig.charger.schedule.enabled
    await time_machine.leap_to(at(2))
    await eventually(lambda: not rig.charger.schedule.enabled)
    assert sessions(rig) == set()


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_what_somebody_changed_meanwhile_stays(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, tracker_rate=TRACKER)
    own_schedule(rig, "14:00", "15:00")
    await time_machine.leap_to(at(2))
    await eventually(lambda: former(rig) is None)
    assert starts(rig) == {"14:00"}
    # The next plan saves what is in force now.
    plan(rig.hass, (at(3), at(4)))
    await call(rig, tracker_rate=TRACKER)
    await time_machine.leap_to(at(4))
    await eventually(lambda: starts(rig) == {"14:00"})


async def test_a_second_plan_keeps_the_first_ones_former(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, tracker_rate=TRACKER)
    plan(rig.hass, (at(3), at(4)))
    await call(rig, tracker_rate=TRACKER)
    await reload(rig)
    await time_machine.leap_to(at(2))
    assert starts(rig) == {"03:00"}
    await time_machine.leap_to(at(4))
    await eventually(lambda: starts(rig) == {"12:00"})


async def test_the_same_plan_again_writes_nothing_and_forgets_nothing(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, tracker_rate=TRACKER)
    await call(rig, tracker_rate=TRACKER)
    assert writes(rig) == 1
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {"12:00"})


async def test_a_plan_that_is_the_persons_own_schedule_takes_nothing_over(
    rig: Rig,
) -> None:
    rig.charger.app_set_schedule(
        sessions=[{"start_time": "01:00", "end_time": "02:00", "days": ["SATURDAY"]}]
    )
    told = await call(rig, tracker_rate=TRACKER)
    assert not told["written"]
    assert told["restore_at"] is None


async def test_keep_is_for_good(rig: Rig, time_machine: TimeMachine) -> None:
    await call(rig, tracker_rate=TRACKER)
    told = await call(rig, tracker_rate=TRACKER, when_finished="keep")
    assert not told["written"]
    assert former(rig) is None
    await time_machine.leap_to(at(3))
    assert starts(rig) == {"01:00"}


async def test_a_backup_alone_can_be_temporary(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, when_finished="restore", **BACKUP)
    await time_machine.leap_to(at(4, 30))
    await eventually(lambda: starts(rig) == {"12:00"})


async def test_an_empty_enabled_schedule_is_not_written_back(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.charger.app_set_schedule(enabled=True, sessions=[])
    told = await call(rig, tracker_rate=TRACKER)
    assert told["written"]
    assert told["restore_at"] is None


async def test_it_is_tried_again(rig: Rig, time_machine: TimeMachine) -> None:
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    await time_machine.leap_to(at(2))
    await eventually(lambda: writes(rig) > 1)
    await time_machine.settle()
    assert starts(rig) == {"01:00"}
    rig.cloud.faults.clear()
    await time_machine.leap_to(at(2, 2))
    await eventually(lambda: starts(rig) == {"12:00"})


async def test_a_write_that_was_refused_leaves_everything_as_it_was(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    with pytest.raises(HomeAssistantError):
        await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.clear()
    await time_machine.leap_to(at(2))
    await eventually(lambda: former(rig) is None)
    assert starts(rig) == {"12:00"}


async def test_a_refused_second_plan_does_not_lose_the_first(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, tracker_rate=TRACKER)
    plan(rig.hass, (at(0, 30), at(1)))
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    with pytest.raises(HomeAssistantError):
        await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.clear()
    await reload(rig)
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {"12:00"})


async def test_what_cannot_be_written_is_kept_and_reported(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.charger.app_set_schedule(
        enabled=True, sessions=[{"start_time": "12:00", "end_time": "12:00"}]
    )
    await call(rig, tracker_rate=TRACKER)
    for minute in range(6):
        await time_machine.leap_to(at(2, minute))
        await asyncio.sleep(0.02)
    issue = f"schedule_not_restored_{rig.entry.entry_id}"
    registry = ir.async_get(rig.hass)
    await eventually(lambda: registry.async_get_issue(DOMAIN, issue))
    assert former(rig)
    # A person decides.
    own_schedule(rig, "14:00", "15:00")
    await eventually(lambda: registry.async_get_issue(DOMAIN, issue) is None)
    await time_machine.leap_to(at(2, 30))
    await eventually(lambda: former(rig) is None)
    assert starts(rig) == {"14:00"}


async def test_the_file_goes_with_the_entry(rig: Rig) -> None:
    await call(rig, tracker_rate=TRACKER)
    assert await store_of(rig.hass, rig.entry.entry_id).async_load()
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    assert await store_of(rig.hass, rig.entry.entry_id).async_load() is None


async def test_a_plan_prolonged_at_the_last_moment(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, tracker_rate=TRACKER)
    planned, client = rig.coordinator.planned, rig.coordinator.client
    async with planned.turn():
        # The return is due while the new plan has the turn.
        await time_machine.leap_to(at(2))
        active = await client.read_schedule()
        (session,) = active.sessions
        longer = replace(session, end=ClockTime.parse("04:00"))
        await planned.async_write(
            replace(active, sessions=(longer,)), in_force=active, until=at(4)
        )
    await time_machine.settle()
    assert starts(rig) == {"01:00"}
    assert rig.coordinator.planned.restore_at == at(4)
    await time_machine.leap_to(at(4))
    await eventually(lambda: starts(rig) == {"12:00"})
