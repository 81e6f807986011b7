"""The simulated Hypervolt cloud: one server for all that production splits."""

import asyncio
from collections.abc import Callable
import contextlib
import ipaddress
from typing import Final, Self

from aiohttp import web

from .backend import Account, Backend
from .charger import SimulatedCharger
from .clock import Clock, ManualClock, RealClock
from .control import ControlApi
from .fault_actions import FaultActions
from .faults import FaultBoard
from .gate import Gate
from .journal import Changes, Journal, RecordedFrame, RecordedRequest
from .options import CloudOptions
from .rest import RestApi
from .socket_endpoints import SocketEndpoints
from .token_endpoint import TOKEN_PATH, TokenEndpoint
from .tokens import TokenStore

_PHYSICS_INTERVAL: Final = 0.5
"""Seconds between two looks at the physics, so that a schedule starts in time."""
_SHUTDOWN_TIMEOUT: Final = 0.5


class SimulatedCloud:
    """Token endpoint, REST, WebSockets and the control API on one address.

    `clock` is the chargers' time. Token ages and push intervals are real seconds;
    `push_interval=None` turns the regular pushes and the background physics off.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        token_life: float = 3600,
        push_interval: float | None = 3.0,
        rotate_refresh_tokens: bool = False,
        options: CloudOptions | None = None,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the simulator serves loopback addresses only")
        self.host = host
        self.port = port
        self.push_interval = push_interval
        self.options = options or CloudOptions()
        self.clock = clock or RealClock()
        self.tokens = TokenStore(
            token_life, rotate_refresh_tokens=rotate_refresh_tokens
        )
        self._changes = Changes()
        self._journal = Journal(self._changes)
        self.faults = FaultBoard(self._changes)
        self._backend = Backend(
            self.clock,
            self.tokens,
            self._changes,
            self._journal,
            self.faults,
            self.options,
        )
        self._fault_actions = FaultActions(self._backend)
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    # Life

    async def start(self) -> None:
        """Listen and let time pass; OSError if the port is in use."""
        await self.resume()
        if isinstance(self.clock, ManualClock):
            self._unsubscribe = self.clock.subscribe(self._catch_up)
        if self.push_interval is not None:
            self._ticker = asyncio.create_task(self._tick(self.push_interval))

    async def stop(self) -> None:
        """End everything; nothing is left running."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        await self._fault_actions.stop()
        self._backend.timers.cancel()
        await self.pause()
        if self._ticker is not None:
            ticker, self._ticker = self._ticker, None
            ticker.cancel()
            # An error of the physics must not go unnoticed.
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def pause(self) -> None:
        """Die without a word: all connections break, nobody listens."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in tuple(runner.sites):
            await site.stop()
        self._backend.shutdown.set()
        for _, client in self._backend.clients():
            client.abort()
        await runner.cleanup()
        self._changes.notify()

    async def resume(self) -> None:
        """Listen (again), on the same port."""
        if self._runner is not None:
            return
        self._backend.shutdown = asyncio.Event()
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=_SHUTDOWN_TIMEOUT,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]
        self._changes.notify()

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._runner is not None

    @property
    def url(self) -> str:
        """The base URL of everything."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    # Accounts

    def add_account(self, username: str, password: str) -> Account:
        """Create a customer."""
        if username in self._backend.accounts:
            raise ValueError(f"account {username} exists")
        account = Account(username, password, self._backend)
        self._backend.accounts[username] = account
        return account

    @property
    def accounts(self) -> list[Account]:
        """All customers."""
        return list(self._backend.accounts.values())

    @property
    def chargers(self) -> list[SimulatedCharger]:
        """All chargers."""
        return [line.charger for line in self._backend.lines.values()]

    def charger(self, charger_id: str) -> SimulatedCharger:
        """Return a charger; KeyError if there is none."""
        return self._backend.lines[charger_id].charger

    @property
    def token_life(self) -> float:
        """Seconds a new access token is valid."""
        return self.tokens.life

    @token_life.setter
    def token_life(self, seconds: float) -> None:
        self.tokens.life = seconds

    # What it saw

    @property
    def requests(self) -> list[RecordedRequest]:
        """All HTTP requests but those of the control API; may be cleared."""
        return self._journal.requests

    @property
    def frames(self) -> list[RecordedFrame]:
        """All frames of clients; may be cleared."""
        return self._journal.frames

    def request_count(
        self,
        path: str = "",
        *,
        method: str | None = None,
        status: int | None = None,
        grant_type: str | None = None,
    ) -> int:
        """Count the requests whose path contains `path`, and so on."""
        return sum(
            path in request.path
            and method in (None, request.method)
            and status in (None, request.status)
            and grant_type in (None, request.form.get("grant_type"))
            for request in self.requests
        )

    @property
    def open_sockets(self) -> int:
        """Number of open WebSockets."""
        return sum(1 for _ in self._backend.clients())

    async def wait_for(
        self,
        predicate: Callable[[], object],
        timeout: float = 5.0,  # noqa: ASYNC109 - a test reads better this way
    ) -> None:
        """Return once `predicate()` holds; it is asked after every change.

        Raise TimeoutError after `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while not predicate():
                    await self._changes.next()
        except TimeoutError:
            if not predicate():
                raise TimeoutError(f"not true within {timeout} s") from None

    # What it does

    async def drop_all(
        self, code: int = 1000, reason: str = "Bye", *, abrupt: bool = False
    ) -> None:
        """Close all sockets, or break them without a close frame."""
        dropped = list(self._backend.clients())
        for _, client in dropped:
            if abrupt:
                client.abort()
            else:
                client.close(code, reason)
        await self.wait_for(
            lambda: not any(client in line.wire.clients for line, client in dropped)
        )

    def _catch_up(self) -> None:
        for charger in self.chargers:
            charger.catch_up()

    def push_sessions(self) -> None:
        """Bring the physics up to date and push a session frame, as a tick does."""
        self._catch_up()
        for line in tuple(self._backend.lines.values()):
            line.wire.tick()

    async def _tick(self, push_interval: float) -> None:
        """Regular pushes (protocol.md 5.8) and physics in between."""
        loop = asyncio.get_running_loop()
        due = loop.time() + push_interval
        while True:
            await asyncio.sleep(max(0.0, min(_PHYSICS_INTERVAL, due - loop.time())))
            if loop.time() < due:
                self._catch_up()
                continue
            due = loop.time() + push_interval
            for number in range(self.options.push_burst):
                if number:
                    await asyncio.sleep(self.options.burst_gap)
                self.push_sessions()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[Gate(self._backend).middleware])
        app.router.add_post(TOKEN_PATH, TokenEndpoint(self._backend).serve)
        RestApi(self._backend).add_routes(app)
        SocketEndpoints(self._backend).add_routes(app)
        ControlApi(self._backend).add_routes(app)
        return app
