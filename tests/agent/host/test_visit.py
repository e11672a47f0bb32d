from datetime import datetime, timedelta
from pathlib import Path

from agent.config import Connection
from agent.host.checks import CHECKS
from agent.host.snapshot import Asked
from agent.host.visit import HostVisitor
from agent.oracle.samples import Samples
from agent.oracle.thresholds import effective
from tests.agent.oracle.builders import NOW


def connection(folder: Path) -> Connection:
    return Connection(
        key="c1", name="c1", host="127.0.0.1", port=1, service="s", user="u", password_file=folder / "secret"
    )


async def test_every_check_of_the_host_is_judged_and_averages_come_with_time(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    clock: list[datetime] = [NOW]
    due = [effective(check, (), key="c1", tags=()) for check in CHECKS]
    with Samples(tmp_path / "samples.sqlite") as samples:
        visitor = HostVisitor(
            connection(tmp_path), samples, asked=lambda: Asked(oracle_paths={"/": "datafiles"}), now=lambda: clock[0]
        )
        first, snapshot = await visitor.visit(due)
        clock[0] += timedelta(minutes=15)
        later, _ = await visitor.visit(due)
    assert [outcome.check for outcome in first] == [check.id for check in CHECKS]
    assert snapshot.cpu is not None
    status = {outcome.check: outcome.status for outcome in first}
    assert status["HOST_CPU"] == "skipped"
    assert {outcome.check: outcome.status for outcome in later}["HOST_CPU"] in ("ok", "warning", "critical")
    assert "unknown" not in {outcome.status for outcome in later}
