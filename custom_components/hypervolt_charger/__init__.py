"""The Hypervolt Charger integration."""

from homeassistant.const import (
    CONF_PASSWORD,
    CONF_USERNAME,
    EVENT_HOMEASSISTANT_STOP,
    Platform,
)
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv, issue_registry as ir
from homeassistant.helpers.typing import ConfigType

from .account import async_get_account
from .const import DOMAIN
from .coordinator import (
    HypervoltConfigEntry,
    HypervoltUpdateCoordinator,
    async_forget_charger_gone,
)
from .energy_store import EnergyStore
from .follow import async_delete_planner_issues, async_follow_planner
from .led_effects import async_load_led_effects
from .planned_schedule import store_of
from .planner import async_watch_octopus, octopus_issue
from .price import async_follow_price
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

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
    async_follow_price(hass, entry)

    async def close(_event: Event) -> None:
        await coordinator.async_shutdown()

    # Entries are not unloaded when Home Assistant stops, but sockets want closing.
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, close))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_follow_planner(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: HypervoltConfigEntry) -> bool:
    """Remove the entities of an entry; its coordinator closes the sockets."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: HypervoltConfigEntry) -> None:
    """Forget what was kept for an entry: nobody will ask for it any more."""
    await store_of(hass, entry.entry_id).async_remove()
    await EnergyStore(hass, entry.entry_id).async_remove()
    ir.async_delete_issue(hass, DOMAIN, octopus_issue(entry.entry_id))
    async_delete_planner_issues(hass, entry.entry_id)
    async_forget_charger_gone(hass, entry)
