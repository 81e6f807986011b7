"""Lifetime energy from a session counter that can't be trusted.

The cloud reports how much a session has delivered, with noise: the count dips, repeats,
starts again within a session, drops to zero and resumes, jumps, shows the last total
while idle or none (protocol.md 11.2, F31). `EnergyMeter` makes of it a total that only
ever rises, and never by more than the charger can have delivered since a count was last
credible. Powers, such as the house's, are summed over time by `PowerMeter`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
import math
from typing import Final

# Three phases of 32 A at 253 V and a little more: no charger delivers more
# (protocol.md 6.1).
MOST_WATTS: Final = 25_000
# Nothing is known of a power in a longer period without frames.
LONGEST_GAP: Final = timedelta(minutes=5)

# Energy that flows behind a count which stands still while a car charges is waited for.
_LONGEST_STANDSTILL: Final = timedelta(hours=1)

# A drop by no more than this, in Wh or as a share, is noise and never a new session.
_DIP: Final = 50
_DIP_SHARE: Final = 0.02
# Readings in a row that make a drop credible.
_CONFIRMATIONS: Final = 3
# Counts to come back to, newest first; one for each way a counter is known to go astray.
_MOST_EARLIER: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the cloud reported of a session at one time (protocol.md 6.2).

    `watt_hours` is the session's count, `session_id` a legacy V2's number of the
    session, `plugged` whether there is a car; None is what is not reported.
    """

    at: datetime
    watt_hours: int
    charging: bool | None = None
    session_id: int | None = None
    plugged: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCount:
    """A count that was left for another one, to which the charger may come back.

    `total` is the meter's at `count`, which was last read at `at`, and `left_total` the
    one when it was left. `below` is set where the count jumped up from here, so that a
    drop comes back; otherwise it dropped, and a jump comes back.
    """

    count: int
    at: datetime
    total: int
    left_total: int
    runs: int
    session_id: int | None = None
    below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Readings in a row that don't follow from the count, but from each other.

    The first was read at `since`, the last at `at`; `total` is the meter's before them,
    and `possible` the most that a session which began after the count was last seen
    can have delivered by the first of them, in Wh.
    """

    first: int
    last: int
    since: datetime
    at: datetime
    total: int
    possible: int
    readings: int = 1

    def is_continued_by(self, reading: Reading) -> bool:
        """Whether a reading follows from these, as counts do."""
        growth = reading.watt_hours - self.last
        return 0 <= growth < 1 + _flow(self.at, reading.at)

    def dips_to(self, reading: Reading) -> bool:
        """Whether a reading is noise among these."""
        return _is_dip(self.last, reading.watt_hours)

    def includes(self, reading: Reading) -> bool:
        """Whether a reading is one of these."""
        return self.is_continued_by(reading) or self.dips_to(reading)

    def continued(self, reading: Reading) -> "Candidate":
        """Return the readings with one more."""
        return replace(
            self,
            last=reading.watt_hours,
            at=reading.at,
            # The same frame again confirms nothing.
            readings=self.readings + (reading.at > self.at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyMeter:
    """Everything delivered since the first reading, in Wh, and the count behind it.

    `count` is the charger's own, as far as `total` includes it, and `counted_at` when
    it was last credible; None before the first reading. `still_since` is when it was
    first read, if current has flowed since, `read_at` when any but a dip was. `runs`
    numbers the counts: it changes where one starts again and where an earlier one
    resumes. `headroom` is the part of a Wh that may have flowed by `counted_at` beyond
    `total`.
    """

    total: int = 0
    count: int | None = None
    counted_at: datetime | None = None
    still_since: datetime | None = None
    read_at: datetime | None = None
    headroom: float = 1.0
    runs: int = 0
    session_id: int | None = None
    charging: bool | None = None
    unplugged: bool = False
    earlier: tuple[EarlierCount, ...] = ()
    candidate: Candidate | None = None

    def read(self, reading: Reading) -> "EnergyMeter":
        """Return the meter after a reading; its total is the same or higher.

        Counting begins at the first reading: who used what it reports is unknown.
        """
        if reading.watt_hours < 0:
            return self
        if self.count is None or self.counted_at is None:
            return replace(
                self._noticing(reading),
                count=reading.watt_hours,
                counted_at=reading.at,
                session_id=reading.session_id or None,
            )
        if self.read_at is None:
            return replace(self, read_at=self.counted_at).read(reading)
        if reading.at < self.counted_at:
            # The clock was set back: how long it has been is unknown.
            return self.shifted(reading.at - self.counted_at).read(reading)
        return self._read_next(reading)

    def _read_next(self, reading: Reading) -> "EnergyMeter":
        assert self.count is not None  # noqa: S101 - for the type checker
        watt_hours = reading.watt_hours
        if self._begins_session(reading):
            return self._restarted(reading, watt_hours, resumable=False)
        if (earlier := self._shown_again_by(reading)) is not None:
            return self._resumed(reading, earlier)
        growth = watt_hours - self.count
        if 0 <= growth <= self._possible(reading.at):
            if self._needs_confirmation(reading):
                return self._with_candidate(reading)
            return self._accepted(reading, self._base + growth)
        if _is_dip(self.count, watt_hours):
            return self._ignoring_dip(reading)
        if (earlier := self._resumed_by(reading)) is not None:
            return self._resumed(reading, earlier)
        if self._restarts_with_charging(reading):
            return self._restarted(reading, watt_hours)
        return self._with_candidate(reading)

    def shifted(self, by: timedelta) -> "EnergyMeter":
        """Return the meter after the clock was set, by so much later."""
        candidate, still_since = self.candidate, self.still_since
        return replace(
            self,
            counted_at=None if self.counted_at is None else self.counted_at + by,
            still_since=None if still_since is None else still_since + by,
            read_at=None if self.read_at is None else self.read_at + by,
            earlier=tuple(replace(item, at=item.at + by) for item in self.earlier),
            candidate=candidate
            and replace(candidate, since=candidate.since + by, at=candidate.at + by),
        )

    # What is possible

    @property
    def _base(self) -> int:
        """The total at `count`; a candidate that rises may have added to it."""
        return self.candidate.total if self.candidate else self.total

    def _possible(self, now: datetime) -> int:
        """Return the most Wh that can have flowed since the count was last credible."""
        assert self.counted_at is not None  # noqa: S101 - for the type checker
        return math.ceil(self.headroom + _flow(self.counted_at, now)) - 1

    def _possible_at_once(self, now: datetime) -> int:
        """Return the most Wh that can have flowed since anything was last read."""
        assert self.read_at is not None  # noqa: S101 - for the type checker
        since_reading = math.ceil(1 + _flow(self.read_at, now)) - 1
        return min(self._possible(now), since_reading)

    def _possible_after_others(self, now: datetime) -> int:
        """Return the most Wh to accept once readings in between were not credible."""
        limit = math.ceil(MOST_WATTS * (_LONGEST_STANDSTILL / timedelta(hours=1)))
        return min(self._possible(now), limit)

    def _possible_if_late(self, now: datetime) -> int:
        """Return the most Wh behind which the count can be, having stood still.

        Some counts do while current flows, and catch up after some frames.
        """
        if self.still_since is None:
            return 0
        since = max(self.still_since, now - _LONGEST_STANDSTILL)
        return math.ceil(_flow(since, now)) - 1

    def _possible_behind(self, earlier: EarlierCount, now: datetime) -> int:
        """Return the most Wh that can have flowed while another count was shown."""
        limit = LONGEST_GAP
        if self.still_since and self.still_since - earlier.at <= LONGEST_GAP:
            limit = _LONGEST_STANDSTILL
        return math.ceil(_flow(max(earlier.at, now - limit), now)) - 1

    def _begins_session(self, reading: Reading) -> bool:
        """Whether it is certain that another session has begun.

        Its count must be one that can have come about since the last one was credible:
        the rest of what announces a new session may arrive before its count.
        """
        if reading.watt_hours > self._possible(reading.at):
            return False
        other_session = bool(
            reading.session_id
            and self.session_id
            and reading.session_id != self.session_id
        )
        return other_session or (self.unplugged and reading.charging is True)

    def _restarts_with_charging(self, reading: Reading) -> bool:
        """Whether charging begins with a lower count, which is a new one then."""
        assert self.count is not None  # noqa: S101 - for the type checker
        return (
            reading.charging is True
            and self.charging is False
            and reading.watt_hours < self.count
            and reading.watt_hours <= self._possible(reading.at)
        )

    def _resumed_by(
        self, reading: Reading, *, credible: bool = False
    ) -> EarlierCount | None:
        """Return the earlier count that a reading continues, if there is one.

        A `credible` reading may continue one with what flowed behind another count,
        and after that has grown, unless it continues that as well.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        drops = reading.watt_hours < self.count
        continues = reading.watt_hours - self.count <= self._possible(reading.at)
        for earlier in self.earlier:
            if earlier.below is not drops or not _resembles(earlier, reading):
                continue
            more = _total_at(earlier, reading) - self._base
            grown = self._base > earlier.left_total
            if not drops and (more < -_DIP or (grown and continues)):
                continue
            if more <= self._possible_at_once(reading.at):
                return earlier
            behind = max(
                self._possible_after_others(reading.at),
                self._possible_behind(earlier, reading.at),
            )
            if more <= behind:
                # Rather this one, once it is credible, than a count left before it.
                return earlier if credible else None
        return None

    def _shown_again_by(self, reading: Reading) -> EarlierCount | None:
        """Return the last session's count if it is shown again.

        While idle some chargers show it, some none, and they may change their ways.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        if reading.charging is not False or reading.watt_hours <= self.count:
            return None
        for earlier in self.earlier:
            shown = earlier.count - reading.watt_hours
            same = shown == 0 or _is_dip(earlier.count, reading.watt_hours)
            if same and not earlier.below and earlier.left_total == self._base:
                return earlier
        return None

    def _needs_confirmation(self, reading: Reading) -> bool:
        """Whether growth that is possible may be something else all the same.

        It came all at once after other readings, or with others like it that continue
        an earlier count.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        if reading.watt_hours - self.count > self._possible_at_once(reading.at):
            return True
        candidate = self.candidate
        return (
            candidate is not None
            and candidate.first > self.count
            and candidate.includes(reading)
            and self._resumed_by(reading, credible=True) is not None
        )

    # What becomes of a reading

    def _accepted(
        self, reading: Reading, total: int, *, possible: int = 0
    ) -> "EnergyMeter":
        """Count up to a reading, to a total that is possible."""
        assert self.counted_at is not None  # noqa: S101 - for the type checker
        flow = self.headroom + _flow(self.counted_at, reading.at)
        limit = self._base + max(flow, possible + 1)
        # Two candidates may have had a rounded Wh each.
        total = max(self.total, min(total, math.ceil(limit) - 1))
        still = reading.watt_hours == self.count and self.still_since is not None
        still_since = self.still_since if still else reading.at
        return replace(
            self._noticing(reading),
            total=total,
            count=reading.watt_hours,
            counted_at=reading.at,
            still_since=still_since if reading.charging else None,
            # What grows after a plug was pulled is another session's.
            unplugged=reading.plugged is False
            or (self.unplugged and reading.watt_hours <= (self.count or 0)),
            headroom=max(min(limit - total, 1.0), 0.0),
            session_id=self.session_id or reading.session_id or None,
            candidate=None,
        )

    def _ignoring_dip(self, reading: Reading) -> "EnergyMeter":
        """Leave the count alone; a dip rejects a candidate that dropped."""
        assert self.count is not None  # noqa: S101 - for the type checker
        drops = self.candidate is not None and self.candidate.first < self.count
        return replace(
            self._noticing(reading),
            read_at=self.read_at,
            candidate=None if drops else self.candidate,
        )

    def _resumed(self, reading: Reading, earlier: EarlierCount) -> "EnergyMeter":
        """Go on from an earlier count; growth since then was possible."""
        others = tuple(item for item in self.earlier if item is not earlier)
        left = replace(self._as_earlier(), below=not earlier.below)
        behind = self._possible_behind(earlier, reading.at)
        return replace(
            self._accepted(reading, _total_at(earlier, reading), possible=behind),
            runs=earlier.runs,
            session_id=earlier.session_id or reading.session_id or None,
            earlier=(left, *others)[:_MOST_EARLIER],
        )

    def _restarted(
        self, reading: Reading, more: int, *, resumable: bool = True
    ) -> "EnergyMeter":
        """Go on with a count that started again, `more` Wh of which are new.

        Unless it is `resumable`, the old count ended for certain.
        """
        meter = self._accepted(reading, self._base + more)
        earlier = (self._as_earlier(), *self.earlier) if resumable else ()
        return replace(
            meter,
            runs=self._next_run,
            session_id=reading.session_id or None,
            unplugged=reading.plugged is False,
            earlier=earlier[:_MOST_EARLIER],
        )

    def _with_candidate(self, reading: Reading) -> "EnergyMeter":
        """Wait for more readings that follow from this one.

        A drop is credible after three readings in a row, and what the new count began
        with counts if it can have flowed. A jump is if the count stood still before. By
        more than is possible it never is, however often it is repeated: nothing but
        its growth counts, and it becomes the count after five minutes without the old
        one.
        """
        assert self.count is not None  # noqa: S101 - for the type checker
        candidate = self.candidate
        if candidate is not None and candidate.dips_to(reading):
            return self._noticing(reading)
        if candidate is not None and candidate.is_continued_by(reading):
            candidate = candidate.continued(reading)
        else:
            candidate = Candidate(
                first=reading.watt_hours,
                last=reading.watt_hours,
                since=reading.at,
                at=reading.at,
                total=self._base,
                possible=self._possible(reading.at),
            )
        growth = candidate.last - candidate.first
        credible = candidate.readings >= _CONFIRMATIONS
        if candidate.first < self.count:
            if credible:
                began = candidate.first <= candidate.possible
                more = candidate.first if began else 0
                return self._restarted(reading, more + growth)
            return replace(self._noticing(reading), candidate=candidate)
        late = candidate.last - self.count
        if credible and (earlier := self._resumed_by(reading, credible=True)):
            return self._resumed(reading, earlier)
        possible = max(
            self._possible_after_others(candidate.at),
            self._possible_if_late(candidate.at),
        )
        if credible and late <= possible:
            return self._accepted(reading, candidate.total + late, possible=late)
        if credible and candidate.at - candidate.since >= LONGEST_GAP:
            left = replace(self._as_earlier(), below=True)
            return replace(
                self._accepted(reading, candidate.total + growth),
                earlier=(left, *self.earlier)[:_MOST_EARLIER],
            )
        total = min(candidate.total + growth, self._base + self._possible(reading.at))
        return replace(
            self._noticing(reading),
            total=max(self.total, total),
            candidate=candidate,
        )

    def _noticing(self, reading: Reading) -> "EnergyMeter":
        """Take over what is not the count."""
        charging = self.charging if reading.charging is None else reading.charging
        return replace(
            self,
            read_at=reading.at,
            charging=charging,
            unplugged=self.unplugged or reading.plugged is False,
        )

    def _as_earlier(self) -> EarlierCount:
        assert self.count is not None  # noqa: S101 - for the type checker
        assert self.counted_at is not None  # noqa: S101 - for the type checker
        return EarlierCount(
            count=self.count,
            at=self.counted_at,
            total=self._base,
            left_total=self.total,
            runs=self.runs,
            session_id=self.session_id,
        )

    @property
    def _next_run(self) -> int:
        return max(chain([self.runs], (item.runs for item in self.earlier))) + 1


