"""How each message of the cloud changes what is known (protocol.md 5.5, 5.6, 6)."""

from dataclasses import FrozenInstanceError, fields, replace
import json
import unittest
from zoneinfo import ZoneInfo

from custom_components.hypervolt_charger.hypervolt import device_state
from custom_components.hypervolt_charger.hypervolt.device_state import (
    FEATURE_BATTERY_SAFE,
    HypervoltActivationMode,
    HypervoltChargeMode,
    HypervoltDeviceState,
    HypervoltLockState,
    HypervoltReleaseState,
    PilotState,
    apply,
    read_pilot,
)
from custom_components.hypervolt_charger.hypervolt.protocol import (
    JsonValue,
    Method,
    Push,
    decode,
    decode_session,
)
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
    Weekday,
)

LONDON = ZoneInfo("Europe/London")
NOTHING = HypervoltDeviceState()

# Something in every field, so that a change where none belongs can't hide.
FULL = HypervoltDeviceState(
    brightness=0.75,
    effect_name="party_mode",
    lock_state=HypervoltLockState.PENDING_LOCK,
    release_state=HypervoltReleaseState.RELEASED,
    max_current_milliamps=16000,
    solar_mode="eco",
    features=frozenset({FEATURE_BATTERY_SAFE}),
    random_start=True,
    name="Driveway",
    firmware_version="3951.0",
    pilot=PilotState.PLUGGED,
    charging=True,
    session_id=240,
    session_watt_hours=1000,
    session_carbon_saved_grams=437,
    output_current_milliamps=31800,
    voltage=238.0,
    ct_current_milliamps=34740,
    ct_power=490.0,
    ev_power=7568.0,
    house_power=526.0,
    grid_power=8094.0,
    generation_power=1.0,
    plug_and_charge_mode="super_eco",
    schedule=Schedule(enabled=True),
)

IDLE_V2 = (
    '{"charging":false,"session":240,"milli_amps":32000,"true_milli_amps":0,'
    '"watt_hours":2371,"ccy_spent":34,"carbon_saved_grams":1036,"ct_current":0,'
    '"ct_power":0,"voltage":0}'
)
CHARGING_2023 = (
    '{"charging":true,"session":0,"milli_amps":0,"true_milli_amps":6100,'
    '"watt_hours":87452,"ccy_spent":0,"carbon_saved_grams":38216,"ct_current":0,'
    '"ct_power":0,"voltage":0}'
)


def pushed(state: HypervoltDeviceState, frame: str) -> HypervoltDeviceState:
    """Return the state after a whole frame as it comes from the cloud."""
    message = decode_session(frame)
    assert isinstance(message, Push)
    return apply(state, message.method, message.params, zone=LONDON)


def told(state: HypervoltDeviceState, method: str, wire: str) -> HypervoltDeviceState:
    """Return the state after a payload, given as JSON."""
    payload: JsonValue = json.loads(wire)
    return apply(state, method, payload, zone=LONDON)


