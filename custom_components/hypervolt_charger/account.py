"""Builds the library's account from what Home Assistant offers."""

import logging
import os

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import async_get_integration

from .const import DOMAIN
from .hypervolt.account import HypervoltAccount
from .hypervolt.endpoints import OVERRIDE_VARIABLE, Endpoints
from .hypervolt.timing import Timing

_LOGGER = logging.getLogger(__name__)


async def async_create_account(
    hass: HomeAssistant, username: str, password: str
) -> HypervoltAccount:
    """Return the account of these credentials; nothing is sent yet."""
    integration = await async_get_integration(hass, DOMAIN)
    endpoints = Endpoints.from_environment(os.environ)
    if endpoints != Endpoints():
        _LOGGER.warning(
            "%s is set: talking to %s instead of the Hypervolt cloud",
            OVERRIDE_VARIABLE,
            endpoints.rest,
        )
    return HypervoltAccount(
        async_get_clientsession(hass),
        username,
        password,
        user_agent=f"home-assistant-hypervolt-charger/{integration.version}",
        endpoints=endpoints,
        timing=Timing(),
    )
