"""Child processes that end, whatever happens, when the demo does."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
import os
from pathlib import Path
import signal

# Home Assistant writes its state down before it ends.
PATIENCE = 30.0
LAST_WORDS = 15


@dataclass(frozen=True, kw_only=True)
class Program:
    """Something to run, and the file for what it says."""

    name: str
    command: list[str]
    folder: Path
    surroundings: Mapping[str, str]
    log: Path


class ProgramEnded(Exception):
    """A program ended that should go on running."""

    def __init__(self, program: Program, code: int) -> None:
        """Tell how it ended, and its last words."""
        said = program.log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
        super().__init__(
            f"{program.name} ended by itself (code {code}); {program.log} says:\n"
            + "\n".join(f"    {line}" for line in said)
        )


@asynccontextmanager
async def running(program: Program) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a program in a process group of its own, and leave none of the group."""
    with program.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            cwd=program.folder,
            env=program.surroundings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C reaches only us: we end the others in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
