"""What a person does with a charger, from adding it to deleting it, in this order.

The journeys share one system. Each also runs by itself: what it needs of the ones
before is made up for.
"""

from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import re
import signal

from playwright.async_api import expect
import pytest

from _demo import ACCOUNT, ACCOUNT_PASSWORD
from _demo_dashboard import DOCUMENT, documented_view
from tests.process.changes import has_times
from tests.process.running_demo import DOMAIN, Demo, seconds_until

from .person import PATIENCE, VIEWPORT, Charger, Person

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    # The first one also starts the system.
    pytest.mark.timeout(240),
]

INTEGRATION = f"config/integrations/integration/{DOMAIN}"
# The sensor of the charger that the energy panel is given.
ENERGY = "total_energy"
NEW_PASSWORD = "demo-2"

# Names of entities are words, not keys such as `charge_mode` or `component.…`.
LIKE_A_KEY = re.compile(r"[a-z]+_[a-z_]+|component\.")


async def test_adding_a_charger(person: Person, demo: Demo) -> None:
    page = person.page
    await person.open("config/integrations/dashboard")
    await person.press("Add integration")
    await page.get_by_placeholder("Search for a brand name").fill("Hypervolt")
    await page.get_by_text("Hypervolt Charger", exact=True).first.click()

    await page.get_by_role("textbox", name="Email").fill(ACCOUNT)
    password = page.get_by_role("textbox", name="Password")
    await password.fill("mistyped")
    await person.press("Submit")
    await person.sees("Hypervolt does not accept this email address and password.")
    await expect(password).to_have_value("")
    await password.fill(ACCOUNT_PASSWORD)
    await person.press("Submit")

    await person.sees("Choose a charger")
    choices = page.get_by_role("radio")
    await expect(choices).to_have_count(2)
    await choices.last.click()
    await person.press("Submit")
    await person.sees("Name and assign")
    await person.press("Skip and finish")

    await person.open(INTEGRATION)
    await person.sees(re.compile(r"Hypervolt Home 3 Pro \(…\d{4}\)"))
    (entry,) = await demo.api.entries(DOMAIN)
    assert entry["state"] == "loaded"


async def test_the_page_of_the_device(person: Person, charger: Charger) -> None:
    await charger.act("plug_in")
    await charger.shows("switch.charging", "on")
    await charger.shows_above("sensor.ev_power", 7000)
    page = person.page
    await person.open(f"config/devices/device/{charger.device_id}")
    await person.sees("Home 3 Pro")

    names = [
        item["name"] or item["original_name"]
        for item in await charger.demo.api.entities(charger.entry_id)
        if item["disabled_by"] is None
    ]
    for name in names:
        await expect(page.get_by_text(name, exact=True).first).to_be_attached()
    words = await page.locator("ha-config-device-page").aria_snapshot()
    assert not LIKE_A_KEY.findall(without_addresses(words))
    await every_icon_is_drawn(person, len(names))
    await person.keep_picture("device")


def without_addresses(words: str) -> str:
    """Return what a page says, without where its links lead."""
    return "\n".join(line for line in words.splitlines() if "/url:" not in line)


async def every_icon_is_drawn(person: Person, least: int) -> None:
    """Check that the entities have icons and that each has a shape."""
    shapes = person.page.locator("ha-device-entities-card state-badge svg path")
    await expect(shapes.nth(least - 1)).to_be_attached()
    assert all(
        await shapes.evaluate_all("paths => paths.map(p => p.getAttribute('d'))")
    )


async def test_stopping_and_starting_to_charge(
    person: Person, charger: Charger
) -> None:
    await charger.act("plug_in")
    await charger.shows("switch.charging", "on")
    await person.open(f"config/devices/device/{charger.device_id}")
    toggle = person.row("toggle", "Charging").locator("ha-switch")
    await toggle.click()
    await charger.cloud_hears("stopped", lambda it: not it["charging"])
    await charger.shows("sensor.charging_readiness", "force_stopped")
    readiness = person.row("sensor", "Charging readiness")
    await expect(readiness).to_contain_text("Force stopped")
    await toggle.click()
    await charger.cloud_hears("charging again", lambda it: it["charging"])
    # Once in its name, and once as its state.
    await expect(readiness).to_contain_text(re.compile(r"Charging\b.*Charging\b"))


