"""Proofs as the command line has them run and tells of them."""

import asyncio
import shutil
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import typer

from collector.cli.context import table
from collector.prove import report, running
from collector.prove.catalogue import PROOFS
from collector.prove.proof import Proof
from collector.prove.report import Report, Result
from collector.prove.running import Plan
from common import logs
from common.errors import ConfigurationError

_STOPPED = 130


def show(proofs: list[Proof]) -> None:
    """What there is."""
    table(report.listed(proofs), ("proof", "what", "quick", "full"))


def run(
    proofs: list[Proof],
    *,
    seed: int,
    quick: bool,
    postgresql: str | None,
    keep: Path | None,
    parallel: int,
    as_json: bool,
) -> int:
    """The exit code. Below `keep` what each proof made is left."""
    plan = Plan(
        proofs=proofs,
        seed=seed,
        quick=quick,
        folder=_folder(keep),
        keep=keep is not None,
        postgresql=postgresql,
        parallel=parallel,
    )
    made = _made(plan, quiet=as_json)
    if not any(plan.folder.iterdir()):
        plan.folder.rmdir()
    typer.echo(report.as_json(made) if as_json else "\n".join(report.last_lines(made)))
    return 0 if made.held else 1


def _made(plan: Plan, *, quiet: bool) -> Report:
    def tell(result: Result) -> None:
        if not quiet:
            typer.echo("\n".join(report.lines(result)))

    logs.configure(level="error")  # what is refused here is refused on purpose
    began = time.monotonic()
    try:
        results = asyncio.run(running.run_until_stopped(plan, tell))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if not plan.keep:
            shutil.rmtree(plan.folder, ignore_errors=True)
        typer.echo(f"stopped; everything that was started has been ended (seed {plan.seed})", err=True)
        raise typer.Exit(_STOPPED) from None
    return Report(
        version=version("fieldpost"),
        seed=plan.seed,
        quick=plan.quick,
        seconds=round(time.monotonic() - began, 1),
        results=results,
    )


def chosen(ids: list[str]) -> list[Proof]:
    """These, or all."""
    known = {proof.id: proof for proof in PROOFS}
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
        made = Path(tempfile.mkdtemp(prefix="fieldpost-prove-", dir=keep))
        made.chmod(0o711)
    except OSError as error:
        raise typer.BadParameter(f"`{keep}`: {error.strerror}", param_hint="--keep") from None
    return made.absolute()


def server(url: str, file: Path | None) -> str | None:
    """Where databases may be made."""
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
