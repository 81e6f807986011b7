"""Runs the integration for a while among all that can go wrong, and judges it.

The simulated cloud runs in this very process: its record is the truth. Home Assistant
is a process of its own, and both talk over sockets on this computer alone.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import SystemRandom
import shutil
import signal
import socket
import sys
import tempfile
import time

import aiohttp

from _demo import ACCOUNT, ACCOUNT_PASSWORD, DOMAIN, add_charger
from _demo_api import ApiError
from _demo_dashboard import key_of
from _demo_options import HOST, parse
from _environment import say
from _soak_chaos import Stage, cars, faults, holes, outages, restarts, silence
from _soak_home import Home
from _soak_person import is_shown, look, person, sample, watch
from _soak_record import TOTAL, Wallbox
from _soak_verdict import Final, Verdict, judge
from tests.simulator import (
    ChargeMode,
    Personality,
    Session,
    SimulatedCharger,
    SimulatedCloud,
)

# The longest wait between two attempts to connect, and what follows it.
RECOVERY = 300.0 + 60.0
# A car that stays away counts after half a minute, a session that ended for no reason
# after a minute, and the books are written within ten seconds.
SOON = 35.0 + 15.0
SETTLED = SOON + 60.0
PROOF = 15.0
REGISTRIES_SAVED = 12.0


def main() -> int:
    """Run, tell the verdict, return the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Run a real Home Assistant with this integration against the "
        "simulated cloud, among faults, restarts and outages at random, and check that "
        "nothing is shown as live that is not, and no command, energy or schedule lost. "
        "What happens follows from the seed; how long things take does not.",
    )
    parser.add_argument("minutes", type=float, help="how long the trouble lasts")
    parser.add_argument("--seed", type=int, help="of a run to repeat; default: any")
    parser.add_argument("--folder", type=Path, help="kept; default: one that is not")
    parser.add_argument(
        "--legacy",
        action="store_true",
        help="with a V2 of the old firmware in place of an upgraded one",
    )
    options = parser.parse_args()
    seed = SystemRandom().randrange(10**8) if options.seed is None else options.seed
    legacy = " --legacy" if options.legacy else ""
    say(f"seed {seed}: scripts/soak {options.minutes:g} --seed {seed}{legacy}")
    v2 = Personality.LEGACY_V2 if options.legacy else Personality.UPGRADED_V2
    folder = options.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        verdict = asyncio.run(
            _run(seed, options.minutes * 60, folder.resolve(), (Personality.V3, v2))
        )
    except asyncio.CancelledError, KeyboardInterrupt:
        say(f"stopped without a verdict; the logs are in {folder}")
        return 1
    print("", *verdict.figures, *verdict.broken, "", sep="\n")
    word = "BROKEN" if verdict.broken else "kept"
    say(f"seed {seed}, {options.minutes:g} minutes: the promises are {word}")
    if options.folder is None and not verdict.broken:
        shutil.rmtree(folder)
    else:
        say(f"the logs are in {folder}")
    return 1 if verdict.broken else 0


