"""How soon a command is at the cloud, and confirmed, against a bare socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from statistics import median
import time
from typing import Final
from unittest.mock import patch

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.simulator import RecordedFrame, SimulatedCloud

from .figures import RUNS, Figure, Run
from .rig import PASSWORD, USERNAME, Rig, one_charger

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


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    times = 20 if short else 200
    async with one_charger() as (cloud, charger, rig):
        arrivals = Arrivals(cloud)
        sent: list[Run] = []
        confirmed: list[Run] = []
        with patch.object(cloud._journal, "received", arrivals.received):
            for _ in range(RUNS):
                ours = await _switch(rig, arrivals, times)
                # The charger tells everybody of a change: the bare client works alone.
                await rig.unload()
                token = await bare_token(cloud.url)
                async with bare_socket(cloud.url, charger.charger_id, token) as socket:
                    bare = await _bare(socket, arrivals, times)
                await rig.set_up()
                sent.append(Run(value=ours[0], floor=bare[0]))
                confirmed.append(Run(value=ours[1], floor=bare[1]))
    return [
        Figure(
            name="switch.turn_on until the frame is at the cloud",
            unit="µs",
            runs=sent,
            target=_TARGET,
        ),
        Figure(
            name="switch.turn_on until it is confirmed and shown",
            unit="µs",
            runs=confirmed,
            target=_TARGET,
        ),
    ]


async def _switch(rig: Rig, arrivals: Arrivals, times: int) -> tuple[float, float]:
    target = {"entity_id": rig.entity_id("switch", "charging")}
    sent, confirmed = [], []
    for number in range(times):
        action = "turn_off" if number % 2 else "turn_on"
        begin = time.perf_counter()
        await rig.hass.services.async_call("switch", action, target, blocking=True)
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
