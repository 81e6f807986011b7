"""The integration passes what hassfest asks, and a mistake would be seen.

The real hassfest runs in the workflows; this one needs no network.
"""

import json
from pathlib import Path
import re
import shutil
from typing import Final

import hass_frontend
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
import yaml

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.services import SCHEMAS

from .breaking import GONE, INTEGRATION, REPOSITORY, Break, append, delete, put, replace
from .hassfest import CHECKS

MANIFEST: Final = "manifest.json"
ENGLISH: Final = "translations/en.json"
ICONS: Final = "icons.json"
ACTIONS: Final = "services.yaml"
FIRST_FIELD: Final = "      required: true\n"
WRONG_STEP: Final = {"data": {"a": "A"}, "data_description": {"b": "B"}}


def context(selector: str, key: str) -> Break:
    """Give the field of the triggers another selector, and a context."""
    return replace(
        "triggers.yaml",
        "        duration:\n",
        f"        {selector}\n      context:\n        {key}\n",
    )


# The plugin that sees it, a mistake, and what is said of it.
MISTAKES: Final[list[tuple[str, Break, str]]] = [
    ("manifest", put(MANIFEST, "zzz", 1), "zzz"),
    ("manifest", put(MANIFEST, "version", GONE), "version"),
    ("manifest", put(MANIFEST, "version", "one"), "version"),
    ("manifest", put(MANIFEST, "domain", "hypervolt"), "name of the folder"),
    ("manifest", put(MANIFEST, "documentation", "http://x.test"), "https"),
    (
        "manifest",
        put(MANIFEST, "documentation", "https://www.home-assistant.io/integrations/x"),
        "https",
    ),
    ("manifest", put(MANIFEST, "documentation", "https://"), "documentation"),
    (
        "manifest",
        put(MANIFEST, "documentation", "https://WWW.Home-Assistant.io/integrations/x"),
        "https",
    ),
    ("manifest", put(MANIFEST, "disabled", True), "disabled"),
    ("manifest", put(MANIFEST, "quality_scale", "diamond"), "quality_scale"),
    ("manifest", put(MANIFEST, "dhcp", [{"hostname": "hypervolt*"}]), "dhcp"),
    ("manifest", put(MANIFEST, "issue_tracker", "here"), "issue_tracker"),
    ("manifest", put(MANIFEST, "iot_class", "cloud"), "iot_class"),
    ("manifest", put(MANIFEST, "integration_type", "car"), "integration_type"),
    ("manifest", put(MANIFEST, "codeowners", ["somebody"]), "codeowners"),
    ("manifest", put(MANIFEST, "config_flow", "yes"), "config_flow"),
    ("manifest", put(MANIFEST, "after_dependencies", ["recorder"]), "order"),
    ("manifest", put(MANIFEST, "requirements", ["websockets >= 15"]), "blank"),
    ("manifest", put(MANIFEST, "requirements", ["websockets"]), "version"),
    ("manifest", put(MANIFEST, "requirements", ["websockets>>15"]), "requirements"),
    ("manifest", put(MANIFEST, "requirements", ["async-timeout>=4"]), "banned"),
    ("config_flow", put(MANIFEST, "config_flow", GONE), "config_flow"),
    ("config_flow", delete("config_flow.py"), "config_flow"),
    ("config_schema", replace("__init__.py", "CONFIG_SCHEMA =", "SCHEMA ="), "CONFIG"),
    (
        "dependencies",
        append("sensor.py", "from homeassistant.components import tibber\n"),
        "tibber",
    ),
    (
        "dependencies",
        append("hypervolt/led.py", "import homeassistant.components.mqtt.client\n"),
        "mqtt",
    ),
    (
        "dependencies",
        append("sensor.py", "from homeassistant.components.recorder import history\n"),
        "after_dependencies",
    ),
    ("json_files", append(ICONS, ","), "icons.json"),
    ("services", append(ACTIONS, "\nother:\n"), "other"),
    ("services", replace(ACTIONS, "get_schedule:", "got_schedule:"), "got_schedule"),
    ("services", replace(ACTIONS, "  fields:\n", "  extra: 1\n  fields:\n"), "extra"),
    ("services", replace(ACTIONS, FIRST_FIELD, f"{FIRST_FIELD}      x: 1\n"), "x"),
    ("services", replace(ACTIONS, 'example: "00:30:00"', "example:"), "null"),
    ("services", replace(ACTIONS, "boolean:", "yes_or_no:"), "yes_or_no"),
    (
        "services",
        replace(ACTIONS, "  fields:\n", "  target:\n    device: {}\n  fields:\n"),
        "device filter",
    ),
    (
        "services",
        replace(ACTIONS, FIRST_FIELD, f"{FIRST_FIELD}      filter: {{}}\n"),
        "without a target",
    ),
    (
        "services",
        replace(
            ACTIONS,
            "    attribute:\n",
            "    more:\n      fields:\n        windows: {selector: {text: }}\n"
            "    attribute:\n",
        ),
        "twice",
    ),
    ("triggers", delete("triggers.yaml"), "triggers.yaml"),
    ("triggers", replace("triggers.yaml", "\nunplugged:", "\nplugged:"), "unplugged"),
    ("triggers", replace("triggers.yaml", "\nunplugged:", "\nIn-Out:"), "In-Out"),
    ("triggers", replace("triggers.yaml", "duration:", "minutes:"), "minutes"),
    ("triggers", put(ENGLISH, "triggers/unplugged", GONE), "translations"),
    ("triggers", put(ENGLISH, "triggers/unplugged/fields/for", GONE), "fields"),
    ("triggers", put(ICONS, "triggers/unplugged", GONE), "icons"),
    ("triggers", context("duration:", "filter_target: target"), "is not taken"),
    ("triggers", context("state:", "filter_target: for"), "can't be for"),
    ("triggers", context("state:", "filter_target: nothing"), "can't be nothing"),
    ("triggers", context("state:", "filter_target: 1"), "filter_target"),
    ("conditions", delete("conditions.yaml"), "conditions.yaml"),
    ("conditions", replace("conditions.yaml", "    entity:", "    device:"), "device"),
    ("conditions", put(ICONS, "conditions/is_off/condition", "mdi:ev-plug"), "is_off"),
    ("translations", append("strings.json", "{}"), "strings.json"),
    ("translations", put(ENGLISH, "sensors", {}), "sensors"),
    ("translations", put(ENGLISH, "config/step/x", WRONG_STEP), "not in data"),
    ("translations", put(ENGLISH, "config/step/x", {"datas": {}}), "datas"),
    ("translations", put(ENGLISH, "issues/x", {"title": "X"}), "issues"),
    (
        "translations",
        put(ENGLISH, "issues/x", {"title": "X", "description": "X", "fix_flow": {}}),
        "issues",
    ),
    ("translations", put(ENGLISH, "exceptions/x/text", "X"), "text"),
    ("translations", put(ENGLISH, "exceptions/x", {}), "message"),
    ("translations", put(ENGLISH, "services/x/name", "X"), "description"),
    ("translations", put(ENGLISH, "triggers/x/description", "X"), "name"),
    ("translations", put(ENGLISH, "entity/sensor/x/states", {}), "states"),
    (
        "translations",
        put(ENGLISH, "entity/sensor/x/unit_of_measurement", "{unit}"),
        "unit_of_measurement",
    ),
    ("translations", put(ENGLISH, "device_automation/triggers", {}), "triggers"),
    ("icons", put(ICONS, "sensors", {}), "sensors"),
    ("icons", put(ICONS, "services/get_schedule/icon", "mdi:car"), "icon"),
    ("icons", put(ICONS, "entity/sensor/ev_power/default", "fa:car"), "ev_power"),
    (
        "icons",
        put(ICONS, "entity/sensor/ev_power/range", {"low": "mdi:car"}),
        "not numeric",
    ),
    (
        "icons",
        put(ICONS, "entity/sensor/ev_power/range", {"10": "mdi:car", "9": "mdi:car"}),
        "ascending",
    ),
    (
        "icons",
        put(ICONS, "entity/sensor/ev_power/state", {"on": "mdi:car-electric"}),
        "is the default",
    ),
]


