"""The images of the integration are what Home Assistant asks for, and up to date."""

from collections.abc import Iterator
import hashlib
import json
from pathlib import Path
import struct
import zlib

import pytest

from tests.quality.repository import INTEGRATION, ROOT

ARTWORK = ROOT / "artwork"
BRAND = INTEGRATION / "brand"
NOTES: dict[str, dict[str, str]] = json.loads((ARTWORK / "rendered.json").read_text())
IMAGES = ["icon.png", "icon@2x.png", "logo.png", "logo@2x.png"]
# What Home Assistant's own integration of brands names files.
ALLOWED = {
    f"{dark}{name}{size}.png"
    for dark in ("", "dark_")
    for name in ("icon", "logo")
    for size in ("", "@2x")
}
RGBA = 6

every_image = pytest.mark.parametrize("name", IMAGES)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def header(path: Path) -> tuple[int, int, int, int]:
    """Return width, height, bit depth and colour type of a PNG."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[12:16] == b"IHDR"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    return width, height, depth, colour


def rows(path: Path) -> list[bytes]:
    """Return the opacity of every pixel, row by row (PNG specification, 9)."""
    width, height, depth, colour = header(path)
    assert (depth, colour) == (8, RGBA)
    packed = zlib.decompress(b"".join(chunks(path.read_bytes(), b"IDAT")))
    stride, before, found = 4 * width, bytes(4 * width), []
    for y in range(height):
        line = packed[y * (stride + 1) : (y + 1) * (stride + 1)]
        before = unfiltered(line[0], line[1:], before)
        found.append(before[3::4])
    return found


def chunks(data: bytes, kind: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == kind:
            yield data[at + 8 : at + 8 + length]
        at += 12 + length


def unfiltered(method: int, line: bytes, above: bytes) -> bytes:
    row = bytearray(line)
    for i, value in enumerate(row):
        left, corner = (row[i - 4], above[i - 4]) if i >= 4 else (0, 0)
        match method:
            case 1:
                guess = left
            case 2:
                guess = above[i]
            case 3:
                guess = (left + above[i]) // 2
            case 4:
                guess = paeth(left, above[i], corner)
            case _:
                guess = 0
        row[i] = (value + guess) & 0xFF
    return bytes(row)


def paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda value: abs(estimate - value))


def test_there_are_these_images_and_no_others() -> None:
    assert sorted(path.name for path in BRAND.iterdir()) == sorted(IMAGES)
    assert set(IMAGES) <= ALLOWED


@every_image
def test_size(name: str) -> None:
    width, height, _, _ = header(BRAND / name)
    double = 2 if "@2x" in name else 1
    if name.startswith("icon"):
        assert (width, height) == (256 * double, 256 * double)
    else:
        assert 128 * double <= min(width, height) <= 256 * double
        assert width > height, "a logo is wide"


@every_image
def test_it_is_transparent_and_trimmed(name: str) -> None:
    opacity = rows(BRAND / name)
    assert {opacity[0][0], opacity[-1][0], opacity[0][-1]} == {0}, "the corners"
    assert any(255 in row for row in opacity)
    assert any(opacity[0]), "nothing is left free above"
    assert any(opacity[-1]), "nor below"
    margins = [
        next(i for i, column in enumerate(columns) if any(column))
        for columns in (
            list(zip(*opacity, strict=True)),
            list(zip(*opacity, strict=True))[::-1],
        )
    ]
    # What makes an icon square is spread evenly.
    assert abs(margins[0] - margins[1]) <= len(opacity) // 128
    assert max(margins) <= len(opacity) // 16


@every_image
def test_it_shows_the_drawing(name: str) -> None:
    """If this fails, run scripts/brand."""
    stem = name.removesuffix(".png").removesuffix("@2x")
    assert NOTES[name] == {
        "drawing": digest(ARTWORK / f"{stem}.svg"),
        "image": digest(BRAND / name),
    }


def test_every_note_and_every_drawing_is_of_use() -> None:
    assert sorted(NOTES) == sorted(IMAGES)
    stems = {path.stem for path in ARTWORK.glob("*.svg")}
    assert stems == {name.partition("@")[0].removesuffix(".png") for name in IMAGES}


def test_no_two_are_the_same() -> None:
    """What is missing falls back by itself: a copy would only cost."""
    assert len({digest(BRAND / name) for name in IMAGES}) == len(IMAGES)
