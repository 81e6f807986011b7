"""The charger's lights: colours, brightness, and the effects they play (protocol.md 9).

51 lights: a ring, counted anticlockwise from its top right, and the bolt inside it,
counted from its bottom. The firmware has effects of its own; every other picture is
sent as 51 colours.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
import re
from types import MappingProxyType
from typing import Final, Self, TypeGuard

from .errors import InvalidEffect
from .protocol import JsonValue

LED_COUNT: Final = 51

# Where the lights are (protocol.md 9)
RING: Final = range(39)
TOP: Final = range(9)  # right to left
LEFT: Final = range(9, 20)  # downwards
BOTTOM: Final = range(20, 28)  # left to right
RIGHT: Final = range(28, 39)  # upwards
BOLT: Final = range(39, 51)  # upwards

NO_EFFECT: Final = "none"
STEADY: Final = "steady_array"

# Home Assistant's name for "no effect", whose older label is in LABELS.
EFFECT_OFF: Final = "off"

# The labels that people's automations use, in the order they are offered
# (protocol.md 15.4).
LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NO_EFFECT: "No effect",
        STEADY: "Static",
        "party_mode": "Party",
        "halloween": "Halloween",
        "red_alert": "Red alert",
        "knight_rider": "Turbo boost",
        "christmas": "Christmas",
        "flag": "Flag",
        "home_assistant": "Home Assistant",
        "peace": "Peace",
        "queen_elizabeth_ii": "Queen Elizabeth II",
    }
)


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour whose parts go from 0.0 to 1.0; InvalidEffect if one does not."""

    red: float
    green: float
    blue: float

    def __post_init__(self) -> None:
        """Refuse what is no colour, NaN included."""
        if not all(0 <= part <= 1 for part in (self.red, self.green, self.blue)):
            raise InvalidEffect("The parts of a colour must be from 0.0 to 1.0.")

    @classmethod
    def from_rgb255(cls, red: int, green: int, blue: int) -> Self:
        """Return the colour with these parts, 0-255 each."""
        return cls(red / 255, green / 255, blue / 255)

    def to_rgb255(self) -> tuple[int, int, int]:
        """Return red, green and blue, 0-255 each."""
        return round(self.red * 255), round(self.green * 255), round(self.blue * 255)

    def to_wire(self) -> dict[str, JsonValue]:
        """Return the cloud's form: floats of two decimals (protocol.md 9)."""
        return {
            "r": round(float(self.red), 2),
            "g": round(float(self.green), 2),
            "b": round(float(self.blue), 2),
        }


def _hex(digits: str) -> Colour:
    return Colour.from_rgb255(*bytes.fromhex(digits))


BLACK: Final = Colour(0.0, 0.0, 0.0)
WHITE: Final = Colour(1.0, 1.0, 1.0)

# Names that mean what they mean in CSS.
COLOUR_NAMES: Final[Mapping[str, Colour]] = MappingProxyType(
    {
        "black": BLACK,
        "white": WHITE,
        "silver": _hex("c0c0c0"),
        "red": _hex("ff0000"),
        "orange": _hex("ffa500"),
        "gold": _hex("ffd700"),
        "yellow": _hex("ffff00"),
        "lime": _hex("00ff00"),
        "green": _hex("008000"),
        "turquoise": _hex("40e0d0"),
        "cyan": _hex("00ffff"),
        "blue": _hex("0000ff"),
        "navy": _hex("000080"),
        "purple": _hex("800080"),
        "magenta": _hex("ff00ff"),
        "pink": _hex("ffc0cb"),
    }
)


# Brightness. The wire's 0.0-1.0 is sent in three decimals: two cannot tell Home
# Assistant's 255 levels apart. The levels that stand for the app's steps become exactly
# these steps, although 64/255 is not quite 0.25.
_APP_STEPS: Final[Mapping[float, float]] = {64: 0.25, 128: 0.5, 191: 0.75, 255: 1.0}
_DIMMEST: Final = 0.001


def brightness_to_wire(level: float) -> float:
    """Return the wire's brightness, 0.0-1.0, for Home Assistant's level, 0-255.

    0 only for 0: a light that is on stays on. What is out of range is brought into it.
    """
    return _APP_STEPS.get(level) or _to_wire(level, 255)


def brightness_from_wire(brightness: float) -> int:
    """Return Home Assistant's level, 0-255, for the wire's brightness, 0.0-1.0.

    The inverse of `brightness_to_wire`, with the same rules.
    """
    return _from_wire(brightness, 255)


