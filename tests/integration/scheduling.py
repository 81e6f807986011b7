"""What the tests of plans share: an action called, and the schedule it left behind."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import Rig
from tests.simulator import Personality

TRACKER = "binary_sensor.target_timeframes_home_car"
EVERY_VARIANT = (Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2)


def device_id(rig: Rig) -> str:
    """Return the charger's device."""
    device = dr.async_get(rig.hass).async_get_device_by_identifier(
        (DOMAIN, rig.charger.charger_id), rig.entry.entry_id
    )
    assert device
    return device.id


def plan(hass: HomeAssistant, *windows: tuple[datetime, datetime]) -> None:
    """Have a planner plan these windows."""
    hass.states.async_set(
        TRACKER,
        "off",
        {
            "target_times": [
                {"start": start.isoformat(), "end": end.isoformat(), "value": 0.1}
                for start, end in windows
            ],
            "target_times_last_evaluated": datetime.now(UTC).isoformat(),
            "time_periods_incomplete": False,
        },
    )


async def call(rig: Rig, action: str = "set_schedule", **data: Any) -> dict[str, Any]:
    """Call an action for one charger; return what it answers for that one."""
    response = await rig.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device_id(rig), **data},
        blocking=True,
        return_response=action != "restore_schedule",
    )
    if response is None:
        return {}
    devices = response["devices"]
    assert isinstance(devices, dict)
    answer = devices[device_id(rig)]
    assert isinstance(answer, dict)
    return answer


def sessions(rig: Rig) -> set[tuple[str, str, str]]:
    """Return what the simulated charger has: start, end, and days in short."""
    if rig.charger.personality is Personality.LEGACY_V2:
        rest = rig.charger.rest_schedule
        return {
            (_clock(item.start), _clock(item.end), "daily")
            for item in (rest.intervals if rest else ())
        }
    return {
        (session.start_time, session.end_time, _short(session.days or ()))
        for session in rig.charger.schedule.sessions
    }


def writes(rig: Rig) -> int:
    """Count how often the charger's schedule was written."""
    frames = sum(frame.method == "schedule.set" for frame in rig.charger.received)
    return frames + rig.cloud.request_count("schedule", method="PUT")


def own_schedule(rig: Rig, start: str = "12:00", end: str = "13:00") -> None:
    """Let the owner have a schedule of their own, every day."""
    if rig.charger.personality is Personality.LEGACY_V2:
        rig.charger.app_set_schedule(enabled=True, intervals=[(start, end)])
    else:
        rig.charger.app_set_schedule(
            enabled=True, sessions=[{"start_time": start, "end_time": end}]
        )


def _short(days: Iterable[str]) -> str:
    return " ".join(day[:3].lower() for day in days)


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"
