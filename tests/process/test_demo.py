"""A person's first hour, with real processes: scripts/demo, added, used, stopped."""

from collections.abc import Awaitable, Callable
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import time

import pytest

from _demo import ACCOUNT, ACCOUNT_PASSWORD
from _demo_dashboard import URL_PATH, documented_view, key_of
from tests.simulator import Personality

from .changes import (
    Change,
    activation_changes,
    has_schedule,
    immediate_changes,
    schedule_edits,
    session_times,
)
from .running_demo import (
    DOMAIN,
    ROOT,
    Demo,
    Stopwatch,
    free_ports,
    running_demo,
    seconds_until,
)

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("socket_enabled"),
]

LIVE_LIMIT = 5.0
SHOWN_LIMIT = 1.0
# A change of the LEDs may have to wait for the one before.
CHANGE_LIMIT = 10.0
WRITABLE = {"button", "light", "number", "select", "switch", "text", "time"}
MAIN_FLOW = {"firmware_version", "max_current", "charge_mode", "charger_name"}


class Charger:
    """A charger of the demo, at both ends."""

    def __init__(self, demo: Demo, entry_id: str, personality: Personality) -> None:
        self.demo = demo
        self.entry_id = entry_id
        self.personality = personality
        self.watch = Stopwatch(personality)
        self.charger_id = ""
        self.ids: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.acted = 0.0

    async def look_up_entities(self) -> None:
        """Learn the entity ids."""
        entities = await self.demo.api.entities(self.entry_id)
        self.charger_id = entities[0]["unique_id"].partition("_")[0]
        self.ids = {key_of(item): item["entity_id"] for item in entities}
        self.disabled = {key_of(item) for item in entities if item["disabled_by"]}

    async def cloud_shows(self) -> dict[str, object]:
        return await self.demo.cloud.charger(self.charger_id)

    async def act(self, action: str, **fields: object) -> None:
        """Do something to the charger in the cloud."""
        self.acted = time.monotonic()
        await self.demo.cloud.act(self.charger_id, action, **fields)

    async def shows_soon(self, what: str, **wanted: str) -> None:
        """Check that entities, by platform__key, show what is wanted soon after."""
        for name, state in wanted.items():
            entity_id = self.ids[name.replace("__", ".", 1)]
            await self.demo.api.wait_for_state(entity_id, state)
            seconds = time.monotonic() - self.acted
            self.watch.note(f"{what}: {entity_id}", seconds)
            assert seconds < SHOWN_LIMIT

    async def change(self, change: Change) -> None:
        """Make a change as a person does, and see it at both ends."""
        entity_id = self.ids[change.key]
        begin = time.monotonic()
        await self.demo.api.act(change.action, entity_id, **change.fields)
        self.watch.note(f"{change.action} {change.key}", time.monotonic() - begin)
        assert time.monotonic() - begin < CHANGE_LIMIT

        # The action ends when the charger has confirmed: it knows by now.
        assert change.told(heard := await self.cloud_shows()), heard
        await seconds_until(
            f"{entity_id} shows {change}", self._shown(change), SHOWN_LIMIT
        )

    def _shown(self, change: Change) -> Callable[[], Awaitable[bool]]:
        async def shown() -> bool:
            state = await self.demo.api.state(self.ids[change.key])
            return _same(state["state"], change.shows) and all(
                state["attributes"].get(name) == value
                for name, value in change.attributes.items()
            )

        return shown


def _same(shown: str, wanted: str | float | None) -> bool:
    if isinstance(wanted, str | None):
        return wanted in (None, shown)
    return shown not in ("unknown", "unavailable") and float(shown) == wanted


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.LEGACY_V2, Personality.UPGRADED_V2]
)
async def test_a_charger_from_adding_to_stopping(
    tmp_path: Path, personality: Personality
) -> None:
    async with running_demo(tmp_path, f"--charger={personality}") as demo:
        charger = await _add(demo, personality)
        await _plug_in_and_charge(charger)
        written = await _change_everything(charger)
        assert written == _writable(charger)
        await _stop(demo, signal.SIGINT)


async def _add(demo: Demo, personality: Personality) -> Charger:
    """Add the charger through the config flow, mistyping the password first."""
    api = demo.api
    form = await api.start_flow(DOMAIN)
    assert (form["type"], form["step_id"]) == ("form", "user")
    form = await api.continue_flow(form, username=ACCOUNT, password="mistyped")
    assert form["errors"] == {"base": "invalid_auth"}
    begin = time.monotonic()
    added = await api.continue_flow(form, username=ACCOUNT, password=ACCOUNT_PASSWORD)
    assert added["type"] == "create_entry", added

    charger = Charger(demo, added["result"]["entry_id"], personality)

    async def live() -> bool:
        await charger.look_up_entities()
        states = await api.states()
        enabled = charger.ids.keys() - charger.disabled
        return {key.partition(".")[2] for key in enabled} >= MAIN_FLOW and all(
            states.get(charger.ids[key], "unavailable")
            not in (
                ("unavailable", "unknown")
                if key.partition(".")[2] in MAIN_FLOW
                else ("unavailable",)
            )
            for key in enabled
        )

    await seconds_until("entities are live", live, LIVE_LIMIT)
    charger.watch.note("entities live after adding", time.monotonic() - begin)
    assert time.monotonic() - begin < LIVE_LIMIT
    return charger