def percent_to_wire(percent: float) -> float:
    """Return the wire's brightness, 0.0-1.0, for a percentage, 0-100.

    0 only for 0: a light that is on stays on. What is out of range is brought into it.
    """
    return _to_wire(percent, 100)


def percent_from_wire(brightness: float) -> int:
    """Return the percentage, 0-100, for the wire's brightness, 0.0-1.0.

    The inverse of `percent_to_wire` for whole percents, with the same rules.
    """
    return _from_wire(brightness, 100)


def restored_brightness(last: float | None) -> float:
    """Return the brightness, 0.0-1.0, to switch on with: the last that was lit, or full.

    `last` is the last brightness known, if any; 0 is the light being off.
    """
    return min(last, 1.0) if last is not None and last > 0 else 1.0


def _to_wire(amount: float, top: int) -> float:
    if not amount > 0:
        return 0.0
    return max(_DIMMEST, round(min(amount, top) / top, 3))


def _from_wire(brightness: float, top: int) -> int:
    if not brightness > 0:
        return 0
    return max(1, round(min(brightness, 1.0) * top))


@dataclass(frozen=True, slots=True)
class LedEffect:
    """Something the lights can show.

    `key` identifies it, and for the firmware's own effects is the name on the wire.
    `leds` is the picture, LED_COUNT colours, or None if the firmware draws it; any
    other number of them is an InvalidEffect. `name` is what the user called it.
    """

    key: str
    leds: tuple[Colour, ...] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a picture that does not fit the charger."""
        if self.leds is not None:
            _require_every_led(self.leds)

    @property
    def label(self) -> str:
        """The text people choose it by; an effect nobody knows shows its key."""
        if self.key == NO_EFFECT:
            return EFFECT_OFF
        return self.name or LABELS.get(self.key, self.key)


def _require_every_led(colours: Sequence[Colour]) -> None:
    if len(colours) != LED_COUNT:
        raise InvalidEffect(f"A picture needs {LED_COUNT} colours, one for each light.")


def colour_fill(colour: Colour) -> tuple[Colour, ...]:
    """Return the picture with every light in one colour."""
    return (colour,) * LED_COUNT


def _paint(
    background: Colour, strokes: Iterable[tuple[Colour, Iterable[int]]]
) -> tuple[Colour, ...]:
    """Return a picture; where strokes overlap, the later one covers the earlier."""
    picture = list(colour_fill(background))
    for colour, lights in strokes:
        for light in lights:
            picture[light] = colour
    return tuple(picture)


# A cross with white edges, its arms at the middle of each side, and white diagonals at
# the corners; the bolt is the cross's upright.
_FLAG: Final = _paint(
    _hex("012169"),
    (
        (WHITE, (0, 8, 9, 19, 20, 27, 28, 38)),
        (WHITE, (*range(2, 7), *range(12, 17), *range(22, 26), *range(31, 36))),
        (_hex("c8102e"), (*range(3, 6), *range(13, 16), 23, 24, *range(32, 35))),
        (WHITE, BOLT),
        (_hex("c8102e"), BOLT[2:-2]),
    ),
)

_HOME_ASSISTANT: Final = _paint(_hex("18bcf2"), ((WHITE, BOLT),))

# Seven stripes across the charger, violet above and red below.
_PEACE: Final = _paint(
    BLACK,
    (
        (_hex("8000ff"), (*TOP, 50)),
        (_hex("0000ff"), (*LEFT[0:2], *RIGHT[9:11], 49)),
        (_hex("00b0ff"), (*LEFT[2:5], *RIGHT[6:9], *BOLT[8:10])),
        (_hex("00c000"), (*LEFT[5:7], *RIGHT[4:6], *BOLT[6:8])),
        (_hex("ffd800"), (*LEFT[7:9], *RIGHT[2:4], *BOLT[4:6])),
        (_hex("ff7000"), (*LEFT[9:11], *RIGHT[0:2], *BOLT[2:4])),
        (_hex("ff0000"), (*BOTTOM, *BOLT[0:2])),
    ),
)

# Royal purple with a golden bolt, a crown of five points and a golden light at each
# lower corner.
_QUEEN_ELIZABETH_II: Final = _paint(
    _hex("5b0f8b"), ((_hex("ffc61a"), (*BOLT, *TOP[0:9:2], 19, 20, 27, 28)),)
)

_PICTURES: Final = {
    "flag": _FLAG,
    "home_assistant": _HOME_ASSISTANT,
    "peace": _PEACE,
    "queen_elizabeth_ii": _QUEEN_ELIZABETH_II,
}

# Every effect that is always there, in the order of LABELS.
EFFECTS: Final = tuple(LedEffect(key, _PICTURES.get(key)) for key in LABELS)


def effect_by_label(label: str, user_effects: Iterable[LedEffect] = ()) -> LedEffect:
    """Return the effect people choose by this text: a label, or "off" for none.

    Raises InvalidEffect if there is no such effect.
    """
    for effect in (*EFFECTS, *user_effects):
        if label in (effect.label, LABELS.get(effect.key)):
            return effect
    raise InvalidEffect("There is no LED effect of this name.")


def steady(colours: Sequence[Colour]) -> dict[str, JsonValue]:
    """Return the settings that show a picture (protocol.md 9).

    Raises InvalidEffect unless there are LED_COUNT colours.
    """
    _require_every_led(colours)
    return {"effect_name": STEADY, "leds": [colour.to_wire() for colour in colours]}


def effect_params(effect: LedEffect, colour: Colour = WHITE) -> dict[str, JsonValue]:
    """Return the settings that start an effect (protocol.md 9).

    `colour` is what "Static" shows, which has no picture of its own.
    """
    if effect.leds is not None:
        return steady(effect.leds)
    if effect.key == STEADY:
        return steady(colour_fill(colour))
    return {"effect_name": effect.key}


# Effects of the user's own: files in YAML that somebody else has read (protocol.md
# 15.4). They may hold anything, so whatever is looped over is measured first, and
# nothing is put into a message but short texts.

MAX_NAME_LENGTH: Final = 64

_HEX_COLOUR: Final = re.compile(r"#([0-9a-f]{6})")
_SPAN: Final = re.compile(r"([0-9]{1,2})\s*-\s*([0-9]{1,2})")
_DOCUMENT_KEYS: Final = ("name", "default_colour", "segments", "colours")
_SEGMENT_KEYS: Final = ("colour", "range", "ranges", "indices")
_LIGHTS_KEYS: Final = ("range", "ranges", "indices")


def parse_effect(
    document: object, *, source: str, taken: Collection[str] = ()
) -> LedEffect:
    """Return the effect that a user's file describes (protocol.md 15.4).

    `document` is the parsed file: a `name`, and either `colours`, one for each light,
    or `segments`, each a `colour` and the lights it covers as an inclusive `range`, as
    `ranges` or as `indices`, 0-50, on a background of `default_colour`, black if
    missing. Where segments overlap, the later one covers the earlier. Colours are
    `[r, g, b]` or `{r, g, b}`, 0-255 (or 0.0-1.0 if any part has a decimal point),
    "#rrggbb", or one of COLOUR_NAMES.

    Raises InvalidEffect, naming `source` and the key at fault, for anything else, and
    for a name that belongs to a built-in effect or is among `taken`, whatever the case.
    """
    where = f"{source}: "
    content = _mapping(document, f"{where}the file", _DOCUMENT_KEYS)
    name = _name(content.get("name"), f"{where}name", taken)
    slug = re.sub(r"\W+", "_", name.casefold()).strip("_")
    return LedEffect(f"custom_{slug}", _picture(content, where), name)


def _name(value: object, where: str, taken: Collection[str]) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidEffect(
            f"{where} must be a text of 1 to {MAX_NAME_LENGTH} characters."
        )
    reserved = (EFFECT_OFF, *LABELS.values(), *taken)
    if name.casefold() in {label.casefold() for label in reserved}:
        raise InvalidEffect(f"{where} '{name}' is already the name of another effect.")
    return name


def _picture(content: Mapping[object, object], where: str) -> tuple[Colour, ...]:
    if "colours" in content:
        if "default_colour" in content or "segments" in content:
            raise InvalidEffect(
                f"{where}colours cannot be combined with default_colour or segments."
            )
        return _colours(content["colours"], f"{where}colours")
    if "default_colour" not in content and "segments" not in content:
        raise InvalidEffect(f"{where}colours or segments is missing.")
    background = BLACK
    if "default_colour" in content:
        background = _colour(content["default_colour"], f"{where}default_colour")
    segments: Sequence[object] = ()
    if "segments" in content:
        segments = _list(content["segments"], f"{where}segments")
    return _paint(
        background,
        [
            _segment(segment, f"{where}segments[{number}]")
            for number, segment in enumerate(segments)
        ],
    )


def _colours(value: object, where: str) -> tuple[Colour, ...]:
    colours = _list(value, where)
    if len(colours) != LED_COUNT:
        raise InvalidEffect(
            f"{where} must list {LED_COUNT} colours, one for each light, "
            f"not {len(colours)}."
        )
    return tuple(
        _colour(colour, f"{where}[{number}]") for number, colour in enumerate(colours)
    )


def _segment(value: object, where: str) -> tuple[Colour, list[int]]:
    segment = _mapping(value, where, _SEGMENT_KEYS)
    colour = _colour(segment.get("colour"), f"{where}.colour")
    if not any(key in segment for key in _LIGHTS_KEYS):
        raise InvalidEffect(f"{where}: range, ranges or indices is missing.")
    lights: list[int] = []
    if "range" in segment:
        lights += _span(segment["range"], f"{where}.range")
    if "ranges" in segment:
        spans = _list(segment["ranges"], f"{where}.ranges")
        for number, span in enumerate(spans):
            lights += _span(span, f"{where}.ranges[{number}]")
    if "indices" in segment:
        indices = _list(segment["indices"], f"{where}.indices")
        for number, index in enumerate(indices):
            lights.append(_index(index, f"{where}.indices[{number}]"))
    return colour, lights


def _index(value: object, where: str) -> int:
    if not _is_whole(value, LED_COUNT - 1):
        raise InvalidEffect(
            f"{where} must be the number of a light, 0 to {LED_COUNT - 1}."
        )
    return value


def _is_whole(value: object, top: int) -> TypeGuard[int]:
    """Tell whether this is a whole number from 0 to `top`; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= top


