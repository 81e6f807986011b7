"""A person at a browser, who looks at Home Assistant's pages and uses them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
import re

from playwright.async_api import (
    ConsoleMessage,
    Error as BrowserError,
    Locator,
    Page,
    expect,
)

from _demo import HASS_PASSWORD, HASS_USER
from tests.process.running_demo import Demo, Json, seconds_until

VIEWPORT = (1280, 800)
# How soon a page shows what a person waits for, on a slow machine.
PATIENCE = 20.0
# Pages are made of components with roots of their own, which the plain HTML leaves out.
WHOLE_HTML = """() => {
    const roots = [];
    const collect = (root) => {
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) {
                roots.push(element.shadowRoot);
                collect(element.shadowRoot);
            }
        }
    };
    collect(document);
    return document.documentElement.getHTML({ shadowRoots: roots });
}"""


@dataclass(kw_only=True)
class Person:
    """Somebody with a browser; knows where the pages are and what is on them."""

    page: Page
    demo: Demo
    # Where pictures go that are worth publishing; None if nobody wants them.
    gallery: Path | None = None
    console: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Hear what the pages say in their console."""
        self.page.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    async def log_in(self) -> None:
        """Log in to Home Assistant on its page."""
        await self.page.goto(self.demo.api.url)
        await self.page.get_by_role("textbox", name="Username").fill(HASS_USER)
        await self.page.get_by_role("textbox", name="Password").fill(HASS_PASSWORD)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url("**/home/**")

    async def open(self, path: str) -> None:
        """Open a page of Home Assistant.

        A dialog that has just been closed goes back in the history a moment later,
        which ends a journey elsewhere that has already begun: then begin it again.
        """
        url = f"{self.demo.api.url}/{path}"
        try:
            await self.page.goto(url)
        except BrowserError as error:
            if "ERR_ABORTED" not in error.message:
                raise
            await self.page.goto(url)

    async def press(self, name: str, where: Locator | None = None) -> None:
        """Press the button of this name; the last one, which lies on top."""
        button = (where or self.page).get_by_role("button", name=name, exact=True)
        await button.last.click()

    async def choose_in_menu(self, name: str) -> None:
        """Choose what the open menu offers."""
        await self.page.get_by_role("menuitem", name=name, exact=True).click()

    async def sees(
        self, text: str | re.Pattern[str], patience: float = PATIENCE
    ) -> None:
        """Wait until a text is on the page."""
        found = self.page.get_by_text(text).last
        await expect(found).to_be_visible(timeout=patience * 1000)

    async def pick(self, choices: Locator, typed: str, result: str) -> None:
        """Open a field that offers choices, type to find one, and take it."""
        await choices.click()
        found = self.page.locator("ha-picker-combo-box")
        await found.locator("input").first.fill(typed)
        # The list is narrowed down a moment later, and what is clicked then is lost.
        await self.page.wait_for_timeout(1000)
        await found.get_by_text(result, exact=True).first.click()
        await expect(found.first).not_to_be_visible()

    def row(self, kind: str, name: str) -> Locator:
        """Return the row of an entity on the page of its device."""
        return self.page.locator(f"hui-{kind}-entity-row").filter(
            has=self.page.get_by_text(name, exact=True)
        )

    async def set_clock(self, where: Locator, clock: str) -> None:
        """Type a time of the morning into its fields."""
        hours, minutes = clock.split(":")
        for name, number in (("hh", hours), ("mm", minutes)):
            digits = where.get_by_role("spinbutton", name=name)
            await digits.fill(str(int(number)))
            await digits.press("Tab")

    async def drag(self, slider: Locator, share: float) -> None:
        """Drag the handle of a slider to a share of its length."""
        await slider.scroll_into_view_if_needed()
        box = await slider.bounding_box()
        assert box is not None
        mouse, height = self.page.mouse, box["y"] + box["height"] / 2
        await mouse.move(box["x"] + box["width"] - 2, height)
        await mouse.down()
        await mouse.move(box["x"] + box["width"] * share, height, steps=10)
        await mouse.up()

    async def keep_picture(self, name: str) -> None:
        """Take a picture for the documents, if asked to."""
        if self.gallery is not None:
            await self.settle()
            await self.page.screenshot(path=self.gallery / f"{name}.png")

    async def settle(self) -> None:
        """Let what is moving on the page come to rest."""
        await self.page.wait_for_timeout(1500)

    async def leave_traces(self, path: Path, *, everything: bool) -> None:
        """Leave a picture of the page; if asked, with all that explains it."""
        try:
            await self.page.screenshot(path=path.with_suffix(".png"))
            if everything:
                html = await self.page.evaluate(WHOLE_HTML)
                path.with_suffix(".html").write_text(html)
        except BrowserError as error:
            self.console.append(f"no picture: {error}")
        if everything:
            path.with_suffix(".console.log").write_text("\n".join(self.console))
        self.console.clear()


@dataclass(kw_only=True)
class Charger:
    """A charger that has been added, at both of its ends."""

    demo: Demo
    entry_id: str
    charger_id: str
    device_id: str
    # By `platform.key`
    ids: dict[str, str]

    async def cloud_hears(
        self, what: str, holds: Callable[[dict[str, Json]], Json], limit: float = 10.0
    ) -> None:
        """Wait until the charger in the cloud is as wanted."""

        async def heard() -> bool:
            return bool(holds(await self.demo.cloud.charger(self.charger_id)))

        await seconds_until(what, heard, limit)

    async def act(self, action: str, **fields: Json) -> None:
        """Do something to the charger in the cloud or to its car."""
        await self.demo.cloud.act(self.charger_id, action, **fields)

    async def shows(self, key: str, wanted: str, limit: float = 10.0) -> None:
        """Wait until an entity has a state."""
        await self.demo.api.wait_for_state(self.ids[key], wanted, limit)

    async def shows_above(self, key: str, least: float, limit: float = 15.0) -> float:
        """Wait until an entity shows more than a number; return what it shows."""
        shown = 0.0

        async def above() -> bool:
            nonlocal shown
            state = (await self.demo.api.state(self.ids[key]))["state"]
            shown = 0.0 if state in ("unknown", "unavailable") else float(state)
            return shown > least

        await seconds_until(f"{key} above {least}", above, limit)
        return shown
