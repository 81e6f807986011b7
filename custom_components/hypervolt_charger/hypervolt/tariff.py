"""What energy costs while its price changes."""

from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import pairwise
import math
from typing import Final

# How long a lost price still applies, so that a reload of the integration that provides
# it does not cost a session its cost.
GRACE: Final = timedelta(minutes=5)
# After a longer time without running at all, as on a suspended host, changes of the
# price may have been missed.
_LONGEST_STANDSTILL: Final = timedelta(minutes=15)
# In Lebanese pounds and Iranian rials a kWh costs some ten thousand, in Vietnamese dong,
# Indonesian rupiahs and Colombian pesos up to a few thousand, in all other currencies
# less, extremes of the wholesale markets included. Anything above this is a fault, or
# the price of more than a kWh.
MOST_PER_KWH: Final = 250_000.0

# A price that changes every half hour fills this in three weeks without a reading.
_MOST_CHANGES: Final = 1000
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


def is_price(price: float) -> bool:
    """Whether energy can cost this per kWh; it may cost less than nothing."""
    return math.isfinite(price) and abs(price) <= MOST_PER_KWH


class Tariff:
    """The price of a kWh over the time that has not been billed yet.

    It is either fixed, and then known for all time, or that of an entity, which is only
    known for the time in which the entity had it.
    """

    def __init__(
        self, price: float | None = None, known_until: datetime | None = None
    ) -> None:
        """Begin with an earlier price, fixed if no end is known."""
        # None from the time on from which no price is known.
        self._changes: deque[tuple[datetime, float | None]] = deque(
            maxlen=_MOST_CHANGES
        )
        self._fixed: float | None = None
        self._followed_at: datetime | None = None
        if price is None or not is_price(price):
            return
        if known_until is None:
            self._fixed = price
            return
        self._changes.append((_ALWAYS, price))
        self.lose(known_until)

    @property
    def price(self) -> float | None:
        """The current price per kWh; None if it is not known."""
        price = self._changes[-1][1] if self._changes else None
        return self._fixed if price is None else price

    def remembered(self, at: datetime) -> tuple[float | None, datetime | None]:
        """Return what another tariff begins with after a restart."""
        if self._fixed is not None or not self._changes:
            return self._fixed, None
        since, price = self._changes[-1]
        if price is not None:
            return price, at
        if at > since:
            return None, None
        return self._changes[-2][1], since - GRACE

    def fix(self, at: datetime, price: float) -> None:
        """Set a fixed price, that of all times without a known one."""
        if not is_price(price):
            self.clear()
            return
        if self._fixed is not None:
            self._changes.appendleft((_ALWAYS, self._fixed))
            self._set(at, price)
        self._fixed = price

    def follow(self, at: datetime) -> None:
        """Note that no price has been missed since this was called before.

        The first call ends a fixed price. From then on this must be called now and then.
        """
        self._fixed = None
        before, self._followed_at = self._followed_at, at
        if before is None:
            return
        if at < before:
            self._set_clock_back(at)
        elif at - before > _LONGEST_STANDSTILL:
            price = self.price
            self.lose(before)
            self._set(at, price)

    def change(self, at: datetime, price: float) -> None:
        """Note a new price, the one since a moment that may have passed."""
        if is_price(price):
            self._set(at, price)
        else:
            self.lose(at)

    def lose(self, at: datetime) -> None:
        """Note that the price is no longer known, unless it soon is again."""
        try:
            end = at + GRACE
        except OverflowError:
            end = at
        if self._changes:
            known_until, price = self._changes[-1]
            if price is not None or known_until > end:
                self._set(end, None)

    def clear(self) -> None:
        """Forget every price: costs are not requested."""
        self._changes.clear()
        self._fixed = self._followed_at = None

    def bill(self, watt_hours: int, start: datetime, end: datetime) -> float | None:
        """Return what energy costs that flowed evenly from `start` to `end`, now.

        None if the price of any of that time is not known. What is billed must not be
        older than what was billed before: prices of the past are forgotten.
        """
        if self._followed_at is not None:
            self.follow(end)
        average = self._average(start, end)
        self._forget(max(start, end))
        return None if average is None else watt_hours / 1000 * average

    def _set(self, at: datetime, price: float | None) -> None:
        """Let a price apply from a moment on, whatever was known of the time after."""
        while self._changes and self._changes[-1][0] >= at:
            self._changes.pop()
        before = self._changes[-1][1] if self._changes else None
        if price != before:
            self._changes.append((at, price))

    def _average(self, start: datetime, end: datetime) -> float | None:
        """Return the mean price of a period; that of a moment if it has no length."""
        if end <= start:
            prices = [price for at, price in self._changes if at <= start]
            return self._known(prices[-1] if prices else None)
        whole = (end - start).total_seconds()
        changes: list[tuple[datetime, float | None]] = [
            (_ALWAYS, None),
            *self._changes,
            (end, None),
        ]
        average = 0.0
        for (since, price), (until, _) in pairwise(changes):
            seconds = (min(until, end) - max(since, start)).total_seconds()
            if seconds <= 0:
                continue
            known = self._known(price)
            if known is None:
                return None
            average += known * (seconds / whole)
        return average

    def _known(self, price: float | None) -> float | None:
        return self._fixed if price is None else price

    def _forget(self, before: datetime) -> None:
        """Forget the prices of a past that is billed.

        The last one counts for the whole past, because a clock may be set back.
        """
        while len(self._changes) > 1 and self._changes[1][0] <= before:
            self._changes.popleft()
        if self._changes and self._changes[0][0] <= before:
            self._changes[0] = (_ALWAYS, self._changes[0][1])

    def _set_clock_back(self, now: datetime) -> None:
        """Let nothing change later than it would have by the former clock."""
        latest = now + GRACE
        self._changes = deque(
            ((min(at, latest), price) for at, price in self._changes),
            maxlen=_MOST_CHANGES,
        )
