"""What planners have written over a person's own schedule, and its return.

Sessions repeat every week, a plan does not: so a planner only ever borrows the charger.
The person's schedule and activation mode are on disk before the first write, and come
back when the last window has ended, or at the next start if Home Assistant was down then.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
import logging
from typing import Any, Final, TypedDict

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .hypervolt.client import HypervoltApiClient
from .hypervolt.errors import HypervoltError, InvalidSchedule
from .hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
    format_days,
    parse_days,
    same_sessions,
)

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
RETRY: Final = timedelta(minutes=1)


class Restored(StrEnum):
    """What became of the wish to have one's own schedule back."""

    RESTORED = "restored"
    NOTHING_SAVED = "nothing_saved"
    CHANGED_MEANWHILE = "changed_meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """A planner's use of a charger.

    `former` is the person's own schedule; `ours` are the schedules that planners wrote
    or, where a write was never confirmed, may have written; `until` is the end of the
    last window.
    """

    former: Schedule
    ours: tuple[Schedule, ...]
    until: datetime

    def wrote(self, schedule: Schedule) -> bool:
        """Whether a schedule is a planner's, and not a person's or another program's."""
        return any(is_same(schedule, mine) for mine in self.ours)


def is_same(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules have a charger do the same."""
    return (one.enabled, one.type) == (other.enabled, other.type) and same_sessions(
        one, other
    )


class PlannedSchedule:
    """The planner's schedule of one charger, and the person's own behind it."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], client: HypervoltApiClient
    ) -> None:
        """Prepare; `async_load` reads what an earlier run left to do."""
        self._hass = hass
        self._entry = entry
        self._client = client
        self._store = store_of(hass, entry.entry_id)
        self._takeover: Takeover | None = None
        self._put_back: Schedule | None = None
        self._let_go_since: datetime | None = None
        self._turn = asyncio.Lock()
        self._cancel_timer: CALLBACK_TYPE | None = None

    # What is known

    @property
    def restore_at(self) -> datetime | None:
        """When the person's own schedule comes back; None if nothing is borrowed."""
        return self._takeover.until if self._takeover else None

    @property
    def former(self) -> Schedule | None:
        """The person's own schedule while a planner's is in force."""
        return self._takeover.former if self._takeover else None

    @property
    def let_go_since(self) -> datetime | None:
        """Since when a followed planner is ignored, because a person took over."""
        return self._let_go_since

    def is_ours(self, schedule: Schedule) -> bool:
        """Whether a schedule in force is by our doing: written, restored, on its way."""
        if self._turn.locked():
            return True
        if self._takeover is not None:
            return self._takeover.wrote(schedule)
        return self._put_back is not None and is_same(schedule, self._put_back)

    # Life

    async def async_load(self) -> None:
        """Take up what an earlier run left, and see to a return that is due."""
        stored = await self._store.async_load()
        if stored is not None:
            takeover, let_go = stored["takeover"], stored["let_go_since"]
            self._takeover = _takeover_from(takeover) if takeover else None
            self._let_go_since = datetime.fromisoformat(let_go) if let_go else None
        self._arm()

    @callback
    def async_stop(self) -> None:
        """Leave what is to be done to the next run."""
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    # What planners do

    async def async_write(
        self, wanted: Schedule, *, in_force: Schedule, until: datetime | None
    ) -> None:
        """Write a planner's schedule, for good or `until` its last window has ended.

        What is in force, unless a planner wrote it, is the person's own: it is saved
        first. Nothing is sent if it does already what is wanted. Raises a HypervoltError
        if the charger did not take it.
        """
        async with self._turn:
            differs = not is_same(wanted, in_force)
            if until is None or (takeover := self._borrow(in_force)) is None:
                if differs:
                    await self._client.set_schedule(wanted)
                await self._remember(None)
                return
            if not differs:
                if takeover.ours:
                    await self._remember(
                        replace(takeover, ours=(in_force,), until=until)
                    )
                return
            # A write that fails may have been heard all the same.
            await self._remember(
                replace(
                    takeover,
                    ours=(*takeover.ours, wanted),
                    until=max(until, takeover.until),
                )
            )
            await self._client.set_schedule(wanted)
            await self._remember(replace(takeover, ours=(wanted,), until=until))

    def _borrow(self, in_force: Schedule) -> Takeover | None:
        """Return the takeover to go on with or to begin.

        None where there is nothing that could come back: an empty schedule in Schedule
        mode would never charge the car, and is never written.
        """
        if self._takeover is not None and self._takeover.wrote(in_force):
            return self._takeover
        if in_force.enabled and not in_force.sessions:
            return None
        return Takeover(former=in_force, ours=(), until=dt_util.utcnow())

    async def async_restore(self) -> Restored:
        """Put the person's own schedule back, unless somebody changed it meanwhile.

        Raises a HypervoltError if the charger did not take it; it stays saved then.
        """
        async with self._turn:
            return await self._restore()

    async def _restore(self) -> Restored:
        takeover = self._takeover
        if takeover is None:
            return Restored.NOTHING_SAVED
        in_force = await self._client.read_schedule()
        if not takeover.wrote(in_force):
            await self._remember(None)
            return Restored.CHANGED_MEANWHILE
        self._put_back = takeover.former
        await self._client.put_back_schedule(takeover.former)
        await self._remember(None)
        return Restored.RESTORED

    async def async_let_go(self, since: datetime | None) -> None:
        """Note that a person took over, or with None that the planner may go on.

        What was there before the planner is then no longer what the person wants.
        """
        self._let_go_since = since
        if since is not None:
            self._takeover = None
            self.async_stop()
        await self._save()

    # What is still to be done

    async def _remember(self, takeover: Takeover | None) -> None:
        if takeover == self._takeover:
            return
        self._takeover = takeover
        await self._save()
        self._arm()

    async def _save(self) -> None:
        if self._takeover is None and self._let_go_since is None:
            await self._store.async_remove()
            return
        await self._store.async_save(
            {
                "takeover": _takeover_json(self._takeover) if self._takeover else None,
                "let_go_since": (
                    self._let_go_since.isoformat() if self._let_go_since else None
                ),
            }
        )

    @callback
    def _arm(self) -> None:
        """Wait for the end of the last window, which may be past."""
        self.async_stop()
        if self._takeover is not None:
            self._wait_until(self._takeover.until)

    @callback
    def _wait_until(self, moment: datetime) -> None:
        self._cancel_timer = async_track_point_in_utc_time(
            self._hass, self._due, moment
        )

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel_timer = None
        # Cancelled when the entry is unloaded, so that nothing outlives it.
        self._entry.async_create_background_task(
            self._hass, self._return_schedule(), f"{self._entry.title} schedule return"
        )

    async def _return_schedule(self) -> None:
        """Do at the end of a plan what `async_restore` does on demand."""
        async with self._turn:
            if self.restore_at is None or self.restore_at > dt_util.utcnow():
                return  # While this waited for its turn, the plan was prolonged.
            try:
                outcome = await self._restore()
            except InvalidSchedule as error:
                _LOGGER.warning("The former schedule can't be written again: %s", error)
                await self._remember(None)
            except HypervoltError as error:
                _LOGGER.debug("The former schedule is not back yet: %s", error)
                self.async_stop()
                self._wait_until(dt_util.utcnow() + RETRY)
            else:
                _LOGGER.debug("The plan is over: %s", outcome)


