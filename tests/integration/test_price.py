"""The price of energy: what it is, when it is known, and what sessions cost."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.components.recorder import Recorder, get_instance
from homeassistant.components.recorder.history import state_changes_during_period
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import entity_registry as er
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.hypervolt_charger import price
from custom_components.hypervolt_charger.const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_PRICE,
    CONF_PRICE_ENTITY,
    DOMAIN,
)
from custom_components.hypervolt_charger.hypervolt.tariff import (
    GRACE,
    MOST_PER_KWH,
    Tariff,
)
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality, SimulatedCloud

from .acting import entity
from .driving import frames_until, tell
from .scheduling import device_id
from .time_machine import TimeMachine

PRICE: Final = "sensor.price"
PER_KWH: Final = {"unit_of_measurement": "GBP/kWh"}
LONDON: Final = ZoneInfo("Europe/London")
EVENING: Final = datetime(2040, 3, 14, 20, 0, tzinfo=LONDON)
NIGHT: Final = EVENING + timedelta(hours=4, minutes=30)
MINUTE: Final = timedelta(minutes=1)
STEP: Final = 3 * MINUTE


def price_of(state: str, unit: str | None = None) -> float | None:
    attributes = {} if unit is None else {"unit_of_measurement": unit}
    return price.price_per_kwh(State(PRICE, state, attributes))


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (None, 30),
        ("", 30),
        ("GBP/kWh", 30),
        ("gbp/kwh", 30),
        ("GBP / kWh", 30),
        ("£/kWh", 30),
        ("€/kWh", 30),
        ("$/kWh", 30),
        ("A$/kWh", 30),
        ("¥/kWh", 30),
        ("₹/kWh", 30),
        ("Kč/kWh", 30),
        ("zł/kWh", 30),
        ("kr/kWh", 30),
        ("Kr/kWh", 30),
        ("kr./kWh", 30),
        ("Ft/kWh", 30),
        ("R/kWh", 30),
        ("Euro/kWh", 30),
        ("HRK/kWh", 30),
        ("EUR/MWh", 0.03),
        ("SEK/GWh", 0.00003),
        ("EUR/Wh", 30_000),
        ("EUR/MJ", 108),
        ("p/kWh", 0.3),
        ("pence/kWh", 0.3),
        ("ct/kWh", 0.3),
        ("Ct/kWh", 0.3),
        ("c/kWh", 0.3),
        ("c€/kWh", 0.3),
        ("€ct/kWh", 0.3),
        ("¢/kWh", 0.3),
        ("cent/kWh", 0.3),
        ("Cent/kWh", 0.3),
        ("snt/kWh", 0.3),
        ("øre/kWh", 0.3),
        ("Øre/kWh", 0.3),
        ("öre/kWh", 0.3),
        ("o\N{COMBINING DIAERESIS}re/kWh", 0.3),
        ("p/MWh", 0.0003),
    ],
)
def test_units_of_prices(unit: str | None, expected: float) -> None:
    assert price_of("30", unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    "unit",
    [
        *("kWh", "W", "%", "°C", "EUR", "¢", "p", "EUR/h", "EUR/m³", "EUR/kW", "/kWh"),
        *("g/kWh", "kg/kWh", "gCO2eq/kWh", "t/MWh", "L/kWh", "km/kWh", "W/kWh"),
        *("kWh/EUR", "EUR/kWh/h", "EUR/kWh/kWh", "P/kWh", "C/kWh", "m€/kWh", "/", 5),
    ],
)
def test_units_of_anything_else(unit: object) -> None:
    state = State(PRICE, "30", {"unit_of_measurement": unit})
    assert price.price_per_kwh(state) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        *(("0.3", 0.3), ("-0.05", -0.05), ("0", 0), ("+0.3", 0.3), (".3", 0.3)),
        *((" 5 ", 5), ("3e-1", 0.3), ("24000.5", 24_000.5), ("2500", 2500)),
        (str(MOST_PER_KWH), MOST_PER_KWH),
        *((str(MOST_PER_KWH + 1), None), ("1e6", None), ("-1e6", None)),
        *(("inf", None), ("-inf", None), ("nan", None), ("1e400", None)),
        pytest.param("9" * 255, None, id="many digits"),
        *(("0x10", None), ("1_000", None), ("0,3", None)),
        *(("cheap", None), ("", None), ("٣", None), ("0.3 GBP", None), ("1 2", None)),
        *((STATE_UNKNOWN, None), (STATE_UNAVAILABLE, None)),
    ],
)
def test_states_of_prices(state: str, expected: float | None) -> None:
    assert price_of(state) == (None if expected is None else pytest.approx(expected))


SECONDS: Final = st.integers(0, 900)
PRICES: Final = st.floats(-MOST_PER_KWH, MOST_PER_KWH) | st.floats(-0.5, 2)
ABSURD: Final = st.sampled_from(
    (float("nan"), float("inf"), -float("inf"), 1e6, -1e6, 1e308)
)


class TariffMachine(RuleBasedStateMachine):
    """A price that comes, changes and goes, restarts, and energy that flows meanwhile.

    The model has one price for each second.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.billed_until = datetime(2026, 6, 5, 12, tzinfo=UTC)
        self.tariff = Tariff()
        self.price: float | None = None
        self.lost_at: datetime | None = None
        self.seconds: list[float | None] = []

    def known(self, at: datetime) -> float | None:
        if self.lost_at is not None and at >= self.lost_at + GRACE:
            return None
        return self.price

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.seconds.append(self.known(self.now))
            self.now += timedelta(seconds=1)

    @rule(price=PRICES)
    def change(self, price: float) -> None:
        self.tariff.change(self.now, price)
        self.price, self.lost_at = price, None

    @rule()
    def lose(self) -> None:
        self.tariff.lose(self.now)
        self.lost_at = self.lost_at or self.now

    @rule(price=ABSURD)
    def change_absurdly(self, price: float) -> None:
        self.tariff.change(self.now, price)
        self.lost_at = self.lost_at or self.now

    @rule(seconds=SECONDS)
    def restart(self, seconds: int) -> None:
        """Restart Home Assistant, which takes a while; a frame was the last it saw."""
        self.settle(1)
        remembered = self.tariff.remembered(self.now)
        self.tariff = Tariff(*remembered)
        self.lost_at = self.lost_at or self.now
        if remembered == (None, None):
            self.price = None
        self.pass_time(seconds)

    @rule(watt_hours=st.integers(1, 500_000))
    def bill(self, watt_hours: int) -> None:
        self.settle(watt_hours)

    def settle(self, watt_hours: int) -> None:
        cost = self.tariff.bill(watt_hours, self.billed_until, self.now)
        prices = self.seconds or [self.known(self.now)]
        self.billed_until, self.seconds = self.now, []
        known = [price for price in prices if price is not None]
        if len(known) < len(prices):
            assert cost is None
            return
        assert cost is not None
        kwh = watt_hours / 1000
        slack = 1e-9 * max(map(abs, known)) * kwh
        assert min(known) * kwh - slack <= cost <= max(known) * kwh + slack
        assert cost == pytest.approx(sum(known) / len(known) * kwh, abs=slack)


