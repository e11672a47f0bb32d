"""From an order to files: wheels once, then each package of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from making import bundle, deb, pins, rpm, sbom, signing, source
from making.errors import PackagingError
from making.payload import Payload
from making.pins import Pin
from making.targets import ARCHES, GLIBC, Program, Target
from making.wheels import Wheel, fetch, glibc_needs

CONSTRAINTS = source.ROOT / "packaging" / "constraints.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made."""

    version: str
    epoch: int
    kinds: tuple[str, ...]
    programs: tuple[Program, ...]
    machines: tuple[str, ...]
    pythons: tuple[str, ...]
    wheels: Path
    download: bool
    key: Path | None


def make(order: Order, target: Path, *, work: Path) -> Iterator[Path]:
    """Make everything that was ordered; each file's path once it is there."""
    signer = signing.load(order.key) if order.key else None
    own = source.build_wheel(order.version, epoch=order.epoch, work=work)
    payloads = [_payload(order, program, machine, own) for program in order.programs for machine in order.machines]
    made = []
    for payload in payloads:
        if "deb" in order.kinds:
            made.append(deb.build(payload, target, work=work))
            yield made[-1]
        if "rpm" in order.kinds:
            made.append(rpm.build(payload, target, work=work))
            yield made[-1]
    made.append(target / f"fieldpost-{order.version}.cdx.json")
    wheels = (wheel for payload in payloads for wheel in payload.wheels)
    made[-1].write_bytes(sbom.document(wheels, version=order.version, epoch=order.epoch))
    yield made[-1]
    if "bundle" in order.kinds:
        made.append(bundle.build(payloads, made[-1], target, work=work, signer=signer))
        yield made[-1]
    yield from _sums(made, target, signer)


def _payload(order: Order, program: Program, machine: str, own: Wheel) -> Payload:
    listed = pins.read(CONSTRAINTS)
    wheels: dict[str, Wheel] = {own.file: own}
    wanted: dict[Pin, None] = {}
    for python in order.pythons:
        one = Target(machine, python)
        needed = pins.needed(listed, program.extras, one.environments)
        wanted |= dict.fromkeys(needed)
        wheels |= {wheel.file: wheel for wheel in fetch(needed, one, order.wheels, download=order.download)}
    for wheel in wheels.values():
        _check(wheel)
    return Payload(
        program=program,
        arch=ARCHES[machine],
        version=order.version,
        epoch=order.epoch,
        pins=tuple(sorted(wanted, key=lambda pin: (pin.name, pin.version))),
        wheels=tuple(sorted(wheels.values(), key=lambda wheel: wheel.file)),
    )


def _check(wheel: Wheel) -> None:
    """What a wheel is called is one thing, what its shared objects ask for another."""
    for name, need in glibc_needs(wheel.path).items():
        if need > GLIBC:
            found, expected = ".".join(map(str, need)), ".".join(map(str, GLIBC))
            raise PackagingError(f"{wheel.file}: {name} needs glibc {found}; expected at most {expected}")


def _sums(made: list[Path], target: Path, signer: signing.Signer | None) -> Iterator[Path]:
    path = target / "SHA256SUMS"
    path.write_text("".join(f"{_sha256(one)}  {one.name}\n" for one in sorted(made)))
    yield path
    if signer is not None:
        for one in (*made, path):
            yield signer.sign(one)
        yield signer.publish(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
