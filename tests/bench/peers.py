"""Other programs at the same work, on the same machine in the same run: what can be had is fetched into `.bench`.

A peer that cannot be had is a row that says why; none is installed, and all listen on loopback alone.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import alertmanager, custodian, healthchecks, influx
from tests.bench.listing import fleets_a_second
from tests.bench.packaged import NotHereError
from tests.bench.running import FIGURES
from tests.bench.table import Line, Unmeasured
from tests.standins.processes import NotReadyError


def main(*, quick: bool) -> list[Line]:  # noqa: ARG001 - a part of the full run alone
    ours: dict[str, float] = json.loads(os.environ.get(FIGURES, "{}"))
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        listed = asyncio.run(fleets_a_second(folder / "ours"))
        return [
            *_tried("InfluxDB", lambda: influx.rows(folder / "influx", ours)),
            *_tried("Alertmanager", lambda: alertmanager.rows(folder / "alertmanager", ours, listed)),
            *_tried("Healthchecks", lambda: healthchecks.rows(folder / "healthchecks", ours, listed)),
            *_tried("Cloud Custodian", lambda: custodian.rows(folder / "custodian")),
        ]


def _tried(name: str, rows: Callable[[], Sequence[Line]]) -> Sequence[Line]:
    print(f"peers: {name}", file=sys.stderr, flush=True)
    try:
        return rows()
    except (NotHereError, NotReadyError, TimeoutError, OSError) as why:
        return [Unmeasured(name, str(why).partition("\n")[0])]
