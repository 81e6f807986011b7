"""Whether a charger may charge now, and what a person would say it is doing.

| word | is said when |
| --- | --- |
| `charging` | it charges |
| `force_stopped` | a person has stopped it; that also keeps the next car waiting |
| `unplugged` | there is no car |
| `locked` | it is locked: a car that comes to a locked charger is not charged |
| `waiting_for_schedule` | there is a car, and the schedule or Octopus says not now |
| `finished` | there is a car that took no more, though it may charge |
| `waiting_for_solar` | there is a car, and the mode charges from the sun alone |
| `ready` | nothing is known to stand in the way |

The first that fits is said. A legacy V2 does not tell of its plug: there is no talk of
a car then. Without knowing whether it charges nothing is said at all.
"""

from datetime import datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Final

from .device_state import (
    HypervoltActivationMode,
    HypervoltChargeMode,
    HypervoltDeviceState,
    HypervoltLockState,
    HypervoltReleaseState,
    PilotState,
)
from .schedule import Occurrence, Schedule, next_occurrence

# Modes in which the charger waits for more sun than the house needs (protocol.md 7).
SOLAR_MODES: Final = frozenset(
    {HypervoltChargeMode.SUPER_ECO, HypervoltChargeMode.SUPER_ECO_BATTERY_SAFE}
)
_PLANNED: Final = (HypervoltActivationMode.SCHEDULE, HypervoltActivationMode.OCTOPUS)


class Readiness(StrEnum):
    """What a charger is doing; the table above says when."""

    CHARGING = "charging"
    FORCE_STOPPED = "force_stopped"
    UNPLUGGED = "unplugged"
    LOCKED = "locked"
    WAITING_FOR_SCHEDULE = "waiting_for_schedule"
    FINISHED = "finished"
    WAITING_FOR_SOLAR = "waiting_for_solar"
    READY = "ready"


def is_plugged(state: HypervoltDeviceState) -> bool | None:
    """Whether a car is plugged in; None until the charger has said so once."""
    return None if state.pilot is None else state.pilot is not PilotState.UNPLUGGED


def next_window(schedule: Schedule, at: datetime, zone: tzinfo) -> Occurrence | None:
    """Return the charging window that is running or comes next, to the minute."""
    return _window_at(schedule, at.replace(second=0, microsecond=0), zone)


@lru_cache(maxsize=64)
def _window_at(schedule: Schedule, minute: datetime, zone: tzinfo) -> Occurrence | None:
    """Reckon once a minute: chargers tell something every few seconds."""
    return next_occurrence(schedule, after=minute, zone=zone)


def mode_in_force(
    state: HypervoltDeviceState, at: datetime, zone: tzinfo
) -> str | None:
    """Return the charge mode by which the charger may charge at a moment.

    None while the schedule says not now, or the mode is not known. In a window the mode
    is the session's own on the V3 API (protocol.md 7).
    """
    schedule = _obeyed(state)
    if schedule is None:
        return state.charge_mode
    window = _running_window(schedule, at, zone)
    if window is None:
        return None
    return state.charge_mode if state.plug_and_charge_mode is None else window.mode


def charge_mode_with_sessions(
    state: HypervoltDeviceState, at: datetime, zone: tzinfo
) -> str | None:
    """Return the charge mode of a charger whose sessions have their own, the V3 API's.

    During a window it is the session's. Between windows it is Plug and Charge's, which
    is kept, and not known while Octopus chooses (protocol.md 7).
    """
    schedule = _obeyed(state)
    if schedule is None:
        return state.charge_mode
    if (window := _running_window(schedule, at, zone)) is not None:
        return window.mode
    octopus = state.activation_mode is HypervoltActivationMode.OCTOPUS
    return None if octopus else state.charge_mode


def schedule_forbids(state: HypervoltDeviceState, at: datetime, zone: tzinfo) -> bool:
    """Whether a schedule is in force that says not now."""
    schedule = _obeyed(state)
    return schedule is not None and _running_window(schedule, at, zone) is None


def _obeyed(state: HypervoltDeviceState) -> Schedule | None:
    """Return the schedule if it is in force."""
    return state.schedule if state.activation_mode in _PLANNED else None


def _running_window(
    schedule: Schedule, at: datetime, zone: tzinfo
) -> Occurrence | None:
    window = next_window(schedule, at, zone)
    return window if window is not None and window.start <= at else None


def readiness(
    state: HypervoltDeviceState, at: datetime, zone: tzinfo, *, finished: bool
) -> Readiness | None:
    """Return what the charger is doing; `finished` is whether the car took no more."""
    if state.charging:
        return Readiness.CHARGING
    if state.release_state is HypervoltReleaseState.RELEASED:
        return Readiness.FORCE_STOPPED
    if is_plugged(state) is False:
        return Readiness.UNPLUGGED
    if state.charging is None:
        return None
    if state.lock_state is HypervoltLockState.LOCKED:
        return Readiness.LOCKED
    return _waiting_for(state, at, zone, finished=finished)


def _waiting_for(
    state: HypervoltDeviceState, at: datetime, zone: tzinfo, *, finished: bool
) -> Readiness:
    """Return what a car waits for, if there is one."""
    if is_plugged(state) is None:
        return Readiness.READY
    if schedule_forbids(state, at, zone):
        return Readiness.WAITING_FOR_SCHEDULE
    if finished:
        return Readiness.FINISHED
    if mode_in_force(state, at, zone) in SOLAR_MODES:
        return Readiness.WAITING_FOR_SOLAR
    return Readiness.READY
