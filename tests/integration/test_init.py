"""Setting up and unloading an entry, and what stands in the way of it."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
import logging
from pathlib import Path
from urllib.parse import quote, quote_plus

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.hypervolt_charger import coordinator as coordinator_module
from custom_components.hypervolt_charger.account import async_get_account
from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_RESOLVED_API_VERSION,
    DOMAIN,
    LED_EFFECTS_FOLDER,
)
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltActivationMode,
)
from custom_components.hypervolt_charger.hypervolt.endpoints import (
    OVERRIDE_VARIABLE,
    Endpoints,
)
from tests.conftest import FAST, PASSWORD, USERNAME, Rig, SetUpCharger
from tests.integration.entry_life import (
    add_entry,
    assert_nothing_left,
    our_tasks,
    our_timers,
    reauth_flows,
    set_up,
    unload,
)
from tests.simulator import (
    Account,
    Fault,
    Personality,
    SimulatedCharger,
    SimulatedCloud,
)
from tests.waiting import eventually

KINDS = list(Personality)
V2_REST = "/charger/by-id/"


@pytest.fixture(autouse=True)
def _short_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up a set-up without connection early."""
    monkeypatch.setattr(coordinator_module, "SET_UP_LIMIT", 0.8)


# Set-up and unload


@pytest.mark.parametrize("personality", KINDS)
async def test_set_up_and_unload_leave_nothing_behind(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> None:
    rig = await setup_charger(personality)
    assert rig.entry.state is ConfigEntryState.LOADED
    sockets = 2 if personality is Personality.LEGACY_V2 else 1
    await cloud.wait_for(lambda: cloud.open_sockets == sockets)
    assert our_tasks()
    assert our_timers(hass)
    assert rig.coordinator.client.available

    await unload(hass, rig.entry)
    await cloud.wait_for(lambda: cloud.open_sockets == 0)
    assert_nothing_left(hass, cloud)
    # Nor does anything come back.
    await asyncio.sleep(FAST.backoff_first_max * 2)
    assert_nothing_left(hass, cloud)


@pytest.mark.parametrize("personality", KINDS)
async def test_reloading_works_again_and_again(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> None:
    rig = await setup_charger(personality)
    states = len(hass.states.async_all())
    assert states
    for _ in range(3):
        assert await hass.config_entries.async_reload(rig.entry.entry_id)
        await hass.async_block_till_done()
        assert rig.entry.state is ConfigEntryState.LOADED
        await eventually(lambda: rig.coordinator.client.available)
    sockets = 2 if personality is Personality.LEGACY_V2 else 1
    await cloud.wait_for(lambda: cloud.open_sockets == sockets)
    assert len(hass.states.async_all()) == states


async def test_unloading_during_an_outage(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await cloud.pause()
    await eventually(lambda: not rig.coordinator.client.connected)
    await unload(hass, rig.entry)
    assert_nothing_left(hass, cloud)


@pytest.mark.parametrize("command", ["set_max_current", "set_leds"])
async def test_unloading_during_a_command(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    command: str,
) -> None:
    """Who waits for the charger is told at once that it will not answer any more."""
    rig = await setup_charger(Personality.V3)
    cloud.faults.enable(Fault.LOST)
    client = rig.coordinator.client
    waiting = hass.async_create_task(
        client.set_max_current(10)
        if command == "set_max_current"
        else client.set_leds(brightness=0.5)
    )
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert await hass.config_entries.async_unload(rig.entry.entry_id)
    await asyncio.wait([waiting], timeout=0.2)
    ended = waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert ended, "the command goes on after the unload"
    assert our_tasks() == []


async def test_the_sockets_close_when_home_assistant_stops(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    await setup_charger(Personality.LEGACY_V2)
    await cloud.wait_for(lambda: cloud.open_sockets == 2)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    await cloud.wait_for(lambda: cloud.open_sockets == 0)
    await asyncio.sleep(FAST.backoff_first_max * 2)
    assert cloud.open_sockets == 0
    assert our_tasks() == []


# What stands in the way


async def test_a_wrong_password_asks_for_a_new_one(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account
) -> None:
    entry = add_entry(hass, account.add_charger())
    account.password = "changed in the app"
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "invalid_auth"
    assert reauth_flows(hass) == [entry.entry_id]
    assert cloud.request_count("/token") == 1
    assert_nothing_left(hass, cloud)


async def test_a_password_changed_later_asks_for_a_new_one(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.account.password = "changed in the app"
    rig.account.sign_out_everywhere()
    await cloud.drop_all()
    await eventually(lambda: reauth_flows(hass) == [rig.entry.entry_id])
    assert rig.state("switch", "lock_state") == STATE_UNKNOWN
    tried = cloud.request_count("/token", grant_type="password", status=401)
    await asyncio.sleep(FAST.backoff_first_max * 3)
    assert cloud.request_count("/token", grant_type="password", status=401) == tried
    assert reauth_flows(hass) == [rig.entry.entry_id]


async def test_an_unreachable_cloud_is_tried_again(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account
) -> None:
    entry = add_entry(hass, account.add_charger())
    await cloud.pause()
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.reason == "The Hypervolt cloud cannot be reached or is in trouble"
    assert our_tasks() == []
    assert reauth_flows(hass) == []

    await cloud.resume()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await eventually(lambda: entry.state is ConfigEntryState.LOADED)
    await hass.async_block_till_done()
    await unload(hass, entry)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (Fault.IDP_DOWN, {"mode": "503"}),
        (Fault.IDP_DOWN, {"mode": "html"}),
        (Fault.BLOCKED, {"status": "401"}),
        (Fault.BLOCKED, {"status": "403"}),
        (Fault.BAD_CLOSE, {"mode": "503"}),
        (Fault.BAD_CLOSE, {"mode": "hang"}),
        (Fault.WS_REFUSED, {"mode": "false"}),
    ],
    ids=str,
)
async def test_trouble_of_the_cloud_is_tried_again(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    fault: Fault,
    options: dict[str, str],
) -> None:
    entry = add_entry(hass, account.add_charger())
    cloud.faults.enable_with(fault, options)
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    # Home Assistant 2026.8 keeps the text of what went wrong, but not its key.
    assert entry.reason
    assert "Hypervolt cloud" in entry.reason
    assert our_tasks() == []
    assert reauth_flows(hass) == []

    cloud.faults.clear()
    await cloud.wait_for(lambda: cloud.open_sockets == 0)
    if fault is Fault.BLOCKED:
        await asyncio.sleep(FAST.blocked_pause)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await unload(hass, entry)


@pytest.mark.parametrize("mode", ["missing", "empty"])
async def test_a_charger_that_left_the_account(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account, mode: str
) -> None:
    charger = account.add_charger()
    account.add_charger()
    entry = add_entry(hass, charger)
    cloud.faults.enable(Fault.ACCOUNT, charger=charger, mode=mode)
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.reason == "The charger is not in this Hypervolt account any more"
    issues = ir.async_get(hass)
    (issue,) = issues.issues.values()
    assert issue.translation_key == "charger_gone"
    assert cloud.open_sockets == 0

    # It may have been a mistake of the cloud: no reload is needed when it is back.
    cloud.faults.clear()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10))
    await hass.async_block_till_done(wait_background_tasks=True)
    await eventually(lambda: entry.state is ConfigEntryState.LOADED)
    assert not issues.issues
    await unload(hass, entry)


@pytest.mark.parametrize("charger_id", ["abc", "", "-7", "1.5", None, 1.5, True])
async def test_an_entry_whose_charger_id_is_no_number(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account, charger_id: object
) -> None:
    entry = add_entry(hass, account.add_charger(), data={CONF_CHARGER_ID: charger_id})
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "invalid_charger_id"
    assert entry.reason
    assert "is not a number" in entry.reason
    assert_nothing_left(hass, cloud)


async def test_an_id_stored_as_a_number(hass: HomeAssistant, account: Account) -> None:
    charger = account.add_charger()
    entry = add_entry(hass, charger, data={CONF_CHARGER_ID: int(charger.charger_id)})
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    await unload(hass, entry)


@pytest.mark.parametrize(
    "mode", ["401", "404", "429", "500", "503", "html", "redirect"]
)
@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_a_failing_charger_list_does_not_matter(
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
    mode: str,
) -> None:
    cloud.faults.enable(Fault.REST_ERROR, mode=mode)
    rig = await setup_charger(personality)
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.state("switch", "lock_state") == "off"


@pytest.mark.parametrize("status", ["404", "503"])
async def test_the_newer_charger_list_is_gone(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger, status: str
) -> None:
    cloud.faults.enable(Fault.GONE, path="/users/me", status=status)
    rig = await setup_charger(Personality.V3)
    assert rig.entry.state is ConfigEntryState.LOADED


async def test_a_slow_login_is_waited_for(
    cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.SLOW_START, delay=0.4)
    rig = await setup_charger(Personality.V3)
    assert rig.entry.state is ConfigEntryState.LOADED
    await eventually(lambda: rig.state("switch", "lock_state") == "off")


async def test_a_slow_charger_fills_in_later(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.SLOW_START, never="sync.snapshot")
    rig = await setup_charger(Personality.V3)
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.state("switch", "lock_state") == STATE_UNKNOWN

    cloud.faults.clear()
    await rig.coordinator.async_refresh()
    await eventually(lambda: rig.state("switch", "lock_state") == "off")


async def test_a_slow_v2_gets_its_entities_once_it_is_known(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    methods = ["schedules.get", "firmware.version"]
    cloud.faults.enable(Fault.LOST, methods=methods)
    rig = await setup_charger(Personality.UPGRADED_V2)
    assert rig.entry.state is ConfigEntryState.LOADED
    variant_at_first = rig.coordinator.client.variant
    assert variant_at_first is None
    assert CONF_RESOLVED_API_VERSION not in rig.entry.data
    before = len(hass.states.async_all())

    cloud.faults.clear()
    await rig.coordinator.async_refresh()
    await hass.async_block_till_done()
    assert rig.coordinator.client.variant is ApiVariant.V3
    assert rig.entry.data[CONF_RESOLVED_API_VERSION] == "v3"
    await eventually(lambda: len(hass.states.async_all()) > before)


# The device


def device_of(rig: Rig) -> dr.DeviceEntry:
    registry = dr.async_get(rig.hass)
    (device,) = dr.async_entries_for_config_entry(registry, rig.entry.entry_id)
    return device


@pytest.mark.parametrize("personality", KINDS)
async def test_the_device(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await eventually(lambda: device_of(rig).sw_version == str(rig.charger.firmware))
    device = device_of(rig)
    assert device.identifiers == {(DOMAIN, rig.charger.charger_id)}
    assert device.manufacturer == "Hypervolt"
    assert device.model == "Home 3 Pro"
    assert device.serial_number == rig.charger.charger_id


async def test_firmware_told_later_and_new_firmware(
    cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.LOST, methods=["firmware.version"])
    rig = await setup_charger(Personality.V3)
    assert device_of(rig).sw_version is None

    cloud.faults.clear()
    await cloud.drop_all()
    await eventually(lambda: device_of(rig).sw_version == "3951.0")
    rig.charger.firmware = "4000.1"
    await cloud.drop_all()
    await eventually(lambda: device_of(rig).sw_version == "4000.1")


# The API variant


@pytest.mark.parametrize(
    ("personality", "variant"),
    [
        (Personality.V3, "v3"),
        (Personality.UPGRADED_V2, "v3"),
        (Personality.LEGACY_V2, "v2"),
    ],
)
async def test_the_variant_found_is_remembered(
    setup_charger: SetUpCharger, personality: Personality, variant: str
) -> None:
    rig = await setup_charger(personality)
    assert rig.entry.data[CONF_RESOLVED_API_VERSION] == variant
    assert rig.entry.data[CONF_CHARGER_ID] == rig.charger.charger_id


async def test_an_upgraded_v2_is_never_asked_for_its_stale_schedule(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.STALE_REST)
    rig = await setup_charger(Personality.UPGRADED_V2)
    for _ in range(2):
        await rig.coordinator.async_refresh()
        assert cloud.request_count(V2_REST) == 0
        assert cloud.request_count("/session/in-progress") == 0
        cloud.requests.clear()
        assert await hass.config_entries.async_reload(rig.entry.entry_id)


async def test_a_legacy_v2_starts_from_what_it_was(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    assert rig.entry.data[CONF_RESOLVED_API_VERSION] == "v2"
    cloud.faults.enable(Fault.LOST, methods=["schedules.get", "firmware.version"])
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    assert rig.coordinator.client.variant is ApiVariant.V2


@pytest.mark.parametrize(
    ("data", "options", "variant"),
    [
        ({}, {}, None),
        ({CONF_RESOLVED_API_VERSION: "v3"}, {}, ApiVariant.V3),
        ({CONF_RESOLVED_API_VERSION: "V3"}, {}, ApiVariant.V3),
        ({CONF_RESOLVED_API_VERSION: "3"}, {}, ApiVariant.V3),
        ({CONF_RESOLVED_API_VERSION: 3}, {}, ApiVariant.V3),
        ({CONF_RESOLVED_API_VERSION: 2}, {}, ApiVariant.V2),
        ({CONF_RESOLVED_API_VERSION: "v4"}, {}, None),
        ({CONF_RESOLVED_API_VERSION: "auto"}, {}, None),
        ({}, {CONF_API_VERSION_OVERRIDE: "auto"}, None),
        ({}, {CONF_API_VERSION_OVERRIDE: "nonsense"}, None),
        (
            {CONF_RESOLVED_API_VERSION: "v2"},
            {CONF_API_VERSION_OVERRIDE: "v3"},
            ApiVariant.V3,
        ),
        ({}, {CONF_API_VERSION_OVERRIDE: "v2"}, ApiVariant.V2),
    ],
    ids=str,
)
async def test_what_an_entry_says_of_the_variant(  # noqa: PLR0917 - a table
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    data: dict[str, object],
    options: dict[str, object],
    variant: ApiVariant | None,
) -> None:
    """On V2 hardware that tells nothing, all is as the entry says."""
    charger = account.add_charger(Personality.UPGRADED_V2)
    methods = ["schedules.get", "firmware.version"]
    cloud.faults.enable(Fault.LOST, methods=methods)
    entry = add_entry(hass, charger, data=data, options=options)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    assert entry.runtime_data.client.variant is variant
    assert entry.options == options
    await unload(hass, entry)


@pytest.mark.parametrize("personality", KINDS)
async def test_the_schedule_of_every_kind_is_read(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    client = (await setup_charger(personality)).coordinator.client
    await eventually(lambda: client.state.schedule)
    assert client.state.activation_mode is HypervoltActivationMode.PLUG_AND_CHARGE


# The override


async def test_the_override_is_announced(
    cloud: SimulatedCloud, setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    await setup_charger(Personality.V3)
    warnings = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING
        and OVERRIDE_VARIABLE in record.getMessage()
    ]
    told = f"is set: talking to {cloud.url} instead of the Hypervolt cloud"
    assert warnings == [f"{OVERRIDE_VARIABLE} {told}"]


async def test_without_the_override_it_is_the_real_cloud(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Making the account sends nothing."""
    monkeypatch.delenv(OVERRIDE_VARIABLE, raising=False)
    account = await async_get_account(hass, USERNAME, PASSWORD)
    assert account.endpoints == Endpoints()
    integration = await async_get_integration(hass, DOMAIN)
    assert account.user_agent == (
        f"home-assistant-hypervolt-charger/{integration.version}"
    )
    assert OVERRIDE_VARIABLE not in caplog.text


async def test_a_bad_override_is_told(
    hass: HomeAssistant,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(OVERRIDE_VARIABLE, "nonsense")
    entry = add_entry(hass, account.add_charger())
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_ERROR
    assert f"{OVERRIDE_VARIABLE} must be an http or https URL" in caplog.text


# People's own LED effects


@pytest.fixture
def effects(hass: HomeAssistant, tmp_path: Path) -> Path:
    """The folder of people's own LED effects."""
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / LED_EFFECTS_FOLDER
    folder.mkdir()
    return folder


def good_effect(name: str) -> str:
    return f"name: {name}\ndefault_colour: red\n"


def labels(rig: Rig) -> list[str]:
    return [effect.label for effect in rig.coordinator.led_effects]


async def test_effects_are_read_and_bad_files_passed_over(
    setup_charger: SetUpCharger, effects: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (effects / "a.yaml").write_text(good_effect("Ümläut"), encoding="utf-8")
    (effects / "b.yml").write_text(good_effect("Second"), encoding="utf-8")
    (effects / "c.txt").write_text(good_effect("No effect file"), encoding="utf-8")
    bad: dict[str, bytes] = {
        "broken.yaml": b"name: [",
        "tabs.yaml": b"name: x\n\tdefault_colour: red",
        "empty.yaml": b"",
        "senseless.yaml": b"- 1\n- 2\n",
        "nameless.yaml": b"default_colour: red\n",
        "latin.yaml": b"name: \xfcml\xe4ut\ndefault_colour: red\n",
        "binary.yaml": b"\x00\x01\x02\xff",
        "object.yaml": b"!!python/object/apply:os.system ['true']",
        "date.yaml": b"name: 2026-99-99\ndefault_colour: red\n",
        "timestamp.yaml": b"name: !!timestamp x",
        "large.yaml": good_effect("Large").encode() + b"#" * 65_536,
        "twice.yaml": good_effect("second").encode(),
        "builtin.yaml": good_effect("Party").encode(),
        "deep.yaml": b"[" * 20_000,
    }
    for name, content in bad.items():
        (effects / name).write_bytes(content)
    (effects / "folder.yaml").mkdir()
    (effects / "nowhere.yaml").symlink_to(effects / "missing")

    rig = await setup_charger(Personality.V3)
    assert labels(rig) == ["Ümläut", "Second"]
    warned = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and "LED effect" in record.getMessage()
    ]
    for name in (*bad, "folder.yaml", "nowhere.yaml"):
        assert len([text for text in warned if name in text]) == 1, name
    assert len(warned) == len(bad) + 2


async def test_as_many_effects_as_are_read(
    setup_charger: SetUpCharger, effects: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(52):
        text = good_effect(f"Effect {number}")
        (effects / f"{number:03}.yaml").write_text(text, encoding="utf-8")
    rig = await setup_charger(Personality.V3)
    assert labels(rig) == [f"Effect {number}" for number in range(50)]
    assert "Only the first 50 LED effect files are read" in caplog.text


async def test_without_the_folder_there_are_none(
    hass: HomeAssistant, setup_charger: SetUpCharger, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path)
    rig = await setup_charger(Personality.V3)
    assert labels(rig) == []


async def test_effects_survive_a_reload(
    hass: HomeAssistant, setup_charger: SetUpCharger, effects: Path
) -> None:
    rig = await setup_charger(Personality.V3)
    assert labels(rig) == []
    (effects / "new.yaml").write_text(good_effect("New"), encoding="utf-8")
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    assert labels(rig) == ["New"]


# Secrets


def secrets_of(cloud: SimulatedCloud, charger: SimulatedCharger) -> Iterator[str]:
    for text in (PASSWORD, USERNAME):
        yield from {text, quote(text), quote_plus(text), quote(text, safe="")}
    yield charger.charger_id
    yield from cloud.tokens._access
    yield from cloud.tokens._refresh


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_no_secret_reaches_the_log(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    caplog: pytest.LogCaptureFixture,
    personality: Personality,
) -> None:
    caplog.set_level(logging.DEBUG)
    rig = await setup_charger(personality)
    client = rig.coordinator.client
    await client.set_max_current(10)
    await client.set_charge_mode("eco")
    await client.set_activation_mode(HypervoltActivationMode.SCHEDULE)
    # All kinds of trouble write to the log.
    for fault, options in (
        (Fault.GARBAGE, {}),
        (Fault.NEW_VALUES, {}),
        (Fault.BAD_CLOSE, {"mode": "401"}),
        (Fault.BAD_CLOSE, {"mode": "503"}),
        (Fault.WS_REFUSED, {"mode": "error"}),
        (Fault.IDP_DOWN, {"mode": "reset"}),
        (Fault.REST_ERROR, {"mode": "html"}),
    ):
        cloud.faults.enable_with(fault, options)
        await cloud.drop_all(abrupt=True)
        await asyncio.sleep(FAST.backoff_first_max * 2)
        await rig.coordinator.async_refresh()
        cloud.faults.clear()
    await eventually(lambda: client.connected)
    await cloud.pause()
    await asyncio.sleep(FAST.backoff_first_max * 4)
    await rig.coordinator.async_refresh()
    await cloud.resume()
    await eventually(lambda: client.connected)
    secrets = [*secrets_of(cloud, rig.charger)]
    rig.account.password = "changed in the app"
    rig.account.sign_out_everywhere()
    await cloud.drop_all()
    await eventually(lambda: reauth_flows(hass))
    await unload(hass, rig.entry)

    records = [
        f"{record.name}: {caplog.handler.format(record)}" for record in caplog.records
    ]
    assert any("hypervolt_charger" in text for text in records)
    leaks = [text for text in records if any(secret in text for secret in secrets)]
    assert leaks == []
