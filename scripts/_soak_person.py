"""A person's automations: commands at random, and a witness in the cloud for each."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
import time
from typing import Any

import aiohttp

from _demo import ACCOUNT, ACCOUNT_PASSWORD, DOMAIN
from _demo_api import ApiError
from _soak_chaos import OF_SCHEDULE, Stage
from _soak_record import NOTHING, PLUG, Deed, Loan, Wallbox, own_of
from tests.simulator import SimulatedCharger

type Json = Any
type Holds = Callable[[SimulatedCharger], object]

# A command waits half a minute for a connection, and has two attempts and two looks at
# what came of it, of ten seconds each, behind one that was there before it.
COMMAND_LIMIT = 2 * (30.0 + 4 * 10.0) + 10.0
# A plan is also read before it is written.
PLAN_LIMIT = COMMAND_LIMIT + 80.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Something to want of a charger: an action, and how the cloud shows it."""

    action: str
    key: str
    fields: Mapping[str, Json] = field(default_factory=dict)
    holds: Holds = lambda _: True


def _settings(chance: Random) -> Wish:
    """Return a wish for something that has nothing to do with the schedule."""
    on = chance.random() < 0.5
    word = "turn_on" if on else "turn_off"
    amps = chance.randint(6, 32)
    mode = chance.choice(["boost", "eco", "super_eco"])
    percent = chance.choice([20, 40, 60, 80, 100])
    name = f"Charger {chance.randint(1, 999)}"
    return chance.choice(
        [
            Wish(
                action=f"switch.{word}",
                key="switch.charging",
                holds=lambda it: (it.release_state == "default") is on,
            ),
            Wish(
                action=f"switch.{word}",
                key="switch.lock_state",
                holds=lambda it: (it.lock_state != "unlocked") is on,
            ),
            Wish(
                action="number.set_value",
                key="number.max_current",
                fields={"value": amps},
                holds=lambda it: it.max_current == amps * 1000,
            ),
            Wish(
                action="select.select_option",
                key="select.charge_mode",
                fields={"option": mode},
                holds=lambda it: it.mode == mode,
            ),
            Wish(
                action="light.turn_on",
                key="light.led",
                fields={"brightness_pct": percent},
                holds=lambda it: abs(it.brightness - percent / 100) < 0.03,
            ),
            Wish(
                action="text.set_value",
                key="text.charger_name",
                fields={"value": name},
                holds=lambda it: it.name == name,
            ),
        ]
    )


def _activation(chance: Random) -> list[Wish]:
    enabled = chance.random() < 0.3
    option = "schedule" if enabled else "plug_and_charge"
    return [
        Wish(
            action="select.select_option",
            key="select.activation_mode",
            fields={"option": option},
            holds=lambda it: own_of(it)[0] is enabled,
        )
    ]


def _draft(chance: Random) -> list[Wish]:
    """Return the edits of a session, and the press on "Apply"."""
    start = f"{chance.randint(1, 4):02}:{chance.choice(['00', '15', '30'])}"
    end = f"{chance.randint(5, 8):02}:{chance.choice(['00', '15', '30'])}"
    edits = [
        Wish(
            action="time.set_value",
            key=f"time.schedule_session_1_{part}_time",
            fields={"time": f"{clock}:00"},
        )
        for part, clock in (("start", start), ("end", end))
    ]
    applied = Wish(
        action="button.press",
        key="button.apply_schedule",
        holds=lambda it: any(item[:2] == (start, end) for item in own_of(it)[1]),
    )
    return [*edits, applied]


async def person(stage: Stage, box: Wallbox) -> None:
    """Give one command after the other."""
    chance = stage.chance(f"person {box.name}")
    while True:
        pause = chance.uniform(0.3, 4)
        kind = chance.choices(
            ["setting", "activation", "draft", "plan", "restore"], [70, 8, 8, 12, 2]
        )[0]
        setting, activation, draft = (
            _settings(chance),
            _activation(chance),
            _draft(chance),
        )
        windows = chance.randint(1, 2)
        await asyncio.sleep(pause)
        if not stage.home.up:
            continue
        lies = any(
            active.fault in OF_SCHEDULE
            and active.charger_id in (None, box.charger.charger_id)
            for active in stage.cloud.faults.active
        )
        match kind:
            case "setting":
                await give(stage, box, setting)
            case "activation" if not box.loan:
                await give(stage, box, *activation)
            case "draft" if not box.loan:
                box.written |= {edit.fields["time"][:5] for edit in draft[:2]}
                await give(stage, box, *draft)
            case "plan" if not box.loan and not lies:
                await _plan(stage, box, minutes=windows)
            case "restore" if box.loan:
                await _call(stage, box, "restore_schedule", "restore_schedule")


async def give(stage: Stage, box: Wallbox, *wishes: Wish) -> None:
    """Give a command in some steps; the rest is left out when one fails."""
    for wish in wishes:
        entity_id = box.ids[wish.key]
        shown = await _state(stage, entity_id)

        async def act(wish: Wish = wish, entity_id: str = entity_id) -> None:
            await stage.home.api.act(wish.action, entity_id, **wish.fields)

        what = f"{wish.action} {wish.key} {dict(wish.fields)}"
        deed = await _do(stage, box, what, act, wish.holds, limit=COMMAND_LIMIT)
        if deed.error is None and not deed.witnessed:
            after = await _state(stage, entity_id)
            deed.passed_over = "unavailable" in (shown, after)
            if not deed.passed_over:
                stage.note(f"✗ {box.name}: {what} was told as done, and never seen")
        if deed.error is not None or deed.passed_over:
            return