async def test_dragging_the_max_current(person: Person, charger: Charger) -> None:
    await person.open(f"config/devices/device/{charger.device_id}")
    row = person.row("number", "Max current")
    await person.drag(row.get_by_role("slider"), 0.4)
    await charger.cloud_hears("a lower limit", lambda it: it["max_current"] < 32_000)
    told = (await charger.demo.cloud.charger(charger.charger_id))["max_current"] / 1000
    assert 13 <= told <= 20
    await expect(row).to_contain_text(f"{told:.0f} A")


async def test_choosing_a_charge_mode(person: Person, charger: Charger) -> None:
    await person.open(f"config/devices/device/{charger.device_id}")
    await person.row("select", "Charge mode").click()
    await person.choose_in_menu("Super Eco")
    await charger.cloud_hears("Super Eco", lambda it: it["mode"] == "super_eco")
    await charger.shows("select.charge_mode", "super_eco")
    await charger.demo.api.act(
        "select.select_option", charger.ids["select.charge_mode"], option="boost"
    )


async def test_editing_and_applying_the_schedule(
    person: Person, charger: Charger
) -> None:
    await person.open(f"config/devices/device/{charger.device_id}")
    for part, clock in (("start", "01:30"), ("end", "05:15")):
        row = person.row("time", f"Schedule session 1 {part} time")
        await person.set_clock(row, clock)
        await charger.shows(f"time.schedule_session_1_{part}_time", f"{clock}:00")
    told = await charger.demo.cloud.charger(charger.charger_id)
    assert not has_times("01:30", "05:15")(told), "sent before it was applied"
    await person.press("Press", person.row("button", "Apply schedule"))
    await charger.cloud_hears("the schedule", has_times("01:30", "05:15"))


async def test_setting_the_colour_of_the_led(person: Person, charger: Charger) -> None:
    page = person.page
    await person.open(f"config/devices/device/{charger.device_id}")
    await page.get_by_text("LED", exact=True).first.click()
    await person.press("Set favorite color 5")  # a blue
    await charger.cloud_hears(
        "a blue LED", lambda it: it["leds"] and it["leds"][0]["b"] > it["leds"][0]["r"]
    )

    async def blue() -> bool:
        state = await charger.demo.api.state(charger.ids["light.led"])
        colour = state["attributes"]["rgb_color"]
        return bool(colour) and colour[2] > colour[0]

    await seconds_until("the light is blue", blue, PATIENCE)


async def test_the_action_and_its_response(person: Person, charger: Charger) -> None:
    page = person.page
    await person.open("config/tools/action")
    action = page.get_by_text("Action", exact=True).last
    await person.pick(action, "hypervolt set", "Set schedule")
    await person.pick(page.get_by_text("Select a device"), "Hypervolt", "Hypervolt")
    await expect(page.locator("ha-device-picker").first).to_contain_text("Hypervolt")
    for name, clock in (("Backup start", "02:30"), ("Backup end", "04:45")):
        row = page.locator("ha-settings-row").filter(
            has=page.get_by_text(name, exact=True)
        )
        await row.locator("ha-checkbox").click()
        await person.set_clock(row, clock)
    await person.press("Perform action")

    await page.get_by_role("heading", name="Response").scroll_into_view_if_needed()
    await page.mouse.move(VIEWPORT[0] / 2, VIEWPORT[1] / 2)
    await page.mouse.wheel(0, 2000)
    response = page.locator("ha-yaml-editor .cm-content").last
    await expect(response).to_contain_text("source: backup")
    await expect(response).to_contain_text("written: true")
    await expect(response).to_contain_text(charger.device_id)
    await charger.cloud_hears("the backup", has_times("02:30", "04:45"))
    await person.keep_picture("response")


async def test_an_automation_with_the_action(person: Person, charger: Charger) -> None:
    windows = [{"start": "00:15", "end": "00:45"}]
    await charger.demo.api.post(
        "config/automation/config/charge_tonight",
        {
            "alias": "Charge tonight",
            "triggers": [{"trigger": "time", "at": "22:00:00"}],
            "actions": [
                {
                    "action": f"{DOMAIN}.set_schedule",
                    "data": {"device_id": charger.device_id, "windows": windows},
                }
            ],
        },
    )
    await person.open("config/automation/dashboard")
    row = person.page.get_by_role("row").filter(has_text="Charge tonight")
    await expect(row).to_contain_text("Never")
    await person.press("Overflow menu", row)
    await person.choose_in_menu("Run actions")
    await charger.cloud_hears("the windows", has_times("00:15", "00:45"))
    await expect(row).not_to_contain_text("Never")


