"""What can go wrong between a person's wish and the charger.

No message ever carries a password, a token, an e-mail address or a charger id: these
texts end up in logs and in front of people.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Cause(StrEnum):
    """Why a request did not take effect; a person is shown a text for each."""

    INVALID_AUTH = "invalid_auth"
    CANNOT_CONNECT = "cannot_connect"
    BLOCKED = "blocked"
    NOT_CONNECTED = "not_connected"
    CONNECTION_LOST = "connection_lost"
    NOT_CONFIRMED = "not_confirmed"
    REFUSED = "refused"
    CONFLICT = "conflict"
    KEPT_OLD_VALUE = "kept_old_value"
    TOO_MANY_COMMANDS = "too_many_commands"
    BUSY = "busy"
    OCTOPUS_IN_CONTROL = "octopus_in_control"
    OCTOPUS_CHOOSES_MODE = "octopus_chooses_mode"
    SCHEDULE_CHOOSES_MODE = "schedule_chooses_mode"
    API_UNKNOWN = "api_unknown"
    CURRENT_OUT_OF_RANGE = "current_out_of_range"
    SCHEDULE_NOT_REPORTED = "schedule_not_reported"
    SCHEDULE_UNREADABLE = "schedule_unreadable"
    EMPTY_SCHEDULE = "empty_schedule"
    TOO_MANY_SESSIONS = "too_many_sessions"
    SESSIONS_OVERLAP = "sessions_overlap"
    SESSION_INCOMPLETE = "session_incomplete"
    SESSION_WITHOUT_LENGTH = "session_without_length"
    SESSION_WITHOUT_DAYS = "session_without_days"
    SESSION_WITH_DAYS = "session_with_days"
    SESSION_ONLY_IN_APP = "session_only_in_app"
    SESSION_CHANGED_MEANWHILE = "session_changed_meanwhile"
    INVALID_TIME = "invalid_time"
    INVALID_DAY = "invalid_day"
    INVALID_SCHEDULE = "invalid_schedule"
    BACKUP_WITHOUT_LENGTH = "backup_without_length"
    NOTHING_WITHIN_A_DAY = "nothing_within_a_day"
    PLAN_TOO_FAR = "plan_too_far"
    INVALID_PLAN = "invalid_plan"
    INVALID_EFFECT = "invalid_effect"


class HypervoltError(Exception):
    """Base of every error this library raises on purpose.

    `details` are what a text about the `cause` names: numbers and the user's own words.
    """

    cause: Cause = Cause.CANNOT_CONNECT
    details: Mapping[str, str] = MappingProxyType({})


class InvalidAuth(HypervoltError):
    """The token endpoint judged the e-mail and password to be wrong (protocol.md 3)."""

    cause = Cause.INVALID_AUTH


class CannotConnect(HypervoltError):
    """The cloud could not be reached or is in trouble: worth trying again later.

    `deferred` if nothing was sent, because an attempt is due later.
    """

    deferred = False

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        """Keep the seconds the service asked to be left alone (``Retry-After``)."""
        super().__init__(reason)
        self.retry_after = retry_after

    def again(self, wait: float) -> "CannotConnect":
        """Return the same error for an attempt that is not made for so many seconds."""
        error = self._copy(wait)
        error.deferred = True
        return error

    def _copy(self, wait: float) -> "CannotConnect":
        return type(self)(str(self), retry_after=wait)


class UnexpectedAnswer(CannotConnect):
    """Something answered, but not in the cloud's language, such as an HTML page."""


class Blocked(CannotConnect):
    """The cloud turns this client away: it has blocked ones that asked too often (F29)."""

    cause = Cause.BLOCKED

    def __init__(self, pause: float) -> None:
        """Ask to be left alone for `pause` seconds."""
        super().__init__("The cloud refuses this client", retry_after=pause)

    def _copy(self, wait: float) -> "Blocked":  # type: ignore[explicit-override]
        return Blocked(wait)


class UnknownCharger(HypervoltError):
    """The cloud does not know this charger, or it left the account."""


class CommandError(HypervoltError):
    """A command did not take effect."""

    def __init__(self, command: str, cause: Cause, **details: str) -> None:
        """Name the command by its intent, and say why it failed."""
        super().__init__(_text(cause, details, command))
        self.command = command
        self.cause = cause
        self.details = details


class CommandRejected(CommandError):
    """The charger or the cloud refused, and said so."""


class CommandTimeout(CommandError):
    """No confirmation came in time, and reading back does not show the change."""


class ChangedMeanwhile(CommandError):
    """Somebody else changed the same thing while the command was not yet confirmed."""


class NotConnected(CommandError):
    """There was no logged-in connection within the time a command waits for one."""


class NotSupported(CommandError):
    """The charger, or the state it is in, does not know this command."""


class InvalidSchedule(HypervoltError, ValueError):
    """A schedule the charger could not carry out; nothing was sent."""

    def __init__(self, cause: Cause | str, **details: str) -> None:
        """Say what is wrong; a mere text is for what is only logged."""
        if isinstance(cause, Cause):
            super().__init__(_text(cause, details))
            self.cause = cause
        else:
            super().__init__(cause)
            self.cause = Cause.INVALID_SCHEDULE
        self.details = details


class EditConflict(InvalidSchedule):
    """A session that was edited here has been changed elsewhere meanwhile."""

    def __init__(self, number: int) -> None:
        """Keep the number of the session, from 1."""
        super().__init__(Cause.SESSION_CHANGED_MEANWHILE, number=str(number))


class InvalidEffect(HypervoltError, ValueError):
    """An LED effect, or a file that describes one, makes no sense."""

    cause = Cause.INVALID_EFFECT


def _text(cause: Cause, details: Mapping[str, str], command: str = "") -> str:
    """Return an error in words for the log."""
    words = cause.replace("_", " ")
    named = ", ".join(f"{name} {value}" for name, value in details.items())
    return ": ".join(filter(None, (command, words, named)))
