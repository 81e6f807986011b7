"""Nights on which the calendar is difficult, from the action to the car."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.hypervolt_charger.hypervolt.schedule import same_sessions
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, SimulatedCloud

from .scheduling import EVERY_VARIANT, TRACKER, call, plan, sessions
from .time_machine import TimeMachine

LONDON = ZoneInfo("Europe/London")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")

type Nights = tuple[datetime, datetime, datetime, set[tuple[str, str, str]]]


def utc(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


NIGHTS: dict[str, Nights] = {
    "an ordinary midnight": (
        datetime(2026, 6, 5, 18, tzinfo=LONDON),
        utc(2026, 6, 5, 21, 30),
        utc(2026, 6, 6, 1),
        {("22:30", "24:00", "fri"), ("00:00", "02:00", "sat")},
    ),
    "Sunday to Monday": (
        datetime(2026, 6, 7, 18, tzinfo=LONDON),
        utc(2026, 6, 7, 21, 30),
        utc(2026, 6, 8, 1),
        {("22:30", "24:00", "sun"), ("00:00", "02:00", "mon")},
    ),
    "clocks go back": (
        datetime(2026, 10, 24, 18, tzinfo=LONDON),
        utc(2026, 10, 24, 23, 30),
        utc(2026, 10, 25, 2, 30),
        {("00:30", "02:30", "sun")},
    ),
    "clocks go forward": (
        datetime(2027, 3, 27, 18, tzinfo=LONDON),
        utc(2027, 3, 28, 0, 30),
        utc(2027, 3, 28, 2, 0),
        {("00:30", "03:00", "sun")},
    ),
    "clocks go back by half an hour": (
        datetime(2027, 4, 3, 18, tzinfo=LORD_HOWE),
        utc(2027, 4, 3, 14, 0),
        utc(2027, 4, 3, 16, 30),
        {("01:00", "03:00", "sun")},
    ),
    "leap day": (
        datetime(2028, 2, 28, 18, tzinfo=LONDON),
        utc(2028, 2, 28, 23),
        utc(2028, 2, 29, 3),
        {("23:00", "24:00", "mon"), ("00:00", "03:00", "tue")},
    ),
    "the day after the leap day": (
        datetime(2028, 2, 29, 18, tzinfo=LONDON),
        utc(2028, 2, 29, 23),
        utc(2028, 3, 1, 3),
        {("23:00", "24:00", "tue"), ("00:00", "03:00", "wed")},
    ),
}


@pytest.fixture(params=list(NIGHTS))
def night(request: pytest.FixtureRequest) -> Nights:
    return NIGHTS[request.param]


@pytest.fixture
def departure(night: Nights) -> datetime:
    return night[0]


def charged(rig: Rig) -> list[tuple[datetime, datetime]]:
    """Return when the car really charged, to the minute."""
    half = timedelta(seconds=30)
    return [
        (
            (one.started + half).replace(second=0, microsecond=0),
            (one.ended + half).replace(second=0, microsecond=0),
        )
        for one in rig.charger.sessions
    ]


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_the_car_charges_in_the_window_and_only_then(
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    night: Nights,
    personality: Personality,
) -> None:
    departure, start, end, wanted = night
    cloud.token_life = 1e7
    rig = await setup_charger(personality)
    rig.charger.tz = str(departure.tzinfo)
    rig.charger.app_set_schedule(enabled=False)
    plan(rig.hass, (start, end))
    # What was there before lets the car charge at any time, so it is not put back.
    told = await call(rig, tracker_rate=TRACKER, when_finished="keep")
    assert [datetime.fromisoformat(row["start"]) for row in told["windows"]] == [start]
    if personality is Personality.LEGACY_V2:
        assert all(days == "daily" for *_, days in sessions(rig))
    else:
        assert sessions(rig) == wanted
    # Read back, it is the same.
    before = rig.coordinator.data.schedule
    after = await rig.coordinator.client.read_schedule()
    assert before
    assert same_sessions(before, after)

    rig.charger.plug_in(battery_kwh=500)
    await time_machine.travel_to(end + timedelta(hours=2), step=timedelta(minutes=30))
    assert charged(rig) == [(start, end)]
