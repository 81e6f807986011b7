"""What goes out to the cloud while nothing happens: an hour that passes fast."""

import asyncio
from typing import Final

from tests.fast_time import fast_time, pushing
from tests.simulator import Personality

from .figures import RUNS, Figure, Run
from .rig import one_charger

_HOUR: Final = 3600.0
_PUSH_INTERVAL: Final = 3.0
# What the design asks for. Twelve polls and one login renewed: of a V3 each poll asks
# for settings, schedule and mode, and the new socket for name and firmware as well;
# a legacy V2 is asked for its dialect, and for its schedule over REST.
MOST_FRAMES: Final = {Personality.V3: 12 * 3 + 6, Personality.LEGACY_V2: 12 * 2 + 5}
MOST_REQUESTS: Final = {Personality.V3: 2, Personality.LEGACY_V2: 2 + 12 + 1}


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    figures = []
    for personality in MOST_FRAMES:
        traffic = [await idle_hour(personality) for _ in range(1 if short else RUNS)]
        figures += [
            Figure(
                name=f"frames sent in an idle hour, {personality}",
                unit="",
                runs=[Run(value=frames) for frames, _ in traffic],
                target=MOST_FRAMES[personality],
            ),
            Figure(
                name=f"requests made in an idle hour, {personality}",
                unit="",
                runs=[Run(value=requests) for _, requests in traffic],
                target=MOST_REQUESTS[personality],
            ),
        ]
    return figures


async def idle_hour(personality: Personality) -> tuple[int, int]:
    """Return how many frames and requests an hour takes, the first one left out."""
    with fast_time(asyncio.get_running_loop()):
        async with (
            one_charger(personality=personality) as (cloud, _, _),
            pushing(cloud, _PUSH_INTERVAL),
        ):
            await asyncio.sleep(_HOUR)
            cloud.frames.clear()
            cloud.requests.clear()
            await asyncio.sleep(_HOUR)
            return len(cloud.frames), len(cloud.requests)
