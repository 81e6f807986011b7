"""What a charger's count of watt hours shows while fault F31 distorts it."""

from dataclasses import dataclass, replace

from .charger import SimulatedCharger
from .faults import ActiveFault, Fault, FaultBoard
from .vocabulary import IdleWattHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The count of one frame; `final` if charging ends with it.

    `base` is what it leaves out of its own session, or if negative, has from earlier
    ones; `idle` says that the frame denies charging, `more` that the next frame of a
    burst is due.
    """

    watt_hours: int
    final: bool = False
    base: int = 0
    idle: bool = False
    more: bool = False


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far an active fault has come."""

    fault: ActiveFault
    session: int
    began_at: int
    frames: int = 0
    frozen: int | None = None


class NoisyCount:
    """Makes the count of each frame."""

    def __init__(self, charger: SimulatedCharger, faults: FaultBoard) -> None:
        self._charger = charger
        self._faults = faults
        self._frames = 0
        self._course: _Course | None = None

    def next(self, *, final: bool) -> Count:
        """Return the count of the next frame; `final` if charging ends with it."""
        return replace(self._next(final=final), final=final)

    def _next(self, *, final: bool) -> Count:
        total = int(self._charger.point.session_wh)
        shown = total if final else self._charger.watt_hours
        noise = self._faults.find(Fault.WH_NOISE, self._charger)
        if noise is None:
            return Count(watt_hours=shown)
        course = self._course_of(noise, shown)
        mode = noise.text("mode")
        if mode in _IN_RUNS:
            return self._in_runs(mode, course, shown, final=final)
        self._frames += 1
        amount = int(noise.number("watt_hours"))
        third = self._frames % 3 == 0
        match mode:
            case "keep":
                shown = total
            case "dip" if third:
                shown = max(0, shown - amount)
            case "jump" if third:
                shown += amount
            case "reset" if course.session == self._charger.point.session_number:
                base = min(course.began_at, shown)
                return Count(watt_hours=shown - base, base=base)
            case "resume" if final or not self._shows_none:
                resumed = int(self._charger.point.plugged_wh)
                return Count(watt_hours=resumed, base=total - resumed)
        return Count(watt_hours=shown)

    @property
    def session_number(self) -> int:
        """The session's number, which a count that resumes keeps until unplugged."""
        point = self._charger.point
        noise = self._faults.find(Fault.WH_NOISE, self._charger)
        if noise is not None and noise.text("mode") == "resume":
            return point.plugged_session
        return point.session_number

    @property
    def _shows_none(self) -> bool:
        """Whether it is between sessions, and the count 0 therefore."""
        idle = not self._charger.point.session_open
        return idle and self._charger.idle_watt_hours is IdleWattHours.ZERO

    def _course_of(self, noise: ActiveFault, shown: int) -> _Course:
        if self._course is None or self._course.fault is not noise:
            session = self._charger.point.session_number
            self._course = _Course(fault=noise, session=session, began_at=shown)
        return self._course

    def _in_runs(self, mode: str, course: _Course, shown: int, *, final: bool) -> Count:
        """Some frames in a row are wrong, then some are right, and so on."""
        fault = course.fault
        wrong = max(0, int(fault.number("frames")))
        right = max(0, int(fault.number("between")))
        place = course.frames % (wrong + right) if wrong else 0
        if wrong and course.frames and place == wrong % (wrong + right):
            self._faults.take(Fault.WH_NOISE, self._charger)
            if self._faults.find(Fault.WH_NOISE, self._charger) is not fault:
                return Count(watt_hours=shown)
        course.frames += 1
        if wrong and place >= wrong:
            course.frozen = None
            return Count(watt_hours=shown)
        match mode:
            case "drop":
                level = min(shown, int(fault.number("level")))
                return Count(watt_hours=level, idle=fault.flag("idle"))
            case "lifetime":
                ever = int(self._charger.delivered_wh)
                return Count(watt_hours=ever + int(fault.number("offset")))
            case "burst":
                absurd = int(fault.number("absurd"))
                return Count(watt_hours=absurd, more=place + 1 < wrong)
        return Count(watt_hours=self._frozen(course, shown, final=final))

    def _frozen(self, course: _Course, shown: int, *, final: bool) -> int:
        point = self._charger.point
        if course.session != point.session_number:
            course.session, course.frozen = point.session_number, None
        if not (final or point.session_open):
            return shown
        if course.frozen is None:
            course.frozen = shown
        return course.frozen


_IN_RUNS = frozenset({"drop", "lifetime", "burst", "plateau"})
