"""What a person can change of a charger, and how the simulated cloud shows it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulator import Personality

SESSIONS = range(1, 7)

type Json = Any
type Told = Callable[[Mapping[str, Json]], object]


def _nothing(_: Mapping[str, Json]) -> object:
    """Accept anything: this change is one of the draft, which stays here."""
    return True


@dataclass(frozen=True, kw_only=True)
class Change:
    """An action of Home Assistant, and what it does at both ends."""

    # `platform.key` of the entity
    key: str
    action: str
    fields: Mapping[str, Json] = field(default_factory=dict)
    shows: str | float | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    # Asks the charger in the cloud whether it heard of it.
    told: Told = _nothing


def immediate_changes(personality: Personality) -> Iterator[Change]:
    """Yield the changes that reach the charger at once; a car is plugged in."""
    yield _switch(
        "charging", on=False, told=lambda it: it["release_state"] == "released"
    )
    yield _switch("charging", on=True, told=lambda it: it["charging"])
    yield _switch(
        "lock_state", on=True, told=lambda it: it["lock_state"] == "pending_lock"
    )
    yield _switch(
        "lock_state", on=False, told=lambda it: it["lock_state"] == "unlocked"
    )
    yield Change(
        key="number.max_current",
        action="number.set_value",
        fields={"value": 16},
        shows=16,
        told=lambda it: it["max_current"] == 16_000,
    )
    for mode in ("eco", "super_eco", "boost"):
        yield _select("charge_mode", mode, told=_has("mode", mode))
    yield Change(
        key="text.charger_name",
        action="text.set_value",
        fields={"value": "Zoë's garage"},
        shows="Zoë's garage",
        told=lambda it: it["name"] == "Zoë's garage",
    )
    yield from _light_changes()


def _light_changes() -> Iterator[Change]:
    yield Change(
        key="light.led",
        action="light.turn_on",
        fields={"rgb_color": [255, 0, 0], "brightness_pct": 60},
        shows="on",
        attributes={"rgb_color": [255, 0, 0], "brightness": 153},
        told=lambda it: (
            it["brightness"] == 0.6
            and len(it["leds"]) == 51
            and it["leds"][0] == {"r": 1, "g": 0, "b": 0}
        ),
    )
    yield Change(
        key="light.led",
        action="light.turn_on",
        fields={"effect": "Party"},
        shows="on",
        told=lambda it: it["effect_name"] == "party_mode",
    )
    yield Change(
        key="light.led",
        action="light.turn_off",
        shows="off",
        told=lambda it: it["brightness"] == 0,
    )
    yield Change(
        key="number.led_brightness",
        action="number.set_value",
        fields={"value": 40},
        shows=40,
        told=lambda it: it["brightness"] == 0.4,
    )


def schedule_edits(personality: Personality) -> Iterator[Change]:
    """Yield the edits of all sessions: nothing of it reaches the charger yet."""
    for number in SESSIONS:
        start, end = session_times(number)
        yield _time(f"schedule_session_{number}_start_time", start)
        yield _time(f"schedule_session_{number}_end_time", end)
        if personality.speaks_v3_api:
            yield _select(f"schedule_session_{number}_charge_mode", "eco")
            yield Change(
                key=f"text.schedule_session_{number}_days_of_week",
                action="text.set_value",
                fields={"value": "weekend, Wed"},
                shows="WEDNESDAY,SATURDAY,SUNDAY",
            )


def session_times(number: int) -> tuple[str, str]:
    """Return start and end of a session: none touches another."""
    return f"{2 * number:02}:00", f"{2 * number + 1:02}:30"


def has_schedule(personality: Personality) -> Told:
    """Return whether a charger has all that `schedule_edits` edits."""
    times = [session_times(number) for number in SESSIONS]
    if not personality.speaks_v3_api:
        return lambda it: _intervals(it) == times
    days = ["WEDNESDAY", "SATURDAY", "SUNDAY"]
    return lambda it: (
        [
            (item["start_time"], item["end_time"], item["mode"], item["days"])
            for item in it["schedule"]["sessions"]
        ]
        == [(start, end, "eco", days) for start, end in times]
    )


def has_times(start: str, end: str) -> Told:
    """Return whether a charger has exactly one session, from start to end."""
    return lambda it: (
        [(item["start_time"], item["end_time"]) for item in it["schedule"]["sessions"]]
        == [(start, end)]
    )


def _intervals(it: Mapping[str, Json]) -> list[tuple[str, str]]:
    rest = it["rest_schedule"] or {"intervals": []}
    return [
        (
            f"{start['hours']:02}:{start['minutes']:02}",
            f"{end['hours']:02}:{end['minutes']:02}",
        )
        for start, end in rest["intervals"]
    ]


def activation_changes(personality: Personality) -> Iterator[Change]:
    """Yield the way into the schedule and back."""

    def scheduled(it: Mapping[str, Json]) -> bool:
        return _is_scheduled(it, personality)

    yield _select("activation_mode", "schedule", told=scheduled)
    yield _select(
        "activation_mode", "plug_and_charge", told=lambda it: not scheduled(it)
    )


def _is_scheduled(it: Mapping[str, Json], personality: Personality) -> bool:
    if personality.speaks_v3_api:
        return bool(it["schedule"]["enabled"])
    rest = it["rest_schedule"]
    return rest["type"] == "restricted" and bool(rest["enabled"])


def _has(name: str, value: Json) -> Told:
    return lambda it: it[name] == value


def _switch(key: str, *, on: bool, told: Told) -> Change:
    word = "on" if on else "off"
    return Change(
        key=f"switch.{key}", action=f"switch.turn_{word}", shows=word, told=told
    )


def _select(key: str, option: str, told: Told = _nothing) -> Change:
    return Change(
        key=f"select.{key}",
        action="select.select_option",
        fields={"option": option},
        shows=option,
        told=told,
    )


def _time(key: str, clock: str) -> Change:
    return Change(
        key=f"time.{key}",
        action="time.set_value",
        fields={"time": f"{clock}:00"},
        shows=f"{clock}:00",
    )
