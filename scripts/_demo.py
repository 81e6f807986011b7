"""Runs the demo: a simulated cloud, a Home Assistant, and a person's first steps."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import signal
import sys
import time

import aiohttp

from _demo_api import ApiError, HomeAssistantApi, Json
from _demo_dashboard import URL_PATH, add_dashboard
from _demo_options import HOST, Options, parse, reset
from _demo_processes import Program, ProgramEnded, running
from _environment import ROOT, say

DOMAIN = "hypervolt_charger"
HASS_USER = HASS_PASSWORD = "demo"  # noqa: S105 - shown to everybody
ACCOUNT = "demo@example.com"
ACCOUNT_PASSWORD = "demo"  # noqa: S105 - of a simulated account
HASS_LOG = "console.log"
# What Home Assistant ends with when a person restarts it in its settings.
RESTART_EXIT_CODE = 100

CONFIGURATION = """\
# Written by scripts/demo at every start.
homeassistant:
  name: Hypervolt demo
  latitude: 51.5
  longitude: -0.12
  time_zone: Europe/London
  country: GB
  currency: GBP
  unit_system: metric
logger:
  default: info
energy:
history:
logbook:
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
"""
# Home Assistant keeps its address in its storage, and takes what it reads elsewhere
# for a trial that it ends after five minutes, by going back to port 8123.
HTTP = {
    "server_host": [HOST],
    "cors_allowed_origins": ["https://cast.home-assistant.io"],
    "login_attempts_threshold": -1,
    "ip_ban_enabled": True,
    "ssl_profile": "modern",
    "use_x_frame_options": True,
    "created_at": "2026-01-01T00:00:00+00:00",
    "error": None,
    "error_message": None,
}
# Steps of the onboarding that would ask the internet: done. The first user is created
# the way a person does it.
ONBOARDING = {"done": ["core_config", "analytics", "integration"]}


class _Stopped(Exception):
    """A person has had enough."""


def main() -> int:
    """Run until a signal; return the exit code."""
    options = parse(sys.argv[1:])
    reset(options)
    write_configuration(options)
    return asyncio.run(_run(options))


def write_configuration(options: Options) -> None:
    """Write the configuration of Home Assistant; keep what it has stored itself."""
    folder = options.folder
    (folder / ".storage").mkdir(parents=True, exist_ok=True)
    (folder / "configuration.yaml").write_text(CONFIGURATION)
    for name, nothing in (("automations", "[]"), ("scripts", "{}"), ("scenes", "[]")):
        _write_new(folder / f"{name}.yaml", f"{nothing}\n")
    _write_new(folder / ".storage/onboarding", _stored("onboarding", 4, 1, ONBOARDING))
    address = {"stable": {**HTTP, "server_port": options.port}, "pending": None}
    (folder / ".storage/http").write_text(
        _stored("http", 2, 2, {**address, "yaml_migration_done": True})
    )
    link = folder / "custom_components"
    if link.is_symlink():
        link.unlink()  # the repository may have moved
    link.symlink_to(ROOT / "custom_components", target_is_directory=True)


def _stored(key: str, version: int, minor_version: int, data: Json) -> str:
    """Return the content of a file in Home Assistant's storage."""
    return json.dumps(
        {"version": version, "minor_version": minor_version, "key": key, "data": data}
    )


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text)


async def _run(options: Options) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    obstacles: list[str] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_raise_when(stopped))
            tasks.create_task(_demonstrate(options))
    except* _Stopped:
        pass
    except* (ProgramEnded, ApiError, TimeoutError, aiohttp.ClientError) as group:
        obstacles = list(_reasons(group))
    for reason in obstacles:
        say(f"✗ {reason}")
    say("stopped")
    return 1 if obstacles else 0


def _reasons(group: BaseExceptionGroup[Exception]) -> Iterator[str]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _reasons(error)
        else:
            yield str(error) or type(error).__name__


async def _raise_when(stopped: asyncio.Event) -> None:
    await stopped.wait()
    say("stopping")
    raise _Stopped


