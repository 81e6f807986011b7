"""The time that a request has in all, however many steps and commands it takes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
import math
import time
from typing import Any

from .errors import Cause, CommandTimeout


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """When what a task was asked for must have ended, by the monotonic clock."""

    task: asyncio.Task[Any] | None
    until: float


_limit: ContextVar[_Limit | None] = ContextVar("hypervolt_command_limit", default=None)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit commands to a time in all, unless their caller has done so already.

    Tasks and timers that are started meanwhile have limits of their own.
    """
    task, outer = asyncio.current_task(), _limit.get()
    if outer is not None and outer.task is task:
        yield
        return
    token = _limit.set(_Limit(task=task, until=time.monotonic() + seconds))
    try:
        yield
    finally:
        _limit.reset(token)


def limited(seconds: float = math.inf) -> asyncio.Timeout:
    """Limit a wait to some seconds, and to what the time limit of commands leaves."""
    limit = _limit.get()
    if limit is not None and limit.task is asyncio.current_task():
        seconds = min(seconds, limit.until - time.monotonic())
    return asyncio.timeout(None if math.isinf(seconds) else seconds)


@asynccontextmanager
async def turn_of(lock: asyncio.Lock, intent: str) -> AsyncIterator[None]:
    """Hold a lock; raises CommandTimeout if it is not free within the time limit."""
    try:
        async with limited():
            await lock.acquire()
    except TimeoutError:
        raise CommandTimeout(intent, Cause.BUSY) from None
    try:
        yield
    finally:
        lock.release()
