"""The dashboard of the demo: core cards only, one view for each charger."""

from collections.abc import Iterable, Mapping
from typing import Any

from _demo_api import HomeAssistantApi

URL_PATH = "hypervolt-demo"
_SESSIONS = range(1, 4)
_SESSION_PARTS = ("start_time", "end_time", "charge_mode", "days_of_week")

type Card = dict[str, Any]
type Ids = Mapping[str, str]


async def add_dashboard(api: HomeAssistantApi, entries: Iterable[Card]) -> None:
    """Add the dashboard of these config entries, or bring it up to date."""
    dashboards = await api.command("lovelace/dashboards/list")
    if not any(dashboard["url_path"] == URL_PATH for dashboard in dashboards):
        await api.command(
            "lovelace/dashboards/create",
            url_path=URL_PATH,
            mode="storage",
            title="Charger",
            icon="mdi:ev-station",
            show_in_sidebar=True,
            require_admin=False,
        )
    views = [
        _view(entry["title"], await _entity_ids(api, entry["entry_id"]))
        for entry in entries
    ]
    await api.command(
        "lovelace/config/save", url_path=URL_PATH, config={"views": views}
    )


async def _entity_ids(api: HomeAssistantApi, entry_id: str) -> dict[str, str]:
    """Return the enabled entities: ids by `platform.key`."""
    return {
        key_of(item): item["entity_id"]
        for item in await api.entities(entry_id)
        if item["disabled_by"] is None
    }


def key_of(entity: Card) -> str:
    """Return `platform.key` of what the entity registry tells of an entity."""
    platform = entity["entity_id"].partition(".")[0]
    return f"{platform}.{entity['unique_id'].partition('_')[2]}"


def _view(title: str, ids: Ids) -> Card:
    sections = [
        _section(
            "Now",
            [
                _tile(ids, "sensor.charging_readiness"),
                _tile(ids, "binary_sensor.car_plugged"),
                _tile(ids, "switch.charging"),
                _tile(ids, "switch.lock_state"),
                _tile(ids, "select.charge_mode", "select-options"),
                _tile(ids, "select.activation_mode", "select-options"),
                _tile(ids, "number.max_current", "numeric-input"),
                _tile(ids, "light.led", "light-brightness"),
            ],
        ),
        _section(
            "Energy",
            [
                _gauge(ids, "sensor.ev_power"),
                _several(
                    "history-graph",
                    ids,
                    (
                        "sensor.ev_power",
                        "sensor.house_power",
                        "sensor.grid_power",
                        "sensor.generation_power",
                        "sensor.charger_current",
                    ),
                    hours_to_show=1,
                ),
                _several(
                    "entities",
                    ids,
                    (
                        "sensor.session_energy",
                        "sensor.session_carbon_saved",
                        "sensor.charger_current",
                        "sensor.voltage",
                    ),
                ),
            ],
        ),
        _section(
            "Schedule",
            [
                _several(
                    "entities",
                    ids,
                    (
                        "sensor.next_charge_start",
                        "sensor.next_charge_end",
                        *_schedule_keys(),
                        "button.apply_schedule",
                        "button.discard_schedule_changes",
                    ),
                )
            ],
        ),
    ]
    return {"title": title, "type": "sections", "sections": sections}


def _schedule_keys() -> Iterable[str]:
    platforms = {"charge_mode": "select", "days_of_week": "text"}
    for number in _SESSIONS:
        for part in _SESSION_PARTS:
            platform = platforms.get(part, "time")
            yield f"{platform}.schedule_session_{number}_{part}"


def _section(title: str, cards: Iterable[Card | None]) -> Card:
    heading = {"type": "heading", "heading": title}
    return {"type": "grid", "cards": [heading, *(card for card in cards if card)]}


def _tile(ids: Ids, key: str, feature: str | None = None) -> Card | None:
    """Return a tile; None for what this charger does not have."""
    if key not in ids:
        return None
    features = [{"type": feature}] if feature else []
    return {"type": "tile", "entity": ids[key], "features": features}


def _gauge(ids: Ids, key: str) -> Card | None:
    if key not in ids:
        return None
    return {"type": "gauge", "entity": ids[key], "min": 0, "max": 7400, "needle": True}


def _several(kind: str, ids: Ids, keys: Iterable[str], **settings: Any) -> Card | None:
    entities = [ids[key] for key in keys if key in ids]
    return {"type": kind, "entities": entities, **settings} if entities else None
