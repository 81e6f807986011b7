"""Files on a real disk, which may be full, damaged or from another version."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
import json
import os
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache_with_extra_data,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hypervolt_charger import (
    energy_book,
    planned_schedule,
    storage as storage_module,
)
from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.energy_store import (
    SESSIONS_KEPT,
    Books,
    EnergyStore,
    to_json,
)
from custom_components.hypervolt_charger.hypervolt import energy
from custom_components.hypervolt_charger.hypervolt.charge_log import (
    ChargeSession,
    EndReason,
)
from custom_components.hypervolt_charger.hypervolt.energy import EnergyMeter
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
)
from custom_components.hypervolt_charger.planned_schedule import (
    StoredPlan,
    Takeover,
    store_of,
)
from custom_components.hypervolt_charger.storage import (
    MOST_COPIES,
    StorageError,
    StorageStopping,
)
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Account, Fault, Personality, SimulatedCloud
from tests.small_disk import SmallDisk, small_disk
from tests.waiting import eventually

from .acting import act, number
from .entry_life import add_entry, assert_nothing_left, set_up, unload
from .scheduling import TRACKER, call, own_schedule, plan, sessions, writes

NOW = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
SCHEDULE = Schedule(
    enabled=True,
    sessions=(ScheduleSession(start=ClockTime(43200), end=ClockTime(86400)),),
)


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """Give each Home Assistant a folder of its own."""
    return str(tmp_path)


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Have Home Assistant store on disk, as it does."""
    return {}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write and check sooner than life would."""
    soon = timedelta(seconds=0.05)
    monkeypatch.setattr(energy_book, "SAVE_INTERVAL", soon)
    monkeypatch.setattr(energy_book, "POWER_SAVE_INTERVAL", soon)
    monkeypatch.setattr(energy_book, "RETRY_INTERVAL", soon)
    monkeypatch.setattr(planned_schedule, "CHECK_INTERVAL", soon)
    monkeypatch.setattr(storage_module, "CHECK_INTERVAL", timedelta(seconds=0.2))
    # An hour's energy may flow in a moment.
    monkeypatch.setattr(energy, "MOST_WATTS", 10**9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of Home Assistant's storage."""
    path = tmp_path / ".storage"
    path.mkdir()
    return path


@pytest.fixture
def disk(folder: Path) -> Iterator[SmallDisk]:
    """Put Home Assistant's storage on a small disk."""
    with small_disk(folder) as small:
        yield small


def stored(path: Path) -> Any:
    """Return what a file of Home Assistant's storage holds; None if there is none."""
    return json.loads(path.read_text())["data"] if path.exists() else None


def put(folder: Path, entry_id: str, name: str, data: Any, **changes: Any) -> Path:
    """Write a file of an earlier run; return its path."""
    key = ".".join(filter(None, (DOMAIN, entry_id, name)))
    path = folder / key
    content = {"version": 1, "minor_version": 1, "key": key, "data": data, **changes}
    path.write_text(json.dumps(content))
    return path


