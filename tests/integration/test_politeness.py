"""How often we ask while the cloud is in trouble: days, at the design's own numbers."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
import logging
import math
from typing import Any

from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
import pytest

from custom_components.hypervolt_charger.const import DOMAIN, POLL_INTERVAL
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import SetUpCharger
from tests.fast_time import FastTime, fast_time, pushing
from tests.integration.conftest import Connect
from tests.integration.entry_life import add_entry, our_tasks, reauth_flows
from tests.simulator import Account, Fault, Personality, RecordedRequest, SimulatedCloud

pytestmark = pytest.mark.long

_LOGGER = logging.getLogger(__name__)

HOUR = 3600.0
DAY = 24 * HOUR
DESIGN = Timing()
POLLS = math.ceil(DAY / POLL_INTERVAL.total_seconds())
# Home Assistant's own: it sets up again what was not ready, at most so often.
SET_UP_PAUSE = 80.0
PUSH_INTERVAL = 3.0
# What a client asks after each login, and a snapshot that is asked for three times.
QUESTIONS = 12


def most_attempts(duration: float) -> int:
    """Count the attempts of a back-off whose first wait is the shortest possible."""
    wait, spent, attempts = DESIGN.backoff_first_min, 0.0, 1
    while spent < duration:
        spent += wait
        wait = min(wait * DESIGN.backoff_growth, DESIGN.backoff_cap)
        attempts += 1
    return attempts


@dataclass(kw_only=True)
class Traffic:
    """What went out: every connection, also to where nobody listens, and its use."""

    time: FastTime
    connects: list[float] = field(default_factory=list)
    requests: list[tuple[float, RecordedRequest]] = field(default_factory=list)

    def clear(self) -> None:
        self.connects.clear()
        self.requests.clear()

    def of(self, path: str) -> list[float]:
        """Return when a path was asked for."""
        return [when for when, request in self.requests if path in request.path]

    def busiest_minute(self) -> int:
        """Return the most requests and connections within any minute."""
        times = sorted([*self.connects, *(when for when, _ in self.requests)])
        ends = (bisect_left(times, start + 60) for start in times)
        return max((end - begin for begin, end in enumerate(ends)), default=0)

    def told(self, cloud: SimulatedCloud) -> str:
        """Say in one line what went out."""
        return (
            f"{len(self.connects)} connections, {len(self.requests)} requests"
            f" ({len(self.of('/token'))} token, {len(self.of('/sync'))} handshakes,"
            f" {len(self.of('/users')) + len(self.of('/by-owner'))} lists),"
            f" {len(cloud.frames)} frames, busiest minute {self.busiest_minute()}"
        )


@pytest.fixture
def timing() -> Timing:
    """The design's own numbers."""
    return DESIGN


@pytest.fixture
def push_interval() -> None:
    """A cloud that wakes up for nothing but what it is asked."""


@pytest.fixture
def traffic(
    hass: HomeAssistant, cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Traffic]:
    """Let time pass fast, and see what goes out."""
    connect, arrived = hass.loop.sock_connect, cloud._journal.arrived
    with fast_time(hass.loop) as time:
        seen = Traffic(time=time)

        async def count_connect(sock: Any, address: Any) -> None:
            seen.connects.append(time.now())
            await connect(sock, address)

        def count_request(request: RecordedRequest) -> None:
            seen.requests.append((time.now(), request))
            arrived(request)

        monkeypatch.setattr(hass.loop, "sock_connect", count_connect)
        monkeypatch.setattr(cloud._journal, "arrived", count_request)
        yield seen


@pytest.fixture
async def pushes(cloud: SimulatedCloud, traffic: Traffic) -> AsyncGenerator[None]:
    """Push as a V3 does."""
    async with pushing(cloud, PUSH_INTERVAL):
        yield


def assert_polite(traffic: Traffic, user_agent: str) -> None:
    """Check that nothing is tried in a tight loop, and that we say who we are."""
    handshakes = traffic.of("/sync")
    # A hand-over may follow a reconnect at once, but not another one.
    gaps = [handshakes[i + 2] - handshakes[i] for i in range(len(handshakes) - 2)]
    assert all(gap >= DESIGN.backoff_first_min for gap in gaps)
    assert traffic.busiest_minute() <= 30
    agents = {request.headers.get("User-Agent") for _, request in traffic.requests}
    assert agents <= {user_agent}


@pytest.fixture
async def user_agent(hass: HomeAssistant) -> str:
    integration = await async_get_integration(hass, DOMAIN)
    assert integration.version
    return f"home-assistant-hypervolt-charger/{integration.version}"


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (None, {}),
        (Fault.BAD_CLOSE, {"mode": "401"}),
        (Fault.BAD_CLOSE, {"mode": "503"}),
        (Fault.BAD_CLOSE, {"mode": "hang"}),
        (Fault.IDP_DOWN, {"mode": "500"}),
        (Fault.IDP_DOWN, {"mode": "hang"}),
        (Fault.WS_REFUSED, {"mode": "false"}),
        (Fault.WS_REFUSED, {"mode": "error"}),
        (Fault.WS_REFUSED, {"mode": "silence"}),
        (Fault.WS_REFUSED, {"mode": "close"}),
        (Fault.BYE, {}),
        (Fault.BLOCKED, {"status": "401"}),
        (Fault.STALL, {}),
        (Fault.STALL, {"replies": True}),
    ],
    ids=str,
)
@pytest.mark.usefixtures("pushes")
async def test_a_day_of_trouble(  # noqa: PLR0917 - a table
    cloud: SimulatedCloud,
    traffic: Traffic,
    user_agent: str,
    setup_charger: SetUpCharger,
    fault: Fault | None,
    options: Mapping[str, Any],
) -> None:
    """The back-off bounds the attempts, the poll the rest; the figures are logged."""
    await setup_charger(Personality.V3)
    traffic.clear()
    if fault is None:
        await cloud.pause()
    else:
        cloud.faults.enable_with(fault, options)
    cloud.frames.clear()
    await asyncio.sleep(DAY)

    _LOGGER.info("%s %s: %s", fault, options, traffic.told(cloud))
    attempts = most_attempts(DAY)
    assert len(traffic.of("/sync")) <= attempts
    assert len(traffic.of("/token")) <= attempts + POLLS
    assert len(traffic.of("/users")) <= POLLS
    assert len(traffic.requests) <= 3 * attempts
    assert len(traffic.connects) <= 3 * attempts
    assert len(cloud.frames) <= QUESTIONS * attempts
    assert_polite(traffic, user_agent)


