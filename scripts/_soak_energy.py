"""What of the energy that was delivered can be known from the frames that arrived.

`truths` compares the cloud's sessions with the frames: how much of each was shown.
`surpluses` are the Wh by which a wrong count may have misled (F31).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
import time

from _soak_home import Run
from _soak_record import MOST_WATTS, NOTICED, UNSAVED, Total, Wallbox
from tests.simulator import LiveFrame
from tests.simulator.charging import FinishedSession

# Frames come every three seconds.
REGULAR = 8.0
# The cloud counts whole Wh: the last fraction of a session is never shown.
ROUNDING = 1.0
# The size of a dip or a jump.
SMALL = 5
# A count that is lower by no more than this, in Wh or as a share, is noise.
DIP = 50
DIP_SHARE = 0.02
# So long a car may pause in a session.
PAUSE = 60.0 + 10.0
# So many frames make a count that fell a new one.
CONVINCING = 3


@dataclass(frozen=True, kw_only=True)
class Surplus:
    """What a wrong count may have added to a session, or to what came before the next."""

    at: float
    number: int
    watt_hours: float


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What one session delivered, and how much of it Home Assistant can know."""

    number: int
    started: datetime
    ended: datetime
    watt_hours: float
    told: float
    began_unseen: bool
    seen_throughout: bool


def truths(box: Wallbox, runs: Iterable[Run]) -> list[Truth]:
    """Return the finished sessions, with what was told of them to one who listened.

    What came shortly before the power was cut may have been kept or not.
    """
    frames = [frame for frame in box.charger.wire.live_frames if frame.of_session]
    lives = list(runs)
    kept = [frame for frame in frames if any(_keeps(run, frame.at) for run in lives)]
    stories, perhaps = _stories(box, kept), _stories(box, frames)
    found: list[Truth] = []
    for session in box.charger.sessions:
        begin, end = _moment(session.started), _moment(session.ended)
        mine, idle = _of_session(kept, session.number), _before(kept, session.number)
        near = [
            frame.at for frame in kept if begin - REGULAR < frame.at < end + REGULAR
        ]
        told = min(stories[session.number].told, perhaps[session.number].told)
        found.append(
            Truth(
                number=session.number,
                started=session.started,
                ended=session.ended,
                watt_hours=session.watt_hours,
                told=told,
                began_unseen=not box.is_legacy and not _is_begun(idle, mine, begin),
                seen_throughout=told > session.watt_hours - ROUNDING
                and _is_plain(mine)
                and _has_no_gap(box, near, begin, end)
                and (box.is_legacy or not _may_go_on(stories, kept, session)),
            )
        )
    return found


def _stories(box: Wallbox, frames: Sequence[LiveFrame]) -> dict[int, _Story]:
    """Return what frames tell of each session."""
    stories: dict[int, _Story] = {}
    count: int | None = None
    former: frozenset[int] = frozenset()
    if any(frame.number == 0 == frame.shown for frame in frames):
        count = 0
    for session in box.charger.sessions:
        idle = _before(frames, session.number)
        if count is not None:
            # A jump of an idle count is no more than that.
            jumps = {frame.shown or 0 for frame in idle} & set(range(1, SMALL + 1))
            count = max(count, *jumps, 0)
            former |= {count} if count else set()
        # A legacy one tells sessions apart by their number.
        if count is not None and (box.is_legacy or _shows_nothing(idle)):
            story = _Story(count=0, begun=True, former=former)
        else:
            rested = any(frame.shown is not None for frame in idle)
            story = _Story(count=count, rested=rested, former=former)
        for frame in _of_session(frames, session.number):
            story.hear(frame)
        stories[session.number], count = story, story.count
        former |= story.former
    return stories


def _of_session(frames: Iterable[LiveFrame], number: int) -> list[LiveFrame]:
    return [
        frame
        for frame in frames
        if frame.number == number and (frame.open or frame.final)
    ]


def _before(frames: Iterable[LiveFrame], number: int) -> list[LiveFrame]:
    """Return the frames that say that nothing flows, right before a session."""
    return [
        frame
        for frame in frames
        if frame.number == number - 1 and not frame.open and frame.charging is False
    ]


def _moment(when: datetime) -> float:
    """Return a time of day by the monotonic clock."""
    return when.timestamp() - time.time() + time.monotonic()


