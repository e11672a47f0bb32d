"""`fieldpost-collector activity`: prove that the log is as it was recorded, and take it, or its end, away."""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Connection

from collector import checkpoints
from collector.cli import control
from collector.cli.context import Json, settings_of, show
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.domain.activity import chain, verify
from collector.domain.activity.chain import Checkpoint, Head
from collector.domain.activity.rules import Link
from collector.domain.tenants import store as tenants

app = typer.Typer(name="activity", help="The activity log and its chain.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Trusted = Annotated[
    list[str] | None,
    typer.Option("--trust", help="Public key of another installation whose checkpoints count as well; repeatable."),
]
Kept = Annotated[
    Path | None,
    typer.Option(
        help="File with what `activity checkpoint` or `activity export` printed earlier: the log must go on from there."
    ),
]
_KIND = "checkpoint"


class Line(msgspec.Struct, tag_field="kind", tag=_KIND):
    """A checkpoint as it is printed, and as it is read again."""

    position: int
    hash: str
    at: datetime
    newest_at: datetime
    public_key: str
    signature: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Line":
        return cls(**{**checkpoint._asdict(), "hash": checkpoint.hash.hex()})

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(**{**msgspec.structs.asdict(self), "hash": bytes.fromhex(self.hash)})


class OfTenant(msgspec.Struct):
    tenant: str


class Ends(msgspec.Struct):
    """Where a chain begins and ends, and what of it is signed."""

    tenant_id: int
    head: Head
    checkpoints: list[Checkpoint]
    waiting: int


class _Kind(msgspec.Struct):
    kind: str


class Slice(msgspec.Struct):
    tenant: str
    after: int


class Linked(msgspec.Struct):
    """One entry with its place and its hash."""

    tenant_id: int
    position: int
    id: int
    occurred_at: datetime
    action_type: str
    page_path: str | None
    properties: dict[str, Any]
    hash: bytes

    def link(self) -> Link:
        return Link(**{name: getattr(self, name) for name in Link.__dataclass_fields__})


def _ends(conn: Connection, request: OfTenant) -> Ends:
    tenant_id = tenants.get(conn, request.tenant).id
    head, signed = chain.head_of(conn, tenant_id), chain.checkpoints(conn, tenant_id)
    return Ends(tenant_id, head, signed, chain.waiting(conn, tenant_id))


def _slice(conn: Connection, request: Slice) -> list[Linked]:
    """A piece at a time: whoever serves meanwhile must not wait for the whole log."""
    found = chain.some_links(conn, tenants.get(conn, request.tenant).id, request.after)
    return [
        Linked(**{name: getattr(link, name) for name in Link.__dataclass_fields__}, hash=digest)
        for link, digest in found
    ]


ENDS = control.command("activity.ends", OfTenant, Ends, _ends)
SLICE = control.command("activity.slice", Slice, list[Linked], _slice)


@app.command("verify")
def check(
    context: typer.Context, *, tenant: Tenant, kept: Kept = None, trust: Trusted = None, as_json: Json = False
) -> None:
    """Recompute the chain from its first entry on; exit code 1, and the position, where it does not hold."""
    settings = settings_of(context)
    ends = control.call(settings, ENDS, OfTenant(tenant))
    trusted = {checkpoints.key_of(Vault.of_file(settings.vault_path)).public.text, *(trust or [])}
    seen = _kept(kept, ends.tenant_id, trusted) if kept else []
    try:
        proof = verify.Proof(ends.tenant_id, ends.head, ends.checkpoints, trusted, kept=seen)
        for entry in _entries(settings, tenant, ends.head):
            proof.take(entry.link(), entry.hash)
        verdict = proof.verdict(waiting=ends.waiting)
    except verify.Trouble as trouble:
        raise Refusal(f"the activity log of {tenant} does not hold: {trouble}") from None
    if as_json:
        show(verdict)
        return
    signed = f"signed up to {verdict.signed}" if verdict.signed else "not signed yet"
    goes_on = f"; goes on from {max(each.position for each in seen)}, which was kept" if seen else ""
    typer.echo(f"{verdict.entries} entries, positions {verdict.first} to {verdict.last}, hold; {signed}{goes_on}")


@app.command("checkpoint")
def checkpoint(context: typer.Context, *, tenant: Tenant) -> None:
    """Print the newest signed end of the chain, to be kept on another machine: `verify --kept` compares with it."""
    ends = control.call(settings_of(context), ENDS, OfTenant(tenant))
    if not ends.checkpoints:
        raise Refusal(f"nothing of the activity log of {tenant} is signed yet; a serving collector does so every hour")
    typer.echo(msgspec.json.encode(Line.of(ends.checkpoints[-1])).decode())


@app.command("export")
def export(context: typer.Context, *, tenant: Tenant) -> None:
    """Print the chain as JSON lines: where it begins, each entry with its hash, each checkpoint."""
    settings = settings_of(context)
    ends = control.call(settings, ENDS, OfTenant(tenant))
    _line("begin", {"tenant_id": ends.tenant_id, "position": ends.head.cut_position, "hash": ends.head.cut_hash.hex()})
    for entry in _entries(settings, tenant, ends.head):
        _line("entry", {**msgspec.structs.asdict(entry), "hash": entry.hash.hex()})
    for each in ends.checkpoints:
        typer.echo(msgspec.json.encode(Line.of(each)).decode())


def _entries(settings: Settings, tenant: str, head: Head) -> Iterator[Linked]:
    """What was in the chain when its head was read; it may grow meanwhile."""
    after = head.cut_position
    while after < head.position and (found := control.call(settings, SLICE, Slice(tenant, after))):
        yield from (entry for entry in found if entry.position <= head.position)
        after = found[-1].position


def _kept(path: Path, tenant_id: int, trusted: Collection[str]) -> list[Checkpoint]:
    """The checkpoints in a file; other lines of an export are passed over."""
    found: list[Checkpoint] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Refusal(
            f"kept: {path}: {error.strerror}; expected a file with what `activity checkpoint` printed"
        ) from None
    for number, line in enumerate(lines, start=1):
        try:
            if msgspec.json.decode(line, type=_Kind).kind != _KIND:
                continue
            found.append(msgspec.json.decode(line, type=Line).checkpoint())
            verify.holds(tenant_id, found[-1], trusted)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Refusal(f"kept: {path}, line {number}: {error}; expected a line of `activity checkpoint`") from None
        except verify.Trouble as trouble:
            raise Refusal(f"kept: {path}, line {number}: no checkpoint of this tenant: {trouble}") from None
    if not found:
        raise Refusal(f"kept: {path}: no checkpoint in it; expected what `activity checkpoint` printed")
    return found


def _line(kind: str, fields: dict[str, Any]) -> None:
    typer.echo(msgspec.json.encode({"kind": kind, **fields}).decode())
