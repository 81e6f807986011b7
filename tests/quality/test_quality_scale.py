"""quality_scale.yaml knows every rule, hides nothing and proves what it says."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Final

import pytest
import yaml

from tests.quality.repository import INTEGRATION, ROOT, headings, slug

# By tier: bronze, silver, gold, platinum.
RULES: Final = frozenset(
    [
        "action-setup",
        "appropriate-polling",
        "brands",
        "common-modules",
        "config-flow",
        "config-flow-test-coverage",
        "dependency-transparency",
        "docs-actions",
        "docs-conditions",
        "docs-high-level-description",
        "docs-installation-instructions",
        "docs-removal-instructions",
        "docs-triggers",
        "entity-event-setup",
        "entity-unique-id",
        "has-entity-name",
        "runtime-data",
        "test-before-configure",
        "test-before-setup",
        "unique-config-entry",
        "action-exceptions",
        "config-entry-unloading",
        "docs-configuration-parameters",
        "docs-installation-parameters",
        "entity-unavailable",
        "integration-owner",
        "log-when-unavailable",
        "parallel-updates",
        "reauthentication-flow",
        "test-coverage",
        "devices",
        "diagnostics",
        "discovery",
        "discovery-update-info",
        "docs-data-update",
        "docs-examples",
        "docs-known-limitations",
        "docs-supported-devices",
        "docs-supported-functions",
        "docs-troubleshooting",
        "docs-use-cases",
        "dynamic-devices",
        "entity-category",
        "entity-device-class",
        "entity-disabled-by-default",
        "entity-translations",
        "exception-translations",
        "icon-translations",
        "reconfiguration-flow",
        "repair-issues",
        "stale-devices",
        "async-dependency",
        "inject-websession",
        "strict-typing",
    ]
)
SHORTEST_REASON: Final = 20
PATH: Final = re.compile(
    r"(?:(?:tests|docs|scripts)/[\w/.-]+\.(?:py|md)|[A-Z]+\.md)(?:#[\w-]+)?"
)
TEST: Final = re.compile(r"^ *(?:async )?def test_", re.MULTILINE)
TEXT: Final = (INTEGRATION / "quality_scale.yaml").read_text(encoding="utf-8")


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong with a quality_scale.yaml."""
    rules = yaml.safe_load(text)["rules"]
    yield from (f"{rule} is missing" for rule in sorted(RULES - rules.keys()))
    yield from (f"{rule} is no rule" for rule in sorted(rules.keys() - RULES))
    for rule, told in rules.items():
        status, comment = "", ""
        if isinstance(told, dict):
            status, comment = told.get("status", ""), told.get("comment", "").strip()
        if status == "done":
            yield from (f"{rule}: {fault}" for fault in _faults_of_proof(comment))
        elif status == "exempt":
            if len(comment) < SHORTEST_REASON:
                yield f"{rule} is exempt without a reason"
        else:
            yield f"{rule} is neither done nor exempt: {told}"


def _faults_of_proof(comment: str) -> Iterator[str]:
    named = PATH.findall(comment)
    if not any(_is_proof(name) for name in named):
        yield "names neither a test nor a document"
    for name in named:
        path, _, anchor = name.partition("#")
        page = ROOT / path
        if not page.is_file():
            yield f"{path} does not exist"
        elif anchor and anchor not in map(slug, headings(page)):
            yield f"{path} has no heading {anchor}"
        elif _is_test(page) and not TEST.search(page.read_text("utf-8")):
            yield f"{path} has no test"


def _is_test(page: Path) -> bool:
    return page.name.startswith("test_") and page.suffix == ".py"


def _is_proof(name: str) -> bool:
    return _is_test(ROOT / name) or name.partition("#")[0].endswith(".md")


def test_there_are_54_rules() -> None:
    assert len(RULES) == 54


def test_every_rule_is_kept_and_proved() -> None:
    assert list(faults(TEXT)) == []


def changed(rule: str, told: object) -> str:
    """Return the file with another word about a rule; None takes the rule away."""
    rules = yaml.safe_load(TEXT)["rules"]
    del rules[rule]
    if told is not None:
        rules[rule] = told
    return yaml.safe_dump({"rules": rules})


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (None, "brands is missing"),
        ("done", "brands is neither done nor exempt: done"),
        ("todo", "brands is neither done nor exempt: todo"),
        ({"status": "todo", "comment": "soon"}, "brands is neither done nor exempt"),
        ({"status": "exempt"}, "brands is exempt without a reason"),
        ({"status": "exempt", "comment": "no need of any     "}, "without a reason"),
        ({"status": "done"}, "brands: names neither a test nor a document"),
        ({"status": "done", "comment": "scripts/_checks.py"}, "names neither a test"),
        ({"status": "done", "comment": "docs/none.md"}, "docs/none.md does not exist"),
        ({"status": "done", "comment": "README.md#none"}, "has no heading none"),
        (
            {"status": "done", "comment": "README.md and tests/unit/test_none.py"},
            "tests/unit/test_none.py does not exist",
        ),
        (
            {"status": "done", "comment": "README.md and tests/quality/repository.py"},
            None,
        ),
    ],
)
def test_what_is_wrong_is_found(told: object, fault: str | None) -> None:
    found = list(faults(changed("brands", told)))
    assert len(found) == (fault is not None)
    assert all(fault in line for line in found if fault)


def test_an_unknown_rule_is_found() -> None:
    text = f"{TEXT}\n  brand-new:\n    status: exempt\n    comment: {'x' * 30}\n"
    assert list(faults(text)) == ["brand-new is no rule"]
