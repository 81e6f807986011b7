"""Faults that strike commands: each is shown, and then survived."""

import logging

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.exceptions import HomeAssistantError
import pytest

from tests.conftest import FAST, Rig, SetUpCharger
from tests.integration.conftest import LookOn
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.simulator_tests.plain_client import Socket
from tests.waiting import eventually

from .acting import act, act_in_vain
from .surviving import Watch, asked, covers, lines, sent, shows_live_data


async def set_current(rig: Rig, amps: int) -> None:
    await act(rig, "number", "set_value", "max_current", value=amps)


@covers(Fault.CONFLICT)
async def test_f6_a_conflict_is_tried_again(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    asks = len(sent(rig, "sync.snapshot"))
    rig.cloud.faults.enable(Fault.CONFLICT, once=True)
    await set_current(rig, 10)
    assert not rig.cloud.faults.active
    assert len(sent(rig, "sync.apply")) == 2
    assert len(sent(rig, "sync.snapshot")) == asks + 1
    assert rig.charger.max_current == 10_000
    assert rig.state("number", "max_current") == "10.0"


@covers(Fault.CONFLICT)
async def test_f6_a_lasting_conflict_is_an_error(
    setup_charger: SetUpCharger, look_on: LookOn
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.CONFLICT)
    refusal = await (await look_on(rig)).error("sync.apply", {"max_current": 10_000})
    assert refusal["code"] == 409
    rig.cloud.frames.clear()
    error = await act_in_vain(rig, "number", "set_value", "max_current", value=10)
    assert error.translation_key == "conflict"
    assert 2 <= len(sent(rig, "sync.apply")) <= 3
    assert rig.charger.max_current == 32_000
    assert rig.state("number", "max_current") == "32.0"


@covers(Fault.INTERNAL)
@pytest.mark.parametrize("with_id", [True, False])
async def test_f7_an_internal_error_is_told_and_changes_nothing(
    setup_charger: SetUpCharger, look_on: LookOn, with_id: bool
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.INTERNAL, with_id=with_id)
    socket = await look_on(rig)
    wish = {"id": "7", "method": "schedule.set", "params": {"enabled": True}}
    await socket.send(wish)
    while "error" not in (frame := await socket.frame()):
        pass
    assert ("id" in frame) is with_id
    error = await act_in_vain(
        rig, "select", "select_option", "activation_mode", option="schedule"
    )
    assert error.translation_key == "refused"
    assert rig.state("select", "activation_mode") == "plug_and_charge"
    assert not rig.charger.schedule.enabled


@covers(Fault.NOT_ALLOWED)
@pytest.mark.parametrize("shape", ["null", "object", "text", "named"])
async def test_f8_a_refusal_in_another_form_makes_no_v3_of_a_legacy_v2(
    cloud: SimulatedCloud, setup_charger: SetUpCharger, shape: str
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.app_set_schedule(enabled=True, intervals=[("01:00", "05:00")])
    await rig.coordinator.async_refresh()
    assert rig.entry.data["resolved_api_version"] == "v2"
    cloud.faults.enable(Fault.NOT_ALLOWED, shape=shape)
    await cloud.drop_all()
    before = len(sent(rig, "schedules.get"))
    await eventually(lambda: len(sent(rig, "schedules.get")) > before)
    await rig.coordinator.async_refresh()
    assert rig.entry.data["resolved_api_version"] == "v2"
    assert rig.state("select", "activation_mode") == "schedule"
    # The legacy way is the one that has an effect.
    await act(rig, "select", "select_option", "charge_mode", option="eco")
    assert rig.charger.solar_mode == "eco"


@covers(Fault.NOT_ALLOWED)
@pytest.mark.parametrize("shape", ["object", "text", "named"])
async def test_f8_a_refusal_in_another_form_tells_a_legacy_v2(
    cloud: SimulatedCloud, setup_charger: SetUpCharger, shape: str
) -> None:
    """Also the first time, when nothing else may have said so."""
    cloud.faults.enable(Fault.NOT_ALLOWED, shape=shape)
    cloud.faults.enable(Fault.LOST, methods=["firmware.version"])
    rig = await setup_charger(Personality.LEGACY_V2)
    await eventually(lambda: rig.entry.data.get("resolved_api_version") == "v2")


async def test_replies_that_name_their_method(
    cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.options.replies_name_method = True
    rig = await setup_charger(Personality.V3)
    assert rig.coordinator.client.connected
    await set_current(rig, 10)
    assert rig.state("number", "max_current") == "10.0"


@covers(Fault.LATE_ANSWER)
async def test_f44_an_outdated_answer_undoes_and_confirms_nothing(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    client = rig.coordinator.client
    rig.cloud.faults.enable(
        Fault.LATE_ANSWER, delay=1.2 * FAST.command_timeout, once=True
    )
    # Asked while charging is allowed, and answered after all the rest.
    asked_before = len(sent(rig, "sync.snapshot"))
    asking = rig.hass.async_create_task(client.refresh())
    await eventually(lambda: len(sent(rig, "sync.snapshot")) > asked_before)
    await act(rig, "switch", "turn_off", "charging")
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"])
    error = await act_in_vain(rig, "switch", "turn_on", "charging")
    assert error.translation_key == "not_confirmed"
    await asking
    assert rig.charger.release_state == "released"
    assert client.state.release_state == "released"


@covers(Fault.LATE_ANSWER)
@pytest.mark.parametrize(
    ("question", "key", "option"),
    [
        ("schedules.get", "activation_mode", "schedule"),
        ("plugncharge.get", "charge_mode", "eco"),
    ],
)
async def test_f44_an_outdated_answer_undoes_no_confirmed_choice(
    setup_charger: SetUpCharger, question: str, key: str, option: str
) -> None:
    rig = await setup_charger(Personality.V3)
    delay = 1.2 * FAST.command_timeout
    rig.cloud.faults.enable(
        Fault.LATE_ANSWER, methods=[question], delay=delay, once=True
    )
    before = len(sent(rig, question))
    asking = rig.hass.async_create_task(rig.coordinator.client.refresh())
    await eventually(lambda: len(sent(rig, question)) > before)
    await act(rig, "select", "select_option", key, option=option)
    asked = len(sent(rig, question))
    # Asked again when the late answer has come.
    await eventually(lambda: len(sent(rig, question)) > asked)
    await asking
    assert rig.state("select", key) == option


@covers(Fault.LATE_ANSWER)
async def test_f44_an_outdated_answer_to_a_command_undoes_no_later_one(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    delay = 1.2 * FAST.command_timeout
    rig.cloud.faults.enable(
        Fault.LATE_ANSWER, methods=["sync.apply"], delay=delay, once=True
    )
    await act(rig, "switch", "turn_off", "charging")
    await act(rig, "switch", "turn_on", "charging")
    asked = len(sent(rig, "sync.snapshot"))
    await eventually(lambda: len(sent(rig, "sync.snapshot")) > asked)
    assert rig.coordinator.client.state.release_state == "default"


@covers(Fault.NOT_ALLOWED)
@pytest.mark.parametrize("shape", ["message", "error"])
async def test_f8_what_a_legacy_v2_refuses_tells_its_kind(
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    look_on: LookOn,
    caplog: pytest.LogCaptureFixture,
    shape: str,
) -> None:
    cloud.faults.enable(Fault.NOT_ALLOWED, shape=shape)
    rig = await setup_charger(Personality.LEGACY_V2)
    refusal = await (await look_on(rig)).error("schedules.get")
    assert refusal[shape] == "schedules.get not allowed"
    assert sent(rig, "schedules.get")
    assert rig.entry.data["resolved_api_version"] == "v2"
    assert asked(rig, "/session/in-progress")
    await set_current(rig, 10)
    assert rig.charger.max_current == 10_000
    assert lines(caplog, logging.WARNING) == []


@covers(Fault.LOST)
async def test_f9_a_lost_command_is_said_once_more(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"], once=True)
    await set_current(rig, 10)
    assert not rig.cloud.faults.active
    assert len(sent(rig, "sync.apply")) == 2
    assert rig.charger.max_current == 10_000


@covers(Fault.LOST)
async def test_f9_a_command_that_stays_lost_is_an_error(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"])
    error = await act_in_vain(rig, "number", "set_value", "max_current", value=10)
    assert error.translation_key == "not_confirmed"
    assert len(sent(rig, "sync.apply")) == 2
    assert rig.charger.max_current == 32_000
    assert rig.state("number", "max_current") == "32.0"


@covers(Fault.LOST)
@pytest.mark.parametrize("methods", [["sync.apply"], []])
async def test_f9_an_old_belief_confirms_no_lost_command(
    setup_charger: SetUpCharger, methods: list[str]
) -> None:
    rig = await setup_charger(Personality.V3)
    # Somebody lowers it in the app, and the push is lost.
    rig.cloud.faults.enable(Fault.STALL)
    rig.charger.app_apply(max_current=10_000)
    rig.cloud.faults.clear()
    assert rig.state("number", "max_current") == "32.0"
    rig.cloud.faults.enable(Fault.LOST, methods=methods)
    with pytest.raises(HomeAssistantError):
        await set_current(rig, 32)
    assert rig.charger.max_current == 10_000
    rig.cloud.faults.clear()
    await eventually(lambda: rig.state("number", "max_current") == "10.0")


@covers(Fault.LOST)
async def test_f9_a_command_that_was_heard_is_not_said_again(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"], applied=True)
    await set_current(rig, 10)
    assert rig.state("number", "max_current") == "10.0"
    assert len(sent(rig, "sync.apply")) == 1


# What the writer of a change gets: frames with an id are replies, others pushes.
CONFIRMATIONS = {
    "reply": ["reply"],
    "push": ["push"],
    "both": ["reply", "push"],
    "swapped": ["push", "reply"],
    "duplicated": ["reply", "push", "reply", "push"],
    "late": [],
}


@covers(Fault.ECHO)
@pytest.mark.parametrize("mode", list(CONFIRMATIONS))
async def test_f10_any_confirmation_counts_once(
    setup_charger: SetUpCharger, look_on: LookOn, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.ECHO, mode=mode, delay=1.2 * FAST.command_timeout)
    assert await _confirmation(rig, await look_on(rig)) == CONFIRMATIONS[mode]
    rig.cloud.frames.clear()
    watch = Watch(rig)
    await set_current(rig, 10)
    await rig.hass.async_block_till_done()
    assert rig.charger.max_current == 10_000
    assert len(sent(rig, "sync.apply")) == 1
    assert watch.states("number", "max_current") == ["10.0"]


async def _confirmation(rig: Rig, socket: Socket) -> list[str]:
    """Write something as another client; return how that client learns of it."""
    await socket.send({"id": "w", "method": "sync.apply", "params": {"brightness": 1}})
    await socket.send({"id": "end", "method": "get.name"})
    seen: list[str] = []
    while True:
        frame = await socket.frame()
        if frame.get("id") == "end":
            return seen
        if frame.get("id") == "w":
            seen.append("reply")
        elif frame.get("method") == "sync.apply":
            seen.append("push")


@covers(Fault.HOLLOW)
@pytest.mark.parametrize("mode", ["echo", "revert"])
async def test_f11_a_hollow_mode_is_never_shown_nor_written(
    setup_charger: SetUpCharger, look_on: LookOn, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: rig.state("select", "charge_mode") == "boost")
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.HOLLOW, mode=mode, delay=0.05)
    socket = await look_on(rig)
    assert await socket.result("sync.apply", {"solar_mode": "eco"}) == [
        {"solar_mode": "eco"}
    ]
    assert rig.charger.mode == "boost", "the echo was not hollow"
    if mode == "revert":
        while await socket.until("sync.apply") != [{"solar_mode": "boost"}]:
            pass
    rig.charger.app_apply(max_current=10_000)
    await eventually(lambda: rig.state("number", "max_current") == "10.0")
    assert watch.states("select", "charge_mode") == []

    rig.cloud.frames.clear()
    await act(rig, "select", "select_option", "charge_mode", option="eco")
    assert rig.charger.mode == "eco"
    assert rig.state("select", "charge_mode") == "eco"
    assert [frame.params for frame in sent(rig, "plugncharge.set")] == [{"mode": "eco"}]
    assert sent(rig, "sync.apply") == []


@covers(Fault.REFUSED)
async def test_f12_a_mode_the_charger_does_not_take(
    setup_charger: SetUpCharger, look_on: LookOn
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    await eventually(lambda: rig.state("select", "charge_mode") == "boost")
    rig.cloud.faults.enable(Fault.REFUSED)
    answer = await (await look_on(rig)).result("plugncharge.set", {"mode": "eco"})
    assert answer == {"mode": "eco", "applied": False}
    error = await act_in_vain(
        rig, "select", "select_option", "charge_mode", option="eco"
    )
    assert error.translation_key == "kept_old_value"
    assert rig.state("select", "charge_mode") == "boost"


@covers(Fault.UNLOCK_PAUSE)
@pytest.mark.parametrize("personality", [Personality.V3, Personality.UPGRADED_V2])
async def test_f35_nothing_redundant_is_sent(
    setup_charger: SetUpCharger, look_on: LookOn, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    rig.cloud.faults.enable(Fault.UNLOCK_PAUSE)
    await (await look_on(rig)).result("sync.apply", {"is_locked": False})
    assert rig.charger.release_state == "released", "it did no harm"
    rig.charger.app_apply(release=False)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)

    rig.cloud.frames.clear()
    await act(rig, "switch", "turn_off", "lock_state")
    assert sent(rig, "sync.apply") == []
    await act(rig, "switch", "turn_on", "lock_state")
    await act(rig, "switch", "turn_on", "lock_state")
    assert len(sent(rig, "sync.apply")) == 1
    assert rig.charger.release_state == "default"
    assert rig.state("switch", "charging") == STATE_ON


@covers(Fault.STICKY_STOP)
async def test_f36_a_stop_that_stays_is_shown_and_can_be_ended(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    rig.cloud.faults.enable(Fault.STICKY_STOP)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    await act(rig, "switch", "turn_off", "charging")
    rig.charger.unplug()
    rig.charger.plug_in()
    assert not rig.charger.charging, "the stop did not stay"
    await eventually(
        lambda: rig.state("sensor", "charging_readiness") == "force_stopped"
    )
    assert rig.state("switch", "charging") == STATE_OFF

    await act(rig, "switch", "turn_on", "charging")
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    await eventually(lambda: rig.state("sensor", "charging_readiness") == "charging")
