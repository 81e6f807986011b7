"""What scripts/soak takes for a broken promise, without the hour it takes to find one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import math
from pathlib import Path
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from _soak_chaos import RANGES, SENSIBLE, Stage
from _soak_energy import truths
from _soak_home import Home, Run
from _soak_person import carries
from _soak_record import (
    CONNECTION,
    DROP_LIMIT,
    ESSENTIAL,
    LIVE,
    MEMBERS,
    NOTICED,
    PLUG,
    PLUG_LIMIT,
    SILENCE_LIMIT,
    TOTAL,
    UNSAVED,
    Deed,
    Loan,
    Wallbox,
    plug_of,
)
from _soak_verdict import ABANDONED, CALLERS, GONE, Final, judge
from tests.simulator import (
    FAULTS,
    Fault,
    LiveFrame,
    ManualClock,
    Personality,
    Session,
    SimulatedCloud,
)
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
    ids = {key: key for key in (*LIVE, CONNECTION, TOTAL, PLUG)}
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


@pytest.mark.parametrize(
    ("delivered", "total", "excess"), [(100.4, "0.1", ""), (97.0, "0.1", "3.0 Wh")]
)
async def test_a_total_is_compared_on_its_way(
    stage: Stage, box: Wallbox, delivered: float, total: str, excess: str
) -> None:
    """What is too much may be made up for until the end."""
    now = time.monotonic()
    _hear(box, now)
    box.charger.point.delivered_wh = delivered
    box.judge({TOTAL: total}, now, run_of(stage))
    box.charger.point.delivered_wh = 150.0
    broken = sentences(stage, Final(total_kwh=0.15, sessions=[]))
    assert excess in broken
    assert bool(broken) is bool(excess)


async def test_a_total_grows_by_what_can_flow(stage: Stage, box: Wallbox) -> None:
    box.charger.point.delivered_wh = 1000.0
    now = time.monotonic()
    _hear(box, now - UNSAVED)
    box.judge({TOTAL: "0.1"}, now, run_of(stage))
    _hear(box, now + 6)
    # 25 kW for 18 seconds, and in this very moment.
    box.judge({TOTAL: "0.224"}, now + 6, run_of(stage))
    assert "added" not in sentences(stage, Final(total_kwh=1.0, sessions=[]))
    box.judge({TOTAL: "0.3"}, now + 6, run_of(stage))
    assert "200 Wh were added" in sentences(stage, Final(total_kwh=1.0, sessions=[]))


@pytest.mark.parametrize("shown", [100, None])
async def test_a_total_grows_with_a_count(
    stage: Stage, box: Wallbox, shown: int | None
) -> None:
    box.charger.point.delivered_wh = 1000.0
    now = time.monotonic()
    _hear(box, now - 60)
    box.judge({TOTAL: "0.1"}, now - 50, run_of(stage))
    box.judge({TOTAL: "0.1"}, now - 1, run_of(stage))
    _hear(box, now - 2, shown=shown)
    box.judge({TOTAL: "0.105"}, now, run_of(stage))
    broken = sentences(stage, Final(total_kwh=1.0, sessions=[]))
    assert ("5 Wh were added while no frame held a count" in broken) is (shown is None)


async def test_a_total_that_falls(stage: Stage, box: Wallbox) -> None:
    for total in ("1.5", "unavailable", "1.4"):
        box.judge({TOTAL: total}, time.monotonic(), run_of(stage))
    assert "fell from 1.5 to 1.4" in sentences(stage)


@pytest.mark.parametrize(
    ("shown", "confirmed", "text"),
    [
        ("on", True, ""),
        ("on", False, ""),
        ("off", False, ""),
        ("off", True, "confirmed and off"),
        ("unknown", None, "though it was known"),
        ("unavailable", None, "though it was known"),
    ],
)
@pytest.mark.usefixtures("socket")
async def test_the_plug(
    stage: Stage, box: Wallbox, shown: str, confirmed: bool | None, text: str
) -> None:
    now = time.monotonic()
    box.charger.plug_in()
    box.plugs = [(now, True)]
    _report_plug(box, now, "B")
    later = now + PLUG_LIMIT + 1
    _show_plug(stage, box, now, "on", confirmed=True)
    _show_plug(stage, box, later, shown, confirmed=confirmed)
    broken = sentences(stage)
    assert text in broken
    assert bool(broken) is bool(text)


@pytest.mark.usefixtures("socket")
async def test_an_absence_of_the_car_may_be_late(stage: Stage, box: Wallbox) -> None:
    now = time.monotonic()
    box.plugs = [(now - 100, True), (now, False)]
    _report_plug(box, now, "A")
    _show_plug(stage, box, now + PLUG_LIMIT - 1, "on", confirmed=True)
    assert not box.wrong
    _show_plug(stage, box, now + PLUG_LIMIT + 1, "on", confirmed=True)
    assert "confirmed and on" in sentences(stage)


@pytest.mark.usefixtures("socket")
@pytest.mark.parametrize("lost", [True, False])
async def test_a_change_of_the_plug_that_was_lost(
    stage: Stage, box: Wallbox, *, lost: bool
) -> None:
    now = time.monotonic()
    box.plugs = [(now - 100, True), (now - 50, False)]
    _report_plug(box, now - 100, "B")
    if not lost:
        _report_plug(box, now - 50, "A")
    _show_plug(stage, box, now, "on", confirmed=True)
    assert bool(box.wrong) is not lost


@pytest.mark.usefixtures("socket")
async def test_a_plug_is_confirmed_by_this_connection(
    stage: Stage, box: Wallbox
) -> None:
    now = time.monotonic()
    box.plugs = [(now - 100, False)]
    _report_plug(box, now - 20, "A")
    box.alone_at = now - 10
    _show_plug(stage, box, now, "off", confirmed=True)
    assert "without a report since" in sentences(stage)


async def test_a_plug_without_a_socket(
    stage: Stage, box: Wallbox, socket: Socket
) -> None:
    await socket.raw.close()
    await stage.cloud.wait_for(lambda: not box.charger.logged_in_sockets)
    alone = box.charger.alone_since
    assert alone is not None
    box.watch()
    assert box.alone_at >= alone
    _report_plug(box, alone, "A")
    _show_plug(stage, box, alone + NOTICED - 1, "off", confirmed=True)
    _show_plug(stage, box, alone + NOTICED + 1, "off", confirmed=False)
    assert not box.wrong
    _show_plug(stage, box, alone + NOTICED + 1, "off", confirmed=True)
    assert "without a socket" in sentences(stage)


async def test_a_plug_is_not_known_before_it_is_set_up(box: Wallbox) -> None:
    run = Run(began=0.0, log=Path())
    box.plug_known_since = 1.0
    box.judge({PLUG: "unavailable", CONNECTION: "unavailable"}, 100.0, run)
    box.plug_known_since = 100.0 - UNSAVED / 2
    box.judge({PLUG: "unknown", CONNECTION: "off"}, 100.0, run)
    assert not box.wrong


@pytest.mark.parametrize(
    ("pilot", "plugged"),
    [("A", False), ("B2", True), ("d", True), ("E", None), (None, None)],
)
def test_what_a_pilot_says_of_the_plug(pilot: str | None, plugged: bool | None) -> None:
    frame = LiveFrame(at=0.0, number=0, delivered=0.0, open=False, of_session=False)
    assert plug_of(replace(frame, pilot=pilot)) is plugged
    session = replace(frame, of_session=True)
    assert plug_of(replace(session, charging=True)) is True
    assert plug_of(replace(session, charging=False)) is None


@pytest.mark.usefixtures("socket")
@pytest.mark.parametrize("key", MEMBERS)
async def test_a_reading_that_expires(stage: Stage, box: Wallbox, key: str) -> None:
    now = time.monotonic()
    _hear(box, now - SILENCE_LIMIT - NOTICED - 2)
    for later in (NOTICED + 1, 3, 0):
        _hear(box, now - later, without=frozenset({MEMBERS[key]}))
    states = dict.fromkeys(LIVE, "1") | {CONNECTION: "on", PLUG: "off"}
    box.judge(states | {key: "unknown"}, now, run_of(stage), confirmed=False)
    assert (box.expired, box.wrong) == (1, [])
    box.judge(states, now, run_of(stage), confirmed=False)
    assert f"without it: {key} " in sentences(stage)


@pytest.mark.usefixtures("socket")
async def test_a_reading_has_its_time(stage: Stage, box: Wallbox) -> None:
    now = time.monotonic()
    _hear(box, now - SILENCE_LIMIT - NOTICED + 1)
    _hear(box, now - NOTICED - 1, without=frozenset(MEMBERS.values()) - {"voltage"})
    box.judge(dict.fromkeys(LIVE, "1"), now, run_of(stage))
    # A frame of right now may not have been taken in yet.
    _hear(box, now, without=frozenset(MEMBERS.values()))
    box.judge(dict.fromkeys(LIVE, "1"), now, run_of(stage))
    assert (box.expired, box.wrong) == (0, [])


@pytest.mark.usefixtures("socket")
@pytest.mark.parametrize("personality", [Personality.LEGACY_V2])
@pytest.mark.parametrize("charging", [True, False])
async def test_a_legacy_v2_that_falls_silent(
    stage: Stage, box: Wallbox, *, charging: bool
) -> None:
    """Only while it charges its silence tells that something is wrong."""
    now = time.monotonic()
    run_of(stage).began = now - 300
    _hear(box, now - SILENCE_LIMIT - 1, charging=charging)
    box.judge({ESSENTIAL[0]: "ready", CONNECTION: "on"}, now, run_of(stage))
    assert bool(box.wrong) is charging
    assert (ESSENTIAL[0] in sentences(stage)) is charging


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
    told = _told(box)
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
    _tick(box, clock, 3)
    box.charger.plug_in()
    clock.advance(3)
    box.charger.unplug()
    _tick(box, clock, 3)
    final = Final(total_kwh=box.charger.delivered_wh / 1000, sessions=[])
    assert sentences(stage, final) == ""


async def test_energy_nobody_could_know(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    _charge(box, clock)
    (seen,) = truths(box, [run_of(stage)])
    assert seen.seen_throughout
    assert seen.told == int(seen.watt_hours)
    # What was told just before the power was cut is not on disk.
    run = run_of(stage)
    run.killed, run.ended = True, box.last_live() - 5
    (cut,) = truths(box, [run])
    assert not cut.seen_throughout
    assert 0 < cut.told < seen.told


async def test_an_idle_frame_tells_nothing_of_the_session_before_it(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    """The car left as Home Assistant connected."""
    _tick(box, clock, 4)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    _tick(box, clock, 3)
    heard = box.charger.watt_hours
    clock.advance(6)
    box.charger.unplug()
    _hear(box, now_of(clock) + 0.3)
    _tick(box, clock, 3)
    (session,) = truths(box, [run_of(stage)])
    assert session.told == heard < session.watt_hours - 10
    assert not session.seen_throughout
    assert sentences(stage, Final(total_kwh=heard / 1000, sessions=[])) == ""
    lost = sentences(stage, Final(total_kwh=heard / 1000 - 0.003, sessions=[]))
    assert "3.0 Wh are lost" in lost


async def test_a_session_must_be_heard_to_its_end(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    """The first frame of the next one comes soon enough to hide the gap."""
    _tick(box, clock, 4)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    clock.advance(1.5)
    _hear(box, now_of(clock))
    clock.advance(2)
    box.charger.unplug()
    clock.advance(1)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    _tick(box, clock, 5)
    box.charger.unplug()
    _hear(box, now_of(clock), final=True)
    _tick(box, clock, 4)
    unheard, heard = truths(box, [run_of(stage)])
    assert not unheard.seen_throughout
    assert heard.told == int(heard.watt_hours)
    assert heard.began_unseen
    told = _told(box, 1)
    final = Final(total_kwh=(unheard.told + heard.told) / 1000, sessions=[told])
    assert sentences(stage, final) == ""


@pytest.mark.parametrize(
    ("heard", "rest", "told_apart"), [(0, 10, False), (0, 30, True), (2, 10, True)]
)
async def test_a_session_that_may_go_on(
    stage: Stage,
    box: Wallbox,
    clock: ManualClock,
    *,
    heard: int,
    rest: int,
    told_apart: bool,
) -> None:
    """Of the one before nothing but its beginning was heard, and a pause."""
    _tick(box, clock, 4)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    _tick(box, clock, heard)
    clock.advance(60)
    box.charger.unplug()
    _tick(box, clock, rest)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    _tick(box, clock, 5)
    box.charger.unplug()
    _hear(box, now_of(clock), final=True)
    _tick(box, clock, 4)
    _, session = truths(box, [run_of(stage)])
    assert session.seen_throughout is told_apart


async def test_an_end_without_a_count_is_not_heard(
    stage: Stage, box: Wallbox, clock: ManualClock
) -> None:
    _tick(box, clock, 4)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    _tick(box, clock, 4)
    heard = box.charger.watt_hours
    _tick(box, clock, shown=None)
    box.charger.unplug()
    _hear(box, now_of(clock), final=True, shown=None)
    _tick(box, clock, 4)
    (session,) = truths(box, [run_of(stage)])
    assert session.told == heard
    assert not session.seen_throughout


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
    now = time.monotonic() + 10 * SILENCE_LIMIT
    box.judge({LIVE[0]: "ready", CONNECTION: "on"}, now, run_of(stage))
    assert not box.judged
    frames.pop()
    (*_, unended) = truths(box, [run_of(stage)])
    assert not unended.seen_throughout


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


@pytest.mark.parametrize("name", sorted({*RANGES, *SENSIBLE}))
def test_a_fault_takes_what_is_drawn_for_it(name: tuple[Fault, str]) -> None:
    fault, option = name
    for value in RANGES.get(name, SENSIBLE.get(name, ())):
        FAULTS[fault].options[option].check(option, value)


async def test_a_seed_decides_alike(stage: Stage) -> None:
    first, second = stage.chance("cars"), stage.chance("cars")
    assert first.random() == second.random()
    assert stage.chance("faults").random() != stage.chance("cars").random()


def _told(box: Wallbox, number: int = 0) -> dict[str, Any]:
    """Return what should be told of a session."""
    session = box.charger.sessions[number]
    return {
        "start": session.started.isoformat(),
        "end": session.ended.isoformat(),
        "energy_kwh": int(session.watt_hours) / 1000,
    }


def now_of(clock: ManualClock) -> float:
    """Return the charger's time by the monotonic clock."""
    return clock.now().timestamp() - time.time() + time.monotonic()


