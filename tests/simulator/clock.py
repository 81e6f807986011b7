"""Where the simulated chargers take the time from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import time
from typing import Protocol, override


class Clock(Protocol):
    """The time of day, in UTC, as the chargers see it."""

    def now(self) -> datetime:
        """Return the present."""


class RealClock(Clock):
    """The computer's own time."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)


class ScaledClock(Clock):
    """Time that passes `speed` times as fast, so that a night fits in a demo."""

    def __init__(self, speed: float = 60, start: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError("speed must be above 0")
        self.speed = speed
        self._start = start or datetime.now(UTC)
        self._began = time.monotonic()

    @override
    def now(self) -> datetime:
        elapsed = time.monotonic() - self._began
        return self._start + timedelta(seconds=elapsed * self.speed)


class ManualClock(Clock):
    """Time that stands still until a test moves it.

    Clouds using this clock bring their chargers up to date at once when it moves.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
        self._listeners: list[Callable[[], None]] = []

    @override
    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.set(self._now + timedelta(seconds=seconds))

    def set(self, moment: datetime) -> None:
        """Jump to a later moment (aware)."""
        moment = moment.astimezone(UTC)
        if moment < self._now:
            raise ValueError("the clock does not run backwards")
        self._now = moment
        for listener in tuple(self._listeners):
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every move; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
