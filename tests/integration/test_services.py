"""The action set_schedule, called as people's automations call it."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.schedule import same_sessions
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality

TRACKER = "binary_sensor.target_timeframes_home_car"
BACKUP = {"backup_schedule_start": "01:00:00", "backup_schedule_end": "04:30:00"}


def device_id(rig: Rig) -> str:
    """Return the charger's device."""
    device = dr.async_get(rig.hass).async_get_device_by_identifier(
        (DOMAIN, rig.charger.charger_id), rig.entry.entry_id
    )
    assert device
    return device.id


def plan_in(hass: HomeAssistant, hours: float, length: float = 1.0) -> datetime:
    """Have the tracker plan one window, in half hours; return its start."""
    start = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    start += timedelta(hours=hours)
    rows = [
        {
            "start": (start + timedelta(minutes=30 * part)).isoformat(),
            "end": (start + timedelta(minutes=30 * (part + 1))).isoformat(),
            "value_inc_vat": 0.12,
        }
        for part in range(round(length * 2))
    ]
    hass.states.async_set(
        TRACKER,
        "off",
        {
            "target_times": rows,
            "target_times_last_evaluated": dt_util.utcnow().isoformat(),
            "rates_incomplete": False,
        },
    )
    return start


async def call(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action and return its response."""
    response = await hass.services.async_call(
        DOMAIN, "set_schedule", data, blocking=True, return_response=True
    )
    assert response
    return dict(response)


def sessions(rig: Rig) -> set[tuple[str, str, tuple[str, ...], str]]:
    """Return the schedule the simulated charger of the V3 API has."""
    assert rig.charger.schedule
    return {
        (
            session.start_time,
            session.end_time,
            tuple(str(day) for day in session.days or ()),
            str(session.mode),
        )
        for session in rig.charger.schedule.sessions
    }


@pytest.mark.parametrize("personality", [Personality.V3, Personality.UPGRADED_V2])
async def test_a_planners_window_goes_to_its_own_weekday(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    start = dt_util.as_local(plan_in(rig.hass, hours=3))
    response = await call(
        rig.hass, device_id=device_id(rig), tracker_rate=TRACKER, **BACKUP
    )
    assert rig.charger.schedule
    assert rig.charger.schedule.enabled
    days = {day for *_, days, _ in sessions(rig) for day in days}
    assert start.strftime("%A").upper() in days
    assert len(days) <= 2
    assert {mode for *_, mode in sessions(rig)} == {"boost"}
    told = response["devices"][device_id(rig)]
    assert told["source"] == "tracker"
    assert told["gaps_closed"] == []
    assert [row["start"] for row in told["windows"]] == [start.isoformat()]
    assert rig.state("select", "activation_mode") == "schedule"


async def test_a_legacy_v2_charges_within_the_next_day(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    plan_in(rig.hass, hours=3)
    response = await call(rig.hass, device_id=[device_id(rig)], tracker_rate=TRACKER)
    assert rig.charger.rest_schedule
    assert rig.charger.rest_schedule.enabled
    assert len(rig.charger.rest_schedule.intervals) == 1
    assert response["devices"][device_id(rig)]["left_out"] == []

    plan_in(rig.hass, hours=23, length=3)
    response = await call(rig.hass, device_id=[device_id(rig)], tracker_rate=TRACKER)
    assert response["devices"][device_id(rig)]["left_out"]


@pytest.mark.parametrize(
    "tracker",
    [
        None,
        ("unavailable", {}),
        ("off", {}),
        ("off", {"target_times": []}),
        ("off", {"target_times": [], "target_times_last_evaluated": None}),
    ],
)
async def test_without_a_plan_the_backup_serves(
    setup_charger: SetUpCharger, tracker: tuple[str, dict[str, Any]] | None
) -> None:
    rig = await setup_charger(Personality.V3)
    if tracker is not None:
        rig.hass.states.async_set(TRACKER, *tracker)
    response = await call(
        rig.hass, device_id=device_id(rig), tracker_rate=TRACKER, **BACKUP
    )
    assert response["devices"][device_id(rig)]["source"] == "backup"
    ends = {end for _, end, *_ in sessions(rig)}
    assert "04:30" in ends or "24:00" in ends


async def test_the_backup_alone(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await call(rig.hass, device_id=device_id(rig), **BACKUP)
    assert rig.charger.schedule
    assert rig.charger.schedule.sessions


async def test_the_backup_is_added_to_the_plan(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    plan_in(rig.hass, hours=2, length=0.5)
    alone = await call(rig.hass, device_id=device_id(rig), tracker_rate=TRACKER)
    both = await call(
        rig.hass,
        device_id=device_id(rig),
        tracker_rate=TRACKER,
        append_backup=True,
        **BACKUP,
    )
    told = both["devices"][device_id(rig)]
    assert told["source"] == "tracker"
    assert told["windows"] != alone["devices"][device_id(rig)]["windows"]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({}, "plan_missing"),
        ({"tracker_rate": TRACKER}, "no_plan_not_evaluated"),
        (
            {"backup_schedule_start": "02:00:00", "backup_schedule_end": "02:00:00"},
            "backup_without_length",
        ),
    ],
)
async def test_without_plan_and_backup_nothing_is_written(
    setup_charger: SetUpCharger, data: dict[str, Any], key: str
) -> None:
    rig = await setup_charger(Personality.V3)
    with pytest.raises(ServiceValidationError) as refused:
        await call(rig.hass, device_id=device_id(rig), **data)
    assert refused.value.translation_key == key
    assert all(frame.method != "schedule.set" for frame in rig.charger.received)


async def test_a_price_list_is_no_plan(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    plan_in(rig.hass, hours=0, length=48)
    with pytest.raises(ServiceValidationError):
        await call(rig.hass, device_id=device_id(rig), tracker_rate=TRACKER)


async def test_an_unknown_device_is_named_and_nothing_is_written(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    with pytest.raises(ServiceValidationError, match="no-such-device"):
        await call(rig.hass, device_id=[device_id(rig), "no-such-device"], **BACKUP)
    assert all(frame.method != "schedule.set" for frame in rig.charger.received)


async def test_one_charger_failing_does_not_stop_the_others(
    setup_charger: SetUpCharger,
) -> None:
    first = await setup_charger(Personality.V3)
    second = await setup_charger(Personality.V3)
    first.cloud.faults.enable(Fault.INTERNAL, charger=first.charger)
    with pytest.raises(HomeAssistantError, match="refused the change"):
        await call(
            first.hass, device_id=[device_id(first), device_id(second)], **BACKUP
        )
    assert second.charger.schedule
    assert second.charger.schedule.enabled
    assert first.charger.schedule
    assert not first.charger.schedule.enabled


async def test_a_plan_beyond_a_week_is_refused(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    plan_in(rig.hass, hours=24 * 8)
    with pytest.raises(HomeAssistantError, match="seven days"):
        await call(rig.hass, device_id=device_id(rig), tracker_rate=TRACKER)


async def test_the_response_is_what_the_charger_has(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    plan_in(rig.hass, hours=5)
    await call(rig.hass, device_id=device_id(rig), tracker_rate=TRACKER)
    before = rig.coordinator.data.schedule
    await rig.coordinator.async_refresh()
    after = rig.coordinator.data.schedule
    assert before
    assert after
    assert same_sessions(before, after)
