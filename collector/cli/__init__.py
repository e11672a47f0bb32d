"""The command line of the collector; one module per group of commands."""

import sys

import typer

from collector.cli import (
    accounts,
    activity,
    agents,
    backing,
    bundle,
    channels,
    connections,
    diag,
    doctor,
    findings,
    incidents,
    keys,
    maintenance,
    members,
    migrating,
    prove,
    recommendations,
    restoring,
    rules,
    schedules,
    serve,
    services,
    signing,
    statuspage,
    tenants,
    thresholds,
    tls,
    tokens,
    webhooks,
)
from collector.cli.context import root
from collector.core.problems import Refusal, StoreInUse, StoreUnavailable
from common import logs
from common.settings import EXIT_CONFIGURATION, ConfigurationError

app = typer.Typer(
    name="fieldpost-collector",
    help="Stores what agents find, and serves it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    callback=root,
)
app.command("serve")(serve.serve)
app.command("migrate")(migrating.migrate)
app.command("backup")(backing.back_up)
app.command("restore")(restoring.restore)
app.command("doctor")(doctor.doctor)
app.command("diag")(diag.diag)
app.command("prove")(prove.prove)
app.add_typer(activity.app, name="activity")
app.add_typer(agents.app, name="agent")
app.add_typer(bundle.app, name="bundle")
app.add_typer(connections.app, name="connection")
app.add_typer(findings.app, name="finding")
app.add_typer(incidents.app, name="incident")
app.add_typer(thresholds.app, name="threshold")
app.add_typer(tenants.app, name="tenant")
app.add_typer(members.app, name="member")
app.add_typer(keys.app, name="key")
app.add_typer(tokens.app, name="token")
app.add_typer(maintenance.app, name="maintenance")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(channels.app, name="channel")
app.add_typer(rules.app, name="rule")
app.add_typer(services.app, name="service")
app.add_typer(accounts.app, name="account")
app.add_typer(recommendations.app, name="recommendation")
app.add_typer(schedules.app, name="schedule")
app.add_typer(statuspage.app, name="status-page")
app.add_typer(signing.app, name="signing-key")
app.add_typer(tls.app, name="tls")


def main() -> None:
    """Exit codes: 0 well, 1 a finding or a refusal, 2 usage, 78 configuration."""
    try:
        app()
    except ConfigurationError as error:
        _fail(str(error), EXIT_CONFIGURATION)
    except (Refusal, StoreInUse) as error:
        _fail(str(error), 1)
    except StoreUnavailable as error:
        _fail(f"the database cannot be used: {error.detail}", 1)


def _fail(message: str, code: int) -> None:
    logs.last_words("fieldpost-collector", message)
    sys.exit(code)
