"""The known misbehaviours of the cloud as switches (protocol.md 12).

F1 to F40 are numbered as in protocol.md; what comes after them is not in its table.
`FAULTS` is the table: what each switch does, where it acts and which options it
takes. Every switch also takes `charger` (a charger or its id; none means all) and
`count` (it works that many times, then ends; `once=True` is `count=1`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import time
from typing import Final, Protocol

from .journal import Changes
from .vocabulary import Json


class Fault(StrEnum):
    """Names and codes, up to F40 as in the table of protocol.md 12."""

    STALL = "F1"
    TOKEN_AGE = "F2"
    BYE = "F3"
    BAD_CLOSE = "F4"
    MASS_DROP = "F5"
    CONFLICT = "F6"
    INTERNAL = "F7"
    NOT_ALLOWED = "F8"
    LOST = "F9"
    ECHO = "F10"
    HOLLOW = "F11"
    REFUSED = "F12"
    PILOT_FLAP = "F13"
    PILOT_ODD = "F14"
    MESSY_DOC = "F15"
    NEW_VALUES = "F16"
    ODD_TYPES = "F17"
    GARBAGE = "F18"
    STALE_REST = "F19"
    NO_SCHEDULE = "F20"
    STALE_OCTOPUS = "F21"
    OCTOPUS_SHAPE = "F22"
    MIDNIGHT = "F23"
    REST_ERROR = "F24"
    IDP_DOWN = "F25"
    REFRESH_DEAD = "F26"
    BAD_PASSWORD = "F27"
    WS_REFUSED = "F28"
    BLOCKED = "F29"
    SLOW_START = "F30"
    WH_NOISE = "F31"
    FROZEN_FIELDS = "F32"
    PHANTOM = "F33"
    V2_SILENCE = "F34"
    UNLOCK_PAUSE = "F35"
    STICKY_STOP = "F36"
    UNIT_CHANGE = "F37"
    GONE = "F38"
    ACCOUNT = "F39"
    FOREIGN_WRITE = "F40"
    PARTIAL_SESSION = "F41"
    LOST_PILOT = "F42"
    REPEATED_PILOT = "F43"
    LATE_ANSWER = "F44"


class Place(StrEnum):
    """Where a fault acts."""

    SYNC = "/sync"
    SESSION = "session frames"
    SOCKETS = "sockets"
    HANDSHAKE = "handshake"
    TOKEN = "token endpoint"
    REST = "REST"
    CHARGER = "charger"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a fault."""

    default: Json
    meaning: str
    choices: tuple[str, ...] = ()

    def check(self, name: str, value: Json) -> Json:
        """Return the value in its proper type, or raise ValueError."""
        if self.choices:
            text = str(value)
            if text not in self.choices:
                raise ValueError(f"{name} must be one of {', '.join(self.choices)}")
            return text
        kinds: tuple[type, ...] = (type(self.default),)
        if isinstance(self.default, float | int) and not isinstance(self.default, bool):
            kinds = (int, float)
        if self.default is not None and value is not None:
            flag_mixed = isinstance(value, bool) != isinstance(self.default, bool)
            if not isinstance(value, kinds) or flag_mixed:
                raise ValueError(f"{name} must be like {self.default!r}")
        return value


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """One row of the table."""

    fault: Fault
    description: str
    place: Place
    options: Mapping[str, Option] = field(default_factory=dict)


_METHODS = Option([], "only these methods; empty means every command")
_DROP = Option(default=True, meaning="also drop the open sockets when switched on")

