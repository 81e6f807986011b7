"""Follows a planner without an automation: the option of an entry.

It looks when the planner changes and every few minutes, and applies what it finds as the
action would. Who changes the schedule by hand has the last word until the next plug-in.
"""

import asyncio
from datetime import datetime, time, timedelta
import logging
from typing import Any, Final

from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_point_in_utc_time,
    async_track_state_change_event,
    async_track_time_interval,
)
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from .const import (
    CONF_PLANNER,
    CONF_PLANNER_BACKUP_END,
    CONF_PLANNER_BACKUP_START,
    CONF_PLANNER_CHARGE_MODE,
    DOMAIN,
)
from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entry_issues import async_withdraw_issue
from .hypervolt.charger import ApiVariant
from .hypervolt.permission import is_plugged
from .hypervolt.plan import PlanError, PlanProblem, clean
from .hypervolt.schedule import Schedule, ScheduleType, same_schedule
from .planner import PlanRequest, Wish, async_apply, async_plan, async_wish_of

_LOGGER = logging.getLogger(__name__)

# The least time between two writes, and the longest between two looks.
PAUSE: Final = timedelta(minutes=1)
LOOK_EVERY: Final = timedelta(minutes=5)
# How long a hand-made schedule stands on chargers that tell of no plug.
WITHOUT_PLUG: Final = timedelta(days=1)

# No plan, and none to come: a planner that is merely done with its plan is not one.
_BACKUP_FOR: Final = (
    PlanProblem.NOT_EVALUATED,
    PlanProblem.INCOMPLETE,
    PlanProblem.EMPTY,
    PlanProblem.NO_WINDOWS_ATTRIBUTE,
    PlanProblem.NO_DATES,
)


@callback
def async_follow_planner(hass: HomeAssistant, entry: HypervoltConfigEntry) -> None:
    """Follow the planner of an entry's options, if there is one."""
    planner: str | None = entry.options.get(CONF_PLANNER)
    if planner is None:
        async_delete_planner_issues(hass, entry.entry_id)
        return
    PlanFollower(hass, entry, planner).async_start()


