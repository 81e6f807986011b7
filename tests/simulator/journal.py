"""What the simulated cloud saw: every request and frame, for tests to look at."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
import json
from typing import Final

from .vocabulary import Json

JOURNAL_LIMIT: Final = 20_000
"""A demo may run for days: older records are dropped beyond this number."""


class Changes:
    """Lets tests wait for "something happened" without polling."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake everybody who waits."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def next(self) -> None:
        """Return after the next change."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One HTTP request; `status` is None while it is not answered."""

    method: str
    path: str
    status: int | None
    when: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    """Fields of a token request."""
    body: Json = None
    """The JSON of a PUT."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One frame a client sent."""

    charger_id: str
    endpoint: str
    """`sync` or `in_progress`."""
    socket: int
    """Number of the socket, counted from 1 over the life of the cloud."""
    when: datetime
    text: str
    message: Json
    """The parsed frame; None if it was not JSON."""

    @property
    def method(self) -> str | None:
        """The JSON-RPC method, if there is one."""
        value = self._member("method")
        return value if isinstance(value, str) else None

    @property
    def params(self) -> Json:
        """The JSON-RPC parameters."""
        return self._member("params")

    @property
    def id(self) -> Json:
        """The id of the request."""
        return self._member("id")

    def _member(self, name: str) -> Json:
        return self.message.get(name) if isinstance(self.message, dict) else None


class Journal:
    """Collects records and tells the waiters."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self.requests: list[RecordedRequest] = []
        self.frames: list[RecordedFrame] = []

    def arrived(self, request: RecordedRequest) -> None:
        """Note a request that is not answered yet."""
        del self.requests[:-JOURNAL_LIMIT]
        self.requests.append(request)
        self._changes.notify()

    def amended(self, old: RecordedRequest, new: RecordedRequest) -> RecordedRequest:
        """Put `new` in the place of `old`, unless a test cleared the list."""
        for index in range(len(self.requests) - 1, -1, -1):
            if self.requests[index] is old:
                self.requests[index] = new
                break
        self._changes.notify()
        return new

    def answered(self, request: RecordedRequest, status: int) -> RecordedRequest:
        """Note the status of the answer."""
        return self.amended(request, replace(request, status=status))

    def received(
        self, charger_id: str, endpoint: str, socket: int, text: str
    ) -> RecordedFrame:
        """Note a frame of a client."""
        message: Json
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        frame = RecordedFrame(
            charger_id, endpoint, socket, datetime.now(UTC), text, message
        )
        del self.frames[:-JOURNAL_LIMIT]
        self.frames.append(frame)
        self._changes.notify()
        return frame
