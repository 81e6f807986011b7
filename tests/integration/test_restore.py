"""A charger's total and its last event are its own, whatever entity ids people give."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
import inspect
from typing import Any

from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State, is_callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.restore_state import (
    RestoredExtraData,
    StoredState,
    async_get,
)
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    mock_restore_cache_with_extra_data,
)

from custom_components.hypervolt_charger import entity as entity_module, restore
from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import Rig, SetUpCharger
from tests.quality.test_rules import PLATFORM_NAMES, module
from tests.simulator import Account, Personality, SimulatedCloud

from .acting import entity, number
from .entry_life import add_entry, set_up
from .fast_days import fast_days

PACKAGE = "custom_components.hypervolt_charger"
HOUR = 3600.0


@pytest.fixture
def timing() -> Timing:
    """The design's own numbers."""
    return Timing()


@pytest.fixture
def push_interval() -> float:
    """Often enough for a V3 not to count as silent."""
    return 60.0


@pytest.fixture
def fast(hass: HomeAssistant) -> Iterator[None]:
    """Let time pass fast; ask for this before anything that has timers."""
    with fast_days(hass, datetime(2026, 6, 5, 18, 0, tzinfo=UTC)):
        yield


@pytest.fixture
async def chargers(
    fast: None, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> tuple[Rig, Rig]:
    """Two chargers that have delivered 7.5 and 1.9 kWh."""
    cloud.token_life = 1e9
    first = await setup_charger(Personality.V3)
    second = await setup_charger(Personality.V3)
    await asyncio.sleep(120)
    await charge(first, HOUR)
    await charge(second, HOUR / 4)
    assert number(first, "total_energy") == pytest.approx(7.5, abs=0.2)
    assert number(second, "total_energy") == pytest.approx(1.9, abs=0.2)
    return first, second


async def charge(rig: Rig, seconds: float) -> None:
    """Charge for some time, and let the energy be written."""
    rig.charger.plug_in(battery_kwh=100)
    await asyncio.sleep(seconds)
    rig.charger.unplug()
    await asyncio.sleep(120)


async def rename(hass: HomeAssistant, before: str, after: str) -> None:
    """Give an entity another id."""
    er.async_get(hass).async_update_entity(before, new_entity_id=after)
    await asyncio.sleep(60)


def last_event(rig: Rig) -> tuple[str, str | None]:
    state = entity(rig, "event", "charging")
    return state.state, state.attributes.get(ATTR_EVENT_TYPE)


def without_owner(hass: HomeAssistant, *, ago: timedelta = timedelta()) -> None:
    """Make what is stored that of an earlier version."""
    stored = async_get(hass).last_states
    for entity_id, old in stored.items():
        data = dict(old.extra_data.as_dict()) if old.extra_data else {}
        data.pop("unique_id", None)
        state = old.state.as_dict()
        updated = old.state.last_updated - ago
        found = State.from_dict({**state, "last_updated": updated.isoformat()})
        assert found
        stored[entity_id] = StoredState(
            found, RestoredExtraData(data), old.last_seen - ago
        )


async def test_a_charger_that_gets_anothers_entity_ids(
    hass: HomeAssistant, chargers: tuple[Rig, Rig]
) -> None:
    first, second = chargers
    totals = [number(rig, "total_energy") for rig in chargers]
    events = [last_event(rig) for rig in chargers]
    assert events[0] != events[1]
    for platform, key in (("sensor", "total_energy"), ("event", "charging")):
        taken = first.entity_id(platform, key)
        await rename(hass, taken, f"{platform}.the_first")
        await rename(hass, second.entity_id(platform, key), taken)
    await asyncio.sleep(120)
    assert [number(rig, "total_energy") for rig in chargers] == totals
    assert [last_event(rig) for rig in chargers] == events
    # Nor after a restart.
    for rig in chargers:
        assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await asyncio.sleep(120)
    assert [number(rig, "total_energy") for rig in chargers] == totals
    assert [last_event(rig) for rig in chargers] == events


async def test_there_and_back(hass: HomeAssistant, chargers: tuple[Rig, Rig]) -> None:
    """What was stored under an id it once had is older than what it knows."""
    rig, _ = chargers
    event = rig.entity_id("event", "charging")
    await rename(hass, event, "event.elsewhere")
    await charge(rig, 600)
    latest = last_event(rig)
    await rename(hass, "event.elsewhere", event)
    assert last_event(rig) == latest


@pytest.mark.parametrize("version", ["this", "earlier"])
async def test_a_charger_in_the_place_of_another(
    fast: None,
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    version: str,
) -> None:
    cloud.token_life = 1e9
    first = await setup_charger(Personality.V3)
    await asyncio.sleep(120)
    await charge(first, HOUR)
    total = first.entity_id("sensor", "total_energy")
    event = first.entity_id("event", "charging")
    assert last_event(first)[1] == "unplugged"
    await hass.config_entries.async_remove(first.entry.entry_id)
    if version == "earlier":
        without_owner(hass)
    await asyncio.sleep(HOUR / 4)
    second = await setup_charger(Personality.V3)
    await asyncio.sleep(120)
    assert second.entity_id("sensor", "total_energy") == total
    assert second.entity_id("event", "charging") == event
    assert number(second, "total_energy") == 0
    assert last_event(second) == (STATE_UNKNOWN, None)
    await charge(second, 600)
    assert number(second, "total_energy") == pytest.approx(1.25, abs=0.15)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("version", ["this", "earlier"])
async def test_what_is_its_own_is_restored(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    version: str,
) -> None:
    """Also by the first start with this version, and without the energy's file."""
    cloud.token_life = 1e9
    rig = await setup_charger(Personality.V3)
    await asyncio.sleep(120)
    await charge(rig, HOUR)
    total, event = number(rig, "total_energy"), last_event(rig)
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    if version == "earlier":
        without_owner(hass)
    del hass_storage[f"{DOMAIN}.{rig.entry.entry_id}.energy"]
    assert await hass.config_entries.async_setup(rig.entry.entry_id)
    await asyncio.sleep(120)
    assert number(rig, "total_energy") == total
    assert last_event(rig) == event


def decimal(text: str) -> dict[str, str]:
    """Return a decimal in the form Home Assistant stores it."""
    return {"__type": "<class 'decimal.Decimal'>", "decimal_str": text}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        # Earlier versions stored no owner.
        ({"native_value": 12.5, "native_unit_of_measurement": "kWh"}, 12.5),
        ({"native_value": 12500, "native_unit_of_measurement": "Wh"}, 0),
        ({"native_value": 12.5, "native_unit_of_measurement": None}, 0),
        ({"native_value": 12.5}, 0),
        ({"native_value": True, "native_unit_of_measurement": "kWh"}, 0),
        ({"native_value": "12.5", "native_unit_of_measurement": "kWh"}, 0),
        ({"native_value": decimal("NaN"), "native_unit_of_measurement": "kWh"}, 0),
        ({"native_value": decimal("Infinity"), "native_unit_of_measurement": "kWh"}, 0),
        ({"native_value": decimal("12.5"), "native_unit_of_measurement": "kWh"}, 12.5),
    ],
    ids=str,
)
async def test_what_earlier_versions_stored(
    fast: None,
    hass: HomeAssistant,
    account: Account,
    stored: Mapping[str, object],
    expected: float,
) -> None:
    charger = account.add_charger(Personality.V3)
    total = er.async_get(hass).async_get_or_create(
        "sensor",
        DOMAIN,
        f"{charger.charger_id}_total_energy",
        suggested_object_id="hypervolt_total_energy",
    )
    mock_restore_cache_with_extra_data(
        hass, [(State(total.entity_id, "12.5"), dict(stored))]
    )
    entry = add_entry(hass, charger)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    await asyncio.sleep(120)
    state = hass.states.get(total.entity_id)
    assert state
    assert float(state.state) == expected
    assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("event_type", ["pressed", 5, ["started"]], ids=str)