_ROWS: Final = (
    FaultInfo(
        Fault.STALL,
        "Sockets stay open and answer pings, but carry no frame.",
        Place.SOCKETS,
        {
            "replies": Option(False, "requests are answered nevertheless"),
            "until_reconnect": Option(False, "sockets opened later work"),
            "path": Option(
                "",
                "only sockets whose path contains this, such as a legacy V2's"
                " /session/in-progress",
            ),
        },
    ),
    FaultInfo(
        Fault.TOKEN_AGE,
        "The login of open sockets is void: pushes go on, the first command is"
        " unanswered and the socket closes 1000 Bye.",
        Place.SYNC,
        {
            "after": Option(
                None,
                "logins older than so many seconds are void; null: those before"
                " the fault was switched on",
            )
        },
    ),
    FaultInfo(
        Fault.BYE,
        "Closes 1000 Bye now, and every later socket some seconds after it opened.",
        Place.SOCKETS,
        {"after": Option(5.0, "seconds a later socket lives")},
    ),
    FaultInfo(
        Fault.BAD_CLOSE,
        "Sockets drop without a close frame; handshakes are answered badly.",
        Place.HANDSHAKE,
        {
            "mode": Option(
                "abrupt",
                "abrupt: only the drop; else the answer to handshakes",
                ("abrupt", "401", "403", "502", "503", "hang"),
            ),
            "drop": _DROP,
        },
    ),
    FaultInfo(
        Fault.MASS_DROP,
        "All clients are dropped at once, when switched on.",
        Place.SOCKETS,
        {
            "code": Option(1000, "close code"),
            "reason": Option("Bye", "close reason"),
            "abrupt": Option(False, "without a close frame"),
        },
    ),
    FaultInfo(
        Fault.CONFLICT,
        "sync.apply is answered with error 409 and not applied.",
        Place.SYNC,
    ),
    FaultInfo(
        Fault.INTERNAL,
        "Commands fail with -32603 and a message that names them.",
        Place.SYNC,
        {
            "methods": _METHODS,
            "with_id": Option(True, "whether the error carries the request's id"),
        },
    ),
    FaultInfo(
        Fault.NOT_ALLOWED,
        "The V3 methods are refused, whatever the charger is.",
        Place.SYNC,
        {
            "shape": Option(
                "message",
                "member of the error with the text; named: the error names the method;"
                " or a result of this type instead of an error",
                ("message", "error", "named", "text", "null", "object"),
            )
        },
    ),
    FaultInfo(
        Fault.LOST,
        "Requests get no reply and no push.",
        Place.SYNC,
        {
            "methods": Option([], "only these methods; empty means all but login"),
            "applied": Option(False, "commands take effect nevertheless"),
        },
    ),
    FaultInfo(
        Fault.ECHO,
        "Commands are confirmed in another way than usual.",
        Place.SYNC,
        {
            "mode": Option(
                "duplicated",
                "which frames come, in what order",
                ("reply", "push", "both", "swapped", "duplicated", "late"),
            ),
            "delay": Option(10.0, "seconds of `late`"),
        },
    ),
    FaultInfo(
        Fault.HOLLOW,
        "V3 API: a solar_mode write is echoed without effect (always so) and"
        " reverted by a later push (this fault).",
        Place.SYNC,
        {
            "mode": Option("revert", "with or without the push", ("revert", "echo")),
            "delay": Option(1.0, "seconds until the push"),
        },
    ),
    FaultInfo(
        Fault.REFUSED,
        "plugncharge.set answers applied:false and changes nothing.",
        Place.SYNC,
    ),
    FaultInfo(
        Fault.PILOT_FLAP,
        "Pilot A for some seconds, then B, again and again, while plugged in.",
        Place.SYNC,
        {
            "a_seconds": Option(5.5, "how long A"),
            "b_seconds": Option(10.0, "how long the true state"),
        },
    ),
    FaultInfo(
        Fault.PILOT_ODD,
        "Odd pilot values are pushed when switched on.",
        Place.SYNC,
        {
            "values": Option(["D", "E", "F", None, "b", "C2"], "in this order"),
            "composite": Option(False, "as get.composite_pilot_status"),
        },
    ),
    FaultInfo(
        Fault.MESSY_DOC,
        "Snapshots are shuffled, with missing and duplicate keys, unsolicited;"
        " no frame has jsonrpc.",
        Place.SYNC,
        {"missing": Option(["ct_flags", "brightness"], "keys left out")},
    ),
    FaultInfo(
        Fault.NEW_VALUES,
        "Unknown modes, methods, schedule types, features, effects and states are"
        " pushed and read.",
        Place.SYNC,
    ),
    FaultInfo(
        Fault.ODD_TYPES,
        "Numbers as text and text as numbers: firmware, ids, max_current, applied.",
        Place.SYNC,
        {
            "max_current": Option("string", "its type", ("string", "float")),
            "applied": Option(
                "string",
                "type of `applied` in Plug and Charge: the mode as text where a bool"
                " is usual, or null",
                ("string", "null"),
            ),
            "reply_ids": Option(False, "also ids of replies change their type"),
        },
    ),
    FaultInfo(
        Fault.GARBAGE,
        "Non-JSON, binary, {}, arrays and replies to unknown ids are sent when"
        " switched on and after each login.",
        Place.SYNC,
    ),
    FaultInfo(
        Fault.STALE_REST,
        "V3 API: the REST schedule answers 200 with an old schedule.",
        Place.REST,
        {
            "put": Option(
                "overwrite",
                "a PUT replaces the real schedule by nonsense, or fails",
                ("overwrite", "fail"),
            )
        },
    ),
    FaultInfo(
        Fault.NO_SCHEDULE,
        "The schedule's keys are missing.",
        Place.SYNC,
        {
            "mode": Option(
                "missing",
                "what `applied` is (legacy REST: always {})",
                ("missing", "null", "empty"),
            )
        },
    ),
    FaultInfo(
        Fault.STALE_OCTOPUS,
        "Removed Octopus dispatches stay, their removal is not pushed.",
        Place.SYNC,
    ),
    FaultInfo(
        Fault.OCTOPUS_SHAPE,
        "Octopus sessions in another shape, with filler sessions between.",
        Place.SYNC,
        {
            "style": Option(
                "naive",
                "form of the times: UTC without offset, with offset, with Z, or"
                " HH:MM in the charger's zone",
                ("naive", "offset", "z", "local"),
            ),
            "filler": Option("super_eco", "mode of the fillers; empty: none"),
        },
    ),
    FaultInfo(
        Fault.MIDNIGHT,
        "The stored schedule holds 24:00 ends, a whole day and both halves of a"
        " night on the same day (V3 API; a wrong write is always refused).",
        Place.CHARGER,
    ),
    FaultInfo(
        Fault.REST_ERROR,
        "REST answers badly.",
        Place.REST,
        {
            "mode": Option(
                "503",
                "the answer",
                ("401", "404", "429", "500", "503", "html", "hang", "redirect"),
            ),
            "retry_after": Option(2, "seconds in Retry-After of a 429"),
            "path": Option("", "only paths that contain this"),
        },
    ),
    FaultInfo(
        Fault.IDP_DOWN,
        "The token endpoint is out of order.",
        Place.TOKEN,
        {
            "mode": Option(
                "503",
                "the answer; reset: the connection breaks",
                ("404", "408", "429", "500", "503", "html", "hang", "reset"),
            ),
            "retry_after": Option(2, "seconds in Retry-After of a 429"),
        },
    ),
    FaultInfo(
        Fault.REFRESH_DEAD,
        "The refresh grant is refused.",
        Place.TOKEN,
        {"status": Option("400", "HTTP status", ("400", "401"))},
    ),
    FaultInfo(
        Fault.BAD_PASSWORD,
        "The password grant is refused.",
        Place.TOKEN,
        {"status": Option("401", "HTTP status", ("400", "401"))},
    ),
    FaultInfo(
        Fault.WS_REFUSED,
        "The login on the socket fails.",
        Place.SYNC,
        {
            "mode": Option("false", "its form", ("false", "error", "silence", "close")),
            "drop": _DROP,
        },
    ),
    FaultInfo(
        Fault.BLOCKED,
        "The client is blocked everywhere, tokens included.",
        Place.HANDSHAKE,
        {"status": Option("403", "HTTP status", ("401", "403")), "drop": _DROP},
    ),
    FaultInfo(
        Fault.SLOW_START,
        "The first replies come late, or one never.",
        Place.SYNC,
        {
            "delay": Option(10.0, "no reply before the socket is so many seconds old"),
            "never": Option("", "a method never answered; then nothing else is late"),
        },
    ),
    FaultInfo(
        Fault.WH_NOISE,
        "watt_hours is noisy.",
        Place.SESSION,
        {
            "mode": Option(
                "dip",
                "dip: every third frame is lower; reset: restarts in the session;"
                " keep: the last total stays while idle; jump: every third frame"
                " is higher; drop: falls to `level` for some frames, then goes on"
                " where it was; resume: a further session of the same car goes on"
                " where its last one ended; lifetime: all energy ever delivered, and"
                " `offset`; burst: some frames in quick succession show `absurd`;"
                " plateau: stands still for some frames, then catches up",
                (
                    "dip",
                    "reset",
                    "keep",
                    "jump",
                    "drop",
                    "resume",
                    "lifetime",
                    "burst",
                    "plateau",
                ),
            ),
            "watt_hours": Option(5, "size of a dip or jump"),
            "frames": Option(
                3,
                "wrong frames in a row of a drop, lifetime, burst or plateau; 0: all;"
                " `count` counts the rows",
            ),
            "between": Option(3, "right frames before the next wrong ones"),
            "level": Option(0, "what a drop shows at most"),
            "idle": Option(False, "the frames of a drop deny that it charges"),
            "offset": Option(4_000_000, "of a lifetime's count"),
            "absurd": Option(305_000, "what a burst shows"),
            "gap": Option(1.0, "seconds between the frames of a burst"),
        },
    ),
    FaultInfo(
        Fault.FROZEN_FIELDS,
        "Some measurements stand still.",
        Place.SESSION,
        {"fields": Option({"ct_current": 1900, "ev_power": 0}, "and their values")},
    ),
    FaultInfo(
        Fault.PHANTOM,
        "After a session the clamp shows the car's load for its duration again.",
        Place.SESSION,
        {"watts": Option(None, "show this load whenever idle, session or not")},
    ),
    FaultInfo(
        Fault.V2_SILENCE,
        "No session frames at all; replies and other pushes go on.",
        Place.SESSION,
    ),
    FaultInfo(
        Fault.UNLOCK_PAUSE,
        "A redundant unlock sets `released` (V3 hardware: always so).",
        Place.CHARGER,
    ),
    FaultInfo(
        Fault.STICKY_STOP,
        "`released` survives unplugging, so later schedules do not start.",
        Place.CHARGER,
    ),
    FaultInfo(
        Fault.UNIT_CHANGE,
        "ct_power changes its scale.",
        Place.SESSION,
        {"factor": Option(100.0, "of the new scale")},
    ),
    FaultInfo(
        Fault.GONE,
        "A working endpoint is gone.",
        Place.HANDSHAKE,
        {
            "path": Option("/schedule", "paths that contain this, WebSockets too"),
            "status": Option("404", "HTTP status", ("404", "503")),
        },
    ),
    FaultInfo(
        Fault.ACCOUNT,
        "The charger list is not as expected.",
        Place.REST,
        {
            "mode": Option(
                "empty",
                "no charger, this charger missing, one more, or no `model`",
                ("empty", "missing", "several", "no_model"),
            )
        },
    ),
    FaultInfo(
        Fault.FOREIGN_WRITE,
        "Somebody changes the charger in the app all the time; a legacy V2's"
        " activation mode changes without a push.",
        Place.CHARGER,
        {"every": Option(2.0, "seconds between two changes")},
    ),
    FaultInfo(
        Fault.PARTIAL_SESSION,
        "Session frames go on without some of their members, or without what can be"
        " read of them (not in protocol.md's table; see 5.2 and 6.2).",
        Place.SESSION,
        {
            "fields": Option(["watt_hours"], "which members"),
            "how": Option(
                "absent",
                "left out, null, or a text that is neither a number nor a yes or no",
                ("absent", "null", "text"),
            ),
        },
    ),
    FaultInfo(
        Fault.LOST_PILOT,
        "Pushes of the pilot are lost; `count` counts those that somebody would have"
        " received (not in protocol.md's table; see 10).",
        Place.SYNC,
    ),
    FaultInfo(
        Fault.REPEATED_PILOT,
        "The pilot is pushed again and again without a change (not in protocol.md's"
        " table; see 5.8).",
        Place.SYNC,
        {"every": Option(5.0, "seconds between two pushes")},
    ),
    FaultInfo(
        Fault.LATE_ANSWER,
        "Answers come late, and show what was so when they were asked for (not in"
        " protocol.md's table; see 5.8).",
        Place.SYNC,
        {
            "methods": Option(
                ["sync.snapshot"], "the answers to these; empty: to all but login"
            ),
            "delay": Option(10.0, "seconds"),
        },
    ),
)

