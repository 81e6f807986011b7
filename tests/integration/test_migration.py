"""Entries of the older integration, upgraded in place; chargers side by side."""

from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
import logging
from pathlib import Path
from typing import Any

from homeassistant.components.energy.data import async_get_manager
from homeassistant.components.energy.validate import async_validate
from homeassistant.components.recorder import Recorder, get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import (
    async_import_statistics,
    get_metadata,
    statistics_during_period,
    validate_statistics,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_PASSWORD,
    CONF_USERNAME,
    STATE_OFF,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.hypervolt_charger import (
    async_migrate_entry,
    coordinator as coordinator_module,
    effect_files,
)
from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_LIVE_SEEN,
    CONF_RESOLVED_API_VERSION,
    DOMAIN,
    LED_EFFECTS_FOLDER,
)
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from tests.conftest import PASSWORD, USERNAME, Rig, SetUpCharger
from tests.integration.acting import act, keys, number
from tests.integration.entry_life import add_entry, reauth_flows, set_up, unload
from tests.simulator import (
    Account,
    Fault,
    Personality,
    Session,
    SimulatedCharger,
    SimulatedCloud,
)
from tests.waiting import eventually

from .older import (
    ENTITIES,
    LOCK_STATUS,
    MONEY_SPENT,
    OlderEntity,
    add_older_entity,
    add_older_entry,
    device_of,
    entities_of,
)

KINDS = [Personality.V3, Personality.LEGACY_V2, Personality.UPGRADED_V2]
TOTAL_INCREASING = "sensor.hypervolt_session_energy_total_increasing"
POWERS = {"ev_power", "house_power", "grid_power", "generation_power"}
RETIRED = {
    Personality.V3: {"session_power", "session_id", "ct_power"},
    Personality.UPGRADED_V2: {"session_power", "session_id", "ct_power"},
    Personality.LEGACY_V2: {"session_power"},
}

type Upgrade = Callable[..., Any]


@pytest.fixture
async def upgrade(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account
) -> AsyncGenerator[Upgrade]:
    """Start Home Assistant's part of an upgrade: set up an entry of before."""
    entries: list[MockConfigEntry] = []

    async def start(entry: MockConfigEntry, charger: SimulatedCharger) -> Rig:
        entries.append(entry)
        assert await set_up(hass, entry) is ConfigEntryState.LOADED
        return Rig(
            hass=hass, cloud=cloud, account=account, charger=charger, entry=entry
        )

    yield start
    for entry in entries:
        if hass.config_entries.async_get_entry(entry.entry_id) is not None:
            await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


def fill_schedule(charger: SimulatedCharger) -> None:
    """Use all sessions there can be."""
    hours = range(6)
    if charger.personality.speaks_v3_api:
        charger.app_set_schedule(
            enabled=False, sessions=[Session(f"{n:02}:00", f"{n:02}:30") for n in hours]
        )
    else:
        charger.app_set_schedule(
            enabled=False, intervals=[(f"{n:02}:00", f"{n:02}:30") for n in hours]
        )


def charge(charger: SimulatedCharger) -> None:
    """Have everything told that a charger can tell."""
    charger.legacy_power_fields = True
    charger.plug_in()
    charger.advance(600)


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> list[er.RegistryEntry]:
    return er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)


def entity(hass: HomeAssistant, entity_id: str) -> er.RegistryEntry:
    found = er.async_get(hass).async_get(entity_id)
    assert found, entity_id
    return found


def issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    issue_id = f"leftover_entities_{entry.entry_id}"
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


def listed(hass: HomeAssistant, entry: MockConfigEntry) -> list[str]:
    """Return the lines of the repair issue, none if there is none."""
    found = issue(hass, entry)
    if found is None:
        return []
    assert found.translation_placeholders
    assert found.translation_placeholders["charger"] == entry.title
    return found.translation_placeholders["entities"].splitlines()


def watt_hours(rig: Rig) -> float:
    """Return the energy of the session, zero while it is not known."""
    state = rig.state("sensor", "session_energy_total_increasing")
    return 0 if state in {STATE_UNAVAILABLE, STATE_UNKNOWN} else float(state)


# Entities


def test_the_fixtures_are_as_many_as_there_were() -> None:
    assert len(ENTITIES) == 49
    assert len([item for item in ENTITIES if not item.v3_only]) == 36


