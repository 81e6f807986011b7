"""The three files of an entry with anything in them."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
import json
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads
from hypothesis import given, strategies as st
import pytest

from custom_components.hypervolt_charger import energy_store, planned_schedule
from custom_components.hypervolt_charger.const import DOMAIN
from custom_components.hypervolt_charger.energy_store import (
    Books,
    EnergyStore,
    books_from_json,
    to_json,
)
from custom_components.hypervolt_charger.hypervolt.charge_log import (
    ChargeLog,
    ChargeSession,
    EndReason,
)
from custom_components.hypervolt_charger.hypervolt.energy import EnergyMeter, PowerMeter
from custom_components.hypervolt_charger.hypervolt.schedule import (
    ClockTime,
    Schedule,
    ScheduleSession,
)
from custom_components.hypervolt_charger.planned_schedule import (
    StoredPlan,
    Takeover,
    store_of,
)
from custom_components.hypervolt_charger.records import Json, RecordError
from tests.bench.rig import home_assistant

from .cases import documents, few, many, nested, scalars, shuffled, wire_text
from .living import living

NOW: Final = datetime(2026, 6, 5, 12, 0, tzinfo=UTC)
SESSION: Final = ChargeSession(
    start=NOW, end=NOW, watt_hours=7, cost=1.5, end_reason=EndReason.FULL
)
BOOKS: Final = Books(
    meter=EnergyMeter(total=123_456, count=5, counted_at=NOW),
    house=PowerMeter(watt_hours=1.5, watts=300.0, at=NOW),
    log=ChargeLog(session=SESSION, plugged=True),
    price=0.25,
)
SCHEDULE: Final = Schedule(
    enabled=True,
    sessions=(ScheduleSession(start=ClockTime(0), end=ClockTime(86400), mode="eco"),),
    time_zone="Europe/London",
)
PLAN: Final = StoredPlan(
    takeover=Takeover(former=SCHEDULE, ours=(SCHEDULE,), until=NOW), let_go_since=NOW
)
WORDS: Final = (
    "version", "minor_version", "key", "data", "meter", "total", "count", "counted_at",
    "candidate", "earlier", "house", "watt_hours", "watts", "log", "session", "start",
    "end", "end_reason", "full", "cost", "price", "takeover", "former", "ours", "until",
    "enabled", "sessions", "days", "MONDAY", "23:30", "let_go_since",
    "2026-06-05T12:00:00+00:00",
)  # fmt: skip
anything: Final = st.one_of(documents(*WORDS), scalars)
DATA: Final[dict[str, Any]] = {
    "": planned_schedule.CODEC.encode(PLAN),
    "energy": to_json(BOOKS),
    "sessions": [to_json(SESSION) for _ in range(3)],
}
READERS: Final[dict[str, tuple[Callable[[Json], Any], Callable[[Any], Json]]]] = {
    "": (
        lambda stored: planned_schedule.CODEC.decode(StoredPlan, stored).value,
        planned_schedule.CODEC.encode,
    ),
    "energy": (books_from_json, to_json),
    "sessions": (
        lambda stored: energy_store.CODEC.decode_each(ChargeSession, stored).value,
        energy_store.CODEC.encode_each,
    ),
}
any_reader: Final = st.sampled_from(sorted(READERS))


def paths(value: Any, *before: str | int) -> list[tuple[str | int, ...]]:
    """Return the paths of all parts of JSON."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [before] * bool(before) + [
        path for key, inner in items for path in paths(inner, *before, key)
    ]


def with_part(value: Any, path: tuple[str | int, ...], part: Json) -> Any:
    """Return JSON with one part replaced."""
    changed = deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = part
    return changed


def assert_comes_back(name: str, stored: Json) -> Any:
    """Check that what is read can be written and read again; return it."""
    read, write = READERS[name]
    try:
        value = read(stored)
    except RecordError:
        return None
    assert read(json_loads(json_bytes(write(value)))) == value
    return value


@many
@given(any_reader, anything)
def test_any_data(name: str, stored: Json) -> None:
    assert_comes_back(name, stored)


