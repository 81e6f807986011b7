"""A planner's schedule over the user's own one, which is restored afterwards.

Sessions repeat every week, a plan does not: so a planner only ever overrides. The
user's schedule and activation mode are on disk before anything is sent to the charger,
and are restored when the last window has ended, or at the next start if Home Assistant
was not running then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
import logging
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .hypervolt.client import HypervoltApiClient
from .hypervolt.errors import ChangedMeanwhile, HypervoltError, NotConnected
from .hypervolt.limits import turn_of
from .hypervolt.schedule import (
    ClockTime,
    JsonText,
    Schedule,
    Weekday,
    format_days,
    parse_days,
    parse_json_text,
    same_schedule,
    same_sessions,
)
from .records import Codec, Form, Json
from .storage import RecordStore, StorageError, StorageStopping

_LOGGER = logging.getLogger(__name__)

# How often the time is checked while a schedule is overridden, and what failed is tried
# again. The clock may be set meanwhile, which a timer does not notice.
CHECK_INTERVAL: Final = timedelta(minutes=1)
# An end further away shows that the clock is wrong or was: it is checked twice. Plans
# reach a week ahead.
_LONG_OVERDUE: Final = timedelta(days=1)
_LONGEST_PLAN: Final = timedelta(days=8)
# How often the time between two attempts to restore what the charger refuses doubles,
# and the number of failed ones after which people are asked to help.
_MOST_DOUBLINGS: Final = 4
_FAILURES_REPORTED: Final = 3
# Another Home Assistant's plan is over by then; what is still active is meant to be.
_FOREIGN_PLAN_LASTS: Final = timedelta(days=1)


class Restored(StrEnum):
    """The result of a request to restore the user's own schedule."""

    RESTORED = "restored"
    NOTHING_SAVED = "nothing_saved"
    CHANGED_MEANWHILE = "changed_meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """An override of the user's own schedule, `former`, by a planner.

    `ours` are the schedules that planners wrote or, where a write was never confirmed,
    may have written; `until` is the end of the last window.
    """

    former: Schedule
    ours: tuple[Schedule, ...]
    until: datetime

    def wrote(self, schedule: Schedule) -> bool:
        """Whether a schedule is a planner's, not the user's or another program's."""
        return any(same_schedule(schedule, mine) for mine in self.ours)

    def overrides(self, schedule: Schedule) -> bool:
        """Whether a schedule is a planner's in whatever activation mode.

        Charging at once by Plug and Charge changes the mode alone. On a legacy V2 it may
        delete the sessions as well (protocol.md 8.1).
        """
        if not self.ours or same_schedule(schedule, self.former):
            return False
        if not schedule.enabled and schedule.is_empty:
            return True
        return any(
            schedule.type == mine.type and same_sessions(schedule, mine)
            for mine in self.ours
        )

    def to_restore(self, active: Schedule) -> Schedule:
        """Return the user's schedule, in the mode they have chosen since."""
        if self.wrote(active):
            return self.former
        return replace(self.former, enabled=active.enabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """What is kept over restarts."""

    takeover: Takeover | None = None
    let_go_since: datetime | None = None


def looks_planned(schedule: Schedule, today: date) -> bool:
    """Whether a schedule looks like a planner's: for tonight alone, not for each week."""
    tonight = {Weekday(day.weekday()) for day in (today, today + timedelta(days=1))}
    days = [session.days for session in schedule.sessions]
    return bool(days) and all(len(some) == 1 and some <= tonight for some in days)


class PlannedSchedule:
    """The planner's schedule of one charger, and the user's own that it overrides."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        client: HypervoltApiClient,
        *,
        changed: Callable[[], None],
    ) -> None:
        """Prepare; `async_load` reads what an earlier run has left to do.

        `changed` is called when an override begins or ends, or can't be ended.
        """
        self._hass = hass
        self._entry = entry
        self._client = client
        self._changed = changed
        self._store = store_of(hass, entry.entry_id)
        self._takeover: Takeover | None = None
        # What was last written other than an override, and what an unfinished write
        # replaces.
        self._written: Schedule | None = None
        self._replaced: Schedule | None = None
        # The last schedule that did not look like a planner's, and since when one does.
        self._unplanned: Schedule | None = None
        self._planned_since: float | None = None
        self._let_go_since: datetime | None = None
        self._turn = asyncio.Lock()
        self._failures = 0
        self._retry_at = 0.0
        # Whether the file may differ from what is known here.
        self._unsaved = False
        self._stopped = False
        self._clock_is_odd = False
        self._cancel_timer: CALLBACK_TYPE | None = None

    # What is known

    @property
    def restore_at(self) -> datetime | None:
        """When the user's own schedule is restored; None if it is not overridden."""
        return self._takeover.until if self._takeover and self._overrides() else None

    @property
    def former(self) -> Schedule | None:
        """The user's own schedule, saved when a planner's was to be written."""
        return self._takeover.former if self._takeover else None

    @property
    def restore_failing(self) -> bool | None:
        """Whether the user's schedule can't be restored; None while it is not known."""
        if not self._overrides() or not self._is_over():
            return False
        return True if self._failures >= _FAILURES_REPORTED else None

    @property
    def let_go_since(self) -> datetime | None:
        """Since when a followed planner is ignored, because the user took over."""
        return self._let_go_since

    def is_ours(self, schedule: Schedule) -> bool:
        """Whether the active schedule was written, restored or just sent by us."""
        if self._takeover is not None and self._takeover.wrote(schedule):
            return True
        ours = (self._written, self._replaced)
        return any(mine is not None and same_schedule(schedule, mine) for mine in ours)

    def _overrides(self) -> bool:
        """Whether the active schedule is a planner's, as far as is known."""
        active = self._client.state.schedule
        return self._takeover is not None and (
            active is None or self._takeover.overrides(active)
        )

    # Lifecycle

    async def async_load(self) -> None:
        """Continue with what an earlier run left, and restore what is due."""
        stored = await self._store.async_load() or StoredPlan()
        self._takeover, self._let_go_since = stored.takeover, stored.let_go_since
        # What was reported before may have been ours.
        self._unplanned, self._planned_since = self.former, None
        if (active := self._client.state.schedule) is not None:
            self.note_active(active)
        self._arm(at_once=True)

    @callback
    def async_stop(self) -> None:
        """Leave what remains to be done to the next run."""
        self._stopped = True
        self._disarm()

    # What planners and users do

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Keep others here from writing the schedule, once it is this task's turn.

        For who reads a schedule to decide what to write, until that is written. Raises
        CommandTimeout if the turn does not come within the time limit.
        """
        return turn_of(self._turn, "set_schedule")

    async def async_by_user[ResultT](
        self, command: Callable[[], Awaitable[ResultT]]
    ) -> ResultT:
        """Carry out a user's change of the schedule, which no planner's comes between."""
        async with self.turn():
            before = self._client.state.schedule
            result = await command()
            active = self._client.state.schedule
            # Another activation mode does not make the sessions the user's.
            if active and not (before and same_sessions(before, active)):
                self._note_own(active)
            return result

    async def async_write(
        self, wanted: Schedule, *, in_force: Schedule, until: datetime | None
    ) -> None:
        """Write a planner's schedule, for good or `until` its last window has ended.

        Only for who has `turn`, and has read the active schedule, `in_force`, in it. That
        is the user's own unless a planner wrote it: it is saved first. Nothing is sent if
        it already does what is wanted. Raises a HomeAssistantError with nothing sent if
        it can't be saved, and a HypervoltError if the charger did not accept it.
        """
        differs = not same_schedule(wanted, in_force)
        if until is None or (takeover := self._borrow(in_force)) is None:
            await self._write_for_good(wanted, in_force=in_force, differs=differs)
            return
        if not differs:
            if takeover.ours:
                await self._remember(replace(takeover, ours=(in_force,), until=until))
            return
        # A write that fails may have been executed all the same.
        takeover = replace(
            takeover,
            ours=(*takeover.ours, wanted),
            until=max(until, takeover.until),
        )
        await self._remember(takeover)
        try:
            await self._send(wanted, in_force)
        except ChangedMeanwhile:
            # The write may yet be executed: then this is what is to be restored.
            theirs = self._client.state.schedule
            if theirs is not None and (begun := self._borrow(theirs)) is not None:
                await self._remember_soon(replace(takeover, former=begun.former))
            raise
        await self._remember_soon(replace(takeover, ours=(wanted,), until=until))

    async def _write_for_good(
        self, wanted: Schedule, *, in_force: Schedule, differs: bool
    ) -> None:
        if not differs:
            await self._remember(None)
            return
        takeover = self._takeover
        if takeover is not None and takeover.wrote(wanted):
            # It must not be taken for an override if this run ends before the override
            # is forgotten.
            ours = tuple(
                item for item in takeover.ours if not same_schedule(item, wanted)
            )
            await self._remember(replace(takeover, ours=ours))
        self._written = wanted
        await self._send(wanted, in_force)
        self._note_own(wanted)
        await self._remember_soon(None)

    async def _send(self, wanted: Schedule, in_force: Schedule) -> None:
        """Send a schedule; until it is confirmed the former one may be repeated (F10)."""
        self._replaced = in_force
        try:
            await self._client.set_schedule(wanted)
        finally:
            self._replaced = None

    def _borrow(self, in_force: Schedule) -> Takeover | None:
        """Return the override to continue or to begin.

        None where there is nothing that could be restored: an empty schedule in
        Schedule mode would never charge the car, and is never written.
        """
        takeover = self._takeover
        if takeover is not None and takeover.wrote(in_force):
            return takeover
        if takeover is not None and takeover.overrides(in_force):
            return replace(takeover, former=takeover.to_restore(in_force))
        if (own := self._own(in_force)) is None:
            return None
        return Takeover(former=own, ours=(), until=dt_util.utcnow())

    def _own(self, active: Schedule) -> Schedule | None:
        """Return the user's own schedule, which another Home Assistant may override."""
        self.note_active(active)
        own, since = active, self._planned_since
        if self._unplanned is not None and since is not None:
            lasts = time.monotonic() - since < _FOREIGN_PLAN_LASTS.total_seconds()
            enabled = self._unplanned.enabled and active.enabled
            own = replace(self._unplanned, enabled=enabled) if lasts else active
        return None if own.enabled and own.is_empty else own

    @callback
    def note_active(self, active: Schedule) -> None:
        """Note the active schedule: a later one may be another Home Assistant's plan."""
        if self._takeover is not None and self._takeover.overrides(active):
            return
        if not looks_planned(active, dt_util.now().date()):
            self._note_own(active)
        elif self._planned_since is None:
            self._planned_since = time.monotonic()

    @callback
    def _note_own(self, own: Schedule) -> None:
        self._unplanned, self._planned_since = own, None

    async def async_restore(self) -> Restored:
        """Restore the user's own schedule, unless somebody changed it meanwhile.

        Raises a HypervoltError if the charger did not accept it; it stays saved then.
        """
        async with self.turn():
            return await self._restore()

    async def _restore(self) -> Restored:
        takeover = self._takeover
        if takeover is None:
            return Restored.NOTHING_SAVED
        active = await self._client.read_schedule()
        if not takeover.overrides(active):
            await self._remember_soon(None)
            return Restored.CHANGED_MEANWHILE
        self._written = takeover.to_restore(active)
        await self._client.put_back_schedule(self._written)
        await self._remember_soon(None)
        return Restored.RESTORED

    async def async_let_go(self, since: datetime | None) -> None:
        """Note that the user took over, or with None that the planner may continue.

        What was there before the planner is then no longer what the user wants, unless
        a planner's schedule is still there, or they have chosen it again.
        """
        self._let_go_since = since
        async with self._turn:
            takeover, schedule = self._takeover, self._client.state.schedule
            keeps = since is None or (
                takeover is not None
                and schedule is not None
                and (
                    takeover.overrides(schedule)
                    or same_schedule(schedule, takeover.former)
                )
            )
            await self._remember_soon(takeover if keeps else None)

    # What is to be saved

    async def _remember(self, takeover: Takeover | None) -> None:
        """Save an override; if that fails, raise an error and change nothing."""
        if takeover == self._takeover and not self._unsaved:
            return
        try:
            await self._save(takeover)
        except StorageStopping as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="schedule_not_saved_stopping"
            ) from error
        except StorageError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="schedule_not_saved"
            ) from error
        self._set_takeover(takeover)
        self._arm()

    async def _remember_soon(self, takeover: Takeover | None) -> None:
        """Change what is known at once, and save it as soon as that is possible.

        Only for what is as safe with the former content of the file.
        """
        self._set_takeover(takeover)
        try:
            await self._save(takeover)
        except StorageError as error:
            _LOGGER.debug("The override of the schedule is not saved: %r", error)
        self._arm()

    @callback
    def _set_takeover(self, takeover: Takeover | None) -> None:
        if takeover == self._takeover:
            return
        self._takeover = takeover
        self._failures, self._retry_at = 0, 0.0
        self._changed()

    async def _save(self, takeover: Takeover | None) -> None:
        self._unsaved = True
        plan = StoredPlan(takeover=takeover, let_go_since=self._let_go_since)
        try:
            if plan == StoredPlan():
                await self._store.async_clear()
            else:
                await self._store.async_save(plan)
            self._unsaved = False
        finally:
            self._arm()

    # What is due

    @callback
    def _arm(self, *, at_once: bool = False) -> None:
        """Check again at the end of the last window, and in a minute at the latest.

        An end that has passed is dealt with in a minute, or `at_once`.
        """
        self._disarm()
        if self._stopped or (self._takeover is None and not self._unsaved):
            return
        wait = CHECK_INTERVAL
        if self._takeover is not None:
            rest = self._takeover.until - dt_util.utcnow()
            if timedelta() < rest < wait or (at_once and rest <= timedelta()):
                wait = max(rest, timedelta())
        # This timer runs by the monotonic clock, which is never set.
        self._cancel_timer = async_call_later(self._hass, wait, self._check)

    @callback
    def _disarm(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _check(self, _now: datetime) -> None:
        self._cancel_timer = None
        over = self._is_over_for_certain()
        if not over and not self._unsaved:
            # The last microsecond may pass meanwhile.
            self._arm(at_once=not self._clock_is_odd)
            return
        # Cancelled when the entry is unloaded, so that nothing outlives it.
        self._entry.async_create_background_task(
            self._hass,
            self._catch_up(over=over),
            f"{self._entry.title} schedule return",
        )

    def _is_over(self) -> bool:
        """Whether the override has ended, or has an end that no plan has."""
        if self._takeover is None:
            return False
        rest = self._takeover.until - dt_util.utcnow()
        return not timedelta() < rest <= _LONGEST_PLAN

    def _is_over_for_certain(self) -> bool:
        """Whether it has ended; by a clock that may be wrong, at the second check."""
        was_odd, self._clock_is_odd = self._clock_is_odd, False
        if self._takeover is None or not self._is_over():
            return False
        late = dt_util.utcnow() - self._takeover.until
        self._clock_is_odd = not timedelta() <= late < _LONG_OVERDUE
        return was_odd or not self._clock_is_odd

    async def _catch_up(self, *, over: bool) -> None:
        """Save what is not saved yet, and restore the schedule if the plan is over."""
        async with self._turn:
            if self._unsaved:
                await self._remember_soon(self._takeover)
            # While this waited for its turn, the plan may have been prolonged.
            if over and self._is_over() and time.monotonic() >= self._retry_at:
                await self._restore_or_retry()
        self._arm()

    async def _restore_or_retry(self) -> None:
        try:
            outcome = await self._restore()
        except NotConnected as error:
            _LOGGER.debug("The former schedule can't be restored yet: %s", error)
        except HypervoltError as error:
            self._failures += 1
            wait = CHECK_INTERVAL * 2 ** min(self._failures - 1, _MOST_DOUBLINGS)
            # A check that comes a moment early would cost another minute.
            early = CHECK_INTERVAL / 2
            self._retry_at = time.monotonic() + (wait - early).total_seconds()
            _LOGGER.log(
                logging.WARNING if self._failures == 1 else logging.DEBUG,
                "%s: the schedule of the user could not be restored: %s",
                self._entry.title,
                error,
            )
            self._changed()
        else:
            _LOGGER.debug("The plan is over: %s", outcome)


# On disk --------------------------------------------------------------------------


def store_of(hass: HomeAssistant, entry_id: str) -> RecordStore[StoredPlan]:
    """Return where an entry's own schedule is kept."""
    return RecordStore(
        hass,
        entry_id,
        "",
        encode=CODEC.encode,
        decode=partial(CODEC.decode, StoredPlan),
    )


def _text(read: Callable[[str], object]) -> Callable[[Json], object]:
    def decode(stored: Json) -> object:
        if not isinstance(stored, str):
            raise TypeError("is not text")
        return read(stored)

    return decode


CODEC: Final = Codec(
    forms={
        ClockTime: Form(encode=str, decode=_text(ClockTime.parse)),
        frozenset[Weekday]: Form(encode=format_days, decode=_text(parse_days)),
        date: Form(encode=date.isoformat, decode=_text(date.fromisoformat)),
        JsonText: Form(encode=str, decode=_text(parse_json_text)),
    },
    # Whether the user has taken over is known without the schedule.
    tolerant={StoredPlan: ()},
)
