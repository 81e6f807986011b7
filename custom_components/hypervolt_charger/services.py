"""The integration's actions."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, override

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .access import async_check_may_control, async_check_may_read
from .action_fields import ActionFields
from .const import DOMAIN
from .coordinator import HypervoltUpdateCoordinator
from .exceptions import localized
from .hypervolt.charge_log import ChargeSession
from .hypervolt.device_state import HypervoltChargeMode, charge_mode_named
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


def _schema(*names: str) -> vol.Schema:
    """Return the fields of an action; `ActionFields` checks what is in them."""
    optional = {vol.Optional(name): object for name in names}
    return vol.Schema({vol.Required(ATTR_DEVICE_ID): object, **optional})


class _Unchecked(vol.Schema):
    """The fields of an action, left to `ActionFields`: errors here are in English only."""

    @override
    def __call__(self, data: Any, **_: Any) -> Any:
        """Return what an action is called with."""
        return data


CHARGERS_SCHEMA: Final = _schema()
SET_SCHEDULE_SCHEMA: Final = _schema(
    ATTR_TRACKER,
    ATTR_WINDOWS,
    ATTR_ATTRIBUTE,
    ATTR_BACKUP_START,
    ATTR_BACKUP_END,
    ATTR_APPEND_BACKUP,
    ATTR_CHARGE_MODE,
    ATTR_WHEN_FINISHED,
    ATTR_DRY_RUN,
)
GET_SESSIONS_SCHEMA: Final = _schema(ATTR_START, ATTR_END, ATTR_EXPORT)
SCHEMAS: Final = {
    SERVICE_SET_SCHEDULE: SET_SCHEDULE_SCHEMA,
    SERVICE_GET_SCHEDULE: CHARGERS_SCHEMA,
    SERVICE_RESTORE_SCHEDULE: CHARGERS_SCHEMA,
    SERVICE_GET_SESSIONS: GET_SESSIONS_SCHEMA,
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, action, response in (
        (SERVICE_SET_SCHEDULE, _async_set_schedule, SupportsResponse.OPTIONAL),
        (SERVICE_GET_SCHEDULE, _async_get_schedule, SupportsResponse.ONLY),
        (SERVICE_RESTORE_SCHEDULE, _async_restore_schedule, SupportsResponse.NONE),
        (SERVICE_GET_SESSIONS, _async_get_sessions, SupportsResponse.ONLY),
    ):
        schema = _Unchecked(SCHEMAS[name].schema)
        hass.services.async_register(
            DOMAIN, name, action, schema=schema, supports_response=response
        )


async def _async_set_schedule(call: ServiceCall) -> ServiceResponse:
    """Have chargers charge in a planner's windows, or in the backup's."""
    fields = _fields(call)
    request = _request(fields)
    chargers = _chargers(call.hass, fields)
    entries = [item.config_entry.entry_id for item in chargers.values()]
    await async_check_may_read(
        call, entries, *([request.tracker] if request.tracker else [])
    )
    if not request.dry_run:
        await async_check_may_control(call, entries)
    wish = await async_plan(call.hass, request)
    return await _async_each(
        call.hass,
        chargers,
        lambda coordinator: async_apply(coordinator, wish, request),
    )


async def _async_get_schedule(call: ServiceCall) -> ServiceResponse:
    """Return the active schedule."""

    async def answer(coordinator: HypervoltUpdateCoordinator) -> JsonObjectType:
        return _in_force(coordinator)

    fields = _fields(call)
    chargers = _chargers(call.hass, fields)
    await async_check_may_read(
        call, [item.config_entry.entry_id for item in chargers.values()]
    )
    return await _async_each(call.hass, chargers, answer)


async def _async_restore_schedule(call: ServiceCall) -> None:
    """Restore what was active before a planner's schedule."""
    fields = _fields(call)
    chargers = _chargers(call.hass, fields)
    await async_check_may_control(
        call, [item.config_entry.entry_id for item in chargers.values()]
    )
    await _async_each(call.hass, chargers, _async_restore)


