"""A month of charging, in a minute: what is counted is what was delivered."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, Final

from homeassistant.components.recorder import Recorder, get_instance
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant
from homeassistant.helpers import restore_state
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud

from .driving import frames_until, tell
from .time_machine import TimeMachine

SESSIONS: Final = 40
RESTARTS: Final = 15
OUTAGES: Final = 10
DAYS: Final = 30

# Between two frames while it charges, and while nothing happens.
CHARGING_STEP: Final = timedelta(minutes=4)
IDLE_STEP: Final = timedelta(hours=1)
NOISE: Final = ("dip", "jump", "keep", "reset", None)


@pytest.fixture
def push_interval() -> None:
    """A cloud that tells something when the month's driver says so."""


@pytest.fixture
def enable_statistics() -> bool:
    return True


@pytest.fixture
def departure() -> datetime:
    """Set out in the future: the recorder's own timers are those of the present."""
    return datetime(2040, 3, 14, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A session to come, and what gets in its way: kinds by minute of the session."""

    start: datetime
    minutes: int
    ending: str
    mode: str
    noise: str | None
    troubles: dict[int, str] = field(default_factory=dict)


def plans(random: Random, start: datetime) -> list[Plan]:
    """Return the month's sessions, with restarts and outages at random moments."""
    spacing = timedelta(days=DAYS) / SESSIONS
    troubles = ["power cut"] * 5 + ["restart"] * (RESTARTS - 5) + ["outage"] * OUTAGES
    by_session: dict[int, dict[int, str]] = {}
    lengths = [random.randrange(60, 180) for _ in range(SESSIONS)]
    for trouble in troubles:
        number = random.randrange(SESSIONS)
        # Also before it begins and, for what is over at once, up to when it ends.
        latest = lengths[number] - (50 if trouble == "outage" else 0)
        moment = random.randrange(-40, latest)
        by_session.setdefault(number, {})[moment] = trouble
    return [
        Plan(
            start=start
            + number * spacing
            + timedelta(minutes=random.randrange(60, 500)),
            minutes=lengths[number],
            ending=random.choice(("unplug", "stop", "full")),
            mode=random.choice(("boost", "boost", "eco")),
            noise=random.choice(NOISE),
            troubles=by_session.get(number, {}),
        )
        for number in range(SESSIONS)
    ]


class Month:
    """Drives the simulated car, the cloud and Home Assistant through the month."""

    def __init__(self, rig: Rig, machine: TimeMachine, storage: dict[str, Any]) -> None:
        self.rig = rig
        self.machine = machine
        self.storage = storage
        self.happened: list[str] = []

    async def until(self, moment: datetime, step: timedelta) -> None:
        await frames_until(self.rig, self.machine, moment, step)

    async def tell(self) -> None:
        """Say the same until it is no noise any more."""
        await tell(self.rig, self.machine, times=3)

    async def charge(self, plan: Plan) -> None:
        rig, charger = self.rig, self.rig.charger
        charger.set_mode(plan.mode)
        troubles = sorted(plan.troubles.items())
        early = [item for item in troubles if item[0] < 0]
        for minute, trouble in early:
            await self.until(plan.start + timedelta(minutes=minute), IDLE_STEP)
            await self.suffer(trouble, timedelta(minutes=-minute - 1))
        await self.until(plan.start, IDLE_STEP)
        if plan.noise not in (None, "reset"):
            rig.cloud.faults.enable(Fault.WH_NOISE, mode=plan.noise)
        charger.plug_in(battery_kwh=100)
        begin = self.machine.now
        await self.tell()
        if plan.noise == "reset":
            await self.until(begin + timedelta(minutes=30), CHARGING_STEP)
            rig.cloud.faults.enable(Fault.WH_NOISE, mode="reset")
            await self.tell()
        for minute, trouble in troubles[len(early) :]:
            await self.until(begin + timedelta(minutes=minute), CHARGING_STEP)
            await self.suffer(trouble, timedelta(minutes=40))
        await self.until(begin + timedelta(minutes=plan.minutes), CHARGING_STEP)
        match plan.ending:
            case "stop":
                charger.app_apply(release=True)
            case "full":
                charger.car_full()
            case _:
                charger.unplug()
        await self.tell()
        await self.machine.leap_to(self.machine.now + timedelta(minutes=2))
        await self.tell()
        if plan.ending != "unplug":
            await self.until(self.machine.now + timedelta(minutes=30), IDLE_STEP)
            charger.unplug()
            await self.tell()
        rig.cloud.faults.clear()
        await self.tell()

    async def suffer(self, trouble: str, at_most: timedelta) -> None:
        self.happened.append(trouble)
        rig, hass = self.rig, self.rig.hass
        if trouble == "outage":
            await rig.cloud.pause()
            await self.until(
                self.machine.now + min(timedelta(minutes=40), at_most), IDLE_STEP
            )
            await rig.cloud.resume()
        else:
            on_disk = deepcopy(self.storage)
            assert await hass.config_entries.async_unload(rig.entry.entry_id)
            await hass.async_block_till_done()
            if trouble == "power cut":
                # What was not on disk yet is lost.
                self.storage.clear()
                self.storage.update(on_disk)
                restore_state.async_get(hass).last_states.clear()
            await self.machine.leap_to(
                self.machine.now + min(timedelta(minutes=10), at_most)
            )
            assert await hass.config_entries.async_setup(rig.entry.entry_id)
            await hass.async_block_till_done()
        await self.machine.until(lambda: rig.coordinator.client.connected)
        await self.tell()


def values(
    changes: list[Event[EventStateChangedData]], entity_id: str
) -> Iterator[float]:
    """Yield what an entity has shown."""
    for change in changes:
        state = change.data["new_state"]
        if (
            state
            and state.entity_id == entity_id
            and state.state.replace(".", "").isdigit()
        ):
            yield float(state.state)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1])
