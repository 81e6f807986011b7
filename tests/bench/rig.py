"""A real Home Assistant with chargers of a simulated cloud, outside of any test."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
import os
import tempfile
from typing import Final
from unittest.mock import patch

from aiohttp.resolver import ThreadedResolver
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import aiohttp_client, entity_registry as er
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.hypervolt_charger import account as account_module
from custom_components.hypervolt_charger.const import CONF_CHARGER_ID, DOMAIN
from custom_components.hypervolt_charger.coordinator import HypervoltUpdateCoordinator
from custom_components.hypervolt_charger.hypervolt.endpoints import OVERRIDE_VARIABLE
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.simulator import Personality, SimulatedCharger, SimulatedCloud

USERNAME: Final = "driver@example.com"
PASSWORD: Final = "one for the bench"


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A charger's entry in Home Assistant."""

    hass: HomeAssistant
    charger_id: str
    entry: MockConfigEntry

    @property
    def coordinator(self) -> HypervoltUpdateCoordinator:
        """The coordinator of the loaded entry."""
        coordinator: HypervoltUpdateCoordinator = self.entry.runtime_data
        return coordinator

    def take(self, frame: str) -> None:
        """Hand in the text of a frame, as the socket does."""
        link = self.coordinator.client._sync._link
        assert link is not None
        link._take(link.decode(frame))

    def entity_id(self, platform: str, key: str) -> str:
        """Return the entity id of a key."""
        entity_id = er.async_get(self.hass).async_get_entity_id(
            platform, DOMAIN, f"{self.charger_id}_{key}"
        )
        assert entity_id, f"no {platform} {key}"
        return entity_id

    async def set_up(self) -> None:
        """Set the entry up and wait until its entities are there."""
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()

    async def unload(self) -> None:
        """Unload the entry."""
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self.hass.async_block_till_done()


class _Resolver(ThreadedResolver):
    """Closes as Home Assistant's own does."""

    async def real_close(self) -> None:
        await self.close()


@asynccontextmanager
async def home_assistant(
    url: str, timing: Timing | None = None
) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that takes the cloud at `url` for the real one."""
    limits = timing or Timing()
    async with AsyncExitStack() as stack:
        # Something may still be saved while Home Assistant ends.
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        )
        stack.enter_context(patch.dict(os.environ, {OVERRIDE_VARIABLE: url}))
        stack.enter_context(patch.object(account_module, "Timing", lambda: limits))
        # Home Assistant's own asks its zeroconf, which there is none of.
        stack.enter_context(
            patch.object(aiohttp_client, "_async_make_resolver", lambda _: _Resolver())
        )
        hass = await stack.enter_async_context(
            async_test_home_assistant(config_dir=folder)
        )
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        try:
            yield hass
        finally:
            for entry in hass.config_entries.async_loaded_entries(DOMAIN):
                await hass.config_entries.async_unload(entry.entry_id)
            await hass.async_stop(force=True)


def add_rig(hass: HomeAssistant, charger_id: str) -> Rig:
    """Add a charger's entry, not yet set up."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=f"Hypervolt {charger_id[-4:]}",
        unique_id=charger_id,
        data={
            CONF_USERNAME: USERNAME,
            CONF_PASSWORD: PASSWORD,
            CONF_CHARGER_ID: charger_id,
        },
    )
    entry.add_to_hass(hass)
    return Rig(hass=hass, charger_id=charger_id, entry=entry)


async def set_up_all(hass: HomeAssistant, charger_ids: Sequence[str]) -> list[Rig]:
    """Set up several chargers, as Home Assistant does at its start: together."""
    rigs = [add_rig(hass, charger_id) for charger_id in charger_ids]
    await asyncio.gather(*(rig.set_up() for rig in rigs))
    return rigs


def _plan_six_windows(charger: SimulatedCharger) -> None:
    """Fill the schedule: all that is to be compared with every push."""
    windows = [(f"{hour:02}:00", f"{hour:02}:30") for hour in range(0, 24, 4)]
    if charger.personality.speaks_v3_api:
        sessions = [{"start_time": start, "end_time": end} for start, end in windows]
        charger.app_set_schedule(enabled=True, sessions=sessions)
    else:
        charger.app_set_schedule(enabled=True, intervals=windows)


@asynccontextmanager
async def one_charger(
    timing: Timing | None = None,
    *,
    personality: Personality = Personality.V3,
    token_life: float = 3600.0,
) -> AsyncGenerator[tuple[SimulatedCloud, SimulatedCharger, Rig]]:
    """Run a cloud that pushes only when told, and one charger of it, set up."""
    async with SimulatedCloud(push_interval=None, token_life=token_life) as cloud:
        charger = cloud.add_account(USERNAME, PASSWORD).add_charger(personality)
        _plan_six_windows(charger)
        async with home_assistant(cloud.url, timing) as hass:
            (rig,) = await set_up_all(hass, [charger.charger_id])
            yield cloud, charger, rig
