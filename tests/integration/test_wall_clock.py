"""The clock on the wall is set, while the one that timers run by goes on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import time
from zoneinfo import ZoneInfo

from freezegun import freeze_time
from homeassistant.core import HomeAssistant
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest

from custom_components.hypervolt_charger import planned_schedule
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.waiting import eventually

from .entry_life import set_up, unload
from .scheduling import TRACKER, call, own_schedule, plan, sessions, writes
from .time_machine import Factory

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 6, 5, 18, 0, tzinfo=LONDON)
PLAN_ENDS = datetime(2026, 6, 6, 2, 0, tzinfo=LONDON)
# Between the first and the second check of an odd clock a test must be able to set it.
CHECK = timedelta(seconds=0.1)
SLOW_CHECK = timedelta(seconds=1)
YEARS = timedelta(days=4 * 365)


slowly = pytest.mark.parametrize("check", [SLOW_CHECK], ids=["slowly"])


@pytest.fixture
def check() -> timedelta:
    """How often the time is checked."""
    return CHECK


@pytest.fixture
def wall_clock(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Factory]:
    """A clock that is set without any timer noticing."""
    monkeypatch.setattr(hass.loop, "time", time.monotonic)
    with freeze_time(NOW.astimezone(UTC), tick=True) as factory:
        yield factory


@pytest.fixture
async def rig(
    wall_clock: Factory,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    check: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> Rig:
    """A charger whose own schedule is overridden."""
    monkeypatch.setattr(planned_schedule, "CHECK_INTERVAL", check)
    cloud.token_life = 1e9
    rig = await setup_charger(Personality.V3)
    await rig.hass.config.async_set_time_zone("Europe/London")
    own_schedule(rig)
    await eventually(lambda: rig.coordinator.data.schedule)
    plan(rig.hass, (PLAN_ENDS - timedelta(hours=1), PLAN_ENDS))
    await call(rig, tracker_rate=TRACKER)
    assert is_overridden(rig)
    return rig


def set_clock(factory: Factory, moment: datetime) -> None:
    factory.move_to(moment.astimezone(UTC))


def is_overridden(rig: Rig) -> bool:
    return {start for start, *_ in sessions(rig)} == {"01:00"}


async def stays_overridden(rig: Rig) -> bool:
    """Whether some checks later nothing has changed."""
    await asyncio.sleep(2.5 * planned_schedule.CHECK_INTERVAL.total_seconds())
    return is_overridden(rig) and rig.coordinator.planned.restore_at == PLAN_ENDS


async def odd_clock_is_seen(rig: Rig) -> None:
    await eventually(lambda: rig.coordinator.planned._clock_is_odd)


async def is_restored(rig: Rig) -> None:
    await eventually(lambda: not is_overridden(rig), limit=3)
    await eventually(lambda: rig.coordinator.planned.former is None, limit=3)
    assert {start for start, *_ in sessions(rig)} == {"12:00"}


async def test_a_clock_set_forward(rig: Rig, wall_clock: Factory) -> None:
    set_clock(wall_clock, PLAN_ENDS - timedelta(minutes=5))
    assert await stays_overridden(rig)
    set_clock(wall_clock, PLAN_ENDS + timedelta(minutes=5))
    await is_restored(rig)


async def test_a_clock_set_back(rig: Rig, wall_clock: Factory) -> None:
    set_clock(wall_clock, NOW - timedelta(hours=3))
    assert await stays_overridden(rig)
    set_clock(wall_clock, PLAN_ENDS)
    await is_restored(rig)


async def test_a_clock_set_back_while_a_return_is_tried(
    rig: Rig, wall_clock: Factory
) -> None:
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    set_clock(wall_clock, PLAN_ENDS)
    await eventually(lambda: writes(rig) > 2)
    set_clock(wall_clock, PLAN_ENDS - timedelta(hours=3))
    rig.cloud.faults.clear()
    assert await stays_overridden(rig)
    set_clock(wall_clock, PLAN_ENDS)
    await is_restored(rig)


@slowly
async def test_a_clock_that_is_years_ahead_at_the_start(
    rig: Rig, wall_clock: Factory
) -> None:
    await unload(rig.hass, rig.entry)
    set_clock(wall_clock, NOW + YEARS)
    await set_up(rig.hass, rig.entry)
    await odd_clock_is_seen(rig)
    set_clock(wall_clock, NOW + timedelta(minutes=1))
    assert await stays_overridden(rig)
    set_clock(wall_clock, PLAN_ENDS)
    await is_restored(rig)


async def test_a_clock_that_is_behind_at_the_start(
    rig: Rig, wall_clock: Factory
) -> None:
    await unload(rig.hass, rig.entry)
    set_clock(wall_clock, PLAN_ENDS - timedelta(hours=3))
    await set_up(rig.hass, rig.entry)
    assert await stays_overridden(rig)
    set_clock(wall_clock, PLAN_ENDS + timedelta(minutes=1))
    await is_restored(rig)


@slowly
async def test_a_clock_that_is_years_behind_at_the_start(
    rig: Rig, wall_clock: Factory
) -> None:
    await unload(rig.hass, rig.entry)
    set_clock(wall_clock, NOW - YEARS)
    await set_up(rig.hass, rig.entry)
    await odd_clock_is_seen(rig)
    set_clock(wall_clock, NOW + timedelta(minutes=1))
    assert await stays_overridden(rig)


@slowly
async def test_a_clock_that_jumps_years_ahead_and_back(
    rig: Rig, wall_clock: Factory
) -> None:
    set_clock(wall_clock, NOW + YEARS)
    await odd_clock_is_seen(rig)
    set_clock(wall_clock, NOW + timedelta(minutes=1))
    assert await stays_overridden(rig)


@pytest.mark.parametrize("clock", [NOW + YEARS, NOW - YEARS])
async def test_a_clock_that_stays_where_no_plan_is(
    rig: Rig, wall_clock: Factory, clock: datetime
) -> None:
    """After a long time off, or if the plan was made by another clock."""
    await unload(rig.hass, rig.entry)
    set_clock(wall_clock, clock)
    await set_up(rig.hass, rig.entry)
    await is_restored(rig)


async def test_the_time_is_checked_every_minute(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned_schedule, "CHECK_INTERVAL", timedelta(minutes=1))
    rig.coordinator.planned._arm()
    (timer,) = (
        timer
        for timer in get_scheduled_timer_handles(rig.hass.loop)
        if not timer.cancelled() and "PlannedSchedule._check" in f"{timer._args}"
    )
    assert 50 < timer.when() - rig.hass.loop.time() <= 60


async def test_nothing_is_checked_without_an_override(rig: Rig) -> None:
    await call(rig, "restore_schedule")
    assert not any(
        "PlannedSchedule._check" in f"{timer._args}"
        for timer in get_scheduled_timer_handles(rig.hass.loop)
        if not timer.cancelled()
    )
