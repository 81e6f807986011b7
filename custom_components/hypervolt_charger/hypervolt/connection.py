"""One WebSocket kept alive: connect, log in, hand over, back off.

A `Connection` outlives its sockets. Each socket is a `_Link`; before its login grows
too old the next link is opened and logged in, and only then the old one let go, so
that a change of login is never a gap.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
import logging
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from .auth import HypervoltAuth, retry_after
from .backoff import Backoff
from .errors import Blocked, CannotConnect, InvalidAuth
from .protocol import (
    LOGIN_VERSION,
    Failure,
    JsonValue,
    Message,
    Method,
    Push,
    Reply,
    SentRequests,
    encode,
    redacted,
)
from .timing import Timing

_LOGGER = logging.getLogger(__name__)

# The websockets library logs every frame at debug level, and so our login: whatever
# level is asked of us, it stays above that.
_FRAMES_LOGGER = _LOGGER.getChild("websocket")
_FRAMES_LOGGER.setLevel(logging.WARNING)

_ORIGIN: Final = Origin("https://hypervolt.co.uk")

# A settings document has some hundred bytes. A larger frame ends its socket, and frames
# we do not keep up with wait at the cloud.
_LARGEST_FRAME: Final = 2**20
_MOST_WAITING_FRAMES: Final = 16


class ConnectionState(StrEnum):
    """What a connection is busy with."""

    STOPPED = "stopped"
    REFRESHING = "refreshing"
    CONNECTING = "connecting"
    LOGGING_IN = "logging_in"
    ACTIVE = "active"
    BACKING_OFF = "backing_off"


class LinkLost(Exception):
    """The socket went away, or was not there, before an answer came."""


class _Unauthorized(CannotConnect):
    """The socket did not take our token: get another one before trying again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """What all sockets of a charger have in common."""

    user_agent: str
    timing: Timing
    # Built by the application: making one blocks. None for ws:// or the default.
    ssl_context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionListener:
    """Called in the event loop when something happens on a connection.

    `message` gets a method, what it reports, and the number of the request which that
    answers, None for a push. `opened` follows every login, also that of a socket
    which takes over from another.
    """

    message: Callable[[str, JsonValue, int | None], None]
    state: Callable[[ConnectionState], None]
    opened: Callable[[], None]


