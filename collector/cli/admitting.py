"""`fieldpost-collector agent admit`: a host without a path to this collector becomes an agent by files."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import settings_of
from collector.core import certificates
from collector.core.carrier import carrier_key
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.domain.access.rules import Act
from collector.domain.agents import enrolment
from collector.domain.tenants import store as tenants
from common import admission
from common.admission import MAX_FILE, AdmissionError, Reply, Request
from common.clock import utc_now
from common.identity import NotAuthentic, PublicKey, write_private

_NOWHERE = "none"


class Admit(msgspec.Struct):
    """`request`: the file as it came."""

    tenant: str
    request: bytes
    agent: str | None


class Admitted(msgspec.Struct):
    """Which agent the host is; `again`: one that was here before."""

    agent: str
    name: str
    again: bool


def _admit(conn: Connection, wanted: Admit) -> Admitted:
    asked, key = _parsed(wanted.request, "request")
    tenant_id, act = tenants.get(conn, wanted.tenant).id, Act(control.BY, utc_now())
    try:
        made = enrolment.admit(conn, tenant_id, asked, key, act=act, agent_id=wanted.agent)
    except NotAuthentic as error:
        raise Refusal(f"agent: {error.detail}") from None
    return Admitted(made.id, asked.name, made.again)


ADMIT = control.command("agent.admit", Admit, Admitted, _admit)


def admit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `fieldpost-agent enroll --request` wrote.")],
    *,
    tenant: Annotated[str, typer.Option(help="Slug of the tenant.")],
    reply: Annotated[Path, typer.Option(help="Where to write what is carried back to the agent.")],
    agent: Annotated[str | None, typer.Option(help="The agent that this host becomes again.")] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the agent reaches this collector, else as `public_host` says; `none`: by bundles only."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the fingerprint is right.")] = False,
) -> None:
    """Let a host in that has no path to this collector, by a file that was carried here and one that goes back."""
    settings, content = settings_of(context), _content(file)
    asked, key = _parsed(content, f"request: `{file}`")
    typer.echo(
        f"{asked.name} on {asked.hostname}, release {asked.version}, asked at {asked.made_at:%Y-%m-%d %H:%M} UTC"
    )
    typer.echo(f"fingerprint  {admission.fingerprint(key.key_id)}")
    if not yes:
        typer.confirm("Is that what the host has shown?", abort=True)
    made = control.call(settings, ADMIT, Admit(tenant, content, agent))
    signer = _write_reply(
        settings, reply, made, tenant=tenant, key=key, url=settings.agents_url if url is None else url
    )
    typer.echo(f"collector    {admission.fingerprint(signer.key_id)}")
    typer.echo(f"{made.agent} is let in{', again' if made.again else ''}; carry {reply} back to its host")


def _write_reply(settings: Settings, file: Path, made: Admitted, *, tenant: str, key: PublicKey, url: str) -> PublicKey:
    signer = carrier_key(Vault.of_file(settings.vault_path))
    reachable = url not in {"", _NOWHERE}
    answer = Reply(
        key_id=key.key_id,
        agent=made.agent,
        tenant=tenant,
        name=made.name,
        url=url.rstrip("/") if reachable else "",
        ca_pem=_ca(settings) if reachable else None,
        collector_key=signer.public.text,
        again=made.again,
        made_at=utc_now(),
    )
    try:
        write_private(file, admission.reply_file(answer, signer))
    except OSError as error:
        raise Refusal(f"reply: `{file}` cannot be written ({error.strerror})") from None
    return signer.public


def _parsed(content: bytes, what: str) -> tuple[Request, PublicKey]:
    try:
        return admission.read_request(content)
    except AdmissionError as error:
        raise Refusal(f"{what}: {error}") from None


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()[: MAX_FILE + 1]
    except OSError as error:
        raise Refusal(f"request: `{file}` cannot be read ({error.strerror})") from None
    if len(content) > MAX_FILE:
        raise Refusal(f"request: `{file}` is larger than a request may be ({MAX_FILE} bytes)")
    return content


def _ca(settings: Settings) -> str | None:
    if settings.tls != "auto":
        return None
    return certificates.ensure(settings.tls_dir, settings.server_names, utc_now()).ca.read_text()
