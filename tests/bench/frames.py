"""Session frames as a charging V3 pushes them (protocol.md 5.5)."""

from collections.abc import Collection
import json
from typing import Final

_SESSION: Final[dict[str, object]] = {
    "charging": True,
    "true_milli_amps": 31800,
    "voltage": 238,
    "watt_hours": 2371,
    "carbon_saved_grams": 1036,
    "ct_current": 34740,
    "ev_power": 7568,
    "grid_power": 8094,
    "house_power": 526,
    "generation_power": 20,
    "energy_flow": ["grid_to_house", "grid_to_ev"],
}
# The readings that entities show; `ct_current`'s is disabled by default.
READINGS: Final = (
    "true_milli_amps", "voltage", "watt_hours", "carbon_saved_grams", "ct_current",
    "ev_power", "grid_power", "house_power", "generation_power",
)  # fmt: skip
# What changes from one push to the next while nothing happens.
ONE: Final = ("house_power",)
# The entities that show them, by their keys. Meters of energy do not: none flows in the
# no time that passes between two frames here.
KEYS: Final = {
    "true_milli_amps": ("charger_current",),
    "voltage": ("voltage",),
    "watt_hours": ("session_energy",),
    "carbon_saved_grams": ("session_carbon_saved",),
    "ct_current": (),
    "ev_power": ("ev_power",),
    "grid_power": ("grid_power",),
    "house_power": ("house_power",),
    "generation_power": ("generation_power",),
}


def session_frame(
    number: int = 0, changing: Collection[str] = (), **more: float
) -> str:
    """Return the text of a push; `changing` readings grow with `number`."""
    readings = dict(_SESSION)
    for name in changing:
        base = readings[name]
        assert isinstance(base, int)
        readings[name] = base + number
    return json.dumps(
        {"jsonrpc": "2.0", "method": "get.session", "params": readings | more},
        separators=(",", ":"),
    )
