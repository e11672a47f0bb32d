"""`fieldpost-collector prove`: plants faults on this machine and counts what they cost."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.context import Json

SEEDS = 2**31

Ids = Annotated[list[str] | None, typer.Argument(metavar="[PROOF]...", help="Such as P1 P4; all without it.")]
Seed = Annotated[int | None, typer.Option(min=0, max=SEEDS, help="Repeat a run: everything left to chance follows.")]
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
    from collector.cli import proving  # noqa: PLC0415 - it loads the proofs, and no other command needs them

    proofs = proving.chosen(ids or [])
    if listing:
        proving.show(proofs)
        return
    chosen_seed = secrets.randbelow(SEEDS) if seed is None else seed
    raise typer.Exit(
        proving.run(
            proofs,
            seed=chosen_seed,
            quick=quick,
            postgresql=proving.server(postgresql, postgresql_file),
            keep=keep,
            parallel=parallel,
            as_json=as_json,
        )
    )
