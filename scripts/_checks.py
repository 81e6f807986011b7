"""The steps of scripts/test and scripts/lint, and how they are run and summed up.

Runs on the standard library of any Python from 3.9 on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import subprocess
import sys
import time

from _browser import browser
from _environment import ENV, ROOT, environment, next_environment

# The library promises to run from this Python on, with nothing installed.
LIBRARY_FLOOR = (3, 11)

INTEGRATION = "custom_components/hypervolt_charger"
COVERAGE_REPORT = ENV / "coverage.json"
# Percent of lines and branches that the tests must run: more than this in every
# module, except where a quality rule asks for all of it.
COVERAGE_FLOOR = 95.0
COMPLETE = frozenset({f"{INTEGRATION}/config_flow.py"})

# Always the same trouble here: a run of another seed is for looking, not for checking.
SOAK = ("3", "--seed", "20261124")

# The tests that start no processes.
IN_PROCESS = "not process and not e2e"
# What takes minutes is run once, with the newest Home Assistant.
IN_A_MOMENT = f"{IN_PROCESS} and not long"
NOTHING_COLLECTED = 5
MOST_WORKERS = 4


@dataclass(frozen=True)
class Step:
    """One check: a command that succeeds or fails, or a function that does."""

    name: str
    command: list[str] = field(default_factory=list)
    check: Callable[[], bool] | None = None
    # A selection of tests may leave a step with none of them.
    may_be_empty: bool = False


@dataclass(frozen=True)
class Result:
    """How a step went."""

    name: str
    passed: bool
    seconds: float


def lint(arguments: list[str]) -> int:
    """Run scripts/lint; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/lint", description="Check style and types."
    )
    parser.add_argument("--fix", action="store_true", help="repair what ruff can")
    options = parser.parse_args(arguments)
    return _report(_run_all(lint_steps(environment(), fix=options.fix)))


def test(arguments: list[str]) -> int:
    """Run scripts/test; return its exit code."""
    ours, extra = split(arguments)
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description="Check style and types and run the tests.",
        epilog="What follows -- goes to pytest, say: scripts/test --quick -- -k led",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="leave out the tests with real processes and a browser, the soak, the "
        "demand on coverage and the oldest Home Assistant",
    )
    parser.add_argument(
        "--floor",
        action="store_true",
        help="only run the tests with the oldest Home Assistant that is supported",
    )
    options = parser.parse_args(ours)
    if options.floor:
        return _report(_run_all([_floor_step(extra)]))
    return _report(_run_all(_test_steps(extra, quick=options.quick)))


def lint_steps(tools: Path, *, fix: bool = False) -> list[Step]:
    """Return the steps that read the code without running it."""
    repair, look = (["--fix"], []) if fix else ([], ["--check"])
    ruff = str(tools / "ruff")
    return [
        Step("ruff check", [ruff, "check", *repair, "."]),
        Step("ruff format", [ruff, "format", *look, "."]),
        Step("mypy --strict", [str(tools / "mypy")]),
    ]


def _test_steps(extra: list[str], *, quick: bool) -> Iterable[Step]:
    tools = environment()
    yield from lint_steps(tools)
    yield Step("library alone", [*_bare_python(tools), "-m", "unittest"])
    selected = IN_A_MOMENT if quick else IN_PROCESS
    yield _pytest(
        "tests", tools, ["-m", selected, *_workers(), "--cov", *extra], bool(extra)
    )
    if quick:
        return
    if not extra:
        yield Step("coverage", check=lambda: _coverage_suffices(tools))
        yield _next_types_step(tools)
    yield _floor_step(extra)
    # Last and by themselves: they measure how soon things show.
    yield _pytest(
        "real processes",
        tools,
        ["-m", "process", "-rP", "--show-capture=stdout", *extra],
        bool(extra),
    )
    yield _browser_step(tools, extra)
    if not extra:
        yield Step("soak", check=_soaks)


def _soaks() -> bool:
    """Whether the promises are kept; a run that broke them is replayed once.

    A seed repeats decisions, not timing: what is broken twice is no slow machine.
    """
    command = [sys.executable, "scripts/soak", *SOAK]
    if _call(command) == 0:
        return True
    print("━━ soak: broken, replaying its seed", flush=True)
    return _call(command) == 0


def _browser_step(tools: Path, extra: list[str]) -> Step:
    """Return the end-to-end tests; where no browser can be had, what says so."""
    if browser() is None:
        return Step("real browser (SKIPPED: no Chromium here)", check=_may_be_skipped)
    return _pytest("real browser", tools, ["-m", "e2e", "-rs", *extra], bool(extra))


