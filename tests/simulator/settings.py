"""The settings document and the strictness of `sync.apply` (protocol.md 6.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
import math
from typing import Final

from .vocabulary import (
    BATTERY_SAFE_FEATURE,
    LED_COUNT,
    ChargeMode,
    Effect,
    Json,
    LockState,
    ReleaseState,
)

MIN_CURRENT: Final = 6000
MAX_CURRENT: Final = 32000


class SettingRefusedError(ValueError):
    """The cloud would not take this value."""


@dataclass(slots=True)
class Settings:
    """What a snapshot shows, apart from `leds`, which it never showed (9)."""

    brightness: float = 1.0
    effect_name: str = Effect.NONE
    lock_state: LockState = LockState.UNLOCKED
    release_state: ReleaseState = ReleaseState.DEFAULT
    max_current: int = MAX_CURRENT
    solar_mode: str = ChargeMode.BOOST
    features: list[str] = field(default_factory=lambda: ["super_eco"])
    random_start: bool = False
    ct_flags: int = 1
    leds: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """A checked `sync.apply` request; None means not asked for."""

    brightness: float | None = None
    effect_name: str | None = None
    leds: list[dict[str, float]] | None = None
    max_current: int | None = None
    solar_mode: str | None = None
    is_locked: bool | None = None
    release: bool | None = None
    random_start: bool | None = None


_KEYS: Final = {
    "brightness",
    "effect_name",
    "leds",
    "max_current",
    "solar_mode",
    "is_locked",
    "release",
}


def parse_changes(
    params: Json, settings: Settings, *, random_start_writable: bool = False
) -> Changes:
    """Check the params of `sync.apply` (protocol.md 5.5); all or nothing."""
    if not isinstance(params, dict) or not params:
        raise SettingRefusedError("params must be an object with settings")
    known = _KEYS | {"random_start"} if random_start_writable else _KEYS
    if unknown := params.keys() - known:
        raise SettingRefusedError(f"unknown or read-only keys {sorted(unknown)}")
    effect = _effect(params["effect_name"]) if "effect_name" in params else None
    leds = None
    if "leds" in params:
        if (effect or settings.effect_name) != Effect.STEADY_ARRAY:
            raise SettingRefusedError("leds go with the effect steady_array")
        leds = _leds(params["leds"])
    return Changes(
        brightness=(
            _fraction("brightness", params["brightness"])
            if "brightness" in params
            else None
        ),
        effect_name=effect,
        leds=leds,
        max_current=(
            _milliamps(params["max_current"]) if "max_current" in params else None
        ),
        solar_mode=(
            parse_mode(params["solar_mode"], settings.features)
            if "solar_mode" in params
            else None
        ),
        is_locked=_flag(params, "is_locked"),
        release=_flag(params, "release"),
        random_start=_flag(params, "random_start"),
    )


def parse_mode(value: Json, features: Sequence[str]) -> str:
    """Check a charge mode (protocol.md 7)."""
    if not isinstance(value, str) or value not in tuple(ChargeMode):
        raise SettingRefusedError(f"unknown mode {value!r}")
    if value == ChargeMode.BATTERY_SAFE and BATTERY_SAFE_FEATURE not in features:
        raise SettingRefusedError("this charger has no Battery Safe mode")
    return value


def _effect(value: Json) -> str:
    if not isinstance(value, str) or value not in tuple(Effect):
        raise SettingRefusedError(f"unknown effect {value!r}")
    return value


def _milliamps(value: Json) -> int:
    """Accept 16000, 16000.0 and "16000", all seen from clients."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise SettingRefusedError("max_current must be a number")
    try:
        number = float(value)
    except ValueError as error:
        raise SettingRefusedError("max_current must be a number") from error
    if not number.is_integer() or not MIN_CURRENT <= number <= MAX_CURRENT:
        raise SettingRefusedError("max_current must be 6000 to 32000 mA")
    return int(number)


def _fraction(name: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SettingRefusedError(f"{name} must be a number")
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise SettingRefusedError(f"{name} must be 0 to 1")
    return float(value)


def _leds(value: Json) -> list[dict[str, float]]:
    """Exactly 51 colours, floats 0-1 (protocol.md 9)."""
    if not isinstance(value, list) or len(value) != LED_COUNT:
        raise SettingRefusedError(f"leds must be {LED_COUNT} colours")
    colours: list[dict[str, float]] = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != {"r", "g", "b"}:
            raise SettingRefusedError("a colour has r, g and b")
        colours.append({name: _fraction(name, item[name]) for name in ("r", "g", "b")})
    return colours


def _flag(params: dict[str, Json], name: str) -> bool | None:
    if name not in params:
        return None
    value = params[name]
    if not isinstance(value, bool):
        raise SettingRefusedError(f"{name} must be true or false")
    return value
