"""Where the repository and its parts are."""

from pathlib import Path
import re
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
INTEGRATION: Final = ROOT / "custom_components" / "hypervolt_charger"
DOCS: Final = ROOT / "docs"


def headings(page: Path) -> list[str]:
    """Return the headings of a page, without those in its examples."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    return re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)


def slug(heading: str) -> str:
    """Return what links call a heading, as GitHub has it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")
