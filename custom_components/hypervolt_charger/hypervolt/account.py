"""An account of the Hypervolt cloud: its login, its chargers, its REST documents."""

import asyncio
from http import HTTPStatus
import json
import logging
import time
from typing import Any, Literal

import aiohttp

from .auth import HypervoltAuth, read_body, retry_after
from .charger import Charger, parse_id
from .endpoints import Endpoints
from .errors import Blocked, CannotConnect, UnexpectedAnswer, UnknownCharger
from .protocol import JsonValue, readable
from .timing import Timing

_LOGGER = logging.getLogger(__name__)


class HypervoltAccount:
    """Everything that is asked over HTTPS in one person's name."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        username: str,
        password: str,
        *,
        user_agent: str,
        endpoints: Endpoints | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Take the HTTP session of the application; nothing is sent yet."""
        self.endpoints = endpoints or Endpoints()
        self.timing = timing or Timing()
        self.user_agent = user_agent
        self._session = session
        self._blocked_until = 0.0
        self.auth = HypervoltAuth(
            session,
            self.endpoints,
            username,
            password,
            user_agent=user_agent,
            timing=self.timing,
        )

    async def chargers(self) -> list[Charger]:
        """Return the account's chargers, perhaps none (protocol.md 4).

        Raises InvalidAuth, CannotConnect.
        """
        try:
            body = await self._request("GET", self.endpoints.chargers)
        except (UnknownCharger, UnexpectedAnswer) as error:
            _LOGGER.debug("Asking the older charger list: %s", error)
            try:
                body = await self._request("GET", self.endpoints.chargers_by_owner)
            except UnknownCharger as gone:
                raise UnexpectedAnswer("The cloud has no list of chargers") from gone
        return _read_chargers(body)

    async def schedule(self, charger_id: str) -> JsonValue:
        """Return the body of a legacy V2's schedule (protocol.md 8.1).

        Raises InvalidAuth, CannotConnect, UnknownCharger.
        """
        return await self._request("GET", self.endpoints.schedule(charger_id))

    async def write_schedule(self, charger_id: str, body: dict[str, JsonValue]) -> None:
        """Replace a legacy V2's schedule; raises as `schedule` does."""
        await self._request("PUT", self.endpoints.schedule(charger_id), body)

    async def _request(
        self,
        method: Literal["GET", "PUT"],
        url: str,
        body: dict[str, JsonValue] | None = None,
    ) -> JsonValue:
        """Ask with the account's token; a refused one is renewed, once."""
        if (pause := self._blocked_until - time.monotonic()) > 0:
            raise Blocked(pause)
        token = await self.auth.access_token()
        status, answer = await self._send(method, url, body, token)
        if status == HTTPStatus.UNAUTHORIZED:
            token = await self.auth.access_token(rejected=token)
            status, answer = await self._send(method, url, body, token)
        if status == HTTPStatus.FORBIDDEN:
            self._blocked_until = time.monotonic() + self.timing.blocked_pause
            raise Blocked(self.timing.blocked_pause)
        if status == HTTPStatus.NOT_FOUND:
            raise UnknownCharger("The cloud does not know this charger")
        if not 200 <= status < 300:
            # Also a second 401: only the token endpoint judges passwords (F28, F29).
            raise UnexpectedAnswer(f"The cloud answered {status}")
        return answer

    async def _send(
        self,
        method: Literal["GET", "PUT"],
        url: str,
        body: dict[str, JsonValue] | None,
        token: str,
    ) -> tuple[int, JsonValue]:
        """Send once; the answer of a success is JSON, or empty after a PUT."""
        options: dict[str, Any] = {} if body is None else {"json": body}
        headers = {
            "Authorization": f"Bearer {token}",
            "User-Agent": self.user_agent,
        }
        try:
            async with (
                asyncio.timeout(self.timing.http_timeout),
                self._session.request(method, url, headers=headers, **options) as reply,
            ):
                if pause := retry_after(reply.headers):
                    raise CannotConnect(
                        "The cloud asked for a pause", retry_after=pause
                    )
                if not 200 <= reply.status < 300 or method == "PUT":
                    return reply.status, None
                try:
                    answer: JsonValue = json.loads(await read_body(reply))
                except (ValueError, RecursionError):
                    raise UnexpectedAnswer("The cloud answered no JSON") from None
                return reply.status, answer
        except TimeoutError as error:
            raise CannotConnect("The cloud does not answer") from error
        except (aiohttp.ClientError, OSError) as error:
            # The error's own text may hold the URL, and with it the charger's id.
            raise CannotConnect(
                f"The cloud can't be reached ({type(error).__name__})"
            ) from None


def _read_chargers(body: JsonValue) -> list[Charger]:
    """Read both lists' forms: ids as text or number, the model perhaps missing."""
    items = body.get("chargers") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise UnexpectedAnswer("The cloud's list of chargers can't be read")
    chargers = []
    for item in items:
        if not isinstance(item, dict):
            continue
        try:
            charger_id = parse_id(item.get("id", item.get("charger_id")))
        except ValueError:
            _LOGGER.warning("Passing over a charger whose id is no number")
            continue
        model = item.get("model")
        known = readable(model) if isinstance(model, str) else None
        chargers.append(Charger(charger_id, known))
    return chargers
