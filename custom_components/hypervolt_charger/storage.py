"""Record files in Home Assistant's storage, written for certain or with an error.

Home Assistant's own store logs a failed write and continues as if it had succeeded,
and refuses files it does not know by raising an error. Here a failed write raises, and
a file that can't be read, or only in part, is copied before anything is written over
it. Both are reported under Repairs.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from glob import escape
import logging
from pathlib import Path
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.storage import STORAGE_DIR, Store
from homeassistant.util.file import WriteError, write_utf8_file_atomic
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, ISSUE_ENTRY, ISSUE_KIND
from .entry_issues import async_withdraw_issue
from .records import Decoded, Json

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
# Copies of one file that could not be read; the oldest make room for new ones.
MOST_COPIES: Final = 5
# How soon it is noticed that there is room on the disk again.
CHECK_INTERVAL: Final = timedelta(minutes=1)

STORAGE_FAILING: Final = "storage_failing"
DATA_SET_ASIDE: Final = "data_set_aside"

_COPY: Final = ".unreadable."
# A disk without room for so much is full: our files are larger sooner or later.
_CHECK_BYTES: Final = 65536
# Parts of a file, and files, that an issue names.
_MOST_NAMED: Final = 5

# By entry: the files whose last write failed.
_FAILING: Final[HassKey[dict[str, set[str]]]] = HassKey(f"{DOMAIN}_failing_files")
# By file: held while it is read or written, also by an entry that is reloaded meanwhile.
_LOCKS: Final[HassKey[dict[str, asyncio.Lock]]] = HassKey(f"{DOMAIN}_file_locks")
# By file: the record that could not be written, which survives a reload of its entry.
_UNSAVED: Final[HassKey[dict[str, Any]]] = HassKey(f"{DOMAIN}_unsaved_records")


class StorageError(Exception):
    """Data is not on disk."""


class StorageStopping(StorageError):
    """Home Assistant is stopping and writes nothing any more before it has stopped."""


class _Store(Store[dict[str, Any] | list[Any]]):
    """Home Assistant's store, which remembers how its last write ended."""

    written = False
    error: Exception | None = None
    _loading = False

    @override
    async def async_load(self) -> dict[str, Any] | list[Any] | None:
        self._loading = True
        try:
            return await super().async_load()
        finally:
            self._loading = False

    @override
    async def async_save(self, data: dict[str, Any] | list[Any]) -> None:
        # A file of another minor version would be written over by reading it.
        if not self._loading:
            await super().async_save(data)

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        try:
            await super()._async_write_data(data)
        except Exception as error:
            self.error = error
            raise
        self.written = True


