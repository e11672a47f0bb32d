"""What was recorded of earlier versions: what their agents said, what their collectors kept and answered."""

import gzip
import hashlib
import json
import lzma
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import psycopg
from joserfc.jwk import OKPKey

from common.identity import PrivateKey

HERE = Path(__file__).parent
VERSIONS = tuple(sorted(folder.name for folder in HERE.iterdir() if (folder / "sqlite.ndjson.xz").exists()))


@dataclass(frozen=True, slots=True)
class Batch:
    """A signed batch as an agent sent it."""

    header: str
    payload: str
    signature: str

    @property
    def about(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads(self.header)
        return told

    @property
    def records(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(json.loads(line) for line in self.payload.splitlines())

    @property
    def body(self) -> bytes:
        return gzip.compress(f"{self.header}\n{self.payload}".encode())

    def with_records(self, records: Sequence[Mapping[str, Any]], **header: object) -> "Batch":
        """Other records under the same header; who sends it has to sign it anew."""
        payload = "".join(f"{json.dumps(record)}\n" for record in records)
        digest = hashlib.sha256(payload.encode()).hexdigest()
        about = {**self.about, "count": len(records), "payload_sha256": digest, **header}
        return Batch(json.dumps(about), payload, "")

    def renumbered(self, by: int) -> "Batch":
        """The same records, so much later in their stream."""
        records = [{**record, "seq": record["seq"] + by} for record in self.records]
        return self.with_records(records, first=self.about["first"] + by, last=self.about["last"] + by)


@dataclass(frozen=True, slots=True)
class Speaker:
    """An agent of that time: its enrolment, and the key that it signs with."""

    id: str
    key: PrivateKey
    request: Mapping[str, Any]
    batches: tuple[Batch, ...] = field(repr=False)


@dataclass(frozen=True)
class Corpus:
    """What agents of one version and their collector said to each other."""

    version: str
    store: str

    @property
    def path(self) -> Path:
        return HERE / self.version / f"{self.store}.ndjson.xz"

    @cached_property
    def entries(self) -> tuple[Mapping[str, Any], ...]:
        text = lzma.decompress(self.path.read_bytes()).decode()
        return tuple(json.loads(line) for line in text.splitlines())

    def of(self, what: str) -> Iterator[Mapping[str, Any]]:
        return (entry for entry in self.entries if entry["what"] == what)

    @cached_property
    def speakers(self) -> tuple[Speaker, ...]:
        keys = [PrivateKey(OKPKey.import_key(entry["private_key"])) for entry in self.of("agent")]
        by_public = {key.public.text: key for key in keys}
        batches = [Batch(entry["header"], entry["payload"], entry["signature"]) for entry in self.of("batch")]
        return tuple(
            Speaker(
                id=entry["reply"]["agent"],
                key=by_public[entry["request"]["public_key"]],
                request=entry["request"],
                batches=tuple(batch for batch in batches if batch.about["agent"] == entry["reply"]["agent"]),
            )
            for entry in self.of("enrolment")
        )

    @property
    def assignments(self) -> tuple[str, ...]:
        return tuple(entry["document"] for entry in self.of("assignment"))


@cache
def corpus(version: str, store: str = "sqlite") -> Corpus:
    """Few batches of the collector on PostgreSQL, which are there to be sent to it again."""
    return Corpus(version, store)


@cache
def answers(version: str, store: str) -> Mapping[str, Any]:
    """What the collector answered, and the credentials that it answered to."""
    told: Mapping[str, Any] = json.loads(lzma.decompress((HERE / version / f"{store}.json.xz").read_bytes()))
    return told


def restore_sqlite(version: str, path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_dump(version, "sqlite"))
    finally:
        connection.close()


def restore_postgresql(version: str, url: str) -> None:
    """Into a database that has nothing in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_dump(version, "postgresql").encode())


def _dump(version: str, store: str) -> str:
    return lzma.decompress((HERE / version / f"{store}.sql.xz").read_bytes()).decode()