async def test_an_event_of_another_kind(
    fast: None,
    hass: HomeAssistant,
    account: Account,
    event_type: object,
) -> None:
    charger = account.add_charger(Personality.V3)
    event = er.async_get(hass).async_get_or_create(
        "event",
        DOMAIN,
        f"{charger.charger_id}_charging",
        suggested_object_id="hypervolt_charging",
    )
    data = {"last_event_type": event_type, "last_event_attributes": None}
    now = dt_util.utcnow().isoformat()
    mock_restore_cache_with_extra_data(hass, [(State(event.entity_id, now), data)])
    entry = add_entry(hass, charger)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    state = hass.states.get(event.entity_id)
    assert state
    assert state.state == STATE_UNKNOWN
    assert await hass.config_entries.async_unload(entry.entry_id)


# What Home Assistant 2026.11 looks for before it renames an entity in place.
HOOK = "async_entity_id_changed"
OWN_LIFE = {
    "async_added_to_hass",
    "async_prepare_to_add_to_hass",
    "async_will_remove_from_hass",
}


def test_entities_can_be_renamed_in_place() -> None:
    ours = {
        thing
        for where in (*map(module, PLATFORM_NAMES), entity_module, restore)
        for thing in vars(where).values()
        if isinstance(thing, type) and thing.__module__.startswith(PACKAGE)
    }
    with_a_life = [thing for thing in ours if OWN_LIFE & vars(thing).keys()]
    assert len(with_a_life) > 3
    for thing in with_a_life:
        hook = vars(thing).get(HOOK)
        assert hook, f"{thing.__name__} is removed and added again instead"
        assert list(inspect.signature(hook).parameters) == ["self", "old_entity_id"]
        assert is_callback(hook)
