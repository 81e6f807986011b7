"""A charger leaves the account: people are told, and told when it is over."""

from datetime import timedelta

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.hypervolt_charger.const import DOMAIN, POLL_INTERVAL
from tests.conftest import Rig, SetUpCharger
from tests.integration.acting import entity
from tests.integration.entry_life import reauth_flows
from tests.simulator import Fault, Personality
from tests.waiting import eventually


def gone(rig: Rig) -> bool:
    """Tell whether people are told that the charger is gone."""
    issue_id = f"charger_gone_{rig.entry.entry_id}"
    issue = ir.async_get(rig.hass).async_get_issue(DOMAIN, issue_id)
    if issue is not None:
        assert issue.translation_key == "charger_gone"
        assert issue.translation_placeholders == {"charger": rig.entry.title}
        assert issue.severity is ir.IssueSeverity.ERROR
    return issue is not None


async def poll(rig: Rig, number: int = 1) -> None:
    """Let the time of the poll come."""
    moment = dt_util.utcnow() + number * (POLL_INTERVAL + timedelta(seconds=1))
    async_fire_time_changed(rig.hass, moment)
    await rig.hass.async_block_till_done(wait_background_tasks=True)


async def give_away(rig: Rig) -> None:
    """Remove the charger from its account, and wait until that is noticed."""
    rig.account.remove_charger(rig.charger)
    await eventually(lambda: rig.state("switch", "lock_state") == STATE_UNKNOWN)


async def test_it_is_told_at_the_next_poll(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await poll(rig)
    assert not gone(rig)

    await give_away(rig)
    assert rig.state("binary_sensor", "connection") == STATE_OFF
    await poll(rig, 2)
    assert gone(rig)
    assert reauth_flows(rig.hass) == []


async def test_it_is_over_when_the_charger_is_back(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await give_away(rig)
    await poll(rig)
    assert gone(rig)

    rig.account.add_charger(Personality.V3, rig.charger.charger_id)
    await eventually(lambda: rig.state("switch", "lock_state") == STATE_OFF)
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_ON)
    await poll(rig, 2)
    assert not gone(rig)


async def test_a_charger_in_another_account_is_gone(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await give_away(rig)
    other = rig.cloud.add_account("other@example.com", "secret")
    other.add_charger(Personality.LEGACY_V2, rig.charger.charger_id)
    await poll(rig)
    assert gone(rig)
    assert rig.state("switch", "lock_state") == STATE_UNKNOWN


async def test_a_list_in_trouble_says_nothing(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.REST_ERROR)
    await give_away(rig)
    await poll(rig)
    assert not gone(rig)


async def test_a_charger_that_is_there_outweighs_the_list(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.ACCOUNT, charger=rig.charger, mode="missing")
    await poll(rig)
    assert not gone(rig)
    assert entity(rig, "switch", "lock_state").state == STATE_OFF


async def test_nothing_is_said_of_a_removed_entry(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await give_away(rig)
    await poll(rig)
    assert gone(rig)
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    assert not ir.async_get(rig.hass).issues
