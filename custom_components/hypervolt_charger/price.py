"""The price of energy, fixed or of an entity, as it changes."""

import math

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, UnitOfEnergy
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import EnergyConverter

from .const import CONF_PRICE, CONF_PRICE_ENTITY
from .coordinator import HypervoltConfigEntry
from .hypervolt.tariff import Tariff


@callback
def async_follow_price(hass: HomeAssistant, entry: HypervoltConfigEntry) -> None:
    """Have energy billed at the price of the options, from now on."""
    tariff, options = entry.runtime_data.energy.tariff, entry.options
    if (price := options.get(CONF_PRICE)) is not None:
        tariff.change(dt_util.utcnow(), float(price))
    elif (entity_id := options.get(CONF_PRICE_ENTITY)) is not None:
        _note(tariff, hass.states.get(entity_id))

        @callback
        def changed(event: Event[EventStateChangedData]) -> None:
            _note(tariff, event.data["new_state"])

        entry.async_on_unload(async_track_state_change_event(hass, entity_id, changed))
    else:
        tariff.clear()


def _note(tariff: Tariff, state: State | None) -> None:
    """Take over a price; while there is none the last one stays."""
    if state is not None and (price := price_per_kwh(state)) is not None:
        tariff.change(state.last_updated, price)


def price_per_kwh(state: State) -> float | None:
    """Return what an entity says a kWh costs; None if it is no price.

    As in the energy panel, a unit such as EUR/MWh is understood, and a price without
    one is that of a kWh.
    """
    try:
        price = float(state.state)
    except ValueError:
        return None
    if not math.isfinite(price):
        return None
    unit = str(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)).rpartition("/")[2]
    if unit in EnergyConverter.VALID_UNITS:
        price /= EnergyConverter.convert(1, unit, UnitOfEnergy.KILO_WATT_HOUR)
    return price