class RecordStore[RecordT]:
    """One file of an entry, which holds one kind of record."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry_id: str,
        name: str,
        *,
        encode: Callable[[RecordT], Json],
        decode: Callable[[Json], Decoded[RecordT]],
    ) -> None:
        """Prepare; nothing is read or written yet.

        `decode` raises ValueError where nothing is valid.
        """
        self._hass = hass
        self._entry_id = entry_id
        self._encode = encode
        self._decode = decode
        self._store = _Store(
            hass,
            STORAGE_VERSION,
            ".".join(filter(None, (DOMAIN, entry_id, name))),
            private=True,
            atomic_writes=True,
        )
        self._invalid: tuple[str, ...] = ()
        self._copy_due = False
        locks = hass.data.setdefault(_LOCKS, {})
        self._lock = locks.setdefault(self._store.key, asyncio.Lock())

    async def async_load(self) -> RecordT | None:
        """Return what is stored as far as it is valid; None if nothing is."""
        async with self._lock:
            return await self._load()

    async def _load(self) -> RecordT | None:
        try:
            stored: Any = await self._store.async_load()
            if stored is None:
                return None
            decoded = await self._hass.async_add_executor_job(self._decode, stored)
        except Exception as error:  # noqa: BLE001 - no file may prevent charging
            _LOGGER.warning("%s can't be read: %r", self._store.key, error)
            await self._async_keep_original(())
            return None
        if decoded.invalid:
            _LOGGER.warning(
                "%s can be read in part only, not %s",
                self._store.key,
                _named(decoded.invalid),
            )
            await self._async_keep_original(decoded.invalid)
        return decoded.value

    @property
    def unsaved(self) -> RecordT | None:
        """The record whose last write failed, also before the entry was reloaded."""
        record: RecordT | None = self._hass.data.get(_UNSAVED, {}).get(self._store.key)
        return record

    async def async_save(self, record: RecordT, *, may_wait: bool = False) -> bool:
        """Write a record; raises StorageError if it is not on disk.

        While Home Assistant is stopping, a record that `may_wait` is written when it
        has stopped. Returns False then.
        """
        saving = self._hass.async_create_task(
            self._save(record, may_wait), f"{self._store.key} save"
        )
        saving.add_done_callback(_retrieve)
        # If this is cancelled, that goes on: the thread that writes can't be stopped, and
        # must not be the last to write.
        await asyncio.wait([saving])
        return saving.result()

    async def _save(self, record: RecordT, may_wait: bool) -> bool:
        async with self._lock:
            await self._async_copy_original()
            with self._writing():
                content: Any = await self._hass.async_add_executor_job(
                    self._encode, record
                )
            # Home Assistant's store puts off what is saved from now on.
            stopping = self._hass.state is CoreState.stopping
            if stopping and not may_wait:
                raise StorageStopping(self._store.key)
            self._store.written, self._store.error = False, None
            unsaved = self._hass.data.setdefault(_UNSAVED, {})
            unsaved[self._store.key] = record
            with self._writing():
                await self._store.async_save(content)
                if not self._store.written and not stopping:
                    raise self._store.error or RuntimeError("nothing was written")
            unsaved.pop(self._store.key, None)
            if self._store.written:
                self._set_failing(False)
            return self._store.written

    async def async_clear(self) -> None:
        """Delete the file, as nothing is to be stored; StorageError if it is there."""
        async with self._lock:
            await self._async_copy_original()
            with self._writing():
                await self._store.async_remove()
            self._hass.data.get(_UNSAVED, {}).pop(self._store.key, None)

    async def async_remove(self) -> None:
        """Delete the file with its copies, and what was reported of it."""
        self._set_failing(False)
        ir.async_delete_issue(
            self._hass, DOMAIN, _issue_id(DATA_SET_ASIDE, self._entry_id)
        )
        try:
            await self._store.async_remove()
            await self._hass.async_add_executor_job(_delete_copies, self._path, 0)
        except OSError as error:
            _LOGGER.warning("%s can't be deleted: %s", self._store.key, error)

    @property
    def _path(self) -> Path:
        return Path(self._store.path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn whatever prevents a write into a StorageError, and report it."""
        try:
            yield
        except Exception as error:
            self._set_failing(True)
            raise StorageError(self._store.key) from error

    @callback
    def _set_failing(self, failing: bool) -> None:
        """Note how the last write ended; one issue reports all files of an entry."""
        files = self._hass.data.setdefault(_FAILING, {}).setdefault(
            self._entry_id, set()
        )
        if failing:
            files.add(self._store.key)
        else:
            files.discard(self._store.key)
        _report_failing(self._hass, self._entry_id)

    # What could not be read

    async def _async_keep_original(self, invalid: tuple[str, ...]) -> None:
        """Copy the file before it is written over, now or as soon as it is possible."""
        self._invalid, self._copy_due = invalid, True
        try:
            await self._async_copy_original()
        except StorageError:
            _LOGGER.warning("%s is left as it is until it is copied", self._store.key)

    async def _async_copy_original(self) -> None:
        if not self._copy_due:
            return
        with self._writing():
            copy = await self._hass.async_add_executor_job(_copy_beside, self._path)
        self._copy_due = False
        if copy is not None:
            parts = f" ({_named(self._invalid)})" if self._invalid else ""
            _report_set_aside(
                self._hass,
                self._entry_id,
                f"- `{self._store.key}`{parts} → `{copy}`",
            )


def _retrieve(saving: asyncio.Task[bool]) -> None:
    """Have an error that nobody waits for any more not logged: it is reported."""
    if not saving.cancelled():
        saving.exception()


