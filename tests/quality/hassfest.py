"""What Home Assistant's hassfest asks of a custom integration, one function a plugin.

Each takes the integration's folder and yields what is wrong. Texts and icons are looked
at by tests/integration/test_translations.py; here it is only where they may stand.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
import json
from pathlib import Path
import re
from typing import Any, Final

from awesomeversion import (
    AwesomeVersion,
    AwesomeVersionException,
    AwesomeVersionStrategy,
)
from homeassistant.const import Platform
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import selector, validate_selector
from packaging.requirements import InvalidRequirement, Requirement
import voluptuous as vol
import yaml

type Problems = Iterator[str]
type Check = Callable[[Path], Problems]

VERSION_STRATEGIES: Final = [
    AwesomeVersionStrategy.CALVER,
    AwesomeVersionStrategy.SEMVER,
    AwesomeVersionStrategy.SIMPLEVER,
    AwesomeVersionStrategy.BUILDVER,
    AwesomeVersionStrategy.PEP440,
]
IOT_CLASSES: Final = (
    *("assumed_state", "calculated", "cloud_polling", "cloud_push"),
    *("local_polling", "local_push"),
)
QUALITY_SCALES: Final = (
    *("bronze", "silver", "gold", "platinum"),
    *("custom", "internal", "legacy", "no_score"),
)
DEVICE_AUTOMATIONS: Final = (
    *("trigger_type", "trigger_subtype", "condition_type", "action_type"),
    "extra_fields",
)
BANNED_REQUIREMENTS: Final = {"async-timeout", "pytest", "setuptools", "wheel"}
# What an integration may import without saying so in its manifest.
FREE_COMPONENTS: Final = {
    *(platform.value for platform in Platform),
    *("alert", "automation", "conversation", "default_config", "device_automation"),
    *("frontend", "group", "homeassistant", "input_boolean", "input_button"),
    *("input_datetime", "input_number", "input_select", "input_text", "labs"),
    *("media_source", "mjpeg", "onboarding", "panel_custom"),
    *("persistent_notification", "person", "script", "shopping_list", "stream", "sun"),
    *("system_health", "system_log", "timer", "webhook", "websocket_api", "zone"),
}
# Where these must be named, even if they might be imported otherwise.
NAMED_IN: Final = {"recorder": "after_dependencies", "http": "dependencies"}


def _version(value: str) -> str:
    try:
        AwesomeVersion(value, ensure_strategy=VERSION_STRATEGIES)
    except AwesomeVersionException as error:
        raise vol.Invalid("not a version") from error
    return value


def _documentation(value: str) -> str:
    address = str(vol.Url()(value)).lower()
    if not address.startswith("https://") or "home-assistant.io/" in address:
        raise vol.Invalid("not a page of our own by https")
    return value


def _requirement(value: str) -> str:
    try:
        requirement = Requirement(value)
    except InvalidRequirement as error:
        raise vol.Invalid(str(error)) from error
    if " " in value or not requirement.specifier:
        raise vol.Invalid("name, operator, version, without a blank")
    if requirement.name in BANNED_REQUIREMENTS:
        raise vol.Invalid("banned")
    return value


def _not_null(value: object) -> object:
    if value is None:
        raise vol.Invalid("null")
    return value


def _target(value: object) -> object:
    if isinstance(value, dict) and "device" in value:
        raise vol.Invalid("a device filter in a target")
    return validate_selector({"target": value})


def _numeric(value: str) -> str:
    try:
        float(value)
    except ValueError as error:
        raise vol.Invalid("not numeric") from error
    return value


def _ascending(value: dict[str, str]) -> dict[str, str]:
    if list(value) != sorted(value, key=float):
        raise vol.Invalid("not in ascending order")
    return value


NAMES: Final = [str]
MANIFEST: Final = vol.Schema(
    {
        vol.Required("domain"): str,
        vol.Required("name"): str,
        vol.Required("codeowners"): [vol.Match(r"@\S+")],
        vol.Required("documentation"): vol.All(str, _documentation),
        vol.Required("iot_class"): vol.In(IOT_CLASSES),
        vol.Required("version"): vol.All(str, _version),
        "integration_type": vol.In(
            ("device", "entity", "hardware", "helper", "hub", "service", "system")
        ),
        "issue_tracker": vol.Url(),
        "requirements": [vol.All(str, _requirement)],
        **dict.fromkeys(("dependencies", "after_dependencies", "loggers"), NAMES),
        **dict.fromkeys(
            ("config_flow", "import_executor", "single_config_entry"), bool
        ),
        # Why it is.
        "disabled": str,
        "quality_scale": vol.In(QUALITY_SCALES),
        "preview_features": dict,
    }
)

FIELD: Final = vol.Schema(
    {
        "required": bool,
        "default": _not_null,
        "example": _not_null,
        vol.Required("selector"): validate_selector,
    }
)
ACTION_FIELD: Final = FIELD.extend({"advanced": bool, "filter": dict})
ACTIONS: Final = vol.Schema(
    {
        cv.slug: {
            "name": str,
            "description": str,
            "target": _target,
            "fields": {
                cv.slug: vol.Any(
                    ACTION_FIELD,
                    {
                        vol.Required("fields"): {cv.slug: ACTION_FIELD},
                        "collapsed": bool,
                    },
                )
            },
        }
    }
)
AUTOMATIONS: Final = vol.Schema(
    {
        cv.underscore_slug: {
            "target": _target,
            "fields": {cv.slug: FIELD.extend({"context": {str: str}})},
        }
    }
)

TEXTS: Final = {str: str}
NAMED: Final[dict[object, object]] = {
    vol.Required("name"): str,
    vol.Required("description"): str,
}
FIELD_TEXTS: Final = {str: {vol.Required("name"): str, "description": str}}
AUTOMATION_TEXTS: Final = {str: {**NAMED, "fields": FIELD_TEXTS}}
STATES: Final = {"name": str, "state": TEXTS}
STEP: Final[dict[str, object]] = {
    **dict.fromkeys(("title", "description", "submit"), str),
    **dict.fromkeys(
        ("data", "data_description", "menu_options", "menu_option_descriptions"), TEXTS
    ),
}
FLOW: Final[dict[str, object]] = {
    "step": {str: {**STEP, "sections": {str: STEP}}},
    **dict.fromkeys(("error", "abort", "progress", "create_entry"), TEXTS),
    "flow_title": str,
}
TRANSLATIONS: Final = vol.Schema(
    {
        "title": str,
        "config": FLOW,
        "options": FLOW,
        "selector": {str: {"options": TEXTS}},
        "system_health": {"info": TEXTS},
        "issues": {
            str: vol.Any(
                {vol.Required("title"): str, vol.Required("description"): str},
                {
                    vol.Required("title"): str,
                    vol.Required("fix_flow"): FLOW,
                },
            )
        },
        "device": {str: {vol.Required("name"): str}},
        "entity": {
            str: {
                str: {
                    **STATES,
                    "state_attributes": {str: STATES},
                    "unit_of_measurement": vol.Match(r"[^{]*\Z"),
                }
            }
        },
        "exceptions": {str: {vol.Required("message"): str}},
        "services": {
            str: {**NAMED, "fields": FIELD_TEXTS, "sections": FIELD_TEXTS},
        },
        "conditions": AUTOMATION_TEXTS,
        "triggers": AUTOMATION_TEXTS,
        "device_automation": dict.fromkeys(DEVICE_AUTOMATIONS, TEXTS),
        "common": TEXTS,
    }
)

ICON: Final = vol.Match(r"mdi:[a-z0-9-]+\Z")
STATE_ICONS: Final = {
    "default": ICON,
    "state": {str: ICON},
    "range": vol.All({_numeric: ICON}, _ascending),
}
ICONS: Final = vol.Schema(
    {
        "entity": {str: {str: {**STATE_ICONS, "state_attributes": {str: STATE_ICONS}}}},
        "services": {str: {vol.Required("service"): ICON, "sections": {str: ICON}}},
        "triggers": {str: {vol.Required("trigger"): ICON}},
        "conditions": {str: {vol.Required("condition"): ICON}},
        **dict.fromkeys(("config", "options", "issues"), dict),
    }
)


def manifest(root: Path) -> Problems:
    """Closed key set, order and values of the manifest."""
    content = _json(root / "manifest.json")
    yield from _breaches(MANIFEST, content)
    first = {"domain": 0, "name": 1}
    if list(content) != sorted(content, key=lambda key: (first.get(key, 2), key)):
        yield "order: domain, name, then alphabetical"
    if content.get("domain") != root.name:
        yield "domain: not the name of the folder"


def config_flow(root: Path) -> Problems:
    """The manifest and the module of a config flow go together."""
    promised = _json(root / "manifest.json").get("config_flow", False)
    if promised != (root / "config_flow.py").is_file():
        yield "config_flow: in the manifest or as a module only"


def config_schema(root: Path) -> Problems:
    """An integration that can be set up says what it takes from YAML."""
    tree = _tree(root / "__init__.py")
    functions = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    if "async_setup" in functions and "CONFIG_SCHEMA" not in _constants(tree):
        yield "async_setup without CONFIG_SCHEMA"


def dependencies(root: Path) -> Problems:
    """What is imported of other integrations is allowed, or in the manifest."""
    content = _json(root / "manifest.json")
    named = {*content.get("dependencies", ()), *content.get("after_dependencies", ())}
    own = {path.stem for path in root.iterdir()}
    for path in sorted(root.rglob("*.py")):
        for component in sorted(set(_components(_tree(path)))):
            if key := NAMED_IN.get(component):
                if component not in content.get(key, ()):
                    yield f"{path.name} imports {component}: must stand in {key}"
            elif component not in FREE_COMPONENTS | named | own:
                yield f"{path.name} imports {component}: not in the manifest"


def json_files(root: Path) -> Problems:
    """Every JSON file can be read."""
    for path in sorted(root.rglob("*.json")):
        try:
            _json(path)
        except json.JSONDecodeError as error:
            yield f"{path.name}: {error}"


def services(root: Path) -> Problems:
    """The actions that are registered are those that are described, and well."""
    registered = {
        value
        for name, value in _constants(_tree(root / "services.py")).items()
        if name.startswith("SERVICE_")
    }
    actions = _yaml(root / "services.yaml")
    if set(actions) != registered:
        yield f"actions: {sorted(map(str, registered ^ set(actions)))} on one side only"
    yield from _breaches(ACTIONS, actions)
    for name, described in actions.items():
        action = described or {}
        fields = list(_fields(action.get("fields", {})))
        if len(fields) != len(dict(fields)):
            yield f"{name}: a field name twice"
        if "target" not in action and any("filter" in field for _, field in fields):
            yield f"{name}: a filter without a target"


def triggers(root: Path) -> Problems:
    """The triggers that are offered are those that are described, and well."""
    yield from _automations(root, "trigger")


def conditions(root: Path) -> Problems:
    """The conditions that are offered are those that are described, and well."""
    yield from _automations(root, "condition")


def translations(root: Path) -> Problems:
    """Texts stand where Home Assistant looks for them."""
    if (root / "strings.json").exists():
        yield "strings.json: not read from custom integrations"
    for path in sorted((root / "translations").glob("*.json")):
        content = _json(path)
        yield from _breaches(TRANSLATIONS, content)
        for flow in ("config", "options"):
            for name, step in content.get(flow, {}).get("step", {}).items():
                for form in (step, *step.get("sections", {}).values()):
                    if extra := {*form.get("data_description", ())} - {
                        *form.get("data", ())
                    }:
                        yield f"{flow} {name}: describes {sorted(extra)}, not in data"


def icons(root: Path) -> Problems:
    """Icons stand where Home Assistant looks for them."""
    content = _json(root / "icons.json")
    yield from _breaches(ICONS, content)
    for platform, entities in content.get("entity", {}).items():
        for key, icon in entities.items():
            if icon.get("default") in icon.get("state", {}).values():
                yield f"{platform} {key}: a state's icon is the default"


CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check
    for check in (
        *(manifest, config_flow, config_schema, dependencies, json_files),
        *(services, triggers, conditions, translations, icons),
    )
}


def _automations(root: Path, kind: str) -> Problems:
    module, described = root / f"{kind}.py", root / f"{kind}s.yaml"
    if not module.is_file():
        return
    offered = _keys_of(_tree(module), f"{kind}s".upper())
    content = _yaml(described) if described.is_file() else {}
    content = {key: value for key, value in content.items() if key[0] != "."}
    texts = _json(root / "translations" / "en.json").get(f"{kind}s", {})
    places = {
        described.name: content,
        "translations": texts,
        "icons": _json(root / "icons.json").get(f"{kind}s", {}),
    }
    for place, keys in places.items():
        if different := offered ^ set(keys):
            yield f"{place}: {sorted(different)} there or offered only"
    yield from _breaches(AUTOMATIONS, content)
    for key, item in content.items():
        fields = item.get("fields", {})
        if set(fields) != set(texts.get(key, {}).get("fields", ())):
            yield f"{key}: fields and their texts differ"
        for name in fields:
            yield from (f"{key} {name}: {text}" for text in _context(item, name))


def _context(item: Mapping[str, Any], name: str) -> Problems:
    """What a field's selector takes from other fields, or from the target."""
    field = item["fields"][name]
    if not (context := field.get("context")):
        return
    try:
        allowed = selector(field["selector"]).allowed_context_keys
    except vol.Invalid:
        return  # the schema says so
    sources = {
        other: next(iter(described["selector"]))
        for other, described in item["fields"].items()
    }
    if "target" in item:
        sources["target"] = "target"
    for key, source in context.items():
        if key not in allowed:
            yield f"context {key} is not taken by its selector"
        elif sources.get(source) not in allowed[key]:
            yield f"context {key} can't be {source}"


def _breaches(schema: vol.Schema, content: object) -> Problems:
    try:
        schema(content)
    except vol.MultipleInvalid as error:
        yield from map(str, error.errors)


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is assigned to names, in whichever branch of the module."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


def _constants(tree: ast.Module) -> dict[str, object]:
    return {
        name: value.value if isinstance(value, ast.Constant) else None
        for name, value in _assignments(tree)
    }


def _keys_of(tree: ast.Module, name: str) -> set[str]:
    """Return the keys of the dictionaries that are assigned to a name."""
    return {
        key.value
        for target, value in _assignments(tree)
        if target == name and isinstance(value, ast.Dict)
        for key in value.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _components(node: ast.AST) -> Iterator[str]:
    """Yield the integrations whose modules are imported to be run."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    for name in names:
        if match := re.match(r"homeassistant\.components\.(\w+)", name):
            yield match[1]
    for child in ast.iter_child_nodes(node):
        yield from _components(child)


def _fields(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the fields of an action, also those in sections."""
    for name, field in fields.items():
        if "fields" in field:
            yield from _fields(field["fields"])
        else:
            yield name, field
