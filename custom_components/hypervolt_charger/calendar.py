"""The calendar of coming charging windows."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .coordinator import HypervoltConfigEntry
from .entity import HypervoltEntity, HypervoltEntityDescription, async_add_supported
from .hypervolt.schedule import Occurrence, Schedule, next_occurrence, occurrences

PARALLEL_UPDATES = 0


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
    """Shows when the schedule in force lets the car charge."""

    entity_description: HypervoltCalendarEntityDescription

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """The window that is running or comes next."""
        schedule = self.coordinator.data.schedule
        if schedule is None:
            return None
        window = next_occurrence(
            schedule, after=dt_util.utcnow(), zone=self.coordinator.schedule_zone
        )
        return _event(window) if window else None

    @property
    @override
    def _value(self) -> Hashable:
        event = self.event
        return event and (event.start, event.end, event.summary)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return the windows of a stretch of time.

        None of the past: the schedule says when the car may charge, not when it did.
        A planner's windows are over when they have been, though sessions repeat.
        """
        zone = self.coordinator.schedule_zone
        return [
            _event(window)
            for schedule, begin, end in self._stretches(start_date, end_date)
            for window in occurrences(
                schedule, after=begin, zone=zone, days=max((end - begin).days, 0) + 2
            )
            if window.start < end
        ]

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


def _event(window: Occurrence) -> CalendarEvent:
    mode = window.mode.replace("_", " ").title()
    return CalendarEvent(
        start=dt_util.as_local(window.start),
        end=dt_util.as_local(window.end),
        summary=f"Charging ({mode})",
    )
