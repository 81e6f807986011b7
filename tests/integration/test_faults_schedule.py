"""Faults of schedules, and changes made elsewhere: each is shown, and then survived."""

import asyncio
from datetime import UTC, datetime, timedelta
import logging

from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.hypervolt_charger.const import POLL_INTERVAL
from tests.conftest import Rig, SetUpCharger
from tests.integration.conftest import LookOn
from tests.simulator import Fault, Personality, Session
from tests.simulator_tests.plain_client import PlainClient
from tests.waiting import eventually

from .acting import act, entity
from .surviving import Watch, asked, asks_to_sign_in, covers, lines, sent

HOUR = timedelta(hours=1)
NIGHT = [Session("01:00", "05:00")]
SHOWN_NIGHT = ("01:00:00", "05:00:00")
UNUSED = (STATE_UNKNOWN, STATE_UNKNOWN)


def slot(rig: Rig, number: int) -> tuple[str, str]:
    """Return start and end of a session as they are shown."""
    key = f"schedule_session_{number}"
    return rig.state("time", f"{key}_start_time"), rig.state("time", f"{key}_end_time")


def days(rig: Rig, number: int) -> str:
    return rig.state("text", f"schedule_session_{number}_days_of_week")


async def poll(rig: Rig) -> None:
    """Let the five minutes between two polls pass."""
    async_fire_time_changed(
        rig.hass, dt_util.utcnow() + POLL_INTERVAL + timedelta(seconds=1)
    )
    await rig.hass.async_block_till_done(wait_background_tasks=False)


async def edit(rig: Rig, number: int, start: str, end: str) -> None:
    for edge, value in (("start", start), ("end", end)):
        key = f"schedule_session_{number}_{edge}_time"
        await act(rig, "time", "set_value", key, time=value)


