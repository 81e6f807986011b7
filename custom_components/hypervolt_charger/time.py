"""Times: start and end of the sessions a person edits before "Apply"."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import time
from typing import override

from homeassistant.components.time import TimeEntity, TimeEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry
from .entity import HypervoltControl, HypervoltEntityDescription, async_add_supported
from .hypervolt.draft import SLOTS, ScheduleDraft
from .hypervolt.schedule import ClockTime

# Nothing is sent before "Apply".
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltTimeEntityDescription(HypervoltEntityDescription, TimeEntityDescription):
    """Describes a time of a session."""

    value_fn: Callable[[ScheduleDraft], ClockTime | None]
    edit_fn: Callable[[ScheduleDraft, ClockTime], ScheduleDraft]


def _start(number: int) -> HypervoltTimeEntityDescription:
    return HypervoltTimeEntityDescription(
        key=f"schedule_session_{number}_start_time",
        translation_key="schedule_session_start_time",
        translation_placeholders={"number": str(number)},
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda draft: draft.slot(number).start,
        edit_fn=lambda draft, clock: draft.edit(number, start=clock),
    )


def _end(number: int) -> HypervoltTimeEntityDescription:
    return HypervoltTimeEntityDescription(
        key=f"schedule_session_{number}_end_time",
        translation_key="schedule_session_end_time",
        translation_placeholders={"number": str(number)},
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda draft: draft.slot(number).end,
        edit_fn=lambda draft, clock: draft.edit(number, end=clock),
    )


DESCRIPTIONS = tuple(
    description(number)
    for number in range(1, SLOTS + 1)
    for description in (_start, _end)
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the times of a charger's schedule."""
    async_add_supported(entry, async_add_entities, HypervoltTime, DESCRIPTIONS)


class HypervoltTime(HypervoltControl, TimeEntity):
    """A time of the edited schedule; the end of a day shows as 00:00."""

    entity_description: HypervoltTimeEntityDescription

    @property
    @override
    def native_value(self) -> time | None:
        """The time as edited, else as the charger has it; None in an unused session."""
        if not self._is_current:
            return None
        clock = self.entity_description.value_fn(self.coordinator.draft)
        return None if clock is None else clock.to_time()

    @property
    @override
    def _value(self) -> Hashable:
        return self.native_value

    @override
    async def async_set_value(self, value: time) -> None:
        """Edit the time."""
        await self._command(self._edit(value))

    async def _edit(self, value: time) -> None:
        clock = ClockTime.from_time(value)
        self.coordinator.async_edit_session(
            lambda draft: self.entity_description.edit_fn(draft, clock)
        )
