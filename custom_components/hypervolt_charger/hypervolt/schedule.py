"""Charging schedules: what a person means, and the two forms the cloud writes them in.

A session may cross midnight here; the wire of the V3 API does not allow that, so
`write_v3` splits and `read_v3` joins (protocol.md 8.2). Instants are reckoned in UTC;
time zones come in as `tzinfo`, because loading one reads files.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import IntEnum, StrEnum
from functools import lru_cache
from itertools import combinations
import json
import re
from typing import Final, NewType, Self, TypeAlias

from .errors import Cause, InvalidSchedule
from .protocol import JsonValue, readable

DEFAULT_TIME_ZONE: Final = "Europe/London"

_SECONDS_A_DAY: Final = 86_400
_SECONDS_A_MINUTE: Final = 60
_SECOND: Final = timedelta(seconds=1)
_ALMOST_A_SECOND: Final = timedelta(microseconds=999_999)
_DAY: Final = timedelta(days=1)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_DISPATCH_MODE: Final = "boost"
_MODES: Final = ("boost", "eco", "super_eco", "super_eco_battery_safe")
# What is written of a schedule and of a session; other members are kept as they are.
_V3_MEMBERS: Final = frozenset({"enabled", "type", "sessions"})
_SESSION_MEMBERS: Final = frozenset({"start_time", "end_time", "mode", "days"})
_V2_MEMBERS: Final = frozenset({"type", "tz", "intervals", "enabled"})
_SESSION_TYPE: Final = "recurring"

# A JSON document as text, or "" for none.
JsonText = NewType("JsonText", str)
_NO_JSON: Final = JsonText("")
# No charger has more; what has is not taken for a schedule, rather than in part.
_MOST_SESSIONS: Final = 100


class ScheduleType(StrEnum):
    """Who made the plan (protocol.md 8.2)."""

    HYPERVOLT = "hypervolt"
    OCTOPUS = "octopus"


class Weekday(IntEnum):
    """Days in week order; the numbers are `date.weekday()`'s."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6

    def shifted(self, days: int) -> Self:
        """Return the weekday so many days later, across the end of the week."""
        return type(self)((self + days) % 7)


EVERY_DAY = frozenset(Weekday)
_WEEKDAYS: Final = frozenset(list(Weekday)[:5])
_WEEKEND: Final = EVERY_DAY - _WEEKDAYS


