"""Charger ids, hardware generations and API variants (protocol.md 2)."""

import unittest

from custom_components.hypervolt_charger.hypervolt.charger import (
    ApiVariant,
    Charger,
    Hardware,
    hardware_of,
    parse_id,
    parse_variant,
    short_id,
    variant_from_firmware,
    variant_from_refusal,
)
from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue

V2_ID = "202481586541825"
V3_ID = "216454482408824951"


class IdTests(unittest.TestCase):
    def test_text_and_numbers_are_ids(self) -> None:
        for value, expected in (
            (V2_ID, V2_ID),
            (int(V2_ID), V2_ID),
            (V3_ID, V3_ID),
            (int(V3_ID), V3_ID),
            (f" {V3_ID}\n", V3_ID),
            ("007", "7"),
            (1, "1"),
            (2**63 - 1, "9223372036854775807"),
        ):
            with self.subTest(value=value):
                self.assertEqual(parse_id(value), expected)

    def test_an_id_beyond_a_float_keeps_every_digit(self) -> None:
        self.assertGreater(int(V3_ID), 2**53)
        self.assertNotEqual(str(int(float(V3_ID))), V3_ID)
        self.assertEqual(parse_id(int(V3_ID)), V3_ID)

    def test_everything_else_is_refused(self) -> None:
        values: tuple[object, ...] = (
            None,
            True,
            False,
            0,
            -1,
            2**63,
            10**40,
            float(V3_ID),
            7.0,
            float("nan"),
            float("inf"),
            "",
            " ",
            "0",
            "-7",
            "+7",
            "7.0",
            "1e17",
            "0x1501",
            "1_000",
            "abc",
            "٣",
            "²",
            "7 7",
            "9" * 5000,
            "0" * 5000,
            b"7",
            [],
            [7],
            {},
        )
        for value in values:
            with self.subTest(value=str(value)[:30]), self.assertRaises(ValueError):
                parse_id(value)

    def test_the_refusal_does_not_repeat_the_id(self) -> None:
        with self.assertRaises(ValueError) as caught:
            parse_id("secret-7")
        self.assertNotIn("secret", str(caught.exception))

    def test_a_short_id_never_shows_the_whole(self) -> None:
        self.assertEqual(short_id(V3_ID), "…4951")
        for length in range(1, 20):
            whole = "1234567890123456789"[:length]
            with self.subTest(whole=whole):
                self.assertNotIn(whole, short_id(whole))


class HardwareTests(unittest.TestCase):
    def test_the_examples(self) -> None:
        self.assertIs(hardware_of(V2_ID), Hardware.V2)
        self.assertIs(hardware_of(V3_ID), Hardware.V3)

    def test_the_hexadecimal_digits_decide(self) -> None:
        for digits, hardware in (
            (1, Hardware.V3),
            (10, Hardware.V3),
            (11, Hardware.V2),
            (12, Hardware.V2),
            (13, Hardware.V3),
            (14, Hardware.V3),
            (15, Hardware.V3),
            (16, Hardware.V3),
        ):
            for charger_id in (16 ** (digits - 1), 16**digits - 1):
                with self.subTest(digits=digits, charger_id=charger_id):
                    self.assertIs(hardware_of(str(charger_id)), hardware)

    def test_a_charger_has_a_name_without_its_whole_id(self) -> None:
        for charger, name in (
            (Charger(V3_ID, "Home 3 Pro"), "Hypervolt Home 3 Pro (…4951)"),
            (Charger(V3_ID), "Hypervolt Home 3 (…4951)"),
            (Charger(V3_ID, ""), "Hypervolt Home 3 (…4951)"),
            (Charger(V2_ID), "Hypervolt Home 2 (…1825)"),
        ):
            with self.subTest(name=name):
                self.assertEqual(charger.display_name, name)
                self.assertIs(charger.hardware, hardware_of(charger.charger_id))


class VariantTests(unittest.TestCase):
    def test_what_was_stored_as_text_or_number(self) -> None:
        for number, variant in ((2, ApiVariant.V2), (3, ApiVariant.V3)):
            for value in (
                number,
                float(number),
                f"{number}",
                f"{number}.0",
                f"v{number}",
                f" V{number} ",
                variant,
            ):
                with self.subTest(value=value):
                    self.assertIs(parse_variant(value), variant)
        for other in (None, True, 1, 2.5, "auto", "v4", "v", "", "23", [3]):
            with self.subTest(value=other):
                self.assertIsNone(parse_variant(other))

    def test_plain_firmware_speaks_the_v3_api(self) -> None:
        for firmware in ("1", "1.0", "2483.2", "2627.0", "3951.0", "12345.12345"):
            with self.subTest(firmware=firmware):
                self.assertIs(variant_from_firmware(firmware), ApiVariant.V3)

    def test_dated_firmware_is_a_legacy_v2_s(self) -> None:
        for firmware in (
            "202111231810.abcdef",
            "pi4.202209271128.1962865",
            "202111231810",
        ):
            with self.subTest(firmware=firmware):
                self.assertIs(variant_from_firmware(firmware), ApiVariant.V2)

    def test_other_firmware_decides_nothing(self) -> None:
        for firmware in ("", "None", "beta", "1.0.0", "v1", "1.0\n", "-1", "1e5", "."):
            with self.subTest(firmware=firmware):
                self.assertIsNone(variant_from_firmware(firmware))

    def test_only_not_allowed_means_a_legacy_v2(self) -> None:
        cases: tuple[tuple[JsonValue, ApiVariant | None], ...] = (
            ("schedules.get not allowed", ApiVariant.V2),
            ({"error": "schedules.get not allowed"}, ApiVariant.V2),
            (None, None),
            ("Method Not Allowed", ApiVariant.V2),
            ("schedules.get failed: internal server error", None),
            ("Concurrent modifications invalidated this request", None),
            ("", None),
        )
        for refusal, variant in cases:
            with self.subTest(refusal=refusal):
                self.assertIs(variant_from_refusal(refusal), variant)


if __name__ == "__main__":
    unittest.main()
