"""What HACS and the Marketplace ask of a repository, one function a rule.

Each takes the repository's folder and yields what is wrong.
"""

from collections.abc import Callable, Iterator, Mapping
import json
from pathlib import Path
import re
import struct
from typing import Any, Final

from awesomeversion import AwesomeVersion
import voluptuous as vol

type Problems = Iterator[str]
type Check = Callable[[Path], Problems]

MANIFEST_KEYS: Final = {
    *("codeowners", "documentation", "domain", "issue_tracker", "name", "version")
}
# The beginning and the end of the text that GitHub knows as the MIT licence.
MIT: Final = re.compile(
    r"MIT License\s+Copyright \(c\) \d{4} .+?\s+Permission is hereby granted, free of "
    r"charge, to any person obtaining a copy of this software .+ THE SOFTWARE IS "
    r'PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, .+ OTHER DEALINGS IN THE '
    r"SOFTWARE\.",
    re.DOTALL,
)
PNG: Final = struct.Struct(">8s4x4sII")


def _version(value: str) -> str:
    if not AwesomeVersion(value).valid:
        raise vol.Invalid("not a version")
    return value


HACS: Final = vol.Schema(
    {
        vol.Required("name"): str,
        "homeassistant": vol.All(str, _version),
        "hacs": vol.All(str, _version),
        **dict.fromkeys(
            ("hide_default_branch", "zip_release", "content_in_root", "render_readme"),
            bool,
        ),
        **dict.fromkeys(("filename", "persistent_directory"), str),
        "country": vol.Any(vol.Match(r"[A-Z]{2}\Z"), [vol.Match(r"[A-Z]{2}\Z")]),
    }
)


def hacs_json(root: Path) -> Problems:
    """Closed key set and values of hacs.json."""
    content = _json(root / "hacs.json")
    try:
        HACS(content)
    except vol.MultipleInvalid as error:
        yield from map(str, error.errors)
    if content.get("zip_release") and "filename" not in content:
        yield "zip_release without filename"


def layout(root: Path) -> Problems:
    """There is one integration, in a folder of its domain's name."""
    folders = [path for path in (root / "custom_components").iterdir() if path.is_dir()]
    folders = [path for path in folders if path.name != "__pycache__"]
    if len(folders) != 1:
        yield f"custom_components: {len(folders)} folders"
    for folder in folders:
        manifest = _json(folder / "manifest.json")
        if manifest.get("domain") != folder.name:
            yield "domain: not the name of the folder"
        if missing := MANIFEST_KEYS - set(manifest):
            yield f"manifest.json: no {sorted(missing)}"


def readme(root: Path) -> Problems:
    """There is something to read."""
    path = root / "README.md"
    if not path.is_file() or not path.read_text(encoding="utf-8").strip():
        yield "README.md: missing or empty"


def licence(root: Path) -> Problems:
    """The licence is recognised."""
    path = root / "LICENSE"
    text = " ".join(path.read_text(encoding="utf-8").split()) if path.is_file() else ""
    if not MIT.fullmatch(text):
        yield "LICENSE: not the text of the MIT licence"


def brand(root: Path) -> Problems:
    """The images have the names and sizes that Home Assistant shows."""
    (folder,) = root.glob("custom_components/*/")
    images = {path.name: path for path in (folder / "brand").glob("*")}
    if "icon.png" not in images:
        yield "brand: no icon.png"
    for name, path in sorted(images.items()):
        match = re.fullmatch(r"(?:dark_)?(icon|logo)(@2x)?\.png", name)
        if match is None:
            yield f"{name}: not a name that is looked for"
            continue
        signature, chunk, width, height = PNG.unpack_from(path.read_bytes().ljust(24))
        if (signature, chunk) != (b"\x89PNG\r\n\x1a\n", b"IHDR"):
            yield f"{name}: not a PNG"
            continue
        scale = 2 if match[2] else 1
        if match[1] == "icon":
            fits = width == height == 256 * scale
        else:
            fits = 128 * scale <= min(width, height) <= 256 * scale
        if not fits:
            yield f"{name}: {width}x{height}"
    if len({path.read_bytes() for path in images.values()}) != len(images):
        yield "brand: the same image twice"


CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check for check in (hacs_json, layout, readme, licence, brand)
}


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
