"""Tokens: obtained with the password, renewed before they end (protocol.md 3)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import json
import logging
import math
import re
import time
from typing import Final

import aiohttp

from .backoff import Backoff
from .endpoints import Endpoints
from .errors import Blocked, CannotConnect, InvalidAuth, UnexpectedAnswer
from .protocol import JsonValue
from .timing import Timing

_LOGGER = logging.getLogger(__name__)

_CLIENT_ID: Final = "home-assistant"
_SCOPE: Final = "openid profile email offline_access"
_DEFAULT_LIFE: Final = 3600.0
_LONGEST_LIFE: Final = 86_400.0
_RETRY_AFTER_CAP: Final = 3600.0
_LARGEST_BODY: Final = 1_000_000
_CHUNK: Final = 65_536
_ERROR_CODE: Final = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What a grant answered; the secrets stay out of any repr."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_at: float
    renew_at: float


class HypervoltAuth:
    """The login of one account, shared by all that speaks for it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoints: Endpoints,
        username: str,
        password: str,
        *,
        user_agent: str,
        timing: Timing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the credentials; nothing is sent before a token is asked for."""
        self._session = session
        self._endpoints = endpoints
        self._username = username
        self._password = password
        self._user_agent = user_agent
        self._timing = timing
        self._clock = clock
        self._tokens: _Tokens | None = None
        # One for all sockets and chargers of the account.
        self._backoff = Backoff(timing)
        self._not_before = self._renewed_at = -math.inf
        self._trouble: CannotConnect | None = None
        self._lock = asyncio.Lock()

    @property
    def renewal_in(self) -> float:
        """Seconds until the token should be renewed; 0 when it is due or missing."""
        if self._tokens is None:
            return 0.0
        return max(0.0, self._tokens.renew_at - self._clock())

    async def access_token(self, *, rejected: str | None = None) -> str:
        """Return a token the cloud should accept, renewing it when it is due.

        `rejected` names a token the cloud has just refused, so that it is not handed
        out again. While the token endpoint is in trouble a token that still lives is
        used to its end (F25).

        Raises InvalidAuth when the password is wrong, CannotConnect for all else.
        """
        async with self._lock:
            tokens = self._tokens
            if tokens is not None and tokens.access == rejected:
                tokens = None
            if tokens is not None and self._clock() < tokens.renew_at:
                return tokens.access
            try:
                return (await self._renew()).access
            except CannotConnect as error:
                if tokens is None or self._clock() >= tokens.expires_at:
                    raise
                _LOGGER.debug("Using the old token on, renewing failed: %s", error)
                return tokens.access

    async def verify_password(self) -> None:
        """Log in with the password, whatever tokens there are.

        Raises InvalidAuth or CannotConnect.
        """
        async with self._lock:
            self._tokens = await self._password_grant()

    async def _renew(self) -> _Tokens:
        wait = self._not_before - self._clock()
        if wait > 0 and self._trouble is not None:
            raise self._trouble.again(wait)
        pause = self._renewed_at + self._timing.renewal_pause - self._clock()
        if pause > 0:
            # Whatever the life of tokens is, and however often they are refused.
            raise CannotConnect("The login was renewed just now", retry_after=pause)
        try:
            self._tokens = await self._refresh_grant() or await self._password_grant()
        except CannotConnect as error:
            wait = max(self._backoff.next(), error.retry_after or 0.0)
            self._not_before = self._clock() + wait
            self._trouble = error
            raise
        self._backoff.reset()
        self._renewed_at = self._clock()
        return self._tokens

    async def _refresh_grant(self) -> _Tokens | None:
        """Renew with the refresh token; None when there is none, or it is dead (F26)."""
        if self._tokens is None or self._tokens.refresh is None:
            return None
        form = {"grant_type": "refresh_token", "refresh_token": self._tokens.refresh}
        status, headers, body = await self._post(form)
        if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            self._tokens = None
            return None
        return self._read(status, headers, body, fallback_refresh=self._tokens.refresh)

    async def _password_grant(self) -> _Tokens:
        form = {
            "grant_type": "password",
            "scope": _SCOPE,
            "username": self._username,
            "password": self._password,
        }
        status, headers, body = await self._post(form)
        code = _error_code(body)
        if (status == HTTPStatus.UNAUTHORIZED and code in (None, "invalid_grant")) or (
            status == HTTPStatus.BAD_REQUEST and code == "invalid_grant"
        ):
            raise InvalidAuth("E-mail or password is wrong")
        return self._read(status, headers, body, fallback_refresh=None)

    async def _post(
        self, form: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], JsonValue]:
        """Send a grant; the body is returned only if it is JSON."""
        try:
            async with (
                asyncio.timeout(self._timing.http_timeout),
                self._session.post(
                    self._endpoints.token,
                    data={"client_id": _CLIENT_ID, **form},
                    headers={"User-Agent": self._user_agent},
                    # Credentials go to this host and to no other.
                    allow_redirects=False,
                ) as response,
            ):
                body = await read_body(response)
                text = body.decode(errors="replace")
                return response.status, response.headers, _parse(text)
        except TimeoutError as error:
            raise CannotConnect("The login service does not answer") from error
        except (aiohttp.ClientError, OSError) as error:
            raise CannotConnect(
                f"The login service can't be reached ({type(error).__name__})"
            ) from None

    def _read(
        self,
        status: int,
        headers: Mapping[str, str],
        body: JsonValue,
        *,
        fallback_refresh: str | None,
    ) -> _Tokens:
        """Turn an answer into tokens; raises CannotConnect for service trouble."""
        if status == HTTPStatus.FORBIDDEN:
            raise Blocked(self._timing.blocked_pause)
        if not 200 <= status < 300:
            code = _error_code(body)
            detail = f"{status} {code}" if code else str(status)
            raise CannotConnect(
                f"The login service answered {detail}",
                retry_after=retry_after(headers),
            )
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise UnexpectedAnswer("The login service answered without a token")
        access, refresh = body["access_token"], body.get("refresh_token")
        life, now = _life(body.get("expires_in")), self._clock()
        return _Tokens(
            access=str(access),
            refresh=refresh if isinstance(refresh, str) else fallback_refresh,
            expires_at=now + max(life, self._timing.renewal_pause),
            # A life shorter than the margin must not mean renewing on every call.
            renew_at=now
            + max(
                life - self._timing.token_margin,
                life / 2,
                self._timing.renewal_pause,
            ),
        )


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return a body; raises UnexpectedAnswer for one larger than any of the cloud's.

    Measured as it is unpacked: a few kilobytes may hold hundreds of megabytes.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise UnexpectedAnswer("The answer is too large")
    return bytes(body)


def _parse(text: str) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _error_code(body: JsonValue) -> str | None:
    """Return Keycloak's error code, such as `invalid_grant`; no text, nor a secret."""
    code = body.get("error") if isinstance(body, dict) else None
    if not isinstance(code, str):
        return None
    return code if _ERROR_CODE.fullmatch(code) else "unknown"


def _life(expires_in: JsonValue) -> float:
    """Return the seconds a token lives, whatever the cloud says of it."""
    try:
        life = float(str(expires_in))
    except ValueError:
        return _DEFAULT_LIFE
    return min(life, _LONGEST_LIFE) if life > 0 else _DEFAULT_LIFE


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After` header; its date form is not honoured."""
    value = headers.get("Retry-After", "")
    if not (value.isascii() and value.isdecimal()):
        return None
    return min(float(value), _RETRY_AFTER_CAP)
