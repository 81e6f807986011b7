"""The blueprints: valid for Home Assistant, and they do their job."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
import shutil
from typing import Any, Final
from zoneinfo import ZoneInfo

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import yaml as yaml_util
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Fault, Personality, SimulatedCloud
from tests.waiting import eventually

from .scheduling import TRACKER, device_id, plan, sessions
from .time_machine import TimeMachine

LONDON: Final = ZoneInfo("Europe/London")
FOLDER: Final = Path(__file__).parents[2] / "blueprints"
FILES: Final = sorted(FOLDER.rglob("*.yaml"))
SOURCE: Final = (
    "https://github.com/hypervolt-charger/home-assistant-hypervolt-charger/blob/main/"
)

CAR_PLUGGED: Final = "binary_sensor.hypervolt_car_plugged"
NOT_PLUGGED: Final = "The car is not plugged in"
MAYBE_NOT_PLUGGED: Final = "The car may not be plugged in"

type Told = list[dict[str, Any]]


def at(hour: int, minute: int = 0, day: int = 6) -> datetime:
    """Return a local time of June 2026; the journey begins on Friday the 5th at six."""
    return datetime(2026, 6, day, hour, minute, tzinfo=LONDON)


def words(message: dict[str, Any]) -> str:
    """Return a message on one line, with plain dashes."""
    return " ".join(message["message"].replace("\N{EN DASH}", "-").split())


@pytest.fixture
def departure() -> datetime:
    return at(17, 50, day=5)


@pytest.fixture
def told(hass: HomeAssistant) -> Told:
    """What people are told."""
    messages: Told = []

    async def create(service: ServiceCall) -> None:
        messages.append(dict(service.data))

    hass.services.async_register("persistent_notification", "create", create)
    return messages


@pytest.fixture
async def rig(
    time_machine: TimeMachine, cloud: SimulatedCloud, setup_charger: SetUpCharger
) -> Rig:
    cloud.token_life = 1e7
    return await setup_charger(Personality.V3)


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Give Home Assistant a configuration directory with the blueprints in it."""
    shutil.copytree(FOLDER, tmp_path / "blueprints")
    hass.config.config_dir = str(tmp_path)


