"""The base of every entity."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DEVICE_NAME, DOMAIN, MANUFACTURER
from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .hypervolt.charger import ApiVariant
from .hypervolt.client import HypervoltApiClient

# Seconds after which an equal value is reported again. With the interval of the checks
# it stays below the 30 s that helpers can rely on.
REPORT_AFTER: Final = 18.0

# Whether an entity is available, and all else that it shows. A tuple, because every
# entity makes one at every change of the charger.
type _Shown = tuple[bool, Hashable]


@dataclass(frozen=True, kw_only=True)
class HypervoltEntityDescription(EntityDescription):
    """Describes which chargers an entity exists for, and when its state is valid.

    Home Assistant's helpers for integrals, derivatives and statistics calculate from
    reports, equal ones included. `reported_again` has an equal value reported from time
    to time; `reported_before_change` has the old value reported right before a new one
    that did not follow it directly, so that nothing is interpolated over longer than
    one frame.
    """

    available_fn: Callable[[HypervoltApiClient], bool] = lambda client: client.available
    supported_fn: Callable[[HypervoltUpdateCoordinator], bool] = lambda _: True
    reported_again: bool = False
    reported_before_change: bool = False


def is_live(client: HypervoltApiClient) -> bool:
    """Whether readings can be believed, which takes more than a connection."""
    return client.live


def is_always_there(_: HypervoltApiClient) -> bool:
    """Let an entity tell about the connection also when there is none."""
    return True


def speaks_v3_api(coordinator: HypervoltUpdateCoordinator) -> bool:
    """Whether a charger has what only the newer dialect tells and takes."""
    return coordinator.client.variant is ApiVariant.V3


def _is_known(shown: _Shown) -> bool:
    """Whether there is a value, rather than unknown or unavailable."""
    available, value = shown
    return available and value is not None


def _is_silent_while_idle(coordinator: HypervoltUpdateCoordinator) -> bool:
    """Whether a charger sends nothing because nothing changes (protocol.md 5.6)."""
    legacy = coordinator.client.variant is ApiVariant.V2
    return legacy and not coordinator.data.charging


def is_entity_of_key(entry: er.RegistryEntry | None, key: str) -> bool:
    """Whether an entity, of whatever name, is a charger's with this translation key."""
    return (
        entry is not None and entry.platform == DOMAIN and entry.translation_key == key
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """When a state was last written, and how far the charger's frames had come.

    `at` is a time of the event loop; `idle` is whether silence means that nothing
    changes, as with a legacy V2 that does not charge (F34).
    """

    at: float
    frames: int
    idle: bool


class HypervoltEntity(CoordinatorEntity[HypervoltUpdateCoordinator]):
    """Shows one thing of a charger, and writes its state only when that changed.

    Measurements are also written while they stay equal, see the description.
    """

    entity_description: HypervoltEntityDescription
    _attr_has_entity_name = True
    _shown: _Shown | None = None
    _report: _Report | None = None

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
            name=DEVICE_NAME,
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

    @override
    async def async_added_to_hass(self) -> None:
        """Start the reports of equal values, where the entity has them."""
        await super().async_added_to_hass()
        if self.entity_description.reported_again:
            self.async_on_remove(
                self.coordinator.async_add_report_listener(self._report_again)
            )

    @callback
    def async_entity_id_changed(self, old_entity_id: str) -> None:  # type: ignore[explicit-override, unused-ignore] # new in 2026.11
        """Allow renaming in place (Home Assistant 2026.11): nothing uses the id."""

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        shown = (self.available, self._value)
        if shown == self._shown:
            return
        old = self.hass.states.get(self.entity_id)
        if old is not None and self._held_until_now(shown):
            # The coordinator's data is newer already.
            self.hass.states.async_set(self.entity_id, old.state, old.attributes)
        self._write(shown)

    def _held_until_now(self, shown: _Shown) -> bool:
        """Whether what was written last was valid until this change.

        It was where frames confirmed it since, and where silence does. Unknown and
        unavailable end with the first value, whatever came before: the "right" method
        of integrals would apply that value to the whole time.
        """
        old, report = self._shown, self._report
        if (
            not self.entity_description.reported_before_change
            or old is None
            or report is None
            or not _is_known(shown)
        ):
            return False
        frames = self.coordinator.client.session_frames
        return not _is_known(old) or report.idle or frames > report.frames + 1

    @callback
    def _report_again(self) -> None:
        """Report an equal value that has not been written for a while."""
        report = self._report
        if report is not None and self.hass.loop.time() - report.at < REPORT_AFTER:
            return
        self._write((self.available, self._value))

    def _write(self, shown: _Shown) -> None:
        self._shown = shown
        if self.entity_description.reported_again:
            coordinator = self.coordinator
            self._report = _Report(
                at=self.hass.loop.time(),
                frames=coordinator.client.session_frames,
                idle=_is_silent_while_idle(coordinator),
            )
        self.async_write_ha_state()

    async def _command(self, command: Awaitable[None]) -> None:
        """Carry out what a person wants; what could not be set jumps back."""
        try:
            await self.coordinator.async_command(command)
        except HomeAssistantError:
            self.async_write_ha_state()
            raise


class HypervoltControl(HypervoltEntity):
    """An entity with actions; it is unknown where others are unavailable.

    Home Assistant skips actions on unavailable entities without an error, and a
    request must take effect or fail with one.
    """

    @property
    @override
    def available(self) -> bool:
        """Whether the charger supports this."""
        return self.entity_description.supported_fn(self.coordinator)

    @property
    def _is_current(self) -> bool:
        """Whether what the charger last reported of its settings is still valid."""
        return self.coordinator.client.available


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