@dataclass(frozen=True, slots=True, order=True)
class ClockTime:
    """A local time of day, in seconds since midnight; 86400 is the day's end, 24:00."""

    seconds: int

    def __post_init__(self) -> None:
        """Raise `InvalidSchedule` for what no clock shows."""
        if not 0 <= self.seconds <= _SECONDS_A_DAY:
            raise InvalidSchedule("a time of day lies between 00:00 and 24:00")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HH:MM` or `HH:MM:SS`, up to 24:00; `InvalidSchedule` for the rest."""
        match = _CLOCK.fullmatch(text.strip())
        if match is None:
            raise InvalidSchedule(Cause.INVALID_TIME, text=readable(text))
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        if minutes > 59 or seconds > 59:
            raise InvalidSchedule(Cause.INVALID_TIME, text=readable(text))
        return cls(hours * 3600 + minutes * 60 + seconds)

    @classmethod
    def from_time(cls, value: time) -> Self:
        """Take the clock time of a `datetime.time`; parts of a second are dropped."""
        return cls(value.hour * 3600 + value.minute * 60 + value.second)

    def as_start(self) -> Self:
        """Return the whole minute it lies in: schedules have no seconds."""
        return type(self)(self.seconds - self.seconds % _SECONDS_A_MINUTE)

    def as_end(self) -> Self:
        """Return the whole minute it lies in; in the day's last one, 24:00.

        Ends are rounded as starts are, so that windows that meet do not overlap. Who
        enters 23:59:59 means the end of the day.
        """
        if self.seconds > _SECONDS_A_DAY - _SECONDS_A_MINUTE:
            return type(self)(_SECONDS_A_DAY)
        return self.as_start()

    def to_time(self) -> time:
        """Return the same as `datetime.time`, which knows no 24:00: that is 00:00."""
        minutes, seconds = divmod(self.seconds % _SECONDS_A_DAY, 60)
        return time(minutes // 60, minutes % 60, seconds)

    # `typing.override` came with Python 3.12
    def __str__(self) -> str:  # type: ignore[explicit-override]
        """Return `HH:MM` as the cloud has it, with seconds only if there are any."""
        minutes, seconds = divmod(self.seconds, 60)
        text = f"{minutes // 60:02}:{minutes % 60:02}"
        return f"{text}:{seconds:02}" if seconds else text


MIDNIGHT: Final = ClockTime(0)
DAY_END: Final = ClockTime(_SECONDS_A_DAY)
# How a whole day ends on a legacy V2, whose clock has no 24:00 and where 00:00 to 00:00
# might be taken for nothing.
_V2_LAST_SECOND: Final = ClockTime(_SECONDS_A_DAY - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSession:
    """One recurring charging window in the charger's local time.

    An end at or before the start lies on the following day; `days` are those of the
    start. `mode` is kept as text so that a mode unknown to us survives. A dispatch of
    Octopus happens once: `on_date` is the local date it starts on (protocol.md 8.3).

    `extra` are members of the V3 API's session that have no meaning here, as JSON.
    `verbatim` is the whole session as JSON if it can't be written in any other way.
    """

    start: ClockTime
    end: ClockTime
    days: frozenset[Weekday] = EVERY_DAY
    mode: str = "boost"
    on_date: date | None = None
    extra: JsonText = _NO_JSON
    verbatim: JsonText = _NO_JSON

    @property
    def is_whole_day(self) -> bool:
        """Whether this is 00:00-24:00, the one window as long as a day."""
        return self.start == MIDNIGHT and self.end == DAY_END

    @property
    def crosses_midnight(self) -> bool:
        """Whether the end lies on the day after the start; 00:00 does, 24:00 not."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The active schedule of a charger.

    What can't be read is kept as JSON, to be written again: `extra` are other members
    of the document, `unread` items of its list of sessions.
    """

    enabled: bool
    type: str = ScheduleType.HYPERVOLT
    sessions: tuple[ScheduleSession, ...] = ()
    time_zone: str | None = None
    extra: JsonText = _NO_JSON
    unread: tuple[JsonText, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it never charges the car; what can't be read may do so."""
        return not self.sessions and not self.unread


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One time a session takes place: aware datetimes in UTC, the end exclusive."""

    start: datetime
    end: datetime
    mode: str


@dataclass(frozen=True, slots=True, order=True)
class LocalWindow:
    """The part of a window that lies within one local day; its end may be 24:00."""

    day: date
    start: ClockTime
    end: ClockTime


# Days as text ---------------------------------------------------------------------


_EVERY_DAY_WORDS: Final = re.compile(r"\bevery[\s_]*day\b")
_RANGE_DASH: Final = re.compile(r"\s*[-\N{EN DASH}]\s*")
_DAY_SEPARATORS: Final = re.compile(r"[\s,;&+'\"\[\]]+|\band\b")
_DAY_GROUPS: Final = {
    "all": EVERY_DAY,
    "daily": EVERY_DAY,
    "everyday": EVERY_DAY,
    "weekday": _WEEKDAYS,
    "weekdays": _WEEKDAYS,
    "weekend": _WEEKEND,
    "weekends": _WEEKEND,
}


def parse_days(text: str) -> frozenset[Weekday]:
    """Read the days a person typed, such as `Mon, Wed and weekends`; none for "".

    Any case; names or at least two letters of them, ranges, and words for groups
    (protocol.md 15.4). Raises `InvalidSchedule` naming the word it does not know.
    """
    tidy = _EVERY_DAY_WORDS.sub("everyday", text.casefold())
    words = _DAY_SEPARATORS.split(_RANGE_DASH.sub("-", tidy))
    return frozenset(day for word in words if word for day in _days_of_word(word))


@lru_cache(maxsize=128)  # as many as there are sets of days
def format_days(days: frozenset[Weekday]) -> str:
    """Return `MONDAY,TUESDAY` in week order; "" if there are none."""
    return ",".join(day.name for day in sorted(days))


def _days_of_word(word: str) -> frozenset[Weekday]:
    if (group := _DAY_GROUPS.get(word)) is not None:
        return group
    first, dash, last = word.partition("-")
    start = _day_named(first, word)
    if not dash:
        return frozenset({start})
    length = (_day_named(last, word) - start) % 7 + 1
    return frozenset(start.shifted(offset) for offset in range(length))


def _day_named(name: str, word: str) -> Weekday:
    stem = name.rstrip(".").removesuffix("s") if len(name) > 3 else name.rstrip(".")
    for day in Weekday:
        if len(stem) >= 2 and day.name.casefold().startswith(stem):
            return day
    raise InvalidSchedule(Cause.INVALID_DAY, text=readable(word))


# The wire form of the V3 API ------------------------------------------------------


def read_v3(
    payload: JsonValue, *, zone: tzinfo | None, now: datetime | None = None
) -> Schedule | None:
    """Read what `schedules.get` and `schedule.set` answer or push (protocol.md 8.2).

    Returns an empty, disabled schedule if the charger has none, and None if `payload`
    says nothing about schedules or can't be read. Items that make no sense are no
    sessions. Date-times are UTC and become local in `zone` (protocol.md 8.3); with
    `now`, aware, dispatches that have ended are none either (F21).
    """
    if not isinstance(payload, dict):
        return None
    applied = payload.get("applied")
    if "applied" not in payload and ("sessions" in payload or "enabled" in payload):
        return None  # the request thrown back: not what the charger has
    if applied is None or applied == {}:
        return Schedule(enabled=False)
    if not isinstance(applied, dict):
        return None
    items = applied.get("sessions") or []
    if not isinstance(items, list) or _has_too_many(items):
        return None
    kind = _read_type(applied.get("type"))
    enabled = _truth(applied.get("enabled"))
    octopus = kind == ScheduleType.OCTOPUS
    sessions: list[ScheduleSession] = []
    unread: list[JsonText] = []
    for item in items:
        session = _read_item(item, octopus=octopus, zone=zone or UTC)
        if session is None or (now is not None and _is_over(session, now, zone or UTC)):
            unread.append(_json_text(item))
        else:
            sessions.append(session)
    if octopus:
        # Not written here: only what can be read matters.
        dispatches = (s for s in sessions if s.mode.casefold() == _DISPATCH_MODE)
        return Schedule(enabled=enabled, type=kind, sessions=_join(tuple(dispatches)))
    return Schedule(
        enabled=enabled,
        type=kind,
        sessions=_join(sessions),
        extra=_extra(applied, _V3_MEMBERS, {"is_default": False}),
        unread=tuple(unread),
    )


def reports_schedule(payload: JsonValue) -> bool:
    """Whether a charger's answer or push holds a schedule that can be read."""
    return read_v3(payload, zone=None) is not None


def write_v3(schedule: Schedule, *, enabled: bool) -> dict[str, JsonValue]:
    """Return the full `params` of `schedule.set` (protocol.md 8.2).

    Windows across midnight are split there, the second half on the next day; times are
    whole minutes. What could not be read is written as it was. Raises `InvalidSchedule`
    for a session that has no length or no days, and for a schedule of Octopus, which
    can't be written.
    """
    if schedule.type == ScheduleType.OCTOPUS:
        raise InvalidSchedule(Cause.OCTOPUS_IN_CONTROL)
    sessions: list[JsonValue] = []
    for number, session in enumerate(schedule.sessions, start=1):
        if session.verbatim:
            sessions.append(_members(session.verbatim))
            continue
        _check(session, number)
        whole = _in_whole_minutes(session)
        sessions.extend(_write_part(part) for part in _split(whole))
    sessions.extend(json.loads(item) for item in schedule.unread if item)
    return {
        "enabled": enabled,
        "is_default": False,
        "type": str(schedule.type),
        "sessions": sessions,
        **_members(schedule.extra),
    }


def without_extra(schedule: Schedule) -> Schedule:
    """Return a schedule without the members that have no meaning here."""
    sessions = tuple(replace(session, extra=_NO_JSON) for session in schedule.sessions)
    return replace(schedule, sessions=sessions, extra=_NO_JSON)


def read_mode(text: str) -> str:
    """Return a charge mode in lower case; one that is not known as it is."""
    return text.casefold() if text.casefold() in _MODES else text


def _read_type(value: JsonValue) -> str:
    if not value or not isinstance(value, str):
        return ScheduleType.HYPERVOLT
    known = {str(kind): kind for kind in ScheduleType}
    return known.get(value.casefold(), readable(value))


def _read_item(
    item: JsonValue, *, octopus: bool, zone: tzinfo
) -> ScheduleSession | None:
    """Read one item of the list of sessions; None if it makes no sense."""
    if not isinstance(item, dict):
        return None
    try:
        session = _read_session(item, octopus=octopus, zone=zone)
        if octopus:
            return session
        extra = _extra(item, _SESSION_MEMBERS, {"session_type": _SESSION_TYPE})
        is_dated = "T" in _text(item.get("start_time")).upper()
        if is_dated or session.start == session.end or _has_odd_days(item):
            return replace(session, verbatim=_json_text(item))
    except ValueError:
        return None
    return replace(session, extra=extra)


def _has_odd_days(item: dict[str, JsonValue]) -> bool:
    """Whether there is more among the days than days."""
    days = item.get("days")
    for word in days if isinstance(days, list) else ():
        try:
            parse_days(_text(word))
        except ValueError:
            return True
    return False


def _read_session(
    item: dict[str, JsonValue], *, octopus: bool, zone: tzinfo
) -> ScheduleSession:
    """Read one session; `ValueError` if it makes no sense."""
    start, end = _text(item.get("start_time")), _text(item.get("end_time"))
    mode = read_mode(_text(item.get("mode"), _DISPATCH_MODE))
    days = _read_days(item.get("days"))
    if "t" not in start.casefold():
        return _session(
            ClockTime.parse(start), ClockTime.parse(end), days=days, mode=mode
        )
    dispatch = _read_dispatch(_utc(start), _utc(end), zone=zone, mode=mode)
    if octopus or days is None:
        return dispatch
    return replace(dispatch, days=days, on_date=None)


def _session(
    start: ClockTime, end: ClockTime, *, days: frozenset[Weekday] | None, mode: str
) -> ScheduleSession:
    if start == DAY_END:
        raise InvalidSchedule("a session can't start at 24:00")
    if end == MIDNIGHT < start:
        end = DAY_END
    if days is None:
        days = EVERY_DAY
    return ScheduleSession(start=start, end=end, days=days, mode=mode)


def _read_dispatch(
    start: datetime, end: datetime, *, zone: tzinfo, mode: str
) -> ScheduleSession:
    if end - start > _DAY:
        raise InvalidSchedule("a dispatch lasts a day at most")
    parts = local_windows(start, end, zone)
    first, last = parts[0], parts[-1]
    if len(parts) > 2 or (len(parts) == 2 and last.end >= first.start):
        raise InvalidSchedule("a dispatch lasts less than a day")
    return ScheduleSession(
        start=first.start,
        end=last.end,
        days=frozenset({Weekday(first.day.weekday())}),
        mode=mode,
        on_date=first.day,
    )


def _read_days(value: JsonValue) -> frozenset[Weekday] | None:
    """Return the days, None if there are none; `ValueError` if none makes sense."""
    if not value:
        return None
    days: set[Weekday] = set()
    for word in value if isinstance(value, list) else [value]:
        try:
            days |= parse_days(_text(word))
        except ValueError:
            continue
    if not days:
        raise InvalidSchedule("not one of the days is a day of the week")
    return frozenset(days)


def _is_over(session: ScheduleSession, now: datetime, zone: tzinfo) -> bool:
    if session.on_date is None:
        return False
    occurrence = _occurrence(session, session.on_date, zone)
    return occurrence is None or occurrence.end <= now


def _join(sessions: Sequence[ScheduleSession]) -> tuple[ScheduleSession, ...]:
    """Make one overnight session of every two halves that meet at midnight.

    The older integration wrote the same days on both halves: such ones do not match,
    and are shown as they are stored (protocol.md 8.2).
    """
    joined = list(sessions)
    for evening in sessions:
        for morning in joined:
            if _meet_at_midnight(evening, morning):
                joined[joined.index(evening)] = replace(evening, end=morning.end)
                joined.remove(morning)
                break
    return tuple(joined)


def _meet_at_midnight(evening: ScheduleSession, morning: ScheduleSession) -> bool:
    return (
        evening.end == DAY_END
        and morning.start == MIDNIGHT < morning.end < evening.start
        and evening.mode == morning.mode
        and evening.extra == morning.extra
        and not (evening.verbatim or morning.verbatim)
        and evening.on_date is None is morning.on_date
        and morning.days == _next_days(evening.days)
    )


def _split(session: ScheduleSession) -> list[ScheduleSession]:
    """Return a valid session as one or two that each lie within a day."""
    if not session.crosses_midnight:
        return [session]
    evening = replace(session, end=DAY_END)
    if session.end == MIDNIGHT:
        return [evening]
    days = _next_days(session.days)
    return [evening, replace(session, start=MIDNIGHT, days=days)]


def _in_whole_minutes(session: ScheduleSession) -> ScheduleSession:
    start, end = session.start.as_start(), session.end.as_end()
    if start == end:
        # It is shorter than a minute, but it is not nothing.
        end = ClockTime(start.seconds + _SECONDS_A_MINUTE)
    return replace(session, start=start, end=end)


def _next_days(days: frozenset[Weekday]) -> frozenset[Weekday]:
    return frozenset(day.shifted(1) for day in days)


def _write_part(part: ScheduleSession) -> JsonValue:
    return {
        "session_type": _SESSION_TYPE,
        "start_time": str(part.start),
        "end_time": str(part.end),
        "mode": part.mode,
        "days": [day.name for day in sorted(part.days)],
        **_members(part.extra),
    }


# The REST form of a legacy V2 -----------------------------------------------------


def read_v2(body: JsonValue) -> Schedule | None:
    """Read the REST form, daily and without modes; None if it is no schedule at all.

    Any key may be missing (protocol.md 8.1); intervals that make no sense are no
    sessions.
    """
    if not isinstance(body, dict):
        return None
    intervals = body.get("intervals") or []
    if not isinstance(intervals, list) or _has_too_many(intervals):
        return None
    sessions: list[ScheduleSession] = []
    unread: list[JsonText] = []
    for interval in intervals:
        try:
            sessions.append(_read_interval(interval))
        except ValueError:
            unread.append(_json_text(interval))
    zone = body.get("tz")
    return Schedule(
        enabled=_truth(body.get("enabled")),
        sessions=tuple(sessions),
        time_zone=readable(zone) if zone and isinstance(zone, str) else None,
        extra=_extra(body, _V2_MEMBERS, {}),
        unread=tuple(unread),
    )


def write_v2(schedule: Schedule, *, enabled: bool) -> dict[str, JsonValue]:
    """Return the body of the REST form's PUT (protocol.md 8.1).

    Intervals are kept for Plug and Charge too, where `enabled` is false. What the charger
    has stored can be written again, odd or not: to judge a wish is `validate`'s task.
    Raises `InvalidSchedule` for a session that is not daily.
    """
    intervals: list[JsonValue] = []
    for number, session in enumerate(schedule.sessions, start=1):
        if session.days != EVERY_DAY:
            raise InvalidSchedule(Cause.SESSION_WITH_DAYS, number=str(number))
        end = _V2_LAST_SECOND if session.is_whole_day else session.end
        intervals.append([_write_clock(session.start), _write_clock(end)])
    intervals.extend(json.loads(item) for item in schedule.unread if item)
    return {
        "type": "restricted" if intervals or enabled else "open",
        "tz": schedule.time_zone or DEFAULT_TIME_ZONE,
        "intervals": intervals,
        "enabled": enabled,
        **_members(schedule.extra),
    }


def _read_interval(interval: JsonValue) -> ScheduleSession:
    if not isinstance(interval, list) or len(interval) != 2:
        raise InvalidSchedule("an interval has a start and an end")
    start, end = (_read_clock(edge) for edge in interval)
    if start == MIDNIGHT and end == _V2_LAST_SECOND:
        end = DAY_END
    return _session(start, end, days=None, mode=_DISPATCH_MODE)


def _read_clock(value: JsonValue) -> ClockTime:
    if not isinstance(value, dict):
        raise InvalidSchedule("a time has hours and minutes")
    hours, minutes, seconds = (
        int(_text(value.get(key), "0").removesuffix(".0"))
        for key in ("hours", "minutes", "seconds")
    )
    return ClockTime(hours * 3600 + minutes * 60 + seconds)


def _write_clock(clock: ClockTime) -> JsonValue:
    value = clock.to_time()
    return {"hours": value.hour, "minutes": value.minute, "seconds": value.second}


# What a charger can carry out -----------------------------------------------------


def validate(schedule: Schedule, *, max_sessions: int) -> None:
    """Raise `InvalidSchedule` if a charger could not carry a schedule out.

    `max_sessions` counts sessions as the V3 API has them, two for one across midnight.
    A schedule without sessions passes: whether it may be enabled is the caller's say.
    """
    # What is kept as it is was accepted before.
    numbered = [
        (number, session)
        for number, session in enumerate(schedule.sessions, start=1)
        if not session.verbatim
    ]
    for number, session in numbered:
        _check(session, number)
    parts = [(number, part) for number, s in numbered for part in _split(s)]
    for (number, part), (other_number, other) in combinations(parts, 2):
        days = part.days & other.days
        if days and part.start < other.end and other.start < part.end:
            raise InvalidSchedule(
                Cause.SESSIONS_OVERLAP, first=str(number), second=str(other_number)
            )
    if len(parts) > max_sessions:
        # Those across midnight count twice.
        raise InvalidSchedule(
            Cause.TOO_MANY_SESSIONS, needed=str(len(parts)), most=str(max_sessions)
        )


def same_schedule(one: Schedule | None, other: Schedule | None) -> bool:
    """Whether two schedules have the same effect: the one measure of their equality.

    None is a schedule that is not known.
    """
    if one is None or other is None:
        return one is other
    same_control = (one.enabled, one.type) == (other.enabled, other.type)
    return same_control and same_sessions(one, other)


def same_sessions(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules charge at the same times in the same modes.

    It makes no difference how that is listed: in which order, in sessions of one day or
    of several, in one piece or in pieces that meet, in which case modes are written.
    """
    return _charged(one) == _charged(other)


# A weekday, for sessions that happen once with their date, and a mode.
_Group: TypeAlias = tuple[Weekday, date | None, str]


def _charged(schedule: Schedule) -> dict[_Group, list[tuple[ClockTime, ClockTime]]]:
    """Return when a schedule charges, in the fewest windows within a day each."""
    found: dict[_Group, list[tuple[ClockTime, ClockTime]]] = {}
    for session in schedule.sessions:
        if session.start == session.end:
            continue
        for part in _split(session):
            for day in part.days:
                group = (day, session.on_date, session.mode.casefold())
                found.setdefault(group, []).append((part.start, part.end))
    return {group: merge_windows(windows) for group, windows in found.items()}


def merge_windows(
    windows: Iterable[tuple[ClockTime, ClockTime]],
) -> list[tuple[ClockTime, ClockTime]]:
    """Merge windows of one day that overlap or meet; return them in order."""
    merged: list[tuple[ClockTime, ClockTime]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _check(session: ScheduleSession, number: int) -> None:
    if session.start == session.end:
        raise InvalidSchedule(Cause.SESSION_WITHOUT_LENGTH, number=str(number))
    if session.start == DAY_END:
        raise InvalidSchedule(Cause.INVALID_TIME, text=str(session.start))
    if not session.days:
        raise InvalidSchedule(Cause.SESSION_WITHOUT_DAYS, number=str(number))


# When sessions take place ---------------------------------------------------------


def occurrences(
    schedule: Schedule, *, after: datetime, zone: tzinfo, days: int = 8
) -> Iterator[Occurrence]:
    """Yield the coming charging windows in order, one running at `after` included.

    `after` is aware, `zone` the charger's; so many local days are looked at, counting
    today. A disabled schedule has none. Where clocks change, a window covers each moment
    at which the charger's clock shows a time of the session, and what lies between them.
    """
    if not schedule.enabled:
        return
    today = after.astimezone(zone).date()
    found = [
        occurrence
        for offset in range(-1, days)
        for session in schedule.sessions
        if (occurrence := _occurrence(session, today + offset * _DAY, zone))
        and occurrence.end > after
    ]
    yield from sorted(found)


def next_occurrence(
    schedule: Schedule, *, after: datetime, zone: tzinfo
) -> Occurrence | None:
    """Return the window that runs at `after` or comes next, None without one."""
    return next(occurrences(schedule, after=after, zone=zone), None)


def local_windows(start: datetime, end: datetime, zone: tzinfo) -> list[LocalWindow]:
    """Return a window, two aware instants, as local times: one part for each local day.

    Where clocks go back, a part takes the longer cover, so that its end never lies
    before its start; where they go forward, no part ends in the missing hour. Raises
    `InvalidSchedule` if the window has no length.
    """
    # Datetimes of one zone compare by the wall clock: only in UTC is their order true.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end:
        raise InvalidSchedule("a window ends after its start")
    parts: dict[date, LocalWindow] = {}
    end += _ALMOST_A_SECOND
    pieces = _steady_pieces(
        start.replace(microsecond=0), end.replace(microsecond=0), zone
    )
    for piece_start, piece_end in pieces:
        local_start = piece_start.astimezone(zone).replace(tzinfo=None)
        for part in _days_of(local_start, local_start + (piece_end - piece_start)):
            known = parts.get(part.day, part)
            parts[part.day] = LocalWindow(
                part.day, min(part.start, known.start), max(part.end, known.end)
            )
    return sorted(parts.values())


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return, in UTC, when a clock in `zone` first shows naive `wall` or jumps past it."""
    early, late = sorted(_instant(wall, zone, fold) for fold in (0, 1))
    if _offset(early, zone) == _offset(late, zone) or _shows(early, zone, wall):
        return early
    return _offset_change(early, late, zone)


def end_instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return, in UTC, when a clock in `zone` has shown all before `wall` for good."""
    last = _instant(wall - _SECOND, zone, fold=1)
    if _shows(last, zone, wall - _SECOND):
        return last + _SECOND
    return first_instant(wall - _SECOND, zone)


def _occurrence(session: ScheduleSession, day: date, zone: tzinfo) -> Occurrence | None:
    if session.on_date not in (None, day) or day.weekday() not in session.days:
        return None
    if session.start == session.end:
        return None
    midnight = datetime.combine(day, time.min)  # naive: wall clock time
    end_midnight = midnight + _DAY if session.crosses_midnight else midnight
    start = first_instant(midnight + session.start.seconds * _SECOND, zone)
    end = end_instant(end_midnight + session.end.seconds * _SECOND, zone)
    return Occurrence(start, end, session.mode) if start < end else None


def _instant(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _shows(instant: datetime, zone: tzinfo, wall: datetime) -> bool:
    return instant.astimezone(zone).replace(tzinfo=None) == wall


def _offset(instant: datetime, zone: tzinfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def _offset_change(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """Return the first second after `low`, up to `high`, with another UTC offset."""
    before = _offset(low, zone)
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _steady_pieces(
    start: datetime, end: datetime, zone: tzinfo
) -> Iterator[tuple[datetime, datetime]]:
    """Cut a window, in UTC, where the UTC offset of `zone` changes."""
    piece_start = cursor = start
    while cursor < end:
        ahead = min(cursor + timedelta(hours=1), end)
        if _offset(ahead, zone) != _offset(cursor, zone):
            ahead = _offset_change(cursor, ahead, zone)
            yield piece_start, ahead
            piece_start = ahead
        cursor = ahead
    if piece_start < end:
        yield piece_start, end


def _days_of(start: datetime, end: datetime) -> Iterator[LocalWindow]:
    """Cut a window of naive local times at each midnight."""
    while start < end:
        midnight = datetime.combine(start.date(), time.min)
        stop = min(midnight + _DAY, end)
        yield LocalWindow(
            start.date(),
            ClockTime((start - midnight) // _SECOND),
            ClockTime((stop - midnight) // _SECOND),
        )
        start = stop


# Loose values ---------------------------------------------------------------------


def parse_json_text(text: str) -> JsonText:
    """Take text for JSON; `InvalidSchedule` if it is not."""
    try:
        if text:
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSchedule("expected JSON") from error
    return JsonText(text)


def _json_text(value: JsonValue) -> JsonText:
    """Return JSON to be written again; none for what JSON can't hold."""
    try:
        return JsonText(json.dumps(value, allow_nan=False, sort_keys=True))
    except (ValueError, RecursionError):
        return _NO_JSON


def _extra(
    document: dict[str, JsonValue],
    known: frozenset[str],
    usual: dict[str, JsonValue],
) -> JsonText:
    """Return the members that are neither known nor have their usual value, as JSON."""
    extra = {
        name: value
        for name, value in document.items()
        if name not in known and (name not in usual or value != usual[name])
    }
    return _json_text(extra) if extra else _NO_JSON


def _members(text: JsonText) -> dict[str, JsonValue]:
    """Return the members of a JSON object; none if it is not one."""
    value: JsonValue = json.loads(text) if text else None
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue, default: str = "") -> str:
    """Return text or a number as text, `default` for None; `ValueError` otherwise."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidSchedule("expected a text")
    return readable(str(value).strip()) or default


def _has_too_many(value: JsonValue) -> bool:
    return isinstance(value, list) and len(value) > _MOST_SESSIONS


def _truth(value: JsonValue) -> bool:
    """Read what the cloud may send as a bool, a number or a text (F17)."""
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1", "yes", "on")
    return bool(value)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if not 2000 <= moment.year < 3000:  # zones overflow at the ends of the calendar
        raise InvalidSchedule("expected a date of our time")
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
