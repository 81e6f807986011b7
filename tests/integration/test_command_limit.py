"""A command ends within 20 seconds of its call, at the design's own numbers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import Rig, SetUpCharger
from tests.fast_time import FastTime, fast_time, pushing
from tests.integration.acting import act, act_in_vain
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.waiting import eventually

LIMIT = 20.0

type Act = Callable[[Rig], Awaitable[object]]


@pytest.fixture
def timing() -> Timing:
    """The design's own numbers."""
    return Timing()


@pytest.fixture
def push_interval() -> None:
    """A cloud that wakes up for nothing but requests."""


@pytest.fixture
async def time(hass: HomeAssistant, cloud: SimulatedCloud) -> AsyncGenerator[FastTime]:
    """Let time pass fast."""
    with fast_time(hass.loop) as passing:
        async with pushing(cloud, 3.0):
            yield passing


def current(amps: int) -> Act:
    return lambda rig: act(rig, "number", "set_value", "max_current", value=amps)


async def stop_charging(rig: Rig) -> None:
    await act(rig, "switch", "turn_off", "charging")


async def lock(rig: Rig) -> None:
    await act(rig, "switch", "turn_on", "lock_state")


async def choose_eco(rig: Rig) -> None:
    await act(rig, "select", "select_option", "charge_mode", option="eco")


async def choose_schedule(rig: Rig) -> None:
    await act(rig, "select", "select_option", "activation_mode", option="schedule")


async def light_up(rig: Rig) -> None:
    await act(rig, "light", "turn_on", "led", rgb_color=[0, 0, 255])


async def rename(rig: Rig) -> None:
    await act(rig, "text", "set_value", "charger_name", value="Garage")


async def edit_and_apply(rig: Rig) -> None:
    start, end = (f"schedule_session_1_{edge}_time" for edge in ("start", "end"))
    await act(rig, "time", "set_value", start, time="01:00:00")
    await act(rig, "time", "set_value", end, time="02:00:00")
    await act(rig, "button", "press", "apply_schedule")


async def set_schedule(rig: Rig) -> None:
    registry = dr.async_get(rig.hass)
    (device,) = dr.async_entries_for_config_entry(registry, rig.entry.entry_id)
    await rig.hass.services.async_call(
        DOMAIN,
        "set_schedule",
        {
            "device_id": device.id,
            "backup_schedule_start": "01:00",
            "backup_schedule_end": "02:00",
        },
        blocking=True,
    )


COMMANDS: list[Act] = [
    current(10),
    stop_charging,
    lock,
    choose_eco,
    choose_schedule,
    light_up,
    rename,
    edit_and_apply,
    set_schedule,
]


async def seconds_to_end(time: FastTime, acting: Awaitable[object]) -> float:
    """Return how long an action takes until it is done or raises."""
    began = time.now()
    with suppress(HomeAssistantError):
        await acting
    return time.now() - began


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
@pytest.mark.parametrize(
    "fault", [Fault.STALL, Fault.LOST, Fault.CONFLICT, None], ids=str
)
async def test_whatever_the_cloud_does(
    time: FastTime,
    setup_charger: SetUpCharger,
    personality: Personality,
    fault: Fault | None,
) -> None:
    rig = await setup_charger(personality)
    await eventually(lambda: rig.coordinator.data.schedule is not None)
    if fault is None:
        await rig.cloud.pause()
    else:
        rig.cloud.faults.enable(fault)
        rig.cloud.faults.enable(Fault.REST_ERROR, mode="hang")
    took = await asyncio.gather(
        *(seconds_to_end(time, command(rig)) for command in COMMANDS)
    )
    assert max(took) <= LIMIT + 0.5


async def test_counted_from_the_call_and_not_from_its_turn(
    time: FastTime, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST)
    took = await asyncio.gather(
        *(seconds_to_end(time, current(amps)(rig)) for amps in (10, 11, 12))
    )
    assert max(took) <= LIMIT + 0.5


async def test_the_queue_is_bounded(
    time: FastTime, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST)
    waiting = [
        rig.hass.async_create_task(seconds_to_end(time, current(10)(rig)))
        for _ in range(20)
    ]
    await asyncio.sleep(1)
    error = await act_in_vain(rig, "number", "set_value", "max_current", value=11)
    assert error.translation_key == "too_many_commands"
    assert max(await asyncio.gather(*waiting)) <= LIMIT + 0.5
