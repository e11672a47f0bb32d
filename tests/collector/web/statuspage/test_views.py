"""What a page says at first sight, and which months there are."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.services.rules import STATUSES, ServiceStatus
from collector.domain.services.uptime import Strip, Uptime
from collector.domain.statuspage.rules import PublicService
from collector.domain.statuspage.store import Overview
from collector.web.statuspage import views

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def service(name: str, status: ServiceStatus = "operational", group: str = "") -> PublicService:
    return PublicService(name.lower(), name, "", group, status, "fresh")


def strip(*worst: ServiceStatus | None, percent: float | None = 99.5) -> Strip:
    whole = Uptime(
        policy="default",
        began_at=NOW - timedelta(days=len(worst)),
        ended_at=NOW,
        percent=percent,
        coverage=1.0,
        seconds={},
        observed_s=1.0,
        excluded_s=0.0,
        unknown_s=0.0,
    )
    return Strip(worst, whole)


def test_the_banner_says_how_everything_is_and_how_much_of_it() -> None:
    assert views.banner(Overview([], [], [])).text == "No services are shown here yet"
    assert views.banner(Overview([service("Web")], [], [])).text == "All services operational"
    found = views.banner(Overview([service("Web"), service("Mail", "major_outage")], [], []))
    assert found == ("critical", "Major outage", "1 of 2 services affected")


def test_groups_stand_by_name_and_what_has_none_last() -> None:
    found = views.groups(
        [service("A"), service("B", "partial_outage", "Shop"), service("C", group="back office")], {"a": strip(None)}
    )
    assert [(one.title, one.status) for one in found] == [
        ("back office", "operational"),
        ("Shop", "partial_outage"),
        ("", "operational"),
    ]
    assert found[-1].rows[0].bars is not None
    assert found[0].rows[0].bars is None


def test_a_long_list_shows_what_is_wrong_first_and_folds_the_rest() -> None:
    rows = [service(f"S{number:02}", group=f"G{number % 3}") for number in range(views.MANY)]
    found = views.groups([*rows, service("Z", "major_outage", "G2")], {})
    assert [(one.title, one.folded) for one in found] == [("G2", False), ("G0", True), ("G1", True)]
    assert found[0].rows[0].service.name == "Z"
    assert not any(one.folded for one in views.groups(rows, {}))


def test_bars_are_told_in_words() -> None:
    last = date(2026, 11, 22)
    assert views.trouble(strip("operational", None), last) == "2 days up to 2026-11-22: 99.500 % uptime"
    assert views.trouble(strip("major_outage", "partial_outage", "operational"), last) == (
        "3 days up to 2026-11-22: 99.500 % uptime, trouble on 2 days, last on 2026-11-21 (partial outage)"
    )
    assert views.trouble(strip(None, percent=None), last) == "1 day up to 2026-11-22: not observed"


@pytest.mark.parametrize(
    "name", ["", "2026", "2026-13", "2026-00", "2026-12", "2024-11", "26-11", "2026-1", "\uff12\uff10\uff12\uff16-11"]
)
def test_what_is_no_month_of_the_history_is_none(name: str) -> None:
    assert views.month(name, NOW) is None


def test_months_lead_to_their_neighbours_and_not_beyond() -> None:
    latest, oldest = views.month("2026-11", NOW), views.month("2024-12", NOW)
    assert latest is not None
    assert oldest is not None
    assert (latest.title, latest.before, latest.after) == ("November 2026", "2026-10", "")
    assert latest.span == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert (oldest.before, oldest.after) == ("", "2025-01")
    assert [one.name for one in views.months(NOW, 12)][-1] == "2025-12"


@given(st.text())
def test_any_text_is_a_month_or_none(name: str) -> None:
    assert views.month(name, NOW) is None or len(name) == 7


@given(st.lists(st.sampled_from([*STATUSES, None]), min_size=1, max_size=90))
def test_bars_of_any_past_are_drawn(worst: list[ServiceStatus | None]) -> None:
    [group] = views.groups([service("Web")], {"web": strip(*worst)})
    assert str(group.rows[0].bars).startswith("<svg")
