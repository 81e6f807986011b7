"""Physics, locks, modes and schedules (protocol.md 7, 8, 10, 11)."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.simulator import (
    WEEK,
    Account,
    ChargeMode,
    CloudOptions,
    IdleWattHours,
    LockState,
    ManualClock,
    Personality,
    Pilot,
    ReleaseState,
    ScaledClock,
    Session,
    SimulatedCharger,
    SimulatedCloud,
)

from .plain_client import PlainClient


@pytest.fixture
def charger(account: Account) -> SimulatedCharger:
    return account.add_charger(Personality.V3)


def charges(charger: SimulatedCharger) -> bool:
    """Ask anew: a type checker would remember what it read before."""
    return charger.charging


def session(start: str, end: str, *days: str, mode: str = "boost") -> dict[str, Any]:
    return {
        "session_type": "recurring",
        "start_time": start,
        "end_time": end,
        "mode": mode,
        "days": list(days or WEEK),
    }


async def test_energy_is_the_integral_of_the_power(charger: SimulatedCharger) -> None:
    charger.plug_in()
    energy = 0.0
    powers = [charger.ev_power]
    for _ in range(600):
        charger.advance(1)
        powers.append(charger.ev_power)
    for before, after in pairwise(powers):
        energy += (before + after) / 2 / 3600
    assert charger.delivered_wh == pytest.approx(energy, rel=1e-6)
    assert charger.delivered_wh == pytest.approx(32 * 238 / 6, rel=0.02)
    assert powers[0] == 0
    assert powers[1] == pytest.approx(8 * 238, rel=0.1), "it ramps up"
    assert max(powers) <= 32 * 239


@pytest.mark.parametrize("step", [1, 7, 600, 3600])
async def test_energy_does_not_depend_on_the_step(
    charger: SimulatedCharger, step: int
) -> None:
    charger.plug_in(needs_wh=5000)
    for _ in range(0, 3600, step):
        charger.advance(step)
    assert charger.delivered_wh == pytest.approx(5000, abs=1e-3)
    assert charger.sessions[0].watt_hours == pytest.approx(5000, abs=1e-3)
    assert not charger.charging
    assert charger.pilot is Pilot.PLUGGED


async def test_frames_balance(
    client: PlainClient, charger: SimulatedCharger, clock: ManualClock
) -> None:
    socket = await client.sync(charger.charger_id)
    charger.set_solar(3000)
    charger.plug_in()
    charger.advance(60)
    charger.push({"method": "the end"})
    frames = []
    while (frame := await socket.frame()).get("method") != "the end":
        if frame["method"] == "get.session":
            frames.append(frame["params"])
    for frame in frames:
        used = frame["house_power"] + frame["ev_power"]
        assert used == frame["grid_power"] + frame["generation_power"]
        assert frame["carbon_saved_grams"] == int(0.437 * frame["watt_hours"])
    assert frames[-1]["energy_flow"] == ["grid_to_ev", "solar_to_house", "solar_to_ev"]
    assert frames[-1]["true_milli_amps"] <= 32000

    charger.house_includes_ev = True
    charger.set_house_load(500)
    frame = await socket.until("get.session")
    assert frame["house_power"] == 500 + frame["ev_power"]

    charger.unplug()
    charger.set_house_load(100)
    await socket.until("get.pilot_status")
    for _ in range(2):
        frame = await socket.until("get.session")
    assert frame["grid_power"] == -2900
    assert frame["energy_flow"] == ["solar_to_house", "solar_to_grid"]


@pytest.mark.parametrize("amps", [6, 10, 16, 32])
async def test_max_current_is_honoured(charger: SimulatedCharger, amps: int) -> None:
    charger.plug_in()
    charger.advance(30)
    charger.app_apply(max_current=amps * 1000)
    charger.advance(30)
    assert amps * 0.99 <= charger.point.amps <= amps


@pytest.mark.parametrize(
    ("mode", "solar", "amps"),
    [
        (ChargeMode.BOOST, 0, 32),
        (ChargeMode.ECO, 0, 6),
        (ChargeMode.ECO, 400 + 238 * 12, 12),
        (ChargeMode.SUPER_ECO, 0, 0),
        (ChargeMode.SUPER_ECO, 400 + 238 * 5, 0),
        (ChargeMode.SUPER_ECO, 400 + 238 * 12, 12),
        (ChargeMode.BATTERY_SAFE, 400 + 238 * 12, 12),
        (ChargeMode.BATTERY_SAFE, 0, 0),
    ],
)
@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_modes(
    account: Account, personality: Personality, mode: str, solar: float, amps: float
) -> None:
    charger = account.add_charger(personality)
    charger.set_battery_safe(supported=True)
    charger.set_mode(mode)
    charger.set_solar(solar)
    charger.plug_in()
    charger.advance(60)
    assert charger.point.amps == pytest.approx(amps, rel=0.01)
    assert charger.charging is (amps > 0)


async def test_clouds_do_not_end_a_session(charger: SimulatedCharger) -> None:
    charger.set_mode(ChargeMode.SUPER_ECO)
    charger.set_solar(5000)
    charger.plug_in()
    charger.advance(600)
    before = charger.watt_hours
    assert before > 0
    charger.set_solar(0)
    charger.advance(600)
    assert not charger.charging
    charger.set_solar(5000)
    charger.advance(600)
    assert charger.watt_hours == pytest.approx(2 * before, rel=0.02)
    charger.unplug()
    assert len(charger.sessions) == 1


async def test_session_events(client: PlainClient, charger: SimulatedCharger) -> None:
    """protocol.md 11."""
    socket = await client.sync(charger.charger_id)
    charger.plug_in()
    charger.advance(600)
    total = int(charger.point.session_wh)
    await socket.send({"id": 1, "method": "sync.apply", "params": {"release": True}})
    seen: list[tuple[str, Any]] = []
    while ("get.pilot_status", "B") not in seen[1:]:
        frame = await socket.frame()
        params = frame.get("params", frame.get("result"))
        match frame.get("method", "reply"):
            case "get.session":
                shown = (params["charging"], params["watt_hours"])
                seen.append(("get.session", shown))
            case "get.pilot_status" as method:
                seen.append((method, params["pilot_status"]))
            case method:
                seen.append((method, params))
    released = [{"release_state": "released"}]
    assert seen == [
        ("get.pilot_status", "B"),
        ("get.session", (False, 0)),
        ("get.pilot_status", "C"),
        ("get.session", (True, 0)),
        ("get.session", (True, total)),
        ("reply", released),
        ("sync.apply", released),
        ("get.session", (False, total)),
        ("get.pilot_status", "B"),
    ]
    assert charger.watt_hours == 0, "idle on a V3"
    charger.idle_watt_hours = IdleWattHours.LAST
    assert charger.watt_hours == total
    charger.app_apply(release=False)
    assert charger.charging
    assert charger.watt_hours == 0, "the next session starts anew"


async def test_lock(client: PlainClient, charger: SimulatedCharger) -> None:
    """protocol.md 10."""
    charger.app_apply(is_locked=True)
    assert charger.lock_state.value == "locked"
    charger.plug_in()
    assert not charges(charger), "came to a locked charger"
    charger.app_apply(is_locked=False)
    assert charges(charger)
    charger.app_apply(is_locked=True)
    assert charger.lock_state is LockState.PENDING_LOCK
    assert charges(charger)
    socket = await client.sync(charger.charger_id)
    charger.unplug()
    assert await socket.until("get.pilot_status") == {"pilot_status": "A"}
    assert (await socket.until("get.session"))["charging"] is False
    assert await socket.until("sync.apply") == [{"lock_state": "locked"}]
    assert charger.lock_state.value == "locked"


async def test_release_and_redundant_unlock(account: Account) -> None:
    charger = account.add_charger(Personality.V3)
    charger.plug_in()
    charger.app_apply(is_locked=False)
    assert charger.release_state is ReleaseState.RELEASED, "F35"
    assert not charges(charger)
    charger.unplug()
    assert charger.release_state.value == "default"
    legacy = account.add_charger(Personality.LEGACY_V2)
    legacy.app_apply(is_locked=False)
    assert legacy.release_state is ReleaseState.DEFAULT


async def test_schedule_is_obeyed_in_the_charger_s_zone(
    charger: SimulatedCharger, clock: ManualClock
) -> None:
    """June: 00:30 in London is 23:30 UTC."""
    clock.set(datetime(2026, 6, 2, 20, 0, tzinfo=UTC))  # a Tuesday
    charger.app_set_schedule(
        enabled=True,
        sessions=[
            session("00:30", "04:30", "WEDNESDAY"),
            session("05:00", "06:00", "THURSDAY", mode="eco"),
        ],
    )
    charger.plug_in(battery_kwh=500)
    assert not charges(charger)
    clock.set(datetime(2026, 6, 2, 23, 29, 59, tzinfo=UTC))
    assert not charges(charger)
    clock.set(datetime(2026, 6, 2, 23, 30, 1, tzinfo=UTC))
    assert charges(charger)
    clock.set(datetime(2026, 6, 3, 3, 30, 1, tzinfo=UTC))
    assert not charges(charger)
    assert charger.delivered_wh == pytest.approx(4 * 32 * 238, rel=0.01)
    clock.set(datetime(2026, 6, 4, 4, 30, tzinfo=UTC))
    assert charger.point.amps == pytest.approx(6, rel=0.01)
    clock.set(datetime(2026, 6, 8, tzinfo=UTC))
    assert [round(item.watt_hours, -2) for item in charger.sessions] == pytest.approx(
        [4 * 32 * 238, 6 * 238], rel=0.02
    )


async def test_stop_holds_over_the_schedule(
    charger: SimulatedCharger, clock: ManualClock
) -> None:
    charger.app_set_schedule(enabled=True, sessions=[session("00:00", "24:00")])
    charger.plug_in()
    assert charges(charger)
    charger.app_apply(release=True)
    clock.advance(48 * 3600)
    assert not charges(charger)


async def test_legacy_intervals(account: Account, clock: ManualClock) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    clock.set(datetime(2026, 12, 1, 20, 0, tzinfo=UTC))
    charger.app_set_schedule(
        enabled=True, intervals=[("23:30", "05:30"), ("05:00", "06:00")]
    )
    charger.plug_in(battery_kwh=500)
    assert not charges(charger)
    clock.set(datetime(2026, 12, 2, 12, 0, tzinfo=UTC))
    assert charger.delivered_wh == pytest.approx(6.5 * 32 * 238, rel=0.01)
    assert charger.watt_hours == int(charger.delivered_wh)
    charger.app_set_schedule(enabled=False)
    assert charges(charger)


@pytest.mark.parametrize(
    "sessions",
    [
        [session("23:30", "00:00")],
        [session("23:30", "05:30")],
        [session("05:30", "05:30")],
        [session("24:00", "24:00")],
        [session("5:30", "06:00")],
        [session("05:30:00", "06:00:00")],
        [session("05:30", "24:01")],
        [session("01:00", "02:00", "ALL")],
        [session("01:00", "02:00", "Monday")],
        [session("01:00", "02:00", "MONDAY", "MONDAY")],
        [session("01:00", "02:00") | {"days": []}],
        [session("01:00", "02:00", mode="Boost")],
        [session("01:00", "02:00", mode="turbo")],
        [session("01:00", "02:00") | {"session_type": "once"}],
        [session("01:00", "02:00") | {"colour": "red"}],
        [{"start_time": "01:00", "end_time": "02:00"}],
        [session("01:00", "03:00"), session("02:00", "04:00")],
        [session(f"0{hour}:00", f"0{hour}:30") for hour in range(7)],
        ["01:00-02:00"],
        None,
    ],
)
async def test_bad_schedules_are_refused_and_the_old_one_kept(
    client: PlainClient, charger: SimulatedCharger, sessions: object
) -> None:
    charger.app_set_schedule(sessions=[session("10:00", "11:00")])
    before = charger.schedule
    socket = await client.sync(charger.charger_id)
    for params in ({"enabled": True, "sessions": sessions}, {"enabled": 1}, {"x": 1}):
        assert await socket.error("schedule.set", params) == {
            "code": -32603,
            "message": "schedule.set failed: internal server error",
        }
    assert charger.schedule == before
    assert await socket.silent(0.01)


async def test_schedules_are_set_and_pushed(
    client: PlainClient, charger: SimulatedCharger
) -> None:
    writer = await client.sync(charger.charger_id)
    other = await client.sync(charger.charger_id)
    wanted = [
        session("23:30", "24:00", "MONDAY"),
        session("00:00", "05:30", "TUESDAY", mode="eco"),
    ]
    applied = {
        "enabled": True,
        "is_default": False,
        "sessions": wanted,
        "type": "hypervolt",
    }
    answer = {"applied": applied, "pending": {}}
    assert await writer.result("schedule.set", applied) == answer
    push = {"jsonrpc": "2.0", "method": "schedule.set", "params": answer}
    assert await other.frame() == push
    assert await writer.frame() == push
    off = await writer.result("schedule.set", {"enabled": False})
    assert off == {"applied": applied | {"enabled": False}, "pending": {}}
    assert await writer.result("schedules.get") == off
    charger.max_sessions = 7
    seven = [session(f"0{hour}:00", f"0{hour}:30") for hour in range(7)]
    assert await writer.result("schedule.set", {"sessions": seven})
    assert len(charger.schedule.sessions) == 7
    assert await writer.result("schedule.set", {"sessions": []})
    assert not charger.schedule.sessions


async def test_pending_schedule(client: PlainClient, charger: SimulatedCharger) -> None:
    charger.pending_delay = 0.02
    socket = await client.sync(charger.charger_id)
    answer = await socket.result("schedule.set", {"enabled": True})
    assert answer["pending"]["enabled"] is True
    assert answer["applied"]["enabled"] is False
    await socket.until("schedule.set")
    assert (await socket.until("schedule.set"))["applied"]["enabled"] is True


async def test_octopus(
    client: PlainClient, charger: SimulatedCharger, clock: ManualClock
) -> None:
    """protocol.md 8.3: dispatches in UTC, read only."""
    socket = await client.sync(charger.charger_id)
    start = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
    end = datetime(2026, 6, 2, 0, 0, tzinfo=UTC)
    charger.set_octopus_schedule([(start, end)])
    pushed = (await socket.until("schedule.set"))["applied"]
    assert pushed == {
        "enabled": True,
        "is_default": False,
        "type": "octopus",
        "sessions": [
            {
                "session_type": "recurring",
                "start_time": "2026-06-01T22:30:00Z",
                "end_time": "2026-06-02T00:00:00Z",
                "mode": "boost",
            }
        ],
    }
    assert (await socket.error("schedule.set", {"enabled": False}))["code"] == -32603
    refused = await socket.result("plugncharge.set", {"mode": "eco"})
    assert refused == {"mode": "eco", "applied": False}
    charger.plug_in()
    clock.set(datetime(2026, 6, 2, 3, 0, tzinfo=UTC))
    assert charger.delivered_wh == pytest.approx(1.5 * 32 * 238, rel=0.01)
    charger.app_set_schedule(enabled=False, sessions=[Session("01:00", "02:00")])
    assert charger.schedule.type == "hypervolt"


async def test_a_night_in_a_moment(socket_enabled: None) -> None:
    """The background keeps the physics up to date at any speed."""
    clock = ScaledClock(36_000, datetime(2026, 6, 1, 20, 0, tzinfo=UTC))
    async with SimulatedCloud(clock=clock, push_interval=0.02) as cloud:
        charger = cloud.add_account("a", "b").add_charger()
        charger.app_set_schedule(enabled=True, sessions=[session("01:00", "03:00")])
        charger.plug_in(battery_kwh=100)
        await cloud.wait_for(lambda: charger.sessions)
    assert charger.sessions[0].watt_hours == pytest.approx(2 * 32 * 238, rel=0.01)
    assert charger.sessions[0].started == datetime(2026, 6, 2, 0, 0, tzinfo=UTC)
    assert charger.sessions[0].ended == datetime(2026, 6, 2, 2, 0, tzinfo=UTC)


async def test_bursts(socket_enabled: None) -> None:
    """protocol.md 5.8: three frames, then a longer pause."""
    options = CloudOptions(push_burst=3, burst_gap=0.001)
    async with SimulatedCloud(push_interval=0.2, options=options) as cloud:
        charger = cloud.add_account("a", "b").add_charger()
        async with PlainClient(cloud.url, "a", "b") as client:
            socket = await client.sync(charger.charger_id)
            for _ in range(3):
                await socket.until("get.session")
            assert await socket.silent(0.05)
