"""The WebSockets: gate, envelopes, strictness, pushes (protocol.md 5)."""

from typing import Any

import aiohttp
import pytest

from tests.simulator import (
    Account,
    Confirm,
    Fault,
    Listing,
    LoginFailure,
    ManualClock,
    Personality,
    Session,
    SimulatedCharger,
    SimulatedCloud,
)

from .plain_client import HEADERS, PlainClient

BLACK = {"r": 0.0, "g": 0.34, "b": 0.72}


@pytest.fixture
def charger(account: Account) -> SimulatedCharger:
    return account.add_charger(Personality.V3)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": ""}, 403),
        ({"User-Agent": "Python/3.14 websockets/15.0.1"}, 403),
        ({"User-Agent": ""}, 403),
    ],
)
async def test_handshake_needs_origin_and_user_agent(
    client: PlainClient,
    cloud: SimulatedCloud,
    charger: SimulatedCharger,
    headers: dict[str, str],
    status: int,
) -> None:
    url = f"{cloud.url}/ws/charger/{charger.charger_id}/sync"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.http.ws_connect(url, headers=HEADERS | headers)
    assert refused.value.status == status
    assert cloud.requests[-1].status == status


async def test_unknown_charger(client: PlainClient) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.sync("1234567")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "first",
    [
        {"id": "1", "method": "sync.snapshot"},
        {"id": "1", "method": "login", "params": {"token": "x", "version": 3}},
        {"id": "1", "method": "login"},
        {"id": "1"},
        "no JSON",
    ],
)
async def test_nothing_is_served_before_login(
    client: PlainClient, charger: SimulatedCharger, first: object
) -> None:
    socket = await client.connect(charger.charger_id)
    charger.plug_in()
    await socket.send(first)
    assert "error" in await socket.frame()
    assert await socket.closed() == 1000


@pytest.mark.parametrize("version", [0, 4, "3", None, True])
async def test_login_version_is_1_to_3(
    client: PlainClient, charger: SimulatedCharger, version: object
) -> None:
    await client.log_in()
    socket = await client.connect(charger.charger_id)
    params = {"token": client.token, "version": version}
    assert await socket.error("login", params)


async def test_login_belongs_to_the_owner(
    client: PlainClient, cloud: SimulatedCloud
) -> None:
    other = cloud.add_account("other@example.com", "x").add_charger()
    await client.log_in()
    socket = await client.connect(other.charger_id)
    assert await socket.error("login", {"token": client.token, "version": 3})


