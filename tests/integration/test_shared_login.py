"""Chargers of one account share one login, and what becomes of it."""

import asyncio
import gc

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME, STATE_OFF
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.hypervolt_charger import coordinator as coordinator_module
from custom_components.hypervolt_charger.account import _ACCOUNTS, async_get_account
from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import PASSWORD, USERNAME, Rig, SetUpCharger
from tests.integration.acting import act
from tests.integration.entry_life import add_entry, reauth_flows, set_up, unload
from tests.simulator import Account, Fault, Personality, SimulatedCloud
from tests.waiting import eventually

NEW_PASSWORD = "changed in the app"
NEW_LOGIN = {CONF_USERNAME: USERNAME, CONF_PASSWORD: NEW_PASSWORD}
OTHER_USERNAME = "other@example.com"
OTHER_LOGIN = {CONF_USERNAME: OTHER_USERNAME, CONF_PASSWORD: "another secret"}


@pytest.fixture
async def pair(setup_charger: SetUpCharger) -> tuple[Rig, Rig]:
    """Two chargers of one account, of both generations."""
    return (
        await setup_charger(Personality.V3),
        await setup_charger(Personality.LEGACY_V2),
    )


def accounts(hass: HomeAssistant) -> int:
    """Count the logins that somebody still holds."""
    gc.collect()
    return len(hass.data[_ACCOUNTS])


def grants(cloud: SimulatedCloud) -> tuple[int, int]:
    """Count the logins with a password, and the renewals."""
    return (
        cloud.request_count("/token", grant_type="password"),
        cloud.request_count("/token", grant_type="refresh_token"),
    )


async def works(rig: Rig, amps: int) -> None:
    """Check that a charger is live and takes commands."""
    await eventually(lambda: rig.state("switch", "lock_state") == STATE_OFF)
    await act(rig, "number", "set_value", "max_current", value=amps)
    assert rig.charger.max_current == amps * 1000


async def change_password(*rigs: Rig) -> None:
    """Change the password, end all logins, and wait until it is noticed."""
    account = rigs[0].account
    account.password = NEW_PASSWORD
    account.sign_out_everywhere()
    await rigs[0].cloud.drop_all()
    wanted = {rig.entry.entry_id for rig in rigs}
    await eventually(lambda: set(reauth_flows(rigs[0].hass)) == wanted)


async def submit_reauth(rig: Rig, login: dict[str, str]) -> str:
    """Answer the flow that asks for a new login; return how it ended."""
    flows = rig.hass.config_entries.flow
    (flow,) = flows.async_progress_by_handler(
        DOMAIN, match_context={"entry_id": rig.entry.entry_id}
    )
    result = await flows.async_configure(flow["flow_id"], login)
    await rig.hass.async_block_till_done()
    return str(result.get("reason") or (result.get("errors") or {}).get("base"))


# One login


async def test_two_chargers_log_in_once(
    hass: HomeAssistant, cloud: SimulatedCloud, pair: tuple[Rig, Rig]
) -> None:
    assert grants(cloud) == (1, 0)
    assert accounts(hass) == 1
    for rig in pair:
        await works(rig, 10)
    assert grants(cloud) == (1, 0)


async def test_a_login_is_renewed_once_for_both(
    cloud: SimulatedCloud, pair: tuple[Rig, Rig]
) -> None:
    pair[0].account.sign_out_everywhere()
    await cloud.drop_all()
    for rig in pair:
        await works(rig, 11)
    # The renewal was refused once, then the password given once.
    assert grants(cloud) == (2, 1)


@pytest.mark.parametrize("stays", [0, 1])
async def test_one_is_unloaded_and_the_other_works_on(
    hass: HomeAssistant, cloud: SimulatedCloud, pair: tuple[Rig, Rig], stays: int
) -> None:
    left = pair[stays]
    await unload(hass, pair[1 - stays].entry)
    await works(left, 12)
    await cloud.drop_all()
    await eventually(lambda: not left.coordinator.client.connected)
    await works(left, 13)
    assert grants(cloud) == (1, 0)

    assert await hass.config_entries.async_setup(pair[1 - stays].entry.entry_id)
    await works(pair[1 - stays], 14)
    assert grants(cloud) == (1, 0)


async def test_a_login_that_nobody_needs_is_forgotten(
    hass: HomeAssistant, pair: tuple[Rig, Rig]
) -> None:
    first, second = (rig.entry for rig in pair)
    del pair
    await unload(hass, first)
    assert accounts(hass) == 1
    await unload(hass, second)
    assert accounts(hass) == 0


async def test_a_set_up_that_failed_keeps_its_login_for_the_next(
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordinator_module, "SET_UP_LIMIT", 0.3)
    entry = add_entry(hass, account.add_charger())
    cloud.faults.enable(Fault.BAD_CLOSE, mode="503")
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    caplog.clear()
    assert accounts(hass) == 1

    cloud.faults.clear()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert grants(cloud) == (1, 0)
    await unload(hass, entry)


async def test_another_password_is_another_login(hass: HomeAssistant) -> None:
    account = await async_get_account(hass, USERNAME, PASSWORD)
    assert await async_get_account(hass, USERNAME, PASSWORD) is account
    assert await async_get_account(hass, USERNAME, NEW_PASSWORD) is not account
    assert await async_get_account(hass, OTHER_USERNAME, PASSWORD) is not account


# Another password


