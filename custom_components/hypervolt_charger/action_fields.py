"""The fields of actions, checked so that each error reads in the user's language."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final, Never

from homeassistant.core import valid_entity_id
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from .const import DOMAIN

# Zones overflow at the ends of the calendar.
_YEARS: Final = range(1970, 3000)
_FLAGS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "yes", "on", "enable", "1"), True),
    **dict.fromkeys(("false", "no", "off", "disable", "0"), False),
}
_LONGEST_SHOWN: Final = 50


@dataclass(frozen=True, kw_only=True)
class ActionFields:
    """What an action was called with; every method raises ServiceValidationError."""

    data: Mapping[str, Any]

    def check_names(self, known: Collection[str]) -> None:
        """Refuse fields the action does not have, misspelt ones for instance."""
        for name in self.data:
            if name not in known:
                _refuse(translation_key="unknown_field", field=_shown(name))

    def texts(self, name: str) -> list[str]:
        """Return one text or several; at least one is required."""
        given = self.data.get(name)
        if given is None or given == []:
            _refuse(translation_key="missing_field", field=name)
        return [
            _text(name, item)
            for item in (given if isinstance(given, list) else [given])
        ]

    def text(self, name: str) -> str | None:
        """Return a text, None if it is left out."""
        return _text(name, self.data[name]) if name in self.data else None

    def flag(self, name: str) -> bool:
        """Return whether something is requested, False if it is left out."""
        given = self.data.get(name, False)
        flag = _FLAGS.get(_shown(given).strip().lower())
        if flag is None:
            _refuse(translation_key="invalid_field", field=name, text=_shown(given))
        return flag

    def entity_id(self, name: str) -> str | None:
        """Return an entity id, None if it is left out."""
        if name not in self.data:
            return None
        given = self.data[name]
        entity_id = given.strip().lower() if isinstance(given, str) else ""
        if not valid_entity_id(entity_id):
            _refuse(translation_key="invalid_entity_id", text=_shown(given))
        return entity_id

    def clock_time(self, name: str) -> time | None:
        """Return a time of day, None if it is left out."""
        if name not in self.data:
            return None
        given = self.data[name]
        clock = dt_util.parse_time(given) if isinstance(given, str) else given
        if not isinstance(clock, time):
            _refuse(translation_key="invalid_time", text=_shown(given))
        return clock

    def moment(self, name: str) -> datetime | None:
        """Return a date and time in UTC, None if it is left out.

        One without an offset is of Home Assistant's own time zone.
        """
        if name not in self.data:
            return None
        given = self.data[name]
        try:
            moment = dt_util.parse_datetime(given) if isinstance(given, str) else given
        except ValueError:  # such as the 31st of February
            moment = None
        if not isinstance(moment, datetime) or moment.year not in _YEARS:
            _refuse(translation_key="invalid_date_and_time", text=_shown(given))
        return dt_util.as_utc(moment)

    def choice(self, name: str, options: Collection[str]) -> str | None:
        """Return one of the options, None if it is left out."""
        value = self.text(name)
        if value is not None and value not in options:
            _refuse(
                translation_key="not_an_option",
                field=name,
                text=_shown(value),
                options=", ".join(options),
            )
        return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str | int | float):
        _refuse(translation_key="invalid_field", field=name, text=_shown(value))
    return value if isinstance(value, str) else _shown(value)


def _refuse(*, translation_key: str, **details: str) -> Never:
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=translation_key,
        translation_placeholders=details,
    )


def _shown(value: object) -> str:
    """Return the start of what was given; numbers of any length can't be written."""
    try:
        return str(value)[:_LONGEST_SHOWN]
    except ValueError:
        return "…"
