"""Windows of every planner we know, merged, cleaned and made into sessions."""

from datetime import UTC, date, datetime, time, timedelta
import json
import random
from time import perf_counter
import unittest
from zoneinfo import ZoneInfo

from custom_components.hypervolt_charger.hypervolt.errors import (
    HypervoltError,
    InvalidSchedule,
)
from custom_components.hypervolt_charger.hypervolt.plan import (
    DropReason,
    Plan,
    PlanError,
    PlanHint,
    PlanProblem,
    Window,
    backup_window,
    clean,
    keep_running,
    read_plan,
    to_daily_intervals,
    to_sessions,
)
from custom_components.hypervolt_charger.hypervolt.schedule import (
    EVERY_DAY,
    Schedule,
    ScheduleSession,
    format_days,
    next_occurrence,
    same_sessions,
    validate,
)

LONDON = ZoneInfo("Europe/London")
BERLIN = ZoneInfo("Europe/Berlin")
SYDNEY = ZoneInfo("Australia/Sydney")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
AMOUNTS = ("kwh", "power", "energy", "estimated_power_kw")
NOW = datetime(2026, 8, 14, 18, 0, tzinfo=UTC)  # a Friday, 19:00 in London


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(start: str, end: str) -> Window:
    return Window(utc(start), utc(end))


def read(
    value: object,
    *,
    attribute: str | None = None,
    now: datetime | str = NOW,
    zone: ZoneInfo = LONDON,
    include_boost: bool = False,
) -> Plan:
    return read_plan(
        value,
        attribute=attribute,
        now=utc(now) if isinstance(now, str) else now,
        local_zone=zone,
        include_boost=include_boost,
    )


def shown(windows: tuple[Window, ...]) -> list[str]:
    return [f"{w.start:%d %H:%M}-{w.end:%d %H:%M}" for w in windows]


def listed(sessions: tuple[ScheduleSession, ...]) -> list[str]:
    return [f"{format_days(s.days)} {s.start}-{s.end}" for s in sessions]


def half_hours(start: datetime, count: int, step: int = 30) -> list[dict[str, object]]:
    """Return rows without a gap, as ISO texts."""
    width = timedelta(minutes=step)
    return [
        {
            "start": (start + i * width).isoformat(),
            "end": (start + (i + 1) * width).isoformat(),
            "value": 0.1,
        }
        for i in range(count)
    ]


class PlanTestCase(unittest.TestCase):
    def assert_windows(self, plan: Plan, *expected: str) -> None:
        self.assertEqual(shown(plan.windows), list(expected))

    def assert_refused(
        self,
        value: object,
        problem: PlanProblem,
        hint: PlanHint | None = None,
        *,
        attribute: str | None = None,
        now: datetime | str = NOW,
    ) -> None:
        with self.assertRaises(PlanError) as caught:
            read(value, attribute=attribute, now=now)
        self.assertEqual(
            (caught.exception.reason, caught.exception.hint), (problem, hint)
        )
        self.assertIsInstance(caught.exception, HypervoltError)
        self.assertTrue(str(caught.exception))