def _total_at(earlier: EarlierCount, reading: Reading) -> int:
    """Return the total if a reading continues an earlier count."""
    return earlier.total + max(reading.watt_hours - earlier.count, 0)


def _resembles(earlier: EarlierCount, reading: Reading) -> bool:
    """Whether a reading shows an earlier count, or what it may have grown to."""
    ids = {earlier.session_id or 0, reading.session_id or 0} - {0}
    if len(ids) > 1:
        return False
    idle_or_lower = earlier.below or reading.charging is False
    return reading.watt_hours >= earlier.count or (
        idle_or_lower and _is_dip(earlier.count, reading.watt_hours)
    )


def _is_dip(count: int, watt_hours: int) -> bool:
    """Whether a lower count is noise rather than another session's."""
    if watt_hours >= count or watt_hours * 2 < count:
        return False
    return count - watt_hours <= max(_DIP, round(count * _DIP_SHARE))


def _flow(start: datetime, end: datetime) -> float:
    """Return the most that can flow between two times, in Wh."""
    return MOST_WATTS * max((end - start).total_seconds(), 0.0) / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerMeter:
    """Energy in Wh, summed from a power that is reported now and then.

    Between two readings the power is taken to have changed evenly; nothing is added
    for a gap of more than five minutes.
    """

    watt_hours: float = 0.0
    watts: float | None = None
    at: datetime | None = None

    def read(self, at: datetime, watts: float | None) -> "PowerMeter":
        """Return the meter after a frame; `watts` is None if it held no power."""
        if watts is None:
            return self
        more = 0.0
        if self.at is not None and self.watts is not None:
            gap = at - self.at
            if timedelta() < gap <= LONGEST_GAP:
                more = (self.watts + watts) / 2 * gap.total_seconds() / 3600
        return replace(self, watt_hours=self.watt_hours + more, watts=watts, at=at)
