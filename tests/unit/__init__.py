"""Tests of the library alone, on the standard library of Python 3.11 and later.

The package around the library belongs to Home Assistant and can't be imported without
it: on a bare Python an empty one with the same name stands in, so that the library's
modules are found where they are.
"""

from importlib.util import find_spec
from pathlib import Path
import sys
from types import ModuleType

_PACKAGE = "custom_components.hypervolt_charger"

if find_spec("homeassistant") is None and _PACKAGE not in sys.modules:
    stand_in = ModuleType(_PACKAGE)
    root = Path(__file__).parents[2]
    stand_in.__path__ = [str(root / _PACKAGE.replace(".", "/"))]
    sys.modules[_PACKAGE] = stand_in
