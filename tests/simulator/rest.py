"""The REST endpoints (protocol.md 4, 8.1)."""

from dataclasses import replace
from datetime import UTC
import json
from typing import Final

from aiohttp import web

from .backend import Account, Backend, Line
from .charger import SimulatedCharger
from .faults import ActiveFault, Fault
from .gate import RECORD
from .schedule import (
    Interval,
    RestSchedule,
    ScheduleRefusedError,
    hours_minutes,
    parse_rest_schedule,
)
from .vocabulary import ChargeMode, Json, Personality

_PERIODS: Final = ("5s", "d", "w", "m")
_EXTRA_ID: Final = 216454482408899999
"""The charger that fault F39 adds; nothing answers for it."""


class RestApi:
    """Answers with a bearer token only."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def add_routes(self, app: web.Application) -> None:
        """Register the paths."""
        app.router.add_get("/users/me", self._users_me)
        app.router.add_get("/charger/by-owner", self._by_owner)
        app.router.add_get("/charger/by-id/{id}/schedule", self._get_schedule)
        app.router.add_put("/charger/by-id/{id}/schedule", self._put_schedule)
        for name in ("charging-timeline", "power-timeline"):
            app.router.add_get(
                f"/charger/by-id/{{id}}/{name}/by-period/{{period}}", self._timeline
            )
        app.router.add_get("/placements", self._placements)

    def _account(self, request: web.Request) -> Account:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        username = self._backend.tokens.username_of(token.strip())
        account = self._backend.accounts.get(username or "")
        if scheme.lower() != "bearer" or account is None:
            raise _failure(web.HTTPUnauthorized, "unauthorized")
        return account

    def _line(self, request: web.Request) -> Line:
        account = self._account(request)
        line = self._backend.lines.get(request.match_info["id"])
        if line is None or line.account is not account:
            raise _failure(web.HTTPNotFound, "unknown device")
        return line

    def _listed(
        self, account: Account
    ) -> tuple[list[SimulatedCharger], ActiveFault | None]:
        """Return the chargers of an account as F39 shows them."""

        def is_hidden(charger: SimulatedCharger) -> bool:
            fault = self._backend.faults.find(Fault.ACCOUNT, charger)
            return fault is not None and fault.text("mode") in ("empty", "missing")

        chargers = [item for item in account.chargers if not is_hidden(item)]
        return chargers, self._backend.faults.find(Fault.ACCOUNT)

    async def _users_me(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        if "chargers" not in request.query.get("includes", "").split(","):
            return web.json_response({})
        chargers, fault = self._listed(account)
        mode = fault.text("mode") if fault else ""
        numeric = self._backend.faults.find(Fault.ODD_TYPES) is not None
        listed: list[Json] = []
        for charger in chargers:
            entry: dict[str, Json] = {
                "id": int(charger.charger_id) if numeric else charger.charger_id
            }
            if charger.model is not None and mode != "no_model":
                entry["model"] = charger.model
            entry["adopted_at"] = _date_time(charger)
            listed.append(entry)
        if mode == "several":
            listed.append({"id": str(_EXTRA_ID), "model": "Home 4"})
        return web.json_response({"chargers": listed})

    async def _by_owner(self, request: web.Request) -> web.StreamResponse:
        chargers, fault = self._listed(self._account(request))
        textual = self._backend.faults.find(Fault.ODD_TYPES) is not None
        listed: list[Json] = [
            {
                "charger_id": (
                    charger.charger_id if textual else int(charger.charger_id)
                ),
                "created": _date_time(charger),
            }
            for charger in chargers
        ]
        if fault is not None and fault.text("mode") == "several":
            listed.append({"charger_id": _EXTRA_ID})
        return web.json_response({"chargers": listed})

    async def _get_schedule(self, request: web.Request) -> web.StreamResponse:
        line = self._line(request)
        self._refuse_on_v3(line.charger)
        stale = self._backend.faults.find(Fault.STALE_REST, line.charger)
        if line.charger.rest_schedule is None and stale is not None:
            old = RestSchedule(intervals=(Interval(3600, 7200),))
            return web.json_response(old.to_json())
        return web.json_response(line.wire.payloads.rest_schedule())

    async def _put_schedule(self, request: web.Request) -> web.StreamResponse:
        line = self._line(request)
        charger = line.charger
        if request.content_type != "application/json":
            raise _failure(web.HTTPUnsupportedMediaType, "send application/json")
        try:
            body: Json = await request.json()
        except json.JSONDecodeError as error:
            raise _failure(web.HTTPBadRequest, "not JSON") from error
        record = request[RECORD]
        request[RECORD] = self._backend.journal.amended(
            record, replace(record, body=body)
        )
        self._refuse_on_v3(charger)
        try:
            schedule = parse_rest_schedule(body)
        except ScheduleRefusedError as error:
            raise _failure(web.HTTPBadRequest, str(error)) from error
        if charger.personality is Personality.LEGACY_V2:
            charger.catch_up()
            charger.rest_schedule = schedule
            charger.settle()
        else:
            self._put_on_v3_api(charger, schedule)
        # The body of the success is unknown: none is the harder case.
        return web.Response(status=200)

    def _put_on_v3_api(self, charger: SimulatedCharger, schedule: RestSchedule) -> None:
        """Fail or overwrite the real schedule (F19)."""
        fault = self._backend.faults.find(Fault.STALE_REST, charger)
        if (fault.text("put") if fault else charger.rest_put) == "fail":
            raise _failure(web.HTTPInternalServerError, "internal server error")
        charger.app_set_schedule(
            enabled=schedule.enabled,
            sessions=[
                {
                    "session_type": "recurring",
                    "start_time": hours_minutes(interval.start),
                    "end_time": hours_minutes(interval.end),
                    "mode": ChargeMode.BOOST,
                }
                for interval in schedule.intervals
            ],
        )

    def _refuse_on_v3(self, charger: SimulatedCharger) -> None:
        """Whether V3 hardware has this route is unknown (13): it has not."""
        stale = self._backend.faults.find(Fault.STALE_REST, charger)
        if charger.personality.is_v3_hardware and stale is None:
            raise _failure(web.HTTPNotFound, "unknown device")

    async def _timeline(self, request: web.Request) -> web.StreamResponse:
        """One data point: the present (vendor documents, protocol.md 4)."""
        charger = self._line(request).charger
        if request.match_info["period"] not in _PERIODS:
            raise _failure(web.HTTPBadRequest, "unknown period")
        power = "power-timeline" in request.path
        value = int(charger.ev_power if power else charger.delivered_wh)
        now = charger.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response(
            {"prev": None, "next": None, "data": [{"at": now, "value": value}]}
        )

    async def _placements(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            [
                {
                    "id": f"placement-{charger.charger_id}",
                    "charger_id": charger.charger_id,
                    "tz": charger.tz,
                    "currency": "GBP",
                    "active_energy_provider": (
                        "octopus" if charger.schedule.is_octopus else None
                    ),
                }
                for charger in self._account(request).chargers
            ]
        )


def _failure(kind: type[web.HTTPError], text: str) -> web.HTTPError:
    return kind(text=json.dumps({"error": text}), content_type="application/json")


def _date_time(charger: SimulatedCharger) -> str:
    return charger.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
