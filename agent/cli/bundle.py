"""`fieldpost-agent bundle`: hand over what has been found where no network goes, and take receipts in."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent import carrier
from agent.assigned import FILE_NAME as ASSIGNMENT_FILE
from agent.assigned import parse
from agent.bundles import (
    Export,
    NothingToCarryError,
    ReceiptRefusedError,
    Speaker,
    Wanted,
    let_go,
    note_receipt,
)
from agent.carrier import EXPORT, RECEIPT, Applied, ExportRequest, Kept, Made, ReceiptRequest
from agent.cli import RefusedError
from agent.cli.spool import viewed
from agent.control import ControlError, Conversation, NobodyThereError
from agent.host_id import origin
from agent.identity import Identity, load_identity
from agent.medium import Draft, drafted
from agent.settings import Settings
from agent.sole import AlreadyRunningError, sole_user
from agent.spool import Limits, Spool
from common import bundle, wire
from common.clock import iso, utc_now
from common.identity import write_private
from common.wire import Assignment

_SECONDS = 600.0

group = typer.Typer(
    help="Carry records to a collector that no network reaches.", no_args_is_help=True, rich_markup_mode=None
)

To = Annotated[Path, typer.Option("--to", help="Folder on the medium that somebody carries.")]
Overlap = Annotated[
    int,
    typer.Option(
        "--overlap", min=0, max=bundle.MAX_OVERLAP, help="How many bundles back are repeated, in case one gets lost."
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Repeat everything that no receipt has confirmed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="bundle")


@group.command("export")
def export(
    context: typer.Context,
    to: To,
    *,
    overlap: Overlap = bundle.OVERLAP,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Write what is to be carried as one signed file; the records stay here until a receipt confirms them."""
    settings: Settings = context.obj
    try:
        made, path = _export(settings, to, Wanted(overlap, everything))
    except FileExistsError as error:
        raise RefusedError(f"{error}; nothing was written") from None
    except OSError as error:
        raise RefusedError(f"to: `{to}` cannot be written ({error.strerror}); no bundle was made") from None
    except NothingToCarryError:
        raise RefusedError("there is nothing to carry: the collector has everything") from None
    if as_json:
        typer.echo(msgspec.json.encode({"file": str(path), **msgspec.structs.asdict(made)}).decode())
        return
    typer.echo(f"{path}: bundle {made.number} with {made.records} records")
    typer.echo(f"{made.kept} records stay here until a receipt confirms them")
    if made.more:
        typer.echo("not everything fitted into one bundle: export once more")


