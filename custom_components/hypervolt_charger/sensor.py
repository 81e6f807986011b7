"""Sensors: what the charger is doing, measurements, energy, and coming windows."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfMass,
    UnitOfPower,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .energy_store import Books
from .entity import (
    HypervoltEntity,
    HypervoltEntityDescription,
    async_add_supported,
    is_always_there,
    is_live,
    speaks_v3_api,
)
from .hypervolt.charger import ApiVariant
from .hypervolt.client import HypervoltApiClient
from .hypervolt.device_state import HypervoltLockState
from .hypervolt.energy import PowerMeter
from .hypervolt.permission import Readiness, readiness
from .restore import HypervoltRestoreEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltSensorEntityDescription(
    HypervoltEntityDescription, SensorEntityDescription
):
    """Describes a sensor."""

    value_fn: Callable[[HypervoltUpdateCoordinator], StateType | datetime]


def _readiness(coordinator: HypervoltUpdateCoordinator) -> Readiness | None:
    return readiness(
        coordinator.data,
        dt_util.utcnow(),
        coordinator.schedule_zone,
        finished=coordinator.energy.complete,
    )


def _window_start(coordinator: HypervoltUpdateCoordinator) -> datetime | None:
    window = coordinator.next_window
    return window.start if window else None


def _window_end(coordinator: HypervoltUpdateCoordinator) -> datetime | None:
    window = coordinator.next_window
    return window.end if window else None


def _last_update(coordinator: HypervoltUpdateCoordinator) -> datetime | None:
    """Return a time in full seconds, as it is shown: parts of one are no change."""
    last = coordinator.client.last_message
    return None if last is None else last.replace(microsecond=0)


def _amps(milliamps: int | None) -> float | None:
    return None if milliamps is None else milliamps / 1000


def _speaks_legacy_api(coordinator: HypervoltUpdateCoordinator) -> bool:
    return coordinator.client.variant is ApiVariant.V2


def _tells(
    value_fn: Callable[[HypervoltUpdateCoordinator], float | None],
) -> Callable[[HypervoltUpdateCoordinator], bool]:
    """Return whether a charger tells a power, as some legacy ones do in a session."""
    return lambda coordinator: (
        speaks_v3_api(coordinator) or value_fn(coordinator) is not None
    )


def _power(
    key: str, value_fn: Callable[[HypervoltUpdateCoordinator], float | None]
) -> HypervoltSensorEntityDescription:
    """Describe a power that some legacy chargers tell, too, once a session runs."""
    return HypervoltSensorEntityDescription(
        key=key,
        available_fn=is_live,
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        reported_again=True,
        reported_before_change=True,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        supported_fn=_tells(value_fn),
        value_fn=value_fn,
    )


DESCRIPTIONS = (
    HypervoltSensorEntityDescription(
        key="charging_readiness",
        available_fn=is_live,
        device_class=SensorDeviceClass.ENUM,
        options=list(Readiness),
        value_fn=_readiness,
    ),
    HypervoltSensorEntityDescription(
        key="session_energy",
        available_fn=is_live,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL,
        value_fn=lambda coordinator: coordinator.data.session_watt_hours,
    ),
    HypervoltSensorEntityDescription(
        key="session_energy_total_increasing",
        available_fn=is_live,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda coordinator: coordinator.energy.session_watt_hours,
    ),
    HypervoltSensorEntityDescription(
        key="session_carbon_saved",
        available_fn=is_live,
        device_class=SensorDeviceClass.WEIGHT,
        native_unit_of_measurement=UnitOfMass.GRAMS,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda coordinator: coordinator.data.session_carbon_saved_grams,
    ),
    HypervoltSensorEntityDescription(
        key="session_id",
        available_fn=is_live,
        entity_category=EntityCategory.DIAGNOSTIC,
        # No measure, but older installations have statistics of it: without a state
        # class Home Assistant would ask people to repair them (protocol.md 15.2).
        state_class=SensorStateClass.MEASUREMENT,
        supported_fn=_speaks_legacy_api,
        value_fn=lambda coordinator: coordinator.data.session_id,
    ),
    _power("ev_power", lambda coordinator: coordinator.data.ev_power),
    _power("house_power", lambda coordinator: coordinator.data.house_power),
    _power("grid_power", lambda coordinator: coordinator.data.grid_power),
    _power("generation_power", lambda coordinator: coordinator.data.generation_power),
    HypervoltSensorEntityDescription(
        key="charger_current",
        available_fn=is_live,
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        reported_again=True,
        reported_before_change=True,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda coordinator: _amps(coordinator.data.output_current_milliamps),
    ),
    HypervoltSensorEntityDescription(
        key="voltage",
        available_fn=is_live,
        device_class=SensorDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
        reported_again=True,
        reported_before_change=True,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda coordinator: coordinator.data.voltage,
    ),
    HypervoltSensorEntityDescription(
        key="ct_current",
        available_fn=is_live,
        device_class=SensorDeviceClass.CURRENT,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        reported_again=True,
        reported_before_change=True,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda coordinator: _amps(coordinator.data.ct_current_milliamps),
    ),
    HypervoltSensorEntityDescription(
        key="ct_power",
        available_fn=is_live,
        device_class=SensorDeviceClass.POWER,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfPower.WATT,
        reported_again=True,
        reported_before_change=True,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        supported_fn=_speaks_legacy_api,
        value_fn=lambda coordinator: coordinator.data.ct_power,
    ),
    HypervoltSensorEntityDescription(
        key="lock_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in HypervoltLockState],
        value_fn=lambda coordinator: coordinator.data.lock_state,
    ),
    HypervoltSensorEntityDescription(
        key="next_charge_start",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_window_start,
    ),
    HypervoltSensorEntityDescription(
        key="next_charge_end",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_window_end,
    ),
    HypervoltSensorEntityDescription(
        key="firmware_version",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda coordinator: coordinator.data.firmware_version,
    ),
    HypervoltSensorEntityDescription(
        key="last_update",
        available_fn=is_always_there,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_last_update,
    ),
)


@dataclass(frozen=True, kw_only=True)
class HypervoltEnergySensorEntityDescription(
    HypervoltEntityDescription, SensorEntityDescription
):
    """Describes a lifetime's energy, which is true whether or not anybody tells more."""

    available_fn: Callable[[HypervoltApiClient], bool] = is_always_there
    device_class: SensorDeviceClass | None = SensorDeviceClass.ENERGY
    native_unit_of_measurement: str | None = UnitOfEnergy.KILO_WATT_HOUR
    state_class: SensorStateClass | None = SensorStateClass.TOTAL_INCREASING
    suggested_display_precision: int | None = 2
    watt_hours_fn: Callable[[Books], float | None]