async def _async_get_sessions(call: ServiceCall) -> ServiceResponse:
    """Return the finished sessions of a period, and what they add up to."""
    fields = _fields(call)
    start, end = fields.moment(ATTR_START), fields.moment(ATTR_END)
    if start is not None and end is not None and start >= end:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="end_before_start"
        )
    with_csv = fields.choice(ATTR_EXPORT, (CSV,)) is not None
    chargers = _chargers(call.hass, fields)
    await async_check_may_read(
        call, [item.config_entry.entry_id for item in chargers.values()]
    )

    async def answer(coordinator: HypervoltUpdateCoordinator) -> JsonObjectType:
        # Years of sessions would hold up the event loop.
        return await call.hass.async_add_executor_job(
            _export, coordinator.energy.sessions(start, end), with_csv
        )

    return await _async_each(call.hass, chargers, answer)


def _export(sessions: list[ChargeSession], with_csv: bool) -> JsonObjectType:
    response = as_json(sessions)
    if with_csv:
        response["csv"] = as_csv(sessions)
    return response


async def _async_each(
    hass: HomeAssistant,
    chargers: dict[str, HypervoltUpdateCoordinator],
    action: OnCharger,
) -> ServiceResponse:
    """Act on all chargers at once, and return what came of it.

    One that fails does not affect the others; the call then ends in an error that names
    it, or in its own error where there is no other charger.
    """

    async def attempt(
        coordinator: HypervoltUpdateCoordinator,
    ) -> JsonObjectType | HomeAssistantError:
        try:
            return await action(coordinator)
        except HomeAssistantError as error:
            return error

    outcomes = await asyncio.gather(*map(attempt, chargers.values()))
    done: JsonObjectType = {}
    failures: dict[str, HomeAssistantError] = {}
    for (device, coordinator), outcome in zip(chargers.items(), outcomes, strict=True):
        if not isinstance(outcome, HomeAssistantError):
            done[device] = outcome
        elif len(chargers) == 1:
            raise outcome
        else:
            failures[coordinator.config_entry.title] = outcome
    if failures:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="not_every_charger",
            translation_placeholders={
                "failures": "; ".join(
                    f"{name}: {localized(hass, why)}" for name, why in failures.items()
                )
            },
        )
    return {"devices": done}


def _fields(call: ServiceCall) -> ActionFields:
    """Return the fields of a call, all of which its action has."""
    fields = ActionFields(data=call.data)
    fields.check_names([str(name) for name in SCHEMAS[call.service].schema])
    return fields


def _request(fields: ActionFields) -> PlanRequest:
    """Read the fields of `set_schedule`."""
    if ATTR_TRACKER in fields.data and ATTR_WINDOWS in fields.data:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="planner_and_windows"
        )
    tracker = fields.entity_id(ATTR_TRACKER)
    windows = fields.data.get(ATTR_WINDOWS, "")
    start = fields.clock_time(ATTR_BACKUP_START)
    end = fields.clock_time(ATTR_BACKUP_END)
    if (start is None) is not (end is None):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="backup_incomplete"
        )
    finished = fields.choice(ATTR_WHEN_FINISHED, (RESTORE, KEEP))
    # A planner plans for one night; the user's own windows may be for every week.
    finished = finished or (RESTORE if tracker else KEEP)
    return PlanRequest(
        tracker=tracker,
        # A text, also an empty one, is a failed plan; only a missing field is no plan.
        windows="" if windows is None else fields.data.get(ATTR_WINDOWS),
        attribute=fields.text(ATTR_ATTRIBUTE),
        backup=None if start is None or end is None else (start, end),
        append_backup=fields.flag(ATTR_APPEND_BACKUP),
        charge_mode=_charge_mode(fields),
        restore=finished == RESTORE,
        dry_run=fields.flag(ATTR_DRY_RUN),
    )


def _charge_mode(fields: ActionFields) -> str | None:
    """Return a charge mode by its key or by a label such as `Super Eco`."""
    name = fields.text(ATTR_CHARGE_MODE)
    if name is not None and (mode := charge_mode_named(name)) is not None:
        return str(mode)
    return fields.choice(ATTR_CHARGE_MODE, [str(mode) for mode in HypervoltChargeMode])


def _chargers(
    hass: HomeAssistant, fields: ActionFields
) -> dict[str, HypervoltUpdateCoordinator]:
    """Return the chargers of a call, by device; nothing is done if one is unknown."""
    return {
        device: _coordinator(hass, device) for device in fields.texts(ATTR_DEVICE_ID)
    }


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