async def _run(
    seed: int, seconds: float, folder: Path, kinds: tuple[Personality, ...]
) -> Verdict:
    # Whatever ends us, Home Assistant does not outlive us.
    if (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    port = _free_port()
    async with SimulatedCloud() as cloud, aiohttp.ClientSession() as session:
        account = cloud.add_account(ACCOUNT, ACCOUNT_PASSWORD)
        chargers = [account.add_charger(kind) for kind in kinds]
        for charger in chargers:
            charger.app_set_schedule(
                sessions=[Session(start_time="02:00", end_time="05:00")],
                intervals=[("02:00", "05:00")],
            )
        arguments = [
            f"--port={port}",
            f"--cloud-port={cloud.port}",
            f"--folder={folder}",
        ]
        home = Home(parse(arguments), session)
        try:
            await home.start()
            boxes = await _add(home, chargers)
            # It writes its registries down only then; no power cut before.
            await asyncio.sleep(REGISTRIES_SAVED)
            stage = Stage(
                seed=seed, cloud=cloud, home=home, boxes=boxes, seconds=seconds
            )
            return await _suffer_and_recover(stage)
        finally:
            await home.stop()


async def _add(home: Home, chargers: list[SimulatedCharger]) -> list[Wallbox]:
    """Add the chargers as a person does, and learn their entities."""
    while await add_charger(home.api):
        pass
    await home.api.wait_until_loaded(DOMAIN)
    found: dict[str, Wallbox] = {}
    async with asyncio.timeout(60):
        while len(found) < len(chargers):
            for entry in await home.api.entries(DOMAIN):
                entities = await home.api.entities(entry["entry_id"])
                ids = {key_of(item): item["entity_id"] for item in entities}
                if not entities:
                    continue
                charger_id = entities[0]["unique_id"].partition("_")[0]
                (charger,) = (it for it in chargers if it.charger_id == charger_id)
                box = Wallbox(
                    charger=charger,
                    device_id=entities[0]["device_id"],
                    ids=ids,
                    # Also what a lying cloud tells of schedules (F16, F22, F23).
                    written={"00:00", "01:00", "02:00", "05:00", "22:00", "24:00"},
                )
                if ids.keys() >= box.needed:
                    found[charger_id] = box
            await asyncio.sleep(0.2)
    return [found[charger.charger_id] for charger in chargers]


async def _suffer_and_recover(stage: Stage) -> Verdict:
    stage.began = time.monotonic()
    async with _working(watch(stage), look(stage)):
        trouble = [
            faults(stage, 1),
            faults(stage, 2),
            silence(stage),
            holes(stage),
            restarts(stage),
            outages(stage),
            *(cars(stage, box) for box in stage.boxes),
            *(person(stage, box) for box in stage.boxes),
        ]
        async with _working(*trouble):
            await asyncio.sleep(stage.seconds)
        stage.note("the trouble is over")
        late = [reason async for reason in _recover(stage)]
        # Some of it is only known after a while; what is right at once is right.
        await asyncio.sleep(SOON)
        if (verdict := await _judge(stage, late)).broken:
            await asyncio.sleep(SETTLED - SOON)
            verdict = await _judge(stage, late)
    return verdict


async def _judge(stage: Stage, late: list[str]) -> Verdict:
    return judge(stage, {box: await _final(stage, box) for box in stage.boxes}, late)


@asynccontextmanager
async def _working(*works: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    """Do some work meanwhile; a mistake in it comes out at the end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _recover(stage: Stage) -> AsyncGenerator[str]:
    """Put everything right and wait; yields what does not come right."""
    stage.cloud.faults.clear()
    await stage.cloud.resume()
    if not stage.home.up:
        await stage.home.stop()
        await stage.home.start()
    for box in stage.boxes:
        box.charger.unplug()
    limit = max(RECOVERY, stage.blocked_until - time.monotonic() + RECOVERY)
    if not await _within(limit, lambda: _all_live(stage)):
        yield "✗ not everything is live again"
    stage.note("everything is live again")
    if not await _within(limit, lambda: _all_returned(stage)):
        yield "✗ not every schedule is back"
    stage.note("every schedule is back")
    for box in stage.boxes:
        box.charger.app_apply(is_locked=False)
        box.charger.app_apply(release=False)
        box.charger.app_set_schedule(enabled=False)
        box.charger.set_mode(ChargeMode.BOOST)
        box.charger.plug_in()
    await asyncio.sleep(PROOF)
    for box in stage.boxes:
        if not box.charger.charging:
            yield f"✗ {box.name}: a car does not charge in the end"
        box.charger.unplug()


async def _within(limit: float, holds: Callable[[], Awaitable[bool]]) -> bool:
    end = time.monotonic() + limit
    while not await holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.5)
    return True


async def _all_live(stage: Stage) -> bool:
    with suppress(ApiError, aiohttp.ClientError, OSError, TimeoutError):
        states = await sample(stage)
        return all(
            is_shown(
                states,
                box,
                "switch.charging" if box.is_legacy else "sensor.house_power",
            )
            for box in stage.boxes
        )
    return False


async def _all_returned(stage: Stage) -> bool:
    return not any(box.loan for box in stage.boxes)


async def _final(stage: Stage, box: Wallbox) -> Final:
    states = await sample(stage)
    answer = await stage.home.api.post(
        f"services/{DOMAIN}/get_sessions?return_response", {"device_id": box.device_id}
    )
    told = answer["service_response"]["devices"][box.device_id]["sessions"]
    total = states.get(box.ids[TOTAL], "unknown")
    known = total not in ("unknown", "unavailable")
    return Final(total_kwh=float(total) if known else None, sessions=told)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main())
