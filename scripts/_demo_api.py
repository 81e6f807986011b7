"""A person's hands on a Home Assistant: logs in, adds things, presses buttons."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
import time
from typing import Any

import aiohttp

type Json = Any


class ApiError(Exception):
    """Home Assistant refused something."""


class HomeAssistantApi:
    """The REST and WebSocket API of a Home Assistant, for one user of it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Talk to the Home Assistant at `url`; nothing is sent yet."""
        self._session = session
        self.url = url
        self._token: str | None = None

    async def wait_until_it_answers(self, limit: float = 120.0) -> None:
        """Return once it serves its pages; TimeoutError if it does not in time."""
        async with asyncio.timeout(limit):
            while True:
                try:
                    async with self._session.get(f"{self.url}/api/onboarding"):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)

    async def wait_until_it_runs(self, limit: float = 120.0) -> None:
        """Return once everything is set up; needs a log-in."""
        async with asyncio.timeout(limit):
            while (await self.get("config"))["state"] != "RUNNING":  # noqa: ASYNC110 - another process's event
                await asyncio.sleep(0.1)

    async def create_first_user(self, name: str, password: str) -> None:
        """Create the owner, unless there is one."""
        user = {
            "client_id": f"{self.url}/",
            "name": name.capitalize(),
            "username": name,
            "password": password,
            "language": "en",
        }
        async with self._session.get(f"{self.url}/api/onboarding") as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return  # the onboarding is over
            steps = {step["step"]: step["done"] for step in await answer.json()}
        if not steps.get("user", True):
            await self.post("onboarding/users", user)

    async def log_in(self, name: str, password: str) -> None:
        """Log in as the log-in page does."""
        client = {"client_id": f"{self.url}/"}
        flow = await self._call(
            "POST",
            "/auth/login_flow",
            json={
                **client,
                "handler": ["homeassistant", None],
                "redirect_uri": f"{self.url}/",
            },
        )
        result = await self._call(
            "POST",
            f"/auth/login_flow/{flow['flow_id']}",
            json={**client, "username": name, "password": password},
        )
        if result["type"] != "create_entry":
            raise ApiError(f"the log-in failed: {result.get('errors')}")
        tokens = await self._call(
            "POST",
            "/auth/token",
            data={
                **client,
                "grant_type": "authorization_code",
                "code": result["result"],
            },
        )
        self._token = tokens["access_token"]

    async def get(self, path: str) -> Json:
        """Read something below /api."""
        return await self._call("GET", f"/api/{path}")

    async def post(self, path: str, body: Mapping[str, Json] | None = None) -> Json:
        """Do something below /api."""
        return await self._call("POST", f"/api/{path}", json=body or {})

    async def act(self, action: str, entity_id: str, **fields: Json) -> None:
        """Call an action of Home Assistant for an entity; ApiError if it fails."""
        domain, _, name = action.partition(".")
        await self.post(f"services/{domain}/{name}", {"entity_id": entity_id, **fields})

    async def command(self, kind: str, **fields: Json) -> Json:
        """Call a command of the WebSocket API."""
        try:
            answer = await self._answer(kind, fields)
        except aiohttp.WSMessageTypeError as error:
            raise ApiError("Home Assistant closed the WebSocket") from error
        if not answer["success"]:
            raise ApiError(f"{kind}: {answer['error']}")
        return answer["result"]

    async def _answer(self, kind: str, fields: Mapping[str, Json]) -> Json:
        async with self._session.ws_connect(f"{self.url}/api/websocket") as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._token})
            if (await socket.receive_json())["type"] != "auth_ok":
                raise ApiError("the WebSocket API refused the log-in")
            await socket.send_json({"id": 1, "type": kind, **fields})
            return await socket.receive_json()

    async def entries(self, domain: str) -> list[dict[str, Json]]:
        """Return the config entries of an integration."""
        entries: list[dict[str, Json]] = await self.get("config/config_entries/entry")
        return [entry for entry in entries if entry["domain"] == domain]

    async def wait_until_loaded(self, domain: str, limit: float = 60.0) -> None:
        """Return once all entries of an integration are set up.

        Raises TimeoutError, telling what state they are in instead.
        """
        begin = time.monotonic()
        while wrong := [
            f"{entry['title']}: {entry['state']} {entry['reason'] or ''}"
            for entry in await self.entries(domain)
            if entry["state"] != "loaded"
        ]:
            if time.monotonic() - begin > limit:
                raise TimeoutError(", ".join(wrong))
            await asyncio.sleep(0.1)

    async def entities(self, entry_id: str) -> list[dict[str, Json]]:
        """Return what the entity registry knows of an entry's entities."""
        entities: list[dict[str, Json]] = await self.command(
            "config/entity_registry/list"
        )
        return [item for item in entities if item["config_entry_id"] == entry_id]

    async def start_flow(self, domain: str) -> Json:
        """Begin to add an integration, as "Add integration" does."""
        return await self.post("config/config_entries/flow", {"handler": domain})

    async def continue_flow(self, flow: Json, **fields: Json) -> Json:
        """Submit a form of a flow; return what comes next."""
        return await self.post(f"config/config_entries/flow/{flow['flow_id']}", fields)

    async def state(self, entity_id: str) -> dict[str, Json]:
        """Return the state of an entity, with its attributes."""
        state: dict[str, Json] = await self.get(f"states/{entity_id}")
        return state

    async def states(self) -> dict[str, str]:
        """Return the states of all entities."""
        return {item["entity_id"]: item["state"] for item in await self.get("states")}

    async def wait_for_state(
        self, entity_id: str, wanted: str, limit: float = 5.0
    ) -> float:
        """Return after how many seconds an entity shows a state; it is asked often.

        Raises TimeoutError, saying what it shows instead.
        """
        begin = time.monotonic()
        while (shown := (await self.state(entity_id))["state"]) != wanted:
            if time.monotonic() - begin > limit:
                raise TimeoutError(f"{entity_id} shows {shown}, not {wanted}")
            await asyncio.sleep(0.02)
        return time.monotonic() - begin

    async def _call(self, method: str, path: str, **content: Json) -> Json:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._session.request(
            method, self.url + path, headers=headers, **content
        ) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                reason = await answer.text()
                raise ApiError(f"{method} {path}: {answer.status} {reason}")
            return await answer.json()