class SourcesTest(PlanTestCase):
    """One test for each row of the table of planners, with the data they publish."""

    TARGET_TIMEFRAMES = {  # noqa: RUF012
        "target_times": [
            {
                "start": "2026-08-15T01:30:00+01:00",
                "end": "2026-08-15T02:00:00+01:00",
                "value": 0.1208,
            },
            {
                "start": "2026-08-15T02:00:00+01:00",
                "end": "2026-08-15T02:30:00+01:00",
                "value": -0.01,
            },
        ],
        "time_periods_incomplete": False,
        "target_times_last_evaluated": "2026-08-14T16:05:00+01:00",
    }

    def test_target_timeframes(self) -> None:
        plan = read(self.TARGET_TIMEFRAMES)
        self.assert_windows(plan, "15 00:30-15 01:30")
        self.assertEqual((plan.source, plan.weekly), ("target_times", False))
        self.assertEqual(plan.dropped, ())

    def test_octopus_target_rate_in_process(self) -> None:
        start = datetime(2026, 8, 15, 1, 30, tzinfo=LONDON)
        rows = [
            {
                "start": start + i * timedelta(minutes=30),
                "end": start + (i + 1) * timedelta(minutes=30),
                "value_inc_vat": 0.07,
                "is_capped": False,
            }
            for i in range(3)
        ]
        plan = read({"target_times": rows, "target_times_last_evaluated": NOW})
        self.assert_windows(plan, "15 00:30-15 02:00")

    OCTOPUS = {  # noqa: RUF012
        "planned_dispatches": [
            {
                "start": "2026-08-15T14:00:00+00:00",
                "end": "2026-08-15T15:00:00+00:00",
                "charge_in_kwh": -6.5,
                "source": "SMART",
            },
            {
                "start": "2026-08-16T04:00:00+00:00",
                "end": "2026-08-16T04:30:00+00:00",
                "charge_in_kwh": -0.08,
                "source": "BOOST",
            },
        ],
        "completed_dispatches": [
            {"start": "2026-08-20T14:00:00+00:00", "end": "2026-08-20T15:00:00+00:00"}
        ],
    }

    def test_octopus_intelligent(self) -> None:
        plan = read(self.OCTOPUS)
        self.assert_windows(plan, "15 14:00-15 15:00")
        self.assertEqual([d.reason for d in plan.dropped], [DropReason.OWN_BOOST])

    def test_octopus_intelligent_with_own_boosts(self) -> None:
        plan = read(self.OCTOPUS, include_boost=True)
        self.assert_windows(plan, "15 14:00-15 15:00", "16 04:00-16 04:30")

    def test_own_boosts_by_any_name(self) -> None:
        for row in (
            {"source": "bump-charge"},
            {"source": "BUMP_CHARGE"},
            {"meta": {"source": "boost"}},
        ):
            with self.subTest(row):
                times = {"start": "2026-08-15T14:00Z", "end": "2026-08-15T15:00Z"}
                self.assert_refused(
                    {"planned_dispatches": [times | row]}, PlanProblem.EMPTY
                )

    def test_unknown_sources_are_kept(self) -> None:
        for row in ({"source": "TEST"}, {"source": None}, {"meta": {"source": None}}):
            with self.subTest(row):
                times = {"start": "2026-08-15T14:00Z", "end": "2026-08-15T15:00Z"}
                plan = read({"planned_dispatches": [{**times, **row}]})
                self.assert_windows(plan, "15 14:00-15 15:00")

    def test_older_octopus_intelligent(self) -> None:
        plan = read(
            {
                "plannedDispatches": [
                    {
                        "startDtUtc": "2026-02-25 23:30:00+00:00",
                        "endDtUtc": "2026-02-26 02:00:00+00:00",
                        "chargeKwh": "-0.67",
                        "meta": {"source": None},
                    }
                ]
            },
            now="2026-02-25T18:00",
        )
        self.assert_windows(plan, "25 23:30-26 02:00")

    def test_octopus_germany_prefers_times_with_an_offset(self) -> None:
        plan = read(
            {
                "planned_dispatches": [
                    {
                        "start": "2026-06-01T22:00:00+00:00",
                        "end": "2026-06-02T03:00:00+00:00",
                        "start_time": "2026-06-02 00:00:00",
                        "end_time": "2026-06-02 05:00:00",
                    }
                ]
            },
            now="2026-06-01T12:00",
            zone=LONDON,
        )
        self.assert_windows(plan, "01 22:00-02 03:00")

    def test_ohme_slots(self) -> None:
        plan = read(
            {
                "slots": [
                    {
                        "start": "2026-08-15T00:30:00+01:00",
                        "end": "2026-08-15T04:00:00+01:00",
                        "power": 7.0,
                        "energy": 24.5,
                    }
                ]
            }
        )
        self.assert_windows(plan, "14 23:30-15 03:00")

    def test_ohme_text(self) -> None:
        plan = read("23:30-05:30, 12:00 \N{EN DASH} 13:00; later;")
        self.assert_windows(plan, "14 22:30-15 04:30", "15 11:00-15 12:00")
        self.assertEqual(
            [(d.what, d.reason) for d in plan.dropped],
            [("later", DropReason.NOT_UNDERSTOOD)],
        )

    def test_predbat_over_new_year(self) -> None:
        value = {
            "planned": [
                {
                    "start": "12-31 23:30:00",
                    "end": "01-01 02:10:00",
                    "kwh": 4.1,
                    "average": 7.0,
                    "cost": 28.7,
                }
            ]
        }
        for now in ("2026-12-31T20:00", "2027-01-01T00:30"):
            with self.subTest(now):
                found = read(value, now=now).windows[0]
                self.assertEqual(found.end, utc("2027-01-01T02:10"))
                self.assertEqual(found.start, max(utc("2026-12-31T23:30"), utc(now)))

    def test_predbat_is_local_and_knows_leap_days(self) -> None:
        value = {"planned": [{"start": "02-29 01:00:00", "end": "02-29 02:00"}]}
        plan = read(value, now="2028-02-28T12:00", zone=BERLIN)
        self.assert_windows(plan, "29 00:00-29 01:00")
        self.assert_refused(value, PlanProblem.NO_DATES, now="2026-02-28T12:00")

    def test_rows_that_charge_nothing(self) -> None:
        row = {"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T02:00:00Z"}
        on = {"start": "2026-08-15T05:00:00Z", "end": "2026-08-15T06:00:00Z"}
        zeros: tuple[object, ...] = (0, 0.0, "0", " 0.0 ", -0.0, False)
        off: list[dict[str, object]] = [
            *({key: zero} for key in AMOUNTS for zero in zeros),
            {"status": "Cancelled"},
            {"state": "off"},
            {"status": "completed"},
            {"enabled": False},
            {"enabled": "off"},
            {"cancelled": True},
            {"action": "idle"},
            {"action": "turn_off"},
            {"action": "discharge"},
        ]
        for extra in off:
            for key in ("planned", "slots", "planned_windows", "list", ""):
                with self.subTest(extra, key=key):
                    rows = [row | extra, on]
                    plan = read({key: rows} if key else rows)
                    self.assert_windows(plan, "15 05:00-15 06:00")
                    self.assertEqual(len(plan.dropped), 1)
                    alone = [row | extra]
                    self.assert_refused(
                        {key: alone} if key else alone, PlanProblem.EMPTY
                    )

    def test_rows_that_charge_something(self) -> None:
        row = {"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T02:00:00Z"}
        extras: list[dict[str, object]] = [
            # Octopus sets them to 0 once the target is reached, and the window stays.
            {"charge_in_kwh": 0, "source": "SMART"},
            {"chargeKwh": "0", "meta": {"source": None}},
            {"status": "planned"},
            {"state": "on"},
            {"enabled": True},
            {"enabled": None},
            {"cancelled": False},
            {"action": "turn_on"},
            {"is_now": False},
        ]
        for key in AMOUNTS:
            extras += [{key: some} for some in (0.1, "7.2", None, "unknown")]
        for extra in extras:
            with self.subTest(extra):
                self.assert_windows(read([row | extra]), "15 01:00-15 02:00")

    def test_a_value_that_is_not_a_number_is_off(self) -> None:
        rows = half_hours(utc("2026-08-15T01:00"), 5)
        values: tuple[object, ...] = (
            *(float("nan"), "nan", float("inf"), "unavailable"),
            0.3,
        )
        for row, value in zip(rows, values, strict=True):
            row["value"] = value
        self.assert_windows(read({"charging_schedule": rows}), "15 03:00-15 03:30")

    def test_ev_smart_charging(self) -> None:
        plan = read(
            {
                "charging_schedule": [
                    {
                        "start": "2026-07-01T01:00:00+02:00",
                        "end": "2026-07-01T01:15:00+02:00",
                        "value": 0.0,
                    },
                    {
                        "start": "2026-07-01T01:15:00+02:00",
                        "end": "2026-07-01T01:30:00+02:00",
                        "value": 0.42,
                    },
                ]
            },
            now="2026-06-30T12:00",
        )
        self.assert_windows(plan, "30 23:15-30 23:30")
        self.assertEqual([d.reason for d in plan.dropped], [DropReason.OFF])

    def test_ev_smart_charging_two_days_of_grid(self) -> None:
        rows = half_hours(utc("2026-08-14T00:00"), 192, step=15)
        for index, row in enumerate(rows):
            row["value"] = "5.2" if 100 <= index < 108 else 0
        plan = read({"charging_schedule": rows})
        self.assert_windows(plan, "15 01:00-15 03:00")
        self.assertEqual(len(plan.dropped), 184)

    def test_ev_smart_charging_that_wants_nothing(self) -> None:
        rows = half_hours(utc("2026-08-14T00:00"), 192, step=15)
        for row in rows:
            row["value"] = None
        self.assert_refused({"charging_schedule": rows}, PlanProblem.EMPTY)

    def test_cheapest_energy_hours(self) -> None:
        rows = [
            {
                "start": "2026-01-10T02:00:00+01:00",
                "end": "2026-01-10T04:00:00+01:00",
                "hours": 2,
                "is_now": False,
            },
            {"total_hours": 2, "mean_price": 0.11},
        ]
        for name, value in (
            ("list", rows),
            ("text", json.dumps(rows)),
            ("one", rows[0]),
            ("tuple", tuple(rows)),
        ):
            with self.subTest(name):
                plan = read(value, now="2026-01-09T20:00")
                self.assert_windows(plan, "10 01:00-10 03:00")
                self.assertEqual(plan.source, "")
        plan = read(rows, now="2026-01-09T20:00")
        self.assertEqual([d.reason for d in plan.dropped], [DropReason.NO_TIMES])

    def test_aio_energy_management(self) -> None:
        rows = [{"start": "2026-08-15T00:00:00Z", "end": "2026-08-15T02:00:00Z"}]
        self.assert_windows(read({"list": rows, "failsafe": {}}), "15 00:00-15 02:00")
        attributes = {"friendly_name": "Cheap", "next": {"list": rows}}
        plan = read(attributes, attribute="next.list")
        self.assert_windows(plan, "15 00:00-15 02:00")
        self.assertEqual(plan.source, "next.list")

    def test_emhass_points(self) -> None:
        rows: list[object] = [
            {"date": "2026-07-01T01:30:00+02:00", "p_deferrable0": "0.0"},
            {"date": "2026-07-01T01:00:00+02:00", "p_deferrable0": "3000.0"},
            {"date": "2026-07-01T02:00:00+02:00", "p_deferrable0": "3000.0"},
            {"date": None, "p_deferrable0": "3000.0"},
            {"date": "soon", "p_deferrable0": 1},
            "text",
        ]
        plan = read({"deferrables_schedule": rows}, now="2026-06-30T12:00")
        self.assert_windows(plan, "30 23:00-30 23:30", "01 00:00-01 00:30")
        self.assertEqual(
            [d.reason for d in plan.dropped],
            [
                DropReason.NO_TIMES,
                DropReason.NOT_UNDERSTOOD,
                DropReason.NO_TIMES,
                DropReason.OFF,
            ],
        )

    def test_emhass_that_makes_no_plan(self) -> None:
        on = {"date": "2026-08-15T01:00:00+02:00", "p_deferrable0": "3000.0"}
        other = {"date": "2026-08-15T01:30:00+02:00", "p_deferrable1": "x"}
        off = {"date": "2026-08-15T01:30:00+02:00", "p_deferrable0": -5}
        for name, rows, problem, hint in (
            ("one point", [on], PlanProblem.NO_DATES, None),
            (
                "two loads",
                [on, other],
                PlanProblem.NOT_UNDERSTOOD,
                PlanHint.ONE_DEFERRABLE,
            ),
            ("off", [off, off | {"date": NOW}], PlanProblem.EMPTY, None),
        ):
            with self.subTest(name):
                self.assert_refused({"deferrables_schedule": rows}, problem, hint)

    def test_powersync(self) -> None:
        planned = [
            {
                "start_time": "2026-08-01T00:30:00+10:00",
                "end_time": "2026-08-01T03:00:00+10:00",
                "source": "grid",
                "estimated_power_kw": 7.2,
            }
        ]
        plan = read(
            {"windows": [{"action": "export"}], "planned_windows": planned},
            now="2026-07-31T10:00",
        )
        self.assert_windows(plan, "31 14:30-31 17:00")
        self.assertEqual(plan.source, "planned_windows")

    def test_powersync_mixed_actions(self) -> None:
        rows = [
            {
                "start_time": f"2026-08-15T{hour:02}:00:00Z",
                "end_time": f"2026-08-15T{hour:02}:30:00Z",
                "action": action,
            }
            for hour, action in enumerate(
                (
                    "charge",
                    "EV_CHARGING",
                    "discharge",
                    "battery_charge",
                    "export",
                    "no_charge",
                    "stop_charging",
                    "idle",
                    None,
                )
            )
        ]
        plan = read({"windows": rows})
        self.assert_windows(plan, "15 00:00-15 00:30", "15 01:00-15 01:30")
        self.assertEqual({d.reason for d in plan.dropped}, {DropReason.NOT_CHARGING})

    def test_calendar_response(self) -> None:
        plan = read(
            {
                "calendar.cheap": {
                    "events": [
                        {
                            "start": "2026-08-15T00:30:00+01:00",
                            "end": "2026-08-15T04:30:00+01:00",
                            "summary": "Cheap",
                        },
                        {"start": "2026-08-15", "end": "2026-08-16", "summary": "Trip"},
                        {"start": date(2026, 8, 16), "end": date(2026, 8, 17)},
                    ]
                }
            }
        )
        self.assert_windows(plan, "14 23:30-15 03:30")
        self.assertEqual(plan.source, "events")
        self.assertEqual([d.reason for d in plan.dropped], [DropReason.ALL_DAY] * 2)

    def test_calendars_together(self) -> None:
        event = {"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T02:00:00Z"}
        plan = read({"calendar.a": {"events": []}, "calendar.b": {"events": [event]}})
        self.assert_windows(plan, "15 01:00-15 02:00")

    def test_calendar_attributes_are_not_enough(self) -> None:
        self.assert_refused(
            {
                "message": "Cheap",
                "all_day": False,
                "start_time": "2026-08-15 00:30:00",
                "end_time": "2026-08-15 04:30:00",
            },
            PlanProblem.NO_WINDOWS_ATTRIBUTE,
            PlanHint.CALENDAR_EVENTS,
        )

    def test_schedule_helper(self) -> None:
        plan = read(
            {
                "schedule.cheap": {
                    "monday": [
                        {"from": "00:30:00", "to": "04:30:00"},
                        {"from": "23:30:00", "to": "24:00:00"},
                    ],
                    "tuesday": [{"from": time(0), "to": time(1), "data": {"a": 1}}],
                    "friday": [{"from": time(18), "to": time.max}],
                    "sunday": [],
                }
            }
        )
        # Friday's runs; Monday's end meets Tuesday's start
        self.assert_windows(
            plan, "14 18:00-14 23:00", "16 23:30-17 03:30", "17 22:30-18 00:00"
        )
        self.assertEqual((plan.source, plan.weekly), ("schedule", True))

    def test_schedule_helper_in_the_missing_hour(self) -> None:
        self.assert_refused(
            {"sunday": [{"from": "01:15:00", "to": "01:45:00"}]},
            PlanProblem.NO_DATES,
            now="2027-03-27T12:00",
        )

    def test_schedule_helper_of_whole_days_is_no_price_list(self) -> None:
        day = [{"from": "00:00:00", "to": "24:00:00"}]
        plan = read({"monday": day, "tuesday": day, "wednesday": None})
        self.assert_windows(plan, "16 23:00-18 23:00")

    def test_scheduler_component(self) -> None:
        plan = read(
            {
                "weekdays": ["workday"],
                "timeslots": ["00:30 - 04:30", "23:00:00 - 24:00:00", "sunset"],
                "repeat_type": "repeat",
            }
        )
        self.assertEqual(len(plan.windows), 10)
        self.assertEqual(shown(plan.windows)[0], "14 22:00-14 23:00")
        self.assertTrue(plan.weekly)

    def test_scheduler_component_daily_or_unknown_days(self) -> None:
        slots = {"timeslots": ["12:00 - 13:00"]}
        self.assertEqual(len(read({**slots, "weekdays": ["daily"]}).windows), 7)
        self.assertEqual(len(read(slots).windows), 7)
        self.assertEqual(len(read({**slots, "weekdays": []}).windows), 7)
        self.assert_refused(
            {**slots, "weekdays": ["holiday"]}, PlanProblem.NOT_UNDERSTOOD
        )
        self.assert_refused({"timeslots": None}, PlanProblem.EMPTY)

    def test_state_only_planners(self) -> None:
        self.assert_refused(
            {"friendly_name": "Cheap", "starts_at": "2026-08-15T01:00:00Z"},
            PlanProblem.NO_WINDOWS_ATTRIBUTE,
            PlanHint.FOLLOW_ENTITY,
        )
        self.assert_refused("on", PlanProblem.NOT_UNDERSTOOD, PlanHint.FOLLOW_ENTITY)
        self.assert_refused(
            {}, PlanProblem.NO_WINDOWS_ATTRIBUTE, PlanHint.FOLLOW_ENTITY
        )


