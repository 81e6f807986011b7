"""How many cases, and what they are made of."""

import json
import math
import os
import random
from typing import Final

from hypothesis import settings, strategies as st

from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue
from tests.conftest import FUZZ_CASES

_CASES: Final = int(os.environ.get(FUZZ_CASES, "300"))

# Cheap cases, and those that take a Home Assistant or a socket.
many: Final = settings(max_examples=_CASES)
few: Final = settings(max_examples=max(20, _CASES // 100))

# Values that have been somebody's undoing. A whole number of one digit more can't be
# made text, also not by what draws these: the tests of sizes have such.
ODD_NUMBERS: Final[tuple[float, ...]] = (
    0, -0.0, -1, 1e-320, 1e12, 1e308, math.nan, math.inf, -math.inf,
    2**31, 2**53 + 1, 2**63, 2**64, 10**400, 10**4299,
)  # fmt: skip
ODD_TEXTS: Final = (
    "", " ", "\0", "\ud800", "\udfff\ud800", "NaN", "1e999", "-0", "0x10", "١٢:٣٠",
    "24:00", "24:01", "99:99", "23:59:60", "2026-10-25T01:30:00Z", "9999-12-31T23:59Z",
    "0001-01-01T00:00:00+14:00", "MONDAY", "everyday", "true", "null", "A" * 5000, "9" * 5000,
    "İ", "🚗" * 100,
)  # fmt: skip

texts: Final = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(categories=["Cs"]), max_size=3),
    st.sampled_from(ODD_TEXTS),
)
numbers: Final = st.one_of(
    st.integers(),
    st.integers(0, 40_000),
    st.floats(),
    st.sampled_from(ODD_NUMBERS),
)
scalars: Final = st.one_of(st.none(), st.booleans(), numbers, texts)


def documents(*words: str) -> st.SearchStrategy[JsonValue]:
    """Return JSON of any shape that often uses these words as keys and values."""
    known = st.sampled_from(words) if words else texts
    keys = st.one_of(known, texts)
    leaves: st.SearchStrategy[JsonValue] = st.one_of(scalars, known)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=6)
        ),
        max_leaves=20,
    )


def nested(depth: int, inner: JsonValue = None) -> JsonValue:
    """Return lists and objects in turn, so deep."""
    for level in range(depth):
        inner = [inner] if level % 2 else {"applied": inner}
    return inner


def wire_text(document: JsonValue) -> str:
    """Return what a careless cloud sends of a document: NaN, lone surrogates and all."""
    return json.dumps(document)


def shuffled(text: str, seed: int) -> str:
    """Return a text damaged in some places, the same for the same seed."""
    chance = random.Random(seed)
    letters = list(text)
    for _ in range(chance.randint(1, 5)):
        where = chance.randrange(len(letters) + 1)
        match chance.randrange(3):
            case 0:
                del letters[where : where + chance.randint(1, 8)]
            case 1:
                letters.insert(where, chance.choice('{}[]",:0eE+-\\u\x00N'))
            case _:
                letters[where:where] = letters[: chance.randint(0, 30)]
    return "".join(letters)
