"""The file of a backup: a zip with one packed member of rows per table and, at its end, a manifest of what is in it."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from collector.copying import keys, rows
from collector.copying.loading import Copied, Progress
from collector.copying.rows import Damaged, Row, Tally
from collector.copying.shapes import Column, Shape
from collector.copying.source import Source
from collector.core.vault import Vault
from common.clock import utc_now

FORMAT = 1
_MANIFEST = "manifest.json"
_SEAL = "manifest.seal.json"
_KEYS = "keys/"
_MAX_SMALL = 8 << 20
_LEVEL = 3
_OF_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,  # a member that is not there
    RuntimeError,  # one that is marked as sealed with a password, or packed in another way
    UnicodeDecodeError,  # a name
    msgspec.DecodeError,
)


class Part(msgspec.Struct, frozen=True):
    """One table: its columns as (name, kind), how many rows, and the digest of them."""

    name: str
    columns: tuple[Column, ...]
    rows: int
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. `vault`: the fingerprint of the key that its secrets are sealed under; `keys`: SHA-256."""

    format: int
    made_at: datetime
    version: str
    store: str
    revision: str
    vault: str
    tables: tuple[Part, ...]
    counters: dict[str, int]
    keys: dict[str, str]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.tables)

    @property
    def copied(self) -> tuple[Copied, ...]:
        return tuple(Copied(part.name, part.rows, part.digest) for part in self.tables)


class _Seal(msgspec.Struct, frozen=True):
    """`signature`: by the vault key, for who has it; "" where there was none."""

    sha256: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a backup before it is made."""

    version: str
    store: str
    vault: Vault | None
    keys: Mapping[str, bytes]


def write(out: BinaryIO, source: Source, about: About, progress: Progress) -> Manifest:
    """Write all of it, in the memory of some hundred rows."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        parts = tuple(_write_part(archive, source, shape, progress) for shape in source.shapes)
        for name, content in about.keys.items():
            _write_small(archive, _KEYS + name, content)
        manifest = Manifest(
            format=FORMAT,
            made_at=utc_now(),
            version=about.version,
            store=about.store,
            revision=source.revision,
            vault=keys.fingerprint(about.vault),
            tables=parts,
            counters=dict(source.counters),
            keys={name: hashlib.sha256(content).hexdigest() for name, content in about.keys.items()},
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        _write_small(archive, _MANIFEST, content)
        seal = _Seal(hashlib.sha256(content).hexdigest(), keys.sign(about.vault, content) if about.vault else "")
        _write_small(archive, _SEAL, msgspec.json.encode(seal))
    return manifest


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup that is open; as a source it has the rows of the file. `signed`: None when nobody here can tell."""

    archive: zipfile.ZipFile
    manifest: Manifest
    signed: bool | None

    @property
    def revision(self) -> str:
        return self.manifest.revision

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(Shape(part.name, part.columns) for part in self.manifest.tables)

    @property
    def counters(self) -> Mapping[str, int]:
        return self.manifest.counters

    def rows(self, shape: Shape) -> Iterator[list[Row]]:
        with _told(shape.name), self.archive.open(_member(shape.name)) as stream:
            yield from rows.read(stream, len(shape.columns))

    def keys(self) -> dict[str, bytes]:
        """Keys, certificates and settings that were taken along."""
        with _told(_KEYS):
            found = {name: _read_small(self.archive, _KEYS + name) for name in self.manifest.keys}
        for name, content in found.items():
            if hashlib.sha256(content).hexdigest() != self.manifest.keys[name]:
                raise Damaged(f"{_KEYS}{name}: not what the manifest says")
        return found

    def verify(self, progress: Progress) -> None:
        """Read everything; `Damaged` names the first thing that is not as it was written."""
        for part in self.manifest.tables:
            tally = Tally()
            for chunk in self.rows(Shape(part.name, part.columns)):
                tally.add(rows.encoded(chunk))
            if (tally.rows, tally.digest) != (part.rows, part.digest):
                raise Damaged(f"{part.name}: {tally.rows} rows; expected {part.rows}, with the digest of the manifest")
            progress(part.name, tally.rows)
        self.keys()


@contextmanager
def opened(path: Path, vault: Vault | None) -> Iterator[Archive]:
    """Open a backup and check its manifest; `Damaged` when it is none, or not one that this program can read.

    What else goes wrong while it is open is no fault of this file, and stays what it is.
    """
    with _told(str(path)):
        archive = zipfile.ZipFile(path)
    with archive:
        with _told(str(path)):
            manifest, signed = _manifest(archive, vault)
        try:
            yield Archive(archive, manifest, signed)
        except Damaged as error:
            raise Damaged(f"{path}: {error}") from None


def _manifest(archive: zipfile.ZipFile, vault: Vault | None) -> tuple[Manifest, bool | None]:
    content = _read_small(archive, _MANIFEST)
    seal = msgspec.json.decode(_read_small(archive, _SEAL), type=_Seal)
    if hashlib.sha256(content).hexdigest() != seal.sha256:
        raise Damaged("its manifest was changed after it was written")
    manifest = msgspec.json.decode(content, type=Manifest)
    if manifest.format != FORMAT:
        raise Damaged(f"of format {manifest.format}, made by version {manifest.version}; expected {FORMAT}")
    if not seal.signature or vault is None or keys.fingerprint(vault) != manifest.vault:
        return manifest, None
    if not keys.is_signed(vault, content, seal.signature):
        raise Damaged("its manifest was not signed by the vault key that it names")
    return manifest, True


def _write_part(archive: zipfile.ZipFile, source: Source, shape: Shape, progress: Progress) -> Part:
    tally = Tally()

    def lines() -> Iterator[list[bytes]]:
        for chunk in source.rows(shape):
            line = rows.encoded(chunk)
            tally.add(line)
            progress(shape.name, tally.rows)
            yield line

    with archive.open(_info(_member(shape.name)), "w", force_zip64=True) as member:
        rows.write(member, lines())
    columns = tuple(Column(column.name, column.kind) for column in shape.columns)
    return Part(shape.name, columns, tally.rows, tally.digest)


def _member(table: str) -> str:
    return f"tables/{table}.rows"


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, utc_now().timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _write_small(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_info(name), content, compresslevel=_LEVEL)


def _read_small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        return _whole(stream)


def _whole(stream: IO[bytes]) -> bytes:
    content = stream.read(_MAX_SMALL + 1)
    if len(content) > _MAX_SMALL:
        raise Damaged(f"a member of more than {_MAX_SMALL} bytes that should be small")
    return content


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever reading a damaged file leads to is said in one way."""
    try:
        yield
    except _OF_DAMAGE as error:
        raise Damaged(f"{what}: no backup, or damaged ({error})") from None
    except OSError as error:
        raise Damaged(f"{what}: cannot be read ({error.strerror or error})") from None
    except Damaged as error:
        raise Damaged(str(error) if str(error).startswith(what) else f"{what}: {error}") from None
