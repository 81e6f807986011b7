"""What can go wrong between a person's wish and the charger.

No message ever carries a password, a token, an e-mail address or a charger id: these
texts end up in logs and in front of people.
"""


class HypervoltError(Exception):
    """Base of every error this library raises on purpose."""


class InvalidAuth(HypervoltError):
    """The token endpoint judged the e-mail and password to be wrong (protocol.md 3)."""


class CannotConnect(HypervoltError):
    """The cloud could not be reached or is in trouble: worth trying again later."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        """Keep the seconds the service asked to be left alone (``Retry-After``)."""
        super().__init__(reason)
        self.retry_after = retry_after


class UnexpectedAnswer(CannotConnect):
    """Something answered, but not in the cloud's language, such as an HTML page."""


class Blocked(CannotConnect):
    """The cloud turns this client away: it has blocked ones that asked too often (F29)."""

    def __init__(self, pause: float) -> None:
        """Ask to be left alone for `pause` seconds."""
        super().__init__("The cloud refuses this client", retry_after=pause)


class UnknownCharger(HypervoltError):
    """The cloud does not know this charger, or it left the account."""


class CommandError(HypervoltError):
    """A command did not take effect."""

    def __init__(self, command: str, reason: str) -> None:
        """Name the command by its intent, and say why it failed."""
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason


class CommandRejected(CommandError):
    """The charger or the cloud refused, and said so."""


class CommandTimeout(CommandError):
    """No confirmation came in time, and reading back does not show the change."""


class NotConnected(CommandError):
    """There was no logged-in connection within the time a command waits for one."""


class NotSupported(CommandError):
    """The charger, or the state it is in, does not know this command."""


class InvalidSchedule(HypervoltError, ValueError):
    """A schedule the charger could not carry out; nothing was sent."""


class InvalidEffect(HypervoltError, ValueError):
    """An LED effect, or a file that describes one, makes no sense."""
