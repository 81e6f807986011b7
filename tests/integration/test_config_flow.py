"""The config flow against the simulated cloud: every way in, and every way it fails."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from aiohttp import web
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_PLANNER,
    CONF_PLANNER_BACKUP_END,
    CONF_PLANNER_BACKUP_START,
    CONF_PLANNER_CHARGE_MODE,
    CONF_PRICE,
    CONF_PRICE_ENTITY,
    CONF_RESOLVED_API_VERSION,
    DOMAIN,
)
from custom_components.hypervolt_charger.hypervolt.account import HypervoltAccount
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from custom_components.hypervolt_charger.hypervolt.endpoints import OVERRIDE_VARIABLE
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import FAST, PASSWORD, USERNAME, SetUpCharger
from tests.simulator import Account, Fault, Personality, SimulatedCloud
from tests.waiting import eventually

TOKEN_PATH = "/realms/retail-customers/protocol/openid-connect/token"
OTHER_USERNAME = "other@example.com"
OTHER_PASSWORD = "another secret"
LOGIN = {CONF_USERNAME: USERNAME, CONF_PASSWORD: PASSWORD}
OTHER_LOGIN = {CONF_USERNAME: OTHER_USERNAME, CONF_PASSWORD: OTHER_PASSWORD}
WRONG_LOGIN = {CONF_USERNAME: USERNAME, CONF_PASSWORD: "wrong, but still secret"}

type StrangeCloud = Callable[[str], Awaitable[None]]


@pytest.fixture
def timing() -> Timing:
    """Hanging servers are given up early."""
    return replace(FAST, http_timeout=0.3)


@pytest.fixture(autouse=True)
async def _unloaded(hass: HomeAssistant, cloud: SimulatedCloud) -> AsyncGenerator[None]:
    """Unload what a flow has set up."""
    yield
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


@pytest.fixture
async def strange_cloud(
    cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[StrangeCloud]:
    """A cloud whose charger lists are any text at all."""
    runners: list[web.AppRunner] = []

    async def start(body: str) -> None:
        async def token(_: web.Request) -> web.Response:
            return web.json_response({"access_token": "x", "expires_in": 3600})

        async def chargers(_: web.Request) -> web.Response:
            return web.Response(text=body, content_type="application/json")

        app = web.Application()
        app.router.add_post(TOKEN_PATH, token)
        app.router.add_get("/users/me", chargers)
        app.router.add_get("/charger/by-owner", chargers)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        monkeypatch.setenv(OVERRIDE_VARIABLE, f"http://{host}:{port}")

    yield start
    for runner in runners:
        await runner.cleanup()


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    """Open the form, as a person does who adds the integration."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert_form(result, "user")
    return result


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, user_input: Mapping[str, str]
) -> ConfigFlowResult:
    """Send a form, and wait for what follows from it."""
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], dict(user_input)
    )
    await hass.async_block_till_done()
    return result


def assert_form(
    result: ConfigFlowResult, step_id: str, error: str | None = None
) -> None:
    """Check a form, and that no password is in it."""
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == step_id
    assert (result["errors"] or {}) == ({"base": error} if error else {})
    schema = result["data_schema"]
    assert schema
    for key in schema.schema:
        if key == CONF_PASSWORD:
            assert isinstance(key.default, vol.Undefined)
            assert not key.description
    for password in (PASSWORD, OTHER_PASSWORD, WRONG_LOGIN[CONF_PASSWORD]):
        assert password not in str(result)
        assert password not in str(suggestions(result))