def files(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.unreadable.*"))


def issue(hass: HomeAssistant, kind: str, entry_id: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{kind}_{entry_id}")


def plan_file(rig: Rig) -> Path:
    return Path(rig.hass.config.path(".storage", f"{DOMAIN}.{rig.entry.entry_id}"))


def energy_file(rig: Rig, name: str = "energy") -> Path:
    path = plan_file(rig)
    return path.with_name(f"{path.name}.{name}")


async def planned_rig(setup_charger: SetUpCharger) -> Rig:
    """A charger with a schedule of its owner, and a planner with a plan."""
    rig = await setup_charger(Personality.V3)
    own_schedule(rig)
    # Before noon, when the owner's session begins.
    start = datetime.now(UTC).replace(hour=2, minute=0, second=0) + timedelta(days=1)
    plan(rig.hass, (start, start + timedelta(hours=2)))
    await eventually(lambda: rig.coordinator.data.schedule is not None)
    return rig


# A full disk: schedules


def starts(rig: Rig) -> set[str]:
    return {start for start, *_ in sessions(rig)}


async def refused(rig: Rig, **data: Any) -> str:
    """Set a schedule in vain; return the translation key of the error."""
    with pytest.raises(HomeAssistantError) as caught:
        await call(rig, tracker_rate=TRACKER, **data)
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key
    return caught.value.translation_key


async def test_no_schedule_is_overridden_that_cannot_be_saved(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    own = sessions(rig)
    disk.fill()
    assert await refused(rig) == "schedule_not_saved"
    assert writes(rig) == 0
    assert sessions(rig) == own
    assert rig.coordinator.planned.former is None
    assert rig.coordinator.planned.restore_at is None
    reported = issue(rig.hass, "storage_failing", rig.entry.entry_id)
    assert reported
    assert reported.severity is ir.IssueSeverity.ERROR
    # It is there as long as the disk is full, also over a reload.
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await asyncio.sleep(0.5)
    assert issue(rig.hass, "storage_failing", rig.entry.entry_id)
    disk.free()
    await eventually(lambda: not issue(rig.hass, "storage_failing", rig.entry.entry_id))
    assert (await call(rig, tracker_rate=TRACKER))["written"]
    assert stored(plan_file(rig))["takeover"]["former"]["sessions"]
    assert sessions(rig) != own


async def test_the_error_says_what_is_wrong(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    disk.fill()
    with pytest.raises(HomeAssistantError, match="disk is probably full"):
        await call(rig, tracker_rate=TRACKER)


async def test_a_second_plan_is_refused_and_the_first_goes_on(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    await call(rig, tracker_rate=TRACKER)
    first, saved = sessions(rig), stored(plan_file(rig))
    restore_at = rig.coordinator.planned.restore_at
    assert restore_at
    plan(rig.hass, (restore_at, restore_at + timedelta(hours=1)))
    disk.fill()
    assert await refused(rig) == "schedule_not_saved"
    assert (writes(rig), sessions(rig)) == (1, first)
    assert stored(plan_file(rig)) == saved
    assert rig.coordinator.planned.restore_at == restore_at
    # The user's own schedule is restored although the disk is full.
    await call(rig, "restore_schedule")
    assert starts(rig) == {"12:00"}
    assert rig.coordinator.planned.former is None
    await eventually(lambda: not plan_file(rig).exists())


async def test_a_schedule_that_is_kept_needs_no_disk(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    disk.fill()
    assert (await call(rig, tracker_rate=TRACKER, when_finished="keep"))["written"]
    assert writes(rig) == 1


async def test_an_active_override_is_not_made_permanent_without_a_disk(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    """A plan that is kept after all must not be restored after a crash."""
    rig = await planned_rig(setup_charger)
    await call(rig, tracker_rate=TRACKER)
    windows = rig.hass.states.get(TRACKER)
    assert windows
    start = datetime.now(UTC).replace(hour=6, minute=0, second=0) + timedelta(days=1)
    plan(rig.hass, (start, start + timedelta(hours=1)))
    rig.cloud.faults.enable(Fault.INTERNAL, charger=rig.charger)
    with pytest.raises(HomeAssistantError):
        await call(rig, tracker_rate=TRACKER)
    rig.cloud.faults.clear()
    assert len(stored(plan_file(rig))["takeover"]["ours"]) == 2
    disk.fill()
    # What may have been written as an override is now wanted for good.
    assert await refused(rig, when_finished="keep") == "schedule_not_saved"
    disk.free()
    rig.cloud.faults.enable(Fault.LOST, methods=["schedule.set"], applied=True)
    keeping = asyncio.create_task(call(rig, tracker_rate=TRACKER, when_finished="keep"))
    await eventually(lambda: len(stored(plan_file(rig))["takeover"]["ours"]) == 1)
    await keeping
    await eventually(lambda: not plan_file(rig).exists())


async def test_a_plan_that_is_kept_where_it_is_needs_the_disk(
    disk: SmallDisk, folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    await call(rig, tracker_rate=TRACKER)
    saved = plan_file(rig).read_bytes()
    plan_file(rig).unlink()
    # A folder in the place of the file can't be deleted as a file.
    plan_file(rig).mkdir()
    assert await refused(rig, when_finished="keep") == "schedule_not_saved"
    assert rig.coordinator.planned.restore_at
    plan_file(rig).rmdir()
    plan_file(rig).write_bytes(saved)
    await call(rig, tracker_rate=TRACKER, when_finished="keep")
    assert not plan_file(rig).exists()


async def test_what_is_confirmed_is_saved_later(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    rig.cloud.faults.enable(Fault.LOST, methods=["schedule.set"], applied=True)
    writing = asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await eventually(lambda: writes(rig) == 1)
    disk.fill()
    assert (await writing)["written"]
    planned = rig.coordinator.planned
    assert planned.former is not None
    # What was written is among what was saved before, so that it can be restored.
    takeover = stored(plan_file(rig))["takeover"]
    assert len(takeover["ours"]) == 1
    assert issue(rig.hass, "storage_failing", rig.entry.entry_id)
    disk.free()
    await eventually(lambda: not planned._unsaved)
    assert stored(plan_file(rig))["takeover"] == takeover


async def test_a_return_is_noted_as_soon_as_that_is_possible(
    folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    await call(rig, tracker_rate=TRACKER)
    plan_file(rig).unlink()
    plan_file(rig).mkdir()
    await call(rig, "restore_schedule")
    assert starts(rig) == {"12:00"}
    assert rig.coordinator.planned.former is None
    assert issue(rig.hass, "storage_failing", rig.entry.entry_id)
    restored = writes(rig)
    await asyncio.sleep(0.2)
    assert writes(rig) == restored, "it is not restored again"
    plan_file(rig).rmdir()
    await eventually(lambda: not rig.coordinator.planned._unsaved)


async def test_a_user_who_takes_over_does_so_on_a_full_disk(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    planned = rig.coordinator.planned
    await call(rig, tracker_rate=TRACKER)
    own_schedule(rig, "14:00", "15:00")
    await eventually(
        lambda: (
            rig.coordinator.data.schedule
            and not planned.is_ours(rig.coordinator.data.schedule)
        )
    )
    disk.fill()
    await planned.async_let_go(NOW)
    assert planned.former is None
    assert planned.let_go_since == NOW
    disk.free()
    await eventually(lambda: stored(plan_file(rig))["takeover"] is None)
    assert stored(plan_file(rig))["let_go_since"] == NOW.isoformat()
    await planned.async_let_go(None)
    assert not plan_file(rig).exists()


async def test_a_plan_written_after_the_user_took_over_is_not_forgotten(
    folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    await call(rig, tracker_rate=TRACKER)
    await rig.coordinator.planned.async_let_go(NOW)
    assert rig.coordinator.planned.former is not None
    assert stored(plan_file(rig))["takeover"]
    assert stored(plan_file(rig))["let_go_since"] == NOW.isoformat()


class SlowDisk:
    """A disk whose first write of ours from now on takes until `go_on` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.busy, self.go_on = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._started = False
        monkeypatch.setattr("atomicwrites._proper_fsync", self._sync)

    def _sync(self, number: int) -> None:
        file = Path(f"/proc/self/fd/{number}")
        # The folder is synchronised as well.
        ours = file.is_file() and DOMAIN in file.read_text()
        if ours and not self._started:
            self._started = True
            self._loop.call_soon_threadsafe(self.busy.set)
            asyncio.run_coroutine_threadsafe(self.go_on.wait(), self._loop).result()
        os.fsync(number)


async def test_a_save_that_was_cancelled_is_repeated(
    disk: SmallDisk, setup_charger: SetUpCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await planned_rig(setup_charger)
    slow = SlowDisk(monkeypatch)
    writing = asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await slow.busy.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    slow.go_on.set()
    assert writes(rig) == 0
    # It reached the disk after all, and is taken from there again.
    await eventually(lambda: not rig.coordinator.planned._unsaved)
    assert not plan_file(rig).exists()


async def test_a_plan_saved_slowly_leaves_nothing_behind(
    hass: HomeAssistant,
    folder: Path,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = await planned_rig(setup_charger)
    slow = SlowDisk(monkeypatch)
    writing = asyncio.create_task(call(rig, tracker_rate=TRACKER))
    await slow.busy.wait()
    await unload_on(slow, rig)
    with pytest.raises(HomeAssistantError):
        await writing
    await hass.async_block_till_done()
    assert_nothing_left(hass, cloud)
    assert writes(rig) == 0


async def unload_on(slow: SlowDisk, rig: Rig) -> None:
    """Unload while a write is under way, which ends during it or after it."""
    unloading = rig.hass.async_create_task(
        rig.hass.config_entries.async_unload(rig.entry.entry_id)
    )
    await asyncio.wait([unloading], timeout=0.5)
    slow.go_on.set()
    assert await unloading
    await rig.hass.async_block_till_done()


# A slow disk: energy


async def charge_on_a_slow_disk(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """Charge more while what was charged before is being written."""
    await eventually(lambda: total(rig) == 0)
    slow = SlowDisk(monkeypatch)
    rig.charger.plug_in(battery_kwh=100)
    await charge(rig)
    await slow.busy.wait()
    await charge(rig)
    return slow


async def test_energy_saved_slowly_leaves_nothing_behind(
    hass: HomeAssistant,
    folder: Path,
    cloud: SimulatedCloud,
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = await setup_charger(Personality.V3)
    slow = await charge_on_a_slow_disk(rig, monkeypatch)
    counted = rig.coordinator.energy._books.meter.total
    await unload_on(slow, rig)
    await eventually(lambda: stored(energy_file(rig))["meter"]["total"] >= counted)
    assert_nothing_left(hass, cloud)
    # The write that began first does not end last.
    await asyncio.sleep(0.1)
    assert stored(energy_file(rig))["meter"]["total"] >= counted


async def test_a_reload_waits_for_energy_that_is_saved_slowly(
    hass: HomeAssistant,
    folder: Path,
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant itself waits for ten seconds, and then sets up again."""
    rig = await setup_charger(Personality.V3)
    slow = await charge_on_a_slow_disk(rig, monkeypatch)
    counted = rig.coordinator.energy._books.meter.total
    writing = EnergyStore(hass, rig.entry.entry_id).async_save_books(
        rig.coordinator.energy._books
    )
    saving = asyncio.create_task(writing)
    loading = asyncio.create_task(EnergyStore(hass, rig.entry.entry_id).async_load())
    await asyncio.wait([loading], timeout=0.5)
    slow.go_on.set()
    assert await saving
    books, _ = await loading
    assert books.meter.total >= counted


# A full disk: energy


async def charge(rig: Rig, seconds: float = 600) -> None:
    """Charge for a while, and have it heard."""
    rig.charger.advance(seconds)
    expected = rig.charger.delivered_wh
    await eventually(lambda: rig.coordinator.energy._books.meter.total >= expected - 30)


def total(rig: Rig) -> float:
    return number(rig, "total_energy")


async def charging_on_a_full_disk(disk: SmallDisk, setup_charger: SetUpCharger) -> Rig:
    """Let the disk fill in the middle of a session."""
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: total(rig) == 0)
    rig.charger.plug_in(battery_kwh=100)
    await charge(rig)
    await eventually(lambda: total(rig) > 1)
    disk.fill()
    return rig


async def test_energy_and_sessions_wait_for_room(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await charging_on_a_full_disk(disk, setup_charger)
    on_disk = stored(energy_file(rig))["meter"]["total"] / 1000
    await charge(rig)
    await eventually(lambda: issue(rig.hass, "storage_failing", rig.entry.entry_id))
    rig.charger.unplug()
    await eventually(lambda: len(rig.coordinator.energy.sessions()) == 1)
    assert total(rig) <= on_disk == stored(energy_file(rig))["meter"]["total"] / 1000
    assert stored(energy_file(rig, "sessions")) is None
    disk.free()
    await eventually(
        lambda: total(rig) == pytest.approx(rig.charger.delivered_wh / 1000, abs=0.02)
    )
    assert stored(energy_file(rig))["meter"]["total"] / 1000 == total(rig)
    (session,) = stored(energy_file(rig, "sessions"))
    assert session["watt_hours"] == pytest.approx(rig.charger.delivered_wh, abs=20)
    await eventually(lambda: not issue(rig.hass, "storage_failing", rig.entry.entry_id))


async def test_a_session_file_that_cannot_be_written_costs_nothing(
    folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    await eventually(lambda: total(rig) == 0)
    path = energy_file(rig, "sessions")
    # A folder can't be written over by a file.
    path.mkdir()
    rig.charger.plug_in(battery_kwh=100)
    await charge(rig)
    rig.charger.unplug()
    await eventually(lambda: len(rig.coordinator.energy.sessions()) == 1)
    delivered = pytest.approx(rig.charger.delivered_wh / 1000, abs=0.02)
    await eventually(lambda: total(rig) == delivered)
    await eventually(lambda: stored(energy_file(rig))["unsaved"])
    (session,) = stored(energy_file(rig))["unsaved"]
    assert issue(rig.hass, "storage_failing", rig.entry.entry_id)
    path.rmdir()
    await eventually(path.exists)
    assert stored(path) == [session]
    await eventually(lambda: not stored(energy_file(rig))["unsaved"])


async def test_sessions_missing_in_their_file_come_from_the_other(
    hass: HomeAssistant, folder: Path
) -> None:
    first, second, third = (
        ChargeSession(start=start, end=start + timedelta(hours=1))
        for start in (NOW, NOW + timedelta(days=1), NOW + timedelta(days=2))
    )
    put(folder, "entry", "sessions", [to_json(first), to_json(second)])
    put(folder, "entry", "energy", to_json(Books(unsaved=(second, third))))
    books, sessions = await EnergyStore(hass, "entry").async_load()
    assert sessions == [first, second]
    assert books.unsaved == (third,)


async def test_a_full_disk_does_not_flood_the_log(
    disk: SmallDisk,
    setup_charger: SetUpCharger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(energy_book, "RETRY_INTERVAL", timedelta(hours=1))
    rig = await charging_on_a_full_disk(disk, setup_charger)
    for _ in range(5):
        await charge(rig)
        await asyncio.sleep(0.1)
    failed = [text for text in caplog.messages if "Error writing config" in text]
    assert len(failed) == 1


async def test_a_session_waits_for_room_over_a_reload(
    disk: SmallDisk, setup_charger: SetUpCharger
) -> None:
    rig = await charging_on_a_full_disk(disk, setup_charger)
    rig.charger.unplug()
    await eventually(rig.coordinator.energy.sessions)
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    assert len(rig.coordinator.energy.sessions()) == 1
    assert stored(energy_file(rig, "sessions")) is None
    disk.free()
    await eventually(lambda: stored(energy_file(rig, "sessions")))
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    assert len(rig.coordinator.energy.sessions()) == 1


async def test_a_failed_write_is_noticed(hass: HomeAssistant, folder: Path) -> None:
    """Home Assistant logs and forgets it: the way it is noticed must go on to work."""
    books = EnergyStore(hass, "entry")
    path = folder / f"{DOMAIN}.entry.energy"
    assert await books.async_save_books(Books(meter=EnergyMeter(total=7)))
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError) as caught:
        await books.async_save_books(Books(meter=EnergyMeter(total=8)))
    assert isinstance(caught.value.__cause__, HomeAssistantError)
    assert issue(hass, "storage_failing", "entry")
    path.rmdir()
    assert await books.async_save_books(Books(meter=EnergyMeter(total=8)))
    assert stored(path)["meter"]["total"] == 8
    assert issue(hass, "storage_failing", "entry") is None


async def test_a_write_that_is_left_out_is_noticed(
    hass: HomeAssistant, folder: Path
) -> None:
    books = EnergyStore(hass, "entry")
    books._books._store.make_read_only()
    with pytest.raises(StorageError):
        await books.async_save_books(Books())
    assert files(folder) == []


async def test_one_issue_for_all_files(hass: HomeAssistant, folder: Path) -> None:
    store = EnergyStore(hass, "entry")
    paths = [folder / f"{DOMAIN}.entry.{name}" for name in ("energy", "sessions")]
    for path in paths:
        path.mkdir()
    for save in (store.async_save_books(Books()), store.async_save_sessions([])):
        with pytest.raises(StorageError):
            await save
    paths[0].rmdir()
    await store.async_save_books(Books())
    assert issue(hass, "storage_failing", "entry")
    paths[1].rmdir()
    await store.async_save_sessions([])
    assert issue(hass, "storage_failing", "entry") is None


async def test_what_is_written_survives_the_power(
    hass: HomeAssistant, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are complete on disk before they replace what is there."""
    synced: list[str] = []

    def spy(number: int) -> None:
        synced.append(Path(f"/proc/self/fd/{number}").readlink().name)
        os.fsync(number)

    monkeypatch.setattr("atomicwrites._proper_fsync", spy)
    await EnergyStore(hass, "entry").async_save_books(Books())
    await EnergyStore(hass, "entry").async_save_sessions([])
    await store_of(hass, "entry").async_save(StoredPlan(let_go_since=NOW))
    assert len([name for name in synced if name != ".storage"]) == 3
    assert synced.count(".storage") == 3


# Stopping


async def test_no_schedule_is_overridden_while_home_assistant_stops(
    hass: HomeAssistant, folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    own = sessions(rig)
    hass.set_state(CoreState.stopping)
    assert await refused(rig) == "schedule_not_saved_stopping"
    hass.set_state(CoreState.running)
    assert (writes(rig), sessions(rig)) == (0, own)
    assert not plan_file(rig).exists()
    assert issue(hass, "storage_failing", rig.entry.entry_id) is None
    assert (await call(rig, tracker_rate=TRACKER))["written"]


async def test_energy_is_written_when_home_assistant_has_stopped(
    hass: HomeAssistant, folder: Path
) -> None:
    store = EnergyStore(hass, "entry")
    session = ChargeSession(start=NOW, end=NOW, end_reason=EndReason.FULL)
    hass.set_state(CoreState.stopping)
    assert not await store.async_save_sessions([session])
    assert not await store.async_save_books(Books(meter=EnergyMeter(total=7)))
    assert files(folder) == []
    with pytest.raises(StorageStopping):
        await store_of(hass, "entry").async_save(StoredPlan(let_go_since=NOW))
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    books, written = await EnergyStore(hass, "entry").async_load()
    assert (books.meter.total, written) == (7, [session])
    assert await store_of(hass, "entry").async_load() is None


# What can't be read


def many_sessions(count: int) -> list[ChargeSession]:
    return [
        ChargeSession(
            start=NOW + timedelta(hours=number),
            end=NOW + timedelta(hours=number, minutes=30),
            watt_hours=number,
            end_reason=EndReason.FULL,
            cost=1.5,
        )
        for number in range(count)
    ]


BAD_SESSIONS: dict[str, Any] = {
    "an end reason of a later version": {"end_reason": "eaten"},
    "a bad date": {"start": "yesterday"},
    "no time zone": {"end": "2026-06-05T12:00:00"},
    "a date out of this world": {"end": "9999-12-31T23:59:59+00:00"},
    "no cost": {"cost": None},
    "text for a number": {"watt_hours": "12"},
    "a fraction": {"watt_hours": 1.5},
    "a truth value for a number": {"watt_hours": True},
    "a list": {"charge_mode": ["boost"]},
}


@pytest.mark.parametrize("change", BAD_SESSIONS.values(), ids=BAD_SESSIONS)
async def test_one_bad_session_costs_no_other(
    hass: HomeAssistant, folder: Path, change: dict[str, Any]
) -> None:
    entry = MockConfigEntry(domain=DOMAIN, title="Garage")
    entry.add_to_hass(hass)
    good = many_sessions(501)
    data: list[Any] = [to_json(session) for session in good]
    data[100] = {**data[100], **change}
    path = put(folder, entry.entry_id, "sessions", data)
    original = path.read_bytes()
    store = EnergyStore(hass, entry.entry_id)
    _, loaded = await store.async_load()
    assert loaded == [*good[:100], *good[101:]]
    assert path.read_bytes() == original
    # The original is kept, and reported once.
    (copy,) = copies(path)
    assert copy.read_bytes() == original
    assert copy.stat().st_mode & 0o777 == 0o600
    reported = issue(hass, "data_set_aside", entry.entry_id)
    assert reported
    assert reported.is_persistent
    assert reported.translation_placeholders
    assert reported.translation_placeholders["charger"] == "Garage"
    (field,) = change
    assert f"`[100].{field}`" in reported.translation_placeholders["files"]
    assert copy.name in reported.translation_placeholders["files"]
    ir.async_delete_issue(hass, DOMAIN, reported.issue_id)
    await EnergyStore(hass, entry.entry_id).async_load()
    assert issue(hass, "data_set_aside", entry.entry_id) is None
    await store.async_save_sessions(loaded)
    assert len(stored(path)) == 500
    assert copies(path) == [copy]


@pytest.mark.parametrize(
    ("part", "bad"),
    [
        ("log", {"session": {"start": 1}}),
        ("log", None),
        ("log", []),
        ("price", "0.25"),
        ("house", {"watt_hours": None}),
        ("meter.candidate", {"first": "x"}),
        ("meter.earlier", [{"count": "x"}]),
        ("meter.counted_at", "yesterday"),
        ("meter.count", True),
        ("meter.unplugged", None),
    ],
)
async def test_a_bad_part_costs_no_energy(
    hass: HomeAssistant, folder: Path, part: str, bad: Any
) -> None:
    books = Books(meter=EnergyMeter(total=123_456, count=5, counted_at=NOW))
    data: Any = to_json(books)
    inner = data
    *path_to, name = part.split(".")
    for step in path_to:
        inner = inner[step]
    inner[name] = bad
    path = put(folder, "entry", "energy", data)
    loaded, _ = await EnergyStore(hass, "entry").async_load()
    assert loaded.meter.total == 123_456
    assert len(copies(path)) == 1


async def test_a_price_without_a_valid_end_is_none(
    hass: HomeAssistant, folder: Path
) -> None:
    data: Any = to_json(Books(price=0.3, priced_until=NOW))
    put(folder, "entry", "energy", {**data, "priced_until": "tomorrow"})
    books, _ = await EnergyStore(hass, "entry").async_load()
    assert (books.price, books.priced_until) == (None, None)


@pytest.mark.parametrize("bad", ["12", None, True, 1.5, {}, -1.0, 10**25])
async def test_a_total_that_cannot_be_read_does_not_fall(
    hass: HomeAssistant,
    folder: Path,
    account: Account,
    bad: Any,
) -> None:
    charger = account.add_charger(Personality.V3)
    entry = add_entry(hass, charger)
    data: Any = to_json(Books())
    data["meter"]["total"] = bad
    path = put(folder, entry.entry_id, "energy", data)
    unique_id = f"{charger.charger_id}_total_energy"
    remember_total(hass, unique_id, 1234.5)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    await eventually(lambda: shown_total(hass) == "1234.5")
    assert len(copies(path)) == 1
    assert issue(hass, "data_set_aside", entry.entry_id)


def remember_total(hass: HomeAssistant, unique_id: str, kwh: float) -> None:
    """Have Home Assistant remember the state of an earlier run."""
    from homeassistant.core import State  # noqa: PLC0415

    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State("sensor.hypervolt_total_energy", str(kwh)),
                {
                    "native_value": kwh,
                    "native_unit_of_measurement": "kWh",
                    "unique_id": unique_id,
                },
            )
        ],
    )


def shown_total(hass: HomeAssistant) -> str | None:
    state = hass.states.get("sensor.hypervolt_total_energy")
    return state.state if state else None


# Files of another version or shape

NESTED = "[" * 900 + "]" * 900
SHAPES: dict[str, Callable[[dict[str, Any]], str]] = {
    "a later version": lambda content: json.dumps({**content, "version": 2}),
    "a version in text": lambda content: json.dumps({**content, "version": "1"}),
    "an unknown earlier version": lambda content: json.dumps({**content, "version": 0}),
    "no version": lambda content: json.dumps({"data": content["data"]}),
    "no data": lambda content: json.dumps({"version": 1, "key": content["key"]}),
    "data of another shape": lambda content: json.dumps({**content, "data": "x"}),
    "deep nesting": lambda content: json.dumps({**content, "data": 7}).replace(
        "7", NESTED
    ),
    "a list": lambda content: json.dumps([content]),
    "a number": lambda content: "7",
    "null": lambda content: "null",
}
FILES: dict[str, Any] = {
    "": {"takeover": None, "let_go_since": None},
    "energy": {"meter": {"total": 5}},
    "sessions": [],
}


@pytest.fixture(params=[(shape, name) for shape in SHAPES for name in FILES], ids=str)
def odd_file(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A shape, and the name of the file that has it."""
    shape, name = request.param
    return shape, name


async def test_a_file_of_another_shape_prevents_nothing(
    folder: Path, cloud: SimulatedCloud, account: Account, hass: HomeAssistant,
    odd_file: tuple[str, str],
) -> None:  # fmt: skip
    shape, name = SHAPES[odd_file[0]], odd_file[1]
    charger = account.add_charger(Personality.V3)
    entry = add_entry(hass, charger)
    path = put(folder, entry.entry_id, name, FILES[name])
    path.write_text(shape(json.loads(path.read_text())))
    original = path.read_bytes()
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    (copy,) = copies(path)
    assert copy.read_bytes() == original
    reported = issue(hass, "data_set_aside", entry.entry_id)
    assert reported
    assert reported.translation_placeholders
    named = reported.translation_placeholders["files"]
    assert named.startswith(f"- `{path.name}`")
    assert named.endswith(f" → `{copy.name}`")
    rig = Rig(hass=hass, cloud=cloud, account=account, charger=charger, entry=entry)
    await control_works(rig)
    assert copy.read_bytes() == original


async def control_works(rig: Rig) -> None:
    """Charge, finish, override and restore, with all of it on disk."""
    await act(rig, "switch", "turn_on", "lock_state")
    await act(rig, "switch", "turn_off", "lock_state")
    await eventually(lambda: rig.coordinator.energy.session_watt_hours == 0)
    rig.charger.plug_in(battery_kwh=100)
    await eventually(lambda: rig.state("switch", "charging") == "on")
    await charge(rig)
    rig.charger.unplug()
    await eventually(rig.coordinator.energy.sessions)
    books = rig.coordinator.energy
    await eventually(lambda: books._saved_sessions == books.sessions())
    await eventually(lambda: stored(energy_file(rig))["meter"]["total"] > 1000)
    assert len(stored(energy_file(rig, "sessions"))) == 1
    own_schedule(rig)
    start = datetime.now(UTC).replace(hour=2, minute=0, second=0) + timedelta(days=1)
    plan(rig.hass, (start, start + timedelta(hours=2)))
    assert (await call(rig, tracker_rate=TRACKER))["written"]
    assert stored(plan_file(rig))["takeover"]
    await call(rig, "restore_schedule")
    assert starts(rig) == {"12:00"}


@pytest.mark.parametrize("name", FILES)
async def test_a_damaged_file_is_kept_by_home_assistant(
    hass: HomeAssistant, folder: Path, account: Account, name: str
) -> None:
    entry = add_entry(hass, account.add_charger(Personality.V3))
    path = put(folder, entry.entry_id, name, FILES[name])
    path.write_text(path.read_text()[:-20])
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    assert len(files(folder, f"{path.name}.corrupt.*")) == 1


async def test_a_later_minor_version_is_read(hass: HomeAssistant, folder: Path) -> None:
    path = put(
        folder, "entry", "energy", {"meter": {"total": 5, "humidity": 3}, "mood": "good"},
        minor_version=9,
    )  # fmt: skip
    original = path.read_bytes()
    books, _ = await EnergyStore(hass, "entry").async_load()
    assert books.meter.total == 5
    assert path.read_bytes() == original, "reading writes nothing"
    assert issue(hass, "data_set_aside", "entry") is None


async def test_nothing_is_written_over_what_cannot_be_copied(
    hass: HomeAssistant, disk: SmallDisk, folder: Path
) -> None:
    path = put(folder, "entry", "sessions", [{"start": 1}])
    original = path.read_bytes()
    disk.fill()
    store = EnergyStore(hass, "entry")
    assert await store.async_load() == (Books(), [])
    assert issue(hass, "storage_failing", "entry")
    assert issue(hass, "data_set_aside", "entry") is None
    with pytest.raises(StorageError):
        await store.async_save_sessions(many_sessions(1))
    assert path.read_bytes() == original
    disk.free()
    await store.async_save_sessions(many_sessions(1))
    (copy,) = copies(path)
    assert copy.read_bytes() == original
    assert issue(hass, "data_set_aside", "entry")
    assert issue(hass, "storage_failing", "entry") is None
    assert len(stored(path)) == 1


async def test_a_file_that_cannot_be_opened_is_not_replaced(
    hass: HomeAssistant, folder: Path
) -> None:
    path = folder / f"{DOMAIN}.entry"
    path.mkdir()
    store = store_of(hass, "entry")
    assert await store.async_load() is None
    with pytest.raises(StorageError):
        await store.async_save(StoredPlan(let_go_since=NOW))
    with pytest.raises(StorageError):
        await store.async_clear()
    assert path.is_dir()


async def test_the_oldest_copies_make_room(hass: HomeAssistant, folder: Path) -> None:
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    expected = []
    for second in range(MOST_COPIES + 3):
        path = put(folder, entry.entry_id, "sessions", [second])
        os.utime(path, (1_780_000_000 + second, 1_780_000_000 + second))
        expected.append(path.read_bytes())
        await EnergyStore(hass, entry.entry_id).async_load()
    assert [copy.read_bytes() for copy in copies(path)] == expected[3:]
    # A clock that was set back does not cost the newest copy.
    path = put(folder, entry.entry_id, "sessions", ["earlier"])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    await EnergyStore(hass, entry.entry_id).async_load()
    kept = [copy.read_bytes() for copy in copies(path)]
    assert kept == [path.read_bytes(), *expected[4:]]
    # The message names the last files, and is new each time.
    reported = issue(hass, "data_set_aside", entry.entry_id)
    assert reported
    assert reported.translation_placeholders
    assert len(reported.translation_placeholders["files"].splitlines()) == 5
    # Other files, and those of other entries, are none of its copies.
    await EnergyStore(hass, entry.entry_id).async_remove()
    assert files(folder) == []


async def test_many_invalid_parts_are_counted(
    hass: HomeAssistant, folder: Path
) -> None:
    put(folder, "entry", "sessions", [None] * 20)
    await EnergyStore(hass, "entry").async_load()
    reported = issue(hass, "data_set_aside", "entry")
    assert reported
    assert reported.translation_placeholders
    assert "`[4]` +15)" in reported.translation_placeholders["files"]


async def test_a_message_that_was_ignored_hides_no_new_one(
    hass: HomeAssistant, folder: Path
) -> None:
    put(folder, "entry", "sessions", [1])
    await EnergyStore(hass, "entry").async_load()
    ir.async_get(hass).async_ignore(DOMAIN, "data_set_aside_entry", ignore=True)
    put(folder, "entry", "energy", [1])
    await EnergyStore(hass, "entry").async_load()
    reported = issue(hass, "data_set_aside", "entry")
    assert reported
    assert reported.dismissed_version is None
    assert reported.translation_placeholders
    assert len(reported.translation_placeholders["files"].splitlines()) == 2


async def test_what_was_set_aside_is_confirmed(
    hass: HomeAssistant,
    folder: Path,
    setup_charger: SetUpCharger,
    hass_client: ClientSessionGenerator,
) -> None:
    rig = await setup_charger(Personality.V3)
    await unload(hass, rig.entry)
    path = put(folder, rig.entry.entry_id, "sessions", [1])
    assert await set_up(hass, rig.entry) is ConfigEntryState.LOADED
    reported = issue(hass, "data_set_aside", rig.entry.entry_id)
    assert reported
    assert await async_setup_component(hass, "repairs", {})
    await hass.async_block_till_done()
    client = await hass_client()
    flows = "/api/repairs/issues/fix"
    answer = await client.post(
        flows, json={"handler": DOMAIN, "issue_id": reported.issue_id}
    )
    assert answer.status == HTTPStatus.OK
    form = await answer.json()
    assert form["description_placeholders"] == reported.translation_placeholders
    answer = await client.post(f"{flows}/{form['flow_id']}", json={})
    assert (await answer.json())["type"] == "create_entry"
    assert issue(hass, "data_set_aside", rig.entry.entry_id) is None
    assert len(copies(path)) == 1


async def test_removal_takes_everything_along(
    hass: HomeAssistant, folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    await unload(hass, rig.entry)
    for name in FILES:
        put(folder, rig.entry.entry_id, name, 1)
    assert await set_up(hass, rig.entry) is ConfigEntryState.LOADED
    assert issue(hass, "data_set_aside", rig.entry.entry_id)
    await call(rig, tracker_rate=TRACKER)
    assert len(files(folder, f"{DOMAIN}.*.unreadable.*")) == 3
    await hass.config_entries.async_remove(rig.entry.entry_id)
    await hass.async_block_till_done()
    assert files(folder, f"{DOMAIN}.*") == []
    assert not ir.async_get(hass).issues


async def test_a_file_that_cannot_be_deleted_keeps_no_entry(
    hass: HomeAssistant, folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await setup_charger(Personality.V3)
    plan_file(rig).mkdir()
    assert await hass.config_entries.async_remove(rig.entry.entry_id)
    assert not hass.config_entries.async_entries(DOMAIN)


async def test_a_full_disk_is_nothing_to_a_disabled_charger(
    hass: HomeAssistant, folder: Path, setup_charger: SetUpCharger
) -> None:
    rig = await planned_rig(setup_charger)
    plan_file(rig).mkdir()
    await refused(rig)
    assert issue(hass, "storage_failing", rig.entry.entry_id)
    await hass.config_entries.async_set_disabled_by(
        rig.entry.entry_id, ConfigEntryDisabler.USER
    )
    assert issue(hass, "storage_failing", rig.entry.entry_id) is None


# Records


async def test_as_many_sessions_as_are_kept(hass: HomeAssistant, folder: Path) -> None:
    """By their order: a clock that is years ahead must not delete them."""
    all_of_them = many_sessions(SESSIONS_KEPT + 5)
    put(folder, "entry", "sessions", [to_json(session) for session in all_of_them])
    _, loaded = await EnergyStore(hass, "entry").async_load()
    assert loaded == all_of_them[5:]


async def test_what_earlier_versions_stored(hass: HomeAssistant, folder: Path) -> None:
    """Written by version 2.0.0, word for word."""
    put(folder, "entry", "", EARLIER_PLAN)
    put(folder, "entry", "energy", EARLIER_BOOKS)
    put(folder, "entry", "sessions", EARLIER_SESSIONS)
    plan_stored = await store_of(hass, "entry").async_load()
    assert plan_stored == StoredPlan(
        takeover=Takeover(
            former=Schedule(
                enabled=True,
                type="hypervolt",
                sessions=(
                    ScheduleSession(
                        start=ClockTime(84600),
                        end=ClockTime(86400),
                        days=frozenset(list(SCHEDULE.sessions[0].days)[:2]),
                        mode="super_eco",
                    ),
                ),
                time_zone="Europe/London",
            ),
            ours=(Schedule(enabled=False),),
            until=NOW,
        ),
        let_go_since=NOW,
    )
    books, loaded = await EnergyStore(hass, "entry").async_load()
    assert (books.meter.total, books.meter.count, books.meter.runs) == (7588, 7588, 2)
    assert books.meter.counted_at == NOW
    assert books.house.watt_hours == 51.25
    assert books.log.session == loaded[0].__class__(start=NOW, end=NOW, watt_hours=5)
    assert books.price == 0.25
    assert [session.end_reason for session in loaded] == [EndReason.SCHEDULE_ENDED]
    assert issue(hass, "data_set_aside", "entry") is None
    assert len(files(folder)) == 3


AT = "2026-06-05T12:00:00+00:00"
EARLIER_PLAN = {
    "takeover": {
        "former": {
            "enabled": True,
            "type": "hypervolt",
            "time_zone": "Europe/London",
            "sessions": [
                {
                    "start": "23:30",
                    "end": "24:00",
                    "days": "MONDAY,TUESDAY",
                    "mode": "super_eco",
                }
            ],
        },
        "ours": [
            {"enabled": False, "type": "hypervolt", "time_zone": None, "sessions": []}
        ],
        "until": AT,
    },
    "let_go_since": AT,
}
EARLIER_SESSION = {
    "start": AT, "end": AT, "watt_hours": 5, "initial": 0, "charging_seconds": 0.0,
    "peak_watts": 0.0, "charge_mode": None, "cost": 0.0, "unpriced": 0,
    "end_reason": None,
}  # fmt: skip
EARLIER_POWER = {"watt_hours": 51.25, "watts": 300, "at": AT}
EARLIER_BOOKS = {
    "meter": {
        "total": 7588, "count": 7588, "counted_at": AT, "runs": 2, "former": 100,
        "session_id": None, "charging": True, "unplugged": False,
        "doubt": {"first": 1, "last": 2, "at": AT, "possible": 3, "readings": 2},
    },
    "house": EARLIER_POWER,
    "grid_import": EARLIER_POWER,
    "grid_export": {"watt_hours": 0.0, "watts": None, "at": None},
    "generation": EARLIER_POWER,
    "log": {
        "session": EARLIER_SESSION, "paused_at": None, "told": False, "plugged": True,
        "complete": False, "seen_at": AT, "runs": 2, "gap_ended": None,
    },
    "price": 0.25,
}  # fmt: skip
EARLIER_SESSIONS = [{**EARLIER_SESSION, "end_reason": "schedule_ended"}]


def includes(stored_now: Any, before: Any) -> bool:
    """Whether an earlier version finds all it knows: members may only be added."""
    if isinstance(before, dict):
        return all(includes(stored_now[key], before[key]) for key in before)
    if isinstance(before, list):
        pairs = zip(stored_now, before, strict=True)
        return all(includes(one, other) for one, other in pairs)
    return bool(stored_now == before)


async def test_a_plan_is_stored_as_before(hass: HomeAssistant, folder: Path) -> None:
    path = put(folder, "entry", "", EARLIER_PLAN)
    store = store_of(hass, "entry")
    loaded = await store.async_load()
    assert loaded
    path.unlink()
    await store.async_save(loaded)
    assert includes(stored(path), EARLIER_PLAN)


BAD_PLANS: dict[str, Any] = {
    "no former": {"ours": [], "until": AT},
    "a session that no clock shows": {
        **EARLIER_PLAN["takeover"],  # type: ignore[dict-item]
        "former": {"enabled": True, "sessions": [{"start": "25:99", "end": "24:00"}]},
    },
    "days in a number": {
        **EARLIER_PLAN["takeover"],  # type: ignore[dict-item]
        "former": {
            "enabled": True,
            "sessions": [{"start": "01:00", "end": "02:00", "days": 3}],
        },
    },
    "no end": {**EARLIER_PLAN["takeover"], "until": None},  # type: ignore[dict-item]
    "text": "takeover",
}


@pytest.mark.parametrize("bad", BAD_PLANS.values(), ids=BAD_PLANS)
async def test_a_bad_plan_costs_nothing_else(
    hass: HomeAssistant, folder: Path, bad: Any
) -> None:
    path = put(folder, "entry", "", {"takeover": bad, "let_go_since": AT})
    original = path.read_bytes()
    store = store_of(hass, "entry")
    assert await store.async_load() == StoredPlan(let_go_since=NOW)
    (copy,) = copies(path)
    await store.async_clear()
    assert not path.exists()
    assert copy.read_bytes() == original