class FindTest(PlanTestCase):
    ROW = {  # noqa: RUF012
        "start": "2026-08-15T01:00:00Z",
        "end": "2026-08-15T02:00:00Z",
    }

    def test_named_attribute_wins(self) -> None:
        other = {"start": "2026-08-15T05:00:00Z", "end": "2026-08-15T06:00:00Z"}
        value = {"planned": [other], "mine": [self.ROW]}
        plan = read(value, attribute="mine")
        self.assert_windows(plan, "15 01:00-15 02:00")
        self.assertEqual(plan.source, "mine")

    def test_named_attribute_in_any_form(self) -> None:
        for form in (
            self.ROW,
            json.dumps([self.ROW]),
            {"events": [self.ROW]},
            (self.ROW,),
        ):
            with self.subTest(form):
                plan = read({"x": 1, "mine": form}, attribute="mine")
                self.assert_windows(plan, "15 01:00-15 02:00")

    def test_named_attribute_missing(self) -> None:
        for attribute in ("other", "mine.list", "x.y.z"):
            with self.subTest(attribute):
                self.assert_refused(
                    {"mine": [self.ROW], "x": {"y": 1}},
                    PlanProblem.NO_WINDOWS_ATTRIBUTE,
                    attribute=attribute,
                )

    def test_json_text_of_attributes(self) -> None:
        plan = read(json.dumps({"slots": [self.ROW]}), attribute="slots")
        self.assert_windows(plan, "15 01:00-15 02:00")

    def test_not_evaluated(self) -> None:
        values: tuple[object, ...] = (
            None,
            "",
            "None",
            " unavailable ",
            "unknown",
            {"target_times": None},
            {"target_times": []},
            {"target_times": [], "target_times_last_evaluated": None},
            {"planned_dispatches": None, "target_times": None},
        )
        for value in values:
            with self.subTest(value):
                self.assert_refused(value, PlanProblem.NOT_EVALUATED)
        self.assert_refused({"x": None}, PlanProblem.NOT_EVALUATED, attribute="x")

    def test_a_list_that_is_there_beats_one_that_is_not(self) -> None:
        plan = read({"target_times": None, "planned": [self.ROW]})
        self.assertEqual(plan.source, "planned")

    def test_incomplete(self) -> None:
        for key in (
            "rates_incomplete",
            "values_incomplete",
            "time_periods_incomplete",
        ):
            with self.subTest(key):
                value = {"target_times": [self.ROW], key: True}
                self.assert_refused(value, PlanProblem.INCOMPLETE)
                self.assertEqual(len(read({**value, key: "false"}).windows), 1)
                self.assert_refused({**value, key: "True"}, PlanProblem.INCOMPLETE)

    def test_empty(self) -> None:
        values: tuple[object, ...] = (
            {"target_times": [], "target_times_last_evaluated": "2026-08-14T16:00Z"},
            {"planned_dispatches": []},
            [],
            "[]",
            {"calendar.a": {"events": []}},
        )
        for value in values:
            with self.subTest(value):
                self.assert_refused(value, PlanProblem.EMPTY)

    def test_only_past(self) -> None:
        past = {"start": "2026-08-14T16:00:00Z", "end": "2026-08-14T18:00:00Z"}
        self.assert_refused([past, {"bad": 1}], PlanProblem.ONLY_PAST)

    def test_nothing_but_bad_rows(self) -> None:
        lists: tuple[list[object], ...] = (
            [1, None, "x", []],
            [{"start": "2026-08-15T01:00:00Z"}],
            [{"end": "2026-08-15T01:00:00Z"}],
            [{"start": "a", "end": "b"}],
            [{"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T01:00:00Z"}],
            [{"start": "2026-08-15T02:00:00Z", "end": "2026-08-15T01:00:00Z"}],
            [{"start": "01:00", "end": "01:00"}],
            [{"start": "25:00", "end": "01:00"}],
            [{"start": "01:00", "end": "2026-08-15T01:00:00Z"}],
            [{"start": "0001-01-01T00:00+23:00", "end": "2026-08-15T01:00:00Z"}],
            [{"start": [], "end": {}}],
        )
        for rows in lists:
            with self.subTest(rows):
                self.assert_refused(rows, PlanProblem.NO_DATES)

    def test_only_all_day_events(self) -> None:
        self.assert_refused(
            {"events": [{"start": "2026-08-15", "end": "2026-08-16"}]},
            PlanProblem.NO_DATES,
            PlanHint.ALL_DAY,
        )

    def test_one_bad_row_stops_no_other(self) -> None:
        plan = read([{"start": "?", "end": "?"}, self.ROW, 7])
        self.assert_windows(plan, "15 01:00-15 02:00")
        self.assertEqual(len(plan.dropped), 2)
        self.assertIn("?", plan.dropped[0].what)

    def test_past_rows_are_told(self) -> None:
        past = {"start": "2026-08-14T16:00:00Z", "end": "2026-08-14T17:00:00Z"}
        plan = read([past, self.ROW])
        self.assertEqual([d.reason for d in plan.dropped], [DropReason.PAST])

    def test_what_is_no_plan_at_all(self) -> None:
        for value, hint in (
            (7, None),
            (True, None),
            (NOW, None),
            (b"[]", None),
            ("no plan, sorry", PlanHint.FOLLOW_ENTITY),
            (
                "[{'start': datetime.datetime(2026, 8, 15, 1, 0), 'end': None}]",
                PlanHint.USE_TO_JSON,
            ),
            ("[{'start': '2026-08-15T01:00:00Z'}]", PlanHint.USE_TO_JSON),
            ("{", PlanHint.USE_TO_JSON),
            ("[" * 200_000, PlanHint.USE_TO_JSON),
        ):
            with self.subTest(value):
                self.assert_refused(value, PlanProblem.NOT_UNDERSTOOD, hint)

    def test_random_data_raises_nothing_but_plan_errors(self) -> None:
        rng = random.Random(5)
        words = (
            *("start", "end", "from", "to", "date", "start_time", "endDtUtc", "value"),
            *("action", "source", "windows", "list", "planned", "monday", "timeslots"),
            *("weekdays", "charging_schedule", "p_deferrable0", "rates"),
        )
        leaves = (
            *(None, True, -1, 0.5, 10**400, float("nan"), float("inf"), 1_786_000_000),
            *("", "x", "[", "24:00", "23:30", "12:00-13:00", "02-30 01:00:00", "boost"),
            *("9999-12-31T23:59:59-23:00", "2026-08-15", "2026-08-15 01:00:00 +01:00"),
            *(NOW, NOW.date(), time.max, date.max, b"", object()),
            *(datetime.min.replace(tzinfo=BERLIN), datetime.max.replace(tzinfo=UTC)),
        )

        def grown(depth: int) -> object:
            kind = rng.randrange(3) if depth else 0
            if kind == 0:
                return rng.choice(leaves)
            some = [grown(depth - 1) for _ in range(rng.randrange(4))]
            return some if kind == 1 else dict(zip(rng.sample(words, 4), some))  # noqa: B905

        for _ in range(5000):
            value = grown(4)
            try:
                plan = read(value, attribute=rng.choice([None, None, "list"]))
            except PlanError:
                continue
            self.assertTrue(all(w.end > w.start >= NOW for w in plan.windows))

    def test_numbers_yaml_made_of_times(self) -> None:
        for start, end in ((1410, "05:30"), ("04:30", 605), (84600, 86400), (1.5, 2)):
            with self.subTest(start=start, end=end):
                self.assert_refused(
                    [self.ROW, {"start": start, "end": end}],
                    PlanProblem.NOT_UNDERSTOOD,
                    PlanHint.QUOTE_TIMES,
                )


