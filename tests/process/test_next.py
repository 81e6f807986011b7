"""With Home Assistant's next release: added, renamed, used, restarted, unloaded, upgraded.

The plugin of pytest does not run on it yet; its real process does.
"""

from collections.abc import Callable
import json
from pathlib import Path
import re
import signal
from typing import Any, Final

import pytest

from _demo_dashboard import key_of
from _environment import NEXT_REQUIREMENTS, ROOT, next_environment

from .running_demo import DOMAIN, Demo, running_demo, seconds_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("socket_enabled"),
]

type Json = Any

LIMIT: Final = 20.0
NO_STATE: Final = ("unknown", "unavailable")
POWER: Final = "sensor.hypervolt_ev_power"
VOLTAGE: Final = "sensor.hypervolt_voltage"


@pytest.fixture(scope="module")
def program() -> tuple[str, ...]:
    """The demo, with the next Home Assistant."""
    python = next_environment() / "python"
    return (str(python), str(ROOT / "scripts" / "_demo.py"))


async def entry_of(demo: Demo) -> dict[str, Json]:
    """Return the only entry, once it is set up."""
    await demo.api.wait_until_loaded(DOMAIN)
    (entry,) = await demo.api.entries(DOMAIN)
    return entry


async def end(demo: Demo) -> None:
    """Stop in order, and see that nothing was wrong."""
    assert await demo.stop(signal.SIGTERM) == 0
    assert demo.complaints == []


async def test_renamed_entities_work_and_are_restored(
    tmp_path: Path, program: tuple[str, ...]
) -> None:
    async with running_demo(tmp_path, "--added", "--speed=3", program=program) as demo:
        assert f"=={(await demo.api.get('config'))['version']}\n" in (
            NEXT_REQUIREMENTS.read_text()
        )
        entry = await entry_of(demo)
        await _rename_everything(demo, entry["entry_id"])
        await _charge(demo)
        energy = await _energy(demo)
        await demo.api.command(
            "config/entity_registry/update",
            entity_id="sensor.my_total_energy",
            new_entity_id="sensor.lifetime",
        )
        await seconds_until("energy grows", _grows(demo, energy), LIMIT)
        energy = float((await demo.api.state("sensor.lifetime"))["state"])
        await end(demo)

    async with running_demo(tmp_path, program=program) as demo:
        entry = await entry_of(demo)
        restored = await demo.api.state("sensor.lifetime")
        assert float(restored["state"]) >= energy
        happened = await demo.api.state("event.my_charging")
        assert happened["state"] not in NO_STATE
        await demo.api.command(
            "config_entries/disable", entry_id=entry["entry_id"], disabled_by="user"
        )
        assert (await demo.api.entries(DOMAIN))[0]["state"] == "not_loaded"
        await end(demo)


async def _rename_everything(demo: Demo, entry_id: str) -> None:
    """Give each entity another id, as the settings page does."""
    before = await demo.api.entities(entry_id)
    for item in before:
        domain, _, key = key_of(item).partition(".")
        await demo.api.command(
            "config/entity_registry/update",
            entity_id=item["entity_id"],
            new_entity_id=f"{domain}.my_{key}",
        )
    renamed = {
        item["entity_id"]
        for item in await demo.api.entities(entry_id)
        if not item["disabled_by"]
    }
    after = await demo.api.states()
    assert renamed <= after.keys()
    assert not after.keys() & {item["entity_id"] for item in before}


