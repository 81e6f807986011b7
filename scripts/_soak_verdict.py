"""The three promises, held against the cloud's own record."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
import re
from typing import Any

from _demo import DOMAIN
from _soak_chaos import Stage
from _soak_energy import (
    ROUNDING,
    Surplus,
    Truth,
    grew_impossibly,
    grew_without_count,
    surpluses,
    truths,
)
from _soak_home import Run
from _soak_record import Wallbox

type Json = Any

# A session's energy may be off by its first and its last fraction, and by a share.
SESSION_ROUNDING = 3.0
SHARE = 0.005
# A run that is shorter need not have seen everything.
ENOUGH = 180.0
# What we write into the log is for people: more than this a minute nobody reads.
MOST_LINES_PER_MINUTE = 30
OURS = re.compile(r"^(\S+ \S{5})\S* (\w+) .*\[custom_components\.hypervolt_charger")
RECORD = re.compile(r"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.)")
SPEAKS_OF_US = re.compile(r" (ERROR|CRITICAL) .*hypervolt", re.IGNORECASE)
# Home Assistant writes down each action that fails: the caller's error, not ours.
CALLERS = "[homeassistant.components.api] Error during service call"
# So does it with one that fails when its caller has gone meanwhile.
ABANDONED = "[homeassistant] Error doing job: HomeAssistantError exception in shielded"
# The cloud does claim that (F39).
GONE = "data: The charger is not in this Hypervolt account any more"


@dataclass(frozen=True, kw_only=True)
class Final:
    """What Home Assistant shows of a charger at the very end."""

    total_kwh: float | None
    sessions: list[Mapping[str, Json]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is broken, and figures for a person."""

    broken: list[str]
    figures: list[str]


def judge(stage: Stage, finals: Mapping[Wallbox, Final], late: list[str]) -> Verdict:
    """Hold everything against the record; `late` is what did not recover in time."""
    broken: list[str] = [*late, *stage.home.unclean]
    figures: list[str] = []
    for box in stage.boxes:
        for check in (_live, _commands, _energy, _schedule):
            for sentence in check(stage, box, finals[box]):
                (broken if sentence.startswith("✗") else figures).append(
                    f"{box.name}: {sentence}"
                )
    if stage.seconds >= ENOUGH and not any(box.judged for box in stage.boxes):
        broken.append("✗ no silence lasted long enough to check what was shown")
    for sentence in _log(stage):
        (broken if sentence.startswith("✗") else figures).append(sentence)
    return Verdict(broken=broken, figures=figures)


def _live(_stage: Stage, box: Wallbox, _: Final) -> Iterator[str]:
    yield (
        f"{box.samples} samples, {box.judged} of them after a documented limit, "
        f"{box.confirmed} with a confirmed plug; {box.expired} readings expired"
    )
    for what in box.wrong[:5]:
        yield f"✗ shown {what}"
    if len(box.wrong) > 5:
        yield f"✗ … and {len(box.wrong) - 5} samples more"


def _commands(_stage: Stage, box: Wallbox, _: Final) -> Iterator[str]:
    good = [deed for deed in box.deeds if deed.error is None]
    passed_over = sum(deed.passed_over for deed in good)
    longest = max((deed.seconds for deed in box.deeds), default=0.0)
    yield (
        f"{len(box.deeds)} commands: {len(good) - passed_over} done, "
        f"{len(box.deeds) - len(good)} errors, {passed_over} passed over by Home "
        f"Assistant because the entity was unavailable; longest {longest:.1f} s"
    )
    for deed in box.deeds:
        where = f"{deed.what} at {deed.begun:.1f} s"
        if deed.hung:
            yield f"✗ {where} did not end within {deed.limit:.0f} s"
        elif deed.error is None and not deed.witnessed and not deed.passed_over:
            yield f"✗ {where} was told as done, and the cloud never saw it"
    if not good:
        yield "✗ no command came through in the whole run"


def _energy(stage: Stage, box: Wallbox, final: Final) -> Iterator[str]:
    yield from (f"✗ {what}" for what in box.fell)
    if final.total_kwh is None:
        yield "✗ no total energy is shown at the end"
        return
    runs = stage.home.runs
    all_of_them = truths(box, runs)
    wrong = surpluses(box.charger.wire.live_frames)
    truth, shown = box.charger.delivered_wh, final.total_kwh * 1000
    told = sum(item.told for item in all_of_them)
    surplus = sum(item.watt_hours for item in wrong)
    yield (
        f"energy: delivered {truth:.1f} Wh in {len(all_of_them)} sessions, of which "
        f"{told:.1f} Wh can be known, shown {shown:.1f} Wh; wrong counts may have added "
        f"{surplus:.1f} Wh"
    )
    for item in all_of_them:
        yield (
            f"  {item.started:%H:%M:%S} to {item.ended:%H:%M:%S}: {item.watt_hours:.1f} "
            f"Wh, told {item.told:.1f} Wh"
        )
    for other in final.sessions:
        yield f"  told: {_in_words(other)}"
    if shown > truth + surplus + ROUNDING:
        yield f"✗ {shown - truth - surplus:.1f} Wh too much are counted"
    if shown < told - ROUNDING * len(all_of_them):
        yield f"✗ {told - shown:.1f} Wh are lost"
    yield from _growth(box, runs, wrong)
    yield from _sessions(all_of_them, final.sessions, wrong)


