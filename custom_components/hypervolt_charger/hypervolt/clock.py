"""Time that passes evenly, whatever is done to the computer's clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
import time
from typing import Final

# A clock that is off by less is only slow or fast.
_JUMP: Final = timedelta(seconds=10)


class SteadyClock:
    """The time of day, and how far the computer's clock has been set.

    Computers without a battery start with the wrong time and set their clock once the
    network is up, and some are set by hand.
    """

    def __init__(
        self, now: datetime, *, monotonic: Callable[[], float] | None = None
    ) -> None:
        """Start from the computer's clock, in UTC."""
        self._monotonic = monotonic or time.monotonic
        self._now = now
        self._seconds = self._monotonic()

    def read(self, wall: datetime) -> tuple[datetime, timedelta]:
        """Return the time, and by how much the clock was set since it was last read.

        `wall` is what the computer's clock shows, in UTC.
        """
        seconds = self._monotonic()
        passed = timedelta(seconds=max(seconds - self._seconds, 0.0))
        self._now, self._seconds = self._now + passed, seconds
        jump = wall - self._now
        if abs(jump) < _JUMP:
            return self._now, timedelta()
        self._now = wall
        return wall, jump
