"""Commands with a definite end: confirmed by the charger, or a typed error.

Which of the two the cloud sends after a change is not certain, an answer or a push
(protocol.md 5.5, F10): either one that shows the new value confirms the command.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import logging
from typing import Any, Final

from .connection import Connection, LinkLost
from .device_state import HypervoltDeviceState
from .errors import (
    Cause,
    ChangedMeanwhile,
    CommandError,
    CommandRejected,
    CommandTimeout,
    NotConnected,
)
from .limits import limited, time_limit, turn_of
from .protocol import Failure, JsonValue, Method, Reply
from .timing import Timing

_LOGGER = logging.getLogger(__name__)

_CONFLICT: Final = 409
_ATTEMPTS: Final = 2
# More than a person and all automations together ask for within a few seconds.
_MOST_WAITING: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request, with what shows that it took effect."""

    intent: str
    method: Method
    params: Mapping[str, JsonValue]
    # Asks the charger for what the command changes.
    read_back: Method
    confirmed: Callable[[HypervoltDeviceState], bool]
    # Shows that somebody else has changed the same since: theirs is not overwritten.
    superseded: Callable[[HypervoltDeviceState], bool] = lambda _: False
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
        # The last request before the expected command was sent.
        self._before = 0
        # By method: the last request whose answer is older than a confirmed command,
        # and what reads that command back.
        self._confirmed: dict[str, tuple[int, Method]] = {}
        # Order is kept: the last of two quick requests is sent last.
        self._lock = asyncio.Lock()
        self._waiting = 0

    def question_for_outdated(self, method: str, request: int | None) -> Method | None:
        """Return what to ask if the answer to a request is outdated, otherwise None.

        It is older than what a command has confirmed since.
        """
        if request is None or method not in self._confirmed:
            return None
        last, read_back = self._confirmed[method]
        return read_back if request <= last else None

    def reported(self, method: str, request: int | None) -> None:
        """Note that the charger has just reported something.

        `request` is the number of the request it answers, None for a push. Reports of
        other things confirm nothing, and neither do answers to what was asked before:
        the state may be an old one.
        """
        if self._expected is None or (request is not None and request <= self._before):
            return
        command, shown = self._expected
        if method not in (command.method, command.read_back):
            return
        if not shown.done() and command.confirmed(self._state()):
            shown.set_result(None)

    async def send(self, command: Command) -> None:
        """Bring a command to its end within `Timing.command_limit` of this call.

        Raises NotConnected, CommandRejected, CommandTimeout, or InvalidAuth when the
        password turned out wrong.
        """
        async with self.turn(command.intent):
            await self._send(command)
            last, read_back = self._connection.last_request, command.read_back
            # The command's own answer may follow the push that confirmed it.
            self._confirmed[command.method] = self._before, read_back
            self._confirmed[read_back] = last, read_back

    @asynccontextmanager
    async def turn(self, intent: str) -> AsyncIterator[None]:
        """Wait for the commands before this one, and start its time limit.

        Commands that are not sent on the socket queue here, too. Raises CommandRejected
        if too many are waiting, and CommandTimeout if the time is over.
        """
        if self._waiting >= _MOST_WAITING:
            raise CommandRejected(intent, Cause.TOO_MANY_COMMANDS)
        self._waiting += 1
        try:
            with time_limit(self._timing.command_limit):
                async with turn_of(self._lock, intent):
                    yield
        finally:
            self._waiting -= 1

    async def _send(self, command: Command) -> None:
        doubt: CommandError | None = None
        attempts = 0
        while True:
            await self._wait_connected(command.intent, doubt)
            # One that is not confirmed may have taken effect all the same.
            if (command.look_first or doubt is not None) and await self._shown(command):
                return
            if doubt is not None and command.superseded(self._state()):
                raise ChangedMeanwhile(command.intent, Cause.CONFLICT)
            if doubt is not None and attempts >= _ATTEMPTS:
                raise doubt
            attempts += 1
            try:
                answer = await self._ask(command)
            except LinkLost:
                doubt = NotConnected(command.intent, Cause.CONNECTION_LOST)
                attempts -= 1
                await asyncio.sleep(self._timing.command_retry_pause)
                continue
            except TimeoutError:
                doubt = CommandTimeout(command.intent, Cause.NOT_CONFIRMED)
                continue
            if answer is None:
                return
            if isinstance(answer, Failure):
                _LOGGER.debug("%s was refused: %s", command.intent, answer.message)
                if answer.code != _CONFLICT:
                    raise CommandRejected(command.intent, Cause.REFUSED)
                doubt = CommandRejected(command.intent, Cause.CONFLICT)
                continue
            doubt = CommandRejected(command.intent, Cause.KEPT_OLD_VALUE)
            attempts = _ATTEMPTS

    async def connected(self, intent: str) -> None:
        """Wait for a connection, but not for ever; raises NotConnected."""
        with time_limit(self._timing.command_limit):
            await self._wait_connected(intent, None)

    async def _wait_connected(self, intent: str, doubt: CommandError | None) -> None:
        """Let a command given during a reconnect wait for it, but not for ever."""
        try:
            async with limited():
                await self._connection.wait_active()
                # An active connection does not wait: a limit that has passed must end
                # this here, or a socket that drops each command would go on for ever.
                await asyncio.sleep(0)
        except (TimeoutError, LinkLost):
            raise doubt or NotConnected(intent, Cause.NOT_CONNECTED) from None

    async def _ask(self, command: Command) -> Reply | Failure | None:
        """Send once; return None when the charger shows the change, else its answer.

        Raises TimeoutError and LinkLost.
        """
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._before = self._connection.last_request
        self._expected = (command, shown)
        request = asyncio.create_task(
            self._connection.request(command.method, command.params)
        )
        try:
            async with limited(self._timing.command_timeout):
                waiting: tuple[asyncio.Future[Any], ...] = (request, shown)
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return None if shown.done() else request.result()
        finally:
            self._expected = None
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)

    async def _shown(self, command: Command) -> bool:
        """Read back, and return whether the charger shows what was requested.

        Without an answer it does not, whatever the state was before.
        """
        try:
            async with limited(self._timing.command_timeout):
                await self._connection.request(command.read_back)
        except TimeoutError:
            # Neither the command nor the question: this socket only looks alive.
            self._connection.restart()
            return False
        except LinkLost:
            return False
        return command.confirmed(self._state())
