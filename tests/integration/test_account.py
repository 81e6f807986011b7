"""The library's login and REST requests, against the simulated cloud."""

import asyncio
from contextlib import suppress
from dataclasses import replace
import gzip
import json
from typing import Any, Self

import aiohttp
from aiohttp import web
import pytest

from custom_components.hypervolt_charger.hypervolt.account import HypervoltAccount
from custom_components.hypervolt_charger.hypervolt.auth import HypervoltAuth
from custom_components.hypervolt_charger.hypervolt.charger import Charger
from custom_components.hypervolt_charger.hypervolt.endpoints import Endpoints
from custom_components.hypervolt_charger.hypervolt.errors import (
    Blocked,
    CannotConnect,
    InvalidAuth,
    UnexpectedAnswer,
    UnknownCharger,
)
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import FAST, PASSWORD, USERNAME
from tests.integration.conftest import Login
from tests.simulator import Account, Fault, Personality, SimulatedCloud

_TOKEN_PATH = "protocol/openid-connect/token"


class _Clock:
    """A monotonic clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def auth(
    cloud: SimulatedCloud,
    account: Account,
    session: aiohttp.ClientSession,
    clock: _Clock,
) -> HypervoltAuth:
    """A login whose time can be moved, with the design's own margins."""
    return HypervoltAuth(
        session,
        Endpoints(identity=cloud.url, rest=cloud.url),
        USERNAME,
        PASSWORD,
        user_agent="hypervolt-tests/1.0",
        timing=Timing(http_timeout=2.0),
        clock=clock,
    )


async def test_a_token_is_used_until_seven_and_a_half_minutes_remain(
    cloud: SimulatedCloud, auth: HypervoltAuth, clock: _Clock
) -> None:
    assert auth.renewal_in == 0
    first = await auth.access_token()
    assert auth.renewal_in == 3600 - 450

    clock.now += 3600 - 450 - 1
    assert await auth.access_token() == first
    clock.now += 2
    assert await auth.access_token() != first

    assert cloud.request_count(_TOKEN_PATH, grant_type="password") == 1
    assert cloud.request_count(_TOKEN_PATH, grant_type="refresh_token") == 1


async def test_many_at_once_log_in_once(
    cloud: SimulatedCloud, auth: HypervoltAuth
) -> None:
    tokens = await asyncio.gather(*(auth.access_token() for _ in range(10)))
    assert len(set(tokens)) == 1
    assert cloud.request_count(_TOKEN_PATH) == 1


async def test_a_rejected_token_is_renewed_before_its_time(
    auth: HypervoltAuth, clock: _Clock
) -> None:
    first = await auth.access_token()
    assert await auth.access_token(rejected="another") == first
    clock.now += 30
    assert await auth.access_token(rejected=first) != first


async def test_a_dead_refresh_token_falls_back_to_the_password_once(
    cloud: SimulatedCloud, auth: HypervoltAuth, clock: _Clock
) -> None:
    await auth.access_token()
    cloud.faults.enable(Fault.REFRESH_DEAD)
    clock.now += 3600
    await auth.access_token()
    assert cloud.request_count(_TOKEN_PATH, grant_type="refresh_token") == 1
    assert cloud.request_count(_TOKEN_PATH, grant_type="password") == 2


async def test_a_changed_password_is_noticed_when_the_refresh_token_is_dead(
    cloud: SimulatedCloud, account: Account, auth: HypervoltAuth, clock: _Clock
) -> None:
    await auth.access_token()
    account.password = "another"
    cloud.faults.enable(Fault.REFRESH_DEAD)
    clock.now += 3600
    with pytest.raises(InvalidAuth):
        await auth.access_token()


async def test_the_old_token_serves_while_the_token_endpoint_is_in_trouble(
    cloud: SimulatedCloud, auth: HypervoltAuth, clock: _Clock
) -> None:
    first = await auth.access_token()
    cloud.faults.enable(Fault.IDP_DOWN, mode="503")
    clock.now += 3600 - 100
    assert await auth.access_token() == first
    clock.now += 101
    with pytest.raises(CannotConnect):
        await auth.access_token()


