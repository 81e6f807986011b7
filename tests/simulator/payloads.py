"""Payloads of the charger's frames, with the faults that distort them."""

from datetime import datetime
from random import Random

from .charger import Document, SimulatedCharger
from .faults import ActiveFault, Fault, FaultBoard
from .noise import Count, NoisyCount
from .schedule import Schedule, Session, relisted
from .vocabulary import (
    CARBON_GRAMS_PER_WATT_HOUR,
    PENCE_PER_WATT_HOUR,
    ChargeMode,
    Json,
)

_IDLE_CLAMP_MILLIAMPS = 1900
"""Constant on an idle V3 (protocol.md 6.2)."""
_UNREADABLE = "n/a"
"""No number, and no yes or no."""


class Payloads:
    """Builds what a charger tells, as its personality tells it."""

    def __init__(self, charger: SimulatedCharger, faults: FaultBoard) -> None:
        self._charger = charger
        self._faults = faults
        self._noisy = NoisyCount(charger, faults)
        self.count = Count(watt_hours=0)
        """That of the latest frame."""

    def session(self, *, final: bool = False) -> dict[str, Json]:
        """Return the params of `get.session` (protocol.md 5.5, 6.2)."""
        charger, point = self._charger, self._charger.point
        count = self.count = self._noisy.next(final=final)
        charging = charger.charging and not count.idle
        balance = point.balance.without_car() if count.idle else point.balance
        house, ev = round(balance.house), round(balance.ev)
        generation = round(balance.generation)
        grid = house + ev - generation
        clamp = abs(grid) / point.volts * 1000
        frame: dict[str, Json] = {
            "charging": charging,
            "true_milli_amps": 0 if count.idle else round(point.amps * 1000),
            "voltage": round(point.volts) if charging else 0,
            "watt_hours": count.watt_hours,
            "carbon_saved_grams": int(CARBON_GRAMS_PER_WATT_HOUR * count.watt_hours),
            "ct_current": round(clamp) if charging else _IDLE_CLAMP_MILLIAMPS,
            "ev_power": ev,
            "grid_power": grid,
            "house_power": house + ev if charger.house_includes_ev else house,
            "generation_power": generation,
        }
        if charger.reports_energy_flow:
            frame["energy_flow"] = list(balance.flows())
        return self._distorted(frame)

    def in_progress(self, *, final: bool = False) -> dict[str, Json]:
        """Return the bare frame of a legacy V2 (protocol.md 5.6)."""
        charger, point = self._charger, self._charger.point
        count = self.count = self._noisy.next(final=final)
        charging = charger.charging and not count.idle
        balance = point.balance.without_car() if count.idle else point.balance
        grid = balance.grid
        frame: dict[str, Json] = {
            "charging": charging,
            "session": self._noisy.session_number,
            "milli_amps": charger.max_current,
            "true_milli_amps": 0 if count.idle else round(point.amps * 1000),
            "watt_hours": count.watt_hours,
            "ccy_spent": int(PENCE_PER_WATT_HOUR * count.watt_hours),
            "carbon_saved_grams": int(CARBON_GRAMS_PER_WATT_HOUR * count.watt_hours),
            "ct_current": round(abs(grid) / point.volts * 1000),
            "ct_power": round(grid),
            "voltage": round(point.volts) if charging else 0,
        }
        if charger.legacy_power_fields:
            frame |= {
                "ev_power": round(balance.ev),
                "house_power": round(balance.house),
                "grid_power": round(grid),
                "generation_power": round(balance.generation),
            }
        return self._distorted(frame)

    def snapshot(self) -> Document:
        """Return the settings document (protocol.md 6.1)."""
        document = self.changes(self._charger.snapshot())
        if self._faults.find(Fault.NEW_VALUES, self._charger):
            document += [
                {"features": [*self._charger.features, "teleport"]},
                {"warp_factor": {"now": 9}},
            ]
        messy = self._faults.find(Fault.MESSY_DOC, self._charger)
        if messy is None:
            return document
        missing = messy.items("missing")
        kept = [
            item for item in document if not missing or next(iter(item)) not in missing
        ]
        shuffled = [*kept, *kept[:2]]
        Random(51).shuffle(shuffled)
        # An object might hold several keys (protocol.md 5.2, rule 9).
        return [{**shuffled[0], **shuffled[1]}, *shuffled[2:]]

    def changes(self, document: Document) -> Document:
        """Return settings, with the types F17 gives them."""
        odd = self._faults.find(Fault.ODD_TYPES, self._charger)
        if odd is None:
            return list(document)
        as_text = odd.text("max_current") == "string"
        return [
            {
                name: (str(value) if as_text else float(value))
                if name == "max_current" and isinstance(value, int)
                else value
                for name, value in item.items()
            }
            for item in document
        ]

    def schedules(self, pending: Schedule | None = None) -> dict[str, Json]:
        """Return the result of `schedules.get` (protocol.md 5.5)."""
        charger = self._charger
        waiting: Json = {} if pending is None else pending.to_json()
        missing = self._faults.find(Fault.NO_SCHEDULE, charger)
        if missing is not None:
            match missing.text("mode"):
                case "null":
                    return {"applied": None, "pending": waiting}
                case "empty":
                    return {"applied": {}, "pending": waiting}
                case _:
                    return {"pending": waiting}
        applied = charger.schedule.to_json()
        sessions = [*charger.schedule.sessions, *charger.lingering]
        shape = self._faults.find(Fault.OCTOPUS_SHAPE, charger)
        if shape is not None and charger.schedule.type == "octopus":
            applied["sessions"] = [
                _reshaped(session, shape, charger)
                for session in _with_fillers(sessions, shape.text("filler"))
            ]
        else:
            applied["sessions"] = [
                *(item.to_json() for item in relisted(sessions, charger.listing)),
                *charger.schedule.unread,
            ]
        if self._faults.find(Fault.NEW_VALUES, charger):
            applied["colour"] = "blue"
        return {"applied": applied, "pending": waiting}

    def rest_schedule(self) -> dict[str, Json]:
        """Return the body of the REST schedule; `{}` if never set (8.1)."""
        rest = self._charger.rest_schedule
        if rest is None or self._faults.find(Fault.NO_SCHEDULE, self._charger):
            return {}
        return rest.to_json()

    def plug_and_charge(self) -> dict[str, Json]:
        """Return the result of `plugncharge.get`: `applied` is the mode."""
        odd = self._faults.find(Fault.ODD_TYPES, self._charger)
        if odd is not None and odd.text("applied") == "null":
            return {"applied": None, "mode": self._charger.plugncharge}
        return {"applied": self._charger.plugncharge}

    def plug_and_charge_set(self, mode: str, *, accepted: bool) -> dict[str, Json]:
        """Return the result of `plugncharge.set`: `applied` is a yes or no."""
        odd = self._faults.find(Fault.ODD_TYPES, self._charger)
        applied: Json = accepted
        if odd is not None and accepted:
            applied = mode if odd.text("applied") == "string" else None
        return {"mode": mode, "applied": applied}

    def firmware(self) -> str | int | float:
        """Return the firmware as text or number (protocol.md 2.3)."""
        firmware = self._charger.firmware
        if self._faults.find(Fault.ODD_TYPES, self._charger):
            if isinstance(firmware, str):
                try:
                    return float(firmware)
                except ValueError:
                    return firmware
            return str(firmware)
        return firmware

    def _distorted(self, frame: dict[str, Json]) -> dict[str, Json]:
        charger = self._charger
        frozen = self._faults.find(Fault.FROZEN_FIELDS, charger)
        if frozen is not None:
            fields = frozen.options["fields"]
            if isinstance(fields, dict):
                frame |= {name: fields[name] for name in frame.keys() & fields.keys()}
        watts = self._phantom_watts()
        for name in ("grid_power", "house_power", "ct_power"):
            value = frame.get(name)
            if watts and isinstance(value, int):
                frame[name] = value + watts
        scale = self._faults.find(Fault.UNIT_CHANGE, charger)
        power = frame.get("ct_power")
        if scale is not None and isinstance(power, int):
            frame["ct_power"] = round(power * scale.number("factor"))
        return self._partial(frame)

    def _partial(self, frame: dict[str, Json]) -> dict[str, Json]:
        """Leave members out, or what can be read of them (F41)."""
        partial = self._faults.find(Fault.PARTIAL_SESSION, self._charger)
        if partial is None:
            return frame
        names = frame.keys() & {str(name) for name in partial.items("fields")}
        match partial.text("how"):
            case "absent":
                return {
                    name: value for name, value in frame.items() if name not in names
                }
            case "null":
                return frame | dict.fromkeys(names)
            case _:
                return frame | dict.fromkeys(names, _UNREADABLE)

    def _phantom_watts(self) -> int:
        """After a session, its load for its duration again (F33)."""
        phantom = self._faults.find(Fault.PHANTOM, self._charger)
        if phantom is None or self._charger.charging:
            return 0
        if phantom.options["watts"] is not None:
            return int(phantom.number("watts"))
        if not self._charger.sessions:
            return 0
        last = self._charger.sessions[-1]
        over = last.ended + (last.ended - last.started)
        return round(last.peak_watts) if self._charger.now() < over else 0


