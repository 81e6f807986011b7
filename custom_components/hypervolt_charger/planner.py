"""From a planner's data to a charger's schedule, and what people are told of it.

What the data means is the library's business (`hypervolt/plan.py`). Here is where it
comes from in Home Assistant, what serves instead of it, and how it is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import partial
import logging
from typing import Any, Final

from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType

from .const import DOMAIN, MAX_SCHEDULE_SESSIONS
from .coordinator import HypervoltUpdateCoordinator
from .entry_issues import async_withdraw_issue
from .exceptions import translated
from .hypervolt.charger import ApiVariant
from .hypervolt.device_state import (
    FEATURE_BATTERY_SAFE,
    HypervoltActivationMode,
    HypervoltChargeMode,
)
from .hypervolt.errors import Cause, InvalidSchedule
from .hypervolt.plan import (
    Dropped,
    Plan,
    PlanError,
    PlanProblem,
    Window,
    backup_window,
    clean,
    keep_running,
    read_plan,
    to_daily_intervals,
    to_sessions,
)
from .hypervolt.schedule import (
    Schedule,
    ScheduleSession,
    next_occurrence,
    same_schedule,
)

_LOGGER = logging.getLogger(__name__)

# Domains of entities that may hold a plan.
PLANNERS: Final = ("binary_sensor", "calendar", "schedule", "sensor", "switch")

# A week less a day: an event of that day next week could be mistaken for today's.
_CALENDAR_AHEAD: Final = timedelta(days=6)
_ALMOST_A_MINUTE: Final = timedelta(seconds=59, microseconds=999_999)
_DAY: Final = timedelta(days=1)

# Mistakes that stay: no backup should hide them.
_MISTAKES: Final = (
    PlanProblem.PRICE_LIST,
    PlanProblem.NOT_UNDERSTOOD,
    PlanProblem.OWN_ENTITY,
)


class Source(StrEnum):
    """Where windows come from."""

    TRACKER = "tracker"
    WINDOWS = "windows"
    BACKUP = "backup"


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """What a person asks for: a planner or windows, a backup, and how to write them.

    `windows` is anything `read_plan` takes, None for none. Without a `charge_mode` the
    car charges in Boost.
    """

    tracker: str | None = None
    windows: object = None
    attribute: str | None = None
    backup: tuple[time, time] | None = None
    append_backup: bool = False
    charge_mode: str | None = None
    restore: bool = True
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Windows to charge in, whose they are, and what was left out of them.

    `reason` says why it is the backup; `backup` serves a charger that can't carry out
    the windows.
    """

    windows: tuple[Window, ...]
    source: Source
    dropped: tuple[Dropped, ...] = ()
    reason: str | None = None
    backup: Window | None = None


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Windows as a charger can carry them out."""

    sessions: tuple[ScheduleSession, ...]
    windows: tuple[Window, ...]
    gaps_closed: tuple[Window, ...] = ()
    left_out: tuple[Window, ...] = ()
    reason: str | None = field(default=None)

    @property
    def until(self) -> datetime:
        """When the last window ends, in whole minutes as chargers have them."""
        end = max(window.end for window in self.windows)
        return (end + _ALMOST_A_MINUTE).replace(second=0, microsecond=0)


# Reading --------------------------------------------------------------------------


async def async_plan(hass: HomeAssistant, request: PlanRequest) -> Wish:
    """Return what to charge in; raises ServiceValidationError if that is nothing.

    What is no plan, or has no window left, is replaced by the backup. What is a mistake
    in the automation is an error all the same: the night is no time to find out.
    """
    backup = _backup(request.backup)
    if request.tracker is None and request.windows is None:
        if backup is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="plan_missing"
            )
        return Wish(windows=(backup,), source=Source.BACKUP)
    try:
        return await async_wish_of(hass, request)
    except PlanError as error:
        if backup is None or error.reason in _MISTAKES:
            _LOGGER.debug("No plan: %s", error)
            raise no_plan(error, request.tracker or "windows") from error
        return Wish(
            windows=(backup,), source=Source.BACKUP, reason=_about(request, error)
        )


async def async_wish_of(hass: HomeAssistant, request: PlanRequest) -> Wish:
    """Return what a planner wants, with the backup if it is to be added.

    Raises PlanError for whatever is no plan, ServiceValidationError for a backup that
    is none.
    """
    backup = _backup(request.backup)
    plan = await async_read(hass, request)
    windows = plan.windows
    if backup is not None and request.append_backup:
        windows = clean((*windows, backup), now=dt_util.utcnow())
    return Wish(
        windows=windows,
        source=Source.WINDOWS if request.tracker is None else Source.TRACKER,
        dropped=plan.dropped,
        backup=backup,
    )


async def async_read(hass: HomeAssistant, request: PlanRequest) -> Plan:
    """Read a planner's windows; raises PlanError for whatever is no plan."""
    value = request.windows
    if request.tracker is not None:
        value = await _async_data_of(hass, request.tracker)
    # Thousands of rows would hold up the event loop.
    return await hass.async_add_executor_job(
        partial(
            read_plan,
            value,
            attribute=request.attribute,
            now=dt_util.utcnow(),
            local_zone=dt_util.get_default_time_zone(),
        )
    )


