"""`fieldpost-agent key`: the key by which this agent proves who it is."""

import asyncio
import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli import RefusedError
from agent.control import ControlError, NobodyThereError, ask
from agent.disk import DiskThread
from agent.identity import current_key, key_made_at, load_identity, waiting_candidate
from agent.problems import Problems
from agent.settings import Settings
from agent.sole import AlreadyRunningError, sole_user
from common.clock import iso, utc_now

if TYPE_CHECKING:
    from agent.rotation import Changed

group = typer.Typer(help="The key by which this agent proves who it is.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="key")


@group.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print which key it is and how old."""
    settings: Settings = context.obj
    load_identity(settings.state_dir)
    made_at = key_made_at(settings.state_dir)
    candidate = waiting_candidate(settings.state_dir)
    found = {
        "key_id": current_key(settings.state_dir).key_id,
        "made_at": iso(made_at),
        "age_days": (utc_now() - made_at).days,
        "replaced_after_days": settings.key_max_age_days or None,
        "candidate": candidate.key_id if candidate else None,
    }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    limit = f"replaced at {settings.key_max_age_days} days" if settings.key_max_age_days else "never replaced by itself"
    typer.echo(f"{found['key_id']}, made {found['made_at']}, {found['age_days']} days old, {limit}")
    if candidate:
        typer.echo(f"{candidate.key_id} is about to replace it")


@group.command()
def rotate(context: typer.Context) -> None:
    """Replace the key by a new one, now; the old one is void as soon as the new one has worked once."""
    from agent.rotation import COMMAND, Changed  # noqa: PLC0415 - loads aiohttp

    settings: Settings = context.obj
    try:
        done = ask(settings.state_dir, COMMAND, None, Changed)
    except NobodyThereError:
        done = _by_ourselves(settings)
    except ControlError as error:
        raise RefusedError(str(error)) from None
    typer.echo(done.line())


def _by_ourselves(settings: Settings) -> "Changed":
    """No agent runs: nobody else may begin to while this goes on."""
    from agent.rotation import RotationFailedError  # noqa: PLC0415 - loads aiohttp

    try:
        with sole_user(settings.state_dir):
            return asyncio.run(_rotated(settings))
    except (AlreadyRunningError, RotationFailedError) as error:
        raise RefusedError(str(error)) from None


async def _rotated(settings: Settings) -> "Changed":
    from agent.link import Link  # noqa: PLC0415 - loads aiohttp
    from agent.rotation import Rotation  # noqa: PLC0415 - loads aiohttp

    identity = load_identity(settings.state_dir, url=settings.collector_url)
    with closing(DiskThread()) as disk:
        async with Link(identity, way=settings.way) as link:
            carried = settings.link == "carried"
            rotation = Rotation(settings.state_dir, link, disk, problems=Problems(), carried=carried)
            rotation.resume()
            return await rotation.rotate()
