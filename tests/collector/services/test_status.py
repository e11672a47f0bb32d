"""What a service's status follows from, one rule at a time."""

from dataclasses import replace

import pytest

from collector.domain.services.rules import Baseline, Impact, Inputs, OnStale, Pin, ServiceStatus, Work
from collector.domain.services.status import derive
from tests.collector.services.histories import T0, second, span

PLAIN = Inputs(service_id=1, since=T0, fresh=(span(0, 100),))
FULL = Baseline(check="TABLESPACE_USED_PCT", status="partial_outage", span=span(10))
SLOW = Baseline(check="CONNECT_TIME", status="degraded_performance", span=span(5))
INCIDENT = Impact(incident_id=7, title="Down", status="major_outage", span=span(20, 60), public=False)
WORK = Work(maintenance_id=3, title="Patch", span=span(30, 50), excluded=None, suppresses=False, public=False)
PIN = Pin(id=9, status="operational", reason="known", by="ann@example.com", span=span(40, 80))


def with_all() -> Inputs:
    return replace(PLAIN, baselines=(SLOW, FULL), impacts=(INCIDENT,), works=(WORK,), pins=(PIN,))


def test_the_worst_that_is_true_counts() -> None:
    at = {moment: derive(with_all(), second(moment)).status for moment in (0, 5, 10, 20, 39, 40, 79, 80, 99)}
    assert at == {
        0: "operational",
        5: "degraded_performance",
        10: "partial_outage",
        20: "major_outage",
        39: "major_outage",
        40: "operational",  # pinned
        79: "operational",
        80: "partial_outage",
        99: "partial_outage",
    }


def test_reasons_say_all_that_is_true_worst_first_and_the_operator_before_them() -> None:
    derived = derive(with_all(), second(45))
    assert [(one.source, one.id, one.status) for one in derived.reasons] == [
        ("override", 9, "operational"),
        ("incident", 7, "major_outage"),
        ("alert", "TABLESPACE_USED_PCT", "partial_outage"),
        ("alert", "CONNECT_TIME", "degraded_performance"),
        ("maintenance", 3, "under_maintenance"),
    ]
    assert [one.since for one in derived.reasons][:2] == [second(40), second(20)]


def test_work_that_suppresses_hides_what_was_found_but_no_incident() -> None:
    quiet = replace(PLAIN, baselines=(FULL,), works=(replace(WORK, suppresses=True),))
    derived = derive(quiet, second(35))
    assert derived.status == "under_maintenance"
    assert [one.source for one in derived.reasons] == ["maintenance"]
    assert derive(replace(quiet, impacts=(INCIDENT,)), second(35)).status == "major_outage"


def test_work_is_worse_than_nothing_and_better_than_what_was_found() -> None:
    assert derive(replace(PLAIN, works=(WORK,)), second(35)).status == "under_maintenance"
    assert derive(replace(PLAIN, works=(WORK,), baselines=(SLOW,)), second(35)).status == "degraded_performance"


def test_an_incident_without_impact_is_a_reason_and_changes_nothing() -> None:
    derived = derive(replace(PLAIN, impacts=(replace(INCIDENT, status="operational"),)), second(20))
    assert derived.status == "operational"
    assert [one.source for one in derived.reasons] == ["incident"]


def test_everybody_sees_what_is_public() -> None:
    assert derive(with_all(), second(39), "public").status == "operational"
    assert derive(with_all(), second(39), "public").reasons == ()
    told = replace(with_all(), impacts=(replace(INCIDENT, public=True),), works=(replace(WORK, public=True),))
    assert [one.source for one in derive(told, second(39), "public").reasons] == ["incident", "maintenance"]
    assert derive(told, second(45), "public").reasons[0].source == "override"


def test_what_agents_find_is_public_where_the_service_says_so() -> None:
    told = replace(PLAIN, baselines=(FULL,), publish_baseline=True)
    assert derive(told, second(15), "public").status == "partial_outage"
    assert derive(told, second(150), "public").data_state == "stale"
    assert derive(replace(told, publish_baseline=False), second(150), "public").data_state == "fresh"


@pytest.mark.parametrize(
    ("policy", "status"), [("hold", "operational"), ("degraded", "degraded_performance"), ("major", "major_outage")]
)
def test_silence_means_what_the_service_says(policy: OnStale, status: ServiceStatus) -> None:
    silent = replace(PLAIN, on_stale=policy)
    before, after = derive(silent, second(99)), derive(silent, second(100))
    assert (before.status, before.data_state, before.stale_since) == ("operational", "fresh", None)
    assert (after.status, after.data_state, after.stale_since) == (status, "stale", second(100))
    assert [one.source for one in after.reasons] == ([] if policy == "hold" else ["stale"])


def test_silence_never_turns_a_finding_green() -> None:
    assert derive(replace(PLAIN, baselines=(FULL,)), second(500)).status == "partial_outage"


def test_whoever_never_said_anything_has_no_data() -> None:
    silent = replace(PLAIN, fresh=(), on_stale="major")
    assert (derive(silent, T0).status, derive(silent, T0).data_state) == ("operational", "no_data")
    early = derive(replace(PLAIN, on_stale="major"), second(-1))
    assert (early.status, early.data_state) == ("operational", "no_data")


def test_what_nobody_watches_is_as_people_say() -> None:
    assert derive(replace(PLAIN, fresh=None), second(500)).data_state == "fresh"


def test_who_spoke_last_is_right() -> None:
    later = Pin(id=10, status="major_outage", reason="no", by="bob@example.com", span=span(50, 60))
    pinned = replace(PLAIN, pins=(PIN, later))
    assert [derive(pinned, second(moment)).status for moment in (49, 50, 60)] == [
        "operational",
        "major_outage",
        "operational",
    ]