class Connection:
    """A socket of one charger, reopened until it is stopped."""

    def __init__(
        self,
        url: str,
        *,
        auth: HypervoltAuth,
        decode: Callable[[str | bytes], Message | None],
        listener: ConnectionListener,
        options: SocketOptions,
        needs_login: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `start` opens the first socket.

        `decode` reads a frame, None meaning garbage. Without `needs_login` the socket
        counts as active once open (the session socket of a V2, protocol.md 5.6).
        """
        self._url = url
        self._auth = auth
        self._decode = decode
        self._listener = listener
        self._options = options
        self._timing = options.timing
        self._needs_login = needs_login
        self._clock = clock
        self._last_request = 0
        self._renewals = Backoff(options.timing)
        self._link: _Link | None = None
        self._state = ConnectionState.STOPPED
        # Set while the connection is active, and when it has given up.
        self._decided = asyncio.Event()
        self._rejected: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: InvalidAuth | None = None

    @property
    def state(self) -> ConnectionState:
        """What the connection is busy with."""
        return self._state

    @property
    def failure(self) -> InvalidAuth | None:
        """Why the connection gave up, if the password turned out wrong."""
        return self._failure

    def start(self) -> None:
        """Begin to connect, and go on until `stop`."""
        if self._task is None:
            self._failure = None
            self._decided.clear()
            self._task = asyncio.create_task(self._run(), name="hypervolt connection")

    async def stop(self) -> None:
        """Close the socket and end the task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._set_state(ConnectionState.STOPPED)

    def restart(self) -> None:
        """Give up the current socket, which is silent though open, for a new one."""
        if self._link is not None:
            self._link.abort()

    async def wait_active(self) -> None:
        """Wait, without bound, until requests can be sent.

        Raises InvalidAuth when the password turned out wrong, and LinkLost when the
        connection is not to be made any more.
        """
        await self._decided.wait()
        if self._failure is not None:
            raise InvalidAuth(str(self._failure))
        if self._state is ConnectionState.STOPPED:
            raise LinkLost

    async def request(
        self, method: str, params: Mapping[str, JsonValue] | None = None
    ) -> Reply | Failure:
        """Send a request and return its answer; who calls sets the time limit.

        Raises LinkLost when there is no logged-in socket, or it goes away.
        """
        if self._state is not ConnectionState.ACTIVE or self._link is None:
            raise LinkLost
        return await self._link.request(self._next_request(), method, params)

    @property
    def last_request(self) -> int:
        """The number of the last request; later ones have higher numbers."""
        return self._last_request

    def _next_request(self) -> int:
        self._last_request += 1
        return self._last_request

    async def _run(self) -> None:
        backoff = Backoff(self._timing)
        try:
            while True:
                pause, deferred = 0.0, False
                try:
                    if await self._serve(await self._open()):
                        backoff.reset()
                except CannotConnect as error:
                    pause, deferred = error.retry_after or 0.0, error.deferred
                    _LOGGER.debug("Connecting failed: %s", error)
                except InvalidAuth:
                    raise
                except Exception:
                    # A mistake of ours must not end the connection for good.
                    _LOGGER.exception("Unexpected error on a connection")
                self._set_state(ConnectionState.BACKING_OFF)
                # What was not tried yet makes no wait any longer.
                await asyncio.sleep(pause if deferred else max(backoff.next(), pause))
        except InvalidAuth as error:
            self._failure = error
            self._set_state(ConnectionState.STOPPED)

    async def _open(self, *, quietly: bool = False) -> "_Link":
        """Open and log in a link; `quietly` while another one is still in service.

        Raises CannotConnect, and InvalidAuth when the password is wrong.
        """

        def enter(state: ConnectionState) -> None:
            if not quietly:
                self._set_state(state)

        enter(ConnectionState.REFRESHING)
        token = await self._auth.access_token(rejected=self._rejected)
        renewal_at = self._clock() + self._auth.renewal_in
        enter(ConnectionState.CONNECTING)
        try:
            socket = await _open_socket(self._url, self._options)
        except _Unauthorized:
            self._rejected = token
            raise
        link = _Link(
            socket,
            token=token,
            renewal_at=renewal_at,
            decode=self._decode,
            on_message=self._listener.message,
        )
        if not self._needs_login:
            return link
        enter(ConnectionState.LOGGING_IN)
        try:
            await self._log_in(link)
        except BaseException as error:
            if isinstance(error, _Unauthorized):
                self._rejected = token
            await link.close()
            raise
        return link

    async def _log_in(self, link: "_Link") -> None:
        """Log in on the socket itself (protocol.md 5.3)."""
        params: dict[str, JsonValue] = {"token": link.token, "version": LOGIN_VERSION}
        try:
            async with asyncio.timeout(self._timing.login_timeout):
                answer = await link.request(self._next_request(), Method.LOGIN, params)
        except (TimeoutError, LinkLost) as error:
            raise _Unauthorized("The login was not answered") from error
        if isinstance(answer, Failure):
            # Not with its text, which may repeat the token.
            raise _Unauthorized(f"The login was refused (code {answer.code})")
        if (
            not isinstance(answer.result, dict)
            or answer.result.get("authenticated") is not True
        ):
            raise _Unauthorized("The login was not accepted")

    async def _serve(self, link: "_Link") -> bool:
        """Keep a link in service, handing over to younger ones, until it is lost.

        Returns whether the connection proved good: the cloud told something of its own
        accord, or kept it open for long. That it answered is no proof: one that closes
        each socket after some seconds does so, too (F3). Raises InvalidAuth when the
        password turned out wrong at a renewal.
        """
        opened = self._clock()
        pushes = 0
        self._link = link
        self._set_state(ConnectionState.ACTIVE)
        self._listener.opened()
        try:
            while not await link.wait_closed(self._until_renewal(link)):
                if (successor := await self._successor(link)) is not None:
                    pushes += link.pushes
                    self._link, retired = successor, link
                    link = successor
                    self._listener.opened()
                    await retired.retire(self._timing.command_timeout)
            return (
                pushes + link.pushes > self._timing.backoff_reset_messages
                or self._clock() - opened > self._timing.backoff_cap
            )
        finally:
            self._link = None
            await link.close()

    def _until_renewal(self, link: "_Link") -> float | None:
        """Seconds until the link's login should be replaced; None for never."""
        if not self._needs_login:
            return None
        return max(0.0, link.renewal_at - self._clock())

    async def _successor(self, link: "_Link") -> "_Link | None":
        """Open a link with a younger token; None when there is none to be had yet."""
        pause = 0.0
        try:
            token = await self._auth.access_token(rejected=self._rejected)
            if token != link.token:
                successor = await self._open(quietly=True)
                self._renewals.reset()
                return successor
            reason = "the token endpoint is in trouble"
        except CannotConnect as error:
            pause = error.retry_after or 0.0
            reason = str(error)
        _LOGGER.debug("Handing over to a new login later: %s", reason)
        link.renewal_at = self._clock() + max(self._renewals.next(), pause)
        return None

    def _set_state(self, state: ConnectionState) -> None:
        if state is self._state:
            return
        self._state = state
        if state in (ConnectionState.ACTIVE, ConnectionState.STOPPED):
            self._decided.set()
        else:
            self._decided.clear()
        self._listener.state(state)


@dataclass(slots=True, eq=False)
class _Link:
    """One WebSocket, from its opening to its close."""

    socket: ClientConnection
    token: str = field(repr=False)
    renewal_at: float
    decode: Callable[[str | bytes], Message | None]
    on_message: Callable[[str, JsonValue, int | None], None]
    pushes: int = 0
    _sent: SentRequests = field(init=False, default_factory=SentRequests)
    _reader: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._reader = asyncio.create_task(self._read(), name="hypervolt reader")

    async def request(
        self, number: int, method: str, params: Mapping[str, JsonValue] | None
    ) -> Reply | Failure:
        """Send a request, await its answer; raises LinkLost if the socket goes."""
        request_id = str(number)
        answer = self._sent.remember(request_id, method)
        try:
            await self.socket.send(encode(request_id, method, params))
        except ConnectionClosed as error:
            raise LinkLost from error
        try:
            await asyncio.wait([answer])
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if answer.cancelled():
            raise LinkLost
        return answer.result()

    async def wait_closed(self, limit: float | None) -> bool:
        """Wait at most `limit` seconds for the socket's end; tell whether it ended."""
        await asyncio.wait([self._reader], timeout=limit)
        return self._reader.done()

    async def retire(self, limit: float) -> None:
        """Close once nobody waits for an answer any more, or after `limit` seconds."""
        try:
            if waiting := self._sent.awaited():
                await asyncio.wait(waiting, timeout=limit)
        finally:
            await self.close()

    def abort(self) -> None:
        """Drop the socket without waiting for anything."""
        self.socket.transport.abort()

    async def close(self) -> None:
        """Close the socket, and wait until its reader has ended."""
        try:
            await self.socket.close()
        finally:
            self.abort()
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                self._take(self.decode(frame))
        except ConnectionClosed as closed:
            _LOGGER.debug("The socket was lost: %s", redacted(str(closed)))
        finally:
            self._sent.abandon()

    def _take(self, message: Message | None) -> None:
        """Pass on what a message tells before releasing who waits for it."""
        if message is None:
            _LOGGER.debug("Dropping a frame that is no message")
            return
        if isinstance(message, Push):
            self.pushes += 1
            self.on_message(message.method, message.params, None)
            return
        if isinstance(message, Reply) and (method := self._sent.method_of(message)):
            self.on_message(method, message.result, int(message.request_id))
        if not self._sent.resolve(message):
            _LOGGER.debug("Nobody waits for this answer")


async def _open_socket(url: str, options: SocketOptions) -> ClientConnection:
    """Shake hands; raises CannotConnect, as _Unauthorized after a 401 (F4)."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    try:
        async with asyncio.timeout(options.timing.connect_timeout):
            return await connect(
                url,
                # An explicit host makes the library refuse redirects elsewhere: the
                # login that follows must reach nobody but the cloud.
                host=parts.hostname,
                port=parts.port or (443 if secure else 80),
                ssl=(options.ssl_context or True) if secure else None,
                origin=_ORIGIN,
                user_agent_header=options.user_agent,
                proxy=None,
                open_timeout=None,
                ping_interval=options.timing.ping_interval,
                ping_timeout=options.timing.ping_timeout,
                close_timeout=options.timing.close_timeout,
                max_size=_LARGEST_FRAME,
                max_queue=_MOST_WAITING_FRAMES,
                logger=_FRAMES_LOGGER,
            )
    except TimeoutError as error:
        raise CannotConnect("The socket does not open in time") from error
    except InvalidStatus as error:
        status = error.response.status_code
        reason = f"The socket was refused with status {status}"
        if status == HTTPStatus.UNAUTHORIZED:
            raise _Unauthorized(reason) from None
        if status == HTTPStatus.FORBIDDEN:
            raise Blocked(options.timing.blocked_pause) from None
        pause = retry_after(error.response.headers)
        raise CannotConnect(reason, retry_after=pause) from None
    except (OSError, WebSocketException, ValueError) as error:
        # The error's own text may hold the URL, and with it the charger's id.
        reason = f"The socket can't be opened ({type(error).__name__})"
        raise CannotConnect(reason) from None
