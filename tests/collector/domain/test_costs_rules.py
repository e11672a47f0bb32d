"""The life of a recommendation: whatever people and scans do, in whatever order, some things never happen."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.costs import rules
from collector.domain.costs.rules import STATUSES, Kept, Status
from tests.collector.api.tuner.aws import T0, finding, scan

HOUR = timedelta(hours=1)
STEPS = st.lists(
    st.tuples(st.sampled_from([*STATUSES, "found", "missed", "gone", "wake"]), st.integers(0, 48)), max_size=12
)


def step(known: Kept, what: str, hour: int) -> Kept:
    """One thing that happens; a decision is taken `hour` hours after the first scan, a scan begins then."""
    seen = scan(finding(), at=T0 + hour * HOUR)
    if what == "found":
        return rules.found(1, known, seen, finding())
    if what in {"missed", "gone"}:
        gone = {"SNAPSHOT_CLEANUP/snap-0abcd1234"} if what == "gone" else set()
        return rules.missed(known, seen, gone) if known.ended_at is None and known.seen_at < seen.started_at else known
    if what == "wake":
        return rules.reopened(known) if known.status == "SNOOZED" else known
    wanted: Status = what  # type: ignore[assignment]  # one of the statuses
    if known.ended_at is not None or not rules.may_become(known.status, wanted):
        return known
    at = seen.started_at if wanted == "IMPLEMENTED" else None
    return replace(known, status=wanted, implemented_at=at)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_recommendation_never_moves_in_a_way_that_is_not_documented(steps: list[tuple[str, int]]) -> None:
    known = rules.found(1, None, scan(finding()), finding())
    rec_id = known.id
    for what, hour in steps:
        before, known = known, step(known, what, hour)
        assert known.id == rec_id
        if before.status == "DISMISSED":
            assert known.status == "DISMISSED"
        if known.status == "IMPLEMENTED" != before.status:
            assert what == "IMPLEMENTED", "no scan and no clock says that something was done"
        if before.status == "IMPLEMENTED" != known.status:
            assert (what, known.status) == ("found", "GENERATED")
        if known.realised_savings is not None:
            assert (known.status, known.ended_at is not None) == ("IMPLEMENTED", True)
        if what == "found" and known.seen_at > before.seen_at:
            assert known.ended_at is None


def test_ids_tell_findings_apart() -> None:
    one = ("123456789012", "us-east-1", "IDLE_EC2", "i-1")
    others = [("210987654321", *one[1:]), (one[0], "eu-west-1", *one[2:]), (*one[:2], "X", one[3]), (*one[:3], "i-2")]
    assert len({rules.identity(*place) for place in (one, *others)}) == 5
    assert rules.identity(*one) == rules.identity(*one)
