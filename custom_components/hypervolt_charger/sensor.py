"""Sensors: what the charger is doing, its measurements and its coming windows."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import override

from homeassistant.components.sensor import (
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
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import (
    HypervoltEntity,
    HypervoltEntityDescription,
    async_add_supported,
    is_always_there,
    is_live,
    speaks_v3_api,
)
from .hypervolt.charger import ApiVariant
from .hypervolt.device_state import (
    HypervoltActivationMode,
    HypervoltDeviceState,
    HypervoltLockState,
    HypervoltReleaseState,
    PilotState,
)
from .hypervolt.schedule import Occurrence, Schedule, next_occurrence

PARALLEL_UPDATES = 0

READINESS = ("charging", "force_stopped", "ready", "unplugged", "waiting")


@dataclass(frozen=True, kw_only=True)
class HypervoltSensorEntityDescription(
    HypervoltEntityDescription, SensorEntityDescription
):
    """Describes a sensor."""

    value_fn: Callable[[HypervoltUpdateCoordinator], StateType | datetime]


def readiness(state: HypervoltDeviceState) -> str | None:
    """Return what a person would say the charger is doing, one of READINESS.

    A stop by a person comes before the plug: it keeps the next car from charging, too.
    `waiting` is said only of a car that is there while a plan decides when to charge.
    """
    if state.charging:
        return "charging"
    if state.release_state is HypervoltReleaseState.RELEASED:
        return "force_stopped"
    if state.pilot is PilotState.UNPLUGGED:
        return "unplugged"
    if state.charging is None:
        return None
    planned = state.activation_mode in (
        HypervoltActivationMode.SCHEDULE,
        HypervoltActivationMode.OCTOPUS,
    )
    return "waiting" if planned and state.pilot is not None else "ready"


def next_window(coordinator: HypervoltUpdateCoordinator) -> Occurrence | None:
    """Return the charging window that is running or comes next.

    The poll has entities ask at least every five minutes, so none is shown for long
    after its end.
    """
    schedule = coordinator.data.schedule
    if schedule is None:
        return None
    minute = dt_util.utcnow().replace(second=0, microsecond=0)
    return _window_at(schedule, minute, coordinator.schedule_zone)


@lru_cache(maxsize=16)
def _window_at(schedule: Schedule, minute: datetime, zone: tzinfo) -> Occurrence | None:
    """Reckon once a minute: chargers tell something every few seconds."""
    return next_occurrence(schedule, after=minute, zone=zone)


def _window_start(coordinator: HypervoltUpdateCoordinator) -> datetime | None:
    window = next_window(coordinator)
    return window.start if window else None


def _window_end(coordinator: HypervoltUpdateCoordinator) -> datetime | None:
    window = next_window(coordinator)
    return window.end if window else None


def _amps(milliamps: int | None) -> float | None:
    return None if milliamps is None else milliamps / 1000


def _speaks_legacy_api(coordinator: HypervoltUpdateCoordinator) -> bool:
    return coordinator.client.variant is ApiVariant.V2


def _power(
    key: str, value_fn: Callable[[HypervoltUpdateCoordinator], float | None]
) -> HypervoltSensorEntityDescription:
    """Describe a power that some legacy chargers tell, too, once a session runs."""
    return HypervoltSensorEntityDescription(
        key=key,
        available_fn=is_live,
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        supported_fn=lambda coordinator: (
            speaks_v3_api(coordinator) or value_fn(coordinator) is not None
        ),
        value_fn=value_fn,
    )


DESCRIPTIONS = (
    HypervoltSensorEntityDescription(
        key="charging_readiness",
        available_fn=is_live,
        device_class=SensorDeviceClass.ENUM,
        options=list(READINESS),
        value_fn=lambda coordinator: readiness(coordinator.data),
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
        value_fn=lambda coordinator: coordinator.data.session_watt_hours_peak,
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
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda coordinator: _amps(coordinator.data.output_current_milliamps),
    ),
    HypervoltSensorEntityDescription(
        key="voltage",
        available_fn=is_live,
        device_class=SensorDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
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
        value_fn=lambda coordinator: coordinator.client.last_message,
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltSensor, DESCRIPTIONS)


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
