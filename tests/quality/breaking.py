"""Ways to break a copy of the repository's files."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).parents[2]
INTEGRATION: Final = Path("custom_components/hypervolt_charger")

type Break = Callable[[Path], None]

GONE: Final = object()


def put(name: str, where: str, value: object) -> Break:
    """Put a value into a JSON file at a path of keys, or take one away."""

    def change(root: Path) -> None:
        path = root / name
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        *above, last = where.split("/")
        branch = content
        for key in above:
            branch = branch.setdefault(key, {})
        if value is GONE:
            del branch[last]
        else:
            branch[last] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


def replace(name: str, old: str, new: str) -> Break:
    """Replace a text, which must be there."""

    def change(root: Path) -> None:
        text = (root / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r} any more"
        (root / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def append(name: str, text: str) -> Break:
    """Append to a file, new or not."""

    def change(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def delete(name: str) -> Break:
    """Delete a file."""

    def change(root: Path) -> None:
        (root / name).unlink()

    return change
