"""Whether anything grows with the pushes: memory, tasks, timers."""

import asyncio
from dataclasses import dataclass
import gc
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev
import tracemalloc
from typing import Final

from homeassistant.core import HomeAssistant, callback

from tests.integration.entry_life import our_tasks, our_timers
from tests.simulator import SimulatedCharger

from .figures import Figure, Run
from .frames import READINGS, session_frame
from .rig import Rig, one_charger

_BATCHES: Final = 40
# Student's t for 95 %, two-sided, for one less than the batches.
_STUDENT: Final = 2.023
_LUMP: Final = 50
# A thing kept for each push would be many times as big.
_NOTHING: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What is more after the pushes than before."""

    pushes: int
    bytes_per_push: float
    margin: float  # half the 95 % confidence interval
    tasks: int
    timers: int


async def grow(pushes: int) -> Growth:
    """Push so often, over a real socket, and watch."""
    batch = max(_LUMP, pushes // _BATCHES)
    tracemalloc.start()
    try:
        async with one_charger() as (_, charger, rig):
            # Caches and free lists fill up first.
            number = await push(charger, rig, 0, max(20 * _LUMP, pushes // 4))
            before = waiting(rig.hass)
            sizes = [_size()]
            for _ in range(_BATCHES):
                number = await push(charger, rig, number, batch)
                sizes.append(_size())
            after = waiting(rig.hass)
    finally:
        tracemalloc.stop()
    # What is still in use at one look is so at the next, too: a line fitted to the
    # sizes would look far more certain than it is, their differences do not.
    steps = [(later - size) / batch for size, later in pairwise(sizes)]
    return Growth(
        pushes=_BATCHES * batch,
        bytes_per_push=mean(steps),
        margin=_STUDENT * stdev(steps) / sqrt(len(steps)),
        tasks=after[0] - before[0],
        timers=after[1] - before[1],
    )


def _size() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def waiting(hass: HomeAssistant) -> tuple[int, int]:
    """Count what waits in the event loop in our name."""
    return len(our_tasks()), len(our_timers(hass))


async def push(charger: SimulatedCharger, rig: Rig, number: int, count: int) -> int:
    """Push in lumps, and wait for the last of each."""
    coordinator = rig.coordinator
    for _ in range(count // _LUMP):
        number += _LUMP
        shown = asyncio.Event()

        @callback
        def look(wanted: int = number, shown: asyncio.Event = shown) -> None:
            if coordinator.data.grid_power == wanted:
                shown.set()

        stop = coordinator.async_add_listener(look)
        for step in range(number - _LUMP + 1, number + 1):
            # The same size at any time: numbers do not get longer.
            frame = session_frame(step % 2, READINGS, grid_power=step)
            charger.push(frame)
        await shown.wait()
        stop()
    return number


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    growth = await grow(2_000 if short else 100_000)
    slope, margin, name = (
        growth.bytes_per_push,
        growth.margin,
        f"{growth.pushes} pushes",
    )
    return [
        Figure(
            name=f"memory kept for each of {name}, 95 % interval",
            unit="bytes",
            runs=[Run(value=slope + way * margin) for way in (-1, 0, 1)],
            target=_NOTHING,
        ),
        Figure(
            name=f"tasks more after {name}",
            unit="",
            runs=[Run(value=growth.tasks)],
            target=0,
        ),
        Figure(
            name=f"timers more after {name}",
            unit="",
            runs=[Run(value=growth.timers)],
            target=0,
        ),
    ]
