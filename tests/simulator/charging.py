"""The physics: a car, a ramp, energy and the power balance (protocol.md 10, 11)."""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from .vocabulary import ChargeMode, Pilot

VOLTS: Final = 238.0
MIN_AMPS: Final = 6.0
"""Below six amperes no car charges."""
RAMP_AMPS_PER_SECOND: Final = 8.0
FLOW_THRESHOLD_WATTS: Final = 50.0
"""From which power on `energy_flow` names a flow (protocol.md 6.2, a guess)."""


@dataclass(slots=True)
class Car:
    """A plugged-in car that takes `needs_wh` more until it is full."""

    battery_wh: float
    needs_wh: float

    @property
    def is_full(self) -> bool:
        """Whether it takes nothing more."""
        return self.needs_wh <= 1e-6


@dataclass(frozen=True, slots=True)
class FinishedSession:
    """What one charging session really delivered."""

    number: int
    started: datetime
    ended: datetime
    watt_hours: float
    peak_watts: float


@dataclass(frozen=True, slots=True)
class PowerBalance:
    """house + ev = grid + generation; the house is without the car here."""

    house: float
    ev: float
    grid: float
    generation: float

    def without_car(self) -> PowerBalance:
        """Return the balance as if the car took nothing."""
        return PowerBalance(self.house, 0.0, self.grid - self.ev, self.generation)

    def flows(self) -> list[str]:
        """Return the `energy_flow` words; the sun serves house, car, grid in turn."""
        to_house = min(self.generation, self.house)
        to_ev = min(self.generation - to_house, self.ev)
        amounts = {
            "grid_to_house": self.house - to_house,
            "grid_to_ev": self.ev - to_ev,
            "solar_to_house": to_house,
            "solar_to_ev": to_ev,
            "solar_to_grid": self.generation - to_house - to_ev,
        }
        return [
            name for name, watts in amounts.items() if watts >= FLOW_THRESHOLD_WATTS
        ]


class ChargePoint:
    """The socket on the wall: what flows into the car, moment by moment."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.car: Car | None = None
        self.house_load = 400.0
        self.solar = 0.0
        self.charging = False
        self.session_open = False
        self.session_number = 0
        self.session_wh = 0.0
        self.delivered_wh = 0.0
        self.plugged_wh = 0.0
        """What the car has got since it was plugged in, in one session or several."""
        self.plugged_session = 0
        """The number of the first of these sessions."""
        self.finished: list[FinishedSession] = []
        self._target = 0.0
        self._ramp = 0.0
        self._sag = 0.0
        self._volts = VOLTS
        self._started: datetime | None = None
        self._peak = 0.0

    @property
    def pilot(self) -> Pilot:
        """The true pilot state."""
        if self.car is None:
            return Pilot.UNPLUGGED
        return Pilot.CHARGING if self.charging else Pilot.PLUGGED

    @property
    def amps(self) -> float:
        """The current into the car; never above what was asked for."""
        return max(0.0, self._ramp - self._sag) if self.charging else 0.0

    @property
    def volts(self) -> float:
        """The mains voltage."""
        return self._volts

    @property
    def ev_watts(self) -> float:
        """The power into the car."""
        return self.amps * self._volts

    @property
    def balance(self) -> PowerBalance:
        """The power balance of house, car, grid and sun."""
        ev = self.ev_watts
        return PowerBalance(
            self.house_load, ev, self.house_load + ev - self.solar, self.solar
        )

    def connect(self, car: Car) -> None:
        """Plug a car in."""
        self.car = car
        self.plugged_wh = 0.0
        self.plugged_session = self.session_number + 1

    def target_amps(self, mode: str | None, max_amps: float) -> float:
        """Return the current a mode asks for now; 0 is "do not charge"."""
        if mode is None or self.car is None or self.car.is_full:
            return 0.0
        if mode == ChargeMode.BOOST:
            return max_amps
        surplus = min(max_amps, max(0.0, self.solar - self.house_load) / VOLTS)
        if mode == ChargeMode.ECO:
            return max(MIN_AMPS, surplus)
        return surplus if surplus >= MIN_AMPS else 0.0

    def begin(self, now: datetime) -> None:
        """Start the flow; a new session unless one only waited for the sun."""
        self.charging = True
        self._ramp = 0.0
        if not self.session_open:
            self.session_open = True
            self.session_number += 1
            self.session_wh = 0.0
            self._started = now
            self._peak = 0.0

    def pause(self) -> None:
        """Stop the flow; the session goes on."""
        self.charging = False
        self._ramp = self._target = 0.0

    def finish(self, now: datetime) -> None:
        """End the session, whether it flows or waits."""
        self.pause()
        if not self.session_open:
            return
        self.session_open = False
        self.finished.append(
            FinishedSession(
                self.session_number,
                self._started or now,
                now,
                self.session_wh,
                self._peak,
            )
        )

    def aim(self, amps: float) -> None:
        """Set the current to ramp to; less is taken at once."""
        self._target = amps
        self._ramp = min(self._ramp, amps)

    def run(self, seconds: float) -> float:
        """Let at most `seconds` pass; return how many did.

        Shorter if the ramp ends or the car gets full on the way, so that the
        energy is the exact integral of the power.
        """
        if not self.charging or self.car is None:
            return seconds
        before = self.ev_watts
        self._sag = self._random.uniform(0.0, 0.006) * self._target
        self._volts = VOLTS + self._random.uniform(-0.8, 0.8)
        rising = self._target - self._ramp
        if rising > 1e-9:
            seconds = min(seconds, rising / RAMP_AMPS_PER_SECOND)
            self._ramp = min(self._target, self._ramp + RAMP_AMPS_PER_SECOND * seconds)
        watts = (before + self.ev_watts) / 2
        if watts > 0:
            seconds = min(seconds, self.car.needs_wh * 3600 / watts)
        energy = watts * seconds / 3600
        self._peak = max(self._peak, watts)
        self.session_wh += energy
        self.delivered_wh += energy
        self.plugged_wh += energy
        self.car.needs_wh -= energy
        return seconds
