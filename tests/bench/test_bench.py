"""The short form of the bench: what is exact must be, what takes time is shown.

Ratios are held only to a bound no busy machine exceeds; scripts/bench measures them.
"""

from collections.abc import AsyncGenerator, Collection

import pytest

from tests.bench.figures import Figure, Run, table
from tests.bench.frames import KEYS, ONE, READINGS, session_frame
from tests.bench.growth import push, waiting
from tests.bench.idle import (
    LEAST_REPORTS,
    MOST_FRAMES,
    MOST_REPORTS,
    MOST_REQUESTS,
    idle_hour,
)
from tests.bench.life import setting_up
from tests.bench.pushes import Pair, compare, writes_of
from tests.bench.rig import Rig, one_charger
from tests.simulator import Personality
from tests.waiting import eventually

# Of what the leanest entities of Home Assistant take: twice what it really is.
GENEROUS = 7.0


@pytest.fixture
async def rig(socket_enabled: None) -> AsyncGenerator[Rig]:
    async with one_charger() as (_, _, rig):
        yield rig


@pytest.mark.parametrize("changing", [READINGS, ONE, ()], ids=["all", "one", "none"])
async def test_exactly_what_changed_is_written(
    rig: Rig, changing: Collection[str]
) -> None:
    rig.take(session_frame(0, changing))
    expected = {rig.entity_id("sensor", k) for name in changing for k in KEYS[name]}
    for number in range(1, 4):
        writes, reason = writes_of(rig, session_frame(number, changing))
        assert expected <= reason
        assert bool(reason) is bool(changing)
        assert sorted(writes.changed) == sorted(reason)
        assert writes.reported == []


async def test_a_lasting_value_is_reported_before_its_change(rig: Rig) -> None:
    """Only that, and once: what stays equal in the same frame is left alone."""
    for number in range(3):
        rig.take(session_frame(number, ONE))
        rig.take(session_frame(number, ONE))
        writes, reason = writes_of(rig, session_frame(number + 1, ONE))
        expected = [rig.entity_id("sensor", key) for key in KEYS["house_power"]]
        assert sorted(reason) == writes.changed == writes.reported == expected


async def test_what_a_push_takes(rig: Rig) -> None:
    pair = await Pair.of(rig, READINGS)
    runs = compare(pair.take, pair.write_sensors, 100)
    figure = Figure(name="push that changes all readings", unit="µs", runs=runs)
    print(table([figure]))
    assert min(figure.ratios) <= GENEROUS


async def test_nothing_is_left_behind(socket_enabled: None) -> None:
    async with one_charger() as (_, charger, rig):
        number = await push(charger, rig, 0, 100)
        before = waiting(rig.hass)
        await push(charger, rig, number, 400)
        # The energy may be on its way to the disk, at either time.
        tasks, timers = before
        await eventually(
            lambda: waiting(rig.hass)[0] <= tasks and waiting(rig.hass)[1] <= timers
        )


async def test_setting_up_shows_live_readings(socket_enabled: None) -> None:
    async with one_charger() as (cloud, _, rig):
        await rig.unload()
        assert await setting_up(cloud, rig) > 0
        state = rig.hass.states.get(rig.entity_id("sensor", "house_power"))
        assert state
        assert float(state.state) == 400


@pytest.mark.parametrize("personality", list(MOST_FRAMES))
async def test_an_idle_hour_is_quiet(
    socket_enabled: None, personality: Personality
) -> None:
    hour = await idle_hour(personality)
    assert 0 < hour.frames <= MOST_FRAMES[personality]
    assert 0 < hour.requests <= MOST_REQUESTS[personality]
    assert LEAST_REPORTS[personality] <= hour.reports <= MOST_REPORTS[personality]
    assert hour.changes == 0


def test_the_table() -> None:
    """What is missed stands out."""
    late = Figure(name="late", unit="ms", runs=[Run(value=3, floor=1)], target=2)
    good = Figure(name="good", unit="", runs=[Run(value=0), Run(value=4)], target=2)
    assert (late.met, good.met) == (False, True)
    lines = table([late, good]).splitlines()
    assert lines[2].split("|")[1:-1] == [
        " late   ", " 3 ms   ", " 3      ", " 1     ", " 3\N{MULTIPLICATION SIGN}    ",
        " 3          ", " ≤ 2\N{MULTIPLICATION SIGN}   ", " **no** ",
    ]  # fmt: skip
    assert "0\N{EN DASH}4" in lines[3]
