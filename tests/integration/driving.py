"""Driving a simulated charger through compressed time, frame by frame."""

from datetime import datetime, timedelta
from functools import partial

from homeassistant.config_entries import ConfigEntryState

from tests.conftest import Rig

from .time_machine import TimeMachine


async def tell(rig: Rig, machine: TimeMachine, times: int = 1) -> None:
    """Have the charger tell of its session, and everybody hear it."""
    for _ in range(times):
        heard = partial(_heard_since, rig, machine.now)
        rig.cloud.push_sessions()
        if rig.charger.sockets and rig.entry.state is ConfigEntryState.LOADED:
            await machine.until(heard)
        await machine.settle()


async def frames_until(
    rig: Rig, machine: TimeMachine, moment: datetime, step: timedelta
) -> None:
    """Let time pass, with a frame at each step.

    Ten seconds after each full hour the recorder makes its statistics.
    """
    while machine.now < moment:
        hour = machine.now.replace(minute=0, second=10, microsecond=0)
        if hour <= machine.now:
            hour += timedelta(hours=1)
        await machine.leap_to(min(machine.now + step, moment, hour))
        await tell(rig, machine)


def _heard_since(rig: Rig, moment: datetime) -> bool:
    last = rig.coordinator.client.last_message
    return last is not None and last >= moment
