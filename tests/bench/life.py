"""Set-up, unload, reconnect and the change of login, against bare sockets."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
import time
from typing import Final

from homeassistant.core import callback

from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.simulator import SimulatedCharger, SimulatedCloud

from .commands import ask, bare_socket, bare_token
from .figures import RUNS, Figure, Run
from .frames import session_frame
from .rig import Rig, one_charger

# Only our own part of a reconnect: the wait before it is a decision, not a cost.
_AT_ONCE: Final = Timing(backoff_first_min=0.0, backoff_first_max=0.0)
# Logins that are renewed every half a second.
_SHORT_LIVED: Final = Timing(token_margin=0.5)
_TOKEN_LIFE: Final = 1.0
_PUSH_PAUSE: Final = 0.002
# Seconds before and after a login that count as the change of login.
_AROUND: Final = 0.05


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    set_up, unload, reconnect = [], [], []
    async with one_charger(_AT_ONCE) as (cloud, charger, rig):
        for _ in range(RUNS):
            opened, settled, closed = await _bare_life(cloud, charger)
            unload.append(Run(value=await _unloading(rig), floor=closed))
            set_up.append(Run(value=await setting_up(cloud, rig), floor=settled))
            reconnect.append(Run(value=await _reconnecting(cloud, rig), floor=opened))
    gaps = [await _hand_over(1.0 if short else 5.0) for _ in range(RUNS)]
    return [
        Figure(name="set-up until live entities show", unit="ms", runs=set_up),
        Figure(name="unload", unit="ms", runs=unload),
        Figure(name="reconnect, its wait left out", unit="ms", runs=reconnect),
        Figure(
            name="longest silence at a change of login, to that at other times",
            unit="ms",
            runs=[Run(value=at_change, floor=else_) for at_change, else_, _ in gaps],
        ),
        Figure(
            name="pushes lost at a change of login",
            unit="",
            runs=[Run(value=lost) for _, _, lost in gaps],
            target=0,
        ),
    ]


async def _bare_life(
    cloud: SimulatedCloud, charger: SimulatedCharger
) -> tuple[float, float, float]:
    """Return the milliseconds to a login, from nothing to the settings, and to close."""
    begin = time.perf_counter()
    token = await bare_token(cloud.url)
    with_token = time.perf_counter()
    async with bare_socket(cloud.url, charger.charger_id, token) as socket:
        opened = time.perf_counter()
        await ask(socket, "sync.snapshot")
        settled = time.perf_counter()
    return (
        (opened - with_token) * 1000,
        (settled - begin) * 1000,
        (time.perf_counter() - settled) * 1000,
    )


async def setting_up(cloud: SimulatedCloud, rig: Rig) -> float:
    """Return the milliseconds until live readings show; a frame comes at once."""
    begin = time.perf_counter()
    await rig.set_up()
    cloud.push_sessions()
    await _told(rig, lambda: rig.coordinator.client.live)
    return (time.perf_counter() - begin) * 1000


async def _unloading(rig: Rig) -> float:
    begin = time.perf_counter()
    await rig.unload()
    return (time.perf_counter() - begin) * 1000


async def _reconnecting(cloud: SimulatedCloud, rig: Rig) -> float:
    """Return the milliseconds from a drop to the next logged-in socket."""
    client = rig.coordinator.client
    begin = time.perf_counter()
    await cloud.drop_all(abrupt=True)
    await _told(rig, lambda: not client.connected)
    await _told(rig, lambda: client.connected)
    return (time.perf_counter() - begin) * 1000


async def _told(rig: Rig, predicate: Callable[[], bool]) -> None:
    """Wait for what the coordinator tells its entities."""
    happened = asyncio.Event()

    @callback
    def look() -> None:
        if predicate():
            happened.set()

    stop = rig.coordinator.async_add_listener(look)
    look()
    try:
        async with asyncio.timeout(10):
            await happened.wait()
    finally:
        stop()


async def _hand_over(duration: float) -> tuple[float, float, int]:
    """Return the longest silences at a change of login and else, and what was lost."""
    async with one_charger(_SHORT_LIVED, token_life=_TOKEN_LIFE) as (
        cloud,
        charger,
        rig,
    ):
        heard: dict[int, float] = {}

        @callback
        def note() -> None:
            power = rig.coordinator.data.house_power
            if power is not None:
                heard.setdefault(int(power), time.time())

        stop = rig.coordinator.async_add_listener(note)
        number, end = 0, time.time() + duration
        while time.time() < end:
            number += 1
            charger.push(session_frame(house_power=number))
            await asyncio.sleep(_PUSH_PAUSE)
        await _told(rig, lambda: number in heard)
        stop()
        assert rig.coordinator.client.connected
        logins = [
            frame.when.timestamp() for frame in cloud.frames if frame.method == "login"
        ]
    changes = [when for when in logins if when > min(heard.values())]
    assert changes, "no change of login"
    at_change, otherwise = [0.0], [0.0]
    for before, after in pairwise(sorted(heard.values())):
        near = any(before - _AROUND <= when <= after + _AROUND for when in changes)
        (at_change if near else otherwise).append((after - before) * 1000)
    return max(at_change), max(otherwise), number - len(heard)
