"""Many chargers in one Home Assistant: what they take, and how late they show.

The cloud has a process of its own, so that only Home Assistant's side is measured.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import sys
import time
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from .commands import bare_socket, bare_token
from .figures import RUNS, Figure, Run
from .frames import KEYS
from .rig import home_assistant, set_up_all

_COUNTS: Final = (1, 10, 50)
_HEARTBEAT: Final = 0.005
_BLOCKED: Final = 50.0
_LINEAR: Final = 1.2
# Carries when a push was sent; the only one that does not just alternate.
_CLOCK: Final = "house_power"


@dataclass
class Load:
    """What a stretch of pushes took."""

    pushes: int = 0
    cpu_share: float = 0.0
    delays: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)

    def delay(self, share: float) -> float:
        """Return the milliseconds that this share of the pushes kept to."""
        return sorted(self.delays)[int((len(self.delays) - 1) * share)]


class Cloud:
    """The process that the simulated cloud and its chargers run in."""

    def __init__(
        self, process: asyncio.subprocess.Process, url: str, charger_ids: list[str]
    ) -> None:
        """Take what `running_cloud` has learnt."""
        self.url = url
        self.charger_ids = charger_ids
        self._process = process

    async def push(self, seconds: float) -> int:
        """Have every charger push once a second; return how often that was."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{seconds}\n".encode())
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def running_cloud(chargers: int) -> AsyncGenerator[Cloud]:
    """Start a cloud, and end it by closing its input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.cloud",
        str(chargers),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        told = json.loads(await process.stdout.readline())
        yield Cloud(process, told["url"], told["charger_ids"])
    finally:
        process.stdin.close()
        await process.wait()


@contextmanager
def _watching(hass: HomeAssistant, load: Load) -> Iterator[None]:
    """Note how late each push shows."""

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and _CLOCK in state.entity_id:
            load.delays.append(time.monotonic() * 1000 - float(state.state))

    stop = hass.bus.async_listen(EVENT_STATE_CHANGED, changed)
    try:
        yield
    finally:
        stop()


async def _load(hass: HomeAssistant, cloud: Cloud, seconds: float) -> Load:
    """Let the chargers push, and watch Home Assistant and its loop meanwhile."""
    load = Load()
    # Whatever comes with the first push of all is over then.
    await cloud.push(1.0)
    with _watching(hass, load):
        begin, cpu = time.monotonic(), time.process_time()
        load.pushes = await cloud.push(seconds)
        load.cpu_share = (time.process_time() - cpu) / (time.monotonic() - begin)
        # The heartbeat takes more than a charger: it is no part of the share.
        heart = asyncio.create_task(_beat(load))
        again = await cloud.push(seconds)
        await asyncio.sleep(0.1)
        heart.cancel()
    assert len(load.delays) == load.pushes + again, "a push was lost"
    return load


async def _beat(load: Load) -> None:
    """Note how late a timer is: for so long something else held the loop."""
    while True:
        due = time.monotonic() + _HEARTBEAT
        await asyncio.sleep(_HEARTBEAT)
        load.lateness.append((time.monotonic() - due) * 1000)


async def _ours(cloud: Cloud, seconds: float) -> Load:
    async with home_assistant(cloud.url) as hass:
        await set_up_all(hass, cloud.charger_ids)
        return await _load(hass, cloud, seconds)


async def _bare(cloud: Cloud, seconds: float) -> Load:
    """Decode and set the states that differ, with nothing around it."""
    async with home_assistant(cloud.url) as hass, AsyncExitStack() as stack:
        token = await bare_token(cloud.url)
        tasks = [
            asyncio.create_task(
                _show(
                    hass,
                    number,
                    await stack.enter_async_context(
                        bare_socket(cloud.url, charger_id, token)
                    ),
                )
            )
            for number, charger_id in enumerate(cloud.charger_ids)
        ]
        load = await _load(hass, cloud, seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return load


async def _show(hass: HomeAssistant, number: int, socket: ClientConnection) -> None:
    before: dict[str, object] = {}
    try:
        async for text in socket:
            readings = json.loads(text)["params"]
            for name, keys in KEYS.items():
                if readings[name] != before.get(name):
                    for key in keys:
                        hass.states.async_set(
                            f"sensor.bare_{number}_{key}", str(readings[name]), {}
                        )
            before = readings
    except ConnectionClosed:
        pass


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    seconds, rounds = (1.0, 1) if short else (6.0, RUNS)
    counts = _COUNTS[:2] if short else _COUNTS
    figures: list[Figure] = []
    per_push: dict[int, list[float]] = {}
    for count in counts:
        async with running_cloud(count) as cloud:
            loads = [
                (await _ours(cloud, seconds), await _bare(cloud, seconds))
                for _ in range(rounds)
            ]
        per_push[count] = [ours.cpu_share * seconds / ours.pushes for ours, _ in loads]
        figures += _figures(f"{count} charger{'s' if count > 1 else ''}", loads)
    first, last = counts[1], counts[-1]
    if last > first:
        figures.append(
            Figure(
                name=f"processor for a push of {last} chargers, to one of {first}",
                unit="µs",
                runs=[
                    Run(value=many * 1e6, floor=few * 1e6)
                    for many, few in zip(per_push[last], per_push[first], strict=True)
                ],
                target=_LINEAR,
            )
        )
    return figures


def _figures(who: str, loads: list[tuple[Load, Load]]) -> list[Figure]:
    return [
        Figure(
            name=f"{who} at a push a second: processor",
            unit="%",
            runs=[
                Run(value=ours.cpu_share * 100, floor=bare.cpu_share * 100)
                for ours, bare in loads
            ],
        ),
        Figure(
            name=f"{who}: push to state, 99 of 100 within",
            unit="ms",
            runs=[
                Run(value=ours.delay(0.99), floor=bare.delay(0.99))
                for ours, bare in loads
            ],
        ),
        Figure(
            name=f"{who}: longest time the loop was held up",
            unit="ms",
            runs=[Run(value=max(ours.lateness)) for ours, _ in loads],
            target=_BLOCKED,
        ),
    ]
