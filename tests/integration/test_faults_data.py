"""Faults of what chargers tell of themselves: each is shown, and then survived."""

from itertools import pairwise
import logging

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
import pytest

from custom_components.hypervolt_charger.hypervolt import device_state
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import Rig, SetUpCharger
from tests.integration.conftest import LookOn
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.simulator_tests.plain_client import PlainClient, Socket
from tests.waiting import eventually

from .acting import act, enable, entity, number
from .surviving import Watch, covers, lines, sent, shows_live_data

PLUG = "car_plugged"
MODE = "charge_mode"

pytestmark = pytest.mark.usefixtures("any_power")


async def set_current(rig: Rig, amps: int) -> None:
    await act(rig, "number", "set_value", "max_current", value=amps)
    assert rig.charger.max_current == amps * 1000
    assert rig.state("number", "max_current") == f"{amps}.0"


async def pilots(socket: Socket, count: int) -> list[object]:
    """Return the next pilots that are pushed."""
    return [
        (await socket.until("get.pilot_status"))["pilot_status"] for _ in range(count)
    ]


@covers(Fault.PILOT_FLAP)
async def test_f13_a_flapping_pilot_does_not_unplug(
    setup_charger: SetUpCharger, look_on: LookOn, timing: Timing
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("binary_sensor", PLUG) == STATE_ON)
    watch = Watch(rig)
    socket = await look_on(rig)
    rig.cloud.faults.enable(Fault.PILOT_FLAP, a_seconds=0.03, b_seconds=0.03)
    # Longer than an absence must last to be believed.
    count = 2 * int(timing.unplug_hold / 0.06) + 4
    assert await pilots(socket, count) == ["A", "C"] * (count // 2)
    assert watch.states("binary_sensor", PLUG) == []

    rig.cloud.faults.clear()
    rig.charger.unplug()
    await eventually(lambda: rig.state("binary_sensor", PLUG) == STATE_OFF)


@covers(Fault.PILOT_ODD)
@pytest.mark.parametrize("composite", [True, False])
async def test_f14_odd_pilots_do_not_flicker(
    setup_charger: SetUpCharger,
    look_on: LookOn,
    caplog: pytest.LogCaptureFixture,
    composite: bool,
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    device_state._note_unknown.cache_clear()
    watch = Watch(rig)
    socket = await look_on(rig)
    name = "composite_pilot_status" if composite else "pilot_status"
    odd = 2 * ["D", "E", "F", None, "b", "C2"]
    rig.cloud.faults.enable(Fault.PILOT_ODD, values=odd, composite=composite)
    assert [(await socket.until(f"get.{name}"))[name] for _ in odd] == odd
    await eventually(lambda: watch.states("binary_sensor", PLUG))
    rig.charger.app_apply(max_current=10_000)
    await eventually(lambda: rig.state("number", "max_current") == "10.0")
    assert watch.states("binary_sensor", PLUG) == [STATE_ON]
    assert [line[-3:] for line in lines(caplog, logging.INFO) if "Pilot" in line] == [
        "'E'",
        "'F'",
    ]


@covers(Fault.MESSY_DOC)
async def test_f15_a_messy_document_is_read_item_by_item(
    setup_charger: SetUpCharger, look_on: LookOn, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_apply(brightness=0.5)
    await eventually(lambda: entity(rig, "light", "led").attributes["brightness"] < 200)
    brightness = entity(rig, "light", "led").attributes["brightness"]
    watch = Watch(rig)
    socket = await look_on(rig)
    rig.cloud.faults.enable(Fault.MESSY_DOC)
    while (unsolicited := await socket.frame())["method"] != "sync.snapshot":
        pass
    assert "jsonrpc" not in unsolicited
    keys = [key for item in unsolicited["params"] for key in item]
    assert "brightness" not in keys
    assert len(keys) > len(set(keys))

    rig.charger.app_apply(is_locked=True)
    await rig.coordinator.async_refresh()
    await eventually(lambda: rig.state("switch", "lock_state") == STATE_ON)
    await set_current(rig, 10)
    assert entity(rig, "light", "led").attributes["brightness"] == brightness
    assert watch.unavailable == set()
    assert lines(caplog, logging.WARNING) == []


@covers(Fault.NEW_VALUES)
async def test_f16_what_is_new_stops_nothing(
    setup_charger: SetUpCharger, look_on: LookOn, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    device_state._note_unknown.cache_clear()
    socket = await look_on(rig)
    for _ in range(2):
        rig.cloud.faults.enable(Fault.NEW_VALUES)
        assert await socket.until("get.moon_phase") == ["waxing", 3]
        assert await socket.until("plugncharge.get") == {"applied": "mega_eco"}
    await eventually(lambda: rig.state("select", MODE) == "mega_eco")
    assert rig.state("select", "activation_mode") == "schedule"
    assert rig.state("switch", "lock_state") == STATE_OFF
    assert sorted(lines(caplog, logging.INFO)) == [
        "Ignoring unknown HypervoltLockState 'half_locked'",
        "Ignoring unknown HypervoltReleaseState 'postponed'",
        "Ignoring unknown method 'get.moon_phase'",
    ]
    await set_current(rig, 10)
    await act(
        rig, "select", "select_option", "activation_mode", option="plug_and_charge"
    )
    await act(rig, "select", "select_option", MODE, option="eco")
    assert rig.charger.mode == "eco"


@covers(Fault.ODD_TYPES)
@pytest.mark.parametrize("applied", ["string", "null"])
@pytest.mark.parametrize("max_current", ["string", "float"])
async def test_f17_types_are_coerced(  # noqa: PLR0917 - fixtures
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    onlooker: PlainClient,
    look_on: LookOn,
    max_current: str,
    applied: str,
) -> None:
    cloud.faults.enable(
        Fault.ODD_TYPES, max_current=max_current, applied=applied, reply_ids=True
    )
    rig = await setup_charger(Personality.V3)
    # Nothing but the question may tell the mode.
    rig.charger.solar_mode_mirrors_plugncharge = False
    rig.charger.plugncharge = "super_eco"
    await cloud.drop_all()
    socket = await look_on(rig)
    assert await socket.result("firmware.version") == 3951.0
    await socket.send({"id": 5, "method": "get.name"})
    while "id" not in (answer := await socket.frame()):
        pass
    assert answer["id"] == "5"
    document = await socket.result("sync.apply", {"max_current": 16_000})
    assert document == [
        {"max_current": "16000" if max_current == "string" else 16000.0}
    ]
    _, body = await onlooker.rest("/users/me?includes=chargers")
    assert body["chargers"][0]["id"] == int(rig.charger.charger_id)

    await eventually(lambda: rig.state("number", "max_current") == "16.0")
    await eventually(lambda: rig.state("select", MODE) == "super_eco")
    assert rig.state("sensor", "firmware_version") == "3951.0"
    await set_current(rig, 10)
    for confirm in ("plugncharge.set", "none"):
        rig.charger.plugncharge_push = (
            "none" if confirm == "none" else "plugncharge.set"
        )
        mode = "boost" if confirm == "none" else "eco"
        await act(rig, "select", "select_option", MODE, option=mode)
        assert rig.charger.mode == rig.state("select", MODE) == mode


@covers(Fault.GARBAGE)
async def test_f18_garbage_is_dropped(
    setup_charger: SetUpCharger, look_on: LookOn, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    watch = Watch(rig)
    told = rig.charger.wire.frames_sent
    rig.cloud.faults.enable(Fault.GARBAGE, charger=rig.charger)
    assert rig.charger.wire.frames_sent > told
    socket = await look_on(rig)
    assert await socket.raw.receive_str() == "this is not JSON"
    await set_current(rig, 10)
    await rig.cloud.drop_all()
    await set_current(rig, 11)
    await shows_live_data(rig)
    assert watch.unavailable == set()
    assert lines(caplog, logging.WARNING) == []


# Measurements


async def charges(rig: Rig, seconds: float = 600) -> None:
    """Charge for a while."""
    rig.charger.plug_in()
    rig.charger.advance(seconds)
    energy = rig.charger.watt_hours
    await eventually(lambda: number(rig, "session_energy") >= energy)
    # The meter takes a moment to believe a leap in time.
    await eventually(lambda: number(rig, METER) >= energy)
    assert rig.state("switch", "charging") == STATE_ON


METER = "session_energy_total_increasing"


def falls(watch: Watch, key: str) -> list[float]:
    """Return by how much a sensor fell, each time; fails if it was ever no number."""
    shown = watch.numbers("sensor", key)
    return [before - after for before, after in pairwise(shown) if after < before]


@covers(Fault.WH_NOISE)
@pytest.mark.parametrize("mode", ["dip", "jump"])
async def test_f31_the_meter_bears_noise(
    setup_charger: SetUpCharger, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await charges(rig)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.WH_NOISE, mode=mode, watt_hours=300)
    for _ in range(6):
        rig.cloud.push_sessions()
    await eventually(lambda: falls(watch, "session_energy"))
    assert falls(watch, "session_energy")[0] > 290, "there is no noise"
    rig.charger.advance(600)
    energy = rig.charger.watt_hours
    await eventually(lambda: number(rig, METER) >= energy)
    assert falls(watch, METER) == []


@covers(Fault.WH_NOISE)
async def test_f31_an_early_reset_is_no_new_session(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await charges(rig)
    before = number(rig, METER)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.WH_NOISE, mode="reset")
    await eventually(lambda: number(rig, "session_energy") < before / 10)
    assert rig.charger.watt_hours >= before
    runs = rig.coordinator.energy._books.meter.runs
    await eventually(lambda: rig.coordinator.energy._books.meter.runs > runs)
    rig.charger.advance(300)
    # The count has begun at nothing, what is shown of the session goes on.
    await eventually(lambda: number(rig, METER) > before + 500)
    assert number(rig, "session_energy") < before
    assert falls(watch, METER) == []


@covers(Fault.WH_NOISE)
async def test_f31_the_last_total_may_stay_while_idle(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await charges(rig)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.WH_NOISE, mode="keep")
    total = rig.charger.watt_hours
    rig.charger.unplug()
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    assert rig.charger.watt_hours == 0
    rig.cloud.push_sessions()
    assert number(rig, "session_energy") >= total
    assert number(rig, METER) >= total
    assert falls(watch, METER) == []
    assert rig.state("sensor", "charging_readiness") != "charging"


@covers(Fault.FROZEN_FIELDS)
async def test_f32_a_frozen_reading_misleads_nothing_else(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await enable(rig, "sensor", "ct_current")
    rig.cloud.faults.enable(Fault.FROZEN_FIELDS)
    await charges(rig)
    await eventually(lambda: number(rig, "charger_current") > 30)
    assert (number(rig, "ev_power"), number(rig, "ct_current")) == (0, 1.9)
    assert rig.charger.ev_power > 7000
    assert rig.state("switch", "charging") == STATE_ON
    assert rig.state("binary_sensor", PLUG) == STATE_ON
    assert rig.state("sensor", "charging_readiness") == "charging"
    assert number(rig, "grid_power") > 7000
    assert number(rig, METER) > 1000


@covers(Fault.PHANTOM)
async def test_f33_a_load_at_the_clamp_is_no_charge(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.PHANTOM)
    await charges(rig)
    watch = Watch(rig)
    rig.charger.car_full()
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    await eventually(lambda: number(rig, "ev_power") == 0)
    await eventually(lambda: number(rig, "grid_power") > 7000)
    assert not rig.charger.charging
    assert rig.state("sensor", "charging_readiness") == "ready"
    assert number(rig, "charger_current") == 0
    assert watch.states("switch", "charging") == [STATE_OFF]


@covers(Fault.UNIT_CHANGE)
async def test_f37_a_new_scale_shows_in_one_reading_only(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await enable(rig, "sensor", "ct_power")
    rig.charger.legacy_power_fields = True
    await charges_legacy(rig)
    power = number(rig, "ct_power")
    assert power == pytest.approx(number(rig, "grid_power"), rel=0.1)
    rig.cloud.faults.enable(Fault.UNIT_CHANGE, factor=100)
    await eventually(lambda: number(rig, "ct_power") > 90 * power)
    assert number(rig, "grid_power") == pytest.approx(power, rel=0.1)
    assert number(rig, "ev_power") == pytest.approx(rig.charger.ev_power, rel=0.1)
    assert rig.state("switch", "charging") == STATE_ON


async def charges_legacy(rig: Rig) -> None:
    """Charge until the power is steady and told."""
    rig.charger.plug_in()
    rig.charger.advance(60)
    await eventually(lambda: rig.state("sensor", "ct_power") != STATE_UNKNOWN)
    await eventually(lambda: number(rig, "ev_power") > 7000)
    assert sent(rig, "login")