class TimesTest(PlanTestCase):
    def test_every_spelling_of_a_time(self) -> None:
        moment = datetime(2026, 8, 15, 1, 0, tzinfo=UTC)
        end = "2026-08-15T02:00:00Z"
        for start in (
            moment,
            moment.astimezone(BERLIN),
            datetime(2026, 8, 15, 2, 0),  # noqa: DTZ001
            "2026-08-15T01:00:00Z",
            "2026-08-15T02:00:00+01:00",
            "2026-08-15 02:00:00+01:00",
            "2026-08-15 02:00:00 +01:00",
            "2026-08-15T01:00:00 Z",
            "2026-08-15T02:00:00.000+0100",
            " 2026-08-15T02:00 ",
            "2026-08-15 02:00:00",
            "08-15 02:00:00",
            "08-15T02:00",
            moment.timestamp(),
            int(moment.timestamp()),
        ):
            with self.subTest(start):
                plan = read([{"start": start, "end": end}])
                self.assert_windows(plan, "15 01:00-15 02:00")

    def test_every_pair_of_keys(self) -> None:
        for start, end in (
            ("start", "end"),
            ("start_time", "end_time"),
            ("startDtUtc", "endDtUtc"),
            ("startDt", "endDt"),
            ("from", "to"),
            ("from", "stop"),
            ("valid_from", "valid_to"),
        ):
            with self.subTest(start):
                row = {start: "2026-08-15T01:00:00Z", end: "2026-08-15T02:00:00Z"}
                self.assert_windows(read([row]), "15 01:00-15 02:00")

    def test_a_key_named_utc_is_utc(self) -> None:
        row = {"startDtUtc": "2026-08-15 01:00:00", "endDtUtc": "2026-08-15 02:00:00"}
        self.assert_windows(read([row]), "15 01:00-15 02:00")

    def test_times_of_day_are_the_next_ones(self) -> None:
        for start, end, expected in (
            ("23:30", "05:30", "14 22:30-15 04:30"),
            ("18:00:00", "20:00:00", "14 18:00-14 19:00"),
            ("12:00", "13:00", "15 11:00-15 12:00"),
            (time(22), time(0), "14 21:00-14 23:00"),
            ("22:00", "24:00", "14 21:00-14 23:00"),
            ("24:00", "01:00", "14 23:00-15 00:00"),
        ):
            with self.subTest(start=start):
                plan = read([{"start": start, "end": end}])
                self.assert_windows(plan, expected)

    def test_naive_times_in_the_repeated_hour_take_the_longer_cover(self) -> None:
        row = {"start": "2026-10-25 01:15:00", "end": "2026-10-25 01:45:00"}
        plan = read([row], now="2026-10-24T12:00")
        self.assert_windows(plan, "25 00:15-25 01:45")

    def test_naive_times_in_the_missing_hour(self) -> None:
        row = {"start": "2027-03-28 01:15:00", "end": "2027-03-28 03:00:00"}
        plan = read([row], now="2027-03-27T12:00")
        self.assert_windows(plan, "28 01:00-28 02:00")
        within = {"start": "2027-03-28 01:15:00", "end": "2027-03-28 01:45:00"}
        self.assert_refused([within], PlanProblem.NO_DATES, now="2027-03-27T12:00")

    def test_lists_within_lists_without_end(self) -> None:
        deep: object = [{"start": "01:00", "end": "02:00"}]
        for _ in range(5000):
            deep = {"slots": deep}
        with self.assertRaises(PlanError) as caught:
            read(deep)
        self.assertIs(caught.exception.reason, PlanProblem.NOT_UNDERSTOOD)

    def test_a_list_longer_than_any_plan(self) -> None:
        row = {"start": "23:30", "end": "05:30"}
        read([row] * 5000)
        with self.assertRaises(PlanError) as caught:
            read([row] * 5001)
        self.assertIs(caught.exception.reason, PlanProblem.NOT_UNDERSTOOD)
        for value in (
            {"a": [row] * 3000, "b": [row] * 3000},
            "23:30-05:30," * 5001,
            {"timeslots": ["23:30-05:30," * 5001]},
            " " * 5 + "[" + "1," * 600_000 + "1]",
        ):
            with self.subTest(str(value)[:20]):
                self.assert_refused(
                    value, PlanProblem.NOT_UNDERSTOOD, PlanHint.TOO_LONG
                )

    def test_numbers_too_long_to_be_written(self) -> None:
        """Neither the error nor the list of what was left out can hold them."""
        for row in ({"start": 10**5000, "end": 1}, {"start": [10**5000], "end": "x"}):
            with self.assertRaises(PlanError):
                read([row])


