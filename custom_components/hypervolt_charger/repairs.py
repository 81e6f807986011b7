"""Flows that put right what is told under Repairs."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Final, override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import UnknownHandler
from homeassistant.exceptions import HomeAssistantError
import voluptuous as vol

from .const import CONF_API_VERSION_OVERRIDE, DOMAIN, ISSUE_ENTRY, ISSUE_KIND
from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .exceptions import localized
from .hypervolt.device_state import HypervoltActivationMode
from .issues import never_charges
from .storage import DATA_SET_ASIDE


class HypervoltRepairFlow(RepairsFlow):
    """Asks whether to put something right, and does it."""

    def __init__(self, entry: HypervoltConfigEntry) -> None:
        """Take the entry whose issue it is."""
        self._entry = entry

    @abstractmethod
    async def async_fix(self) -> None:
        """Put it right; raises HomeAssistantError if that failed."""

    async def async_step_init(
        self, _user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, and then do it; what failed can be tried again."""
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            if self._entry.state is not ConfigEntryState.LOADED:
                return self.async_abort(reason="not_loaded")
            try:
                await self.async_fix()
            except HomeAssistantError as error:
                errors = {"base": "failed"}
                reason = localized(self.hass, error)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            description_placeholders={
                "charger": self._entry.title,
                "reason": reason,
            },
            errors=errors,
        )


class ScheduleEmptyFlow(HypervoltRepairFlow):
    """Has the charger charge whenever a car is plugged in."""

    @override
    async def async_fix(self) -> None:
        """Switch to Plug and Charge, if the schedule is still empty by now."""
        coordinator = self._entry.runtime_data
        await coordinator.async_command(
            coordinator.planned.async_by_user(
                lambda: _leave_empty_schedule(coordinator)
            )
        )


async def _leave_empty_schedule(coordinator: HypervoltUpdateCoordinator) -> None:
    if never_charges(await coordinator.client.read_schedule()):
        await coordinator.client.set_activation_mode(
            HypervoltActivationMode.PLUG_AND_CHARGE
        )


class ScheduleNotRestoredFlow(HypervoltRepairFlow):
    """Restores the user's own schedule, which the charger has refused so far."""

    @override
    async def async_fix(self) -> None:
        """Restore it, unless the schedule was changed meanwhile."""
        coordinator = self._entry.runtime_data
        await coordinator.async_command(coordinator.planned.async_restore())


class ApiWrongFlow(HypervoltRepairFlow):
    """Lets the charger tell by itself how it is spoken to."""

    @override
    async def async_fix(self) -> None:
        """Set the option back to automatic."""
        manager, options = self.hass.config_entries, self._entry.options
        manager.async_update_entry(
            self._entry, options={**options, CONF_API_VERSION_OVERRIDE: "auto"}
        )
        manager.async_schedule_reload(self._entry.entry_id)


_FLOWS: Final[dict[str, Callable[[HypervoltConfigEntry], HypervoltRepairFlow]]] = {
    "schedule_empty": ScheduleEmptyFlow,
    "schedule_not_restored": ScheduleNotRestoredFlow,
    "api_wrong": ApiWrongFlow,
}


async def async_create_fix_flow(
    hass: HomeAssistant,
    _issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow for an issue."""
    data = data or {}
    entry = hass.config_entries.async_get_entry(str(data.get(ISSUE_ENTRY)))
    if entry is None or entry.domain != DOMAIN:
        raise UnknownHandler(DOMAIN)
    if data[ISSUE_KIND] == DATA_SET_ASIDE:
        return ConfirmRepairFlow()
    return _FLOWS[str(data[ISSUE_KIND])](entry)
