"""Triggers of a charger's device, by what its event entity tells."""

from collections.abc import Callable

from homeassistant.components.device_automation import (
    DEVICE_TRIGGER_BASE_SCHEMA,
    InvalidDeviceAutomationConfig,
)
from homeassistant.components.event import (
    DOMAIN as EVENT_DOMAIN,
    EventEntityStateAttribute,
)
from homeassistant.const import (
    CONF_DEVICE_ID,
    CONF_DOMAIN,
    CONF_PLATFORM,
    CONF_TYPE,
    STATE_UNAVAILABLE,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
)
from homeassistant.helpers.trigger import TriggerActionType, TriggerInfo
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN
from .entity import is_entity_of_key
from .hypervolt.charge_log import ChargeEventType

PLATFORM_TYPE = "device"

TRIGGER_SCHEMA = DEVICE_TRIGGER_BASE_SCHEMA.extend(
    {vol.Required(CONF_TYPE): vol.In(list(ChargeEventType))}
)


async def async_get_triggers(
    hass: HomeAssistant, device_id: str
) -> list[dict[str, str]]:
    """List the triggers of a device, none if it has no entity to tell of events."""
    if _event_entity(hass, device_id) is None:
        return []
    return [
        {
            CONF_PLATFORM: PLATFORM_TYPE,
            CONF_DEVICE_ID: device_id,
            CONF_DOMAIN: DOMAIN,
            CONF_TYPE: trigger_type,
        }
        for trigger_type in ChargeEventType
    ]


async def async_attach_trigger(
    hass: HomeAssistant,
    config: ConfigType,
    action: TriggerActionType,
    trigger_info: TriggerInfo,
) -> CALLBACK_TYPE:
    """Run an action at an event of a charger."""
    entity_id = _event_entity(hass, config[CONF_DEVICE_ID])
    if entity_id is None:
        raise InvalidDeviceAutomationConfig(
            translation_domain=DOMAIN,
            translation_key="no_charging_events",
            translation_placeholders={"device": config[CONF_DEVICE_ID]},
        )
    job = HassJob(action, f"{DOMAIN} device trigger {trigger_info}")

    @callback
    def run_if_it_happened(event: Event[EventStateChangedData]) -> None:
        before, now = event.data["old_state"], event.data["new_state"]
        if before is None or now is None or before.state == now.state:
            return
        # What comes back after a restart or an outage has happened before it.
        if before.state == STATE_UNAVAILABLE:
            return
        # Where there is no event, the attribute is None or missing.
        event_type = now.attributes.get(EventEntityStateAttribute.EVENT_TYPE)
        if event_type != config[CONF_TYPE]:
            return
        hass.async_run_hass_job(
            job,
            {
                "trigger": {
                    **trigger_info["trigger_data"],
                    "platform": PLATFORM_TYPE,
                    "entity_id": now.entity_id,
                    "from_state": before,
                    "to_state": now,
                    "description": f"{event_type} of {now.entity_id}",
                }
            },
            event.context,
        )

    return _async_track(hass, entity_id, run_if_it_happened)


@callback
def _async_track(
    hass: HomeAssistant,
    entity_id: str,
    action: Callable[[Event[EventStateChangedData]], None],
) -> CALLBACK_TYPE:
    """Track the states of an entity, also once it is renamed."""

    @callback
    def renamed(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "entity_id" in data["changes"]:
            stop()
            track(data["entity_id"])

    tracking: list[CALLBACK_TYPE] = []

    @callback
    def track(entity_id: str) -> None:
        tracking[:] = [
            async_track_state_change_event(hass, entity_id, action),
            async_track_entity_registry_updated_event(hass, entity_id, renamed),
        ]

    @callback
    def stop() -> None:
        for unsubscribe in tracking:
            unsubscribe()

    track(entity_id)
    return stop


@callback
def _event_entity(hass: HomeAssistant, device_id: str) -> str | None:
    """Return the event entity of a charger's device, unless it is disabled."""
    return next(
        (
            entry.entity_id
            for entry in er.async_entries_for_device(er.async_get(hass), device_id)
            if entry.domain == EVENT_DOMAIN and is_entity_of_key(entry, "charging")
        ),
        None,
    )