@pytest.fixture
def integration(tmp_path: Path) -> Path:
    """A copy of the integration, to break."""
    copy = tmp_path / DOMAIN
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / INTEGRATION, copy, ignore=ignored)
    return copy


@pytest.mark.parametrize("plugin", CHECKS)
def test_nothing_is_wrong(plugin: str) -> None:
    assert list(CHECKS[plugin](REPOSITORY / INTEGRATION)) == []


@pytest.mark.parametrize(
    ("plugin", "make", "said"),
    MISTAKES,
    ids=[f"{item[0]}: {item[2]}" for item in MISTAKES],
)
def test_a_mistake_is_seen(
    integration: Path, plugin: str, make: Break, said: str
) -> None:
    make(integration)
    problems = list(CHECKS[plugin](integration))
    assert problems
    assert said in "\n".join(problems)


@pytest.mark.parametrize(
    "allowed",
    [
        "from homeassistant.components.sensor import SensorEntity\n",
        "from homeassistant.components import websocket_api\n",
        "from homeassistant.components.config_flow import nothing\n",
        "if TYPE_CHECKING:\n    from homeassistant.components import tibber\n",
    ],
)
def test_what_may_be_imported(integration: Path, allowed: str) -> None:
    append("sensor.py", allowed)(integration)
    assert list(CHECKS["dependencies"](integration)) == []


def test_what_the_manifest_names_may_be_imported(integration: Path) -> None:
    put(MANIFEST, "after_dependencies", ["recorder", "tibber"])(integration)
    for name in ("recorder", "tibber"):
        append("sensor.py", f"import homeassistant.components.{name}\n")(integration)
    assert list(CHECKS["dependencies"](integration)) == []


def test_a_selector_may_depend_on_the_target(integration: Path) -> None:
    context("state:", "filter_target: target")(integration)
    assert list(CHECKS["triggers"](integration)) == []


def test_icons_there_are() -> None:
    """The frontend shows nothing for a name that it does not have."""
    listed = Path(hass_frontend.where()) / "static" / "mdi" / "iconList.json"
    names = {icon["name"] for icon in json.loads(listed.read_text("utf-8"))}
    assert {"ev-station", "no-such-icon"} & names == {"ev-station"}
    used = {
        name: path
        for folder in ("blueprints", "custom_components", "docs", "scripts")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.suffix in {".json", ".md", ".py", ".yaml"}
        for name in re.findall(r"mdi:([a-z0-9-]+)", path.read_text("utf-8"))
    }
    assert len(used) > 40
    assert {name: path for name, path in used.items() if name not in names} == {}


async def test_actions_have_the_fields_they_take(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    registered = hass.services.async_services_for_domain(DOMAIN)
    described = yaml.safe_load((REPOSITORY / INTEGRATION / ACTIONS).read_text("utf-8"))
    assert set(registered) == set(described)
    for name, action in described.items():
        assert set(action["fields"]) == {str(key) for key in SCHEMAS[name].schema}, name
        required = {
            key for key, field in action["fields"].items() if field.get("required")
        }
        assert required == {ATTR_DEVICE_ID}
