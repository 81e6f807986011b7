"""What energy costs while its price changes."""

from collections import deque
from datetime import UTC, datetime
from typing import Final

# A price that changes every half hour fills this in three weeks without a reading.
_MOST_CHANGES: Final = 1000
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


class Tariff:
    """The price of a kWh over the time that has not been billed yet."""

    def __init__(self, price: float | None = None) -> None:
        """Begin with the price last known, if there is one."""
        self._prices: deque[tuple[datetime, float]] = deque(maxlen=_MOST_CHANGES)
        if price is not None:
            self._prices.append((_ALWAYS, price))

    @property
    def price(self) -> float | None:
        """The price of now, per kWh; None if it never was known."""
        return self._prices[-1][1] if self._prices else None

    def change(self, at: datetime, price: float) -> None:
        """Note a new price."""
        if price != self.price:
            self._prices.append((at, price))

    def clear(self) -> None:
        """Forget every price: nobody wants to know what it costs."""
        self._prices.clear()

    def bill(self, watt_hours: int, start: datetime, end: datetime) -> float | None:
        """Return what energy costs that flowed evenly from `start` to `end`.

        None if no price is known. What is billed must not be older than what was
        billed before: prices of the past are forgotten.
        """
        if not self._prices:
            return None
        average = self._average(start, end)
        self._forget(end)
        return watt_hours / 1000 * average

    def _average(self, start: datetime, end: datetime) -> float:
        """Return the mean price of a stretch; the first known one stands for earlier."""
        changes = [at for at, _ in self._prices][1:]
        begins = [start, *(min(max(at, start), end) for at in changes)]
        ends = [*begins[1:], end]
        seconds = [
            (until - since).total_seconds()
            for since, until in zip(begins, ends, strict=True)
        ]
        if not sum(seconds):
            in_force = sum(at <= end for at in changes)
            return self._prices[in_force][1]
        billed = zip(seconds, (price for _, price in self._prices), strict=True)
        return sum(lasted * price for lasted, price in billed) / sum(seconds)

    def _forget(self, before: datetime) -> None:
        while len(self._prices) > 1:
            if self._prices[1][0] > before:
                return
            self._prices.popleft()
