"""Whether the user who calls an action may do so: their entity permissions decide."""

from collections.abc import Iterable
from typing import Final

from homeassistant.auth.permissions.const import (
    CAT_ENTITIES,
    POLICY_CONTROL,
    POLICY_READ,
)
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er

# Platforms whose entities change something; the others only show it.
_CONTROLS: Final = frozenset(
    ("button", "light", "number", "select", "switch", "text", "time")
)


async def async_check_may_read(
    call: ServiceCall, entry_ids: Iterable[str], *entity_ids: str
) -> None:
    """Raise Unauthorized unless the caller may read chargers and other entities."""
    ids = [*_entities_of(call.hass, entry_ids), *entity_ids]
    await _async_check(call, POLICY_READ, ids)


async def async_check_may_control(call: ServiceCall, entry_ids: Iterable[str]) -> None:
    """Raise Unauthorized unless the caller may control chargers."""
    ids = [
        entity_id
        for entity_id in _entities_of(call.hass, entry_ids)
        if entity_id.partition(".")[0] in _CONTROLS
    ]
    await _async_check(call, POLICY_CONTROL, ids)


def _entities_of(hass: HomeAssistant, entry_ids: Iterable[str]) -> list[str]:
    """Return the entities of chargers, also disabled ones."""
    registry = er.async_get(hass)
    return [
        entity.entity_id
        for entry_id in entry_ids
        for entity in er.async_entries_for_config_entry(registry, entry_id)
    ]


async def _async_check(
    call: ServiceCall, policy: str, entity_ids: Iterable[str]
) -> None:
    """Check as Home Assistant's own actions do; without a user all is allowed."""
    user_id = call.context.user_id
    if user_id is None:
        return
    user = await call.hass.auth.async_get_user(user_id)
    if user is None:
        raise UnknownUser(
            context=call.context, permission=policy, perm_category=CAT_ENTITIES
        )
    for entity_id in entity_ids:
        if not user.permissions.check_entity(entity_id, policy):
            raise Unauthorized(
                context=call.context,
                entity_id=entity_id,
                permission=policy,
                perm_category=CAT_ENTITIES,
            )
