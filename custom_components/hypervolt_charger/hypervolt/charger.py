"""What kind of charger this is, and which dialect it speaks (protocol.md 2)."""

from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Final

from .protocol import JsonValue

_ID_MAX: Final = 2**63 - 1
_PLAIN_FIRMWARE: Final = re.compile(r"\d{1,5}(\.\d{1,5})?")
_STORED_VARIANT: Final = re.compile(r"v?([23])(\.0+)?")
_DATED_FIRMWARE: Final = re.compile(r"(pi\d+\.)?\d{12}(\..*)?")


class Hardware(StrEnum):
    """The hardware generation, told by the length of the id (protocol.md 2.2)."""

    V2 = "v2"
    V3 = "v3"


class ApiVariant(StrEnum):
    """The dialect a charger speaks: hardware alone does not decide it (2.3).

    `V3` is also what a V2 with the firmware of 2026 speaks.
    """

    V2 = "v2"
    V3 = "v3"


@dataclass(frozen=True, slots=True)
class Charger:
    """A charger of an account; the id stays text, it exceeds what a float can hold."""

    charger_id: str
    model: str | None = None

    @property
    def hardware(self) -> Hardware:
        """The hardware generation."""
        return hardware_of(self.charger_id)

    @property
    def display_name(self) -> str:
        """What to call it: the model and the end of the id, never the whole."""
        model = self.model or ("Home 3" if self.hardware is Hardware.V3 else "Home 2")
        return f"Hypervolt {model} ({short_id(self.charger_id)})"


def short_id(charger_id: str) -> str:
    """Return enough of an id to tell chargers apart in a log, and no more."""
    return f"…{charger_id[max(1, len(charger_id) - 4) :]}"


def parse_id(value: object) -> str:
    """Return a charger id as text; raises ValueError for what can't be one (2.1)."""
    known = isinstance(value, int | str) and not isinstance(value, bool)
    text = str(value).strip() if known else ""
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:32]) <= _ID_MAX:
        raise ValueError("A charger id is a positive 64-bit number")
    return str(int(text))


def hardware_of(charger_id: str) -> Hardware:
    """Tell the hardware from the id: 12 hexadecimal digits for a V2, else a V3."""
    digits = len(f"{int(charger_id):x}")
    return Hardware.V2 if digits in (11, 12) else Hardware.V3


def parse_variant(value: object) -> ApiVariant | None:
    """Read a dialect stored as text or as number (15.1); None for all else."""
    match = _STORED_VARIANT.fullmatch(str(value).strip().lower())
    return ApiVariant(f"v{match[1]}") if match else None


def variant_from_firmware(firmware: str) -> ApiVariant | None:
    """Judge by the firmware's form (2.4 rule 5); None where it decides nothing."""
    if _DATED_FIRMWARE.fullmatch(firmware):
        return ApiVariant.V2
    if _PLAIN_FIRMWARE.fullmatch(firmware):
        return ApiVariant.V3
    return None


def variant_from_refusal(refusal: JsonValue) -> ApiVariant | None:
    """Judge by the answer to `schedules.get`: "not allowed" means a V2 (2.4 rule 4).

    The refusal may be of any form, even a result (rule 8).
    """
    return ApiVariant.V2 if "not allowed" in str(refusal).lower() else None