async def test_a_changed_password_is_noticed_by_both_and_then_left_alone(
    hass: HomeAssistant, cloud: SimulatedCloud, pair: tuple[Rig, Rig]
) -> None:
    cloud.requests.clear()
    await change_password(*pair)
    await asyncio.sleep(0.3)
    passwords, renewals = grants(cloud)
    assert renewals == 1
    assert passwords <= len(pair)
    assert len(reauth_flows(hass)) == len(pair)
    assert cloud.open_sockets == 0


async def test_a_command_says_that_the_password_is_wrong(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.account.password = NEW_PASSWORD
    rig.account.sign_out_everywhere()
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, "number", "set_value", "max_current", value=10)
    assert caught.value.translation_key == "invalid_auth"
    await eventually(lambda: reauth_flows(hass) == [rig.entry.entry_id])


@pytest.mark.parametrize("answered", [0, 1])
async def test_one_answer_renews_both(
    hass: HomeAssistant, cloud: SimulatedCloud, pair: tuple[Rig, Rig], answered: int
) -> None:
    await change_password(*pair)
    cloud.requests.clear()
    assert await submit_reauth(pair[answered], NEW_LOGIN) == "reauth_successful"
    assert reauth_flows(hass) == []
    for rig in pair:
        assert rig.entry.state is ConfigEntryState.LOADED
        assert rig.entry.data[CONF_PASSWORD] == NEW_PASSWORD
        await works(rig, 15)
    # Once to try what was typed, once for both entries.
    assert grants(cloud) == (2, 0)
    assert accounts(hass) == 1


async def test_who_has_answered_is_not_asked_again(
    hass: HomeAssistant, pair: tuple[Rig, Rig]
) -> None:
    """The old login may have news while it is unloaded, such as a timer's."""
    await change_password(*pair)
    for rig in pair:
        client = rig.coordinator.client
        rig.entry.async_on_unload(rig.entry.async_on_state_change(client._tell))
        assert client.failure is not None
    assert await submit_reauth(pair[0], NEW_LOGIN) == "reauth_successful"
    assert reauth_flows(hass) == []


async def test_a_wrong_answer_renews_nobody(
    hass: HomeAssistant, pair: tuple[Rig, Rig]
) -> None:
    await change_password(*pair)
    wrong = {**NEW_LOGIN, CONF_PASSWORD: "mistyped"}
    assert await submit_reauth(pair[0], wrong) == "invalid_auth"
    assert len(reauth_flows(hass)) == 2
    assert all(rig.entry.data[CONF_PASSWORD] == PASSWORD for rig in pair)


async def test_a_charger_of_somebody_else_keeps_its_login(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    neighbour = cloud.add_account(*OTHER_LOGIN.values())
    entry = add_entry(hass, neighbour.add_charger(), data=OTHER_LOGIN)
    await set_up(hass, entry)
    before = entry.runtime_data
    await change_password(rig)
    assert await submit_reauth(rig, NEW_LOGIN) == "reauth_successful"
    assert {key: entry.data[key] for key in OTHER_LOGIN} == OTHER_LOGIN
    assert entry.runtime_data is before
    assert accounts(hass) == 2
    await unload(hass, entry)


# Another account


async def test_a_charger_that_moved_follows_to_its_new_account(
    hass: HomeAssistant, cloud: SimulatedCloud, pair: tuple[Rig, Rig]
) -> None:
    moved, stays = pair
    moved.account.remove_charger(moved.charger)
    other = cloud.add_account(*OTHER_LOGIN.values())
    charger = other.add_charger(Personality.V3, moved.charger.charger_id)
    flow = await moved.entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], OTHER_LOGIN
    )
    await hass.async_block_till_done()
    assert result["reason"] == "reconfigure_successful"
    assert {key: moved.entry.data[key] for key in OTHER_LOGIN} == OTHER_LOGIN
    await act(moved, "number", "set_value", "max_current", value=16)
    assert charger.max_current == 16_000

    # The other charger of the former account is no longer anybody's business.
    assert stays.entry.data[CONF_USERNAME] == USERNAME
    await works(stays, 17)
    assert accounts(hass) == 2


# Typed passwords


@pytest.mark.parametrize("flow", ["user", "reconfigure"])
async def test_a_typed_password_is_tried_whatever_tokens_there_are(
    hass: HomeAssistant, setup_charger: SetUpCharger, flow: str
) -> None:
    """The account in use has tokens, which would hide that its password is old."""
    rig = await setup_charger(Personality.V3)
    rig.account.add_charger()
    rig.account.password = NEW_PASSWORD
    if flow == "user":
        form = await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_USER}
        )
    else:
        form = await rig.entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        form["flow_id"], {CONF_USERNAME: USERNAME, CONF_PASSWORD: PASSWORD}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": "invalid_auth"}
    # Who still has a valid token is not disturbed by that.
    await works(rig, 18)
    assert reauth_flows(hass) == []
    hass.config_entries.flow.async_abort(form["flow_id"])


async def test_a_login_in_trouble_disturbs_nobody(
    hass: HomeAssistant, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    cloud.faults.enable(Fault.IDP_DOWN)
    form = await rig.entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        form["flow_id"], {CONF_USERNAME: USERNAME, CONF_PASSWORD: PASSWORD}
    )
    assert result["errors"] == {"base": "cannot_connect"}
    await works(rig, 19)
    hass.config_entries.flow.async_abort(form["flow_id"])
