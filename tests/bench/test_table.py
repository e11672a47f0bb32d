"""How rows become a table, JSON and an exit code."""

import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import running, table
from tests.bench.running import Bench
from tests.bench.table import Line, Row, Unmeasured

FAST = Row(name="ingest", value=61_234.5, unit="/s", beside="bare inserts", other=122_469.0, key="a", at_least=60_000)
SLOW = Row(name="ack, p99", value=151.2, unit="ms", key="b", at_most=150)
PLAIN = Row(name="bare", value=0.034, unit="s")
NOT_HERE = Unmeasured("a peer", "no package of that name")
BROKEN = Unmeasured("reads", "OSError: full", failed=True)


def test_a_row_is_met_within_its_bar() -> None:
    assert (FAST.met, SLOW.met, PLAIN.met) == (True, False, None)


def test_a_ratio_is_of_the_value_to_what_is_beside_it() -> None:
    assert FAST.ratio == pytest.approx(0.5)
    assert PLAIN.ratio is None


def test_the_table_says_value_floor_ratio_bar_and_verdict() -> None:
    text = table.table([("ingest: records", [FAST, SLOW, PLAIN]), ("reads: lists", [BROKEN, NOT_HERE])])
    rows = {line.strip().split("  ")[0]: line for line in text.splitlines() if line.strip()}
    assert rows["ingest"].split("  ")[-1] == "met"
    assert all(part in rows["ingest"] for part in ("61,234", "122,469", "bare inserts", "0.50", ">= 60,000"))
    assert rows["ack, p99"].split()[-4:] == ["<=", "150", "NOT", "MET"]
    assert rows["bare"].split()[1:] == ["0.034", "s"]
    assert rows["reads"].endswith("failed: OSError: full")
    assert rows["a peer"].endswith("not run: no package of that name")


def test_json_has_the_rows_with_a_key() -> None:
    lines: list[Line] = [FAST, SLOW, PLAIN, BROKEN, NOT_HERE]
    assert table.figures(lines) == {"a": 61234.0, "b": 151.2}
    assert table.missed(lines) == ["b"]
    assert table.failed(lines) == ["reads"]


def test_rows_keep_their_order_between_processes() -> None:
    lines: list[Line] = [FAST, BROKEN, SLOW, NOT_HERE, PLAIN]
    assert running.unpacked(running.packed(lines)) == lines


def test_a_bench_that_fails_is_a_row_that_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running.run_here("no_such_bench", tmp_path / "rows", quick=True)
    assert running.unpacked((tmp_path / "rows").read_bytes()) == [
        Unmeasured("no_such_bench", "ModuleNotFoundError: No module named 'tests.bench.no_such_bench'", failed=True)
    ]
    assert "Traceback" in capsys.readouterr().err


def test_a_bench_that_never_ends_is_ended_and_said() -> None:
    found = running.run(Bench("visits", "never"), quick=True, limit_s=0.05)
    assert found == [Unmeasured("visits", "took too long", failed=True)]


def test_an_unknown_name_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "wrong"])
    assert bench.main() == 2
    assert "`wrong` is not known; expected ingest, reads" in capsys.readouterr().err


def test_every_bench_is_a_module_of_this_folder() -> None:
    assert set(bench.BENCHES) <= {path.stem for path in Path(bench.__file__).parent.glob("*.py")}