@pytest.mark.parametrize("mode", ["500", "503", "429", "404", "html", "reset"])
async def test_service_trouble_is_no_wrong_password(
    cloud: SimulatedCloud, login: Login, mode: str
) -> None:
    cloud.faults.enable(Fault.IDP_DOWN, mode=mode)
    with pytest.raises(CannotConnect):
        await login().chargers()


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("60", 60),
        ("9" * 400, 3600),
        ("²", None),
        ("٣", None),
        ("-5", None),
        ("1e3", None),
        ("soon", None),
        ("Fri, 27 Nov 2026 14:00:00 GMT", None),
        ("", None),
    ],
)
async def test_a_pause_in_any_form(
    session: aiohttp.ClientSession, header: str, pause: float | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": header})

    async with _Server(answer) as server:
        with pytest.raises(CannotConnect) as refused:
            await server.account(session).auth.access_token()
    assert refused.value.retry_after == pause


async def test_a_pause_the_service_asks_for_is_kept(
    cloud: SimulatedCloud, auth: HypervoltAuth, clock: _Clock
) -> None:
    cloud.faults.enable(Fault.IDP_DOWN, mode="429", retry_after=60)
    with pytest.raises(CannotConnect) as refused:
        await auth.access_token()
    assert refused.value.retry_after == 60
    cloud.faults.clear()

    asked = cloud.request_count(_TOKEN_PATH)
    clock.now += 59
    with pytest.raises(CannotConnect):
        await auth.access_token()
    assert cloud.request_count(_TOKEN_PATH) == asked
    clock.now += 2
    await auth.access_token()


async def test_an_unanswered_login_ends(
    cloud: SimulatedCloud, account: Account, session: aiohttp.ClientSession
) -> None:
    cloud.faults.enable(Fault.IDP_DOWN, mode="hang")
    hurried = HypervoltAccount(
        session,
        USERNAME,
        PASSWORD,
        user_agent="hypervolt-tests/1.0",
        endpoints=Endpoints(identity=cloud.url, rest=cloud.url),
        timing=Timing(http_timeout=0.1),
    )
    with pytest.raises(CannotConnect):
        await hurried.chargers()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, InvalidAuth),
        (401, {"error": "invalid_grant"}, InvalidAuth),
        (401, None, InvalidAuth),
        (400, {"error": "invalid_request"}, CannotConnect),
        (401, {"error": "invalid_client"}, CannotConnect),
        (400, {"error": 7}, CannotConnect),
        (400, None, CannotConnect),
        (403, None, Blocked),
        (200, {"access_token": 7}, UnexpectedAnswer),
        (200, ["no", "object"], UnexpectedAnswer),
    ],
)
async def test_what_the_answers_of_the_token_endpoint_mean(
    session: aiohttp.ClientSession,
    status: int,
    body: Any,
    error: type[Exception],
) -> None:
    async def answer(_: web.Request) -> web.Response:
        if body is None:
            return web.Response(status=status, text="<html>")
        return web.json_response(body, status=status)

    async with _Server(answer) as server:
        with pytest.raises(error) as caught:
            await server.account(session).chargers()
    assert type(caught.value) is error


@pytest.mark.parametrize("life", [None, 0, True, "soon"])
async def test_a_token_without_a_sensible_life_is_taken_for_an_hour(
    session: aiohttp.ClientSession, life: Any
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "t", "expires_in": life})

    async with _Server(answer) as server:
        auth = server.account(session).auth
        await auth.access_token()
    assert auth.renewal_in == pytest.approx(3600 - FAST.token_margin, abs=5)


