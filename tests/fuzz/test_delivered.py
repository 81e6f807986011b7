"""Whatever a counter does, the lifetime's energy only rises and is the truth."""

from datetime import UTC, datetime, timedelta
import json
from typing import Final, override

from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
import hypothesis.strategies as st

from custom_components.hypervolt_charger.energy_store import (
    Books,
    books_from_json,
    to_json,
)
from custom_components.hypervolt_charger.hypervolt.energy import EnergyMeter, Reading

from .cases import many

# What flows between two frames at the most: 22 kW for ten seconds.
ONE_READING: Final = 22_000 * 10 / 3600
# Counts are whole numbers.
ROUNDING: Final = 1

STEPS = st.integers(3, 10)
POWERS = st.integers(0, 22_000)


class MeterMachine(RuleBasedStateMachine):
    """A charger that delivers energy and tells of it badly, and a meter."""

    @initialize(numbered=st.booleans(), keeps_total=st.booleans())
    def install(self, numbered: bool, keeps_total: bool) -> None:
        """Set out; a V2 numbers its sessions, and some show the last total while idle.

        Who neither numbers them nor shows none while idle tells of its plug.
        """
        self.numbered = numbered
        self.keeps_total = keeps_total
        self.now = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
        self.delivered = self.told = 0.0
        self.number = 1
        self.anew = False
        self.charging = False
        self.plugged = True
        self.meter = EnergyMeter()
        self.last: Reading | None = None
        self.highest = 0
        self.settle()

    def tell(self, offset: int = 0) -> None:
        """Tell a frame; the count may be wrong by an offset."""
        shown = int(self.told) if self.charging or self.keeps_total else 0
        self.show(max(shown + offset, 0), charging=self.charging)

    def show(self, watt_hours: int, *, charging: bool = True) -> None:
        """Tell a frame with any count."""
        self.hear(
            Reading(
                at=self.now,
                watt_hours=watt_hours,
                charging=charging,
                session_id=self.number if self.numbered else None,
                plugged=self.plugged,
            )
        )

    def catch_up(self, seconds: float, watts: float) -> None:
        """Report on until a count that stood still can have grown so much."""
        for _ in range(int(seconds * watts / 3000 / 3) + 1):
            self.pass_time(3)
            self.tell()

    def hear(self, reading: Reading) -> None:
        self.last = reading
        self.meter = self.meter.read(reading)

    def pass_time(self, seconds: float, watts: float = 0) -> None:
        self.now += timedelta(seconds=seconds)
        self.delivered += watts * seconds / 3600
        self.told += watts * seconds / 3600

    def settle(self) -> None:
        """Say the same a few times: then it is no noise any more."""
        for _ in range(4):
            self.pass_time(3)
            self.tell()

    @precondition(lambda self: not self.charging)
    @rule(hidden_hours=st.integers(0, 10), watts=POWERS)
    def start(self, hidden_hours: int, watts: int) -> None:
        """Begin a session; its first hours may not be heard of."""
        self.plugged = self.charging = True
        self.number += 1
        self.told = 0.0
        self.pass_time(3600 * hidden_hours + 3, watts if hidden_hours else 0)
        self.tell()

    @precondition(lambda self: self.charging)
    @rule(seconds=STEPS, watts=POWERS, frames=st.integers(1, 5))
    def charge(self, seconds: int, watts: int, frames: int) -> None:
        for _ in range(frames):
            self.pass_time(seconds, watts)
            self.tell()

    @precondition(lambda self: self.charging and self.told < 200_000)
    @rule(minutes=st.integers(1, 600), watts=POWERS)
    def fall_silent(self, minutes: int, watts: int) -> None:
        """Deliver unheard within a session."""
        self.pass_time(60 * minutes, watts)
        self.tell()

    @precondition(lambda self: self.charging)
    @rule(watt_hours=st.integers(1, 50))
    def dip(self, watt_hours: int) -> None:
        self.pass_time(3)
        self.tell(-watt_hours)

    @precondition(lambda self: self.charging)
    @rule(watt_hours=st.integers(500, 100_000))
    def jump(self, watt_hours: int) -> None:
        self.tell(watt_hours)
        self.pass_time(3)
        self.tell()

    @precondition(lambda self: self.charging)
    @rule()
    def count_anew(self) -> None:
        """Begin to count within a session."""
        self.settle()
        self.anew = True
        self.told = 0.0
        self.settle()

    # As long as a session is no larger than what flows between two frames, its count
    # and that of a new one can't be told apart.
    @precondition(lambda self: self.charging and self.told > 2 * ONE_READING)
    @rule(
        seconds=STEPS,
        watts=POWERS,
        frames=st.integers(1, 6),
        times=st.integers(1, 3),
        idle=st.booleans(),
        level=st.integers(0, 5),
    )
    def drop_and_resume(
        self,
        *,
        seconds: int,
        watts: int,
        frames: int,
        times: int,
        idle: bool,
        level: int,
    ) -> None:
        """Show less within a session, zero mostly, and then what it has delivered."""
        for _ in range(times):
            for _ in range(frames):
                self.pass_time(seconds, 0 if idle else watts)
                self.show(level, charging=not idle)
            self.pass_time(seconds, watts)
            self.tell()
        # Followed by an outage it could be another session's: then nothing decides.
        self.settle()

    @precondition(lambda self: self.charging and self.told > 2 * ONE_READING)
    @rule(
        seconds=st.integers(0, 10),
        watts=POWERS,
        frames=st.integers(1, 8),
        more=st.integers(50_000, 10_000_000),
        grows=st.booleans(),
    )
    def show_too_much(
        self, seconds: int, watts: int, frames: int, more: int, grows: bool
    ) -> None:
        """Show an absurd count, or a lifetime's, which grows, in place of the session's."""
        shown = int(self.told) + more
        for _ in range(frames):
            self.pass_time(seconds, watts)
            self.show(int(self.told) + more if grows else shown)
        self.pass_time(3, watts)
        self.settle()

    # Not where there is an earlier count: what comes after could be that one's, too.
    @precondition(lambda self: self.charging and self.number == 2 and not self.anew)
    @rule(seconds=STEPS, watts=POWERS, frames=st.integers(1, 30))
    def stand_still(self, seconds: int, watts: int, frames: int) -> None:
        """Show the same count for a while, and then what it has become."""
        shown = int(self.told)
        for _ in range(frames):
            self.pass_time(seconds, watts)
            self.show(shown)
        self.tell()
        self.catch_up(seconds * frames, watts)

    @precondition(lambda self: self.last)
    @rule()
    def repeat(self) -> None:
        """Tell the last frame again."""
        assert self.last is not None
        self.hear(self.last)

    @precondition(lambda self: self.charging)
    @rule(pull=st.booleans())
    def stop(self, pull: bool) -> None:
        """End the session; a last frame tells its total."""
        self.pass_time(3)
        self.tell()
        self.charging = False
        self.plugged = not (pull or (self.keeps_total and not self.numbered))
        keeps, self.keeps_total = self.keeps_total, True
        self.tell()
        self.keeps_total = keeps
        self.settle()

    @precondition(lambda self: not self.charging)
    @rule()
    def show_otherwise(self) -> None:
        """Show the last total while idle, or no longer."""
        self.keeps_total = not self.keeps_total
        self.plugged = self.plugged and (self.numbered or not self.keeps_total)
        self.settle()

    @rule()
    def restart(self) -> None:
        """Restart Home Assistant."""
        text = json.dumps(to_json(Books(meter=self.meter)))
        self.meter = books_from_json(json.loads(text)).meter

    @invariant()
    def never_falls(self) -> None:
        assert self.meter.total >= self.highest
        self.highest = self.meter.total

    @override
    def teardown(self) -> None:
        self.settle()
        assert abs(self.meter.total - self.delivered) <= ONE_READING + ROUNDING


MeterMachine.TestCase.settings = settings(
    many,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMeter = MeterMachine.TestCase
