"""Tests of the switches."""

from homeassistant.const import (
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNKNOWN,
)
import pytest

from tests.conftest import SetUpCharger
from tests.simulator import Fault, LockState, Personality, ReleaseState
from tests.waiting import eventually

from .acting import act, act_in_vain, keys


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "switch") == {"charging", "lock_state"}
    for key in keys(rig, "switch"):
        assert rig.entity_id("switch", key) == f"switch.hypervolt_{key}"


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_charging(setup_charger: SetUpCharger, personality: Personality) -> None:
    rig = await setup_charger(personality)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    await act(rig, "switch", SERVICE_TURN_OFF, "charging")
    await eventually(lambda: rig.charger.release_state is ReleaseState.RELEASED)
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    await act(rig, "switch", SERVICE_TURN_ON, "charging")
    assert rig.charger.release_state is ReleaseState.DEFAULT
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)


async def test_charging_shows_what_is_so_not_what_was_asked_for(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    await act(rig, "switch", SERVICE_TURN_ON, "charging")
    assert rig.state("switch", "charging") == STATE_OFF


async def test_charging_is_unknown_before_a_legacy_v2s_first_session(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    assert rig.state("switch", "charging") == STATE_UNKNOWN


async def test_lock(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    assert rig.state("switch", "lock_state") == STATE_OFF
    await act(rig, "switch", SERVICE_TURN_ON, "lock_state")
    assert rig.state("switch", "lock_state") == STATE_ON
    assert rig.charger.settings.lock_state is LockState.LOCKED
    await act(rig, "switch", SERVICE_TURN_OFF, "lock_state")
    assert rig.charger.lock_state is LockState.UNLOCKED
    assert rig.state("switch", "lock_state") == STATE_OFF


async def test_a_pending_lock_counts_as_locked(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await act(rig, "switch", SERVICE_TURN_ON, "lock_state")
    assert rig.charger.lock_state is LockState.PENDING_LOCK
    assert rig.state("switch", "lock_state") == STATE_ON


async def test_a_redundant_unlock_does_not_stop_charging(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await act(rig, "switch", SERVICE_TURN_OFF, "lock_state")
    assert rig.charger.release_state is ReleaseState.DEFAULT


@pytest.mark.parametrize(
    ("action", "key"),
    [(SERVICE_TURN_OFF, "charging"), (SERVICE_TURN_ON, "lock_state")],
)
async def test_refused(setup_charger: SetUpCharger, action: str, key: str) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    rig.cloud.faults.enable(Fault.INTERNAL)
    error = await act_in_vain(rig, "switch", action, key)
    assert error.translation_key == "refused"


async def test_lost(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.LOST, methods=["sync.apply"])
    error = await act_in_vain(rig, "switch", SERVICE_TURN_ON, "lock_state")
    assert error.translation_key == "not_confirmed"