class PriceListTest(PlanTestCase):
    def test_lists_by_their_name(self) -> None:
        row = {"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T02:00:00Z"}
        for key in (
            "rates",
            "prices",
            "raw_today",
            "raw_tomorrow",
            "forecasts",
            "forecast",
        ):
            with self.subTest(key):
                attributes = {"friendly_name": "Tariff", key: [row | {"value": 0.1}]}
                self.assert_refused(attributes, PlanProblem.PRICE_LIST)
                self.assert_refused(attributes, PlanProblem.PRICE_LIST, attribute=key)

    def test_core_nordpool_response(self) -> None:
        rows = half_hours(utc("2026-08-14T22:00"), 96, step=15)
        prices = [{"start": r["start"], "end": r["end"], "price": 42.1} for r in rows]
        self.assert_refused({"SE3": prices}, PlanProblem.PRICE_LIST)

    def test_core_tibber_response(self) -> None:
        rows = [{"start_time": "2026-08-15T01:00:00+02:00", "price": 0.3}]
        self.assert_refused({"prices": {"home": rows}}, PlanProblem.PRICE_LIST)
        self.assert_refused(rows, PlanProblem.PRICE_LIST)

    def test_agile_predict_rows(self) -> None:
        rows = [{"date_time": "2026-08-15T01:00:00Z", "agile_pred": 12.3}]
        self.assert_refused(rows, PlanProblem.PRICE_LIST)

    def test_a_day_without_a_gap_under_any_name(self) -> None:
        rows = half_hours(utc("2026-08-14T23:00"), 48)
        random.Random(1).shuffle(rows)
        for value in (rows, {"target_times": rows}, {"planned": [*rows, rows[0]]}):
            with self.subTest(type(value)):
                self.assert_refused(value, PlanProblem.PRICE_LIST)

    def test_the_short_day_of_the_year(self) -> None:
        rows = half_hours(utc("2027-03-28T00:00"), 46)
        self.assert_refused(rows, PlanProblem.PRICE_LIST, now="2027-03-27T12:00")

    def test_an_ev_grid_that_is_on_all_day_is_suspicious(self) -> None:
        rows = half_hours(utc("2026-08-14T23:00"), 96, step=15)
        self.assert_refused({"charging_schedule": rows}, PlanProblem.PRICE_LIST)

    def test_prices_of_any_length_and_step(self) -> None:
        day = half_hours(utc("2026-08-14T23:00"), 48)
        hours = half_hours(utc("2026-08-14T23:00"), 6, step=60)
        mixed = [
            *half_hours(utc("2026-08-14T23:00"), 1, step=60),
            *half_hours(utc("2026-08-15T00:00"), 1, step=120),
            *half_hours(utc("2026-08-15T02:00"), 1, step=240),
        ]
        late = [
            row | {"start": (utc(str(row["start"])[:19]) + SECOND).isoformat()}
            for row in hours
        ]
        for name, rows in (
            ("shorter than a day", day[:40]),
            ("with a hole", day[:20] + day[21:]),
            ("two", day[:2]),
            ("in any order", hours[::-1]),
            ("mixed", mixed),
            ("a second late", late),
            ("some without a price", [*hours, {**hours[-1], "value": None}]),
        ):
            for key in ("price", "value_inc_vat", "per_kwh", "price_per_kwh", "total"):
                priced = [{**row, key: row["value"]} for row in rows]
                for row in priced:
                    del row["value"]
                for value in (
                    rows,
                    priced,
                    json.dumps(priced),
                    {"SE3": priced[:5], "SE4": priced},
                    {"data": {"SE3": priced}},
                    {"list": priced},
                ):
                    with self.subTest(name, key=key, value=str(value)[:30]):
                        self.assert_refused(value, PlanProblem.PRICE_LIST)
                with self.subTest(name, key=key, value="named"):
                    self.assert_refused(
                        {"friendly_name": "Prices", "data": priced},
                        PlanProblem.PRICE_LIST,
                        attribute="data",
                    )

    def test_prices_by_other_names_of_lists_and_starts(self) -> None:
        row = {"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T02:00:00Z"}
        for key in ("prices_today", "price_tomorrow", "today_interval_prices"):
            with self.subTest(key):
                self.assert_refused({key: [row]}, PlanProblem.PRICE_LIST)
        for key in ("hour", "time", "datetime", "startsAt", "timestamp", "start_date"):
            with self.subTest(key):
                rows = [{key: "2026-08-15T01:00:00Z", "price": 0.2}]
                self.assert_refused(rows, PlanProblem.PRICE_LIST)

    def test_prices_under_the_names_of_planners_have_been_chosen(self) -> None:
        hours = half_hours(utc("2026-08-14T23:00"), 6, step=60)
        for key in (
            "target_times",
            "planned",
            "charging_schedule",
            "planned_windows",
        ):
            with self.subTest(key):
                self.assert_windows(read({key: hours}), "14 23:00-15 05:00")

    def test_chosen_times_that_do_not_touch_may_have_prices(self) -> None:
        hours = half_hours(utc("2026-08-14T23:00"), 6, step=60)
        self.assert_windows(
            read(hours[::2]),
            "14 23:00-15 00:00",
            "15 01:00-15 02:00",
            "15 03:00-15 04:00",
        )

    def test_long_plans_that_are_none(self) -> None:
        """A slow charger charges for more than a day."""
        day = half_hours(utc("2026-08-14T23:00"), 60)
        bare: list[dict[str, object]] = [
            {"start": row["start"], "end": row["end"]} for row in day
        ]
        for extra in ({}, {"kwh": 0.9}, {"hours": 0.5}, {"action": "charge"}):
            rows = [{**row, **extra} for row in bare]
            for value in (rows, {"planned_dispatches": rows}, {"mine": rows}):
                with self.subTest(extra, value=str(value)[:20]):
                    self.assert_windows(read(value), "14 23:00-16 05:00")
        grid = half_hours(utc("2026-08-14T00:00"), 192, step=15)
        for row in grid[150:]:
            row["value"] = 0
        self.assert_windows(read({"charging_schedule": grid}), "14 18:00-15 13:30")
        longer = {"start": "2026-08-15T00:00:00Z", "end": "2026-08-16T06:00:00Z"}
        self.assertTrue(read([longer | {"price": 3}]).windows)

    def test_a_price_without_end_beside_windows_is_left_out(self) -> None:
        plan = read(
            [
                {"start": "2026-08-15T01:00:00Z", "end": "2026-08-15T02:00:00Z"},
                {"start": "2026-08-15T05:00:00Z", "price": 3},
            ]
        )
        self.assertEqual([d.reason for d in plan.dropped], [DropReason.PRICE])