@pytest.fixture
def use(hass: HomeAssistant, folder: None) -> Callable[..., Any]:
    """Make an automation of a blueprint."""

    async def make(name: str, **inputs: Any) -> None:
        assert await async_setup_component(
            hass,
            "automation",
            {
                "automation": {
                    "alias": name,
                    "use_blueprint": {"path": f"{DOMAIN}/{name}.yaml", "input": inputs},
                }
            },
        )
        await hass.async_block_till_done()
        state = hass.states.get(f"automation.{name}")
        assert state
        assert state.state == "on", "the automation is not valid"

    return make


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_home_assistant_accepts_it(path: Path) -> None:
    blueprint = Blueprint(
        yaml_util.load_yaml_dict(path),
        path=str(path),
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert blueprint.validate() is None
    where = path.relative_to(FOLDER.parent).as_posix()
    assert blueprint.metadata["source_url"] == SOURCE + where
    for key, value in blueprint.inputs.items():
        assert value is not None
        assert value["name"], key


def test_there_are_three() -> None:
    assert [path.stem for path in FILES] == [
        "apply_planner",
        "plug_in_reminder",
        "stop_after_energy",
    ]


async def test_apply_a_planner(
    hass: HomeAssistant,
    time_machine: TimeMachine,
    rig: Rig,
    told: Told,
    use: Callable[..., Any],
) -> None:
    plan(hass, (at(23, 30, day=5), at(1)), (at(3), at(4)))
    await use("apply_planner", chargers=[device_id(rig)], planner=TRACKER)
    await time_machine.leap_to(at(18, 0, day=5))
    await eventually(lambda: told)
    assert sessions(rig) == {
        ("23:30", "24:00", "fri"),
        ("00:00", "01:00", "sat"),
        ("03:00", "04:00", "sat"),
    }
    assert told[0]["title"] == "Charging is planned"
    assert "Fri 23:30-01:00, Sat 03:00-04:00" in words(told[0])

    # The next day the planner is away.
    hass.states.async_remove(TRACKER)
    await time_machine.leap_to(at(18, 0))
    await eventually(lambda: len(told) == 2)
    assert "(backup): Sun 00:30-04:30" in words(told[1])
    assert sessions(rig) == {("00:30", "04:30", "sun")}


async def test_apply_a_planner_in_vain(
    time_machine: TimeMachine, rig: Rig, told: Told, use: Callable[..., Any]
) -> None:
    await use(
        "apply_planner", chargers=[device_id(rig)], planner=TRACKER, use_backup=False
    )
    await time_machine.leap_to(at(18, 0, day=5))
    await eventually(lambda: told)
    assert told[0]["title"] == "Charging could not be planned"
    assert sessions(rig) == set()


@pytest.fixture
def reminders(
    time_machine: TimeMachine, told: Told, use: Callable[..., Any]
) -> Callable[[], Awaitable[Told]]:
    """Return what the first evening's reminder is."""

    async def remind() -> Told:
        await use("plug_in_reminder", car_plugged=CAR_PLUGGED)
        await time_machine.leap_to(at(21, 29, day=5))
        assert told == []
        await time_machine.leap_to(at(21, 31, day=5))
        return told

    return remind


@pytest.mark.parametrize(
    ("state", "attributes", "title"),
    [
        ("on", {"confirmed": True}, None),
        ("off", {"confirmed": True}, NOT_PLUGGED),
        # The last known plug, of before an outage or a restart.
        ("on", {"confirmed": False}, MAYBE_NOT_PLUGGED),
        ("off", {"confirmed": False}, MAYBE_NOT_PLUGGED),
        ("on", {"confirmed": "true"}, MAYBE_NOT_PLUGGED),
        ("on", {}, MAYBE_NOT_PLUGGED),
        ("unknown", {"confirmed": False}, MAYBE_NOT_PLUGGED),
        ("unavailable", {}, MAYBE_NOT_PLUGGED),
        (None, {}, MAYBE_NOT_PLUGGED),
    ],
)
async def test_remind_to_plug_in(
    hass: HomeAssistant,
    reminders: Callable[[], Awaitable[Told]],
    state: str | None,
    attributes: dict[str, Any],
    title: str | None,
) -> None:
    """Only a car that is plugged in for certain is a reason not to remind."""
    if state is not None:
        hass.states.async_set(CAR_PLUGGED, state, attributes)
    messages = await reminders()
    assert [message["title"] for message in messages] == ([title] if title else [])
    for message in messages:
        assert "if it is to charge tonight" in message["message"]


async def test_remind_to_plug_in_on_some_days(
    hass: HomeAssistant,
    time_machine: TimeMachine,
    told: Told,
    use: Callable[..., Any],
) -> None:
    hass.states.async_set(CAR_PLUGGED, "off", {"confirmed": True})
    at_home = {"condition": "state", "entity_id": "person.driver", "state": "home"}
    hass.states.async_set("person.driver", "home")
    await use(
        "plug_in_reminder",
        car_plugged=CAR_PLUGGED,
        days=["fri", "sun", "mon"],
        condition=[at_home],
    )
    for day, reminders in ((5, 1), (6, 1), (7, 2), (8, 2)):
        if day == 8:
            hass.states.async_set("person.driver", "not_home")
        await time_machine.leap_to(at(21, 31, day=day))
        assert len(told) == reminders


async def test_stop_after_energy(
    time_machine: TimeMachine, rig: Rig, use: Callable[..., Any]
) -> None:
    await use(
        "stop_after_energy",
        session_energy=rig.entity_id("sensor", "session_energy_total_increasing"),
        charging=rig.entity_id("switch", "charging"),
        limit=2,
    )
    rig.charger.plug_in()
    await time_machine.leap_to(time_machine.now + timedelta(seconds=600))
    await eventually(lambda: rig.state("switch", "charging") == "on")
    await time_machine.settle()
    assert rig.charger.charging
    await time_machine.leap_to(time_machine.now + timedelta(seconds=400))
    await eventually(lambda: not rig.charger.charging)
    assert 1.9 < rig.charger.delivered_wh / 1000 < 2.2
    # Whoever switches it on again means it.
    await rig.hass.services.async_call(
        "switch",
        "turn_on",
        {"entity_id": rig.entity_id("switch", "charging")},
        blocking=True,
    )
    await eventually(lambda: rig.charger.charging)
    await time_machine.leap_to(time_machine.now + timedelta(seconds=60))
    await time_machine.settle()
    assert rig.charger.charging


async def _stop_after_two(
    time_machine: TimeMachine, rig: Rig, use: Callable[..., Any]
) -> None:
    """Charge until the blueprint stops it."""
    await use(
        "stop_after_energy",
        session_energy=rig.entity_id("sensor", "session_energy_total_increasing"),
        charging=rig.entity_id("switch", "charging"),
        limit=2,
    )
    rig.charger.plug_in()
    await time_machine.leap_to(time_machine.now + timedelta(seconds=600))
    await eventually(lambda: rig.state("switch", "charging") == "on")
    await time_machine.settle()
    await time_machine.leap_to(time_machine.now + timedelta(seconds=400))
    await eventually(lambda: not rig.charger.charging)
    await eventually(lambda: rig.state("switch", "charging") == "off")
    await time_machine.settle()


@pytest.mark.parametrize("sticky", [False, True])
async def test_the_next_car_charges_after_a_stop_at_some_energy(
    time_machine: TimeMachine,
    rig: Rig,
    use: Callable[..., Any],
    sticky: bool,
) -> None:
    """Also where a stop outlasts the session (F36)."""
    if sticky:
        rig.cloud.faults.enable(Fault.STICKY_STOP)
    await _stop_after_two(time_machine, rig, use)
    rig.charger.unplug()
    await eventually(lambda: rig.state("binary_sensor", "car_plugged") == "off")
    await eventually(lambda: rig.charger.release_state == "default")
    rig.charger.plug_in()
    await eventually(lambda: rig.charger.charging)
    await eventually(lambda: rig.state("switch", "charging") == "on")