async def test_a_month(  # noqa: PLR0917 - the recorder's fixture comes first
    recorder_mock: Recorder,
    hass: HomeAssistant,
    time_machine: TimeMachine,
    hass_storage: dict[str, Any],
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    seed: int,
) -> None:
    cloud.token_life = 1e9
    rig = await setup_charger(Personality.V3)
    month = Month(rig, time_machine, hass_storage)
    begin = time_machine.now
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    await month.tell()
    for plan in plans(Random(seed), begin):
        await month.charge(plan)
    await month.until(time_machine.now + timedelta(hours=2), IDLE_STEP)

    assert len(rig.charger.sessions) == SESSIONS
    assert len(month.happened) == RESTARTS + OUTAGES
    delivered = rig.charger.delivered_wh / 1000
    total = rig.entity_id("sensor", "total_energy")
    state = hass.states.get(total)
    assert state
    assert float(state.state) == pytest.approx(delivered, rel=0.001)
    shown = list(values(changes, total))
    assert all(one <= other for one, other in pairwise(shown))

    await async_wait_recording_done(hass)
    statistics = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass,
        begin - timedelta(days=1),
        None,
        {total},
        "hour",
        None,
        {"sum", "change"},
    )
    rows = statistics[total]
    assert len(rows) >= DAYS * 24 * 0.9
    assert all((row["change"] or 0) >= 0 for row in rows)
    assert sum(row["change"] or 0 for row in rows) == pytest.approx(
        delivered, rel=0.001
    )

    logged = rig.coordinator.energy.sessions()
    assert [f"{session.start:%d %H} h" for session in logged] == [
        f"{session.started:%d %H} h" for session in rig.charger.sessions
    ]
    for mine, real in zip(logged, rig.charger.sessions, strict=True):
        assert mine.watt_hours == pytest.approx(real.watt_hours, rel=0.001, abs=10)
        assert abs(mine.end - real.ended) < timedelta(minutes=5)