def _growth(
    box: Wallbox, runs: Iterable[Run], wrong: Iterable[Surplus]
) -> Iterator[str]:
    """Follow the total on its way."""
    for total in box.totals:
        surplus = sum(item.watt_hours for item in wrong if item.at <= total.ended)
        if (excess := total.watt_hours - total.delivered - surplus) > ROUNDING:
            yield f"✗ {excess:.1f} Wh too much were shown as {total.watt_hours:.0f} Wh"
            break
    frames = box.charger.wire.live_frames
    for what in (*grew_impossibly(box.totals, frames, runs), *grew_without_count(box)):
        yield f"✗ {what}"


def _sessions(
    truth: list[Truth],
    told: list[Mapping[str, Json]],
    wrong: Iterable[Surplus],
) -> Iterator[str]:
    """Compare the sessions that were seen from their beginning to their end."""
    # One that is followed by another whose beginning nobody saw may be taken for it.
    confusing = {item.number - 1 for item in truth if item.began_unseen}
    seen = [
        item for item in truth if item.seen_throughout and item.number not in confusing
    ]
    yield (
        f"sessions: {len(truth)} in the cloud, {len(seen)} of them seen throughout, "
        f"{len(told)} told"
    )
    for item in seen:
        surplus = sum(it.watt_hours for it in wrong if it.number == item.number)
        if not any(_is(item, other, surplus) for other in told):
            yield (
                f"✗ the session of {item.watt_hours:.1f} Wh from {item.started:%H:%M:%S} "
                f"to {item.ended:%H:%M:%S} is not told; there are "
                + ", ".join(_in_words(other) for other in _near(item, told))
            )
    for other in told:
        if not any(_touches(item, other) for item in truth):
            yield f"✗ a session is told that never was: {_in_words(other)}"


def _is(item: Truth, told: Mapping[str, Json], surplus: float) -> bool:
    slack = max(SHARE * item.watt_hours, SESSION_ROUNDING) + surplus
    # It is told to end when current last flowed, which may be before it was over.
    return (
        abs(_seconds(item.started, told["start"])) < 10
        and _seconds(item.ended, told["end"]) < 10
        and abs(told["energy_kwh"] * 1000 - item.watt_hours) < slack
    )


def _touches(item: Truth, told: Mapping[str, Json]) -> bool:
    return (
        _seconds(item.started, told["end"]) > -10
        and _seconds(item.ended, told["start"]) < 10
    )


def _near(
    item: Truth, told: Iterable[Mapping[str, Json]]
) -> Iterator[Mapping[str, Json]]:
    return (other for other in told if _touches(item, other))


def _seconds(moment: datetime, text: str) -> float:
    """Return by how much the text is later."""
    return (datetime.fromisoformat(text) - moment).total_seconds()


def _in_words(told: Mapping[str, Json]) -> str:
    return f"{told['start']} to {told['end']}: {told['energy_kwh'] * 1000:.0f} Wh"


def _schedule(stage: Stage, box: Wallbox, _: Final) -> Iterator[str]:
    yield f"schedule: borrowed {box.loans} times, back {box.returned} times"
    if box.loan is not None:
        yield (
            f"✗ the person's own schedule is not back: {box.loan.own} became {box.own}"
        )
    for frame in stage.cloud.frames:
        if frame.charger_id != box.charger.charger_id or frame.method != "schedule.set":
            continue
        params = frame.params if isinstance(frame.params, dict) else {}
        sessions: Json = params.get("sessions", ())
        for session in sessions:
            times = {session["start_time"], session["end_time"]}
            if strange := times - box.written:
                yield f"✗ a schedule was written that nobody wanted: {strange}"


def _log(stage: Stage) -> Iterator[str]:
    minutes: dict[str, int] = {}
    count = 0
    for run in stage.home.runs:
        for record in _records(run.log.read_text(errors="replace")):
            line, _, details = record.partition("\n")
            if ours := OURS.match(line):
                count += 1
                minutes[ours[1]] = minutes.get(ours[1], 0) + 1
            if ABANDONED in line or line.endswith(GONE):
                continue
            if "Traceback" in details and DOMAIN in record:
                yield f"✗ a traceback is in {run.log.name}: {record}"
            elif SPEAKS_OF_US.search(line) and CALLERS not in line:
                yield f"✗ {run.log.name}: {line}"
    most = max(minutes.values(), default=0)
    yield f"log: {count} lines of {DOMAIN}, at most {most} in a minute"
    if most > MOST_LINES_PER_MINUTE:
        yield f"✗ {most} lines of {DOMAIN} in a minute of the log"


def _records(log: str) -> list[str]:
    """Return what was logged, each with the lines that belong to it."""
    return RECORD.split(log)
