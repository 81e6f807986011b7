"""A real Home Assistant that is started, ended and killed again and again."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
import os
from pathlib import Path
import signal
import time

import aiohttp

from _demo import HASS_PASSWORD, HASS_USER, home_assistant, write_configuration
from _demo_api import HomeAssistantApi
from _demo_options import HOST, Options
from _demo_processes import running

# Its tokens live for half an hour.
LOGIN_LIFE = 1200.0


@dataclass(kw_only=True)
class Run:
    """One life of Home Assistant, by the monotonic clock."""

    began: float
    log: Path
    ended: float | None = None
    killed: bool = False

    def covers(self, moment: float) -> bool:
        """Whether it lived then."""
        return self.began <= moment and (self.ended is None or moment < self.ended)


class Home:
    """Home Assistant's process, and a person's hands on it."""

    def __init__(self, options: Options, session: aiohttp.ClientSession) -> None:
        """Prepare; `start` runs it for the first time."""
        self._options = options
        self._session = session
        self._stack = AsyncExitStack()
        self.pid = 0
        self._logged_in = 0.0
        self.api = HomeAssistantApi(session, f"http://{HOST}:{options.port}")
        self.runs: list[Run] = []
        self.unclean: list[str] = []
        self.up = False

    async def start(self) -> None:
        """Start it, and return once it runs and lets a person in."""
        if not self.runs:
            write_configuration(self._options)
        log = self._options.folder / f"console-{len(self.runs) + 1}.log"
        program = replace(home_assistant(self._options), log=log)
        self.runs.append(Run(began=time.monotonic(), log=log))
        process = await self._stack.enter_async_context(running(program))
        self.pid = process.pid
        self._stack.callback(lambda: self._note_end(process.returncode))
        await self.api.wait_until_it_answers()
        if len(self.runs) == 1:
            await self.api.create_first_user(HASS_USER, HASS_PASSWORD)
        await self.log_in()
        await self.api.wait_until_it_runs()
        self.up = True

    async def stop(self, *, kill: bool = False) -> None:
        """End it in order, or without a word."""
        if not self.runs or self.runs[-1].ended is not None:
            return
        self.up = False
        run = self.runs[-1]
        if kill:
            run.killed = True
            run.ended = time.monotonic()
            os.killpg(self.pid, signal.SIGKILL)
        await self._stack.aclose()
        run.ended = run.ended or time.monotonic()

    async def log_in(self) -> None:
        """Log in (anew)."""
        await self.api.log_in(HASS_USER, HASS_PASSWORD)
        self._logged_in = time.monotonic()

    async def keep_logged_in(self) -> None:
        """Log in anew before the token ends."""
        if time.monotonic() - self._logged_in > LOGIN_LIFE:
            await self.log_in()

    @property
    def started(self) -> float:
        """When the life that goes on began."""
        return self.runs[-1].began

    def _note_end(self, code: int | None) -> None:
        if code is not None and not self.runs[-1].killed:
            self.unclean.append(f"Home Assistant ended by itself (code {code})")
