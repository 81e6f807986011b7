"""LED writes at a pace the charger bears: the first at once, the rest merged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import time

from .errors import Cause, CommandTimeout, NotConnected
from .limits import limited
from .protocol import JsonValue


class LedWriter:
    """Sends LED settings at most once per interval (protocol.md 9).

    What is asked for meanwhile is merged, later values over earlier ones, and every
    caller learns how the write that carried its request ended.
    """

    def __init__(
        self,
        write: Callable[[Mapping[str, JsonValue]], Awaitable[None]],
        interval: float,
    ) -> None:
        """Pass merged settings to `write`, `interval` seconds apart or more."""
        self._write = write
        self._interval = interval
        self._last = time.monotonic() - interval
        self._wanted: dict[str, JsonValue] = {}
        # The batch that still takes requests, and all that are on their way.
        self._batch: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def set(self, settings: Mapping[str, JsonValue]) -> None:
        """Have settings written; raises what `write` raises.

        Raises NotConnected when the writer is stopped first.
        """
        if "effect_name" in settings:
            self._wanted.pop("leds", None)  # the picture of an effect not wanted now
        self._wanted.update(settings)
        if self._batch is None:
            self._batch = asyncio.create_task(self._write_batch(), name="hypervolt led")
            self._tasks.add(self._batch)
            self._batch.add_done_callback(self._ended)
        batch = self._batch
        # The batch belongs to all callers: one that gives up must not cancel it.
        try:
            async with limited():
                await asyncio.wait([batch])
        except TimeoutError:
            raise CommandTimeout("set_leds", Cause.NOT_CONFIRMED) from None
        if batch.cancelled():
            raise NotConnected("set_leds", Cause.CONNECTION_LOST)
        batch.result()

    def _ended(self, batch: asyncio.Task[None]) -> None:
        self._tasks.discard(batch)
        if not batch.cancelled():
            # All callers may have given up: then nothing else retrieves it.
            batch.exception()

    async def stop(self) -> None:
        """Drop what has not been written yet."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write_batch(self) -> None:
        try:
            await asyncio.sleep(self._last + self._interval - time.monotonic())
        finally:
            settings, self._wanted = self._wanted, {}
            self._batch = None
            self._last = time.monotonic()
        await self._write(settings)
