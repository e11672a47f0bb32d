"""The offline bundle: one tar with everything for both programs and every kind of machine."""

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from making.payload import Payload, common_tree, own_files, requirements
from making.signing import Signer
from making.source import ROOT
from making.tree import PROGRAM, File, Folder, Link, Tree, lay

_DATA = (
    "agent/aws/prices/data/pricebook.json.gz",
    "agent/aws/prices/data/instances.json.gz",
    "agent/oracle/data/reference.toml",
)
_README = """Fieldpost {version}, offline bundle
===================================

Everything to install the agent or the collector on a host without a network: wheels for CPython 3.11 to 3.13 on
{machines} (glibc 2.28 or newer), services, manual pages, completion, price book, reference data, documentation, and
the list of parts (fieldpost.cdx.json, CycloneDX 1.6).

As root, with the public key of whoever published the bundle, got by another way than the bundle itself:

    ./install.sh agent --key release.pub
    ./install.sh collector --key release.pub

docs/install.md says what comes next, how to upgrade and how to remove it.
"""


def build(payloads: Sequence[Payload], parts: Path, target: Path, *, work: Path, signer: Signer | None) -> Path:
    """Write the tar into the target folder, and its signature when there is a signer."""
    first = payloads[0]
    name = f"fieldpost-{first.version}-offline"
    folder = work / name
    lay(_tree(payloads, parts), folder, epoch=first.epoch)
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(_sum_lines(folder)))
    if signer is not None:
        signer.sign(sums)
    path = target / f"{name}.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for one in (folder, *sorted(folder.rglob("*"))):
            archive.add(one, str(one.relative_to(work)), recursive=False, filter=lambda info: _plain(info, first.epoch))
    return path


def _tree(payloads: Sequence[Payload], parts: Path) -> Tree:
    first = payloads[0]
    machines = " and ".join(dict.fromkeys(payload.arch.machine for payload in payloads))
    offline = ROOT / "packaging" / "offline"
    tree: dict[str, File | Link | Folder] = {
        "install.sh": File(offline / "install.sh", PROGRAM),
        "verify.py": File(offline / "verify.py"),
        "README": File(_README.format(version=first.version, machines=machines).encode()),
        "fieldpost.cdx.json": File(parts),
        "CHANGELOG.md": File(ROOT / "CHANGELOG.md"),
        **{f"data/{Path(name).name}": File(ROOT / name) for name in _DATA},
        **{str(path.relative_to(ROOT)): File(path) for path in own_files(ROOT / "docs")},
    }
    for payload in payloads:
        tree |= {f"wheels/{wheel.file}": File(wheel.path) for wheel in payload.wheels}
        tree |= _of_program(payload)
    return tree


def _of_program(payload: Payload) -> Tree:
    program, machine = payload.program.name, payload.arch.machine
    common = common_tree(payload.program, payload.version, payload.epoch, zsh_folder="zsh/site-functions")
    return {
        **{f"{program}/tree/{name}": entry for name, entry in common.items() if isinstance(entry, File)},
        f"{program}/manifest": File("".join(_manifest(common, payload.settings)).encode()),
        f"{program}/requirements-{machine}.txt": File(requirements(payload).encode()),
        f"{program}/wheels-{machine}": File("".join(f"{wheel.file}\n" for wheel in payload.wheels).encode()),
    }


def _manifest(tree: Tree, settings: str) -> Iterator[str]:
    """What the install script lays down, a line each: kind, mode or target, path."""
    for name, entry in sorted(tree.items()):
        match entry:
            case Link(target):
                yield f"link {target} {name}\n"
            case Folder():
                yield f"folder - {name}\n"
            case File(mode=mode):
                yield f"{'settings' if name == settings else 'file'} {mode:04o} {name}\n"


def _sum_lines(folder: Path) -> Iterator[str]:
    for path in own_files(folder):
        with path.open("rb") as file:
            yield f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder)}\n"


def _plain(info: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    """Nothing of whoever made it, nor of when."""
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = epoch
    info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    return info
