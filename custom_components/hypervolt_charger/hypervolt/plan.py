"""Charging windows out of any planner's data, merged, cleaned and made into sessions.

People rename entities, and planners come and go, so the reader looks at the data alone:
names of lists and of their members, never at who made them. What looks like a price list
is refused, because taken for a plan it would charge the car round the clock.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
import json
import math
import re
from typing import Final, TypeAlias, TypeGuard

from .errors import Cause, HypervoltError, InvalidSchedule
from .schedule import (
    DAY_END,
    EVERY_DAY,
    MIDNIGHT,
    ClockTime,
    LocalWindow,
    Schedule,
    ScheduleSession,
    Weekday,
    end_instant,
    first_instant,
    local_windows,
    merge_windows,
    next_occurrence,
    parse_days,
)

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
# The shortest of days, that on which clocks go forward.
_WHOLE_DAY: Final = timedelta(hours=23)
_ALMOST_A_MINUTE: Final = timedelta(seconds=59, microseconds=999_999)


_Times: TypeAlias = tuple[ClockTime, ClockTime]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A stretch of time, two aware datetimes in UTC, the end exclusive."""

    start: datetime
    end: datetime


class DropReason(StrEnum):
    """Why a row of a plan became no window."""

    PAST = "past"
    NO_LENGTH = "no_length"
    NO_TIMES = "no_times"
    NOT_UNDERSTOOD = "not_understood"
    ALL_DAY = "all_day"
    PRICE = "price"
    OFF = "off"
    OWN_BOOST = "own_boost"
    NOT_CHARGING = "not_charging"


