from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from agent.aws.catalogue import Book, Estimate, Factor, Kind, Result, Undecided
from agent.aws.factors import catalogue
from agent.aws.judge import evidence_hash, judge, worth
from agent.aws.readings import METRICS
from agent.aws.snapshot import Snapshot, series, tags_of
from common.wire_aws import Recommendation
from tests.agent.aws.builders import BOOK, ago, attached, ebs_snapshot, instance, snapshot, volume


def estimate(resource: str, current: float | None = 10.0, **fields: Any) -> Estimate:
    values: dict[str, Any] = {
        "resource_id": resource,
        "resource_name": "",
        "description": "It costs money.",
        "action": "Delete it.",
        "cli": "aws …",
        "current": current,
        "recommended": 0.0,
        "label": "BUNDLED",
        "price_as_of": "2026-07-01",
        "risk": "LOW",
    }
    return Estimate(**(values | fields))


def factor(key: str, *results: Result, kind: Kind = "DELETE", number: int = 1, **fields: Any) -> Factor:
    def say(_look: Snapshot, _book: Book) -> Iterable[Result]:
        return results

    values: dict[str, Any] = {
        "key": key,
        "number": number,
        "category": "Cleaner",
        "service": "EC2",
        "kind": kind,
        "title": key,
        "collections": ("ec2.volumes",),
        "estimate": say,
    }
    return Factor(**(values | fields))


def by_factor(found: Iterable[Recommendation]) -> dict[str, str]:
    return {one.factor: one.suppressed_by for one in found}


def test_of_several_findings_of_a_resource_the_most_final_one_is_primary() -> None:
    factors = [
        factor("GRAVITON", estimate("i-1", 90.0), kind="MODERNIZE"),
        factor("IDLE", estimate("i-1", 70.0), kind="STOP"),
        factor("SMALLER", estimate("i-1", 80.0), kind="RIGHTSIZE"),
        factor("SAVINGS_PLAN", estimate("i-1", 99.0), kind="COMMIT"),
    ]
    found = judge(snapshot(), factors, BOOK).recommendations
    assert by_factor(found) == {"GRAVITON": "IDLE", "IDLE": "", "SMALLER": "IDLE", "SAVINGS_PLAN": "IDLE"}


def test_of_two_of_a_kind_the_one_that_saves_more_is_primary_and_an_unknown_price_saves_least() -> None:
    factors = [
        factor("A", estimate("i-1", None), kind="MODERNIZE"),
        factor("B", estimate("i-1", 20.0), kind="MODERNIZE"),
        factor("C", estimate("i-1", 10.0), kind="MODERNIZE"),
    ]
    assert by_factor(judge(snapshot(), factors, BOOK).recommendations) == {"A": "B", "B": "", "C": "B"}


def test_what_saves_less_than_the_least_is_left_out_and_an_unknown_price_is_not() -> None:
    factors = [factor("A", estimate("v-1", 0.99), estimate("v-2", 1.0), estimate("v-3", None))]
    found = {one.resource: one for one in judge(snapshot(), factors, BOOK).recommendations}
    assert set(found) == {"v-2", "v-3"}
    assert found["v-3"].price_label == "UNKNOWN"
    assert found["v-3"].monthly_savings is None
    assert found["v-3"].current_cost is None
    assert judge(snapshot(), factors, BOOK, min_savings={"A": 2.0}).recommendations[0].resource == "v-3"


def test_a_factor_that_could_not_read_what_it_needs_is_not_judged_and_says_why() -> None:
    look = snapshot(gaps={"ec2.volumes": "access denied (ec2:DescribeVolumes)"})
    judged = judge(look, [factor("A", estimate("v-1")), factor("B", estimate("i-1"), collections=())], BOOK)
    assert judged.judged == ("B",)
    assert [(one.factor, one.count, one.reason) for one in judged.undecided] == [
        ("A", 0, "ec2.volumes: access denied (ec2:DescribeVolumes)")
    ]


def test_a_factor_that_wants_metrics_is_not_judged_without_them() -> None:
    wish = series("AWS/EC2", "CPUUtilization", "Maximum", days=14, InstanceId="i-1")
    measured = factor("A", estimate("i-1"), metrics=lambda _look: [wish])
    assert judge(snapshot(gaps={METRICS: "throttled"}), [measured], BOOK).judged == ()
    found = judge(snapshot(), [measured], BOOK).recommendations[0]
    assert found.metadata["window"] == {"from": "2026-07-01T12:00:00Z", "to": "2026-07-15T12:00:00Z"}


