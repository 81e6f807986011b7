"""A disk that is soon full: a small file system in memory, mounted over a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
import errno
import os
from pathlib import Path
import subprocess
from typing import Final

import pytest

_PAGE: Final = 4096


class SmallDisk:
    """The file system that is mounted at a folder."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room, not even for a page."""
        try:
            with self._filler.open("ab", buffering=0) as filler:
                while True:
                    filler.write(bytes(_PAGE))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size: str = "2m") -> Iterator[SmallDisk]:
    """Mount a small disk over a folder, which keeps its files; needs root."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode or not os.path.ismount(folder):
        pytest.skip("mounting a small disk is not permitted here")
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
