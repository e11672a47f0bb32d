"""Makes the file of a backup: written beside its place, read again from end to end, and only then given its name."""

import os
from dataclasses import dataclass
from pathlib import Path

from collector.copying import archive, snapshots
from collector.copying.archive import About, Manifest
from collector.copying.loading import Progress
from collector.core.problems import Refusal
from collector.core.vault import Vault
from common.clock import utc_now
from common.identity import sync_folder


@dataclass(frozen=True, slots=True)
class Made:
    """A backup and where it is."""

    path: Path
    size: int
    manifest: Manifest


def place_of(target: Path) -> Path:
    """The file to write: the target itself, or one in it that is named after the moment."""
    path = target / f"fieldpost-{utc_now():%Y%m%dT%H%M%SZ}.zip" if target.is_dir() else target
    if path.exists():
        raise Refusal(f"{path}: is there already; expected the name of a new file, or a folder")
    if not path.parent.is_dir():
        raise Refusal(f"{path.parent}: no such folder")
    return path


def make(url: str, path: Path, about: About, progress: Progress) -> Made:
    """Back up the store, which may be served from meanwhile; `Refusal` or `StoreUnavailable`, and then no file."""
    with snapshots.workplace(path) as folder:
        draft = folder / path.name
        try:
            draft.touch(mode=0o600)
            with draft.open("wb") as out:
                with snapshots.of_running(url, folder) as store:
                    archive.write(out, store, about, progress)
                out.flush()
                os.fsync(out.fileno())
            manifest = check(draft, about.vault, _silent)
            size = draft.stat().st_size
            draft.replace(path)
        except OSError as error:
            raise Refusal(f"{path}: cannot be written ({error.strerror})") from None
    sync_folder(path.parent)
    return Made(path, size, manifest)


def check(path: Path, vault: Vault | None, progress: Progress) -> Manifest:
    """Read all of it; `Damaged` when it is not what was written."""
    with archive.opened(path, vault) as opened:
        opened.verify(progress)
        return opened.manifest


def _silent(_table: str, _rows: int) -> None:
    """Nobody asked."""
