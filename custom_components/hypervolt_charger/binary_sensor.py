"""Binary sensors: the plug, and the connection to the cloud."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import (
    HypervoltEntity,
    HypervoltEntityDescription,
    async_add_supported,
    speaks_v3_api,
)
from .hypervolt.device_state import HypervoltDeviceState, PilotState

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltBinarySensorEntityDescription(
    HypervoltEntityDescription, BinarySensorEntityDescription
):
    """Describes a binary sensor."""

    is_on_fn: Callable[[HypervoltUpdateCoordinator], bool | None]
    available_fn: Callable[[HypervoltUpdateCoordinator], bool] = lambda coordinator: (
        coordinator.client.available
    )


def is_plugged(state: HypervoltDeviceState) -> bool | None:
    """Whether a car is plugged in; None until the charger has said so once."""
    return None if state.pilot is None else state.pilot is not PilotState.UNPLUGGED


DESCRIPTIONS = (
    HypervoltBinarySensorEntityDescription(
        key="car_plugged",
        device_class=BinarySensorDeviceClass.PLUG,
        supported_fn=speaks_v3_api,
        is_on_fn=lambda coordinator: is_plugged(coordinator.data),
    ),
    HypervoltBinarySensorEntityDescription(
        key="connection",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda coordinator: coordinator.client.connected,
        # It is there to tell when all the others are not.
        available_fn=lambda _: True,
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltBinarySensor, DESCRIPTIONS)


class HypervoltBinarySensor(HypervoltEntity, BinarySensorEntity):
    """Shows whether something is so."""

    entity_description: HypervoltBinarySensorEntityDescription

    @property
    @override
    def available(self) -> bool:
        """Whether the answer can be believed."""
        return self.entity_description.available_fn(self.coordinator)

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it is so; None while that is not known."""
        return self.entity_description.is_on_fn(self.coordinator)

    @property
    @override
    def _value(self) -> Hashable:
        return self.is_on
