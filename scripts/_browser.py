"""Find or fetch the browser of the end-to-end tests.

Runs on the standard library of any Python from 3.9 on. A browser is no package of
Python: where there is none and we are root, apt installs Debian's for the whole system.
"""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess

from _environment import say

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def browser() -> Path | None:
    """Return a Chromium, installed if need be and possible; None if there is none."""
    if found := find_browser():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("fetching Chromium for the end-to-end tests (apt-get install chromium)")
        _apt_get("update")
        # Without any font it does not start.
        _apt_get(
            "install",
            "--yes",
            "--no-install-recommends",
            "chromium",
            "fonts-liberation",
        )
    return find_browser()


def find_browser() -> Path | None:
    """Return a Chromium that is there already and starts; None if there is none."""
    for candidate in BROWSERS:
        found = shutil.which(candidate)
        if found and _tells_its_version(found):
            return Path(found)
    return None


def _tells_its_version(program: str) -> bool:
    # On some systems the name stands for an advice how to install the browser.
    try:
        return not subprocess.run(
            [program, "--version"], check=False, capture_output=True, timeout=60
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def _apt_get(*command: str) -> None:
    """Run apt-get, unasked; whether it was of use is seen by what is there."""
    subprocess.run(
        ["apt-get", "-qq", *command],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
