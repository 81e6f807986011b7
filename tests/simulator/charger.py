"""One simulated charger: its settings, its car, its schedule, its app."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo

from .charging import Car, ChargePoint, FinishedSession
from .clock import Clock
from .faults import Fault, FaultBoard
from .journal import RecordedFrame
from .schedule import (
    Interval,
    Listing,
    RestSchedule,
    Schedule,
    Session,
    interval_between,
    session_from_json,
)
from .settings import Changes, Settings, parse_changes, parse_mode
from .vocabulary import (
    BATTERY_SAFE_FEATURE,
    DEFAULT_TIME_ZONE,
    FIRMWARE,
    ChargeMode,
    Confirm,
    IdleWattHours,
    Json,
    LockState,
    Personality,
    Pilot,
    ReleaseState,
)

type Document = list[dict[str, Json]]
"""An array of one-key objects, the form of settings on the wire (5.2)."""

_STEADY_STEP_SECONDS: Final = 10.0
_STALE_REST_SCHEDULE: Final = RestSchedule(intervals=(Interval(1860, 16140),))
"""What the REST route of an upgraded V2 goes on telling (protocol.md 12, F19)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFrame:
    """A frame of live data that went out to a client.

    `at` is monotonic. Of the session, `number` and `delivered` are the truth then, `open`
    whether it still went on, `flows` whether it charged and `final` whether that ended
    with this frame; `shown` and `charging` are
    what the frame said of it, None if that can't be read, and `base` what its count
    leaves out of the session, or if negative, has from earlier ones. `readable` are the
    members that can be read; `pilot` is what a frame of the plug holds, which has
    nothing of the rest.
    """

    at: float
    number: int
    delivered: float
    open: bool
    flows: bool = False
    final: bool = False
    shown: int | None = None
    charging: bool | None = None
    base: int = 0
    readable: frozenset[str] = frozenset()
    of_session: bool = True
    pilot: str | None = None


class Wire(Protocol):
    """The charger's way to its clients' sockets."""

    @property
    def sockets(self) -> int:
        """Number of open sockets."""

    @property
    def logged_in_sockets(self) -> int:
        """Number of open /sync sockets that are logged in."""

    @property
    def alone_since(self) -> float | None:
        """Since when nobody is logged in, by the monotonic clock; None: somebody is."""

    @property
    def received(self) -> list[RecordedFrame]:
        """All frames the clients sent."""

    @property
    def frames_sent(self) -> int:
        """Number of frames sent to clients."""

    @property
    def live_frames(self) -> deque[LiveFrame]:
        """The latest frames of live data, oldest first."""

    def push_raw(self, frame: str | bytes | Json) -> None:
        """Send any frame to all logged-in /sync sockets."""

    def settings_changed(self, changes: Document) -> None:
        """Push a change of settings."""

    def pilot_changed(self) -> None:
        """Push the pilot."""

    def session_changed(self, *, final: bool = False) -> None:
        """Push the session; `final` is the last frame of a session."""

    def schedule_changed(self) -> None:
        """Push the schedule."""

    def plug_and_charge_changed(self) -> None:
        """Push the mode of Plug and Charge."""

    def name_changed(self) -> None:
        """Nothing is pushed, but state changed."""


