"""The two WebSocket paths (protocol.md 5)."""

import asyncio
from typing import Final

from aiohttp import WSMsgType, web

from .backend import Backend, Line
from .faults import Fault
from .gate import accepted
from .sockets import ClientSocket, Endpoint

_CLOSE_TIMEOUT: Final = 0.5
"""How long a client may take to answer a close frame."""


class SocketEndpoints:
    """Accepts sockets and reads them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def add_routes(self, app: web.Application) -> None:
        """Register the paths."""
        app.router.add_get("/ws/charger/{id}/sync", self._sync)
        app.router.add_get("/ws/charger/{id}/session/in-progress", self._in_progress)

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, Endpoint.SYNC)

    async def _in_progress(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, Endpoint.IN_PROGRESS)

    async def _serve(
        self, request: web.Request, endpoint: Endpoint
    ) -> web.StreamResponse:
        line = self._backend.lines.get(request.match_info["id"])
        if line is None:
            raise web.HTTPNotFound(text="unknown device")
        response = web.WebSocketResponse(timeout=_CLOSE_TIMEOUT)
        await response.prepare(request)
        accepted(self._backend, request)
        transport = request.transport
        self._backend.sockets_opened += 1
        client = ClientSocket(
            self._backend.sockets_opened,
            endpoint,
            response,
            transport if isinstance(transport, asyncio.Transport) else None,
        )
        line.wire.add(client)
        writer = asyncio.create_task(client.write())
        try:
            if endpoint is Endpoint.IN_PROGRESS:
                line.wire.greet(client)
            bye = self._backend.faults.find(Fault.BYE, line.charger)
            if bye is not None:
                self._backend.timers.later(bye.number("after"), client.close)
            await self._read(response, client, line)
        finally:
            line.wire.remove(client)
            # A close frame may still be on its way.
            client.finish()
            await asyncio.wait([writer], timeout=2 * _CLOSE_TIMEOUT)
            writer.cancel()
        return response

    async def _read(
        self, response: web.WebSocketResponse, client: ClientSocket, line: Line
    ) -> None:
        async for message in response:
            match message.type:
                case WSMsgType.TEXT:
                    line.protocol.receive(client, message.data)
                case WSMsgType.BINARY:
                    line.protocol.receive(client, message.data.decode("latin-1"))
                case _:
                    return
