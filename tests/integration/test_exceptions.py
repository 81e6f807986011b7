"""Errors as parts of other messages."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.exceptions import localized
from tests.conftest import SetUpCharger
from tests.simulator import Personality


async def test_an_error_is_localized(
    hass: HomeAssistant, setup_charger: SetUpCharger
) -> None:
    await setup_charger(Personality.V3)
    error = HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="session_incomplete",
        translation_placeholders={"number": "2"},
    )
    assert localized(hass, error) == "Session 2 needs a start and an end time."


async def test_an_error_without_a_translation_keeps_its_text(
    hass: HomeAssistant,
) -> None:
    assert localized(hass, HomeAssistantError("Plain text")) == "Plain text"
    unknown = HomeAssistantError(
        "Plain text", translation_domain=DOMAIN, translation_key="no_such_key"
    )
    assert localized(hass, unknown)