@pytest.mark.parametrize(
    ("fault", "options", "pause"),
    [
        (Fault.IDP_DOWN, {"mode": "429", "retry_after": 1800}, 1800.0),
        (Fault.BLOCKED, {"status": "403"}, DESIGN.blocked_pause),
        (Fault.BAD_CLOSE, {"mode": "403"}, DESIGN.blocked_pause),
    ],
    ids=str,
)
@pytest.mark.usefixtures("pushes")
async def test_a_day_of_being_told_to_wait(  # noqa: PLR0917 - a table
    cloud: SimulatedCloud,
    traffic: Traffic,
    user_agent: str,
    setup_charger: SetUpCharger,
    fault: Fault,
    options: Mapping[str, Any],
    pause: float,
) -> None:
    await setup_charger(Personality.V3)
    traffic.clear()
    cloud.faults.enable_with(fault, options)
    await asyncio.sleep(DAY)

    _LOGGER.info("%s %s: %s", fault, options, traffic.told(cloud))
    # While a token lives, the poll and the hand-over go on for less than an hour.
    attempts = DAY / pause + 20
    assert len(traffic.of("/sync")) <= attempts
    assert len(traffic.of("/token")) <= attempts
    assert len(traffic.of("/users")) <= POLLS
    assert_polite(traffic, user_agent)


@pytest.mark.usefixtures("pushes")
async def test_a_wrong_password_is_not_tried_again(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    traffic: Traffic,
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    traffic.clear()
    rig.account.password = "changed in the app"
    rig.account.sign_out_everywhere()
    await cloud.drop_all()
    await asyncio.sleep(HOUR)
    assert reauth_flows(hass) == [rig.entry.entry_id]
    asked, tasks = len(traffic.requests), len(our_tasks())

    await asyncio.sleep(DAY)
    _LOGGER.info("Wrong password: %s", traffic.told(cloud))
    assert len(traffic.requests) == asked
    assert cloud.request_count("/token", grant_type="password", status=401) == 1
    assert len(our_tasks()) == tasks
    assert rig.state("switch", "lock_state") == STATE_UNKNOWN


@pytest.mark.parametrize(
    ("fault", "options", "most"),
    [
        # Home Assistant tries once in a while: a token, the list, some handshakes.
        (None, {}, 8 * DAY / SET_UP_PAUSE),
        (Fault.BAD_CLOSE, {"mode": "503"}, 8 * DAY / SET_UP_PAUSE),
        (Fault.IDP_DOWN, {"mode": "429", "retry_after": 1800}, DAY / 1800 + 2),
        (Fault.BLOCKED, {"status": "403"}, DAY / DESIGN.blocked_pause + 2),
    ],
    ids=str,
)
async def test_a_day_that_begins_in_trouble(  # noqa: PLR0917 - a table
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    traffic: Traffic,
    user_agent: str,
    fault: Fault | None,
    options: Mapping[str, Any],
    most: float,
) -> None:
    """What the cloud asked for is kept from one set-up to the next."""
    entry = add_entry(hass, account.add_charger())
    if fault is None:
        await cloud.pause()
    else:
        cloud.faults.enable_with(fault, options)
    await hass.config_entries.async_setup(entry.entry_id)
    await asyncio.sleep(DAY)

    _LOGGER.info("Set-up, %s %s: %s", fault, options, traffic.told(cloud))
    assert len(traffic.connects) + len(traffic.requests) <= 2 * most
    assert cloud.request_count("/token", grant_type="password", status=200) <= 1
    assert_polite(traffic, user_agent)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_clients_dropped_together_come_back_one_by_one(
    cloud: SimulatedCloud, account: Account, traffic: Traffic, connect: Connect
) -> None:
    for _ in range(10):
        await connect(account.add_charger())
    traffic.clear()
    await cloud.drop_all()
    dropped = traffic.time.now()
    await asyncio.sleep(2 * DESIGN.backoff_first_max)

    waits = sorted(when - dropped for when in traffic.of("/sync"))
    _LOGGER.info("Back after %s", [round(wait, 1) for wait in waits])
    assert len(waits) == 10
    assert waits[0] >= DESIGN.backoff_first_min
    assert waits[-1] <= DESIGN.backoff_first_max + 1
    # Chance puts ten within a single second once in ten million runs.
    assert waits[-1] - waits[0] > 1
    assert len(set(waits)) == len(waits)


async def test_we_say_who_we_are(
    hass: HomeAssistant,
    traffic: Traffic,
    user_agent: str,
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await asyncio.sleep(2 * HOUR)
    await hass.services.async_call(
        "select",
        "select_option",
        {
            "entity_id": rig.entity_id("select", "activation_mode"),
            "option": "schedule",
        },
        blocking=True,
    )
    paths = ("/token", "/users/me", "/sync", "/session/in-progress", "/schedule")
    assert all(traffic.of(path) for path in paths)
    assert any(request.method == "PUT" for _, request in traffic.requests)
    assert_polite(traffic, user_agent)