async def test_login_failures_have_several_forms(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    params = {"token": "wrong", "version": 3}
    cloud.options.login_failure = LoginFailure.FALSE
    socket = await client.connect(charger.charger_id)
    assert await socket.result("login", params) == {"authenticated": False}
    cloud.options.login_failure = LoginFailure.SILENCE
    await socket.send({"id": 1, "method": "login", "params": params})
    assert await socket.silent()
    cloud.options.login_failure = LoginFailure.CLOSE
    socket = await client.connect(charger.charger_id)
    await socket.send({"id": 1, "method": "login", "params": params})
    assert await socket.closed() == 1000


async def test_first_requests(client: PlainClient, charger: SimulatedCharger) -> None:
    socket = await client.sync(charger.charger_id)
    snapshot = await socket.result("sync.snapshot")
    assert all(len(item) == 1 for item in snapshot)
    merged = {name: value for item in snapshot for name, value in item.items()}
    assert merged == {
        "brightness": 1.0,
        "effect_name": "none",
        "lock_state": "unlocked",
        "release_state": "default",
        "max_current": 32000,
        "ct_flags": 1,
        "solar_mode": "boost",
        "features": ["super_eco"],
        "random_start": False,
    }
    assert await socket.result("schedules.get") == {
        "applied": {
            "enabled": False,
            "is_default": False,
            "sessions": [],
            "type": "hypervolt",
        },
        "pending": {},
    }
    assert await socket.result("plugncharge.get") == {"applied": "boost"}
    assert await socket.result("firmware.version") == "3951.0"
    assert await socket.result("get.name") == "Driveway"
    assert [frame.method for frame in charger.received] == [
        "login",
        "sync.snapshot",
        "schedules.get",
        "plugncharge.get",
        "firmware.version",
        "get.name",
    ]


async def test_ids_are_echoed_with_their_type(
    client: PlainClient, charger: SimulatedCharger
) -> None:
    socket = await client.sync(charger.charger_id)
    for request_id in (7, "7", 1671841331):
        await socket.send({"id": request_id, "method": "get.name"})
        answer = await socket.frame()
        assert answer["id"] == request_id
        assert type(answer["id"]) is type(request_id)
        assert "method" not in answer
    await socket.send({"method": "schedule.set", "params": {"sessions": 1}})
    assert await socket.frame() == {
        "jsonrpc": "2.0",
        "error": {
            "code": -32603,
            "message": "schedule.set failed: internal server error",
        },
    }
    refused: list[object] = [
        {"id": 1.5, "method": "get.name"},
        [],
        7,
        "junk",
        {"id": 1},
    ]
    for nonsense in refused:
        await socket.send(nonsense)
        assert "error" in await socket.frame()
    assert (await socket.error("no.such"))["code"] == -32601


@pytest.mark.parametrize(
    ("params", "result"),
    [
        ({"brightness": 0.25}, [{"brightness": 0.25}]),
        ({"max_current": 16000}, [{"max_current": 16000}]),
        ({"max_current": 16000.0}, [{"max_current": 16000}]),
        ({"max_current": "16000"}, [{"max_current": 16000}]),
        ({"is_locked": True}, [{"lock_state": "locked"}]),
        ({"release": True}, [{"release_state": "released"}]),
        ({"solar_mode": "eco"}, [{"solar_mode": "eco"}]),
        ({"effect_name": "party_mode"}, [{"effect_name": "party_mode"}]),
        (
            {"effect_name": "steady_array", "leds": [BLACK] * 51},
            [{"effect_name": "steady_array"}],
        ),
        (
            {"brightness": 1, "max_current": 6000},
            [{"brightness": 1.0}, {"max_current": 6000}],
        ),
    ],
)
async def test_settings_reach_everybody(
    client: PlainClient,
    charger: SimulatedCharger,
    params: dict[str, Any],
    result: list[Any],
) -> None:
    writer = await client.sync(charger.charger_id)
    other = await client.sync(charger.charger_id)
    assert await writer.result("sync.apply", params) == result
    push = {"method": "sync.apply", "params": result}
    assert await writer.frame() == push
    assert await other.frame() == push
    if "leds" in params:
        assert charger.leds == params["leds"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        [],
        {"colour": "red"},
        {"lock_state": "locked"},
        {"random_start": True},
        {"brightness": 1.1},
        {"brightness": "0.5"},
        {"brightness": None},
        {"max_current": 5999},
        {"max_current": 32001},
        {"max_current": 16000.5},
        {"max_current": "lots"},
        {"max_current": "nan"},
        {"max_current": True},
        {"max_current": None},
        {"is_locked": "true"},
        {"release": 1},
        {"solar_mode": "Boost"},
        {"solar_mode": "super_eco_battery_safe"},
        {"effect_name": "disco"},
        {"leds": [BLACK] * 51},
        {"effect_name": "steady_array", "leds": [BLACK] * 50},
        {"effect_name": "steady_array", "leds": [{"r": 0, "g": 0}] * 51},
        {"effect_name": "steady_array", "leds": [BLACK | {"r": 1.1}] * 51},
        {"effect_name": "steady_array", "leds": [BLACK | {"r": 255}] * 51},
        {"brightness": 0.5, "colour": "red"},
    ],
)
async def test_bad_settings_are_refused_as_a_whole(
    client: PlainClient, charger: SimulatedCharger, params: object
) -> None:
    before = charger.snapshot()
    socket = await client.sync(charger.charger_id)
    assert "sync.apply failed" in (await socket.error("sync.apply", params))["message"]
    assert charger.snapshot() == before
    assert await socket.silent(0.01)