def _with_fillers(sessions: list[Session], mode: str) -> list[Session]:
    """Put filler sessions between the dispatches (protocol.md 8.3)."""
    if not mode:
        return sessions
    ordered = sorted(sessions, key=lambda session: session.start_time)
    mixed = ordered[:1]
    for session in ordered[1:]:
        before = mixed[-1]
        if before.end_time < session.start_time:
            mixed.append(
                Session(before.end_time, session.start_time, ChargeMode(mode), None)
            )
        mixed.append(session)
    if ordered:
        # Tariffs fill the time after the last dispatch, too.
        last = ordered[-1]
        day_end = last.end_time[:11] + "23:59:00Z"
        if last.is_dated and last.end_time < day_end:
            mixed.append(Session(last.end_time, day_end, ChargeMode(mode), None))
    return mixed


def _reshaped(
    session: Session, shape: ActiveFault, charger: SimulatedCharger
) -> dict[str, Json]:
    document = session.to_json()
    if not session.is_dated:
        return document
    for name in ("start_time", "end_time"):
        document[name] = _restyled(str(document[name]), shape.text("style"), charger)
    return document


def _restyled(text: str, style: str, charger: SimulatedCharger) -> str:
    match style:
        case "naive":
            return text.removesuffix("Z")
        case "offset":
            return datetime.fromisoformat(text).astimezone(charger.zone).isoformat()
        case "local":
            local = datetime.fromisoformat(text).astimezone(charger.zone)
            return local.strftime("%H:%M")
        case _:
            return text
