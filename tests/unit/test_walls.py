"""The two walls of the design, and imports that run one way.

Wall one: the library knows nothing of Home Assistant, and of the packages outside the
standard library only where it opens connections. Wall two: what shows things to people
knows nothing of the wire.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
import re
import sys
import unittest

from custom_components.hypervolt_charger.hypervolt import device_state
from custom_components.hypervolt_charger.hypervolt.endpoints import OVERRIDE_VARIABLE
from custom_components.hypervolt_charger.hypervolt.protocol import Method

PACKAGE = Path(__file__).parents[2] / "custom_components" / "hypervolt_charger"
NAME = "custom_components.hypervolt_charger"
LIBRARY = f"{NAME}.hypervolt"

# The integration around the library is written for Home Assistant's own Python.
READABLE = sys.version_info >= (3, 14)
NEWER = "the integration's syntax is newer than this Python"

CONNECTING = {"auth", "account", "connection"}
CONNECTORS = {"aiohttp", "websockets"}
WIRE_MODULES = {
    f"{LIBRARY}.{name}"
    for name in (
        "account",
        "auth",
        "commands",
        "connection",
        "endpoints",
        "led_writer",
        "protocol",
        "timing",
    )
}
WIRE_KEYS = {
    *device_state._SETTINGS,
    *device_state._SESSION,
    *("is_locked", "release", "leds"),
    *("applied", "pending", "pilot_status", "composite_pilot_status"),
    *("jsonrpc", "params", "result", "authenticated"),
}
# "login" is also a word that people use.
MESSAGES = {*device_state._READERS, *(str(method) for method in Method)} - {"login"}
URL = re.compile(r"\b(https?|wss?)://|/(ws|users|charger|realms)/|hypervolt\.co\.uk")
# The vendor's page for people, which the device links to.
PAGES_FOR_PEOPLE = {"https://hypervolt.co.uk"}

# From below to above; whatever is not named is a platform or something like it.
LAYERS = {
    f"{NAME}.const": 0,
    f"{NAME}.records": 0,
    f"{NAME}.account": 1,
    f"{NAME}.effect_files": 1,
    f"{NAME}.energy_book": 1,
    f"{NAME}.energy_store": 1,
    f"{NAME}.entry_issues": 1,
    f"{NAME}.exceptions": 1,
    f"{NAME}.planned_schedule": 1,
    f"{NAME}.price": 1,
    f"{NAME}.storage": 1,
    f"{NAME}.coordinator": 2,
    f"{NAME}.entity": 3,
    NAME: 5,
}
PLATFORM_LAYER = 4


def modules() -> dict[str, Path]:
    """Return every module of the integration by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        found[".".join((NAME, *parts))] = path
    return found


def library() -> dict[str, Path]:
    return {name: path for name, path in modules().items() if in_library(name)}


def in_library(module: str) -> bool:
    return module == LIBRARY or module.startswith(f"{LIBRARY}.")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the absolute names of all that is imported, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join((*above, *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def package_of(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def imported_modules(module: str, path: Path) -> Iterator[str]:
    """Yield the modules of the integration that one of them imports."""
    known = modules()
    for name in imports(parsed(path), package_of(module, path)):
        if name in known:
            yield name
        elif (parent := name.rpartition(".")[0]) in known:
            yield parent


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield all text constants but docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def lookups(tree: ast.AST) -> Iterator[str]:
    """Yield texts used as keys: looked up, put into a dict, searched for."""
    for node in ast.walk(tree):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Dict):
            keys = list(node.keys)
        elif isinstance(node, ast.Compare) and any(
            isinstance(operator, ast.In | ast.NotIn) for operator in node.ops
        ):
            keys = [node.left]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("get", "pop", "setdefault")
        ):
            keys = list(node.args[:1])
        for key in keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value


def wire_in(tree: ast.AST, package: str = NAME) -> list[str]:
    """Return what a module knows of the wire."""
    return [
        *(f"key {key}" for key in lookups(tree) if key in WIRE_KEYS),
        *(f"message {text}" for text in texts(tree) if text in MESSAGES),
        *(
            f"address {text}"
            for text in texts(tree)
            if URL.search(text) and text not in PAGES_FOR_PEOPLE
        ),
        *(
            f"import {name}"
            for name in imports(tree, package)
            if name.rpartition(".")[0] in WIRE_MODULES or name in WIRE_MODULES
        ),
    ]


class WallOneTests(unittest.TestCase):
    def test_the_library_is_there(self) -> None:
        for name in ("auth", "client", "connection", "device_state", "protocol"):
            self.assertIn(f"{LIBRARY}.{name}", library())

    def test_the_library_imports_the_standard_library_and_itself(self) -> None:
        for module, path in library().items():
            for name in imports(parsed(path), package_of(module, path)):
                root = name.partition(".")[0]
                with self.subTest(module=module, imports=name):
                    if root in CONNECTORS:
                        self.assertIn(module.rpartition(".")[2], CONNECTING)
                    elif root not in sys.stdlib_module_names:
                        self.assertTrue(in_library(name), "beyond the wall")

    def test_the_library_imports_nothing_by_name_at_run_time(self) -> None:
        for module, path in library().items():
            names = {
                getattr(node, "id", getattr(node, "attr", ""))
                for node in ast.walk(parsed(path))
            }
            with self.subTest(module=module):
                self.assertEqual(names & {"import_module", "__import__", "exec"}, set())

    def test_the_library_keeps_to_the_syntax_of_python_3_11(self) -> None:
        for module, path in library().items():
            with self.subTest(module=module):
                ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 11))

    def test_most_of_the_library_needs_no_package(self) -> None:
        needy = {
            module.rpartition(".")[2]
            for module, path in library().items()
            for name in imports(parsed(path), package_of(module, path))
            if name.partition(".")[0] in CONNECTORS
        }
        self.assertLessEqual(needy, CONNECTING)

    def test_a_breach_would_be_seen(self) -> None:
        for source, seen in (
            ("import homeassistant.core", "homeassistant.core"),
            ("from homeassistant.core import HomeAssistant", "homeassistant.core."),
            ("import voluptuous as vol", "voluptuous"),
            ("def f():\n    import yaml", "yaml"),
            ("from ..const import DOMAIN", f"{NAME}.const.DOMAIN"),
            ("from .. import const", f"{NAME}.const"),
            ("from ... import hypervolt_charger", NAME),
            ("from .protocol import decode", f"{LIBRARY}.protocol.decode"),
        ):
            with self.subTest(source=source):
                (name,) = imports(ast.parse(source), LIBRARY)
                self.assertTrue(name.startswith(seen), name)
                self.assertEqual(in_library(name), name.startswith(f"{LIBRARY}."))


