"""The dashboard that people paste, and the demo shows."""

import re

from homeassistant.helpers import entity_registry as er
import pytest
import yaml

from _demo_dashboard import DOCUMENT, documented_view, view_of
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Personality

ENTITY_ID = re.compile(r"\b[a-z_]+\.hypervolt_\w+")


def enabled(rig: Rig) -> dict[str, str]:
    """Return the enabled entities: ids by `platform.key`."""
    return {
        f"{entity.domain}.{entity.unique_id.partition('_')[2]}": entity.entity_id
        for entity in er.async_entries_for_config_entry(
            er.async_get(rig.hass), rig.entry.entry_id
        )
        if entity.disabled_by is None
    }


def entities(view: object) -> set[str]:
    """Return what looks like an entity of the charger."""
    return set(ENTITY_ID.findall(yaml.safe_dump(view)))


async def test_a_v3_has_every_entity_of_the_document(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    assert entities(documented_view()) <= set(rig.hass.states.async_entity_ids())
    assert view_of(enabled(rig)) == documented_view()


@pytest.mark.parametrize("personality", list(Personality))
async def test_the_demo_shows_each_charger_what_it_has(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    shown = entities(view_of(enabled(rig)))
    there = set(rig.hass.states.async_entity_ids())
    assert shown == entities(documented_view()) & there
    assert len(shown) > 12


async def test_renamed_entities_are_shown_under_their_names(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    old = rig.entity_id("sensor", "ev_power")
    er.async_get(rig.hass).async_update_entity(old, new_entity_id="sensor.car")
    view = view_of(enabled(rig))
    assert old not in entities(view)
    assert "sensor.car" in yaml.safe_dump(view)


def test_nothing_but_cards_of_home_assistant() -> None:
    assert "custom:" not in DOCUMENT.read_text()
