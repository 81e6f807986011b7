"""Run the simulated cloud from a terminal: `python -m tests.simulator`."""

import argparse
import asyncio
from collections.abc import Sequence
import errno
import signal
import sys

from . import Personality, ScaledClock, SimulatedCloud


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return value


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator",
        description="A simulated Hypervolt cloud on this computer.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=_port, default=8765, help="0 takes any")
    parser.add_argument("--username", default="demo@example.com")
    parser.add_argument("--password", default="demo")
    parser.add_argument(
        "--charger",
        action="append",
        choices=[str(personality) for personality in Personality],
        help="may be repeated; default: v3",
    )
    parser.add_argument(
        "--speed", type=_positive, default=1.0, help="how fast the chargers' time runs"
    )
    parser.add_argument("--push-interval", type=_positive, default=3.0, metavar="S")
    parser.add_argument("--token-life", type=_positive, default=3600.0, metavar="S")
    parser.add_argument("--house-load", type=float, default=400.0, metavar="W")
    parser.add_argument("--solar", type=float, default=0.0, metavar="W")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace) -> int:
    try:
        cloud = SimulatedCloud(
            clock=ScaledClock(options.speed),
            host=options.host,
            port=options.port,
            token_life=options.token_life,
            push_interval=options.push_interval,
        )
    except ValueError as error:
        return _failed(str(error))
    account = cloud.add_account(options.username, options.password)
    for name in options.charger or [Personality.V3]:
        charger = account.add_charger(Personality(name))
        charger.set_house_load(options.house_load)
        charger.set_solar(options.solar)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        await cloud.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _failed(f"port {options.port} is in use; choose another --port")
        return _failed(f"cannot listen on {options.host}:{options.port}: {error}")
    try:
        _greet(cloud, options)
        await stopped.wait()
    finally:
        await cloud.stop()
    return 0


def _greet(cloud: SimulatedCloud, options: argparse.Namespace) -> None:
    lines = [
        f"Simulated Hypervolt cloud: {cloud.url}",
        f"Control page:              {cloud.url}/simulator",
        f"Account:                   {options.username} / {options.password}",
        *(
            f"Charger:                   {charger.charger_id} ({charger.personality})"
            for charger in cloud.chargers
        ),
        f"For Home Assistant:        HYPERVOLT_CLOUD_URL={cloud.url}",
        "Stop with Ctrl-C.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _failed(text: str) -> int:
    sys.stderr.write(f"error: {text}\n")
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code."""
    return asyncio.run(_run(_arguments(arguments)))


if __name__ == "__main__":
    sys.exit(main())