@pytest.mark.parametrize("personality", KINDS)
async def test_every_entity_lives_on(
    hass: HomeAssistant, account: Account, upgrade: Upgrade, personality: Personality
) -> None:
    charger = account.add_charger(personality)
    entry = add_older_entry(hass, charger)
    before = {item.entity_id: item.id for item in registered(hass, entry)}
    fill_schedule(charger)
    rig = await upgrade(entry, charger)
    charge(charger)

    alive = [
        item
        for item in entities_of(charger)
        if item.key.lower() not in RETIRED[personality]
    ]

    def shown() -> set[str]:
        states = (hass.states.get(item.entity_id) for item in alive)
        return {
            state.entity_id
            for state in states
            if state and state.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}
        }

    # A button has no state before it is pressed.
    await eventually(
        lambda: (
            shown()
            == {item.entity_id for item in alive} - {"button.hypervolt_apply_schedule"}
        )
    )
    for item in entities_of(charger):
        now = entity(hass, item.entity_id)
        assert now.id == before[item.entity_id]
        assert now.unique_id == f"{charger.charger_id}_{item.key.lower()}"
        if item in alive:
            assert now.original_device_class == item.device_class or item.key in {
                # A device class that they did not have, which changes no unit.
                "max_current",
                "charging_readiness",
            }
            assert now.unit_of_measurement == item.unit
            assert (now.capabilities or {}).get("state_class") == item.state_class
    # Each once; what is new has the usual ids.
    unique_ids = [(now.domain, now.unique_id) for now in registered(hass, entry)]
    assert len(unique_ids) == len(set(unique_ids))
    assert not [item for item in before if item.endswith("_2")]
    assert "next_charge_start" in keys(rig, "sensor")
    new = [now for now in registered(hass, entry) if now.entity_id not in before]
    assert new
    for now in new:
        key = now.unique_id.removeprefix(f"{charger.charger_id}_")
        assert now.entity_id == f"{now.domain}.hypervolt_{key}"


