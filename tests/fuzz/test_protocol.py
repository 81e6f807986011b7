"""Frames and what they do to the state: nothing escapes, nothing is half taken in."""

from dataclasses import fields
from datetime import UTC, datetime
import time
from types import NoneType, UnionType
from typing import get_args, get_type_hints
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from custom_components.hypervolt_charger.hypervolt.account import _read_chargers
from custom_components.hypervolt_charger.hypervolt.device_state import (
    HypervoltDeviceState,
    apply,
    read_pilot,
    tells_effect,
)
from custom_components.hypervolt_charger.hypervolt.errors import CannotConnect
from custom_components.hypervolt_charger.hypervolt.protocol import (
    Failure,
    JsonValue,
    Message,
    Method,
    Push,
    Reply,
    decode,
    decode_session,
)
from custom_components.hypervolt_charger.hypervolt.schedule import Schedule

from .cases import documents, many, nested, shuffled, texts, wire_text

ZONE = ZoneInfo("Europe/London")
NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
FRAME_WORDS = (
    "id",
    "method",
    "params",
    "result",
    "error",
    "code",
    "message",
    "charging",
)
SETTINGS = (
    "brightness", "effect_name", "lock_state", "release_state", "max_current",
    "solar_mode", "features", "random_start",
)  # fmt: skip
SESSION = (
    "charging", "session", "watt_hours", "carbon_saved_grams", "true_milli_amps",
    "voltage", "ct_current", "ct_power", "ev_power", "house_power", "grid_power",
    "generation_power",
)  # fmt: skip
SCHEDULE = (
    "applied", "pending", "enabled", "type", "octopus", "hypervolt", "sessions", "days",
    "start_time", "end_time", "mode", "pilot_status", "composite_pilot_status",
)  # fmt: skip
METHODS = [*map(str, Method), "get.thermal_ilimit", "get.of_tomorrow"]
# Longer than any frame is read for; the connection refuses larger ones anyway.
HUGE = 10_000_000

payloads = documents(*SETTINGS, *SESSION, *SCHEDULE)


def assert_as_declared(value: object, hint: object, name: str) -> None:
    """Check that a field holds what it says, and text that can be stored."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if frozenset[str] in kinds:
        assert isinstance(value, frozenset)
        for item in value:
            assert_storable(item)
        return
    allowed = tuple(int if kind is int else kind for kind in kinds if kind)
    assert isinstance(value, (*allowed, *((int,) if float in kinds else ()))), name
    assert not isinstance(value, bool) or bool in kinds, name
    if isinstance(value, str):
        assert_storable(value)


def assert_storable(text: object) -> None:
    """Check that Home Assistant can save and send a text, and would want to."""
    assert isinstance(text, str)
    assert len(text.encode()) <= 4 * 255


def assert_sound(state: HypervoltDeviceState) -> None:
    """Check a state as a whole."""
    hints = get_type_hints(HypervoltDeviceState)
    for field in fields(state):
        assert_as_declared(getattr(state, field.name), hints[field.name], field.name)
    if state.schedule is not None:
        assert_sound_schedule(state.schedule)
    assert hash(state) is not None
    assert state == state  # noqa: PLR0124 - NaN would not be


def assert_sound_schedule(schedule: Schedule) -> None:
    """Check a schedule as it was read."""
    assert isinstance(schedule.enabled, bool)
    for text in (
        schedule.type,
        schedule.time_zone or "",
        *(s.mode for s in schedule.sessions),
    ):
        assert_storable(text)
    for session in schedule.sessions:
        assert session.days


def assert_message(message: Message | None) -> None:
    """Check what a decoder made of a frame."""
    match message:
        case None:
            return
        case Push(method, _):
            assert isinstance(method, str)
        case Reply(request_id, _):
            assert isinstance(request_id, str)
        case Failure(request_id, code, text):
            assert isinstance(request_id, str | NoneType)
            assert isinstance(code, int | NoneType)
            assert_storable(text)


@many
@given(st.one_of(texts, st.binary(max_size=40)))
def test_any_text(text: str | bytes) -> None:
    assert_message(decode(text))
    assert_message(decode_session(text))


@many
@given(documents(*FRAME_WORDS, *METHODS), st.none() | st.integers(0, 2**32))
def test_any_frame(document: JsonValue, damage: int | None) -> None:
    text = (
        wire_text(document) if damage is None else shuffled(wire_text(document), damage)
    )
    for read in (decode, decode_session):
        message = read(text)
        assert_message(message)
        if isinstance(message, Push):
            assert_sound(apply(HypervoltDeviceState(), message.method, message.params))


@many
@given(st.lists(st.tuples(st.sampled_from(METHODS), payloads), max_size=4))
def test_any_payload_of_any_method(messages: list[tuple[str, JsonValue]]) -> None:
    """Whatever comes, one after the other: the state is a sound one each time."""
    state = HypervoltDeviceState()
    for method, payload in messages:
        read_pilot(payload)
        tells_effect(payload)
        before, state = state, apply(state, method, payload, zone=ZONE, now=NOW)
        assert_sound(state)
        assert (
            apply(state, method, payload, zone=ZONE, now=NOW) == state
            or state != before
        )


@many
@given(documents("chargers", "id", "charger_id", "model", "created", "adopted_at"))
def test_any_list_of_chargers(body: JsonValue) -> None:
    try:
        chargers = _read_chargers(body)
    except CannotConnect:
        return
    for charger in chargers:
        assert_storable(charger.charger_id)
        assert_storable(charger.display_name)
        assert_storable(charger.model or "")


def test_hostile_sizes() -> None:
    """Depth, length and digits cost no more than reading them."""
    frames = {
        "nested lists": "[" * HUGE,
        "nested objects": '{"a":' * (HUGE // 5),
        "nested and closed": wire_text(nested(900)).join(('{"method":"sync.apply","params":', "}")),
        "one text": '{"method":"get.name","params":"' + "x" * HUGE + '"}',
        "one number": '{"method":"get.session","params":{"ev_power":' + "9" * HUGE + "}}",
        "many keys": '{"method":"sync.apply","params":[' + '{"features":["a"]},' * (HUGE // 20) + "{}]}",
        "the same key": '{"method":"get.session","params":{' + '"voltage":1,' * (HUGE // 12) + '"voltage":2}}',
        "many sessions": '{"method":"schedules.get","params":{"applied":{"enabled":true,"sessions":['
        + '{"start_time":"01:00","end_time":"02:00","mode":"eco","days":["MONDAY"]},' * (HUGE // 75)
        + "0]}}}",
    }  # fmt: skip
    for name, text in frames.items():
        begin = time.process_time()
        message = decode(text)
        if isinstance(message, Push):
            assert_sound(apply(HypervoltDeviceState(), message.method, message.params))
        assert time.process_time() - begin < 20, name
