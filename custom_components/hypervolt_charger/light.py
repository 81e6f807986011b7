"""Light: the charger's LEDs."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.light import (
    ATTR_BRIGHTNESS,
    ATTR_EFFECT,
    ATTR_RGB_COLOR,
    EFFECT_OFF,
    ColorMode,
    LightEntity,
    LightEntityDescription,
    LightEntityFeature,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import HypervoltConfigEntry, HypervoltUpdateCoordinator
from .entity import HypervoltControl, HypervoltEntityDescription, async_add_supported
from .hypervolt.led import (
    EFFECTS,
    STEADY,
    WHITE,
    Colour,
    LedEffect,
    brightness_from_wire,
    brightness_to_wire,
    colour_fill,
    effect_by_label,
    restored_brightness,
)

# The client merges what is set in quick succession, such as by a slider.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HypervoltLightEntityDescription(
    HypervoltEntityDescription, LightEntityDescription
):
    """Describes a light."""


DESCRIPTIONS = (
    HypervoltLightEntityDescription(key="led", entity_category=EntityCategory.CONFIG),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: HypervoltConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the light of a charger."""
    async_add_supported(entry, async_add_entities, HypervoltLight, DESCRIPTIONS)


class HypervoltLight(HypervoltControl, LightEntity):
    """The LEDs: an effect of the charger's own, or a picture we send.

    The cloud tells that there is a picture, never which one (protocol.md 9): the one
    set here last is shown, until the charger plays something else.
    """

    entity_description: HypervoltLightEntityDescription
    _attr_supported_features = LightEntityFeature.EFFECT

    def __init__(
        self,
        coordinator: HypervoltUpdateCoordinator,
        description: HypervoltLightEntityDescription,
    ) -> None:
        """Begin without knowing what picture there may be."""
        super().__init__(coordinator, description)
        self._attr_supported_color_modes = {ColorMode.RGB}
        self._attr_effect_list = [
            effect.label for effect in (*EFFECTS, *coordinator.led_effects)
        ]
        self._picture: LedEffect | None = None
        self._colour = WHITE
        self._last_lit = coordinator.data.brightness

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether there is any light; None while that is not known."""
        brightness = self.coordinator.data.brightness
        if brightness is None or not self._is_current:
            return None
        return brightness > 0

    @property
    @override
    def brightness(self) -> int | None:
        """The brightness, 0-255."""
        brightness = self.coordinator.data.brightness
        return None if brightness is None else brightness_from_wire(brightness)

    @property
    def _playing(self) -> LedEffect | None:
        name = self.coordinator.data.effect_name
        if not name:
            return None
        return self._picture if name == STEADY and self._picture else LedEffect(name)

    @property
    @override
    def effect(self) -> str | None:
        """The label of what is played; EFFECT_OFF for the usual status lights."""
        playing = self._playing
        return playing.label if playing else None

    @property
    @override
    def color_mode(self) -> ColorMode:
        """RGB unless an effect has colours of its own."""
        playing = self._playing
        if playing is None or playing.key == STEADY or playing.label == EFFECT_OFF:
            return ColorMode.RGB
        return ColorMode.BRIGHTNESS

    @property
    @override
    def rgb_color(self) -> tuple[int, int, int] | None:
        """The one colour all LEDs were given here; None for anything else."""
        picture = self._playing
        if picture is None or picture.key != STEADY or picture.leds is None:
            return None
        return picture.leds[0].to_rgb255()

    @property
    @override
    def _value(self) -> Hashable:
        return self.is_on, self.brightness, self.effect, self.rgb_color

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        state = self.coordinator.data
        if state.brightness:
            self._last_lit = state.brightness
        if state.effect_name != STEADY:
            self._picture = None
        super()._handle_coordinator_update()

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Light the LEDs, as bright as they last were unless told how bright."""
        level: int | None = kwargs.get(ATTR_BRIGHTNESS)
        await self._command(
            self._light(
                restored_brightness(self._last_lit)
                if level is None
                else brightness_to_wire(level),
                kwargs.get(ATTR_EFFECT),
                kwargs.get(ATTR_RGB_COLOR),
            )
        )

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Darken the LEDs; their effect stays for the next time."""
        await self._command(self.coordinator.client.set_leds(brightness=0.0))

    async def _light(
        self, brightness: float, label: str | None, rgb: tuple[int, int, int] | None
    ) -> None:
        """Set all at once; a colour goes with no effect but the static one."""
        colour = self._colour if rgb is None else Colour.from_rgb255(*rgb)
        effect: LedEffect | None = None
        if label is not None:
            effect = effect_by_label(label, self.coordinator.led_effects)
        elif rgb is not None:
            effect = LedEffect(STEADY)
        if effect is not None and effect.key == STEADY:
            effect = LedEffect(STEADY, colour_fill(colour))
        await self.coordinator.client.set_leds(brightness=brightness, effect=effect)
        if effect is None:
            return
        self._picture = effect if effect.leds else None
        if effect.key == STEADY:
            self._colour = colour
        self._handle_coordinator_update()