class StateTests(unittest.TestCase):
    def test_full_is_full(self) -> None:
        for field in fields(HypervoltDeviceState):
            with self.subTest(field=field.name):
                self.assertNotEqual(
                    getattr(FULL, field.name), getattr(NOTHING, field.name)
                )

    def test_nothing_is_known_at_first(self) -> None:
        self.assertEqual(NOTHING.features, frozenset())
        for field in fields(HypervoltDeviceState):
            if field.name != "features":
                self.assertIsNone(getattr(NOTHING, field.name), field.name)
        self.assertIsNone(NOTHING.charge_mode)
        self.assertIsNone(NOTHING.activation_mode)
        self.assertIsNone(NOTHING.is_locked)

    def test_nobody_can_edit_it(self) -> None:
        with self.assertRaises(FrozenInstanceError):
            FULL.charging = False  # type: ignore[misc]
        with self.assertRaises((AttributeError, TypeError)):
            FULL.anything = 1  # type: ignore[attr-defined]

    def test_the_tables_name_fields_that_exist(self) -> None:
        names = {field.name for field in fields(HypervoltDeviceState)}
        for table in (device_state._SETTINGS, device_state._SESSION):
            targets = [field.name for field in table.values()]
            self.assertLessEqual(set(targets), names)
            self.assertEqual(len(set(targets)), len(targets))

    def test_every_key_of_the_tables_is_read(self) -> None:
        for method, table in (
            (Method.APPLY, device_state._SETTINGS),
            (Method.SNAPSHOT, device_state._SETTINGS),
            (Method.SESSION, device_state._SESSION),
        ):
            for key, field in table.items():
                values: tuple[JsonValue, ...]
                values = (1, True, "locked", "released", ["super_eco"])
                for value in values:
                    state = apply(NOTHING, method, [{key: value}])
                    if getattr(state, field.name) not in (None, frozenset()):
                        break
                else:
                    self.fail(f"{method} never learns {key}")

    def test_plug_and_charge_s_own_mode_wins_over_its_echo(self) -> None:
        self.assertEqual(replace(FULL, plug_and_charge_mode=None).charge_mode, "eco")
        self.assertEqual(FULL.charge_mode, HypervoltChargeMode.SUPER_ECO)

    def test_the_activation_mode_comes_from_the_schedule(self) -> None:
        for schedule, mode in (
            (Schedule(enabled=False), HypervoltActivationMode.PLUG_AND_CHARGE),
            (Schedule(enabled=True), HypervoltActivationMode.SCHEDULE),
            (
                Schedule(enabled=True, type="octopus"),
                HypervoltActivationMode.OCTOPUS,
            ),
            (
                Schedule(enabled=False, type="octopus"),
                HypervoltActivationMode.PLUG_AND_CHARGE,
            ),
            (Schedule(enabled=True, type="agile"), HypervoltActivationMode.SCHEDULE),
        ):
            with self.subTest(schedule=schedule):
                state = replace(NOTHING, schedule=schedule)
                self.assertIs(state.activation_mode, mode)

    def test_a_lock_to_come_is_a_lock(self) -> None:
        for lock, locked in (
            (HypervoltLockState.UNLOCKED, False),
            (HypervoltLockState.PENDING_LOCK, True),
            (HypervoltLockState.LOCKED, True),
        ):
            self.assertIs(replace(NOTHING, lock_state=lock).is_locked, locked)


