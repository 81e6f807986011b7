"""Energy for a lifetime, out of a counter that starts anew with every session.

The cloud tells how much a session has delivered, with noise: the count dips, repeats,
starts again within a session, shows the last total while idle or none (protocol.md
11.2, F31). `EnergyMeter` makes of it a total that only ever rises. What is only told as
a power, such as the house's, is summed over time by `PowerMeter`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

# Three phases of 32 A and something on top: no charger delivers more (protocol.md 6.1).
MOST_WATTS: Final = 25_000
# A stretch without frames that is longer than this tells nothing about a power.
LONGEST_GAP: Final = timedelta(minutes=5)

# No session delivers more, whatever a counter says.
MOST_WATT_HOURS: Final = 500_000

# Wh by which two whole numbers may differ though nothing flowed.
_ROUNDING: Final = 2
# A fall by no more than this, in Wh or as a share, is noise and never a new session.
_DIP: Final = 50
_DIP_SHARE: Final = 0.02
# So many readings in a row, none lower than the one before, are no noise.
_CONVINCING: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the cloud told of a session at one moment (protocol.md 6.2).

    `watt_hours` is the session's count, `session_id` a legacy V2's number of the
    session, `plugged` whether there is a car; None is what is not told.
    """

    at: datetime
    watt_hours: int
    charging: bool | None = None
    session_id: int | None = None
    plugged: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Readings in a row that do not follow from what was counted before.

    `at` is when the last of them was told, `possible` how much may have flowed, in Wh,
    before the first.
    """

    first: int
    last: int
    at: datetime
    possible: int
    readings: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyMeter:
    """All that was delivered since the first reading, in Wh, and how far it is counted.

    `count` is the charger's own, as far as `total` holds it, and `counted_at` when it
    was last seen there; None before the first reading. `runs` is how often the count
    has begun anew, `former` where it was before that.
    """

    total: int = 0
    count: int | None = None
    counted_at: datetime | None = None
    runs: int = 0
    former: int | None = None
    session_id: int | None = None
    charging: bool | None = None
    unplugged: bool = False
    doubt: Doubt | None = None

    def read(self, reading: Reading) -> "EnergyMeter":
        """Return the meter after a reading; its total is the same or higher.

        The first reading of all is where counting begins: nobody knows to whom
        what it tells was delivered.
        """
        if not 0 <= reading.watt_hours <= MOST_WATT_HOURS:
            return self
        if self.count is None or self.counted_at is None:
            return self._noting(reading, count=reading.watt_hours)
        if self._is_shown_again(reading):
            return self._noticing(reading)
        if self._has_restarted(reading):
            return self._restarted(reading, reading.watt_hours)
        growth = reading.watt_hours - self.count
        if growth < 0 and self._is_noise(reading.watt_hours):
            # It speaks against a fall, and neither for nor against a rise.
            rising = self.doubt is not None and self.doubt.first > self.count
            return replace(
                self._noticing(reading), doubt=self.doubt if rising else None
            )
        if 0 <= growth <= self._possible(reading.at):
            return self._noting(reading, count=reading.watt_hours, more=growth)
        return self._doubting(reading)

    def _has_restarted(self, reading: Reading) -> bool:
        """Whether more than the count speaks for a new session.

        The count must be one that can have come about since the last one was seen: what
        else tells of a new session may come before its count does.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        if reading.watt_hours > self._possible(reading.at):
            return False
        other_session = bool(
            reading.session_id
            and self.session_id
            and reading.session_id != self.session_id
        )
        began = reading.charging is True and self.charging is False
        fell = reading.watt_hours < self.count
        return (
            other_session
            or (self.unplugged and reading.charging is True)
            or (began and fell and not self._is_noise(reading.watt_hours))
        )

    def _is_shown_again(self, reading: Reading) -> bool:
        """Whether it is the last session's total, which was taken for over.

        While idle some chargers show it, some none, and they may change their ways.
        """
        return (
            self.former is not None
            and self.count == 0
            and reading.charging is False
            and abs(reading.watt_hours - self.former) <= _dip(self.former)
            and reading.watt_hours * 2 >= self.former
        )

    def _is_noise(self, watt_hours: int) -> bool:
        """Whether a lower count is a dip rather than another session's."""
        assert self.count is not None  # noqa: S101 - for the type checker
        low = self.count - _dip(self.count)
        return watt_hours >= low and watt_hours * 2 >= self.count

    def _doubting(self, reading: Reading) -> "EnergyMeter":
        """Wait for more readings of the kind: a rise or a fall that is hard to believe.

        A rise believed at last is what was missed. After a fall counting goes on from
        there, and what the new count began with is believed as far as it can have
        flowed.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        watt_hours, doubt = reading.watt_hours, self.doubt
        if doubt is None or not self._confirms(doubt, reading):
            doubt = Doubt(
                first=watt_hours,
                last=watt_hours,
                at=reading.at,
                possible=self._possible(reading.at),
            )
        else:
            doubt = replace(
                doubt, last=watt_hours, at=reading.at, readings=doubt.readings + 1
            )
        if doubt.readings < _CONVINCING:
            return replace(self._noticing(reading), doubt=doubt)
        if watt_hours > self.count:
            more = watt_hours - self.count
            return self._noting(reading, count=watt_hours, more=more)
        since = watt_hours - doubt.first
        return self._restarted(reading, min(doubt.first, doubt.possible) + since)

    def _confirms(self, doubt: Doubt, reading: Reading) -> bool:
        """Whether a reading speaks for the same as those before it.

        A count that fell must go on as counts do; one that rose need only stay up.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        if doubt.first > self.count:
            return reading.watt_hours >= doubt.last
        more = reading.watt_hours - doubt.last
        return reading.watt_hours < self.count and 0 <= more <= _flow(
            doubt.at, reading.at
        )

    def _possible(self, now: datetime) -> int:
        """Return the Wh that can have flowed since the count was last seen."""
        assert self.counted_at is not None  # noqa: S101 - for the type checker
        return _flow(self.counted_at, now)

    def _restarted(self, reading: Reading, more: int) -> "EnergyMeter":
        meter = self._noting(reading, count=reading.watt_hours, more=more)
        return replace(
            meter,
            runs=self.runs + 1,
            former=self.count,
            session_id=reading.session_id or None,
            unplugged=reading.plugged is False,
        )

    def _noting(self, reading: Reading, *, count: int, more: int = 0) -> "EnergyMeter":
        return replace(
            self._noticing(reading),
            total=self.total + more,
            count=count,
            counted_at=reading.at,
            session_id=self.session_id or reading.session_id or None,
            doubt=None,
        )

    def _noticing(self, reading: Reading) -> "EnergyMeter":
        """Take over what is not the count."""
        charging = self.charging if reading.charging is None else reading.charging
        return replace(
            self,
            charging=charging,
            unplugged=self.unplugged or reading.plugged is False,
        )


def _dip(count: int) -> int:
    """Return by how much a count may fall without meaning anything."""
    return max(_DIP, round(count * _DIP_SHARE))


def _flow(start: datetime, end: datetime) -> int:
    """Return the most that can flow between two moments, in Wh."""
    seconds = max((end - start).total_seconds(), 0)
    return _ROUNDING + int(MOST_WATTS * seconds / 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerMeter:
    """Energy in Wh, summed from a power that is told now and then.

    Between two frames the power is taken to have changed evenly; over a gap of more
    than five minutes nothing is made up.
    """

    watt_hours: float = 0.0
    watts: float | None = None
    at: datetime | None = None

    def read(self, at: datetime, watts: float | None) -> "PowerMeter":
        """Return the meter after a frame; None is a power that is not known."""
        more = 0.0
        if self.at is not None and self.watts is not None and watts is not None:
            gap = at - self.at
            if timedelta() < gap <= LONGEST_GAP:
                more = (self.watts + watts) / 2 * gap.total_seconds() / 3600
        return replace(self, watt_hours=self.watt_hours + more, watts=watts, at=at)
