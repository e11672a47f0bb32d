"""What the packages are for: architectures, versions of Python, and how old a C library may be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

PYTHONS = ("3.11", "3.12", "3.13")
GLIBC = (2, 28)
MAINTAINER = "Fieldpost maintainers <maintainers@fieldpost.example>"
_OLDEST_GLIBC = 5
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_FIRST_FULL = {"3.11": ("3.11.0", "3.11.99"), "3.12": ("3.12.0",), "3.13": ("3.13.0",)}
"""Full versions between which markers of the pins change."""


@dataclass(frozen=True, slots=True)
class Arch:
    """One architecture by its names."""

    machine: str
    deb: str
    rpm: str


ARCHES = {arch.machine: arch for arch in (Arch("x86_64", "amd64", "x86_64"), Arch("aarch64", "arm64", "aarch64"))}


@dataclass(frozen=True, slots=True)
class Program:
    """One of both programs and what it installs."""

    name: str
    extras: tuple[str, ...]
    summary: str
    description: str

    @property
    def package(self) -> str:
        return f"fieldpost-{self.name}"


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "agent",
            ("agent", "aws"),
            "agent of Fieldpost: Oracle health checks and AWS costs on the spot",
            "Runs health checks of Oracle databases, cost analysis of AWS accounts and start/stop schedules near what "
            "it watches, with credentials that never leave its host, and sends what it found to one collector. "
            "Works on a network that is slow, cut or one-way.",
        ),
        Program(
            "collector",
            ("collector", "postgresql", "redis"),
            "collector of Fieldpost: stores what agents found and serves it",
            "Stores what agents found and serves it: documented REST APIs, a web interface, a public status page, "
            "webhooks and metrics. Keeps its data in SQLite by itself, or in PostgreSQL.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of machine: an architecture and a minor version of Python."""

    machine: str
    python: str

    @property
    def abi(self) -> str:
        return "cp" + self.python.replace(".", "")

    @property
    def platforms(self) -> tuple[str, ...]:
        """What wheels may call themselves, newest C library first."""
        return tuple(_platforms(self.machine))

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Every tag of a wheel that runs there, best first."""
        major, minor = map(int, self.python.split("."))
        own = cpython_tags((major, minor), abis=[self.abi], platforms=self.platforms)
        return (*own, *compatible_tags((major, minor), interpreter=self.abi, platforms=self.platforms))

    @property
    def environments(self) -> tuple[Mapping[str, str], ...]:
        return tuple(self._environment(full) for full in _FIRST_FULL[self.python])

    def _environment(self, full: str) -> Mapping[str, str]:
        return {
            "python_version": self.python,
            "python_full_version": full,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": self.machine,
        }


def _platforms(machine: str) -> Iterator[str]:
    major, newest = GLIBC
    for minor in range(newest, _OLDEST_GLIBC - 1, -1):
        yield f"manylinux_{major}_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"
    yield f"linux_{machine}"
