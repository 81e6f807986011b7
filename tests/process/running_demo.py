"""Runs scripts/demo as a person does, with hands on both of its ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import signal
import socket
import sys
import time
from typing import Any
import uuid

import aiohttp

from _demo import HASS_LOG, HASS_PASSWORD, HASS_USER
from _demo_api import HomeAssistantApi
from tests.simulator import Personality

ROOT = Path(__file__).parents[2]
DOMAIN = "hypervolt_charger"
# The first start of all may have to install something.
START_LIMIT = 180.0
STOP_LIMIT = 45.0
READY = "Stop with Ctrl-C."
DEMO = (sys.executable, "scripts/demo")

# What Home Assistant's log may say of the integration: it does not talk to the real
# cloud, and nobody at Home Assistant has looked at it.
EXPECTED = ("HYPERVOLT_CLOUD_URL is set", "has not been tested by Home Assistant")
COMPLAINT = re.compile(r"^\S+ \S+ (WARNING|ERROR|CRITICAL) ")
# From one time to the next: a traceback belongs to the line before.
RECORD = re.compile(r"^\d{4}-\d\d-\d\d .*(?:\n(?!\d{4}-\d\d-\d\d ).*)*", re.MULTILINE)
# Its code, its log and its entities; the folder of a traceback is none of them.
NAMED = re.compile(rf"{DOMAIN}|\.hypervolt_")

type Json = Any


class Simulator:
    """The control API of the simulated cloud."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/simulator"

    async def charger(self, charger_id: str) -> dict[str, Json]:
        """Return all that the cloud knows of a charger."""
        async with self._session.get(f"{self._url}/state") as answer:
            state = await answer.json()
        (charger,) = (
            item for item in state["chargers"] if item["charger_id"] == charger_id
        )
        return dict(charger)

    async def act(self, charger_id: str, action: str, **fields: Json) -> None:
        """Do something to a charger or its car."""
        await self.post(f"chargers/{charger_id}/{action}", **fields)

    async def post(self, path: str, **fields: Json) -> None:
        """Do something to anything else in the cloud."""
        async with self._session.post(f"{self._url}/{path}", json=fields) as answer:
            assert answer.status == 200, await answer.text()


@dataclass(kw_only=True)
class Demo:
    """A running scripts/demo."""

    process: asyncio.subprocess.Process
    folder: Path
    mark: str
    port: int
    cloud_port: int
    session: aiohttp.ClientSession
    said: Path
    log_files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take both ends in hand."""
        self.api = HomeAssistantApi(self.session, f"http://127.0.0.1:{self.port}")
        self.cloud = Simulator(self.session, f"http://127.0.0.1:{self.cloud_port}")

    async def wait_until_ready(self) -> None:
        """Return once it says so, logged in; fails if it ends before."""
        async with asyncio.timeout(START_LIMIT):
            while READY not in (text := self.said.read_text()):
                assert self.process.returncode is None, text
                await asyncio.sleep(0.1)
        await self.api.log_in(HASS_USER, HASS_PASSWORD)

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_LIMIT):
            return await self.process.wait()

    @property
    def survivors(self) -> list[str]:
        """The processes it started that still run."""
        return [
            Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            for pid in processes_marked(self.mark)
        ]

    @property
    def complaints(self) -> list[str]:
        """What is wrong with the integration, in the words of Home Assistant's log."""
        log = (self.folder / HASS_LOG).read_text(errors="replace")
        return [
            record
            for record in RECORD.findall(log)
            if COMPLAINT.search(record)
            and NAMED.search(record)
            and not any(text in record for text in EXPECTED)
        ]


@asynccontextmanager
async def running_demo(
    folder: Path, *options: str, program: Sequence[str] = DEMO
) -> AsyncGenerator[Demo]:
    """Run scripts/demo on free ports, with a configuration of its own."""
    port, cloud_port = free_ports(2)
    mark = uuid.uuid4().hex
    said = folder / "said.txt"
    async with AsyncExitStack() as stack:
        process = await asyncio.create_subprocess_exec(
            *program,
            f"--port={port}",
            f"--cloud-port={cloud_port}",
            f"--folder={folder / 'config'}",
            *options,
            cwd=ROOT,
            # Every process that comes of it inherits the mark.
            env={**os.environ, "DEMO_MARK": mark},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stack.enter_context(said.open("wb")),
            stderr=asyncio.subprocess.STDOUT,
        )
        stack.push_async_callback(_end, process, mark)
        demo = Demo(
            process=process,
            folder=folder / "config",
            mark=mark,
            port=port,
            cloud_port=cloud_port,
            session=await stack.enter_async_context(aiohttp.ClientSession()),
            said=said,
        )
        await demo.wait_until_ready()
        yield demo


async def _end(process: asyncio.subprocess.Process, mark: str) -> None:
    """Leave nothing behind, also of a test that failed."""
    for pid in processes_marked(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await process.wait()


def processes_marked(mark: str) -> list[int]:
    """Return the processes with this mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            # Others' processes are hidden, and some end while we look.
            with suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def free_ports(count: int) -> list[int]:
    """Return ports that nothing uses now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def seconds_until(what: str, holds: Callable[[], Json], limit: float) -> float:
    """Return after how long `await holds()` is true; fails if that takes too long."""
    begin = time.monotonic()
    while not await holds():
        assert time.monotonic() - begin < limit, f"{what}: not within {limit} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - begin


@dataclass
class Stopwatch:
    """Writes down how long things took."""

    personality: Personality

    def note(self, what: str, seconds: float) -> None:
        """Print a measured time; pytest shows it with -rP."""
        print(f"{self.personality:12} {what:50} {seconds * 1000:7.0f} ms")  # noqa: T201
