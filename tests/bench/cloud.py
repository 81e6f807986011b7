"""The cloud of `crowd`, in a process of its own: `python -m tests.bench.cloud COUNT`.

It tells where it is, and then for each number of seconds it reads has every charger
push once a second, evenly spread, and tells how many pushes that were.
"""

import asyncio
from collections.abc import Sequence
import json
import sys
import time

from tests.simulator import SimulatedCharger, SimulatedCloud

from .frames import READINGS, session_frame
from .rig import PASSWORD, USERNAME


async def _push(chargers: Sequence[SimulatedCharger], seconds: float) -> int:
    begin, count = time.monotonic(), round(seconds)
    for turn in range(count):
        for number, charger in enumerate(chargers):
            due = begin + turn + number / len(chargers)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sent = time.monotonic() * 1000
            charger.push(session_frame(turn % 2, READINGS, house_power=sent))
    # Nothing more than a moment after the last one.
    await asyncio.sleep(1 / len(chargers))
    return count * len(chargers)


async def _serve(count: int) -> None:
    async with SimulatedCloud(push_interval=None) as cloud:
        account = cloud.add_account(USERNAME, PASSWORD)
        chargers = [account.add_charger() for _ in range(count)]
        ids = [charger.charger_id for charger in chargers]
        print(json.dumps({"url": cloud.url, "charger_ids": ids}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(await _push(chargers, float(line)), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