@pytest.mark.parametrize("confirm", list(Confirm))
async def test_how_the_writer_hears(
    client: PlainClient, charger: SimulatedCharger, confirm: Confirm
) -> None:
    charger.confirm = confirm
    writer = await client.sync(charger.charger_id)
    other = await client.sync(charger.charger_id)
    await writer.send({"id": 5, "method": "sync.apply", "params": {"brightness": 0}})
    frames = [await writer.frame()]
    if confirm is Confirm.BOTH:
        frames.append(await writer.frame())
    assert await writer.silent(0.02)
    assert [("result" in frame, "params" in frame) for frame in frames] == {
        Confirm.BOTH: [(True, False), (False, True)],
        Confirm.REPLY: [(True, False)],
        Confirm.PUSH: [(False, True)],
    }[confirm]
    assert (await other.frame())["params"] == [{"brightness": 0.0}]


async def test_solar_mode_is_hollow_on_the_v3_api(
    client: PlainClient, charger: SimulatedCharger
) -> None:
    socket = await client.sync(charger.charger_id)
    assert await socket.result("sync.apply", {"solar_mode": "eco"}) == [
        {"solar_mode": "eco"}
    ]
    assert await socket.result("plugncharge.get") == {"applied": "boost"}
    assert {"solar_mode": "boost"} in await socket.result("sync.snapshot")
    assert await socket.result("plugncharge.set", {"mode": "eco"}) == {
        "mode": "eco",
        "applied": True,
    }
    assert charger.mode == "eco"
    assert (await socket.until("plugncharge.set"))["mode"] == "eco"
    assert await socket.error("plugncharge.set", {"mode": "fast"})
    assert await socket.error("plugncharge.set", {"mode": "super_eco_battery_safe"})
    charger.set_battery_safe(supported=True)
    assert await socket.result("plugncharge.set", {"mode": "super_eco_battery_safe"})


async def test_names(client: PlainClient, charger: SimulatedCharger) -> None:
    socket = await client.sync(charger.charger_id)
    assert await socket.result("set.name", {"name": "Garage"}) == "Garage"
    assert await socket.result("get.name") == "Garage"
    for name in ("", "x" * 251, None, 7):
        assert await socket.error("set.name", {"name": name})
    assert charger.name == "Garage"


