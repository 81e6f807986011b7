"""Owns the client of one charger, its poll and its state."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
import logging
from typing import override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_TIME_ZONE, EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryError,
    HomeAssistantError,
    ServiceValidationError,
)
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
from homeassistant.util.ssl import get_default_context

from .const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_LIVE_SEEN,
    CONF_RESOLVED_API_VERSION,
    DOMAIN,
    POLL_INTERVAL,
    REPORT_CHECK_INTERVAL,
    SET_UP_LIMIT,
)
from .energy_book import EnergyBook
from .entry_issues import async_withdraw_issue
from .exceptions import translated
from .hypervolt.account import HypervoltAccount
from .hypervolt.charger import Charger, parse_id, parse_variant, short_id
from .hypervolt.client import HypervoltApiClient
from .hypervolt.connection import ConnectionState
from .hypervolt.device_state import HypervoltDeviceState
from .hypervolt.draft import ScheduleDraft
from .hypervolt.errors import (
    Blocked,
    CannotConnect,
    Cause,
    CommandTimeout,
    HypervoltError,
    InvalidAuth,
    NotConnected,
)
from .hypervolt.led import LedEffect
from .hypervolt.limits import time_limit
from .hypervolt.permission import next_window
from .hypervolt.schedule import Occurrence
from .planned_schedule import PlannedSchedule
from .price import async_follow_price

_LOGGER = logging.getLogger(__name__)

type HypervoltConfigEntry = ConfigEntry[HypervoltUpdateCoordinator]


class HypervoltUpdateCoordinator(DataUpdateCoordinator[HypervoltDeviceState]):
    """Publishes what a charger tells, and carries what people want to it.

    Pushes are the way data arrives. The poll is the safety net under them and has a
    timer of its own: the base class's would be put off by every push.
    """

    config_entry: HypervoltConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: HypervoltConfigEntry,
        account: HypervoltAccount,
        led_effects: tuple[LedEffect, ...],
    ) -> None:
        """Prepare the client; the first refresh connects it.

        Raises ConfigEntryError if the entry's charger id is no number.
        """
        try:
            charger_id = parse_id(entry.data[CONF_CHARGER_ID])
        except ValueError as error:
            raise ConfigEntryError(
                translation_domain=DOMAIN, translation_key="invalid_charger_id"
            ) from error
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"Hypervolt {short_id(charger_id)}",
        )
        self.charger = Charger(charger_id)
        self.led_effects = led_effects
        self.draft = ScheduleDraft()
        # Whether a car was plugged in when an earlier run last knew.
        self.remembered_plug: bool | None = None
        self._zones: dict[str, tzinfo] = {}
        self._was_fine = True
        self._report_listeners: list[CALLBACK_TYPE] = []
        self._account = account
        self.energy = EnergyBook(
            hass,
            entry,
            now_live=lambda: self.client.state if self.client.live else None,
            plug=lambda: self.client.plug,
            zone=lambda: self.schedule_zone,
            changed=self.async_update_listeners,
        )
        self.client = HypervoltApiClient(
            account,
            charger_id,
            listener=self._client_changed,
            session_listener=self.energy.async_read,
            ssl_context=get_default_context(),
            zone=dt_util.get_default_time_zone,
            remembered_variant=parse_variant(entry.data.get(CONF_RESOLVED_API_VERSION)),
            forced_variant=parse_variant(entry.options.get(CONF_API_VERSION_OVERRIDE)),
            live_seen=bool(entry.data.get(CONF_LIVE_SEEN)),
        )
        self.planned = PlannedSchedule(
            hass, entry, self.client, changed=self.async_update_listeners
        )
        self.data = self.client.state

    @override
    async def _async_setup(self) -> None:
        """Find the charger in the account, and see to the poll.

        The energy books are opened first: what the charger tells goes into them.
        """
        await self.energy.async_load()
        self.remembered_plug = self.energy.plugged
        self.client.remember_plug(self.remembered_plug)
        async_follow_price(self.hass, self.config_entry, self.energy.tariff)
        with _connecting():
            async with asyncio.timeout(SET_UP_LIMIT):
                await self._find_charger()
        self.config_entry.async_on_unload(
            self.hass.bus.async_listen(
                EVENT_CORE_CONFIG_UPDATE, self._core_config_changed
            )
        )
        self.config_entry.async_on_unload(
            async_track_time_interval(
                self.hass,
                self._poll,
                POLL_INTERVAL,
                name=f"{self.name} poll",
                cancel_on_shutdown=True,
            )
        )
        self.config_entry.async_on_unload(
            async_track_time_interval(
                self.hass,
                self._report_again,
                REPORT_CHECK_INTERVAL,
                name=f"{self.name} reports",
                cancel_on_shutdown=True,
            )
        )

    async def _find_charger(self) -> None:
        """Learn the model, and check that the charger is in the account.

        The list is not needed to go on: where only it is in trouble, do without. A
        charger that is missing may come back, so this is tried again, too.
        """
        try:
            chargers = await self._account.chargers()
        except Blocked:
            raise
        except CannotConnect as error:
            _LOGGER.debug("Going on without the list of chargers: %s", error)
            return
        for charger in chargers:
            if charger.charger_id == self.charger.charger_id:
                self.charger = charger
                async_forget_charger_gone(self.hass, self.config_entry)
                return
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            _gone_issue(self.config_entry),
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key="charger_gone",
            translation_placeholders={"charger": self.config_entry.title},
        )
        raise UpdateFailed(
            translation_domain=DOMAIN, translation_key="charger_not_in_account"
        )

    @override
    async def _async_update_data(self) -> HypervoltDeviceState:
        """Connect the first time; later ask for everything that can be asked for."""
        with _connecting():
            async with asyncio.timeout(SET_UP_LIMIT):
                if self.client.failure is not None:
                    raise self.client.failure
                if self.client.connection_state is ConnectionState.STOPPED:
                    await self.client.start()
                    return self.client.state
                if self.client.connected:
                    await self.client.refresh()
                    # Whoever can be spoken to is there.
                    async_forget_charger_gone(self.hass, self.config_entry)
                else:
                    await self._find_charger()
        if not self.client.available:
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="cannot_connect"
            )
        return self.client.state

    async def _poll(self, _now: datetime) -> None:
        await self.async_refresh()

    async def _core_config_changed(self, event: Event) -> None:
        """Show the schedule in a new time zone, and read it again in that."""
        if CONF_TIME_ZONE in event.data:
            self.async_update_listeners()
            await self.async_refresh()

    @override
    async def async_shutdown(self) -> None:
        """Close the sockets and end every task."""
        await super().async_shutdown()
        self.planned.async_stop()
        await self.client.stop()
        await self.energy.async_stop()

    # What people want

    async def async_command[ResultT](self, command: Awaitable[ResultT]) -> ResultT:
        """Carry out a command of the client within its time limit.

        Raises ServiceValidationError for what is a mistake of the caller, and
        HomeAssistantError for every other way to fail, both translated.
        """
        try:
            with time_limit(self._account.timing.command_limit):
                return await command
        except InvalidAuth as error:
            self._ask_for_login()
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="invalid_auth"
            ) from error
        except HypervoltError as error:
            raise translated(error) from error

    async def async_apply_draft(self) -> None:
        """Write the schedule a person has edited, keeping the activation mode.

        Nothing is written from the unknown: the charger must have told its schedule.
        """
        if self.client.state.schedule is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="schedule_unknown"
            )
        draft = self.draft
        await self.async_command(self.planned.async_by_user(lambda: self._write(draft)))
        self.async_edit_draft(self.draft.written(draft))

    async def _write(self, draft: ScheduleDraft) -> None:
        """Write what was edited over the schedule that is active now."""
        base = await self.client.read_schedule()
        await self.client.set_schedule(draft.to_schedule(base))

    @callback
    def async_edit_session(
        self, edit: Callable[[ScheduleDraft], ScheduleDraft]
    ) -> None:
        """Edit the draft of the schedule that the charger reports.

        Raises InvalidAuth, NotConnected or CommandTimeout while that is not known: the
        edit would be of another session than the user means.
        """
        if not self.client.available:
            raise self.client.failure or NotConnected(
                "edit_schedule", Cause.NOT_CONNECTED
            )
        if self.client.state.schedule is None:
            raise CommandTimeout("edit_schedule", Cause.SCHEDULE_NOT_REPORTED)
        self.async_edit_draft(edit(self.draft))

    @callback
    def async_edit_draft(self, draft: ScheduleDraft) -> None:
        """Take over a person's changes, or their absence, without sending anything."""
        self.draft = draft
        self.async_update_listeners()

    # What the client tells

    @callback
    def _client_changed(self) -> None:
        """Publish news; say once that the charger went away, and once that it is back."""
        client, before = self.client, self.data
        if client.failure is not None:
            self._ask_for_login()
        self._remember()
        self.data = client.state
        self._log_outages()
        self.last_update_success = client.available
        if self.data.schedule is not None and self.data.schedule != before.schedule:
            self.draft = self.draft.rebase(self.data.schedule)
            self.planned.note_active(self.data.schedule)
            self._learn_zone(self.data.schedule.time_zone)
        if self.data.firmware_version != before.firmware_version:
            self._remember_firmware(self.data.firmware_version)
        self.energy.async_look()
        self.async_update_listeners()

    def _ask_for_login(self) -> None:
        """Have a person log in again, unless one just has: the entry then reloads."""
        if self.config_entry.state is not ConfigEntryState.UNLOAD_IN_PROGRESS:
            self.config_entry.async_start_reauth(self.hass)

    def _log_outages(self) -> None:
        """Say once that an outage began, and once that it is over."""
        client = self.client
        expected = (
            self.config_entry.state is not ConfigEntryState.LOADED
            or self.hass.is_stopping
        )
        fine = client.available and not client.stalled
        if expected or fine is self._was_fine:
            return
        self._was_fine = fine
        if fine:
            _LOGGER.info("%s is live again", self.name)
        elif client.available:
            _LOGGER.info("%s tells no live data", self.name)
        else:
            _LOGGER.info("%s is unavailable", self.name)

    @callback
    def async_add_report_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call a listener regularly while readings are live, changed or not."""
        self._report_listeners.append(listener)
        return lambda: self._report_listeners.remove(listener)

    @callback
    def _report_again(self, _now: datetime) -> None:
        if self.client.live:
            for listener in self._report_listeners:
                listener()

    @property
    def schedule_zone(self) -> tzinfo:
        """Where the schedule's times of day are: it may name a zone (protocol.md 8.1)."""
        schedule, default = self.data.schedule, dt_util.get_default_time_zone()
        if schedule is None or schedule.time_zone is None:
            return default
        return self._zones.get(schedule.time_zone, default)

    @property
    def next_window(self) -> Occurrence | None:
        """The charging window that is running or comes next.

        The poll has entities ask at least every five minutes, so none is shown for long
        after its end.
        """
        schedule = self.data.schedule
        if schedule is None:
            return None
        return next_window(schedule, dt_util.utcnow(), self.schedule_zone)

    def _learn_zone(self, name: str | None) -> None:
        """Load a zone by the side: that reads a file."""
        if name is not None and name not in self._zones:
            self.config_entry.async_create_background_task(
                self.hass, self._load_zone(name), f"{self.name} time zone"
            )

    async def _load_zone(self, name: str) -> None:
        try:
            zone = await dt_util.async_get_time_zone(name)
        except ValueError:
            zone = None
        if zone is not None:
            self._zones[name] = zone
            self.async_update_listeners()

    def _remember(self) -> None:
        """Start the next run from what was found (protocol.md 2.4)."""
        found: dict[str, str | bool] = {}
        if (variant := self.client.variant) is not None:
            found[CONF_RESOLVED_API_VERSION] = variant.value
        if self.client.live_seen:
            found[CONF_LIVE_SEEN] = True
        data = self.config_entry.data
        if found.items() - data.items():
            self.hass.config_entries.async_update_entry(
                self.config_entry, data={**data, **found}
            )

    def _remember_firmware(self, version: str | None) -> None:
        registry = dr.async_get(self.hass)
        device = registry.async_get_device_by_identifier(
            (DOMAIN, self.charger.charger_id), self.config_entry.entry_id
        )
        if version and device and device.sw_version != version:
            registry.async_update_device(device.id, sw_version=version)


@callback
def async_forget_charger_gone(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back that a charger is not in its account any more."""
    async_withdraw_issue(hass, _gone_issue(entry))


def _gone_issue(entry: ConfigEntry) -> str:
    return f"charger_gone_{entry.entry_id}"


@contextmanager
def _connecting() -> Iterator[None]:
    """Translate what can go wrong between us and the cloud."""
    try:
        yield
    except InvalidAuth as error:
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN, translation_key="invalid_auth"
        ) from error
    except Blocked as error:
        raise UpdateFailed(
            translation_domain=DOMAIN, translation_key="blocked"
        ) from error
    except (TimeoutError, CannotConnect) as error:
        raise UpdateFailed(
            translation_domain=DOMAIN, translation_key="cannot_connect"
        ) from error
