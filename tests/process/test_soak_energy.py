"""What a soak's judge demands of the energy, held against the meter itself.

Days of a charger pass in a moment: frames go to a meter instead of a socket, among
faults, drops, restarts and power cuts at random. The meter must keep what the judge
demands, and a meter that believes what it is shown must not.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, cast, override

import pytest

import _soak_energy
from _soak_energy import ROUNDING, surpluses, truths
from _soak_home import Run
from _soak_record import Wallbox
from custom_components.hypervolt_charger.hypervolt.energy import EnergyMeter, Reading
from tests.simulator import (
    FAULTS,
    CloudOptions,
    Fault,
    FaultBoard,
    ManualClock,
    Personality,
    sockets,
)
from tests.simulator.backend import Account, Backend
from tests.simulator.fault_actions import FaultActions
from tests.simulator.journal import Changes, Journal
from tests.simulator.sockets import ClientSocket, Endpoint
from tests.simulator.tokens import TokenStore

START: Final = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TICK: Final = 3.0
HOLD: Final = timedelta(seconds=30)
UNSAVED: Final = 10.0
MODES: Final = FAULTS[Fault.WH_NOISE].options["mode"].choices

type Read = Callable[[EnergyMeter, Reading], EnergyMeter]


class Listener(ClientSocket):
    """A socket whose frames arrive at once."""

    def __init__(self, endpoint: Endpoint, hear: Callable[[Any], None]) -> None:
        super().__init__(1, endpoint, cast("Any", None), None)
        self.login_at = 0.0
        self._hear = hear

    @override
    def send(self, frame: str | bytes) -> None:
        self._hear(json.loads(frame))


class Day:
    """A charger, the cars that come, and a Home Assistant that counts."""

    def __init__(self, seed: int, read: Read) -> None:
        self.chance = Random(seed)
        self.read = read
        self.clock = ManualClock(START)
        self.faults = FaultBoard(Changes())
        personality = self.chance.choice([Personality.V3, Personality.LEGACY_V2])
        self.charger = self._backend().add_charger(
            cast("Account", SimpleNamespace(username="me")), personality, None, None
        )
        self.is_legacy = personality is Personality.LEGACY_V2
        self.meter = EnergyMeter()
        self.history = [(START - timedelta(days=1), self.meter)]
        self.totals: list[tuple[float, int, float]] = []
        self.runs = [Run(began=self.now, log=Path())]
        self.client: Listener | None = None
        # The plug as it is known: None after a drop, until it is reported again.
        self.plugged: bool | None = None
        self.unplugging: datetime | None = None
        self.passed = 0.0

    def _backend(self) -> Backend:
        changes = Changes()
        backend = Backend(
            self.clock,
            TokenStore(3600, rotate_refresh_tokens=False),
            changes,
            Journal(changes),
            self.faults,
            CloudOptions(),
        )
        backend.timers.later = lambda *_: None  # type: ignore[method-assign]
        FaultActions(backend)
        return backend

    @property
    def now(self) -> float:
        """The monotonic time."""
        return self.clock.now().timestamp()

    def live(self) -> None:
        """Let a while pass in which anything happens, and then nothing bad any more."""
        self.connect()
        self._pass(20)
        actions = [self._drive, self._fail, self._drop, self._restart]
        for action in self.chance.choices(actions, [4, 4, 1, 1], k=24):
            self._pass(self.chance.choice([2, 5, 12, 40]) * self.chance.random())
            action()
        self.faults.clear()
        if not self._is_up:
            self._restart()
        if self.client is None:
            self.connect()
        self.charger.unplug()
        self.charger.app_apply(release=False)
        self._pass(20)
        self.charger.plug_in()
        self._pass(15)
        self.charger.unplug()
        self._pass(20)

    def connect(self) -> None:
        """Open a socket."""
        endpoint = Endpoint.IN_PROGRESS if self.is_legacy else Endpoint.SYNC
        self.client = Listener(endpoint, self._hear)
        wire = cast("Any", self.charger.wire)
        wire.clients.append(self.client)
        wire.greet(self.client)

    def _pass(self, seconds: float) -> None:
        end = self.passed + seconds
        while self.passed < end:
            tick = (self.passed // TICK + 1) * TICK
            step = min(tick, end) - self.passed
            self.passed = min(tick, end)
            self.clock.advance(step)
            self.charger.catch_up()
            if self.passed == tick:
                cast("Any", self.charger.wire).tick()

    def _drive(self) -> None:
        charger, chance = self.charger, self.chance
        if not charger.plugged:
            charger.plug_in(needs_wh=chance.choice([chance.uniform(2, 40), 50_000]))
            return
        match chance.randrange(5):
            case 0:
                charger.app_apply(release=charger.release_state != "released")
            case 1:
                charger.set_mode(chance.choice(["eco", "super_eco", "boost"]))
            case 2:
                charger.car_full()
            case _:
                charger.unplug()
                charger.set_mode("boost")

    def _drop(self) -> None:
        if self.client is not None:
            cast("Any", self.charger.wire).clients.remove(self.client)
            self.client = self.plugged = self.unplugging = None
        elif self._is_up:
            self.connect()

    @property
    def _is_up(self) -> bool:
        return self.runs[-1].ended is None

    def _restart(self) -> None:
        if not self._is_up:
            self.runs.append(Run(began=self.now, log=Path()))
            self.connect()
            return
        if self.client is not None:
            self._drop()
        run = self.runs[-1]
        run.ended, run.killed = self.now, self.chance.random() < 0.5
        if run.killed:
            saved = self.clock.now() - timedelta(seconds=UNSAVED * self.chance.random())
            self.meter = [meter for at, meter in self.history if at <= saved][-1]
            self.history = [(START - timedelta(days=1), self.meter)]

    def _fail(self) -> None:
        chance = self.chance
        (fault,) = chance.choices(
            [Fault.WH_NOISE, Fault.PARTIAL_SESSION, Fault.STALL], [8, 2, 1]
        )
        options: dict[str, Any] = {}
        if self.faults.find(fault, self.charger) is not None:
            self.faults.disable(fault, charger=self.charger)
            return
        if fault is Fault.WH_NOISE:
            options = {
                "mode": chance.choice(MODES),
                "frames": chance.choice([0, 1, 2, 3, 8]),
                "between": chance.choice([1, 2, 3, 6]),
                "level": chance.randrange(4),
                "idle": chance.random() < 0.5,
            }
        elif fault is Fault.PARTIAL_SESSION:
            options = {"fields": [chance.choice(["watt_hours", "charging"])]}
        self.faults.enable_with(fault, options, charger=self.charger)

    def _hear(self, frame: dict[str, Any]) -> None:
        if frame.get("method") == "get.pilot_status":
            self._report(frame["params"]["pilot_status"])
        params = frame.get("params") if "method" in frame else frame
        if not isinstance(params, dict) or "watt_hours" not in params:
            return
        charging = params.get("charging")
        reading = Reading(
            at=self.clock.now(),
            watt_hours=params["watt_hours"],
            charging=self.meter.charging if charging is None else charging,
            session_id=params.get("session"),
            plugged=None if self.is_legacy else self._plug(charging=charging),
        )
        self.meter = self.read(self.meter, reading)
        self.history.append((reading.at, self.meter))
        self.totals.append((self.now, self.meter.total, self.charger.delivered_wh))

    def _report(self, pilot: str) -> None:
        if pilot != "A":
            self.plugged, self.unplugging = True, None
        elif self.plugged:
            self.unplugging = self.unplugging or self.clock.now()
        else:
            self.plugged = False

    def _plug(self, *, charging: bool | None) -> bool | None:
        """Return the plug: a car that charges has one, a short absence is none."""
        if self.unplugging is None:
            self.plugged = True if charging else self.plugged
        elif self.clock.now() - self.unplugging >= HOLD and not charging:
            self.plugged, self.unplugging = False, None
        return self.plugged

    def verdict(self) -> Iterator[str]:
        """Yield what the judge has against the meter."""
        box = Wallbox(charger=self.charger, device_id="device", ids={})
        sessions = truths(box, self.runs)
        wrong = surpluses(self.charger.wire.live_frames)
        told = sum(session.told for session in sessions)
        if self.meter.total < told - ROUNDING * len(sessions):
            yield f"{told - self.meter.total} Wh are lost"
        for at, total, delivered in self.totals:
            surplus = sum(item.watt_hours for item in wrong if item.at <= at)
            if total > delivered + surplus + ROUNDING:
                yield f"{total - delivered - surplus:.0f} Wh too much"
                return


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Read], list[str]]:
    """Return what lives a day and judges it."""

    def judge(seed: int, read: Read) -> list[str]:
        day = Day(seed, read)
        clock = SimpleNamespace(monotonic=lambda: day.now, time=lambda: day.now)
        monkeypatch.setattr(sockets, "time", clock)
        monkeypatch.setattr(_soak_energy, "time", clock)
        day.runs[0].began = day.now
        day.live()
        return list(day.verdict())

    return judge


@pytest.mark.parametrize("seed", range(0, 200, 20))
async def test_the_meter_keeps_what_the_judge_demands(
    judged: Callable[[int, Read], list[str]], seed: int
) -> None:
    broken = {
        number: judged(number, EnergyMeter.read) for number in range(seed, seed + 20)
    }
    assert not {number: what for number, what in broken.items() if what}


def believe(meter: EnergyMeter, reading: Reading) -> EnergyMeter:
    """Take every count for true."""
    return EnergyMeter(total=max(meter.total, reading.watt_hours))


def forget(meter: EnergyMeter, reading: Reading) -> EnergyMeter:
    """Count up once only, though sessions begin at nothing."""
    count = min(reading.watt_hours, 100)
    return EnergyMeter(total=max(meter.total, count))


def repeat(meter: EnergyMeter, reading: Reading) -> EnergyMeter:
    """Count anew whatever comes back after a drop."""
    growth = reading.watt_hours - (meter.count or 0)
    more = growth if 0 < growth < 1000 else 0
    return EnergyMeter(total=meter.total + more, count=reading.watt_hours)


@pytest.mark.parametrize(
    ("read", "what"), [(believe, "too much"), (forget, "lost"), (repeat, "too much")]
)
async def test_the_judge_finds_a_meter_that_is_wrong(
    judged: Callable[[int, Read], list[str]], read: Read, what: str
) -> None:
    broken = [sentence for seed in range(20) for sentence in judged(seed, read)]
    assert any(what in sentence for sentence in broken)
