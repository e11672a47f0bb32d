"""What operators keep beside the agent: checks of their own, and reference data."""

from collections.abc import Iterator

from agent.doctor.ground import Ground, command
from agent.local import own_checks
from agent.reference_data import current
from common.checkup import Finding, Look, unwell, well
from common.clock import utc_now


def _own(ground: Ground) -> Iterator[Finding]:
    folder = ground.settings.config_dir
    checks, wrong = own_checks(folder)
    if wrong:
        yield unwell("own-checks", "; ".join(wrong), "correct what is named, then\nfieldpost-agent check --list")
        return
    yield well("own-checks", f"{len(checks)} in {folder}")


def _reference(ground: Ground) -> Iterator[Finding]:
    reference, bad = current(ground.state, ground.settings.config_dir)
    today = utc_now().date()
    detail = f"{reference.origin} table of {reference.issued}" + (f"; ignored: {bad}" if bad else "")
    if bad or reference.stale(today):
        yield unwell("reference-data", detail, command("reference import FILE"))
        return
    yield well("reference-data", detail)


LOOKS = (
    Look({"own-checks": "own checks"}, _own),
    Look({"reference-data": "reference data"}, _reference),
)
