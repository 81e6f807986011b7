"""Any record comes back from disk as it was, and nothing that is not one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
import json
import math
from typing import Any
import unittest

from custom_components.hypervolt_charger.records import Codec, Form, RecordError

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)


class Reason(StrEnum):
    FULL = "full"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    at: datetime
    wh: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hue:
    degrees: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    total: int
    watts: float = 0.0
    on: bool = False
    name: str = ""
    reason: Reason | None = None
    at: datetime | None = None
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    hue: Hue = field(default_factory=lambda: Hue(degrees=0))
    positive: int = 1

    def __post_init__(self) -> None:
        if self.positive <= 0:
            raise ValueError("is not positive")


def read_hue(stored: object) -> Hue:
    if not isinstance(stored, str):
        raise TypeError("is not text")
    return Hue(degrees=int(stored))


HUES: Form[Hue] = Form(encode=lambda hue: str(hue.degrees), decode=read_hue)
STRICT = Codec(forms={Hue: HUES})
TOLERANT = Codec(forms={Hue: HUES}, tolerant={Record: ("total",)})

FULL = Record(
    total=7,
    watts=-1.5,
    on=True,
    name="Größe 🚗",
    reason=Reason.FULL,
    at=NOON,
    part=Part(at=NOON, wh=3),
    parts=(Part(at=NOON), Part(at=NOON, wh=1)),
    hue=Hue(degrees=120),
)
# For each field, what it can't hold.
WRONG: dict[str, tuple[Any, ...]] = {
    "total": (True, 1.0, "12", None, [], {}, 2**63, -(2**63), math.nan),
    "watts": (True, "1", None, math.nan, math.inf, -math.inf, 10**400, []),
    "on": (1, 0, "true", None, []),
    "name": (1, None, True, [], {}, "\ud800"),
    "reason": ("empty", "", 1, True, ["full"]),
    "at": (
        "yesterday", "", 0, True, "2026-06-05T12:00:00", "1969-12-31T23:59:59+00:00",
        "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", [],
    ),
    "part": (1, "part", [], {}, {"at": None}, {"at": NOON.isoformat(), "wh": True}),
    "parts": (None, {}, "", [None], [{"at": NOON.isoformat()}, {}]),
    "hue": (120, None, "red", []),
    "positive": (0, -1),
}  # fmt: skip


def over_the_disk(stored: object) -> Any:
    return json.loads(json.dumps(stored, allow_nan=False))


class CodecTests(unittest.TestCase):
    def test_a_record_comes_back_as_it_was(self) -> None:
        for record in (FULL, Record(total=0)):
            with self.subTest(record=record):
                stored = over_the_disk(STRICT.encode(record))
                decoded = STRICT.decode(Record, stored)
                self.assertEqual(decoded.value, record)
                self.assertEqual(decoded.invalid, ())

    def test_the_stored_form(self) -> None:
        moment = "2026-06-05T12:00:00+00:00"
        self.assertEqual(
            STRICT.encode(FULL),
            {
                "total": 7,
                "watts": -1.5,
                "on": True,
                "name": "Größe 🚗",
                "reason": "full",
                "at": moment,
                "part": {"at": moment, "wh": 3},
                "parts": [{"at": moment, "wh": 0}, {"at": moment, "wh": 1}],
                "hue": "120",
                "positive": 1,
            },
        )

    def test_times_come_back_in_utc(self) -> None:
        east = timezone(timedelta(hours=5, minutes=45))
        stored: Any = {"total": 1, "at": NOON.astimezone(east).isoformat()}
        at = STRICT.decode(Record, stored).value.at
        self.assertEqual(at, NOON)
        self.assertEqual(at and at.tzinfo, UTC)

    def test_an_integer_is_a_number(self) -> None:
        watts = STRICT.decode(Record, {"total": 1, "watts": 7}).value.watts
        self.assertIs(type(watts), float)

    def test_what_is_missing_has_its_default(self) -> None:
        decoded = STRICT.decode(Record, {"total": 5})
        self.assertEqual(decoded.value, Record(total=5))
        self.assertEqual(decoded.invalid, ())

    def test_what_a_later_version_stores_is_ignored(self) -> None:
        decoded = STRICT.decode(Record, {"total": 5, "humidity": [1]})
        self.assertEqual(decoded.value, Record(total=5))
        self.assertEqual(decoded.invalid, ())

    def test_a_record_is_valid_as_a_whole_or_not_at_all(self) -> None:
        for name, values in WRONG.items():
            for value in values:
                stored = {"total": 1, name: value}
                with self.subTest(stored=stored), self.assertRaises(RecordError) as was:
                    STRICT.decode(Record, stored)
                # What a whole record makes of its parts can't be said of one of them.
                expected = "" if name == "positive" else name
                self.assertTrue(was.exception.path.startswith(expected))

    def test_what_is_not_an_object(self) -> None:
        odd: tuple[Any, ...] = (None, 1, "total", True, [], [{"total": 1}])
        for stored in odd:
            with self.subTest(stored=stored), self.assertRaises(RecordError) as was:
                STRICT.decode(Record, stored)
            self.assertEqual(was.exception.path, "")

    def test_what_is_required_is_missing(self) -> None:
        with self.assertRaises(RecordError) as was:
            STRICT.decode(Record, {"part": {"wh": 1}, "total": 1})
        self.assertEqual(was.exception.path, "part.at")
        self.assertEqual(str(was.exception), "part.at: is missing")

    def test_a_tolerated_part_costs_nothing_else(self) -> None:
        for name, values in WRONG.items():
            if name in ("total", "positive"):
                continue
            for value in values:
                stored = {**over_the_disk(STRICT.encode(FULL)), name: value}
                with self.subTest(stored=stored):
                    decoded = TOLERANT.decode(Record, stored)
                    (path,) = decoded.invalid
                    self.assertTrue(path.startswith(name))
                    expected = {**STRICT.encode(FULL)}  # type: ignore[dict-item]
                    expected[name] = STRICT.encode(Record(total=0))[name]  # type: ignore[call-overload,index]
                    self.assertEqual(TOLERANT.encode(decoded.value), expected)

    def test_what_must_be_valid_is_not_tolerated(self) -> None:
        for value in WRONG["total"]:
            with self.subTest(value=value), self.assertRaises(RecordError):
                TOLERANT.decode(Record, {"total": value})
        with self.assertRaises(RecordError):
            TOLERANT.decode(Record, {})

    def test_one_bad_record_of_many_is_left_out(self) -> None:
        stored: Any = [STRICT.encode(Record(total=number)) for number in range(501)]
        stored[7] = {**stored[7], "reason": "eaten"}
        stored[9] = None
        decoded = STRICT.decode_each(Record, stored)
        self.assertEqual(
            [record.total for record in decoded.value],
            [number for number in range(501) if number not in (7, 9)],
        )
        self.assertEqual(decoded.invalid, ("[7].reason", "[9]"))
        self.assertEqual(
            STRICT.encode_each(decoded.value), [*stored[:7], stored[8], *stored[10:]]
        )

    def test_many_records_are_a_list(self) -> None:
        odd: tuple[Any, ...] = (None, {}, "", 1, {"0": {"total": 1}})
        for stored in odd:
            with self.subTest(stored=stored), self.assertRaises(RecordError):
                STRICT.decode_each(Record, stored)

    def test_what_json_cannot_hold_keeps_nothing_else_from_being_saved(self) -> None:
        odd: Any = {"watts": (math.nan, math.inf, 10**400), "total": (2**63, -(2**64))}
        for name, values in odd.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    record = Record(**{"total": 1, "name": "kept", name: value})
                    stored = over_the_disk(STRICT.encode(record))
                    self.assertIsNone(stored[name])
                    self.assertEqual(stored["name"], "kept")
        text = over_the_disk(STRICT.encode(Record(total=1, name="\ud800!")))["name"]
        self.assertEqual(text, "?!")

    def test_an_enumeration_in_place_of_text_is_stored_as_text(self) -> None:
        stored: Any = STRICT.encode(Record(total=1, name=Reason.FULL))
        self.assertIs(type(stored["name"]), str)

    def test_a_type_without_a_form_is_noticed_at_once(self) -> None:
        @dataclass(frozen=True, kw_only=True)
        class Odd:
            pair: tuple[int, int] = (0, 0)

        @dataclass(frozen=True, kw_only=True)
        class Odder:
            items: Any = None

        for kind in (Odd, Odder, int | str | None, complex):
            with self.subTest(kind=kind), self.assertRaises(TypeError):
                STRICT.decode(kind, {})  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
