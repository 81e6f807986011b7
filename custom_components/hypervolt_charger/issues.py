"""What is reported under Repairs while it lasts, and can be fixed there.

Issues that belong to one task live with it: Octopus in `planner.py`, a planner that is
gone in `follow.py`, a charger that is gone in `coordinator.py`, files that can't be
written or read in `storage.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
import time
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_API_VERSION_OVERRIDE, DOMAIN, ISSUE_ENTRY, ISSUE_KIND
from .coordinator import HypervoltUpdateCoordinator
from .entry_issues import async_withdraw_issue
from .hypervolt.device_state import HypervoltActivationMode
from .hypervolt.schedule import Schedule
from .storage import async_delete_storage_issue, async_watch_storage

# Planners that switch between Plug and Charge and an empty schedule, as Predbat does,
# leave it empty until their next slot.
EMPTY_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class IssueDescription:
    """Describes an issue; `there_fn` returns None while nobody can tell.

    It is raised only once it has lasted for what `lasts_fn` returns.
    """

    translation_key: str
    severity: ir.IssueSeverity
    there_fn: Callable[[HypervoltUpdateCoordinator], bool | None]
    lasts_fn: Callable[[], timedelta] = timedelta


def never_charges(schedule: Schedule) -> bool:
    """Whether a schedule keeps the car from ever being charged."""
    return schedule.enabled and schedule.is_empty


def _schedule_is_empty(coordinator: HypervoltUpdateCoordinator) -> bool | None:
    state = coordinator.data
    if state.schedule is None:
        return None
    # Octopus plans anew every day: there it is empty for hours.
    by_itself = state.activation_mode is HypervoltActivationMode.OCTOPUS
    return never_charges(state.schedule) and not by_itself


def _api_is_wrong(coordinator: HypervoltUpdateCoordinator) -> bool | None:
    options, client = coordinator.config_entry.options, coordinator.client
    if options.get(CONF_API_VERSION_OVERRIDE, "auto") == "auto":
        return False
    told = client.told_variant
    return None if told is None else told is not client.variant


DESCRIPTIONS: Final = (
    IssueDescription(
        translation_key="schedule_empty",
        severity=ir.IssueSeverity.WARNING,
        there_fn=_schedule_is_empty,
        lasts_fn=lambda: EMPTY_FOR,
    ),
    IssueDescription(
        translation_key="schedule_not_restored",
        severity=ir.IssueSeverity.ERROR,
        there_fn=lambda coordinator: coordinator.planned.restore_failing,
    ),
    IssueDescription(
        translation_key="api_wrong",
        severity=ir.IssueSeverity.WARNING,
        there_fn=_api_is_wrong,
    ),
)


@callback
def async_watch_issues(coordinator: HypervoltUpdateCoordinator) -> None:
    """Raise issues when they arise, and take them back when they are over."""
    hass, entry = coordinator.hass, coordinator.config_entry
    there_since: dict[str, float] = {}

    @callback
    def look() -> None:
        now = time.monotonic()
        for description in DESCRIPTIONS:
            there = description.there_fn(coordinator)
            if not there:
                there_since.pop(description.translation_key, None)
            else:
                since = there_since.setdefault(description.translation_key, now)
                if now - since < description.lasts_fn().total_seconds():
                    continue
            _set_issue(coordinator, description, there=there)

    @callback
    def leave() -> None:
        # Over a reload they stay, and with them that somebody chose to ignore one.
        if entry.disabled_by:
            async_delete_issues(hass, entry.entry_id)

    look()
    entry.async_on_unload(coordinator.async_add_listener(look))
    async_watch_storage(hass, entry)
    entry.async_on_unload(leave)


@callback
def async_delete_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Take back what was said of an entry."""
    for description in DESCRIPTIONS:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(description, entry_id))
    async_delete_storage_issue(hass, entry_id)


def _set_issue(
    coordinator: HypervoltUpdateCoordinator,
    description: IssueDescription,
    *,
    there: bool | None,
) -> None:
    entry = coordinator.config_entry
    issue_id = _issue_id(description, entry.entry_id)
    if there is False:
        async_withdraw_issue(coordinator.hass, issue_id)
    elif there:
        ir.async_create_issue(
            coordinator.hass,
            DOMAIN,
            issue_id,
            data={ISSUE_ENTRY: entry.entry_id, ISSUE_KIND: description.translation_key},
            is_fixable=True,
            severity=description.severity,
            translation_key=description.translation_key,
            translation_placeholders={"charger": entry.title},
        )


def _issue_id(description: IssueDescription, entry_id: str) -> str:
    return f"{description.translation_key}_{entry_id}"
