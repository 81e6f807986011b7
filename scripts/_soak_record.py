"""What the simulated cloud knows to be true, and what Home Assistant showed of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
import time

from _soak_home import Run
from tests.simulator import RestSchedule, SimulatedCharger
from tests.simulator.schedule import hours_minutes

# Documented: how long silence, and how long a drop, may stay hidden; a little more for
# the sampling and a busy machine.
SILENCE_LIMIT = 100.0 + 5.0
DROP_LIMIT = 30.0 + 5.0
# What a power cut may take from the books: ten seconds until they are saved.
UNSAVED = 12.0
# Frames come every three seconds.
REGULAR = 8.0

# What every charger tells; a legacy one perhaps no powers.
ESSENTIAL = (
    "sensor.charging_readiness",
    "sensor.session_energy",
    "sensor.session_energy_total_increasing",
    "sensor.session_carbon_saved",
    "sensor.charger_current",
    "sensor.voltage",
    "switch.charging",
)
LIVE = (
    *ESSENTIAL,
    "sensor.ev_power",
    "sensor.house_power",
    "sensor.grid_power",
    "sensor.generation_power",
)
CONNECTION = "binary_sensor.connection"
TOTAL = "sensor.total_energy"
NOTHING = ("unknown", "unavailable")

type Own = tuple[bool, frozenset[tuple[str, str, str, frozenset[str]]]]


@dataclass(frozen=True, kw_only=True)
class Loan:
    """A planner's use of the schedule: what it was before, and when it comes back."""

    own: Own
    until: datetime


@dataclass(kw_only=True)
class Deed:
    """A command a person gave, and what came of it."""

    what: str
    begun: float
    limit: float
    seconds: float = 0.0
    # None is success; else what Home Assistant said, or that it ended meanwhile.
    error: str | None = None
    hung: bool = False
    witnessed: bool = False
    # Home Assistant itself passes over entities that are unavailable.
    passed_over: bool = False


@dataclass(kw_only=True, eq=False)
class Wallbox:
    """A charger at both ends."""

    charger: SimulatedCharger
    device_id: str
    ids: Mapping[str, str]
    # Since when the connection is shown as one.
    connected_since: float | None = None
    loan: Loan | None = None
    loans: int = 0
    returned: int = 0
    total: float | None = None
    deeds: list[Deed] = field(default_factory=list)
    # Starts and ends that somebody, or a lying cloud, put into the schedule.
    written: set[str] = field(default_factory=set)
    noise: int = 0
    kept_wh: float = 0.0
    fell: list[str] = field(default_factory=list)
    judged: int = 0
    samples: int = 0
    # Samples in which live readings were wrongly shown.
    wrong: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the charger is called in reports."""
        return str(self.charger.personality)

    @property
    def is_legacy(self) -> bool:
        """Whether it tells session data only while it charges (protocol.md 5.6)."""
        return not self.charger.personality.speaks_v3_api

    @property
    def readings(self) -> tuple[str, ...]:
        """The entities that show live data."""
        return ESSENTIAL if self.is_legacy else LIVE

    @property
    def own(self) -> Own:
        """The schedule in force, so that it can be compared."""
        return own_of(self.charger)

    def watch(self) -> None:
        """Look at the cloud's end; called a few times a second."""
        loan = self.loan
        if loan and datetime.now(UTC) > loan.until and self.own == loan.own:
            self.returned += 1
            self.loan = None

    def last_live(self) -> float:
        """When session data last went out to anybody, by the monotonic clock."""
        frames = reversed(self.charger.wire.live_frames)
        return next((frame.at for frame in frames if frame.of_session), 0.0)

    def judge(self, states: Mapping[str, str], began: float, run: Run) -> None:
        """Compare a sample, whose asking began then, with what could be known."""
        self.samples += 1
        if self._shows(states, CONNECTION) != "on":
            self.connected_since = None
        elif self.connected_since is None:
            self.connected_since = began
        # Where it says nothing there is nothing to be told from silence.
        heard = began if self.is_legacy else self.last_live()
        silent = began - max(heard, run.began)
        deaf = began - max(self.charger.alone_since or began, run.began)
        if silent > SILENCE_LIMIT or deaf > DROP_LIMIT:
            self.judged += 1
            shown = [
                key for key in self.readings if self._shows(states, key) not in NOTHING
            ]
            # A connection is one before it has brought anything, but not for long.
            if self.connected_since is not None:
                waited = began - max(heard, self.connected_since)
                if deaf > DROP_LIMIT or waited > SILENCE_LIMIT:
                    shown.append(CONNECTION)
            if shown:
                self.wrong.append(
                    f"after {silent:.0f} s of silence and {deaf:.0f} s without a "
                    f"socket: {', '.join(shown)}"
                )
        total = self._shows(states, TOTAL)
        if total not in NOTHING:
            if self.total is not None and float(total) < self.total:
                self.fell.append(f"total energy fell from {self.total} to {total}")
            self.total = float(total)

    def _shows(self, states: Mapping[str, str], key: str) -> str:
        return states.get(self.ids[key], "unavailable")


