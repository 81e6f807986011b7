"""When a car was plugged in and charged: sessions, and what happens in them.

A session begins when current flows and ends when the plug is pulled, a person or the
schedule stops it, or the car takes no more; waiting for the sun only pauses it. Its
energy is what the meter counted meanwhile. As everything here, the log is a value:
`ChargeLog.observe` returns the next one and what happened.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from .energy import LONGEST_GAP

# Current that stops for no known reason may be back in a moment; what explains the
# stop, such as a pulled plug, is believed late as well (protocol.md F13).
HOLD: Final = timedelta(minutes=1)

# Wh; what was delivered unseen and is less than this may as well be noise.
_LEAST_UNSEEN: Final = 50


class EndReason(StrEnum):
    """Why a session has ended."""

    UNPLUGGED = "unplugged"
    STOPPED = "stopped"
    SCHEDULE_ENDED = "schedule_ended"
    FULL = "full"
    UNKNOWN = "unknown"


class ChargeEventType(StrEnum):
    """What happens to a car at a charger."""

    PLUGGED_IN = "plugged_in"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    FINISHED = "finished"
    UNPLUGGED = "unplugged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """All that matters of a charger at one moment.

    `runs` is the meter's; `more` Wh were counted since the moment before and cost
    `cost`, None where no price is known; `initial` is what the charger's count held
    when the meter began. `renumbered` tells that the charger's number of the session has
    changed, `doubtful` that the meter waits for more readings. `plugged` and `charging`
    are None while they are not known, `plug_confirmed` says that the charger has
    reported the plug on this connection, `plug_initial` that its first report is a
    state and not a change. `watts` is the car's power.
    """

    at: datetime
    charging: bool | None
    plugged: bool | None
    stopped: bool
    forbidden: bool
    solar: bool
    mode: str | None
    watts: float | None
    runs: int
    more: int = 0
    initial: int = 0
    cost: float | None = None
    renumbered: bool = False
    doubtful: bool = False
    plug_confirmed: bool = True
    plug_initial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSession:
    """A session, finished or not: energy in Wh, cost in the currency of the price.

    `end` is when current last flowed, `charging_seconds` how long it did. `initial` is
    what the charger's count already held when counting began in the middle of it.
    """

    start: datetime
    end: datetime
    watt_hours: int = 0
    initial: int = 0
    charging_seconds: float = 0.0
    peak_watts: float = 0.0
    charge_mode: str | None = None
    cost: float = 0.0
    unpriced: int = 0
    end_reason: EndReason | None = None

    @property
    def mean_watts(self) -> float:
        """The mean power while current flowed."""
        if not self.charging_seconds:
            return 0.0
        return self.watt_hours * 3600 / self.charging_seconds

    @property
    def total_cost(self) -> float | None:
        """What it cost; None if any of it has no known price."""
        return None if self.unpriced or not self.watt_hours else self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeEvent:
    """Something that happened; the end of a session brings the session along."""

    type: ChargeEventType
    session: ChargeSession | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLog:
    """What is going on at a charger.

    `paused_at` is when current stopped flowing in the session that is open; `told` is
    whether a person heard of the pause. `runs` is the meter's from before it. `gap_ended` is set while it is not clear
    whether the session seen after a gap is the one from before it. `complete` tells
    that the car took no more though it might.
    """

    session: ChargeSession | None = None
    paused_at: datetime | None = None
    told: bool = False
    plugged: bool | None = None
    complete: bool = False
    seen_at: datetime | None = None
    runs: int = 0
    gap_ended: datetime | None = None

    @property
    def due(self) -> datetime | None:
        """When to look again even if nobody tells anything."""
        if self.paused_at is None or self.told:
            return None
        return self.paused_at + HOLD

    @property
    def latest(self) -> datetime | None:
        """The latest time in the log."""
        session = self.session
        times = (
            self.seen_at,
            self.paused_at,
            self.gap_ended,
            session.end if session else None,
        )
        return max((at for at in times if at is not None), default=None)

    def shifted(self, by: timedelta) -> "ChargeLog":
        """Return the log after the clock was set, by so much later."""
        session = self.session
        return replace(
            self,
            session=session
            and replace(session, start=session.start + by, end=session.end + by),
            paused_at=self.paused_at and self.paused_at + by,
            seen_at=self.seen_at and self.seen_at + by,
            gap_ended=self.gap_ended and self.gap_ended + by,
        )

    def observe(self, now: Moment) -> "tuple[ChargeLog, list[ChargeEvent]]":
        """Return the log after a moment, and what happened by then."""
        step = _Step(self, now)
        step.plug()
        step.gap()
        if now.charging is True:
            step.flows()
        elif step.log.session is not None:
            step.rests()
        step.remember()
        return step.log, step.events


class _Step:
    """One moment on its way into the log."""

    def __init__(self, log: ChargeLog, now: Moment) -> None:
        self.log = log
        self.now = now
        self.events: list[ChargeEvent] = []

    def plug(self) -> None:
        """Handle the plug; a change that was missed is an event when it is reported."""
        before, plugged = self.log.plugged, self.now.plugged
        if plugged is None or plugged is before:
            return
        if before is not None or not self.now.plug_initial:
            happened = (
                ChargeEventType.PLUGGED_IN if plugged else ChargeEventType.UNPLUGGED
            )
            if not plugged and self.log.session is not None and not self.now.charging:
                self._finish(EndReason.UNPLUGGED)
            self._happened(happened)
        self.log = replace(self.log, plugged=plugged, complete=False)

    def gap(self) -> None:
        """Notice that nothing was seen for a while, and see what that has hidden."""
        if self.now.renumbered and self.log.session is not None:
            self._finish(self._by_itself())
        log, now = self.log, self.now
        unseen = now.renumbered or (
            log.seen_at is not None and now.at - log.seen_at > LONGEST_GAP
        )
        if log.session is None:
            if unseen and now.more >= _LEAST_UNSEEN and now.charging is False:
                self._open(now.at, quietly=True)
                self._count(flowing=False)
                self._finish(EndReason.UNKNOWN)
            return
        if unseen:
            self.log = log = replace(log, gap_ended=now.at)
        if log.gap_ended is None:
            return
        if now.runs != log.runs:
            began = log.gap_ended
            self._finish(EndReason.UNKNOWN)
            if now.charging:
                self._open(began)
        elif not now.doubtful:
            self.log = replace(log, gap_ended=None)

    def flows(self) -> None:
        """Begin a session, or go on with it."""
        paused = self.log.paused_at is not None
        if paused and self.now.runs != self.log.runs:
            self._finish(self._by_itself())
        if self.log.session is None:
            self._open(self.now.at)
        self._count(flowing=True)
        if self.log.paused_at is not None:
            if self.log.told:
                self._happened(ChargeEventType.RESUMED)
            self.log = replace(self.log, paused_at=None, told=False)

    def rests(self) -> None:
        """Pause the session, or end it once it is clear why current stopped."""
        now = self.now
        self._count(flowing=False)
        if now.charging is None:
            return
        if self.log.paused_at is None:
            self.log = replace(self.log, paused_at=now.at, told=False)
        if (reason := self._reason()) is not None:
            self._finish(reason)
        elif now.solar and not self.log.told and self._held():
            self.log = replace(self.log, told=True)
            self._happened(ChargeEventType.PAUSED)

    def _reason(self) -> EndReason | None:
        """Return why the session has ended; None while it may go on."""
        now = self.now
        if now.plugged is False:
            return EndReason.UNPLUGGED
        if now.stopped:
            return EndReason.STOPPED
        if now.forbidden:
            return EndReason.SCHEDULE_ENDED
        may_go_on = now.solar and now.runs == self.log.runs
        return None if may_go_on or not self._held() else self._by_itself()

    def _held(self) -> bool:
        paused = self.log.paused_at
        return paused is not None and self.now.at - paused >= HOLD

    def _by_itself(self) -> EndReason:
        """Tell a car that took no more from one to which anything may have happened."""
        session, paused = self.log.session, self.log.paused_at
        saw_the_end = (
            session is not None
            and paused is not None
            and paused - session.end <= LONGEST_GAP
        )
        if self.now.plugged and self.now.plug_confirmed and saw_the_end:
            return EndReason.FULL
        return EndReason.UNKNOWN

    def _count(self, *, flowing: bool) -> None:
        """Add to the open session what came about since the moment before."""
        now, session = self.now, self.log.session
        assert session is not None  # noqa: S101 - for the type checker
        seconds, end = session.charging_seconds, session.end
        passed = now.at - end
        stopped_just_now = now.charging is False and passed <= LONGEST_GAP
        # Current that stopped in a gap did so nobody knows when.
        if self.log.paused_at is None and (flowing or stopped_just_now):
            seconds += max(passed.total_seconds(), 0)
            end = now.at
        if flowing:
            end = now.at
        session = replace(
            session,
            end=end,
            watt_hours=session.watt_hours + now.more,
            charging_seconds=seconds,
            peak_watts=max(session.peak_watts, (flowing and now.watts) or 0.0),
            charge_mode=(flowing and now.mode) or session.charge_mode,
            cost=session.cost + (now.cost or 0.0),
            unpriced=session.unpriced + (now.more if now.cost is None else 0),
        )
        self.log = replace(self.log, session=session)

    def _open(self, seen: datetime, *, quietly: bool = False) -> None:
        """Begin a session that was seen from a moment on, which may be late."""
        start = seen - self._missed(seen)
        session = ChargeSession(
            start=start,
            end=start,
            initial=self.now.initial,
            charge_mode=self.now.mode,
        )
        self.log = replace(
            self.log,
            session=session,
            paused_at=None,
            told=False,
            complete=False,
            runs=self.now.runs,
            gap_ended=None,
        )
        if not quietly:
            self._happened(ChargeEventType.STARTED)

    def _missed(self, seen: datetime) -> timedelta:
        """Reckon how long what has been delivered unseen must have flowed."""
        before, watts = self.log.seen_at, self.now.watts
        if before is None or not watts or not self.now.more:
            return timedelta()
        flowed = timedelta(hours=self.now.more / watts)
        return max(min(flowed, seen - before), timedelta())

    def _finish(self, reason: EndReason) -> None:
        session = self.log.session
        assert session is not None  # noqa: S101 - for the type checker
        self.log = replace(
            self.log,
            session=None,
            paused_at=None,
            told=False,
            gap_ended=None,
            complete=reason is EndReason.FULL,
        )
        self._happened(ChargeEventType.FINISHED, replace(session, end_reason=reason))

    def _happened(
        self, what: ChargeEventType, session: ChargeSession | None = None
    ) -> None:
        self.events.append(ChargeEvent(type=what, session=session))

    def remember(self) -> None:
        """Keep what the next moment is compared with."""
        self.log = replace(
            self.log,
            seen_at=self.now.at,
            complete=self.log.complete and not self.now.stopped,
            runs=self.now.runs if self.log.paused_at is None else self.log.runs,
        )
