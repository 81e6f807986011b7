"""The Hypervolt Charger integration."""

from homeassistant.const import (
    CONF_PASSWORD,
    CONF_USERNAME,
    EVENT_HOMEASSISTANT_STOP,
    Platform,
)
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .account import async_get_account
from .const import CONF_CHARGER_ID, DOMAIN
from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .effect_files import async_delete_led_effects_issue, async_load_led_effects
from .energy_store import EnergyStore
from .entry_issues import async_delete_entry_issues
from .follow import async_follow_planner
from .issues import async_delete_issues, async_watch_issues
from .migration import async_migrate_entry, async_watch_leftovers
from .planned_schedule import store_of
from .planner import async_watch_octopus
from .removal import async_restore_on_disabling, async_restore_on_removal
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

__all__ = ["async_migrate_entry"]

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TEXT,
    Platform.TIME,
]


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Register the actions, which exist with or without a charger."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: HypervoltConfigEntry) -> bool:
    """Connect to the charger of an entry."""
    coordinator = HypervoltUpdateCoordinator(
        hass,
        entry,
        await async_get_account(
            hass, entry.data[CONF_USERNAME], entry.data[CONF_PASSWORD]
        ),
        await async_load_led_effects(hass),
    )
    # Kept also if that fails, for its account: the next attempt must not forget for
    # how long the cloud wants to be left alone.
    entry.runtime_data = coordinator
    await coordinator.async_config_entry_first_refresh()
    await coordinator.planned.async_load()
    async_watch_octopus(coordinator)
    async_watch_issues(coordinator)

    async def close(_event: Event) -> None:
        await coordinator.async_shutdown()

    # Entries are not unloaded when Home Assistant stops, but sockets want closing.
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, close))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_follow_planner(hass, entry)
    async_watch_leftovers(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: HypervoltConfigEntry) -> bool:
    """Remove the entities of an entry; its coordinator closes the sockets."""
    if entry.disabled_by:
        await async_restore_on_disabling(entry.runtime_data.planned)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: HypervoltConfigEntry) -> None:
    """Restore the user's schedule, and forget what was kept for the entry."""
    await async_restore_on_removal(hass, entry)
    await store_of(hass, entry.entry_id).async_remove()
    await EnergyStore(hass, entry.entry_id).async_remove()
    async_delete_issues(hass, entry.entry_id)
    async_delete_entry_issues(hass, entry.entry_id)
    if not hass.config_entries.async_entries(DOMAIN):
        async_delete_led_effects_issue(hass)


async def async_remove_config_entry_device(
    _hass: HomeAssistant, entry: HypervoltConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let a person delete a device of the entry, unless it is the charger itself."""
    return (DOMAIN, entry.data[CONF_CHARGER_ID]) not in device.identifiers
