"""The schedule a person is editing: nothing of it reaches the charger before "Apply".

A draft has numbered slots, as the app shows them. What the person has not touched keeps
following the charger, so that applying never restores something out of date.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from .errors import Cause, EditConflict, InvalidSchedule
from .schedule import (
    DAY_END,
    EVERY_DAY,
    MIDNIGHT,
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
    same_sessions,
)

SLOTS: Final = 6  # what the app and Octopus use (protocol.md 8.2)
DEFAULT_MODE: Final = "boost"


@dataclass(frozen=True, slots=True)
class ScheduleSlot:
    """One place of the schedule; unused as long as it has neither start nor end."""

    start: ClockTime | None = None
    end: ClockTime | None = None
    mode: str | None = None
    days: frozenset[Weekday] = frozenset()

    @classmethod
    def of(cls, session: ScheduleSession) -> Self:
        """Return the slot that shows a session."""
        return cls(session.start, session.end, session.mode, session.days)

    @property
    def is_unused(self) -> bool:
        """Whether it has no times, or equal ones, which is how people delete it."""
        return self.start == self.end


_EMPTY: Final = ScheduleSlot()


@dataclass(frozen=True, slots=True)
class SlotEdit:
    """A slot as a person left it.

    `before` are the sessions of the charger when the person began to edit it.
    """

    slot: ScheduleSlot
    before: tuple[ScheduleSession, ...]

    def original(self, number: int) -> ScheduleSession | None:
        """Return the session that the slot of this number, from 1, was then."""
        return self.before[number - 1] if number <= len(self.before) else None


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """Slots as a person sees them; each change returns a new draft.

    `stored` are the charger's sessions, `edits` the slots the person touched, by number
    from 1; the others show what is stored.
    """

    stored: tuple[ScheduleSession, ...] = ()
    edits: tuple[tuple[int, SlotEdit], ...] = ()
    slots: int = SLOTS
    # Made once: some thirty entities ask for it whenever the charger reports anything.
    _shown: tuple[ScheduleSlot, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the edits over what is stored."""
        edits = dict(self.edits)
        shown = tuple(
            edits[number].slot if number in edits else _slot_of(self.stored, number)
            for number in range(1, self.slots + 1)
        )
        object.__setattr__(self, "_shown", shown)

    @classmethod
    def from_schedule(cls, schedule: Schedule, slots: int = SLOTS) -> Self:
        """Return an untouched draft of the charger's schedule."""
        return cls(stored=schedule.sessions, slots=slots)

    @property
    def changed(self) -> bool:
        """Whether there is anything to apply or to discard."""
        return bool(self.edits)

    def is_edited(self, number: int) -> bool:
        """Whether the person touched this slot, from 1, since the last "Apply"."""
        return number in dict(self.edits)

    def slot(self, number: int) -> ScheduleSlot:
        """Return a slot, from 1; `InvalidSchedule` if there is none of that number."""
        if not 1 <= number <= self.slots:
            raise InvalidSchedule(f"there is no session {number}")
        return self._shown[number - 1]

    def edit(
        self,
        number: int,
        *,
        start: ClockTime | None = None,
        end: ClockTime | None = None,
        mode: str | None = None,
        days: frozenset[Weekday] | None = None,
    ) -> Self:
        """Return a draft with what is given changed in one slot, from 1.

        Times are rounded to whole minutes. A slot that is edited back to what it was
        counts as untouched.
        """
        slot = self.slot(number)
        start = None if start is None else start.as_start()
        end = None if end is None else end.as_end()
        slot = _tidy(
            replace(
                slot,
                start=slot.start if start is None else start,
                end=_edited_end(slot, start, end),
                mode=slot.mode if mode is None else mode,
                days=slot.days if days is None else days,
            )
        )
        edits = dict(self.edits)
        edited = edits.pop(number, None)
        before = self.stored if edited is None else edited.before
        if slot not in (_slot_of(before, number), _slot_of(self.stored, number)):
            edits[number] = SlotEdit(slot, before)
        return replace(self, edits=tuple(sorted(edits.items(), key=_number)))

    def rebase(self, schedule: Schedule) -> Self:
        """Take over what the charger has now; edited slots stay as the person left them.

        An edit the charger has meanwhile caught up with is not an edit any more.
        """
        now = schedule.sessions
        if self._is_reached(schedule):
            return replace(self, stored=now, edits=())
        if same_sessions(replace(schedule, sessions=self.stored), schedule):
            # Listed in another way: the numbers stay with their sessions.
            return self
        edits = tuple(
            (number, edit)
            for number, edit in self.edits
            if not _is_caught_up(number, edit, now)
        )
        return replace(self, stored=now, edits=edits)

    def _is_reached(self, schedule: Schedule) -> bool:
        """Whether a schedule is what the edits make of the one before it."""
        if not self.edits:
            return False
        try:
            wanted = self.to_schedule(replace(schedule, sessions=self.stored))
        except InvalidSchedule:
            return False
        return same_sessions(wanted, schedule)

    def discard(self) -> Self:
        """Return a draft without the person's changes."""
        return replace(self, edits=())

    def written(self, draft: Self) -> Self:
        """Return what is left to apply once `draft` has been written.

        A slot the person edited again while it was on its way stays edited.
        """
        written = {number: edit.slot for number, edit in draft.edits}
        edits = tuple(
            (number, replace(edit, before=self.stored) if number in written else edit)
            for number, edit in self.edits
            if edit.slot != written.get(number)
        )
        return replace(self, edits=edits)

    def to_schedule(self, base: Schedule) -> Schedule:
        """Return `base`, what the charger has now, with the edits of this draft.

        Everything that was not edited stays as it is in `base`; the gaps between
        sessions close. Raises `EditConflict` for a session that was edited here and
        changed there as well, and `InvalidSchedule` for one that is not complete.
        """
        sessions = list(base.sessions)
        for _, edit in self.edits:
            # Only listed in another way: edits are found by what they were made on.
            if same_sessions(replace(base, sessions=edit.before), base):
                sessions = list(edit.before)
                break
        added = []
        for number, edit in self.edits:
            original, wanted = edit.original(number), _session(number, edit)
            if _is_caught_up(number, edit, sessions):
                continue
            if original is None:
                added += [] if wanted is None else [wanted]
                continue
            if (place := _place_of(original, sessions)) is None:
                raise EditConflict(number)
            if wanted is None:
                del sessions[place]
            else:
                sessions[place] = replace(wanted, extra=sessions[place].extra)
        # One without length is how people delete it, and can't be written.
        kept = (session for session in sessions if session.start != session.end)
        return replace(base, sessions=(*kept, *added))


