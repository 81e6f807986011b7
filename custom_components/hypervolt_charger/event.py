"""The event of a charger: a car comes, charges and goes."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import HypervoltEntityDescription, async_add_supported, is_always_there
from .hypervolt.charge_log import ChargeEvent, ChargeEventType, ChargeSession
from .restore import HypervoltRestoreEntity

PARALLEL_UPDATES = 0

# Seconds between two events.
_APART: Final = 0.01


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


class HypervoltEvent(HypervoltRestoreEntity, EventEntity):
    """Tells what happens to a car at a charger."""

    entity_description: HypervoltEventEntityDescription
    _cancel_next: CALLBACK_TYPE | None = None

    def __init__(
        self,
        coordinator: HypervoltUpdateCoordinator,
        description: HypervoltEventEntityDescription,
    ) -> None:
        """Tie the entity to its charger's device."""
        super().__init__(coordinator, description)
        # Kept while Home Assistant before 2026.11 renames: removes and adds again.
        self._untold: deque[ChargeEvent] = deque()

    @property
    @override
    def _value(self) -> None:
        """Events write their state themselves."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen, also to what happened while this was set up."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.energy.async_subscribe(self._hear))
        if self._untold and self._cancel_next is None:
            self._tell_soon()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Tell no more."""
        if self._cancel_next is not None:
            self._cancel_next()
            self._cancel_next = None
        await super().async_will_remove_from_hass()

    @callback
    @override
    def async_entity_id_changed(self, old_entity_id: str) -> None:
        """Allow renaming in place (Home Assistant 2026.11): nothing uses the id."""

    @override
    def _can_be_own(self, data: Mapping[str, object]) -> bool:
        return data.get("last_event_type") in (None, *ChargeEventType)

    @callback
    def _hear(self, event: ChargeEvent) -> None:
        self._untold.append(event)
        if self._cancel_next is None:
            self._tell()

    @callback
    def _tell(self, _now: datetime | None = None) -> None:
        """Tell one event after the other.

        The state is the time in milliseconds: what happens at once, such as the end of
        a session by pulling the plug, would look like one event.
        """
        self._cancel_next = None
        if not self._untold:
            return
        event = self._untold.popleft()
        attributes = _attributes(event.session) if event.session else None
        self._trigger_event(event.type, attributes)
        self.async_write_ha_state()
        self._tell_soon()

    @callback
    def _tell_soon(self) -> None:
        self._cancel_next = async_call_later(self.hass, _APART, self._tell)


def _attributes(session: ChargeSession) -> dict[str, Any]:
    """Return what a person wants to hear of a session that has ended."""
    return {
        "energy_kwh": round(session.watt_hours / 1000, 3),
        "duration_minutes": round(session.charging_seconds / 60),
        "charge_mode": session.charge_mode,
        "reason": session.end_reason,
        "cost": None if session.total_cost is None else round(session.total_cost, 2),
    }
