"""Entries of the older integration become ours; what nothing fills any more is told.

Their content is described in protocol.md 15. Entities keep their registry entries, and
with them ids, names, areas, history and statistics: only unique ids are rewritten.
"""

from collections.abc import Mapping
from typing import Final

from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)

from .const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_RESOLVED_API_VERSION,
    DEVICE_NAME,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
)
from .coordinator import HypervoltConfigEntry
from .hypervolt.charger import ApiVariant, Charger, parse_id, parse_variant

# Live data is watched over for everybody now.
_OBSOLETE_OPTION: Final = "enable_staleness_detection"

# The sensors whose unique ids had capitals; ours are the same in lower case.
_CAPITALISED: Final = frozenset(
    {
        "CT_Current",
        "CT_Power",
        "Charger_Current",
        "EV_Power",
        "Firmware_Version",
        "Generation_Power",
        "Grid_Power",
        "House_Power",
        "Session_Carbon_Saved",
        "Session_Energy",
        "Session_Energy_Total_Increasing",
        "Session_ID",
        "Session_Money_Spent",
        "Session_Power",
        "Voltage",
    }
)

# The sensors that are ours under another name; one was only proposed (protocol.md 15.6).
_RENAMED: Final[Mapping[str, str]] = {"lock_status": "lock_state"}

