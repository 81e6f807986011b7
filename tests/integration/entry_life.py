"""An entry's life, as the tests lead it, and what may not be left after its end."""

import asyncio
from collections.abc import Mapping

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hypervolt_charger.const import (
    CONF_CHARGER_ID,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
)
from tests.conftest import PASSWORD, USERNAME
from tests.simulator import SimulatedCharger, SimulatedCloud

OURS = ("custom_components", "websockets", "hypervolt", "Hypervolt")


def add_entry(
    hass: HomeAssistant,
    charger: SimulatedCharger,
    *,
    data: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
) -> MockConfigEntry:
    """Add the entry of a charger, not yet set up."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        version=ENTRY_VERSION,
        minor_version=ENTRY_MINOR_VERSION,
        unique_id=charger.charger_id,
        data={
            CONF_USERNAME: USERNAME,
            CONF_PASSWORD: PASSWORD,
            CONF_CHARGER_ID: charger.charger_id,
            **(data or {}),
        },
        options=dict(options or {}),
    )
    entry.add_to_hass(hass)
    return entry


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigEntryState:
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry.state


async def unload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.NOT_LOADED


def our_tasks() -> list[str]:
    """Return what runs in our name or in that of our sockets."""
    return [
        text
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task()
        and any(word in (text := repr(task)) for word in OURS)
        and "/tests/" not in text
    ]


def our_timers(hass: HomeAssistant) -> list[str]:
    return [
        text
        for timer in get_scheduled_timer_handles(hass.loop)
        if not timer.cancelled()
        and any(word in (text := f"{timer!r}{timer._args}") for word in OURS)
        and "/tests/" not in text
    ]


def assert_nothing_left(hass: HomeAssistant, cloud: SimulatedCloud) -> None:
    assert our_tasks() == []
    assert our_timers(hass) == []
    assert cloud.open_sockets == 0


def reauth_flows(hass: HomeAssistant) -> list[str]:
    """Return the entries that ask for a new login."""
    return [
        flow["context"]["entry_id"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_REAUTH
    ]