TariffMachine.TestCase.settings = settings(
    max_examples=200, derandomize=True, stateful_step_count=30, deadline=None
)
TestTariff = TariffMachine.TestCase


@pytest.fixture
def push_interval() -> None:
    """A cloud that reports when the test asks for it."""


@pytest.fixture
def departure() -> datetime:
    """Set out in the future: the recorder's own timers are those of the present."""
    return EVENING


@pytest.fixture
async def rig(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> Rig:
    cloud.token_life = 1e9
    return await setup_charger(Personality.V3)


def set_price(rig: Rig, price: float | str, unit: str = "GBP/kWh") -> None:
    rig.hass.states.async_set(PRICE, str(price), {"unit_of_measurement": unit})


async def unload(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_unload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


async def load(rig: Rig) -> None:
    assert await rig.hass.config_entries.async_setup(rig.entry.entry_id)
    await rig.hass.async_block_till_done()


async def use_options(rig: Rig, **options: Any) -> None:
    await unload(rig)
    rig.hass.config_entries.async_update_entry(rig.entry, options=options)
    await load(rig)


async def plug_in(rig: Rig, machine: TimeMachine) -> None:
    rig.charger.plug_in(battery_kwh=100)
    await tell(rig, machine)


async def charge(rig: Rig, machine: TimeMachine, duration: timedelta) -> None:
    await frames_until(rig, machine, machine.now + duration, STEP)


async def finish(rig: Rig, machine: TimeMachine) -> Mapping[str, Any]:
    """End the session; return the event, after comparing it with the action."""
    rig.charger.app_apply(release=True)
    await tell(rig, machine, times=2)
    finished = entity(rig, "event", "charging").attributes
    assert finished[ATTR_EVENT_TYPE] == "finished"
    response = await rig.hass.services.async_call(
        DOMAIN,
        "get_sessions",
        {"device_id": device_id(rig)},
        blocking=True,
        return_response=True,
    )
    assert response
    devices: Any = response["devices"]
    session = devices[device_id(rig)]["sessions"][-1]
    assert session["energy_kwh"] == finished["energy_kwh"]
    if finished["cost"] is None:
        assert session["cost"] is None
    else:
        assert round(session["cost"], 2) == finished["cost"]
    return finished


def vanish(rig: Rig) -> None:
    rig.hass.states.async_remove(PRICE)


WAYS_TO_GO: Final[Mapping[str, Callable[[Rig], None]]] = {
    "unavailable": lambda rig: set_price(rig, STATE_UNAVAILABLE),
    "unknown": lambda rig: set_price(rig, STATE_UNKNOWN),
    "removed": vanish,
    "text": lambda rig: set_price(rig, "cheap"),
    "infinite": lambda rig: set_price(rig, "inf"),
    "absurd": lambda rig: set_price(rig, 1e6),
    "energy": lambda rig: set_price(rig, 0.3, "kWh"),
    "carbon": lambda rig: set_price(rig, 0.3, "kg/kWh"),
}


@pytest.mark.parametrize("go", WAYS_TO_GO.values(), ids=WAYS_TO_GO)
async def test_a_price_that_went_in_the_evening(
    recorder_mock: Recorder,
    time_machine: TimeMachine,
    rig: Rig,
    go: Callable[[Rig], None],
) -> None:
    """0.30 at 20:00, and none from then on: 11.4 kWh of the night have no cost."""
    set_price(rig, 0.3)
    await use_options(rig, price_entity=PRICE)
    await tell(rig, time_machine)
    go(rig)
    await frames_until(rig, time_machine, NIGHT, 10 * MINUTE)
    await plug_in(rig, time_machine)
    await charge(rig, time_machine, 90 * MINUTE)
    finished = await finish(rig, time_machine)
    assert finished["energy_kwh"] == pytest.approx(11.4, abs=0.4)
    assert finished["cost"] is None
    await async_wait_recording_done(rig.hass)
    event = rig.entity_id("event", "charging")
    recorded = await get_instance(rig.hass).async_add_executor_job(
        state_changes_during_period, rig.hass, EVENING, None, event
    )
    assert recorded[event][-1].attributes["cost"] is None


async def test_a_price_that_is_known_throughout(
    time_machine: TimeMachine, rig: Rig
) -> None:
    set_price(rig, 0.3)
    await use_options(rig, price_entity=PRICE)
    await tell(rig, time_machine)
    await frames_until(rig, time_machine, NIGHT, 10 * MINUTE)
    await plug_in(rig, time_machine)
    await charge(rig, time_machine, 90 * MINUTE)
    finished = await finish(rig, time_machine)
    assert finished["energy_kwh"] == pytest.approx(11.4, abs=0.4)
    assert finished["cost"] == round(finished["energy_kwh"] * 0.3, 2)


async def start_with_price(
    rig: Rig, machine: TimeMachine, price: float = 0.3, unit: str = "GBP/kWh"
) -> None:
    """Charge for a while at the price of an entity."""
    set_price(rig, price, unit)
    await use_options(rig, price_entity=PRICE)
    await tell(rig, machine)
    await plug_in(rig, machine)
    await charge(rig, machine, 15 * MINUTE)


@pytest.mark.parametrize(
    ("price", "unit", "per_kwh"),
    [(30, "p/kWh", 0.3), (-20, "EUR/MWh", -0.02), (2000, "VND/kWh", 2000)],
)
async def test_what_a_session_costs(
    time_machine: TimeMachine, rig: Rig, price: float, unit: str, per_kwh: float
) -> None:
    await start_with_price(rig, time_machine, price, unit)
    finished = await finish(rig, time_machine)
    assert finished["cost"] == round(finished["energy_kwh"] * per_kwh, 2)


@pytest.mark.parametrize("go", WAYS_TO_GO.values(), ids=WAYS_TO_GO)
async def test_a_short_gap(
    time_machine: TimeMachine, rig: Rig, go: Callable[[Rig], None]
) -> None:
    await start_with_price(rig, time_machine)
    go(rig)
    await charge(rig, time_machine, GRACE - MINUTE)
    set_price(rig, 0.3)
    await charge(rig, time_machine, 15 * MINUTE)
    finished = await finish(rig, time_machine)
    assert finished["cost"] == round(finished["energy_kwh"] * 0.3, 2)


async def test_a_longer_gap(time_machine: TimeMachine, rig: Rig) -> None:
    await start_with_price(rig, time_machine)
    vanish(rig)
    await charge(rig, time_machine, GRACE + MINUTE)
    set_price(rig, 0.3)
    await charge(rig, time_machine, 15 * MINUTE)
    assert (await finish(rig, time_machine))["cost"] is None
    # It is another session's price again.
    rig.charger.app_apply(release=False)
    await plug_in(rig, time_machine)
    await charge(rig, time_machine, 15 * MINUTE)
    finished = await finish(rig, time_machine)
    assert finished["cost"] == round(finished["energy_kwh"] * 0.3, 2)


@pytest.mark.parametrize("seed", range(4))
async def test_a_night_of_prices(
    time_machine: TimeMachine, rig: Rig, seed: int
) -> None:
    """Prices come, change, turn absurd and go for a while, just after frames."""
    random = Random(seed)
    set_price(rig, 0.3)
    await use_options(rig, price_entity=PRICE)
    await tell(rig, time_machine)
    await plug_in(rig, time_machine)
    price, gone, cost = 0.3, 0, 0.0
    longest_gap = seed % 2 + 1
    counted = rig.charger.delivered_wh
    for _ in range(30):
        if gone == 0 and random.random() < 0.3:
            gone = random.randint(1, longest_gap)
            random.choice([*WAYS_TO_GO.values()])(rig)
        elif gone == 0 and random.random() < 0.5:
            price = random.randint(-10, 40) / 100
            set_price(rig, price)
        await charge(rig, time_machine, STEP)
        cost += price * (rig.charger.delivered_wh - counted) / 1000
        counted = rig.charger.delivered_wh
        gone = max(gone - 1, 0)
        if gone == 0:
            set_price(rig, price)
    finished = await finish(rig, time_machine)
    if longest_gap * STEP > GRACE:
        assert finished["cost"] is None
    else:
        assert finished["cost"] == pytest.approx(cost, abs=0.02)


async def test_a_price_that_is_renamed(time_machine: TimeMachine, rig: Rig) -> None:
    registry = er.async_get(rig.hass)
    registry.async_get_or_create("sensor", "test", "1", suggested_object_id="price")
    await start_with_price(rig, time_machine)
    before = entity(rig, "sensor", "session_energy_total_increasing").state
    registry.async_update_entity(PRICE, name="Price")
    registry.async_update_entity(PRICE, new_entity_id="sensor.rate")
    vanish(rig)
    rig.hass.states.async_set("sensor.rate", "0.1", PER_KWH)
    assert rig.entry.options == {CONF_PRICE_ENTITY: "sensor.rate"}
    await charge(rig, time_machine, 30 * MINUTE)
    finished = await finish(rig, time_machine)
    dear = float(before) / 1000
    cheap = finished["energy_kwh"] - dear
    assert finished["cost"] == pytest.approx(dear * 0.3 + cheap * 0.1, abs=0.02)
    # Also after a restart.
    await unload(rig)
    await load(rig)
    assert rig.coordinator.energy.tariff.price == 0.1


# Restarts


def stored_price(rig: Rig, storage: Mapping[str, Any]) -> tuple[object, object]:
    books = storage[f"{DOMAIN}.{rig.entry.entry_id}.energy"]["data"]
    return books["price"], books["priced_until"]


async def test_a_restart_while_there_is_no_price(
    time_machine: TimeMachine, rig: Rig, hass_storage: dict[str, Any]
) -> None:
    await start_with_price(rig, time_machine)
    vanish(rig)
    lost_at = time_machine.now
    await charge(rig, time_machine, STEP)
    await unload(rig)
    price, until = stored_price(rig, hass_storage)
    assert price == 0.3
    assert abs(datetime.fromisoformat(str(until)) - lost_at) < MINUTE
    await time_machine.leap_to(time_machine.now + STEP)
    await load(rig)
    await tell(rig, time_machine)
    await charge(rig, time_machine, 15 * MINUTE)
    assert (await finish(rig, time_machine))["cost"] is None
    await unload(rig)
    assert stored_price(rig, hass_storage) == (None, None)


async def test_a_restart_after_which_the_price_is_soon_back(
    time_machine: TimeMachine, rig: Rig
) -> None:
    await start_with_price(rig, time_machine)
    await unload(rig)
    vanish(rig)
    await time_machine.leap_to(time_machine.now + 2 * MINUTE)
    await load(rig)
    await tell(rig, time_machine)
    await charge(rig, time_machine, MINUTE)
    set_price(rig, 0.3)
    await charge(rig, time_machine, 15 * MINUTE)
    finished = await finish(rig, time_machine)
    assert finished["cost"] == round(finished["energy_kwh"] * 0.3, 2)


async def test_a_price_that_an_older_version_stored(
    time_machine: TimeMachine, rig: Rig, hass_storage: dict[str, Any]
) -> None:
    """It may have been an old one then, and is not used for an entity."""
    await start_with_price(rig, time_machine)
    await unload(rig)
    vanish(rig)
    del hass_storage[f"{DOMAIN}.{rig.entry.entry_id}.energy"]["data"]["priced_until"]
    await load(rig)
    await tell(rig, time_machine)
    await charge(rig, time_machine, STEP)
    assert (await finish(rig, time_machine))["cost"] is None


async def test_energy_delivered_while_home_assistant_was_off(
    time_machine: TimeMachine, rig: Rig, hass_storage: dict[str, Any]
) -> None:
    """The price of an entity is not known for that time, a fixed one is."""
    await start_with_price(rig, time_machine)
    await unload(rig)
    vanish(rig)
    await time_machine.leap_to(time_machine.now + 60 * MINUTE)
    set_price(rig, 0.3)
    await load(rig)
    await tell(rig, time_machine, times=3)
    finished = await finish(rig, time_machine)
    assert finished["energy_kwh"] == pytest.approx(9.5, abs=0.5)
    assert finished["cost"] is None

    await use_options(rig, price=0.3)
    rig.charger.app_apply(release=False)
    await plug_in(rig, time_machine)
    await charge(rig, time_machine, 15 * MINUTE)
    await unload(rig)
    assert stored_price(rig, hass_storage) == (0.3, None)
    await time_machine.leap_to(time_machine.now + 60 * MINUTE)
    await load(rig)
    await tell(rig, time_machine, times=3)
    finished = await finish(rig, time_machine)
    assert finished["energy_kwh"] == pytest.approx(9.5, abs=0.5)
    assert finished["cost"] == round(finished["energy_kwh"] * 0.3, 2)


async def test_a_host_that_was_suspended(time_machine: TimeMachine, rig: Rig) -> None:
    """The prices of an hour in which Home Assistant stood still are not known."""
    await start_with_price(rig, time_machine)
    await time_machine.leap_to(time_machine.now + 60 * MINUTE)
    await tell(rig, time_machine, times=3)
    assert (await finish(rig, time_machine))["cost"] is None


async def test_an_outage_of_the_cloud(time_machine: TimeMachine, rig: Rig) -> None:
    """The price was followed while nothing was heard of the charger."""
    await start_with_price(rig, time_machine, 0.3)
    before = entity(rig, "sensor", "session_energy_total_increasing").state
    set_price(rig, 0.1)
    await time_machine.travel_to(time_machine.now + 60 * MINUTE, step=MINUTE)
    await tell(rig, time_machine, times=3)
    finished = await finish(rig, time_machine)
    dear = float(before) / 1000
    cheap = finished["energy_kwh"] - dear
    assert cheap > 7
    assert finished["cost"] == pytest.approx(dear * 0.3 + cheap * 0.1, abs=0.02)


async def test_what_is_not_a_price_is_logged_once(
    time_machine: TimeMachine, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    set_price(rig, 0.3)
    await use_options(rig, price_entity=PRICE)
    for unit, state in (
        *(("kWh", 1), ("kWh", 2), ("GBP/kWh", "unknown"), ("GBP/kWh", 1e6)),
        *(("GBP/kWh", 1e6), ("GBP/kWh", 0.3), ("GBP/kWh", 1e6)),
    ):
        set_price(rig, state, unit)
        await rig.hass.async_block_till_done()
    start = (
        "Hypervolt: sessions have no cost while sensor.price is not a price of energy"
    )
    logged = [
        record.getMessage().removeprefix(start)
        for record in caplog.records
        if record.name == price.__name__
    ]
    assert logged == [": unit kWh", ": 1000000.0", ": 1000000.0"]


# Options


@pytest.mark.parametrize(
    ("state", "unit", "accepted"),
    [
        *(("0.3", "GBP/kWh", True), ("30", "p/kWh", True), ("0.3", None, True)),
        *((STATE_UNAVAILABLE, "GBP/kWh", True), (STATE_UNKNOWN, None, True)),
        *(("7.5", "kWh", False), (STATE_UNAVAILABLE, "kWh", False)),
        *(("120", "g/kWh", False), ("cheap", None, False), ("1900000000", None, False)),
        (None, None, True),
    ],
)
async def test_which_entities_the_options_accept(
    setup_charger: SetUpCharger, state: str | None, unit: str | None, accepted: bool
) -> None:
    rig = await setup_charger(Personality.V3)
    if state is not None:
        attributes = {"unit_of_measurement": unit} if unit else {}
        rig.hass.states.async_set(PRICE, state, attributes)
    flow = rig.hass.config_entries.options
    result = await flow.async_init(rig.entry.entry_id)
    options = {CONF_API_VERSION_OVERRIDE: "auto", CONF_PRICE_ENTITY: PRICE}
    result = await flow.async_configure(result["flow_id"], options)
    await rig.hass.async_block_till_done()
    if accepted:
        assert rig.entry.options == options
    else:
        assert result["errors"] == {"base": "not_a_price"}
        assert not rig.entry.options


async def test_a_fixed_price_is_one(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    flow = rig.hass.config_entries.options
    result = await flow.async_init(rig.entry.entry_id)
    for absurd in (1e6, -1e6, 1e308, float("inf")):
        options = {CONF_API_VERSION_OVERRIDE: "auto", CONF_PRICE: absurd}
        with pytest.raises(InvalidData):
            await flow.async_configure(result["flow_id"], options)
    options = {CONF_API_VERSION_OVERRIDE: "auto", CONF_PRICE: -0.1}
    await flow.async_configure(result["flow_id"], options)
    await rig.hass.async_block_till_done()
    assert rig.coordinator.energy.tariff.price == -0.1
