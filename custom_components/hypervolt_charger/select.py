"""Selects: charge modes and the activation mode."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import (
    HypervoltControl,
    HypervoltEntityDescription,
    async_add_supported,
    speaks_v3_api,
)
from .hypervolt.device_state import (
    FEATURE_BATTERY_SAFE,
    HypervoltActivationMode,
    HypervoltChargeMode,
    charge_mode_named,
    plain_name,
)
from .hypervolt.draft import SLOTS
from .hypervolt.permission import charge_mode_with_sessions

# The client sends one command at a time.
PARALLEL_UPDATES = 0

_CHARGE_MODES: Final = (
    HypervoltChargeMode.BOOST,
    HypervoltChargeMode.ECO,
    HypervoltChargeMode.SUPER_ECO,
)


@dataclass(frozen=True, kw_only=True)
class HypervoltSelectEntityDescription(
    HypervoltEntityDescription, SelectEntityDescription
):
    """Describes a select.

    The active one is always an option, also where it is not offered otherwise.
    """

    offered_fn: Callable[[HypervoltUpdateCoordinator], Iterable[str]]
    current_fn: Callable[[HypervoltUpdateCoordinator], str | None]
    select_fn: Callable[[HypervoltUpdateCoordinator, str], Awaitable[None]]


class Options(list[str]):
    """Options that are also found by the label an older version had for them.

    Automations select "Super Eco" where the option is `super_eco` (protocol.md 15.4).
    Home Assistant looks an option up in this list before the entity hears of it, and
    its method to do so must not be overridden.
    """

    @override
    def __contains__(self, option: object) -> bool:
        return isinstance(option, str) and self.find(option) is not None

    def find(self, text: str) -> str | None:
        """Return the option that a text means; None if there is no such option."""
        if super().__contains__(text):
            return text
        name, mode = plain_name(text), charge_mode_named(text)
        for option in self:
            if option == mode or (name and name == plain_name(option)):
                return option
        return None


def _charge_modes(coordinator: HypervoltUpdateCoordinator) -> Iterable[str]:
    yield from _CHARGE_MODES
    if FEATURE_BATTERY_SAFE in coordinator.data.features:
        yield HypervoltChargeMode.SUPER_ECO_BATTERY_SAFE


def _charge_mode(coordinator: HypervoltUpdateCoordinator) -> str | None:
    """Return the active charge mode; the sessions of a legacy V2 have none."""
    state = coordinator.data
    if not speaks_v3_api(coordinator):
        return state.charge_mode
    zone = coordinator.schedule_zone
    return charge_mode_with_sessions(state, dt_util.utcnow(), zone)


def _session_charge_mode(number: int) -> HypervoltSelectEntityDescription:
    async def edit(coordinator: HypervoltUpdateCoordinator, mode: str) -> None:
        coordinator.async_edit_session(lambda draft: draft.edit(number, mode=mode))

    return HypervoltSelectEntityDescription(
        key=f"schedule_session_{number}_charge_mode",
        translation_key="schedule_session_charge_mode",
        translation_placeholders={"number": str(number)},
        entity_category=EntityCategory.CONFIG,
        supported_fn=speaks_v3_api,
        offered_fn=_charge_modes,
        current_fn=lambda coordinator: coordinator.draft.slot(number).mode,
        select_fn=edit,
    )


DESCRIPTIONS = (
    HypervoltSelectEntityDescription(
        key="charge_mode",
        offered_fn=_charge_modes,
        current_fn=_charge_mode,
        select_fn=lambda coordinator, mode: coordinator.client.set_charge_mode(mode),
    ),
    HypervoltSelectEntityDescription(
        key="activation_mode",
        # Octopus is entered and left in its own app.
        offered_fn=lambda _: (
            HypervoltActivationMode.PLUG_AND_CHARGE,
            HypervoltActivationMode.SCHEDULE,
        ),
        current_fn=lambda coordinator: coordinator.data.activation_mode,
        select_fn=lambda coordinator, mode: coordinator.planned.async_by_user(
            lambda: coordinator.client.set_activation_mode(
                HypervoltActivationMode(mode)
            )
        ),
    ),
    *(_session_charge_mode(number) for number in range(1, SLOTS + 1)),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltSelect, DESCRIPTIONS)


class HypervoltSelect(HypervoltControl, SelectEntity):
    """A mode of a charger or of the edited schedule."""

    entity_description: HypervoltSelectEntityDescription

    @property
    @override
    def current_option(self) -> str | None:
        """The active mode, also one we know nothing of; None while none is known."""
        if not self._is_current:
            return None
        current = self.entity_description.current_fn(self.coordinator)
        return None if current is None else str(current)

    @property
    @override
    def options(self) -> Options:
        """What is offered, and in any case the active one."""
        offered = map(str, self.entity_description.offered_fn(self.coordinator))
        options, current = Options(offered), self.current_option
        if current is not None and current not in list(options):
            options.append(current)
        return options

    @property
    @override
    def _value(self) -> Hashable:
        # These two make the options.
        offered = self.entity_description.offered_fn(self.coordinator)
        return self.current_option, tuple(offered)

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose a mode by its option or an older label of it."""
        option = self.options.find(option) or option
        await self._command(self.entity_description.select_fn(self.coordinator, option))
