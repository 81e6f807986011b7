"""Ends what is reported under Repairs of an entry.

The id of each of its issues ends in its own id.
"""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


@callback
def async_withdraw_issue(hass: HomeAssistant, issue_id: str) -> None:
    """Delete an issue that may come back, unless somebody chose to ignore it.

    Home Assistant keeps that choice with the issue: it would be forgotten.
    """
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if issue is not None and issue.dismissed_version is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_delete_entry_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete all issues of an entry, ignored ones as well."""
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.endswith(f"_{entry_id}"):
            ir.async_delete_issue(hass, DOMAIN, issue_id)
