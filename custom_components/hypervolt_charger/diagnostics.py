"""Diagnostics: what helps to find a fault, and nothing that tells whose charger it is.

Only what is named here is shown. Besides, every text passes a filter: people put their
charger's id or name into entity ids, and the cloud's words may hold anything.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    CONF_EMAIL,
    CONF_PASSWORD,
    CONF_TOKEN,
    CONF_USERNAME,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.util import dt as dt_util

from .const import CONF_CHARGER_ID, CONF_PLANNER, CONF_RESOLVED_API_VERSION
from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .hypervolt.charger import hardware_of, parse_id
from .hypervolt.device_state import HypervoltDeviceState
from .hypervolt.schedule import Schedule, format_days

_NEVER_SHOWN: Final = {
    CONF_CHARGER_ID,
    CONF_EMAIL,
    CONF_PASSWORD,
    CONF_TOKEN,
    CONF_USERNAME,
}
# Texts of the charger's state; its name is not among them.
_TEXTS_OF_STATE: Final = {
    "effect_name",
    "firmware_version",
    "plug_and_charge_mode",
    "solar_mode",
}
# A name as short as that says nothing, and hiding it would hide half of all words.
_SHORT_NAME: Final = 3


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: HypervoltConfigEntry
) -> dict[str, Any]:
    """Return what is known of an entry, whether it could be set up or not."""
    return _filtered(entry, _entry(hass, entry))


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: HypervoltConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a charger, and how its entities are."""
    told = {
        **_entry(hass, entry),
        "device": {
            "model": device.model,
            "sw_version": device.sw_version,
            "disabled_by": device.disabled_by,
        },
        "entities": _entities(hass, entry, device),
    }
    return _filtered(entry, told)


def _entry(hass: HomeAssistant, entry: HypervoltConfigEntry) -> dict[str, Any]:
    planner = entry.options.get(CONF_PLANNER)
    told: dict[str, Any] = {
        "entry": {
            "version": f"{entry.version}.{entry.minor_version}",
            "state": entry.state.value,
            "reason": entry.error_reason_translation_key,
            "disabled_by": entry.disabled_by,
            "polling": not entry.pref_disable_polling,
            "data_keys": sorted(entry.data),
            "resolved_api_version": entry.data.get(CONF_RESOLVED_API_VERSION),
            "options": async_redact_data(entry.options, _NEVER_SHOWN),
        },
        "hardware": _hardware(entry),
        "planner_exists": planner and hass.states.get(planner) is not None,
    }
    # Missing if the entry never got as far as having a client.
    coordinator = getattr(entry, "runtime_data", None)
    if isinstance(coordinator, HypervoltUpdateCoordinator):
        told |= _charger(coordinator)
    return told


def _hardware(entry: ConfigEntry) -> str | None:
    try:
        return hardware_of(parse_id(entry.data.get(CONF_CHARGER_ID)))
    except ValueError:
        return None


def _charger(coordinator: HypervoltUpdateCoordinator) -> dict[str, Any]:
    client, planned = coordinator.client, coordinator.planned
    error = coordinator.last_exception
    return {
        "connection": {
            "state": client.connection_state,
            "connected": client.connected,
            "available": client.available,
            "live": client.live,
            "stalled": client.stalled,
            "login_refused": client.failure is not None,
            "last_message_age_seconds": _age(client.last_message),
            "last_poll_succeeded": coordinator.last_update_success,
            # Its text is not ours to vouch for.
            "last_poll_error": type(error).__name__ if error else None,
        },
        "variant": client.variant,
        "told_variant": client.told_variant,
        "model": coordinator.charger.model,
        "state": _state(client.state),
        "activation_mode": client.state.activation_mode,
        "charge_mode": client.state.charge_mode,
        "schedule": _schedule(client.state.schedule),
        "schedule_zone": str(coordinator.schedule_zone),
        "draft_differs": coordinator.draft.changed,
        "planned": {
            "restore_at": _moment(planned.restore_at),
            "former_kept": planned.former is not None,
            "let_go_since": _moment(planned.let_go_since),
        },
        "energy": _energy(coordinator),
    }


