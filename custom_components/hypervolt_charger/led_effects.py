"""People's own LED effects: YAML files in a folder of the configuration directory."""

import logging
from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant
import yaml

from .const import LED_EFFECTS_FOLDER
from .hypervolt.errors import InvalidEffect
from .hypervolt.led import LedEffect, parse_effect

_LOGGER = logging.getLogger(__name__)

_MAX_FILES: Final = 50
_MAX_SIZE: Final = 64 * 1024


async def async_load_led_effects(hass: HomeAssistant) -> tuple[LedEffect, ...]:
    """Read the effects off the event loop; a file that makes no sense is passed over."""
    folder = Path(hass.config.path(LED_EFFECTS_FOLDER))
    return await hass.async_add_executor_job(_load, folder)


def _load(folder: Path) -> tuple[LedEffect, ...]:
    files = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
    if len(files) > _MAX_FILES:
        _LOGGER.warning("Only the first %s LED effect files are read", _MAX_FILES)
    effects: dict[str, LedEffect] = {}
    for file in files[:_MAX_FILES]:
        try:
            effect = _read(file, taken=effects)
        except (OSError, ValueError) as error:
            _LOGGER.warning("Passing over the LED effect file %s: %s", file.name, error)
            continue
        effects[effect.label] = effect
    return tuple(effects.values())


def _read(file: Path, *, taken: dict[str, LedEffect]) -> LedEffect:
    if file.stat().st_size > _MAX_SIZE:
        raise InvalidEffect(f"{file.name}: larger than {_MAX_SIZE // 1024} KiB")
    text = file.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text)
    except Exception as error:
        # Not only its own errors: also those of what it builds, dates for instance.
        raise InvalidEffect(f"{file.name}: {error or type(error).__name__}") from error
    return parse_effect(document, source=file.name, taken=taken)
