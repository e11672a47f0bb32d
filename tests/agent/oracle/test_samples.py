"""What the agent remembers of a target: bounded, oldest first, kept across a restart and a clock that jumps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.oracle.samples import Note, Samples

START = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def values(samples: Samples, check: str = "A", connection: str = "k1") -> list[float]:
    return [sample.values["n"] for sample in samples.history(connection, [check]).get(check, [])]


def test_a_counter_keeps_its_newest_sample_alone(tmp_path: Path) -> None:
    with Samples(tmp_path / "s.sqlite") as samples:
        for n in range(3):
            samples.remember("k1", START + timedelta(minutes=n), [Note("A", {"n": n}, 0)])
        assert values(samples) == [2]


def test_a_forecast_keeps_about_one_sample_an_hour_for_as_long_as_it_asks(tmp_path: Path) -> None:
    with Samples(tmp_path / "s.sqlite") as samples:
        for n in range(24 * 6 * 3):  # three days, every ten minutes
            samples.remember("k1", START + timedelta(minutes=10 * n), [Note("A", {"n": n}, 2 * 86_400)])
        kept = samples.history("k1", ["A"])["A"]
        assert 45 <= len(kept) <= 51
        assert kept[-1].values["n"] == 24 * 6 * 3 - 1
        assert kept[-1].at - kept[0].at <= timedelta(days=2)


def test_only_the_samples_of_the_checks_that_are_due_are_read(tmp_path: Path) -> None:
    with Samples(tmp_path / "s.sqlite") as samples:
        samples.remember("k1", START, [Note(name, {"n": 1}, 0) for name in ("A", "B", "C")])
        assert set(samples.history("k1", ["C", "A", "OTHER"])) == {"A", "C"}
        assert not samples.history("k1", [])


def test_samples_survive_a_restart_and_stay_with_their_connection(tmp_path: Path) -> None:
    with Samples(tmp_path / "s.sqlite") as samples:
        samples.remember("k1", START, [Note("A", {"n": 1}, 0)])
    with Samples(tmp_path / "s.sqlite") as samples:
        assert values(samples) == [1]
        assert values(samples, connection="k2") == []
        samples.drop("k1")
        assert values(samples) == []


def test_a_clock_that_jumped_back_leaves_no_sample_in_the_future(tmp_path: Path) -> None:
    with Samples(tmp_path / "s.sqlite") as samples:
        samples.remember("k1", START, [Note("A", {"n": 1}, 86_400)])
        samples.remember("k1", START - timedelta(hours=5), [Note("A", {"n": 2}, 86_400)])
        assert values(samples) == [2]


def test_a_logon_that_was_put_off_stays_put_off_after_a_restart(tmp_path: Path) -> None:
    until = START + timedelta(minutes=15)
    with Samples(tmp_path / "s.sqlite") as samples:
        assert samples.logon_allowed_at("k1") is None
        samples.put_logon_off("k1", until, "ORA-01017: refused")
    with Samples(tmp_path / "s.sqlite") as samples:
        assert samples.logon_allowed_at("k1") == (until, "ORA-01017: refused")
        samples.allow_logon("k1")
        assert samples.logon_allowed_at("k1") is None


def test_a_failed_note_keeps_none_of_the_visit(tmp_path: Path) -> None:
    with Samples(tmp_path / "s.sqlite") as samples:
        samples.remember("k1", START, [Note("A", {"n": 1}, 0)])
        unstorable: dict[str, float] = {"n": object()}  # type: ignore[dict-item]
        with pytest.raises(TypeError):
            samples.remember("k1", START + timedelta(minutes=1), [Note("A", {"n": 2}, 0), Note("B", unstorable, 0)])
        assert values(samples) == [1]