def test_data_that_is_not_as_documented_costs_one_factor_and_no_other() -> None:
    def stumble(look: Snapshot, _book: Book) -> Iterable[Result]:
        yield estimate("v-1")
        yield estimate(look.of("ec2.volumes")[0]["Missing"])

    factors = [factor("A", estimate=stumble), factor("B", estimate("v-2"))]
    judged = judge(snapshot({"ec2.volumes": [volume()]}), factors, BOOK)
    assert judged.judged == ("B",)
    assert [one.resource for one in judged.recommendations] == ["v-2"]
    assert judged.undecided[0].reason == "not as expected: KeyError 'Missing'"


def test_undecided_resources_are_counted_with_the_first_reason() -> None:
    factors = [factor("A", Undecided("i-1", "too young"), Undecided("i-2", "no datapoints"))]
    judged = judge(snapshot(), factors, BOOK)
    assert [(one.factor, one.count, one.reason) for one in judged.undecided] == [("A", 2, "too young")]
    assert judged.judged == ("A",)


def test_an_exclusion_tag_holds_though_a_factor_overlooks_it() -> None:
    factors = [factor("A", estimate("v-1", metadata={"tags": {"fieldpost:exclude": "a, other"}}), estimate("v-2"))]
    assert [one.resource for one in judge(snapshot(), factors, BOOK).recommendations] == ["v-2"]


def test_a_factor_of_the_home_region_is_judged_there_alone() -> None:
    at_home = factor("A", estimate("account"), home=True)
    assert judge(snapshot(), [at_home], BOOK, home=False).judged == ()
    assert judge(snapshot(), [at_home], BOOK, home=True).judged == ("A",)


@pytest.mark.parametrize(
    ("known", "resources", "gone"),
    [
        ("A/v-9", [], ("A/v-9",)),
        ("A/v-1", [], ()),
        ("A/v-2", [], ()),
        ("A/v-3", [], ()),
        ("B/v-9", [], ()),
        ("A/v-8", [volume("v-8", tagged={"fieldpost:exclude": "all"})], ()),
        ("A/v-8", [volume("v-8", tagged={"fieldpost:exclude": "other"})], ("A/v-8",)),
    ],
)
def test_gone_is_what_its_factor_was_asked_of_and_no_longer_finds(
    known: str, resources: list[Any], gone: tuple[str, ...]
) -> None:
    factors = [
        factor("A", estimate("v-1"), Undecided("v-2", "too young"), estimate("v-3", 0.1)),
        factor("B", collections=("ec2.images",)),
    ]
    look = snapshot({"ec2.volumes": resources}, gaps={"ec2.images": "access denied"})
    assert judge(look, factors, BOOK, known=[known]).gone == gone


def test_the_evidence_hash_changes_with_size_type_and_a_quarter_of_the_cost_and_with_nothing_else() -> None:
    first = evidence_hash("A", estimate("v-1", 10.0, metadata={"sizeGiB": 100, "ageDays": 40}))
    assert first == evidence_hash("A", estimate("v-1", 10.3, metadata={"sizeGiB": 100, "ageDays": 41}))
    assert first != evidence_hash("A", estimate("v-1", 10.0, metadata={"sizeGiB": 200, "ageDays": 40}))
    assert first != evidence_hash("A", estimate("v-1", 14.0, metadata={"sizeGiB": 100, "ageDays": 40}))
    assert first != evidence_hash("B", estimate("v-1", 10.0, metadata={"sizeGiB": 100, "ageDays": 40}))


def test_metadata_of_any_type_becomes_plain() -> None:
    look = snapshot({"ec2.volumes": [volume()]})
    given = {"createTime": look.at, "zones": {"a"}, "tags": tags_of(volume(tagged={"Name": "x"}))}
    found = judge(look, [factor("A", estimate("v-1", metadata=given))], BOOK).recommendations[0]
    assert found.metadata["createTime"] == "2026-07-15T12:00:00Z"
    assert found.metadata["zones"] == ["a"]
    assert found.metadata["accountId"] == "111122223333"


