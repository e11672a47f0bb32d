"""Files for somebody to carry: whole under their name, or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Draft:
    """A file that has no name yet."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def sync(self, name: str) -> None:
        """Make it durable; FileExistsError when there is a file of the name that it is to get."""
        if self._path.with_name(name).exists():
            raise FileExistsError(f"{self._path.with_name(name)} is there already")
        os.fsync(self._descriptor)

    def publish(self, name: str) -> Path:
        """Give it its name, durably."""
        final = self._path.rename(self._path.with_name(name))
        folder = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return final


@contextmanager
def drafted(folder: Path) -> Iterator[Draft]:
    """A draft in this folder, which is gone at the end unless it was published."""
    path = folder / f".fieldpost-{os.getpid()}.part"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        yield Draft(descriptor, path)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
