"""What a pushed frame costs until its entities are written, and which ones are."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import gc
import json
import time
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import (
    Event,
    EventStateChangedData,
    EventStateReportedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers.entity import Entity

from .figures import RUNS, Figure, Run
from .frames import ONE, READINGS, session_frame
from .rig import Rig, one_charger

_TARGET: Final = 1.5


@dataclass
class Writes:
    """The entities whose states were written, changed or not."""

    changed: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)


@contextmanager
def watching_writes(hass: HomeAssistant) -> Iterator[Writes]:
    """Note every write of a state."""
    writes = Writes()

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        writes.changed.append(event.data["entity_id"])

    @callback
    def reported(event: Event[EventStateReportedData]) -> None:
        writes.reported.append(event.data["entity_id"])

    @callback
    def anything(_: object) -> bool:
        return True

    stops = (
        hass.bus.async_listen(EVENT_STATE_CHANGED, changed),
        hass.bus.async_listen(EVENT_STATE_REPORTED, reported, event_filter=anything),
    )
    try:
        yield writes
    finally:
        for stop in stops:
            stop()


def shown(hass: HomeAssistant) -> dict[str, State]:
    """Return every state."""
    return {state.entity_id: state for state in hass.states.async_all()}


def different(before: dict[str, State], after: dict[str, State]) -> set[str]:
    """Return the entities that show something else than before."""
    return {
        entity_id
        for entity_id, state in after.items()
        if entity_id not in before
        or (state.state, state.attributes)
        != (before[entity_id].state, before[entity_id].attributes)
    }


def writes_of(rig: Rig, frame: str) -> tuple[Writes, set[str]]:
    """Take a frame; return what was written, and what had reason to be."""
    before = shown(rig.hass)
    with watching_writes(rig.hass) as writes:
        rig.take(frame)
    return writes, different(before, shown(rig.hass))


def superfluous(rig: Rig, frame: str) -> int:
    """Count the writes of a push that told nobody anything new."""
    writes, reason = writes_of(rig, frame)
    assert reason <= set(writes.changed), "a change was not written"
    return len(writes.changed) - len(reason) + len(writes.reported)


@dataclass(frozen=True)
class Pair:
    """Two frames in turn, and what the least way to show them writes."""

    rig: Rig
    frames: tuple[str, str]
    states: tuple[list[State], list[State]]
    entities: list[Entity]

    @classmethod
    def of(cls, rig: Rig, changing: Collection[str]) -> Pair:
        """Try both frames, to see which entities differ."""
        frames = session_frame(0, changing), session_frame(1, changing)
        for frame in frames:
            rig.take(frame)
        after_second = shown(rig.hass)
        rig.take(frames[0])
        after_first = shown(rig.hass)
        ids = sorted(different(after_second, after_first))
        everybody = {
            entity.entity_id: entity
            for component in rig.hass.data["entity_components"].values()
            for entity in component.entities
        }
        return cls(
            rig,
            frames,
            ([after_first[i] for i in ids], [after_second[i] for i in ids]),
            [everybody[i] for i in ids],
        )

    def take(self, number: int) -> None:
        """Go all the way: text, message, state, entities."""
        self.rig.take(self.frames[number % 2])

    def set_states(self, number: int) -> None:
        """Decode, and set the states that differ: the least there is."""
        json.loads(self.frames[number % 2])
        for state in self.states[number % 2]:
            self.rig.hass.states.async_set(
                state.entity_id, state.state, state.attributes
            )

    def write_entities(self, number: int) -> None:
        """Decode, and have Home Assistant write the entities that differ.

        Their values do not change meanwhile, which favours the floor.
        """
        json.loads(self.frames[number % 2])
        for entity in self.entities:
            entity.async_write_ha_state()

    def decode(self, number: int) -> None:
        """Only decode."""
        json.loads(self.frames[number % 2])


def microseconds(act: Callable[[int], None], times: int) -> float:
    """Return the processor's time for one call, garbage collection left out."""
    for number in range(times // 10):
        act(number)
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time_ns()
        for number in range(times):
            act(number)
        return (time.process_time_ns() - begin) / times / 1000
    finally:
        gc.enable()


def compare(
    act: Callable[[int], None], floor: Callable[[int], None], times: int
) -> list[Run]:
    """Measure both in turn, so that what else the machine does meets both."""
    return [
        Run(value=microseconds(act, times), floor=microseconds(floor, times))
        for _ in range(RUNS)
    ]


async def measure(*, short: bool) -> list[Figure]:
    """Return the figures of this module."""
    times = 200 if short else 4000
    async with one_charger() as (_, _, rig):
        figures = []
        for what, changing in (("all readings", READINGS), ("one reading", ONE)):
            pair = Pair.of(rig, changing)
            figures += [
                Figure(
                    name=f"push that changes {what}, to setting their states",
                    unit="µs",
                    runs=compare(pair.take, pair.set_states, times),
                    target=_TARGET,
                ),
                Figure(
                    name=f"push that changes {what}, to writing their entities",
                    unit="µs",
                    runs=compare(pair.take, pair.write_entities, times),
                    target=_TARGET,
                ),
            ]
        same = Pair.of(rig, ())
        figures.append(
            Figure(
                name="push that changes nothing, to decoding it",
                unit="µs",
                runs=compare(same.take, same.decode, times),
            )
        )
        figures += _writes(rig)
    return figures


def _writes(rig: Rig) -> list[Figure]:
    kinds = (("all readings", READINGS), ("one reading", ONE), ("nothing", ()))
    figures = []
    for what, changing in kinds:
        rig.take(session_frame(0, changing))
        runs = [
            Run(value=superfluous(rig, session_frame(number + 1, changing)))
            for number in range(RUNS)
        ]
        name = f"superfluous writes and reports, push that changes {what}"
        figures.append(Figure(name=name, unit="", runs=runs, target=0))
    return figures
