"""What can be said to scripts/demo.

Runs on the standard library of any Python from 3.9 on.
"""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
import shutil
import socket

from _environment import ENV, fail

HOST = "127.0.0.1"
CHARGERS = ("v3", "v3_old", "legacy_v2", "upgraded_v2")


class Options(argparse.Namespace):
    """The options, with their types."""

    added: bool
    charger: list[str]
    cloud_port: int
    folder: Path
    port: int
    reset: bool
    speed: float


def parse(arguments: list[str]) -> Options:
    """Return the options; ends with a sentence if one is wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Start a real Home Assistant with this integration, and a simulated "
        "Hypervolt cloud to try it with. Everything stays on this computer.",
    )
    parser.add_argument(
        "--added", action="store_true", help="with the charger and a dashboard in place"
    )
    parser.add_argument(
        "--charger",
        action="extend",
        nargs="+",
        choices=CHARGERS,
        help="the chargers of the simulated account; default: v3",
    )
    parser.add_argument("--port", type=int, default=8123, help="of Home Assistant")
    parser.add_argument(
        "--cloud-port", type=int, default=8765, help="of the simulated cloud"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="how fast time runs in the simulation"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=ENV / "demo",
        help="where Home Assistant keeps its configuration (%(default)s)",
    )
    parser.add_argument(
        "--reset", action="store_true", help="forget the former runs of the demo"
    )
    options = parser.parse_args(arguments, Options())
    options.folder = options.folder.resolve()
    options.charger = options.charger or ["v3"]
    return options


def check_ports(options: Options) -> None:
    """End with a sentence if something else listens where we want to."""
    if options.port == options.cloud_port:
        fail("Home Assistant and the simulated cloud need a port each.")
    for port, option in (
        (options.port, "--port"),
        (options.cloud_port, "--cloud-port"),
    ):
        if reason := _obstacle(port):
            fail(
                f"Port {port} {reason}; stop what uses it, or choose another one with "
                f"{option}."
            )


def _obstacle(port: int) -> str | None:
    """Return why nothing can listen on a port; None if something can."""
    with socket.socket() as probe:
        # Connections that have just ended don't count, as for the servers themselves.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OverflowError:
            return "is no port number"
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            return "is in use" if in_use else f"can't be used ({error.strerror})"
    return None


def reset(options: Options) -> None:
    """Forget what Home Assistant remembers of former runs."""
    if options.reset and (options.folder / "configuration.yaml").is_file():
        shutil.rmtree(options.folder)
