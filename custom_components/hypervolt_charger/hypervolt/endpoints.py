"""Where the cloud lives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

# Serves all three hosts' paths from one base URL: for tests and demonstrations.
OVERRIDE_VARIABLE: Final = "HYPERVOLT_CLOUD_URL"

_IDENTITY_PATH: Final = "/realms/retail-customers/protocol/openid-connect/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Base URLs without a trailing slash (protocol.md 1)."""

    identity: str = "https://kc.prod.hypervolt.co.uk"
    rest: str = "https://api.hypervolt.co.uk"
    sockets: str = "wss://api.hypervolt.co.uk"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return production's hosts, or the single one the environment names.

        Raises ValueError for an override that is no http or https URL.
        """
        base = environment.get(OVERRIDE_VARIABLE, "").strip().rstrip("/")
        if not base:
            return cls()
        scheme, separator, rest = base.partition("://")
        if not separator or not rest or scheme not in ("http", "https"):
            raise ValueError(f"{OVERRIDE_VARIABLE} must be an http or https URL")
        sockets = "wss" if scheme == "https" else "ws"
        return cls(identity=base, rest=base, sockets=f"{sockets}://{rest}")

    @property
    def token(self) -> str:
        """The token endpoint (protocol.md 3)."""
        return self.identity + _IDENTITY_PATH

    @property
    def chargers(self) -> str:
        """The account's chargers (protocol.md 4)."""
        return f"{self.rest}/users/me?includes=chargers"

    @property
    def chargers_by_owner(self) -> str:
        """The older list of the account's chargers (protocol.md 4)."""
        return f"{self.rest}/charger/by-owner"

    def schedule(self, charger_id: str) -> str:
        """Return the REST schedule of a legacy V2 (protocol.md 8.1)."""
        return f"{self.rest}/charger/by-id/{charger_id}/schedule"

    def sync(self, charger_id: str) -> str:
        """Return the socket that carries everything but a V2's session data."""
        return f"{self.sockets}/ws/charger/{charger_id}/sync"

    def session(self, charger_id: str) -> str:
        """Return a legacy V2's session socket (protocol.md 5.6)."""
        return f"{self.sockets}/ws/charger/{charger_id}/session/in-progress"
