"""The integration's actions."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID
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

from .const import DOMAIN
from .coordinator import HypervoltUpdateCoordinator
from .hypervolt.device_state import HypervoltChargeMode
from .hypervolt.schedule import Weekday, next_occurrence
from .past_sessions import as_csv, as_json
from .planned_schedule import Restored
from .planner import PlanRequest, async_apply, async_plan, local

SERVICE_SET_SCHEDULE: Final = "set_schedule"
SERVICE_GET_SCHEDULE: Final = "get_schedule"
SERVICE_RESTORE_SCHEDULE: Final = "restore_schedule"
SERVICE_GET_SESSIONS: Final = "get_sessions"
ATTR_TRACKER: Final = "tracker_rate"
ATTR_WINDOWS: Final = "windows"
ATTR_ATTRIBUTE: Final = "attribute"
ATTR_BACKUP_START: Final = "backup_schedule_start"
ATTR_BACKUP_END: Final = "backup_schedule_end"
ATTR_APPEND_BACKUP: Final = "append_backup"
ATTR_CHARGE_MODE: Final = "charge_mode"
ATTR_WHEN_FINISHED: Final = "when_finished"
ATTR_DRY_RUN: Final = "dry_run"
ATTR_START: Final = "start"
ATTR_END: Final = "end"
ATTR_EXPORT: Final = "export"

KEEP: Final = "keep"
RESTORE: Final = "restore"
CSV: Final = "csv"

type OnCharger = Callable[[HypervoltUpdateCoordinator], Awaitable[JsonObjectType]]


def _mode(value: object) -> str:
    """Take a charge mode as its key or by a label such as `Super Eco`."""
    return "_".join(cv.string(value).lower().split())


_CHARGERS: Final = {
    vol.Required(ATTR_DEVICE_ID): vol.All(
        cv.ensure_list, [cv.string], vol.Length(min=1)
    )
}
CHARGERS_SCHEMA: Final = vol.Schema(_CHARGERS)
SET_SCHEDULE_SCHEMA: Final = vol.Schema(
    {
        **_CHARGERS,
        vol.Exclusive(ATTR_TRACKER, "plan"): cv.entity_id,
        vol.Exclusive(ATTR_WINDOWS, "plan"): object,
        vol.Optional(ATTR_ATTRIBUTE): cv.string,
        vol.Inclusive(ATTR_BACKUP_START, "backup"): cv.time,
        vol.Inclusive(ATTR_BACKUP_END, "backup"): cv.time,
        vol.Optional(ATTR_APPEND_BACKUP, default=False): cv.boolean,
        vol.Optional(ATTR_CHARGE_MODE): vol.All(
            _mode, vol.In([str(mode) for mode in HypervoltChargeMode])
        ),
        vol.Optional(ATTR_WHEN_FINISHED): vol.In([KEEP, RESTORE]),
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
    }
)
GET_SESSIONS_SCHEMA: Final = vol.Schema(
    {
        **_CHARGERS,
        vol.Optional(ATTR_START): cv.datetime,
        vol.Optional(ATTR_END): cv.datetime,
        vol.Optional(ATTR_EXPORT): vol.In([CSV]),
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, action, schema, response in (
        (
            SERVICE_SET_SCHEDULE,
            _async_set_schedule,
            SET_SCHEDULE_SCHEMA,
            SupportsResponse.OPTIONAL,
        ),
        (
            SERVICE_GET_SCHEDULE,
            _async_get_schedule,
            CHARGERS_SCHEMA,
            SupportsResponse.ONLY,
        ),
        (
            SERVICE_RESTORE_SCHEDULE,
            _async_restore_schedule,
            CHARGERS_SCHEMA,
            SupportsResponse.NONE,
        ),
        (
            SERVICE_GET_SESSIONS,
            _async_get_sessions,
            GET_SESSIONS_SCHEMA,
            SupportsResponse.ONLY,
        ),
    ):
        hass.services.async_register(
            DOMAIN, name, action, schema=schema, supports_response=response
        )


async def _async_set_schedule(call: ServiceCall) -> ServiceResponse:
    """Have chargers charge in a planner's windows, or in the backup's."""
    request = _request(call.data)
    chargers = _chargers(call)
    wish = await async_plan(call.hass, request, call.context)
    return await _async_each(
        chargers, lambda coordinator: async_apply(coordinator, wish, request)
    )


async def _async_get_schedule(call: ServiceCall) -> ServiceResponse:
    """Tell what is in force."""

    async def tell(coordinator: HypervoltUpdateCoordinator) -> JsonObjectType:
        return _in_force(coordinator)

    return await _async_each(_chargers(call), tell)


async def _async_restore_schedule(call: ServiceCall) -> None:
    """Put back what was in force before a planner's schedule."""
    await _async_each(_chargers(call), _async_restore)


