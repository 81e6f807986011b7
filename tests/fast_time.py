"""Days that pass in seconds: only waiting is skipped, what happens takes its time."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
import math
import selectors
import time
from typing import Any

import pytest

from custom_components.hypervolt_charger.hypervolt.auth import HypervoltAuth
from custom_components.hypervolt_charger.hypervolt.connection import Connection
from custom_components.hypervolt_charger.hypervolt.liveness import Liveness
from custom_components.hypervolt_charger.hypervolt.plug import PlugTracker
from tests.simulator import SimulatedCloud

# Real seconds without any news after which everybody can be said to wait: sockets of
# one process hear of each other at once.
_QUIET = 0.0001
# Where time is frozen, sleeping is another thing.
_sleep = time.sleep
# What measures time by a clock of its own.
_CLOCKED = (Connection, HypervoltAuth, Liveness, PlugTracker)


class FastTime:
    """The monotonic clock of a loop whose waits end as soon as nothing is going on.

    Timers fire in their order and at their time, so that a day with the design's own
    numbers can be watched. Sockets and threads are waited for in real time.
    """

    def __init__(self, loop: asyncio.SelectorEventLoop) -> None:
        self._real = time.monotonic
        self._skipped = 0.0
        self._selector: selectors.BaseSelector = loop._selector  # type: ignore[attr-defined] # not public
        self._select = self._selector.select
        self._run_in_executor = loop.run_in_executor
        self._threads = 0

    def now(self) -> float:
        return self._real() + self._skipped

    def select(self, timeout: float | None = None) -> Any:
        """Wait for sockets, and skip the rest of a wait that nothing interrupts."""
        if timeout is None or timeout <= _QUIET or self._threads:
            return self._select(timeout)
        events = self._select(0)
        if not events:
            _sleep(_QUIET)
            events = self._select(0)
        if not events:
            self.skip(timeout)
        return events

    def skip(self, seconds: float) -> None:
        """Let time pass; the wait that is replaced has taken a moment already."""
        self._skipped += seconds - _QUIET

    def run_in_executor[ResultT](
        self, executor: Any, function: Callable[..., ResultT], *args: Any
    ) -> asyncio.Future[ResultT]:
        """Let no time be skipped while a thread works."""
        future = self._run_in_executor(executor, function, *args)
        self._threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._threads -= 1


@contextmanager
def fast_time(loop: asyncio.AbstractEventLoop) -> Iterator[FastTime]:
    """Let time pass fast in a loop, for the library and the simulator alike."""
    assert isinstance(loop, asyncio.SelectorEventLoop)
    fast = FastTime(loop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", fast.now)
        with installed(loop, fast, fast.now):
            yield fast


@contextmanager
def installed(
    loop: asyncio.SelectorEventLoop, fast: FastTime, clock: Callable[[], float]
) -> Iterator[None]:
    """Have a loop wait as `fast` does, and everything measured by a clock."""
    # The loop's debug mode remembers where everything was called from: too slow.
    debug = loop.get_debug()
    loop.set_debug(False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast._selector, "select", fast.select)
        patch.setattr(loop, "run_in_executor", fast.run_in_executor)
        for clocked in _CLOCKED:
            defaults = clocked.__init__.__kwdefaults__
            assert defaults
            patch.setitem(defaults, "clock", clock)
        yield
    loop.set_debug(debug)


@asynccontextmanager
async def pushing(cloud: SimulatedCloud, interval: float) -> AsyncGenerator[None]:
    """Push session data regularly, but only while there is somebody to hear it.

    The cloud's own clockwork would wake up a hundred thousand times a day.
    """

    async def push() -> None:
        while True:
            await cloud.wait_for(
                lambda: any(charger.logged_in_sockets for charger in cloud.chargers),
                timeout=math.inf,
            )
            await asyncio.sleep(interval)
            cloud.push_sessions()

    task = asyncio.create_task(push())
    yield
    task.cancel()
    await asyncio.wait([task])
