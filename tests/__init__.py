"""Tests of the Hypervolt Charger integration."""

from pathlib import Path
import unittest


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    """Let a bare `python3 -m unittest` find the library's tests alone.

    The others need Home Assistant and pytest.
    """
    here = Path(__file__).parent
    return loader.discover(str(here / "unit"), top_level_dir=str(here.parent))