async def test_the_proposed_lock_status_lives_on(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    """It is our lock state."""
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    add_older_entity(hass, entry, LOCK_STATUS)
    before = entity(hass, LOCK_STATUS.entity_id)
    await upgrade(entry, charger)
    now = entity(hass, LOCK_STATUS.entity_id)
    assert (now.id, now.unique_id) == (before.id, f"{charger.charger_id}_lock_state")
    await eventually(
        lambda: (
            (state := hass.states.get(LOCK_STATUS.entity_id)) is not None
            and state.state == "unlocked"
        )
    )
    assert not [line for line in listed(hass, entry) if "lock" in line]


async def test_a_lock_status_beside_a_lock_state_in_use_is_a_leftover(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    add_older_entity(hass, entry, LOCK_STATUS)
    registry = er.async_get(hass)
    ours = registry.async_get_or_create(
        "sensor", DOMAIN, f"{charger.charger_id}_lock_state", config_entry=entry
    )
    registry.async_update_entity(ours.entity_id, name="Lock")
    await upgrade(entry, charger)
    line = f"- `{LOCK_STATUS.entity_id}` → `{ours.entity_id}`"
    assert line in listed(hass, entry)


async def test_what_a_person_made_of_them_stays(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    registry = er.async_get(hass)
    area = ar.async_get(hass).async_create("Garage")
    registry.async_update_entity(
        "sensor.hypervolt_ev_power",
        new_entity_id="sensor.wallbox",
        name="Wallbox",
        area_id=area.id,
        icon="mdi:car",
        labels={"energy"},
        aliases=["The wallbox"],
    )
    registry.async_update_entity_options(
        "sensor.wallbox", "sensor", {"display_precision": 2}
    )
    registry.async_update_entity(
        "sensor.hypervolt_voltage", disabled_by=er.RegistryEntryDisabler.USER
    )
    registry.async_update_entity(
        "sensor.hypervolt_grid_power", hidden_by=er.RegistryEntryHider.USER
    )
    before = entity(hass, "sensor.wallbox")
    rig = await upgrade(entry, charger)

    now = entity(hass, "sensor.wallbox")
    assert now.id == before.id
    assert now.unique_id == f"{charger.charger_id}_ev_power"
    assert now.options["sensor"]["display_precision"] == 2
    for field in ("name", "area_id", "icon", "labels", "aliases"):
        assert getattr(now, field) == getattr(before, field), field
    await eventually(lambda: number(rig, "ev_power") == 0)
    state = hass.states.get("sensor.wallbox")
    assert state
    assert state.name == "Wallbox"
    voltage = entity(hass, "sensor.hypervolt_voltage")
    assert voltage.disabled_by is er.RegistryEntryDisabler.USER
    assert voltage.unique_id == f"{charger.charger_id}_voltage"
    assert hass.states.get("sensor.hypervolt_voltage") is None
    grid = entity(hass, "sensor.hypervolt_grid_power")
    assert grid.hidden_by is er.RegistryEntryHider.USER
    # Enabled there, though disabled at first here.
    assert hass.states.get("number.hypervolt_led_brightness")


@pytest.mark.parametrize("device_name", [None, "Garage charger"])
async def test_names_of_before_home_assistant_2026_11(
    hass: HomeAssistant,
    account: Account,
    upgrade: Upgrade,
    monkeypatch: pytest.MonkeyPatch,
    device_name: str | None,
) -> None:
    """What is asked of it; tests/process/test_next.py sees what it makes of that."""
    aliases: list[str] = []
    monkeypatch.setattr(
        er.RegistryEntry,
        "compat_name",
        property(lambda entry: entry.name),
        raising=False,
    )
    monkeypatch.setattr(
        er,
        "async_preserve_compat_name_as_alias",
        lambda _, entity_id: aliases.append(entity_id),
        raising=False,
    )
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    dr.async_get(hass).async_update_device(
        device_of(hass, entry).id, name_by_user=device_name
    )
    registry = er.async_get(hass)
    names = {"ev_power": "Wallbox", "voltage": "hypervolt Volts"}
    for key, name in names.items():
        registry.async_update_entity(f"sensor.hypervolt_{key}", name=name)
    await upgrade(entry, charger)
    assert entity(hass, "sensor.hypervolt_ev_power").name == "Wallbox"
    volts = entity(hass, "sensor.hypervolt_voltage")
    assert volts.name == ("hypervolt Volts" if device_name else "Volts")
    named = [f"sensor.hypervolt_{key}" for key in names]
    assert sorted(aliases) == (named if device_name else named[:1])


async def test_a_second_charger_keeps_its_own(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    first, second = account.add_charger(), account.add_charger(Personality.LEGACY_V2)
    rigs = [(add_older_entry(hass, charger), charger) for charger in (first, second)]
    for entry, charger in rigs:
        if entry.state is not ConfigEntryState.LOADED:
            await upgrade(entry, charger)
    for (entry, charger), suffix in zip(rigs, ("", "_2"), strict=True):
        for item in entities_of(charger):
            # What only a V3 has is there once.
            found = entity(hass, f"{item.entity_id}{suffix}")
            assert found.unique_id == f"{charger.charger_id}_{item.key.lower()}"
            assert found.config_entry_id == entry.entry_id


# Where the new unique id is there already


def add_younger(
    hass: HomeAssistant, entry: MockConfigEntry, **changes: Any
) -> er.RegistryEntry:
    """Register what this integration made beside the older entity."""
    registry = er.async_get(hass)
    younger = registry.async_get_or_create(
        "sensor",
        DOMAIN,
        f"{entry.unique_id}_voltage",
        config_entry=entry,
        suggested_object_id="hypervolt_voltage",
    )
    assert younger.entity_id == "sensor.hypervolt_voltage_2"
    return registry.async_update_entity(younger.entity_id, **changes)


async def test_an_unused_younger_entity_gives_way(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    add_younger(hass, entry)
    await upgrade(entry, charger)
    assert er.async_get(hass).async_get("sensor.hypervolt_voltage_2") is None
    older = entity(hass, "sensor.hypervolt_voltage")
    assert older.unique_id == f"{charger.charger_id}_voltage"
    assert hass.states.get("sensor.hypervolt_voltage")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Volts"},
        {"icon": "mdi:flash"},
        {"area_id": "garage", "name": "Volts"},
        {"labels": {"energy"}},
    ],
    ids=str,
)
async def test_a_younger_entity_in_use_stays_beside_the_older(
    hass: HomeAssistant, account: Account, upgrade: Upgrade, changes: dict[str, Any]
) -> None:
    ar.async_get(hass).async_create("Garage")
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    add_younger(hass, entry, **changes)
    await upgrade(entry, charger)
    assert hass.states.get("sensor.hypervolt_voltage_2")
    older = entity(hass, "sensor.hypervolt_voltage")
    assert older.unique_id == f"{charger.charger_id}_Voltage"
    line = "- `sensor.hypervolt_voltage` → `sensor.hypervolt_voltage_2`"
    assert line in listed(hass, entry)


async def test_an_older_entity_that_is_off_takes_nothing_away(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    er.async_get(hass).async_update_entity(
        "sensor.hypervolt_voltage", disabled_by=er.RegistryEntryDisabler.USER
    )
    add_younger(hass, entry)
    await upgrade(entry, charger)
    assert hass.states.get("sensor.hypervolt_voltage_2")
    assert entity(hass, "sensor.hypervolt_voltage").disabled
    assert not [line for line in listed(hass, entry) if "voltage" in line]


async def test_another_entrys_entity_stays(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    add_younger(hass, entry, config_entry_id=other.entry_id)
    await upgrade(entry, charger)
    assert er.async_get(hass).async_get("sensor.hypervolt_voltage_2")
    assert entity(hass, "sensor.hypervolt_voltage").unique_id.endswith("_Voltage")


async def test_the_one_with_the_older_history_stays(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    """Somebody went back to the older integration for a while."""
    charger = account.add_charger()
    entry = MockConfigEntry(domain=DOMAIN, unique_id=charger.charger_id)
    entry.add_to_hass(hass)
    ours = er.async_get(hass).async_get_or_create(
        "sensor",
        DOMAIN,
        f"{charger.charger_id}_voltage",
        config_entry=entry,
        suggested_object_id="hypervolt_voltage",
    )
    hass.config_entries.async_update_entry(
        entry,
        data={
            CONF_USERNAME: USERNAME,
            CONF_PASSWORD: PASSWORD,
            CONF_CHARGER_ID: charger.charger_id,
        },
    )
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, charger.charger_id)}
    )
    (voltage,) = (item for item in ENTITIES if item.key == "Voltage")
    add_older_entity(hass, entry, voltage)
    await upgrade(entry, charger)
    assert entity(hass, ours.entity_id).unique_id == f"{charger.charger_id}_voltage"
    line = "- `sensor.hypervolt_voltage_2` → `sensor.hypervolt_voltage`"
    assert line in listed(hass, entry)


# Entities that nothing fills


@pytest.mark.parametrize(
    ("personality", "lines"),
    [
        (
            Personality.V3,
            [
                "- `sensor.hypervolt_ct_power` → `sensor.hypervolt_grid_power`",
                "- `sensor.hypervolt_session_id`",
                "- `sensor.hypervolt_session_money_spent`",
                "- `sensor.hypervolt_session_power` → `sensor.hypervolt_ev_power`",
            ],
        ),
        (
            Personality.LEGACY_V2,
            [
                "- `sensor.hypervolt_session_money_spent`",
                "- `sensor.hypervolt_session_power` → `sensor.hypervolt_ev_power`",
            ],
        ),
    ],
)
async def test_leftovers_are_told_of_until_they_are_deleted(
    hass: HomeAssistant,
    account: Account,
    upgrade: Upgrade,
    personality: Personality,
    lines: list[str],
) -> None:
    charger = account.add_charger(personality)
    entry = add_older_entry(hass, charger)
    add_older_entity(hass, entry, MONEY_SPENT)
    unknown = OlderEntity(platform="sensor", key="Of_The_Future")
    add_older_entity(hass, entry, unknown)
    await upgrade(entry, charger)
    assert listed(hass, entry) == lines
    told = issue(hass, entry)
    assert told
    assert told.translation_key == "leftover_entities"
    assert charger.charger_id not in str(told)

    # It says so as long as there is one, and no longer.
    registry = er.async_get(hass)
    while lines:
        assert await hass.config_entries.async_reload(entry.entry_id)
        assert listed(hass, entry) == lines
        registry.async_remove(lines.pop().split("`")[1])
        await hass.async_block_till_done()
        assert listed(hass, entry) == lines
    assert issue(hass, entry) is None
    assert entity(hass, unknown.entity_id).unique_id.endswith("_Of_The_Future")


async def test_leftovers_that_are_off_are_not_told_of(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    registry = er.async_get(hass)
    for key in RETIRED[Personality.V3]:
        registry.async_update_entity(
            f"sensor.hypervolt_{key}", disabled_by=er.RegistryEntryDisabler.USER
        )
    await upgrade(entry, charger)
    assert issue(hass, entry) is None


async def test_leftovers_deleted_while_not_set_up(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    entry = add_older_entry(hass, charger)
    await upgrade(entry, charger)
    await unload(hass, entry)
    er.async_get(hass).async_remove("sensor.hypervolt_session_power")
    await hass.async_block_till_done()
    assert issue(hass, entry)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    assert issue(hass, entry) is None


async def test_a_new_entry_has_no_leftovers(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    for personality in KINDS:
        rig = await setup_charger(personality)
        assert issue(hass, rig.entry) is None


async def look_by_itself(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the API version from v2 to automatic, as the options do."""
    hass.config_entries.async_update_entry(entry, options={})
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.runtime_data.client.variant is ApiVariant.V3


async def test_what_we_made_ourselves_is_not_of_the_older_integration(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_entry(hass, charger, options={CONF_API_VERSION_OVERRIDE: "v2"})
    rig = await upgrade(entry, charger)
    assert {"ct_power", "session_id"} <= keys(rig, "sensor")
    await look_by_itself(hass, entry)
    assert {"ct_power", "session_id"} <= keys(rig, "sensor")
    assert issue(hass, entry) is None


async def test_what_the_older_integration_made_stays_known_as_its_own(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger, options={CONF_API_VERSION_OVERRIDE: "v2"})
    await upgrade(entry, charger)
    assert entity(hass, "sensor.hypervolt_ct_power").has_entity_name
    await look_by_itself(hass, entry)
    assert listed(hass, entry)[:2] == [
        "- `sensor.hypervolt_ct_power` → `sensor.hypervolt_grid_power`",
        "- `sensor.hypervolt_session_id`",
    ]


async def test_entities_adopted_by_an_earlier_version_are_still_told_of(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    """It rewrote their unique ids and marked nothing."""
    charger = account.add_charger()
    entry = add_entry(hass, charger)
    er.async_get(hass).async_get_or_create(
        "sensor",
        DOMAIN,
        f"{charger.charger_id}_ct_power",
        config_entry=entry,
        original_name="Hypervolt CT Power",
        suggested_object_id="hypervolt_ct_power",
    )
    await upgrade(entry, charger)
    assert listed(hass, entry) == [
        "- `sensor.hypervolt_ct_power` → `sensor.hypervolt_grid_power`"
    ]


async def test_renamed_entities_are_told_of_by_their_new_ids(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2)
    entry = add_older_entry(hass, charger)
    await upgrade(entry, charger)
    registry = er.async_get(hass)
    for old, new in (("session_power", "older"), ("ev_power", "newer")):
        registry.async_update_entity(
            f"sensor.hypervolt_{old}", new_entity_id=f"sensor.{new}"
        )
        await hass.async_block_till_done()
    assert listed(hass, entry) == ["- `sensor.older` → `sensor.newer`"]
    registry.async_remove("sensor.older")
    await hass.async_block_till_done()
    assert issue(hass, entry) is None


# The entry and its device


@pytest.mark.parametrize("personality", KINDS)
@pytest.mark.parametrize("title", ["Hypervolt {}", "{}"])
async def test_titles_no_longer_tell_the_id(  # noqa: PLR0917 - fixtures
    hass: HomeAssistant,
    account: Account,
    upgrade: Upgrade,
    caplog: pytest.LogCaptureFixture,
    personality: Personality,
    title: str,
) -> None:
    charger = account.add_charger(personality)
    name = title.format(charger.charger_id)
    entry = add_older_entry(hass, charger, title=name, device_name=name)
    caplog.clear()
    caplog.set_level(logging.DEBUG, "custom_components.hypervolt_charger")
    await upgrade(entry, charger)
    model = "Home 3" if personality is Personality.V3 else "Home 2"
    assert entry.title == f"Hypervolt {model} (…{charger.charger_id[-4:]})"
    assert (entry.version, entry.minor_version) == (2, 1)
    assert entry.unique_id == charger.charger_id
    ours = [item for item in caplog.records if "hypervolt_charger" in item.name]
    assert not [item for item in ours if charger.charger_id in item.getMessage()]


async def test_a_title_that_a_person_chose_stays(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger, title="Hypervolt at home")
    await upgrade(entry, charger)
    assert entry.title == "Hypervolt at home"


@pytest.mark.parametrize("chosen", [None, "Garage charger"])
async def test_the_device_stays(
    hass: HomeAssistant, account: Account, upgrade: Upgrade, chosen: str | None
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    before = device_of(hass, entry)
    dr.async_get(hass).async_update_device(
        before.id,
        area_id=ar.async_get(hass).async_create("Garage").id,
        labels={"energy"},
        name_by_user=chosen,
    )
    rig = await upgrade(entry, charger)
    now = device_of(hass, entry)
    assert now.id == before.id
    assert (now.name, now.name_by_user) == ("Hypervolt", chosen)
    assert (now.area_id, now.labels) == ("garage", {"energy"})
    # New entities go by the name that people see, never by the id.
    slug = "garage_charger" if chosen else "hypervolt"
    assert rig.entity_id("sensor", "next_charge_start").endswith(
        f"{slug}_next_charge_start"
    )
    assert not [
        entity_id
        for entity_id in hass.states.async_entity_ids()
        if charger.charger_id in entity_id
    ]


@pytest.mark.parametrize(
    ("data", "options", "found", "chosen"),
    [
        ({}, {}, None, None),
        ({}, {"enable_staleness_detection": True}, None, None),
        ({}, {CONF_API_VERSION_OVERRIDE: "auto"}, None, None),
        ({}, {CONF_API_VERSION_OVERRIDE: "v3"}, None, "v3"),
        ({}, {CONF_API_VERSION_OVERRIDE: "V3"}, None, "v3"),
        ({}, {CONF_API_VERSION_OVERRIDE: "3"}, None, "v3"),
        ({}, {CONF_API_VERSION_OVERRIDE: 3}, None, "v3"),
        ({}, {CONF_API_VERSION_OVERRIDE: 2.0}, None, "v2"),
        ({}, {CONF_API_VERSION_OVERRIDE: "2.0"}, None, "v2"),
        ({}, {CONF_API_VERSION_OVERRIDE: "nonsense"}, None, None),
        ({}, {CONF_API_VERSION_OVERRIDE: None}, None, None),
        ({}, {CONF_API_VERSION_OVERRIDE: True}, None, None),
        ({CONF_API_VERSION_OVERRIDE: 3}, {}, None, "v3"),
        # What a person chose in the form comes before what was there earlier.
        (
            {CONF_API_VERSION_OVERRIDE: 3},
            {CONF_API_VERSION_OVERRIDE: "auto"},
            None,
            None,
        ),
        ({CONF_RESOLVED_API_VERSION: "v3"}, {}, "v3", None),
        ({CONF_RESOLVED_API_VERSION: 3}, {}, "v3", None),
        ({CONF_RESOLVED_API_VERSION: "2.0"}, {}, "v2", None),
        ({CONF_RESOLVED_API_VERSION: "v4"}, {}, None, None),
        ({}, {CONF_RESOLVED_API_VERSION: 3}, "v3", None),
        ({}, {CONF_RESOLVED_API_VERSION: " V2 "}, "v2", None),
        (
            {CONF_RESOLVED_API_VERSION: "v2"},
            {CONF_RESOLVED_API_VERSION: "v3", CONF_API_VERSION_OVERRIDE: 3},
            "v2",
            "v3",
        ),
    ],
    ids=str,
)
async def test_options_of_every_form(  # noqa: PLR0917 - a table
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    upgrade: Upgrade,
    data: dict[str, object],
    options: dict[str, object],
    found: str | None,
    chosen: str | None,
) -> None:
    """On V2 hardware that tells nothing, all is as the entry says."""
    charger = account.add_charger(Personality.UPGRADED_V2)
    cloud.faults.enable(Fault.LOST, methods=["schedules.get", "firmware.version"])
    entry = add_older_entry(
        hass, charger, data=data, options={**options, "kept": "as it is"}
    )
    rig = await upgrade(entry, charger)
    assert entry.options == {
        "kept": "as it is",
        **({CONF_API_VERSION_OVERRIDE: chosen} if chosen else {}),
    }
    known = chosen or found
    # What has come over the socket meanwhile is another matter.
    assert {**entry.data, CONF_LIVE_SEEN: True} == {
        CONF_LIVE_SEEN: True,
        CONF_USERNAME: USERNAME,
        CONF_PASSWORD: PASSWORD,
        CONF_CHARGER_ID: charger.charger_id,
        **({CONF_RESOLVED_API_VERSION: known} if known else {}),
    }
    assert rig.coordinator.client.variant == known


async def test_an_entry_whose_charger_id_is_no_number(
    hass: HomeAssistant, account: Account
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger, data={CONF_CHARGER_ID: "abc"})
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "invalid_charger_id"
    assert entry.version == 2


async def test_a_charger_id_stored_as_a_number(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    number = int(charger.charger_id)
    entry = add_older_entry(hass, charger, data={CONF_CHARGER_ID: number})
    await upgrade(entry, charger)
    assert entry.data[CONF_CHARGER_ID] == charger.charger_id
    assert entity(hass, TOTAL_INCREASING).unique_id.endswith("_increasing")


# Again, in between, and back


async def test_migrating_twice_changes_nothing(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    await upgrade(entry, charger)
    await unload(hass, entry)
    before = (registered(hass, entry), entry.title, dict(entry.data))
    # As if the registries had been written, but not the entry.
    hass.config_entries.async_update_entry(entry, version=1)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    after = (registered(hass, entry), entry.title, dict(entry.data))
    assert [item.unique_id for item in after[0]] == [
        item.unique_id for item in before[0]
    ]
    assert after[1:] == before[1:]
    assert entry.version == 2


async def test_a_set_up_that_failed_in_between(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    upgrade: Upgrade,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordinator_module, "SET_UP_LIMIT", 0.8)
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    cloud.faults.enable(Fault.BAD_CLOSE, mode="503")
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.version == 2
    cloud.faults.clear()
    await hass.config_entries.async_unload(entry.entry_id)
    rig = await upgrade(entry, charger)
    await eventually(lambda: rig.state("switch", "lock_state") == STATE_OFF)
    assert entity(hass, TOTAL_INCREASING).unique_id == (
        f"{charger.charger_id}_session_energy_total_increasing"
    )


async def test_an_entry_of_a_later_major_version_is_left_alone(
    hass: HomeAssistant, account: Account
) -> None:
    entry = add_older_entry(hass, account.add_charger())
    hass.config_entries.async_update_entry(entry, version=3)
    assert await set_up(hass, entry) is ConfigEntryState.MIGRATION_ERROR
    # Home Assistant sees to that itself, but other versions of it may not.
    assert not await async_migrate_entry(hass, entry)
    assert entry.version == 3
    assert entity(hass, "sensor.hypervolt_voltage").unique_id.endswith("_Voltage")


async def test_an_entry_of_a_later_minor_version_loads(
    hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger, options={"of_the_future": 1})
    hass.config_entries.async_update_entry(entry, version=2, minor_version=7)
    await upgrade(entry, charger)
    assert (entry.version, entry.minor_version) == (2, 7)
    assert entry.options == {"of_the_future": 1}


# Energy and statistics


async def import_statistics(
    hass: HomeAssistant, older: list[OlderEntity]
) -> dict[str, float]:
    """Give entities a statistic of yesterday; return each one's value."""
    units = {"Wh": "energy", "g": "mass", "A": "electric_current", "W": "power"}
    hour = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    values = {}
    for count, item in enumerate(older, start=1):
        has_sum = item.state_class in {"total", "total_increasing"}
        metadata = StatisticMetaData(
            mean_type=StatisticMeanType.NONE
            if has_sum
            else StatisticMeanType.ARITHMETIC,
            has_sum=has_sum,
            name=None,
            source="recorder",
            statistic_id=item.entity_id,
            unit_class={**units, "V": "voltage"}.get(item.unit or ""),
            unit_of_measurement=item.unit,
        )
        value = float(count)
        row = StatisticData(start=hour - timedelta(days=1))
        row.update({"sum": value, "state": value} if has_sum else {"mean": value})
        async_import_statistics(hass, metadata, [row])
        values[item.entity_id] = value
    await async_wait_recording_done(hass)
    return values


@pytest.mark.parametrize("personality", KINDS)
async def test_statistics_go_on_under_their_ids(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    account: Account,
    upgrade: Upgrade,
    personality: Personality,
) -> None:
    assert await async_setup_component(hass, "sensor", {})
    charger = account.add_charger(personality)
    entry = add_older_entry(hass, charger)
    recorded = [item for item in entities_of(charger) if item.state_class]
    values = await import_statistics(hass, recorded)
    rig = await upgrade(entry, charger)
    charge(charger)
    await eventually(lambda: watt_hours(rig) > 0)
    await async_wait_recording_done(hass)

    recorder = get_instance(hass)
    found = await recorder.async_add_executor_job(
        lambda: statistics_during_period(
            hass,
            dt_util.utcnow() - timedelta(days=2),
            None,
            set(values),
            "hour",
            None,
            {"sum", "mean"},
        )
    )
    assert {
        entity_id: rows[0].get("sum") or rows[0].get("mean")
        for entity_id, rows in found.items()
    } == values
    metadata = await recorder.async_add_executor_job(
        lambda: get_metadata(hass, statistic_source="recorder")
    )
    assert set(metadata) == set(values)
    problems = await recorder.async_add_executor_job(validate_statistics, hass)
    retired = {f"sensor.hypervolt_{key}" for key in RETIRED[personality]}
    # A sensor that is not filled has nothing to be wrong but its absence.
    assert {
        entity_id: [problem.type for problem in found]
        for entity_id, found in problems.items()
        if entity_id not in retired
    } == {}
    assert not [
        found for domain, found in ir.async_get(hass).issues if domain == "sensor"
    ]


async def test_the_energy_panel_goes_on(
    recorder_mock: Recorder, hass: HomeAssistant, account: Account, upgrade: Upgrade
) -> None:
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    (item,) = (item for item in ENTITIES if item.entity_id == TOTAL_INCREASING)
    await import_statistics(hass, [item])
    manager = await async_get_manager(hass)
    await manager.async_update(
        {
            "energy_sources": [],
            "device_consumption": [{"stat_consumption": TOTAL_INCREASING}],
        }
    )
    rig = await upgrade(entry, charger)
    charge(charger)
    await eventually(lambda: watt_hours(rig) > 0)
    await async_wait_recording_done(hass)
    assert rig.entity_id("sensor", "session_energy_total_increasing") == (
        TOTAL_INCREASING
    )
    assert manager.data
    (device,) = manager.data["device_consumption"]
    assert device["stat_consumption"] == TOTAL_INCREASING
    validation = await async_validate(hass)
    assert [list(found.issues) for found in validation.device_consumption] == [[]]


# Removal


async def remove_device(
    rig: Rig, ws: WebSocketGenerator, device: dr.DeviceEntry
) -> bool:
    """Delete a device as a person does."""
    client = await ws(rig.hass)
    await client.send_json_auto_id(
        {
            "type": "config/device_registry/remove_config_entry",
            "device_id": device.id,
            "config_entry_id": rig.entry.entry_id,
        }
    )
    answer: dict[str, Any] = await client.receive_json()
    return bool(answer["success"])


async def test_only_a_stale_device_can_be_deleted(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    hass_ws_client: WebSocketGenerator,
) -> None:
    rig = await setup_charger(Personality.V3)
    assert await async_setup_component(hass, "config", {})
    registry, live = dr.async_get(hass), device_of(hass, rig.entry)
    stale = registry.async_get_or_create(
        config_entry_id=rig.entry.entry_id, identifiers={(DOMAIN, "12345")}
    )
    assert not await remove_device(rig, hass_ws_client, live)
    assert registry.async_get(live.id)
    assert await remove_device(rig, hass_ws_client, stale)
    assert registry.async_get(stale.id) is None


async def test_removing_an_entry_removes_all_it_kept(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: Account,
    upgrade: Upgrade,
    older_effects: Path,
) -> None:
    (older_effects / "mine.yaml").write_text("name: Mine\ndefault_colour: red\n")
    charger = account.add_charger()
    entry = add_older_entry(hass, charger)
    await upgrade(entry, charger)
    stored: dict[str, Any] = {"version": 1, "key": "", "data": {}}
    hass_storage[f"{DOMAIN}.{entry.entry_id}"] = stored
    issues = ir.async_get(hass).issues
    assert len(issues) == 2
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert [key for key in hass_storage if DOMAIN in key] == []
    assert not issues
    assert registered(hass, entry) == []
    assert not dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert hass.states.async_entity_ids() == []


# LED effects in the older integration's folder


@pytest.fixture
def older_effects(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The older folder, with what the older integration came with."""
    folder = tmp_path / "led_effects"
    folder.mkdir()
    (folder / "flag.yaml").write_text("name: Flag\ndefault_colour: red\n")
    monkeypatch.setattr(effect_files, "_OLDER_FOLDER", folder)
    hass.config.config_dir = str(tmp_path)
    return folder


def older_effects_issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, "older_led_effects")


async def test_effects_in_the_older_folder_work_until_they_are_moved(
    hass: HomeAssistant, setup_charger: SetUpCharger, older_effects: Path
) -> None:
    (older_effects / "mine.yaml").write_text("name: Mine\ndefault_colour: red\n")
    rig = await setup_charger(Personality.V3)
    await act(rig, "light", "turn_on", "led", effect="Mine")
    assert rig.charger.leds
    told = older_effects_issue(hass)
    assert told
    assert told.translation_placeholders == {
        "effects": "Mine",
        "older_folder": "custom_components/hypervolt_charger/led_effects",
        "folder": "hypervolt_led_effects",
    }

    folder = older_effects.parent / LED_EFFECTS_FOLDER
    folder.mkdir()
    (older_effects / "mine.yaml").rename(folder / "mine.yaml")
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await act(rig, "light", "turn_on", "led", effect="Mine")
    assert older_effects_issue(hass) is None


async def test_effects_copied_are_not_told_of(
    hass: HomeAssistant, setup_charger: SetUpCharger, older_effects: Path
) -> None:
    folder = older_effects.parent / LED_EFFECTS_FOLDER
    folder.mkdir()
    for place in (older_effects, folder):
        (place / "mine.yaml").write_text("name: Mine\ndefault_colour: red\n")
    rig = await setup_charger(Personality.V3)
    assert [effect.label for effect in rig.coordinator.led_effects] == ["Mine"]
    assert older_effects_issue(hass) is None


async def test_what_the_older_integration_came_with_is_no_news(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    older_effects: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = await setup_charger(Personality.V3)
    assert rig.coordinator.led_effects == ()
    assert older_effects_issue(hass) is None
    assert not [
        record
        for record in caplog.records
        if record.levelno >= logging.WARNING and "LED effect" in record.getMessage()
    ]


# Side by side


async def test_several_chargers_and_several_accounts_side_by_side_never_mix(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account, upgrade: Upgrade
) -> None:
    login = {CONF_USERNAME: "neighbour@example.com", CONF_PASSWORD: "another secret"}
    neighbour = cloud.add_account(*login.values())
    chargers = [
        account.add_charger(Personality.V3),
        account.add_charger(Personality.LEGACY_V2),
        neighbour.add_charger(Personality.V3),
    ]
    entries = [
        add_older_entry(hass, charger, data=login if charger is chargers[2] else None)
        for charger in chargers
    ]
    # Home Assistant sets up all entries of a domain that it had not loaded.
    assert await set_up(hass, entries[0]) is ConfigEntryState.LOADED
    rigs = [
        Rig(hass=hass, cloud=cloud, account=owner, charger=charger, entry=entry)
        for owner, charger, entry in zip(
            (account, account, neighbour), chargers, entries, strict=True
        )
    ]
    assert [entry.state for entry in entries] == [ConfigEntryState.LOADED] * 3

    def limits(of: list[Rig]) -> list[str]:
        states = (rig.state("number", "max_current") for rig in of)
        return [state.removesuffix(".0") for state in states]

    # States: each shows its own.
    for amps, charger in enumerate(chargers, start=10):
        charger.app_apply(max_current=amps * 1000)
    await eventually(lambda: limits(rigs) == ["10", "11", "12"])
    chargers[2].plug_in()
    await eventually(lambda: rigs[2].state("switch", "charging") == "on")
    await eventually(lambda: rigs[0].state("switch", "charging") == STATE_OFF)

    # Commands: each reaches its own.
    told = [10_000, 11_000, 12_000]
    for index, rig in enumerate(rigs):
        await act(rig, "number", "set_value", "max_current", value=20 + index)
        told[index] += 10_000
        assert [charger.max_current for charger in chargers] == told

    # Devices: each has its own entities.
    devices = [device_of(hass, entry) for entry in entries]
    assert len({device.id for device in devices}) == 3
    for rig, device in zip(rigs, devices, strict=True):
        assert device.identifiers == {(DOMAIN, rig.charger.charger_id)}
        for item in registered(hass, rig.entry):
            assert item.device_id == device.id
            assert item.unique_id.startswith(f"{rig.charger.charger_id}_")
    ids = [item.entity_id for entry in entries for item in registered(hass, entry)]
    assert len(ids) == len(set(ids))

    # Trouble of one account is not the other's.
    neighbour.password = "changed in the app"
    neighbour.sign_out_everywhere()
    await cloud.drop_all()
    await eventually(lambda: reauth_flows(hass) == [entries[2].entry_id])
    await eventually(lambda: limits(rigs[:2]) == ["20", "21"])

    # Removal: the others stay.
    await hass.config_entries.async_remove(entries[0].entry_id)
    await hass.async_block_till_done()
    assert device_of(hass, entries[1]).id == devices[1].id
    assert device_of(hass, entries[2]).id == devices[2].id
    assert registered(hass, entries[0]) == []
    await act(rigs[1], "number", "set_value", "max_current", value=30)
    assert [charger.max_current for charger in chargers] == [20_000, 30_000, 22_000]
    await unload(hass, entries[1])
    await hass.config_entries.async_unload(entries[2].entry_id)
