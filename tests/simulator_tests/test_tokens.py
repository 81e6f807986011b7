"""The token endpoint (protocol.md 3)."""

import pytest

from tests.simulator import Account, Fault, SimulatedCloud

from .plain_client import SCOPE, TOKEN_PATH, PlainClient


async def test_password_grant_answers_the_published_shape(client: PlainClient) -> None:
    status, body = await client.grant(
        grant_type="password",
        scope=SCOPE,
        username=client.username,
        password=client.password,
    )
    assert status == 200
    assert body["expires_in"] == 3600
    assert body["refresh_expires_in"] == 0
    assert body["token_type"] == "Bearer"
    assert body["not-before-policy"] == 0
    assert body["access_token"].count(".") == 2


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        ({"scope": "openid"}, 400, "invalid_scope"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"username": ""}, 401, "invalid_request"),
        ({"username": "nobody@example.com"}, 401, "invalid_grant"),
        ({"password": "wrong"}, 401, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        (
            {"grant_type": "refresh_token", "refresh_token": "x"},
            400,
            "invalid_grant",
        ),
    ],
)
async def test_refusals_are_those_of_keycloak(
    client: PlainClient, changes: dict[str, str], status: int, error: str
) -> None:
    form = {
        "grant_type": "password",
        "scope": SCOPE,
        "username": client.username,
        "password": client.password,
        **changes,
    }
    got, body = await client.grant(**form)
    assert (got, body["error"]) == (status, error)
    assert body["error_description"]


async def test_other_content_types_are_refused(client: PlainClient) -> None:
    async with client.http.post(client.url + TOKEN_PATH, json={}) as answer:
        assert answer.status == 415
        assert (await answer.json())["error"] == "HTTP 415 Unsupported Media Type"


async def test_account_not_set_up(client: PlainClient, account: Account) -> None:
    account.fully_set_up = False
    with pytest.raises(AssertionError, match="not fully set up"):
        await client.log_in()


@pytest.mark.parametrize("rotate", [True, False])
async def test_refresh_token_rotation(
    client: PlainClient, cloud: SimulatedCloud, rotate: bool
) -> None:
    cloud.tokens.rotate_refresh_tokens = rotate
    await client.log_in()
    first = await client.grant(
        grant_type="refresh_token", refresh_token=client.refresh_token
    )
    second = await client.grant(
        grant_type="refresh_token", refresh_token=client.refresh_token
    )
    assert first[0] == 200
    assert second[0] == (400 if rotate else 200)
    assert cloud.request_count(grant_type="refresh_token") == 2


async def test_tokens_age_and_are_revoked(
    client: PlainClient, cloud: SimulatedCloud, account: Account
) -> None:
    assert (await client.rest("/charger/by-owner"))[0] == 200
    cloud.tokens.age_by(3599)
    assert (await client.rest("/charger/by-owner"))[0] == 200
    cloud.tokens.age_by(2)
    assert (await client.rest("/charger/by-owner"))[0] == 401
    await client.log_in()
    assert (await client.rest("/charger/by-owner"))[0] == 200
    account.sign_out_everywhere()
    assert (await client.rest("/charger/by-owner"))[0] == 401


async def test_password_change(client: PlainClient, account: Account) -> None:
    account.password = "new"
    with pytest.raises(AssertionError):
        await client.log_in()
    client.password = "new"
    await client.log_in()


async def test_bad_password_can_strike_once(
    client: PlainClient, cloud: SimulatedCloud
) -> None:
    cloud.faults.enable(Fault.BAD_PASSWORD, once=True)
    with pytest.raises(AssertionError, match="Invalid user credentials"):
        await client.log_in()
    assert not cloud.faults.active
    await client.log_in()
