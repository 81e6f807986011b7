"""A lifetime's energy out of a session counter that can't be trusted."""

from datetime import UTC, datetime, timedelta
import unittest

from custom_components.hypervolt_charger.hypervolt.energy import (
    EnergyMeter,
    PowerMeter,
    Reading,
)

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=3)


class Charger:
    """Tells counts one after the other to a meter."""

    def __init__(self, *counts: int) -> None:
        self.meter = EnergyMeter()
        self.at = NOON
        self.tell(*counts)

    def tell(
        self,
        *counts: int,
        after: timedelta = STEP,
        charging: bool | None = True,
        session_id: int | None = None,
        plugged: bool | None = None,
    ) -> int:
        for count in counts:
            self.at += after
            self.meter = self.meter.read(
                Reading(
                    at=self.at,
                    watt_hours=count,
                    charging=charging,
                    session_id=session_id,
                    plugged=plugged,
                )
            )
        return self.meter.total


class EnergyMeterTest(unittest.TestCase):
    def test_growth_counts_from_the_first_reading_on(self) -> None:
        charger = Charger(5000)
        self.assertEqual(charger.meter.total, 0)
        self.assertEqual(charger.tell(5006, 5012), 12)

    def test_dips_and_repeats_add_nothing(self) -> None:
        charger = Charger(0)
        self.assertEqual(charger.tell(6, 12, 7, 12, 12, 11, 18), 18)
        charger = Charger(0, *range(0, 8001, 5))
        before = charger.meter.total
        self.assertEqual(charger.tell(7900, 7850, 7999), before)
        self.assertEqual(charger.tell(8006), before + 6)

    def test_a_dip_of_a_single_frame_is_none_however_deep(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        self.assertEqual(charger.tell(0, 5004, 12, 5010, 0, 0, 5016), before + 16)

    def test_a_jump_of_a_single_frame_is_none_however_high(self) -> None:
        charger = Charger(0, 6, 12)
        self.assertEqual(charger.tell(9000, 18, 9018, 24, 30), 30)

    def test_impossible_growth_is_never_credible(self) -> None:
        """Three frames at 3 s, a burst, and a minute of them: only 2012 Wh flowed."""
        for burst in (
            [300_000] * 3,
            [305_000] * 20,
            [9**9] * 3,
            [4_000, 90_000, 4_000],
        ):
            charger = Charger(0)
            charger.tell(2000, after=timedelta(seconds=1000))
            charger.tell(*burst)
            self.assertEqual(charger.tell(2003, 2006, 2009, 2012), 2012, burst)

    def test_in_place_of_a_sessions_a_lifetimes_count_is_counted_on(self) -> None:
        charger = Charger(0, 6, 12)
        lifetime = range(4_000_018, 4_000_018 + 6 * 200, 6)
        self.assertEqual(charger.tell(*lifetime), 12 + 6 * 199)
        # Back again, at what was delivered meanwhile and at what was shown before.
        self.assertEqual(charger.tell(1218, 1224), 1224)
        # At each change of counts the growth of one reading can't be told from it.
        self.assertEqual(charger.tell(4_001_230, 4_001_236), 1230)

    def test_a_jump_is_not_rejected_by_dips_in_between(self) -> None:
        charger = Charger(0, *range(0, 1001, 5))
        self.assertEqual(charger.tell(3000, 960, 3006, 960, 3012), 1012)

    def test_a_count_that_drops_to_zero_and_resumes_adds_nothing(self) -> None:
        for charging in (True, False):
            for frames in (1, 2, 3, 40):
                with self.subTest(charging=charging, frames=frames):
                    charger = Charger(0)
                    charger.tell(2000, after=timedelta(seconds=1000))
                    for count in (2003, 2006, 2009):
                        charger.tell(*[0] * frames, charging=charging)
                        charger.tell(count)
                    self.assertEqual(charger.meter.total, 2009)
                    self.assertEqual(charger.meter.runs, 0)

    def test_a_small_count_that_drops_and_resumes_adds_nothing(self) -> None:
        for charging in (True, False):
            for level in (0, 1, 3):
                with self.subTest(charging=charging, level=level):
                    charger = Charger(0, 6, 12)
                    charger.tell(*[level] * 3, charging=charging)
                    self.assertEqual(charger.tell(31, 37, 44), 44)

    def test_a_count_that_drops_and_resumes_adds_what_was_shown_at_most(self) -> None:
        charger = Charger(0)
        charger.tell(164, after=timedelta(hours=1))
        charger.tell(*[1] * 6)
        self.assertEqual(charger.tell(164, 165, 166), 166 + 1)

    def test_a_count_is_resumed_rather_than_one_that_was_left_before(self) -> None:
        charger = Charger(0)
        charger.tell(62, after=timedelta(hours=1))
        charger.tell(*[0] * 4, charging=False)
        charger.tell(130, after=timedelta(hours=1))
        charger.tell(*[0] * 20)
        self.assertEqual(charger.tell(194, 194, 194), 62 + 194)

    def test_the_same_frame_again_makes_no_drop_credible(self) -> None:
        charger = Charger(0)
        charger.tell(63, after=timedelta(hours=1))
        charger.tell(21)
        charger.tell(21, 21, 21, after=timedelta())
        self.assertEqual(charger.tell(62, 63, 63), 63)

    def test_a_drop_to_more_than_can_have_flowed_adds_nothing(self) -> None:
        """A lifetime's count comes first of all."""
        charger = Charger(4_000_000)
        self.assertEqual(charger.tell(2003, 2006, 2009, 2012), 9)

    def test_a_session_after_a_drop_is_counted_from_zero(self) -> None:
        charger = Charger(0)
        charger.tell(2000, after=timedelta(seconds=1000))
        charger.tell(0, 0, 0, charging=False)
        self.assertEqual(charger.tell(*range(0, 2503, 5)), 2000 + 2500)

    def test_a_count_that_stood_still_while_charging_catches_up(self) -> None:
        charger = Charger(0, 6, *[12] * 20)
        self.assertEqual(charger.tell(130), 12)
        self.assertEqual(charger.tell(136, 142), 142)
        self.assertEqual(Charger(0, 6, *[12] * 20, 130, 12, 18).meter.total, 18)

    def test_no_session_is_too_large(self) -> None:
        """22 kW for 48 hours."""
        charger = Charger(*range(0, 1_056_001, 18))
        self.assertEqual(charger.meter.total, 1_055_988)

    def test_what_was_shown_by_a_cloud_out_of_order_is_not_lost(self) -> None:
        """Late frames look like more than is possible for a moment."""
        charger = Charger(0)
        charger.tell(*range(18, 1801, 18))
        charger.tell(1860, after=timedelta(seconds=1))
        self.assertEqual(charger.tell(1878, after=timedelta(seconds=12)), 1878)

    def test_a_rise_that_can_have_flowed_meanwhile_is_believed_at_once(self) -> None:
        charger = Charger(0, 6)
        self.assertEqual(charger.tell(7000, after=timedelta(hours=1)), 7000)

    def test_a_start_from_nothing_is_a_new_session(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        self.assertEqual(charger.tell(0, 0, 0, charging=False), before)
        self.assertEqual(charger.meter.count, 0)
        self.assertEqual(charger.tell(6, 12), before + 12)

    def test_a_total_that_is_shown_again_is_not_counted_again(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        charger.tell(0, 0, 0, charging=False)
        self.assertEqual(charger.tell(5000, 4995, 5000, 5000, charging=False), before)
        self.assertEqual(charger.tell(3, 9), before + 9)
        hours = timedelta(hours=2)
        self.assertEqual(charger.tell(7000, charging=False, after=hours), before + 7000)

    def test_nothing_is_no_total_to_be_shown_again(self) -> None:
        charger = Charger(0, 6, 12)
        charger.tell(0, 0, 0, charging=False)
        self.assertEqual(charger.tell(3, 3, 3, charging=False), 15)

    def test_a_start_within_the_session_goes_on_counting(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        self.assertEqual(charger.tell(0, 6, 12, 18), before + 18)

    def test_the_beginning_of_a_session_is_believed_at_once(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        charger.tell(5000, charging=False)
        self.assertEqual(charger.tell(4), before + 4)
        self.assertEqual(charger.meter.count, 4)

    def test_a_pause_for_the_sun_begins_nothing(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        charger.tell(5000, 5000, charging=False, after=timedelta(hours=1))
        self.assertEqual(charger.tell(4990, after=timedelta(hours=1)), before)
        self.assertEqual(charger.tell(5006), before + 6)

    def test_another_number_is_another_session(self) -> None:
        charger = Charger()
        charger.tell(5000, session_id=7)
        self.assertEqual(
            charger.tell(6000, session_id=8, after=timedelta(hours=3)), 6000
        )
        # The number may change before its count does.
        charger.tell(6000, 6000, session_id=9)
        self.assertEqual(charger.tell(2, 8, 14, session_id=9), 6014)
        self.assertEqual(charger.tell(20, session_id=None), 6020)
        self.assertEqual(charger.tell(26, session_id=0), 6026)

    def test_the_same_number_is_the_same_session(self) -> None:
        charger = Charger()
        charger.tell(5000, session_id=7)
        self.assertEqual(
            charger.tell(8000, session_id=7, after=timedelta(hours=3)), 3000
        )

    def test_after_unplugging_all_is_new(self) -> None:
        charger = Charger(5000)
        charger.tell(5000, charging=False, plugged=True)
        charger.tell(5000, charging=False, plugged=False)
        hours = timedelta(hours=3)
        self.assertEqual(charger.tell(6000, plugged=True, after=hours), 6000)
        self.assertEqual(charger.tell(6006, plugged=True), 6006)

    def test_the_old_count_of_a_new_car_is_not_its_own(self) -> None:
        charger = Charger(5000)
        charger.tell(5000, charging=False, plugged=False)
        self.assertEqual(charger.tell(5000, 5000, plugged=True), 0)
        self.assertEqual(charger.tell(2, 8, 14, plugged=True), 14)

    def test_what_a_gap_hid_of_the_same_session_is_added(self) -> None:
        charger = Charger(0, 6, 12)
        hours = timedelta(hours=8)
        self.assertEqual(charger.tell(40_000, after=hours, charging=False), 40_000)

    def test_of_a_new_session_after_a_gap_its_count_is_added(self) -> None:
        charger = Charger(0, *range(0, 5001, 5))
        before = charger.meter.total
        charger.tell(3000, after=timedelta(hours=2))
        self.assertEqual(charger.tell(3006, 3012), before + 3012)

    def test_a_counter_put_right_is_followed(self) -> None:
        """It can't be a new session: so much has not flowed in three seconds."""
        charger = Charger(0, *range(0, 9001, 5))
        before = charger.meter.total
        charger.tell(6000, 6006)
        self.assertLess(charger.tell(6012, 6018), before + 50)

    def test_a_clock_put_back_adds_nothing_twice(self) -> None:
        charger = Charger(0, 6, 12)
        charger.at -= timedelta(hours=1)
        self.assertEqual(charger.tell(18, 24, 30, 36), 36)
        self.assertEqual(charger.tell(42, 48), 48)

    def test_what_no_session_delivers_is_not_read(self) -> None:
        charger = Charger(0, 6)
        self.assertEqual(charger.tell(-5, 10**12, 10**12, 10**12, 10**12, 12), 12)

    def test_a_reading_without_charging_keeps_what_was_known(self) -> None:
        charger = Charger(5000)
        charger.tell(5000, charging=False)
        charger.tell(5000, charging=None)
        self.assertEqual(charger.tell(3), 3)


class PowerMeterTest(unittest.TestCase):
    def test_a_power_over_time(self) -> None:
        meter = PowerMeter()
        for minute in range(61):
            meter = meter.read(NOON + timedelta(minutes=minute), 600.0)
        self.assertAlmostEqual(meter.watt_hours, 600)

    def test_between_two_frames_it_changes_evenly(self) -> None:
        meter = PowerMeter().read(NOON, 0.0).read(NOON + timedelta(minutes=3), 1200.0)
        self.assertAlmostEqual(meter.watt_hours, 30)

    def test_a_long_gap_is_not_made_up(self) -> None:
        meter = PowerMeter().read(NOON, 600.0)
        later = NOON + timedelta(minutes=5)
        self.assertAlmostEqual(meter.read(later, 600.0).watt_hours, 50)
        later += timedelta(seconds=1)
        meter = meter.read(later, 600.0)
        self.assertEqual(meter.watt_hours, 0)
        meter = meter.read(later + timedelta(minutes=1), 600.0)
        self.assertAlmostEqual(meter.watt_hours, 10)

    def test_an_unknown_power_adds_nothing(self) -> None:
        meter = PowerMeter().read(NOON, None).read(NOON + STEP, 600.0)
        meter = meter.read(NOON + 2 * STEP, None)
        self.assertEqual(meter.watt_hours, 0)

    def test_time_that_does_not_pass_adds_nothing(self) -> None:
        meter = PowerMeter().read(NOON, 600.0).read(NOON, 600.0)
        self.assertEqual(meter.read(NOON - STEP, 600.0).watt_hours, 0)