def _may_be_skipped() -> bool:
    """Whether a person can do without the end-to-end tests; an automatic build can't."""
    print("Install Chromium to run the end-to-end tests (Debian: chromium).")
    return not os.environ.get("CI")


def _floor_step(extra: list[str]) -> Step:
    return _pytest(
        "tests, oldest Home Assistant",
        environment(floor=True),
        ["-m", IN_A_MOMENT, *_workers(), *extra],
        bool(extra),
    )


def _next_types_step(tools: Path) -> Step:
    """Return the check that the integration fits Home Assistant's next release."""
    command = [
        str(tools / "mypy"),
        f"--python-executable={next_environment() / 'python'}",
        f"--cache-dir={ENV / 'next' / 'mypy_cache'}",
        "custom_components",
    ]
    return Step("mypy --strict, next Home Assistant", command)


def _pytest(name: str, tools: Path, options: list[str], may_be_empty: bool) -> Step:
    command = [str(tools / "python"), "-m", "pytest", "-q", *options]
    return Step(name, command, may_be_empty=may_be_empty)


def _workers() -> list[str]:
    count = min(_cores(), MOST_WORKERS)
    return ["-n", str(count)] if count > 1 else []


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _bare_python(tools: Path) -> list[str]:
    """Return an interpreter that sees the standard library and nothing else."""
    own_is_enough = sys.version_info >= LIBRARY_FLOOR
    python = sys.executable if own_is_enough else str(tools / "python")
    return [python, "-I", "-S"]


def _coverage_suffices(tools: Path) -> bool:
    """Whether the tests ran enough of every module of the integration."""
    COVERAGE_REPORT.unlink(missing_ok=True)
    command = [str(tools / "coverage"), "json", "-q", "-o", str(COVERAGE_REPORT)]
    if _call(command) or not COVERAGE_REPORT.is_file():
        return False
    files = json.loads(COVERAGE_REPORT.read_text())["files"]
    short = [
        f"{name}: {percent:.1f} %"
        for name, percent in _percentages(files).items()
        if not _suffices(name, percent)
    ]
    for line in short:
        print(line)
    if not short:
        print(f"all {len(files)} modules are covered well enough")
    return not short and bool(files)


def _percentages(
    files: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> dict[str, float]:
    """Return each module's coverage: of its branches, or of all if that is less."""
    percentages = {}
    for name, report in sorted(files.items()):
        summary = report["summary"]
        percent, branches = summary["percent_covered"], summary["num_branches"]
        if branches:
            percent = min(percent, 100 * summary["covered_branches"] / branches)
        percentages[name] = percent
    return percentages


def _suffices(name: str, percent: float) -> bool:
    return percent == 100 if name in COMPLETE else percent > COVERAGE_FLOOR


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part what is ours from what follows -- for pytest."""
    if "--" not in arguments:
        return arguments, []
    where = arguments.index("--")
    return arguments[:where], arguments[where + 1 :]


def _run_all(steps: Iterable[Step]) -> list[Result]:
    """Run the steps one after the other; one that fails does not stop the next."""
    return [_run(step) for step in steps]


def _run(step: Step) -> Result:
    print(f"\n━━ {step.name}", flush=True)
    begin = time.monotonic()
    if step.check is not None:
        passed = step.check()
    else:
        code = _call(step.command)
        passed = code == 0 or (step.may_be_empty and code == NOTHING_COLLECTED)
    seconds = time.monotonic() - begin
    print(f"━━ {step.name}: {_word(passed)} after {seconds:.1f} s", flush=True)
    return Result(step.name, passed, seconds)


def _call(command: list[str]) -> int:
    """Run a command from the root of the repository; return its exit code."""
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=_surroundings(),
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
    except OSError as error:
        print(error)
        return 1


def _surroundings() -> dict[str, str]:
    """Return the environment of the steps: colours for people only."""
    settings = dict(os.environ)
    # A cloud that a person has set for a Home Assistant is none of the tests'.
    settings.pop("HYPERVOLT_CLOUD_URL", None)
    if not sys.stdout.isatty():
        for name in ("FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "MYPY_FORCE_COLOR"):
            settings.pop(name, None)
        settings["NO_COLOR"] = "1"
    return settings


def _report(results: list[Result]) -> int:
    """Print the summary; return the exit code."""
    width = max(len(result.name) for result in results)
    print(f"\n━━ summary\n{'step':{width}}  result  seconds")
    for result in results:
        print(f"{result.name:{width}}  {_word(result.passed):6}  {result.seconds:7.1f}")
    total = sum(result.seconds for result in results)
    passed = all(result.passed for result in results)
    print(f"{'everything':{width}}  {_word(passed):6}  {total:7.1f}")
    return 0 if passed else 1


def _word(passed: bool) -> str:
    return "passed" if passed else "FAILED"
