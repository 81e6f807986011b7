"""The forms people fill in, with anything they could type or paste."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from hypothesis import given, strategies as st
import pytest

from custom_components.hypervolt_charger.config_flow import OPTIONS_SCHEMA
from custom_components.hypervolt_charger.const import DOMAIN
from tests.bench.rig import PASSWORD, USERNAME, one_charger

from .cases import few, numbers
from .living import living

# What a browser can send: whole characters only.
typed = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ("", " ", "\0", "a@b", f" {USERNAME} ", "x" * 100_000, "🚗" * 1000, "%00&=+")
    ),
)
answers = st.one_of(
    typed,
    st.none(),
    st.booleans(),
    numbers,
    st.lists(typed, max_size=2),
    st.sampled_from(
        ("auto", "v2", "v3", "sensor.planner", "boost", "23:30", "23:30:00", "24:00:00")
    ),
)
options = st.fixed_dictionaries(
    {}, optional={str(key): answers for key in OPTIONS_SCHEMA.schema}
)


def test_any_login(socket_enabled: None, caplog: pytest.LogCaptureFixture) -> None:
    """A login that is wrong is said to be wrong, never that we are at a loss."""
    with living(one_charger()) as ((_, _, rig), run):
        flows = rig.hass.config_entries.flow

        async def log_in(username: str, password: str) -> None:
            form = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
            result = await flows.async_configure(
                form["flow_id"], {CONF_USERNAME: username, CONF_PASSWORD: password}
            )
            if result["type"] is FlowResultType.ABORT:
                assert (username.strip(), password) == (USERNAME, PASSWORD)
                return
            # A form of the token endpoint that lacks something is no wrong password.
            assert result["errors"] in (
                {"base": "invalid_auth"},
                {"base": "cannot_connect"},
            )
            assert len(password) < 8 or password not in str(result["data_schema"])
            flows.async_abort(form["flow_id"])

        @few
        @given(typed, typed | st.just(PASSWORD))
        def case(username: str, password: str) -> None:
            run(log_in(username, password))

        case()
    assert "Unexpected" not in caplog.text


def test_any_options(socket_enabled: None) -> None:
    """What is taken works: the entry is set up with it."""
    with living(one_charger()) as ((_, _, rig), run):
        flows = rig.hass.config_entries.options

        async def choose(chosen: dict[str, Any]) -> None:
            form = await flows.async_init(rig.entry.entry_id)
            try:
                result = await flows.async_configure(form["flow_id"], chosen)
            except InvalidData:
                flows.async_abort(form["flow_id"])
                return
            if result["type"] is FlowResultType.FORM:
                assert result["errors"]
                flows.async_abort(form["flow_id"])
                return
            await rig.hass.async_block_till_done()
            assert rig.entry.state is ConfigEntryState.LOADED

        @few
        @given(options)
        def case(chosen: dict[str, Any]) -> None:
            run(choose(chosen))

        case()