def _hear(
    box: Wallbox,
    at: float,
    *,
    final: bool = False,
    without: frozenset[str] = frozenset(),
    **said: Any,
) -> None:
    """Have a frame go out; `said` is what it says instead of the truth."""
    point = box.charger.point
    frame = LiveFrame(
        at=at,
        number=point.session_number,
        delivered=point.session_wh,
        open=point.session_open,
        flows=point.charging,
        final=final,
        shown=int(point.session_wh) if final else box.charger.watt_hours,
        charging=point.charging,
        readable=frozenset(MEMBERS.values()) - without,
    )
    box.charger.wire.live_frames.append(replace(frame, **said))


def _show_plug(
    stage: Stage, box: Wallbox, at: float, shown: str, *, confirmed: bool | None
) -> None:
    """Sample a plug; readings are not shown."""
    run = replace(run_of(stage), began=0.0)
    states = {PLUG: shown, CONNECTION: "off"}
    box.judge(states, at, run, confirmed=confirmed)


def _report_plug(box: Wallbox, at: float, pilot: str) -> None:
    frame = LiveFrame(at=at, number=0, delivered=0.0, open=False, of_session=False)
    box.charger.wire.live_frames.append(replace(frame, pilot=pilot))


def _charge(
    box: Wallbox, clock: ManualClock, *, idle: bool = True, ticks: int = 20
) -> None:
    """Charge for a minute, telling of it every three seconds."""
    if idle:
        _tick(box, clock, 4)
    box.charger.plug_in()
    _hear(box, now_of(clock))
    _tick(box, clock, ticks)
    box.charger.unplug()
    _hear(box, now_of(clock), final=True)
    if idle:
        _tick(box, clock, 4)


def _tick(box: Wallbox, clock: ManualClock, count: int = 1, **said: Any) -> None:
    for _ in range(count):
        clock.advance(3)
        _hear(box, now_of(clock), **said)
