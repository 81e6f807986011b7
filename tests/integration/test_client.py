"""The library's client, live against the simulated cloud."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import time
from unittest.mock import patch

import pytest

from custom_components.hypervolt_charger.hypervolt import client as client_module
from custom_components.hypervolt_charger.hypervolt.account import HypervoltAccount
from custom_components.hypervolt_charger.hypervolt.auth import HypervoltAuth
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from custom_components.hypervolt_charger.hypervolt.client import HypervoltApiClient
from custom_components.hypervolt_charger.hypervolt.connection import ConnectionState
from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltActivationMode,
    HypervoltLockState,
    HypervoltReleaseState,
    PilotState,
)
from custom_components.hypervolt_charger.hypervolt.errors import (
    CannotConnect,
    CommandRejected,
    CommandTimeout,
    InvalidAuth,
    InvalidSchedule,
    NotConnected,
    NotSupported,
)
from custom_components.hypervolt_charger.hypervolt.led import (
    Colour,
    LedEffect,
    colour_fill,
)
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
)
from tests.conftest import FAST
from tests.integration.conftest import Connect
from tests.simulator import (
    Account,
    Confirm,
    Fault,
    Personality,
    SimulatedCharger,
    SimulatedCloud,
)
from tests.waiting import eventually

OVERNIGHT = ScheduleSession(
    start=ClockTime.parse("23:30"), end=ClockTime.parse("05:30"), mode="boost"
)
MONDAYS = ScheduleSession(
    start=ClockTime.parse("12:00"),
    end=ClockTime.parse("13:00"),
    days=frozenset({Weekday.MONDAY}),
    mode="eco",
)

EVERY_PERSONALITY = pytest.mark.parametrize("personality", list(Personality))
V3_API = pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2]
)


@pytest.fixture
def charger(account: Account, personality: Personality) -> SimulatedCharger:
    return account.add_charger(personality)


@pytest.fixture
def personality() -> Personality:
    return Personality.V3


# Starting


@EVERY_PERSONALITY
async def test_a_charger_tells_all_about_itself(
    connect: Connect, charger: SimulatedCharger, personality: Personality
) -> None:
    client = await connect(charger)
    legacy = personality is Personality.LEGACY_V2
    assert client.variant is (ApiVariant.V2 if legacy else ApiVariant.V3)
    assert client.available
    assert client.connected
    await eventually(
        lambda: (
            client.state.name
            and client.state.firmware_version
            and client.state.schedule is not None
            and client.state.charge_mode
        )
    )
    assert client.state.lock_state is HypervoltLockState.UNLOCKED
    assert client.state.release_state is HypervoltReleaseState.DEFAULT
    assert client.state.max_current_milliamps == charger.max_current
    assert client.state.activation_mode is HypervoltActivationMode.PLUG_AND_CHARGE


@pytest.mark.parametrize("firmware", ["1.0", "1", 1])
async def test_a_v2_with_the_firmware_of_2026_is_told_by_its_answers(
    connect: Connect, cloud: SimulatedCloud, account: Account, firmware: str | int
) -> None:
    charger = account.add_charger(Personality.UPGRADED_V2)
    charger.firmware = firmware
    client = await connect(charger, remembered_variant=ApiVariant.V2)
    await eventually(lambda: client.variant is ApiVariant.V3)
    await eventually(lambda: client.state.plug_and_charge_mode is not None)
    await eventually(lambda: client.state.firmware_version == str(firmware))


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_persons_choice_of_variant_wins(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger, forced_variant=ApiVariant.V3)
    await eventually(lambda: client.state.firmware_version)
    assert client.variant is ApiVariant.V3


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_forced_v2_is_not_probed(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger, forced_variant=ApiVariant.V2)
    await eventually(lambda: client.state.schedule is not None)
    assert all(frame.method != "schedules.get" for frame in charger.received)


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_no_schedule_is_written_while_the_kind_is_unknown(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    cloud.faults.enable(
        Fault.LOST, methods=["schedules.get", "firmware.version"], charger=charger
    )
    client = await connect(charger)
    assert client.variant is None
    assert client.available
    for command in (
        client.set_schedule(Schedule(enabled=True, sessions=(OVERNIGHT,))),
        client.set_activation_mode(HypervoltActivationMode.SCHEDULE),
        client.set_charge_mode("eco"),
    ):
        with pytest.raises(NotSupported):
            await command
    assert not cloud.request_count("/schedule")


async def test_a_wrong_password_ends_the_attempts(
    connect: Connect, cloud: SimulatedCloud, account: Account, charger: SimulatedCharger
) -> None:
    account.password = "changed"
    with pytest.raises(InvalidAuth):
        await connect(charger)
    tried = cloud.request_count("/token")
    await asyncio.sleep(0.3)
    assert cloud.request_count("/token") == tried


async def test_a_slow_charger_is_not_waited_for(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    cloud.faults.enable(Fault.LOST, methods=["sync.snapshot"], charger=charger)
    client = await connect(charger)
    assert client.connected
    assert not client.available
    cloud.faults.clear()
    charger.app_apply(max_current=10000)
    await client.refresh()
    assert client.available


# Live data


@V3_API
async def test_plugging_in_and_charging_show_at_once(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await eventually(lambda: client.state.charging is False)
    before = time.monotonic()
    charger.plug_in()
    await eventually(lambda: client.state.pilot is PilotState.CHARGING)
    await eventually(lambda: client.state.charging)
    assert time.monotonic() - before < 1
    await eventually(lambda: client.state.ev_power)
    charger.unplug()
    await eventually(lambda: client.state.charging is False)
    await eventually(lambda: client.state.pilot is PilotState.UNPLUGGED)


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_v2_charges_over_its_session_socket(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    charger.plug_in()
    await eventually(lambda: client.state.charging)
    await eventually(lambda: client.state.session_id == 1)
    charger.unplug()
    await eventually(lambda: client.state.charging is False)


async def test_a_flapping_pilot_does_not_unplug(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    charger.push({"method": "get.pilot_status", "params": {"pilot_status": "B"}})
    await eventually(lambda: client.state.pilot is PilotState.PLUGGED)
    for letter in ("A", "A", "B", "A", "E"):
        charger.push({"method": "get.pilot_status", "params": {"pilot_status": letter}})
    charger.push({"method": "get.name", "params": "marker"})
    await eventually(lambda: client.state.name == "marker")
    assert client.state.pilot is PilotState.PLUGGED
    await eventually(lambda: client.state.pilot is PilotState.UNPLUGGED)


async def test_garbage_is_survived(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.GARBAGE, charger=charger)
    charger.app_apply(max_current=9000)
    await eventually(lambda: client.state.max_current_milliamps == 9000)
    assert client.connected


async def test_a_listener_hears_of_changes_only(
    connect: Connect, charger: SimulatedCharger
) -> None:
    heard: list[None] = []
    client = await connect(charger, listener=lambda: heard.append(None))
    await eventually(lambda: client.state.charging is not None)
    await asyncio.sleep(0.2)
    before = len(heard)
    charger.push({"method": "sync.apply", "params": [{"max_current": 32000}]})
    charger.push({"method": "get.name", "params": "marker"})
    await eventually(lambda: client.state.name == "marker")
    assert len(heard) == before + 1


async def test_a_listener_hears_of_messages_now_and_then(
    connect: Connect, charger: SimulatedCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise `last_message` would seem to stand still."""
    monkeypatch.setattr(client_module, "_SIGN_OF_LIFE", timedelta(seconds=0.2))
    heard: list[None] = []
    client = await connect(charger, listener=lambda: heard.append(None))
    before, state = len(heard), client.state
    for _ in range(8):
        charger.push({"method": "sync.apply", "params": [{"max_current": 32000}]})
        await asyncio.sleep(0.05)
    assert before < len(heard)
    assert client.state.max_current_milliamps == state.max_current_milliamps