@unittest.skipUnless(READABLE, NEWER)
class WallTwoTests(unittest.TestCase):
    def platforms(self) -> list[str]:
        """Return the modules of the entity platforms, as the set-up lists them."""
        return sorted(
            f"{NAME}.{node.attr.lower()}"
            for node in ast.walk(parsed(PACKAGE / "__init__.py"))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "Platform"
        )

    def test_every_platform_that_is_set_up_has_a_module(self) -> None:
        platforms = self.platforms()
        self.assertIn(f"{NAME}.sensor", platforms)
        self.assertLessEqual(set(platforms), modules().keys())

    def test_entities_know_nothing_of_the_wire(self) -> None:
        for module in (*self.platforms(), f"{NAME}.entity"):
            with self.subTest(module=module):
                self.assertEqual(wire_in(parsed(modules()[module])), [])

    def test_nothing_outside_the_library_knows_addresses_or_messages(self) -> None:
        for module, path in modules().items():
            if in_library(module):
                continue
            known = [
                text
                for text in texts(parsed(path))
                if text in MESSAGES
                or (URL.search(text) and text not in PAGES_FOR_PEOPLE)
            ]
            with self.subTest(module=module):
                self.assertEqual(known, [])

    def test_a_breach_would_be_seen(self) -> None:
        for source in (
            'data["true_milli_amps"]',
            'data.get("lock_state")',
            'data.pop("applied", None)',
            'send({"is_locked": True})',
            'if "solar_mode" in document: pass',
            'METHOD = "sync.apply"',
            'ask(method="get.session")',
            'BASE = "https://api.hypervolt.co.uk"',
            'f"wss://{host}/ws"',
            'f"{base}/charger/{charger_id}"',
            "from .hypervolt.protocol import encode",
            "from .hypervolt.connection import Connection",
            "from .hypervolt import protocol",
            "import custom_components.hypervolt_charger.hypervolt.auth",
        ):
            with self.subTest(source=source):
                self.assertNotEqual(wire_in(ast.parse(source)), [])

    def test_what_people_see_is_no_breach(self) -> None:
        for source in (
            '"""Talks of data["lock_state"] and sync.apply at https://x.test/ws/."""',
            'Description(key="lock_state", translation_key="max_current")',
            'url = "https://hypervolt.co.uk"',
            "from .hypervolt.device_state import HypervoltDeviceState",
            "from .hypervolt.client import HypervoltApiClient",
            "kwargs[ATTR_BRIGHTNESS]",
        ):
            with self.subTest(source=source):
                self.assertEqual(wire_in(ast.parse(source)), [])


@unittest.skipUnless(READABLE, NEWER)
class OneWayTests(unittest.TestCase):
    def graph(self) -> dict[str, set[str]]:
        return {
            module: set(imported_modules(module, path))
            for module, path in modules().items()
        }

    def layer(self, module: str) -> int:
        return 0 if in_library(module) else LAYERS.get(module, PLATFORM_LAYER)

    def test_there_is_no_circle(self) -> None:
        try:
            TopologicalSorter(self.graph()).prepare()
        except CycleError as error:
            self.fail(f"imports run in a circle: {' → '.join(error.args[1])}")

    def test_imports_run_downwards(self) -> None:
        for module, imported in self.graph().items():
            for name in imported:
                with self.subTest(module=module, imports=name):
                    self.assertLessEqual(self.layer(name), self.layer(module))

    def test_the_graph_is_more_than_dots(self) -> None:
        graph = self.graph()
        self.assertIn(f"{NAME}.entity", graph[f"{NAME}.sensor"])
        self.assertIn(f"{NAME}.coordinator", graph[f"{NAME}.entity"])
        self.assertIn(f"{LIBRARY}.client", graph[f"{NAME}.coordinator"])
        self.assertIn(f"{LIBRARY}.protocol", graph[f"{LIBRARY}.client"])


@unittest.skipUnless(READABLE, NEWER)
class EnvironmentTests(unittest.TestCase):
    def test_the_override_is_named_in_one_place(self) -> None:
        named = {
            module
            for module, path in modules().items()
            if any(OVERRIDE_VARIABLE in text for text in texts(parsed(path)))
        }
        self.assertEqual(named, {f"{LIBRARY}.endpoints"})

    def test_the_environment_is_read_in_one_place(self) -> None:
        for word, places in (
            ("environ", [f"{NAME}.account"]),
            ("from_environment", [f"{NAME}.account"]),
            ("getenv", []),
        ):
            readers = [
                module
                for module, path in modules().items()
                for node in ast.walk(parsed(path))
                if isinstance(node, ast.Attribute) and node.attr == word
            ]
            with self.subTest(word=word):
                self.assertEqual(readers, places)


if __name__ == "__main__":
    unittest.main()