async def _charge(demo: Demo) -> None:
    """Charge, and do things on the way, by the new ids."""
    (charger_id,) = {
        item["unique_id"].partition("_")[0]
        for item in await demo.api.entities((await entry_of(demo))["entry_id"])
    }
    await demo.cloud.act(charger_id, "plug_in")
    await demo.api.wait_for_state("switch.my_charging", "on", LIMIT)
    await demo.api.act("switch.turn_off", "switch.my_charging")
    await demo.api.wait_for_state("switch.my_charging", "off", LIMIT)
    await demo.api.act("number.set_value", "number.my_max_current", value=10)
    await demo.api.act("switch.turn_on", "switch.my_charging")
    await demo.api.wait_for_state("switch.my_charging", "on", LIMIT)
    assert (await demo.cloud.charger(charger_id))["max_current"] == 10_000

    async def is_told() -> bool:
        event = await demo.api.state("event.my_charging")
        return event["attributes"]["event_type"] in ("started", "resumed")

    await seconds_until("the event", is_told, LIMIT)


async def _energy(demo: Demo) -> float:
    return float((await demo.api.state("sensor.my_total_energy"))["state"])


def _grows(demo: Demo, energy: float) -> Callable[[], Json]:
    async def grows() -> bool:
        return float((await demo.api.state("sensor.lifetime"))["state"]) > energy

    return grows


async def test_names_that_people_gave(tmp_path: Path, program: tuple[str, ...]) -> None:
    """Of ours and of the older integration, given in the Home Assistant before."""
    folder = tmp_path / "config"
    async with running_demo(tmp_path, "--added") as demo:
        await entry_of(demo)
        for entity_id, name in ((POWER, "Wallbox"), (VOLTAGE, "Hypervolt Volts")):
            await demo.api.command(
                "config/entity_registry/update", entity_id=entity_id, name=name
            )
        await end(demo)
    older = _stored(folder)

    async with running_demo(tmp_path, program=program) as demo:
        await entry_of(demo)
        assert await _name(demo, POWER) == "Wallbox"
        assert await _name(demo, VOLTAGE) == "Hypervolt Volts"
        await end(demo)

    for path, content in older.items():
        path.write_text(content)
    _make_older(folder)
    async with running_demo(tmp_path, program=program) as demo:
        entry = await entry_of(demo)
        assert entry["title"].startswith("Hypervolt Home 3")
        # docs/upgrading.md says so.
        assert await _name(demo, POWER) == "Hypervolt Wallbox"
        assert await _name(demo, VOLTAGE) == "Hypervolt Volts"
        power = await demo.api.command("config/entity_registry/get", entity_id=POWER)
        assert power["aliases"][0] == "Wallbox"
        assert power["unique_id"].endswith("_ev_power")
        await end(demo)


async def _name(demo: Demo, entity_id: str) -> str:
    name: str = (await demo.api.state(entity_id))["attributes"]["friendly_name"]
    return name


STORES: Final = ("core.config_entries", "core.device_registry", "core.entity_registry")


def _stored(folder: Path) -> dict[Path, str]:
    paths = [folder / ".storage" / name for name in STORES]
    return {path: path.read_text() for path in paths}


def _make_older(folder: Path) -> None:
    """Rewrite what is stored as the older integration would have stored it."""
    for path, content in _stored(folder).items():
        store = json.loads(content)
        for items in store["data"].values():
            for item in items if isinstance(items, list) else ():
                if item.get("domain") == DOMAIN:
                    charger_id = item["unique_id"]
                    item |= {"version": 1, "title": f"Hypervolt {charger_id}"}
                elif item.get("platform") == DOMAIN:
                    charger_id, _, key = item["unique_id"].partition("_")
                    if item["entity_id"].startswith("sensor."):
                        capitals = re.sub("ev|[a-z]+", _capitals, key)
                        item["unique_id"] = f"{charger_id}_{capitals}"
                    item |= {
                        "has_entity_name": False,
                        "original_name": f"Hypervolt {key}",
                        "translation_key": None,
                    }
                elif [part[0] for part in item.get("identifiers", ())] == [DOMAIN]:
                    item["name"] = f"Hypervolt {item['serial_number']}"
        path.write_text(json.dumps(store))


def _capitals(match: re.Match[str]) -> str:
    word = match[0]
    return word.upper() if word == "ev" else word.capitalize()
