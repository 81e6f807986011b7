"""Nights that pass in a moment: one clock for Home Assistant and the simulated cloud."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from freezegun import freeze_time
from freezegun.api import (
    FrozenDateTimeFactory,
    StepTickTimeFactory,
    TickingDateTimeFactory,
)
from homeassistant.core import HomeAssistant

type Factory = FrozenDateTimeFactory | StepTickTimeFactory | TickingDateTimeFactory

# Several looks at timers for each leap: one leads to the next.
_TURNS = 8


class TimeMachine:
    """Lets time pass in leaps, after each of which everybody may act.

    Between the leaps time runs as ever, so that sockets, limits and timers work.
    """

    def __init__(self, hass: HomeAssistant, factory: Factory) -> None:
        self._hass = hass
        self._factory = factory

    @property
    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    async def leap_to(self, moment: datetime) -> None:
        """Jump to a later moment (aware)."""
        moment = moment.astimezone(UTC)
        assert moment >= self.now
        self._factory.move_to(moment)
        await self.settle()

    async def travel_to(
        self, moment: datetime, *, step: timedelta = timedelta(minutes=10)
    ) -> None:
        """Let time pass in leaps, none longer than `step`."""
        while self.now + step < moment:
            await self.leap_to(self.now + step)
        await self.leap_to(max(moment, self.now))

    async def settle(self) -> None:
        """Let everybody act on what time it is."""
        for _ in range(_TURNS):
            await asyncio.sleep(0.001)
            await self._hass.async_block_till_done(wait_background_tasks=False)

    async def until(self, predicate: Callable[[], object]) -> None:
        """Wait for what is on its way."""
        async with asyncio.timeout(5):
            while not predicate():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)


@contextmanager
def time_machine_at(hass: HomeAssistant, moment: datetime) -> Iterator[TimeMachine]:
    """Start a journey at a moment (aware); the real time is back afterwards."""
    # A leap is no slow callback.
    hass.loop.slow_callback_duration = float("inf")
    with freeze_time(moment.astimezone(UTC), tick=True) as factory:
        yield TimeMachine(hass, factory)