class SimulatedCharger:
    """A charger as its owner sees it: plug in, press buttons, read the display.

    Everything that changes pushes at once what the real cloud pushes. The public
    attributes below the state are switches for what protocol.md leaves open (13).
    """

    wire: Wire

    def __init__(
        self,
        personality: Personality,
        charger_id: str,
        *,
        clock: Clock,
        faults: FaultBoard,
        model: str | None,
        created: datetime,
    ) -> None:
        self.personality = personality
        self.charger_id = charger_id
        self.model = model
        self.created = created
        self.name = "Driveway"
        self.firmware: str | int = FIRMWARE[personality]
        """Settable to other text or to a number (protocol.md 2.3)."""
        self.settings = Settings()
        self.plugncharge: str = ChargeMode.BOOST
        self.schedule = Schedule()
        self.rest_schedule: RestSchedule | None = (
            _STALE_REST_SCHEDULE if personality is Personality.UPGRADED_V2 else None
        )
        """The REST form; None on a legacy V2 is "never set" (protocol.md 8.1)."""
        self.lingering: tuple[Session, ...] = ()
        """Removed Octopus sessions that fault F21 goes on showing."""
        self.tz = DEFAULT_TIME_ZONE
        self.point = ChargePoint(seed=int(charger_id) % 1_000_003)

        self.confirm: Confirm | None = None
        """Overrides the cloud's setting for this charger."""
        self.idle_watt_hours = _idle_watt_hours(personality)
        self.unlock_pauses = personality.is_v3_hardware
        """A redundant unlock sets `released` (protocol.md 10)."""
        self.solar_mode_mirrors_plugncharge = personality.speaks_v3_api
        self.house_includes_ev = False
        self.reports_energy_flow = personality is not Personality.V3_OLD
        self.legacy_power_fields = False
        """Whether legacy frames carry `ev_power` etc. (protocol.md 6.2)."""
        self.in_progress_on_connect = False
        """A legacy V2 sends one frame after connecting (protocol.md 5.6)."""
        self.pilot_on_login = False
        """Normally the pilot is pushed on change only (protocol.md 5.8)."""
        self.schedule_push: Literal["schedule.set", "schedules.get"] = "schedule.set"
        self.plugncharge_push: Literal["plugncharge.set", "plugncharge.get", "none"] = (
            "plugncharge.set"
        )
        self.pending_delay = 0.0
        """Seconds a new schedule is `pending` before it is `applied` (8.2)."""
        self.listing: frozenset[Listing] = frozenset()
        """How sessions are listed in answers and pushes; none: as written (8.2)."""
        self.strict = True
        """Whether members and sessions that the app never writes are refused."""
        self.max_sessions = 6
        self.refuse_overlaps = True
        self.random_start_writable = False
        self.needs_open_form = False
        """Only the `open` form ends a legacy schedule (protocol.md 8.1)."""
        self.rest_put: Literal["fail", "overwrite"] = "fail"
        """What a REST schedule PUT does on an upgraded V2 (F19)."""
        self.not_allowed_shape: Literal["message", "error"] = "message"
        self.set_name_reply: Literal["name", "true", "object", "none"] = "name"

        self._clock = clock
        self._faults = faults
        self._offset = timedelta()
        self._time = clock.now()

    # What it shows

    @property
    def lock_state(self) -> LockState:
        """Unlocked, pending_lock or locked."""
        return self.settings.lock_state

    @property
    def release_state(self) -> ReleaseState:
        """Default, or released (stopped by the user)."""
        return self.settings.release_state

    @property
    def max_current(self) -> int:
        """The limit in mA."""
        return self.settings.max_current

    @property
    def brightness(self) -> float:
        """0 to 1."""
        return self.settings.brightness

    @property
    def effect_name(self) -> str:
        """The LED effect."""
        return self.settings.effect_name

    @property
    def leds(self) -> list[dict[str, float]]:
        """The last custom colours; empty if there never were any."""
        return self.settings.leds

    @property
    def features(self) -> list[str]:
        """The feature flags."""
        return self.settings.features

    @features.setter
    def features(self, features: Iterable[str]) -> None:
        self.settings.features = list(features)

    @property
    def solar_mode(self) -> str:
        """What a snapshot says; whether it mirrors on the V3 API is open (7)."""
        if self.personality.speaks_v3_api and self.solar_mode_mirrors_plugncharge:
            return self.plugncharge
        return self.settings.solar_mode

    @property
    def mode(self) -> str:
        """The mode in force outside a schedule."""
        return (
            self.plugncharge
            if self.personality.speaks_v3_api
            else self.settings.solar_mode
        )

    @property
    def pilot(self) -> Pilot:
        """A, B or C."""
        return self.point.pilot

    @property
    def car(self) -> Car | None:
        """The plugged-in car."""
        return self.point.car

    @property
    def plugged(self) -> bool:
        """Whether a car is plugged in."""
        return self.point.car is not None

    @property
    def charging(self) -> bool:
        """Whether current flows."""
        return self.point.charging

    @property
    def ev_power(self) -> float:
        """Watts into the car, not rounded."""
        return self.point.ev_watts

    @property
    def delivered_wh(self) -> float:
        """The truth: all energy ever delivered."""
        return self.point.delivered_wh

    @property
    def watt_hours(self) -> int:
        """The session energy as the cloud shows it between two events."""
        idle = not self.point.session_open
        if idle and self.idle_watt_hours is IdleWattHours.ZERO:
            return 0
        return int(self.point.session_wh)

    @property
    def sessions(self) -> list[FinishedSession]:
        """The finished sessions, oldest first."""
        return self.point.finished

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the charger's schedule."""
        return ZoneInfo(self.tz)

    def now(self) -> datetime:
        """Return the charger's time: the cloud's clock plus what `advance` added."""
        return self._clock.now() + self._offset

    def snapshot(self) -> Document:
        """Return the settings document; only the V3 API has `effect_name` (6.1)."""
        settings = self.settings
        document: Document = [{"brightness": settings.brightness}]
        if self.personality.speaks_v3_api:
            document.append({"effect_name": str(settings.effect_name)})
        document += [
            {"lock_state": str(settings.lock_state)},
            {"release_state": str(settings.release_state)},
            {"max_current": settings.max_current},
            {"ct_flags": settings.ct_flags},
            {"solar_mode": self.solar_mode},
            {"features": list(settings.features)},
            {"random_start": settings.random_start},
        ]
        return document

    # Its clients

    @property
    def sockets(self) -> int:
        """Number of open sockets, both endpoints."""
        return self.wire.sockets

    @property
    def logged_in_sockets(self) -> int:
        """Number of open /sync sockets that are logged in."""
        return self.wire.logged_in_sockets

    @property
    def alone_since(self) -> float | None:
        """Since when nobody is logged in, by the monotonic clock; None: somebody is."""
        return self.wire.alone_since

    @property
    def received(self) -> list[RecordedFrame]:
        """All frames its clients sent, oldest first."""
        return self.wire.received

    def push(self, frame: str | bytes | Json) -> None:
        """Send any frame to all its logged-in /sync sockets.

        Text goes out as it is, bytes as a binary frame, all else as JSON.
        """
        self.wire.push_raw(frame)

    # The world around it

    def plug_in(self, battery_kwh: float = 60.0, needs_wh: float | None = None) -> None:
        """Plug a car in; without `needs_wh` its battery is empty."""
        self.catch_up()
        battery = battery_kwh * 1000
        self.point.connect(Car(battery, battery if needs_wh is None else needs_wh))
        self.wire.pilot_changed()
        self._session_frame_if_idle()
        self.settle()

    def unplug(self) -> None:
        """Pull the plug: pilot A, then what else that changes (protocol.md 11.4)."""
        self.catch_up()
        if self.point.car is None:
            return
        had_session = self.point.session_open
        self.point.finish(self.now())
        self.point.car = None
        self.wire.pilot_changed()
        self.wire.session_changed(final=had_session)
        changes: Document = []
        if self.lock_state is LockState.PENDING_LOCK:
            self.settings.lock_state = LockState.LOCKED
            changes.append({"lock_state": str(self.lock_state)})
        sticky = self._faults.find(Fault.STICKY_STOP, self) is not None
        if self.release_state is ReleaseState.RELEASED and not sticky:
            self.settings.release_state = ReleaseState.DEFAULT
            changes.append({"release_state": str(self.release_state)})
        if changes:
            self.wire.settings_changed(changes)

    def car_full(self) -> None:
        """Let the car take nothing more."""
        self.catch_up()
        if self.point.car is not None:
            self.point.car.needs_wh = 0.0
        self.settle()

    def set_house_load(self, watts: float) -> None:
        """Set what the house consumes without the car."""
        self.catch_up()
        self.point.house_load = max(0.0, watts)
        self.settle()
        self._session_frame_if_idle()

    def set_solar(self, watts: float) -> None:
        """Set what the sun delivers."""
        self.catch_up()
        self.point.solar = max(0.0, watts)
        self.settle()
        self._session_frame_if_idle()

    def advance(self, seconds: float) -> None:
        """Let time pass for this charger, at once."""
        self._offset += timedelta(seconds=seconds)
        self.catch_up()
        self.wire.session_changed()

    def install(
        self, personality: Personality, firmware: str | int | None = None
    ) -> None:
        """Become another firmware on the same hardware, as the vendor does remotely.

        Its sockets stay open and nobody is told. The schedule written over REST stays
        behind, stale (protocol.md 2.3, F19).
        """
        if personality.is_v3_hardware is not self.personality.is_v3_hardware:
            raise ValueError("a firmware does not change the hardware")
        self.catch_up()
        self.personality = personality
        self.firmware = FIRMWARE[personality] if firmware is None else firmware
        self.idle_watt_hours = _idle_watt_hours(personality)
        self.solar_mode_mirrors_plugncharge = personality.speaks_v3_api
        self.settle()

    # Its owner with the app

    def set_mode(self, mode: str) -> None:
        """Choose the charge mode in the app."""
        self.catch_up()
        if self.personality.speaks_v3_api:
            self.plugncharge = parse_mode(mode, self.features)
            self.wire.plug_and_charge_changed()
        else:
            self.settings.solar_mode = parse_mode(mode, self.features)
            self.wire.settings_changed([{"solar_mode": self.settings.solar_mode}])
        self.settle()

    def set_name(self, name: str) -> None:
        """Rename the charger in the app; no push is known for that."""
        self.name = name
        self.wire.name_changed()

    def set_battery_safe(self, *, supported: bool) -> None:
        """Give or take the Battery Safe feature (protocol.md 6.1)."""
        features = [name for name in self.features if name != BATTERY_SAFE_FEATURE]
        self.features = [*features, BATTERY_SAFE_FEATURE] if supported else features
        self.wire.settings_changed([{"features": list(self.features)}])

    def app_apply(self, **settings: Json) -> None:
        """Change settings in the app: the keys and strictness of `sync.apply`."""
        self.catch_up()
        changes = self.apply(self.parse_changes(settings))
        self.wire.settings_changed(changes)
        self.settle()

    def app_set_schedule(
        self,
        *,
        enabled: bool | None = None,
        sessions: Sequence[Mapping[str, Json] | Session] | None = None,
        intervals: Sequence[tuple[str, str]] | None = None,
        extra: Mapping[str, Json] | None = None,
        unread: Sequence[Json] | None = None,
    ) -> None:
        """Set the schedule in the app; None keeps what is there.

        `sessions` are for the V3 API, also shapes an API client could not write;
        `extra` and `unread` are members and sessions that only the app of tomorrow
        knows; `intervals` (HH:MM, daily) are for a legacy V2. The V3 API pushes, a
        legacy V2 does not (protocol.md 11.5).
        """
        self.catch_up()
        if self.personality.speaks_v3_api:
            current = self.schedule
            self.schedule = Schedule(
                enabled=current.enabled if enabled is None else enabled,
                sessions=(
                    current.sessions
                    if sessions is None
                    else tuple(
                        item if isinstance(item, Session) else session_from_json(item)
                        for item in sessions
                    )
                ),
                extra=current.extra if extra is None else extra,
                unread=current.unread if unread is None else tuple(unread),
            )
            self.lingering = ()
            self.wire.schedule_changed()
        else:
            rest = self.rest_schedule or RestSchedule()
            if enabled is not None:
                rest = replace(rest, enabled=enabled)
            if extra is not None:
                rest = replace(rest, extra=extra)
            if intervals is not None:
                rest = replace(
                    rest,
                    type="restricted",
                    intervals=tuple(interval_between(*pair) for pair in intervals),
                )
            self.rest_schedule = rest
        self.settle()

    def set_octopus_schedule(
        self,
        dispatches: Sequence[tuple[datetime, datetime]],
        *,
        mode: str = ChargeMode.BOOST,
        enabled: bool = True,
    ) -> None:
        """Let Octopus take command with these dispatches (protocol.md 8.3).

        `app_set_schedule` ends it.
        """
        self.catch_up()
        sessions = tuple(
            Session(_utc_text(start), _utc_text(end), mode, days=None)
            for start, end in dispatches
        )
        known = {*self.lingering, *self.schedule.sessions}
        removed = tuple(
            session
            for session in (*self.lingering, *self.schedule.sessions)
            if session.is_dated and session not in sessions
        )
        self.schedule = Schedule(enabled, "octopus", sessions=sessions)
        silent = False
        if self._faults.find(Fault.STALE_OCTOPUS, self) is not None:
            self.lingering = removed
            silent = bool(removed) and known.issuperset(sessions)
        else:
            self.lingering = ()
        if not silent:
            self.wire.schedule_changed()
        self.settle()

    # What the cloud's protocol does to it

    def parse_changes(self, params: Json) -> Changes:
        """Check the params of `sync.apply`."""
        return parse_changes(
            params, self.settings, random_start_writable=self.random_start_writable
        )

    def apply(self, changes: Changes) -> Document:
        """Take settings over; return the resulting changes, push nothing."""
        settings = self.settings
        document: Document = []
        if changes.brightness is not None:
            settings.brightness = changes.brightness
            document.append({"brightness": settings.brightness})
        if changes.effect_name is not None:
            settings.effect_name = changes.effect_name
            document.append({"effect_name": settings.effect_name})
        if changes.leds is not None:
            settings.leds = changes.leds
        if changes.max_current is not None:
            settings.max_current = changes.max_current
            document.append({"max_current": settings.max_current})
        if changes.random_start is not None:
            settings.random_start = changes.random_start
            document.append({"random_start": settings.random_start})
        if changes.solar_mode is not None:
            # On the V3 API the echo is hollow: nothing follows (protocol.md 7).
            if not self.personality.speaks_v3_api:
                settings.solar_mode = changes.solar_mode
            document.append({"solar_mode": changes.solar_mode})
        if changes.is_locked is not None:
            document += self._lock(locked=changes.is_locked)
        if changes.release is not None:
            settings.release_state = (
                ReleaseState.RELEASED if changes.release else ReleaseState.DEFAULT
            )
            document.append({"release_state": str(settings.release_state)})
        return document

    def _lock(self, *, locked: bool) -> Document:
        """Follow the lock table of protocol.md 10."""
        settings = self.settings
        document: Document = []
        if not locked:
            pauses = self.unlock_pauses or self._faults.find(Fault.UNLOCK_PAUSE, self)
            if settings.lock_state is LockState.UNLOCKED and pauses:
                settings.release_state = ReleaseState.RELEASED
                document.append({"release_state": str(settings.release_state)})
            settings.lock_state = LockState.UNLOCKED
        elif settings.lock_state is LockState.UNLOCKED:
            settings.lock_state = (
                LockState.PENDING_LOCK if self.plugged else LockState.LOCKED
            )
        return [{"lock_state": str(settings.lock_state)}, *document]

    def permitted_mode(self, now: datetime) -> str | None:
        """Return the mode in which it may charge now, or None."""
        stopped = self.release_state is ReleaseState.RELEASED
        # A lock set while the car is plugged stays pending, so `locked` with a
        # car means that the car came to a locked charger.
        if not self.plugged or stopped or self.lock_state is LockState.LOCKED:
            return None
        if self.personality.speaks_v3_api:
            if not self.schedule.enabled:
                return self.plugncharge
            return self.schedule.active_mode(now, self.zone)
        rest = self.rest_schedule
        if rest is not None and rest.type == "restricted":
            restricted = rest.enabled or self.needs_open_form
            if restricted and not rest.permits(now):
                return None
        return self.settings.solar_mode

    def catch_up(self) -> None:
        """Let the physics run up to the present."""
        target = self.now()
        while self._time < target:
            self.settle()
            if self.point.car is None:
                self._time = target
                break
            seconds = min(
                (target - self._time).total_seconds(), self._seconds_to_next_look()
            )
            self._time += timedelta(seconds=self.point.run(seconds))
        self.settle()

    def settle(self) -> None:
        """Start or stop the flow if something now says so."""
        point = self.point
        mode = self.permitted_mode(self._time)
        amps = point.target_amps(mode, self.max_current / 1000)
        was_charging, was_open = point.charging, point.session_open
        if amps > 0 and not was_charging:
            point.begin(self._time)
        point.aim(amps)
        if amps > 0:
            if not was_charging:
                self.wire.pilot_changed()
                self.wire.session_changed()
            return
        waits_for_sun = mode is not None and not (point.car and point.car.is_full)
        if was_charging and waits_for_sun:
            point.pause()
        elif was_open and not waits_for_sun:
            point.finish(self._time)
        if was_charging:
            self.wire.session_changed(final=True)
            self.wire.pilot_changed()

    def _seconds_to_next_look(self) -> float:
        """How long nothing but energy can change: schedules switch on the minute."""
        intervals = self.rest_schedule.intervals if self.rest_schedule else ()
        if any(item.start % 60 or item.end % 60 for item in intervals):
            return 1.0
        to_minute = 60 - self._time.second - self._time.microsecond / 1e6
        return min(to_minute, _STEADY_STEP_SECONDS) if self.charging else to_minute

    def _session_frame_if_idle(self) -> None:
        """Legacy V2 tells nothing outside a session (protocol.md 5.6)."""
        if self.personality.speaks_v3_api or self.charging:
            self.wire.session_changed()


def _utc_text(moment: datetime) -> str:
    """ISO date-time in UTC with Z (protocol.md 8.3)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _idle_watt_hours(personality: Personality) -> IdleWattHours:
    """protocol.md 11.2."""
    legacy = personality is Personality.LEGACY_V2
    return IdleWattHours.LAST if legacy else IdleWattHours.ZERO