# Commands


@EVERY_PERSONALITY
async def test_every_command_reaches_the_charger(
    connect: Connect, charger: SimulatedCharger, personality: Personality
) -> None:
    client = await connect(charger)
    await client.set_max_current(10)
    assert (charger.max_current, client.state.max_current_milliamps) == (10000, 10000)
    await client.set_charge_mode("eco")
    assert (charger.mode, client.state.charge_mode) == ("eco", "eco")
    await client.set_name("Einfahrt")
    assert (charger.name, client.state.name) == ("Einfahrt", "Einfahrt")
    await client.set_locked(True)
    assert charger.lock_state == "locked"
    assert client.state.is_locked
    await client.set_locked(False)
    assert charger.lock_state == "unlocked"
    await client.set_charging(False)
    assert charger.release_state == "released"
    await client.set_charging(True)
    assert charger.release_state == "default"
    await client.set_leds(brightness=0.4)
    assert charger.brightness == 0.4

    sessions = (OVERNIGHT,) if personality is Personality.LEGACY_V2 else (MONDAYS,)
    await client.set_schedule(Schedule(enabled=True, sessions=sessions))
    assert client.state.activation_mode is HypervoltActivationMode.SCHEDULE
    await client.set_activation_mode(HypervoltActivationMode.PLUG_AND_CHARGE)
    assert str(client.state.activation_mode) == "plug_and_charge"
    assert client.state.schedule
    assert client.state.schedule.sessions == sessions
    await client.refresh()
    assert client.state.schedule.sessions == sessions


