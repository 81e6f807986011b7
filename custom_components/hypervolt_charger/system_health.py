"""What the system information page tells of the integration."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .account import cloud_endpoints
from .const import DOMAIN


@callback
def async_register(
    _hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Offer the information."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return whether the cloud can be reached, and how many chargers are connected."""
    endpoints = cloud_endpoints()
    loaded = hass.config_entries.async_loaded_entries(DOMAIN)
    return {
        "can_reach_login": system_health.async_check_can_reach_url(
            hass, endpoints.token
        ),
        "can_reach_cloud": system_health.async_check_can_reach_url(
            hass, endpoints.rest
        ),
        "chargers_configured": len(hass.config_entries.async_entries(DOMAIN)),
        "chargers_connected": sum(
            entry.runtime_data.client.connected for entry in loaded
        ),
    }
