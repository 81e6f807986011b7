"""Days that pass in seconds by every clock, also that of Home Assistant's states.

As `tests/fast_time.py`, which moves the monotonic clock alone: only waiting is skipped,
and timers fire in their order and at their time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
import time
from typing import override

from freezegun import freeze_time
from homeassistant.core import HomeAssistant

from tests.fast_time import FastTime, installed

from .time_machine import Factory


class _FastDays(FastTime):
    def __init__(self, loop: asyncio.SelectorEventLoop, factory: Factory) -> None:
        super().__init__(loop)
        self._factory = factory

    @override
    def skip(self, seconds: float) -> None:
        """Move every clock."""
        self._factory.move_to(datetime.now(UTC) + timedelta(seconds=seconds))


@contextmanager
def fast_days(hass: HomeAssistant, departure: datetime) -> Iterator[None]:
    """Let time pass fast from a moment (aware) on; real time is back afterwards."""
    assert isinstance(hass.loop, asyncio.SelectorEventLoop)
    with freeze_time(departure.astimezone(UTC), tick=True) as factory:
        fast = _FastDays(hass.loop, factory)
        with installed(hass.loop, fast, time.monotonic):
            yield
