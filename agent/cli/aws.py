"""`fieldpost-agent aws`: scan and verify an account at once, and the policies that it needs; without a collector."""

import asyncio
import json
import secrets
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agent.aws.catalogue import Factor
from agent.aws.child import AskingError, scan_account, verify_account
from agent.aws.factors import catalogue, planned
from agent.aws.local_policy import FILE_NAME, read_policy
from agent.aws.messages import DEFAULT_MEMORY_MIB, Scanned, ScanRequest, Target, Verified, VerifyRequest
from agent.aws.policy import scan_policy, schedule_policy, statement_for, trust_policy
from agent.cli import RefusedError
from agent.settings import Settings
from common.wire_aws import AccountId, Recommendation, Region

EXIT_MISSING = 1
group = typer.Typer(
    help="AWS accounts: scan, verify, and the policies that they need.", no_args_is_help=True, rich_markup_mode=None
)

AccountOption = Annotated[str, typer.Option("--account", help="The account's id, 12 digits.")]
RoleOption = Annotated[str, typer.Option("--role-arn", help="The role to assume; without it the agent's own rights.")]
ExternalId = Annotated[str, typer.Option("--external-id", help="The external id that the role's trust policy wants.")]
Regions = Annotated[list[str], typer.Option("--regions", help="Regions, repeated or with commas between them.")]
Factors = Annotated[list[str] | None, typer.Option("--factors", help="Only these factors; all without it.")]
Deadline = Annotated[float, typer.Option("--deadline", help="Seconds after which it is given up.", min=10, max=7200)]
LivePrices = Annotated[bool, typer.Option("--live-prices", help="Also ask AWS's price list (pricing:GetProducts).")]
Memory = Annotated[int, typer.Option("--memory-mib", help="How much memory it may take.", min=128, max=8192)]
File = Annotated[Path | None, typer.Option("--json", help="Write what was found to this file; `-` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="aws")


# --- scan ----------------------------------------------------------------------------------------------------------


@group.command()
def scan(
    context: typer.Context,
    account: AccountOption,
    regions: Regions,
    *,
    role_arn: RoleOption = "",
    external_id: ExternalId = "",
    factors: Factors = None,
    file: File = None,
    live_prices: LivePrices = False,
    deadline: Deadline = 900.0,
    memory_mib: Memory = DEFAULT_MEMORY_MIB,
) -> None:
    """Look for what can be saved in an account; nothing is changed in it."""
    settings: Settings = context.obj
    request = ScanRequest(
        _target(settings, account, role_arn, external_id),
        _regions(regions),
        _factors(factors),
        state_dir=str(settings.state_dir),
        live_prices=live_prices,
        deadline_s=deadline,
        memory_mib=memory_mib,
    )
    try:
        found, ended = asyncio.run(scan_account(request))
    except AskingError as error:
        raise RefusedError(f"account {account}: {error}") from None
    _tell(found)
    typer.echo(f"{ended.api_calls} calls to AWS, {ended.peak_rss_mib:.0f} MiB at most", err=True)
    _show(found, file)


def _show(found: Sequence[Scanned], file: Path | None) -> None:
    if file is None:
        for line in _lines(found):
            typer.echo(line)
        return
    text = json.dumps(list(_listed(found)), indent=2, default=str) + "\n"
    if str(file) == "-":
        sys.stdout.write(text)
        return
    try:
        file.write_text(text)
    except OSError as error:
        raise RefusedError(f"--json: {file} cannot be written ({error.strerror})") from None


def _listed(found: Iterable[Scanned]) -> Iterable[dict[str, Any]]:
    for one in found:
        for item in one.scan.recommendations:
            yield {
                "factorKey": item.factor,
                "resourceId": item.resource,
                "resourceName": item.resource_name,
                "accountId": one.scan.account,
                "region": one.scan.region,
                "service": item.service,
                "category": item.category,
                "description": item.description,
                "recommendedAction": item.action,
                "cli": item.cli,
                "currentCost": item.current_cost,
                "recommendedCost": item.recommended_cost,
                "monthlySavings": item.monthly_savings,
                "annualSavings": None if item.monthly_savings is None else round(item.monthly_savings * 12, 4),
                "priceLabel": item.price_label,
                "priceAsOf": item.price_as_of,
                "riskLevel": item.risk,
                "confidence": item.confidence,
                "suppressedBy": item.suppressed_by or None,
                "metadata": item.metadata,
                "evidence": msgspec.to_builtins(item.evidence),
            }


def _lines(found: Iterable[Scanned]) -> Iterable[str]:
    every = [(one.scan.region, item) for one in found for item in one.scan.recommendations if not item.suppressed_by]
    for region, item in sorted(every, key=lambda pair: -(pair[1].monthly_savings or 0.0)):
        yield f"{_money(item):>12}  {region:<14} {item.factor:<28} {item.resource}  {item.description}"


def _money(item: Recommendation) -> str:
    return "unknown" if item.monthly_savings is None else f"{item.monthly_savings:,.2f} USD"


def _tell(found: Iterable[Scanned]) -> None:
    """What was looked at and what could not be, on standard error."""
    for one in found:
        scan = one.scan
        primary = [item for item in scan.recommendations if not item.suppressed_by]
        known = sum(item.monthly_savings or 0.0 for item in primary)
        typer.echo(
            f"{scan.region}: {one.resources} resources, {one.series} series, {scan.api_calls} calls,"
            f" {one.seconds:.1f} s; {len(primary)} findings of {len(scan.factors)} factors, {known:,.2f} USD a month",
            err=True,
        )
        for name, reason in sorted(scan.gaps.items()):
            typer.echo(f"{scan.region}: not read: {name}: {reason}", err=True)
        for undecided in scan.undecided:
            count = f"{undecided.count} not judged" if undecided.count else "not judged"
            typer.echo(f"{scan.region}: {undecided.factor}: {count}: {undecided.reason}", err=True)


# --- verify --------------------------------------------------------------------------------------------------------


@group.command()
def verify(
    context: typer.Context,
    account: AccountOption,
    regions: Regions,
    *,
    role_arn: RoleOption = "",
    external_id: ExternalId = "",
    factors: Factors = None,
    schedule: Annotated[bool, typer.Option("--schedule", help="Also prove the rights to start and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that an account can be used; exit code 1 when it cannot, or when rights are missing."""
    target = _target(context.obj, account, role_arn, external_id)
    request = VerifyRequest(target, _regions(regions), _factors(factors), switch=schedule)
    try:
        found = asyncio.run(verify_account(request))
    except AskingError as error:
        raise RefusedError(f"account {account}: {error}") from None
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _report(found)
    if not found.verification.verified or found.verification.missing:
        raise typer.Exit(EXIT_MISSING)


def _report(found: Verified) -> None:
    said = found.verification
    typer.echo(f"account {said.account}: {'can be used' if said.verified else f'cannot be used: {said.reason}'}")
    if said.regions:
        typer.echo(f"regions: {', '.join(said.regions)}")
    for proof in sorted(found.proofs, key=lambda proof: proof.action):
        verdict = "?" if proof.level == "UNPROVEN" else "yes" if proof.granted else "NO"
        typer.echo(f"{verdict:<4} {proof.level:<10} {proof.action}  {proof.detail}".rstrip())
    for action in said.missing:
        typer.echo(f"add: {json.dumps(statement_for(action))}")
    for warning in said.warnings:
        typer.echo(f"warning: {warning}")


# --- policies ------------------------------------------------------------------------------------------------------


@group.command()
def policy(
    factors: Factors = None,
    *,
    schedule: Annotated[bool, typer.Option("--schedule", help="For the role that starts and stops instead.")] = False,
    tag: Annotated[str, typer.Option("--tag", help="With --schedule: the tag that what is switched carries.")] = "",
    live_prices: Annotated[bool, typer.Option("--live-prices", help="Also the right to ask AWS's price list.")] = False,
) -> None:
    """Print the IAM policy that a scan needs, or with --schedule the one that schedules need."""
    if not schedule:
        chosen = _chosen(_factors(factors))
        typer.echo(json.dumps(scan_policy(chosen, live_prices=live_prices), indent=2))
        return
    name, _, values = (tag or "Schedule").partition("=")
    typer.echo(json.dumps(schedule_policy(name, [value for value in values.split("|") if value]), indent=2))


@group.command()
def trust(
    principal: Annotated[str, typer.Option("--principal", help="ARN of the identity that the agent has in AWS.")],
    external_id: ExternalId = "",
) -> None:
    """Print a new external id and the trust policy of the role to be made."""
    chosen = external_id or secrets.token_hex(16)
    typer.echo(json.dumps({"externalId": chosen, "trustPolicy": trust_policy(principal, chosen)}, indent=2))


@group.command("factors")
def list_factors(*, as_json: AsJson = False) -> None:
    """List what a scan looks for, and what is known and not built yet."""
    rows = [
        *({"number": one.number, "factorKey": one.key, "category": one.category, "service": one.service,
           "title": one.title, "status": "built"} for one in catalogue().values()),
        *({"number": one.number, "factorKey": one.key, "category": one.category, "service": "",
           "title": one.title, "status": "planned"} for one in planned()),
    ]  # fmt: skip
    rows.sort(key=lambda row: int(str(row["number"])))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(
            f"{row['number']:>3}  {row['status']:<8} {row['category']:<18} {row['factorKey']:<32} {row['title']}"
        )


# --- what was given ------------------------------------------------------------------------------------------------


def _target(settings: Settings, account: str, role_arn: str, external_id: str) -> Target:
    _check("--account", account, AccountId, "12 digits")
    if role_arn and not (role_arn.startswith("arn:") and ":role/" in role_arn):
        raise typer.BadParameter(f"--role-arn: `{role_arn}`; expected arn:aws:iam::ACCOUNT:role/NAME")
    if (settings.config_dir / FILE_NAME).exists() and role_arn:
        refusal = read_policy(settings.config_dir).refusal(role_arn, "read")
        if refusal:
            raise RefusedError(f"--role-arn: {refusal}")
    return Target(account, role_arn, external_id)


def _regions(given: Iterable[str]) -> tuple[str, ...]:
    names = _split(given)
    for name in names:
        _check("--regions", name, Region, "names like eu-west-1")
    if not names:
        raise typer.BadParameter("--regions: none; expected names like eu-west-1")
    return names


def _factors(given: Iterable[str] | None) -> tuple[str, ...]:
    names = tuple(name.upper() for name in _split(given or ()))
    for name in names:
        if name not in catalogue():
            raise typer.BadParameter(f"--factors: `{name}`; expected some of {', '.join(catalogue())}")
    return names


def _chosen(names: Sequence[str]) -> list[Factor]:
    return [factor for key, factor in catalogue().items() if not names or key in names]


def _split(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",") if name.strip()))


def _check(option: str, value: str, kind: Any, expected: str) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"{option}: `{value}`; expected {expected}") from None
