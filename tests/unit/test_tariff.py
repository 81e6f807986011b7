"""What energy costs while its price changes."""

from datetime import UTC, datetime, timedelta
import math
import unittest

from custom_components.hypervolt_charger.hypervolt.tariff import (
    GRACE,
    MOST_PER_KWH,
    Tariff,
    is_price,
)

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class TariffTest(unittest.TestCase):
    def test_without_a_price_nothing_is_known(self) -> None:
        tariff = Tariff()
        self.assertIsNone(tariff.price)
        self.assertIsNone(tariff.bill(1000, NOON, NOON + HOUR))
        self.assertEqual(tariff.remembered(NOON), (None, None))

    def test_one_price(self) -> None:
        self.assertEqual(Tariff(0.25).bill(2000, NOON, NOON + HOUR), 0.5)

    def test_a_price_that_changes_in_between(self) -> None:
        tariff = Tariff(0.1)
        tariff.change(NOON + HOUR / 4, 0.3)
        # A quarter of an hour at 0.1, the rest at 0.3.
        self.assertAlmostEqual(tariff.bill(1000, NOON, NOON + HOUR) or 0, 0.25)
        self.assertEqual(tariff.price, 0.3)
        self.assertEqual(tariff.bill(1000, NOON + HOUR, NOON + 2 * HOUR), 0.3)

    def test_several_changes(self) -> None:
        tariff = Tariff()
        for half_hours, price in enumerate((1.0, 2.0, 3.0, 4.0)):
            tariff.change(NOON + half_hours * HOUR / 2, price)
        self.assertAlmostEqual(tariff.bill(1000, NOON, NOON + HOUR) or 0, 1.5)
        self.assertAlmostEqual(
            tariff.bill(1000, NOON + HOUR, NOON + 2 * HOUR) or 0, 3.5
        )

    def test_before_the_first_price_none_is_known(self) -> None:
        tariff = Tariff()
        tariff.change(NOON, 0.2)
        self.assertIsNone(tariff.bill(1000, NOON - MINUTE, NOON + HOUR))
        self.assertEqual(tariff.bill(1000, NOON + HOUR, NOON + 2 * HOUR), 0.2)

    def test_a_price_of_later_does_not_count(self) -> None:
        tariff = Tariff(0.1)
        tariff.change(NOON + 3 * HOUR, 9.0)
        self.assertEqual(tariff.bill(1000, NOON, NOON + HOUR), 0.1)

    def test_energy_of_one_moment(self) -> None:
        tariff = Tariff(0.1)
        tariff.change(NOON, 0.3)
        self.assertEqual(tariff.bill(1000, NOON, NOON), 0.3)
        # A clock that was put back is no reason to fail.
        self.assertEqual(tariff.bill(1000, NOON, NOON - HOUR), 0.3)

    def test_the_same_price_again_is_no_change(self) -> None:
        tariff = Tariff()
        tariff.change(NOON, 0.1)
        tariff.change(NOON + HOUR, 0.1)
        self.assertEqual(len(tariff._changes), 1)
        self.assertEqual(tariff.bill(1000, NOON, NOON + 2 * HOUR), 0.1)

    def test_a_price_may_be_negative(self) -> None:
        self.assertEqual(Tariff(-0.05).bill(1000, NOON, NOON + HOUR), -0.05)

    def test_cleared(self) -> None:
        tariff = Tariff(0.1)
        tariff.clear()
        self.assertIsNone(tariff.bill(1000, NOON, NOON + HOUR))

    def test_the_past_is_forgotten(self) -> None:
        tariff = Tariff()
        for half_hours in range(5000):
            tariff.change(NOON + half_hours * HOUR / 2, float(half_hours))
        # More changes than are kept: what the first of them cost is not known.
        self.assertIsNone(tariff.bill(1, NOON, NOON + 2499 * HOUR))
        self.assertEqual(
            tariff.bill(1000, NOON + 2499 * HOUR, NOON + 2499.5 * HOUR), 4998.0
        )
        self.assertEqual(len(tariff._changes), 1)

    def test_a_correction_of_the_time_since_when(self) -> None:
        tariff = Tariff()
        tariff.change(NOON, 0.1)
        tariff.change(NOON + HOUR, 0.2)
        tariff.change(NOON + HOUR / 2, 0.3)
        self.assertAlmostEqual(tariff.bill(1000, NOON, NOON + HOUR) or 0, 0.2)
        self.assertEqual(tariff.bill(1000, NOON + HOUR, NOON + 2 * HOUR), 0.3)


