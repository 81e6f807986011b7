"""Switches: charging, and the lock."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry
from .entity import HypervoltControl, HypervoltEntityDescription, async_add_supported
from .hypervolt.client import HypervoltApiClient

# The client sends one command at a time.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltSwitchEntityDescription(
    HypervoltEntityDescription, SwitchEntityDescription
):
    """Describes a switch."""

    is_on_fn: Callable[[HypervoltApiClient], bool | None]
    set_fn: Callable[[HypervoltApiClient, bool], Awaitable[None]]


DESCRIPTIONS = (
    HypervoltSwitchEntityDescription(
        key="charging",
        # A reading, though stopping a charge must stay possible without live data.
        is_on_fn=lambda client: client.state.charging if client.live else None,
        set_fn=lambda client, on: client.set_charging(on),
    ),
    HypervoltSwitchEntityDescription(
        key="lock_state",
        is_on_fn=lambda client: client.state.is_locked,
        set_fn=lambda client, on: client.set_locked(on),
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltSwitch, DESCRIPTIONS)


class HypervoltSwitch(HypervoltControl, SwitchEntity):
    """Switches something of a charger; shows what the charger says, not the wish."""

    entity_description: HypervoltSwitchEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it is on; None while that is not known."""
        if not self._is_current:
            return None
        return self.entity_description.is_on_fn(self.coordinator.client)

    @property
    @override
    def _value(self) -> Hashable:
        return self.is_on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch it on."""
        await self._set(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch it off."""
        await self._set(on=False)

    async def _set(self, *, on: bool) -> None:
        await self._command(self.entity_description.set_fn(self.coordinator.client, on))
