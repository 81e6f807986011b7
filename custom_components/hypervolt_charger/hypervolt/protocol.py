"""The cloud's JSON-RPC dialect: frames out, frames in, answers matched to requests.

protocol.md 5.2: a reply names no method, a push looks like a request without an id, ids
come back with the JSON type they were sent with, and anything may be missing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
import json
import re
from typing import Final, TypeAlias

JsonValue: TypeAlias = (
    bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
)

LOGIN_VERSION: Final = 3
MAX_REMEMBERED_REQUESTS: Final = 20

# As long as a state of Home Assistant may be; all names and modes are far shorter.
_MAX_TEXT: Final = 255
# Addresses, ids of chargers, and whatever has the alphabet and length of a token.
_SECRET: Final = re.compile(
    r"[^\s\"'<>=:]{1,64}(?:@|%40)[^\s\"'<>]{1,255}|\d{9,}|[\w\-+/=.~%]{32,}"
)
# More of a text is not searched; what is shown of it is far shorter.
_SEARCHED: Final = 4096


class Method(StrEnum):
    """Methods of the sync socket (protocol.md 5.4)."""

    LOGIN = "login"
    SNAPSHOT = "sync.snapshot"
    APPLY = "sync.apply"
    SESSION = "get.session"
    PILOT_STATUS = "get.pilot_status"
    COMPOSITE_PILOT_STATUS = "get.composite_pilot_status"
    SCHEDULES_GET = "schedules.get"
    SCHEDULE_SET = "schedule.set"
    PLUG_AND_CHARGE_GET = "plugncharge.get"
    PLUG_AND_CHARGE_SET = "plugncharge.set"
    FIRMWARE_VERSION = "firmware.version"
    NAME_GET = "get.name"
    NAME_SET = "set.name"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request of ours."""

    request_id: str
    result: JsonValue


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal; without an id when its request had none, or the cloud forgot it.

    `method` is that of the request where the refusal names it.
    """

    request_id: str | None
    code: int | None
    message: str
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """Something the cloud tells unasked."""

    method: str
    params: JsonValue


Message: TypeAlias = Reply | Failure | Push


def encode(
    request_id: str, method: str, params: Mapping[str, JsonValue] | None = None
) -> str:
    """Return a request as the text of one frame."""
    request: dict[str, JsonValue] = {"id": request_id, "method": method}
    if params is not None:
        request["params"] = dict(params)
    request["jsonrpc"] = "2.0"
    return json.dumps(request, separators=(",", ":"), allow_nan=False)


def decode(text: str | bytes) -> Message | None:
    """Read a frame of the sync socket; None for what is no message at all."""
    frame = _object(text)
    if frame is None:
        return None
    # What answers is no push, even if it also names a method (5.2 rule 9).
    method = frame.get("method")
    request_id = _request_id(frame.get("id"))
    error = frame.get("error")
    if error is not None:
        return _failure(request_id, error, method if isinstance(method, str) else None)
    if request_id is not None and "result" in frame:
        return Reply(request_id, frame["result"])
    if isinstance(method, str):
        return Push(method, frame.get("params"))
    return None


def decode_session(text: str | bytes) -> Message | None:
    """Read a frame of a V2's session socket: session data without an envelope (5.6).

    Returned as the push that tells the same on the sync socket. An enveloped frame,
    should the cloud ever send one here, is read as such.
    """
    frame = _object(text)
    if frame is None:
        return None
    if "charging" in frame:
        return Push(Method.SESSION, dict(frame))
    return decode(text)


def redacted(text: str) -> str:
    """Return text of the cloud without what may be a token, an address or an id.

    Errors and reasons may repeat what they were sent. To be used before the text is
    shortened: half a secret would not be found.
    """
    return _SECRET.sub("…", text[:_SEARCHED])


def readable(text: str) -> str:
    """Return text of the cloud in a form that can be stored and shown.

    Halves of characters can't be, and would keep Home Assistant from saving all that
    stands beside them; nor is anything meant by a text without end.
    """
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


class SentRequests:
    """The last requests sent on a socket, to match answers to them (5.2 rule 1).

    A request stays known after its answer or its time-out, so that a late or repeated
    answer is still understood (F10); the oldest is forgotten at the limit.
    """

    def __init__(self, limit: int = MAX_REMEMBERED_REQUESTS) -> None:
        """Remember at most `limit` requests."""
        self._limit = limit
        self._requests: OrderedDict[str, tuple[str, asyncio.Future[Reply | Failure]]]
        self._requests = OrderedDict()

    def __len__(self) -> int:
        """Return how many requests are remembered."""
        return len(self._requests)

    def awaited(self) -> list[asyncio.Future[Reply | Failure]]:
        """Return the answers somebody still waits for."""
        return [answer for _, answer in self._requests.values() if not answer.done()]

    def remember(self, request_id: str, method: str) -> asyncio.Future[Reply | Failure]:
        """Note a request about to be sent; its answer arrives in the future."""
        answer: asyncio.Future[Reply | Failure]
        answer = asyncio.get_running_loop().create_future()
        self._requests[request_id] = (method, answer)
        while len(self._requests) > self._limit:
            _, (_, forgotten) = self._requests.popitem(last=False)
            forgotten.cancel()
        return answer

    def method_of(self, reply: Reply) -> str | None:
        """Return the method a reply answers, None when we never asked."""
        known = self._requests.get(reply.request_id)
        return known[0] if known else None

    def resolve(self, message: Reply | Failure) -> bool:
        """Hand an answer to who waits for it; False when nobody does."""
        answer = self._answer_to(message)
        if answer is None or answer.done():
            return False
        answer.set_result(message)
        return True

    def abandon(self) -> None:
        """Nothing more will come: release everybody who waits."""
        for answer in self.awaited():
            answer.cancel()

    def _answer_to(
        self, message: Reply | Failure
    ) -> asyncio.Future[Reply | Failure] | None:
        if message.request_id is not None:
            known = self._requests.get(message.request_id)
            return known[1] if known else None
        # An error without an id names the method instead, in its text mostly (F7).
        for method, answer in self._requests.values():
            named = method == message.method or method in message.message
            if not answer.done() and named:
                return answer
        return None


def _object(text: str | bytes) -> dict[str, JsonValue] | None:
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


def _request_id(value: JsonValue) -> str | None:
    """Ids are compared as text: they come back as the string or number they were."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)


def _failure(request_id: str | None, error: JsonValue, method: str | None) -> Failure:
    """Both shapes of 5.7: the reason stands under `error` or under `message`."""
    if not isinstance(error, dict):
        error = {"message": error}
    code = error.get("code")
    message = error.get("message") or error.get("error")
    if not message or not isinstance(message, str):
        message = "no reason given"
    code = code if isinstance(code, int) else None
    return Failure(request_id, code, readable(redacted(message)), method)
