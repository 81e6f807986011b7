"""The control API: the simulator's own buttons over HTTP, and a page for a person.

Everything lies under `/simulator`; no fault acts on it and nothing is recorded.
Wrong input is answered 400 or 404 with `{"error": text}`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
import json
from pathlib import Path
from typing import Final

from aiohttp import web

from .backend import Backend
from .charger import SimulatedCharger
from .faults import Fault
from .state_document import fault_document, frame_document, state_document
from .vocabulary import Json

_PAGE: Final = Path(__file__).with_name("page.html")


class _BadInputError(ValueError):
    """What the caller sent cannot be done."""


class ControlApi:
    """Turns control requests into calls of the Python API."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def add_routes(self, app: web.Application) -> None:
        """Register the paths."""
        app.router.add_get("/", self._to_page)
        app.router.add_get("/simulator", self._page)
        app.router.add_get("/simulator/state", self._state)
        charger = "/simulator/chargers/{id}"
        app.router.add_get(f"{charger}/received", self._received)
        app.router.add_post(f"{charger}/{{action}}", self._charger_action)
        app.router.add_post("/simulator/faults", self._clear_faults)
        app.router.add_post("/simulator/faults/{code}", self._fault)
        app.router.add_post("/simulator/drop", self._drop)
        app.router.add_post("/simulator/tokens", self._tokens)
        account = "/simulator/accounts/{username}"
        app.router.add_post(f"{account}/password", self._password)
        app.router.add_post(f"{account}/sign_out", self._sign_out)

    async def _to_page(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/simulator")

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return web.Response(
            text=_PAGE.read_text(encoding="utf-8"), content_type="text/html"
        )

    async def _state(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(state_document(self._backend))

    async def _received(self, request: web.Request) -> web.StreamResponse:
        charger = self._charger(request)
        return web.json_response([frame_document(item) for item in charger.received])

    async def _charger_action(self, request: web.Request) -> web.StreamResponse:
        charger = self._charger(request)
        action = _ACTIONS.get(request.match_info["action"])
        if action is None:
            raise _failure(404, f"unknown action; there are {', '.join(_ACTIONS)}")
        body = await _body(request)
        try:
            action(charger, body)
        except ValueError as error:
            raise _failure(400, str(error)) from error
        return web.json_response({"ok": True})

    async def _fault(self, request: web.Request) -> web.StreamResponse:
        code = request.match_info["code"].upper()
        fault = next((item for item in Fault if code in (item.value, item.name)), None)
        if fault is None:
            raise _failure(404, f"unknown fault {code}")
        body = dict(await _body(request))
        active = body.pop("active", True)
        charger_id = body.pop("charger", None)
        count = body.pop("count", None)
        if not isinstance(active, bool):
            raise _failure(400, "active must be true or false")
        if charger_id is not None and str(charger_id) not in self._backend.lines:
            raise _failure(404, f"unknown charger {charger_id}")
        if count is not None and type(count) is not int:
            raise _failure(400, "count must be a whole number")
        which = None if charger_id is None else str(charger_id)
        if active:
            try:
                self._backend.faults.enable_with(
                    fault, body, charger=which, count=count
                )
            except (ValueError, TypeError) as error:
                raise _failure(400, str(error)) from error
        else:
            self._backend.faults.disable(fault, charger=which)
        return web.json_response(
            {"active": [fault_document(item) for item in self._backend.faults.active]}
        )

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        if (await _body(request)).get("clear") is not True:
            raise _failure(400, 'send {"clear": true}')
        self._backend.faults.clear()
        return web.json_response({"active": []})

    async def _drop(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        code, reason = body.get("code", 1000), body.get("reason", "Bye")
        charger_id = body.get("charger")
        if type(code) is not int or not isinstance(reason, str):
            raise _failure(400, "code must be a number and reason text")
        dropped = 0
        which = None if charger_id is None else str(charger_id)
        for _, client in self._backend.clients(which):
            dropped += 1
            if body.get("abrupt") is True:
                client.abort()
            else:
                client.close(code, reason)
        return web.json_response({"dropped": dropped})

    async def _tokens(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        for name in body:
            if name not in ("age_by", "life"):
                raise _failure(400, f"unknown setting {name}; there are age_by, life")
        try:
            if "life" in body:
                self._backend.tokens.life = _number(body, "life", minimum=0)
            if "age_by" in body:
                self._backend.tokens.age_by(_number(body, "age_by", minimum=0))
        except _BadInputError as error:
            raise _failure(400, str(error)) from error
        return web.json_response({"ok": True})

    async def _password(self, request: web.Request) -> web.StreamResponse:
        account = self._backend.accounts.get(request.match_info["username"])
        if account is None:
            raise _failure(404, "unknown account")
        password = (await _body(request)).get("password")
        if not isinstance(password, str) or not password:
            raise _failure(400, "password must be text")
        account.password = password
        return web.json_response({"ok": True})

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        account = self._backend.accounts.get(request.match_info["username"])
        if account is None:
            raise _failure(404, "unknown account")
        account.sign_out_everywhere()
        return web.json_response({"ok": True})

    def _charger(self, request: web.Request) -> SimulatedCharger:
        line = self._backend.lines.get(request.match_info["id"])
        if line is None:
            raise _failure(404, "unknown charger")
        return line.charger


async def _body(request: web.Request) -> Mapping[str, Json]:
    """Return the JSON object of a request; nothing sent is an empty one."""
    text = await request.text()
    if not text.strip():
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise _failure(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise _failure(400, "the body must be a JSON object")
    return body


def _failure(status: int, text: str) -> web.HTTPError:
    kind = web.HTTPNotFound if status == 404 else web.HTTPBadRequest
    return kind(text=json.dumps({"error": text}), content_type="application/json")


def _number(
    body: Mapping[str, Json],
    name: str,
    default: float | None = None,
    *,
    minimum: float | None = None,
) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _BadInputError(f"{name} must be a number")
    if minimum is not None and value < minimum:
        raise _BadInputError(f"{name} must be {minimum} or more")
    return float(value)


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise _BadInputError(f"{name} must be text")
    return value


def _plug_in(charger: SimulatedCharger, body: Mapping[str, Json]) -> None:
    needs = body.get("needs_wh")
    charger.plug_in(
        _number(body, "battery_kwh", 60.0, minimum=0),
        None if needs is None else _number(body, "needs_wh", minimum=0),
    )


def _unplug(charger: SimulatedCharger, _: Mapping[str, Json]) -> None:
    charger.unplug()


def _car_full(charger: SimulatedCharger, _: Mapping[str, Json]) -> None:
    charger.car_full()


def _advance(charger: SimulatedCharger, body: Mapping[str, Json]) -> None:
    charger.advance(_number(body, "seconds", minimum=0))


def _push(charger: SimulatedCharger, body: Mapping[str, Json]) -> None:
    """Send `{"frame": …}`: text as it is, all else as JSON."""
    if "frame" not in body:
        raise _BadInputError("send the frame as member `frame`")
    charger.push(body["frame"])


def _schedule(charger: SimulatedCharger, body: Mapping[str, Json]) -> None:
    enabled = body.get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise _BadInputError("enabled must be true or false")
    sessions, intervals = body.get("sessions"), body.get("intervals")
    if sessions is not None and not isinstance(sessions, list):
        raise _BadInputError("sessions must be an array")
    pairs: list[tuple[str, str]] | None = None
    if intervals is not None:
        if not isinstance(intervals, list):
            raise _BadInputError("intervals must be an array")
        pairs = [_pair(item) for item in intervals]
    charger.app_set_schedule(enabled=enabled, sessions=sessions, intervals=pairs)


def _pair(value: Json) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise _BadInputError('an interval is like ["23:30", "05:30"]')
    return _text(value[0], "start"), _text(value[1], "end")


def _octopus(charger: SimulatedCharger, body: Mapping[str, Json]) -> None:
    dispatches = body.get("dispatches")
    if not isinstance(dispatches, list):
        raise _BadInputError("dispatches must be an array of pairs of date-times")
    moments = []
    for item in dispatches:
        start, end = (datetime.fromisoformat(text) for text in _pair(item))
        if start.tzinfo is None or end.tzinfo is None:
            raise _BadInputError("date-times need an offset")
        moments.append((start, end))
    charger.set_octopus_schedule(moments)


def _set(charger: SimulatedCharger, body: Mapping[str, Json]) -> None:
    """Set several things; nothing if one of the names is unknown."""
    if unknown := body.keys() - _SETTERS.keys():
        raise _BadInputError(
            f"unknown {', '.join(sorted(unknown))}; there are {', '.join(_SETTERS)}"
        )
    for name, value in body.items():
        _SETTERS[name](charger, value)


def _set_firmware(charger: SimulatedCharger, value: Json) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _BadInputError("firmware must be text or a whole number")
    charger.firmware = value


def _set_battery_safe(charger: SimulatedCharger, value: Json) -> None:
    if not isinstance(value, bool):
        raise _BadInputError("battery_safe must be true or false")
    charger.set_battery_safe(supported=value)


_ACTIONS: Final[
    Mapping[str, Callable[[SimulatedCharger, Mapping[str, Json]], None]]
] = {
    "plug_in": _plug_in,
    "unplug": _unplug,
    "car_full": _car_full,
    "set": _set,
    "push": _push,
    "schedule": _schedule,
    "octopus": _octopus,
    "advance": _advance,
}
_SETTERS: Final[Mapping[str, Callable[[SimulatedCharger, Json], None]]] = {
    "house_load": lambda charger, value: charger.set_house_load(
        _number({"house_load": value}, "house_load", minimum=0)
    ),
    "solar": lambda charger, value: charger.set_solar(
        _number({"solar": value}, "solar", minimum=0)
    ),
    "name": lambda charger, value: charger.set_name(_text(value, "name")),
    "mode": lambda charger, value: charger.set_mode(_text(value, "mode")),
    "firmware": _set_firmware,
    "battery_safe": _set_battery_safe,
    "max_current": lambda charger, value: charger.app_apply(max_current=value),
    "brightness": lambda charger, value: charger.app_apply(brightness=value),
    "effect_name": lambda charger, value: charger.app_apply(effect_name=value),
    "is_locked": lambda charger, value: charger.app_apply(is_locked=value),
    "release": lambda charger, value: charger.app_apply(release=value),
}