@pytest.mark.parametrize(
    "life", [1, 0.01, -5, "2", "nan", float("nan"), float("inf"), 10**400]
)
async def test_no_more_than_one_renewal_in_half_a_minute(
    session: aiohttp.ClientSession, clock: _Clock, life: Any
) -> None:
    """Whatever the cloud says of a token's life, and if it refuses each of them."""
    logins = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal logins
        logins += 1
        text = json.dumps({"access_token": f"t{logins}", "expires_in": life})
        return web.Response(text=text, content_type="application/json")

    async with _Server(answer) as server:
        auth = HypervoltAuth(
            session,
            Endpoints(identity=server.url, rest=server.url),
            USERNAME,
            PASSWORD,
            user_agent="hypervolt-tests/1.0",
            timing=Timing(),
            clock=clock,
        )
        for _ in range(120):
            token = await auth.access_token()
            with suppress(CannotConnect):
                await auth.access_token(rejected=token)
            clock.now += 1
    assert 1 <= logins <= 5


async def test_one_back_off_for_all_that_share_a_login(
    cloud: SimulatedCloud, auth: HypervoltAuth, clock: _Clock
) -> None:
    cloud.faults.enable(Fault.IDP_DOWN, mode="503")
    for _ in range(600):
        for _charger in range(50):
            with pytest.raises(CannotConnect):
                await auth.access_token()
        clock.now += 1
    # As often as one charger alone would ask in ten minutes.
    assert cloud.request_count(_TOKEN_PATH) <= 10


async def test_a_failed_password_check_keeps_nothing(
    login: Login, cloud: SimulatedCloud
) -> None:
    await login().auth.verify_password()
    with pytest.raises(InvalidAuth) as caught:
        await login(password="wrong").auth.verify_password()
    assert "wrong" not in repr(login(password="wrong").auth)
    assert PASSWORD not in str(caught.value)


async def test_tokens_stay_out_of_representations(login: Login) -> None:
    auth = login().auth
    token = await auth.access_token()
    assert token not in repr(auth)
    assert token not in repr(vars(auth))


async def test_the_list_of_chargers(
    cloud: SimulatedCloud, account: Account, login: Login
) -> None:
    assert await login().chargers() == []
    v3 = account.add_charger(Personality.V3, model="Home 3 Pro")
    v2 = account.add_charger(Personality.LEGACY_V2, model=None)
    assert await login().chargers() == [
        Charger(v3.charger_id, "Home 3 Pro"),
        Charger(v2.charger_id, None),
    ]


async def test_the_older_list_serves_when_the_newer_is_gone(
    cloud: SimulatedCloud, account: Account, login: Login
) -> None:
    charger = account.add_charger(Personality.V3)
    cloud.faults.enable(Fault.GONE, path="/users/me", status=404)
    assert await login().chargers() == [Charger(charger.charger_id)]


@pytest.mark.parametrize("mode", ["500", "404", "html", "429"])
async def test_lists_in_trouble_are_no_empty_account(
    cloud: SimulatedCloud, account: Account, login: Login, mode: str
) -> None:
    account.add_charger(Personality.V3)
    cloud.faults.enable(Fault.REST_ERROR, mode=mode)
    with pytest.raises(CannotConnect):
        await login().chargers()


async def test_an_expired_token_is_renewed_and_the_request_repeated(
    cloud: SimulatedCloud, account: Account, login: Login
) -> None:
    account.add_charger(Personality.V3)
    library = login()
    await library.chargers()
    account.sign_out_everywhere()
    assert len(await library.chargers()) == 1


async def test_a_second_refusal_judges_no_password(
    cloud: SimulatedCloud, account: Account, login: Login
) -> None:
    cloud.faults.enable(Fault.REST_ERROR, mode="401")
    with pytest.raises(CannotConnect):
        await login().chargers()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"chargers": "none"},
        {},
    ],
)
async def test_a_list_in_another_language_is_an_error(
    session: aiohttp.ClientSession, body: Any
) -> None:
    async with _Server(_cloud_that_answers(body)) as server:
        with pytest.raises(UnexpectedAnswer):
            await server.account(session).chargers()


