"""Sessions, and what happens in them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
import unittest

from custom_components.hypervolt_charger.hypervolt.charge_log import (
    ChargeEvent,
    ChargeEventType,
    ChargeLog,
    ChargeSession,
    EndReason,
    Moment,
)

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Driveway:
    """Lets moments pass; each keeps what the one before said."""

    def __init__(self) -> None:
        self.log = ChargeLog()
        self.events: list[ChargeEvent] = []
        self.moment = Moment(
            at=NOON,
            charging=False,
            plugged=None,
            stopped=False,
            forbidden=False,
            solar=False,
            mode="boost",
            watts=7200.0,
            runs=0,
            plug_initial=True,
        )

    def see(
        self,
        after: timedelta = SECOND,
        *,
        more: int = 0,
        cost: float | None = None,
        initial: int = 0,
        charging: bool | None = False,
        plugged: bool | None = None,
        stopped: bool | None = None,
        forbidden: bool | None = None,
        solar: bool | None = None,
        mode: str | None = None,
        watts: float | None = None,
        runs: int | None = None,
        renumbered: bool = False,
        doubtful: bool = False,
    ) -> list[str]:
        """Return what happened, in words."""
        given: dict[str, Any] = {
            "plugged": plugged,
            "stopped": stopped,
            "forbidden": forbidden,
            "solar": solar,
            "mode": mode,
            "watts": watts,
            "runs": runs,
        }
        self.moment = replace(
            self.moment,
            at=self.moment.at + after,
            charging=charging,
            more=more,
            cost=cost,
            initial=initial,
            renumbered=renumbered,
            doubtful=doubtful,
            **{name: value for name, value in given.items() if value is not None},
        )
        self.log, events = self.log.observe(self.moment)
        self.events += events
        return [event.type.value for event in events]

    def charge(self, minutes: int = 60, *, more: int = 120) -> None:
        """Charge for a while, a moment a minute."""
        for _ in range(minutes):
            self.see(MINUTE, charging=True, more=more)

    @property
    def finished(self) -> list[ChargeSession]:
        return [event.session for event in self.events if event.session]

    @property
    def reason(self) -> EndReason | None:
        return self.finished[-1].end_reason


class ChargeLogTest(unittest.TestCase):
    def test_a_first_report_long_after_connecting_is_a_change(self) -> None:
        for plugged, happened in ((True, "plugged_in"), (False, "unplugged")):
            drive = Driveway()
            drive.see()
            drive.moment = replace(drive.moment, plug_initial=False)
            self.assertEqual(drive.see(plugged=plugged), [happened])
            self.assertEqual(drive.see(plugged=plugged), [])

    def test_a_car_is_full_only_while_its_plug_is_confirmed(self) -> None:
        for confirmed, reason in ((True, EndReason.FULL), (False, EndReason.UNKNOWN)):
            drive = Driveway()
            drive.moment = replace(drive.moment, plug_confirmed=confirmed)
            drive.see(plugged=True)
            drive.charge()
            drive.see(SECOND)
            drive.see(2 * MINUTE)
            self.assertEqual(drive.reason, reason)

    def test_a_clock_that_is_set_changes_no_duration(self) -> None:
        for jump in (-3 * HOUR, 4 * 365 * 24 * HOUR):
            drive = Driveway()
            drive.see(plugged=True)
            drive.charge(30)
            drive.log = drive.log.shifted(jump)
            drive.moment = replace(drive.moment, at=drive.moment.at + jump)
            drive.charge(30)
            latest = drive.log.latest
            assert latest
            drive.see(SECOND)
            drive.see(2 * MINUTE)
            (session,) = drive.finished
            self.assertEqual(latest, drive.moment.at - 2 * MINUTE - SECOND)
            self.assertEqual(session.charging_seconds, 3601)
            self.assertEqual(session.end, latest + SECOND)
            self.assertEqual(session.end - session.start, timedelta(seconds=3601))
        self.assertIsNone(ChargeLog().latest)
        self.assertEqual(ChargeLog().shifted(HOUR), ChargeLog())

    def test_a_night(self) -> None:
        drive = Driveway()
        self.assertEqual(drive.see(plugged=False), [])
        self.assertEqual(drive.see(plugged=True), ["plugged_in"])
        self.assertEqual(drive.see(charging=True, more=2), ["started"])
        drive.charge()
        self.assertEqual(drive.see(more=3), [])
        self.assertEqual(
            drive.see(30 * SECOND, plugged=False), ["finished", "unplugged"]
        )
        (session,) = drive.finished
        self.assertEqual(session.watt_hours, 2 + 60 * 120 + 3)
        self.assertEqual(session.end_reason, EndReason.UNPLUGGED)
        self.assertEqual(session.charging_seconds, 3601 + 1)
        self.assertEqual(session.end - session.start, HOUR + 2 * SECOND)
        self.assertAlmostEqual(session.mean_watts, 7205, delta=10)
        self.assertEqual(session.peak_watts, 7200)
        self.assertEqual(session.charge_mode, "boost")
        self.assertIsNone(session.total_cost)

    def test_the_first_look_at_the_plug_is_no_event(self) -> None:
        drive = Driveway()
        self.assertEqual(drive.see(plugged=True), [])
        self.assertEqual(drive.see(), [])

    def test_the_first_look_at_a_charging_car_is_a_start(self) -> None:
        drive = Driveway()
        self.assertEqual(drive.see(charging=True, initial=3000), ["started"])
        assert drive.log.session
        self.assertEqual(drive.log.session.initial, 3000)
        self.assertEqual(drive.log.session.watt_hours, 0)

    def test_why_it_ended(self) -> None:
        for reason, change in (
            (EndReason.UNPLUGGED, {"plugged": False}),
            (EndReason.STOPPED, {"stopped": True}),
            (EndReason.SCHEDULE_ENDED, {"forbidden": True}),
        ):
            with self.subTest(reason=reason):
                drive = Driveway()
                drive.see(plugged=True)
                drive.charge(2)
                drive.see(**change)  # type: ignore[arg-type] # booleans
                self.assertEqual(drive.reason, reason)
                self.assertFalse(drive.log.complete)

    def test_the_reason_may_come_late(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        self.assertEqual(drive.see(), [])
        self.assertEqual(drive.see(stopped=True), ["finished"])
        self.assertEqual(drive.reason, EndReason.STOPPED)

    def test_a_car_that_takes_no_more(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        drive.see()
        self.assertEqual(drive.log.due, drive.moment.at + MINUTE)
        self.assertEqual(drive.see(59 * SECOND), [])
        self.assertEqual(drive.see(SECOND), ["finished"])
        self.assertEqual(drive.reason, EndReason.FULL)
        self.assertTrue(drive.log.complete)
        self.assertIsNone(drive.log.due)
        # The time it was waited for is none of the session.
        self.assertEqual(drive.finished[0].end, drive.moment.at - MINUTE)
        drive.see(stopped=True)
        self.assertFalse(drive.log.complete)

    def test_who_does_not_tell_of_the_plug_tells_no_reason(self) -> None:
        drive = Driveway()
        drive.charge(2)
        drive.see()
        drive.see(MINUTE)
        self.assertEqual(drive.reason, EndReason.UNKNOWN)

    def test_current_that_is_away_for_seconds(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        self.assertEqual(drive.see(), [])
        self.assertEqual(drive.see(5 * SECOND, charging=True, more=1), [])
        self.assertEqual(len(drive.events), 1)

    def test_waiting_for_the_sun(self) -> None:
        drive = Driveway()
        drive.see(plugged=True, solar=True, mode="super_eco")
        drive.charge(10)
        self.assertEqual(drive.see(), [])
        self.assertEqual(drive.see(MINUTE), ["paused"])
        self.assertEqual(drive.see(4 * HOUR), [])
        self.assertEqual(drive.see(HOUR, charging=True, more=1), ["resumed"])
        drive.charge(10)
        drive.see()
        self.assertEqual(drive.see(forbidden=True), ["finished"])
        (session,) = drive.finished
        self.assertEqual(session.watt_hours, 20 * 120 + 1)
        self.assertEqual(session.charging_seconds, 2 * 601)

    def test_a_count_that_begins_anew_ends_the_wait_for_the_sun(self) -> None:
        drive = Driveway()
        drive.see(plugged=True, solar=True)
        drive.charge(10)
        drive.see()
        drive.see(MINUTE)
        self.assertEqual(drive.see(runs=1), ["finished"])
        self.assertEqual(drive.reason, EndReason.FULL)

    def test_a_count_that_begins_anew_after_a_pause_is_another_session(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        drive.see()
        self.assertEqual(
            drive.see(charging=True, runs=1, more=3), ["finished", "started"]
        )
        assert drive.log.session
        self.assertEqual(drive.log.session.watt_hours, 3)

    def test_a_count_that_begins_anew_in_a_session_does_not_end_it(self) -> None:
        drive = Driveway()
        drive.charge(2)
        self.assertEqual(drive.see(charging=True, runs=1, more=3), [])

    def test_unknown_is_not_stopped(self) -> None:
        drive = Driveway()
        drive.charge(2)
        self.assertEqual(drive.see(charging=None), [])
        self.assertIsNone(drive.log.due)
        self.assertEqual(drive.see(HOUR, charging=None), [])

    def test_a_gap_within_a_session(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        self.assertEqual(drive.see(HOUR, charging=True, more=7000), [])
        assert drive.log.session
        self.assertEqual(drive.log.session.watt_hours, 7240)
        self.assertEqual(drive.log.session.charging_seconds, 3720)

    def test_a_gap_that_hid_the_end(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        seen = drive.moment.at
        drive.see(HOUR, more=700)
        drive.see(MINUTE)
        self.assertEqual(drive.reason, EndReason.UNKNOWN)
        self.assertEqual(drive.finished[0].watt_hours, 940)
        self.assertEqual(drive.finished[0].end, seen)

    def test_a_gap_that_hid_the_end_and_a_beginning(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        # The meter takes a moment to believe that its count began anew.
        self.assertEqual(drive.see(3 * HOUR, charging=True, doubtful=True), [])
        self.assertEqual(drive.see(charging=True, doubtful=True), [])
        self.assertEqual(
            drive.see(charging=True, runs=1, more=7200), ["finished", "started"]
        )
        self.assertEqual(drive.finished[0].watt_hours, 240)
        assert drive.log.session
        self.assertEqual(drive.log.session.watt_hours, 7200)

    def test_a_gap_that_hid_another_session_to_its_end(self) -> None:
        drive = Driveway()
        drive.charge(2)
        self.assertEqual(drive.see(9 * HOUR, runs=1, more=50), ["finished"])
        self.assertEqual(drive.reason, EndReason.UNKNOWN)

    def test_a_gap_that_hid_a_beginning(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.see(3 * HOUR, charging=True, more=7200)
        assert drive.log.session
        self.assertEqual(drive.log.session.start, drive.moment.at - HOUR)
        self.assertEqual(drive.log.session.mean_watts, 7200)

    def test_a_gap_that_hid_a_session(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        self.assertEqual(drive.see(9 * HOUR, more=5000), ["finished"])
        (session,) = drive.finished
        self.assertEqual(session.watt_hours, 5000)
        self.assertEqual(session.end_reason, EndReason.UNKNOWN)

    def test_another_number_is_another_session_however_short_the_gap(self) -> None:
        for charging, seen in (
            (True, ["finished", "started"]),
            (False, ["finished", "finished"]),
        ):
            with self.subTest(charging=charging):
                drive = Driveway()
                drive.see(charging=True)
                drive.charge(10)
                self.assertEqual(
                    drive.see(
                        MINUTE, charging=charging, more=60, runs=1, renumbered=True
                    ),
                    seen,
                )
                self.assertEqual(drive.finished[0].watt_hours, 10 * 120)
                self.assertEqual(drive.finished[0].end, NOON + SECOND + 10 * MINUTE)
                self.assertEqual(drive.reason, EndReason.UNKNOWN)
                if drive.log.session is None:
                    self.assertEqual(drive.finished[1].watt_hours, 60)
                else:
                    self.assertEqual(drive.log.session.watt_hours, 60)

    def test_noise_in_a_gap_is_no_session(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        self.assertEqual(drive.see(9 * HOUR, more=5), [])

    def test_a_doubt_that_comes_to_nothing(self) -> None:
        drive = Driveway()
        drive.charge(2)
        drive.see(HOUR, charging=True, doubtful=True)
        self.assertEqual(drive.see(charging=True, more=7000), [])
        self.assertIsNone(drive.log.gap_ended)

    def test_costs_add_up(self) -> None:
        drive = Driveway()
        drive.see(charging=True, more=1000, cost=0.1)
        drive.see(charging=True, more=1000, cost=0.3)
        drive.see(stopped=True)
        self.assertAlmostEqual(drive.finished[0].total_cost or 0, 0.4)

    def test_a_session_of_which_a_part_has_no_price_has_none(self) -> None:
        drive = Driveway()
        drive.see(charging=True, more=1000)
        drive.see(charging=True, more=1000, cost=0.3)
        drive.see(stopped=True)
        self.assertIsNone(drive.finished[0].total_cost)

    def test_a_session_without_energy(self) -> None:
        drive = Driveway()
        drive.see(charging=True)
        drive.see(timedelta(), stopped=True)
        self.assertEqual(drive.finished[0].mean_watts, 0)
        self.assertIsNone(drive.finished[0].total_cost)

    def test_a_plug_that_contradicts_the_current(self) -> None:
        drive = Driveway()
        drive.see(plugged=True)
        drive.charge(2)
        self.assertEqual(drive.see(charging=True, plugged=False), ["unplugged"])
        self.assertIsNotNone(drive.log.session)

    def test_every_event_has_happened_somewhere(self) -> None:
        self.assertEqual(
            {kind.value for kind in ChargeEventType},
            {"plugged_in", "started", "paused", "resumed", "finished", "unplugged"},
        )
