"""Whoever adds up what the page shows arrives at the score."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.web.oracle.explaining import explain
from common import scoring
from common.scoring import WEIGHTS, Score, Scored
from common.wire import Severity, Status

WORDS: tuple[tuple[Status, Severity], ...] = (
    ("critical", "critical"),
    ("warning", "warning"),
    ("critical", "warning"),
    ("warning", "info"),
    ("ok", "info"),
    ("unknown", "info"),
    ("skipped", "info"),
)


@st.composite
def outcomes(draw: st.DrawFn) -> list[Scored]:
    number = draw(st.integers(0, 25))
    made = []
    for n in range(number):
        status, severity = draw(st.sampled_from(WORDS))
        category = draw(st.sampled_from([*list(WEIGHTS)[:4], "own_checks"]))
        cap = draw(st.sampled_from([None, None, None, 49, 0]))
        made.append(Scored(check=f"CHECK_{n:02}", category=category, status=status, severity=severity, cap=cap))
    return made


def details(score: Score) -> dict[str, object]:
    """As `domain.results.rules` stores them."""
    return {
        "raw": round(score.raw, 2),
        "coverage": round(score.coverage, 4),
        "lines": [[one.check, one.category, one.points, one.factor, one.weight] for one in score.lines],
        "caps": [list(cap) for cap in score.caps],
        "muted": [],
    }


@given(outcomes())
@settings(max_examples=200)
def test_what_is_shown_adds_up_to_the_score(found: list[Scored]) -> None:
    score = scoring.score(found)
    told = explain(details(score), score=score.value, raw_score=score.value, reachable=True)
    left = Decimal(100) - sum((step.taken for step in told.steps), Decimal(0))
    assert left == (told.steps[-1].left if told.steps else Decimal(100))
    assert abs(float(left) - score.raw) <= 0.0051
    lowest = min([left, *(Decimal(limit.cap) for limit in told.limits)])
    assert abs(max(Decimal(0), lowest) - score.value) <= Decimal("0.51")
    assert any(limit.holds for limit in told.limits) == (lowest < left)


def test_a_database_that_cannot_be_reached_has_no_other_reason() -> None:
    told = explain({"lines": [], "caps": [["DB_CONNECT", 0]]}, score=0, raw_score=0, reachable=False)
    assert [limit.text for limit in told.limits if limit.holds] == ["The database cannot be reached"]
    assert told.limits[0].what == "CONNECTION_FAILED"


def test_little_coverage_says_how_much_is_known() -> None:
    told = explain({"lines": [], "caps": [["coverage", 79]], "coverage": 0.415}, score=79, raw_score=79, reachable=True)
    assert told.limits[0].text == "Only 42% of what should be checked is known (less than 70%)"
    assert told.limits[0].holds
