"""Config flow: log in, choose a charger; renew or change the login later."""

from collections.abc import Callable, Mapping
import logging
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    EntityWithDeviceFilterSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
    TimeSelector,
)
import voluptuous as vol

from .account import async_get_account
from .const import (
    CONF_API_VERSION_OVERRIDE,
    CONF_CHARGER_ID,
    CONF_PLANNER,
    CONF_PLANNER_BACKUP_END,
    CONF_PLANNER_BACKUP_START,
    CONF_PLANNER_CHARGE_MODE,
    CONF_PRICE,
    CONF_PRICE_ENTITY,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
)
from .hypervolt.charger import Charger
from .hypervolt.device_state import HypervoltChargeMode
from .hypervolt.errors import CannotConnect, InvalidAuth
from .hypervolt.plan import PlanError, PlanProblem
from .hypervolt.tariff import MOST_PER_KWH
from .planner import PLANNERS, PlanRequest, async_is_own, async_read
from .price import async_is_price_entity

_LOGGER = logging.getLogger(__name__)

LOGIN_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_USERNAME): TextSelector(
            TextSelectorConfig(type=TextSelectorType.EMAIL, autocomplete="username")
        ),
        vol.Required(CONF_PASSWORD): TextSelector(
            TextSelectorConfig(
                type=TextSelectorType.PASSWORD, autocomplete="current-password"
            )
        ),
    }
)

OPTIONS_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_API_VERSION_OVERRIDE, default="auto"): SelectSelector(
            SelectSelectorConfig(
                options=["auto", "v2", "v3"],
                translation_key=CONF_API_VERSION_OVERRIDE,
            )
        ),
        vol.Optional(CONF_PLANNER): EntitySelector(),
        vol.Optional(CONF_PLANNER_CHARGE_MODE): SelectSelector(
            SelectSelectorConfig(
                options=[str(mode) for mode in HypervoltChargeMode],
                translation_key="charge_mode",
            )
        ),
        vol.Optional(CONF_PLANNER_BACKUP_START): TimeSelector(),
        vol.Optional(CONF_PLANNER_BACKUP_END): TimeSelector(),
        vol.Optional(CONF_PRICE): NumberSelector(
            NumberSelectorConfig(
                mode=NumberSelectorMode.BOX,
                min=-MOST_PER_KWH,
                max=MOST_PER_KWH,
                step="any",
            )
        ),
        vol.Optional(CONF_PRICE_ENTITY): EntitySelector(
            EntitySelectorConfig(domain=["sensor", "input_number", "number"])
        ),
    }
)


class HypervoltConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds a charger, and keeps its login current."""

    VERSION = ENTRY_VERSION
    MINOR_VERSION = ENTRY_MINOR_VERSION

    def __init__(self) -> None:
        """Start without a login."""
        self._login: dict[str, str] = {}
        self._chargers: list[Charger] = []

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> HypervoltOptionsFlow:
        """Return the flow of the options."""
        return HypervoltOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Log in to the account."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_log_in(user_input)
            if not errors and not self._chargers:
                errors = {"base": "no_chargers"}
            if not errors:
                return await self.async_step_charger()
        return self._show_login("user", errors, user_input)

    async def async_step_charger(
        self, user_input: dict[str, str] | None = None
    ) -> ConfigFlowResult:
        """Choose among the account's chargers, where there is a choice."""
        configured = self._async_current_ids()
        chargers = {
            charger.charger_id: charger
            for charger in self._chargers
            if charger.charger_id not in configured
        }
        if not chargers:
            return self.async_abort(reason="already_configured")
        if user_input is not None:
            # Another flow may have added it meanwhile: then this one aborts.
            chosen = user_input[CONF_CHARGER_ID]
            return await self._async_add(
                next(item for item in self._chargers if item.charger_id == chosen)
            )
        if len(chargers) == 1:
            return await self._async_add(*chargers.values())
        options = [
            SelectOptionDict(value=charger_id, label=charger.display_name)
            for charger_id, charger in chargers.items()
        ]
        return self.async_show_form(
            step_id="charger",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_CHARGER_ID): SelectSelector(
                        SelectSelectorConfig(options=options)
                    )
                }
            ),
        )

    async def async_step_reauth(
        self, _entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Begin to renew a login that the cloud refuses."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a login that works."""
        return await self._async_renew(
            "reauth_confirm", self._get_reauth_entry, user_input
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the login of a charger, say after a change of e-mail address."""
        return await self._async_renew(
            "reconfigure", self._get_reconfigure_entry, user_input
        )

    async def _async_renew(
        self,
        step_id: str,
        get_entry: Callable[[], ConfigEntry],
        user_input: dict[str, Any] | None,
    ) -> ConfigFlowResult:
        entry = get_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_log_in(user_input)
            if not errors and not self._owns(entry.unique_id):
                errors = {"base": "wrong_account"}
            if not errors:
                self._renew_siblings(entry)
                return self.async_update_reload_and_abort(
                    entry, data_updates=self._login
                )
        return self._show_login(
            step_id, errors, user_input or {CONF_USERNAME: entry.data[CONF_USERNAME]}
        )

    def _renew_siblings(self, entry: ConfigEntry) -> None:
        """Give the new login to the account's other chargers, who need it as well."""
        manager = self.hass.config_entries
        for sibling in self._async_current_entries():
            if (
                sibling is entry
                or sibling.data[CONF_USERNAME] != entry.data[CONF_USERNAME]
                or not self._owns(sibling.unique_id)
            ):
                continue
            manager.async_update_entry(sibling, data={**sibling.data, **self._login})
            # That also ends the flow that asks for it.
            manager.async_schedule_reload(sibling.entry_id)

    def _owns(self, charger_id: str | None) -> bool:
        """Whether the charger belongs to the account just logged in to."""
        return any(charger.charger_id == charger_id for charger in self._chargers)

    async def _async_log_in(self, user_input: Mapping[str, str]) -> dict[str, str]:
        """Try a login and read the account's chargers; return the form's errors."""
        login = {
            CONF_USERNAME: user_input[CONF_USERNAME].strip(),
            CONF_PASSWORD: user_input[CONF_PASSWORD],
        }
        try:
            account = await async_get_account(self.hass, *login.values())
            # An account in use has tokens that would hide a password gone wrong.
            await account.auth.verify_password()
            self._chargers = await account.chargers()
        except InvalidAuth:
            return {"base": "invalid_auth"}
        except CannotConnect:
            return {"base": "cannot_connect"}
        except Exception:
            # Whatever it was, the form must say that it failed; the log says how.
            _LOGGER.exception("Unexpected error while logging in")
            return {"base": "unknown"}
        self._login = login
        return {}

    async def _async_add(self, charger: Charger) -> ConfigFlowResult:
        await self.async_set_unique_id(charger.charger_id)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(
            title=charger.display_name,
            data={**self._login, CONF_CHARGER_ID: charger.charger_id},
        )

    def _show_login(
        self,
        step_id: str,
        errors: dict[str, str],
        suggested: Mapping[str, Any] | None,
    ) -> ConfigFlowResult:
        """Show the form, with what has been typed but never the password."""
        shown = {CONF_USERNAME: suggested[CONF_USERNAME]} if suggested else {}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(LOGIN_SCHEMA, shown),
            errors=errors,
        )


class HypervoltOptionsFlow(OptionsFlowWithReload):
    """Settings beyond the login."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a planner to follow, a price, and how the charger is spoken to."""
        errors: dict[str, str] = {}
        options = self.config_entry.options
        if user_input is not None:
            errors = _mistakes(self.hass, user_input) or await _planner_mistakes(
                self.hass, user_input, options.get(CONF_PLANNER)
            )
            if not errors:
                # What has been emptied is absent; what the form does not show stays.
                ours = {str(key) for key in OPTIONS_SCHEMA.schema}
                kept = {key: options[key] for key in options if key not in ours}
                return self.async_create_entry(data={**kept, **user_input})
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _options_schema(self.hass), user_input or options
            ),
            errors=errors,
        )


class _PlannerSelector(EntitySelector):
    """Offers what may be a planner, and leaves refusing to the form's own errors."""

    @override
    def __call__(self, data: Any) -> Any:
        return EntitySelector()(data)


def _options_schema(hass: HomeAssistant) -> vol.Schema:
    """Return the form of the options, which offers no entity of ours as a planner."""
    ours = [
        entity.entity_id
        for entity in er.async_get(hass).entities.values()
        if entity.platform == DOMAIN
    ]
    planner = _PlannerSelector(
        EntitySelectorConfig(
            filter=EntityWithDeviceFilterSelectorConfig(domain=[*PLANNERS]),
            exclude_entities=ours,
        )
    )
    return vol.Schema(
        {
            key: planner if key == CONF_PLANNER else field
            for key, field in OPTIONS_SCHEMA.schema.items()
        }
    )


async def _planner_mistakes(
    hass: HomeAssistant, options: Mapping[str, Any], before: str | None
) -> dict[str, str]:
    """Return the error of a planner that cannot have a plan.

    One that has none at the moment is fine, and one that has been chosen before may
    have lost its plan for now.
    """
    planner: str | None = options.get(CONF_PLANNER)
    if planner is None:
        return {}
    if async_is_own(hass, planner):
        return {"base": "own_planner"}
    if planner == before:
        return {}
    if planner.partition(".")[0] not in PLANNERS:
        return {"base": "not_a_planner"}
    try:
        await async_read(hass, PlanRequest(tracker=planner))
    except PlanError as error:
        if error.reason is PlanProblem.PRICE_LIST:
            return {"base": "planner_has_prices"}
        if error.reason in (
            PlanProblem.NOT_UNDERSTOOD,
            PlanProblem.NO_WINDOWS_ATTRIBUTE,
        ):
            return {"base": "not_a_planner"}
    return {}


def _mistakes(hass: HomeAssistant, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the errors of a form that is not valid as a whole."""
    start = options.get(CONF_PLANNER_BACKUP_START)
    end = options.get(CONF_PLANNER_BACKUP_END)
    if (start is None) is not (end is None):
        return {"base": "backup_incomplete"}
    if start is not None and start == end:
        return {"base": "backup_empty"}
    if CONF_PRICE in options and CONF_PRICE_ENTITY in options:
        return {"base": "two_prices"}
    price_entity = options.get(CONF_PRICE_ENTITY)
    if price_entity is not None and not async_is_price_entity(hass, price_entity):
        return {"base": "not_a_price"}
    return {}
