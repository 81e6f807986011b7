"""The schedule a person is editing: nothing of it reaches the charger before "Apply".

A draft has numbered slots, as the app shows them. What the person has not touched keeps
following the charger, so that applying never brings back something out of date.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from .errors import InvalidSchedule
from .schedule import (
    DAY_END,
    EVERY_DAY,
    MIDNIGHT,
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
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


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """Slots as a person sees them; each change returns a new draft.

    `stored` are the charger's sessions, `edits` the slots the person touched, by number
    from 1; the others show what is stored.
    """

    stored: tuple[ScheduleSession, ...] = ()
    edits: tuple[tuple[int, ScheduleSlot], ...] = ()
    slots: int = SLOTS
    # Made once: some thirty entities ask for it whenever the charger tells anything.
    _shown: tuple[ScheduleSlot, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the edits over what is stored."""
        edits = dict(self.edits)
        shown = tuple(
            edits.get(number) or _stored_slot(self.stored, number)
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

    def session(self, number: int) -> ScheduleSession | None:
        """Return the session a slot, from 1, stands for; None if it is unused.

        Raises `InvalidSchedule` naming a slot that has only one of its two times.
        """
        slot = self.slot(number)
        if slot.is_unused:
            return None
        if not self.is_edited(number):
            return self.stored[number - 1]
        if slot.start is None or slot.end is None:
            missing = "start" if slot.start is None else "end"
            raise InvalidSchedule(f"session {number} has no {missing} time")
        return ScheduleSession(
            start=slot.start,
            end=slot.end,
            mode=slot.mode or DEFAULT_MODE,
            days=slot.days or EVERY_DAY,
        )

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

        A slot that is edited back to what the charger has counts as untouched.
        """
        slot = self.slot(number)
        slot = replace(
            slot,
            start=slot.start if start is None else start,
            end=_edited_end(slot, start, end),
            mode=slot.mode if mode is None else mode,
            days=slot.days if days is None else days,
        )
        edits = {**dict(self.edits), number: slot}
        return replace(self, edits=_differing(edits, self.stored))

    def rebase(self, schedule: Schedule) -> Self:
        """Take over what the charger has now; edited slots stay as the person left them.

        An edit the charger has meanwhile caught up with is no edit any more.
        """
        stored = schedule.sessions
        return replace(self, stored=stored, edits=_differing(dict(self.edits), stored))

    def discard(self) -> Self:
        """Return a draft without the person's changes."""
        return replace(self, edits=())

    def written(self, draft: Self) -> Self:
        """Return what is left to apply once `draft` has been written.

        A slot the person edited again while it was on its way stays edited.
        """
        edits = tuple(edit for edit in self.edits if edit not in draft.edits)
        return replace(self, edits=edits)

    def to_schedule(self, base: Schedule) -> Schedule:
        """Return `base` with the sessions of this draft, the gaps between them closed.

        `base` is what the charger has now; its sessions beyond the slots are kept.
        Raises `InvalidSchedule` naming a slot that has only one of its two times.
        """
        draft = self.rebase(base)
        sessions = (draft.session(number) for number in range(1, self.slots + 1))
        kept = tuple(session for session in sessions if session is not None)
        return replace(base, sessions=kept + base.sessions[self.slots :])


def _stored_slot(stored: tuple[ScheduleSession, ...], number: int) -> ScheduleSlot:
    if number <= len(stored):
        return ScheduleSlot.of(stored[number - 1])
    return ScheduleSlot()


def _differing(
    edits: dict[int, ScheduleSlot], stored: tuple[ScheduleSession, ...]
) -> tuple[tuple[int, ScheduleSlot], ...]:
    """Return the edits that differ from what is stored, in order of their number."""
    slots = ((number, _tidy(slot)) for number, slot in sorted(edits.items()))
    return tuple(
        (number, slot) for number, slot in slots if slot != _stored_slot(stored, number)
    )


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
