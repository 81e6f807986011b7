"""What docs/energy.md says is counted after a restart or an outage."""

from datetime import UTC, datetime, timedelta
import unittest

from custom_components.hypervolt_charger.hypervolt.energy import EnergyMeter, Reading

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
GAP = timedelta(hours=3)


def added(
    then: int, *, charging: bool = True, ids: tuple[int, int] | None = None
) -> int:
    """Return what is added for a count after a gap, when 5 kWh were the last one."""
    before, after = ids or (None, None)
    first = Reading(at=NOON, watt_hours=5000, charging=True, session_id=before)
    meter = EnergyMeter().read(first)
    total = meter.total
    for seconds in range(0, 30, 3):
        meter = meter.read(
            Reading(
                at=NOON + GAP + timedelta(seconds=seconds),
                watt_hours=then,
                charging=charging,
                session_id=after,
            )
        )
    return meter.total - total


class RestartsAndOutagesTest(unittest.TestCase):
    def test_the_session_continued(self) -> None:
        self.assertEqual(added(9000), 4000)
        self.assertEqual(added(9000, ids=(1, 1)), 4000)

    def test_the_session_ended(self) -> None:
        self.assertEqual(added(0, charging=False), 0)
        self.assertEqual(added(7000, charging=False, ids=(1, 1)), 2000)

    def test_another_session_has_delivered_less(self) -> None:
        self.assertEqual(added(2000), 2000)
        self.assertEqual(added(2000, ids=(1, 2)), 2000)

    def test_another_session_has_delivered_more(self) -> None:
        """On a V3 it looks like the first one continuing."""
        self.assertEqual(added(9000), 4000)
        self.assertEqual(added(9000, ids=(1, 2)), 9000)
