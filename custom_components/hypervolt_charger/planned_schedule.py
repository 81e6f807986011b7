"""A planner's schedule over the user's own one, which is restored afterwards.

Sessions repeat every week, a plan does not: so a planner only ever overrides. The
user's schedule and activation mode are on disk before anything is sent to the charger,
and are restored when the last window has ended, or at the next start if Home Assistant
was not running then.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .hypervolt.client import HypervoltApiClient
from .hypervolt.errors import HypervoltError, InvalidSchedule
from .hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
    format_days,
    parse_days,
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
        return any(is_same(schedule, mine) for mine in self.ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """What is kept over restarts."""

    takeover: Takeover | None = None
    let_go_since: datetime | None = None


def is_same(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules have the same effect on a charger."""
    return (one.enabled, one.type) == (other.enabled, other.type) and same_sessions(
        one, other
    )


class PlannedSchedule:
    """The planner's schedule of one charger, and the user's own that it overrides."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], client: HypervoltApiClient
    ) -> None:
        """Prepare; `async_load` reads what an earlier run has left to do."""
        self._hass = hass
        self._entry = entry
        self._client = client
        self._store = store_of(hass, entry.entry_id)
        self._takeover: Takeover | None = None
        self._put_back: Schedule | None = None
        self._let_go_since: datetime | None = None
        self._turn = asyncio.Lock()
        self._commanding = False
        # Whether the file may differ from what is known here.
        self._unsaved = False
        self._stopped = False
        self._clock_is_odd = False
        self._cancel_timer: CALLBACK_TYPE | None = None

    # What is known

    @property
    def restore_at(self) -> datetime | None:
        """When the user's own schedule is restored; None if it is not overridden."""
        return self._takeover.until if self._takeover else None

    @property
    def former(self) -> Schedule | None:
        """The user's own schedule while a planner's is active."""
        return self._takeover.former if self._takeover else None

    @property
    def let_go_since(self) -> datetime | None:
        """Since when a followed planner is ignored, because the user took over."""
        return self._let_go_since

    def is_ours(self, schedule: Schedule) -> bool:
        """Whether the active schedule was written, restored or just sent by us."""
        if self._commanding:
            return True
        if self._takeover is not None and self._takeover.wrote(schedule):
            return True
        return self._put_back is not None and is_same(schedule, self._put_back)

    # Lifecycle

    async def async_load(self) -> None:
        """Continue with what an earlier run left, and restore what is due."""
        stored = await self._store.async_load() or StoredPlan()
        self._takeover, self._let_go_since = stored.takeover, stored.let_go_since
        self._arm(at_once=True)

    @callback
    def async_stop(self) -> None:
        """Leave what remains to be done to the next run."""
        self._stopped = True
        self._disarm()

    # What planners do

    async def async_write(
        self, wanted: Schedule, *, in_force: Schedule, until: datetime | None
    ) -> None:
        """Write a planner's schedule, for good or `until` its last window has ended.

        The active schedule, `in_force`, is the user's own unless a planner wrote it: it
        is saved first. Nothing is sent if it already does what is wanted. Raises a
        HomeAssistantError with nothing sent if it can't be saved, and a HypervoltError
        if the charger did not accept it.
        """
        async with self._commands():
            differs = not is_same(wanted, in_force)
            if until is None or (takeover := self._borrow(in_force)) is None:
                await self._write_for_good(wanted, differs=differs)
                return
            if not differs:
                if takeover.ours:
                    await self._remember(
                        replace(takeover, ours=(in_force,), until=until)
                    )
                return
            # A write that fails may have been executed all the same.
            await self._remember(
                replace(
                    takeover,
                    ours=(*takeover.ours, wanted),
                    until=max(until, takeover.until),
                )
            )
            await self._client.set_schedule(wanted)
            await self._remember_soon(replace(takeover, ours=(wanted,), until=until))

    async def _write_for_good(self, wanted: Schedule, *, differs: bool) -> None:
        if not differs:
            await self._remember(None)
            return
        takeover = self._takeover
        if takeover is not None and takeover.wrote(wanted):
            # It must not be taken for an override if this run ends before the override
            # is forgotten.
            ours = tuple(item for item in takeover.ours if not is_same(item, wanted))
            await self._remember(replace(takeover, ours=ours))
        await self._client.set_schedule(wanted)
        await self._remember_soon(None)

    def _borrow(self, in_force: Schedule) -> Takeover | None:
        """Return the override to continue or to begin.

        None where there is nothing that could be restored: an empty schedule in
        Schedule mode would never charge the car, and is never written.
        """
        if self._takeover is not None and self._takeover.wrote(in_force):
            return self._takeover
        if in_force.enabled and not in_force.sessions:
            return None
        return Takeover(former=in_force, ours=(), until=dt_util.utcnow())

    async def async_restore(self) -> Restored:
        """Restore the user's own schedule, unless somebody changed it meanwhile.

        Raises a HypervoltError if the charger did not accept it; it stays saved then.
        """
        async with self._commands():
            return await self._restore()

    async def _restore(self) -> Restored:
        takeover = self._takeover
        if takeover is None:
            return Restored.NOTHING_SAVED
        in_force = await self._client.read_schedule()
        if not takeover.wrote(in_force):
            await self._remember_soon(None)
            return Restored.CHANGED_MEANWHILE
        self._put_back = takeover.former
        await self._client.put_back_schedule(takeover.former)
        await self._remember_soon(None)
        return Restored.RESTORED

    async def async_let_go(self, since: datetime | None) -> None:
        """Note that the user took over, or with None that the planner may continue.

        What was there before the planner is then no longer what the user wants, unless
        a planner has written again since.
        """
        self._let_go_since = since
        async with self._turn:
            takeover, schedule = self._takeover, self._client.state.schedule
            overridden = schedule and takeover and takeover.wrote(schedule)
            keeps = since is None or overridden
            await self._remember_soon(takeover if keeps else None)

    # What is to be saved

    @asynccontextmanager
    async def _commands(self) -> AsyncGenerator[None]:
        """Send commands that no other task's may come between."""
        async with self._turn:
            self._commanding = True
            try:
                yield
            finally:
                self._commanding = False

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
        self._takeover = takeover
        self._arm()

    async def _remember_soon(self, takeover: Takeover | None) -> None:
        """Change what is known at once, and save it as soon as that is possible.

        Only for what is as safe with the former content of the file.
        """
        self._takeover = takeover
        try:
            await self._save(takeover)
        except StorageError as error:
            _LOGGER.debug("The override of the schedule is not saved: %r", error)
        self._arm()

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
        async with self._commands():
            if self._unsaved:
                await self._remember_soon(self._takeover)
            # While this waited for its turn, the plan may have been prolonged.
            if over and self._is_over():
                await self._restore_or_retry()
        self._arm()

    async def _restore_or_retry(self) -> None:
        try:
            outcome = await self._restore()
        except InvalidSchedule as error:
            _LOGGER.warning("The former schedule can't be written again: %s", error)
            await self._remember_soon(None)
        except HypervoltError as error:
            _LOGGER.debug("The former schedule is not restored yet: %s", error)
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
    },
    # Whether the user has taken over is known without the schedule.
    tolerant={StoredPlan: ()},
    # Only sessions of Octopus have it, which are never overridden.
    left_out={ScheduleSession: ("on_date",)},
)
