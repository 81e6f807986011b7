"""The control API and the command line."""

import asyncio
from pathlib import Path
import signal
import socket
import sys
from typing import Any

import pytest

from tests.simulator import (
    Account,
    Fault,
    Personality,
    SimulatedCharger,
    SimulatedCloud,
)

from .plain_client import PlainClient

ROOT = Path(__file__).parents[2]


@pytest.fixture
def charger(account: Account) -> SimulatedCharger:
    return account.add_charger(Personality.V3)


async def test_page(client: PlainClient) -> None:
    status, page = await client.control("")
    assert status == 200
    assert "Simulated Hypervolt cloud" in page
    assert "http" not in page.replace("http-equiv", ""), "no foreign resources"


async def test_state_and_buttons(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    path = f"/chargers/{charger.charger_id}"
    socket = await client.sync(charger.charger_id)
    assert await client.control(f"{path}/plug_in", {"needs_wh": 9000}) == (
        200,
        {"ok": True},
    )
    assert charger.pilot.value == "C"
    changes = {
        "house_load": 700,
        "solar": 1000,
        "name": "Garage",
        "mode": "eco",
        "max_current": 10000,
    }
    assert (await client.control(f"{path}/set", changes))[0] == 200
    assert await socket.until("plugncharge.set") == {"mode": "eco", "applied": True}
    await client.control(f"{path}/advance", {"seconds": 60})
    status, state = await client.control("/state")
    assert status == 200
    assert client.password not in str(state)
    shown = state["chargers"][0]
    assert shown["name"] == charger.name == "Garage"
    assert shown["mode"] == "eco"
    assert shown["charging"] is True
    assert shown["max_current"] == 10000
    assert shown["delivered_wh"] == charger.delivered_wh > 0
    assert shown["logged_in_sockets"] == 1
    assert shown["frames_received"] == 1
    assert len(state["faults"]) == len(Fault)
    assert state["requests"]["total"] == len(cloud.requests) == 2

    await client.control(f"{path}/push", {"frame": {"method": "hello"}})
    assert await socket.until("hello") is None
    _, received = await client.control(f"{path}/received")
    assert [frame["method"] for frame in received] == ["login"]
    await client.control(f"{path}/car_full", {})
    assert charger.pilot.value == "B"
    await client.control(f"{path}/unplug", {})
    assert charger.car is None
    window = {
        "session_type": "recurring",
        "start_time": "01:00",
        "end_time": "02:00",
        "mode": "boost",
        "days": ["MONDAY"],
    }
    await client.control(f"{path}/schedule", {"enabled": True, "sessions": [window]})
    assert charger.schedule.enabled
    dispatch = ["2026-06-01T22:30:00+00:00", "2026-06-02T00:00:00+00:00"]
    await client.control(f"{path}/octopus", {"dispatches": [dispatch]})
    assert charger.schedule.is_octopus
    assert (await client.control("/drop", {"abrupt": False}))[1] == {"dropped": 1}
    assert await socket.closed() == 1000


async def test_faults_over_http(
    client: PlainClient, cloud: SimulatedCloud, charger: SimulatedCharger
) -> None:
    body = {"active": True, "charger": charger.charger_id, "replies": True, "count": 3}
    status, active = await client.control("/faults/F1", body)
    assert status == 200
    assert active["active"][0]["name"] == "stall"
    assert active["active"][0]["options"]["replies"] is True
    assert active["active"][0]["remaining"] == 3
    await client.control("/faults/token_age", {})
    assert len(cloud.faults.active) == 2
    await client.control("/faults/F1", {"active": False})
    assert [active.fault for active in cloud.faults.active] == [Fault.TOKEN_AGE]
    await client.control("/faults", {"clear": True})
    assert [active.fault for active in cloud.faults.active] == []


async def test_accounts_and_tokens_over_http(
    client: PlainClient, account: Account
) -> None:
    await client.log_in()
    path = f"/accounts/{account.username}"
    assert (await client.control(f"{path}/password", {"password": "n"}))[0] == 200
    assert account.password == "n"
    assert (await client.control("/tokens", {"age_by": 3601}))[0] == 200
    assert (await client.rest("/placements"))[0] == 401
    client.password = "n"
    await client.log_in()
    assert (await client.control(f"{path}/sign_out", {}))[0] == 200
    assert (await client.rest("/placements"))[0] == 401


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/chargers/1/plug_in", {}, 404),
        ("/chargers/{id}/fly", {}, 404),
        ("/chargers/{id}/plug_in", {"needs_wh": "much"}, 400),
        ("/chargers/{id}/plug_in", [], 400),
        ("/chargers/{id}/set", {"colour": "red"}, 400),
        ("/chargers/{id}/set", {"solar": -1}, 400),
        ("/chargers/{id}/set", {"mode": "fast"}, 400),
        ("/chargers/{id}/set", {"max_current": 1}, 400),
        ("/chargers/{id}/set", {"firmware": True}, 400),
        ("/chargers/{id}/push", {}, 400),
        ("/chargers/{id}/schedule", {"sessions": [{"start_time": "x"}]}, 400),
        ("/chargers/{id}/schedule", {"intervals": [["01:00"]]}, 400),
        ("/chargers/{id}/octopus", {"dispatches": [["a", "b"]]}, 400),
        ("/chargers/{id}/advance", {}, 400),
        ("/faults/F99", {}, 404),
        ("/faults/F1", {"charger": "1"}, 404),
        ("/faults/F1", {"colour": "red"}, 400),
        ("/faults/F1", {"active": "yes"}, 400),
        ("/faults/F1", {"count": "many"}, 400),
        ("/faults/F4", {"mode": "quietly"}, 400),
        ("/faults", {}, 400),
        ("/drop", {"code": "x"}, 400),
        ("/tokens", {"age_by": "x"}, 400),
        ("/tokens", {"colour": "red"}, 400),
        ("/accounts/nobody/password", {"password": "x"}, 404),
        ("/accounts/driver@example.com/password", {"password": 7}, 400),
    ],
)
async def test_bad_input(
    client: PlainClient, charger: SimulatedCharger, path: str, body: Any, status: int
) -> None:
    got, answer = await client.control(path.format(id=charger.charger_id), body)
    assert got == status
    assert answer["error"]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.simulator",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_command_line(socket_enabled: None) -> None:
    process = await start(
        "--port", "0", "--charger", "v3", "--charger", "legacy_v2", "--solar", "900"
    )
    assert process.stdout
    try:
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().split()[-1]
            await process.stdout.readuntil(b"Stop with Ctrl-C.\n")
        async with PlainClient(url, "demo@example.com", "demo") as client:
            _, chargers = await client.rest("/users/me?includes=chargers")
            assert len(chargers["chargers"]) == 2
            _, state = await client.control("/state")
            assert state["chargers"][0]["generation_power"] == 900
            await client.sync(chargers["chargers"][0]["id"])
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_port_in_use(socket_enabled: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = await start("--port", port)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert f"port {port} is in use" in errors.decode()
