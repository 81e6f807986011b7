"""What a pushed frame costs until its entities are written, and which ones are."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import gc
import json
import time
from typing import Final

from homeassistant.components.sensor import (
    DATA_COMPONENT,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import (
    Event,
    EventStateChangedData,
    EventStateReportedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers.entity_component import EntityComponent
from pytest_homeassistant_custom_component.common import MockEntityPlatform

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


def superfluous(rig: Rig, frame: str, *, lasting: bool = False) -> int:
    """Count the writes of a push that told nobody anything new.

    Where what it changes was `lasting`, each measurement may report its old value
    before: helpers for integrals calculate from that.
    """
    writes, reason = writes_of(rig, frame)
    assert reason <= set(writes.changed), "a change was not written"
    useful = set(writes.reported) & reason if lasting else set()
    return len(writes.changed) - len(reason) + len(writes.reported) - len(useful)


class _BareSensor(SensorEntity):
    """A sensor that holds its value: no entity of Home Assistant costs less."""

    _attr_should_poll = False

    def __init__(self, like: SensorEntity, values: tuple[State, State]) -> None:
        self.entity_description = SensorEntityDescription(
            key=like.entity_description.key,
            device_class=like.device_class,
            native_unit_of_measurement=like.native_unit_of_measurement,
            state_class=like.state_class,
            suggested_display_precision=like.suggested_display_precision,
        )
        self._attr_name = like.entity_description.key
        self.values = tuple(float(state.state) for state in values)
        self._attr_native_value = self.values[0]


@dataclass(frozen=True)
class Pair:
    """Two frames in turn, and what the least way to show them writes."""

    rig: Rig
    frames: tuple[str, str]
    states: tuple[list[State], list[State]]
    sensors: list[_BareSensor]

    @classmethod
    async def of(cls, rig: Rig, changing: Collection[str]) -> Pair:
        """Try both frames, to see which entities differ."""
        frames = session_frame(0, changing), session_frame(1, changing)
        for frame in frames:
            rig.take(frame)
        second = shown(rig.hass)
        rig.take(frames[0])
        first = shown(rig.hass)
        ids = sorted(different(second, first))
        component: EntityComponent[SensorEntity] = rig.hass.data[DATA_COMPONENT]
        sensors = []
        for entity_id in ids:
            like = component.get_entity(entity_id)
            assert like
            sensors.append(_BareSensor(like, (first[entity_id], second[entity_id])))
        platform = MockEntityPlatform(rig.hass, domain="sensor", platform_name="bare")
        await platform.async_add_entities(sensors)
        return cls(
            rig, frames, ([first[i] for i in ids], [second[i] for i in ids]), sensors
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

    def write_sensors(self, number: int) -> None:
        """Decode, and have the leanest entities write what differs."""
        json.loads(self.frames[number % 2])
        for sensor in self.sensors:
            sensor._attr_native_value = sensor.values[number % 2]
            sensor.async_write_ha_state()

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
            pair = await Pair.of(rig, changing)
            figures += [
                Figure(
                    name=f"push that changes {what}, to setting their states",
                    unit="µs",
                    runs=compare(pair.take, pair.set_states, times),
                    target=_TARGET,
                ),
                Figure(
                    name=f"push that changes {what}, to the leanest entities",
                    unit="µs",
                    runs=compare(pair.take, pair.write_sensors, times),
                    target=_TARGET,
                ),
            ]
        same = await Pair.of(rig, ())
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
        # What has lasted is reported once more before it changes: see below.
        for number in (-1, 0):
            rig.take(session_frame(number, changing))
        runs = [
            Run(value=superfluous(rig, session_frame(number + 1, changing)))
            for number in range(RUNS)
        ]
        name = f"superfluous writes and reports, push that changes {what}"
        figures.append(Figure(name=name, unit="", runs=runs, target=0))
    runs = []
    for number in range(RUNS):
        rig.take(session_frame(number, ONE))
        rig.take(session_frame(number, ONE))
        frame = session_frame(number + 1, ONE)
        runs.append(Run(value=superfluous(rig, frame, lasting=True)))
    figures.append(
        Figure(
            name="superfluous writes and reports, push that changes a lasting reading",
            unit="",
            runs=runs,
            target=0,
        )
    )
    return figures
