"""Whatever can go wrong, at random: faults, outages, restarts, and cars that come and go.

All decisions of one actor come from one generator, so that a seed tells them again,
whatever the others do and however long things take.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random
import time
from typing import Any

from _environment import say
from _soak_home import Home
from _soak_record import Wallbox
from tests.simulator import FAULTS, Fault, SimulatedCloud

type Json = Any

# These tell or store another schedule than a person's. While a planner has borrowed the
# charger they are left out: what comes back then is the lie, or somebody's new wish.
OF_SCHEDULE = frozenset(
    {
        Fault.NEW_VALUES,
        Fault.NO_SCHEDULE,
        Fault.OCTOPUS_SHAPE,
        Fault.STALE_OCTOPUS,
        Fault.MIDNIGHT,
        Fault.FOREIGN_WRITE,
    }
)
# Nobody is spoken to for 15 minutes after it.
BLOCKED_PAUSE = 900.0
SHORT = 600.0
# Of the options that are no choices and no flags, these are drawn from a range.
RANGES = {
    (Fault.BYE, "after"): (2.0, 40.0),
    (Fault.ECHO, "delay"): (1.0, 9.0),
    (Fault.SLOW_START, "delay"): (3.0, 12.0),
    (Fault.HOLLOW, "delay"): (0.5, 3.0),
    (Fault.PILOT_FLAP, "a_seconds"): (2.0, 20.0),
    (Fault.FOREIGN_WRITE, "every"): (1.0, 5.0),
    (Fault.WH_NOISE, "frames"): (0.0, 8.0),
    (Fault.WH_NOISE, "between"): (1.0, 6.0),
    (Fault.WH_NOISE, "level"): (0.0, 4.0),
    (Fault.WH_NOISE, "gap"): (0.3, 1.5),
    (Fault.REPEATED_PILOT, "every"): (1.0, 8.0),
}
# These are drawn from what makes sense.
SENSIBLE: Mapping[tuple[Fault, str], tuple[Json, ...]] = {
    (Fault.STALL, "path"): ("", "", "/session/in-progress"),
    (Fault.PARTIAL_SESSION, "fields"): (
        ["watt_hours"],
        ["charging"],
        ["watt_hours", "charging", "carbon_saved_grams"],
        ["ev_power", "house_power", "grid_power", "generation_power"],
        ["true_milli_amps", "voltage"],
    ),
}


@dataclass(kw_only=True)
class Stage:
    """Where it all happens, and until when."""

    seed: int
    cloud: SimulatedCloud
    home: Home
    boxes: list[Wallbox]
    seconds: float
    began: float = 0.0
    blocked_until: float = 0.0

    def chance(self, actor: str) -> Random:
        """Return an actor's own source of randomness."""
        return Random(f"{self.seed} {actor}")  # noqa: S311 - no secret

    @property
    def brief(self) -> bool:
        """Whether the run is a short one, in which everything is shorter."""
        return self.seconds < SHORT

    def note(self, text: str) -> None:
        """Tell what happens, with the time since the beginning."""
        say(f"{time.monotonic() - self.began:7.1f} {text}")


async def faults(stage: Stage, number: int) -> None:
    """Switch one fault after the other on and off, each at least once in a long run."""
    chance = stage.chance(f"faults {number}")
    bag: list[Fault] = []
    while True:
        if not bag:
            # In a short run the members are missing all the time, see `holes`.
            bag = [
                fault
                for fault in Fault
                if not stage.brief or fault is not Fault.PARTIAL_SESSION
            ]
            chance.shuffle(bag)
        fault = bag.pop()
        options = _options(chance, fault)
        if not any(box.is_legacy for box in stage.boxes):
            options.pop("path", None)
        box = chance.choice([None, *stage.boxes])
        long = not stage.brief and chance.random() < 0.15
        lasting = chance.uniform(60, 180) if long else chance.uniform(4, 20)
        pause = chance.uniform(1, 6)
        if _is_possible(stage, fault, options, box):
            await _suffer(stage, fault, options, box, lasting)
        await asyncio.sleep(pause)


def _is_possible(
    stage: Stage, fault: Fault, options: Mapping[str, Json], box: Wallbox | None
) -> bool:
    now = time.monotonic()
    if _turns_away(options):
        # Once, and with time enough to come back.
        ample = stage.began + stage.seconds - now > 2 * BLOCKED_PAUSE
        return ample and not stage.blocked_until
    if any(active.fault is fault for active in stage.cloud.faults.active):
        return False  # The other's end would end it, too.
    concerned = stage.boxes if box is None else [box]
    return not (fault in OF_SCHEDULE and any(item.loan for item in concerned))


async def _suffer(
    stage: Stage,
    fault: Fault,
    options: Mapping[str, Json],
    box: Wallbox | None,
    seconds: float,
) -> None:
    where = box.name if box else "everywhere"
    said = " ".join(f"{name}={value}" for name, value in options.items())
    stage.note(f"{fault} {fault.name.lower()} {where} for {seconds:.0f} s {said}")
    charger = box.charger if box else None
    if _turns_away(options):
        seconds = min(seconds, 20.0)
        stage.blocked_until = time.monotonic() + seconds + BLOCKED_PAUSE
    stage.cloud.faults.enable_with(fault, options, charger=charger)
    try:
        await asyncio.sleep(seconds)
    finally:
        stage.cloud.faults.disable(fault, charger=charger)


