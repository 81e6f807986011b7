"""Energy that adds up, sessions that are remembered, events that tell of both."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    mock_restore_cache_with_extra_data,
)

from custom_components.hypervolt_charger import calendar, energy_book, energy_store
from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.energy_store import Books, EnergyStore
from custom_components.hypervolt_charger.hypervolt import energy
from custom_components.hypervolt_charger.hypervolt.charge_log import ChargeSession
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Account, Fault, Personality
from tests.waiting import eventually

from .acting import enable, number
from .charging_events import Automation
from .driving import frames_until
from .entry_life import add_entry, set_up
from .scheduling import device_id
from .time_machine import TimeMachine

PRICE = "sensor.price"
TEN_SECONDS = timedelta(seconds=10)
# What chargers can deliver, before `any_power` lifts the limit.
MOST_WATTS = energy.MOST_WATTS


pytestmark = pytest.mark.usefixtures("any_power")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the books, and believe in a pause, sooner than life would."""
    monkeypatch.setattr(energy_book, "SAVE_INTERVAL", timedelta(seconds=0.05))
    monkeypatch.setattr(energy_book, "POWER_SAVE_INTERVAL", timedelta(seconds=0.05))
    hold = timedelta(seconds=0.4)
    monkeypatch.setattr(
        "custom_components.hypervolt_charger.hypervolt.charge_log.HOLD", hold
    )


@pytest.fixture
def real_power(monkeypatch: pytest.MonkeyPatch, any_power: None) -> None:
    """Let chargers deliver what they can."""
    monkeypatch.setattr(energy, "MOST_WATTS", MOST_WATTS)


def kwh(rig: Rig, key: str = "total_energy") -> float:
    return number(rig, key)


def event_types(events: list[Event[EventStateChangedData]]) -> list[str]:
    return [
        str(state.attributes[ATTR_EVENT_TYPE])
        for event in events
        if (state := event.data["new_state"])
        and state.domain == "event"
        and state.attributes.get(ATTR_EVENT_TYPE)
    ]


def last_event(rig: Rig) -> Mapping[str, Any]:
    state = rig.hass.states.get(rig.entity_id("event", "charging"))
    assert state
    return state.attributes


async def happens(rig: Rig, event_type: str) -> Mapping[str, Any]:
    """Wait for an event; return what it tells."""
    await eventually(lambda: last_event(rig).get(ATTR_EVENT_TYPE) == event_type)
    return last_event(rig)


async def charge_an_hour(rig: Rig) -> None:
    rig.charger.plug_in(battery_kwh=100)
    await happens(rig, "started")
    before = rig.coordinator.energy.shown.meter.total / 1000
    rig.charger.advance(3600)
    await eventually(lambda: kwh(rig) > before + 7)