@callback
def async_delete_planner_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Take back what was said about a planner."""
    for problem in ("gone", "prices", "own"):
        ir.async_delete_issue(hass, DOMAIN, f"planner_{problem}_{entry_id}")


def _request_of(options: Any, planner: str) -> PlanRequest:
    """Return what the action would be called with."""
    start = options.get(CONF_PLANNER_BACKUP_START)
    end = options.get(CONF_PLANNER_BACKUP_END)
    backup = (time.fromisoformat(start), time.fromisoformat(end)) if start else None
    return PlanRequest(
        tracker=planner,
        backup=backup,
        charge_mode=options.get(CONF_PLANNER_CHARGE_MODE),
    )


class PlanFollower:
    """Keeps a charger's schedule like a planner's."""

    def __init__(
        self, hass: HomeAssistant, entry: HypervoltConfigEntry, planner: str
    ) -> None:
        """Prepare; `async_start` begins once Home Assistant runs."""
        self._hass = hass
        self._entry = entry
        self._planner = planner
        self._coordinator: HypervoltUpdateCoordinator = entry.runtime_data
        self._request = _request_of(entry.options, planner)
        self._applied: tuple[Wish, Schedule | None] | None = None
        self._schedule = self._coordinator.data.schedule
        self._plugged = self._coordinator.remembered_plug
        self._not_before = dt_util.utcnow()
        self._cancel_look: CALLBACK_TYPE | None = None
        self._complaint: str | None = None
        self._turn = asyncio.Lock()

    @callback
    def async_start(self) -> None:
        """Begin when the planners of other integrations have been set up, too."""
        self._entry.async_on_unload(async_at_started(self._hass, self._begin))
        self._entry.async_on_unload(self._stop)

    @callback
    def _begin(self, _hass: HomeAssistant) -> None:
        for unsubscribe in (
            async_track_state_change_event(
                self._hass, self._planner, self._planner_changed
            ),
            async_track_entity_registry_updated_event(
                self._hass, self._planner, self._planner_registry_updated
            ),
            # Calendars and weekly schedules change without a word, and times pass.
            async_track_time_interval(
                self._hass, self._look_again, LOOK_EVERY, cancel_on_shutdown=True
            ),
            self._coordinator.async_add_listener(self._charger_changed),
        ):
            self._entry.async_on_unload(unsubscribe)
        # A car may have been plugged in while Home Assistant was starting.
        self._charger_changed()
        self._look_soon()

    @callback
    def _stop(self) -> None:
        if self._cancel_look is not None:
            self._cancel_look()
            self._cancel_look = None

    # When to look

    @callback
    def _planner_changed(self, _event: Event[EventStateChangedData]) -> None:
        self._look_soon()

    @callback
    def _planner_registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Follow a planner that is renamed, from a reload on."""
        data = event.data
        if data["action"] != "update" or "entity_id" not in data["changes"]:
            return
        entries = self._hass.config_entries
        entries.async_update_entry(
            self._entry,
            options={**self._entry.options, CONF_PLANNER: data["entity_id"]},
        )
        entries.async_schedule_reload(self._entry.entry_id)

    @callback
    def _look_again(self, _now: datetime) -> None:
        self._look_soon()

    @callback
    def _look_soon(self) -> None:
        """Look at once, or when the pause after the last write is over."""
        if self._cancel_look is None:
            due = max(self._not_before, dt_util.utcnow())
            self._cancel_look = async_track_point_in_utc_time(
                self._hass, self._look, due
            )

    @callback
    def _look(self, _now: datetime) -> None:
        self._cancel_look = None
        self._entry.async_create_background_task(
            self._hass, self._follow(), f"{self._entry.title} planner"
        )

    # Who has the last word

    @callback
    def _charger_changed(self) -> None:
        """Let go of a schedule changed by hand, and take up again with the next car."""
        data = self._coordinator.data
        before, self._schedule = self._schedule, data.schedule
        before_plugged, self._plugged = self._plugged, is_plugged(data)
        if self._is_by_hand(before, data.schedule):
            self._let_go(dt_util.utcnow())
        if self._plugged and before_plugged is False:
            self._let_go(None)
            self._look_soon()

    def _is_by_hand(self, before: Schedule | None, after: Schedule | None) -> bool:
        """Whether a person, or their other program, made this change."""
        if before is None or after is None or same_schedule(before, after):
            return False
        if ScheduleType.OCTOPUS in (before.type, after.type):
            return False
        return not self._coordinator.planned.is_ours(after)

    @callback
    def _let_go(self, since: datetime | None) -> None:
        planned = self._coordinator.planned
        if (planned.let_go_since is None) is (since is None):
            return
        if since is not None:
            _LOGGER.info(
                "%s: the schedule was changed by hand, %s is not followed until the"
                " next plug-in",
                self._coordinator.name,
                self._planner,
            )
        self._entry.async_create_background_task(
            self._hass, planned.async_let_go(since), f"{self._entry.title} let go"
        )

    def _has_let_go(self) -> bool:
        since = self._coordinator.planned.let_go_since
        if since is None:
            return False
        reports_plug = self._coordinator.client.variant is not ApiVariant.V2
        if reports_plug or dt_util.utcnow() < since + WITHOUT_PLUG:
            return True
        self._let_go(None)
        return False

    # What to do

    async def _follow(self) -> None:
        """Look once; a look takes its turn, for a charger may be slow to answer."""
        async with self._turn:
            if not self._has_let_go():
                await self._apply_plan()

    async def _apply_plan(self) -> None:
        """Apply the plan, if there is a new one and nobody minds."""
        try:
            wish = await self._wish()
            if wish is None or self._is_applied(wish):
                return
            # Whatever comes of it: the cloud is not asked again so soon.
            self._not_before = dt_util.utcnow() + PAUSE
            coordinator = self._coordinator
            schedule = await coordinator.async_command(
                coordinator.client.read_schedule()
            )
            planned = coordinator.planned
            if planned.former is not None and self._is_by_hand(
                planned.former, schedule
            ):
                # Changed while nobody here was looking.
                self._let_go(dt_util.utcnow())
            if self._has_let_go():
                return
            await async_apply(coordinator, wish, self._request)
        except HomeAssistantError as error:
            self._complain(str(error))
            return
        self._complaint = None
        self._applied = wish, self._coordinator.data.schedule

    def _complain(self, complaint: str) -> None:
        """Say what is wrong, once."""
        if complaint != self._complaint:
            self._complaint = complaint
            _LOGGER.warning(
                "%s does not follow %s: %s",
                self._coordinator.name,
                self._planner,
                complaint,
            )

    def _is_applied(self, wish: Wish) -> bool:
        """Whether the charger got this before: that time passes is no change."""
        if self._applied is None:
            return False
        applied, schedule = self._applied
        now = dt_util.utcnow()
        return same_schedule(schedule, self._coordinator.data.schedule) and clean(
            applied.windows, now=now
        ) == clean(wish.windows, now=now)

    async def _wish(self) -> Wish | None:
        """Return the planner's wish, or the backup; None to leave things as they are."""
        try:
            wish = await async_wish_of(self._hass, self._request)
        except PlanError as error:
            self._report(error)
            return await self._backup(error)
        self._report(None)
        return wish

    async def _backup(self, error: PlanError) -> Wish | None:
        """Return the backup if there is no plan, neither from now nor from before."""
        if (
            error.reason not in _BACKUP_FOR
            or self._request.backup is None
            or self._coordinator.planned.restore_at is not None
        ):
            return None
        return await async_plan(self._hass, PlanRequest(backup=self._request.backup))

    @callback
    def _report(self, error: PlanError | None) -> None:
        """Raise an issue about what only a person can put right, or take it back."""
        self._set_issue(
            f"planner_gone_{self._entry.entry_id}",
            there=self._hass.states.get(self._planner) is None,
            translation_key="planner_gone",
        )
        self._set_issue(
            f"planner_prices_{self._entry.entry_id}",
            there=error is not None and error.reason is PlanProblem.PRICE_LIST,
            translation_key="planner_prices",
        )
        self._set_issue(
            f"planner_own_{self._entry.entry_id}",
            there=error is not None and error.reason is PlanProblem.OWN_ENTITY,
            translation_key="planner_own",
        )

    @callback
    def _set_issue(self, issue_id: str, *, there: bool, translation_key: str) -> None:
        if not there:
            async_withdraw_issue(self._hass, issue_id)
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=translation_key,
            translation_placeholders={
                "charger": self._entry.title,
                "planner": self._planner,
            },
        )
