"""Commands with a definite end: confirmed by the charger, or a typed error.

Which of the two the cloud sends after a change is not certain, an answer or a push
(protocol.md 5.5, F10): either one that shows the new value confirms the command.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import time
from typing import Any, Final

from .connection import Connection, LinkLost
from .device_state import HypervoltDeviceState
from .errors import CommandError, CommandRejected, CommandTimeout, NotConnected
from .protocol import Failure, JsonValue, Method, Reply
from .timing import Timing

_CONFLICT: Final = 409
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One wish, with what shows that it was granted."""

    intent: str
    method: Method
    params: Mapping[str, JsonValue]
    # Asks the charger for what the command changes.
    read_back: Method
    confirmed: Callable[[HypervoltDeviceState], bool]
    # Whether it does harm where it changes nothing: then the charger is asked first.
    look_first: bool = False


class Commander:
    """Carries commands to the charger, one after the other."""

    def __init__(
        self,
        connection: Connection,
        timing: Timing,
        state: Callable[[], HypervoltDeviceState],
    ) -> None:
        """Send over `connection`; `state` returns what the charger last told."""
        self._connection = connection
        self._timing = timing
        self._state = state
        self._expected: tuple[Command, asyncio.Future[None]] | None = None
        # Order is kept: the last of two quick wishes is sent last. Commands that go
        # another way than the socket queue here, too.
        self.turn = asyncio.Lock()

    def told(self, method: str) -> None:
        """Note that the charger has just told something.

        What tells of other things confirms nothing: that it is as wished may be what we
        believed before, and be long over.
        """
        if self._expected is None:
            return
        command, shown = self._expected
        if method not in (command.method, command.read_back):
            return
        if not shown.done() and command.confirmed(self._state()):
            shown.set_result(None)

    async def send(self, command: Command) -> None:
        """Bring a command to its end.

        Raises NotConnected, CommandRejected (with the charger's reason),
        CommandTimeout, or InvalidAuth when the password turned out wrong.
        """
        async with self.turn:
            await self._send(command)

    async def _send(self, command: Command) -> None:
        patience = time.monotonic() + self._timing.command_connection_wait
        doubt: CommandError | None = None
        attempts = 0
        while True:
            await self._wait_connected(command.intent, patience, doubt)
            # One that is in doubt may have been heard all the same: look, too.
            if (command.look_first or doubt is not None) and await self._shown(command):
                return
            if doubt is not None and attempts >= _ATTEMPTS:
                raise doubt
            attempts += 1
            try:
                answer = await self._ask(command)
            except LinkLost:
                doubt = NotConnected(command.intent, "the connection was lost")
                attempts -= 1
                await asyncio.sleep(self._timing.command_retry_pause)
                continue
            except TimeoutError:
                doubt = CommandTimeout(
                    command.intent, "the charger did not confirm it in time"
                )
                continue
            if answer is None:
                return
            if isinstance(answer, Failure):
                doubt = CommandRejected(command.intent, answer.message)
                if answer.code != _CONFLICT:
                    raise doubt
                continue
            doubt = CommandRejected(command.intent, "the charger kept its old value")
            attempts = _ATTEMPTS

    async def connected(self, intent: str) -> None:
        """Wait for a connection, but not for ever; raises NotConnected."""
        limit = time.monotonic() + self._timing.command_connection_wait
        await self._wait_connected(intent, limit, None)

    async def _wait_connected(
        self, intent: str, patience: float, doubt: CommandError | None
    ) -> None:
        """Let a command given during a reconnect wait for it, but not for ever."""
        remaining = patience - time.monotonic()
        try:
            async with asyncio.timeout(remaining):
                await self._connection.wait_active()
                # An active connection does not wait: a bound that has passed must
                # tell here, or a socket that drops each command would go on for ever.
                await asyncio.sleep(0)
        except (TimeoutError, LinkLost):
            raise doubt or NotConnected(
                intent, "there is no connection to the Hypervolt cloud"
            ) from None

    async def _ask(self, command: Command) -> Reply | Failure | None:
        """Send once; return None when the charger shows the change, else its answer.

        Raises TimeoutError and LinkLost.
        """
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expected = (command, shown)
        request = asyncio.create_task(
            self._connection.request(command.method, command.params)
        )
        try:
            async with asyncio.timeout(self._timing.command_timeout):
                waiting: tuple[asyncio.Future[Any], ...] = (request, shown)
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return None if shown.done() else request.result()
        finally:
            self._expected = None
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)

    async def _shown(self, command: Command) -> bool:
        """Read back, and tell whether the charger shows what was wished for.

        Without an answer it does not, whatever we believed before.
        """
        try:
            async with asyncio.timeout(self._timing.command_timeout):
                await self._connection.request(command.read_back)
        except TimeoutError:
            # Neither the command nor the question: this socket only looks alive.
            self._connection.restart()
            return False
        except LinkLost:
            return False
        return command.confirmed(self._state())
