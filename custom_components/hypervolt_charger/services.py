"""The integration's actions."""

from collections.abc import Iterable
from datetime import time
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .const import DOMAIN, MAX_SCHEDULE_SESSIONS
from .coordinator import HypervoltUpdateCoordinator
from .hypervolt.charger import ApiVariant
from .hypervolt.device_state import HypervoltChargeMode
from .hypervolt.errors import InvalidSchedule
from .hypervolt.plan import (
    PlanError,
    PlanProblem,
    Window,
    backup_window,
    clean,
    read_plan,
    to_daily_intervals,
    to_sessions,
)
from .hypervolt.schedule import Schedule

SERVICE_SET_SCHEDULE: Final = "set_schedule"
ATTR_TRACKER: Final = "tracker_rate"
ATTR_BACKUP_START: Final = "backup_schedule_start"
ATTR_BACKUP_END: Final = "backup_schedule_end"
ATTR_APPEND_BACKUP: Final = "append_backup"

SET_SCHEDULE_SCHEMA: Final = vol.Schema(
    {
        vol.Required(ATTR_DEVICE_ID): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_TRACKER): cv.entity_id,
        vol.Inclusive(ATTR_BACKUP_START, "backup"): cv.time,
        vol.Inclusive(ATTR_BACKUP_END, "backup"): cv.time,
        vol.Optional(ATTR_APPEND_BACKUP, default=False): cv.boolean,
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_SET_SCHEDULE,
        _async_set_schedule,
        schema=SET_SCHEDULE_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_set_schedule(call: ServiceCall) -> ServiceResponse:
    """Have chargers charge in a planner's windows, or in the backup's.

    One charger that fails does not keep the others from their schedule; the call then
    ends in an error that says which.
    """
    devices: list[str] = call.data[ATTR_DEVICE_ID]
    chargers = {device: _coordinator(call.hass, device) for device in devices}
    windows, source = _windows(call)
    written: JsonObjectType = {}
    failures: list[str] = []
    for device, coordinator in chargers.items():
        try:
            applied = await coordinator.async_command(
                _async_write(coordinator, windows)
            )
        except HomeAssistantError as error:
            failures.append(f"{coordinator.config_entry.title}: {error}")
        else:
            written[device] = {"source": source, **applied}
    if failures:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="schedule_not_written",
            translation_placeholders={"failures": "; ".join(failures)},
        )
    return {"devices": written}


def _coordinator(hass: HomeAssistant, device_id: str) -> HypervoltUpdateCoordinator:
    """Return a device's charger; raises ServiceValidationError naming what is wrong."""
    device = dr.async_get(hass).async_get(device_id)
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        if device is not None and entry.entry_id in device.config_entries:
            coordinator: HypervoltUpdateCoordinator = entry.runtime_data
            return coordinator
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="no_charger",
        translation_placeholders={"device": device_id},
    )


def _windows(call: ServiceCall) -> tuple[tuple[Window, ...], str]:
    """Return the windows to charge in, and whose they are: tracker or backup.

    Without either there is nothing to write: an empty plan is never written.
    """
    now = dt_util.utcnow()
    backup = _backup(call.data)
    tracker: str | None = call.data.get(ATTR_TRACKER)
    if tracker is None:
        if backup is None:
            raise _no_plan("Neither a planner nor a backup schedule is given")
        return (backup,), "backup"
    try:
        planned = _read_tracker(call.hass, tracker)
    except PlanError as error:
        if backup is None:
            raise _no_plan(f"{tracker}: {error}") from error
        return (backup,), "backup"
    if backup is not None and call.data[ATTR_APPEND_BACKUP]:
        return clean((*planned, backup), now=now), "tracker"
    return planned, "tracker"


def _backup(data: dict[str, Any]) -> Window | None:
    start: time | None = data.get(ATTR_BACKUP_START)
    end: time | None = data.get(ATTR_BACKUP_END)
    if start is None or end is None:
        return None
    try:
        return backup_window(
            start, end, now=dt_util.utcnow(), zone=dt_util.get_default_time_zone()
        )
    except InvalidSchedule as error:
        raise _no_plan(str(error)) from error


def _read_tracker(hass: HomeAssistant, entity_id: str) -> tuple[Window, ...]:
    """Read a planner's windows; raises PlanError for whatever is no plan."""
    state = hass.states.get(entity_id)
    if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        raise PlanError(
            PlanProblem.NOT_EVALUATED, "the entity is missing or unavailable"
        )
    return read_plan(
        state.attributes,
        attribute=None,
        now=dt_util.utcnow(),
        local_zone=dt_util.get_default_time_zone(),
    ).windows


async def _async_write(
    coordinator: HypervoltUpdateCoordinator, windows: Iterable[Window]
) -> JsonObjectType:
    """Write windows as a charger's schedule; tell where it differs from them."""
    client, zone = coordinator.client, coordinator.schedule_zone
    if client.variant is ApiVariant.V2:
        sessions, left_out = to_daily_intervals(
            windows, zone=zone, now=dt_util.utcnow()
        )
        adapted: JsonObjectType = {"left_out": _told(left_out)}
    else:
        sessions, joined = to_sessions(
            windows,
            zone=zone,
            mode=HypervoltChargeMode.BOOST,
            now=dt_util.utcnow(),
            max_sessions=MAX_SCHEDULE_SESSIONS,
        )
        adapted = {"gaps_closed": _told(joined)}
    known = client.state.schedule
    await client.set_schedule(
        Schedule(
            enabled=True,
            sessions=sessions,
            time_zone=known.time_zone if known else None,
        )
    )
    return {"windows": _told(windows), **adapted}


def _told(windows: Iterable[Window]) -> list[Any]:
    """Return windows in Home Assistant's own time, for people to read."""
    return [
        {
            "start": dt_util.as_local(window.start).isoformat(),
            "end": dt_util.as_local(window.end).isoformat(),
        }
        for window in windows
    ]


def _no_plan(reason: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="no_plan",
        translation_placeholders={"reason": reason},
    )