# The sensors that nothing fills any more, with what to use instead: money was reckoned
# at a fixed rate, session power was always zero.
_RETIRED: Final[Mapping[str, str | None]] = {
    "session_money_spent": None,
    "session_power": "ev_power",
    **_RENAMED,
}
# The V3 API tells neither (protocol.md 6.2). We fill them for a legacy V2, so that one
# of them may be ours.
_UNTOLD_BY_V3_API: Final[Mapping[str, str | None]] = {
    "ct_power": "grid_power",
    "session_id": None,
}
# Marks, in the options of a registry entry, what the older integration made.
_ADOPTED: Final = "adopted"


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Take over an entry of the older integration; doing it twice changes nothing."""
    if entry.version > ENTRY_VERSION:
        return False
    if entry.version == ENTRY_VERSION:
        # Of a later version that can be read by this one.
        return True
    data, options = {**entry.data}, {**entry.options}
    options.pop(_OBSOLETE_OPTION, None)
    # A person's choice, and what was found: both have been stored in either place.
    chosen = options.pop(
        CONF_API_VERSION_OVERRIDE, data.pop(CONF_API_VERSION_OVERRIDE, None)
    )
    if variant := parse_variant(chosen):
        options[CONF_API_VERSION_OVERRIDE] = variant.value
    found = data.pop(
        CONF_RESOLVED_API_VERSION, options.pop(CONF_RESOLVED_API_VERSION, None)
    )
    if variant := parse_variant(found):
        data[CONF_RESOLVED_API_VERSION] = variant.value
    title = entry.title
    try:
        charger_id = parse_id(data.get(CONF_CHARGER_ID))
    except ValueError:
        # Set-up tells people what to do about it.
        pass
    else:
        data[CONF_CHARGER_ID] = charger_id
        # Titles are logged, so they do not hold the whole id.
        if title in (charger_id, f"Hypervolt {charger_id}"):
            title = Charger(charger_id).display_name
        _rewrite_unique_ids(er.async_get(hass), entry.entry_id, charger_id)
        _keep_names(hass, entry.entry_id)
    hass.config_entries.async_update_entry(
        entry,
        data=data,
        options=options,
        title=title,
        version=ENTRY_VERSION,
        minor_version=ENTRY_MINOR_VERSION,
    )
    return True


def _rewrite_unique_ids(
    registry: er.EntityRegistry, entry_id: str, charger_id: str
) -> None:
    for entity in er.async_entries_for_config_entry(registry, entry_id):
        key = _key(entity, charger_id)
        if entity.domain != SENSOR_DOMAIN:
            continue
        if key not in _CAPITALISED and key.lower() not in _RENAMED:
            continue
        key = _RENAMED.get(key.lower(), key.lower())
        unique_id = f"{charger_id}_{key}"
        if _is_free(registry, unique_id, entity):
            registry.async_update_entity(entity.entity_id, new_unique_id=unique_id)
            registry.async_update_entity_options(
                entity.entity_id, DOMAIN, {_ADOPTED: True}
            )


def _keep_names(hass: HomeAssistant, entry_id: str) -> None:
    """Keep the names that people gave, where Home Assistant is 2026.11 or newer.

    It puts the name of the device before them, except before those from earlier, until
    the integration changes something: which adopting the entities does.
    """
    registry, devices = er.async_get(hass), dr.async_get(hass)
    renamed = any(
        device.name_by_user
        for device in dr.async_entries_for_config_entry(devices, entry_id)
    )
    for entity in er.async_entries_for_config_entry(registry, entry_id):
        name: str | None = getattr(entity, "compat_name", None)
        if name is None:
            continue
        first, _, rest = name.partition(" ")
        if first.casefold() == DEVICE_NAME.casefold() and not renamed:
            registry.async_update_entity(entity.entity_id, name=rest)
        else:
            # What is seen can't be kept; what is said to voice assistants can.
            er.async_preserve_compat_name_as_alias(hass, entity.entity_id)  # type: ignore[attr-defined, unused-ignore] # 2026.11


def _key(entity: er.RegistryEntry, charger_id: str) -> str:
    return entity.unique_id.removeprefix(f"{charger_id}_")


def _is_free(
    registry: er.EntityRegistry, unique_id: str, legacy: er.RegistryEntry
) -> bool:
    """Whether a unique id can be taken, from a younger entity if need be.

    The older one has the history. A younger one gives way only if nobody has begun to
    use it instead: then both stay, and the older one is told of as a leftover.
    """
    entity_id = registry.async_get_entity_id(legacy.domain, legacy.platform, unique_id)
    younger = registry.async_get(entity_id) if entity_id else None
    if younger is None:
        return True
    touched = younger.name or younger.icon or younger.area_id or younger.labels
    if (
        touched
        or younger.config_entry_id != legacy.config_entry_id
        or younger.created_at < legacy.created_at
        or (legacy.disabled and not younger.disabled)
    ):
        return False
    registry.async_remove(younger.entity_id)
    return True


@callback
def async_watch_leftovers(hass: HomeAssistant, entry: HypervoltConfigEntry) -> None:
    """Tell of entities that nothing fills any more, until a person has deleted them."""
    issue_id = f"leftover_entities_{entry.entry_id}"

    @callback
    def tell(_event: Event[er.EventEntityRegistryUpdatedData] | None = None) -> None:
        leftovers = _leftovers(hass, entry)
        if not leftovers:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
            return
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="leftover_entities",
            translation_placeholders={
                "charger": entry.title,
                "entities": "\n".join(
                    f"- `{entity_id}` → `{successor}`"
                    if successor
                    else f"- `{entity_id}`"
                    for entity_id, successor in sorted(leftovers.items())
                ),
            },
        )

    tell()
    if _leftovers(hass, entry):
        # Of any entity: leftovers and what is used instead are renamed, too.
        entry.async_on_unload(
            hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, tell)
        )


def _leftovers(
    hass: HomeAssistant, entry: HypervoltConfigEntry
) -> dict[str, str | None]:
    """Return the enabled entities that nothing fills, with the ones to use instead.

    What the older integration never had is nobody's to judge.
    """
    registry, coordinator = er.async_get(hass), entry.runtime_data
    charger_id = coordinator.charger.charger_id
    v3_api = coordinator.client.variant is ApiVariant.V3
    retired = {**_RETIRED, **_UNTOLD_BY_V3_API} if v3_api else _RETIRED
    found: dict[str, str | None] = {}
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        if entity.domain != SENSOR_DOMAIN or entity.disabled:
            continue
        key = _key(entity, charger_id)
        unused = key in _CAPITALISED or key.lower() in retired
        if not unused or (key in _UNTOLD_BY_V3_API and not _is_adopted(entity)):
            continue
        successor = retired.get(key.lower(), key.lower())
        found[entity.entity_id] = successor and registry.async_get_entity_id(
            SENSOR_DOMAIN, DOMAIN, f"{charger_id}_{successor}"
        )
    return found


def _is_adopted(entity: er.RegistryEntry) -> bool:
    """Whether the older integration made an entity.

    Earlier versions did not mark it; its entities had whole names until filled by us.
    """
    return not entity.has_entity_name or _ADOPTED in entity.options.get(DOMAIN, {})