@covers(Fault.STALE_REST)
@pytest.mark.parametrize("put", ["overwrite", "fail"])
async def test_f19_an_upgraded_v2_has_its_true_schedule(
    setup_charger: SetUpCharger, onlooker: PlainClient, put: str
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    rig.cloud.faults.enable(Fault.STALE_REST, put=put)
    rig.charger.app_set_schedule(enabled=True, sessions=NIGHT)
    path = f"/charger/by-id/{rig.charger.charger_id}/schedule"
    status, stale = await onlooker.rest(path)
    assert (status, stale["enabled"]) == (200, False)
    assert stale["intervals"][0][0] == {"hours": 0, "minutes": 31, "seconds": 0}

    await eventually(lambda: slot(rig, 1) == SHOWN_NIGHT)
    await poll(rig)
    await edit(rig, 1, "02:00", "06:00")
    await act(rig, "button", "press", "apply_schedule")
    assert rig.charger.schedule.enabled
    assert rig.charger.schedule.sessions == (Session("02:00", "06:00"),)
    assert slot(rig, 1) == ("02:00:00", "06:00:00")
    assert len(sent(rig, "schedule.set")) == 1
    assert asked(rig, "/schedule") == []


@covers(Fault.NO_SCHEDULE)
@pytest.mark.parametrize("mode", ["missing", "null", "empty"])
async def test_f20_no_schedule_is_an_empty_one(
    setup_charger: SetUpCharger, look_on: LookOn, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(enabled=True, sessions=NIGHT)
    await eventually(lambda: slot(rig, 1) == SHOWN_NIGHT)
    assert rig.state("sensor", "next_charge_start") != STATE_UNKNOWN
    rig.cloud.faults.enable(Fault.NO_SCHEDULE, mode=mode)
    told = await (await look_on(rig)).result("schedules.get")
    assert not told.get("applied")
    assert ("applied" in told) is (mode != "missing")
    await eventually(lambda: slot(rig, 1) == UNUSED)
    assert rig.state("select", "activation_mode") == "plug_and_charge"
    assert rig.state("sensor", "next_charge_start") == STATE_UNKNOWN

    rig.cloud.faults.clear()
    await eventually(lambda: slot(rig, 1) == SHOWN_NIGHT)
    assert rig.state("select", "activation_mode") == "schedule"


@covers(Fault.NO_SCHEDULE)
async def test_f20_a_legacy_v2_without_a_schedule(
    setup_charger: SetUpCharger, onlooker: PlainClient
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(enabled=True, intervals=[("01:00", "05:00")])
    await poll(rig)
    await eventually(lambda: slot(rig, 1) == SHOWN_NIGHT)
    rig.cloud.faults.enable(Fault.NO_SCHEDULE)
    path = f"/charger/by-id/{rig.charger.charger_id}/schedule"
    assert await onlooker.rest(path) == (200, {})
    await poll(rig)
    await eventually(lambda: slot(rig, 1) == UNUSED)
    assert rig.state("select", "activation_mode") == "plug_and_charge"


def coming(rig: Rig) -> datetime:
    """Return when the next charge starts."""
    return datetime.fromisoformat(rig.state("sensor", "next_charge_start"))


@covers(Fault.STALE_OCTOPUS)
async def test_f21_dispatches_that_have_ended_are_not_shown(
    setup_charger: SetUpCharger, look_on: LookOn
) -> None:
    rig = await setup_charger(Personality.V3)
    now = dt_util.utcnow().replace(second=0, microsecond=0)
    past, next_one = (now - 3 * HOUR, now - HOUR), (now + HOUR, now + 2 * HOUR)
    rig.charger.set_octopus_schedule([past, next_one])
    rig.cloud.faults.enable(Fault.STALE_OCTOPUS)
    rig.charger.set_octopus_schedule([next_one])
    told = await (await look_on(rig)).result("schedules.get")
    assert len(told["applied"]["sessions"]) == 2, "the removed dispatch is gone"

    await poll(rig)
    await eventually(lambda: rig.state("select", "activation_mode") == "octopus")
    assert coming(rig) == next_one[0]
    local = dt_util.as_local(next_one[0])
    assert slot(rig, 1)[0] == f"{local:%H:%M}:00"
    assert slot(rig, 2) == UNUSED


@covers(Fault.STALE_OCTOPUS)
async def test_f21_what_was_removed_unsaid_is_noticed(
    setup_charger: SetUpCharger, look_on: LookOn
) -> None:
    rig = await setup_charger(Personality.V3)
    now = dt_util.utcnow().replace(second=0, microsecond=0)
    first, second = (now + HOUR, now + 2 * HOUR), (now + 3 * HOUR, now + 4 * HOUR)
    rig.charger.set_octopus_schedule([first, second])
    await eventually(lambda: slot(rig, 2) != UNUSED)
    rig.cloud.faults.enable(Fault.STALE_OCTOPUS)
    socket = await look_on(rig)
    rig.charger.set_octopus_schedule([second])
    rig.charger.lingering = ()
    told = await socket.result("schedules.get")
    assert len(told["applied"]["sessions"]) == 1
    assert coming(rig) == first[0], "the removal was pushed"

    await poll(rig)
    await eventually(lambda: slot(rig, 2) == UNUSED)
    assert coming(rig) == second[0]


# Both lie so far ahead that they have not ended when this is run.
SUMMER = datetime(2099, 6, 1, 22, 30, tzinfo=UTC)
WINTER = datetime(2099, 1, 10, 22, 30, tzinfo=UTC)


@covers(Fault.OCTOPUS_SHAPE)
@pytest.mark.parametrize("style", ["naive", "offset", "z", "local"])
@pytest.mark.parametrize(
    ("start", "shown"),
    [(SUMMER, ("23:30:00", "01:00:00")), (WINTER, ("22:30:00", "00:00:00"))],
    ids=["summer", "winter"],
)
async def test_f22_dispatches_have_the_right_hour_all_year(  # noqa: PLR0917 - a table
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    look_on: LookOn,
    style: str,
    start: datetime,
    shown: tuple[str, str],
) -> None:
    await hass.config.async_set_time_zone("Europe/London")
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.OCTOPUS_SHAPE, style=style)
    dispatches = [(start, start + 1.5 * HOUR), (start + 4 * HOUR, start + 5 * HOUR)]
    rig.charger.set_octopus_schedule(dispatches)
    told = await (await look_on(rig)).result("schedules.get")
    sessions = told["applied"]["sessions"]
    assert not any("days" in session for session in sessions)
    assert {session["mode"] for session in sessions} == {"boost", "super_eco"}
    is_utc = {"naive": False, "z": True, "offset": False, "local": False}[style]
    assert sessions[0]["start_time"].endswith("Z") is is_utc

    await eventually(lambda: slot(rig, 1) == shown)
    assert slot(rig, 2) != UNUSED
    assert slot(rig, 3) == UNUSED, "a filler is shown"
    for number in (1, 2):
        assert rig.state("select", f"schedule_session_{number}_charge_mode") == "boost"


@covers(Fault.MIDNIGHT)
async def test_f23_a_window_across_midnight_is_as_entered(
    setup_charger: SetUpCharger, look_on: LookOn
) -> None:
    rig = await setup_charger(Personality.V3)
    socket = await look_on(rig)
    for end in ("00:00", "05:30"):
        wish = {"enabled": True, "sessions": [Session("23:30", end).to_json()]}
        assert (await socket.error("schedule.set", wish))["code"] == -32603
    rig.cloud.frames.clear()

    await edit(rig, 1, "23:30", "05:30")
    key = "schedule_session_1_days_of_week"
    await act(rig, "text", "set_value", key, value="SUNDAY")
    await edit(rig, 2, "20:00", "00:00")
    await act(rig, "text", "set_value", key.replace("1", "2"), value="FRIDAY")
    await act(rig, "button", "press", "apply_schedule")
    assert rig.charger.schedule.sessions == (
        Session("23:30", "24:00", days=("SUNDAY",)),
        Session("00:00", "05:30", days=("MONDAY",)),
        Session("20:00", "24:00", days=("FRIDAY",)),
    )
    assert len(sent(rig, "schedule.set")) == 1
    await rig.coordinator.async_refresh()
    assert (slot(rig, 1), days(rig, 1)) == (("23:30:00", "05:30:00"), "SUNDAY")
    assert (slot(rig, 2), days(rig, 2)) == (("20:00:00", "00:00:00"), "FRIDAY")


@covers(Fault.MIDNIGHT)
async def test_f23_what_older_clients_stored_is_shown_as_it_is(
    setup_charger: SetUpCharger, look_on: LookOn
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.MIDNIGHT)
    told = await (await look_on(rig)).result("schedules.get")
    ends = [session["end_time"] for session in told["applied"]["sessions"]]
    assert ends == ["24:00", "05:00", "24:00"]
    weekdays = "MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY"
    await eventually(lambda: slot(rig, 3) != UNUSED)
    assert [(slot(rig, number), days(rig, number)) for number in (1, 2, 3)] == [
        (("22:00:00", "00:00:00"), weekdays),
        (("00:00:00", "05:00:00"), weekdays),
        (("00:00:00", "00:00:00"), "SATURDAY"),
    ]


@covers(Fault.FOREIGN_WRITE)
async def test_f40_changes_made_in_the_app_show_at_once(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.FOREIGN_WRITE, every=0.03)
    for platform, key in (("number", "max_current"), ("select", "activation_mode")):
        await eventually(
            lambda p=platform, k=key: len(set(watch.states(p, k))) == 2  # type: ignore[misc] # defaults bind the loop's values
        )
    rig.cloud.faults.clear()
    charger = rig.charger
    await eventually(
        lambda: (
            rig.state("number", "max_current") == str(charger.max_current / 1000)
            and entity(rig, "light", "led").attributes["brightness"]
            == round(charger.brightness * 255)
            and (rig.state("select", "activation_mode") == "schedule")
            is charger.schedule.enabled
        )
    )
    assert sent(rig, "sync.apply") == sent(rig, "schedule.set") == []
    assert watch.unavailable == set()
    assert lines(caplog, logging.WARNING) == []


@covers(Fault.FOREIGN_WRITE)
async def test_f40_a_legacy_v2s_activation_mode_comes_with_the_poll(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(intervals=[("01:00", "05:00")])
    await poll(rig)
    await eventually(lambda: slot(rig, 1) == SHOWN_NIGHT)
    rig.cloud.faults.enable(Fault.FOREIGN_WRITE, every=0.03)

    def is_scheduled() -> bool:
        rest = rig.charger.rest_schedule
        assert rest
        return rest.enabled

    await eventually(is_scheduled)
    rig.cloud.faults.clear()
    told = str(rig.charger.max_current / 1000)
    await eventually(lambda: rig.state("number", "max_current") == told)
    await asyncio.sleep(0.1)
    assert is_scheduled()
    assert rig.state("select", "activation_mode") == "plug_and_charge"
    await poll(rig)
    await eventually(lambda: rig.state("select", "activation_mode") == "schedule")
    assert not asks_to_sign_in(rig)
