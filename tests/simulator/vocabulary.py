"""The words of the Hypervolt cloud: what may appear on the wire, and where from."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None

LED_COUNT: Final = 51
"""Ring and bolt together (protocol.md 9)."""

CARBON_GRAMS_PER_WATT_HOUR: Final = 0.437
"""protocol.md 6.2: floor(0.437 x watt_hours) in all samples."""

PENCE_PER_WATT_HOUR: Final = 0.01434
"""From the sample of protocol.md 5.6: 2371 Wh cost 34."""

BATTERY_SAFE_FEATURE: Final = "home-battery-drain-prevention"
"""protocol.md 6.1: present if Battery Safe is supported."""

DEFAULT_TIME_ZONE: Final = "Europe/London"
"""protocol.md 8."""

WEEK: Final = (
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
)


class Personality(StrEnum):
    """Which charger and firmware is played (protocol.md 2.3)."""

    V3 = "v3"
    V3_OLD = "v3_old"
    """A V3 whose sessions never carry `energy_flow`."""
    LEGACY_V2 = "legacy_v2"
    UPGRADED_V2 = "upgraded_v2"
    """V2 hardware with the 2026 firmware: speaks the V3 API."""

    @property
    def speaks_v3_api(self) -> bool:
        """Whether schedules and Plug and Charge go over the WebSocket."""
        return self is not Personality.LEGACY_V2

    @property
    def is_v3_hardware(self) -> bool:
        """Whether the id has sixteen hex digits (protocol.md 2.2)."""
        return self in (Personality.V3, Personality.V3_OLD)


FIRMWARE: Final[Mapping[Personality, str]] = {
    Personality.V3: "3951.0",
    Personality.V3_OLD: "2483.2",
    Personality.LEGACY_V2: "202111231810.abcdef",
    Personality.UPGRADED_V2: "1.0",
}

FIRST_ID: Final[Mapping[Personality, int]] = {
    Personality.V3: 216454482408824951,
    Personality.V3_OLD: 216454482408825951,
    Personality.LEGACY_V2: 202481586541825,
    Personality.UPGRADED_V2: 202481586542825,
}
"""Ids as in protocol.md 2.2; a second charger counts up from here."""


class ChargeMode(StrEnum):
    """protocol.md 7."""

    BOOST = "boost"
    ECO = "eco"
    SUPER_ECO = "super_eco"
    BATTERY_SAFE = "super_eco_battery_safe"


class LockState(StrEnum):
    """protocol.md 6.1."""

    UNLOCKED = "unlocked"
    PENDING_LOCK = "pending_lock"
    LOCKED = "locked"


class ReleaseState(StrEnum):
    """protocol.md 6.1; `released` means stopped by the user."""

    DEFAULT = "default"
    RELEASED = "released"


class Pilot(StrEnum):
    """The control pilot between charger and car (protocol.md 10)."""

    UNPLUGGED = "A"
    PLUGGED = "B"
    CHARGING = "C"


class Effect(StrEnum):
    """LED effects the cloud accepts (protocol.md 9)."""

    NONE = "none"
    STEADY_ARRAY = "steady_array"
    PARTY_MODE = "party_mode"
    KNIGHT_RIDER = "knight_rider"
    HALLOWEEN = "halloween"
    CHRISTMAS = "christmas"
    RED_ALERT = "red_alert"


class Confirm(StrEnum):
    """How the writer of a change learns that it took effect (protocol.md 5.5)."""

    BOTH = "both"
    REPLY = "reply"
    PUSH = "push"


class LoginFailure(StrEnum):
    """What a refused login looks like; the real form is unpublished (5.3)."""

    FALSE = "false"
    ERROR = "error"
    SILENCE = "silence"
    CLOSE = "close"


class IdleWattHours(StrEnum):
    """What `watt_hours` shows after a session (protocol.md 11.2)."""

    ZERO = "zero"
    LAST = "last"
