"""`fieldpost-collector prove`: plants faults on this machine and counts what they cost."""

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from collector.cli.context import Json, table
from common.errors import ConfigurationError

if TYPE_CHECKING:
    from collector.prove.proof import Proof
    from collector.prove.report import Report, Result
    from collector.prove.running import Plan

_SEEDS = 2**31
_STOPPED = 130

Ids = Annotated[list[str] | None, typer.Argument(metavar="[PROOF]...", help="Such as P1 P4; all without it.")]
Seed = Annotated[int | None, typer.Option(min=0, max=_SEEDS, help="Repeat a run: everything left to chance follows.")]
UrlFile = Annotated[Path | None, typer.Option(help="File with the URL of a PostgreSQL server to make databases on.")]
Url = Annotated[str, typer.Option(help="The same as a URL without a password: postgresql://user@host:5432/postgres.")]
Keep = Annotated[Path | None, typer.Option(help="Folder to work in; what each proof made is left there.")]


def prove(
    ids: Ids = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="The reduced set: minutes instead of an hour.")] = False,
    seed: Seed = None,
    postgresql_file: UrlFile = None,
    postgresql: Url = "",
    keep: Keep = None,
    parallel: Annotated[int, typer.Option(min=1, max=8, help="How many proofs run side by side.")] = 1,
    listing: Annotated[bool, typer.Option("--list", help="Say which proofs there are, and run none.")] = False,
    as_json: Json = False,
) -> None:
    """Kill, cut, fill and deceive collectors made for the purpose, and count what was lost or doubled.

    The collector of this host is left alone: nothing of its settings and data is read. Exit code 1 where a proof broke.
    """
    from collector.prove import report  # noqa: PLC0415 - loads what no other command needs
    from collector.prove.catalogue import PROOFS  # noqa: PLC0415 - likewise
    from collector.prove.running import Plan  # noqa: PLC0415 - likewise

    proofs = _chosen(PROOFS, ids or [])
    if listing:
        table(report.listed(proofs), ("proof", "what", "quick", "full"))
        return
    server = _server(postgresql, postgresql_file)
    plan = Plan(
        proofs=proofs,
        seed=secrets.randbelow(_SEEDS) if seed is None else seed,
        quick=quick,
        folder=_folder(keep),
        keep=keep is not None,
        postgresql=server,
        parallel=parallel,
    )
    made = _run(plan, quiet=as_json)
    if not any(plan.folder.iterdir()):
        plan.folder.rmdir()
    typer.echo(report.as_json(made) if as_json else "\n".join(report.last_lines(made)))
    raise typer.Exit(0 if made.held else 1)


def _run(plan: "Plan", *, quiet: bool) -> "Report":
    from collector.prove import report, running  # noqa: PLC0415 - loads what no other command needs

    def tell(result: "Result") -> None:
        if not quiet:
            typer.echo("\n".join(report.lines(result)))

    began = time.monotonic()
    try:
        results = asyncio.run(running.run_until_stopped(plan, tell))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if not plan.keep:
            shutil.rmtree(plan.folder, ignore_errors=True)
        typer.echo(f"stopped; everything that was started has been ended (seed {plan.seed})", err=True)
        raise typer.Exit(_STOPPED) from None
    return report.Report(
        version=version("fieldpost"),
        seed=plan.seed,
        quick=plan.quick,
        seconds=round(time.monotonic() - began, 1),
        results=results,
    )


def _chosen(proofs: "Sequence[Proof]", ids: list[str]) -> "list[Proof]":
    known = {proof.id: proof for proof in proofs}
    for one in ids:
        if one.upper() not in known:
            raise typer.BadParameter(f"{one!r}; expected one of {', '.join(known)}", param_hint="PROOF")
    wanted = {one.upper() for one in ids} or set(known)
    return [proof for name, proof in known.items() if name in wanted]


def _folder(keep: Path | None) -> Path:
    """Below the folder that was given, or where temporary files are; others may pass through it, and see nothing."""
    try:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="fieldpost-prove-", dir=keep))
        folder.chmod(0o711)
    except OSError as error:
        raise typer.BadParameter(f"`{keep}`: {error.strerror}", param_hint="--keep") from None
    return folder.absolute()


def _server(url: str, file: Path | None) -> str | None:
    if file is None:
        return _checked_url(url, "--postgresql") if url else None
    if url:
        raise typer.BadParameter("beside --postgresql-file; expected one of the two", param_hint="--postgresql")
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"--postgresql-file: `{file}` cannot be read ({reason})") from None
    return _checked_url(text, "--postgresql-file", secret=True)


def _checked_url(text: str, option: str, *, secret: bool = False) -> str:
    """Arguments are seen by every user of this host, so a password may only come in a file."""
    parts = urlsplit(text)
    if parts.scheme != "postgresql" or not parts.hostname:
        raise typer.BadParameter("expected postgresql://user@host:port/database", param_hint=option)
    if parts.password and not secret:
        raise typer.BadParameter("it has a password; expected it in a file (--postgresql-file)", param_hint=option)
    return text
