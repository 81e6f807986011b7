"""The one face the rest of the integration knows: a charger, live and controllable."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
import logging
import ssl
import time
from typing import Final, TypeVar

from .account import HypervoltAccount
from .charger import (
    ApiVariant,
    Hardware,
    hardware_of,
    variant_from_firmware,
    variant_from_refusal,
)
from .commands import Command, Commander
from .connection import (
    Connection,
    ConnectionListener,
    ConnectionState,
    LinkLost,
    SocketOptions,
)
from .device_state import (
    BRIGHTNESS_STEP,
    MAX_CURRENT_MILLIAMPS,
    HypervoltActivationMode,
    HypervoltDeviceState,
    HypervoltReleaseState,
    apply,
    apply_readings,
    read_pilot,
    tells_effect,
    without_readings,
)
from .errors import (
    Cause,
    CommandRejected,
    CommandTimeout,
    HypervoltError,
    InvalidAuth,
    InvalidSchedule,
    NotConnected,
    NotSupported,
)
from .led import LedEffect, effect_params
from .led_writer import LedWriter
from .limits import limited, time_limit
from .liveness import Liveness
from .plug import Plug, PlugTracker
from .protocol import Failure, JsonValue, Method, decode, decode_session
from .schedule import (
    Schedule,
    read_v2,
    read_v3,
    reports_schedule,
    same_schedule,
    validate,
    without_extra,
    write_v2,
    write_v3,
)

_LOGGER = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

_PILOT_METHODS: Final = (Method.PILOT_STATUS, Method.COMPOSITE_PILOT_STATUS)
# Where the real limit lies is unknown (protocol.md 8.2): the charger is the judge.
_PLENTY_OF_SESSIONS: Final = 100
_SNAPSHOT_QUESTIONS: Final = 3
_SCHEDULE_QUESTIONS: Final = 2
_SIGN_OF_LIFE: Final = timedelta(seconds=30)
_BRIGHTNESS_DIGIT: Final = 0.01
_SCHEDULE_METHODS: Final = (Method.SCHEDULES_GET, Method.SCHEDULE_SET)
# Where Plug and Charge's mode has no effect on the V3 API (protocol.md 7).
_WITHOUT_CHARGE_MODE: Final[Mapping[HypervoltActivationMode | None, Cause]] = {
    HypervoltActivationMode.OCTOPUS: Cause.OCTOPUS_CHOOSES_MODE,
    HypervoltActivationMode.SCHEDULE: Cause.SCHEDULE_CHOOSES_MODE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFrame:
    """A frame of session data: the state after it, and what it held (protocol.md 6.2).

    `reported` names the fields of the state that the frame held a valid value of; the
    others are older.
    """

    state: HypervoltDeviceState
    at: datetime
    reported: frozenset[str]


class HypervoltApiClient:
    """One charger of an account: its state, kept current, and its commands.

    Every command returns once the charger has confirmed it, and raises a
    `HypervoltError` otherwise. `listener` is called in the event loop whenever the
    state, the variant or the availability changed, and now and then while messages
    arrive that change nothing, for the sake of `last_message`.
    """

    def __init__(
        self,
        account: HypervoltAccount,
        charger_id: str,
        *,
        listener: Callable[[], None],
        ssl_context: ssl.SSLContext | None = None,
        session_listener: Callable[[SessionFrame], bool] = lambda _: False,
        zone: Callable[[], tzinfo | None] = lambda: None,
        remembered_variant: ApiVariant | None = None,
        forced_variant: ApiVariant | None = None,
        live_seen: bool = False,
    ) -> None:
        """Prepare; `start` connects.

        `session_listener` is called with each frame of session data, changed or not,
        before `listener`; it returns whether `listener` is to be called in any case.
        What either raises is logged and does not end the connection.

        `zone` returns the charger's, where its schedule names none. The variant found
        by an earlier run is `remembered_variant`; `forced_variant` is a person's own
        choice and wins over all detection (protocol.md 2.4). `live_seen` is the property
        of an earlier run.
        """
        self.charger_id = charger_id
        self.hardware = hardware_of(charger_id)
        self._account = account
        self._listener = listener
        self._session_listener = session_listener
        self._zone = zone
        self._timing = account.timing
        self._forced = forced_variant
        self._variant = self._initial_variant(remembered_variant)
        self._told_variant: ApiVariant | None = None
        self._state = HypervoltDeviceState()
        self._last_message: datetime | None = None
        self._last_told = datetime.now(UTC)
        self._effects_told = 0
        self._rest_writes = 0
        # How often a schedule was reported that could be read.
        self._schedule_reports = 0
        self._session_frames = 0
        self._listener_failed = False
        self._available = False
        self._grace: asyncio.TimerHandle | None = None
        self._idling: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connected = asyncio.Event()
        self._settled = asyncio.Event()

        options = SocketOptions(
            user_agent=account.user_agent,
            timing=account.timing,
            ssl_context=ssl_context,
        )
        self._sync = Connection(
            account.endpoints.sync(charger_id),
            auth=account.auth,
            decode=decode,
            listener=ConnectionListener(
                message=self._take, state=self._connection_changed, opened=self._greet
            ),
            options=options,
        )
        self._session = Connection(
            account.endpoints.session(charger_id),
            auth=account.auth,
            decode=decode_session,
            listener=ConnectionListener(
                message=self._take_session,
                state=lambda _: None,
                opened=self._session_opened,
            ),
            options=options,
            needs_login=False,
        )
        self._live_seen = live_seen
        self._plug = PlugTracker(
            account.timing,
            charging=lambda: self._state.charging,
            changed=self._plug_changed,
        )
        # When each reading was last reported, by the monotonic clock.
        self._reported_at: dict[str, float] = {}
        self._expiring: asyncio.TimerHandle | None = None
        # The last value reported in this run, however old.
        self._reported_charging: bool | None = None
        # Whether the charger itself has told its dialect on this connection; its
        # firmware's form is only a second opinion.
        self._probed = False
        self._probing: asyncio.Task[None] | None = None
        self._spoke_v3 = remembered_variant is ApiVariant.V3
        self._liveness = Liveness(
            account.timing,
            expected=self._expects_live,
            ask=self._ask_sign_of_life,
            reconnect=self._reconnect_live,
            changed=self._liveness_changed,
        )
        self._commander = Commander(self._sync, account.timing, lambda: self._state)
        self._leds = LedWriter(self._write_leds, account.timing.led_interval)

    # What is known

    @property
    def state(self) -> HypervoltDeviceState:
        """What the charger last told."""
        return self._state

    @property
    def variant(self) -> ApiVariant | None:
        """The dialect the charger speaks; None while a V2's is not yet known."""
        return self._variant

    @property
    def told_variant(self) -> ApiVariant | None:
        """The dialect the charger itself tells, even if a person has chosen another.

        It is told by the hardware or the answers; None while nothing is known.
        """
        return ApiVariant.V3 if self.hardware is Hardware.V3 else self._told_variant

    @property
    def available(self) -> bool:
        """Whether the state can be believed; short drops are bridged."""
        return self._available

    @property
    def live(self) -> bool:
        """Whether readings of the car and the house are those of now."""
        return self._available and self._liveness.live

    @property
    def stalled(self) -> bool:
        """Whether live data that should come stays away."""
        return self._liveness.stalled

    @property
    def live_seen(self) -> bool:
        """Whether a V2 with the firmware of 2026 has ever told session data.

        That it does is not certain (protocol.md 5.4); once it has, data that stays away
        is missed.
        """
        return self._live_seen

    @property
    def session_frames(self) -> int:
        """Number of valid session frames received so far."""
        return self._session_frames

    @property
    def connected(self) -> bool:
        """Whether there is a logged-in connection right now."""
        return self._sync.state is ConnectionState.ACTIVE

    @property
    def connection_state(self) -> ConnectionState:
        """What the main connection is busy with."""
        return self._sync.state

    @property
    def failure(self) -> InvalidAuth | None:
        """Why the connection gave up, if the password turned out wrong."""
        return self._sync.failure

    @property
    def last_message(self) -> datetime | None:
        """When the charger last told anything."""
        return self._last_message

    @property
    def plug(self) -> Plug:
        """What is known of the plug, and how."""
        return self._plug.plug

    def remember_plug(self, plugged: bool | None) -> None:
        """Start from the plug that an earlier run knew of, as a memory."""
        self._plug.remember(plugged)

    # Life

    async def start(self) -> None:
        """Connect, and give the charger a moment to tell its settings and dialect.

        A slow charger fills in later (F30). Raises InvalidAuth when the password is
        wrong; otherwise waits for ever for a connection: who calls sets the limit, and
        calls `stop` after giving up.
        """
        self._sync.start()
        if self._variant is ApiVariant.V2:
            self._session.start()
        self._spawn(self._liveness.watch())
        await self._connected.wait()
        if self._sync.failure is not None:
            raise self._sync.failure
        try:
            async with asyncio.timeout(self._timing.first_answers):
                await self._settled.wait()
        except TimeoutError:
            _LOGGER.debug("The charger is slow to answer, going on without")

    async def stop(self) -> None:
        """Close the sockets and end every task and timer."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._leds.stop()
        await self._session.stop()
        await self._sync.stop()
        # Last, for only now nothing can set one any more.
        self._plug.stop()
        for timer in (self._grace, self._idling, self._expiring):
            if timer is not None:
                timer.cancel()

    async def refresh(self) -> None:
        """Ask for everything that can be asked for: the safety net under the pushes.

        A connection that answers nothing is replaced. Without one there is nothing to
        do: it is being made anew already.
        """
        if not self.connected:
            return
        questions = [Method.SNAPSHOT]
        if self._may_speak_v3:
            questions.append(Method.SCHEDULES_GET)
        if self._variant is ApiVariant.V3:
            questions.append(Method.PLUG_AND_CHARGE_GET)
        answers = await asyncio.gather(*(self._question(item) for item in questions))
        if not any(answers):
            self._sync.restart()
        if self._variant is ApiVariant.V2:
            await self._ask_v2_schedule()

    # What a person wants

    async def set_charging(self, charging: bool) -> None:
        """Let charging begin, or stop it (protocol.md 10, `release`)."""
        wanted = (
            HypervoltReleaseState.DEFAULT
            if charging
            else HypervoltReleaseState.RELEASED
        )
        await self._apply_setting(
            "set_charging",
            {"release": not charging},
            lambda state: state.release_state is wanted,
        )

    async def set_locked(self, locked: bool) -> None:
        """Lock the charger, at once or when the car leaves, or unlock it.

        Nothing is sent when it already is as wished: a redundant unlock stops charging
        on a V3 (protocol.md 10, F35).
        """
        await self._apply_setting(
            "set_locked",
            {"is_locked": locked},
            lambda state: state.is_locked is locked,
            look_first=True,
        )

    async def set_max_current(self, amps: int) -> None:
        """Limit the charging current, 6 to 32 A (protocol.md 6.1)."""
        milliamps = amps * 1000
        if not MAX_CURRENT_MILLIAMPS.start <= milliamps < MAX_CURRENT_MILLIAMPS.stop:
            raise CommandRejected("set_max_current", Cause.CURRENT_OUT_OF_RANGE)
        await self._apply_setting(
            "set_max_current",
            {"max_current": milliamps},
            lambda state: state.max_current_milliamps == milliamps,
        )

    async def set_charge_mode(self, mode: str) -> None:
        """Choose where the energy may come from, the way the variant honours (7).

        A V2 that has been upgraded unsaid would repeat the legacy way's mode, and not
        take it (F11): so it is asked first. On the V3 API a schedule has the modes of
        its sessions: raises NotSupported while one is active, because Plug and Charge's
        would be taken without effect.
        """
        if await self._likely_variant("set_charge_mode") is ApiVariant.V2:
            await self._apply_setting(
                "set_charge_mode",
                {"solar_mode": mode},
                lambda state: state.solar_mode == mode,
            )
            return
        # What changed in an outage is reported after it.
        await self._commander.connected("set_charge_mode")
        if self._state.schedule is None:
            await self._question(Method.SCHEDULES_GET)
        if cause := _WITHOUT_CHARGE_MODE.get(self._state.activation_mode):
            raise NotSupported("set_charge_mode", cause)
        await self._commander.send(
            Command(
                intent="set_charge_mode",
                method=Method.PLUG_AND_CHARGE_SET,
                params={"mode": mode},
                read_back=Method.PLUG_AND_CHARGE_GET,
                confirmed=lambda state: state.plug_and_charge_mode == mode,
            )
        )

    async def set_activation_mode(self, mode: HypervoltActivationMode) -> None:
        """Switch between Plug and Charge and Schedule, keeping the sessions (8)."""
        octopus = HypervoltActivationMode.OCTOPUS
        if octopus in (mode, self._state.activation_mode):
            raise NotSupported("set_activation_mode", Cause.OCTOPUS_IN_CONTROL)
        enabled = mode is HypervoltActivationMode.SCHEDULE
        if await self._likely_variant("set_activation_mode") is ApiVariant.V2:
            await self._write_v2_schedule("set_activation_mode", None, enabled)
            return
        await self._commander.send(
            Command(
                intent="set_activation_mode",
                method=Method.SCHEDULE_SET,
                params={"enabled": enabled},
                read_back=Method.SCHEDULES_GET,
                confirmed=lambda state: state.activation_mode is mode,
            )
        )

    async def set_schedule(self, schedule: Schedule) -> None:
        """Replace the schedule; its `enabled` chooses the activation mode.

        Raises InvalidSchedule, and NotSupported while Octopus is in control.
        """
        if self._state.activation_mode is HypervoltActivationMode.OCTOPUS:
            raise NotSupported("set_schedule", Cause.OCTOPUS_IN_CONTROL)
        if schedule.enabled and schedule.is_empty:
            # The car would never be charged.
            raise InvalidSchedule(Cause.EMPTY_SCHEDULE)
        validate(schedule, max_sessions=_PLENTY_OF_SESSIONS)
        await self.put_back_schedule(schedule)

    async def put_back_schedule(self, schedule: Schedule) -> None:
        """Write a schedule the charger itself has told before, odd or not.

        For everything a person or a planner means there is `set_schedule`, which judges
        it first.
        """
        if await self._likely_variant("set_schedule") is ApiVariant.V2:
            await self._write_v2_schedule("set_schedule", schedule, schedule.enabled)
            return
        try:
            await self._write_v3_schedule(schedule)
        except CommandRejected:
            plain = without_extra(schedule)
            if plain == schedule:
                raise
            # It may refuse on writing what it has itself reported.
            _LOGGER.warning(
                "The schedule was refused with members that are not known here;"
                " it is written without them"
            )
            await self._write_v3_schedule(plain)

    async def _write_v3_schedule(self, schedule: Schedule) -> None:
        params = write_v3(schedule, enabled=schedule.enabled)
        wanted = read_v3({"applied": params}, zone=self._zone(), now=datetime.now(UTC))
        before = self._state.schedule

        def changed_elsewhere(state: HypervoltDeviceState) -> bool:
            now = state.schedule
            return (
                now is not None
                and before is not None
                and not same_schedule(now, before)
                and not same_schedule(now, wanted)
            )

        await self._commander.send(
            Command(
                intent="set_schedule",
                method=Method.SCHEDULE_SET,
                params=params,
                read_back=Method.SCHEDULES_GET,
                confirmed=lambda state: same_schedule(state.schedule, wanted),
                superseded=changed_elsewhere,
            )
        )

    async def read_schedule(self) -> Schedule:
        """Return the active schedule, as the charger reports it now.

        A push may have been lost, and a legacy V2 never pushes (F21, F40). Raises
        NotConnected, CommandTimeout, CommandRejected or CannotConnect if it does not
        report one that can be read: never the one that is remembered.
        """
        with time_limit(self._timing.command_limit):
            return await self._read_schedule()

    async def _read_schedule(self) -> Schedule:
        if await self._likely_variant("read_schedule") is ApiVariant.V2:
            async with self._over_rest("read_schedule"):
                return await self._read_v2_schedule()
        answered = False
        for _ in range(_SCHEDULE_QUESTIONS):
            await self._commander.connected("read_schedule")
            reports = self._schedule_reports
            answered = await self._question(Method.SCHEDULES_GET)
            if self._schedule_reports > reports and self._state.schedule is not None:
                return self._state.schedule
        if not self.connected:
            raise NotConnected("read_schedule", Cause.CONNECTION_LOST)
        if answered:
            raise CommandRejected("read_schedule", Cause.SCHEDULE_UNREADABLE)
        raise CommandTimeout("read_schedule", Cause.SCHEDULE_NOT_REPORTED)

    async def set_name(self, name: str) -> None:
        """Rename the charger, 1 to 250 characters."""
        await self._commander.send(
            Command(
                intent="set_name",
                method=Method.NAME_SET,
                params={"name": name},
                read_back=Method.NAME_GET,
                confirmed=lambda state: state.name == name,
            )
        )

    async def set_leds(
        self, *, brightness: float | None = None, effect: LedEffect | None = None
    ) -> None:
        """Set the LEDs' brightness, 0.0 to 1.0, their effect, or both (9)."""
        settings: dict[str, JsonValue] = {}
        if effect is not None:
            settings |= effect_params(effect)
        if brightness is not None:
            settings["brightness"] = brightness
        with time_limit(self._timing.command_limit):
            await self._leds.set(settings)

    # How commands travel

    async def _apply_setting(
        self,
        intent: str,
        params: Mapping[str, JsonValue],
        confirmed: Callable[[HypervoltDeviceState], bool],
        *,
        look_first: bool = False,
    ) -> None:
        await self._commander.send(
            Command(
                intent=intent,
                method=Method.APPLY,
                params=params,
                read_back=Method.SNAPSHOT,
                confirmed=confirmed,
                look_first=look_first,
            )
        )

    async def _write_leds(self, settings: Mapping[str, JsonValue]) -> None:
        before = self._state.brightness
        # The state knows no picture: only hearing of the effect anew confirms one.
        expected = self._effects_told + ("leds" in settings)

        def confirmed(state: HypervoltDeviceState) -> bool:
            if self._effects_told < expected:
                return False
            effect = settings.get("effect_name", state.effect_name)
            return effect == state.effect_name and _is_brightness(
                settings.get("brightness", state.brightness), before, state.brightness
            )

        await self._apply_setting("set_leds", settings, confirmed)

    def _known_variant(self, intent: str) -> ApiVariant:
        """Return the variant; while it is undecided nothing is written (2.4 rule 7)."""
        if self._variant is None:
            raise NotSupported(intent, Cause.API_UNKNOWN)
        return self._variant

    async def _likely_variant(self, intent: str) -> ApiVariant:
        """Return the variant; one that may have been upgraded meanwhile is asked first.

        The schedule of an upgraded V2 must not be written over REST (F19), and its mode
        not by the legacy way (F11). One that has left this connection's question
        unanswered is not asked again.
        """
        if self._variant is ApiVariant.V2 and self._forced is None:
            if self._probed:
                await self._question(Method.SCHEDULES_GET)
            elif self._probing is not None:
                await asyncio.wait([self._probing])
        return self._known_variant(intent)

    async def _write_v2_schedule(
        self, intent: str, schedule: Schedule | None, enabled: bool
    ) -> None:
        """Write a legacy V2's schedule over REST and read it back (8.1).

        Without a schedule the one in force is kept, as it stands now, not as we may
        remember it.
        """
        async with self._over_rest(intent):
            if schedule is None:
                schedule = await self._read_v2_schedule()
            body = write_v2(schedule, enabled=enabled)
            self._rest_writes += 1
            await self._account.write_schedule(self.charger_id, body)
            confirmed = await self._read_v2_schedule()
        if not same_schedule(confirmed, replace(schedule, enabled=enabled)):
            raise CommandRejected(intent, Cause.KEPT_OLD_VALUE)

    @asynccontextmanager
    async def _over_rest(self, intent: str) -> AsyncIterator[None]:
        """Take a turn for requests that are not sent on the socket."""
        async with self._commander.turn(intent):
            try:
                async with limited():
                    yield
            except TimeoutError:
                raise CommandTimeout(intent, Cause.NOT_CONFIRMED) from None

    async def _read_v2_schedule(self) -> Schedule:
        """Read a legacy V2's schedule; raises CommandRejected if it is not readable."""
        writes = self._rest_writes
        schedule = read_v2(await self._account.schedule(self.charger_id))
        if schedule is None:
            raise CommandRejected("read_schedule", Cause.SCHEDULE_UNREADABLE)
        # Not what was asked before a write that has been confirmed meanwhile.
        if writes == self._rest_writes:
            self._update(replace(self._state, schedule=schedule))
        return schedule

    # What the cloud tells

    def _take(self, method: str, payload: JsonValue, request: int | None) -> None:
        """Take in a message of either socket; `request` numbers what it answers."""
        if question := self._commander.question_for_outdated(method, request):
            _LOGGER.debug("Asking %s, for an answer is outdated", question)
            self._spawn(self._ask(question))
            return
        self._last_message = datetime.now(UTC)
        if method == Method.SESSION:
            self._take_readings(payload, self._last_message)
        elif method in _PILOT_METHODS:
            if (pilot := read_pilot(payload)) is not None:
                self._plug.report(pilot)
            return
        else:
            self._take_setting(method, payload, self._last_message)
        self._commander.reported(method, request)
        if self._last_message - self._last_told > _SIGN_OF_LIFE:
            self._tell()
        if method == Method.SNAPSHOT:
            self._believe()
            self._check_settled()

    def _take_setting(self, method: str, payload: JsonValue, at: datetime) -> None:
        """Take in anything but readings and the plug."""
        if method in _SCHEDULE_METHODS:
            if isinstance(payload, Mapping) and "applied" in payload:
                self._probed = self._spoke_v3 = True
                self._settle_variant(ApiVariant.V3)
            elif self._variant is not ApiVariant.V3:
                # Nothing of a schedule, and a refusal perhaps (2.4 rule 8).
                self._take_refusal(payload)
                return
            self._schedule_reports += reports_schedule(payload)
        if method == Method.APPLY and tells_effect(payload):
            self._effects_told += 1
        if method == Method.FIRMWARE_VERSION and not self._probed:
            self._settle_variant(variant_from_firmware(str(payload)))
        self._update(apply(self._state, method, payload, zone=self._zone(), now=at))

    def _take_readings(self, payload: JsonValue, at: datetime) -> None:
        """Take in session data; readings that it has long been without expire."""
        state, reported = apply_readings(self._state, payload)
        if not reported:
            _LOGGER.debug("Dropping session data without a valid reading")
            return
        self._session_frames += 1
        seen_before, plug_before = self._live_seen, self.plug
        self._live_seen |= self._is_upgraded
        state = self._without_expired(state, reported)
        if "charging" in reported:
            self._reported_charging = state.charging
            # A legacy V2 reports no plug, and so never that it was pulled.
            if state.charging and self._variant is not ApiVariant.V2:
                self._plug.charging_seen(initial=self._state.charging is None)
                state = replace(state, pilot=self.plug.pilot)
        frame = SessionFrame(state=state, at=at, reported=reported)
        news = self._guarded(lambda: self._session_listener(frame))
        changed = (
            news
            or state != self._state
            or self.plug is not plug_before
            or self._live_seen is not seen_before
        )
        # First the readings, then their being live: never the old ones as live.
        self._state = state
        self._liveness.heard()
        self._update(state, news=bool(changed))

    def _without_expired(
        self, state: HypervoltDeviceState, reported: frozenset[str]
    ) -> HypervoltDeviceState:
        """Return the state without readings that are older than live ones may be."""
        now = time.monotonic()
        self._reported_at |= dict.fromkeys(reported, now)
        limit = self._timing.silence + self._timing.silence_answer
        expired = [name for name, at in self._reported_at.items() if at + limit <= now]
        for name in expired:
            del self._reported_at[name]
        moments = self._reported_at.values()
        # What the last frame lacked expires though no other frame may follow.
        if self._expiring is None and min(moments, default=0) < max(moments, default=0):
            self._expiring = asyncio.get_running_loop().call_later(
                min(moments) + limit - now, self._expire
            )
        return without_readings(state, expired) if expired else state

    def _expire(self) -> None:
        self._expiring = None
        self._update(self._without_expired(self._state, frozenset()))

    def _take_session(
        self, method: str, payload: JsonValue, request: int | None
    ) -> None:
        """Take in what a legacy V2 tells of its session."""
        self._cancel_idling()
        self._take(method, payload, request)

    def _session_opened(self) -> None:
        """Wait for news of a session: a legacy V2 that has none says nothing (5.6)."""
        self._liveness.opened()
        self._cancel_idling()
        self._idling = asyncio.get_running_loop().call_later(
            self._timing.silence, self._no_session
        )

    def _cancel_idling(self) -> None:
        if self._idling is not None:
            self._idling.cancel()

    def _no_session(self) -> None:
        """Conclude from silence on a healthy socket that nothing is being charged.

        Not if current was flowing when the charger last reported anything: then it is
        the cloud that is silent (F1).
        """
        if self._reported_charging:
            return
        if self._session.state is ConnectionState.ACTIVE:
            self._update(
                replace(self._state, charging=False, output_current_milliamps=0)
            )
            self._liveness.heard()

    def _plug_changed(self) -> None:
        self._update(replace(self._state, pilot=self.plug.pilot), news=True)

    def _update(self, state: HypervoltDeviceState, *, news: bool = False) -> None:
        changed = news or state != self._state
        self._state = state
        if changed:
            self._tell()

    def _tell(self) -> None:
        self._last_told = datetime.now(UTC)
        self._guarded(self._listener)

    def _guarded(self, listener: Callable[[], ResultT]) -> ResultT | None:
        """Call a listener, whose faults must not end the connection."""
        try:
            return listener()
        except Exception as error:  # noqa: BLE001 - the caller's fault, not the cloud's
            # The same one would come back with every frame.
            log = _LOGGER.debug if self._listener_failed else _LOGGER.error
            self._listener_failed = True
            log("A listener failed: %s", type(error).__name__, exc_info=error)
            return None

    def _liveness_changed(self) -> None:
        """Doubt the plug while frames stay away: its change may have, too."""
        if self._liveness.stalled:
            self._plug.unconfirm()
        self._tell()

    # Connecting

    def _connection_changed(self, state: ConnectionState) -> None:
        """Bridge a short drop, and say when it has become an outage."""
        if state is ConnectionState.ACTIVE:
            self._plug.connected()
        else:
            self._plug.unconfirm()
        if state in (ConnectionState.ACTIVE, ConnectionState.STOPPED):
            self._connected.set()
        if state is ConnectionState.STOPPED:
            self._set_available(False)
            if self._sync.failure is not None:
                self._spawn(self._session.stop())
        elif (
            state is not ConnectionState.ACTIVE and self._available and not self._grace
        ):
            self._grace = asyncio.get_running_loop().call_later(
                self._timing.outage_grace, self._outage
            )
        self._tell()

    def _outage(self) -> None:
        self._grace = None
        self._set_available(False)
        self._liveness.doubt()

    def _set_available(self, available: bool) -> None:
        if self._available is not available:
            self._available = available
            self._tell()

    def _greet(self) -> None:
        """Ask a freshly logged-in socket for everything (5.3)."""
        self._probed = False
        if self._variant is not ApiVariant.V2:
            self._liveness.opened()
        self._spawn(self._ask_snapshot())
        for method in (Method.FIRMWARE_VERSION, Method.NAME_GET):
            self._spawn(self._ask(method))
        if self._variant is ApiVariant.V3:
            self._spawn(self._ask(Method.PLUG_AND_CHARGE_GET))
        if self._variant is ApiVariant.V2:
            self._spawn(self._ask_v2_schedule())
        if self._may_speak_v3:
            self._probing = self._spawn(self._ask(Method.SCHEDULES_GET))

    @property
    def _is_upgraded(self) -> bool:
        return self.hardware is Hardware.V2 and self._variant is ApiVariant.V3

    @property
    def _may_speak_v3(self) -> bool:
        """Also a V2 may: the vendor upgrades units remotely (2.4 rule 6)."""
        return self._variant is not ApiVariant.V2 or self._forced is None

    async def _ask_snapshot(self) -> None:
        """Insist a little: without the settings nothing can be shown (F9, F30)."""
        for _ in range(_SNAPSHOT_QUESTIONS):
            if await self._question(Method.SNAPSHOT):
                return

    async def _ask(self, method: Method) -> None:
        await self._question(method)

    async def _question(self, method: Method) -> bool:
        """Ask, and tell whether an answer came; `_take` has seen it by then.

        An answer that comes after the limit is still taken in (F30).
        """
        try:
            async with limited(self._timing.command_timeout):
                answer = await self._sync.request(method)
        except (TimeoutError, LinkLost):
            _LOGGER.debug("No answer to %s", method)
            return False
        if isinstance(answer, Failure):
            _LOGGER.debug("The charger refused %s: %s", method, answer.message)
            if method is Method.SCHEDULES_GET:
                self._take_refusal(answer.message)
        return True

    async def _ask_v2_schedule(self) -> None:
        try:
            await self._read_v2_schedule()
        except HypervoltError as error:
            _LOGGER.debug("The schedule could not be read: %s", error)

    # Live data

    def _expects_live(self) -> bool:
        """Whether live frames should be coming in (protocol.md 5.8, F34).

        A legacy V2 sends them while it charges; one with the firmware of 2026 is held to
        it once it has.
        """
        if self._variant is ApiVariant.V2:
            return bool(self._state.charging)
        return self._live_seen or self.hardware is Hardware.V3

    async def _ask_sign_of_life(self) -> None:
        try:
            async with asyncio.timeout(self._timing.silence_answer):
                await self._question(Method.SNAPSHOT)
        except TimeoutError:
            _LOGGER.debug("No sign of life")

    def _reconnect_live(self) -> None:
        if self._variant is ApiVariant.V2:
            self._session.restart()
        else:
            self._sync.restart()

    # Which dialect

    def _initial_variant(self, remembered: ApiVariant | None) -> ApiVariant | None:
        if self._forced is not None:
            return self._forced
        return ApiVariant.V3 if self.hardware is Hardware.V3 else remembered

    def _take_refusal(self, answer: JsonValue) -> None:
        """Take a charger that refuses the V3 API for a legacy one (2.4 rule 4).

        Not one that has spoken it, unless its firmware says so as well: the legacy way
        would be answered, and nothing come of it (F11, F19).
        """
        firmware = variant_from_firmware(self._state.firmware_version or "")
        if self._spoke_v3 and firmware is not ApiVariant.V2:
            return
        if (variant := variant_from_refusal(answer)) is not None:
            self._probed = True
            self._settle_variant(variant)

    def _settle_variant(self, variant: ApiVariant | None) -> None:
        """Take up the dialect the charger turned out to speak (2.4)."""
        if variant is None or self.hardware is Hardware.V3:
            return
        told, self._told_variant = self._told_variant, variant
        if self._forced is not None:
            if told is not variant:
                self._tell()
            return
        if self._variant is variant:
            return
        self._variant = variant
        if variant is ApiVariant.V2:
            # What it told in the other dialect is not told again.
            self._plug.forget()
            self._state = replace(
                self._state,
                ev_power=None,
                house_power=None,
                grid_power=None,
                generation_power=None,
                plug_and_charge_mode=None,
                schedule=None,
            )
            self._session.start()
            self._spawn(self._ask_v2_schedule())
        else:
            self._spawn(self._session.stop())
            self._spawn(self._ask(Method.PLUG_AND_CHARGE_GET))
            self._spawn(self._ask(Method.SCHEDULES_GET))
        self._check_settled()
        self._tell()

    def _believe(self) -> None:
        """Take what is shown for true: this connection has told the settings."""
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._set_available(True)

    def _check_settled(self) -> None:
        """End the wait of set-up once settings and dialect are known."""
        if self._variant is not None and self._available:
            self._settled.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _is_brightness(wanted: JsonValue, before: float | None, now: float | None) -> bool:
    """Whether the LEDs show the brightness, perhaps rounded to the app's steps (9)."""
    if wanted == now:
        return True
    if not isinstance(wanted, float) or now is None:
        return False
    rounding = _BRIGHTNESS_DIGIT if now == before else BRIGHTNESS_STEP / 2
    return abs(wanted - now) <= rounding
