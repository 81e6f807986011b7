"""The dialect a charger speaks is what it answers, remembered and never final."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_RESOLVED_API_VERSION,
)
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
)
from tests.conftest import Rig, SetUpCharger
from tests.integration.acting import act
from tests.integration.entry_life import add_entry, set_up, unload
from tests.simulator import Account, Fault, Personality, SimulatedCloud
from tests.waiting import eventually

NIGHT = Schedule(
    enabled=True,
    sessions=(
        ScheduleSession(
            start=ClockTime.parse("01:00"), end=ClockTime.parse("05:00"), mode="boost"
        ),
    ),
)
# Some of what only the newer dialect tells and takes.
V3_ONLY = [
    ("binary_sensor", "car_plugged"),
    ("text", "schedule_session_1_days_of_week"),
]
UNTOLD = (None, STATE_UNAVAILABLE, STATE_UNKNOWN)
REST_SCHEDULE = "/schedule"
SESSION_SOCKET = "/session/in-progress"


def entities(rig: Rig) -> set[str]:
    """Return the unique ids of all entities."""
    registry = er.async_get(rig.hass)
    entries = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    return {entry.unique_id for entry in entries}


def shown(rig: Rig, platform: str, key: str) -> str | None:
    """Return an entity's state; None while there is no such entity."""
    if f"{rig.charger.charger_id}_{key}" not in entities(rig):
        return None
    return rig.state(platform, key)


def available(rig: Rig) -> bool:
    """Whether all that is only in the newer dialect can be used."""
    return all(shown(rig, *item) not in (None, STATE_UNAVAILABLE) for item in V3_ONLY)


def unavailable(rig: Rig) -> bool:
    """Whether all that is only in the newer dialect is there, but can't be used."""
    return all(shown(rig, *item) == STATE_UNAVAILABLE for item in V3_ONLY)


def rest_writes(cloud: SimulatedCloud) -> int:
    return cloud.request_count(REST_SCHEDULE, method="PUT")


def remembered(rig: Rig) -> Any:
    return rig.entry.data.get(CONF_RESOLVED_API_VERSION)


async def notice(rig: Rig, how: str) -> None:
    """Bring about one of the occasions on which a change is noticed."""
    if how == "poll":
        await rig.coordinator.async_refresh()
    else:
        await rig.cloud.drop_all()


noticed = pytest.mark.parametrize("how", ["poll", "reconnect"])


# Changes while it runs