async def test_a_session_in_the_energy_panel(person: Person, charger: Charger) -> None:
    await a_session(charger)
    page = person.page
    key = f"sensor.{ENERGY}"
    (entity,) = (
        item
        for item in await charger.demo.api.entities(charger.entry_id)
        if item["entity_id"] == charger.ids[key]
    )
    name = entity["original_name"]
    await person.open("config/energy/electricity")
    await person.press("Add device")
    await person.pick(page.get_by_text("Select a statistic").first, name, name)
    await person.press("Save")
    await expect(page.get_by_text("Add a device")).to_have_count(0)

    energy = await statistics_as_of_the_next_hour(charger, charger.ids[key])
    await person.open("energy/electricity")
    bars = page.locator("hui-energy-devices-graph-card canvas").first
    await expect(bars).to_be_visible()
    await person.settle()
    await person.keep_picture("energy")
    # The bar says what it stands for to a mouse that rests on it.
    box = await bars.bounding_box()
    assert box is not None
    await page.mouse.move(
        box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.47
    )
    tooltip = page.get_by_text(re.compile(r"Energy: [\d.]+ kWh")).last
    await expect(tooltip).to_be_visible()
    said = re.search(r"Energy: ([\d.]+) kWh", await tooltip.inner_text())
    assert said is not None
    assert float(said[1]) == pytest.approx(energy, abs=0.01)


async def a_session(charger: Charger) -> None:
    """Charge enough for a bar to be drawn."""
    await charger.act("unplug")
    await charger.demo.api.act(
        "select.select_option",
        charger.ids["select.activation_mode"],
        option="plug_and_charge",
    )
    await charger.act("plug_in")
    await charger.shows("switch.charging", "on")
    # Half a minute's worth: no more is counted than can have flowed meanwhile.
    await charger.shows_above(f"sensor.{ENERGY}", 0.05, limit=60)


async def statistics_as_of_the_next_hour(charger: Charger, entity_id: str) -> float:
    """Give the energy panel the statistics it would have to wait an hour for.

    Home Assistant compiles the hours when they are over. These are imported through
    the recorder's own command, of what the sensor shows now, which is returned.
    """
    state = await charger.demo.api.state(entity_id)
    unit = state["attributes"]["unit_of_measurement"]
    total = float(state["state"])
    assert unit == "kWh"
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await charger.demo.api.command(
        "recorder/import_statistics",
        metadata={
            "has_mean": False,
            "has_sum": True,
            "mean_type": 0,
            "name": None,
            "source": "recorder",
            "statistic_id": entity_id,
            "unit_of_measurement": unit,
            "unit_class": "energy",
        },
        stats=[
            {"start": start.isoformat(), "state": value, "sum": value}
            for start, value in (
                (this_hour - timedelta(hours=1), 0),
                (this_hour, total),
            )
        ],
    )

    async def stored() -> bool:
        hours = await charger.demo.api.command(
            "recorder/statistics_during_period",
            start_time=this_hour.isoformat(),
            statistic_ids=[entity_id],
            period="hour",
            types=["change"],
        )
        return bool(hours)

    await seconds_until("statistics are stored", stored, PATIENCE)
    return total


async def test_pasting_the_dashboard(person: Person, charger: Charger) -> None:
    """Make a dashboard the way the document tells."""
    page = person.page
    await charger.demo.api.command(
        "lovelace/dashboards/create",
        url_path="own-charger",
        mode="storage",
        title="Charger",
        show_in_sidebar=True,
        require_admin=False,
    )
    await charger.demo.api.command(
        "lovelace/config/save", url_path="own-charger", config={"views": [{}]}
    )
    await person.open("own-charger")
    await person.press("Edit dashboard")
    await person.press("Open dashboard menu")
    await person.choose_in_menu("Raw configuration editor")
    editor = page.locator("hui-editor .cm-content")
    await editor.click()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(DOCUMENT.read_text())
    await person.press("Save")

    async def saved() -> bool:
        config = await charger.demo.api.command(
            "lovelace/config", url_path="own-charger"
        )
        return bool(config["views"] == [documented_view()])

    await seconds_until("the dashboard is saved", saved, PATIENCE)
    await person.open("own-charger")
    await person.sees("Edit the schedule")
    await expect(page.locator("hui-error-card, hui-warning")).to_have_count(0)
    await person.sees("Apply")
    await person.keep_picture("dashboard")


