"""A day of one-hour tokens, in some seconds: no hand-over costs a command or a state."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
import logging
import math
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED, STATE_OFF, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
import pytest

from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import Rig, SetUpCharger
from tests.fast_time import FastTime, fast_time, pushing
from tests.integration.acting import act
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.simulator.vocabulary import Json

_LOGGER = logging.getLogger(__name__)

# Often enough for a V3 not to count as silent.
PUSH_INTERVAL: Final = 60.0
# Between two commands that nothing else happens around.
PAUSE: Final = 90.0
# Seconds the charger takes for one of the commands in a hand-over.
ANSWER: Final = 2.0
COMMANDS: Final = ("sync.apply", "plugncharge.set", "set.name")


@pytest.fixture
def timing() -> Timing:
    """The design's own numbers."""
    return Timing()


@pytest.fixture
def push_interval() -> None:
    """A cloud that wakes up for nothing but what it is asked."""


@pytest.fixture
async def day(hass: HomeAssistant, cloud: SimulatedCloud) -> AsyncGenerator[FastTime]:
    """Let time pass fast."""
    with fast_time(hass.loop) as time:
        async with pushing(cloud, PUSH_INTERVAL):
            yield time


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person does, and what the charger must hear for it."""

    platform: str
    action: str
    key: str
    data: dict[str, object]
    heard: tuple[str, Json]

    async def do(self, rig: Rig) -> None:
        await act(rig, self.platform, self.action, self.key, **self.data)


def wishes(count: int, *, legacy: bool) -> list[Wish]:
    """Return a day's commands, each of which changes something."""
    return [
        _wish(number % 5, number // 5, legacy=legacy) for number in range(1, count + 1)
    ]


def _wish(kind: int, turn: int, *, legacy: bool) -> Wish:
    on = turn % 2 == 0
    match kind:
        case 0:
            amps = 6 + turn % 26
            return Wish(
                platform="number",
                action="set_value",
                key="max_current",
                data={"value": amps},
                heard=("sync.apply", {"max_current": amps * 1000}),
            )
        case 1:
            mode = ("eco", "super_eco", "boost")[turn % 3]
            return Wish(
                platform="select",
                action="select_option",
                key="charge_mode",
                data={"option": mode},
                heard=(
                    ("sync.apply", {"solar_mode": mode})
                    if legacy
                    else ("plugncharge.set", {"mode": mode})
                ),
            )
        case 2:
            return Wish(
                platform="switch",
                action="turn_on" if on else "turn_off",
                key="lock_state",
                data={},
                heard=("sync.apply", {"is_locked": on}),
            )
        case 3:
            return Wish(
                platform="switch",
                action="turn_off" if on else "turn_on",
                key="charging",
                data={},
                heard=("sync.apply", {"release": on}),
            )
        case _:
            name = f"Charger {turn}"
            return Wish(
                platform="text",
                action="set_value",
                key="charger_name",
                data={"value": name},
                heard=("set.name", {"name": name}),
            )


class Watch:
    """Notes every state that says something is wrong."""

    def __init__(self, rig: Rig) -> None:
        self.wrong: list[str] = []
        self._connection = rig.entity_id("binary_sensor", "connection")
        self._stop = rig.hass.bus.async_listen(EVENT_STATE_CHANGED, self._changed)

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        entity_id, state = event.data["entity_id"], event.data["new_state"]
        if (
            state is None
            or state.state == STATE_UNAVAILABLE
            or (entity_id == self._connection and state.state == STATE_OFF)
        ):
            self.wrong.append(entity_id)

    def end(self) -> None:
        self._stop()


def logins(rig: Rig) -> int:
    return sum(frame.method == "login" for frame in rig.charger.received)


def heard(rig: Rig) -> list[tuple[str | None, Json]]:
    """Return the commands the charger heard, in their order."""
    return [
        (frame.method, frame.params)
        for frame in rig.charger.received
        if frame.method in COMMANDS
    ]


async def spend_day(rig: Rig, hand_overs: int, all_wishes: Sequence[Wish]) -> None:
    """Spread commands over a day: most while all is quiet, some in a hand-over.

    A login on its way is the moment: the old socket is about to be given up, the new
    one not yet taken into service. One of the commands is answered only when that is
    over.
    """
    share = len(all_wishes) // hand_overs
    first = logins(rig)
    for number in range(hand_overs):
        own = all_wishes[number * share : (number + 1) * share]
        quiet, sudden = own[: -share // 2], own[-share // 2 :]
        for wish in quiet:
            await asyncio.sleep(PAUSE)
            await wish.do(rig)
        expected = first + number + 1
        await rig.cloud.wait_for(lambda n=expected: logins(rig) >= n, math.inf)  # type: ignore[misc] # the default binds the loop's value
        rig.cloud.faults.enable(Fault.ECHO, mode="late", delay=ANSWER, once=True)
        await asyncio.gather(*(wish.do(rig) for wish in sudden))


@pytest.mark.parametrize(
    ("personality", "hand_overs", "commands"),
    [(Personality.V3, 24, 504), (Personality.LEGACY_V2, 6, 120)],
)
async def test_a_day_of_tokens(
    day: FastTime,
    setup_charger: SetUpCharger,
    personality: Personality,
    hand_overs: int,
    commands: int,
) -> None:
    rig = await setup_charger(personality)
    cloud, client, began = rig.cloud, rig.coordinator.client, day.now()
    cloud.requests.clear()
    before = logins(rig)
    watch = Watch(rig)
    all_wishes = wishes(commands, legacy=personality is Personality.LEGACY_V2)
    await spend_day(rig, hand_overs, all_wishes)
    watch.end()

    told = heard(rig)
    tokens = cloud.request_count("/token")
    _LOGGER.info(
        "%s: %.1f hours, %d hand-overs, %d commands, %d heard, %d token requests, %d wrong states",
        personality,
        (day.now() - began) / 3600,
        logins(rig) - before,
        len(all_wishes),
        len(told),
        tokens,
        len(watch.wrong),
    )
    assert logins(rig) - before >= hand_overs
    # Of those that are wished at once, one may have to ask something first.
    assert sorted(told, key=str) == sorted((wish.heard for wish in all_wishes), key=str)
    assert watch.wrong == []
    assert tokens <= hand_overs + 1
    assert cloud.request_count("/token", grant_type="password") == 0
    assert rig.charger.name == client.state.name
    assert rig.charger.max_current == client.state.max_current_milliamps