@noticed
@pytest.mark.parametrize("firmware", ["1.0", "1", 1])
async def test_an_upgraded_v2_gets_the_newer_entities(
    setup_charger: SetUpCharger,
    cloud: SimulatedCloud,
    how: str,
    firmware: str | int,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await cloud.wait_for(lambda: cloud.open_sockets == 2)
    before, coordinator = entities(rig), rig.coordinator
    assert not available(rig)

    rig.charger.install(Personality.UPGRADED_V2, firmware)
    rig.charger.plug_in()
    await notice(rig, how)
    await eventually(lambda: remembered(rig) == "v3")
    await eventually(lambda: entities(rig) > before)
    rig.charger.unplug()
    rig.charger.plug_in()
    await eventually(lambda: available(rig))
    assert shown(rig, "sensor", "session_id") == STATE_UNAVAILABLE
    # Not by a reload: nothing was interrupted.
    assert rig.coordinator is coordinator
    assert rig.entry.state is ConfigEntryState.LOADED
    # The session socket of the older dialect is given up.
    await cloud.wait_for(lambda: cloud.open_sockets == 1)


@noticed
async def test_an_upgraded_v2_is_never_written_over_rest(
    setup_charger: SetUpCharger, cloud: SimulatedCloud, how: str
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    client = rig.coordinator.client
    rig.charger.app_set_schedule(enabled=True, intervals=[("02:00", "03:00")])
    rig.charger.install(Personality.UPGRADED_V2)
    cloud.faults.enable(Fault.STALE_REST, put="overwrite")
    await notice(rig, how)
    await eventually(lambda: client.variant is ApiVariant.V3)
    asked = cloud.request_count(REST_SCHEDULE)

    await client.set_schedule(NIGHT)
    await act(
        rig, "select", "select_option", "activation_mode", option="plug_and_charge"
    )
    await act(rig, "select", "select_option", "charge_mode", option="eco")
    await rig.coordinator.async_refresh()
    assert rest_writes(cloud) == 0
    assert cloud.request_count(REST_SCHEDULE) == asked
    (session,) = rig.charger.schedule.sessions
    assert (session.start_time, session.end_time) == ("01:00", "05:00")
    assert not rig.charger.schedule.enabled
    assert rig.charger.plugncharge == "eco"


@pytest.mark.parametrize("command", ["schedule", "activation mode"])
async def test_an_upgrade_is_noticed_before_the_schedule_is_written(
    setup_charger: SetUpCharger, cloud: SimulatedCloud, command: str
) -> None:
    """In the minutes before any other occasion."""
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.install(Personality.UPGRADED_V2)
    rig.charger.app_set_schedule(
        sessions=[
            {
                "start_time": "11:00",
                "end_time": "12:00",
                "session_type": "recurring",
                "mode": "boost",
            }
        ]
    )
    if command == "schedule":
        await rig.coordinator.client.set_schedule(NIGHT)
        assert rig.charger.schedule.sessions[0].start_time == "01:00"
    else:
        await act(rig, "select", "select_option", "activation_mode", option="schedule")
        assert rig.charger.schedule.sessions[0].start_time == "11:00"
    assert rig.charger.schedule.enabled
    assert rest_writes(cloud) == 0
    assert remembered(rig) == "v3"


async def test_an_upgrade_is_noticed_before_the_mode_is_written(
    setup_charger: SetUpCharger,
) -> None:
    """What the older way writes is repeated by the newer firmware, and not taken."""
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.install(Personality.UPGRADED_V2)
    await act(rig, "select", "select_option", "charge_mode", option="eco")
    assert rig.charger.plugncharge == "eco"
    assert remembered(rig) == "v3"


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_refusal_makes_no_legacy_v2_of_an_upgraded_one(
    hass: HomeAssistant, setup_charger: SetUpCharger, restarted: bool
) -> None:
    """What the older way writes would be repeated, and not taken (F11)."""
    rig = await setup_charger(Personality.UPGRADED_V2)
    await eventually(lambda: remembered(rig) == "v3")
    rig.cloud.faults.enable(Fault.NOT_ALLOWED, charger=rig.charger)
    if restarted:
        assert await hass.config_entries.async_reload(rig.entry.entry_id)
        await hass.async_block_till_done()
    await rig.coordinator.client.refresh()
    with pytest.raises(HomeAssistantError, match="refused"):
        await act(rig, "select", "select_option", "charge_mode", option="eco")
    assert rig.charger.plugncharge == "boost"
    assert remembered(rig) == "v3"
    assert shown(rig, "sensor", "ct_power") is None


async def test_a_command_waits_for_the_answer_to_the_probe(
    setup_charger: SetUpCharger, cloud: SimulatedCloud
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.install(Personality.UPGRADED_V2)
    cloud.faults.enable(Fault.SLOW_START, delay=0.3)
    await cloud.drop_all()
    await eventually(lambda: not rig.coordinator.client.connected)
    await eventually(lambda: rig.coordinator.client.connected)
    await rig.coordinator.client.set_charge_mode("eco")
    assert rig.charger.plugncharge == "eco"


async def test_a_v2_that_answers_no_probe_keeps_its_schedule_over_rest(
    setup_charger: SetUpCharger, cloud: SimulatedCloud
) -> None:
    """Silence decides nothing, and need not be waited for again."""
    cloud.faults.enable(Fault.LOST, methods=["schedules.get"])
    rig = await setup_charger(Personality.LEGACY_V2)
    await eventually(lambda: remembered(rig) == "v2")
    await rig.coordinator.client.set_schedule(NIGHT)
    assert rest_writes(cloud) == 1
    probes = [
        frame for frame in rig.charger.received if frame.method == "schedules.get"
    ]
    assert len(probes) == 1


@noticed
async def test_an_upgrade_that_is_taken_back(
    hass: HomeAssistant, setup_charger: SetUpCharger, cloud: SimulatedCloud, how: str
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    rig.charger.plug_in()
    await eventually(lambda: available(rig))
    before = entities(rig)

    rig.charger.install(Personality.LEGACY_V2)
    await notice(rig, how)
    await eventually(lambda: remembered(rig) == "v2")
    await eventually(lambda: unavailable(rig))
    await cloud.wait_for(lambda: cloud.open_sockets == 2)
    assert entities(rig) >= before
    await rig.coordinator.client.set_schedule(NIGHT)
    assert rest_writes(cloud) == 1

    # Nor does a start make any of them go.
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await hass.async_block_till_done()
    assert entities(rig) >= before
    assert unavailable(rig)

    rig.charger.install(Personality.UPGRADED_V2)
    await cloud.drop_all()
    rig.charger.unplug()
    await eventually(lambda: remembered(rig) == "v3")
    rig.charger.plug_in()
    await eventually(lambda: available(rig))
    assert entities(rig) >= before


async def test_what_only_the_newer_dialect_told_is_forgotten(
    setup_charger: SetUpCharger, cloud: SimulatedCloud
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    await act(rig, "select", "select_option", "charge_mode", option="eco")
    await rig.coordinator.client.set_schedule(NIGHT)
    await eventually(lambda: shown(rig, "sensor", "house_power") not in UNTOLD)

    cloud.faults.enable(Fault.REST_ERROR)
    rig.charger.install(Personality.LEGACY_V2)
    await cloud.drop_all()
    await eventually(lambda: remembered(rig) == "v2")
    await eventually(lambda: rig.state("select", "charge_mode") == "boost")
    await eventually(lambda: rig.state("sensor", "house_power") == STATE_UNAVAILABLE)
    assert rig.state("select", "activation_mode") == STATE_UNKNOWN

    cloud.faults.clear()
    await rig.coordinator.async_refresh()
    assert rig.state("select", "activation_mode") == "plug_and_charge"


# Between starts


@pytest.mark.parametrize(
    ("personality", "variant"),
    [(Personality.LEGACY_V2, "v2"), (Personality.UPGRADED_V2, "v3")],
)
async def test_the_next_start_begins_with_what_was_found(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
    variant: str,
) -> None:
    rig = await setup_charger(personality)
    before = entities(rig)
    assert remembered(rig) == variant
    cloud.faults.enable(Fault.LOST, methods=["schedules.get", "firmware.version"])
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await hass.async_block_till_done()
    assert rig.coordinator.client.variant == variant
    assert entities(rig) == before
    await eventually(lambda: available(rig) is (variant == "v3"))


async def test_an_upgrade_while_home_assistant_was_off(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    before = entities(rig)
    await unload(hass, rig.entry)
    rig.charger.install(Personality.UPGRADED_V2)
    assert await hass.config_entries.async_setup(rig.entry.entry_id)
    await eventually(lambda: remembered(rig) == "v3")
    await eventually(lambda: entities(rig) > before)
    assert rest_writes(cloud) == 0


# Who decides


@pytest.mark.parametrize(
    ("personality", "firmware", "variant"),
    [
        (Personality.UPGRADED_V2, "202111231810.abcdef", "v3"),
        (Personality.LEGACY_V2, "1.0", "v2"),
    ],
)
async def test_the_answer_beats_the_firmware(
    hass: HomeAssistant,
    account: Account,
    personality: Personality,
    firmware: str,
    variant: str,
) -> None:
    charger = account.add_charger(personality)
    charger.firmware = firmware
    entry = add_entry(hass, charger)
    await set_up(hass, entry)
    client = entry.runtime_data.client
    await eventually(lambda: client.state.firmware_version == firmware)
    await eventually(lambda: client.variant == variant)
    await client.refresh()
    assert client.variant == variant
    assert entry.data[CONF_RESOLVED_API_VERSION] == variant
    await unload(hass, entry)


@pytest.mark.parametrize(
    ("personality", "variant"),
    [(Personality.LEGACY_V2, "v2"), (Personality.UPGRADED_V2, "v3")],
)
async def test_the_firmware_decides_where_there_is_no_answer(
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
    variant: str,
) -> None:
    cloud.faults.enable(Fault.LOST, methods=["schedules.get"])
    rig = await setup_charger(personality)
    await eventually(lambda: remembered(rig) == variant)


@pytest.mark.parametrize(
    ("personality", "override", "variant"),
    [
        (Personality.LEGACY_V2, "v3", "v3"),
        (Personality.UPGRADED_V2, "v2", "v2"),
        (Personality.V3, "v2", "v2"),
        (Personality.LEGACY_V2, "auto", "v2"),
        (Personality.UPGRADED_V2, "auto", "v3"),
        (Personality.V3, "auto", "v3"),
    ],
)
async def test_a_person_has_the_last_word(
    hass: HomeAssistant,
    account: Account,
    personality: Personality,
    override: str,
    variant: str,
) -> None:
    charger = account.add_charger(personality)
    options = {CONF_API_VERSION_OVERRIDE: override}
    entry = add_entry(hass, charger, options=options)
    await set_up(hass, entry)
    client = entry.runtime_data.client
    await eventually(lambda: client.state.firmware_version)
    await client.refresh()
    assert client.variant == variant
    await unload(hass, entry)


@pytest.mark.parametrize(
    ("override", "usable"), [("v2", False), ("v3", True), ("auto", True)]
)
async def test_an_override_deletes_nothing(
    hass: HomeAssistant, setup_charger: SetUpCharger, override: str, usable: bool
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    rig.charger.plug_in()
    await eventually(lambda: available(rig))
    before = entities(rig)
    for choice in (override, "auto"):
        hass.config_entries.async_update_entry(
            rig.entry, options={CONF_API_VERSION_OVERRIDE: choice}
        )
        assert await hass.config_entries.async_reload(rig.entry.entry_id)
        await hass.async_block_till_done()
        assert entities(rig) >= before
        text = shown(rig, "text", "schedule_session_1_days_of_week")
        assert (text != STATE_UNAVAILABLE) is (usable or choice == "auto")


# While nothing is known


async def test_no_schedule_is_written_while_the_variant_is_unknown(
    setup_charger: SetUpCharger, cloud: SimulatedCloud
) -> None:
    cloud.faults.enable(Fault.LOST, methods=["schedules.get", "firmware.version"])
    rig = await setup_charger(Personality.LEGACY_V2)
    assert remembered(rig) is None
    for option in ("schedule", "plug_and_charge"):
        with pytest.raises(HomeAssistantError, match="not reported which features"):
            await act(rig, "select", "select_option", "activation_mode", option=option)
    assert rest_writes(cloud) == 0
    assert all(frame.method != "schedule.set" for frame in rig.charger.received)