@callback
def async_is_own(hass: HomeAssistant, entity_id: str) -> bool:
    """Whether an entity is of this integration: what it shows is not a plan for it."""
    entity = er.async_get(hass).async_get(entity_id)
    return entity is not None and entity.platform == DOMAIN


async def _async_data_of(hass: HomeAssistant, entity_id: str) -> object:
    """Return what may hold a plan: attributes, a calendar's events, a weekly schedule."""
    if async_is_own(hass, entity_id):
        raise PlanError(PlanProblem.OWN_ENTITY, "the entity is the charger's own")
    state = hass.states.get(entity_id)
    if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        raise PlanError(
            PlanProblem.NOT_EVALUATED, "the entity is missing or unavailable"
        )
    now = dt_util.utcnow()
    match state.domain:
        case "calendar":
            return await _async_ask(
                hass,
                entity_id,
                "get_events",
                {
                    "start_date_time": now.isoformat(),
                    "end_date_time": (now + _CALENDAR_AHEAD).isoformat(),
                },
            )
        case "schedule":
            return await _async_ask(hass, entity_id, "get_schedule", {})
    return state.attributes


async def _async_ask(
    hass: HomeAssistant, entity_id: str, action: str, data: dict[str, str]
) -> object:
    """Return what an entity answers to an action of its own domain.

    Not in the caller's name: that would take a permission to control the entity.
    """
    domain = entity_id.partition(".")[0]
    try:
        response = await hass.services.async_call(
            domain,
            action,
            {ATTR_ENTITY_ID: entity_id, **data},
            blocking=True,
            return_response=True,
        )
    except HomeAssistantError as error:
        raise PlanError(PlanProblem.NOT_EVALUATED, str(error)) from error
    return (response or {}).get(entity_id)


def _backup(times: tuple[time, time] | None) -> Window | None:
    if times is None:
        return None
    try:
        return backup_window(
            *times, now=dt_util.utcnow(), zone=dt_util.get_default_time_zone()
        )
    except InvalidSchedule as error:
        raise translated(error) from error


def _about(request: PlanRequest, error: PlanError) -> str:
    """Say what is wrong, and with what."""
    text = f"{error}."
    return f"{request.tracker}: {text}" if request.tracker else text


def no_plan(error: PlanError, planner: str) -> ServiceValidationError:
    """Return the error that names what holds no plan, why, and what may help."""
    # A hint says what is wrong as well, except with prices.
    reason = error.hint or error.reason
    if error.reason is PlanProblem.PRICE_LIST:
        reason = error.reason
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=f"no_plan_{reason}",
        translation_placeholders={"planner": planner},
    )


# Writing --------------------------------------------------------------------------


async def async_apply(
    coordinator: HypervoltUpdateCoordinator, wish: Wish, request: PlanRequest
) -> JsonObjectType:
    """Have a charger charge as wished, and return what that came to.

    Raises a translated error if it can't, or did not take it.
    """
    return await coordinator.async_command(_async_apply(coordinator, wish, request))


async def _async_apply(
    coordinator: HypervoltUpdateCoordinator, wish: Wish, request: PlanRequest
) -> JsonObjectType:
    # What is compared must still be active when it is written.
    async with coordinator.planned.turn():
        return await _async_apply_in_turn(coordinator, wish, request)


async def _async_apply_in_turn(
    coordinator: HypervoltUpdateCoordinator, wish: Wish, request: PlanRequest
) -> JsonObjectType:
    in_force = await coordinator.client.read_schedule()
    _refuse_octopus(coordinator)
    mode = _charge_mode(coordinator, request.charge_mode)
    # The charger's own zone, else Home Assistant's.
    zone = await _async_zone(in_force.time_zone)
    zone_name = in_force.time_zone if zone else coordinator.hass.config.time_zone
    zone = zone or dt_util.get_default_time_zone()
    fitted, source = await coordinator.hass.async_add_executor_job(
        partial(_fit_or_backup, coordinator, wish, in_force, mode=mode, zone=zone)
    )
    wanted = Schedule(
        enabled=True,
        sessions=fitted.sessions,
        # Times of day mean nothing without the zone they were reckoned in.
        time_zone=zone_name,
    )
    differs = not same_schedule(wanted, in_force)
    if not request.dry_run:
        await coordinator.planned.async_write(
            wanted, in_force=in_force, until=fitted.until if request.restore else None
        )
    restore_at = coordinator.planned.restore_at
    return {
        "source": source,
        "reason": fitted.reason or wish.reason,
        "charge_mode": mode,
        "windows": told(fitted.windows),
        "dropped": [
            {"what": item.what, "reason": str(item.reason)} for item in wish.dropped
        ],
        "gaps_closed": told(fitted.gaps_closed),
        "left_out": told(fitted.left_out),
        "written": differs and not request.dry_run,
        "restore_at": local(restore_at) if restore_at else None,
    }


