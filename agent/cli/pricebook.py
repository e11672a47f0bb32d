"""`fieldpost-agent pricebook`: what AWS costs as this agent knows it, a newer book from a file, and making one."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.aws.prices.book import PriceBook, faults, pack, summary
from agent.aws.prices.bundled import bundled
from agent.aws.prices.offers import LISTS, build
from agent.aws.prices.products import CODES
from agent.aws.prices.resolve import Prices
from agent.aws.prices.store import current, install
from agent.cli import RefusedError
from agent.identity import usable_state_dir
from agent.settings import Settings
from common.clock import utc_now
from common.errors import ConfigurationError
from common.identity import PrivateKey
from common.sealed import seal

group = typer.Typer(
    help="What AWS costs, as this agent knows it without a network.", no_args_is_help=True, rich_markup_mode=None
)
_SHOWN = 10

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Regions = Annotated[list[str], typer.Option("--regions", help="Regions, repeated or with commas between them.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write.")]
From = Annotated[str, typer.Option("--from", help="Address or folder of AWS's offer files.")]
Services = Annotated[list[str] | None, typer.Option("--services", help="Only these, by AWS's codes; all without it.")]
Key = Annotated[Path | None, typer.Option("--key", help="Sign it with this Ed25519 key (PEM, mode 0600).")]
PriceOf = Annotated[
    tuple[str, str, str] | None,
    typer.Option("--price", help="One price: service, key and region, such as `ec2 linux/m5.large eu-west-1`."),
]
Unsigned = Annotated[bool, typer.Option("--unsigned", help="Take a book that nobody signed.")]
Force = Annotated[bool, typer.Option("--force", help="Take a book though prices jumped against the one in use.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="pricebook")


@group.command()
def show(context: typer.Context, *, price: PriceOf = None, as_json: AsJson = False) -> None:
    """Print which books are in use and how old they are, or one price with where it comes from."""
    settings: Settings = context.obj
    book, wrong = current(settings.state_dir)
    if price is not None:
        found = _one(Prices(bundled(), book), *price)
        typer.echo(json.dumps(found, indent=2) if as_json else _line(found))
        return
    today = utc_now().date()
    books = {"imported": book, "bundled": bundled()}
    if as_json:
        told = {name: _as_dict(one, today) if one else None for name, one in books.items()}
        typer.echo(json.dumps({**told, "problem": wrong or None}, indent=2))
        return
    for name, one in books.items():
        typer.echo(f"{name}: {described(one, today) if one else 'none'}")
    if wrong:
        typer.echo(f"ignored: {wrong}", err=True)


@group.command("import")
def take(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The price book.")],
    *,
    unsigned: Unsigned = False,
    force: Force = False,
) -> None:
    """Use a newer book; refused unless a trusted key signed it, it is not older, and it passes its self-check."""
    settings: Settings = context.obj
    usable_state_dir(settings.state_dir)
    today = utc_now().date()
    try:
        found = install(
            file,
            state_dir=settings.state_dir,
            config_dir=settings.config_dir,
            today=today,
            unsigned=unsigned,
            force=force,
        )
    except ConfigurationError as error:
        raise RefusedError(str(error)) from None
    typer.echo(described(found, today))


@group.command("build")
def make(
    context: typer.Context,
    regions: Regions,
    out: Out,
    *,
    source: From = LISTS,
    services: Services = None,
    key: Key = None,
) -> None:
    """Make a book from AWS's offer files, on a machine that can reach them; no credentials are needed."""
    settings: Settings = context.obj
    try:
        signer = PrivateKey.load(key) if key else None
        made = build(_split(regions), source.rstrip("/"), codes=_codes(services))
    except (ConfigurationError, OSError, ValueError) as error:
        raise RefusedError(str(error)) from None
    before, _ = current(settings.state_dir)
    wrong = faults(made, before)
    if wrong:
        raise RefusedError(f"the book is not written: {'; '.join(wrong[:_SHOWN])}")
    content = pack(made)
    try:
        out.write_bytes(seal(content, signer) if signer else content)
    except OSError as error:
        raise RefusedError(f"--out: {out} cannot be written ({error.strerror})") from None
    typer.echo(f"{out}: {described(made, utc_now().date())}")


def described(book: PriceBook, today: date) -> str:
    """One line: how many prices, of when, from where, and whether it is time for newer ones."""
    stale = "; STALE: import a newer one" if book.stale(today) else ""
    return (
        f"{book.count()} prices of {len(book.regions)} regions, as of {book.as_of}, {book.age_days(today)} days old,"
        f" from {book.source}{stale}"
    )


def _one(prices: Prices, service: str, key: str, region: str) -> dict[str, Any]:
    found = prices.price(service, key, region)
    error = prices.error(service, key, region)
    return {
        "service": service,
        "key": key,
        "region": region,
        "price": found.value,
        "priceLabel": found.label,
        "priceAsOf": found.as_of or None,
        "error": {"p50": error[0], "p90": error[1]} if error else None,
    }


def _line(found: dict[str, Any]) -> str:
    name = f"{found['service']} {found['key']} {found['region']}"
    if found["price"] is None:
        return f"{name}: unknown"
    error = found["error"]
    off = f", within {error['p50']:.1%} for half and {error['p90']:.1%} for nine in ten" if error else ""
    return f"{name}: {found['price']:.10g} USD, {found['priceLabel']} as of {found['priceAsOf']}{off}"


def _as_dict(book: PriceBook, today: date) -> dict[str, Any]:
    return {
        "asOf": book.as_of,
        "source": book.source,
        "sha256": book.sha256,
        "currency": book.currency,
        "ageDays": book.age_days(today),
        "stale": book.stale(today),
        "prices": summary(book),
        "scaledRegions": {
            name: {"factor": scale.factor, "p50": scale.p50, "p90": scale.p90} for name, scale in book.scale.items()
        },
    }


def _codes(given: list[str] | None) -> tuple[str, ...]:
    names = _split(given or [])
    for name in names:
        if name not in CODES:
            raise typer.BadParameter(f"--services: `{name}`; expected some of {', '.join(CODES)}")
    return names or CODES


def _split(given: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",") if name.strip()))