def _span(value: object, where: str) -> range:
    """Read `[first, last]` or "first-last", both included."""
    ends: Sequence[object] = ()
    if isinstance(value, str):
        if found := _SPAN.fullmatch(value.strip()):
            ends = [int(end) for end in found.groups()]
    elif isinstance(value, list | tuple):
        ends = value
    if len(ends) == 2:
        first, last = ends
        if _is_whole(last, LED_COUNT - 1) and _is_whole(first, last):
            return range(first, last + 1)
    raise InvalidEffect(
        f"{where} must be the first and the last light of a range, "
        f"such as [0, 8], from 0 to {LED_COUNT - 1}."
    )


def _colour(value: object, where: str) -> Colour:
    colour: Colour | None = None
    if isinstance(value, str):
        colour = _colour_from_text(value.strip().lower())
    elif isinstance(value, list | tuple):
        colour = _colour_from_parts(value)
    elif isinstance(value, Mapping) and value.keys() == {"r", "g", "b"}:
        colour = _colour_from_parts([value["r"], value["g"], value["b"]])
    if colour is None:
        raise InvalidEffect(
            f"{where} must be a colour: [r, g, b] from 0 to 255, "
            "'#rrggbb' in quotes, or a name such as red."
        )
    return colour


def _colour_from_text(text: str) -> Colour | None:
    if found := _HEX_COLOUR.fullmatch(text):
        return _hex(found[1])
    return COLOUR_NAMES.get(text)


