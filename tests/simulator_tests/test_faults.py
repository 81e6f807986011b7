"""Every fault can be switched on and off and shows (protocol.md 12)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
import json
import time
from typing import Any

import aiohttp
import pytest

from tests.simulator import (
    FAULTS,
    Account,
    ChargeMode,
    Fault,
    Interval,
    ManualClock,
    Personality,
    RestSchedule,
    SimulatedCharger,
    SimulatedCloud,
)

from .plain_client import HEADERS, SCOPE, PlainClient, Socket

NIGHT = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 4, 0, tzinfo=UTC)
LATER = datetime(2026, 6, 2, 6, 0, tzinfo=UTC)


@dataclass
class Lab:
    cloud: SimulatedCloud
    client: PlainClient
    clock: ManualClock
    charger: SimulatedCharger

    async def sync(self) -> Socket:
        return await self.client.sync(self.charger.charger_id)

    @property
    def schedule_path(self) -> str:
        return f"/charger/by-id/{self.charger.charger_id}/schedule"


async def answer(socket: Socket, method: str, params: object = None) -> Any:
    """Return result or error, or "silence"."""
    try:
        frame = await socket.call(method, params, seconds=0.05)
    except TimeoutError:
        return "silence"
    return frame.get("result", frame.get("error"))


async def frames(socket: Socket, seconds: float = 0.04) -> list[Any]:
    """Return what comes within a moment: parsed, or raw if it is not JSON."""
    seen: list[Any] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await socket.raw.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    try:
                        seen.append(json.loads(message.data))
                    except ValueError:
                        seen.append(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    seen.append(message.data)
                else:
                    seen.append(f"closed {message.data}")
                    return seen
    except TimeoutError:
        return seen


type Probe = Callable[[Lab], Awaitable[object]]


def asks(method: str, params: object = None) -> Probe:
    """Return a probe that logs in and asks once."""

    async def probe(lab: Lab) -> object:
        socket = await lab.sync()
        result = await answer(socket, method, params)
        await socket.raw.close()
        return result

    return probe


async def pushes_when_asked(lab: Lab) -> object:
    """Ask on a socket whose login may be refused or silent."""
    if not lab.client.token:
        await lab.client.log_in()
    socket = await lab.client.connect(lab.charger.charger_id)
    await socket.send(
        {
            "id": 1,
            "method": "login",
            "params": {"token": lab.client.token, "version": 3},
        }
    )
    lab.charger.app_apply(brightness=0.5)
    return await frames(socket)


async def handshake(lab: Lab) -> object:
    url = f"{lab.cloud.url}/ws/charger/{lab.charger.charger_id}/sync"
    try:
        socket = await lab.client.http.ws_connect(url, headers=HEADERS)
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    await socket.close()
    return 101


async def echo(lab: Lab) -> object:
    socket = await lab.sync()
    await socket.send({"id": 1, "method": "sync.apply", "params": {"brightness": 1}})
    return await frames(socket)


async def plug_and_charge_is_set(lab: Lab) -> object:
    reply = await asks("plugncharge.set", {"mode": "eco"})(lab)
    mode = lab.charger.mode
    lab.charger.set_mode("boost")
    return reply, mode


async def applied_brightness(lab: Lab) -> object:
    reply = await asks("sync.apply", {"brightness": 0.25})(lab)
    brightness = lab.charger.brightness
    lab.charger.app_apply(brightness=1.0)
    return reply, brightness


async def hollow(lab: Lab) -> object:
    socket = await lab.sync()
    await socket.result("sync.apply", {"solar_mode": "eco"})
    return await frames(socket)


async def first_answer(lab: Lab) -> object:
    started = time.monotonic()
    await (await lab.sync()).call("get.name")
    return time.monotonic() - started > 0.05


async def snapshot_text(lab: Lab) -> object:
    socket = await lab.sync()
    await socket.send({"id": 1, "method": "sync.snapshot"})
    return json.dumps(await socket.frame())


async def users_me(lab: Lab) -> object:
    return await lab.client.rest("/users/me?includes=chargers")


async def rest_schedule(lab: Lab) -> object:
    return await lab.client.rest(lab.schedule_path)


async def stale_put(lab: Lab) -> object:
    body = RestSchedule(intervals=(Interval(0, 60),)).to_json()
    return (await lab.client.rest(lab.schedule_path, "PUT", body=body))[0]


async def password_grant(lab: Lab) -> object:
    status, body = await lab.client.grant(
        grant_type="password",
        scope=SCOPE,
        username=lab.client.username,
        password=lab.client.password,
    )
    return status, body.get("error")


async def refresh_grant(lab: Lab) -> object:
    if not lab.client.refresh_token:
        await lab.client.log_in()
    status, body = await lab.client.grant(
        grant_type="refresh_token", refresh_token=lab.client.refresh_token
    )
    return status, body.get("error")


async def measured(lab: Lab) -> object:
    """Measure a running session: all fields but those that always move."""
    lab.charger.plug_in()
    lab.clock.advance(600)
    socket = await lab.sync()
    lab.cloud.push_sessions()
    lab.cloud.push_sessions()
    lab.cloud.push_sessions()
    seen = [
        (item["params"]["watt_hours"] > 1200, item["params"]["ct_current"] == 1900)
        for item in await frames(socket)
    ]
    lab.charger.unplug()
    return seen


async def dips(lab: Lab) -> object:
    lab.charger.plug_in()
    lab.clock.advance(600)
    socket = await lab.sync()
    for _ in range(3):
        lab.cloud.push_sessions()
    seen = [item["params"]["watt_hours"] for item in await frames(socket)]
    lab.charger.unplug()
    return len(set(seen))


async def after_a_session(lab: Lab) -> object:
    lab.charger.plug_in(needs_wh=2000)
    lab.clock.advance(1200)
    socket = await lab.sync()
    lab.cloud.push_sessions()
    grid = (await socket.until("get.session"))["grid_power"]
    lab.charger.unplug()
    return grid > 1000


async def legacy_frame(lab: Lab) -> object:
    socket = await lab.client.connect(lab.charger.charger_id, "session/in-progress")
    lab.charger.plug_in()
    lab.clock.advance(60)
    lab.cloud.push_sessions()
    seen = await frames(socket)
    lab.charger.unplug()
    return [item["ct_power"] > 100_000 for item in seen]


async def idle_members(lab: Lab) -> object:
    socket = await lab.sync()
    lab.cloud.push_sessions()
    return sorted(await socket.until("get.session"))


async def pilots(lab: Lab) -> object:
    socket = await lab.sync()
    lab.charger.plug_in()
    lab.charger.unplug()
    seen = await frames(socket)
    return [item for item in seen if item["method"] == "get.pilot_status"]


async def redundant_unlock(lab: Lab) -> object:
    await asks("sync.apply", {"is_locked": False})(lab)
    state = lab.charger.release_state
    lab.charger.app_apply(release=False)
    return state


async def replugged(lab: Lab) -> object:
    lab.charger.plug_in()
    lab.charger.app_apply(release=True)
    lab.charger.unplug()
    lab.charger.plug_in()
    charging = lab.charger.charging
    lab.charger.app_apply(release=False)
    lab.charger.unplug()
    return charging


async def octopus_after_removal(lab: Lab) -> object:
    lab.charger.set_octopus_schedule([(NIGHT, MORNING), (MORNING, LATER)])
    socket = await lab.sync()
    lab.charger.set_octopus_schedule([(NIGHT, MORNING)])
    pushed = len(await frames(socket))
    document = await socket.result("schedules.get")
    return pushed, len(document["applied"]["sessions"])


async def octopus_times(lab: Lab) -> object:
    lab.charger.set_octopus_schedule([(NIGHT, MORNING)])
    document = await asks("schedules.get")(lab)
    assert isinstance(document, dict)
    return document["applied"]["sessions"]


@dataclass
class Steady:
    """The probe answers differently while the fault is on."""

    fault: Fault
    probe: Probe
    options: dict[str, Any] = field(default_factory=dict)
    personality: Personality = Personality.V3
    during: object = None
    """What the probe answers then; None: only differently."""


SILENCE: list[object] = []
V3, LEGACY = Personality.V3, Personality.LEGACY_V2
STEADY = [
    Steady(Fault.STALL, pushes_when_asked, during=SILENCE),
    Steady(Fault.BAD_CLOSE, handshake, {"mode": 401}, during=401),
    Steady(Fault.BAD_CLOSE, handshake, {"mode": "502"}, during=502),
    Steady(Fault.CONFLICT, applied_brightness),
    Steady(Fault.INTERNAL, applied_brightness),
    Steady(Fault.NOT_ALLOWED, asks("schedules.get")),
    *(
        Steady(Fault.NOT_ALLOWED, asks("schedules.get"), {"shape": shape})
        for shape in ("error", "named", "text", "null", "object")
    ),
    Steady(Fault.LOST, applied_brightness, during=("silence", 1.0)),
    Steady(Fault.LOST, applied_brightness, {"applied": True}, during=("silence", 0.25)),
    *(
        Steady(Fault.ECHO, echo, {"mode": mode})
        for mode in ("reply", "push", "swapped", "duplicated", "late")
    ),
    Steady(Fault.HOLLOW, hollow, {"delay": 0.01}),
    Steady(
        Fault.REFUSED,
        plug_and_charge_is_set,
        during=({"mode": "eco", "applied": False}, "boost"),
    ),
    Steady(Fault.MESSY_DOC, snapshot_text),
    Steady(Fault.NEW_VALUES, asks("sync.snapshot")),
    Steady(Fault.ODD_TYPES, asks("firmware.version"), during=3951.0),
    Steady(Fault.ODD_TYPES, asks("sync.apply", {"max_current": 16000})),
    Steady(Fault.ODD_TYPES, users_me),
    Steady(Fault.STALE_REST, rest_schedule),
    Steady(
        Fault.STALE_REST, stale_put, personality=Personality.UPGRADED_V2, during=200
    ),
    *(
        Steady(Fault.NO_SCHEDULE, asks("schedules.get"), {"mode": mode})
        for mode in ("missing", "null", "empty")
    ),
    Steady(Fault.STALE_OCTOPUS, octopus_after_removal, during=(0, 2)),
    *(
        Steady(Fault.OCTOPUS_SHAPE, octopus_times, {"style": style})
        for style in ("naive", "offset", "local")
    ),
    Steady(Fault.MIDNIGHT, asks("schedules.get")),
    *(
        Steady(Fault.REST_ERROR, users_me, {"mode": mode})
        for mode in ("401", "404", "429", "500", "503", "html")
    ),
    *(
        Steady(Fault.IDP_DOWN, password_grant, {"mode": mode})
        for mode in ("404", "408", "429", "500", "503")
    ),
    Steady(Fault.REFRESH_DEAD, refresh_grant, during=(400, "invalid_grant")),
    Steady(Fault.BAD_PASSWORD, password_grant, during=(401, "invalid_grant")),
    *(
        Steady(Fault.WS_REFUSED, pushes_when_asked, {"mode": mode})
        for mode in ("false", "error", "silence", "close")
    ),
    Steady(Fault.BLOCKED, password_grant),
    Steady(Fault.BLOCKED, users_me),
    Steady(Fault.BLOCKED, handshake, {"status": "401"}, during=401),
    Steady(Fault.SLOW_START, first_answer, {"delay": 0.1}, during=True),
    Steady(Fault.SLOW_START, asks("get.name"), {"never": "get.name"}, during="silence"),
    Steady(Fault.WH_NOISE, dips, during=2),
    Steady(Fault.FROZEN_FIELDS, measured),
    Steady(Fault.PHANTOM, after_a_session, during=True),
    Steady(Fault.V2_SILENCE, legacy_frame, personality=LEGACY, during=SILENCE),
    Steady(Fault.UNLOCK_PAUSE, redundant_unlock, personality=LEGACY, during="released"),
    Steady(Fault.STICKY_STOP, replugged, during=False),
    Steady(Fault.UNIT_CHANGE, legacy_frame, personality=LEGACY),
    Steady(Fault.GONE, rest_schedule, personality=LEGACY),
    Steady(Fault.GONE, handshake, {"path": "/sync", "status": "503"}, during=503),
    *(
        Steady(Fault.ACCOUNT, users_me, {"mode": mode})
        for mode in ("empty", "missing", "several", "no_model")
    ),
    Steady(Fault.PARTIAL_SESSION, idle_members, {"fields": ["ev_power"]}),
    Steady(Fault.LOST_PILOT, pilots, during=SILENCE),
    Steady(
        Fault.LATE_ANSWER, asks("get.name"), {"methods": ["get.name"]}, during="silence"
    ),
]


@dataclass
class Sudden:
    """Something comes on an open socket when the fault is switched on."""

    fault: Fault
    options: dict[str, Any] = field(default_factory=dict)
    wanted: object = None
    """A frame among those that come."""


def pilot(value: object, name: str = "pilot_status") -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": f"get.{name}", "params": {name: value}}


SUDDEN = [
    Sudden(Fault.BYE, wanted="closed 1000"),
    Sudden(Fault.BAD_CLOSE),
    Sudden(Fault.MASS_DROP, {"code": 1001, "reason": "x"}, wanted="closed 1001"),
    Sudden(Fault.MASS_DROP, {"abrupt": True}),
    Sudden(Fault.BLOCKED),
    Sudden(Fault.PILOT_FLAP, {"a_seconds": 0.01}, wanted=pilot("A")),
    Sudden(Fault.PILOT_FLAP, {"a_seconds": 0.01}, wanted=pilot("C")),
    Sudden(Fault.PILOT_ODD, wanted=pilot(None)),
    Sudden(
        Fault.PILOT_ODD,
        {"values": ["B2"], "composite": True},
        wanted=pilot("B2", "composite_pilot_status"),
    ),
    Sudden(Fault.MESSY_DOC),
    Sudden(Fault.NEW_VALUES),
    Sudden(Fault.GARBAGE, wanted="this is not JSON"),
    Sudden(Fault.NO_SCHEDULE),
    Sudden(Fault.FOREIGN_WRITE, {"every": 0.01}),
    Sudden(Fault.REPEATED_PILOT, {"every": 0.01}, wanted=pilot("C")),
]


@pytest.fixture
def lab(
    cloud: SimulatedCloud, client: PlainClient, clock: ManualClock, account: Account
) -> Lab:
    return Lab(cloud, client, clock, account.add_charger(Personality.V3))


@pytest.mark.parametrize("case", STEADY, ids=lambda case: case.fault.name.lower())
async def test_fault_changes_what_is_seen(
    lab: Lab, account: Account, case: Steady
) -> None:
    if case.personality is not Personality.V3:
        account.remove_charger(lab.charger)
        lab.charger = account.add_charger(case.personality)
    faults = lab.cloud.faults
    which = (
        lab.charger
        if case.options.get("mode") == "missing" and case.fault is Fault.ACCOUNT
        else None
    )
    before = await case.probe(lab)
    faults.enable(case.fault, charger=which, **case.options)
    assert faults.active
    during = await case.probe(lab)
    faults.disable(case.fault)
    assert not faults.active
    after = await case.probe(lab)
    assert before == after
    assert during != before
    if case.during is not None:
        assert during == case.during


@pytest.mark.parametrize("case", SUDDEN, ids=lambda case: case.fault.name.lower())
async def test_fault_strikes_open_sockets(lab: Lab, case: Sudden) -> None:
    lab.charger.plug_in()
    socket = await lab.sync()
    assert await frames(socket, 0.01) == []
    lab.cloud.faults.enable(case.fault, **case.options)
    seen = await frames(socket)
    assert seen
    if case.wanted is not None:
        assert case.wanted in seen
    lab.cloud.faults.disable(case.fault)
    again = await lab.sync()
    await frames(again, 0.01)
    assert await again.result("get.name") == "Driveway"
    assert await frames(again, 0.02) == []


def test_every_fault_is_covered_and_described() -> None:
    tested = {case.fault for case in STEADY} | {case.fault for case in SUDDEN}
    tested.add(Fault.TOKEN_AGE)
    assert tested == set(Fault) == set(FAULTS)
    assert [fault.value for fault in Fault] == [f"F{number}" for number in range(1, 45)]
    for info in FAULTS.values():
        assert info.description.endswith(".")


async def test_token_age(lab: Lab) -> None:
    socket = await lab.sync()
    lab.cloud.faults.enable(Fault.TOKEN_AGE)
    lab.charger.app_apply(brightness=0.5)
    assert await socket.until("sync.apply")
    await socket.send({"id": 1, "method": "sync.snapshot"})
    assert await frames(socket) == ["closed 1000"]
    assert await (await lab.sync()).result("get.name"), "a new login helps"
    lab.cloud.faults.enable(Fault.TOKEN_AGE, after=0)
    socket = await lab.sync()
    await socket.send({"id": 1, "method": "sync.snapshot"})
    assert await socket.closed() == 1000
    lab.cloud.faults.disable(Fault.TOKEN_AGE)
    assert await (await lab.sync()).result("get.name")


async def test_bye_comes_again(lab: Lab) -> None:
    lab.cloud.faults.enable(Fault.BYE, after=0.05)
    socket = await lab.sync()
    assert await socket.result("get.name")
    assert await socket.closed() == 1000


async def test_stall_may_answer_or_end_with_a_reconnect(lab: Lab) -> None:
    socket = await lab.sync()
    lab.cloud.faults.enable(Fault.STALL, replies=True)
    lab.charger.plug_in()
    assert await socket.result("get.name")
    assert await frames(socket, 0.01) == []
    await socket.raw.ping()
    lab.cloud.faults.enable(Fault.STALL, until_reconnect=True)
    assert await answer(socket, "get.name") == "silence"
    assert await answer(await lab.sync(), "get.name") == "Driveway"


async def test_internal_error_without_id(lab: Lab) -> None:
    lab.cloud.faults.enable(Fault.INTERNAL, methods=["schedule.set"], with_id=False)
    socket = await lab.sync()
    assert await answer(socket, "sync.apply", {"brightness": 1}) != "silence"
    await frames(socket, 0.01)
    await socket.send({"id": 3, "method": "schedule.set", "params": {"enabled": True}})
    frame = await socket.frame()
    assert "id" not in frame
    assert frame["error"]["message"] == "schedule.set failed: internal server error"
    assert not lab.charger.schedule.enabled


async def test_conflict_may_strike_twice(lab: Lab) -> None:
    lab.cloud.faults.enable(Fault.CONFLICT, count=2)
    socket = await lab.sync()
    for _ in range(2):
        error = await socket.error("sync.apply", {"brightness": 0.5})
        assert error == {
            "code": 409,
            "error": "Concurrent modifications invalidated this request",
            "data": None,
        }
    assert lab.charger.brightness == 1.0
    assert await socket.result("sync.apply", {"brightness": 0.5})


async def test_faults_of_one_charger(lab: Lab, account: Account) -> None:
    other = account.add_charger(Personality.V3)
    lab.cloud.faults.enable(Fault.STALL, charger=lab.charger)
    assert await pushes_when_asked(lab) == []
    assert await answer(await lab.client.sync(other.charger_id), "get.name")
    lab.cloud.faults.clear()
    assert await pushes_when_asked(lab)


async def test_rest_redirect_is_followed(lab: Lab) -> None:
    lab.cloud.faults.enable(Fault.REST_ERROR, mode="redirect")
    assert (await lab.client.rest("/placements", redirects=False))[0] == 307
    assert (await lab.client.rest("/placements"))[0] == 200


async def test_retry_after(lab: Lab) -> None:
    await lab.client.log_in()
    lab.cloud.faults.enable(Fault.REST_ERROR, mode="429", retry_after=7)
    async with lab.client.http.get(lab.cloud.url + "/placements") as reply:
        assert reply.headers["Retry-After"] == "7"


async def test_broken_connection_at_the_token_endpoint(lab: Lab) -> None:
    lab.cloud.faults.enable(Fault.IDP_DOWN, mode="reset")
    with pytest.raises(aiohttp.ClientError):
        await lab.client.log_in()


async def test_hanging_requests_do_not_block_the_end(socket_enabled: None) -> None:
    cloud = SimulatedCloud(push_interval=None)
    await cloud.start()
    account = cloud.add_account("a", "b")
    charger = account.add_charger()
    async with PlainClient(cloud.url, "a", "b") as client:
        await client.log_in()
        await client.sync(charger.charger_id)
        cloud.faults.enable(Fault.REST_ERROR, mode="hang")
        cloud.faults.enable(Fault.IDP_DOWN, mode="hang")
        cloud.faults.enable(Fault.BAD_CLOSE, mode="hang", drop=False)
        hanging = [
            asyncio.create_task(client.rest("/placements")),
            asyncio.create_task(client.log_in()),
            asyncio.create_task(client.sync(charger.charger_id)),
        ]
        await cloud.wait_for(
            lambda: sum(request.status is None for request in cloud.requests) == 3
        )
        started = time.monotonic()
        await cloud.stop()
        assert time.monotonic() - started < 1.5
        await asyncio.gather(*hanging, return_exceptions=True)


@pytest.mark.parametrize("mode", ["reset", "keep", "jump"])
async def test_noise_of_watt_hours(lab: Lab, mode: str) -> None:
    lab.charger.plug_in()
    lab.clock.advance(600)
    true = lab.charger.watt_hours
    lab.cloud.faults.enable(Fault.WH_NOISE, mode=mode, watt_hours=100)
    socket = await lab.sync()
    if mode == "keep":
        lab.charger.unplug()
    for _ in range(3):
        lab.cloud.push_sessions()
    seen = [
        frame["params"]["watt_hours"]
        for frame in await frames(socket)
        if frame["method"] == "get.session"
    ]
    match mode:
        case "reset":
            assert seen == [0, 0, 0]
            lab.clock.advance(60)
            lab.cloud.push_sessions()
            now = (await frames(socket))[-1]["params"]["watt_hours"]
            assert now == lab.charger.watt_hours - true
        case "keep":
            assert seen[-1] == true
        case _:
            assert max(seen) == true + 100


async def test_foreign_writes_of_a_legacy_v2_are_not_all_pushed(
    cloud: SimulatedCloud, account: Account, client: PlainClient
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    charger.app_set_schedule(enabled=False, intervals=[("01:00", "02:00")])
    socket = await client.sync(charger.charger_id)
    cloud.faults.enable(Fault.FOREIGN_WRITE, every=0.01)
    await asyncio.sleep(0.05)
    cloud.faults.clear()
    seen = await frames(socket)
    assert {frame["method"] for frame in seen} == {"sync.apply"}
    assert charger.rest_schedule is not None


async def test_octopus_fillers(lab: Lab) -> None:
    lab.charger.set_octopus_schedule([(NIGHT, MORNING), (LATER, LATER.replace(hour=7))])
    lab.cloud.faults.enable(Fault.OCTOPUS_SHAPE, style="z")
    document = await (await lab.sync()).result("schedules.get")
    sessions = document["applied"]["sessions"]
    assert [item["mode"] for item in sessions] == [
        ChargeMode.BOOST,
        ChargeMode.SUPER_ECO,
        ChargeMode.BOOST,
        ChargeMode.SUPER_ECO,
    ]
    assert sessions[1]["start_time"] == "2026-06-02T04:00:00Z"
    assert all("days" not in item for item in sessions)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (Fault.STALL, {"colour": "red"}),
        (Fault.BAD_CLOSE, {"mode": "quietly"}),
        (Fault.BYE, {"after": "soon"}),
        (Fault.BYE, {"after": True}),
        (Fault.CONFLICT, {"count": 0}),
    ],
)
async def test_wrong_options(
    cloud: SimulatedCloud, fault: Fault, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"option|must be"):
        cloud.faults.enable(fault, **options)
    assert not cloud.faults.active
