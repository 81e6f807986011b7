"""Unloading in every state of a connection leaves no task, no timer and no socket."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.hypervolt_charger.hypervolt.client import HypervoltApiClient
from custom_components.hypervolt_charger.hypervolt.connection import ConnectionState
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import FAST, Rig, SetUpCharger
from tests.integration.acting import act, enable
from tests.integration.entry_life import (
    add_entry,
    assert_nothing_left,
    our_tasks,
    our_timers,
    reauth_flows,
    unload,
)
from tests.simulator import Account, Fault, Personality, SimulatedCloud
from tests.waiting import eventually

KINDS = pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])

# What hangs goes on hanging until the end of a test.
PATIENT = replace(
    FAST, http_timeout=30.0, connect_timeout=30.0, login_timeout=30.0, close_timeout=1.0
)
LONG_WAIT = replace(PATIENT, backoff_first_min=30.0, backoff_first_max=30.0)


@pytest.fixture
def timing() -> Timing:
    """Leave enough time to catch a state."""
    return PATIENT


async def in_state(rig: Rig, state: ConnectionState) -> HypervoltApiClient:
    """Wait for a state of the connection."""
    client = rig.coordinator.client
    await eventually(lambda: client.connection_state is state)
    return client


async def unloads_cleanly(rig: Rig) -> None:
    """Unload, and check that nothing is left or comes back."""
    await unload(rig.hass, rig.entry)
    await rig.cloud.wait_for(lambda: rig.cloud.open_sockets == 0)
    assert_nothing_left(rig.hass, rig.cloud)
    rig.cloud.faults.clear()
    rig.cloud.requests.clear()
    await asyncio.sleep(2 * FAST.backoff_first_max)
    assert_nothing_left(rig.hass, rig.cloud)
    assert rig.cloud.requests == []


def hanging(cloud: SimulatedCloud, path: str) -> bool:
    """Whether a request is under way that the cloud does not answer."""
    return any(
        path in request.path and request.status is None for request in cloud.requests
    )


# One by one


@KINDS
async def test_while_refreshing(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    rig.cloud.faults.enable(Fault.IDP_DOWN, mode="hang")
    rig.cloud.faults.enable(Fault.BAD_CLOSE, mode="401")
    await eventually(lambda: hanging(rig.cloud, "/token"))
    client = await in_state(rig, ConnectionState.REFRESHING)
    await asyncio.sleep(0.05)
    assert client.connection_state is ConnectionState.REFRESHING
    await unloads_cleanly(rig)


@KINDS
async def test_while_connecting(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    rig.cloud.faults.enable(Fault.BAD_CLOSE, mode="hang")
    await eventually(lambda: hanging(rig.cloud, "/sync"))
    assert rig.coordinator.client.connection_state is ConnectionState.CONNECTING
    await unloads_cleanly(rig)


@KINDS
async def test_while_logging_in(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    rig.cloud.faults.enable(Fault.WS_REFUSED, mode="silence")
    client = await in_state(rig, ConnectionState.LOGGING_IN)
    await asyncio.sleep(0.05)
    assert client.connection_state is ConnectionState.LOGGING_IN
    await unloads_cleanly(rig)


@KINDS
async def test_while_active(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await in_state(rig, ConnectionState.ACTIVE)
    assert our_tasks()
    assert our_timers(rig.hass)
    await unloads_cleanly(rig)


@KINDS
@pytest.mark.parametrize("timing", [LONG_WAIT], ids=["patient"])
async def test_while_backing_off(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await rig.cloud.drop_all(abrupt=True)
    await in_state(rig, ConnectionState.BACKING_OFF)
    await unloads_cleanly(rig)


@KINDS
async def test_while_the_cloud_does_not_answer_a_close(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    """A socket that the cloud does not close with us is dropped."""
    rig = await setup_charger(personality)
    rig.cloud.faults.enable(Fault.STALL)
    await unloads_cleanly(rig)


@pytest.mark.parametrize(
    ("fault", "options", "path"),
    [
        (Fault.IDP_DOWN, {"mode": "hang"}, "/token"),
        (Fault.BAD_CLOSE, {"mode": "hang", "drop": False}, "/sync"),
    ],
    ids=str,
)
async def test_during_a_hand_over(
    setup_charger: SetUpCharger, fault: Fault, options: dict[str, Any], path: str
) -> None:
    rig = await setup_charger(Personality.V3)
    await move_soon(rig)
    rig.cloud.faults.enable_with(fault, options)
    await eventually(lambda: hanging(rig.cloud, path))
    assert rig.coordinator.client.connected
    assert rig.cloud.open_sockets == 1
    await unloads_cleanly(rig)


async def test_during_the_login_of_a_hand_over(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await move_soon(rig)
    rig.cloud.faults.enable(Fault.WS_REFUSED, mode="silence", drop=False)
    await eventually(lambda: rig.cloud.open_sockets == 2)
    assert rig.coordinator.client.connected
    await unloads_cleanly(rig)


@pytest.mark.parametrize(
    "timing", [replace(PATIENT, command_timeout=30.0)], ids=["patient"]
)
async def test_while_an_old_socket_retires(setup_charger: SetUpCharger) -> None:
    """It waits for an answer that does not come, while the new one is in service."""
    rig = await setup_charger(Personality.V3)
    client = rig.coordinator.client
    await move_soon(rig)
    rig.cloud.faults.enable(Fault.LOST, methods=["set.name"])
    name = rig.hass.async_create_task(client.set_name("never heard"))
    await eventually(lambda: rig.cloud.open_sockets == 2)
    await asyncio.sleep(0.1)
    assert rig.cloud.open_sockets == 2
    assert client.connected
    await ends_in_error(name, unloads_cleanly(rig))


async def move_soon(rig: Rig) -> None:
    """Have the connection log in with a token of one second."""
    rig.cloud.token_life = 1
    rig.account.sign_out_everywhere()
    await rig.cloud.drop_all(abrupt=True)
    client = rig.coordinator.client
    await eventually(lambda: not client.connected)
    await eventually(lambda: client.connected)


async def ends_in_error(command: asyncio.Task[Any], unloading: Awaitable[None]) -> None:
    """Check that a command given before an unload does not outlive it."""
    assert not command.done()
    await unloading
    await asyncio.wait([command], timeout=0.2)
    assert command.done()
    assert command.exception() is not None


@pytest.mark.parametrize("timing", [LONG_WAIT], ids=["patient"])
async def test_while_a_command_waits_for_a_connection(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await rig.cloud.drop_all(abrupt=True)
    await in_state(rig, ConnectionState.BACKING_OFF)
    command = rig.hass.async_create_task(
        act(rig, "number", "set_value", "max_current", value=10)
    )
    await asyncio.sleep(0.02)
    await ends_in_error(command, unloads_cleanly(rig))
    assert isinstance(command.exception(), HomeAssistantError)
    assert rig.charger.max_current == 32_000


async def test_while_a_command_waits_for_its_confirmation(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"])
    command = rig.hass.async_create_task(
        act(rig, "number", "set_value", "max_current", value=10)
    )
    await rig.cloud.wait_for(
        lambda: any(frame.method == "sync.apply" for frame in rig.charger.received)
    )
    await ends_in_error(command, unloads_cleanly(rig))


async def test_while_commands_queue(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"])
    commands = [
        rig.hass.async_create_task(rig.coordinator.client.set_max_current(amps))
        for amps in (10, 11, 12)
    ]
    await asyncio.sleep(0.05)
    await unloads_cleanly(rig)
    done, pending = await asyncio.wait(commands, timeout=0.2)
    assert not pending
    assert all(task.exception() is not None for task in done)


@pytest.mark.parametrize(
    "timing", [replace(PATIENT, led_interval=30.0)], ids=["patient"]
)
async def test_while_a_write_to_the_leds_is_pending(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await enable(rig, "number", "led_brightness")
    await act(rig, "number", "set_value", "led_brightness", value=40)
    pending = rig.hass.async_create_task(
        act(rig, "number", "set_value", "led_brightness", value=80)
    )
    await asyncio.sleep(0.02)
    await ends_in_error(pending, unloads_cleanly(rig))
    assert rig.charger.brightness == 0.4


async def test_while_a_poll_is_under_way(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST)
    poll = rig.hass.async_create_task(rig.coordinator.async_refresh())
    await asyncio.sleep(0.05)
    assert not poll.done()
    await unload(rig.hass, rig.entry)
    await asyncio.wait([poll], timeout=0.2)
    assert poll.done()
    assert_nothing_left(rig.hass, rig.cloud)


async def test_after_a_wrong_password(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.account.password = "changed in the app"
    rig.account.sign_out_everywhere()
    await rig.cloud.drop_all()
    await in_state(rig, ConnectionState.STOPPED)
    assert reauth_flows(rig.hass) == [rig.entry.entry_id]
    await unloads_cleanly(rig)


@pytest.mark.parametrize(
    "timing", [replace(PATIENT, unplug_hold=30.0)], ids=["patient"]
)
async def test_while_a_plug_is_believed_to_stay(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    client = rig.coordinator.client
    rig.charger.plug_in()
    await eventually(lambda: client.state.charging)
    rig.charger.unplug()
    await eventually(lambda: client._plug._unplugging)
    await unloads_cleanly(rig)


@KINDS
@pytest.mark.parametrize(
    "timing", [replace(LONG_WAIT, outage_grace=30.0)], ids=["patient"]
)
async def test_while_a_drop_is_not_shown_yet(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await rig.cloud.drop_all(abrupt=True)
    await eventually(lambda: rig.coordinator.client._grace)
    await unloads_cleanly(rig)


# During set-up


@pytest.mark.parametrize(
    ("fault", "options", "path"),
    [
        (Fault.IDP_DOWN, {"mode": "hang"}, "/token"),
        (Fault.REST_ERROR, {"mode": "hang"}, "/users/me"),
        (Fault.BAD_CLOSE, {"mode": "hang"}, "/sync"),
        (Fault.WS_REFUSED, {"mode": "silence"}, "/sync"),
        (Fault.SLOW_START, {"never": "sync.snapshot"}, "/sync"),
    ],
    ids=str,
)
@KINDS
async def test_during_set_up(  # noqa: PLR0917 - a table
    hass: HomeAssistant,
    cloud: SimulatedCloud,
    account: Account,
    personality: Personality,
    fault: Fault,
    options: dict[str, Any],
    path: str,
) -> None:
    entry = add_entry(hass, account.add_charger(personality))
    cloud.faults.enable_with(fault, options)
    setting_up = asyncio.create_task(hass.config_entries.async_setup(entry.entry_id))
    await cloud.wait_for(lambda: cloud.request_count(path))
    await asyncio.sleep(0.05)
    assert entry.state is ConfigEntryState.SETUP_IN_PROGRESS
    setting_up.cancel()
    await asyncio.wait([setting_up], timeout=1)
    assert setting_up.done()
    await cloud.wait_for(lambda: cloud.open_sockets == 0)
    await hass.async_block_till_done()
    assert_nothing_left(hass, cloud)
