"""How soon a command is at the cloud, and confirmed, against a bare socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from statistics import median
import time
from typing import Any, Final, override
from unittest.mock import patch

import aiohttp
from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockEntityPlatform
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.simulator import RecordedFrame, SimulatedCloud

from .figures import RUNS, Figure, Run
from .rig import PASSWORD, USERNAME, one_charger

_TARGET: Final = 2.0
TOKEN_PATH: Final = "/realms/retail-customers/protocol/openid-connect/token"


class Arrivals:
    """Notes when the last frame was at the cloud."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        """Listen in."""
        self.last = 0.0
        self._journal = cloud._journal
        self._received = self._journal.received

    def received(
        self, charger_id: str, endpoint: str, socket: int, text: str
    ) -> RecordedFrame:
        """Stand in for the journal's own."""
        self.last = time.perf_counter()
        return self._received(charger_id, endpoint, socket, text)


async def bare_token(url: str) -> str:
    """Get a token with nothing but an HTTP client."""
    form = {
        "client_id": "home-assistant",
        "grant_type": "password",
        "username": USERNAME,
        "password": PASSWORD,
        "scope": "openid profile email offline_access",
    }
    async with (
        aiohttp.ClientSession(headers={"User-Agent": "bench/1"}) as session,
        session.post(url + TOKEN_PATH, data=form) as answer,
    ):
        token = (await answer.json())["access_token"]
        assert isinstance(token, str)
        return token


@asynccontextmanager
async def bare_socket(
    url: str, charger_id: str, token: str
) -> AsyncGenerator[ClientConnection]:
    """Open a socket with nothing but the websockets library, and log in."""
    async with connect(
        f"{url.replace('http', 'ws', 1)}/ws/charger/{charger_id}/sync",
        origin=Origin("https://hypervolt.co.uk"),
        user_agent_header="bench/1",
        proxy=None,
        close_timeout=1,
    ) as socket:
        await ask(socket, "login", {"token": token, "version": 3})
        yield socket


async def ask(
    socket: ClientConnection, method: str, params: dict[str, object] | None = None
) -> None:
    """Send a request, and wait for its answer among whatever is pushed."""
    request = {"id": "bare", "method": method, "jsonrpc": "2.0"}
    await socket.send(json.dumps(request | ({"params": params} if params else {})))
    while json.loads(await socket.recv()).get("id") != "bare":
        pass


class _LeanestSwitch(SwitchEntity):
    """A switch that sends a frame and waits for its answer: none costs less."""

    _attr_name = "leanest"
    _attr_should_poll = False

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @override
    async def async_turn_on(self, **_: Any) -> None:
        await self._set(True)

    @override
    async def async_turn_off(self, **_: Any) -> None:
        await self._set(False)

    async def _set(self, on: bool) -> None:
        await ask(self._socket, "sync.apply", {"release": not on})
        self._attr_is_on = on
        self.async_write_ha_state()


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    times = 20 if short else 200
    ours, bare, lean = [], [], []
    async with one_charger() as (cloud, charger, rig):
        arrivals = Arrivals(cloud)
        with patch.object(cloud._journal, "received", arrivals.received):
            for _ in range(RUNS):
                entity_id = rig.entity_id("switch", "charging")
                ours.append(await _switch(rig.hass, entity_id, arrivals, times))
                # The charger tells everybody of a change: the others work alone.
                await rig.unload()
                token = await bare_token(cloud.url)
                async with bare_socket(cloud.url, charger.charger_id, token) as socket:
                    bare.append(await _bare(socket, arrivals, times))
                    switch = _LeanestSwitch(socket)
                    platform = MockEntityPlatform(rig.hass, domain="switch")
                    await platform.async_add_entities([switch])
                    lean.append(
                        await _switch(rig.hass, switch.entity_id, arrivals, times)
                    )
                    await switch.async_remove()
                await rig.set_up()
    return [
        Figure(
            name=f"switch.turn_on until {what}, to {whose}",
            unit="µs",
            runs=[
                Run(value=mine[index], floor=theirs[index])
                for mine, theirs in zip(ours, floors, strict=True)
            ],
            target=_TARGET,
        )
        for index, what in enumerate(("it is at the cloud", "it is confirmed"))
        for whose, floors in (("a bare socket", bare), ("the leanest switch", lean))
    ]


async def _switch(
    hass: HomeAssistant, entity_id: str, arrivals: Arrivals, times: int
) -> tuple[float, float]:
    target = {"entity_id": entity_id}
    sent, confirmed = [], []
    for number in range(times):
        action = "turn_off" if number % 2 else "turn_on"
        begin = time.perf_counter()
        await hass.services.async_call("switch", action, target, blocking=True)
        confirmed.append(time.perf_counter() - begin)
        sent.append(arrivals.last - begin)
    return median(sent) * 1e6, median(confirmed) * 1e6


async def _bare(
    socket: ClientConnection, arrivals: Arrivals, times: int
) -> tuple[float, float]:
    sent, confirmed = [], []
    for number in range(times):
        begin = time.perf_counter()
        await ask(socket, "sync.apply", {"release": bool(number % 2)})
        confirmed.append(time.perf_counter() - begin)
        sent.append(arrivals.last - begin)
    return median(sent) * 1e6, median(confirmed) * 1e6
