"""Measure everything: `scripts/bench [--short] [--only PART] [--json FILE] [--write]`."""

import argparse
import asyncio
from collections.abc import Awaitable, Sequence
from datetime import date
import json
import logging
from pathlib import Path
import sys
import time
from typing import Final, Protocol

from . import commands, crowd, growth, idle, life, pushes
from .figures import Figure, machine, table

_PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_BEGIN: Final = "<!-- figures: written by scripts/bench --write -->"
_END: Final = "<!-- end of figures -->"


class _Measure(Protocol):
    def __call__(self, *, short: bool) -> Awaitable[list[Figure]]: ...


_PARTS: Final[dict[str, _Measure]] = {
    "pushes": pushes.measure,
    "commands": commands.measure,
    "life": life.measure,
    "growth": growth.measure,
    "crowd": crowd.measure,
    "idle": idle.measure,
}


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure the integration against the least it could cost.",
    )
    parser.add_argument("--short", action="store_true", help="everything, in a minute")
    parser.add_argument("--only", choices=_PARTS, action="append", metavar="PART")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values")
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/performance.md"
    )
    return parser.parse_args(arguments)


async def _measure(names: Sequence[str], *, short: bool) -> list[Figure]:
    figures = []
    for name in names:
        begin = time.monotonic()
        figures += await _PARTS[name](short=short)
        took = time.monotonic() - begin
        print(f"» {name}: {took:.0f} s", file=sys.stderr, flush=True)
    return figures


def _write(text: str) -> None:
    """Replace what stands between the markers of the page."""
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        sys.exit(f"{_PAGE.name} lacks the markers")
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}", encoding="utf-8")


def main() -> None:
    """Do what the command line asks for."""
    options = _parse(sys.argv[1:])
    logging.basicConfig(level=logging.ERROR)
    names = options.only or list(_PARTS)
    figures = asyncio.run(_measure(names, short=options.short))
    place = machine()
    told = f"Home Assistant {place['home_assistant']}, Python {place['python']}"
    told += f", {place['system']} {place['processor']}, {date.today():%-d %B %Y}"  # noqa: DTZ011 - for people
    text = f"{told}{', short form' if options.short else ''}.\n\n{table(figures)}"
    print(text)
    if options.json:
        result = {**place, "figures": [figure.as_json() for figure in figures]}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if options.write:
        _write(text)


if __name__ == "__main__":
    main()
