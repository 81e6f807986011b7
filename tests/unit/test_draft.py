"""The schedule a person edits before "Apply"."""

from dataclasses import replace
import random
import unittest

from custom_components.hypervolt_charger.hypervolt.draft import (
    ScheduleDraft,
    ScheduleSlot,
)
from custom_components.hypervolt_charger.hypervolt.errors import (
    EditConflict,
    InvalidSchedule,
)
from custom_components.hypervolt_charger.hypervolt.schedule import (
    DAY_END,
    EVERY_DAY,
    MIDNIGHT,
    ClockTime,
    JsonText,
    Schedule,
    ScheduleSession,
    Weekday,
)

MONDAY = frozenset({Weekday.MONDAY})
SUNDAY = frozenset({Weekday.SUNDAY})


def clock(text: str) -> ClockTime:
    return ClockTime.parse(text)


def session(
    start: str,
    end: str,
    days: frozenset[Weekday] = EVERY_DAY,
    mode: str = "boost",
) -> ScheduleSession:
    return ScheduleSession(start=clock(start), end=clock(end), days=days, mode=mode)


def schedule(*sessions: ScheduleSession) -> Schedule:
    return Schedule(enabled=True, sessions=sessions, time_zone="Europe/London")


TWO = schedule(
    session("01:00", "02:00", MONDAY, "eco"), session("23:00", "05:00", SUNDAY)
)


class ShowTest(unittest.TestCase):
    def test_shows_what_is_stored(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO)
        self.assertEqual(
            draft.slot(1), ScheduleSlot(clock("01:00"), clock("02:00"), "eco", MONDAY)
        )
        self.assertEqual(
            draft.slot(2), ScheduleSlot(clock("23:00"), clock("05:00"), "boost", SUNDAY)
        )
        self.assertFalse(draft.changed)

    def test_unused_slots_are_empty(self) -> None:
        slot = ScheduleDraft.from_schedule(TWO).slot(3)
        self.assertEqual(slot, ScheduleSlot(None, None, None, frozenset()))
        self.assertTrue(slot.is_unused)

    def test_slots_there_are_not(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO, slots=4)
        for number in (0, -1, 5):
            with (
                self.subTest(number),
                self.assertRaisesRegex(InvalidSchedule, f"no session {number}"),
            ):
                draft.slot(number)
        with self.assertRaises(InvalidSchedule):
            draft.edit(5, mode="eco")


