"""What an entity showed before a restart, restored only if it was its own.

Home Assistant before 2026.11 restores by entity id, so that a renamed or added entity
finds the data of the charger that had the id before.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.core import State
from homeassistant.helpers.restore_state import (
    ExtraStoredData,
    RestoredExtraData,
    RestoreEntity,
)

from .entity import HypervoltEntity

_OWNER: Final = "unique_id"


class HypervoltRestoreEntity(HypervoltEntity, RestoreEntity):
    """Restores nothing that another entity has stored.

    Nor anything once it has shown something: what the entity itself remembers is newer
    than what it stored under an id it had before.
    """

    @property
    @override
    def extra_restore_state_data(self) -> Any:  # each platform has a type of its own
        """What the platform stores, and whose it is."""
        data: ExtraStoredData | None = super().extra_restore_state_data
        return RestoredExtraData(
            {**(data.as_dict() if data else {}), _OWNER: self.unique_id}
        )

    @override
    async def async_get_last_state(self) -> State | None:
        """Return the entity's own last state."""
        return (await self._own_data())[0]

    @override
    async def async_get_last_extra_data(self) -> ExtraStoredData | None:
        """Return the entity's own extra data."""
        return (await self._own_data())[1]

    async def _own_data(self) -> tuple[State | None, ExtraStoredData | None]:
        state = await super().async_get_last_state()
        extra = await super().async_get_last_extra_data()
        if self._shown is not None or state is None or extra is None:
            return None, None
        return (state, extra) if self._is_own(state, extra.as_dict()) else (None, None)

    def _is_own(self, state: State, data: Mapping[str, object]) -> bool:
        """Whether what is stored under the entity's id was stored by the entity.

        Earlier versions did not store the owner: theirs is refused where it is older
        than the entity, or not of its kind.
        """
        if (owner := data.get(_OWNER)) is not None:
            return owner == self.unique_id
        entry = self.registry_entry
        return (
            entry is not None
            and state.last_updated >= entry.created_at
            and self._can_be_own(data)
        )

    @abstractmethod
    def _can_be_own(self, data: Mapping[str, object]) -> bool:
        """Whether data without an owner can be that of such an entity."""