async def reload(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


async def get_sessions(rig: Rig, **data: Any) -> dict[str, Any]:
    response = await rig.hass.services.async_call(
        DOMAIN,
        "get_sessions",
        {"device_id": device_id(rig), **data},
        blocking=True,
        return_response=True,
    )
    assert response
    devices: Any = response["devices"]
    return dict(devices[device_id(rig)])


@pytest.mark.parametrize(
    "personality",
    [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2],
)
async def test_total_energy_lasts(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    changes = async_capture_events(rig.hass, EVENT_STATE_CHANGED)
    # A legacy V2 tells nothing before its first session, which is counted whole or not.
    await eventually(lambda: kwh(rig) == 0 or not personality.speaks_v3_api)
    await charge_an_hour(rig)
    delivered = rig.charger.delivered_wh / 1000
    assert kwh(rig) == pytest.approx(delivered, abs=0.02)
    await reload(rig)
    assert kwh(rig) == pytest.approx(delivered, abs=0.02)
    rig.charger.unplug()
    await eventually(lambda: kwh(rig, "session_energy_total_increasing") == 0)
    await rig.cloud.pause()
    await eventually(lambda: not rig.coordinator.client.available)
    assert kwh(rig) >= round(delivered, 3) - 0.02
    await rig.cloud.resume()
    await eventually(lambda: rig.coordinator.client.connected)
    await charge_an_hour(rig)
    assert kwh(rig) == pytest.approx(rig.charger.delivered_wh / 1000, abs=0.04)
    total = rig.entity_id("sensor", "total_energy")
    shown = [
        float(state.state)
        for change in changes
        if (state := change.data["new_state"])
        and state.entity_id == total
        and state.state.replace(".", "").isdigit()
    ]
    assert shown == sorted(shown)


async def test_energy_delivered_while_home_assistant_was_down(
    setup_charger: SetUpCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: kwh(rig) == 0)
    await charge_an_hour(rig)
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    rig.charger.advance(3600)
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await eventually(
        lambda: kwh(rig) == pytest.approx(rig.charger.delivered_wh / 1000, abs=0.02)
    )


async def test_what_is_shown_is_on_disk(
    hass: HomeAssistant, hass_storage: dict[str, Any], setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: kwh(rig) == 0)
    total = rig.entity_id("sensor", "total_energy")
    compared = 0

    @callback
    def compare(event: Event[EventStateChangedData]) -> None:
        nonlocal compared
        state: State | None = event.data["new_state"]
        if state and state.entity_id == total:
            stored = hass_storage[f"{DOMAIN}.{rig.entry.entry_id}.energy"]["data"]
            assert float(state.state) * 1000 <= stored["meter"]["total"]
            compared += 1

    hass.bus.async_listen(EVENT_STATE_CHANGED, compare)
    await charge_an_hour(rig)
    assert compared


@pytest.mark.parametrize("counted_at", ["yesterday", "2026-06-05T12:00:00"])
async def test_books_that_are_lost_or_spoilt_do_not_let_the_meter_fall(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: Account,
    counted_at: str,
) -> None:
    charger = account.add_charger(Personality.V3)
    entry = add_entry(hass, charger)
    for file in ("energy", "sessions"):
        hass_storage[f"{DOMAIN}.{entry.entry_id}.{file}"] = {
            "version": 1,
            "minor_version": 1,
            "key": f"{DOMAIN}.{entry.entry_id}.{file}",
            "data": {"meter": {"counted_at": counted_at}},
        }
    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State("sensor.hypervolt_total_energy", "1234.5"),
                {
                    "native_value": 1234.5,
                    "native_unit_of_measurement": "kWh",
                    "unique_id": f"{charger.charger_id}_total_energy",
                },
            )
        ],
    )
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    await eventually(
        lambda: (
            (state := hass.states.get("sensor.hypervolt_total_energy"))
            and state.state == "1234.5"
        )
    )