# On disk --------------------------------------------------------------------------


class _SessionJson(TypedDict):
    start: str
    end: str
    days: str
    mode: str


class _ScheduleJson(TypedDict):
    enabled: bool
    type: str
    time_zone: str | None
    sessions: list[_SessionJson]


class _TakeoverJson(TypedDict):
    former: _ScheduleJson
    ours: list[_ScheduleJson]
    until: str


class StoredPlan(TypedDict):
    """What is kept over restarts."""

    takeover: _TakeoverJson | None
    let_go_since: str | None


def store_of(hass: HomeAssistant, entry_id: str) -> Store[StoredPlan]:
    """Return where an entry's own schedule is kept."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}", private=True)


def _schedule_json(schedule: Schedule) -> _ScheduleJson:
    return {
        "enabled": schedule.enabled,
        "type": str(schedule.type),
        "time_zone": schedule.time_zone,
        "sessions": [
            {
                "start": str(session.start),
                "end": str(session.end),
                "days": format_days(session.days),
                "mode": session.mode,
            }
            for session in schedule.sessions
        ],
    }


def _schedule_from(stored: _ScheduleJson) -> Schedule:
    return Schedule(
        enabled=stored["enabled"],
        type=stored["type"],
        time_zone=stored["time_zone"],
        sessions=tuple(
            ScheduleSession(
                start=ClockTime.parse(session["start"]),
                end=ClockTime.parse(session["end"]),
                days=parse_days(session["days"]),
                mode=session["mode"],
            )
            for session in stored["sessions"]
        ),
    )


def _takeover_json(takeover: Takeover) -> _TakeoverJson:
    return {
        "former": _schedule_json(takeover.former),
        "ours": [_schedule_json(schedule) for schedule in takeover.ours],
        "until": takeover.until.isoformat(),
    }


def _takeover_from(stored: _TakeoverJson) -> Takeover:
    return Takeover(
        former=_schedule_from(stored["former"]),
        ours=tuple(_schedule_from(schedule) for schedule in stored["ours"]),
        until=datetime.fromisoformat(stored["until"]),
    )