async def test_signing_in_again(person: Person, charger: Charger) -> None:
    cloud = charger.demo.cloud
    await cloud.post(f"accounts/{ACCOUNT}/password", password=NEW_PASSWORD)
    await cloud.post(f"accounts/{ACCOUNT}/sign_out")
    await cloud.post("drop")
    await person.open(INTEGRATION)
    # It comes back after a pause of some seconds, and is refused.
    await person.sees("Attention required", patience=60)
    attention = person.page.get_by_role("listitem").filter(has_text="Attention")
    await person.press("Reconfigure", attention)
    await person.sees("Sign in to Hypervolt again")
    password = person.page.get_by_role("textbox", name="Password")
    await password.fill(ACCOUNT_PASSWORD)
    await person.press("Submit")
    await person.sees("Hypervolt does not accept this email address and password.")
    await password.fill(NEW_PASSWORD)
    await person.press("Submit")
    await person.sees("Re-authentication was successful")
    await person.press("Close")
    await expect(person.page.get_by_text("Attention required")).to_have_count(0)
    await charger.shows("binary_sensor.connection", "on", limit=30)


async def test_reconfiguring(person: Person, charger: Charger) -> None:
    await charger.demo.cloud.post(f"accounts/{ACCOUNT}/password", password="demo-3")
    await person.open(INTEGRATION)
    await open_menu(person)
    await person.choose_in_menu("Reconfigure")
    await person.sees("Change the Hypervolt sign-in")
    email = person.page.get_by_role("textbox", name="Email")
    await expect(email).to_have_value(ACCOUNT)
    await person.page.get_by_role("textbox", name="Password").fill("demo-3")
    await person.press("Submit")
    await person.sees("Reconfiguration was successful")
    await person.press("Close")
    await charger.demo.api.wait_until_loaded(DOMAIN)


async def open_menu(person: Person) -> None:
    """Open the menu of the charger's entry."""
    row = person.page.locator("ha-config-entry-row")
    await row.get_by_role("button", name="Menu").first.click()


async def test_the_options(person: Person, charger: Charger) -> None:
    page = person.page
    await person.open(INTEGRATION)
    await person.press("Configure", page.locator("ha-config-entry-row"))
    await person.sees("Planner to follow")
    await person.set_clock(page.get_by_role("group", name="Backup start"), "01:00")
    await person.press("Submit")
    await person.sees("A backup needs both a start and an end.")
    await person.set_clock(page.get_by_role("group", name="Backup end"), "04:00")
    await person.press("Submit")
    await person.sees("Options successfully saved")
    await person.press("Close")
    await charger.demo.api.wait_until_loaded(DOMAIN)
    await charger.shows("binary_sensor.connection", "on", limit=30)


async def test_downloading_the_diagnostics(
    person: Person, charger: Charger, tmp_path: Path
) -> None:
    await person.open(INTEGRATION)
    await open_menu(person)
    async with person.page.expect_download() as downloading:
        await person.choose_in_menu("Download diagnostics")
    path = tmp_path / "diagnostics.json"
    await (await downloading.value).save_as(path)
    text = path.read_text()
    assert json.loads(text)["home_assistant"]["version"]
    assert json.loads(text)["data"]
    for secret in (ACCOUNT, NEW_PASSWORD, "demo-3", charger.charger_id):
        assert secret not in text


async def test_deleting_the_charger(person: Person, charger: Charger) -> None:
    await person.open(INTEGRATION)
    await open_menu(person)
    await person.choose_in_menu("Delete")
    await person.press("Delete")

    async def gone() -> bool:
        return not await charger.demo.api.entries(DOMAIN)

    await seconds_until("the entry is gone", gone, PATIENCE)
    states = await charger.demo.api.states()
    assert not states.keys() & set(charger.ids.values())
    await person.sees("No entries")


async def test_nothing_is_wrong_in_the_log(demo: Demo) -> None:
    """Stop, and read all that Home Assistant has written.

    What the journeys provoke is no exception: a wrong password, a void login and a
    lost connection are told to the person, and are no warnings in the log.
    """
    assert await demo.stop(signal.SIGINT) == 0
    assert demo.complaints == []
