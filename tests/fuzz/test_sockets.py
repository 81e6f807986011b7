"""Hostile frames over real sockets: the connection lives on, nothing is half applied."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from random import Random
import time
from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.bench.rig import Rig, one_charger
from tests.simulator import SimulatedCharger, SimulatedCloud
from tests.waiting import eventually

from .cases import documents, few, nested, wire_text
from .living import living
from .test_protocol import METHODS, SESSION, SETTINGS, assert_sound

AT_ONCE: Final = Timing(backoff_first_min=0.0, backoff_first_max=0.01)
MEGABYTE: Final = 2**20
# More than one frame may hold, so that its socket has to go.
TOO_LARGE: Final = '{"method":"get.session","params":{"voltage":1,"x":"%s"}}' % (
    "x" * 10 * MEGABYTE
)
JUST_FITS: Final = {
    "a text": '{"method":"get.name","params":"%s"}' % ("x" * (MEGABYTE - 100)),
    "depth": "[" * (MEGABYTE - 1),
    "digits": '{"method":"get.session","params":{"ev_power":%s}}'
    % ("9" * (MEGABYTE - 100)),
    "objects": wire_text({"method": "sync.apply", "params": nested(900)}),
    "sessions": wire_text(
        {
            "method": "schedule.set",
            "params": {
                "applied": {
                    "enabled": True,
                    "sessions": [
                        {"start_time": "01:00", "end_time": "02:00", "mode": "eco"}
                    ]
                    * 15_000,
                }
            },
        }
    ),
}
# A loop that is held up for longer would be noticed all over Home Assistant.
HELD_UP: Final = 5.0

type Place = tuple[SimulatedCloud, SimulatedCharger, Rig]


@pytest.fixture
async def place(socket_enabled: None) -> AsyncGenerator[Place]:
    async with one_charger(AT_ONCE) as place:
        yield place


async def hears(place: Place, amps: int) -> None:
    """Check that the charger can still be heard, also after a reconnect."""
    cloud, charger, rig = place
    await cloud.wait_for(lambda: charger.logged_in_sockets)
    charger.app_apply(max_current=amps * 1000)
    client = rig.coordinator.client
    await eventually(lambda: client.state.max_current_milliamps == amps * 1000)
    assert client.available
    assert_sound(client.state)


async def test_a_frame_too_large_costs_its_socket_alone(place: Place) -> None:
    cloud, charger, rig = place
    client = rig.coordinator.client
    before, sockets = client.state, cloud.request_count("/sync")
    charger.push(TOO_LARGE)
    await eventually(lambda: cloud.request_count("/sync") > sockets)
    await eventually(lambda: client.connected)
    assert client.state == replace(before, schedule=client.state.schedule)
    assert client.state.voltage is None
    await hears(place, 17)


@pytest.mark.parametrize("name", JUST_FITS)
async def test_a_frame_that_just_fits(place: Place, name: str) -> None:
    cloud, charger, _ = place
    sockets = cloud.request_count("/sync")
    begin = time.process_time()
    charger.push(JUST_FITS[name])
    await hears(place, 18)
    assert time.process_time() - begin < HELD_UP
    assert cloud.request_count("/sync") == sockets


async def test_a_flood_waits_at_the_cloud(place: Place) -> None:
    """Frames we do not keep up with pile up where they come from, not with us."""
    _, charger, rig = place
    link = rig.coordinator.client._sync._link
    assert link
    chance, most = Random(51), 0
    for _ in range(5000):
        # What compresses well would be many times as much once it is here.
        text = chance.randbytes(500).hex()
        charger.push(wire_text({"method": "get.name", "params": text}))
    for _ in range(200):
        await asyncio.sleep(0)
        waiting = link.socket.recv_messages.frames.queue
        most = max(most, sum(len(frame.data) for frame in waiting))
    assert 0 < most <= MEGABYTE
    await hears(place, 19)


def test_any_frame_over_a_socket(socket_enabled: None) -> None:
    with living(one_charger(AT_ONCE)) as (place, run):
        _, charger, rig = place
        turn = iter(range(10**9))

        async def push(frames: list[str]) -> None:
            for frame in frames:
                charger.push(frame)
            await hears(place, 6 + next(turn) % 26)
            assert rig.coordinator.last_update_success

        @few
        @given(
            st.lists(
                st.builds(
                    lambda method, params: wire_text(
                        {"method": method, "params": params}
                    ),
                    st.sampled_from(METHODS),
                    documents(*SETTINGS, *SESSION),
                ),
                min_size=1,
                max_size=5,
            )
        )
        def case(frames: list[str]) -> None:
            run(push(frames))

        case()
