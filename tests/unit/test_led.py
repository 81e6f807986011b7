"""The lights: colours, brightness, effects, and the effect files of users."""

from dataclasses import FrozenInstanceError
import json
import math
import unittest

from custom_components.hypervolt_charger.hypervolt.errors import (
    HypervoltError,
    InvalidEffect,
)
from custom_components.hypervolt_charger.hypervolt.led import (
    BLACK,
    BOLT,
    BOTTOM,
    COLOUR_NAMES,
    EFFECT_OFF,
    EFFECTS,
    LABELS,
    LED_COUNT,
    LEFT,
    MAX_NAME_LENGTH,
    RIGHT,
    RING,
    TOP,
    WHITE,
    Colour,
    LedEffect,
    brightness_from_wire,
    brightness_to_wire,
    colour_fill,
    effect_by_label,
    effect_params,
    parse_effect,
    percent_from_wire,
    percent_to_wire,
    restored_brightness,
    steady,
)

RED = Colour(1.0, 0.0, 0.0)
BLUE = Colour(0.0, 0.0, 1.0)
APP_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


class ColourTest(unittest.TestCase):
    def test_wire_form_has_two_decimals(self) -> None:
        self.assertEqual(
            Colour(0.0, 0.3391, 0.7249).to_wire(), {"r": 0.0, "g": 0.34, "b": 0.72}
        )

    def test_wire_form_is_floats_even_for_whole_numbers(self) -> None:
        self.assertEqual(
            json.dumps(Colour(1, 0, 1).to_wire()), '{"r": 1.0, "g": 0.0, "b": 1.0}'
        )

    def test_rgb255_round_trip(self) -> None:
        for part in range(256):
            rgb = (part, 255 - part, part // 2)
            self.assertEqual(Colour.from_rgb255(*rgb).to_rgb255(), rgb)

    def test_out_of_range_is_refused(self) -> None:
        for part in (-0.01, 1.01, 255, math.nan, math.inf, -math.inf):
            for parts in ((part, 0, 0), (0, part, 0), (0, 0, part)):
                with self.subTest(parts=parts), self.assertRaises(InvalidEffect):
                    Colour(*parts)

    def test_from_rgb255_out_of_range_is_refused(self) -> None:
        for part in (-1, 256):
            with self.subTest(part=part), self.assertRaises(InvalidEffect):
                Colour.from_rgb255(part, 0, 0)

    def test_refusal_is_a_library_error_and_a_value_error(self) -> None:
        with self.assertRaises(HypervoltError):
            Colour(2, 0, 0)
        with self.assertRaises(ValueError):
            Colour(2, 0, 0)

    def test_is_immutable(self) -> None:
        with self.assertRaises(FrozenInstanceError):
            RED.red = 0.5  # type: ignore[misc]


class LayoutTest(unittest.TestCase):
    def test_ring_and_bolt_are_all_the_lights(self) -> None:
        self.assertEqual([*RING, *BOLT], list(range(LED_COUNT)))

    def test_four_sides_are_the_ring(self) -> None:
        self.assertEqual([*TOP, *LEFT, *BOTTOM, *RIGHT], list(RING))

    def test_sides_are_where_the_protocol_says(self) -> None:
        ends = [(side[0], side[-1]) for side in (TOP, LEFT, BOTTOM, RIGHT, BOLT)]
        self.assertEqual(ends, [(0, 8), (9, 19), (20, 27), (28, 38), (39, 50)])


class BrightnessTest(unittest.TestCase):
    def test_ends_and_app_steps(self) -> None:
        for level, wire in zip((0, 64, 128, 191, 255), APP_STEPS, strict=True):
            with self.subTest(level=level):
                self.assertEqual(brightness_to_wire(level), wire)
                self.assertEqual(brightness_from_wire(wire), level)

    def test_every_level_survives_the_round_trip(self) -> None:
        for level in range(256):
            wire = brightness_to_wire(level)
            self.assertEqual(brightness_from_wire(wire), level)
            self.assertEqual(brightness_to_wire(brightness_from_wire(wire)), wire)

    def test_brighter_is_brighter_on_the_wire(self) -> None:
        wires = [brightness_to_wire(level) for level in range(256)]
        self.assertEqual(wires, sorted(set(wires)))
        self.assertEqual((wires[0], wires[-1]), (0.0, 1.0))

    def test_every_percent_survives_the_round_trip(self) -> None:
        for percent in range(101):
            self.assertEqual(percent_to_wire(percent), round(percent / 100, 2))
            self.assertEqual(percent_from_wire(percent_to_wire(percent)), percent)

    def test_app_steps_survive_the_round_trip_in_percent(self) -> None:
        for wire in APP_STEPS:
            self.assertEqual(percent_to_wire(percent_from_wire(wire)), wire)

    def test_lit_is_never_dark(self) -> None:
        for amount in (5e-324, 0.0001, 0.001, 0.0019, 0.4, 0.5):
            for convert in (
                brightness_to_wire,
                brightness_from_wire,
                percent_to_wire,
                percent_from_wire,
            ):
                with self.subTest(amount=amount, convert=convert.__name__):
                    self.assertGreater(convert(amount), 0)

    def test_out_of_range_is_brought_into_it(self) -> None:
        for amount in (256, 1000, math.inf):
            self.assertEqual(brightness_to_wire(amount), 1.0)
            self.assertEqual(brightness_from_wire(amount), 255)
            self.assertEqual(percent_to_wire(amount), 1.0)
            self.assertEqual(percent_from_wire(amount), 100)
        for amount in (-1, -math.inf, math.nan):
            self.assertEqual(brightness_to_wire(amount), 0.0)
            self.assertEqual(brightness_from_wire(amount), 0)
            self.assertEqual(percent_to_wire(amount), 0.0)
            self.assertEqual(percent_from_wire(amount), 0)

    def test_types_are_those_of_each_side(self) -> None:
        self.assertIsInstance(brightness_to_wire(0), float)
        self.assertIsInstance(percent_to_wire(100), float)
        self.assertIsInstance(brightness_from_wire(0.3), int)
        self.assertIsInstance(percent_from_wire(0.3), int)

    def test_restores_the_last_that_was_lit(self) -> None:
        self.assertEqual(restored_brightness(0.25), 0.25)
        self.assertEqual(restored_brightness(0.001), 0.001)

    def test_restores_full_brightness_when_none_is_known(self) -> None:
        for last in (None, 0.0, -0.5, math.nan, 1.5):
            with self.subTest(last=last):
                self.assertEqual(restored_brightness(last), 1.0)


class EffectTest(unittest.TestCase):
    def test_the_labels_of_existing_automations(self) -> None:
        self.assertEqual(
            list(LABELS.values()),
            [
                "No effect",
                "Static",
                "Party",
                "Halloween",
                "Red alert",
                "Turbo boost",
                "Christmas",
                "Flag",
                "Home Assistant",
                "Peace",
                "Queen Elizabeth II",
            ],
        )

    def test_offered_labels_say_off_for_no_effect(self) -> None:
        self.assertEqual(
            [effect.label for effect in EFFECTS],
            [EFFECT_OFF, *list(LABELS.values())[1:]],
        )

    def test_firmware_effects_are_sent_by_their_wire_names(self) -> None:
        for label, name in {
            "Party": "party_mode",
            "Halloween": "halloween",
            "Red alert": "red_alert",
            "Turbo boost": "knight_rider",
            "Christmas": "christmas",
        }.items():
            with self.subTest(label=label):
                self.assertEqual(
                    effect_params(effect_by_label(label)), {"effect_name": name}
                )

    def test_no_effect_by_either_label(self) -> None:
        for label in ("off", "No effect"):
            with self.subTest(label=label):
                self.assertEqual(
                    effect_params(effect_by_label(label)), {"effect_name": "none"}
                )

    def test_every_label_finds_its_effect(self) -> None:
        for effect in EFFECTS:
            self.assertIs(effect_by_label(effect.label), effect)
            self.assertIs(effect_by_label(LABELS[effect.key]), effect)

    def test_keys_are_slugs(self) -> None:
        for effect in EFFECTS:
            self.assertRegex(effect.key, r"\A[a-z][a-z0-9_]*\Z")

    def test_unknown_label_is_refused(self) -> None:
        for label in ("", "party", "party_mode", "none", "Disco"):
            with self.subTest(label=label), self.assertRaises(InvalidEffect):
                effect_by_label(label)

    def test_user_effects_are_found_by_their_names(self) -> None:
        mine = LedEffect("custom_mine", colour_fill(RED), "Mine")
        self.assertIs(effect_by_label("Mine", [mine]), mine)
        with self.assertRaises(InvalidEffect):
            effect_by_label("custom_mine", [mine])

    def test_unknown_firmware_effect_shows_its_key(self) -> None:
        self.assertEqual(LedEffect("disco_2030").label, "disco_2030")

    def test_pictures_cover_every_light_and_differ(self) -> None:
        pictures = [effect for effect in EFFECTS if effect.leds is not None]
        self.assertEqual(
            [effect.key for effect in pictures],
            ["flag", "home_assistant", "peace", "queen_elizabeth_ii"],
        )
        self.assertEqual(len({effect.leds for effect in pictures}), 4)
        for effect in pictures:
            assert effect.leds is not None
            self.assertEqual(len(effect.leds), LED_COUNT)
            self.assertEqual(effect_params(effect), steady(effect.leds))

    def test_pictures_are_symmetrical_where_the_ring_is(self) -> None:
        for effect in EFFECTS:
            if effect.leds is not None:
                with self.subTest(effect=effect.key):
                    left = [effect.leds[light] for light in LEFT]
                    right = [effect.leds[light] for light in reversed(RIGHT)]
                    self.assertEqual(left, right)
                    top = [effect.leds[light] for light in TOP]
                    self.assertEqual(top, top[::-1])

    def test_peace_leaves_no_light_dark(self) -> None:
        self.assertNotIn(BLACK, effect_by_label("Peace").leds or (BLACK,))

    def test_static_shows_the_colour_asked_for(self) -> None:
        static = effect_by_label("Static")
        self.assertEqual(effect_params(static, BLUE), steady(colour_fill(BLUE)))
        self.assertEqual(effect_params(static), steady(colour_fill(WHITE)))

    def test_steady_is_the_frame_seen_on_the_wire(self) -> None:
        params = steady(colour_fill(Colour(0.0, 0.34, 0.72)))
        self.assertEqual(
            params,
            {
                "effect_name": "steady_array",
                "leds": [{"r": 0.0, "g": 0.34, "b": 0.72}] * 51,
            },
        )
        self.assertEqual(json.loads(json.dumps(params, allow_nan=False)), params)

    def test_a_picture_needs_every_light(self) -> None:
        for count in (0, 1, 50, 52):
            with self.subTest(count=count):
                with self.assertRaises(InvalidEffect):
                    steady([RED] * count)
                with self.assertRaises(InvalidEffect):
                    LedEffect("mine", (RED,) * count)

    def test_colour_fill_is_one_colour_everywhere(self) -> None:
        self.assertEqual(colour_fill(RED), (RED,) * LED_COUNT)


def leds_of(**content: object) -> tuple[Colour, ...]:
    """Return the picture of a user's file."""
    effect = parse_effect({"name": "Mine", **content}, source="mine.yaml")
    assert effect.leds is not None
    return effect.leds


class EffectFileTest(unittest.TestCase):
    def assert_invalid(self, document: object, *words: str) -> None:
        """Assert that a file is refused in one sentence with the file and the words."""
        with self.assertRaises(InvalidEffect) as caught:
            parse_effect(document, source="mine.yaml")
        message = str(caught.exception)
        for word in ("mine.yaml", *words):
            self.assertIn(word, message)
        self.assertTrue(message.endswith("."), message)
        self.assertLess(len(message), 250)

    def test_segments_on_a_background(self) -> None:
        leds = leds_of(
            default_colour=[0, 0, 255],
            segments=[
                {"colour": [255, 0, 0], "range": [0, 8]},
                {"colour": "white", "ranges": [[10, 11], "39 - 50"]},
                {"colour": "#00FF00", "indices": [20, 22]},
            ],
        )
        expected = [BLUE] * LED_COUNT
        expected[0:9] = [RED] * 9
        expected[10:12] = [WHITE] * 2
        expected[39:51] = [WHITE] * 12
        expected[20] = expected[22] = COLOUR_NAMES["lime"]
        self.assertEqual(leds, tuple(expected))

    def test_name_key_and_label(self) -> None:
        effect = parse_effect(
            {"name": "  Été: Night 2! ", "default_colour": "red"}, source="a.yaml"
        )
        self.assertEqual(effect.name, "Été: Night 2!")
        self.assertEqual(effect.label, "Été: Night 2!")
        self.assertEqual(effect.key, "custom_été_night_2")
        self.assertEqual(effect_params(effect), steady(colour_fill(RED)))

    def test_background_alone(self) -> None:
        self.assertEqual(leds_of(default_colour="red"), colour_fill(RED))

    def test_missing_background_is_black(self) -> None:
        leds = leds_of(segments=[{"colour": "red", "range": "1-1"}])
        self.assertEqual(leds, (BLACK, RED, *[BLACK] * 49))

    def test_later_segments_cover_earlier_ones(self) -> None:
        leds = leds_of(
            segments=[
                {"colour": "red", "range": [0, 50]},
                {"colour": "blue", "range": [25, 50]},
            ]
        )
        self.assertEqual(leds, (*[RED] * 25, *[BLUE] * 26))

    def test_a_segment_may_say_its_lights_in_several_ways(self) -> None:
        leds = leds_of(
            segments=[
                {"colour": "red", "range": [0, 1], "ranges": ["3-4"], "indices": [6]}
            ]
        )
        lit = [light for light, colour in enumerate(leds) if colour == RED]
        self.assertEqual(lit, [0, 1, 3, 4, 6])

    def test_colours_one_by_one(self) -> None:
        leds = leds_of(colours=["red"] * 50 + [{"r": 0, "g": 0, "b": 255}])
        self.assertEqual(leds, (*[RED] * 50, BLUE))

    def test_spellings_of_a_colour(self) -> None:
        for spelling in (
            [255, 0, 0],
            (255, 0, 0),
            "#ff0000",
            " #FF0000 ",
            "Red",
            {"r": 255, "g": 0, "b": 0},
            {"b": 0.0, "g": 0.0, "r": 1.0},
            {"r": 1.0, "g": 0, "b": 0},
            [1.0, 0.0, 0.0],
        ):
            with self.subTest(spelling=spelling):
                self.assertEqual(leds_of(default_colour=spelling)[0], RED)

    def test_whole_numbers_are_of_255_and_floats_of_1(self) -> None:
        self.assertEqual(
            leds_of(default_colour=[1, 1, 1])[0], Colour.from_rgb255(1, 1, 1)
        )
        self.assertEqual(leds_of(default_colour=[0.5, 1, 0])[0], Colour(0.5, 1.0, 0.0))

    def test_no_colour(self) -> None:
        looped: list[object] = []
        looped.extend([looped] * 3)
        for value in (
            None,
            True,
            7,
            "",
            "reddish",
            "#fff",
            "#gg0000",
            "#ff00000",
            [],
            [1, 2],
            [1, 2, 3, 4],
            [256, 0, 0],
            [-1, 0, 0],
            [True, False, True],
            ["255", "0", "0"],
            [255, 0.5, 0],
            [0.1, 0.2, 1.1],
            [math.nan, 0, 0],
            [math.inf, 0, 0],
            [10**5000, 0, 0],
            {"r": 1, "g": 2},
            {"r": 1, "g": 2, "b": 3, "w": 4},
            {},
            looped,
            "x" * 1_000_000,
        ):
            with self.subTest(value=type(value)):
                document = {"name": "Mine", "default_colour": value}
                self.assert_invalid(document, "default_colour")

    def test_no_range(self) -> None:
        for value in (
            None,
            5,
            True,
            "5",
            "",
            "0-51",
            "8-0",
            "-1-5",
            "0-8-9",
            "\u0660-\u0668",
            "0-" + "9" * 10_000,
            [],
            [1],
            [1, 2, 3],
            [0, 51],
            [-1, 5],
            [8, 0],
            [0.0, 8.0],
            [False, True],
            ["0", "8"],
            [0, 10**5000],
            [[0], [8]],
            {"from": 0, "to": 8},
        ):
            with self.subTest(value=type(value)):
                segment: dict[str, object] = {"colour": "red", "range": value}
                document = {"name": "Mine", "segments": [segment]}
                self.assert_invalid(document, "segments[0].range")
                segment = {"colour": "red", "ranges": [[0, 1], value]}
                document = {"name": "Mine", "segments": [segment]}
                self.assert_invalid(document, "segments[0].ranges[1]")

    def test_no_index(self) -> None:
        for value in (None, True, -1, 51, 1.0, "1", [1], 10**5000):
            with self.subTest(value=type(value)):
                segment = {"colour": "red", "indices": [0, value]}
                document = {"name": "Mine", "segments": [segment]}
                self.assert_invalid(document, "segments[0].indices[1]")

    def test_lists_that_are_none_or_out_of_size(self) -> None:
        values: tuple[object, ...] = (None, "0", 3, {}, [], [0] * 52, range(10**12))
        for value in values:
            with self.subTest(value=type(value)):
                for key in ("ranges", "indices"):
                    segment = {"colour": "red", key: value}
                    document = {"name": "Mine", "segments": [segment]}
                    self.assert_invalid(document, f"segments[0].{key}")
                self.assert_invalid({"name": "Mine", "segments": value}, "segments")
                self.assert_invalid({"name": "Mine", "colours": value}, "colours")

    def test_wrong_count_of_colours(self) -> None:
        for count in (1, 50):
            document = {"name": "Mine", "colours": ["red"] * count}
            self.assert_invalid(document, "colours", "51", str(count))

    def test_a_bad_colour_is_named_by_its_place(self) -> None:
        document: dict[str, object] = {"name": "Mine", "colours": ["red"] * 50 + [[]]}
        self.assert_invalid(document, "colours[50]")

    def test_a_segment_needs_a_colour_and_lights(self) -> None:
        self.assert_invalid(
            {"name": "Mine", "segments": [{"range": [0, 1]}]}, "segments[0].colour"
        )
        self.assert_invalid(
            {"name": "Mine", "segments": [{"colour": "red"}]},
            "segments[0]",
            "indices",
        )

    def test_a_segment_must_be_a_mapping(self) -> None:
        for value in (None, 1, "red", ["red"], []):
            with self.subTest(value=value):
                self.assert_invalid(
                    {"name": "Mine", "segments": [value]}, "segments[0]"
                )

    def test_unknown_keys(self) -> None:
        self.assert_invalid({"name": "Mine", "default_color": "red"}, "'default_color'")
        self.assert_invalid(
            {"name": "Mine", "segments": [{"colour": "red", "rnage": [0, 1]}]},
            "segments[0]",
            "'rnage'",
        )

    def test_keys_that_are_no_text_or_too_long(self) -> None:
        for key in (
            None,
            1,
            True,
            10**5000,
            (1, (2,)),
            math.nan,
            "k" * 1_000_000,
            "a\nb",
            "\udc00",
        ):
            with self.subTest(key=type(key)):
                self.assert_invalid({"name": "Mine", key: "red"}, "unknown key")

    def test_a_document_must_be_a_mapping(self) -> None:
        documents: tuple[object, ...] = (None, "", "name: Mine", 1, [], object())
        for document in documents:
            with self.subTest(document=type(document)):
                self.assert_invalid(document)

    def test_a_document_must_say_what_to_show(self) -> None:
        self.assert_invalid({"name": "Mine"}, "colours or segments is missing")

    def test_one_form_at_a_time(self) -> None:
        for other in ("default_colour", "segments"):
            document = {"name": "Mine", "colours": ["red"] * LED_COUNT, other: "red"}
            self.assert_invalid(document, "colours", "combined")

    def test_no_name(self) -> None:
        for name in (
            None,
            "",
            "   ",
            7,
            True,
            ["Mine"],
            "two\nlines",
            "\ud800",
            "x" * (MAX_NAME_LENGTH + 1),
        ):
            with self.subTest(name=name):
                self.assert_invalid({"name": name, "default_colour": "red"}, "name")
        self.assert_invalid({"default_colour": "red"}, "name")

    def test_longest_name_is_accepted(self) -> None:
        name = "x" * MAX_NAME_LENGTH
        effect = parse_effect({"name": name, "default_colour": "red"}, source="a")
        self.assertEqual(effect.label, name)

    def test_names_of_built_in_effects_are_taken(self) -> None:
        for name in (*LABELS.values(), "off", "OFF", "flag", " PARTY "):
            with self.subTest(name=name):
                self.assert_invalid(
                    {"name": name, "default_colour": "red"}, "name", name.strip()
                )

    def test_names_of_other_files_are_taken(self) -> None:
        document = {"name": "Mine", "default_colour": "red"}
        with self.assertRaises(InvalidEffect) as caught:
            parse_effect(document, source="b.yaml", taken=["mine"])
        self.assertIn("b.yaml: name", str(caught.exception))
        parse_effect(document, source="b.yaml", taken=["yours"])

    def test_deep_and_looping_documents_end(self) -> None:
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        looped: dict[str, object] = {"name": "Mine"}
        looped["segments"] = [looped]
        self.assert_invalid(looped, "segments[0]")
        for key in ("name", "default_colour", "segments", "colours"):
            self.assert_invalid({"name": "Mine", key: deep}, key)

    def test_the_document_is_left_alone(self) -> None:
        document = {
            "name": "Mine",
            "segments": [{"colour": "red", "ranges": [[0, 1]], "indices": [4]}],
        }
        before = json.dumps(document)
        parse_effect(document, source="mine.yaml")
        self.assertEqual(json.dumps(document), before)


if __name__ == "__main__":
    unittest.main()
