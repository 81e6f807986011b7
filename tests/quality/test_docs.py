"""The documents are true to the code, and their links and examples work."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.setup import async_setup_component
import pytest
import voluptuous as vol
import yaml

from _docs import PARTS, TEXTS, entity_keys, stale
from custom_components.hypervolt_charger import services
from custom_components.hypervolt_charger.const import DOMAIN
from tests.quality.repository import DOCS, INTEGRATION, ROOT, headings, slug

PAGES: Final = sorted(DOCS.glob("*.md"))
NAMES: Final = [page.name for page in PAGES]
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLE: Final = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_what_follows_from_the_code_is_up_to_date() -> None:
    """If this fails, run scripts/docs."""
    assert [path.name for path, _ in stale()] == []


def test_every_part_that_can_be_written_stands_somewhere() -> None:
    written = "".join(map(text_of, PAGES))
    for name in PARTS:
        assert written.count(f"<!-- generated: {name} -->") == 1, name


def test_every_entity_is_described() -> None:
    """If this fails, add a line to scripts/docs_texts.yaml."""
    texts = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    assert list(texts) == sorted(entity_keys()), "and they stand in order"


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(text_of(page)):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.is_relative_to(ROOT), target
        assert there.exists(), target
        if anchor:
            assert anchor in map(slug, headings(there)), target


def test_every_page_is_in_the_list() -> None:
    listed = set(LINK.findall(text_of(DOCS / "README.md")))
    assert {page.name for page in PAGES} - {"README.md"} <= listed


@every_page
def test_a_page_has_one_title_and_no_heading_twice(page: Path) -> None:
    lines = text_of(page).splitlines()
    assert lines[0].startswith("# ")
    slugs = [slug(heading) for heading in headings(page)]
    assert len(slugs) == len(set(slugs))


def test_every_option_is_described() -> None:
    english = json.loads((INTEGRATION / "translations/en.json").read_text("utf-8"))
    page = text_of(DOCS / "installation.md")
    for flow in ("config", "options"):
        for step in english[flow]["step"].values():
            for name in step.get("data", {}).values():
                assert re.search(
                    rf"^\|[^|]*\b{re.escape(name)}\b", page, re.MULTILINE
                ), name


# Examples -------------------------------------------------------------------------


def examples() -> Iterator[Any]:
    for page in PAGES:
        for number, example in enumerate(EXAMPLE.findall(text_of(page)), start=1):
            yield pytest.param(example, id=f"{page.stem}-{number}")


def actions_in(example: Any) -> list[Any]:
    """Return the actions of an automation, a script or a call."""
    if isinstance(example, dict):
        if "action" in example:
            return [example]
        return [*example.get("actions", []), *example.get("sequence", [])]
    return []


@pytest.mark.parametrize("text", examples())
async def test_an_example_is_valid(hass: HomeAssistant, text: str) -> None:
    example = yaml.safe_load(text)
    actions = actions_in(example)
    cv.SCRIPT_SCHEMA(actions)
    assert await async_setup_component(hass, DOMAIN, {})
    for action in actions:
        domain, _, name = action["action"].partition(".")
        if domain == DOMAIN:
            assert hass.services.has_service(domain, name)
            services.SCHEMAS[name](action["data"])


@pytest.mark.parametrize("text", examples())
async def test_an_automation_of_the_documents_can_be_loaded(
    hass: HomeAssistant, text: str
) -> None:
    example = yaml.safe_load(text)
    if "alias" not in example:
        return
    assert await async_setup_component(hass, "automation", {"automation": [example]})
    (state,) = hass.states.async_all("automation")
    assert state.state == "on", "Home Assistant took it"
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "all"}, blocking=True
    )


async def test_a_wrong_example_would_be_seen() -> None:
    with pytest.raises(vol.Invalid):
        cv.SCRIPT_SCHEMA([{"action": "no name", "dta": 1}])
    with pytest.raises(vol.Invalid):
        services.SET_SCHEDULE_SCHEMA({"device_id": "x", "tracker": "sensor.x"})