async def test_a_charger_whose_id_is_no_number_is_passed_over(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    body = {
        "chargers": [
            "nonsense",
            {"id": "twelve"},
            {"id": None},
            {"charger_id": 202481586541825, "model": 7},
        ]
    }
    async with _Server(_cloud_that_answers(body)) as server:
        assert await server.account(session).chargers() == [Charger("202481586541825")]
    assert caplog.text.count("whose id is no number") == 2


async def test_the_schedule_of_an_unknown_charger(login: Login) -> None:
    with pytest.raises(UnknownCharger):
        await login().schedule("202481586541825")


async def test_an_unreachable_cloud(login: Login, unused_tcp_port: int) -> None:
    with pytest.raises(CannotConnect) as caught:
        await login(url=f"http://127.0.0.1:{unused_tcp_port}").chargers()
    assert USERNAME not in str(caught.value)


async def test_a_cloud_that_stops_answering(
    cloud: SimulatedCloud, account: Account, login: Login
) -> None:
    library = login()
    await library.chargers()
    await cloud.pause()
    with pytest.raises(CannotConnect):
        await library.chargers()


async def test_a_request_that_hangs(
    cloud: SimulatedCloud, account: Account, session: aiohttp.ClientSession
) -> None:
    cloud.faults.enable(Fault.REST_ERROR, mode="hang")
    hurried = HypervoltAccount(
        session,
        USERNAME,
        PASSWORD,
        user_agent="hypervolt-tests/1.0",
        endpoints=Endpoints(identity=cloud.url, rest=cloud.url),
        timing=Timing(http_timeout=0.2),
    )
    with pytest.raises(CannotConnect):
        await hurried.chargers()


@pytest.mark.parametrize("path", ["token", "chargers", "schedule"])
async def test_an_answer_that_unpacks_to_megabytes_is_not_read(
    session: aiohttp.ClientSession, path: str
) -> None:
    """Some kilobytes of gzip may hold hundreds of megabytes."""
    documents: dict[str, dict[str, Any]] = {
        "token": {"access_token": "t", "expires_in": 3600},
        "chargers": {"chargers": []},
        "schedule": {},
    }

    async def answer(request: web.Request) -> web.Response:
        name = next((name for name in documents if name in request.path), "chargers")
        text = json.dumps(documents[name])
        if name == path:
            text += " " * 50_000_000
        return web.Response(
            body=gzip.compress(text.encode()),
            headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        )

    async with _Server(answer) as server:
        account = server.account(session)
        ask = account.schedule("1") if path == "schedule" else account.chargers()
        with pytest.raises(UnexpectedAnswer, match="too large"):
            await ask


def _cloud_that_answers(body: Any) -> Any:
    """Return a handler that grants any login and answers everything else alike."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t", "expires_in": 3600})
        return web.json_response(body)

    return answer


class _Server:
    """A server for what the simulated cloud never says."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self.url = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handler)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def account(self, session: aiohttp.ClientSession) -> HypervoltAccount:
        return HypervoltAccount(
            session,
            USERNAME,
            PASSWORD,
            user_agent="hypervolt-tests/1.0",
            endpoints=Endpoints(identity=self.url, rest=self.url),
            timing=FAST,
        )


@pytest.mark.parametrize("timing", [replace(FAST, blocked_pause=60.0)])
@pytest.mark.parametrize("logged_in", [True, False])
async def test_a_client_turned_away_keeps_away(
    cloud: SimulatedCloud, account: Account, login: Login, logged_in: bool
) -> None:
    hypervolt = login()
    if logged_in:
        await hypervolt.chargers()
    cloud.requests.clear()
    cloud.faults.enable(Fault.BLOCKED)
    for _ in range(3):
        with pytest.raises(Blocked) as turned_away:
            await hypervolt.chargers()
        assert turned_away.value.retry_after == pytest.approx(60, abs=5)
    assert [request.status for request in cloud.requests] == [403]
