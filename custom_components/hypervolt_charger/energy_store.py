"""The energy books on disk: a small file written often, and one of the sessions.

Both belong to one entry and go with it. What can't be read is begun anew rather than
in the way of charging.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .hypervolt.charge_log import ChargeLog, ChargeSession, EndReason
from .hypervolt.energy import Doubt, EnergyMeter, PowerMeter

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
SESSIONS_KEPT: Final = timedelta(days=2 * 366)

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that is kept of a charger's energy but its finished sessions."""

    meter: EnergyMeter = field(default_factory=EnergyMeter)
    house: PowerMeter = field(default_factory=PowerMeter)
    grid_import: PowerMeter = field(default_factory=PowerMeter)
    grid_export: PowerMeter = field(default_factory=PowerMeter)
    generation: PowerMeter = field(default_factory=PowerMeter)
    log: ChargeLog = field(default_factory=ChargeLog)
    price: float | None = None


class EnergyStore:
    """The two files of an entry."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Find the files; nothing is read or written yet."""
        self._books: Store[Json] = _store(hass, f"{entry_id}.energy")
        self._sessions: Store[list[Json]] = _store(hass, f"{entry_id}.sessions")

    async def async_load(self) -> tuple[Books, list[ChargeSession]]:
        """Return what an earlier run has left."""
        books = _attempt(_books_from, await self._books.async_load(), Books())
        stored = await self._sessions.async_load()
        sessions = _attempt(_sessions_from, stored, list[ChargeSession]())
        return books, sessions

    async def async_save_books(self, books: Books) -> None:
        """Write the small file."""
        await self._books.async_save(_json(books))

    async def async_save_sessions(self, sessions: list[ChargeSession]) -> None:
        """Write the finished sessions."""
        await self._sessions.async_save([_json(session) for session in sessions])

    async def async_remove(self) -> None:
        """Delete both files."""
        await self._books.async_remove()
        await self._sessions.async_remove()


def _store[T: (Json, list[Json])](hass: HomeAssistant, name: str) -> Store[T]:
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{name}", private=True)


def _attempt[StoredT, T](
    read: Callable[[StoredT], T], stored: StoredT | None, default: T
) -> T:
    if stored is None:
        return default
    try:
        return read(stored)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        _LOGGER.warning("Beginning new energy books, the old can't be read: %r", error)
        return default


def _json(value: Any) -> Json:
    return asdict(value, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> Json:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in items
    }


def _books_from(stored: Json) -> Books:
    powers = ("house", "grid_import", "grid_export", "generation")
    return _read(
        Books,
        stored,
        meter=_meter_from,
        log=_log_from,
        **dict.fromkeys(powers, lambda power: _read(PowerMeter, power, at=_moment)),
    )


def _meter_from(stored: Json) -> EnergyMeter:
    return _read(
        EnergyMeter,
        stored,
        counted_at=_moment,
        doubt=lambda doubt: _read(Doubt, doubt),
    )


def _log_from(stored: Json) -> ChargeLog:
    return _read(
        ChargeLog,
        stored,
        session=_session_from,
        paused_at=_moment,
        seen_at=_moment,
        gap_ended=_moment,
    )


def _sessions_from(stored: list[Json]) -> list[ChargeSession]:
    oldest = dt_util.utcnow() - SESSIONS_KEPT
    sessions = [_session_from(item) for item in stored]
    return [session for session in sessions if session.end > oldest]


def _session_from(stored: Json) -> ChargeSession:
    return _read(
        ChargeSession, stored, start=_moment, end=_moment, end_reason=EndReason
    )


def _moment(stored: str) -> datetime:
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _read[T](
    kind: type[T], stored: Mapping[str, Any], **readers: Callable[[Any], object]
) -> T:
    """Make an object of what is stored of it; what it does not know is passed over."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type] # a dataclass
    return kind(
        **{
            name: readers[name](value)
            if name in readers and value is not None
            else value
            for name, value in stored.items()
            if name in known
        }
    )
