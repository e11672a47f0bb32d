from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aws.readings import MAX_POINTS, MAX_SERIES, Question, questions, take
from agent.aws.snapshot import Series, series

AT = datetime(2026, 7, 15, 12, 34, 56, tzinfo=UTC)


def cpu(number: int, stat: str = "Maximum", *, days: int = 14, period_s: int | None = None) -> Series:
    return series("AWS/EC2", "CPUUtilization", stat, days=days, period_s=period_s, InstanceId=f"i-{number}")


def result(name: str, *points: tuple[datetime, float]) -> dict[str, Any]:
    return {"Id": name, "Timestamps": [moment for moment, _ in points], "Values": [value for _, value in points]}


def named(question: Question, stat: str) -> str:
    return next(name for name, one in question.asked.items() if one.stat == stat)


def test_beside_each_metric_goes_its_count_and_only_once() -> None:
    (question,) = questions([cpu(1), cpu(1, "Average"), cpu(1), cpu(2)], AT)
    asked = [(one.dimensions[0][1], one.stat) for one in question.asked.values()]
    assert sorted(asked) == [
        ("i-1", "Average"),
        ("i-1", "Maximum"),
        ("i-1", "SampleCount"),
        ("i-2", "Maximum"),
        ("i-2", "SampleCount"),
    ]


def test_a_window_is_one_period_that_ends_at_the_last_full_hour() -> None:
    (question,) = questions([cpu(1)], AT)
    assert question.end == datetime(2026, 7, 15, 12, tzinfo=UTC)
    assert question.start == question.end - timedelta(days=14)
    metric: Any = question.queries[0]["MetricStat"]
    assert metric["Period"] == 14 * 86_400
    assert metric["Metric"]["Dimensions"] == [{"Name": "InstanceId", "Value": "i-1"}]


def test_windows_of_different_length_are_different_calls() -> None:
    assert sorted((one.end - one.start).days for one in questions([cpu(1), cpu(1, days=32)], AT)) == [14, 32]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(["Maximum", "Average", "p99.5"]),
            st.sampled_from([1, 14, 28]),
            st.sampled_from([None, 3600]),
        ),
        max_size=700,
    )
)
@settings(max_examples=25, deadline=None)
def test_every_series_is_asked_once_and_a_window_with_its_count_within_the_limits_of_a_call(
    wanted: list[tuple[int, str, int, int | None]],
) -> None:
    every = {cpu(number, stat, days=days, period_s=period) for number, stat, days, period in wanted}
    asked = questions(every, AT)
    found = [one for question in asked for one in question.asked.values() if one.stat != "SampleCount"]
    assert sorted(map(repr, found)) == sorted(map(repr, every))
    for question in asked:
        assert len(question.queries) <= MAX_SERIES
        days = (question.end - question.start).days
        points = sum(days * 86_400 // one.period_s if one.period_s else 1 for one in question.asked.values())
        assert points <= MAX_POINTS
        counted = {one.dimensions for one in question.asked.values() if one.stat == "SampleCount"}
        assert {one.dimensions for one in question.asked.values() if not one.period_s} == counted


def test_a_series_with_a_period_goes_with_a_longer_window_and_is_cut_to_its_own() -> None:
    (question,) = questions([cpu(1, days=14), cpu(2, days=3, period_s=86_400)], AT)
    name = next(name for name, one in question.asked.items() if one.period_s)
    days = [question.end - timedelta(days=days) for days in (4, 3, 1)]
    reading = take(question, [result(name, *((day, 5.0) for day in days))])[cpu(2, days=3, period_s=86_400)]
    assert reading.values == ((days[1], 5.0), (days[2], 5.0))
    assert reading.samples == 2.0


def test_a_window_that_came_in_two_parts_is_put_together_as_its_statistic_allows() -> None:
    earlier, later = AT - timedelta(days=9), AT - timedelta(days=2)
    wanted = [cpu(1, stat) for stat in ("Maximum", "Minimum", "Sum", "Average", "p99")]
    (question,) = questions(wanted, AT)
    answers = [result(named(question, one.stat), (later, 10.0), (earlier, 40.0)) for one in wanted]
    answers.append(result(named(question, "SampleCount"), (later, 300.0), (earlier, 100.0)))
    found = {one.stat: reading for one, reading in take(question, answers).items()}
    assert {stat: reading.value for stat, reading in found.items()} == {
        "Maximum": 40.0,
        "Minimum": 10.0,
        "Sum": 50.0,
        "Average": (10.0 * 300 + 40.0 * 100) / 400,
        "p99": 40.0,
        "SampleCount": 400.0,
    }
    assert found["Maximum"].samples == 400.0


def test_no_datapoint_is_no_reading_and_not_zero() -> None:
    (question,) = questions([cpu(1), cpu(2)], AT)
    answers = [result(name) for name in question.asked if question.asked[name].dimensions[0][1] == "i-1"]
    assert take(question, answers) == {}


def test_an_answer_in_pages_is_put_together_and_a_series_with_a_period_keeps_its_values() -> None:
    (question,) = questions([cpu(1, period_s=3600)], AT)
    name = named(question, "Maximum")
    hours = [AT - timedelta(hours=2), AT - timedelta(hours=1)]
    pages = [result(name, (hours[1], 7.0)), result(name, (hours[0], 3.0))]
    reading = take(question, pages)[cpu(1, period_s=3600)]
    assert reading.values == ((hours[0], 3.0), (hours[1], 7.0))
    assert reading.value == 7.0