async def _plug_in_and_charge(charger: Charger) -> None:
    await charger.act("set", release=True)
    await charger.shows_soon("stopped", sensor__charging_readiness="force_stopped")
    await charger.act("plug_in")
    if charger.personality.speaks_v3_api:
        await charger.shows_soon("plugged in", binary_sensor__car_plugged="on")
    await charger.act("set", release=False)
    await charger.shows_soon(
        "charging", switch__charging="on", sensor__charging_readiness="charging"
    )


async def _change_everything(charger: Charger) -> set[str]:
    """Change whatever can be changed; return the keys."""
    await _enable_all(charger)
    written = set()
    for change in immediate_changes(charger.personality):
        await charger.change(change)
        written.add(change.key)
    written |= await _change_schedule(charger)
    for change in activation_changes(charger.personality):
        await charger.change(change)
        written.add(change.key)
    return written


async def _enable_all(charger: Charger) -> None:
    """Enable what is disabled by default, as the settings page does."""
    api = charger.demo.api
    for key in charger.disabled:
        await api.command(
            "config/entity_registry/update",
            entity_id=charger.ids[key],
            disabled_by=None,
        )
    await api.post(f"config/config_entries/entry/{charger.entry_id}/reload")
    await api.wait_until_loaded(DOMAIN)
    await charger.look_up_entities()
    assert not charger.disabled


async def _change_schedule(charger: Charger) -> set[str]:
    edits = list(schedule_edits(charger.personality))
    applied = has_schedule(charger.personality)
    for edit in edits:
        await charger.change(edit)
    assert not applied(await charger.cloud_shows()), "sent before it was applied"
    apply = Change(key="button.apply_schedule", action="button.press", told=applied)
    await charger.change(apply)
    for edit in edits:
        assert (await charger.demo.api.state(charger.ids[edit.key]))[
            "state"
        ] == edit.shows

    key = "time.schedule_session_1_start_time"
    await charger.change(
        Change(
            key=key,
            action="time.set_value",
            fields={"time": "01:10:00"},
            shows="01:10:00",
        )
    )
    discard = Change(
        key="button.discard_schedule_changes", action="button.press", told=applied
    )
    await charger.change(discard)
    await charger.demo.api.wait_for_state(
        charger.ids[key], f"{session_times(1)[0]}:00", SHOWN_LIMIT
    )
    return {edit.key for edit in edits} | {apply.key, discard.key}


def _writable(charger: Charger) -> set[str]:
    return {key for key in charger.ids if key.partition(".")[0] in WRITABLE}


async def _stop(demo: Demo, number: signal.Signals) -> None:
    """Stop as Ctrl-C does: nothing is left, and nothing was wrong."""
    assert len(demo.survivors) >= 3, "the mark does not find the processes"
    assert await demo.stop(number) == 0
    assert demo.survivors == []
    assert demo.complaints == []


async def test_the_demo_with_chargers_added_and_a_second_start(tmp_path: Path) -> None:
    personalities = [Personality.V3, Personality.LEGACY_V2]
    options = ["--added", *(f"--charger={name}" for name in personalities)]
    for _ in range(2):
        async with running_demo(tmp_path, *options) as demo:
            entries = await demo.api.entries(DOMAIN)
            assert [entry["state"] for entry in entries] == ["loaded"] * 2
            dashboard = await demo.api.command("lovelace/config", url_path=URL_PATH)
            states = await demo.api.states()
            shown = _entities_of(dashboard)
            assert len(dashboard["views"]) == 2
            title = dashboard["views"][0]["title"]
            assert dashboard["views"][0] == {**documented_view(), "title": title}
            assert len(shown) > 40
            assert shown <= states.keys()
            # Home Assistant takes a new address for a trial and soon leaves it again.
            http = await demo.api.command("http/config")
            assert (http["active_config_type"], http["revert_at"]) == ("stable", None)
            await _stop(demo, signal.SIGTERM)


def _entities_of(part: object) -> set[str]:
    """Return the entities that a dashboard or a part of it shows."""
    if isinstance(part, str):
        return {part} if "." in part and part.partition(".")[0].islower() else set()
    if isinstance(part, list):
        return set().union(*map(_entities_of, part))
    if isinstance(part, dict):
        below = [part.get(name) for name in ("views", "sections", "cards")]
        below += [part.get("entity"), part.get("entities")]
        return set().union(*map(_entities_of, below))
    return set()


async def test_the_demo_ends_when_one_of_its_programs_does(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo:
        (hass,) = _children(demo.process.pid, "homeassistant")
        os.kill(hass, signal.SIGKILL)
        assert await demo.process.wait() == 1
        assert "Home Assistant ended by itself" in demo.said.read_text()
        assert demo.survivors == []


def _children(pid: int, module: str) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if module in Path(f"/proc/{child}/cmdline").read_text().split("\0")
    ]


@pytest.mark.parametrize("option", ["--port", "--cloud-port"])
def test_a_port_in_use_is_told_before_anything_starts(
    tmp_path: Path, option: str
) -> None:
    port, other = free_ports(2)
    ports = {"--port": port, "--cloud-port": other}
    with socket.create_server(("127.0.0.1", ports[option])):
        result = subprocess.run(
            [
                sys.executable,
                "scripts/demo",
                f"--folder={tmp_path / 'config'}",
                *(f"{name}={number}" for name, number in ports.items()),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert result.returncode == 1
    (sentence,) = (result.stdout + result.stderr).splitlines()
    assert f"Port {ports[option]} is in use" in sentence
    assert option in sentence
    assert not (tmp_path / "config").exists()
