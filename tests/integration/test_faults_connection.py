"""Faults of sockets, logins and the account: each is shown, and then survived."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
import logging

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.hypervolt_charger import coordinator as coordinator_module
from custom_components.hypervolt_charger.const import CONF_CHARGER_ID, DOMAIN
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import FAST, PASSWORD, USERNAME, Rig, SetUpCharger
from tests.simulator import Account, Fault, Personality, SimulatedCloud
from tests.simulator_tests.plain_client import PlainClient
from tests.waiting import eventually

from .acting import act, act_in_vain
from .surviving import (
    SYNC,
    Watch,
    asked,
    asks_to_sign_in,
    covers,
    lost,
    outages,
    sent,
    shows_live_data,
)

TOKEN = "/token"
SHORT_LIFE = 1.0  # a token is renewed at half of it


# Where a fault must stay hidden, a busy computer must not show it either.
HIDDEN = replace(
    FAST,
    http_timeout=0.2,
    connect_timeout=0.15,
    login_timeout=0.5,
    backoff_cap=0.3,
    first_answers=0.2,
    outage_grace=10.0,
    silence=10.0,
)
SHOWN = replace(
    HIDDEN,
    login_timeout=0.15,
    command_limit=0.5,
    blocked_pause=0.4,
    outage_grace=0.2,
)
STALLED = replace(SHOWN, silence=0.4)

is_shown = pytest.mark.parametrize("timing", [SHOWN], ids=["shown"])
is_watched = pytest.mark.parametrize("timing", [STALLED], ids=["watched"])


@pytest.fixture
def timing() -> Timing:
    return HIDDEN


@pytest.fixture
def _short_lived_tokens(cloud: SimulatedCloud) -> None:
    cloud.token_life = SHORT_LIFE


short_lived_tokens = pytest.mark.usefixtures("_short_lived_tokens")


async def set_current(rig: Rig, amps: int) -> None:
    """Do something that needs the charger."""
    await act(rig, "number", "set_value", "max_current", value=amps)
    assert rig.charger.max_current == amps * 1000
    assert rig.state("number", "max_current") == f"{amps}.0"


def sockets(rig: Rig) -> int:
    """Return how many sockets a charger has had that were logged in."""
    return len({frame.socket for frame in sent(rig, "login")})


async def has_fresh_login(rig: Rig) -> None:
    """Wait for a moment well before the next renewal."""
    auth = rig.coordinator._account.auth

    def is_fresh() -> bool:
        params = sent(rig, "login")[-1].params
        return (
            auth.renewal_in > SHORT_LIFE / 4
            and auth._tokens is not None
            and isinstance(params, dict)
            and params["token"] == auth._tokens.access
            and rig.charger.logged_in_sockets == 1
        )

    await eventually(is_fresh)


async def comes_back(rig: Rig) -> None:
    """Wait until all is live again without anybody's doing, and commands work."""
    await shows_live_data(rig)
    await set_current(rig, 9)
    assert rig.entry.state is ConfigEntryState.LOADED


# Sockets


@covers(Fault.STALL)
@is_watched
async def test_f1_a_stall_shows_as_unavailable_and_passes(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    caplog.clear()
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger)
    told = rig.charger.wire.frames_sent
    await asyncio.sleep(3 * 0.1)
    assert rig.charger.wire.frames_sent == told, "the cloud still tells something"
    assert rig.charger.logged_in_sockets == 1, "the socket is not open any more"

    await eventually(lambda: lost(rig, "sensor", "house_power"))
    await eventually(lambda: lost(rig))
    assert rig.state("binary_sensor", "connection") == STATE_OFF
    rig.cloud.faults.clear()
    await comes_back(rig)
    assert outages(caplog) == ["tells no live data", "is live again"]