def _power_energy(
    key: str,
    power_fn: Callable[[HypervoltUpdateCoordinator], float | None],
    meter_fn: Callable[[Books], PowerMeter],
) -> HypervoltEnergySensorEntityDescription:
    """Describe energy summed from a power, where that is told."""

    def watt_hours(books: Books) -> float | None:
        meter = meter_fn(books)
        return None if meter.at is None else meter.watt_hours

    return HypervoltEnergySensorEntityDescription(
        key=key,
        entity_registry_enabled_default=False,
        supported_fn=_tells(power_fn),
        watt_hours_fn=watt_hours,
    )


TOTAL_DESCRIPTIONS = (
    HypervoltEnergySensorEntityDescription(
        key="total_energy",
        # Not before a change: energy grows evenly, while a derivative of a step that
        # takes no time would be absurd.
        reported_again=True,
        watt_hours_fn=lambda books: (
            None
            if books.meter.count is None and not books.meter.total
            else books.meter.total
        ),
    ),
)
POWER_ENERGY_DESCRIPTIONS = (
    _power_energy(
        "house_energy",
        lambda coordinator: coordinator.data.house_power,
        lambda books: books.house,
    ),
    _power_energy(
        "grid_import_energy",
        lambda coordinator: coordinator.data.grid_power,
        lambda books: books.grid_import,
    ),
    _power_energy(
        "grid_export_energy",
        lambda coordinator: coordinator.data.grid_power,
        lambda books: books.grid_export,
    ),
    _power_energy(
        "generation_energy",
        lambda coordinator: coordinator.data.generation_power,
        lambda books: books.generation,
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltSensor, DESCRIPTIONS)
    async_add_supported(
        entry, async_add_entities, HypervoltTotalEnergySensor, TOTAL_DESCRIPTIONS
    )
    async_add_supported(
        entry,
        async_add_entities,
        HypervoltPowerEnergySensor,
        POWER_ENERGY_DESCRIPTIONS,
    )


class HypervoltSensor(HypervoltEntity, SensorEntity):
    """Shows a value of a charger."""

    entity_description: HypervoltSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """The value, in the unit of the description; None while it is not known."""
        return self.entity_description.value_fn(self.coordinator)

    @property
    @override
    def _value(self) -> Hashable:
        return self.native_value


class HypervoltEnergySensor(HypervoltRestoreEntity, RestoreSensor):
    """Shows a lifetime's energy, which no restart and no outage takes away."""

    entity_description: HypervoltEnergySensorEntityDescription

    @property
    @override
    def native_value(self) -> float | None:
        """The energy in kWh; None before the first reading."""
        books = self.coordinator.energy.shown
        watt_hours = self.entity_description.watt_hours_fn(books)
        return None if watt_hours is None else round(watt_hours / 1000, 3)

    @property
    @override
    def _value(self) -> Hashable:
        return self.native_value

    @override
    def _can_be_own(self, data: Mapping[str, object]) -> bool:
        unit = data.get("native_unit_of_measurement")
        return unit == self.entity_description.native_unit_of_measurement


class HypervoltTotalEnergySensor(HypervoltEnergySensor):
    """Shows the energy that the charger has delivered."""

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from what was shown before, should the books be lost."""
        await super().async_added_to_hass()
        last = await self.async_get_last_sensor_data()
        if last is not None and (kwh := _finite(last.native_value)) is not None:
            self.coordinator.energy.async_at_least(round(kwh * 1000))

    @callback
    @override
    def async_entity_id_changed(self, old_entity_id: str) -> None:
        """Allow renaming in place (Home Assistant 2026.11): nothing uses the id."""


class HypervoltPowerEnergySensor(HypervoltEnergySensor):
    """Shows energy that is summed from a power while anybody wants it."""

    @override
    async def async_added_to_hass(self) -> None:
        """Have it written more often from now on."""
        await super().async_added_to_hass()
        self.coordinator.energy.powers_wanted = True

    @callback
    @override
    def async_entity_id_changed(self, old_entity_id: str) -> None:
        """Allow renaming in place (Home Assistant 2026.11): nothing uses the id."""


def _finite(value: object) -> float | None:
    """Return a number that was stored; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if isfinite(value) else None
