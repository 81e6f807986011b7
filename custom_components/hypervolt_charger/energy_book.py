"""What a charger has delivered and when, kept for good.

The library's meters and log keep the books; this room feeds them, prices the energy and
has them on disk. What is shown of a lifetime's energy is what is on disk: so it can't
fall, whatever way Home Assistant ends.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
import logging
import math
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .energy_store import SESSIONS_KEPT, Books, EnergyStore, not_among
from .hypervolt.charge_log import ChargeEvent, ChargeEventType, ChargeSession, Moment
from .hypervolt.client import SessionFrame
from .hypervolt.clock import SteadyClock
from .hypervolt.device_state import HypervoltDeviceState, HypervoltReleaseState
from .hypervolt.energy import EnergyMeter, Reading
from .hypervolt.permission import (
    SOLAR_MODES,
    is_plugged,
    mode_in_force,
    schedule_forbids,
)
from .hypervolt.plug import Plug
from .hypervolt.tariff import Tariff
from .storage import StorageError

_LOGGER = logging.getLogger(__name__)

# How far what is shown, and what a power cut leaves behind, may lag.
SAVE_INTERVAL: Final = timedelta(seconds=10)
# The same for the energy of house and grid, which flows day and night.
POWER_SAVE_INTERVAL: Final = timedelta(minutes=1)
# After a failed write, of which Home Assistant logs each.
RETRY_INTERVAL: Final = timedelta(minutes=1)
# Events before anybody listens; more than a set-up can bring about.
_MOST_UNHEARD: Final = 20

type EventListener = Callable[[ChargeEvent], None]


class EnergyBook:
    """The energy books of one charger."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        *,
        now_live: Callable[[], HypervoltDeviceState | None],
        plug: Callable[[], Plug],
        zone: Callable[[], tzinfo],
        changed: Callable[[], None],
    ) -> None:
        """Prepare; `async_load` reads what is on disk, and must come before `read`.

        `now_live` returns the charger's state while it is valid, `plug` what is known of
        its plug, `zone` the time zone of its schedule; `changed` is called when something
        shown has changed by itself.
        """
        self._hass = hass
        self._entry = entry
        self._now_live = now_live
        self._plug = plug
        self._zone = zone
        self._changed = changed
        self._store = EnergyStore(hass, entry.entry_id)
        self._books = self._saved = Books()
        self._sessions: list[ChargeSession] = []
        self._saved_sessions = self._sessions
        self._dirty = False
        # By the loop's clock: the computer's may be set.
        self._saved_at = self._save_at = -math.inf
        self._clock = SteadyClock(dt_util.utcnow())
        self._cancel_save: CALLBACK_TYPE | None = None
        self._saving = self._failed = False
        self._cancel_due: CALLBACK_TYPE | None = None
        self._seen: object = None
        self._listeners: list[EventListener] = []
        self._unheard: list[ChargeEvent] = []
        self.powers_wanted = False
        self.tariff = Tariff()

    async def async_load(self) -> None:
        """Go on with the books of an earlier run."""
        books, saved = await self._store.async_load()
        self._sessions = self._saved_sessions = saved
        if books.unsaved:
            self._sessions = [*saved, *books.unsaved][-SESSIONS_KEPT:]
            books = replace(books, unsaved=())
            self._save_soon(SAVE_INTERVAL)
        # A finished session is written first: it may be open in the other file still.
        open_session = books.log.session
        if open_session and any(
            session.start == open_session.start for session in self._sessions
        ):
            books = replace(books, log=replace(books.log, session=None, paused_at=None))
        # Times to come are those of a clock that was wrong.
        now, latest = dt_util.utcnow(), books.log.latest
        if latest is not None and latest > now:
            books = replace(books, log=books.log.shifted(now - latest))
        self._books = self._saved = books
        self.tariff = Tariff(books.price, books.priced_until)

    async def async_stop(self) -> None:
        """Write what is not on disk yet."""
        self._cancel_timers()
        if self._books != self._saved:
            await self._save()
        # Armed again if that failed.
        self._cancel_timers()

    def _cancel_timers(self) -> None:
        for cancel in (self._cancel_save, self._cancel_due):
            if cancel is not None:
                cancel()
        self._cancel_save = self._cancel_due = None

    # What is known

    @property
    def shown(self) -> Books:
        """The books as they are on disk."""
        return self._saved

    @property
    def session_watt_hours(self) -> int | None:
        """The energy of the session that is going on, 0 between sessions.

        None before the charger has told anything of a session.
        """
        if self._books.meter.count is None:
            return None
        session = self._books.log.session
        return session.initial + session.watt_hours if session else 0

    @property
    def plugged(self) -> bool | None:
        """Whether a car was plugged in when the plug was last reported."""
        return self._books.log.plugged

    @property
    def complete(self) -> bool:
        """Whether the car took no more though it might."""
        return self._books.log.complete

    def sessions(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> list[ChargeSession]:
        """Return the finished sessions that lie at least partly in a stretch of time."""
        return [
            session
            for session in self._sessions
            if (start is None or session.end > start)
            and (end is None or session.start < end)
        ]

    @callback
    def async_subscribe(self, listener: EventListener) -> CALLBACK_TYPE:
        """Hear of events, also of those that came before anybody listened."""
        self._listeners.append(listener)
        unheard, self._unheard = self._unheard, []
        for event in unheard:
            listener(event)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_at_least(self, watt_hours: int) -> None:
        """Go on from a lifetime's energy that was shown before, if it is more.

        The state machine remembers it as well, so that not even a lost file lets the
        meter fall.
        """
        if watt_hours > self._saved.meter.total:
            more = watt_hours - self._saved.meter.total
            self._saved = _raised(self._saved, more)
            self._books = _raised(self._books, more)
            self._dirty = True
            self._save_soon(SAVE_INTERVAL)

    # What the charger tells

    @callback
    def async_read(self, frame: SessionFrame) -> bool:
        """Take in session data; return whether something shown has changed.

        Only what the frame itself held is counted: an older reading is none of now.
        """
        state, reported, at = frame.state, frame.reported, self._now(frame.at)
        books, count = self._books, state.session_watt_hours
        meter = books.meter
        if count is not None and "session_watt_hours" in reported:
            meter = meter.read(
                Reading(
                    at=frame.at,
                    watt_hours=count,
                    charging=state.charging,
                    session_id=state.session_id,
                    plugged=is_plugged(state) if self._plug().confirmed else None,
                )
            )
        house = state.house_power if "house_power" in reported else None
        grid = state.grid_power if "grid_power" in reported else None
        sun = state.generation_power if "generation_power" in reported else None
        price, priced_until = self.tariff.remembered(frame.at)
        books = replace(
            books,
            house=books.house.read(at, house),
            grid_import=books.grid_import.read(at, grid and max(grid, 0.0)),
            grid_export=books.grid_export.read(at, grid and max(-grid, 0.0)),
            generation=books.generation.read(at, sun),
            price=price,
            priced_until=priced_until,
        )
        return self._go_on(books, meter, state, at)

    @callback
    def async_look(self) -> None:
        """Take in what else has changed, such as the plug or the schedule."""
        state = self._now_live()
        if state is None:
            return
        if _looks(state) != self._seen:
            at = self._now(dt_util.utcnow())
            self._go_on(self._books, self._books.meter, state, at)

    def _now(self, wall: datetime) -> datetime:
        """Return the time; what has begun keeps its duration if the clock is set."""
        now, jump = self._clock.read(wall)
        if jump:
            self._books = replace(self._books, log=self._books.log.shifted(jump))
        return now

    def _go_on(
        self,
        books: Books,
        meter: EnergyMeter,
        state: HypervoltDeviceState,
        at: datetime,
    ) -> bool:
        self._seen = _looks(state)
        before = self._books
        log, events = before.log.observe(self._moment(before.meter, meter, state, at))
        shown = self.session_watt_hours, self.complete
        self._books = replace(books, meter=meter, log=log)
        for event in events:
            self._happened(event)
        first = before.meter.count is None and meter.count is not None
        plug_changed = log.plugged is not before.log.plugged
        if events or first or plug_changed or meter.total != before.meter.total:
            self._dirty = True
            self._save_soon(SAVE_INTERVAL)
        elif self.powers_wanted:
            self._save_soon(POWER_SAVE_INTERVAL)
        self._wait_for(log.due, at)
        return shown != (self.session_watt_hours, self.complete)

    def _moment(
        self,
        before: EnergyMeter,
        meter: EnergyMeter,
        state: HypervoltDeviceState,
        at: datetime,
    ) -> Moment:
        zone = self._zone()
        mode = mode_in_force(state, at, zone)
        more = meter.total - before.total
        began = before.count is None and state.charging is True
        return Moment(
            at=at,
            charging=state.charging,
            plugged=is_plugged(state),
            stopped=state.release_state is HypervoltReleaseState.RELEASED,
            forbidden=schedule_forbids(state, at, zone),
            solar=mode in SOLAR_MODES,
            mode=mode,
            watts=state.car_watts,
            runs=meter.runs,
            more=more,
            initial=(meter.count or 0) if began else 0,
            cost=self._cost(more, before.counted_at),
            renumbered=before.session_id is not None
            and meter.session_id not in (None, before.session_id),
            doubtful=meter.candidate is not None,
            plug_confirmed=self._plug().confirmed,
            plug_initial=self._plug().initial,
        )

    def _cost(self, watt_hours: int, since: datetime | None) -> float | None:
        """Return what energy costs that has flowed since a time; None if unknown."""
        if not watt_hours:
            return None
        now = dt_util.utcnow()
        return self.tariff.bill(watt_hours, since or now, now)

    def _happened(self, event: ChargeEvent) -> None:
        if event.type is ChargeEventType.FINISHED and event.session is not None:
            self._sessions = [*self._sessions, event.session][-SESSIONS_KEPT:]
        if not self._listeners:
            self._unheard = [*self._unheard, event][-_MOST_UNHEARD:]
        for listener in self._listeners:
            listener(event)

    # What is due

    def _wait_for(self, due: datetime | None, now: datetime) -> None:
        """Look again when a pause has lasted long enough to mean something."""
        if self._cancel_due is not None:
            self._cancel_due()
            self._cancel_due = None
        if due is not None and due > now:
            self._cancel_due = async_call_later(
                self._hass, (due - now).total_seconds(), self._due
            )

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel_due = None
        self._seen = None
        self.async_look()
        self._changed()

    def _save_soon(self, interval: timedelta) -> None:
        """Have the books written when this long has passed since the last time."""
        if self._failed:
            interval = max(interval, RETRY_INTERVAL)
        due = self._saved_at + interval.total_seconds()
        if self._saving or (self._cancel_save is not None and self._save_at <= due):
            return
        if self._cancel_save is not None:
            self._cancel_save()
        self._save_at = due
        self._cancel_save = async_call_later(
            self._hass, max(due - self._hass.loop.time(), 0), self._save_due
        )

    @callback
    def _save_due(self, _now: datetime) -> None:
        self._cancel_save = None
        self._entry.async_create_background_task(
            self._hass, self._save(), f"{self._entry.title} energy books"
        )

    async def _save(self) -> None:
        """Write what is not on disk yet; what can't be written is tried again.

        Sessions that have ended are not lost with a session file that can't be written:
        the other file has them until then.
        """
        self._saving, self._dirty, self._failed = True, False, False
        books, sessions = self._books, self._sessions
        try:
            if sessions is not self._saved_sessions and await self._saves(
                self._store.async_save_sessions(sessions)
            ):
                self._saved_sessions = sessions
            if sessions is not self._saved_sessions:
                unsaved = not_among(self._saved_sessions, sessions)
                books = replace(books, unsaved=unsaved)
            if await self._saves(self._store.async_save_books(books)):
                self._saved = books
        finally:
            self._saved_at = self._hass.loop.time()
            self._saving = False
        if self._dirty:
            self._save_soon(SAVE_INTERVAL)
        self._changed()

    async def _saves(self, saving: Awaitable[bool]) -> bool:
        """Whether a file is on disk now; if not, it is to be written again."""
        try:
            return await saving
        except StorageError as error:
            self._dirty = self._failed = True
            _LOGGER.debug("The energy can't be saved yet: %s", error)
            return False


def _looks(state: HypervoltDeviceState) -> tuple[object, ...]:
    """Return what of a charger matters beside its session data."""
    return state.charging, state.pilot, state.release_state, state.schedule


def _raised(books: Books, more: int) -> Books:
    meter = replace(books.meter, total=books.meter.total + more)
    return replace(books, meter=meter)
