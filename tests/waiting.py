"""Waiting for what is on its way."""

import asyncio
from collections.abc import Callable


async def eventually(predicate: Callable[[], object], timeout: float = 5.0) -> None:
    """Let the loop run until `predicate` holds; TimeoutError if it never does."""
    async with asyncio.timeout(timeout):
        while not predicate():
            await asyncio.sleep(0.005)
