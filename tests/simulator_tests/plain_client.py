"""The plainest client of the cloud: aiohttp, no knowledge of the integration."""

import asyncio
from collections.abc import Mapping
import json
from typing import Any, Final, Self

import aiohttp

TOKEN_PATH: Final = "/realms/retail-customers/protocol/openid-connect/token"
HEADERS: Final = {
    "User-Agent": "simulator-tests/1",
    "Origin": "https://hypervolt.co.uk",
}
SCOPE: Final = "openid profile email offline_access"


class Socket:
    """An open WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.raw = socket
        self._next_id = 0

    async def send(self, message: object) -> None:
        await self.raw.send_str(
            message if isinstance(message, str) else json.dumps(message)
        )

    async def frame(self, seconds: float = 2.0) -> Any:
        """Return the next frame, parsed."""
        return json.loads(await self.raw.receive_str(timeout=seconds))

    async def until(self, wanted: str, seconds: float = 2.0) -> Any:
        """Return the params of the next push with this method."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.frame()
                if isinstance(frame, dict) and frame.get("method") == wanted:
                    return frame.get("params")

    async def call(
        self, method: str, params: object = None, *, seconds: float = 2.0
    ) -> Any:
        """Send a request and return its answer; pushes before it are skipped."""
        self._next_id += 1
        number = f"call-{self._next_id}"
        message: dict[str, object] = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None:
            message["params"] = params
        await self.send(message)
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.frame()
                if isinstance(frame, dict) and frame.get("id") == number:
                    return frame

    async def result(self, method: str, params: object = None) -> Any:
        """Send a request that must succeed."""
        return (await self.call(method, params))["result"]

    async def error(self, method: str, params: object = None) -> Any:
        """Send a request that must fail."""
        return (await self.call(method, params))["error"]

    async def closed(self, seconds: float = 2.0) -> int | None:
        """Wait for the end; return the close code."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.raw.receive()
                if message.type in (
                    aiohttp.WSMsgType.CLOSE,
                    aiohttp.WSMsgType.CLOSED,
                    aiohttp.WSMsgType.CLOSING,
                    aiohttp.WSMsgType.ERROR,
                ):
                    return self.raw.close_code

    async def silent(self, seconds: float = 0.05) -> bool:
        """Whether nothing comes for a moment."""
        try:
            await self.raw.receive(timeout=seconds)
        except TimeoutError:
            return True
        return False


class PlainClient:
    """Tokens, REST and sockets."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self.username = username
        self.password = password
        self.http = aiohttp.ClientSession(
            headers=HEADERS, timeout=aiohttp.ClientTimeout(total=5)
        )
        self.token = ""
        self.refresh_token = ""
        self._sockets: list[Socket] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in self._sockets:
            await socket.raw.close()
        await self.http.close()

    async def grant(self, **fields: str) -> tuple[int, Any]:
        """Post a form to the token endpoint."""
        form = {"client_id": "home-assistant", **fields}
        async with self.http.post(self.url + TOKEN_PATH, data=form) as answer:
            return answer.status, await answer.json()

    async def log_in(self) -> None:
        """Get tokens by password."""
        status, body = await self.grant(
            grant_type="password",
            scope=SCOPE,
            username=self.username,
            password=self.password,
        )
        assert status == 200, body
        self.token = body["access_token"]
        self.refresh_token = body["refresh_token"]

    async def rest(
        self,
        path: str,
        method: str = "GET",
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        redirects: bool = True,
    ) -> tuple[int, Any]:
        """Make a REST request; the body of the answer is JSON, text or None."""
        if not self.token:
            await self.log_in()
        async with self.http.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
            allow_redirects=redirects,
        ) as answer:
            text = await answer.text()
            if answer.content_type == "application/json" and text:
                return answer.status, json.loads(text)
            return answer.status, text or None

    async def connect(self, charger_id: str, endpoint: str = "sync") -> Socket:
        """Open a socket."""
        socket = Socket(
            await self.http.ws_connect(
                f"{self.url}/ws/charger/{charger_id}/{endpoint}",
                timeout=aiohttp.ClientWSTimeout(ws_close=0.5),
            )
        )
        self._sockets.append(socket)
        return socket

    async def sync(self, charger_id: str, *, version: int = 3) -> Socket:
        """Open a /sync socket and log in."""
        if not self.token:
            await self.log_in()
        socket = await self.connect(charger_id)
        result = await socket.result("login", {"token": self.token, "version": version})
        assert result == {"authenticated": True}
        return socket

    async def control(self, path: str, body: object = None) -> tuple[int, Any]:
        """Post to the control API, or get if there is no body."""
        method = "GET" if body is None else "POST"
        async with self.http.request(
            method, f"{self.url}/simulator{path}", json=body
        ) as answer:
            text = await answer.text()
            if answer.content_type == "application/json":
                return answer.status, json.loads(text)
            return answer.status, text