async def _plan(stage: Stage, box: Wallbox, *, minutes: int) -> None:
    """Have a planner borrow the schedule for a minute or two."""
    now = datetime.now(UTC).astimezone(box.charger.zone)
    start = now.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=minutes)
    if (end - now).total_seconds() < 20:
        end += timedelta(minutes=1)
    if start.date() != end.date():
        return
    first, last = f"{start:%H:%M}", f"{end:%H:%M}"
    # What has passed before the plan is written is left out of it.
    minute = timedelta(minutes=1)
    box.written |= {
        f"{start + passed * minute:%H:%M}"
        for passed in range((end - start) // minute + 1)
    }
    box.loan = Loan(own=box.own, until=end.astimezone(UTC))
    box.loans += 1

    stage.note(f"a planner borrows {box.name} until {last}")
    await _call(
        stage,
        box,
        f"set_schedule {first}-{last}",
        "set_schedule",
        holds=lambda it: carries(it, last),
        windows=[{"start": start.isoformat(), "end": end.isoformat()}],
        when_finished="restore",
    )


def carries(charger: SimulatedCharger, last: str) -> bool:
    """Whether a plan whose window has this end is in force."""
    enabled, sessions = own_of(charger)
    return enabled and any(
        start < last and end == last for start, end, _, _ in sessions
    )


async def _call(
    stage: Stage,
    box: Wallbox,
    what: str,
    action: str,
    *,
    holds: Holds = lambda _: True,
    **fields: Json,
) -> None:
    async def act() -> None:
        path = f"services/{DOMAIN}/{action}?return_response"
        path = path if action == "set_schedule" else path.partition("?")[0]
        await stage.home.api.post(path, {"device_id": box.device_id, **fields})

    await _do(stage, box, what, act, holds, limit=PLAN_LIMIT)


async def _do(
    stage: Stage,
    box: Wallbox,
    what: str,
    act: Callable[[], Any],
    holds: Holds,
    *,
    limit: float,
) -> Deed:
    """Do something, with a witness in the cloud from before its beginning."""
    deed = Deed(what=what, begun=time.monotonic() - stage.began, limit=limit)
    witness = asyncio.create_task(
        stage.cloud.wait_for(lambda: holds(box.charger), timeout=2 * PLAN_LIMIT)
    )
    begin = time.monotonic()
    try:
        async with asyncio.timeout(limit):
            await act()
    except TimeoutError:
        deed.hung, deed.error = True, "it did not end"
    except ApiError as error:
        deed.error = str(error)
    except (aiohttp.ClientError, OSError) as error:
        deed.error = f"Home Assistant is gone: {type(error).__name__}"
    finally:
        witness_saw_it = witness.done()
        witness.cancel()
    deed.seconds = time.monotonic() - begin
    deed.witnessed = witness_saw_it
    box.deeds.append(deed)
    return deed


async def _state(stage: Stage, entity_id: str) -> str:
    try:
        state = await stage.home.api.state(entity_id)
    except ApiError, aiohttp.ClientError, OSError:
        return "unavailable"
    return str(state["state"])


async def watch(stage: Stage) -> None:
    """Look at the cloud's end all the time."""
    while True:
        for box in stage.boxes:
            box.watch()
        await asyncio.sleep(0.25)


async def look(stage: Stage) -> None:
    """Look at Home Assistant's end every second, and sign in again when asked to."""
    while True:
        if stage.home.up:
            with suppress(ApiError, aiohttp.ClientError, OSError, TimeoutError):
                await sample(stage)
                await sign_in_again(stage)
        await asyncio.sleep(1)


async def sample(stage: Stage) -> Mapping[str, str]:
    """Take down what Home Assistant shows."""
    await stage.home.keep_logged_in()
    begin, run = time.monotonic(), stage.home.runs[-1]
    async with asyncio.timeout(30):
        found = await stage.home.api.get("states")
    states = {item["entity_id"]: str(item["state"]) for item in found}
    confirmed = {
        item["entity_id"]: item["attributes"].get("confirmed") for item in found
    }
    for box in stage.boxes:
        before = len(box.wrong)
        plug = confirmed.get(box.ids.get(PLUG, ""))
        box.judge(states, begin, run, confirmed=plug)
        for what in box.wrong[before:]:
            stage.note(f"✗ {box.name}: shown {what}")
    return states


async def sign_in_again(stage: Stage) -> None:
    """Enter the password where Home Assistant asks for it anew."""
    if stage.home.runs[-1].ended is not None:
        return
    flows = await stage.home.api.command("config_entries/flow/progress")
    for flow in flows:
        if flow["handler"] == DOMAIN and flow["context"]["source"] == "reauth":
            stage.note("a person signs in again")
            await stage.home.api.continue_flow(
                flow, username=ACCOUNT, password=ACCOUNT_PASSWORD
            )


def is_shown(states: Mapping[str, str], box: Wallbox, key: str) -> bool:
    """Whether an entity has a value."""
    return states.get(box.ids[key], "unavailable") not in NOTHING
