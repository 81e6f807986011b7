"""Renders artwork/*.svg to the integration's brand folder, and notes what it rendered.

Home Assistant looks there for an icon and a logo, each also in double size. The marks
are the same on light and dark, so there is no dark variant of either.
"""

import hashlib
import json
from pathlib import Path

import resvg_py

from _environment import ROOT

ARTWORK = ROOT / "artwork"
BRAND = ROOT / "custom_components" / "hypervolt_charger" / "brand"
NOTES = ARTWORK / "rendered.json"
# Height in pixels by suffix; the width follows from the drawing.
SIZES = {"": 256, "@2x": 512}


def render() -> None:
    """Render everything, and note which drawing each image shows."""
    BRAND.mkdir(exist_ok=True)
    notes = {}
    for drawing in sorted(ARTWORK.glob("*.svg")):
        for suffix, height in SIZES.items():
            image = BRAND / f"{drawing.stem}{suffix}.png"
            image.write_bytes(
                bytes(
                    resvg_py.svg_to_bytes(
                        svg_path=str(drawing), height=height, skip_system_fonts=True
                    )
                )
            )
            notes[image.name] = {"drawing": digest(drawing), "image": digest(image)}
            print(f"rendered {image.relative_to(ROOT)}")
    NOTES.write_text(json.dumps(notes, indent=2, sort_keys=True) + "\n")


def digest(path: Path) -> str:
    """Return what tells whether a file is still the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    render()
