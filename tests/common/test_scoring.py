"""The score against the worked examples of the method, and its laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.scoring import POINTS, WEIGHTS, Scored, band, score
from common.wire import Severity, Status


def finding(category: str, severity: Severity = "critical", *, cap: int | None = None, check: str = "X") -> Scored:
    return Scored(check=check, category=category, status=severity, severity=severity, cap=cap)


def good(category: str = "sessions", status: Status = "ok") -> Scored:
    return Scored(check="OK", category=category, status=status, severity="info")


@pytest.mark.parametrize(
    ("outcomes", "raw", "value", "expected_band"),
    [
        pytest.param([finding("redo_logs")], 82.0, 82, "healthy", id="one critical of weight 1"),
        pytest.param([finding("recovery_area", cap=55)], 78.4, 55, "critical", id="a gate alone"),
        pytest.param(
            [finding("redo_logs"), finding("tablespace", "warning"), finding("tablespace", "warning")],
            70.48,
            70,
            "warning",
            id="a critical and two warnings of another category",
        ),
        pytest.param(
            [finding(category, "warning") for category in ("redo_logs", "host", "rac")],
            82.0,
            82,
            "healthy",
            id="three warnings in three categories",
        ),
        pytest.param([finding("backup"), finding("data_guard")], 53.2, 53, "critical", id="two heavy criticals"),
        pytest.param([finding("redo_logs")] * 10, 70.0, 70, "warning", id="ten of a kind are one problem"),
        pytest.param([], 100.0, 100, "healthy", id="nothing"),
    ],
)
def test_the_worked_examples_come_out(outcomes: list[Scored], raw: float, value: int, expected_band: str) -> None:
    result = score(outcomes)
    assert result.raw == pytest.approx(raw)
    assert result.value == value
    assert band(result.value) == expected_band


def test_low_coverage_caps_the_score() -> None:
    result = score([good()] * 6 + [good(status="unknown")] * 4)
    assert result.coverage == pytest.approx(0.6)
    assert result.value == 79
    assert result.caps == (("coverage", 79),)


def test_skipped_checks_do_not_count_against_coverage() -> None:
    assert score([good()] + [good(status="skipped")] * 99).value == 100


def test_a_muted_finding_costs_nothing_and_raises_no_gate() -> None:
    muted = Scored(check="X", category="backup", status="critical", severity="critical", cap=0, muted=True)
    assert score([muted]).value == 100


def test_severity_decides_the_points_and_not_status() -> None:
    held_back = Scored(check="X", category="redo_logs", status="critical", severity="warning")
    assert score([held_back]).value == 94


def test_the_lines_add_up_to_what_was_taken_off() -> None:
    result = score([finding("backup", check="A"), finding("backup", "warning", check="B")])
    assert [(line.check, line.points, line.factor) for line in result.lines] == [("A", 18, 1.0), ("B", 6, 0.6)]
    assert 100 - sum(line.deduction for line in result.lines) == pytest.approx(result.raw)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(100, "healthy"), (80, "healthy"), (79, "warning"), (60, "warning"), (59, "critical"), (0, "critical")],
)
def test_bands_have_the_contracts_borders(value: int, expected: str) -> None:
    assert band(value) == expected


scored = st.builds(
    Scored,
    check=st.sampled_from("ABCDEF"),
    category=st.sampled_from([*WEIGHTS, "own"]),
    status=st.sampled_from(["ok", "info", "warning", "critical", "skipped", "unknown"]),
    severity=st.sampled_from(list(POINTS)),
    cap=st.none() | st.integers(0, 100),
    muted=st.booleans(),
)


@given(st.lists(scored, max_size=30))
def test_the_score_stays_within_its_bounds_whatever_comes(outcomes: list[Scored]) -> None:
    result = score(outcomes)
    assert 0 <= result.value <= 100
    assert 0 <= result.coverage <= 1


@given(st.lists(scored, max_size=20), st.randoms())
def test_the_order_of_outcomes_does_not_matter(outcomes: list[Scored], random: object) -> None:
    shuffled = sorted(outcomes, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert score(shuffled).value == score(outcomes).value


@given(st.lists(scored, max_size=20), st.sampled_from(list(WEIGHTS)))
def test_one_more_critical_finding_never_raises_the_raw_score(outcomes: list[Scored], category: str) -> None:
    assert score([*outcomes, finding(category)]).raw <= score(outcomes).raw + 1e-9