def test_what_aws_was_not_asked_about_is_not_decided() -> None:
    shots = [ebs_snapshot("snap-1", "vol-1"), ebs_snapshot("snap-2", "vol-2"), ebs_snapshot("snap-3", VolumeSize=1)]
    look = snapshot({"ec2.snapshots": shots})
    cleanup = [catalogue()["SNAPSHOT_CLEANUP"]]
    assert worth(look, cleanup, BOOK, home=False) == {"snap-1": pytest.approx(5.0), "snap-2": pytest.approx(5.0)}
    asked = replace(look, asked={"ec2.snapshot_shares": frozenset({"snap-1"})})
    judged = judge(asked, cleanup, BOOK, known=["SNAPSHOT_CLEANUP/snap-2"])
    assert [one.resource for one in judged.recommendations] == ["snap-1"]
    assert [(one.factor, one.count) for one in judged.undecided] == [("SNAPSHOT_CLEANUP", 1)]
    assert judged.gone == ()


def test_a_cache_and_a_database_of_one_name_are_two_things() -> None:
    cache = factor("CACHE", estimate("shop"), service="ElastiCache")
    database = factor("DATABASE", estimate("shop"), kind="RIGHTSIZE", service="RDS")
    copy = factor("COPY", estimate("shop"), service="RDS", about="RDS snapshot")
    night = factor("NIGHT", estimate("shop", about="RDS"), kind="STOP", service="EC2")
    judged = judge(snapshot(), [cache, database, copy, night], BOOK)
    assert {one.factor: one.suppressed_by for one in judged.recommendations} == {
        "CACHE": "",
        "DATABASE": "NIGHT",
        "COPY": "",
        "NIGHT": "",
    }


def test_what_is_in_the_cost_of_another_resource_gives_way_to_it() -> None:
    machine = factor("MACHINE", estimate("i-1", 30.0, contains=("vol-1",)))
    volume_ = factor("VOLUME", estimate("vol-1", 20.0), estimate("vol-2", 20.0))
    judged = judge(snapshot(), [volume_, machine], BOOK)
    assert {one.resource: one.suppressed_by for one in judged.recommendations} == {
        "vol-1": "MACHINE",
        "vol-2": "",
        "i-1": "",
    }


def test_a_stopped_instance_has_its_volumes_and_addresses_in_its_sum_once() -> None:
    parked = instance(
        State={"Name": "stopped"}, StateTransitionReason=f"User initiated ({ago(40):%Y-%m-%d %H:%M:%S} GMT)"
    )
    address = {"AllocationId": "eipalloc-1", "PublicIp": "203.0.113.7", "InstanceId": "i-1", "AssociationId": "a-1"}
    look = snapshot(
        {
            "ec2.instances": [parked],
            "ec2.volumes": [attached("vol-i-1", VolumeType="gp2", Size=500)],
            "ec2.addresses": [address],
        }
    )
    names = ("UNUSED_EIP_CLEANUP", "STOPPED_EC2_CLEANUP", "EBS_GP2_TO_GP3")
    judged = judge(look, [catalogue()[name] for name in names], BOOK)
    assert {one.factor for one in judged.recommendations} == set(names)
    counted = [one.monthly_savings for one in judged.recommendations if not one.suppressed_by]
    assert counted == [pytest.approx(50.0 + 3.65)]


def test_a_savings_plan_is_advised_for_what_is_left_once_the_others_are_followed() -> None:
    steady = catalogue()["SAVINGS_PLAN_COMPUTE"]
    idle = factor("IDLE", estimate("i-1", 0.096 * 730), kind="STOP")
    smaller = factor("SMALL", estimate("i-2", 0.096 * 730, recommended=0.048 * 730), kind="RIGHTSIZE")
    unpriced = factor("UNKNOWN", estimate("i-3", None))
    look = snapshot({"ec2.instances": [instance(f"i-{number}") for number in range(1, 5)]})
    judged = judge(look, [steady, idle, smaller, unpriced], BOOK)
    (plan,) = [one for one in judged.recommendations if one.factor == steady.key]
    assert plan.current_cost == pytest.approx(1.5 * 0.096 * 730, abs=0.001)
    alone = judge(look, [steady], BOOK).recommendations[0]
    assert alone.current_cost == pytest.approx(4 * 0.096 * 730, abs=0.001)
