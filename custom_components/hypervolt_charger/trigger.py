"""Triggers for automations: what happens at a charger.

All go by the event entity. It alone tells a finished session from a pause, remembers
what came before a restart or an outage, and exists on every charger. The plug's binary
sensor would miss the first car after a restart, because chargers tell of the plug when
it changes, and every plug pulled while the charger is offline.
"""

from typing import ClassVar, override

from homeassistant.components.event import (
    DOMAIN as EVENT_DOMAIN,
    EventEntityStateAttribute,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er

from .entity import is_entity_of_key

try:
    from homeassistant.helpers.automation import DomainSpec
    from homeassistant.helpers.trigger import (
        ENTITY_STATE_TRIGGER_SCHEMA_WITH_BEHAVIOR,
        NotTriggeredReasonReporter,
        StatelessEntityTriggerBase,
        Trigger,
    )
except ImportError:
    # This interface is young and may change. Home Assistant loads the modules it looks
    # for in one go, so a failure here would take diagnostics and repairs along.
    TRIGGERS: dict[str, type[Trigger]] = {}
else:

    class ChargingEventTrigger(StatelessEntityTriggerBase):
        """Fires at an event of a charger.

        What the event begins lasts until another kind of event: `for` waits as long,
        and `first` and `all` count the chargers that are in it.
        """

        _domain_specs = {EVENT_DOMAIN: DomainSpec()}  # noqa: RUF012 - no class variable in the base
        _schema = ENTITY_STATE_TRIGGER_SCHEMA_WITH_BEHAVIOR
        _event_type: ClassVar[str]
        _lasts_in: ClassVar[frozenset[str]]

        @override
        def entity_filter(self, entities: set[str]) -> set[str]:
            """Leave the event entities of chargers."""
            registry = er.async_get(self._hass)
            return {
                entity_id
                for entity_id in super().entity_filter(entities)
                if is_entity_of_key(registry.async_get(entity_id), "charging")
            }

        @override
        def is_valid_transition(self, from_state: State, to_state: State) -> bool:
            """Whether it has just happened, be it for the second time in a row."""
            return (
                super().is_valid_transition(from_state, to_state)
                and _event_type_of(to_state) == self._event_type
            )

        @override
        def is_valid_state(
            self, state: State, report_not_triggered: NotTriggeredReasonReporter
        ) -> bool:
            """Whether what the event began still lasts."""
            return _event_type_of(state) in self._lasts_in

    class PluggedInTrigger(ChargingEventTrigger):
        """A car is plugged in."""

        _event_type = "plugged_in"
        _lasts_in = frozenset(
            {"plugged_in", "started", "paused", "resumed", "finished"}
        )

    class StartedChargingTrigger(ChargingEventTrigger):
        """A session starts."""

        _event_type = "started"
        _lasts_in = frozenset({"started", "resumed"})

    class FinishedChargingTrigger(ChargingEventTrigger):
        """A session has ended."""

        _event_type = "finished"
        _lasts_in = frozenset({"finished"})

    class UnpluggedTrigger(ChargingEventTrigger):
        """A car is unplugged."""

        _event_type = "unplugged"
        _lasts_in = frozenset({"unplugged"})

    TRIGGERS = {
        "finished_charging": FinishedChargingTrigger,
        "plugged_in": PluggedInTrigger,
        "started_charging": StartedChargingTrigger,
        "unplugged": UnpluggedTrigger,
    }


def _event_type_of(state: State) -> object:
    return state.attributes.get(EventEntityStateAttribute.EVENT_TYPE)


async def async_get_triggers(_hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by their keys."""
    return TRIGGERS
