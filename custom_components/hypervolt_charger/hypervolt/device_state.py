"""The state of one charger, and how each message changes it.

`HypervoltDeviceState` is immutable: `apply` returns a new one with only the fields a
message speaks of, so comparing two states tells whether anything changed. A message
that makes no sense, in whole or in part, leaves alone what it does not make sense of.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
import logging
import math
from typing import Any, Final, TypeAlias, TypeVar

from .protocol import JsonValue, Method, readable, redacted
from .schedule import Schedule, ScheduleType, read_mode, read_v3

_LOGGER = logging.getLogger(__name__)

# No quantity on the wire comes near this; what exceeds it is garbage.
_PLAUSIBLE: Final = 1e12


class HypervoltLockState(StrEnum):
    """Whether the charger is locked against use (protocol.md 10)."""

    UNLOCKED = "unlocked"
    PENDING_LOCK = "pending_lock"
    LOCKED = "locked"


class HypervoltReleaseState(StrEnum):
    """Whether a person has stopped charging (protocol.md 10)."""

    DEFAULT = "default"
    RELEASED = "released"


class HypervoltChargeMode(StrEnum):
    """Where the energy may come from (protocol.md 7)."""

    BOOST = "boost"
    ECO = "eco"
    SUPER_ECO = "super_eco"
    SUPER_ECO_BATTERY_SAFE = "super_eco_battery_safe"


def plain_name(name: str) -> str:
    """Return a name without what people spell differently: case, spaces, hyphens."""
    return "".join(filter(str.isalnum, name.casefold().replace("&", "and")))


def charge_mode_named(name: str) -> HypervoltChargeMode | None:
    """Return the charge mode of a name, as people or older integrations spell it."""
    return _CHARGE_MODES.get(plain_name(name))


_CHARGE_MODES: Final = {
    **{plain_name(mode): mode for mode in HypervoltChargeMode},
    # The app's name (protocol.md 7).
    "batterysafe": HypervoltChargeMode.SUPER_ECO_BATTERY_SAFE,
}


class HypervoltActivationMode(StrEnum):
    """What lets charging begin (protocol.md 8)."""

    PLUG_AND_CHARGE = "plug_and_charge"
    SCHEDULE = "schedule"
    OCTOPUS = "octopus"


class PilotState(StrEnum):
    """The control pilot's letter (IEC 61851): no car, a car, charging, and faults."""

    UNPLUGGED = "A"
    PLUGGED = "B"
    CHARGING = "C"
    CHARGING_VENTILATED = "D"


FEATURE_BATTERY_SAFE: Final = "home-battery-drain-prevention"
BRIGHTNESS_MAX: Final = 1.0
BRIGHTNESS_STEP: Final = 0.25  # of the app
MAX_CURRENT_MILLIAMPS: Final = range(6000, 32001)


@dataclass(frozen=True, slots=True, kw_only=True)
class HypervoltDeviceState:
    """All that the cloud has told about a charger; None means it never did."""

    # Settings (protocol.md 6.1)
    brightness: float | None = None  # 0.0-1.0
    effect_name: str | None = None
    lock_state: HypervoltLockState | None = None
    release_state: HypervoltReleaseState | None = None
    max_current_milliamps: int | None = None
    solar_mode: str | None = None
    features: frozenset[str] = frozenset()
    random_start: bool | None = None

    # Identity
    name: str | None = None
    firmware_version: str | None = None

    # Plug and session (protocol.md 6.2)
    pilot: PilotState | None = None
    charging: bool | None = None
    session_id: int | None = None
    session_watt_hours: int | None = None
    session_carbon_saved_grams: int | None = None
    output_current_milliamps: int | None = None
    voltage: float | None = None
    ct_current_milliamps: int | None = None
    ct_power: float | None = None
    ev_power: float | None = None
    house_power: float | None = None
    grid_power: float | None = None  # import positive
    generation_power: float | None = None

    # Modes and schedule (protocol.md 7, 8)
    plug_and_charge_mode: str | None = None
    schedule: Schedule | None = None

    @property
    def charge_mode(self) -> str | None:
        """The charge mode in force, also one that `HypervoltChargeMode` lacks.

        The V3 API honours Plug and Charge's own mode; `solar_mode` is only an echo
        there, and all there is on a legacy V2 (protocol.md 7).
        """
        if self.plug_and_charge_mode is not None:
            return self.plug_and_charge_mode
        return self.solar_mode

    @property
    def car_watts(self) -> float | None:
        """The power into the car; some V2 tell none, or 0 for weeks (F32)."""
        if self.ev_power:
            return self.ev_power
        if self.voltage is None or self.output_current_milliamps is None:
            return self.ev_power
        return self.voltage * self.output_current_milliamps / 1000

    @property
    def activation_mode(self) -> HypervoltActivationMode | None:
        """What lets charging begin, derived from the schedule (protocol.md 8)."""
        if self.schedule is None:
            return None
        if not self.schedule.enabled:
            return HypervoltActivationMode.PLUG_AND_CHARGE
        if self.schedule.type == ScheduleType.OCTOPUS:
            return HypervoltActivationMode.OCTOPUS
        return HypervoltActivationMode.SCHEDULE

    @property
    def is_locked(self) -> bool | None:
        """Whether the charger is locked, or will be when the car leaves."""
        if self.lock_state is None:
            return None
        return self.lock_state is not HypervoltLockState.UNLOCKED


