"""LED effect files: any YAML, any bytes."""

import logging
from pathlib import Path
import tempfile
from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.hypervolt_charger.effect_files import _load
from custom_components.hypervolt_charger.hypervolt.errors import InvalidEffect
from custom_components.hypervolt_charger.hypervolt.led import (
    LED_COUNT,
    brightness_from_wire,
    brightness_to_wire,
    effect_params,
    parse_effect,
    percent_from_wire,
    percent_to_wire,
)
from custom_components.hypervolt_charger.hypervolt.protocol import encode

from .cases import documents, few, many, numbers, scalars, shuffled

WORDS: Final = (
    "name", "default_colour", "segments", "colours", "colour", "range", "ranges",
    "indices", "red", "#ff0000", "0-8", "r", "g", "b",
)  # fmt: skip
FILE: Final = """\
name: Stripes
default_colour: "#000080"
segments:
  - colour: [255, 0, 0.5]
    ranges: [[0, 8], "9-19"]
  - colour: {r: 1, g: 2, b: 3}
    indices: [20, 0x15, 1e1, .nan, .inf, 9999999999999999999999]
  - &x colour: red
    range: 1-3
  - <<: *x
"""

colours = st.one_of(
    st.sampled_from(("red", "#00ff00")), st.lists(numbers, max_size=4), scalars
)
segments = st.fixed_dictionaries(
    {"colour": colours},
    optional={
        "range": st.lists(numbers, max_size=3) | scalars,
        "ranges": st.lists(st.lists(st.integers(-1, 60), max_size=3), max_size=3),
        "indices": st.lists(numbers, max_size=60) | scalars,
    },
)
effects = st.fixed_dictionaries(
    {"name": st.just("Mine") | scalars},
    optional={
        "default_colour": colours,
        "segments": st.lists(segments, max_size=4),
        "colours": st.lists(colours, min_size=LED_COUNT, max_size=LED_COUNT),
    },
)


@many
@given(effects | documents(*WORDS))
def test_any_effect(document: object) -> None:
    try:
        effect = parse_effect(document, source="mine.yaml")
    except InvalidEffect:
        return
    assert effect.leds
    assert len(effect.leds) == LED_COUNT
    encode("1", "sync.apply", effect_params(effect))


@many
@given(numbers)
def test_any_brightness(amount: float) -> None:
    for to_wire in (brightness_to_wire, percent_to_wire):
        assert 0 <= to_wire(amount) <= 1
    assert 0 <= brightness_from_wire(amount) <= 255
    assert 0 <= percent_from_wire(amount) <= 100


@few
@given(st.integers(0, 2**32), st.binary(max_size=60))
def test_any_file(damage: int, more: bytes) -> None:
    """A folder with damaged files: each is read or passed over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        damaged = shuffled(FILE, damage).encode("utf-8", "surrogatepass")
        (folder / "a.yaml").write_bytes(damaged)
        (folder / "b.yml").write_bytes(more)
        (folder / "c.yaml").write_bytes(damaged + more)
        assert len(_load(folder, taken={}, level=logging.DEBUG)) <= 3


def test_hostile_files(tmp_path: Path) -> None:
    """Bombs of aliases, depth and digits."""
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
    )
    merges = "name: x\na: &a0 {colour: red, range: 0-8}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
    )
    for number, text in enumerate(
        (
            laughs,
            merges,
            f"name: x\nsegments: {'[' * 5000}",
            "[" * 60_000,
            f"name: x\nsegments: [{'9' * 5000}]",
            "name: x\ncolours: &c [*c]",
            "? [a, b]\n: x",
            "name: 2026-13-45",
            "name: !!python/object:os.system x",
            "name: !!timestamp x",
            "\ufeff" * 3,
        )
    ):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    assert _load(tmp_path, taken={}, level=logging.DEBUG) == {}


def test_merge_keys_do_not_multiply(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each level of these has nine times the members of the one before."""
    bomb = "name: x\na: &a0 {colour: red}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 5)
    )
    (tmp_path / "a.yaml").write_text(bomb, encoding="utf-8")
    assert _load(tmp_path, taken={}, level=logging.WARNING) == {}
    assert "more than 100 members" in caplog.text


def test_a_few_merge_keys_are_fine(tmp_path: Path) -> None:
    text = """\
name: Stripes
segments:
  - &x {colour: red, range: 1-3}
  - {<<: *x, range: 5-7}
"""
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert list(_load(tmp_path, taken={}, level=logging.DEBUG)) == ["Stripes"]
