from datetime import timedelta

import pytest

from agent.power.ordering import Step, order_of, released
from tests.agent.power.builders import at

NOW = at("2026-06-01T08:00:00")
DATABASE = Step(id="db", type="RDS", action="START")
SERVER = Step(id="web", type="EC2", action="START")


def test_databases_start_first_and_stop_last() -> None:
    assert released([SERVER, DATABASE], NOW) == {"db"}
    stops = [Step(id="db", type="RDS", action="STOP"), Step(id="web", type="EC2", action="STOP")]
    assert released(stops, NOW) == {"web"}


def test_the_next_group_follows_when_the_one_before_is_done() -> None:
    done = Step(id="db", type="RDS", action="START", phase="DONE")
    assert released([SERVER, done], NOW) == {"web"}


def test_the_next_group_follows_after_ten_minutes_in_any_case() -> None:
    slow = Step(id="db", type="RDS", action="START", phase="UNDERWAY", since=NOW - timedelta(minutes=9))
    assert released([SERVER, slow], NOW) == set()
    assert released([SERVER, slow], NOW + timedelta(minutes=1)) == {"web"}


def test_the_tag_comes_before_the_type() -> None:
    late = Step(id="db", type="RDS", action="START", order=2)
    early = Step(id="web", type="EC2", action="START", order=1)
    assert released([late, early], NOW) == {"web"}


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("-1", -1), (" 2 ", 2), ("x", None), ("", None), ("99999", None)]
)
def test_the_tag_is_a_whole_number(text: str, number: int | None) -> None:
    assert order_of({"fieldpost:order": text}) == number
    assert order_of({}) == 0