# Fields of the state by name. `replace` checks the names, a test checks the tables.
_Changes: TypeAlias = dict[str, Any]


def apply(
    state: HypervoltDeviceState,
    method: str,
    payload: JsonValue,
    *,
    zone: tzinfo | None = None,
    now: datetime | None = None,
) -> HypervoltDeviceState:
    """Return the state after a message, whether it came as a reply or as a push.

    `method` is the push's own or that of the request a reply answers; `zone` is the
    charger's, for the UTC times in an Octopus plan (protocol.md 8.3). Dispatches that
    have ended `now` are left out (F21).
    """
    if method in (Method.SCHEDULES_GET, Method.SCHEDULE_SET):
        schedule = read_v3(payload, zone=zone, now=now)
        return state if schedule is None else replace(state, schedule=schedule)
    reader = _READERS.get(method)
    if reader is None:
        _note_unknown("method", method)
        return state
    changes = reader(state, payload)
    return replace(state, **changes) if changes else state


def read_pilot(payload: JsonValue) -> PilotState | None:
    """Return the pilot a push tells of; None for the letters that decide nothing.

    E and F are faults, the composite form carries a digit (protocol.md 5.4, F14).
    """
    if not isinstance(payload, Mapping):
        return None
    value = payload.get("pilot_status", payload.get("composite_pilot_status"))
    letter = value.strip()[:1].upper() if isinstance(value, str) else value
    return _member(PilotState, letter)


def tells_effect(payload: JsonValue) -> bool:
    """Whether a settings document names the LED effect, changed or not."""
    return any(key == "effect_name" for key, _ in _items(payload))


def apply_readings(
    state: HypervoltDeviceState, payload: JsonValue
) -> tuple[HypervoltDeviceState, frozenset[str]]:
    """Return the state after session data, and the fields it held valid values of.

    Of either socket (protocol.md 6.2).
    """
    changes = _read_session(state, payload)
    return replace(state, **changes), frozenset(changes)


def without_readings(
    state: HypervoltDeviceState, fields: Iterable[str]
) -> HypervoltDeviceState:
    """Return the state with some readings no longer known."""
    unknown: _Changes = dict.fromkeys(fields)
    return replace(state, **unknown)


def _read_settings(_: HypervoltDeviceState, payload: JsonValue) -> _Changes:
    """Read a settings document: one-key objects in any order, some missing (5.2)."""
    return _read_fields(_SETTINGS, _items(payload))


def _read_session(_: HypervoltDeviceState, payload: JsonValue) -> _Changes:
    """Read session data, of either socket (protocol.md 6.2)."""
    return _read_fields(_SESSION, _items(payload))


def _read_fields(
    fields: Mapping[str, "_Field"], items: Iterable[tuple[str, JsonValue]]
) -> _Changes:
    """Read what is known and makes sense; the rest changes nothing."""
    changes: _Changes = {}
    for key, value in items:
        field = fields.get(key)
        if field is not None and (read := field.read(value)) is not None:
            changes[field.name] = read
    return changes


def _read_plug_and_charge(_: HypervoltDeviceState, payload: JsonValue) -> _Changes:
    """Read the mode of Plug and Charge, told in two forms (protocol.md 5.4).

    The answer to the question holds the mode in `applied`; the answer to a change
    holds it in `mode`, and there `applied` says whether the charger took it.
    """
    if not isinstance(payload, Mapping):
        return {}
    applied, mode = payload.get("applied"), _mode(payload.get("mode"))
    if mode is not None:
        taken = _is_true(applied) or _mode(applied) == mode
        return {"plug_and_charge_mode": mode} if taken else {}
    told = _mode(applied)
    return {} if told is None else {"plug_and_charge_mode": told}


def _read_plug_and_charge_answer(
    state: HypervoltDeviceState, payload: JsonValue
) -> _Changes:
    """Read the answer to the question, which nobody can refuse (F17)."""
    if isinstance(payload, Mapping) and payload.get("applied", "") is None:
        payload = {"applied": payload.get("mode")}
    return _read_plug_and_charge(state, payload)


def _read_pilot(_: HypervoltDeviceState, payload: JsonValue) -> _Changes:
    pilot = read_pilot(payload)
    return {} if pilot is None else {"pilot": pilot}


