"""Equal values are reported again, so that Home Assistant's helpers calculate rightly."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    MAJOR_VERSION,
    MINOR_VERSION,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    Event,
    EventStateChangedData,
    EventStateReportedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud

from .acting import enable
from .fast_days import fast_days

DEPARTURE = datetime(2026, 6, 5, 18, 0, tzinfo=UTC)
METHODS = ("left", "right", "trapezoidal")
MINUTE = 60.0
HOUR = 3600.0
# Of a V3, without what is disabled at first.
MEASUREMENTS = {
    "charger_current",
    "ev_power",
    "generation_power",
    "grid_power",
    "house_power",
    "voltage",
}
REPORTED_AGAIN = MEASUREMENTS | {"total_energy"}
LONGEST = timedelta(seconds=30)


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Allow the timer that old statistics sensors leave when they are removed."""
    return (MAJOR_VERSION, MINOR_VERSION) < (2026, 10)


@pytest.fixture
def timing() -> Timing:
    """The design's own numbers."""
    return Timing()


@pytest.fixture
def push_interval() -> float:
    """Between two frames of an idle V3 (protocol.md 5.8)."""
    return 10.0


@pytest.fixture
def fast(hass: HomeAssistant) -> Iterator[None]:
    """Let time pass fast; ask for this before anything that has timers."""
    with fast_days(hass, DEPARTURE):
        yield


@pytest.fixture
async def rig(fast: None, cloud: SimulatedCloud, setup_charger: SetUpCharger) -> Rig:
    """A V3 that is idle."""
    cloud.token_life = 1e9
    return await setup_charger(Personality.V3)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write of a state: a change, or a report of the same."""

    at: datetime
    state: str
    changed: bool


@dataclass(frozen=True)
class Writes:
    """What is written of each sensor of a charger, by its key."""

    rig: Rig
    of: dict[str, list[Write]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Listen as long as the entry is loaded."""
        hass, entry = self.rig.hass, self.rig.entry
        entry.async_on_unload(hass.bus.async_listen(EVENT_STATE_CHANGED, self._changed))
        entry.async_on_unload(
            hass.bus.async_listen(
                EVENT_STATE_REPORTED, self._reported, event_filter=self._any
            )
        )

    @callback
    def _any(self, _: EventStateReportedData) -> bool:
        return True

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) is not None:
            self._note(state, state.last_updated, changed=True)

    @callback
    def _reported(self, event: Event[EventStateReportedData]) -> None:
        self._note(event.data["new_state"], event.data["last_reported"], changed=False)

    def _note(self, state: State, at: datetime, *, changed: bool) -> None:
        entry = er.async_get(self.rig.hass).async_get(state.entity_id)
        prefix = f"{self.rig.charger.charger_id}_"
        if entry is not None and entry.unique_id.startswith(prefix):
            key = entry.unique_id.removeprefix(prefix)
            write = Write(at=at, state=state.state, changed=changed)
            self.of.setdefault(key, []).append(write)

    def reported(self) -> set[str]:
        """Return the keys of which an equal state was reported."""
        return {
            key
            for key, writes in self.of.items()
            if any(not write.changed for write in writes)
        }


@dataclass(frozen=True, kw_only=True)
class Helpers:
    """Adds helpers as people do in the frontend, and removes them again."""

    hass: HomeAssistant
    entries: list[MockConfigEntry] = field(default_factory=list)

    async def add(self, domain: str, title: str, **options: object) -> None:
        """Add a helper."""
        entry = MockConfigEntry(
            domain=domain, title=title, options={"name": title, **options}
        )
        entry.add_to_hass(self.hass)
        self.entries.append(entry)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done()

    async def add_integrals(self, source: str) -> None:
        """Add a Riemann sum by each method."""
        for method in METHODS:
            await self.add(
                "integration",
                method,
                source=source,
                method=method,
                round=4,
                unit_prefix="k",
                unit_time="h",
            )

    async def add_averages(self, source: str, *characteristics: str) -> None:
        """Add averages of the last two hours."""
        for characteristic in characteristics:
            await self.add(
                "statistics",
                characteristic,
                entity_id=source,
                state_characteristic=characteristic,
                max_age={"hours": 2},
                keep_last_sample=False,
                percentile=50,
                precision=2,
            )

    async def add_rate(self, source: str) -> None:
        """Add the derivative over five minutes."""
        await self.add(
            "derivative",
            "rate",
            source=source,
            round=3,
            time_window={"minutes": 5},
            unit_time="h",
        )


