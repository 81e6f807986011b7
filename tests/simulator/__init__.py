"""A simulator of the Hypervolt cloud on localhost (protocol.md 14).

An independent oracle for the tests and the engine of the demo: it knows the
protocol from the document only and shares no code with the integration.

    async with SimulatedCloud(push_interval=0.1) as cloud:
        charger = cloud.add_account("me@example.com", "pw").add_charger(Personality.V3)
        ...  # point a client at cloud.url
        charger.plug_in()
        await cloud.wait_for(lambda: charger.logged_in_sockets)
        cloud.faults.enable(Fault.CONFLICT, count=1)

`python -m tests.simulator` runs one for a person; `/simulator` is its page.
"""

from .backend import Account
from .charger import LiveFrame, SimulatedCharger
from .clock import Clock, ManualClock, RealClock, ScaledClock
from .cloud import SimulatedCloud
from .faults import FAULTS, ActiveFault, Fault, FaultBoard
from .journal import RecordedFrame, RecordedRequest
from .options import CloudOptions
from .schedule import Interval, Listing, RestSchedule, Schedule, Session
from .vocabulary import (
    BATTERY_SAFE_FEATURE,
    WEEK,
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
    "WEEK",
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
    "Listing",
    "LiveFrame",
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
