"""What energy costs while its price changes."""

from datetime import UTC, datetime, timedelta
import unittest

from custom_components.hypervolt_charger.hypervolt.tariff import Tariff

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class TariffTest(unittest.TestCase):
    def test_without_a_price_nothing_is_known(self) -> None:
        tariff = Tariff()
        self.assertIsNone(tariff.price)
        self.assertIsNone(tariff.bill(1000, NOON, NOON + HOUR))

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

    def test_the_first_known_price_stands_for_earlier(self) -> None:
        tariff = Tariff()
        tariff.change(NOON, 0.2)
        self.assertEqual(tariff.bill(1000, NOON - HOUR, NOON + HOUR), 0.2)

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
        tariff = Tariff(0.1)
        tariff.change(NOON, 0.1)
        self.assertEqual(len(tariff._prices), 1)

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
        tariff.bill(1, NOON, NOON + 2500 * HOUR)
        self.assertEqual(len(tariff._prices), 1)
