"""Every text and icon the code asks for exists, and none is there for nothing."""

import ast
from collections.abc import Iterable, Iterator, Mapping
import importlib
import json
from pathlib import Path
import re
from typing import Final

from homeassistant.components.select import SelectEntityDescription
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.selector import SelectSelector
import pytest
import yaml

from custom_components.hypervolt_charger import PLATFORMS, const
from custom_components.hypervolt_charger.config_flow import LOGIN_SCHEMA, OPTIONS_SCHEMA
from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltActivationMode,
    HypervoltChargeMode,
)
from custom_components.hypervolt_charger.hypervolt.errors import Cause
from custom_components.hypervolt_charger.hypervolt.plan import PlanHint, PlanProblem

type Tree = Mapping[str, Tree | str]

ROOT: Final = Path(const.__file__).parent
PLATFORM_NAMES: Final = [platform.value for platform in PLATFORMS]
SELECT_STATES: Final[Mapping[str, Iterable[str]]] = {
    "charge_mode": HypervoltChargeMode,
    "schedule_session_charge_mode": HypervoltChargeMode,
    "activation_mode": HypervoltActivationMode,
}
KEY: Final = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
PLACEHOLDER: Final = re.compile(r"\{([^}]*)\}")


def load(name: str) -> Tree:
    """Read a JSON file of the integration."""
    tree: Tree = json.loads((ROOT / name).read_text(encoding="utf-8"))
    return tree


ENGLISH: Final = load("translations/en.json")
ICONS: Final = load("icons.json")
LANGUAGES: Final = sorted(path.name for path in (ROOT / "translations").glob("*.json"))


def branch(tree: Tree, *path: str) -> Tree:
    """Return a part of a tree, empty if it is not there."""
    for name in path:
        child = tree.get(name, {})
        assert not isinstance(child, str)
        tree = child
    return tree


