"""Issues come and go by themselves, and what can be fixed is fixed where it is told."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import UnknownHandler
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hypervolt_charger import issues
from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_PLANNER_CHARGE_MODE,
    DOMAIN,
)
from custom_components.hypervolt_charger.repairs import async_create_fix_flow
from tests.conftest import Rig, SetUpCharger
from tests.integration.entry_life import unload
from tests.simulator import Fault, Personality
from tests.waiting import eventually

FLOWS = "/api/repairs/issues/fix"


def issue(
    hass: HomeAssistant, kind: str, entry: MockConfigEntry
) -> ir.IssueEntry | None:
    """Return an issue of an entry, if people are told of it."""
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{kind}_{entry.entry_id}")


class Repair:
    """A person at the repairs page, who has opened an issue."""

    def __init__(self, client: Any, flow_id: str) -> None:
        self._client = client
        self._flow_id = flow_id

    @classmethod
    async def open(
        cls, hass: HomeAssistant, client: ClientSessionGenerator, issue_id: str
    ) -> Repair:
        assert await async_setup_component(hass, "repairs", {})
        await hass.async_block_till_done()
        session = await client()
        answer = await session.post(
            FLOWS, json={"handler": DOMAIN, "issue_id": issue_id}
        )
        assert answer.status == HTTPStatus.OK
        form = await answer.json()
        assert (form["type"], form["step_id"]) == ("form", "confirm")
        return cls(session, form["flow_id"])

    async def submit(self) -> dict[str, Any]:
        answer = await self._client.post(f"{FLOWS}/{self._flow_id}", json={})
        assert answer.status == HTTPStatus.OK
        told: dict[str, Any] = await answer.json()
        return told


# An empty schedule


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report it without waiting for a day."""
    monkeypatch.setattr(issues, "EMPTY_FOR", timedelta())


async def empty_schedule(rig: Rig) -> None:
    """Switch to a schedule without sessions, as the app can."""
    if rig.charger.personality is Personality.LEGACY_V2:
        rig.charger.app_set_schedule(enabled=True, intervals=[])
        await rig.coordinator.async_refresh()
    else:
        rig.charger.app_set_schedule(enabled=True, sessions=[])
    await eventually(lambda: issue(rig.hass, "schedule_empty", rig.entry))


every_variant = pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)


@every_variant
async def test_an_empty_schedule_is_told_and_left(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
    personality: Personality,
) -> None:
    rig = await setup_charger(personality)
    assert issue(hass, "schedule_empty", rig.entry) is None
    await empty_schedule(rig)
    told = issue(hass, "schedule_empty", rig.entry)
    assert told
    assert told.is_fixable
    assert told.translation_key == "schedule_empty"
    assert told.translation_placeholders == {"charger": rig.entry.title}

    repair = await Repair.open(hass, hass_client, told.issue_id)
    assert (await repair.submit())["type"] == "create_entry"
    assert rig.state("select", "activation_mode") == "plug_and_charge"
    if personality is Personality.LEGACY_V2:
        assert rig.charger.rest_schedule is not None
        assert not rig.charger.rest_schedule.enabled
    else:
        assert not rig.charger.schedule.enabled
    await hass.async_block_till_done()
    assert issue(hass, "schedule_empty", rig.entry) is None


