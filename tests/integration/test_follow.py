"""A planner followed by option, without an automation."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest

from custom_components.hypervolt_charger.const import (
    CONF_PLANNER,
    CONF_PLANNER_BACKUP_END,
    CONF_PLANNER_BACKUP_START,
    CONF_PLANNER_CHARGE_MODE,
    DOMAIN,
)
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
BACKUP = {
    CONF_PLANNER_BACKUP_START: "01:00:00",
    CONF_PLANNER_BACKUP_END: "04:30:00",
}

type Follow = Callable[..., Awaitable[Rig]]


def at(hour: int, minute: int = 0, day: int = 6, second: int = 0) -> datetime:
    """Return a local time of June 2026; the journey begins on Friday the 5th at six."""
    return datetime(2026, 6, day, hour, minute, second, tzinfo=LONDON)


@pytest.fixture
def follow(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> Follow:
    """Set up a charger of an owner's schedule, and have it follow the planner."""

    async def start(personality: Personality = Personality.V3, **options: Any) -> Rig:
        cloud.token_life = 1e7
        rig = await setup_charger(personality)
        own_schedule(rig)
        await rig.coordinator.async_refresh()
        rig.hass.config_entries.async_update_entry(
            rig.entry, options={CONF_PLANNER: TRACKER, **options}
        )
        await reload(rig)
        await time_machine.settle()
        return rig

    return start