# Rows a planner means, but which are no wish to charge: a plan of these alone is empty.
_NOT_WANTED: Final = (DropReason.OFF, DropReason.OWN_BOOST, DropReason.NOT_CHARGING)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was left out; `what` is the row as a short text."""

    what: str
    reason: DropReason


@dataclass(frozen=True, slots=True)
class Plan:
    """What a planner wants: clean windows, and what was left out of them.

    `source` is the name of the list they came from, "" for a bare list. The windows of a
    `weekly` source repeat each week; here is the next time of each.
    """

    windows: tuple[Window, ...]
    dropped: tuple[Dropped, ...] = ()
    source: str = ""
    weekly: bool = False


class PlanProblem(StrEnum):
    """Why there is no plan, or none a charger can carry out."""

    NOT_UNDERSTOOD = "not_understood"
    NO_WINDOWS_ATTRIBUTE = "no_windows_attribute"
    NOT_EVALUATED = "not_evaluated"
    INCOMPLETE = "incomplete"
    EMPTY = "empty"
    ONLY_PAST = "only_past"
    NO_DATES = "no_dates"
    PRICE_LIST = "price_list"
    OWN_ENTITY = "own_entity"
    TOO_FAR = "too_far"
    TOO_MANY = "too_many"


class PlanHint(StrEnum):
    """What a person may do about it."""

    USE_TO_JSON = "use_to_json"
    QUOTE_TIMES = "quote_times"
    CALENDAR_EVENTS = "calendar_events"
    FOLLOW_ENTITY = "follow_entity"
    ALL_DAY = "all_day"
    ONE_DEFERRABLE = "one_deferrable"
    TOO_LONG = "too_long"


_CAUSES: Final = {
    PlanProblem.TOO_FAR: Cause.PLAN_TOO_FAR,
    PlanProblem.TOO_MANY: Cause.TOO_MANY_SESSIONS,
}


class PlanError(HypervoltError):
    """There is no plan to write; nothing was sent."""

    def __init__(
        self,
        reason: PlanProblem,
        detail: str,
        hint: PlanHint | None = None,
        **details: str,
    ) -> None:
        """Say which problem it is, in words for the log, and what may help.

        `details` are those of the cause.
        """
        super().__init__(detail)
        self.reason = reason
        self.hint = hint
        self.cause = _CAUSES.get(reason, Cause.INVALID_PLAN)
        self.details = details


# Windows --------------------------------------------------------------------------


def clean(windows: Iterable[Window], *, now: datetime) -> tuple[Window, ...]:
    """Return the windows that are still to come, sorted and merged, in UTC.

    One that runs starts `now`, an aware datetime. Overlapping and touching ones become
    one, and gaps of up to a minute are closed. The order given makes no difference.
    """
    now = now.astimezone(UTC)
    coming = sorted(
        Window(max(window.start.astimezone(UTC), now), window.end.astimezone(UTC))
        for window in windows
        if window.start.astimezone(UTC) < window.end.astimezone(UTC)
    )
    merged: list[Window] = []
    for window in coming:
        if window.end <= now:
            continue
        if merged and window.start - merged[-1].end <= _MINUTE:
            last = merged[-1]
            merged[-1] = Window(last.start, max(last.end, window.end))
        else:
            merged.append(window)
    return tuple(merged)


def keep_running(
    windows: Iterable[Window], running: Window | None, *, now: datetime
) -> tuple[Window, ...]:
    """Return windows that do not disturb the one the charger is in at `now`.

    A planner's running window starts now, while on the charger it began earlier: that
    is no change. Nor are seconds: a car should not be stopped and started for them.
    """
    if running is None or not running.start <= now < running.end:
        return tuple(windows)
    kept: list[Window] = []
    goes_on = False
    for window in windows:
        if window.start - now >= _MINUTE or window.start >= running.end:
            kept.append(window)
            continue
        goes_on = True
        slightly = abs(window.end - running.end) < _MINUTE
        kept.append(Window(running.start, running.end if slightly else window.end))
    if not goes_on and running.end - now < _MINUTE:
        kept.append(running)
    return tuple(sorted(kept))


def backup_window(start: time, end: time, *, now: datetime, zone: tzinfo) -> Window:
    """Return the next window between two local times; one that runs at `now` counts.

    Raises `InvalidSchedule` if the times are equal.
    """
    if start == end:
        raise InvalidSchedule(Cause.BACKUP_WITHOUT_LENGTH)
    return _next_window(ClockTime.from_time(start), ClockTime.from_time(end), now, zone)


def to_sessions(
    windows: Iterable[Window],
    *,
    zone: tzinfo,
    mode: str,
    now: datetime,
    max_sessions: int,
) -> tuple[tuple[ScheduleSession, ...], tuple[Window, ...]]:
    """Return windows as sessions of the V3 API, each part on its own weekday only.

    Windows are cleaned, rounded outward to minutes and split at midnight in the charger's
    `zone`. If there are more than `max_sessions` the smallest gaps are closed; the second
    value tells these gaps, in which the car will charge as well. Raises `PlanError` if a
    window ends more than seven days ahead, because sessions repeat every week, or if no
    closing of gaps gets the number down.
    """
    planned = clean(windows, now=now)
    horizon = now.astimezone(UTC) + _WEEK
    if any(window.end > horizon for window in planned):
        raise PlanError(
            PlanProblem.TOO_FAR, "a charger plans only seven days ahead, and no more"
        )
    closed: tuple[Window, ...] = ()
    sessions = _sessions(planned, zone, mode)
    if len(sessions) > max_sessions:
        closed = _gaps_to_close(planned, zone, max_sessions)
        planned = clean((*planned, *closed), now=now)
        sessions = _sessions(planned, zone, mode)
    if len(sessions) > max_sessions:
        raise PlanError(
            PlanProblem.TOO_MANY,
            f"the plan needs {len(sessions)} sessions,"
            f" but the charger takes at most {max_sessions}",
            needed=str(len(sessions)),
            most=str(max_sessions),
        )
    return sessions, tuple(sorted(closed))


def to_daily_intervals(
    windows: Iterable[Window], *, zone: tzinfo, now: datetime
) -> tuple[tuple[ScheduleSession, ...], tuple[Window, ...]]:
    """Return windows as the daily sessions of a legacy V2, which knows no days.

    Only what lies in the 24 hours from `now` can be said; the second value tells what
    was left out. A session may cross midnight.
    """
    horizon = now.astimezone(UTC) + _DAY
    planned = clean(windows, now=now)
    left_out = tuple(
        Window(max(window.start, horizon), window.end)
        for window in planned
        if window.end > horizon
    )
    parts = [
        (part.start, part.end)
        for window in planned
        if window.start < horizon
        for part in _local_parts(Window(window.start, min(window.end, horizon)), zone)
    ]
    merged = merge_windows(parts)
    if len(merged) > 1 and merged[0][0] == MIDNIGHT and merged[-1][1] == DAY_END:
        merged = [*merged[1:-1], (merged[-1][0], merged[0][1])]
    sessions = (ScheduleSession(start=start, end=end) for start, end in merged)
    return tuple(sessions), left_out


def _sessions(
    windows: Iterable[Window], zone: tzinfo, mode: str
) -> tuple[ScheduleSession, ...]:
    """Return the sessions in order of their first day from today on."""
    by_day: dict[Weekday, list[tuple[ClockTime, ClockTime]]] = {}
    for window in windows:
        for part in _local_parts(window, zone):
            day = Weekday(part.day.weekday())
            by_day.setdefault(day, []).append((part.start, part.end))
    days_of: dict[tuple[ClockTime, ClockTime], frozenset[Weekday]] = {}
    for day, parts in by_day.items():
        for times in merge_windows(parts):
            days_of[times] = days_of.get(times, frozenset()) | {day}
    return tuple(
        ScheduleSession(start=start, end=end, days=days, mode=mode)
        for (start, end), days in days_of.items()
    )


def _local_parts(window: Window, zone: tzinfo) -> list[LocalWindow]:
    start = window.start.replace(second=0, microsecond=0)
    end = (window.end + _ALMOST_A_MINUTE).replace(second=0, microsecond=0)
    return local_windows(start, end, zone)


def _gaps_to_close(
    windows: Sequence[Window], zone: tzinfo, max_sessions: int
) -> tuple[Window, ...]:
    """Return the smallest gaps whose closing gets the sessions down, if need be all.

    Only gaps within one local day: closing others saves no session.
    """
    neighbours = sorted(
        (
            (before, after)
            for before, after in pairwise(windows)
            if (before.end - _MINUTE).astimezone(zone).date()
            == after.start.astimezone(zone).date()
        ),
        key=lambda pair: (pair[1].start - pair[0].end, pair[0].end),
    )
    count = _SessionCount()
    for window in windows:
        count.add(_local_parts(window, zone))
    closed: list[Window] = []
    for before, after in neighbours:
        if len(count) <= max_sessions:
            break
        closed.append(Window(before.end, after.start))
        # Not the gap alone: where clocks go forward it meets neither on the clock.
        count.add(_local_parts(Window(before.start, after.end), zone))
    return tuple(closed)


class _SessionCount:
    """Counts the sessions that parts of days make, as more parts are added."""

    def __init__(self) -> None:
        self._parts: dict[Weekday, list[_Times]] = {}
        self._days: Counter[_Times] = Counter()

    def __len__(self) -> int:
        return len(self._days)

    def add(self, added: Iterable[LocalWindow]) -> None:
        """Merge parts with those of their days."""
        for part in added:
            parts = self._parts.setdefault(Weekday(part.day.weekday()), [])
            first = bisect_left(parts, part.start, key=lambda times: times[1])
            last = bisect_right(parts, part.end, key=lambda times: times[0])
            met = parts[first:last]
            merged = (
                min([part.start, *(start for start, _ in met)]),
                max([part.end, *(end for _, end in met)]),
            )
            parts[first:last] = [merged]
            self._days[merged] += 1
            for times in met:
                self._days[times] -= 1
                if not self._days[times]:
                    del self._days[times]


def _next_window(
    start: ClockTime,
    end: ClockTime,
    now: datetime,
    zone: tzinfo,
    days: frozenset[Weekday] = EVERY_DAY,
) -> Window:
    session = ScheduleSession(start=start, end=end, days=days)
    schedule = Schedule(enabled=True, sessions=(session,))
    found = next_occurrence(schedule, after=now, zone=zone)
    if found is None:
        raise InvalidSchedule("there is no such time in the coming week")
    return Window(found.start, found.end)


# The reader -----------------------------------------------------------------------


_LIST_KEYS: Final = (
    "target_times",
    "planned_dispatches",
    "plannedDispatches",
    "planned",
    "charging_schedule",
    "planned_windows",
    "windows",
    "slots",
    "list",
    "events",
    "deferrables_schedule",
)
_PRICE_LIST_KEYS: Final = frozenset(
    ("rates", "prices", "raw_today", "raw_tomorrow", "forecasts", "forecast")
)
_PRICE_LIST_NAME: Final = re.compile(r"prices?_(?:today|tomorrow)|_prices$|_rates$")
# Lists of planners whose rows carry a price: what is in them has been chosen.
_CHOSEN_KEYS: Final = frozenset(
    ("target_times", "planned", "charging_schedule", "planned_windows", "windows")
)
_START_KEYS: Final = (
    "start",
    "start_time",
    "startDtUtc",
    "startDt",
    "from",
    "valid_from",
)
_END_KEYS: Final = ("end", "end_time", "endDtUtc", "endDt", "to", "stop", "valid_to")
# Beside the starts of windows; price lists often have no ends.
_PRICE_START_KEYS: Final = (
    *_START_KEYS,
    "startsAt",
    "starts_at",
    "hour",
    "time",
    "date",
    "datetime",
    "date_time",
    "start_date",
    "timestamp",
    "start_timestamp",
)
_PRICE_KEYS: Final = frozenset(("value", "total", "rate", "agile_pred"))
_PRICE_WORD: Final = re.compile(r"price|cost|per_?kwh|(?:inc|exc)l?_vat|unit_rate")
# Members that say how much is charged; without any a window is not one.
_AMOUNT_KEYS: Final = ("kwh", "power", "power_kw", "estimated_power_kw", "energy")
_STATUS_KEYS: Final = ("status", "state")
_SWITCH_KEYS: Final = ("enabled", "charge")
_CANCELLED_KEYS: Final = ("cancelled", "canceled", "deleted")
_NOT_PLANNED: Final = frozenset(
    (
        *("off", "cancelled", "canceled", "deleted", "disabled", "inactive", "skipped"),
        *(
            "rejected",
            "declined",
            "aborted",
            "expired",
            "completed",
            "finished",
            "ended",
        ),
        *("failed", "idle"),
    )
)
_INCOMPLETE_KEYS: Final = (
    "rates_incomplete",
    "values_incomplete",
    "time_periods_incomplete",
)
_DAY_KEYS: Final = tuple(day.name.lower() for day in Weekday)
_NOTHING_TEXTS: Final = ("", "none", "null", "unknown", "unavailable")
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2})?"
_CLOCK_RANGE: Final = re.compile(rf"({_CLOCK})\s*[-\N{{EN DASH}}]\s*({_CLOCK})")
_CLOCK_TIME: Final = re.compile(_CLOCK)
_DATE_ONLY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_YEAR: Final = re.compile(r"(\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2})?)")
_SPACED_OFFSET: Final = re.compile(r"\s+(?=(?:[+-]\d{2}:?\d{2}|Z)$)")
_NO_CHARGING: Final = re.compile(r"dis|stop|\bnot?\b|batter|export|sell")
# A week of five minutes has 2016.
_MOST_ROWS: Final = 5000
_LONGEST_TEXT: Final = 1_000_000
_EPOCHS: Final = (1_000_000_000, 100_000_000_000)  # seconds, from 2001 on

Row: TypeAlias = Mapping[object, object]


@dataclass(frozen=True, slots=True)
class _Found:
    """A list of windows in the making, and the name it stood under."""

    key: str
    rows: Sequence[object]
    days: frozenset[Weekday] | None = None  # of a weekly source


@dataclass(frozen=True, slots=True)
class _Context:
    now: datetime
    zone: tzinfo
    include_boost: bool


class _DropError(Exception):
    """Said of a row that is no window."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_plan(
    value: object,
    *,
    attribute: str | None,
    now: datetime,
    local_zone: tzinfo,
    include_boost: bool = False,
) -> Plan:
    """Return the windows in an entity's attributes, an action's response or a literal.

    `attribute` names the list if the caller knows it, with dots into nested ones. Times
    without an offset are of `local_zone`; `now` is aware. Windows a person boosts by hand
    are left out unless `include_boost`. Raises `PlanError`, whose `reason` tells apart a
    planner that wants nothing from data that is no plan.
    """
    context = _Context(now.astimezone(UTC), local_zone, include_boost)
    try:
        found = _find(value, attribute)
        if sum(len(each.rows) for each in found) > _MOST_ROWS:
            raise _too_long()
        outcomes = [o for each in found for o in _read_list(each, context)]
    except RecursionError as err:
        raise PlanError(
            PlanProblem.NOT_UNDERSTOOD, "the data has lists within lists without end"
        ) from err
    windows = [outcome for outcome in outcomes if isinstance(outcome, Window)]
    dropped = [outcome for outcome in outcomes if isinstance(outcome, Dropped)]
    past = [
        Dropped(f"{window.start:%F %R} - {window.end:%F %R} UTC", DropReason.PAST)
        for window in windows
        if window.end <= context.now
    ]
    plan = Plan(
        windows=clean(windows, now=context.now),
        dropped=(*dropped, *past),
        source=found[0].key,
        weekly=any(each.days is not None for each in found),
    )
    if not plan.windows:
        raise _why_nothing(plan)
    return plan


