"""Writes the parts of docs/*.md that follow from the code: entities, actions, triggers.

They stand between markers; what people wrote around them is left alone. What an entity
is for is in scripts/docs_texts.yaml, everything else in the code.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import importlib
import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from homeassistant.helpers.entity import EntityDescription
import yaml

from _environment import ROOT
from custom_components.hypervolt_charger import PLATFORMS
from custom_components.hypervolt_charger.hypervolt.charger import ApiVariant
from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltDeviceState,
)
from custom_components.hypervolt_charger.services import async_setup_services

DOCS = ROOT / "docs"
INTEGRATION = ROOT / "custom_components" / "hypervolt_charger"
TEXTS = ROOT / "scripts" / "docs_texts.yaml"

type Tree = dict[str, Any]
type Row = tuple[str, ...]


def main() -> None:
    """Write every document that is not as it should be."""
    for path, text in stale():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


def stale() -> Iterator[tuple[Path, str]]:
    """Yield the documents that differ from the code, and what they should be."""
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (wanted := _filled(text)) != text:
            yield path, wanted


def _filled(text: str) -> str:
    """Return a document with everything between its markers as it should be."""
    for name, write in PARTS.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        if begin not in text:
            continue
        before, _, rest = text.partition(begin)
        _, marker, after = rest.partition(end)
        if not marker:
            raise ValueError(f"{end} is missing")
        text = f"{before}{begin}\n\n{write()}\n\n{end}{after}"
    return text


def _yaml(name: str) -> Tree:
    path = INTEGRATION / name
    loaded: Tree = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    return loaded


def _english() -> Tree:
    text = (INTEGRATION / "translations" / "en.json").read_text(encoding="utf-8")
    english: Tree = json.loads(text)
    return english


# Entities -------------------------------------------------------------------------


def entity_keys() -> set[str]:
    """Return all entities, those that are numbered once."""
    return {
        f"{platform}.{_key(description)}"
        for platform in _platforms()
        for description in _descriptions(platform)
    }


def _texts() -> dict[str, str]:
    texts: dict[str, str] = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    return texts


def _platforms() -> list[str]:
    return sorted(platform.value for platform in PLATFORMS)


def _entities() -> str:
    return "\n\n".join(_platform(platform) for platform in _platforms())


def _platform(platform: str) -> str:
    title = platform.replace("_", " ").capitalize()
    names, texts = _english()["entity"][platform], _texts()
    rows = []
    for description in _descriptions(platform):
        key = _key(description)
        told = names[description.translation_key or description.key]
        rows.append(
            (
                told["name"].replace("{number}", "*n*"),
                f"`{key}`",
                " ".join(
                    filter(
                        None,
                        [
                            texts.get(f"{platform}.{key}", ""),
                            _states(told.get("state", {})),
                        ],
                    )
                ),
                _unit(description),
                _chargers(description),
                _notes(description),
            )
        )
    header = ("Name", "Key", "What it is", "Unit", "Chargers", "Notes")
    return f"### {title}\n\n{_table(header, rows)}"


def _descriptions(platform: str) -> list[EntityDescription]:
    """Return a platform's entities; of those that are numbered, the first."""
    package = "custom_components.hypervolt_charger"
    module = importlib.import_module(f"{package}.{platform}")
    found: dict[str, EntityDescription] = {}
    for name, table in vars(module).items():
        if name.endswith("DESCRIPTIONS"):
            for description in table:
                found.setdefault(_key(description), description)
    return list(found.values())


def _key(description: EntityDescription) -> str:
    number = (description.translation_placeholders or {}).get("number")
    return description.key.replace(number, "n") if number else description.key


def _states(states: Mapping[str, str]) -> str:
    told = ", ".join(f"`{key}` ({text})" for key, text in sorted(states.items()))
    return f"One of {told}." if told else ""


def _unit(description: EntityDescription) -> str:
    unit = getattr(description, "native_unit_of_measurement", None)
    return str(unit or description.unit_of_measurement or "")


