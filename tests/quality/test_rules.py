"""What the quality scale asks of the code's form, where no other test looks."""

import ast
from collections.abc import Iterator
import importlib
import json
from pathlib import Path
import tomllib
from types import ModuleType
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import EntityDescription
from homeassistant.setup import async_setup_component
import pytest
import yaml

from custom_components.hypervolt_charger import PLATFORMS, const
from custom_components.hypervolt_charger.entity import HypervoltEntity
from tests.quality.repository import INTEGRATION, ROOT

PLATFORM_NAMES: Final = sorted(platform.value for platform in PLATFORMS)
every_platform = pytest.mark.parametrize("platform", PLATFORM_NAMES)

# What a person aims automations at: those pass over what has a category.
MAIN: Final = {
    "binary_sensor.car_plugged",
    "calendar.charging_schedule",
    "event.charging",
    "select.activation_mode",
    "select.charge_mode",
    "sensor.charging_readiness",
    "sensor.ev_power",
    "sensor.session_energy_total_increasing",
    "sensor.total_energy",
    "switch.charging",
    "switch.lock_state",
}
DIAGNOSTIC: Final = {
    "binary_sensor.connection",
    "sensor.firmware_version",
    "sensor.last_update",
    "sensor.session_id",
}
# What changes all the time and few people want, or is there under another name.
OFF: Final = {
    "number.led_brightness",
    "sensor.ct_current",
    "sensor.ct_power",
    "sensor.generation_energy",
    "sensor.grid_export_energy",
    "sensor.grid_import_energy",
    "sensor.house_energy",
    "sensor.last_update",
}
# These set something of the charger, all of them.
SETTING_PLATFORMS: Final = {"button", "number", "text", "time"}


def module(platform: str) -> ModuleType:
    return importlib.import_module(f"{const.__package__}.{platform}")


def entities() -> Iterator[tuple[str, EntityDescription]]:
    for platform in PLATFORM_NAMES:
        for name, table in vars(module(platform)).items():
            if name.endswith("DESCRIPTIONS"):
                yield from ((f"{platform}.{told.key}", told) for told in table)


def manifest() -> dict[str, Any]:
    text = (INTEGRATION / "manifest.json").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text)
    return told


def calls(path: Path) -> set[str]:
    """Return the names of all that a module calls."""
    return {
        getattr(node.func, "id", getattr(node.func, "attr", ""))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }


# Bronze


async def test_actions_are_there_without_an_entry(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, const.DOMAIN, {})
    actions = yaml.safe_load((INTEGRATION / "services.yaml").read_text("utf-8"))
    assert set(hass.services.async_services_for_domain(const.DOMAIN)) == set(actions)


def test_common_modules() -> None:
    for name in ("coordinator", "entity", "const", "config_flow", "diagnostics"):
        assert (INTEGRATION / f"{name}.py").is_file()


def test_dependencies() -> None:
    (requirement,) = manifest()["requirements"]
    assert requirement.startswith("websockets>=")
    assert "<" not in requirement, "what Home Assistant constrains is never capped"
    assert "MIT License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert list((ROOT / ".github" / "workflows").glob("*.yml")), "a public build"


@every_platform
def test_entities_have_names_and_a_common_base(platform: str) -> None:
    ours = [
        thing
        for thing in vars(module(platform)).values()
        if isinstance(thing, type) and thing.__module__ == module(platform).__name__
    ]
    bases = [thing for thing in ours if issubclass(thing, HypervoltEntity)]
    assert bases
    assert all(base._attr_has_entity_name for base in bases)


def test_data_of_an_entry_is_typed_and_in_its_place() -> None:
    for path in INTEGRATION.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
                assert node.slice.id != "DOMAIN", f"hass.data[DOMAIN] in {path.name}"
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.AsyncFunctionDef)
                and node.name in ("async_setup_entry", "async_unload_entry")
                and (entry := node.args.args[1]).annotation is not None
            ):
                assert isinstance(entry.annotation, ast.Name)
                assert entry.annotation.id == "HypervoltConfigEntry", path.name


# Silver


def test_there_is_an_owner() -> None:
    assert manifest()["codeowners"]
    assert all(owner.startswith("@") for owner in manifest()["codeowners"])


@every_platform
def test_parallel_updates_are_set(platform: str) -> None:
    assert isinstance(module(platform).PARALLEL_UPDATES, int)


# Gold


def test_categories() -> None:
    categories = {name: told.entity_category for name, told in entities()}
    assert categories.keys() >= MAIN | DIAGNOSTIC
    for name, category in categories.items():
        if name in MAIN:
            assert category is None, name
        assert (category is EntityCategory.DIAGNOSTIC) is (name in DIAGNOSTIC), name
        if name.partition(".")[0] in SETTING_PLATFORMS:
            assert category is EntityCategory.CONFIG, name
    for name, told in entities():
        if isinstance(told, SensorEntityDescription) and _is_reading(told):
            assert told.entity_category is None, f"{name} is a reading"


def _is_reading(told: SensorEntityDescription) -> bool:
    """Whether it has a unit: a number such as a session's has none."""
    return told.native_unit_of_measurement is not None


def test_device_classes() -> None:
    for name, told in entities():
        if isinstance(told, SensorEntityDescription):
            if _is_reading(told):
                assert told.device_class, f"{name} has a unit and no class"
            if told.options is not None:
                assert told.device_class is SensorDeviceClass.ENUM, name
    classes = {name: told.device_class for name, told in entities()}
    assert classes["binary_sensor.car_plugged"] == "plug"
    assert classes["binary_sensor.connection"] == "connectivity"
    assert classes["number.max_current"] == "current"


def test_what_is_off_by_default() -> None:
    off = {
        name for name, told in entities() if not told.entity_registry_enabled_default
    }
    assert off == OFF


# Platinum


def test_the_session_is_handed_in() -> None:
    made = {"ClientSession", "async_create_clientsession", "create_default_context"}
    for path in INTEGRATION.rglob("*.py"):
        assert not calls(path) & made, path.name
    assert "async_get_clientsession" in calls(INTEGRATION / "account.py")
    assert "get_default_context" in calls(INTEGRATION / "coordinator.py")


def test_types_are_strict() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mypy = settings["tool"]["mypy"]
    assert mypy["strict"] is True
    assert set(mypy["files"]) >= {"custom_components", "tests"}
    assert (INTEGRATION / "hypervolt" / "py.typed").is_file()
