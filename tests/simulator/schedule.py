"""Schedules in both forms, and when they let a car charge (protocol.md 8)."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
import re
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .vocabulary import DEFAULT_TIME_ZONE, WEEK, ChargeMode, Json

MAX_SESSIONS: Final = 6
"""The app and Octopus use up to six (protocol.md 8.2)."""

_TIME: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_SESSION_KEYS: Final = {"session_type", "start_time", "end_time", "mode", "days"}
_REST_KEYS: Final = {"type", "tz", "intervals", "enabled"}
_SCHEDULE_KEYS: Final = {"enabled", "is_default", "type", "sessions"}


class ScheduleRefusedError(ValueError):
    """The cloud would not take this schedule."""


class Listing(StrEnum):
    """Ways to list the same sessions (protocol.md 8.2)."""

    SORTED = "sorted"
    REVERSED = "reversed"
    EACH_DAY = "each_day"
    UPPER_CASE = "upper_case"


@dataclass(frozen=True, slots=True)
class Session:
    """One window of a V3 schedule; `days` is None if the wire has none (8.3)."""

    start_time: str
    end_time: str
    mode: str = ChargeMode.BOOST
    days: tuple[str, ...] | None = WEEK
    session_type: str = "recurring"

    def to_json(self) -> dict[str, Json]:
        """Return the wire form, members in the order seen."""
        document: dict[str, Json] = {}
        if self.days is not None:
            document["days"] = list(self.days)
        document["end_time"] = self.end_time
        document["mode"] = self.mode
        document["session_type"] = self.session_type
        document["start_time"] = self.start_time
        return document

    @property
    def is_dated(self) -> bool:
        """Whether the times are ISO date-times instead of HH:MM (8.3)."""
        return "T" in self.start_time

    def is_active(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether `now` (aware) lies within this window."""
        if self.is_dated:
            return _moment(self.start_time) <= now < _moment(self.end_time)
        local = now.astimezone(zone)
        minute = local.hour * 60 + local.minute
        start, end = minutes_of(self.start_time), minutes_of(self.end_time)
        today = WEEK[local.weekday()]
        days = WEEK if self.days is None else self.days
        if start <= end:
            return today in days and start <= minute < end
        yesterday = WEEK[local.weekday() - 1]
        return (today in days and minute >= start) or (
            yesterday in days and minute < end
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """The V3 form (protocol.md 8.2)."""

    enabled: bool = False
    type: str = "hypervolt"
    is_default: bool = False
    sessions: tuple[Session, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Members that only the app of tomorrow knows."""
    unread: tuple[Json, ...] = ()
    """Sessions that only the app of tomorrow knows."""

    @property
    def is_octopus(self) -> bool:
        """Whether Octopus is in command (protocol.md 8)."""
        return self.enabled and self.type == "octopus"

    def to_json(self) -> dict[str, Json]:
        """Return the wire form, members in the order seen."""
        return {
            "enabled": self.enabled,
            "is_default": self.is_default,
            "sessions": [
                *(session.to_json() for session in self.sessions),
                *self.unread,
            ],
            "type": self.type,
            **self.extra,
        }

    def active_mode(self, now: datetime, zone: ZoneInfo) -> str | None:
        """Return the mode of the window `now` lies in."""
        for session in self.sessions:
            if session.is_active(now, zone):
                return session.mode
        return None


@dataclass(frozen=True, slots=True)
class Interval:
    """One daily window of the legacy form, in seconds after midnight."""

    start: int
    end: int

    def to_json(self) -> list[Json]:
        """Return the pair of wire times."""
        return [_clock_json(self.start), _clock_json(self.end)]

    def contains(self, second: int) -> bool:
        """Tell whether a second of the day lies within; may cross midnight."""
        if self.start <= self.end:
            return self.start <= second < self.end
        return second >= self.start or second < self.end


@dataclass(frozen=True, slots=True)
class RestSchedule:
    """The legacy form (protocol.md 8.1)."""

    type: str = "restricted"
    tz: str = DEFAULT_TIME_ZONE
    intervals: tuple[Interval, ...] = ()
    enabled: bool = False
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Members that only the app of tomorrow knows."""

    def to_json(self) -> dict[str, Json]:
        """Return the REST body."""
        return {
            "type": self.type,
            "tz": self.tz,
            "intervals": [interval.to_json() for interval in self.intervals],
            "enabled": self.enabled,
            **self.extra,
        }

    def permits(self, now: datetime) -> bool:
        """Tell whether `now` lies within one of the windows."""
        local = now.astimezone(ZoneInfo(self.tz))
        second = local.hour * 3600 + local.minute * 60 + local.second
        return any(interval.contains(second) for interval in self.intervals)


def minutes_of(text: str) -> int:
    """Return the minutes after midnight of HH:MM; 24:00 is the end of the day."""
    if text != "24:00" and not _TIME.fullmatch(text):
        raise ScheduleRefusedError(f"not a time: {text!r}")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def parse_schedule_set(
    params: Json,
    current: Schedule,
    *,
    max_sessions: int = MAX_SESSIONS,
    refuse_overlaps: bool = True,
    strict: bool = True,
) -> Schedule:
    """Return what `schedule.set` makes of the current schedule.

    Full or partial (protocol.md 8.2). Raise ScheduleRefusedError where the real cloud
    answers -32603, and where its answer is unknown but the app never goes.
    """
    if not isinstance(params, dict) or not params:
        raise ScheduleRefusedError("params must be an object")
    if strict and (unknown := params.keys() - _SCHEDULE_KEYS):
        raise ScheduleRefusedError(f"unknown keys {sorted(unknown)}")
    if current.is_octopus:
        raise ScheduleRefusedError("Octopus is in command")
    enabled = params.get("enabled", current.enabled)
    is_default = params.get("is_default", current.is_default)
    if not isinstance(enabled, bool) or not isinstance(is_default, bool):
        raise ScheduleRefusedError("enabled and is_default must be true or false")
    if params.get("type", "hypervolt") != "hypervolt":
        raise ScheduleRefusedError("only the type hypervolt can be written")
    extra = {name: params[name] for name in params.keys() - _SCHEDULE_KEYS}
    sessions, unread = current.sessions, current.unread
    if "sessions" in params:
        items, unread = params["sessions"], ()
        if not strict and isinstance(items, list):
            unread = tuple(item for item in items if not _is_session(item))
            items = [item for item in items if _is_session(item)]
        sessions = _parse_sessions(items, max_sessions)
        if refuse_overlaps:
            _refuse_overlaps(sessions)
    return Schedule(
        enabled,
        "hypervolt",
        is_default,
        sessions,
        {**current.extra, **extra},
        unread,
    )


def relisted(sessions: Iterable[Session], listing: Container[Listing]) -> list[Session]:
    """Return the same sessions, listed in another way."""
    listed = list(sessions)
    if Listing.EACH_DAY in listing:
        listed = [
            replace(session, days=(day,))
            for session in listed
            for day in session.days or WEEK
        ]
    if Listing.UPPER_CASE in listing:
        listed = [replace(session, mode=session.mode.upper()) for session in listed]
    if Listing.SORTED in listing:
        listed.sort(key=lambda session: (session.start_time, session.days or ()))
    if Listing.REVERSED in listing:
        listed.reverse()
    return listed


def session_from_json(value: Json) -> Session:
    """Return a window as the app or Octopus writes it, without strictness."""
    if not isinstance(value, Mapping):
        raise ScheduleRefusedError("a session must be an object")
    days = value.get("days")
    if days is not None and not (
        isinstance(days, Sequence) and not isinstance(days, str)
    ):
        raise ScheduleRefusedError("days must be an array")
    session = Session(
        start_time=str(value.get("start_time")),
        end_time=str(value.get("end_time")),
        mode=str(value.get("mode", ChargeMode.BOOST)),
        days=None if days is None else tuple(str(day) for day in days),
        session_type=str(value.get("session_type", "recurring")),
    )
    # Times nobody can read would break the charger's own physics.
    if session.is_dated:
        _moment(session.start_time)
        _moment(session.end_time)
    else:
        minutes_of(session.start_time)
        minutes_of(session.end_time)
    return session


def parse_rest_schedule(body: Json) -> RestSchedule:
    """Return the schedule of a PUT body; both forms are accepted (8.1)."""
    if not isinstance(body, dict):
        raise ScheduleRefusedError("the body must be an object")
    kind, tz, enabled = body.get("type"), body.get("tz"), body.get("enabled")
    if kind not in ("restricted", "open"):
        raise ScheduleRefusedError("type must be restricted or open")
    if not isinstance(enabled, bool):
        raise ScheduleRefusedError("enabled must be true or false")
    if not isinstance(tz, str):
        raise ScheduleRefusedError("tz must be text")
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScheduleRefusedError(f"unknown zone {tz!r}") from error
    intervals = body.get("intervals")
    if not isinstance(intervals, list):
        raise ScheduleRefusedError("intervals must be an array")
    if kind == "open":
        # `open` erases the intervals (protocol.md 8.1).
        intervals = []
    return RestSchedule(
        str(kind),
        tz,
        tuple(_parse_interval(item) for item in intervals),
        enabled,
        {name: body[name] for name in body.keys() - _REST_KEYS},
    )


def interval_between(start: str, end: str) -> Interval:
    """Return the daily window between two HH:MM times."""
    return Interval(minutes_of(start) * 60, minutes_of(end) * 60)


def hours_minutes(second: int) -> str:
    """Return HH:MM of a second of the day."""
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ScheduleRefusedError(f"not a date-time: {text!r}") from error
    # Without an offset it is UTC (protocol.md 8.3).
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_session(value: Json) -> bool:
    try:
        _parse_session(value)
    except ScheduleRefusedError:
        return False
    return True


def _parse_sessions(value: Json, max_sessions: int) -> tuple[Session, ...]:
    if not isinstance(value, list):
        raise ScheduleRefusedError("sessions must be an array")
    if len(value) > max_sessions:
        raise ScheduleRefusedError(f"more than {max_sessions} sessions")
    return tuple(_parse_session(item) for item in value)


def _parse_session(value: Json) -> Session:
    if not isinstance(value, dict) or value.keys() != _SESSION_KEYS:
        raise ScheduleRefusedError(f"a session has exactly {sorted(_SESSION_KEYS)}")
    if value["session_type"] != "recurring":
        raise ScheduleRefusedError("session_type must be recurring")
    start, end = value["start_time"], value["end_time"]
    if not isinstance(start, str) or not isinstance(end, str):
        raise ScheduleRefusedError("times must be text")
    # protocol.md 8.2: end 00:00 and start > end are refused, 24:00 is the end.
    if start == "24:00" or minutes_of(start) >= minutes_of(end):
        raise ScheduleRefusedError("start must be before end")
    mode = value["mode"]
    if not isinstance(mode, str) or mode not in tuple(ChargeMode):
        raise ScheduleRefusedError(f"unknown mode {mode!r}")
    return Session(start, end, mode, _parse_days(value["days"]))


def _parse_days(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ScheduleRefusedError("days must be a non-empty array")
    days = tuple(day for day in value if isinstance(day, str) and day in WEEK)
    if len(days) != len(value) or len(set(days)) != len(days):
        # There is no ALL on the wire (protocol.md 8.2).
        raise ScheduleRefusedError("days must be distinct upper-case English names")
    return days


def _refuse_overlaps(sessions: Iterable[Session]) -> None:
    windows = sorted(
        (day, minutes_of(session.start_time), minutes_of(session.end_time))
        for session in sessions
        for day in session.days or WEEK
    )
    for before, after in pairwise(windows):
        if before[0] == after[0] and after[1] < before[2]:
            raise ScheduleRefusedError(f"sessions overlap on {before[0]}")


def _clock_json(second: int) -> dict[str, Json]:
    return {
        "hours": second // 3600,
        "minutes": second // 60 % 60,
        "seconds": second % 60,
    }


def _parse_interval(value: Json) -> Interval:
    if not isinstance(value, list) or len(value) != 2:
        raise ScheduleRefusedError("an interval is a pair of times")
    return Interval(_parse_clock(value[0]), _parse_clock(value[1]))


def _parse_clock(value: Json) -> int:
    if not isinstance(value, dict) or value.keys() != {"hours", "minutes", "seconds"}:
        raise ScheduleRefusedError("a time has hours, minutes and seconds")
    parts: list[int] = []
    for name, limit in (("hours", 24), ("minutes", 59), ("seconds", 59)):
        part = value[name]
        if isinstance(part, bool) or not isinstance(part, int):
            raise ScheduleRefusedError(f"{name} must be a whole number")
        if not 0 <= part <= limit:
            raise ScheduleRefusedError(f"{name} must be 0 to {limit}")
        parts.append(part)
    second = parts[0] * 3600 + parts[1] * 60 + parts[2]
    if second > 24 * 3600:
        raise ScheduleRefusedError("a time ends at 24:00:00")
    return second