class CleanTest(unittest.TestCase):
    def find(self, *windows: Window) -> list[str]:
        return shown(clean(windows, now=NOW))

    def test_merges(self) -> None:
        first = window("2026-08-15T01:00", "2026-08-15T02:00")
        for name, second, expected in (
            ("same", first, ["15 01:00-15 02:00"]),
            (
                "overlapping",
                window("2026-08-15T01:30", "2026-08-15T03:00"),
                ["15 01:00-15 03:00"],
            ),
            (
                "inside",
                window("2026-08-15T01:15", "2026-08-15T01:30"),
                ["15 01:00-15 02:00"],
            ),
            (
                "touching",
                window("2026-08-15T02:00", "2026-08-15T03:00"),
                ["15 01:00-15 03:00"],
            ),
            (
                "a minute apart",
                window("2026-08-15T02:01", "2026-08-15T03:00"),
                ["15 01:00-15 03:00"],
            ),
            (
                "two minutes apart",
                window("2026-08-15T02:02", "2026-08-15T03:00"),
                ["15 01:00-15 02:00", "15 02:02-15 03:00"],
            ),
        ):
            with self.subTest(name):
                self.assertEqual(self.find(first, second), expected)
                self.assertEqual(self.find(second, first), expected)

    def test_past_running_and_without_length(self) -> None:
        self.assertEqual(
            self.find(
                window("2026-08-14T16:00", "2026-08-14T18:00"),
                window("2026-08-14T17:00", "2026-08-14T19:00"),
                window("2026-08-15T01:00", "2026-08-15T01:00"),
                window("2026-08-15T03:00", "2026-08-15T02:00"),
            ),
            ["14 18:00-14 19:00"],
        )
        self.assertEqual(self.find(), [])

    def test_order_makes_no_difference(self) -> None:
        rng = random.Random(11)
        for _ in range(100):
            windows = []
            for _ in range(12):
                start = NOW + timedelta(minutes=rng.randrange(-300, 3000))
                windows.append(
                    Window(start, start + timedelta(minutes=rng.randrange(300)))
                )
            expected = clean(windows, now=NOW)
            rng.shuffle(windows)
            self.assertEqual(clean(windows, now=NOW), expected)
            self.assertEqual(clean(expected, now=NOW), expected)

    def test_other_zones_compare_by_the_instant(self) -> None:
        # 01:30 before and 01:15 after the clocks went back, in this order
        start = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=0)
        end = datetime(2026, 10, 25, 1, 15, tzinfo=LONDON, fold=1)
        found = clean([Window(start, end)], now=NOW)
        self.assertEqual(shown(found), ["25 00:30-25 01:15"])
        self.assertIs(found[0].start.tzinfo, UTC)


class KeepRunningTest(unittest.TestCase):
    RUNNING = Window(NOW - timedelta(hours=2), NOW + timedelta(hours=3))

    def kept(self, *windows: Window, running: Window | None = RUNNING) -> list[Window]:
        return list(keep_running(windows, running, now=NOW))

    def test_a_start_now_is_no_change(self) -> None:
        for late in (timedelta(), timedelta(seconds=59)):
            with self.subTest(late=late):
                found = self.kept(Window(NOW + late, self.RUNNING.end))
                self.assertEqual(found, [self.RUNNING])

    def test_seconds_at_the_end_are_no_change(self) -> None:
        for seconds in (-59, 59):
            with self.subTest(seconds=seconds):
                end = self.RUNNING.end + timedelta(seconds=seconds)
                self.assertEqual(self.kept(Window(NOW, end)), [self.RUNNING])

    def test_minutes_at_the_end_are(self) -> None:
        for minutes in (-1, 1, 90):
            with self.subTest(minutes=minutes):
                end = self.RUNNING.end + timedelta(minutes=minutes)
                self.assertEqual(
                    self.kept(Window(NOW, end)), [Window(self.RUNNING.start, end)]
                )

    def test_what_comes_later_stays_as_it_is(self) -> None:
        later = Window(NOW + timedelta(minutes=1), NOW + timedelta(hours=1))
        after = Window(self.RUNNING.end, self.RUNNING.end + timedelta(hours=1))
        self.assertEqual(self.kept(after, later), [later, after])

    def test_the_last_seconds_run_out(self) -> None:
        later = Window(NOW + timedelta(hours=1), NOW + timedelta(hours=2))
        for seconds, goes_on in ((59, True), (60, False)):
            with self.subTest(seconds=seconds):
                ends = Window(
                    NOW - timedelta(hours=1), NOW + timedelta(seconds=seconds)
                )
                found = self.kept(later, running=ends)
                self.assertEqual(found, [ends, later] if goes_on else [later])

    def test_without_a_running_window_nothing_changes(self) -> None:
        now = Window(NOW, NOW + timedelta(hours=1))
        over = Window(NOW - timedelta(hours=2), NOW)
        to_come = Window(NOW + timedelta(seconds=30), NOW + timedelta(hours=1))
        for running in (None, over, to_come):
            with self.subTest(running=running):
                self.assertEqual(self.kept(now, running=running), [now])


