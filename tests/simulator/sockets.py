"""One WebSocket of a client, and all of a charger's (protocol.md 5)."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
import json
import time
from typing import Final, override

from aiohttp import ClientConnectionResetError, web

from .charger import Document, LiveFrame, SimulatedCharger, Wire
from .faults import Fault, FaultBoard
from .journal import JOURNAL_LIMIT, Changes, Journal, RecordedFrame
from .options import CloudOptions
from .payloads import Payloads
from .vocabulary import Confirm, Json, Personality

_PILOTS: Final = {
    "get.pilot_status": "pilot_status",
    "get.composite_pilot_status": "composite_pilot_status",
}
"""The member that each of the plug's methods has."""


class Endpoint(StrEnum):
    """The two WebSocket paths."""

    SYNC = "sync"
    IN_PROGRESS = "in_progress"

    @property
    def path(self) -> str:
        """The end of its URL."""
        return "/session/in-progress" if self is Endpoint.IN_PROGRESS else "/sync"


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: str


def encode(message: Json) -> str:
    """Return the compact JSON text the cloud sends."""
    return json.dumps(message, separators=(",", ":"))


class ClientSocket:
    """An accepted socket; frames queue up here in their order."""

    def __init__(
        self,
        number: int,
        endpoint: Endpoint,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
    ) -> None:
        self.number = number
        self.endpoint = endpoint
        self.opened_at = asyncio.get_running_loop().time()
        self.token = ""
        self.login_at: float | None = None
        self.version = 3
        self.closing = False
        self._socket = socket
        self._transport = transport
        self._queue: asyncio.Queue[str | bytes | _Close | None] = asyncio.Queue()

    @property
    def logged_in(self) -> bool:
        """Whether a valid login was received."""
        return self.login_at is not None

    def send(self, frame: str | bytes) -> None:
        """Queue a frame."""
        if not self.closing:
            self._queue.put_nowait(frame)

    def close(self, code: int = 1000, reason: str = "Bye") -> None:
        """Close after what is queued."""
        if not self.closing:
            self.closing = True
            self._queue.put_nowait(_Close(code, reason))

    def abort(self) -> None:
        """Break the connection without a close frame."""
        self.closing = True
        self._queue.put_nowait(None)
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """End the writer after what is queued."""
        self.closing = True
        self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send what is queued until the socket ends."""
        try:
            while (item := await self._queue.get()) is not None:
                match item:
                    case str():
                        await self._socket.send_str(item)
                    case bytes():
                        await self._socket.send_bytes(item)
                    case _Close(code, reason):
                        await self._socket.close(code=code, message=reason.encode())
                        return
        except ClientConnectionResetError, ConnectionError, RuntimeError:
            # The client is gone; the reader notices, too.
            return


class ChargerWire(Wire):
    """All sockets of one charger: who hears what."""

    def __init__(
        self,
        charger: SimulatedCharger,
        *,
        faults: FaultBoard,
        journal: Journal,
        changes: Changes,
        options: CloudOptions,
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self.charger = charger
        self.payloads = Payloads(charger, faults)
        self.clients: list[ClientSocket] = []
        self._faults = faults
        self._journal = journal
        self._changes = changes
        self._options = options
        self._later = later
        self._sent = 0
        self._live: deque[LiveFrame] = deque(maxlen=JOURNAL_LIMIT)
        self._left_at = time.monotonic()

    @property
    @override
    def sockets(self) -> int:
        return len(self._open())

    @property
    @override
    def logged_in_sockets(self) -> int:
        return len(self.listeners())

    @property
    @override
    def alone_since(self) -> float | None:
        busy = any(client.logged_in for client in self.clients)
        return None if busy else self._left_at

    @property
    @override
    def received(self) -> list[RecordedFrame]:
        return [
            frame
            for frame in self._journal.frames
            if frame.charger_id == self.charger.charger_id
        ]

    @property
    @override
    def frames_sent(self) -> int:
        return self._sent

    @property
    @override
    def live_frames(self) -> deque[LiveFrame]:
        return self._live

    def add(self, client: ClientSocket) -> None:
        """Count a new socket in."""
        self.clients.append(client)
        self._changes.notify()

    def remove(self, client: ClientSocket) -> None:
        """Count a closed socket out."""
        if client.logged_in:
            self._left_at = time.monotonic()
        client.closing = True
        self.clients.remove(client)
        self._changes.notify()

    def listeners(self) -> list[ClientSocket]:
        """Return the /sync sockets that get pushes."""
        early = self._options.pushes_before_login
        return [
            client
            for client in self._open()
            if client.endpoint is Endpoint.SYNC and (client.logged_in or early)
        ]

    # Frames

    def deliver(
        self, client: ClientSocket, message: Json | bytes, *, reply: bool = False
    ) -> None:
        """Send one message to one client, unless it stalls (F1)."""
        if self._stalls(client, reply=reply):
            return
        if isinstance(message, dict) and self._faults.find(
            Fault.MESSY_DOC, self.charger
        ):
            message = {
                name: value for name, value in message.items() if name != "jsonrpc"
            }
        self._sent += 1
        client.send(message if isinstance(message, bytes) else encode(message))
        self._note_live(client, message)

    def _stalls(self, client: ClientSocket, *, reply: bool) -> bool:
        stall = self._faults.find(Fault.STALL, self.charger)
        if stall is None or stall.text("path") not in client.endpoint.path:
            return False
        if stall.flag("until_reconnect") and client.opened_at > stall.enabled_at:
            return False
        return not (reply and stall.flag("replies"))

    def _note_live(self, client: ClientSocket, message: Json | bytes) -> None:
        if not isinstance(message, dict):
            return
        method = message.get("method")
        if isinstance(method, str) and method in _PILOTS:
            params = message.get("params")
            value = params.get(_PILOTS[method]) if isinstance(params, dict) else None
            self._live.append(
                replace(
                    self._frame_now(),
                    of_session=False,
                    pilot=value if isinstance(value, str) else None,
                )
            )
        elif method == "get.session":
            self._note_session(message.get("params"))
        elif client.endpoint is Endpoint.IN_PROGRESS and method is None:
            self._note_session(message)

    def _note_session(self, params: Json) -> None:
        members = params if isinstance(params, dict) else {}
        count, charging = members.get("watt_hours"), members.get("charging")
        self._live.append(
            replace(
                self._frame_now(),
                shown=count if type(count) is int else None,
                charging=charging if isinstance(charging, bool) else None,
                final=self.payloads.count.final,
                base=self.payloads.count.base,
                readable=frozenset(
                    name
                    for name, value in members.items()
                    if value is not None and not isinstance(value, str)
                ),
            )
        )

    def _frame_now(self) -> LiveFrame:
        point = self.charger.point
        return LiveFrame(
            at=time.monotonic(),
            number=point.session_number,
            delivered=point.session_wh,
            open=point.session_open,
            flows=point.charging,
        )

    def broadcast(
        self, method: str, params: Json, *, but: ClientSocket | None = None
    ) -> None:
        """Push to every client (protocol.md 5.4).

        `jsonrpc` is missing on pushes of settings, as seen (5.5).
        """
        message: dict[str, Json] = {"method": method, "params": params}
        if method != "sync.apply":
            message = {"jsonrpc": "2.0", **message}
        for client in self.listeners():
            if client is not but:
                self.deliver(client, message)
        self._changes.notify()

    def confirm(
        self,
        client: ClientSocket,
        reply: Json,
        push: tuple[str, Json] | None,
    ) -> None:
        """Tell the writer and everybody else of a change."""
        echo = self._faults.take(Fault.ECHO, self.charger)
        how = str(self.charger.confirm or self._options.confirm)
        if echo is not None:
            how = echo.text("mode")

        def answer() -> None:
            self.deliver(client, reply, reply=True)

        def announce(but: ClientSocket | None = None) -> None:
            if push is not None:
                self.broadcast(*push, but=but)

        def both() -> None:
            answer()
            announce()

        match how:
            case Confirm.REPLY:
                answer()
                announce(but=client)
            case Confirm.PUSH if push is not None:
                announce()
            case "swapped":
                announce()
                answer()
            case "duplicated":
                both()
                both()
            case "late" if echo is not None:
                self._later(echo.number("delay"), both)
            case _:
                both()

    def tick(self) -> None:
        """Push what comes regularly: sessions (protocol.md 5.8)."""
        if self.charger.personality.speaks_v3_api or self.charger.charging:
            self.session_changed()

    def greet(self, client: ClientSocket) -> None:
        """Send what a client gets unasked after connecting, if anything."""
        charger = self.charger
        if client.endpoint is Endpoint.SYNC:
            reports = charger.pilot_on_login and charger.personality.speaks_v3_api
            if reports and not self._loses_pilot():
                self.deliver(client, self._pilot_message())
            return
        if charger.personality is not Personality.LEGACY_V2:
            return
        if (charger.charging or charger.in_progress_on_connect) and self._measures():
            self.deliver(client, self.payloads.in_progress())

    # What the charger reports

    @override
    def push_raw(self, frame: str | bytes | Json) -> None:
        method = frame.get("method") if isinstance(frame, dict) else None
        if isinstance(method, str) and method in _PILOTS and self._loses_pilot():
            return
        for client in self.listeners():
            if isinstance(frame, str):
                self._sent += 1
                client.send(frame)
            else:
                self.deliver(client, frame)
        self._changes.notify()

    @override
    def settings_changed(self, changes: Document) -> None:
        self.broadcast("sync.apply", self.payloads.changes(changes))

    @override
    def pilot_changed(self) -> None:
        # A legacy V2 does not report it (protocol.md 2.3).
        if self.charger.personality.speaks_v3_api and not self._loses_pilot():
            self.broadcast(
                "get.pilot_status", {"pilot_status": str(self.charger.pilot)}
            )
        self._changes.notify()

    @override
    def session_changed(self, *, final: bool = False) -> None:
        if self.charger.personality.speaks_v3_api:
            self._push_session(final=final)
        elif self.charger.charging or final:
            self._push_in_progress(final=final)
        self._changes.notify()

    @override
    def schedule_changed(self) -> None:
        # Never pushed on a legacy V2 (protocol.md 8.1).
        if self.charger.personality.speaks_v3_api:
            self.broadcast(self.charger.schedule_push, self.payloads.schedules())
        self._changes.notify()

    @override
    def plug_and_charge_changed(self) -> None:
        push = self.plug_and_charge_push()
        if push is not None:
            self.broadcast(*push)
        self._changes.notify()

    @override
    def name_changed(self) -> None:
        self._changes.notify()

    def plug_and_charge_push(self) -> tuple[str, Json] | None:
        """Return method and params; whether it is pushed is unknown (5.4)."""
        match self.charger.plugncharge_push:
            case "plugncharge.set":
                mode = self.charger.plugncharge
                return "plugncharge.set", {"mode": mode, "applied": True}
            case "plugncharge.get":
                return "plugncharge.get", {"applied": self.charger.plugncharge}
            case _:
                return None

    def _open(self) -> list[ClientSocket]:
        return [client for client in self.clients if not client.closing]

    def _measures(self) -> bool:
        return self._faults.find(Fault.V2_SILENCE, self.charger) is None

    def _loses_pilot(self) -> bool:
        """Whether F42 takes a push of the plug, which somebody would have heard."""
        heard = bool(self.listeners())
        return heard and self._faults.take(Fault.LOST_PILOT, self.charger) is not None

    def _pilot_message(self) -> dict[str, Json]:
        return {
            "jsonrpc": "2.0",
            "method": "get.pilot_status",
            "params": {"pilot_status": str(self.charger.pilot)},
        }

    def _push_session(self, *, final: bool) -> None:
        listeners = self.listeners()
        if not listeners or not self._measures():
            return
        params = self.payloads.session(final=final)
        for client in listeners:
            # energy_flow came with login version 3 (protocol.md 5.3).
            shown = {
                name: value
                for name, value in params.items()
                if name != "energy_flow" or client.version >= 3
            }
            self.deliver(
                client, {"jsonrpc": "2.0", "method": "get.session", "params": shown}
            )
        self._follow_up()

    def _push_in_progress(self, *, final: bool) -> None:
        if not self._measures():
            return
        frame = self.payloads.in_progress(final=final)
        for client in self._open():
            if client.endpoint is Endpoint.IN_PROGRESS and (
                client.logged_in or not self._options.in_progress_requires_login
            ):
                self.deliver(client, frame)
        self._follow_up()

    def _follow_up(self) -> None:
        """Have the next frame of a burst come soon (F31)."""
        noise = self._faults.find(Fault.WH_NOISE, self.charger)
        if noise is not None and self.payloads.count.more:
            self._later(noise.number("gap"), self.session_changed)
