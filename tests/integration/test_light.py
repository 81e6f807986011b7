"""Tests of the light."""

import asyncio
from dataclasses import replace
from pathlib import Path

from homeassistant.components.light import (
    ATTR_BRIGHTNESS,
    ATTR_COLOR_MODE,
    ATTR_EFFECT,
    ATTR_EFFECT_LIST,
    ATTR_RGB_COLOR,
    ATTR_SUPPORTED_COLOR_MODES,
    EFFECT_OFF,
    ColorMode,
)
from homeassistant.const import (
    SERVICE_TOGGLE,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hypervolt_charger.const import LED_EFFECTS_FOLDER
from tests.conftest import Rig, SetUpCharger
from tests.simulator import Confirm, Effect, Fault, Personality
from tests.waiting import eventually

from .acting import act, act_in_vain, entity, keys

RED = {"r": 1.0, "g": 0.0, "b": 0.0}
WHITE = {"r": 1.0, "g": 1.0, "b": 1.0}
EFFECTS = [
    EFFECT_OFF,
    "Static",
    "Party",
    "Halloween",
    "Red alert",
    "Turbo boost",
    "Christmas",
    "Flag",
    "Home Assistant",
    "Peace",
    "Queen Elizabeth II",
]


async def turn_on(rig: Rig, **data: object) -> None:
    """Turn the LEDs on."""
    await act(rig, "light", SERVICE_TURN_ON, "led", **data)


def shown(rig: Rig, *names: str) -> list[object]:
    """Return attributes of the light."""
    attributes = entity(rig, "light", "led").attributes
    return [attributes[name] for name in names]


def writes(rig: Rig) -> int:
    """Return how many writes the charger has received."""
    return sum(frame.method == "sync.apply" for frame in rig.charger.received)


@pytest.mark.parametrize(
    "personality", [Personality.V3, Personality.UPGRADED_V2, Personality.LEGACY_V2]
)
async def test_which_exist(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    assert keys(rig, "light") == {"led"}
    assert rig.entity_id("light", "led") == "light.hypervolt_led"
    entry = er.async_get(rig.hass).async_get("light.hypervolt_led")
    assert entry
    assert entry.entity_category is EntityCategory.CONFIG


async def test_status_lights(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    assert rig.state("light", "led") == STATE_ON
    assert shown(rig, ATTR_EFFECT_LIST, ATTR_SUPPORTED_COLOR_MODES) == [
        EFFECTS,
        [ColorMode.RGB],
    ]
    assert shown(
        rig, ATTR_BRIGHTNESS, ATTR_COLOR_MODE, ATTR_EFFECT, ATTR_RGB_COLOR
    ) == [255, ColorMode.RGB, EFFECT_OFF, None]


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_off_and_on_restore_the_brightness(
    setup_charger: SetUpCharger, personality: Personality
) -> None:
    rig = await setup_charger(personality)
    await turn_on(rig, brightness=128)
    assert rig.charger.brightness == 0.5
    assert shown(rig, ATTR_BRIGHTNESS) == [128]
    await act(rig, "light", SERVICE_TURN_OFF, "led")
    assert rig.charger.brightness == 0
    assert rig.state("light", "led") == STATE_OFF
    await turn_on(rig)
    assert rig.charger.brightness == 0.5
    await act(rig, "light", SERVICE_TOGGLE, "led")
    assert rig.state("light", "led") == STATE_OFF
    await act(rig, "light", SERVICE_TOGGLE, "led")
    assert shown(rig, ATTR_BRIGHTNESS) == [128]


async def test_the_last_brightness_may_be_somebody_elses(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.app_apply(brightness=0.25)
    await eventually(lambda: shown(rig, ATTR_BRIGHTNESS) == [64])
    rig.charger.app_apply(brightness=0.0)
    await eventually(lambda: rig.state("light", "led") == STATE_OFF)
    await turn_on(rig)
    assert rig.charger.brightness == 0.25


@pytest.mark.parametrize("personality", [Personality.V3, Personality.LEGACY_V2])
async def test_colour(setup_charger: SetUpCharger, personality: Personality) -> None:
    rig = await setup_charger(personality)
    before = writes(rig)
    await turn_on(rig, rgb_color=[255, 0, 0], brightness=191)
    assert writes(rig) == before + 1
    assert rig.charger.effect_name == Effect.STEADY_ARRAY
    assert rig.charger.leds == [RED] * 51
    assert rig.charger.brightness == 0.75
    assert shown(
        rig, ATTR_BRIGHTNESS, ATTR_COLOR_MODE, ATTR_EFFECT, ATTR_RGB_COLOR
    ) == [191, ColorMode.RGB, "Static", (255, 0, 0)]
    # Colours the cloud has in two decimals stay what was asked for.
    await turn_on(rig, rgb_color=[1, 2, 3])
    assert shown(rig, ATTR_RGB_COLOR) == [(1, 2, 3)]


async def test_static_has_the_last_colour(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, effect="Static")
    assert rig.charger.leds == [WHITE] * 51
    await turn_on(rig, effect="Static", rgb_color=[255, 0, 0])
    assert rig.charger.leds == [RED] * 51
    await turn_on(rig, effect="Peace")
    assert shown(rig, ATTR_EFFECT, ATTR_COLOR_MODE, ATTR_RGB_COLOR) == [
        "Peace",
        ColorMode.BRIGHTNESS,
        None,
    ]
    await turn_on(rig, effect="Static")
    assert rig.charger.leds == [RED] * 51
    assert shown(rig, ATTR_EFFECT, ATTR_RGB_COLOR) == ["Static", (255, 0, 0)]


@pytest.mark.parametrize(
    ("label", "effect", "mode"),
    [
        ("Party", Effect.PARTY_MODE, ColorMode.BRIGHTNESS),
        ("Turbo boost", Effect.KNIGHT_RIDER, ColorMode.BRIGHTNESS),
        ("Flag", Effect.STEADY_ARRAY, ColorMode.BRIGHTNESS),
        (EFFECT_OFF, Effect.NONE, ColorMode.RGB),
    ],
)
async def test_effects(
    setup_charger: SetUpCharger, label: str, effect: Effect, mode: ColorMode
) -> None:
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, effect=label)
    assert rig.charger.effect_name == effect
    assert rig.charger.brightness == 1.0
    assert shown(rig, ATTR_EFFECT, ATTR_COLOR_MODE) == [label, mode]


async def test_the_older_name_of_no_effect(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, effect="Party")
    await turn_on(rig, effect="No effect")
    assert rig.charger.effect_name == Effect.NONE
    assert shown(rig, ATTR_EFFECT) == [EFFECT_OFF]


async def test_pictures_are_forgotten_when_something_else_plays(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, effect="Flag")
    rig.charger.app_apply(effect_name="party_mode")
    await eventually(lambda: shown(rig, ATTR_EFFECT) == ["Party"])
    rig.charger.app_apply(effect_name="steady_array", leds=[RED] * 51)
    await eventually(lambda: shown(rig, ATTR_EFFECT) == ["Static"])
    # Somebody else's colours: the cloud does not tell them.
    assert shown(rig, ATTR_COLOR_MODE, ATTR_RGB_COLOR) == [ColorMode.RGB, None]


@pytest.mark.parametrize(
    ("told", "effect", "mode"),
    [
        ("disco_2027", "disco_2027", ColorMode.BRIGHTNESS),
        ("", None, ColorMode.RGB),
        ("off", EFFECT_OFF, ColorMode.RGB),
    ],
)
async def test_effects_nobody_knows(
    setup_charger: SetUpCharger, told: str, effect: str | None, mode: ColorMode
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.push({"method": "sync.apply", "params": [{"effect_name": told}]})
    await eventually(lambda: rig.coordinator.data.effect_name == told)
    assert shown(rig, ATTR_EFFECT, ATTR_COLOR_MODE) == [effect, mode]


async def test_unknown_brightness(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    rig.coordinator.data = replace(rig.coordinator.data, brightness=None)
    rig.coordinator.async_update_listeners()
    assert rig.state("light", "led") == STATE_UNKNOWN


async def test_effects_of_peoples_own(
    hass: HomeAssistant, setup_charger: SetUpCharger, tmp_path: Path
) -> None:
    folder = tmp_path / LED_EFFECTS_FOLDER
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: My red\ndefault_colour: red\n")
    hass.config.config_dir = str(tmp_path)
    rig = await setup_charger(Personality.V3)
    assert shown(rig, ATTR_EFFECT_LIST) == [[*EFFECTS, "My red"]]
    await turn_on(rig, effect="My red")
    assert rig.charger.leds == [RED] * 51
    assert shown(rig, ATTR_EFFECT, ATTR_COLOR_MODE) == ["My red", ColorMode.BRIGHTNESS]


async def test_an_effect_there_is_not(setup_charger: SetUpCharger) -> None:
    rig = await setup_charger(Personality.V3)
    error = await act_in_vain(
        rig, "light", SERVICE_TURN_ON, "led", **{ATTR_EFFECT: "Disco"}
    )
    assert isinstance(error, ServiceValidationError)
    assert error.translation_key == "invalid_effect"
    assert rig.charger.effect_name == Effect.NONE


@pytest.mark.parametrize(
    ("action", "data"),
    [
        (SERVICE_TURN_OFF, {}),
        (SERVICE_TURN_ON, {ATTR_BRIGHTNESS: 10}),
        (SERVICE_TURN_ON, {ATTR_RGB_COLOR: [0, 255, 0]}),
        (SERVICE_TURN_ON, {ATTR_EFFECT: "Flag"}),
    ],
)
async def test_refused(
    setup_charger: SetUpCharger, action: str, data: dict[str, object]
) -> None:
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, rgb_color=[255, 0, 0])
    rig.cloud.faults.enable(Fault.INTERNAL)
    error = await act_in_vain(rig, "light", action, "led", **data)
    assert error.translation_key == "refused"
    assert rig.charger.leds == [RED] * 51


@pytest.mark.parametrize("fault", [Fault.INTERNAL, Fault.LOST])
async def test_a_picture_over_a_picture(
    setup_charger: SetUpCharger, fault: Fault
) -> None:
    """Session frames arrive all the while: none of them confirms a picture."""
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, rgb_color=[255, 0, 0])
    rig.cloud.faults.enable(fault, methods=["sync.apply"])
    for _ in range(2):
        await act_in_vain(rig, "light", SERVICE_TURN_ON, "led", effect="Peace")
    assert shown(rig, ATTR_EFFECT, ATTR_RGB_COLOR) == ["Static", (255, 0, 0)]
    assert rig.charger.leds == [RED] * 51


@pytest.mark.parametrize("confirm", Confirm)
async def test_a_picture_is_confirmed_either_way(
    setup_charger: SetUpCharger, confirm: Confirm
) -> None:
    rig = await setup_charger(Personality.V3)
    rig.charger.confirm = confirm
    await turn_on(rig, rgb_color=[255, 0, 0])
    await turn_on(rig, effect="Peace")
    assert shown(rig, ATTR_EFFECT) == ["Peace"]
    assert rig.charger.leds != [RED] * 51


async def test_a_slider_and_a_change_of_mind(setup_charger: SetUpCharger) -> None:
    """What comes in quick succession goes out as one write, the last wish winning."""
    rig = await setup_charger(Personality.V3)
    await turn_on(rig, brightness=255)
    before = writes(rig)
    await asyncio.gather(
        *(turn_on(rig, brightness=level) for level in range(10, 200, 10)),
        turn_on(rig, rgb_color=[255, 0, 0]),
        turn_on(rig, effect="Party", brightness=64),
    )
    assert writes(rig) == before + 1
    assert rig.charger.brightness == 0.25
    assert rig.charger.effect_name == Effect.PARTY_MODE
    assert shown(rig, ATTR_EFFECT, ATTR_BRIGHTNESS) == ["Party", 64]
