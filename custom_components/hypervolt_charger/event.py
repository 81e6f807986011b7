"""The event of a charger: a car comes, charges and goes."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry
from .entity import (
    HypervoltEntity,
    HypervoltEntityDescription,
    async_add_supported,
    is_always_there,
)
from .hypervolt.charge_log import ChargeEvent, ChargeEventType, ChargeSession

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltEventEntityDescription(
    HypervoltEntityDescription, EventEntityDescription
):
    """Describes an event."""


DESCRIPTIONS = (
    HypervoltEventEntityDescription(
        key="charging",
        # What has happened stays true without a connection.
        available_fn=is_always_there,
        event_types=list(ChargeEventType),
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltEvent, DESCRIPTIONS)


class HypervoltEvent(HypervoltEntity, EventEntity):
    """Tells what happens to a car at a charger."""

    entity_description: HypervoltEventEntityDescription

    @property
    @override
    def _value(self) -> None:
        """Events write their state themselves."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen, also to what happened while this was set up."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.energy.async_subscribe(self._tell))

    @callback
    def async_entity_id_changed(self) -> None:
        """Let Home Assistant rename the entity in place: nothing hangs on its id."""

    @callback
    def _tell(self, event: ChargeEvent) -> None:
        attributes = _attributes(event.session) if event.session else None
        self._trigger_event(event.type, attributes)
        self.async_write_ha_state()


def _attributes(session: ChargeSession) -> dict[str, Any]:
    """Return what a person wants to hear of a session that has ended."""
    return {
        "energy_kwh": round(session.watt_hours / 1000, 3),
        "duration_minutes": round(session.charging_seconds / 60),
        "charge_mode": session.charge_mode,
        "reason": session.end_reason,
        "cost": None if session.total_cost is None else round(session.total_cost, 2),
    }