def own_of(charger: SimulatedCharger) -> Own:
    """Return what counts of a charger's schedule."""
    if not charger.personality.speaks_v3_api:
        rest = charger.rest_schedule or RestSchedule()
        return rest.enabled, frozenset(
            (hours_minutes(item.start), hours_minutes(item.end), "", frozenset())
            for item in rest.intervals
        )
    schedule = charger.schedule
    return schedule.enabled, frozenset(
        (item.start_time, item.end_time, item.mode, frozenset(item.days or ()))
        for item in schedule.sessions
    )


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What one session delivered, and how much of it Home Assistant can know."""

    number: int
    started: datetime
    ended: datetime
    watt_hours: float
    told: float
    # What a count that began anew unseen may be taken for the old one's growth.
    confused: float
    began_unseen: bool
    seen_throughout: bool


def truths(box: Wallbox, runs: Iterable[Run]) -> list[Truth]:
    """Return the finished sessions, with what was told of them to one who listened."""
    heard = [
        frame
        for frame in box.charger.wire.live_frames
        if frame.of_session and any(_kept(run, frame.at) for run in runs)
    ]
    offset = time.time() - time.monotonic()
    found = []
    told_before = 0.0
    for session in box.charger.sessions:
        begin = session.started.timestamp() - offset
        end = session.ended.timestamp() - offset
        # The last frame of a session comes at its end and tells the whole of it.
        mine = [
            frame
            for frame in heard
            if frame.session == session.number and (frame.open or frame.at < end + 1)
        ]
        told = max((frame.watt_hours for frame in mine), default=0.0)
        moments = [
            frame.at for frame in heard if begin - REGULAR < frame.at < end + REGULAR
        ]
        edges = [begin - REGULAR, *moments, end + REGULAR]
        if box.is_legacy:
            # It says nothing before, and nothing afterwards.
            edges = [begin, *(at for at in moments if begin <= at <= end), end]
        gaps = [later - sooner for sooner, later in pairwise(edges)]
        # It tells sessions apart by their number, so none is taken for another.
        began_unseen = not box.is_legacy and (
            not any(begin - REGULAR < at < begin for at in moments)
            or not any(begin <= at < begin + REGULAR for at in moments)
        )
        found.append(
            Truth(
                number=session.number,
                started=session.started,
                ended=session.ended,
                watt_hours=session.watt_hours,
                told=min(told, session.watt_hours),
                confused=min(told_before, told) if began_unseen else 0.0,
                began_unseen=began_unseen,
                seen_throughout=max(gaps) <= REGULAR
                and any(frame.open for frame in mine)
                and not (box.is_legacy and all(frame.open for frame in mine)),
            )
        )
        told_before = max(told_before, told) if not mine else told
    return found


def _kept(run: Run, moment: float) -> bool:
    """Whether what was told then is in the books of this life."""
    if not run.covers(moment):
        return False
    return not (run.killed and run.ended is not None and moment > run.ended - UNSAVED)
