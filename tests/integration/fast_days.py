"""Days that pass in seconds by every clock, also that of Home Assistant's states.

As `tests/fast_time.py`, which moves the monotonic clock alone: only waiting is skipped,
and timers fire in their order and at their time.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
import time
from typing import Any, Final

from freezegun import freeze_time
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hypervolt_charger.hypervolt.auth import HypervoltAuth
from custom_components.hypervolt_charger.hypervolt.connection import Connection
from custom_components.hypervolt_charger.hypervolt.liveness import Liveness

from .time_machine import Factory

# Real seconds without any news after which everybody can be said to wait.
_QUIET: Final = 0.0001
_real_sleep: Final = time.sleep


class _FastDays:
    def __init__(self, loop: asyncio.SelectorEventLoop, factory: Factory) -> None:
        self._factory = factory
        self._selector: Any = loop._selector  # type: ignore[attr-defined] # not public
        self._select = self._selector.select
        self._run_in_executor = loop.run_in_executor
        self._threads = 0

    def select(self, timeout: float | None = None) -> Any:
        """Wait for sockets, and skip the rest of a wait that nothing interrupts."""
        if timeout is None or timeout <= _QUIET or self._threads:
            return self._select(timeout)
        events = self._select(0)
        if not events:
            _real_sleep(_QUIET)
            events = self._select(0)
        if not events:
            self._factory.move_to(datetime.now(UTC) + timedelta(seconds=timeout))
        return events

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
def fast_days(hass: HomeAssistant, departure: datetime) -> Iterator[None]:
    """Let time pass fast from a moment (aware) on; real time is back afterwards."""
    loop = hass.loop
    assert isinstance(loop, asyncio.SelectorEventLoop)
    # A skipped wait is no slow callback, and the debug mode is too slow.
    debug = loop.get_debug()
    loop.set_debug(False)
    with freeze_time(departure.astimezone(UTC), tick=True) as factory:
        fast = _FastDays(loop, factory)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fast._selector, "select", fast.select)
            patch.setattr(loop, "run_in_executor", fast.run_in_executor)
            for clocked in (Connection, HypervoltAuth, Liveness):
                defaults = clocked.__init__.__kwdefaults__
                assert defaults
                patch.setitem(defaults, "clock", time.monotonic)
            yield
    loop.set_debug(debug)