def suggestions(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what a form suggests, by field."""
    schema = result["data_schema"]
    assert schema
    return {
        str(key): (key.description or {}).get("suggested_value")
        for key in schema.schema
    }


def assert_created(result: ConfigFlowResult, charger_id: str) -> ConfigEntry:
    """Check a new entry, and that it was set up."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.unique_id == charger_id
    assert entry.data[CONF_CHARGER_ID] == charger_id
    assert entry.state is ConfigEntryState.LOADED
    assert charger_id not in entry.title
    return entry


def chosen(result: ConfigFlowResult) -> dict[str, str]:
    """Return the picker's labels by charger id."""
    assert_form(result, "charger")
    schema = result["data_schema"]
    assert schema
    options = schema.schema[CONF_CHARGER_ID].config["options"]
    return {option["value"]: option["label"] for option in options}


# The way in


async def test_one_charger_is_added_without_further_questions(
    hass: HomeAssistant, account: Account
) -> None:
    charger = account.add_charger()
    result = await submit(hass, await start(hass), LOGIN)

    entry = assert_created(result, charger.charger_id)
    assert entry.title == f"Hypervolt Home 3 Pro (…{charger.charger_id[-4:]})"
    assert result["data"] == {**LOGIN, CONF_CHARGER_ID: charger.charger_id}
    assert not result["options"]
    assert (entry.version, entry.minor_version) == (2, 1)


async def test_a_charger_without_model_is_named_by_its_generation(
    hass: HomeAssistant, account: Account
) -> None:
    charger = account.add_charger(Personality.LEGACY_V2, model=None)
    result = await submit(hass, await start(hass), LOGIN)
    entry = assert_created(result, charger.charger_id)
    assert entry.title == f"Hypervolt Home 2 (…{charger.charger_id[-4:]})"


async def test_among_several_one_chooses_by_model(
    hass: HomeAssistant, account: Account
) -> None:
    chargers = [
        account.add_charger(),
        account.add_charger(model="Home 3"),
        account.add_charger(Personality.LEGACY_V2, model=None),
    ]
    result = await submit(hass, await start(hass), LOGIN)
    labels = chosen(result)
    assert labels == {
        charger.charger_id: f"Hypervolt {model} (…{charger.charger_id[-4:]})"
        for charger, model in zip(
            chargers, ("Home 3 Pro", "Home 3", "Home 2"), strict=True
        )
    }
    for charger in chargers:
        assert not any(charger.charger_id in label for label in labels.values())

    wanted = chargers[1].charger_id
    result = await submit(hass, result, {CONF_CHARGER_ID: wanted})
    assert_created(result, wanted)


async def test_only_a_charger_on_offer_can_be_chosen(
    hass: HomeAssistant, account: Account
) -> None:
    account.add_charger()
    account.add_charger()
    result = await submit(hass, await start(hass), LOGIN)
    with pytest.raises(InvalidData):
        await submit(hass, result, {CONF_CHARGER_ID: "7"})


@pytest.mark.parametrize("fault", [None, Fault.ODD_TYPES])
async def test_ids_may_be_numbers(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account, fault: Fault | None
) -> None:
    charger = account.add_charger()
    if fault:
        cloud.faults.enable(fault)
    cloud.faults.enable(Fault.REST_ERROR, mode="404", path="/users/me")
    result = await submit(hass, await start(hass), LOGIN)
    assert_created(result, charger.charger_id)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("driver@example.com", "a&b=c+d%20 e#\"'\\/?;:@"),
        ("Dr. Ü <ü&=+%@exämple.com>", " leading and trailing "),
        ("driver@example.com", "日本語🔑\u00a0"),
        ("driver@example.com", "x" * 500),
    ],
)
async def test_any_characters(
    hass: HomeAssistant, cloud: SimulatedCloud, username: str, password: str
) -> None:
    charger = cloud.add_account(username, password).add_charger()
    result = await submit(
        hass,
        await start(hass),
        {CONF_USERNAME: f"  {username}\t", CONF_PASSWORD: password},
    )
    entry = assert_created(result, charger.charger_id)
    assert entry.data[CONF_USERNAME] == username
    assert entry.data[CONF_PASSWORD] == password


# What can go wrong, and then goes well


async def test_no_charger_yet(hass: HomeAssistant, account: Account) -> None:
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "no_chargers")

    charger = account.add_charger()
    assert_created(await submit(hass, result, LOGIN), charger.charger_id)


async def test_a_wrong_password(hass: HomeAssistant, account: Account) -> None:
    charger = account.add_charger()
    result = await submit(hass, await start(hass), WRONG_LOGIN)
    assert_form(result, "user", "invalid_auth")
    assert suggestions(result) == {CONF_USERNAME: USERNAME, CONF_PASSWORD: None}

    assert_created(await submit(hass, result, LOGIN), charger.charger_id)


@pytest.mark.parametrize("status", ["400", "401"])
async def test_a_refused_password(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account, status: str
) -> None:
    account.add_charger()
    cloud.faults.enable(Fault.BAD_PASSWORD, status=status)
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "invalid_auth")


async def test_an_account_that_is_not_fully_set_up(
    hass: HomeAssistant, account: Account
) -> None:
    account.fully_set_up = False
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "invalid_auth")


