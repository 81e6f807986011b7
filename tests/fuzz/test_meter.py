"""Any counts at all: the total never falls, and never grows by more than can flow."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json

from hypothesis import given, strategies as st

from custom_components.hypervolt_charger.energy_store import (
    Books,
    books_from_json,
    to_json,
)
from custom_components.hypervolt_charger.hypervolt.energy import (
    MOST_WATTS,
    EnergyMeter,
    Reading,
)

from .cases import many

START = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames that follow one another evenly, and how their count goes on."""

    kind: str
    number: int
    seconds: float
    watts: int
    size: int
    charging: bool | None
    plugged: bool | None
    session_id: int | None
    restart: bool


frames = st.builds(
    Frames,
    kind=st.sampled_from(
        ["grow", "zero", "plateau", "jump", "dip", "lifetime", "any", "resume"]
    ),
    number=st.integers(1, 8),
    seconds=st.one_of(
        st.sampled_from([0, 1, 1.35, 3, 10, 20, 60, 3600]), st.floats(0, 86_400)
    ),
    watts=st.integers(0, 2 * MOST_WATTS),
    size=st.one_of(st.integers(0, 3000), st.integers(0, 10**9)),
    charging=st.sampled_from([True, True, False, None]),
    plugged=st.sampled_from([True, None, False]),
    session_id=st.sampled_from([None, None, 0, 1, 2]),
    restart=st.booleans(),
)


class Counter:
    """A counter that goes wrong in every way that is known."""

    def __init__(self) -> None:
        self.count = 0.0
        self.left = 0.0

    def after(self, step: Frames) -> int:
        """Return the next count."""
        more = step.watts * step.seconds / 3600
        match step.kind:
            case "grow":
                self.count += more
            case "zero":
                self.left = max(self.left, self.count)
                self.count = 0.0
            case "resume":
                self.count = self.left + more
            case "jump":
                return int(self.count) + step.size
            case "dip":
                return max(int(self.count) - step.size, 0)
            case "lifetime":
                self.count += more
                return 4_000_000 + int(self.count)
            case "any":
                return step.size
        return int(self.count)


def possible(start: datetime, end: datetime) -> float:
    """Return the most Wh that flow in a time, and the Wh that a whole number hides."""
    return MOST_WATTS * max((end - start).total_seconds(), 0) / 3600 + 1


@many
@given(st.lists(frames, min_size=1, max_size=12))
def test_the_total_never_grows_by_more_than_can_have_flowed(
    steps: list[Frames],
) -> None:
    counter, meter, now = Counter(), EnergyMeter(), START
    for step in steps:
        if step.restart:
            stored = json.loads(json.dumps(to_json(Books(meter=meter))))
            assert books_from_json(stored).meter == meter
        for _ in range(step.number):
            now += timedelta(seconds=step.seconds)
            before = meter
            meter = before.read(
                Reading(
                    at=now,
                    watt_hours=counter.after(step),
                    charging=step.charging,
                    session_id=step.session_id,
                    plugged=step.plugged,
                )
            )
            assert meter.total >= before.total
            assert meter.total < possible(START, now)
            credible = before.counted_at or now
            if before.still_since is not None:
                credible = min(credible, before.still_since)
            credible = min([credible, *(item.at for item in before.earlier)])
            assert meter.total - before.total <= possible(credible, now)


@many
@given(st.lists(frames, min_size=1, max_size=12), st.integers(1, 10**6))
def test_clocks_that_are_set_add_nothing(steps: list[Frames], back: int) -> None:
    counter, meter, now, passed = Counter(), EnergyMeter(), START, 0.0
    for step in steps:
        now -= timedelta(seconds=back)
        for _ in range(step.number):
            now += timedelta(seconds=step.seconds)
            passed += step.seconds
            meter = meter.read(Reading(at=now, watt_hours=counter.after(step)))
    assert meter.total <= MOST_WATTS * passed / 3600 + 1
