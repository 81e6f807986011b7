"""What the platforms' tests share: acting as a person, and what came of it."""

from datetime import datetime
from math import nan

from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest

from tests.conftest import Rig

SLOTS = range(1, 7)


def keys(rig: Rig, platform: str) -> set[str]:
    """Return the last parts of the unique ids of a platform's entities."""
    entries = er.async_entries_for_config_entry(
        er.async_get(rig.hass), rig.entry.entry_id
    )
    prefix = f"{rig.charger.charger_id}_"
    unique_ids = [entry.unique_id for entry in entries if entry.domain == platform]
    assert all(unique_id.startswith(prefix) for unique_id in unique_ids)
    return {unique_id.removeprefix(prefix) for unique_id in unique_ids}


def entity(rig: Rig, platform: str, key: str) -> State:
    """Return an entity's state with its attributes."""
    state = rig.hass.states.get(rig.entity_id(platform, key))
    assert state
    return state


def number(rig: Rig, key: str) -> float:
    """Return a sensor's number, none while it is not known."""
    state = rig.state("sensor", key)
    return nan if state in (STATE_UNKNOWN, STATE_UNAVAILABLE) else float(state)


async def act(rig: Rig, platform: str, action: str, key: str, **data: object) -> None:
    """Perform an entity action as an automation does."""
    target = {ATTR_ENTITY_ID: rig.entity_id(platform, key)}
    await rig.hass.services.async_call(
        platform, action, {**target, **data}, blocking=True
    )


async def act_in_vain(
    rig: Rig, platform: str, action: str, key: str, **data: object
) -> HomeAssistantError:
    """Perform an entity action that fails; its entity jumps back. Return the error."""
    before = entity(rig, platform, key)
    written: datetime = before.last_reported
    with pytest.raises(HomeAssistantError) as caught:
        await act(rig, platform, action, key, **data)
    after = entity(rig, platform, key)
    assert after.last_reported > written, "the state was not written again"
    assert (after.state, after.attributes) == (before.state, before.attributes)
    return caught.value


async def enable(rig: Rig, platform: str, *disabled: str) -> None:
    """Enable entities that are not by default."""
    registry = er.async_get(rig.hass)
    for key in disabled:
        registry.async_update_entity(rig.entity_id(platform, key), disabled_by=None)
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