def _named(invalid: tuple[str, ...]) -> str:
    """Return the paths of what is not valid, or how many there are beside the first."""
    more = len(invalid) - _MOST_NAMED
    named = ", ".join(f"`{path}`" for path in invalid[:_MOST_NAMED])
    return f"{named} +{more}" if more > 0 else named


# Copies ---------------------------------------------------------------------------


def _copy_beside(path: Path) -> str | None:
    """Copy a file under a name that says when it was written.

    Returns the name of a copy that is new.
    """
    try:
        content, written = path.read_bytes(), path.stat().st_mtime
    except FileNotFoundError:
        return None
    # No colons: some systems that backups are copied to refuse them.
    time = datetime.fromtimestamp(written, UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    copy = path.with_name(f"{path.name}{_COPY}{time}")
    if copy.exists() and copy.read_bytes() == content:
        return None
    write_utf8_file_atomic(str(copy), content, private=True, mode="wb")
    _delete_copies(path, MOST_COPIES, but=copy)
    return copy.name


def _delete_copies(path: Path, most: int, but: Path | None = None) -> None:
    """Delete the oldest copies of a file, and leave no more than so many."""
    others = sorted(
        item for item in path.parent.glob(f"{escape(path.name)}{_COPY}*") if item != but
    )
    spare = len(others) - most + (but is not None)
    for item in others[: max(spare, 0)]:
        item.unlink(missing_ok=True)


# Issues ---------------------------------------------------------------------------


@callback
def async_watch_storage(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Notice that the disk has room again though nothing is to be written."""

    async def check(_now: datetime) -> None:
        files = hass.data.get(_FAILING, {}).get(entry.entry_id)
        if not files:
            return
        path = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry.entry_id}.check"))
        try:
            await hass.async_add_executor_job(_try_to_write, path)
        except WriteError, OSError:
            return
        files.clear()
        _report_failing(hass, entry.entry_id)

    entry.async_on_unload(
        async_track_time_interval(
            hass,
            check,
            CHECK_INTERVAL,
            name=f"{entry.title} storage",
            cancel_on_shutdown=True,
        )
    )


def _try_to_write(path: Path) -> None:
    write_utf8_file_atomic(str(path), b" " * _CHECK_BYTES, private=True, mode="wb")
    path.unlink()


@callback
def async_delete_storage_issue(hass: HomeAssistant, entry_id: str) -> None:
    """Delete the issue that files can't be written: none are any more."""
    hass.data.get(_FAILING, {}).pop(entry_id, None)
    ir.async_delete_issue(hass, DOMAIN, _issue_id(STORAGE_FAILING, entry_id))


@callback
def _report_failing(hass: HomeAssistant, entry_id: str) -> None:
    issue_id = _issue_id(STORAGE_FAILING, entry_id)
    if not hass.data.get(_FAILING, {}).get(entry_id):
        async_withdraw_issue(hass, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="storage_failing",
        translation_placeholders={"charger": _title(hass, entry_id)},
    )


@callback
def _report_set_aside(hass: HomeAssistant, entry_id: str, file: str) -> None:
    """Report one more file; the issue stays over restarts until it is confirmed."""
    issue_id = _issue_id(DATA_SET_ASIDE, entry_id)
    files = [file]
    if issue := ir.async_get(hass).async_get_issue(DOMAIN, issue_id):
        reported = (issue.translation_placeholders or {}).get("files", "")
        files = [*reported.split("\n"), file][-_MOST_NAMED:]
        # If the former one was ignored, the new one must not be.
        ir.async_delete_issue(hass, DOMAIN, issue_id)
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={ISSUE_ENTRY: entry_id, ISSUE_KIND: DATA_SET_ASIDE},
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="data_set_aside",
        translation_placeholders={
            "charger": _title(hass, entry_id),
            "files": "\n".join(files),
        },
    )


def _issue_id(kind: str, entry_id: str) -> str:
    return f"{kind}_{entry_id}"


def _title(hass: HomeAssistant, entry_id: str) -> str:
    entry = hass.config_entries.async_get_entry(entry_id)
    return entry.title if entry else entry_id