async def reload(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


def starts(rig: Rig) -> set[str]:
    """Return when the schedule's sessions start, nothing while it is on its way.

    Time that leaps while a write is being confirmed is a cloud that does not answer.
    """
    known = rig.coordinator.data.schedule
    there = {start for start, *_ in sessions(rig)}
    told = {str(session.start) for session in known.sessions} if known else set()
    return there if there == told else set()


def let_go(rig: Rig) -> bool:
    return rig.coordinator.planned.let_go_since is not None


def issues(rig: Rig) -> set[str]:
    return {
        str(issue.translation_key)
        for issue in ir.async_get(rig.hass).issues.values()
        if issue.domain == DOMAIN
    }


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_plans_are_applied_and_pass(
    hass: HomeAssistant,
    time_machine: TimeMachine,
    follow: Follow,
    personality: Personality,
) -> None:
    plan(hass, (at(1), at(2)))
    rig = await follow(personality)
    await eventually(lambda: starts(rig) == {"01:00"})
    assert writes(rig) == 1
    await time_machine.leap_to(at(19, day=5))
    plan(hass, (at(3), at(4)))
    await eventually(lambda: starts(rig) == {"03:00"})
    # The plan passes, the planner has nothing new, and the owner's schedule is back.
    await time_machine.travel_to(at(3, 30))
    await time_machine.travel_to(at(5))
    await eventually(lambda: starts(rig) == {"12:00"})
    await time_machine.travel_to(at(8))
    assert starts(rig) == {"12:00"}
    assert writes(rig) == 3
    assert not let_go(rig)


async def test_a_planner_that_is_renamed(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    registry = er.async_get(hass)
    domain, _, name = TRACKER.partition(".")
    registry.async_get_or_create(domain, "test", "1", suggested_object_id=name)
    plan(hass, (at(1), at(2)))
    rig = await follow(**BACKUP)
    await eventually(lambda: starts(rig) == {"01:00"})
    registry.async_update_entity(TRACKER, icon="mdi:car")
    registry.async_update_entity(TRACKER, new_entity_id=f"{domain}.renamed")
    planned = hass.states.get(TRACKER)
    assert planned
    hass.states.async_remove(TRACKER)
    hass.states.async_set(f"{domain}.renamed", planned.state, planned.attributes)
    await time_machine.leap_to(at(19, day=5))
    await hass.async_block_till_done()
    await eventually(lambda: rig.coordinator.client.available)
    assert rig.entry.options == {**BACKUP, CONF_PLANNER: f"{domain}.renamed"}
    await time_machine.leap_to(at(20, day=5))
    await time_machine.settle()
    assert starts(rig) == {"01:00"}
    assert writes(rig) == 1
    assert issues(rig) == set()


async def test_at_most_one_write_a_minute(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    plan(hass, (at(1), at(2)))
    rig = await follow(**{CONF_PLANNER_CHARGE_MODE: "eco"})
    await eventually(lambda: starts(rig) == {"01:00"})
    assert {str(item.mode) for item in rig.charger.schedule.sessions} == {"eco"}
    for minute in range(10, 40, 5):
        plan(hass, (at(1, minute), at(2)))
        await time_machine.settle()
    assert writes(rig) == 1
    await time_machine.leap_to(at(18, 1, day=5, second=10))
    await eventually(lambda: starts(rig) == {"01:35"})
    assert writes(rig) == 2


async def test_seconds_do_not_disturb_what_is_running(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    plan(hass, (at(1), at(5)))
    rig = await follow()
    await eventually(lambda: starts(rig) == {"01:00"})
    rig.charger.plug_in(battery_kwh=500)
    await time_machine.travel_to(at(2))
    for minute in range(5, 60, 10):
        await time_machine.leap_to(at(2, minute))
        plan(hass, (at(2, minute, second=20), at(4, 59, second=30)))
        await time_machine.settle()
    assert writes(rig) == 1
    assert rig.charger.sessions == []
    assert rig.charger.charging


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_a_person_has_the_last_word(
    hass: HomeAssistant,
    time_machine: TimeMachine,
    follow: Follow,
    personality: Personality,
) -> None:
    plan(hass, (at(1), at(2)))
    rig = await follow(personality)
    await eventually(lambda: starts(rig) == {"01:00"})
    rig.charger.plug_in()
    own_schedule(rig, "14:00", "15:00")
    await rig.coordinator.async_refresh()
    await eventually(lambda: let_go(rig))
    own_schedule(rig, "14:00", "16:00")
    await rig.coordinator.async_refresh()
    await time_machine.leap_to(at(19, day=5))
    plan(hass, (at(3), at(4)))
    await time_machine.settle()
    assert starts(rig) == {"14:00"}
    # Also after a restart.
    await reload(rig)
    await time_machine.settle()
    assert let_go(rig)
    assert starts(rig) == {"14:00"}

    if personality is Personality.LEGACY_V2:
        # It tells nothing of plugs: a day must do.
        plan(hass, (at(1, day=7), at(2, day=7)))
        await time_machine.travel_to(at(18, 10))
        await eventually(lambda: starts(rig) == {"01:00"})
    else:
        rig.charger.unplug()
        await eventually(lambda: rig.coordinator.data.pilot == "A")
        rig.charger.plug_in()
        await eventually(lambda: starts(rig) == {"03:00"})
    assert not let_go(rig)


async def test_a_change_while_home_assistant_was_down(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    plan(hass, (at(1), at(2)))
    rig = await follow()
    await eventually(lambda: starts(rig) == {"01:00"})
    await hass.config_entries.async_unload(rig.entry.entry_id)
    own_schedule(rig, "14:00", "15:00")
    assert await hass.config_entries.async_setup(rig.entry.entry_id)
    await eventually(lambda: let_go(rig))
    assert starts(rig) == {"14:00"}


async def test_the_backup_serves_while_there_is_no_plan(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    hass.states.async_set(TRACKER, "unavailable")
    rig = await follow(**BACKUP)
    await eventually(lambda: sessions(rig) == {("01:00", "04:30", "sat")})
    plan(hass, (at(2), at(3)))
    await time_machine.leap_to(at(18, 2, day=5))
    await eventually(lambda: starts(rig) == {"02:00"})
    # An outage of the planner does not cost the plan that is in force.
    hass.states.async_set(TRACKER, "unavailable")
    await time_machine.leap_to(at(18, 30, day=5))
    assert starts(rig) == {"02:00"}


async def test_without_plan_and_backup_nothing_happens(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    hass.states.async_set(TRACKER, "unavailable")
    rig = await follow()
    await time_machine.leap_to(at(18, 30, day=5))
    assert writes(rig) == 0
    assert issues(rig) == set()


async def test_a_planner_that_is_gone_or_gives_prices(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    rig = await follow(**BACKUP)
    await eventually(lambda: issues(rig) == {"planner_gone"})
    hass.states.async_set(TRACKER, "on", {"raw_today": [{"start": 1}]})
    await time_machine.leap_to(at(18, 2, day=5))
    await eventually(lambda: issues(rig) == {"planner_prices"})
    plan(hass, (at(1), at(2)))
    await eventually(lambda: issues(rig) == set())
    hass.states.async_remove(TRACKER)
    await time_machine.leap_to(at(18, 4, day=5))
    await eventually(lambda: issues(rig) == {"planner_gone"})

    hass.config_entries.async_update_entry(rig.entry, options={})
    await reload(rig)
    assert issues(rig) == set()


async def test_trouble_is_said_once(
    hass: HomeAssistant,
    time_machine: TimeMachine,
    follow: Follow,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = await follow()
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    plan(hass, (at(1), at(2)))
    await eventually(lambda: "does not follow" in caplog.text)
    await time_machine.travel_to(at(18, 30, day=5), step=timedelta(minutes=5))
    assert caplog.text.count("does not follow") == 1
    rig.cloud.faults.clear()
    await time_machine.leap_to(at(18, 40, day=5))
    await eventually(lambda: starts(rig) == {"01:00"})


async def test_octopus_is_no_person(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    plan(hass, (at(1), at(2)))
    rig = await follow()
    await eventually(lambda: starts(rig) == {"01:00"})
    rig.charger.set_octopus_schedule([(at(3), at(4))])
    await time_machine.leap_to(at(18, 10, day=5))
    plan(hass, (at(1, 30), at(2)))
    await eventually(lambda: "octopus_controls" in issues(rig))
    assert not let_go(rig)


async def test_it_waits_for_home_assistant(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    hass.set_state(CoreState.starting)
    rig = await follow()
    assert issues(rig) == set()
    plan(hass, (at(1), at(2)))
    await time_machine.settle()
    assert writes(rig) == 0
    # Unloaded with a look ahead: nothing is left behind.
    hass.set_state(CoreState.running)
    await reload(rig)
    await eventually(lambda: starts(rig) == {"01:00"})
    plan(hass, (at(2), at(3)))


async def test_an_action_is_no_change_by_hand(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    plan(hass, (at(1), at(2)))
    rig = await follow()
    await eventually(lambda: starts(rig) == {"01:00"})
    await call(
        rig, windows=[{"start": "22:00", "end": "23:00"}], when_finished="restore"
    )
    await call(rig, "restore_schedule")
    await time_machine.settle()
    assert not let_go(rig)


async def test_a_person_comes_before_the_planner(
    hass: HomeAssistant, time_machine: TimeMachine, follow: Follow
) -> None:
    hass.states.async_set(TRACKER, "unavailable")
    rig = await follow()
    own_schedule(rig, "14:00", "15:00")
    await eventually(lambda: let_go(rig))
    plan(hass, (at(1), at(2)))
    await time_machine.settle()
    assert starts(rig) == {"14:00"}
