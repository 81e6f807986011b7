"""What a person would say a charger is doing, and by which mode it may charge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import unittest

from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltDeviceState,
    HypervoltLockState,
    HypervoltReleaseState,
    PilotState,
)
from custom_components.hypervolt_charger.hypervolt.permission import (
    mode_in_force,
    readiness,
    schedule_forbids,
)
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
    ScheduleType,
)

NOON = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
NIGHT = ScheduleSession(
    start=ClockTime.parse("01:00"), end=ClockTime.parse("04:00"), mode="super_eco"
)
IN_THE_NIGHT = NOON + timedelta(hours=14)

PLUG_AND_CHARGE = Schedule(enabled=False, sessions=(NIGHT,))
PLANNED = Schedule(enabled=True, sessions=(NIGHT,))
OCTOPUS = Schedule(enabled=True, type=ScheduleType.OCTOPUS)
IDLE = HypervoltDeviceState(charging=False, release_state=HypervoltReleaseState.DEFAULT)
STOPPED = replace(IDLE, release_state=HypervoltReleaseState.RELEASED)
PLUGGED = replace(IDLE, pilot=PilotState.PLUGGED)
UNPLUGGED = replace(IDLE, pilot=PilotState.UNPLUGGED)
LOCKED = HypervoltLockState.LOCKED
PENDING = HypervoltLockState.PENDING_LOCK


class ReadinessTest(unittest.TestCase):
    def test_the_table(self) -> None:
        for state, finished, expected in (
            (HypervoltDeviceState(), False, None),
            (HypervoltDeviceState(pilot=PilotState.PLUGGED), False, None),
            (HypervoltDeviceState(pilot=PilotState.UNPLUGGED), False, "unplugged"),
            (HypervoltDeviceState(charging=True), False, "charging"),
            (replace(STOPPED, charging=True), False, "charging"),
            (replace(STOPPED, charging=None), False, "force_stopped"),
            (replace(STOPPED, pilot=PilotState.UNPLUGGED), False, "force_stopped"),
            (IDLE, False, "ready"),
            (IDLE, True, "ready"),
            (replace(IDLE, schedule=PLANNED), False, "ready"),
            (replace(IDLE, lock_state=LOCKED), False, "locked"),
            (replace(PLUGGED, lock_state=LOCKED), False, "locked"),
            (replace(PLUGGED, lock_state=PENDING), False, "ready"),
            (replace(UNPLUGGED, lock_state=LOCKED), False, "unplugged"),
            (replace(UNPLUGGED, schedule=PLANNED), False, "unplugged"),
            (PLUGGED, False, "ready"),
            (PLUGGED, True, "finished"),
            (replace(PLUGGED, pilot=PilotState.CHARGING_VENTILATED), False, "ready"),
            (replace(PLUGGED, schedule=PLUG_AND_CHARGE), False, "ready"),
            (replace(PLUGGED, schedule=PLANNED), False, "waiting_for_schedule"),
            (replace(PLUGGED, schedule=PLANNED), True, "waiting_for_schedule"),
            (replace(PLUGGED, schedule=OCTOPUS), False, "waiting_for_schedule"),
            (replace(PLUGGED, solar_mode="super_eco"), False, "waiting_for_solar"),
            (
                replace(PLUGGED, plug_and_charge_mode="super_eco_battery_safe"),
                False,
                "waiting_for_solar",
            ),
            (replace(PLUGGED, solar_mode="super_eco"), True, "finished"),
            (replace(PLUGGED, solar_mode="eco"), False, "ready"),
            (replace(PLUGGED, solar_mode="telepathy"), False, "ready"),
        ):
            with self.subTest(state=state, finished=finished):
                word = readiness(state, NOON, UTC, finished=finished)
                self.assertEqual(word, expected)

    def test_in_a_window_the_session_says_what_is_waited_for(self) -> None:
        state = replace(PLUGGED, plug_and_charge_mode="boost", schedule=PLANNED)
        word = readiness(state, IN_THE_NIGHT, UTC, finished=False)
        self.assertEqual(word, "waiting_for_solar")


class ModeInForceTest(unittest.TestCase):
    def test_who_says_it(self) -> None:
        for state, moment, forbidden, mode in (
            (replace(IDLE, solar_mode="eco"), NOON, False, "eco"),
            (
                replace(IDLE, solar_mode="eco", schedule=PLUG_AND_CHARGE),
                NOON,
                False,
                "eco",
            ),
            (replace(IDLE, solar_mode="eco", schedule=PLANNED), NOON, True, None),
            # A legacy V2 has one mode for everything.
            (
                replace(IDLE, solar_mode="eco", schedule=PLANNED),
                IN_THE_NIGHT,
                False,
                "eco",
            ),
            (
                replace(IDLE, plug_and_charge_mode="eco", schedule=PLANNED),
                IN_THE_NIGHT,
                False,
                "super_eco",
            ),
            (replace(IDLE, schedule=Schedule(enabled=True)), NOON, True, None),
        ):
            with self.subTest(state=state, moment=moment):
                self.assertIs(schedule_forbids(state, moment, UTC), forbidden)
                self.assertEqual(mode_in_force(state, moment, UTC), mode)
