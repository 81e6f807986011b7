"""What is sent and what is reported while nothing happens: an hour that passes fast."""

import asyncio
from dataclasses import dataclass
from typing import Final

from tests.fast_time import fast_time, pushing
from tests.simulator import Personality

from .figures import RUNS, Figure, Run
from .pushes import watching_writes
from .rig import one_charger

_HOUR: Final = 3600.0
_PUSH_INTERVAL: Final = 3.0
# What the design asks for. Twelve polls and one login renewed: of a V3 each poll asks
# for settings, schedule and mode, and the new socket for name and firmware as well;
# a legacy V2 is asked for its dialect, and for its schedule over REST.
MOST_FRAMES: Final = {Personality.V3: 12 * 3 + 6, Personality.LEGACY_V2: 12 * 2 + 5}
MOST_REQUESTS: Final = {Personality.V3: 2, Personality.LEGACY_V2: 2 + 12 + 1}

# Measurements, and the total energy: a V3 has four powers, current and voltage, a legacy
# V2 the last two. Equal values are reported every 20 s; 30 s is the longest allowed.
MEASUREMENTS: Final = {Personality.V3: 6 + 1, Personality.LEGACY_V2: 2 + 1}
MOST_REPORTS: Final = {name: count * 180 for name, count in MEASUREMENTS.items()}
LEAST_REPORTS: Final = {name: count * 120 for name, count in MEASUREMENTS.items()}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What an hour takes."""

    frames: int
    requests: int
    reports: int
    changes: int


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    figures = []
    for personality in MOST_FRAMES:
        hours = [await idle_hour(personality) for _ in range(1 if short else RUNS)]
        figures += [
            Figure(
                name=f"frames sent in an idle hour, {personality}",
                unit="",
                runs=[Run(value=hour.frames) for hour in hours],
                target=MOST_FRAMES[personality],
            ),
            Figure(
                name=f"requests made in an idle hour, {personality}",
                unit="",
                runs=[Run(value=hour.requests) for hour in hours],
                target=MOST_REQUESTS[personality],
            ),
            Figure(
                name=f"equal values reported in an idle hour, {personality}",
                unit="",
                runs=[Run(value=hour.reports) for hour in hours],
                target=MOST_REPORTS[personality],
            ),
        ]
    return figures


async def idle_hour(personality: Personality) -> Traffic:
    """Return what an hour takes, the first one left out."""
    with fast_time(asyncio.get_running_loop()):
        async with (
            one_charger(personality=personality) as (cloud, _, rig),
            pushing(cloud, _PUSH_INTERVAL),
        ):
            await asyncio.sleep(_HOUR)
            cloud.frames.clear()
            cloud.requests.clear()
            with watching_writes(rig.hass) as writes:
                await asyncio.sleep(_HOUR)
            return Traffic(
                frames=len(cloud.frames),
                requests=len(cloud.requests),
                reports=len(writes.reported),
                changes=len(writes.changed),
            )
