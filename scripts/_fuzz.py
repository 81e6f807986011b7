"""The long run of tests/fuzz: many cases, drawn anew each time, repeatable by a seed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import random
import subprocess

from _checks import split
from _environment import ROOT, environment, package_apart, say

ATHERIS = "atheris==3.1.0"


def fuzz(arguments: list[str]) -> int:
    """Run what the command line asks for; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Try what nobody would send, write or type.",
        epilog="What pytest shall be told stands after --, say: -- -k planner",
    )
    parser.add_argument(
        "cases", nargs="?", type=int, default=100_000, help="of each test (100000)"
    )
    parser.add_argument("--seed", type=int, help="repeat a run that printed it")
    parser.add_argument(
        "--atheris",
        type=int,
        metavar="SECONDS",
        help="let what the code does with a frame guide the next one, for so long",
    )
    ours, extra = split(arguments)
    options = parser.parse_args(ours)
    seed = random.randrange(2**32) if options.seed is None else options.seed  # noqa: S311 - no secret
    python = environment() / "python"
    if options.atheris:
        return _guided(python, options.atheris, seed)
    say(f"{options.cases} cases of each test; repeat them with --seed {seed}")
    command = [
        str(python), "-m", "pytest", "-q", "tests/fuzz", "--timeout=0",
        f"--hypothesis-seed={seed}", *extra,
    ]  # fmt: skip
    settings = {**os.environ, "HYPERVOLT_FUZZ_CASES": str(options.cases)}
    settings.pop("HYPERVOLT_CLOUD_URL", None)
    return subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode


def _guided(python: Path, seconds: int, seed: int) -> int:
    """Run atheris, which is fetched only for this."""
    folder = package_apart(ATHERIS)
    say(f"guided by coverage for {seconds} s, from seed {seed}")
    command = [
        str(python), "-m", "tests.fuzz.guided",
        f"-max_total_time={seconds}", f"-seed={seed % 2**31 or 1}", "-max_len=4096",
    ]  # fmt: skip
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}
    return subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode
