"""The REST endpoints (protocol.md 4, 8.1)."""

from typing import Any

import aiohttp
import pytest

from tests.simulator import Account, ManualClock, Personality, SimulatedCloud

from .plain_client import PlainClient

INTERVAL = [
    {"hours": 0, "minutes": 31, "seconds": 0},
    {"hours": 4, "minutes": 29, "seconds": 0},
]
RESTRICTED = {
    "type": "restricted",
    "tz": "Europe/London",
    "intervals": [INTERVAL],
    "enabled": True,
}
OPEN = {"intervals": [], "tz": "Europe/London", "enabled": False, "type": "open"}


async def test_charger_lists(client: PlainClient, account: Account) -> None:
    v3 = account.add_charger(Personality.V3)
    v2 = account.add_charger(Personality.LEGACY_V2, model=None)
    assert len(f"{int(v3.charger_id):x}") == 15
    assert len(f"{int(v2.charger_id):x}") == 12

    _, current = await client.rest("/users/me?includes=chargers")
    assert [item["id"] for item in current["chargers"]] == [
        v3.charger_id,
        v2.charger_id,
    ]
    assert current["chargers"][0]["model"] == "Home 3 Pro"
    assert "model" not in current["chargers"][1]

    _, older = await client.rest("/charger/by-owner")
    assert [item["charger_id"] for item in older["chargers"]] == [
        int(v3.charger_id),
        int(v2.charger_id),
    ]


async def test_without_bearer_or_user_agent(
    client: PlainClient, cloud: SimulatedCloud
) -> None:
    assert (await client.rest("/placements", headers={"Authorization": "x"}))[0] == 401
    assert (await client.rest("/placements"))[0] == 200
    for agent in (
        "",
        aiohttp.http.SERVER_SOFTWARE,
        "Python/3.14 websockets/15.0.1",
        "HomeAssistant/2026.10 aiohttp/3.14 Python/3.14",
    ):
        headers = {"User-Agent": agent}
        assert (await client.rest("/placements", headers=headers))[0] == 403
    cloud.options.strict_user_agent = False
    assert (await client.rest("/placements", headers={"User-Agent": ""}))[0] == 200


async def test_other_people_s_chargers_are_unknown(
    client: PlainClient, cloud: SimulatedCloud
) -> None:
    other = cloud.add_account("other@example.com", "x").add_charger(
        Personality.LEGACY_V2
    )
    path = f"/charger/by-id/{other.charger_id}/schedule"
    assert (await client.rest(path))[0] == 404


@pytest.mark.parametrize("body", [RESTRICTED, OPEN])
async def test_legacy_schedule_is_kept_as_sent(
    client: PlainClient, account: Account, cloud: SimulatedCloud, body: dict[str, Any]
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    path = f"/charger/by-id/{charger.charger_id}/schedule"
    assert await client.rest(path) == (200, {})
    assert await client.rest(path, "PUT", body=body) == (200, None)
    assert await client.rest(path) == (200, body)
    assert cloud.requests[-2].body == body


@pytest.mark.parametrize(
    "change",
    [
        {"type": "other"},
        {"tz": "Mars/Olympus"},
        {"enabled": "yes"},
        {"intervals": None},
        {"intervals": [INTERVAL[:1]]},
        {"intervals": [[{"hours": 25, "minutes": 0, "seconds": 0}, INTERVAL[1]]]},
        {"intervals": [[{"hours": 1, "minutes": 0}, INTERVAL[1]]]},
    ],
)
async def test_bad_legacy_schedules_are_refused(
    client: PlainClient, account: Account, change: dict[str, Any]
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    path = f"/charger/by-id/{charger.charger_id}/schedule"
    assert (await client.rest(path, "PUT", body=RESTRICTED | change))[0] == 400
    assert charger.rest_schedule is None


async def test_put_needs_json(client: PlainClient, account: Account) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    path = f"/charger/by-id/{charger.charger_id}/schedule"
    headers = {"Content-Type": "text/plain"}
    assert (await client.rest(path, "PUT", headers=headers))[0] == 415


async def test_schedule_route_of_the_v3_api(
    client: PlainClient, account: Account
) -> None:
    v3 = account.add_charger(Personality.V3)
    upgraded = account.add_charger(Personality.UPGRADED_V2)
    v3_path = f"/charger/by-id/{v3.charger_id}/schedule"
    path = f"/charger/by-id/{upgraded.charger_id}/schedule"
    assert (await client.rest(v3_path))[0] == 404
    assert (await client.rest(path))[1]["intervals"] == [INTERVAL]
    assert (await client.rest(path, "PUT", body=RESTRICTED))[0] == 500
    assert not upgraded.schedule.sessions
    upgraded.rest_put = "overwrite"
    assert (await client.rest(path, "PUT", body=RESTRICTED))[0] == 200
    assert upgraded.schedule.enabled
    assert upgraded.schedule.sessions[0].start_time == "00:31"


async def test_timelines_and_placements(
    client: PlainClient, account: Account, clock: ManualClock
) -> None:
    charger = account.add_charger()
    charger.plug_in()
    clock.advance(3600)
    base = f"/charger/by-id/{charger.charger_id}"
    _, energy = await client.rest(f"{base}/charging-timeline/by-period/d?n=1")
    assert energy["data"][0]["value"] == int(charger.delivered_wh)
    _, power = await client.rest(f"{base}/power-timeline/by-period/5s")
    assert power["data"][0]["value"] > 7000
    assert (await client.rest(f"{base}/power-timeline/by-period/y"))[0] == 400
    _, placements = await client.rest("/placements")
    assert placements[0]["tz"] == "Europe/London"
