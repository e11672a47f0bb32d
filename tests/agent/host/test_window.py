from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.host.checks import CHECKS
from agent.host.window import over
from agent.oracle.catalogue import Sample, Seen
from agent.oracle.judging import Growth
from tests.agent.oracle import builders

BOOT = 1_790_000_000.0
CPU = next(check for check in CHECKS if check.id == "HOST_CPU")


def rounds(steps: list[int], *, seconds: float) -> list[tuple[Growth | str, dict[str, float]]]:
    """A counter that grows by one a second, looked at again and again with the note of the look before."""
    at, found = builders.NOW, []
    note: dict[str, float] = {}
    for step in steps:
        at += timedelta(seconds=step)
        history = [Sample(at - timedelta(seconds=step), note)] if note else []
        base = builders.seen(CPU)
        seen = Seen(facts=base.facts, rows={}, levels=base.levels, now=at, login=base.login, history=history)
        result, note = over(seen, {"c": at.timestamp() - BOOT}, seconds=seconds, boot=BOOT)
        found.append((result, note))
    return found


def test_a_round_every_minute_gives_an_average_after_the_window_and_keeps_few_samples() -> None:
    found = rounds([60] * 60, seconds=900)
    assert all(isinstance(result, str) for result, _ in found[:15])
    assert all(isinstance(result, Growth) for result, _ in found[15:])
    assert max(len(note) for _, note in found) <= 7


@settings(max_examples=50)
@given(st.lists(st.integers(min_value=20, max_value=400), min_size=1, max_size=60))
def test_growth_is_that_of_the_time_it_covers_and_never_over_an_old_sample(steps: list[int]) -> None:
    for result, note in rounds(steps, seconds=900):
        assert "boot" in note
        if isinstance(result, Growth):
            assert 870 <= result.seconds <= 1800
            assert abs(result.of["c"] - result.seconds) <= 1
