"""The system information page tells whether the cloud is there."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.endpoints import (
    OVERRIDE_VARIABLE,
    Endpoints,
)
from tests.conftest import SetUpCharger
from tests.integration.entry_life import unload
from tests.simulator import Personality
from tests.waiting import eventually


async def told(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info: dict[str, Any] = await get_system_health_info(hass, DOMAIN)
    return {
        key: await value if hasattr(value, "__await__") else value
        for key, value in info.items()
    }


async def test_all_is_well(hass: HomeAssistant, setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await setup_charger(Personality.LEGACY_V2)
    asked = len(rig.cloud.requests)
    assert await told(hass) == {
        "can_reach_login": "ok",
        "can_reach_cloud": "ok",
        "chargers_configured": 2,
        "chargers_connected": 2,
    }
    # The override stands in for the real hosts.
    asking = [request.path for request in rig.cloud.requests[asked:]]
    assert any(path.endswith("/token") for path in asking)


async def test_an_entry_that_is_not_loaded_is_not_connected(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await setup_charger(Personality.LEGACY_V2)
    await unload(hass, rig.entry)
    info = await told(hass)
    assert (info["chargers_configured"], info["chargers_connected"]) == (2, 1)


async def test_the_cloud_is_away(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await rig.cloud.pause()
    await eventually(lambda: not rig.coordinator.client.connected)
    unreachable = {"type": "failed", "error": "unreachable"}
    assert await told(hass) == {
        "can_reach_login": unreachable,
        "can_reach_cloud": unreachable,
        "chargers_configured": 1,
        "chargers_connected": 0,
    }


async def test_in_production_the_real_hosts_are_asked(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(OVERRIDE_VARIABLE, raising=False)
    real = Endpoints()
    # Any answer tells that somebody is there.
    for url, status in ((real.token, 405), (real.rest, 404)):
        aioclient_mock.get(url, status=status)  # type: ignore[no-untyped-call]
    # No charger is set up: only the component is loaded.
    assert await async_setup_component(hass, DOMAIN, {})
    info = await told(hass)
    assert info["can_reach_login"] == info["can_reach_cloud"] == "ok"
    assert (info["chargers_configured"], info["chargers_connected"]) == (0, 0)
    assert [str(call[1]) for call in aioclient_mock.mock_calls] == [
        real.token,
        real.rest,
    ]
