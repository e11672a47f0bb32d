"""What a package lays down, whatever its format: wheels, scripts, units, manual, completion, settings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from making import commands, completion, conffile, manual, sbom
from making.pins import Pin
from making.source import ROOT
from making.targets import Arch, Program
from making.tree import PROGRAM, File, Folder, Link, Tree
from making.wheels import Wheel

_SCRIPTS = {"agent": ("slot", "host", "gate"), "collector": ("slot", "host")}


@dataclass(frozen=True, slots=True)
class Payload:
    """Everything of one program for one architecture."""

    program: Program
    arch: Arch
    version: str
    epoch: int
    pins: tuple[Pin, ...]
    wheels: tuple[Wheel, ...]

    @property
    def home(self) -> str:
        return f"usr/lib/{self.program.package}"

    @property
    def settings(self) -> str:
        return f"etc/{self.program.package}/{self.program.name}.toml"


def tree(payload: Payload, *, zsh_folder: str) -> Tree:
    """Where each file goes on the host."""
    wheels = {f"{payload.home}/wheels/{wheel.file}": File(wheel.path) for wheel in payload.wheels}
    return {**common_tree(payload.program, payload.version, payload.epoch, zsh_folder=zsh_folder), **wheels,
            f"{payload.home}/fieldpost.cdx.json": File(parts(payload)),
            f"{payload.home}/requirements.txt": File(requirements(payload).encode())}  # fmt: skip


def parts(payload: Payload) -> bytes:
    """The list of what this package brings, for whoever looks at the host."""
    return sbom.document(payload.wheels, version=payload.version, epoch=payload.epoch)


def common_tree(program: Program, version: str, epoch: int, *, zsh_folder: str) -> dict[str, File | Link | Folder]:
    """What is the same on every architecture."""
    name, package = program.name, program.package
    root = commands.of_program(name)
    page = manual.page(root, program, version=version, epoch=epoch)
    documents = f"usr/share/doc/{package}"
    return {
        **dict(_scripts(program)),
        **dict(_units(program)),
        f"usr/lib/{package}/version": File(f"{version}\n".encode()),
        f"usr/bin/{package}": Link(f"/opt/fieldpost/{name}/current/bin/{package}"),
        f"usr/share/man/man1/{package}.1.gz": File(manual.packed(page)),
        f"usr/share/bash-completion/completions/{package}": File(completion.bash(root).encode()),
        f"usr/share/{zsh_folder}/_{package}": File(completion.zsh(root).encode()),
        f"etc/{package}/{name}.toml": File(conffile.settings_file(name).encode()),
        f"etc/{package}/credentials": Folder(),
        f"{documents}/copyright": File(copyright_text().encode()),
        f"{documents}/CHANGELOG.md.gz": File(manual.packed((ROOT / "CHANGELOG.md").read_text())),
    }


def requirements(payload: Payload) -> str:
    """What pip installs offline: each pin with its marker, and the hashes of those files that are here."""
    own = next(wheel for wheel in payload.wheels if wheel.name == "fieldpost")
    extras = ",".join(payload.program.extras)
    lines = [_line(f"fieldpost[{extras}]=={own.version}", "", [own.sha256])]
    for pin in payload.pins:
        hashes = [wheel.sha256 for wheel in payload.wheels if (wheel.name, wheel.version) == (pin.name, pin.version)]
        lines.append(_line(f"{pin.name}=={pin.version}", pin.marker, sorted(hashes)))
    return "".join(lines)


def copyright_text() -> str:
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: fieldpost\n\n"
        "Files: *\nCopyright: 2026 The authors of Fieldpost\nLicense: Apache-2.0\n"
        " On Debian systems, the full text of the Apache License 2.0 is in\n"
        " /usr/share/common-licenses/Apache-2.0. The licence of each wheel is in its metadata\n"
        " and in the list of parts (SBOM) that is published with the packages.\n"
    )


def _line(requirement: str, marker: str, hashes: Sequence[str]) -> str:
    condition = f" ; {marker}" if marker else ""
    return f"{requirement}{condition} " + " ".join(f"--hash=sha256:{one}" for one in hashes) + "\n"


def _scripts(program: Program) -> Iterator[tuple[str, File]]:
    for name in _SCRIPTS[program.name]:
        yield f"usr/lib/{program.package}/{name}", File(ROOT / "packaging" / "scripts" / name, PROGRAM)


def _units(program: Program) -> Iterator[tuple[str, File]]:
    """The program's services; drop-ins are examples, to be copied by whoever wants one."""
    folder = ROOT / "packaging" / "systemd"
    for path in sorted(folder.glob(f"{program.package}*.service")):
        yield f"usr/lib/systemd/system/{path.name}", File(path)
    for path in sorted((folder / "drop-ins").glob(f"{program.name}-*.conf")):
        yield f"usr/share/doc/{program.package}/examples/{path.name}", File(path)
    if program.name == "collector":
        for path in own_files(ROOT / "packaging" / "examples"):
            yield f"usr/share/doc/{program.package}/examples/{path.name}", File(path)


def own_files(folder: Path) -> Iterator[Path]:
    """Files below a folder, as they sort."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file())
