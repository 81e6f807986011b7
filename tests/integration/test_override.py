"""Who writes a schedule over whose, and whose is active in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hypervolt_charger import issues, removal
from custom_components.hypervolt_charger.const import (
    CONF_PLANNER,
    CONF_PLANNER_BACKUP_END,
    CONF_PLANNER_BACKUP_START,
    DOMAIN,
)
from custom_components.hypervolt_charger.hypervolt.charger import short_id
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.waiting import eventually

from .acting import act
from .scheduling import (
    EVERY_VARIANT,
    TRACKER,
    call,
    own_schedule,
    plan,
    sessions,
    writes,
)
from .test_repairs import Repair
from .time_machine import TimeMachine

LONDON = ZoneInfo("Europe/London")
NIGHT = ("00:30", "05:30")
# Another Home Assistant's plan, as it arrives from the charger.
FOREIGN_PLAN = [{"start_time": "03:00", "end_time": "04:00", "days": ["SATURDAY"]}]

every_variant = pytest.mark.parametrize("personality", EVERY_VARIANT)

type Follow = Callable[..., Awaitable[Rig]]


def at(hour: int, minute: int = 0, day: int = 6) -> datetime:
    """Return a local time of June 2026; the journey begins on Friday the 5th at six."""
    return datetime(2026, 6, day, hour, minute, tzinfo=LONDON)


@pytest.fixture
def personality() -> Personality:
    return Personality.V3


@pytest.fixture
async def rig(
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> Rig:
    """A charger with a schedule of its owner."""
    cloud.token_life = 1e7
    rig = await setup_charger(personality)
    own_schedule(rig, *NIGHT)
    await rig.coordinator.async_refresh()
    await eventually(lambda: told(rig) == {NIGHT[0]})
    return rig


@pytest.fixture
def follow(rig: Rig, time_machine: TimeMachine) -> Follow:
    """Have the charger follow the planner."""

    async def start(**options: Any) -> Rig:
        rig.hass.config_entries.async_update_entry(
            rig.entry, options={CONF_PLANNER: TRACKER, **options}
        )
        assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
        await rig.hass.async_block_till_done()
        await time_machine.settle()
        return rig

    return start


def starts(rig: Rig) -> set[str]:
    return {start for start, *_ in sessions(rig)}


def told(rig: Rig) -> set[str]:
    """Return the starts that the charger has told Home Assistant."""
    known = rig.coordinator.data.schedule
    return {str(item.start) for item in known.sessions} if known else set()


def settled(rig: Rig) -> set[str]:
    """Return the starts, nothing while they are on their way."""
    return starts(rig) if starts(rig) == told(rig) else set()


def enabled(rig: Rig) -> bool:
    if rig.charger.personality is Personality.LEGACY_V2:
        rest = rig.charger.rest_schedule
        return bool(rest and rest.enabled)
    return rig.charger.schedule.enabled


def reported(rig: Rig, kind: str) -> bool:
    issue = ir.async_get(rig.hass).async_get_issue(
        DOMAIN, f"{kind}_{rig.entry.entry_id}"
    )
    return issue is not None and issue.active


def let_go(rig: Rig) -> bool:
    return rig.coordinator.planned.let_go_since is not None


# Two writers in Home Assistant


def window(start: str, end: str) -> dict[str, Any]:
    return {"windows": [{"start": start, "end": end}], "when_finished": "restore"}


async def test_the_last_of_two_actions_is_active(rig: Rig) -> None:
    await call(rig, **window("02:00", "03:00"))
    first, second = await asyncio.gather(
        call(rig, **window("01:00", "02:00")), call(rig, **window("02:00", "03:00"))
    )
    assert (first["written"], second["written"]) == (True, True)
    assert starts(rig) == {"02:00"}


async def test_an_action_and_an_entity(rig: Rig, time_machine: TimeMachine) -> None:
    plan(rig.hass, (at(1), at(2)))
    # The action reads the schedule before the entity changes it.
    planning = asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await eventually(rig.coordinator.planned._turn.locked)
    await charge_now(rig, "select")
    assert (await planning)["written"]
    assert not enabled(rig)
    await time_machine.leap_to(at(2))
    await eventually(lambda: settled(rig) == {NIGHT[0]})
    assert not enabled(rig)


async def test_an_action_and_the_follower(
    hass: HomeAssistant, follow: Follow, time_machine: TimeMachine
) -> None:
    plan(hass, (at(2), at(3)))
    rig = await follow()
    await eventually(lambda: settled(rig) == {"02:00"})
    await time_machine.leap_to(at(18, 2, day=5))
    plan(hass, (at(4), at(5)))
    answer = await call(rig, **window("02:00", "03:00"))
    await eventually(lambda: settled(rig) == {"04:00"} or writes(rig) == 3)
    assert not let_go(rig)
    assert answer["restore_at"]
    await time_machine.leap_to(at(5))
    await eventually(lambda: starts(rig) == {NIGHT[0]})


# Charging at once


async def charge_now(rig: Rig, way: str) -> None:
    """Choose Plug and Charge."""
    if way == "select":
        await act(
            rig,
            "select",
            "select_option",
            "activation_mode",
            option="plug_and_charge",
        )
    elif rig.charger.personality is not Personality.LEGACY_V2:
        rig.charger.app_set_schedule(enabled=False)
    else:
        rest = rig.charger.rest_schedule
        assert rest
        if way == "open":
            # This form deletes the intervals.
            rest = replace(rest, type="open", intervals=())
        rig.charger.rest_schedule = replace(rest, enabled=False)
    await rig.coordinator.async_refresh()
    await eventually(
        lambda: rig.state("select", "activation_mode") == "plug_and_charge"
    )


async def by_schedule(rig: Rig) -> None:
    await act(rig, "select", "select_option", "activation_mode", option="schedule")


@every_variant
@pytest.mark.parametrize("way", ["select", "app", "open"])
@pytest.mark.parametrize("option", [False, True])
async def test_charging_at_once_during_a_plan_keeps_the_users_schedule(
    rig: Rig, time_machine: TimeMachine, follow: Follow, way: str, option: bool
) -> None:
    plan(rig.hass, (at(1), at(4)))
    if option:
        await follow()
    else:
        await call(rig, tracker_rate=TRACKER)
    await eventually(lambda: settled(rig) == {"01:00"})
    await time_machine.leap_to(at(2))
    await charge_now(rig, way)
    await time_machine.travel_to(at(3, 59))
    assert not enabled(rig)
    await time_machine.leap_to(at(4, 1))
    await eventually(lambda: settled(rig) == {NIGHT[0]})
    # The mode that was chosen stays.
    assert not enabled(rig)
    await by_schedule(rig)
    assert enabled(rig)
    assert starts(rig) == {NIGHT[0]}


@every_variant
@pytest.mark.parametrize("option", [False, True])
async def test_charging_at_once_and_by_the_plan_again(
    rig: Rig, time_machine: TimeMachine, follow: Follow, option: bool
) -> None:
    plan(rig.hass, (at(1), at(4)))
    if option:
        await follow()
    else:
        await call(rig, tracker_rate=TRACKER)
    await eventually(lambda: settled(rig) == {"01:00"})
    await time_machine.leap_to(at(2))
    await charge_now(rig, "select")
    await by_schedule(rig)
    assert starts(rig) == {"01:00"}
    await time_machine.leap_to(at(4, 1))
    await eventually(lambda: settled(rig) == {NIGHT[0]})
    assert enabled(rig)


async def test_a_plan_over_a_plan_that_was_switched_off(
    rig: Rig, time_machine: TimeMachine
) -> None:
    plan(rig.hass, (at(1), at(4)))
    await call(rig, tracker_rate=TRACKER)
    await charge_now(rig, "app")
    plan(rig.hass, (at(2), at(3)))
    assert (await call(rig, tracker_rate=TRACKER))["written"]
    assert enabled(rig)
    await time_machine.leap_to(at(3))
    await eventually(lambda: settled(rig) == {NIGHT[0]})
    assert not enabled(rig)


# A charger that refuses


@every_variant
async def test_a_refused_return_is_retried_and_reported(
    rig: Rig,
    time_machine: TimeMachine,
    hass_client: ClientSessionGenerator,
    hass_admin_user: MockUser,
) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    before = writes(rig)
    if rig.charger.personality is Personality.LEGACY_V2:
        rig.cloud.faults.enable(Fault.REST_ERROR, mode="503")
    else:
        rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    await time_machine.leap_to(at(2))
    await time_machine.settle()
    assert not reported(rig, "schedule_not_restored")
    for minute in range(1, 30):
        await time_machine.leap_to(at(2, minute))
        await asyncio.sleep(0.02)
    await eventually(lambda: reported(rig, "schedule_not_restored"))
    # Less and less often: after 0, 1, 3, 7 and 15 minutes.
    assert writes(rig) - before <= 6

    # The first one is too old by now.
    token = await rig.hass.auth.async_create_refresh_token(
        hass_admin_user, "https://example.com"
    )
    access = rig.hass.auth.async_create_access_token(token)
    repair = await Repair.open(
        rig.hass,
        partial(hass_client, access),
        f"schedule_not_restored_{rig.entry.entry_id}",
    )
    assert (await repair.submit())["errors"] == {"base": "failed"}
    rig.cloud.faults.clear()
    assert (await repair.submit())["type"] == "create_entry"
    assert starts(rig) == {NIGHT[0]}
    await rig.hass.async_block_till_done()
    assert not reported(rig, "schedule_not_restored")


async def test_an_outage_is_no_refusal(rig: Rig, time_machine: TimeMachine) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.BAD_CLOSE, mode="503")
    await eventually(lambda: not rig.coordinator.client.connected)
    for minute in range(8):
        await time_machine.leap_to(at(2, minute))
        await asyncio.sleep(0.02)
    assert starts(rig) == {"01:00"}
    assert not reported(rig, "schedule_not_restored")
    rig.cloud.faults.clear()
    await eventually(lambda: rig.coordinator.client.connected)
    await time_machine.leap_to(at(2, 9))
    await eventually(lambda: starts(rig) == {NIGHT[0]})


async def test_a_refused_return_ends_by_itself(
    rig: Rig, time_machine: TimeMachine
) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    for minute in (0, 1, 2, 3, 4, 5, 6):
        await time_machine.leap_to(at(2, minute))
        await asyncio.sleep(0.02)
    await eventually(lambda: reported(rig, "schedule_not_restored"))
    # Also after a reload, over which it stays reported.
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    assert reported(rig, "schedule_not_restored")
    rig.cloud.faults.clear()
    for minute in range(7, 40):
        await time_machine.leap_to(at(2, minute))
    await eventually(lambda: starts(rig) == {NIGHT[0]})
    await eventually(lambda: not reported(rig, "schedule_not_restored"))


# Somebody else


@pytest.mark.parametrize("option", [False, True])
async def test_what_the_app_saves_during_a_write_stays(
    rig: Rig, time_machine: TimeMachine, follow: Follow, option: bool
) -> None:
    rig.charger.plug_in()
    if option:
        await follow()
    rig.cloud.faults.enable(Fault.LOST, methods=["schedule.set"])
    before = writes(rig)
    plan(rig.hass, (at(1), at(2)))
    calling = None if option else asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await eventually(lambda: writes(rig) > before)
    own_schedule(rig, "14:00", "15:00")
    if calling:
        with pytest.raises(HomeAssistantError):
            await calling
    else:
        await eventually(lambda: let_go(rig))
    await eventually(lambda: not rig.coordinator.planned._turn.locked())
    assert settled(rig) == {"14:00"}
    assert writes(rig) == before + 1
    rig.cloud.faults.clear()
    # The next plan overrides theirs.
    await time_machine.leap_to(at(18, 5, day=5))
    plan(rig.hass, (at(3), at(4)))
    if option:
        await time_machine.settle()
        assert settled(rig) == {"14:00"}
        rig.charger.unplug()
        await eventually(lambda: rig.coordinator.data.pilot == "A")
        rig.charger.plug_in()
    else:
        await call(rig, tracker_rate=TRACKER)
    await eventually(lambda: settled(rig) == {"03:00"})
    await time_machine.leap_to(at(4))
    await eventually(lambda: starts(rig) == {"14:00"})


async def test_charging_at_once_by_the_app_during_a_write(
    rig: Rig, time_machine: TimeMachine
) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.LOST, methods=["schedule.set"])
    plan(rig.hass, (at(3), at(4)))
    calling = asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await eventually(lambda: writes(rig) == 2)
    rig.charger.app_set_schedule(enabled=False)
    with pytest.raises(HomeAssistantError):
        await calling
    rig.cloud.faults.clear()
    assert not enabled(rig)
    await time_machine.leap_to(at(4))
    await eventually(lambda: starts(rig) == {NIGHT[0]})
    assert not enabled(rig)


async def test_a_lost_write_that_is_executed_after_all(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.cloud.faults.enable(Fault.LOST, methods=["schedule.set"])
    plan(rig.hass, (at(1), at(2)))
    calling = asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await eventually(lambda: writes(rig))
    own_schedule(rig, "14:00", "15:00")
    with pytest.raises(HomeAssistantError):
        await calling
    rig.cloud.faults.clear()
    rig.charger.app_set_schedule(
        sessions=[{"start_time": "01:00", "end_time": "02:00", "days": ["SATURDAY"]}]
    )
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {"14:00"})


async def test_another_home_assistants_plan_is_not_the_users(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.charger.app_set_schedule(sessions=FOREIGN_PLAN)
    plan(rig.hass, (at(1), at(2)))
    assert (await call(rig, tracker_rate=TRACKER))["written"]
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {NIGHT[0]})


async def test_another_home_assistants_plan_that_was_switched_off(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.charger.app_set_schedule(sessions=FOREIGN_PLAN)
    await eventually(lambda: told(rig) == {"03:00"})
    await charge_now(rig, "select")
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {NIGHT[0]})
    assert not enabled(rig)


async def test_another_home_assistants_plan_after_a_restart(
    rig: Rig, time_machine: TimeMachine
) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    rig.charger.app_set_schedule(sessions=FOREIGN_PLAN)
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    plan(rig.hass, (at(0, 30), at(2)))
    assert (await call(rig, tracker_rate=TRACKER))["written"]
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {NIGHT[0]})


async def test_a_schedule_of_one_day_that_stays_is_the_users(
    rig: Rig, time_machine: TimeMachine
) -> None:
    rig.charger.app_set_schedule(sessions=FOREIGN_PLAN)
    await time_machine.travel_to(at(18, 30))
    plan(rig.hass, (at(1, day=7), at(2, day=7)))
    await call(rig, tracker_rate=TRACKER)
    await time_machine.leap_to(at(2, day=7))
    await eventually(lambda: starts(rig) == {"03:00"})


async def test_a_schedule_of_one_day_applied_here_is_the_users(
    rig: Rig, time_machine: TimeMachine
) -> None:
    await call(rig, windows=[{"start": at(3), "end": at(4)}], when_finished="keep")
    assert starts(rig) == {"03:00"}
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    await time_machine.leap_to(at(2))
    await eventually(lambda: starts(rig) == {"03:00"})


# Deletion


@every_variant
async def test_deleting_the_entry_restores_the_users_schedule(rig: Rig) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    assert starts(rig) == {NIGHT[0]}
    assert enabled(rig)
    assert not ir.async_get(rig.hass).issues
    await eventually(lambda: rig.charger.sockets == 0)


async def test_deleting_an_unloaded_entry_restores_it_too(rig: Rig) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    assert starts(rig) == {NIGHT[0]}


async def test_deleting_leaves_what_the_user_has_changed(rig: Rig) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    own_schedule(rig, "14:00", "15:00")
    before = writes(rig)
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    assert writes(rig) == before


@pytest.mark.parametrize(
    ("own", "kind", "listed"),
    [
        (True, "schedule_left", "- 00:30 - 05:30 "),
        (False, "plug_and_charge_left", "-"),
    ],
)
async def test_what_cannot_be_restored_on_deletion_is_reported(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, own: bool, kind: str, listed: str
) -> None:
    monkeypatch.setattr(removal, "LIMIT", timedelta(seconds=1))
    if not own:
        rig.charger.app_set_schedule(enabled=False, sessions=[])
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    (issue,) = ir.async_get(rig.hass).issues.values()
    assert issue.translation_key == kind
    assert issue.is_persistent
    assert issue.issue_id.endswith(short_id(rig.charger.charger_id))
    assert issue.translation_placeholders
    assert issue.translation_placeholders["own"].startswith(listed)
    assert issue.translation_placeholders["planned"].startswith("- 01:00 - 02:00 ")


async def test_deletion_does_not_wait_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "LIMIT", timedelta(seconds=0.5))
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.BAD_CLOSE, mode="503")
    async with asyncio.timeout(20):
        await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    (issue,) = ir.async_get(rig.hass).issues.values()
    assert issue.translation_key == "schedule_left"


async def disable(rig: Rig) -> None:
    await rig.hass.config_entries.async_set_disabled_by(
        rig.entry.entry_id, ConfigEntryDisabler.USER
    )


async def test_disabling_the_entry_restores_the_users_schedule(rig: Rig) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    await disable(rig)
    assert starts(rig) == {NIGHT[0]}


async def test_what_cannot_be_restored_on_disabling_is_restored_later(
    rig: Rig, time_machine: TimeMachine
) -> None:
    plan(rig.hass, (at(1), at(2)))
    await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    await disable(rig)
    assert starts(rig) == {"01:00"}
    rig.cloud.faults.clear()
    await time_machine.leap_to(at(9))
    await rig.hass.config_entries.async_set_disabled_by(rig.entry.entry_id, None)
    await eventually(lambda: starts(rig) == {NIGHT[0]})


# The backup


async def test_the_backup_comes_after_a_plan_that_was_refused(
    hass: HomeAssistant, follow: Follow, time_machine: TimeMachine
) -> None:
    hass.states.async_set(TRACKER, "unavailable")
    rig = await follow(
        **{
            CONF_PLANNER_BACKUP_START: "01:00:00",
            CONF_PLANNER_BACKUP_END: "04:30:00",
        }
    )
    await eventually(lambda: sessions(rig) == {("01:00", "04:30", "sat")})
    await call(rig, "restore_schedule")
    await eventually(lambda: settled(rig) == {NIGHT[0]})
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    before = writes(rig)
    await time_machine.leap_to(at(18, 2, day=5))
    plan(hass, (at(2), at(3)))
    await eventually(lambda: writes(rig) > before)
    await time_machine.settle()
    rig.cloud.faults.clear()
    hass.states.async_set(TRACKER, "unavailable")
    await time_machine.leap_to(at(18, 10, day=5))
    await time_machine.leap_to(at(18, 16, day=5))
    await eventually(lambda: sessions(rig) == {("01:00", "04:30", "sat")})


# An issue every night


async def test_an_empty_schedule_between_slots_is_not_reported(
    rig: Rig, time_machine: TimeMachine
) -> None:
    for day in (6, 7, 8):
        rig.charger.app_set_schedule(enabled=True, sessions=[])
        await time_machine.travel_to(at(1, day=day))
        assert not reported(rig, "schedule_empty")
        rig.charger.app_set_schedule(enabled=False)
        await time_machine.travel_to(at(5, day=day))
    rig.charger.app_set_schedule(enabled=True)
    await time_machine.travel_to(at(6, day=9))
    await eventually(lambda: reported(rig, "schedule_empty"))


async def test_an_ignored_issue_stays_ignored(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issues, "EMPTY_FOR", timedelta())
    rig.charger.app_set_schedule(enabled=True, sessions=[])
    await eventually(lambda: reported(rig, "schedule_empty"))
    issue_id = f"schedule_empty_{rig.entry.entry_id}"
    ir.async_ignore_issue(rig.hass, DOMAIN, issue_id, True)
    for _ in range(2):
        rig.charger.app_set_schedule(enabled=False)
        await eventually(
            lambda: rig.state("select", "activation_mode") == "plug_and_charge"
        )
        rig.charger.app_set_schedule(enabled=True)
        await eventually(lambda: rig.state("select", "activation_mode") == "schedule")
    issue = ir.async_get(rig.hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.dismissed_version
    # It goes with the entry.
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    assert ir.async_get(rig.hass).async_get_issue(DOMAIN, issue_id) is None


async def test_an_ignored_planner_that_is_gone_stays_ignored(
    hass: HomeAssistant, follow: Follow, time_machine: TimeMachine
) -> None:
    rig = await follow()
    await eventually(lambda: reported(rig, "planner_gone"))
    issue_id = f"planner_gone_{rig.entry.entry_id}"
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
    plan(hass, (at(1), at(2)))
    await eventually(lambda: settled(rig) == {"01:00"})
    hass.states.async_remove(TRACKER)
    await time_machine.leap_to(at(18, 5, day=5))
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.dismissed_version
    # Without a planner to follow there is nothing to ignore.
    hass.config_entries.async_update_entry(rig.entry, options={})
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await hass.async_block_till_done()
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