async def _demonstrate(options: Options) -> None:
    begin = time.monotonic()
    say("starting the simulated Hypervolt cloud and Home Assistant")
    async with running(_simulator(options)) as cloud, asyncio.TaskGroup() as tasks:
        tasks.create_task(_fail_when_it_ends(cloud, _simulator(options)))
        tasks.create_task(_keep_running(home_assistant(options)))
        async with _api(options) as api:
            await api.wait_until_it_answers()
            await api.create_first_user(HASS_USER, HASS_PASSWORD)
            await api.log_in(HASS_USER, HASS_PASSWORD)
            await api.wait_until_it_runs()
            if options.added:
                await _add_everything(api)
        say(f"ready after {time.monotonic() - begin:.1f} s")
        _greet(options)


def _simulator(options: Options) -> Program:
    chargers = [f"--charger={name}" for name in options.charger]
    return Program(
        name="The simulated cloud",
        command=[
            sys.executable, "-m", "tests.simulator",
            f"--host={HOST}", f"--port={options.cloud_port}", f"--speed={options.speed}",
            f"--username={ACCOUNT}", f"--password={ACCOUNT_PASSWORD}", *chargers,
        ],
        folder=ROOT,
        surroundings=os.environ,
        log=options.folder / "simulator.log",
    )  # fmt: skip


def home_assistant(options: Options) -> Program:
    """Return the program, for the configuration and the cloud of these options."""
    return Program(
        name="Home Assistant",
        command=[
            sys.executable, "-m", "homeassistant", "-c", str(options.folder),
            # Everything it may ask for is there; nothing is to be fetched.
            "--skip-pip", "--log-no-color",
        ],
        folder=options.folder,
        surroundings={**os.environ, "HYPERVOLT_CLOUD_URL": _cloud_url(options)},
        log=options.folder / HASS_LOG,
    )  # fmt: skip


async def _fail_when_it_ends(
    process: asyncio.subprocess.Process, program: Program
) -> None:
    raise ProgramEnded(program, await process.wait())


async def _keep_running(program: Program) -> None:
    """Run Home Assistant, and start it again when a person asks it to restart."""
    while True:
        async with running(program) as process:
            if (code := await process.wait()) != RESTART_EXIT_CODE:
                raise ProgramEnded(program, code)
            say("Home Assistant restarts")


@asynccontextmanager
async def _api(options: Options) -> AsyncGenerator[HomeAssistantApi]:
    async with aiohttp.ClientSession() as session:
        yield HomeAssistantApi(session, _hass_url(options))


async def _add_everything(api: HomeAssistantApi) -> None:
    """Add each charger that is not there yet, and a dashboard of all."""
    while await add_charger(api):
        pass
    await api.wait_until_loaded(DOMAIN)
    await add_dashboard(api, await api.entries(DOMAIN))


async def add_charger(api: HomeAssistantApi) -> bool:
    """Add one more charger of the account; return False if all are there."""
    flow = await api.start_flow(DOMAIN)
    flow = await api.continue_flow(flow, username=ACCOUNT, password=ACCOUNT_PASSWORD)
    if flow["type"] == "form" and flow["step_id"] == "charger":
        flow = await api.continue_flow(flow, charger_id=_first_choice(flow))
    return bool(flow["type"] == "create_entry")


def _first_choice(flow: Json) -> str:
    """Return the first charger that a form offers."""
    (field,) = flow["data_schema"]
    value: str = field["selector"]["select"]["options"][0]["value"]
    return value


def _hass_url(options: Options) -> str:
    return f"http://{HOST}:{options.port}"


def _cloud_url(options: Options) -> str:
    return f"http://{HOST}:{options.cloud_port}"


def _greet(options: Options) -> None:
    address = _hass_url(options)
    lines = [
        f"Home Assistant:      {address}  (log in as {HASS_USER} / {HASS_PASSWORD})",
    ]
    if options.added:
        lines.append(f"Dashboard:           {address}/{URL_PATH}")
    else:
        lines.append(
            "Add the charger:     Settings → Devices & services → Add integration "
            "→ Hypervolt Charger"
        )
    lines += [
        f"Hypervolt account:   {ACCOUNT} / {ACCOUNT_PASSWORD}",
        f"Plug a car in:       {_cloud_url(options)}/simulator",
        f"Log:                 {options.folder / HASS_LOG}",
        "Stop with Ctrl-C.",
    ]
    print("", *(f"  {line}" for line in lines), "", sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