class BackupTest(unittest.TestCase):
    def test_next_or_running(self) -> None:
        for start, end, expected in (
            (time(23, 30), time(5, 30), "14 22:30-15 04:30"),
            (time(12), time(20), "14 11:00-14 19:00"),
            (time(12), time(13), "15 11:00-15 12:00"),
            (time(20), time(0), "14 19:00-14 23:00"),
            (time(19), time(18), "14 18:00-15 17:00"),
            (time(18), time(19), "15 17:00-15 18:00"),
        ):
            with self.subTest(start=start, end=end):
                found = backup_window(start, end, now=NOW, zone=LONDON)
                self.assertEqual(shown((found,)), [expected])

    def test_running_since_yesterday(self) -> None:
        found = backup_window(
            time(23, 30), time(5, 30), now=utc("2026-08-15T03:00"), zone=LONDON
        )
        self.assertEqual(shown((found,)), ["14 22:30-15 04:30"])

    def test_in_the_missing_hour_it_is_the_day_after(self) -> None:
        found = backup_window(
            time(1, 15), time(1, 45), now=utc("2027-03-27T12:00"), zone=LONDON
        )
        self.assertEqual(shown((found,)), ["29 00:15-29 00:45"])

    def test_equal_times(self) -> None:
        with self.assertRaises(InvalidSchedule):
            backup_window(time(5), time(5), now=NOW, zone=LONDON)

    def test_appended_backup_is_not_doubled(self) -> None:
        backup = backup_window(time(23, 30), time(5, 30), now=NOW, zone=LONDON)
        plan = read([{"start": "2026-08-15T00:00Z", "end": "2026-08-15T06:00Z"}])
        self.assertEqual(
            shown(clean((*plan.windows, backup), now=NOW)), ["14 22:30-15 06:00"]
        )


class SessionsTest(unittest.TestCase):
    def sessions(
        self,
        *windows: Window,
        zone: ZoneInfo = LONDON,
        now: datetime | str = NOW,
        max_sessions: int = 6,
    ) -> list[str]:
        found, closed = to_sessions(
            windows,
            zone=zone,
            mode="boost",
            now=utc(now) if isinstance(now, str) else now,
            max_sessions=max_sessions,
        )
        self.assertEqual(closed, ())
        return listed(found)

    def test_local_time_and_weekday(self) -> None:
        self.assertEqual(
            self.sessions(window("2026-08-15T01:30", "2026-08-15T02:00")),
            ["SATURDAY 02:30-03:00"],
        )
        self.assertEqual(
            self.sessions(window("2026-08-14T18:30", "2026-08-14T19:00"), zone=SYDNEY),
            ["SATURDAY 04:30-05:00"],
        )

    def test_split_at_local_midnight_the_second_half_on_the_next_day(self) -> None:
        self.assertEqual(
            self.sessions(window("2026-08-16T22:30", "2026-08-17T04:30")),
            ["SUNDAY 23:30-24:00", "MONDAY 00:00-05:30"],
        )
        self.assertEqual(
            self.sessions(window("2026-08-16T22:30", "2026-08-16T23:00")),
            ["SUNDAY 23:30-24:00"],
        )

    def test_longer_than_a_day(self) -> None:
        self.assertEqual(
            self.sessions(window("2026-08-15T20:00", "2026-08-17T01:00")),
            ["SATURDAY 21:00-24:00", "SUNDAY 00:00-24:00", "MONDAY 00:00-02:00"],
        )

    def test_running_window_starts_now(self) -> None:
        self.assertEqual(
            self.sessions(window("2026-08-14T10:00", "2026-08-14T19:00")),
            ["FRIDAY 19:00-20:00"],
        )

    def test_minutes_are_rounded_outward(self) -> None:
        self.assertEqual(
            self.sessions(window("2026-08-15T01:30:45", "2026-08-15T01:31:15")),
            ["SATURDAY 02:30-02:32"],
        )
        self.assertEqual(
            self.sessions(
                window("2026-08-15T01:00", "2026-08-15T01:29:30"),
                window("2026-08-15T01:30:45", "2026-08-15T02:00"),
            ),
            ["SATURDAY 02:00-03:00"],
        )

    def test_same_times_on_several_days_are_one_session(self) -> None:
        days = [
            window(f"2026-08-{day}T00:30", f"2026-08-{day}T03:30")
            for day in range(15, 21)
        ]
        self.assertEqual(
            self.sessions(*days, max_sessions=1),
            [
                "MONDAY,TUESDAY,WEDNESDAY,THURSDAY,SATURDAY,SUNDAY 01:30-04:30",
            ],
        )

    def test_mode_is_the_given_one(self) -> None:
        found, _ = to_sessions(
            [window("2026-08-15T01:00", "2026-08-15T02:00")],
            zone=LONDON,
            mode="super_eco",
            now=NOW,
            max_sessions=6,
        )
        self.assertEqual(found[0].mode, "super_eco")

    def test_nothing_to_come(self) -> None:
        self.assertEqual(self.sessions(), [])
        self.assertEqual(
            self.sessions(window("2026-08-14T01:00", "2026-08-14T02:00")), []
        )

    def test_up_to_seven_days_ahead(self) -> None:
        self.assertEqual(
            self.sessions(window("2026-08-21T17:00", "2026-08-21T18:00")),
            ["FRIDAY 18:00-19:00"],
        )
        with self.assertRaises(PlanError) as caught:
            self.sessions(window("2026-08-21T17:00", "2026-08-21T18:01"))
        self.assertEqual(caught.exception.reason, PlanProblem.TOO_FAR)

    def test_seven_days_are_reckoned_in_utc(self) -> None:
        now = datetime(2026, 10, 20, 12, 0, tzinfo=LONDON)
        self.assertEqual(
            self.sessions(window("2026-10-27T10:00", "2026-10-27T11:00"), now=now),
            ["TUESDAY 10:00-11:00"],
        )
        with self.assertRaises(PlanError):
            self.sessions(window("2026-10-27T11:00", "2026-10-27T12:00"), now=now)

    def test_today_and_the_same_day_next_week_merge(self) -> None:
        self.assertEqual(
            self.sessions(
                window("2026-08-14T17:00", "2026-08-14T19:00"),
                window("2026-08-21T17:00", "2026-08-21T18:00"),
            ),
            ["FRIDAY 18:00-20:00"],
        )

    def test_clocks_go_back(self) -> None:
        for start, end, expected in (
            ("00:00", "01:00", "01:00-02:00"),
            ("00:30", "01:00", "01:30-02:00"),
            ("00:45", "01:15", "01:00-02:00"),
            ("01:00", "02:00", "01:00-02:00"),
        ):
            with self.subTest(start=start, end=end):
                found = self.sessions(
                    window(f"2026-10-25T{start}", f"2026-10-25T{end}"),
                    now="2026-10-24T12:00",
                )
                self.assertEqual(found, [f"SUNDAY {expected}"])

    def test_two_windows_at_the_same_time_of_the_clock(self) -> None:
        self.assertEqual(
            self.sessions(
                window("2026-10-25T00:00", "2026-10-25T00:30"),
                window("2026-10-25T01:15", "2026-10-25T01:45"),
                now="2026-10-24T12:00",
            ),
            ["SUNDAY 01:00-01:45"],
        )

    def test_clocks_go_forward(self) -> None:
        for start, end, expected in (
            ("00:30", "01:00", "00:30-01:00"),
            ("01:00", "01:30", "02:00-02:30"),
            ("00:30", "01:30", "00:30-02:30"),
        ):
            with self.subTest(start=start, end=end):
                found = self.sessions(
                    window(f"2027-03-28T{start}", f"2027-03-28T{end}"),
                    now="2027-03-27T12:00",
                )
                self.assertEqual(found, [f"SUNDAY {expected}"])

    def test_too_many_close_the_smallest_gaps_and_tell(self) -> None:
        windows = [
            window("2026-08-15T01:00", "2026-08-15T02:00"),
            window("2026-08-15T02:10", "2026-08-15T03:00"),
            window("2026-08-15T05:00", "2026-08-15T06:00"),
            window("2026-08-15T06:05", "2026-08-15T07:00"),
            window("2026-08-15T12:00", "2026-08-15T13:00"),
        ]
        found, closed = to_sessions(
            windows, zone=LONDON, mode="boost", now=NOW, max_sessions=3
        )
        self.assertEqual(
            listed(found),
            [
                "SATURDAY 02:00-04:00",
                "SATURDAY 06:00-08:00",
                "SATURDAY 13:00-14:00",
            ],
        )
        self.assertEqual(shown(closed), ["15 02:00-15 02:10", "15 06:00-15 06:05"])

    def test_thousands_of_windows_take_no_time(self) -> None:
        windows = [
            Window(NOW + 4 * i * MINUTE, NOW + (4 * i + 2) * MINUTE)
            for i in range(2500)
        ]
        before = perf_counter()
        found, closed = to_sessions(
            windows, zone=LONDON, mode="boost", now=NOW, max_sessions=6
        )
        # Closing gaps one by one, each over all windows, took most of a minute.
        self.assertLess(perf_counter() - before, 5)
        self.assertLessEqual(len(found), 6)
        self.assertGreater(len(closed), 2400)

    def test_gaps_over_midnight_are_not_closed(self) -> None:
        windows = [
            window("2026-08-15T20:00", "2026-08-15T22:55"),
            window("2026-08-15T23:05", "2026-08-16T01:00"),
            window("2026-08-16T03:00", "2026-08-16T04:00"),
        ]
        found, closed = to_sessions(
            windows, zone=LONDON, mode="boost", now=NOW, max_sessions=2
        )
        self.assertEqual(listed(found), ["SATURDAY 21:00-23:55", "SUNDAY 00:05-05:00"])
        self.assertEqual(shown(closed), ["16 01:00-16 03:00"])

    def test_too_many_days_are_refused(self) -> None:
        windows = [
            window(f"2026-08-{day}T0{day % 10}:00", f"2026-08-{day}T0{day % 10}:30")
            for day in range(15, 19)
        ]
        with self.assertRaises(PlanError) as caught:
            self.sessions(*windows, max_sessions=3)
        self.assertEqual(caught.exception.reason, PlanProblem.TOO_MANY)

    def test_any_plan_becomes_a_valid_schedule_that_covers_it(self) -> None:
        rng = random.Random(20270328)
        for _ in range(150):
            now = utc(
                rng.choice(["2026-10-24T11:17", "2027-03-27T23:43", "2026-06-01"])
            )
            windows = []
            for _ in range(rng.randint(1, 14)):
                start = now + timedelta(minutes=rng.randrange(9000))
                length = timedelta(seconds=rng.randrange(60, 40_000))
                windows.append(Window(start, start + length))
            planned = clean(windows, now=now)
            try:
                found, closed = to_sessions(
                    planned, zone=LONDON, mode="boost", now=now, max_sessions=9
                )
            except PlanError as err:
                self.assertEqual(err.reason, PlanProblem.TOO_MANY)
                continue
            schedule = Schedule(enabled=True, sessions=found)
            validate(schedule, max_sessions=9)
            self.assertTrue(all(s.start < s.end for s in found))
            for wanted in (*planned, *closed):
                occurrence = next_occurrence(schedule, after=wanted.start, zone=LONDON)
                assert occurrence is not None
                self.assertLessEqual(occurrence.start, wanted.start)