def with_price() -> Tariff:
    """Return a tariff that costs 0.3 since noon."""
    tariff = Tariff()
    tariff.change(NOON, 0.3)
    return tariff


def followed() -> Tariff:
    """Return the same, with a price that is followed since noon."""
    tariff = Tariff()
    tariff.follow(NOON)
    tariff.change(NOON, 0.3)
    return tariff


class LostPriceTest(unittest.TestCase):
    def test_it_is_not_used_any_more(self) -> None:
        tariff = with_price()
        tariff.lose(NOON + HOUR)
        self.assertIsNone(tariff.price)
        self.assertEqual(tariff.bill(1000, NOON, NOON + HOUR), 0.3)
        self.assertIsNone(tariff.bill(1000, NOON + HOUR, NOON + 2 * HOUR))
        self.assertIsNone(tariff.bill(1000, NOON + 2 * HOUR, NOON + 2 * HOUR))

    def test_a_short_gap_is_bridged(self) -> None:
        tariff = with_price()
        tariff.lose(NOON + HOUR)
        # Unknown after unavailable is the same gap.
        tariff.lose(NOON + HOUR + GRACE / 2)
        # Also what is billed within it.
        within = NOON + HOUR + GRACE / 2
        self.assertEqual(tariff.bill(1000, NOON, within), 0.3)
        tariff.change(NOON + HOUR + GRACE, 0.3)
        self.assertEqual(tariff.bill(1000, within, NOON + 2 * HOUR), 0.3)

    def test_a_longer_gap_is_not(self) -> None:
        tariff = with_price()
        tariff.lose(NOON + HOUR)
        back = NOON + HOUR + GRACE + MINUTE
        tariff.change(back, 0.4)
        self.assertIsNone(tariff.bill(1000, NOON, back + HOUR))
        self.assertEqual(tariff.bill(1000, back, back + HOUR), 0.4)

    def test_the_gap_begins_with_the_first_loss(self) -> None:
        tariff = with_price()
        tariff.lose(NOON + HOUR)
        for minute in range(4, 20, 4):
            tariff.lose(NOON + HOUR + minute * MINUTE)
        end = NOON + HOUR + GRACE + MINUTE
        self.assertIsNone(tariff.bill(1000, NOON + HOUR, end))

    def test_losing_what_is_not_known(self) -> None:
        tariff = Tariff()
        tariff.lose(NOON)
        self.assertIsNone(tariff.bill(1000, NOON, NOON + HOUR))

    def test_an_absurd_price_is_a_lost_one(self) -> None:
        for absurd in (1e6, -1e6, math.inf, -math.inf, math.nan, 1e308):
            self.assertFalse(is_price(absurd))
            tariff = Tariff()
            tariff.change(NOON, 0.3)
            tariff.change(NOON + HOUR, absurd)
            tariff.change(NOON + HOUR + MINUTE, 0.3)
            self.assertEqual(tariff.bill(1000, NOON, NOON + 2 * HOUR), 0.3)
            tariff.change(NOON + 2 * HOUR, absurd)
            self.assertIsNone(tariff.bill(1000, NOON + 2 * HOUR, NOON + 3 * HOUR))
            tariff.fix(NOON, absurd)
            self.assertIsNone(tariff.bill(1000, NOON + 3 * HOUR, NOON + 4 * HOUR))
            self.assertIsNone(Tariff(absurd).bill(1000, NOON, NOON + HOUR))
            self.assertIsNone(Tariff(absurd, NOON).bill(1000, NOON - HOUR, NOON))

    def test_the_dearest_energy(self) -> None:
        cost = Tariff(MOST_PER_KWH).bill(10**12, NOON, NOON + HOUR)
        assert cost is not None
        self.assertTrue(math.isfinite(cost))