def _energy(coordinator: HypervoltUpdateCoordinator) -> dict[str, Any]:
    books = coordinator.energy.shown
    return {
        "total_watt_hours": books.meter.total,
        "count": books.meter.count,
        "counted_at": _moment(books.meter.counted_at),
        "runs": books.meter.runs,
        "doubtful": books.meter.candidate is not None,
        "price_known": books.price is not None,
        "finished_sessions": len(coordinator.energy.sessions(None, None)),
    }


def _state(state: HypervoltDeviceState) -> dict[str, Any]:
    """Return the state without texts nobody here has vouched for."""
    told: dict[str, Any] = {}
    for field in fields(state):
        match value := getattr(state, field.name):
            case frozenset():
                told[field.name] = sorted(value)
            case str() if type(value) is str and field.name not in _TEXTS_OF_STATE:
                pass
            case None | str() | int() | float():  # booleans and enumerations, too
                told[field.name] = value
    return told


def _schedule(schedule: Schedule | None) -> dict[str, Any] | None:
    if schedule is None:
        return None
    return {
        "enabled": schedule.enabled,
        "type": schedule.type,
        "time_zone": schedule.time_zone,
        "sessions": [
            {
                "start": str(session.start),
                "end": str(session.end),
                "days": format_days(session.days),
                "mode": session.mode,
                "on_date": session.on_date and session.on_date.isoformat(),
            }
            for session in schedule.sessions
        ],
    }


def _entities(
    hass: HomeAssistant, entry: ConfigEntry, device: DeviceEntry
) -> dict[str, str]:
    """Return how entities are, not what they show: one of them shows the name."""
    registry = er.async_get(hass)
    prefix = f"{entry.data.get(CONF_CHARGER_ID)}_"
    return {
        f"{item.domain}.{item.unique_id.removeprefix(prefix)}": (
            f"disabled by {item.disabled_by}"
            if item.disabled_by
            else _condition(hass, item.entity_id)
        )
        for item in er.async_entries_for_device(
            registry, device.id, include_disabled_entities=True
        )
        if item.config_entry_id == entry.entry_id
    }


def _condition(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    if state is None:
        return "absent"
    return state.state if state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN) else "shown"


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _age(moment: datetime | None) -> float | None:
    return (dt_util.utcnow() - moment).total_seconds() if moment else None


# The filter -----------------------------------------------------------------------


def _filtered(entry: HypervoltConfigEntry, told: dict[str, Any]) -> dict[str, Any]:
    secrets = re.compile("|".join(map(re.escape, _secrets(entry))), re.IGNORECASE)
    clean: dict[str, Any] = _clean(told, secrets)
    return clean


def _secrets(entry: HypervoltConfigEntry) -> list[str]:
    """Return what must not be found in any text, the longest first."""
    found = [
        str(value)
        for key, value in (*entry.data.items(), ("unique_id", entry.unique_id))
        if key in (*_NEVER_SHOWN, "unique_id") and value
    ]
    # An id is also written as a hexadecimal number.
    found += [f"{int(value):x}" for value in found if value.isdecimal()]
    coordinator = getattr(entry, "runtime_data", None)
    if isinstance(coordinator, HypervoltUpdateCoordinator):
        name = coordinator.client.state.name
        if name and len(name) > _SHORT_NAME:
            found.append(name)
    return sorted(set(found), key=len, reverse=True)


def _clean(value: Any, secrets: re.Pattern[str]) -> Any:
    """Return the same without secrets, whether they are text, part of one, or a key."""
    if isinstance(value, Mapping):
        return {
            _clean(key, secrets): _clean(item, secrets) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(item, secrets) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    text = secrets.sub(REDACTED, str(value))
    return value if isinstance(value, int) and text == str(value) else text
