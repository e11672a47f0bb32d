"""The manual names every policy, with its weights."""

from pathlib import Path

from collector.domain.services.rules import ServiceStatus
from collector.domain.services.uptime import WEIGHTS

PATH = Path(__file__).parents[2] / "docs" / "uptime.md"
COLUMNS: tuple[ServiceStatus, ...] = ("major_outage", "partial_outage", "degraded_performance", "under_maintenance")


def test_every_policy_is_in_the_manual_with_its_weights() -> None:
    written = PATH.read_text()
    for policy, weights in WEIGHTS.items():
        cells = " | ".join(f"{weights.get(status, 0) / 1000:g}" for status in COLUMNS)
        assert f"| `{policy}` | {cells} |" in written
