"""What the simulated cloud knows to be true, and what Home Assistant showed of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
import time

from _soak_home import Run
from tests.simulator import LiveFrame, RestSchedule, SimulatedCharger
from tests.simulator.schedule import hours_minutes

# Documented: how long silence, and how long a drop, may stay hidden; a little more for
# the sampling and a busy machine.
SILENCE_LIMIT = 100.0 + 5.0
DROP_LIMIT = 30.0 + 5.0
# What a power cut may take from the books: ten seconds until they are saved.
UNSAVED = 12.0
# An absent car counts after half a minute, and is sampled now and then.
PLUG_LIMIT = 30.0 + 10.0
# How long a lost connection may look like one, on a busy machine.
NOTICED = 5.0
# No charger delivers more.
MOST_WATTS = 25_000.0

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
# The member that a reading comes from, and expires with.
MEMBERS = {
    "sensor.session_energy": "watt_hours",
    "sensor.session_carbon_saved": "carbon_saved_grams",
    "sensor.charger_current": "true_milli_amps",
    "sensor.voltage": "voltage",
    "switch.charging": "charging",
    "sensor.ev_power": "ev_power",
    "sensor.house_power": "house_power",
    "sensor.grid_power": "grid_power",
    "sensor.generation_power": "generation_power",
}
CONNECTION = "binary_sensor.connection"
PLUG = "binary_sensor.car_plugged"
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


@dataclass(frozen=True, kw_only=True)
class Total:
    """A lifetime's energy that was new in a sample, and the truth right after it.

    `before` is when the sample before began.
    """

    before: float
    began: float
    ended: float
    watt_hours: float
    delivered: float


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
    total_at: float = 0.0
    totals: list[Total] = field(default_factory=list)
    # Whether there was a car from which moment on.
    plugs: list[tuple[float, bool]] = field(default_factory=list)
    plug_known_since: float | None = None
    # When nobody was connected, last.
    alone_at: float = 0.0
    deeds: list[Deed] = field(default_factory=list)
    # Starts and ends that somebody, or a lying cloud, put into the schedule.
    written: set[str] = field(default_factory=set)
    fell: list[str] = field(default_factory=list)
    judged: int = 0
    expired: int = 0
    confirmed: int = 0
    samples: int = 0
    # Samples in which live readings, or the plug, were wrongly shown.
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
    def needed(self) -> set[str]:
        """The entities that are judged."""
        return {*self.readings, CONNECTION, TOTAL, *([] if self.is_legacy else [PLUG])}

    @property
    def own(self) -> Own:
        """The schedule in force, so that it can be compared."""
        return own_of(self.charger)

    def watch(self) -> None:
        """Look at the cloud's end; called a few times a second."""
        now = time.monotonic()
        loan = self.loan
        if loan and datetime.now(UTC) > loan.until and self.own == loan.own:
            self.returned += 1
            self.loan = None
        if not self.plugs or self.plugs[-1][1] is not self.charger.plugged:
            self.plugs.append((now, self.charger.plugged))
        if self.charger.alone_since is not None:
            self.alone_at = now

    def last_live(self) -> float:
        """When session data last went out to anybody, by the monotonic clock."""
        frame = self._last(lambda frame: bool(frame.readable))
        return frame.at if frame else 0.0

    def _last(self, wanted: Callable[[LiveFrame], object]) -> LiveFrame | None:
        frames = reversed(self.charger.wire.live_frames)
        return next((frame for frame in frames if wanted(frame)), None)

    def _last_with(self, member: str) -> float:
        """Return when a member of session data last went out in a form to be read."""
        frame = self._last(lambda frame: member in frame.readable)
        return frame.at if frame else 0.0

    def judge(
        self,
        states: Mapping[str, str],
        began: float,
        run: Run,
        *,
        confirmed: bool | None = None,
    ) -> None:
        """Compare a sample, whose asking began then, with what could be known.

        `confirmed` is what the plug says of itself.
        """
        self.samples += 1
        if self._shows(states, CONNECTION) != "on":
            self.connected_since = None
        elif self.connected_since is None:
            self.connected_since = began
        heard = self._heard(began, run)
        silent = began - max(heard, run.began)
        deaf = began - max(self.charger.alone_since or began, run.began)
        if silent > SILENCE_LIMIT or deaf > DROP_LIMIT:
            self.judged += 1
            shown = [
                key for key in self.readings if self._shows(states, key) not in NOTHING
            ]
            # A connection is one before it has brought anything, but not for long.
            if self.connected_since is not None and not self.is_legacy:
                waited = began - max(heard, self.connected_since)
                if deaf > DROP_LIMIT or waited > SILENCE_LIMIT:
                    shown.append(CONNECTION)
            if shown:
                self.wrong.append(
                    f"as live after {silent:.0f} s of silence and {deaf:.0f} s without "
                    f"a socket: {', '.join(shown)}"
                )
        if not self.is_legacy:
            self._judge_expired(states, began, run)
            self._judge_plug(states, confirmed, began, run)
        self._note_total(self._shows(states, TOTAL), began)

    def _heard(self, began: float, run: Run) -> float:
        """Return when there was last something to be known of what flows.

        A legacy one says nothing where nothing flows, so its silence tells something
        only where something did.
        """
        if not self.is_legacy:
            return self.last_live()
        frame = self._last(lambda frame: frame.of_session)
        flowed = frame is not None and frame.charging and frame.at > run.began
        return frame.at if frame is not None and flowed else began

    def _judge_expired(self, states: Mapping[str, str], began: float, run: Run) -> None:
        """Look for readings that frames have long been without."""
        newest = self._last(lambda frame: frame.readable and frame.at < began - NOTICED)
        if newest is None:
            return
        shown = []
        for key, member in MEMBERS.items():
            known = max(self._last_with(member), run.began)
            if newest.at - known > SILENCE_LIMIT:
                self.expired += 1
                if self._shows(states, key) not in NOTHING:
                    shown.append(f"{key} ({member})")
        if shown:
            self.wrong.append(
                f"as live, though frames have been without it: {', '.join(shown)}"
            )

    def _judge_plug(
        self,
        states: Mapping[str, str],
        confirmed: bool | None,
        began: float,
        run: Run,
    ) -> None:
        """Compare the plug, which is a memory unless it is confirmed."""
        if self._shows(states, CONNECTION) in NOTHING:
            return  # It is being set up.
        shown = self._shows(states, PLUG)
        if shown in NOTHING:
            since = self.plug_known_since
            if since is not None and began - since > UNSAVED:
                self.wrong.append("as unknown, though it was known: the plug")
            return
        if self.plug_known_since is None:
            self.plug_known_since = began
        if not confirmed:
            return
        self.confirmed += 1
        alone = self.charger.alone_since
        if alone is not None and began - max(alone, run.began) > NOTICED:
            self.wrong.append("as confirmed without a socket: the plug")
            return
        connected = max(self.alone_at, run.began)
        report = self._last(lambda frame: plug_of(frame) is not None)
        if connected < began - NOTICED and (not report or report.at < connected):
            self.wrong.append("as confirmed without a report since: the plug")
            return
        # One that is lost or late can't be known.
        is_on = shown == "on"
        if is_on not in self._plugged_since(began - PLUG_LIMIT) | self._reported(began):
            self.wrong.append(f"as confirmed and {shown}: the plug")

    def _plugged_since(self, moment: float) -> set[bool]:
        """Return whether there has been a car, and whether there has been none."""
        later = {plugged for at, plugged in self.plugs if at > moment}
        sooner = [plugged for at, plugged in self.plugs if at <= moment]
        return later | set(sooner[-1:]) | {self.charger.plugged}

    def _reported(self, began: float) -> set[bool]:
        """Return what frames have said of the plug, lately or last."""
        reports: set[bool] = set()
        for frame in reversed(self.charger.wire.live_frames):
            if reports and frame.at < began - NOTICED:
                break
            if (plugged := plug_of(frame)) is not None:
                reports.add(plugged)
        return reports

    def _note_total(self, shown: str, began: float) -> None:
        if shown in NOTHING:
            return
        total = float(shown)
        if self.total is not None and total < self.total:
            self.fell.append(f"total energy fell from {self.total} to {total}")
        if total != self.total:
            self.totals.append(
                Total(
                    before=self.total_at,
                    began=began,
                    ended=max(time.monotonic(), began),
                    watt_hours=total * 1000,
                    delivered=self.charger.delivered_wh,
                )
            )
        self.total, self.total_at = total, began

    def _shows(self, states: Mapping[str, str], key: str) -> str:
        return states.get(self.ids.get(key, key), "unavailable")


def plug_of(frame: LiveFrame) -> bool | None:
    """Return what a frame says of the plug, if anything."""
    if frame.of_session:
        return True if frame.charging else None
    letter = (frame.pilot or "").strip()[:1].upper()
    return letter != "A" if letter in tuple("ABCD") else None


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
