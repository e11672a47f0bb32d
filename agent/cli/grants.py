"""`fieldpost-agent grants`: the least-privilege script, generated from what the checks declare."""

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from agent.cli.check import usage
from agent.local import own_checks
from agent.oracle.catalogue import Check, grantable, objects_read, render
from agent.oracle.checks import catalogue
from agent.oracle.facts import STATEMENTS
from agent.oracle.paths import PATHS
from agent.settings import Settings

_USER = re.compile(r"[A-Za-z][A-Za-z0-9_$#]{0,127}")
_PUBLIC = re.compile(r"(?:ALL|USER)_\w+|G?V\$VERSION")

User = Annotated[str | None, typer.Option("--user", help="Name of the monitoring account.")]
Cdb = Annotated[bool, typer.Option("--cdb", help="A common user of a CDB, granted in CDB$ROOT for all containers.")]
AsJson = Annotated[bool, typer.Option("--json", help="Only the list of objects.")]


def register(app: typer.Typer) -> None:
    app.command("grants")(grants)


def grants(context: typer.Context, user: User = None, *, cdb: Cdb = False, as_json: AsJson = False) -> None:
    """Print the script that a DBA runs once: no catalogue role, no SELECT ANY DICTIONARY, only what the checks read.

    Of your own checks it knows the dictionary views; tables of applications are yours to grant.
    """
    name = (("C##FIELDPOST" if cdb else "FIELDPOST") if user is None else user).upper()
    if not _USER.fullmatch(name) or name.startswith("C##") != cdb:
        usage(f"--user: `{name}`; expected an Oracle name, starting with C## with --cdb and without C## otherwise")
    settings: Settings = context.obj
    own, wrong = own_checks(settings.config_dir)
    for text in wrong:
        typer.echo(f"ignored: {text}", err=True)
    objects = granted([*catalogue().values(), *own.values()], cdb=cdb)
    if as_json:
        import json  # noqa: PLC0415 - only here

        typer.echo(json.dumps(objects, indent=2))
        return
    typer.echo("\n".join(script(objects, name, cdb=cdb)))


def granted(checks: Iterable[Check], *, cdb: bool) -> list[str]:
    """Every object that the facts and these checks read, as a GRANT must name it, sorted."""
    texts = [*STATEMENTS, PATHS.sql]
    for check in checks:
        for query in check.queries:
            forms = [*(text for _, text in query.texts()), *([query.special[1]] if query.special else [])]
            texts += [render(text, in_root=cdb) for text in forms]
    names = {name for text in texts for name in objects_read(text)}
    return sorted(grantable(name) for name in names if not _PUBLIC.fullmatch(name))


def script(objects: Iterable[str], user: str, *, cdb: bool) -> list[str]:
    everywhere = " CONTAINER=ALL" if cdb else ""
    lines = [
        f"-- Least privileges of the monitoring account {user}; run as SYS" + (" in CDB$ROOT." if cdb else "."),
        "-- Choose a password of your own; the agent reads it from a file, the environment or a systemd credential.",
        "ACCEPT fieldpost_password CHAR PROMPT 'Password of the monitoring account: ' HIDE",
        f'CREATE USER {user} IDENTIFIED BY "&fieldpost_password"{everywhere};',
        f"GRANT CREATE SESSION TO {user}{everywhere};",
    ]
    if cdb:
        lines.append(f"ALTER USER {user} SET CONTAINER_DATA=ALL CONTAINER=CURRENT;")
    return [*lines, *(f"GRANT SELECT ON {name} TO {user}{everywhere};" for name in objects)]
