"""Faults that do something by themselves when they are switched on or off."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Final

from .backend import Backend, Line
from .charger import SimulatedCharger
from .faults import ActiveFault, Fault
from .schedule import Schedule, Session
from .sockets import ChargerWire
from .sync_protocol import send_garbage
from .vocabulary import WEEK, Json, Pilot

type _Work = Callable[[SimulatedCharger, ActiveFault], Coroutine[None, None, None]]

_OF_SESSION_DATA: Final = frozenset(
    {Fault.WH_NOISE, Fault.FROZEN_FIELDS, Fault.PHANTOM, Fault.PARTIAL_SESSION}
)
_HIDING: Final = frozenset(
    {Fault.STALL, Fault.V2_SILENCE, Fault.WH_NOISE, Fault.PARTIAL_SESSION}
)
_DROPPING: Final = (Fault.BAD_CLOSE, Fault.WS_REFUSED, Fault.BLOCKED)


class FaultActions:
    """Listens to the fault board."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._tasks: dict[tuple[Fault, str | None], list[asyncio.Task[None]]] = {}
        self._schedules: dict[str, tuple[Schedule, Schedule]] = {}
        backend.faults.on_enable = self._enabled
        backend.faults.on_disable = self._disabled

    async def stop(self) -> None:
        """End all that goes on."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lines(self, fault: ActiveFault) -> list[Line]:
        return [
            line
            for line in self._backend.lines.values()
            if fault.charger_id in (None, line.charger.charger_id)
        ]

    def _enabled(self, fault: ActiveFault) -> None:
        self._touch_sockets(fault)
        for line in self._lines(fault):
            charger = line.charger
            if work := _WORK.get(fault.fault):
                self._run(fault, work(charger, fault))
            match fault.fault:
                case Fault.PILOT_ODD:
                    _push_odd_pilots(charger, fault)
                case Fault.MESSY_DOC:
                    line.wire.broadcast("sync.snapshot", line.wire.payloads.snapshot())
                case Fault.NEW_VALUES:
                    _push_new_values(line.wire)
                case Fault.GARBAGE:
                    for client in line.wire.listeners():
                        send_garbage(line.wire, client)
                case Fault.MIDNIGHT:
                    self._store_midnight_schedule(charger)
                case Fault.NO_SCHEDULE | Fault.OCTOPUS_SHAPE:
                    line.wire.schedule_changed()
                case _ if fault.fault in _OF_SESSION_DATA:
                    line.wire.session_changed()
                case _:
                    pass

    def _disabled(self, fault: ActiveFault) -> None:
        for task in self._tasks.pop((fault.fault, fault.charger_id), []):
            task.cancel()
        for line in self._lines(fault):
            wire = line.wire
            match fault.fault:
                case Fault.PILOT_FLAP | Fault.PILOT_ODD:
                    wire.pilot_changed()
                case Fault.NEW_VALUES:
                    wire.settings_changed(line.charger.snapshot())
                    wire.schedule_changed()
                case Fault.NO_SCHEDULE | Fault.OCTOPUS_SHAPE:
                    wire.schedule_changed()
                case Fault.STALE_OCTOPUS:
                    line.charger.lingering = ()
                    wire.schedule_changed()
                case Fault.MIDNIGHT:
                    self._restore_schedule(line.charger)
                case _ if fault.fault in _HIDING:
                    wire.session_changed()
                case _:
                    pass

    def _touch_sockets(self, fault: ActiveFault) -> None:
        clients = [client for _, client in self._backend.clients(fault.charger_id)]
        for client in clients:
            if fault.fault is Fault.BYE:
                client.close(1000, "Bye")
            elif fault.fault is Fault.MASS_DROP and not fault.flag("abrupt"):
                client.close(int(fault.number("code")), fault.text("reason"))
            elif fault.fault is Fault.MASS_DROP or (
                fault.fault in _DROPPING and fault.flag("drop")
            ):
                client.abort()

    def _run(self, fault: ActiveFault, work: Coroutine[None, None, None]) -> None:
        key = (fault.fault, fault.charger_id)
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:
            work.close()
            raise
        self._tasks.setdefault(key, []).append(task)

    def _store_midnight_schedule(self, charger: SimulatedCharger) -> None:
        """protocol.md 8.2: stored forms that a reader must understand."""
        if not charger.personality.speaks_v3_api or charger.schedule.is_octopus:
            return
        before = charger.schedule
        weekdays = WEEK[:5]
        charger.app_set_schedule(
            sessions=[
                Session("22:00", "24:00", days=weekdays),
                Session("00:00", "05:00", days=weekdays),
                Session("00:00", "24:00", days=WEEK[5:6]),
            ]
        )
        self._schedules[charger.charger_id] = (before, charger.schedule)

    def _restore_schedule(self, charger: SimulatedCharger) -> None:
        before, stored = self._schedules.pop(charger.charger_id, (None, None))
        if before is not None and charger.schedule == stored:
            charger.app_set_schedule(enabled=before.enabled, sessions=before.sessions)


async def _flap(charger: SimulatedCharger, fault: ActiveFault) -> None:
    """protocol.md 12, F13."""
    while True:
        if charger.plugged:
            charger.push(_pilot_push(Pilot.UNPLUGGED))
        await asyncio.sleep(fault.number("a_seconds"))
        charger.wire.pilot_changed()
        await asyncio.sleep(fault.number("b_seconds"))


async def _repeat_pilot(charger: SimulatedCharger, fault: ActiveFault) -> None:
    """protocol.md 5.8."""
    while True:
        charger.wire.pilot_changed()
        await asyncio.sleep(fault.number("every"))


async def _write(charger: SimulatedCharger, fault: ActiveFault) -> None:
    """protocol.md 12, F40: one change after another, each a new value."""
    turn = 0
    while True:
        match turn % 3:
            case 0:
                amps = 10_000 if charger.max_current != 10_000 else 20_000
                charger.app_apply(max_current=amps)
            case 1:
                level = 0.25 if charger.brightness != 0.25 else 0.75
                charger.app_apply(brightness=level)
            case _:
                rest = charger.rest_schedule
                enabled = (
                    charger.schedule.enabled
                    if charger.personality.speaks_v3_api
                    else rest is not None and rest.enabled
                )
                if not charger.schedule.is_octopus:
                    charger.app_set_schedule(enabled=not enabled)
        turn += 1
        await asyncio.sleep(fault.number("every"))


def _pilot_push(value: Json, *, composite: bool = False) -> dict[str, Json]:
    name = "composite_pilot_status" if composite else "pilot_status"
    return {"jsonrpc": "2.0", "method": f"get.{name}", "params": {name: value}}


def _push_odd_pilots(charger: SimulatedCharger, fault: ActiveFault) -> None:
    for value in fault.items("values"):
        charger.push(_pilot_push(value, composite=fault.flag("composite")))


def _push_new_values(wire: ChargerWire) -> None:
    """Things no client knows yet (F16), in shapes seen (protocol.md 5.4)."""
    wire.broadcast(
        "sync.apply",
        [
            {"solar_mode": "mega_eco"},
            {"effect_name": "disco"},
            {"lock_state": "half_locked"},
            {"release_state": "postponed"},
            {"features": ["super_eco", "teleport"]},
            {"warp_factor": {"now": 9}},
        ],
    )
    wire.broadcast("flex.status", {"flex_status": {"enrolled": False}})
    wire.broadcast("get.connection_state", {"connection_state": None})
    wire.broadcast("get.site_limit", {"site_limit": True})
    wire.broadcast("get.moon_phase", ["waxing", 3])
    if wire.charger.personality.speaks_v3_api:
        session = Session("01:00", "02:00", mode="mega_eco").to_json()
        strange = {
            **Schedule(enabled=True, type="agile").to_json(),
            "sessions": [{**session, "session_type": "lunar"}],
        }
        wire.broadcast("schedules.get", {"applied": strange, "pending": {}})
        wire.broadcast("plugncharge.get", {"applied": "mega_eco"})


_WORK: Final[Mapping[Fault, _Work]] = {
    Fault.PILOT_FLAP: _flap,
    Fault.REPEATED_PILOT: _repeat_pilot,
    Fault.FOREIGN_WRITE: _write,
}
