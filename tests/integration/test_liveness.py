"""What is shown is live or marked as not, whatever the sockets do."""

import asyncio
from datetime import datetime
import json

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
import pytest

from tests.conftest import FAST, Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.simulator.vocabulary import Json
from tests.waiting import eventually


async def _shows_power(rig: Rig) -> None:
    """Wait until live readings are shown."""
    await eventually(
        lambda: (
            rig.state("sensor", "house_power") not in (STATE_UNKNOWN, STATE_UNAVAILABLE)
        )
    )


def _outage_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged for people, without the charger's name."""
    return [
        record.message.split(maxsplit=2)[2]
        for record in caplog.records
        if record.levelname != "DEBUG" and "hypervolt_charger" in record.name
    ]


async def test_a_stall_is_marked_and_ends_by_itself(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    caplog.clear()
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger)
    await eventually(lambda: rig.state("sensor", "house_power") == STATE_UNAVAILABLE)
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_OFF)

    rig.cloud.faults.clear()
    await _shows_power(rig)
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_ON)
    assert _outage_lines(caplog) == ["tells no live data", "is live again"]


async def test_settings_stay_while_only_live_data_is_missing(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    caplog.clear()
    opened = {frame.socket for frame in rig.charger.received}
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    await eventually(lambda: rig.state("sensor", "ev_power") == STATE_UNAVAILABLE)
    # An unavailable switch could not be used: its state is unknown instead.
    assert rig.state("switch", "charging") == STATE_UNKNOWN
    assert rig.state("number", "max_current") == "32.0"
    assert rig.state("binary_sensor", "connection") == STATE_OFF

    # It keeps trying, with new sockets, and commands still work.
    await eventually(lambda: {f.socket for f in rig.charger.received} - opened)
    await eventually(lambda: rig.coordinator.client.connected)
    await rig.hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": rig.entity_id("switch", "charging")},
        blocking=True,
    )
    assert rig.charger.release_state == "released"
    rig.cloud.faults.clear()
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    assert _outage_lines(caplog) == ["tells no live data", "is live again"]


async def test_nothing_is_live_before_the_first_reading(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    rising = "session_energy_total_increasing"
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    # That it is connected is true; of an earlier run's energy nobody knows.
    assert rig.state("binary_sensor", "connection") == STATE_ON
    assert rig.state("sensor", rising) == STATE_UNAVAILABLE
    assert rig.state("sensor", "charging_readiness") == STATE_UNAVAILABLE
    assert rig.state("switch", "charging") == STATE_UNKNOWN
    caplog.clear()
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_OFF)
    rig.cloud.faults.clear()
    await eventually(lambda: rig.state("sensor", rising) == "0")
    assert rig.state("sensor", "charging_readiness") == "ready"
    assert _outage_lines(caplog) == ["tells no live data", "is live again"]


