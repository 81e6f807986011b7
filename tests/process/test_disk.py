"""A real Home Assistant whose disk is full, which is killed, and which is frozen."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
import signal
from typing import Any, Final

import aiohttp
import pytest

from _demo import ACCOUNT, ACCOUNT_PASSWORD, add_charger
from _demo_api import ApiError
from _demo_options import Options
from _soak_home import Home
from tests.simulator import Fault, Personality, SimulatedCharger, SimulatedCloud
from tests.small_disk import small_disk
from tests.waiting import eventually

from .running_demo import DOMAIN, free_ports, seconds_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("socket_enabled"),
]

# kWh by which two whole numbers may differ, and what flows between two frames.
NOISE: Final = 0.006
FRAMES: Final = 1.0
TIME_TO_RESTART: Final = timedelta(seconds=15)


class House:
    """Home Assistant, and the chargers it has in a simulated cloud."""

    def __init__(self, home: Home, cloud: SimulatedCloud, folder: Path) -> None:
        self.home = home
        self.cloud = cloud
        self._folder = folder
        self._devices: dict[str, str] = {}
        self._entries: dict[str, str] = {}
        self._totals: dict[str, str] = {}

    async def add_chargers(self) -> None:
        """Add all chargers of the account."""
        while await add_charger(self.home.api):
            pass
        await self.learn_names()

    async def learn_names(self) -> None:
        """Learn what the chargers are called here."""
        await self.home.api.wait_until_loaded(DOMAIN)
        devices = await self.home.api.command("config/device_registry/list")
        entities = await self.home.api.command("config/entity_registry/list")
        for charger in self.cloud.chargers:
            (device,) = (
                item
                for item in devices
                if [DOMAIN, charger.charger_id] in item["identifiers"]
            )
            unique_id = f"{charger.charger_id}_total_energy"
            (total,) = (item for item in entities if item["unique_id"] == unique_id)
            self._devices[charger.charger_id] = device["id"]
            self._entries[charger.charger_id] = total["config_entry_id"]
            self._totals[charger.charger_id] = total["entity_id"]

    async def act(self, charger: SimulatedCharger, action: str, **data: Any) -> None:
        """Call an action for a charger; ApiError says why it failed."""
        await self.home.api.command(
            "call_service",
            domain=DOMAIN,
            service=action,
            service_data={"device_id": self._devices[charger.charger_id], **data},
            return_response=action != "restore_schedule",
        )

    async def override(self, charger: SimulatedCharger, until: datetime) -> None:
        """Have a charger charge until a time, and its own schedule back afterwards."""
        start = datetime.now(UTC) - timedelta(minutes=1)
        window = {"start": start.isoformat(), "end": until.isoformat()}
        await self.act(
            charger, "set_schedule", windows=[window], when_finished="restore"
        )

    async def total(self, charger: SimulatedCharger) -> float:
        """Return the total energy that is shown, in kWh."""
        state = await self.home.api.state(self._totals[charger.charger_id])
        shown = str(state["state"])
        return float(shown) if shown.replace(".", "").isdecimal() else 0.0

    def file(self, charger: SimulatedCharger, name: str = "") -> Path:
        """Return the path of a file of a charger's entry."""
        key = f"{DOMAIN}.{self._entries[charger.charger_id]}{name}"
        return self._folder / ".storage" / key

    def stored(self, charger: SimulatedCharger, name: str = "") -> Any:
        """Return what a file of a charger's entry holds; None if there is none."""
        path = self.file(charger, name)
        return json.loads(path.read_text())["data"] if path.exists() else None

    def stored_total(self, charger: SimulatedCharger) -> float:
        """Return the total energy on disk, in kWh."""
        total: int = self.stored(charger, ".energy")["meter"]["total"]
        return total / 1000

    async def issues(self) -> set[str]:
        """Return what is reported under Repairs of the integration."""
        told = await self.home.api.command("repairs/list_issues")
        return {
            item["translation_key"]
            for item in told["issues"]
            if item["domain"] == DOMAIN
        }

    async def is_counted(self, charger: SimulatedCharger) -> bool:
        """Whether all that a charger has delivered is shown."""
        delivered = charger.delivered_wh / 1000
        return 0 < delivered < await self.total(charger) + NOISE

    async def is_saved(self) -> None:
        """Wait until Home Assistant has its entries on disk."""
        path = self._folder / ".storage" / "core.config_entries"
        await eventually(
            lambda: (
                path.exists()
                and all(entry in path.read_text() for entry in self._entries.values())
            )
        )

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Give Home Assistant no time at all."""
        os.kill(self.home.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.home.pid, signal.SIGCONT)

    async def has_no_issue(self) -> bool:
        """Whether nothing is reported under Repairs."""
        return not await self.issues()


@asynccontextmanager
async def house(folder: Path, *chargers: str) -> AsyncGenerator[House]:
    """Run Home Assistant and a cloud with these chargers, and add them."""
    port, cloud_port = free_ports(2)
    options = Options(
        port=port, cloud_port=cloud_port, folder=folder, charger=[], speed=1.0
    )
    async with (
        SimulatedCloud(port=cloud_port, push_interval=FRAMES) as cloud,
        aiohttp.ClientSession() as session,
    ):
        account = cloud.add_account(ACCOUNT, ACCOUNT_PASSWORD)
        for name in chargers:
            account.add_charger(Personality(name))
        home = Home(options, session)
        try:
            await home.start()
            place = House(home, cloud, folder)
            await place.add_chargers()
            yield place
        finally:
            await home.stop(kill=True)


def own_schedule(charger: SimulatedCharger) -> None:
    """Let the owner have a schedule of their own."""
    if charger.personality is Personality.LEGACY_V2:
        charger.app_set_schedule(enabled=True, intervals=[("12:00", "13:00")])
    else:
        charger.app_set_schedule(
            enabled=True, sessions=[{"start_time": "12:00", "end_time": "13:00"}]
        )


def has_own_schedule(charger: SimulatedCharger) -> bool:
    """Whether a charger has the schedule of its owner."""
    if charger.personality is Personality.LEGACY_V2:
        rest = charger.rest_schedule
        return rest is not None and [
            (item.start, item.end) for item in rest.intervals
        ] == [(12 * 3600, 13 * 3600)]
    return [(item.start_time, item.end_time) for item in charger.schedule.sessions] == [
        ("12:00", "13:00")
    ]


def received(charger: SimulatedCharger, method: str) -> int:
    """Count the frames of a method that a charger has received."""
    return sum(frame.method == method for frame in charger.received)


async def test_a_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    with small_disk(folder / ".storage", size="8m") as disk:
        async with house(folder, "v3", "v3") as place:
            planned, charging = place.cloud.chargers
            own_schedule(planned)
            charging.plug_in(battery_kwh=100)
            await everything_is_counted(place, charging)

            disk.fill()
            before = place.stored_total(charging)
            until = datetime.now(UTC) + timedelta(hours=1)
            with pytest.raises(ApiError, match="disk is probably full"):
                await place.override(planned, until)
            assert received(planned, "schedule.set") == 0
            assert has_own_schedule(planned)
            assert place.stored(planned) is None
            assert "storage_failing" in await place.issues()
            # Longer than the books are written, with the energy that flows meanwhile.
            async with asyncio.timeout(30):
                while charging.delivered_wh / 1000 < before + 4 * NOISE:
                    assert await place.total(charging) <= before
                    await asyncio.sleep(0.5)
            assert place.stored_total(charging) == before

            disk.free()
            await place.override(planned, until)
            assert place.stored(planned)["takeover"]["former"]["sessions"]
            # A failed write is repeated after a minute.
            await everything_is_counted(place, charging, limit=90)
            assert place.stored_total(charging) > before
            await seconds_until("no issue is left", place.has_no_issue, 5)


async def everything_is_counted(
    place: House, charger: SimulatedCharger, limit: float = 30
) -> None:
    """Wait until all energy is shown, which is so only once it is on disk."""
    await seconds_until("counted", lambda: place.is_counted(charger), limit)
    assert await place.total(charger) <= place.stored_total(charger)


async def test_killed_and_frozen(tmp_path: Path) -> None:
    """Whatever the moment, the owner's schedule comes back and no energy is lost.

    Home Assistant is killed in each step of an override, and frozen while it ends.
    """
    kinds = ["v3"] * 6 + ["legacy_v2"]
    async with house(tmp_path / "config", *kinds) as place:
        charging, *planned = place.cloud.chargers
        for charger in planned:
            own_schedule(charger)
        charging.plug_in(battery_kwh=100)
        await everything_is_counted(place, charging)
        await place.is_saved()
        until = next_minute(datetime.now(UTC) + TIME_TO_RESTART)

        waiting = await override_in_steps(place, until)
        # Each has what it needs on disk.
        for charger in planned:
            assert place.stored(charger)["takeover"]["former"]["sessions"]
        await place.home.stop(kill=True)
        await asyncio.gather(*waiting, return_exceptions=True)
        place.cloud.faults.clear()
        await place.home.start()
        await place.learn_names()
        overridden = [charger for charger in planned if not has_own_schedule(charger)]
        assert len(overridden) == 4
        await everything_is_counted(place, charging)

        await asyncio.sleep((until - datetime.now(UTC)).total_seconds() - 1)
        before = charging.delivered_wh
        with place.frozen():
            await eventually(
                lambda: (
                    datetime.now(UTC) > until
                    and charging.delivered_wh > before + 4000 * NOISE
                ),
                limit=30,
            )
            assert not any(map(has_own_schedule, overridden))
        await eventually(lambda: all(map(has_own_schedule, planned)), limit=15)
        await eventually(
            lambda: not any(place.file(charger).exists() for charger in planned)
        )
        assert all(map(has_own_schedule, planned))
        await everything_is_counted(place, charging)


def next_minute(moment: datetime) -> datetime:
    """Return the start of the next minute, where plans end."""
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)


async def override_in_steps(place: House, until: datetime) -> list[asyncio.Task[None]]:
    """Override schedules, each as far as another step; return what does not end."""
    unsent, unconfirmed, confirmed, unread, unreturned, legacy = place.cloud.chargers[
        1:
    ]
    faults, set_only = place.cloud.faults, ["schedule.set"]
    faults.enable(Fault.LOST, charger=unsent, methods=set_only)
    faults.enable(Fault.LOST, charger=unconfirmed, methods=set_only, applied=True)
    waiting = [
        asyncio.create_task(place.override(charger, until))
        for charger in (unsent, unconfirmed)
    ]
    for charger in (confirmed, unread, unreturned, legacy):
        await place.override(charger, until)
        assert not has_own_schedule(charger)
        assert len(place.stored(charger)["takeover"]["ours"]) == 1
    faults.enable(Fault.LOST, charger=unread, methods=["schedules.get"])
    faults.enable(Fault.LOST, charger=unreturned, methods=set_only, applied=True)
    reads = received(unread, "schedules.get")
    waiting += [
        asyncio.create_task(place.act(charger, "restore_schedule"))
        for charger in (unread, unreturned)
    ]
    await eventually(lambda: received(unread, "schedules.get") > reads)
    await eventually(lambda: has_own_schedule(unreturned))
    await eventually(lambda: not has_own_schedule(unconfirmed))
    await eventually(lambda: received(unsent, "schedule.set"))
    assert has_own_schedule(unsent)
    assert not any(task.done() for task in waiting)
    return waiting
