"""A diagnostics download helps to find a fault, and gives nobody away."""

from collections.abc import Iterator
import json
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hypervolt_charger import coordinator as coordinator_module
from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_PLANNER,
    DOMAIN,
)
from custom_components.hypervolt_charger.diagnostics import (
    async_get_config_entry_diagnostics,
)
from tests.conftest import PASSWORD, USERNAME, Rig, SetUpCharger
from tests.integration.acting import act
from tests.integration.entry_life import add_entry, set_up, unload
from tests.integration.scheduling import device_id
from tests.simulator import Account, Personality, SimulatedCloud
from tests.waiting import eventually

NAME = "Annas Garagenplatz"


def tokens(cloud: SimulatedCloud) -> Iterator[str]:
    """Yield every token that the clients ever showed to the cloud."""
    for request in cloud.requests:
        for value in request.headers.values():
            if value.startswith("Bearer "):
                yield value.removeprefix("Bearer ")


def secrets_of(cloud: SimulatedCloud, charger_id: str) -> list[str]:
    """Return everything that must not be told, in every way it may be written."""
    written = [USERNAME, PASSWORD, NAME, *tokens(cloud)]
    number = int(charger_id)
    ids = [charger_id, f"{number:x}", f"{number:X}", f"{number:,}"]
    return [*written, *(json.dumps(text)[1:-1] for text in written), *ids]


def assert_discreet(told: Any, cloud: SimulatedCloud, charger_id: str) -> None:
    """Fail if anything secret is in a download, whatever is between its letters."""
    dump = json.dumps(told)
    for text in (dump, json.dumps(told, ensure_ascii=False)):
        for secret in secrets_of(cloud, charger_id):
            assert secret.lower() not in text.lower()
    # Not even with separators between the digits.
    for separator in "-_ .":
        assert charger_id not in dump.replace(separator, "")


async def download(
    hass: HomeAssistant, client: ClientSessionGenerator, *path: str
) -> dict[str, Any]:
    """Return what a person downloads."""
    assert await async_setup_component(hass, "diagnostics", {})
    await hass.async_block_till_done()
    response = await (await client()).get(
        "/".join(("/api/diagnostics/config_entry", *path))
    )
    assert response.status == 200
    told: dict[str, Any] = await response.json()
    return told


async def of_entry(rig: Rig, client: ClientSessionGenerator) -> dict[str, Any]:
    whole = await download(rig.hass, client, rig.entry.entry_id)
    assert_discreet(whole, rig.cloud, rig.charger.charger_id)
    data: dict[str, Any] = whole["data"]
    return data


@pytest.mark.parametrize("personality", list(Personality))
async def test_what_is_told_of_an_entry(
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
    personality: Personality,
) -> None:
    rig = await setup_charger(personality)
    rig.charger.plug_in()
    await eventually(lambda: rig.coordinator.client.state.charging)
    await eventually(lambda: rig.coordinator.client.state.schedule)
    await eventually(lambda: rig.coordinator.energy.shown.meter.count is not None)
    told = await of_entry(rig, hass_client)

    variant = "v3" if personality.speaks_v3_api else "v2"
    assert told["hardware"] == ("v3" if personality.is_v3_hardware else "v2")
    assert told["variant"] == told["told_variant"] == variant
    assert told["entry"] == {
        "version": f"{rig.entry.version}.{rig.entry.minor_version}",
        "state": "loaded",
        "reason": None,
        "disabled_by": None,
        "polling": True,
        "data_keys": sorted(rig.entry.data),
        "resolved_api_version": variant,
        "options": dict(rig.entry.options),
    }
    connection = told["connection"]
    assert 0 <= connection.pop("last_message_age_seconds") < 60
    assert connection == {
        "state": "active",
        "connected": True,
        "available": True,
        "live": True,
        "stalled": False,
        "login_refused": False,
        "last_poll_succeeded": True,
        "last_poll_error": None,
    }
    assert told["state"]["charging"] is True
    assert told["state"]["lock_state"] == "unlocked"
    assert isinstance(told["state"]["session_watt_hours"], int)
    assert told["state"]["features"] == sorted(rig.charger.features)
    assert "name" not in told["state"]
    assert told["activation_mode"] == "plug_and_charge"
    assert told["charge_mode"] == "boost"
    assert told["draft_differs"] is False
    assert told["planned"] == {
        "restore_at": None,
        "former_kept": False,
        "let_go_since": None,
    }
    energy = told["energy"]
    assert energy["total_watt_hours"] >= 0
    assert energy["count"] is not None
    assert energy["finished_sessions"] == 0
    assert energy["price_known"] is False


