"""Fixtures: a simulated cloud, and Home Assistant with a charger of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
import os

from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from hypothesis import settings
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

# Home Assistant must know of the integration before it is started.
from custom_components.hypervolt_charger import account as account_module
from custom_components.hypervolt_charger.const import (
    CONF_CHARGER_ID,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
)
from custom_components.hypervolt_charger.coordinator import HypervoltUpdateCoordinator
from custom_components.hypervolt_charger.hypervolt.endpoints import OVERRIDE_VARIABLE
from custom_components.hypervolt_charger.hypervolt.timing import Timing
from tests.simulator import Account, Personality, SimulatedCharger, SimulatedCloud

# The same cases in every run, so that a change alone makes a test fail; new ones are
# for scripts/fuzz, which says how many and prints the seed to repeat them.
FUZZ_CASES = "HYPERVOLT_FUZZ_CASES"
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.register_profile("long", database=None, deadline=None, print_blob=True)
settings.load_profile("long" if FUZZ_CASES in os.environ else "steady")

USERNAME = "driver+test@example.com"
PASSWORD = "pässwörd &=+%#\"'"

# The design's numbers, shortened so that no test waits longer than it must.
FAST = Timing(
    http_timeout=2.0,
    connect_timeout=2.0,
    login_timeout=1.0,
    close_timeout=0.2,
    backoff_first_min=0.05,
    backoff_first_max=0.1,
    backoff_cap=0.5,
    first_answers=0.5,
    command_limit=2.0,
    renewal_pause=0.0,
    command_timeout=0.5,
    command_retry_pause=0.02,
    led_interval=0.2,
    blocked_pause=0.5,
    silence=0.6,
    silence_answer=0.2,
    outage_grace=0.5,
    unplug_hold=0.3,
    plug_settles=0.2,
)


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A charger in the simulated cloud, and its entry in Home Assistant."""

    hass: HomeAssistant
    cloud: SimulatedCloud
    account: Account
    charger: SimulatedCharger
    entry: MockConfigEntry

    @property
    def coordinator(self) -> HypervoltUpdateCoordinator:
        """The coordinator of the loaded entry."""
        coordinator: HypervoltUpdateCoordinator = self.entry.runtime_data
        return coordinator

    def entity_id(self, platform: str, key: str) -> str:
        """Return the entity id of a key; fails if there is no such entity."""
        unique_id = f"{self.charger.charger_id}_{key}"
        registry = er.async_get(self.hass)
        entity_id = registry.async_get_entity_id(platform, DOMAIN, unique_id)
        assert entity_id, f"no {platform} {key}"
        return entity_id

    def state(self, platform: str, key: str) -> str:
        """Return the state an entity shows; fails if it shows none."""
        state = self.hass.states.get(self.entity_id(platform, key))
        assert state, f"{platform} {key} has no state"
        return state.state


type SetUpCharger = Callable[[Personality], Awaitable[Rig]]


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare with snapshots in Home Assistant's own form."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture(autouse=True)
def _custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let every Home Assistant of the tests find the integration."""
    if "recorder_mock" in request.fixturenames:
        # It wants to be there before Home Assistant is.
        request.getfixturevalue("recorder_mock")
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
def timing() -> Timing:
    """The time limits in force; a test may have its own."""
    return FAST


@pytest.fixture
def push_interval() -> float | None:
    """Return how often a charger tells of itself; None for never."""
    return 0.1


@pytest.fixture
async def cloud(
    socket_enabled: None,
    monkeypatch: pytest.MonkeyPatch,
    timing: Timing,
    push_interval: float | None,
) -> AsyncGenerator[SimulatedCloud]:
    """A simulated cloud, which the integration takes for the real one."""
    monkeypatch.setattr(account_module, "Timing", lambda: timing)
    async with SimulatedCloud(push_interval=push_interval) as simulated:
        monkeypatch.setenv(OVERRIDE_VARIABLE, simulated.url)
        yield simulated


@pytest.fixture
def account(cloud: SimulatedCloud) -> Account:
    """An account without a charger."""
    return cloud.add_account(USERNAME, PASSWORD)


@pytest.fixture
async def setup_charger(
    hass: HomeAssistant, cloud: SimulatedCloud, account: Account
) -> AsyncGenerator[SetUpCharger]:
    """Set up a charger in the cloud and its entry in Home Assistant."""
    entries: list[MockConfigEntry] = []

    async def set_up(personality: Personality) -> Rig:
        charger = account.add_charger(personality)
        entry = MockConfigEntry(
            domain=DOMAIN,
            version=ENTRY_VERSION,
            minor_version=ENTRY_MINOR_VERSION,
            title="Hypervolt",
            unique_id=charger.charger_id,
            data={
                CONF_USERNAME: USERNAME,
                CONF_PASSWORD: PASSWORD,
                CONF_CHARGER_ID: charger.charger_id,
            },
        )
        entry.add_to_hass(hass)
        entries.append(entry)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        return Rig(
            hass=hass, cloud=cloud, account=account, charger=charger, entry=entry
        )

    yield set_up
    for entry in entries:
        if hass.config_entries.async_get_entry(entry.entry_id) is not None:
            await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