async def test_an_unreachable_cloud(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account
) -> None:
    charger = account.add_charger()
    result = await start(hass)
    await cloud.pause()
    result = await submit(hass, result, LOGIN)
    assert_form(result, "user", "cannot_connect")
    assert suggestions(result)[CONF_USERNAME] == USERNAME

    await cloud.resume()
    assert_created(await submit(hass, result, LOGIN), charger.charger_id)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (Fault.IDP_DOWN, {"mode": "404"}),
        (Fault.IDP_DOWN, {"mode": "408"}),
        (Fault.IDP_DOWN, {"mode": "429"}),
        (Fault.IDP_DOWN, {"mode": "500"}),
        (Fault.IDP_DOWN, {"mode": "503"}),
        (Fault.IDP_DOWN, {"mode": "html"}),
        (Fault.IDP_DOWN, {"mode": "hang"}),
        (Fault.IDP_DOWN, {"mode": "reset"}),
        (Fault.REST_ERROR, {"mode": "401"}),
        (Fault.REST_ERROR, {"mode": "404"}),
        (Fault.REST_ERROR, {"mode": "429"}),
        (Fault.REST_ERROR, {"mode": "500"}),
        (Fault.REST_ERROR, {"mode": "503"}),
        (Fault.REST_ERROR, {"mode": "html"}),
        (Fault.REST_ERROR, {"mode": "hang"}),
        (Fault.BLOCKED, {"status": "401"}),
        (Fault.BLOCKED, {"status": "403"}),
    ],
    ids=str,
)
async def test_trouble_of_the_cloud_is_not_blamed_on_the_password(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    fault: Fault,
    options: dict[str, str],
) -> None:
    charger = account.add_charger()
    cloud.faults.enable_with(fault, options)
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "cannot_connect")

    cloud.faults.clear()
    assert_created(await submit(hass, result, LOGIN), charger.charger_id)


@pytest.mark.parametrize("mode", ["redirect", "html", "503"])
async def test_one_list_of_chargers_is_enough(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account, mode: str
) -> None:
    charger = account.add_charger()
    cloud.faults.enable(Fault.REST_ERROR, mode=mode, path="/users/me")
    result = await submit(hass, await start(hass), LOGIN)
    assert_created(result, charger.charger_id)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"chargers":null}',
        '{"chargers":{}}',
        "<html></html>",
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "[" * 1_000_000,
    ],
    ids=lambda body: body[:20],
)
async def test_an_answer_that_makes_no_sense(
    hass: HomeAssistant, strange_cloud: StrangeCloud, body: str
) -> None:
    await strange_cloud(body)
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "cannot_connect")


@pytest.mark.parametrize(
    "chargers",
    [
        "[]",
        '[null,7,"x",[]]',
        "[{}]",
        '[{"id":null},{"id":true},{"id":1.5},{"id":2.16e17},{"id":"abc"},{"id":-7}]',
        '[{"id":[[]]},{"id":"9223372036854775808"},{"id":{}},{"id":""}]',
    ],
)
async def test_what_is_no_charger_is_passed_over(
    hass: HomeAssistant, strange_cloud: StrangeCloud, chargers: str
) -> None:
    await strange_cloud(f'{{"chargers":{chargers}}}')
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "no_chargers")


async def test_one_bad_id_does_not_hide_the_others(
    hass: HomeAssistant,
    account: Account,
    caplog: pytest.LogCaptureFixture,
) -> None:
    strange, charger = account.add_charger(), account.add_charger()
    strange.charger_id = "not-a-number"
    result = await submit(hass, await start(hass), LOGIN)
    assert_created(result, charger.charger_id)
    assert "id is no number" in caplog.text


async def test_the_unexpected_is_logged_and_can_be_tried_again(
    hass: HomeAssistant, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    charger = account.add_charger()
    with patch.object(HypervoltAccount, "chargers", side_effect=RuntimeError("boom")):
        result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "unknown")
    assert "Unexpected error while logging in" in caplog.text
    assert "RuntimeError: boom" in caplog.text
    assert PASSWORD not in caplog.text

    assert_created(await submit(hass, result, LOGIN), charger.charger_id)


