"""Counts, members and pilots that are lost or wrong (F1, F31, F41 to F43)."""

import asyncio
from dataclasses import dataclass
import json
from typing import Any

import pytest

from tests.simulator import (
    Account,
    Fault,
    ManualClock,
    Personality,
    SimulatedCharger,
    SimulatedCloud,
)

from .plain_client import PlainClient, Socket

V3, LEGACY = Personality.V3, Personality.LEGACY_V2
BOTH = pytest.mark.parametrize("personality", [V3, LEGACY])


@dataclass
class Listener:
    """Receives a charger's session data."""

    cloud: SimulatedCloud
    clock: ManualClock
    charger: SimulatedCharger
    socket: Socket

    async def received(self, seconds: float = 0.03) -> list[dict[str, Any]]:
        """Return the session data that arrive within a moment."""
        seen = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    frame = json.loads(await self.socket.raw.receive_str())
                    if "method" not in frame:
                        seen.append(frame)
                    elif frame["method"] == "get.session":
                        seen.append(frame["params"])
        except TimeoutError:
            return seen

    async def ticks(self, number: int) -> list[dict[str, Any]]:
        """Return the data of that many regular frames, ten seconds apart."""
        for _ in range(number):
            self.clock.advance(10)
            self.cloud.push_sessions()
        return await self.received()

    async def noisy(self, ticks: int, **options: Any) -> list[int]:
        """Return the counts from when F31 is switched on, the frame then included."""
        self.cloud.faults.enable(Fault.WH_NOISE, **options)
        return counts([*await self.received(), *await self.ticks(ticks)])

    @property
    def true(self) -> int:
        return int(self.charger.point.session_wh)


def counts(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["watt_hours"] for frame in frames]


@pytest.fixture
def personality() -> Personality:
    return V3


@pytest.fixture
async def listener(
    cloud: SimulatedCloud,
    clock: ManualClock,
    account: Account,
    client: PlainClient,
    personality: Personality,
) -> Listener:
    """A car has been charging for ten minutes."""
    charger = account.add_charger(personality)
    charger.plug_in()
    clock.advance(600)
    if personality is LEGACY:
        socket = await client.connect(charger.charger_id, "session/in-progress")
    else:
        socket = await client.sync(charger.charger_id)
    listening = Listener(cloud, clock, charger, socket)
    await listening.received()
    return listening


@BOTH
@pytest.mark.parametrize("idle", [False, True])
async def test_a_count_that_drops_and_goes_on_where_it_was(
    listener: Listener, *, idle: bool
) -> None:
    before = listener.true
    listener.cloud.faults.enable(Fault.WH_NOISE, mode="drop", level=4, idle=idle)
    frames = [*await listener.received(), *await listener.ticks(9)]
    low = [frame["watt_hours"] == 4 for frame in frames]
    assert low == [*3 * [True], *3 * [False], *3 * [True], False]
    assert frames[3]["watt_hours"] >= before
    assert counts(frames)[-1] == listener.true
    assert [frame["charging"] for frame in frames] == [
        not (idle and fell) for fell in low
    ]
    for frame, fell in zip(frames, low, strict=True):
        flows = frame["true_milli_amps"] > 0
        assert flows is (frame["voltage"] > 0) is not (idle and fell)


async def test_a_drop_that_comes_once(listener: Listener) -> None:
    seen = await listener.noisy(3, mode="drop", once=True, frames=2)
    # The end of a fault brings a frame of its own.
    assert [count == 0 for count in seen] == [True, True, False, False, False]
    assert not listener.cloud.faults.active


async def test_a_drop_that_lasts(listener: Listener) -> None:
    assert await listener.noisy(5, mode="drop", frames=0) == [0] * 6
    listener.cloud.faults.clear()
    assert counts(await listener.received()) == [listener.true]


async def test_drops_without_a_right_frame_in_between(listener: Listener) -> None:
    seen = await listener.noisy(5, mode="drop", frames=2, between=0, count=2)
    assert [count == 0 for count in seen[:4]] == [True] * 4
    assert seen[-1] == listener.true


@BOTH
async def test_a_count_that_resumes_in_the_next_session(listener: Listener) -> None:
    charger = listener.charger
    assert await listener.noisy(0, mode="resume") == [listener.true]
    charger.app_apply(release=True)
    first = listener.true
    await listener.received()
    idle = await listener.ticks(1)
    assert counts(idle) == ([] if listener.charger.personality is LEGACY else [0])
    charger.app_apply(release=False)
    charger.set_house_load(500)
    *_, begun = await listener.received()
    assert begun["watt_hours"] == first
    assert charger.wire.live_frames[-1].base == listener.true - first
    assert begun.get("session") == (
        1 if listener.charger.personality is LEGACY else None
    )
    await listener.ticks(1)
    charger.unplug()
    last = (await listener.received())[-1]
    assert last["watt_hours"] == int(charger.delivered_wh) > first
    charger.plug_in()
    *_, anew = await listener.ticks(1)
    assert anew["watt_hours"] == listener.true < first
    assert anew.get("session") == (
        3 if listener.charger.personality is LEGACY else None
    )


