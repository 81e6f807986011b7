"""What the cloud answers on `/sync` (protocol.md 5)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .charger import SimulatedCharger
from .faults import ActiveFault, Fault, FaultBoard
from .journal import Journal
from .options import CloudOptions
from .schedule import ScheduleRefusedError, parse_schedule_set
from .settings import SettingRefusedError, parse_mode
from .sockets import ChargerWire, ClientSocket, Endpoint
from .tokens import TokenStore
from .vocabulary import Json, LoginFailure

INTERNAL_ERROR: Final = -32603
INVALID_PARAMS: Final = -32602
METHOD_NOT_FOUND: Final = -32601
INVALID_REQUEST: Final = -32600
PARSE_ERROR: Final = -32700
CONFLICT: Final = 409

V3_METHODS: Final = frozenset(
    {"schedules.get", "schedule.set", "plugncharge.get", "plugncharge.set"}
)
"""A legacy V2 refuses these (protocol.md 2.3)."""
COMMANDS: Final = frozenset(
    {"sync.apply", "schedule.set", "plugncharge.set", "set.name"}
)


_REFUSING_RESULTS: Final[Mapping[str, Callable[[str], Json]]] = {
    "text": lambda text: text,
    "null": lambda _: None,
    "object": lambda text: {"error": text},
}
"""Refusals that look like results (protocol.md 2.4 rule 8)."""


@dataclass(frozen=True, slots=True)
class _Request:
    client: ClientSocket
    method: str
    params: Json
    id: Mapping[str, Json]
    """The id member to echo; empty if the request had none (5.2, rule 4)."""


class SyncProtocol:
    """Serves the requests of one charger's sockets."""

    def __init__(
        self,
        wire: ChargerWire,
        *,
        owner: str,
        tokens: TokenStore,
        faults: FaultBoard,
        journal: Journal,
        options: CloudOptions,
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._wire = wire
        self._owner = owner
        self._tokens = tokens
        self._faults = faults
        self._journal = journal
        self._options = options
        self._later = later
        self._muted = False
        self._handlers: Mapping[str, Callable[[_Request], None]] = {
            "login": self._login,
            "sync.snapshot": self._snapshot,
            "sync.apply": self._apply,
            "schedules.get": self._schedules_get,
            "schedule.set": self._schedule_set,
            "plugncharge.get": self._plug_and_charge_get,
            "plugncharge.set": self._plug_and_charge_set,
            "firmware.version": self._firmware,
            "get.name": self._get_name,
            "set.name": self._set_name,
        }

    @property
    def _charger(self) -> SimulatedCharger:
        return self._wire.charger

    def receive(self, client: ClientSocket, text: str) -> None:
        """Take a text frame of a client."""
        frame = self._journal.received(
            self._charger.charger_id, client.endpoint, client.number, text
        )
        if client.closing:
            return
        message = frame.message
        request_id = message.get("id") if isinstance(message, dict) else None
        method = frame.method
        if (
            not isinstance(message, dict)
            or method is None
            or isinstance(request_id, (bool, float, dict, list))
        ):
            code = PARSE_ERROR if message is None else INVALID_REQUEST
            self._error(_Request(client, "", None, {}), code, "not a request")
            self._close_if_not_logged_in(client)
            return
        echoed = {"id": request_id} if request_id is not None else {}
        request = _Request(client, method, frame.params, echoed)
        if client.endpoint is Endpoint.IN_PROGRESS:
            # A login there is accepted, other requests are not served (5.6).
            if method == "login":
                self._login(request)
            return
        self._serve_when_ready(request)

    def _serve_when_ready(self, request: _Request) -> None:
        slow = self._faults.find(Fault.SLOW_START, self._charger)
        if slow is not None:
            if request.method == slow.text("never"):
                return
            age = asyncio.get_running_loop().time() - request.client.opened_at
            wait = slow.number("delay") - age
            if wait > 0 and not slow.text("never"):
                self._later(wait, lambda: self._serve(request))
                return
        self._serve(request)

    def _serve(self, request: _Request) -> None:
        client = request.client
        if client.closing:
            return
        if not client.logged_in and request.method != "login":
            # The first frame must be the login (protocol.md 5.3).
            text = f"{request.method} failed: not authenticated"
            self._error(request, INVALID_REQUEST, text)
            self._close_if_not_logged_in(client)
            return
        if client.logged_in and request.method != "login" and self._is_void(client):
            # protocol.md 3: the next command is lost and the server closes.
            client.close(1000, "Bye")
            return
        lost = self._faults.take(
            Fault.LOST,
            self._charger,
            when=lambda fault: (
                request.method != "login" and fault.covers(request.method)
            ),
        )
        if lost is not None and not lost.flag("applied"):
            return
        self._muted = lost is not None
        try:
            self._dispatch(request)
        finally:
            self._muted = False

    def _dispatch(self, request: _Request) -> None:
        method = request.method
        handler = self._handlers.get(method)
        if handler is None:
            self._error(request, METHOD_NOT_FOUND, f"{method} not found")
            return
        if method in V3_METHODS and self._refused_as_v3(request):
            return

        def names_it(fault: ActiveFault) -> bool:
            named = bool(fault.items("methods"))
            return fault.covers(method) and (named or method in COMMANDS)

        internal = self._faults.take(Fault.INTERNAL, self._charger, when=names_it)
        if internal is not None:
            blamed = request if internal.flag("with_id") else _anonymous(request)
            text = f"{method} failed: internal server error"
            self._error(blamed, INTERNAL_ERROR, text)
            return
        self._charger.catch_up()
        handler(request)

    def _refused_as_v3(self, request: _Request) -> bool:
        fault = self._faults.take(Fault.NOT_ALLOWED, self._charger)
        if fault is None and self._charger.personality.speaks_v3_api:
            return False
        shape = (
            self._charger.not_allowed_shape if fault is None else fault.text("shape")
        )
        text = f"{request.method} not allowed"
        error: Json = {"code": METHOD_NOT_FOUND, "message": text}
        if shape == "error":
            error = {"code": METHOD_NOT_FOUND, "error": text, "data": None}
        if shape in _REFUSING_RESULTS:
            self._reply(request, _REFUSING_RESULTS[shape](text))
        elif shape == "named":
            self._send(request, {"method": request.method, "error": error})
        else:
            self._send(request, {"error": error})
        return True

    def _is_void(self, client: ClientSocket) -> bool:
        """Whether the login of this socket is too old (F2)."""
        fault = self._faults.find(Fault.TOKEN_AGE, self._charger)
        login_at = client.login_at or 0.0
        if fault is not None:
            if fault.options["after"] is None:
                return login_at <= fault.enabled_at
            age = asyncio.get_running_loop().time() - login_at
            return age >= fault.number("after")
        return self._tokens.username_of(client.token) is None

    # Answers

    def _send(self, request: _Request, members: Mapping[str, Json]) -> None:
        if not self._muted:
            self._wire.deliver(
                request.client,
                {"jsonrpc": "2.0", **self._echoed(request), **members},
                reply=True,
            )

    def _reply(self, request: _Request, result: Json) -> None:
        delay = self._delay(request)
        if delay is None:
            self._send(request, {"result": result})
        else:
            self._later(delay, lambda: self._send(request, {"result": result}))

    def _delay(self, request: _Request) -> float | None:
        """Return the seconds until a late answer; None if it is not late."""
        late = self._faults.find(Fault.LATE_ANSWER, self._charger)
        if late is None or request.method == "login" or not late.covers(request.method):
            return None
        self._faults.take(Fault.LATE_ANSWER, self._charger)
        return late.number("delay")

    def _error(self, request: _Request, code: int, text: str) -> None:
        self._send(request, {"error": {"code": code, "message": text}})

    def _confirm(
        self, request: _Request, result: Json, push: tuple[str, Json] | None
    ) -> None:
        if self._muted:
            return
        delay = self._delay(request)
        if delay is None:
            reply = {"jsonrpc": "2.0", **self._echoed(request), "result": result}
            self._wire.confirm(request.client, reply, push)
            return
        if push is not None:
            self._wire.broadcast(*push)
        self._later(delay, lambda: self._send(request, {"result": result}))

    def _echoed(self, request: _Request) -> Mapping[str, Json]:
        if self._options.replies_name_method:
            return {**self._echoed_id(request), "method": request.method}
        return self._echoed_id(request)

    def _echoed_id(self, request: _Request) -> Mapping[str, Json]:
        odd = self._faults.find(Fault.ODD_TYPES, self._charger)
        value = request.id.get("id")
        if odd is None or not odd.flag("reply_ids"):
            return request.id
        if isinstance(value, int):
            return {"id": str(value)}
        if isinstance(value, str) and value.isdecimal():
            return {"id": int(value)}
        return request.id

    # Methods

    def _login(self, request: _Request) -> None:
        client, params = request.client, request.params
        refused = self._faults.take(Fault.WS_REFUSED, self._charger)
        if refused is not None:
            self._refuse_login(request, LoginFailure(refused.text("mode")))
            return
        if client.logged_in and self._options.relogin != "accept":
            if self._options.relogin == "refuse":
                self._error(request, INVALID_REQUEST, "login failed: already done")
            return
        members = params if isinstance(params, dict) else {}
        token, version = members.get("token"), members.get("version")
        if (
            not isinstance(token, str)
            or type(version) is not int
            or not 1 <= version <= 3
            or self._tokens.username_of(token) != self._owner
        ):
            self._refuse_login(request, self._options.login_failure)
            return
        client.token = token
        client.version = version
        client.login_at = asyncio.get_running_loop().time()
        self._reply(request, {"authenticated": True})
        self._wire.greet(client)
        if self._faults.find(Fault.GARBAGE, self._charger):
            send_garbage(self._wire, client)

    def _refuse_login(self, request: _Request, how: LoginFailure) -> None:
        match how:
            case LoginFailure.FALSE:
                self._reply(request, {"authenticated": False})
            case LoginFailure.ERROR:
                self._error(request, INVALID_REQUEST, "login failed: invalid token")
                self._close_if_not_logged_in(request.client)
            case LoginFailure.CLOSE:
                request.client.close(1000, "Bye")
            case LoginFailure.SILENCE:
                return

    def _close_if_not_logged_in(self, client: ClientSocket) -> None:
        if not client.logged_in:
            client.close(1000, "Bye")

    def _snapshot(self, request: _Request) -> None:
        self._reply(request, self._wire.payloads.snapshot())

    def _apply(self, request: _Request) -> None:
        charger = self._charger
        if self._faults.take(Fault.CONFLICT, charger):
            # The shape seen on the wire (protocol.md 5.7).
            text = "Concurrent modifications invalidated this request"
            error: Json = {"code": CONFLICT, "error": text, "data": None}
            self._send(request, {"error": error})
            return
        try:
            changes = charger.parse_changes(request.params)
        except SettingRefusedError as error_:
            self._error(request, INVALID_PARAMS, f"sync.apply failed: {error_}")
            return
        document = self._wire.payloads.changes(charger.apply(changes))
        self._confirm(request, document, ("sync.apply", document))
        if changes.solar_mode is not None and charger.personality.speaks_v3_api:
            self._revert_hollow_mode()
        charger.settle()

    def _revert_hollow_mode(self) -> None:
        """Push the true mode, which wins (F11)."""
        hollow = self._faults.take(Fault.HOLLOW, self._charger)
        if hollow is not None and hollow.text("mode") == "revert":
            self._later(
                hollow.number("delay"),
                lambda: self._wire.settings_changed(
                    [{"solar_mode": self._charger.solar_mode}]
                ),
            )

    def _schedules_get(self, request: _Request) -> None:
        self._reply(request, self._wire.payloads.schedules())

    def _schedule_set(self, request: _Request) -> None:
        charger, payloads = self._charger, self._wire.payloads
        try:
            schedule = parse_schedule_set(
                request.params,
                charger.schedule,
                max_sessions=charger.max_sessions,
                refuse_overlaps=charger.refuse_overlaps,
                strict=charger.strict,
            )
        except ScheduleRefusedError:
            # The cloud does not tell why (protocol.md 5.7).
            text = "schedule.set failed: internal server error"
            self._error(request, INTERNAL_ERROR, text)
            return

        def take_effect() -> None:
            charger.schedule = schedule
            charger.lingering = ()

        def take_effect_later() -> None:
            take_effect()
            self._wire.schedule_changed()
            charger.settle()

        if charger.pending_delay > 0:
            document = payloads.schedules(pending=schedule)
            self._later(charger.pending_delay, take_effect_later)
        else:
            take_effect()
            document = payloads.schedules()
        self._confirm(request, document, (charger.schedule_push, document))
        charger.settle()

    def _plug_and_charge_get(self, request: _Request) -> None:
        self._reply(request, self._wire.payloads.plug_and_charge())

    def _plug_and_charge_set(self, request: _Request) -> None:
        charger, payloads = self._charger, self._wire.payloads
        members = request.params if isinstance(request.params, dict) else {}
        try:
            mode = parse_mode(members.get("mode"), charger.features)
        except SettingRefusedError as error:
            self._error(request, INVALID_PARAMS, f"plugncharge.set failed: {error}")
            return
        refused = self._faults.take(Fault.REFUSED, charger)
        # Octopus chooses the mode itself (protocol.md 7).
        if refused is not None or charger.schedule.is_octopus:
            self._reply(request, payloads.plug_and_charge_set(mode, accepted=False))
            return
        charger.plugncharge = mode
        self._confirm(
            request,
            payloads.plug_and_charge_set(mode, accepted=True),
            self._wire.plug_and_charge_push(),
        )
        charger.settle()

    def _firmware(self, request: _Request) -> None:
        self._reply(request, self._wire.payloads.firmware())

    def _get_name(self, request: _Request) -> None:
        self._reply(request, self._charger.name)

    def _set_name(self, request: _Request) -> None:
        members = request.params if isinstance(request.params, dict) else {}
        name = members.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= 250:
            self._error(request, INVALID_PARAMS, "set.name failed: bad name")
            return
        self._charger.set_name(name)
        # The real reply is unknown (protocol.md 5.4).
        match self._charger.set_name_reply:
            case "name":
                self._reply(request, name)
            case "true":
                self._reply(request, True)
            case "object":
                self._reply(request, {"name": name})
            case _:
                return


def send_garbage(wire: ChargerWire, client: ClientSocket) -> None:
    """Send what no client expects (F18)."""
    for text in (
        "this is not JSON",
        '{"jsonrpc":"2.0","method":"get.session","params":{"charg',
        "",
        '{"jsonrpc":"2.0","method":"get.session","params":"nothing"}',
        '{"jsonrpc":"2.0","method":"sync.apply","params":[null,7,"x",[],{}]}',
        '{"jsonrpc":"2.0","method":42,"params":[]}',
        '{"jsonrpc":"2.0","error":"text only"}',
    ):
        client.send(text)
    messages: list[Json | bytes] = [
        b"\x00\xff\xfe binary",
        {},
        [],
        None,
        42,
        "bare text",
        {"jsonrpc": "2.0", "id": "nobody-asked", "result": {"authenticated": False}},
        {"jsonrpc": "2.0", "id": 987654321, "result": []},
    ]
    for message in messages:
        wire.deliver(client, message)


def _anonymous(request: _Request) -> _Request:
    return _Request(request.client, request.method, request.params, {})
