"""Access and refresh tokens, as Keycloak hands them out (protocol.md 3)."""

import base64
from dataclasses import dataclass
import json
import secrets
import time
from typing import Final
import uuid

from .vocabulary import Json

REQUIRED_SCOPES: Final = frozenset({"openid", "profile", "email", "offline_access"})
GRANTED_SCOPE: Final = "openid profile social offline_access email"


@dataclass(frozen=True, slots=True)
class _AccessToken:
    username: str
    expires_at: float


def _segment(content: dict[str, Json]) -> str:
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _jwt(kind: str, username: str, expires_in: int) -> str:
    """Return something that looks like a JWT; nobody may rely on its inside."""
    now = int(time.time())
    payload: dict[str, Json] = {
        "jti": str(uuid.uuid4()),
        "iat": now,
        "typ": kind,
        "azp": "home-assistant",
        "preferred_username": username,
    }
    if expires_in:
        payload["exp"] = now + expires_in
    header: dict[str, Json] = {"alg": "RS256", "typ": "JWT"}
    return f"{_segment(header)}.{_segment(payload)}.{secrets.token_urlsafe(24)}"


class TokenStore:
    """Issues tokens and judges them.

    Ages are measured in real seconds, not in the chargers' time: a demo at sixty
    times the speed must not sign its clients out every minute. `age_by` makes all
    tokens older at once.
    """

    def __init__(self, life: float, *, rotate_refresh_tokens: bool) -> None:
        self.life = life
        self.rotate_refresh_tokens = rotate_refresh_tokens
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, str] = {}
        self._extra_age = 0.0

    def now(self) -> float:
        """Return the seconds by which tokens age."""
        return time.monotonic() + self._extra_age

    def age_by(self, seconds: float) -> None:
        """Make every token issued so far older."""
        self._extra_age += seconds

    def issue(self, username: str) -> dict[str, Json]:
        """Return the body of a successful token answer."""
        life = int(self.life)
        access = _jwt("Bearer", username, life)
        refresh = _jwt("Offline", username, 0)
        self._access[access] = _AccessToken(username, self.now() + self.life)
        self._refresh[refresh] = username
        return {
            "access_token": access,
            "expires_in": life,
            "refresh_expires_in": 0,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "id_token": _jwt("ID", username, life),
            "not-before-policy": 0,
            "session_state": str(uuid.uuid4()),
            "scope": GRANTED_SCOPE,
        }

    def username_of(self, access_token: str) -> str | None:
        """Return whose valid access token this is."""
        token = self._access.get(access_token)
        if token is None or token.expires_at <= self.now():
            return None
        return token.username

    def redeem(self, refresh_token: str) -> str | None:
        """Return whose refresh token this is; with rotation it dies by that.

        Whether the real one dies is unknown (protocol.md 3).
        """
        username = self._refresh.get(refresh_token)
        if self.rotate_refresh_tokens:
            self._refresh.pop(refresh_token, None)
        return username

    def revoke(self, username: str) -> None:
        """Sign the account out everywhere."""
        self._access = {
            value: token
            for value, token in self._access.items()
            if token.username != username
        }
        self._refresh = {
            value: name for value, name in self._refresh.items() if name != username
        }
