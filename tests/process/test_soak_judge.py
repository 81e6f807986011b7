"""What scripts/soak takes for a broken promise, without the hour it takes to find one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
import math
from pathlib import Path
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from _soak_chaos import Stage
from _soak_home import Home, Run
from _soak_person import carries
from _soak_record import (
    CONNECTION,
    DROP_LIMIT,
    LIVE,
    SILENCE_LIMIT,
    TOTAL,
    Deed,
    Loan,
    Wallbox,
    truths,
)
from _soak_verdict import ABANDONED, CALLERS, GONE, Final, judge
from tests.simulator import LiveFrame, ManualClock, Personality, Session, SimulatedCloud
from tests.simulator_tests.plain_client import PlainClient, Socket

START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LOGIN = ("me@example.com", "pw")
NOTHING = Final(total_kwh=0.0, sessions=[])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def cloud(
    socket_enabled: None, clock: ManualClock
) -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(clock=clock, push_interval=None) as simulated:
        yield simulated


@pytest.fixture
def personality() -> Personality:
    return Personality.V3


@pytest.fixture
def box(cloud: SimulatedCloud, personality: Personality) -> Wallbox:
    charger = cloud.add_account(*LOGIN).add_charger(personality)
    ids = {key: key for key in (*LIVE, CONNECTION, TOTAL)}
    return Wallbox(charger=charger, device_id="device", ids=ids)


@pytest.fixture
async def socket(cloud: SimulatedCloud, box: Wallbox) -> AsyncIterator[Socket]:
    """Somebody listens to the charger."""
    async with PlainClient(cloud.url, *LOGIN) as client:
        yield await client.sync(box.charger.charger_id)


@pytest.fixture
def stage(cloud: SimulatedCloud, box: Wallbox, tmp_path: Path) -> Stage:
    log = tmp_path / "console-1.log"
    log.write_text("")
    home = SimpleNamespace(runs=[Run(began=-math.inf, log=log)], unclean=[])
    return Stage(
        seed=1, cloud=cloud, home=cast("Home", home), boxes=[box], seconds=60.0
    )


def sentences(stage: Stage, final: Final = NOTHING) -> str:
    (box,) = stage.boxes
    # Of a person who gave no command nothing is to be said here.
    box.deeds.append(Deed(what="fine", begun=0, limit=1, witnessed=True))
    return "\n".join(judge(stage, {box: final}, []).broken)


def run_of(stage: Stage) -> Run:
    return stage.home.runs[0]


async def test_nothing_is_broken_at_first(stage: Stage) -> None:
    assert sentences(stage) == ""


@pytest.mark.usefixtures("socket")
@pytest.mark.parametrize("shown", [LIVE[0], CONNECTION])
async def test_what_is_shown_in_silence(stage: Stage, box: Wallbox, shown: str) -> None:
    now = time.monotonic()
    box.connected_since = 0.0
    _hear(box, now - SILENCE_LIMIT - 1)
    states = {shown: "on"}
    box.judge(states, now - 2, run_of(stage))
    assert (box.judged, box.wrong) == (0, [])
    box.judge(states, now, run_of(stage))
    assert (box.judged, len(box.wrong)) == (1, 1)
    box.judge({shown: "unavailable"}, now, run_of(stage))
    assert (box.judged, len(box.wrong)) == (2, 1)
    assert shown in sentences(stage)


@pytest.mark.usefixtures("socket")
async def test_a_connection_has_time_to_bring_something(
    stage: Stage, box: Wallbox
) -> None:
    """How long it takes to connect is another matter."""
    now = time.monotonic()
    states = {CONNECTION: "off"}
    for later in (0, 200, 200 + SILENCE_LIMIT - 1):
        box.judge(states, now + later, run_of(stage))
        assert box.judged
        assert not box.wrong
        states = {CONNECTION: "on"}
    box.judge(states, now + 200 + SILENCE_LIMIT + 1, run_of(stage))
    assert CONNECTION in sentences(stage)


async def test_what_is_shown_without_a_socket(
    stage: Stage, box: Wallbox, socket: Socket
) -> None:
    now = time.monotonic()
    _hear(box, now)
    later = now + DROP_LIMIT + 1
    box.judge({LIVE[0]: "1"}, later, run_of(stage))
    assert not box.wrong
    await socket.raw.close()
    await stage.cloud.wait_for(lambda: not box.charger.logged_in_sockets)
    box.judge({LIVE[0]: "1"}, later, run_of(stage))
    assert "without a socket" in sentences(stage)


async def test_a_total_that_falls(stage: Stage, box: Wallbox) -> None:
    for total in ("1.5", "unavailable", "1.4"):
        box.judge({TOTAL: total}, time.monotonic(), run_of(stage))
    assert "fell from 1.5 to 1.4" in sentences(stage)


@pytest.mark.parametrize(
    ("deed", "text"),
    [
        ({"witnessed": True}, ""),
        ({"error": "refused"}, ""),
        ({"passed_over": True}, ""),
        ({}, "never saw it"),
        ({"error": "late", "hung": True}, "did not end"),
    ],
)
async def test_what_becomes_of_a_command(
    stage: Stage, box: Wallbox, deed: dict[str, Any], text: str
) -> None:
    box.deeds.append(Deed(what="wish", begun=1.0, limit=9.0, **deed))
    broken = sentences(stage)
    assert text in broken
    assert bool(broken) is bool(text)


async def test_energy(stage: Stage, box: Wallbox, clock: ManualClock) -> None:
    _charge(box, clock)
    (session,) = box.charger.sessions
    told: dict[str, Any] = {
        "start": session.started.isoformat(),
        "end": session.ended.isoformat(),
        "energy_kwh": round(session.watt_hours / 1000, 3),
    }
    right = told["energy_kwh"]
    assert sentences(stage, Final(total_kwh=right, sessions=[told])) == ""
    assert "lost" in sentences(stage, Final(total_kwh=right - 0.01, sessions=[told]))
    assert "too much" in sentences(
        stage, Final(total_kwh=right + 0.01, sessions=[told])
    )
    assert "is not told" in sentences(stage, Final(total_kwh=right, sessions=[]))
    never = {**told, "start": "2026-05-01T00:00:00Z", "end": "2026-05-01T01:00:00Z"}
    assert "never was" in sentences(
        stage, Final(total_kwh=right, sessions=[told, never])
    )


async def test_a_session_may_be_taken_for_one_that_began_unseen(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    _charge(box, clock)
    final = Final(total_kwh=box.charger.delivered_wh / 1000, sessions=[])
    assert "is not told" in sentences(stage, final)
    clock.advance(20)
    box.charger.plug_in()
    clock.advance(20)
    box.charger.unplug()
    assert "is not told" not in sentences(stage, final)


async def test_a_session_between_two_frames(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    """That it has been only its total tells, and that may as well be noise."""
    offset = time.time() - time.monotonic()
    for _ in range(3):
        clock.advance(3)
        _hear(box, clock.now().timestamp() - offset)
    box.charger.plug_in()
    clock.advance(3)
    box.charger.unplug()
    for _ in range(3):
        _hear(box, clock.now().timestamp() - offset)
        clock.advance(3)
    final = Final(total_kwh=box.charger.delivered_wh / 1000, sessions=[])
    assert sentences(stage, final) == ""


async def test_energy_nobody_could_know(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    _charge(box, clock)
    (seen,) = truths(box, [run_of(stage)])
    assert seen.seen_throughout
    assert seen.told == pytest.approx(seen.watt_hours)
    # What was told just before the power was cut is not on disk.
    run = run_of(stage)
    run.killed, run.ended = True, box.last_live() - 5
    (cut,) = truths(box, [run])
    assert not cut.seen_throughout
    assert 0 < cut.told < seen.told


@pytest.mark.usefixtures("socket")
@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
async def test_a_legacy_v2_tells_of_a_session_and_of_nothing_else(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    for _ in range(2):
        clock.advance(200)
        _charge(box, clock, idle=False)
    frames = box.charger.wire.live_frames
    first, second = truths(box, [run_of(stage)])
    assert first.seen_throughout
    assert second.seen_throughout
    assert not second.confused
    frames.pop()
    (*_, unended) = truths(box, [run_of(stage)])
    assert not unended.seen_throughout
    now = time.monotonic() + 10 * SILENCE_LIMIT
    box.judge({LIVE[0]: "ready", CONNECTION: "on"}, now, run_of(stage))
    assert not box.judged


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_a_schedule_that_does_not_come_back(stage: Stage, box: Wallbox) -> None:
    box.loan = Loan(own=box.own, until=START - timedelta(minutes=1))
    box.charger.app_set_schedule(enabled=True)
    box.watch()
    assert "is not back" in sentences(stage)
    box.charger.app_set_schedule(enabled=False)
    box.watch()
    assert box.returned == 1
    assert sentences(stage) == ""


@pytest.mark.parametrize(
    ("start", "end", "enabled", "written"),
    [
        ("10:00", "10:02", True, True),
        ("10:01", "10:02", True, True),
        ("10:00", "10:02", False, False),
        ("10:00", "10:01", True, False),
    ],
)
async def test_a_plan_that_was_written(
    box: Wallbox, start: str, end: str, *, enabled: bool, written: bool
) -> None:
    """It may have waited for a connection for so long that some of it has passed."""
    session = Session(start_time=start, end_time=end)
    box.charger.app_set_schedule(enabled=enabled, sessions=[session])
    assert carries(box.charger, "10:02") is written


@pytest.mark.parametrize(
    ("log", "text"),
    [
        ("{at} INFO (MainThread) [custom_components.hypervolt_charger] x\n", ""),
        ("{at} ERROR (MainThread) [custom_components.hypervolt_charger] x\n", "x"),
        (f"{{at}} ERROR (M) {CALLERS} to switch.hypervolt\n", ""),
        ("{at} ERROR (M) [asyncio] Task\nTraceback\n hypervolt_charger\n", "traceback"),
        ("{at} ERROR (M) [homeassistant.setup] Task\nTraceback\n ffmpeg\n", ""),
        (f"{{at}} ERROR (M) [custom_components.hypervolt_charger] x {GONE}\n", ""),
        (f"{{at}} ERROR (M) {ABANDONED} future\nTraceback\n hypervolt_charger\n", ""),
        ("{at} INFO (M) [custom_components.hypervolt_charger] x\n" * 31, "31 lines"),
    ],
)
async def test_the_log(stage: Stage, log: str, text: str) -> None:
    run_of(stage).log.write_text(log.format(at="2026-11-24 16:00:00.000"))
    broken = sentences(stage)
    assert text in broken
    assert bool(broken) is bool(text)


async def test_a_seed_decides_alike(stage: Stage) -> None:
    first, second = stage.chance("cars"), stage.chance("cars")
    assert first.random() == second.random()
    assert stage.chance("faults").random() != stage.chance("cars").random()


def _hear(box: Wallbox, at: float) -> None:
    point = box.charger.point
    box.charger.wire.live_frames.append(
        LiveFrame(
            at=at,
            session=point.session_number,
            watt_hours=point.session_wh,
            open=point.session_open,
            of_session=True,
        )
    )


def _charge(box: Wallbox, clock: ManualClock, *, idle: bool = True) -> None:
    """Charge for a minute, telling of it every three seconds."""
    offset = time.time() - time.monotonic()

    def tick() -> None:
        clock.advance(3)
        _hear(box, clock.now().timestamp() - offset)

    if idle:
        tick()
        tick()
    box.charger.plug_in()
    for _ in range(20):
        tick()
    box.charger.unplug()
    _hear(box, clock.now().timestamp() - offset)
    if idle:
        for _ in range(3):
            tick()
