"""What actions and the planner option are given: whose, how much, and how wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_PLANNER,
    DOMAIN,
)
from custom_components.hypervolt_charger.hypervolt.charge_log import ChargeSession
from custom_components.hypervolt_charger.past_sessions import as_csv
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, SimulatedCloud
from tests.waiting import eventually

from .scheduling import TRACKER, call, device_id, own_schedule, sessions, writes
from .time_machine import TimeMachine

BACKUP = {"backup_schedule_start": "01:00:00", "backup_schedule_end": "04:30:00"}
EVALUATED = {"target_times_last_evaluated": "2026-06-05T16:05:00+01:00"}
ROW = {"start": "2026-06-06T01:00:00+01:00", "end": "2026-06-06T02:00:00+01:00"}
LATER = {"start": "2026-06-06T03:00:00+01:00", "end": "2026-06-06T04:00:00+01:00"}


@pytest.fixture
async def rig(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> Rig:
    """A V3, on a Friday at six in the evening."""
    cloud.token_life = 1e7
    return await setup_charger(Personality.V3)


def rows(*minutes: int, price: str | None = None) -> list[dict[str, Any]]:
    """Return rows without a gap, of so many minutes each, from one in the morning."""
    start = datetime(2026, 6, 6, 0, 0, tzinfo=UTC)
    found = []
    for length in minutes:
        end = start + timedelta(minutes=length)
        row: dict[str, Any] = {"start": start.isoformat(), "end": end.isoformat()}
        found.append(row if price is None else {**row, price: 0.2})
        start = end
    return found


# Zero, off, cancelled


@pytest.mark.parametrize("zero", [0, 0.0, "0", "0.0"])
async def test_a_window_of_predbat_without_energy_is_none(rig: Rig, zero: Any) -> None:
    off = {"start": "06-06 01:00:00", "end": "06-06 02:00:00", "kwh": zero}
    on = {"start": "06-06 03:00:00", "end": "06-06 04:00:00", "kwh": 4.1}
    rig.hass.states.async_set(TRACKER, "off", {"planned": [off, on]})
    answer = await call(rig, tracker_rate=TRACKER)
    assert sessions(rig) == {("03:00", "04:00", "sat")}
    assert [item["reason"] for item in answer["dropped"]] == ["off"]

    rig.hass.states.async_set(TRACKER, "off", {"planned": [off]})
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, tracker_rate=TRACKER)
    assert refused.value.translation_key == "no_plan_empty"
    assert sessions(rig) == {("03:00", "04:00", "sat")}


@pytest.mark.parametrize(
    "attributes",
    [
        {"slots": [{**ROW, "power": 0}, LATER]},
        {"planned_windows": [{**ROW, "estimated_power_kw": 0.0}, LATER]},
        {"windows": [{**ROW, "action": "idle"}, {**LATER, "action": "charge"}]},
        {"events": [{**ROW, "status": "cancelled"}, LATER]},
        {"charging_schedule": [{**ROW, "value": "0.0"}, {**LATER, "value": 0.1}]},
        {"planned_dispatches": [{**ROW, "source": "bump-charge"}, LATER]},
    ],
)
async def test_rows_that_are_off_are_left_out(
    rig: Rig, attributes: dict[str, Any]
) -> None:
    rig.hass.states.async_set(TRACKER, "off", attributes)
    await call(rig, tracker_rate=TRACKER)
    assert sessions(rig) == {("03:00", "04:00", "sat")}


async def test_a_dispatch_stays_when_its_target_is_reached(rig: Rig) -> None:
    rig.hass.states.async_set(
        TRACKER, "off", {"planned_dispatches": [{**ROW, "charge_in_kwh": 0}]}
    )
    await call(rig, tracker_rate=TRACKER)
    assert sessions(rig) == {("01:00", "02:00", "sat")}


# Prices and long plans


@pytest.mark.parametrize(
    "lengths", [(60,) * 6, (60,) * 5, (60, 120, 240), (30,) * 47, (15, 15), (30,) * 96]
)
@pytest.mark.parametrize("form", ["rows", "area", "attribute"])
async def test_prices_of_any_length_are_refused(
    rig: Rig, lengths: tuple[int, ...], form: str
) -> None:
    prices = rows(*lengths, price="price")
    data: dict[str, Any] = {"windows": prices}
    if form == "area":
        data = {"windows": {"SE3": prices}}
    if form == "attribute":
        rig.hass.states.async_set(TRACKER, "0.2", {"data": prices})
        data = {"tracker_rate": TRACKER, "attribute": "data"}
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, **data, **BACKUP)
    assert refused.value.translation_key == "no_plan_price_list"
    assert writes(rig) == 0


async def test_a_plan_of_more_than_a_day_is_carried_out(rig: Rig) -> None:
    rig.hass.states.async_set(
        TRACKER, "off", {"target_times": rows(*(30,) * 60), **EVALUATED}
    )
    answer = await call(rig, tracker_rate=TRACKER, **BACKUP)
    assert answer["source"] == "tracker"
    assert sessions(rig) == {("01:00", "24:00", "sat"), ("00:00", "07:00", "sun")}


# Our own entities


@pytest.mark.parametrize(
    ("platform", "key"),
    [
        ("calendar", "charging_schedule"),
        ("sensor", "next_charge_start"),
        ("switch", "charging"),
    ],
)
async def test_our_own_entities_are_not_planners(
    rig: Rig, platform: str, key: str
) -> None:
    own_schedule(rig)
    await rig.coordinator.async_refresh()
    ours = rig.entity_id(platform, key)
    with pytest.raises(ServiceValidationError, match=ours) as refused:
        await call(rig, tracker_rate=ours, **BACKUP)
    assert refused.value.translation_key == "no_plan_own_entity"
    assert writes(rig) == 0


async def choose(rig: Rig, planner: str) -> ConfigFlowResult:
    """Choose a planner in the options."""
    flow = rig.hass.config_entries.options
    result = await flow.async_init(rig.entry.entry_id)
    result = await flow.async_configure(
        result["flow_id"], {CONF_API_VERSION_OVERRIDE: "auto", CONF_PLANNER: planner}
    )
    await rig.hass.async_block_till_done()
    return result


async def test_the_option_offers_none_of_ours(rig: Rig) -> None:
    result = await rig.hass.config_entries.options.async_init(rig.entry.entry_id)
    schema = result["data_schema"]
    assert schema is not None
    config = schema.schema[CONF_PLANNER].serialize()["selector"]["entity"]
    assert rig.entity_id("calendar", "charging_schedule") in config["exclude_entities"]
    registry = er.async_get(rig.hass)
    ours = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    assert {entity.entity_id for entity in ours} <= set(config["exclude_entities"])
    assert {*config["filter"][0]["domain"]} >= {
        *("binary_sensor", "calendar", "schedule", "sensor")
    }


@pytest.mark.parametrize(
    ("planner", "attributes", "error"),
    [
        ("sensor.prices", {"raw_today": [ROW]}, "planner_has_prices"),
        ("sensor.prices", {"rates": rows(30, 30, price="value")}, "planner_has_prices"),
        ("sensor.temperature", {"unit_of_measurement": "°C"}, "not_a_planner"),
        ("light.lamp", {"target_times": [ROW]}, "not_a_planner"),
    ],
)
async def test_what_cannot_hold_a_plan_is_refused_by_the_option(
    rig: Rig, planner: str, attributes: dict[str, Any], error: str
) -> None:
    rig.hass.states.async_set(planner, "on", attributes)
    result = await choose(rig, planner)
    assert result["errors"] == {"base": error}
    assert CONF_PLANNER not in rig.entry.options


async def test_our_own_entities_are_refused_by_the_option(rig: Rig) -> None:
    for platform, key in (("calendar", "charging_schedule"), ("switch", "charging")):
        result = await choose(rig, rig.entity_id(platform, key))
        assert result["errors"] == {"base": "own_planner"}


@pytest.mark.parametrize(
    ("state", "attributes"),
    [
        (None, {}),
        ("unavailable", {}),
        ("off", {"target_times": [], **EVALUATED}),
        ("off", {"target_times": None}),
        ("off", {"target_times": [ROW], "rates_incomplete": True}),
        ("off", {"target_times": [ROW], **EVALUATED}),
    ],
)
async def test_a_planner_without_a_plan_for_now_is_taken_by_the_option(
    rig: Rig, state: str | None, attributes: dict[str, Any]
) -> None:
    if state is not None:
        rig.hass.states.async_set(TRACKER, state, attributes)
    assert (await choose(rig, TRACKER))["type"] == "create_entry"
    # Other options can be changed while it has lost its plan.
    rig.hass.states.async_set(TRACKER, "on", {})
    assert (await choose(rig, TRACKER))["type"] == "create_entry"


async def test_our_own_entity_chosen_before_is_reported(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    ours = rig.entity_id("calendar", "charging_schedule")
    hass.config_entries.async_update_entry(rig.entry, options={CONF_PLANNER: ours})
    await hass.config_entries.async_reload(rig.entry.entry_id)
    issue_id = f"planner_own_{rig.entry.entry_id}"
    issues = ir.async_get(hass)
    await eventually(lambda: issues.async_get_issue(DOMAIN, issue_id) is not None)
    issue = issues.async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.translation_placeholders == {
        "charger": rig.entry.title,
        "planner": ours,
    }
    hass.config_entries.async_update_entry(rig.entry, options={})
    await hass.config_entries.async_reload(rig.entry.entry_id)
    await hass.async_block_till_done()
    assert issues.async_get_issue(DOMAIN, issue_id) is None


# Who calls


ACTIONS: Mapping[str, dict[str, Any]] = {
    "set_schedule": {"windows": [ROW], "when_finished": "restore"},
    "get_schedule": {},
    "restore_schedule": {},
    "get_sessions": {},
}


def user(hass: HomeAssistant, policy: Mapping[str, Any]) -> Context:
    """Return the context of a user who has these permissions for entities."""
    person = MockUser(id="person").add_to_hass(hass)
    person.mock_policy({"entities": policy})
    return Context(user_id=person.id)


async def act_as(rig: Rig, context: Context, action: str, **data: Any) -> Any:
    """Call an action as somebody."""
    return await rig.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device_id(rig), **ACTIONS[action], **data},
        blocking=True,
        context=context,
        return_response=action != "restore_schedule",
    )


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_user_without_permissions_may_do_nothing(rig: Rig, action: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        await act_as(rig, user(rig.hass, {}), action)
    assert refused.value.entity_id in rig.hass.states.async_entity_ids()
    assert writes(rig) == 0


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_user_nobody_knows_may_do_nothing(rig: Rig, action: str) -> None:
    with pytest.raises(UnknownUser):
        await act_as(rig, Context(user_id="nobody"), action)
    assert writes(rig) == 0


async def test_a_user_who_may_read_does_not_write(rig: Rig) -> None:
    reader = user(rig.hass, {"all": {POLICY_READ: True}})
    for action in ("set_schedule", "restore_schedule"):
        with pytest.raises(Unauthorized) as refused:
            await act_as(rig, reader, action)
        assert refused.value.permission == POLICY_CONTROL
    assert writes(rig) == 0
    await act_as(rig, reader, "get_schedule")
    await act_as(rig, reader, "get_sessions")
    answer = await act_as(rig, reader, "set_schedule", dry_run=True)
    assert answer["devices"][device_id(rig)]["windows"]
    assert writes(rig) == 0


async def test_a_user_who_may_control_another_charger_does_not_control_this(
    rig: Rig,
) -> None:
    other = {"switch.other_charging": True}
    someone = user(rig.hass, {"all": {POLICY_READ: True}, "entity_ids": other})
    with pytest.raises(Unauthorized):
        await act_as(rig, someone, "set_schedule")
    assert writes(rig) == 0


async def test_a_user_who_may_control_the_charger(rig: Rig) -> None:
    registry = er.async_get(rig.hass)
    ours = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    someone = user(
        rig.hass, {"entity_ids": dict.fromkeys((e.entity_id for e in ours), True)}
    )
    for action in ACTIONS:
        await act_as(rig, someone, action)
    assert writes(rig) > 0


@pytest.mark.parametrize("dry_run", [True, False])
async def test_only_a_planner_the_user_may_read_is_read(
    rig: Rig, dry_run: bool
) -> None:
    """What is left out of a plan would tell what is in another entity."""
    registry = er.async_get(rig.hass)
    ours = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    someone = user(
        rig.hass, {"entity_ids": dict.fromkeys((e.entity_id for e in ours), True)}
    )
    rig.hass.states.async_set("sensor.secret", "1", {"list": ["secret", ROW]})
    call_ = {"device_id": device_id(rig), "tracker_rate": "sensor.secret"}
    with pytest.raises(Unauthorized) as refused:
        await rig.hass.services.async_call(
            DOMAIN,
            "set_schedule",
            {**call_, "dry_run": dry_run},
            blocking=True,
            context=someone,
            return_response=True,
        )
    assert refused.value.entity_id == "sensor.secret"
    assert refused.value.permission == POLICY_READ
    assert writes(rig) == 0


async def test_a_planner_that_may_only_be_read_is_asked(rig: Rig) -> None:
    """Its own action would take a permission to control it."""
    assert await async_setup_component(
        rig.hass,
        "schedule",
        {
            "schedule": {
                "car": {"name": "Car", "saturday": [{"from": "1:00", "to": "2:00"}]}
            }
        },
    )
    registry = er.async_get(rig.hass)
    ours = er.async_entries_for_config_entry(registry, rig.entry.entry_id)
    someone = user(
        rig.hass,
        {
            "all": {POLICY_READ: True},
            "entity_ids": dict.fromkeys((e.entity_id for e in ours), True),
        },
    )
    await rig.hass.services.async_call(
        DOMAIN,
        "set_schedule",
        {"device_id": device_id(rig), "tracker_rate": "schedule.car"},
        blocking=True,
        context=someone,
    )
    assert sessions(rig) == {("01:00", "02:00", "sat")}
    # It watches the clock.
    await rig.hass.data[DATA_INSTANCES]["schedule"].async_remove_entity("schedule.car")


# How wrong


@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("set_schedule", {"backup_schedule_start": "01:00"}, "backup_incomplete"),
        ("set_schedule", {"backup_schedule_end": "01:00"}, "backup_incomplete"),
        ("set_schedule", {"windows": [ROW], "tracker_rate": TRACKER}, "planner_and_windows"),
        ("set_schedule", {"windows": [ROW], "charge_mode": "turbo"}, "not_an_option"),
        ("set_schedule", {"windows": [ROW], "charge_mode": None}, "invalid_field"),
        ("set_schedule", {"windows": [ROW], "when_finished": "later"}, "not_an_option"),
        ("set_schedule", {**BACKUP, "backup_schedule_end": "25:99"}, "invalid_time"),
        ("set_schedule", {**BACKUP, "backup_schedule_end": 1410}, "invalid_time"),
        ("set_schedule", {**BACKUP, "backup_schedule_end": None}, "invalid_time"),
        ("set_schedule", {"tracker_rate": "planner"}, "invalid_entity_id"),
        ("set_schedule", {"tracker_rate": ["sensor.a"]}, "invalid_entity_id"),
        ("set_schedule", {"windows": [ROW], "append_backup": "perhaps"}, "invalid_field"),
        ("set_schedule", {"windows": [ROW], "dry_run": None}, "invalid_field"),
        ("set_schedule", {"windows": [ROW], "attribute": ["a"]}, "invalid_field"),
        ("set_schedule", {"tracker": TRACKER}, "unknown_field"),
        ("get_schedule", {"device_id": []}, "missing_field"),
        ("get_schedule", {"device_id": None}, "missing_field"),
        ("get_schedule", {"device_id": [[]]}, "invalid_field"),
        ("restore_schedule", {"start": "now"}, "unknown_field"),
        ("get_sessions", {"export": "xlsx"}, "not_an_option"),
        ("get_sessions", {"start": "yesterday"}, "invalid_date_and_time"),
        ("get_sessions", {"start": "2026-02-31 00:00"}, "invalid_date_and_time"),
        ("get_sessions", {"end": 5}, "invalid_date_and_time"),
        ("get_sessions", {"start": 10**5000}, "invalid_date_and_time"),
        ("get_sessions", {"start": "0001-01-01 00:00:00"}, "invalid_date_and_time"),
        ("get_sessions", {"end": "9999-12-31 23:59:59"}, "invalid_date_and_time"),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_a_translated_error(
    rig: Rig, action: str, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await rig.hass.services.async_call(
            DOMAIN,
            action,
            {"device_id": device_id(rig), **data},
            blocking=True,
            return_response=action != "restore_schedule",
        )
    assert refused.value.translation_domain == DOMAIN
    assert refused.value.translation_key == key
    assert writes(rig) == 0
    assert "{" not in str(refused.value), "a name in the text is not given"


async def test_a_call_without_a_charger(rig: Rig) -> None:
    with pytest.raises(ServiceValidationError, match="device_id") as refused:
        await rig.hass.services.async_call(
            DOMAIN, "set_schedule", {"windows": [ROW]}, blocking=True
        )
    assert refused.value.translation_key == "missing_field"


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        ({"charge_mode": "Super Eco"}, "super_eco"),
        ({"charge_mode": "eco", "dry_run": "no"}, "eco"),
        ({"when_finished": "keep", "append_backup": "on", "dry_run": 0}, "boost"),
    ],
)
async def test_right_fields_in_other_forms(
    rig: Rig, data: dict[str, Any], mode: str
) -> None:
    answer = await call(rig, windows=[ROW], **data)
    assert answer["charge_mode"] == mode
    assert answer["written"]


# How much


async def test_thousands_of_windows_are_fitted_in_time(rig: Rig) -> None:
    start = datetime(2026, 6, 5, 18, 0, tzinfo=UTC)
    windows = [
        {
            "start": (start + timedelta(minutes=4 * index)).isoformat(),
            "end": (start + timedelta(minutes=4 * index + 2)).isoformat(),
        }
        for index in range(2500)
    ]
    before = perf_counter()
    answer = await call(rig, windows=windows)
    assert perf_counter() - before < 15
    assert len(answer["gaps_closed"]) > 2400
    assert 0 < len(sessions(rig)) <= 6


@pytest.mark.parametrize(
    "windows",
    [[ROW] * 5001, {"a": [ROW] * 3000, "b": [ROW] * 3000}, f"[{'1,' * 600_000}1]"],
    ids=["rows", "lists", "text"],
)
async def test_a_plan_without_end_is_refused(rig: Rig, windows: Any) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, windows=windows, **BACKUP)
    assert refused.value.translation_key == "no_plan_too_long"
    assert writes(rig) == 0


async def get_events(rig: Rig, start: str, end: str) -> Any:
    """Ask the calendar."""
    entity_id = rig.entity_id("calendar", "charging_schedule")
    response: Any = await rig.hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": entity_id, "start_date_time": start, "end_date_time": end},
        blocking=True,
        return_response=True,
    )
    return response[entity_id]["events"]


async def test_the_calendar_looks_a_year_ahead(rig: Rig) -> None:
    own_schedule(rig)
    await rig.coordinator.async_refresh()
    with pytest.raises(ServiceValidationError) as refused:
        await get_events(rig, "2026-06-05T00:00:00Z", "2076-06-05T00:00:00Z")
    assert refused.value.translation_key == "calendar_too_long"
    assert (
        len(await get_events(rig, "1976-06-05T00:00:00Z", "2027-06-05T00:00:00Z"))
        == 364
    )


# Spreadsheets


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "  ="])
def test_no_cell_is_a_formula(start: str) -> None:
    moment = datetime(2026, 6, 5, 18, 0, tzinfo=UTC)
    mode = f'{start}HYPERLINK("https://example.com")'
    text = as_csv(
        [
            ChargeSession(
                start=moment, end=moment, charge_mode=mode, cost=-1.5, watt_hours=1
            )
        ]
    )
    assert f"'{start}HYPERLINK" in text
    assert ",-1.5" in text, "a number below zero is no formula"
