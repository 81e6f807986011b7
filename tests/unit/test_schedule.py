"""Sessions, days, midnight, clock changes, and the two wire forms of a schedule."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
import json
import random
import unittest
from zoneinfo import ZoneInfo

from custom_components.hypervolt_charger.hypervolt.errors import InvalidSchedule
from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue
from custom_components.hypervolt_charger.hypervolt.schedule import (
    DAY_END,
    EVERY_DAY,
    MIDNIGHT,
    ClockTime,
    JsonText,
    LocalWindow,
    Occurrence,
    Schedule,
    ScheduleSession,
    ScheduleType,
    Weekday,
    format_days,
    local_windows,
    next_occurrence,
    occurrences,
    parse_days,
    parse_json_text,
    read_v2,
    read_v3,
    reports_schedule,
    same_schedule,
    validate,
    without_extra,
    write_v2,
    write_v3,
)

LONDON = ZoneInfo("Europe/London")
SYDNEY = ZoneInfo("Australia/Sydney")
HAVANA = ZoneInfo("America/Havana")
MONDAY = frozenset({Weekday.MONDAY})
TUESDAY = frozenset({Weekday.TUESDAY})
SUNDAY = frozenset({Weekday.SUNDAY})
WEEKDAYS = frozenset(list(Weekday)[:5])


def session(
    start: str,
    end: str,
    days: frozenset[Weekday] = EVERY_DAY,
    mode: str = "boost",
    on_date: date | None = None,
) -> ScheduleSession:
    return ScheduleSession(
        start=ClockTime.parse(start),
        end=ClockTime.parse(end),
        days=days,
        mode=mode,
        on_date=on_date,
    )


def schedule(*sessions: ScheduleSession, enabled: bool = True) -> Schedule:
    return Schedule(enabled=enabled, sessions=sessions)


def item(
    start: JsonValue, end: JsonValue, days: list[str] | None = None, mode: str = "boost"
) -> dict[str, JsonValue]:
    wire: dict[str, JsonValue] = {
        "session_type": "recurring",
        "start_time": start,
        "end_time": end,
        "mode": mode,
    }
    if days is not None:
        wire["days"] = list(days)
    return wire


def answer(
    *items: JsonValue, enabled: JsonValue = True, kind: JsonValue = "hypervolt"
) -> JsonValue:
    return {
        "applied": {
            "enabled": enabled,
            "is_default": False,
            "type": kind,
            "sessions": list(items),
        },
        "pending": {},
    }


def read(payload: JsonValue, zone: ZoneInfo | None = LONDON) -> Schedule:
    found = read_v3(payload, zone=zone)
    assert found is not None
    return found


def wire_sessions(value: Schedule) -> list[tuple[str, str, list[str]]]:
    """Return the written sessions as (start, end, days), by way of real JSON."""
    body = json.loads(json.dumps(write_v3(value, enabled=True)))
    return [(s["start_time"], s["end_time"], s["days"]) for s in body["sessions"]]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def windows(found: list[Occurrence]) -> list[tuple[str, str]]:
    return [(f"{o.start:%d %H:%M}", f"{o.end:%d %H:%M}") for o in found]


class ClockTimeTest(unittest.TestCase):
    def test_parses(self) -> None:
        for text, seconds in (
            ("00:00", 0),
            ("7:05", 25_500),
            ("23:30", 84_600),
            ("23:59:59", 86_399),
            (" 04:30:00 ", 16_200),
            ("24:00", 86_400),
            ("24:00:00", 86_400),
        ):
            with self.subTest(text):
                self.assertEqual(ClockTime.parse(text).seconds, seconds)

    def test_refuses_what_no_clock_shows(self) -> None:
        for text in (
            "",
            "12",
            "1230",
            "24:01",
            "25:00",
            "12:60",
            "12:00:60",
            "-1:00",
            "12:5",
            "12:00 pm",
            "noon",
            "2026-06-01T12:00",
            "\N{ARABIC-INDIC DIGIT ONE}2:00",
        ):
            with self.subTest(text), self.assertRaises(InvalidSchedule):
                ClockTime.parse(text)

    def test_refuses_seconds_outside_a_day(self) -> None:
        for seconds in (-1, 86_401):
            with self.subTest(seconds), self.assertRaises(ValueError):
                ClockTime(seconds)

    def test_writes_as_the_cloud_does(self) -> None:
        for text in ("00:00", "09:05", "23:30:15", "24:00"):
            with self.subTest(text):
                self.assertEqual(str(ClockTime.parse(text)), text)

    def test_to_and_from_time(self) -> None:
        moment = time(23, 30, 15)
        self.assertEqual(ClockTime.from_time(moment).to_time(), moment)
        self.assertEqual(ClockTime.from_time(time(1, 0, 0, 999)).seconds, 3600)

    def test_day_end_is_midnight_on_a_clock(self) -> None:
        self.assertEqual(DAY_END.to_time(), time(0))
        self.assertEqual(MIDNIGHT.to_time(), time(0))

    def test_orders(self) -> None:
        self.assertLess(ClockTime.parse("09:00"), ClockTime.parse("10:00"))


class SessionTest(unittest.TestCase):
    def test_whole_day(self) -> None:
        self.assertTrue(session("00:00", "24:00").is_whole_day)
        self.assertFalse(session("00:00", "23:59").is_whole_day)
        self.assertFalse(session("00:01", "24:00").is_whole_day)

    def test_crosses_midnight(self) -> None:
        for start, end, crosses in (
            ("23:30", "05:30", True),
            ("23:30", "24:00", False),
            ("23:30", "00:00", True),
            ("00:00", "05:30", False),
            ("00:00", "24:00", False),
        ):
            with self.subTest(start=start, end=end):
                self.assertIs(session(start, end).crosses_midnight, crosses)

    def test_sessions_compare_by_value(self) -> None:
        self.assertEqual(session("01:00", "02:00"), session("01:00", "02:00"))
        self.assertNotEqual(
            session("01:00", "02:00"), session("01:00", "02:00", mode="eco")
        )


class DaysTest(unittest.TestCase):
    def test_parses(self) -> None:
        some = frozenset({Weekday.MONDAY, Weekday.WEDNESDAY, Weekday.SUNDAY})
        for text, days in (
            ("", frozenset()),
            ("  ,; ", frozenset()),
            ("MONDAY,WEDNESDAY,SUNDAY", some),
            ("sun;wed mon", some),
            ("Mo, We and Su", some),
            ("['MONDAY', 'WEDNESDAY', 'SUNDAY']", some),
            ("Mondays", MONDAY),
            ("Mon.", MONDAY),
            ("tues", TUESDAY),
            ("Tues, thurs & weds", frozenset(list(Weekday)[1:4])),
            ("weekdays", WEEKDAYS),
            ("Weekend", EVERY_DAY - WEEKDAYS),
            ("weekdays and SATURDAY", EVERY_DAY - SUNDAY),
            ("ALL", EVERY_DAY),
            ("daily", EVERY_DAY),
            ("Every day", EVERY_DAY),
            ("EVERY_DAY", EVERY_DAY),
            ("everyday", EVERY_DAY),
            ("mon-fri", WEEKDAYS),
            ("Sat \N{EN DASH} Sun", EVERY_DAY - WEEKDAYS),
            ("sat-mon", EVERY_DAY - frozenset(list(Weekday)[1:5])),
            ("mon-mon", MONDAY),
        ):
            with self.subTest(text):
                self.assertEqual(parse_days(text), days)

    def test_names_the_word_it_does_not_know(self) -> None:
        for text, word in (
            ("Monday, Funday", "funday"),
            ("m", "m"),
            ("mondayish", "mondayish"),
            ("mon-fry", "mon-fry"),
            ("mon-", "mon-"),
            ("every", "every"),
            ("s", "s"),
            ("1", "1"),
        ):
            with (
                self.subTest(text),
                self.assertRaisesRegex(InvalidSchedule, word),
            ):
                parse_days(text)

    def test_formats_in_week_order(self) -> None:
        self.assertEqual(format_days(parse_days("sun mon")), "MONDAY,SUNDAY")
        self.assertEqual(format_days(frozenset()), "")

    def test_each_set_survives_as_text(self) -> None:
        for bits in range(128):
            days = frozenset(day for day in Weekday if bits >> day & 1)
            self.assertEqual(parse_days(format_days(days)), days)


class ReadV3Test(unittest.TestCase):
    def test_reads_the_published_reply(self) -> None:
        payload = json.loads(
            '{"applied":{"enabled":true,"is_default":false,"sessions":[{"days":'
            '["THURSDAY"],"end_time":"05:00","mode":"boost","session_type":"recurring",'
            '"start_time":"04:00"}],"type":"hypervolt"},"pending":{}}'
        )
        self.assertEqual(
            read(payload),
            schedule(session("04:00", "05:00", frozenset({Weekday.THURSDAY}))),
        )

    def test_no_schedule_is_cleared(self) -> None:
        payloads: tuple[JsonValue, ...] = (
            {},
            {"pending": {}},
            {"applied": {}, "pending": {}},
            {"applied": None},
        )
        for payload in payloads:
            with self.subTest(payload):
                self.assertEqual(read(payload), Schedule(enabled=False))

    def test_learns_nothing_from_something_else(self) -> None:
        payloads: tuple[JsonValue, ...] = (
            None,
            [],
            "x",
            7,
            True,
            {"applied": True},
            {"applied": "boost"},
            {"applied": []},
            {"enabled": True},
            {"enabled": True, "sessions": []},
        )
        for payload in payloads:
            with self.subTest(payload):
                self.assertIsNone(read_v3(payload, zone=LONDON))

    def test_missing_keys(self) -> None:
        self.assertEqual(
            read({"applied": {"is_default": False}}), Schedule(enabled=False)
        )
        self.assertEqual(read({"applied": {"enabled": True}}), Schedule(enabled=True))

    def test_enabled_of_any_type(self) -> None:
        for value, enabled in (
            (True, True),
            ("true", True),
            ("TRUE", True),
            (1, True),
            (None, False),
            ("false", False),
            ("", False),
            (0, False),
        ):
            with self.subTest(value):
                self.assertIs(read(answer(enabled=value)).enabled, enabled)

    def test_type_of_any_kind(self) -> None:
        for value, kind in (
            (None, ScheduleType.HYPERVOLT),
            ("", ScheduleType.HYPERVOLT),
            (7, ScheduleType.HYPERVOLT),
            ("OCTOPUS", ScheduleType.OCTOPUS),
            ("Ovo", "Ovo"),
        ):
            with self.subTest(value):
                self.assertEqual(read(answer(kind=value)).type, kind)

    def test_days_of_any_case_or_none(self) -> None:
        for days, expected in (
            (["monday", "TUESDAY"], MONDAY | TUESDAY),
            (["Monday", "Blursday", 7, None], MONDAY),
            ("monday", MONDAY),
            (None, EVERY_DAY),
            ([], EVERY_DAY),
            (["ALL"], EVERY_DAY),
        ):
            with self.subTest(days):
                wire = item("01:00", "02:00")
                wire["days"] = days  # type: ignore[assignment]
                self.assertEqual(read(answer(wire)).sessions[0].days, expected)

    def test_absent_days_are_every_day(self) -> None:
        found = read(answer(item("01:00", "02:00")))
        self.assertEqual(found.sessions[0].days, EVERY_DAY)

    def test_unknown_mode_is_kept(self) -> None:
        found = read(answer(item("01:00", "02:00", mode="Ultra_Eco")))
        self.assertEqual(found.sessions[0].mode, "Ultra_Eco")

    def test_missing_mode_is_boost(self) -> None:
        wire = item("01:00", "02:00")
        wire["mode"] = None
        self.assertEqual(read(answer(wire)).sessions[0].mode, "boost")

    def test_one_bad_session_stops_no_other(self) -> None:
        bad_mode, bad_days = item("03:00", "04:00"), item("03:00", "04:00", ["Someday"])
        bad_mode["mode"] = {"name": "boost"}
        found = read(
            answer(
                None,
                "01:00-02:00",
                {},
                item(None, "02:00"),
                item("1 o'clock", "02:00"),
                item("24:00", "02:00"),
                item(True, "02:00"),
                item("03:00", "25:00"),
                item("2026-13-41T00:00Z", "2026-06-01T00:00Z"),
                item("2026-06-01T00:00Z", "02:00"),
                item("0001-01-01T00:00Z", "9999-12-31T00:00Z"),
                bad_mode,
                bad_days,
                item("01:00", "02:00"),
            )
        )
        self.assertEqual(found.sessions, (session("01:00", "02:00"),))
        self.assertEqual(len(found.unread), 13)

    def test_random_data_raises_nothing(self) -> None:
        rng = random.Random(9)
        keys = (
            *("applied", "enabled", "type", "sessions", "days", "mode", "tz"),
            *("start_time", "end_time", "intervals", "hours", "minutes", "seconds"),
        )
        leaves: tuple[JsonValue, ...] = (
            *(None, True, 0, -5, 10**400, 1e308, float("inf"), float("nan"), "", "x"),
            *("24:00", "00:00", "octopus", "MONDAY", "9999-12-31T23:59:59-23:00", "T"),
            *("2026-06-01T22:30:00Z", "2026-06-02T00:00:00Z", "2026-W01-1T00"),
        )

        def grown(depth: int) -> JsonValue:
            kind = rng.randrange(3) if depth else 0
            if kind == 0:
                return rng.choice(leaves)
            some = [grown(depth - 1) for _ in range(rng.randrange(4))]
            return some if kind == 1 else dict(zip(rng.sample(keys, 4), some))  # noqa: B905

        for _ in range(5000):
            times = {"start_time": grown(0), "end_time": grown(0), "days": grown(1)}
            applied = {"type": grown(0), "sessions": [grown(2), times]}
            read_v3({"applied": applied}, zone=LONDON, now=utc("2026-06-01T12:00"))
            read_v3(grown(4), zone=LONDON)
            read_v2({"intervals": [[grown(1), grown(1)], grown(3)], "tz": grown(1)})

    def test_sessions_that_are_no_list(self) -> None:
        nothing: tuple[JsonValue, ...] = (None, {}, "", 0)
        for value in nothing:
            with self.subTest(value):
                found = read({"applied": {"enabled": True, "sessions": value}})
                self.assertEqual(found.sessions, ())
        unreadable: tuple[JsonValue, ...] = ({"1": {}}, "x", 3)
        for value in unreadable:
            with self.subTest(value):
                payload: JsonValue = {"applied": {"enabled": True, "sessions": value}}
                self.assertIsNone(read_v3(payload, zone=LONDON))

    def test_more_sessions_than_the_app_has(self) -> None:
        items = [item(f"{hour:02}:00", f"{hour:02}:30") for hour in range(20)]
        self.assertEqual(len(read(answer(*items)).sessions), 20)

    def test_whole_day_is_no_deletion(self) -> None:
        found = read(answer(item("00:00", "24:00", ["MONDAY"])))
        self.assertEqual(found, schedule(session("00:00", "24:00", MONDAY)))

    def test_end_at_midnight_is_the_days_end(self) -> None:
        found = read(answer(item("23:00", "00:00")))
        self.assertEqual(found.sessions[0].end, DAY_END)

    def test_texts_can_be_stored(self) -> None:
        half: JsonValue = {**item("01:00", "02:00"), "mode": "eco\ud800"}
        found = read(
            {"applied": {"enabled": True, "type": "a\udfff", "sessions": [half]}}
        )
        self.assertEqual((found.type, found.sessions[0].mode), ("a?", "eco?"))
        daily = read_v2({"tz": "\ud800"})
        self.assertEqual(daily and daily.time_zone, "?")

    def test_more_sessions_than_any_charger_has_are_no_schedule(self) -> None:
        """Taking a part would mean to write only that part back."""
        row = item("01:00", "02:00")
        many: list[JsonValue] = [row] * 100
        self.assertEqual(len(read({"applied": {"sessions": many}}).sessions), 100)
        self.assertIsNone(read_v3({"applied": {"sessions": [*many, row]}}, zone=None))
        times: JsonValue = [{"hours": 1}, {"hours": 2}]
        self.assertIsNone(read_v2({"intervals": [times] * 101}))


class JoinTest(unittest.TestCase):
    def test_halves_of_one_night_are_one_session(self) -> None:
        found = read(
            answer(
                item("23:30", "24:00", ["MONDAY"]),
                item("00:00", "05:30", ["TUESDAY"]),
            )
        )
        self.assertEqual(found, schedule(session("23:30", "05:30", MONDAY)))

    def test_order_and_neighbours_do_not_matter(self) -> None:
        found = read(
            answer(
                item("00:00", "05:30", ["MONDAY"]),
                item("12:00", "13:00", ["MONDAY"]),
                item("23:30", "24:00", ["SUNDAY"]),
            )
        )
        self.assertEqual(
            found,
            schedule(
                session("12:00", "13:00", MONDAY), session("23:30", "05:30", SUNDAY)
            ),
        )

    def test_two_nights_with_the_same_times(self) -> None:
        nights = schedule(
            session("23:30", "05:30", MONDAY), session("23:30", "05:30", TUESDAY)
        )
        self.assertEqual(read({"applied": write_v3(nights, enabled=True)}), nights)

    def test_halves_that_do_not_match_stay_as_stored(self) -> None:
        for name, evening, morning in (
            (
                "same days, as the older integration wrote",
                item("23:30", "24:00", ["MONDAY"]),
                item("00:00", "05:30", ["MONDAY"]),
            ),
            (
                "other mode",
                item("23:30", "24:00", ["MONDAY"]),
                item("00:00", "05:30", ["TUESDAY"], "eco"),
            ),
            (
                "24 hours",
                item("05:30", "24:00", ["MONDAY"]),
                item("00:00", "05:30", ["TUESDAY"]),
            ),
            (
                "whole days",
                item("00:00", "24:00", ["MONDAY"]),
                item("00:00", "24:00", ["TUESDAY"]),
            ),
            (
                "not at midnight",
                item("23:30", "23:59", ["MONDAY"]),
                item("00:00", "05:30", ["TUESDAY"]),
            ),
        ):
            with self.subTest(name):
                found = read(answer(evening, morning))
                self.assertEqual(len(found.sessions), 2)
                self.assertEqual(
                    [s.start for s in found.sessions],
                    [ClockTime.parse(str(w["start_time"])) for w in (evening, morning)],
                )

    def test_every_day_on_both_halves_is_one_daily_night(self) -> None:
        found = read(answer(item("23:30", "24:00"), item("00:00", "05:30")))
        self.assertEqual(found, schedule(session("23:30", "05:30")))

    def test_a_morning_is_used_once(self) -> None:
        found = read(
            answer(
                item("23:30", "24:00"), item("22:00", "24:00"), item("00:00", "05:30")
            )
        )
        self.assertEqual(
            found, schedule(session("23:30", "05:30"), session("22:00", "24:00"))
        )


class OctopusTest(unittest.TestCase):
    def dispatch(self, *items: JsonValue, now: datetime | None = None) -> Schedule:
        found = read_v3(answer(*items, kind="octopus"), zone=LONDON, now=now)
        assert found is not None
        return found

    def test_summer_dispatch_is_shown_in_local_time(self) -> None:
        wire = item("2026-06-01T22:30:00Z", "2026-06-02T00:00:00Z")
        expected = session("23:30", "01:00", MONDAY, on_date=date(2026, 6, 1))
        self.assertEqual(self.dispatch(wire).sessions, (expected,))

    def test_every_spelling_of_utc(self) -> None:
        for start, end in (
            ("2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z"),
            ("2026-06-01T12:00:00", "2026-06-01T13:00:00"),
            ("2026-06-01T13:00:00+01:00", "2026-06-01T14:00:00+01:00"),
            ("2026-06-01T12:00:00.000Z", "2026-06-01T13:00:00.000+00:00"),
        ):
            with self.subTest(start):
                found = self.dispatch(item(start, end)).sessions[0]
                self.assertEqual((str(found.start), str(found.end)), ("13:00", "14:00"))

    def test_winter_dispatch(self) -> None:
        found = self.dispatch(item("2026-12-01T22:30:00Z", "2026-12-02T00:00:00Z"))
        self.assertEqual(
            found.sessions[0],
            session("22:30", "24:00", TUESDAY, on_date=date(2026, 12, 1)),
        )

    def test_without_a_zone_it_stays_in_utc(self) -> None:
        wire = item("2026-06-01T22:30:00Z", "2026-06-02T00:00:00Z")
        found = read(answer(wire, kind="octopus"), zone=None)
        self.assertEqual(str(found.sessions[0].start), "22:30")
        self.assertEqual(found.sessions[0].end, DAY_END)

    def test_fillers_are_no_dispatches(self) -> None:
        found = self.dispatch(
            item("00:00", "05:00", mode="super_eco"),
            item("05:00", "06:00"),
            item("06:00", "24:00", mode="super_eco_battery_safe"),
        )
        self.assertEqual(found.sessions, (session("05:00", "06:00"),))

    def test_fillers_of_an_own_schedule_are_kept(self) -> None:
        found = read(answer(item("00:00", "05:00", mode="super_eco")))
        self.assertEqual(len(found.sessions), 1)

    def test_ended_dispatches_are_dropped(self) -> None:
        found = self.dispatch(
            item("2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"),
            item("2026-06-01T11:00:00Z", "2026-06-01T13:00:00Z"),
            item("01:00", "02:00"),
            now=utc("2026-06-01T11:00"),
        )
        self.assertEqual([str(s.start) for s in found.sessions], ["12:00", "01:00"])

    def test_without_now_all_are_kept(self) -> None:
        found = self.dispatch(item("2020-06-01T10:00:00Z", "2020-06-01T11:00:00Z"))
        self.assertEqual(len(found.sessions), 1)

    def test_days_beside_a_date_do_not_repeat_it(self) -> None:
        wire = item("2026-06-01T23:30:00Z", "2026-06-02T00:30:00Z", ["MONDAY"])
        self.assertEqual(self.dispatch(wire).sessions[0].days, TUESDAY)

    def test_date_times_of_an_own_schedule(self) -> None:
        wire = item("2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z", ["SUNDAY"])
        self.assertEqual(
            replace(read(answer(wire)).sessions[0], verbatim=JsonText("")),
            session("11:00", "12:00", SUNDAY),
        )
        del wire["days"]
        found = read(answer(wire))
        self.assertEqual(
            replace(found.sessions[0], verbatim=JsonText("")),
            session("11:00", "12:00", MONDAY, on_date=date(2026, 6, 1)),
        )
        self.assertEqual(write_v3(found, enabled=True)["sessions"], [wire])

    def test_impossible_dispatches_are_left_out(self) -> None:
        found = self.dispatch(
            item("2026-06-01T10:00:00Z", "2026-06-01T10:00:00Z"),
            item("2026-06-01T10:00:00Z", "2026-06-01T09:00:00Z"),
            item("2026-06-01T10:00:00Z", "2026-06-02T10:00:00Z"),
            item("2026-06-01T10:00:00Z", "2026-06-09T10:00:00Z"),
            item("2027-03-27T23:30:00Z", "2027-03-28T23:30:00Z"),
        )
        self.assertEqual(found.sessions, ())

    def test_dispatch_on_the_repeated_hour_takes_the_longer_cover(self) -> None:
        wire = item("2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z")
        found = self.dispatch(wire).sessions[0]
        self.assertEqual((str(found.start), str(found.end)), ("01:30", "02:00"))

    def test_a_dispatch_happens_once(self) -> None:
        found = self.dispatch(item("2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"))
        after = utc("2026-06-01T10:30")
        self.assertEqual(len(list(occurrences(found, after=after, zone=LONDON))), 1)
        after = utc("2026-06-01T11:00")
        self.assertIsNone(next_occurrence(found, after=after, zone=LONDON))


class WriteV3Test(unittest.TestCase):
    def test_writes_the_published_request(self) -> None:
        expected = json.loads(
            '{"enabled":true,"is_default":false,"type":"hypervolt","sessions":['
            '{"session_type":"recurring","start_time":"23:30","end_time":"24:00",'
            '"mode":"boost","days":["MONDAY"]},{"session_type":"recurring",'
            '"start_time":"00:00","end_time":"05:30","mode":"boost","days":["TUESDAY"]}]}'
        )
        night = schedule(session("23:30", "05:30", MONDAY))
        self.assertEqual(write_v3(night, enabled=True), expected)

    def test_sunday_night_goes_on_on_monday(self) -> None:
        self.assertEqual(
            wire_sessions(schedule(session("22:00", "06:00", SUNDAY))),
            [("22:00", "24:00", ["SUNDAY"]), ("00:00", "06:00", ["MONDAY"])],
        )

    def test_ends_at_midnight(self) -> None:
        for end in ("00:00", "24:00"):
            with self.subTest(end):
                self.assertEqual(
                    wire_sessions(schedule(session("22:00", end, MONDAY))),
                    [("22:00", "24:00", ["MONDAY"])],
                )

    def test_whole_day_stays_whole(self) -> None:
        self.assertEqual(
            wire_sessions(schedule(session("00:00", "24:00", MONDAY))),
            [("00:00", "24:00", ["MONDAY"])],
        )

    def test_days_in_week_order(self) -> None:
        days = wire_sessions(schedule(session("01:00", "02:00")))[0][2]
        self.assertEqual(days, [day.name for day in Weekday])

    def test_cleared(self) -> None:
        self.assertEqual(
            write_v3(Schedule(enabled=True), enabled=False),
            {
                "enabled": False,
                "is_default": False,
                "type": "hypervolt",
                "sessions": [],
            },
        )

    def test_refuses_what_the_cloud_would(self) -> None:
        for bad in (
            session("01:00", "01:00"),
            session("00:00", "00:00"),
            session("24:00", "05:00"),
            session("01:00", "02:00", frozenset()),
        ):
            with (
                self.subTest(bad),
                self.assertRaises(InvalidSchedule),
            ):
                write_v3(schedule(bad), enabled=True)

    def test_refuses_to_write_over_octopus(self) -> None:
        plan = Schedule(enabled=True, type=ScheduleType.OCTOPUS)
        with self.assertRaisesRegex(InvalidSchedule, "octopus"):
            write_v3(plan, enabled=True)

    def test_what_is_written_reads_back_the_same(self) -> None:
        rng = random.Random(20261025)
        for _ in range(500):
            value = random_schedule(rng)
            validate(value, max_sessions=100)
            written = json.loads(json.dumps(write_v3(value, enabled=value.enabled)))
            for wire in written["sessions"]:
                self.assertLess(wire["start_time"], wire["end_time"])
                self.assertNotEqual(wire["end_time"], "00:00")
            self.assertEqual(read({"applied": written}), value)


def random_schedule(rng: random.Random) -> Schedule:
    """Return a valid schedule; no two of its sessions touch, so none can be joined."""
    sessions: list[ScheduleSession] = []
    for _ in range(rng.randint(0, 8)):
        start, end = rng.randrange(0, 1440), rng.randrange(1, 1441)
        candidate = ScheduleSession(
            start=ClockTime(start * 60),
            end=ClockTime(end * 60),
            days=frozenset(rng.sample(list(Weekday), rng.randint(1, 7))),
            mode=rng.choice(["boost", "eco", "super_eco", "something_new"]),
        )
        grown = Schedule(enabled=rng.random() < 0.5, sessions=(*sessions, candidate))
        try:
            validate(grown, max_sessions=100)
        except InvalidSchedule:
            continue
        if not touches_midnight(candidate, sessions):
            sessions.append(candidate)
    return Schedule(enabled=rng.random() < 0.5, sessions=tuple(sessions))


def touches_midnight(candidate: ScheduleSession, others: list[ScheduleSession]) -> bool:
    """Whether two sessions might be halves of one night as well."""
    edges = [(s.start == MIDNIGHT, s.end == DAY_END) for s in (candidate, *others)]
    return any(starts for starts, _ in edges) and any(ends for _, ends in edges)


class V2Test(unittest.TestCase):
    BODY = (
        '{"type":"restricted","tz":"Europe/London","intervals":[[{"hours":0,"minutes":31,'
        '"seconds":0},{"hours":4,"minutes":29,"seconds":0}]],"enabled":false}'
    )

    def read(self, body: JsonValue) -> Schedule:
        found = read_v2(body)
        assert found is not None
        return found

    def test_reads_the_published_body(self) -> None:
        self.assertEqual(
            self.read(json.loads(self.BODY)),
            Schedule(
                enabled=False,
                sessions=(session("00:31", "04:29"),),
                time_zone="Europe/London",
            ),
        )

    def test_published_body_is_written_again(self) -> None:
        body = json.loads(self.BODY)
        self.assertEqual(write_v2(self.read(body), enabled=False), body)

    def test_open_form(self) -> None:
        body = json.loads(
            '{"intervals":[],"tz":"Europe/London","enabled":false,"type":"open"}'
        )
        self.assertEqual(
            self.read(body), Schedule(enabled=False, time_zone="Europe/London")
        )
        self.assertEqual(write_v2(self.read(body), enabled=False), body)

    def test_never_set(self) -> None:
        bodies: tuple[JsonValue, ...] = (
            {},
            {"type": "restricted"},
            {"tz": 7, "intervals": None},
        )
        for body in bodies:
            with self.subTest(body):
                self.assertEqual(self.read(body), Schedule(enabled=False))

    def test_not_an_object(self) -> None:
        bodies: tuple[JsonValue, ...] = (None, [], "x", 1)
        for body in bodies:
            with self.subTest(body):
                self.assertIsNone(read_v2(body))

    def test_bad_intervals_stop_no_other(self) -> None:
        good: JsonValue = [{"hours": 1}, {"hours": "2", "minutes": 30.0}]
        bad: list[JsonValue] = [
            None,
            [],
            [{"hours": 1}],
            [{"hours": 1}, None],
            [{"hours": 25}, {"hours": 1}],
            [{"hours": "x"}, {"hours": 1}],
            [{"hours": True}, {"hours": 1}],
            [{"hours": [1]}, {"hours": 1}],
            [{"hours": 24}, {"hours": 1}],
        ]
        found = self.read({"enabled": True, "intervals": [*bad, good]})
        self.assertEqual(found.sessions, (session("01:00", "02:30"),))
        written = write_v2(found, enabled=True)["intervals"]
        assert isinstance(written, list)
        self.assertEqual(written[1:], bad)

    def test_a_night_is_one_interval(self) -> None:
        night = schedule(session("23:30", "05:30"))
        body = write_v2(night, enabled=True)
        self.assertEqual(
            body["intervals"],
            [
                [
                    {"hours": 23, "minutes": 30, "seconds": 0},
                    {"hours": 5, "minutes": 30, "seconds": 0},
                ]
            ],
        )
        self.assertEqual(self.read(body).sessions, night.sessions)

    def test_days_end_is_written_as_hour_nought(self) -> None:
        evening = schedule(session("22:00", "24:00"))
        body = write_v2(evening, enabled=True)
        self.assertIn('{"hours": 0, "minutes": 0, "seconds": 0}]]', json.dumps(body))
        self.assertEqual(self.read(body).sessions, evening.sessions)

    def test_whole_day_survives(self) -> None:
        whole = schedule(session("00:00", "24:00"))
        body = write_v2(whole, enabled=True)
        self.assertNotIn('{"hours": 24', json.dumps(body))
        self.assertEqual(self.read(body).sessions, whole.sessions)

    def test_plug_and_charge_keeps_intervals_and_zone(self) -> None:
        value = Schedule(
            enabled=True,
            sessions=(session("01:00", "02:00"),),
            time_zone="Europe/Dublin",
        )
        body = write_v2(value, enabled=False)
        self.assertEqual(
            (body["type"], body["enabled"], body["tz"]),
            ("restricted", False, "Europe/Dublin"),
        )
        self.assertEqual(
            self.read(body),
            Schedule(enabled=False, sessions=value.sessions, time_zone="Europe/Dublin"),
        )

    def test_refuses_what_it_can_not_say(self) -> None:
        value = schedule(session("01:00", "02:00"), session("03:00", "04:00", MONDAY))
        with self.assertRaisesRegex(InvalidSchedule, "with days: number 2"):
            write_v2(value, enabled=True)

    def test_odd_intervals_can_be_written_again(self) -> None:
        nothing: JsonValue = {"hours": 0, "minutes": 0, "seconds": 0}
        one: JsonValue = {"hours": 1, "minutes": 0, "seconds": 0}
        intervals: JsonValue = [[one, one], [nothing, nothing], [nothing, one]]
        value = self.read({"enabled": True, "intervals": intervals})
        self.assertEqual(len(value.sessions), 3)
        self.assertEqual(write_v2(value, enabled=False)["intervals"], intervals)


class ValidateTest(unittest.TestCase):
    def test_passes(self) -> None:
        for value in (
            schedule(),
            schedule(session("00:00", "24:00")),
            schedule(session("23:00", "05:00"), session("05:00", "23:00")),
            schedule(
                session("01:00", "02:00", MONDAY), session("01:00", "02:00", TUESDAY)
            ),
            schedule(session("22:00", "00:00"), session("00:00", "05:00")),
        ):
            with self.subTest(value):
                validate(value, max_sessions=6)

    def test_refuses_with_a_cause(self) -> None:
        for name, value, words in (
            ("equal", schedule(session("01:00", "01:00")), "without length: number 1"),
            ("zero", schedule(session("00:00", "00:00")), "without length: number 1"),
            (
                "no days",
                schedule(session("01:00", "02:00", frozenset())),
                "without days",
            ),
            ("late", schedule(session("24:00", "02:00")), "invalid time: text 24:00"),
            (
                "overlap",
                schedule(session("01:00", "03:00"), session("02:00", "04:00", TUESDAY)),
                "overlap: first 1, second 2",
            ),
            (
                "overlap after midnight, across the week's end",
                schedule(
                    session("22:00", "06:00", SUNDAY), session("05:00", "07:00", MONDAY)
                ),
                "overlap: first 1, second 2",
            ),
        ):
            with (
                self.subTest(name),
                self.assertRaisesRegex(InvalidSchedule, words),
            ):
                validate(value, max_sessions=6)

    def test_counts_sessions_of_the_wire(self) -> None:
        night = schedule(session("23:00", "05:00"))
        validate(night, max_sessions=2)
        with self.assertRaisesRegex(InvalidSchedule, "needed 2, most 1"):
            validate(night, max_sessions=1)


class OccurrencesTest(unittest.TestCase):
    def find(
        self, value: Schedule, after: str, zone: ZoneInfo = LONDON, days: int = 8
    ) -> list[Occurrence]:
        return list(occurrences(value, after=utc(after), zone=zone, days=days))

    def test_sorted_and_in_utc(self) -> None:
        value = schedule(
            session("13:00", "14:00", MONDAY, "eco"), session("01:00", "02:00", MONDAY)
        )
        found = self.find(value, "2026-06-01T00:00", days=1)
        self.assertEqual(
            found,
            [
                Occurrence(utc("2026-06-01T00:00"), utc("2026-06-01T01:00"), "boost"),
                Occurrence(utc("2026-06-01T12:00"), utc("2026-06-01T13:00"), "eco"),
            ],
        )
        self.assertIs(found[0].start.tzinfo, UTC)

    def test_running_window_is_included_ended_one_not(self) -> None:
        night = schedule(session("23:30", "05:30", SUNDAY))
        self.assertEqual(
            windows(self.find(night, "2026-06-01T04:29", days=1)),
            [("31 22:30", "01 04:30")],
        )
        self.assertEqual(self.find(night, "2026-06-01T04:30", days=1), [])

    def test_each_day_of_the_week(self) -> None:
        found = self.find(schedule(session("01:00", "02:00")), "2026-06-01T12:00")
        self.assertEqual(len(found), 7)
        self.assertEqual(found, sorted(found))

    def test_disabled_or_empty_has_none(self) -> None:
        value = schedule(session("01:00", "02:00"), enabled=False)
        self.assertEqual(self.find(value, "2026-06-01T00:00"), [])
        self.assertIsNone(
            next_occurrence(value, after=utc("2026-06-01T00:00"), zone=LONDON)
        )
        self.assertIsNone(
            next_occurrence(schedule(), after=utc("2026-06-01T00:00"), zone=LONDON)
        )

    def test_session_without_length_never_happens(self) -> None:
        value = schedule(session("01:00", "01:00"))
        self.assertEqual(self.find(value, "2026-06-01T00:00"), [])

    def test_next_is_the_running_one(self) -> None:
        value = schedule(session("23:30", "05:30"))
        found = next_occurrence(value, after=utc("2026-06-02T00:00"), zone=LONDON)
        assert found is not None
        self.assertEqual(found.start, utc("2026-06-01T22:30"))

    def test_whole_day_lasts_to_midnight(self) -> None:
        value = schedule(session("00:00", "24:00", MONDAY))
        self.assertEqual(
            windows(self.find(value, "2026-06-01T00:00", days=1)),
            [("31 23:00", "01 23:00")],
        )

    def test_clocks_go_back(self) -> None:
        for start, end, window in (
            ("23:30", "05:30", ("24 22:30", "25 05:30")),
            ("00:30", "01:30", ("24 23:30", "25 01:30")),
            ("01:00", "02:00", ("25 00:00", "25 02:00")),
            ("01:30", "02:30", ("25 00:30", "25 02:30")),
            ("00:00", "01:00", ("24 23:00", "25 00:00")),
            ("02:00", "03:00", ("25 02:00", "25 03:00")),
        ):
            with self.subTest(start=start, end=end):
                found = self.find(
                    schedule(session(start, end)), "2026-10-24T22:00", days=2
                )
                self.assertIn(window, windows(found))

    def test_clocks_go_forward(self) -> None:
        for start, end, window in (
            ("23:30", "05:30", ("27 23:30", "28 04:30")),
            ("00:30", "01:30", ("28 00:30", "28 01:00")),
            ("01:30", "03:00", ("28 01:00", "28 02:00")),
            ("00:00", "02:00", ("28 00:00", "28 01:00")),
            ("02:00", "03:00", ("28 01:00", "28 02:00")),
        ):
            with self.subTest(start=start, end=end):
                found = self.find(
                    schedule(session(start, end)), "2027-03-27T23:00", days=2
                )
                self.assertIn(window, windows(found))

    def test_window_inside_the_missing_hour_does_not_happen(self) -> None:
        for start, end in (("01:00", "02:00"), ("01:15", "01:45")):
            with self.subTest(start):
                found = self.find(
                    schedule(session(start, end)), "2027-03-28T00:00", days=1
                )
                self.assertEqual(found, [])

    def test_clock_changes_of_the_south_and_at_midnight(self) -> None:
        sydney = self.find(
            schedule(session("01:00", "04:00")), "2026-04-04T12:00", SYDNEY, days=2
        )
        self.assertEqual(windows(sydney)[0], ("04 14:00", "04 18:00"))
        # Cuba's clocks go from 01:00 back to 00:00
        havana = self.find(
            schedule(session("00:00", "02:00", SUNDAY)),
            "2026-11-01T03:00",
            HAVANA,
            days=2,
        )
        self.assertEqual(windows(havana), [("01 04:00", "01 07:00")])

    def test_a_zone_without_clock_changes(self) -> None:
        zone = timezone(timedelta(hours=5, minutes=45))
        value = schedule(session("00:00", "06:00", MONDAY))
        found = next_occurrence(value, after=utc("2026-06-01T00:00"), zone=zone)
        assert found is not None
        self.assertEqual(found.start, utc("2026-05-31T18:15"))


class LocalWindowsTest(unittest.TestCase):
    def find(self, start: str, end: str, zone: ZoneInfo = LONDON) -> list[str]:
        parts = local_windows(utc(start), utc(end), zone)
        return [f"{p.day:%d} {p.start}-{p.end}" for p in parts]

    def test_splits_at_local_midnight(self) -> None:
        self.assertEqual(
            self.find("2026-06-01T22:30", "2026-06-02T04:00"),
            ["01 23:30-24:00", "02 00:00-05:00"],
        )
        self.assertEqual(
            self.find("2026-06-01T22:00", "2026-06-03T00:00"),
            ["01 23:00-24:00", "02 00:00-24:00", "03 00:00-01:00"],
        )

    def test_ends_at_midnight(self) -> None:
        self.assertEqual(
            self.find("2026-06-01T22:00", "2026-06-01T23:00"), ["01 23:00-24:00"]
        )

    def test_repeated_hour(self) -> None:
        for start, end, part in (
            ("00:00", "01:00", "25 01:00-02:00"),
            ("01:00", "02:00", "25 01:00-02:00"),
            ("00:30", "01:30", "25 01:00-02:00"),
            ("00:45", "01:15", "25 01:00-02:00"),
            ("00:15", "00:45", "25 01:15-01:45"),
            ("00:30", "02:30", "25 01:00-02:30"),
            ("00:00", "05:00", "25 01:00-05:00"),
        ):
            with self.subTest(start=start, end=end):
                found = self.find(f"2026-10-25T{start}", f"2026-10-25T{end}")
                self.assertEqual(found, [part])

    def test_missing_hour(self) -> None:
        for start, end, part in (
            ("00:30", "01:00", "28 00:30-01:00"),
            ("01:00", "02:00", "28 02:00-03:00"),
            ("00:30", "01:30", "28 00:30-02:30"),
        ):
            with self.subTest(start=start, end=end):
                found = self.find(f"2027-03-28T{start}", f"2027-03-28T{end}")
                self.assertEqual(found, [part])

    def test_midnight_twice(self) -> None:
        self.assertEqual(
            self.find("2026-11-01T03:30", "2026-11-01T05:30", HAVANA),
            ["31 23:30-24:00", "01 00:00-01:00"],
        )

    def test_parts_of_seconds_go_outward(self) -> None:
        start = utc("2026-06-01T10:00:00.900")
        found = local_windows(start, utc("2026-06-01T10:00:01.100"), LONDON)
        self.assertEqual(
            found,
            [
                LocalWindow(
                    date(2026, 6, 1),
                    ClockTime.parse("11:00:00"),
                    ClockTime.parse("11:00:02"),
                )
            ],
        )

    def test_order_is_that_of_instants(self) -> None:
        first = datetime(2026, 10, 25, 1, 45, tzinfo=LONDON, fold=0)
        second = datetime(2026, 10, 25, 1, 15, tzinfo=LONDON, fold=1)
        self.assertEqual(len(local_windows(first, second, LONDON)), 1)

    def test_refuses_a_window_without_length(self) -> None:
        with self.assertRaises(InvalidSchedule):
            local_windows(utc("2026-06-01T10:00"), utc("2026-06-01T10:00"), LONDON)

    def test_covers_every_window(self) -> None:
        """Each instant of a window shows a wall time within its part."""
        rng = random.Random(7)
        for _ in range(300):
            start = utc("2026-10-24T20:00") + timedelta(minutes=rng.randrange(900))
            end = start + timedelta(minutes=rng.randrange(1, 900))
            parts = {p.day: p for p in local_windows(start, end, LONDON)}
            for minute in range(int((end - start).total_seconds()) // 60):
                wall = (start + timedelta(minutes=minute)).astimezone(LONDON)
                part = parts[wall.date()]
                shown = ClockTime.from_time(wall.time())
                self.assertTrue(part.start <= shown < part.end)


class KeepTest(unittest.TestCase):
    """What has no meaning here is written again as it was."""

    def test_members_and_items(self) -> None:
        wire = item("23:30", "24:00", ["MONDAY"])
        payload = answer(
            {**wire, "tag": 1},
            {**item("01:00", "02:00"), "days": ["MONDAY", "HOLIDAY"]},
            item("03:00", "03:00"),
            {"offset": 30},
            7,
        )
        assert isinstance(payload, dict)
        applied = payload["applied"]
        assert isinstance(applied, dict)
        applied |= {"is_default": True, "season": "winter"}
        written = write_v3(read(payload), enabled=True)
        self.assertEqual(written.pop("type"), "hypervolt")
        applied.pop("type", None)
        self.assertEqual(written, applied)

    def test_halves_of_a_night_with_members_of_their_own(self) -> None:
        evening = {**item("23:30", "24:00", ["MONDAY"]), "tag": 1}
        morning = item("00:00", "05:00", ["TUESDAY"])
        self.assertEqual(len(read(answer(evening, morning)).sessions), 2)
        found = read(answer(evening, {**morning, "tag": 1}))
        self.assertEqual(len(found.sessions), 1)

    def test_without_them(self) -> None:
        found = read(answer({**item("01:00", "02:00"), "tag": 1}))
        plain = read(answer(item("01:00", "02:00")))
        self.assertNotEqual(found, plain)
        self.assertEqual(without_extra(found), plain)
        self.assertTrue(same_schedule(found, plain))

    def test_what_json_can_not_hold(self) -> None:
        found = read(answer({"offset": float("nan")}))
        self.assertEqual(write_v3(found, enabled=True)["sessions"], [])

    def test_stored_text(self) -> None:
        self.assertEqual(parse_json_text('{"a": 1}'), '{"a": 1}')
        self.assertEqual(parse_json_text(""), "")
        with self.assertRaises(InvalidSchedule):
            parse_json_text("{")
        odd = Schedule(enabled=True, extra=parse_json_text("[1]"))
        self.assertEqual(set(write_v3(odd, enabled=True)) & {"1", 1}, set())

    def test_a_schedule_that_may_charge_is_not_empty(self) -> None:
        self.assertTrue(schedule().is_empty)
        self.assertFalse(read(answer({"offset": 30})).is_empty)

    def test_only_what_can_be_read_is_reported(self) -> None:
        self.assertTrue(reports_schedule({"applied": None}))
        self.assertFalse(reports_schedule({"applied": "none"}))


class SameTest(unittest.TestCase):
    def test_only_listed_in_another_way(self) -> None:
        one = schedule(session("22:00", "02:00", MONDAY), session("12:00", "13:00"))
        for other in (
            schedule(*reversed(one.sessions)),
            schedule(
                session("22:00", "24:00", MONDAY),
                session("00:00", "02:00", TUESDAY),
                session("12:00", "13:00"),
            ),
            schedule(
                one.sessions[0], session("12:00", "12:30"), session("12:30", "13:00")
            ),
            schedule(
                one.sessions[0],
                session("12:00", "13:00", mode="BOOST"),
                session("03:00", "03:00"),
            ),
        ):
            with self.subTest(other):
                self.assertTrue(same_schedule(one, other))

    def test_another_one(self) -> None:
        one = schedule(session("12:00", "13:00", MONDAY))
        for other in (
            None,
            schedule(),
            replace(one, enabled=False),
            replace(one, type="octopus"),
            schedule(session("12:00", "13:00", TUESDAY)),
            schedule(session("12:00", "13:00", MONDAY, "eco")),
            schedule(session("12:00", "13:01", MONDAY)),
            schedule(session("12:00", "13:00", MONDAY, on_date=date(2026, 6, 1))),
        ):
            with self.subTest(other):
                self.assertFalse(same_schedule(one, other))
                self.assertFalse(same_schedule(other, one))
        self.assertTrue(same_schedule(None, None))

    def test_seconds_are_not_written(self) -> None:
        for start, end, wire in (
            ("01:00:30", "02:00:30", ("01:00", "02:00")),
            ("01:00:10", "01:00:50", ("01:00", "01:01")),
            ("01:00", "23:59:59", ("01:00", "24:00")),
        ):
            with self.subTest((start, end)):
                written = write_v3(schedule(session(start, end)), enabled=True)
                assert isinstance(written["sessions"], list)
                (part,) = written["sessions"]
                assert isinstance(part, dict)
                self.assertEqual((part["start_time"], part["end_time"]), wire)


if __name__ == "__main__":
    unittest.main()
