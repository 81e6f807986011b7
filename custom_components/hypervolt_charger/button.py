"""Buttons: what becomes of the schedule a person has edited."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import HypervoltControl, HypervoltEntityDescription, async_add_supported

# The client sends one command at a time.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltButtonEntityDescription(
    HypervoltEntityDescription, ButtonEntityDescription
):
    """Describes a button."""

    press_fn: Callable[[HypervoltUpdateCoordinator], Awaitable[None]]


async def _discard(coordinator: HypervoltUpdateCoordinator) -> None:
    coordinator.async_edit_draft(coordinator.draft.discard())


DESCRIPTIONS = (
    HypervoltButtonEntityDescription(
        key="apply_schedule",
        entity_category=EntityCategory.CONFIG,
        press_fn=lambda coordinator: coordinator.async_apply_draft(),
    ),
    HypervoltButtonEntityDescription(
        key="discard_schedule_changes",
        entity_category=EntityCategory.CONFIG,
        press_fn=_discard,
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltButton, DESCRIPTIONS)


class HypervoltButton(HypervoltControl, ButtonEntity):
    """Something to be done with the edited schedule."""

    entity_description: HypervoltButtonEntityDescription

    @property
    @override
    def _value(self) -> Hashable:
        """A button shows nothing of the charger."""
        return None

    @override
    async def async_press(self) -> None:
        """Do it."""
        await self._command(self.entity_description.press_fn(self.coordinator))
