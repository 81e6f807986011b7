"""What docs/security.md claims and no other test shows."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import ipaddress
import logging
import os
from pathlib import Path
import ssl
import stat

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util.ssl import get_default_context
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hypervolt_charger.const import DOMAIN, LED_EFFECTS_FOLDER
from custom_components.hypervolt_charger.energy_store import EnergyStore
from custom_components.hypervolt_charger.hypervolt.account import HypervoltAccount
from custom_components.hypervolt_charger.hypervolt.client import HypervoltApiClient
from custom_components.hypervolt_charger.hypervolt.connection import (
    SocketOptions,
    _open_socket,
)
from custom_components.hypervolt_charger.hypervolt.endpoints import (
    OVERRIDE_VARIABLE,
    Endpoints,
)
from custom_components.hypervolt_charger.hypervolt.errors import CannotConnect
from custom_components.hypervolt_charger.planned_schedule import store_of
from tests.conftest import FAST, PASSWORD, USERNAME, SetUpCharger
from tests.simulator import Personality
from tests.simulator.vocabulary import FIRST_ID
from tests.waiting import eventually

TOKEN = "a-token-of-this-test"

type Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A host that takes down what is asked of it."""

    url: str = ""
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(
    answer: Answer, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Server]:
    """Serve every path on a port of its own, which is another origin."""
    server = Server()

    async def handle(request: web.Request) -> web.StreamResponse:
        server.requests.append(request)
        server.bodies.append(await request.text())
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


async def no_chargers(_: web.Request) -> web.Response:
    return web.json_response({"chargers": []})


def account_of(session: aiohttp.ClientSession, url: str) -> HypervoltAccount:
    return HypervoltAccount(
        session,
        USERNAME,
        PASSWORD,
        user_agent="hypervolt-tests/1.0",
        endpoints=Endpoints(identity=url, rest=url),
        timing=FAST,
    )


def options(context: ssl.SSLContext | None = None) -> SocketOptions:
    return SocketOptions(
        user_agent="hypervolt-tests/1.0", timing=FAST, ssl_context=context
    )


# Redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_rest_redirect_to_another_host_carries_no_token(
    socket_enabled: None, session: aiohttp.ClientSession, status: int
) -> None:
    async with serving(no_chargers) as elsewhere:

        async def answer(request: web.Request) -> web.Response:
            if request.path.endswith("/token"):
                return web.json_response({"access_token": TOKEN, "expires_in": 3600})
            return web.Response(status=status, headers={"Location": elsewhere.url})

        async with serving(answer) as cloud:
            assert await account_of(session, cloud.url).chargers() == []
    (request,) = elsewhere.requests
    assert "Authorization" not in request.headers
    assert TOKEN not in f"{request.headers}{request.url}{elsewhere.bodies}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_token_endpoint_is_not_followed(
    socket_enabled: None, session: aiohttp.ClientSession, status: int
) -> None:
    async with serving(no_chargers) as elsewhere:

        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": elsewhere.url})

        async with serving(answer) as cloud:
            with pytest.raises(CannotConnect):
                await account_of(session, cloud.url).chargers()
    assert len(cloud.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_socket_to_another_host_is_not_followed(
    socket_enabled: None, status: int
) -> None:
    async with serving(no_chargers) as elsewhere:
        target = elsewhere.url.replace("http", "ws")

        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": target})

        async with serving(answer) as cloud:
            with pytest.raises(CannotConnect) as refused:
                await _open_socket(cloud.url.replace("http", "ws"), options())
    assert len(cloud.requests) == 1
    assert elsewhere.requests == []
    assert "127.0.0.1" not in str(refused.value)


# What the cloud repeats


async def test_a_token_the_cloud_repeats_stays_out_of_the_log(
    socket_enabled: None,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    async def refuse(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": TOKEN, "expires_in": 3600})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            login = frame.json()
            text = f"{login['params']['token']} of {USERNAME} is not a token"
            await socket.send_json(
                {"id": login["id"], "error": {"code": -32000, "message": text}}
            )
        return socket

    async with serving(refuse) as cloud:
        account = HypervoltAccount(
            session,
            USERNAME,
            PASSWORD,
            user_agent="hypervolt-tests/1.0",
            endpoints=Endpoints.from_environment({OVERRIDE_VARIABLE: cloud.url}),
            timing=FAST,
        )
        charger_id = str(FIRST_ID[Personality.V3])
        client = HypervoltApiClient(account, charger_id, listener=lambda: None)
        start = asyncio.create_task(client.start())
        await eventually(lambda: "The login was refused" in caplog.text)
        start.cancel()
        await client.stop()
    assert TOKEN not in caplog.text
    assert USERNAME not in caplog.text


# TLS


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_certificate_nobody_vouches_for_gets_no_request(
    socket_enabled: None, session: aiohttp.ClientSession, self_signed: ssl.SSLContext
) -> None:
    async with serving(no_chargers, self_signed) as impostor:
        with pytest.raises(CannotConnect):
            await account_of(session, impostor.url).chargers()
        url = impostor.url.replace("https", "wss")
        for context in (None, get_default_context()):
            with pytest.raises(CannotConnect) as refused:
                await _open_socket(url, options(context))
            assert "SSLCertVerificationError" in str(refused.value)
    assert impostor.requests == []


async def test_the_sockets_verify_as_home_assistant_does(
    setup_charger: SetUpCharger,
) -> None:
    rig = await setup_charger(Personality.V3)
    context = rig.coordinator.client._sync._options.ssl_context
    assert context is get_default_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_real_hosts_are_reached_by_tls_alone() -> None:
    real = Endpoints()
    assert real.identity.startswith("https://")
    assert real.rest.startswith("https://")
    assert real.sockets.startswith("wss://")


# Files


async def test_what_is_stored_is_for_its_owner_alone(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path)
    energy = EnergyStore(hass, "entry")
    for store in (energy._books, energy._sessions, store_of(hass, "entry")):
        # The tests' Home Assistant keeps in memory what is saved any other way.
        await hass.async_add_executor_job(store._store._write_data, {"data": {}})
    files = sorted((tmp_path / ".storage").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3


async def test_effects_are_read_from_their_folder_alone(
    hass: HomeAssistant,
    setup_charger: SetUpCharger,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / LED_EFFECTS_FOLDER
    folder.mkdir()
    (tmp_path / "secrets.yaml").write_text("wifi_password: tell-nobody\n")
    (tmp_path / "outside.yaml").write_text("name: Outside\ndefault_colour: red\n")
    (folder / "inside.yaml").write_text("name: Inside\ndefault_colour: red\n")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "dots.yaml").symlink_to("../secrets.yaml")
    (folder / "within.yaml").symlink_to(folder / "inside.txt")
    (folder / "inside.txt").write_text("name: Linked\ndefault_colour: red\n")
    # Whoever reads this waits for ever.
    os.mkfifo(folder / "pipe.yaml")
    async with asyncio.timeout(5):
        rig = await setup_charger(Personality.V3)
    labels = {effect.label for effect in rig.coordinator.led_effects}
    assert labels == {"Inside", "Linked"}
    assert "wifi_password" not in caplog.text
    for name in ("link.yaml", "dots.yaml", "pipe.yaml"):
        assert f"Passing over the LED effect file {name}" in caplog.text


# Whom an action reaches


ACTIONS = {
    "set_schedule": {"windows": [{"start": "01:00", "end": "02:00"}]},
    "get_schedule": {},
    "restore_schedule": {},
    "get_sessions": {},
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_reaches_loaded_chargers_alone(
    hass: HomeAssistant, setup_charger: SetUpCharger, action: str
) -> None:
    rig = await setup_charger(Personality.V3)
    registry = dr.async_get(hass)
    mine = registry.async_get_device_by_identifier(
        (DOMAIN, rig.charger.charger_id), rig.entry.entry_id
    )
    assert mine
    other = MockConfigEntry(domain="elsewhere")
    other.add_to_hass(hass)
    foreign = registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("elsewhere", "1")}
    )

    async def refused(*devices: str) -> None:
        before = rig.charger.schedule
        with pytest.raises(ServiceValidationError) as error:
            await hass.services.async_call(
                DOMAIN,
                action,
                {"device_id": [*devices], **ACTIONS[action]},
                blocking=True,
                return_response=action != "restore_schedule",
            )
        assert error.value.translation_key == "no_charger"
        assert rig.charger.schedule == before

    await refused(foreign.id)
    await refused("there is none")
    # Not even the charger among them is touched.
    await refused(mine.id, foreign.id)
    await hass.config_entries.async_unload(rig.entry.entry_id)
    await refused(mine.id)