async def test_old_token_loses_the_next_command(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    """protocol.md 3: pushes go on, the command is lost, close 1000 Bye."""
    socket = await client.sync(charger.charger_id)
    cloud.tokens.age_by(3601)
    charger.app_apply(brightness=0.5)
    assert await socket.until("sync.apply") == [{"brightness": 0.5}]
    await socket.send({"id": 1, "method": "sync.apply", "params": {"brightness": 0}})
    message = await socket.raw.receive(timeout=1)
    assert (message.data, message.extra) == (1000, "Bye")
    assert charger.brightness == 0.5
    await client.log_in()
    await client.sync(charger.charger_id)


async def test_relogin_refreshes_the_socket(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    socket = await client.sync(charger.charger_id)
    cloud.tokens.age_by(3601)
    await client.log_in()
    params = {"token": client.token, "version": 3}
    assert await socket.result("login", params) == {"authenticated": True}
    assert await socket.result("get.name")
    cloud.options.relogin = "refuse"
    assert await socket.error("login", params)


async def test_energy_flow_came_with_version_3(
    client: PlainClient, account: Account, charger: SimulatedCharger
) -> None:
    new = await client.sync(charger.charger_id)
    older = await client.sync(charger.charger_id, version=2)
    old = account.add_charger(Personality.V3_OLD)
    old_socket = await client.sync(old.charger_id)
    charger.set_house_load(69)
    old.set_house_load(69)
    frame = await new.until("get.session")
    assert frame == {
        "charging": False,
        "true_milli_amps": 0,
        "voltage": 0,
        "watt_hours": 0,
        "carbon_saved_grams": 0,
        "ct_current": 1900,
        "ev_power": 0,
        "grid_power": 69,
        "house_power": 69,
        "generation_power": 0,
        "energy_flow": ["grid_to_house"],
    }
    assert "energy_flow" not in await older.until("get.session")
    assert "energy_flow" not in await old_socket.until("get.session")
    charger.set_house_load(30)
    assert (await new.until("get.session"))["energy_flow"] == []


async def test_legacy_v2(
    client: PlainClient, account: Account, clock: ManualClock
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    sync = await client.sync(charger.charger_id)
    data = await client.connect(charger.charger_id, "session/in-progress")
    for method in ("schedules.get", "schedule.set", "plugncharge.get"):
        assert (await sync.error(method))["message"] == f"{method} not allowed"
    charger.not_allowed_shape = "error"
    assert (await sync.error("schedules.get"))["error"] == "schedules.get not allowed"
    assert await sync.result("firmware.version") == "202111231810.abcdef"

    await sync.result("sync.apply", {"solar_mode": "eco"})
    assert charger.mode == charger.solar_mode == "eco"
    await sync.until("sync.apply")
    charger.set_house_load(500)
    assert await data.silent(0.02)

    charger.plug_in(needs_wh=1000)
    frame = await data.frame()
    assert frame["charging"] is True
    assert frame["session"] == 1
    assert "ev_power" not in frame
    clock.advance(7200)
    last = await data.frame()
    assert last["charging"] is False
    assert last["watt_hours"] == pytest.approx(1000, abs=1)
    assert last["milli_amps"] == 32000
    assert last["voltage"] == 0
    assert charger.watt_hours == last["watt_hours"], "the total stays while idle"
    charger.app_set_schedule(enabled=True, intervals=[("23:30", "05:30")])
    charger.unplug()
    assert await sync.silent(0.02), "neither schedule nor pilot are pushed"


async def test_sessions_are_listed_in_other_ways(
    client: PlainClient, account: Account
) -> None:
    charger = account.add_charger(Personality.V3)
    charger.app_set_schedule(
        sessions=[
            Session("12:00", "13:00", days=("MONDAY", "TUESDAY")),
            Session("01:00", "02:00", days=("FRIDAY",)),
        ]
    )
    socket = await client.sync(charger.charger_id)
    for listing, starts, days in (
        (set(), ["12:00", "01:00"], 2),
        ({Listing.SORTED}, ["01:00", "12:00"], 1),
        ({Listing.REVERSED}, ["01:00", "12:00"], 1),
        ({Listing.EACH_DAY}, ["12:00", "12:00", "01:00"], 1),
        ({Listing.UPPER_CASE}, ["12:00", "01:00"], 2),
    ):
        charger.listing = frozenset(listing)
        answer = await socket.result("schedules.get")
        listed = answer["applied"]["sessions"]
        assert [item["start_time"] for item in listed] == starts
        assert len(listed[0]["days"]) == days
        assert listed[0]["mode"].isupper() is (Listing.UPPER_CASE in listing)


async def test_what_only_the_app_knows(client: PlainClient, account: Account) -> None:
    charger = account.add_charger(Personality.V3)
    charger.app_set_schedule(extra={"season": "winter"}, unread=[{"offset": 30}])
    socket = await client.sync(charger.charger_id)
    document = (await socket.result("schedules.get"))["applied"]
    assert document["season"] == "winter"
    assert document["sessions"] == [{"offset": 30}]
    assert await socket.error("schedule.set", document)
    charger.strict = False
    written = {**document, "season": "summer", "sessions": []}
    assert (await socket.result("schedule.set", written))["applied"] == written


async def test_upgraded_v2_speaks_the_v3_api(
    client: PlainClient, account: Account
) -> None:
    charger = account.add_charger(Personality.UPGRADED_V2)
    socket = await client.sync(charger.charger_id)
    assert "applied" in await socket.result("schedules.get")
    for firmware in ("1.0", "1", 1):
        charger.firmware = firmware
        assert await socket.result("firmware.version") == firmware
    charger.plug_in()
    assert await socket.until("get.pilot_status") == {"pilot_status": "B"}
    assert (await socket.until("get.session"))["charging"] is False
    assert await socket.until("get.pilot_status") == {"pilot_status": "C"}
    assert (await socket.until("get.session"))["charging"] is True


async def test_drop_all_and_sockets(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    first = await client.sync(charger.charger_id)
    second = await client.connect(charger.charger_id, "session/in-progress")
    assert (charger.sockets, charger.logged_in_sockets) == (2, 1)
    await cloud.drop_all()
    assert cloud.open_sockets == 0
    assert await first.closed() == 1000
    assert await second.closed() == 1000
    third = await client.sync(charger.charger_id)
    await cloud.drop_all(abrupt=True)
    assert await third.closed() != 1000
    await cloud.wait_for(lambda: charger.sockets == 0)


async def test_pause_and_resume_on_the_same_port(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    socket = await client.sync(charger.charger_id)
    url = cloud.url
    await cloud.pause()
    assert await socket.closed() != 1000
    with pytest.raises(aiohttp.ClientError):
        await client.rest("/charger/by-owner")
    await cloud.resume()
    assert cloud.url == url
    assert (await client.rest("/charger/by-owner"))[0] == 200
    await client.sync(charger.charger_id)


async def test_raw_pushes(client: PlainClient, charger: SimulatedCharger) -> None:
    socket = await client.sync(charger.charger_id)
    charger.push('{"as": "it is"}')
    charger.push({"method": "x"})
    charger.push(b"\x01")
    assert await socket.raw.receive_str() == '{"as": "it is"}'
    assert await socket.frame() == {"method": "x"}
    assert await socket.raw.receive_bytes() == b"\x01"


async def test_regular_pushes(socket_enabled: None) -> None:
    async with SimulatedCloud(push_interval=0.02) as cloud:
        charger = cloud.add_account("a", "b").add_charger()
        async with PlainClient(cloud.url, "a", "b") as client:
            socket = await client.sync(charger.charger_id)
            for _ in range(3):
                assert await socket.until("get.session")


async def test_removed_charger(
    client: PlainClient, account: Account, charger: SimulatedCharger
) -> None:
    socket = await client.sync(charger.charger_id)
    account.remove_charger(charger)
    assert await socket.closed() == 1000
    assert (await client.rest("/charger/by-owner"))[1] == {"chargers": []}


async def test_wait_for_times_out(cloud: SimulatedCloud) -> None:
    with pytest.raises(TimeoutError):
        await cloud.wait_for(lambda: False, timeout=0.01)


def test_only_loopback() -> None:
    with pytest.raises(ValueError, match="loopback"):
        SimulatedCloud(host="0.0.0.0")  # noqa: S104 - this must be refused


async def test_login_on_in_progress_is_accepted(
    client: PlainClient, cloud: SimulatedCloud, account: Account
) -> None:
    """protocol.md 5.6: with and without, as configured."""
    charger = account.add_charger(Personality.LEGACY_V2)
    cloud.options.in_progress_requires_login = True
    await client.log_in()
    known = await client.connect(charger.charger_id, "session/in-progress")
    unknown = await client.connect(charger.charger_id, "session/in-progress")
    params = {"token": client.token, "version": 3}
    assert await known.result("login", params) == {"authenticated": True}
    charger.plug_in()
    assert (await known.frame())["charging"] is True
    assert await unknown.silent(0.02)


async def test_live_frames_that_went_out_are_noted(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    charger.plug_in()
    assert not charger.wire.live_frames
    await client.sync(charger.charger_id)
    cloud.push_sessions()
    (frame,) = charger.wire.live_frames
    assert (frame.number, frame.open, frame.of_session) == (1, True, True)
    assert (frame.shown, frame.charging) == (0, True)
    assert {"watt_hours", "charging", "ev_power"} <= frame.readable
    cloud.faults.enable(Fault.STALL)
    cloud.push_sessions()
    charger.set_house_load(900)
    assert len(charger.wire.live_frames) == 1
    cloud.faults.clear()
    seen = len(charger.wire.live_frames)
    charger.unplug()
    told = [*charger.wire.live_frames][seen:]
    assert [item.of_session for item in told] == [False, True]
    assert [item.pilot for item in told] == ["A", None]
    assert not told[-1].open
