"""A simulator of the Hypervolt cloud on localhost (protocol.md 14).

An independent oracle for the tests and the engine of the demo: it knows the
protocol from the document only and shares no code with the integration.
"""

from .backend import Account
from .charger import SimulatedCharger
from .clock import Clock, ManualClock, RealClock, ScaledClock
from .cloud import SimulatedCloud
from .faults import FAULTS, ActiveFault, Fault, FaultBoard
from .journal import RecordedFrame, RecordedRequest
from .options import CloudOptions
from .schedule import Interval, RestSchedule, Schedule, Session
from .vocabulary import (
    BATTERY_SAFE_FEATURE,
    ChargeMode,
    Confirm,
    Effect,
    IdleWattHours,
    LockState,
    LoginFailure,
    Personality,
    Pilot,
    ReleaseState,
)

__all__ = [
    "BATTERY_SAFE_FEATURE",
    "FAULTS",
    "Account",
    "ActiveFault",
    "ChargeMode",
    "Clock",
    "CloudOptions",
    "Confirm",
    "Effect",
    "Fault",
    "FaultBoard",
    "IdleWattHours",
    "Interval",
    "LockState",
    "LoginFailure",
    "ManualClock",
    "Personality",
    "Pilot",
    "RealClock",
    "RecordedFrame",
    "RecordedRequest",
    "ReleaseState",
    "RestSchedule",
    "ScaledClock",
    "Schedule",
    "Session",
    "SimulatedCharger",
    "SimulatedCloud",
]