async def test_a_bad_override_is_told_in_the_log(
    hass: HomeAssistant,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(OVERRIDE_VARIABLE, "nonsense")
    result = await submit(hass, await start(hass), LOGIN)
    assert_form(result, "user", "unknown")
    assert f"{OVERRIDE_VARIABLE} must be an http or https URL" in caplog.text


# More chargers


async def test_the_same_charger_is_not_added_twice(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    await setup_charger(Personality.V3)
    result = await submit(hass, await start(hass), LOGIN)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_a_second_charger_is_added_beside_the_first(
    hass: HomeAssistant, account: Account, setup_charger: SetUpCharger
) -> None:
    await setup_charger(Personality.V3)
    second = account.add_charger(Personality.LEGACY_V2)
    result = await submit(hass, await start(hass), LOGIN)
    assert_created(result, second.charger_id)

    result = await submit(hass, await start(hass), LOGIN)
    assert result["reason"] == "already_configured"
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


async def test_the_choice_leaves_out_what_is_configured(
    hass: HomeAssistant, account: Account, setup_charger: SetUpCharger
) -> None:
    await setup_charger(Personality.V3)
    others = [account.add_charger(), account.add_charger()]
    result = await submit(hass, await start(hass), LOGIN)
    assert set(chosen(result)) == {other.charger_id for other in others}


async def test_two_people_choose_the_same_charger(
    hass: HomeAssistant, account: Account
) -> None:
    charger = account.add_charger()
    account.add_charger()
    first = await submit(hass, await start(hass), LOGIN)
    second = await submit(hass, await start(hass), LOGIN)

    choice = {CONF_CHARGER_ID: charger.charger_id}
    assert_created(await submit(hass, first, choice), charger.charger_id)
    result = await submit(hass, second, choice)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_a_charger_is_configured_while_another_is_chosen(
    hass: HomeAssistant, account: Account
) -> None:
    charger, other = account.add_charger(), account.add_charger()
    first = await submit(hass, await start(hass), LOGIN)
    second = await submit(hass, await start(hass), LOGIN)

    choice = {CONF_CHARGER_ID: charger.charger_id}
    assert_created(await submit(hass, first, choice), charger.charger_id)
    choice = {CONF_CHARGER_ID: other.charger_id}
    assert_created(await submit(hass, second, choice), other.charger_id)


# Another login


async def renewal(
    hass: HomeAssistant, entry: MockConfigEntry, step_id: str
) -> ConfigFlowResult:
    """Open the form that asks for another login."""
    result = await (
        entry.start_reauth_flow(hass)
        if step_id == "reauth_confirm"
        else entry.start_reconfigure_flow(hass)
    )
    assert_form(result, step_id)
    assert suggestions(result) == {CONF_USERNAME: USERNAME, CONF_PASSWORD: None}
    return result


renewals = pytest.mark.parametrize(
    ("step_id", "reason"),
    [
        ("reauth_confirm", "reauth_successful"),
        ("reconfigure", "reconfigure_successful"),
    ],
)


@renewals
async def test_a_new_password(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    step_id: str,
    reason: str,
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    cloud.add_account(OTHER_USERNAME, OTHER_PASSWORD).add_charger()
    rig.account.password = "changed in the app"
    new_login = {CONF_USERNAME: USERNAME, CONF_PASSWORD: rig.account.password}
    await eventually(lambda: rig.coordinator.client.live_seen)
    data, coordinator = dict(rig.entry.data), rig.coordinator
    assert data[CONF_RESOLVED_API_VERSION] == "v3"

    result = await renewal(hass, rig.entry, step_id)
    result = await submit(hass, result, WRONG_LOGIN)
    assert_form(result, step_id, "invalid_auth")
    result = await submit(hass, result, OTHER_LOGIN)
    assert_form(result, step_id, "wrong_account")
    assert suggestions(result)[CONF_USERNAME] == OTHER_USERNAME
    assert dict(rig.entry.data) == data
    assert rig.coordinator is coordinator

    result = await submit(hass, result, new_login)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason
    assert dict(rig.entry.data) == {**data, **new_login}
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.coordinator is not coordinator
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


@renewals
async def test_a_new_login_while_the_cloud_is_away(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    step_id: str,
    reason: str,
) -> None:
    rig = await setup_charger(Personality.V3)
    result = await renewal(hass, rig.entry, step_id)
    cloud.faults.enable(Fault.IDP_DOWN)
    result = await submit(hass, result, LOGIN)
    assert_form(result, step_id, "cannot_connect")

    cloud.faults.clear()
    result = await submit(hass, result, LOGIN)
    assert result["reason"] == reason


@renewals
async def test_a_new_login_without_any_charger(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    step_id: str,
    reason: str,
) -> None:
    rig = await setup_charger(Personality.V3)
    cloud.add_account(OTHER_USERNAME, OTHER_PASSWORD)
    result = await renewal(hass, rig.entry, step_id)
    result = await submit(hass, result, OTHER_LOGIN)
    assert_form(result, step_id, "wrong_account")

    result = await submit(hass, result, {**LOGIN, CONF_USERNAME: f" {USERNAME} "})
    assert result["reason"] == reason
    assert rig.entry.data[CONF_USERNAME] == USERNAME


# Options


@pytest.mark.parametrize(
    ("override", "variant"),
    [("v2", ApiVariant.V2), ("v3", ApiVariant.V3), ("auto", ApiVariant.V3)],
)
async def test_the_api_can_be_chosen(
    hass: HomeAssistant, setup_charger: SetUpCharger, override: str, variant: ApiVariant
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    hass.config_entries.async_update_entry(
        rig.entry, options={"enable_staleness_detection": True}
    )
    data, coordinator = dict(rig.entry.data), rig.coordinator

    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "init"
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {CONF_API_VERSION_OVERRIDE: override}
    )
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert rig.entry.options == {
        "enable_staleness_detection": True,
        CONF_API_VERSION_OVERRIDE: override,
    }
    assert dict(rig.entry.data)[CONF_CHARGER_ID] == data[CONF_CHARGER_ID]
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.coordinator is not coordinator
    assert rig.coordinator.client.variant is variant


@pytest.mark.parametrize(
    ("options", "suggested"),
    [({}, None), ({CONF_API_VERSION_OVERRIDE: "v2"}, "v2")],
)
async def test_the_options_show_what_is_set(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    options: dict[str, str],
    suggested: str | None,
) -> None:
    rig = await setup_charger(Personality.V3)
    hass.config_entries.async_update_entry(rig.entry, options=options)
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    schema = result["data_schema"]
    assert schema
    key = next(iter(schema.schema))
    assert (key.description or {}).get("suggested_value") == suggested
    assert key.default() == "auto"


async def test_another_api_is_refused(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            result["flow_id"], {CONF_API_VERSION_OVERRIDE: "v4"}
        )


async def test_a_planner_to_follow(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    planner = {
        CONF_PLANNER: "binary_sensor.planner",
        CONF_PLANNER_CHARGE_MODE: "eco",
        CONF_PLANNER_BACKUP_START: "01:00:00",
        CONF_PLANNER_BACKUP_END: "04:30:00",
    }
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    for mistake, error in (
        ({CONF_PLANNER_BACKUP_END: "01:00:00"}, "backup_empty"),
        ({CONF_PLANNER_BACKUP_END: None}, "backup_incomplete"),
    ):
        wrong = {key: value for key, value in {**planner, **mistake}.items() if value}
        result = await hass.config_entries.options.async_configure(
            result["flow_id"], {CONF_API_VERSION_OVERRIDE: "auto", **wrong}
        )
        assert result["errors"] == {"base": error}
    await hass.config_entries.options.async_configure(
        result["flow_id"], {CONF_API_VERSION_OVERRIDE: "auto", **planner}
    )
    await hass.async_block_till_done()
    assert rig.entry.options == {CONF_API_VERSION_OVERRIDE: "auto", **planner}

    # What is emptied is gone.
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    await hass.config_entries.options.async_configure(
        result["flow_id"], {CONF_API_VERSION_OVERRIDE: "auto"}
    )
    await hass.async_block_till_done()
    assert rig.entry.options == {CONF_API_VERSION_OVERRIDE: "auto"}


async def test_a_price(hass: HomeAssistant, setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    result = await hass.config_entries.options.async_init(rig.entry.entry_id)
    fixed = {CONF_API_VERSION_OVERRIDE: "auto", CONF_PRICE: 0.25}
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {**fixed, CONF_PRICE_ENTITY: "sensor.price"}
    )
    assert result["errors"] == {"base": "two_prices"}
    await hass.config_entries.options.async_configure(result["flow_id"], fixed)
    await hass.async_block_till_done()
    assert rig.entry.options == fixed
