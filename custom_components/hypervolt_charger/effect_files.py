"""People's own LED effects: YAML files in a folder of the configuration directory.

Not named after that folder: the older integration had one of that name in its package,
which may still be here and could be imported in this module's place.
"""

import logging
from pathlib import Path
from typing import Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
import yaml

from .const import DOMAIN, LED_EFFECTS_FOLDER
from .hypervolt.errors import InvalidEffect
from .hypervolt.led import LedEffect, parse_effect

_LOGGER = logging.getLogger(__name__)

_MAX_FILES: Final = 50
_MAX_SIZE: Final = 64 * 1024

# Where people put them for the older integration, beside those it came with.
_OLDER_FOLDER: Final = Path(__file__).parent / "led_effects"
_OLDER_FOLDER_ISSUE: Final = "older_led_effects"

# More than any part of an effect has.
_MAX_MEMBERS: Final = 100

type _Effects = dict[str, LedEffect]


class _Loader(yaml.SafeLoader):
    """Reads YAML whose merge keys do not grow without end.

    Each `<<` copies what it names: a few lines that name each other make billions.
    """

    @override
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge into a mapping what its merge keys name."""
        super().flatten_mapping(node)
        if len(node.value) > _MAX_MEMBERS:
            raise InvalidEffect(f"a mapping has more than {_MAX_MEMBERS} members")


async def async_load_led_effects(hass: HomeAssistant) -> tuple[LedEffect, ...]:
    """Read the effects off the event loop; a file that makes no sense is passed over.

    Those in the older folder work, too, but the next update deletes them with it.
    """
    folder = Path(hass.config.path(LED_EFFECTS_FOLDER))
    effects, older = await hass.async_add_executor_job(_load_all, folder)
    if older:
        ir.async_create_issue(
            hass,
            DOMAIN,
            _OLDER_FOLDER_ISSUE,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="older_led_effects",
            translation_placeholders={
                "effects": ", ".join(older),
                "older_folder": f"custom_components/{DOMAIN}/{_OLDER_FOLDER.name}",
                "folder": LED_EFFECTS_FOLDER,
            },
        )
    else:
        async_delete_led_effects_issue(hass)
    return (*effects.values(), *older.values())


@callback
def async_delete_led_effects_issue(hass: HomeAssistant) -> None:
    """Take back that there are effects in the older integration's folder."""
    ir.async_delete_issue(hass, DOMAIN, _OLDER_FOLDER_ISSUE)


def _load_all(folder: Path) -> tuple[_Effects, _Effects]:
    effects = _load(folder, taken={}, level=logging.WARNING)
    # Most of these are the older integration's own, whose names are ours as well.
    return effects, _load(_OLDER_FOLDER, taken=effects, level=logging.DEBUG)


def _load(folder: Path, *, taken: _Effects, level: int) -> _Effects:
    files = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
    if len(files) > _MAX_FILES:
        _LOGGER.warning("Only the first %s LED effect files are read", _MAX_FILES)
    effects: _Effects = {}
    for file in files[:_MAX_FILES]:
        try:
            effect = _read(file, taken={**taken, **effects})
        except (OSError, ValueError) as error:
            _LOGGER.log(
                level, "Passing over the LED effect file %s: %s", file.name, error
            )
            continue
        effects[effect.label] = effect
    return effects


def _read(file: Path, *, taken: _Effects) -> LedEffect:
    # A link may show to anywhere, and what is no file may be read for ever.
    if not file.resolve().is_relative_to(file.parent.resolve()):
        raise InvalidEffect(f"{file.name}: lies in another folder")
    if not file.is_file():
        raise InvalidEffect(f"{file.name}: is no file")
    if file.stat().st_size > _MAX_SIZE:
        raise InvalidEffect(f"{file.name}: larger than {_MAX_SIZE // 1024} KiB")
    text = file.read_text(encoding="utf-8")
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - as safe
    except Exception as error:
        # Not only its own errors: also those of what it builds, dates for instance.
        raise InvalidEffect(f"{file.name}: {error or type(error).__name__}") from error
    return parse_effect(document, source=file.name, taken=taken)
