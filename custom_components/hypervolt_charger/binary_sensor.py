"""Binary sensors: the plug, and the connection to the cloud."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry
from .entity import (
    HypervoltEntity,
    HypervoltEntityDescription,
    async_add_supported,
    is_always_there,
    speaks_v3_api,
)
from .hypervolt.client import HypervoltApiClient
from .hypervolt.permission import is_plugged

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltBinarySensorEntityDescription(
    HypervoltEntityDescription, BinarySensorEntityDescription
):
    """Describes a binary sensor."""

    is_on_fn: Callable[[HypervoltApiClient], bool | None]
    attributes_fn: Callable[[HypervoltApiClient], dict[str, bool]] | None = None


ATTR_CONFIRMED: Final = "confirmed"


def _plug_attributes(client: HypervoltApiClient) -> dict[str, bool]:
    """Return whether the plug is more than a memory."""
    return {ATTR_CONFIRMED: client.live and client.plug.confirmed}


DESCRIPTIONS = (
    HypervoltBinarySensorEntityDescription(
        key="car_plugged",
        device_class=BinarySensorDeviceClass.PLUG,
        supported_fn=speaks_v3_api,
        # A memory is shown as well, and says that it is one.
        available_fn=is_always_there,
        is_on_fn=lambda client: is_plugged(client.state),
        attributes_fn=_plug_attributes,
    ),
    HypervoltBinarySensorEntityDescription(
        key="connection",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        available_fn=is_always_there,
        is_on_fn=lambda client: client.connected and not client.stalled,
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
    def is_on(self) -> bool | None:
        """Whether it is so; None while that is not known."""
        return self.entity_description.is_on_fn(self.coordinator.client)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, bool] | None:
        """What is to be known of the state."""
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.coordinator.client) if attributes_fn else None

    @property
    @override
    def _value(self) -> Hashable:
        attributes = self.extra_state_attributes or {}
        return self.is_on, *attributes.items()
