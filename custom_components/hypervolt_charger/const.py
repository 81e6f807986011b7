"""Constants of the Hypervolt Charger integration."""

from datetime import timedelta
from typing import Final

DOMAIN: Final = "hypervolt_charger"
MANUFACTURER: Final = "Hypervolt"
DEVICE_NAME: Final = "Hypervolt"

CONF_CHARGER_ID: Final = "charger_id"
# Chosen by a person: auto, v2 or v3.
CONF_API_VERSION_OVERRIDE: Final = "api_version_override"
# Found by the last run, so that the next one starts from them.
CONF_RESOLVED_API_VERSION: Final = "resolved_api_version"
CONF_LIVE_SEEN: Final = "live_seen"

# Of config entries. Those of the older integration have version 1.
ENTRY_VERSION: Final = 2
ENTRY_MINOR_VERSION: Final = 1

POLL_INTERVAL: Final = timedelta(minutes=5)
# How often it is checked whether an equal measurement must be reported again.
REPORT_CHECK_INTERVAL: Final = timedelta(seconds=10)
SET_UP_LIMIT: Final = 30.0

# In the data of an issue, for the flow that fixes it.
ISSUE_ENTRY: Final = "entry_id"
ISSUE_KIND: Final = "kind"

# In the configuration directory: people's own LED effects, one YAML file each.
LED_EFFECTS_FOLDER: Final = "hypervolt_led_effects"

# What the app and Octopus use; a charger is never asked for more (protocol.md 8.2).
MAX_SCHEDULE_SESSIONS: Final = 6

# Options: a planner to follow without an automation.
CONF_PLANNER: Final = "planner"
CONF_PLANNER_CHARGE_MODE: Final = "planner_charge_mode"
CONF_PLANNER_BACKUP_START: Final = "planner_backup_start"
CONF_PLANNER_BACKUP_END: Final = "planner_backup_end"

# Options: what energy costs, per kWh; one or the other.
CONF_PRICE: Final = "price"
CONF_PRICE_ENTITY: Final = "price_entity"
