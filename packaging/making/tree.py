"""A tree of files to be installed, and laying it down so that the same tree gives the same bytes."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PLAIN, PROGRAM, FOLDER = 0o644, 0o755, 0o755


@dataclass(frozen=True, slots=True)
class File:
    """A file by its content, or by the path of one that has it."""

    content: bytes | Path
    mode: int = PLAIN

    def read(self) -> bytes:
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is installed although it is empty."""

    mode: int = FOLDER


Tree = Mapping[str, File | Link | Folder]
"""By path without a slash at its start."""


def lay(tree: Tree, folder: Path, *, epoch: int) -> None:
    """Write the tree below a folder, every file and folder as old as the epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, entry in sorted(tree.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, entry)
    age(folder, epoch=epoch)


def age(folder: Path, *, epoch: int) -> None:
    """Set modes of folders and all times; deepest first, since writing into a folder changes its own."""
    paths = sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)
    for path in (*paths, folder):
        if path.is_dir() and not path.is_symlink():
            path.chmod(FOLDER)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def folders(tree: Tree) -> Iterator[str]:
    """Every folder that lies above something in the tree."""
    above = {str(parent) for name in tree for parent in Path(name).parents}
    yield from sorted(above - {"."})


def _write(path: Path, entry: File | Link | Folder) -> None:
    match entry:
        case Link(target):
            path.symlink_to(target)
        case Folder():
            path.mkdir(exist_ok=True)
        case File():
            path.write_bytes(entry.read())
            path.chmod(entry.mode)
