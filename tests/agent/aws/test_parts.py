from datetime import UTC, datetime

import pytest

from agent.aws.parts import scan_parts
from common import wire
from common.wire_aws import MAX_PARTS, Recommendation, Scan, Undecided

AT = datetime(2026, 7, 15, 12, tzinfo=UTC)


def found(factor: str, number: int, *, facts: int = 200) -> Recommendation:
    return Recommendation(
        factor=factor,
        resource=f"vol-{number:017x}",
        resource_name="data",
        service="EC2",
        category="Cleaner",
        description="Nothing is attached to it.",
        action="Snapshot it, then delete it.",
        cli=f"aws ec2 delete-volume --volume-id vol-{number:017x}",
        current_cost=float(number),
        recommended_cost=0.0,
        monthly_savings=float(number),
        price_label="BUNDLED",
        price_as_of="2026-07-01",
        risk="MEDIUM",
        metadata={"note": "x" * facts},
    )


def scan(*recommendations: Recommendation, factors: tuple[str, ...] = ("A",), gone: tuple[str, ...] = ()) -> Scan:
    return Scan(
        scan="scan_1",
        account="111122223333",
        region="eu-west-1",
        started_at=AT,
        ended_at=AT,
        factors=factors,
        recommendations=recommendations,
        undecided=(Undecided("B", 3, "too young"),),
        gaps={"rds.instances": "access denied"},
        gone=gone,
        job="job_1",
        api_calls=40,
    )


def fits(part: Scan) -> bool:
    return len(wire.record_line(2**50, "aws_scan", AT, part)) <= wire.MAX_RECORD


def test_a_small_scan_is_one_record_as_it_is() -> None:
    given = scan(found("A", 1), gone=("A/vol-9",))
    first, second = scan_parts(given)
    assert first.recommendations == given.recommendations
    assert second.gone == given.gone
    (only,) = scan_parts(scan(found("A", 1)))
    assert only == scan(found("A", 1))


def test_a_scan_that_found_nothing_is_told_all_the_same() -> None:
    (only,) = scan_parts(scan())
    assert (only.part, only.parts, only.factors) == (1, 1, ("A",))
    (nobody,) = scan_parts(scan(factors=()))
    assert nobody.gaps == {"rds.instances": "access denied"}


def test_a_large_scan_travels_in_parts_of_which_each_fits() -> None:
    everything = [found("A", number) for number in range(400)]
    parts = scan_parts(scan(*everything))
    assert all(map(fits, parts))
    assert [(part.part, part.parts) for part in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert [one for part in parts for one in part.recommendations] == everything
    assert {part.scan for part in parts} == {"scan_1"}
    assert [bool(part.undecided) for part in parts] == [True] + [False] * (len(parts) - 1)


@pytest.mark.slow
def test_a_scan_larger_than_its_parts_may_be_becomes_several_with_the_whole_word_of_each_factor() -> None:
    names = tuple("ABCDEF")
    parts = scan_parts(scan(*(found(name, n) for name in names for n in range(1200)), factors=names))
    assert all(map(fits, parts))
    assert all(part.parts <= MAX_PARTS for part in parts)
    by_scan: dict[str, set[str]] = {}
    for part in parts:
        by_scan.setdefault(part.scan, set()).update(part.factors)
        assert {one.factor for one in part.recommendations} <= set(part.factors)
    assert len(by_scan) > 1
    assert sorted(name for judged in by_scan.values() for name in judged) == sorted(names)
    assert sum(len(part.recommendations) for part in parts) == 7200


@pytest.mark.slow
def test_a_factor_that_finds_more_than_a_scan_holds_keeps_what_saves_most_and_says_so() -> None:
    parts = scan_parts(scan(*(found("A", n, facts=3000) for n in range(9000))))
    assert all(map(fits, parts))
    assert len(parts) <= MAX_PARTS
    kept = [one for part in parts for one in part.recommendations]
    left = next(one for one in parts[0].undecided if one.factor == "A")
    assert left.count == 9000 - len(kept)
    assert min(one.monthly_savings or 0.0 for one in kept) >= left.count


def test_a_finding_with_more_facts_than_fit_loses_them_and_keeps_its_verdict() -> None:
    (part,) = scan_parts(scan(found("A", 7, facts=100_000)))
    assert part.recommendations[0].monthly_savings == 7.0
    assert part.recommendations[0].metadata == {}
    assert fits(part)
