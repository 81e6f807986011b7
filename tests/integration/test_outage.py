"""The cloud goes away and comes back: the design's own numbers, in fast time."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.hypervolt.backoff import Backoff
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import Rig, SetUpCharger
from tests.fast_time import FastTime, fast_time, pushing
from tests.integration.acting import act
from tests.simulator import Personality, SimulatedCloud

DESIGN = Timing()
KINDS = [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]


@pytest.fixture
def timing() -> Timing:
    """The design's own numbers."""
    return DESIGN


@pytest.fixture
def push_interval() -> None:
    """A cloud that wakes up for nothing but what it is asked."""


@pytest.fixture
async def time(hass: HomeAssistant, cloud: SimulatedCloud) -> AsyncGenerator[FastTime]:
    """Let time pass fast."""
    with fast_time(hass.loop) as passing:
        async with pushing(cloud, 3.0):
            yield passing


@pytest.fixture
def due(time: FastTime, monkeypatch: pytest.MonkeyPatch) -> dict[Backoff, float]:
    """Note when each connection is due to try again."""
    moments: dict[Backoff, float] = {}
    draw = Backoff.next

    def noted(backoff: Backoff) -> float:
        wait = draw(backoff)
        moments[backoff] = time.now() + wait
        return wait

    monkeypatch.setattr(Backoff, "next", noted)
    return moments


async def until(predicate: Callable[[], object]) -> None:
    """Look once in a tenth of a second, for at most ten minutes."""
    async with asyncio.timeout(600):
        while not predicate():  # noqa: ASYNC110 - nothing tells of everything
            await asyncio.sleep(0.1)


def connection(rig: Rig) -> str:
    return rig.state("binary_sensor", "connection")


def set_max_current(rig: Rig, amps: int) -> asyncio.Task[Any]:
    return rig.hass.async_create_task(
        act(rig, "number", "set_value", "max_current", value=amps)
    )


@pytest.mark.parametrize("outage", [45, 600, 3 * 3600])
@pytest.mark.parametrize("personality", KINDS)
async def test_live_again_after_the_wait_in_progress(
    time: FastTime,
    due: dict[Backoff, float],
    setup_charger: SetUpCharger,
    personality: Personality,
    outage: float,
) -> None:
    rig = await setup_charger(personality)
    await until(lambda: rig.coordinator.client.live)
    await rig.cloud.pause()
    await asyncio.sleep(outage)
    assert rig.state("number", "max_current") == STATE_UNKNOWN
    assert connection(rig) == STATE_OFF
    assert not rig.coordinator.client.live

    rig.charger.app_apply(max_current=9000)
    await rig.cloud.resume()
    latest = max(time.now(), *due.values())
    assert latest - time.now() <= DESIGN.backoff_cap
    await until(lambda: rig.state("number", "max_current") == "9.0")
    await until(lambda: rig.coordinator.client.live and connection(rig) == STATE_ON)
    assert time.now() <= latest + 5


async def test_a_command_given_meanwhile_waits(
    time: FastTime, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await rig.cloud.pause()
    await until(lambda: connection(rig) == STATE_OFF)
    given = set_max_current(rig, 11)
    await asyncio.sleep(1)
    assert not given.done()

    await rig.cloud.resume()
    began = time.now()
    await given
    assert time.now() - began <= DESIGN.backoff_first_max + 1
    assert rig.charger.max_current == 11_000
    assert rig.state("number", "max_current") == "11.0"


async def test_commands_given_meanwhile_keep_their_order(
    time: FastTime, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await rig.cloud.pause()
    await until(lambda: connection(rig) == STATE_OFF)
    given = [set_max_current(rig, amps) for amps in (11, 7, 25)]
    await asyncio.sleep(1)
    await rig.cloud.resume()
    await asyncio.gather(*given)
    heard = [
        frame.params for frame in rig.charger.received if frame.method == "sync.apply"
    ]
    assert heard == [{"max_current": amps * 1000} for amps in (11, 7, 25)]
    assert rig.state("number", "max_current") == "25.0"


async def test_a_command_whose_wait_is_in_vain_raises(
    time: FastTime, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await rig.cloud.pause()
    await until(lambda: connection(rig) == STATE_OFF)
    began = time.now()
    with pytest.raises(HomeAssistantError) as caught:
        await set_max_current(rig, 11)
    assert caught.value.translation_key == "not_connected"
    waited = time.now() - began
    assert waited == pytest.approx(DESIGN.command_limit, abs=1)

    # What has been given up does not happen later.
    await rig.cloud.resume()
    await until(lambda: rig.state("number", "max_current") == "32.0")
    await asyncio.sleep(60)
    assert rig.charger.max_current == 32_000


async def test_an_action_given_meanwhile_raises(
    hass: HomeAssistant, time: FastTime, setup_charger: SetUpCharger
) -> None:
    """Also when the outage is shown."""
    rig = await setup_charger(Personality.V3)
    registry = dr.async_get(hass)
    (device,) = dr.async_entries_for_config_entry(registry, rig.entry.entry_id)
    await rig.cloud.pause()
    await until(lambda: rig.state("sensor", "lock_state") == STATE_UNAVAILABLE)
    with pytest.raises(HomeAssistantError, match="no connection"):
        await hass.services.async_call(
            DOMAIN,
            "set_schedule",
            {
                "device_id": device.id,
                "backup_schedule_start": "01:00",
                "backup_schedule_end": "02:00",
            },
            blocking=True,
        )
    assert all(frame.method != "schedule.set" for frame in rig.charger.received)