def _chargers(description: EntityDescription) -> str:
    """Find out by asking the description about chargers of each kind."""
    supported: Callable[[Any], bool] = getattr(
        description, "supported_fn", lambda _: True
    )
    nothing, everything = HypervoltDeviceState(), MagicMock()
    newer = supported(_charger(ApiVariant.V3, nothing))
    older = supported(_charger(ApiVariant.V2, nothing))
    later = supported(_charger(ApiVariant.V2, everything))
    match newer, older, later:
        case True, True, _:
            return "all"
        case True, False, True:
            return "V3 API; others once reported"
        case True, False, False:
            return "V3 API"
        case False, _, True:
            return "legacy V2"
    return "once reported"


def _charger(variant: ApiVariant, state: object) -> MagicMock:
    charger = MagicMock()
    charger.client.variant = variant
    charger.client.state = charger.data = state
    return charger


def _notes(description: EntityDescription) -> str:
    notes = []
    if description.entity_category is not None:
        notes.append(str(description.entity_category.value))
    if not description.entity_registry_enabled_default:
        notes.append("off by default")
    return ", ".join(notes)


# Actions, triggers, conditions ----------------------------------------------------


def _actions() -> str:
    texts, answers = _english()["services"], _answers()
    return "\n\n".join(
        "\n\n".join(
            (
                f"## `hypervolt_charger.{name}`",
                _sentence(texts[name]["description"]),
                answers[name],
                _fields(action.get("fields", {}), texts[name].get("fields", {})),
            )
        )
        for name, action in _yaml("services.yaml").items()
    )


def _answers() -> dict[str, str]:
    """Return whether an action answers, as it is registered."""
    hass = MagicMock()
    async_setup_services(hass)
    words = {
        "none": "It answers nothing.",
        "optional": "It answers, if you give it a `response_variable`.",
        "only": "It needs a `response_variable`, because all it does is answer.",
    }
    return {
        call.args[1]: words[call.kwargs["supports_response"].value]
        for call in hass.services.async_register.call_args_list
    }


def _fields(fields: Tree, texts: Tree) -> str:
    rows = []
    for key, field in fields.items():
        told = texts[key]
        rows.append(
            (
                f"`{key}`",
                told["name"],
                "yes" if field.get("required") else "",
                _sentence(told["description"]),
                _code(field.get("default")),
                _code(field.get("example")),
            )
        )
    header = ("Field", "Name", "Required", "What it is", "Default", "Example")
    return _table(header, rows) if rows else "It has no fields."


def _code(value: object) -> str:
    if value is None:
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _automation(kind: str) -> str:
    """Describe triggers or conditions, if there are any."""
    texts = _english().get(kind, {})
    rows = [
        (
            f"`hypervolt_charger.{key}`",
            texts[key]["name"],
            _sentence(texts[key]["description"]),
            ", ".join(f"`{field}`" for field in (item or {}).get("fields", {})),
        )
        for key, item in _yaml(f"{kind}.yaml").items()
        if not key.startswith(".")
    ]
    header = (kind.removesuffix("s").capitalize(), "Name", "What it is", "Fields")
    return _table(header, rows) if rows else "None yet."


def _device_triggers() -> str:
    texts = _english().get("device_automation", {}).get("trigger_type", {})
    rows = [(f"`{key}`", text) for key, text in texts.items()]
    return _table(("Type", "Name"), rows) if rows else "None yet."


# Markdown -------------------------------------------------------------------------


def _table(header: Row, rows: Iterable[Row]) -> str:
    """Return a table without columns that are empty in every row."""
    body = list(rows)
    used = [i for i in range(len(header)) if any(row[i] for row in body)]
    lines = [[header[i] for i in used], ["---"] * len(used)]
    lines += [[row[i].replace("|", "\\|") for i in used] for row in body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


PARTS: Mapping[str, Callable[[], str]] = {
    "entities": _entities,
    "actions": _actions,
    "triggers": lambda: _automation("triggers"),
    "conditions": lambda: _automation("conditions"),
    "device triggers": _device_triggers,
}


if __name__ == "__main__":
    main()
