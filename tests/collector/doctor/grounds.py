"""A collector's folder as `doctor` finds it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.core.settings import Settings
from collector.doctor.ground import Ground
from common.checkup import Finding, Look, examine
from common.settings import load

Found = dict[str, Finding]


def ground(folder: Path, **settings: Any) -> Ground:
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    return Ground(load(Settings, flags={"state_dir": state, "port": 0, **settings}))


def found(looks: Sequence[Look[Ground]], at: Ground) -> Found:
    return {finding.id: finding for finding in examine(looks, at).findings}


async def seen(looks: Sequence[Look[Ground]], at: Ground) -> Found:
    """The same while the test's own loop serves."""
    return await asyncio.to_thread(found, looks, at)


def bad(findings: Found) -> Found:
    """What is not well; each of them says what mends it."""
    unwell = {id_: finding for id_, finding in findings.items() if finding.state == "unwell"}
    assert all(finding.mend for finding in unwell.values()), unwell
    return unwell
