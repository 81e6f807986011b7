"""What stands before every endpoint: the record, the strictness, the faults."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum, auto
import re
from typing import Final

from aiohttp import web

from .backend import Backend
from .faults import ActiveFault, Fault
from .journal import RecordedRequest

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RECORD: Final = web.RequestKey("record", RecordedRequest)
ORIGIN: Final = "https://hypervolt.co.uk"
"""protocol.md 5.1."""

_LIBRARY_USER_AGENT: Final = re.compile(
    r"^\s*$|^Python[/-]|^curl/|(?:aiohttp|websockets)(?:/|$)", re.IGNORECASE
)
_HTML: Final = "<!DOCTYPE html><title>Oops</title><h1>We will be back soon</h1>"
_REDIRECTED: Final = "redirected"


class Kind(Enum):
    """The families of endpoints."""

    TOKEN = auto()
    REST = auto()
    SOCKET = auto()
    CONTROL = auto()


def kind_of(path: str) -> Kind:
    """Return the family of a path."""
    if path in {"/", "/simulator"} or path.startswith("/simulator/"):
        return Kind.CONTROL
    if path.startswith("/realms/"):
        return Kind.TOKEN
    return Kind.SOCKET if path.startswith("/ws/") else Kind.REST


class Gate:
    """A middleware around the real paths; the control API passes untouched."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Record the request and let the faults have it first."""
        kind = kind_of(request.path)
        if kind is Kind.CONTROL:
            return await handler(request)
        form: dict[str, str] = {}
        if kind is Kind.TOKEN and request.method == "POST":
            form = {
                name: value
                for name, value in (await request.post()).items()
                if isinstance(value, str)
            }
        record = RecordedRequest(
            request.method,
            request.path,
            None,
            datetime.now(UTC),
            headers=dict(request.headers),
            query=request.query_string,
            form=form,
        )
        request[RECORD] = record
        self._backend.journal.arrived(record)
        status = 500
        try:
            response = await self._refusal(kind, request)
            if response is None:
                response = await handler(request)
            status = response.status
        except web.HTTPException as refused:
            status = refused.status
            raise
        finally:
            # A WebSocket was noted as 101 when it opened.
            if request[RECORD].status is None:
                self._backend.journal.answered(request[RECORD], status)
        return response

    async def _refusal(
        self, kind: Kind, request: web.Request
    ) -> web.StreamResponse | None:
        faults = self._backend.faults
        which = _charger_id(request.path)
        if blocked := faults.find(Fault.BLOCKED, which):
            return _status(int(blocked.text("status")), "access denied")
        if gone := faults.take(
            Fault.GONE, which, when=lambda fault: fault.text("path") in request.path
        ):
            return _status(int(gone.text("status")), "not here any more")
        match kind:
            case Kind.TOKEN:
                fault = faults.take(Fault.IDP_DOWN)
            case Kind.SOCKET:
                self._check_headers(request, origin=True)
                fault = faults.take(
                    Fault.BAD_CLOSE,
                    which,
                    when=lambda bad: bad.text("mode") != "abrupt",
                )
            case _:
                self._check_headers(request, origin=False)
                fault = faults.take(
                    Fault.REST_ERROR,
                    which,
                    when=lambda bad: (
                        bad.text("path") in request.path
                        and _REDIRECTED not in request.query
                    ),
                )
        return None if fault is None else await self._misbehave(request, fault)

    def _check_headers(self, request: web.Request, *, origin: bool) -> None:
        """protocol.md 4 and 5.1: an own User-Agent, and the Origin on sockets."""
        if origin and request.headers.get("Origin") != ORIGIN:
            raise web.HTTPForbidden(text="wrong Origin")
        agent = request.headers.get("User-Agent", "")
        if self._backend.options.strict_user_agent and _LIBRARY_USER_AGENT.search(
            agent
        ):
            raise web.HTTPForbidden(text="send an own User-Agent")

    async def _misbehave(
        self, request: web.Request, fault: ActiveFault
    ) -> web.StreamResponse:
        mode = fault.text("mode")
        match mode:
            case "hang":
                await self._backend.hang()
                return _status(503, "shutting down")
            case "reset":
                if isinstance(request.transport, asyncio.Transport):
                    request.transport.abort()
                return _status(503, "nobody reads this")
            case "html":
                return web.Response(text=_HTML, content_type="text/html")
            case "redirect":
                target = request.url.update_query({_REDIRECTED: "1"})
                return web.Response(status=307, headers={"Location": str(target)})
            case "429":
                response = _status(429, "too many requests")
                seconds = int(fault.number("retry_after"))
                response.headers["Retry-After"] = str(seconds)
                return response
            case _:
                return _status(int(mode), "out of order")


def accepted(backend: Backend, request: web.Request) -> None:
    """Note that a WebSocket opened."""
    record = request[RECORD]
    request[RECORD] = backend.journal.amended(record, replace(record, status=101))


def _status(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


def _charger_id(path: str) -> str | None:
    match = re.search(r"/charger/(?:by-id/)?(\d+)/", path)
    return match[1] if match else None