@every_variant
async def test_an_empty_schedule_that_is_filled_is_no_longer_told(
    hass: HomeAssistant, setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await empty_schedule(rig)
    if personality is Personality.LEGACY_V2:
        rig.charger.app_set_schedule(enabled=True, intervals=[("01:00", "02:00")])
        await rig.coordinator.async_refresh()
    else:
        fill(rig)
    await eventually(lambda: not issue(hass, "schedule_empty", rig.entry))


def fill(rig: Rig) -> None:
    rig.charger.app_set_schedule(
        enabled=True,
        sessions=[
            {
                "start_time": "01:00",
                "end_time": "02:00",
                "session_type": "recurring",
                "mode": "boost",
            }
        ],
    )


async def test_a_schedule_filled_meanwhile_is_left_alone(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
) -> None:
    rig = await setup_charger(Personality.V3)
    await empty_schedule(rig)
    told = issue(hass, "schedule_empty", rig.entry)
    assert told
    repair = await Repair.open(hass, hass_client, told.issue_id)
    # Nothing is pushed: only asking tells.
    rig.cloud.faults.enable(Fault.STALL)
    fill(rig)
    rig.cloud.faults.clear()
    assert (await repair.submit())["type"] == "create_entry"
    assert rig.charger.schedule.enabled
    assert rig.state("select", "activation_mode") == "schedule"


async def test_octopus_without_a_dispatch_is_no_empty_schedule(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.set_octopus_schedule([])
    await eventually(lambda: rig.state("select", "activation_mode") == "octopus")
    assert issue(hass, "schedule_empty", rig.entry) is None


async def test_a_fix_that_fails_says_why_and_can_be_repeated(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
) -> None:
    rig = await setup_charger(Personality.V3)
    await empty_schedule(rig)
    told = issue(hass, "schedule_empty", rig.entry)
    assert told
    repair = await Repair.open(hass, hass_client, told.issue_id)
    rig.cloud.faults.enable(Fault.INTERNAL)
    form = await repair.submit()
    assert (form["type"], form["errors"]) == ("form", {"base": "failed"})
    assert "The charger refused" in form["description_placeholders"]["reason"]
    assert issue(hass, "schedule_empty", rig.entry)
    rig.cloud.faults.clear()
    assert (await repair.submit())["type"] == "create_entry"
    assert not rig.charger.schedule.enabled


@pytest.mark.parametrize("kind", ["schedule_empty"])
async def test_nothing_is_fixed_while_the_entry_is_not_loaded(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
    kind: str,
) -> None:
    rig = await setup_charger(Personality.V3)
    await empty_schedule(rig)
    told = issue(hass, kind, rig.entry)
    assert told
    repair = await Repair.open(hass, hass_client, told.issue_id)
    await unload(hass, rig.entry)
    outcome = await repair.submit()
    assert (outcome["type"], outcome["reason"]) == ("abort", "not_loaded")
    assert issue(hass, kind, rig.entry), "an issue that was not fixed stays"


async def test_issues_over_the_life_of_an_entry(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await empty_schedule(rig)
    told = issue(hass, "schedule_empty", rig.entry)
    assert told
    ir.async_get(hass).async_ignore(DOMAIN, told.issue_id, ignore=True)
    assert await hass.config_entries.async_reload(rig.entry.entry_id)
    await eventually(lambda: rig.coordinator.data.schedule)
    told = issue(hass, "schedule_empty", rig.entry)
    assert told
    assert told.dismissed_version, "what people ignore stays ignored over a reload"

    await hass.config_entries.async_set_disabled_by(
        rig.entry.entry_id, ConfigEntryDisabler.USER
    )
    assert issue(hass, "schedule_empty", rig.entry) is None
    await hass.config_entries.async_set_disabled_by(rig.entry.entry_id, None)
    await eventually(lambda: issue(hass, "schedule_empty", rig.entry))

    await hass.config_entries.async_remove(rig.entry.entry_id)
    assert not ir.async_get(hass).issues


# An option in the way


async def choose(rig: Rig, choice: str) -> None:
    """Choose how the charger is spoken to, as the form of the options does."""
    rig.hass.config_entries.async_update_entry(
        rig.entry, options={**rig.entry.options, CONF_API_VERSION_OVERRIDE: choice}
    )
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


async def settled(rig: Rig) -> None:
    """Wait until the charger has told all it tells of its dialect."""
    client = rig.coordinator.client
    await eventually(lambda: client.state.firmware_version)
    await client.refresh()


in_the_way = pytest.mark.parametrize(
    ("personality", "choice"),
    [
        (Personality.LEGACY_V2, "v3"),
        (Personality.UPGRADED_V2, "v2"),
        (Personality.V3, "v2"),
    ],
)


@in_the_way
async def test_a_choice_the_charger_contradicts_is_told_and_taken_back(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
    personality: Personality,
    choice: str,
) -> None:
    rig = await setup_charger(personality)
    right = rig.coordinator.client.variant
    assert issue(hass, "api_wrong", rig.entry) is None
    hass.config_entries.async_update_entry(
        rig.entry, options={CONF_PLANNER_CHARGE_MODE: "eco"}
    )
    await choose(rig, choice)
    await eventually(lambda: issue(hass, "api_wrong", rig.entry))
    assert rig.coordinator.client.variant == choice
    told = issue(hass, "api_wrong", rig.entry)
    assert told
    assert told.is_fixable
    assert told.translation_placeholders == {"charger": rig.entry.title}

    repair = await Repair.open(hass, hass_client, told.issue_id)
    assert (await repair.submit())["type"] == "create_entry"
    await hass.async_block_till_done()
    assert rig.entry.options == {
        CONF_API_VERSION_OVERRIDE: "auto",
        CONF_PLANNER_CHARGE_MODE: "eco",
    }
    assert rig.entry.state is ConfigEntryState.LOADED
    await eventually(lambda: rig.coordinator.client.variant == right)
    await settled(rig)
    assert issue(hass, "api_wrong", rig.entry) is None


@in_the_way
async def test_a_choice_that_is_corrected_is_no_longer_told(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    personality: Personality,
    choice: str,
) -> None:
    rig = await setup_charger(personality)
    await choose(rig, choice)
    await eventually(lambda: issue(hass, "api_wrong", rig.entry))
    await choose(rig, "v2" if choice == "v3" else "v3")
    await settled(rig)
    assert issue(hass, "api_wrong", rig.entry) is None


@pytest.mark.parametrize(
    ("personality", "choice"),
    [
        (Personality.LEGACY_V2, "v2"),
        (Personality.LEGACY_V2, "auto"),
        (Personality.UPGRADED_V2, "v3"),
        (Personality.UPGRADED_V2, "auto"),
        (Personality.V3, "v3"),
        (Personality.V3, "auto"),
    ],
)
async def test_a_choice_the_charger_agrees_with_is_not_told(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    personality: Personality,
    choice: str,
) -> None:
    rig = await setup_charger(personality)
    await choose(rig, choice)
    await settled(rig)
    assert issue(hass, "api_wrong", rig.entry) is None


async def test_silence_contradicts_nothing(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.cloud.faults.enable(Fault.LOST, methods=["schedules.get", "firmware.version"])
    await choose(rig, "v3")
    await rig.coordinator.async_refresh()
    assert rig.coordinator.client.told_variant is None
    assert issue(hass, "api_wrong", rig.entry) is None


async def test_a_choice_is_told_when_the_charger_is_upgraded(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    """What was right once may be in the way later."""
    rig = await setup_charger(Personality.LEGACY_V2)
    await choose(rig, "v2")
    await settled(rig)
    assert issue(hass, "api_wrong", rig.entry) is None
    rig.charger.install(Personality.UPGRADED_V2)
    await rig.cloud.drop_all()
    await eventually(lambda: issue(hass, "api_wrong", rig.entry))


async def test_there_is_no_flow_for_an_entry_that_is_gone(hass: HomeAssistant) -> None:
    issues: list[dict[str, str | int | float | None] | None] = [
        {"entry_id": "gone", "kind": "api_wrong"},
        {},
        None,
    ]
    for data in issues:
        with pytest.raises(UnknownHandler):
            await async_create_fix_flow(hass, "api_wrong_gone", data)