def _read_firmware(_: HypervoltDeviceState, payload: JsonValue) -> _Changes:
    """Read a bare string, or on some units a number (protocol.md 2.3, F17)."""
    if isinstance(payload, str) or _number(payload) is not None:
        return {"firmware_version": readable(str(payload))}
    return {}


def _read_name(_: HypervoltDeviceState, payload: JsonValue) -> _Changes:
    name = _text(payload)
    return {} if name is None else {"name": name}


def _read_nothing(_: HypervoltDeviceState, __: JsonValue) -> _Changes:
    """Known messages that hold nothing we show."""
    return {}


_Reader: TypeAlias = Callable[[HypervoltDeviceState, JsonValue], _Changes]

_READERS: Final[Mapping[str, _Reader]] = {
    Method.SNAPSHOT: _read_settings,
    Method.APPLY: _read_settings,
    Method.SESSION: _read_session,
    Method.PILOT_STATUS: _read_pilot,
    Method.COMPOSITE_PILOT_STATUS: _read_pilot,
    Method.PLUG_AND_CHARGE_GET: _read_plug_and_charge_answer,
    Method.PLUG_AND_CHARGE_SET: _read_plug_and_charge,
    Method.FIRMWARE_VERSION: _read_firmware,
    Method.NAME_GET: _read_name,
    Method.NAME_SET: _read_nothing,
    Method.LOGIN: _read_nothing,
    "get.thermal_ilimit": _read_nothing,
    "get.AC_present": _read_nothing,
    "get.solar_inhibit_charge": _read_nothing,
    "get.site_limit": _read_nothing,
    "get.schedule_inhibit": _read_nothing,
    "get.connection_state": _read_nothing,
    "flex.status": _read_nothing,
}


def _items(payload: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Yield the key/value pairs of a document, whatever its objects' sizes."""
    for part in payload if isinstance(payload, list) else [payload]:
        if isinstance(part, Mapping):
            yield from part.items()


def _number(value: JsonValue) -> float | None:
    """Coerce what stands for a number (F17); None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < _PLAUSIBLE else None


def _integer(value: JsonValue) -> int | None:
    number = _number(value)
    return None if number is None else round(number)


def _fraction(value: JsonValue) -> float | None:
    number = _number(value)
    return None if number is None else min(max(number, 0.0), BRIGHTNESS_MAX)


def _flag(value: JsonValue) -> bool | None:
    return value if isinstance(value, bool) else None


def _mode(value: JsonValue) -> str | None:
    text = _text(value)
    return None if text is None else read_mode(text)


def _text(value: JsonValue) -> str | None:
    return readable(value) if isinstance(value, str) else None


def _texts(value: JsonValue) -> frozenset[str] | None:
    if not isinstance(value, list):
        return None
    return frozenset(readable(item) for item in value if isinstance(item, str))


def _lock_state(value: JsonValue) -> HypervoltLockState | None:
    return _member(HypervoltLockState, value)


def _release_state(value: JsonValue) -> HypervoltReleaseState | None:
    return _member(HypervoltReleaseState, value)


_EnumT = TypeVar("_EnumT", bound=StrEnum)


def _member(kind: type[_EnumT], value: JsonValue) -> _EnumT | None:
    if not isinstance(value, str):
        return None
    try:
        return kind(value)
    except ValueError:
        _note_unknown(kind.__name__, value)
        return None


def _is_true(value: JsonValue) -> bool:
    """Whether a flag says yes, as a boolean or as text (F17)."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


@lru_cache(maxsize=256)
def _note_unknown(what: str, value: str) -> None:
    """Log a thing the cloud has newly learned to say, once."""
    _LOGGER.info("Ignoring unknown %s %.60s", what, redacted(repr(value)))


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a value of the wire goes, and how it is read; None means not at all."""

    name: str
    read: Callable[[JsonValue], object | None]


_SETTINGS: Final[Mapping[str, _Field]] = {
    "brightness": _Field("brightness", _fraction),
    "effect_name": _Field("effect_name", _text),
    "lock_state": _Field("lock_state", _lock_state),
    "release_state": _Field("release_state", _release_state),
    "max_current": _Field("max_current_milliamps", _integer),
    "solar_mode": _Field("solar_mode", _mode),
    "features": _Field("features", _texts),
    "random_start": _Field("random_start", _flag),
}

_SESSION: Final[Mapping[str, _Field]] = {
    "charging": _Field("charging", _flag),
    "session": _Field("session_id", _integer),
    "watt_hours": _Field("session_watt_hours", _integer),
    "carbon_saved_grams": _Field("session_carbon_saved_grams", _integer),
    "true_milli_amps": _Field("output_current_milliamps", _integer),
    "voltage": _Field("voltage", _number),
    "ct_current": _Field("ct_current_milliamps", _integer),
    "ct_power": _Field("ct_power", _number),
    "ev_power": _Field("ev_power", _number),
    "house_power": _Field("house_power", _number),
    "grid_power": _Field("grid_power", _number),
    "generation_power": _Field("generation_power", _number),
}