def _why_nothing(plan: Plan) -> PlanError:
    reasons = {dropped.reason for dropped in plan.dropped}
    if DropReason.PAST in reasons:
        return PlanError(PlanProblem.ONLY_PAST, "all windows of the plan are over")
    if not reasons or reasons.intersection(_NOT_WANTED):
        return PlanError(PlanProblem.EMPTY, "the planner wants no charging")
    hint = PlanHint.ALL_DAY if DropReason.ALL_DAY in reasons else None
    return PlanError(
        PlanProblem.NO_DATES, "not one row has a start and an end that make sense", hint
    )


def _find(value: object, attribute: str | None) -> list[_Found]:
    """Return the lists in what the caller has, at least one."""
    if isinstance(value, str):
        return _find_in_text(value, attribute)
    if value is None:
        raise PlanError(PlanProblem.NOT_EVALUATED, "there is no plan yet")
    if isinstance(value, Mapping):
        return _find_in_mapping(value, attribute)
    if _is_list(value):
        return [_Found("", value)]
    raise PlanError(
        PlanProblem.NOT_UNDERSTOOD, f"a {type(value).__name__} is no list of windows"
    )


def _find_in_text(text: str, attribute: str | None) -> list[_Found]:
    text = text.strip()
    if len(text) > _LONGEST_TEXT:
        raise _too_long()
    if text.casefold() in _NOTHING_TEXTS:
        raise PlanError(PlanProblem.NOT_EVALUATED, "there is no plan yet")
    if text[0] not in "[{":
        if _CLOCK_RANGE.search(text):
            return [_Found("", _ranges(text))]
        raise PlanError(
            PlanProblem.NOT_UNDERSTOOD,
            "the text is no list of windows",
            PlanHint.FOLLOW_ENTITY,
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise PlanError(
            PlanProblem.NOT_UNDERSTOOD, "the text is no JSON", PlanHint.USE_TO_JSON
        ) from err
    return _find(value, attribute)


def _find_in_mapping(attributes: Row, attribute: str | None) -> list[_Found]:
    if any(_is_on(attributes.get(key)) for key in _INCOMPLETE_KEYS):
        raise PlanError(PlanProblem.INCOMPLETE, "the planner lacks some of its prices")
    if attribute is not None:
        return _find_under(attribute, _named(attributes, attribute), attributes)
    present = [key for key in _LIST_KEYS if key in attributes]
    for key in present:
        if attributes[key] is not None:
            return _find_under(key, attributes[key], attributes)
    if present:
        raise PlanError(PlanProblem.NOT_EVALUATED, f"{present[0]} is not there yet")
    return _find_unnamed(attributes)


def _named(attributes: Row, attribute: str) -> object:
    """Return the attribute a person named, `next.list` too."""
    if attribute in attributes:
        return attributes[attribute]
    value: object = attributes
    for key in attribute.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise PlanError(
                PlanProblem.NO_WINDOWS_ATTRIBUTE, f"there is no attribute {attribute}"
            )
        value = value[key]
    return value


def _find_under(key: str, value: object, attributes: Row) -> list[_Found]:
    """Return the list under a known or named key."""
    name = key.rpartition(".")[2]
    if name in _PRICE_LIST_KEYS or _names_prices(name):
        raise _price_list(key)
    if (
        key == "target_times"
        and value == []
        and not attributes.get("target_times_last_evaluated")
    ):
        raise PlanError(PlanProblem.NOT_EVALUATED, "target_times is not there yet")
    if isinstance(value, Mapping) and _is_row(value):
        return [_Found(key, [value])]
    return [
        replace(found, key=key if found.key == "" else found.key)
        for found in _find(value, None)
    ]


def _find_unnamed(attributes: Row) -> list[_Found]:
    """Recognise data by its shape: no list of a name we know."""
    for key, value in attributes.items():
        if key in _PRICE_LIST_KEYS or (_is_list(value) and _names_prices(key)):
            raise _price_list(str(key))
    if any(key in attributes for key in _DAY_KEYS):
        return _find_weekdays(attributes)
    if "timeslots" in attributes:
        return _find_timeslots(attributes)
    if "all_day" in attributes and "message" in attributes:
        raise PlanError(
            PlanProblem.NO_WINDOWS_ATTRIBUTE,
            "a calendar's attributes tell only its next event",
            PlanHint.CALENDAR_EVENTS,
        )
    if _is_row(attributes):
        return [_Found("", [attributes])]
    nested = list(attributes.values())
    if nested and all(isinstance(v, Mapping) or _is_list(v) for v in nested):
        return [found for value in nested for found in _find(value, None)]
    raise PlanError(
        PlanProblem.NO_WINDOWS_ATTRIBUTE,
        "there is no attribute with a list of windows",
        PlanHint.FOLLOW_ENTITY,
    )


def _find_weekdays(attributes: Row) -> list[_Found]:
    """Read a schedule helper: a list of local times for each day."""
    found = []
    for day, key in zip(Weekday, _DAY_KEYS, strict=True):
        rows = attributes.get(key)
        found.append(
            _Found("schedule", rows if _is_list(rows) else [], frozenset({day}))
        )
    return found


def _find_timeslots(attributes: Row) -> list[_Found]:
    """Read the scheduler component: texts of local times, and days for all of them."""
    slots, words = attributes["timeslots"], attributes.get("weekdays")
    text = " ".join(map(str, words)) if _is_list(words) else "daily"
    try:
        days = parse_days(text.replace("workday", "weekday")) or EVERY_DAY
    except InvalidSchedule as err:
        raise PlanError(PlanProblem.NOT_UNDERSTOOD, str(err)) from err
    rows = slots if _is_list(slots) else []
    return [_Found("timeslots", rows, frozenset({day})) for day in sorted(days)]


def _too_long() -> PlanError:
    return PlanError(
        PlanProblem.NOT_UNDERSTOOD, "the list is too long for a plan", PlanHint.TOO_LONG
    )


def _price_list(key: str) -> PlanError:
    return PlanError(
        PlanProblem.PRICE_LIST,
        f"{key or 'this'} is a list of prices, not of times to charge",
    )


# Rows -----------------------------------------------------------------------------


def _read_list(found: _Found, context: _Context) -> list[Window | Dropped]:
    outcomes: list[Window | Dropped]
    if names := {name for row in found.rows for name in _power_names(row)}:
        outcomes = _read_points(found.rows, names, context)
    else:
        rows = [
            row
            for some in found.rows
            for row in (_ranges(some) if isinstance(some, str) else [some])
        ]
        if len(rows) > _MOST_ROWS:
            raise _too_long()
        outcomes = [_read_row(row, found, context) for row in rows]
        if found.days is None:
            _refuse_prices(found.key, rows, outcomes)
    return outcomes


def _refuse_prices(
    key: str, rows: Sequence[object], outcomes: Sequence[Window | Dropped]
) -> None:
    """Raise for what is not a plan but a tariff: prices from one moment to the next."""
    reasons = {row.reason for row in outcomes if isinstance(row, Dropped)}
    priced = sorted(
        outcome
        for row, outcome in zip(rows, outcomes, strict=True)
        if isinstance(outcome, Window) and _has_price(row)
    )
    if not any(isinstance(outcome, Window) for outcome in outcomes):
        if DropReason.PRICE in reasons:
            raise _price_list(key)
        return
    touching = [
        after.start - before.end <= _MINUTE for before, after in pairwise(priced)
    ]
    if key.rpartition(".")[2] not in _CHOSEN_KEYS:
        if any(touching):
            raise _price_list(key)
        return
    # Even there a whole day of equal rows, none of them off, has hardly been chosen.
    if not touching or not all(touching) or DropReason.OFF in reasons:
        return
    equal = len({window.end - window.start for window in priced}) == 1
    if equal and priced[-1].end - priced[0].start >= _WHOLE_DAY:
        raise _price_list(key)


def _has_price(row: object) -> bool:
    return isinstance(row, Mapping) and any(
        isinstance(key, str)
        and not _is_list(value)
        and (key in _PRICE_KEYS or _PRICE_WORD.search(key[:100].casefold()))
        for key, value in row.items()
    )


def _names_prices(key: object) -> bool:
    return isinstance(key, str) and bool(_PRICE_LIST_NAME.search(key[:100]))


def _read_row(row: object, found: _Found, context: _Context) -> Window | Dropped:
    try:
        return _row_window(row, found, context)
    except _DropError as err:
        return Dropped(_short(row), err.reason)


def _row_window(row: object, found: _Found, context: _Context) -> Window:
    """Return the window of a row, also one of the past; `_DropError` if it has none."""
    if not isinstance(row, Mapping):
        raise _DropError(DropReason.NOT_UNDERSTOOD)
    start_key, start = _first(row, _START_KEYS)
    end_key, end = _first(row, _END_KEYS)
    if start is None or end is None:
        priced = end is None and _has_price(row)
        timed = bool(_first(row, _PRICE_START_KEYS)[0])
        raise _DropError(DropReason.PRICE if priced and timed else DropReason.NO_TIMES)
    _check_wanted(row, found.key, context)
    for edge in (start, end):
        if isinstance(edge, int | float):
            _epoch(edge)  # raises for the whole plan: its author has to quote times
    clocks = _clock(start), _clock(end, is_end=True)
    if clocks[0] is not None and clocks[1] is not None:
        return _clock_window(clocks[0], clocks[1], found.days, context)
    window = Window(
        _moment(start, context, utc=start_key.endswith("Utc")),
        _moment(end, context, utc=end_key.endswith("Utc"), is_end=True),
    )
    if window.start >= window.end:
        raise _DropError(DropReason.NO_LENGTH)
    return window


def _check_wanted(row: Row, key: str, context: _Context) -> None:
    """Raise `_DropError` for a row that says when not to charge, or a user's boost."""
    name = key.rpartition(".")[2]
    if name == "charging_schedule" and "value" in row and not _is_on(row["value"]):
        raise _DropError(DropReason.OFF)
    if _is_off(row):
        raise _DropError(DropReason.OFF)
    if "action" in row and not _is_charging(row["action"], name):
        raise _DropError(DropReason.NOT_CHARGING)
    meta = row.get("meta")
    source = row.get("source") or (
        meta.get("source") if isinstance(meta, Mapping) else None
    )
    own = str(source).casefold().startswith(("boost", "bump"))
    if own and not context.include_boost:
        raise _DropError(DropReason.OWN_BOOST)


def _is_off(row: Row) -> bool:
    """Whether a row says that nothing is charged in it, or that it was cancelled.

    `charge_in_kwh` and `chargeKwh` do not count: Octopus sets them to 0 once the target
    is reached, and the window stays cheap.
    """
    return (
        any(_is_zero(row.get(key)) for key in _AMOUNT_KEYS)
        or any(_is_word(row.get(key), _NOT_PLANNED) for key in _STATUS_KEYS)
        or any(
            row.get(key) is not None and not _is_on(row[key]) for key in _SWITCH_KEYS
        )
        or any(_is_on(row.get(key)) for key in _CANCELLED_KEYS)
    )


def _is_charging(action: object, name: str) -> bool:
    """Read PowerSync's actions, those of the grid and a home battery among them."""
    words = str(action).casefold().replace("_", " ")
    if _NO_CHARGING.search(words):
        return False
    return "charg" in words or (
        name not in ("windows", "planned_windows") and words in ("on", "turn on")
    )


def _clock_window(
    start: ClockTime,
    end: ClockTime,
    days: frozenset[Weekday] | None,
    context: _Context,
) -> Window:
    if start == end:
        raise _DropError(DropReason.NO_LENGTH)
    try:
        return _next_window(start, end, context.now, context.zone, days or EVERY_DAY)
    except InvalidSchedule:
        raise _DropError(DropReason.NO_LENGTH) from None


def _read_points(
    rows: Sequence[object], names: set[str], context: _Context
) -> list[Window | Dropped]:
    """Read EMHASS' points: power from one moment to the next."""
    if len(names) > 1:
        raise PlanError(
            PlanProblem.NOT_UNDERSTOOD,
            "the plan is of several loads",
            PlanHint.ONE_DEFERRABLE,
        )
    points: list[tuple[datetime, bool]] = []
    outcomes: list[Window | Dropped] = []
    for row in rows:
        try:
            points.append(_point(row, context))
        except _DropError as err:
            outcomes.append(Dropped(_short(row), err.reason))
    points.sort()
    moments = [moment for moment, _ in points]
    if len(moments) < 2:
        raise PlanError(PlanProblem.NO_DATES, "a single point has no end")
    moments.append(
        moments[-1] + (moments[-1] - moments[-2])
    )  # as long as the one before
    for (start, end), (_, is_on) in zip(pairwise(moments), points, strict=False):
        off = Dropped(f"{start:%F %R} UTC", DropReason.OFF)
        outcomes.append(Window(start, end) if is_on else off)
    return outcomes


def _point(row: object, context: _Context) -> tuple[datetime, bool]:
    if not isinstance(row, Mapping) or row.get("date") is None:
        raise _DropError(DropReason.NO_TIMES)
    power = max((_number(row[name]) for name in _power_names(row)), default=0.0)
    return _moment(row["date"], context), power > 0


def _power_names(row: object) -> list[str]:
    keys = row if isinstance(row, Mapping) else ()
    return [k for k in keys if isinstance(k, str) and k.startswith("p_deferrable")]


def _ranges(text: str) -> list[object]:
    """Return the rows of a text such as `23:30-05:30, 12:00-13:00`."""
    rows: list[object] = []
    for part in re.split(r"[,;\n]", text):
        match = _CLOCK_RANGE.fullmatch(part.strip())
        if match:
            rows.append({"start": match[1], "end": match[2]})
        elif part.strip():
            rows.append(part.strip())
    return rows


def _first(row: Row, keys: Iterable[str]) -> tuple[str, object]:
    """Return the first member of these names that is there, with its name."""
    for key in keys:
        if row.get(key) is not None:
            return key, row[key]
    return "", None


def _is_row(value: Row) -> bool:
    return bool(_first(value, _START_KEYS)[0] and _first(value, _END_KEYS)[0])


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)


