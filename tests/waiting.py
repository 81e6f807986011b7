"""Waiting for what is on its way."""

import asyncio
from collections.abc import Callable


async def eventually(predicate: Callable[[], object], limit: float = 10.0) -> None:
    """Let the loop run until `predicate` holds; TimeoutError if it never does."""
    async with asyncio.timeout(limit):
        # Anything may bring it about, also what no event tells of.
        while not predicate():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
