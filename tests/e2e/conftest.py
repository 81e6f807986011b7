"""Fixtures: one running system and one browser for all journeys."""

from collections.abc import AsyncGenerator, Generator
import os
from pathlib import Path

from playwright.async_api import async_playwright
import pytest
from pytest_asyncio import fixture as async_fixture
from pytest_socket import enable_socket

from _browser import find_browser
from _demo import add_charger
from _demo_dashboard import key_of
from _environment import ENV, ROOT
from tests.process.running_demo import DOMAIN, Demo, running_demo

from .person import VIEWPORT, Charger, Person

TRACES = ENV / "e2e"
PICTURES = "HYPERVOLT_E2E_PICTURES"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_failed = pytest.StashKey[bool]()


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Leave alone what outlives a test: Home Assistant runs elsewhere here."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how a test went, for what it leaves behind."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture(scope="session")
def browser_program() -> Path:
    """Return the Chromium of this machine; no journey goes without."""
    if found := find_browser():
        return found
    reason = "no Chromium on this machine (Debian: apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@async_fixture(scope="session", loop_scope="session")
async def demo(
    browser_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Demo]:
    """Run Home Assistant and a cloud whose account has two chargers."""
    enable_socket()
    folder = tmp_path_factory.mktemp("e2e")
    async with running_demo(folder, "--charger", "v3", "v3") as running:
        yield running


@async_fixture(scope="session", loop_scope="session")
async def person(browser_program: Path, demo: Demo) -> AsyncGenerator[Person]:
    """Somebody at a browser, logged in."""
    TRACES.mkdir(exist_ok=True)
    for left in TRACES.iterdir():
        left.unlink()
    wanted = os.environ.get(PICTURES)
    gallery = ROOT / wanted if wanted else None
    if gallery is not None:
        gallery.mkdir(parents=True, exist_ok=True)
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=browser_program, args=FLAGS
        ) as browser,
        await browser.new_context(
            viewport={"width": VIEWPORT[0], "height": VIEWPORT[1]},
            locale="en-US",
            timezone_id="Europe/London",
        ) as context,
    ):
        somebody = Person(page=await context.new_page(), demo=demo, gallery=gallery)
        await somebody.log_in()
        yield somebody


@async_fixture(autouse=True, loop_scope="session")
async def _traces(
    request: pytest.FixtureRequest, socket_enabled: None, person: Person
) -> AsyncGenerator[None]:
    """Leave a picture of how each journey ended, and more of one that failed."""
    yield
    name = request.node.name.removeprefix("test_")
    number = request.session.items.index(request.node) + 1
    await person.leave_traces(
        TRACES / f"{number:02}_{name}",
        everything=request.node.stash.get(_failed, False),
    )


@async_fixture(loop_scope="session")
async def charger(demo: Demo, person: Person) -> Charger:
    """Return the charger that has been added; a journey of its own may begin here."""
    if not await demo.api.entries(DOMAIN):
        await add_charger(demo.api)
    await demo.api.wait_until_loaded(DOMAIN)
    (entry,) = await demo.api.entries(DOMAIN)
    entities = await demo.api.entities(entry["entry_id"])
    return Charger(
        demo=demo,
        entry_id=entry["entry_id"],
        charger_id=entities[0]["unique_id"].partition("_")[0],
        device_id=entities[0]["device_id"],
        ids={key_of(item): item["entity_id"] for item in entities},
    )