class RestartTest(unittest.TestCase):
    def test_a_fixed_price_is_known_for_all_time(self) -> None:
        tariff = Tariff()
        tariff.fix(NOON, 0.25)
        self.assertEqual(tariff.remembered(NOON + HOUR), (0.25, None))
        self.assertEqual(tariff.bill(1000, NOON - HOUR, NOON + HOUR), 0.25)

    def test_another_fixed_price(self) -> None:
        tariff = Tariff(0.2)
        tariff.fix(NOON, 0.4)
        self.assertAlmostEqual(tariff.bill(1000, NOON - HOUR, NOON + HOUR) or 0, 0.3)
        self.assertEqual(tariff.price, 0.4)
        self.assertEqual(tariff.remembered(NOON + HOUR), (0.4, None))

    def test_a_fixed_price_after_an_entity(self) -> None:
        tariff = Tariff(0.2, NOON - GRACE)
        tariff.fix(NOON + HOUR, 0.4)
        # Known until noon, and fixed for the time without a known price.
        self.assertAlmostEqual(tariff.bill(1000, NOON - HOUR, NOON + HOUR) or 0, 0.3)

    def test_an_entity_after_a_fixed_price(self) -> None:
        tariff = Tariff(0.2)
        tariff.follow(NOON)
        tariff.change(NOON, 0.4)
        self.assertIsNone(tariff.bill(1000, NOON - HOUR, NOON + HOUR))
        self.assertEqual(tariff.bill(1000, NOON + HOUR, NOON + HOUR), 0.4)

    def test_the_price_of_an_entity_is_known_until_the_end(self) -> None:
        tariff = Tariff()
        tariff.change(NOON, 0.3)
        remembered = tariff.remembered(NOON + HOUR)
        self.assertEqual(remembered, (0.3, NOON + HOUR))
        again = Tariff(*remembered)
        self.assertEqual(again.remembered(NOON + HOUR + MINUTE), remembered)
        self.assertEqual(again.bill(1000, NOON, NOON + HOUR + GRACE), 0.3)
        self.assertIsNone(again.bill(1000, NOON + HOUR + GRACE, NOON + 2 * HOUR))
        self.assertEqual(again.remembered(NOON + 2 * HOUR), (None, None))

    def test_a_lost_price_is_remembered_for_as_long_as_it_applies(self) -> None:
        tariff = Tariff()
        tariff.change(NOON, 0.3)
        tariff.lose(NOON + HOUR)
        within = NOON + HOUR + MINUTE
        self.assertEqual(tariff.remembered(within), (0.3, NOON + HOUR))
        later = NOON + HOUR + GRACE + MINUTE
        self.assertEqual(tariff.remembered(later), (None, None))

    def test_an_end_that_is_no_time(self) -> None:
        earliest = datetime.min.replace(tzinfo=UTC)
        latest = datetime.max.replace(tzinfo=UTC)
        self.assertIsNone(Tariff(0.3, earliest).bill(1000, NOON, NOON + HOUR))
        self.assertEqual(Tariff(0.3, latest).bill(1000, NOON, NOON + HOUR), 0.3)
        # A clock that was years ahead: the entity has no price now.
        tariff = Tariff(0.3, NOON + 40_000 * HOUR)
        tariff.lose(NOON)
        self.assertIsNone(tariff.bill(1000, NOON, NOON + HOUR))


class StandstillTest(unittest.TestCase):
    def test_while_it_is_followed_a_price_is_known(self) -> None:
        tariff = followed()
        for minute in range(60):
            tariff.follow(NOON + minute * MINUTE)
        self.assertEqual(tariff.bill(1000, NOON, NOON + HOUR), 0.3)

    def test_nothing_is_known_of_a_standstill(self) -> None:
        tariff = followed()
        self.assertIsNone(tariff.bill(1000, NOON, NOON + HOUR))
        self.assertEqual(tariff.bill(1000, NOON + HOUR, NOON + HOUR + MINUTE), 0.3)

    def test_a_price_that_was_lost_before(self) -> None:
        tariff = followed()
        tariff.lose(NOON)
        tariff.follow(NOON + HOUR)
        self.assertIsNone(tariff.price)
        self.assertIsNone(tariff.bill(1, NOON + HOUR, NOON + HOUR + MINUTE))

    def test_a_clock_that_is_set_back_does_not_prolong_a_lost_price(self) -> None:
        tariff = followed()
        tariff.lose(NOON + MINUTE)
        tariff.follow(NOON - 3 * HOUR)
        now = NOON - 3 * HOUR + GRACE
        self.assertIsNone(tariff.bill(1000, now, now + MINUTE))

    def test_a_clock_that_is_set_back_leaves_a_known_price(self) -> None:
        tariff = followed()
        self.assertEqual(tariff.bill(1, NOON, NOON + MINUTE), 0.0003)
        back = NOON - 3 * HOUR
        self.assertEqual(tariff.bill(1000, NOON + MINUTE, back), 0.3)
        self.assertEqual(tariff.bill(1000, back, back + MINUTE), 0.3)