@pytest.fixture
async def helpers(fast: None, hass: HomeAssistant) -> AsyncGenerator[Helpers]:
    """Home Assistant's helpers."""
    added = Helpers(hass=hass)
    yield added
    for entry in added.entries:
        await hass.config_entries.async_unload(entry.entry_id)


def value(hass: HomeAssistant, helper: str) -> float:
    """Return what a helper shows."""
    (entry,) = (
        entry for entry in hass.config_entries.async_entries() if entry.title == helper
    )
    registry = er.async_get(hass)
    entity_id = registry.async_get_entity_id("sensor", entry.domain, entry.entry_id)
    assert entity_id
    state = hass.states.get(entity_id)
    assert state
    return float(state.state)


async def charge(rig: Rig, seconds: float) -> None:
    """Charge at full power for some time."""
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(seconds)
    rig.charger.unplug()


async def test_ten_minutes_after_five_hours(
    hass: HomeAssistant, cloud: SimulatedCloud, rig: Rig, helpers: Helpers
) -> None:
    """Interpolated from the last change on, the car would have taken 18 kWh."""
    await helpers.add_integrals(rig.entity_id("sensor", "ev_power"))
    await asyncio.sleep(5 * HOUR)
    cloud.faults.enable(Fault.FROZEN_FIELDS, fields={"ev_power": 7200})
    await asyncio.sleep(10 * MINUTE)
    cloud.faults.clear()
    await asyncio.sleep(MINUTE)
    for method in METHODS:
        assert value(hass, method) == pytest.approx(1.2, rel=0.02), method


@pytest.mark.parametrize(
    ("push_interval", "burst"), [(3.5, 1), (10.0, 1), (20.0, 3)], ids=str
)
async def test_every_cadence(
    hass: HomeAssistant, cloud: SimulatedCloud, rig: Rig, helpers: Helpers, burst: int
) -> None:
    power = rig.entity_id("sensor", "ev_power")
    await helpers.add_integrals(power)
    await helpers.add_averages(power, "average_linear", "average_step")
    await helpers.add_rate(rig.entity_id("sensor", "total_energy"))
    cloud.options.push_burst = burst
    await asyncio.sleep(HOUR)
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(30 * MINUTE)
    assert value(hass, "rate") == pytest.approx(rig.charger.ev_power / 1000, rel=0.02)
    rig.charger.unplug()
    await asyncio.sleep(6 * MINUTE)
    assert value(hass, "rate") == 0
    await asyncio.sleep(24 * MINUTE)
    delivered = rig.charger.delivered_wh / 1000
    assert delivered > 3.7
    for method in METHODS:
        assert value(hass, method) == pytest.approx(delivered, rel=0.02), method
    for average in ("average_linear", "average_step"):
        assert value(hass, average) / 1000 * 2 == pytest.approx(delivered, rel=0.02)


async def test_a_mean_of_reports(
    hass: HomeAssistant, cloud: SimulatedCloud, rig: Rig, helpers: Helpers
) -> None:
    """It counts reports, so that a power which never wavers gives the true one."""
    power = rig.entity_id("sensor", "ev_power")
    await helpers.add_averages(power, "mean")
    await asyncio.sleep(HOUR)
    cloud.faults.enable(Fault.FROZEN_FIELDS, fields={"ev_power": 7000})
    await asyncio.sleep(30 * MINUTE)
    cloud.faults.clear()
    await asyncio.sleep(30 * MINUTE)
    assert value(hass, "mean") == pytest.approx(7000 / 4, rel=0.02)


async def test_reports_are_at_most_half_a_minute_apart(
    hass: HomeAssistant, cloud: SimulatedCloud, rig: Rig
) -> None:
    await enable(rig, "sensor", "ct_current", "last_update", "house_energy")
    await asyncio.sleep(MINUTE)
    writes = Writes(rig)
    since = datetime.now(UTC)
    await asyncio.sleep(10 * MINUTE)
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(10 * MINUTE)
    rig.charger.unplug()
    await asyncio.sleep(10 * MINUTE)
    until = datetime.now(UTC)
    for key in REPORTED_AGAIN | {"ct_current"}:
        moments = [since, *(write.at for write in writes.of[key]), until]
        longest = max(later - earlier for earlier, later in pairwise(moments))
        assert longest < LONGEST, key
    # Nothing else reports what it has reported.
    assert writes.reported() == REPORTED_AGAIN | {"ct_current"}


