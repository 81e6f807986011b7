"""The price of energy, fixed or of an entity, as it changes."""

from datetime import datetime, timedelta
import logging
import re
from typing import Any, Final
import unicodedata

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    UnitOfEnergy,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.generated.currencies import ACTIVE_CURRENCIES, HISTORIC_CURRENCIES
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
    async_track_time_interval,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import EnergyConverter

from .const import CONF_PRICE, CONF_PRICE_ENTITY
from .hypervolt.tariff import Tariff, is_price

_LOGGER = logging.getLogger(__name__)

# How often it is noted that prices are still being followed.
_FOLLOW_INTERVAL: Final = timedelta(minutes=1)

_NO_STATE: Final = (STATE_UNAVAILABLE, STATE_UNKNOWN)

# A number as every program writes it; float() takes 1_000, nan and other digits, too.
_NUMBER: Final = re.compile(
    r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE
)

_CURRENCY_CODES: Final = frozenset({*ACTIVE_CURRENCIES, *HISTORIC_CURRENCIES})
# Ways to write currencies beside their codes and symbols, in lower case.
_CURRENCY_NAMES: Final = frozenset(
    (
        "euro", "euros", "pound", "pounds", "dollar", "dollars", "yen", "kr", "kr.",
        "kč", "zł", "ft", "lei", "leu", "fr", "fr.", "rs", "rs.", "tl",
    )
)  # fmt: skip
_CENTS: Final = frozenset(
    ("c", "¢", "ct", "ct.", "cts", "cent", "cents", "eurocent", "eurocents", "snt")
)
_HUNDREDTHS: Final = _CENTS | {"pence", "penny", "øre", "öre", "ore", "paise"}
# Single letters mean something else in the other case.
_ONE_LETTER: Final = {"R": 1, "p": 100, "c": 100}
_DOLLARS: Final = re.compile(r"[A-Z]{1,3}\$")


@callback
def async_follow_price(
    hass: HomeAssistant, entry: ConfigEntry[Any], tariff: Tariff
) -> None:
    """Have energy billed at the price of the options, from now on."""
    options = entry.options
    if (price := options.get(CONF_PRICE)) is not None:
        tariff.fix(dt_util.utcnow(), float(price))
    elif (entity_id := options.get(CONF_PRICE_ENTITY)) is not None:
        PriceFollower(hass, entry, tariff, entity_id).async_start()
    else:
        tariff.clear()


class PriceFollower:
    """Keeps a tariff like the price of an entity, also when that is renamed."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        tariff: Tariff,
        entity_id: str,
    ) -> None:
        """Prepare; nothing is followed before `async_start`."""
        self._hass = hass
        self._entry = entry
        self._tariff = tariff
        self._entity_id = entity_id
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._rejected: str | None = None

    @callback
    def async_start(self) -> None:
        """Follow the entity until the entry is unloaded."""
        self._note_running(dt_util.utcnow())
        self._subscribe()
        self._entry.async_on_unload(self._stop)
        self._entry.async_on_unload(
            async_track_time_interval(
                self._hass,
                self._note_running,
                _FOLLOW_INTERVAL,
                cancel_on_shutdown=True,
            )
        )

    @callback
    def _subscribe(self) -> None:
        self._unsubscribe = [
            async_track_state_change_event(self._hass, self._entity_id, self._changed),
            async_track_entity_registry_updated_event(
                self._hass, self._entity_id, self._registry_updated
            ),
        ]
        self._update(self._hass.states.get(self._entity_id))

    @callback
    def _stop(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    @callback
    def _note_running(self, now: datetime) -> None:
        self._tariff.follow(now)

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        self._update(event.data["new_state"])

    @callback
    def _registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        data = event.data
        if data["action"] != "update" or "entity_id" not in data["changes"]:
            return
        self._entity_id = data["entity_id"]
        self._hass.config_entries.async_update_entry(
            self._entry,
            options={**self._entry.options, CONF_PRICE_ENTITY: self._entity_id},
        )
        self._stop()
        self._subscribe()

    @callback
    def _update(self, state: State | None) -> None:
        price = None if state is None else price_per_kwh(state)
        if state is None or price is None:
            self._tariff.lose(dt_util.utcnow())
            self._log_rejected(state)
            return
        self._rejected = None
        self._tariff.change(state.last_updated, price)

    def _log_rejected(self, state: State | None) -> None:
        """Log what a state is instead of a price, once until there is one again."""
        if state is None or state.state in _NO_STATE:
            return
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        rejected = f"unit {unit}" if divisor_of(unit) is None else state.state
        if rejected != self._rejected:
            self._rejected = rejected
            _LOGGER.warning(
                "%s: sessions have no cost while %s is not a price of energy: %s",
                self._entry.title,
                self._entity_id,
                rejected,
            )


@callback
def async_is_price_entity(hass: HomeAssistant, entity_id: str) -> bool:
    """Whether an entity is a price of energy, as far as can be seen now."""
    state = hass.states.get(entity_id)
    if state is None:
        return True
    if state.state in _NO_STATE:
        return divisor_of(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)) is not None
    return price_per_kwh(state) is not None


def price_per_kwh(state: State) -> float | None:
    """Return the price of a kWh in a state; None if it is not one."""
    divisor = divisor_of(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT))
    if divisor is None or _NUMBER.fullmatch(state.state) is None:
        return None
    price = float(state.state) / divisor
    return price if is_price(price) else None


def divisor_of(unit: object) -> float | None:
    """Return how many of a price's unit are one of its currency per kWh.

    A price without a unit is that of a kWh, as in the energy panel. None if the unit is
    not that of a price of energy.
    """
    if unit is None or not str(unit).strip():
        return 1
    currency, separator, energy = str(unit).partition("/")
    parts = _parts_of_currency(unicodedata.normalize("NFC", currency).strip())
    kwh = _kwh_of(energy.strip())
    if not separator or parts is None or kwh is None:
        return None
    return parts * kwh


def _parts_of_currency(text: str) -> int | None:
    """Return how many of this money are one of its currency; None if it is not money."""
    if not text or (len(text) == 1 and text.isascii() and text.isalpha()):
        return _ONE_LETTER.get(text)
    word = text.casefold()
    symbols = "".join(x for x in word if unicodedata.category(x) == "Sc")
    if word in _HUNDREDTHS or (symbols and word.strip(symbols).strip() in _CENTS):
        return 100
    if (
        word in _CURRENCY_NAMES
        or word in symbols
        or text.upper() in _CURRENCY_CODES
        or _DOLLARS.fullmatch(text)
    ):
        return 1
    return None


def _kwh_of(unit: str) -> float | None:
    """Return how many kWh a unit of energy is; None if it is not one."""
    if unit.casefold() == UnitOfEnergy.KILO_WATT_HOUR.casefold():
        return 1
    if unit not in EnergyConverter.VALID_UNITS:
        return None
    return EnergyConverter.convert(1, unit, UnitOfEnergy.KILO_WATT_HOUR)