def _colour_from_parts(parts: Sequence[object]) -> Colour | None:
    """Read three parts, 0-255, or 0.0-1.0 as on the wire if any is a float."""
    if len(parts) != 3:
        return None
    whole = [part for part in parts if _is_whole(part, 255)]
    if len(whole) == 3:
        return Colour.from_rgb255(*whole)
    shares = [
        float(part)
        for part in parts
        if (isinstance(part, float) and 0 <= part <= 1) or _is_whole(part, 1)
    ]
    return Colour(*shares) if len(shares) == 3 else None


def _mapping(
    value: object, where: str, known: Collection[str]
) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise InvalidEffect(f"{where} must have the keys {', '.join(known)}.")
    for key in value:
        if key not in known:
            raise InvalidEffect(
                f"{where} has an unknown key{_shown(key)}; "
                f"the keys are {', '.join(known)}."
            )
    return value


def _list(value: object, where: str) -> Sequence[object]:
    """Every list of the format is of lights or stretches of them: 51 at the most."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LED_COUNT:
        raise InvalidEffect(f"{where} must be a list of 1 to {LED_COUNT} entries.")
    return value


def _shown(key: object) -> str:
    """Return a key in quotes, or nothing if it does not fit into a sentence."""
    if not isinstance(key, str) or len(key) > MAX_NAME_LENGTH or not key.isprintable():
        return ""
    return f" '{key}'"
