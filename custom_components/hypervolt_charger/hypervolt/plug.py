"""Whether a car is plugged in, as far as it is known.

The plug is pushed on change only, and there is no request for it (protocol.md 10): a
change without a connection is never reported. So the last known plug is a memory
until the charger has reported it on the current connection.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
import time
from typing import Final

from .device_state import PilotState
from .timing import Timing

_PRESENT: Final = frozenset(PilotState) - {PilotState.UNPLUGGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """What is known of the plug.

    `confirmed` is whether it was reported on this connection, `initial` whether it is
    the first report of all, which is a state and not a change.
    """

    pilot: PilotState | None = None
    confirmed: bool = False
    initial: bool = False


class PlugTracker:
    """Follows the plug of one charger through reports, charging and drops."""

    def __init__(
        self,
        timing: Timing,
        *,
        charging: Callable[[], bool | None],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Initialize; `changed` is called with each change outside `charging_seen`."""
        self._timing = timing
        self._charging = charging
        self._changed = changed
        self._clock = clock
        self.plug = Plug()
        self._connected_at = clock()
        self._unplugging: asyncio.TimerHandle | None = None
        # Whether anything was reported on this connection.
        self._reported = False

    def remember(self, plugged: bool | None) -> None:
        """Start from what an earlier run knew."""
        if plugged is not None:
            pilot = PilotState.PLUGGED if plugged else PilotState.UNPLUGGED
            self._set(Plug(pilot=pilot))

    def forget(self) -> None:
        """Forget the plug of a charger that does not report any."""
        self.stop()
        self._set(Plug())

    def connected(self) -> None:
        """Note a new connection."""
        self._connected_at = self._clock()

    def unconfirm(self) -> None:
        """Note that changes may be missed from now on."""
        self._reported = False
        if self.plug.confirmed:
            self._set(replace(self.plug, confirmed=False))

    def report(self, pilot: PilotState) -> None:
        """Take a car for present at once, and for gone after a while (F13)."""
        self._reported = True
        if pilot is PilotState.UNPLUGGED and self._is_present:
            if self._unplugging is None:
                self._wait_for_unplugging()
            return
        self.stop()
        self._confirm(pilot, initial=self._is_young)

    def charging_seen(self, *, initial: bool) -> None:
        """Note that a car charges, and so is plugged in.

        `initial` is whether nothing was known of charging before. A car that is being
        unplugged may still charge in a late frame.
        """
        if self._unplugging is None and not self._is_confirmed_present:
            self.plug = self._confirmed(PilotState.CHARGING, initial=initial)

    def stop(self) -> None:
        """Cancel the timer."""
        if self._unplugging is not None:
            self._unplugging.cancel()
            self._unplugging = None

    @property
    def _is_present(self) -> bool:
        return self.plug.pilot in _PRESENT or self._charging() is True

    @property
    def _is_confirmed_present(self) -> bool:
        return self.plug.confirmed and self.plug.pilot in _PRESENT

    @property
    def _is_young(self) -> bool:
        """Whether this connection was opened only now."""
        return self._clock() - self._connected_at < self._timing.plug_settles

    def _wait_for_unplugging(self) -> None:
        self._unplugging = asyncio.get_running_loop().call_later(
            self._timing.unplug_hold, self._unplug
        )

    def _unplug(self) -> None:
        if self._charging() is True:
            self._wait_for_unplugging()
            return
        self._unplugging = None
        plug = self._confirmed(PilotState.UNPLUGGED, initial=False)
        self._set(replace(plug, confirmed=self._reported))

    def _confirm(self, pilot: PilotState, *, initial: bool) -> None:
        self._set(self._confirmed(pilot, initial=initial))

    def _confirmed(self, pilot: PilotState, *, initial: bool) -> Plug:
        is_first = self.plug.pilot is None
        return Plug(
            pilot=pilot,
            confirmed=True,
            initial=initial if is_first else self.plug.initial,
        )

    def _set(self, plug: Plug) -> None:
        if plug != self.plug:
            self.plug = plug
            self._changed()