def _number(item: tuple[int, SlotEdit]) -> int:
    return item[0]


def _slot_of(stored: tuple[ScheduleSession, ...], number: int) -> ScheduleSlot:
    if number <= len(stored):
        return ScheduleSlot.of(stored[number - 1])
    return _EMPTY


def _session(number: int, edit: SlotEdit) -> ScheduleSession | None:
    """Return the session an edited slot stands for; None if it is deleted.

    Raises `InvalidSchedule` naming a slot that lacks a time or can't be edited.
    """
    slot, original = edit.slot, edit.original(number)
    if slot.start is None or slot.end is None:
        raise InvalidSchedule(Cause.SESSION_INCOMPLETE, number=str(number))
    if slot.is_unused:
        return None
    session = ScheduleSession(
        start=slot.start,
        end=slot.end,
        mode=slot.mode or DEFAULT_MODE,
        days=slot.days or EVERY_DAY,
    )
    if original is not None and original.verbatim:
        raise InvalidSchedule(Cause.SESSION_ONLY_IN_APP, number=str(number))
    return session


def _place_of(
    wanted: ScheduleSession, sessions: Sequence[ScheduleSession]
) -> int | None:
    """Return where a session is among others, whatever else they carry."""
    for place, session in enumerate(sessions):
        if replace(session, extra=wanted.extra, verbatim=wanted.verbatim) == wanted:
            return place
    return None


def _is_caught_up(number: int, edit: SlotEdit, now: Sequence[ScheduleSession]) -> bool:
    """Whether the charger has what an edit asks for without having been asked."""
    original = edit.original(number)
    if original is not None and _place_of(original, now) is not None:
        return False
    try:
        wanted = _session(number, edit)
    except InvalidSchedule:
        return False
    if wanted is not None:
        return _place_of(wanted, now) is not None
    # Deleted here; there, too, unless something else has come in its place.
    return all(_place_of(session, edit.before) is not None for session in now)


def _edited_end(
    slot: ScheduleSlot, start: ClockTime | None, end: ClockTime | None
) -> ClockTime | None:
    """Return the end after an edit.

    A person's clock shows the day's end as 00:00: who moves the start there sees two
    equal times and means to delete, not to charge all day.
    """
    if end is not None:
        return end
    if start == MIDNIGHT != slot.start and slot.end == DAY_END:
        return MIDNIGHT
    return slot.end


def _tidy(slot: ScheduleSlot) -> ScheduleSlot:
    """Write an end at midnight as the charger does, so that the two compare."""
    if slot.end == MIDNIGHT and slot.start is not None and slot.start > MIDNIGHT:
        return replace(slot, end=DAY_END)
    return slot
