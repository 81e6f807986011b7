"""The base of every entity."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import override

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN, MANUFACTURER
from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .hypervolt.charger import ApiVariant
from .hypervolt.client import HypervoltApiClient


@dataclass(frozen=True, kw_only=True)
class HypervoltEntityDescription(EntityDescription):
    """Knows which chargers an entity exists for, and when it can be believed."""

    available_fn: Callable[[HypervoltApiClient], bool] = lambda client: client.available
    supported_fn: Callable[[HypervoltUpdateCoordinator], bool] = lambda _: True


def is_live(client: HypervoltApiClient) -> bool:
    """Whether readings can be believed, which takes more than a connection."""
    return client.live


def is_always_there(_: HypervoltApiClient) -> bool:
    """Let an entity tell about the connection also when there is none."""
    return True


def speaks_v3_api(coordinator: HypervoltUpdateCoordinator) -> bool:
    """Whether a charger has what only the newer dialect tells and takes."""
    return coordinator.client.variant is ApiVariant.V3


def is_entity_of_key(entry: er.RegistryEntry | None, key: str) -> bool:
    """Whether an entity, of whatever name, is a charger's with this translation key."""
    return (
        entry is not None and entry.platform == DOMAIN and entry.translation_key == key
    )


class HypervoltEntity(CoordinatorEntity[HypervoltUpdateCoordinator]):
    """Shows one thing of a charger, and writes its state only when that changed."""

    entity_description: HypervoltEntityDescription
    _attr_has_entity_name = True
    _shown: Hashable = None

    def __init__(
        self,
        coordinator: HypervoltUpdateCoordinator,
        description: HypervoltEntityDescription,
    ) -> None:
        """Tie the entity to its charger's device."""
        super().__init__(coordinator)
        self.entity_description = description
        charger = coordinator.charger
        self._attr_translation_key = description.translation_key or description.key
        self._attr_unique_id = f"{charger.charger_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            configuration_url="https://hypervolt.co.uk",
            identifiers={(DOMAIN, charger.charger_id)},
            manufacturer=MANUFACTURER,
            model=charger.model,
            name="Hypervolt",
            serial_number=charger.charger_id,
            sw_version=coordinator.client.state.firmware_version,
        )

    @property
    @override
    def available(self) -> bool:
        """Whether what the entity shows can be believed.

        A charger that turned out to speak another dialect no longer tells some things.
        """
        description = self.entity_description
        return description.available_fn(
            self.coordinator.client
        ) and description.supported_fn(self.coordinator)

    @property
    @abstractmethod
    def _value(self) -> Hashable:
        """All that the entity shows, to tell whether it changed."""

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        shown = (self.available, self._value)
        if shown != self._shown:
            self._shown = shown
            self.async_write_ha_state()

    async def _command(self, command: Awaitable[None]) -> None:
        """Carry out what a person wants; what could not be set jumps back."""
        try:
            await self.coordinator.async_command(command)
        except HomeAssistantError:
            self.async_write_ha_state()
            raise


@callback
def async_add_supported[DescriptionT: HypervoltEntityDescription](
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entity_class: Callable[[HypervoltUpdateCoordinator, DescriptionT], Entity],
    descriptions: Iterable[DescriptionT],
) -> None:
    """Add the entities a charger supports, now and when it turns out to support more.

    Which ones it does may be known only after it has answered (protocol.md 2.4).
    """
    coordinator = entry.runtime_data
    waiting = {description.key: description for description in descriptions}

    @callback
    def add() -> None:
        ready = [item for item in waiting.values() if item.supported_fn(coordinator)]
        for item in ready:
            del waiting[item.key]
        if ready:
            async_add_entities(entity_class(coordinator, item) for item in ready)

    add()
    entry.async_on_unload(coordinator.async_add_listener(add))
