"""The energy books on disk: a small file written often, and one of the sessions.

Both belong to one entry and are deleted with it. What can't be read of them starts
again and never costs the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from homeassistant.core import HomeAssistant

from .hypervolt.charge_log import ChargeLog, ChargeSession
from .hypervolt.energy import EnergyMeter, PowerMeter
from .records import Codec, Decoded, Json
from .storage import RecordStore

# The newest sessions by their order: their times are those of a clock that may have
# been wrong, and no clock may delete a session. Eight years of one a day.
SESSIONS_KEPT: Final = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that is kept of a charger's energy but its finished sessions.

    `unsaved` are those that their own file does not hold because it can't be written.
    """

    meter: EnergyMeter = field(default_factory=EnergyMeter)
    house: PowerMeter = field(default_factory=PowerMeter)
    grid_import: PowerMeter = field(default_factory=PowerMeter)
    grid_export: PowerMeter = field(default_factory=PowerMeter)
    generation: PowerMeter = field(default_factory=PowerMeter)
    log: ChargeLog = field(default_factory=ChargeLog)
    unsaved: tuple[ChargeSession, ...] = ()
    price: float | None = None
    # None for a fixed price, which applies until the options change.
    priced_until: datetime | None = None


CODEC: Final = Codec(
    # What is lost with a part of a meter is less than the energy it has counted.
    tolerant={Books: (), EnergyMeter: ("total",), PowerMeter: ("watt_hours",)},
)


def to_json(value: Books | ChargeSession) -> Json:
    """Return books or a session in the form that is stored."""
    return CODEC.encode(value)


def books_from_json(stored: Json) -> Books:
    """Return the books that were stored; ValueError if nothing of them is valid."""
    return _decode_books(stored).value


class EnergyStore:
    """The two files of an entry."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Find the files; nothing is read or written yet."""
        self._books = RecordStore(
            hass, entry_id, "energy", encode=to_json, decode=_decode_books
        )
        self._sessions = RecordStore(
            hass,
            entry_id,
            "sessions",
            encode=CODEC.encode_each,
            decode=_decode_sessions,
        )

    async def async_load(self) -> tuple[Books, list[ChargeSession]]:
        """Return what an earlier run has stored, as far as it is valid.

        The sessions are those of their own file; `unsaved` of the books has others.
        """
        books = await self._books.async_load() or Books()
        stored = await self._sessions.async_load() or ()
        # Those that could not be written before a reload.
        later = self._sessions.unsaved or ()
        unsaved = not_among(stored, later)
        unsaved += not_among((*stored, *unsaved), books.unsaved)
        return replace(books, unsaved=unsaved), list(stored)[-SESSIONS_KEPT:]

    async def async_save_books(self, books: Books) -> bool:
        """Write the small file; raises StorageError if it is not on disk.

        Returns False while Home Assistant is stopping: it is written after that.
        """
        return await self._books.async_save(books, may_wait=True)

    async def async_save_sessions(self, sessions: Sequence[ChargeSession]) -> bool:
        """Write the finished sessions, as `async_save_books` does the rest."""
        return await self._sessions.async_save(sessions, may_wait=True)

    async def async_remove(self) -> None:
        """Delete both files."""
        await self._books.async_remove()
        await self._sessions.async_remove()


def not_among(
    sessions: Iterable[ChargeSession], others: Iterable[ChargeSession]
) -> tuple[ChargeSession, ...]:
    """Return the other sessions that are not among these."""
    starts = {session.start for session in sessions}
    return tuple(session for session in others if session.start not in starts)


def _decode_books(stored: Json) -> Decoded[Books]:
    decoded = CODEC.decode(Books, stored)
    if "priced_until" in decoded.invalid:
        # Without its end the price would apply for ever.
        return replace(decoded, value=replace(decoded.value, price=None))
    return decoded


def _decode_sessions(stored: Json) -> Decoded[Sequence[ChargeSession]]:
    decoded = CODEC.decode_each(ChargeSession, stored)
    return Decoded(value=decoded.value, invalid=decoded.invalid)