@many
@given(st.data(), anything)
def test_any_part_of_the_energy(data: st.DataObject, part: Json) -> None:
    """Only the total itself can cost the total."""
    path = data.draw(st.sampled_from(paths(DATA["energy"])))
    books = assert_comes_back("energy", with_part(DATA["energy"], path, part))
    assert books is not None
    if path not in (("meter",), ("meter", "total")):
        assert books.meter.total == BOOKS.meter.total
    if path[0] != "log":
        assert books.log == BOOKS.log
    if path[0] != "house":
        assert books.house == BOOKS.house


@many
@given(st.data(), anything)
def test_any_part_of_a_session(data: st.DataObject, part: Json) -> None:
    """One session costs no other."""
    path = data.draw(st.sampled_from(paths(DATA["sessions"])))
    sessions = assert_comes_back("sessions", with_part(DATA["sessions"], path, part))
    assert sessions is not None
    assert sessions.count(SESSION) >= 2


@many
@given(st.data(), anything)
def test_any_part_of_a_plan(data: st.DataObject, part: Json) -> None:
    """A schedule is restored as it was or not at all."""
    path = data.draw(st.sampled_from(paths(DATA[""])))
    plan = assert_comes_back("", with_part(DATA[""], path, part))
    assert plan is not None
    if path[0] != "let_go_since":
        assert plan.let_go_since == NOW
    if plan.takeover is not None and path[:2] != ("takeover", "former"):
        assert plan.takeover.former == SCHEDULE


# Anything that may stand in a file, from a damaged one to one of another version.
contents: Final = st.one_of(
    st.binary(max_size=200),
    anything.map(lambda document: wire_text(document).encode()),
    st.fixed_dictionaries(
        {"version": st.one_of(st.just(1), scalars), "data": anything},
        optional={"minor_version": st.one_of(st.just(1), scalars), "key": scalars},
    ).map(lambda document: wire_text(document).encode()),
    st.builds(
        lambda data, seed: shuffled(
            json.dumps({"version": 1, "minor_version": 1, "data": data}), seed
        ).encode("utf-8", "surrogatepass"),
        st.sampled_from(list(DATA.values())),
        st.integers(0, 2**32),
    ),
    st.sampled_from([0, 1, 500, 1000, 5000]).map(
        lambda depth: wire_text({"version": 1, "data": nested(depth)}).encode()
    ),
)


def test_any_file(socket_enabled: None) -> None:
    """Loading never fails, and what was there is not lost by saving."""
    with living(home_assistant("http://127.0.0.1:9")) as (hass, run):
        folder = Path(hass.config.path(".storage"))
        folder.mkdir(exist_ok=True)

        @few
        @given(any_reader, contents)
        def case(name: str, content: bytes) -> None:
            for path in folder.glob(f"{DOMAIN}.*"):
                path.unlink()
            key = ".".join(filter(None, (DOMAIN, "entry", name)))
            (folder / key).write_bytes(content)
            run(load_and_save(hass))
            assert_kept(folder, key, name, content)

        case()


async def load_and_save(hass: HomeAssistant) -> None:
    energy, plan = EnergyStore(hass, "entry"), store_of(hass, "entry")
    books, sessions = await energy.async_load()
    stored = await plan.async_load()
    await energy.async_save_books(books)
    await energy.async_save_sessions(sessions)
    await plan.async_save(stored or StoredPlan())


def assert_kept(folder: Path, key: str, name: str, content: bytes) -> None:
    """Check that the file meant the same, or that there is a copy of it."""
    copies = [
        path.read_bytes()
        for path in folder.glob(f"{key}.*")
        if ".unreadable." in path.name or ".corrupt." in path.name
    ]
    if copies:
        assert copies == [content]
        return
    try:
        before = json_loads(content)
    except ValueError:
        pytest.fail("a damaged file was not kept")
    read, _ = READERS[name]
    after: Any = json_loads((folder / key).read_bytes())
    # Home Assistant's ways to say that there is nothing.
    if before == {} or (isinstance(before, dict) and before["data"] is None):
        return
    assert isinstance(before, dict)
    assert read(before["data"]) == read(after["data"])