async def test_the_life_of_a_session(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    # What the plug was before anybody looked is no event.
    rig.charger.plug_in(battery_kwh=100)
    await happens(rig, "started")
    rig.charger.unplug()
    await happens(rig, "unplugged")
    changes = async_capture_events(rig.hass, EVENT_STATE_CHANGED)
    rig.charger.set_mode("super_eco")
    rig.charger.set_solar(9000)
    rig.charger.plug_in(battery_kwh=100)
    await happens(rig, "started")
    rig.charger.set_solar(0)
    await happens(rig, "paused")
    assert rig.state("sensor", "charging_readiness") == "waiting_for_solar"
    rig.charger.set_solar(9000)
    await happens(rig, "resumed")
    rig.charger.unplug()
    finished = await happens(rig, "unplugged")
    assert "reason" not in finished
    assert event_types(changes) == [
        "plugged_in",
        "started",
        "paused",
        "resumed",
        "finished",
        "unplugged",
    ]


async def test_automations_hear_of_each_event(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    automation = Automation(hass=hass)
    target = {"device_id": device_id(rig)}
    await automation.set_up(
        {
            "triggers": [
                {"trigger": f"{DOMAIN}.started_charging", "target": target},
                {"trigger": f"{DOMAIN}.finished_charging", "target": target},
                {"trigger": f"{DOMAIN}.unplugged", "target": target},
                {
                    "trigger": "device",
                    "domain": DOMAIN,
                    "device_id": device_id(rig),
                    "type": "unplugged",
                },
            ]
        },
        "{{ trigger.to_state.attributes.event_type }}",
    )
    rig.charger.plug_in()
    await happens(rig, "started")
    rig.charger.unplug()
    await happens(rig, "unplugged")
    assert await automation.settle() == [
        "started",
        "finished",
        "unplugged",
        "unplugged",
    ]


async def test_a_car_that_is_full(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    rig.charger.car_full()
    finished = await happens(rig, "finished")
    assert finished["reason"] == "full"
    assert finished["energy_kwh"] == pytest.approx(
        rig.charger.delivered_wh / 1000, abs=0.02
    )
    assert finished["charge_mode"] == "boost"
    assert finished["cost"] is None
    await eventually(lambda: rig.state("sensor", "charging_readiness") == "finished")


async def test_what_a_person_stops(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    rig.charger.app_apply(release=True)
    assert (await happens(rig, "finished"))["reason"] == "stopped"


async def test_a_restart_in_the_middle_tells_nothing_twice(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    await eventually(lambda: rig.coordinator.energy.shown.log.session)
    changes = async_capture_events(rig.hass, EVENT_STATE_CHANGED)
    await reload(rig)
    await eventually(lambda: kwh(rig, "session_energy_total_increasing") > 7000)
    rig.charger.unplug()
    await happens(rig, "unplugged")
    # The last event from before the restart is shown again, as ever.
    assert event_types(changes)[-2:] == ["finished", "unplugged"]
    assert event_types(changes).count("finished") == 1
    (session,) = rig.coordinator.energy.sessions()
    assert session.watt_hours == pytest.approx(rig.charger.delivered_wh, abs=20)


async def test_an_end_while_home_assistant_was_down(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    await eventually(lambda: rig.coordinator.energy.shown.log.session)
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    rig.charger.pilot_on_login = True
    rig.charger.unplug()
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await happens(rig, "unplugged")
    assert len(rig.coordinator.energy.sessions()) == 1


async def test_a_legacy_v2_numbers_its_sessions(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await charge_an_hour(rig)
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    rig.charger.unplug()
    rig.charger.plug_in()
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await eventually(lambda: len(rig.coordinator.energy.sessions()) == 1)
    (session,) = rig.coordinator.energy.sessions()
    assert session.watt_hours == pytest.approx(rig.charger.delivered_wh, abs=20)


async def test_sessions_are_told(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    assert await get_sessions(rig) == {
        "sessions": [],
        "count": 0,
        "energy_kwh": 0,
        "cost": None,
    }
    await charge_an_hour(rig)
    rig.charger.unplug()
    await happens(rig, "unplugged")
    answer = await get_sessions(rig, export="csv")
    (session,) = answer["sessions"]
    assert answer["count"] == 1
    assert answer["energy_kwh"] == session["energy_kwh"] > 7
    assert session["charge_mode"] == "boost"
    assert session["end_reason"] == "unplugged"
    assert session["peak_power_w"] > 7000
    header, line, end = answer["csv"].split("\n")
    assert end == ""
    assert header.split(",") == list(session)
    assert line.split(",")[2] == str(session["energy_kwh"])

    now = dt_util.now()
    before, after = now - timedelta(days=1), now + timedelta(days=1)
    assert (await get_sessions(rig, start=before, end=after))["count"] == 1
    assert (await get_sessions(rig, start=after))["count"] == 0
    assert (await get_sessions(rig, end=before))["count"] == 0
    with pytest.raises(ServiceValidationError, match="end must be after the start"):
        await get_sessions(rig, start=after, end=before)

    calendar = rig.entity_id("calendar", "charging_schedule")
    events: Any = await hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": calendar, "start_date_time": before, "end_date_time": after},
        blocking=True,
        return_response=True,
    )
    summaries = [event["summary"] for event in events[calendar]["events"]]
    assert f"Charged {session['energy_kwh']:.1f} kWh" in summaries


async def test_sessions_outlive_a_restart_and_every_clock(
    hass_storage: dict[str, Any],
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest are kept, by their order, however old their times seem to be."""
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    rig.charger.unplug()
    await happens(rig, "unplugged")
    key = f"{DOMAIN}.{rig.entry.entry_id}.sessions"
    await eventually(lambda: key in hass_storage)
    await reload(rig)
    (session,) = rig.coordinator.energy.sessions()
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    (stored,) = hass_storage[key]["data"]
    old = {**stored, "start": "1999-01-01T00:00:00+00:00"}
    hass_storage[key]["data"] = [{**stored, "peak_watts": 1.0}, old, old, stored]
    monkeypatch.setattr(energy_store, "SESSIONS_KEPT", 3)
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    sessions = rig.coordinator.energy.sessions()
    assert [item.start.year for item in sessions[:-1]] == [1999, 1999]
    assert sessions[-1] == session


async def test_a_session_written_as_finished_is_not_open(
    hass_storage: dict[str, Any], setup_charger: SetUpCharger
) -> None:
    """The power may go between the writing of the two files."""
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    await eventually(lambda: rig.coordinator.energy.shown.log.session)
    key = f"{DOMAIN}.{rig.entry.entry_id}.energy"
    earlier = dict(hass_storage[key])
    rig.charger.unplug()
    await happens(rig, "unplugged")
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    hass_storage[key] = earlier
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    assert rig.coordinator.energy.shown.log.session is None
    assert len(rig.coordinator.energy.sessions()) == 1


async def test_removal_takes_the_files_along(
    hass_storage: dict[str, Any], setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    rig.charger.unplug()
    await happens(rig, "unplugged")
    prefix = f"{DOMAIN}.{rig.entry.entry_id}"
    await eventually(lambda: f"{prefix}.sessions" in hass_storage)
    assert f"{prefix}.energy" in hass_storage
    await rig.hass.config_entries.async_remove(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    assert not [key for key in hass_storage if key.startswith(prefix)]


async def with_options(rig: Rig, **options: Any) -> None:
    rig.hass.config_entries.async_update_entry(rig.entry, options=options)
    await reload(rig)


async def test_a_fixed_price(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await with_options(rig, price=0.25)
    await charge_an_hour(rig)
    rig.charger.app_apply(release=True)
    finished = await happens(rig, "finished")
    assert finished["cost"] == pytest.approx(finished["energy_kwh"] / 4, abs=0.01)
    assert (await get_sessions(rig))["cost"] == finished["cost"]
    # Who no longer wants to know is told none.
    await with_options(rig)
    assert rig.coordinator.energy.tariff.price is None


async def test_a_price_that_changes_within_the_session(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.hass.states.async_set(PRICE, "0.10", {"unit_of_measurement": "GBP/kWh"})
    await with_options(rig, price_entity=PRICE)
    await charge_an_hour(rig)
    cheap = kwh(rig)
    rig.hass.states.async_set(PRICE, "unavailable")
    rig.hass.states.async_set(PRICE, "300", {"unit_of_measurement": "GBP/MWh"})
    # Compressed time: a jump is billed from the last reading on.
    frames = rig.coordinator.client.session_frames
    await eventually(lambda: rig.coordinator.client.session_frames > frames)
    rig.charger.advance(3600)
    await eventually(lambda: kwh(rig) > cheap + 7)
    rig.charger.app_apply(release=True)
    finished = await happens(rig, "finished")
    dear = finished["energy_kwh"] - cheap
    assert finished["cost"] == pytest.approx(cheap * 0.1 + dear * 0.3, abs=0.01)


def session_of(**changes: Any) -> ChargeSession:
    start = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
    return ChargeSession(start=start, end=start, **changes)


@pytest.mark.parametrize(
    ("session", "description"),
    [
        (session_of(), "0 min"),
        (
            session_of(charging_seconds=600, charge_mode="super_eco"),
            "10 min\nSuper Eco",
        ),
        (session_of(watt_hours=1000, cost=0.25), "0 min\n0.25"),
        (session_of(watt_hours=1000, unpriced=1), "0 min"),
    ],
)
def test_what_the_calendar_tells_of_a_session(
    session: ChargeSession, description: str
) -> None:
    event = calendar._finished(session)
    assert event.description == description
    assert event.end > event.start


async def test_events_are_not_lost_by_renaming(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    """Two things happen at once, and the first has the entity renamed."""
    rig = await setup_charger(Personality.V3)
    await charge_an_hour(rig)
    happened: list[str] = []

    def rename() -> None:
        entity_id = rig.entity_id("event", "charging")
        er.async_get(hass).async_update_entity(entity_id, new_entity_id="event.garage")

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if not happened:
            hass.loop.call_soon(rename)
        happened.extend(event_types([event]))

    hass.bus.async_listen(EVENT_STATE_CHANGED, note, event_filter=is_of_events)
    rig.charger.unplug()
    await happens(rig, "unplugged")
    assert list(dict.fromkeys(happened)) == ["finished", "unplugged"]
    assert hass.states.get("event.garage")


@callback
def is_of_events(data: EventStateChangedData) -> bool:
    return data["entity_id"].startswith("event.")


async def test_news_while_the_books_are_being_written(
    setup_charger: SetUpCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: kwh(rig) == 0)
    save, may_go_on = EnergyStore.async_save_books, asyncio.Event()

    async def save_slowly(store: EnergyStore, books: Books) -> bool:
        await may_go_on.wait()
        return await save(store, books)

    monkeypatch.setattr(EnergyStore, "async_save_books", save_slowly)
    rig.charger.plug_in(battery_kwh=100)
    await happens(rig, "started")
    rig.charger.advance(3600)
    await eventually(lambda: kwh(rig, "session_energy_total_increasing") > 7000)
    # What is not on disk is not shown.
    assert kwh(rig) == 0
    may_go_on.set()
    await eventually(lambda: kwh(rig) > 7)


async def test_energy_is_written_sooner_than_powers(
    setup_charger: SetUpCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energy_book, "POWER_SAVE_INTERVAL", timedelta(hours=1))
    rig = await setup_charger(Personality.V3)
    await enable(rig, "sensor", "house_energy")
    await eventually(lambda: kwh(rig) == 0)
    await asyncio.sleep(0.2)
    await charge_an_hour(rig)


async def test_energy_of_house_and_grid(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.set_solar(3_000_000)
    rig.charger.set_house_load(2_000_000)
    await enable(
        rig,
        "sensor",
        "house_energy",
        "grid_import_energy",
        "grid_export_energy",
        "generation_energy",
    )
    await eventually(lambda: kwh(rig, "house_energy") > 0.1)
    await eventually(lambda: kwh(rig, "generation_energy") > 0.1)
    await eventually(lambda: kwh(rig, "grid_export_energy") > 0.1)
    assert kwh(rig, "grid_import_energy") == 0
    rig.charger.set_solar(0)
    await eventually(lambda: kwh(rig, "grid_import_energy") > 0.1)


@pytest.mark.usefixtures("real_power")
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("dip", {"watt_hours": 40}),
        ("jump", {"watt_hours": 40}),
        ("jump", {"watt_hours": 40_000}),
        ("keep", {}),
        ("reset", {}),
        ("drop", {}),
        ("drop", {"idle": True}),
        ("lifetime", {}),
        ("lifetime", {"frames": 0}),
        ("burst", {}),
        ("plateau", {}),
    ],
)
@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_noise_while_it_charges(
    time_machine: TimeMachine,
    setup_charger: SetUpCharger,
    personality: Personality,
    mode: str,
    options: dict[str, Any],
) -> None:
    """Twelve minutes at 7.4 kW, with a frame every ten seconds."""
    rig = await setup_charger(personality)
    rig.charger.plug_in(battery_kwh=100)
    await happens(rig, "started")
    await frames_until(
        rig, time_machine, time_machine.now + 3 * TEN_SECONDS, TEN_SECONDS
    )
    rig.cloud.faults.enable(Fault.WH_NOISE, mode=mode, **options)
    end = time_machine.now + timedelta(minutes=12)
    await frames_until(rig, time_machine, end, TEN_SECONDS)
    rig.cloud.faults.clear()
    await frames_until(rig, time_machine, end + timedelta(minutes=2), TEN_SECONDS)
    one_reading = 0.025
    # A legacy V2 says nothing before its first session, whose first frame is not counted.
    assert kwh(rig) == pytest.approx(rig.charger.delivered_wh / 1000, abs=one_reading)