def _turns_away(options: Mapping[str, Json]) -> bool:
    """Whether it answers 403, after which the client keeps quiet for long."""
    return "403" in options.values()


def _options(chance: Random, fault: Fault) -> dict[str, Json]:
    chosen: dict[str, Json] = {}
    for name, option in FAULTS[fault].options.items():
        if option.choices:
            chosen[name] = chance.choice(option.choices)
        elif isinstance(option.default, bool):
            chosen[name] = chance.random() < 0.5
        elif limits := RANGES.get((fault, name)):
            chosen[name] = round(chance.uniform(*limits), 1)
        elif sensible := SENSIBLE.get((fault, name)):
            chosen[name] = chance.choice(sensible)
    return chosen


async def silence(stage: Stage) -> None:
    """Let live data, and nothing else, stay away for longer than may be hidden."""
    chance = stage.chance("silence")
    while True:
        box = chance.choice(stage.boxes)
        options = {"replies": chance.random() < 0.5}
        lasting = 113.0 if stage.brief else chance.uniform(110, 240)
        pause = chance.uniform(120, 360)
        await asyncio.sleep(_silence_begins(stage) if stage.brief else pause / 2)
        await _suffer(stage, Fault.STALL, options, box, lasting)
        await asyncio.sleep(pause / 2)


async def holes(stage: Stage) -> None:
    """Let members of session data be missing for longer than a reading may live."""
    chance = stage.chance("holes")
    while True:
        box = chance.choice(stage.boxes)
        if stage.brief:
            # The other one is silent at that time.
            silent = stage.chance("silence").choice(stage.boxes)
            box = next(item for item in stage.boxes if item is not silent)
        options = _options(chance, Fault.PARTIAL_SESSION)
        lasting = 115.0 if stage.brief else chance.uniform(110, 200)
        pause = chance.uniform(120, 360)
        await asyncio.sleep(_silence_begins(stage) if stage.brief else pause / 2)
        await _suffer(stage, Fault.PARTIAL_SESSION, options, box, lasting)
        await asyncio.sleep(pause / 2)


def _silence_begins(stage: Stage) -> float:
    """In a short run restarts come before or after: one in between begins anew."""
    return 62.0 if _restarts_first(stage) else 6.0


def _restarts_first(stage: Stage) -> bool:
    return stage.chance("order").random() < 0.5


async def restarts(stage: Stage) -> None:
    """Restart Home Assistant, now and then by pulling its plug."""
    chance = stage.chance("restarts")
    kill = chance.random() < 0.5
    first = True
    while True:
        if stage.brief:
            pause = (8.0 if _restarts_first(stage) else 122.0) if first else 12.0
            kill, first = not kill, False
        else:
            pause, kill = chance.uniform(100, 360), chance.random() < 0.4
        down = chance.uniform(0, 2 if stage.brief else 20)
        await asyncio.sleep(pause)
        stage.note(
            "Home Assistant is killed" if kill else "Home Assistant is restarted"
        )
        await stage.home.stop(kill=kill)
        await asyncio.sleep(down)
        await stage.home.start()
        stage.note("Home Assistant is up again")
        if stage.brief and chance.random() < 2 and len(stage.home.runs) > 2:
            return


async def outages(stage: Stage) -> None:
    """Close sockets, break them, and have the whole cloud go away."""
    chance = stage.chance("outages")
    while True:
        await asyncio.sleep(chance.uniform(10, 40 if stage.brief else 120))
        kind = chance.choice(["closed", "broken", "gone"])
        long = not stage.brief and chance.random() < 0.3
        seconds = chance.uniform(30, 150) if long else chance.uniform(1, 12)
        if kind == "gone":
            stage.note(f"the cloud is gone for {seconds:.0f} s")
            await stage.cloud.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                await stage.cloud.resume()
        else:
            stage.note(f"all sockets are {kind}")
            with suppress(TimeoutError):
                await stage.cloud.drop_all(abrupt=kind == "broken")


async def cars(stage: Stage, box: Wallbox) -> None:
    """Have cars come, charge and leave, as their drivers like it."""
    chance = stage.chance(f"cars {box.name}")
    charger = box.charger
    while True:
        idle = chance.uniform(2, 12)
        needs = chance.choice([chance.uniform(15, 120), 50_000.0])
        staying = chance.uniform(15, 60 if stage.brief else 150)
        ends = chance.choice(["unplugged", "full", "stopped in the app", "locked"])
        waits = chance.uniform(0, 12 if stage.brief else 90)
        welcome = chance.random() < 0.8
        await asyncio.sleep(idle)
        if welcome:
            charger.app_apply(is_locked=False)
            charger.app_apply(release=False)
            if box.loan is None and box.own[0]:
                charger.app_set_schedule(enabled=False)
        charger.plug_in(needs_wh=needs)
        await asyncio.sleep(staying)
        match ends:
            case "full":
                charger.car_full()
            case "stopped in the app":
                charger.app_apply(release=True)
            case "locked":
                charger.app_apply(is_locked=True)
        await asyncio.sleep(waits)
        charger.unplug()
