"""The repository passes what HACS and the Marketplace ask, and a mistake would be seen.

The real check of HACS runs in the workflows; this one needs no network.
"""

from pathlib import Path
import shutil
import struct
from typing import Final

import pytest

from .breaking import GONE, INTEGRATION, REPOSITORY, Break, append, delete, put, replace
from .hacs import CHECKS

MANIFEST: Final = f"{INTEGRATION}/manifest.json"


def image(name: str, width: int, height: int) -> Break:
    """Add what looks like an image."""

    def change(root: Path) -> None:
        path = root / INTEGRATION / "brand" / name
        size = struct.pack(">4sII", b"IHDR", width, height)
        path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + size)

    return change


# The rule that sees it, a mistake, and what is said of it.
MISTAKES: Final[list[tuple[str, Break, str]]] = [
    ("hacs_json", put("hacs.json", "domains", []), "domains"),
    ("hacs_json", put("hacs.json", "name", GONE), "name"),
    ("hacs_json", put("hacs.json", "homeassistant", "newest"), "homeassistant"),
    ("hacs_json", put("hacs.json", "zip_release", True), "filename"),
    ("hacs_json", put("hacs.json", "country", "England"), "country"),
    ("layout", append("custom_components/x/manifest.json", "{}"), "2 folders"),
    ("layout", put(MANIFEST, "domain", "x"), "domain"),
    ("layout", put(MANIFEST, "issue_tracker", GONE), "issue_tracker"),
    ("readme", delete("README.md"), "README"),
    ("licence", delete("LICENSE"), "LICENSE"),
    ("licence", replace("LICENSE", "free of charge", "for a fee"), "LICENSE"),
    ("brand", delete(f"{INTEGRATION}/brand/icon.png"), "no icon.png"),
    ("brand", image("icon.png", 256, 255), "256x255"),
    ("brand", image("icon@2x.png", 256, 256), "256x256"),
    ("brand", image("logo.png", 300, 127), "300x127"),
    ("brand", image("dark_logo@2x.png", 600, 513), "600x513"),
    ("brand", image("dark_icon.png", 256, 256), "twice"),
    ("brand", image("favicon.png", 256, 256), "favicon"),
    ("brand", append(f"{INTEGRATION}/brand/dark_logo.png", "GIF89a"), "not a PNG"),
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what HACS looks at, to break."""
    ignored = shutil.ignore_patterns("__pycache__", "brand")
    shutil.copytree(REPOSITORY / INTEGRATION, tmp_path / INTEGRATION, ignore=ignored)
    for name in ("hacs.json", "LICENSE", "README.md"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / INTEGRATION / "brand").mkdir()
    image("icon.png", 256, 256)(tmp_path)
    return tmp_path


@pytest.mark.parametrize("rule", CHECKS)
def test_nothing_is_wrong(rule: str) -> None:
    assert list(CHECKS[rule](REPOSITORY)) == []


@pytest.mark.parametrize(
    ("rule", "make", "said"),
    MISTAKES,
    ids=[f"{item[0]}: {item[2]}" for item in MISTAKES],
)
def test_a_mistake_is_seen(repository: Path, rule: str, make: Break, said: str) -> None:
    make(repository)
    problems = list(CHECKS[rule](repository))
    assert problems
    assert said in "\n".join(problems)


def test_every_image_there_may_be(repository: Path) -> None:
    for name, width, height in (
        ("icon@2x.png", 512, 512),
        ("logo.png", 400, 128),
        ("logo@2x.png", 800, 256),
        ("dark_logo.png", 256, 500),
    ):
        image(name, width, height)(repository)
    assert list(CHECKS["brand"](repository)) == []