class EditTest(unittest.TestCase):
    def test_changes_only_what_is_given(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO)
        for name, edited, slot in (
            (
                "start",
                draft.edit(1, start=clock("00:30")),
                ScheduleSlot(clock("00:30"), clock("02:00"), "eco", MONDAY),
            ),
            (
                "end",
                draft.edit(1, end=clock("03:00")),
                ScheduleSlot(clock("01:00"), clock("03:00"), "eco", MONDAY),
            ),
            (
                "mode",
                draft.edit(1, mode="super_eco"),
                ScheduleSlot(clock("01:00"), clock("02:00"), "super_eco", MONDAY),
            ),
            (
                "days",
                draft.edit(1, days=frozenset()),
                ScheduleSlot(clock("01:00"), clock("02:00"), "eco", frozenset()),
            ),
        ):
            with self.subTest(name):
                self.assertEqual(edited.slot(1), slot)
                self.assertEqual(edited.slot(2), draft.slot(2))

    def test_marks_the_slot(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(2, mode="eco")
        self.assertTrue(draft.changed)
        self.assertTrue(draft.is_edited(2))
        self.assertFalse(draft.is_edited(1))

    def test_does_not_touch_the_draft_it_came_from(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO)
        draft.edit(1, mode="super_eco")
        self.assertFalse(draft.changed)
        self.assertEqual(draft.slot(1).mode, "eco")

    def test_edits_add_up(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(1, start=clock("00:15"))
        draft = draft.edit(2, mode="eco").edit(1, end=clock("00:45"))
        self.assertEqual(draft.slot(1).start, clock("00:15"))
        self.assertEqual(draft.slot(1).end, clock("00:45"))
        self.assertEqual(draft.slot(2).mode, "eco")

    def test_editing_back_is_no_change(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(1, mode="boost")
        self.assertFalse(draft.edit(1, mode="eco").changed)

    def test_what_is_edited_while_it_is_written_stays_edited(self) -> None:
        written = ScheduleDraft.from_schedule(TWO).edit(1, mode="eco")
        later = written.edit(2, mode="super_eco")
        self.assertFalse(written.written(written).changed)
        self.assertTrue(later.written(written).is_edited(2))
        self.assertFalse(later.written(written).is_edited(1))
        again = written.edit(1, mode="super_eco")
        self.assertTrue(again.written(written).is_edited(1))

    def test_discard(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(1, mode="boost").discard()
        self.assertEqual(draft, ScheduleDraft.from_schedule(TWO))

    def test_an_end_at_midnight_is_the_days_end(self) -> None:
        stored = schedule(session("22:00", "24:00"))
        draft = ScheduleDraft.from_schedule(stored).edit(1, end=MIDNIGHT)
        self.assertFalse(draft.changed)
        new = ScheduleDraft.from_schedule(schedule()).edit(1, end=MIDNIGHT)
        self.assertEqual(new.slot(1).end, MIDNIGHT)
        self.assertEqual(new.edit(1, start=clock("22:00")).slot(1).end, DAY_END)

    def test_a_start_moved_to_the_end_shown_deletes(self) -> None:
        stored = schedule(session("22:00", "24:00"))
        draft = ScheduleDraft.from_schedule(stored).edit(1, start=MIDNIGHT)
        self.assertTrue(draft.slot(1).is_unused)
        self.assertEqual(draft.to_schedule(stored).sessions, ())

    def test_a_whole_day_can_be_edited_and_asked_for(self) -> None:
        stored = schedule(session("00:00", "24:00"))
        draft = ScheduleDraft.from_schedule(stored).edit(1, mode="eco")
        self.assertEqual(
            draft.to_schedule(stored).sessions, (session("00:00", "24:00", mode="eco"),)
        )
        same = draft.edit(1, start=MIDNIGHT)
        self.assertEqual(same.slot(1).end, DAY_END)
        asked = ScheduleDraft.from_schedule(schedule()).edit(
            2, start=MIDNIGHT, end=DAY_END
        )
        self.assertEqual(
            asked.to_schedule(schedule()).sessions, (session("00:00", "24:00"),)
        )


class RebaseTest(unittest.TestCase):
    def test_untouched_slots_follow_the_charger(self) -> None:
        moved = schedule(session("02:00", "03:00"), session("04:00", "05:00"))
        draft = ScheduleDraft.from_schedule(TWO).edit(2, mode="eco").rebase(moved)
        self.assertEqual(draft.slot(1).start, clock("02:00"))

    def test_edited_slots_stay(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(2, mode="eco").rebase(schedule())
        self.assertEqual(
            draft.slot(2), ScheduleSlot(clock("23:00"), clock("05:00"), "eco", SUNDAY)
        )
        self.assertTrue(draft.is_edited(2))
        self.assertTrue(draft.slot(1).is_unused)

    def test_an_edit_the_charger_took_is_none_any_more(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(1, mode="boost")
        self.assertFalse(draft.rebase(draft.to_schedule(TWO)).changed)

    def test_the_same_again_changes_nothing(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(1, mode="boost")
        self.assertEqual(draft.rebase(TWO), draft)


class ApplyTest(unittest.TestCase):
    def test_untouched_is_the_same(self) -> None:
        self.assertEqual(ScheduleDraft.from_schedule(TWO).to_schedule(TWO), TWO)

    def test_keeps_what_is_no_session(self) -> None:
        base = Schedule(
            enabled=False, type="other", sessions=TWO.sessions, time_zone="Asia/Tokyo"
        )
        draft = ScheduleDraft.from_schedule(base).edit(1, mode="boost")
        applied = draft.to_schedule(base)
        self.assertEqual(
            (applied.enabled, applied.type, applied.time_zone),
            (False, "other", "Asia/Tokyo"),
        )

    def test_a_slot_beyond_the_last_becomes_a_session(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(
            6, start=clock("12:00"), end=clock("13:00")
        )
        self.assertEqual(
            draft.to_schedule(TWO).sessions, (*TWO.sessions, session("12:00", "13:00"))
        )

    def test_new_session_with_days_and_mode(self) -> None:
        draft = ScheduleDraft.from_schedule(schedule()).edit(
            1, start=clock("12:00"), end=clock("13:00"), mode="eco", days=MONDAY
        )
        self.assertEqual(
            draft.to_schedule(schedule()).sessions,
            (session("12:00", "13:00", MONDAY, "eco"),),
        )

    def test_equal_times_delete_and_the_gap_closes(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(1, end=clock("01:00"))
        self.assertEqual(draft.to_schedule(TWO).sessions, TWO.sessions[1:])

    def test_stored_session_without_length_goes(self) -> None:
        base = schedule(session("03:00", "03:00"), session("01:00", "02:00"))
        draft = ScheduleDraft.from_schedule(base)
        self.assertEqual(draft.to_schedule(base).sessions, base.sessions[1:])

    def test_half_filled_slot_is_named(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO)
        for edited, words in (
            (draft.edit(4, start=clock("12:00")), "incomplete: number 4"),
            (draft.edit(5, end=clock("12:00")), "incomplete: number 5"),
            (draft.edit(3, start=MIDNIGHT), "incomplete: number 3"),
            (draft.edit(4, mode="eco"), "incomplete: number 4"),
            (draft.edit(4, days=MONDAY), "incomplete: number 4"),
        ):
            with (
                self.subTest(words),
                self.assertRaisesRegex(InvalidSchedule, words),
            ):
                edited.to_schedule(TWO)

    def test_sessions_beyond_the_slots_are_kept(self) -> None:
        base = schedule(*(session(f"{h:02}:00", f"{h:02}:30") for h in range(9)))
        draft = ScheduleDraft.from_schedule(base).edit(2, end=clock("01:00"))
        self.assertEqual(
            draft.to_schedule(base).sessions, (base.sessions[0], *base.sessions[2:])
        )

    def test_what_was_not_edited_stays_as_it_is_now(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(2, mode="eco")
        now = replace(
            schedule(session("06:00", "07:00"), TWO.sessions[1]), enabled=False
        )
        self.assertEqual(
            draft.to_schedule(now),
            replace(
                now,
                sessions=(
                    session("06:00", "07:00"),
                    session("23:00", "05:00", SUNDAY, "eco"),
                ),
            ),
        )

    def test_an_edited_session_that_has_moved(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO).edit(2, mode="eco")
        self.assertEqual(
            draft.to_schedule(schedule(TWO.sessions[1])).sessions,
            (session("23:00", "05:00", SUNDAY, "eco"),),
        )

    def test_a_new_session_beside_a_new_one_of_the_app(self) -> None:
        draft = ScheduleDraft.from_schedule(schedule())
        draft = draft.edit(1, start=clock("12:00"), end=clock("13:00"))
        self.assertEqual(
            draft.to_schedule(TWO).sessions, (*TWO.sessions, session("12:00", "13:00"))
        )

    def test_a_session_that_was_changed_here_and_there(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO)
        moved = schedule(TWO.sessions[0], session("22:00", "05:00", SUNDAY))
        for edited in (draft.edit(2, mode="eco"), draft.edit(2, end=clock("23:00"))):
            with (
                self.subTest(edited.slot(2)),
                self.assertRaises(EditConflict) as caught,
            ):
                edited.rebase(moved).to_schedule(moved)
            self.assertEqual(caught.exception.details, {"number": "2"})

    def test_the_same_change_here_and_there(self) -> None:
        draft = ScheduleDraft.from_schedule(TWO)
        for edited in (draft.edit(2, mode="eco"), draft.edit(2, end=clock("23:00"))):
            now = edited.to_schedule(TWO)
            with self.subTest(edited.slot(2)):
                self.assertEqual(edited.to_schedule(now), now)
                self.assertFalse(edited.rebase(now).changed)

    def test_the_same_sessions_in_another_order(self) -> None:
        now = schedule(*reversed(TWO.sessions))
        edited = ScheduleDraft.from_schedule(TWO).edit(2, mode="eco")
        self.assertEqual(edited.rebase(now), edited)
        wanted = (TWO.sessions[0], session("23:00", "05:00", SUNDAY, "eco"))
        self.assertEqual(edited.to_schedule(now).sessions, wanted)
        self.assertFalse(edited.rebase(schedule(*reversed(wanted))).changed)

    def test_members_that_are_not_known_are_kept(self) -> None:
        tagged = replace(TWO.sessions[0], extra=JsonText('{"tag": 1}'))
        base = replace(
            schedule(tagged), extra=JsonText('{"x": 1}'), unread=(JsonText("[]"),)
        )
        applied = ScheduleDraft.from_schedule(base).edit(1, mode="boost")
        self.assertEqual(
            applied.to_schedule(base),
            replace(base, sessions=(replace(tagged, mode="boost"),)),
        )

    def test_what_can_only_be_kept_as_it_is_can_be_deleted_only(self) -> None:
        base = schedule(replace(TWO.sessions[0], verbatim=JsonText("{}")))
        draft = ScheduleDraft.from_schedule(base)
        with self.assertRaisesRegex(InvalidSchedule, "only in app: number 1"):
            draft.edit(1, mode="boost").to_schedule(base)
        deleted = draft.edit(1, end=clock("01:00")).to_schedule(base)
        self.assertEqual(deleted.sessions, ())

    def test_whole_minutes(self) -> None:
        for start, end, shown in (
            ("15:30:30", "16:00:59", ("15:30", "16:00")),
            ("00:00:00", "23:59:59", ("00:00", "24:00")),
            ("23:59:59", "05:00:00", ("23:59", "05:00")),
            ("22:00:00", "23:59:00", ("22:00", "23:59")),
        ):
            with self.subTest((start, end)):
                slot = (
                    ScheduleDraft().edit(1, start=clock(start), end=clock(end)).slot(1)
                )
                self.assertEqual((str(slot.start), str(slot.end)), shown)

    def test_typing_a_schedule_gives_that_schedule(self) -> None:
        rng = random.Random(3)
        for _ in range(100):
            wanted = schedule(
                *(
                    session(
                        f"{rng.randrange(24):02}:10",
                        f"{rng.randrange(24):02}:20",
                        frozenset(rng.sample(list(Weekday), rng.randint(1, 7))),
                        rng.choice(["boost", "eco"]),
                    )
                    for _ in range(rng.randint(0, 6))
                )
            )
            draft = ScheduleDraft.from_schedule(schedule())
            for number, s in enumerate(wanted.sessions, start=1):
                draft = draft.edit(number, mode=s.mode, days=s.days)
                draft = draft.edit(number, end=s.end).edit(number, start=s.start)
            self.assertEqual(draft.to_schedule(schedule()), wanted)


if __name__ == "__main__":
    unittest.main()