async def test_what_is_told_of_a_schedule(
    setup_charger: SetUpCharger, hass_client: ClientSessionGenerator
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_set_schedule(
        enabled=True,
        sessions=[
            {
                "start_time": "01:00",
                "end_time": "02:00",
                "session_type": "recurring",
                "mode": f"boost {rig.charger.charger_id}",
                "days": ["MONDAY"],
            }
        ],
    )
    await eventually(lambda: (told := rig.coordinator.data.schedule) and told.sessions)
    await act(
        rig, "time", "set_value", "schedule_session_1_start_time", time="00:30:00"
    )
    told = await of_entry(rig, hass_client)
    assert told["draft_differs"] is True
    (session,) = told["schedule"]["sessions"]
    assert session == {
        "start": "01:00",
        "end": "02:00",
        "days": "MONDAY",
        "mode": "boost **REDACTED**",
        "on_date": None,
    }


async def test_a_device_tells_how_its_entities_are(
    setup_charger: SetUpCharger, hass_client: ClientSessionGenerator
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.set_name(NAME)
    await rig.cloud.drop_all()
    await eventually(lambda: rig.coordinator.client.state.name == NAME)
    await eventually(lambda: rig.coordinator.client.live)
    rig.hass.states.async_remove(rig.entity_id("switch", "charging"))
    whole = await download(
        rig.hass, hass_client, rig.entry.entry_id, "device", device_id(rig)
    )
    assert_discreet(whole, rig.cloud, rig.charger.charger_id)
    told = whole["data"]
    assert told["device"]["disabled_by"] is None
    assert told["entities"]["text.charger_name"] == "shown"
    assert told["entities"]["binary_sensor.car_plugged"] == "unknown"
    assert told["entities"]["number.led_brightness"] == "disabled by integration"
    assert told["entities"]["switch.charging"] == "absent"
    assert told["connection"]["connected"] is True


async def test_nothing_secret_is_told_wherever_people_put_it(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    hass_client: ClientSessionGenerator,
) -> None:
    charger = account.add_charger(Personality.V3)
    charger.set_name(NAME)
    secret, number = charger.charger_id, int(charger.charger_id)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=f"{NAME} {secret}",
        unique_id=secret,
        data={"username": USERNAME, "password": PASSWORD, CONF_CHARGER_ID: secret},
        options={
            CONF_PLANNER: f"binary_sensor.plan_{number:X}_{secret}",
            CONF_API_VERSION_OVERRIDE: "v3",
            "password": PASSWORD,
            "note": {"who": [USERNAME.upper(), NAME, number, 7, 1.5, None, True]},
            f"of {secret}": 1,
        },
    )
    entry.add_to_hass(hass)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    client = entry.runtime_data.client
    await eventually(lambda: client.state.name == NAME)
    charger.push({"method": "sync.apply", "params": [{"effect_name": f"by {NAME}"}]})
    await eventually(lambda: NAME in (client.state.effect_name or ""))
    ir.async_create_issue(
        hass,
        DOMAIN,
        "some",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="charger_gone",
        translation_placeholders={"charger": entry.title},
    )
    whole = await download(hass, hass_client, entry.entry_id)
    assert_discreet(whole, cloud, secret)
    options = whole["data"]["entry"]["options"]
    hidden = "**REDACTED**"
    assert options[CONF_PLANNER] == f"binary_sensor.plan_{hidden}_{hidden}"
    assert options["note"]["who"] == [hidden, hidden, hidden, 7, 1.5, None, True]
    assert options["password"] == hidden
    assert whole["data"]["state"]["effect_name"] == f"by {hidden}"
    assert whole["data"]["planner_exists"] is False
    await unload(hass, entry)


async def test_a_short_name_does_not_black_out_every_word(
    setup_charger: SetUpCharger, hass_client: ClientSessionGenerator
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.set_name("a")
    await rig.cloud.drop_all()
    await eventually(lambda: rig.coordinator.client.state.name == "a")
    assert (await of_entry(rig, hass_client))["entry"]["state"] == "loaded"


async def test_while_disconnected(
    setup_charger: SetUpCharger, hass_client: ClientSessionGenerator
) -> None:
    rig = await setup_charger(Personality.V3)
    await rig.cloud.pause()
    await eventually(lambda: not rig.coordinator.client.available)
    await rig.coordinator.async_refresh()
    told = await of_entry(rig, hass_client)
    assert told["connection"]["connected"] is False
    assert told["connection"]["live"] is False
    assert told["connection"]["last_poll_error"] == "UpdateFailed"
    # What was known last is the most telling part.
    assert told["state"]["max_current_milliamps"] == rig.charger.max_current


async def test_when_set_up_failed(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordinator_module, "SET_UP_LIMIT", 0.8)
    charger = account.add_charger(Personality.V3)
    await cloud.pause()
    entry = add_entry(hass, charger)
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    whole = await download(hass, hass_client, entry.entry_id)
    assert_discreet(whole, cloud, charger.charger_id)
    told = whole["data"]
    assert told["entry"]["state"] == "setup_retry"
    assert told["connection"]["last_message_age_seconds"] is None
    assert told["schedule"] is None


@pytest.mark.parametrize("charger_id", ["garage", "", "0", None])
async def test_when_there_never_was_a_client(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    hass_client: ClientSessionGenerator,
    charger_id: str | None,
) -> None:
    charger = account.add_charger(Personality.V3)
    entry = add_entry(hass, charger, data={CONF_CHARGER_ID: charger_id})
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_ERROR
    whole = await download(hass, hass_client, entry.entry_id)
    # The unique id still is the charger's.
    assert_discreet(whole, cloud, charger.charger_id)
    told = whole["data"]
    assert told["entry"]["reason"] == "invalid_charger_id"
    assert told["hardware"] is None
    assert "connection" not in told


async def test_of_an_entry_that_is_disabled(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await hass.config_entries.async_set_disabled_by(
        rig.entry.entry_id, ConfigEntryDisabler.USER
    )
    told = await async_get_config_entry_diagnostics(hass, rig.entry)
    assert_discreet(told, rig.cloud, rig.charger.charger_id)
    assert told["entry"]["disabled_by"] == "user"
    assert told["hardware"] == "v3"
    assert "connection" not in told
