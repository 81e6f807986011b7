"""Frames bred by what the code does with them: `scripts/fuzz --atheris SECONDS`."""

from datetime import UTC, datetime
import json
from pathlib import Path
import sys
import tempfile
from zoneinfo import ZoneInfo

import atheris  # type: ignore[import-untyped] # fetched by scripts/fuzz alone

with atheris.instrument_imports(include=["custom_components.hypervolt_charger"]):
    from custom_components.hypervolt_charger.hypervolt.device_state import (
        HypervoltDeviceState,
        apply,
    )
    from custom_components.hypervolt_charger.hypervolt.errors import InvalidEffect
    from custom_components.hypervolt_charger.hypervolt.led import parse_effect
    from custom_components.hypervolt_charger.hypervolt.plan import PlanError, read_plan
    from custom_components.hypervolt_charger.hypervolt.protocol import (
        Push,
        decode,
        decode_session,
    )
    from custom_components.hypervolt_charger.hypervolt.schedule import read_v2

from tests.bench.frames import session_frame
from tests.fuzz import test_leds, test_schedules
from tests.fuzz.test_protocol import (
    FRAME_WORDS,
    METHODS,
    SCHEDULE,
    SESSION,
    SETTINGS,
    assert_message,
    assert_sound,
)

ZONE = ZoneInfo("Europe/London")
SESSION_ROW = {
    "start_time": "23:30",
    "end_time": "24:00",
    "mode": "eco",
    "days": ["MONDAY"],
}
WORDS = sorted(
    {
        *(*FRAME_WORDS, *METHODS, *SCHEDULE, *SESSION, *SETTINGS),
        *(*test_schedules.V2, *test_schedules.V3, *test_schedules.PLAN),
        *test_leds.WORDS,
    }
)
NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def one_input(data: bytes) -> None:
    """Read bytes in every way that bytes are read."""
    for read in (decode, decode_session):
        message = read(data)
        assert_message(message)
        if isinstance(message, Push):
            assert_sound(apply(HypervoltDeviceState(), message.method, message.params))
    try:
        document = json.loads(data)
    except ValueError, RecursionError:
        return
    state = HypervoltDeviceState()
    for method in METHODS:
        state = apply(state, method, document, zone=ZONE, now=NOW)
    assert_sound(state)
    read_v2(document)
    for parse in (_plan, _effect):
        parse(document)


def _plan(document: object) -> None:
    try:
        read_plan(document, attribute=None, now=NOW, local_zone=ZONE)
    except PlanError:
        return


def _effect(document: object) -> None:
    try:
        parse_effect(document, source="fuzzed")
    except InvalidEffect:
        return


def breed() -> None:
    """Begin with frames that mean something, and the words they are made of."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = [
            session_frame(),
            *(json.dumps({"method": method, "params": {}}) for method in METHODS),
            json.dumps({"id": "1", "result": {"applied": {"sessions": [SESSION_ROW]}}}),
            json.dumps({"applied": {"enabled": True, "sessions": [SESSION_ROW] * 2}}),
            json.dumps({"planned_dispatches": [{"start": "23:30", "end": "05:30"}]}),
            json.dumps({"intervals": [[{"hours": 1}, {"hours": 2, "minutes": 5}]]}),
            json.dumps({"name": "x", "segments": [{"colour": "red", "range": [0, 8]}]}),
        ]
        (folder / "seeds").mkdir()
        for number, frame in enumerate(frames):
            (folder / "seeds" / str(number)).write_text(frame)
        words = folder / "words"
        words.write_text("".join(f'"\\"{word}\\""\n' for word in WORDS))
        atheris.Setup([*sys.argv, f"-dict={words}", str(folder / "seeds")], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    breed()
