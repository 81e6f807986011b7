"""Waits between attempts, which grow while they fail."""

import random

from .timing import Timing


class Backoff:
    """Waits between attempts: random at first, growing, then constant (5.8)."""

    def __init__(self, timing: Timing) -> None:
        """Take the first wait's bounds, the growth and the cap from `timing`."""
        self._timing = timing
        self._last: float | None = None

    def next(self) -> float:
        """Return the seconds to wait now."""
        timing = self._timing
        if self._last is None:
            self._last = random.uniform(  # noqa: S311 # spreads clients, no secret
                timing.backoff_first_min, timing.backoff_first_max
            )
        else:
            self._last = min(self._last * timing.backoff_growth, timing.backoff_cap)
        return self._last

    def reset(self) -> None:
        """Start over: the last connection proved good."""
        self._last = None