async def test_led_effects_reach_the_charger(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    red = colour_fill(Colour(1.0, 0.0, 0.0))
    await client.set_leds(brightness=0.5, effect=LedEffect("steady_array", leds=red))
    assert charger.effect_name == "steady_array"
    assert charger.leds[0] == {"r": 1.0, "g": 0.0, "b": 0.0}
    await client.set_leds(effect=LedEffect("party_mode"))
    assert client.state.effect_name == "party_mode"


@pytest.mark.parametrize("confirm", list(Confirm))
async def test_an_answer_or_a_push_confirms(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger, confirm: Confirm
) -> None:
    cloud.options.confirm = confirm
    client = await connect(charger)
    await client.set_max_current(8)
    assert client.state.max_current_milliamps == 8000
    await client.set_charge_mode("super_eco")
    await client.set_schedule(Schedule(enabled=True, sessions=(MONDAYS,)))
    await client.set_name("Garage")


@pytest.mark.parametrize("amps", [5, 33, 0, -16])
async def test_a_limit_beyond_the_charger_is_refused_before_sending(
    connect: Connect, charger: SimulatedCharger, amps: int
) -> None:
    client = await connect(charger)
    with pytest.raises(CommandRejected):
        await client.set_max_current(amps)
    assert charger.max_current == 32000


async def test_locks_are_never_redundant(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await client.set_locked(False)
    assert charger.release_state == "default"
    assert all(frame.method != "sync.apply" for frame in charger.received)


async def test_a_conflict_is_tried_again(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.CONFLICT, charger=charger, once=True)
    await client.set_max_current(11)
    assert charger.max_current == 11000


async def test_a_lasting_conflict_is_an_error(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.CONFLICT, charger=charger)
    with pytest.raises(CommandRejected, match="conflict"):
        await client.set_max_current(11)
    assert client.state.max_current_milliamps == 32000


@pytest.mark.parametrize("with_id", [True, False])
async def test_a_refusal_is_an_error(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger, with_id: bool
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.INTERNAL, charger=charger, with_id=with_id)
    with pytest.raises(CommandRejected, match="refused"):
        await client.set_schedule(Schedule(enabled=True, sessions=(MONDAYS,)))
    assert client.state.schedule == Schedule(enabled=False)


async def test_a_mode_the_charger_does_not_take(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await eventually(lambda: client.state.charge_mode == "boost")
    cloud.faults.enable(Fault.REFUSED, charger=charger)
    with pytest.raises(CommandRejected, match="kept old value"):
        await client.set_charge_mode("eco")
    assert client.state.charge_mode == "boost"


async def test_a_lost_command_is_said_once_more(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.LOST, charger=charger, methods=["sync.apply"], once=True)
    await client.set_max_current(12)
    assert charger.max_current == 12000


async def test_an_unconfirmed_command_that_took_effect_is_no_error(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(
        Fault.LOST, charger=charger, methods=["sync.apply"], applied=True
    )
    await client.set_locked(True)
    assert client.state.is_locked
    sent = [frame for frame in charger.received if frame.method == "sync.apply"]
    assert len(sent) == 1


async def test_a_command_that_stays_lost_is_an_error(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.LOST, charger=charger, methods=["sync.apply"])
    with pytest.raises(CommandTimeout):
        await client.set_max_current(12)
    assert client.state.max_current_milliamps == 32000


async def test_a_command_on_a_dead_login_is_sent_again(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.TOKEN_AGE, charger=charger)
    await client.set_max_current(13)
    assert charger.max_current == 13000


async def test_a_command_waits_for_a_reconnect(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await cloud.drop_all(abrupt=True)
    await eventually(lambda: not client.connected)
    await client.set_max_current(14)
    assert charger.max_current == 14000


async def test_without_a_connection_a_command_ends_in_an_error(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await cloud.pause()
    with pytest.raises(NotConnected):
        await client.set_max_current(14)


async def test_a_silent_socket_is_replaced(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.STALL, charger=charger, until_reconnect=True)
    await client.set_max_current(15)
    assert charger.max_current == 15000


@pytest.mark.parametrize("timing", [replace(FAST, silence=30.0)], ids=["patient"])
async def test_a_socket_that_answers_no_command_is_replaced(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    """Neither the command nor the question after it: no need to wait for silence."""
    client = await connect(charger)
    cloud.faults.enable(Fault.STALL, charger=charger, until_reconnect=True)
    await client.set_max_current(15)
    assert charger.max_current == 15000


async def test_a_stopped_client_carries_out_nothing(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await client.stop()
    async with asyncio.timeout(FAST.command_limit / 2):
        with pytest.raises(NotConnected):
            await client.set_max_current(15)
    await client.refresh()
    assert not client.connected


async def test_brightness_is_not_confirmed_while_it_is_unknown(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    cloud.faults.enable(Fault.MESSY_DOC, missing=["brightness"])
    client = await connect(charger)
    cloud.faults.enable(Fault.LOST, methods=["sync.apply"])
    command = asyncio.create_task(client.set_leds(brightness=0.5))
    await cloud.wait_for(lambda: charger.received[-1].method == "sync.apply")
    charger.app_apply(max_current=8000)
    with pytest.raises(CommandTimeout):
        await command
    assert client.state.brightness is None


async def test_commands_keep_their_order(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await asyncio.gather(*(client.set_max_current(amps) for amps in (10, 20, 16)))
    sent = [
        frame.params["max_current"]
        for frame in charger.received
        if frame.method == "sync.apply" and isinstance(frame.params, dict)
    ]
    assert sent == [10000, 20000, 16000]


async def test_octopus_is_neither_entered_nor_left(
    connect: Connect, charger: SimulatedCharger
) -> None:
    charger.set_octopus_schedule([])
    client = await connect(charger)
    await eventually(
        lambda: client.state.activation_mode is HypervoltActivationMode.OCTOPUS
    )
    for command in (
        client.set_activation_mode(HypervoltActivationMode.PLUG_AND_CHARGE),
        client.set_activation_mode(HypervoltActivationMode.OCTOPUS),
        client.set_schedule(Schedule(enabled=True, sessions=(MONDAYS,))),
    ):
        with pytest.raises(NotSupported):
            await command


async def test_an_enabled_empty_schedule_is_never_written(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    with pytest.raises(InvalidSchedule):
        await client.set_schedule(Schedule(enabled=True))
    assert all(frame.method != "schedule.set" for frame in charger.received)


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_v2_schedule_that_does_not_take(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.REST_ERROR, mode="503")
    with pytest.raises(CannotConnect):
        await client.set_schedule(Schedule(enabled=True, sessions=(OVERNIGHT,)))
    await client.refresh()
    assert client.available


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_v2_schedule_that_is_accepted_and_forgotten(
    connect: Connect, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    with (
        patch.object(HypervoltAccount, "write_schedule"),
        pytest.raises(CommandRejected, match="kept old value"),
    ):
        await client.set_schedule(Schedule(enabled=True, sessions=(OVERNIGHT,)))


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_v2_schedule_that_makes_no_sense_is_not_overwritten(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    with (
        patch.object(HypervoltAccount, "schedule", return_value="nonsense"),
        pytest.raises(CommandRejected, match="unreadable"),
    ):
        await client.set_activation_mode(HypervoltActivationMode.SCHEDULE)
    assert not cloud.request_count("/schedule", method="PUT")


async def test_an_upgraded_v2_never_sees_rest(
    connect: Connect, cloud: SimulatedCloud, account: Account
) -> None:
    charger = account.add_charger(Personality.UPGRADED_V2)
    client = await connect(charger)
    await client.set_schedule(Schedule(enabled=True, sessions=(MONDAYS,)))
    await client.refresh()
    assert not cloud.request_count("/schedule")


# Connections


async def test_a_short_drop_is_bridged(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    news = asyncio.Event()
    client = await connect(charger, listener=news.set)
    availability: list[bool] = []

    async def watch() -> None:
        while await news.wait():
            news.clear()
            availability.append(client.available)

    watcher = asyncio.create_task(watch())
    await cloud.drop_all()
    await eventually(lambda: not client.connected)
    await eventually(lambda: client.connected)
    charger.app_apply(max_current=7000)
    await eventually(lambda: client.state.max_current_milliamps == 7000)
    watcher.cancel()
    assert availability
    assert all(availability)


async def test_an_outage_is_told_and_ends_by_itself(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await cloud.pause()
    await eventually(lambda: not client.available)
    await cloud.resume()
    await eventually(lambda: client.available)


async def test_starting_twice_opens_one_socket(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    client = await connect(charger)
    await client.start()
    await asyncio.sleep(0.05)
    assert cloud.open_sockets == 1


async def test_a_mistake_of_ours_does_not_end_the_connection(
    connect: Connect,
    cloud: SimulatedCloud,
    charger: SimulatedCharger,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = await connect(charger)
    with patch.object(HypervoltAuth, "access_token", side_effect=RuntimeError("boom")):
        await cloud.drop_all()
        await eventually(lambda: "Unexpected error on a connection" in caplog.text)
    await eventually(lambda: client.connected)


@pytest.mark.parametrize("mode", ["401", "403", "502", "503", "hang"])
async def test_refused_handshakes_are_survived(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger, mode: str
) -> None:
    client = await connect(charger)
    cloud.faults.enable(Fault.BAD_CLOSE, mode=mode)
    await eventually(lambda: not client.connected)
    await asyncio.sleep(0.2)
    cloud.faults.clear()
    await eventually(lambda: client.connected)


@pytest.mark.parametrize("mode", ["false", "error", "silence", "close"])
async def test_refused_logins_are_survived(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger, mode: str
) -> None:
    cloud.faults.enable(Fault.WS_REFUSED, mode=mode, count=2)
    client = await connect(charger)
    assert client.available
    # The refused token was not offered again.
    assert cloud.request_count("/token") >= 2


async def test_sockets_move_to_a_new_login_without_a_gap(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    cloud.token_life = 1
    client = await connect(charger)
    states: set[ConnectionState] = set()
    sockets = {frame.socket for frame in charger.received}
    for amps in range(6, 32):
        await client.set_max_current(amps)
        assert charger.max_current == amps * 1000
        states.add(client.connection_state)
        await asyncio.sleep(0.05)
    assert states <= {ConnectionState.ACTIVE}
    assert {frame.socket for frame in charger.received} - sockets
    await eventually(lambda: charger.sockets == 1)


async def test_a_hand_over_that_fails_is_tried_again(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    cloud.token_life = 1
    client = await connect(charger)
    cloud.faults.enable(Fault.IDP_DOWN, mode="500")
    await asyncio.sleep(0.7)
    assert client.connected
    cloud.faults.clear()
    await client.set_max_current(10)
    await eventually(lambda: cloud.request_count("/token", status=200) >= 2)
    assert charger.max_current == 10000


async def test_a_password_that_turns_wrong_stops_the_client(
    connect: Connect, cloud: SimulatedCloud, account: Account, charger: SimulatedCharger
) -> None:
    cloud.token_life = 1
    client = await connect(charger)
    account.password = "changed"
    cloud.faults.enable(Fault.REFRESH_DEAD)
    await eventually(lambda: client.failure is not None)
    assert not client.available
    assert client.connection_state is ConnectionState.STOPPED


@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_nothing_is_left_after_stop(
    connect: Connect, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    before = asyncio.all_tasks()
    client: HypervoltApiClient = await connect(charger)
    await eventually(lambda: cloud.open_sockets == 2)
    await client.stop()
    await eventually(lambda: cloud.open_sockets == 0)
    left = [
        task for task in asyncio.all_tasks() - before if "hypervolt" in task.get_name()
    ]
    assert not left
