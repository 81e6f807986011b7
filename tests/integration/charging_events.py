"""Chargers that tell of events, without a cloud, and automations that note them."""

from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN, EventEntity
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockEntityPlatform,
)

from custom_components.hypervolt_charger.const import DOMAIN

EVENT_TYPES: Final = (
    "plugged_in",
    "started",
    "paused",
    "resumed",
    "finished",
    "unplugged",
)


class ChargingEvents(EventEntity):
    """The event entity of a charger; the test says what happens."""

    _attr_available = True
    _attr_has_entity_name = True
    _attr_name = "Charging"
    _attr_should_poll = False

    def __init__(self, charger_id: str, key: str = "charging") -> None:
        self._charger_id = charger_id
        self._attr_event_types = list(EVENT_TYPES)
        self._attr_translation_key = key
        self._attr_unique_id = f"{charger_id}_{key}"
        self._attr_device_info = dr.DeviceInfo(
            identifiers={(DOMAIN, charger_id)}, name=f"Hypervolt {charger_id}"
        )

    def happen(self, *event_types: str) -> None:
        """Let things happen, one after the other."""
        for event_type in event_types:
            self._trigger_event(event_type)
            self.async_write_ha_state()

    def go(self, *, online: bool) -> None:
        """Lose the cloud, or find it again."""
        self._attr_available = online
        self.async_write_ha_state()

    async def begin_anew(self) -> ChargingEvents:
        """Go, and come back as after a restart or a reload."""
        again = ChargingEvents(self._charger_id)
        await self.platform.async_reset()
        await self.platform.async_add_entities([again])
        return again

    @property
    def device(self) -> str:
        """The id of its device."""
        assert self.device_entry
        return self.device_entry.id


async def add_events(
    hass: HomeAssistant, charger_id: str, *keys: str
) -> ChargingEvents:
    """Add the event entity of a charger, under keys of its own if it has several."""
    assert await async_setup_component(hass, DOMAIN, {})
    entry = MockConfigEntry(domain=DOMAIN, unique_id=charger_id)
    entry.add_to_hass(hass)
    platform = MockEntityPlatform(hass, domain=EVENT_DOMAIN, platform_name=DOMAIN)
    platform.config_entry = entry
    entities = [ChargingEvents(charger_id, key) for key in keys or ("charging",)]
    await platform.async_add_entities(entities)
    return entities[0]


@dataclass(frozen=True, kw_only=True)
class Automation:
    """An automation, and what it was run with."""

    hass: HomeAssistant
    runs: list[str] = field(default_factory=list)

    async def set_up(self, config: dict[str, Any], note: str = "run") -> None:
        """Set up an automation that notes a template at each of its runs."""

        async def noted(call: ServiceCall) -> None:
            self.runs.append(call.data["text"])

        self.hass.services.async_register("test", "note", noted)
        action = {"action": "test.note", "data": {"text": note}}
        assert await async_setup_component(
            self.hass, "automation", {"automation": {**config, "actions": action}}
        )
        await self.hass.async_block_till_done()

    async def settle(self) -> list[str]:
        """Return the notes so far, and forget them."""
        await self.hass.async_block_till_done()
        noted = [*self.runs]
        self.runs.clear()
        return noted
