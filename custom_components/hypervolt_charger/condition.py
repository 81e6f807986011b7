"""Conditions for automations: what a charger is doing.

What is not known at the moment, because the charger is offline, say, is left out.
"""

from typing import ClassVar, override

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .entity import is_entity_of_key

try:
    from homeassistant.helpers.automation import DomainSpec
    from homeassistant.helpers.condition import Condition, EntityStateConditionBase
except ImportError:
    # This interface is young and may change. Home Assistant loads the modules it looks
    # for in one go, so a failure here would take diagnostics and repairs along.
    CONDITIONS: dict[str, type[Condition]] = {}
else:

    class ChargerCondition(EntityStateConditionBase):
        """Holds while an entity of a charger is on."""

        _states = {STATE_ON}  # noqa: RUF012 - no class variable in the base
        _key: ClassVar[str]

        @override
        def entity_filter(self, entities: set[str]) -> set[str]:
            """Leave the entities of chargers that tell it."""
            registry = er.async_get(self._hass)
            return {
                entity_id
                for entity_id in super().entity_filter(entities)
                if is_entity_of_key(registry.async_get(entity_id), self._key)
            }

    class IsChargingCondition(ChargerCondition):
        """The car is being charged; the switch tells it on every charger."""

        _domain_specs = {SWITCH_DOMAIN: DomainSpec()}  # noqa: RUF012 - no class variable in the base
        _key = "charging"

    class IsPluggedInCondition(ChargerCondition):
        """A car is plugged in; a legacy V2 does not tell."""

        _domain_specs = {BINARY_SENSOR_DOMAIN: DomainSpec()}  # noqa: RUF012 - no class variable in the base
        _key = "car_plugged"

    CONDITIONS = {
        "is_charging": IsChargingCondition,
        "is_plugged_in": IsPluggedInCondition,
    }


async def async_get_conditions(_hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by their keys."""
    return CONDITIONS