@dataclass(kw_only=True)
class _Story:
    """What the frames of one session tell of it, one after the other.

    `count` is the last one that was credible, None before the first of all; `begun`
    whether it is this session's, and `rested` whether a frame before it said that
    nothing flows. `former` are counts of sessions before.
    """

    count: int | None
    begun: bool = False
    rested: bool = False
    former: frozenset[int] = frozenset()
    told: int = 0
    # What is told beyond the count, or not, for good and since it changed its origin.
    _home: int | None = None
    _more: int = 0
    _base: int = 0
    # Right counts that follow from each other, and what was told before them.
    _row: list[int] = field(default_factory=list)
    _start: int = 0
    # Wrong counts in a row, and when the last one that may have hidden something came.
    _wrong: int = 0
    _hidden_until: float | None = None
    _still_since: float = float("-inf")
    # Whether it was taken for the count of a session before.
    _lost: bool = False
    _lows: set[int] = field(default_factory=lambda: {0})
    _heard_at: float = 0.0
    # Whether the first count of all was impossible.
    _strange: bool = False

    def hear(self, frame: LiveFrame) -> None:
        """Take in a frame."""
        if frame.shown is None:
            return
        shown, right = frame.shown, int(frame.delivered) - frame.base
        if self.count is None:
            self._hear_first(frame, shown, right)
        elif shown > right + SMALL:
            # Impossible: what was not credible yet must begin again.
            self._break()
            self._hidden_until, self.rested = frame.at, False
        elif shown > right:
            self.count = shown if self.begun else self.count
        elif shown < right:
            self._hear_low(frame, shown, dips=shown >= right - SMALL)
        else:
            self._hear_right(frame, shown)
        self._heard_at = frame.at

    def _hear_first(self, frame: LiveFrame, shown: int, right: int) -> None:
        """Begin to count: who used what was before is unknown."""
        self.count = shown
        self._strange = shown > right + SMALL
        if not self._strange:
            self.begun, self._more, self._hidden_until = True, -shown, frame.at

    def _hear_low(self, frame: LiveFrame, shown: int, *, dips: bool) -> None:
        """Take in a count that has dropped, or stands still."""
        assert self.count is not None  # noqa: S101 - for the type checker
        self._wrong += 1
        if not (self.begun and dips):
            self._hidden_until = frame.at
        if _is_dip(self.count, shown):
            return
        # One that was credible before, or between sessions, is again at once.
        if shown < self.count and self._wrong < CONVINCING and shown not in self._lows:
            if not dips:
                self._break()
            return
        self._lows.add(shown)
        if not self.begun:
            self._begin(0 if shown < self.count else self.count)
        if shown < self.count:
            self.former |= {self.count}
            self._still_since = float("-inf")
        elif self._wrong <= CONVINCING - 1:
            self._still_since = frame.at
        self.count = shown
        self.told = max(self.told, shown + self._more)
        self._hidden_until = frame.at
        self._break()

    def _hear_right(self, frame: LiveFrame, shown: int) -> None:
        assert self.count is not None  # noqa: S101 - for the type checker
        self._wrong = 0
        if frame.base != self._base:
            self._change_base(frame.base, shown)
        if not self.begun and _is_dip(self.count, shown):
            return
        again = any(shown == it or _is_dip(it, shown) for it in self.former)
        if again and not self.told and not frame.charging:
            # It may be the total of the session before, which some show now and then.
            return
        self._row.append(shown)
        credible = len(self._row) >= CONVINCING
        if not self.begun:
            # The first that says that current flows again is another session's.
            begins = self.rested and frame.charging and len(self._row) == 1
            self.rested = False
            if shown < self.count and not begins and not credible:
                return
            self._begin(0 if shown < self.count else self.count)
        if not self._base:
            self._home = self._more
        known = shown + self._more
        if self._hides(max(known - self._start, shown - self.count), frame.at):
            known = self._start + shown - self._row[0]
        else:
            if self._hidden_until is not None:
                # It may as well be a former count, which goes on.
                lost = self._perhaps_former(shown)
                self._more -= lost
                known -= lost
                self._lost |= lost > 0
            self.count, self._hidden_until = shown, None
            self._still_since = float("-inf")
        self.told = max(self.told, known)

    def _perhaps_former(self, shown: int) -> int:
        """Return the count of a session before which a count may continue."""
        likely = (item for item in self.former if self._start < item <= shown)
        return 0 if self._lost else max(likely, default=0)

    def _hides(self, growth: float, at: float) -> bool:
        """Whether more may have flowed behind a wrong count than can be known.

        A right one is credible at once if so much can have flowed since, and after
        three in a row if it can since the wrong one stood still.
        """
        if self._hidden_until is None:
            return False
        since = self._hidden_until
        if len(self._row) >= CONVINCING:
            since = self._still_since
        elif len(self._row) > 1:
            return True
        return growth > MOST_WATTS * (at - since) / 3600

    def _begin(self, lost: int) -> None:
        """Take the count for this session's, apart from what is lost of it."""
        if self._strange and self._row:
            lost = self._row[0]
        self.begun, self._more = True, self._start - lost

    def _break(self) -> None:
        self._row, self._start = [], self.told

    def _change_base(self, base: int, shown: int) -> None:
        """Begin with a count of another origin, which is new or an older one."""
        assert self.count is not None  # noqa: S101 - for the type checker
        self._break()
        before, self._base, self.rested = self._base, base, False
        if before:
            self._hidden_until = self._heard_at
        if base < 0:
            self.begun, self._more = True, self._start - shown
        elif base > 0 or before < 0:
            self.begun = False
        elif self._home is not None:
            self.begun, self._more = True, self._home
        elif self.begun:
            self._more = self._start - shown