@group.command("import")
def take_receipt(
    context: typer.Context,
    receipt: Annotated[Path, typer.Argument(help="The receipt that the collector wrote.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Apply a receipt: forget what the collector has, and do what it wants."""
    settings: Settings = context.obj
    content = _read(receipt)
    done = _through_agent(settings, content) or _apply(settings, content)
    if as_json:
        typer.echo(msgspec.json.encode(done).decode())
    else:
        _tell(done)
    if done.trouble:
        raise RefusedError(f"the assignment that came along is not in force: {done.trouble}")


@group.command("status")
def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print which bundle was handed over last, and which receipt came back."""
    settings: Settings = context.obj
    with viewed(settings) as file:
        ledger = file.carriage.ledger()
        numbered, waiting = sum(span.records for span in file.carriage.spans()), file.counts()["records"]
    if as_json:
        found = {
            "number": ledger.number,
            "made_at": ledger.made_at,
            "receipt": ledger.receipt or None,
            "receipt_at": ledger.receipt_at,
            "unconfirmed": numbered,
            "records": waiting,
        }
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(f"bundle {ledger.number} of {iso(ledger.made_at)}" if ledger.made_at else "no bundle was made yet")
    typer.echo(f"receipt of {iso(ledger.receipt_at)}" if ledger.receipt_at else "no receipt came back yet")
    typer.echo(f"{numbered} records are handed over and not confirmed, {waiting - numbered} wait for the next bundle")


# --- bundles -------------------------------------------------------------------------------------------------------


def _export(settings: Settings, to: Path, wanted: Wanted) -> tuple[Made, Path]:
    with drafted(to) as draft:
        try:
            made = _fetched(settings.state_dir, draft, wanted)
        except NobodyThereError:
            made = _made_here(settings, draft, wanted)
        except ControlError as error:
            raise RefusedError(str(error)) from None
        try:
            return made, draft.publish(made.name)
        except OSError as error:
            raise RefusedError(
                f"to: `{to}` went away before bundle {made.number} had its name ({error.strerror}); export once more, "
                "the next bundle repeats what was in it"
            ) from None


def _fetched(state_dir: Path, draft: Draft, wanted: Wanted) -> Made:
    """From the agent that runs: only one process may have the spool."""
    request = ExportRequest(wanted.overlap, wanted.everything)
    with Conversation.opened(state_dir, EXPORT, request, seconds=_SECONDS) as agent:
        while (heard := agent.heard()).content:
            draft.write(heard.content)
        made = msgspec.json.decode(heard.answer, type=Made)
        draft.sync(made.name)
        agent.say(Kept(kept=True))
        return agent.answer(Made)


def _made_here(settings: Settings, draft: Draft, wanted: Wanted) -> Made:
    with _spool(settings) as spool:
        identity = load_identity(settings.state_dir, url=settings.collector_url, origin=origin(settings.state_dir))
        export = Export(spool, _speaker(settings, identity), wanted)
        for piece in export.pieces():
            draft.write(piece)
        made = carrier.made_of(export.manifest)
        draft.sync(made.name)
        export.commit()
        return made


def _speaker(settings: Settings, identity: Identity) -> Speaker:
    return Speaker(
        agent=identity.agent,
        key=identity.key,
        origin=identity.origin,
        every_s=settings.bundle_every_s,
        assignment=_kept(settings.state_dir).version,
    )


def _kept(state_dir: Path) -> Assignment:
    try:
        return parse((state_dir / ASSIGNMENT_FILE).read_bytes(), etag="")
    except (OSError, wire.WireError):
        return Assignment(version="")


# --- receipts ------------------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(bundle.MAX_RECEIPT + 1)
    except OSError as error:
        raise RefusedError(f"receipt: `{path}` cannot be read ({error.strerror})") from None


def _through_agent(settings: Settings, content: bytes) -> Applied | None:
    request = ReceiptRequest(len(content))
    try:
        with Conversation.opened(settings.state_dir, RECEIPT, request, seconds=_SECONDS) as agent:
            agent.send(content)
            return agent.answer(Applied)
    except NobodyThereError:
        return None
    except ControlError as error:
        raise RefusedError(str(error)) from None


def _apply(settings: Settings, content: bytes) -> Applied:
    with _spool(settings) as spool:
        try:
            receipt = carrier.read(spool, settings.state_dir, content, utc_now())
        except ReceiptRefusedError as error:
            raise RefusedError(str(error)) from None
        freed = let_go(spool, receipt)
        trouble = _keep(settings.state_dir, receipt.assignment)
        note_receipt(spool, receipt)
    return carrier.applied(receipt, freed, trouble)


def _keep(state_dir: Path, assignment: Assignment) -> str:
    """Where the agent looks for it when it starts."""
    document = wire.encode(assignment)
    try:
        parse(document, etag="")
        write_private(state_dir / ASSIGNMENT_FILE, document)
    except wire.WireError as error:
        return error.detail
    except OSError as error:
        return f"it cannot be kept on disk ({error.strerror})"
    return ""


def _tell(done: Applied) -> None:
    typer.echo(f"receipt {done.number} of {iso(done.made_at)}: {done.forgotten} records are safe at the collector")
    if done.buried:
        typer.echo(f"{done.buried} records were refused; `fieldpost-agent spool dead` says why")
    if done.missing:
        typer.echo(f"the collector misses {done.missing} records; what of them is here goes with the next bundle")
    if done.unseen:
        typer.echo(f"bundles that never came: {', '.join(str(number) for number in done.unseen)}")
    typer.echo(f"assignment {done.assignment} is in force" if not done.trouble else "")


# --- the spool -----------------------------------------------------------------------------------------------------


@contextmanager
def _spool(settings: Settings) -> Iterator[Spool]:
    """The spool, while no agent runs."""
    if settings.link != "carried":
        raise RefusedError(carrier.NOT_CARRIED)
    owner = settings.state_dir.stat().st_uid if settings.state_dir.exists() else os.geteuid()
    if owner != os.geteuid():
        raise RefusedError(f"{settings.state_dir} is another user's; run this as the user of the agent")
    limits = Limits(
        max_bytes=settings.spool_max_bytes,
        max_age=timedelta(seconds=settings.spool_max_age_s),
        min_free=settings.spool_min_free_bytes,
        carried=True,
    )
    try:
        with sole_user(settings.state_dir), closing(Spool(settings.state_dir, limits)) as spool:
            yield spool
    except AlreadyRunningError as error:
        raise RefusedError(f"{error}, and does not answer on its control socket") from None
