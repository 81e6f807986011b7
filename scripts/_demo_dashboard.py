"""The dashboard of the demo: docs/dashboard.yaml, one view for each charger."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from _demo_api import HomeAssistantApi
from _environment import ROOT

URL_PATH = "hypervolt-demo"
DOCUMENT = ROOT / "docs" / "dashboard.yaml"
# What the entities of a charger are named after unless somebody renames its device.
PREFIX = "hypervolt_"

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
        {**view_of(await _entity_ids(api, entry["entry_id"])), "title": entry["title"]}
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


def documented_view() -> Card:
    """Return the view that people are told to paste."""
    (view,) = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))["views"]
    return dict(view)


def view_of(ids: Ids) -> Card:
    """Return the documented view with a charger's own entities."""
    view: Card = _fitted(documented_view(), ids)
    return view


def _fitted(part: Any, ids: Ids) -> Any:
    """Return a part of a view without what this charger does not have."""
    if isinstance(part, list):
        return [_fitted(item, ids) for item in part if _has(item, ids)]
    if isinstance(part, dict):
        return {
            name: _own_id(value, ids) if name == "entity" else _fitted(value, ids)
            for name, value in part.items()
        }
    return _own_id(part, ids)


def _has(part: Any, ids: Ids) -> bool:
    """Whether anything is left of a card or a row of one."""
    if isinstance(part, str):
        return _own_id(part, ids) is not None
    if not isinstance(part, dict):
        return True
    if "entity" in part:
        return _own_id(part["entity"], ids) is not None
    return "entities" not in part or any(
        _shows_an_entity(row) and _has(row, ids) for row in part["entities"]
    )


def _shows_an_entity(row: Any) -> bool:
    return isinstance(row, str) or "entity" in row


def _own_id(value: Any, ids: Ids) -> Any:
    """Return a charger's own id for a documented one; None if it has no such entity."""
    if not isinstance(value, str):
        return value
    platform, dot, name = value.partition(".")
    if not dot or not name.startswith(PREFIX):
        return value
    return ids.get(f"{platform}.{name.removeprefix(PREFIX)}")