def surpluses(frames: Iterable[LiveFrame]) -> list[Surplus]:
    """Return how wrong counts may have misled, whatever was kept of them.

    No count that is impossible does. A jump by little may, once in each count, and so
    may what a count drops to. One that comes back while there was nothing to be heard
    may be taken for the growth of the other, if so much can have flowed.
    """
    misled = _Misled()
    for frame in frames:
        if frame.of_session and frame.shown is not None:
            if frame.open or frame.final:
                misled.hear(frame, frame.shown)
            else:
                misled.hear_idle(frame, frame.shown)
    return misled.found


@dataclass(kw_only=True)
class _Misled:
    """Follows counts, and notes where one is wrong."""

    found: list[Surplus] = field(default_factory=list)
    _most: dict[tuple[int, str], float] = field(default_factory=dict)
    _before: LiveFrame | None = None
    # The first count of all, if it was impossible.
    _first: int | None = None
    # Idle frames in a row that showed nothing, and how often those were enough.
    _nothing: int = 0
    _restarts: int = 0
    # The highest count of a session, and the frames in a row that were far below it.
    _top: int = 0
    _low: int = 0

    def _note(self, frame: LiveFrame, way: str, watt_hours: float) -> None:
        key = (frame.number, way)
        if (more := watt_hours - self._most.get(key, 0.0)) > 0:
            self._most[key] = watt_hours
            self.found.append(
                Surplus(at=frame.at, number=frame.number, watt_hours=more)
            )

    def hear_idle(self, frame: LiveFrame, shown: int) -> None:
        """Take in a count between sessions: some show none, some the last total."""
        gap = self._before is not None and frame.at - self._before.at > REGULAR
        self._nothing = 0 if shown else self._nothing + 1
        self._restarts += self._nothing == CONVINCING or gap
        if shown <= SMALL and shown != int(frame.delivered):
            self._note(frame, f"idle {self._restarts}", shown)
        self._before, self._low, self._top = frame, 0, 0

    def hear(self, frame: LiveFrame, shown: int) -> None:
        """Take in a count of a session."""
        error = shown + frame.base - int(frame.delivered)
        if error > SMALL:
            self._hear_impossible(frame, shown)
            return
        self._note(frame, "jumped", error)
        before = self._before
        if before is not None and before.base < 0 == frame.base:
            self._note(frame, "fell", shown)
        if shown < self._top and not _is_dip(self._top, shown):
            if not self._low and frame.base <= 0:
                self._note(frame, "fell", shown)
            # Current that begins to flow makes it a new one at once.
            begins = before is not None and before.charging is False and frame.charging
            self._low += CONVINCING if begins else 1
        elif before is not None and self._low >= CONVINCING:
            self._low = 0
            growth = _unheard_growth(before, frame)
            self._note(frame, f"came back at {frame.at}", growth)
        self._before, self._top = frame, max(self._top, shown)

    def _hear_impossible(self, frame: LiveFrame, shown: int) -> None:
        """Its growth counts, in whole Wh; if it is the first, for a second time."""
        more = 1.0
        if self._before is None:
            self._first = shown if self._first is None else self._first
            more += min(shown - self._first, int(frame.delivered))
        self._note(frame, "impossible", more)


def _unheard_growth(before: LiveFrame, frame: LiveFrame) -> float:
    """Return by how much a count that comes back is higher than what flowed.

    Nothing if not so much can have flowed since the one before.
    """
    growth = (frame.shown or 0) - (before.shown or 0)
    if growth > MOST_WATTS * (frame.at - before.at) / 3600 + SMALL:
        return 0.0
    return growth - (frame.delivered - before.delivered)