@covers(Fault.STALL)
@is_watched
async def test_f1_a_new_socket_ends_a_stall(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    before = sockets(rig)
    rig.cloud.faults.enable(Fault.STALL, until_reconnect=True)
    told = rig.charger.wire.frames_sent
    await eventually(lambda: lost(rig, "sensor", "house_power"))
    assert rig.charger.wire.frames_sent == told
    await comes_back(rig)
    assert rig.cloud.faults.active
    assert sockets(rig) > before


@covers(Fault.TOKEN_AGE)
async def test_f2_a_command_on_a_dead_login_takes_effect(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.TOKEN_AGE)
    rig.charger.app_apply(max_current=20_000)
    await eventually(lambda: rig.state("number", "max_current") == "20.0")

    await set_current(rig, 10)
    first, *_, last = sent(rig, "sync.apply")
    assert first.socket != last.socket, "the first was not lost"
    assert watch.unavailable == set()


@covers(Fault.TOKEN_AGE)
@short_lived_tokens
async def test_f2_logins_are_renewed_before_they_are_too_old(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    watch = Watch(rig)
    login, *_ = sent(rig, "login")
    assert isinstance(login.params, dict)
    token = str(login.params["token"])
    await eventually(lambda: sockets(rig) >= 3)
    assert not rig.cloud.tokens.username_of(token), "the first login is not void"
    await set_current(rig, 10)
    assert len(sent(rig, "sync.apply")) == 1
    assert watch.unavailable == set()
    assert watch.states("binary_sensor", "connection") == []


class TestBye:
    """A socket that is closed after some seconds, again and again."""

    life = 0.15

    @pytest.fixture
    def timing(self) -> Timing:
        return replace(
            FAST,
            backoff_first_min=0.08,
            backoff_first_max=0.09,
            backoff_cap=2.0,
            outage_grace=10.0,
            silence=10.0,
        )

    @covers(Fault.BYE)
    async def test_f3_hides_its_gaps_and_is_not_hammered(
        self, setup_charger: SetUpCharger
    ) -> None:
        rig = await setup_charger(Personality.V3)
        await shows_live_data(rig)
        watch = Watch(rig)
        rig.cloud.requests.clear()
        rig.cloud.faults.enable(Fault.BYE, after=self.life)
        assert rig.charger.sockets == 0, "the sockets were not closed"
        await eventually(lambda: len(asked(rig, SYNC)) == 4)
        opened = [request.when.timestamp() for request in asked(rig, SYNC)]
        waits = [later - earlier - self.life for earlier, later in pairwise(opened)]
        assert waits[-1] > 2 * waits[0], "connecting alone reset the back-off"
        assert STATE_OFF in watch.states("binary_sensor", "connection")
        assert watch.unavailable == set()

        rig.cloud.faults.clear()
        await set_current(rig, 10)
        assert watch.unavailable == set()


@covers(Fault.BAD_CLOSE)
async def test_f4_a_socket_that_breaks_is_replaced(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.BAD_CLOSE, mode="abrupt")
    assert rig.charger.sockets == 0
    await set_current(rig, 10)
    assert watch.states("binary_sensor", "connection")[0] == STATE_OFF
    assert watch.unavailable == set()


@covers(Fault.BAD_CLOSE)
@is_shown
@pytest.mark.parametrize("mode", ["401", "403", "503", "hang"])
async def test_f4_handshakes_answered_badly(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    caplog.clear()
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.BAD_CLOSE, mode=mode)
    status = None if mode == "hang" else int(mode)
    await eventually(lambda: asked(rig, SYNC))
    await eventually(lambda: lost(rig))
    await eventually(lambda: asked(rig, SYNC)[0].status == status)
    # A refused token is renewed, all else is not the token's fault.
    await eventually(lambda: len(asked(rig, SYNC)) > 1)
    renewed = rig.cloud.request_count(TOKEN, grant_type="refresh_token", status=200)
    assert bool(renewed) is (mode == "401")
    rig.cloud.faults.clear()
    await comes_back(rig)
    assert not asks_to_sign_in(rig)
    assert outages(caplog) == ["is unavailable", "is live again"]


@covers(Fault.MASS_DROP)
async def test_f5_dropped_clients_do_not_come_back_at_once(
    setup_charger: SetUpCharger, timing: Timing
) -> None:
    rigs = [await setup_charger(Personality.V3), await setup_charger(Personality.V3)]
    for rig in rigs:
        await shows_live_data(rig)
    watches = [Watch(rig) for rig in rigs]
    cloud = rigs[0].cloud
    cloud.requests.clear()
    dropped = dt_util.utcnow()
    cloud.faults.enable(Fault.MASS_DROP)
    assert cloud.open_sockets == 0
    await eventually(lambda: cloud.request_count(SYNC, status=101) == len(rigs))
    for rig in rigs:
        (request,) = asked(rig, f"{rig.charger.charger_id}{SYNC}")
        waited = (request.when - dropped).total_seconds()
        assert waited >= timing.backoff_first_min
        await comes_back(rig)
    assert [watch.unavailable for watch in watches] == [set(), set()]


# Logins


@covers(Fault.IDP_DOWN)
@pytest.mark.parametrize("mode", ["503", "429", "html", "hang"])
@short_lived_tokens
async def test_f25_an_old_token_is_used_to_its_end(
    setup_charger: SetUpCharger, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    watch = Watch(rig)
    await has_fresh_login(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.IDP_DOWN, mode=mode, retry_after=1)
    before = sockets(rig)
    await eventually(lambda: asked(rig, TOKEN))
    await set_current(rig, 10)
    assert sockets(rig) == before, "there was a younger token"
    answers = {request.status for request in asked(rig, TOKEN)}
    assert answers <= {None, {"html": 200, "429": 429}.get(mode, 503)}

    rig.cloud.faults.clear()
    await eventually(lambda: sockets(rig) > before)
    await set_current(rig, 11)
    assert not asks_to_sign_in(rig)
    assert watch.unavailable == set()


@covers(Fault.IDP_DOWN)
@is_shown
async def test_f25_without_a_token_it_is_an_outage(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    caplog.clear()
    rig.cloud.faults.enable(Fault.IDP_DOWN, mode="503")
    rig.cloud.requests.clear()
    rig.account.sign_out_everywhere()
    await rig.cloud.drop_all()
    with pytest.raises(HomeAssistantError, match="connection"):
        await act(rig, "number", "set_value", "max_current", value=10)
    assert lost(rig)
    assert rig.cloud.request_count(TOKEN, status=503) >= 1
    assert rig.cloud.request_count(TOKEN) < 30
    assert not asks_to_sign_in(rig)

    rig.cloud.faults.clear()
    await comes_back(rig)
    assert outages(caplog) == ["is unavailable", "is live again"]


@covers(Fault.REFRESH_DEAD)
@pytest.mark.parametrize("status", ["400", "401"])
@short_lived_tokens
async def test_f26_the_password_replaces_a_dead_refresh_token(
    setup_charger: SetUpCharger, status: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    watch = Watch(rig)
    await has_fresh_login(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.REFRESH_DEAD, status=status)
    before = sockets(rig)
    await eventually(lambda: sockets(rig) > before)
    grants = [
        (request.form["grant_type"], request.status) for request in asked(rig, TOKEN)
    ]
    assert grants[:2] == [("refresh_token", int(status)), ("password", 200)]
    await set_current(rig, 10)
    assert not asks_to_sign_in(rig)
    assert watch.unavailable == set()


@covers(Fault.BAD_PASSWORD)
@pytest.mark.parametrize("status", ["400", "401"])
async def test_f27_a_wrong_password_is_asked_for(
    hass: HomeAssistant, setup_charger: SetUpCharger, status: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.BAD_PASSWORD, status=status)
    rig.account.sign_out_everywhere()
    await rig.cloud.drop_all()
    await eventually(lambda: asks_to_sign_in(rig))
    refused = asked(rig, TOKEN)[-1]
    assert (refused.form["grant_type"], refused.status) == ("password", int(status))
    assert lost(rig)
    tried = len(rig.cloud.requests)
    await asyncio.sleep(4 * FAST.backoff_first_max)
    assert len(rig.cloud.requests) == tried, "it goes on trying"

    rig.cloud.faults.clear()
    (flow,) = rig.entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {CONF_USERNAME: USERNAME, CONF_PASSWORD: PASSWORD}
    )
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    await comes_back(rig)


@covers(Fault.WS_REFUSED)
@is_shown
@pytest.mark.parametrize("mode", ["false", "error", "silence", "close"])
async def test_f28_a_refused_login_is_no_judgement_on_the_password(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    caplog.clear()
    rig.cloud.requests.clear()
    before = len(sent(rig, "login"))
    rig.cloud.faults.enable(Fault.WS_REFUSED, mode=mode)
    await eventually(lambda: lost(rig))
    logins = len(sent(rig, "login")) - before
    assert logins >= 1
    assert rig.charger.logged_in_sockets == 0
    await eventually(lambda: asked(rig, TOKEN))
    assert {request.form["grant_type"] for request in asked(rig, TOKEN)} == {
        "refresh_token"
    }
    assert len(asked(rig, TOKEN)) <= len(sent(rig, "login")) - before + 1
    assert not asks_to_sign_in(rig)

    rig.cloud.faults.clear()
    await comes_back(rig)
    assert outages(caplog) == ["is unavailable", "is live again"]


@covers(Fault.BLOCKED)
@is_shown
async def test_f29_a_blocked_client_keeps_quiet(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture, timing: Timing
) -> None:
    rig = await setup_charger(Personality.V3)
    await shows_live_data(rig)
    caplog.clear()
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.BLOCKED, status="403")
    await rig.cloud.wait_for(lambda: rig.cloud.request_count(status=403))
    await eventually(lambda: lost(rig))
    await asyncio.sleep(timing.blocked_pause / 3)
    assert len(rig.cloud.requests) == 1, "it goes on trying"
    assert not asks_to_sign_in(rig)

    rig.cloud.faults.clear()
    await comes_back(rig)
    assert outages(caplog) == ["is unavailable", "is live again"]


@covers(Fault.BLOCKED)
async def test_f29_a_client_refused_from_the_start_tries_later(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = await setup_charger(Personality.V3)
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    monkeypatch.setattr(coordinator_module, "SET_UP_LIMIT", 0.3)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.BLOCKED, status="401")
    await hass.config_entries.async_setup(rig.entry.entry_id)
    assert {request.status for request in rig.cloud.requests} == {401}
    assert rig.entry.state is ConfigEntryState.SETUP_RETRY
    assert rig.entry.reason
    assert "cannot be reached or is in trouble" in rig.entry.reason
    assert not asks_to_sign_in(rig)


class TestBlockedForLong:
    """The cloud refuses the client as such."""

    @pytest.fixture
    def timing(self) -> Timing:
        return replace(FAST, blocked_pause=600)

    @covers(Fault.BLOCKED)
    async def test_f29_says_so_and_is_not_asked_again(
        self, hass: HomeAssistant, setup_charger: SetUpCharger
    ) -> None:
        rig = await setup_charger(Personality.V3)
        assert await hass.config_entries.async_unload(rig.entry.entry_id)
        rig.cloud.requests.clear()
        rig.cloud.faults.enable(Fault.BLOCKED, status="403")
        await hass.config_entries.async_setup(rig.entry.entry_id)
        for _ in range(3):
            assert rig.entry.state is ConfigEntryState.SETUP_RETRY
            assert rig.entry.reason
            assert "turns this client away" in rig.entry.reason
            assert [item.status for item in rig.cloud.requests] == [403]
            async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=5))
            await hass.async_block_till_done(wait_background_tasks=True)
        assert not asks_to_sign_in(rig)


@covers(Fault.SLOW_START)
async def test_f30_a_slow_charger_fills_in_later(
    cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.SLOW_START, never="sync.snapshot")
    rig = await setup_charger(Personality.V3)
    assert rig.entry.state is ConfigEntryState.LOADED
    assert sent(rig, "sync.snapshot")
    assert lost(rig)
    cloud.faults.clear()
    await comes_back(rig)
    assert sockets(rig) == 1


class TestSlowLogin:
    """A charger whose very first answer is late."""

    delay = 0.4

    @pytest.fixture
    def timing(self) -> Timing:
        return replace(FAST, login_timeout=3 * self.delay)

    @covers(Fault.SLOW_START)
    async def test_f30_is_waited_for(
        self, cloud: SimulatedCloud, setup_charger: SetUpCharger
    ) -> None:
        cloud.faults.enable(Fault.SLOW_START, delay=self.delay)
        started = asyncio.get_running_loop().time()
        rig = await setup_charger(Personality.V3)
        assert asyncio.get_running_loop().time() - started >= self.delay
        await comes_back(rig)
        assert sockets(rig) == 1


# REST and the account


@covers(Fault.REST_ERROR)
@pytest.mark.parametrize("mode", ["404", "429", "500", "503", "html", "hang"])
async def test_f24_trouble_with_rest_keeps_what_is_known(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    start = await with_schedule(rig)
    watch = Watch(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.REST_ERROR, mode=mode)
    rig.charger.app_set_schedule(intervals=[("02:00", "05:00")])
    await rig.coordinator.async_refresh()
    (request,) = asked(rig, "/schedule")
    wanted = {"html": 200, "hang": None}
    assert request.status == (wanted[mode] if mode in wanted else int(mode))
    assert start() == "01:00:00"
    await set_current(rig, 10)
    assert not asks_to_sign_in(rig)
    assert watch.unavailable == set()
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]

    rig.cloud.faults.clear()
    await rig.coordinator.async_refresh()
    assert start() == "02:00:00"


@covers(Fault.REST_ERROR)
@pytest.mark.parametrize("once", [True, False])
async def test_f24_a_refused_token_is_renewed_once(
    setup_charger: SetUpCharger, once: bool
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    start = await with_schedule(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.REST_ERROR, mode="401", count=1 if once else None)
    rig.charger.app_set_schedule(intervals=[("02:00", "05:00")])
    await rig.coordinator.async_refresh()
    statuses = [request.status for request in asked(rig, "/schedule")]
    assert statuses == [401, 200 if once else 401]
    assert [request.form["grant_type"] for request in asked(rig, TOKEN)] == [
        "refresh_token"
    ]
    assert start() == ("02:00:00" if once else "01:00:00")
    assert not asks_to_sign_in(rig)


@covers(Fault.REST_ERROR)
async def test_f24_a_redirect_is_followed(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    start = await with_schedule(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.REST_ERROR, mode="redirect")
    rig.charger.app_set_schedule(intervals=[("02:00", "05:00")])
    await rig.coordinator.async_refresh()
    assert [request.status for request in asked(rig, "/schedule")] == [307, 200]
    assert start() == "02:00:00"


async def with_schedule(rig: Rig) -> Callable[[], str]:
    """Give a legacy V2 a schedule; return what tells its start as it is shown."""
    rig.charger.app_set_schedule(enabled=True, intervals=[("01:00", "05:00")])
    await rig.coordinator.async_refresh()

    def start() -> str:
        return rig.state("time", "schedule_session_1_start_time")

    assert start() == "01:00:00"
    return start


@covers(Fault.V2_SILENCE)
@is_watched
async def test_f34_a_silent_legacy_v2_is_no_fault(
    setup_charger: SetUpCharger,
    cloud: SimulatedCloud,
    onlooker: PlainClient,
    timing: Timing,
) -> None:
    cloud.faults.enable(Fault.V2_SILENCE)
    rig = await setup_charger(Personality.LEGACY_V2)
    watch = Watch(rig)
    socket = await onlooker.connect(rig.charger.charger_id, "session/in-progress")
    rig.charger.plug_in()
    assert rig.charger.charging
    assert await socket.silent(2 * timing.silence)
    assert rig.state("switch", "charging") == STATE_OFF
    assert rig.state("binary_sensor", "connection") == STATE_ON
    await set_current(rig, 10)
    assert watch.unavailable == set()
    assert sockets(rig) == 1, "it reconnected for nothing"


@covers(Fault.GONE)
@pytest.mark.parametrize("status", ["404", "503"])
async def test_f38_without_its_schedule_a_charger_still_works(
    setup_charger: SetUpCharger, status: str
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    start = await with_schedule(rig)
    watch = Watch(rig)
    rig.cloud.requests.clear()
    rig.cloud.faults.enable(Fault.GONE, path="/schedule", status=status)
    await rig.coordinator.async_refresh()
    assert [item.status for item in asked(rig, "/schedule")] == [int(status)]
    assert start() == "01:00:00"
    error = await act_in_vain(
        rig, "select", "select_option", "activation_mode", option="plug_and_charge"
    )
    assert error.translation_key == "cannot_connect"
    await set_current(rig, 10)
    assert watch.unavailable == set()


@covers(Fault.GONE)
async def test_f38_without_its_session_data_a_charger_still_works(
    setup_charger: SetUpCharger, cloud: SimulatedCloud
) -> None:
    path = "/session/in-progress"
    cloud.faults.enable(Fault.GONE, path=path, status="503")
    rig = await setup_charger(Personality.LEGACY_V2)
    await eventually(lambda: len(asked(rig, path)) > 1)
    assert {request.status for request in asked(rig, path)} <= {503, None}
    assert rig.state("switch", "charging") == "unknown"
    await set_current(rig, 10)
    cloud.faults.clear()
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)


@covers(Fault.GONE)
@pytest.mark.parametrize("path", ["/users/me", "/charger/by-owner"])
async def test_f38_one_list_of_chargers_is_enough(
    setup_charger: SetUpCharger, cloud: SimulatedCloud, path: str
) -> None:
    cloud.faults.enable(Fault.GONE, path=path)
    rig = await setup_charger(Personality.V3)
    listed = {
        (request.path, request.status)
        for request in (*asked(rig, "/users/me"), *asked(rig, "/charger/by-owner"))
    }
    if path == "/users/me":
        assert listed == {("/users/me", 404), ("/charger/by-owner", 200)}
    else:
        assert listed == {("/users/me", 200)}
    await comes_back(rig)


@covers(Fault.ACCOUNT)
@pytest.mark.parametrize("mode", ["empty", "missing"])
async def test_f39_a_charger_that_is_not_listed_keeps_its_entry(
    hass: HomeAssistant, account: Account, cloud: SimulatedCloud, mode: str
) -> None:
    charger, _other = account.add_charger(), account.add_charger()
    cloud.faults.enable(Fault.ACCOUNT, charger=charger, mode=mode)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Hypervolt",
        unique_id=charger.charger_id,
        data={
            CONF_USERNAME: USERNAME,
            CONF_PASSWORD: PASSWORD,
            CONF_CHARGER_ID: charger.charger_id,
        },
    )
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert cloud.request_count("/users/me", status=200) == 1
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.reason == "The charger is not in this Hypervolt account any more"
    (issue,) = ir.async_get(hass).issues.values()
    assert issue.translation_key == "charger_gone"

    cloud.faults.clear()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=2))
    await hass.async_block_till_done(wait_background_tasks=True)
    await eventually(lambda: entry.state is ConfigEntryState.LOADED)
    assert not ir.async_get(hass).issues
    assert await hass.config_entries.async_unload(entry.entry_id)


@covers(Fault.ACCOUNT)
@pytest.mark.parametrize(("mode", "listed"), [("several", 2), ("no_model", 1)])
async def test_f39_an_odd_list_of_chargers_does_not_matter(
    setup_charger: SetUpCharger,
    cloud: SimulatedCloud,
    onlooker: PlainClient,
    mode: str,
    listed: int,
) -> None:
    cloud.faults.enable(Fault.ACCOUNT, mode=mode)
    rig = await setup_charger(Personality.V3)
    _, body = await onlooker.rest("/users/me?includes=chargers")
    assert len(body["chargers"]) == listed
    assert ("model" in body["chargers"][0]) is (mode != "no_model")
    model = None if mode == "no_model" else "Home 3 Pro"
    assert rig.coordinator.charger.model == model
    await comes_back(rig)
