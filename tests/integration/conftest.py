"""Fixtures: the library without Home Assistant around it, and another client."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hypervolt_charger.hypervolt import energy
from custom_components.hypervolt_charger.hypervolt.account import HypervoltAccount
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from custom_components.hypervolt_charger.hypervolt.client import HypervoltApiClient
from custom_components.hypervolt_charger.hypervolt.endpoints import (
    OVERRIDE_VARIABLE,
    Endpoints,
)
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import PASSWORD, USERNAME, Rig
from tests.simulator import Account, SimulatedCharger, SimulatedCloud
from tests.simulator_tests.plain_client import PlainClient, Socket

from .time_machine import TimeMachine, time_machine_at

# When journeys in time begin, unless a test says otherwise: a Friday in summer.
DEPARTURE = datetime(2026, 6, 5, 18, 0, tzinfo=ZoneInfo("Europe/London"))

type Login = Callable[..., HypervoltAccount]
type Connect = Callable[..., Awaitable[HypervoltApiClient]]
type LookOn = Callable[[Rig], Awaitable[Socket]]


@pytest.fixture
def departure() -> datetime:
    """When the time machine starts; a test may have its own."""
    return DEPARTURE


@pytest.fixture
async def time_machine(
    hass: HomeAssistant, departure: datetime
) -> AsyncGenerator[TimeMachine]:
    """Travel in time; ask for this before anything else that has timers."""
    await hass.config.async_set_time_zone(str(departure.tzinfo))
    with time_machine_at(hass, departure) as machine:
        yield machine
        if hass.services.has_service("automation", "turn_off"):
            await hass.services.async_call(
                "automation", "turn_off", {"entity_id": "all"}, blocking=True
            )


@pytest.fixture
def any_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chargers deliver in a moment what they deliver in an hour.

    `SimulatedCharger.advance` moves the charger's clock alone.
    """
    monkeypatch.setattr(energy, "MOST_WATTS", 1e12)


@pytest.fixture
async def session(socket_enabled: None) -> AsyncGenerator[aiohttp.ClientSession]:
    """An HTTP session, as Home Assistant would hand it in."""
    async with aiohttp.ClientSession() as client_session:
        yield client_session


@pytest.fixture
def login(
    cloud: SimulatedCloud,
    account: Account,
    session: aiohttp.ClientSession,
    timing: Timing,
) -> Login:
    """Make an account of the library, by default with the right password."""

    def make(
        username: str = USERNAME, password: str = PASSWORD, url: str | None = None
    ) -> HypervoltAccount:
        return HypervoltAccount(
            session,
            username,
            password,
            user_agent="hypervolt-tests/1.0",
            endpoints=Endpoints.from_environment({OVERRIDE_VARIABLE: url or cloud.url}),
            timing=timing,
        )

    return make


@pytest.fixture
async def connect(login: Login) -> AsyncGenerator[Connect]:
    """Start clients of the library; all are stopped at the end."""
    clients: list[HypervoltApiClient] = []

    async def start(
        charger: SimulatedCharger,
        *,
        listener: Callable[[], None] = lambda: None,
        remembered_variant: ApiVariant | None = None,
        forced_variant: ApiVariant | None = None,
    ) -> HypervoltApiClient:
        client = HypervoltApiClient(
            login(),
            charger.charger_id,
            listener=listener,
            remembered_variant=remembered_variant,
            forced_variant=forced_variant,
        )
        clients.append(client)
        await client.start()
        return client

    yield start
    for client in clients:
        await client.stop()


@pytest.fixture
async def onlooker(
    cloud: SimulatedCloud, account: Account
) -> AsyncGenerator[PlainClient]:
    """Another client of the account, to see what the cloud really says."""
    async with PlainClient(cloud.url, USERNAME, PASSWORD) as client:
        yield client


@pytest.fixture
def look_on(onlooker: PlainClient) -> LookOn:
    """Open a socket of the other client."""

    async def look(rig: Rig) -> Socket:
        return await onlooker.sync(rig.charger.charger_id)

    return look