@BOTH
async def test_the_count_of_a_lifetime(listener: Listener) -> None:
    for_good = await listener.noisy(1, mode="lifetime", frames=0)
    ever = int(listener.charger.delivered_wh)
    assert for_good[-1] == 4_000_000 + ever
    for_a_while = await listener.noisy(4, mode="lifetime", offset=100, frames=3)
    ever = int(listener.charger.delivered_wh)
    assert for_a_while[-3] > 100 + for_good[0] - 4_000_000
    assert for_a_while[-1] == ever == listener.true
    listener.charger.unplug()
    assert counts(await listener.ticks(1))


@BOTH
async def test_a_burst_of_absurd_counts(listener: Listener) -> None:
    seen = await listener.noisy(0, mode="burst", gap=0.001)
    assert seen == [305_000] * 3
    assert counts(await listener.ticks(3)) == pytest.approx([listener.true] * 3, abs=45)
    assert counts(await listener.ticks(1)) == [305_000] * 3


@BOTH
async def test_a_count_that_stands_still_and_catches_up(listener: Listener) -> None:
    before = listener.true
    seen = await listener.noisy(4, mode="plateau", between=2)
    assert seen[:3] == [before] * 3
    assert before < seen[3] < seen[4] == listener.true
    (again,) = await listener.ticks(1)
    assert again["watt_hours"] == listener.true
    listener.charger.unplug()
    assert counts(await listener.received())[0] == again["watt_hours"]


async def test_a_plateau_ends_with_its_session(listener: Listener) -> None:
    before = listener.true
    assert await listener.noisy(1, mode="plateau", frames=0) == [before] * 2
    listener.charger.app_apply(release=True)
    assert counts(await listener.ticks(1)) == [before, 0]
    listener.charger.app_apply(release=False)
    assert (await listener.ticks(1))[-1]["watt_hours"] == 0


@BOTH
@pytest.mark.parametrize(
    ("how", "shown"), [("absent", "nothing"), ("null", None), ("text", "n/a")]
)
async def test_partial_session_data(
    listener: Listener, how: str, shown: str | None
) -> None:
    listener.cloud.faults.enable(
        Fault.PARTIAL_SESSION, fields=["watt_hours", "charging", "colour"], how=how
    )
    *_, frame = await listener.ticks(1)
    assert frame.get("watt_hours", "nothing") == shown
    assert frame.get("charging", "nothing") == shown
    assert frame["voltage"] > 0
    assert "colour" not in frame
    noted = listener.charger.wire.live_frames[-1]
    assert noted.shown is noted.charging is None
    assert "voltage" in noted.readable
    assert not noted.readable & {"watt_hours", "charging"}


async def test_what_a_frame_showed_is_noted(listener: Listener) -> None:
    before = listener.true
    await listener.noisy(1, mode="reset")
    noted = listener.charger.wire.live_frames[-1]
    assert (noted.base, noted.shown) == (before, listener.true - before)
    assert noted.delivered == listener.charger.point.session_wh
    assert noted.charging


@pytest.mark.parametrize("count", [1, None])
async def test_lost_pilots(
    client: PlainClient, cloud: SimulatedCloud, account: Account, count: int | None
) -> None:
    charger = account.add_charger(V3)
    charger.pilot_on_login = True
    cloud.faults.enable(Fault.LOST_PILOT, count=count)
    charger.plug_in(needs_wh=0)
    assert cloud.faults.active, "nobody was there to lose it"
    socket = await client.sync(charger.charger_id)
    charger.unplug()
    charger.push({"method": "get.pilot_status", "params": {"pilot_status": "E"}})
    charger.push({"method": "the end"})
    seen = []
    while (frame := await socket.frame()).get("method") != "the end":
        if frame["method"] == "get.pilot_status":
            seen.append(frame["params"]["pilot_status"])
    assert seen == ([] if count is None else ["A", "E"])


async def test_a_plug_that_nobody_saw_is_never_reported(
    client: PlainClient, cloud: SimulatedCloud, account: Account
) -> None:
    """protocol.md 10: neither when somebody logs in, nor afterwards."""
    charger = account.add_charger(V3)
    socket = await client.sync(charger.charger_id)
    charger.plug_in(needs_wh=0)
    assert await socket.until("get.pilot_status") == {"pilot_status": "B"}
    await cloud.drop_all()
    charger.unplug()
    socket = await client.sync(charger.charger_id)
    cloud.push_sessions()
    assert await socket.result("sync.snapshot")
    assert not any(frame.pilot == "A" for frame in charger.wire.live_frames)
    charger.plug_in(needs_wh=0)
    assert await socket.until("get.pilot_status") == {"pilot_status": "B"}


@pytest.mark.parametrize("personality", [LEGACY])
async def test_a_stall_of_the_session_socket_alone(
    listener: Listener, client: PlainClient
) -> None:
    sync = await client.sync(listener.charger.charger_id)
    listener.cloud.faults.enable(Fault.STALL, path="/session/in-progress")
    assert await listener.ticks(2) == []
    assert await sync.result("get.name") == "Driveway"
    listener.charger.app_apply(brightness=0.5)
    assert await sync.until("sync.apply") == [{"brightness": 0.5}]
    listener.cloud.faults.clear()
    assert counts(await listener.received()) == [listener.true]
