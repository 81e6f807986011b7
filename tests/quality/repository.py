"""Where the repository and its parts are."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
INTEGRATION: Final = ROOT / "custom_components" / "hypervolt_charger"
DOCS: Final = ROOT / "docs"
