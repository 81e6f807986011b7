"""Tokens: obtained with the password, renewed before they end (protocol.md 3)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import json
import logging
import time
from typing import Final

import aiohttp

from .endpoints import Endpoints
from .errors import Blocked, CannotConnect, InvalidAuth, UnexpectedAnswer
from .protocol import JsonValue
from .timing import Timing

_LOGGER = logging.getLogger(__name__)

_CLIENT_ID: Final = "home-assistant"
_SCOPE: Final = "openid profile email offline_access"
_DEFAULT_LIFE: Final = 3600.0
_RETRY_AFTER_CAP: Final = 3600.0


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
        self._not_before = 0.0
        self._blocked = False
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
        if wait > 0 and self._blocked:
            raise Blocked(wait)
        if wait > 0:
            raise CannotConnect("The login service asked for a pause", retry_after=wait)
        try:
            self._tokens = await self._refresh_grant() or await self._password_grant()
        except CannotConnect as error:
            if error.retry_after:
                self._not_before = self._clock() + error.retry_after
                self._blocked = isinstance(error, Blocked)
            raise
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
                text = await response.text(errors="replace")
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
        life = body.get("expires_in")
        if isinstance(life, bool) or not isinstance(life, int | float) or life <= 0:
            life = _DEFAULT_LIFE
        now = self._clock()
        return _Tokens(
            access=str(access),
            refresh=refresh if isinstance(refresh, str) else fallback_refresh,
            expires_at=now + life,
            # A life shorter than the margin must not mean renewing on every call.
            renew_at=now + max(life - self._timing.token_margin, life / 2),
        )


def _parse(text: str) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _error_code(body: JsonValue) -> str | None:
    """Return Keycloak's error code, such as `invalid_grant`."""
    code = body.get("error") if isinstance(body, dict) else None
    return code[:40] if isinstance(code, str) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After` header; its date form is not honoured."""
    value = headers.get("Retry-After", "")
    return min(float(value), _RETRY_AFTER_CAP) if value.isdigit() else None