FAULTS: Final[Mapping[Fault, FaultInfo]] = {row.fault: row for row in _ROWS}


class HasChargerId(Protocol):
    """A charger, or whatever else knows one."""

    @property
    def charger_id(self) -> str:
        """The charger's id."""


type WhichCharger = HasChargerId | str | None


@dataclass(slots=True)
class ActiveFault:
    """A switched-on fault with its options."""

    fault: Fault
    charger_id: str | None
    options: Mapping[str, Json]
    remaining: int | None
    enabled_at: float

    def text(self, name: str) -> str:
        """Return a text option."""
        return str(self.options[name])

    def number(self, name: str) -> float:
        """Return a number option."""
        value = self.options[name]
        if isinstance(value, (int, float)):
            return float(value)
        raise TypeError(f"{self.fault} option {name} is not a number")

    def flag(self, name: str) -> bool:
        """Return a yes-or-no option."""
        return bool(self.options[name])

    def items(self, name: str) -> list[Json]:
        """Return a list option."""
        value = self.options[name]
        return list(value) if isinstance(value, (list, tuple)) else []

    def covers(self, method: str) -> bool:
        """Whether the option `methods` includes this method."""
        methods = self.items("methods")
        return not methods or method in methods


class FaultBoard:
    """The switches, thrown at run time."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._active: dict[tuple[Fault, str | None], ActiveFault] = {}
        self.on_enable: Callable[[ActiveFault], None] = lambda _: None
        self.on_disable: Callable[[ActiveFault], None] = lambda _: None

    @property
    def active(self) -> tuple[ActiveFault, ...]:
        """All switched-on faults."""
        return tuple(self._active.values())

    def enable(
        self,
        fault: Fault,
        *,
        charger: WhichCharger = None,
        count: int | None = None,
        once: bool = False,
        **options: Json,
    ) -> ActiveFault:
        """Switch a fault on; again with other options replaces them."""
        return self.enable_with(
            fault, options, charger=charger, count=1 if once else count
        )

    def enable_with(
        self,
        fault: Fault,
        options: Mapping[str, Json],
        *,
        charger: WhichCharger = None,
        count: int | None = None,
    ) -> ActiveFault:
        """Switch a fault on with options from a mapping."""
        info = FAULTS[fault]
        if unknown := options.keys() - info.options.keys():
            raise ValueError(f"{fault} has no option {', '.join(sorted(unknown))}")
        if count is not None and count < 1:
            raise ValueError("count must be 1 or more")
        values = {name: option.default for name, option in info.options.items()}
        for name, value in options.items():
            values[name] = info.options[name].check(name, value)
        self.disable(fault, charger=charger)
        key = (fault, _id_of(charger))
        active = ActiveFault(fault, key[1], values, count, time.monotonic())
        self._active[key] = active
        self.on_enable(active)
        self._changes.notify()
        return active

    def disable(self, fault: Fault, *, charger: WhichCharger = None) -> None:
        """Switch a fault off; without a charger for all of them."""
        wanted = _id_of(charger)
        for key in tuple(self._active):
            if key[0] is fault and wanted in (None, key[1]):
                self._remove(key)

    def clear(self) -> None:
        """Switch everything off."""
        for key in tuple(self._active):
            self._remove(key)

    def find(self, fault: Fault, charger: WhichCharger = None) -> ActiveFault | None:
        """Return the fault in force for a charger, without using up its count."""
        own = self._active.get((fault, _id_of(charger)))
        return own or self._active.get((fault, None))

    def take(
        self,
        fault: Fault,
        charger: WhichCharger = None,
        *,
        when: Callable[[ActiveFault], bool] | None = None,
    ) -> ActiveFault | None:
        """Return the fault in force and count that it struck."""
        active = self.find(fault, charger)
        if active is None or (when is not None and not when(active)):
            return None
        if active.remaining is not None:
            active.remaining -= 1
            if active.remaining <= 0:
                self._remove((fault, active.charger_id))
        return active

    def _remove(self, key: tuple[Fault, str | None]) -> None:
        active = self._active.pop(key, None)
        if active is not None:
            self.on_disable(active)
            self._changes.notify()


def _id_of(charger: WhichCharger) -> str | None:
    if charger is None or isinstance(charger, str):
        return charger
    return charger.charger_id
