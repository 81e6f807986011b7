"""Finished sessions as people and spreadsheets read them."""

from collections.abc import Iterable, Mapping
import csv
import io
from typing import Final

from homeassistant.util.json import JsonObjectType, JsonValueType

from .hypervolt.charge_log import ChargeSession
from .planner import local

_COLUMNS: Final = (
    "start",
    "end",
    "energy_kwh",
    "charging_minutes",
    "mean_power_w",
    "peak_power_w",
    "charge_mode",
    "end_reason",
    "cost",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(sessions: Iterable[ChargeSession]) -> JsonObjectType:
    """Return sessions, oldest first, with what they add up to.

    A sum of costs is only given where each session has one.
    """
    ordered = sorted(sessions, key=lambda session: session.start)
    costs = [session.total_cost for session in ordered]
    known = [cost for cost in costs if cost is not None]
    return {
        "sessions": [dict(_row(session)) for session in ordered],
        "count": len(ordered),
        "energy_kwh": _kwh(sum(session.watt_hours for session in ordered)),
        "cost": round(sum(known), 2) if known and len(known) == len(costs) else None,
    }


def as_csv(sessions: Iterable[ChargeSession]) -> str:
    """Return sessions as comma-separated values with a line of names."""
    rows = [
        {name: _cell(value) for name, value in _row(session).items()}
        for session in sorted(sessions, key=lambda item: item.start)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: JsonValueType) -> JsonValueType:
    """Return a value that no spreadsheet takes for a formula.

    Charge modes are texts of the cloud's, and may be anything.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _row(session: ChargeSession) -> Mapping[str, JsonValueType]:
    cost = session.total_cost
    return {
        "start": local(session.start),
        "end": local(session.end),
        "energy_kwh": _kwh(session.watt_hours),
        "charging_minutes": round(session.charging_seconds / 60, 1),
        "mean_power_w": round(session.mean_watts),
        "peak_power_w": round(session.peak_watts),
        "charge_mode": session.charge_mode,
        "end_reason": session.end_reason,
        "cost": None if cost is None else round(cost, 4),
    }


def _kwh(watt_hours: int) -> float:
    return round(watt_hours / 1000, 3)