async def _async_get_sessions(call: ServiceCall) -> ServiceResponse:
    """Answer the finished sessions of a stretch of time, and what they add up to."""
    start, end = (_moment(call.data.get(name)) for name in (ATTR_START, ATTR_END))
    if start is not None and end is not None and start >= end:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="end_before_start"
        )

    async def answer(coordinator: HypervoltUpdateCoordinator) -> JsonObjectType:
        sessions = coordinator.energy.sessions(start, end)
        response = as_json(sessions)
        if call.data.get(ATTR_EXPORT) == CSV:
            response["csv"] = as_csv(sessions)
        return response

    return await _async_each(_chargers(call), answer)


def _moment(given: datetime | None) -> datetime | None:
    """Take a time without a zone for one of Home Assistant's own."""
    return None if given is None else dt_util.as_utc(given)


async def _async_each(
    chargers: dict[str, HypervoltUpdateCoordinator], action: OnCharger
) -> ServiceResponse:
    """Do something with each charger, and answer what came of it.

    One that fails does not keep the others from theirs; the call then ends in an error
    that says which, or in the error itself where there is no other charger.
    """
    done: JsonObjectType = {}
    failures: dict[str, HomeAssistantError] = {}
    for device, coordinator in chargers.items():
        try:
            done[device] = await action(coordinator)
        except HomeAssistantError as error:
            if len(chargers) == 1:
                raise
            failures[coordinator.config_entry.title] = error
    if failures:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="not_every_charger",
            translation_placeholders={
                "failures": "; ".join(
                    f"{name}: {why}" for name, why in failures.items()
                )
            },
        )
    return {"devices": done}


def _request(data: dict[str, Any]) -> PlanRequest:
    """Read a call's fields."""
    tracker: str | None = data.get(ATTR_TRACKER)
    backup = None
    if ATTR_BACKUP_START in data:
        backup = data[ATTR_BACKUP_START], data[ATTR_BACKUP_END]
    # A planner plans for one night; who names windows may mean every week.
    finished = data.get(ATTR_WHEN_FINISHED, RESTORE if tracker else KEEP)
    return PlanRequest(
        tracker=tracker,
        # Text, and be it empty, is a plan gone wrong; only a missing field is none.
        windows="" if data.get(ATTR_WINDOWS, "") is None else data.get(ATTR_WINDOWS),
        attribute=data.get(ATTR_ATTRIBUTE),
        backup=backup,
        append_backup=data[ATTR_APPEND_BACKUP],
        charge_mode=data.get(ATTR_CHARGE_MODE),
        restore=finished == RESTORE,
        dry_run=data[ATTR_DRY_RUN],
    )


def _chargers(call: ServiceCall) -> dict[str, HypervoltUpdateCoordinator]:
    """Return the chargers of a call, by device; nothing is done if one is unknown."""
    devices: list[str] = call.data[ATTR_DEVICE_ID]
    return {device: _coordinator(call.hass, device) for device in devices}


def _coordinator(hass: HomeAssistant, device_id: str) -> HypervoltUpdateCoordinator:
    """Return a device's charger; raises ServiceValidationError naming what is wrong."""
    device = dr.async_get(hass).async_get(device_id)
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        if device is not None and device.config_entry_id == entry.entry_id:
            coordinator: HypervoltUpdateCoordinator = entry.runtime_data
            return coordinator
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="no_charger",
        translation_placeholders={"device": device_id},
    )


def _in_force(coordinator: HypervoltUpdateCoordinator) -> JsonObjectType:
    """Return a charger's schedule in words."""
    state, planned = coordinator.data, coordinator.planned
    schedule = state.schedule
    if schedule is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="schedule_not_told"
        )
    following = next_occurrence(
        schedule, after=dt_util.utcnow(), zone=coordinator.schedule_zone
    )
    return {
        "activation_mode": str(state.activation_mode),
        "sessions": [
            {
                "start": str(session.start),
                "end": str(session.end),
                "days": [Weekday(day).name.lower() for day in sorted(session.days)],
                "charge_mode": session.mode,
            }
            for session in schedule.sessions
        ],
        "next_window": (
            {
                "start": local(following.start),
                "end": local(following.end),
                "charge_mode": following.mode,
            }
            if following
            else None
        ),
        "restore_at": local(planned.restore_at) if planned.restore_at else None,
    }


async def _async_restore(coordinator: HypervoltUpdateCoordinator) -> JsonObjectType:
    outcome = await coordinator.async_command(coordinator.planned.async_restore())
    if outcome is not Restored.RESTORED:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key={
                Restored.NOTHING_SAVED: "nothing_to_restore",
                Restored.CHANGED_MEANWHILE: "schedule_changed_meanwhile",
            }[outcome],
        )
    return {}
