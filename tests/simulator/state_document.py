"""The whole state as JSON, for the control API."""

from .backend import Account, Backend, Line
from .faults import FAULTS, ActiveFault
from .journal import RecordedFrame
from .vocabulary import Json


def state_document(backend: Backend) -> dict[str, Json]:
    """Return everything but passwords and tokens."""
    statuses: dict[str, int] = {}
    for request in backend.journal.requests:
        status = "open" if request.status is None else str(request.status)
        key = f"{request.method} {request.path} {status}"
        statuses[key] = statuses.get(key, 0) + 1
    return {
        "time": backend.clock.now().isoformat(),
        "accounts": [_account(account) for account in backend.accounts.values()],
        "chargers": [_charger(line) for line in backend.lines.values()],
        "sockets": [
            {
                "number": client.number,
                "charger": line.charger.charger_id,
                "endpoint": str(client.endpoint),
                "logged_in": client.logged_in,
                "version": client.version,
            }
            for line, client in backend.clients()
        ],
        "active_faults": [fault_document(fault) for fault in backend.faults.active],
        "faults": [
            {
                "code": str(info.fault),
                "name": info.fault.name.lower(),
                "description": info.description,
                "place": str(info.place),
                "options": {
                    name: {
                        "default": option.default,
                        "meaning": option.meaning,
                        "choices": list(option.choices),
                    }
                    for name, option in info.options.items()
                },
            }
            for info in FAULTS.values()
        ],
        "requests": {
            "total": len(backend.journal.requests),
            "by_status": statuses,
            "last": [
                {
                    "method": request.method,
                    "path": request.path,
                    "status": request.status,
                    "when": request.when.isoformat(),
                }
                for request in backend.journal.requests[-20:]
            ],
        },
        "frames": len(backend.journal.frames),
        "token_life": backend.tokens.life,
    }


def fault_document(fault: ActiveFault) -> dict[str, Json]:
    """Return an active fault."""
    return {
        "code": str(fault.fault),
        "name": fault.fault.name.lower(),
        "charger": fault.charger_id,
        "remaining": fault.remaining,
        "options": dict(fault.options),
    }


def frame_document(frame: RecordedFrame) -> dict[str, Json]:
    """Return a received frame; tokens in it are of this simulator only."""
    return {
        "endpoint": frame.endpoint,
        "socket": frame.socket,
        "when": frame.when.isoformat(),
        "method": frame.method,
        "text": frame.text,
        "message": frame.message,
    }


def _account(account: Account) -> dict[str, Json]:
    return {
        "username": account.username,
        "fully_set_up": account.fully_set_up,
        "chargers": [charger.charger_id for charger in account.chargers],
    }


def _charger(line: Line) -> dict[str, Json]:
    charger = line.charger
    point = charger.point
    balance = point.balance
    rest = charger.rest_schedule
    permitted = charger.permitted_mode(charger.now())
    return {
        "charger_id": charger.charger_id,
        "account": line.account.username,
        "personality": str(charger.personality),
        "model": charger.model,
        "name": charger.name,
        "firmware": charger.firmware,
        "local_time": charger.now().astimezone(charger.zone).isoformat(),
        "tz": charger.tz,
        "plugged": charger.plugged,
        "pilot": str(charger.pilot),
        "charging": charger.charging,
        "permitted_mode": permitted,
        "mode": charger.mode,
        "plugncharge": charger.plugncharge,
        "solar_mode": charger.solar_mode,
        "lock_state": str(charger.lock_state),
        "release_state": str(charger.release_state),
        "max_current": charger.max_current,
        "brightness": charger.brightness,
        "effect_name": charger.effect_name,
        "leds": list(charger.leds),
        "features": list(charger.features),
        "schedule": charger.schedule.to_json(),
        "rest_schedule": None if rest is None else rest.to_json(),
        "ev_power": round(balance.ev),
        "house_power": round(balance.house),
        "grid_power": round(balance.grid),
        "generation_power": round(balance.generation),
        "amps": round(point.amps, 2),
        "volts": round(point.volts, 1),
        "watt_hours": charger.watt_hours,
        "delivered_wh": charger.delivered_wh,
        "car_needs_wh": None if point.car is None else point.car.needs_wh,
        "sessions": [
            {
                "number": session.number,
                "started": session.started.isoformat(),
                "ended": session.ended.isoformat(),
                "watt_hours": session.watt_hours,
            }
            for session in charger.sessions
        ],
        "sockets": charger.sockets,
        "logged_in_sockets": charger.logged_in_sockets,
        "frames_received": len(charger.received),
        "frames_sent": line.wire.frames_sent,
    }
