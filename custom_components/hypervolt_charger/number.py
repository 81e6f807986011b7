"""Numbers: the current limit and the brightness of the LEDs."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
)
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfElectricCurrent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry
from .entity import HypervoltControl, HypervoltEntityDescription, async_add_supported
from .hypervolt.client import HypervoltApiClient
from .hypervolt.device_state import HypervoltDeviceState
from .hypervolt.led import percent_from_wire, percent_to_wire

# The client sends one command at a time, and merges those of the LEDs.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltNumberEntityDescription(
    HypervoltEntityDescription, NumberEntityDescription
):
    """Describes a number."""

    value_fn: Callable[[HypervoltDeviceState], float | None]
    set_fn: Callable[[HypervoltApiClient, float], Awaitable[None]]


def _max_current(state: HypervoltDeviceState) -> float | None:
    milliamps = state.max_current_milliamps
    return None if milliamps is None else milliamps / 1000


def _brightness(state: HypervoltDeviceState) -> int | None:
    return None if state.brightness is None else percent_from_wire(state.brightness)


DESCRIPTIONS = (
    HypervoltNumberEntityDescription(
        key="max_current",
        device_class=NumberDeviceClass.CURRENT,
        entity_category=EntityCategory.CONFIG,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        native_min_value=6,
        native_max_value=32,
        native_step=1,
        value_fn=_max_current,
        # Whole amps, and never more than the person asked for.
        set_fn=lambda client, amps: client.set_max_current(int(amps)),
    ),
    HypervoltNumberEntityDescription(
        key="led_brightness",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=PERCENTAGE,
        native_min_value=0,
        native_max_value=100,
        native_step=1,
        value_fn=_brightness,
        set_fn=lambda client, percent: client.set_leds(
            brightness=percent_to_wire(percent)
        ),
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltNumber, DESCRIPTIONS)


class HypervoltNumber(HypervoltControl, NumberEntity):
    """A setting of a charger that is a number."""

    entity_description: HypervoltNumberEntityDescription

    @property
    @override
    def native_value(self) -> float | None:
        """The active value; None while it is not known."""
        if not self._is_current:
            return None
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def _value(self) -> Hashable:
        return self.native_value

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Change the setting."""
        await self._command(
            self.entity_description.set_fn(self.coordinator.client, value)
        )