def _fit_or_backup(
    coordinator: HypervoltUpdateCoordinator,
    wish: Wish,
    in_force: Schedule,
    *,
    mode: str,
    zone: tzinfo,
) -> tuple[Fitted, Source]:
    """Fit the windows, or the backup where none of them fits."""
    fitted = _fit(coordinator, wish.windows, in_force, mode=mode, zone=zone)
    if fitted.sessions:
        return fitted, wish.source
    reason = (
        "all windows are more than a day ahead,"
        " and this charger repeats its schedule every day"
    )
    if wish.backup is None:
        raise InvalidSchedule(Cause.NOTHING_WITHIN_A_DAY)
    fitted = _fit(coordinator, (wish.backup,), in_force, mode=mode, zone=zone)
    return replace(fitted, reason=reason), Source.BACKUP


def _fit(
    coordinator: HypervoltUpdateCoordinator,
    windows: Iterable[Window],
    in_force: Schedule,
    *,
    mode: str,
    zone: tzinfo,
) -> Fitted:
    """Make sessions of windows, as like to what is running now as they allow."""
    now = dt_util.utcnow()
    running = _running(coordinator, in_force, mode=mode, zone=zone)
    planned = keep_running(clean(windows, now=now), running, now=now)
    since = min([now, *(window.start for window in planned)])
    if coordinator.client.variant is ApiVariant.V2:
        sessions, left_out = to_daily_intervals(planned, zone=zone, now=since)
        fitting = (
            Window(window.start, min(window.end, since + _DAY))
            for window in planned
            if window.start < since + _DAY
        )
        return Fitted(
            sessions=sessions, windows=clean(fitting, now=now), left_out=left_out
        )
    sessions, closed = to_sessions(
        planned, zone=zone, mode=mode, now=since, max_sessions=MAX_SCHEDULE_SESSIONS
    )
    return Fitted(
        sessions=sessions,
        windows=clean((*planned, *closed), now=now),
        gaps_closed=closed,
    )


def _running(
    coordinator: HypervoltUpdateCoordinator,
    in_force: Schedule,
    *,
    mode: str,
    zone: tzinfo,
) -> Window | None:
    """Return the window the charger is in, if it charges there as is wished."""
    now = dt_util.utcnow()
    found = next_occurrence(in_force, after=now, zone=zone)
    if found is None or found.start > now:
        return None
    modeless = coordinator.client.variant is ApiVariant.V2
    return Window(found.start, found.end) if modeless or found.mode == mode else None


async def _async_zone(name: str | None) -> tzinfo | None:
    """Return a zone by its name; None if there is none of that name."""
    if name is None:
        return None
    try:
        return await dt_util.async_get_time_zone(name)
    except ValueError:  # no name of anything
        return None


def _charge_mode(coordinator: HypervoltUpdateCoordinator, wished: str | None) -> str:
    """Return the mode of the windows; raises for one this charger would not obey."""
    state = coordinator.data
    if coordinator.client.variant is ApiVariant.V2:
        # There the mode is no part of the schedule.
        current = state.charge_mode or HypervoltChargeMode.BOOST
        refused = wished not in (None, current)
        mode = str(current)
    else:
        mode = wished or HypervoltChargeMode.BOOST
        refused = (
            mode == HypervoltChargeMode.SUPER_ECO_BATTERY_SAFE
            and FEATURE_BATTERY_SAFE not in state.features
        )
    if refused:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="charge_mode_not_possible",
        )
    return mode


# Octopus --------------------------------------------------------------------------


def _refuse_octopus(coordinator: HypervoltUpdateCoordinator) -> None:
    """Raise while Octopus is in control, and explain it where people look."""
    if coordinator.data.activation_mode is not HypervoltActivationMode.OCTOPUS:
        return
    entry = coordinator.config_entry
    ir.async_create_issue(
        coordinator.hass,
        DOMAIN,
        octopus_issue(entry.entry_id),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="octopus_controls",
        translation_placeholders={"charger": entry.title},
    )
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="octopus_in_control"
    )


def octopus_issue(entry_id: str) -> str:
    """Return the id of the issue that Octopus keeps planners out."""
    return f"octopus_controls_{entry_id}"


@callback
def async_watch_octopus(coordinator: HypervoltUpdateCoordinator) -> None:
    """Take the issue back once Octopus no longer controls the charger."""

    @callback
    def look() -> None:
        mode = coordinator.data.activation_mode
        if mode not in (None, HypervoltActivationMode.OCTOPUS):
            async_withdraw_issue(
                coordinator.hass, octopus_issue(coordinator.config_entry.entry_id)
            )

    look()
    coordinator.config_entry.async_on_unload(coordinator.async_add_listener(look))


# Telling --------------------------------------------------------------------------


def told(windows: Iterable[Window]) -> list[Any]:
    """Return windows in Home Assistant's own time, for people to read."""
    return [
        {"start": local(window.start), "end": local(window.end)} for window in windows
    ]


def local(moment: datetime) -> str:
    """Return a moment in Home Assistant's own time."""
    return dt_util.as_local(moment.astimezone(UTC)).isoformat()
