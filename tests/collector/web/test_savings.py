"""What recommendations come to in words and bars, and what becomes of a decision about several."""

from dataclasses import replace

from collector.core.problems import Refusal
from collector.domain.costs import rules
from collector.domain.costs.deciding import Decision, Made
from collector.domain.costs.listing import Counted
from collector.web import deciding, savings
from tests.collector.api.tuner.aws import T0, finding, scan

ROW = rules.found(1, None, scan(finding()), finding())


def test_a_sum_of_unknown_prices_is_unknown() -> None:
    assert savings.amount(Counted(0, 0.0, 0)) == 0.0
    assert savings.amount(Counted(3, 0.0, 3)) is None
    assert savings.amount(Counted(3, 0.0, 2)) == 0.0


def test_the_largest_parts_are_shown_and_the_others_summed_up() -> None:
    counted = {f"{n:02}": Counted(1, float(n), 0) for n in range(12)} | {"x": Counted(2, 0.0, 2)}
    parts = savings.parts(counted, {"11": "Eleven"})
    assert [one.name for one in parts.shown] == ["Eleven", "10", "09", "08", "07", "06", "05", "04"]
    assert (parts.others, parts.others_amount) == (5, 6.0)
    assert 'width="100"' in parts.shown[0].bar


def test_the_price_that_a_figure_rests_on_is_named_with_its_date() -> None:
    assert savings.price(ROW) == "list price, bundled book, 2026-05-01"
    assert savings.price(replace(ROW, price_label="UNKNOWN")) == "price unknown"
    assert savings.price(replace(ROW, price_label="LIVE_LIST", price_as_of="9999-12-31")) == "list price of AWS"


def test_what_became_of_several_is_told_in_a_line() -> None:
    dismissed = replace(ROW, status="DISMISSED")
    made = {
        "a": Made(dismissed),
        "b": Made(dismissed, Refusal("It is DISMISSED")),
        "c": Made(dismissed, Refusal("It is DISMISSED")),
        "d": Made(replace(ROW, ended_at=T0), Refusal("gone")),
        "e": Made(),
    }
    assert deciding.told(made, Decision(status="DISMISSED")) == (
        "1 recommendation dismissed. 2 left as they were: dismissed already."
        " 1 left as it was: no longer found by the last scan, so there is nothing left to decide."
        " 1 left as it was: not there any more."
    )
