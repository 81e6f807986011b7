"""What all parts of the simulated cloud share."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .charger import SimulatedCharger
from .clock import Clock
from .faults import FaultBoard
from .journal import Changes, Journal
from .options import CloudOptions
from .sockets import ChargerWire, ClientSocket
from .sync_protocol import SyncProtocol
from .tokens import TokenStore
from .vocabulary import FIRST_ID, Personality


class Timers:
    """Delayed actions that end with the cloud."""

    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle] = set()

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do something in `delay` seconds."""

        def run() -> None:
            self._handles.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay, run)
        self._handles.add(handle)

    def cancel(self) -> None:
        """Forget all that is due."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()


@dataclass(frozen=True, slots=True)
class Line:
    """A charger with its owner, its sockets and its protocol."""

    account: Account
    charger: SimulatedCharger
    wire: ChargerWire
    protocol: SyncProtocol


class Account:
    """A customer; password and set-up state may be changed at any time."""

    def __init__(self, username: str, password: str, backend: Backend) -> None:
        self.username = username
        self.password = password
        self.fully_set_up = True
        """False is refused like a wrong password (protocol.md 3)."""
        self._backend = backend

    @property
    def chargers(self) -> list[SimulatedCharger]:
        """The customer's chargers."""
        return [
            line.charger
            for line in self._backend.lines.values()
            if line.account is self
        ]

    def add_charger(
        self,
        personality: Personality = Personality.V3,
        charger_id: str | int | None = None,
        *,
        model: str | None = "Home 3 Pro",
    ) -> SimulatedCharger:
        """Adopt a charger; without an id the next fitting one is taken."""
        return self._backend.add_charger(self, personality, charger_id, model)

    def remove_charger(self, charger: SimulatedCharger) -> None:
        """Give a charger away: its sockets close, its id is unknown."""
        line = self._backend.lines.pop(charger.charger_id)
        for client in tuple(line.wire.clients):
            client.close()
        self._backend.changes.notify()

    def sign_out_everywhere(self) -> None:
        """Make all tokens void."""
        self._backend.tokens.revoke(self.username)


@dataclass(slots=True)
class Backend:
    """The state behind all endpoints."""

    clock: Clock
    tokens: TokenStore
    changes: Changes
    journal: Journal
    faults: FaultBoard
    options: CloudOptions
    timers: Timers = field(default_factory=Timers)
    accounts: dict[str, Account] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    shutdown: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the cloud goes down, so that hanging requests end."""
    sockets_opened: int = 0

    def add_charger(
        self,
        account: Account,
        personality: Personality,
        charger_id: str | int | None,
        model: str | None,
    ) -> SimulatedCharger:
        """Create a charger with everything around it."""
        number = self._next_id(personality) if charger_id is None else int(charger_id)
        key = str(number)
        if number <= 0 or key in self.lines:
            raise ValueError(f"charger id {key} is taken or not positive")
        charger = SimulatedCharger(
            personality,
            key,
            clock=self.clock,
            faults=self.faults,
            model=model,
            created=self.clock.now(),
        )
        wire = ChargerWire(
            charger,
            faults=self.faults,
            journal=self.journal,
            changes=self.changes,
            options=self.options,
            later=self.timers.later,
        )
        charger.wire = wire
        protocol = SyncProtocol(
            wire,
            owner=account.username,
            tokens=self.tokens,
            faults=self.faults,
            journal=self.journal,
            options=self.options,
            later=self.timers.later,
        )
        self.lines[key] = Line(account, charger, wire, protocol)
        self.changes.notify()
        return charger

    def clients(
        self, charger_id: str | None = None
    ) -> Iterator[tuple[Line, ClientSocket]]:
        """Yield the open sockets, of one charger or of all."""
        for line in tuple(self.lines.values()):
            if charger_id in (None, line.charger.charger_id):
                for client in tuple(line.wire.clients):
                    if not client.closing:
                        yield line, client

    async def hang(self) -> None:
        """Answer nothing until the cloud goes down."""
        await self.shutdown.wait()

    def _next_id(self, personality: Personality) -> int:
        number = FIRST_ID[personality]
        while str(number) in self.lines:
            number += 1
        return number
