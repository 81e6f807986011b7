"""Texts: the charger's name, and the days of the sessions a person edits."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.text import TextEntity, TextEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import (
    HypervoltControl,
    HypervoltEntityDescription,
    async_add_supported,
    speaks_v3_api,
)
from .hypervolt.device_state import HypervoltDeviceState
from .hypervolt.draft import SLOTS
from .hypervolt.schedule import format_days, parse_days

# The client sends one command at a time.
PARALLEL_UPDATES = 0

_NAME_LENGTH: Final = 250


@dataclass(frozen=True, kw_only=True)
class HypervoltTextEntityDescription(HypervoltEntityDescription, TextEntityDescription):
    """Describes a text."""

    value_fn: Callable[[HypervoltUpdateCoordinator], str | None]
    set_fn: Callable[[HypervoltUpdateCoordinator, str], Awaitable[None]]


def _name(state: HypervoltDeviceState) -> str | None:
    """Return the name, cut to what a text may hold; None for none."""
    return state.name[:_NAME_LENGTH] if state.name else None


def _days_of_week(number: int) -> HypervoltTextEntityDescription:
    async def edit(coordinator: HypervoltUpdateCoordinator, text: str) -> None:
        days = parse_days(text)
        coordinator.async_edit_session(lambda draft: draft.edit(number, days=days))

    return HypervoltTextEntityDescription(
        key=f"schedule_session_{number}_days_of_week",
        translation_key="schedule_session_days_of_week",
        translation_placeholders={"number": str(number)},
        entity_category=EntityCategory.CONFIG,
        supported_fn=speaks_v3_api,
        value_fn=lambda coordinator: format_days(coordinator.draft.slot(number).days),
        set_fn=edit,
    )


DESCRIPTIONS = (
    HypervoltTextEntityDescription(
        key="charger_name",
        entity_category=EntityCategory.CONFIG,
        native_min=1,
        native_max=_NAME_LENGTH,
        value_fn=lambda coordinator: _name(coordinator.data),
        set_fn=lambda coordinator, name: coordinator.client.set_name(name),
    ),
    *(_days_of_week(number) for number in range(1, SLOTS + 1)),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the texts of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltText, DESCRIPTIONS)


class HypervoltText(HypervoltControl, TextEntity):
    """A text of a charger or of the edited schedule."""

    entity_description: HypervoltTextEntityDescription

    @property
    @override
    def native_value(self) -> str | None:
        """The text; None while it is not known."""
        if not self._is_current:
            return None
        return self.entity_description.value_fn(self.coordinator)

    @property
    @override
    def _value(self) -> Hashable:
        return self.native_value

    @override
    async def async_set_value(self, value: str) -> None:
        """Change the text."""
        await self._command(self.entity_description.set_fn(self.coordinator, value))