class SettingsTests(unittest.TestCase):
    def test_the_snapshot_of_a_v2(self) -> None:
        state = told(
            NOTHING,
            Method.SNAPSHOT,
            '[{"brightness":0.25},{"lock_state":"unlocked"},'
            '{"release_state":"default"},{"max_current":32000},{"ct_flags":1},'
            '{"solar_mode":"boost"},{"features":["super_eco"]},'
            '{"random_start":true}]',
        )
        self.assertEqual(
            state,
            HypervoltDeviceState(
                brightness=0.25,
                lock_state=HypervoltLockState.UNLOCKED,
                release_state=HypervoltReleaseState.DEFAULT,
                max_current_milliamps=32000,
                solar_mode="boost",
                features=frozenset({"super_eco"}),
                random_start=True,
            ),
        )

    def test_the_pushed_snapshot_of_a_v3_with_a_duplicate(self) -> None:
        state = pushed(
            FULL,
            '{"jsonrpc":"2.0","method":"sync.snapshot","params":[{"brightness":1.0},'
            '{"effect_name":"none"},{"solar_mode":"eco"},{"max_current":32000},'
            '{"lock_state":"unlocked"},{"release_state":"default"},'
            '{"random_start":false},{"random_start":false}]}',
        )
        self.assertEqual(
            state,
            replace(
                FULL,
                brightness=1.0,
                effect_name="none",
                solar_mode="eco",
                max_current_milliamps=32000,
                lock_state=HypervoltLockState.UNLOCKED,
                release_state=HypervoltReleaseState.DEFAULT,
                random_start=False,
            ),
        )

    def test_a_change_leaves_the_rest_alone(self) -> None:
        for wire, expected in (
            ('[{"brightness":0.25}]', replace(FULL, brightness=0.25)),
            (
                '[{"lock_state":"locked"}]',
                replace(FULL, lock_state=HypervoltLockState.LOCKED),
            ),
            (
                '[{"release_state":"default"}]',
                replace(FULL, release_state=HypervoltReleaseState.DEFAULT),
            ),
            ('[{"solar_mode":"super_eco"}]', replace(FULL, solar_mode="super_eco")),
            ('[{"random_start":false}]', replace(FULL, random_start=False)),
            ('[{"features":[]}]', replace(FULL, features=frozenset())),
        ):
            for method in (Method.APPLY, Method.SNAPSHOT):
                with self.subTest(method=method, wire=wire):
                    self.assertEqual(told(FULL, method, wire), expected)

    def test_a_document_in_disorder(self) -> None:
        expected = replace(
            NOTHING, brightness=0.5, max_current_milliamps=10000, random_start=True
        )
        for wire in (
            '[{"random_start":true},{"max_current":10000},{"brightness":0.5}]',
            '[{"brightness":0.5,"max_current":10000},{},{"random_start":true}]',
            '{"brightness":0.5,"max_current":10000,"random_start":true}',
            (
                '[{"brightness":1.0},{"brightness":0.5},{"max_current":10000},'
                '{"random_start":true}]'
            ),
            (
                '[null,7,"x",[],[{"brightness":0.1}],{"brightness":0.5},'
                '{"max_current":10000},{"max_current":null},{"max_current":"lots"},'
                '{"warp":{"now":9}},{"lock_state":"half_locked"},'
                '{"random_start":true},{"":0}]'
            ),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(told(NOTHING, Method.SNAPSHOT, wire), expected)

    def test_the_current_limit_in_any_type(self) -> None:
        for wire in ("16000", "16000.0", '"16000"', '"16000.0"', "1.6e4"):
            with self.subTest(wire=wire):
                state = told(NOTHING, Method.APPLY, f'[{{"max_current":{wire}}}]')
                self.assertEqual(state.max_current_milliamps, 16000)
                self.assertIs(type(state.max_current_milliamps), int)

    def test_what_is_no_number_changes_nothing(self) -> None:
        for key in ("brightness", "max_current"):
            for wire in (
                "null",
                "true",
                '""',
                '"many"',
                '"nan"',
                '"inf"',
                "NaN",
                "Infinity",
                "-Infinity",
                "1e400",
                "1e300",
                "9" * 4000,
                f'"{"9" * 4000}"',
                "[]",
                "{}",
            ):
                with self.subTest(key=key, wire=wire[:20]):
                    state = told(FULL, Method.APPLY, f'[{{"{key}":{wire}}}]')
                    self.assertIs(state, FULL)

    def test_brightness_stays_between_off_and_full(self) -> None:
        for wire, brightness in (("-1", 0.0), ("0", 0.0), ('"0.5"', 0.5), ("25", 1.0)):
            with self.subTest(wire=wire):
                state = told(NOTHING, Method.APPLY, f'[{{"brightness":{wire}}}]')
                self.assertEqual(state.brightness, brightness)

    def test_unknown_modes_effects_and_features_are_kept_as_text(self) -> None:
        state = told(
            NOTHING,
            Method.APPLY,
            '[{"solar_mode":"mega_eco"},{"effect_name":"disco"},'
            '{"features":["super_eco","teleport",7,null]}]',
        )
        self.assertEqual(
            state,
            HypervoltDeviceState(
                solar_mode="mega_eco",
                effect_name="disco",
                features=frozenset({"super_eco", "teleport"}),
            ),
        )
        self.assertEqual(state.charge_mode, "mega_eco")

    def test_unknown_lock_and_release_states_keep_the_last_known(self) -> None:
        for wire in ('"half_locked"', '"LOCKED"', '""', "null", "true", "1", "[]"):
            for key in ("lock_state", "release_state"):
                with self.subTest(key=key, wire=wire):
                    state = told(FULL, Method.APPLY, f'[{{"{key}":{wire}}}]')
                    self.assertIs(state, FULL)

    def test_wrong_types_change_nothing(self) -> None:
        for wire in (
            '{"solar_mode":null}',
            '{"solar_mode":["eco"]}',
            '{"effect_name":3}',
            '{"features":"super_eco"}',
            '{"features":{"super_eco":true}}',
            '{"features":null}',
            '{"random_start":"yes"}',
            '{"random_start":1}',
        ):
            with self.subTest(wire=wire):
                self.assertIs(told(FULL, Method.APPLY, f"[{wire}]"), FULL)

    def test_the_keys_of_a_request_are_not_those_of_the_document(self) -> None:
        wire = '[{"is_locked":false},{"release":false},{"ct_flags":1},{"leds":[]}]'
        self.assertIs(told(FULL, Method.APPLY, wire), FULL)


class SessionTests(unittest.TestCase):
    def test_the_idle_v3(self) -> None:
        state = pushed(
            FULL,
            '{"jsonrpc":"2.0","method":"get.session","params":{"charging":false,'
            '"true_milli_amps":0,"voltage":0,"watt_hours":0,"carbon_saved_grams":0,'
            '"ct_current":1900,"ev_power":0,"grid_power":69,"house_power":69,'
            '"generation_power":0,"energy_flow":["grid_to_house"]}}',
        )
        self.assertEqual(
            state,
            replace(
                FULL,
                charging=False,
                output_current_milliamps=0,
                voltage=0,
                session_watt_hours=0,
                session_carbon_saved_grams=0,
                ct_current_milliamps=1900,
                ev_power=0,
                grid_power=69,
                house_power=69,
                generation_power=0,
            ),
        )

    def test_the_charging_v3(self) -> None:
        state = pushed(
            NOTHING,
            '{"jsonrpc":"2.0","method":"get.session","params":{"charging":true,'
            '"true_milli_amps":31800,"voltage":238,"watt_hours":2371,'
            '"carbon_saved_grams":1036,"ct_current":34740,"ev_power":7568,'
            '"grid_power":8094,"house_power":526,"generation_power":0,'
            '"energy_flow":["grid_to_house","grid_to_ev"]}}',
        )
        self.assertEqual(
            state,
            HypervoltDeviceState(
                charging=True,
                output_current_milliamps=31800,
                voltage=238,
                session_watt_hours=2371,
                session_carbon_saved_grams=1036,
                ct_current_milliamps=34740,
                ev_power=7568,
                grid_power=8094,
                house_power=526,
                generation_power=0,
            ),
        )

    def test_the_session_socket_of_a_v2(self) -> None:
        self.assertEqual(
            pushed(NOTHING, IDLE_V2),
            HypervoltDeviceState(
                charging=False,
                session_id=240,
                output_current_milliamps=0,
                session_watt_hours=2371,
                session_carbon_saved_grams=1036,
                ct_current_milliamps=0,
                ct_power=0,
                voltage=0,
            ),
        )
        self.assertEqual(
            pushed(NOTHING, CHARGING_2023),
            HypervoltDeviceState(
                charging=True,
                session_id=0,
                output_current_milliamps=6100,
                session_watt_hours=87452,
                session_carbon_saved_grams=38216,
                ct_current_milliamps=0,
                ct_power=0,
                voltage=0,
            ),
        )

    def test_a_part_leaves_the_rest_alone(self) -> None:
        for wire, expected in (
            ('{"charging":false}', replace(FULL, charging=False)),
            ('{"grid_power":-2500}', replace(FULL, grid_power=-2500)),
            ('{"ct_power":490.25}', replace(FULL, ct_power=490.25)),
            ('{"voltage":"237.5"}', replace(FULL, voltage=237.5)),
            ('[{"voltage":1},{"ev_power":2}]', replace(FULL, voltage=1, ev_power=2)),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(told(FULL, Method.SESSION, wire), expected)

    def test_nonsense_changes_nothing(self) -> None:
        for wire in (
            "null",
            "7",
            '"x"',
            "[]",
            "{}",
            '{"charging":null}',
            '{"charging":"true"}',
            '{"charging":1}',
            '{"watt_hours":null}',
            '{"watt_hours":"much"}',
            '{"watt_hours":NaN}',
            '{"ev_power":Infinity}',
            '{"voltage":true}',
            '{"session":[]}',
            '{"energy_flow":["battery_to_ev"]}',
            '{"ccy_spent":34,"milli_amps":32000}',
        ):
            with self.subTest(wire=wire):
                self.assertIs(told(FULL, Method.SESSION, wire), FULL)

    def test_the_power_into_the_car(self) -> None:
        for ev_power, voltage, milliamps, watts in (
            (7568.0, 238.0, 31800, 7568.0),
            (0.0, 230.0, 10000, 2300.0),  # a V2 that tells 0 for weeks (F32)
            (None, 230.0, 10000, 2300.0),
            (0.0, None, None, 0.0),
            (None, None, 10000, None),
            (None, 230.0, None, None),
        ):
            with self.subTest(ev_power=ev_power, voltage=voltage):
                state = HypervoltDeviceState(
                    ev_power=ev_power,
                    voltage=voltage,
                    output_current_milliamps=milliamps,
                )
                self.assertEqual(state.car_watts, watts)

    def test_settings_are_no_session_data(self) -> None:
        self.assertIs(told(FULL, Method.SESSION, '{"brightness":0.1}'), FULL)
        self.assertIs(told(FULL, Method.APPLY, '[{"charging":false}]'), FULL)


class PilotTests(unittest.TestCase):
    def test_letters(self) -> None:
        for wire, pilot in (
            ('"A"', PilotState.UNPLUGGED),
            ('"B"', PilotState.PLUGGED),
            ('"C"', PilotState.CHARGING),
            ('"D"', PilotState.CHARGING_VENTILATED),
            ('"b"', PilotState.PLUGGED),
            ('"C2"', PilotState.CHARGING),
            ('" a1 "', PilotState.UNPLUGGED),
        ):
            for method, key in (
                (Method.PILOT_STATUS, "pilot_status"),
                (Method.COMPOSITE_PILOT_STATUS, "composite_pilot_status"),
            ):
                with self.subTest(method=method, wire=wire):
                    payload = f'{{"{key}":{wire}}}'
                    self.assertIs(read_pilot(json.loads(payload)), pilot)
                    self.assertEqual(
                        told(FULL, method, payload), replace(FULL, pilot=pilot)
                    )

    def test_whatever_else_comes_keeps_the_last(self) -> None:
        for wire in (
            '{"pilot_status":"E"}',
            '{"pilot_status":"F"}',
            '{"pilot_status":"G7"}',
            '{"pilot_status":""}',
            '{"pilot_status":null}',
            '{"pilot_status":1}',
            '{"pilot_status":["A"]}',
            '{"pilot_status":true}',
            '{"other":"A"}',
            "{}",
            "[]",
            '"A"',
            "null",
        ):
            with self.subTest(wire=wire):
                self.assertIsNone(read_pilot(json.loads(wire)))
                self.assertIs(told(FULL, Method.PILOT_STATUS, wire), FULL)

    def test_a_frame(self) -> None:
        state = pushed(
            NOTHING,
            '{"jsonrpc":"2.0","method":"get.pilot_status",'
            '"params":{"pilot_status":"A"}}',
        )
        self.assertEqual(state, HypervoltDeviceState(pilot=PilotState.UNPLUGGED))


class PlugAndChargeTests(unittest.TestCase):
    def test_the_answer_to_the_question_holds_the_mode(self) -> None:
        for mode in ("boost", "eco", "super_eco_battery_safe", "mega_eco"):
            with self.subTest(mode=mode):
                wire = json.dumps({"applied": mode})
                for method in (Method.PLUG_AND_CHARGE_GET, Method.PLUG_AND_CHARGE_SET):
                    self.assertEqual(
                        told(FULL, method, wire),
                        replace(FULL, plug_and_charge_mode=mode),
                    )

    def test_the_answer_to_a_change_says_whether_it_was_taken(self) -> None:
        for applied, taken in (
            ("true", True),
            ('"true"', True),
            ('"True"', True),
            ("false", False),
            ('"false"', False),
            ("null", False),
            ('""', False),
            ("0", False),
            ("[]", False),
        ):
            with self.subTest(applied=applied):
                wire = f'{{"mode":"boost","applied":{applied}}}'
                state = told(FULL, Method.PLUG_AND_CHARGE_SET, wire)
                if taken:
                    self.assertEqual(state, replace(FULL, plug_and_charge_mode="boost"))
                else:
                    self.assertIs(state, FULL)

    def test_the_answer_to_the_question_without_its_usual_member(self) -> None:
        wire = '{"mode":"eco","applied":null}'
        state = told(FULL, Method.PLUG_AND_CHARGE_GET, wire)
        self.assertEqual(state, replace(FULL, plug_and_charge_mode="eco"))

    def test_a_change_that_tells_the_mode_in_place_of_the_flag(self) -> None:
        wire = '{"mode":"boost","applied":"boost"}'
        state = told(FULL, Method.PLUG_AND_CHARGE_SET, wire)
        self.assertEqual(state, replace(FULL, plug_and_charge_mode="boost"))

    def test_whatever_else_comes_keeps_the_last(self) -> None:
        for wire in (
            '{"mode":"boost"}',
            '{"applied":true}',
            '{"applied":null}',
            '{"applied":{"mode":"boost"}}',
            '{"mode":null,"applied":true}',
            '{"mode":7,"applied":true}',
            "{}",
            "[]",
            "null",
            '"boost"',
            '[{"applied":"boost"}]',
        ):
            for method in (Method.PLUG_AND_CHARGE_GET, Method.PLUG_AND_CHARGE_SET):
                with self.subTest(method=method, wire=wire):
                    self.assertIs(told(FULL, method, wire), FULL)


class IdentityTests(unittest.TestCase):
    def test_firmware_is_text_or_a_number(self) -> None:
        for wire, firmware in (
            ('"3951.0"', "3951.0"),
            ('"1.0"', "1.0"),
            ('"1"', "1"),
            ("1", "1"),
            ("1.0", "1.0"),
            ('"pi4.202209271128.1962865"', "pi4.202209271128.1962865"),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(
                    told(FULL, Method.FIRMWARE_VERSION, wire),
                    replace(FULL, firmware_version=firmware),
                )

    def test_a_name_is_text(self) -> None:
        self.assertEqual(
            told(FULL, Method.NAME_GET, '"Æ 🚗"'), replace(FULL, name="Æ 🚗")
        )

    def test_nothing_else_is_firmware_or_a_name(self) -> None:
        for wire in ("null", "true", "[]", "{}", '["1.0"]', "NaN"):
            with self.subTest(wire=wire):
                self.assertIs(told(FULL, Method.FIRMWARE_VERSION, wire), FULL)
                self.assertIs(told(FULL, Method.NAME_GET, wire), FULL)

    def test_the_answers_that_tell_nothing(self) -> None:
        for method, wire in (
            (Method.LOGIN, '{"authenticated":true}'),
            (Method.NAME_SET, '"Driveway 2"'),
            (Method.NAME_SET, "true"),
        ):
            with self.subTest(method=method, wire=wire):
                self.assertIs(told(FULL, method, wire), FULL)


class ScheduleTests(unittest.TestCase):
    def test_a_schedule_however_it_comes(self) -> None:
        schedule = Schedule(
            enabled=True,
            sessions=(
                ScheduleSession(
                    start=ClockTime.parse("04:00"),
                    end=ClockTime.parse("05:00"),
                    days=frozenset({Weekday.THURSDAY}),
                    mode="boost",
                ),
            ),
        )
        for method in (Method.SCHEDULES_GET, Method.SCHEDULE_SET):
            with self.subTest(method=method):
                state = told(
                    FULL,
                    method,
                    '{"applied":{"enabled":true,"is_default":false,"sessions":'
                    '[{"days":["THURSDAY"],"end_time":"05:00","mode":"boost",'
                    '"session_type":"recurring","start_time":"04:00"}],'
                    '"type":"hypervolt"},"pending":{}}',
                )
                self.assertEqual(state, replace(FULL, schedule=schedule))
                self.assertIs(state.activation_mode, HypervoltActivationMode.SCHEDULE)

    def test_no_schedule_on_the_charger_clears_it(self) -> None:
        for wire in ('{"applied":null}', '{"applied":{}}', '{"pending":{}}', "{}"):
            with self.subTest(wire=wire):
                self.assertEqual(
                    told(FULL, Method.SCHEDULES_GET, wire),
                    replace(FULL, schedule=Schedule(enabled=False)),
                )

    def test_what_tells_nothing_of_schedules_keeps_it(self) -> None:
        for wire in ("null", "true", '"x"', "[]", '{"applied":7}', '{"enabled":true}'):
            with self.subTest(wire=wire):
                self.assertIs(told(FULL, Method.SCHEDULES_GET, wire), FULL)

    def test_octopus_times_are_the_charger_s(self) -> None:
        state = told(
            NOTHING,
            Method.SCHEDULES_GET,
            '{"applied":{"enabled":true,"type":"octopus","sessions":[{"session_type":'
            '"recurring","start_time":"2026-06-01T22:30:00Z",'
            '"end_time":"2026-06-01T23:00:00Z","mode":"boost"}]}}',
        )
        assert state.schedule is not None
        (session,) = state.schedule.sessions
        self.assertEqual(session.start, ClockTime.parse("23:30"))
        self.assertIs(state.activation_mode, HypervoltActivationMode.OCTOPUS)


class UnknownTests(unittest.TestCase):
    def test_pushes_that_hold_nothing_we_show(self) -> None:
        for method, wire in (
            ("get.thermal_ilimit", '{"thermal_ilimit":31.5}'),
            ("get.AC_present", '{"AC_present":true}'),
            ("get.site_limit", '{"site_limit":true}'),
            ("get.connection_state", '{"connection_state":null}'),
            ("flex.status", '{"flex_status":{"enrolled":false}}'),
        ):
            with self.subTest(method=method):
                self.assertIs(told(FULL, method, wire), FULL)

    def test_an_unknown_method_is_noted_once_and_changes_nothing(self) -> None:
        device_state._note_unknown.cache_clear()
        with self.assertLogs(device_state.__name__, "INFO") as logs:
            for _ in range(3):
                self.assertIs(told(FULL, "get.moon_phase", '["waxing",3]'), FULL)
            told(FULL, Method.APPLY, '[{"lock_state":"half_locked"}]')
            told(FULL, Method.APPLY, '[{"lock_state":"half_locked"}]')
        self.assertEqual(len(logs.output), 2, logs.output)
        self.assertIn("get.moon_phase", logs.output[0])
        self.assertIn("half_locked", logs.output[1])

    def test_a_known_push_is_not_noted(self) -> None:
        device_state._note_unknown.cache_clear()
        with self.assertNoLogs(device_state.__name__, "INFO"):
            told(FULL, "get.AC_present", '{"AC_present":true}')
            told(FULL, Method.PILOT_STATUS, '{"pilot_status":null}')

    def test_a_long_unknown_word_is_cut_in_the_log(self) -> None:
        device_state._note_unknown.cache_clear()
        with self.assertLogs(device_state.__name__, "INFO") as logs:
            told(FULL, "x" * 100_000, "null")
        self.assertLess(len(logs.output[0]), 200)

    def test_every_method_survives_every_kind_of_payload(self) -> None:
        payloads = (
            "null",
            "true",
            "0",
            "-1.5",
            "NaN",
            '""',
            '"\\ud800"',
            "[]",
            "{}",
            "[[]]",
            '[{"":null}]',
            '{"applied":[[]],"mode":{}}',
            '{"applied":{"sessions":[{"days":[[]],"start_time":{},"end_time":[]}]}}',
        )
        for method in (*Method, *device_state._READERS, "get.moon_phase", ""):
            for wire in payloads:
                with self.subTest(method=method, wire=wire):
                    self.assertIsInstance(
                        told(FULL, method, wire), HypervoltDeviceState
                    )

    def test_no_depth_raises(self) -> None:
        keys = (*device_state._SETTINGS, *device_state._SESSION)
        for depth in (100, *range(500, 1000, 20), 10_000, 60_000):
            message = decode(
                '{"method":"x","params":' + "[" * depth + "]" * depth + "}"
            )
            if not isinstance(message, Push):
                continue
            deep = message.params
            payloads: tuple[JsonValue, ...] = (
                deep,
                [{key: deep} for key in keys],
                {"applied": deep, "mode": deep, "pilot_status": deep},
            )
            for method in (*Method, "get.moon_phase"):
                for payload in payloads:
                    with self.subTest(depth=depth, method=method):
                        apply(FULL, method, payload)

    def test_half_characters_and_endless_texts_get_nowhere(self) -> None:
        """Home Assistant could not save its device registry with them in it."""
        odd = "\ud800" + "x" * 10_000
        state = apply(NOTHING, Method.FIRMWARE_VERSION, odd)
        state = apply(state, Method.NAME_GET, odd)
        state = apply(state, Method.APPLY, [{"features": [odd]}, {"solar_mode": odd}])
        stored = "?" + "x" * 254
        self.assertEqual(state.firmware_version, stored)
        self.assertEqual(state.name, stored)
        self.assertEqual(state.features, frozenset({stored}))
        self.assertEqual(state.solar_mode, stored)

    def test_the_same_again_is_equal(self) -> None:
        once = pushed(NOTHING, IDLE_V2)
        self.assertEqual(pushed(once, IDLE_V2), once)


if __name__ == "__main__":
    unittest.main()
