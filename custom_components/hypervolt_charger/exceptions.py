"""Errors of the library as Home Assistant shows them, in the user's language."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .hypervolt.errors import (
    HypervoltError,
    InvalidEffect,
    InvalidSchedule,
    NotSupported,
)
from .hypervolt.plan import PlanError

_MISTAKES = (InvalidSchedule, InvalidEffect, NotSupported, PlanError)


def translated(error: HypervoltError) -> HomeAssistantError:
    """Return the error to raise; a ServiceValidationError if the caller is at fault."""
    kind = (
        ServiceValidationError if isinstance(error, _MISTAKES) else HomeAssistantError
    )
    return kind(
        translation_domain=DOMAIN,
        translation_key=error.cause,
        translation_placeholders=dict(error.details),
    )


def localized(hass: HomeAssistant, error: HomeAssistantError) -> str:
    """Return an error's text in Home Assistant's language, to be part of another."""
    domain, key = error.translation_domain, error.translation_key
    if domain is None or key is None:
        return str(error)
    texts = async_get_cached_translations(
        hass, hass.config.language, "exceptions", domain
    )
    text = texts.get(f"component.{domain}.exceptions.{key}.message")
    if text is None:
        return str(error)
    return text.format(**(error.translation_placeholders or {}))
