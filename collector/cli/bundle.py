"""`fieldpost-collector bundle`: take in what somebody carried here from agents, and write what goes back to them."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show
from collector.core.carrier import carrier_key
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.domain.access.rules import Act
from collector.domain.agents import rules as agents
from collector.domain.bundles import answering, taking
from collector.domain.bundles.answering import Wanted
from collector.domain.bundles.taking import Counts, Outlook, Taken, Welcome
from common import bundle
from common.bundle import Batch, Opened, Place, Range, Ranges, Receipt, Refused
from common.clock import iso, utc_now
from common.identity import PrivateKey, write_private
from common.wire import Rejection, WireError

app = typer.Typer(name="bundle", help="Records and receipts that somebody carries.", no_args_is_help=True)

MAX_REFUSED = 1_000
"""So many rejected records a receipt names; what is beyond counts as refused without a reason."""

ValidFor = Annotated[str, typer.Option(help="How long the receipt may be applied, such as 12h, 30d.")]


# --- asked of the database -----------------------------------------------------------------------------------------


class Look(msgspec.Struct):
    signed: bytes
    signature: str
    heartbeat_s: int


class TakeBatch(msgspec.Struct):
    agent: str
    body: bytes
    signature: str


class Note(msgspec.Struct):
    signed: bytes
    signature: str
    known: Welcome
    counts: Counts


def _look(conn: Connection, request: Look) -> Welcome:
    opened = _again(request.signed, request.signature)
    return taking.welcome(conn, opened, heartbeat_s=request.heartbeat_s, now=utc_now())


def _take(conn: Connection, request: TakeBatch) -> Taken:
    return taking.take(conn, request.agent, Batch(request.body, request.signature), utc_now())


def _note(conn: Connection, request: Note) -> Outlook:
    return taking.note(conn, _again(request.signed, request.signature), request.known, request.counts, _act())


def _receipt(conn: Connection, request: Wanted) -> Receipt:
    return answering.receipt(conn, request, _act())


def _again(signed: bytes, signature: str) -> Opened:
    try:
        return bundle.of_manifest(signed, signature)
    except WireError as error:
        raise Refusal(error.detail) from None


def _act() -> Act:
    return Act(control.BY, utc_now())


LOOK = control.command("bundle.look", Look, Welcome, _look)
TAKE = control.command("bundle.take", TakeBatch, Taken, _take)
NOTE = control.command("bundle.note", Note, Outlook, _note)
RECEIPT = control.command("bundle.receipt", Wanted, Receipt, _receipt)


# --- commands ------------------------------------------------------------------------------------------------------


class Result(msgspec.Struct, frozen=True):
    """What became of one file; `refusal`: why nothing of it was stored, else ""."""

    file: str
    refusal: str = ""
    agent: str = ""
    name: str = ""
    number: int = 0
    made_at: datetime | None = None
    records: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: int = 0
    again: datetime | None = None
    other: datetime | None = None
    never_came: tuple[int, ...] = ()
    missing: tuple[Ranges, ...] = ()
    more: bool = False


@dataclass(slots=True)
class _Gathered:
    """For the receipts: which agents there were, and what of them was not stored."""

    refused: dict[str, dict[Place, list[Rejection]]] = field(default_factory=dict)

    def note(self, agent: str, taken: Taken) -> None:
        places = self.refused.setdefault(agent, defaultdict(list))
        if taken.rejected:
            places[Place(taken.epoch, taken.stream)] += taken.rejected

    def of(self, agent: str) -> tuple[Refused, ...]:
        left = MAX_REFUSED
        found = []
        for place, rejections in sorted(self.refused[agent].items()):
            found.append(Refused(*place, tuple(rejections[:left])))
            left -= len(found[-1].rejections)
        return tuple(one for one in found if one.rejections)


@app.command("import")
def take_in(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Bundles, in any order.")],
    *,
    receipts: Annotated[Path, typer.Option(help="Folder for the receipts that go back, one per agent.")],
    valid_for: ValidFor = "30d",
    as_json: Json = False,
) -> None:
    """Store what bundles bring, each record once however often it comes, and write one receipt per agent."""
    settings = settings_of(context)
    lifetime = agents.lifetime(valid_for).total_seconds()
    _check_folder(receipts, "receipts")
    key, gathered = _key(settings), _Gathered()
    with control.session(settings) as collector:
        results = [_take_file(collector, path, gathered, settings) for path in sorted(files, key=_number)]
        written = []
        for agent in gathered.refused:
            wanted = Wanted(agent, settings.heartbeat_s, key.public.text, gathered.of(agent), lifetime)
            written.append(_write(receipts, collector.call(RECEIPT, wanted), key))
    if as_json:
        show({"bundles": results, "receipts": [str(path) for path in written]})
    else:
        for result in results:
            _tell(result)
        for path in written:
            typer.echo(f"receipt {path}")
    if any(result.refusal for result in results):
        raise typer.Exit(1)


@app.command("make")
def make(
    context: typer.Context,
    *,
    agent: Annotated[str, typer.Option(help="The agent's id, agt_….")],
    to: Annotated[Path, typer.Option(help="Folder on the medium that somebody carries.")],
    valid_for: ValidFor = "30d",
) -> None:
    """Write a receipt without any bundle: what is here, and everything that the collector wants of the agent now."""
    settings = settings_of(context)
    lifetime = agents.lifetime(valid_for).total_seconds()
    _check_folder(to, "to")
    key = _key(settings)
    wanted = Wanted(agent, settings.heartbeat_s, key.public.text, lifetime_s=lifetime)
    typer.echo(f"receipt {_write(to, control.call(settings, RECEIPT, wanted), key)}")


# --- files ---------------------------------------------------------------------------------------------------------


def _take_file(collector: control.Session, path: Path, gathered: _Gathered, settings: Settings) -> Result:
    """One bundle, an envelope at a time; one that is refused before its end leaves what came before in place."""
    result = Result(file=str(path))
    try:
        with path.open("rb") as stream:
            opened = bundle.opened(stream)
            made = opened.manifest
            result = Result(str(path), agent=made.agent, number=made.number, made_at=made.made_at, records=made.records)
            found = collector.call(LOOK, Look(opened.signed, opened.signature, settings.heartbeat_s))
            if found.refusal:
                return msgspec.structs.replace(result, name=found.name, refusal=found.refusal)
            counts = _take_batches(collector, stream, made.agent, gathered)
        outlook = collector.call(NOTE, Note(opened.signed, opened.signature, found, counts))
    except (WireError, Refusal) as error:
        return msgspec.structs.replace(result, refusal=str(error))
    except OSError as error:
        return msgspec.structs.replace(result, refusal=f"cannot be read ({error.strerror})")
    return msgspec.structs.replace(
        result,
        name=found.name,
        new=counts.new,
        duplicate=counts.dup,
        rejected=counts.rejected,
        again=found.again,
        other=found.other,
        never_came=outlook.unseen,
        missing=outlook.missing,
        more=made.more,
    )


def _number(path: Path) -> tuple[str, str]:
    """In the order in which they were made, as far as their names say: then the past need not be corrected."""
    return path.stem.rpartition("-")[2], path.name


def _take_batches(collector: control.Session, stream: BinaryIO, agent: str, gathered: _Gathered) -> Counts:
    stream.seek(0)
    new = dup = rejected = 0
    gathered.refused.setdefault(agent, defaultdict(list))
    for batch in bundle.batches(stream):
        taken = collector.call(TAKE, TakeBatch(agent, *batch))
        gathered.note(agent, taken)
        new, dup, rejected = new + taken.new, dup + taken.dup, rejected + len(taken.rejected)
    return Counts(new, dup, rejected)


def _write(folder: Path, receipt: Receipt, key: PrivateKey) -> Path:
    path = folder / bundle.receipt_name(receipt)
    try:
        write_private(path, bundle.seal(receipt, key))
    except OSError as error:
        with suppress(OSError):
            path.with_name(path.name + ".new").unlink(missing_ok=True)
        raise Refusal(f"{path}: cannot be written ({error.strerror}); `bundle make` makes the receipt anew") from None
    return path


def _check_folder(folder: Path, option: str) -> None:
    """Before anything is stored: whoever carries wants the receipt too."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal(f"{option}: {str(folder)!r}; expected a folder that can be written")


def _key(settings: Settings) -> PrivateKey:
    return carrier_key(Vault.of_file(settings.vault_path))


# --- words ---------------------------------------------------------------------------------------------------------


def _tell(result: Result) -> None:
    if result.refusal:
        typer.echo(f"{result.file}: REFUSED, nothing of it counts as come: {result.refusal}", err=True)
        return
    typer.echo(
        f"{result.file}: bundle {result.number} of {result.agent} ({result.name}), made {_moment(result.made_at)}: "
        f"{result.new} new, {result.duplicate} known already, {result.rejected} rejected"
    )
    if result.again:
        typer.echo(f"  it was imported before, at {iso(result.again)}")
    if result.other:
        typer.echo(f"  another bundle of this number was imported at {iso(result.other)}; both count")
    if result.never_came:
        typer.echo(f"  bundles that never came: {_numbers((one, one) for one in result.never_came)}")
    for place in result.missing:
        typer.echo(f"  records that never came ({place.stream}): {_numbers(place.ranges)}")
    if result.more:
        typer.echo("  the agent had more than fits into one bundle")


def _moment(at: datetime | None) -> str:
    return iso(at) if at else "-"


def _numbers(ranges: Iterator[Range] | tuple[Range, ...]) -> str:
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in ranges)