def texts(tree: Tree, *path: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text with where it stands."""
    for name, child in tree.items():
        if isinstance(child, str):
            yield (*path, name), child
        else:
            yield from texts(child, *path, name)


def descriptions(platform: str) -> Iterator[EntityDescription]:
    """Yield a platform's tables."""
    module = importlib.import_module(f"{const.__package__}.{platform}")
    for name, table in vars(module).items():
        if name.endswith("DESCRIPTIONS"):
            yield from table


def key_of(description: EntityDescription) -> str:
    """Return the translation key, as the base entity chooses it."""
    return description.translation_key or description.key


def constants(path: Path, keyword: str) -> set[str]:
    """Return the texts that a module passes under a keyword, in whichever branch."""
    return {
        node.value
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for argument in call.keywords
        if argument.arg == keyword
        for node in ast.walk(argument.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def values_of(path: Path, key: str) -> set[str]:
    """Return the texts that a module's dictionaries hold under a key."""
    return {
        value.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        for name, value in zip(node.keys, node.values, strict=True)
        if isinstance(name, ast.Constant)
        and name.value == key
        and isinstance(value, ast.Constant)
        and isinstance(value.value, str)
    }


@pytest.mark.parametrize("platform", PLATFORM_NAMES)
def test_every_entity_has_a_name_and_every_name_an_entity(platform: str) -> None:
    wanted = {key_of(description) for description in descriptions(platform)}
    assert set(branch(ENGLISH, "entity", platform)) == wanted
    for description in descriptions(platform):
        name = branch(ENGLISH, "entity", platform, key_of(description))["name"]
        assert isinstance(name, str)
        placeholders = dict(description.translation_placeholders or {})
        assert set(PLACEHOLDER.findall(name)) == set(placeholders)
        # The words of the key, so that entity ids are those of older installations.
        slug = name.format(**placeholders).lower().replace(" ", "_")
        assert slug == description.key


def test_there_are_names_for_no_other_platform() -> None:
    assert set(branch(ENGLISH, "entity")) == set(PLATFORM_NAMES)
    assert set(branch(ICONS, "entity")) <= set(PLATFORM_NAMES)


@pytest.mark.parametrize("platform", PLATFORM_NAMES)
def test_every_state_in_words_has_a_text(platform: str) -> None:
    for description in descriptions(platform):
        words: Iterable[str] = ()
        if isinstance(description, SensorEntityDescription):
            words = description.options or ()
        if isinstance(description, SelectEntityDescription):
            words = SELECT_STATES[key_of(description)]
        there = branch(ENGLISH, "entity", platform, key_of(description), "state")
        assert set(there) == {str(word) for word in words}, key_of(description)


@pytest.mark.parametrize("platform", PLATFORM_NAMES)
def test_icons(platform: str) -> None:
    table = {key_of(description): description for description in descriptions(platform)}
    icons = branch(ICONS, "entity", platform)
    assert set(icons) <= set(table)
    for key, description in table.items():
        if key not in icons:
            assert description.device_class, f"{platform} {key} has no icon"
            continue
        icon = branch(icons, key)
        states = set(branch(icon, "state"))
        words = set(branch(ENGLISH, "entity", platform, key, "state")) or {"on", "off"}
        assert states <= words, key
        assert icon["default"] not in branch(icon, "state").values(), key


def test_icons_are_material_design_icons() -> None:
    for path, icon in texts(ICONS):
        assert re.fullmatch(r"mdi:[a-z0-9]+(?:-[a-z0-9]+)*", icon), path


def test_every_error_has_a_text_and_every_text_an_error() -> None:
    used = {
        key
        for path in ROOT.glob("*.py")
        for key in constants(path, "translation_key")
        if path.stem not in PLATFORM_NAMES and path.stem != "config_flow"
    }
    used |= {str(cause) for cause in Cause} | {"calendar_too_long"}
    used |= {f"no_plan_{reason}" for reason in (*PlanProblem, *PlanHint)}
    # They end with a charger that can't carry a plan out.
    used -= {"no_plan_too_far", "no_plan_too_many", "no_plan_"}
    exceptions, issues = (
        set(branch(ENGLISH, "exceptions")),
        set(branch(ENGLISH, "issues")),
    )
    assert exceptions | issues == used
    assert not exceptions & issues


def test_errors_name_nothing_that_is_english() -> None:
    """Only numbers, the user's own words, and errors in the user's language."""
    named = {
        name
        for _, message in texts(branch(ENGLISH, "exceptions"))
        for name in PLACEHOLDER.findall(message)
    }
    numbers = {"number", "first", "second", "needed", "most"}
    words = {"device", "planner", "text", "field", "options"}
    assert named == numbers | words | {"failures"}


def test_the_forms() -> None:
    source = ROOT / "config_flow.py"
    steps = branch(ENGLISH, "config", "step")
    login = {str(key) for key in LOGIN_SCHEMA.schema}
    assert {name: set(branch(steps, name, "data")) for name in steps} == {
        "user": login,
        "charger": {const.CONF_CHARGER_ID},
        "reauth_confirm": login,
        "reconfigure": login,
    }
    options = branch(ENGLISH, "options", "step")
    assert {name: set(branch(options, name, "data")) for name in options} == {
        "init": {str(key) for key in OPTIONS_SCHEMA.schema}
    }
    for step in (*map(steps.get, steps), *map(options.get, options)):
        assert step is not None
        assert not isinstance(step, str)
        assert set(branch(step, "data_description")) == set(branch(step, "data"))
        assert step["title"]
    errors = {*branch(ENGLISH, "config", "error"), *branch(ENGLISH, "options", "error")}
    assert errors == values_of(source, "base")
    assert set(branch(ENGLISH, "config", "abort")) == constants(source, "reason") | {
        # Home Assistant's own reasons
        "reauth_successful",
        "reconfigure_successful",
    }


def choices(value: object) -> Iterator[tuple[str, list[str]]]:
    """Yield the translation keys of selects with their options, wherever they are."""
    if isinstance(value, SelectSelector) and "translation_key" in value.config:
        value = dict(value.config)
    if isinstance(value, dict):
        if "translation_key" in value and "options" in value:
            yield value["translation_key"], value["options"]
        for child in value.values():
            yield from choices(child)


def test_every_choice_has_a_text() -> None:
    actions = yaml.safe_load((ROOT / "services.yaml").read_text(encoding="utf-8"))
    found = [*choices(dict(OPTIONS_SCHEMA.schema)), *choices(actions)]
    for key, options in found:
        texts_of_options = branch(ENGLISH, "selector", key, "options")
        assert sorted(texts_of_options) == sorted(options), key
    assert set(branch(ENGLISH, "selector")) == {key for key, _ in found}


def test_the_actions() -> None:
    actions = yaml.safe_load((ROOT / "services.yaml").read_text(encoding="utf-8"))
    texts_of_actions = branch(ENGLISH, "services")
    assert set(texts_of_actions) == set(branch(ICONS, "services")) == set(actions)
    for name, action in actions.items():
        fields = branch(texts_of_actions, name, "fields")
        assert set(fields) == set(action["fields"]), name
        for entry in (branch(texts_of_actions, name), *map(fields.get, fields)):
            assert isinstance(entry, dict)
            assert {"name", "description"} <= set(entry)


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_agree(language: str) -> None:
    """The same keys, and in each text the same placeholders."""
    there = dict(texts(load(f"translations/{language}")))
    english = dict(texts(ENGLISH))
    assert set(there) == set(english)
    for path, text in there.items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(
            PLACEHOLDER.findall(english[path])
        ), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_home_assistant_asks_of_texts(language: str) -> None:
    for path, text in texts(load(f"translations/{language}")):
        assert all(KEY.fullmatch(name) for name in path), path
        assert text, path
        assert text == text.strip(), path
        assert not re.search(r"://|www\.", text, re.IGNORECASE), path
        assert not re.search(r"<[a-zA-Z/]", text), path
        assert "[%key:" not in text, path
        assert not re.search(r"'[^']*\{[^}]*\}[^']*'", text), path
        assert all(name.isidentifier() for name in PLACEHOLDER.findall(text)), path
        if "state" in path:
            assert "{" not in text, path
