"""Builds the library's account from what Home Assistant offers."""

from functools import lru_cache
import logging
import os
from weakref import WeakValueDictionary

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import async_get_integration
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .hypervolt.account import HypervoltAccount
from .hypervolt.endpoints import OVERRIDE_VARIABLE, Endpoints
from .hypervolt.timing import Timing

_LOGGER = logging.getLogger(__name__)


# Chargers of one account share a login: what no entry holds any more is forgotten.
_ACCOUNTS: HassKey[WeakValueDictionary[tuple[str, str], HypervoltAccount]] = HassKey(
    f"{DOMAIN}_accounts"
)


async def async_get_account(
    hass: HomeAssistant, username: str, password: str
) -> HypervoltAccount:
    """Return the account of these credentials, the same one to all who ask.

    Nothing is sent yet.
    """
    integration = await async_get_integration(hass, DOMAIN)
    accounts = hass.data.setdefault(_ACCOUNTS, WeakValueDictionary())
    if (known := accounts.get((username, password))) is not None:
        return known
    endpoints = cloud_endpoints()
    if endpoints != Endpoints():
        _warn_of_override(endpoints.rest)
    account = HypervoltAccount(
        async_get_clientsession(hass),
        username,
        password,
        user_agent=f"home-assistant-hypervolt-charger/{integration.version}",
        endpoints=endpoints,
        timing=Timing(),
    )
    accounts[username, password] = account
    return account


def cloud_endpoints() -> Endpoints:
    """Return where the cloud lives, or what stands in for it.

    Raises ValueError if the environment names something that can't.
    """
    return Endpoints.from_environment(os.environ)


@lru_cache(maxsize=8)
def _warn_of_override(url: str) -> None:
    """Say once that it is not the Hypervolt cloud we talk to."""
    _LOGGER.warning(
        "%s is set: talking to %s instead of the Hypervolt cloud",
        OVERRIDE_VARIABLE,
        url,
    )
