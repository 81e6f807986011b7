"""Whether live readings can be believed, and what is done when they can't.

A socket can stay open, answer pings and carry nothing for hours (F1). Live frames that
stay away are asked after; then the socket is replaced, again and again with growing
patience, and until one arrives the readings count as stale. Before the first one there
are none to believe.
"""

import asyncio
from collections.abc import Awaitable, Callable
import logging
import math
import random
import time
from typing import Final

from .timing import Timing

_LOGGER = logging.getLogger(__name__)

# Keeps clients that fell silent together from coming back together (F5).
_JITTER: Final = 0.1


class Liveness:
    """Watches the live frames of one charger."""

    def __init__(
        self,
        timing: Timing,
        *,
        expected: Callable[[], bool],
        ask: Callable[[], Awaitable[object]],
        reconnect: Callable[[], None],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch while `expected` says that live frames should come.

        `ask` asks the charger for a sign of life and returns when it came or is given
        up; `reconnect` replaces the socket; `changed` is told when data is found to have
        stalled, and when it is back.
        """
        self._timing = timing
        self._expected = expected
        self._ask = ask
        self._reconnect = reconnect
        self._changed = changed
        self._clock = clock
        self._last = self._since = clock()
        self._heard = False
        self._stalled = False
        self._patience = timing.silence

    @property
    def live(self) -> bool:
        """Whether the readings are those of now."""
        return not self._stalled and (self._heard or not self._expected())

    @property
    def stalled(self) -> bool:
        """Whether live frames that should come have stayed away for too long."""
        return self._stalled

    def heard(self) -> None:
        """Note a live frame."""
        self._last = self._since = self._clock()
        self._heard = True
        self._patience = self._timing.silence
        self._set_stalled(False)

    def opened(self) -> None:
        """Give a new socket its own time to bring something.

        What is shown gets no younger by it: sockets may come and go, none of them long
        enough to be found silent.
        """
        self._last = self._clock()

    def doubt(self) -> None:
        """Believe the readings no longer, until a live frame arrives."""
        if self._expected():
            self._set_stalled(True)

    async def watch(self) -> None:
        """Watch for ever."""
        while True:
            await self._wait_silent()
            before = self._last
            if self._expected():
                await self._ask()
            if self._last != before:
                continue
            self._last = self._clock()
            if self._expected():
                _LOGGER.debug("No live data for %.0f s, reconnecting", self._patience)
                self._set_stalled(True)
                self._grow_patience()
                self._reconnect()

    async def _wait_silent(self) -> None:
        """Wait until nothing was heard for as long as there is patience."""
        # Looked at again and again: a frame moves the moment, and restores impatience.
        while (rest := self._last + self._patience - self._clock()) > 0:
            await asyncio.sleep(min(rest, self._timing.silence, self._until_stale()))
            if self._until_stale() <= 0:
                self.doubt()

    def _until_stale(self) -> float:
        """Seconds until the readings are too old to be shown as those of now."""
        if self._stalled or not self._expected():
            return math.inf
        limit = self._timing.silence + self._timing.silence_answer
        return max(self._since + limit - self._clock(), 0.0)

    def _grow_patience(self) -> None:
        """Reconnect less and less often while it is of no use."""
        timing = self._timing
        grown = min(self._patience * timing.backoff_growth, timing.backoff_cap)
        spread = random.uniform(1, 1 + _JITTER)  # noqa: S311 # no secret
        self._patience = max(grown, timing.silence) * spread

    def _set_stalled(self, stalled: bool) -> None:
        if stalled is not self._stalled:
            self._stalled = stalled
            self._changed()