async def test_an_equal_value_is_not_reported_with_each_frame(
    rig: Rig, cloud: SimulatedCloud
) -> None:
    """A frame that changes the house's power rewrites none of the others."""
    await asyncio.sleep(MINUTE)
    writes = Writes(rig)
    for watts in range(60):
        rig.charger.point.house_load = 400.0 + watts
        await asyncio.sleep(10)
    # Before the first of them the old value had lasted.
    _, *changes = writes.of["house_power"]
    assert len(changes) == pytest.approx(60, abs=2)
    assert all(write.changed for write in changes)
    for key in REPORTED_AGAIN - {"house_power", "grid_power"}:
        assert 20 <= len(writes.of[key]) <= 34, key


async def test_the_old_value_lasts_until_the_frame_before(rig: Rig) -> None:
    await asyncio.sleep(MINUTE)
    writes = Writes(rig)
    # What the simulated house takes is told with the next regular frame.
    rig.charger.point.house_load = 1000.0
    await asyncio.sleep(15)
    writes.of.clear()
    await asyncio.sleep(10)
    rig.charger.point.house_load = 2000.0
    await asyncio.sleep(10)
    *_, old, new = writes.of["house_power"]
    assert (old.state, old.changed) == ("1000.0", False)
    assert (new.state, new.changed) == ("2000.0", True)
    assert new.at - old.at < timedelta(milliseconds=50)
    # The next frame follows directly: from one to the other the power may have risen.
    rig.charger.point.house_load = 3000.0
    await asyncio.sleep(10)
    *_, old, new = writes.of["house_power"]
    assert [old.state, new.state] == ["2000.0", "3000.0"]
    assert old.changed


async def test_nothing_is_reported_that_is_not_live(
    rig: Rig, cloud: SimulatedCloud
) -> None:
    await asyncio.sleep(MINUTE)
    cloud.faults.enable(Fault.STALL)
    await asyncio.sleep(2 * MINUTE)
    assert rig.state("sensor", "ev_power") == STATE_UNAVAILABLE
    writes = Writes(rig)
    await asyncio.sleep(20 * MINUTE)
    assert not any(writes.of.get(key) for key in REPORTED_AGAIN)
    cloud.faults.clear()
    await asyncio.sleep(10 * MINUTE)
    assert rig.state("sensor", "ev_power") == "0.0"
    assert all(len(writes.of[key]) > 10 for key in REPORTED_AGAIN)


async def test_the_first_value_after_a_silence_is_a_new_one(
    rig: Rig, cloud: SimulatedCloud
) -> None:
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(2 * MINUTE)
    cloud.faults.enable(Fault.STALL)
    await asyncio.sleep(3 * MINUTE)
    assert rig.state("sensor", "ev_power") == STATE_UNAVAILABLE
    rig.charger.unplug()
    writes = Writes(rig)
    cloud.faults.clear()
    await asyncio.sleep(6 * MINUTE)
    shown = [write for write in writes.of["ev_power"] if write.changed]
    assert [write.state for write in shown] == ["0.0"]


async def test_an_outage_is_not_filled(
    hass: HomeAssistant, rig: Rig, cloud: SimulatedCloud, helpers: Helpers
) -> None:
    """Of what flowed meanwhile nobody knows: none of the methods makes it up."""
    await helpers.add_integrals(rig.entity_id("sensor", "ev_power"))
    await asyncio.sleep(10 * MINUTE)
    await cloud.pause()
    await asyncio.sleep(HOUR)
    assert rig.state("sensor", "ev_power") == STATE_UNAVAILABLE
    rig.charger.plug_in(battery_kwh=100)
    await cloud.resume()
    while rig.state("sensor", "ev_power") == STATE_UNAVAILABLE:  # noqa: ASYNC110
        await asyncio.sleep(1)
    before = rig.charger.delivered_wh
    await asyncio.sleep(30 * MINUTE)
    delivered = (rig.charger.delivered_wh - before) / 1000
    for method in METHODS:
        assert value(hass, method) == pytest.approx(delivered, rel=0.02), method


