"""What the tests of the forty faults share: who covers what, and watching people's view."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import Event, EventStateChangedData, callback
import pytest

from custom_components.hypervolt_charger.const import DOMAIN
from tests.conftest import Rig
from tests.simulator import Fault, RecordedFrame, RecordedRequest
from tests.waiting import eventually

USER_AGENT: Final = "home-assistant-hypervolt-charger/"
SYNC: Final = "/sync"

COVERED: Final[defaultdict[Fault, set[str]]] = defaultdict(set)
"""The tests that show each fault and how it is survived."""


def covers[**ParamsT, ResultT](
    fault: Fault,
) -> Callable[[Callable[ParamsT, ResultT]], Callable[ParamsT, ResultT]]:
    """Enter a test in the table of faults that are covered."""

    def enter(test: Callable[ParamsT, ResultT]) -> Callable[ParamsT, ResultT]:
        COVERED[fault].add(test.__name__)
        return test

    return enter


class Watch:
    """Remembers what entities showed from now on."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._seen: list[tuple[str, str]] = []
        rig.entry.async_on_unload(
            rig.hass.bus.async_listen(EVENT_STATE_CHANGED, self._note)
        )

    @callback
    def _note(self, event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) is not None:
            self._seen.append((state.entity_id, state.state))

    def states(self, platform: str, key: str) -> list[str]:
        """Return what an entity showed, one after the other."""
        wanted = self._rig.entity_id(platform, key)
        return [state for entity_id, state in self._seen if entity_id == wanted]

    def numbers(self, platform: str, key: str) -> list[float]:
        """Return what an entity showed; fails if it was not always a number."""
        return [float(state) for state in self.states(platform, key)]

    @property
    def unavailable(self) -> set[str]:
        """The entities that were unavailable at some time."""
        return {entity for entity, state in self._seen if state == STATE_UNAVAILABLE}


async def shows_live_data(rig: Rig) -> None:
    """Wait until live readings are shown."""
    await eventually(
        lambda: (
            rig.state("sensor", "house_power") not in (STATE_UNKNOWN, STATE_UNAVAILABLE)
        )
    )
    await eventually(lambda: rig.state("binary_sensor", "connection") == STATE_ON)


def lost(rig: Rig, platform: str = "number", key: str = "max_current") -> bool:
    """Whether an entity shows no value, by default one that shows a setting."""
    return rig.state(platform, key) in (STATE_UNAVAILABLE, STATE_UNKNOWN)


def sent(rig: Rig, method: str) -> list[RecordedFrame]:
    """Return the requests of a method that reached the charger, whoever sent them."""
    return [frame for frame in rig.charger.received if frame.method == method]


def asked(rig: Rig, path: str) -> list[RecordedRequest]:
    """Return the integration's HTTP requests and handshakes to paths with a text."""
    return [
        request
        for request in rig.cloud.requests
        if path in request.path
        and request.headers.get("User-Agent", "").startswith(USER_AGENT)
    ]


def asks_to_sign_in(rig: Rig) -> bool:
    """Whether a person is asked for the password again."""
    return any(rig.entry.async_get_active_flows(rig.hass, {SOURCE_REAUTH}))


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """Return what the integration logged, from a level on, but for the tests' set-up."""
    return [
        record.getMessage()
        for record in caplog.records
        if DOMAIN in record.name
        and record.levelno >= level
        and "instead of the Hypervolt cloud" not in record.getMessage()
        and "custom integration" not in record.getMessage()
    ]


def outages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log's lines about outages, without the charger's name."""
    words = ("is unavailable", "tells no live data", "is live again")
    return [word for line in lines(caplog, 0) for word in words if line.endswith(word)]
