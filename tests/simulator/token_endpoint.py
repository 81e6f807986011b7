"""The token endpoint with stock Keycloak errors (protocol.md 3)."""

from typing import Final

from aiohttp import web

from .backend import Account, Backend
from .faults import Fault
from .tokens import REQUIRED_SCOPES

TOKEN_PATH: Final = "/realms/retail-customers/protocol/openid-connect/token"
CLIENT_ID: Final = "home-assistant"
_FORM: Final = "application/x-www-form-urlencoded"


class _RefusedError(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


class TokenEndpoint:
    """Serves the password and the refresh grant."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a POST."""
        if request.content_type != _FORM:
            return web.json_response(
                {"error": "HTTP 415 Unsupported Media Type"}, status=415
            )
        fields = await request.post()
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        try:
            account = self._authenticate(form, repeated=len(form) != len(fields))
        except _RefusedError as refused:
            return web.json_response(
                {"error": refused.error, "error_description": refused.description},
                status=refused.status,
            )
        return web.json_response(
            self._backend.tokens.issue(account.username),
            headers={"Cache-Control": "no-store"},
        )

    def _authenticate(self, form: dict[str, str], *, repeated: bool) -> Account:
        if repeated:
            raise _RefusedError(400, "invalid_request", "duplicated parameter")
        if form.get("client_id") != CLIENT_ID:
            raise _RefusedError(
                401, "invalid_client", "Invalid client or Invalid client credentials"
            )
        match form.get("grant_type"):
            case "password":
                return self._by_password(form)
            case "refresh_token":
                return self._by_refresh_token(form)
            case None:
                text = "Missing form parameter: grant_type"
                raise _RefusedError(400, "invalid_request", text)
            case _:
                text = "Unsupported grant_type"
                raise _RefusedError(400, "unsupported_grant_type", text)

    def _by_password(self, form: dict[str, str]) -> Account:
        faults = self._backend.faults
        scopes = set(form.get("scope", "").split())
        if not scopes >= REQUIRED_SCOPES:
            text = f"Invalid scopes: {form.get('scope', '')}"
            raise _RefusedError(400, "invalid_scope", text)
        username = form.get("username")
        if not username:
            raise _RefusedError(401, "invalid_request", "Missing parameter: username")
        bad = faults.take(Fault.BAD_PASSWORD)
        if bad is not None:
            status = int(bad.text("status"))
            raise _RefusedError(status, "invalid_grant", "Invalid user credentials")
        account = self._backend.accounts.get(username)
        if account is None or form.get("password") != account.password:
            raise _RefusedError(401, "invalid_grant", "Invalid user credentials")
        if not account.fully_set_up:
            raise _RefusedError(400, "invalid_grant", "Account is not fully set up")
        return account

    def _by_refresh_token(self, form: dict[str, str]) -> Account:
        token = form.get("refresh_token")
        if not token:
            raise _RefusedError(400, "invalid_request", "No refresh token")
        dead = self._backend.faults.take(Fault.REFRESH_DEAD)
        if dead is not None:
            status = int(dead.text("status"))
            raise _RefusedError(status, "invalid_grant", "Token is not active")
        username = self._backend.tokens.redeem(token)
        account = self._backend.accounts.get(username or "")
        if account is None:
            raise _RefusedError(400, "invalid_grant", "Invalid refresh token")
        return account