async def test_what_is_not_reported_any_more_becomes_unknown(
    hass: HomeAssistant, rig: Rig, cloud: SimulatedCloud, helpers: Helpers
) -> None:
    """The old value is not confirmed by frames that lack it."""
    await helpers.add_integrals(rig.entity_id("sensor", "ev_power"))
    await asyncio.sleep(10 * MINUTE)
    cloud.faults.enable(Fault.PARTIAL_SESSION, fields=["ev_power"], how="absent")
    writes = Writes(rig)
    await asyncio.sleep(HOUR)
    assert rig.state("sensor", "ev_power") == STATE_UNKNOWN
    (change,) = (write for write in writes.of["ev_power"] if write.changed)
    assert all(
        write.at < change.at - timedelta(seconds=1)
        for write in writes.of["ev_power"]
        if write.state != STATE_UNKNOWN
    )
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(MINUTE)
    before = rig.charger.delivered_wh
    cloud.faults.clear()
    await asyncio.sleep(30 * MINUTE)
    rig.charger.unplug()
    await asyncio.sleep(MINUTE)
    delivered = (rig.charger.delivered_wh - before) / 1000
    for method in METHODS:
        assert value(hass, method) == pytest.approx(delivered, rel=0.02), method


async def test_a_new_name_in_between(
    hass: HomeAssistant, rig: Rig, helpers: Helpers
) -> None:
    """A change of attributes alone is a report, too."""
    power = rig.entity_id("sensor", "ev_power")
    await helpers.add_integrals(power)
    await asyncio.sleep(30 * MINUTE)
    er.async_get(hass).async_update_entity(power, name="Car")
    await asyncio.sleep(5)
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(10 * MINUTE)
    er.async_get(hass).async_update_entity(power, name="Auto")
    await asyncio.sleep(10 * MINUTE)
    rig.charger.unplug()
    await asyncio.sleep(MINUTE)
    for method in METHODS:
        delivered = rig.charger.delivered_wh / 1000
        assert value(hass, method) == pytest.approx(delivered, rel=0.02), method


async def test_disabled_and_enabled(hass: HomeAssistant, rig: Rig) -> None:
    power = rig.entity_id("sensor", "ev_power")
    registry = er.async_get(hass)
    registry.async_update_entity(power, disabled_by=er.RegistryEntryDisabler.USER)
    await asyncio.sleep(5 * MINUTE)
    writes = Writes(rig)
    await asyncio.sleep(5 * MINUTE)
    assert "ev_power" not in writes.of
    assert writes.of["house_power"]
    registry.async_update_entity(power, disabled_by=None)
    # Home Assistant reloads the entry half a minute later.
    await asyncio.sleep(5 * MINUTE)
    writes = Writes(rig)
    await asyncio.sleep(5 * MINUTE)
    assert len(writes.of["ev_power"]) >= 10


async def test_a_legacy_v2(
    fast: None,
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    helpers: Helpers,
) -> None:
    """Its silence between two sessions is a zero that lasts."""
    cloud.token_life = 1e9
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.legacy_power_fields = True
    await asyncio.sleep(MINUTE)
    await charge(rig, MINUTE)
    await asyncio.sleep(MINUTE)
    before = rig.charger.delivered_wh
    await helpers.add_integrals(rig.entity_id("sensor", "ev_power"))
    writes = Writes(rig)
    await asyncio.sleep(3 * HOUR)
    zeros = writes.of["ev_power"]
    assert {(write.state, write.changed) for write in zeros} == {("0.0", False)}
    assert all(later.at - earlier.at < LONGEST for earlier, later in pairwise(zeros))
    assert writes.reported() == {
        "ev_power",
        "house_power",
        "grid_power",
        "generation_power",
        "voltage",
        "charger_current",
        "total_energy",
    }
    # A day later than any frame: what is interpolated is no second long.
    await charge(rig, 20 * MINUTE)
    await asyncio.sleep(MINUTE)
    delivered = (rig.charger.delivered_wh - before) / 1000
    assert delivered > 2.4
    for method in METHODS:
        assert value(hass, method) == pytest.approx(delivered, rel=0.02), method


async def test_a_legacy_v2_that_begins_at_full_power(
    fast: None,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
) -> None:
    """Nothing said that it was idle until then, and yet it was."""
    cloud.token_life = 1e9
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.legacy_power_fields = True
    await asyncio.sleep(MINUTE)
    await charge(rig, MINUTE)
    await asyncio.sleep(10 * MINUTE + 5)
    writes = Writes(rig)
    cloud.faults.enable(Fault.FROZEN_FIELDS, fields={"ev_power": 7000})
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(5)
    *_, old, new = writes.of["ev_power"]
    assert (old.state, old.changed) == ("0.0", False)
    assert (new.state, new.changed) == ("7000.0", True)
    assert new.at - old.at < timedelta(milliseconds=50)
