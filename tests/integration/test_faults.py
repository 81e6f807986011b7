"""That no fault of protocol.md 12 is without its tests and its line for people."""

from importlib import import_module
from pathlib import Path
import re

import pytest

from tests.simulator import Fault

from .surviving import COVERED

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
HEADING = "## Faults and what people see"


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_is_survived_in_a_test(fault: Fault) -> None:
    for path in Path(__file__).parent.glob("test_faults_*.py"):
        import_module(f"{__package__}.{path.stem}")
    assert COVERED[fault]
    assert all(name.startswith("test_") for name in COVERED[fault])


def rows() -> list[list[str]]:
    """Return the cells of the table in ARCHITECTURE.md, without its head."""
    _, _, section = ARCHITECTURE.read_text(encoding="utf-8").partition(HEADING)
    section, _, _ = section.partition("\n## ")
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table[2:]
    ]


def test_every_fault_has_its_line_in_the_table() -> None:
    assert [row[0].split()[0] for row in rows()] == [fault.value for fault in Fault]


def test_no_cell_of_the_table_is_empty() -> None:
    assert {len(row) for row in rows()} == {4}
    assert all(cell for row in rows() for cell in row)
