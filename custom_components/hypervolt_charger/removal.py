"""Restores the user's own schedule when an entry is deleted or disabled in a plan."""

import asyncio
from datetime import timedelta
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from homeassistant.util.ssl import get_default_context

from .account import async_get_account
from .const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_RESOLVED_API_VERSION,
    DOMAIN,
)
from .hypervolt.charger import parse_variant, short_id
from .hypervolt.client import HypervoltApiClient
from .hypervolt.errors import HypervoltError
from .hypervolt.schedule import Schedule, format_days
from .planned_schedule import PlannedSchedule, Takeover, store_of

_LOGGER = logging.getLogger(__name__)

# Deleting and disabling an entry wait for it, and so does the person.
LIMIT: Final = timedelta(seconds=30)


async def async_restore_on_removal(
    hass: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Restore what a planner overrides, or report what the user's own schedule was.

    The entry is unloaded by then: this needs a connection of its own.
    """
    stored = await store_of(hass, entry.entry_id).async_load()
    takeover = stored.takeover if stored else None
    if takeover is None or not takeover.ours:
        return
    account = await async_get_account(
        hass, entry.data[CONF_USERNAME], entry.data[CONF_PASSWORD]
    )
    client = HypervoltApiClient(
        account,
        entry.data[CONF_CHARGER_ID],
        listener=lambda: None,
        ssl_context=get_default_context(),
        zone=dt_util.get_default_time_zone,
        remembered_variant=parse_variant(entry.data.get(CONF_RESOLVED_API_VERSION)),
        forced_variant=parse_variant(entry.options.get(CONF_API_VERSION_OVERRIDE)),
    )
    try:
        async with asyncio.timeout(LIMIT.total_seconds()):
            await client.start()
            active = await client.read_schedule()
            if takeover.overrides(active):
                await client.put_back_schedule(takeover.to_restore(active))
    except (TimeoutError, HypervoltError) as error:
        _LOGGER.warning(
            "%s: the schedule of the user could not be restored: %r", entry.title, error
        )
        _report(hass, entry, takeover)
    finally:
        await client.stop()


async def async_restore_on_disabling(planned: PlannedSchedule) -> None:
    """Restore what a planner overrides; if that fails, the next run does it."""
    try:
        async with asyncio.timeout(LIMIT.total_seconds()):
            await planned.async_restore()
    except (TimeoutError, HypervoltError) as error:
        _LOGGER.warning("The schedule of the user could not be restored: %r", error)


@callback
def _report(hass: HomeAssistant, entry: ConfigEntry[Any], takeover: Takeover) -> None:
    """Report it for good: nothing is left that could restore it."""
    former = takeover.former
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"schedule_left_{short_id(entry.data[CONF_CHARGER_ID])}",
        is_fixable=False,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="schedule_left" if former.enabled else "plug_and_charge_left",
        translation_placeholders={
            "charger": entry.title,
            "planned": _listed(takeover.ours[-1]),
            "own": _listed(former),
        },
    )


def _listed(schedule: Schedule) -> str:
    """Return the times of a schedule as a list."""
    lines = [
        f"- {item.start} - {item.end} ({format_days(item.days)}, {item.mode})"
        for item in schedule.sessions
    ]
    return "\n".join(lines) or "-"
