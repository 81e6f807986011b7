"""Something asynchronous that lives through all cases of a test."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager


@contextmanager
def living[ThingT](
    thing: AbstractAsyncContextManager[ThingT],
) -> Iterator[tuple[ThingT, Callable[[Awaitable[None]], None]]]:
    """Enter it in a loop of its own; yield it, and what runs a case in that loop."""

    async def enter() -> ThingT:
        return await thing.__aenter__()

    async def leave() -> None:
        await thing.__aexit__(None, None, None)

    async def wait_for(case: Awaitable[None]) -> None:
        await case

    with asyncio.Runner() as runner:
        entered = runner.run(enter())
        try:
            yield entered, lambda case: runner.run(wait_for(case))
        finally:
            runner.run(leave())