async def test_waiting_for_the_first_reading_is_no_outage(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    assert not {"tells no live data", "is live again"} & set(_outage_lines(caplog))


@pytest.mark.parametrize("told", ["nothing", None, [], {}, {"voltage": "high"}])
async def test_session_data_that_tells_nothing_is_no_reading(
    setup_charger: SetUpCharger, told: Json
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    rig.charger.push(json.dumps({"method": "get.session", "params": told}))
    rig.charger.push(
        json.dumps({"method": "sync.apply", "params": [{"max_current": 9_000}]})
    )
    await eventually(lambda: rig.state("number", "max_current") == "9.0")
    assert not rig.coordinator.client.live
    assert rig.state("sensor", "charging_readiness") == STATE_UNAVAILABLE


async def test_a_plug_that_speaks_keeps_no_reading_alive(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    rig.cloud.faults.enable(Fault.V2_SILENCE, charger=rig.charger)

    async def speak() -> None:
        while True:
            rig.charger.push(
                {"method": "get.pilot_status", "params": {"pilot_status": "A"}}
            )
            await asyncio.sleep(FAST.silence / 4)

    speaking = asyncio.create_task(speak())
    await eventually(lambda: rig.state("sensor", "house_power") == STATE_UNAVAILABLE)
    speaking.cancel()


async def test_a_short_drop_flickers_nothing(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    seen: set[str] = set()
    rig.hass.bus.async_listen(
        "state_changed",
        lambda event: (
            seen.add(event.data["new_state"].state)
            if "connection" not in event.data["entity_id"]
            else None
        ),
    )
    await rig.cloud.drop_all()
    await eventually(lambda: not rig.coordinator.client.connected)
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_OFF)
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_ON)
    assert STATE_UNAVAILABLE not in seen


async def test_an_outage_is_shown_and_logged_once(
    setup_charger: SetUpCharger, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    caplog.clear()
    await rig.cloud.pause()
    for platform, key in (("sensor", "house_power"), ("sensor", "lock_state")):
        await eventually(
            lambda p=platform, k=key: rig.state(p, k) == STATE_UNAVAILABLE  # type: ignore[misc] # defaults bind the loop's values
        )
    await asyncio.sleep(FAST.backoff_cap)
    await rig.cloud.resume()
    back = asyncio.get_running_loop().time()
    await _shows_power(rig)
    assert asyncio.get_running_loop().time() - back < FAST.backoff_cap + 5
    assert _outage_lines(caplog) == ["is unavailable", "is live again"]


async def test_a_legacy_v2_may_be_silent(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    await asyncio.sleep(2 * (FAST.silence + FAST.silence_answer))
    assert rig.state("switch", "lock_state") == STATE_OFF
    assert rig.coordinator.client.live
    assert len({frame.socket for frame in rig.charger.received}) == 1


async def test_a_legacy_v2_may_not_be_silent_while_it_charges(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    await eventually(lambda: rig.state("switch", "charging") == STATE_UNKNOWN)
    assert rig.state("switch", "lock_state") == STATE_OFF
    rig.cloud.faults.clear()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)


async def test_an_upgraded_v2_that_never_told_live_data_is_not_held_to_it(
    setup_charger: SetUpCharger, cloud: SimulatedCloud
) -> None:
    cloud.faults.enable(Fault.STALL, replies=True)
    rig = await setup_charger(Personality.UPGRADED_V2)
    await asyncio.sleep(2 * (FAST.silence + FAST.silence_answer))
    assert rig.coordinator.client.live
    assert len({frame.socket for frame in rig.charger.received}) == 1


async def test_an_upgraded_v2_that_once_told_live_data_is_held_to_it(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.UPGRADED_V2)
    await _shows_power(rig)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    assert not rig.coordinator.client.live
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_OFF)
    rig.cloud.faults.clear()
    await _shows_power(rig)


async def test_a_silent_legacy_v2_charges_nothing(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.LEGACY_V2)
    assert rig.state("switch", "charging") == STATE_UNKNOWN
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    assert rig.state("sensor", "charging_readiness") == "ready"


async def test_a_session_whose_end_was_missed_is_not_known_to_have_ended(
    setup_charger: SetUpCharger,
) -> None:
    """A silence that follows current may be the cloud's: nothing is concluded from it."""
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True)
    rig.charger.unplug()
    await eventually(lambda: rig.state("switch", "charging") == STATE_UNKNOWN)
    rig.cloud.faults.clear()
    await asyncio.sleep(2 * FAST.silence)
    assert rig.state("switch", "charging") == STATE_UNKNOWN
    rig.charger.plug_in(needs_wh=0.5)
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    # Now the end was seen, and silence means that there is no session.
    await asyncio.sleep(2 * FAST.silence)
    assert rig.state("switch", "charging") == STATE_OFF


@pytest.mark.parametrize("path", ["", "/session/in-progress"])
async def test_silence_in_a_charge_is_never_taken_for_its_end(
    setup_charger: SetUpCharger, path: str
) -> None:
    """F1 while a legacy V2 draws 7.4 kW, on both sockets or the session's alone."""
    rig = await setup_charger(Personality.LEGACY_V2)
    rig.charger.plug_in()
    await eventually(lambda: rig.charger.ev_power > 7000)
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger, replies=True, path=path)
    await eventually(lambda: rig.state("switch", "charging") == STATE_UNKNOWN)
    for _ in range(30):
        await asyncio.sleep(0.1)
        assert rig.state("switch", "charging") == STATE_UNKNOWN
        assert rig.state("sensor", "charging_readiness") == STATE_UNAVAILABLE
        assert rig.state("sensor", "charger_current") == STATE_UNAVAILABLE
    rig.cloud.faults.clear()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)


async def test_the_last_update_tells_the_truth(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await _shows_power(rig)
    rig.cloud.faults.enable(Fault.STALL, charger=rig.charger)
    await asyncio.sleep(0.3)
    told = rig.coordinator.client.last_message
    assert isinstance(told, datetime)
    await asyncio.sleep(0.2)
    assert rig.coordinator.client.last_message == told
