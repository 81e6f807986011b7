"""Every source of a plan, every way it can fail, and what is answered and written."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import ServiceCall, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, RestSchedule, SimulatedCloud
from tests.waiting import eventually

from .scheduling import (
    EVERY_VARIANT,
    TRACKER,
    call,
    device_id,
    own_schedule,
    plan,
    sessions,
    writes,
)
from .time_machine import TimeMachine

LONDON = ZoneInfo("Europe/London")
BACKUP = {"backup_schedule_start": "01:00:00", "backup_schedule_end": "04:30:00"}
EVALUATED = {"target_times_last_evaluated": "2026-06-05T16:05:00+01:00"}


def at(hour: int, minute: int = 0, day: int = 5) -> datetime:
    """Return a local time of June 2026; the journey begins on Friday the 5th at six."""
    return datetime(2026, 6, day, hour, minute, tzinfo=LONDON)


@pytest.fixture
async def rig(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> Rig:
    """A V3, on a Friday at six in the evening."""
    cloud.token_life = 1e7
    return await setup_charger(Personality.V3)


def window(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


# Sources


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        (
            {
                "target_times": [
                    {**window("2026-06-06T01:30:00+01:00", "2026-06-06T02:00:00+01:00"), "value": 0.12},
                    {**window("2026-06-06T02:00:00+01:00", "2026-06-06T02:30:00+01:00"), "value": -0.01},
                ],
                "time_periods_incomplete": False,
                **EVALUATED,
            },
            {("01:30", "02:30", "sat")},
        ),
        (
            {
                "planned_dispatches": [
                    {**window("2026-06-06T01:00:00+00:00", "2026-06-06T02:00:00+00:00"), "charge_in_kwh": -6.5, "source": "SMART"},
                    {**window("2026-06-06T04:00:00+00:00", "2026-06-06T04:30:00+00:00"), "source": "BOOST"},
                ]
            },
            {("02:00", "03:00", "sat")},
        ),
        (
            {
                "plannedDispatches": [
                    {"startDtUtc": "2026-06-05 23:30:00+00:00", "endDtUtc": "2026-06-06 02:00:00+00:00", "chargeKwh": "-0.67", "meta": {"source": None}}
                ]
            },
            {("00:30", "03:00", "sat")},
        ),
        (
            {
                "planned_dispatches": [
                    {**window("2026-06-05T22:00:00+00:00", "2026-06-06T03:00:00+00:00"), "start_time": "2026-06-06 00:00:00", "end_time": "2026-06-06 05:00:00"}
                ]
            },
            {("23:00", "24:00", "fri"), ("00:00", "04:00", "sat")},
        ),
        (
            {"planned": [{**window("06-05 23:30:00", "06-06 02:10:00"), "kwh": 4.1}]},
            {("23:30", "24:00", "fri"), ("00:00", "02:10", "sat")},
        ),
        (
            {
                "charging_schedule": [
                    {**window("2026-06-06T01:00:00+01:00", "2026-06-06T01:15:00+01:00"), "value": 0.0},
                    {**window("2026-06-06T01:15:00+01:00", "2026-06-06T01:30:00+01:00"), "value": 0.42},
                ]
            },
            {("01:15", "01:30", "sat")},
        ),
        (
            {"list": [window("2026-06-06T01:00:00+01:00", "2026-06-06T02:00:00+01:00")]},
            {("01:00", "02:00", "sat")},
        ),
        (
            {
                "deferrables_schedule": [
                    {"date": "2026-06-06T01:00:00+01:00", "p_deferrable0": "3000.0"},
                    {"date": "2026-06-06T01:30:00+01:00", "p_deferrable0": "0.0"},
                ]
            },
            {("01:00", "01:30", "sat")},
        ),
        (
            {
                "planned_windows": [
                    {"start_time": "2026-06-06T00:30:00+01:00", "end_time": "2026-06-06T03:00:00+01:00", "source": "grid"}
                ]
            },
            {("00:30", "03:00", "sat")},
        ),
        (
            {"timeslots": ["01:00:00 - 02:00:00"], "weekdays": ["sat"]},
            {("01:00", "02:00", "sat")},
        ),
        (
            {"target_times": [{"start": at(1, day=6), "end": at(2, day=6)}], **EVALUATED},
            {("01:00", "02:00", "sat")},
        ),
    ],
    ids=lambda value: "/".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
async def test_every_planner(
    rig: Rig, attributes: dict[str, Any], wanted: set[tuple[str, str, str]]
) -> None:
    rig.hass.states.async_set("sensor.renamed_by_its_owner", "off", attributes)
    told = await call(rig, tracker_rate="sensor.renamed_by_its_owner")
    assert sessions(rig) == wanted
    assert told["source"] == "tracker"
    assert told["written"]


async def test_a_calendar(rig: Rig) -> None:
    hass = rig.hass
    asked: list[dict[str, Any]] = []

    async def get_events(service: ServiceCall) -> Any:
        asked.append(dict(service.data))
        return {
            "calendar.cheap": {
                "events": [
                    {**window("2026-06-06T02:00:00+01:00", "2026-06-06T03:00:00+01:00"), "summary": "Cheap"},
                    {**window("2026-06-07", "2026-06-08"), "summary": "Birthday"},
                ]
            }
        }  # fmt: skip

    hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    hass.states.async_set("calendar.cheap", "off", {"message": "Cheap", "all_day": 0})
    told = await call(rig, tracker_rate="calendar.cheap")
    assert sessions(rig) == {("02:00", "03:00", "sat")}
    assert [item["reason"] for item in told["dropped"]] == ["all_day"]
    assert asked[0]["entity_id"] == "calendar.cheap"


async def test_a_calendar_that_fails(rig: Rig) -> None:
    async def get_events(_: ServiceCall) -> Any:
        raise HomeAssistantError("its cloud is down")

    rig.hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    rig.hass.states.async_set("calendar.cheap", "off")
    told = await call(rig, tracker_rate="calendar.cheap", **BACKUP)
    assert told["source"] == "backup"
    assert "its cloud is down" in told["reason"]


async def test_a_schedule_helper(rig: Rig) -> None:
    hass = rig.hass
    assert await async_setup_component(
        hass,
        "schedule",
        {
            "schedule": {
                "cheap": {
                    "name": "Cheap",
                    "saturday": [{"from": "00:30:00", "to": "04:30:00"}],
                    "sunday": [{"from": "23:30:00", "to": "24:00:00"}],
                }
            }
        },
    )
    await hass.async_block_till_done()
    await call(rig, tracker_rate="schedule.cheap")
    assert sessions(rig) == {("00:30", "04:30", "sat"), ("23:30", "24:00", "sun")}
    # It watches the clock.
    await hass.data[DATA_INSTANCES]["schedule"].async_remove_entity("schedule.cheap")


@pytest.mark.parametrize(
    "windows",
    [
        [window("2026-06-06T01:00:00", "2026-06-06T02:00:00")],
        '[{"start": "2026-06-06T01:00:00", "end": "2026-06-06T02:00:00"}]',
        window("2026-06-06T01:00:00", "2026-06-06T02:00:00"),
        {"slots": [window("2026-06-06T00:00:00Z", "2026-06-06T01:00:00Z")]},
        "01:00-02:00",
    ],
    ids=["list", "json", "one", "response", "text"],
)
async def test_windows_of_ones_own(rig: Rig, windows: object) -> None:
    told = await call(rig, windows=windows)
    assert sessions(rig) == {("01:00", "02:00", "sat")}
    assert told["source"] == "windows"
    assert told["windows"] == [
        window("2026-06-06T01:00:00+01:00", "2026-06-06T02:00:00+01:00")
    ]
    # They are kept unless something else is asked for.
    assert told["restore_at"] is None


async def test_a_named_attribute(rig: Rig) -> None:
    rows = [window("2026-06-06T01:00:00+01:00", "2026-06-06T02:00:00+01:00")]
    rig.hass.states.async_set("sensor.own", "on", {"my": {"plan": rows}})
    await call(rig, tracker_rate="sensor.own", attribute="my.plan")
    assert sessions(rig) == {("01:00", "02:00", "sat")}


# What is no plan


@pytest.mark.parametrize(
    ("state", "attributes"),
    [
        ("unavailable", {}),
        ("unknown", {}),
        ("on", {}),
        ("on", {"target_times": None}),
        ("on", {"target_times": []}),
        ("on", {"target_times": [], **EVALUATED}),
        ("on", {"target_times": [window("2026-06-05T01:00:00Z", "2026-06-05T02:00:00Z")], **EVALUATED}),
        ("on", {"target_times": [window("2026-06-06T02:00:00Z", "2026-06-06T01:00:00Z")], **EVALUATED}),
        ("on", {"target_times": [{"start": "2026-06-06T02:00:00Z"}], **EVALUATED}),
        *(
            ("on", {flag: True, "target_times": [window("2026-06-06T01:00:00Z", "2026-06-06T02:00:00Z")], **EVALUATED})
            for flag in ("rates_incomplete", "values_incomplete", "time_periods_incomplete")
        ),
    ],
)  # fmt: skip
async def test_without_a_usable_window(
    rig: Rig, state: str, attributes: dict[str, Any]
) -> None:
    rig.hass.states.async_set(TRACKER, state, attributes)
    with pytest.raises(ServiceValidationError, match="nothing was changed") as refused:
        await call(rig, tracker_rate=TRACKER)
    assert TRACKER in str(refused.value)
    assert writes(rig) == 0

    told = await call(rig, tracker_rate=TRACKER, **BACKUP)
    assert told["source"] == "backup"
    assert TRACKER in told["reason"]
    assert sessions(rig) == {("01:00", "04:30", "sat")}


async def test_a_missing_entity_and_nothing_at_all(rig: Rig) -> None:
    with pytest.raises(ServiceValidationError, match=r"sensor\.gone has no plan"):
        await call(rig, tracker_rate="sensor.gone")
    with pytest.raises(ServiceValidationError, match="Neither a planner"):
        await call(rig)
    with pytest.raises(ServiceValidationError, match="same time"):
        await call(rig, backup_schedule_start="02:00", backup_schedule_end="02:00")
    assert writes(rig) == 0


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        ({"raw_today": [window("2026-06-05T01:00:00Z", "2026-06-05T02:00:00Z")]}, "no_plan_price_list"),
        ({"rates": [{**window("2026-06-06T01:00:00Z", "2026-06-06T01:30:00Z"), "value_inc_vat": 0.1}]}, "no_plan_price_list"),
        ({"prices": [{"date_time": "2026-06-06T01:00:00Z", "agile_pred": 9}]}, "no_plan_price_list"),
        ({"forecasts": []}, "no_plan_price_list"),
        ({"list": [{"start_time": "2026-06-06T01:00:00Z", "price": 1}]}, "no_plan_price_list"),
    ],
)  # fmt: skip
async def test_prices_are_refused_backup_or_not(
    rig: Rig, attributes: dict[str, Any], key: str
) -> None:
    rig.hass.states.async_set(TRACKER, "on", attributes)
    with pytest.raises(ServiceValidationError, match=TRACKER) as refused:
        await call(rig, tracker_rate=TRACKER, **BACKUP)
    assert refused.value.translation_key == key
    assert writes(rig) == 0


@pytest.mark.parametrize(
    ("windows", "key"),
    [
        ("[{'start': datetime.datetime(2026, 6, 6, 1, 0)}]", "no_plan_use_to_json"),
        ("this is no list", "no_plan_follow_entity"),
        ([{"start": 84600, "end": 1410}], "no_plan_quote_times"),
        (42, "no_plan_not_understood"),
        ("", "no_plan_not_evaluated"),
        (None, "no_plan_not_evaluated"),
        ([window("2026-06-06", "2026-06-07")], "no_plan_all_day"),
        ({"message": "Cheap", "all_day": False}, "no_plan_calendar_events"),
        (
            [{"date": "2026-06-06T01:00:00Z", "p_deferrable0": "1", "p_deferrable1": "0"}],
            "no_plan_one_deferrable",
        ),
    ],
)  # fmt: skip
async def test_mistakes_come_with_a_hint(rig: Rig, windows: object, key: str) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, windows=windows)
    assert refused.value.translation_key == key
    assert "nothing was changed" in str(refused.value)
    assert writes(rig) == 0


# Windows


async def test_the_order_and_small_gaps_make_no_difference(rig: Rig) -> None:
    plan(
        rig.hass,
        (at(2, day=6), at(3, day=6)),
        (at(1, day=6), at(1, 59, day=6)),
        (at(1, 30, day=6), at(2, day=6)),
        (at(1, day=6), at(1, 59, day=6)),
    )
    await call(rig, tracker_rate=TRACKER)
    assert sessions(rig) == {("01:00", "03:00", "sat")}


async def test_too_many_windows_are_merged_and_the_answer_says_so(rig: Rig) -> None:
    plan(
        rig.hass,
        *((at(hour, day=6), at(hour, 30, day=6)) for hour in range(1, 7)),
        (at(6, 40, day=6), at(7, day=6)),
    )
    told = await call(rig, tracker_rate=TRACKER)
    assert len(sessions(rig)) == 6
    assert ("06:00", "07:00", "sat") in sessions(rig)
    assert told["gaps_closed"] == [
        window("2026-06-06T06:30:00+01:00", "2026-06-06T06:40:00+01:00")
    ]
    assert told["windows"][-1]["end"] == "2026-06-06T07:00:00+01:00"


async def test_the_backup_is_merged_into_the_plan(rig: Rig) -> None:
    plan(rig.hass, (at(4, day=6), at(5, day=6)))
    told = await call(rig, tracker_rate=TRACKER, append_backup=True, **BACKUP)
    assert sessions(rig) == {("01:00", "05:00", "sat")}
    assert told["source"] == "tracker"


async def test_a_backup_across_midnight(rig: Rig) -> None:
    await call(rig, backup_schedule_start="23:30:00", backup_schedule_end="05:30:00")
    assert sessions(rig) == {("23:30", "24:00", "fri"), ("00:00", "05:30", "sat")}


async def test_a_legacy_v2_says_what_it_leaves_out(
    time_machine: TimeMachine, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    plan(rig.hass, (at(1, day=6), at(2, day=6)), (at(1, day=7), at(2, day=7)))
    told = await call(rig, tracker_rate=TRACKER)
    assert sessions(rig) == {("01:00", "02:00", "daily")}
    assert told["left_out"] == [
        window("2026-06-07T01:00:00+01:00", "2026-06-07T02:00:00+01:00")
    ]
    plan(rig.hass, (at(1, day=7), at(2, day=7)))
    with pytest.raises(ServiceValidationError, match="more than a day ahead"):
        await call(rig, tracker_rate=TRACKER)
    told = await call(rig, tracker_rate=TRACKER, **BACKUP)
    assert told["source"] == "backup"
    assert "more than a day ahead" in told["reason"]
    assert sessions(rig) == {("01:00", "04:30", "daily")}


async def test_a_legacy_v2_writes_the_zone_its_times_are_in(
    time_machine: TimeMachine, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await rig.hass.config.async_set_time_zone("Europe/Paris")
    await call(rig, **BACKUP)
    assert rig.charger.rest_schedule
    assert rig.charger.rest_schedule.tz == "Europe/Paris"
    assert sessions(rig) == {("01:00", "04:30", "daily")}

    # The charger's own zone counts where it has one; one nobody knows does not.
    rig.charger.rest_schedule = None
    rig.charger.app_set_schedule(enabled=False, intervals=[("12:00", "13:00")])
    told = await call(rig, **BACKUP)
    assert told["written"]
    assert sessions(rig) == {("00:00", "03:30", "daily")}


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../zone"])
async def test_a_zone_nobody_knows(
    time_machine: TimeMachine, setup_charger: SetUpCharger, zone: str
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.rest_schedule = RestSchedule(tz=zone)
    await call(rig, **BACKUP)
    assert rig.charger.rest_schedule.tz == "Europe/London"
    assert sessions(rig) == {("01:00", "04:30", "daily")}


# Modes


async def test_the_charge_mode(rig: Rig) -> None:
    for mode in ("eco", "Super Eco"):
        told = await call(rig, charge_mode=mode, **BACKUP)
        assert told["written"]
    assert {str(item.mode) for item in rig.charger.schedule.sessions} == {"super_eco"}
    before = writes(rig)
    with pytest.raises(ServiceValidationError, match="requested mode"):
        await call(rig, charge_mode="super_eco_battery_safe", **BACKUP)
    assert writes(rig) == before
    rig.charger.set_battery_safe(supported=True)
    await eventually(lambda: len(rig.coordinator.data.features) > 1)
    await call(rig, charge_mode="super_eco_battery_safe", **BACKUP)
    for name in ("Battery Safe", "BatterySafe", "super-eco battery safe"):
        told = await call(rig, charge_mode=name, **BACKUP)
        assert told["charge_mode"] == "super_eco_battery_safe"


async def test_a_legacy_v2_has_one_mode_for_everything(
    time_machine: TimeMachine, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    told = await call(rig, charge_mode="boost", **BACKUP)
    assert told["charge_mode"] == "boost"
    with pytest.raises(ServiceValidationError, match="requested mode"):
        await call(rig, charge_mode="eco", **BACKUP)


# Writing


@pytest.mark.parametrize("personality", EVERY_VARIANT)
async def test_nothing_is_written_twice(
    time_machine: TimeMachine,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    personality: Personality,
) -> None:
    cloud.token_life = 1e7
    rig = await setup_charger(personality)
    plan(rig.hass, (at(19), at(22)), (at(1, day=6), at(2, day=6)))
    assert (await call(rig, tracker_rate=TRACKER))["written"]
    assert not (await call(rig, tracker_rate=TRACKER))["written"]
    # Now the first window runs: that it starts "now" is no change, nor are seconds.
    await time_machine.leap_to(at(20, 13))
    assert not (await call(rig, tracker_rate=TRACKER))["written"]
    plan(
        rig.hass,
        (at(20, 13) + timedelta(seconds=20), at(22) + timedelta(seconds=30)),
        (at(1, day=6), at(2, day=6)),
    )
    assert not (await call(rig, tracker_rate=TRACKER))["written"]
    assert writes(rig) == 1


async def test_a_change_made_elsewhere_is_seen(rig: Rig) -> None:
    assert (await call(rig, **BACKUP))["written"]
    rig.charger.app_set_schedule(
        sessions=[{"start_time": "12:00", "end_time": "13:00"}]
    )
    assert (await call(rig, **BACKUP))["written"]
    assert sessions(rig) == {("01:00", "04:30", "sat")}


async def test_a_dry_run_changes_nothing(rig: Rig) -> None:
    plan(rig.hass, (at(1, day=6), at(2, day=6)))
    told = await call(rig, tracker_rate=TRACKER, dry_run=True)
    assert told["windows"]
    assert told["written"] is False
    assert writes(rig) == 0
    assert rig.coordinator.planned.former is None


async def test_a_write_that_is_lost_is_repeated_and_then_an_error(rig: Rig) -> None:
    rig.cloud.faults.enable(Fault.LOST, charger=rig.charger, count=1)
    await call(rig, **BACKUP)
    assert sessions(rig) == {("01:00", "04:30", "sat")}


async def test_a_charger_that_is_away(rig: Rig) -> None:
    await rig.cloud.pause()
    with pytest.raises(HomeAssistantError, match="connection"):
        await call(rig, **BACKUP)
    await rig.cloud.resume()
    await eventually(lambda: rig.coordinator.client.connected)
    assert writes(rig) == 0


async def test_a_charger_that_tells_nothing(rig: Rig) -> None:
    rig.cloud.faults.enable(Fault.LOST, charger=rig.charger)
    with pytest.raises(HomeAssistantError, match="does not report its schedule"):
        await call(rig, **BACKUP)


async def test_octopus_in_control(rig: Rig) -> None:
    issues = ir.async_get(rig.hass)
    issue_id = f"octopus_controls_{rig.entry.entry_id}"
    rig.charger.set_octopus_schedule([(at(1, day=6), at(2, day=6))])
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, **BACKUP)
    assert refused.value.translation_key == "octopus_in_control"
    assert issues.async_get_issue(DOMAIN, issue_id)
    assert writes(rig) == 0

    rig.charger.app_set_schedule(enabled=False, sessions=[])
    await eventually(lambda: issues.async_get_issue(DOMAIN, issue_id) is None)


async def test_several_chargers(
    time_machine: TimeMachine, setup_charger: SetUpCharger
) -> None:
    first = await setup_charger(Personality.V3)
    second = await setup_charger(Personality.LEGACY_V2)
    data = {"device_id": [device_id(first), device_id(second)], **BACKUP}
    response = await first.hass.services.async_call(
        DOMAIN, "set_schedule", data, blocking=True, return_response=True
    )
    assert response
    assert set(response["devices"]) == set(data["device_id"])  # type: ignore[arg-type]
    assert sessions(first) == {("01:00", "04:30", "sat")}
    assert sessions(second) == {("01:00", "04:30", "daily")}


# The other actions


async def test_get_schedule(rig: Rig) -> None:
    told = await call(rig, "get_schedule")
    assert told == {
        "activation_mode": "plug_and_charge",
        "sessions": [],
        "next_window": None,
        "restore_at": None,
    }
    plan(rig.hass, (at(23, 30), at(2, day=6)))
    await call(rig, tracker_rate=TRACKER, charge_mode="eco")
    told = await call(rig, "get_schedule")
    assert told == {
        "activation_mode": "schedule",
        "sessions": [
            {"start": "23:30", "end": "02:00", "days": ["friday"], "charge_mode": "eco"}
        ],
        "next_window": {
            "start": "2026-06-05T23:30:00+01:00",
            "end": "2026-06-06T02:00:00+01:00",
            "charge_mode": "eco",
        },
        "restore_at": "2026-06-06T02:00:00+01:00",
    }


async def test_get_schedule_before_the_charger_told_it(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> None:
    cloud.faults.enable(Fault.REST_ERROR)
    cloud.faults.enable(Fault.NOT_ALLOWED)
    rig = await setup_charger(Personality.LEGACY_V2)
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, "get_schedule")
    assert refused.value.translation_key == "schedule_not_told"


async def test_restore_schedule(rig: Rig) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, "restore_schedule")
    assert refused.value.translation_key == "nothing_to_restore"

    own_schedule(rig)
    plan(rig.hass, (at(1, day=6), at(2, day=6)))
    await call(rig, tracker_rate=TRACKER)
    await call(rig, "restore_schedule")
    assert {start for start, *_ in sessions(rig)} == {"12:00"}
    assert rig.charger.schedule.enabled

    await call(rig, tracker_rate=TRACKER)
    own_schedule(rig, "14:00", "15:00")
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig, "restore_schedule")
    assert refused.value.translation_key == "schedule_changed_meanwhile"
    assert {start for start, *_ in sessions(rig)} == {"14:00"}
