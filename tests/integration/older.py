"""What the older integration of the same domain left behind (protocol.md 15)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hypervolt_charger.const import CONF_CHARGER_ID, DOMAIN
from tests.conftest import PASSWORD, USERNAME
from tests.simulator import SimulatedCharger

SESSIONS: Final = range(1, 7)


@dataclass(frozen=True, kw_only=True)
class OlderEntity:
    """One row of the tables in protocol.md 15.3."""

    platform: str
    key: str
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    v3_only: bool = False

    @property
    def entity_id(self) -> str:
        """The default entity id, of a first charger."""
        return f"{self.platform}.hypervolt_{self.key.lower()}"


def _sensor(
    key: str,
    unit: str | None = None,
    device_class: str | None = None,
    state_class: str | None = "measurement",
) -> OlderEntity:
    return OlderEntity(
        platform="sensor",
        key=key,
        unit=unit,
        device_class=device_class,
        state_class=state_class,
    )


def _entities() -> Iterator[OlderEntity]:
    yield _sensor("Session_ID")
    yield _sensor("Session_Energy", "Wh", "energy", "total")
    yield _sensor("Session_Energy_Total_Increasing", "Wh", "energy", "total_increasing")
    yield _sensor("Session_Carbon_Saved", "g", "weight")
    yield _sensor("Charger_Current", "A", "current")
    yield _sensor("CT_Current", "A", "current")
    yield _sensor("CT_Power", "W", "power")
    yield _sensor("Voltage", "V", "voltage")
    yield _sensor("Session_Power", "W", "power")
    yield _sensor("EV_Power", "W", "power")
    yield _sensor("House_Power", "W", "power")
    yield _sensor("Grid_Power", "W", "power")
    yield _sensor("Generation_Power", "W", "power")
    yield _sensor("Firmware_Version", state_class=None)
    yield _sensor("charging_readiness", state_class=None)
    yield OlderEntity(
        platform="binary_sensor", key="car_plugged", device_class="plug", v3_only=True
    )
    for platform, key, unit in (
        ("switch", "charging", None),
        ("switch", "lock_state", None),
        ("select", "charge_mode", None),
        ("select", "activation_mode", None),
        ("number", "max_current", "A"),
        ("number", "led_brightness", "%"),
        ("light", "led", None),
        ("text", "charger_name", None),
        ("button", "apply_schedule", None),
    ):
        yield OlderEntity(platform=platform, key=key, unit=unit)
    for number in SESSIONS:
        for platform, field, v3_only in (
            ("select", "charge_mode", True),
            ("text", "days_of_week", True),
            ("time", "start_time", False),
            ("time", "end_time", False),
        ):
            yield OlderEntity(
                platform=platform,
                key=f"schedule_session_{number}_{field}",
                v3_only=v3_only,
            )


ENTITIES: Final = tuple(_entities())
# Of the releases v1.0.0 to v1.0.4; some registries still have it.
MONEY_SPENT: Final = _sensor("Session_Money_Spent", "GBP", "monetary", "total")

# Only proposed (protocol.md 15.6).
LOCK_STATUS: Final = _sensor("lock_status", state_class=None)


def entities_of(charger: SimulatedCharger) -> list[OlderEntity]:
    """Return what the older integration made for a charger: 49 or 36 entities."""
    v3 = charger.personality.is_v3_hardware
    return [entity for entity in ENTITIES if v3 or not entity.v3_only]


def add_older_entry(
    hass: HomeAssistant,
    charger: SimulatedCharger,
    *,
    title: str | None = None,
    device_name: str | None = None,
    data: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
) -> MockConfigEntry:
    """Add an entry with its device and entities, as Home Assistant reads them."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        version=1,
        minor_version=1,
        title=title or f"Hypervolt {charger.charger_id}",
        unique_id=charger.charger_id,
        data={
            CONF_USERNAME: USERNAME,
            CONF_PASSWORD: PASSWORD,
            CONF_CHARGER_ID: charger.charger_id,
            **(data or {}),
        },
        options=dict(options or {}),
    )
    entry.add_to_hass(hass)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, charger.charger_id)},
        manufacturer="Hypervolt",
        name=device_name or f"Hypervolt {charger.charger_id}",
    )
    for entity in entities_of(charger):
        add_older_entity(hass, entry, entity)
    return entry


def add_older_entity(
    hass: HomeAssistant, entry: MockConfigEntry, entity: OlderEntity
) -> er.RegistryEntry:
    """Register an entity as the older integration did."""
    device = device_of(hass, entry)
    name = f"Hypervolt {entity.key.replace('_', ' ')}"
    return er.async_get(hass).async_get_or_create(
        entity.platform,
        DOMAIN,
        f"{entry.unique_id}_{entity.key}",
        config_entry=entry,
        device_id=device.id,
        capabilities={"state_class": entity.state_class} if entity.state_class else {},
        original_device_class=entity.device_class,
        original_name=name,
        suggested_object_id=entity.entity_id.partition(".")[2],
        unit_of_measurement=entity.unit,
    )


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> dr.DeviceEntry:
    """Return the device of an entry, which has but one."""
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device