def _is_on(value: object) -> bool:
    """Read a flag or a number, either of them also as a text."""
    return _is_word(value, ("true", "on", "yes")) or _number(value) != 0


def _is_zero(value: object) -> bool:
    """Whether a number is there, also as a text, and is 0."""
    return _finite(value) == 0


def _is_word(value: object, words: Collection[str]) -> bool:
    return isinstance(value, str) and value[:100].strip().casefold() in words


def _number(value: object) -> float:
    """Return a number, also one in a text; anything else counts as nothing."""
    return _finite(value) or 0.0


def _finite(value: object) -> float | None:
    """Return a number, also one in a text; None for anything else, such as NaN."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _short(row: object) -> str:
    try:
        return str(row)[:100]
    except ValueError:  # numbers of thousands of digits can't be written
        return "…"


# Times ----------------------------------------------------------------------------


def _clock(value: object, *, is_end: bool = False) -> ClockTime | None:
    """Return a time of day, None for anything else."""
    if isinstance(value, time):
        # In process a schedule helper ends its days at 23:59:59.999999.
        return DAY_END if is_end and value == time.max else ClockTime.from_time(value)
    if not isinstance(value, str) or not _CLOCK_TIME.fullmatch(value.strip()):
        return None
    try:
        clock = ClockTime.parse(value)
    except InvalidSchedule:
        raise _DropError(DropReason.NOT_UNDERSTOOD) from None
    return MIDNIGHT if clock == DAY_END and not is_end else clock


def _moment(
    value: object, context: _Context, *, utc: bool = False, is_end: bool = False
) -> datetime:
    """Return an instant in UTC; `_DropError` if the value is none."""
    if isinstance(value, int | float):
        return _epoch(value)
    if isinstance(value, str):
        value = _parse(value.strip(), context)
    if not isinstance(value, datetime):
        all_day = isinstance(value, date)
        raise _DropError(DropReason.ALL_DAY if all_day else DropReason.NOT_UNDERSTOOD)
    if not 2000 <= value.year < 3000:  # zones overflow at the ends of the calendar
        raise _DropError(DropReason.NOT_UNDERSTOOD)
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    if utc:
        return value.replace(tzinfo=UTC)
    return (end_instant if is_end else first_instant)(value, context.zone)


def _epoch(value: float) -> datetime:
    """Read seconds since 1970; smaller numbers are times YAML took for sexagesimals."""
    if not _EPOCHS[0] <= value < _EPOCHS[1]:
        raise PlanError(
            PlanProblem.NOT_UNDERSTOOD,
            f"the number {_short(value)} is no time",
            PlanHint.QUOTE_TIMES,
        )
    return datetime.fromtimestamp(value, UTC)


def _parse(text: str, context: _Context) -> date | None:
    """Read ISO texts, naive ones too, and Predbat's dates without a year."""
    try:
        if _DATE_ONLY.fullmatch(text):
            return date.fromisoformat(text)
        if match := _NO_YEAR.fullmatch(text):
            return _nearest_year(match[1], match[2], context)
        return datetime.fromisoformat(_SPACED_OFFSET.sub("", text))
    except ValueError:
        return None


def _nearest_year(day: str, clock: str, context: _Context) -> datetime | None:
    """Return the naive local time of the year that brings it nearest to now."""
    now = context.now.astimezone(context.zone).replace(tzinfo=None)
    candidates = []
    for year in (now.year - 1, now.year, now.year + 1):
        try:
            candidates.append(datetime.fromisoformat(f"{year}-{day} {clock}"))
        except ValueError:  # 29 February
            continue
    return min(candidates, key=lambda moment: abs(moment - now), default=None)