class DailyTest(unittest.TestCase):
    def daily(self, *windows: Window) -> tuple[list[str], list[str]]:
        found, left_out = to_daily_intervals(windows, zone=LONDON, now=NOW)
        self.assertTrue(all(s.days == EVERY_DAY for s in found))
        return [f"{s.start}-{s.end}" for s in found], shown(left_out)

    def test_a_night_is_one_interval(self) -> None:
        self.assertEqual(
            self.daily(
                window("2026-08-14T22:30", "2026-08-15T04:30"),
                window("2026-08-15T11:00", "2026-08-15T12:00"),
            ),
            (["12:00-13:00", "23:30-05:30"], []),
        )

    def test_up_to_midnight_and_from_midnight(self) -> None:
        self.assertEqual(
            self.daily(window("2026-08-14T22:00", "2026-08-14T23:00")),
            (["23:00-24:00"], []),
        )
        self.assertEqual(
            self.daily(window("2026-08-14T23:00", "2026-08-15T01:00")),
            (["00:00-02:00"], []),
        )

    def test_what_is_later_is_told(self) -> None:
        self.assertEqual(
            self.daily(
                window("2026-08-14T20:00", "2026-08-14T21:00"),
                window("2026-08-15T17:00", "2026-08-15T19:00"),
                window("2026-08-16T01:00", "2026-08-16T02:00"),
            ),
            (
                ["18:00-19:00", "21:00-22:00"],
                ["15 18:00-15 19:00", "16 01:00-16 02:00"],
            ),
        )

    def test_a_whole_day(self) -> None:
        self.assertEqual(
            self.daily(window("2026-08-14T10:00", "2026-08-16T00:00")),
            (["00:00-24:00"], ["15 18:00-16 00:00"]),
        )

    def test_nothing(self) -> None:
        self.assertEqual(self.daily(), ([], []))


class SameSessionsTest(unittest.TestCase):
    def test_a_plan_read_back_is_the_same(self) -> None:
        found, _ = to_sessions(
            [window("2026-08-16T22:30", "2026-08-17T04:30")],
            zone=LONDON,
            mode="boost",
            now=NOW,
            max_sessions=6,
        )
        written = Schedule(enabled=True, sessions=found)
        night = ScheduleSession(
            start=found[0].start, end=found[1].end, days=found[0].days
        )
        self.assertTrue(
            same_sessions(written, Schedule(enabled=False, sessions=(night,)))
        )
        other = ScheduleSession(
            start=night.start, end=night.end, days=night.days, mode="eco"
        )
        self.assertFalse(
            same_sessions(written, Schedule(enabled=True, sessions=(other,)))
        )


if __name__ == "__main__":
    unittest.main()
