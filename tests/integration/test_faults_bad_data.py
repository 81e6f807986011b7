"""Faults of single members and of the plug: each is shown, and then survived."""

from homeassistant.const import STATE_OFF, STATE_ON
import pytest

from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.conftest import SetUpCharger
from tests.integration.conftest import LookOn
from tests.simulator import Fault, Personality
from tests.waiting import eventually

from .acting import number
from .surviving import Watch, covers

PLUG = "car_plugged"
METER = "session_energy_total_increasing"


@covers(Fault.PARTIAL_SESSION)
@pytest.mark.parametrize("how", ["absent", "null", "text"])
async def test_f41_the_rest_of_the_session_data_is_shown(
    setup_charger: SetUpCharger, how: str
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: number(rig, "ev_power") > 7000)
    rig.cloud.faults.enable(
        Fault.PARTIAL_SESSION, fields=["watt_hours", "house_power"], how=how
    )
    watch = Watch(rig)
    rig.charger.set_solar(1000)
    rig.charger.set_house_load(900)
    await eventually(lambda: number(rig, "generation_power") == 1000)
    assert "900" not in watch.states("sensor", "house_power")
    delivered = rig.charger.watt_hours
    await eventually(lambda: rig.charger.watt_hours > delivered)

    rig.cloud.faults.clear()
    await eventually(lambda: number(rig, "house_power") == 900)
    await eventually(lambda: number(rig, METER) > delivered)
    assert "unavailable" not in watch.states("sensor", "generation_power")


@covers(Fault.LOST_PILOT)
async def test_f42_the_next_pilot_puts_the_plug_right(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("binary_sensor", PLUG) == STATE_ON)
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    watch = Watch(rig)
    rig.cloud.faults.enable(Fault.LOST_PILOT, count=1)
    rig.charger.unplug()
    assert not rig.cloud.faults.active
    await eventually(lambda: rig.state("switch", "charging") == STATE_OFF)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("switch", "charging") == STATE_ON)
    assert watch.states("binary_sensor", PLUG) == []
    rig.charger.unplug()
    await eventually(lambda: rig.state("binary_sensor", PLUG) == STATE_OFF)


@covers(Fault.REPEATED_PILOT)
async def test_f43_a_repeated_pilot_changes_nothing(
    setup_charger: SetUpCharger, look_on: LookOn, timing: Timing
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.plug_in()
    await eventually(lambda: rig.state("binary_sensor", PLUG) == STATE_ON)
    socket = await look_on(rig)
    watch = Watch(rig)
    every = timing.unplug_hold / 3
    rig.cloud.faults.enable(Fault.REPEATED_PILOT, every=every)
    for _ in range(4):
        assert await socket.until("get.pilot_status") == {"pilot_status": "C"}
    assert watch.states("binary_sensor", PLUG) == []
    # Its repetitions don't put off what an absence means.
    rig.charger.unplug()
    await eventually(lambda: rig.state("binary_sensor", PLUG) == STATE_OFF)
    assert watch.states("binary_sensor", PLUG) == [STATE_OFF]
