"""The calendar: coming charging windows, and behind them the finished sessions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .coordinator import HypervoltConfigEntry
from .entity import HypervoltEntity, HypervoltEntityDescription, async_add_supported
from .hypervolt.charge_log import ChargeSession
from .hypervolt.schedule import Occurrence, Schedule, occurrences

PARALLEL_UPDATES = 0

_LONGEST_AHEAD: Final = timedelta(days=367)


@dataclass(frozen=True, kw_only=True)
class HypervoltCalendarEntityDescription(
    HypervoltEntityDescription, CalendarEntityDescription
):
    """Describes a calendar."""


DESCRIPTIONS = (HypervoltCalendarEntityDescription(key="charging_schedule"),)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the calendar of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltCalendar, DESCRIPTIONS)


class HypervoltCalendar(HypervoltEntity, CalendarEntity):
    """Shows when the schedule in force lets the car charge, and when it did."""

    entity_description: HypervoltCalendarEntityDescription

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """The window that is running or comes next."""
        window = self._value
        return _event(window) if window else None

    @property
    @override
    def _value(self) -> Occurrence | None:
        return self.coordinator.next_window

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return the sessions and windows of a stretch of time.

        No windows of the past: the schedule says when the car may charge, not when it
        did. A planner's windows are over when they have been, though sessions repeat.
        """
        if end_date - dt_util.utcnow() > _LONGEST_AHEAD:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="calendar_too_long"
            )
        # Years of sessions would hold up the event loop.
        return await hass.async_add_executor_job(
            _events,
            self.coordinator.energy.sessions(start_date, end_date),
            list(self._stretches(start_date, end_date)),
            self.coordinator.schedule_zone,
        )

    def _stretches(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[Schedule, datetime, datetime]]:
        """Yield which schedule is in force from when until when."""
        schedule, planned = self.coordinator.data.schedule, self.coordinator.planned
        start = max(start, dt_util.utcnow())
        if schedule is None:
            return
        if planned.former is None or planned.restore_at is None:
            yield schedule, start, end
            return
        yield schedule, start, min(end, planned.restore_at)
        yield planned.former, max(start, planned.restore_at), end


def _events(
    sessions: Iterable[ChargeSession],
    stretches: Iterable[tuple[Schedule, datetime, datetime]],
    zone: tzinfo,
) -> list[CalendarEvent]:
    windows = (
        _event(window)
        for schedule, begin, end in stretches
        for window in occurrences(
            schedule, after=begin, zone=zone, days=max((end - begin).days, 0) + 2
        )
        if window.start < end
    )
    return [*(_finished(session) for session in sessions), *windows]


def _event(window: Occurrence) -> CalendarEvent:
    return CalendarEvent(
        start=dt_util.as_local(window.start),
        end=dt_util.as_local(window.end),
        summary=f"Charging ({_label(window.mode)})",
    )


def _finished(session: ChargeSession) -> CalendarEvent:
    lines = [f"{session.charging_seconds / 60:.0f} min"]
    if session.charge_mode is not None:
        lines.append(_label(session.charge_mode))
    if session.total_cost is not None:
        lines.append(f"{session.total_cost:.2f}")
    # Calendars refuse an event that has no length.
    end = max(session.end, session.start + timedelta(seconds=1))
    return CalendarEvent(
        start=dt_util.as_local(session.start),
        end=dt_util.as_local(end),
        summary=f"Charged {session.watt_hours / 1000:.1f} kWh",
        description="\n".join(lines),
    )


def _label(mode: str) -> str:
    return mode.replace("_", " ").title()