def grew_impossibly(
    totals: Iterable[Total], frames: Iterable[LiveFrame], runs: Iterable[Run]
) -> Iterator[str]:
    """Yield where a total grew by more than flows since a count was credible.

    What is shown may lag behind the frames by as long as it takes to save it.
    """
    lives = list(runs)
    credible = [
        frame.at
        for frame in frames
        if frame.shown is not None
        and _is_right(frame)
        and any(_keeps(run, frame.at) for run in lives)
    ]
    least: tuple[float, Total] | None = None
    for total in totals:
        if least is not None:
            most = least[0] + MOST_WATTS * total.ended / 3600
            if total.watt_hours > most + SMALL:
                yield (
                    f"{total.watt_hours - least[1].watt_hours:.0f} Wh were added in "
                    f"{total.ended - least[1].began:.0f} s"
                )
                return
        known = bisect_right(credible, total.began - UNSAVED)
        if known:
            level = total.watt_hours - MOST_WATTS * credible[known - 1] / 3600
            least = min((level, total), least or (level, total), key=itemgetter(0))


def grew_without_count(box: Wallbox) -> Iterator[str]:
    """Yield where a total grew though no frame of that time held a count."""
    counts = [
        frame.at for frame in box.charger.wire.live_frames if frame.shown is not None
    ]
    for before, total in pairwise(box.totals):
        place = bisect_right(counts, total.ended)
        if total.watt_hours <= before.watt_hours:
            continue
        if not place or counts[place - 1] < total.before - UNSAVED - NOTICED:
            yield (
                f"{total.watt_hours - before.watt_hours:.0f} Wh were added while no "
                "frame held a count"
            )
            return


def _is_right(frame: LiveFrame) -> bool:
    """Whether the count is what it should be: between sessions none, or the last."""
    right = int(frame.delivered) - frame.base
    return frame.shown == right or (
        not frame.shown and not frame.open and not frame.final
    )


def _is_absurd(frame: LiveFrame, shown: int) -> bool:
    return shown + frame.base > int(frame.delivered) + SMALL


def _is_low(frame: LiveFrame, shown: int) -> bool:
    return shown + frame.base < int(frame.delivered) - SMALL


def _keeps(run: Run, moment: float) -> bool:
    """Whether what was told then is in the books of this life."""
    if not run.covers(moment):
        return False
    return not (run.killed and run.ended is not None and moment > run.ended - UNSAVED)


def _shows_nothing(idle: Iterable[LiveFrame]) -> bool:
    """Whether the count was nothing for so long that it begins again."""
    counts = [frame.shown for frame in idle if frame.shown is not None]
    return len(counts) >= CONVINCING and not any(counts[-CONVINCING:])


def _is_dip(count: int, shown: int) -> bool:
    """Whether a lower count is taken for noise."""
    return count / 2 <= shown < count and count - shown <= max(DIP, DIP_SHARE * count)


def _is_begun(
    idle: Iterable[LiveFrame], mine: Iterable[LiveFrame], begin: float
) -> bool:
    """Whether a frame says that there is no session, and one soon that there is."""
    return any(frame.at > begin - REGULAR for frame in idle) and any(
        frame.charging and frame.at < begin + REGULAR for frame in mine
    )


def _may_go_on(
    stories: Mapping[int, _Story], kept: Sequence[LiveFrame], session: FinishedSession
) -> bool:
    """Whether a session may be one from before that has paused.

    A count that begins again tells them apart, but only where there was one before.
    """
    earlier = [frame for frame in kept if frame.number < session.number]
    flowed = [place for place, frame in enumerate(earlier) if frame.charging]
    if not flowed or stories[earlier[flowed[-1]].number].count:
        return False
    idle = (frame.at for frame in earlier[flowed[-1] :] if frame.charging is False)
    begin = _moment(session.started)
    return begin - next(idle, begin) < PAUSE


def _is_plain(mine: Sequence[LiveFrame]) -> bool:
    """Whether all frames of a session say what happens, to its end."""
    if not any(frame.open for frame in mine) or mine[-1].open:
        return False
    paused = any(frame.open and not frame.flows for frame in mine)
    return all(frame.charging is frame.flows for frame in mine) and not (
        # A count that restarts ends a session that rests.
        paused and any(_is_low(frame, frame.shown or 0) for frame in mine)
    )


def _has_no_gap(
    box: Wallbox, moments: Sequence[float], begin: float, end: float
) -> bool:
    if box.is_legacy:
        # It reports nothing before and nothing afterwards.
        edges = [begin, *(at for at in moments if begin <= at <= end), end]
    else:
        edges = [begin - REGULAR, *moments, end + REGULAR]
    return max(later - sooner for sooner, later in pairwise(edges)) <= REGULAR
